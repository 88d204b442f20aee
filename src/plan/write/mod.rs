//! Plan → `.rot` text that reads as if a person wrote it.
//!
//! The text is put together here, read again by [`crate::syntax`], laid out by its printer and resolved: what is given
//! out is known to be valid. What the language cannot say is a diagnostic (ROT921). Belongs above the tree and the plan;
//! uses no file, and no front end but `.rot`'s own.

mod answer;
mod expr;
mod hosts;
mod http;
mod names;
mod rotation;
mod step;
mod text;

pub use text::{quoted, secret_name};

use super::Plan;
use super::resolve::resolve;
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::source::{SourceFile, SourceMap, Span};
use crate::syntax;

/// The text of a plan, and what it does not say. The text is empty when it would not be valid.
pub fn write(plan: &Plan) -> (String, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let mut text = hosts::declarations(plan);
    for rotation in names::callees_first(plan) {
        let (own, mut said) = rotation::rotation(plan, rotation);
        text.push_str(&own);
        found.append(&mut said);
    }
    found.dedup();
    if found.iter().any(|d| d.severity == Severity::Error) {
        return (String::new(), found);
    }
    let mut sources = SourceMap::new();
    let source = SourceFile::new("converted.rot", text);
    let file = sources.add(source.clone());
    let (tree, faults) = syntax::parse(file, &source);
    let (_, wrong) = resolve(&[], &tree);
    for fault in faults
        .into_iter()
        .chain(wrong)
        .filter(|d| d.severity == Severity::Error)
    {
        let line = source
            .line_text(source.line_index(fault.span().start))
            .trim()
            .to_owned();
        found.push(
            Diagnostic::new(
                codes::NOT_IN_ROT,
                Span::NONE,
                format!("`.rot` would not take what this becomes: {}", fault.message),
            )
            .note(format!("the line would be `{line}`"))
            .help(
                fault
                    .help
                    .unwrap_or_else(|| "write this part by hand".to_owned()),
            ),
        );
    }
    if found.iter().any(|d| d.severity == Severity::Error) {
        return (String::new(), found);
    }
    (syntax::print(&tree, &source), found)
}
