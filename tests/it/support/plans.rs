//! Plans from `.rot` text, without the checker: what is tried is the interpreter, or the checker by itself.

use rot::diagnostic::Severity;
use rot::plan::{Plan, resolve};
use rot::source::{SourceFile, SourceMap};

/// The plan of a text that has no error.
pub fn plan(text: &str) -> Plan {
    named("r", text)
}

/// As [`plan`], of a file `NAME.rot`.
pub fn named(name: &str, text: &str) -> Plan {
    let mut sources = SourceMap::new();
    let file = sources.add(SourceFile::new(format!("{name}.rot"), text));
    let (tree, mut findings) = rot::syntax::parse(file, sources.get(file).unwrap());
    let (plan, resolved) = resolve::resolve(&[], &tree);
    findings.extend(resolved);
    let errors: Vec<&str> = findings
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .map(|d| d.message.as_str())
        .collect();
    assert!(errors.is_empty(), "{name}.rot: {errors:?}\n{text}");
    plan
}
