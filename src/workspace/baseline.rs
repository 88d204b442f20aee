//! The baseline: findings of an old tree that are known, so that new ones stand out.
//!
//! An entry is a fingerprint of rule, file, the text at the place and, in JSON, the keys above it: it survives lines that
//! move and layout that changes. A place that is blanked is blanked here too. Equal findings are counted.

use super::files;
use super::suppress::within;
use crate::diagnostic::{Diagnostic, Error, Failure, codes};
use crate::json;
use crate::report::Report;
use crate::source::{FileId, SourceFile, SourceMap, Span};
use ring::digest::{SHA256, digest};
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const SCHEMA: &str = "rot.baseline/v1";

/// Known findings.
pub struct Baseline {
    entries: Vec<Entry>,
    root: PathBuf,
}

struct Entry {
    fingerprint: String,
    file: String,
    code: String,
    span: Span,
}

impl Baseline {
    /// Reads the file, which becomes one of `sources`.
    pub fn read(path: &Path, cwd: &Path, sources: &mut SourceMap) -> Result<Self, Error> {
        let shown = path.display().to_string();
        let wrong = |why: &str| {
            Error::plain(
                Failure::Usage,
                codes::USAGE,
                format!("cannot read the baseline `{shown}`: {why}"),
            )
            .help("`rot check --write-baseline FILE` writes one")
        };
        let text = files::read_text(path).map_err(|p| wrong(&p.why))?;
        let file = SourceFile::new(shown.clone(), text);
        let id: FileId = sources.add(file.clone());
        let root = json::parse(id, &file).map_err(|_| wrong("it is not JSON"))?;
        if root.get("schema").and_then(json::Node::as_str) != Some(SCHEMA) {
            return Err(wrong("it is not a baseline of this version"));
        }
        let text = |node: &json::Node, key: &str| {
            node.get(key)
                .and_then(json::Node::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let entry = |node: &json::Node| Entry {
            fingerprint: text(node, "fingerprint"),
            file: text(node, "file"),
            code: text(node, "code"),
            span: node.span,
        };
        let entries = root
            .get("findings")
            .map(|f| f.items().iter().map(entry).collect())
            .unwrap_or_default();
        Ok(Self {
            entries,
            root: files::parent(&cwd.join(path)),
        })
    }

    /// Takes known findings out of the report; tells how many. Entries of checked files whose finding is gone become notes.
    pub fn apply(
        &self,
        report: &mut Report<'_>,
        cwd: &Path,
        checked: &dyn Fn(FileId) -> bool,
    ) -> usize {
        let prints = fingerprints(report, cwd, &self.root);
        let known: HashSet<&str> = self
            .entries
            .iter()
            .map(|e| e.fingerprint.as_str())
            .collect();
        let mut met: HashSet<String> = HashSet::new();
        let before = report.diagnostics.len();
        let mut prints = prints.into_iter();
        report.diagnostics.retain(|_| {
            let print = prints.next().flatten();
            let hit = print.as_deref().is_some_and(|p| known.contains(p));
            met.extend(print.filter(|_| hit));
            !hit
        });
        let taken = before - report.diagnostics.len();
        let files: HashSet<String> = report
            .places
            .sources()
            .files()
            .filter(|(id, _)| checked(*id))
            .map(|(_, f)| relative(&self.root, cwd, f.name()))
            .collect();
        for entry in self
            .entries
            .iter()
            .filter(|e| !met.contains(&e.fingerprint))
        {
            if files.contains(&entry.file) || !self.root.join(&entry.file).exists() {
                let message = format!(
                    "the baseline knows a finding {} in `{}` that is gone",
                    entry.code, entry.file
                );
                let one = Diagnostic::new(codes::STALE_BASELINE, entry.span, message)
                    .at("nothing to suppress");
                report.diagnostics.push(one.help(
                    "write the baseline again with `--write-baseline`, or remove this entry",
                ));
            }
        }
        taken
    }
}

/// The text of a baseline with all findings of a report that can be lived with, and their number.
pub fn text(report: &Report<'_>, path: &Path, cwd: &Path) -> (String, usize) {
    let root = files::parent(&cwd.join(path));
    let prints = fingerprints(report, cwd, &root);
    let mut lines: Vec<String> = Vec::new();
    for (one, print) in report.diagnostics.iter().zip(prints) {
        let (Some(print), Some(place)) = (print, report.places.resolve(one.span())) else {
            continue;
        };
        let file = relative(&root, cwd, place.file.name());
        let entry = serde_json::json!({ "fingerprint": print, "code": one.code.id(), "file": file, "message": one.message });
        lines.push(format!("    {entry}"));
    }
    let body = if lines.is_empty() {
        String::new()
    } else {
        format!("\n{}\n  ", lines.join(",\n"))
    };
    (
        format!("{{\n  \"schema\": \"{SCHEMA}\",\n  \"findings\": [{body}]\n}}\n"),
        lines.len(),
    )
}

fn relative(root: &Path, cwd: &Path, name: &str) -> String {
    within(root, &cwd.join(name)).display().to_string()
}

/// One for each finding, in order; none where a finding has no place or cannot be lived with.
fn fingerprints(report: &Report<'_>, cwd: &Path, root: &Path) -> Vec<Option<String>> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    let print = |one: &Diagnostic| {
        let place = report
            .places
            .resolve(one.span())
            .filter(|_| one.code.may_be_turned_off())?;
        let pointer = report.pointer(one.span());
        // Numbers in a pointer change when a task is put in before it.
        let keys = pointer.as_deref().map(|p| {
            p.split('/')
                .filter(|k| k.parse::<usize>().is_err())
                .collect::<Vec<_>>()
                .join("/")
        });
        let there = match &keys {
            Some(_) => place.file.slice(place.start_byte, place.end_byte),
            None => place
                .file
                .line_text(place.file.line_index(place.start_byte)),
        };
        let there = report.blanks.clean(there);
        let words: Vec<&str> = there.split_whitespace().collect();
        let file = relative(root, cwd, place.file.name());
        let all = [
            one.code.id(),
            &file,
            keys.as_deref().unwrap_or_default(),
            &words.join(" "),
        ]
        .join("\0");
        let mut hex = String::new();
        for byte in digest(&SHA256, all.as_bytes()).as_ref().iter().take(16) {
            let _ = write!(hex, "{byte:02x}");
        }
        let count = counts
            .entry(hex.clone())
            .and_modify(|n| *n += 1)
            .or_insert(1);
        Some(if *count == 1 {
            hex
        } else {
            format!("{hex}:{count}")
        })
    };
    report.diagnostics.iter().map(print).collect()
}
