//! # ROT205 constant-condition
//!
//! What it finds: a condition that is always true or always false: constants on both sides, the same expression on both sides, a number
//! compared with a text, a text in a case that `lower` or `upper` never gives, comparisons of which one always holds (`a != "x" or a != "y"`) or that never hold together. In scripts of Conductor JSON also `=` in the place of `===`, a loop whose condition holds in every round, a case that
//! the script, or the INLINE task whose result it is, never gives, a status that is strictly compared with a text, and a case without tasks: a server runs the default case for it.
//!
//! ## Why it matters
//!
//! One of the branches never runs. A status is a number: `probe.status == "200"` is never true, and the check that it was meant to be does not
//! happen.
//!
//! ## Fails
//!
//! ```rot
//! rotation r {
//!   when "a" == "b" {
//!     log "never"
//!   }
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! rotation r {
//!   input mode: string = "a"
//!   when input.mode == "b" {
//!     log "sometimes"
//!   }
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, Edit, codes};
use crate::plan::expr::{Function, Operator, Root};
use crate::plan::truth;
use crate::plan::task::CaptureSource;
use crate::plan::{Expr, ExprKind, Task, Type};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    empty_cases(cx, out);
    for (_, node) in cx.order().iter() {
        let is_switch = matches!(node.step.task, Task::Switch(_));
        let Some(condition) = node.step.task.decides() else { continue };
        if matches!(node.step.task, Task::ForEach(_)) {
            continue;
        }
        // A loop with a constant end is the usual way to say "this many rounds".
        if !is_switch && is_constant(cx, node.rotation, condition) {
            continue;
        }
        if is_switch && is_constant(cx, node.rotation, condition) {
            out.push(found(condition, "this condition never changes", "a constant"));
            continue;
        }
        // Of scripts that is said where they are read.
        if !cx.plan.dialect.semantics().script_conditions
            && let Some(part) = truth::constant_part(condition)
        {
            let (always, other) = if part.holds { ("true", "and") } else { ("false", "or") };
            out.push(
                found(part.part, &format!("this condition is always {always}, whatever its values are"), "decides nothing")
                    .help(format!("join the comparisons with `{other}`")),
            );
            continue;
        }
        condition.walk(&mut |expr| {
            let ExprKind::Binary(operator, left, right) = &expr.kind else { return };
            let compares = matches!(operator, Operator::Eq | Operator::Ne | Operator::Same | Operator::Different | Operator::Lt | Operator::Le | Operator::Gt | Operator::Ge);
            if !compares {
                return;
            }
            if is_constant(cx, node.rotation, left) && is_constant(cx, node.rotation, right) {
                out.push(found(expr, "this comparison never changes: both sides are constants", "two constants"));
            } else if let Some(function) = never_of_that_case(cx, node.rotation, left, right).filter(|_| matches!(operator, Operator::Eq | Operator::Ne)) {
                let always = if *operator == Operator::Eq { "false" } else { "true" };
                out.push(
                    found(expr, &format!("this comparison is always {always}: `{function}` never gives this text"), "the other case")
                        .help("write the text as the function gives it"),
                );
            } else if left == right {
                out.push(found(expr, "this comparison never changes: both sides are the same", "compares a value with itself"));
            } else if matches!(operator, Operator::Eq | Operator::Ne)
                && !cx.plan.dialect.semantics().script_conditions
                && number_with_text(cx, node.rotation, left, right)
            {
                let always = if *operator == Operator::Eq { "false" } else { "true" };
                out.push(
                    found(expr, &format!("this comparison is always {always}: a number is never equal to a text"), "number and text")
                        .help("write the number without quotes")
                        .fix_if("remove the quotes", true, [left, right].into_iter().find_map(|side| bare(cx, side))),
                );
            }
        });
    }
}

/// Conductor: for a case without tasks a server runs the default case. Where that ends the workflow as done, what follows never runs, and nobody
/// is told.
fn empty_cases(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if cx.plan.dialect.semantics().declares_intent {
        return;
    }
    for (id, node) in cx.order().iter() {
        let Task::Switch(switch) = &node.step.task else { continue };
        let ends = switch.otherwise.iter().find(|step| matches!(step.task, Task::Stop(_)));
        let followed = || cx.order().of_rotation(node.rotation).any(|(later, _)| later > id && !cx.order().is_within(later, id));
        let Some(ends) = ends.filter(|_| followed()) else { continue };
        for case in switch.cases.iter().filter(|case| case.steps.is_empty()) {
            out.push(
                Diagnostic::new(
                    codes::CONSTANT_CONDITION,
                    if case.at.0.is_some() { case.at.0 } else { node.step.at.0 },
                    format!("the case `{}` has no tasks, so a server runs the default case for it", case.name),
                )
                .at("not skipped")
                .label(ends.at.0, "the workflow ends here, as done")
                .help("put a task into the case that does nothing, such as SET_VARIABLE, or exchange the cases"),
            );
        }
    }
}

fn found(expr: &Expr, message: &str, here: &str) -> Diagnostic {
    Diagnostic::new(codes::CONSTANT_CONDITION, expr.at.0, message)
        .at(here)
        .help("compare with a value that may change, or remove the condition")
}

/// The text as a number, if it reads as one.
fn bare(cx: &Context<'_, '_>, expr: &Expr) -> Option<Vec<Edit>> {
    let text = expr.as_str().filter(|t| t.len() < 16 && !t.starts_with('0') || *t == "0")?;
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let quoted = cx.texts.at(expr.at.0)?.strip_prefix('"')?.strip_suffix('"')? == text;
    (digits && quoted).then(|| vec![Edit { span: expr.at.0, text: text.to_owned() }])
}

fn is_constant<'p>(cx: &Context<'_, 'p>, rotation: usize, expr: &'p Expr) -> bool {
    match &expr.kind {
        // The reader puts null in place of what it could not read, and has said so.
        ExprKind::Null => !cx.plan.dialect.semantics().absent_is_null,
        ExprKind::Bool(_) | ExprKind::Number(_) | ExprKind::String(_) | ExprKind::Duration(_) => true,
        ExprKind::Not(inner) => is_constant(cx, rotation, inner),
        ExprKind::Ref(Root::Let(name)) => cx.let_value(rotation, name).is_some_and(|value| computed(cx, rotation, value, LETS)),
        _ => false,
    }
}

/// How many `let`s are followed.
const LETS: usize = 16;

/// Whether a value is put together from constants alone.
fn computed<'p>(cx: &Context<'_, 'p>, rotation: usize, expr: &'p Expr, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    match &expr.kind {
        ExprKind::Ref(Root::Let(name)) => cx.let_value(rotation, name).is_some_and(|value| computed(cx, rotation, value, depth)),
        ExprKind::Binary(..) | ExprKind::Not(_) | ExprKind::Template(_) => {
            expr.children().into_iter().all(|child| computed(cx, rotation, child, depth))
        }
        ExprKind::Ref(_) => false,
        _ => is_constant(cx, rotation, expr),
    }
}

/// The function that turns one side into one case, where the other side is a text of the other case.
fn never_of_that_case<'p>(cx: &Context<'_, 'p>, rotation: usize, left: &'p Expr, right: &'p Expr) -> Option<&'static str> {
    [(left, right), (right, left)].into_iter().find_map(|(made, text)| {
        let ExprKind::Call(function, _) = &cx.meant(rotation, made).kind else { return None };
        let text = cx.meant(rotation, text).as_str()?;
        let given = match function {
            Function::Lower => text.to_lowercase(),
            Function::Upper => text.to_uppercase(),
            Function::Trim => text.trim().to_owned(),
            _ => return None,
        };
        (given != text).then(|| function.name())
    })
}

fn number_with_text(cx: &Context<'_, '_>, rotation: usize, left: &Expr, right: &Expr) -> bool {
    (is_number(cx, rotation, left) && right.as_str().is_some()) || (left.as_str().is_some() && is_number(cx, rotation, right))
}

fn is_number(cx: &Context<'_, '_>, rotation: usize, expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Number(_) => true,
        ExprKind::Call(function, _) => matches!(function.returns(), Type::Int | Type::Number),
        ExprKind::Ref(Root::Input(name)) => cx
            .plan
            .rotations
            .get(rotation)
            .is_some_and(|r| r.inputs.iter().any(|i| i.name == *name && matches!(i.ty, Type::Int | Type::Number))),
        ExprKind::Ref(Root::Capture { step, name }) => {
            let node = cx.order().find(rotation, step).and_then(|id| cx.order().get(id));
            let Some(Task::Http(http)) = node.map(|n| &n.step.task) else { return false };
            http.captures
                .iter()
                .any(|c| c.name == *name && (matches!(c.ty, Type::Int | Type::Number) || matches!(c.source, CaptureSource::Status)))
        }
        _ => false,
    }
}
