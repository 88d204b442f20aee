//! Conductor JSON → plan, a file for each noun and a folder for tasks, references and scripts. Total: whatever stands in the text, there is a plan and what to say about it.
//!
//! The text is not judged here by what is safe, only by what it says: names that are not there, fields that the server
//! would drop, tasks that this program does not run. Both dialects are read by the same code; where they differ the
//! target decides. What differs from Conductor on purpose is listed in docs/reference/conductor.md.

mod context;
mod desugar;
mod document;
mod effect;
mod identity;
mod names;
mod output;
mod output_filter;
mod places;
mod reference;
mod schedule;
mod scope;
mod script;
pub(crate) mod shape;
mod task;
mod value;
mod workflow;

use crate::diagnostic::Diagnostic;
use crate::json::{self, Node};
use crate::plan::{Destination, Dialect, Plan};
use crate::source::{FileId, SourceFile};
use context::Reader;
use std::collections::{HashMap, HashSet};

/// What the reader is told about the project around the file.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Which server the definition is for: [`Dialect::Orkes`] unless said.
    pub target: Dialect,
    /// Where the values of secrets may be sent, by secret name; a secret that is not named has an implied policy.
    pub hosts: HashMap<String, Vec<Destination>>,
    /// Names of the secrets that exist, where that is known; others are reported.
    pub known_secrets: Option<Vec<String>>,
    /// Names of rotations in other files that a sub-workflow may name.
    pub other_rotations: Vec<String>,
    /// Names of SIMPLE tasks for which the settings declare a local program.
    pub workers: Vec<String>,
    /// Names under which data may choose a secret to store in.
    pub secret_names: Vec<String>,
    /// The largest answer of an HTTP task in bytes, where the settings say one.
    pub answer_limit: Option<u64>,
    /// Environment variables of the server that `${NAME}` may read.
    pub server_env: Vec<String>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            target: Dialect::Orkes,
            hosts: HashMap::new(),
            known_secrets: None,
            other_rotations: Vec::new(),
            workers: Vec::new(),
            secret_names: Vec::new(),
            answer_limit: None,
            server_env: Vec::new(),
        }
    }
}

/// Reads a definition, a start request, a schedule, or an array of them.
pub fn read(file: FileId, source: &SourceFile, options: &ReadOptions) -> (Plan, Vec<Diagnostic>) {
    let (node, findings) = json::parse_all(file, source);
    match &node {
        Some(node) => read_node(node, findings, options),
        None => Reader::new(options, findings).finish(),
    }
}

/// As [`read`], for a text that is parsed already; `findings` are those of the parser.
pub fn read_node(
    node: &Node,
    findings: Vec<Diagnostic>,
    options: &ReadOptions,
) -> (Plan, Vec<Diagnostic>) {
    read_with(node, &[], findings, options)
}

/// As [`read_node`], with definitions of other files that the file calls. Their rotations are marked as imported.
pub fn read_with(
    node: &Node,
    others: &[&Node],
    findings: Vec<Diagnostic>,
    options: &ReadOptions,
) -> (Plan, Vec<Diagnostic>) {
    let rewritten: Vec<Option<Node>> = [node]
        .into_iter()
        .chain(others.iter().copied())
        .map(desugar::document)
        .collect();
    let mut nodes = [node]
        .into_iter()
        .chain(others.iter().copied())
        .zip(&rewritten)
        .map(|(n, r)| r.as_ref().unwrap_or(n));
    let mut reader = Reader::new(options, findings);
    if rewritten.iter().any(Option::is_some) {
        for original in [node].into_iter().chain(others.iter().copied()) {
            desugar::forks(original, &mut reader.input_forks);
        }
    }
    if let Some(main) = nodes.next() {
        let others: Vec<&Node> = nodes.collect();
        for other in &others {
            reader
                .names
                .extend(other.get("name").and_then(Node::as_str));
        }
        reader.document(main);
        reader.imported(&others);
    }
    reader.finish()
}

/// The workflows that a document calls by name and does not define itself.
pub fn called_names(node: &Node) -> Vec<String> {
    let mut called = Vec::new();
    let mut defined = Vec::new();
    document::names(node, &mut called, &mut defined);
    if called.is_empty() {
        return called;
    }
    let defined: HashSet<String> = defined.into_iter().collect();
    called.retain(|name| !defined.contains(name));
    called
}

/// Whether a JSON document is meant as Conductor's: a definition, a start request with one, a schedule, or an array that holds one.
pub fn looks_like_conductor(node: &Node) -> bool {
    node.items().iter().chain([node]).any(document::is_item)
}
