//! What tests share: the process builder, temporary projects, the scripted issuer.

pub mod process;
pub mod scripted;
