//! Completion in Conductor JSON: keys of a task by its type, types, references, and the names that `joinOn` and stores take.
//!
//! A half-typed text is closed first: what is open at the cursor is ended there, so that what stands before it can be read.

use super::complete::Put;
use super::lines::Lines;
use super::server::Server;
use super::wire::{CompletionItem, CompletionItemKind};
use crate::conductor::task_type::{TASK_TYPES, TaskOutput, TaskType};
use crate::json::{self, Node};
use crate::plan::index::NameKind;
use crate::source::{FileId, SourceFile};
use crate::workspace::project::View;
use std::ops::Range;

/// Names of secrets, by prefix.
const ROOTS: [&str; 7] = [
    "workflow.input",
    "workflow.secrets",
    "workflow.variables",
    "workflow.workflowId",
    "workflow.correlationId",
    "workflow.createTime",
    "workflow.version",
];

/// What may stand at a byte.
pub(super) fn complete(
    server: &mut Server<'_>,
    view: &View,
    lines: &Lines,
    offset: usize,
) -> Vec<CompletionItem> {
    let text = view.file.text();
    let Some(place) = Place::at(text, offset) else {
        return Vec::new();
    };
    let typed = text.get(place.start..offset).unwrap_or_default();
    if let Some(open) = typed.rfind("${")
        && !typed.get(open..).unwrap_or_default().contains('}')
    {
        let inside = place.start + open + 2;
        return references(server, view, lines, inside..offset, &place);
    }
    let behind = text.get(offset..).unwrap_or_default();
    let end = offset + behind.find(['"', '\n', ',', '}']).unwrap_or(behind.len());
    let put = Put {
        lines,
        text,
        range: place.start..end,
    };
    let list = |all: Vec<String>, kind: CompletionItemKind| -> Vec<CompletionItem> {
        all.iter().map(|one| put.item(one, kind, 1, None)).collect()
    };
    match (&place.key, place.path.last().map(String::as_str)) {
        (None, Some("joinOn")) => list(tasks(view, offset), CompletionItemKind::Reference),
        (None, _) => list(keys(&place), CompletionItemKind::Property),
        (Some(key), _) => match key.as_str() {
            "type" if place.is_task() => TASK_TYPES
                .iter()
                .map(|t| put.item(t.name, CompletionItemKind::EnumMember, rank(t), None))
                .collect(),
            "method" => list(
                ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]
                    .map(str::to_owned)
                    .to_vec(),
                CompletionItemKind::EnumMember,
            ),
            "secretKey" => {
                let secrets = view.loaded.plan.secrets.iter();
                list(
                    secrets.map(|s| s.name.clone()).collect(),
                    CompletionItemKind::Variable,
                )
            }
            _ => Vec::new(),
        },
    }
}

fn rank(task: &TaskType) -> usize {
    match task.support {
        crate::conductor::task_type::Support::Run(_) => 1,
        crate::conductor::task_type::Support::Instead(_) => 6,
    }
}

/// Where the cursor is in a text that need not be whole.
struct Place {
    /// Behind the quote of the string that the cursor is in.
    start: usize,
    /// Keys from the root to the object or list.
    path: Vec<String>,
    /// The key whose value it is; `None` where a key, or an item of a list, is written.
    key: Option<String>,
    /// The object around, as far as it is written.
    object: Option<Node>,
}

impl Place {
    fn at(text: &str, offset: usize) -> Option<Place> {
        let before = text.get(..offset)?;
        let mut frames: Vec<(char, Option<String>, usize)> = Vec::new();
        let mut last: Option<String> = None;
        let mut key: Option<String> = None;
        let mut open: Option<usize> = None;
        let mut chars = before.char_indices();
        while let Some((at, c)) = chars.next() {
            if let Some(start) = open {
                match c {
                    '\\' => drop(chars.next()),
                    '"' => {
                        last = text.get(start..at).map(str::to_owned);
                        open = None;
                    }
                    _ => {}
                }
                continue;
            }
            match c {
                '"' => open = Some(at + 1),
                ':' => key = last.take(),
                ',' => (key, last) = (None, None),
                '{' | '[' => frames.push((c, key.take(), at)),
                '}' | ']' => {
                    frames.pop();
                    (key, last) = (None, None);
                }
                _ => {}
            }
        }
        let start = open?;
        let object = frames
            .iter()
            .rev()
            .find(|(bracket, ..)| *bracket == '{')
            .and_then(|(_, _, from)| closed(text, *from, offset));
        Some(Place {
            start,
            path: frames.into_iter().filter_map(|(_, key, _)| key).collect(),
            key,
            object,
        })
    }

    fn is_task(&self) -> bool {
        let holds = ["tasks", "loopOver", "defaultCase", "forkTasks"];
        let has = |key: &str| self.object.as_ref().is_some_and(|o| o.get(key).is_some());
        self.path
            .last()
            .is_some_and(|k| holds.contains(&k.as_str()))
            || self.path.iter().any(|k| k == "decisionCases")
            || has("taskReferenceName")
    }

    fn kind(&self) -> Option<&str> {
        self.object.as_ref()?.get("type").and_then(Node::as_str)
    }
}

/// The object that begins at a byte; where it is broken at the cursor it is closed there, without what is half-written.
fn closed(text: &str, from: usize, offset: usize) -> Option<Node> {
    let read = |text: String| {
        let file = SourceFile::new("", text);
        json::parse_all(FileId::NONE, &file).0
    };
    let rest = text.get(from..)?;
    let mut depth = 0;
    let mut quoted = false;
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' if quoted => drop(chars.next()),
            '"' => quoted = !quoted,
            '{' | '[' if !quoted => depth += 1,
            '}' | ']' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    if let Some(node) = read(rest.get(..=at)?.to_owned()) {
                        return Some(node);
                    }
                    break;
                }
            }
            _ => {}
        }
    }
    let before = text.get(from..offset)?;
    let cut = before.rfind(',').or_else(|| before.find('{').map(|_| 0))?;
    let kept = before.get(..cut).filter(|k| !k.is_empty()).unwrap_or("{");
    read(format!("{kept}}}"))
}

fn keys(place: &Place) -> Vec<String> {
    use crate::conductor::read::shape::{HTTP, TASK, WORKFLOW};
    let in_parameters = place.path.last().is_some_and(|k| k == "inputParameters");
    let all: &[&str] = if place.path.is_empty()
        || place
            .path
            .last()
            .is_some_and(|k| k == "workflowDef" || k == "workflowDefinition")
    {
        WORKFLOW
    } else if place.is_task() {
        TASK
    } else if in_parameters || place.path.last().is_some_and(|k| k == "http_request") {
        let is_http = place
            .object
            .as_ref()
            .is_some_and(|o| o.get("uri").is_some() || o.get("method").is_some());
        if is_http { HTTP } else { &[] }
    } else {
        &[]
    };
    let there = |key: &str| place.object.as_ref().is_some_and(|o| o.get(key).is_some());
    let _ = place.kind();
    all.iter()
        .filter(|key| !there(key))
        .map(|key| (*key).to_owned())
        .collect()
}

/// The references of tasks that stand before a byte.
fn tasks(view: &View, offset: usize) -> Vec<String> {
    let defined = view.loaded.index.definitions.iter();
    defined
        .filter(|d| d.kind == NameKind::Step && (d.at.start as usize) < offset)
        .map(|d| d.name.clone())
        .collect()
}

/// What may stand between `${` and the cursor; each is tried out.
fn references(
    server: &mut Server<'_>,
    view: &View,
    lines: &Lines,
    Range { start, end: offset }: Range<usize>,
    place: &Place,
) -> Vec<CompletionItem> {
    let text = view.file.text();
    let behind = text.get(offset..).unwrap_or_default();
    let end = offset + behind.find(['}', '"', '\n']).unwrap_or(behind.len());
    let closes = text.get(end..).is_some_and(|rest| rest.starts_with('}'));
    let mut all: Vec<String> = Vec::new();
    let defined = &view.loaded.index.definitions;
    let named = |kind: NameKind| {
        defined
            .iter()
            .filter(move |d| d.kind == kind)
            .map(|d| d.name.as_str())
    };
    all.extend(named(NameKind::Input).map(|n| format!("workflow.input.{n}")));
    all.extend(named(NameKind::Let).map(|n| format!("workflow.variables.{n}")));
    let secrets = view.loaded.plan.secrets.iter();
    all.extend(secrets.map(|s| format!("workflow.secrets.{}", s.name)));
    if let Some(node) = whole(view, place, offset) {
        super::outline::each_node(&node, &mut |task| {
            let Some(name) = task.get("taskReferenceName").and_then(Node::as_str) else {
                return;
            };
            let kind = task.get("type").and_then(Node::as_str).unwrap_or("SIMPLE");
            let known = TASK_TYPES.iter().find(|t| t.name == kind);
            match known.map(|t| t.output) {
                Some(TaskOutput::Response) => {
                    for field in ["response.body", "response.statusCode", "response.headers"] {
                        all.push(format!("{name}.output.{field}"));
                    }
                }
                Some(TaskOutput::Fields(fields) | TaskOutput::Value(fields)) => {
                    all.extend(fields.iter().map(|f| format!("{name}.output.{f}")));
                }
                _ => all.push(format!("{name}.output")),
            }
        });
    }
    all.extend(ROOTS.iter().skip(3).map(ToString::to_string));
    all.sort();
    all.dedup();
    let typed = text.get(start..offset).unwrap_or_default();
    all.retain(|one| one.starts_with(typed));
    let put = Put {
        lines,
        text,
        range: start..end,
    };
    let mut items = Vec::new();
    for one in all.into_iter().take(super::complete::MOST) {
        let filled = if closes {
            one.clone()
        } else {
            format!("{one}}}")
        };
        if !fits(server, view, start..end, &filled) {
            continue;
        }
        let mut item = put.item(&filled, CompletionItemKind::Reference, 1, None);
        item.label = one;
        items.push(item);
    }
    items
}

/// The whole text, or as much of it as stands before the cursor.
fn whole(view: &View, _: &Place, offset: usize) -> Option<Node> {
    match &view.loaded.tree {
        crate::workspace::load::Form::Json(node) => Some(node.clone()),
        _ => closed(view.file.text(), view.file.text().find('{')?, offset),
    }
}

/// Whether a reference says nothing new that is wrong at its place; in a text that is broken anyway nothing can be told.
fn fits(server: &mut Server<'_>, view: &View, range: std::ops::Range<usize>, filled: &str) -> bool {
    use crate::diagnostic::Severity;
    use crate::plan::index::Index;
    let mut text = view.file.text().to_owned();
    text.replace_range(range.clone(), filled);
    let tried = server.project.look(&view.path, &text, Index::off());
    let end = range.start + filled.len();
    !tried.loaded.findings.iter().any(|d| {
        d.severity == Severity::Error
            && d.span().file == tried.id()
            && (d.span().start as usize) < end
            && (d.span().end as usize) > range.start
    })
}
