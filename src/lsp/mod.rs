//! `rot lsp`: what `rot check` knows, while one types. The protocol and nothing else; what is said comes from
//! [`crate::workspace`], so that editor and command line cannot differ.
//!
//! Opens no vault, no network and starts nothing. Every text that goes out passes [`crate::report::Blanks`]: a hard-coded secret
//! is repeated to nobody.

mod actions;
mod complete;
mod complete_json;
mod format;
mod hover;
mod lines;
mod navigate;
mod outline;
mod publish;
mod server;
mod tokens;
mod transport;
mod upcoming;
pub mod wire;

pub use lines::{Encoding, Lines};
pub use server::{Ended, Surroundings, serve};
pub use transport::stdio;
