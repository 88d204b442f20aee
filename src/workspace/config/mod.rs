//! `rot.toml`: project settings. Found beside the project's files or in a folder above them; every mistake in it is an
//! error with its place, since a misspelt key would silently do nothing.

mod parse;

pub use parse::{KEYS, parse};

use super::files;
use crate::diagnostic::{Code, Error, Failure, Release, Severity, codes};
use crate::source::{FileId, SourceFile, SourceMap, Span};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The name of the file.
pub const FILE_NAME: &str = "rot.toml";

/// Project settings. Paths are joined with the folder of the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// The folder of `rot.toml`; `None` when there is no such file.
    pub root: Option<PathBuf>,
    /// `version`: rules of later releases are notes.
    pub version: Option<Release>,
    /// `[vault] path`.
    pub vault: Option<PathBuf>,
    /// `[vault] identity`.
    pub identity: Vec<PathBuf>,
    /// `[state] dir`.
    pub state: Option<PathBuf>,
    /// `[environment.NAME]`.
    pub environments: BTreeMap<String, Environment>,
    /// The [`Environment::with`] of the environment that was chosen.
    pub with: BTreeMap<String, BTreeMap<String, String>>,
    /// `[conductor] target`.
    pub target: Target,
    /// `[conductor.hosts]`: where a secret of an imported definition may be sent.
    pub hosts: BTreeMap<String, Vec<String>>,
    /// `[conductor] secret-names`: names under which data may choose a secret to store in; `*` stands for any characters but `/`.
    pub secret_names: Vec<String>,
    /// `[conductor] answer-limit`: the largest answer of an HTTP task in bytes.
    pub answer_limit: Option<u64>,
    /// `[workers]`: local programs for Conductor's SIMPLE tasks, program and arguments by the task's name.
    pub workers: BTreeMap<String, Vec<String>>,
    /// `[programs]`: local programs for `exec`, by their name.
    pub programs: BTreeMap<String, crate::world::process::Declared>,
    /// `[check] fail-on`.
    pub fail_on: Option<Severity>,
    /// `[check] severity`; `None` turns a code off.
    pub severity: BTreeMap<Code, Option<Severity>>,
    /// `[check] pedantic`: also findings of taste.
    pub pedantic: bool,
    /// `[[check.path]]`: other weights for some files; later entries win.
    pub paths: Vec<PathRule>,
    /// `[[ignore]]`.
    pub ignores: Vec<Ignore>,
    /// Suppressions in files do not count.
    pub strict: bool,
}

impl Config {
    /// The same settings without what a tree may use to hide findings: an older `version`, weights, rules that are off, `[[ignore]]`.
    #[must_use]
    pub fn strict(&self) -> Self {
        Self {
            severity: BTreeMap::new(),
            paths: Vec::new(),
            ignores: Vec::new(),
            fail_on: None,
            version: None,
            strict: true,
            ..self.clone()
        }
    }
}

/// What `--environment NAME` stands for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Environment {
    /// `vault`; `NAME.vault` where it is missing.
    pub vault: Option<PathBuf>,
    /// `identity`; that of `[vault]` where it is missing.
    pub identity: Vec<PathBuf>,
    /// `[environment.NAME.variables]`: what `env NAME` of a rotation file reads, before the variables of the process.
    pub variables: BTreeMap<String, String>,
    /// `[environment.NAME.with.ROTATION]`: what a rotation that is made from a template gives for its parameters, before its own
    /// `with`: hosts above all.
    pub with: BTreeMap<String, BTreeMap<String, String>>,
}

/// What an imported definition is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// Orkes Conductor, which masks.
    #[default]
    Orkes,
    /// The open-source server, which does not.
    Oss,
}

/// Weights for some files.
#[derive(Debug, Clone, PartialEq)]
pub struct PathRule {
    /// Paths or patterns as in `.gitignore`, from the folder of `rot.toml`.
    pub files: Vec<String>,
    /// `None` turns a code off.
    pub severity: BTreeMap<Code, Option<Severity>>,
}

/// One accepted finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Ignore {
    /// Which files: a path or a pattern as in `.gitignore`, from the folder of `rot.toml`.
    pub file: String,
    /// Only at this JSON Pointer and below.
    pub pointer: Option<String>,
    /// Which rule.
    pub rule: Code,
    /// Why it is accepted.
    pub reason: String,
    /// The last day on which it holds.
    pub until: Option<jiff::civil::Date>,
    /// The entry.
    pub span: Span,
}

/// The settings for a command that runs in `cwd`: from `explicit`, or from the nearest `rot.toml` upward. The text is
/// added to `sources`, where the places of diagnostics point.
pub fn load(explicit: Option<&Path>, cwd: &Path, sources: &mut SourceMap) -> Result<Config, Error> {
    let Some(path) = explicit.map(Path::to_owned).or_else(|| find(cwd)) else {
        return Ok(Config::default());
    };
    // As git's `safe.directory`: settings decide where the vault is and which programs are run.
    if explicit.is_none() && path.parent() != Some(cwd) && !files::is_ours(&path) {
        let message = format!(
            "the settings `{}` are not taken: they or their folder belong to another user, or others can change them",
            path.display()
        );
        return Err(Error::plain(Failure::Usage, codes::CONFIG_INVALID, message)
            .help("take them with `--config PATH`, or go without with `--no-config`"));
    }
    let shown = path
        .strip_prefix(cwd)
        .unwrap_or(&path)
        .display()
        .to_string();
    let text = match files::read_text(&path) {
        Ok(text) => text,
        Err(problem) if problem.why == "it is empty" => String::new(),
        Err(problem) => {
            let message = format!("cannot read the settings `{shown}`: {}", problem.why);
            return Err(
                Error::plain(Failure::Usage, codes::CONFIG_INVALID, message).help(problem.help)
            );
        }
    };
    let file = SourceFile::new(shown, text);
    let id: FileId = sources.add(file.clone());
    let root = files::parent(&cwd.join(&path));
    let config = parse(id, &file, &root).map_err(|diagnostics| Error {
        failure: Failure::Usage,
        diagnostics,
    })?;
    if explicit.is_none() && path.parent() != Some(cwd) {
        programs_are_ours(&config)?;
    }
    Ok(config)
}

/// A program that settings from above name is run only where nobody else can have put it.
fn programs_are_ours(config: &Config) -> Result<(), Error> {
    for (worker, command) in &config.workers {
        let program = command.first().filter(|program| program.contains('/'));
        let foreign = program.filter(|p| Path::new(p).exists() && !files::is_ours(Path::new(p)));
        if let Some(program) = foreign {
            let message = format!(
                "the worker `{worker}` is not taken: `{program}` or its folder belongs to another user, or others can change it"
            );
            return Err(Error::plain(Failure::Usage, codes::CONFIG_INVALID, message).help(
                "give it to yourself and take the right to write from others, or take the settings with `--config PATH`",
            ));
        }
    }
    Ok(())
}

/// The nearest `rot.toml` in `from` or above.
pub fn find(from: &Path) -> Option<PathBuf> {
    from.ancestors()
        .map(|dir| dir.join(FILE_NAME))
        .find(|path| path.is_file())
}
