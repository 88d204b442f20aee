//! Conditions that hold always, or never, whatever their values are: `a != "x" or a != "y"`.
//!
//! What a condition compares is tried with every value that can make a difference: the constants it is compared with, what lies
//! between, below and above them, and one that is none of them.

use super::expr::{Expr, ExprKind, Operator};

/// Values that are told apart within a condition.
const NAMES: usize = 5;
/// Values tried for one of them.
const VALUES: usize = 24;
/// Combinations of values that are tried; what has more is not judged.
const TRIED: usize = 4096;
/// Parts of a condition that are looked at.
const PARTS: usize = 512;

/// A value that something in a condition may have.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    /// None of the values that are named.
    Other,
}

/// A part of a condition that is the same for all values, and what it says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constant<'e> {
    /// The part.
    pub part: &'e Expr,
    /// Whether it always holds, or never does, with what negates it.
    pub holds: bool,
    /// It is the whole condition.
    pub whole: bool,
}

/// The largest part of a condition, joined of comparisons, that does not depend on its values. Single comparisons are not
/// looked at: what they compare says it all.
#[must_use]
pub fn constant_part(condition: &Expr) -> Option<Constant<'_>> {
    let mut open = vec![(condition, true, false)];
    let mut seen = 0;
    while let Some((part, whole, negated)) = open.pop() {
        seen += 1;
        if seen > PARTS {
            return None;
        }
        match &part.kind {
            ExprKind::Binary(Operator::And | Operator::Or, left, right) => {
                if let Some(holds) = always(part) {
                    return Some(Constant {
                        part,
                        holds: holds != negated,
                        whole,
                    });
                }
                open.push((right, false, negated));
                open.push((left, false, negated));
            }
            ExprKind::Not(inner) => open.push((inner, whole, !negated)),
            _ => {}
        }
    }
    None
}

/// Whether a condition is the same for all values.
fn always(condition: &Expr) -> Option<bool> {
    let mut names = Names::default();
    names.note(condition)?;
    if names.all.is_empty() {
        return None;
    }
    names.settle()?;
    let sizes: Vec<usize> = names.all.iter().map(|n| n.values.len().max(2)).collect();
    let all = sizes
        .iter()
        .try_fold(1_usize, |all, size| all.checked_mul(*size))?;
    if all > TRIED {
        return None;
    }
    let mut found = None;
    for mut number in 0..all {
        let chosen: Vec<usize> = sizes
            .iter()
            .map(|size| {
                let choice = number % size;
                number /= size;
                choice
            })
            .collect();
        let holds = names.eval(condition, &chosen)?;
        if *found.get_or_insert(holds) != holds {
            return None;
        }
    }
    found
}

/// Something that a condition asks about, and the values that make a difference to it. Without any it is true or false.
#[derive(Debug)]
struct Name<'e> {
    expr: &'e Expr,
    values: Vec<Value>,
    /// It is asked whether it is more or less than something, so that it is a number.
    ordered: bool,
}

#[derive(Debug, Default)]
struct Names<'e> {
    all: Vec<Name<'e>>,
}

impl<'e> Names<'e> {
    fn place(&self, expr: &Expr) -> Option<usize> {
        self.all.iter().position(|name| name.expr == expr)
    }

    fn add(&mut self, expr: &'e Expr, values: Vec<Value>, ordered: bool) -> Option<()> {
        let at = match self.place(expr) {
            Some(at) => at,
            None if self.all.len() < NAMES => {
                self.all.push(Name {
                    expr,
                    values: Vec::new(),
                    ordered: false,
                });
                self.all.len() - 1
            }
            None => return None,
        };
        let name = self.all.get_mut(at)?;
        name.ordered |= ordered;
        for value in values {
            if !name.values.contains(&value) {
                name.values.push(value);
            }
        }
        (name.values.len() <= VALUES).then_some(())
    }

    /// What is ordered is a number. Where it is compared with something else as well, nothing is said.
    fn settle(&mut self) -> Option<()> {
        for name in self.all.iter_mut().filter(|name| name.ordered) {
            name.values.retain(|value| *value != Value::Other);
            if !name
                .values
                .iter()
                .all(|value| matches!(value, Value::Number(_)))
            {
                return None;
            }
        }
        Some(())
    }

    /// Notes what is asked about in a condition.
    fn note(&mut self, expr: &'e Expr) -> Option<()> {
        match &expr.kind {
            ExprKind::Bool(_) => Some(()),
            ExprKind::Not(inner) => self.note(inner),
            ExprKind::Binary(Operator::And | Operator::Or, left, right) => {
                self.note(left)?;
                self.note(right)
            }
            _ => match compared(expr) {
                Some(Compared {
                    name,
                    operator,
                    value,
                    ..
                }) => {
                    let ordered = is_ordered(operator);
                    self.add(name, values_around(ordered, &value)?, ordered)
                }
                None => self.add(expr, Vec::new(), false),
            },
        }
    }

    fn eval(&self, expr: &Expr, chosen: &[usize]) -> Option<bool> {
        match &expr.kind {
            ExprKind::Bool(value) => Some(*value),
            ExprKind::Not(inner) => self.eval(inner, chosen).map(|holds| !holds),
            ExprKind::Binary(Operator::And, left, right) => {
                Some(self.eval(left, chosen)? & self.eval(right, chosen)?)
            }
            ExprKind::Binary(Operator::Or, left, right) => {
                Some(self.eval(left, chosen)? | self.eval(right, chosen)?)
            }
            _ => {
                let of = compared(expr);
                let at = self.place(of.as_ref().map_or(expr, |c| c.name))?;
                let (choice, values) = (*chosen.get(at)?, &self.all.get(at)?.values);
                match of {
                    Some(of) => of.holds(values.get(choice)?),
                    // Asked about as it is, and compared with something elsewhere: that is more than is looked at.
                    None if values.is_empty() => Some(choice == 1),
                    None => None,
                }
            }
        }
    }
}

/// A comparison of something with a constant, the constant on the right.
struct Compared<'e> {
    name: &'e Expr,
    operator: Operator,
    value: Value,
}

impl Compared<'_> {
    fn holds(&self, value: &Value) -> Option<bool> {
        let loose = matches!(self.operator, Operator::Eq | Operator::Ne);
        let equal = match (value, &self.value) {
            (Value::Number(a), Value::Number(b)) => a.total_cmp(b).is_eq(),
            (Value::Number(number), Value::Text(text))
            | (Value::Text(text), Value::Number(number)) => {
                loose
                    && text
                        .trim()
                        .parse::<f64>()
                        .is_ok_and(|n| n.total_cmp(number).is_eq())
            }
            (a, b) => a == b,
        };
        let order = match (value, &self.value) {
            (Value::Number(a), Value::Number(b)) => Some(a.total_cmp(b)),
            _ => None,
        };
        Some(match self.operator {
            Operator::Eq | Operator::Same => equal,
            Operator::Ne | Operator::Different => !equal,
            Operator::Lt => order?.is_lt(),
            Operator::Le => order?.is_le(),
            Operator::Gt => order?.is_gt(),
            Operator::Ge => order?.is_ge(),
            _ => return None,
        })
    }
}

fn compared(expr: &Expr) -> Option<Compared<'_>> {
    let ExprKind::Binary(operator, left, right) = &expr.kind else {
        return None;
    };
    let mirrored = match operator {
        Operator::Lt => Operator::Gt,
        Operator::Le => Operator::Ge,
        Operator::Gt => Operator::Lt,
        Operator::Ge => Operator::Le,
        Operator::Eq | Operator::Ne | Operator::Same | Operator::Different => *operator,
        _ => return None,
    };
    match (constant(left), constant(right)) {
        (None, Some(value)) => Some(Compared {
            name: left,
            operator: *operator,
            value,
        }),
        (Some(value), None) => Some(Compared {
            name: right,
            operator: mirrored,
            value,
        }),
        _ => None,
    }
}

fn constant(expr: &Expr) -> Option<Value> {
    match &expr.kind {
        ExprKind::Null => Some(Value::Null),
        ExprKind::Bool(value) => Some(Value::Bool(*value)),
        ExprKind::Number(digits) => digits.parse().ok().map(Value::Number),
        ExprKind::String(text) => Some(Value::Text(text.clone())),
        _ => None,
    }
}

fn is_ordered(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Lt | Operator::Le | Operator::Gt | Operator::Ge
    )
}

/// What makes a difference to a comparison. What is ordered is a number; the order of anything else is not judged.
fn values_around(ordered: bool, value: &Value) -> Option<Vec<Value>> {
    match value {
        Value::Number(number) if ordered => {
            let step = (number.abs() * f64::EPSILON).max(1.0e-6);
            Some(
                [
                    number - 1.0,
                    number - step,
                    *number,
                    number + step,
                    number + 1.0,
                ]
                .map(Value::Number)
                .to_vec(),
            )
        }
        _ if ordered => None,
        value => Some(vec![value.clone(), Value::Other]),
    }
}
