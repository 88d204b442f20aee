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
    /// The fields are the elements of a list that is written out, by their numbers.
    listed: bool,
}

impl Shape {
    pub(crate) fn of(rest: Taint) -> Self {
        Self {
            rest,
            fields: BTreeMap::new(),
            listed: false,
        }
    }

    /// A list that is written out: how long it is tells nothing, and its elements stand apart.
    pub(crate) fn list(elements: impl IntoIterator<Item = Shape>) -> Self {
        let mut list = Self {
            listed: true,
            ..Self::default()
        };
        for (number, element) in elements.into_iter().enumerate() {
            if !element.is_public() {
                list.set(&number.to_string(), element);
            }
        }
        list
    }

    /// What a list says by its length.
    pub(crate) fn length(&self) -> Taint {
        if self.listed {
            self.rest.clone()
        } else {
            self.all()
        }
    }

    /// The element at a place.
    pub(crate) fn at(&self, place: i64) -> Shape {
        match usize::try_from(place) {
            _ if !self.listed => self.clone(),
            Ok(place) => self.field(&place.to_string()),
            Err(_) => self.element(),
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
        if self.listed && name.parse::<usize>().is_err() {
            return self.element().field(name);
        }
        self.fields
            .get(name)
            .cloned()
            .unwrap_or_else(|| Shape::of(self.rest.raised(Derivation::Part)))
    }

    /// Any element.
    pub(crate) fn element(&self) -> Shape {
        if !self.listed {
            return Shape::of(self.all());
        }
        let mut any = Shape::of(self.rest.raised(Derivation::Part));
        for element in self.fields.values() {
            any.join(element);
        }
        any
    }

    /// Adds all of `other`; tells whether a label grew.
    pub(crate) fn join(&mut self, other: &Shape) -> bool {
        let mut room = (MOST + 1).saturating_sub(self.size());
        self.join_within(other, &mut room)
    }

    /// As [`Shape::join`], with room for so many more places. What finds none goes to the rest, today and at each later time, so
    /// that joining the same again adds nothing.
    fn join_within(&mut self, other: &Shape, room: &mut usize) -> bool {
        if self.listed != other.listed {
            if other.rest.is_empty() && other.fields.is_empty() {
                return false;
            }
            if self.rest.is_empty() && self.fields.is_empty() {
                let size = other.size();
                if size <= *room {
                    *room -= size;
                    self.clone_from(other);
                } else {
                    *self = Shape::of(other.all());
                }
                return true;
            }
            // One or the other: any part of both.
            let flat = self.listed;
            if flat {
                *self = Shape::of(self.all());
            }
            let other = if other.listed {
                Shape::of(other.all())
            } else {
                other.clone()
            };
            return self.join_within(&other, room) | flat;
        }
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
            listed: self.listed,
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
