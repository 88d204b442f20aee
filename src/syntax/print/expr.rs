//! Expressions.

use super::Printer;
use super::layout::{Braces, ELEMENTS, MEMBERS};
use super::text::{encode, is_word};
use crate::source::Span;
use crate::syntax::Operator;
use crate::syntax::ast::{Expr, ExprKind, Member, Part};
use crate::syntax::lower::decode;

/// How tightly what is no binary operator binds.
const REVEAL: u8 = 0;
const OPERAND: u8 = 7;

/// Names behind which a secret's name stands.
const SECRET_ROOTS: [&str; 3] = ["secrets", "pending", "previous"];

impl Printer<'_> {
    /// An expression that stands alone.
    pub(super) fn expr(&mut self, expr: &Expr) {
        self.operand(expr, REVEAL);
    }

    /// An expression in a place that takes what binds as tightly as `least`.
    fn operand(&mut self, expr: &Expr, least: u8) {
        if binding(&expr.kind) < least {
            self.in_parentheses(expr);
            return;
        }
        match &expr.kind {
            ExprKind::Null => self.push("null"),
            ExprKind::Bool(value) => self.push(if *value { "true" } else { "false" }),
            ExprKind::Number(text) => self.push(text),
            ExprKind::Duration(value) => self.time(*value, expr.span),
            ExprKind::String(parts) => self.string(parts),
            ExprKind::List(items) => {
                let brackets = self.list_brackets(expr);
                self.block(&brackets, items, &ELEMENTS, |e| e.span, |p, e| p.expr(e));
            }
            ExprKind::Object(members) => {
                let brackets = self.list_brackets(expr);
                self.members(&brackets, members);
            }
            ExprKind::Path(names) => {
                for (index, name) in names.iter().enumerate() {
                    if index == 0 {
                        self.push(&name.text);
                    } else {
                        self.push(".");
                        let of_secret = index == 1
                            && names
                                .first()
                                .is_some_and(|root| SECRET_ROOTS.contains(&root.text.as_str()));
                        if of_secret {
                            self.secret_name(name)
                        } else {
                            self.segment(name)
                        }
                    }
                }
            }
            ExprKind::Index(base, key) => self.index(base, key),
            ExprKind::Call(name, arguments) => {
                self.push(&name.text);
                self.push("(");
                for (index, argument) in arguments.iter().enumerate() {
                    if index > 0 {
                        self.push(", ");
                    }
                    self.expr(argument);
                }
                self.push(")");
            }
            ExprKind::Binary(left, operator, right) => {
                let binds = operator.operator.precedence();
                self.operand(
                    left,
                    if operator.operator.compares() {
                        binds + 1
                    } else {
                        binds
                    },
                );
                self.push(&format!(" {} ", operator.operator.as_str()));
                self.operand(right, binds + 1);
            }
            ExprKind::Not(inner) => {
                self.push("not ");
                self.operand(inner, Operator::NOT);
            }
            ExprKind::Reveal(inner, reason) => {
                self.push("reveal ");
                self.operand(inner, REVEAL + 1);
                if let Some(reason) = reason {
                    self.push(" because ");
                    self.quoted(reason);
                }
            }
            ExprKind::Error => {
                let text = self.written(expr.span).to_owned();
                self.push(&text);
            }
        }
    }

    /// An expression where `word` at its start would be taken for a keyword.
    pub(super) fn expr_but(&mut self, word: &str, expr: &Expr) {
        if first_word(expr) == Some(word) {
            self.in_parentheses(expr)
        } else {
            self.expr(expr)
        }
    }

    pub(super) fn in_parentheses(&mut self, expr: &Expr) {
        self.push("(");
        self.expr(expr);
        self.push(")");
    }

    /// The brackets of a list or object; parentheses around it belong to its place and are skipped.
    fn list_brackets(&self, expr: &Expr) -> Braces {
        let mut span = expr.span;
        let text = self.written(span);
        let inner = text.trim_matches(|c: char| c == '(' || c == ')' || c.is_ascii_whitespace());
        if let Some(at) = text.find(inner).filter(|_| !inner.is_empty()) {
            span = Span::new(
                span.file,
                span.start as usize + at,
                span.start as usize + at + inner.len(),
            );
        }
        self.brackets(span)
    }

    /// `{ key: value }`
    pub(super) fn members(&mut self, braces: &Braces, members: &[Member]) {
        let span = |m: &Member| m.key.span.to(m.value.span);
        self.block(braces, members, &MEMBERS, span, |p, member| {
            p.ident(&member.key);
            p.push(": ");
            p.expr(&member.value);
        });
    }

    fn index(&mut self, base: &Expr, key: &Expr) {
        let bare = matches!(
            base.kind,
            ExprKind::Null | ExprKind::Bool(_) | ExprKind::Number(_) | ExprKind::Duration(_)
        );
        if bare {
            self.in_parentheses(base);
        } else {
            self.operand(base, OPERAND);
        }
        match &key.kind {
            ExprKind::String(parts) if !matches!(base.kind, ExprKind::Path(_)) => {
                if let [Part::Text(text, _)] = parts.as_slice()
                    && is_word(text, true, false)
                {
                    self.push(".");
                    self.push(text);
                    return;
                }
            }
            _ => {}
        }
        self.push("[");
        self.expr(key);
        self.push("]");
    }

    fn string(&mut self, parts: &[Part]) {
        self.push("\"");
        for (index, part) in parts.iter().enumerate() {
            match part {
                Part::Text(text, span) => {
                    let written = self.written(*span);
                    let (value, faults) = decode(written);
                    let kept = faults.is_empty() && value == *text && !text.is_empty();
                    let followed = matches!(parts.get(index + 1), Some(Part::Expr(_)));
                    let text = if kept {
                        written.to_owned()
                    } else {
                        encode(text, followed)
                    };
                    self.push(&text);
                }
                Part::Expr(inner) => {
                    // A string ends on its line.
                    let flat = std::mem::replace(&mut self.flat, true);
                    self.push("${");
                    self.expr(inner);
                    self.push("}");
                    self.flat = flat;
                }
            }
        }
        self.push("\"");
    }
}

/// How tightly an expression holds together.
fn binding(kind: &ExprKind) -> u8 {
    match kind {
        ExprKind::Reveal(..) => REVEAL,
        ExprKind::Binary(_, operator, _) => operator.operator.precedence(),
        ExprKind::Not(_) => Operator::NOT,
        _ => OPERAND,
    }
}

/// The word with which an expression begins, when it is a name that stands alone or a call.
pub(super) fn first_word(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Path(names) => names
            .first()
            .filter(|_| names.len() == 1)
            .map(|n| n.text.as_str()),
        ExprKind::Call(name, _) => Some(&name.text),
        ExprKind::Index(base, _) => first_word(base),
        ExprKind::Binary(left, operator, _) => {
            let parenthesised = binding(&left.kind) < operator.operator.precedence();
            first_word(left).filter(|_| !parenthesised)
        }
        _ => None,
    }
}

/// Whether an expression begins with a quote.
pub(super) fn begins_with_quote(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::String(_) => true,
        ExprKind::Index(base, _) | ExprKind::Binary(base, ..) => begins_with_quote(base),
        _ => false,
    }
}
