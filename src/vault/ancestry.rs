//! The files that a vault descends from. A generation is a counter, and two copies that went on apart both count: only the
//! hashes say which of two files continues the other.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many ancestors are remembered: three months of ten changes a day, in 17 KiB.
const KEPT: usize = 1024;
/// Hexadecimal digits of a hash that are kept. Only who can open the vault writes them, so nobody looks for collisions.
const DIGITS: usize = 16;

/// Ancestors, newest first. Written as one text, `12:9f86d081884c7d65 11:…`: generation, and the start of the file's hash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ancestry(Vec<(u64, String)>);

impl Ancestry {
    /// Whether it holds nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a file (`sha256:…`).
    pub(super) fn add(&mut self, generation: u64, file: &str) {
        let Some(digits) = digits(file) else { return };
        if !self.0.iter().any(|(_, known)| known == digits) {
            self.0.push((generation, digits.to_owned()));
            self.settle();
        }
    }

    /// Adds all ancestors of another line.
    pub(super) fn join(&mut self, other: &Ancestry) {
        for (generation, digits) in &other.0 {
            if !self.0.iter().any(|(_, known)| known == digits) {
                self.0.push((*generation, digits.clone()));
            }
        }
        self.settle();
    }

    /// Whether a file (`sha256:…`) is among them.
    pub(super) fn holds(&self, file: &str) -> bool {
        digits(file).is_some_and(|digits| self.0.iter().any(|(_, known)| known == digits))
    }

    /// Whether it goes back as far as `generation`, so that a file of it that is missing is no ancestor.
    pub(super) fn reaches(&self, generation: u64) -> bool {
        self.0
            .last()
            .is_some_and(|(oldest, _)| *oldest <= generation)
    }

    /// Sorted, and the oldest generations dropped as a whole.
    fn settle(&mut self) {
        self.0.sort_by(|a, b| b.cmp(a));
        if let Some((cut, _)) = self.0.get(KEPT - 1).cloned() {
            self.0.retain(|(generation, _)| *generation >= cut);
        }
    }
}

fn digits(file: &str) -> Option<&str> {
    file.strip_prefix("sha256:")?.get(..DIGITS)
}

impl Serialize for Ancestry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(self.0.len() * (DIGITS + 6));
        for (generation, digits) in &self.0 {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&format!("{generation}:{digits}"));
        }
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Ancestry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom("ancestors are written GENERATION:HASH");
        let mut ancestry = Self::default();
        for word in text.split_whitespace() {
            let (generation, digits) = word.split_once(':').ok_or_else(wrong)?;
            let generation = generation.parse().map_err(|_| wrong())?;
            if digits.len() != DIGITS || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(wrong());
            }
            ancestry.0.push((generation, digits.to_owned()));
        }
        ancestry.settle();
        Ok(ancestry)
    }
}
