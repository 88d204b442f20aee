//! A disk as a power cut sees it: what was written, and what of it would still be there.
//!
//! Content and names are apart, as on a real disk: content is durable when its file was synced, a name when its directory
//! was. What is not durable yet is a list of operations in the order in which they were made; a power cut keeps any of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Smallest part of a write that is on the disk as a whole or not at all.
const SECTOR: usize = 512;

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Entry {
    /// A file, by the number of its inode.
    File(u64),
    /// A directory.
    Dir,
}

/// A change of a file's content that is not durable yet.
#[derive(Clone)]
enum Write {
    At(usize, Arc<Vec<u8>>),
    Length(usize),
}

/// A change of a directory that is not durable yet.
#[derive(Clone)]
enum Naming {
    Set(PathBuf, Entry),
    Unset(PathBuf),
    Move(PathBuf, PathBuf, Entry),
}

#[derive(Clone, Default)]
struct Inode {
    /// What a reader sees.
    content: Arc<Vec<u8>>,
    /// What is on the disk for certain.
    durable: Arc<Vec<u8>>,
    pending: Vec<(u64, Write)>,
    mode: u32,
}

/// A disk: files, names, and what of both is durable.
#[derive(Clone, Default)]
pub struct Disk {
    inodes: BTreeMap<u64, Inode>,
    names: BTreeMap<PathBuf, Entry>,
    durable_names: BTreeMap<PathBuf, Entry>,
    pending_names: Vec<(u64, Naming)>,
    /// Orders all pending operations.
    clock: u64,
    next: u64,
}

/// What a power cut leaves of that which was not synced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// Only the process dies; the system lives on, and syncs nothing by itself.
    Kill,
    /// Nothing.
    Nothing,
    /// Everything.
    Everything,
    /// The first so many operations.
    Prefix(usize),
    /// Everything, but of the last write only so many 256ths.
    Torn(usize),
    /// Everything, but the first sectors of the last write are zeros.
    Hole,
    /// Names, but no content: files of length nought.
    Names,
    /// Content, but no names.
    Content,
    /// By this seed: each name or not, and of each sector the content of some time since the last sync.
    Random(u64),
}

impl Disk {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// What a name stands for.
    pub fn entry(&self, path: &Path) -> Option<Entry> {
        if path == Path::new("/") {
            Some(Entry::Dir)
        } else {
            self.names.get(path).copied()
        }
    }

    /// What a reader sees in a file.
    pub fn content(&self, inode: u64) -> Arc<Vec<u8>> {
        self.inodes
            .get(&inode)
            .map(|i| i.content.clone())
            .unwrap_or_default()
    }

    /// Its permission bits.
    pub fn mode(&self, inode: u64) -> u32 {
        self.inodes.get(&inode).map_or(0, |i| i.mode)
    }

    /// How many names it has.
    pub fn links(&self, inode: u64) -> usize {
        self.names
            .values()
            .filter(|e| **e == Entry::File(inode))
            .count()
    }

    /// What is in a directory.
    pub fn children(&self, dir: &Path) -> Vec<PathBuf> {
        self.names
            .keys()
            .filter(|p| p.parent() == Some(dir))
            .cloned()
            .collect()
    }

    /// All files with what a reader sees in them.
    pub fn files(&self) -> Vec<(PathBuf, Arc<Vec<u8>>)> {
        self.names
            .iter()
            .filter_map(|(p, e)| {
                if let Entry::File(i) = e {
                    Some((p.clone(), self.content(*i)))
                } else {
                    None
                }
            })
            .collect()
    }

    /// Every byte that is anywhere: also in files without a name, and in content that a reader no longer sees.
    pub fn all_bytes(&self) -> Vec<Arc<Vec<u8>>> {
        let mut all = Vec::new();
        for inode in self.inodes.values() {
            all.push(inode.content.clone());
            if !Arc::ptr_eq(&inode.content, &inode.durable) {
                all.push(inode.durable.clone());
            }
            all.extend(inode.pending.iter().filter_map(|(_, w)| {
                if let Write::At(_, bytes) = w {
                    Some(bytes.clone())
                } else {
                    None
                }
            }));
        }
        all
    }

    /// Gives a name.
    pub fn name(&mut self, path: &Path, entry: Entry) {
        let at = self.tick();
        self.names.insert(path.to_path_buf(), entry);
        self.pending_names
            .push((at, Naming::Set(path.to_path_buf(), entry)));
    }

    /// A number for a file that no directory knows; nothing of it is ever seen.
    pub fn nameless(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Makes an empty file.
    pub fn create(&mut self, path: &Path, mode: u32) -> u64 {
        let inode = self.nameless();
        self.inodes.insert(
            inode,
            Inode {
                mode,
                ..Inode::default()
            },
        );
        self.name(path, Entry::File(inode));
        inode
    }

    /// Takes a name away.
    pub fn unname(&mut self, path: &Path) {
        let at = self.tick();
        self.names.remove(path);
        self.pending_names
            .push((at, Naming::Unset(path.to_path_buf())));
    }

    /// Moves a name.
    pub fn rename(&mut self, from: &Path, to: &Path) {
        let at = self.tick();
        if let Some(entry) = self.names.remove(from) {
            self.names.insert(to.to_path_buf(), entry);
            self.pending_names.push((
                at,
                Naming::Move(from.to_path_buf(), to.to_path_buf(), entry),
            ));
        }
    }

    /// Writes at the end of a file.
    pub fn append(&mut self, inode: u64, bytes: &[u8]) {
        let at = self.tick();
        let inode = self.inodes.entry(inode).or_default();
        let from = inode.content.len();
        Arc::make_mut(&mut inode.content).extend_from_slice(bytes);
        inode
            .pending
            .push((at, Write::At(from, Arc::new(bytes.to_vec()))));
    }

    /// Sets the length of a file.
    pub fn cut_to(&mut self, inode: u64, length: usize) {
        let at = self.tick();
        let inode = self.inodes.entry(inode).or_default();
        Arc::make_mut(&mut inode.content).resize(length, 0);
        inode.pending.push((at, Write::Length(length)));
    }

    /// Makes the content of a file durable.
    pub fn sync(&mut self, inode: u64) {
        if let Some(inode) = self.inodes.get_mut(&inode) {
            for (_, write) in std::mem::take(&mut inode.pending) {
                write.apply(Arc::make_mut(&mut inode.durable));
            }
            if inode.durable == inode.content {
                inode.durable = inode.content.clone();
            }
        }
    }

    /// A sync that fails: the kernel marks the pages as clean all the same, and no later sync writes them.
    pub fn forget_pending(&mut self, inode: u64) {
        if let Some(inode) = self.inodes.get_mut(&inode) {
            inode.pending.clear();
        }
    }

    /// Makes the names in a directory durable.
    pub fn sync_dir(&mut self, dir: &Path) {
        let (mine, others) = std::mem::take(&mut self.pending_names)
            .into_iter()
            .partition(|(_, n)| n.dir() == Some(dir));
        self.pending_names = others;
        let mine: Vec<(u64, Naming)> = mine;
        for (_, naming) in mine {
            naming.apply(&mut self.durable_names);
        }
    }

    /// All that is there is durable: the state that a test starts from.
    pub fn settle(&mut self) {
        self.durable_names = self.names.clone();
        self.pending_names.clear();
        for inode in self.inodes.values_mut() {
            inode.durable = inode.content.clone();
            inode.pending.clear();
        }
    }

    /// How many operations are not durable.
    pub fn pending(&self) -> usize {
        self.pending_names.len() + self.inodes.values().map(|i| i.pending.len()).sum::<usize>()
    }

    /// The ways in which a power cut here can end that differ from each other, the cheap ones first.
    pub fn cuts(&self, seeds: &[u64]) -> Vec<Cut> {
        let pending = self.pending();
        let mut cuts = vec![Cut::Nothing];
        if pending == 0 {
            return cuts;
        }
        cuts.push(Cut::Kill);
        cuts.push(Cut::Everything);
        cuts.extend((1..pending).map(Cut::Prefix));
        if self.last_write().is_some() {
            cuts.extend([1, 16, 128, 255].map(Cut::Torn));
            cuts.push(Cut::Hole);
            if !self.pending_names.is_empty() {
                cuts.extend([Cut::Names, Cut::Content]);
            }
        }
        if pending > 1 {
            cuts.extend(seeds.iter().copied().map(Cut::Random));
        }
        cuts
    }

    fn last_write(&self) -> Option<u64> {
        self.inodes
            .values()
            .flat_map(|i| &i.pending)
            .filter(|(_, w)| matches!(w, Write::At(..)))
            .map(|(at, _)| *at)
            .max()
    }

    /// The disk after a power cut.
    pub fn after(&self, cut: Cut) -> Disk {
        if cut == Cut::Kill {
            return self.clone();
        }
        let mut order: Vec<u64> = self
            .pending_names
            .iter()
            .map(|(at, _)| *at)
            .chain(
                self.inodes
                    .values()
                    .flat_map(|i| i.pending.iter().map(|(at, _)| *at)),
            )
            .collect();
        order.sort_unstable();
        let mut random = super::Random::new(if let Cut::Random(seed) = cut { seed } else { 0 });
        let chosen: Vec<u64> = order
            .iter()
            .enumerate()
            .filter(|(i, _)| match cut {
                Cut::Prefix(count) => *i < count,
                Cut::Random(_) => random.next() & 1 == 0,
                _ => true,
            })
            .map(|(_, at)| *at)
            .collect();
        let last = self.last_write();
        let mut disk = self.clone();
        for naming in std::mem::take(&mut disk.pending_names)
            .into_iter()
            .filter(|(at, _)| chosen.contains(at))
            .map(|(_, n)| n)
        {
            if !matches!(cut, Cut::Nothing | Cut::Content) {
                naming.apply(&mut disk.durable_names);
            }
        }
        for inode in disk.inodes.values_mut() {
            if matches!(cut, Cut::Random(_)) {
                inode.settle_some(&mut random);
            }
            for (at, write) in std::mem::take(&mut inode.pending) {
                if matches!(cut, Cut::Nothing | Cut::Names) || !chosen.contains(&at) {
                    continue;
                }
                let durable = Arc::make_mut(&mut inode.durable);
                match (cut, write) {
                    (Cut::Torn(part), Write::At(from, bytes)) if Some(at) == last => {
                        let count = bytes.len() * part / 256;
                        Write::At(
                            from,
                            Arc::new(bytes.get(..count).unwrap_or(&bytes).to_vec()),
                        )
                        .apply(durable);
                    }
                    // The later sectors are there, the first ones are not: they read as zeros.
                    (Cut::Hole, Write::At(from, bytes)) if Some(at) == last => {
                        let edge = ((from / SECTOR + 1) * SECTOR - from).min(bytes.len());
                        let mut holed = vec![0; edge];
                        holed.extend_from_slice(bytes.get(edge..).unwrap_or_default());
                        Write::At(from, Arc::new(holed)).apply(durable);
                    }
                    (_, write) => write.apply(durable),
                }
            }
            inode.content = inode.durable.clone();
        }
        // What is in a directory that is not there is not there.
        let names = disk.durable_names.clone();
        disk.durable_names.retain(|path, _| {
            path.ancestors()
                .skip(1)
                .all(|a| a == Path::new("/") || names.contains_key(a))
        });
        disk.names = disk.durable_names.clone();
        disk
    }

    /// Names and content as a number, to tell images from each other.
    pub fn fingerprint(&self) -> u64 {
        use std::hash::{Hash, Hasher};
        let mut hasher = std::collections::hash_map::DefaultHasher::new();
        self.durable_names.hash(&mut hasher);
        for inode in self.inodes.values() {
            inode.durable.hash(&mut hasher);
        }
        for (path, entry) in &self.names {
            path.hash(&mut hasher);
            if let Entry::File(inode) = entry {
                self.content(*inode).hash(&mut hasher);
            }
        }
        (self.pending() > 0).hash(&mut hasher);
        hasher.finish()
    }
}

impl Inode {
    /// What the system has written by itself, sector by sector, each at a time of its own; the length at another.
    fn settle_some(&mut self, random: &mut super::Random) {
        if self.pending.is_empty() {
            return;
        }
        let mut times = vec![self.durable.to_vec()];
        for (_, write) in std::mem::take(&mut self.pending) {
            let mut content = times.last().cloned().unwrap_or_default();
            write.apply(&mut content);
            times.push(content);
        }
        let count = times.len() as u64;
        let mut pick = || {
            let chosen = usize::try_from(random.next() % count).unwrap_or(0);
            times.get(chosen).map_or(&[][..], Vec::as_slice)
        };
        let mut content = vec![0; pick().len()];
        for (at, sector) in content.chunks_mut(SECTOR).enumerate() {
            let seen = pick();
            let from = (at * SECTOR).min(seen.len());
            let old = seen.get(from..).unwrap_or_default();
            sector
                .iter_mut()
                .zip(old)
                .for_each(|(to, from)| *to = *from);
        }
        self.durable = Arc::new(content);
    }
}

impl Write {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Write::Length(length) => content.resize(*length, 0),
            Write::At(from, bytes) => {
                let end = from + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                if let Some(room) = content.get_mut(*from..end) {
                    room.copy_from_slice(bytes);
                }
            }
        }
    }
}

impl Naming {
    fn dir(&self) -> Option<&Path> {
        match self {
            Naming::Set(path, _) | Naming::Unset(path) | Naming::Move(_, path, _) => path.parent(),
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, Entry>) {
        match self {
            Naming::Set(path, entry) => {
                names.insert(path.clone(), *entry);
            }
            Naming::Unset(path) => {
                names.remove(path);
            }
            Naming::Move(from, to, entry) => {
                names.remove(from);
                names.insert(to.clone(), *entry);
            }
        }
    }
}
