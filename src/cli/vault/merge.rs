//! `rot vault merge`: joins the vault with another copy of it.

use super::args::MergeArgs;
use super::{Ctx, Output};
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::vault::Vault;

pub(super) fn run(cx: &Ctx, args: &MergeArgs) -> Result<Output> {
    if cx.read_only {
        return Err(Error::plain(
            Failure::Usage,
            codes::USAGE,
            "a merge changes the vault, and `--read-only` was given",
        )
        .help("leave `--read-only` away"));
    }
    let joined = Vault::merge(
        &cx.world,
        &cx.paths,
        args.base.as_deref(),
        &args.other,
        args.across_removal,
    )?;
    let mut output = joined
        .told
        .into_iter()
        .fold(Output::default(), Output::note);
    let mut vault = cx.open()?;
    for one in crate::run::keep_lost(&cx.world, &mut vault)? {
        output = output.note(format!(
            "version {} of `{}`, which run {} of this machine stored, is in neither copy: it is on the list of what is not revoked",
            one.version, one.secret, one.run_id
        ));
    }
    Ok(output.note(if joined.changed {
        format!("the vault is at generation {} now", vault.generation())
    } else {
        "nothing was changed".to_owned()
    }))
}
