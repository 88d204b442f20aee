//! A rotation with its clauses, and the names in it.

use super::answer::Extra;
use super::http::Place;
use super::names::{fresh, identifier, without_ending};
use super::text::{block, key, quoted};
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::name::is_mask;
use crate::plan::task::{Step, Task, walk_steps};
use crate::plan::{Dialect, Expr, ExprKind, Input, Output, Plan, Root, Rotation, Trigger, Type};
use crate::source::At;
use std::collections::{HashMap, HashSet};

/// The state of writing one rotation.
pub(super) struct Writer<'a> {
    pub(super) plan: &'a Plan,
    pub(super) rotation: &'a Rotation,
    pub(super) found: Vec<Diagnostic>,
    pub(super) steps: HashMap<&'a str, &'a Step>,
    /// Names of steps that have one.
    names: HashMap<&'a str, String>,
    /// Those of them that are written before a request.
    pub(super) shown: HashMap<&'a str, String>,
    pub(super) lets: HashMap<String, String>,
    /// Variables that are set once, which are `let`s here.
    pub(super) variables: HashMap<&'a str, String>,
    pub(super) extras: Vec<Extra>,
    /// Loop variables in scope.
    pub(super) items: Vec<&'a str>,
    /// The step whose answer is meant.
    pub(super) own: Option<String>,
}

/// The text of a rotation.
pub(super) fn rotation(plan: &Plan, rotation: &Rotation) -> (String, Vec<Diagnostic>) {
    let mut writer = Writer {
        plan,
        rotation,
        found: Vec::new(),
        steps: HashMap::new(),
        names: HashMap::new(),
        shown: HashMap::new(),
        lets: HashMap::new(),
        variables: HashMap::new(),
        extras: Vec::new(),
        items: Vec::new(),
        own: None,
    };
    writer.name_all();
    writer.find_extras();
    let head = writer.head();
    let mut entries = Vec::new();
    let variables: Vec<String> = rotation
        .variables
        .iter()
        .filter_map(|(name, value)| {
            let own = writer.variables.get(name.as_str()).cloned()?;
            Some(format!("let {own} = {}", writer.expr(value)))
        })
        .collect();
    let steps = writer.steps(&rotation.steps, Place::Flow);
    for group in [head, variables] {
        if !group.is_empty() {
            entries.push(group.join("\n"));
        }
    }
    for step in steps {
        // Short statements of a kind stay together.
        let word = |text: &str| text.split(' ').next().unwrap_or("").to_owned();
        match entries.last_mut() {
            Some(last)
                if !step.contains('\n') && !last.contains('{') && word(last) == word(&step) =>
            {
                last.push('\n');
                last.push_str(&step);
            }
            _ => entries.push(step),
        }
    }
    if !rotation.on_failure.is_empty() || rotation.failure_rotation.is_some() {
        let mut steps = writer.steps(&rotation.on_failure, Place::Flow);
        steps.extend(
            rotation
                .failure_rotation
                .as_deref()
                .map(|name| writer.failure(name)),
        );
        entries.push(block("on failure", &steps));
    }
    if rotation.result.is_some() {
        writer.differs(
            rotation.at,
            "what the last task gives is what a server returns, and is not returned here",
            "name the outputs: `outputParameters` in the definition, `output NAME = …` here",
        );
    }
    let outputs = writer.outputs();
    if !outputs.is_empty() {
        entries.push(outputs.join("\n"));
    }
    let mut text = format!("\nrotation {} {{\n", key(&rotation.name));
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        entry
            .lines()
            .for_each(|line| text.push_str(&format!("  {line}\n")));
    }
    text.push_str("}\n");
    (text, writer.found)
}

impl<'a> Writer<'a> {
    /// Something that `.rot` cannot say; gives what stands in its place while the rest is looked at.
    pub(super) fn cannot(&mut self, at: At, message: impl Into<String>, help: &str) -> String {
        self.found.push(
            Diagnostic::new(codes::NOT_IN_ROT, at.0, message)
                .at("cannot be expressed in `.rot`")
                .help(help),
        );
        "null".into()
    }

    /// Something that becomes nearly the same.
    pub(super) fn differs(&mut self, at: At, message: impl Into<String>, help: &str) {
        self.found.push(
            Diagnostic::new(codes::NOT_IN_ROT, at.0, message)
                .help(help)
                .severity(Severity::Warning),
        );
    }

    pub(super) fn name_of(&self, step: &str) -> Option<&str> {
        self.names.get(step).map(String::as_str)
    }

    /// A capture as it is called here.
    pub(super) fn capture_name(&self, step: &str, name: &str) -> String {
        let Some(http) = self.http_of(step) else {
            return name.to_owned();
        };
        let mut taken = HashSet::new();
        for capture in &http.captures {
            let own = capture_identifier(&capture.name, &mut taken);
            if capture.name == name {
                return own;
            }
        }
        identifier(name)
    }

    pub(super) fn input_name(&self, name: &str) -> String {
        let mut taken = HashSet::new();
        for input in &self.rotation.inputs {
            let own = capture_identifier(&input.name, &mut taken);
            if input.name == name {
                return own;
            }
        }
        identifier(name)
    }

    fn name_all(&mut self) {
        let rotation = self.rotation;
        let mut taken = HashSet::new();
        let mut all: Vec<&'a Step> = Vec::new();
        walk_steps(&rotation.steps, &mut |step| all.push(step));
        walk_steps(&rotation.on_failure, &mut |step| all.push(step));
        for step in &all {
            self.steps.insert(&step.name, step);
            if let Task::Let(assign) = &step.task {
                let own = fresh(&assign.name, &mut taken);
                self.lets.insert(assign.name.clone(), own);
            }
            if let Task::ForEach(each) = &step.task {
                taken.insert(each.item.clone());
            }
        }
        for step in all {
            let named = matches!(
                step.task,
                Task::Http(_) | Task::Generate(_) | Task::Manual(_) | Task::Call(_)
            );
            if !named {
                continue;
            }
            let own = fresh(without_ending(&step.name), &mut taken);
            self.names.insert(&step.name, own.clone());
            // A request that the author did not name has its method in its name.
            if !step.name.starts_with("http ") {
                self.shown.insert(&step.name, own);
            }
        }
        self.name_variables(&mut taken);
    }

    /// Variables that have one value become `let`s.
    fn name_variables(&mut self, taken: &mut HashSet<String>) {
        let rotation = self.rotation;
        let mut count: HashMap<&'a str, usize> = HashMap::new();
        for (name, _) in &rotation.variables {
            *count.entry(name).or_default() += 1;
        }
        walk_steps(&rotation.steps, &mut |step| {
            if let Task::SetVariables(set) = &step.task {
                set.values
                    .iter()
                    .for_each(|(name, _)| *count.entry(name).or_default() += 1);
            }
        });
        // Within a branch or loop a value may be missing, or change.
        let top = rotation.steps.iter().filter_map(|s| {
            if let Task::SetVariables(set) = &s.task {
                Some(&set.values)
            } else {
                None
            }
        });
        let names = rotation
            .variables
            .iter()
            .chain(top.flatten())
            .map(|(name, _)| name.as_str());
        for name in names {
            if count.get(name) == Some(&1) {
                let own = fresh(name, taken);
                self.variables.insert(name, own);
            }
        }
    }

    /// Description, schedule, bounds and inputs.
    fn head(&mut self) -> Vec<String> {
        let rotation = self.rotation;
        let mut lines = Vec::new();
        lines.extend(
            rotation
                .description
                .as_ref()
                .map(|d| format!("description {}", quoted(d))),
        );
        if let Some(schedule) = &rotation.schedule {
            let jitter = schedule
                .jitter
                .map(|j| format!(" jitter {j}"))
                .unwrap_or_default();
            match &schedule.trigger {
                Trigger::Every(every) => lines.push(format!("every {every}{jitter}")),
                Trigger::Cron(crons) => {
                    if let [cron] = crons.as_slice() {
                        lines.push(format!(
                            "cron {} in {}{jitter}",
                            quoted(cron.expression()),
                            quoted(cron.zone())
                        ));
                    } else {
                        self.cannot(
                            schedule.at,
                            "a rotation has one schedule, this one has several",
                            "put the times into one expression",
                        );
                    }
                }
            }
        }
        lines.extend(rotation.timeout.map(|t| format!("timeout {t}")));
        for input in &rotation.inputs {
            lines.push(self.input(input));
        }
        let required = rotation.inputs.iter().find(|i| i.default.is_none());
        if let Some(input) = required.filter(|_| self.plan.dialect != Dialect::Rot) {
            let message = format!(
                "the input `{}` has to be passed; on a server it may be missing, and is null",
                input.name
            );
            let note =
                Diagnostic::new(codes::NOT_IN_ROT, input.at.0, message).severity(Severity::Note);
            self.found.push(
                note.help("give it a default where it may be missing: `input NAME: string = \"\"`"),
            );
        }
        lines
    }

    fn input(&mut self, input: &'a Input) -> String {
        let ty = match &input.ty {
            Type::Any => self.input_type(input).to_owned(),
            Type::List(_) => "list".to_owned(),
            ty => ty.describe(),
        };
        let secret = if input.secret { "secret " } else { "" };
        let default = input
            .default
            .as_ref()
            .map(|d| format!(" = {}", self.expr(d)))
            .unwrap_or_default();
        format!(
            "input {}: {secret}{ty}{default}",
            self.input_name(&input.name)
        )
    }

    /// By its default, else by how it is used.
    fn input_type(&self, input: &Input) -> &'static str {
        match input.default.as_ref().map(|d| &d.kind) {
            Some(ExprKind::String(_)) => return "string",
            Some(ExprKind::Bool(_)) => return "bool",
            Some(ExprKind::Number(digits)) => {
                return if digits.contains(['.', 'e', 'E']) {
                    "number"
                } else {
                    "int"
                };
            }
            Some(ExprKind::List(_)) => return "list",
            Some(_) => return "json",
            None => {}
        }
        let (mut spliced, mut other) = (false, false);
        let mut look = |expr: &Expr| {
            expr.walk(&mut |e| {
                let own = |e: &Expr| matches!(&e.kind, ExprKind::Ref(Root::Input(name)) if *name == input.name);
                let within = e.children().into_iter().any(own);
                match &e.kind {
                    ExprKind::Template(_) => spliced |= within,
                    _ => other |= within,
                }
            });
            other |= matches!(&expr.kind, ExprKind::Ref(Root::Input(name)) if *name == input.name);
        };
        self.rotation.exprs(&mut look);
        if spliced && !other { "string" } else { "json" }
    }

    fn outputs(&mut self) -> Vec<String> {
        let rotation = self.rotation;
        let mut lines = Vec::new();
        let mut taken = HashSet::new();
        for output in &rotation.outputs {
            match &output.value.kind {
                // Conductor keeps masked outputs under one key.
                ExprKind::Object(members) if is_mask(&output.name) => {
                    for (name, value) in members {
                        let own = capture_identifier(name, &mut taken);
                        lines.push(format!("output secret {own} = {}", self.expr(value)));
                    }
                }
                _ => {
                    let line = self.output_line(output, &mut taken);
                    lines.push(line);
                }
            }
        }
        lines
    }

    fn output_line(&mut self, output: &'a Output, taken: &mut HashSet<String>) -> String {
        let own = capture_identifier(&output.name, taken);
        if own != output.name {
            self.differs(
                output.at,
                format!("the output `{}` is called `{own}`", output.name),
                "callers have to use the new name",
            );
        }
        let secret = if output.masked { "secret " } else { "" };
        format!("output {secret}{own} = {}", self.expr(&output.value))
    }

    /// The workflow that a server starts when this one failed, with what it passes, as far as that one takes it.
    fn failure(&mut self, name: &str) -> String {
        let takes = |input: &str| {
            self.plan
                .rotation(name)
                .is_some_and(|r| r.inputs.iter().any(|i| i.name == input))
        };
        let given = [("reason", "run.reason"), ("workflowId", "run.id")]
            .into_iter()
            .filter(|(input, _)| takes(input));
        let members: Vec<String> = given
            .map(|(input, value)| format!("{input}: {value}"))
            .collect();
        let inputs = if members.is_empty() {
            String::new()
        } else {
            format!(" {{ {} }}", members.join(", "))
        };
        let mut taken: HashSet<String> = self
            .names
            .values()
            .chain(self.variables.values())
            .chain(self.lets.values())
            .cloned()
            .collect();
        format!(
            "call {} = {}{inputs}",
            fresh(&identifier(name), &mut taken),
            key(name)
        )
    }
}

/// A name behind a dot or before an `=`, where keywords may stand.
fn capture_identifier(name: &str, taken: &mut HashSet<String>) -> String {
    let base = identifier(name.trim_end_matches('\''));
    let mut own = base.clone();
    let mut count = 1;
    while !taken.insert(own.clone()) {
        count += 1;
        own = format!("{base}_{count}");
    }
    own
}
