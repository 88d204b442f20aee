//! # ROT520 delivery-gap
//!
//! What it finds: a credential whose old version dies when the new one is made, and that is delivered to more than one target. A note where it is a password that is set (`sets`): one account has one.
//!
//! ## Why it matters
//!
//! Targets are served one after the other, and one of them may be down. Until it has the new credential, whoever reads from it holds a
//! dead one. With an endpoint that lets the old one live on, nobody notices.
//!
//! Where the gap is short enough for those who read, say so: `# rot: ignore[ROT520] readers try again for a minute`.
//!
//! ## Fails
//!
//! ```rot
//! secret admin_key to "db.example.com"
//! secret db_password to "db.example.com"
//! target app file "/run/app/db"
//! target batch file "/run/batch/db"
//! deliver db_password to app, batch
//!
//! rotation db_password {
//!   generate fresh password { length 32 }
//!   stage db_password = fresh.value
//!   http PUT "https://db.example.com/users/app/password" sets {
//!     bearer secrets.admin_key
//!     json { password: pending.db_password }
//!   }
//!   verify {
//!     http GET "https://db.example.com/me" { basic "app", pending.db_password }
//!   }
//!   promote db_password
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret admin_key to "db.example.com"
//! secret db_password to "db.example.com"
//! target app file "/run/app/db"
//! deliver db_password to app
//!
//! rotation db_password {
//!   generate fresh password { length 32 }
//!   stage db_password = fresh.value
//!   http PUT "https://db.example.com/users/app/password" sets {
//!     bearer secrets.admin_key
//!     json { password: pending.db_password }
//!   }
//!   verify {
//!     http GET "https://db.example.com/me" { basic "app", pending.db_password }
//!   }
//!   promote db_password
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::{Effect, Issues, Old, Rotation, Task, Version};
use crate::source::Span;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for secret in &cx.plan.secrets {
        let targets = cx.plan.targets_of(&secret.name);
        if targets.len() < 2 {
            continue;
        }
        for rotation in cx.plan.rotations.iter().filter(|r| !r.imported) {
            let Some((at, effect)) = kills_old(rotation, &secret.name) else { continue };
            let names: Vec<String> = targets.iter().map(|t| format!("`{}`", t.name)).collect();
            let Some(delivery) = cx.plan.deliveries.iter().find(|d| d.secret == secret.name) else { continue };
            out.push(
                Diagnostic::new(
                    codes::DELIVERY_GAP,
                    at,
                    format!("the old `{}` is dead before {} have the new one", secret.name, names.join(" and ")),
                )
                .at(format!("`{effect}` ends the old one"))
                .label(delivery.at.0, "delivered from here on, one after the other")
                .severity(if effect == Effect::Sets.describe() || effect == Effect::SetsSelf.describe() { Severity::Note } else { Severity::Warning })
                .help("if the service can have two at a time, use that: `issues additive`, `sets slot`, or `issues replacing grace …`; else say why the gap is fine"),
            );
        }
    }
}

/// The call that makes a secret and ends the old one in the same moment.
fn kills_old<'p>(rotation: &'p Rotation, secret: &str) -> Option<(Span, &'p str)> {
    let mut made_by: Vec<&str> = Vec::new();
    rotation.walk(&mut |step| {
        let stored = step.task.write().filter(|write| write.secret == Some(secret));
        for expr in stored.and_then(|write| write.value).into_iter().flat_map(|value| value.exprs()) {
            expr.each_captured(&mut |step| made_by.push(step));
        }
    });
    let mut found = None;
    rotation.walk(&mut |step| {
        let Task::Http(http) = &step.task else { return };
        let kills = match &http.effect {
            Effect::Issues(Issues { old: Old::Dies { grace: None, .. }, .. }) => made_by.contains(&step.name.as_str()),
            // One account has one password: there is a gap wherever it is changed.
            Effect::Sets | Effect::SetsSelf => {
                let sent = http.request_exprs();
                sent.iter().any(|(_, expr)| expr.reads_secret(secret, &[Version::Pending]))
            }
            Effect::Issues(_) | Effect::Reads | Effect::SetsSlot | Effect::Revokes | Effect::Unspecified => false,
        };
        if kills && found.is_none() {
            found = Some((step.at.0, http.effect.describe()));
        }
    });
    found
}
