//! `rot`: secret rotation as a language.
//!
//! The modules in the order in which data flows:
//!
//! | module | from → to |
//! | --- | --- |
//! | [`source`] | files → text with places |
//! | [`diagnostic`] | (leaf) what is said about it, as data |
//! | [`json`] | (leaf) text → JSON with places |
//! | [`syntax`] | `.rot` text → tree |
//! | [`plan`] | tree → typed plan |
//! | [`templates`] | (leaf) the library that is part of the program |
//! | [`conductor`] | Conductor JSON → plan |
//! | [`check`] | plan → findings |
//! | [`world`] | (leaf) the only effects: files, HTTP, clock, randomness, environment |
//! | [`sim`] | (leaf) the same, simulated: power cuts, lost answers, a clock that is told |
//! | [`vault`] | where secrets rest |
//! | [`run`] | plan → effects |
//! | [`rehearse`] | plan → what could go wrong, in the simulated world |
//! | [`report`] | findings and runs → people and machines |
//! | [`exec`] | secrets → a command, its output masked |
//! | [`workspace`] | a project's files, in memory or on disk → what is found in them, decided, mended |
//! | [`lsp`] | the same, to an editor |
//! | [`cli`] | one file per command |

pub mod source;

pub mod diagnostic;

pub mod json;

pub mod syntax;

pub mod plan;

pub mod templates;

pub mod conductor;

pub mod check;

pub mod world;

pub mod sim;

pub mod vault;

pub mod run;

pub mod rehearse;

pub mod report;

pub mod exec;

pub mod workspace;

pub mod lsp;

pub mod cli;

pub mod demo;
