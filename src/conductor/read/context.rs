//! What the rooms of the reader share: findings, what the file names, and the definition that is being read.

use super::ReadOptions;
use super::names::Names;
use super::scope::{Scope, Site};
use crate::diagnostic::{Diagnostic, Severity, codes, nearest};
use crate::json::Node;
use crate::plan::path::PathDialect;
use crate::plan::{Dialect, EnvDecl, Expr, Given, JsonPath, Plan, Policy, Rotation, SecretDecl};
use crate::source::Span;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};

/// Findings with suggestions.
const SUGGESTING: usize = 200;
/// Names that are looked at for suggestions, all in all.
const LOOKED_AT: usize = 50_000;

/// The state of one reading.
pub(super) struct Reader<'a> {
    pub(super) options: &'a ReadOptions,
    pub(super) diagnostics: Vec<Diagnostic>,
    secrets: Vec<SecretDecl>,
    used_secrets: HashSet<String>,
    env: Vec<EnvDecl>,
    used_env: HashSet<String>,
    pub(super) rotations: Vec<Rotation>,
    /// Where each rotation is defined first, by name.
    pub(super) places: HashMap<String, Span>,
    /// Which rotation is which definition, where several have one name.
    pub(super) identities: super::identity::Identities<'a>,
    /// What the tasks of the definition are given and the plan does not use.
    pub(super) given: Vec<Given>,
    /// The definition that is being read, as it stands in the text.
    pub(super) current: Option<&'a Node>,
    /// Calls that are made several times at once.
    pub(super) hedged: HashMap<String, Span>,
    /// Names of all definitions in the file, those within sub-workflow tasks included.
    pub(super) names: Names,
    /// Definitions within sub-workflow tasks, still to be read.
    pub(super) inline: Vec<&'a Node>,
    /// The definition that is being read.
    pub(super) scope: Scope,
    /// The place in it.
    pub(super) site: Site,
    pub(super) noted_additive: bool,
    /// The texts that each INLINE task can give, where they are written out.
    pub(super) results: HashMap<String, Vec<String>>,
    /// Forks whose tasks inputs say, also where those are written out.
    pub(super) input_forks: HashSet<String>,
    /// What stands in for inputs that are null, by their place: the raw `inputTemplate` of the task's definition.
    pub(super) fallbacks: HashMap<Span, Expr>,
    /// Names that were looked at for suggestions.
    looked_at: Cell<usize>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(options: &'a ReadOptions, diagnostics: Vec<Diagnostic>) -> Self {
        Self {
            options,
            diagnostics,
            secrets: Vec::new(),
            used_secrets: HashSet::new(),
            env: Vec::new(),
            used_env: HashSet::new(),
            rotations: Vec::new(),
            places: HashMap::new(),
            identities: super::identity::Identities::default(),
            given: Vec::new(),
            current: None,
            hedged: HashMap::new(),
            names: Names::default(),
            inline: Vec::new(),
            scope: Scope::default(),
            site: Site::default(),
            noted_additive: false,
            results: HashMap::new(),
            input_forks: HashSet::new(),
            fallbacks: HashMap::new(),
            looked_at: Cell::new(0),
        }
    }

    pub(super) fn finish(mut self) -> (Plan, Vec<Diagnostic>) {
        self.check_call_outputs();
        self.check_call_inputs();
        self.diagnostics.sort_by_key(|d| (d.span().start, d.code));
        self.diagnostics.dedup();
        let dialect = if self.oss() {
            Dialect::Oss
        } else {
            Dialect::Orkes
        };
        (
            Plan {
                targets: Vec::new(),
                deliveries: Vec::new(),
                dialect,
                secrets: self.secrets,
                env: self.env,
                rotations: self.rotations,
                accepted: Vec::new(),
                secret_names: self.options.secret_names.clone(),
            },
            self.diagnostics,
        )
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Whether the open-source server is the target.
    pub(super) fn oss(&self) -> bool {
        self.options.target == Dialect::Oss
    }

    /// Says that something only Orkes has is relied on, if the target has it not.
    pub(super) fn only_orkes(&mut self, span: Span, what: &str, effect: &str) {
        if self.oss() {
            self.report(
                Diagnostic::new(codes::MASKING_NOT_SUPPORTED, span, format!("the open-source server does not know {what}: {effect}"))
                    .at("not supported by the target `oss`")
                    .help("set `target = \"orkes\"` in rot.toml, or run this rotation with rot instead of the server"),
            );
        }
    }

    /// Says where this program reads something differently from Conductor, on purpose.
    pub(super) fn differs(&mut self, span: Span, message: impl Into<String>, help: &str) {
        self.report(
            Diagnostic::new(codes::CONDUCTOR_DIFFERENCE, span, message)
                .help(help)
                .severity(Severity::Note),
        );
    }

    /// The nearest name for a suggestion. Behind many findings, or many names, none is looked for, so that a hostile file costs
    /// no more than its size.
    pub(super) fn nearest<'n>(
        &self,
        wanted: &str,
        candidates: impl IntoIterator<Item = &'n str>,
    ) -> Option<String> {
        if self.diagnostics.len() > SUGGESTING || self.looked_at.get() > LOOKED_AT {
            return None;
        }
        nearest(
            wanted,
            candidates
                .into_iter()
                .inspect(|_| self.looked_at.update(|count| count + 1)),
        )
        .map(str::to_owned)
    }

    /// Notes that the file uses a secret.
    pub(super) fn use_secret(&mut self, name: &str, span: Span) {
        if self.used_secrets.contains(name) {
            return;
        }
        self.used_secrets.insert(name.to_owned());
        let policy = self
            .options
            .hosts
            .get(name)
            .map_or(Policy::Implied, |hosts| Policy::Declared(hosts.clone()));
        self.secrets.push(SecretDecl {
            name: name.to_owned(),
            fields: Vec::new(),
            policy,
            at: span.into(),
        });
    }

    /// Notes that the file uses an environment variable.
    pub(super) fn use_env(&mut self, name: &str, span: Span) {
        if self.used_env.insert(name.to_owned()) {
            self.env.push(EnvDecl {
                name: name.to_owned(),
                at: span.into(),
            });
        }
    }

    /// A JSONPath of Conductor's dialect. A path of plain names and indexes is the same in both dialects and is kept in the
    /// standard one, so that both front ends make the same plan.
    pub(super) fn json_path(&mut self, text: String, span: Span) -> Option<JsonPath> {
        if let Some(path) = JsonPath::parse(&text, PathDialect::Rfc9535)
            .ok()
            .filter(JsonPath::is_definite)
        {
            return Some(path);
        }
        match JsonPath::parse(&text, PathDialect::Conductor) {
            Ok(path) => Some(path),
            Err(error) => {
                let mut diagnostic =
                    Diagnostic::new(codes::BAD_JSONPATH, span, error.message).at("in this path");
                diagnostic.help = error.help;
                self.report(diagnostic);
                None
            }
        }
    }
}
