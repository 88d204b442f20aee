//! Branches that come into being at run time (Conductor `FORK_JOIN_DYNAMIC`).
//!
//! What they do is data: it may come from a server, and nobody has checked it. So it is read by the reader of definitions
//! and bounded before anything of it runs. Nothing in it is a template: a secret has a name only in a definition's own
//! text. An address is never taken as one that the author wrote, so that it leads to no private network and takes along no
//! secret without a policy of its own. What the tasks are given keeps its labels: it reaches them by way of variables.

use crate::conductor::template::{self, Mode};
use crate::conductor::{ReadOptions, TaskType, read_node};
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::json;
use crate::plan::task::{Branch, Fork, Step, walk_steps};
use crate::plan::{Label, Plan, Task};
use crate::run::engine::{Engine, Flow, Frame, StepContext, StepError};
use crate::run::functions::hex;
use crate::run::identity::StepId;
use crate::run::journal::StepEvent;
use crate::run::value::{Data, Value};
use serde_json::{Map, Value as Json, json};
use std::collections::HashSet;

/// The most branches.
const BRANCHES: usize = 1000;
/// Where the older form has the tasks.
const OLDER: &str = "dynamicTasks";
/// Where inputs stand in a task.
const INPUTS: &str = "inputParameters";

impl<'a> Engine<'a> {
    pub(in crate::run) async fn fork<'b>(
        &'b self,
        cx: StepContext<'b, 'a>,
        fork: &'b Fork,
    ) -> Result<Flow, StepError> {
        let StepContext { frame, step, .. } = cx;
        let tasks = self.eval(frame, &fork.tasks)?;
        let inputs = fork
            .inputs
            .as_ref()
            .map(|inputs| self.eval(frame, inputs))
            .transpose()?
            .unwrap_or_else(Value::null);
        let (tasks, inputs) = self.settled(cx, tasks, inputs)?;
        let failed = |what: String| failed(step, &what);
        let mut writing = Writing::new(cx.id);
        let written = writing.tasks(&tasks, inputs).map_err(failed)?;
        let branches = self
            .branches(frame, step, written, &writing)
            .map_err(failed)?;
        {
            let mut scope = frame.scope.borrow_mut();
            scope.variables.extend(writing.variables);
            scope.task_fields.extend(
                writing
                    .inputs
                    .into_iter()
                    .map(|(name, inputs)| ((name, "input".to_owned()), inputs)),
            );
        }
        let flow = self.side_by_side(frame, cx.block, &branches).await?;
        let mut scope = frame.scope.borrow_mut();
        let mut members = Vec::new();
        for inner in branches.iter().flat_map(|branch| &branch.steps) {
            if let Task::Let(assign) = &inner.task
                && let Some(value) = scope.lets.get(&assign.name).cloned()
            {
                scope.outputs.insert(inner.name.clone(), value);
            }
            members.extend(
                scope
                    .outputs
                    .get(&inner.name)
                    .map(|output| (inner.name.clone(), output.clone())),
            );
        }
        scope
            .outputs
            .insert(step.name.clone(), Data::Object(members).into());
        Ok(flow)
    }

    /// The tasks and inputs as they were when the fork began: what a script makes of the clock must not be other tasks after
    /// a crash, whose calls would be made besides those that were.
    fn settled(
        &self,
        cx: StepContext<'_, '_>,
        tasks: Value,
        inputs: Value,
    ) -> Result<(Value, Value), StepError> {
        if cx.block.volatile {
            return Ok((tasks, inputs));
        }
        let both = Value {
            data: Data::List(vec![tasks, inputs]),
            label: Label::PUBLIC,
        };
        let text = both.json_text();
        let settled = match self.payload(|j| j.value(cx.id))? {
            None => {
                self.record_step(cx.id, StepEvent::Value, Some(text.as_bytes()), true)?;
                both
            }
            Some(payload) => {
                cx.trace.replayed.set(true);
                if payload.as_slice() == text.as_bytes() {
                    both
                } else {
                    let node = json::parse_bytes(&payload).map_err(|_| {
                        crate::run::engine::internal(
                            "the tasks of a fork in the journal cannot be read",
                        )
                    })?;
                    Value::from_node(&node, &both.full_label())
                }
            }
        };
        match settled.data {
            Data::List(mut items) if items.len() == 2 => {
                let inputs = items.pop().unwrap_or_else(Value::null);
                Ok((items.pop().unwrap_or_else(Value::null), inputs))
            }
            _ => Err(crate::run::engine::internal(
                "the tasks of a fork in the journal are not those of a fork",
            )),
        }
    }

    /// Reads the tasks as a definition of their own.
    fn branches(
        &self,
        frame: &Frame<'_>,
        step: &Step,
        tasks: Vec<Json>,
        writing: &Writing,
    ) -> Result<Vec<Branch>, String> {
        if tasks.is_empty() {
            return Ok(Vec::new());
        }
        let workers = tasks
            .iter()
            .filter_map(|t| t.get("name")?.as_str())
            .filter(|n| self.world.process.knows(n))
            .map(str::to_owned);
        let options = ReadOptions {
            target: self.plan.dialect,
            workers: workers.collect(),
            other_rotations: self.plan.rotations.iter().map(|r| r.name.clone()).collect(),
            ..ReadOptions::default()
        };
        let definition = definition(tasks, writing);
        let node = json::parse_text(&definition)
            .map_err(|invalid| invalid.problem.message().to_owned())?;
        let (made, findings) = read_node(&node, Vec::new(), &options);
        if let Some(error) = findings
            .into_iter()
            .find(|f| f.severity == Severity::Error || f.blocks_run)
        {
            return Err(error.message);
        }
        let mut branches = only_branches(made).ok_or("it is more than a list of tasks")?;
        let mut taken = HashSet::new();
        walk_steps(&frame.rotation.steps, &mut |known| {
            taken.insert(known.name.clone());
        });
        for branch in &mut branches {
            settle(&mut branch.steps, step);
            let mut clash = None;
            walk_steps(&branch.steps, &mut |made| {
                if taken.contains(&made.name) {
                    clash = Some(made.name.clone());
                }
            });
            if let Some(name) = clash {
                return Err(format!(
                    "a task of the rotation has the reference name `{name}` too"
                ));
            }
        }
        Ok(branches)
    }
}

/// A definition that holds nothing but the fork.
fn definition(tasks: Vec<Json>, writing: &Writing) -> String {
    let branches: Vec<Json> = tasks.into_iter().map(|task| json!([task])).collect();
    let names: Vec<&Json> = branches
        .iter()
        .filter_map(|b| b.get(0)?.get("taskReferenceName"))
        .collect();
    let join = json!({ "name": "fork join", "taskReferenceName": "fork join", "type": "JOIN", "joinOn": names });
    let variables: Map<String, Json> = writing
        .variables
        .iter()
        .map(|(name, _)| (name.clone(), Json::Null))
        .collect();
    let fork = json!({ "name": "fork", "taskReferenceName": "fork of these", "type": "FORK_JOIN", "forkTasks": branches });
    json!({ "name": "fork of these", "schemaVersion": 2, "variables": variables, "tasks": [fork, join] }).to_string()
}

/// The branches of what was read, if that is all that it is: no definition within, nothing of the vault or the environment.
fn only_branches(mut made: Plan) -> Option<Vec<Branch>> {
    let rotation = made.rotations.pop()?;
    if !made.rotations.is_empty() || !made.secrets.is_empty() || !made.env.is_empty() {
        return None;
    }
    let Task::Parallel(parallel) = rotation.steps.into_iter().next()?.task else {
        return None;
    };
    Some(parallel.branches)
}

/// What goes wrong in a task that was made is shown where it was made.
fn settle(steps: &mut [Step], fork: &Step) {
    for step in steps {
        step.at = fork.at;
        for block in step.task.blocks_mut() {
            settle(block, fork);
        }
    }
}

fn failed(step: &Step, what: &str) -> StepError {
    StepError::Failed(Box::new(
        Diagnostic::new(codes::RUN_EVALUATION, step.at.0, format!("the tasks that this fork was given cannot be run: {what}"))
            .at("they came at run time")
            .help("look at the output that they are taken from; `rot explain ROT119` says what such tasks may be"),
    ))
}

/// Data on its way to a definition.
struct Writing {
    /// Begins the names of the variables.
    prefix: String,
    /// What is not text of the definition: secrets, addresses, texts that look like references.
    variables: Vec<(String, Value)>,
    /// What each task is given, for who reads its input.
    inputs: Vec<(String, Value)>,
}

impl Writing {
    fn new(id: &StepId) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, &id.bytes());
        Self {
            prefix: format!(
                "__fork_{}_",
                hex(digest.as_ref().get(..6).unwrap_or_default())
            ),
            variables: Vec::new(),
            inputs: Vec::new(),
        }
    }

    /// A list of tasks with inputs by reference name, or one task with a list of inputs.
    fn tasks(&mut self, tasks: &Value, inputs: Value) -> Result<Vec<Json>, String> {
        if let Some(older) = tasks.get(OLDER) {
            let label = tasks.label.clone().joined(&older.label);
            let tasks = match &older.data {
                Data::List(items) => items
                    .iter()
                    .map(|item| in_new_words(item, &label))
                    .collect(),
                _ => {
                    return Err(format!(
                        "`{OLDER}` is a {}, and a list is expected",
                        older.kind()
                    ));
                }
            };
            let tasks = Value {
                data: Data::List(tasks),
                label,
            };
            return self.tasks(&tasks, Value::null());
        }
        match &tasks.data {
            Data::List(items) if items.iter().any(|task| task.get("referenceName").is_some()) => {
                Err(format!(
                    "they are a list, and a server reads them below `{OLDER}`"
                ))
            }
            Data::List(items) => {
                bounded(items.len())?;
                let known = matches!(inputs.data, Data::Object(_) | Data::Null);
                let own = |task: &Value| {
                    inputs
                        .get(name_of(task)?.as_str())
                        .map(|own| own.clone().labelled(&inputs.label))
                };
                if !known {
                    return Err(format!(
                        "their inputs are a {}, and an object by reference name is expected",
                        inputs.kind()
                    ));
                }
                let label = tasks.label.clone();
                items
                    .iter()
                    .map(|task| self.task(&task.clone().labelled(&label), own(task), None))
                    .collect()
            }
            Data::Object(_) => {
                let label = inputs.label.clone();
                let items = match inputs.data {
                    Data::List(items) => items,
                    Data::Null => Vec::new(),
                    _ => {
                        return Err(format!(
                            "`forkTaskInputs` is a {}, and a list is expected",
                            inputs.kind()
                        ));
                    }
                };
                bounded(items.len())?;
                let given = items.into_iter().enumerate();
                given
                    .map(|(index, item)| self.task(tasks, Some(item.labelled(&label)), Some(index)))
                    .collect()
            }
            _ => Err(format!(
                "they are a {}, and a list is expected",
                tasks.kind()
            )),
        }
    }

    /// One task. With an index it is one of several that have the name in common.
    fn task(
        &mut self,
        task: &Value,
        given: Option<Value>,
        index: Option<usize>,
    ) -> Result<Json, String> {
        let Data::Object(members) = &task.data else {
            return Err(format!(
                "one of them is a {}, and an object is expected",
                task.kind()
            ));
        };
        let mut written = Map::new();
        let mut inputs: Vec<(String, Value)> = Vec::new();
        for (name, value) in members {
            let value = value.clone().labelled(&task.label);
            match &value.data {
                Data::Null => {}
                _ if name == INPUTS => {
                    refuse_references(&value)?;
                    inputs = members_of(value).map_err(|kind| {
                        format!("`{INPUTS}` of one of them is a {kind}, and an object is expected")
                    })?;
                }
                _ => drop(written.insert(name.clone(), plain(&value, name)?)),
            }
        }
        let given = match given {
            Some(Value {
                data: Data::Null, ..
            })
            | None => Vec::new(),
            Some(
                value @ Value {
                    data: Data::Object(_),
                    ..
                },
            ) => members_of(value).unwrap_or_default(),
            Some(value) if index.is_some() => vec![("input".to_owned(), value)],
            Some(_) => return Err("the inputs of one of them are no object".to_owned()),
        };
        inputs.retain(|(name, _)| !given.iter().any(|(other, _)| other == name));
        inputs.extend(given);
        if let Some(index) = index {
            inputs.retain(|(name, _)| name != "__index");
            inputs.push((
                "__index".to_owned(),
                Value::int(i64::try_from(index).unwrap_or(i64::MAX)),
            ));
            let name = written
                .get("name")
                .and_then(Json::as_str)
                .unwrap_or_default();
            written.insert(
                "taskReferenceName".to_owned(),
                format!("_{name}_{index}").into(),
            );
        }
        let kind = written.get("type").and_then(Json::as_str);
        if kind.is_some_and(|kind| TaskType::find(kind).is_none()) {
            // A worker's task, by the name of its type.
            written.insert("type".to_owned(), "SIMPLE".into());
        }
        let name = check(&written)?;
        let members = inputs
            .iter()
            .map(|(name, value)| (name.clone(), self.given(name, value.clone())))
            .collect();
        self.inputs.push((name, Data::Object(inputs).into()));
        written.insert(INPUTS.to_owned(), Json::Object(members));
        Ok(Json::Object(written))
    }

    /// A value that stays what it is.
    fn given(&mut self, key: &str, value: Value) -> Json {
        let label = value.label.clone();
        match value.data {
            Data::Object(members) => Json::Object(
                members
                    .into_iter()
                    .map(|(n, v)| {
                        let json = self.given(&n, v.labelled(&label));
                        (n, json)
                    })
                    .collect(),
            ),
            Data::List(items) => Json::Array(
                items
                    .into_iter()
                    .map(|v| self.given(key, v.labelled(&label)))
                    .collect(),
            ),
            Data::Text(text) if key == "uri" || label.is_secret() || text.contains("${") => {
                self.variable(Data::Text(text), label)
            }
            data if label.is_secret() => self.variable(data, label),
            data => serde_json::from_str(&Value { data, label }.json_text()).unwrap_or(Json::Null),
        }
    }

    fn variable(&mut self, data: Data, label: Label) -> Json {
        let name = format!("{}{}", self.prefix, self.variables.len());
        self.variables.push((name.clone(), Value { data, label }));
        Json::String(format!("${{workflow.variables.{name}}}"))
    }
}

/// A task in the words of `dynamicForkJoinTasksParam`, in those of a definition.
fn in_new_words(task: &Value, label: &Label) -> Value {
    let mut task = task.clone().labelled(label);
    if let Data::Object(members) = &mut task.data {
        for (name, _) in members {
            let new = match name.as_str() {
                "taskName" => "name",
                "referenceName" => "taskReferenceName",
                "input" => INPUTS,
                _ => continue,
            };
            *name = new.to_owned();
        }
    }
    task
}

/// The members of an object under its label, or what it is instead.
fn members_of(value: Value) -> Result<Vec<(String, Value)>, &'static str> {
    match value.data {
        Data::Object(members) => Ok(members
            .into_iter()
            .map(|(name, member)| (name, member.labelled(&value.label)))
            .collect()),
        _ => Err(value.kind()),
    }
}

fn bounded(count: usize) -> Result<(), String> {
    if count > BRANCHES {
        Err(format!("they are {count}, and {BRANCHES} are the most"))
    } else {
        Ok(())
    }
}

fn name_of(task: &Value) -> Option<String> {
    let name = task.get("taskReferenceName").or_else(|| task.get("name"))?;
    name.scalar_text().map(|t| t.to_string())
}

/// A part of a task that is no input: what is done may not depend on a secret, or who sees it learns the secret.
fn plain(value: &Value, name: &str) -> Result<Json, String> {
    if value.full_label().is_secret() {
        return Err(format!(
            "`{}` of one of them was computed from a secret",
            shown(name)
        ));
    }
    refuse_references(value)?;
    serde_json::from_str(&value.json_text()).map_err(|_| "one of them is no JSON".to_owned())
}

/// A reference in data is not resolved, and not passed over in silence either.
fn refuse_references(value: &Value) -> Result<(), String> {
    let found = match &value.data {
        Data::Text(text) => !template::parse(text, Mode::Now).references().is_empty(),
        Data::List(items) => return items.iter().try_for_each(refuse_references),
        Data::Object(members) => return members.iter().try_for_each(|(_, v)| refuse_references(v)),
        _ => false,
    };
    if found {
        return Err(
            "a text in them has a reference, and text that comes at run time is not expanded; pass the value as an input".to_owned()
        );
    }
    Ok(())
}

/// What a task may be, before it is read. Gives its reference name.
fn check(task: &Map<String, Json>) -> Result<String, String> {
    let of = |key: &str| task.get(key).and_then(Json::as_str);
    let kind = of("type").unwrap_or("SIMPLE");
    if !TaskType::find(kind).is_some_and(|t| t.forkable) {
        return Err(format!(
            "one of them is of the type `{}`; a fork runs {}",
            shown(kind),
            TaskType::forkable().collect::<Vec<_>>().join(", ")
        ));
    }
    // The name is the key of the task's answer in the journal.
    let name = of("taskReferenceName").unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty() || name.len() > 200 || !name.chars().all(fits) {
        return Err("the reference name of one of them is missing or has more in it than letters, digits, `_`, `-` and `.`".to_owned());
    }
    if task
        .get("subWorkflowParam")
        .is_some_and(|p| p.get("workflowDefinition").is_some_and(|d| !d.is_null()))
    {
        return Err("one of them brings a workflow definition; name a workflow that is known before the run".to_owned());
    }
    Ok(name.to_owned())
}

/// A name from the data for a message.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(60).collect()
}
