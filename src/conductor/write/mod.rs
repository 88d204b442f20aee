//! Plan → Conductor JSON, one file for each noun.
//!
//! Nothing is dropped in silence: what a definition cannot say is a diagnostic (ROT920), an error where the definition
//! would do something else, a note where only what people and this program know is lost. Pure; validates nothing that
//! the checker has validated.

mod computed;
mod context;
mod do_while;
mod fork_join;
mod http;
mod output_filter;
mod schedule;
mod script;
mod switch;
mod task;
mod update_secret;
mod value;
mod wait;
mod workflow;

use crate::diagnostic::{Diagnostic, codes};
use crate::plan::{Dialect, Plan};
use crate::source::Span;
use context::Writer;
use serde_json::Value;

/// For which server a definition is written.
#[derive(Debug, Clone, Copy)]
pub struct WriteOptions {
    /// [`Dialect::Orkes`] unless said.
    pub target: Dialect,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            target: Dialect::Orkes,
        }
    }
}

/// The definition of a rotation.
pub fn write(plan: &Plan, rotation: &str, options: &WriteOptions) -> (Value, Vec<Diagnostic>) {
    match plan.rotation(rotation) {
        Some(rotation) => {
            let mut writer = Writer::new(plan, rotation, options);
            let definition = writer.workflow();
            (definition, writer.findings())
        }
        None => (Value::Null, vec![unknown(rotation)]),
    }
}

/// The scheduler entry of a rotation.
pub fn write_schedule(
    plan: &Plan,
    rotation: &str,
    options: &WriteOptions,
) -> (Value, Vec<Diagnostic>) {
    match plan.rotation(rotation) {
        Some(rotation) => schedule::schedule(rotation, options),
        None => (Value::Null, vec![unknown(rotation)]),
    }
}

fn unknown(rotation: &str) -> Diagnostic {
    Diagnostic::new(
        codes::NOT_IN_CONDUCTOR,
        Span::NONE,
        format!("the plan has no rotation `{rotation}`"),
    )
}
