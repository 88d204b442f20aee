//! Which plans may be run: those without errors, but for what people decided to live with.

use super::config::Config;
use super::context::Context;
use super::load::{self, Loaded};
use super::suppress::{self, Setting, hides_others};
use super::{check, pointers, today};
use crate::diagnostic::{Diagnostic, Error, Failure, Result, Severity};
use crate::plan::Plan;
use crate::report::findings::counted;
use crate::source::SourceMap;

/// The plan of a file without errors; else its findings are shown and it is refused. What `rot check` is told to accept (in the
/// file with a reason, in `rot.toml`) is accepted here as well; the compiled plan says so, as it has no comments of its own.
pub fn accept(mut loaded: Loaded, config: &Config, context: &Context) -> Result<Plan> {
    let codes = |findings: &[Diagnostic]| -> Vec<String> {
        findings
            .iter()
            .filter(|d| d.severity == Severity::Error)
            .map(|d| d.code.id().to_owned())
            .collect()
    };
    loaded.findings.iter_mut().for_each(Diagnostic::for_a_run);
    let before = codes(&loaded.findings);
    let findings = judged(
        std::mem::take(&mut loaded.findings),
        &loaded.sources,
        config,
        context,
    );
    let left = codes(&findings);
    let mut accepted: Vec<String> = before
        .into_iter()
        .filter(|code| !left.contains(code))
        .collect();
    accepted.append(&mut loaded.plan.accepted);
    accepted.sort();
    accepted.dedup();
    let errors: Vec<Diagnostic> = findings
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .cloned()
        .collect();
    let warnings = findings
        .iter()
        .filter(|d| d.severity == Severity::Warning)
        .count();
    context.adopt(&loaded.sources);
    if let Some(failure) = load::refusal(&findings) {
        context.complain(&errors);
        if failure == Failure::Refused {
            context.out.info(&format!(
                "nothing was run: the file has {}",
                counted(errors.len(), "error")
            ));
        }
        return Err(Error {
            failure,
            diagnostics: Vec::new(),
        });
    }
    if !accepted.is_empty() {
        context
            .out
            .info(&format!("accepted by decision: {}", accepted.join(", ")));
    }
    if warnings > 0 {
        context.out.info(&format!(
            "{} (`rot check` shows {})",
            counted(warnings, "warning"),
            if warnings == 1 { "it" } else { "them" }
        ));
    }
    loaded.plan.accepted = accepted;
    Ok(loaded.plan)
}

/// The findings without those that people decided to live with. A plan that was not understood whole is no matter of decisions.
fn judged(
    findings: Vec<Diagnostic>,
    sources: &SourceMap,
    config: &Config,
    context: &Context,
) -> Vec<Diagnostic> {
    let (mut kept, open): (Vec<Diagnostic>, Vec<Diagnostic>) =
        findings.into_iter().partition(hides_others);
    let pointer = check::pointer(sources, &pointers);
    let setting = Setting {
        config,
        sources,
        pointer: &pointer,
        cwd: &context.cwd,
        today: today(),
        checked: &|_| false,
    };
    kept.extend(suppress::apply(open, &setting).kept);
    kept
}
