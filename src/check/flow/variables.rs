//! The variables of a workflow, with what branches and loops change noted, so that joining ways costs what they changed and not
//! what there is.

use super::shape::Shape;
use std::collections::BTreeMap;

/// Names with a value each, or none where a name is gone.
pub(super) type Changes<'p> = BTreeMap<&'p str, Option<Shape>>;

/// Variables by name.
#[derive(Debug, Default)]
pub(super) struct Variables<'p> {
    values: BTreeMap<&'p str, Shape>,
    /// What each change since the outmost mark replaced.
    log: Vec<(&'p str, Option<Shape>)>,
    marks: usize,
}

/// A moment to which variables can be compared.
#[derive(Debug)]
pub(super) struct Mark(usize);

impl<'p> Variables<'p> {
    pub(super) fn get(&self, name: &str) -> Option<&Shape> {
        self.values.get(name)
    }

    /// Sets a variable, or removes it; gives what was there.
    pub(super) fn set(&mut self, name: &'p str, value: Option<Shape>) -> Option<Shape> {
        let old = match value {
            Some(value) => self.values.insert(name, value),
            None => self.values.remove(name),
        };
        if self.marks > 0 {
            self.log.push((name, old.clone()));
        }
        old
    }

    pub(super) fn insert(&mut self, name: &'p str, value: Shape) -> Option<Shape> {
        self.set(name, Some(value))
    }

    /// Adds to a variable.
    pub(super) fn join(&mut self, name: &'p str, value: &Shape) {
        let mut joined = self.values.get(name).cloned().unwrap_or_default();
        joined.join(value);
        self.insert(name, joined);
    }

    /// Gives every variable the same value.
    pub(super) fn level(&mut self, value: &Shape) {
        let names: Vec<&'p str> = self.values.keys().copied().collect();
        for name in names {
            self.insert(name, value.clone());
        }
    }

    pub(super) fn shapes(&self) -> impl Iterator<Item = &Shape> {
        self.values.values()
    }

    /// Begins to note changes.
    pub(super) fn mark(&mut self) -> Mark {
        self.marks += 1;
        Mark(self.log.len())
    }

    /// What was there at the mark of all that has changed since; the changes stay.
    pub(super) fn changed_since(&mut self, mark: &Mark) -> Changes<'p> {
        let mut before = Changes::new();
        for (name, old) in self.log.iter().skip(mark.0) {
            before.entry(name).or_insert_with(|| old.clone());
        }
        self.close();
        before
    }

    /// What has changed since the mark; all is again as it was there.
    pub(super) fn undo(&mut self, mark: &Mark) -> Changes<'p> {
        let mut after = Changes::new();
        while self.log.len() > mark.0
            && let Some((name, old)) = self.log.pop()
        {
            let value = match old {
                Some(old) => self.values.insert(name, old),
                None => self.values.remove(name),
            };
            after.entry(name).or_insert(value);
        }
        self.close();
        after
    }

    fn close(&mut self) {
        self.marks -= 1;
        if self.marks == 0 {
            self.log.clear();
        }
    }

    /// Joins the ways that lead here, each with what it changed. All of them begin with what is here now.
    pub(super) fn merge(&mut self, ways: Vec<Changes<'p>>) {
        let count = ways.len();
        let mut by_name: BTreeMap<&'p str, Vec<(usize, Option<Shape>)>> = BTreeMap::new();
        for (number, way) in ways.into_iter().enumerate() {
            for (name, value) in way {
                by_name.entry(name).or_default().push((number, value));
            }
        }
        for (name, values) in by_name {
            let mut joined: Option<Shape> = None;
            let mut add = |value: Option<&Shape>| {
                if let Some(value) = value {
                    joined.get_or_insert_default().join(value);
                }
            };
            // The first way that leaves it alone brings what is here; the others of these bring nothing more.
            let untouched = values
                .iter()
                .enumerate()
                .find(|(at, (n, _))| n != at)
                .map_or(values.len(), |(at, _)| at);
            let untouched = Some(untouched).filter(|number| *number < count);
            let (before, after): (Vec<_>, Vec<_>) = values
                .iter()
                .partition(|(n, _)| untouched.is_none_or(|u| *n < u));
            before.iter().for_each(|(_, value)| add(value.as_ref()));
            if untouched.is_some() {
                add(self.values.get(name));
            }
            after.iter().for_each(|(_, value)| add(value.as_ref()));
            self.set(name, joined);
        }
    }
}
