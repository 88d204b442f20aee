//! `rot vault accept`: takes the file as it is, and says what was remembered before.

use super::{Ctx, Output};
use crate::diagnostic::Printable;
use crate::diagnostic::Result;
use crate::vault::Vault;

pub(super) fn run(cx: &Ctx) -> Result<Output> {
    let (vault, before) = Vault::accept(&cx.world, &cx.paths)?;
    cx.remember_places();
    let mut output = Output::new(&vault);
    output = match &before {
        Some(pin) if pin.file == vault.file_hash() => {
            return Ok(output.note("this machine remembers that very file already"));
        }
        Some(pin) => output.note(format!("remembered until now: {}", pin.describe())),
        None => output.note("nothing was remembered until now"),
    };
    output = output.note(format!(
        "remembered from now on: generation {} of {}",
        vault.generation(),
        vault.path().display()
    ));
    if let Some(pin) = &before
        && pin.vault_id != vault.id()
    {
        output =
            output.note("it is another vault than before: its secrets and its people are its own");
    }
    for name in vault.doc().recipient_names() {
        output = output.note(format!("who can open it: {}", name.printable()));
    }
    Ok(output)
}
