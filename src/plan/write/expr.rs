//! Expressions.

use super::answer::{chain, source};
use super::rotation::Writer;
use super::text::{key, quoted, secret_name, segment};
use crate::plan::path::Key;
use crate::plan::task::{CaptureSource, Task};
use crate::plan::{Expr, ExprKind, Operator, Root, RunField};
use crate::source::At;
use crate::syntax::encode;

const BY_HAND: &str = "write this part by hand";

impl Writer<'_> {
    /// An expression that stands alone.
    pub(super) fn expr(&mut self, expr: &Expr) -> String {
        match &expr.kind {
            ExprKind::Null => "null".into(),
            ExprKind::Bool(value) => value.to_string(),
            ExprKind::Number(digits) => digits.clone(),
            ExprKind::Duration(value) => value.to_string(),
            ExprKind::String(text) => quoted(text),
            ExprKind::List(items) => {
                let items: Vec<String> = items.iter().map(|i| self.expr(i)).collect();
                format!("[{}]", items.join(", "))
            }
            ExprKind::Object(members) => self.object(members),
            ExprKind::Template(parts) => self.template(parts),
            ExprKind::Call(function, arguments) => {
                let arguments: Vec<String> = arguments.iter().map(|a| self.expr(a)).collect();
                format!("{}({})", function.name(), arguments.join(", "))
            }
            // The printer takes parentheses away that are not needed.
            ExprKind::Binary(operator, left, right) => {
                format!(
                    "{} {} {}",
                    self.operand(left),
                    operator.as_str(),
                    self.operand(right)
                )
            }
            ExprKind::Not(inner) => format!("not {}", self.operand(inner)),
            ExprKind::Reveal { value, reason } => {
                format!("reveal {} because {}", self.operand(value), quoted(reason))
            }
            ExprKind::Ref(_) | ExprKind::Field(..) | ExprKind::Index(..) | ExprKind::Path(..) => {
                self.name(expr)
            }
        }
    }

    fn operand(&mut self, expr: &Expr) -> String {
        let text = self.expr(expr);
        match &expr.kind {
            ExprKind::Binary(..) | ExprKind::Not(_) | ExprKind::Reveal { .. } => {
                format!("({text})")
            }
            _ => text,
        }
    }

    /// `{ key: value }`
    pub(super) fn object(&mut self, members: &[(String, Expr)]) -> String {
        if members.is_empty() {
            return "{ }".into();
        }
        let members: Vec<String> = members
            .iter()
            .map(|(name, value)| format!("{}: {}", key(name), self.expr(value)))
            .collect();
        format!("{{ {} }}", members.join(", "))
    }

    fn template(&mut self, parts: &[Expr]) -> String {
        let mut text = String::from("\"");
        for (index, part) in parts.iter().enumerate() {
            match part.as_str() {
                Some(literal) => text.push_str(&encode(
                    literal,
                    parts.get(index + 1).is_some_and(|p| p.as_str().is_none()),
                )),
                None => text.push_str(&format!("${{{}}}", self.expr(part))),
            }
        }
        text.push('"');
        text
    }

    /// A name and what stands behind it.
    fn name(&mut self, expr: &Expr) -> String {
        let (base, keys) = chain(expr);
        match &base.kind {
            ExprKind::Ref(Root::Output(step)) => self.output(step, &keys, expr.at),
            ExprKind::Ref(Root::Answer) => match self.own.clone() {
                Some(own) => self.output(&own, &keys, expr.at),
                None => self.cannot(
                    expr.at,
                    "the whole answer of a request is no value here",
                    BY_HAND,
                ),
            },
            ExprKind::Ref(Root::Capture { step, name }) => match self.inlined(step, name) {
                Some(value) => {
                    let outer = self.own.replace(step.clone());
                    let text = self.operand(&value);
                    self.own = outer;
                    with(text, &keys)
                }
                None => with(self.root_text(base), &keys),
            },
            ExprKind::Path(inner, path) => {
                match self.many_source(base, inner, self.own.as_deref()) {
                    Some((step, source)) => {
                        match (self.name_of(&step), self.extra_name(&step, &source)) {
                            (Some(name), Some(capture)) => with(format!("{name}.{capture}"), &keys),
                            _ => self.cannot(
                                expr.at,
                                "this part of an answer cannot be captured here",
                                BY_HAND,
                            ),
                        }
                    }
                    None => {
                        let message = format!(
                            "a path that may find several values, `{path}`, is read from an answer only"
                        );
                        self.cannot(expr.at, message, "capture what is wanted in the request: `public ids = body $.items[*].id`")
                    }
                }
            }
            ExprKind::Ref(_) => with(self.root_text(base), &keys),
            _ => with(format!("({})", self.expr(base)), &keys),
        }
    }

    /// A capture that is more than a part of the answer stands where it is used.
    fn inlined(&self, step: &str, name: &str) -> Option<Expr> {
        let capture = self
            .http_of(step)?
            .captures
            .iter()
            .find(|c| c.name == name)?;
        match &capture.source {
            CaptureSource::Expr(value) => Some(value.clone()),
            _ => None,
        }
    }

    fn root_text(&mut self, expr: &Expr) -> String {
        let ExprKind::Ref(root) = &expr.kind else {
            return String::new();
        };
        let at = expr.at;
        match root {
            Root::Secret {
                name,
                field,
                version,
            } => {
                let field = field
                    .iter()
                    .flat_map(|f| f.split('.'))
                    .map(|f| format!(".{}", segment(f)));
                format!(
                    "{}.{}{}",
                    version.root(),
                    secret_name(name),
                    field.collect::<String>()
                )
            }
            Root::Input(name) => format!("input.{}", segment(&self.input_name(name))),
            // Nothing can be passed here that is not declared.
            Root::Inputs => {
                let names = self.rotation.inputs.iter().map(|i| i.name.clone());
                let members: Vec<(String, Expr)> = names
                    .map(|n| (n.clone(), Expr::root(Root::Input(n), at.0)))
                    .collect();
                self.object(&members)
            }
            Root::Let(name) => self.lets.get(name).cloned().unwrap_or_else(|| name.clone()),
            Root::Variable(name) => match self.variables.get(name.as_str()) {
                Some(name) => name.clone(),
                None if self.items.contains(&name.as_str()) => name.clone(),
                None => self.cannot(
                    at,
                    format!("nothing sets the variable `{name}` once and before it is read"),
                    "use `let`",
                ),
            },
            Root::Capture { step, name } => match self.name_of(step) {
                Some(own) => format!("{own}.{}", segment(&self.capture_name(step, name))),
                None => self.cannot(at, format!("`{step}` gives no `{name}`"), BY_HAND),
            },
            Root::TaskField { step, field } => self.cannot(
                at,
                format!("the field `{field}` of the task `{step}` is known to a server only"),
                "use what the step captures",
            ),
            Root::Env(name) => format!("env.{name}"),
            Root::Run(field) if RunField::WORDS.contains(field) => {
                format!("run.{}", field.as_str())
            }
            Root::Run(field) => self.cannot(
                at,
                format!(
                    "the {} of a workflow is known to a server only",
                    field.as_str()
                ),
                BY_HAND,
            ),
            Root::Output(_) | Root::Answer => String::new(),
        }
    }

    /// A part of the output of a task that keeps all of it.
    fn output(&mut self, step: &str, keys: &[Key], at: At) -> String {
        let name = self.name_of(step).map(str::to_owned);
        let Some(task) = self.steps.get(step).map(|s| &s.task) else {
            return self.cannot(
                at,
                format!("the task `{step}` does nothing here, so it has no output"),
                BY_HAND,
            );
        };
        let Some(name) = name.filter(|_| matches!(task, Task::Http(_))) else {
            return self.cannot(
                at,
                format!("the output of `{step}` as a whole is no value in `.rot`"),
                "use what stands in it by name",
            );
        };
        let response = |writer: &Self| -> Option<String> {
            let status = writer.extra_name(step, "status")?;
            let body = writer.extra_name(step, "body $")?;
            Some(format!(
                "{{ statusCode: {name}.{status}, body: {name}.{body} }}"
            ))
        };
        let found = match keys {
            [] => response(self).map(|r| format!("{{ response: {r} }}")),
            [Key::Name(only)] if only == "response" => response(self),
            keys => {
                let source = source(keys);
                source.and_then(|s| {
                    self.extra_name(step, &s)
                        .map(|capture| format!("{name}.{}", segment(capture)))
                })
            }
        };
        if keys.len() < 2 && found.is_some() {
            self.differs(
                at,
                format!("of the answer of `{step}` only status and body are kept, not its headers"),
                "capture what is needed by name",
            );
        }
        found.unwrap_or_else(|| {
            self.cannot(
                at,
                format!("this part of the answer of `{step}` cannot be captured"),
                BY_HAND,
            )
        })
    }
}

/// Members behind a value.
fn with(base: String, keys: &[Key]) -> String {
    keys.iter().fold(base, |text, key| match key {
        Key::Name(name) => format!("{text}.{}", segment(name)),
        Key::Index(index) => format!("{text}[{index}]"),
    })
}

/// The opposite of a condition, in words that read well.
pub(super) fn until(expr: &Expr) -> Expr {
    match &expr.kind {
        ExprKind::Not(inner) => match &inner.kind {
            ExprKind::Not(_)
            | ExprKind::Binary(
                Operator::Eq | Operator::Ne | Operator::Same | Operator::Different,
                ..,
            ) => crate::plan::compare::negated((**inner).clone()),
            _ => expr.clone(),
        },
        _ => expr.clone(),
    }
}
