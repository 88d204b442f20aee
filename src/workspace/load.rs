//! A file and what it uses, to a checked plan. The one place where the front ends are chosen.

use super::config::{Config, Target};
use super::texts::{Disk, Texts};
use super::torn::Torn;
use crate::check::{self, Texts as CheckTexts, Tree};
use crate::conductor::{self, ReadOptions};
use crate::diagnostic::{Code, Concern, Diagnostic, Error, Failure, Result, Severity, codes};
use crate::json;
use crate::plan::index::Index;
use crate::plan::policy::{Destination, HostPattern, Place};
use crate::plan::resolve::{parse_host, resolve_into};
use crate::plan::template;
use crate::plan::{Dialect, Plan, Rotation, document};
use crate::source::{At, FileId, SourceFile, SourceMap, Span};
use crate::syntax::{self, ast};
use crate::templates;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// A file as the commands work on it.
pub struct Loaded {
    /// What it says, as far as it could be understood.
    pub plan: Plan,
    /// All findings, of the front end and of the checker.
    pub findings: Vec<Diagnostic>,
    /// The texts that the findings point into; the file itself is the first.
    pub sources: SourceMap,
    /// The tree of the file itself, where it has one.
    pub tree: Form,
    /// Where its names are defined and used, when that was asked for.
    pub index: Index,
}

/// What a text was read as.
pub enum Form {
    /// A `.rot` file.
    Rot(ast::Ast),
    /// Conductor JSON.
    Json(json::Node),
    /// A compiled plan, or JSON that could not be read.
    Other,
}

/// Reads and checks one text. Other files are read only where it says `use`, or calls a definition that it does not hold.
pub fn analyse(file: &SourceFile, config: &Config) -> Loaded {
    analyse_among(file, config, &Disk, Index::off())
}

/// The same, with the texts of other files as `texts` has them, and names noted in `index`.
pub fn analyse_among(
    file: &SourceFile,
    config: &Config,
    texts: &dyn Texts,
    index: Index,
) -> Loaded {
    match language(file) {
        Language::Rot => rot(file, config, texts, index),
        Language::Json => json_text(file, config, texts, index),
    }
}

/// Whether a text is read as JSON.
pub fn is_json(file: &SourceFile) -> bool {
    matches!(language(file), Language::Json)
}

enum Language {
    Rot,
    Json,
}

/// By the ending of the name; without a known one, by the first character.
fn language(file: &SourceFile) -> Language {
    match Path::new(file.name()).extension().and_then(|e| e.to_str()) {
        Some("rot") => Language::Rot,
        Some("json") => Language::Json,
        _ if file
            .text()
            .trim_start_matches('\u{feff}')
            .trim_start()
            .starts_with(['{', '[']) =>
        {
            Language::Json
        }
        _ => Language::Rot,
    }
}

fn rot(file: &SourceFile, config: &Config, texts: &dyn Texts, mut index: Index) -> Loaded {
    let mut sources = SourceMap::new();
    let id = sources.add(file.clone());
    let (main, mut findings) = syntax::parse(id, file);
    // What the environment gives is resolved and run; the tree that editors and fixes work on stays as it was written.
    let given = (!config.with.is_empty()).then(|| {
        let mut given = main.clone();
        template::give(&mut given, &config.with);
        given
    });
    let mut loader = Loader {
        root: root_of(Path::new(file.name()), config),
        texts,
        sources,
        used: Vec::new(),
        findings: Vec::new(),
        open: vec![super::texts::plain(Path::new(file.name()))],
        done: Vec::new(),
    };
    loader.uses(&main, Path::new(file.name()));
    findings.append(&mut loader.findings);
    let broken = findings.iter().any(|d| d.severity == Severity::Error);
    let used: Vec<&ast::Ast> = loader.used.iter().collect();
    let (plan, mut resolved) = resolve_into(&used, given.as_ref().unwrap_or(&main), &mut index);
    let files = used.iter().copied().chain([&main]);
    let torn = Torn::of(files, &plan, &findings, &resolved, &|d| consequence(d.code));
    if broken {
        // Names that stand in what could not be parsed are not missing.
        resolved.retain(|d| !consequence(d.code));
    }
    findings.append(&mut resolved);
    if broken {
        // The excerpt of a mistake may show a credential that stands beside it.
        let beside = check::credentials_in(id, file.text());
        if let Some(first) = findings.first_mut() {
            first.redact.extend(beside);
        }
    }
    let texts = CheckTexts {
        sources: Some(&loader.sources),
        tree: Some(Tree::Rot(&main)),
    };
    let options = check::Options {
        pedantic: config.pedantic,
    };
    let mut found = if torn.is_part() {
        let mut found = check::check_part(&plan, &options, &texts);
        found.retain(|d| torn.lets(d));
        found
    } else {
        check::check_text(&plan, &options, &texts)
    };
    let trees: Vec<&ast::Ast> = used.iter().copied().chain([&main]).collect();
    template::once(&mut found, &trees);
    template::attribute(&mut found, &trees);
    findings.append(&mut found);
    Loaded {
        plan,
        findings,
        sources: loader.sources,
        tree: Form::Rot(main),
        index,
    }
}

/// Codes that may follow from a name that stands in an item with a syntax error.
fn consequence(code: Code) -> bool {
    [
        codes::UNRESOLVED_REFERENCE,
        codes::UNDECLARED_SECRET,
        codes::UNKNOWN_FIELD,
        codes::FORWARD_REFERENCE,
        codes::MISSING_EFFECT,
        codes::TYPE_MISMATCH,
        codes::MISSING_REQUIRED,
        codes::BAD_URL,
    ]
    .contains(&code)
}

/// What the checker finds; of a plan with unresolved names only what is about flows, which is right for the rest of it.
fn checked(plan: &Plan, config: &Config, wrong: bool, texts: &CheckTexts<'_>) -> Vec<Diagnostic> {
    let options = check::Options {
        pedantic: config.pedantic,
    };
    let mut found = check::check_text(plan, &options, texts);
    if wrong {
        found.retain(|d| is_of_flows(d.code));
    }
    found
}

/// Codes of flows, transport and masking: right for what is known of a plan, however little that is.
pub(super) fn is_of_flows(code: Code) -> bool {
    code.category().holds_for_parts()
}

/// The definitions of a file in which something is wrong that other findings may follow from.
struct Parts(Vec<Span>);

impl Parts {
    /// `complete` when nothing of the text was lost on the way to the tree.
    fn of(node: &json::Node, findings: &[Diagnostic], complete: bool) -> Self {
        let parts: Vec<Span> = if node.is_array() {
            node.items().iter().map(|item| item.span).collect()
        } else {
            vec![node.span]
        };
        let wrong = |part: &Span| {
            findings
                .iter()
                .filter(|d| d.severity == Severity::Error && leads_to_others(d.code))
                .filter(|d| !complete || d.code != codes::INVALID_JSON)
                .any(|d| part.contains(d.span()))
        };
        Self(parts.into_iter().filter(wrong).collect())
    }

    fn are_wrong(&self, finding: &Diagnostic) -> bool {
        self.0.iter().any(|part| part.contains(finding.span()))
    }
}

/// Codes of what makes a plan another one than was meant: a name that leads nowhere, a value that is not there.
fn leads_to_others(code: Code) -> bool {
    consequence(code)
        || [
            codes::INVALID_JSON,
            codes::NESTING_TOO_DEEP,
            codes::UNRESOLVED_TASK_REF,
            codes::DUPLICATE_NAME,
            codes::BAD_INTERPOLATION,
            codes::BAD_JSONPATH,
            codes::FILTER_NOT_DEFERRED,
            codes::RAW_COPY_BESIDE_MASK,
        ]
        .contains(&code)
}

fn json_text(file: &SourceFile, config: &Config, among: &dyn Texts, mut index: Index) -> Loaded {
    let mut sources = SourceMap::new();
    let id = sources.add(file.clone());
    let (node, mut findings, complete) = json::parse_parts(id, file);
    // The excerpt of a mistake may show a credential that stands beside it.
    if let Some(broken) = findings.iter_mut().find(|d| d.severity == Severity::Error) {
        broken.redact.extend(check::credentials_in(id, file.text()));
    }
    let Some(node) = node else {
        return Loaded {
            plan: Plan::new(Dialect::Rot),
            findings,
            sources,
            tree: Form::Other,
            index,
        };
    };
    let schema = node
        .get("schema")
        .and_then(json::Node::as_str)
        .unwrap_or("");
    if schema.starts_with("rot.plan") {
        return match document::decode(file.text()) {
            Ok(plan) => {
                let mut findings = checked(&plan, config, false, &CheckTexts::default());
                findings.retain(|d| !plan.accepted.iter().any(|code| code == d.code.id()));
                Loaded {
                    plan,
                    findings,
                    sources,
                    tree: Form::Other,
                    index,
                }
            }
            Err(error) => Loaded {
                plan: Plan::new(Dialect::Rot),
                findings: error.diagnostics,
                sources,
                tree: Form::Other,
                index,
            },
        };
    }
    let mut siblings = Siblings::new(Path::new(file.name()), among);
    let wanted = conductor::called_names(&node);
    let others = siblings.find(wanted, &mut sources);
    let others: Vec<&json::Node> = others.iter().collect();
    let broken = !complete;
    let (plan, mut findings) = conductor::read_with(&node, &others, findings, &options(config));
    if broken {
        // What stands in the part that could not be read is not missing.
        findings.retain(|d| !consequence(d.code) && d.concern != Concern::Here);
    }
    let texts = CheckTexts {
        sources: Some(&sources),
        tree: Some(Tree::Json(&node)),
    };
    let parts = Parts::of(&node, &findings, complete);
    findings.extend(
        checked(&plan, config, false, &texts)
            .into_iter()
            .filter(|d| is_of_flows(d.code) || !parts.are_wrong(d)),
    );
    // What is only worth a word in another file is said when that file is checked.
    findings.retain(|d| d.span().file == id || d.severity == Severity::Error);
    drop(others);
    conductor::index::note(&node, &mut index);
    Loaded {
        plan,
        findings,
        sources,
        tree: Form::Json(node),
        index,
    }
}

/// The definitions in the other JSON files of a folder, which a definition may call by name. Read only when one is missing.
struct Siblings<'t> {
    texts: &'t dyn Texts,
    paths: Vec<PathBuf>,
}

impl<'t> Siblings<'t> {
    fn new(file: &Path, texts: &'t dyn Texts) -> Self {
        let folder = file
            .parent()
            .filter(|p| !p.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        Self {
            texts,
            paths: texts.json_beside(folder, file),
        }
    }

    /// The definitions of these names and of those that they call; what is not found is left to the reader to report.
    fn find(&mut self, mut wanted: Vec<String>, sources: &mut SourceMap) -> Vec<json::Node> {
        let mut found: Vec<json::Node> = Vec::new();
        let mut pool: Option<Vec<json::Node>> = None;
        let mut done: Vec<String> = Vec::new();
        while let Some(name) = wanted.pop() {
            if done.contains(&name) {
                continue;
            }
            let pool = pool.get_or_insert_with(|| self.read(sources));
            let definition = pool
                .iter()
                .find(|n| n.get("name").and_then(json::Node::as_str) == Some(name.as_str()));
            if let Some(definition) = definition {
                wanted.extend(conductor::called_names(definition));
                found.push(definition.clone());
            }
            done.push(name);
        }
        found
    }

    fn read(&self, sources: &mut SourceMap) -> Vec<json::Node> {
        let mut definitions = Vec::new();
        for path in &self.paths {
            let Ok(text) = self.texts.read(path) else {
                continue;
            };
            let file = SourceFile::new(path.display().to_string(), text);
            let id = sources.add(file.clone());
            let (Some(node), _) = json::parse_all(id, &file) else {
                continue;
            };
            let items: Vec<json::Node> = if node.is_array() {
                node.items().to_vec()
            } else {
                vec![node]
            };
            definitions.extend(items.into_iter().filter(|n| n.get("tasks").is_some()));
        }
        definitions
    }
}

/// What the Conductor reader is told about the project.
fn options(config: &Config) -> ReadOptions {
    let hosts = config
        .hosts
        .iter()
        .map(|(secret, hosts)| {
            let destinations = hosts
                .iter()
                .filter_map(|host| parse_host(host).ok())
                .map(|(host, port)| Destination {
                    host: HostPattern(host),
                    port,
                    places: Place::DEFAULT.to_vec(),
                    at: At::NOWHERE,
                })
                .collect();
            (secret.clone(), destinations)
        })
        .collect();
    let target = match config.target {
        Target::Orkes => Dialect::Orkes,
        Target::Oss => Dialect::Oss,
    };
    ReadOptions {
        target,
        hosts,
        workers: config.workers.keys().cloned().collect(),
        secret_names: config.secret_names.clone(),
        answer_limit: config.answer_limit,
        ..ReadOptions::default()
    }
}

/// Reads used files, each once, those that they use first.
struct Loader<'t> {
    /// Files outside of it are not read, and so not quoted.
    root: PathBuf,
    texts: &'t dyn Texts,
    sources: SourceMap,
    used: Vec<ast::Ast>,
    findings: Vec<Diagnostic>,
    /// Files that are being read, for rings.
    open: Vec<PathBuf>,
    done: Vec<PathBuf>,
}

/// The folder out of which nothing is read: that of the settings, else the nearest with `.git`, else the current one where the
/// file lies in it, else the file's own.
fn root_of(file: &Path, config: &Config) -> PathBuf {
    let own = super::files::parent(file);
    if let Some(root) = config
        .root
        .as_ref()
        .filter(|root| super::files::is_within(&own, root))
    {
        return root.clone();
    }
    let tree = own.ancestors().find(|dir| dir.join(".git").exists());
    match tree {
        Some(tree) => super::files::parent(&tree.join("x")),
        None if super::files::is_within(&own, Path::new(".")) => PathBuf::from("."),
        None => own,
    }
}

impl Loader<'_> {
    fn uses(&mut self, tree: &ast::Ast, at: &Path) {
        for item in &tree.items {
            let ast::Item::Use(item) = item else { continue };
            if item.path.text.starts_with("std:") {
                self.library(&item.path);
                continue;
            }
            let path =
                super::texts::plain(&at.parent().unwrap_or(Path::new("")).join(&item.path.text));
            if self.open.contains(&path) {
                let ring: Vec<String> = self
                    .open
                    .iter()
                    .chain([&path])
                    .map(|p| p.display().to_string())
                    .collect();
                self.findings.push(
                    Diagnostic::new(
                        codes::CYCLIC_DEPENDENCY,
                        item.path.span,
                        "files use each other in a ring",
                    )
                    .at("closes the ring")
                    .help(format!(
                        "{}: move what both need into a third file",
                        ring.join(" → ")
                    )),
                );
                continue;
            }
            if self.done.contains(&path) {
                continue;
            }
            if path.extension().and_then(|e| e.to_str()) != Some("rot")
                || !super::files::is_within(&path, &self.root)
            {
                self.findings.push(
                    Diagnostic::new(
                        codes::IMPORT_NOT_FOUND,
                        item.path.span,
                        "only `.rot` files of the project can be used",
                    )
                    .at("not opened")
                    .help("the project is the folder of `rot.toml`, else that of `.git`, else the current folder"),
                );
                continue;
            }
            match self.texts.read(&path) {
                Ok(text) => self.read(path, &text),
                Err(problem) => self.findings.push(
                    Diagnostic::new(
                        codes::IMPORT_NOT_FOUND,
                        item.path.span,
                        format!(
                            "cannot read the used file `{}`: {}",
                            item.path.text, problem.why
                        ),
                    )
                    .at("used here")
                    .help(format!(
                        "the path is relative to this file; looked for {}",
                        path.display()
                    )),
                ),
            }
        }
    }

    /// A template that is part of the program.
    fn library(&mut self, reference: &ast::Name) {
        let path = PathBuf::from(&reference.text);
        if self.done.contains(&path) {
            return;
        }
        match templates::find(&reference.text) {
            Some(library) => self.read(path, library.text),
            None => self.findings.push(
                Diagnostic::new(
                    codes::IMPORT_NOT_FOUND,
                    reference.span,
                    format!("the library has no `{}`", reference.text),
                )
                .at("used here")
                .help(templates::advice(&reference.text)),
            ),
        }
    }

    fn read(&mut self, path: PathBuf, text: &str) {
        let file = SourceFile::new(path.display().to_string(), text);
        let id: FileId = self.sources.add(file.clone());
        let (tree, found) = syntax::parse(id, &file);
        self.findings.extend(found);
        self.open.push(path.clone());
        self.uses(&tree, &path);
        self.open.pop();
        self.done.push(path);
        self.used.push(tree);
    }
}

/// Loads the FILE of a command. A file that cannot be read is a usage error.
pub fn file(path: &Path, config: &Config) -> Result<Loaded> {
    let text = if path.as_os_str() == "-" {
        super::files::read_stdin()
    } else {
        super::files::read_text(path)
    };
    match text {
        Ok(text) => Ok(analyse(
            &SourceFile::new(path.display().to_string(), text),
            config,
        )),
        Err(problem) => Err(Error::plain(
            Failure::Usage,
            codes::UNREADABLE_INPUT,
            format!("cannot read `{}`: {}", path.display(), problem.why),
        )
        .help(problem.help)),
    }
}

/// Which rotations of a plan are meant: one, or all members of a family.
///
/// # Errors
/// Those of [`choose`].
pub fn chosen<'p>(plan: &'p Plan, name: Option<&str>) -> Result<Vec<&'p Rotation>> {
    let own: Vec<&Rotation> = plan.rotations.iter().filter(|r| !r.imported).collect();
    let family = match name {
        Some(name) => Some(name),
        // A file that holds one family, as one that holds one rotation.
        None => {
            let first = own.first().and_then(|r| r.family.as_deref());
            first.filter(|first| own.iter().all(|r| r.family.as_deref() == Some(first)))
        }
    };
    let members = |family: &str| {
        let of = own.iter().filter(|r| r.family.as_deref() == Some(family));
        of.copied().collect::<Vec<_>>()
    };
    match family.map(members) {
        Some(members) if !members.is_empty() => Ok(members),
        _ => Ok(vec![choose(plan, name)?]),
    }
}

/// Names for people, a family by its own.
fn listed(own: &[&Rotation]) -> String {
    let same = |a: &&Rotation, b: &&Rotation| a.family.is_some() && a.family == b.family;
    let names = own.chunk_by(same).filter_map(|group| {
        let first = group.first()?;
        Some(match &first.family {
            None => format!("`{}`", first.name),
            Some(family) => format!("`{family}` (a family: `{}` is one of it)", first.name),
        })
    });
    names.collect::<Vec<_>>().join(", ")
}

/// Which rotation of a plan is meant.
pub fn choose<'p>(plan: &'p Plan, name: Option<&str>) -> Result<&'p Rotation> {
    let own: Vec<&Rotation> = plan.rotations.iter().filter(|r| !r.imported).collect();
    let names = || listed(&own);
    // A definition with those that it calls, as Conductor's editor exports them.
    if name.is_none()
        && plan.dialect.semantics().is_json
        && let Some(root) = only_root(&own)
    {
        return Ok(root);
    }
    match (name, own.as_slice()) {
        (Some(name), _) => own.iter().find(|r| r.name == name).copied().ok_or_else(|| {
            let error = Error::plain(
                Failure::Usage,
                codes::USAGE,
                format!("there is no rotation `{name}` in this file"),
            );
            match crate::diagnostic::nearest(name, own.iter().map(|r| r.name.as_str())) {
                Some(near) => error.help(format!("a name that is close: `{near}`")),
                None => error.help(format!("it has {}", names())),
            }
        }),
        (None, [only]) => Ok(only),
        (None, []) => Err(
            Error::plain(Failure::Usage, codes::USAGE, "this file has no rotation")
                .help("a rotation is `rotation NAME { … }`"),
        ),
        (None, _) => Err(Error::plain(
            Failure::Usage,
            codes::USAGE,
            "this file has several rotations",
        )
        .help(format!("say which with `--rotation`: {}", names()))),
    }
}

/// The exit code for a file whose findings stop it: unreadable forms are the user's arguments, the rest is refused.
pub fn refusal(findings: &[Diagnostic]) -> Option<Failure> {
    let errors: Vec<&Diagnostic> = findings
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .collect();
    if errors.is_empty() {
        None
    } else if errors.iter().any(|d| d.code == codes::PLAN_TAMPERED) {
        Some(Failure::Tampered)
    } else if errors
        .iter()
        .any(|d| [codes::PLAN_NEWER, codes::INVALID_JSON].contains(&d.code))
    {
        Some(Failure::Usage)
    } else {
        Some(Failure::Refused)
    }
}

/// The only rotation that no other calls.
fn only_root<'p>(own: &[&'p Rotation]) -> Option<&'p Rotation> {
    let mut called: HashSet<&str> = HashSet::new();
    for rotation in own {
        called.extend(rotation.failure_rotation.as_deref());
        for steps in [&rotation.steps, &rotation.on_failure] {
            crate::plan::task::walk_steps(steps, &mut |step| {
                if let crate::plan::Task::Call(call) = &step.task {
                    called.insert(&call.rotation);
                }
            });
        }
    }
    let mut roots = own.iter().filter(|r| !called.contains(r.name.as_str()));
    roots.next().copied().filter(|_| roots.next().is_none())
}
