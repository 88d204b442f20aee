//! Findings in the forms that other programs read, one file per format. All of them hold the same findings.

mod concise;
mod fingerprint;
mod github;
mod gitlab;
mod json;
mod junit;
mod sarif;
mod text;

pub use fingerprint::line_hashes;

use super::findings::Report;
use super::redact::is_invisible;
use super::render::RenderOptions;
use serde::{Serialize, Serializer};
use std::cell::RefCell;
use std::path::PathBuf;
use std::str::FromStr;

/// A form of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Drawn for people.
    Text,
    /// One line a finding.
    Concise,
    /// Our own, versioned: `rot.check/v1`.
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
    /// Code Quality of GitLab.
    Gitlab,
    /// JUnit XML.
    Junit,
}

impl Format {
    /// All formats, by name.
    pub const ALL: [(&'static str, Format); 7] = [
        ("text", Format::Text),
        ("concise", Format::Concise),
        ("json", Format::Json),
        ("sarif", Format::Sarif),
        ("github", Format::Github),
        ("gitlab", Format::Gitlab),
        ("junit", Format::Junit),
    ];

    /// The findings in this form; `options` matter to [`Format::Text`] alone.
    pub fn write(self, report: &Report<'_>, options: RenderOptions) -> String {
        match self {
            Format::Text => text::write(report, options),
            Format::Concise => concise::write(report),
            Format::Json => json::write(report),
            Format::Sarif => sarif::write(report),
            Format::Github => github::write(report),
            Format::Gitlab => gitlab::write(report),
            Format::Junit => junit::write(report),
        }
    }
}

/// One `--report FORMAT[=FILE]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The form.
    pub format: Format,
    /// Where it goes; standard output when `None`.
    pub file: Option<PathBuf>,
}

impl FromStr for Request {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = match text.split_once('=') {
            Some((_, "")) => return Err("a file name is missing after `=`".into()),
            Some((name, file)) => (name, Some(PathBuf::from(file))),
            None => (text, None),
        };
        let format = Format::ALL
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, f)| *f);
        let format = format.ok_or_else(|| {
            let names: Vec<&str> = Format::ALL.iter().map(|(n, _)| *n).collect();
            format!(
                "the formats are {}, each with `=FILE` or without",
                names.join(", ")
            )
        })?;
        Ok(Self { format, file })
    }
}

/// A list whose elements are made as they are written, so that those of ten thousand findings never stand side by side.
struct Made<I>(RefCell<I>);

impl<I: Iterator<Item = serde_json::Value>> Made<I> {
    fn new(elements: I) -> Self {
        Self(RefCell::new(elements))
    }
}

impl<I: Iterator<Item = serde_json::Value>> Serialize for Made<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&mut *self.0.borrow_mut())
    }
}

/// JSON on several lines in which characters that act on a terminal are escaped, C1 and direction marks among them,
/// which JSON itself would let through.
pub fn json_text(value: &impl Serialize) -> String {
    let mut plain = serde_json::to_string_pretty(value).unwrap_or_default();
    if plain
        .bytes()
        .all(|b| b == b'\n' || b == b' ' || b.is_ascii_graphic())
    {
        plain.push('\n');
        return plain;
    }
    let mut out = String::with_capacity(plain.len() + 1);
    for c in plain.chars() {
        if is_invisible(c) && c != '\n' {
            // Such a character can only stand within a string: the layout has none of them but line ends.
            c.encode_utf16(&mut [0; 2])
                .iter()
                .for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out.push('\n');
    out
}
