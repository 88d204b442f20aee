//! Finds every byte that belongs to a form of a registered value.

use aho_corasick::{AhoCorasick, MatchKind};
use std::collections::BTreeMap;
use std::ops::Range;
use zeroize::Zeroizing;

/// An automaton over all forms. Occurrences may overlap: what is covered is the union of all of them, so that no part
/// of a longer value stays behind a shorter one, whichever begins first.
pub(super) struct Scanner {
    automaton: Option<AhoCorasick>,
    whole: Vec<bool>,
    longest: usize,
    /// The forms in their order, to tell whether a text ends within one.
    sorted: Vec<Zeroizing<Vec<u8>>>,
    /// The automaton could not be built: everything counts as covered rather than nothing.
    blind: bool,
}

impl Scanner {
    pub(super) fn build(forms: &BTreeMap<Vec<u8>, bool>) -> Self {
        let longest = forms.keys().map(Vec::len).max().unwrap_or(0);
        let whole = forms.values().copied().collect();
        if forms.is_empty() {
            return Self {
                automaton: None,
                whole,
                longest,
                sorted: Vec::new(),
                blind: false,
            };
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(forms.keys())
            .ok();
        let blind = automaton.is_none();
        Self {
            automaton,
            whole,
            longest,
            sorted: forms.keys().cloned().map(Zeroizing::new).collect(),
            blind,
        }
    }

    /// How many bytes at the end of `text` may still become part of a value: the longest suffix that is the start of a form and
    /// not all of it, or a whole-token form whose right neighbour is not known yet.
    pub(super) fn undecided(&self, text: &[u8]) -> usize {
        if self.blind {
            return 0;
        }
        let first = text.len().saturating_sub(self.longest);
        (first..text.len())
            .find(|at| {
                text.get(*at..)
                    .is_some_and(|suffix| self.may_grow_from(suffix))
            })
            .map_or(0, |at| text.len() - at)
    }

    fn may_grow_from(&self, suffix: &[u8]) -> bool {
        let at = self.sorted.partition_point(|form| form.as_slice() < suffix);
        let equal = self
            .sorted
            .get(at)
            .is_some_and(|form| form.as_slice() == suffix);
        let whole = equal && self.whole.get(at).copied().unwrap_or(false);
        whole
            || self
                .sorted
                .get(at + usize::from(equal))
                .is_some_and(|form| form.starts_with(suffix))
    }

    /// The maximal runs of covered bytes, in order. `before` is the byte ahead of `text`; unless `at_end`, what stands
    /// after it is unknown and a whole-token form that touches the end does not count yet.
    pub(super) fn runs(&self, text: &[u8], before: Option<u8>, at_end: bool) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        let Some(automaton) = &self.automaton else {
            if self.blind && !text.is_empty() {
                found.push(0..text.len());
            }
            return found;
        };
        for one in automaton.find_overlapping_iter(text) {
            let range = one.range();
            let whole = self
                .whole
                .get(one.pattern().as_usize())
                .copied()
                .unwrap_or(false);
            if whole && !is_token(text, &range, before, at_end) {
                continue;
            }
            add(&mut found, range);
        }
        found
    }
}

/// Adds a match to sorted, disjoint runs. Matches come ordered by their end, so only the last runs can be touched.
fn add(runs: &mut Vec<Range<usize>>, mut range: Range<usize>) {
    while let Some(last) = runs.last() {
        if last.end < range.start {
            break;
        }
        range = last.start.min(range.start)..last.end.max(range.end);
        runs.pop();
    }
    runs.push(range);
}

fn is_token(text: &[u8], range: &Range<usize>, before: Option<u8>, at_end: bool) -> bool {
    let first = text.get(range.start).copied();
    let last = range.end.checked_sub(1).and_then(|i| text.get(i)).copied();
    let left = match range.start.checked_sub(1) {
        Some(i) => text.get(i).copied(),
        None => before,
    };
    let right = text.get(range.end).copied();
    if right.is_none() && !at_end {
        return false;
    }
    let (tied_left, tied_right) = (joins(left) && joins(first), joins(last) && joins(right));
    !tied_left && !tied_right
}

/// Whether a byte is part of a word.
fn joins(byte: Option<u8>) -> bool {
    byte.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_' || !b.is_ascii())
}
