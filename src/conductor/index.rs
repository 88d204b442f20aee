//! Names of a definition: where tasks, inputs and variables are defined, and where `${…}`, `joinOn` and loops use them.
//!
//! Reads the JSON tree and nothing else, so that a definition with mistakes has an index too.

use super::template::{self, Mode, Step, StepKind};
use crate::json::{JsonString, Node, NodeKind};
use crate::plan::index::{Definition, Index, NameKind};
use crate::source::Span;
use std::collections::HashMap;

/// Notes the names of all definitions in a text.
pub fn note(root: &Node, index: &mut Index) {
    if root.get("tasks").is_some() {
        definition(root, index);
        return;
    }
    for inner in root.items() {
        note(inner, index);
    }
    for member in root.members() {
        note(&member.value, index);
    }
}

/// Names of one definition, each with the place of its text.
#[derive(Default)]
struct Names<'n> {
    tasks: HashMap<&'n str, Span>,
    inputs: HashMap<&'n str, Span>,
    variables: HashMap<&'n str, Span>,
}

fn definition(root: &Node, index: &mut Index) {
    let mut names = Names::default();
    let within = root
        .get("name")
        .and_then(Node::as_string)
        .map(JsonString::inner_span);
    if let Some(name) = root.get("name").and_then(Node::as_string) {
        define(
            NameKind::Rotation,
            &name.text,
            name.inner_span(),
            None,
            index,
        );
    }
    for item in root.get("inputParameters").map_or(&[][..], Node::items) {
        if let Some(name) = item.as_string() {
            names.inputs.entry(&name.text).or_insert(name.inner_span());
            define(
                NameKind::Input,
                &name.text,
                name.inner_span(),
                within,
                index,
            );
        }
    }
    for member in root.get("inputTemplate").map_or(&[][..], Node::members) {
        names
            .inputs
            .entry(&member.key.text)
            .or_insert(member.key.inner_span());
    }
    for member in root.get("variables").map_or(&[][..], Node::members) {
        let at = member.key.inner_span();
        names.variables.entry(&member.key.text).or_insert(at);
        define(NameKind::Let, &member.key.text, at, within, index);
    }
    if let Some(tasks) = root.get("tasks") {
        collect(tasks, within, &mut names, index);
    }
    uses(root, &names, index);
}

fn define(kind: NameKind, name: &str, at: Span, within: Option<Span>, index: &mut Index) {
    index.define(Definition {
        kind,
        name: name.to_owned(),
        at,
        within,
        ty: None,
    });
}

/// The tasks of a list and of all that they hold. What an inline sub-workflow defines is its own.
fn collect<'n>(node: &'n Node, within: Option<Span>, names: &mut Names<'n>, index: &mut Index) {
    if let Some(name) = node.get("taskReferenceName").and_then(Node::as_string) {
        names.tasks.entry(&name.text).or_insert(name.inner_span());
        define(NameKind::Step, &name.text, name.inner_span(), within, index);
        if node.get("type").and_then(Node::as_str) == Some("SET_VARIABLE") {
            for member in node.get("inputParameters").map_or(&[][..], Node::members) {
                let at = member.key.inner_span();
                names.variables.entry(&member.key.text).or_insert(at);
                define(NameKind::Let, &member.key.text, at, within, index);
            }
        }
    }
    for inner in node.items() {
        collect(inner, within, names, index);
    }
    for member in node.members() {
        if member.key.text != "workflowDefinition" {
            collect(&member.value, within, names, index);
        }
    }
}

/// Where names are used: references in every text, `joinOn`, and the scripts of loops.
fn uses(node: &Node, names: &Names<'_>, index: &mut Index) {
    match &node.kind {
        NodeKind::String(text) => references(text, names, index),
        NodeKind::Array(items) => items.iter().for_each(|item| uses(item, names, index)),
        NodeKind::Object(members) => {
            for member in members {
                match member.key.text.as_str() {
                    // A definition of its own, with names of its own.
                    "workflowDefinition" if member.value.is_object() => {
                        definition(&member.value, index);
                    }
                    "joinOn" => joined(&member.value, names, index),
                    "loopCondition" | "loopOver" => {
                        if let Some(script) = member.value.as_string() {
                            scripted(script, names, index);
                        }
                        uses(&member.value, names, index);
                    }
                    _ => uses(&member.value, names, index),
                }
            }
        }
        NodeKind::Null | NodeKind::Bool(_) | NodeKind::Number(_) => {}
    }
}

fn joined(list: &Node, names: &Names<'_>, index: &mut Index) {
    for item in list.items() {
        if let Some(name) = item.as_string()
            && let Some(to) = names.tasks.get(name.text.as_str())
        {
            index.refer(name.inner_span(), *to);
        }
    }
}

fn references(text: &JsonString, names: &Names<'_>, index: &mut Index) {
    if !text.text.contains("${") {
        return;
    }
    for reference in template::parse(&text.text, Mode::Deferred).references() {
        let Some(inner) = text.text.get(reference.inner_range.clone()) else {
            continue;
        };
        let Some(path) = template::path(inner) else {
            continue;
        };
        let place = |step: &Step| {
            let start = reference.inner_range.start + step.range.start;
            let end = reference.inner_range.start + step.range.end;
            text.span_of(start, end)
        };
        let Some(first) = path.steps.first() else {
            continue;
        };
        let to = match (first.name(), path.steps.get(1).and_then(Step::name)) {
            (Some("workflow"), Some(group)) => {
                let Some(third) = path.steps.get(2) else {
                    continue;
                };
                let known = match group {
                    "input" => &names.inputs,
                    "variables" => &names.variables,
                    _ => continue,
                };
                third
                    .name()
                    .and_then(|n| known.get(n))
                    .map(|to| (third, to))
            }
            (Some(task), _) => names.tasks.get(task).map(|to| (first, to)),
            _ => None,
        };
        if let Some((step, to)) = to
            && matches!(step.kind, StepKind::Name(_))
        {
            index.refer(name_alone(place(step), text, step), *to);
        }
    }
}

/// The place of a name without the brackets and quotes that it may stand in.
fn name_alone(place: Span, _: &JsonString, step: &Step) -> Span {
    let bare = step.name().map_or(0, str::len);
    let width = step.range.end - step.range.start;
    if width == bare + 4 {
        Span {
            start: place.start + 2,
            end: place.end.saturating_sub(2),
            ..place
        }
    } else {
        place
    }
}

/// `$.task['…']` and `$['task']` of a loop's script.
fn scripted(script: &JsonString, names: &Names<'_>, index: &mut Index) {
    for (name, to) in &names.tasks {
        for (at, _) in script.text.match_indices(name) {
            let before = script.text.get(..at).unwrap_or_default();
            let behind = script.text.get(at + name.len()..).unwrap_or_default();
            let member = before.ends_with("$.") && !behind.starts_with(is_word);
            let quoted = (before.ends_with("$['") && behind.starts_with("']"))
                || (before.ends_with("$[\"") && behind.starts_with("\"]"));
            if member || quoted {
                index.refer(script.span_of(at, at + name.len()), *to);
            }
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}
