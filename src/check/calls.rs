//! Which steps call which rotation.

use super::order::Order;
use crate::plan::{Plan, Task};
use std::collections::HashMap;

/// The calls of a plan, by both of their ends.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// The rotation that each calling step calls.
    callee: HashMap<usize, usize>,
    /// The steps that call each rotation, in text order.
    callers: Vec<Vec<usize>>,
}

impl Calls {
    pub(super) fn of(plan: &Plan, order: &Order<'_>) -> Self {
        // Of two with one name the first is called.
        let by_name: HashMap<&str, usize> = (plan.rotations.iter().enumerate().rev())
            .map(|(index, rotation)| (rotation.name.as_str(), index))
            .collect();
        let mut calls = Self {
            callee: HashMap::new(),
            callers: vec![Vec::new(); plan.rotations.len()],
        };
        for (step, node) in order.iter() {
            let Task::Call(call) = &node.step.task else {
                continue;
            };
            if let Some(index) = by_name.get(call.rotation.as_str())
                && let Some(callers) = calls.callers.get_mut(*index)
            {
                calls.callee.insert(step, *index);
                callers.push(step);
            }
        }
        calls
    }

    /// The rotation that a step calls.
    pub(crate) fn callee(&self, step: usize) -> Option<usize> {
        self.callee.get(&step).copied()
    }

    /// The steps that call a rotation.
    pub(crate) fn callers(&self, rotation: usize) -> &[usize] {
        self.callers.get(rotation).map_or(&[], Vec::as_slice)
    }

    /// The steps through which a rotation is run, nearest first: those that call it, those that call these, and so on. Each once.
    pub(crate) fn chain(&self, rotation: usize, order: &Order<'_>) -> Vec<usize> {
        let mut chain: Vec<usize> = self.callers(rotation).to_vec();
        let mut seen = vec![false; self.callers.len()];
        if let Some(own) = seen.get_mut(rotation) {
            *own = true;
        }
        let mut next = 0;
        while let Some(step) = chain.get(next).copied() {
            next += 1;
            let Some(of) = order.get(step).map(|node| node.rotation) else {
                continue;
            };
            if let Some(known) = seen.get_mut(of).filter(|known| !**known) {
                *known = true;
                chain.extend(self.callers(of));
            }
        }
        chain
    }
}
