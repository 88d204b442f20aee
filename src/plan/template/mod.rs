//! Templates: rotations with parameters.
//!
//! A rotation that is made `from` a template is replaced by the template's clauses and steps, its parameters by what `with`
//! gives for them, before any name is resolved. So hosts and secrets stay constants that are written in a file, and every
//! rule sees an ordinary rotation. Places stay those of the template; [`attribute`] adds where it was used.

mod arguments;
mod family;
mod substitute;

pub use family::once;

use crate::diagnostic::{Diagnostic, codes, nearest};
use crate::source::Span;
use crate::syntax::ast::{Ast, Destination, Entry, Item, Name, Rotation, Secret, Template};
use std::collections::{BTreeMap, HashMap};

/// Trees without templates.
pub struct Expanded {
    /// Those that were given, in their order.
    pub trees: Vec<Ast>,
    /// What is wrong with templates and their uses.
    pub diagnostics: Vec<Diagnostic>,
}

/// The kinds of parameter, in the order in which the reference lists them.
pub const KINDS: [&str; 8] = [
    "host", "string", "int", "number", "bool", "duration", "list", "secret",
];

/// Gives the rotations that are made from templates what an environment says for their parameters, by rotation and parameter.
pub fn give(tree: &mut Ast, with: &BTreeMap<String, BTreeMap<String, String>>) {
    for item in &mut tree.items {
        if let Item::Rotation(rotation) = item
            && rotation.from.is_some()
            && let Some(given) = with.get(&rotation.name.text)
        {
            arguments::replace(rotation, given);
        }
    }
}

/// Replaces templates and what is made from them; `None` where there are neither.
pub fn expand(trees: &[&Ast]) -> Option<Expanded> {
    let concerned = |item: &Item| match item {
        Item::Template(_) => true,
        Item::Rotation(rotation) => rotation.from.is_some() || rotation.family.is_some(),
        Item::Secret(_) | Item::Deliver(_) => family::is_concerned(item),
        Item::Use(_) | Item::Env(_) | Item::Target(_) | Item::Error(_) => false,
    };
    if !trees.iter().any(|tree| tree.items.iter().any(concerned)) {
        return None;
    }
    let mut diagnostics = Vec::new();
    let single = family::expand(trees, &mut diagnostics);
    let trees: Vec<&Ast> = single.iter().collect();
    let trees = trees.as_slice();
    let mut known: HashMap<&str, &Template> = HashMap::new();
    for template in templates(trees) {
        match known.get(template.name.text.as_str()) {
            Some(first) => diagnostics.push(
                Diagnostic::new(
                    codes::DUPLICATE_NAME,
                    template.name.span,
                    format!("template `{}` is defined twice", template.name.text),
                )
                .at("again here")
                .label(first.name.span, "first here"),
            ),
            None => {
                known.insert(&template.name.text, template);
            }
        }
        arguments::declared(template, &mut diagnostics);
    }
    let secrets = declared_secrets(trees);
    let mut destinations: HashMap<String, Vec<Destination>> = HashMap::new();
    let mut expanded: Vec<Ast> = Vec::with_capacity(trees.len());
    for tree in trees {
        let mut items = Vec::with_capacity(tree.items.len());
        for item in &tree.items {
            match item {
                Item::Template(_) => {}
                Item::Rotation(rotation) => match &rotation.from {
                    None => items.push(item.clone()),
                    Some(from) => {
                        let made = match known.get(from.text.as_str()) {
                            Some(template) => {
                                instance(template, rotation, &secrets, &mut diagnostics)
                            }
                            None => {
                                diagnostics.push(unknown(from, known.keys().copied()));
                                None
                            }
                        };
                        match made {
                            Some((made, wanted)) => {
                                items.push(Item::Rotation(made));
                                for (secret, wants) in wanted {
                                    destinations.entry(secret).or_default().extend(wants);
                                }
                            }
                            // Its name stays known, so that a call of it is no second finding.
                            None => items.push(Item::Error(rotation.span)),
                        }
                    }
                },
                Item::Use(_)
                | Item::Env(_)
                | Item::Secret(_)
                | Item::Target(_)
                | Item::Deliver(_)
                | Item::Error(_) => {
                    items.push(item.clone());
                }
            }
        }
        expanded.push(Ast {
            file: tree.file,
            items,
            comments: tree.comments.clone(),
        });
    }
    for tree in &mut expanded {
        add_destinations(tree, &destinations);
    }
    Some(Expanded {
        trees: expanded,
        diagnostics,
    })
}

/// Adds to findings within a template where it is used: the mistake may be in what it was given.
pub fn attribute(diagnostics: &mut [Diagnostic], trees: &[&Ast]) {
    let places: Vec<(&Template, Vec<&Rotation>)> = templates(trees)
        .map(|template| {
            let from = |r: &&Rotation| {
                r.from
                    .as_ref()
                    .is_some_and(|from| from.text == template.name.text)
            };
            (template, rotations(trees).filter(from).collect())
        })
        .collect();
    for diagnostic in diagnostics {
        let span = diagnostic.span();
        let Some((template, uses)) = places.iter().find(|(t, _)| t.span.contains(span)) else {
            continue;
        };
        let marked: Vec<Span> = diagnostic.labels.iter().map(|l| l.span).collect();
        for rotation in uses.iter().take(3) {
            let name = rotation.from.as_ref().map_or(Span::NONE, |from| from.span);
            if !marked.contains(&name) {
                let text = format!("`{}` is used here", template.name.text);
                *diagnostic = diagnostic.clone().label(name, text);
            }
        }
    }
}

fn templates<'a>(trees: &[&'a Ast]) -> impl Iterator<Item = &'a Template> {
    let items: Vec<&'a Item> = trees.iter().flat_map(|tree| &tree.items).collect();
    items.into_iter().filter_map(|item| match item {
        Item::Template(template) => Some(template),
        _ => None,
    })
}

fn rotations<'a>(trees: &[&'a Ast]) -> impl Iterator<Item = &'a Rotation> {
    let items: Vec<&'a Item> = trees.iter().flat_map(|tree| &tree.items).collect();
    items.into_iter().filter_map(|item| match item {
        Item::Rotation(rotation) => Some(rotation),
        _ => None,
    })
}

/// Fields of all secrets, by name; none for a single value.
fn declared_secrets<'a>(trees: &[&'a Ast]) -> HashMap<&'a str, &'a [Name]> {
    let items = trees.iter().flat_map(|tree| &tree.items);
    items
        .filter_map(|item| match item {
            Item::Secret(secret) => Some(&secret.names),
            _ => None,
        })
        .flatten()
        .map(|(name, fields)| (name.text.as_str(), fields.as_slice()))
        .collect()
}

fn unknown<'k>(from: &Name, known: impl Iterator<Item = &'k str>) -> Diagnostic {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    let found = Diagnostic::new(
        codes::UNRESOLVED_REFERENCE,
        from.span,
        format!("no template `{}` is known", from.text),
    )
    .at("not known here");
    match nearest(&from.text, known.iter().copied()) {
        Some(near) => found.help(format!("a name that is close: `{near}`")),
        None if known.is_empty() => {
            found.help("bring it in with `use \"std:NAME@1\"` (`rot templates` lists them) or `use \"file.rot\"`")
        }
        None => found.help(format!("known here: {}", known.join(", "))),
    }
}

/// Destinations that roles of a template ask for, by secret.
type Wanted = Vec<(String, Vec<Destination>)>;

/// The rotation that a template gives for one use of it.
fn instance(
    template: &Template,
    rotation: &Rotation,
    secrets: &HashMap<&str, &[Name]>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<(Rotation, Wanted)> {
    let bound = arguments::bind(template, rotation, secrets, diagnostics)?;
    let own = |wanted: fn(&Entry) -> bool| rotation.body.iter().any(wanted);
    let scheduled = own(|e| matches!(e, Entry::Every { .. } | Entry::Cron { .. }));
    let described = own(|e| matches!(e, Entry::Description(_)));
    let bounded = own(|e| matches!(e, Entry::Timeout(_)));
    let mut body = Vec::new();
    for entry in &rotation.body {
        match entry {
            Entry::With { .. } => {}
            Entry::Step(step) => diagnostics.push(
                Diagnostic::new(
                    codes::SYNTAX_ERROR,
                    step.span,
                    "a rotation that is made from a template has no steps of its own",
                )
                .at("does not belong here")
                .help(format!(
                    "`rot templates copy {}` gives you the template to change",
                    template.name.text
                )),
            ),
            entry => body.push(entry.clone()),
        }
    }
    for entry in &template.body {
        let kept = match entry {
            Entry::Parameter { .. } | Entry::About { .. } | Entry::With { .. } => false,
            Entry::Every { .. } | Entry::Cron { .. } => !scheduled,
            Entry::Description(_) => !described,
            Entry::Timeout(_) => !bounded,
            Entry::Input { .. }
            | Entry::Output { .. }
            | Entry::OnFailure { .. }
            | Entry::Step(_) => true,
        };
        if kept {
            body.push(substitute::entry(entry, &bound));
        }
    }
    let mut wanted = Vec::new();
    for entry in &template.body {
        if let Entry::Parameter { names, to, .. } = entry
            && !to.is_empty()
        {
            for name in names {
                if let Some(secret) = bound.secret(&name.text) {
                    let wants = to.iter().map(|t| substitute::destination(t, &bound));
                    wanted.push((secret, wants.collect()));
                }
            }
        }
    }
    let made = Rotation {
        name: rotation.name.clone(),
        from: None,
        family: rotation.family.clone(),
        body,
        span: rotation.span,
    };
    Some((made, wanted))
}

/// A secret that does not say where it may be sent goes where the templates that it is given to say; one that says so is bounded
/// by that.
fn add_destinations(tree: &mut Ast, destinations: &HashMap<String, Vec<Destination>>) {
    let mut items = Vec::with_capacity(tree.items.len());
    for item in std::mem::take(&mut tree.items) {
        match item {
            Item::Secret(secret)
                if secret.to.is_empty()
                    && secret
                        .names
                        .iter()
                        .any(|(name, _)| destinations.contains_key(&name.text)) =>
            {
                for (name, fields) in secret.names {
                    let mut to: Vec<Destination> = Vec::new();
                    for destination in destinations.get(&name.text).into_iter().flatten() {
                        let same = |own: &Destination| {
                            own.host.text == destination.host.text
                                && own.program == destination.program
                                && own
                                    .places
                                    .iter()
                                    .map(|p| &p.text)
                                    .eq(destination.places.iter().map(|p| &p.text))
                        };
                        if !to.iter().any(same) {
                            to.push(destination.clone());
                        }
                    }
                    items.push(Item::Secret(Secret {
                        names: vec![(name, fields)],
                        to,
                        span: secret.span,
                    }));
                }
            }
            item => items.push(item),
        }
    }
    tree.items = items;
}
