//! The taint of a value, field by field.
//!
//! A value that is put together from others twice over has as many fields as two of them, and so on: a few hundred bytes of text
//! could name a million. A shape therefore knows at most [`MOST`] fields, at whatever depth. What is beyond is known as the
//! taint of the whole, which is never less.

use super::taint::Taint;
use crate::plan::Derivation;
use std::collections::BTreeMap;

/// Fields that one shape knows, those of its fields with them.
const MOST: usize = 128;

/// The taint of each field that is known, and of all that is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    rest: Taint,
    fields: BTreeMap<String, Shape>,
}

impl Shape {
    pub(crate) fn of(rest: Taint) -> Self {
        Self {
            rest,
            fields: BTreeMap::new(),
        }
    }

    pub(crate) fn set(&mut self, name: &str, field: Shape) {
        let known = self.size();
        if known + field.size() <= MOST {
            self.fields.insert(name.to_owned(), field);
        } else if known < MOST {
            self.fields.insert(name.to_owned(), Shape::of(field.all()));
        } else {
            // What is not known by its name may be any part of the rest.
            self.rest.join(&field.all());
        }
    }

    /// How many places it knows, itself with them.
    fn size(&self) -> usize {
        1 + self.fields.values().map(Shape::size).sum::<usize>()
    }

    /// The taint of the whole.
    pub(crate) fn all(&self) -> Taint {
        let mut all = self.rest.clone();
        for field in self.fields.values() {
            all.join(&field.all());
        }
        all
    }

    /// A member. One that is not known may be any part of the rest.
    pub(crate) fn field(&self, name: &str) -> Shape {
        self.fields
            .get(name)
            .cloned()
            .unwrap_or_else(|| Shape::of(self.rest.raised(Derivation::Part)))
    }

    /// Any element.
    pub(crate) fn element(&self) -> Shape {
        Shape::of(self.all())
    }

    /// Adds all of `other`; tells whether a label grew.
    pub(crate) fn join(&mut self, other: &Shape) -> bool {
        let mut room = MOST.saturating_sub(self.size());
        self.join_within(other, &mut room)
    }

    /// As [`Shape::join`], with room for so many more places. What finds none goes to the rest, today and at each later time, so
    /// that joining the same again adds nothing.
    fn join_within(&mut self, other: &Shape, room: &mut usize) -> bool {
        let mut grew = false;
        for (name, theirs) in &other.fields {
            if let Some(mine) = self.fields.get_mut(name) {
                grew |= mine.join_within(theirs, room);
                continue;
            }
            let size = theirs.size();
            if size <= *room {
                *room -= size;
                let mut mine = self.field(name);
                mine.join_within(theirs, &mut size.clone());
                self.fields.insert(name.clone(), mine);
                grew = true;
            } else {
                grew |= self.rest.join(&theirs.all());
            }
        }
        if !other.rest.is_empty() {
            for (_, mine) in self
                .fields
                .iter_mut()
                .filter(|(name, _)| !other.fields.contains_key(*name))
            {
                grew |= mine.join_within(&Shape::of(other.rest.raised(Derivation::Part)), room);
            }
        }
        grew | self.rest.join(&other.rest)
    }

    /// The same with `taint` on every field.
    pub(crate) fn with(mut self, taint: &Taint) -> Shape {
        if !taint.is_empty() {
            self.rest.join(taint);
            self.fields = self
                .fields
                .into_iter()
                .map(|(name, field)| (name, field.with(taint)))
                .collect();
        }
        self
    }

    /// Each taint changed.
    pub(crate) fn map(&self, change: &mut dyn FnMut(&Taint) -> Taint) -> Shape {
        Shape {
            rest: change(&self.rest),
            fields: self
                .fields
                .iter()
                .map(|(name, field)| (name.clone(), field.map(change)))
                .collect(),
        }
    }

    pub(crate) fn is_public(&self) -> bool {
        self.rest.is_empty() && self.fields.values().all(Shape::is_public)
    }
}
