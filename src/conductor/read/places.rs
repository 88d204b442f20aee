//! Places that are not run and may hold no secret (names, events, scripts), and masks that match nothing.

use super::context::Reader;
use super::scope::type_of;
use super::shape::field;
use crate::conductor::{TaskType, template};
use crate::diagnostic::{Code, Diagnostic, Edit, Severity, codes};
use crate::json::{Node, NodeKind};
use crate::plan::name::{MASKS, is_mask};
use crate::plan::task::Task;
use crate::plan::{Expr, ExprKind, Given};
use crate::source::Span;
use std::collections::BTreeSet;

/// Texts about a definition or a task.
const ABOUT: [&str; 12] = [
    "workflowStatusListenerSink",
    "rateLimitConfig",
    "cacheConfig",
    "name",
    "description",
    "taskReferenceName",
    "correlationId",
    "ownerEmail",
    "ownerApp",
    "tags",
    "metadata",
    "idempotencyKey",
];

/// Types that send what they are given to queues and listeners.
const EVENTS: [&str; 3] = ["EVENT", "KAFKA_PUBLISH", "PUBLISH_EVENT"];

/// Types whose result is computed by a script and kept.
const SCRIPTS: [&str; 4] = [
    "INLINE",
    "LAMBDA",
    "JSON_JQ_TRANSFORM",
    "JSON_JQ_TRANSFORM_STRING",
];

/// Inputs that are programs and what a call keeps of its answer: read where they stand.
const EXPRESSIONS: [&str; 4] = [
    "expression",
    "queryExpression",
    "scriptExpression",
    "outputFilter",
];

impl Reader<'_> {
    /// Secrets in names and descriptions, and in what is sent when a state changes.
    pub(super) fn check_about(&mut self, node: &Node) {
        for value in ABOUT.iter().filter_map(|key| field(node, key)) {
            let message = |name: &str| {
                format!("secret `{name}` is part of a text that is stored, indexed and listed")
            };
            self.secret_in(
                value,
                codes::SECRET_IN_NAME,
                message,
                "describe it without the reference",
            );
        }
        if let Some(events) = field(node, "onStateChange") {
            let message =
                |name: &str| format!("secret `{name}` is sent to whoever listens to this state");
            self.secret_in(
                events,
                codes::SECRET_IN_EVENT,
                message,
                "send an id instead",
            );
        }
    }

    /// Secrets in the inputs of a task that is not run here.
    pub(super) fn check_not_run(&mut self, node: &Node, kind: &str) {
        let Some(inputs) = field(node, "inputParameters") else {
            return;
        };
        if EVENTS.contains(&kind) {
            let message = |name: &str| format!("secret `{name}` is sent to a queue or a listener");
            self.secret_in(
                inputs,
                codes::SECRET_IN_EVENT,
                message,
                "send an id instead; let the receiver read the secret",
            );
        } else if SCRIPTS.contains(&kind) {
            let message =
                |name: &str| format!("secret `{name}` goes through a script, whose result is kept");
            let count = self.diagnostics.len();
            self.secret_in(
                inputs,
                codes::SECRET_THROUGH_TASK,
                message,
                "name the secret in the task that needs it",
            );
            // Orkes masks the value where it appears as it is.
            if !self.oss() {
                self.diagnostics
                    .iter_mut()
                    .skip(count)
                    .for_each(|d| d.severity = Severity::Warning);
            }
        }
    }

    /// Fields that a task that is not run here cannot do without.
    pub(super) fn check_needs(&mut self, node: &Node, kind: &str) {
        for needed in TaskType::find(kind).map_or(&[][..], |t| t.needs) {
            let mut place = node;
            for key in *needed {
                match field(place, key) {
                    Some(inner) => place = inner,
                    // What is filled in at run time may hold it.
                    None if !place.is_object() => break,
                    None => {
                        let keys = place.members().iter().map(|m| m.key.text.as_str());
                        let near = self.nearest(key, keys);
                        let help = near.map_or_else(
                            || format!("it needs `{}`", needed.join(".")),
                            |near| format!("`{near}` is nearly it: write `{key}`"),
                        );
                        self.missing(place, key, &format!("the {kind} task"), &help);
                        return;
                    }
                }
            }
        }
    }

    /// Keys of the inputs of any task: near misses of those that hide, and those that hide nothing on the target.
    pub(super) fn check_input_keys(&mut self, node: &Node) {
        if let Some(inputs) = field(node, "inputParameters") {
            // The secret task, and what is kept of an answer, are said to be unknown as a whole.
            let whole = type_of(node) == "UPDATE_SECRET";
            self.check_nested_keys(inputs, whole);
        }
        if let Some(param) = field(node, "subWorkflowParam") {
            self.check_about(param);
        }
    }

    fn check_nested_keys(&mut self, node: &Node, said: bool) {
        self.check_free_keys(node);
        for member in node.members() {
            if !said && is_mask(&member.key.text) && !member.value.is_null() {
                self.only_orkes(
                    member.key.span,
                    &format!("`{}`", member.key.text),
                    "the values are shown in clear",
                );
            }
            self.check_nested_keys(&member.value, said || member.key.text == "outputFilter");
        }
        node.items()
            .iter()
            .for_each(|item| self.check_nested_keys(item, said));
    }

    /// Notes what a task is given where the plan does not use it: a server keeps it with the execution.
    pub(super) fn note_given(&mut self, node: &Node, name: &str, kind: &str, task: Option<&Task>) {
        let used = match task {
            Some(Task::Worker(worker)) => worker.kind.is_some(),
            Some(
                Task::SetVariables(_)
                | Task::Update(_)
                | Task::Call(_)
                | Task::Stop(_)
                | Task::Fail(_),
            ) => true,
            _ => kind == "GET_SIGNED_JWT" || kind == "TERMINATE",
        };
        let Some(inputs) = field(node, "inputParameters").filter(|i| !used && i.is_object()) else {
            return;
        };
        let request = matches!(task, Some(Task::Http(_))) || kind == "HTTP_POLL";
        if request && field(inputs, "http_request").is_none() {
            return;
        }
        let mut refers = false;
        strings(inputs, &mut |text, _| refers |= text.contains("${"));
        if !refers {
            return;
        }
        let order = self.site.order.take();
        let mut members = Vec::new();
        for member in inputs.unique_members() {
            let own = (request && member.key.text == "http_request")
                || EXPRESSIONS.contains(&member.key.text.as_str());
            if !own {
                members.push((member.key.text.clone(), self.value(&member.value)));
            }
        }
        self.site.order = order;
        if members.is_empty() {
            return;
        }
        self.given.push(Given {
            step: name.to_owned(),
            kind: kind.to_owned(),
            value: Expr::new(ExprKind::Object(members), inputs.span),
        });
    }

    fn secret_in(&mut self, node: &Node, code: Code, message: impl Fn(&str) -> String, help: &str) {
        let mut found: Vec<(String, Span)> = Vec::new();
        strings(node, &mut |string, span| {
            let template = template::parse(string, template::Mode::Now);
            for reference in template.references() {
                let inner = string
                    .get(reference.inner_range.clone())
                    .unwrap_or_default();
                if let Some(name) = inner.strip_prefix("workflow.secrets.") {
                    found.push((
                        name.split(['.', '[']).next().unwrap_or_default().to_owned(),
                        span,
                    ));
                } else if MASKS
                    .iter()
                    .any(|mask| inner.split(['.', '[']).any(|step| step == *mask))
                {
                    found.push((inner.to_owned(), span));
                }
            }
        });
        for (name, span) in found {
            self.report(
                Diagnostic::new(code, span, message(&name))
                    .at("refers to the secret")
                    .help(help.to_owned()),
            );
        }
    }

    /// Names of `maskedFields` that no field has, where one is nearly the same.
    pub(super) fn check_masked_fields(&mut self, definition: &Node) {
        let Some(masked) = field(definition, "maskedFields") else {
            return;
        };
        let mut names: BTreeSet<String> = BTreeSet::new();
        for member in definition
            .members()
            .iter()
            .filter(|m| m.key.text != "maskedFields")
        {
            field_names(&member.value, &mut names);
        }
        for item in masked.items() {
            let Some(string) = item.as_string().filter(|s| !names.contains(&s.text)) else {
                continue;
            };
            if let Some(near) = self.nearest(&string.text, names.iter().map(String::as_str)) {
                let edit = Edit {
                    span: string.inner_span(),
                    text: near.clone(),
                };
                self.report(
                    Diagnostic::new(
                        codes::MASKED_FIELDS_NO_MATCH,
                        string.span,
                        format!("no field is named `{}`: this masks nothing", string.text),
                    )
                    .at(format!("nearly `{near}`"))
                    .help(format!("write `{near}`"))
                    .fix(format!("write `{near}`"), true, vec![edit]),
                );
            }
        }
    }
}

/// All keys below a node, and the names within its references.
fn field_names(node: &Node, names: &mut BTreeSet<String>) {
    match &node.kind {
        NodeKind::Array(items) => items.iter().for_each(|item| field_names(item, names)),
        NodeKind::Object(members) => {
            for member in members {
                names.insert(member.key.text.clone());
                field_names(&member.value, names);
            }
        }
        NodeKind::String(string) if string.text.contains("${") => {
            let inner = string
                .text
                .split("${")
                .skip(1)
                .filter_map(|rest| rest.split('}').next());
            names.extend(
                inner
                    .flat_map(|text| text.split(['.', '[', ']', '\'', '"']))
                    .filter(|n| !n.is_empty())
                    .map(str::to_owned),
            );
        }
        _ => {}
    }
}

fn strings(node: &Node, visit: &mut dyn FnMut(&str, Span)) {
    match &node.kind {
        NodeKind::String(string) => visit(&string.text, string.span),
        NodeKind::Array(items) => items.iter().for_each(|item| strings(item, visit)),
        NodeKind::Object(members) => members
            .iter()
            .for_each(|member| strings(&member.value, visit)),
        _ => {}
    }
}
