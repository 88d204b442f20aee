//! # ROT506 interval-not-below-expiry
//!
//! What it finds: a rotation that runs less often than its credential lives: as `expires` says, or the request that asked for it (`expires_in: 3600` in its body).
//! The schedules of rotations that call it count as its own. And an expiry at the time at which the run begins, and one
//! that is later than the life which the request asked for, and one that is the time at which the credential was made (`body $.created_at`),
//! and a number of seconds (`expires_in`) that is read as a time.
//!
//! ## Why it matters
//!
//! Between the expiry and the next run there is no credential that works.
//!
//! ## Fails
//!
//! ```rot
//! secret client_id, client_secret to "auth.example.com"
//! secret access
//!
//! rotation r {
//!   every 1h
//!   http grant POST "https://auth.example.com/token" issues additive {
//!     client secrets.client_id, secrets.client_secret
//!     form { grant_type: "client_credentials" }
//!     secret token = body $.access_token
//!   }
//!   update access = grant.token expires run.started_at + 1h
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret client_id, client_secret to "auth.example.com"
//! secret access
//!
//! rotation r {
//!   every 30m
//!   http grant POST "https://auth.example.com/token" issues additive {
//!     client secrets.client_id, secrets.client_secret
//!     form { grant_type: "client_credentials" }
//!     secret token = body $.access_token
//!   }
//!   update access = grant.token expires run.started_at + 1h
//! }
//! ```

use crate::check::context::Context;
use crate::check::lifetime::{asked, life_of, period, show};
use crate::check::vocabulary::is_beginning;
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::expr::Root;
use crate::plan::schedule::{Dur, Schedule};
use crate::plan::task::CaptureSource;
use crate::plan::{ExprKind, Type};
use crate::source::Span;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    seconds_as_time(cx, out);
    for (id, node) in cx.order().iter() {
        if cx.stored_by(id).is_none() {
            continue;
        }
        ends_when_made(cx, id, node.rotation, out);
        let Some((life, said)) = life_of(cx, id) else { continue };
        if life.0 == 0 {
            out.push(
                Diagnostic::new(codes::INTERVAL_NOT_BELOW_EXPIRY, said, "the credential expires when the run begins")
                    .at("a life of nothing")
                    .help("say how long it lives, as `expires 30d`, or capture the time that the server names"),
            );
            continue;
        }
        shorter_than_said(cx, id, (life, said), out);
        let Some((schedule, period)) = shortest(cx, node.rotation).filter(|(_, period)| *period >= life) else { continue };
        let (every, lives) = (show(period), show(life));
        out.push(
            Diagnostic::new(
                codes::INTERVAL_NOT_BELOW_EXPIRY,
                schedule.at.0,
                format!("this runs every {every}, but the credential lives for {lives}"),
            )
            .at(format!("every {every}"))
            .label(said, format!("expires after {lives}"))
            .help(format!("run it at least every {}, so that one missed run does no harm", show(Dur(life.0 / 2)))),
        );
    }
}

/// Fields of answers that say for how many seconds something lives (RFC 6749 section 5.1; Vault's leases).
const SECONDS: [&str; 8] =
    ["expires_in", "expiresin", "lease_duration", "ttl", "ttl_seconds", "expires_in_seconds", "refresh_token_expires_in", "max_age"];

/// A length of time that is read as a point in time, which lies in 1970.
fn seconds_as_time(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for request in &cx.flow.requests {
        for capture in request.http.captures.iter().filter(|c| c.ty == Type::Time) {
            let CaptureSource::Body(path) = &capture.source else { continue };
            let place = path.as_str().rsplit(['.', '\'', '"']).find(|key| !key.is_empty() && *key != "]").unwrap_or_default();
            if SECONDS.contains(&place.to_ascii_lowercase().as_str()) {
                out.push(
                    Diagnostic::new(codes::INTERVAL_NOT_BELOW_EXPIRY, capture.at.0, format!("`{place}` is how long it lives, and is read as the time at which it ends"))
                        .at("a time in 1970")
                        .help("capture the time that the server names, or add the life to the time of the call, as `expires 1h`"),
                );
            }
        }
    }
}

/// An expiry that is the time at which the server made the credential, or began to take it.
fn ends_when_made<'p>(cx: &Context<'_, 'p>, store: usize, rotation: usize, out: &mut Vec<Diagnostic>) {
    let Some(expires) = cx.expires(store) else { return };
    let ExprKind::Ref(Root::Capture { step, name }) = &cx.meant(rotation, expires).kind else { return };
    let http = cx.order().find(rotation, step).and_then(|id| cx.http(id));
    let Some(capture) = http.and_then(|http| http.captures.iter().find(|c| c.name == *name)) else { return };
    let place = match &capture.source {
        CaptureSource::Body(path) => path.as_str().rsplit(['.', '\'', '"']).find(|key| !key.is_empty() && *key != "]").unwrap_or_default(),
        CaptureSource::Header(name) if name.eq_ignore_ascii_case("date") => "created",
        CaptureSource::Header(name) => name,
        CaptureSource::Text | CaptureSource::Status | CaptureSource::Expr(_) => return,
    };
    if !is_beginning(place) {
        return;
    }
    out.push(
        Diagnostic::new(
            codes::INTERVAL_NOT_BELOW_EXPIRY,
            expires.at.0,
            format!("`{step}.{name}` is the time at which the credential was made, not the one at which it ends"),
        )
        .at("expired from the start")
        .label(capture.at.0, "read here")
        .help("capture the time at which it ends, or add the life to it: `+ 30d`")
        .severity(Severity::Error),
    );
}

/// What is stored as good for longer than the request asked for.
fn shorter_than_said(cx: &Context<'_, '_>, store: usize, (life, said): (Dur, Span), out: &mut Vec<Diagnostic>) {
    let Some(secret) = cx.stored_by(store) else { return };
    let asked = cx.keepings_at(store).iter().filter(|kept| kept.secret == secret).find_map(|kept| {
        let rotation = cx.order().get(kept.maker)?.rotation;
        asked(cx, rotation, cx.http(kept.maker)?)
    });
    let Some((asked, place)) = asked.filter(|(asked, _)| *asked < life) else { return };
    out.push(
        Diagnostic::new(
            codes::INTERVAL_NOT_BELOW_EXPIRY,
            said,
            format!("`{secret}` is stored as good for {}, and was asked for with a life of {}", show(life), show(asked)),
        )
        .at(format!("dead after {}", show(asked)))
        .label(place, "asked for here")
        .help("capture the time that the server names, or say the life that is asked for"),
    );
}

/// The shortest time between two runs of a rotation, by its own schedule and by those of the rotations that call it.
fn shortest<'p>(cx: &Context<'_, 'p>, rotation: usize) -> Option<(&'p Schedule, Dur)> {
    let mut around = vec![rotation];
    around.extend(cx.calls.chain(rotation, cx.order()).iter().filter_map(|step| cx.order().get(*step)).map(|node| node.rotation));
    let schedules = around.iter().filter_map(|index| cx.plan.rotations.get(*index)?.schedule.as_ref());
    let mut found: Option<(&Schedule, Dur)> = None;
    for schedule in schedules {
        // One whose times are not known may be short enough.
        let every = period(schedule)?;
        if found.is_none_or(|(_, shortest)| every < shortest) {
            found = Some((schedule, every));
        }
    }
    found
}
