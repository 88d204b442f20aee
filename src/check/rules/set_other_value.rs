//! # ROT516 set-other-value
//!
//! What it finds: a call that `sets` something else than the value that is staged: the version in use, or another generated value. And a verifier of
//! PostgreSQL (`scram_sha_256`) that MySQL or MariaDB is given in place of the password: they take its text for the password.
//!
//! ## Why it matters
//!
//! The server then knows a value that is not the one that comes into use, and after the promotion nobody gets in.
//!
//! ## Fails
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret db_password to "api.example.com"
//!
//! rotation r {
//!   generate fresh password { length 32 }
//!   stage db_password = fresh.value
//!   http PUT "https://api.example.com/users/app/password" sets {
//!     bearer secrets.admin_key
//!     json { password: secrets.db_password }
//!   }
//!   verify {
//!     http GET "https://api.example.com/me" { basic "app", pending.db_password }
//!   }
//!   promote db_password
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret db_password to "api.example.com"
//!
//! rotation r {
//!   generate fresh password { length 32 }
//!   stage db_password = fresh.value
//!   http PUT "https://api.example.com/users/app/password" sets {
//!     bearer secrets.admin_key
//!     json { password: pending.db_password }
//!   }
//!   verify {
//!     http GET "https://api.example.com/me" { basic "app", pending.db_password }
//!   }
//!   promote db_password
//! }
//! ```

use crate::check::context::Context;
use crate::check::life::Kind;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::expr::{Function, Root, Version};
use crate::plan::task::lifecycle::NewValue;
use crate::plan::task::http::SqlDialect;
use crate::plan::task::Body;
use crate::plan::{Effect, Expr, ExprKind, Task};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    slot_not_stored(cx, out);
    verifier_as_password(cx, out);
    for fact in &cx.life {
        if let Kind::StaleSent { published } = fact.kind {
            let name = fact.secret;
            out.push(
                Diagnostic::new(codes::SET_OTHER_VALUE, fact.span, format!("the old `{name}` is sent, and the new one is in use already"))
                    .at("the version of before")
                    .label(published, "the new one is in use from here on")
                    .help(format!("send `secrets.{name}`: a `let` keeps what it named when it was computed")),
            );
            continue;
        }
        let Kind::SetsOther { staged, old } = fact.kind else {
            continue;
        };
        let name = fact.secret;
        let (message, here) = if old {
            (
                format!("the server is given the old `{name}`, and a new one is staged"),
                "the version in use",
            )
        } else {
            (
                format!("the server is given another value than the one that is staged for `{name}`"),
                "another value",
            )
        };
        out.push(
            Diagnostic::new(codes::SET_OTHER_VALUE, fact.span, message)
                .at(here)
                .label(staged, "staged here")
                .help(format!("send `pending.{name}`")),
        );
    }
}

/// MySQL and MariaDB know no SCRAM-SHA-256: what stands behind `IDENTIFIED BY` becomes the password, letter by letter.
fn verifier_as_password(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for request in &cx.flow.requests {
        let Body::Statement { dialect: SqlDialect::Mysql | SqlDialect::Mariadb, text } = &request.http.body else { continue };
        let Some(node) = cx.order().get(request.step) else { continue };
        let mut said = String::new();
        text.walk(&mut |part| {
            if let ExprKind::String(text) = &part.kind {
                said.push_str(&text.to_ascii_lowercase());
            }
        });
        if !["identified", "set password"].iter().any(|words| said.contains(words)) {
            continue;
        }
        let mut verifier = None;
        let parts = if let ExprKind::Template(parts) = &text.kind { parts.as_slice() } else { std::slice::from_ref(text) };
        for part in parts {
            if matches!(&cx.meant(node.rotation, part).kind, ExprKind::Call(Function::ScramSha256, _)) {
                verifier = verifier.or(Some(part.at.0));
            }
        }
        let Some(verifier) = verifier else { continue };
        out.push(
            Diagnostic::new(codes::SET_OTHER_VALUE, verifier, "this server takes the verifier of PostgreSQL for the password itself")
                .at("the text becomes the password")
                .help("send the password: `${pending.NAME.password}`"),
        );
    }
}

/// `next(…, secrets.x.user)` chooses the slot that is not in use, that is the one which is set, and the record keeps the name of the one
/// in use.
fn slot_not_stored(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (_, node) in cx.order().iter() {
        let Task::Let(item) = &node.step.task else { continue };
        let ExprKind::Call(Function::Next, arguments) = &item.value.kind else { continue };
        let Some(ExprKind::Ref(Root::Secret { name: secret, field: Some(field), version: Version::Current })) =
            arguments.get(1).map(|expr| &cx.meant(node.rotation, expr).kind)
        else {
            continue;
        };
        let is_slot = |expr: &Expr| {
            let mut found = false;
            expr.walk(&mut |part| found |= matches!(&part.kind, ExprKind::Ref(Root::Let(name)) if *name == item.name));
            found
        };
        let set = cx.order().of_rotation(node.rotation).find(|(_, n)| {
            matches!(&n.step.task, Task::Http(http)
                if matches!(http.effect, Effect::SetsSlot | Effect::Sets | Effect::Issues(_)) && http.request_exprs().iter().any(|(_, expr)| is_slot(expr)))
        });
        let Some((_, set)) = set else { continue };
        for (_, store) in cx.order().of_rotation(node.rotation) {
            let Some(write) = store.step.task.write().filter(|w| w.secret == Some(secret.as_str())) else { continue };
            let Some(NewValue::Fields(fields)) = write.value else { continue };
            let stored = fields.iter().find(|(name, _)| name == field).map(|(_, value)| value);
            let in_use = |value: &Expr| {
                let meant = cx.meant_as(node.rotation, value);
                matches!(meant, Some((name, of, Version::Current)) if name == secret && of == Some(field.as_str()))
            };
            if stored.is_some_and(|value| !in_use(value)) {
                continue;
            }
            out.push(
                Diagnostic::new(
                    codes::SET_OTHER_VALUE,
                    stored.map_or(store.step.at.0, |value| value.at.0),
                    format!("`{secret}` keeps the `{field}` that is in use, and the new value is set for the other one"),
                )
                .at("name and value do not belong together")
                .label(set.step.at.0, format!("set for `{}` here", item.name))
                .help(format!("stage `{field}: {}`", item.name)),
            );
        }
    }
}
