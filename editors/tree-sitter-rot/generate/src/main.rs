//! `generate-parser FOLDER`: writes FOLDER's `src/` (parser, grammar, node types, headers) from its `grammar.js`.

use anyhow::Context;
use std::path::PathBuf;

fn main() -> anyhow::Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).context("usage: generate-parser FOLDER")?;
    let folder = folder.canonicalize().context("the folder cannot be read")?;
    tree_sitter_generate::generate_parser_in_directory(&folder, None, None, 15, None, Some("node"))
        .context("the parser cannot be made")?;
    Ok(())
}
