//! What a person sees while a run goes on, and the masking of what it meets.

use super::stop;
use crate::plan::Plan;
use crate::plan::task::walk_steps;
use crate::report::{Out, visible};
use crate::run::{Observer, StepReport};
use crate::vault::Secret;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// Shows steps as they end, and a status line on a terminal while one is under way.
pub struct Watch<'a> {
    /// The sink.
    out: &'a Out,
    /// Whether step lines are wanted: not when the report is for a program.
    lines: bool,
}

impl<'a> Watch<'a> {
    /// Watches a run of `plan`, whose names everybody can read: they are shown even if a secret is spelled like one.
    pub fn new(out: &'a Out, plan: Option<&Plan>, lines: bool) -> Self {
        let redactor = out.redactor();
        for secret in plan.iter().flat_map(|plan| &plan.secrets) {
            redactor.publish(&secret.name);
            secret.fields.iter().for_each(|f| redactor.publish(f));
        }
        for rotation in plan.iter().flat_map(|plan| &plan.rotations) {
            redactor.publish(&rotation.name);
            walk_steps(&rotation.steps, &mut |step| redactor.publish(&step.name));
        }
        Self { out, lines }
    }
}

impl Observer for Watch<'_> {
    fn started(&self, name: &str, kind: &str) {
        if self.lines {
            self.out.progress(&format!("… {}", title(name, kind)));
        }
    }

    fn ended(&self, step: &StepReport) {
        if self.lines {
            self.out.progress("");
            self.out.info(&line(step));
        }
    }

    fn log(&self, line: &str) {
        self.out.info(&format!("  {}", visible(line)));
    }

    fn stopping(&self) -> bool {
        stop::asked()
    }

    fn stopped(&self) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(stop::when_asked())
    }

    fn hears_out(&self, step: &str, patience: Duration) {
        self.out.progress("");
        self.out.info(&format!(
            "asked to end: the answer of step `{}` is waited for, {} s at most; asked again, it ends at once",
            visible(step),
            patience.as_secs()
        ));
    }

    fn secret(&self, secret: &Secret) {
        self.out.redactor().register(secret);
    }

    fn rescue(&self, armored: &str, advice: &str) {
        self.out.stderr(&format!("{advice}\n{armored}\n"));
    }
}

fn title(name: &str, kind: &str) -> String {
    if name.starts_with(kind) {
        visible(name).into_owned()
    } else {
        format!("{kind} {}", visible(name))
    }
}

fn line(step: &StepReport) -> String {
    let mark = match step.status {
        "completed" => "✓",
        "replayed" => "↻",
        "skipped" => "–",
        "interrupted" => "…",
        "completed_with_errors" => "!",
        _ => "✗",
    };
    let mut facts = Vec::new();
    match step.status {
        "replayed" => facts.push("from the journal".to_owned()),
        "skipped" => facts.push("nothing to do".to_owned()),
        _ => facts.push(format!("{} ms", step.duration_ms)),
    }
    if step.attempts > 1 {
        facts.push(format!("{} attempts", step.attempts));
    }
    format!(
        "{mark} {}  ({})",
        title(&step.name, step.kind),
        facts.join(", ")
    )
}
