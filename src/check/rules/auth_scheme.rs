//! # ROT411 auth-scheme
//!
//! What it finds: one credential that is sent to one host under two schemes (`Bearer` in one call, `SSWS` or `token` in the others), and a scheme that a well-known service does
//! not know: Okta's API tokens go as `SSWS`, PagerDuty's as `Token token=`, GitLab's as `PRIVATE-TOKEN` or `Bearer`. As an error what is certain to be
//! refused: a scheme that is written twice (`Bearer Bearer …`, or `Bearer` within `bearer`), a signature for another region than that of the host at AWS, a token that is
//! signed by another algorithm than the key that the run makes has, and a call that logs in with the new value which it is about to set.
//!
//! ## Why it matters
//!
//! The server answers 401 to that one call. Where it is the one that revokes, the old credential lives on, and the rotation fails behind everything else.
//!
//! ## Fails
//!
//! ```rot
//! secret admin to "id.example.com" in header
//!
//! rotation r {
//!   http look GET "https://id.example.com/apps" { header "Authorization": "SSWS ${secrets.admin}" }
//!   http more GET "https://id.example.com/users" { header "Authorization": "SSWS ${secrets.admin}" }
//!   http last GET "https://id.example.com/keys" { header "Authorization": "Bearer ${secrets.admin}" }
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret admin to "id.example.com" in header
//!
//! rotation r {
//!   http look GET "https://id.example.com/apps" { header "Authorization": "SSWS ${secrets.admin}" }
//!   http more GET "https://id.example.com/users" { header "Authorization": "SSWS ${secrets.admin}" }
//!   http last GET "https://id.example.com/keys" { header "Authorization": "SSWS ${secrets.admin}" }
//! }
//! ```

use crate::check::context::Context;
use crate::check::refused;
use crate::check::vocabulary::words;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::expr::Root;
use crate::plan::task::{Auth, Http};
use crate::plan::{Expr, ExprKind};
use crate::source::Span;
use std::collections::BTreeMap;

/// Services that take one scheme alone for what their words name: end of the host, the word of the secret that has to be there, the
/// scheme, in lower case.
const KNOWN: [(&str, &[&str], &str); 3] = [
    (".okta.com", &["api", "token", "ssws"], "ssws"),
    (".oktapreview.com", &["api", "token", "ssws"], "ssws"),
    ("api.pagerduty.com", &["api", "token", "key"], "token"),
];

/// A scheme that is sent with a credential.
struct Sent<'p> {
    scheme: String,
    secret: &'p str,
    span: Span,
}

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    refused::check(cx, out);
    let mut by: BTreeMap<(usize, String, &str), Vec<Sent<'_>>> = BTreeMap::new();
    for request in &cx.flow.requests {
        let (Some(host), Some(node)) = (request.target.host.as_deref(), cx.order().get(request.step)) else { continue };
        let Some(sent) = scheme(cx, node.rotation, request.http) else { continue };
        by.entry((node.rotation, host.to_ascii_lowercase(), sent.secret)).or_default().push(sent);
    }
    for ((_, host, secret), mut sent) in by {
        sent.sort_by_key(|s| s.span.start);
        sent.dedup_by_key(|s| s.span);
        let known = KNOWN.iter().find(|(end, of, _)| host.ends_with(end) && words(secret).iter().any(|w| of.contains(&w.as_str()))).map(|(.., scheme)| *scheme);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for s in &sent {
            *counts.entry(s.scheme.as_str()).or_default() += 1;
        }
        let usual = match known.filter(|k| counts.contains_key(k)) {
            Some(known) => known.to_owned(),
            None if counts.len() < 2 => continue,
            None => {
                let most = counts.values().max().copied().unwrap_or_default();
                let mut first = sent.iter().filter(|s| counts.get(s.scheme.as_str()) == Some(&most));
                first.next().map(|s| s.scheme.clone()).unwrap_or_default()
            }
        };
        let Some(right) = sent.iter().find(|s| s.scheme == usual) else { continue };
        for wrong in sent.iter().filter(|s| s.scheme != usual) {
            let shown = |scheme: &str| if scheme.is_empty() { "no scheme".to_owned() } else { format!("`{scheme}`") };
            out.push(
                Diagnostic::new(
                    codes::AUTH_SCHEME,
                    wrong.span,
                    format!("`{secret}` is sent to {host} with {} here, and with {} elsewhere", shown(&wrong.scheme), shown(&usual)),
                )
                .at("one of them is refused")
                .label(right.span, format!("{} here", shown(&usual)))
                .help("use the scheme that the service documents in each call"),
            );
        }
    }
}

/// What stands before the credential in `Authorization`.
fn scheme<'p>(cx: &Context<'_, 'p>, rotation: usize, http: &'p Http) -> Option<Sent<'p>> {
    match &http.auth {
        Some(Auth::Bearer(token)) => {
            return Some(Sent { scheme: "bearer".to_owned(), secret: secret_of(cx, rotation, token)?, span: token.at.0 });
        }
        Some(Auth::Basic(..) | Auth::Client(..) | Auth::Login(..)) => return None,
        None => {}
    }
    let header = http.headers.iter().find(|h| h.name.eq_ignore_ascii_case("authorization"))?;
    let value = cx.meant(rotation, &header.value);
    let ExprKind::Template(parts) = &value.kind else {
        let secret = secret_of(cx, rotation, value)?;
        // All of the header is kept in the secret.
        return Some(Sent { scheme: String::new(), secret, span: value.at.0 });
    };
    let [before, credential] = parts.as_slice() else { return None };
    let scheme = before.as_str()?.trim().to_ascii_lowercase();
    let scheme = scheme.split([' ', '=']).next().unwrap_or_default().to_owned();
    // The pair of Basic is another text than the token.
    if scheme == "basic" {
        return None;
    }
    Some(Sent { scheme, secret: secret_of(cx, rotation, credential)?, span: value.at.0 })
}

fn secret_of<'p>(cx: &Context<'_, 'p>, rotation: usize, expr: &'p Expr) -> Option<&'p str> {
    match &cx.meant(rotation, expr).kind {
        ExprKind::Ref(Root::Secret { name, .. }) => Some(name),
        _ => None,
    }
}
