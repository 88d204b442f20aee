//! SET_VARIABLE: every input is a variable of the workflow.

use super::context::Reader;
use crate::json::Node;
use crate::plan::ExprKind;
use crate::plan::name::is_mask;
use crate::plan::task::{SetVariables, Task};

impl<'a> Reader<'a> {
    pub(super) fn set_variable(&mut self, node: &'a Node) -> Option<Task> {
        let inputs = self.inputs_of(node, "SET_VARIABLE", "each input is a variable")?;
        self.check_free_keys(inputs);
        for member in inputs.members().iter().filter(|m| is_mask(&m.key.text)) {
            self.only_orkes(
                member.key.span,
                &format!("`{}`", member.key.text),
                "the values are shown in clear",
            );
        }
        match self.value(inputs).kind {
            ExprKind::Object(values) => Some(Task::SetVariables(SetVariables { values })),
            _ => None,
        }
    }
}
