//! TERMINATE: ends the run as done or as failed.

use crate::conductor::read::context::Reader;
use crate::conductor::read::shape::{Kind, field, flag_of, text_of};
use crate::diagnostic::{Diagnostic, codes};
use crate::json::Node;
use crate::plan::Expr;
use crate::plan::task::{Fail, Stop, Task};

const STATUSES: [&str; 3] = ["COMPLETED", "FAILED", "TERMINATED"];

impl<'a> Reader<'a> {
    pub(super) fn terminate(&mut self, node: &'a Node) -> Option<Task> {
        if let Some(optional) = field(node, "optional").filter(|o| flag_of(o) == Some(true)) {
            self.report(
                Diagnostic::new(
                    codes::BAD_VALUE,
                    optional.span,
                    "a TERMINATE task may not be optional",
                )
                .help("remove `optional`"),
            );
        }
        let inputs = self.inputs_of(
            node,
            "TERMINATE",
            "`\"inputParameters\": {\"terminationStatus\": \"COMPLETED\"}`",
        )?;
        self.check_input_kinds(inputs, &[("terminationReason", Kind::Text)]);
        self.check_keys(
            inputs,
            &["terminationStatus", "terminationReason", "workflowOutput"],
            "TERMINATE",
            &[],
        );
        let reason = field(inputs, "terminationReason").map(|r| self.value(r));
        let output = field(inputs, "workflowOutput").map(|o| self.value(o));
        let Some(status_node) = field(inputs, "terminationStatus") else {
            self.missing(
                inputs,
                "terminationStatus",
                "the TERMINATE task",
                "COMPLETED, FAILED or TERMINATED",
            );
            return None;
        };
        let status = text_of(status_node).unwrap_or_default();
        match status.as_str() {
            "COMPLETED" => Some(Task::Stop(Stop { reason, output })),
            "FAILED" | "TERMINATED" => Some(Task::Fail(Fail {
                output,
                message: reason
                    .unwrap_or_else(|| Expr::string("the workflow ended itself as failed")),
            })),
            _ => {
                self.check_references(status_node);
                let near = self
                    .nearest(&status, STATUSES)
                    .map(|n| format!("did you mean `{n}`?"));
                self.report(
                    Diagnostic::new(
                        codes::BAD_VALUE,
                        status_node.span,
                        "`terminationStatus` is COMPLETED, FAILED or TERMINATED, written out",
                    )
                    .help(near.unwrap_or_else(|| {
                        "to decide it at run time, put two TERMINATE tasks into a SWITCH".to_owned()
                    })),
                );
                None
            }
        }
    }
}
