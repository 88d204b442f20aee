//! `rot check` as people live with it: suppressions, baselines, fixes, flows, watching, and what the documents say of it.

mod decisions;
mod documents;
mod doors;
mod fixes;
mod flows;
mod rules;
mod watching;

/// A rotation that writes a secret to the log, with `line` in place of the log's line.
fn leaky(line: &str) -> String {
    format!(
        "secret api_key to \"api.example.com\"\nsecret api_token\n\nrotation r {{\n  http mint POST \"https://api.example.com/tokens\" issues additive {{\n    \
         bearer secrets.api_key\n    secret token = body $.token\n  }}\n{line}\n  update api_token = mint.token\n}}\n"
    )
}

/// Standard output, then standard error, as a person sees them.
fn screen(done: &crate::support::process::Done) -> String {
    format!("{}{}", done.stdout, done.stderr)
}
