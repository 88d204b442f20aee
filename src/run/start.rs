//! Everything before the first effect: inputs, environment, secrets as this run sees them.

use super::eval;
use super::journal::Pins;
use super::journal::event::PinnedVersions;
use super::needs;
use super::scope::{Made, RunFacts, Scope, Secrets, Stored, Values};
use super::value::{Data, Value};
use crate::diagnostic::{Diagnostic, Error, Failure, Result, codes, nearest};
use crate::json::Node;
use crate::plan::{Label, Origin, Plan, Rotation, Type, Version};
use crate::vault::{StoredValue, Vault};
use crate::world::World;
use serde_json::Value as Json;
use std::collections::HashMap;

/// The scope of a run, from what its journal's first record says.
pub fn scope(plan: &Plan, facts: RunFacts, inputs: Values, env: Values, secrets: Secrets) -> Scope {
    let now = facts.started_at;
    Scope {
        dialect: plan.dialect,
        run: facts,
        inputs,
        lets: HashMap::new(),
        variables: HashMap::new(),
        captures: HashMap::new(),
        outputs: HashMap::new(),
        left: None,
        task_fields: HashMap::new(),
        env,
        secrets,
        answer: None,
        now,
        made: Made::default(),
    }
}

/// The scope of a rotation that is called: its own names, the caller's secrets and environment.
pub fn child_scope(
    outer: &Scope,
    rotation: &Rotation,
    given: Vec<(String, Value)>,
) -> std::result::Result<Scope, Box<Diagnostic>> {
    let mut inputs: Values = given.into_iter().collect();
    let mut facts = outer.run.clone();
    facts.rotation = rotation.name.clone();
    let mut inner = Scope {
        dialect: outer.dialect,
        run: facts,
        inputs: Values::new(),
        lets: HashMap::new(),
        variables: HashMap::new(),
        captures: HashMap::new(),
        outputs: HashMap::new(),
        left: None,
        task_fields: HashMap::new(),
        env: outer.env.clone(),
        secrets: outer.secrets.fork(),
        answer: None,
        now: outer.now,
        made: outer.made.clone(),
    };
    defaults(rotation, &mut inputs, &inner)?;
    inner.inputs = inputs;
    variables(rotation, &mut inner)?;
    Ok(inner)
}

/// Fills in what was not passed.
pub fn defaults(
    rotation: &Rotation,
    inputs: &mut Values,
    scope: &Scope,
) -> std::result::Result<(), Box<Diagnostic>> {
    for input in &rotation.inputs {
        let given = inputs.get(&input.name);
        let is_absent = |given: &Value| {
            given.is_null() && input.default.is_some() && scope.dialect.semantics().absent_is_null
        };
        if given.is_some_and(|given| !is_absent(given)) {
            continue;
        }
        match &input.default {
            Some(default) => {
                let value =
                    eval::eval(default, scope).map_err(|e| Box::new(Diagnostic::from(e)))?;
                inputs.insert(input.name.clone(), value);
            }
            None if scope.dialect.semantics().absent_is_null => {}
            None => {
                return Err(Box::new(needs::missing_input(&input.name, input.at.0)));
            }
        }
    }
    Ok(())
}

/// Initial `workflow.variables`.
pub fn variables(
    rotation: &Rotation,
    scope: &mut Scope,
) -> std::result::Result<(), Box<Diagnostic>> {
    for (name, expr) in &rotation.variables {
        let value = eval::eval(expr, scope).map_err(|e| Box::new(Diagnostic::from(e)))?;
        scope.variables.insert(name.clone(), value);
    }
    Ok(())
}

/// A value that is passed to a run.
#[derive(Clone)]
pub enum Passed {
    /// Of a JSON text: its numbers keep all their digits.
    Written(Box<Node>),
    /// A caller's own.
    Made(Json),
}

impl From<Json> for Passed {
    fn from(json: Json) -> Self {
        Passed::Made(json)
    }
}

impl Passed {
    pub(super) fn value(&self, label: &Label) -> Value {
        match self {
            Passed::Written(node) => Value::from_node(node, label),
            Passed::Made(json) => Value::from_json(json, label),
        }
    }

    /// The members of a JSON text that is an object; of a repeated name the last.
    pub fn members(text: &str) -> Option<Vec<(String, Passed)>> {
        let node = crate::json::parse_text(text).ok()?;
        node.is_object().then(|| members_of(&node))
    }
}

/// The members of an object, as they are passed.
pub fn members_of(object: &Node) -> Vec<(String, Passed)> {
    let members = object.unique_members().into_iter();
    members
        .map(|m| {
            (
                m.key.text.clone(),
                Passed::Written(Box::new(m.value.clone())),
            )
        })
        .collect()
}

/// What was passed, as values in their declared types. A misspelt name is an error in `.rot`.
pub fn inputs(plan: &Plan, rotation: &Rotation, given: &[(String, Passed)]) -> Result<Values> {
    let mut inputs = Values::new();
    for (name, passed) in given {
        let declared = rotation.inputs.iter().find(|i| i.name == *name);
        if declared.is_none() && !plan.dialect.semantics().open_inputs {
            let error = Error::plain(
                Failure::Usage,
                codes::RUN_BAD_INPUT,
                format!("rotation `{}` has no input `{name}`", rotation.name),
            );
            let names: Vec<&str> = rotation.inputs.iter().map(|i| i.name.as_str()).collect();
            return Err(match nearest(name, names.iter().copied()) {
                Some(near) => error.help(format!("a name that is close: `{near}`")),
                None if names.is_empty() => error.help("it takes none"),
                None => error.help(format!("it has: {}", names.join(", "))),
            });
        }
        let label = if declared.is_some_and(|d| d.secret) {
            Label::of(Origin::Input(name.clone()))
        } else {
            Label::PUBLIC
        };
        let ty = declared.map_or(&Type::Any, |d| &d.ty);
        let value = typed(passed.value(&label), ty).map_err(|found| {
            Error::plain(Failure::Usage, codes::RUN_BAD_INPUT, format!("input `{name}` should be {}, {found} was passed", ty.describe()))
                .help("`--input k=v` passes text that is read in the input's type; `--input-file FILE.json` passes JSON")
        })?;
        inputs.insert(name.clone(), value);
    }
    Ok(inputs)
}

/// A passed value in the declared type: text from the command line is read in it.
fn typed(value: Value, ty: &Type) -> std::result::Result<Value, &'static str> {
    let found = value.kind();
    let label = value.label.clone();
    let data = match (ty, &value.data) {
        (Type::Any | Type::Json, _)
        | (Type::String, Data::Text(_))
        | (Type::Bool, Data::Bool(_))
        | (Type::Number, Data::Number(_))
        | (Type::List(_), Data::List(_)) => return Ok(value),
        (Type::String, Data::Number(digits)) => Data::Text(digits.clone()),
        (Type::Int, Data::Number(digits) | Data::Text(digits))
            if digits.parse::<i128>().is_ok() =>
        {
            Data::Number(digits.clone())
        }
        (Type::Number, Data::Text(digits)) if digits.parse::<f64>().is_ok() => {
            Data::Number(digits.clone())
        }
        (Type::Bool, Data::Text(text)) if matches!(text.as_str(), "true" | "false") => {
            Data::Bool(text.as_str() == "true")
        }
        (Type::Time, _) => Data::Time(super::functions::instant(&value).map_err(|_| found)?),
        (Type::Duration, Data::Text(text)) => {
            Data::Duration(crate::plan::schedule::Dur::parse(text).map_err(|_| found)?)
        }
        (Type::Bytes, Data::Text(text)) => {
            Data::Bytes(zeroize::Zeroizing::new(text.as_bytes().to_vec()))
        }
        _ => return Err(found),
    };
    Ok(Value { data, label })
}

/// The declared environment variables that are set.
pub fn environment(world: &World, plan: &Plan) -> Values {
    plan.env
        .iter()
        .filter_map(|e| Some((e.name.clone(), Value::text(world.env.var(&e.name)?))))
        .collect()
}

/// Which versions this run sees.
pub fn pin(plan: &Plan, vault: &Vault) -> Pins {
    let declared = plan.secrets.iter().map(|declared| declared.name.as_str());
    // Those that data may name as well: which one that is shows when it is stored.
    let named = (vault.doc().names()).filter(|name| plan.allows_secret_name(name));
    let pins = declared.chain(named).filter_map(|name| {
        let entry = vault.doc().get(name)?;
        let versions = PinnedVersions {
            current: entry.current.clone(),
            previous: entry.previous.clone(),
        };
        Some((name.to_owned(), versions))
    });
    pins.collect()
}

/// The pinned values. Versions never change, so a resumed run sees what the first attempt saw.
pub fn secrets(plan: &Plan, vault: &Vault, pinned: &Pins) -> Secrets {
    let mut secrets = Secrets::new(crate::plan::fields::public_fields(plan));
    let declared = plan.secrets.iter().map(|declared| declared.name.as_str());
    let named = (pinned.keys().map(String::as_str)).filter(|name| plan.allows_secret_name(name));
    for name in declared.chain(named) {
        let (Some(entry), Some(pins)) = (vault.doc().get(name), pinned.get(name)) else {
            continue;
        };
        for (id, version) in [
            (&pins.current, Version::Current),
            (&pins.previous, Version::Previous),
        ] {
            let stored = id
                .as_deref()
                .and_then(|id| entry.version(id))
                .and_then(|v| v.value.as_ref())
                .map(stored);
            secrets.set(name, version, stored);
        }
    }
    secrets
}

/// A vault value as the scope keeps it.
pub fn stored(value: &StoredValue) -> Stored {
    match value {
        StoredValue::Single(secret) => Stored::Single(secret.clone()),
        StoredValue::Fields(fields) => Stored::Fields(fields.clone()),
    }
}
