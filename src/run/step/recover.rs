//! What an unknown outcome allows, by the effect of the step (docs/security-model.md, table of effects).

use crate::diagnostic::{Diagnostic, codes};
use crate::plan::effect::{Effect, Old};
use crate::plan::task::{Call, Step, Task, Verify, walk_steps};
use crate::plan::{ExprKind, Label, Root, Rotation, Version};
use crate::run::answer::Answer;
use crate::run::engine::{BlockContext, Engine, StepContext, StepError};
use crate::run::exchange::{Attempt, Exchange, Strays, Verdict};
use crate::run::journal::StepEvent;
use crate::run::scope::Swap;
use crate::run::step::http::HttpExchange;
use crate::run::value::Data;

/// The block that tells whether a credential works: that of the `verify` which reads the secret's pending version.
struct Probe<'p> {
    steps: &'p [Step],
    /// Every secret whose pending version is read in it.
    names: Vec<String>,
}

impl<'a> Engine<'a> {
    /// Returns when the call may be made (again); else says why not.
    pub(in crate::run) async fn recover<'b, E: Exchange>(
        &'b self,
        cx: StepContext<'b, 'a>,
        exchange: E,
    ) -> Result<(), StepError> {
        self.still_claimed(cx.step)?;
        match exchange.effect() {
            Effect::Reads
            | Effect::Sets
            | Effect::SetsSlot
            | Effect::Revokes
            | Effect::Unspecified => Ok(()),
            // The call was made with the current credential, which is dead when it was executed.
            Effect::SetsSelf => self.recover_self(cx, exchange).await,
            Effect::Issues(issues) => match &issues.old {
                Old::Stays => match exchange.strays() {
                    Some(strays) => self.reap(cx, strays).await,
                    None => Ok(()),
                },
                Old::Dies { key: Some(_), .. } => Ok(()),
                Old::Dies {
                    grace: Some(grace), ..
                } => {
                    let first = self.journal.borrow().first_call_at(cx.id);
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
                        self.probe_old(cx, exchange, "its grace is over").await
                    }
                }
                Old::Dies { recover, .. } => {
                    let why = "the server may have replaced it";
                    match (self.probe_old(cx, exchange, why).await, recover) {
                        (Err(StepError::Halted(_)), Some(name)) => {
                            self.recover_with(cx, name).await
                        }
                        (result, _) => result,
                    }
                }
            },
        }
    }

    /// Says what a lost call may have left behind, from the journal: the process that saw it may have died before it could
    /// tell anybody.
    pub(in crate::run) fn tell_lost<E: Exchange>(&self, cx: StepContext<'_, '_>, exchange: E) {
        let effect = exchange.effect();
        let strays = matches!(effect, Effect::Issues(issues) if issues.old == Old::Stays)
            && exchange.strays().is_none();
        if (strays || *effect == Effect::Unspecified) && self.journal.borrow().was_lost(cx.id) {
            let name = &cx.step.name;
            self.note(if strays {
                format!("step `{name}` may have left a credential at the issuer that nobody knows: its answer was lost (declare `strays` to have it found and revoked)")
            } else {
                format!("step `{name}` may have been executed twice: its outcome was unknown and it declares no effect")
            });
        }
        if self.journal.borrow().was_superseded(cx.id) {
            self.tell_superseded(cx, exchange);
        }
    }

    /// Says that an answer which could not be used may hold a credential that lives on.
    pub(in crate::run) fn tell_superseded<E: Exchange>(
        &self,
        cx: StepContext<'_, '_>,
        exchange: E,
    ) {
        if *exchange.effect() == Effect::Unspecified {
            self.note(format!(
                "step `{}` may have been executed twice: it was answered with an error and declares no effect",
                cx.step.name
            ));
        }
        if exchange.effect().issues() && exchange.strays().is_none() {
            self.note(format!(
                "step `{}` may have left a credential at the issuer: an earlier answer could not be used, and it was called again; the answer is kept in the run's journal",
                cx.step.name
            ));
        }
    }

    /// Runs the declared recovery rotation, after which the run begins anew.
    async fn recover_with<'b>(
        &'b self,
        cx: StepContext<'b, 'a>,
        name: &'b str,
    ) -> Result<(), StepError> {
        let call = Call {
            rotation: name.to_owned(),
            inputs: Vec::new(),
            each: None,
            each_name: None,
            is_apart: false,
        };
        self.note(format!(
            "the old credential of step `{}` is dead; rotation `{name}` recovers",
            cx.step.name
        ));
        let cx = StepContext {
            block: BlockContext::TOP,
            ..cx
        };
        Box::pin(self.call_from(cx, &call, cx.id.recovery())).await
    }

    /// Asks the server whether the current credential still works, by the `verify` of its secret.
    async fn probe_old<'b, E: Exchange>(
        &'b self,
        cx: StepContext<'b, 'a>,
        exchange: E,
        why: &str,
    ) -> Result<(), StepError> {
        let name = &cx.step.name;
        let at_stake = self.at_stake(cx, exchange);
        let Some(probe) = self.probe_of(cx, &at_stake) else {
            return Err(halted(
                cx.step,
                &format!(
                    "the call of `{name}` was not answered, and there is no `verify` block to probe the old credential with"
                ),
            ));
        };
        if self.probe(cx, &probe, Version::Current).await? {
            self.note(format!(
                "the old credential of step `{name}` still works: the lost call was not executed"
            ));
            return Ok(());
        }
        Err(halted(
            cx.step,
            &format!(
                "the call of `{name}` was not answered, and the old credential does not work any more: {why}"
            ),
        ))
    }

    /// `sets self`: pending works → it was executed and the call, made again with it, is harmless; current works → again.
    async fn recover_self<'b, E: Exchange>(
        &'b self,
        cx: StepContext<'b, 'a>,
        exchange: E,
    ) -> Result<(), StepError> {
        let name = &cx.step.name;
        let at_stake = self.at_stake(cx, exchange);
        let staged: Vec<String> = at_stake
            .iter()
            .filter(|secret| self.journal.borrow().staged_version(secret).is_some())
            .map(|secret| format!("`{secret}`"))
            .collect();
        let live = if staged.is_empty() {
            String::new()
        } else {
            format!(
                "; the live one may be the pending version of {}, which is kept in the vault",
                staged.join(", ")
            )
        };
        let Some(probe) = self.probe_of(cx, &at_stake) else {
            return Err(halted(
                cx.step,
                &format!(
                    "the call of `{name}` was not answered, and there is no `verify` block that reads the pending version of its secret{live}"
                ),
            ));
        };
        for version in [Version::Pending, Version::Current, Version::Previous] {
            if self.probe(cx, &probe, version).await? {
                let swaps = at_stake.iter().map(|secret| Swap {
                    name: secret.clone(),
                    read: Version::Current,
                    taken: version,
                });
                let swaps = swaps.filter(|swap| swap.read != swap.taken).collect();
                cx.frame.scope.borrow_mut().secrets.swap(swaps);
                return Ok(());
            }
        }
        Err(halted(
            cx.step,
            &format!(
                "the call of `{name}` was not answered, and neither the pending, the current nor the previous credential works{live}"
            ),
        ))
    }

    /// The secrets whose credential a call replaces: those that it carries and that have a version stored from it, or staged
    /// for it; where it stores none of those that it carries, both.
    fn at_stake<E: Exchange>(&self, cx: StepContext<'_, '_>, exchange: E) -> Vec<String> {
        let read = exchange.secrets();
        let carried = |version: Version| {
            let of =
                move |(name, read): &(String, Version)| (*read == version).then(|| name.clone());
            read.iter().filter_map(of).collect::<Vec<String>>()
        };
        let (current, pending) = (carried(Version::Current), carried(Version::Pending));
        let mut stored = stored_from(cx.frame.rotation, &cx.step.name);
        stored.extend(pending);
        let mut at_stake: Vec<String> = current
            .iter()
            .filter(|name| stored.contains(name))
            .cloned()
            .collect();
        if at_stake.is_empty() {
            at_stake = current.into_iter().chain(stored).collect();
        }
        let mut seen = Vec::new();
        at_stake.retain(|name| {
            let new = !seen.contains(name);
            seen.push(name.clone());
            new
        });
        at_stake
    }

    /// The `verify` that reads the pending version of one of these secrets: of this rotation, of those that it calls, or of
    /// those that call it.
    fn probe_of(&self, cx: StepContext<'_, 'a>, secrets: &[String]) -> Option<Probe<'a>> {
        let own: &'a Rotation = cx.frame.rotation;
        let others = self.plan.rotations.iter().filter(|r| r.name != own.name);
        std::iter::once(own).chain(others).find_map(|rotation| {
            let mut found = None;
            walk_steps(&rotation.steps, &mut |step| {
                if let (Task::Verify(verify), None) = (&step.task, &found) {
                    let names = pending_in(&verify.steps);
                    if names.iter().any(|name| secrets.contains(name)) {
                        found = Some(Probe {
                            steps: &verify.steps,
                            names,
                        });
                    }
                }
            });
            found
        })
    }

    /// Runs the steps of a `verify` with a version in the place of the pending one of all of its secrets. A server that cannot
    /// be asked now has not said that the credential is dead: that is an error, to be tried again.
    async fn probe(
        &self,
        cx: StepContext<'_, 'a>,
        probe: &Probe<'_>,
        version: Version,
    ) -> Result<bool, StepError> {
        let StepContext { frame, step, .. } = cx;
        {
            let mut scope = frame.scope.borrow_mut();
            scope.secrets.swap(Vec::new());
            let there = |name: &String| scope.secrets.get(name, version).is_some();
            if !probe.names.iter().all(there) {
                return Ok(false);
            }
            let swaps = probe.names.iter().map(|name| Swap {
                name: name.clone(),
                read: Version::Pending,
                taken: version,
            });
            let swaps = swaps.collect();
            scope.secrets.swap(swaps);
        }
        let result = self.steps(frame, BlockContext::PROBE, probe.steps).await;
        frame.scope.borrow_mut().secrets.swap(Vec::new());
        match result {
            Ok(_) => Ok(true),
            Err(StepError::Failed(diagnostic)) if says_no(&diagnostic) => Ok(false),
            Err(
                StepError::Failed(diagnostic)
                | StepError::Replay(diagnostic)
                | StepError::Heals(diagnostic)
                | StepError::Halted(diagnostic)
                | StepError::Unresolved(diagnostic),
            ) => Err(StepError::Unresolved(Box::new(
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
            ))),
            Err(other) => Err(other),
        }
    }

    /// Lists what carries our tag and revokes it.
    pub(in crate::run) async fn reap<'b, E: Exchange>(
        &'b self,
        cx: StepContext<'b, 'a>,
        strays: Strays<E>,
    ) -> Result<(), StepError> {
        let StepContext { frame, step, .. } = cx;
        let listed = self.exchange(cx, strays.list).await?;
        let ids = {
            let mut scope = frame.scope.borrow_mut();
            let kept = strays
                .list
                .capture(cx, &listed, &Label::PUBLIC, &mut scope)
                .map_err(StepError::Failed)?;
            kept.captures.into_values().next()
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
            self.exchange(cx, strays.revoke).await?;
            self.note(format!(
                "a credential that the lost answer of step `{}` left behind was revoked",
                step.name
            ));
            reaped = true;
        }
        frame.scope.borrow_mut().variables.remove("stray");
        // Only when all are gone: whoever reads this does not look again.
        if reaped {
            self.record_step(cx.id, StepEvent::Reaped, None, false)?;
        }
        Ok(())
    }

    /// One exchange that is not journaled; its answer must be the expected one.
    pub(in crate::run) async fn exchange<E: Exchange>(
        &self,
        cx: StepContext<'_, '_>,
        exchange: E,
    ) -> Result<Answer, StepError> {
        self.go_on(cx.step)?;
        let request = exchange.prepare(self, cx)?;
        let peer = exchange.peer(&request);
        let failed = |what: String| {
            StepError::Unresolved(Box::new(
                Diagnostic::new(codes::RUN_OUTCOME_UNKNOWN, cx.step.at.0, what)
                    .at("recovering this step")
                    .help("`rot resume` tries again"),
            ))
        };
        match self.heard(cx.step, exchange.send(self, &request)).await? {
            Attempt::Answered(answer) if exchange.verdict(&answer) == Verdict::Expected => {
                Ok(answer)
            }
            Attempt::Answered(answer) => Err(failed(format!(
                "{peer} answered {} while strays were looked for",
                answer.status
            ))),
            Attempt::NotSent(trouble) | Attempt::Unknown(trouble, _) => Err(failed(format!(
                "the request to {peer} failed: {}",
                trouble.message
            ))),
        }
    }
}

impl Engine<'_> {
    /// A new value that was set does not work: whatever the call that set it was answered, it may not have been executed. The next
    /// attempt sets the same value again.
    pub(in crate::run) fn set_again(
        &self,
        cx: StepContext<'_, '_>,
        verify: &Verify,
    ) -> Result<(), StepError> {
        let tried = pending_in(&verify.steps);
        let mut setting: Vec<&str> = Vec::new();
        walk_steps(&cx.frame.rotation.steps, &mut |step| {
            if let Task::Http(http) = &step.task
                && matches!(http.effect, Effect::Sets | Effect::SetsSlot)
                && HttpExchange(http)
                    .secrets()
                    .iter()
                    .any(|(name, read)| *read == Version::Pending && tried.contains(name))
            {
                setting.push(&step.name);
            }
        });
        for name in setting {
            let answered = self.journal.borrow().answered(&cx.frame.path, name);
            for id in answered {
                self.record_step(&id, StepEvent::Rejected, None, false)?;
            }
        }
        Ok(())
    }
}

/// Whether a failed probe means that the server was asked and said no.
pub(in crate::run) fn says_no(diagnostic: &Diagnostic) -> bool {
    [
        codes::RUN_UNEXPECTED_ANSWER,
        codes::RUN_CAPTURE_FAILED,
        codes::RUN_FAILED_BY_AUTHOR,
    ]
    .contains(&diagnostic.code)
}

/// The secrets whose pending version is read in these steps.
fn pending_in(steps: &[Step]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    walk_steps(steps, &mut |step| {
        for expr in step.task.exprs() {
            expr.each_secret(&mut |read| {
                if read.version == Version::Pending && !names.iter().any(|n| n == read.secret) {
                    names.push(read.secret.to_owned());
                }
            });
        }
    });
    names
}

/// The secrets that a rotation stores from the captures of a step.
fn stored_from(rotation: &Rotation, step: &str) -> Vec<String> {
    let mut names = Vec::new();
    walk_steps(&rotation.steps, &mut |store| {
        let (name, value) = if let Task::Update(update) = &store.task {
            (update.secret.as_str(), &update.value)
        } else if let Task::Stage(stage) = &store.task {
            (Some(stage.secret.as_str()), &stage.value)
        } else {
            return;
        };
        let mut from_step = false;
        for expr in value.exprs() {
            expr.walk(&mut |e| {
                from_step |=
                    matches!(&e.kind, ExprKind::Ref(Root::Capture { step: s, .. }) if s == step);
            });
        }
        if let (true, Some(name)) = (from_step, name) {
            names.push(name.to_owned());
        }
    });
    names
}

fn halted(step: &Step, message: &str) -> StepError {
    StepError::Halted(Box::new(
        Diagnostic::new(codes::RUN_OUTCOME_UNKNOWN, step.at.0, message.to_owned())
            .at("nothing is called again automatically")
            .help("`rot status` shows the ways out: retry the call, or store a new credential by hand and accept, or abandon the run"),
    ))
}
