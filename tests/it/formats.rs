//! What people and machines see: drawings, machine formats, redaction, the command line's frame.

mod check;
mod commands;
mod fingerprint;
mod machine;
mod net;
mod process;
mod render;
mod roundtrip;
mod sample;
mod settings;
