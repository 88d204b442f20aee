//! How each kind of step acts: one file for each file of `plan::task`.

mod control;
mod effect;
mod fork;
pub(super) mod http;
mod lifecycle;
pub(super) mod origin;
mod recover;
mod rescue;
mod value;
mod worker;
