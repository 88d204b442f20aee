//! The walk over steps: state, conditions, fixpoint.
//!
//! The whole plan is walked until no label grows (once where there are neither loops nor rings of calls), then once more
//! to record. After [`WIDEN`] walks variables are widened to their join, so that the cost stays linear in the size.

use super::shape::Shape;
use super::taint::{Atom, HopKind, Taint, Trails};
use super::variables::{Changes, Variables};
use super::{Analysis, Event, Request, Reveal, Sink};
use crate::check::order::{Order, may_end};
use crate::plan::name::{MASKS, is_mask};
use crate::plan::task::lifecycle::NewValue;
use crate::plan::task::{
    Call, ForEach, Fork, Generate, Let, Repeat, SetVariables, Stop, Switch, Update, Worker,
};
use crate::plan::{Derivation, Expr, ExprKind, Given, Origin, Plan, Root, Rotation, Step, Task};
use crate::source::Span;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Walks after which variables are widened.
const WIDEN: usize = 8;
/// Walks after which nothing can grow any more, and which are never reached but by a mistake of ours.
const LAST: usize = 24;

/// What a step's answer looked like.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    pub(super) raw: bool,
    pub(super) sensitive: bool,
    /// The request's label, weakened.
    pub(super) status: Taint,
}

pub(super) struct Engine<'p> {
    pub(super) plan: &'p Plan,
    pub(super) order: Order<'p>,
    /// Fields of records that hold nothing secret.
    pub(super) public_fields: BTreeSet<(String, String)>,
    /// Inputs that are declared secret.
    pub(super) secret_inputs: HashSet<(usize, &'p str)>,
    /// `maskedFields` of the present rotation.
    pub(super) masked: HashSet<&'p str>,
    /// What the tasks of the present rotation are given beside what the plan does with it, by their names.
    given: HashMap<&'p str, &'p Given>,
    /// Steps that are not run here and of which something masked is read.
    masked_reads: HashSet<&'p str>,
    /// Rotations by their names.
    by_name: HashMap<&'p str, usize>,
    pub(super) trails: Trails<'p>,
    pub(super) rotation: usize,
    pub(super) step: Option<usize>,
    next: usize,
    /// What decides that the present step runs: conditions around it.
    pub(super) pc: Taint,
    /// The same for conditions before it that may have ended the run.
    pub(super) guard: Taint,
    /// What decided how long the run has waited: when the present step runs, not whether.
    pub(super) delays: Taint,
    /// For each rotation what decides that it fails, and what its message tells.
    pub(super) failures: HashMap<usize, (Taint, Taint)>,
    /// Rotations that others call.
    pub(super) called: HashSet<usize>,
    /// The rotations whose failure starts another, by the name of that.
    pub(super) failing: HashMap<&'p str, Vec<usize>>,
    pub(super) variables: Variables<'p>,
    pub(super) lets: HashMap<(usize, &'p str), Shape>,
    pub(super) constants: HashMap<(usize, &'p str), &'p Expr>,
    /// Variables that one place sets, to a text.
    pub(super) set_once: HashMap<(usize, &'p str), &'p Expr>,
    /// The elements of loops over texts that are written out, and the one that is looked at.
    pub(super) choices: HashMap<&'p str, Vec<&'p Expr>>,
    pub(super) present: HashMap<&'p str, &'p Expr>,
    pub(super) captures: HashMap<(usize, &'p str), Shape>,
    pub(super) answers: HashMap<usize, Answer>,
    /// Outputs of each rotation, for its callers.
    pub(super) outputs: HashMap<usize, Shape>,
    /// For each loop what its rounds change, and what decides that there is another.
    carried: HashMap<usize, (BTreeMap<&'p str, Shape>, Taint)>,
    pub(super) calls: Vec<super::call::Site<'p>>,
    widen: bool,
    pub(super) changed: bool,
    pub(super) recording: bool,
    /// Whether the labels of expressions are wanted.
    pub(super) valued: bool,
    pub(super) values: Vec<(Span, Taint)>,
    pub(super) events: Vec<Event<'p>>,
    pub(super) requests: Vec<Request<'p>>,
    pub(super) reveals: Vec<Reveal<'p>>,
    pub(super) used: HashSet<(usize, &'p str)>,
    pub(super) read_secrets: HashSet<&'p str>,
}

pub(super) fn run<'p>(plan: &'p Plan, order: Order<'p>, valued: bool) -> Analysis<'p> {
    let (sequence, ring) = super::call::sequence(plan);
    let loops = order.iter().any(|(_, n)| {
        matches!(n.step.task, Task::ForEach(_) | Task::Repeat(_))
            || matches!(&n.step.task, Task::Verify(verify) if super::failure::polls_on_a_value(verify))
    });
    let mut engine = Engine::new(plan, order);
    engine.valued = valued;
    if ring || loops {
        for walk in 0..LAST {
            engine.changed = false;
            engine.widen = walk >= WIDEN;
            engine.walk(&sequence);
            if !engine.changed {
                break;
            }
        }
    }
    engine.recording = true;
    engine.walk(&sequence);
    super::call::instantiate(&mut engine, &sequence, ring);
    engine.finish()
}

impl<'p> Engine<'p> {
    fn new(plan: &'p Plan, order: Order<'p>) -> Self {
        let rotations = || plan.rotations.iter().enumerate();
        let secret = |(index, rotation): (usize, &'p Rotation)| {
            rotation
                .inputs
                .iter()
                .filter(|i| i.secret)
                .map(move |i| (index, i.name.as_str()))
        };
        Self {
            secret_inputs: rotations().flat_map(secret).collect(),
            masked: HashSet::new(),
            given: HashMap::new(),
            masked_reads: masked_reads(plan),
            // Of two with one name the first is called.
            by_name: rotations()
                .rev()
                .map(|(index, r)| (r.name.as_str(), index))
                .collect(),
            plan,
            order,
            public_fields: crate::plan::fields::public_fields(plan),
            trails: Trails::default(),
            rotation: 0,
            step: None,
            next: 0,
            pc: Taint::default(),
            guard: Taint::default(),
            delays: Taint::default(),
            failures: HashMap::new(),
            called: super::failure::called(plan),
            failing: super::call::failing(plan),
            variables: Variables::default(),
            lets: HashMap::new(),
            constants: HashMap::new(),
            set_once: super::eval::set_once(plan),
            choices: HashMap::new(),
            present: HashMap::new(),
            captures: HashMap::new(),
            answers: HashMap::new(),
            outputs: HashMap::new(),
            carried: HashMap::new(),
            calls: Vec::new(),
            widen: false,
            changed: false,
            recording: false,
            valued: false,
            values: Vec::new(),
            events: Vec::new(),
            requests: Vec::new(),
            reveals: Vec::new(),
            used: HashSet::new(),
            read_secrets: HashSet::new(),
        }
    }

    fn walk(&mut self, sequence: &[usize]) {
        for &index in sequence {
            if let Some(rotation) = self.plan.rotations.get(index) {
                self.enter(index, rotation);
            }
        }
    }

    fn enter(&mut self, index: usize, rotation: &'p Rotation) {
        self.rotation = index;
        self.next = self.order.start(index);
        self.masked = rotation.masked_fields.iter().map(String::as_str).collect();
        self.given = rotation
            .given
            .iter()
            .map(|g| (g.step.as_str(), g))
            .collect();
        self.step = None;
        self.pc = self.begun(index, rotation);
        let begun = self.pc.clone();
        self.guard = Taint::default();
        self.delays = Taint::default();
        self.variables = Variables::default();
        for (name, value) in &rotation.variables {
            let shape = self.eval(value);
            self.record_leaves(
                value,
                &|masked| Sink::Variable { name, masked },
                is_mask(name),
                false,
            );
            self.variables.insert(name, shape);
        }
        for default in rotation
            .inputs
            .iter()
            .filter_map(|input| input.default.as_ref())
        {
            self.eval(default);
        }
        self.block(&rotation.steps);
        self.step = None;
        // Those of tasks that are no step of the plan.
        for given in std::mem::take(&mut self.given).into_values() {
            self.give(given);
        }
        let mut outputs = Shape::default();
        for output in &rotation.outputs {
            let masked = output.masked || self.masked.contains(output.name.as_str());
            self.record_leaves(
                &output.value,
                &|masked| Sink::Output {
                    name: &output.name,
                    masked,
                },
                masked,
                true,
            );
            let shape = self.eval(&output.value);
            outputs.set(&output.name, shape);
        }
        if let Some(result) = &rotation.result {
            self.left(result);
        }
        let grew = self.outputs.entry(index).or_default().join(&outputs);
        self.changed |= grew;
        self.guard = Taint::default();
        // These run when something failed: they tell what decided that.
        self.pc = begun;
        if let Some((failed, _)) = self.failures.get(&index) {
            self.pc.join(failed);
        }
        self.block(&rotation.on_failure);
        self.step = None;
        self.pc = Taint::default();
    }

    pub(super) fn block(&mut self, steps: &'p [Step]) {
        for step in steps {
            let id = self.next;
            self.next += 1;
            self.step = Some(id);
            self.one(id, step);
            self.step = Some(id);
        }
    }

    /// Records what a server keeps as the input of a task.
    fn give(&mut self, given: &'p Given) {
        let kind = given.kind.as_str();
        self.record_leaves(
            &given.value,
            &|masked| Sink::Elsewhere { kind, masked },
            false,
            false,
        );
    }

    fn one(&mut self, id: usize, step: &'p Step) {
        if let Some(given) = self.given.remove(step.name.as_str()) {
            self.give(given);
        }
        match &step.task {
            Task::Http(http) => self.http(id, step, http),
            Task::Let(item) => self.bind(step, item),
            Task::SetVariables(set) => self.set_variables(step, set),
            Task::Generate(generate) => self.generate(id, step, generate),
            Task::Log(log) => self.record_leaves(&log.message, &|_| Sink::Log, false, true),
            Task::Update(update) => self.update(update),
            Task::Stage(stage) => {
                self.store(Some(&stage.secret), &stage.value);
                self.expiry(Some(&stage.secret), stage.expires.as_ref());
            }
            Task::Verify(verify) => self.verify(id, verify),
            Task::Revoke(revoke) => self.block(&revoke.steps),
            Task::Promote(_) => {}
            Task::Manual(manual) => {
                self.record_leaves(&manual.instructions, &|_| Sink::Instructions, false, true);
                if self.plan.dialect.semantics().declares_intent {
                    self.mint(id, step, "value", step.at.0);
                } else {
                    self.answer_of_a_person(id, step);
                }
                self.block(&manual.verify);
            }
            Task::Fail(fail) => {
                self.record_leaves(&fail.message, &|_| Sink::ErrorText, false, true);
                let (reason, reached) = (self.taint(&fail.message), self.reached());
                self.may_fail(&reached, &reason);
                if let Some(output) = &fail.output {
                    self.left(output);
                }
            }
            Task::Stop(stop) => self.stop(stop),
            Task::Wait(crate::plan::task::Wait::For(e) | crate::plan::task::Wait::Until(e)) => {
                // When what follows happens tells how long was waited, and whether.
                let time = self.taint(e);
                let condition = self.condition(&time, e.at.0).joined(&self.pc);
                self.delays.join(&condition);
            }
            Task::Switch(switch) => self.switch(switch),
            Task::Parallel(parallel) => {
                // A branch may see another's variables before or after; what all began with is joined first.
                let mut ways = vec![Changes::new()];
                for branch in &parallel.branches {
                    let mark = self.variables.mark();
                    self.block(&branch.steps);
                    ways.push(self.variables.undo(&mark));
                }
                self.variables.merge(ways);
            }
            Task::ForEach(each) => self.for_each(id, each),
            Task::Repeat(repeat) => self.repeat(id, repeat),
            Task::Call(call) => self.call(id, step, call),
            Task::Worker(worker) => self.worker(id, step, worker),
            Task::Fork(fork) => self.fork(id, fork),
        }
    }

    fn bind(&mut self, step: &'p Step, item: &'p Let) {
        let shape = self.eval(&item.value);
        let pc = self.pc.clone();
        let at = step.at.0;
        let shape = shape
            .map(&mut |t| self.trails.through(t, at, HopKind::Let(&item.name)))
            .with(&pc);
        // The input of a Conductor task has no name of its own there: a server keeps the reference in it, not the value.
        if !self.plan.dialect.semantics().task_documents || step.name == item.name {
            self.record(Sink::Let { name: &item.name }, item.value.at.0, shape.all());
        }
        self.constants
            .insert((self.rotation, &item.name), &item.value);
        let grew = self
            .lets
            .entry((self.rotation, &item.name))
            .or_default()
            .join(&shape);
        self.changed |= grew;
    }

    pub(super) fn capture(&mut self, id: usize, name: &'p str, shape: Shape) {
        let shape = shape.with(&self.pc.clone());
        let grew = self.captures.entry((id, name)).or_default().join(&shape);
        self.changed |= grew;
    }

    fn rotation_name(&self) -> String {
        let rotation = self.plan.rotations.get(self.rotation);
        rotation.map_or_else(String::new, |r| r.name.clone())
    }

    /// A capture that is a credential of its own.
    pub(super) fn mint(&mut self, id: usize, step: &'p Step, name: &'p str, span: Span) {
        let atom = self.minted(step, name);
        let taint = self.trails.source(atom, Derivation::Whole, span);
        self.capture(id, name, Shape::of(taint));
    }

    /// The atom of a credential that a step captures.
    pub(super) fn minted(&mut self, step: &Step, name: &str) -> super::AtomId {
        let origin = Origin::Minted {
            rotation: self.rotation_name(),
            step: step.name.clone(),
            name: name.to_owned(),
        };
        self.trails.intern(Atom::Origin {
            rotation: Some(self.rotation),
            origin,
        })
    }

    fn generate(&mut self, id: usize, step: &'p Step, generate: &'p Generate) {
        for (name, secret) in generate.generator.captures() {
            if *secret {
                self.mint(id, step, name, step.at.0);
            } else {
                self.capture(id, name, Shape::default());
            }
        }
    }

    fn set_variables(&mut self, step: &'p Step, set: &'p SetVariables) {
        // None of them sees the new value of another.
        let mut shapes: Vec<(&'p str, Shape)> = Vec::with_capacity(set.values.len());
        for (name, value) in &set.values {
            self.record_leaves(
                value,
                &|masked| Sink::Variable { name, masked },
                is_mask(name),
                false,
            );
            let shape = self.eval(value);
            let pc = self.pc.clone();
            let at = step.at.0;
            let shape = shape
                .map(&mut |t| self.trails.through(t, at, HopKind::Variable(name)))
                .with(&pc);
            shapes.push((name, shape));
        }
        for (name, shape) in shapes {
            self.variables.insert(name, shape);
        }
    }

    fn update(&mut self, update: &'p Update) {
        let name = self.literal(&update.secret);
        if name.is_none() {
            let taint = self.taint(&update.secret);
            self.record(Sink::SecretName, update.secret.at.0, taint);
        }
        self.store(name, &update.value);
        self.expiry(name, update.expires.as_ref());
    }

    fn store(&mut self, secret: Option<&'p str>, value: &'p NewValue) {
        match value {
            NewValue::Single(value) => {
                let taint = self.taint(value);
                self.record_always(
                    Sink::Store {
                        secret,
                        field: None,
                    },
                    value.at.0,
                    taint,
                );
            }
            NewValue::Fields(fields) => {
                for (field, value) in fields {
                    let taint = self.taint(value);
                    self.record_always(
                        Sink::Store {
                            secret,
                            field: Some(field),
                        },
                        value.at.0,
                        taint,
                    );
                }
            }
        }
    }

    fn expiry(&mut self, secret: Option<&'p str>, expires: Option<&'p Expr>) {
        if let Some(expires) = expires {
            self.record_leaves(expires, &|_| Sink::Expiry { secret }, false, false);
        }
    }

    fn stop(&mut self, stop: &'p Stop) {
        if let Some(reason) = &stop.reason {
            self.record_leaves(reason, &|_| Sink::ErrorText, false, true);
        }
        if let Some(output) = &stop.output {
            self.left(output);
        }
    }

    /// What a step that ends the rotation puts out in place of the outputs.
    fn left(&mut self, output: &'p Expr) {
        self.record_leaves(
            output,
            &|masked| Sink::Output { name: "", masked },
            false,
            true,
        );
        let shape = self.eval(output);
        let grew = self.outputs.entry(self.rotation).or_default().join(&shape);
        self.changed |= grew;
    }

    fn switch(&mut self, switch: &'p Switch) {
        let subject = self.taint(&switch.subject);
        self.record(Sink::Branch, switch.subject.at.0, subject.clone());
        let condition = self.condition(&subject, switch.subject.at.0);
        let outer = self.pc.clone();
        self.pc.join(&condition);
        let mut ways = Vec::new();
        let mut ends = false;
        for steps in switch
            .cases
            .iter()
            .map(|b| b.steps.as_slice())
            .chain([switch.otherwise.as_slice()])
        {
            let mark = self.variables.mark();
            self.block(steps);
            ends |= may_end(steps);
            ways.push(self.variables.undo(&mark));
        }
        self.variables.merge(ways);
        self.pc = outer;
        if ends {
            self.guard.join(&condition);
        }
    }

    /// The label of a condition on what it decides. Data of callers and servers decides too (integrity).
    pub(super) fn condition(&mut self, subject: &Taint, span: Span) -> Taint {
        self.trails
            .through(&subject.as_control(), span, HopKind::Condition)
    }

    fn for_each(&mut self, id: usize, each: &'p ForEach) {
        let items = self.eval(&each.items);
        let condition = self.condition(&items.length(), each.items.at.0);
        let shadowed = self.variables.insert(&each.item, items.element());
        let texts = self
            .elements(&each.items)
            .filter(|_| self.plan.dialect.semantics().declares_intent);
        let outer = self.choices.remove(each.item.as_str());
        self.choices
            .extend(texts.map(|texts| (each.item.as_str(), texts)));
        self.looped(id, &condition, |engine| {
            engine.variables.insert(&each.item, items.element());
            engine.block(&each.steps);
            engine.step = Some(id);
            match &each.until {
                Some(until) => {
                    let taint = engine.taint(until);
                    engine.condition(&taint, until.at.0)
                }
                None => Taint::default(),
            }
        });
        self.variables.set(&each.item, shadowed);
        self.choices.remove(each.item.as_str());
        self.choices
            .extend(outer.map(|texts| (each.item.as_str(), texts)));
        if may_end(&each.steps) {
            self.guard.join(&condition);
        }
    }

    fn repeat(&mut self, id: usize, repeat: &'p Repeat) {
        self.looped(id, &Taint::default(), |engine| {
            engine.block(&repeat.steps);
            engine.step = Some(id);
            let until = engine.taint(&repeat.until);
            engine.condition(&until, repeat.until.at.0)
        });
    }

    /// The body of a loop under what was carried from its end to its start on earlier walks. The body returns the condition for going on.
    pub(super) fn looped(
        &mut self,
        id: usize,
        condition: &Taint,
        body: impl FnOnce(&mut Self) -> Taint,
    ) {
        let outer = self.pc.clone();
        let mark = self.variables.mark();
        if let Some((carried, again)) = self.carried.get(&id) {
            self.pc.join(again);
            for (name, shape) in carried {
                self.variables.join(name, shape);
            }
        }
        self.pc.join(condition);
        let again = body(self);
        if self.widen {
            let all = self
                .variables
                .shapes()
                .fold(Taint::default(), |all, shape| all.joined(&shape.all()));
            self.variables.level(&Shape::of(all));
        }
        let (carried, condition) = self.carried.entry(id).or_default();
        let mut grew = condition.join(&again);
        let before = self.variables.changed_since(&mark);
        for name in before.keys() {
            if let Some(shape) = self.variables.get(name) {
                grew |= carried.entry(name).or_default().join(shape);
            }
        }
        self.changed |= grew;
        self.pc = outer;
        for (name, shape) in before {
            if let Some(shape) = shape {
                self.variables.join(name, &shape);
            }
        }
    }

    fn call(&mut self, id: usize, step: &'p Step, call: &'p Call) {
        let mut arguments: Vec<(&'p str, Taint)> = Vec::new();
        for (name, value) in &call.inputs {
            let sink = |masked| {
                if masked {
                    Sink::Variable { name, masked }
                } else {
                    Sink::CallInput {
                        rotation: &call.rotation,
                        name,
                    }
                }
            };
            self.record_leaves(value, &sink, is_mask(name), false);
            let taint = self.taint(value);
            arguments.push((
                name,
                self.trails
                    .through(&taint, value.at.0, HopKind::Passed(name)),
            ));
        }
        let Some(callee) = self.by_name.get(call.rotation.as_str()).copied() else {
            return;
        };
        if let Some(each) = &call.each {
            // Which members the elements have is known at run time only: any input may be any part of them.
            let taint = self.eval(each).all();
            let taint = self.trails.through(&taint, each.at.0, HopKind::Passed(""));
            let inputs = self
                .plan
                .rotations
                .get(callee)
                .map_or(&[][..], |r| r.inputs.as_slice());
            arguments.extend(inputs.iter().map(|i| (i.name.as_str(), taint.clone())));
        }
        arguments.push((super::call::REACHED, self.reached()));
        if let Some((failed, told)) = self.failures.get(&callee).cloned() {
            let failed = super::call::substitute(&self.trails, &failed, callee, &arguments);
            let told = super::call::substitute(&self.trails, &told, callee, &arguments);
            self.guard.join(&failed);
            let reached = self.reached();
            self.may_fail(&reached, &told);
        }
        let outputs = self.outputs.get(&callee).cloned().unwrap_or_default();
        let shape = outputs
            .map(&mut |taint| super::call::substitute(&self.trails, taint, callee, &arguments));
        let at = step.at.0;
        let shape = shape.map(&mut |t| {
            self.trails
                .through(t, at, HopKind::Returned(&call.rotation))
        });
        let shape = if call.each.is_some() {
            Shape::of(shape.all())
        } else {
            shape
        };
        if let Some(rotation) = self
            .plan
            .rotations
            .get(callee)
            .filter(|_| call.each.is_none())
        {
            for output in &rotation.outputs {
                let field = shape.field(&output.name);
                self.capture(id, &output.name, field);
            }
        }
        self.capture(id, "", shape);
        if self.recording {
            self.calls.push(super::call::Site {
                caller: self.rotation,
                callee,
                arguments,
            });
        }
    }

    /// What a person gives to a Conductor task is masked where it stands under a masking key, and no credential elsewhere.
    fn answer_of_a_person(&mut self, id: usize, step: &'p Step) {
        if self.masked_reads.contains(step.name.as_str()) {
            for key in MASKS {
                self.mint(id, step, key, step.at.0);
            }
        }
    }

    /// A local program sees its input, and anything of it may be in its output; what it puts under a masking key is a
    /// credential of its own.
    fn worker(&mut self, id: usize, step: &'p Step, worker: &'p Worker) {
        if let Some(kind) = &worker.kind {
            self.record_leaves(
                &worker.input,
                &|masked| Sink::Elsewhere { kind, masked },
                false,
                false,
            );
        }
        let taint = self
            .taint(&worker.input)
            .raised(Derivation::Opaque)
            .computed();
        // What a task does that is not run here is not known. It has a credential of its own where one is read from it.
        let unknown = worker.kind.is_some();
        let mut shape = if unknown {
            Shape::default()
        } else {
            Shape::of(taint)
        };
        let masks = if unknown && !self.masked_reads.contains(step.name.as_str()) {
            &[][..]
        } else {
            &MASKS
        };
        for key in masks.iter().copied() {
            let atom = self.minted(step, key);
            shape.set(
                key,
                Shape::of(self.trails.source(atom, Derivation::Whole, step.at.0)),
            );
        }
        self.capture(id, "", shape);
    }

    /// What the tasks do is not known; what they are given is in what they give.
    fn fork(&mut self, id: usize, fork: &'p Fork) {
        let mut taint = self.taint(&fork.tasks);
        if let Some(inputs) = &fork.inputs {
            taint.join(&self.taint(inputs));
        }
        let given = taint.raised(Derivation::Opaque).computed();
        self.capture(id, "", Shape::of(given));
    }

    /// What decides that the present step runs, earlier ends of the run included.
    pub(super) fn reached(&self) -> Taint {
        self.pc.clone().joined(&self.guard).joined(&self.delays)
    }

    fn finish(self) -> Analysis<'p> {
        Analysis {
            plan: self.plan,
            order: self.order,
            events: self.events,
            requests: self.requests,
            reveals: self.reveals,
            trails: self.trails,
            used: self.used,
            read_secrets: self.read_secrets,
            values: self.values,
            lets: self.lets,
            captures: self.captures,
        }
    }
}

/// The steps whose masked output is read by its key.
fn masked_reads(plan: &Plan) -> HashSet<&str> {
    fn look<'p>(expr: &'p Expr, found: &mut HashSet<&'p str>) {
        expr.walk(&mut |part| {
            let mut keys = Vec::new();
            if let ExprKind::Ref(Root::Output(step)) = &super::eval::access(part, &mut keys).kind
                && keys.first().is_some_and(|key| is_mask(key))
            {
                found.insert(step);
            }
            if let ExprKind::Ref(Root::Capture { step, name }) = &part.kind
                && is_mask(name)
            {
                found.insert(step);
            }
        });
    }
    let mut found = HashSet::new();
    for rotation in &plan.rotations {
        rotation.exprs(&mut |expr| look(expr, &mut found));
    }
    found
}
