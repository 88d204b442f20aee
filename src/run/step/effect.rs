//! A step that changes something outside: intent, attempt, answer; and what an attempt that did not go well means.
//!
//! The answer is written down before anybody looks at it, whatever its status: it may be the only copy of a credential.

use crate::diagnostic::{Diagnostic, Error, Failure, codes};
use crate::plan::Effect;
use crate::run::answer::Answer;
use crate::run::engine::{Engine, StepContext, StepError};
use crate::run::exchange::{Attempt, Exchange, Trouble, Verdict};
use crate::run::journal::{CallState, StepEvent};
use crate::run::value::{Data, Value};
use crate::vault::Secret;
use std::time::Duration;

/// No server makes us wait longer than this between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(120);
/// Attempts after an outcome that may be tried again, where the author gave no `retry`.
const SAFE_RETRIES: u32 = 2;

/// What one attempt came to.
enum CallOutcome {
    /// An answer of the expected kind.
    Success(Answer),
    /// Certainly not executed; may be tried again after a pause.
    Later(Box<Diagnostic>, Option<Duration>),
    /// Certainly not executed, and trying again is of no use.
    No(Box<Diagnostic>),
    /// May have been executed, and nothing of use was answered.
    Unknown(Box<Diagnostic>, Option<Duration>),
    /// Executed, as far as is known, and the answer is kept; it is not what the author expects.
    Unexpected(Box<Diagnostic>),
}

impl<'a> Engine<'a> {
    /// Makes the call of a step, or takes up what an earlier process left of it.
    pub(in crate::run) async fn effectful<'b, E: Exchange>(
        &'b self,
        cx: StepContext<'b, 'a>,
        exchange: E,
    ) -> Result<(), StepError> {
        let result = self.call_until_answered(cx, exchange).await;
        // What recovery found out holds for this call alone.
        cx.frame.scope.borrow_mut().secrets.swap(Vec::new());
        result
    }

    async fn call_until_answered<'b, E: Exchange>(
        &'b self,
        cx: StepContext<'b, 'a>,
        exchange: E,
    ) -> Result<(), StepError> {
        if !cx.block.volatile && self.take_up(cx, exchange).await? {
            return Ok(());
        }
        let effect = exchange.effect();
        let conductor = self.plan.dialect.semantics().retries_only_as_told;
        // A definition's own retries are all that Conductor makes.
        let retries = cx.step.retry.as_ref().map_or(
            if effect.is_read() || conductor {
                0
            } else {
                SAFE_RETRIES
            },
            |r| r.count,
        );
        let mut retried = 0;
        loop {
            self.go_on(cx.step)?;
            if !effect.is_read() {
                self.keep_claim(cx.step, effect)?;
            }
            let request = exchange.prepare(self, cx)?;
            let attempt = cx.trace.attempts.get() + 1;
            if !cx.block.volatile && !effect.is_read() {
                let intent = StepEvent::Intent {
                    attempt,
                    effect: effect.describe().to_owned(),
                    request: exchange.digest(self, cx),
                };
                self.record_step(cx.id, intent, None, true)?;
            }
            cx.trace.attempts.set(attempt);
            let pause = match self.attempt(cx, exchange, &request).await? {
                CallOutcome::Success(answer) => {
                    self.tell_lost(cx, exchange);
                    exchange.answered(self, cx, &request);
                    let label = exchange.label_of(&request);
                    return self
                        .captured(cx, exchange, &answer, &label)
                        .map_err(|error| self.kept_for_later(cx, exchange, error));
                }
                CallOutcome::No(diagnostic) => {
                    self.discard_refused(cx, exchange)?;
                    return Err(StepError::Failed(diagnostic));
                }
                CallOutcome::Later(diagnostic, _) if retried >= retries => {
                    return Err(StepError::Failed(diagnostic));
                }
                CallOutcome::Later(_, pause) => pause,
                CallOutcome::Unknown(diagnostic, _) if effect.is_read() && retried >= retries => {
                    return Err(StepError::Failed(diagnostic));
                }
                CallOutcome::Unknown(..) if effect.is_read() => None,
                CallOutcome::Unknown(diagnostic, _) if retried >= retries || cx.block.volatile => {
                    // Nothing was at stake by the definition's own word, or it goes on without the answer.
                    let ordinary =
                        conductor && (cx.step.optional || *effect == Effect::Unspecified);
                    return Err(if ordinary {
                        StepError::Failed(diagnostic)
                    } else {
                        StepError::Unresolved(diagnostic)
                    });
                }
                CallOutcome::Unexpected(diagnostic)
                    if retried >= retries
                        || cx.block.volatile
                        || !exchange.retries_anyway(self, cx) =>
                {
                    let error = StepError::Failed(diagnostic);
                    return Err(self.kept_for_later(cx, exchange, error));
                }
                CallOutcome::Unknown(_, pause) => {
                    self.wait_before(cx, retried, pause).await?;
                    self.tell_lost(cx, exchange);
                    self.recover(cx, exchange).await?;
                    retried += 1;
                    continue;
                }
                CallOutcome::Unexpected(_) => {
                    self.wait_before(cx, retried, None).await?;
                    self.recover(cx, exchange).await?;
                    retried += 1;
                    continue;
                }
            };
            self.wait_before(cx, retried, pause).await?;
            retried += 1;
        }
    }

    async fn wait_before(
        &self,
        cx: StepContext<'_, '_>,
        retried: u32,
        asked: Option<Duration>,
    ) -> Result<(), StepError> {
        let pause = self.pause(cx.step, retried, asked);
        self.pause_for(cx.step, pause).await
    }

    /// The pause before an attempt: the author's, or longer where the server asks for it.
    pub(in crate::run) fn pause(
        &self,
        step: &crate::plan::task::Step,
        retried: u32,
        asked: Option<Duration>,
    ) -> Duration {
        let pause = match &step.retry {
            None => Duration::from_secs(1 << retried.min(6)),
            Some(retry) => {
                let grown = retry.backoff.pause(retry.delay, retried);
                retry.max_delay.map_or(grown, |max| grown.min(max)).to_std()
            }
        };
        asked.map_or(pause, |asked| asked.min(MAX_PAUSE).max(pause))
    }

    /// What an earlier process left of this step: true when its answer is all that is needed, false when the call may be made.
    async fn take_up<'b, E: Exchange>(
        &'b self,
        cx: StepContext<'b, 'a>,
        exchange: E,
    ) -> Result<bool, StepError> {
        self.tell_lost(cx, exchange);
        if matches!(self.journal.borrow().call(cx.id), CallState::Rejected(_)) {
            self.same_request(cx, exchange)?;
            self.recover(cx, exchange).await?;
            self.tell_superseded(cx, exchange);
            return Ok(false);
        }
        let kept = self.payload(|j| match j.call(cx.id) {
            CallState::Answered(record) => Some(record),
            CallState::NotMade | CallState::Unknown | CallState::Rejected(_) => None,
        })?;
        let answer = match kept {
            Some(payload) => Some(Answer::decode(&payload).ok_or_else(|| {
                crate::run::engine::internal("an answer in the journal cannot be read")
            })?),
            None if matches!(self.journal.borrow().call(cx.id), CallState::NotMade) => {
                return Ok(false);
            }
            None => {
                self.same_request(cx, exchange)?;
                self.rescued(cx.id)?
            }
        };
        let Some(answer) = answer else {
            self.recover(cx, exchange).await?;
            return Ok(false);
        };
        // First as the file is now: it may have been mended.
        let verdict = exchange.verdict(&answer);
        if !verdict.may_have_effect() {
            return Ok(false);
        }
        self.same_request(cx, exchange)?;
        let error = if verdict == Verdict::Expected {
            let label = exchange.label(self, cx);
            match self.captured(cx, exchange, &answer, &label) {
                Ok(()) => {
                    cx.trace.replayed.set(true);
                    self.done.borrow_mut().replayed.insert(cx.id.clone());
                    if let Ok(request) = exchange.prepare(self, cx) {
                        exchange.answered(self, cx, &request);
                    }
                    return Ok(true);
                }
                Err(StepError::Failed(diagnostic)) => diagnostic,
                Err(other) => return Err(other),
            }
        } else {
            let request = exchange.prepare(self, cx);
            let peer = request.map_or_else(|_| "the server".to_owned(), |r| exchange.peer(&r));
            Box::new(exchange.unexpected(cx, &peer, &answer))
        };
        match self.recover(cx, exchange).await {
            Ok(()) => {
                self.tell_superseded(cx, exchange);
                Ok(false)
            }
            Err(StepError::Halted(mut halt)) => {
                halt.notes.push(format!(
                    "its answer is kept in the journal, and could not be used: {}; mend the file and `rot resume RUN --retry` looks at it again",
                    error.message
                ));
                Err(StepError::Halted(halt))
            }
            Err(other) => Err(other),
        }
    }

    /// What became of a step whose answer is kept and cannot be used: the next attempt looks at it again, then calls again
    /// where the effect allows it.
    fn kept_for_later<E: Exchange>(
        &self,
        cx: StepContext<'_, '_>,
        exchange: E,
        error: StepError,
    ) -> StepError {
        match error {
            StepError::Failed(diagnostic)
                if !exchange.effect().is_read()
                    && !cx.block.volatile
                    && self.plan.dialect.semantics().declares_intent =>
            {
                StepError::Heals(diagnostic)
            }
            other => other,
        }
    }

    /// A value of ours that the server refuses by its rules would be refused again: where nothing else was done with it, the
    /// next attempt makes a new one.
    fn discard_refused<E: Exchange>(
        &self,
        cx: StepContext<'_, '_>,
        exchange: E,
    ) -> Result<(), StepError> {
        let sets = matches!(
            exchange.effect(),
            Effect::Sets | Effect::SetsSelf | Effect::SetsSlot
        );
        if !sets || cx.block.volatile {
            return Ok(());
        }
        let unused = self.journal.borrow().unused_values();
        for id in &unused {
            self.record_step(id, StepEvent::Discarded, None, false)?;
        }
        Ok(())
    }

    async fn attempt<E: Exchange>(
        &self,
        cx: StepContext<'_, '_>,
        exchange: E,
        request: &E::Request,
    ) -> Result<CallOutcome, StepError> {
        let effect = exchange.effect();
        let journaled = !cx.block.volatile && !effect.is_read();
        let label = exchange.label_of(request);
        match self.heard(cx.step, exchange.send(self, request)).await? {
            Attempt::NotSent(trouble) => {
                exchange.left_behind(self, cx, &label, Err(&trouble.message));
                if journaled {
                    let event = StepEvent::NotSent {
                        trouble: trouble.word.to_owned(),
                    };
                    self.record_step(cx.id, event, None, true)?;
                }
                let peer = exchange.peer(request);
                let diagnostic = unanswered(cx, &peer, &trouble, false);
                Ok(if trouble.passes {
                    CallOutcome::Later(diagnostic, None)
                } else {
                    CallOutcome::No(diagnostic)
                })
            }
            Attempt::Unknown(trouble, partial) => {
                exchange.left_behind(self, cx, &label, Err(&trouble.message));
                if journaled {
                    let payload = partial.map(|answer| answer.encode());
                    let event = StepEvent::Unknown {
                        trouble: trouble.word.to_owned(),
                    };
                    let payload = payload.as_ref().map(|p| p.as_slice());
                    self.record_step(cx.id, event, payload, true)?;
                }
                let peer = exchange.peer(request);
                Ok(CallOutcome::Unknown(
                    unanswered(cx, &peer, &trouble, !effect.is_read()),
                    None,
                ))
            }
            Attempt::Answered(answer) => {
                let verdict = exchange.verdict(&answer);
                if journaled || (!cx.block.volatile && verdict == Verdict::Expected) {
                    self.keep_answer(cx, exchange, &answer, verdict)?;
                }
                if verdict == Verdict::Expected {
                    return Ok(CallOutcome::Success(answer));
                }
                let peer = exchange.peer(request);
                let diagnostic = Box::new(exchange.unexpected(cx, &peer, &answer));
                exchange.left_behind(self, cx, &label, Ok(&answer));
                let pause = exchange.asked_pause(&answer);
                let insists = exchange.retries_anyway(self, cx);
                Ok(match verdict {
                    Verdict::Refused { later } if later || insists => {
                        CallOutcome::Later(diagnostic, pause)
                    }
                    Verdict::Failed if effect.is_read() => CallOutcome::Later(diagnostic, pause),
                    Verdict::Unexpected if effect.is_read() && insists => {
                        CallOutcome::Later(diagnostic, pause)
                    }
                    Verdict::Unexpected if effect.is_read() => CallOutcome::No(diagnostic),
                    Verdict::Refused { .. } => CallOutcome::No(diagnostic),
                    Verdict::Failed => CallOutcome::Unknown(diagnostic, pause),
                    Verdict::Unexpected | Verdict::Expected => CallOutcome::Unexpected(diagnostic),
                })
            }
        }
    }

    /// Makes the answer durable before anything looks at it. When the journal cannot take it, a second place is tried, and at
    /// last the ciphertext goes to the person.
    fn keep_answer<E: Exchange>(
        &self,
        cx: StepContext<'_, '_>,
        exchange: E,
        answer: &Answer,
        verdict: Verdict,
    ) -> Result<(), StepError> {
        let payload = answer.encode();
        let effect = !exchange.effect().is_read();
        let event = || StepEvent::Answer {
            status: answer.status,
            length: answer.body.len() as u64,
            effect: effect && verdict.may_have_effect(),
        };
        let mut result = self.record_step(cx.id, event(), Some(&payload), effect);
        if result.is_err() && effect {
            // Once more: the first attempt cut off what it had written, so this one writes it anew.
            result = self.record_step(cx.id, event(), Some(&payload), effect);
        }
        if result.is_err() && effect {
            self.rescue(cx.id, &payload);
        }
        result
    }

    /// Judges what is in an answer and puts its captures into scope.
    fn captured<E: Exchange>(
        &self,
        cx: StepContext<'_, '_>,
        exchange: E,
        answer: &Answer,
        label: &crate::plan::Label,
    ) -> Result<(), StepError> {
        let StepContext { frame, step, .. } = cx;
        let mut scope = frame.scope.borrow_mut();
        let kept = exchange.capture(cx, answer, label, &mut scope);
        self.mask_made(&scope);
        let kept = kept.map_err(StepError::Failed)?;
        for (name, value) in &kept.captures {
            self.mask(value);
            self.observer.named(
                &frame.rotation.name,
                Some(&step.name),
                name,
                &value.full_label(),
            );
        }
        if let Some(output) = &kept.output {
            self.mask(output);
        }
        if !exchange.effect().is_read() {
            self.done.borrow_mut().sent_at = Some(answer.sent_at);
        }
        if let Some(output) = kept.output {
            scope.outputs.insert(step.name.clone(), output);
        }
        scope.captures.insert(step.name.clone(), kept.captures);
        Ok(())
    }

    /// Tells the redactor every secret leaf of a value.
    pub(in crate::run) fn mask(&self, value: &Value) {
        match &value.data {
            Data::List(items) => items.iter().for_each(|v| self.mask(v)),
            Data::Object(members) => members.iter().for_each(|(_, v)| self.mask(v)),
            _ if value.label.is_secret() => {
                if let Some(bytes) = value.bytes() {
                    self.observer.secret(&Secret::new(bytes));
                }
            }
            _ => {}
        }
    }

    /// Refuses to go on with another request than the one that was made in this step, or may have been: its answer would
    /// be taken for that of a call that never happened, or the call be made twice in two forms.
    fn same_request<E: Exchange>(
        &self,
        cx: StepContext<'_, '_>,
        exchange: E,
    ) -> Result<(), StepError> {
        let before = self.journal.borrow().request(cx.id).cloned();
        let Some(before) = before else { return Ok(()) };
        let changes = before.changes(&exchange.digest(self, cx));
        if changes.is_empty() {
            return Ok(());
        }
        let changes: Vec<&str> = changes.into_iter().map(|part| part.describe()).collect();
        let step = cx.step;
        let diagnostic = Diagnostic::new(
            codes::RUN_REQUEST_CHANGED,
            step.at.0,
            format!("the request of step `{}` was changed after it had been made: {}", step.name, changes.join(", ")),
        )
        .at("another request now")
        .help("put the request back as it was and resume; captures and expectations may be mended. To use the new request, give this run up with `rot resume RUN --abandon` and start a new one")
        .note("nothing was called; what was obtained is safe in the journal");
        Err(StepError::Broken(Error::new(
            Failure::AfterEffect,
            diagnostic,
        )))
    }
}

/// What to tell of a request that was not answered.
fn unanswered(
    cx: StepContext<'_, '_>,
    peer: &str,
    trouble: &Trouble,
    unknown: bool,
) -> Box<Diagnostic> {
    let mut diagnostic = Diagnostic::new(
        if unknown {
            codes::RUN_OUTCOME_UNKNOWN
        } else {
            codes::RUN_REQUEST_FAILED
        },
        cx.step.at.0,
        format!("the request to {peer} failed: {}", trouble.message),
    )
    .at("this request");
    diagnostic.help = Some(trouble.remedy.to_owned());
    if unknown {
        diagnostic
            .notes
            .push("whether the server executed it is not known".into());
    }
    Box::new(diagnostic)
}
