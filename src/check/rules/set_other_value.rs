//! # ROT516 set-other-value
//!
//! What it finds: a call that `sets` something else than the value that is staged: the version in use, or another generated value.
//!
//! ## Why it matters
//!
//! The server then knows a value that is not the one that comes into use, and after the promotion nobody gets in.
//!
//! ## Fails
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret db_password to "api.example.com"
//!
//! rotation r {
//!   generate fresh password { length 32 }
//!   stage db_password = fresh.value
//!   http PUT "https://api.example.com/users/app/password" sets {
//!     bearer secrets.admin_key
//!     json { password: secrets.db_password }
//!   }
//!   verify {
//!     http GET "https://api.example.com/me" { basic "app", pending.db_password }
//!   }
//!   promote db_password
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret db_password to "api.example.com"
//!
//! rotation r {
//!   generate fresh password { length 32 }
//!   stage db_password = fresh.value
//!   http PUT "https://api.example.com/users/app/password" sets {
//!     bearer secrets.admin_key
//!     json { password: pending.db_password }
//!   }
//!   verify {
//!     http GET "https://api.example.com/me" { basic "app", pending.db_password }
//!   }
//!   promote db_password
//! }
//! ```

use crate::check::context::Context;
use crate::check::life::Kind;
use crate::diagnostic::{Diagnostic, codes};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for fact in &cx.life {
        let Kind::SetsOther { staged, old } = fact.kind else {
            continue;
        };
        let name = fact.secret;
        let (message, here) = if old {
            (
                format!("the server is given the old `{name}`, and a new one is staged"),
                "the version in use",
            )
        } else {
            (
                format!("the server is given another value than the one that is staged for `{name}`"),
                "another value",
            )
        };
        out.push(
            Diagnostic::new(codes::SET_OTHER_VALUE, fact.span, message)
                .at(here)
                .label(staged, "staged here")
                .help(format!("send `pending.{name}`")),
        );
    }
}
