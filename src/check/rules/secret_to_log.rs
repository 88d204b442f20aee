//! # ROT301 secret-to-log
//!
//! What it finds: a secret, or something made from one, in a `log` line or in the instructions of a `manual` step; in
//! Conductor JSON in what a script gives to `console`. A warning where `reveal` releases all of a credential into such a line, whatever the reason.
//!
//! ## Why it matters
//!
//! Log lines are kept, shipped and read by people and programs that may not have the secret. The masking of the output is a net below this rule, not
//! a reason to rely on it: it cannot find a piece or a hash of a secret.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "api.example.com"
//! secret api_token
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.api_key
//!     secret token = body $.token
//!   }
//!   log "got ${mint.token}"
//!   update api_token = mint.token
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key to "api.example.com"
//! secret api_token
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.api_key
//!     secret token = body $.token
//!     public id    = body $.id
//!   }
//!   log "got token ${mint.id}"
//!   update api_token = mint.token
//! }
//! ```

use crate::check::context::{Context, Once};
use crate::check::flow::{Event, Sink};
use crate::check::intent::keep::words;
use crate::diagnostic::{Diagnostic, Edit, Severity, codes};
use crate::plan::expr::Root;
use crate::plan::{Derivation, Expr, ExprKind, Task};
use std::cell::OnceCell;
use std::collections::HashSet;

/// Words at the end of the name of what tells a credential from others, and opens nothing.
const IDENTIFYING: [&str; 32] = [
    "id", "uid", "uuid", "ids", "identifier", "name", "user", "username", "login", "email", "mail", "account", "owner", "arn", "serial", "fingerprint",
    "thumbprint", "prefix", "hint", "host", "hostname", "url", "uri", "region", "kid", "label", "version", "expiry", "expires", "created", "scope", "type",
];

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    revealed_whole(cx, out);
    let mut once = Once::default();
    let names = OnceCell::new();
    for event in &cx.flow.events {
        let sink = match event.sink {
            Sink::Log => "the log",
            Sink::Instructions => "the instructions that are shown",
            _ => continue,
        };
        for leak in cx.leaks(event) {
            if once.is_first(event, leak.entry.atom) {
                let message = format!("{} is written to {sink}", leak.origin.describe());
                let help = "show something public instead, such as an id or the expiry; `reveal … because \"reason\"` releases a value on purpose";
                out.push(
                    cx.finding(codes::SECRET_TO_LOG, event, &leak.entry, message, "shown here")
                        .help(help)
                        .fix_if("write `***` in its place", false, starred(cx, names.get_or_init(|| secret_names(cx)), event)),
                );
            }
        }
    }
}

/// A whole credential that is released into a text which is kept: no reason makes a key of it that may lie in a log.
fn revealed_whole(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if cx.flow.reveals.is_empty() {
        return;
    }
    for (_, node) in cx.order().iter() {
        let (Task::Log(_) | Task::Fail(_) | Task::Stop(_)) = &node.step.task else { continue };
        for text in node.step.task.exprs() {
            text.walk(&mut |part| {
                let meant = cx.meant(node.rotation, part);
                let ExprKind::Reveal { value, reason } = &meant.kind else { return };
                // Without a reason that is what is said.
                if reason.trim().is_empty() {
                    return;
                }
                let whole = cx.flow.reveals.iter().any(|r| r.span == meant.at.0 && r.label.iter().any(|(_, derivation)| as_it_is(derivation)));
                let Some(name) = credential(cx, node.rotation, value).filter(|_| whole) else { return };
                out.push(
                    Diagnostic::new(codes::SECRET_TO_LOG, part.at.0, format!("all of `{name}` is revealed into a text that is kept"))
                        .at("whoever reads the log has it")
                        .label(meant.at.0, "released here")
                        .help("show what tells it from others instead: its id, its length, a hash of it")
                        .severity(Severity::Warning),
                );
            });
        }
    }
}

fn as_it_is(derivation: Derivation) -> bool {
    matches!(derivation, Derivation::Whole | Derivation::Encoded)
}

/// The name of a credential that a value is, as it is or in another encoding.
fn credential<'p>(cx: &Context<'_, 'p>, rotation: usize, value: &'p Expr) -> Option<&'p str> {
    let name = match &cx.meant(rotation, value).kind {
        ExprKind::Ref(Root::Secret { name, field, .. }) => field.as_ref().unwrap_or(name),
        ExprKind::Ref(Root::Capture { name, .. } | Root::Let(name) | Root::Input(name)) => name,
        ExprKind::Call(function, arguments) if as_it_is(function.derivation()) => return arguments.iter().find_map(|a| credential(cx, rotation, a)),
        ExprKind::Template(parts) => return parts.iter().find_map(|part| credential(cx, rotation, part)),
        _ => return None,
    };
    let last = words(name).pop().unwrap_or_default();
    (!IDENTIFYING.contains(&last.as_str())).then_some(name)
}

/// Rotation, step and name of what is secret.
type Names<'p> = HashSet<(usize, Option<&'p str>, &'p str)>;

fn secret_names<'p>(cx: &Context<'_, 'p>) -> Names<'p> {
    if cx.texts.sources.is_none() {
        return HashSet::new();
    }
    cx.flow.names().into_iter().filter(|n| !n.label.is_public()).map(|n| (n.rotation, n.step, n.name)).collect()
}

/// `***` for every part of the text that reads a secret.
fn starred(cx: &Context<'_, '_>, names: &Names<'_>, event: &Event<'_>) -> Option<Vec<Edit>> {
    let node = event.step.and_then(|id| cx.order().get(id))?;
    let (Task::Log(crate::plan::task::Log { message }) | Task::Manual(crate::plan::task::Manual { instructions: message, .. })) = &node.step.task else {
        return None;
    };
    let ExprKind::Template(parts) = &message.kind else {
        return reads_secret(cx, names, event.rotation, message).then(|| vec![Edit { span: message.at.0, text: "\"***\"".into() }]);
    };
    let text = cx.texts.of(message.at.0)?;
    let whole = |expr: &Expr| {
        let (start, end) = (expr.at.0.start as usize, expr.at.0.end as usize);
        let before = text.get(..start)?.trim_end().strip_suffix("${")?;
        let behind = text.get(end..)?.trim_start().strip_prefix('}')?;
        Some(crate::source::Span::new(expr.at.0.file, before.len(), text.len() - behind.len()))
    };
    let secret = parts.iter().filter(|part| reads_secret(cx, names, event.rotation, part));
    secret.map(|part| Some(Edit { span: whole(part)?, text: "***".into() })).collect()
}

/// Whether an expression names something secret, but for what it releases.
fn reads_secret(cx: &Context<'_, '_>, names: &Names<'_>, rotation: usize, expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Reveal { .. } => false,
        ExprKind::Ref(root) => match root {
            Root::Secret { .. } => true,
            Root::Capture { step, name } => names.contains(&(rotation, Some(step), name)),
            Root::Let(name) => names.contains(&(rotation, None, name)),
            Root::Input(name) => {
                cx.plan.rotations.get(rotation).is_some_and(|r| r.inputs.iter().any(|i| i.secret && i.name == *name))
            }
            _ => false,
        },
        _ => expr.children().into_iter().any(|child| reads_secret(cx, names, rotation, child)),
    }
}
