//! Which name is defined where and used where: filled in passing by whoever resolves names, read by the editor server.
//!
//! A definition is known by the place of its name, so that two things of one name are two things.

use super::Type;
use crate::source::{FileId, Span};
use std::collections::HashMap;

/// What a name is the name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// A declared secret.
    Secret,
    /// A field of a record secret.
    Field,
    /// A rotation, or a Conductor workflow.
    Rotation,
    /// A step, or a Conductor task's reference name.
    Step,
    /// What a step captures.
    Capture,
    /// An input of a rotation.
    Input,
    /// An output of a rotation.
    Output,
    /// A `let`, or a workflow variable.
    Let,
    /// The element of a `for each`.
    Element,
    /// A branch of a `parallel`.
    Branch,
    /// An environment variable.
    Env,
    /// A target, where secrets are used.
    Target,
}

impl NameKind {
    /// As a message names it.
    pub fn describe(self) -> &'static str {
        match self {
            NameKind::Secret => "secret",
            NameKind::Field => "field",
            NameKind::Rotation => "rotation",
            NameKind::Step => "step",
            NameKind::Capture => "capture",
            NameKind::Input => "input",
            NameKind::Output => "output",
            NameKind::Let => "let",
            NameKind::Element => "element",
            NameKind::Branch => "branch",
            NameKind::Env => "environment variable",
            NameKind::Target => "target",
        }
    }
}

/// A name where it is defined.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// What it names.
    pub kind: NameKind,
    /// The name, without quotes.
    pub name: String,
    /// The place of the name, with quotes if it has them.
    pub at: Span,
    /// The definition that it belongs to: a field's secret, the rotation of anything in it.
    pub within: Option<Span>,
    /// The type of its value, where it has one.
    pub ty: Option<Type>,
}

/// A name where it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    /// The place of the name, with quotes if it has them.
    pub at: Span,
    /// The place of its definition.
    pub to: Span,
}

/// A name that could stand at the probed place.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// What it names; `None` for a word of the language.
    pub kind: Option<NameKind>,
    /// The text.
    pub name: String,
    /// The type of its value, where it has one.
    pub ty: Option<Type>,
    /// The members of which one must follow; empty where nothing must.
    pub members: Vec<String>,
}

/// Definitions and references of one file and what it uses.
#[derive(Debug, Clone, Default)]
pub struct Index {
    /// All definitions, in the order in which they were met.
    pub definitions: Vec<Definition>,
    /// All references.
    pub references: Vec<Reference>,
    /// The types of expressions that name something.
    pub types: Vec<(Span, Type)>,
    /// What could stand at the place that was probed.
    pub offers: Vec<Offer>,
    by_place: HashMap<(FileId, u32), usize>,
    on: bool,
    probe: Option<u32>,
}

impl Index {
    /// An index that records nothing: for whoever only wants the plan.
    pub fn off() -> Self {
        Self::default()
    }

    /// An index that records.
    pub fn on() -> Self {
        Self {
            on: true,
            ..Self::default()
        }
    }

    /// An index that records what could stand for the name that begins at a byte of the main file.
    pub fn probing(at: u32) -> Self {
        Self {
            on: true,
            probe: Some(at),
            ..Self::default()
        }
    }

    /// Records a definition. The first of a place counts.
    pub fn define(&mut self, definition: Definition) {
        if !self.on || !definition.at.is_some() {
            return;
        }
        let key = (definition.at.file, definition.at.start);
        if self.by_place.contains_key(&key) {
            return;
        }
        self.by_place.insert(key, self.definitions.len());
        self.definitions.push(definition);
    }

    /// Records a use.
    pub fn refer(&mut self, at: Span, to: Span) {
        if self.on && at.is_some() && to.is_some() && at != to {
            self.references.push(Reference { at, to });
        }
    }

    /// Records the type of an expression.
    pub fn typed(&mut self, at: Span, ty: &Type) {
        if self.on {
            self.types.push((at, ty.clone()));
        }
    }

    /// Whether the name at this place is the one that is probed.
    pub fn is_probed(&self, at: Span) -> bool {
        self.probe == Some(at.start)
    }

    /// The definition whose name stands at a place.
    pub fn definition(&self, at: Span) -> Option<&Definition> {
        self.by_place
            .get(&(at.file, at.start))
            .and_then(|i| self.definitions.get(*i))
    }

    /// The definition that is named at a byte: by its own name, or by a use. With the place of that name.
    pub fn at(&self, file: FileId, offset: u32) -> Option<(&Definition, Span)> {
        let here = |span: Span| span.file == file && span.start <= offset && offset <= span.end;
        if let Some(own) = self.definitions.iter().find(|d| here(d.at)) {
            return Some((own, own.at));
        }
        let used = self.references.iter().find(|r| here(r.at))?;
        Some((self.definition(used.to)?, used.at))
    }

    /// The uses of a definition.
    pub fn uses(&self, definition: Span) -> impl Iterator<Item = Span> {
        self.references
            .iter()
            .filter(move |r| r.to == definition)
            .map(|r| r.at)
    }
}
