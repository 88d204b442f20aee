//! From a file to a document: what is refused before it is opened, and what is said when it does not open.

use super::{Mode, Paths};
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::vault::crypt::{self, Fault, Form, Identity};
use crate::vault::document::Document;
use crate::vault::pin::Pin;
use crate::vault::{guard, pin, replace, wire};
use crate::world::World;
use crate::world::fs::FileKind;
use std::path::Path;
use zeroize::Zeroizing;

/// The largest vault file, in bytes.
pub const MAX_FILE: u64 = 64 * 1024 * 1024;

const RESTORE: &str = "restore the file from a copy; the `.prev` file beside it is one change older, and `rot vault accept` takes it";

/// What one file held.
pub(super) struct View {
    pub(super) doc: Document,
    pub(super) hash: String,
    pub(super) armored: bool,
}

impl View {
    pub(super) fn pin(&self, world: &World, path: &Path) -> Pin {
        Pin::of(world, path, &self.doc, &self.hash)
    }
}

/// Refuses what is no vault before anything is opened.
pub(super) fn inspect(world: &World, paths: &Paths, mode: Mode) -> Result<()> {
    let path = &paths.vault;
    let stat = world.fs.stat(path).map_err(|e| {
        unreadable(
            path,
            &format!("cannot be looked at ({})", crate::diagnostic::why(&e)),
        )
    })?;
    let Some(stat) = stat else {
        return Err(missing(world, paths));
    };
    match stat.kind {
        FileKind::File if stat.len > MAX_FILE => Err(unreadable(path, "is larger than 64 MiB")),
        // A look takes nobody's word and changes nothing.
        FileKind::File if mode == Mode::Look => Ok(()),
        FileKind::File => guard::vault(world, path, &stat),
        FileKind::Symlink => Err(unreadable(
            path,
            "is a symbolic link, which a new generation would replace",
        )
        .help("name the file that it leads to")),
        FileKind::Dir => Err(unreadable(path, "is a directory")),
        FileKind::Other => Err(unreadable(path, "is not a regular file")),
    }
}

fn missing(world: &World, paths: &Paths) -> Error {
    let path = &paths.vault;
    let error = Error::plain(
        Failure::Usage,
        codes::VAULT_MISSING,
        format!("there is no vault at {}", path.display()),
    );
    let traces = Traces::of(world, paths);
    let error = traces.notes().into_iter().fold(error, Error::note);
    if traces.backup {
        let backup = replace::beside(path, ".prev");
        error.help(format!(
            "restore it from version control or a backup; or take the copy beside it, which is one change older: `cp {} {}`, then `rot vault accept`",
            backup.display(),
            path.display()
        ))
    } else if traces.pin.is_some() || traces.forgotten {
        error.help(
            "restore it from version control or a backup; `rot vault init --anew` begins a new one",
        )
    } else {
        error.help("`rot vault init` makes one; `--vault PATH` names another")
    }
}

/// What tells that there was a vault where none is.
pub(super) struct Traces {
    /// What this machine remembers.
    pub(super) pin: Option<Pin>,
    /// Whether it was remembered, and the memory was taken away.
    pub(super) forgotten: bool,
    /// Whether the copy beside it is there.
    pub(super) backup: bool,
}

impl Traces {
    pub(super) fn of(world: &World, paths: &Paths) -> Self {
        let backup = replace::beside(&paths.vault, ".prev");
        Self {
            pin: pin::remembered(world, &paths.state, &paths.vault)
                .ok()
                .flatten(),
            forgotten: pin::is_forgotten(world, &paths.state, &paths.vault),
            backup: matches!(world.fs.stat(&backup), Ok(Some(_))),
        }
    }

    /// In words.
    pub(super) fn notes(&self) -> Vec<String> {
        let seen = self.pin.as_ref();
        seen.map(|pin| format!("this machine remembers one: {}", pin.describe()))
            .into_iter()
            .collect()
    }
}

pub(super) fn read(world: &World, path: &Path) -> Result<(Zeroizing<Vec<u8>>, String)> {
    let bytes = world.fs.read(path, MAX_FILE).map_err(|e| {
        unreadable(
            path,
            &format!("cannot be read ({})", crate::diagnostic::why(&e)),
        )
    })?;
    let hash = crypt::file_hash(&bytes);
    Ok((bytes, hash))
}

pub(super) fn view(
    path: &Path,
    bytes: &[u8],
    hash: String,
    identities: &[Identity],
) -> Result<View> {
    let plain = crypt::decrypt(bytes, identities)
        .map_err(|fault| unopened(&format!("the vault {}", path.display()), fault))?;
    Ok(View {
        doc: wire::decode(&plain)?,
        hash,
        armored: crypt::form(bytes) == Form::Armored,
    })
}

pub(super) fn unopened(what: &str, fault: Fault) -> Error {
    let error = |failure, code, text: &str| Error::plain(failure, code, format!("{what} {text}"));
    match fault {
        Fault::NoMatch => error(Failure::Usage, codes::VAULT_WRONG_IDENTITY, "is not encrypted to any of the identities given")
            .help("give the right `--identity`, or ask a recipient to run `rot vault recipients add` with the public key that `rot identity show` prints"),
        Fault::Newer => error(Failure::Usage, codes::VAULT_FORMAT, "is an age file of a version that is not known").help("update rot"),
        Fault::Passphrase | Fault::WrongPassphrase | Fault::TooMuchWork => {
            error(Failure::Usage, codes::VAULT_UNREADABLE, "is encrypted with a passphrase, not to recipients")
                .help("decrypt it with `age` and encrypt it to a recipient (`age --encrypt -r age1…`)")
        }
        Fault::NotAge => error(Failure::Tampered, codes::VAULT_UNREADABLE, "is not an age file").help(RESTORE),
        Fault::Damaged | Fault::Recipients | Fault::Panic => {
            error(Failure::Tampered, codes::VAULT_UNREADABLE, "is damaged: it was cut short or altered").help(RESTORE)
        }
    }
}

fn unreadable(path: &Path, what: &str) -> Error {
    Error::plain(
        Failure::Usage,
        codes::VAULT_UNREADABLE,
        format!("the vault {} {what}", path.display()),
    )
}
