//! # ROT309 secret-to-undeclared-host
//!
//! What it finds: a secret in a request to a host that its declaration does not name. A new credential may go to the host that issued it and
//! wherever the secrets may go into which it is stored, or its capture says (`secret token = body $.token to "host"`); where it is not stored and
//! its capture says nothing, a header of a request to another host that is written out is a warning. In Conductor JSON, which declares no hosts: a warning
//! where a secret goes to hosts of different owners.
//!
//! ## Why it matters
//!
//! This is the leak that the declaration is there to prevent: whoever runs the other host has the credential.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   http GET "https://api.example.org/me" {
//!     bearer secrets.api_key
//!     expect status 200
//!   }
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   http GET "https://api.example.com/me" {
//!     bearer secrets.api_key
//!     expect status 200
//!   }
//! }
//! ```

use super::userinfo_confusable_host;
use crate::check::context::{Context, Leak, Once, place_of};
use crate::check::flow::{Event, Part};
use crate::diagnostic::{Confidence, Diagnostic, Severity, codes};
use crate::plan::egress::Ruling;
use crate::plan::{Origin, Place, Policy};
use crate::source::Span;
use std::collections::{HashMap, HashSet};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut once = Once::default();
    let mut unsaid = HashSet::new();
    if !cx.plan.dialect.semantics().declares_intent {
        strangers(cx, out);
    }
    targets(cx, out);
    for event in &cx.flow.events {
        let Some((request, part)) = cx.request(event) else { continue };
        let (Some(place), Some(host)) = (place_of(part), &request.target.host) else { continue };
        for leak in cx.leaks(event) {
            let ruling = cx.may_go(&leak, &request.target, place);
            // The parts of a URL have rules of their own.
            let wrong = match ruling {
                Ruling::Allowed => false,
                Ruling::WrongHost | Ruling::Unsaid => true,
                Ruling::WrongPlace => matches!(part, Part::Header(_) | Part::Body | Part::In(_)),
            };
            if !wrong || !once.is_first(event, leak.entry.atom) {
                continue;
            }
            // A login at one host for work at another is common. What authenticates there stands in a header; what is sent as data
            // must be declared, where there are words for it.
            let login = place == Place::Header || !cx.plan.dialect.semantics().declares_intent && place.is_usual();
            let unlikely = ruling == Ruling::Unsaid && login;
            let confusable = request.target.user_info.as_deref().is_some_and(userinfo_confusable_host::looks_like_a_host);
            if confusable || (unlikely && !unsaid.insert((leak.entry.atom, host.as_str()))) {
                continue;
            }
            let what = leak.origin.describe();
            let (message, here) = if unlikely {
                (format!("{what} is sent to `{host}`, and nothing says that it may go there"), format!("sent to `{host}`"))
            } else if ruling != Ruling::WrongPlace {
                (format!("{what} is sent to `{host}`, where it may not go"), format!("sent to `{host}`"))
            } else {
                (format!("{what} may go to `{host}`, but not in its {}", place.as_str()), format!("sent in the {}", place.as_str()))
            };
            let mut found = cx.finding(codes::SECRET_TO_UNDECLARED_HOST, event, &leak.entry, message, &here);
            if unlikely {
                found = found.severity(Severity::Warning).confidence(Confidence::Medium);
            }
            found = declared(cx, &leak, found);
            out.push(found.help(remedy(cx, &leak, host)));
        }
    }
}

/// The credentials with which targets are asked.
fn targets(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for target in &cx.plan.targets {
        for sending in target.sendings() {
            let ruling = cx.egress.of_target(&sending);
            if ruling == Ruling::Allowed {
                continue;
            }
            let (secret, host, place) = (&sending.credential.secret, &sending.host, sending.place.as_str());
            let message = match ruling {
                Ruling::WrongPlace => format!("secret `{secret}` may go to `{host}`, but not in its {place}"),
                _ => format!("secret `{secret}` is sent to `{host}`, where it may not go"),
            };
            let place = match sending.place.is_usual() {
                true => String::new(),
                false => format!(" in {place}"),
            };
            let found = Diagnostic::new(codes::SECRET_TO_UNDECLARED_HOST, sending.credential.at.0, message)
                .at(format!("with it target `{}` is asked", target.name));
            out.push(found.help(format!("declare where it may go: `secret {secret} to \"{host}\"{place}`")));
        }
    }
}

/// Where the secret may go, as the text says it.
fn declared(cx: &Context<'_, '_>, leak: &Leak<'_>, found: Diagnostic) -> Diagnostic {
    let Origin::Secret(name) = leak.origin else { return found };
    let Some(secret) = cx.secret(name) else { return found };
    match &secret.policy {
        Policy::Declared(to) if to.is_empty() => found.label(secret.at.0, "declared without a destination: it is only stored"),
        Policy::Declared(to) => {
            let hosts: Vec<String> = to.iter().map(|d| format!("`{}`", d.host.0)).collect();
            found.label(secret.at.0, format!("declared for {}", hosts.join(", ")))
        }
        Policy::Implied => found,
    }
}

fn remedy(cx: &Context<'_, '_>, leak: &Leak<'_>, host: &str) -> String {
    match leak.origin {
        Origin::Secret(name) => format!("if `{host}` may have it, declare `secret {name} to … , \"{host}\"`; else send another credential"),
        _ => {
            let stores: Vec<&str> = cx.stored_in(leak.entry.atom).collect();
            match stores.first() {
                Some(store) => format!("it is stored in `{store}`: if `{host}` may have it, declare `secret {store} to \"{host}\"`"),
                None => format!("if `{host}` may have it, say so where it is captured: `secret … = body $.… to \"{host}\"`; else send another credential"),
            }
        }
    }
}

/// Conductor declares no destinations: a vault secret that goes to hosts of different owners is worth a look.
fn strangers(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut first: HashMap<&str, (String, Span)> = HashMap::new();
    let mut seen = HashSet::new();
    for event in &cx.flow.events {
        let Some((request, Part::Header(_) | Part::Body)) = cx.request(event) else { continue };
        let Some(owner) = request.target.host.as_deref().map(owner) else { continue };
        for leak in cx.leaks(event) {
            let Origin::Secret(name) = leak.origin else {
                if matches!(cx.request(event), Some((_, Part::Body))) {
                    to_another_owner(cx, event, &leak, &owner, out);
                }
                continue;
            };
            let implied = cx.secret(name).is_some_and(|s| s.policy == Policy::Implied);
            let (home, place) = first.entry(name).or_insert_with(|| (owner.clone(), event.span));
            if implied && *home != owner && seen.insert((name, owner.clone())) {
                let message = format!("secret `{name}` is sent to `{owner}` as well as to `{home}`");
                let place = *place;
                out.push(
                    cx.finding(codes::SECRET_TO_UNDECLARED_HOST, event, &leak.entry, message, "another owner")
                        .label(place, "sent here first")
                        .severity(Severity::Warning)
                        .confidence(Confidence::Medium)
                        .help(format!("send another credential; if both may have it, name its hosts under `[conductor.hosts] {name} = […]` in rot.toml")),
                );
            }
        }
    }
}

/// The token of a login as data for somebody else. What is stored may be brought to where it is used.
fn to_another_owner(cx: &Context<'_, '_>, event: &Event<'_>, leak: &Leak<'_>, to: &str, out: &mut Vec<Diagnostic>) {
    let step = match leak.origin {
        Origin::Minted { step, .. } | Origin::Response(step) => step,
        _ => return,
    };
    let maker = cx.order().find(event.rotation, step);
    let mut homes = maker.into_iter().flat_map(|id| cx.requests_of(id)).filter_map(|r| r.target.host.as_deref().map(owner));
    let Some(home) = homes.next().filter(|home| home != to) else { return };
    if cx.stored_in(leak.entry.atom).next().is_none() && homes.all(|other| other != to) {
        let message = format!("{} comes from `{home}` and is sent to `{to}` as data", leak.origin.describe());
        out.push(
            cx.finding(codes::SECRET_TO_UNDECLARED_HOST, event, &leak.entry, message, "another owner")
                .severity(Severity::Warning)
                .confidence(Confidence::Medium)
                .help("send an id instead; a credential that the other side needs is stored first, with UPDATE_SECRET"),
        );
    }
}

/// The domain by which hosts of one owner are known: the last two labels, three below a country's `co` and its like.
fn owner(host: &str) -> String {
    if host.parse::<std::net::IpAddr>().is_ok() {
        return host.to_owned();
    }
    let labels: Vec<&str> = host.split('.').collect();
    let second = labels.len().checked_sub(2).and_then(|i| labels.get(i)).copied().unwrap_or_default();
    let country = labels.last().is_some_and(|l| l.len() == 2) && matches!(second, "co" | "com" | "org" | "net" | "ac" | "gov");
    let kept = labels.len().saturating_sub(if country { 3 } else { 2 });
    labels.get(kept..).unwrap_or_default().join(".")
}
