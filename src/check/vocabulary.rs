//! What the words of a name say: whether it is of what tells who asks or of what opens, of good news or bad, of a time at which
//! something began or ends.

pub(crate) use super::intent::keep::words;

use super::context::Context;
use crate::plan::expr::Root;
use crate::plan::task::{Body, Http};
use crate::plan::{Expr, ExprKind};

/// The two halves of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    /// A name, an id: it tells who asks.
    Who,
    /// It opens.
    Opens,
}

fn any(words: &[String], list: &[&str]) -> bool {
    words.iter().any(|word| list.contains(&word.as_str()))
}

/// Which half of a login a name is of, where it says so.
pub(crate) fn half(name: &str) -> Option<Half> {
    const OPENS: [&str; 6] = ["secret", "password", "passwd", "pwd", "passphrase", "token"];
    let words = words(name);
    let last = words.last()?.as_str();
    if OPENS.contains(&last) || last == "key" && any(&words, &["secret", "private"]) {
        return Some(Half::Opens);
    }
    let who = [
        "id", "uid", "user", "username", "login", "email", "account", "kid",
    ];
    (who.contains(&last) && !any(&words, &OPENS)).then_some(Half::Who)
}

/// The name under which a value is known, where it is one: a field of a secret, the secret itself, a capture.
pub(crate) fn known_as<'p>(
    cx: &Context<'_, 'p>,
    rotation: usize,
    expr: &'p Expr,
) -> Option<&'p str> {
    match &cx.meant(rotation, expr).kind {
        ExprKind::Ref(Root::Secret { name, field, .. }) => Some(field.as_deref().unwrap_or(name)),
        ExprKind::Ref(Root::Capture { name, .. } | Root::Input(name)) => Some(name),
        ExprKind::Template(parts) => match parts.as_slice() {
            [only] => known_as(cx, rotation, only),
            _ => None,
        },
        _ => None,
    }
}

/// Named values of a request: members of its body and query, and what stands behind a word in its texts
/// (`SET RSA_PUBLIC_KEY = ${…}`).
pub(crate) fn named_values(http: &Http) -> Vec<(&str, &Expr)> {
    let mut found = Vec::new();
    let texts: Vec<&Expr> = match &http.body {
        Body::Json(body) | Body::Text(body) | Body::Raw(body) => vec![body],
        Body::Statement { text, .. } => vec![text],
        Body::Form(members) => {
            for (name, value) in members {
                found.push((name.as_str(), value));
            }
            members.iter().map(|(_, value)| value).collect()
        }
        Body::Command(_) | Body::None | Body::Program(_) => Vec::new(),
    };
    found.extend(
        http.query
            .iter()
            .map(|(name, value)| (name.as_str(), value)),
    );
    for text in texts {
        text.walk(&mut |part| match &part.kind {
            ExprKind::Object(members) => {
                found.extend(members.iter().map(|(name, value)| (name.as_str(), value)));
            }
            ExprKind::Template(parts) => {
                for pair in parts.windows(2) {
                    if let [before, value] = pair
                        && let Some(text) = before.as_str()
                        && let Some(name) = last_name(text)
                    {
                        found.push((name, value));
                    }
                }
            }
            _ => {}
        });
    }
    found
}

/// The last name of a text before a value: `RSA_PUBLIC_KEY` of `SET RSA_PUBLIC_KEY = '`.
fn last_name(text: &str) -> Option<&str> {
    let end = text.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let start = end.rfind(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')));
    let name = end.get(start.map_or(0, |at| at + 1)..)?;
    (!name.is_empty()).then_some(name)
}

/// Whether a word is of good news: that something works.
pub(crate) fn is_good_news(words: &[String]) -> bool {
    const GOOD: [&str; 14] = [
        "ok",
        "valid",
        "verified",
        "healthy",
        "ready",
        "success",
        "succeeded",
        "successful",
        "passed",
        "works",
        "working",
        "accepted",
        "authenticated",
        "reachable",
    ];
    let words: Vec<&String> = words.iter().collect();
    words
        .last()
        .is_some_and(|word| GOOD.contains(&word.as_str()))
        && !words
            .iter()
            .any(|word| ["not", "no", "never", "non", "un"].contains(&word.as_str()))
}

/// Whether a word says that something has to be replaced.
pub(crate) fn is_due(words: &[String]) -> bool {
    const DUE: [&str; 17] = [
        "rotate",
        "rotation",
        "due",
        "needed",
        "needs",
        "required",
        "overdue",
        "expired",
        "expiring",
        "stale",
        "outdated",
        "compromised",
        "leaked",
        "exposed",
        "renew",
        "renewal",
        "aged",
    ];
    const NOT: [&str; 12] = [
        "not", "no", "never", "disabled", "frozen", "locked", "paused", "blocked", "running",
        "progress", "done", "recent",
    ];
    any(words, &DUE) && !any(words, &NOT)
}

/// The letters and digits of a name, in lower case.
pub(crate) fn letters(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// Whether a state is one that something comes to, and stays in.
pub(crate) fn is_arrived(state: &str) -> bool {
    let state = letters(state);
    [
        "current",
        "awscurrent",
        "active",
        "done",
        "complete",
        "completed",
        "succeeded",
        "success",
        "ready",
        "valid",
        "issued",
        "deployed",
        "available",
        "finished",
        "synced",
        "healthy",
        "ok",
        "propagated",
        "insync",
        "applied",
        "verified",
    ]
    .contains(&state.as_str())
}

/// Whether a state is one that something passes through.
pub(crate) fn is_on_the_way(state: &str) -> bool {
    let state = letters(state);
    [
        "pending",
        "awspending",
        "inprogress",
        "processing",
        "creating",
        "waiting",
        "queued",
        "running",
        "updating",
        "started",
        "provisioning",
        "deploying",
        "rotating",
        "syncing",
        "new",
        "submitted",
        "progressing",
        "notready",
    ]
    .contains(&state.as_str())
}

/// Whether a name is of a time at which something began, and not of one at which it ends.
pub(crate) fn is_beginning(name: &str) -> bool {
    let words = words(name);
    let begins = [
        "created",
        "creation",
        "made",
        "issued",
        "updated",
        "modified",
        "used",
        "start",
        "started",
        "since",
        "nbf",
        "iat",
        "rotated",
        "generated",
    ];
    let ends = [
        "expires",
        "expire",
        "expiry",
        "expiration",
        "end",
        "ends",
        "until",
        "after",
        "valid",
        "exp",
        "deadline",
        "next",
    ];
    let joined: String = words.concat();
    let begins_joined = [
        "createdat",
        "issuedat",
        "notbefore",
        "createtime",
        "creationdate",
        "validfrom",
        "startdate",
        "starttime",
    ];
    (any(&words, &begins) && !any(&words, &ends)) || begins_joined.contains(&joined.as_str())
}
