//! What an effectful step is to the interpreter, whatever it speaks: something that is asked once for each attempt, and
//! that was not asked, has answered, or may have been heard without an answer.
//!
//! Intents, answers, retries, recovery, strays and the digest of a request know this trait alone; HTTP implements it first.
//! A transport that cannot tell whether its request was executed says [`Attempt::Unknown`]. What is random or depends on the
//! time in a request (salts, nonces, signature dates) belongs to [`Exchange::prepare`] and so to the attempt: it is not part
//! of the digest, and a resumed run makes it anew.

use super::answer::{Answer, Kept};
use super::engine::{Engine, Local, StepContext, StepError};
use super::journal::event::RequestDigest;
use super::scope::Scope;
use crate::diagnostic::Diagnostic;
use crate::plan::{Effect, Label};
use std::time::Duration;

/// How one attempt ended.
pub(super) enum Attempt {
    /// Nothing of the request left this machine.
    NotSent(Trouble),
    /// A whole answer came.
    Answered(Answer),
    /// It may or may not have been executed. With what came of the answer.
    Unknown(Trouble, Option<Answer>),
}

/// What kept a request from being answered. Quotes nothing of it.
pub(super) struct Trouble {
    /// A word for journals.
    pub(super) word: &'static str,
    /// For people.
    pub(super) message: String,
    /// What to do about it.
    pub(super) remedy: &'static str,
    /// Whether another try may end in another way.
    pub(super) passes: bool,
}

/// What an answer says of the call, before anybody looks at what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is of the kind that the author expects.
    Expected,
    /// It proves that nothing was done; whether another try may have another answer.
    Refused {
        /// It may.
        later: bool,
    },
    /// The server failed: whether it did anything is not known.
    Failed,
    /// The server did something, or may have, and says so in a way that the author did not expect.
    Unexpected,
}

impl Verdict {
    /// Whether something may have changed.
    pub(super) fn may_have_effect(self) -> bool {
        !matches!(self, Verdict::Refused { .. })
    }
}

/// The calls that find and revoke what a lost call has left.
pub(super) struct Strays<E> {
    /// Lists what carries our tag.
    pub(super) list: E,
    /// Revokes one of the list.
    pub(super) revoke: E,
}

/// One protocol's side of an effectful step. An implementor borrows from the plan, so it is as cheap to copy as a reference.
pub(super) trait Exchange: Copy {
    /// A request that is ready to go.
    type Request;

    /// What it changes.
    fn effect(&self) -> &Effect;

    /// How lost calls are cleaned up.
    fn strays(&self) -> Option<Strays<Self>>;

    /// A digest of what is asked for, of the text of the plan alone.
    fn digest(&self, engine: &Engine<'_>, cx: StepContext<'_, '_>) -> RequestDigest;

    /// The names of the secrets in the request, each with the version that it takes.
    fn secrets(&self) -> Vec<(String, crate::plan::Version)>;

    /// The names of the captures that hold credentials.
    fn secret_captures(&self) -> Vec<String>;

    /// Evaluates the request and makes sure that each secret in it may go where it goes.
    fn prepare(
        &self,
        engine: &Engine<'_>,
        cx: StepContext<'_, '_>,
    ) -> Result<Self::Request, StepError>;

    /// The label of a request that an earlier process made.
    fn label(&self, engine: &Engine<'_>, cx: StepContext<'_, '_>) -> Label;

    /// The label of a request.
    fn label_of(&self, request: &Self::Request) -> Label;

    /// Makes one attempt.
    fn send<'b>(&self, engine: &'b Engine<'_>, request: &'b Self::Request) -> Local<'b, Attempt>;

    /// What an answer says of the call.
    fn verdict(&self, answer: &Answer) -> Verdict;

    /// How long the server asks to be left alone.
    fn asked_pause(&self, answer: &Answer) -> Option<Duration>;

    /// Whether an answer that is not the expected one is tried again for the author's `retry` alone.
    fn retries_anyway(&self, engine: &Engine<'_>, cx: StepContext<'_, '_>) -> bool;

    /// Where a request went, for messages: no path, no values.
    fn peer(&self, request: &Self::Request) -> String;

    /// What to tell of an answer that is not the expected one.
    fn unexpected(&self, cx: StepContext<'_, '_>, peer: &str, answer: &Answer) -> Diagnostic;

    /// Judges what is in an answer, and takes out what is kept of it.
    fn capture(
        &self,
        cx: StepContext<'_, '_>,
        answer: &Answer,
        label: &Label,
        scope: &mut Scope,
    ) -> Result<Kept, Box<Diagnostic>>;

    /// A request was answered as expected: what came of it may go back where it came from.
    fn answered(&self, engine: &Engine<'_>, cx: StepContext<'_, '_>, request: &Self::Request);

    /// What an attempt that failed leaves for the steps behind it to read.
    fn left_behind(
        &self,
        engine: &Engine<'_>,
        cx: StepContext<'_, '_>,
        label: &Label,
        answer: Result<&Answer, &str>,
    );
}
