//! A file of this machine. It is written beside, made durable, given its owner and mode, and put in the place of the old one
//! in one step: a reader sees the whole old content or the whole new one.

use super::{Found, Payload, Recipient, Site, Trouble, absolute};
use crate::diagnostic::Printable;
use crate::plan::target::{FileForm, FileTarget};
use crate::run::engine::Local;
use crate::vault::export::{docker_value, dotenv_value};
use crate::vault::{Secret, beside, dir_of, variable};
use crate::world::World;
use crate::world::fs::{FileKind, Stat};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::Path;
use zeroize::Zeroizing;

/// No file of variables is longer.
const LIMIT: u64 = 8 << 20;
/// Permission bits.
const BITS: u32 = 0o7777;

impl Recipient for FileTarget {
    fn put<'a>(
        &'a self,
        site: &'a Site<'a>,
        payload: &'a Payload,
    ) -> Local<'a, Result<(), Trouble>> {
        Box::pin(async move { self.write(site, payload) })
    }

    fn look<'a>(
        &'a self,
        site: &'a Site<'a>,
        payload: &'a Payload,
    ) -> Local<'a, Result<Found, Trouble>> {
        Box::pin(async move { self.compare(site, payload) })
    }
}

/// Who a file belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Owner {
    uid: Option<u32>,
    gid: Option<u32>,
}

impl FileTarget {
    fn write(&self, site: &Site<'_>, payload: &Payload) -> Result<(), Trouble> {
        let (fs, path) = (&site.world.fs, absolute(site, &self.path)?);
        safe_folder(site.world, dir_of(&path))?;
        let owner = self.owner(site.world)?;
        let (stat, before) = present(site.world, &path)?;
        let after = self.content(before.as_ref().map(|b| b.as_slice()), payload)?;
        if let (Some(stat), Some(before)) = (&stat, &before)
            && before.as_slice() == after.as_slice()
        {
            // The same again: nothing is replaced, but owner and mode are as they should be.
            if !self.is_owned(stat, owner) {
                fs.own(&path, owner.uid, owner.gid, self.mode)
                    .map_err(|e| not_owned(&path, &e))?;
            }
            return Ok(());
        }
        self.replace(site.world, &path, owner, &after)
    }

    /// Puts a new content in the place of the old one.
    fn replace(
        &self,
        world: &World,
        path: &Path,
        owner: Owner,
        after: &[u8],
    ) -> Result<(), Trouble> {
        let (fs, folder) = (&world.fs, dir_of(path));
        // One name for each file, so that what a crash leaves is found.
        let beside = beside(path, ".rot-new");
        let failed = |e: io::Error| {
            // What was begun is of no use; the next attempt would remove it too.
            let _ = fs.remove(&beside);
            not_written(path, &e)
        };
        match fs.remove(&beside) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let mut file = fs.create(&beside, 0o600).map_err(failed)?;
        file.write(after).map_err(failed)?;
        if let Err(error) = fs.own(&beside, owner.uid, owner.gid, self.mode) {
            let _ = fs.remove(&beside);
            return Err(not_owned(path, &error));
        }
        file.sync().map_err(failed)?;
        fs.rename(&beside, path).map_err(failed)?;
        fs.sync_dir(folder).map_err(|e| Trouble {
            unknown: true,
            ..not_written(path, &e)
        })
    }

    /// What is there as it is; nothing where there is no file.
    pub(super) fn there(&self, site: &Site<'_>) -> Result<Option<Zeroizing<Vec<u8>>>, Trouble> {
        let path = absolute(site, &self.path)?;
        safe_folder(site.world, dir_of(&path))?;
        Ok(present(site.world, &path)?.1)
    }

    /// Puts a content there that was made elsewhere.
    pub(super) fn set(&self, site: &Site<'_>, after: &[u8]) -> Result<(), Trouble> {
        let path = absolute(site, &self.path)?;
        safe_folder(site.world, dir_of(&path))?;
        self.replace(site.world, &path, self.owner(site.world)?, after)
    }

    fn compare(&self, site: &Site<'_>, payload: &Payload) -> Result<Found, Trouble> {
        let path = absolute(site, &self.path)?;
        let owner = self.owner(site.world)?;
        let (Some(stat), Some(there)) = present(site.world, &path)? else {
            return Ok(Found::Absent);
        };
        if self.content(Some(&there), payload)?.as_slice() != there.as_slice() {
            return Ok(Found::Differs("its content"));
        }
        Ok(match self.is_owned(&stat, owner) {
            true => Found::Same,
            false => Found::Differs("its owner or mode"),
        })
    }

    fn is_owned(&self, stat: &Stat, owner: Owner) -> bool {
        stat.mode & BITS == self.mode
            && owner.uid.is_none_or(|uid| uid == stat.uid)
            && owner.gid.is_none_or(|gid| gid == stat.gid)
    }

    /// What the file should hold, whatever it holds now.
    fn content(
        &self,
        before: Option<&[u8]>,
        payload: &Payload,
    ) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        match self.form {
            FileForm::Raw => payload.document(),
            FileForm::Dotenv | FileForm::Docker => {
                variables(before.unwrap_or_default(), self.form, payload)
            }
        }
    }

    fn owner(&self, world: &World) -> Result<Owner, Trouble> {
        let Some(text) = &self.owner else {
            return Ok(Owner {
                uid: None,
                gid: None,
            });
        };
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text.as_str(), None),
        };
        Ok(Owner {
            uid: Some(number(world, "/etc/passwd", "user", user)?),
            gid: group
                .map(|group| number(world, "/etc/group", "group", group))
                .transpose()?,
        })
    }
}

/// The number of a user or group, from the machine's own list.
fn number(world: &World, list: &str, what: &str, name: &str) -> Result<u32, Trouble> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let text = world.fs.read(Path::new(list), LIMIT).unwrap_or_default();
    let found = String::from_utf8_lossy(&text).lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok())?
    });
    found.ok_or_else(|| {
        Trouble::refused(
            format!("there is no {what} `{name}` in {list}"),
            format!("create the {what}, or write its number: `owner \"1000:1000\"`"),
        )
    })
}

/// Who can put files into the folder decides what readers get.
fn safe_folder(world: &World, folder: &Path) -> Result<(), Trouble> {
    let shown = folder.display();
    match world.fs.stat(folder) {
        Ok(Some(stat)) if stat.kind == FileKind::Dir => {
            if stat.mode & 0o002 != 0 && stat.mode & 0o1000 == 0 {
                return Err(Trouble::refused(
                    format!("everybody can write in the folder `{shown}`"),
                    format!(
                        "`chmod o-w {shown}`: who can replace the file decides which credential its reader uses"
                    ),
                ));
            }
            Ok(())
        }
        Ok(Some(_)) => Err(Trouble::refused(
            format!("`{shown}` is no folder"),
            "write the real folder: a link to one is not followed",
        )),
        Ok(None) => Err(Trouble::refused(
            format!("the folder `{shown}` is not there"),
            "create it, with the owner and mode that its readers need",
        )),
        Err(error) => Err(Trouble::refused(
            format!(
                "the folder `{shown}` cannot be looked at: {}",
                crate::diagnostic::why(&error)
            ),
            "look at its permissions",
        )),
    }
}

/// A file as it is: what it is, and what it holds.
type Present = (Option<Stat>, Option<Zeroizing<Vec<u8>>>);

/// What is at the path; a link, or what is no file, is refused.
fn present(world: &World, path: &Path) -> Result<Present, Trouble> {
    let unread = |error: &io::Error| {
        Trouble::refused(
            format!(
                "`{}` cannot be read: {}",
                path.display(),
                crate::diagnostic::why(error)
            ),
            "look at its permissions, and at its size",
        )
    };
    match world.fs.stat(path).map_err(|e| unread(&e))? {
        None => Ok((None, None)),
        Some(stat) if stat.kind == FileKind::File => match world.fs.read(path, LIMIT) {
            Ok(bytes) => Ok((Some(stat), Some(bytes))),
            Err(error) => Err(unread(&error)),
        },
        Some(_) => Err(Trouble::refused(
            format!("`{}` is a link, a folder or a device", path.display()),
            "write the path of the file itself: a link could lead the secret anywhere",
        )),
    }
}

fn not_written(path: &Path, error: &io::Error) -> Trouble {
    Trouble::refused(
        format!(
            "`{}` could not be written: {}",
            path.display(),
            crate::diagnostic::why(error)
        ),
        "look at the permissions of its folder and the room on its disk",
    )
}

fn not_owned(path: &Path, error: &io::Error) -> Trouble {
    Trouble::refused(
        format!(
            "`{}` could not be given its owner and mode: {}",
            path.display(),
            crate::diagnostic::why(error)
        ),
        "only root gives files away: run rot as root, or leave `owner` out",
    )
}

/// A file of variables with ours in it; all other lines stay as they are, byte for byte.
fn variables(
    before: &[u8],
    form: FileForm,
    payload: &Payload,
) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    let own = payload.variables();
    let mut lines: Vec<(String, Zeroizing<Vec<u8>>)> = Vec::with_capacity(own.len());
    for (name, value) in own {
        if lines.iter().any(|(known, _)| *known == name) {
            return Err(Trouble::refused(
                format!("two values would be called `{name}`"),
                "give one of them another name: `deliver … to … as \"NAME\"`",
            ));
        }
        let line = line(&name, value, form)?;
        lines.push((name, line));
    }
    let room = lines.iter().map(|(_, line)| line.len() + 2).sum::<usize>();
    let mut out = Zeroizing::new(Vec::with_capacity(before.len() + room + 2));
    let mut written = vec![false; lines.len()];
    for entry in entries(before, form) {
        let text = before.get(entry.all.clone()).unwrap_or_default();
        let key = entry.key.as_ref().and_then(|key| before.get(key.clone()));
        let at = lines
            .iter()
            .position(|(name, _)| Some(name.as_bytes()) == key);
        match (at, &entry.key) {
            (Some(at), Some(key)) => {
                if let (Some((_, line)), Some(written)) = (lines.get(at), written.get_mut(at))
                    && !std::mem::replace(written, true)
                {
                    // What stands before the name, such as `export`, and the end of the line stay.
                    let head = before.get(entry.all.start..key.start).unwrap_or_default();
                    out.extend_from_slice(head);
                    out.extend_from_slice(line);
                    out.extend_from_slice(ending(text));
                }
            }
            _ => out.extend_from_slice(text),
        }
    }
    for ((_, line), written) in lines.iter().zip(written) {
        if !written {
            if !out.is_empty() && !out.ends_with(b"\n") {
                out.push(b'\n');
            }
            out.extend_from_slice(line);
            out.push(b'\n');
        }
    }
    Ok(out)
}

/// `NAME=value` without the end of the line.
fn line(name: &str, value: &Secret, form: FileForm) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    if !variable::is_valid(name) || variable::is_steering(name) {
        return Err(Trouble::refused(
            format!(
                "`{}` cannot be the name of a variable here",
                name.printable()
            ),
            "letters, digits and `_`, and none that says what programs run or load: `deliver … to … as \"NAME\"`",
        ));
    }
    let mut out = Zeroizing::new(Vec::with_capacity(name.len() + value.len() * 2 + 4));
    out.extend_from_slice(name.as_bytes());
    out.push(b'=');
    let quote = match form {
        FileForm::Docker => docker_value,
        FileForm::Raw | FileForm::Dotenv => dotenv_value,
    };
    let text = value.expose_text().filter(|text| !text.contains('\0'));
    let fits = text.ok_or("is not text that a variable can hold");
    fits.and_then(|text| quote(text, &mut out)).map_err(|why| {
        Trouble::refused(
            format!("the value of `{name}` {why}"),
            "deliver it to a file of its own: `form \"raw\"`",
        )
    })?;
    Ok(out)
}

/// The end of a line: `\n`, `\r\n`, or none at the end of a file.
fn ending(text: &[u8]) -> &[u8] {
    if text.ends_with(b"\r\n") {
        b"\r\n"
    } else if text.ends_with(b"\n") {
        b"\n"
    } else {
        b""
    }
}

/// One assignment, or one line that is none.
struct Entry {
    all: Range<usize>,
    key: Option<Range<usize>>,
}

/// The file cut into assignments and other lines: nothing is left out. A value in quotes may go over several lines, except in
/// the form of docker, which knows no quotes.
fn entries(bytes: &[u8], form: FileForm) -> Vec<Entry> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let line_end = |from: usize| {
            let rest = bytes.get(from..).unwrap_or_default();
            let end = rest.iter().position(|b| *b == b'\n');
            end.map_or(bytes.len(), |end| from + end + 1)
        };
        let key = key_at(bytes, at);
        let mut end = line_end(at);
        if let (Some(key), FileForm::Dotenv | FileForm::Raw) = (&key, form) {
            end = end.max(closed(bytes, key.end).map_or(end, line_end));
        }
        found.push(Entry { all: at..end, key });
        at = end;
    }
    found
}

/// The name that is assigned on the line that begins here.
fn key_at(bytes: &[u8], line: usize) -> Option<Range<usize>> {
    let blank = |b: &u8| matches!(b, b' ' | b'\t');
    let skip = |from: usize, is: &dyn Fn(&u8) -> bool| {
        let rest = bytes.get(from..).unwrap_or_default();
        from + rest.iter().take_while(|b| is(b)).count()
    };
    let mut start = skip(line, &blank);
    let exported = bytes
        .get(start..)
        .unwrap_or_default()
        .strip_prefix(b"export");
    if exported.is_some_and(|rest| rest.first().is_some_and(blank)) {
        start = skip(start + b"export".len(), &blank);
    }
    let end = skip(start, &|b| b.is_ascii_alphanumeric() || *b == b'_');
    let assigns = bytes.get(skip(end, &blank)) == Some(&b'=');
    (end > start && assigns).then_some(start..end)
}

/// Where the quote of a value closes that is opened behind a name.
fn closed(bytes: &[u8], name_end: usize) -> Option<usize> {
    let rest = bytes.get(name_end..)?;
    let value = rest.iter().position(|b| *b == b'=')? + 1;
    let blanks = rest.get(value..)?;
    let value = value
        + blanks
            .iter()
            .take_while(|b| matches!(b, b' ' | b'\t'))
            .count();
    let quote = *rest.get(value)?;
    if !matches!(quote, b'\'' | b'"' | b'`') {
        return None;
    }
    let mut at = value + 1;
    while let Some(byte) = rest.get(at) {
        match *byte {
            b'\\' if quote == b'"' => at += 2,
            byte if byte == quote => return Some(name_end + at),
            _ => at += 1,
        }
    }
    None
}
