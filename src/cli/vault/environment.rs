//! `rot vault environment`: to which environment the vault belongs.

use super::args::EnvironmentArgs;
use super::{Ctx, Output};
use crate::diagnostic::Printable;
use crate::diagnostic::Result;

pub(super) fn run(cx: &Ctx, args: &EnvironmentArgs) -> Result<Output> {
    let mut vault = cx.open()?;
    let Some(name) = &args.name else {
        let output = Output::new(&vault);
        return Ok(match vault.doc().environment() {
            Some(name) => output.text(&format!("{}\n", name.printable())),
            None => output.note(
                "the vault belongs to no environment; `rot vault environment NAME` says to which",
            ),
        });
    };
    let before = vault.doc().environment().map(str::to_owned);
    vault.commit(|doc| {
        doc.set_environment(name);
        Ok(())
    })?;
    let output = Output::new(&vault);
    Ok(match before {
        Some(before) if before == *name => output.note("the vault says so already"),
        Some(before) => output.note(format!(
            "the vault belongs to `{name}` now, and no more to `{before}`"
        )),
        None => output.note(format!(
            "the vault belongs to `{name}` now: runs need `--environment {name}`"
        )),
    })
}
