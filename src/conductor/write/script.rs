//! Conditions → scripts over inputs, in the part of JavaScript that the reader reads.

use super::context::Writer;
use crate::plan::path::Key;
use crate::plan::{Expr, ExprKind, Operator, Root};
use serde_json::{Map, Value};

/// How tightly a piece of a script binds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binds {
    Or,
    And,
    Comparison,
    Operand,
}

/// Whether an expression is a condition that needs a script.
pub(super) fn is_condition(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Not(_))
        || matches!(&expr.kind, ExprKind::Binary(op, ..) if !matches!(op, Operator::Add | Operator::Else))
}

impl<'a> Writer<'a> {
    /// The script of a condition. Values that it compares become inputs, save the results of the steps in `within`.
    pub(super) fn script(
        &mut self,
        expr: &'a Expr,
        inputs: &mut Map<String, Value>,
        within: &[&str],
    ) -> String {
        self.piece(expr, inputs, within).1
    }

    fn at_least(
        &mut self,
        least: Binds,
        expr: &'a Expr,
        inputs: &mut Map<String, Value>,
        within: &[&str],
    ) -> String {
        let (binds, text) = self.piece(expr, inputs, within);
        if binds < least {
            format!("({text})")
        } else {
            text
        }
    }

    fn piece(
        &mut self,
        expr: &'a Expr,
        inputs: &mut Map<String, Value>,
        within: &[&str],
    ) -> (Binds, String) {
        let operand = |text: String| (Binds::Operand, text);
        match &expr.kind {
            ExprKind::Null => operand("null".into()),
            ExprKind::Bool(value) => operand(value.to_string()),
            ExprKind::Number(digits)
                if digits
                    .trim_start_matches('-')
                    .bytes()
                    .all(|b| b.is_ascii_digit() || b == b'.') =>
            {
                operand(digits.clone())
            }
            ExprKind::String(text) if is_quotable(text) => {
                let quote = if text.contains('\'') { '"' } else { '\'' };
                operand(format!("{quote}{text}{quote}"))
            }
            ExprKind::Not(inner) => operand(format!(
                "!{}",
                self.at_least(Binds::Operand, inner, inputs, within)
            )),
            ExprKind::Binary(operator, left, right)
                if !matches!(operator, Operator::Add | Operator::Else) =>
            {
                let (binds, sign) = match operator {
                    Operator::Or => (Binds::Or, "||"),
                    Operator::And => (Binds::And, "&&"),
                    Operator::Same => (Binds::Comparison, "==="),
                    Operator::Different => (Binds::Comparison, "!=="),
                    other => (Binds::Comparison, other.as_str()),
                };
                let (least_left, least_right) = match operator {
                    Operator::Or => (Binds::Or, Binds::And),
                    Operator::And => (Binds::And, Binds::Comparison),
                    _ => (Binds::Operand, Binds::Operand),
                };
                let left = self.at_least(least_left, left, inputs, within);
                let right = self.at_least(least_right, right, inputs, within);
                (binds, format!("{left} {sign} {right}"))
            }
            ExprKind::Ref(Root::Let(name))
                if self
                    .lets
                    .get(name.as_str())
                    .is_some_and(|value| !self.is_computed(value)) =>
            {
                match self.lets.get(name.as_str()).copied() {
                    Some(value) => self.piece(value, inputs, within),
                    None => operand("null".into()),
                }
            }
            _ => operand(
                self.inner(expr, within)
                    .unwrap_or_else(|| self.input(expr, inputs)),
            ),
        }
    }

    /// The result of a step within the loop, by its reference name.
    fn inner(&mut self, expr: &'a Expr, within: &[&str]) -> Option<String> {
        let step = step_of(expr).filter(|s| within.contains(s))?;
        let reference = self.reference(expr)?;
        let own = self.name_of(step)?.to_owned();
        let rest = reference.strip_prefix(&own)?.strip_prefix(".output")?;
        let path =
            crate::conductor::template::path(&format!("x{rest}")).filter(|p| p.tail.is_empty())?;
        let mut text = if is_word(&own) {
            format!("$.{own}")
        } else {
            format!("$['{own}']")
        };
        for step in path.steps.get(1..)? {
            match &step.kind {
                crate::conductor::template::StepKind::Name(name)
                    if !name.contains(['\'', '\\']) =>
                {
                    text.push_str(&format!("['{name}']"))
                }
                crate::conductor::template::StepKind::Index(index) if *index >= 0 => {
                    text.push_str(&format!("[{index}]"))
                }
                _ => return None,
            }
        }
        Some(text)
    }

    /// A value as an input of the task.
    pub(super) fn input(&mut self, expr: &'a Expr, inputs: &mut Map<String, Value>) -> String {
        format!("$.{}", self.input_name(expr, inputs))
    }

    /// The name of the input that holds a value.
    pub(super) fn input_name(&mut self, expr: &'a Expr, inputs: &mut Map<String, Value>) -> String {
        let value = self.value(expr);
        if let Some((name, _)) = inputs.iter().find(|(_, known)| **known == value) {
            return name.clone();
        }
        let base = last_name(expr)
            .filter(|n| is_word(n))
            .unwrap_or("value")
            .to_owned();
        let mut name = base.clone();
        let mut count = 1;
        while inputs.contains_key(&name) || self.taken.contains(&name) {
            count += 1;
            name = format!("{base}{count}");
        }
        inputs.insert(name.clone(), value);
        name
    }
}

/// The step whose result an expression is a part of.
fn step_of(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Ref(Root::Capture { step, .. } | Root::Output(step)) => Some(step),
        ExprKind::Field(inner, _) | ExprKind::Index(inner, _) | ExprKind::Path(inner, _) => {
            step_of(inner)
        }
        _ => None,
    }
}

fn last_name(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Ref(
            Root::Input(name) | Root::Variable(name) | Root::Env(name) | Root::Capture { name, .. },
        ) => Some(name),
        ExprKind::Field(_, name) => Some(name),
        ExprKind::Path(inner, path) => match path.keys()?.last() {
            Some(Key::Name(name)) => path
                .as_str()
                .get(path.as_str().len().checked_sub(name.len())?..)
                .filter(|n| n == name),
            _ => last_name(inner),
        },
        _ => None,
    }
}

/// A name that scripts may write behind a dot.
pub(super) fn is_word(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether a text can stand between quotes in a script without escapes.
fn is_quotable(text: &str) -> bool {
    let both = text.contains('\'') && text.contains('"');
    !both && !text.contains(['\\', '\n', '$'])
}
