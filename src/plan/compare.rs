//! Plans as they mean, without how they were spelled: for the tests of the conversions, and for whoever asks whether two
//! files say the same.
//!
//! What is left out: names of steps, captures, `let`s and branches (they become `s1`, `c1`, …), the dialect, schedules,
//! where secrets may go and are delivered, types of inputs, places of captures in a Conductor output, whether an effect was assumed, and
//! spellings of one request (a bearer header, the case and order of headers). Not to be run.

use super::path::Key;
use super::task::http::{Auth, Body, Capture, CaptureSource, Header, Http};
use super::task::{Step, Task};
use super::{
    Dialect, Effect, Expr, ExprKind, Issues, JsonPath, Operator, Output, Plan, Policy, Root,
    Rotation, Type,
};
use crate::plan::name::is_mask;
use std::collections::HashMap;

impl Plan {
    /// The plan without names of origin, dialect, schedule and policies. Equal for two files that say the same.
    #[must_use]
    pub fn normalised(&self) -> Plan {
        let mut plan = self.clone();
        plan.dialect = Dialect::Rot;
        for secret in &mut plan.secrets {
            secret.policy = Policy::Implied;
            secret.fields.clear();
        }
        plan.secrets.sort_by(|a, b| a.name.cmp(&b.name));
        plan.targets.clear();
        plan.deliveries.clear();
        plan.env.sort_by(|a, b| a.name.cmp(&b.name));
        plan.rotations.iter_mut().for_each(rotation);
        plan.rotations.sort_by(|a, b| a.name.cmp(&b.name));
        plan
    }
}

/// What steps, captures and `let`s are called instead.
#[derive(Default)]
struct Names {
    steps: HashMap<String, String>,
    captures: HashMap<(String, String), String>,
    lets: HashMap<String, String>,
}

fn rotation(rotation: &mut Rotation) {
    rotation.schedule = None;
    rotation.imported = false;
    rotation.masked_fields.clear();
    for input in &mut rotation.inputs {
        input.ty = Type::Any;
        input.secret = false;
    }
    rotation.inputs.sort_by(|a, b| a.name.cmp(&b.name));
    secrets_first(&mut rotation.steps);
    secrets_first(&mut rotation.on_failure);
    let mut names = Names::default();
    collect(&rotation.steps, &mut names);
    collect(&rotation.on_failure, &mut names);
    let mut change = |expr: &mut Expr| expression(expr, &names);
    rotation
        .inputs
        .iter_mut()
        .filter_map(|i| i.default.as_mut())
        .for_each(&mut change);
    rotation.variables.iter_mut().for_each(|(_, e)| change(e));
    rotation.outputs = std::mem::take(&mut rotation.outputs)
        .into_iter()
        .flat_map(flattened)
        .collect();
    rotation
        .outputs
        .iter_mut()
        .for_each(|o| change(&mut o.value));
    rotation.result.iter_mut().for_each(&mut change);
    steps(&mut rotation.steps, &names);
    steps(&mut rotation.on_failure, &names);
}

/// The order of captures means nothing; in Conductor the secret ones stand together.
fn secrets_first(steps: &mut [Step]) {
    for step in steps {
        if let Task::Http(http) = &mut step.task {
            http.captures.sort_by_key(|c| !c.secret);
        }
        step.task
            .blocks_mut()
            .into_iter()
            .for_each(|block| secrets_first(block));
    }
}

/// Masked outputs stand under one key in Conductor.
fn flattened(output: Output) -> Vec<Output> {
    match output.value.kind {
        ExprKind::Object(members) if is_mask(&output.name) => members
            .into_iter()
            .map(|(name, value)| Output {
                name,
                value,
                masked: true,
                at: output.at,
            })
            .collect(),
        _ => vec![output],
    }
}

fn collect(steps: &[Step], names: &mut Names) {
    for step in steps {
        let new = format!("s{}", names.steps.len() + 1);
        // Only captures that the author named have names to lose.
        if let Task::Http(http) = &step.task {
            for (index, capture) in http.captures.iter().enumerate() {
                names.captures.insert(
                    (step.name.clone(), capture.name.clone()),
                    format!("c{}", index + 1),
                );
            }
        }
        if let Task::Let(assign) = &step.task {
            let count = names.lets.len() + 1;
            names.lets.insert(assign.name.clone(), format!("l{count}"));
        }
        names.steps.insert(step.name.clone(), new);
        for block in step.task.blocks() {
            collect(block, names);
        }
    }
}

fn steps(list: &mut [Step], names: &Names) {
    for step in list {
        let old = step.name.clone();
        if let Some(new) = names.steps.get(&old) {
            step.name.clone_from(new);
        }
        step.task
            .each_expr_mut(&mut |_, expr| expression(expr, names));
        if let Task::Http(http) = &mut step.task {
            self::http(http, &old, names);
        }
        if let Task::Let(assign) = &mut step.task
            && let Some(new) = names.lets.get(&assign.name)
        {
            assign.name.clone_from(new);
        }
        if let Task::Switch(switch) = &mut step.task {
            switch.results = None;
        }
        if let Task::Parallel(parallel) = &mut step.task {
            for (index, branch) in parallel.branches.iter_mut().enumerate() {
                branch.name = format!("b{}", index + 1);
            }
        }
        for block in step.task.blocks_mut() {
            steps(block, names);
        }
    }
}

fn http(http: &mut Http, step: &str, names: &Names) {
    http.encode = true;
    if let Effect::Issues(Issues { assumed, .. }) = &mut http.effect {
        *assumed = false;
    }
    headers(http);
    for capture in &mut http.captures {
        self::capture(capture, step, names);
        capture.to.clear();
    }
    if let Some(strays) = &mut http.strays {
        self::http(&mut strays.list, "", names);
        self::http(&mut strays.revoke, "", names);
    }
}

fn headers(http: &mut Http) {
    for header in &mut http.headers {
        header.name.make_ascii_lowercase();
    }
    if http.auth.is_none()
        && let Some(at) = http
            .headers
            .iter()
            .position(|h| h.name == "authorization" && bearer(&h.value).is_some())
    {
        http.auth = bearer(&http.headers.remove(at).value).map(Auth::Bearer);
    }
    if matches!(http.body, Body::Text(_)) && !http.headers.iter().any(|h| h.name == "content-type")
    {
        http.headers.push(Header {
            name: "content-type".into(),
            value: Expr::string("text/plain; charset=utf-8"),
        });
    }
    http.headers.sort_by(|a, b| a.name.cmp(&b.name));
}

/// The token of `Bearer ${token}`.
pub(crate) fn bearer(value: &Expr) -> Option<Expr> {
    let ExprKind::Template(parts) = &value.kind else {
        return None;
    };
    match parts.as_slice() {
        [scheme, token] if scheme.as_str() == Some("Bearer ") => Some(token.clone()),
        _ => None,
    }
}

fn capture(capture: &mut Capture, step: &str, names: &Names) {
    if let Some(new) = names.captures.get(&(step.to_owned(), capture.name.clone())) {
        capture.name.clone_from(new);
    }
    capture.place.clear();
    let natural = match &mut capture.source {
        CaptureSource::Body(path) => {
            plain(path);
            Type::Any
        }
        CaptureSource::Text | CaptureSource::Header(_) => Type::String,
        // An answer has a status.
        CaptureSource::Status => {
            capture.optional = false;
            Type::Int
        }
        CaptureSource::Expr(_) => Type::Any,
    };
    if capture.ty == natural {
        capture.ty = Type::Any;
    }
}

/// A definite path in its plainest form.
fn plain(path: &mut JsonPath) {
    if let Some(same) = path.keys().and_then(|keys| JsonPath::of(&keys)) {
        *path = same;
    }
}

fn expression(expr: &mut Expr, names: &Names) {
    // `.rot` has one `==`, which is Conductor's `===`.
    if let ExprKind::Binary(operator, ..) = &mut expr.kind {
        *operator = match *operator {
            Operator::Same => Operator::Eq,
            Operator::Different => Operator::Ne,
            other => other,
        };
    }
    for child in expr.children_mut() {
        expression(child, names);
    }
    match &mut expr.kind {
        ExprKind::Ref(Root::Capture { step, name }) => {
            if let Some(new) = names.captures.get(&(step.clone(), name.clone())) {
                name.clone_from(new);
            }
            rename(step, names);
        }
        ExprKind::Ref(Root::Output(step) | Root::TaskField { step, .. }) => rename(step, names),
        ExprKind::Ref(Root::Let(name)) => {
            if let Some(new) = names.lets.get(name) {
                name.clone_from(new);
            }
        }
        _ => {}
    }
    *expr = simpler(std::mem::replace(expr, Expr::string("")));
}

fn rename(step: &mut String, names: &Names) {
    if let Some(new) = names.steps.get(step) {
        step.clone_from(new);
    }
}

/// The same with members as one path, texts in one piece, and without double negation.
fn simpler(expr: Expr) -> Expr {
    let Expr { kind, at } = expr;
    let kind = match kind {
        ExprKind::Field(inner, name) => below(*inner, vec![Key::Name(name)]),
        ExprKind::Index(inner, index) => below(*inner, vec![Key::Index(index)]),
        ExprKind::Path(inner, path) => match path.keys() {
            Some(keys) => below(*inner, keys),
            None => ExprKind::Path(inner, path),
        },
        ExprKind::Template(parts) => template(parts),
        ExprKind::Not(inner) => return negated(*inner),
        other => other,
    };
    Expr { kind, at }
}

fn below(inner: Expr, mut more: Vec<Key>) -> ExprKind {
    if more.is_empty() {
        return inner.kind;
    }
    let (base, mut keys) = match inner.kind {
        ExprKind::Path(base, path) => match path.keys() {
            Some(keys) => (base, keys),
            None => (
                Box::new(Expr {
                    kind: ExprKind::Path(base, path),
                    at: inner.at,
                }),
                Vec::new(),
            ),
        },
        kind => (Box::new(Expr { kind, at: inner.at }), Vec::new()),
    };
    keys.append(&mut more);
    match JsonPath::of(&keys) {
        Some(path) => ExprKind::Path(base, path),
        None => base.kind,
    }
}

fn template(parts: Vec<Expr>) -> ExprKind {
    let mut joined: Vec<Expr> = Vec::new();
    for part in parts {
        match (joined.last_mut().map(|l| &mut l.kind), &part.kind) {
            (Some(ExprKind::String(before)), ExprKind::String(text)) => before.push_str(text),
            _ => joined.push(part),
        }
    }
    match joined.as_slice() {
        [
            Expr {
                kind: ExprKind::String(text),
                ..
            },
        ] => ExprKind::String(text.clone()),
        _ => ExprKind::Template(joined),
    }
}

/// The opposite of a condition.
pub(crate) fn negated(expr: Expr) -> Expr {
    let Expr { kind, at } = expr;
    let kind = match kind {
        ExprKind::Not(inner) => return *inner,
        ExprKind::Binary(Operator::Same, left, right) => {
            ExprKind::Binary(Operator::Different, left, right)
        }
        ExprKind::Binary(Operator::Different, left, right) => {
            ExprKind::Binary(Operator::Same, left, right)
        }
        ExprKind::Binary(Operator::Eq, left, right) => ExprKind::Binary(Operator::Ne, left, right),
        ExprKind::Binary(Operator::Ne, left, right) => ExprKind::Binary(Operator::Eq, left, right),
        kind => ExprKind::Not(Box::new(Expr { kind, at })),
    };
    Expr { kind, at }
}
