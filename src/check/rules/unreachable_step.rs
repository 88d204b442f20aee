//! # ROT114 unreachable-step
//!
//! What it finds: a step after one that always ends the run.
//!
//! ## Why it matters
//!
//! The step reads as if it happened. Where it revokes or stores something, that never happens.
//!
//! ## Fails
//!
//! ```rot
//! rotation r {
//!   stop "nothing to do"
//!   log "done"
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! rotation r {
//!   log "done"
//! }
//! ```

use crate::check::context::Context;
use crate::check::order::step_ends;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::Step;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for rotation in &cx.plan.rotations {
        block(&rotation.steps, out);
        block(&rotation.on_failure, out);
    }
}

fn block(steps: &[Step], out: &mut Vec<Diagnostic>) {
    if let Some(pair) = steps.windows(2).find(|pair| pair.first().is_some_and(step_ends))
        && let [end, next] = pair
    {
        out.push(
            Diagnostic::new(codes::UNREACHABLE_STEP, next.at.0, format!("`{}` is never reached", next.name))
                .at("the run has ended before")
                .label(end.at.0, "the run always ends here")
                .help("remove the step, or put the end of the run into a condition"),
        );
    }
    for step in steps {
        for inner in step.task.blocks() {
            block(inner, out);
        }
    }
}
