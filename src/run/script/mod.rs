//! Scripts of imported definitions: pure, bounded in time and memory, without any way to the outside.
//!
//! What goes wrong is said in our words: the text of an exception may quote a secret.

mod condition;
mod javascript;
mod jq;

pub use condition::{condition, is_condition, is_truthy, java_number};
pub use javascript::javascript;
pub use jq::{jq, serve};

use std::time::Duration;

/// The longest that a script may run; Conductor's own bound.
const TIME: Duration = Duration::from_secs(4);
/// The longest result, as JSON text.
const RESULT: usize = 8 << 20;
