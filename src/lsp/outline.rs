//! The shape of a text: symbols, folds, links.

use super::lines::Lines;
use super::server::{Refusal, Server};
use super::wire::{
    DocumentLink, DocumentSymbol, FoldingRange, FoldingRangeKind, SymbolKind, uri_of,
};
use crate::json::Node;
use crate::plan::index::NameKind;
use crate::source::Span;
use crate::syntax::ast::{Ast, Clause, ClauseKind, Entry, Http, Item, Name, Step, StepKind};
use crate::workspace::load::Form;
use crate::workspace::project::View;
use serde_json::{Value, json};
use std::sync::Arc;

type Answer = Result<Value, Refusal>;

/// Symbols and folds that are told of one text, at most.
const MOST: usize = 5_000;

/// Rotations with their steps and captures, secrets with their fields; workflows with their tasks.
pub(super) fn symbols(_: &mut Server<'_>, view: &Arc<View>, lines: &Lines) -> Answer {
    let maker = Maker {
        text: view.file.text(),
        lines,
    };
    let all = match &view.loaded.tree {
        Form::Rot(tree) => maker.items(tree),
        Form::Json(node) => maker.workflows(node),
        Form::Other => Vec::new(),
    };
    Ok(json!(all))
}

struct Maker<'a> {
    text: &'a str,
    lines: &'a Lines,
}

impl Maker<'_> {
    fn symbol(
        &self,
        name: &str,
        kind: SymbolKind,
        (whole, own): (Span, Span),
        children: Vec<DocumentSymbol>,
    ) -> DocumentSymbol {
        #[allow(deprecated)]
        DocumentSymbol {
            name: if name.is_empty() { "?" } else { name }.to_owned(),
            detail: None,
            kind,
            tags: None,
            deprecated: None,
            range: self.lines.range_of(self.text, whole),
            selection_range: self.lines.range_of(self.text, own),
            children: (!children.is_empty()).then_some(children),
        }
    }

    fn leaf(&self, name: &Name, kind: SymbolKind) -> DocumentSymbol {
        self.symbol(&name.text, kind, (name.span, name.span), Vec::new())
    }

    fn items(&self, tree: &Ast) -> Vec<DocumentSymbol> {
        let mut all = Vec::new();
        for item in tree.items.iter().take(MOST) {
            match item {
                Item::Secret(secret) => {
                    for (name, fields) in &secret.names {
                        let fields: Vec<_> = fields
                            .iter()
                            .map(|f| self.leaf(f, SymbolKind::Field))
                            .collect();
                        let end = fields.last().map_or(name.span, |_| secret.span);
                        let whole = name.span.to(end);
                        let at = (whole, name.span);
                        all.push(self.symbol(&name.text, SymbolKind::Key, at, fields));
                    }
                }
                Item::Rotation(rotation) => {
                    let mut children = Vec::new();
                    for entry in &rotation.body {
                        match entry {
                            Entry::Input { name, .. } => {
                                children.push(self.leaf(name, SymbolKind::Variable));
                            }
                            Entry::Output { name, .. } => {
                                children.push(self.leaf(name, SymbolKind::Property));
                            }
                            Entry::Step(step) => self.step(step, &mut children),
                            Entry::OnFailure { steps, .. } => self.steps(steps, &mut children),
                            _ => {}
                        }
                    }
                    let at = (rotation.span, rotation.name.span);
                    all.push(self.symbol(&rotation.name.text, SymbolKind::Class, at, children));
                }
                Item::Template(template) => {
                    let mut children = Vec::new();
                    for entry in &template.body {
                        match entry {
                            Entry::Parameter { names, .. } => children.extend(
                                names
                                    .iter()
                                    .map(|name| self.leaf(name, SymbolKind::TypeParameter)),
                            ),
                            Entry::Step(step) => self.step(step, &mut children),
                            _ => {}
                        }
                    }
                    let at = (template.span, template.name.span);
                    all.push(self.symbol(&template.name.text, SymbolKind::Class, at, children));
                }
                Item::Env(env) => {
                    all.extend(env.names.iter().map(|n| self.leaf(n, SymbolKind::Constant)));
                }
                Item::Target(target) => {
                    let at = (target.span, target.name.span);
                    all.push(self.symbol(&target.name.text, SymbolKind::Interface, at, Vec::new()));
                }
                Item::Use(_) | Item::Deliver(_) | Item::Error(_) => {}
            }
        }
        all
    }

    fn steps(&self, steps: &[Step], into: &mut Vec<DocumentSymbol>) {
        steps.iter().for_each(|step| self.step(step, into));
    }

    fn step(&self, step: &Step, into: &mut Vec<DocumentSymbol>) {
        let mut inner = Vec::new();
        for block in step.blocks() {
            self.steps(block, &mut inner);
        }
        let (name, own, kind) = match &step.kind {
            StepKind::Http(http) => {
                inner.extend(captures(http).map(|n| self.leaf(n, SymbolKind::Field)));
                let own = http.name.as_ref().unwrap_or(&http.method);
                (own.text.clone(), own.span, SymbolKind::Function)
            }
            StepKind::Let { name, .. } => (name.text.clone(), name.span, SymbolKind::Variable),
            StepKind::Generate { name, .. }
            | StepKind::Manual { name, .. }
            | StepKind::Call { name, .. } => (name.text.clone(), name.span, SymbolKind::Function),
            StepKind::Update(store) | StepKind::Stage(store) => {
                let word = self.word(step.span);
                (
                    format!("{word} {}", store.secret.text),
                    store.secret.span,
                    SymbolKind::Event,
                )
            }
            StepKind::Promote(secret) | StepKind::Revoke { secret, .. } => {
                let word = self.word(step.span);
                (
                    format!("{word} {}", secret.text),
                    secret.span,
                    SymbolKind::Event,
                )
            }
            _ if inner.is_empty() => return,
            _ => (
                self.word(step.span).to_owned(),
                Span::new(
                    step.span.file,
                    step.span.start as usize,
                    step.span.start as usize + self.word(step.span).len(),
                ),
                SymbolKind::Namespace,
            ),
        };
        into.push(self.symbol(&name, kind, (step.span, own), inner));
    }

    /// The first word of a statement.
    fn word(&self, span: Span) -> &str {
        let text = self.text.get(span.start as usize..).unwrap_or_default();
        let end = text
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(text.len());
        text.get(..end).unwrap_or_default()
    }

    fn workflows(&self, node: &Node) -> Vec<DocumentSymbol> {
        let mut all = Vec::new();
        if node.get("tasks").is_some() {
            let mut tasks = Vec::new();
            for member in node.members() {
                self.tasks(&member.value, &mut tasks);
            }
            let name = node.get("name").and_then(Node::as_string);
            let own = name.map_or(node.span, |n| n.span);
            let text = name.map_or("", |n| n.text.as_str());
            all.push(self.symbol(text, SymbolKind::Class, (node.span, own), tasks));
        } else {
            let inner = node.members().iter().map(|m| &m.value);
            for inner in node.items().iter().chain(inner) {
                all.extend(self.workflows(inner));
            }
        }
        all
    }

    fn tasks(&self, node: &Node, into: &mut Vec<DocumentSymbol>) {
        let name = node.get("taskReferenceName").and_then(Node::as_string);
        let mut inner = Vec::new();
        let below = if name.is_some() {
            &mut inner
        } else {
            &mut *into
        };
        for child in node.items() {
            self.tasks(child, below);
        }
        for member in node.members() {
            self.tasks(&member.value, below);
        }
        if let Some(name) = name {
            let at = (node.span, name.span);
            into.push(self.symbol(&name.text, SymbolKind::Function, at, inner));
        }
    }
}

fn captures(http: &Http) -> impl Iterator<Item = &Name> {
    http.clauses.iter().filter_map(|clause| match &clause.kind {
        ClauseKind::Capture { name, .. } => Some(name),
        _ => None,
    })
}

/// All steps of a tree, outer ones first.
pub(super) fn each_step<'t>(tree: &'t Ast, visit: &mut dyn FnMut(&'t Step)) {
    fn inside<'t>(steps: &'t [Step], visit: &mut dyn FnMut(&'t Step)) {
        for step in steps {
            visit(step);
            for block in step.blocks() {
                inside(block, visit);
            }
        }
    }
    for item in &tree.items {
        let Item::Rotation(rotation) = item else {
            continue;
        };
        for entry in &rotation.body {
            match entry {
                Entry::Step(step) => inside(std::slice::from_ref(step), visit),
                Entry::OnFailure { steps, .. } => inside(steps, visit),
                _ => {}
            }
        }
    }
}

/// Symbols of all files whose names have the letters of the question, in order.
pub(super) fn everywhere(server: &mut Server<'_>, query: &str) -> Value {
    let wanted = query.to_lowercase();
    let mut all: Vec<Value> = Vec::new();
    for view in server.project.views() {
        let text = view.file.text();
        let lines = server.lines(text);
        for one in &view.loaded.index.definitions {
            let kind = match one.kind {
                NameKind::Secret => SymbolKind::Key,
                NameKind::Rotation => SymbolKind::Class,
                NameKind::Step => SymbolKind::Function,
                _ => continue,
            };
            if one.at.file == view.id() && is_within(&wanted, &one.name.to_lowercase()) {
                all.push(json!({
                    "name": one.name,
                    "kind": kind,
                    "location": {
                        "uri": server.uri(&view.path),
                        "range": lines.range_of(text, one.at),
                    },
                }));
            }
        }
        if all.len() >= MOST {
            break;
        }
    }
    all.into()
}

fn is_within(wanted: &str, name: &str) -> bool {
    let mut left = name.chars();
    wanted.chars().all(|c| left.any(|n| n == c))
}

/// Items, blocks, lists and runs of comments that are longer than a line.
pub(super) fn folding(_: &mut Server<'_>, view: &Arc<View>, lines: &Lines) -> Answer {
    let text = view.file.text();
    let mut all: Vec<FoldingRange> = Vec::new();
    let mut add = |span: Span, kind: Option<FoldingRangeKind>| {
        let range = lines.range_of(text, span);
        if range.end.line > range.start.line && all.len() < MOST {
            all.push(FoldingRange {
                start_line: range.start.line,
                end_line: range.end.line - u32::from(kind.is_none()),
                kind,
                ..FoldingRange::default()
            });
        }
    };
    match &view.loaded.tree {
        Form::Rot(tree) => {
            for item in &tree.items {
                if let Item::Rotation(rotation) = item {
                    add(rotation.span, None);
                }
            }
            each_step(tree, &mut |step| add(step.span, None));
            let mut run: Option<Span> = None;
            for comment in &tree.comments {
                let line = |at: u32| lines.position(text, at).line;
                run = match run {
                    Some(open) if line(comment.start) == line(open.end) + 1 => {
                        Some(open.to(*comment))
                    }
                    Some(open) => {
                        add(open, Some(FoldingRangeKind::Comment));
                        Some(*comment)
                    }
                    None => Some(*comment),
                };
            }
            if let Some(open) = run {
                add(open, Some(FoldingRangeKind::Comment));
            }
        }
        Form::Json(node) => each_node(node, &mut |node| {
            if node.is_object() || node.is_array() {
                add(node.span, None);
            }
        }),
        Form::Other => {}
    }
    all.dedup_by_key(|fold| (fold.start_line, fold.end_line));
    Ok(json!(all))
}

/// All values of a text, outer ones first.
pub(super) fn each_node<'n>(node: &'n Node, visit: &mut dyn FnMut(&'n Node)) {
    visit(node);
    for inner in node.items() {
        each_node(inner, visit);
    }
    for member in node.members() {
        each_node(&member.value, visit);
    }
}

/// Used files and certificates.
pub(super) fn links(_: &mut Server<'_>, view: &Arc<View>, lines: &Lines) -> Answer {
    let Form::Rot(tree) = &view.loaded.tree else {
        return Ok(json!([]));
    };
    let folder = view.path.parent().unwrap_or(&view.path);
    let mut all: Vec<DocumentLink> = Vec::new();
    let mut add = |name: &Name| {
        let target = crate::workspace::texts::plain(&folder.join(&name.text));
        all.push(DocumentLink {
            range: lines.range_of(view.file.text(), name.span),
            target: Some(uri_of(&target)),
            ..DocumentLink::default()
        });
    };
    for item in &tree.items {
        if let Item::Use(item) = item {
            add(&item.path);
        }
    }
    each_step(tree, &mut |step| {
        if let StepKind::Http(http) = &step.kind {
            for Clause { kind, .. } in &http.clauses {
                if let ClauseKind::Ca(path) = kind {
                    add(path);
                }
            }
        }
    });
    Ok(json!(all))
}
