//! # ROT601 unmasked-minted-secret
//!
//! What it finds: a Conductor task whose answer holds the new credential in the open: no `outputFilter` puts it under `_secrets`.
//! Where the
//! server masks nothing, any answer of which a later task reads what has the name of a credential.
//! The half of a pair that is no secret (an id, a public key) may stand beside the masked one.
//!
//! ## Why it matters
//!
//! The whole answer is kept as the task's output and shown to everybody who may read executions, for as long as executions are kept.
//!
//! ## Fails
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "mint", "taskReferenceName": "mint", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/token", "method": "POST", "headers": {"X-Key": "${workflow.secrets.apiKey}"}}},
//!   {"name": "keep", "taskReferenceName": "keep", "type": "UPDATE_SECRET", "inputParameters": {"_secrets": {
//!     "secretKey": "api_token", "secretValue": "${mint.output.response.body.token}"}}}]}
//! ```
//!
//! ## Mended
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "mint", "taskReferenceName": "mint", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/token", "method": "POST", "headers": {"X-Key": "${workflow.secrets.apiKey}"},
//!     "outputFilter": {"_secrets": {"token": "$${mint.output.response.body.token}"}}}},
//!   {"name": "keep", "taskReferenceName": "keep", "type": "UPDATE_SECRET", "inputParameters": {"_secrets": {
//!     "secretKey": "api_token", "secretValue": "${mint.output._secrets.token}"}}}]}
//! ```

use crate::plan::name::is_mask;
use crate::check::context::{Context, names_credential};
use crate::check::flow::{Atom, Sink};
use crate::check::vocabulary::letters;
use crate::diagnostic::{Confidence, Diagnostic, Label, Severity, codes};
use crate::plan::{Derivation, Origin};
use std::collections::HashSet;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().keeps_executions {
        return;
    }
    let mut seen = HashSet::new();
    used_in_the_open(cx, out);
    crate::check::intent::open::answers_kept(cx, out);
    for event in &cx.flow.events {
        let Sink::Store { secret, .. } = &event.sink else { continue };
        for entry in event.taint.iter().filter(|e| !e.control && e.derivation > Derivation::Weak) {
            let Some(Atom::Answer { step, path }) = cx.flow.trails.atom(entry.atom) else { continue };
            if is_masked(cx, event.rotation, path) || super::raw_copy_beside_mask::masked_beside(cx, *step, path).is_some() {
                continue;
            }
            if is_identifier(path) && stores_masked(cx, *step) {
                continue;
            }
            let Some(node) = cx.order().get(*step).filter(|_| seen.insert(*step)) else { continue };
            let name = &node.step.name;
            let into = secret.map_or("a secret".to_owned(), |s| format!("secret `{s}`"));
            let place = if path.first().is_some_and(|p| p == "response") { path.join(".") } else { "response.body.…".to_owned() };
            let key = path.last().filter(|_| path.len() > 2).map_or("token", String::as_str);
            let mut way = cx.flow.way(entry);
            way.push(Label::new(event.span, format!("stored in {into}")));
            out.push(
                Diagnostic::new(codes::UNMASKED_MINTED_SECRET, node.step.at.0, format!("the answer of `{name}` becomes {into} and is kept unmasked as the task's output"))
                    .at("shown in every execution")
                    .label(event.span, "the part that becomes the secret")
                    .flow(way)
                    .help(format!(
                        "add `\"outputFilter\": {{\"_secrets\": {{\"{key}\": \"$${{{name}.output.{place}}}\"}}}}` to its inputParameters and read `${{{name}.output._secrets.{key}}}`"
                    )),
            );
        }
    }
}

/// What an answer that is kept as a whole calls a credential, and another request is made with.
fn used_in_the_open(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    // Where nothing is masked there is nothing to be done about it.
    if !cx.plan.dialect.semantics().server_masks {
        return;
    }
    let mut seen = HashSet::new();
    for event in cx.flow.events.iter().filter(|e| matches!(e.sink, Sink::Request { .. })) {
        for entry in event.taint.iter().filter(|e| !e.control && e.derivation > Derivation::Weak) {
            let Some(Atom::Answer { step, path }) = cx.flow.trails.atom(entry.atom) else { continue };
            let raw = cx.http(*step).is_some_and(|http| http.raw_output);
            let Some(key) = path.last().filter(|key| raw && names_credential(key)) else { continue };
            if event.step == Some(*step) || is_masked(cx, event.rotation, path) {
                continue;
            }
            let Some(node) = cx.order().get(*step).filter(|_| seen.insert(*step)) else { continue };
            let name = &node.step.name;
            out.push(
                Diagnostic::new(codes::UNMASKED_MINTED_SECRET, node.step.at.0, format!("the answer of `{name}` holds `{key}`, and is kept unmasked as the task's output"))
                    .at("shown in every execution")
                    .label(event.span, "used as a credential here")
                    .help(format!("add an `outputFilter` with `\"_secrets\": {{\"{key}\": …}}`, and read `${{{name}.output._secrets.{key}}}`"))
                    .severity(Severity::Warning)
                    .confidence(Confidence::Medium),
            );
        }
    }
}

/// Whether what stands at a place of a task's output is shown as `***`.
fn is_masked(cx: &Context<'_, '_>, rotation: usize, path: &[String]) -> bool {
    let fields = cx.plan.rotations.get(rotation).map(|r| r.masked_fields.as_slice()).unwrap_or_default();
    path.iter().any(|key| is_mask(key) || fields.contains(key))
}

/// Whether a place has the name of what tells a credential from others, and is none itself.
fn is_identifier(path: &[String]) -> bool {
    names_identifier(path.last().map_or("", String::as_str))
}

/// Whether a name is that of what tells a credential from others.
pub(super) fn names_identifier(name: &str) -> bool {
    let name = letters(name);
    let tells = ["id", "sid", "name", "serial", "username", "user", "email", "label", "fingerprint", "accessor", "thumbprint"].iter().any(|word| name.ends_with(word));
    // The half of a pair that is no secret.
    tells || ["publickey", "accesskey"].contains(&name.as_str())
}

/// Whether a step keeps its credential masked, and that is stored: what it shows beside it, its author takes for public.
fn stores_masked(cx: &Context<'_, '_>, step: usize) -> bool {
    cx.keepings().iter().any(|kept| {
        let atom = cx.flow.trails.atom(kept.atom);
        let masked = |name: &str| cx.http(step).is_some_and(|http| http.captures.iter().any(|c| c.secret && c.name == name));
        kept.maker == step && matches!(atom, Some(Atom::Origin { origin: Origin::Minted { name, .. }, .. }) if masked(name))
    })
}
