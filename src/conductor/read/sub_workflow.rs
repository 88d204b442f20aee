//! SUB_WORKFLOW: another rotation, waited for.

use super::context::Reader;
use super::keys::{field, number_of, text_of};
use super::kinds::Kind;
use crate::diagnostic::{Diagnostic, Severity, codes, nearest};
use crate::json::Node;
use crate::plan::task::{Call, Task, Worker, walk_steps};
use crate::plan::{Expr, ExprKind, Root};
use crate::source::Span;
use std::collections::HashMap;

/// What a definition is called that has no name; that is reported.
pub(super) const UNNAMED: &str = "unnamed";

impl<'a> Reader<'a> {
    pub(super) fn sub_workflow(&mut self, node: &'a Node) -> Option<Task> {
        let inputs = field(node, "inputParameters");
        let passed = inputs
            .and_then(|i| field(i, "workflowInput"))
            .filter(|w| !w.members().is_empty())
            .or(inputs);
        if let Some(inputs) = inputs {
            self.check_input_kinds(inputs, &[("workflowInput", Kind::Object)]);
        }
        let values = passed.map(|p| self.value(p));
        let Some(param) = field(node, "subWorkflowParam") else {
            self.missing(
                node,
                "subWorkflowParam",
                "the SUB_WORKFLOW task",
                "`\"subWorkflowParam\": {\"name\": …}`",
            );
            return None;
        };
        for member in param
            .members()
            .iter()
            .filter(|m| m.key.text != "workflowDefinition")
        {
            self.check_references(&member.value);
        }
        self.check_kinds(param, super::kinds::SUB_WORKFLOW);
        let Some(rotation) = self.called(param) else {
            let input =
                values.unwrap_or_else(|| Expr::new(ExprKind::Object(Vec::new()), node.span));
            let name = field(param, "name").and_then(text_of).unwrap_or_default();
            return Some(Task::Worker(Worker {
                name,
                input,
                timeout: None,
                kind: Some("SUB_WORKFLOW".to_owned()),
            }));
        };
        let inputs = match values.map(|v| v.kind) {
            Some(ExprKind::Object(members)) => members,
            _ => Vec::new(),
        };
        Some(Task::Call(Call {
            rotation,
            inputs,
            each: None,
            each_name: None,
        }))
    }

    /// Whether what is read of a sub-workflow is what it puts out.
    pub(super) fn check_call_outputs(&mut self) {
        let outputs: HashMap<&str, Vec<&str>> = self
            .rotations
            .iter()
            .map(|r| {
                (
                    r.name.as_str(),
                    r.outputs.iter().map(|o| o.name.as_str()).collect(),
                )
            })
            .collect();
        let mut found = Vec::new();
        for rotation in &self.rotations {
            let mut called: HashMap<&str, &str> = HashMap::new();
            walk_steps(&rotation.steps, &mut |step| {
                if let Task::Call(call) = &step.task
                    && call.each.is_none()
                {
                    called.insert(&step.name, &call.rotation);
                }
            });
            let mut look = |part: &Expr| {
                let ExprKind::Ref(Root::Capture { step, name }) = &part.kind else {
                    return;
                };
                let Some(callee) = called.get(step.as_str()) else {
                    return;
                };
                let Some(known) = outputs
                    .get(callee)
                    .filter(|o| !o.is_empty() && name != "subWorkflowId")
                else {
                    return;
                };
                if !known.contains(&name.as_str()) {
                    found.push((
                        part.at.0,
                        (*callee).to_owned(),
                        name.clone(),
                        nearest(name, known.iter().copied()).map(str::to_owned),
                    ));
                }
            };
            if !called.is_empty() {
                rotation.exprs(&mut |expr| expr.walk(&mut |part| look(part)));
            }
        }
        for (span, callee, name, near) in found {
            let help = near.map_or_else(
                || format!("add it to the `outputParameters` of `{callee}`"),
                |n| format!("did you mean `{n}`?"),
            );
            self.report(
                Diagnostic::new(
                    codes::UNKNOWN_FIELD,
                    span,
                    format!("the workflow `{callee}` puts out no `{name}`"),
                )
                .at("null when this is read")
                .help(help),
            );
        }
    }

    /// Says that a workflow that is called is not there: it may be on the server, unless it is nearly the name of one that is.
    pub(super) fn not_among_the_files(&mut self, span: Span, name: &str, near: Option<String>) {
        let found = Diagnostic::new(
            codes::IMPORT_NOT_FOUND,
            span,
            format!("the workflow `{name}` is not in this file"),
        )
        .not_among_the_files()
        .blocking();
        self.report(match near {
            Some(near) => found.help(format!("did you mean `{near}`?")).severity(Severity::Warning),
            None => found.help("put both definitions into one array or into files of one folder, or the definition into `workflowDefinition`"),
        });
    }

    /// The name of the rotation that is called.
    fn called(&mut self, param: &'a Node) -> Option<String> {
        if let Some(definition) = field(param, "workflowDefinition") {
            if definition.is_object() {
                let name = field(definition, "name")
                    .and_then(text_of)
                    .or_else(|| field(param, "name").and_then(text_of))
                    .unwrap_or_else(|| UNNAMED.to_owned());
                let (rotation, is_first) = self.identities.within(&name, definition);
                if is_first {
                    self.inline.push(definition);
                }
                return Some(rotation);
            }
            self.unsupported(
                definition.span,
                "a definition that is computed at run time is not run here",
                "write the definition out",
            );
            return None;
        }
        let Some(node) = field(param, "name") else {
            self.missing(
                param,
                "name",
                "`subWorkflowParam`",
                "name the workflow that is called",
            );
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
            let version = field(param, "version").and_then(number_of);
            if let Some(version) = self.identities.lacks(&name, version) {
                self.not_among_the_files(
                    node.span,
                    &format!("{name}` of version `{version}"),
                    None,
                );
                return None;
            }
            let rotation = self.identities.version(&name, version).map(str::to_owned);
            return Some(rotation.unwrap_or(name));
        }
        let known = self
            .names
            .iter()
            .chain(self.options.other_rotations.iter().map(String::as_str));
        let near = self.nearest(&name, known);
        self.not_among_the_files(node.span, &name, near);
        None
    }
}
