//! How each kind of step acts: one file for each file of `plan::task`.

mod control;
mod effect;
mod fork;
mod http;
mod lifecycle;
mod origin;
mod recover;
mod rescue;
mod value;
mod worker;
