//! `rot vault revoked`: a person has made a version invalid at its issuer, or lives with it.

use super::args::RevokedArgs;
use super::{Ctx, Output};
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::run::sweep;

pub(super) fn run(cx: &Ctx, args: &RevokedArgs) -> Result<Output> {
    let mut vault = cx.open()?;
    // What only a journal of this machine knows is on the list as well.
    crate::run::keep_lost(&cx.world, &mut vault)?;
    let name = &args.name;
    let entry = vault.doc().entry(name)?;
    let version = match &args.version {
        Some(version) => version.clone(),
        None => {
            let mut listed = entry.versions.iter().filter(|v| v.unrevoked.is_some());
            match (listed.next(), listed.next()) {
                (Some(only), None) => only.id.clone(),
                (None, _) => {
                    return Err(which(name, "no version on the list of what is not revoked"));
                }
                (Some(_), Some(_)) => {
                    return Err(which(name, "several versions that are not revoked"));
                }
            }
        }
    };
    if entry.current.as_deref() == Some(version.as_str()) {
        return Err(Error::plain(
            Failure::Usage,
            codes::VAULT_CONFLICT,
            format!("version `{version}` of secret `{name}` is the current one"),
        )
        .help(format!(
            "store what takes its place first: `rot vault set {name}`, or run its rotation"
        )));
    }
    let (now, accept) = (cx.world.clock.now(), args.accept);
    vault.commit(|doc| {
        if accept {
            doc.accept_unrevoked(name, &version, now)?;
        } else {
            doc.mark_revoked(name, &version, now)?;
        }
        sweep::done(doc, name, &version);
        Ok(())
    })?;
    Ok(Output::new(&vault).note(if accept {
        format!("version {version} of `{name}` is off the list; it was not revoked")
    } else {
        format!("version {version} of `{name}` counts as revoked")
    }))
}

fn which(name: &str, what: &str) -> Error {
    Error::plain(
        Failure::Usage,
        codes::VAULT_NO_SUCH_SECRET,
        format!("secret `{name}` has {what}"),
    )
    .help(format!(
        "`rot vault history {name}` lists its versions; name one: `rot vault revoked {name} VERSION`"
    ))
}
