//! What an address and a body say of a call.

use super::about;
use crate::plan::task::{Body, Http};
use crate::plan::{Expr, ExprKind};

/// Words at the beginning of a last segment that makes something.
const MAKING: [&str; 11] = [
    "generate",
    "create",
    "new",
    "add",
    "issue",
    "mint",
    "rotate",
    "roll",
    "regenerate",
    "renew",
    "refresh",
];
/// Words at the beginning of a last segment that ends something.
const ENDING: [&str; 9] = [
    "revoke",
    "invalidate",
    "deactivate",
    "disable",
    "destroy",
    "delete",
    "remove",
    "expire",
    "retire",
];
/// Words of a call that puts a new value in the place of the old one.
const REPLACING: [&str; 9] = [
    "rotate",
    "roll",
    "regenerate",
    "regen",
    "reset",
    "renew",
    "refresh",
    "reissue",
    "rekey",
];
/// Members of a body that say whether something lives, and what they say of what does not.
const STATES: [&str; 6] = [
    "status", "state", "enabled", "active", "disabled", "revoked",
];
const DEAD: [&str; 7] = [
    "inactive",
    "disabled",
    "revoked",
    "deactivated",
    "expired",
    "suspended",
    "retired",
];

/// How a revocation stands to the call that made a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Relation {
    /// On the same host, and the same word in its address.
    Likely,
    /// Below the same address.
    Sure,
}

/// What is written out of a URL before its query.
pub(crate) fn written(http: &Http) -> String {
    let mut text = String::new();
    http.url.walk(&mut |part| text.extend(part.as_str()));
    text.split(['?', '#']).next().unwrap_or_default().to_owned()
}

/// Host and segments, those that come at run time left out.
fn segments(http: &Http) -> (String, Vec<String>) {
    let text = written(http);
    let rest = text
        .split_once("://")
        .map_or(text.as_str(), |(_, rest)| rest);
    let mut parts = rest.split('/');
    let host = parts.next().unwrap_or_default().to_ascii_lowercase();
    let segments = parts
        .map(|s| s.trim_end_matches(".json").to_ascii_lowercase())
        .filter(|s| !s.is_empty() && !s.starts_with('.'));
    (host, segments.collect())
}

fn begins(segment: &str, words: &[&str]) -> bool {
    words.iter().any(|word| segment.starts_with(word))
}

/// How a call stands to that which made a credential; none where nothing says that they belong together.
pub(crate) fn relation(http: &Http, maker: &Http) -> Option<Relation> {
    let ((host, own), (made_at, mut made)) = (segments(http), segments(maker));
    if host != made_at {
        return None;
    }
    if made.last().is_some_and(|last| begins(last, &MAKING)) {
        made.pop();
    }
    let (noun, around) = made.split_last()?;
    let near = |segment: &String| {
        let (short, long) = if segment.len() < noun.len() {
            (segment, noun)
        } else {
            (noun, segment)
        };
        short.len() >= 3 && long.starts_with(short.trim_end_matches('s'))
    };
    let below = own.iter().zip(around).take_while(|(a, b)| a == b).count() == around.len();
    if maker.method != "GET" && below && own.get(around.len()).is_some_and(near) {
        return Some(Relation::Sure);
    }
    own.iter().any(near).then_some(Relation::Likely)
}

/// Whether a call ends the life of something: by its method, its last word, or what its body says.
pub(crate) fn is_revocation(http: &Http) -> bool {
    if matches!(http.method.as_str(), "GET" | "HEAD") {
        return false;
    }
    let ends = || {
        segments(http)
            .1
            .last()
            .is_some_and(|last| begins(last, &ENDING))
    };
    http.method == "DELETE" || ends() || disables(http)
}

/// `{"status": "Inactive"}`, `{"enabled": false}`
fn disables(http: &Http) -> bool {
    let Body::Json(body) = &http.body else {
        return false;
    };
    let ExprKind::Object(members) = &body.kind else {
        return false;
    };
    members.iter().any(|(key, value)| {
        let key = key.to_ascii_lowercase();
        let says = |truth: bool| matches!(&value.kind, ExprKind::Bool(value) if *value == truth);
        STATES.contains(&key.as_str())
            && match key.as_str() {
                "enabled" | "active" => says(false),
                "disabled" | "revoked" => says(true),
                _ => value
                    .as_str()
                    .is_some_and(|v| DEAD.contains(&v.to_ascii_lowercase().as_str())),
            }
    })
}

/// Whether a call puts the new value in the place of the old one, which is dead from then on: by its method, or by the last word
/// of its address.
pub(crate) fn is_in_place(http: &Http) -> bool {
    let replaces = |word: &str| {
        let word = word.to_ascii_lowercase();
        REPLACING.iter().any(|r| {
            word == *r
                || word
                    .strip_prefix(r)
                    .is_some_and(|rest| rest.starts_with(['-', '_', ':']))
        })
    };
    let last = || segments(http).1.pop().unwrap_or_default();
    matches!(http.method.as_str(), "PUT" | "PATCH") || last().split(['.', ':']).any(replaces)
}

/// Whether the old credential is dead when a call has answered: it says that it replaces, and speaks of no time in which both live.
pub(crate) fn kills(http: &Http) -> bool {
    let mut lasting = false;
    for expr in about(http) {
        expr.walk(&mut |part| match &part.kind {
            ExprKind::String(text) => lasting |= says_both(text),
            ExprKind::Object(members) => lasting |= members.iter().any(|(key, _)| says_both(key)),
            _ => {}
        });
    }
    lasting |= http.query.iter().any(|(key, _)| says_both(key));
    let word = |segment: &String| {
        segment
            .split(['.', ':', '-', '_', '/'])
            .next()
            .is_some_and(|word| {
                [
                    "rotate",
                    "roll",
                    "regenerate",
                    "regen",
                    "reset",
                    "reissue",
                    "rekey",
                ]
                .contains(&word)
            })
    };
    !lasting && http.method != "GET" && segments(http).1.last().is_some_and(word)
}

/// Words of a time in which the old credential lives on.
fn says_both(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    [
        "grace",
        "overlap",
        "old",
        "prev",
        "delay",
        "keep",
        "revoke_at",
        "valid_for",
    ]
    .iter()
    .any(|word| text.contains(word))
}

/// Whether short-lived tokens are fetched at an address: a login, or a grant of OAuth.
pub(crate) fn is_login(http: &Http) -> bool {
    let (host, segments) = segments(http);
    let last = segments.last().map_or("", String::as_str);
    let grants = ["oauth", "login", "session", "signin"]
        .iter()
        .any(|word| host.contains(word) || segments.iter().any(|s| s.contains(word)));
    last == "token" || grants || about(http).into_iter().any(grant)
}

fn grant(expr: &Expr) -> bool {
    let mut found = false;
    expr.walk(&mut |part| match &part.kind {
        ExprKind::String(text) => found |= text.contains("grant_type="),
        ExprKind::Object(members) => found |= members.iter().any(|(key, _)| key == "grant_type"),
        _ => {}
    });
    found
}

/// Whether a field says that it is of what is no longer in use.
pub(crate) fn is_of_the_dead(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "inactive", "disabled", "expired", "unused", "revoked", "stale", "orphan", "retired",
    ]
    .iter()
    .any(|word| name.contains(word))
}
