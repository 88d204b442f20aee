//! Where the texts of a project come from: the disk, or what an editor holds over it.

use super::files::{self, Unreadable};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// The texts of other files than the one that is looked at.
pub trait Texts: Sync {
    /// The text at a path, or why there is none.
    fn read(&self, path: &Path) -> Result<String, Unreadable>;

    /// The other JSON files of the folder of a file that exists, in the order of their names; at most a thousand.
    fn json_beside(&self, folder: &Path, file: &Path) -> Vec<PathBuf>;
}

/// The files as they are saved.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Texts for Disk {
    fn read(&self, path: &Path) -> Result<String, Unreadable> {
        files::read_text(path)
    }

    fn json_beside(&self, folder: &Path, file: &Path) -> Vec<PathBuf> {
        if file.is_file() {
            files::json_beside(folder, file)
        } else {
            Vec::new()
        }
    }
}

/// Unsaved texts over those on the disk. Paths are compared by name, with `.` and `..` resolved.
#[derive(Debug, Clone, Default)]
pub struct Overlay {
    texts: BTreeMap<PathBuf, Arc<str>>,
}

impl Overlay {
    /// From now on this is the text at a path.
    pub fn set(&mut self, path: &Path, text: impl Into<Arc<str>>) {
        self.texts.insert(plain(path), text.into());
    }

    /// The text on the disk counts again.
    pub fn remove(&mut self, path: &Path) {
        self.texts.remove(&plain(path));
    }

    /// The unsaved text at a path.
    pub fn get(&self, path: &Path) -> Option<&str> {
        self.texts.get(&plain(path)).map(AsRef::as_ref)
    }
}

impl Texts for Overlay {
    fn read(&self, path: &Path) -> Result<String, Unreadable> {
        match self.get(path) {
            Some(text) => files::text_of(text.as_bytes().to_vec()),
            None => files::read_text(path),
        }
    }

    fn json_beside(&self, folder: &Path, file: &Path) -> Vec<PathBuf> {
        let (inside, own) = (plain(folder), plain(file));
        let mut paths: Vec<PathBuf> = files::json_beside(folder, file);
        let unsaved = self.texts.keys().filter(|path| {
            path.parent() == Some(&inside) && path.extension().is_some_and(|e| e == "json")
        });
        paths.extend(unsaved.filter(|path| **path != own).cloned());
        paths.sort();
        paths.dedup_by(|a, b| plain(a) == plain(b));
        paths
    }
}

/// The path with `.` and `..` resolved by name alone.
pub fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}
