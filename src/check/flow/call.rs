//! Calls of rotations: each rotation is analysed once; what its inputs reach is its summary, which each call fills in.

use super::Event;
use super::engine::Engine;
use super::taint::{Atom, Entry, Taint, Trails, raise};
use crate::plan::{Derivation, Origin, Plan, Task};
use std::collections::{BTreeMap, HashMap, HashSet};

/// How often what is passed goes around a ring of calls. Each round brings at least one more rotation to its fixpoint.
const RING_ROUNDS: usize = 24;

/// What every call passes beside its inputs: what decided that it is made. No input can be called so.
pub(crate) const REACHED: &str = "\0reached";

/// A call with what it passes.
#[derive(Debug)]
pub(super) struct Site<'p> {
    pub(super) caller: usize,
    pub(super) callee: usize,
    pub(super) arguments: Vec<(&'p str, Taint)>,
}

/// The rotations so that callees come before callers, and whether some call each other in a ring.
pub(super) fn sequence(plan: &Plan) -> (Vec<usize>, bool) {
    let index: HashMap<&str, usize> = plan
        .rotations
        .iter()
        .enumerate()
        .rev()
        .map(|(i, r)| (r.name.as_str(), i))
        .collect();
    let failing = failing(plan);
    let callees: Vec<Vec<usize>> = plan
        .rotations
        .iter()
        .map(|rotation| {
            let mut found = Vec::new();
            // What starts when another fails comes behind that, as if it called it.
            found.extend(failing.get(rotation.name.as_str()).into_iter().flatten());
            rotation.walk(&mut |step| {
                if let Task::Call(call) = &step.task {
                    found.extend(index.get(call.rotation.as_str()));
                }
            });
            found
        })
        .collect();
    let mut sequence = Vec::new();
    let mut ring = false;
    // 0: not seen, 1: its callees are being placed, 2: placed.
    let mut state = vec![0u8; callees.len()];
    for root in 0..callees.len() {
        let mut stack = vec![(root, 0)];
        while let Some((node, next)) = stack.pop() {
            if next == 0 {
                match state.get_mut(node) {
                    Some(state @ 0) => *state = 1,
                    _ => continue,
                }
            }
            match callees.get(node).and_then(|c| c.get(next)) {
                Some(&callee) => {
                    stack.push((node, next + 1));
                    match state.get(callee) {
                        Some(0) => stack.push((callee, 0)),
                        Some(1) => ring = true,
                        _ => {}
                    }
                }
                None => {
                    if let Some(state) = state.get_mut(node) {
                        *state = 2;
                    }
                    sequence.push(node);
                }
            }
        }
    }
    (sequence, ring)
}

/// The rotations whose failure starts another, by the name of that.
pub(super) fn failing(plan: &Plan) -> HashMap<&str, Vec<usize>> {
    let mut failing: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, rotation) in plan.rotations.iter().enumerate() {
        if let Some(started) = rotation.failure_rotation.as_deref() {
            failing.entry(started).or_default().push(index);
        }
    }
    failing
}

/// `taint` of `callee` with the caller's arguments in place of its inputs.
pub(super) fn substitute<'p>(
    trails: &Trails<'p>,
    taint: &Taint,
    callee: usize,
    arguments: &[(&'p str, Taint)],
) -> Taint {
    let mut result = Taint::default();
    for entry in taint.iter() {
        match trails.atom(entry.atom) {
            Some(Atom::Caller { rotation, name }) if *rotation == callee => {
                for (_, argument) in arguments
                    .iter()
                    .filter(|(input, _)| input == name || (name.is_empty() && *input != REACHED))
                {
                    result.join(&argument.map(|a| {
                        // What the called rotation makes of it that is weak stays weak, whatever it is given.
                        let derivation = match entry.derivation {
                            Derivation::Weak => Derivation::Weak,
                            other => raise(a.derivation, other),
                        };
                        let control = a.control || entry.control;
                        Some(Entry {
                            derivation,
                            control,
                            computed: a.computed || entry.computed,
                            ..*a
                        })
                    }));
                }
            }
            Some(Atom::Origin {
                rotation: Some(rotation),
                origin: Origin::Input(_),
            }) if *rotation == callee => {}
            _ => {
                result.join(&Taint::one(*entry));
            }
        }
    }
    result
}

/// Adds the events of called rotations with what their callers pass.
pub(super) fn instantiate(engine: &mut Engine<'_>, sequence: &[usize], ring: bool) {
    let sites = std::mem::take(&mut engine.calls);
    if sites.is_empty() {
        return;
    }
    // For each rotation: what its own inputs bring to which event, events of its callees included.
    let mut open: Vec<BTreeMap<usize, Taint>> = vec![BTreeMap::new(); engine.plan.rotations.len()];
    for (number, event) in engine.events.iter().enumerate() {
        if let Some(events) = open.get_mut(event.rotation) {
            events.insert(number, event.taint.clone());
        }
    }
    let mut sites_of: HashMap<usize, Vec<&Site<'_>>> = HashMap::new();
    for site in &sites {
        sites_of.entry(site.caller).or_default().push(site);
    }
    let secret = if ring {
        HashSet::new()
    } else {
        given_secrets(&engine.trails, sequence, &sites_of)
    };
    // Callees come first, so that one round is enough but for rings.
    for _ in 0..if ring { RING_ROUNDS } else { 1 } {
        let mut grew = false;
        for &caller in sequence {
            for site in sites_of.get(&caller).into_iter().flatten() {
                // Where no caller ever passes a secret, nothing comes of it that is added below.
                if !ring && !secret.contains(&site.callee) {
                    continue;
                }
                let filled = fill(engine, site, open.get(site.callee));
                if let Some(events) = open.get_mut(caller) {
                    for (number, taint) in filled {
                        grew |= events.entry(number).or_default().join(&taint);
                    }
                }
            }
        }
        if !grew {
            break;
        }
    }
    let mut added = Vec::new();
    for (rotation, events) in open.iter().enumerate() {
        for (number, taint) in events {
            let Some(event) = engine.events.get(*number) else {
                continue;
            };
            let secret = taint.iter().any(|e| engine.trails.origin(e.atom).is_some());
            if secret && (event.rotation != rotation || !is_below(taint, &event.taint)) {
                added.push(Event {
                    taint: taint.clone(),
                    ..event.clone()
                });
            }
        }
    }
    for (number, taint) in open
        .iter()
        .enumerate()
        .flat_map(|(rotation, events)| {
            events
                .iter()
                .map(move |(number, taint)| (rotation, *number, taint))
        })
        .filter_map(|(rotation, number, taint)| {
            let event = engine.events.get(number)?;
            (event.rotation != rotation).then_some((number, taint.clone()))
        })
        .collect::<Vec<_>>()
    {
        name_what_is_passed(engine, number, &taint);
    }
    engine.events.extend(added);
}

/// Where a call says which secret an input is, the event tells of that and not of the input too.
fn name_what_is_passed(engine: &mut Engine<'_>, number: usize, passed: &Taint) {
    let Some(event) = engine.events.get_mut(number) else {
        return;
    };
    let trails = &engine.trails;
    let is_input = |atom| {
        matches!(
            trails.atom(atom),
            Some(Atom::Origin {
                origin: Origin::Input(_),
                ..
            })
        )
    };
    let is_named = |entry: &Entry| {
        passed.iter().any(|p| {
            p.control == entry.control
                && p.derivation > Derivation::Weak
                && trails.origin(p.atom).is_some()
                && !is_input(p.atom)
        })
    };
    event.taint = event
        .taint
        .map(|e| (!(is_input(e.atom) && is_named(e))).then_some(*e));
}

/// The rotations that some call passes a secret: one of the vault or of a step, or what the caller itself was passed.
fn given_secrets(
    trails: &Trails<'_>,
    sequence: &[usize],
    sites: &HashMap<usize, Vec<&Site<'_>>>,
) -> HashSet<usize> {
    let mut given = HashSet::new();
    for caller in sequence.iter().rev() {
        for site in sites.get(caller).into_iter().flatten() {
            let own = given.contains(caller);
            let secret = |e: &Entry| {
                trails.origin(e.atom).is_some() || (own && from_input(trails, e, *caller))
            };
            if site
                .arguments
                .iter()
                .any(|(_, taint)| taint.iter().any(secret))
            {
                given.insert(site.callee);
            }
        }
    }
    given
}

/// Whether an event has all of this already.
fn is_below(taint: &Taint, of_event: &Taint) -> bool {
    !of_event.clone().join(taint)
}

/// What a call brings to the events of the called rotation.
fn fill(
    engine: &Engine<'_>,
    site: &Site<'_>,
    events: Option<&BTreeMap<usize, Taint>>,
) -> Vec<(usize, Taint)> {
    let Some(events) = events else {
        return Vec::new();
    };
    let filled = events.iter().map(|(number, taint)| {
        let inputs = taint.map(|e| from_input(&engine.trails, e, site.callee).then_some(*e));
        (
            *number,
            substitute(&engine.trails, &inputs, site.callee, &site.arguments),
        )
    });
    filled.filter(|(_, taint)| !taint.is_empty()).collect()
}

fn from_input(trails: &Trails<'_>, entry: &Entry, callee: usize) -> bool {
    matches!(trails.atom(entry.atom), Some(Atom::Caller { rotation, .. }) if *rotation == callee)
}
