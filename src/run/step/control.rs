//! Control flow.

use crate::diagnostic::{Diagnostic, codes};
use crate::plan::task::{Branch, Call, ForEach, Repeat, Step, Switch, Wait};
use crate::plan::{Derivation, Expr, ExprKind};
use crate::run::engine::{BlockContext, Engine, Flow, Frame, Local, StepContext, StepError};
use crate::run::functions::{instant, later};
use crate::run::identity::{CallPath, StepId};
use crate::run::journal::StepEvent;
use crate::run::script::is_truthy;
use crate::run::value::{Data, Value};
use futures_util::future::join_all;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;
use zeroize::Zeroizing;

/// Calls within calls.
const MAX_DEPTH: usize = 16;

impl<'a> Engine<'a> {
    pub(in crate::run) async fn wait(
        &self,
        cx: StepContext<'_, '_>,
        wait: &Wait,
        id: &StepId,
    ) -> Result<(), StepError> {
        let frame = cx.frame;
        let recorded = self.journal.borrow().waits_until(id);
        let until = match recorded {
            Some(until) => until,
            None => {
                let (expr, value) = match wait {
                    Wait::For(expr) | Wait::Until(expr) => (expr, self.eval(frame, expr)?),
                };
                let failed = |message: String| {
                    StepError::Failed(Box::new(
                        Diagnostic::new(codes::RUN_EVALUATION, expr.at.0, message).at("wait"),
                    ))
                };
                let until = match (wait, &value.data) {
                    (Wait::For(_), Data::Duration(duration)) => {
                        later(self.world.clock.now(), *duration).map_err(failed)?
                    }
                    (Wait::For(_), Data::Text(text))
                        if self.plan.dialect.semantics().task_documents =>
                    {
                        let words = crate::plan::schedule::Dur::parse_words(text)
                            .ok_or_else(|| failed("this is no duration".to_owned()))?;
                        later(self.world.clock.now(), words).map_err(failed)?
                    }
                    (Wait::For(_), _) => {
                        return Err(failed(format!(
                            "expected a duration, found {}",
                            value.kind()
                        )));
                    }
                    (Wait::Until(_), _) => instant(&value).map_err(failed)?,
                };
                self.record_step(id, StepEvent::Waiting { until }, None, true)?;
                until
            }
        };
        loop {
            let left = until.as_millisecond() - self.world.clock.now().as_millisecond();
            let Ok(left) = u64::try_from(left) else {
                return Ok(());
            };
            if left == 0 {
                return Ok(());
            }
            let nap = Duration::from_millis(left).min(super::lifecycle::NAP);
            self.pause_for(cx.step, nap).await?;
        }
    }

    pub(in crate::run) async fn switch<'b>(
        &'b self,
        cx: StepContext<'b, 'a>,
        switch: &'b Switch,
    ) -> Result<Flow, StepError> {
        let StepContext {
            frame, block, step, ..
        } = cx;
        let subject = self.eval(frame, &switch.subject)?;
        // Conductor's rule: the result as text, exact match, null is the word `null`.
        let (text, result) = match &switch.results {
            Some((yes, no)) => {
                let holds = is_truthy(&subject);
                let result = if holds { yes } else { no };
                (
                    Zeroizing::new(holds.to_string()),
                    Zeroizing::new(result.clone()),
                )
            }
            None => (subject.java_text(), subject.java_text()),
        };
        if self.plan.dialect.semantics().task_documents {
            let result = Value::derived(Data::Text(result), &[&subject], Derivation::Opaque);
            let results = Data::List(vec![result.clone()]).into();
            let output = if switch.is_decision {
                vec![("caseOutput".into(), results)]
            } else {
                vec![
                    ("evaluationResult".into(), results),
                    ("selectedCase".into(), result),
                ]
            };
            frame
                .scope
                .borrow_mut()
                .outputs
                .insert(step.name.clone(), Data::Object(output).into());
        }
        let chosen = switch
            .cases
            .iter()
            .find(|case| case.name == text.as_str())
            .map_or(&switch.otherwise, |case| &case.steps);
        let hidden =
            self.plan.dialect.semantics().declares_intent && subject.full_label().is_secret();
        if hidden {
            self.note("which branch a `when` took is not shown: its condition depends on a secret");
        }
        self.within(
            cx,
            BlockContext {
                hidden: block.hidden || hidden,
                ..block
            },
            chosen,
        )
        .await
    }

    /// Every branch runs to its end, also when another fails: a call that is on its way must be heard.
    pub(in crate::run) async fn side_by_side<'b>(
        &'b self,
        frame: &'b Frame<'a>,
        block: BlockContext<'b>,
        branches: &'b [Branch],
    ) -> Result<Flow, StepError> {
        let results = join_all(
            branches
                .iter()
                .map(|branch| self.steps(frame, block, &branch.steps)),
        )
        .await;
        let mut stop = Flow::Next;
        let mut failure = None;
        for result in results {
            match result {
                Ok(Flow::Stop(output)) => stop = Flow::Stop(output),
                Ok(Flow::Next) => {}
                Err(error) => failure = Some(worse(failure, error)),
            }
        }
        match failure.or_else(|| self.owed(frame)) {
            Some(error) => Err(error),
            None => Ok(stop),
        }
    }

    pub(in crate::run) async fn for_each<'b>(
        &'b self,
        cx: StepContext<'b, 'a>,
        each: &'b ForEach,
    ) -> Result<Flow, StepError> {
        let StepContext {
            frame, block, step, ..
        } = cx;
        let list = self.eval(frame, &each.items)?;
        let what = list.kind();
        let semantics = self.plan.dialect.semantics();
        let items = match list.data {
            Data::List(items) => items,
            Data::Null if semantics.absent_is_null => Vec::new(),
            // What is no list is the only element of one.
            data if semantics.absent_is_null => vec![data.into()],
            _ => {
                return Err(StepError::Failed(Box::new(
                    Diagnostic::new(codes::RUN_EVALUATION, each.items.at.0, "expected a list")
                        .at(format!("this is {}", what)),
                )));
            }
        };
        let conductor = self.plan.dialect.semantics().task_documents;
        let mut rounds = Rounds {
            done: Vec::new(),
            keep: each.keep_last,
        };
        let mut now = vec![("iteration".to_owned(), index(0))];
        if conductor {
            self.looped(frame, step, &rounds, now.clone());
        }
        for (i, item) in items.into_iter().enumerate() {
            let item = item.labelled(&list.label);
            now = vec![
                ("loopItem".to_owned(), item.clone()),
                ("loopIndex".to_owned(), index(i)),
                ("iteration".to_owned(), index(i + 1)),
            ];
            if conductor {
                self.looped(frame, step, &rounds, now.clone());
            }
            frame
                .scope
                .borrow_mut()
                .variables
                .insert(each.item.clone(), item);
            let rounds_here = within(block.rounds, counted(i + 1));
            if let Flow::Stop(output) = self
                .within(cx, block.in_rounds(&rounds_here), &each.steps)
                .await?
            {
                return Ok(Flow::Stop(output));
            }
            if conductor {
                rounds.end(&frame.scope.borrow(), &each.steps, i + 1);
                self.looped(frame, step, &rounds, now.clone());
            }
            if let Some(until) = &each.until
                && self.ended(frame, until)?
            {
                break;
            }
        }
        if conductor {
            self.looped(frame, step, &rounds, now);
        }
        Ok(Flow::Next)
    }

    /// The output of a Conductor loop: that of each finished round under its number, and `now`, facts of the present one.
    fn looped(&self, frame: &Frame<'_>, step: &Step, rounds: &Rounds, now: Vec<(String, Value)>) {
        let mut scope = frame.scope.borrow_mut();
        if let Some((name, iteration)) = now.iter().find(|(name, _)| name == "iteration") {
            scope
                .task_fields
                .insert((step.name.clone(), name.clone()), iteration.clone());
        }
        let members = now.into_iter().chain(rounds.done.iter().cloned()).collect();
        scope
            .outputs
            .insert(step.name.clone(), Data::Object(members).into());
    }

    pub(in crate::run) async fn repeat<'b>(
        &'b self,
        cx: StepContext<'b, 'a>,
        repeat: &'b Repeat,
    ) -> Result<Flow, StepError> {
        let StepContext {
            frame, block, step, ..
        } = cx;
        let mut all = Rounds {
            done: Vec::new(),
            keep: repeat.keep_last,
        };
        for round in 1..=repeat.at_most {
            let rounds = within(block.rounds, round);
            let number = usize::try_from(round).unwrap_or(usize::MAX);
            let iteration = || vec![("iteration".to_owned(), index(number))];
            if self.plan.dialect.semantics().task_documents {
                self.looped(frame, step, &all, iteration());
            }
            if let Flow::Stop(output) = self
                .within(cx, block.in_rounds(&rounds), &repeat.steps)
                .await?
            {
                return Ok(Flow::Stop(output));
            }
            if self.plan.dialect.semantics().task_documents {
                all.end(&frame.scope.borrow(), &repeat.steps, number);
                self.looped(frame, step, &all, iteration());
            } else {
                frame
                    .scope
                    .borrow_mut()
                    .outputs
                    .insert(step.name.clone(), Data::Object(iteration()).into());
            }
            if self.ended(frame, &repeat.until)? {
                return Ok(Flow::Next);
            }
            match repeat
                .every
                .map(|every| repeat.backoff.pause(every, round - 1))
            {
                Some(pause) if block.volatile => self.pause_for(step, pause.to_std()).await?,
                // Over a crash it is not begun anew.
                Some(pause) => {
                    let wait = Wait::For(Expr::new(
                        ExprKind::Duration(pause),
                        crate::source::At::NOWHERE,
                    ));
                    self.wait(cx, &wait, &cx.id.pause(round)).await?;
                }
                None => {}
            }
        }
        Err(StepError::Failed(Box::new(
            Diagnostic::new(
                codes::RUN_TIMEOUT,
                step.at.0,
                format!("the condition did not hold after {} rounds", repeat.at_most),
            )
            .at("this loop")
            .label(repeat.until.at.0, "until this")
            .help("allow more rounds with `at most N`, or look at why it does not come true"),
        )))
    }

    /// Whether a loop is over. A Conductor script may say it in numbers: positive is yes, zero no, negative failed. What it gives
    /// else is no: a loop that goes on while a text is there has one round.
    fn ended(&self, frame: &Frame<'_>, until: &Expr) -> Result<bool, StepError> {
        if !self.plan.dialect.semantics().script_conditions {
            let done = self.eval(frame, until)?;
            return Ok(crate::run::eval::truth(&done, until)?);
        }
        let (script, goes_on) = match &until.kind {
            ExprKind::Not(again) => (&**again, true),
            _ => (until, false),
        };
        let value = self.eval(frame, script)?;
        let says = match &value.data {
            Data::Bool(flag) => *flag,
            Data::Number(digits) => {
                let number = digits.parse::<f64>().unwrap_or_default();
                if number < 0.0 && !goes_on {
                    return Err(StepError::Failed(Box::new(
                        Diagnostic::new(
                            codes::RUN_UNEXPECTED_ANSWER,
                            until.at.0,
                            "the condition says that what is polled for has failed",
                        )
                        .at("this gave a negative number"),
                    )));
                }
                number > 0.0
            }
            _ => false,
        };
        Ok(says != goes_on)
    }

    pub(in crate::run) async fn call<'b>(
        &'b self,
        cx: StepContext<'b, 'a>,
        call: &'b Call,
    ) -> Result<(), StepError> {
        self.call_from(cx, call, cx.id.called()).await
    }

    /// A call whose steps stand at `path`; for each element of a list, at a path of its own.
    pub(in crate::run) async fn call_from<'b>(
        &'b self,
        cx: StepContext<'b, 'a>,
        call: &'b Call,
        path: CallPath,
    ) -> Result<(), StepError> {
        let StepContext {
            frame, block, step, ..
        } = cx;
        let Some(rotation) = self.plan.rotation(&call.rotation) else {
            return Err(StepError::Failed(Box::new(
                Diagnostic::new(
                    codes::UNRESOLVED_REFERENCE,
                    step.at.0,
                    format!("there is no rotation `{}`", call.rotation),
                )
                .at("called here"),
            )));
        };
        if frame.path.depth() >= MAX_DEPTH {
            return Err(StepError::Failed(Box::new(
                Diagnostic::new(
                    codes::RUN_EVALUATION,
                    step.at.0,
                    "rotations call each other without end",
                )
                .at("called here"),
            )));
        }
        let mut inputs = Vec::new();
        for (name, expr) in &call.inputs {
            inputs.push((name.clone(), self.eval(frame, expr)?));
        }
        let output = match &call.each {
            None => {
                let (result, left) = self.called(frame, block, rotation, inputs, path).await;
                // A server keeps what a workflow that failed has put out, for who goes on without it.
                if let (Err(StepError::Failed(_)), Some(left)) = (&result, left)
                    && step.optional
                    && self.plan.dialect.semantics().task_documents
                {
                    keep_output(frame, step, left);
                }
                match result {
                    Err(StepError::Failed(failure)) if call.is_apart => {
                        self.note(format!(
                            "`{}`, which step `{}` started, failed: {}",
                            call.rotation, step.name, failure.message
                        ));
                        self.started(cx)
                    }
                    Ok(_) if call.is_apart => self.started(cx),
                    result => result?,
                }
            }
            Some(each) => {
                let elements = self.elements(frame, each)?;
                let runs = elements.into_iter().enumerate().map(|(i, element)| {
                    let mut inputs = inputs.clone();
                    let label = element.label.clone();
                    match element.data {
                        Data::Object(members) => {
                            inputs.extend(members.into_iter().map(|(n, v)| (n, v.labelled(&label))))
                        }
                        data => inputs.push(("input".to_owned(), Value { data, label })),
                    }
                    inputs.push((
                        "__index".to_owned(),
                        Value::int(i64::try_from(i).unwrap_or(i64::MAX)),
                    ));
                    let path = cx.id.called_for(counted(i + 1));
                    async move { self.called(frame, block, rotation, inputs, path).await.0 }
                });
                let mut members = Vec::new();
                let mut failure = None;
                for (i, result) in join_all(runs).await.into_iter().enumerate() {
                    match result {
                        Ok(output) => {
                            let name =
                                format!("_{}_{i}", call.each_name.as_ref().unwrap_or(&step.name));
                            frame
                                .scope
                                .borrow_mut()
                                .outputs
                                .insert(name.clone(), output.clone());
                            members.push((name, output));
                        }
                        Err(error) => failure = Some(worse(failure, error)),
                    }
                }
                if let Some(error) = failure {
                    return Err(error);
                }
                Data::Object(members).into()
            }
        };
        keep_output(frame, step, output);
        Ok(())
    }

    /// What a call gives that nobody waits for.
    fn started(&self, cx: StepContext<'_, '_>) -> Value {
        let run = cx.frame.scope.borrow().run.id.clone();
        let digest = cx.id.digest(&run, "started");
        let id = Value::text(crate::run::ids::uuid_from(digest.as_ref(), 8));
        Data::Object(vec![("workflowId".to_owned(), id)]).into()
    }

    fn elements(&self, frame: &Frame<'_>, each: &Expr) -> Result<Vec<Value>, StepError> {
        let list = self.eval(frame, each)?;
        let label = list.label.clone();
        match list.data {
            Data::List(items) => Ok(items
                .into_iter()
                .map(|item| item.labelled(&label))
                .collect()),
            _ => Err(StepError::Failed(Box::new(
                Diagnostic::new(
                    codes::RUN_EVALUATION,
                    each.at.0,
                    "expected a list of inputs, one for each branch",
                )
                .at("this is no list"),
            ))),
        }
    }

    /// One run of a called rotation; what it did to secrets is taken over.
    fn called<'b>(
        &'b self,
        frame: &'b Frame<'a>,
        block: BlockContext<'b>,
        rotation: &'a crate::plan::Rotation,
        inputs: Vec<(String, Value)>,
        path: CallPath,
    ) -> Local<'b, (Result<Value, StepError>, Option<Value>)> {
        Box::pin(async move {
            let scope = crate::run::start::child_scope(&frame.scope.borrow(), rotation, inputs);
            let scope = match scope {
                Ok(scope) => scope,
                Err(refused) => return (Err(StepError::Failed(refused)), None),
            };
            let inner = Frame {
                rotation,
                scope: RefCell::new(scope),
                path,
            };
            let flow = self
                .steps(&inner, block.in_rounds(&[]), &rotation.steps)
                .await
                .map_err(|stopped| self.or_overtaken(rotation, stopped));
            if matches!(flow, Err(StepError::Overtaken(_))) {
                self.settle_overtaken(&inner).await;
            }
            let changed = inner.scope.borrow().secrets.clone();
            frame.scope.borrow_mut().secrets.merge(changed);
            match flow {
                Ok(flow) => (self.outputs(&inner, flow), None),
                Err(error) => {
                    let left = inner.scope.borrow_mut().left.take();
                    let left = left.or_else(|| self.put_together(&inner, Flow::Stop(None)).ok());
                    (Err(error), left)
                }
            }
        })
    }

    /// The outputs of a rotation that ran.
    pub(in crate::run) fn outputs(
        &self,
        frame: &Frame<'_>,
        flow: Flow,
    ) -> Result<Value, StepError> {
        match self.owed(frame) {
            Some(error) => Err(error),
            None => self.put_together(frame, flow),
        }
    }

    /// The outputs as far as they are there.
    fn put_together(&self, frame: &Frame<'_>, flow: Flow) -> Result<Value, StepError> {
        if let Flow::Stop(Some(output)) = flow {
            return Ok(output);
        }
        let stopped = matches!(flow, Flow::Stop(_));
        if let Some(result) = frame.rotation.result.as_ref().filter(|_| !stopped) {
            return self.eval(frame, result);
        }
        let mut members = Vec::new();
        for output in &frame.rotation.outputs {
            match self.eval(frame, &output.value) {
                Ok(value) => members.push((output.name.clone(), value)),
                // What comes from a step behind the `stop` has no value, and the run is done all the same.
                Err(_) if stopped => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Data::Object(members).into())
    }
}

/// What a step puts out, as captures and as a whole.
fn keep_output(frame: &Frame<'_>, step: &Step, output: Value) {
    let captures: BTreeMap<String, Value> = match &output.data {
        Data::Object(members) => members.iter().cloned().collect(),
        _ => BTreeMap::new(),
    };
    let mut outer = frame.scope.borrow_mut();
    outer.captures.insert(step.name.clone(), captures);
    outer.outputs.insert(step.name.clone(), output);
}

/// The finished rounds of a Conductor loop.
struct Rounds {
    done: Vec<(String, Value)>,
    /// As many of the last as are kept.
    keep: Option<u32>,
}

impl Rounds {
    fn end(&mut self, scope: &crate::run::scope::Scope, steps: &[Step], number: usize) {
        let mut outputs = Vec::new();
        let mut ran_now = Vec::new();
        in_round(scope, steps, index(number), &mut ran_now);
        for inner in ran_now {
            let found = if let crate::plan::Task::Let(assign) = &inner.task {
                // The input of a task, kept for who reads it, is no task.
                let own = assign.name == inner.name;
                scope.lets.get(&assign.name).filter(|_| own)
            } else {
                scope.outputs.get(&inner.name)
            };
            let silent = matches!(
                inner.task,
                crate::plan::Task::SetVariables(_)
                    | crate::plan::Task::Wait(_)
                    | crate::plan::Task::Parallel(_)
            );
            let ran = || {
                let status = (inner.name.clone(), "status".to_owned());
                silent && scope.task_fields.contains_key(&status)
            };
            match found {
                Some(value) => outputs.push((inner.name.clone(), value.clone())),
                None if ran() => {
                    outputs.push((inner.name.clone(), Data::Object(Vec::new()).into()))
                }
                None => {}
            }
        }
        self.done
            .push((number.to_string(), Data::Object(outputs).into()));
        let keep = self.keep.map_or(usize::MAX, |keep| {
            usize::try_from(keep).unwrap_or(usize::MAX)
        });
        self.done.drain(..self.done.len().saturating_sub(keep));
    }
}

/// The tasks that a round ran, and not those that an earlier one did. Within a loop of its own a task counts the rounds of that.
fn in_round<'s>(
    scope: &crate::run::scope::Scope,
    steps: &'s [Step],
    round: Value,
    found: &mut Vec<&'s Step>,
) {
    for step in steps {
        let counted = (step.name.clone(), "iteration".to_owned());
        let counts = matches!(
            step.task,
            crate::plan::Task::Repeat(_) | crate::plan::Task::ForEach(_)
        );
        // A loop's own field is the number of its rounds.
        let is_of_round = counts
            || scope
                .task_fields
                .get(&counted)
                .is_none_or(|of| of.equals(&round));
        if !is_of_round {
            continue;
        }
        found.push(step);
        for block in step.task.blocks() {
            if counts {
                crate::plan::task::walk_steps(block, &mut |inner| found.push(inner));
            } else {
                in_round(scope, block, round.clone(), found);
            }
        }
    }
}

/// A number of rounds or elements in an identity.
fn counted(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The rounds of a block within a loop.
fn within(outer: &[u32], round: u32) -> Vec<u32> {
    let mut rounds = outer.to_vec();
    rounds.push(round);
    rounds
}

fn index(number: usize) -> Value {
    Value::int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Of two reasons to stop, the one that must not be lost.
fn worse(first: Option<StepError>, second: StepError) -> StepError {
    let weight = |stopped: &StepError| match stopped {
        StepError::Interrupted(_) => 0,
        StepError::Failed(_) => 1,
        StepError::Replay(_) => 2,
        StepError::Heals(_) => 3,
        StepError::Unresolved(_) => 4,
        StepError::Halted(_) => 5,
        StepError::Overtaken(_) => 6,
        StepError::Broken(_) => 7,
    };
    match first {
        Some(first) if weight(&first) >= weight(&second) => first,
        _ => second,
    }
}
