//! The walk along the ways of each rotation that a run may begin with.

use super::state::{Held, Name, State};
use super::value::{Frame, Piece, Pieces, Reading, VersionId};
use super::{Fact, Kind};
use crate::check::order::Order;
use crate::plan::task::lifecycle::NewValue;
use crate::plan::task::{Call, Parallel};
use crate::plan::visit::{Act, walk_steps};
use crate::plan::{Expr, Plan, Rotation, Step, Task};
use crate::source::Span;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

/// Ways that are followed at a time.
pub(super) const WAYS: usize = 16;
/// Calls within calls that are followed.
pub(super) const DEPTH: usize = 8;
/// Steps that are looked at for one rotation, called ones included.
const STEPS: usize = 20_000;

/// A version that a step stores.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Version<'p> {
    secret: &'p str,
    pub(super) span: Span,
    pub(super) pieces: Pieces<'p>,
}

/// Where the walk is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) frame: Frame,
    pub(super) rotation: usize,
    depth: usize,
}

/// What the present steps are there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose<'p> {
    /// To rotate.
    Rotate,
    /// To try a new value.
    Try,
    /// To end the life of the version before.
    Revoke { secret: &'p str, deferred: bool },
}

pub(super) struct Walk<'a, 'p> {
    plan: &'p Plan,
    pub(super) order: &'a Order<'p>,
    by_name: HashMap<&'p str, usize>,
    /// For each step the secrets, and fields of them, whose new values it brings.
    pub(super) replaced: HashMap<usize, BTreeSet<(&'p str, Option<&'p str>)>>,
    /// By step: whether it or one within may change anything here.
    matters: Vec<bool>,
    frames: HashMap<(Frame, usize), Frame>,
    versions: Vec<Version<'p>>,
    version_ids: HashMap<Version<'p>, VersionId>,
    pub(super) conditions: Vec<(usize, &'p Expr)>,
    pub(super) words: HashMap<&'p str, usize>,
    pub(super) lets: HashMap<(usize, &'p str), &'p Expr>,
    pub(super) purpose: Purpose<'p>,
    /// Among the steps for a failed run.
    pub(super) failed: bool,
    /// The calls around, outmost first.
    pub(super) called: Vec<Span>,
    /// How many `parallel`s are around.
    parallel: usize,
    budget: usize,
    /// The secrets that the present rotation writes, and those that it promotes.
    pub(super) written: HashSet<&'p str>,
    promoted: HashSet<&'p str>,
    /// The ways on which a step may have failed; none where nothing is done about it.
    failing: Option<BTreeSet<State<'p>>>,
    /// The ways that came to an end, and by which step.
    ends: Vec<(State<'p>, Option<Span>)>,
    facts: Vec<Fact<'p>>,
    seen: HashSet<(Span, &'p str, std::mem::Discriminant<Kind>)>,
}

impl<'a, 'p> Walk<'a, 'p> {
    pub(super) fn new(plan: &'p Plan, order: &'a Order<'p>) -> Self {
        let mut matters: Vec<bool> = order
            .iter()
            .map(|(_, node)| !matches!(node.step.task, Task::Let(_) | Task::Log(_) | Task::Wait(_)))
            .collect();
        // A step with steps within matters where one of those does; what is within has a higher number.
        let mut inner = vec![false; matters.len()];
        for (id, node) in order.iter().collect::<Vec<_>>().into_iter().rev() {
            let holds = matches!(
                node.step.task,
                Task::Switch(_) | Task::ForEach(_) | Task::Repeat(_) | Task::Parallel(_)
            );
            let own = match (holds, inner.get(id), matters.get_mut(id)) {
                (true, Some(inner), Some(own)) => {
                    *own = *inner;
                    *own
                }
                (_, _, Some(own)) => *own,
                _ => false,
            };
            if let Some(outer) = node.parent.and_then(|(up, _)| inner.get_mut(up)) {
                *outer |= own;
            }
        }
        Self {
            plan,
            order,
            by_name: (plan.rotations.iter().enumerate().rev())
                .map(|(index, r)| (r.name.as_str(), index))
                .collect(),
            matters,
            replaced: replaced(order),
            frames: HashMap::new(),
            versions: Vec::new(),
            version_ids: HashMap::new(),
            conditions: Vec::new(),
            words: HashMap::new(),
            lets: (order.iter())
                .filter_map(|(_, node)| {
                    let Task::Let(item) = &node.step.task else {
                        return None;
                    };
                    Some(((node.rotation, item.name.as_str()), &item.value))
                })
                .collect(),
            purpose: Purpose::Rotate,
            failed: false,
            called: Vec::new(),
            parallel: 0,
            budget: 0,
            written: HashSet::new(),
            promoted: HashSet::new(),
            failing: None,
            ends: Vec::new(),
            facts: Vec::new(),
            seen: HashSet::new(),
        }
    }

    pub(super) fn run(mut self) -> Vec<Fact<'p>> {
        let mut called = HashSet::new();
        for rotation in &self.plan.rotations {
            walk_steps(&rotation.steps, &mut |step| {
                if let Task::Call(call) = &step.task {
                    called.insert(call.rotation.as_str());
                }
            });
        }
        let mut visited = HashSet::new();
        let begins = |r: &Rotation| r.schedule.is_some() || !called.contains(r.name.as_str());
        for first in [true, false] {
            for (index, rotation) in self.plan.rotations.iter().enumerate() {
                // What only a ring of calls reaches begins anywhere.
                let due = if first {
                    begins(rotation)
                } else {
                    !visited.contains(&index)
                };
                if due && !rotation.imported && !visited.contains(&index) {
                    self.begin(index, rotation, &mut visited);
                }
            }
        }
        self.facts.sort_by_key(|fact| fact.span);
        self.facts
    }

    /// All ways from the beginning of one rotation.
    fn begin(&mut self, index: usize, rotation: &'p Rotation, visited: &mut HashSet<usize>) {
        let mut relevant = false;
        self.written.clear();
        self.promoted.clear();
        for reached in self.reached(index) {
            visited.insert(reached);
            let Some(rotation) = self.plan.rotations.get(reached) else {
                continue;
            };
            walk_steps(&rotation.steps, &mut |step| {
                if let Some(write) = step.task.write() {
                    relevant = true;
                    match write.act {
                        Act::Update | Act::Stage => self.written.extend(write.secret),
                        Act::Promote => self.promoted.extend(write.secret),
                        Act::Revoke => {}
                    }
                }
                relevant |= matches!(&step.task, Task::Http(http) if http.effect.issues());
            });
        }
        if !relevant {
            return;
        }
        self.budget = STEPS;
        self.purpose = Purpose::Rotate;
        self.failed = false;
        self.failing = (!rotation.on_failure.is_empty()).then(BTreeSet::new);
        let place = Place {
            frame: 0,
            rotation: index,
            depth: 0,
        };
        let ways = self.block(place, &rotation.steps, vec![State::default()]);
        let mut ends = std::mem::take(&mut self.ends);
        ends.extend(ways.into_iter().map(|way| (way, None)));
        for (way, _) in &mut ends {
            let outputs = rotation.outputs.iter().map(|output| &output.value);
            for value in outputs.chain(&rotation.result) {
                let made = self.pieces(place, value, way);
                note_use(way, &made);
            }
        }
        self.at_the_end(&ends);
        if let Some(failing) = self.failing.take() {
            self.failed = true;
            self.block(place, &rotation.on_failure, failing.into_iter().collect());
            self.ends.clear();
        }
    }

    /// A rotation and those that it calls, directly or not.
    fn reached(&self, index: usize) -> Vec<usize> {
        let mut reached = vec![index];
        let mut known = HashSet::from([index]);
        let mut next = 0;
        while let Some(rotation) = reached.get(next).and_then(|i| self.plan.rotations.get(*i)) {
            walk_steps(&rotation.steps, &mut |step| {
                if let Task::Call(call) = &step.task
                    && let Some(callee) = self.by_name.get(call.rotation.as_str())
                    && known.insert(*callee)
                {
                    reached.push(*callee);
                }
            });
            next += 1;
        }
        reached
    }

    fn at_the_end(&mut self, ends: &[(State<'p>, Option<Span>)]) {
        let mut used: HashSet<(Frame, usize)> = HashSet::new();
        for (way, _) in ends {
            used.extend(
                way.issued
                    .iter()
                    .filter(|(_, used)| **used)
                    .map(|(id, _)| *id),
            );
        }
        for (way, end) in ends {
            for (secret, held) in &way.secrets {
                let Some(staged) = held.pending.and_then(|v| self.version(v)) else {
                    continue;
                };
                let staged = staged.span;
                if let Some(span) = held.revoked {
                    self.fact(secret, span, Kind::RevokedUnreplaced { staged });
                }
                if self.promoted.contains(secret) {
                    self.fact(secret, staged, Kind::LeftStaged { end: *end });
                }
            }
            for (id, _) in way
                .issued
                .iter()
                .filter(|(id, is_used)| !**is_used && used.contains(id))
            {
                if let Some(node) = self.order.get(id.1) {
                    let (name, span) = (node.step.name.as_str(), node.step.at.0);
                    self.fact(name, span, Kind::Unused { end: *end });
                }
            }
        }
    }

    pub(super) fn version(&self, id: VersionId) -> Option<&Version<'p>> {
        self.versions.get((id as usize).checked_sub(3)?)
    }

    pub(super) fn fact(&mut self, secret: &'p str, span: Span, kind: Kind) {
        if self
            .seen
            .insert((span, secret, std::mem::discriminant(&kind)))
        {
            self.facts.push(Fact { secret, span, kind });
        }
    }

    pub(super) fn block(
        &mut self,
        place: Place,
        steps: &'p [Step],
        mut ways: Vec<State<'p>>,
    ) -> Vec<State<'p>> {
        for step in steps {
            if ways.is_empty() || self.budget == 0 {
                break;
            }
            self.budget -= 1;
            let Some(id) = self.order.find(place.rotation, &step.name) else {
                continue;
            };
            ways = self.step(place, id, step, ways);
        }
        ways
    }

    fn step(
        &mut self,
        place: Place,
        id: usize,
        step: &'p Step,
        mut ways: Vec<State<'p>>,
    ) -> Vec<State<'p>> {
        let fails =
            may_fail(&step.task) && !self.failed && !matches!(self.purpose, Purpose::Revoke { .. });
        if let Some(failing) = self.failing.as_mut().filter(|_| fails) {
            let room = WAYS.saturating_sub(failing.len());
            failing.extend(ways.iter().take(room).cloned());
        }
        let span = step.at.0;
        match &step.task {
            Task::Http(http) => {
                for way in &mut ways {
                    self.http(place, id, step, http, way);
                }
            }
            Task::Let(item) => {
                for way in &mut ways {
                    let value = self.pieces(place, &item.value, way);
                    way.bound
                        .insert((place.frame, Name::Let(&item.name)), Rc::new(value));
                }
            }
            Task::Stage(stage) => {
                for way in &mut ways {
                    let version = self.store(place, &stage.secret, span, &stage.value, way);
                    let mut held = way.held(&stage.secret);
                    held.pending = Some(version);
                    way.secrets.insert(&stage.secret, held);
                    way.attempt = None;
                }
            }
            Task::Update(update) => {
                let Some(secret) = update.secret.as_str() else {
                    return ways;
                };
                for way in &mut ways {
                    let version = self.store(place, secret, span, &update.value, way);
                    self.publish(secret, version, id, span, way);
                }
            }
            Task::Promote(promote) => {
                let secret = promote.secret.as_str();
                for way in &mut ways {
                    let Some(version) = way.held(secret).pending else {
                        continue;
                    };
                    self.untried(secret, version, span, way);
                    self.publish(secret, version, id, span, way);
                    if let Some(held) = way.secrets.get_mut(secret) {
                        held.pending = None;
                    }
                }
            }
            Task::Verify(verify) => return self.tried(place, &verify.steps, ways),
            Task::Manual(manual) => return self.tried(place, &manual.verify, ways),
            Task::Revoke(revoke) => {
                let secret = revoke.secret.as_str();
                for way in &mut ways {
                    let mut held = way.held(secret);
                    // Ahead of everything else it ends what the run before has left over.
                    if held.published.is_none()
                        && (held.pending.is_some() || !way.issued.is_empty())
                    {
                        held.revoked = held.revoked.or(Some(span));
                        way.secrets.insert(secret, held);
                    }
                }
                let outer = std::mem::replace(
                    &mut self.purpose,
                    Purpose::Revoke {
                        secret,
                        deferred: revoke.after.is_some(),
                    },
                );
                ways = self.block(place, &revoke.steps, ways);
                self.purpose = outer;
            }
            Task::Stop(_) => {
                self.ends
                    .extend(ways.drain(..).map(|way| (way, Some(span))));
            }
            Task::Fail(_) => ways.clear(),
            Task::Switch(_) | Task::Parallel(_) | Task::ForEach(_) | Task::Repeat(_)
                if !self.matters.get(id).copied().unwrap_or(true) => {}
            Task::Switch(switch) => return self.switch(place, switch, ways),
            Task::Parallel(parallel) => return self.parallel(place, parallel, ways),
            Task::ForEach(each) => {
                for way in &mut ways {
                    let items = self.pieces(place, &each.items, way);
                    way.bound
                        .insert((place.frame, Name::Variable(&each.item)), Rc::new(items));
                }
                return self.block(place, &each.steps, ways);
            }
            Task::Repeat(repeat) => return self.block(place, &repeat.steps, ways),
            Task::Call(call) => return self.call(place, id, call, ways),
            // Who tells of a credential has not taken care of it.
            Task::Log(_) => {}
            Task::Wait(_)
            | Task::Generate(_)
            | Task::SetVariables(_)
            | Task::Worker(_)
            | Task::Fork(_) => {
                for expr in step.task.exprs() {
                    for way in &mut ways {
                        let found = self.pieces(place, expr, way);
                        note_use(way, &found);
                    }
                }
            }
        }
        ways
    }

    pub(super) fn pieces(&self, place: Place, expr: &'p Expr, way: &State<'p>) -> Pieces<'p> {
        let reading = Reading {
            state: way,
            frame: place.frame,
            rotation: place.rotation,
            order: self.order,
        };
        reading.pieces(expr)
    }

    fn tried(&mut self, place: Place, steps: &'p [Step], ways: Vec<State<'p>>) -> Vec<State<'p>> {
        let outer = std::mem::replace(&mut self.purpose, Purpose::Try);
        let ways = self.block(place, steps, ways);
        self.purpose = outer;
        ways
    }

    /// A new version of a secret.
    fn store(
        &mut self,
        place: Place,
        secret: &'p str,
        span: Span,
        value: &'p NewValue,
        way: &mut State<'p>,
    ) -> VersionId {
        let mut all = Pieces::new();
        for expr in value.exprs() {
            let found = self.pieces(place, expr, way);
            // The new credential may hold the same field again where the server sent none.
            let spent = found.iter().find_map(|piece| way.spent.get(piece));
            if let Some((sent, _)) =
                spent.filter(|_| found.iter().all(|p| way.spent.contains_key(p)))
            {
                self.fact(secret, expr.at.0, Kind::SpentStored { sent: *sent });
            }
            all.extend(found);
        }
        note_use(way, &all);
        let version = Version {
            secret,
            span,
            pieces: all,
        };
        if let Some(id) = self.version_ids.get(&version) {
            return *id;
        }
        let id = VersionId::try_from(self.versions.len() + 3).unwrap_or(VersionId::MAX);
        self.versions.push(version.clone());
        self.version_ids.insert(version, id);
        id
    }

    /// A version comes into use.
    fn publish(
        &mut self,
        secret: &'p str,
        version: VersionId,
        step: usize,
        span: Span,
        way: &mut State<'p>,
    ) {
        let held = way.held(secret);
        if let Some(revoked) = held.revoked {
            self.fact(secret, revoked, Kind::RevokedEarly { published: span });
        }
        if let Some(revoked) = way.dead.get(&(secret, version)) {
            self.fact(secret, *revoked, Kind::RevokedStaged { published: span });
        }
        way.secrets.insert(
            secret,
            Held {
                current: version,
                previous: held.current,
                pending: held.pending,
                published: Some(step),
                revoked: None,
            },
        );
    }

    /// Whether a version that comes into use has been tried.
    fn untried(&mut self, secret: &'p str, id: VersionId, span: Span, way: &State<'p>) {
        let Some(version) = self.version(id) else {
            return;
        };
        let whole = Piece::Stored {
            secret,
            field: None,
            version: id,
        };
        let tried = way.tried.contains(&whole)
            || version.pieces.iter().any(|piece| way.tried.contains(piece));
        if !tried {
            let staged = version.span;
            self.fact(
                secret,
                span,
                Kind::Untried {
                    staged,
                    attempt: way.attempt,
                },
            );
        }
    }

    /// Branches at the same time: none waits for another, so that each order has to be right.
    fn parallel(
        &mut self,
        place: Place,
        parallel: &'p Parallel,
        ways: Vec<State<'p>>,
    ) -> Vec<State<'p>> {
        self.parallel += 1;
        if self.parallel <= 2 {
            let mut backwards = ways.clone();
            let ends = std::mem::take(&mut self.ends);
            for branch in parallel.branches.iter().rev() {
                backwards = self.block(place, &branch.steps, backwards);
            }
            self.ends = ends;
        }
        let mut ways = ways;
        for branch in &parallel.branches {
            ways = self.block(place, &branch.steps, ways);
        }
        self.parallel -= 1;
        ways
    }

    fn call(
        &mut self,
        place: Place,
        id: usize,
        call: &'p Call,
        ways: Vec<State<'p>>,
    ) -> Vec<State<'p>> {
        let callee = self.by_name.get(call.rotation.as_str()).copied();
        let Some((index, rotation)) = callee.and_then(|i| Some((i, self.plan.rotations.get(i)?)))
        else {
            return ways;
        };
        if place.depth >= DEPTH {
            return ways;
        }
        let next = Frame::try_from(self.frames.len() + 1).unwrap_or(Frame::MAX);
        let frame = *self.frames.entry((place.frame, id)).or_insert(next);
        let inner = Place {
            frame,
            rotation: index,
            depth: place.depth + 1,
        };
        let mut ways = ways;
        for way in &mut ways {
            for (name, value) in &call.inputs {
                let passed = self.pieces(place, value, way);
                way.bound
                    .insert((frame, Name::Input(name)), Rc::new(passed));
            }
        }
        // `stop` ends the called rotation alone.
        let outer = std::mem::take(&mut self.ends);
        self.called
            .push(self.order.get(id).map_or(Span::NONE, |n| n.step.at.0));
        let mut ways = self.block(inner, &rotation.steps, ways);
        self.called.pop();
        let stopped = std::mem::replace(&mut self.ends, outer);
        ways.extend(stopped.into_iter().map(|(way, _)| way));
        ways.truncate(WAYS);
        for way in &mut ways {
            for output in &rotation.outputs {
                let found = self.pieces(inner, &output.value, way);
                way.bound.insert(
                    (place.frame, Name::Capture(id, &output.name)),
                    Rc::new(found),
                );
            }
            way.bound.retain(|(of, _), _| *of != frame);
            way.chosen.retain(|(of, _), _| *of != frame);
        }
        ways
    }
}

/// Whether a step depends on somebody else, or ends the run as failed.
fn may_fail(task: &Task) -> bool {
    matches!(
        task,
        Task::Http(_) | Task::Manual(_) | Task::Fail(_) | Task::Worker(_) | Task::Repeat(_)
    )
}

/// Something is done with what a step issued.
pub(super) fn note_use<'p>(way: &mut State<'p>, found: &Pieces<'p>) {
    for piece in found {
        if let Piece::Made { frame, step, .. } = piece
            && let Some(used) = way.issued.get_mut(&(*frame, *step))
        {
            *used = true;
        }
    }
}

/// For each step the secrets, and fields of them, whose new values it brings.
fn replaced<'p>(order: &Order<'p>) -> HashMap<usize, BTreeSet<(&'p str, Option<&'p str>)>> {
    let mut replaced: HashMap<usize, BTreeSet<_>> = HashMap::new();
    for (_, node) in order.iter() {
        let Some(write) = node.step.task.write() else {
            continue;
        };
        let (Some(secret), Some(value)) = (write.secret, write.value) else {
            continue;
        };
        let mut note = |field: Option<&'p str>, value: &'p Expr| {
            value.each_captured(&mut |step| {
                if let Some(maker) = order.find(node.rotation, step) {
                    replaced.entry(maker).or_default().insert((secret, field));
                }
            });
        };
        match value {
            NewValue::Single(value) => note(None, value),
            NewValue::Fields(fields) => fields
                .iter()
                .for_each(|(field, value)| note(Some(field), value)),
        }
    }
    replaced
}
