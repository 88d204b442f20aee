//! # ROT301 secret-to-log
//!
//! What it finds: a secret, or something made from one, in a `log` line or in the instructions of a `manual` step.
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
use crate::diagnostic::{Diagnostic, Edit, codes};
use crate::plan::expr::Root;
use crate::plan::{Expr, ExprKind, Task};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut once = Once::default();
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
                        .fix_if("write `***` in its place", false, starred(cx, event)),
                );
            }
        }
    }
}

/// `***` for every part of the text that reads a secret.
fn starred(cx: &Context<'_, '_>, event: &Event<'_>) -> Option<Vec<Edit>> {
    let node = event.step.and_then(|id| cx.order().get(id))?;
    let message = match &node.step.task {
        Task::Log(log) => &log.message,
        Task::Manual(manual) => &manual.instructions,
        _ => return None,
    };
    let ExprKind::Template(parts) = &message.kind else {
        return reads_secret(cx, event, message).then(|| vec![Edit { span: message.at.0, text: "\"***\"".into() }]);
    };
    let text = cx.texts.of(message.at.0)?;
    let whole = |expr: &Expr| {
        let (start, end) = (expr.at.0.start as usize, expr.at.0.end as usize);
        let before = text.get(..start)?.trim_end().strip_suffix("${")?;
        let behind = text.get(end..)?.trim_start().strip_prefix('}')?;
        Some(crate::source::Span::new(expr.at.0.file, before.len(), text.len() - behind.len()))
    };
    let secret = parts.iter().filter(|part| reads_secret(cx, event, part));
    secret.map(|part| Some(Edit { span: whole(part)?, text: "***".into() })).collect()
}

/// Whether an expression names something secret, but for what it releases.
fn reads_secret(cx: &Context<'_, '_>, event: &Event<'_>, expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Reveal { .. } => false,
        ExprKind::Ref(root) => {
            let is_secret = |step: Option<&str>, name: &str| {
                let mut named = cx.flow.names.iter().filter(|n| n.rotation == event.rotation && n.name == name && n.step == step);
                named.any(|n| !n.label.is_public())
            };
            match root {
                Root::Secret { .. } => true,
                Root::Capture { step, name } => is_secret(Some(step), name),
                Root::Let(name) | Root::Input(name) | Root::Variable(name) => is_secret(None, name),
                _ => false,
            }
        }
        _ => expr.children().into_iter().any(|child| reads_secret(cx, event, child)),
    }
}
