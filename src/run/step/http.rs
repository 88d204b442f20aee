//! The exchanges of a plan as effectful steps: HTTP, statements, commands and programs.

use crate::diagnostic::{Diagnostic, codes};
use crate::plan::effect::{Effect, Old};
use crate::plan::task::http::{Http, Protocol};
use crate::plan::{Label, Origin, Version};
use crate::run::answer::{self, Answer, Kept};
use crate::run::engine::{Engine, Local, StepContext, StepError};
use crate::run::exchange::{Attempt, Exchange, Strays, Trouble, Verdict};
use crate::run::fingerprint;
use crate::run::identity::StepId;
use crate::run::journal::event::RequestDigest;
use crate::run::request::{self, Built, Outgoing};
use crate::run::scope::Scope;
use crate::run::value::{Data, Value};
use crate::world::http::{self, Response};
use std::time::Duration;

/// An HTTP exchange of the plan.
#[derive(Clone, Copy)]
pub(in crate::run) struct HttpExchange<'p>(pub(in crate::run) &'p Http);

impl<'a> Engine<'a> {
    pub(in crate::run) async fn http<'b>(
        &'b self,
        cx: StepContext<'b, 'a>,
        http: &'b Http,
    ) -> Result<(), StepError> {
        self.effectful(cx, HttpExchange(http)).await
    }

    /// Derived from run and step, so that a resumed run sends the same.
    fn idempotency_key(&self, id: &StepId) -> String {
        let run = self.journal.borrow().run_id().to_owned();
        let digest = id.digest(&run, "idempotency key");
        crate::run::ids::uuid_from(digest.as_ref(), 8)
    }
}

impl HttpExchange<'_> {
    fn key_header(&self) -> Option<&str> {
        match &self.0.effect {
            Effect::Issues(issues) => match &issues.old {
                Old::Dies { key, .. } => key.as_deref(),
                Old::Stays => None,
            },
            _ => None,
        }
    }
}

impl Exchange for HttpExchange<'_> {
    type Request = Built;

    fn effect(&self) -> &Effect {
        &self.0.effect
    }

    fn strays(&self) -> Option<Strays<Self>> {
        let strays = self.0.strays.as_deref()?;
        Some(Strays {
            list: HttpExchange(&strays.list),
            revoke: HttpExchange(&strays.revoke),
        })
    }

    fn digest(&self, engine: &Engine<'_>, cx: StepContext<'_, '_>) -> RequestDigest {
        fingerprint::of(
            &engine.vault.borrow(),
            &engine.journal.borrow(),
            cx.frame.rotation,
            self.0,
        )
    }

    fn secrets(&self) -> Vec<(String, Version)> {
        let mut found = Vec::new();
        for (_, expr) in self.0.request_exprs() {
            expr.each_secret(&mut |read| {
                let secret = (read.secret.to_owned(), read.version);
                if !found.contains(&secret) {
                    found.push(secret);
                }
            });
        }
        found
    }

    fn secret_captures(&self) -> Vec<String> {
        let secret = self.0.captures.iter().filter(|c| c.secret);
        secret.map(|c| c.name.clone()).collect()
    }

    fn prepare(&self, engine: &Engine<'_>, cx: StepContext<'_, '_>) -> Result<Built, StepError> {
        let http = self.0;
        let certificates = http
            .limits
            .ca
            .iter()
            .filter_map(|path| engine.certificates.get(path).cloned())
            .collect();
        let scope = cx.frame.scope.borrow();
        let issuers = engine.issuers.borrow();
        let mut nonce = [0; 16];
        if engine.world.rng.fill(&mut nonce).is_err() {
            let message = "the system has no randomness";
            let found = Diagnostic::new(codes::RUN_EVALUATION, cx.step.at.0, message);
            return Err(StepError::Failed(Box::new(found)));
        }
        let moment = request::Moment {
            at: engine.world.clock.now(),
            nonce,
        };
        let sending = request::Sending {
            plan: engine.plan,
            egress: &engine.egress,
            issuers: &issuers,
            ca: certificates,
            moment: &moment,
        };
        let built = request::build(http, &scope, sending);
        engine.mask_made(&scope);
        let mut built = built?;
        if let Outgoing::Http(request) = &mut built.request
            && let Some(header) = self.key_header()
            && !http
                .headers
                .iter()
                .any(|h| h.name.eq_ignore_ascii_case(header))
        {
            // A structured-field string (draft-ietf-httpapi-idempotency-key-header): the same for every attempt of this step in this run.
            let value = format!("\"{}\"", engine.idempotency_key(cx.id));
            request.headers.push((
                header.to_owned(),
                zeroize::Zeroizing::new(value.into_bytes()),
            ));
        }
        Ok(built)
    }

    fn label(&self, _: &Engine<'_>, cx: StepContext<'_, '_>) -> Label {
        let mut label = Label::PUBLIC;
        let scope = cx.frame.scope.borrow();
        for (_, expr) in self.0.request_exprs() {
            if let Ok(value) = crate::run::eval::eval(expr, &scope) {
                label.join(&value.full_label());
            }
        }
        label
    }

    fn label_of(&self, request: &Built) -> Label {
        request.label.clone()
    }

    fn send<'b>(&self, engine: &'b Engine<'_>, request: &'b Built) -> Local<'b, Attempt> {
        Box::pin(async move {
            let sent_at = engine.world.clock.now();
            let world = &engine.world;
            let attempt = match &request.request {
                Outgoing::Http(request) => world.http.call(request).await,
                Outgoing::Wire(asked) => world.wire.call(&asked.0, &asked.1).await,
                Outgoing::Program(start) => world.process.start(start).await,
            };
            match attempt {
                http::Attempt::NotSent(trouble) => Attempt::NotSent(trouble_of(&trouble)),
                http::Attempt::Unknown(trouble, partial) => {
                    let partial = partial.map(|response| answer_of(response, sent_at));
                    Attempt::Unknown(trouble_of(&trouble), partial)
                }
                http::Attempt::Answered(response) => {
                    Attempt::Answered(answer_of(response, sent_at))
                }
            }
        })
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        let status = answer.status;
        if self.0.protocol() == Protocol::Exec {
            // A program that only reads has said no; of another it is not known what it did before it ended.
            return match answer::status_expected(self.0, status) {
                true => Verdict::Expected,
                false if self.0.effect.is_read() => Verdict::Refused { later: false },
                false => Verdict::Failed,
            };
        }
        // What the author lists decides alone: 404 may be a slip in the path as well.
        let gone = matches!(self.0.effect, Effect::Revokes)
            && matches!(status, 404 | 410)
            && !answer::lists_status(self.0);
        if answer::status_expected(self.0, status) || gone {
            return Verdict::Expected;
        }
        match status {
            // The server, or one before it, could not go on now; it did not begin (RFC 8470 section 5.2, RFC 6585 section 4).
            425 | 429 => Verdict::Refused { later: true },
            // A call with the same key is still running (draft-ietf-httpapi-idempotency-key-header section 2.7).
            409 => Verdict::Refused {
                later: self.key_header().is_some(),
            },
            400..=407 | 410..=417 | 421..=424 | 426 | 428 | 431 | 451 => {
                Verdict::Refused { later: false }
            }
            // 408 is also what a proxy says that lost the server behind it.
            408 | 500.. => Verdict::Failed,
            _ => Verdict::Unexpected,
        }
    }

    fn asked_pause(&self, answer: &Answer) -> Option<Duration> {
        retry_after(answer)
    }

    fn retries_anyway(&self, engine: &Engine<'_>, cx: StepContext<'_, '_>) -> bool {
        cx.step.retry.is_some()
            && (self.0.effect.is_read() || engine.plan.dialect.semantics().retries_only_as_told)
    }

    fn peer(&self, request: &Built) -> String {
        request.authority.clone()
    }

    fn unexpected(&self, cx: StepContext<'_, '_>, peer: &str, answer: &Answer) -> Diagnostic {
        let http = self.0;
        let status = answer.status;
        let clock = http.sign.is_some().then(|| clock_differs(answer)).flatten();
        let help = match status {
            _ if http.protocol() != Protocol::Http => other_help(http, answer),
            401 | 403 if clock.is_some() => {
                "a signature is made of the time: set this machine's clock (`timedatectl`), then `rot resume`"
            }
            300..=399 => "redirects are not followed where a secret is sent; write the final URL",
            400 => {
                "the server did not understand the request: look at body and headers of this step"
            }
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
        let code = match self.verdict(answer) {
            Verdict::Failed if !http.effect.is_read() => codes::RUN_OUTCOME_UNKNOWN,
            // The server says nothing about what was asked, only that it cannot say it now.
            Verdict::Failed | Verdict::Refused { later: true } => codes::RUN_REQUEST_FAILED,
            Verdict::Refused { .. } | Verdict::Unexpected | Verdict::Expected => {
                codes::RUN_UNEXPECTED_ANSWER
            }
        };
        let message = match http.protocol() {
            Protocol::Http => format!("{peer} answered {status} to {}", http.method),
            Protocol::Exec => format!("{peer} ended with code {status}"),
            Protocol::Sql(_) => format!("{peer} refused the statement: {}", code_of(answer)),
            Protocol::Redis => format!("{peer} refused the command: {}", code_of(answer)),
        };
        let mut found = Diagnostic::new(code, cx.step.at.0, message)
            .at("this request")
            .help(help);
        if let Some(minutes) = clock {
            found = found.note(format!(
                "this machine's clock is {minutes} minutes off the server's"
            ));
        }
        // What did something may bring a credential: of that nothing is shown here. Texts of other servers quote statements.
        let refused = matches!(self.verdict(answer), Verdict::Refused { .. });
        match answer
            .excerpt(&cx.frame.scope.borrow().secret_texts())
            .filter(|_| refused && http.protocol() == Protocol::Http)
        {
            Some(said) => found.note(format!("it says: {said}")),
            None => found,
        }
    }

    fn capture(
        &self,
        cx: StepContext<'_, '_>,
        answer: &Answer,
        label: &Label,
        scope: &mut Scope,
    ) -> Result<Kept, Box<Diagnostic>> {
        answer::check(self.0, answer, scope)?;
        answer::keep(&cx.step.name, self.0, answer, label, scope)
    }

    fn answered(&self, engine: &Engine<'_>, cx: StepContext<'_, '_>, built: &Built) {
        let host = built.host.clone();
        let mut issuers = engine.issuers.borrow_mut();
        for name in self.secret_captures() {
            let origin = Origin::Minted {
                rotation: cx.frame.rotation.name.clone(),
                step: cx.step.name.clone(),
                name,
            };
            issuers.insert(origin, host.clone());
        }
        if self.0.raw_output {
            issuers.insert(Origin::Response(cx.step.name.clone()), host);
        }
    }

    /// What a failed Conductor task leaves in its output: on Orkes the answer, on the open-source server a sentence.
    fn left_behind(
        &self,
        engine: &Engine<'_>,
        cx: StepContext<'_, '_>,
        label: &Label,
        answer: Result<&Answer, &str>,
    ) {
        let semantics = engine.plan.dialect.semantics();
        if !semantics.task_documents {
            return;
        }
        let output = match answer {
            Ok(answer) if semantics.keeps_refused_answers => {
                let label = if label.is_secret() {
                    Label::of(Origin::Response(cx.step.name.clone()))
                } else {
                    Label::PUBLIC
                };
                answer.document(&label)
            }
            Ok(answer) => sentence(&format!("the server answered {}", answer.status)),
            Err(message) => sentence(message),
        };
        engine.mask(&output);
        let name = cx.step.name.clone();
        cx.frame.scope.borrow_mut().outputs.insert(name, output);
    }
}

fn sentence(what: &str) -> Value {
    let text = Value::text(format!("Failed to invoke HTTP task due to: {what}"));
    Data::Object(vec![("response".to_owned(), text)]).into()
}

/// How many minutes this machine's clock is off, where the answer shows that it is five or more.
fn clock_differs(answer: &Answer) -> Option<i64> {
    let text = std::str::from_utf8(answer.header("date")?).ok()?;
    let theirs = jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp();
    let minutes = (theirs.as_second() - answer.sent_at.as_second()) / 60;
    (minutes.abs() >= 5).then_some(minutes)
}

/// The server's own code.
fn code_of(answer: &Answer) -> String {
    let code = answer.header(crate::world::wire::CODE).unwrap_or_default();
    match std::str::from_utf8(code) {
        Ok(code) if code.len() == 5 && code.starts_with(|c: char| c.is_ascii_digit()) => {
            format!("SQLSTATE {code}")
        }
        Ok(code) if !code.is_empty() => format!("error {code}"),
        _ => "an error without a code".to_owned(),
    }
}

/// What to do about an answer of what is not HTTP.
fn other_help(http: &Http, answer: &Answer) -> &'static str {
    match (http.protocol(), answer.status) {
        (Protocol::Exec, _) => {
            "run the program by hand with the same input; where another code is right, write `expect exit …`"
        }
        (_, 401) => {
            "the login of this step was not accepted: is it current, and has it not expired (`VALID UNTIL`)?"
        }
        (_, 403) => "the user of this step may not do this: look at its privileges",
        (_, 404) => "what the step is about is not there: look at the names in it",
        (_, 429) => "the server cannot take it now: add `retry 3 every 30s`",
        _ => {
            "the server refuses it as it is written: look at the statement; the server's own log has the text of the error"
        }
    }
}

fn trouble_of(trouble: &http::Trouble) -> Trouble {
    Trouble {
        word: trouble.kind_word(),
        message: trouble.message.clone(),
        remedy: trouble.remedy(),
        passes: trouble.may_pass(),
    }
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
fn retry_after(answer: &Answer) -> Option<Duration> {
    let text = std::str::from_utf8(answer.header("retry-after")?)
        .ok()?
        .trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let left = until.as_second().saturating_sub(answer.sent_at.as_second());
    Some(Duration::from_secs(u64::try_from(left).unwrap_or(0)))
}
