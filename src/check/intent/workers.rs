//! What workers do, as far as their names say it. A server knows no more of them than that and what they are given.

use super::keep::words;
use super::trial::is_a_check;
use crate::check::context::Context;
use crate::diagnostic::{Confidence, Diagnostic, Severity, codes};
use crate::plan::task::lifecycle::NewValue;
use crate::plan::{Expr, ExprKind, Task};

/// Words of a worker that has something made by somebody else, and of one that may as well make it itself.
const CREATES: [&str; 5] = ["create", "issue", "mint", "provision", "request"];
const GENERATES: [&str; 3] = ["generate", "new", "make"];
/// Words of one that ends a life.
const ENDS: [&str; 10] = [
    "deactivate",
    "disable",
    "revoke",
    "delete",
    "remove",
    "destroy",
    "expire",
    "invalidate",
    "retire",
    "suspend",
];
/// Words of one that gives a server a value.
const SETS: [&str; 9] = [
    "set", "change", "update", "alter", "apply", "put", "reset", "rotate", "assign",
];
/// Words of one that tries a credential, beside those of [`is_a_check`].
const TRIES: [&str; 6] = [
    "login",
    "connect",
    "ping",
    "selftest",
    "authenticate",
    "bind",
];
/// Words of the slot that is not in use.
const IDLE: [&str; 6] = ["idle", "standby", "spare", "inactive", "unused", "passive"];
/// What it is about.
const CREDENTIALS: [&str; 16] = [
    "key",
    "keys",
    "token",
    "tokens",
    "secret",
    "secrets",
    "credential",
    "credentials",
    "password",
    "passwords",
    "cert",
    "certificate",
    "pat",
    "apikey",
    "accesskey",
    "passphrase",
];
/// Words of what is over, or of no weight.
const OVER: [&str; 12] = [
    "old", "revoked", "dead", "rejected", "refused", "deleted", "removed", "gone", "inactive",
    "expired", "unused", "stale",
];

/// Whether a task is the work of a program that ends something, by its name.
pub(crate) fn ends(task: &Task) -> bool {
    let Task::Worker(worker) = task else {
        return false;
    };
    let words = words(&worker.name);
    words.iter().any(|word| {
        ENDS.contains(&word.as_str()) || matches!(word.as_str(), "drop" | "kill" | "purge")
    })
}

/// A worker of a definition.
struct Doer<'p> {
    step: usize,
    rotation: usize,
    words: Vec<String>,
    check: bool,
    input: &'p Expr,
}

impl Doer<'_> {
    fn says(&self, list: &[&str]) -> bool {
        self.words.iter().any(|word| list.contains(&word.as_str()))
    }

    /// Whether its name is that of doing one of these to a credential.
    fn does(&self, list: &[&str]) -> bool {
        let mut rest = self
            .words
            .iter()
            .skip_while(|word| !list.contains(&word.as_str()));
        rest.next().is_some() && rest.any(|word| CREDENTIALS.contains(&word.as_str()))
    }
}

fn doers<'p>(cx: &Context<'_, 'p>) -> Vec<Doer<'p>> {
    if cx.plan.dialect.semantics().declares_intent {
        return Vec::new();
    }
    let workers = cx.order().iter().filter_map(|(step, node)| {
        let Task::Worker(worker) = &node.step.task else {
            return None;
        };
        let is_one = worker.kind.as_deref().is_none_or(|kind| kind == "SIMPLE");
        let words = words(&worker.name);
        let tries = words.iter().any(|word| TRIES.contains(&word.as_str()));
        let check = tries || is_a_check(&worker.name);
        let doer = Doer {
            step,
            rotation: node.rotation,
            words,
            check,
            input: &worker.input,
        };
        Some(doer).filter(|_| is_one)
    });
    workers.take(super::COMPARED).collect()
}

fn members(expr: &Expr) -> &[(String, Expr)] {
    match &expr.kind {
        ExprKind::Object(members) => members,
        _ => &[],
    }
}

/// The old credential is deactivated when the new one was made, and only then somebody tries that.
pub(crate) fn revoked_untried(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let order = cx.order();
    let all = doers(cx);
    for end in all.iter().filter(|d| d.does(&ENDS) && !d.check) {
        let over = end.says(&[
            "inactive", "unused", "expired", "stale", "orphan", "orphaned",
        ]);
        if over || super::revoke::is_undo(cx, end.step) {
            continue;
        }
        let makes = |d: &&Doer<'_>| {
            d.rotation == end.rotation
                && (d.does(&CREATES) || d.does(&GENERATES))
                && order.dominates(d.step, end.step)
                && !end.input.reads_step(cx.flow.step_name(d.step))
        };
        let Some(made) = all.iter().rfind(makes) else {
            continue;
        };
        let tried_before = order.range(made.step + 1..end.step).any(|(id, node)| {
            let worker = all.iter().any(|d| d.step == id && d.check);
            (worker || is_a_check(&node.step.name)) && order.may_precede(id, end.step)
        });
        // What tries the new one is given what the call gave, or is told of the same place, which is not that of the old one.
        let own = |d: &Doer<'_>| {
            let shared = members(d.input).iter().any(|member| {
                members(made.input).contains(member) && !members(end.input).contains(member)
            });
            d.input.reads_step(cx.flow.step_name(made.step)) || shared
        };
        let late = all
            .iter()
            .find(|d| d.check && !d.says(&OVER) && order.dominates(end.step, d.step) && own(d));
        let (Some(late), Some(node)) = (late.filter(|_| !tried_before), order.get(end.step)) else {
            continue;
        };
        let mut found = Diagnostic::new(
            codes::REVOKE_BEFORE_PROMOTE,
            node.step.at.0,
            format!(
                "`{}` ends the old credential before `{}` tries the new one",
                node.step.name,
                cx.flow.step_name(late.step)
            ),
        )
        .at("if the new one does not work, nothing does")
        .help("try the new credential first, and bring it into use; end the old one behind that");
        for (id, label) in [
            (made.step, "the new one is made here"),
            (late.step, "tried only here"),
        ] {
            if let Some(node) = order.get(id) {
                found = found.label(node.step.at.0, label);
            }
        }
        out.push(found);
    }
}

/// A worker that has a credential made, and is tried again when its answer does not come.
pub(crate) fn made_again(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for doer in doers(cx).iter().filter(|d| d.does(&CREATES) && !d.check) {
        let Some(node) = cx.order().get(doer.step) else {
            continue;
        };
        let known = members(doer.input).iter().any(|(key, _)| {
            let words = words(key).concat();
            words.contains("idempot")
                || matches!(words.as_str(), "requestid" | "clienttoken" | "dedupkey")
        });
        let Some(retry) = node
            .step
            .retry
            .as_ref()
            .filter(|retry| retry.count > 0 && !known)
        else {
            continue;
        };
        out.push(
            Diagnostic::new(
                codes::NON_IDEMPOTENT_RETRY,
                node.step.at.0,
                format!("`{}` is retried blindly: each attempt whose answer is lost leaves a credential that nobody knows of", node.step.name),
            )
            .at(format!("creates a credential, up to {} more attempts", retry.count))
            .help("set `retryCount` to 0, or give the worker a key by which it knows the attempt again")
            .severity(Severity::Warning)
            .confidence(Confidence::Medium),
        );
    }
}

/// A value that a worker generates, and that is set on a server before it is stored.
pub(crate) fn set_unstored(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let order = cx.order();
    let all = doers(cx);
    let stores: Vec<(usize, usize, &str, &Expr)> = order
        .iter()
        .filter_map(|(id, node)| {
            let Task::Update(update) = &node.step.task else {
                return None;
            };
            let NewValue::Single(value) = &update.value else {
                return None;
            };
            Some((
                id,
                node.rotation,
                update.secret.as_str().unwrap_or("the secret"),
                value,
            ))
        })
        .take(super::COMPARED)
        .collect();
    for (late, rotation, name, value) in &stores {
        let maker = all
            .iter()
            .find(|d| d.rotation == *rotation && value.reads_step(cx.flow.step_name(d.step)));
        let Some(maker) = maker.filter(|d| order.dominates(d.step, *late)) else {
            continue;
        };
        // What is set in the slot that nobody uses is lost without harm.
        let idle = |id: usize| {
            let about = cx.http(id).map(super::about).unwrap_or_default();
            let sources = cx.intent.sources(*rotation, about);
            sources
                .words
                .iter()
                .flat_map(|word| words(word))
                .any(|w| IDLE.contains(&w.as_str()))
        };
        let set = order.range(maker.step + 1..*late).find(|(id, node)| {
            let by_call = cx.http(*id).is_some_and(|http| {
                let said = words(&node.step.name)
                    .iter()
                    .any(|word| SETS.contains(&word.as_str()));
                matches!(http.method.as_str(), "PUT" | "PATCH")
                    || http.method == "POST" && said && !super::is_login(http)
            });
            let sets = by_call
                || all
                    .iter()
                    .any(|d| d.step == *id && d.says(&SETS) && !d.check);
            let carries = || {
                node.step
                    .task
                    .exprs()
                    .into_iter()
                    .any(|expr| contains(expr, value))
            };
            let kept = || {
                stores
                    .iter()
                    .any(|(at, _, _, other)| other == value && order.may_precede(*at, *id))
            };
            sets && order.dominates(*id, *late) && carries() && !kept() && !idle(*id)
        });
        let (Some((_, node)), Some(store)) = (set, order.get(*late)) else {
            continue;
        };
        out.push(
            Diagnostic::new(
                codes::SET_BEFORE_STAGE,
                node.step.at.0,
                format!(
                    "`{}` sets the new value on the server before it is stored as `{name}`",
                    node.step.name
                ),
            )
            .at("a failure behind this loses the value")
            .label(store.step.at.0, "stored only here")
            .help("store it first, under a name for what is to come, and set it from there")
            .severity(Severity::Warning)
            .confidence(Confidence::Medium),
        );
    }
}

/// Whether an expression stands within another.
fn contains(expr: &Expr, part: &Expr) -> bool {
    let mut found = false;
    expr.walk(&mut |inner| found |= inner == part);
    found
}
