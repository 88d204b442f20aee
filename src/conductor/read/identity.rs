//! Which rotation a definition becomes. A server tells definitions of one name apart by their version, and one that stands within a task
//! by where it stands; a plan tells rotations apart by their names alone.
//!
//! The latest version keeps the name, and so does the first definition within a task whose name is free; the others get `@` and the
//! version, or a number, behind it.

use super::shape::{field, number_of, text_of};
use crate::json::Node;
use std::collections::HashMap;

/// The names of rotations where those of their definitions are not enough.
#[derive(Default)]
pub(super) struct Identities<'a> {
    /// The versions of each name that a file defines, with the rotation of each.
    versions: HashMap<String, Vec<(u64, String)>>,
    /// Definitions whose rotation is not called as they are, by their place in the tree.
    other: HashMap<*const Node, String>,
    /// Definitions within tasks, by the name of their rotation.
    inline: HashMap<String, &'a Node>,
}

impl<'a> Identities<'a> {
    /// Notes the definitions that a file lists.
    pub(super) fn note(&mut self, definitions: &[&'a Node]) {
        let mut listed: HashMap<String, Vec<(u64, &Node)>> = HashMap::new();
        for definition in definitions {
            if let Some(name) = field(definition, "name").and_then(text_of) {
                let version = field(definition, "version")
                    .and_then(number_of)
                    .unwrap_or(1);
                listed.entry(name).or_default().push((version, definition));
            }
        }
        for (name, all) in listed {
            let latest = all.iter().map(|(version, _)| *version).max().unwrap_or(1);
            for (version, definition) in all {
                let rotation = if version == latest {
                    name.clone()
                } else {
                    format!("{name}@{version}")
                };
                if rotation != name {
                    self.other
                        .insert(std::ptr::from_ref(definition), rotation.clone());
                }
                self.versions
                    .entry(name.clone())
                    .or_default()
                    .push((version, rotation));
            }
        }
    }

    /// The rotation that a definition becomes, where that is not its name.
    pub(super) fn of(&self, definition: &Node) -> Option<&str> {
        self.other
            .get(&std::ptr::from_ref(definition))
            .map(String::as_str)
    }

    /// The rotation of a version of a name that a file lists; the latest unless one is said.
    pub(super) fn version(&self, name: &str, version: Option<u64>) -> Option<&str> {
        let versions = self.versions.get(name)?;
        let said = version.filter(|v| *v > 0)?;
        let (_, rotation) = versions.iter().find(|(known, _)| *known == said)?;
        Some(rotation)
    }

    /// The version that is said of a name that a file lists in others alone.
    pub(super) fn lacks(&self, name: &str, version: Option<u64>) -> Option<u64> {
        let said = version.filter(|v| *v > 0)?;
        let listed = self.versions.get(name)?;
        (!listed.iter().any(|(known, _)| *known == said)).then_some(said)
    }

    /// The rotation of a definition within a task, and whether it is the first of that rotation: tasks may bring the same one.
    pub(super) fn within(&mut self, name: &str, definition: &'a Node) -> (String, bool) {
        if let Some(known) = self.of(definition) {
            return (known.to_owned(), false);
        }
        let mut rotation = name.to_owned();
        let mut next = 1_u64;
        loop {
            let known = self.inline.get(&rotation).copied();
            if known.is_some_and(|known| {
                std::ptr::eq(known, definition) || known.to_value() == definition.to_value()
            }) {
                if rotation != name {
                    self.other
                        .insert(std::ptr::from_ref(definition), rotation.clone());
                }
                return (rotation, false);
            }
            let listed = next == 1 && self.versions.contains_key(name);
            if known.is_none() && !listed {
                break;
            }
            rotation = format!("{name}@task{next}");
            next += 1;
        }
        if rotation != name {
            self.other
                .insert(std::ptr::from_ref(definition), rotation.clone());
        }
        self.inline.insert(rotation.clone(), definition);
        (rotation, true)
    }
}
