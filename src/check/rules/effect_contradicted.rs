//! # ROT518 effect-contradicted
//!
//! What it finds: a request that is declared `reads` and is none by what the text does with it: a `DELETE`, or a `POST`, `PUT` or `PATCH` whose answer
//! is stored as the new value of a secret. One that is declared `issues additive` and takes the old one's place: made with the credential whose successor it
//! answers, at an address that says `rotate` or `reset`. And one that is declared `sets slot` and leaves no other slot: `ACL SETUSER … resetpass`, the
//! password of one and the same user each time. And one that is declared `sets` and logs in with what it replaces: that is `sets self`.
//!
//! ## Why it matters
//!
//! What only reads is called again after a lost answer, as often as need be, and nothing is written down before it. Of a call that makes a
//! credential each lost answer then leaves one that nobody knows of; of one that ends something nobody learns that it was done.
//!
//! ## Fails
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret api_token { value, id } to "api.example.com"
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" reads {
//!     bearer secrets.admin_key
//!     secret token = body $.token
//!     public id    = body $.id
//!   }
//!   stage api_token { value: mint.token, id: mint.id }
//!   verify { http GET "https://api.example.com/me" { bearer pending.api_token.value } }
//!   promote api_token
//!   revoke previous.api_token after 24h {
//!     http DELETE "https://api.example.com/tokens/${previous.api_token.id}" { bearer secrets.admin_key }
//!   }
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
//!   stage api_token { value: mint.token, id: mint.id }
//!   verify { http GET "https://api.example.com/me" { bearer pending.api_token.value } }
//!   promote api_token
//!   revoke previous.api_token after 24h {
//!     http DELETE "https://api.example.com/tokens/${previous.api_token.id}" { bearer secrets.admin_key }
//!   }
//! }
//! ```

use crate::check::context::Context;
use crate::check::intent::{kills, written};
use crate::check::refused;
use crate::check::vocabulary::{Half, half};
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::effect::{Effect, Issues, Old};
use crate::plan::expr::{Function, Version};
use crate::plan::task::{Body, Http};
use crate::plan::visit::Act;
use crate::plan::{Expr, ExprKind, Root, Task};
use std::collections::HashMap;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().declares_intent {
        return;
    }
    replaces_itself(cx, out);
    sets_itself(cx, out);
    one_slot(cx, out);
    let stored: HashMap<usize, _> = cx.keepings().iter().map(|k| (k.maker, k)).collect();
    for request in &cx.flow.requests {
        let http = request.http;
        if http.effect != Effect::Reads {
            continue;
        }
        let method = http.method.as_str();
        if method == "DELETE" {
            out.push(
                Diagnostic::new(codes::EFFECT_CONTRADICTED, http.url.at.0, "a DELETE is declared `reads`")
                    .at("ends something")
                    .help("write `revokes` for what ends a credential, `sets` for any other change that may be made twice"),
            );
        } else if matches!(method, "POST" | "PUT" | "PATCH")
            && let Some(kept) = stored.get(&request.step)
        {
            let store = cx.order().get(kept.store).map_or(crate::source::Span::NONE, |n| n.step.at.0);
            out.push(
                Diagnostic::new(
                    codes::EFFECT_CONTRADICTED,
                    http.url.at.0,
                    format!("a {method} is declared `reads`, and what it answers becomes the new value of `{}`", kept.secret),
                )
                .at("makes a credential")
                .label(store, "stored here")
                .help("write `issues additive` where the old one lives on, `issues replacing` where it dies on the call"),
            );
        }
    }
}

/// Where the answer is known to take the place of what asked for it, whatever a file hopes: the end of the address.
const REPLACING: [&str; 3] = ["/access_tokens/self/rotate", "/personal_access_tokens/self/rotate", "/rotate-secret"];

/// A call that says that the old credential lives on, at an address that says that it does not.
fn replaces_itself(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for kept in cx.keepings() {
        let Some(http) = cx.http(kept.maker) else { continue };
        if !matches!(&http.effect, Effect::Issues(Issues { old: Old::Stays, assumed: false, .. })) || !kills(http) {
            continue;
        }
        let current = |expr: &Expr| expr.reads_secret(kept.secret, &[Version::Current]);
        let named = http.request_exprs().iter().any(|(_, expr)| current(expr));
        let known = REPLACING.iter().any(|end| written(http).trim_end_matches('/').ends_with(end));
        let revoked = || cx.writes_of(kept.secret).iter().any(|w| w.act == Act::Revoke);
        // What rolls often leaves the old one alive for a time, which its body says.
        let rolls = written(http).trim_end_matches('/').rsplit('/').next().is_some_and(|last| last.starts_with("roll"));
        if !named || !known && (rolls || revoked()) {
            continue;
        }
        out.push(
            Diagnostic::new(
                codes::EFFECT_CONTRADICTED,
                http.url.at.0,
                format!("this is declared `issues additive`, and its address says that the new `{}` takes the place of the one that asks", kept.secret),
            )
            .at("the old one dies on the call")
            .help("write `issues replacing`, with `grace` where the service lets the old one live for a time"),
        );
    }
}

/// `sets` says that somebody else logs in.
fn sets_itself(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (id, node) in cx.order().iter() {
        let Task::Http(http) = &node.step.task else { continue };
        let Some((secret, login)) = refused::sets_itself(cx, id, node.rotation, http) else { continue };
        out.push(
            Diagnostic::new(codes::EFFECT_CONTRADICTED, login, format!("this is declared `sets`, and `{secret}` logs in to replace itself"))
                .at("dead when the call is repeated")
                .label(http.url.at.0, "set by this call")
                .help("write `sets self`: after a lost answer the run then finds out which of the two the server knows"),
        );
    }
}

/// `sets slot` says that the other slot stays as it is: there has to be one.
fn one_slot(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (id, node) in cx.order().iter() {
        let Task::Http(http) = &node.step.task else { continue };
        // What a revocation sets is the one that stays.
        let revokes = || cx.order().around(id).any(|up| cx.order().get(up).is_some_and(|n| matches!(n.step.task, Task::Revoke(_))));
        if http.effect != Effect::SetsSlot || revokes() {
            continue;
        }
        let (message, certain) = match &http.body {
            Body::Command(words) if clears(words) => ("all passwords of the user are taken away, the one in use with them, before the new one is tried", true),
            Body::Statement { text, .. } if same_user(text) && !cx.order().around(id).any(|up| cx.order().is_choice(up)) => {
                ("it is the same user each time: the password in use is overwritten before the new one is tried", false)
            }
            Body::Json(_) | Body::Form(_) if same_address(http) && !cx.order().around(id).any(|up| cx.order().is_choice(up)) => {
                ("it is the same place each time: the password in use is overwritten before the new one is tried", false)
            }
            _ => continue,
        };
        out.push(
            Diagnostic::new(codes::EFFECT_CONTRADICTED, http.url.at.0, format!("this is declared `sets slot`, and {message}"))
                .at("no other slot stays")
                .help("set the slot that is not in use (`next([\"one\", \"two\"], …)`), add the new one beside the old, or write `sets`")
                .severity(if certain { Severity::Error } else { Severity::Warning }),
        );
    }
}

/// `ACL SETUSER name resetpass`, `CONFIG SET requirepass`.
fn clears(words: &[Expr]) -> bool {
    let word = |at: usize| words.get(at).and_then(Expr::as_str).map(str::to_ascii_lowercase).unwrap_or_default();
    let rest = || words.iter().skip(2).filter_map(Expr::as_str).map(str::to_ascii_lowercase);
    match (word(0).as_str(), word(1).as_str()) {
        ("acl", "setuser") => rest().any(|w| matches!(w.as_str(), "resetpass" | "reset" | "nopass")),
        ("config", "set") => rest().any(|w| matches!(w.as_str(), "requirepass" | "masterauth")),
        _ => false,
    }
}

/// `ALTER USER 'app' IDENTIFIED BY …`: nothing but the password is computed, and the server is not asked to keep the one before.
fn same_user(text: &Expr) -> bool {
    let (mut said, mut names) = (String::new(), false);
    text.walk(&mut |part| match &part.kind {
        ExprKind::String(text) => said.push_str(&text.to_ascii_lowercase()),
        ExprKind::Call(Function::Name | Function::Next, _) | ExprKind::Ref(Root::Let(_) | Root::Input(_) | Root::Variable(_)) => names = true,
        ExprKind::Ref(Root::Secret { field: Some(field), .. }) => names |= half(field) == Some(Half::Who),
        _ => {}
    });
    let alters = ["alter user", "alter role", "set password for", "alter login"].iter().any(|w| said.contains(w));
    alters && !names && !["retain current", "add ", "secondary", "dual", " or "].iter().any(|w| said.contains(w))
}

/// A PUT or PATCH of a password whose address and other members are written out.
fn same_address(http: &Http) -> bool {
    if !matches!(http.method.as_str(), "PUT" | "PATCH") {
        return false;
    }
    let mut fixed = true;
    let mut says = written(http).to_ascii_lowercase();
    http.url.walk(&mut |part| fixed &= !matches!(&part.kind, ExprKind::Ref(_)));
    let password = |members: &[(String, Expr)]| {
        let mut found = false;
        for (name, value) in members {
            let name = name.to_ascii_lowercase();
            let of_it = ["password", "passwd"].iter().any(|w| name == *w || name.starts_with(w) && name.ends_with("hash"));
            found |= of_it;
            if !of_it {
                says.push_str(&name);
                value.walk(&mut |part| match &part.kind {
                    ExprKind::Ref(_) => fixed = false,
                    ExprKind::String(text) => says.push_str(&text.to_ascii_lowercase()),
                    _ => {}
                });
            }
        }
        found
    };
    let found = match &http.body {
        Body::Json(Expr { kind: ExprKind::Object(members), .. }) | Body::Form(members) => { let mut password = password; password(members) }
        _ => false,
    };
    let slots = ["slot", "second", "primary", "standby", "idle", "spare", "next", "blue", "green", "backup", "alt"];
    found && fixed && !slots.iter().any(|w| says.contains(w))
}
