//! 5. Plan → effects: the interpreter.
//!
//! [`run`] starts a run or continues the interrupted one of the same rotation; [`resume`] continues a given one. Both
//! work on a vault that is open and a plan that was checked. Called by the command line alone.

pub mod deliver;
pub mod due;
pub mod functions;
pub mod identity;
pub mod ids;
pub mod journal;
mod lost;
pub mod open;
pub mod report;
pub mod scope;
pub mod value;

mod accept;
mod answer;
mod base32;
pub mod claim;
mod decide;
mod drain;
mod engine;
mod eval;
mod exchange;
mod execute;
mod failure;
mod fields;
mod fingerprint;
pub(crate) mod generate;
mod hash;
mod jwt;
mod masked;
pub mod needs;
mod overtaken;
mod peer;
mod request;
mod revocation;
mod scram;
mod script;
pub mod sign;
pub mod source;
mod sql;
mod start;
mod step;
pub mod sweep;
mod target;
mod turn;
mod xml;

pub use answer::Answer as StoredAnswer;
pub use decide::{Left, acknowledge};
pub use execute::{Job, journaled_plan, resume, run, ways_out};
pub use lost::{LostVersion, keep_lost, lost};
pub use open::{
    Decision, Elsewhere, OpenRun, OpenState, Place, UnderWay, decide_elsewhere,
    describe as describe_run, elsewhere, open_runs, under_way,
};
pub use report::{Observer, RunReport, SecretReport, Silent, Status, StepReport};
pub use revocation::{Swept, sweep_due};
pub use script::serve as serve_jq;
pub use start::{Passed, pin, secrets as secrets_at_start};
