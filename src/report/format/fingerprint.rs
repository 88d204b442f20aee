//! The fingerprint by which GitHub code scanning knows a finding again after lines have moved.

use std::collections::HashMap;

/// Characters of a line, running on into the next ones, that count.
const BLOCK: usize = 100;
const FACTOR: i64 = 37;
/// What stands at the end of the file.
const END: i64 = 65535;

/// `primaryLocationLineHash` of every line (index 0 is line 1), as github/codeql-action computes it: a rolling hash
/// over the next hundred UTF-16 units that are neither space nor tab, every kind of line end counting as `\n`, in hex
/// with a counter for equal hashes.
pub fn line_hashes(text: &str) -> Vec<String> {
    let mut rolling = Rolling {
        window: [0; BLOCK],
        starts: [false; BLOCK],
        hash: 0,
        first: (0..BLOCK).fold(1, |f: i64, _| f.wrapping_mul(FACTOR)),
        index: 0,
        counts: HashMap::new(),
        lines: Vec::new(),
    };
    let mut line_start = true;
    let mut after_cr = false;
    for unit in text.encode_utf16().map(i64::from).chain([END]) {
        let (space, tab, lf, cr) = (0x20, 0x09, 0x0a, 0x0d);
        if unit == space || unit == tab || (after_cr && unit == lf) {
            after_cr = false;
            continue;
        }
        after_cr = unit == cr;
        let unit = if after_cr { lf } else { unit };
        rolling.settle();
        if line_start {
            rolling.mark();
        }
        line_start = unit == lf;
        rolling.push(unit);
    }
    for _ in 0..BLOCK {
        rolling.settle();
        rolling.push(0);
    }
    rolling.lines
}

struct Rolling {
    window: [i64; BLOCK],
    /// Whether a line starts with the character at this place of the window.
    starts: [bool; BLOCK],
    hash: i64,
    first: i64,
    index: usize,
    counts: HashMap<i64, u32>,
    lines: Vec<String>,
}

impl Rolling {
    /// Gives out the hash of the line that started a full block ago, if one did.
    fn settle(&mut self) {
        if let Some(start) = self.starts.get_mut(self.index).filter(|s| **s) {
            *start = false;
            let count = self
                .counts
                .entry(self.hash)
                .and_modify(|n| *n += 1)
                .or_insert(1);
            self.lines.push(format!("{:x}:{count}", self.hash));
        }
    }

    fn mark(&mut self) {
        if let Some(start) = self.starts.get_mut(self.index) {
            *start = true;
        }
    }

    fn push(&mut self, unit: i64) {
        if let Some(slot) = self.window.get_mut(self.index) {
            let leaving = std::mem::replace(slot, unit);
            self.hash = self
                .hash
                .wrapping_mul(FACTOR)
                .wrapping_add(unit)
                .wrapping_sub(self.first.wrapping_mul(leaving));
        }
        self.index = (self.index + 1) % BLOCK;
    }
}
