//! Who can see what: for each secret where it goes, through which steps. For people who judge a plan without reading it.
//!
//! Made from the same events as the findings, and drawn by others. Says nothing of what is right or wrong.

use super::context::{Context, Leak};
use super::flow::{Analysis, Event, Part, Sink};
use super::{Options, flow::Atom};
use crate::diagnostic::Label;
use crate::plan::{Derivation, Origin, Plan, Policy};
use crate::source::Span;
use std::collections::BTreeMap;

/// All secrets of a plan with their ways.
#[derive(Debug, Clone, Default)]
pub struct Flows {
    /// Declared secrets first, in order; then those that come into being, in the order in which they are met.
    pub secrets: Vec<SecretFlow>,
}

/// One secret.
#[derive(Debug, Clone)]
pub struct SecretFlow {
    /// `api_key`, `mint.token`, the name of an input or of the step that answered.
    pub name: String,
    /// Where it comes from.
    pub kind: Kind,
    /// Name of the rotation that it belongs to; absent for secrets of the vault.
    pub rotation: Option<String>,
    /// The declaration, or where it begins.
    pub span: Span,
    /// Where its declaration lets it go; `None` where nothing is declared.
    pub allowed: Option<Vec<String>>,
    /// The step that brings it.
    pub issuer: Option<String>,
    /// Where it goes, in the order of the text.
    pub flows: Vec<Flow>,
}

/// Where a secret comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It is kept in the vault.
    Vault,
    /// A step captures or generates it.
    Minted,
    /// The caller passes it.
    Input,
    /// An answer that holds a credential and was kept whole.
    Answer,
    /// It stands in the text.
    Literal,
}

impl Kind {
    /// For machine formats.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Vault => "vault",
            Kind::Minted => "minted",
            Kind::Input => "input",
            Kind::Answer => "answer",
            Kind::Literal => "literal",
        }
    }
}

/// One place that a secret reaches.
#[derive(Debug, Clone)]
pub struct Flow {
    /// Name of the rotation.
    pub rotation: String,
    /// Name and kind of the step; absent for what a rotation returns.
    pub step: Option<(String, String)>,
    /// The expression.
    pub span: Span,
    /// Where it goes.
    pub to: To,
    /// How the value still shows the secret.
    pub how: Derivation,
    /// Only whether something happens depends on it.
    pub decides: bool,
    /// The places that it came through.
    pub via: Vec<Label>,
}

/// Where a secret goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum To {
    /// A server.
    Host {
        /// Host and port, or that it is computed.
        name: String,
        /// The part of the request.
        place: String,
    },
    /// The vault.
    Vault {
        /// The secret that is written, with its field.
        name: String,
    },
    /// What a run returns, which is shown.
    Output {
        /// Its name.
        name: String,
        /// Shown as `***`.
        masked: bool,
    },
    /// An input of another rotation.
    Call {
        /// Which rotation and input.
        name: String,
    },
    /// A variable of the workflow (Conductor), which the server keeps.
    Variable {
        /// Its name.
        name: String,
        /// Shown as `***`.
        masked: bool,
    },
    /// A target, to which each new version is delivered.
    Target {
        /// Its name.
        name: String,
        /// Its kind and place.
        place: String,
    },
    /// Lines for people.
    Log,
    /// The message of a failed run.
    Error,
    /// What a person is asked to do.
    Instructions,
    /// `rot status`, as the day on which a secret expires.
    Status,
    /// Released on purpose.
    Released {
        /// The author's reason.
        reason: String,
    },
}

impl To {
    /// For machine formats.
    pub fn kind(&self) -> &'static str {
        match self {
            To::Host { .. } => "host",
            To::Vault { .. } => "vault",
            To::Output { .. } => "output",
            To::Call { .. } => "rotation",
            To::Variable { .. } => "variable",
            To::Target { .. } => "target",
            To::Log => "log",
            To::Error => "error",
            To::Instructions => "instructions",
            To::Status => "status",
            To::Released { .. } => "released",
        }
    }

    /// What brings it there where no step does.
    pub fn without_step(&self) -> &'static str {
        match self {
            To::Target { .. } | To::Host { .. } => "deliver",
            _ => "output",
        }
    }

    /// Who sees it, for people.
    pub fn describe(&self) -> String {
        match self {
            To::Host { name, .. } => name.clone(),
            To::Vault { name } => format!("the vault, as `{name}`"),
            To::Output { name, masked } => match (name.is_empty(), masked) {
                (true, _) => "the output".to_owned(),
                (false, true) => format!("output `{name}`, masked"),
                (false, false) => format!("output `{name}`"),
            },
            To::Call { name } => format!("rotation `{name}`"),
            To::Variable { name, masked } => {
                format!("variable `{name}`{}", if *masked { ", masked" } else { "" })
            }
            To::Target { name, .. } => format!("target `{name}`"),
            To::Log => "the log".to_owned(),
            To::Error => "the error message".to_owned(),
            To::Instructions => "the instructions for a person".to_owned(),
            To::Status => "the status, as a day of expiry".to_owned(),
            To::Released { reason } => format!("the public: {reason}"),
        }
    }

    /// The part of a request; empty elsewhere.
    pub fn place(&self) -> &str {
        match self {
            To::Host { place, .. } | To::Target { place, .. } => place,
            _ => "",
        }
    }
}

/// How a value still shows a secret, for people; empty for the secret as it is.
pub fn how(derivation: Derivation) -> &'static str {
    match derivation {
        Derivation::Weak | Derivation::Whole => "",
        Derivation::Encoded => "encoded",
        Derivation::Part => "a piece of it",
        Derivation::Opaque => "made from it",
    }
}

/// The ways of all secrets.
pub fn flows(plan: &Plan) -> Flows {
    let analysis = Analysis::of(plan);
    let options = Options::default();
    let texts = super::Texts::default();
    let context = Context::new(&analysis, &options, &texts);
    let mut all = Gather {
        context: &context,
        analysis: &analysis,
        secrets: Vec::new(),
        index: BTreeMap::new(),
    };
    for secret in &plan.secrets {
        let allowed = match &secret.policy {
            Policy::Declared(to) => Some(to.iter().map(describe_destination).collect()),
            Policy::Implied => None,
        };
        let origin = Origin::Secret(secret.name.clone());
        let at = all.entry(None, &origin, secret.at.0);
        if let Some(flow) = all.secrets.get_mut(at) {
            flow.allowed = allowed;
        }
    }
    for event in &analysis.events {
        let Some(to) = all.target(event) else {
            continue;
        };
        for (leaks, decides) in [
            (context.leaks(event), false),
            (context.deciders(event), true),
        ] {
            for leak in leaks {
                all.add(event, &leak, to.clone(), decides);
            }
        }
    }
    all.deliveries();
    all.reveals();
    Flows {
        secrets: all.secrets,
    }
}

fn describe_destination(to: &crate::plan::Destination) -> String {
    let port = to.port.map_or(String::new(), |p| format!(":{p}"));
    let places: Vec<&str> = to.places.iter().map(|p| p.as_str()).collect();
    format!("{}{port} in {}", to.host.0, places.join(", "))
}

struct Gather<'a, 'p> {
    context: &'a Context<'a, 'p>,
    analysis: &'a Analysis<'p>,
    secrets: Vec<SecretFlow>,
    index: BTreeMap<(Option<usize>, Origin), usize>,
}

impl<'p> Gather<'_, 'p> {
    fn rotation(&self, index: usize) -> String {
        self.analysis
            .plan
            .rotations
            .get(index)
            .map_or(String::new(), |r| r.name.clone())
    }

    fn entry(&mut self, rotation: Option<usize>, origin: &Origin, span: Span) -> usize {
        let key = (rotation, origin.clone());
        if let Some(at) = self.index.get(&key) {
            return *at;
        }
        let (kind, name, issuer) = match origin {
            Origin::Secret(name) => (Kind::Vault, name.clone(), None),
            Origin::Minted { step, name, .. } => {
                (Kind::Minted, format!("{step}.{name}"), Some(step.clone()))
            }
            Origin::Response(step) => (
                Kind::Answer,
                format!("answer of {step}"),
                Some(step.clone()),
            ),
            Origin::Input(name) => (Kind::Input, name.clone(), None),
            Origin::Literal(number) => (Kind::Literal, format!("text {number}"), None),
        };
        let rotation = rotation.map(|index| self.rotation(index));
        self.secrets.push(SecretFlow {
            name,
            kind,
            rotation,
            span,
            allowed: None,
            issuer,
            flows: Vec::new(),
        });
        let at = self.secrets.len() - 1;
        self.index.insert(key, at);
        at
    }

    fn step(&self, id: usize) -> (String, String) {
        self.analysis
            .order
            .get(id)
            .map_or_else(Default::default, |node| {
                let kind = if let crate::plan::Task::Http(http) = &node.step.task {
                    format!("http {}", http.method)
                } else {
                    node.step.task.kind().to_owned()
                };
                (node.step.name.clone(), kind)
            })
    }

    fn target(&self, event: &Event<'p>) -> Option<To> {
        Some(match &event.sink {
            Sink::Log => To::Log,
            Sink::ErrorText => To::Error,
            Sink::Instructions => To::Instructions,
            Sink::Output { name, masked } => To::Output {
                name: (*name).to_owned(),
                masked: *masked,
            },
            Sink::Request { part, .. } => {
                let (request, _) = self.context.request(event)?;
                let place = match part {
                    Part::Header(name) => format!("header {name}"),
                    Part::Body => "body".to_owned(),
                    Part::Query => "query".to_owned(),
                    Part::Path => "path".to_owned(),
                    Part::UserInfo => "user info".to_owned(),
                    Part::In(place) => place.as_str().to_owned(),
                    Part::Host => "host name".to_owned(),
                    Part::Sent => String::new(),
                };
                let standard = matches!(
                    (request.target.scheme.as_deref(), request.target.port),
                    (Some("https"), Some(443)) | (Some("http"), Some(80))
                );
                let port = request
                    .target
                    .port
                    .filter(|_| !standard)
                    .map_or(String::new(), |p| format!(":{p}"));
                let name = request
                    .target
                    .host
                    .as_ref()
                    .map_or("a computed host".to_owned(), |host| format!("{host}{port}"));
                To::Host { name, place }
            }
            Sink::Store { secret, field } => {
                let name = secret.unwrap_or("a computed name");
                To::Vault {
                    name: field.map_or(name.to_owned(), |f| format!("{name}.{f}")),
                }
            }
            Sink::CallInput { rotation, name } => To::Call {
                name: format!("{rotation}.{name}"),
            },
            Sink::Elsewhere { kind, .. } => To::Call {
                name: (*kind).to_owned(),
            },
            Sink::Variable { name, masked } => To::Variable {
                name: (*name).to_owned(),
                masked: *masked,
            },
            Sink::Expiry { .. } => To::Status,
            Sink::SecretName | Sink::Let { .. } | Sink::Branch => return None,
        })
    }

    fn add(&mut self, event: &Event<'p>, leak: &Leak<'_>, to: To, decides: bool) {
        let via = self.analysis.way(&leak.entry);
        let begins = via.first().map_or(Span::NONE, |l| l.span);
        let rotation = match self.analysis.trails.atom(leak.entry.atom) {
            Some(Atom::Origin { rotation, .. }) => *rotation,
            _ => None,
        };
        let at = self.entry(rotation, leak.origin, begins);
        let flow = Flow {
            rotation: self.rotation(event.rotation),
            step: event.step.map(|id| self.step(id)),
            span: event.span,
            to,
            how: leak.entry.derivation,
            decides,
            via,
        };
        let Some(secret) = self.secrets.get_mut(at) else {
            return;
        };
        let same = |f: &&mut Flow| {
            f.rotation == flow.rotation
                && f.step == flow.step
                && f.to == flow.to
                && f.decides == flow.decides
        };
        match secret.flows.iter_mut().find(same) {
            Some(known) => known.how = known.how.max(flow.how),
            None => secret.flows.push(flow),
        }
    }

    /// What belongs to a secret and to no step: the targets to which it is delivered.
    fn deliveries(&mut self) {
        let plan = self.analysis.plan;
        for delivery in &plan.deliveries {
            let Some(target) = plan.target(&delivery.target) else {
                continue;
            };
            let origin = Origin::Secret(delivery.secret.clone());
            let at = self.entry(None, &origin, delivery.at.0);
            let to = To::Target {
                name: target.name.clone(),
                place: target.describe().replace('`', ""),
            };
            if let Some(secret) = self.secrets.get_mut(at) {
                secret.flows.push(Flow {
                    rotation: String::new(),
                    step: None,
                    span: delivery.at.0,
                    to,
                    how: match delivery.field {
                        Some(_) => Derivation::Part,
                        None => Derivation::Whole,
                    },
                    decides: false,
                    via: Vec::new(),
                });
            }
        }
        let sendings = plan.targets.iter().flat_map(|target| target.sendings());
        for sending in sendings {
            let (credential, origin) = (
                sending.credential,
                Origin::Secret(sending.credential.secret.clone()),
            );
            let at = self.entry(None, &origin, credential.at.0);
            let standard = matches!(sending.port, Some(443) | None);
            let port = sending.port.filter(|_| !standard);
            let port = port.map_or(String::new(), |port| format!(":{port}"));
            if let Some(secret) = self.secrets.get_mut(at) {
                secret.flows.push(Flow {
                    rotation: String::new(),
                    step: None,
                    span: credential.at.0,
                    to: To::Host {
                        name: format!("{}{port}", sending.host),
                        place: sending.place.as_str().to_owned(),
                    },
                    how: match credential.field {
                        Some(_) => Derivation::Part,
                        None => Derivation::Whole,
                    },
                    decides: false,
                    via: Vec::new(),
                });
            }
        }
    }

    fn reveals(&mut self) {
        for reveal in &self.analysis.reveals {
            let node = reveal.step.and_then(|id| self.analysis.order.get(id));
            for (origin, how) in reveal
                .label
                .iter()
                .filter(|(_, how)| *how > Derivation::Weak)
            {
                let here = node.map(|n| n.rotation);
                let mut of_origin = self.index.iter().filter(|((_, o), _)| o == origin);
                let known = of_origin
                    .clone()
                    .find(|((r, _), _)| r.is_none() || here.is_none() || *r == here)
                    .or_else(|| of_origin.next());
                let at = match known.map(|(_, at)| *at) {
                    Some(at) => at,
                    None => self.entry(here, origin, reveal.span),
                };
                let rotation = here.map_or(String::new(), |index| self.rotation(index));
                let step = reveal.step.map(|id| self.step(id));
                let to = To::Released {
                    reason: reveal.reason.to_owned(),
                };
                if let Some(secret) = self.secrets.get_mut(at) {
                    secret.flows.push(Flow {
                        rotation,
                        step,
                        span: reveal.span,
                        to,
                        how,
                        decides: false,
                        via: Vec::new(),
                    });
                }
            }
        }
    }
}

/// One `reveal`.
#[derive(Debug, Clone)]
pub struct Release {
    /// Name of the rotation; empty where the `reveal` stands in its outputs and there are several.
    pub rotation: String,
    /// Name of the step; absent in a rotation's outputs.
    pub step: Option<String>,
    /// The whole `reveal`.
    pub span: Span,
    /// The author's reason.
    pub reason: String,
    /// What is released.
    pub secrets: Vec<String>,
}

/// Every declassification of a plan, in text order, each place once.
pub fn releases(plan: &Plan) -> Vec<Release> {
    let analysis = Analysis::of(plan);
    let mut all: Vec<Release> = Vec::new();
    for reveal in &analysis.reveals {
        let index = reveal
            .step
            .and_then(|id| analysis.order.get(id))
            .map(|n| n.rotation);
        let index = index.or(if plan.rotations.len() == 1 {
            Some(0)
        } else {
            None
        });
        let strong = reveal
            .label
            .iter()
            .filter(|(_, how)| *how > Derivation::Weak);
        all.push(Release {
            rotation: index
                .and_then(|i| plan.rotations.get(i))
                .map_or(String::new(), |r| r.name.clone()),
            step: reveal.step.map(|id| analysis.step_name(id).to_owned()),
            span: reveal.span,
            reason: reveal.reason.to_owned(),
            secrets: strong.map(|(origin, _)| origin.describe()).collect(),
        });
    }
    all.sort_by_key(|r| (r.span.file, r.span.start));
    all.dedup_by(|a, b| a.span == b.span && a.span.is_some() && a.step == b.step);
    all
}
