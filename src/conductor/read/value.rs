//! JSON values → expressions. Only the text of strings is expanded, never a key.

use super::context::Reader;
use crate::conductor::template::{self, Mode, Part};
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::json::{JsonString, Node, NodeKind};
use crate::plan::{Expr, ExprKind, Operator};

impl Reader<'_> {
    /// A value with its references resolved.
    pub(super) fn value(&mut self, node: &Node) -> Expr {
        let value = self.given_value(node);
        match self.fallbacks.get(&node.span) {
            Some(fallback) if value.kind == ExprKind::Null => fallback.clone(),
            Some(fallback) => Expr::new(
                ExprKind::Binary(Operator::Else, Box::new(value), Box::new(fallback.clone())),
                node.span,
            ),
            None => value,
        }
    }

    fn given_value(&mut self, node: &Node) -> Expr {
        let kind = match &node.kind {
            NodeKind::Null => ExprKind::Null,
            NodeKind::Bool(value) => ExprKind::Bool(*value),
            NodeKind::Number(raw) => ExprKind::Number(raw.clone()),
            NodeKind::String(string) => return self.string(string),
            NodeKind::Array(items) => {
                ExprKind::List(items.iter().map(|item| self.value(item)).collect())
            }
            // Of a repeated key the last value holds, as the server reads it.
            NodeKind::Object(_) => {
                self.check_keys_are_texts(node);
                ExprKind::Object(
                    node.unique_members()
                        .into_iter()
                        .map(|m| (m.key.text.clone(), self.value(&m.value)))
                        .collect(),
                )
            }
        };
        Expr::new(kind, node.span)
    }

    /// A key is never expanded: a reference in it goes out as it stands.
    fn check_keys_are_texts(&mut self, node: &Node) {
        for key in node
            .members()
            .iter()
            .map(|m| &m.key)
            .filter(|k| k.text.contains("${"))
        {
            let template = template::parse(&key.text, Mode::Now);
            let inner: Vec<String> = template
                .references()
                .into_iter()
                .filter_map(|r| r.inner.constant())
                .collect();
            if inner.is_empty() {
                continue;
            }
            let secret = inner
                .iter()
                .any(|text| text.starts_with("workflow.secrets.") || text.contains("._secrets."));
            let (code, severity) = if secret {
                (codes::SECRET_AS_KEY, Severity::Error)
            } else {
                (codes::BAD_INTERPOLATION, Severity::Warning)
            };
            self.report(
                Diagnostic::new(
                    code,
                    key.span,
                    "a reference in a key is not filled in: the server leaves it as it stands",
                )
                .at("a key")
                .help("put the value under a key that is written out")
                .severity(severity),
            );
        }
    }

    /// A string: a reference that is all of it keeps its type, else values are spliced into the text.
    pub(super) fn string(&mut self, string: &JsonString) -> Expr {
        self.check_is_closed(string);
        self.check_brackets(string);
        let template = template::parse(&string.text, self.mode());
        if let Some(reference) = template.whole() {
            return self.reference(string, reference);
        }
        if let Some(text) = template.constant() {
            return Expr::new(ExprKind::String(text), string.span);
        }
        let parts = template.parts.iter().map(|part| match part {
            Part::Text(text) => Expr::new(ExprKind::String(text.clone()), string.span),
            Part::Reference(reference) => self.reference(string, reference),
        });
        Expr::new(ExprKind::Template(parts.collect()), string.span)
    }

    /// What is not closed is text. Where it begins as a reference does, that is not what was meant.
    fn check_is_closed(&mut self, string: &JsonString) {
        let Some((start, behind)) = template::unclosed(&string.text, self.mode()) else {
            return;
        };
        let Some((root, _)) = behind.split_once('.') else {
            return;
        };
        if root == "workflow" || self.scope.tasks.contains_key(root) {
            self.report(
                Diagnostic::new(
                    codes::BAD_INTERPOLATION,
                    string.span_of(start, string.text.len()),
                    "this reference is not closed",
                )
                .at("the server leaves it as it stands")
                .help("close it with `}`; `$${` writes a literal `${`"),
            );
        }
    }

    /// A name that references have between brackets that make none, or without them: `$(task.output.x)`, `#{…}`, `{{…}}`, `{…}`, `$workflow.input.x`.
    fn check_brackets(&mut self, string: &JsonString) {
        let text = string.text.as_str();
        let bytes = text.as_bytes();
        for (at, pair) in bytes.windows(2).enumerate() {
            let length = match pair {
                b"$(" | b"$[" | b"#{" | b"%{" | b"{{" => 2,
                b"$ " if bytes.get(at + 2) == Some(&b'{') => 3,
                // `$workflow.input.x`, `{workflow.input.x}`
                [b'$', b'w'] => 1,
                [b'{', next] if next.is_ascii_alphabetic() => {
                    let before = at.checked_sub(1).and_then(|before| bytes.get(before));
                    if before.is_some_and(|b| matches!(b, b'$' | b'#' | b'%' | b'{')) {
                        continue;
                    }
                    1
                }
                _ => continue,
            };
            let behind = text.get(at + length..).unwrap_or_default().trim_start();
            let mut names = behind.split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-'));
            let (Some(root), Some(field)) = (names.next(), names.next()) else {
                continue;
            };
            let dotted = behind.get(root.len()..).is_some_and(|r| r.starts_with('.'));
            let known = match root {
                "workflow" => matches!(field, "input" | "secrets" | "variables" | "output"),
                _ => matches!(field, "output" | "input") && self.scope.tasks.contains_key(root),
            };
            if !dotted || !known {
                continue;
            }
            self.report(
                Diagnostic::new(
                    codes::BAD_INTERPOLATION,
                    string.span_of(at, text.len()),
                    "this is no reference: the text is handed over as it stands",
                )
                .at("between brackets of another kind")
                .help(format!("write `${{{root}.{field}…}}`")),
            );
            return;
        }
    }

    /// A value as it stands, without expanding anything (`inputTemplate`, the input of a request).
    pub(super) fn literal(node: &Node) -> Expr {
        let kind = match &node.kind {
            NodeKind::Null => ExprKind::Null,
            NodeKind::Bool(value) => ExprKind::Bool(*value),
            NodeKind::Number(raw) => ExprKind::Number(raw.clone()),
            NodeKind::String(string) => ExprKind::String(string.text.clone()),
            NodeKind::Array(items) => ExprKind::List(items.iter().map(Self::literal).collect()),
            NodeKind::Object(_) => ExprKind::Object(
                node.unique_members()
                    .into_iter()
                    .map(|m| (m.key.text.clone(), Self::literal(&m.value)))
                    .collect(),
            ),
        };
        Expr::new(kind, node.span)
    }

    /// Resolves what stands in a value for its findings alone.
    pub(super) fn check_references(&mut self, node: &Node) {
        match &node.kind {
            NodeKind::String(string) if string.text.contains("${") => {
                self.string(string);
            }
            NodeKind::Array(items) => items.iter().for_each(|item| self.check_references(item)),
            NodeKind::Object(members) => members
                .iter()
                .for_each(|member| self.check_references(&member.value)),
            _ => {}
        }
    }

    fn mode(&self) -> Mode {
        if self.site.filter {
            Mode::Deferred
        } else {
            Mode::Now
        }
    }
}
