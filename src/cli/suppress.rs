//! `[[ignore]]` and `[check] severity` of `rot.toml`, applied to findings.

use super::config::{Config, Ignore};
use crate::diagnostic::{Code, Diagnostic, codes};
use crate::source::{SourceMap, Span};
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use jiff::civil::Date;
use std::path::{Component, Path, PathBuf};

/// What cannot be accepted away: without a readable text nothing else was checked, and a release of a secret must
/// carry its reason in the source.
const NOT_IGNORABLE: [Code; 6] = [
    codes::SYNTAX_ERROR,
    codes::INVALID_JSON,
    codes::DUPLICATE_KEY,
    codes::NESTING_TOO_DEEP,
    codes::UNREADABLE_INPUT,
    codes::DECLASSIFY_WITHOUT_REASON,
];

/// The findings that remain, with the weight that the settings give them; suppressions that did nothing, or have
/// expired by `today`, are findings themselves.
pub fn apply(
    config: &Config,
    found: Vec<Diagnostic>,
    sources: &SourceMap,
    pointer: &dyn Fn(Span) -> Option<String>,
    cwd: &Path,
    today: Date,
) -> Vec<Diagnostic> {
    let root = config.root.clone().unwrap_or_else(|| cwd.to_owned());
    let mut rules: Vec<Rule<'_>> = config.ignores.iter().map(|i| Rule::new(i, &root, today)).collect();
    let mut kept: Vec<Diagnostic> = Vec::new();
    for mut one in found {
        if NOT_IGNORABLE.contains(&one.code) {
            kept.push(one);
            continue;
        }
        match config.severity.get(&one.code) {
            Some(None) => continue,
            Some(Some(severity)) => one.severity = *severity,
            None => {}
        }
        let name = sources.get(one.span().file).map(|f| within(&root, &cwd.join(f.name())));
        let matching = name.and_then(|name| rules.iter_mut().find(|r| r.matches(&one, &name, pointer)));
        match matching {
            Some(rule) => rule.used = true,
            None => kept.push(one),
        }
    }
    kept.extend(rules.iter().filter(|r| !r.used).map(Rule::complaint));
    kept
}

struct Rule<'c> {
    entry: &'c Ignore,
    files: Gitignore,
    expired: bool,
    used: bool,
}

impl<'c> Rule<'c> {
    fn new(entry: &'c Ignore, root: &Path, today: Date) -> Self {
        let mut builder = GitignoreBuilder::new(root);
        // A pattern that does not parse matches nothing, and is reported as unused.
        let files = builder.add_line(None, &entry.file).and_then(|b| b.build()).unwrap_or_else(|_| Gitignore::empty());
        Self { entry, files, expired: entry.until.is_some_and(|until| today > until), used: false }
    }

    fn matches(&self, one: &Diagnostic, name: &Path, pointer: &dyn Fn(Span) -> Option<String>) -> bool {
        if self.expired || self.entry.rule != one.code || !self.files.matched_path_or_any_parents(name, false).is_ignore() {
            return false;
        }
        let Some(above) = &self.entry.pointer else { return true };
        pointer(one.span()).is_some_and(|p| p.strip_prefix(above.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }

    fn complaint(&self) -> Diagnostic {
        let (entry, rule) = (self.entry, self.entry.rule.id());
        let one = match entry.until {
            Some(until) if self.expired => {
                let message = format!("the suppression of {rule} in `{}` ended on {until}", entry.file);
                Diagnostic::new(codes::UNUSED_SUPPRESSION, entry.span, message).at("no longer holds")
            }
            _ => {
                let message = format!("the suppression of {rule} in `{}` suppresses nothing", entry.file);
                Diagnostic::new(codes::UNUSED_SUPPRESSION, entry.span, message).at("nothing to suppress")
            }
        };
        if NOT_IGNORABLE.contains(&entry.rule) {
            one.note(format!("{rule} cannot be suppressed"))
        } else {
            one.help("remove it, or mend its file, pointer and rule")
        }
    }
}

/// The path relative to `root`, with `.` and `..` resolved by name alone.
fn within(root: &Path, path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain.strip_prefix(root).map(Path::to_owned).unwrap_or_default()
}
