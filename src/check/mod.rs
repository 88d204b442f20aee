//! 4. Plan → findings.
//!
//! [`flow`] says what every value came from and where it goes; each file in `rules` looks at that and at the plan and knows
//! one thing that is wrong. A rule's doc comment is its page ([`pages`]). Nothing here knows how a plan was spelled but for
//! [`Dialect`](crate::plan::Dialect), and nothing does IO.

mod calls;
mod context;
pub mod flow;
pub mod graph;
mod intent;
mod life;
mod lifecycle;
mod lifetime;
mod looks;
pub mod order;
mod refused;
mod remarks;
mod rules;
mod texts;
mod vocabulary;

pub use looks::{credentials_in, looks_secret};
pub use rules::pages;
pub use texts::{Texts, Tree};

use crate::diagnostic::Diagnostic;
use crate::plan::Plan;

/// What the user chose.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Also findings of taste.
    pub pedantic: bool,
}

/// All findings of a plan, in order of file, place and code; each place and cause once. Without its text: no finding has a fix.
pub fn check(plan: &Plan, options: &Options) -> Vec<Diagnostic> {
    check_text(plan, options, &Texts::default())
}

/// As [`check`], with the fixes that the text allows and what can be said of the text alone.
pub fn check_text(plan: &Plan, options: &Options, texts: &Texts<'_>) -> Vec<Diagnostic> {
    find(&flow::Analysis::of(plan), options, texts, false)
}

/// As [`check_text`], of a text of which a part could not be read: without the rules that have to know all of it.
pub fn check_part(plan: &Plan, options: &Options, texts: &Texts<'_>) -> Vec<Diagnostic> {
    find(&flow::Analysis::of(plan), options, texts, true)
}

/// As [`check`], for callers that want the analysis as well.
pub fn check_with(analysis: &flow::Analysis<'_>, options: &Options) -> Vec<Diagnostic> {
    find(analysis, options, &Texts::default(), false)
}

fn find(
    analysis: &flow::Analysis<'_>,
    options: &Options,
    texts: &Texts<'_>,
    part: bool,
) -> Vec<Diagnostic> {
    let context = context::Context::new(analysis, options, texts);
    let mut found = Vec::new();
    let ruled = rules::RULES
        .iter()
        .filter(|rule| !part || rule.reach == rules::Reach::Local);
    for rule in ruled {
        (rule.check)(&context, &mut found);
    }
    found.sort_by(|a, b| key(a).cmp(&key(b)));
    found.dedup_by(|a, b| key(a) == key(b));
    found
}

fn key(finding: &Diagnostic) -> (crate::source::FileId, u32, &'static str, u32, &str) {
    let span = finding.span();
    (
        span.file,
        span.start,
        finding.code.id(),
        span.end,
        &finding.message,
    )
}
