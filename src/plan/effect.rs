//! What a step does to the world outside: the five kinds of endpoint.
//!
//! The author declares it, the checker proves that the order is safe for it, and the interpreter recovers by it
//! (LANGUAGE.md, table of effects).

use super::schedule::Dur;
use serde::{Deserialize, Serialize};

/// What a call changes, and so what a crash during it can cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing: may be called again at will.
    Reads,
    /// The server makes a new credential.
    Issues(Issues),
    /// We choose the value; an administrating credential makes the call. Idempotent with the same value.
    Sets,
    /// We choose the value, and the credential that dies is the one that makes the call.
    SetsSelf,
    /// One of two slots is changed; the other is untouched.
    SetsSlot,
    /// A credential dies. Gone already (404, 410) counts as done.
    Revokes,
    /// The author said nothing and the method is not GET or HEAD, or a Conductor HTTP task whose answer feeds no secret:
    /// something may change, no credential is made.
    Unspecified,
}

/// How a credential is issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issues {
    /// What becomes of the old one.
    pub old: Old,
    /// How many live credentials the server allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u32>,
    /// The author did not say so; it was assumed for an imported definition.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub assumed: bool,
}

/// What becomes of the old credential when a new one is issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Old {
    /// It stays valid until it is revoked or expires.
    Stays,
    /// It dies on the call.
    Dies {
        /// The server repeats its answer for the same key: name of the request header or body field that carries it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// It lives on for this long.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grace: Option<Dur>,
        /// The rotation that gets a new credential by another way.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        recover: Option<String>,
        /// Why the risk of a lock-out is accepted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        accept: Option<String>,
    },
}

impl Effect {
    /// `issues additive`, as it is written and shown.
    pub fn describe(&self) -> &'static str {
        match self {
            Effect::Reads => "reads",
            Effect::Issues(Issues {
                old: Old::Stays, ..
            }) => "issues additive",
            Effect::Issues(Issues {
                old: Old::Dies { key: Some(_), .. },
                ..
            }) => "issues replacing key",
            Effect::Issues(Issues {
                old: Old::Dies { grace: Some(_), .. },
                ..
            }) => "issues replacing grace",
            Effect::Issues(_) => "issues replacing",
            Effect::Sets => "sets",
            Effect::SetsSelf => "sets self",
            Effect::SetsSlot => "sets slot",
            Effect::Revokes => "revokes",
            Effect::Unspecified => "unspecified",
        }
    }

    /// Whether a call may be made again after an unknown outcome without asking anybody.
    pub fn may_repeat(&self) -> bool {
        matches!(
            self,
            Effect::Reads | Effect::Sets | Effect::Revokes | Effect::SetsSlot
        )
    }

    /// Whether the call makes a credential.
    pub fn issues(&self) -> bool {
        matches!(self, Effect::Issues(_))
    }

    /// Whether the call changes nothing.
    pub fn is_read(&self) -> bool {
        matches!(self, Effect::Reads)
    }
}
