//! Names in the order of the text, found without looking through all of them.

use std::collections::HashSet;

/// Names in order, each once.
#[derive(Default)]
pub(super) struct Names {
    order: Vec<String>,
    known: HashSet<String>,
}

impl Names {
    /// Adds a name; tells whether it is new.
    pub(super) fn add(&mut self, name: &str) -> bool {
        let new = !self.known.contains(name);
        if new {
            self.known.insert(name.to_owned());
            self.order.push(name.to_owned());
        }
        new
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.known.contains(name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.order.iter().map(String::as_str)
    }
}

impl<S: AsRef<str>> Extend<S> for Names {
    fn extend<I: IntoIterator<Item = S>>(&mut self, names: I) {
        for name in names {
            self.add(name.as_ref());
        }
    }
}
