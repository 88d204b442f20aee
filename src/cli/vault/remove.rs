//! `rot vault remove`: forgets a secret.

use super::args::RemoveArgs;
use super::{Ctx, Output};
use crate::diagnostic::Result;

pub(super) fn run(cx: &Ctx, args: &RemoveArgs) -> Result<Output> {
    let mut vault = cx.open()?;
    let now = cx.world.clock.now();
    vault.commit(|doc| doc.remove(&args.name, now))?;
    Ok(Output::new(&vault)
        .note(format!("removed `{}` with all its versions", args.name))
        .note("it is not revoked at its issuer, and older copies of the vault still hold it"))
}
