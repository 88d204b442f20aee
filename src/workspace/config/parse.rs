//! TOML with places → [`Config`]. Pure.

use super::{Config, Environment, Ignore, PathRule, Target};
use crate::diagnostic::{
    ALL_CODES, Code, Diagnostic, Printable, Release, Severity, codes, nearest,
};
use crate::source::{FileId, SourceFile, Span};
use crate::world::process::Declared;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// All keys by table; the JSON Schema in `docs/reference` has the same ones.
pub const KEYS: [(&str, &[&str]); 8] = [
    (
        "",
        &[
            "version",
            "vault",
            "state",
            "environment",
            "conductor",
            "workers",
            "programs",
            "check",
            "ignore",
        ],
    ),
    ("vault", &["path", "identity"]),
    ("state", &["dir"]),
    ("environment", &["vault", "identity", "variables", "with"]),
    (
        "conductor",
        &["target", "hosts", "secret-names", "answer-limit"],
    ),
    ("check", &["fail-on", "severity", "pedantic", "path"]),
    ("check.path", &["files", "severity"]),
    ("ignore", &["file", "pointer", "rule", "reason", "until"]),
];

type Value<'t> = Spanned<DeValue<'t>>;
type Key<'t> = Spanned<Cow<'t, str>>;

/// The settings in `file`, or all that is wrong with them. `root` is the folder that paths in it start from.
pub fn parse(id: FileId, file: &SourceFile, root: &Path) -> Result<Config, Vec<Diagnostic>> {
    let document = DeTable::parse(file.text()).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        let span = Span::new(id, span.start, span.end);
        vec![
            Diagnostic::new(codes::CONFIG_INVALID, span, "this is not valid TOML")
                .at(error.message().to_owned()),
        ]
    })?;
    let mut reader = Reader {
        file: id,
        found: Vec::new(),
    };
    let mut config = Config {
        root: Some(root.to_owned()),
        ..Config::default()
    };
    reader.document(document.get_ref(), &mut config, root);
    reader.found.sort_by_key(|d| d.span().start);
    if reader.found.is_empty() {
        Ok(config)
    } else {
        Err(reader.found)
    }
}

struct Reader {
    file: FileId,
    found: Vec<Diagnostic>,
}

impl Reader {
    fn span(&self, range: std::ops::Range<usize>) -> Span {
        Span::new(self.file, range.start, range.end)
    }

    fn report(
        &mut self,
        range: std::ops::Range<usize>,
        message: String,
        label: &str,
        help: String,
    ) {
        let mut one = Diagnostic::new(codes::CONFIG_INVALID, self.span(range), message).at(label);
        if !help.is_empty() {
            one = one.help(help);
        }
        self.found.push(one);
    }

    fn document(&mut self, document: &DeTable<'_>, config: &mut Config, root: &Path) {
        for (key, value) in self.known("", document) {
            match key.as_str() {
                "version" => config.version = self.release(value),
                "ignore" => self.ignores(value, config),
                "workers" => self.workers(value, config, root),
                "programs" => self.programs(value, config),
                "environment" => self.environments(value, config, root),
                name => {
                    let Some(table) = self.table(name, value) else {
                        continue;
                    };
                    for (key, value) in self.known(name, table) {
                        self.entry(name, &key, value, config, root);
                    }
                }
            }
        }
    }

    fn entry(
        &mut self,
        table: &str,
        key: &str,
        value: &Value<'_>,
        config: &mut Config,
        root: &Path,
    ) {
        match (table, key) {
            ("vault", "path") => config.vault = self.string(value).map(|p| root.join(p)),
            ("vault", "identity") => {
                config.identity = self
                    .strings(value)
                    .into_iter()
                    .map(|p| root.join(p))
                    .collect()
            }
            ("state", "dir") => config.state = self.string(value).map(|p| root.join(p)),
            ("conductor", "target") => {
                config.target = self
                    .choice(value, &[("orkes", Target::Orkes), ("oss", Target::Oss)])
                    .unwrap_or_default();
            }
            ("conductor", "hosts") => {
                let Some(hosts) = self.table("conductor.hosts", value) else {
                    return;
                };
                for (secret, value) in hosts {
                    config
                        .hosts
                        .insert(secret.get_ref().to_string(), self.strings(value));
                }
            }
            ("conductor", "secret-names") => config.secret_names = self.strings(value),
            ("conductor", "answer-limit") => config.answer_limit = self.size(value),
            ("check", "fail-on") => {
                let all = [
                    ("error", Severity::Error),
                    ("warning", Severity::Warning),
                    ("note", Severity::Note),
                ];
                config.fail_on = self.choice(value, &all);
            }
            ("check", "severity") => config.severity = self.weights("check.severity", value),
            ("check", "pedantic") => config.pedantic = self.flag(value),
            ("check", "path") => self.paths(value, config),
            _ => {}
        }
    }

    /// A later release than this program is refused: it has rules that would be missed here.
    fn release(&mut self, value: &Value<'_>) -> Option<Release> {
        let text = self.string(value)?;
        let current = Release::current();
        let (message, help) = match Release::parse(&text) {
            Some(release) if release <= current => return Some(release),
            Some(_) => (
                format!("the settings are for rot {text}, and this is rot {current}"),
                "install that release, or a later one".to_owned(),
            ),
            None => (
                "this is no release of rot".to_owned(),
                format!("it is written as \"{current}\": the release whose rules count in full"),
            ),
        };
        self.report(value.span(), message, "", help);
        None
    }

    fn weights(&mut self, name: &str, value: &Value<'_>) -> BTreeMap<Code, Option<Severity>> {
        let all = [
            ("error", Some(Severity::Error)),
            ("warning", Some(Severity::Warning)),
            ("note", Some(Severity::Note)),
            ("off", None),
        ];
        let mut weights = BTreeMap::new();
        for (key, value) in self.table(name, value).into_iter().flatten() {
            if let (Some(code), Some(level)) = (
                self.code(key.get_ref(), key.span()),
                self.choice(value, &all),
            ) {
                weights.insert(code, level);
            }
        }
        weights
    }

    fn paths(&mut self, value: &Value<'_>, config: &mut Config) {
        let DeValue::Array(entries) = value.get_ref() else {
            let help = "it is written `[[check.path]]`, one for each group of files";
            return self.report(
                value.span(),
                "`check.path` is a list of tables".into(),
                "",
                help.into(),
            );
        };
        for entry in entries {
            let Some(table) = self.table("check.path", entry) else {
                continue;
            };
            let mut rule = PathRule {
                files: Vec::new(),
                severity: BTreeMap::new(),
            };
            let before = self.found.len();
            for (key, value) in self.known("check.path", table) {
                match key.as_str() {
                    "files" => rule.files = self.strings(value),
                    _ => rule.severity = self.weights("check.path.severity", value),
                }
            }
            if self.found.len() > before {
                continue;
            }
            if rule.files.is_empty() {
                let help = "it names files or patterns, from the folder of rot.toml: `files = [\"legacy/**\"]`";
                self.report(
                    entry.span(),
                    "this entry lacks `files`".into(),
                    "",
                    help.into(),
                );
            } else {
                config.paths.push(rule);
            }
        }
    }

    fn flag(&mut self, value: &Value<'_>) -> bool {
        if let DeValue::Boolean(flag) = value.get_ref() {
            return *flag;
        }
        self.report(
            value.span(),
            "`true` or `false` is needed here".into(),
            "not a truth value",
            "write it without quotes".into(),
        );
        false
    }

    /// A worker is a program with its arguments; a path within the project is relative to the settings' folder.
    fn workers(&mut self, value: &Value<'_>, config: &mut Config, root: &Path) {
        let Some(table) = self.table("workers", value) else {
            return;
        };
        for (name, value) in table {
            let mut command = self.strings(value);
            match command.first_mut() {
                Some(program) if program.contains('/') => {
                    *program = root.join(&*program).display().to_string()
                }
                Some(_) => {}
                None => {
                    let help = "write the program and its arguments: `name = [\"prog\", \"arg\"]`";
                    self.report(
                        value.span(),
                        format!("the worker `{}` has no program", name.get_ref()),
                        "",
                        help.into(),
                    );
                    continue;
                }
            }
            config.workers.insert(name.get_ref().to_string(), command);
        }
    }

    /// A program is its absolute path with its first arguments; with `sha256` it is that file alone.
    fn programs(&mut self, value: &Value<'_>, config: &mut Config) {
        for (name, value) in self.table("programs", value).into_iter().flatten() {
            let mut declared = Declared::default();
            if let DeValue::Table(table) = value.get_ref() {
                for (key, value) in table {
                    match key.get_ref().as_ref() {
                        "command" => declared.command = self.strings(value),
                        "sha256" => declared.sha256 = self.strings(value).into_iter().next(),
                        _ => self.report(
                            key.span(),
                            format!("a program has no `{}`", key.get_ref().printable()),
                            "",
                            "a program has `command` and `sha256`".into(),
                        ),
                    }
                }
            } else {
                declared.command = self.strings(value);
            }
            let hex = |text: &str| {
                text.len() == 64
                    && text
                        .bytes()
                        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            };
            let problem = match declared.command.first() {
                Some(program) if !program.starts_with('/') => {
                    Some("is not named by its absolute path")
                }
                None => Some("has no command"),
                Some(_) if declared.sha256.as_deref().is_some_and(|text| !hex(text)) => {
                    Some("has a `sha256` that is not 64 lower-case hexadecimal digits")
                }
                Some(_) => None,
            };
            if let Some(problem) = problem {
                self.report(
                    value.span(),
                    format!("the program `{}` {problem}", name.get_ref().printable()),
                    "",
                    "write `name = [\"/usr/bin/prog\", \"argument\"]`".into(),
                );
                continue;
            }
            config.programs.insert(name.get_ref().to_string(), declared);
        }
    }

    /// A table of texts.
    fn texts(&mut self, name: &str, value: &Value<'_>) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for (name, value) in self.table(name, value).into_iter().flatten() {
            if let Some(text) = self.string(value) {
                all.insert(name.get_ref().to_string(), text);
            }
        }
        all
    }

    /// Each with a name that is good for a file and an option.
    fn environments(&mut self, value: &Value<'_>, config: &mut Config, root: &Path) {
        for (name, value) in self.table("environment.NAME", value).into_iter().flatten() {
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.get_ref().is_empty() || !name.get_ref().chars().all(fits) {
                self.report(
                    name.span(),
                    format!(
                        "`{}` cannot name an environment",
                        name.get_ref().printable()
                    ),
                    "not a name",
                    "letters, digits, `-` and `_`".into(),
                );
                continue;
            }
            let Some(table) = self.table("environment.NAME", value) else {
                continue;
            };
            let mut one = Environment::default();
            for (key, value) in self.known("environment", table) {
                match key.as_str() {
                    "vault" => one.vault = self.string(value).map(|p| root.join(p)),
                    "identity" => {
                        one.identity = self
                            .strings(value)
                            .into_iter()
                            .map(|p| root.join(p))
                            .collect();
                    }
                    "with" => {
                        let rotations = self.table("environment.NAME.with", value);
                        for (rotation, value) in rotations.into_iter().flatten() {
                            let given = self.texts("environment.NAME.with.ROTATION", value);
                            one.with.insert(rotation.get_ref().to_string(), given);
                        }
                    }
                    _ => one.variables = self.texts("environment.NAME.variables", value),
                }
            }
            config.environments.insert(name.get_ref().to_string(), one);
        }
    }

    fn ignores(&mut self, value: &Value<'_>, config: &mut Config) {
        let DeValue::Array(entries) = value.get_ref() else {
            let help = "it is written `[[ignore]]`, one for each accepted finding";
            return self.report(
                value.span(),
                "`ignore` is a list of tables".into(),
                "",
                help.into(),
            );
        };
        for entry in entries {
            let Some(table) = self.table("ignore", entry) else {
                continue;
            };
            let (mut file, mut pointer, mut rule, mut reason, mut until) =
                (None, None, None, None, None);
            let before = self.found.len();
            for (key, value) in self.known("ignore", table) {
                match key.as_str() {
                    "file" => file = self.string(value),
                    "pointer" => pointer = self.string(value),
                    "rule" => {
                        rule = self
                            .string(value)
                            .and_then(|name| self.code(&name, value.span()))
                    }
                    "reason" => reason = self.string(value).filter(|r| !r.trim().is_empty()),
                    _ => until = self.date(value),
                }
            }
            let span = self.span(entry.span());
            match (file, rule, reason) {
                (Some(file), Some(rule), Some(reason)) => {
                    config.ignores.push(Ignore {
                        file,
                        pointer,
                        rule,
                        reason,
                        until,
                        span,
                    });
                }
                (file, rule, reason) if self.found.len() == before => {
                    let missing = [
                        ("file", file.is_none()),
                        ("rule", rule.is_none()),
                        ("reason", reason.is_none()),
                    ];
                    let missing: Vec<_> = missing
                        .iter()
                        .filter(|(_, m)| *m)
                        .map(|(n, _)| format!("`{n}`"))
                        .collect();
                    let message = format!("this suppression lacks {}", missing.join(" and "));
                    let help = "a suppression says which file, which rule, and the reason why the finding is accepted";
                    self.report(entry.span(), message, "", help.into());
                }
                _ => {}
            }
        }
    }

    /// The entries of a table whose keys exist; the others are reported.
    fn known<'a, 't>(
        &mut self,
        table: &str,
        entries: &'a DeTable<'t>,
    ) -> Vec<(String, &'a Value<'t>)> {
        let known = KEYS
            .iter()
            .find(|(t, _)| *t == table)
            .map_or::<&[&str], _>(&[], |(_, keys)| keys);
        let mut out = Vec::new();
        for (key, value) in entries {
            let key: &Key<'t> = key;
            let name = key.get_ref();
            if known.contains(&name.as_ref()) {
                out.push((name.to_string(), value));
                continue;
            }
            let place = if table.is_empty() {
                "rot.toml".to_owned()
            } else {
                format!("`[{table}]`")
            };
            let help = match nearest(name, known.iter().copied()) {
                Some(near) => format!("the nearest key is `{near}`"),
                None => format!("the keys of {place} are {}", known.join(", ")),
            };
            self.report(
                key.span(),
                format!("unknown key `{name}` in {place}"),
                "not a setting",
                help,
            );
        }
        out
    }

    fn table<'a, 't>(&mut self, name: &str, value: &'a Value<'t>) -> Option<&'a DeTable<'t>> {
        if let DeValue::Table(table) = value.get_ref() {
            return Some(table);
        }
        self.report(
            value.span(),
            format!("`{name}` is a table"),
            "not a table",
            format!("it is written `[{name}]`"),
        );
        None
    }

    fn string(&mut self, value: &Value<'_>) -> Option<String> {
        if let DeValue::String(text) = value.get_ref() {
            return Some(text.to_string());
        }
        self.report(
            value.span(),
            "a string is needed here".into(),
            "not a string",
            "put it in double quotes".into(),
        );
        None
    }

    /// A list of strings; one string stands for a list of one.
    fn strings(&mut self, value: &Value<'_>) -> Vec<String> {
        match value.get_ref() {
            DeValue::Array(items) => items.iter().filter_map(|item| self.string(item)).collect(),
            _ => self.string(value).into_iter().collect(),
        }
    }

    /// A number of bytes, or a text such as `4MiB`.
    fn size(&mut self, value: &Value<'_>) -> Option<u64> {
        const MOST: u64 = 16 << 20;
        let text = match value.get_ref() {
            DeValue::Integer(number) => number.as_str().to_owned(),
            _ => self.string(value)?,
        };
        let (digits, unit) = match (text.strip_suffix("MiB"), text.strip_suffix("KiB")) {
            (Some(digits), _) => (digits, 1 << 20),
            (None, Some(digits)) => (digits, 1 << 10),
            (None, None) => (text.as_str(), 1),
        };
        let size = digits.trim().parse::<u64>().ok();
        let size = size.and_then(|size| size.checked_mul(unit));
        if let Some(size) = size.filter(|size| (1..=MOST).contains(size)) {
            return Some(size);
        }
        self.report(
            value.span(),
            "a size is between 1 byte and 16 MiB".to_owned(),
            "not a size",
            "for example \"4MiB\"".to_owned(),
        );
        None
    }

    fn choice<T: Clone>(&mut self, value: &Value<'_>, all: &[(&str, T)]) -> Option<T> {
        let text = self.string(value)?;
        if let Some((_, choice)) = all.iter().find(|(name, _)| *name == text) {
            return Some(choice.clone());
        }
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        let help = match nearest(&text, names.iter().copied()) {
            Some(near) => format!("the nearest is \"{near}\""),
            None => format!("one of \"{}\"", names.join("\", \"")),
        };
        self.report(
            value.span(),
            format!("`{text}` is not a value of this key"),
            "not one of the choices",
            help,
        );
        None
    }

    fn code(&mut self, name: &str, range: std::ops::Range<usize>) -> Option<Code> {
        if let Some(code) = Code::find(name) {
            return Some(code);
        }
        let all = ALL_CODES.iter().flat_map(|c| [c.id(), c.name()]);
        let help = match nearest(name, all) {
            Some(near) => format!("the nearest is `{near}`"),
            None => "rules are named by code (ROT301) or by name (secret-to-log)".to_owned(),
        };
        self.report(
            range,
            format!("there is no rule `{name}`"),
            "unknown rule",
            help,
        );
        None
    }

    fn date(&mut self, value: &Value<'_>) -> Option<jiff::civil::Date> {
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Datetime(date) => date.to_string(),
            _ => String::new(),
        };
        let date = text
            .get(..10)
            .filter(|_| text.len() == 10)
            .and_then(|t| t.parse().ok());
        if date.is_none() {
            let help = "it is written as 2027-01-31: the last day on which the suppression holds";
            self.report(
                value.span(),
                "this is not a date".into(),
                "not a date",
                help.into(),
            );
        }
        date
    }
}
