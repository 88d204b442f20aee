//! SIMPLE: a task for a worker. Here that is a local program that the settings declare.

use crate::conductor::read::context::Reader;
use crate::conductor::read::shape::{field, number_of, text_of};
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::json::Node;
use crate::plan::schedule::Dur;
use crate::plan::task::{Task, Worker};
use crate::plan::{Expr, ExprKind};

impl<'a> Reader<'a> {
    pub(super) fn simple(&mut self, node: &'a Node) -> Option<Task> {
        let name = field(node, "name")?;
        if !self.declared_worker(name) {
            return self.elsewhere(node, "SIMPLE");
        }
        self.worker(node, &text_of(name)?)
    }

    /// A task for a worker that is declared.
    pub(super) fn worker(&mut self, node: &'a Node, name: &str) -> Option<Task> {
        let input = match field(node, "inputParameters") {
            Some(inputs) => self.value(inputs),
            None => Expr::new(ExprKind::Object(Vec::new()), node.span),
        };
        let definition = field(node, "taskDefinition");
        let bound = ["timeoutSeconds", "responseTimeoutSeconds"]
            .iter()
            .filter_map(|key| {
                definition
                    .and_then(|d| field(d, key))
                    .and_then(number_of)
                    .filter(|s| *s > 0)
            })
            .min();
        Some(Task::Worker(Worker {
            name: name.to_owned(),
            input,
            timeout: bound.map(|s| Dur(s.saturating_mul(1000))),
            kind: None,
        }))
    }

    /// Whether the settings declare a program for a task's name; says so where they do not.
    pub(super) fn declared_worker(&mut self, name: &Node) -> bool {
        let Some(text) = text_of(name) else {
            return false;
        };
        if self.options.workers.contains(&text) {
            return true;
        }
        let near = self.nearest(&text, self.options.workers.iter().map(String::as_str));
        let declare = format!(
            "declare a local program for it in rot.toml: `[workers]`, then `{text} = [\"program\", \"argument\"]`; or call the service directly with an HTTP task"
        );
        let found = Diagnostic::new(
            codes::UNSUPPORTED_TASK,
            name.span,
            format!("the task `{text}` is for a worker, and none is declared for it"),
        )
        .at("a SIMPLE task");
        self.report(match near {
            Some(near) => found
                .help(format!("did you mean `{near}`?"))
                .severity(Severity::Warning)
                .blocking(),
            // Right for a server that has the worker.
            None => found.help(declare).only_elsewhere(),
        });
        false
    }
}
