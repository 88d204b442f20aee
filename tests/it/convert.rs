//! The ways back: plan → Conductor JSON, plan → `.rot`, and what is lost on them.

mod cli;
mod corpus;
mod examples;
mod generated;
mod schedule;
mod schema;

use rot::conductor::{self, ReadOptions, WriteOptions};
use rot::diagnostic::{Diagnostic, Severity};
use rot::plan::{Dialect, Plan};
use rot::source::{SourceFile, SourceMap};

fn file(name: &str, text: &str) -> (rot::source::FileId, SourceFile) {
    let mut map = SourceMap::new();
    let source = SourceFile::new(name, text);
    (map.add(source.clone()), source)
}

pub fn read_json(text: &str, target: Dialect) -> (Plan, Vec<Diagnostic>) {
    let (id, source) = file("workflow.json", text);
    conductor::read(
        id,
        &source,
        &ReadOptions {
            target,
            ..ReadOptions::default()
        },
    )
}

fn read_rot(text: &str) -> (Plan, Vec<Diagnostic>) {
    let (id, source) = file("text.rot", text);
    let (tree, mut found) = rot::syntax::parse(id, &source);
    let (plan, more) = rot::plan::resolve::resolve(&[], &tree);
    found.extend(more);
    (plan, found)
}

/// All definitions of a plan, as `rot compile --to conductor` writes them.
pub fn to_json(plan: &Plan, target: Dialect) -> (String, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let values: Vec<serde_json::Value> = plan
        .rotations
        .iter()
        .map(|r| {
            let (value, said) = conductor::write(plan, &r.name, &WriteOptions { target });
            found.extend(said);
            value
        })
        .collect();
    (serde_json::Value::Array(values).to_string(), found)
}

pub fn errors(found: &[Diagnostic]) -> Vec<String> {
    found
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .map(|d| format!("{} {}", d.code.id(), d.message))
        .collect()
}

/// A plan as text, for a difference that can be read.
fn shown(plan: &Plan) -> String {
    serde_json::to_string_pretty(&plan.normalised()).unwrap()
}
