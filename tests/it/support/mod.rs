//! What tests share: the process builder, temporary projects, the scripted issuer.

pub mod loopback;
pub mod pages;
pub mod plans;
pub mod process;
pub mod project;
pub mod scripted;
