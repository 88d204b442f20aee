//! `rot compile --to conductor`, `schedule` and `rot`: what the other form cannot say is named on standard error, and an error
//! among it writes nothing.

use super::accept::accept;
use super::args::CompileTo;
use super::config::{Config, Target};
use super::context::Context;
use super::load::Loaded;
use super::suppress::hides_others;
use crate::conductor::{self, WriteOptions};
use crate::diagnostic::{Diagnostic, Error, Failure, Result, Severity, codes};
use crate::plan::{self, Dialect, Plan};
use crate::report::findings::counted;
use serde_json::Value;

/// The text of a file in another form.
pub fn convert(
    form: CompileTo,
    loaded: Loaded,
    config: &Config,
    context: &Context,
) -> Result<String> {
    let plan = understood(loaded, config, context)?;
    if plan.rotations.is_empty() {
        return Err(Error::plain(
            Failure::Refused,
            codes::NOT_IN_CONDUCTOR,
            "the file has no rotation that could be written in another form",
        )
        .help("put the definition and its schedule into one array"));
    }
    let written = match form {
        CompileTo::Conductor => conductor(&plan, config),
        CompileTo::Schedule => schedules(&plan, config),
        _ => plan::write::write(&plan),
    };
    accepted(written, context)
}

/// The plan of a file that was understood as a whole. What is unsafe in it is no hindrance: a conversion is often the way to
/// mend it, and changes nothing outside.
fn understood(mut loaded: Loaded, config: &Config, context: &Context) -> Result<Plan> {
    loaded.findings.iter_mut().for_each(Diagnostic::for_a_run);
    loaded.findings.retain(|d| d.severity == Severity::Error);
    let before = loaded.findings.len();
    loaded.findings.retain(hides_others);
    let unsafe_ones = before - loaded.findings.len();
    let plan = accept(loaded, config, context)?;
    if unsafe_ones > 0 {
        context.out.info(&format!(
            "the file is not safe to run: `rot check` finds {}",
            counted(unsafe_ones, "error")
        ));
    }
    Ok(plan)
}

/// What was written, with all that could not be said on standard error; an error in it writes nothing.
fn accepted((text, said): (String, Vec<Diagnostic>), context: &Context) -> Result<String> {
    context.complain(&said);
    if said.iter().any(|d| d.severity == Severity::Error) {
        return Err(Error {
            failure: Failure::Refused,
            diagnostics: Vec::new(),
        });
    }
    Ok(text)
}

fn options(config: &Config) -> WriteOptions {
    WriteOptions {
        target: match config.target {
            Target::Orkes => Dialect::Orkes,
            Target::Oss => Dialect::Oss,
        },
    }
}

/// One definition, or an array of those that belong together.
fn conductor(plan: &Plan, config: &Config) -> (String, Vec<Diagnostic>) {
    let names = plan.rotations.iter().map(|r| r.name.as_str());
    together(names.map(|name| conductor::write(plan, name, &options(config))))
}

/// The entries of the rotations that run by themselves.
fn schedules(plan: &Plan, config: &Config) -> (String, Vec<Diagnostic>) {
    let own: Vec<_> = plan.rotations.iter().filter(|r| !r.imported).collect();
    let scheduled = own.iter().any(|r| r.schedule.is_some());
    let wanted = own
        .into_iter()
        .filter(|r| !scheduled || r.schedule.is_some());
    together(wanted.map(|r| conductor::write_schedule(plan, &r.name, &options(config))))
}

fn together(written: impl Iterator<Item = (Value, Vec<Diagnostic>)>) -> (String, Vec<Diagnostic>) {
    let (mut values, found): (Vec<Value>, Vec<Vec<Diagnostic>>) = written.unzip();
    let value = if values.len() == 1 {
        values.remove(0)
    } else {
        Value::Array(values)
    };
    (
        format!("{value:#}\n"),
        found.into_iter().flatten().collect(),
    )
}
