//! `[[ignore]]`, `[check] severity` and `[[check.path]]` of `rot.toml`.

use super::{Setting, expired, unused};
use crate::diagnostic::{Category, Code, Diagnostic, Severity};
use crate::source::FileId;
use crate::workspace::config::{Config, Ignore};
use crate::workspace::texts::plain;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Patterns as in `.gitignore`, from one folder.
pub struct Patterns {
    root: PathBuf,
    files: Gitignore,
}

impl Patterns {
    /// A pattern that does not parse matches nothing, and shows as unused.
    pub fn new<'t>(root: &Path, lines: impl IntoIterator<Item = &'t str>) -> Self {
        let mut builder = GitignoreBuilder::new(root);
        for line in lines {
            let _ = builder.add_line(None, line);
        }
        Self {
            root: root.to_owned(),
            files: builder.build().unwrap_or_else(|_| Gitignore::empty()),
        }
    }

    /// Whether a file is meant.
    pub fn matches(&self, path: &Path) -> bool {
        self.files
            .matched_path_or_any_parents(within(&self.root, path), false)
            .is_ignore()
    }
}

/// The weights of the settings, by rule and by file.
pub(super) struct Weights<'a> {
    setting: &'a Setting<'a>,
    by_path: Vec<(Patterns, &'a BTreeMap<Code, Option<Severity>>)>,
}

impl<'a> Weights<'a> {
    pub(super) fn new(setting: &'a Setting<'a>) -> Self {
        let root = root(setting.config, setting.cwd);
        let patterns = |files: &'a [String]| Patterns::new(&root, files.iter().map(String::as_str));
        let by_path = setting
            .config
            .paths
            .iter()
            .map(|p| (patterns(&p.files), &p.severity))
            .collect();
        Self { setting, by_path }
    }

    /// Whether the settings were written for a release that did not have the rule.
    fn is_newer(&self, code: Code) -> bool {
        let pinned = self.setting.config.version;
        code.may_be_turned_off() && pinned.is_some_and(|pinned| code.since() > pinned)
    }

    /// The finding with its weight; `None` where its rule is off. The last entry that speaks of file and rule decides.
    pub(super) fn weigh(&self, mut one: Diagnostic) -> Option<Diagnostic> {
        if !one.code.may_be_turned_off() && one.code.category() != Category::Housekeeping {
            return Some(one);
        }
        let path = if self.by_path.is_empty() {
            None
        } else {
            path_of(self.setting, one.span().file)
        };
        let of_path = path.and_then(|path| {
            self.by_path
                .iter()
                .rev()
                .find_map(|(p, s)| s.get(&one.code).filter(|_| p.matches(&path)))
        });
        match of_path.or_else(|| self.setting.config.severity.get(&one.code)) {
            Some(None) => return None,
            Some(Some(severity)) => one.severity = *severity,
            None if self.is_newer(one.code) && one.severity > Severity::Note => {
                one.severity = Severity::Note;
                let since = one.code.since();
                one = one.note(format!(
                    "the rule came with rot {since}; `version` in rot.toml is older, which makes it a note"
                ));
            }
            None => {}
        }
        Some(one)
    }
}

/// One `[[ignore]]`.
pub(super) struct Rule<'a> {
    entry: &'a Ignore,
    files: Patterns,
    used: bool,
}

/// All entries of the settings.
pub(super) fn rules<'a>(setting: &Setting<'a>) -> Vec<Rule<'a>> {
    let root = root(setting.config, setting.cwd);
    setting
        .config
        .ignores
        .iter()
        .map(|entry| Rule {
            entry,
            files: Patterns::new(&root, [entry.file.as_str()]),
            used: false,
        })
        .collect()
}

impl Rule<'_> {
    pub(super) fn code(&self) -> Code {
        self.entry.rule
    }

    /// Whether it takes this finding away.
    pub(super) fn suppresses(&mut self, one: &Diagnostic, setting: &Setting<'_>) -> bool {
        let entry = self.entry;
        let over = entry.until.is_some_and(|until| setting.today > until);
        if over
            || entry.rule != one.code
            || !path_of(setting, one.span().file).is_some_and(|p| self.files.matches(&p))
        {
            return false;
        }
        let hit = entry.pointer.as_ref().is_none_or(|above| {
            (setting.pointer)(one.span()).is_some_and(|p| {
                p.strip_prefix(above.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        });
        self.used |= hit;
        hit
    }

    /// What is wrong with it. Nothing is said of files that were not looked at, as when a hook names the changed ones.
    pub(super) fn complaint(&self, setting: &Setting<'_>, incomplete: bool) -> Option<Diagnostic> {
        let entry = self.entry;
        if let Some(until) = entry.until.filter(|until| setting.today > *until) {
            return Some(expired(entry.rule, until, entry.span));
        }
        let mut seen = setting
            .sources
            .files()
            .filter(|(id, _)| (setting.checked)(*id));
        let looked_at =
            seen.any(|(id, _)| path_of(setting, id).is_some_and(|p| self.files.matches(&p)));
        let gone = !looked_at
            && !entry.file.contains(['*', '?', '['])
            && !root(setting.config, setting.cwd).join(&entry.file).exists();
        if self.used || !(gone || (looked_at && !incomplete)) {
            return None;
        }
        let message = format!(
            "the suppression of {} in `{}` suppresses nothing",
            entry.rule.id(),
            entry.file
        );
        Some(unused(
            entry.rule,
            entry.span,
            message,
            "remove it, or mend its file, pointer and rule",
        ))
    }
}

fn root(config: &Config, cwd: &Path) -> PathBuf {
    config.root.clone().unwrap_or_else(|| cwd.to_owned())
}

fn path_of(setting: &Setting<'_>, file: FileId) -> Option<PathBuf> {
    setting
        .sources
        .get(file)
        .map(|f| setting.cwd.join(f.name()))
}

/// The path relative to `root`, with `.` and `..` resolved by name alone.
pub fn within(root: &Path, path: &Path) -> PathBuf {
    plain(path)
        .strip_prefix(plain(root))
        .map(Path::to_owned)
        .unwrap_or_default()
}
