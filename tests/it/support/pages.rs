//! The examples of the pages of all codes, as data for tests.

use rot::check::pages;
use rot::diagnostic::{Code, Diagnostic};
use rot::source::{SourceFile, SourceMap};
use rot::workspace::config::{Config, Target};
use rot::workspace::load::analyse;
use rot::workspace::suppress::{Setting, apply};

/// How an example is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Rot,
    Orkes,
    Oss,
}

/// An example of a page, or a text that stands for one.
#[derive(Debug, Clone)]
pub struct Example {
    pub code: Code,
    /// Under `## Fails`, not under `## Mended`.
    pub fails: bool,
    pub kind: Kind,
    pub text: String,
}

/// The examples of all pages, in order.
pub fn examples() -> Vec<Example> {
    pages()
        .iter()
        .flat_map(|(code, page)| of_page(*code, page))
        .collect()
}

/// The examples of one page.
pub fn of_page(code: Code, page: &str) -> Vec<Example> {
    let mut found = Vec::new();
    let mut fails = None;
    let mut rest = page;
    while let Some(line_end) = rest.find('\n') {
        let (line, after) = rest.split_at(line_end + 1);
        rest = after;
        match line.trim_end() {
            "## Fails" => fails = Some(true),
            "## Mended" => fails = Some(false),
            open if open.starts_with("```") => {
                let kind = match open {
                    "```rot" => Kind::Rot,
                    "```json" => Kind::Orkes,
                    "```json oss" => Kind::Oss,
                    other => panic!("unknown block {other}"),
                };
                let end = rest.find("\n```").expect("a closed block") + 1;
                let (text, after) = rest.split_at(end);
                rest = after.split_once('\n').map_or("", |(_, rest)| rest);
                found.push(Example {
                    code,
                    fails: fails.expect("a heading before the block"),
                    kind,
                    text: text.to_owned(),
                });
            }
            _ => {}
        }
    }
    found
}

impl Example {
    /// The name of its file.
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Rot => "example.rot",
            Kind::Orkes | Kind::Oss => "example.json",
        }
    }

    /// The settings that it is read with: all findings, those of taste as well.
    pub fn config(&self) -> Config {
        let target = if self.kind == Kind::Oss {
            Target::Oss
        } else {
            Target::Orkes
        };
        Config {
            pedantic: true,
            target,
            root: Some("/p".into()),
            ..Config::default()
        }
    }

    /// As `rot check` sees a text in its place: what its own suppressions leave, and what is wrong with them.
    pub fn look(&self, file: &SourceFile) -> (SourceMap, Vec<Diagnostic>) {
        self.look_with(file, &self.config())
    }

    /// As [`Example::look`], with other settings.
    pub fn look_with(&self, file: &SourceFile, config: &Config) -> (SourceMap, Vec<Diagnostic>) {
        let loaded = analyse(file, config);
        let setting = Setting {
            config,
            sources: &loaded.sources,
            pointer: &|_| None,
            cwd: std::path::Path::new("/p"),
            today: jiff::civil::date(2027, 1, 1),
            checked: &|id| {
                loaded
                    .sources
                    .get(id)
                    .is_some_and(|f| f.name() == file.name())
            },
        };
        let kept = apply(loaded.findings, &setting).kept;
        (loaded.sources, kept)
    }

    /// All that is found in it.
    pub fn findings(&self) -> Vec<Diagnostic> {
        self.look(&SourceFile::new(self.name(), self.text.as_str()))
            .1
    }

    /// How often its own code is found in a text in its place.
    pub fn count(&self, text: &str) -> usize {
        self.look(&SourceFile::new(self.name(), text))
            .1
            .iter()
            .filter(|d| d.code == self.code)
            .count()
    }
}
