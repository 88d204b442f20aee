//! The flow analysis: what every value came from, and everything that leaves the run.
//!
//! One pass over a [`Plan`] (several where there are loops) records every [`Event`] at which a value reaches a [`Sink`],
//! with its label, the label of the conditions around it, and a shortest way for each origin. The rules look at events and at
//! the plan and never at how it was spelled. What the analysis promises and what it does not: `docs/security-model.md`.

mod call;
mod engine;
mod eval;
mod failure;
mod http;
mod path;
mod record;
mod shape;
mod taint;
mod url;
mod variables;

pub(crate) use call::REACHED;
pub(crate) use eval::{access, capture_path};
pub(crate) use path::overlap;
pub(crate) use taint::{Atom, AtomId, Entry, HopKind, Taint};
pub use url::Target;

use super::order::Order;
use crate::diagnostic;
use crate::plan::{Label, Plan, Task};
use crate::source::Span;
use std::collections::{HashMap, HashSet};

/// What a plan does with its secrets.
#[derive(Debug)]
pub struct Analysis<'p> {
    /// The plan.
    pub plan: &'p Plan,
    /// Its steps.
    pub order: Order<'p>,
    /// All that leaves the run or is stored, in text order of each rotation.
    pub events: Vec<Event<'p>>,
    /// All HTTP requests.
    pub requests: Vec<Request<'p>>,
    /// All declassifications.
    pub reveals: Vec<Reveal<'p>>,
    pub(crate) trails: taint::Trails<'p>,
    /// Captures (step, name) and whole outputs (step, empty name) that something reads.
    pub(crate) used: HashSet<(usize, &'p str)>,
    /// Vault secrets that something reads.
    pub(crate) read_secrets: HashSet<&'p str>,
    values: Vec<(Span, Taint)>,
    pub(super) lets: HashMap<(usize, &'p str), shape::Shape>,
    pub(super) captures: HashMap<(usize, &'p str), shape::Shape>,
}

/// A value reaches a sink.
#[derive(Debug, Clone)]
pub struct Event<'p> {
    /// Index of the rotation.
    pub rotation: usize,
    /// Number of the step; absent for the rotation's outputs.
    pub step: Option<usize>,
    /// Where it goes.
    pub sink: Sink<'p>,
    /// The expression.
    pub span: Span,
    pub(crate) taint: Taint,
}

/// Where a value goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Sink<'p> {
    /// A line for people.
    Log,
    /// The message of a failed or stopped run.
    ErrorText,
    /// Text that a person is asked to act on.
    Instructions,
    /// The run's output.
    Output {
        /// Its name; empty when the whole output is replaced.
        name: &'p str,
        /// Shown as `***`.
        masked: bool,
    },
    /// A request: the part in which the value stands.
    Request {
        /// Index into [`Analysis::requests`].
        request: usize,
        /// Where.
        part: Part<'p>,
    },
    /// The new value of a secret.
    Store {
        /// Which; absent when its name is computed.
        secret: Option<&'p str>,
        /// Field of a record.
        field: Option<&'p str>,
    },
    /// The name of the secret that is written.
    SecretName,
    /// When a secret expires, which is shown.
    Expiry {
        /// Which secret.
        secret: Option<&'p str>,
    },
    /// An entry of `workflow.variables`.
    Variable {
        /// Its name.
        name: &'p str,
        /// Under `_secrets` or `_masked`.
        masked: bool,
    },
    /// A `let` (in Conductor: the result of a task, which is kept).
    Let {
        /// Its name.
        name: &'p str,
    },
    /// An input of another rotation.
    CallInput {
        /// Which rotation.
        rotation: &'p str,
        /// Which input.
        name: &'p str,
    },
    /// The text that chooses a branch.
    Branch,
    /// The input of a Conductor task that is not run here.
    Elsewhere {
        /// The type of the task.
        kind: &'p str,
        /// Under `_secrets` or `_masked`.
        masked: bool,
    },
}

/// A part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part<'p> {
    /// A place that only other protocols than HTTP have, or the key of a signature.
    In(crate::plan::Place),
    /// Scheme, host or port.
    Host,
    /// Before `@`.
    UserInfo,
    /// The path, or the fragment.
    Path,
    /// The query.
    Query,
    /// A header of this name.
    Header(&'p str),
    /// The body.
    Body,
    /// That the request is made at all.
    Sent,
}

/// An HTTP request.
#[derive(Debug, Clone)]
pub struct Request<'p> {
    /// Number of the step.
    pub step: usize,
    /// The exchange: of the step, or one of its stray cleaners.
    pub http: &'p crate::plan::task::Http,
    /// Where it goes.
    pub target: Target,
    pub(crate) carries: Taint,
}

/// A declassification.
#[derive(Debug, Clone)]
pub struct Reveal<'p> {
    /// Number of the step; absent in the rotation's outputs.
    pub step: Option<usize>,
    /// The whole `reveal`.
    pub span: Span,
    /// The author's reason.
    pub reason: &'p str,
    /// What is released.
    pub label: Label,
    pub(crate) pc: Taint,
    /// What decided before it that the run went on.
    pub(crate) guard: Taint,
}

/// The label of a name.
#[derive(Debug, Clone)]
pub struct Named<'p> {
    /// Index of the rotation.
    pub rotation: usize,
    /// Step, for captures.
    pub step: Option<&'p str>,
    /// The name.
    pub name: &'p str,
    /// Its label.
    pub label: Label,
    /// Where it is defined.
    pub span: Span,
}

impl<'p> Analysis<'p> {
    /// Analyses a plan.
    pub fn of(plan: &'p Plan) -> Self {
        engine::run(plan, Order::of(plan), false)
    }

    /// The labels of all expressions that name something secret, by their places: for whoever shows the text.
    pub fn labels(plan: &'p Plan) -> HashMap<Span, Label> {
        let analysis = engine::run(plan, Order::of(plan), true);
        let mut labels: HashMap<Span, Label> = HashMap::new();
        for (span, taint) in analysis.values.iter().filter(|(span, _)| span.is_some()) {
            let label = analysis.trails.label(taint, false);
            if !label.is_public() {
                labels.entry(*span).or_default().join(&label);
            }
        }
        labels
    }

    /// What the value of an event came from.
    pub fn label(&self, event: &Event<'p>) -> Label {
        self.trails.label(&event.taint, false)
    }

    /// What a request carries.
    pub fn carried(&self, request: &Request<'p>) -> Label {
        self.trails.label(&request.carries, false)
    }

    /// The label of each name.
    pub fn names(&self) -> Vec<Named<'p>> {
        let label = |shape: Option<&shape::Shape>| {
            shape
                .map(|s| self.trails.label(&s.all(), false))
                .unwrap_or_default()
        };
        let mut names = Vec::new();
        for (id, node) in self.order.iter() {
            let (rotation, at) = (node.rotation, node.step.at.0);
            if let Task::Let(item) = &node.step.task {
                let label = label(self.lets.get(&(rotation, item.name.as_str())));
                names.push(Named {
                    rotation,
                    step: None,
                    name: &item.name,
                    label,
                    span: at,
                });
            }
            for captured in node.step.task.captures() {
                let label = label(self.captures.get(&(id, captured.name)));
                names.push(Named {
                    rotation,
                    step: Some(&node.step.name),
                    name: captured.name,
                    label,
                    span: captured.at.map_or(at, |place| place.0),
                });
            }
        }
        names
    }

    /// The way of one origin into a value, as places with words; ends before the sink.
    pub(crate) fn way(&self, entry: &Entry) -> Vec<diagnostic::Label> {
        let stations = self.trails.way(entry);
        let mut labels: Vec<diagnostic::Label> = Vec::new();
        for hop in stations.iter().filter(|hop| hop.span.is_some()) {
            let text = match hop.kind {
                HopKind::Source(atom) => self.source_text(atom),
                HopKind::Let(name) => format!("kept as `{name}`"),
                HopKind::Variable(name) => format!("kept in the variable `{name}`"),
                HopKind::Function(name) => format!("changed by `{name}`"),
                HopKind::Condition => "decides here".to_owned(),
                HopKind::Passed(name) => format!("passed as input `{name}`"),
                HopKind::Returned(name) => format!("returned by `{name}`"),
            };
            match labels.last_mut() {
                Some(last) if last.span == hop.span => last.text = format!("{}; {text}", last.text),
                _ => labels.push(diagnostic::Label::new(hop.span, text)),
            }
        }
        labels
    }

    fn source_text(&self, atom: AtomId) -> String {
        match self.trails.atom(atom) {
            Some(Atom::Origin {
                origin: crate::plan::Origin::Minted { step, name, .. },
                ..
            }) => format!("`{step}.{name}` begins here"),
            Some(Atom::Origin { origin, .. }) => format!("{} is read here", origin.describe()),
            Some(Atom::Answer { step, .. }) => format!("the answer of `{}`", self.step_name(*step)),
            Some(Atom::Caller {
                name: call::REACHED,
                ..
            }) => "the caller".to_owned(),
            Some(Atom::Caller { name: "", .. }) => {
                "all inputs, which the caller chooses".to_owned()
            }
            Some(Atom::Caller { name, .. }) => format!("input `{name}`, which the caller chooses"),
            None => String::new(),
        }
    }

    /// The name of a step.
    pub fn step_name(&self, step: usize) -> &'p str {
        self.order
            .get(step)
            .map_or("", |node| node.step.name.as_str())
    }
}
