//! Finds every byte that belongs to a registered value, in every reading of a text.

use super::spelling::{BREAK, Cell, readings};
use super::value::Match;
use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// A spelling is hardly ever longer than the value by more than this factor (`&amp;#39;`, `\\u003d`).
const STRETCH: usize = 8;
/// How far a value may reach from an escape within it, in lengths of the value: the rest may be hexadecimal with separators.
pub(super) const REACH: usize = 3;
/// The start of a value says something from this many of its bytes on.
const START: usize = 3;
/// No escape is longer than this before it is complete (`\\uD83D\\uDE0`).
const ESCAPE: usize = 11;

/// The values that were registered together: what is looked for anywhere, and what is looked for as a token.
pub(super) struct Segment {
    pub(super) values: Vec<(Vec<u8>, Match)>,
    anywhere: Option<NFA>,
    tokens: Option<NFA>,
    /// An automaton could not be built: everything counts as covered rather than nothing.
    blind: bool,
    /// How many bytes of a value each state stands for, made when first asked for.
    started: OnceLock<[HashMap<StateID, usize>; 2]>,
}

impl Segment {
    pub(super) fn build(values: Vec<(Vec<u8>, Match)>) -> Self {
        let mut blind = false;
        let mut automaton = |how: Match| {
            let wanted: Vec<&[u8]> = values
                .iter()
                .filter(|(_, h)| *h == how)
                .map(|(v, _)| v.as_slice())
                .collect();
            if wanted.is_empty() {
                return None;
            }
            let built = NFA::builder()
                .match_kind(MatchKind::Standard)
                .build(wanted)
                .ok();
            blind |= built.is_none();
            built
        };
        let (anywhere, tokens) = (automaton(Match::Anywhere), automaton(Match::Token));
        Self {
            values,
            anywhere,
            tokens,
            blind,
            started: OnceLock::new(),
        }
    }

    /// How many cells at the end are the start of a value, and not all of it.
    fn started(&self, cells: &[Cell]) -> usize {
        let known = self.started.get_or_init(|| {
            [
                (&self.anywhere, Match::Anywhere),
                (&self.tokens, Match::Token),
            ]
            .map(|(automaton, how)| {
                let values = self.values.iter().filter(|(_, h)| *h == how);
                automaton
                    .as_ref()
                    .map(|a| starts(a, values.map(|(v, _)| v.as_slice())))
                    .unwrap_or_default()
            })
        });
        let ends = [&self.anywhere, &self.tokens].map(|automaton| {
            let automaton = automaton.as_ref()?;
            let start = automaton.start_state(Anchored::No).ok()?;
            Some(cells.iter().fold(start, |state, cell| {
                u8::try_from(cell.unit).map_or(start, |byte| {
                    automaton.next_state(Anchored::No, state, byte)
                })
            }))
        });
        let lengths = ends.iter().zip(known).map(|(state, known)| {
            state
                .and_then(|state| known.get(&state).copied())
                .unwrap_or(0)
        });
        lengths.max().unwrap_or(0)
    }
}

/// The length of what each state has of a value. The state at the end of a whole one has what its end is the start of.
fn starts<'v>(
    automaton: &NFA,
    values: impl Iterator<Item = &'v [u8]> + Clone,
) -> HashMap<StateID, usize> {
    let Ok(start) = automaton.start_state(Anchored::No) else {
        return HashMap::new();
    };
    let step = |state, byte: &u8| automaton.next_state(Anchored::No, state, *byte);
    let mut known = HashMap::new();
    for value in values.clone() {
        let mut state = start;
        for (at, byte) in value.iter().enumerate() {
            if at > 0 {
                known.insert(state, at);
            }
            state = step(state, byte);
        }
    }
    for value in values {
        let whole = value.iter().fold(start, step);
        if known.contains_key(&whole) {
            continue;
        }
        let rest = (1..value.len()).find_map(|from| {
            let state = value.get(from..)?.iter().fold(start, step);
            known.get(&state).copied()
        });
        if let Some(length) = rest {
            known.insert(whole, length);
        }
    }
    known
}

/// All values, in few automata: a text is run through each of them.
#[derive(Default)]
pub(super) struct Scanner {
    segments: Vec<Arc<Segment>>,
    /// Length of the longest value.
    longest: usize,
}

impl Scanner {
    pub(super) fn new(segments: Vec<Arc<Segment>>) -> Self {
        let values = segments.iter().flat_map(|s| &s.values);
        let longest = values.map(|(v, _)| v.len()).max().unwrap_or(0);
        Self { segments, longest }
    }

    /// Length of the longest spelling that is looked for.
    pub(super) fn longest(&self) -> usize {
        self.longest * STRETCH
    }

    /// The maximal runs of covered bytes, in order and apart from each other. `before` is the byte ahead of `text`;
    /// unless `at_end`, what stands after it is unknown and a token that touches the end does not count yet.
    pub(super) fn runs(&self, text: &[u8], before: Option<u8>, at_end: bool) -> Vec<Range<usize>> {
        if self.segments.is_empty() || text.is_empty() {
            return Vec::new();
        }
        if self.segments.iter().any(|s| s.blind) {
            return std::iter::once(0..text.len()).collect();
        }
        let mut all = Vec::new();
        readings(text, self.longest * REACH, |cells| {
            let mut found = Vec::new();
            for segment in &self.segments {
                if let Some(automaton) = &segment.anywhere {
                    anywhere(automaton, cells, &mut found);
                }
                if let Some(automaton) = &segment.tokens {
                    tokens(automaton, cells, before, at_end, &mut found);
                }
            }
            all.append(&mut found);
        });
        merged(all)
    }
}

impl Scanner {
    /// How many bytes at the end of `text` look like the start of a value, in any reading. An escape that is not complete counts
    /// with what stands before it.
    pub(super) fn started(&self, text: &[u8]) -> usize {
        let window = text.len().saturating_sub(self.longest());
        let text = text.get(window..).unwrap_or_default();
        if self.segments.iter().any(|s| s.blind) {
            return 0;
        }
        let incomplete = (text.len().saturating_sub(ESCAPE)..text.len())
            .filter(|at| text.get(*at).is_some_and(|b| br#"\%&='""#.contains(b)));
        let mut most = 0;
        for end in incomplete.chain(std::iter::once(text.len())) {
            let part = text.get(..end).unwrap_or_default();
            readings(part, self.longest * REACH, |cells| {
                if cells.last().is_none_or(|c| c.to as usize != end) {
                    return;
                }
                for segment in &self.segments {
                    let count = segment.started(cells);
                    let first = cells.len().checked_sub(count).and_then(|at| cells.get(at));
                    if count >= START
                        && let Some(first) = first
                    {
                        most = most.max(text.len() - first.from as usize);
                    }
                }
            });
        }
        most
    }
}

/// At each end the longest value that ends there: what is covered is the union, and shorter ones add nothing to it.
fn anywhere(automaton: &NFA, cells: &[Cell], found: &mut Vec<Range<usize>>) {
    walk(automaton, cells, |state, end| {
        let length = automaton.pattern_len(automaton.match_pattern(state, 0));
        add(found, span(cells, end - length..end));
    });
}

fn tokens(
    automaton: &NFA,
    cells: &[Cell],
    before: Option<u8>,
    at_end: bool,
    found: &mut Vec<Range<usize>>,
) {
    walk(automaton, cells, |state, end| {
        for one in 0..automaton.match_len(state) {
            let length = automaton.pattern_len(automaton.match_pattern(state, one));
            if is_token(cells, end - length..end, before, at_end) {
                add(found, span(cells, end - length..end));
                break;
            }
        }
    });
}

fn walk(automaton: &NFA, cells: &[Cell], mut hit: impl FnMut(StateID, usize)) {
    let Ok(start) = automaton.start_state(Anchored::No) else {
        return;
    };
    let mut state = start;
    for (at, cell) in cells.iter().enumerate() {
        let Ok(byte) = u8::try_from(cell.unit) else {
            state = start;
            continue;
        };
        state = automaton.next_state(Anchored::No, state, byte);
        if automaton.is_match(state) {
            hit(state, at + 1);
        }
    }
}

/// The bytes of the text that cells stand for.
fn span(cells: &[Cell], range: Range<usize>) -> Range<usize> {
    let from = cells.get(range.start).map_or(0, |c| c.from);
    let to = range
        .end
        .checked_sub(1)
        .and_then(|i| cells.get(i))
        .map_or(0, |c| c.to);
    from as usize..to as usize
}

/// Adds a match to sorted, disjoint runs. Matches come ordered by their end, so only the last runs can be touched.
fn add(runs: &mut Vec<Range<usize>>, mut range: Range<usize>) {
    while let Some(last) = runs.last() {
        if last.end < range.start || last.start > range.end {
            break;
        }
        range = last.start.min(range.start)..last.end.max(range.end);
        runs.pop();
    }
    runs.push(range);
}

fn merged(mut runs: Vec<Range<usize>>) -> Vec<Range<usize>> {
    runs.sort_unstable_by_key(|r| (r.start, r.end));
    runs.dedup_by(|next, first| {
        let joined = next.start <= first.end;
        if joined {
            first.end = first.end.max(next.end);
        }
        joined
    });
    runs
}

fn is_token(cells: &[Cell], range: Range<usize>, before: Option<u8>, at_end: bool) -> bool {
    let unit = |at: Option<usize>| at.and_then(|i| cells.get(i)).map(|c| c.unit);
    let (first, last) = (unit(Some(range.start)), unit(range.end.checked_sub(1)));
    let left = if range.start == 0 && cells.first().is_some_and(|c| c.from == 0) {
        before.map(u16::from)
    } else {
        unit(range.start.checked_sub(1))
    };
    let right = unit(Some(range.end));
    if right.is_none() && !at_end {
        return false;
    }
    let (tied_left, tied_right) = (joins(left) && joins(first), joins(last) && joins(right));
    !tied_left && !tied_right
}

/// Whether a byte is part of a word.
fn joins(unit: Option<u16>) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || !b.is_ascii();
    unit.is_some_and(|u| u != BREAK && u8::try_from(u).is_ok_and(word))
}
