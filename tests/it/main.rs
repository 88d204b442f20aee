//! The one integration binary: black box, one module for each feature that a user knows.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods
)]
#![allow(missing_docs)]

mod support;

mod bad_input;
mod check;
mod check_cli;
mod conductor;
mod conductor_live;
mod conductor_run;
mod conductor_schema;
mod control;
mod convert;
mod deliver;
mod docs;
mod egress;
mod examples;
mod exec;
mod families;
mod formats;
mod grammars;
mod house;
mod http;
mod jsonpath;
mod language;
mod lsp;
mod model;
mod operate;
mod packaging;
mod plan;
mod reach;
mod reference;
mod rehearse;
mod run;
mod schedule;
mod serve;
mod sim;
mod site;
mod soundness;
mod task_types;
mod team;
mod templates;
mod torture;
mod values;
mod vault;
