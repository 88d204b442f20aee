//! SUB_WORKFLOW: another rotation, waited for.

use super::context::Reader;
use super::keys::{field, text_of};
use crate::diagnostic::{Diagnostic, codes};
use crate::json::Node;
use crate::plan::ExprKind;
use crate::plan::task::{Call, Task};

impl<'a> Reader<'a> {
    pub(super) fn sub_workflow(&mut self, node: &'a Node) -> Option<Task> {
        let inputs = field(node, "inputParameters");
        let passed = inputs.and_then(|i| field(i, "workflowInput")).filter(|w| !w.members().is_empty()).or(inputs);
        let values = passed.map(|p| self.value(p));
        let Some(param) = field(node, "subWorkflowParam") else {
            self.missing(node, "subWorkflowParam", "the SUB_WORKFLOW task", "`\"subWorkflowParam\": {\"name\": …}`");
            return None;
        };
        for member in param.members().iter().filter(|m| m.key.text != "workflowDefinition") {
            self.check_references(&member.value);
        }
        let rotation = self.called(param)?;
        let inputs = match values.map(|v| v.kind) {
            Some(ExprKind::Object(members)) => members,
            _ => Vec::new(),
        };
        Some(Task::Call(Call { rotation, inputs, each: None, each_name: None }))
    }

    /// The name of the rotation that is called.
    fn called(&mut self, param: &'a Node) -> Option<String> {
        if let Some(definition) = field(param, "workflowDefinition") {
            if definition.is_object() {
                let name = field(definition, "name").or_else(|| field(param, "name")).and_then(text_of)?;
                if !self.inline.iter().any(|known| std::ptr::eq(*known, definition)) {
                    self.inline.push(definition);
                }
                return Some(name);
            }
            self.unsupported(definition.span, "a definition that is computed at run time is not run here", "write the definition out");
            return None;
        }
        let Some(node) = field(param, "name") else {
            self.missing(param, "name", "`subWorkflowParam`", "name the workflow that is called");
            return None;
        };
        let name = text_of(node)?;
        if name.contains("${") {
            self.unsupported(
                node.span,
                "a sub-workflow that is chosen at run time is not run here",
                "choose between SUB_WORKFLOW tasks with SWITCH",
            );
            return None;
        }
        if self.names.contains(&name) || self.options.other_rotations.contains(&name) {
            return Some(name);
        }
        let known = self.names.iter().chain(self.options.other_rotations.iter().map(String::as_str));
        let near = self.nearest(&name, known).map(|n| format!("did you mean `{n}`?"));
        self.report(Diagnostic::new(codes::IMPORT_NOT_FOUND, node.span, format!("the workflow `{name}` is not in this file")).help(
            near.unwrap_or_else(|| {
                "put both definitions into one array or into files of one folder, or the definition into `workflowDefinition`".to_owned()
            }),
        ));
        None
    }
}
