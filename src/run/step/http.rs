//! An HTTP exchange: intent, call, answer, captures; and what an attempt that did not go well means.

use crate::diagnostic::{Diagnostic, Error, Failure, codes};
use crate::plan::effect::{Effect, Old};
use crate::plan::task::Step;
use crate::plan::task::http::Http;
use crate::plan::{Label, Origin};
use crate::run::answer::{self, Answer};
use crate::run::engine::{Engine, Frame, Place, StepError, Trace};
use crate::run::fingerprint;
use crate::run::journal::Kind;
use crate::run::request::{self, Built};
use crate::run::value::{Data, Value};
use crate::source::Span;
use crate::vault::Secret;
use crate::world::http::{Attempt, Response, Trouble};
use serde_json::json;
use std::time::Duration;

/// No server makes us wait longer than this between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(120);
/// Attempts after an outcome that may be tried again, where the author gave no `retry`.
const SAFE_RETRIES: u32 = 2;

/// What one attempt came to.
enum CallOutcome {
    /// The answer that the author expects.
    Success(Answer),
    /// Certainly not executed; may be tried again after a pause.
    Later(Box<Diagnostic>, Option<Duration>),
    /// Certainly not executed, and trying again is of no use.
    No(Box<Diagnostic>),
    /// May have been executed.
    Unknown(Box<Diagnostic>),
}

impl<'a> Engine<'a> {
    pub(in crate::run) async fn http<'b>(
        &'b self,
        frame: &'b Frame<'a>,
        place: Place<'b>,
        step: &'b Step,
        http: &'b Http,
        key: &'b str,
        trace: &'b mut Trace,
    ) -> Result<(), StepError> {
        if !place.volatile {
            self.same_request(frame, step, http, key)?;
            self.tell_lost(step, http, key);
            if let Some(payload) = self.recorded(key, Kind::Answer)? {
                let answer = Answer::decode(&payload).ok_or_else(|| {
                    crate::run::engine::internal("an answer in the journal cannot be read")
                })?;
                trace.replayed = true;
                let label = self.request_label(frame, http)?;
                return self.kept(frame, step, http, answer, &label);
            }
            if self.is_unknown(key) {
                if let Some(answer) = self.rescued(key)? {
                    trace.replayed = true;
                    let label = self.request_label(frame, http)?;
                    return self.kept(frame, step, http, answer, &label);
                }
                self.recover(frame, step, http, key).await?;
            }
        }
        let conductor = self.plan.dialect.semantics().retries_only_as_told;
        // A definition's own retries are all that Conductor makes.
        let retries = step.retry.as_ref().map_or(
            if http.effect.is_read() || conductor {
                0
            } else {
                SAFE_RETRIES
            },
            |r| r.count,
        );
        let mut retried = 0;
        loop {
            let built = self.built(frame, http, key)?;
            if !place.volatile && !http.effect.is_read() {
                self.record(
                    Kind::Intent,
                    key,
                    [
                        ("attempt", json!(trace.attempts + 1)),
                        ("effect", json!(http.effect.describe())),
                        ("request", self.request_digests(frame, http).into()),
                    ],
                    None,
                    true,
                )?;
            }
            trace.attempts += 1;
            let came = self.attempt(frame, step, http, key, place, &built).await?;
            let (diagnostic, pause) = match came {
                CallOutcome::Success(answer) => {
                    self.remember_issuer(step, http, &built);
                    return self.kept(frame, step, http, answer, &built.label);
                }
                CallOutcome::No(diagnostic) => return Err(StepError::Failed(diagnostic)),
                CallOutcome::Later(diagnostic, pause) => {
                    if retried >= retries {
                        return Err(StepError::Failed(diagnostic));
                    }
                    (diagnostic, pause)
                }
                CallOutcome::Unknown(diagnostic) if http.effect.is_read() => {
                    if retried >= retries {
                        return Err(StepError::Failed(diagnostic));
                    }
                    (diagnostic, None)
                }
                CallOutcome::Unknown(diagnostic) => {
                    if retried >= retries || place.volatile {
                        // Nothing was at stake by the definition's own word, or it goes on without the answer.
                        let ordinary =
                            conductor && (step.optional || http.effect == Effect::Unspecified);
                        return Err(if ordinary {
                            StepError::Failed(diagnostic)
                        } else {
                            StepError::Unresolved(diagnostic)
                        });
                    }
                    self.world
                        .clock
                        .sleep(self.pause(step, retried, None))
                        .await;
                    self.tell_lost(step, http, key);
                    self.recover(frame, step, http, key).await?;
                    retried += 1;
                    continue;
                }
            };
            drop(diagnostic);
            self.world
                .clock
                .sleep(self.pause(step, retried, pause))
                .await;
            retried += 1;
        }
    }

    /// The request, with everything checked again.
    pub(in crate::run) fn built(
        &self,
        frame: &Frame<'_>,
        http: &Http,
        key: &str,
    ) -> Result<Built, StepError> {
        let certificates = http
            .limits
            .ca
            .iter()
            .filter_map(|path| self.certificates.get(path).cloned())
            .collect();
        let scope = frame.scope.borrow();
        let built = request::build(
            self.plan,
            http,
            &scope,
            &self.issuers.borrow(),
            certificates,
        );
        self.mask_made(&scope);
        let mut built = built?;
        if let Effect::Issues(issues) = &http.effect
            && let Old::Dies {
                key: Some(header), ..
            } = &issues.old
            && !http
                .headers
                .iter()
                .any(|h| h.name.eq_ignore_ascii_case(header))
        {
            // A structured-field string (draft-ietf-httpapi-idempotency-key-header): the same for every attempt of this step in this run.
            let value = format!("\"{}\"", self.idempotency_key(key));
            built
                .request
                .headers
                .push((header.clone(), zeroize::Zeroizing::new(value.into_bytes())));
        }
        Ok(built)
    }

    /// Derived from run and step, so that a resumed run sends the same.
    fn idempotency_key(&self, key: &str) -> String {
        let run = self.journal.borrow().run_id().to_owned();
        let digest =
            ring::digest::digest(&ring::digest::SHA256, format!("{run}\n{key}").as_bytes());
        crate::run::ids::uuid_from(digest.as_ref(), 8)
    }

    /// The pause before an attempt: the author's, or longer where the server asks for it.
    pub(in crate::run) fn pause(
        &self,
        step: &Step,
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

    async fn attempt(
        &self,
        frame: &Frame<'_>,
        step: &Step,
        http: &Http,
        key: &str,
        place: Place<'_>,
        built: &Built,
    ) -> Result<CallOutcome, StepError> {
        let sent_at = self.world.clock.now();
        let journaled = !place.volatile && !http.effect.is_read();
        match self.world.http.call(&built.request).await {
            Attempt::NotSent(trouble) => {
                self.refused(frame, step, &built.label, Err(&trouble.message));
                if journaled {
                    self.record(
                        Kind::NotSent,
                        key,
                        [("trouble", json!(trouble.kind_word()))],
                        None,
                        true,
                    )?;
                }
                Ok(CallOutcome::Later(
                    trouble_diagnostic(step.at.0, &built.authority, &trouble, false),
                    None,
                ))
            }
            Attempt::Unknown(trouble, partial) => {
                self.refused(frame, step, &built.label, Err(&trouble.message));
                if journaled {
                    let payload = partial.map(|response| answer_of(response, sent_at).encode());
                    self.record(
                        Kind::Unknown,
                        key,
                        [("trouble", json!(trouble.kind_word()))],
                        payload.as_ref().map(|p| p.as_slice()),
                        true,
                    )?;
                }
                Ok(CallOutcome::Unknown(trouble_diagnostic(
                    step.at.0,
                    &built.authority,
                    &trouble,
                    !http.effect.is_read(),
                )))
            }
            Attempt::Answered(response) => {
                let retry_after = retry_after(&response, sent_at);
                let answer = answer_of(response, sent_at);
                let status = answer.status;
                let gone = matches!(http.effect, Effect::Revokes) && matches!(status, 404 | 410);
                if answer::status_expected(http, status) || gone {
                    if !place.volatile {
                        self.keep_answer(key, http, &answer)?;
                    }
                    return Ok(CallOutcome::Success(answer));
                }
                let diagnostic = status_diagnostic(step.at.0, &built.authority, status, http);
                self.refused(frame, step, &built.label, Ok(&answer));
                let keyed = matches!(&http.effect, Effect::Issues(i) if matches!(&i.old, Old::Dies { key: Some(_), .. }));
                let maybe_executed = status >= 500
                    && !(status == 503 && retry_after.is_some())
                    && !http.effect.is_read();
                if maybe_executed {
                    if journaled {
                        self.record(
                            Kind::Unknown,
                            key,
                            [("status", json!(status))],
                            Some(&answer.encode()),
                            true,
                        )?;
                    }
                    return Ok(CallOutcome::Unknown(diagnostic));
                }
                if journaled {
                    self.record(Kind::NotSent, key, [("status", json!(status))], None, true)?;
                }
                let worth = matches!(status, 408 | 425 | 429 | 500..=599)
                    || (status == 409 && keyed)
                    || (step.retry.is_some()
                        && (http.effect.is_read()
                            || self.plan.dialect.semantics().retries_only_as_told));
                Ok(if worth {
                    CallOutcome::Later(diagnostic, retry_after)
                } else {
                    CallOutcome::No(diagnostic)
                })
            }
        }
    }

    /// What a failed Conductor task leaves in its output: on Orkes the answer, on the open-source server a sentence.
    fn refused(
        &self,
        frame: &Frame<'_>,
        step: &Step,
        label: &Label,
        answer: Result<&Answer, &str>,
    ) {
        let semantics = self.plan.dialect.semantics();
        if !semantics.task_documents {
            return;
        }
        let output = match answer {
            Ok(answer) if semantics.keeps_refused_answers => {
                let label = if label.is_secret() {
                    Label::of(Origin::Response(step.name.clone()))
                } else {
                    Label::PUBLIC
                };
                answer.document(&label)
            }
            Ok(answer) => sentence(&format!("the server answered {}", answer.status)),
            Err(message) => sentence(message),
        };
        self.mask(&output);
        frame
            .scope
            .borrow_mut()
            .outputs
            .insert(step.name.clone(), output);
    }

    /// Makes the answer durable before anything looks at it. When the journal cannot take it, a second place is tried, and at
    /// last the ciphertext goes to the person.
    fn keep_answer(&self, key: &str, http: &Http, answer: &Answer) -> Result<(), StepError> {
        let payload = answer.encode();
        let effect = !http.effect.is_read();
        let facts = || {
            [
                ("status", json!(answer.status)),
                ("length", json!(answer.body.len())),
                ("effect", json!(effect)),
            ]
        };
        let mut result = self.record(Kind::Answer, key, facts(), Some(&payload), effect);
        if result.is_err() && effect {
            // Once more: the first attempt cut off what it had written, so this one writes it anew.
            result = self.record(Kind::Answer, key, facts(), Some(&payload), effect);
        }
        if result.is_err() && effect {
            self.rescue(key, &payload);
        }
        result
    }

    /// Checks an answer and puts its captures into scope.
    fn kept(
        &self,
        frame: &Frame<'_>,
        step: &Step,
        http: &Http,
        answer: Answer,
        label: &Label,
    ) -> Result<(), StepError> {
        let mut scope = frame.scope.borrow_mut();
        answer::check(http, &answer, &scope).map_err(StepError::Failed)?;
        let kept = answer::keep(&step.name, http, &answer, label, &mut scope)
            .map_err(StepError::Failed)?;
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
        if !http.effect.is_read() {
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

    fn remember_issuer(&self, step: &Step, http: &Http, built: &Built) {
        let Ok(url) = url::Url::parse(&built.request.url) else {
            return;
        };
        let host = (
            url.host_str()
                .unwrap_or("")
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
            url.port(),
        );
        let mut issuers = self.issuers.borrow_mut();
        for capture in http.captures.iter().filter(|c| c.secret) {
            issuers.insert(
                Origin::Minted {
                    step: step.name.clone(),
                    name: capture.name.clone(),
                },
                host.clone(),
            );
        }
        if http.raw_output {
            issuers.insert(Origin::Response(step.name.clone()), host);
        }
    }

    /// The label of a request that was answered in an earlier process; its host is remembered again.
    fn request_label(&self, frame: &Frame<'_>, http: &Http) -> Result<Label, StepError> {
        let mut label = Label::PUBLIC;
        let scope = frame.scope.borrow();
        for (_, expr) in http.request_exprs() {
            if let Ok(value) = crate::run::eval::eval(expr, &scope) {
                label.join(&value.full_label());
            }
        }
        Ok(label)
    }

    fn request_digests(
        &self,
        frame: &Frame<'_>,
        http: &Http,
    ) -> serde_json::Map<String, serde_json::Value> {
        fingerprint::of(
            &self.vault.borrow(),
            self.journal.borrow().run_id(),
            frame.rotation,
            http,
        )
    }

    /// Refuses to go on with another request than the one that was made in this step, or may have been: its answer would
    /// be taken for that of a call that never happened, or the call be made twice in two forms.
    fn same_request(
        &self,
        frame: &Frame<'_>,
        step: &Step,
        http: &Http,
        key: &str,
    ) -> Result<(), StepError> {
        if !self.has(key, Kind::Answer) && !self.is_unknown(key) {
            return Ok(());
        }
        let before = {
            let journal = self.journal.borrow();
            let made = journal
                .last(key, Kind::Intent)
                .and_then(|r| r.header.facts.get("request")?.as_object());
            made.cloned()
        };
        let Some(before) = before else { return Ok(()) };
        let changes = fingerprint::changes(&before, &self.request_digests(frame, http));
        if changes.is_empty() {
            return Ok(());
        }
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

    /// Whether a call of this step was begun and its outcome is not known.
    fn is_unknown(&self, key: &str) -> bool {
        let journal = self.journal.borrow();
        let last = journal.of(key).rev().find(|r| {
            matches!(
                r.header.kind,
                Kind::Intent | Kind::NotSent | Kind::Unknown | Kind::Acknowledged
            )
        });
        last.is_some_and(|r| matches!(r.header.kind, Kind::Intent | Kind::Unknown))
    }
}

fn sentence(what: &str) -> Value {
    let text = Value::text(format!("Failed to invoke HTTP task due to: {what}"));
    Data::Object(vec![("response".to_owned(), text)]).into()
}

fn answer_of(response: Response, sent_at: jiff::Timestamp) -> Answer {
    Answer {
        status: response.status,
        headers: response.headers,
        body: response.body,
        sent_at,
    }
}

/// `Retry-After` in seconds or as a date (RFC 9110 section 10.2.3).
fn retry_after(response: &Response, now: jiff::Timestamp) -> Option<Duration> {
    let value = response
        .headers
        .iter()
        .find(|(n, _)| n.eq_ignore_ascii_case("retry-after"))?;
    let text = std::str::from_utf8(&value.1).ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::from_secs(
        u64::try_from(until.as_second().saturating_sub(now.as_second())).unwrap_or(0),
    ))
}

fn trouble_diagnostic(
    span: Span,
    authority: &str,
    trouble: &Trouble,
    unknown: bool,
) -> Box<Diagnostic> {
    let mut diagnostic = Diagnostic::new(
        if unknown {
            codes::RUN_OUTCOME_UNKNOWN
        } else {
            codes::RUN_REQUEST_FAILED
        },
        span,
        format!("the request to {authority} failed: {}", trouble.message),
    )
    .at("this request");
    diagnostic.help = Some(trouble.remedy().to_owned());
    if unknown {
        diagnostic
            .notes
            .push("whether the server executed it is not known".into());
    }
    Box::new(diagnostic)
}

fn status_diagnostic(span: Span, authority: &str, status: u16, http: &Http) -> Box<Diagnostic> {
    let help = match status {
        300..=399 => "redirects are not followed where a secret is sent; write the final URL",
        400 => "the server did not understand the request: look at body and headers of this step",
        401 => {
            "the credential of this step was not accepted: is it current? `rot vault list` shows its age and expiry"
        }
        403 => "the credential of this step may not do this: look at its permissions",
        404 => "there is nothing at this URL: look at the path",
        409 => {
            "the server is in a state that does not allow this (a limit on keys, a call that is still running)"
        }
        429 => {
            "the server limits how often it may be called: add `retry 3 every 30s`, or rotate less often"
        }
        500..=599 => {
            "the server failed: look at its state; `rot resume` tries again when that is safe"
        }
        _ => "write `expect status …` where this answer is right",
    };
    let code = match status {
        500.. if !http.effect.is_read() => codes::RUN_OUTCOME_UNKNOWN,
        // The server says nothing about what was asked, only that it cannot say it now.
        408 | 425 | 429 | 500.. => codes::RUN_REQUEST_FAILED,
        _ => codes::RUN_UNEXPECTED_ANSWER,
    };
    Box::new(
        Diagnostic::new(
            code,
            span,
            format!("{authority} answered {status} to {}", http.method),
        )
        .at("this request")
        .help(help),
    )
}
