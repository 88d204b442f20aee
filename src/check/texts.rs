//! What fixes ask of the texts behind a plan. A plan that was read from no text, as a compiled one, gets findings without fixes.

use crate::diagnostic::Edit;
use crate::json::{Node, layout};
use crate::source::{SourceMap, Span};
use crate::syntax::ast::{Ast, Clause, Entry, Http, Item, Secret, Step, StepKind};

/// The texts, and the tree of the file that was checked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Texts<'t> {
    /// The texts that places point into.
    pub sources: Option<&'t SourceMap>,
    /// How the file was written.
    pub tree: Option<Tree<'t>>,
}

/// How a file was written.
#[derive(Debug, Clone, Copy)]
pub enum Tree<'t> {
    /// In `.rot`.
    Rot(&'t Ast),
    /// In Conductor JSON.
    Json(&'t Node),
}

impl<'t> Texts<'t> {
    /// A whole file.
    pub(crate) fn of(&self, place: Span) -> Option<&'t str> {
        self.sources?
            .get(place.file)
            .map(crate::source::SourceFile::text)
    }

    /// What stands at a place.
    pub(crate) fn at(&self, place: Span) -> Option<&'t str> {
        self.of(place)?
            .get(place.start as usize..place.end as usize)
    }

    /// The file that was checked, as JSON.
    pub(crate) fn json(&self) -> Option<&'t Node> {
        match self.tree {
            Some(Tree::Json(node)) => Some(node),
            _ => None,
        }
    }

    /// The file that was checked, as the tree of a `.rot` file.
    pub(crate) fn rot(&self) -> Option<&'t Ast> {
        match self.tree {
            Some(Tree::Rot(tree)) => Some(tree),
            _ => None,
        }
    }

    /// Removes a place; where nothing else stands on its lines, with the lines.
    pub(crate) fn removal(&self, place: Span) -> Option<Edit> {
        Some(Edit {
            span: self.sources?.get(place.file)?.whole_lines(place),
            text: String::new(),
        })
    }

    /// The innermost object around a place, with the number of the member that holds it.
    pub(crate) fn member(&self, place: Span) -> Option<(&'t Node, usize)> {
        layout::members_around(self.json()?, place).pop()
    }

    /// Puts the member that holds a place under `_secrets`: into the object of that name beside it, or a new one around it.
    pub(crate) fn masked(&self, place: Span) -> Option<Vec<Edit>> {
        let (object, index) = self.member(place)?;
        let own = layout::place(object.members().get(index)?);
        let Some(mask) = object.get("_secrets") else {
            let end = own.after();
            let start = Span {
                end: own.start,
                ..own
            };
            return Some(vec![
                Edit {
                    span: start,
                    text: "\"_secrets\": {".into(),
                },
                Edit {
                    span: end,
                    text: "}".into(),
                },
            ]);
        };
        let (at, before) = layout::behind_last(mask, self.of(place)?);
        let moved = format!("{before}{}", self.at(own)?);
        Some(vec![
            Edit {
                span: layout::without_member(object, index)?,
                text: String::new(),
            },
            Edit {
                span: at,
                text: moved,
            },
        ])
    }

    /// The item of the `.rot` file that holds a place. Items stand in text order.
    fn item(&self, place: Span) -> Option<&'t Item> {
        let items = &self.rot()?.items;
        let behind = items.partition_point(|item| item.span().start <= place.start);
        let item = items.get(behind.checked_sub(1)?)?;
        item.span().contains(place).then_some(item)
    }

    /// The declaration of a secret that holds a place.
    pub(crate) fn declaration(&self, place: Span) -> Option<&'t Secret> {
        match self.item(place)? {
            Item::Secret(secret) => Some(secret),
            _ => None,
        }
    }

    /// The clauses and steps of rotations among which one holds a place: that one, or all of the rotations that are made from
    /// templates, whose places are those of the templates.
    pub(crate) fn entries(&self, place: Span) -> impl Iterator<Item = &'t Entry> {
        let (mut own, mut made) = (None, None);
        match self.item(place) {
            Some(Item::Rotation(rotation)) => {
                let behind = rotation
                    .body
                    .partition_point(|entry| entry.span().start <= place.start);
                own = behind.checked_sub(1).and_then(|at| rotation.body.get(at));
            }
            _ => made = self.rot(),
        }
        let items = made.into_iter().flat_map(|tree| &tree.items);
        let made = items.filter_map(|item| match item {
            Item::Rotation(rotation) if rotation.from.is_some() => Some(&rotation.body),
            _ => None,
        });
        own.into_iter().chain(made.flatten())
    }

    /// A clause of the request whose URL stands at a place.
    pub(crate) fn clause(&self, url: Span, wanted: impl Fn(&Clause) -> bool) -> Option<&'t Clause> {
        let mut found = None;
        let mut look = |http: &'t Http| {
            if http.url.span == url {
                found = http.clauses.iter().find(|c| wanted(c));
            }
        };
        for entry in self.entries(url) {
            match entry {
                Entry::Step(step) => requests(step, &mut look),
                Entry::OnFailure { steps, .. } => {
                    steps.iter().for_each(|step| requests(step, &mut look))
                }
                _ => {}
            }
        }
        found
    }
}

/// Every `http` of a step.
fn requests<'t>(step: &'t Step, visit: &mut dyn FnMut(&'t Http)) {
    if let StepKind::Http(http) = &step.kind {
        visit(http);
    }
    for steps in step.blocks() {
        steps.iter().for_each(|step| requests(step, visit));
    }
}
