//! What people decided about findings: suppressions in files, `[[ignore]]` and the weights of `rot.toml`.

mod index;
mod inline;
mod settings;
mod text;

use super::config::Config;
use crate::diagnostic::{Code, Diagnostic, Edit, Severity, codes};
use crate::source::{FileId, SourceMap, Span};
use index::{Index, Met};
use jiff::civil::Date;
use settings::Weights;
pub use settings::{Patterns, within};
use std::collections::HashSet;
use std::path::Path;

/// Whether a finding kept the checker from looking at the whole file.
pub fn hides_others(one: &Diagnostic) -> bool {
    one.severity == Severity::Error && one.code.category().hides_others()
}

/// Where a suppression holds.
#[derive(Debug, Clone)]
enum Scope {
    /// In a whole file.
    File(FileId),
    /// Where a finding begins within a place.
    Place(Span),
}

/// One suppression that stands in a checked file.
#[derive(Debug)]
struct Suppression {
    rule: Code,
    until: Option<Date>,
    at: Span,
    scope: Scope,
    /// What goes when it is removed.
    removal: Option<Edit>,
}

/// What the decisions are measured by.
pub struct Setting<'a> {
    /// The project's settings.
    pub config: &'a Config,
    /// The texts that findings point into.
    pub sources: &'a SourceMap,
    /// Names places of JSON texts.
    pub pointer: &'a dyn Fn(Span) -> Option<String>,
    /// The folder that names of files start from.
    pub cwd: &'a Path,
    /// Suppressions that ended before this day have expired.
    pub today: Date,
    /// Whether a file was checked for itself, and not only used by another.
    pub checked: &'a dyn Fn(FileId) -> bool,
}

/// What is left of the findings.
pub struct Outcome {
    /// The findings that remain, with the weights of the settings, and what is wrong with suppressions.
    pub kept: Vec<Diagnostic>,
    /// How many were suppressed.
    pub suppressed: usize,
}

/// Applies all decisions. Suppressions that did nothing, name no rule or have expired are findings themselves.
pub fn apply(found: Vec<Diagnostic>, setting: &Setting<'_>) -> Outcome {
    let weights = Weights::new(setting);
    let mut of_settings = settings::rules(setting);
    let mut of_files = Vec::new();
    let mut complaints = Vec::new();
    for (id, file) in setting.sources.files().filter(|_| !setting.config.strict) {
        let (suppressions, wrong) = inline::read(id, file);
        of_files.extend(suppressions);
        if (setting.checked)(id) {
            complaints.extend(wrong);
        }
    }
    let incomplete: HashSet<FileId> = found
        .iter()
        .filter(|d| hides_others(d))
        .map(|d| d.span().file)
        .collect();
    let (index, mut met) = (Index::new(&of_files, setting.today), Met::default());
    let mut outcome = Outcome {
        kept: Vec::new(),
        suppressed: 0,
    };
    for one in found {
        let Some(one) = weights.weigh(one) else {
            continue;
        };
        let mut hit = false;
        if one.code.may_be_turned_off() {
            met.note(&one);
            hit = index.holds_for(&one);
            hit |= of_settings
                .iter_mut()
                .any(|rule| rule.suppresses(&one, setting));
        }
        if hit {
            outcome.suppressed += 1;
        } else {
            outcome.kept.push(one);
        }
    }
    let runs =
        |code: Code| (setting.config.pedantic || !code.is_pedantic()) && !code.is_of_rehearsals();
    met.sort();
    for one in of_files.iter().filter(|s| (setting.checked)(s.at.file)) {
        if let Some(until) = one.until.filter(|until| setting.today > *until) {
            complaints.push(expired(one.rule, until, one.at));
        } else if met.has(one) {
            // All that hold for a finding are in use, so that two of them do not call each other unused.
        } else if !one.rule.may_be_turned_off()
            || (runs(one.rule) && !incomplete.contains(&one.at.file))
        {
            let message = format!("this suppression of {} suppresses nothing", one.rule.id());
            let removal = one.removal.clone().map(|edit| vec![edit]);
            complaints.push(unused(one.rule, one.at, message, "remove it").fix_if(
                "remove it",
                true,
                removal,
            ));
        }
    }
    let unused_settings = of_settings.iter().filter(|r| runs(r.code()));
    complaints.extend(unused_settings.filter_map(|r| r.complaint(setting, !incomplete.is_empty())));
    outcome
        .kept
        .extend(complaints.into_iter().filter_map(|one| weights.weigh(one)));
    outcome
}

fn expired(rule: Code, until: Date, at: Span) -> Diagnostic {
    let message = format!("the suppression of {} ended on {until}", rule.id());
    Diagnostic::new(codes::EXPIRED_SUPPRESSION, at, message)
        .at("no longer holds")
        .help("mend the finding, or decide anew and move the date")
}

fn unused(rule: Code, at: Span, message: String, help: &str) -> Diagnostic {
    let one = Diagnostic::new(codes::UNUSED_SUPPRESSION, at, message).at("nothing to suppress");
    if rule.may_be_turned_off() {
        one.help(help)
    } else {
        one.help(help)
            .note(format!("{} cannot be suppressed", rule.id()))
    }
}
