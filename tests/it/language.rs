//! The language: what is accepted, what is said about the rest, and the formatter.

#[path = "language/dump.rs"]
mod dump;
