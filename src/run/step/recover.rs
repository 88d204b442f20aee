//! What an unknown outcome allows, by the effect of the step (reliability dossier, table 1.6).

use crate::diagnostic::{Diagnostic, codes};
use crate::plan::Version;
use crate::plan::effect::{Effect, Old};
use crate::plan::task::http::{Http, Strays};
use crate::plan::task::{Step, Task, walk_steps};
use crate::run::answer::Answer;
use crate::run::engine::{Engine, Frame, Place, StepError};
use crate::run::journal::Kind;
use crate::run::value::Data;
use crate::world::http::Attempt;
use serde_json::json;

impl<'a> Engine<'a> {
    /// Returns when the call may be made (again); else says why not.
    pub(in crate::run) async fn recover<'b>(
        &'b self,
        frame: &'b Frame<'a>,
        step: &'b Step,
        http: &'b Http,
        key: &'b str,
    ) -> Result<(), StepError> {
        match &http.effect {
            Effect::Reads | Effect::Sets | Effect::SetsSlot | Effect::Revokes => Ok(()),
            // The call was made with the current credential, which is dead when it was executed.
            Effect::SetsSelf => self.recover_self(frame, step, http).await,
            Effect::Unspecified => Ok(()),
            Effect::Issues(issues) => match &issues.old {
                Old::Stays => match &http.strays {
                    Some(strays) => self.reap(frame, step, strays, key).await,
                    None => Ok(()),
                },
                Old::Dies { key: Some(_), .. } => Ok(()),
                Old::Dies {
                    grace: Some(grace), ..
                } => {
                    let first = self
                        .journal
                        .borrow()
                        .of(key)
                        .find(|r| r.header.kind == Kind::Intent)
                        .map(|r| r.header.at);
                    let passed = first.map_or(0, |at| {
                        self.world
                            .clock
                            .now()
                            .as_millisecond()
                            .saturating_sub(at.as_millisecond())
                    });
                    if u64::try_from(passed).unwrap_or(0) < grace.0 {
                        Ok(())
                    } else {
                        self.probe_old(frame, step, "its grace is over").await
                    }
                }
                Old::Dies {
                    recover: Some(_), ..
                } => match self
                    .probe_old(frame, step, "the server may have replaced it")
                    .await
                {
                    Ok(()) => Ok(()),
                    Err(halt) => self.recover_with(frame, step, http, halt).await,
                },
                Old::Dies { .. } => {
                    self.probe_old(frame, step, "the server may have replaced it")
                        .await
                }
            },
        }
    }

    /// Says what a lost call may have left behind, from the journal: the process that saw it may have died before it could
    /// tell anybody.
    pub(in crate::run) fn tell_lost(&self, step: &Step, http: &Http, key: &str) {
        let strays = matches!(&http.effect, Effect::Issues(issues) if issues.old == Old::Stays)
            && http.strays.is_none();
        if !(strays || http.effect == Effect::Unspecified) || !self.was_lost(key) {
            return;
        }
        self.note(if strays {
            format!("step `{}` may have left a credential at the issuer that nobody knows: its answer was lost (declare `strays` to have it found and revoked)", step.name)
        } else {
            format!("step `{}` may have been executed twice: its outcome was unknown and it declares no effect", step.name)
        });
    }

    /// Whether any call of a step was begun in vain: no answer, and no proof that it was not executed.
    fn was_lost(&self, key: &str) -> bool {
        let journal = self.journal.borrow();
        let mut kinds = journal
            .of(key)
            .map(|r| r.header.kind)
            .filter(|k| {
                matches!(
                    k,
                    Kind::Intent | Kind::NotSent | Kind::Unknown | Kind::Answer
                )
            })
            .peekable();
        let mut lost = false;
        while let Some(kind) = kinds.next() {
            lost |= kind == Kind::Unknown
                || (kind == Kind::Intent && kinds.peek().is_none_or(|next| *next == Kind::Intent));
        }
        lost
    }

    /// Runs the declared recovery rotation, after which the run begins anew.
    async fn recover_with<'b>(
        &'b self,
        frame: &'b Frame<'a>,
        step: &'b Step,
        http: &'b Http,
        halt: StepError,
    ) -> Result<(), StepError> {
        let Effect::Issues(issues) = &http.effect else {
            return Err(halt);
        };
        let Old::Dies {
            recover: Some(name),
            ..
        } = &issues.old
        else {
            return Err(halt);
        };
        let call = crate::plan::task::Call {
            rotation: name.clone(),
            inputs: Vec::new(),
            each: None,
            each_name: None,
        };
        let key = format!("{}{} recover", frame.prefix, step.name);
        self.note(format!(
            "the old credential of step `{}` is dead; rotation `{name}` recovers",
            step.name
        ));
        Box::pin(self.call(frame, Place::TOP, step, &call, &key)).await
    }

    /// Asks the server whether the current credential still works, by the rotation's own `verify` with `pending` read as current.
    async fn probe_old<'b>(
        &'b self,
        frame: &'b Frame<'a>,
        step: &'b Step,
        why: &str,
    ) -> Result<(), StepError> {
        match self.probe(frame, step, Version::Current).await? {
            Some(true) => {
                self.note(format!(
                    "the old credential of step `{}` still works: the lost call was not executed",
                    step.name
                ));
                Ok(())
            }
            Some(false) => Err(halted(
                step,
                &format!(
                    "the call of `{}` was not answered, and the old credential does not work any more: {why}",
                    step.name
                ),
            )),
            None => Err(halted(
                step,
                &format!(
                    "the call of `{}` was not answered, and there is no `verify` block to probe the old credential with",
                    step.name
                ),
            )),
        }
    }

    /// `sets self`: pending works → it was executed and the call, made again with it, is harmless; current works → again.
    async fn recover_self<'b>(
        &'b self,
        frame: &'b Frame<'a>,
        step: &'b Step,
        http: &'b Http,
    ) -> Result<(), StepError> {
        let secrets = secrets_of(http);
        for version in [Version::Pending, Version::Current, Version::Previous] {
            if self.probe(frame, step, version).await? == Some(true) {
                if version != Version::Current {
                    for name in &secrets {
                        frame.scope.borrow_mut().secrets.swap(Some((
                            name.clone(),
                            Version::Current,
                            version,
                        )));
                    }
                }
                return Ok(());
            }
        }
        Err(halted(
            step,
            &format!(
                "the call of `{}` was not answered, and neither the pending, the current nor the previous credential works",
                step.name
            ),
        ))
    }

    /// Runs the steps of the first `verify` of the rotation with a version in the place of the pending one. `None`: there is
    /// none. A server that cannot be asked now has not said that the credential is dead: that is an error, to be tried again.
    async fn probe(
        &self,
        frame: &Frame<'a>,
        step: &Step,
        version: Version,
    ) -> Result<Option<bool>, StepError> {
        let mut verify: Option<&[Step]> = None;
        walk_steps(&frame.rotation.steps, &mut |s| {
            if let Task::Verify(found) = &s.task
                && verify.is_none()
            {
                verify = Some(&found.steps);
            }
        });
        let Some(steps) = verify else { return Ok(None) };
        let mut names: Vec<String> = Vec::new();
        walk_steps(steps, &mut |s| {
            if let Task::Http(http) = &s.task {
                for (_, expr) in http.request_exprs() {
                    expr.each_secret(&mut |read| {
                        if read.version == Version::Pending {
                            names.push(read.secret.to_owned());
                        }
                    });
                }
            }
        });
        let Some(name) = names.first() else {
            return Ok(None);
        };
        if version != Version::Pending {
            frame
                .scope
                .borrow_mut()
                .secrets
                .swap(Some((name.clone(), Version::Pending, version)));
        }
        let result = self.steps(frame, Place::PROBE, steps).await;
        frame.scope.borrow_mut().secrets.swap(None);
        match result {
            Ok(_) => Ok(Some(true)),
            Err(StepError::Failed(diagnostic)) if diagnostic.code != codes::RUN_REQUEST_FAILED => Ok(Some(false)),
            Err(StepError::Failed(diagnostic) | StepError::Halted(diagnostic) | StepError::Unresolved(diagnostic)) => {
                Err(StepError::Unresolved(Box::new(
                    Diagnostic::new(
                        codes::RUN_OUTCOME_UNKNOWN,
                        step.at.0,
                        format!(
                            "the call of `{}` was not answered, and which credential works could not be asked: {}",
                            step.name, diagnostic.message
                        ),
                    )
                    .at("recovering this step")
                    .help("`rot resume` asks again"),
                )))
            }
            Err(broken) => Err(broken),
        }
    }

    /// Lists what carries our tag and revokes it.
    async fn reap<'b>(
        &'b self,
        frame: &'b Frame<'a>,
        step: &'b Step,
        strays: &'b Strays,
        key: &'b str,
    ) -> Result<(), StepError> {
        let listed = self.exchange(frame, step, &strays.list, key).await?;
        let capture = strays
            .list
            .captures
            .first()
            .map(|c| c.name.clone())
            .unwrap_or_default();
        let ids = {
            let mut scope = frame.scope.borrow_mut();
            let kept = crate::run::answer::keep(
                &step.name,
                &strays.list,
                &listed,
                &crate::plan::Label::PUBLIC,
                &mut scope,
            )
            .map_err(StepError::Failed)?;
            kept.captures.get(&capture).cloned()
        };
        let ids = match ids.map(|v| v.data) {
            Some(Data::List(items)) => items,
            Some(Data::Null) | None => Vec::new(),
            Some(other) => vec![other.into()],
        };
        let mut reaped = false;
        for id in ids {
            frame
                .scope
                .borrow_mut()
                .variables
                .insert("stray".into(), id);
            self.exchange(frame, step, &strays.revoke, key).await?;
            self.note(format!(
                "a credential that the lost answer of step `{}` left behind was revoked",
                step.name
            ));
            reaped = true;
        }
        frame.scope.borrow_mut().variables.remove("stray");
        // Only when all are gone: whoever reads this does not look again.
        if reaped {
            self.record(Kind::NotSent, key, [("reaped", json!(true))], None, false)?;
        }
        Ok(())
    }

    /// One exchange that is not journaled; its answer must be the expected one.
    async fn exchange(
        &self,
        frame: &Frame<'_>,
        step: &Step,
        http: &Http,
        key: &str,
    ) -> Result<Answer, StepError> {
        let built = self.built(frame, http, key)?;
        let sent_at = self.world.clock.now();
        let failed = |what: String| {
            StepError::Unresolved(Box::new(
                Diagnostic::new(codes::RUN_OUTCOME_UNKNOWN, step.at.0, what)
                    .at("recovering this step")
                    .help("`rot resume` tries again"),
            ))
        };
        match self.world.http.call(&built.request).await {
            Attempt::Answered(response) => {
                let answer = Answer {
                    status: response.status,
                    headers: response.headers,
                    body: response.body,
                    sent_at,
                };
                let gone =
                    matches!(http.effect, Effect::Revokes) && matches!(answer.status, 404 | 410);
                if crate::run::answer::status_expected(http, answer.status) || gone {
                    Ok(answer)
                } else {
                    Err(failed(format!(
                        "{} answered {} while strays were looked for",
                        built.authority, answer.status
                    )))
                }
            }
            Attempt::NotSent(trouble) | Attempt::Unknown(trouble, _) => Err(failed(format!(
                "the request to {} failed: {}",
                built.authority, trouble.message
            ))),
        }
    }
}

/// Names of the secrets whose current version a request carries.
fn secrets_of(http: &Http) -> Vec<String> {
    let mut names = Vec::new();
    for (_, expr) in http.request_exprs() {
        expr.each_secret(&mut |read| {
            if read.version == Version::Current && !names.iter().any(|name| name == read.secret) {
                names.push(read.secret.to_owned());
            }
        });
    }
    names
}

fn halted(step: &Step, message: &str) -> StepError {
    StepError::Halted(Box::new(
        Diagnostic::new(codes::RUN_OUTCOME_UNKNOWN, step.at.0, message.to_owned())
            .at("nothing is called again by itself")
            .help("`rot status` shows the ways out: retry the call, or store a new credential by hand and accept, or abandon the run"),
    ))
}
