//! # ROT216 inverted-condition
//!
//! What it finds: a condition whose branches do the opposite of what its words say: a rotation that stops where it is due, a run that fails where the check succeeded, a script
//! that gives `rollback` where the answer was `verified`, and a loop that ends as soon as something is still pending, or goes on as long as it is
//! done. And a branch whose reason says that something went wrong, and which ends the run as done.
//!
//! ## Why it matters
//!
//! Nothing is rotated when it should be, or what did not work is put to use; and every run that does nothing looks well.
//!
//! ## Fails
//!
//! ```rot
//! secret admin to "api.example.com"
//! secret key { value, id } to "api.example.com"
//!
//! rotation r {
//!   http state GET "https://api.example.com/keys/${secrets.key.id}" {
//!     bearer secrets.admin
//!     public due = body $.rotation_required as bool
//!   }
//!   when state.due {
//!     stop "the key needs no rotation"
//!   }
//!   http mint POST "https://api.example.com/keys" issues additive {
//!     bearer secrets.admin
//!     secret value = body $.value
//!     public id = body $.id
//!   }
//!   stage key { value: mint.value, id: mint.id }
//!   verify { http GET "https://api.example.com/me" { bearer pending.key.value } }
//!   promote key
//!   revoke previous.key after 1d {
//!     http DELETE "https://api.example.com/keys/${previous.key.id}" { bearer secrets.admin }
//!   }
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret admin to "api.example.com"
//! secret key { value, id } to "api.example.com"
//!
//! rotation r {
//!   http state GET "https://api.example.com/keys/${secrets.key.id}" {
//!     bearer secrets.admin
//!     public due = body $.rotation_required as bool
//!   }
//!   when not state.due {
//!     stop "the key needs no rotation"
//!   }
//!   http mint POST "https://api.example.com/keys" issues additive {
//!     bearer secrets.admin
//!     secret value = body $.value
//!     public id = body $.id
//!   }
//!   stage key { value: mint.value, id: mint.id }
//!   verify { http GET "https://api.example.com/me" { bearer pending.key.value } }
//!   promote key
//!   revoke previous.key after 1d {
//!     http DELETE "https://api.example.com/keys/${previous.key.id}" { bearer secrets.admin }
//!   }
//! }
//! ```

use crate::check::context::Context;
use crate::check::intent::revoke::fails;
use crate::check::vocabulary::{is_arrived, is_due, is_good_news, is_on_the_way, words};
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::expr::{Operator, Root};
use crate::plan::task::{CaptureSource, Switch, walk_steps};
use crate::plan::{Expr, ExprKind, Step, Task};
use crate::source::Span;

/// Results of a script, and names of cases, that give up.
const GIVES_UP: [&str; 12] = [
    "rollback", "abort", "revert", "undo", "fail", "failed", "failure", "stop", "reject", "restore", "error", "cancel",
];
/// Those that go on.
const GOES_ON: [&str; 11] = [
    "retire", "promote", "continue", "proceed", "ok", "pass", "passed", "success", "go", "revoke", "finish",
];

/// Words of a reason that say that something went wrong, and those that say that it is looked after, or nothing of the kind.
const WENT_WRONG: [&str; 11] = [
    "could not", "failed", "failure", "cannot", "unable to", "timed out", "aborted", "aborting", "was refused", "was rejected", "is broken",
];
const LOOKED_AFTER: [&str; 22] = [
    "no fail", "not fail", "none failed", "nothing", "skip", "already", "yet", "not due", "not needed", "no need", "later", "again", "retry", "next run", "tomorrow",
    "rolled back", "restored", "kept", "keeping", "partial", "ignored", "some ",
];

/// A branch that says that something went wrong, and ends the run as done.
fn done_though_failed(node: &crate::check::order::Node<'_>, within: bool, out: &mut Vec<Diagnostic>) {
    let Task::Stop(stop) = &node.step.task else { return };
    let Some(reason) = stop.reason.as_ref().filter(|_| within && stop.output.is_none()) else { return };
    let mut said = String::new();
    reason.walk(&mut |part| {
        if let ExprKind::String(text) = &part.kind {
            said.push_str(&text.to_lowercase());
            said.push(' ');
        }
    });
    if !WENT_WRONG.iter().any(|w| said.contains(w)) || LOOKED_AFTER.iter().any(|w| said.contains(w)) {
        return;
    }
    out.push(
        Diagnostic::new(codes::INVERTED_CONDITION, node.step.at.0, "this branch says that something went wrong, and ends the run as done")
            .at("nobody is told")
            .label(reason.at.0, "the reason")
            .help("end it as failed: `fail \"…\"`, in Conductor JSON `\"terminationStatus\": \"FAILED\"`"),
    );
}

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (id, node) in cx.order().iter().filter(|(_, node)| !node.on_failure) {
        let within = cx.order().around(id).any(|up| cx.order().is_choice(up));
        done_though_failed(node, within, out);
    }
    for (_, node) in cx.order().iter() {
        if let Task::Switch(switch) = &node.step.task {
            decision(cx, node.rotation, node.step, switch, out);
        } else if let Task::Repeat(repeat) = &node.step.task {
            ends_on(cx, (node.rotation, repeat.until.at.0), &repeat.until, true, out);
        }
    }
}

/// What is asked, where it is a question of one word: its names, and whether the first branch is that of yes.
struct Question {
    due: bool,
    good: bool,
    yes: bool,
}

fn question<'p>(cx: &Context<'_, 'p>, rotation: usize, subject: &'p Expr) -> Option<Question> {
    let mut expr = cx.meant(rotation, subject);
    let mut yes = true;
    loop {
        match &expr.kind {
            ExprKind::Not(inner) => {
                yes = !yes;
                expr = cx.meant(rotation, inner);
            }
            ExprKind::Binary(operator @ (Operator::Eq | Operator::Same | Operator::Ne | Operator::Different), left, right) => {
                let equal = matches!(operator, Operator::Eq | Operator::Same);
                let (value, other) = if is_literal(left) { (right, left) } else { (left, right) };
                match &other.kind {
                    ExprKind::Bool(truth) => {
                        yes = yes == (*truth == equal);
                        expr = cx.meant(rotation, value);
                    }
                    ExprKind::Number(number) if is_status(cx, rotation, value) => {
                        let good = number.len() == 3 && number.starts_with('2');
                        return good.then_some(Question { due: false, good: true, yes: yes == equal });
                    }
                    _ => return None,
                }
            }
            _ => break,
        }
    }
    let names = names_of(cx, rotation, expr)?;
    let of = |test: fn(&[String]) -> bool| names.iter().any(|name| test(&words(name)));
    let (due, good) = (of(is_due), of(is_good_news));
    (due != good).then_some(Question { due, good, yes })
}

fn is_literal(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Bool(_) | ExprKind::Number(_) | ExprKind::String(_))
}

fn is_status<'p>(cx: &Context<'_, 'p>, rotation: usize, expr: &'p Expr) -> bool {
    let ExprKind::Ref(Root::Capture { step, name }) = &cx.meant(rotation, expr).kind else {
        return false;
    };
    let http = cx.order().find(rotation, step).and_then(|id| cx.http(id));
    http.is_some_and(|http| http.captures.iter().any(|c| c.name == *name && matches!(c.source, CaptureSource::Status)))
}

/// The names of a value: of the capture, and of the place in the answer.
fn names_of<'p>(cx: &Context<'_, 'p>, rotation: usize, expr: &'p Expr) -> Option<Vec<&'p str>> {
    match &expr.kind {
        ExprKind::Ref(Root::Capture { step, name }) => {
            let http = cx.order().find(rotation, step).and_then(|id| cx.http(id));
            let capture = http.and_then(|http| http.captures.iter().find(|c| c.name == *name));
            let path = match capture.map(|c| &c.source) {
                Some(CaptureSource::Body(path)) => path.as_str().rsplit(['.', '\'', '"']).find(|key| !key.is_empty() && *key != "]"),
                _ => None,
            };
            Some(std::iter::once(name.as_str()).chain(path).collect())
        }
        ExprKind::Ref(Root::Input(name)) => Some(vec![name]),
        ExprKind::Field(_, name) => Some(vec![name]),
        ExprKind::Path(_, path) => path.as_str().rsplit(['.', '\'', '"']).find(|key| !key.is_empty() && *key != "]").map(|key| vec![key]),
        _ => None,
    }
}

fn decision<'p>(cx: &Context<'_, 'p>, rotation: usize, step: &'p Step, switch: &'p Switch, out: &mut Vec<Diagnostic>) {
    let [case] = switch.cases.as_slice() else { return };
    if case.name != "true" {
        return;
    }
    let Some(asked) = question(cx, rotation, &switch.subject) else { return };
    let (on_yes, on_no) = if asked.yes { (&case.steps, &switch.otherwise) } else { (&switch.otherwise, &case.steps) };
    // Of what a branch revokes another rule speaks.
    let id = cx.order().find(rotation, &step.name).unwrap_or(usize::MAX);
    if cx.intent.revocations_of(rotation).iter().any(|r| cx.order().is_within(r.step, id)) {
        return;
    }
    let place = if switch.subject.at.0.is_some() { switch.subject.at.0 } else { step.at.0 };
    let message = if asked.due && stops(on_yes) && !acts(on_yes) && !acts(on_no) && !stops(on_no) && is_followed(cx, rotation, step) {
        "the rotation stops where it is due, and goes on where it is not"
    } else if asked.due && on_yes.is_empty() && acts(on_no) && makes(on_no) {
        "the credential is replaced where that is not due, and left where it is"
    } else if asked.good && fails(on_yes) && !fails(on_no) {
        "this fails where the answer is good, and goes on where it is bad"
    } else if asked.good && gives_up(switch, asked.yes) {
        "this gives up where the answer is good, and goes on where it is bad"
    } else {
        return;
    };
    out.push(
        Diagnostic::new(codes::INVERTED_CONDITION, place, message)
            .at("the other way round")
            .help(if cx.plan.dialect.semantics().declares_intent {
                "write `not` before the condition, or exchange the branches"
            } else {
                "exchange the two results, or the branches"
            }),
    );
}

/// Whether a script names a result that gives up where the answer is good, and one that does not where it is bad.
fn gives_up(switch: &Switch, yes: bool) -> bool {
    let Some((first, second)) = &switch.results else { return false };
    let (good, bad) = if yes { (first, second) } else { (second, first) };
    let says = |name: &str, list: &[&str]| words(name).iter().any(|w| list.contains(&w.as_str()));
    says(good, &GIVES_UP) && !says(bad, &GIVES_UP) && says(bad, &GOES_ON)
}

/// Whether these steps end the run as done.
fn stops(steps: &[Step]) -> bool {
    steps.iter().any(|step| matches!(step.task, Task::Stop(_)))
}

fn acts(steps: &[Step]) -> bool {
    let mut acts = false;
    walk_steps(steps, &mut |step| acts |= step.task.acts() && !matches!(step.task, Task::Stop(_) | Task::Fail(_)));
    acts
}

/// Whether these steps make a credential.
fn makes(steps: &[Step]) -> bool {
    let mut makes = false;
    walk_steps(steps, &mut |step| makes |= step.task.write().is_some());
    makes
}

/// Whether a rotation makes a credential behind a step.
fn is_followed(cx: &Context<'_, '_>, rotation: usize, step: &Step) -> bool {
    let Some(id) = cx.order().find(rotation, &step.name) else { return false };
    cx.order().of_rotation(rotation).any(|(later, node)| later > id && node.step.task.write().is_some())
}

/// A loop that ends on a state which something passes through, or on leaving the one that it was to come to.
fn ends_on<'p>(cx: &Context<'_, 'p>, (rotation, around): (usize, Span), expr: &'p Expr, positive: bool, out: &mut Vec<Diagnostic>) {
    // Parts of a script have no place of their own.
    let place = if expr.at.0.is_some() { expr.at.0 } else { around };
    match &expr.kind {
        ExprKind::Not(inner) => ends_on(cx, (rotation, place), inner, !positive, out),
        ExprKind::Binary(Operator::And | Operator::Or, left, right) => {
            ends_on(cx, (rotation, place), left, positive, out);
            ends_on(cx, (rotation, place), right, positive, out);
        }
        ExprKind::Binary(operator, left, right) => {
            let equal = match operator {
                Operator::Eq | Operator::Same => positive,
                Operator::Ne | Operator::Different => !positive,
                _ => return,
            };
            let Some(state) = cx.meant(rotation, left).as_str().or_else(|| cx.meant(rotation, right).as_str()) else { return };
            let message = if equal && is_on_the_way(state) {
                format!("the loop ends as soon as the state is `{state}`, and goes on when that is over")
            } else if !equal && is_arrived(state) {
                format!("the loop goes on as long as the state is `{state}`, and ends while it is not")
            } else {
                return;
            };
            out.push(
                Diagnostic::new(codes::INVERTED_CONDITION, place, message)
                    .at("the other way round")
                    .help("end the loop when the state is the one that is waited for"),
            );
        }
        _ => {}
    }
}
