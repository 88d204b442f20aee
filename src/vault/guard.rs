//! Whether somebody else could have put a file where it is, or can change it: what ssh asks of its own files (`StrictModes`,
//! sshd_config(5)). A file belongs to its user or to root, and neither it nor the folders that lead to it can be written to by others.
//!
//! Root works on behalf of the user whose project or home it is in (a container, `sudo`), so what belongs to that user is not
//! foreign to it. A folder that a group shares on purpose may hold a vault of any of its members. Shares of a network say of owners
//! and modes what their server wants, and are not asked.

use super::Paths;
use super::identity;
use super::pin;
use super::replace;
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::world::World;
use crate::world::fs::{FileKind, Stat, Storage};
use std::path::{Path, PathBuf};

const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
/// In such a folder only its owner, and that of a file, may remove or rename the file.
const STICKY: u32 = 0o1000;

/// Refuses state, pin and identities that others could have put there.
///
/// # Errors
/// ROT833, exit 2.
pub fn check(world: &World, paths: &Paths) -> Result<()> {
    let trust = Trust::of(world, &paths.vault);
    if !paths.state.as_os_str().is_empty() {
        trust.way_to(&paths.state, "the memory of this machine")?;
        let pin = pin::file(world, &paths.state, &paths.vault);
        for part in [replace::dir_of(&pin).to_owned(), pin] {
            trust.one(&part, "the memory of this machine")?;
        }
    }
    let credentials = world.env.var("CREDENTIALS_DIRECTORY");
    for path in paths.identities.iter().filter(|p| !identity::is_special(p)) {
        // Who hands over credentials answers for their folder.
        let handed = credentials
            .as_ref()
            .is_some_and(|dir| !dir.is_empty() && path.starts_with(dir));
        if !handed && let Ok(target) = world.fs.resolve(path) {
            trust.way_to(replace::dir_of(&target), "the identity")?;
        }
    }
    Ok(())
}

/// Refuses a vault that somebody else owns or that everybody can change, and one with a second name, behind which somebody else
/// may hold on to it.
pub(super) fn vault(world: &World, path: &Path, stat: &Stat) -> Result<()> {
    if stat.links > 1 && !is_backup(world, path, stat) {
        let shown = path.display();
        return Err(unsafe_file(format!(
            "the vault {shown} has {} names: what is changed under one of them is changed under all",
            stat.links
        ))
        .help(format!("cp {shown} {shown}.own && mv {shown}.own {shown}")));
    }
    let trust = Trust::of(world, path);
    let foreign = !trust.is_trusted(stat.uid) && !trust.is_shared(path, stat);
    let open = stat.mode & OTHERS_WRITE != 0;
    match (foreign, open) {
        (true, _) if trust.asks(path) => Err(trust.foreign(path, "the vault", stat)),
        (_, true) if trust.asks(path) => Err(writable(path, "the vault", stat, "go-w")),
        _ => Ok(()),
    }
}

/// A lock that is another file too: who locks it writes into that one.
pub(super) fn lock(path: &Path) -> Error {
    let shown = path.display();
    unsafe_file(format!(
        "the lock {shown} has more names than one: writing into it would change another file"
    ))
    .help(format!("when no rot is at work: rm {shown}"))
}

/// Refuses an identity that somebody else owns.
pub(super) fn identity(world: &World, target: &Path, stat: &Stat) -> Result<()> {
    let trust = Trust::of(world, target);
    if !trust.is_trusted(stat.uid) && trust.asks(target) {
        return Err(trust.foreign(target, "the identity", stat));
    }
    Ok(())
}

/// A writer that died between its two renames leaves the vault under the name of its backup too.
fn is_backup(world: &World, path: &Path, stat: &Stat) -> bool {
    let backup = world.fs.stat(&replace::beside(path, ".prev"));
    stat.links == 2 && backup.is_ok_and(|b| b.is_some_and(|b| b.id == stat.id))
}

/// Whom this user trusts with files.
struct Trust<'w> {
    world: &'w World,
    own: u32,
    group: u32,
    others: Vec<u32>,
}

impl<'w> Trust<'w> {
    fn of(world: &'w World, vault: &Path) -> Self {
        let own = world.fs.user();
        let mut others = Vec::new();
        if own == 0 {
            let home = world.env.var("HOME").map(PathBuf::from);
            let folders = [Some(replace::dir_of(vault).to_owned()), home];
            others.extend(
                folders
                    .iter()
                    .flatten()
                    .filter_map(|dir| Some(world.fs.stat(dir).ok()??.uid)),
            );
            others.extend(
                world
                    .env
                    .var("SUDO_UID")
                    .and_then(|uid| uid.parse::<u32>().ok()),
            );
        }
        others.extend(world.fs.unmapped_user());
        Self {
            world,
            own,
            group: world.fs.group(),
            others,
        }
    }

    fn is_trusted(&self, uid: u32) -> bool {
        uid == self.own || uid == 0 || self.others.contains(&uid)
    }

    /// Whether owners and modes mean something there.
    fn asks(&self, path: &Path) -> bool {
        self.world.fs.storage(path) != Storage::Network
    }

    /// Whether the folder is meant for a group that this user belongs to, and the vault too.
    fn is_shared(&self, vault: &Path, stat: &Stat) -> bool {
        let folder = self.world.fs.stat(replace::dir_of(vault)).ok().flatten();
        folder.is_some_and(|folder| {
            folder.mode & GROUP_WRITES != 0
                && folder.gid == stat.gid
                && self.world.fs.groups().contains(&folder.gid)
                && self.is_trusted(folder.uid)
        })
    }

    /// The folder and all above it, as far as they are there.
    fn way_to(&self, folder: &Path, what: &str) -> Result<()> {
        let there = folder
            .ancestors()
            .find_map(|part| self.world.fs.resolve(part).ok());
        let Some(there) = there.filter(|there| self.asks(there)) else {
            return Ok(());
        };
        for part in there.ancestors() {
            if let Ok(Some(stat)) = self.world.fs.stat(part) {
                self.judge(part, what, &stat)?;
            }
        }
        Ok(())
    }

    fn one(&self, path: &Path, what: &str) -> Result<()> {
        match self.world.fs.stat(path) {
            Ok(Some(stat)) if stat.kind != FileKind::Symlink && self.asks(path) => {
                self.judge(path, what, &stat)
            }
            // A link is refused where it is read; what cannot be looked at cannot be read either.
            _ => Ok(()),
        }
    }

    fn judge(&self, path: &Path, what: &str, stat: &Stat) -> Result<()> {
        if !self.is_trusted(stat.uid) {
            return Err(self.foreign(path, what, stat));
        }
        let sticky = stat.kind == FileKind::Dir && stat.mode & STICKY != 0;
        if stat.mode & OTHERS_WRITE != 0 && !sticky {
            return Err(writable(path, what, stat, "go-w"));
        }
        // A user's own group, to which nobody else belongs by the custom of most systems, is no other; and root knows to which group
        // it gives a folder.
        let known = stat.gid == self.group || stat.gid == 0 || stat.uid == 0;
        if stat.mode & GROUP_WRITES != 0 && !sticky && !known {
            return Err(writable(path, what, stat, "g-w"));
        }
        Ok(())
    }

    fn foreign(&self, path: &Path, what: &str, stat: &Stat) -> Error {
        let shown = path.display();
        unsafe_file(format!(
            "{what} is not safe: {shown} belongs to the user {}, and not to you or to root",
            stat.uid
        ))
        .help(format!(
            "when it is yours: `sudo chown {} {shown}`; else name another place",
            self.own
        ))
    }
}

fn writable(path: &Path, what: &str, stat: &Stat, change: &str) -> Error {
    let shown = path.display();
    unsafe_file(format!(
        "{what} is not safe: others can write to {shown} (mode {:04o})",
        stat.mode & 0o7777
    ))
    .help(format!("chmod {change} {shown}"))
}

fn unsafe_file(message: String) -> Error {
    Error::plain(Failure::Usage, codes::UNSAFE_FILE, message)
}
