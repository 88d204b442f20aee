//! # ROT504 self-rotation
//!
//! What it finds: an imported definition in which a credential fetches its own replacement and is overwritten by it, by a task that is not
//! tried again (`retryCount`).
//!
//! ## Why it matters
//!
//! Conductor JSON cannot say whether the old credential dies on the call, and the import assumes that it lives on. Many servers kill it. Then a crash between
//! the call and the store loses both.
//!
//! ## Fails
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "renew", "taskReferenceName": "renew", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/renew", "method": "POST", "headers": {"Authorization": "Bearer ${workflow.secrets.token}"},
//!     "outputFilter": {"_secrets": {"token": "$${renew.output.response.body.token}"}}}},
//!   {"name": "keep", "taskReferenceName": "keep", "type": "UPDATE_SECRET", "inputParameters": {"_secrets": {
//!     "secretKey": "token", "secretValue": "${renew.output._secrets.token}"}}}]}
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret token to "api.example.com"
//!
//! rotation r {
//!   http renew POST "https://api.example.com/renew" issues replacing grace 10m {
//!     bearer secrets.token
//!     secret token = body $.token
//!   }
//!   update token = renew.token
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::Origin;
use crate::plan::effect::{Effect, Issues};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for keeping in cx.keepings() {
        let assumed = cx.http(keeping.maker).is_some_and(|h| matches!(&h.effect, Effect::Issues(Issues { assumed: true, .. })));
        let own = |r: &crate::check::flow::Request<'_>| {
            cx.carried(r).iter().any(|o| matches!(o, Origin::Secret(name) if name == keeping.secret))
        };
        // Tried again until it is stored, nothing more can be done.
        let insists = cx.order().get(keeping.store).is_some_and(|n| n.step.retry.as_ref().is_some_and(|r| r.count > 0));
        if assumed && !insists && cx.requests_of(keeping.maker).any(own) {
            let Some(maker) = cx.order().get(keeping.maker) else { continue };
            let name = keeping.secret;
            out.push(
                Diagnostic::new(codes::SELF_ROTATION, maker.step.at.0, format!("`{name}` fetches its own replacement: if the server kills the old one, a crash here loses both"))
                    .at(format!("uses `{name}` to replace `{name}`"))
                    .label(cx.order().get(keeping.store).map_or(crate::source::Span::NONE, |n| n.step.at.0), "overwritten here")
                    // Whether there is another way to it only the service knows.
                    .severity(Severity::Note)
                    .help("say in `.rot` what becomes of the old one (`rot compile --to rot`): `issues additive`, or `issues replacing` with `key`, `grace` or `recover`"),
            );
        }
    }
}
