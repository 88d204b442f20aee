//! # ROT316 guessing-oracle
//!
//! What it finds: a secret that is compared with what a caller passed, within a loop.
//!
//! ## Why it matters
//!
//! Each round tells one bit about the secret. A caller who chooses what it is compared with can find it by guessing.
//!
//! ## Fails
//!
//! ```rot
//! secret pin
//!
//! rotation r {
//!   input guesses: list
//!   for each guess in input.guesses {
//!     when secrets.pin == guess { wait 1s }
//!   }
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret pin
//!
//! rotation r {
//!   input guess: string
//!   when secrets.pin == input.guess { wait 1s }
//! }
//! ```

use crate::check::context::{Context, Once};
use crate::check::flow::{Atom, Sink};
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::{Derivation, Task};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut once = Once::default();
    for event in cx.flow.events.iter().filter(|e| e.sink == Sink::Branch) {
        let looped = event.step.is_some_and(|id| {
            let mut around = cx.order().around(id).filter_map(|outer| cx.order().get(outer));
            around.any(|node| matches!(node.step.task, Task::ForEach(_) | Task::Repeat(_)))
        });
        let chosen = event.taint.iter().find(|e| !e.control && matches!(cx.flow.trails.atom(e.atom), Some(Atom::Caller { .. })));
        let (true, Some(chosen)) = (looped, chosen) else { continue };
        for leak in cx.leaks(event) {
            if leak.entry.derivation == Derivation::Opaque && once.is_first(event, leak.entry.atom) {
                let message = format!("{} can be guessed: each round compares it with {}", leak.origin.describe(), cx.describe(chosen));
                out.push(
                    cx.finding(codes::GUESSING_ORACLE, event, &leak.entry, message, "one bit a round")
                        .help("compare outside of the loop, or with values that stand in the text"),
                );
            }
        }
    }
}
