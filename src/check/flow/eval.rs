//! The taint of an expression.

use super::Reveal;
use super::engine::Engine;
use super::path;
use super::shape::Shape;
use super::taint::{Atom, HopKind, Taint};
use super::url::Piece;
use crate::plan::expr::{Function, Operator, Root, RunField};
use crate::plan::task::CaptureSource;
use crate::plan::{Derivation, Expr, ExprKind, Origin, Plan, Task};
use crate::source::Span;
use std::collections::{HashMap, HashSet};

/// How many `let`s are followed to a literal.
const CONSTANT_DEPTH: usize = 16;
/// How many elements of a literal list are looked at one by one.
const UNROLLED: usize = 32;

impl<'p> Engine<'p> {
    /// The taint of a whole value.
    pub(super) fn taint(&mut self, expr: &'p Expr) -> Taint {
        self.eval(expr).all()
    }

    /// The taint of a value, field by field.
    pub(super) fn eval(&mut self, expr: &'p Expr) -> Shape {
        let shape = self.shape(expr);
        let names = matches!(
            expr.kind,
            ExprKind::Ref(_) | ExprKind::Field(..) | ExprKind::Index(..) | ExprKind::Path(..)
        );
        if self.valued && self.recording && names && !shape.is_public() {
            self.values.push((expr.at.0, shape.all()));
        }
        shape
    }

    fn shape(&mut self, expr: &'p Expr) -> Shape {
        match &expr.kind {
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Number(_)
            | ExprKind::String(_)
            | ExprKind::Duration(_) => Shape::default(),
            ExprKind::Template(items) => Shape::of(self.joined(items)),
            ExprKind::List(items) => {
                let elements: Vec<Shape> = items.iter().map(|item| self.eval(item)).collect();
                Shape::list(elements)
            }
            ExprKind::Object(members) => {
                let mut shape = Shape::default();
                for (key, value) in members {
                    let field = self.eval(value);
                    if !field.is_public() {
                        shape.set(key, field);
                    }
                }
                shape
            }
            ExprKind::Ref(root) => self.root(root, Vec::new(), expr.at.0),
            ExprKind::Index(inner, place) if is_of_name(inner) => self.eval(inner).at(*place),
            ExprKind::Field(inner, name) if is_of_name(inner) => self.eval(inner).field(name),
            ExprKind::Field(..) | ExprKind::Index(..) | ExprKind::Path(..) => {
                let mut keys = Vec::new();
                let base = access(expr, &mut keys);
                let found = match &base.kind {
                    ExprKind::Ref(root) => self.root(root, keys, expr.at.0),
                    _ => walk(self.eval(base), &keys),
                };
                if searches(expr) {
                    found.map(&mut Taint::computed)
                } else {
                    found
                }
            }
            ExprKind::Call(function, arguments) => self.function(*function, arguments, expr.at.0),
            ExprKind::Binary(operator, left, right) => {
                let taint = self.taint(left).joined(&self.taint(right));
                Shape::of(if *operator == Operator::Else {
                    taint
                } else {
                    taint.raised(Derivation::Opaque).computed()
                })
            }
            ExprKind::Not(inner) => {
                Shape::of(self.taint(inner).raised(Derivation::Opaque).computed())
            }
            ExprKind::Reveal { value, reason } => {
                let shape = self.eval(value);
                if self.recording {
                    let label = self.trails.label(&shape.all(), false);
                    let mut pc = self.pc.clone();
                    pc.join(&self.alternatives(value));
                    self.reveals.push(Reveal {
                        step: self.step,
                        span: expr.at.0,
                        reason,
                        label,
                        pc,
                        guard: self.guard.clone(),
                    });
                }
                let trails = &self.trails;
                shape.map(&mut |t| t.map(|e| trails.origin(e.atom).is_none().then_some(*e)))
            }
        }
    }

    /// What decides which secret is taken, or whether one is: the left sides of `??`, and names that `member` is given.
    fn alternatives(&mut self, expr: &'p Expr) -> Taint {
        let mut all = Taint::default();
        let mut stack = vec![expr];
        let mut seen: HashSet<&str> = HashSet::new();
        while let Some(expr) = stack.pop() {
            if let ExprKind::Call(Function::Member, arguments) = &expr.kind
                && let [of, name] = arguments.as_slice()
            {
                let taken = self.taint(of);
                if taken.iter().any(|e| self.trails.origin(e.atom).is_some()) {
                    all.join(&self.taint(name).as_control());
                }
            }
            if let ExprKind::Binary(Operator::Else, left, right) = &expr.kind {
                let taken = self.taint(right);
                if taken.iter().any(|e| self.trails.origin(e.atom).is_some()) {
                    all.join(&self.taint(left).as_control());
                }
            }
            if let ExprKind::Ref(Root::Let(name)) = &expr.kind
                && seen.insert(name)
            {
                stack.extend(self.constants.get(&(self.rotation, name.as_str())).copied());
            }
            stack.extend(expr.children());
        }
        all
    }

    fn joined(&mut self, items: &'p [Expr]) -> Taint {
        let mut all = Taint::default();
        for item in items {
            all.join(&self.taint(item));
        }
        all
    }

    fn function(&mut self, function: Function, arguments: &'p [Expr], span: Span) -> Shape {
        let taint = self.joined(arguments);
        if function == Function::IsSet {
            return Shape::of(taint.presence());
        }
        let derivation = function.derivation();
        let mut taint = taint.raised(derivation);
        if derivation >= Derivation::Part {
            taint = taint.computed();
        }
        if derivation >= Derivation::Part && !taint.is_empty() {
            return Shape::of(self.trails.through(
                &taint,
                span,
                HopKind::Function(function.name()),
            ));
        }
        Shape::of(taint)
    }

    fn root(&mut self, root: &'p Root, keys: Vec<String>, span: Span) -> Shape {
        let shape = match root {
            Root::Secret { name, field, .. } => {
                self.read_secrets.insert(name);
                // A field that is only ever filled with public values (an id) is no secret.
                if field
                    .as_ref()
                    .is_some_and(|f| self.public_fields.contains(&(name.clone(), f.clone())))
                {
                    return Shape::default();
                }
                let atom = self.trails.secret(name);
                let part = field.is_some() && !self.plan.dialect.semantics().declares_intent;
                let derivation = if part {
                    Derivation::Part
                } else {
                    Derivation::Whole
                };
                Shape::of(self.trails.source(atom, derivation, span))
            }
            Root::Input(name) => self.input(name, span),
            Root::Inputs => {
                let mut taint = self.caller("", span);
                if let Some(rotation) = self.plan.rotations.get(self.rotation) {
                    for input in rotation.inputs.iter().filter(|i| i.secret) {
                        taint.join(&self.secret_input(&input.name, span));
                    }
                }
                Shape::of(taint)
            }
            Root::Let(name) => self
                .lets
                .get(&(self.rotation, name.as_str()))
                .cloned()
                .unwrap_or_default(),
            Root::Variable(name) => self
                .variables
                .get(name.as_str())
                .cloned()
                .unwrap_or_default(),
            Root::Capture { step, name } => match self.order.find(self.rotation, step) {
                Some(id) => {
                    self.used.insert((id, name));
                    self.captures
                        .get(&(id, name.as_str()))
                        .cloned()
                        .unwrap_or_default()
                }
                None => Shape::default(),
            },
            Root::Output(step) => {
                return match self.order.find(self.rotation, step) {
                    Some(id) => self.output(id, &keys, span),
                    None => self.forked(),
                };
            }
            Root::TaskField { step, field } => match self.order.find(self.rotation, step) {
                Some(id) if field.starts_with("input") => self.stored_input(id),
                Some(id) => Shape::of(
                    self.answers
                        .get(&id)
                        .map(|a| a.status.clone())
                        .unwrap_or_default(),
                ),
                None => self.forked(),
            },
            Root::Run(RunField::CorrelationId) => Shape::of(self.caller("correlationId", span)),
            Root::Run(RunField::Reason) => Shape::of(self.reason()),
            Root::Env(_) | Root::Run(_) => Shape::default(),
            Root::Answer => {
                return self
                    .step
                    .map(|id| Shape::of(self.answer(id, &keys, span)))
                    .unwrap_or_default();
            }
        };
        walk(shape, &keys)
    }

    fn input(&mut self, name: &'p str, span: Span) -> Shape {
        let mut taint = self.caller(name, span);
        if self.secret_inputs.contains(&(self.rotation, name)) {
            taint.join(&self.secret_input(name, span));
        }
        Shape::of(taint)
    }

    fn secret_input(&mut self, name: &str, span: Span) -> Taint {
        let atom = self.trails.intern(Atom::Origin {
            rotation: Some(self.rotation),
            origin: Origin::Input(name.to_owned()),
        });
        self.trails.source(atom, Derivation::Whole, span)
    }

    pub(super) fn caller(&mut self, name: &'p str, span: Span) -> Taint {
        let atom = self.trails.intern(Atom::Caller {
            rotation: self.rotation,
            name,
        });
        self.trails.source(atom, Derivation::Whole, span)
    }

    /// What a server sent, at a place of the step's output document.
    pub(super) fn answer(&mut self, id: usize, keys: &[String], span: Span) -> Taint {
        let facts = self.answers.get(&id).cloned().unwrap_or_default();
        if matches!(
            keys.get(1).map(String::as_str),
            Some("statusCode" | "reasonPhrase")
        ) {
            return facts.status;
        }
        let atom = self.trails.intern(Atom::Answer {
            step: id,
            path: keys.to_vec(),
        });
        let mut taint = self.trails.source(atom, Derivation::Whole, span);
        if facts.sensitive {
            let origin = Origin::Response(
                self.order
                    .get(id)
                    .map(|n| n.step.name.clone())
                    .unwrap_or_default(),
            );
            let atom = self.trails.intern(Atom::Origin {
                rotation: Some(self.rotation),
                origin,
            });
            let derivation = if keys.len() > 2 {
                Derivation::Part
            } else {
                Derivation::Whole
            };
            taint.join(&self.trails.source(atom, derivation, span));
        }
        taint
    }

    /// A place of a Conductor task's output document.
    fn output(&mut self, id: usize, keys: &[String], span: Span) -> Shape {
        let Some(node) = self.order.get(id) else {
            return Shape::default();
        };
        let task = &node.step.task;
        match task {
            Task::Http(http) => {
                let mut shape = Shape::default();
                for capture in &http.captures {
                    let place = &capture.place;
                    if place.is_empty() || !path::overlap(place, keys) {
                        continue;
                    }
                    self.used.insert((id, capture.name.as_str()));
                    let found = self
                        .captures
                        .get(&(id, capture.name.as_str()))
                        .cloned()
                        .unwrap_or_default();
                    if keys.len() >= place.len() {
                        return walk(found, keys.get(place.len()..).unwrap_or_default());
                    }
                    shape.join(&found);
                }
                let raw = self.answers.get(&id).is_some_and(|a| a.raw);
                if raw || http.captures.iter().all(|c| !path::overlap(&c.place, keys)) {
                    if keys.get(1).map(String::as_str) != Some("statusCode") {
                        self.used.insert((id, ""));
                    }
                    shape.join(&Shape::of(self.answer(id, keys, span)));
                }
                shape
            }
            Task::Let(item) => {
                let shape = self
                    .lets
                    .get(&(node.rotation, item.name.as_str()))
                    .cloned()
                    .unwrap_or_default();
                walk(shape, keys.get(1..).unwrap_or_default())
            }
            Task::Call(_) | Task::Worker(_) | Task::Fork(_) => walk(
                self.captures.get(&(id, "")).cloned().unwrap_or_default(),
                keys,
            ),
            // A person's answer to a HUMAN task is its output; only a bare text is a secret, by the name `value`.
            Task::Manual(_)
                if self.plan.dialect.semantics().task_documents
                    && keys.first().is_none_or(|key| key != "value") =>
            {
                Shape::default()
            }
            Task::Generate(_) | Task::Manual(_) => {
                let mut shape = Shape::default();
                for name in task.captures().into_iter().map(|captured| captured.name) {
                    let Some(found) = self.captures.get(&(id, name)).cloned() else {
                        continue;
                    };
                    self.used.insert((id, name));
                    match keys.first() {
                        Some(key) if key == name => return found,
                        Some(_) => {}
                        None => {
                            shape.join(&found);
                        }
                    }
                }
                shape
            }
            Task::Switch(switch) => Shape::of(self.taint(&switch.subject)),
            Task::Parallel(_) | Task::ForEach(_) | Task::Repeat(_) => {
                self.inner_outputs(id, keys, span)
            }
            Task::SetVariables(_)
            | Task::Log(_)
            | Task::Update(_)
            | Task::Stage(_)
            | Task::Verify(_)
            | Task::Promote(_)
            | Task::Revoke(_)
            | Task::Fail(_)
            | Task::Stop(_)
            | Task::Wait(_) => Shape::default(),
        }
    }

    /// The output of a task that nobody has written: one that a fork made at run time.
    fn forked(&self) -> Shape {
        let forks = self
            .order
            .of_rotation(self.rotation)
            .filter(|(_, node)| matches!(node.step.task, Task::Fork(_)));
        let mut shape = Shape::default();
        for (id, _) in forks {
            shape.join(&self.captures.get(&(id, "")).cloned().unwrap_or_default());
        }
        shape
    }

    /// The output of a task that holds others: the outputs of those, under their names.
    fn inner_outputs(&mut self, id: usize, keys: &[String], span: Span) -> Shape {
        // The number of rounds; what ends a loop is in the condition that decides it.
        if keys.first().is_some_and(|key| key == "iteration") {
            return Shape::default();
        }
        let within: Vec<(usize, &'p str)> = self
            .order
            .range(id + 1..usize::MAX)
            .take_while(|(inner, _)| self.order.is_within(*inner, id))
            .filter(|(_, n)| {
                matches!(
                    n.step.task,
                    Task::Http(_)
                        | Task::Let(_)
                        | Task::Call(_)
                        | Task::Worker(_)
                        | Task::Fork(_)
                        | Task::Generate(_)
                        | Task::Manual(_)
                )
            })
            .map(|(inner, n)| (inner, n.step.name.as_str()))
            .collect();
        for (at, key) in keys.iter().enumerate() {
            if let Some((inner, _)) = within.iter().find(|(_, name)| name == key) {
                return self.output(*inner, keys.get(at + 1..).unwrap_or_default(), span);
            }
        }
        let mut shape = Shape::default();
        for (inner, _) in within {
            shape.join(&self.output(inner, &[], span));
        }
        Shape::of(shape.all())
    }

    /// The input of a task as a server keeps it.
    fn stored_input(&mut self, id: usize) -> Shape {
        let Some(Task::Http(http)) = self.order.get(id).map(|n| &n.step.task) else {
            return Shape::default();
        };
        let mut taint = Taint::default();
        for (_, expr) in http.request_exprs() {
            taint.join(&self.taint(expr));
        }
        Shape::of(taint)
    }

    /// The text of an expression that is certain before the run.
    pub(super) fn literal(&self, expr: &'p Expr) -> Option<&'p str> {
        let mut expr = expr;
        for _ in 0..CONSTANT_DEPTH {
            match &expr.kind {
                ExprKind::String(text) => return Some(text),
                ExprKind::Template(parts) => match parts.as_slice() {
                    [only] => expr = only,
                    _ => return None,
                },
                ExprKind::Ref(Root::Let(name)) => {
                    expr = self.constants.get(&(self.rotation, name.as_str()))?
                }
                _ => return None,
            }
        }
        None
    }

    /// The pieces of a text: what is certain as text, the rest as expressions.
    pub(super) fn pieces(&self, expr: &'p Expr, depth: usize, pieces: &mut Vec<Piece<'p>>) {
        match &expr.kind {
            ExprKind::String(text) | ExprKind::Number(text) => {
                pieces.push(Piece::Text(text.clone()))
            }
            ExprKind::Template(parts) => {
                for part in parts {
                    self.pieces(part, depth, pieces);
                }
            }
            ExprKind::Ref(Root::Let(name)) if depth < CONSTANT_DEPTH => {
                match self.constants.get(&(self.rotation, name.as_str())) {
                    Some(value) if is_constant(value) => self.pieces(value, depth + 1, pieces),
                    Some(value) if matches!(value.kind, ExprKind::Template(_)) => {
                        self.pieces(value, depth + 1, pieces)
                    }
                    _ => pieces.push(Piece::Dynamic(expr)),
                }
            }
            ExprKind::Ref(Root::Variable(name)) => {
                let once = self.set_once.get(&(self.rotation, name.as_str()));
                let present = self.present.get(name.as_str());
                match (present.and_then(|item| self.literal(item)), once) {
                    (Some(text), _) => pieces.push(Piece::Text(text.to_owned())),
                    (None, Some(value)) if depth < CONSTANT_DEPTH => {
                        self.pieces(value, depth + 1, pieces)
                    }
                    (None, _) => pieces.push(Piece::Dynamic(expr)),
                }
            }
            ExprKind::Field(..) => match self.present_field(expr) {
                Some(text) => pieces.push(Piece::Text(text.to_owned())),
                None => pieces.push(Piece::Dynamic(expr)),
            },
            _ => pieces.push(Piece::Dynamic(expr)),
        }
    }

    /// The text of a field of the element that a loop is at.
    fn present_field(&self, expr: &'p Expr) -> Option<&'p str> {
        let mut keys = Vec::new();
        let ExprKind::Ref(Root::Variable(name)) = &access(expr, &mut keys).kind else {
            return None;
        };
        self.text_at(self.present.get(name.as_str())?, &keys)
    }

    /// The text in an element that is written out, at these keys.
    fn text_at(&self, item: &'p Expr, keys: &[String]) -> Option<&'p str> {
        let mut item = item;
        for key in keys {
            let ExprKind::Object(members) = &item.kind else {
                return None;
            };
            item = members
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value)?;
        }
        self.literal(item)
    }

    /// The loop's element in a text whose values are all written out, and those values.
    pub(super) fn unrolled(&self, expr: &'p Expr) -> Option<(&'p str, Vec<&'p Expr>)> {
        let mut pieces = Vec::new();
        self.pieces(expr, 0, &mut pieces);
        pieces.into_iter().find_map(|piece| {
            let Piece::Dynamic(expr) = piece else {
                return None;
            };
            let mut keys = Vec::new();
            let ExprKind::Ref(Root::Variable(name)) = &access(expr, &mut keys).kind else {
                return None;
            };
            let items = self.choices.get(name.as_str())?;
            let known = items.iter().all(|item| self.text_at(item, &keys).is_some());
            known.then(|| (name.as_str(), items.clone()))
        })
    }

    /// The elements of a list that is written out, if it is not too long.
    pub(super) fn elements(&self, expr: &'p Expr) -> Option<Vec<&'p Expr>> {
        let list = match &expr.kind {
            ExprKind::Ref(Root::Let(name)) => {
                self.constants.get(&(self.rotation, name.as_str()))?
            }
            _ => expr,
        };
        let ExprKind::List(items) = &list.kind else {
            return None;
        };
        (1..=UNROLLED)
            .contains(&items.len())
            .then(|| items.iter().collect())
    }
}

/// Whether an expression is a name of the rotation's own, or an element or field of it.
fn is_of_name(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Index(inner, _) | ExprKind::Field(inner, _) => is_of_name(inner),
        ExprKind::Ref(Root::Let(_) | Root::Variable(_)) | ExprKind::List(_) => true,
        _ => false,
    }
}

/// The variables of each rotation that one place sets, to a text.
pub(super) fn set_once(plan: &Plan) -> HashMap<(usize, &str), &Expr> {
    let mut set: Vec<(usize, &str, &Expr)> = Vec::new();
    for (index, rotation) in plan.rotations.iter().enumerate() {
        set.extend(
            rotation
                .variables
                .iter()
                .map(|(name, value)| (index, name.as_str(), value)),
        );
        rotation.walk(&mut |step| {
            if let Task::SetVariables(variables) = &step.task {
                set.extend(
                    variables
                        .values
                        .iter()
                        .map(|(name, value)| (index, name.as_str(), value)),
                );
            }
        });
    }
    let mut once: HashMap<(usize, &str), Option<&Expr>> = HashMap::new();
    for (index, name, value) in set {
        once.entry((index, name))
            .and_modify(|known| *known = None)
            .or_insert(Some(value));
    }
    let text = |value: &&Expr| matches!(value.kind, ExprKind::String(_));
    once.into_iter()
        .filter_map(|(place, value)| Some((place, value.filter(text)?)))
        .collect()
}

fn is_constant(expr: &Expr) -> bool {
    matches!(
        expr.kind,
        ExprKind::String(_) | ExprKind::Number(_) | ExprKind::Ref(Root::Let(_))
    )
}

/// Whether a chain of accesses looks for something by what it holds: what it finds depends on all that it looked at.
fn searches(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Path(inner, path) => !path.is_definite() || searches(inner),
        ExprKind::Field(inner, _) | ExprKind::Index(inner, _) => searches(inner),
        _ => false,
    }
}

/// The expression below a chain of accesses, with the keys in order.
pub(crate) fn access<'e>(expr: &'e Expr, keys: &mut Vec<String>) -> &'e Expr {
    let mut chain = Vec::new();
    let mut base = expr;
    loop {
        match &base.kind {
            ExprKind::Field(inner, name) => {
                chain.push(vec![name.clone()]);
                base = inner;
            }
            ExprKind::Index(inner, _) => base = inner,
            ExprKind::Path(inner, path) => {
                chain.push(path::keys(path.as_str()));
                base = inner;
            }
            _ => break,
        }
    }
    keys.extend(chain.into_iter().rev().flatten());
    base
}

fn walk(shape: Shape, keys: &[String]) -> Shape {
    keys.iter().fold(shape, |shape, key| shape.field(key))
}

/// The place in the output document that a capture reads.
pub(crate) fn capture_path(source: &CaptureSource) -> Vec<String> {
    let response = |rest: Vec<String>| {
        ["response".to_owned(), "body".to_owned()]
            .into_iter()
            .chain(rest)
            .collect()
    };
    match source {
        CaptureSource::Body(path) => response(path::keys(path.as_str())),
        CaptureSource::Text => response(Vec::new()),
        CaptureSource::Header(name) => vec!["response".into(), "headers".into(), name.clone()],
        CaptureSource::Status => vec!["response".into(), "statusCode".into()],
        CaptureSource::Expr(expr) => {
            let mut keys = Vec::new();
            let base = access(expr, &mut keys);
            if matches!(base.kind, ExprKind::Ref(Root::Answer)) {
                keys
            } else {
                Vec::new()
            }
        }
    }
}
