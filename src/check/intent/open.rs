//! What has the name of a credential and is kept where others read it, though no masking key says that it is one.

use crate::check::context::{Context, names_credential};
use crate::check::flow::{access, capture_path};
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::name::is_mask;
use crate::plan::{Expr, ExprKind, Root, Task};
use crate::source::Span;
use std::collections::{HashMap, HashSet};

/// Fields of an answer that hold what was asked for, whatever that is.
const VALUES: [&str; 4] = ["value", "plaintext", "cleartext", "secretvalue"];

/// A place of what a step gives.
struct Read<'p> {
    step: &'p str,
    /// The keys that lead there; those of a capture are its name.
    keys: Vec<String>,
    at: Span,
}

impl Read<'_> {
    fn last(&self) -> &str {
        self.keys.last().map_or("", String::as_str)
    }

    /// Whether it is a credential by its name, and none of its keys masks it.
    fn is_open_credential(&self) -> bool {
        names_credential(self.last()) && !self.keys.iter().any(|key| is_mask(key))
    }
}

/// What an expression reads of the answers of steps.
fn reads<'p>(expr: &'p Expr, found: &mut Vec<Read<'p>>) {
    let mut keys = Vec::new();
    let base = access(expr, &mut keys);
    match &base.kind {
        ExprKind::Ref(Root::Output(step)) => found.push(Read {
            step,
            keys,
            at: expr.at.0,
        }),
        ExprKind::Ref(Root::Capture { step, name }) => {
            keys.insert(0, name.clone());
            found.push(Read {
                step,
                keys,
                at: expr.at.0,
            });
        }
        _ => base
            .children()
            .into_iter()
            .for_each(|child| reads(child, found)),
    }
}

/// What stands in the members of an object, and below it, under the name of a credential: a single place of what a worker gives.
fn named<'p>(
    cx: &Context<'_, 'p>,
    rotation: usize,
    name: &str,
    value: &'p Expr,
    found: &mut Vec<(String, Read<'p>)>,
) {
    match &value.kind {
        ExprKind::Object(members) => {
            for (key, value) in members.iter().filter(|(key, _)| !is_mask(key)) {
                named(cx, rotation, key, value, found);
            }
        }
        _ if names_credential(name) => {
            let mut all = Vec::new();
            reads(value, &mut all);
            let masked = cx
                .plan
                .rotations
                .get(rotation)
                .map_or(&[][..], |r| r.masked_fields.as_slice());
            let own = all.into_iter().filter(|read| {
                let plain = read.last().to_ascii_lowercase().replace('_', "");
                let node = cx
                    .order()
                    .find(rotation, read.step)
                    .and_then(|id| cx.order().get(id));
                let of_worker = node.is_some_and(|n| matches!(&n.step.task, Task::Worker(_)));
                let is_value = names_credential(read.last()) || VALUES.contains(&plain.as_str());
                of_worker
                    && is_value
                    && !read
                        .keys
                        .iter()
                        .any(|key| is_mask(key) || masked.contains(key))
            });
            found.extend(own.map(|read| (name.to_owned(), read)));
        }
        _ => {}
    }
}

/// An output of the workflow that has the name of a credential, and is what a worker gave.
pub(crate) fn to_output(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if cx.plan.dialect.semantics().declares_intent {
        return;
    }
    for (index, rotation) in cx.plan.rotations.iter().enumerate() {
        // What a login gives is there for whoever asked for it.
        let handed = |name: &str| {
            super::keep::words(name)
                .iter()
                .any(|word| matches!(word.as_str(), "session" | "access" | "id" | "csrf"))
        };
        for output in rotation
            .outputs
            .iter()
            .filter(|o| !is_mask(&o.name) && !handed(&o.name))
        {
            let mut found = Vec::new();
            named(cx, index, &output.name, &output.value, &mut found);
            for (name, read) in found
                .iter()
                .filter(|(name, _)| !rotation.masked_fields.contains(name))
            {
                out.push(
                    Diagnostic::new(codes::SECRET_TO_OUTPUT, read.at, format!("the output `{name}` is what `{}` gives, a credential by its name, in the open", read.step))
                        .at("kept and shown with every execution")
                        .help("leave it out of `outputParameters`: say where it is kept, and not what it is"),
                );
            }
        }
    }
}

/// A message to others with what a worker gave under the name of a credential.
pub(crate) fn to_message(cx: &Context<'_, '_>, kinds: &[&str], out: &mut Vec<Diagnostic>) {
    for (_, node) in cx.order().iter() {
        let Task::Worker(worker) = &node.step.task else {
            continue;
        };
        let Some(kind) = worker.kind.as_deref().filter(|kind| kinds.contains(kind)) else {
            continue;
        };
        let mut found = Vec::new();
        named(cx, node.rotation, "", &worker.input, &mut found);
        for (name, read) in found {
            out.push(
                Diagnostic::new(codes::SECRET_IN_EVENT, read.at, format!("the {kind} task sends `{name}`, a credential by its name, as `{}` gives it", read.step))
                    .at("kept and read where the message goes")
                    .help("send an id, or only that the credential was rotated"),
            );
        }
    }
}

/// Where the server masks nothing: an answer that is kept as the task's output, of which somebody reads a credential.
pub(crate) fn answers_kept(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let semantics = cx.plan.dialect.semantics();
    if semantics.declares_intent || semantics.server_masks {
        return;
    }
    let mut seen: HashSet<usize> = HashSet::new();
    let mut check = |rotation: usize, expr: &Expr, reader: Option<usize>| {
        let mut found = Vec::new();
        reads(expr, &mut found);
        for read in found.iter().filter(|read| read.is_open_credential()) {
            let Some((id, node)) = cx
                .order()
                .find(rotation, read.step)
                .and_then(|id| Some((id, cx.order().get(id)?)))
            else {
                continue;
            };
            let Task::Http(http) = &node.step.task else {
                continue;
            };
            if reader == Some(id) || super::is_login(http) || !http.raw_output || !seen.insert(id) {
                continue;
            }
            out.push(
                Diagnostic::new(codes::UNMASKED_MINTED_SECRET, node.step.at.0, format!("the answer of `{}` holds `{}`, and the server keeps it in the open as the task's output", read.step, read.last()))
                    .at("shown in every execution: this server masks nothing")
                    .label(read.at, "read here")
                    .help("let one worker make the call and put the credential into the vault, and give only its place"),
            );
        }
    };
    for (id, node) in cx.order().iter() {
        for expr in node.step.task.exprs() {
            check(node.rotation, expr, Some(id));
        }
    }
    for (index, rotation) in cx.plan.rotations.iter().enumerate() {
        for output in &rotation.outputs {
            check(index, &output.value, None);
        }
    }
}

/// Whether anything reads a field of what a step gives.
pub(crate) fn reads_field(cx: &Context<'_, '_>, step: usize, field: &str) -> bool {
    let Some(node) = cx.order().get(step) else {
        return false;
    };
    let steps = cx
        .order()
        .of_rotation(node.rotation)
        .flat_map(|(_, n)| n.step.task.exprs());
    let outputs = cx
        .plan
        .rotations
        .get(node.rotation)
        .into_iter()
        .flat_map(|r| r.outputs.iter().map(|o| &o.value));
    // What a capture is called may be another word than the field that it holds.
    let captures: HashMap<&str, Vec<String>> = cx
        .http(step)
        .map_or(&[][..], |http| http.captures.as_slice())
        .iter()
        .map(|c| (c.name.as_str(), capture_path(&c.source)))
        .collect();
    steps.chain(outputs).any(|expr| {
        let mut found = Vec::new();
        reads(expr, &mut found);
        found.iter().any(|read| {
            let of_capture = read
                .keys
                .first()
                .and_then(|name| captures.get(name.as_str()));
            let mut below = of_capture.into_iter().flatten().chain(&read.keys);
            let whole = matches!(read.last(), "" | "response" | "body");
            read.step == node.step.name && (whole || below.any(|key| key == field))
        })
    })
}
