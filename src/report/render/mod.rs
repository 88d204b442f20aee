//! Diagnostics as people see them in a terminal. The only place that knows miette.
//!
//! miette gets a small text made for each diagnostic ([`excerpt`]): only the lines that are shown, with control
//! characters spelled out and secrets blanked. So its cost does not depend on the size of the file, its caret stands
//! under the right column whatever the file holds, and no span can lie outside the text.

mod adapter;
mod excerpt;
mod layout;

use super::blank::Blanks;
use super::findings::Report;
use super::place::Places;
use super::redact::visible;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::SourceMap;
use adapter::Drawn;
use excerpt::{Excerpt, Mark};
use miette::{GraphicalReportHandler, GraphicalTheme, ThemeCharacters, ThemeStyles};

/// Hops of a flow that are drawn; the middle of a longer one is left out.
const HOPS: usize = 6;

/// How to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenderOptions {
    /// With terminal colours.
    pub color: bool,
    /// Columns to wrap text at; narrower than 30 counts as 30.
    pub width: usize,
    /// Box-drawing characters; else ASCII.
    pub unicode: bool,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self {
            color: false,
            width: 100,
            unicode: true,
        }
    }
}

/// Draws diagnostics.
pub struct Renderer {
    options: RenderOptions,
    handler: GraphicalReportHandler,
}

impl Renderer {
    /// A renderer with fixed options; it asks neither the terminal nor the environment.
    pub fn new(options: RenderOptions) -> Self {
        let options = RenderOptions {
            width: options.width.max(30),
            ..options
        };
        let theme = GraphicalTheme {
            characters: if options.unicode {
                ThemeCharacters::unicode()
            } else {
                ThemeCharacters::ascii()
            },
            styles: if options.color {
                ThemeStyles::ansi()
            } else {
                ThemeStyles::none()
            },
        };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(options.width)
            .with_links(false)
            .with_context_lines(1)
            .with_cause_chain()
            .without_syntax_highlighting();
        Self { options, handler }
    }

    /// One diagnostic, with a line end and no blank line after it.
    pub fn render(&self, diagnostic: &Diagnostic, sources: &SourceMap) -> String {
        self.render_with(diagnostic, sources, &Blanks::collect(sources, [diagnostic]))
    }

    /// One of several diagnostics that are shown together: what one of them blanks is blanked in all.
    pub fn render_with(
        &self,
        diagnostic: &Diagnostic,
        sources: &SourceMap,
        blanks: &Blanks,
    ) -> String {
        self.draw(diagnostic, &Places::new(sources), blanks)
    }

    /// All findings of a report, a blank line between them.
    pub fn render_all(&self, report: &Report<'_>) -> String {
        let drawn: Vec<String> = report
            .diagnostics
            .iter()
            .map(|d| self.draw(d, &report.places, &report.blanks))
            .collect();
        drawn.join("\n")
    }

    fn draw(&self, diagnostic: &Diagnostic, places: &Places<'_>, blanks: &Blanks) -> String {
        let (marks, elided) = marks(diagnostic);
        let excerpt = Excerpt::build(places, blanks, &marks, self.options);
        let drawn = Drawn::new(
            diagnostic,
            &blanks.clean(diagnostic.span().file, &diagnostic.message),
            excerpt,
        );
        let mut out = String::new();
        if self.handler.render_report(&mut out, &drawn).is_err() {
            // The place could not be drawn; what is wrong must be said all the same.
            out = format!(
                "{} {}\n\n  {}\n",
                diagnostic.code.id(),
                diagnostic.code.name(),
                drawn
            );
        }
        if elided > 0 {
            self.remark(
                &mut out,
                "note",
                &format!("{elided} steps in the middle of the flow are not drawn"),
            );
        }
        for note in &diagnostic.notes {
            self.remark(
                &mut out,
                "note",
                &blanks.clean(diagnostic.span().file, note),
            );
        }
        if let Some(help) = &diagnostic.help {
            self.remark(
                &mut out,
                "help",
                &blanks.clean(diagnostic.span().file, help),
            );
        }
        if let Some(fix) = diagnostic
            .fixes
            .iter()
            .find(|f| f.safe)
            .or(diagnostic.fixes.first())
        {
            let option = if fix.safe { "--fix" } else { "--fix=unsafe" };
            self.remark(
                &mut out,
                "fix",
                &format!(
                    "{} (`rot check {option}`)",
                    blanks.clean(diagnostic.span().file, &fix.title)
                ),
            );
        }
        out
    }

    /// `  help: …`, wrapped under itself; line ends of the text are kept.
    fn remark(&self, out: &mut String, word: &str, text: &str) {
        let (on, off) = if self.options.color {
            ("\u{1b}[36m", "\u{1b}[0m")
        } else {
            ("", "")
        };
        let indent = word.len() + 4;
        let room = self.options.width.saturating_sub(indent + 2);
        let mut lines = text
            .lines()
            .flat_map(|line| layout::wrap(&visible(line), room));
        let first = lines.next().unwrap_or_default();
        out.push_str(format!("  {on}{word}:{off} {first}").trim_end());
        out.push('\n');
        for line in lines {
            out.push_str(format!("{:indent$}{line}", "").trim_end());
            out.push('\n');
        }
    }
}

/// The places to draw: the main one, the steps of the flow, the others; and how many steps were left out.
fn marks(diagnostic: &Diagnostic) -> (Vec<Mark>, usize) {
    let mut main = diagnostic.primary.text.clone();
    let mut marks = Vec::new();
    let mut elided = 0;
    let hops = diagnostic.flow.len();
    let (head, tail) = if hops > HOPS {
        (HOPS / 2, hops - HOPS / 2)
    } else {
        (hops, hops)
    };
    for (i, hop) in diagnostic.flow.iter().enumerate() {
        if i >= head && i < tail {
            elided += 1;
        } else if hop.span == diagnostic.span() && i + 1 == hops {
            // The flow ends at the main place, which says more about it.
            main = format!(
                "{}: {}",
                i + 1,
                if main.is_empty() { &hop.text } else { &main }
            );
        } else {
            marks.push(Mark::new(
                hop.span,
                format!("{}: {}", i + 1, hop.text),
                false,
            ));
        }
    }
    marks.insert(0, Mark::new(diagnostic.span(), main, true));
    let flow = diagnostic.flow.iter().map(|l| l.span).collect::<Vec<_>>();
    for label in diagnostic.labels.iter().filter(|l| !flow.contains(&l.span)) {
        marks.push(Mark::new(label.span, label.text.clone(), false));
    }
    marks.retain(|m| m.span.is_some());
    (marks, elided)
}

/// The weight as miette names it.
fn severity(severity: Severity) -> miette::Severity {
    match severity {
        Severity::Error => miette::Severity::Error,
        Severity::Warning => miette::Severity::Warning,
        Severity::Note => miette::Severity::Advice,
    }
}
