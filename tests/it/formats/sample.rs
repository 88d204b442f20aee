//! Findings to draw and to write.

use rot::diagnostic::{Diagnostic, Edit, Severity, codes};
use rot::source::{FileId, SourceFile, SourceMap, Span};

pub const ROT: &str = r#"secret admin_key to "api.example.com"

rotation ci_token {
  http mint POST "https://api.example.com/tokens" issues additive {
    bearer secrets.admin_key
    secret value = body $.token
  }

	log "minted ${mint.value} für 東京"
  update ci_token = "hunter2-hunter2"
}
"#;

pub struct Texts {
    pub sources: SourceMap,
}

impl Texts {
    pub fn of(files: &[(&str, &str)]) -> Self {
        let mut sources = SourceMap::new();
        for (name, text) in files {
            sources.add(SourceFile::new(*name, *text));
        }
        Self { sources }
    }

    /// The `nth` occurrence of `needle` in a file.
    pub fn nth(&self, file: usize, needle: &str, nth: usize) -> Span {
        let id = FileId::new(file);
        let text = self.sources.get(id).unwrap().text();
        let start = text
            .match_indices(needle)
            .nth(nth)
            .unwrap_or_else(|| panic!("{needle:?} is not there"))
            .0;
        Span::new(id, start, start + needle.len())
    }

    pub fn find(&self, file: usize, needle: &str) -> Span {
        self.nth(file, needle, 0)
    }
}

pub fn texts() -> Texts {
    Texts::of(&[("rotations/ci.rot", ROT)])
}

/// One of each: a flow, a hard-coded secret with a fix, a warning, something without a place.
pub fn findings(texts: &Texts) -> Vec<Diagnostic> {
    let at = |needle| texts.find(0, needle);
    let literal = at("\"hunter2-hunter2\"");
    vec![
        Diagnostic::new(
            codes::SECRET_TO_LOG,
            at("${mint.value}"),
            "the secret `mint.value` is written to the log",
        )
        .at("the secret ends up here")
        .help("log what identifies the token, such as `mint.id`, and declare it `public`")
        .note("logs are kept longer and read by more people than the vault")
        .flow(vec![
            rot::diagnostic::Label::new(at("body $.token"), "the secret comes from this answer"),
            rot::diagnostic::Label::new(at("value = body"), "and is captured as `value`"),
            rot::diagnostic::Label::new(at("${mint.value}"), "and is put into the text"),
        ]),
        Diagnostic::new(
            codes::HARDCODED_SECRET,
            literal,
            "a secret is written into the file: \"hunter2-hunter2\"",
        )
        .at("anybody who can read the file has it")
        .help("put it in the vault with `rot vault set ci_token` and revoke this one")
        .redacting(literal)
        .fix(
            "take the minted value",
            true,
            vec![Edit {
                span: literal,
                text: "mint.value".into(),
            }],
        ),
        Diagnostic::new(
            codes::UNUSED_SECRET,
            at("admin_key"),
            "the secret `admin_key` is declared and never used",
        )
        .at("declared here")
        .label(at("secrets.admin_key"), "this looks like a use")
        .severity(Severity::Warning),
        Diagnostic::new(
            codes::VAULT_MISSING,
            Span::NONE,
            "there is no vault at `rot.vault`",
        )
        .help("make one with `rot vault init`, or name another with `--vault PATH`"),
    ]
}
