//! Completion in `.rot`. Words are those that the grammar would take here, names are those that the resolver would find here;
//! a name that would be an error where it is put in is not offered.

use super::lines::Lines;
use super::server::{Refusal, Server};
use super::wire::{
    self, CompletionItem, CompletionItemKind, CompletionList, TextDocumentPositionParams, TextEdit,
};
use crate::diagnostic::{Category, Severity};
use crate::plan::Function;
use crate::plan::index::{Index, NameKind, Offer};
use crate::source::FileId;
use crate::syntax::expect::following;
use crate::workspace::load::is_json;
use crate::workspace::project::View;
use crate::workspace::suppress::hides_others;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

type Answer = Result<Value, Refusal>;

/// Longer lists freeze clients.
pub(super) const MOST: usize = 200;

/// Names that are tried out before they are offered.
const TRIED: usize = 60;

/// A name that no text has.
pub(super) const UNKNOWN: &str = "zzrotzz";

/// Headers that requests often have.
const HEADERS: [&str; 8] = [
    "Accept",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "PRIVATE-TOKEN",
    "User-Agent",
    "X-Api-Key",
    "X-Authorization",
];

/// Schedules that many have, in the six fields of the language.
const CRONS: [&str; 4] = [
    "0 0 3 * * *",
    "0 0 3 * * MON",
    "0 0 3 1 * *",
    "0 */15 * * * *",
];

/// What may stand at a place.
pub(super) fn complete(server: &mut Server<'_>, at: &TextDocumentPositionParams) -> Answer {
    let Some((view, lines)) = server.view(&at.text_document.uri) else {
        return Ok(Value::Null);
    };
    let offset = lines.offset(view.file.text(), at.position) as usize;
    let mut items = if is_json(&view.file) {
        super::complete_json::complete(server, &view, &lines, offset)
    } else {
        in_rot(server, &view, &lines, offset)
    };
    for item in &mut items {
        if let Some(detail) = &mut item.detail {
            *detail = view.blanks.clean(FileId::NONE, detail).into_owned();
        }
    }
    let is_incomplete = items.len() > MOST;
    items.truncate(MOST);
    Ok(json!(CompletionList {
        is_incomplete,
        items,
        ..CompletionList::default()
    }))
}

/// One offer: what is shown, what is put in.
pub(super) struct Put<'a> {
    pub(super) lines: &'a Lines,
    pub(super) text: &'a str,
    /// What is replaced.
    pub(super) range: std::ops::Range<usize>,
}

impl Put<'_> {
    pub(super) fn item(
        &self,
        label: &str,
        kind: CompletionItemKind,
        rank: usize,
        detail: Option<String>,
    ) -> CompletionItem {
        let edit = TextEdit {
            range: self.lines.range(
                self.text,
                u32::try_from(self.range.start).unwrap_or(u32::MAX),
                u32::try_from(self.range.end).unwrap_or(u32::MAX),
            ),
            new_text: label.to_owned(),
        };
        CompletionItem {
            label: label.to_owned(),
            kind: Some(kind),
            detail,
            sort_text: Some(format!("{rank:02}{label}")),
            text_edit: Some(wire::inserts(edit)),
            ..CompletionItem::default()
        }
    }
}

fn in_rot(
    server: &mut Server<'_>,
    view: &View,
    lines: &Lines,
    offset: usize,
) -> Vec<CompletionItem> {
    let text = view.file.text();
    let before = text.get(..offset).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    if let Some(start) = comment(line) {
        let from = offset - line.len() + start;
        return in_comment(view, lines, from, offset);
    }
    if let Some(open) = open_string(line) {
        let start = offset - line.len() + open + 1;
        return in_string(server, view, lines, start, offset);
    }
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let start = before.trim_end_matches(inside).len();
    let behind = text.get(offset..).unwrap_or_default();
    let end = offset + behind.find(|c| !inside(c)).unwrap_or(behind.len());
    // A number or a JSONPath is written, not chosen.
    let piece = text.get(start..end).unwrap_or_default();
    if piece.starts_with(|c: char| c.is_ascii_digit()) || in_path(line) {
        return Vec::new();
    }
    let put = Put {
        lines,
        text,
        range: start..end,
    };
    let member = before.get(..start).is_some_and(|b| b.ends_with('.'));
    let mut items = Vec::new();
    let ahead = text.get(..start).unwrap_or_default();
    let expected = if member {
        Default::default()
    } else {
        following(ahead)
    };
    for word in &expected.words {
        items.push(put.item(word, CompletionItemKind::Keyword, 5, None));
    }
    let Ok(at) = u32::try_from(start) else {
        return items;
    };
    let mut probe = text.to_owned();
    probe.replace_range(start..end, UNKNOWN);
    let looked = server.project.look(&view.path, &probe, Index::probing(at));
    let offers = names(
        &looked.loaded.index.offers,
        text.get(end..).unwrap_or_default(),
    );
    for (tried, (offer, label)) in offers.into_iter().enumerate() {
        if tried < TRIED && !fits(server, view, (start, end), &label) {
            continue;
        }
        let kind = match offer.kind {
            Some(NameKind::Step) => CompletionItemKind::Function,
            Some(NameKind::Rotation) => CompletionItemKind::Class,
            Some(NameKind::Field | NameKind::Capture) => CompletionItemKind::Field,
            Some(NameKind::Env) => CompletionItemKind::Constant,
            Some(NameKind::Target) => CompletionItemKind::Interface,
            Some(_) => CompletionItemKind::Variable,
            None => CompletionItemKind::Module,
        };
        let detail = offer
            .ty
            .as_ref()
            .map(|ty| ty.describe())
            .or_else(|| offer.kind.map(|kind| kind.describe().to_owned()));
        items.push(put.item(&label, kind, 1, detail));
    }
    // A statement that is not whole yet has no meaning that could be asked; what is declared is known all the same.
    if expected.secret && looked.loaded.index.offers.is_empty() {
        for secret in &view.loaded.plan.secrets {
            items.push(put.item(&secret.name, CompletionItemKind::Variable, 1, None));
        }
    }
    if expected.expression && !member {
        for function in Function::ALL {
            let name = function.name();
            if text.get(end..).is_some_and(|rest| rest.starts_with('(')) {
                items.push(put.item(
                    name,
                    CompletionItemKind::Function,
                    3,
                    Some(function.doc().to_owned()),
                ));
            }
        }
    }
    items
}

/// The offers as texts: where a member must follow and none does, each with one.
fn names<'o>(offers: &'o [Offer], behind: &str) -> Vec<(&'o Offer, String)> {
    let goes_on = behind.starts_with(['.', '(']);
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for offer in offers {
        let must = !offer.members.is_empty() && !goes_on;
        let whole = offer.kind == Some(NameKind::Secret);
        if !must || whole {
            if seen.insert(offer.name.clone()) {
                all.push((offer, offer.name.clone()));
            }
            continue;
        }
        for member in &offer.members {
            let label = format!("{}.{member}", offer.name);
            if seen.insert(label.clone()) {
                all.push((offer, label));
            }
        }
    }
    all
}

/// Whether a finding is about what stands at its place: a name, a type, where a secret may go. What is about the order of steps is
/// mended by steps that are yet to be written.
fn is_local(one: &crate::diagnostic::Diagnostic) -> bool {
    hides_others(one) || (one.severity == Severity::Error && one.code.category() == Category::Flows)
}

/// How many errors there are that touch a place.
fn errors_at(view: &View, start: usize, end: usize) -> usize {
    let (start, end) = (start as u32, end as u32);
    view.loaded
        .findings
        .iter()
        .filter(|d| is_local(d) && d.span().file == view.id())
        .filter(|d| d.span().start <= end && d.span().end >= start)
        .count()
}

/// Whether a text makes no error where it is put in: a name that is not there, a wrong type, a secret that may not go there.
fn fits(server: &mut Server<'_>, view: &View, (start, end): (usize, usize), label: &str) -> bool {
    let mut text = view.file.text().to_owned();
    text.replace_range(start..end, label);
    let tried = server.project.look(&view.path, &text, Index::off());
    errors_at(&tried, start, start + label.len()) == 0
}

/// Where a comment begins in a line.
fn comment(line: &str) -> Option<usize> {
    let mut quoted = false;
    let mut chars = line.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' if quoted => drop(chars.next()),
            '"' => quoted = !quoted,
            '#' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// The quote of a string that is open at the end of a line, outside `${…}`.
fn open_string(line: &str) -> Option<usize> {
    let mut open: Vec<usize> = Vec::new();
    let mut braces: Vec<usize> = Vec::new();
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let quoted = open.len() > braces.len();
        match c {
            '\\' if quoted => drop(chars.next()),
            '"' if quoted => drop(open.pop()),
            '"' => open.push(at),
            '$' if quoted && chars.peek().is_some_and(|(_, c)| *c == '{') => {
                chars.next();
                braces.push(at);
            }
            '}' if !quoted && !braces.is_empty() => drop(braces.pop()),
            _ => {}
        }
    }
    (open.len() > braces.len()).then(|| open.last().copied())?
}

fn in_path(line: &str) -> bool {
    line.rsplit([' ', '\t'])
        .next()
        .is_some_and(|last| last.starts_with('$') && !last.starts_with("${"))
}

fn in_comment(view: &View, lines: &Lines, start: usize, offset: usize) -> Vec<CompletionItem> {
    let text = view.file.text();
    let said = text.get(start..offset).unwrap_or_default();
    let Some(list) = said.rsplit_once('[').map(|(_, list)| list) else {
        return Vec::new();
    };
    if !said.contains("rot:") || list.contains(']') {
        return Vec::new();
    }
    let word = list.rsplit([',', ' ']).next().unwrap_or_default();
    let put = Put {
        lines,
        text,
        range: offset - word.len()..offset,
    };
    let found: BTreeSet<_> = view
        .own()
        .filter(|d| d.span().start as usize >= start)
        .map(|d| d.code)
        .collect();
    let codes = crate::diagnostic::ALL_CODES.iter();
    codes
        .filter(|code| code.may_be_turned_off())
        .flat_map(|code| {
            let rank = if found.contains(code) { 0 } else { 5 };
            let detail = Some(code.name().to_owned());
            [
                put.item(code.id(), CompletionItemKind::EnumMember, rank, detail),
                put.item(
                    code.name(),
                    CompletionItemKind::EnumMember,
                    rank + 1,
                    Some(code.id().to_owned()),
                ),
            ]
        })
        .filter(|item| item.label.to_lowercase().starts_with(&word.to_lowercase()))
        .collect()
}

fn in_string(
    server: &mut Server<'_>,
    view: &View,
    lines: &Lines,
    start: usize,
    offset: usize,
) -> Vec<CompletionItem> {
    let text = view.file.text();
    let behind = text.get(offset..).unwrap_or_default();
    let end = offset + behind.find(['"', '\n']).unwrap_or(behind.len());
    let put = Put {
        lines,
        text,
        range: start..end,
    };
    let ahead = text.get(..start.saturating_sub(1)).unwrap_or_default();
    let typed = text.get(start..offset).unwrap_or_default().to_owned();
    let last = ahead.split_whitespace().next_back().unwrap_or_default();
    let listed = last.ends_with(',')
        && ahead
            .rsplit('\n')
            .next()
            .is_some_and(|l| l.contains(" to "));
    let list = |all: Vec<String>, kind: CompletionItemKind| -> Vec<CompletionItem> {
        all.iter()
            .filter(|one| one.to_lowercase().contains(&typed.to_lowercase()))
            .map(|one| put.item(one, kind, 1, None))
            .collect()
    };
    match last {
        "to" => list(hosts(server), CompletionItemKind::Value),
        _ if listed => list(hosts(server), CompletionItemKind::Value),
        "in" => list(zones(), CompletionItemKind::Value),
        "use" => list(usable(server, &view.path), CompletionItemKind::File),
        "header" => {
            let all = HEADERS.map(str::to_owned).to_vec();
            list(all, CompletionItemKind::Field)
        }
        "cron" => CRONS
            .iter()
            .map(|cron| {
                let words = crate::plan::schedule::Cron::parse(cron, "UTC")
                    .ok()
                    .map(|c| c.describe());
                put.item(cron, CompletionItemKind::Value, 1, words)
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Hosts that the project knows: destinations, and hosts of requests.
fn hosts(server: &mut Server<'_>) -> Vec<String> {
    let mut all = BTreeSet::new();
    for view in server.project.views() {
        for secret in &view.loaded.plan.secrets {
            if let crate::plan::Policy::Declared(to) = &secret.policy {
                all.extend(to.iter().map(|d| match d.port {
                    Some(port) => format!("{}:{port}", d.host.0),
                    None => d.host.0.clone(),
                }));
            }
        }
        let analysis = crate::check::flow::Analysis::of(&view.loaded.plan);
        all.extend(
            analysis
                .requests
                .iter()
                .filter_map(|r| r.target.host.clone()),
        );
    }
    all.into_iter().collect()
}

fn zones() -> Vec<String> {
    let mut all: Vec<String> = jiff::tz::db()
        .available()
        .map(|name| name.as_str().to_owned())
        .collect();
    all.sort();
    all
}

/// The project's `.rot` files, as this one would name them.
fn usable(server: &mut Server<'_>, path: &Path) -> Vec<String> {
    let folder = path.parent().unwrap_or(path).to_owned();
    let rot = |p: &Path| p.extension().is_some_and(|e| e == "rot") && p != path;
    let files = server.project.files();
    files
        .iter()
        .filter(|p| rot(p))
        .filter_map(|p| relative(&folder, p))
        .collect()
}

fn relative(from: &Path, to: &Path) -> Option<String> {
    let shared = from
        .components()
        .zip(to.components())
        .take_while(|(a, b)| a == b)
        .count();
    let ups = from.components().count() - shared;
    let rest: Vec<String> = to
        .components()
        .skip(shared)
        .map(|c| c.as_os_str().to_string_lossy().into_owned())
        .collect();
    Some(format!("{}{}", "../".repeat(ups), rest.join("/")))
}
