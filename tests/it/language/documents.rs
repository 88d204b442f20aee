//! What the documents show parses.

use super::{parse, render};
use std::path::{Path, PathBuf};

fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            documents(&path, found);
        } else if path.extension().is_some_and(|e| e == "md") {
            found.push(path);
        }
    }
}

#[test]
fn every_block_of_the_documents_parses() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    documents(&root.join("docs"), &mut found);
    found.extend(Some(root.join("README.md")).filter(|p| p.exists()));
    let mut blocks = 0;
    for path in found {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut rest = text.as_str();
        while let Some((_, after)) = rest.split_once("\n```rot") {
            let (kind, after) = after.split_once('\n').unwrap();
            let (block, after) = after.split_once("\n```").unwrap();
            rest = after;
            // Statements of a rotation, and clauses of a request, are shown without what is around them.
            let block = match kind.trim() {
                "" => block.to_owned(),
                "steps" => format!("rotation shown {{\n{block}\n}}"),
                "clauses" => format!("rotation shown {{ http GET \"u\" {{\n{block}\n}} }}"),
                "fragment" => continue,
                other => panic!("{}: unknown kind of block `{other}`", path.display()),
            };
            let (_, diagnostics, source) = parse(&block);
            assert!(
                diagnostics.is_empty(),
                "{}:\n{block}\n{}",
                path.display(),
                render(&source, &diagnostics)
            );
            blocks += 1;
        }
    }
    assert!(blocks > 10, "only {blocks} blocks were found");
}
