//! # ROT524 weak-value
//!
//! What it finds: a generated value that can be guessed: fewer than 64 bits of chance (eight digits have 26, ten letters and digits 59), or shorter than a comment or
//! the description asks for (`at least 24 characters`).
//!
//! ## Why it matters
//!
//! Whoever gets a hash of it tries all of them; what is rotated every month and falls in an hour protects nothing.
//!
//! ## Fails
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret app to "api.example.com"
//!
//! rotation r {
//!   generate fresh password { length 8   alphabet "0123456789" }
//!   stage app = fresh.value
//!   http PUT "https://api.example.com/users/app" sets { bearer secrets.admin_key  json { password: pending.app } }
//!   verify { http GET "https://api.example.com/me" { basic "app", pending.app } }
//!   promote app
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret app to "api.example.com"
//!
//! rotation r {
//!   generate fresh password { length 32   alphabet "alphanumeric" }
//!   stage app = fresh.value
//!   http PUT "https://api.example.com/users/app" sets { bearer secrets.admin_key  json { password: pending.app } }
//!   verify { http GET "https://api.example.com/me" { basic "app", pending.app } }
//!   promote app
//! }
//! ```

use crate::check::context::Context;
use crate::check::remarks::Remarks;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::Task;
use crate::plan::task::{Alphabet, Generator};
use std::collections::HashSet;

/// Bits of chance below which a value is guessed.
const BITS: f64 = 64.0;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let remarks = Remarks::of(cx);
    for (_, node) in cx.order().iter() {
        let Task::Generate(generate) = &node.step.task else {
            continue;
        };
        let Generator::Password {
            length,
            alphabet,
            exclude,
        } = &generate.generator
        else {
            continue;
        };
        let left_out: HashSet<char> = exclude.chars().collect();
        let mut from: HashSet<char> = match alphabet {
            Alphabet::Ascii => ('!'..='~').collect(),
            Alphabet::Alphanumeric => ('0'..='9').chain('a'..='z').chain('A'..='Z').collect(),
            Alphabet::Custom(text) => text.chars().collect(),
        };
        from.retain(|c| !left_out.contains(c));
        let kinds = u32::try_from(from.len()).unwrap_or(u32::MAX);
        let bits = f64::from(*length) * f64::from(kinds.max(1)).log2();
        let finding = if let Some(asked) = remarks.least_length(node.rotation).filter(|asked| length < asked) {
            Diagnostic::new(
                codes::WEAK_VALUE,
                node.step.at.0,
                format!("`{}` has {length} characters, and this file says that there are at least {asked}", node.step.name),
            )
            .help(format!("write `length {asked}`"))
        } else if bits < BITS {
            Diagnostic::new(
                codes::WEAK_VALUE,
                node.step.at.0,
                format!("`{}` can be guessed: {length} characters of {kinds} kinds have {bits:.0} bits of chance", node.step.name),
            )
            .help("make it longer, or draw it from more characters: `length 32   alphabet \"alphanumeric\"` has 190 bits")
        } else {
            continue;
        };
        out.push(finding.at("too short"));
    }
}
