//! SET_VARIABLE: every input is a variable of the workflow.

use super::context::Reader;
use crate::json::Node;
use crate::plan::ExprKind;
use crate::plan::task::{SetVariables, Task};

impl<'a> Reader<'a> {
    pub(super) fn set_variable(&mut self, node: &'a Node) -> Option<Task> {
        let inputs = self.inputs_of(node, "SET_VARIABLE", "each input is a variable")?;
        match self.value(inputs).kind {
            ExprKind::Object(values) => Some(Task::SetVariables(SetVariables { values })),
            _ => None,
        }
    }
}
