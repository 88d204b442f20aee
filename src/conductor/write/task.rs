//! A step → a task: what all kinds have in common, and which room writes which kind.

use super::context::Writer;
use crate::plan::schedule::Dur;
use crate::plan::task::http::Protocol;
use crate::plan::task::{Backoff, Overdue, Retry, Step, Task, TimeLimit, Worker};
use serde_json::{Map, Value, json};

/// Pause between attempts of a task without a definition of its own.
const PLAIN_DELAY: Dur = Dur::seconds(60);
const ROT_ONLY: &str = "run this rotation with rot";

impl<'a> Writer<'a> {
    /// Steps as a list of tasks.
    pub(super) fn block(&mut self, steps: &'a [Step]) -> Vec<Value> {
        let mut tasks = Vec::new();
        for step in steps {
            let outer = self.current.replace(&step.name);
            let mut own = self.step(step).into_iter();
            self.current = outer;
            if let Some(mut first) = own.next() {
                self.common(step, &mut first);
                tasks.push(Value::Object(first));
            }
            tasks.extend(own.map(Value::Object));
        }
        tasks
    }

    fn step(&mut self, step: &'a Step) -> Vec<Map<String, Value>> {
        let reference = self.name_of(&step.name).unwrap_or("task").to_owned();
        let leaf = |kind: &str, inputs: Map<String, Value>, writer: &Self| {
            vec![writer.task(&reference, kind, Some(inputs))]
        };
        match &step.task {
            Task::Http(http) => {
                if http.protocol() != Protocol::Http {
                    let what = format!(
                        "`{}` cannot be said: a server speaks HTTP alone",
                        http.protocol().word()
                    );
                    self.cannot(step.at, what, "run this rotation with `rot run`");
                    return Vec::new();
                }
                if http.sign.is_some() {
                    self.cannot(
                        step.at,
                        "`sign` cannot be said: a server signs no request",
                        "run this rotation with `rot run`",
                    );
                }
                let inputs = self.http(step, http);
                leaf("HTTP", inputs, self)
            }
            Task::Update(update) => {
                let inputs = self.update_secret(step, update);
                leaf("UPDATE_SECRET", inputs, self)
            }
            Task::SetVariables(set) if set.values.is_empty() => leaf("NOOP", Map::new(), self),
            Task::SetVariables(set) => {
                let inputs = set
                    .values
                    .iter()
                    .map(|(name, value)| (name.clone(), self.value(value)))
                    .collect();
                leaf("SET_VARIABLE", inputs, self)
            }
            // Unless a task computes it, its value stands wherever it is used.
            Task::Let(assign) => match self.computed_task(&assign.value) {
                Some((kind, inputs)) => leaf(kind, inputs, self),
                None => Vec::new(),
            },
            Task::Log(_) => {
                self.loses(step.at, "a log line (`log`) cannot be expressed");
                Vec::new()
            }
            Task::Fail(fail) => {
                let mut inputs = Map::from_iter([
                    ("terminationStatus".to_owned(), "FAILED".into()),
                    (
                        "terminationReason".to_owned(),
                        Value::String(self.text(&fail.message)),
                    ),
                ]);
                if let Some(output) = &fail.output {
                    inputs.insert("workflowOutput".into(), self.value(output));
                }
                leaf("TERMINATE", inputs, self)
            }
            Task::Stop(stop) => {
                let mut inputs =
                    Map::from_iter([("terminationStatus".to_owned(), Value::from("COMPLETED"))]);
                if let Some(reason) = &stop.reason {
                    inputs.insert("terminationReason".into(), self.value(reason));
                }
                if let Some(output) = &stop.output {
                    inputs.insert("workflowOutput".into(), self.value(output));
                } else if let Some(outputs) = self.outputs_at_a_stop() {
                    inputs.insert("workflowOutput".into(), Value::Object(outputs));
                }
                leaf("TERMINATE", inputs, self)
            }
            Task::Wait(wait) => {
                let inputs = self.wait(step, wait);
                leaf("WAIT", inputs, self)
            }
            Task::Switch(switch) => vec![self.switch(step, switch, &reference)],
            Task::Parallel(parallel) => self.fork_join(parallel, &reference).into(),
            Task::ForEach(each) => vec![self.for_each(each, &reference)],
            Task::Repeat(repeat) => vec![match self.http_poll(repeat) {
                Some(poll) => poll,
                None => self.repeat(step, repeat, &reference),
            }],
            Task::Call(call) if call.each.is_some() => self.fork_each(call, &reference).into(),
            Task::Call(call) if call.is_apart => {
                let given = call.inputs.iter();
                let given = given.map(|(name, value)| (name.clone(), self.value(value)));
                let request =
                    json!({ "name": call.rotation, "input": given.collect::<Map<_, _>>() });
                let inputs = Map::from_iter([("startWorkflow".to_owned(), request)]);
                leaf("START_WORKFLOW", inputs, self)
            }
            Task::Call(call) => {
                let inputs = call
                    .inputs
                    .iter()
                    .map(|(name, value)| (name.clone(), self.value(value)))
                    .collect();
                let mut task = self.task(&reference, "SUB_WORKFLOW", Some(inputs));
                task.insert("subWorkflowParam".into(), json!({ "name": call.rotation }));
                vec![task]
            }
            Task::Fork(fork) => self.fork_dynamic(fork, &reference),
            Task::Worker(Worker {
                kind: Some(kind), ..
            }) if kind != "SIMPLE" => {
                self.cannot(
                    step.at,
                    format!(
                        "a task of the type {kind} is not understood here, and so not written again"
                    ),
                    "write it into the definition by hand",
                );
                Vec::new()
            }
            Task::Worker(worker) => {
                let inputs = match self.value(&worker.input) {
                    Value::Object(members) => members,
                    other => Map::from_iter([("input".to_owned(), other)]),
                };
                let mut task = self.task(&reference, "SIMPLE", Some(inputs));
                task.insert("name".into(), worker.name.clone().into());
                vec![task]
            }
            Task::Stage(stage) => {
                let message = format!(
                    "`stage` cannot be expressed: a server keeps one version of `{}`, the one in use",
                    stage.secret
                );
                self.cannot(
                    step.at,
                    message,
                    "where no test is needed, write `update`; else run this rotation with rot",
                );
                Vec::new()
            }
            Task::Verify(_) => {
                self.cannot(step.at, "`verify` cannot be expressed: a server has no new value to test before it is in use", ROT_ONLY);
                Vec::new()
            }
            Task::Promote(promote) => {
                self.cannot(
                    step.at,
                    format!(
                        "`promote` cannot be expressed: a server has no pending version of `{}`",
                        promote.secret
                    ),
                    ROT_ONLY,
                );
                Vec::new()
            }
            Task::Revoke(revoke) => {
                self.cannot(
                    step.at,
                    format!(
                        "`revoke` cannot be expressed: a server has no previous version of `{}`",
                        revoke.secret
                    ),
                    ROT_ONLY,
                );
                Vec::new()
            }
            Task::Generate(generate) => {
                let message = format!(
                    "`generate {}` cannot be expressed: a server has no secure randomness",
                    generate.generator.word()
                );
                self.cannot(step.at, message, ROT_ONLY);
                Vec::new()
            }
            Task::Manual(manual) if !self.plan.dialect.semantics().declares_intent => {
                let inputs =
                    Map::from_iter([("instructions".to_owned(), self.value(&manual.instructions))]);
                leaf("HUMAN", inputs, self)
            }
            Task::Manual(_) => {
                self.cannot(
                    step.at,
                    "`manual` cannot be expressed: a HUMAN task does not take a secret",
                    ROT_ONLY,
                );
                Vec::new()
            }
        }
    }

    fn common(&mut self, step: &Step, task: &mut Map<String, Value>) {
        if let Some(retry) = &step.retry {
            self.retry(step, retry, task);
        }
        if let Some(limit) = step.timeout {
            self.time_limit(step, limit, task);
        }
        if step.optional {
            let word = if step.permissive {
                "permissive"
            } else {
                "optional"
            };
            task.insert(word.into(), true.into());
        }
        if let Some(delay) = step.start_delay {
            let seconds = self.seconds(step, delay);
            task.insert("startDelay".into(), seconds.into());
        }
    }

    fn retry(&mut self, step: &Step, retry: &Retry, task: &mut Map<String, Value>) {
        task.insert("retryCount".into(), retry.count.into());
        let plain = retry.backoff == Backoff::Fixed
            && retry.delay == PLAIN_DELAY
            && retry.max_delay.is_none();
        if plain {
            return;
        }
        let logic = match retry.backoff {
            Backoff::Fixed => "FIXED",
            Backoff::Linear => "LINEAR_BACKOFF",
            Backoff::Exponential => "EXPONENTIAL_BACKOFF",
        };
        let mut definition = definition_of(task);
        definition.insert("retryCount".into(), retry.count.into());
        definition.insert("retryLogic".into(), logic.into());
        definition.insert(
            "retryDelaySeconds".into(),
            self.seconds(step, retry.delay).into(),
        );
        if let Some(most) = retry.max_delay {
            definition.insert(
                "maxRetryDelaySeconds".into(),
                self.seconds(step, most).into(),
            );
        }
        // Required by the schema; 0 is no bound.
        definition.insert("timeoutSeconds".into(), 0.into());
        task.insert("taskDefinition".into(), Value::Object(definition));
    }

    fn time_limit(&mut self, step: &Step, limit: TimeLimit, task: &mut Map<String, Value>) {
        let mut definition = match task.remove("taskDefinition") {
            Some(Value::Object(definition)) => definition,
            _ => {
                let mut definition = definition_of(task);
                // A definition that says nothing is tried again three times.
                definition.insert(
                    "retryCount".into(),
                    step.retry.as_ref().map_or(0, |r| r.count).into(),
                );
                definition
            }
        };
        let policy = match limit.then {
            Overdue::Retry => "RETRY",
            Overdue::Stop => "TIME_OUT_WF",
            Overdue::Note => "ALERT_ONLY",
        };
        definition.insert(
            "timeoutSeconds".into(),
            self.seconds(step, limit.after).into(),
        );
        definition.insert("timeoutPolicy".into(), policy.into());
        if limit.then == Overdue::Note {
            definition.insert("responseTimeoutSeconds".into(), 0.into());
        }
        task.insert("taskDefinition".into(), Value::Object(definition));
    }

    /// Whole seconds, rounded up.
    pub(super) fn seconds(&mut self, step: &Step, length: Dur) -> u64 {
        if !length.0.is_multiple_of(1000) {
            self.loses(
                step.at,
                "a server counts whole seconds; the time is rounded up",
            );
        }
        length.0.div_ceil(1000)
    }
}

/// A definition for a task of its name.
fn definition_of(task: &Map<String, Value>) -> Map<String, Value> {
    Map::from_iter([(
        "name".to_owned(),
        task.get("name").cloned().unwrap_or_default(),
    )])
}
