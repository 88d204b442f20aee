//! # ROT107 unused-secret
//!
//! What it finds: a declared secret that no rotation of the file reads or writes.
//!
//! ## Why it matters
//!
//! Each declaration lets the file read a credential and send it to the hosts that it names. One that nothing needs is reach
//! without a purpose, and often what is left of a rotation that was removed.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key, legacy_key to "api.example.com"
//! secret api_token
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.api_key
//!     secret token = body $.token
//!   }
//!   update api_token = mint.token
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key to "api.example.com"
//! secret api_token
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.api_key
//!     secret token = body $.token
//!   }
//!   update api_token = mint.token
//! }
//! ```

use crate::check::Texts;
use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, Edit, codes};
use crate::plan::Task;
use crate::source::{FileId, Span};
use crate::syntax::ast::Name;
use std::collections::HashSet;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().declares_intent {
        return;
    }
    let mut used: HashSet<&str> = cx.flow.read_secrets.iter().copied().collect();
    for (_, node) in cx.order().iter() {
        used.extend(written(&node.step.task));
    }
    used.extend(cx.plan.deliveries.iter().map(|delivery| delivery.secret.as_str()));
    let sendings = cx.plan.targets.iter().flat_map(|target| target.sendings());
    used.extend(sendings.map(|sending| sending.credential.secret.as_str()));
    // What a shared file declares is used by the files that use it.
    let own: HashSet<FileId> = cx.plan.rotations.iter().filter(|r| !r.imported).map(|r| r.at.0.file).collect();
    for secret in cx.plan.secrets.iter().filter(|s| own.contains(&s.at.0.file)) {
        if !used.contains(secret.name.as_str()) {
            let name = &secret.name;
            out.push(
                Diagnostic::new(codes::UNUSED_SECRET, secret.at.0, format!("secret `{name}` is declared and never used"))
                    .at("nothing reads or writes it")
                    .help(format!("remove `{name}` from the declaration"))
                    .fix_if(format!("remove `{name}` from the declaration"), false, removal(cx.texts, secret.at.0)),
            );
        }
    }
}

/// The declaration goes with its line; one of several names goes with its fields and a comma.
fn removal(texts: &Texts<'_>, name: Span) -> Option<Vec<Edit>> {
    let declaration = texts.declaration(name)?;
    let names = &declaration.names;
    if names.len() == 1 {
        return Some(vec![texts.removal(declaration.span)?]);
    }
    let index = names.iter().position(|(n, _)| n.span.contains(name))?;
    let span = match (names.get(index + 1), index.checked_sub(1).and_then(|i| names.get(i))) {
        (Some((next, _)), _) => Span { end: next.span.start, ..names.get(index)?.0.span },
        (None, Some(before)) => Span { end: end(texts, names.get(index)?)?, start: end(texts, before)?, ..name },
        (None, None) => return None,
    };
    // A comment between the names is not thrown away.
    (!texts.at(span)?.contains('#')).then(|| vec![Edit { span, text: String::new() }])
}

/// Where a name ends with its fields.
fn end(texts: &Texts<'_>, (name, fields): &(Name, Vec<Name>)) -> Option<u32> {
    let Some(last) = fields.last() else { return Some(name.span.end) };
    let behind = texts.of(last.span)?.get(last.span.end as usize..)?;
    let brace = behind.find(|c: char| !c.is_whitespace() && c != ',').filter(|at| behind.get(*at..).is_some_and(|b| b.starts_with('}')))?;
    last.span.end.checked_add(u32::try_from(brace + 1).ok()?)
}

fn written(task: &Task) -> Option<&str> {
    task.write().and_then(|write| write.secret)
}
