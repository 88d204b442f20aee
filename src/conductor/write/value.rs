//! Expressions → JSON values with references in them.

use super::context::Writer;
use crate::plan::path::Key;
use crate::plan::task::{CaptureSource, Task};
use crate::plan::{Expr, ExprKind, JsonPath, Root, RunField, Type, Version};
use crate::source::At;
use serde_json::{Map, Value};

const COMPUTED: &str = "compute it where the workflow is started and pass it as an input, or run this rotation with rot";

impl<'a> Writer<'a> {
    /// A value.
    pub(super) fn value(&mut self, expr: &'a Expr) -> Value {
        match &expr.kind {
            ExprKind::Null => Value::Null,
            ExprKind::Bool(value) => Value::Bool(*value),
            ExprKind::Number(digits) => self.number(digits, expr.at),
            ExprKind::String(text) => Value::String(self.literal(text)),
            ExprKind::List(items) => items.iter().map(|item| self.value(item)).collect(),
            ExprKind::Object(members) => {
                let members = members
                    .iter()
                    .map(|(key, value)| (key.clone(), self.value(value)));
                Value::Object(members.collect::<Map<_, _>>())
            }
            ExprKind::Ref(Root::Let(name)) if !self.is_task(name) => {
                match self.lets.get(name.as_str()).copied() {
                    Some(value) => self.value(value),
                    None => Value::Null,
                }
            }
            ExprKind::Field(..) | ExprKind::Index(..) | ExprKind::Path(..)
                if self.member_of_let(expr).is_some() =>
            {
                self.member_of_let(expr)
                    .map_or(Value::Null, |value| self.value(value))
            }
            ExprKind::Reveal { value, .. } => {
                self.revealed(expr.at);
                self.value(value)
            }
            ExprKind::Template(parts) => {
                let mut filled = parts.iter().filter(|part| part.as_str() != Some(""));
                if let (Some(only), None) = (filled.next(), filled.next())
                    && only.as_str().is_none()
                    && self.plan.dialect.semantics().declares_intent
                {
                    self.differs(
                        if only.at.0.is_some() { only.at } else { expr.at },
                        "a text that is one value alone is that value on a server: a number stays a number",
                        "write the value without quotes where its type is meant, or put text beside it",
                    );
                }
                Value::String(self.text(expr))
            }
            _ => self
                .reference(expr)
                .map_or(Value::Null, |r| Value::String(self.braced(expr, &r))),
        }
    }

    /// A value as text: what it is spliced into.
    pub(super) fn text(&mut self, expr: &'a Expr) -> String {
        let mut parts = Vec::new();
        self.parts(expr, &mut parts);
        let mut out = String::new();
        let mut dollar = false;
        for (text, reference) in parts {
            if reference && dollar {
                self.cannot(
                    expr.at,
                    "a `$` before a value reads as an escape on a server",
                    "put another character between them",
                );
            }
            dollar = !reference && text.ends_with('$') || dollar && text.is_empty();
            out.push_str(&text);
        }
        out
    }

    /// The pieces of a text, each with whether it is a reference.
    fn parts(&mut self, expr: &'a Expr, out: &mut Vec<(String, bool)>) {
        match &expr.kind {
            ExprKind::String(text) => out.push((self.literal(text), false)),
            ExprKind::Template(parts) => parts.iter().for_each(|part| self.parts(part, out)),
            ExprKind::Number(text) => out.push((text.clone(), false)),
            ExprKind::Bool(value) => out.push((value.to_string(), false)),
            ExprKind::Null => out.push(("null".into(), false)),
            ExprKind::Ref(Root::Let(name)) if !self.is_task(name) => {
                if let Some(value) = self.lets.get(name.as_str()).copied() {
                    self.parts(value, out);
                }
            }
            ExprKind::Field(..) | ExprKind::Index(..) | ExprKind::Path(..)
                if self.member_of_let(expr).is_some() =>
            {
                if let Some(value) = self.member_of_let(expr) {
                    self.parts(value, out);
                }
            }
            ExprKind::Reveal { value, .. } => {
                self.revealed(expr.at);
                self.parts(value, out);
            }
            _ => {
                if let Some(reference) = self.reference(expr) {
                    out.push((self.braced(expr, &reference), true));
                }
            }
        }
    }

    /// Whether a task of its own gives the value of a `let`.
    fn is_task(&self, name: &str) -> bool {
        self.lets
            .get(name)
            .is_some_and(|value| self.is_computed(value))
            || self.kept_input(name).is_some()
    }

    /// The task whose input a `let` of the reader keeps. Those of other tasks are written in another form, so their values stand for them.
    pub(super) fn kept_input(&self, name: &str) -> Option<&'a str> {
        let step = self
            .let_steps
            .get(name)
            .copied()
            .filter(|step| self.plan.dialect.semantics().is_json && *step != name)?;
        let task = step.strip_prefix("input of ")?;
        let kept = self.steps.get(task).filter(|step| {
            matches!(
                step.task,
                Task::Let(_) | Task::SetVariables(_) | Task::Worker(_)
            )
        })?;
        Some(&kept.name)
    }

    fn number(&mut self, digits: &str, at: At) -> Value {
        match serde_json::from_str::<Value>(digits) {
            Ok(value @ Value::Number(_))
                if value.is_i64() || value.is_u64() || digits.contains(['.', 'e', 'E']) =>
            {
                value
            }
            _ => {
                self.cannot(
                    at,
                    "a server keeps no number of so many digits",
                    "write it as text",
                );
                Value::Null
            }
        }
    }

    /// Literal text with its escapes. What is resolved after the call is unescaped twice.
    pub(super) fn literal(&self, text: &str) -> String {
        text.replace("${", if self.filter.is_some() { "$$${" } else { "$${" })
    }

    fn braced(&self, expr: &Expr, reference: &str) -> String {
        let deferred = self.filter.is_some() && is_answer(expr);
        format!("{}{{{reference}}}", if deferred { "$$" } else { "$" })
    }

    fn revealed(&mut self, at: At) {
        self.loses(at, "why a secret is released as public cannot be expressed; a server masks by where a value stands");
    }

    /// The text between the braces; none (and a finding) where there is none.
    pub(super) fn reference(&mut self, expr: &'a Expr) -> Option<String> {
        match &expr.kind {
            ExprKind::Ref(Root::Let(name)) if self.kept_input(name).is_some() => {
                let task = self.kept_input(name)?;
                self.task_name(task, expr.at)
                    .map(|name| format!("{name}.input"))
            }
            ExprKind::Ref(Root::Let(name)) if self.is_task(name) => {
                let step = self.let_steps.get(name.as_str()).copied()?;
                self.task_name(step, expr.at)
                    .map(|name| format!("{name}.output"))
            }
            ExprKind::Ref(Root::Let(name)) => self
                .lets
                .get(name.as_str())
                .copied()
                .and_then(|value| self.reference(value)),
            ExprKind::Field(..) | ExprKind::Index(..) | ExprKind::Path(..)
                if self.member_of_let(expr).is_some() =>
            {
                self.member_of_let(expr)
                    .and_then(|value| self.reference(value))
            }
            ExprKind::Ref(root) => self.root(root, expr.at),
            ExprKind::Field(inner, name) => self.below(inner, &[Key::Name(name.clone())]),
            ExprKind::Index(inner, index) => self.below(inner, &[Key::Index(*index)]),
            ExprKind::Path(inner, path) => match path.keys() {
                Some(keys) => self.below(inner, &keys),
                None => {
                    let base = self.reference(inner)?;
                    self.tail(path, expr.at).map(|tail| base + &tail)
                }
            },
            ExprKind::Reveal { value, .. } => {
                self.revealed(expr.at);
                self.reference(value)
            }
            ExprKind::Call(function, _) => {
                self.cannot(
                    expr.at,
                    format!("a server does not have the function `{}`", function.name()),
                    COMPUTED,
                );
                None
            }
            ExprKind::Binary(operator, ..) => {
                let message = format!(
                    "a value cannot be computed with `{}` on a server",
                    operator.as_str()
                );
                self.cannot(expr.at, message, COMPUTED);
                None
            }
            ExprKind::Not(_) => {
                self.cannot(
                    expr.at,
                    "a value cannot be computed with `not` on a server",
                    COMPUTED,
                );
                None
            }
            ExprKind::Duration(_) => {
                self.cannot(
                    expr.at,
                    "a length of time is no value on a server",
                    "write its seconds as a number",
                );
                None
            }
            _ => {
                self.cannot(
                    expr.at,
                    "only a name can be referred to on a server",
                    COMPUTED,
                );
                None
            }
        }
    }

    fn below(&mut self, inner: &'a Expr, keys: &[Key]) -> Option<String> {
        let base = self.reference(inner)?;
        let members = self.members(keys, inner.at)?;
        if base.starts_with("workflow.secrets.") && members.contains('[') {
            self.cannot(
                inner.at,
                "a server finds only plain members of a secret",
                "name the members with letters, digits and `_`",
            );
            return None;
        }
        Some(base + &members)
    }

    /// Names and indexes behind a reference.
    pub(super) fn members(&mut self, keys: &[Key], at: At) -> Option<String> {
        let mut text = String::new();
        for key in keys {
            match key {
                Key::Name(name) if is_plain(name) => text.push_str(&format!(".{name}")),
                Key::Name(name) if name.contains(['{', '}', '$']) => {
                    self.cannot(
                        at,
                        format!("`{name}` is not allowed in a reference"),
                        "choose another name",
                    );
                    return None;
                }
                Key::Name(name) => text.push_str(&format!(
                    "['{}']",
                    name.replace('\\', "\\\\").replace('\'', "\\'")
                )),
                Key::Index(index) => text.push_str(&format!("[{index}]")),
            }
        }
        Some(text)
    }

    /// A path that may find several, without its `$`.
    fn tail(&mut self, path: &JsonPath, at: At) -> Option<String> {
        let text = path.as_str();
        let same =
            path.dialect() == crate::plan::path::PathDialect::Conductor || !text.contains('?');
        if same && !text.contains(['{', '}']) {
            return text.strip_prefix('$').map(str::to_owned);
        }
        self.cannot(
            at,
            format!("a server reads the path `{text}` differently"),
            "name the way to the value without a filter",
        );
        None
    }

    fn root(&mut self, root: &'a Root, at: At) -> Option<String> {
        match root {
            Root::Secret {
                name,
                field,
                version: Version::Current,
            } => {
                let field = field.as_ref().map(|f| format!(".{f}")).unwrap_or_default();
                Some(format!("workflow.secrets.{name}{field}"))
            }
            Root::Secret { name, version, .. } => {
                let message = format!(
                    "a server keeps one version of a secret: there is no `{}.{name}`",
                    version.root()
                );
                self.cannot(at, message, "run this rotation with rot");
                None
            }
            Root::Input(name) => self.member("workflow.input", name, at),
            Root::Inputs => Some("workflow.input".into()),
            Root::Env(name) => self.member("workflow.env", name, at),
            Root::Variable(name) => match self.items.iter().rev().find(|(item, _)| item == name) {
                Some((_, reference)) => Some(format!("{reference}.output.loopItem")),
                None => self.member("workflow.variables", name, at),
            },
            Root::Let(_) => None,
            Root::Capture { step, name } => self.capture_reference(step, name, at),
            Root::Output(step) => self
                .task_name(step, at)
                .map(|name| format!("{name}.output")),
            // A task does not refer to itself by its name.
            Root::TaskField { step, field }
                if field == "taskId" && self.current == Some(step.as_str()) =>
            {
                Some("CPEWF_TASK_ID".to_owned())
            }
            Root::TaskField { step, field } => self
                .task_name(step, at)
                .map(|name| format!("{name}.{field}")),
            Root::Run(field) => self.run_field(*field, at),
            Root::Answer => self
                .filter
                .and_then(|step| self.task_name(step, at))
                .map(|name| format!("{name}.output")),
        }
    }

    fn member(&mut self, base: &str, name: &str, at: At) -> Option<String> {
        self.members(&[Key::Name(name.to_owned())], at)
            .map(|m| format!("{base}{m}"))
    }

    fn task_name(&mut self, step: &str, at: At) -> Option<String> {
        let name = self
            .name_of(step)
            .map(str::to_owned)
            .or_else(|| self.is_made(step).then(|| step.to_owned()));
        if name.is_none() {
            self.cannot(
                at,
                format!("the task `{step}` does nothing here, so it is not in the definition"),
                "refer to another task",
            );
        }
        name
    }

    fn run_field(&mut self, field: RunField, at: At) -> Option<String> {
        let text = match field {
            RunField::Id => "workflow.workflowId",
            RunField::Rotation => "workflow.workflowType",
            RunField::Status => "workflow.status",
            RunField::Version => "workflow.version",
            RunField::CorrelationId => "workflow.correlationId",
            RunField::Reason => "workflow.reasonForIncompletion",
            RunField::StartedAt if !self.plan.dialect.semantics().declares_intent => {
                "workflow.createTime"
            }
            RunField::StartedAt | RunField::ScheduledAt | RunField::Now => {
                let message = format!("a server does not give `run.{}` as a time", field.as_str());
                self.cannot(at, message, COMPUTED);
                return None;
            }
        };
        Some(text.into())
    }

    fn capture_reference(&mut self, step: &'a str, name: &str, at: At) -> Option<String> {
        let reference = self.task_name(step, at)?;
        match self.steps.get(step).map(|s| &s.task) {
            Some(Task::Http(http)) => {
                let capture = http.captures.iter().find(|c| c.name == name)?;
                let natural = match capture.source {
                    CaptureSource::Body(_) | CaptureSource::Expr(_) => Type::Any,
                    CaptureSource::Text | CaptureSource::Header(_) => Type::String,
                    CaptureSource::Status => Type::Int,
                };
                if capture.ty != natural && capture.ty != Type::Any {
                    let message = format!(
                        "a server keeps `{name}` as it came, not as {}",
                        capture.ty.describe()
                    );
                    self.cannot(at, message, "use the value as it comes, without `as`");
                    return None;
                }
                let place: Vec<Key> = if self.oss {
                    self.open_place(http, name, at)?
                } else if capture.place.is_empty() {
                    let hidden = capture.secret.then(|| Key::Name("_secrets".into()));
                    hidden
                        .into_iter()
                        .chain([Key::Name(name.to_owned())])
                        .collect()
                } else {
                    capture.place.iter().cloned().map(Key::Name).collect()
                };
                self.members(&place, at)
                    .map(|members| format!("{reference}.output{members}"))
            }
            Some(Task::Call(_) | Task::Worker(_)) => {
                self.member(&format!("{reference}.output"), name, at)
            }
            Some(Task::Manual(_)) if !self.plan.dialect.semantics().declares_intent => {
                self.member(&format!("{reference}.output"), name, at)
            }
            // That the step itself cannot be expressed is said there.
            _ => None,
        }
    }
}

/// Whether a name may stand behind a dot.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn is_answer(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Ref(root) => *root == Root::Answer,
        ExprKind::Field(inner, _) | ExprKind::Index(inner, _) | ExprKind::Path(inner, _) => {
            is_answer(inner)
        }
        _ => false,
    }
}
