//! Suppressions of files, found for a finding without looking at all of them: a file may have thousands of both.

use super::{Scope, Suppression};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FileId, Span};
use jiff::civil::Date;
use std::collections::{HashMap, HashSet};

/// The suppressions that hold on a day, by what they are about.
#[derive(Default)]
pub(super) struct Index {
    files: HashSet<(FileId, Code)>,
    /// Places by their starts, each with the furthest end of all up to it.
    places: HashMap<(FileId, Code), Vec<(u32, u32)>>,
}

impl Index {
    pub(super) fn new(all: &[Suppression], today: Date) -> Self {
        let mut index = Self::default();
        for one in all
            .iter()
            .filter(|s| s.until.is_none_or(|until| today <= until))
        {
            match one.scope {
                Scope::File(file) => {
                    index.files.insert((file, one.rule));
                }
                Scope::Place(place) => index
                    .places
                    .entry((place.file, one.rule))
                    .or_default()
                    .push((place.start, place.end)),
            }
        }
        for places in index.places.values_mut() {
            places.sort_unstable();
            let mut furthest = 0;
            for (_, end) in places {
                furthest = furthest.max(*end);
                *end = furthest;
            }
        }
        index
    }

    /// Whether a suppression holds for a finding.
    pub(super) fn holds_for(&self, one: &Diagnostic) -> bool {
        let Span { file, start, .. } = one.span();
        let key = (file, one.code);
        self.files.contains(&key)
            || self.places.get(&key).is_some_and(|places| {
                let ahead = places.partition_point(|(first, _)| *first <= start);
                ahead
                    .checked_sub(1)
                    .and_then(|at| places.get(at))
                    .is_some_and(|(_, furthest)| start < *furthest)
            })
    }
}

/// Where the findings begin that suppressions may be about, in order.
#[derive(Default)]
pub(super) struct Met(HashMap<(FileId, Code), Vec<u32>>);

impl Met {
    pub(super) fn note(&mut self, one: &Diagnostic) {
        self.0
            .entry((one.span().file, one.code))
            .or_default()
            .push(one.span().start);
    }

    pub(super) fn sort(&mut self) {
        self.0
            .values_mut()
            .for_each(|starts| starts.sort_unstable());
    }

    /// Whether a suppression is about one of them.
    pub(super) fn has(&self, one: &Suppression) -> bool {
        match one.scope {
            Scope::File(file) => self.0.contains_key(&(file, one.rule)),
            Scope::Place(place) => self.0.get(&(place.file, one.rule)).is_some_and(|starts| {
                let first = starts.partition_point(|start| *start < place.start);
                starts.get(first).is_some_and(|start| *start < place.end)
            }),
        }
    }
}
