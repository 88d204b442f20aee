//! What the plan says of the world outside: which request is which step's, what it changes, and which secrets it is about.

use super::answers::Answers;
use super::heard::Texts;
use super::stage::START;
use crate::plan::effect::{Effect, Old};
use crate::plan::schedule::Schedule;
use crate::plan::task::http::{Body, CaptureSource, Http, Jwt, Sign};
use crate::plan::{Expr, ExprKind, Plan, Root, Rotation, Task, Type, Version};
use crate::source::Span;
use crate::world::http::Request;
use std::collections::{BTreeMap, BTreeSet};

/// The least that an invented credential lives where its answer says a life: longer than all runs of a trial take.
const SHORTEST_LIFE: u64 = 6 * 3_600_000;

/// All requests of a plan, and the secrets that they are about.
pub struct Script {
    /// The requests.
    pub parts: Vec<Part>,
    /// Secrets that the plan stores, and that no request gives or sets: whatever is stored of them is taken to be right.
    pub foreign: BTreeSet<String>,
    /// Secrets whose value a person enters.
    pub entered: BTreeSet<String>,
    /// What the author tells.
    pub answers: Answers,
    /// How long an invented credential lives, in milliseconds.
    pub life: u64,
    /// Environment variables that the plan declares.
    pub env: BTreeSet<String>,
}

/// What a request is to its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// What the step does.
    Main,
    /// It lists what a lost call has left.
    List,
    /// It revokes one of the list.
    Reap,
}

/// One request of the plan.
pub struct Part {
    /// Its step.
    pub step: String,
    /// What it is to it.
    pub role: Role,
    /// The request as it is planned.
    pub http: Http,
    /// Where it stands.
    pub at: Span,
    /// Its URL: literal pieces, and `None` for what a run fills in.
    url: Vec<Option<String>>,
    /// The secrets that are stored from its answer, each with the captures that go into it; none for all of them.
    pub feeds: BTreeMap<String, Option<BTreeSet<String>>>,
    /// The secrets whose new value it carries.
    pub sets: BTreeSet<String>,
    /// The stored secrets that it carries as they are, each with its version.
    pub carries: BTreeSet<(String, Version)>,
    /// The secrets whose new value it carries in a form that cannot be seen through: hashed, signed.
    pub hides: BTreeSet<String>,
    /// The texts that it says whatever a run fills in, besides its URL.
    literals: Vec<String>,
    /// Members of the answer that other steps read.
    pub read_elsewhere: Vec<Vec<Key>>,
}

/// A step into JSON.
pub use crate::plan::path::Key;

impl Script {
    /// Reads a plan.
    pub fn new(plan: &Plan, rotation: &Rotation, answers: Answers) -> Self {
        let stores = stores(plan);
        let stored: BTreeSet<String> = stores.iter().map(|s| s.secret.clone()).collect();
        let mut parts = Vec::new();
        for one in &plan.rotations {
            one.walk(&mut |step| {
                let Task::Http(http) = &step.task else { return };
                let among = Among {
                    step,
                    rotation: one,
                    stores: &stores,
                    stored: &stored,
                };
                parts.push(among.part(Role::Main, http));
                if let Some(strays) = &http.strays {
                    parts.push(among.part(Role::List, &strays.list));
                    parts.push(among.part(Role::Reap, &strays.revoke));
                }
            });
        }
        for part in &mut parts {
            if part.role == Role::Main {
                part.read_elsewhere = outputs_of(plan, &part.step);
            }
        }
        let interval = rotation.schedule.as_ref().and_then(interval);
        let known = |secret: &String| {
            parts
                .iter()
                .any(|p| p.feeds.contains_key(secret) || p.sets.contains(secret))
        };
        let foreign = stored.iter().filter(|s| !known(s)).cloned().collect();
        let entered = stores
            .iter()
            .filter(|s| s.entered)
            .map(|s| s.secret.clone())
            .collect();
        Self {
            parts,
            foreign,
            entered,
            answers,
            life: interval.map_or(SHORTEST_LIFE, |d| d.saturating_mul(3).max(SHORTEST_LIFE)),
            env: plan.env.iter().map(|e| e.name.clone()).collect(),
        }
    }

    /// The secrets that some request gives or sets.
    pub fn secrets(&self) -> BTreeSet<String> {
        self.parts
            .iter()
            .flat_map(|p| p.feeds.keys().chain(&p.sets))
            .cloned()
            .collect()
    }

    /// Which request this is: one that says all that the plan writes out, where several look alike that of a step which is
    /// under way.
    pub fn find(&self, request: &Request, running: &[String]) -> Option<usize> {
        let runs = |part: &Part| running.iter().any(|name| names(name, &part.step));
        // Hosts are written in any case.
        let url = without_default_port(&request.url.to_ascii_lowercase());
        let texts = Texts::of(request);
        let score = |part: &Part| {
            let fits = part.http.method.eq_ignore_ascii_case(&request.method);
            let length = if fits { part.matches(&url) } else { None }?;
            let said = part.said(&texts);
            let proven = said.is_some_and(|said| said > 0 || runs(part));
            Some((proven, runs(part), length, said))
        };
        let all = self.parts.iter().enumerate();
        let best = all
            .filter_map(|(index, part)| Some((score(part)?, std::cmp::Reverse(index))))
            .max();
        if let Some((_, std::cmp::Reverse(index))) = best {
            return Some(index);
        }
        self.parts
            .iter()
            .position(|part| runs(part) && part.http.method.eq_ignore_ascii_case(&request.method))
    }
}

/// A URL without the port that its protocol has anyway, which plans need not write.
fn without_default_port(url: &str) -> String {
    let ports = [
        ("postgres://", ":5432"),
        ("mysql://", ":3306"),
        ("redis://", ":6379"),
    ];
    for (scheme, port) in ports {
        if let Some(rest) = url.strip_prefix(scheme) {
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            return format!("{scheme}{}{path}", host.strip_suffix(port).unwrap_or(host));
        }
    }
    url.to_owned()
}

/// The time between two runs, in milliseconds.
fn interval(schedule: &Schedule) -> Option<u64> {
    let first = schedule.trigger.next_after(START)?;
    let second = schedule.trigger.next_after(first)?;
    u64::try_from(second.duration_since(first).as_millis()).ok()
}

/// Whether the identity of an execution is one of this step: its text ends with the name, and perhaps the rounds.
pub fn names(identity: &str, step: &str) -> bool {
    identity.match_indices(step).any(|(at, _)| {
        let before = identity.get(..at).unwrap_or_default();
        let after = identity.get(at + step.len()..).unwrap_or_default();
        (before.is_empty() || before.ends_with('/')) && (after.is_empty() || after.starts_with('['))
    })
}

impl Part {
    /// The secrets that it is about.
    pub fn accounts(&self) -> impl Iterator<Item = &String> {
        self.feeds.keys().chain(&self.sets)
    }

    /// The request as it reads: method and URL, `…` for what a run fills in.
    pub fn title(&self) -> String {
        let url: String = self
            .url
            .iter()
            .map(|piece| piece.as_deref().unwrap_or("…"))
            .collect();
        let short = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        format!("{} {short}", self.http.method)
    }

    /// How many characters of what is written out a request has, where it has all of it.
    fn said(&self, texts: &Texts) -> Option<usize> {
        let all = || texts.headers.iter().chain(&texts.rest);
        let said = |text: &&String| all().any(|heard| heard.contains(text.as_str()));
        self.literals
            .iter()
            .map(|text| said(&text).then_some(text.len()))
            .sum()
    }

    /// How many characters of the planned URL a real one (in lower case) has, where it has all of them in their order.
    fn matches(&self, url: &str) -> Option<usize> {
        let mut rest = url;
        let mut fixed = true;
        let mut length = 0;
        for piece in &self.url {
            let Some(piece) = piece else {
                fixed = false;
                continue;
            };
            let piece = piece.to_ascii_lowercase();
            let at = if fixed {
                rest.starts_with(piece.as_str()).then_some(0)
            } else {
                rest.find(piece.as_str())
            }?;
            rest = rest.get(at + piece.len()..)?;
            length += piece.len();
            fixed = true;
        }
        let ends = !fixed || rest.is_empty() || rest.starts_with(['?', '&', '#']) || rest == "/";
        ends.then_some(length)
    }

    /// The header or member that carries its idempotency key.
    pub fn key(&self) -> Option<&str> {
        match &self.http.effect {
            Effect::Issues(issues) => match &issues.old {
                Old::Dies { key, .. } => key.as_deref(),
                Old::Stays => None,
            },
            _ => None,
        }
    }

    /// Whether the file says that a person may be needed: it accepts the risk of a lock-out in so many words.
    pub fn says_person(&self) -> bool {
        matches!(
            &self.http.effect,
            Effect::Issues(issues) if matches!(&issues.old, Old::Dies { accept: Some(_), .. })
        )
    }

    /// How long what it issues lives, where the answer says it.
    pub fn says_life(&self) -> bool {
        self.http
            .captures
            .iter()
            .any(|c| matches!(c.ty, Type::Time | Type::Duration))
    }
}

/// A step that stores a new value.
struct Store<'p> {
    secret: String,
    rotation: &'p str,
    /// Captures that the value is made of, by step.
    captures: BTreeMap<String, Option<BTreeSet<String>>>,
    entered: bool,
}

fn stores(plan: &Plan) -> Vec<Store<'_>> {
    let mut found = Vec::new();
    for rotation in &plan.rotations {
        let mut manual: Vec<&str> = Vec::new();
        rotation.walk(&mut |step| {
            if matches!(step.task, Task::Manual(_)) {
                manual.push(&step.name);
            }
        });
        rotation.walk(&mut |step| {
            let Some(write) = step.task.write() else {
                return;
            };
            let (Some(secret), Some(value)) = (write.secret, write.value) else {
                return;
            };
            let captures = captures_in(rotation, value.exprs());
            found.push(Store {
                secret: secret.to_owned(),
                rotation: &rotation.name,
                entered: captures.keys().any(|s| manual.contains(&s.as_str())),
                captures,
            });
        });
    }
    found
}

/// What expressions read of the steps before them, by way of names for values.
fn captures_in(
    rotation: &Rotation,
    exprs: Vec<&Expr>,
) -> BTreeMap<String, Option<BTreeSet<String>>> {
    let mut captures: BTreeMap<String, Option<BTreeSet<String>>> = BTreeMap::new();
    let mut open = exprs;
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    while let Some(expr) = open.pop() {
        expr.walk(&mut |e| match &e.kind {
            ExprKind::Ref(Root::Capture { step, name }) => {
                let known = captures
                    .entry(step.clone())
                    .or_insert_with(|| Some(BTreeSet::new()));
                if let Some(names) = known {
                    names.insert(name.clone());
                }
            }
            ExprKind::Ref(Root::Output(step)) => {
                captures.insert(step.clone(), None);
            }
            ExprKind::Ref(Root::Let(name)) if seen.insert(name) => {
                open.extend(rotation.find_let(name));
            }
            ExprKind::Ref(Root::Variable(name)) if seen.insert(name) => {
                rotation.walk(&mut |step| {
                    if let Task::SetVariables(set) = &step.task {
                        let named = set.values.iter().filter(|(n, _)| n == name);
                        open.extend(named.map(|(_, value)| value));
                    }
                });
            }
            _ => {}
        });
    }
    captures
}

/// A step among what its rotation and the plan store.
struct Among<'a> {
    step: &'a crate::plan::Step,
    rotation: &'a Rotation,
    stores: &'a [Store<'a>],
    stored: &'a BTreeSet<String>,
}

impl Among<'_> {
    fn part(&self, role: Role, http: &Http) -> Part {
        let Self {
            step,
            rotation,
            stores,
            stored,
        } = *self;
        let mut url = Vec::new();
        pieces(&http.url, rotation, &mut url, 0);
        if let [Some(whole)] = url.as_mut_slice() {
            *whole = without_default_port(whole);
        }
        let request: Vec<&Expr> = http.request_exprs().into_iter().map(|(_, e)| e).collect();
        let sent = request.clone();
        let mut carries = BTreeSet::new();
        let mut named = BTreeSet::new();
        for expr in &request {
            visible_secrets(expr, &mut |name, version| {
                if stored.contains(name) {
                    carries.insert((name.to_owned(), version));
                }
            });
            expr.each_secret(&mut |read| {
                if read.version == Version::Pending {
                    named.insert(read.secret.to_owned());
                }
            });
        }
        // A key that signs is not sent.
        let keys: Vec<&Expr> = match http.sign.as_deref() {
            Some(Sign::AwsSigv4 { .. }) | None => Vec::new(),
            Some(Sign::Hmac { key, .. } | Sign::Jwt(Jwt { key, .. })) => vec![key],
        };
        for key in keys {
            key.each_secret(&mut |read| {
                carries.remove(&(read.secret.to_owned(), read.version));
            });
        }
        let mut feeds = BTreeMap::new();
        let mut sets = BTreeSet::new();
        match &http.effect {
            _ if role != Role::Main => {}
            Effect::Issues(_)
            | Effect::Unspecified
            | Effect::SetsSlot
            | Effect::Sets
            | Effect::SetsSelf => {
                for store in stores {
                    if let Some(captures) = store.captures.get(&step.name) {
                        feeds.insert(store.secret.clone(), captures.clone());
                    }
                }
            }
            Effect::Reads | Effect::Revokes => {}
        }
        if role == Role::Main
            && matches!(
                http.effect,
                Effect::Sets | Effect::SetsSelf | Effect::SetsSlot
            )
        {
            let pending = carries.iter().filter(|(_, v)| *v == Version::Pending);
            sets.extend(pending.map(|(name, _)| name.clone()));
            let read = captures_in(rotation, request);
            let shared = |store: &&Store<'_>| {
                store.rotation == rotation.name
                    && store
                        .captures
                        .iter()
                        .any(|(step, _)| read.contains_key(step))
            };
            sets.extend(stores.iter().filter(shared).map(|s| s.secret.clone()));
        }
        // Each field of a record counts by itself: a name may be seen where the password is hashed.
        let hidden = |name: &str| {
            let mut fields: BTreeSet<Option<String>> = BTreeSet::new();
            let mut seen: BTreeSet<Option<String>> = BTreeSet::new();
            for expr in &sent {
                pending_fields(expr, name, false, &mut |field, visible| {
                    fields.insert(field.clone());
                    if visible {
                        seen.insert(field);
                    }
                });
            }
            fields != seen
        };
        Part {
            step: step.name.clone(),
            role,
            http: http.clone(),
            at: step.at.0,
            url,
            feeds,
            hides: named
                .intersection(&sets)
                .filter(|name| hidden(name))
                .cloned()
                .collect(),
            literals: literals(http),
            sets,
            carries,
            read_elsewhere: Vec::new(),
        }
    }
}

/// Calls `visit` on the secrets whose value can be seen in what an expression makes: not below a hash or a signature.
fn visible_secrets(expr: &Expr, visit: &mut dyn FnMut(&str, Version)) {
    use crate::plan::Derivation;
    match &expr.kind {
        ExprKind::Ref(Root::Secret { name, version, .. }) => visit(name, *version),
        ExprKind::Call(function, _) if function.derivation() == Derivation::Opaque => {}
        _ => expr
            .children()
            .into_iter()
            .for_each(|child| visible_secrets(child, visit)),
    }
}

/// Calls `visit` on each field of a pending version, with whether it can be seen.
fn pending_fields(
    expr: &Expr,
    secret: &str,
    below: bool,
    visit: &mut dyn FnMut(Option<String>, bool),
) {
    use crate::plan::Derivation;
    let below = below
        || matches!(&expr.kind, ExprKind::Call(function, _) if function.derivation() == Derivation::Opaque);
    if let ExprKind::Ref(Root::Secret {
        name,
        version: Version::Pending,
        field,
    }) = &expr.kind
        && name == secret
    {
        visit(field.clone(), !below);
    }
    for child in expr.children() {
        pending_fields(child, secret, below, visit);
    }
}

/// The texts that a request says besides its URL, whatever a run fills in.
fn literals(http: &Http) -> Vec<String> {
    let mut found = Vec::new();
    let mut note = |expr: &Expr| written_out(expr, &mut found);
    match &http.body {
        Body::None => {}
        Body::Json(expr)
        | Body::Text(expr)
        | Body::Raw(expr)
        | Body::Statement { text: expr, .. } => {
            note(expr);
        }
        Body::Form(members) => members.iter().for_each(|(_, expr)| note(expr)),
        Body::Command(words) => words.iter().for_each(note),
        Body::Program(program) => {
            program.arguments.iter().for_each(&mut note);
            program.environment.iter().for_each(|(_, expr)| note(expr));
        }
    }
    http.query
        .iter()
        .for_each(|(_, expr)| written_out(expr, &mut found));
    found.retain(|text| !text.is_empty());
    found
}

/// The texts that an expression has in it whatever the rest of it is: not those of a choice.
fn written_out(expr: &Expr, out: &mut Vec<String>) {
    match &expr.kind {
        ExprKind::String(text) => out.push(text.clone()),
        ExprKind::Template(parts) | ExprKind::List(parts) => {
            parts.iter().for_each(|part| written_out(part, out));
        }
        ExprKind::Object(members) => members
            .iter()
            .for_each(|(_, value)| written_out(value, out)),
        _ => {}
    }
}

/// An expression as literal pieces, and `None` for what a run fills in.
fn pieces(expr: &Expr, rotation: &Rotation, out: &mut Vec<Option<String>>, depth: u8) {
    match &expr.kind {
        ExprKind::String(text) => match out.last_mut() {
            Some(Some(last)) => last.push_str(text),
            _ => out.push(Some(text.clone())),
        },
        ExprKind::Template(parts) => {
            for part in parts {
                pieces(part, rotation, out, depth);
            }
        }
        ExprKind::Ref(Root::Let(name)) if depth < 8 => match rotation.find_let(name) {
            Some(value) => pieces(value, rotation, out, depth + 1),
            None => out.push(None),
        },
        _ => out.push(None),
    }
}

/// The members of a step's answer that expressions anywhere read from its output document.
fn outputs_of(plan: &Plan, step: &str) -> Vec<Vec<Key>> {
    let mut found = Vec::new();
    for rotation in &plan.rotations {
        rotation.exprs(&mut |top| {
            chains(top, &mut |root, keys| {
                if matches!(root, Root::Output(of) if of == step)
                    && let Some(keys) = of_body(keys)
                {
                    found.push(keys);
                }
            });
        });
    }
    longest_first(found)
}

/// The members of an answer that the captures of a request read by expressions.
pub fn answer_members(http: &Http) -> Vec<Vec<Key>> {
    let mut found = Vec::new();
    for capture in &http.captures {
        if let CaptureSource::Expr(expr) = &capture.source {
            chains(expr, &mut |root, keys| {
                if *root == Root::Answer
                    && let Some(keys) = of_body(keys)
                {
                    found.push(keys);
                }
            });
        }
    }
    longest_first(found)
}

fn longest_first(mut found: Vec<Vec<Key>>) -> Vec<Vec<Key>> {
    found.sort_by_key(|keys| std::cmp::Reverse(keys.len()));
    found.dedup();
    found
}

/// What follows `response.body`.
fn of_body(keys: Vec<Key>) -> Option<Vec<Key>> {
    match keys.as_slice() {
        [Key::Name(response), Key::Name(body), rest @ ..]
            if response == "response" && body == "body" =>
        {
            Some(rest.to_vec())
        }
        _ => None,
    }
}

/// Calls `visit` on each name with the members that are read of it.
fn chains<'p>(expr: &'p Expr, visit: &mut dyn FnMut(&'p Root, Vec<Key>)) {
    match chain(expr) {
        Some((root, keys)) => visit(root, keys),
        None => expr
            .children()
            .into_iter()
            .for_each(|child| chains(child, visit)),
    }
}

fn chain(expr: &Expr) -> Option<(&Root, Vec<Key>)> {
    match &expr.kind {
        ExprKind::Ref(root) => Some((root, Vec::new())),
        ExprKind::Field(base, name) => {
            let (root, mut keys) = chain(base)?;
            keys.push(Key::Name(name.clone()));
            Some((root, keys))
        }
        ExprKind::Index(base, index) => {
            let (root, mut keys) = chain(base)?;
            keys.push(Key::Index(*index));
            Some((root, keys))
        }
        ExprKind::Path(base, path) => {
            let (root, mut keys) = chain(base)?;
            keys.extend(path.keys()?);
            Some((root, keys))
        }
        _ => None,
    }
}
