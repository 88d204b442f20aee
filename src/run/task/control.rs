//! Control flow.

use crate::diagnostic::{Diagnostic, codes};
use crate::plan::task::{Call, ForEach, Parallel, Repeat, Step, Switch, Wait};
use crate::run::engine::{Engine, Flow, Frame, Place, Stopped};
use crate::run::functions::{instant, later};
use crate::run::journal::Kind;
use crate::run::value::{Data, Value};
use futures_util::future::join_all;
use serde_json::json;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

/// Calls within calls.
const MAX_DEPTH: usize = 16;

impl<'a> Engine<'a> {
    pub(in crate::run) async fn wait(&self, frame: &Frame<'_>, wait: &Wait, key: &str) -> Result<(), Stopped> {
        let recorded = self
            .journal
            .borrow()
            .last(key, Kind::Waiting)
            .and_then(|r| r.header.facts.get("until")?.as_str()?.parse::<jiff::Timestamp>().ok());
        let until = match recorded {
            Some(until) => until,
            None => {
                let (expr, value) = match wait {
                    Wait::For(expr) | Wait::Until(expr) => (expr, self.eval(frame, expr)?),
                };
                let failed =
                    |message: String| Stopped::Failed(Box::new(Diagnostic::new(codes::RUN_EVALUATION, expr.at.0, message).at("wait")));
                let until = match (wait, &value.data) {
                    (Wait::For(_), Data::Duration(duration)) => later(self.world.clock.now(), *duration).map_err(failed)?,
                    (Wait::For(_), _) => return Err(failed(format!("expected a duration, found {}", value.kind()))),
                    (Wait::Until(_), _) => instant(&value).map_err(failed)?,
                };
                self.record(Kind::Waiting, key, [("until", json!(until))], None, true)?;
                until
            }
        };
        loop {
            let left = until.as_millisecond() - self.world.clock.now().as_millisecond();
            let Ok(left) = u64::try_from(left) else { return Ok(()) };
            if left == 0 {
                return Ok(());
            }
            self.world.clock.sleep(Duration::from_millis(left).min(super::lifecycle::NAP)).await;
        }
    }

    pub(in crate::run) async fn switch<'b>(&'b self, frame: &'b Frame<'a>, place: Place<'b>, switch: &'b Switch) -> Result<Flow, Stopped> {
        let subject = self.eval(frame, &switch.subject)?;
        // Conductor's rule: the result as text, exact match, null is the word `null`.
        let text = subject.java_text();
        let chosen = switch.cases.iter().find(|case| case.name == text.as_str()).map_or(&switch.otherwise, |case| &case.steps);
        self.steps(frame, place, chosen).await
    }

    pub(in crate::run) async fn parallel<'b>(
        &'b self,
        frame: &'b Frame<'a>,
        place: Place<'b>,
        parallel: &'b Parallel,
    ) -> Result<Flow, Stopped> {
        // Every branch runs to its end, also when another fails: a call that is on its way must be heard.
        let results = join_all(parallel.branches.iter().map(|branch| self.steps(frame, place, &branch.steps))).await;
        let mut stop = Flow::Next;
        let mut failure = None;
        for result in results {
            match result {
                Ok(Flow::Stop(output)) => stop = Flow::Stop(output),
                Ok(Flow::Next) => {}
                Err(error) => failure = Some(worse(failure, error)),
            }
        }
        match failure {
            Some(error) => Err(error),
            None => Ok(stop),
        }
    }

    pub(in crate::run) async fn for_each<'b>(
        &'b self,
        frame: &'b Frame<'a>,
        place: Place<'b>,
        step: &'b Step,
        each: &'b ForEach,
    ) -> Result<Flow, Stopped> {
        let list = self.eval(frame, &each.items)?;
        let what = list.kind();
        let items = match list.data {
            Data::List(items) => items,
            Data::Null if self.plan.dialect.is_conductor() => Vec::new(),
            _ => {
                return Err(Stopped::Failed(Box::new(
                    Diagnostic::new(codes::RUN_EVALUATION, each.items.at.0, "expected a list").at(format!("this is {}", what)),
                )));
            }
        };
        for (i, item) in items.into_iter().enumerate() {
            frame.scope.borrow_mut().variables.insert(each.item.clone(), item.labelled(&list.label));
            let rounds = format!("{}[{}]", place.rounds, i + 1);
            if let Flow::Stop(output) = self.steps(frame, Place { rounds: &rounds, volatile: place.volatile }, &each.steps).await? {
                return Ok(Flow::Stop(output));
            }
        }
        let _ = step;
        Ok(Flow::Next)
    }

    pub(in crate::run) async fn repeat<'b>(
        &'b self,
        frame: &'b Frame<'a>,
        place: Place<'b>,
        step: &'b Step,
        repeat: &'b Repeat,
    ) -> Result<Flow, Stopped> {
        for round in 1..=repeat.at_most {
            let rounds = format!("{}[{round}]", place.rounds);
            if let Flow::Stop(output) = self.steps(frame, Place { rounds: &rounds, volatile: place.volatile }, &repeat.steps).await? {
                return Ok(Flow::Stop(output));
            }
            frame
                .scope
                .borrow_mut()
                .outputs
                .insert(step.name.clone(), Data::Object(vec![("iteration".into(), Value::int(i64::from(round)))]).into());
            let done = self.eval(frame, &repeat.until)?;
            if crate::run::eval::truth(&done, &repeat.until)? {
                return Ok(Flow::Next);
            }
            if let Some(every) = repeat.every {
                self.world.clock.sleep(every.to_std()).await;
            }
        }
        Err(Stopped::Failed(Box::new(
            Diagnostic::new(codes::RUN_TIMEOUT, step.at.0, format!("the condition did not hold after {} rounds", repeat.at_most))
                .at("this loop")
                .label(repeat.until.at.0, "until this")
                .help("allow more rounds with `at most N`, or look at why it does not come true"),
        )))
    }

    pub(in crate::run) async fn call<'b>(
        &'b self,
        frame: &'b Frame<'a>,
        step: &'b Step,
        call: &'b Call,
        key: &'b str,
    ) -> Result<(), Stopped> {
        let Some(rotation) = self.plan.rotation(&call.rotation) else {
            return Err(Stopped::Failed(Box::new(
                Diagnostic::new(codes::UNRESOLVED_REFERENCE, step.at.0, format!("there is no rotation `{}`", call.rotation))
                    .at("called here"),
            )));
        };
        if frame.prefix.matches('/').count() >= MAX_DEPTH {
            return Err(Stopped::Failed(Box::new(
                Diagnostic::new(codes::RUN_EVALUATION, step.at.0, "rotations call each other without end").at("called here"),
            )));
        }
        let mut inputs = Vec::new();
        for (name, expr) in &call.inputs {
            inputs.push((name.clone(), self.eval(frame, expr)?));
        }
        let scope = {
            let outer = frame.scope.borrow();
            crate::run::start::child_scope(&outer, rotation, inputs).map_err(Stopped::Failed)?
        };
        let inner = Frame { rotation, scope: RefCell::new(scope), prefix: format!("{key}/") };
        let flow = self.steps(&inner, Place { rounds: "", volatile: false }, &rotation.steps).await?;
        let output = self.outputs(&inner, flow)?;
        let mut outer = frame.scope.borrow_mut();
        outer.secrets = std::mem::take(&mut inner.scope.borrow_mut().secrets);
        let captures: BTreeMap<String, Value> = match &output.data {
            Data::Object(members) => members.iter().cloned().collect(),
            _ => BTreeMap::new(),
        };
        outer.captures.insert(step.name.clone(), captures);
        outer.outputs.insert(step.name.clone(), output);
        Ok(())
    }

    /// The outputs of a rotation that ran.
    pub(in crate::run) fn outputs(&self, frame: &Frame<'_>, flow: Flow) -> Result<Value, Stopped> {
        if let Flow::Stop(Some(output)) = flow {
            return Ok(output);
        }
        let mut members = Vec::new();
        for output in &frame.rotation.outputs {
            let value = self.eval(frame, &output.value)?;
            members.push((output.name.clone(), value));
        }
        Ok(Data::Object(members).into())
    }
}

/// Of two reasons to stop, the one that must not be lost.
fn worse(first: Option<Stopped>, second: Stopped) -> Stopped {
    let weight = |stopped: &Stopped| match stopped {
        Stopped::Failed(_) => 0,
        Stopped::Unresolved(_) => 1,
        Stopped::Halted(_) => 2,
        Stopped::Broken(_) => 3,
    };
    match first {
        Some(first) if weight(&first) >= weight(&second) => first,
        _ => second,
    }
}
