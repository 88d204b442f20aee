//! What the rooms of the writer share: names, and what could not be said.

use super::WriteOptions;
use crate::conductor::template;
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::task::{Step, Task, walk_steps};
use crate::plan::{Dialect, Expr, Plan, Rotation};
use crate::source::At;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// The state of one writing.
pub(super) struct Writer<'a> {
    pub(super) plan: &'a Plan,
    pub(super) rotation: &'a Rotation,
    pub(super) oss: bool,
    found: Vec<Diagnostic>,
    /// Reference names by step name.
    references: HashMap<&'a str, String>,
    pub(super) taken: HashSet<String>,
    pub(super) steps: HashMap<&'a str, &'a Step>,
    pub(super) lets: HashMap<&'a str, &'a Expr>,
    /// The steps that name them.
    pub(super) let_steps: HashMap<&'a str, &'a str>,
    /// Loop variables with the reference name of their loop, the innermost last.
    pub(super) items: Vec<(&'a str, String)>,
    /// The step whose task is being written.
    pub(super) current: Option<&'a str>,
    /// The task whose output filter is being written.
    pub(super) filter: Option<&'a str>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(plan: &'a Plan, rotation: &'a Rotation, options: &WriteOptions) -> Self {
        let mut writer = Self {
            plan,
            rotation,
            oss: options.target == Dialect::Oss,
            found: Vec::new(),
            references: HashMap::new(),
            taken: HashSet::from(["workflow".to_owned()]),
            steps: HashMap::new(),
            lets: HashMap::new(),
            let_steps: HashMap::new(),
            items: Vec::new(),
            current: None,
            filter: None,
        };
        let mut all: Vec<&'a Step> = Vec::new();
        walk_steps(&rotation.steps, &mut |step| all.push(step));
        // Names that can stay stay, whatever stands before them.
        let (good, rest): (Vec<&Step>, Vec<&Step>) =
            all.into_iter().partition(|s| is_reference_name(&s.name));
        for step in good.into_iter().chain(rest) {
            // What a fork gives is its JOIN's, so that has the name; the fork itself is written as `NAME_fork`.
            let wanted = if makes_tasks(step) {
                step.name.strip_suffix("_fork").unwrap_or(&step.name)
            } else {
                &step.name
            };
            let name = writer.fresh(wanted);
            writer.references.insert(&step.name, name);
            writer.steps.insert(&step.name, step);
            if let Task::Let(assign) = &step.task {
                writer.lets.insert(&assign.name, &assign.value);
                writer.let_steps.insert(&assign.name, &step.name);
            }
        }
        writer
    }

    pub(super) fn findings(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|d| (d.span().file, d.span().start));
        self.found.dedup();
        self.found
    }

    /// A reference name that is not taken.
    pub(super) fn fresh(&mut self, wanted: &str) -> String {
        let base = if is_reference_name(wanted) {
            wanted.to_owned()
        } else {
            identifier(wanted)
        };
        let mut name = base.clone();
        let mut count = 1;
        while !self.taken.insert(name.clone()) {
            count += 1;
            name = format!("{base}_{count}");
        }
        name
    }

    /// The reference name of a step.
    pub(super) fn name_of(&self, step: &str) -> Option<&str> {
        self.references.get(step).map(String::as_str)
    }

    /// Whether a name may be that of a task which a fork makes at run time.
    pub(super) fn is_made(&self, name: &str) -> bool {
        !self.steps.contains_key(name)
            && is_reference_name(name)
            && self.steps.values().any(|step| makes_tasks(step))
    }

    /// Something that a definition cannot say, and without which it would do something else.
    pub(super) fn cannot(&mut self, at: At, message: impl Into<String>, help: &str) {
        self.found.push(
            Diagnostic::new(codes::NOT_IN_CONDUCTOR, at.0, message)
                .at("cannot be expressed in Conductor JSON")
                .help(help),
        );
    }

    /// As [`Writer::cannot`], where a server does nearly the same.
    pub(super) fn differs(&mut self, at: At, message: impl Into<String>, help: &str) {
        self.found.push(
            Diagnostic::new(codes::NOT_IN_CONDUCTOR, at.0, message)
                .help(help)
                .severity(Severity::Warning),
        );
    }

    /// Something that only this program and people know.
    pub(super) fn loses(&mut self, at: At, message: impl Into<String>) {
        self.found
            .push(Diagnostic::new(codes::NOT_IN_CONDUCTOR, at.0, message).severity(Severity::Note));
    }

    /// A task as far as all kinds have the same.
    pub(super) fn task(
        &self,
        reference: &str,
        kind: &str,
        inputs: Option<Map<String, Value>>,
    ) -> Map<String, Value> {
        let mut task = Map::new();
        task.insert("name".into(), reference.into());
        task.insert("taskReferenceName".into(), reference.into());
        if let Some(inputs) = inputs {
            task.insert("inputParameters".into(), Value::Object(inputs));
        }
        task.insert("type".into(), kind.into());
        task
    }
}

fn makes_tasks(step: &Step) -> bool {
    matches!(&step.task, Task::Fork(_))
        || matches!(&step.task, Task::Call(call) if call.each.is_some())
}

/// Whether a name can stand in references as it is, and for a server too.
fn is_reference_name(name: &str) -> bool {
    let alone = template::path(name).is_some_and(|p| {
        p.tail.is_empty() && matches!(p.steps.as_slice(), [only] if matches!(&only.kind, template::StepKind::Name(n) if n == name))
    });
    alone
        && name != "workflow"
        && !name.contains("__")
        && !name.contains(['{', '}', '$', '\'', '"', '\\', '\n'])
}

fn identifier(text: &str) -> String {
    let mut name = String::new();
    for c in text.chars() {
        match c {
            c if c.is_ascii_alphanumeric() => name.push(c),
            _ if name.is_empty() || name.ends_with('_') => {}
            _ => name.push('_'),
        }
    }
    let name = name.trim_end_matches('_');
    if name.is_empty() || name == "workflow" {
        "task".to_owned()
    } else {
        name.to_owned()
    }
}
