//! # ROT505 no-rollback
//!
//! What it finds: parts of one new credential that are stored in different secrets, with a step between that may fail, in a rotation that says
//! nothing of what happens then (`on failure`, in Conductor `failureWorkflow`). What is staged (`…_NEXT`) and what is in use
//! are no parts of one credential.
//!
//! ## Why it matters
//!
//! When that step fails one secret is new and the other old. Whoever reads both has the id of one credential with the key of another, until somebody
//! resumes the run.
//!
//! ## Fails
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret key_id, key_secret to "api.example.com"
//!
//! rotation r {
//!   http mint POST "https://api.example.com/keys" issues additive {
//!     bearer secrets.admin_key
//!     secret id = body $.id
//!     secret value = body $.secret
//!   }
//!   update key_id = mint.id
//!   http POST "https://api.example.com/audit" sets {
//!     bearer secrets.admin_key
//!   }
//!   update key_secret = mint.value
//! }
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "mint", "taskReferenceName": "mint", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/keys", "method": "POST", "headers": {"X-Key": "${workflow.secrets.adminKey}"},
//!     "outputFilter": {"_secrets": {"id": "$${mint.output.response.body.id}", "value": "$${mint.output.response.body.secret}"}}}},
//!   {"name": "one", "taskReferenceName": "one", "type": "UPDATE_SECRET", "inputParameters": {"_secrets": {
//!     "secretKey": "key_id", "secretValue": "${mint.output._secrets.id}"}}},
//!   {"name": "audit", "taskReferenceName": "audit", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/audit", "method": "GET", "headers": {"X-Key": "${workflow.secrets.adminKey}"}}},
//!   {"name": "two", "taskReferenceName": "two", "type": "UPDATE_SECRET", "inputParameters": {"_secrets": {
//!     "secretKey": "key_secret", "secretValue": "${mint.output._secrets.value}"}}}],
//!  "outputParameters": {"status": "${audit.output.response.statusCode}"}}
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret key { id, value } to "api.example.com"
//!
//! rotation r {
//!   http mint POST "https://api.example.com/keys" issues additive {
//!     bearer secrets.admin_key
//!     secret id = body $.id
//!     secret value = body $.secret
//!   }
//!   update key { id: mint.id, value: mint.value }
//!   http POST "https://api.example.com/audit" sets {
//!     bearer secrets.admin_key
//!   }
//! }
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "mint", "taskReferenceName": "mint", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/keys", "method": "POST", "headers": {"X-Key": "${workflow.secrets.adminKey}"},
//!     "outputFilter": {"_secrets": {"id": "$${mint.output.response.body.id}", "value": "$${mint.output.response.body.secret}"}}}},
//!   {"name": "one", "taskReferenceName": "one", "type": "UPDATE_SECRET", "inputParameters": {"_secrets": {
//!     "secretKey": "key_id", "secretValue": "${mint.output._secrets.id}"}}},
//!   {"name": "two", "taskReferenceName": "two", "type": "UPDATE_SECRET", "inputParameters": {"_secrets": {
//!     "secretKey": "key_secret", "secretValue": "${mint.output._secrets.value}"}}},
//!   {"name": "audit", "taskReferenceName": "audit", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/audit", "method": "GET", "headers": {"X-Key": "${workflow.secrets.adminKey}"}}}],
//!  "outputParameters": {"status": "${audit.output.response.statusCode}"}}
//! ```

use crate::check::context::Context;
use crate::check::intent::keep::is_staged;
use crate::check::lifecycle::{Act, Keeping};
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::Task;
use std::collections::BTreeMap;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let writes = cx.writes();
    // The step from which on everybody sees each secret's new value, by the step that made the credential.
    let mut parts: BTreeMap<(usize, Option<usize>), Vec<(usize, &str)>> = BTreeMap::new();
    for kept in cx.keepings() {
        // In text order, as steps are numbered.
        let Some(store) = writes.binary_search_by_key(&kept.store, |w| w.step).ok().and_then(|at| writes.get(at)) else { continue };
        let seen = match store.act {
            Act::Update => Some(store),
            _ => {
                let own = cx.writes_of(kept.secret);
                let behind = own.partition_point(|w| w.step <= store.step);
                own.iter().skip(behind).find(|w| w.act == Act::Promote && cx.order().may_precede(store.step, w.step))
            }
        };
        let of_maker = parts.entry((kept.maker, called(cx, kept))).or_default();
        if let Some(seen) = seen.filter(|_| !of_maker.iter().any(|(_, secret)| *secret == kept.secret)) {
            of_maker.push((seen.step, kept.secret));
        }
    }
    for stores in parts.values_mut() {
        stores.sort_unstable();
        for ((first, old), (second, new)) in stores.iter().zip(stores.iter().skip(1)) {
            let Some(node) = cx.order().get(*first) else { continue };
            // What is staged first is meant to be new alone for a while.
            if is_staged(old) != is_staged(new) {
                continue;
            }
            let handled = cx.plan.rotations.get(node.rotation).is_none_or(|r| !r.on_failure.is_empty() || r.failure_rotation.is_some());
            let between = (first + 1..*second).find(|step| {
                let order = cx.order();
                order.may_precede(*first, *step) && order.may_precede(*step, *second) && order.get(*step).is_some_and(|n| may_fail(&n.step.task))
            });
            let (false, Some(between)) = (handled, between.and_then(|step| cx.order().get(step))) else { continue };
            let message = format!("when `{}` fails, `{old}` is new and `{new}` is still old: they are parts of one credential", between.step.name);
            let mut found = Diagnostic::new(codes::NO_ROLLBACK, between.step.at.0, message)
                .at("may fail between the two")
                .label(node.step.at.0, format!("`{old}` is new from here on"))
                .help("store both next to each other, or as one secret with fields; or say in `on failure` what happens");
            if let Some(later) = cx.order().get(*second) {
                found = found.label(later.step.at.0, format!("`{new}` follows here"));
            }
            out.push(found);
        }
    }
}

/// The step that called the rotation which made what is stored: each call makes a credential of its own.
fn called(cx: &Context<'_, '_>, kept: &Keeping<'_>) -> Option<usize> {
    let (maker, store) = (cx.order().get(kept.maker)?, cx.order().get(kept.store)?);
    if maker.rotation == store.rotation {
        return None;
    }
    let mut found = None;
    for expr in store.step.task.exprs() {
        expr.each_captured(&mut |step| found = found.or_else(|| cx.order().find(store.rotation, step)));
    }
    found
}

/// Whether a step depends on somebody else. What only the vault does is not among them: it is resumed.
fn may_fail(task: &Task) -> bool {
    matches!(task, Task::Http(_) | Task::Verify(_) | Task::Manual(_) | Task::Worker(_) | Task::Call(_) | Task::Fail(_))
}
