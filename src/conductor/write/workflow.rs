//! A rotation → a workflow definition.

use super::context::Writer;
use crate::plan::name::is_mask;
use crate::plan::task::{Step, Task, walk_steps};
use crate::plan::{Effect, Expr, ExprKind, Operator, Policy, Root, Type};
use serde_json::{Map, Value};

impl<'a> Writer<'a> {
    pub(super) fn workflow(&mut self) -> Value {
        let rotation = self.rotation;
        let mut definition = Map::new();
        definition.insert("name".into(), rotation.name.clone().into());
        if let Some(description) = &rotation.description {
            definition.insert("description".into(), description.clone().into());
        }
        definition.insert("version".into(), 1.into());
        let mut tasks = self.block(&rotation.steps);
        if tasks.is_empty() {
            self.cannot(
                rotation.at,
                "a definition needs at least one task",
                "add a step that a server can do",
            );
        }
        if rotation.outputs.is_empty() && rotation.result.is_none() && self.returns_last() {
            let name = self.fresh("no_output");
            tasks.push(Value::Object(self.task(&name, "NOOP", Some(Map::new()))));
        }
        tasks.extend(self.last_task());
        definition.insert("tasks".into(), tasks.into());
        self.inputs(&mut definition);
        self.variables(&mut definition);
        self.outputs(&mut definition);
        if let Some(failure) = &rotation.failure_rotation {
            definition.insert("failureWorkflow".into(), failure.clone().into());
        }
        if let Some(first) = rotation.on_failure.first() {
            self.cannot(
                first.at,
                "`on failure` cannot be expressed: a server starts another workflow",
                "put the steps into a rotation of their own",
            );
        }
        definition.insert("schemaVersion".into(), 2.into());
        if let Some(timeout) = rotation.timeout {
            definition.insert("timeoutPolicy".into(), "TIME_OUT_WF".into());
            definition.insert("timeoutSeconds".into(), timeout.0.div_ceil(1000).into());
        }
        self.metadata();
        Value::Object(definition)
    }

    fn inputs(&mut self, definition: &mut Map<String, Value>) {
        let inputs = &self.rotation.inputs;
        if inputs.is_empty() {
            self.masked_fields(definition, &[]);
            return;
        }
        let names: Vec<&str> = inputs.iter().map(|i| i.name.as_str()).collect();
        definition.insert("inputParameters".into(), names.into());
        let mut defaults = Map::new();
        for input in inputs {
            if let Some(default) = &input.default {
                match plain(default) {
                    Some(value) => {
                        defaults.insert(input.name.clone(), value);
                    }
                    None => {
                        let help = "write the default out";
                        self.cannot(
                            input.at,
                            format!(
                                "the default of `{}` is computed; a server takes it as it stands",
                                input.name
                            ),
                            help,
                        );
                    }
                }
            }
        }
        if !defaults.is_empty() {
            definition.insert("inputTemplate".into(), Value::Object(defaults));
        }
        if let Some(typed) = inputs.iter().find(|i| i.ty != Type::Any) {
            self.loses(
                typed.at,
                "types of inputs cannot be expressed, and a server requires none of them",
            );
        }
        let secret: Vec<&str> = inputs
            .iter()
            .filter(|i| i.secret)
            .map(|i| i.name.as_str())
            .collect();
        if let Some(input) = inputs.iter().find(|i| i.secret).filter(|_| self.oss) {
            let help = "keep it as a secret instead of passing it";
            self.cannot(
                input.at,
                "the open-source server shows inputs in clear",
                help,
            );
        }
        self.masked_fields(definition, &secret);
    }

    fn masked_fields(&mut self, definition: &mut Map<String, Value>, more: &[&str]) {
        let mut masked: Vec<&str> = self
            .rotation
            .masked_fields
            .iter()
            .map(String::as_str)
            .collect();
        masked.extend(
            more.iter()
                .filter(|name| !self.rotation.masked_fields.iter().any(|m| m == *name)),
        );
        if !masked.is_empty() {
            definition.insert("maskedFields".into(), masked.into());
        }
    }

    fn variables(&mut self, definition: &mut Map<String, Value>) {
        if self.rotation.variables.is_empty() {
            return;
        }
        let rotation = self.rotation;
        let values = rotation
            .variables
            .iter()
            .map(|(name, value)| {
                let literal = plain(value);
                (name.clone(), literal.unwrap_or_else(|| self.value(value)))
            })
            .collect();
        definition.insert("variables".into(), Value::Object(values));
    }

    /// What `stop` puts out in `.rot`, where a server puts out nothing unless it is told what.
    pub(super) fn outputs_at_a_stop(&mut self) -> Option<Map<String, Value>> {
        let outputs = self.named_outputs();
        let declares = self.plan.dialect.semantics().declares_intent;
        (declares && !outputs.is_empty()).then_some(outputs)
    }

    fn outputs(&mut self, definition: &mut Map<String, Value>) {
        let outputs = self.named_outputs();
        if !outputs.is_empty() {
            definition.insert("outputParameters".into(), Value::Object(outputs));
        }
    }

    fn named_outputs(&mut self) -> Map<String, Value> {
        let rotation = self.rotation;
        let mut outputs = Map::new();
        let mut hidden = Map::new();
        for output in &rotation.outputs {
            let value = self.value(&output.value);
            let special = is_mask(&output.name);
            if output.masked && !special && !rotation.masked_fields.contains(&output.name) {
                if self.oss {
                    self.cannot(
                        output.at,
                        "the open-source server shows outputs in clear",
                        "do not return a secret",
                    );
                }
                hidden.insert(output.name.clone(), value);
            } else {
                outputs.insert(output.name.clone(), value);
            }
        }
        if !hidden.is_empty() {
            outputs.insert("_secrets".into(), Value::Object(hidden));
        }
        outputs
    }

    /// What a server returns is what the last task gives: where that is the first of several, a task that finds it; and a finding
    /// where it is another than is returned here.
    fn last_task(&mut self) -> Option<Value> {
        let result = self.rotation.result.as_ref()?;
        if let Some(step) = self.rotation.steps.last()
            && matches!(step.task, Task::Fork(_))
            && !matches!(&result.kind, ExprKind::Binary(_, given, _) if given.kind == ExprKind::Ref(Root::Output(step.name.clone())))
        {
            self.differs(
                step.at,
                "a server returns what all tasks of the fork gave, each under its name",
                "name the outputs: `outputParameters`",
            );
        }
        let mut joined = Vec::new();
        first_of(result, &mut joined)?;
        if joined.len() < 2 {
            return None;
        }
        let names: Vec<String> = joined
            .into_iter()
            .filter_map(|step| self.name_of(step).map(str::to_owned))
            .collect();
        let name = self.fresh("first_of_these");
        let mut task = self.task(&name, "EXCLUSIVE_JOIN", Some(Map::new()));
        task.insert("joinOn".into(), names.into());
        Some(Value::Object(task))
    }

    /// Whether a server would return what the last task got, although the rotation returns nothing. A task that does nothing
    /// behind it keeps that in.
    fn returns_last(&self) -> bool {
        self.gives(&self.rotation.steps)
    }

    fn gives(&self, steps: &[Step]) -> bool {
        match steps.last().map(|s| &s.task) {
            Some(Task::Http(_)) => true,
            Some(Task::Let(assign)) => self.is_computed(&assign.value),
            Some(Task::Repeat(repeat)) => self.gives(&repeat.steps),
            Some(Task::ForEach(each)) => self.gives(&each.steps),
            Some(Task::Call(_) | Task::Parallel(_)) => {
                self.plan.dialect.semantics().declares_intent
            }
            _ => false,
        }
    }

    /// What people and this program know and a definition does not hold.
    fn metadata(&mut self) {
        let rotation = self.rotation;
        let mut effects = Vec::new();
        let mut strict = None;
        let mut secrets: Vec<&str> = Vec::new();
        walk_steps(&rotation.steps, &mut |step| {
            if let Task::Http(http) = &step.task {
                let said = !matches!(&http.effect, Effect::Reads | Effect::Unspecified)
                    && !matches!(&http.effect, Effect::Issues(issues) if issues.assumed);
                if said {
                    effects.push((step.at, step.name.as_str(), http.effect.describe()));
                }
                strict = strict.or(http
                    .captures
                    .iter()
                    .find(|c| !c.optional && !c.secret)
                    .map(|c| c.at));
            }
            for expr in step.task.exprs() {
                expr.each_secret(&mut |read| secrets.push(read.secret));
            }
        });
        if let Some((at, name, effect)) = effects.first() {
            let more = if effects.len() > 1 {
                format!(" and {} more", effects.len() - 1)
            } else {
                String::new()
            };
            self.loses(
                *at,
                format!("what a call changes cannot be expressed: `{effect}` of `{name}`{more}"),
            );
        }
        if let Some(at) = strict.filter(|_| self.plan.dialect.semantics().declares_intent) {
            self.loses(
                at,
                "a public value that the answer lacks is null on a server, not an error",
            );
        }
        let declared = self.plan.secrets.iter().find(|s| {
            secrets.contains(&s.name.as_str())
                && matches!(&s.policy, Policy::Declared(places) if !places.is_empty())
        });
        if let Some(secret) = declared {
            self.loses(
                secret.at,
                format!(
                    "where secrets may be sent cannot be expressed: `to` of `{}`",
                    secret.name
                ),
            );
        }
        let delivered = self
            .plan
            .deliveries
            .iter()
            .find(|d| secrets.contains(&d.secret.as_str()));
        if let Some(delivery) = delivered {
            self.loses(
                delivery.at,
                format!(
                    "where secrets are delivered cannot be expressed: `{}` to `{}`",
                    delivery.secret, delivery.target
                ),
            );
        }
        if rotation.schedule.is_some() {
            self.loses(
                rotation.at,
                "the schedule is an entry of its own: `rot compile --to schedule` writes it",
            );
        }
    }
}

/// The steps of whose outputs a value is the first that is there, and else an empty object; none where it is another.
fn first_of<'p>(value: &'p Expr, steps: &mut Vec<&'p str>) -> Option<()> {
    match &value.kind {
        ExprKind::Binary(Operator::Else, first, rest) => {
            first_of(first, steps)?;
            first_of(rest, steps)
        }
        ExprKind::Ref(Root::Output(name) | Root::Let(name)) => {
            steps.push(name);
            Some(())
        }
        ExprKind::Object(members) if members.is_empty() => Some(()),
        _ => None,
    }
}

/// A literal as it stands: nothing in it is expanded.
fn plain(expr: &Expr) -> Option<Value> {
    Some(match &expr.kind {
        ExprKind::Null => Value::Null,
        ExprKind::Bool(value) => Value::Bool(*value),
        ExprKind::Number(digits) => serde_json::from_str(digits).ok()?,
        ExprKind::String(text) => Value::String(text.clone()),
        ExprKind::List(items) => Value::Array(items.iter().map(plain).collect::<Option<_>>()?),
        ExprKind::Object(members) => Value::Object(
            members
                .iter()
                .map(|(key, value)| Some((key.clone(), plain(value)?)))
                .collect::<Option<_>>()?,
        ),
        _ => return None,
    })
}
