//! The parser is total: any text gives a tree and findings within it; what has no errors prints and parses again to the same text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rot::diagnostic::Severity;
use rot::source::{SourceFile, SourceMap};

fuzz_target!(|text: &str| {
    let file = SourceFile::new("x.rot", text);
    let id = SourceMap::new().add(file.clone());
    let (tree, findings) = rot::syntax::parse(id, &file);
    if findings.iter().any(|d| d.severity == Severity::Error) {
        return;
    }
    let printed = rot::syntax::print(&tree, &file);
    let again = SourceFile::new("x.rot", printed.as_str());
    let (tree, findings) = rot::syntax::parse(id, &again);
    assert!(!findings.iter().any(|d| d.severity == Severity::Error), "what was printed has errors");
    assert_eq!(rot::syntax::print(&tree, &again), printed, "printing is not stable");
});
