//! `rot vault rollback`: an earlier value as a new version.

use super::args::RollbackArgs;
use super::{Ctx, Output};
use crate::diagnostic::Result;

pub(super) fn run(cx: &Ctx, args: &RollbackArgs) -> Result<Output> {
    let mut vault = cx.open()?;
    let id = cx.version_id()?;
    let now = cx.world.clock.now();
    let mut source = String::new();
    vault.commit(|doc| {
        source = doc.rollback(&args.name, args.to.as_deref(), args.force, &id, now)?;
        Ok(())
    })?;
    Ok(Output::new(&vault)
        .note(format!(
            "`{}` is version {id} now, restored from {source}",
            args.name
        ))
        .note(
            "only the vault has changed: what uses the secret, and its issuer, know nothing of it",
        ))
}
