//! # ROT314 loop-bound-from-secret
//!
//! What it finds: a `for each` or `repeat` whose number of rounds depends on a secret, with something in it that others see: a line of the log, an
//! output, a request.
//!
//! ## Why it matters
//!
//! Whoever counts the rounds learns the length of the secret, or at which guess a comparison with it held.
//!
//! ## Fails
//!
//! ```rot
//! secret pin to "api.example.com"
//!
//! rotation r {
//!   for each digit in split(secrets.pin, "") {
//!     log "one more"
//!   }
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret pin to "api.example.com"
//!
//! rotation r {
//!   for each place in ["a", "b"] {
//!     http POST "https://api.example.com/${place}" sets {
//!       json { pin: secrets.pin }
//!     }
//!   }
//! }
//! ```

use crate::check::context::Context;
use crate::check::flow::{Event, Part, Sink};
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::Task;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (id, node) in cx.order().iter() {
        let Some(bound) = node.step.task.decides().map(|bound| bound.at.0) else { continue };
        if matches!(node.step.task, Task::Switch(_)) {
            continue;
        }
        let inner = cx.flow.events.iter().filter(|e| e.step.is_some_and(|step| cx.order().is_within(step, id)) && is_seen(e));
        for event in inner {
            let leak = cx.deciders(event).into_iter().find(|l| cx.flow.way(&l.entry).iter().any(|hop| bound.is_some() && hop.span == bound));
            if let Some(leak) = leak {
                let message = format!("how often this loop runs tells something of {}", leak.origin.describe());
                out.push(
                    Diagnostic::new(codes::LOOP_BOUND, bound, message)
                        .at("the number of rounds depends on it")
                        .label(event.span, "each round shows")
                        .help("go round a public number of times, and decide within on what is public"),
                );
                break;
            }
        }
    }
}

/// Whether others can count it.
fn is_seen(event: &Event<'_>) -> bool {
    match event.sink {
        Sink::Log | Sink::Instructions | Sink::ErrorText | Sink::Output { masked: false, .. } => true,
        Sink::Request { part, .. } => part == Part::Sent,
        _ => false,
    }
}
