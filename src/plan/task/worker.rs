//! A step that a local program does (Conductor `SIMPLE`).
//!
//! The plan holds the task's name only. Which program that is stands in the settings of the machine that runs it: a plan
//! that somebody sends can start nothing.

use crate::plan::Expr;
use crate::plan::schedule::Dur;
use serde::{Deserialize, Serialize};

/// A step that a local program does: JSON in, JSON out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    /// The task's name, which the settings know.
    pub name: String,
    /// What it is told.
    pub input: Expr,
    /// The program is ended after this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Dur>,
    /// The type of a Conductor task that is no worker's and is not run here; such a plan is only checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}
