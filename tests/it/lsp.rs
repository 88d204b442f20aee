//! `rot lsp`: a client in memory asks what an editor asks.

mod client;
mod completion;
pub mod editors;
mod features;
mod hostile;
mod sync;
