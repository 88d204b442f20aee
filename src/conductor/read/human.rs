//! HUMAN: a step that a person does. It is read as `manual`: the person answers with an object, which is the
//! output, or with a text, which is a secret.

use super::context::Reader;
use super::keys::{field, text_of};
use crate::json::Node;
use crate::plan::task::{Manual, Task};
use crate::plan::{Expr, ExprKind};

impl<'a> Reader<'a> {
    pub(super) fn human(&mut self, node: &'a Node) -> Option<Task> {
        self.check_inputs(node);
        let own = field(node, "inputParameters")
            .and_then(|i| field(i, "instructions").or_else(|| field(i, "message")));
        let instructions = match own.or_else(|| field(node, "description")) {
            Some(text) => self.value(text),
            None => {
                let name = field(node, "name").and_then(text_of).unwrap_or_default();
                Expr::new(
                    ExprKind::String(format!(
                        "do the task `{name}`, then enter the value that came of it"
                    )),
                    node.span,
                )
            }
        };
        Some(Task::Manual(Manual {
            instructions,
            verify: Vec::new(),
        }))
    }
}
