//! What the rules ask: which secrets are in an event, where they may go, how they got there.

use super::calls::Calls;
use super::flow::{
    Analysis, Atom, AtomId, Entry, Event, Part, Request, Sink, Taint, Target, capture_path, overlap,
};
use super::intent::Intent;
use super::life::{self, Fact};
use super::lifecycle::Lifecycle;
use super::order::Order;
use super::vocabulary::letters;
use super::{Options, Texts};
use crate::diagnostic::{Code, Diagnostic, Label};
use crate::plan::egress::{Egress, Ruling, Spot};
use crate::plan::task::CaptureSource;
use crate::plan::{
    Derivation, Expr, ExprKind, Origin, Place, Plan, Root, SecretDecl, Task, Version,
};
use std::collections::{HashMap, HashSet};

/// How many `let`s are followed.
const LETS: usize = 16;

/// Everything that a rule may look at.
pub(crate) struct Context<'a, 'p> {
    pub(crate) plan: &'p Plan,
    pub(crate) flow: &'a Analysis<'p>,
    pub(crate) options: &'a Options,
    pub(crate) texts: &'a Texts<'a>,
    /// Places of each step's answer that hold a credential: kept in a secret, or captured as one.
    credentials: HashMap<usize, Vec<Vec<String>>>,
    /// The secrets into which each atom is stored.
    stores: HashMap<AtomId, HashSet<&'p str>>,
    /// Declarations by name.
    secrets: HashMap<&'p str, &'p SecretDecl>,
    /// The requests of each step.
    requests: HashMap<usize, Vec<&'a Request<'p>>>,
    /// By rotation and name.
    lets: HashMap<(usize, &'p str), &'p Expr>,
    /// The outputs that a definition does not name: the reader puts the last task's in their place.
    implied: HashSet<(usize, &'p str)>,
    /// Where each credential may go.
    pub(crate) egress: Egress<'p>,
    pub(super) lifecycle: Lifecycle<'p>,
    /// What the calls of a definition are for, which says it nowhere.
    pub(crate) intent: Intent<'p>,
    /// Which steps call which rotation.
    pub(crate) calls: Calls,
    /// What holds of credentials on some way through a rotation.
    pub(crate) life: Vec<Fact<'p>>,
}

/// One secret in an event.
pub(crate) struct Leak<'a> {
    pub(crate) entry: Entry,
    pub(crate) origin: &'a Origin,
}

impl<'a, 'p> Context<'a, 'p> {
    pub(crate) fn new(flow: &'a Analysis<'p>, options: &'a Options, texts: &'a Texts<'a>) -> Self {
        let mut credentials: HashMap<usize, Vec<Vec<String>>> = HashMap::new();
        for (id, node) in flow.order.iter() {
            if let Task::Http(http) = &node.step.task {
                let secret = http
                    .captures
                    .iter()
                    .filter(|c| c.secret && !matches!(c.source, CaptureSource::Status));
                credentials
                    .entry(id)
                    .or_default()
                    .extend(secret.map(|c| capture_path(&c.source)));
            }
        }
        let mut stores: HashMap<AtomId, HashSet<&'p str>> = HashMap::new();
        for event in &flow.events {
            let Sink::Store { secret, .. } = &event.sink else {
                continue;
            };
            for entry in event
                .taint
                .iter()
                .filter(|e| !e.control && e.derivation > Derivation::Weak)
            {
                stores.entry(entry.atom).or_default().extend(secret);
                if let Some(Atom::Answer { step, path }) = flow.trails.atom(entry.atom) {
                    credentials.entry(*step).or_default().push(path.clone());
                }
            }
        }
        let mut secrets = HashMap::new();
        for secret in &flow.plan.secrets {
            secrets.entry(secret.name.as_str()).or_insert(secret);
        }
        let mut requests: HashMap<usize, Vec<&'a Request<'p>>> = HashMap::new();
        for request in &flow.requests {
            requests.entry(request.step).or_default().push(request);
        }
        let lets = flow.order.iter().filter_map(|(_, node)| {
            let Task::Let(assign) = &node.step.task else {
                return None;
            };
            Some(((node.rotation, assign.name.as_str()), &assign.value))
        });
        let lets = lets.collect();
        let (implied, lifecycle) = (implied(flow.plan), Lifecycle::of(flow));
        Self {
            plan: flow.plan,
            flow,
            options,
            texts,
            credentials,
            stores,
            secrets,
            requests,
            lets,
            implied,
            egress: Egress::of(flow.plan),
            lifecycle,
            intent: Intent::of(flow),
            calls: Calls::of(flow.plan, &flow.order),
            life: life::facts(flow.plan, &flow.order),
        }
    }

    /// The declaration of a secret.
    pub(crate) fn secret(&self, name: &str) -> Option<&'p SecretDecl> {
        self.secrets.get(name).copied()
    }

    /// What a `let` of a rotation stands for.
    pub(crate) fn let_value(&self, rotation: usize, name: &str) -> Option<&'p Expr> {
        self.lets.get(&(rotation, name)).copied()
    }

    /// What an expression is behind the `let`s that name it, and behind the fields of objects that are written out.
    pub(crate) fn meant(&self, rotation: usize, expr: &'p Expr) -> &'p Expr {
        let mut expr = expr;
        for _ in 0..LETS {
            let next = match &expr.kind {
                ExprKind::Ref(Root::Let(name)) => self.let_value(rotation, name),
                ExprKind::Field(inner, field) => match &self.meant_once(rotation, inner).kind {
                    ExprKind::Object(members) => {
                        (members.iter().find(|(name, _)| name == field)).map(|(_, value)| value)
                    }
                    _ => None,
                },
                _ => None,
            };
            match next {
                Some(next) => expr = next,
                None => break,
            }
        }
        expr
    }

    /// The secret, field and version that an expression is behind its `let`s, where it is one.
    pub(crate) fn meant_as(
        &self,
        rotation: usize,
        expr: &Expr,
    ) -> Option<(&'p str, Option<&'p str>, Version)> {
        let named = match &expr.kind {
            ExprKind::Ref(Root::Let(name)) => self.meant(rotation, self.let_value(rotation, name)?),
            ExprKind::Ref(Root::Secret {
                name,
                field,
                version,
            }) => {
                let declared = self.secret(name)?;
                let field = field
                    .as_deref()
                    .and_then(|field| declared.fields.iter().find(|f| *f == field))
                    .map(String::as_str);
                return Some((&declared.name, field, *version));
            }
            _ => return None,
        };
        match &named.kind {
            ExprKind::Ref(Root::Secret {
                name,
                field,
                version,
            }) => Some((name, field.as_deref(), *version)),
            _ => None,
        }
    }

    fn meant_once(&self, rotation: usize, expr: &'p Expr) -> &'p Expr {
        match &expr.kind {
            ExprKind::Ref(Root::Let(name)) => self.let_value(rotation, name).unwrap_or(expr),
            _ => expr,
        }
    }

    /// The requests that a step makes.
    pub(crate) fn requests_of(&self, step: usize) -> impl Iterator<Item = &'a Request<'p>> {
        self.requests.get(&step).into_iter().flatten().copied()
    }

    /// Whether an event is an output that the definition does not name.
    pub(crate) fn is_implied(&self, event: &Event<'p>) -> bool {
        matches!(event.sink, Sink::Output { name, masked: false }
            if event.step.is_none() && (self.is_whole_result(event) || self.implied.contains(&(event.rotation, name))))
    }

    /// Whether an event is the output of a task as a whole, with the masks that it has, in a definition that names no output.
    pub(crate) fn is_whole_result(&self, event: &Event<'p>) -> bool {
        matches!(event.sink, Sink::Output { name: "", .. }) && event.step.is_none()
    }

    /// Whether an output is what the last task gives, in a definition that names none.
    pub(crate) fn is_implied_output(&self, rotation: usize, name: &'p str) -> bool {
        self.implied.contains(&(rotation, name))
    }

    pub(crate) fn order(&self) -> &'a Order<'p> {
        &self.flow.order
    }

    /// The secrets in the value of an event, not counting those that only decided that it happens.
    pub(crate) fn leaks(&self, event: &'a Event<'p>) -> Vec<Leak<'a>> {
        self.secrets(event, false)
    }

    /// The secrets that decided that an event happens.
    pub(crate) fn deciders(&self, event: &'a Event<'p>) -> Vec<Leak<'a>> {
        // An answer that was not projected is no certain secret; what it decides is not reported.
        self.secrets(event, true)
            .into_iter()
            .filter(|l| !matches!(l.origin, Origin::Response(_)))
            .collect()
    }

    fn secrets(&self, event: &'a Event<'p>, control: bool) -> Vec<Leak<'a>> {
        event
            .taint
            .iter()
            .filter(|e| e.control == control && e.derivation > Derivation::Weak)
            .filter_map(|e| {
                self.flow
                    .trails
                    .origin(e.atom)
                    .map(|origin| Leak { entry: *e, origin })
            })
            .filter(|leak| {
                !matches!(leak.origin, Origin::Response(_))
                    || self.is_credential(&event.taint, event.rotation, leak.origin)
            })
            .collect()
    }

    /// Whether what was read of an answer is a place that holds a credential: one that is stored, or whose name says so.
    fn is_credential(&self, taint: &Taint, rotation: usize, origin: &Origin) -> bool {
        let Origin::Response(name) = origin else {
            return false;
        };
        let Some(id) = self.order().find(rotation, name) else {
            return false;
        };
        taint.iter().any(|e| match self.flow.trails.atom(e.atom) {
            Some(Atom::Answer { step, path }) if *step == id => {
                path.last()
                    .is_some_and(|key| names_credential(key) && !self.is_public_half(id, key))
                    || self
                        .credentials
                        .get(&id)
                        .is_some_and(|known| known.iter().any(|k| overlap(k, path)))
            }
            _ => false,
        })
    }

    /// Whether a field is the half of a pair that is no secret, beside one that the step keeps masked.
    fn is_public_half(&self, step: usize, key: &str) -> bool {
        let plain: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
        plain.eq_ignore_ascii_case("accesskey")
            && self
                .http(step)
                .is_some_and(|http| http.captures.iter().any(|c| c.secret))
    }

    /// A whole answer in an event that is a credential by the look of its request: not a GET, authenticated, to a URL that ends in
    /// `token` and the like. Not where it is known to hold one.
    pub(crate) fn likely_credential(&self, event: &'a Event<'p>) -> Option<Entry> {
        if !self.leaks(event).is_empty() {
            return None;
        }
        event
            .taint
            .iter()
            .filter(|e| !e.control)
            .find(|e| self.is_answer_of_grant(e))
            .copied()
    }

    fn is_answer_of_grant(&self, entry: &Entry) -> bool {
        let Some(Atom::Answer { step, path }) = self.flow.trails.atom(entry.atom) else {
            return false;
        };
        let whole = path.len() < 3 && path.get(1).is_none_or(|key| key == "body");
        let asks = |r: &Request<'p>| {
            let url = r.http.url.as_str().unwrap_or_default();
            let last = url
                .split(['?', '#'])
                .next()
                .unwrap_or_default()
                .trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or_default();
            let grants =
                names_credential(last.trim_end_matches('s')) || last.eq_ignore_ascii_case("login");
            !matches!(r.http.method.as_str(), "GET" | "HEAD" | "DELETE")
                && grants
                && !self.carried(r).is_empty()
        };
        whole && self.http(*step).is_some_and(|h| h.raw_output) && self.requests_of(*step).any(asks)
    }

    /// Data that callers or servers choose, in the value of an event.
    pub(crate) fn untrusted(&self, event: &'a Event<'p>) -> Option<Entry> {
        event
            .taint
            .iter()
            .filter(|e| !e.control && e.derivation > Derivation::Weak)
            .find(|e| self.flow.trails.origin(e.atom).is_none())
            .copied()
    }

    /// What an untrusted entry is, for messages.
    pub(crate) fn describe(&self, entry: &Entry) -> String {
        match self.flow.trails.atom(entry.atom) {
            Some(Atom::Caller { name: "", .. }) => "the caller's input".to_owned(),
            Some(Atom::Caller { name, .. }) => format!("input `{name}`"),
            Some(Atom::Answer { step, .. }) => {
                format!("the answer of `{}`", self.flow.step_name(*step))
            }
            Some(Atom::Origin { origin, .. }) => origin.describe(),
            None => String::new(),
        }
    }

    /// The request behind an event, and the part of it.
    pub(crate) fn request(&self, event: &Event<'p>) -> Option<(&'a Request<'p>, Part<'p>)> {
        match &event.sink {
            Sink::Request { request, part } => self.flow.requests.get(*request).map(|r| (r, *part)),
            _ => None,
        }
    }

    /// The secrets into which a value of this atom is stored.
    pub(crate) fn stored_in(&self, atom: AtomId) -> impl Iterator<Item = &'p str> {
        self.stores.get(&atom).into_iter().flatten().copied()
    }

    /// The secrets in a request.
    pub(crate) fn carried(&self, request: &Request<'p>) -> Vec<&'a Origin> {
        let strong = request
            .carries
            .iter()
            .filter(|e| !e.control && e.derivation > Derivation::Weak);
        strong
            .filter_map(|e| self.flow.trails.origin(e.atom))
            .filter(|o| !matches!(o, Origin::Response(_)))
            .collect()
    }

    /// Whether a secret may stand in a part of a request to `target`. Where the host is computed only the part is looked at.
    pub(crate) fn may_go(&self, leak: &Leak<'_>, target: &Target, place: Place) -> Ruling {
        let spot = Spot {
            host: target.host.as_deref(),
            port: target.port,
            place,
            literal: true,
        };
        let issuers = match (self.flow.trails.atom(leak.entry.atom), leak.origin) {
            (Some(Atom::Origin { rotation, .. }), Origin::Minted { step, .. })
                if self.plan.dialect.semantics().declares_intent =>
            {
                rotation.and_then(|rotation| self.order().find(rotation, step))
            }
            _ => None,
        };
        let issuers = issuers
            .into_iter()
            .flat_map(|step| self.requests_of(step))
            .map(|request| (request.target.host.as_deref(), request.target.port));
        self.egress.ask(leak.origin, spot, issuers)
    }

    /// A finding at the sink with the way of the secret.
    pub(crate) fn finding(
        &self,
        code: Code,
        event: &Event<'p>,
        entry: &Entry,
        message: String,
        here: &str,
    ) -> Diagnostic {
        let mut way = self.flow.way(entry);
        if event.span.is_some() {
            way.push(Label::new(event.span, here));
        }
        Diagnostic::new(code, event.span, message)
            .at(here)
            .flow(way)
    }
}

fn implied(plan: &Plan) -> HashSet<(usize, &str)> {
    let mut implied = HashSet::new();
    for (index, rotation) in plan
        .rotations
        .iter()
        .enumerate()
        .filter(|_| plan.dialect.semantics().is_json)
    {
        let mut seen = HashSet::new();
        let first = rotation
            .outputs
            .iter()
            .filter(|o| seen.insert(o.name.as_str()));
        implied.extend(
            first
                .filter(|o| o.at.0.is_some() && o.at.0 == o.value.at.0)
                .map(|o| (index, o.name.as_str())),
        );
    }
    implied
}

/// Lets each (step, sink, origin) through once.
#[derive(Default)]
pub(crate) struct Once<'p>(HashSet<(Option<usize>, Sink<'p>, AtomId)>);

impl<'p> Once<'p> {
    pub(crate) fn is_first(&mut self, event: &Event<'p>, atom: AtomId) -> bool {
        self.0.insert((event.step, event.sink.clone(), atom))
    }
}

/// The part of a request as policies speak of it.
pub(crate) fn place_of(part: Part<'_>) -> Option<Place> {
    match part {
        Part::Header(_) => Some(Place::Header),
        Part::Body => Some(Place::Body),
        Part::Query => Some(Place::Query),
        Part::Path => Some(Place::Path),
        Part::UserInfo => Some(Place::UserInfo),
        Part::In(place) => Some(place),
        Part::Host | Part::Sent => None,
    }
}

/// Whether a field of an answer is a credential by its name.
pub(crate) fn names_credential(key: &str) -> bool {
    let name = letters(key);
    let paging = [
        "nexttoken",
        "pagetoken",
        "continuationtoken",
        "synctoken",
        "cursortoken",
    ];
    !paging.iter().any(|p| name.ends_with(p))
        && [
            "token",
            "secret",
            "password",
            "passwd",
            "passphrase",
            "apikey",
            "accesskey",
            "privatekey",
            "secretkey",
            "credential",
            "credentials",
            "jwt",
        ]
        .iter()
        .any(|p| name.ends_with(p))
}
