//! # ROT526 wrong-half
//!
//! What it finds: the private half of a generated pair where the public one belongs: sent in a member that is called `public_key` or to an address of deploy keys, SSH keys or a key
//! set while nobody is sent the public half; stored in a field for the public one; and the public half stored as the private one.
//!
//! ## Why it matters
//!
//! Whoever runs the service can sign and log in from then on, and the key may be on a public page. A private half is sent to nobody.
//!
//! ## Fails
//!
//! ```rot
//! secret admin to "git.example.com" in header
//! secret deploy { private_key, id } to "git.example.com" in body, program "ssh" in file
//!
//! rotation r {
//!   generate pair ed25519 { format "openssh" }
//!   stage deploy { private_key: pair.private_key }
//!   http add POST "https://git.example.com/repos/shop/deploy-keys" sets slot {
//!     bearer secrets.admin
//!     json { label: "ci", key: pair.private_key }
//!   }
//!   verify { exec "ssh" { arguments ["-i", path, "git@git.example.com"]  file pending.deploy.private_key } }
//!   promote deploy
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret admin to "git.example.com" in header
//! secret deploy { private_key, id } to "git.example.com" in body, program "ssh" in file
//!
//! rotation r {
//!   generate pair ed25519 { format "openssh" }
//!   stage deploy { private_key: pair.private_key }
//!   http add POST "https://git.example.com/repos/shop/deploy-keys" sets slot {
//!     bearer secrets.admin
//!     json { label: "ci", key: pair.public_key }
//!   }
//!   verify { exec "ssh" { arguments ["-i", path, "git@git.example.com"]  file pending.deploy.private_key } }
//!   promote deploy
//! }
//! ```

use crate::check::context::Context;
use crate::check::intent::written;
use crate::check::vocabulary::{named_values, words};
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::expr::{Root, Version};
use crate::plan::task::lifecycle::NewValue;
use crate::plan::{Expr, ExprKind, Task};
use crate::source::Span;
use std::collections::HashSet;

/// Words of an address where public keys are kept.
const PUBLISHED: [&str; 8] = ["deploy", "ssh", "jwks", "public", "authorized", "keyset", "certificates", "signing"];

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut published: HashSet<(usize, &str)> = HashSet::new();
    let mut pairs: HashSet<(usize, &str)> = HashSet::new();
    for (_, node) in cx.order().iter() {
        if let Task::Generate(generate) = &node.step.task
            && generate.generator.captures().len() > 1
        {
            pairs.insert((node.rotation, node.step.name.as_str()));
        }
        for expr in node.step.task.exprs() {
            expr.walk(&mut |part| {
                if let ExprKind::Ref(Root::Capture { step, name }) = &part.kind
                    && name == "public_key"
                {
                    published.insert((node.rotation, step));
                }
            });
        }
    }
    if pairs.is_empty() {
        return;
    }
    // The fields in which the private half of a pair is staged.
    let mut kept: HashSet<(&str, Option<&str>, &str)> = HashSet::new();
    for (_, node) in cx.order().iter() {
        let Some(write) = node.step.task.write() else { continue };
        let (Some(secret), Some(value)) = (write.secret, write.value) else { continue };
        let note = |field: Option<&str>, value: &Expr, out: &mut Vec<Diagnostic>| {
            let Some((pair, half)) = half_of(cx, node.rotation, value).filter(|(pair, _)| pairs.contains(&(node.rotation, *pair))) else { return };
            let says = |word: &str| field.is_some_and(|field| words(field).iter().any(|w| w == word));
            let wrong = says("public") && half == "private_key" || says("private") && half == "public_key";
            if wrong {
                out.push(found(value.at.0, &format!("`{pair}.{half}` is stored as `{}`", field.unwrap_or_default())));
            }
        };
        match value {
            NewValue::Single(value) => {
                note(None, value, out);
                if let Some((pair, "private_key")) = half_of(cx, node.rotation, value) {
                    kept.insert((secret, None, pair));
                }
            }
            NewValue::Fields(fields) => {
                for (field, value) in fields {
                    note(Some(field), value, out);
                    if let Some((pair, "private_key")) = half_of(cx, node.rotation, value) {
                        kept.insert((secret, Some(field), pair));
                    }
                }
            }
        }
    }
    for (_, node) in cx.order().iter() {
        let Task::Http(http) = &node.step.task else { continue };
        let place: Vec<String> = words(&written(http));
        for (name, value) in named_values(http) {
            let direct = half_of(cx, node.rotation, value).filter(|(_, half)| *half == "private_key").map(|(pair, _)| pair);
            let pair = direct.or_else(|| {
                let ExprKind::Ref(Root::Secret { name, field, version: Version::Pending }) = &cx.meant(node.rotation, value).kind else { return None };
                kept.iter().find(|(secret, of, _)| secret == name && *of == field.as_deref()).map(|(_, _, pair)| *pair)
            });
            let Some(pair) = pair.filter(|pair| pairs.contains(&(node.rotation, *pair))) else { continue };
            let name_words = words(name);
            let says = |list: &[&str]| name_words.iter().any(|w| list.contains(&w.as_str()));
            let is_public = says(&["public", "pub", "publickey", "authorized"]);
            let unsaid = !says(&["private", "secret", "privatekey", "password", "value", "data", "payload"]);
            let published_here = unsaid && place.iter().any(|w| PUBLISHED.contains(&w.as_str()));
            if is_public || published_here && !published.contains(&(node.rotation, pair)) {
                out.push(found(value.at.0, &format!("the private half of `{pair}` is sent as `{name}`, where the public one belongs")));
            }
        }
    }
}

fn found(place: Span, message: &str) -> Diagnostic {
    Diagnostic::new(codes::WRONG_HALF, place, message)
        .at("the other half")
        .help("a service is given `.public_key`; `.private_key` is stored, and sent to nobody")
}

/// The pair of which a value is a half, and which.
fn half_of<'p>(cx: &Context<'_, 'p>, rotation: usize, expr: &'p Expr) -> Option<(&'p str, &'p str)> {
    match &cx.meant(rotation, expr).kind {
        ExprKind::Ref(Root::Capture { step, name }) => Some((step, name)),
        _ => None,
    }
}
