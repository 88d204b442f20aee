//! FORK_JOIN_DYNAMIC whose branches are known before the run: all are runs of one sub-workflow with inputs that come at
//! run time. Branches that are written out as literals are made ordinary ones before reading (`desugar`). All else would
//! run what nobody has checked, and is refused.

use super::context::Reader;
use super::keys::{field, text_of};
use crate::diagnostic::{Diagnostic, codes};
use crate::json::Node;
use crate::plan::ExprKind;
use crate::plan::task::{Call, Task};

impl<'a> Reader<'a> {
    pub(super) fn fork_join_dynamic(&mut self, node: &'a Node) -> Option<Task> {
        let inputs = field(node, "inputParameters")?;
        let refused = |reader: &mut Self| {
            reader.check_inputs(node);
            let span = field(node, "type").map_or(node.span, |t| t.span);
            reader.unsupported(
                span,
                "the tasks of this fork come into being at run time, where nothing can check them",
                "write the tasks out as a literal list, or run one sub-workflow for each element: `forkTaskWorkflow` with `forkTaskInputs`",
            );
            None
        };
        let workflow = field(inputs, "forkTaskWorkflow").or_else(|| {
            let sub = field(inputs, "forkTaskType").and_then(text_of).as_deref() == Some("SUB_WORKFLOW");
            field(inputs, "forkTaskName").filter(|_| sub)
        });
        let (Some(workflow), Some(list)) = (workflow, field(inputs, "forkTaskInputs")) else { return refused(self) };
        let Some(name) = text_of(workflow).filter(|n| !n.contains("${")) else { return refused(self) };
        if !self.names.contains(&name) && !self.options.other_rotations.contains(&name) {
            let near = self.nearest(&name, self.names.iter().chain(self.options.other_rotations.iter().map(String::as_str)));
            self.report(
                Diagnostic::new(codes::IMPORT_NOT_FOUND, workflow.span, format!("the workflow `{name}` is not in this file")).help(
                    near.map_or_else(
                        || "put both definitions into one array, or into files of one folder".to_owned(),
                        |n| format!("did you mean `{n}`?"),
                    ),
                ),
            );
            return None;
        }
        let each = self.value(list);
        if !matches!(each.kind, ExprKind::List(_) | ExprKind::Ref(_) | ExprKind::Path(..) | ExprKind::Null) {
            self.wrong_type(list, "forkTaskInputs", "a list of inputs");
        }
        Some(Task::Call(Call { rotation: name, inputs: Vec::new(), each: Some(each) }))
    }
}
