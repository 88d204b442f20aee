//! What names mean during a run.

use super::value::{Data, Value};
use crate::plan::{Dialect, Label, Origin, Root, RunField, Version};
use crate::vault::Secret;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use zeroize::Zeroizing;

/// Values by name, in the order in which they were given: `${workflow.input}` is the same in a run that is resumed.
pub type Values = indexmap::IndexMap<String, Value>;

/// What names mean during a run.
#[derive(Clone)]
pub struct Scope {
    /// Which front end's rules hold.
    pub dialect: Dialect,
    /// Run id, start, due time, rotation.
    pub run: RunFacts,
    /// Inputs after defaults.
    pub inputs: Values,
    /// `let`s.
    pub lets: HashMap<String, Value>,
    /// Variables and loop elements.
    pub variables: HashMap<String, Value>,
    /// Captures by step and name.
    pub captures: HashMap<String, BTreeMap<String, Value>>,
    /// Outputs of Conductor tasks.
    pub outputs: HashMap<String, Value>,
    /// Other facts of Conductor tasks: status, retry count.
    pub task_fields: HashMap<(String, String), Value>,
    /// What a step that ended the rotation as failed puts out all the same.
    pub left: Option<Value>,
    /// Environment variables that the file declares, as read at the start.
    pub env: Values,
    /// The secrets as this run sees them.
    pub secrets: Secrets,
    /// The answer whose captures are being evaluated.
    pub answer: Option<Value>,
    /// The time of the last evaluation.
    pub now: jiff::Timestamp,
    /// What was made from secrets since the interpreter last asked.
    pub made: Made,
}

/// Values that the run itself made from secrets (a decoded text, a part, a hash): whoever masks the secrets must know them
/// too. Shared by the scopes of a run.
#[derive(Clone, Default)]
pub struct Made(
    std::rc::Rc<std::cell::RefCell<Vec<Secret>>>,
    std::rc::Rc<std::cell::Cell<bool>>,
);

/// Parts of a secret that are shorter are no credentials: a type, a version, a flag.
const SHORTEST_PART: usize = 6;

impl Made {
    /// Keeps the secret leaves of a value that a function gave.
    pub fn note(&self, value: &Value) {
        match &value.data {
            Data::List(items) => items.iter().for_each(|v| self.note(v)),
            Data::Object(members) => members.iter().for_each(|(_, v)| self.note(v)),
            Data::Text(_) | Data::Number(_) | Data::Bytes(_) if value.label.is_secret() => {
                let long = value.bytes().filter(|b| b.len() >= SHORTEST_PART);
                self.0.borrow_mut().extend(long.map(Secret::new));
            }
            _ => {}
        }
    }

    /// Remembers that a value which is not there may have become a word in a text.
    pub fn splice(&self) {
        self.1.set(true);
    }

    /// Whether that happened.
    pub fn has_spliced(&self) -> bool {
        self.1.get()
    }

    /// What was kept, which is then forgotten.
    pub fn take(&self) -> Vec<Secret> {
        std::mem::take(&mut *self.0.borrow_mut())
    }
}

/// What is known of a run.
#[derive(Clone)]
pub struct RunFacts {
    /// UUIDv7.
    pub id: String,
    /// When it began; the same after a resume.
    pub started_at: jiff::Timestamp,
    /// When it was due.
    pub scheduled_at: jiff::Timestamp,
    /// Rotation name.
    pub rotation: String,
    /// Why it failed, in `on failure`.
    pub reason: Option<String>,
}

/// Shorter texts are no credentials, and would be found in any sentence.
const SHORTEST_SECRET: usize = 4;

impl Scope {
    /// The texts of all secrets that the run knows, the longest first: those of the vault, and what it captured or named.
    pub fn secret_texts(&self) -> Vec<Zeroizing<String>> {
        let mut texts: Vec<Zeroizing<String>> = Vec::new();
        for ((name, _), stored) in &self.secrets.values {
            match stored {
                Stored::Single(secret) => {
                    texts.extend(secret.expose_text().map(|t| Zeroizing::new(t.to_owned())));
                }
                Stored::Fields(fields) => {
                    let secret = fields
                        .iter()
                        .filter(|(field, _)| self.secrets.label(name, field).is_secret());
                    texts.extend(
                        secret
                            .filter_map(|(_, secret)| secret.expose_text())
                            .map(|t| Zeroizing::new(t.to_owned())),
                    );
                }
            }
        }
        let captured = self.captures.values().flat_map(BTreeMap::values);
        let named = captured.chain(self.lets.values());
        texts.extend(
            named
                .filter(|value| value.label.is_secret())
                .filter_map(Value::scalar_text),
        );
        texts.retain(|text| text.chars().count() >= SHORTEST_SECRET);
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        texts
    }
}

/// The values of secrets as a run sees them: pinned at its start, moved by its own stages and promotions.
#[derive(Clone, Default)]
pub struct Secrets {
    values: HashMap<(String, Version), Stored>,
    /// Fields of records that are only ever stored from public values.
    public: BTreeSet<(String, String)>,
    /// While a probe runs: versions that stand for others.
    swaps: Vec<Swap>,
    /// What was set since the last fork: a call that runs beside others brings back only this.
    changed: BTreeSet<(String, Version)>,
}

/// A version of a secret that is taken where another is read.
#[derive(Clone)]
pub struct Swap {
    /// Name of the secret.
    pub name: String,
    /// The version that the plan reads.
    pub read: Version,
    /// The version that is taken.
    pub taken: Version,
}

/// One stored value.
#[derive(Clone)]
pub enum Stored {
    /// A single value.
    Single(Secret),
    /// Fields of a record.
    Fields(Vec<(String, Secret)>),
}

impl Secrets {
    /// No values yet; `public` are the fields of records that carry no label.
    pub fn new(public: BTreeSet<(String, String)>) -> Self {
        Self {
            public,
            ..Self::default()
        }
    }

    fn label(&self, name: &str, field: &str) -> Label {
        if self.public.contains(&(name.to_owned(), field.to_owned())) {
            Label::PUBLIC
        } else {
            Label::of(Origin::Secret(name.to_owned()))
        }
    }

    /// Sets what a version is; `None` removes it.
    pub fn set(&mut self, name: &str, version: Version, stored: Option<Stored>) {
        self.changed.insert((name.to_owned(), version));
        match stored {
            Some(stored) => self.values.insert((name.to_owned(), version), stored),
            None => self.values.remove(&(name.to_owned(), version)),
        };
    }

    /// What a version is.
    pub fn get(&self, name: &str, version: Version) -> Option<&Stored> {
        let swap = self
            .swaps
            .iter()
            .find(|swap| swap.name == name && swap.read == version);
        let version = swap.map_or(version, |swap| swap.taken);
        self.values.get(&(name.to_owned(), version))
    }

    /// Lets other versions be taken than are read, in place of those that were said before; none ends it.
    pub fn swap(&mut self, swaps: Vec<Swap>) {
        self.swaps = swaps;
    }

    /// Pending becomes current, current becomes previous.
    pub fn promote(&mut self, name: &str) {
        let Some(pending) = self.values.remove(&(name.to_owned(), Version::Pending)) else {
            return;
        };
        self.changed.extend(
            [Version::Pending, Version::Current, Version::Previous].map(|v| (name.to_owned(), v)),
        );
        if let Some(current) = self
            .values
            .insert((name.to_owned(), Version::Current), pending)
        {
            self.values
                .insert((name.to_owned(), Version::Previous), current);
        }
    }

    /// A copy that counts its own changes.
    pub fn fork(&self) -> Self {
        Self {
            changed: BTreeSet::new(),
            ..self.clone()
        }
    }

    /// Takes over what a copy changed.
    pub fn merge(&mut self, mut other: Secrets) {
        for (name, version) in std::mem::take(&mut other.changed) {
            let stored = other.values.remove(&(name.clone(), version));
            self.set(&name, version, stored);
        }
    }

    /// All secret values, for the redactor; public fields are not among them.
    pub fn each(&self) -> impl Iterator<Item = &Secret> {
        self.values
            .iter()
            .flat_map(|((name, _), stored)| match stored {
                Stored::Single(secret) => vec![secret],
                Stored::Fields(fields) => fields
                    .iter()
                    .filter(|(field, _)| self.label(name, field).is_secret())
                    .map(|(_, s)| s)
                    .collect(),
            })
    }
}

/// Why a name has no value.
pub enum Absent {
    /// It is null by the rules of the front end.
    Null,
    /// The secret, or its version, is not in the vault.
    Secret(String, Version),
    /// The step did not run, or captured nothing of that name.
    Step(String),
    /// An environment variable is not set.
    Env(String),
    /// The secret has no such field, or is not JSON.
    Field(String, String),
}

impl Scope {
    /// The value of a root.
    pub fn root(&self, root: &Root) -> Result<Value, Absent> {
        let found = match root {
            Root::Secret {
                name,
                field,
                version,
            } => return self.secret(name, field.as_deref(), *version),
            Root::Input(name) => self.inputs.get(name).cloned(),
            Root::Inputs => Some(
                Data::Object(
                    self.inputs
                        .iter()
                        .map(|(n, v)| (n.clone(), v.clone()))
                        .collect(),
                )
                .into(),
            ),
            Root::Let(name) => match self.lets.get(name) {
                Some(value) => Some(value.clone()),
                None if self.dialect.semantics().absent_is_null => None,
                None => return Err(Absent::Step(name.clone())),
            },
            Root::Variable(name) => self.variables.get(name).cloned(),
            Root::Capture { step, name } => match self.captures.get(step).and_then(|c| c.get(name))
            {
                Some(value) => Some(value.clone()),
                None if self.dialect.semantics().absent_is_null => None,
                None => return Err(Absent::Step(step.clone())),
            },
            Root::Output(step) => self.outputs.get(step).cloned(),
            Root::TaskField { step, field } => self
                .task_fields
                .get(&(step.clone(), field.clone()))
                .cloned(),
            Root::Env(name) => match self.env.get(name) {
                Some(value) => Some(value.clone()),
                None if self.dialect.semantics().absent_is_null => None,
                None => return Err(Absent::Env(name.clone())),
            },
            Root::Run(field) => Some(self.run_field(*field)),
            Root::Answer => self.answer.clone(),
        };
        found.ok_or(Absent::Null)
    }

    fn secret(&self, name: &str, field: Option<&str>, version: Version) -> Result<Value, Absent> {
        let stored = self
            .secrets
            .get(name, version)
            .ok_or_else(|| Absent::Secret(name.to_owned(), version))?;
        let origin = Origin::Secret(name.to_owned());
        match (stored, field) {
            (Stored::Single(secret), None) => Ok(Value::secret(secret, origin)),
            (Stored::Fields(fields), None) => {
                let members = fields
                    .iter()
                    .map(|(n, s)| {
                        (
                            n.clone(),
                            Value::secret(s, origin.clone())
                                .relabelled(&self.secrets.label(name, n)),
                        )
                    })
                    .collect();
                Ok(Value {
                    data: Data::Object(members),
                    label: Label::PUBLIC,
                })
            }
            (Stored::Fields(fields), Some(field)) => fields
                .iter()
                .find(|(n, _)| n == field)
                .map(|(_, s)| Value::secret(s, origin).relabelled(&self.secrets.label(name, field)))
                .ok_or_else(|| Absent::Field(name.to_owned(), field.to_owned())),
            (Stored::Single(secret), Some(path)) => {
                // A JSON secret: `${workflow.secrets.db.password}` splits at the first dot, the rest is a path into its value.
                let label = Label::derived(origin, crate::plan::Derivation::Part);
                let text = secret.expose_text().unwrap_or("");
                let parsed = crate::json::parse_text(text)
                    .ok()
                    .map(|node| Value::from_node(&node, &label));
                let mut value = parsed.as_ref();
                for name in path.trim_start_matches("$.").split('.') {
                    value = value.and_then(|v| v.get(name));
                }
                let found = value
                    .cloned()
                    .ok_or_else(|| Absent::Field(name.to_owned(), path.to_owned()))?;
                self.made.note(&found);
                Ok(found)
            }
        }
    }

    fn run_field(&self, field: RunField) -> Value {
        match field {
            RunField::Id => Value::text(self.run.id.clone()),
            RunField::StartedAt => Data::Time(self.run.started_at).into(),
            RunField::ScheduledAt => Data::Time(self.run.scheduled_at).into(),
            RunField::Rotation => Value::text(self.run.rotation.clone()),
            RunField::Status => Value::text(if self.run.reason.is_some() {
                "FAILED"
            } else {
                "RUNNING"
            }),
            RunField::Version => Value::int(1),
            RunField::CorrelationId => Value::null(),
            RunField::Now => Data::Time(self.now).into(),
            RunField::Reason => self
                .run
                .reason
                .clone()
                .map_or_else(Value::null, Value::text),
        }
    }
}
