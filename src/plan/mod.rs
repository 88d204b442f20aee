//! 3. The plan: what will be done, resolved and typed, whatever it was written in.
//!
//! Both front ends end here; the checker, the interpreter and the back ends start here. Nothing in a plan says how it
//! was spelled: places are [`At`], which are all equal and never serialised. A plan does no IO.

pub(crate) mod compare;
pub mod dialect;
pub mod document;
pub mod effect;
pub mod egress;
pub mod expr;
pub mod fields;
pub mod index;
pub mod label;
pub mod name;
mod narrow;
pub mod path;
pub mod policy;
pub mod resolve;
pub mod schedule;
pub mod service;
pub mod target;
pub mod task;
pub mod template;
pub mod truth;
pub mod ty;
pub mod visit;
pub mod write;

pub use dialect::{Dialect, Semantics};
pub use effect::{Effect, Issues, Old};
pub use egress::Egress;
pub use expr::{Expr, ExprKind, Function, Operator, Root, RunField, Version};
pub use label::{Derivation, Label, Origin};
pub use path::JsonPath;
pub use policy::{Destination, HostPattern, Place, Policy};
pub use schedule::{Schedule, Trigger};
pub use target::{Delivery, Target, TargetKind};
pub use task::{Step, Task};
pub use ty::Type;

use crate::source::At;
use serde::{Deserialize, Serialize};

/// All that a file and what it uses say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Which front end's rules hold where they differ on purpose.
    pub dialect: Dialect,
    /// Declared secrets; for Conductor JSON, those that it names.
    pub secrets: Vec<SecretDecl>,
    /// Environment variables that the file may read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvDecl>,
    /// Where secrets are used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Target>,
    /// Which secret goes to which target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deliveries: Vec<Delivery>,
    /// The rotations in file order.
    pub rotations: Vec<Rotation>,
    /// Codes of errors that people decided to live with where the plan was written (`rot: ignore[…] reason`); a compiled plan
    /// carries them, as it has no comments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<String>,
    /// Names under which data may choose a secret to store in, with `*` for any characters but `/`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret_names: Vec<String>,
}

/// A secret that the vault keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecretDecl {
    /// Its name in the vault.
    pub name: String,
    /// Field names of a record; empty for a single value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// Where its value may be sent.
    pub policy: Policy,
    /// The declaration.
    #[serde(skip)]
    pub at: At,
}

/// An environment variable that the file declares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnvDecl {
    /// Variable name.
    pub name: String,
    /// The declaration.
    #[serde(skip)]
    pub at: At,
}

/// One rotation: a sequence of steps with inputs, outputs and a schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rotation {
    /// Unique in the plan.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What a caller may pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Input>,
    /// When it runs by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Bound on the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<schedule::Dur>,
    /// Initial `workflow.variables` (Conductor).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<(String, Expr)>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// What the run returns: names and expressions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Output>,
    /// What it returns as a whole where it names no outputs: what its last task gave (Conductor without `outputParameters`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Expr>,
    /// Steps that run when a step failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_failure: Vec<Step>,
    /// Rotation (Conductor `failureWorkflow`) that is started when this one failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_rotation: Option<String>,
    /// The family of which it is a member; its name is that of the family, `/`, and that of the member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// It came from a used file: it can be called, but is not run by itself.
    #[serde(default, skip_serializing_if = "is_false")]
    pub imported: bool,
    /// What its tasks are given and a server keeps, beside what the plan does with it (Conductor).
    #[serde(skip)]
    pub given: Vec<Given>,
    /// Field names whose values are shown as `***` (Conductor `maskedFields`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masked_fields: Vec<String>,
    /// The name in the declaration.
    #[serde(skip)]
    pub at: At,
}

/// What a task of a Conductor definition is given, in the open or not, for whoever reads executions.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// The task's reference name.
    pub step: String,
    /// Its type.
    pub kind: String,
    /// The inputs.
    pub value: Expr,
}

/// One declared input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Name.
    pub name: String,
    /// Type; `Any` for Conductor, which declares none.
    pub ty: Type,
    /// Whether its value is a secret (origin: this input).
    #[serde(default, skip_serializing_if = "is_false")]
    pub secret: bool,
    /// Value when the caller passes none; without one the input is required (in Conductor it is null).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Expr>,
    /// The declaration.
    #[serde(skip)]
    pub at: At,
}

/// One value that the run returns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Key in the output object.
    pub name: String,
    /// Its value.
    pub value: Expr,
    /// Whether it is declared as masked (`_secrets`, `_masked`, `secret` in `.rot`).
    #[serde(default, skip_serializing_if = "is_false")]
    pub masked: bool,
    /// The declaration.
    #[serde(skip)]
    pub at: At,
}

pub(crate) fn is_false(value: &bool) -> bool {
    !*value
}

impl Plan {
    /// An empty plan.
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            secrets: Vec::new(),
            env: Vec::new(),
            targets: Vec::new(),
            deliveries: Vec::new(),
            rotations: Vec::new(),
            accepted: Vec::new(),
            secret_names: Vec::new(),
        }
    }

    /// Whether data may choose this name for a secret to store in.
    pub fn allows_secret_name(&self, name: &str) -> bool {
        self.secret_names
            .iter()
            .any(|pattern| name::matches(pattern, name))
    }

    /// The declaration of a secret.
    pub fn secret(&self, name: &str) -> Option<&SecretDecl> {
        self.secrets.iter().find(|s| s.name == name)
    }

    /// A rotation by name.
    pub fn rotation(&self, name: &str) -> Option<&Rotation> {
        self.rotations.iter().find(|r| r.name == name)
    }
}
