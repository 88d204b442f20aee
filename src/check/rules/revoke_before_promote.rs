//! # ROT502 revoke-before-promote
//!
//! What it finds: a credential that is in use is revoked: the old one before the new one is stored and promoted, or on a way where it
//! never is; the new one in place of the old, at once or after a grace; either of them in `on failure`. Each way through
//! branches, `parallel` and called rotations is looked at. In Conductor JSON, which does not say
//! what a call does: a warning for a DELETE or a call of `revoke` between the new credential and its storing.
//!
//! ## Why it matters
//!
//! Between the two nothing works, and a crash there leaves nothing that does.
//!
//! ## Fails
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret api_token { value, id } to "api.example.com"
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     secret token = body $.token
//!     public id    = body $.id
//!   }
//!   http DELETE "https://api.example.com/tokens/${secrets.api_token.id}" revokes {
//!     bearer secrets.admin_key
//!   }
//!   update api_token { value: mint.token, id: mint.id }
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret api_token { value, id } to "api.example.com"
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     secret token = body $.token
//!     public id    = body $.id
//!   }
//!   update api_token { value: mint.token, id: mint.id }
//!   revoke previous.api_token after 1h {
//!     http DELETE "https://api.example.com/tokens/${previous.api_token.id}" revokes {
//!       bearer secrets.admin_key
//!     }
//!   }
//! }
//! ```

use crate::check::context::Context;
use crate::check::life::Kind;
use crate::check::lifecycle::Keeping;
use crate::diagnostic::{Confidence, Diagnostic, Severity, codes};
use crate::plan::task::Http;
use crate::source::Span;
use std::collections::HashSet;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    by_method(cx, out);
    for fact in &cx.life {
        let name = fact.secret;
        let diagnostic = match fact.kind {
            Kind::RevokedEarly { published } => found(name, fact.span, published),
            Kind::RevokedUnreplaced { staged } => Diagnostic::new(
                codes::REVOKE_BEFORE_PROMOTE,
                fact.span,
                format!("the `{name}` in use is revoked, and on this way nothing takes its place"),
            )
            .at("nothing works from here on")
            .label(staged, "staged here, and not promoted on this way")
            .help(format!("promote `{name}` on this way first, or revoke only where it is promoted")),
            Kind::RevokedNew { published, deferred } => Diagnostic::new(
                codes::REVOKE_BEFORE_PROMOTE,
                fact.span,
                format!("this names the new `{name}`: the revocation kills it, and the old one lives on"),
            )
            .at(if deferred { "in use by then" } else { "the version in use" })
            .label(published, "in use from here on")
            .help(format!("name the old one: `previous.{name}` is the version before the promotion")),
            Kind::RevokedStaged { published } => Diagnostic::new(
                codes::REVOKE_BEFORE_PROMOTE,
                fact.span,
                format!("the new `{name}` is revoked, and promoted afterwards"),
            )
            .at("the new one is dead from here on")
            .label(published, "comes into use here")
            .help(format!("name the old one: `previous.{name}` after the promotion")),
            Kind::RevokedOnFailure => Diagnostic::new(
                codes::REVOKE_BEFORE_PROMOTE,
                fact.span,
                format!("when a step fails, this revokes the `{name}` that is in use"),
            )
            .at("in use when the run fails")
            .help(format!(
                "in `on failure` revoke only what did not come into use; put `promote {name}` last, so that nothing can fail behind it"
            )),
            _ => continue,
        };
        out.push(diagnostic);
    }
}

fn found(name: &str, span: Span, late: Span) -> Diagnostic {
    Diagnostic::new(codes::REVOKE_BEFORE_PROMOTE, span, format!("the old `{name}` is revoked before the new one is in use"))
        .at("nothing works from here on")
        .label(late, "the new value comes into use only here")
        .help(format!("move it after that step, as `revoke previous.{name} after … {{ … }}`"))
}

/// Conductor has no word for what a call does: a DELETE, or a call of `revoke`, between a new credential and its storing.
fn by_method(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if cx.plan.dialect.semantics().declares_intent {
        return;
    }
    let mut by_store: Vec<&Keeping<'_>> = cx.keepings().iter().collect();
    by_store.sort_by_key(|k| k.store);
    let mut seen = HashSet::new();
    for request in cx.flow.requests.iter().filter(|r| is_revocation(r.http) && !cx.carried(r).is_empty()) {
        let behind = by_store.partition_point(|k| k.store <= request.step);
        let late = by_store.iter().skip(behind).find(|kept| {
            request.step != kept.maker
                && cx.order().may_precede(request.step, kept.store)
                && !cx.order().are_parallel(request.step, kept.store)
        });
        let Some((kept, store)) = late.and_then(|kept| Some((kept, cx.order().get(kept.store)?))) else { continue };
        let Some(node) = cx.order().get(request.step).filter(|_| seen.insert(request.step)) else { continue };
        out.push(
            found(kept.secret, node.step.at.0, store.step.at.0)
                .severity(Severity::Warning)
                .confidence(Confidence::Medium)
                .help("store the new credential first, and revoke the old one after it was tried"),
        );
    }
}

fn is_revocation(http: &Http) -> bool {
    let mut text = String::new();
    http.url.walk(&mut |part| text.extend(part.as_str()));
    let last = text.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    http.method == "DELETE" || (http.method != "GET" && ["revoke", "invalidate", "deactivate", "disable"].iter().any(|w| last.starts_with(w)))
}
