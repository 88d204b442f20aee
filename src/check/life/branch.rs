//! Branches that a condition chooses: each is a way of its own, and the same condition chooses the same way again.

use super::state::State;
use super::value::Piece;
use super::walk::{DEPTH, Place, WAYS, Walk};
use crate::plan::expr::{Function, Operator};
use crate::plan::task::Switch;
use crate::plan::{Expr, ExprKind, Root, Step};
use std::collections::{BTreeMap, BTreeSet};

/// What a branch without a text of its own says.
const OTHERWISE: usize = usize::MAX;

/// Conditions that are recognised when they come again.
const CONDITIONS: usize = 64;

impl<'p> Walk<'_, 'p> {
    pub(super) fn switch(
        &mut self,
        place: Place,
        switch: &'p Switch,
        ways: Vec<State<'p>>,
    ) -> Vec<State<'p>> {
        let (subject, negated) = self.condition(place.rotation, &switch.subject);
        let key = self.condition_id(place.rotation, subject);
        let is_bool = switch
            .cases
            .iter()
            .all(|c| matches!(c.name.as_str(), "true" | "false"));
        let branches: Vec<(usize, &'p [Step])> = switch
            .cases
            .iter()
            .map(|case| (Some(case.name.as_str()), case.steps.as_slice()))
            .chain([(None, switch.otherwise.as_slice())])
            .map(|(name, steps)| (self.word(name, is_bool, negated, switch), steps))
            .collect();
        let mut out: BTreeSet<State<'p>> = BTreeSet::new();
        let mut split: BTreeMap<usize, Vec<State<'p>>> = BTreeMap::new();
        for way in ways {
            let decided = key.and_then(|key| way.chosen.get(&(place.frame, key)).copied());
            let possible = |word: usize| {
                decided.is_none_or(|d| {
                    d == word || d == OTHERWISE || !branches.iter().any(|(w, _)| *w == d)
                })
            };
            for (number, (word, _)) in branches.iter().enumerate() {
                if !possible(*word) {
                    continue;
                }
                let mut way = way.clone();
                if let Some(key) = key {
                    way.chosen.entry((place.frame, key)).or_insert(*word);
                }
                self.assume(place, subject, *word, &mut way);
                split.entry(number).or_default().push(way);
            }
        }
        for (number, ways) in split {
            let steps = branches.get(number).map_or(&[][..], |(_, steps)| steps);
            out.extend(self.block(place, steps, ways));
        }
        let mut out: Vec<State<'p>> = out.into_iter().collect();
        out.truncate(WAYS);
        out
    }

    /// A condition without the names and negations around it.
    fn condition(&self, rotation: usize, expr: &'p Expr) -> (&'p Expr, bool) {
        let (mut expr, mut negated) = (expr, false);
        for _ in 0..DEPTH {
            match &expr.kind {
                ExprKind::Not(inner) => {
                    expr = inner;
                    negated = !negated;
                }
                ExprKind::Ref(Root::Let(name)) => match self.lets.get(&(rotation, name.as_str())) {
                    Some(value) => expr = value,
                    None => break,
                },
                _ => break,
            }
        }
        (expr, negated)
    }

    /// The number of a condition, the same for all with the same text.
    fn condition_id(&mut self, rotation: usize, expr: &'p Expr) -> Option<usize> {
        let known = self
            .conditions
            .iter()
            .position(|(of, known)| *of == rotation && *known == expr);
        if known.is_none() && self.conditions.len() < CONDITIONS {
            self.conditions.push((rotation, expr));
            return Some(self.conditions.len() - 1);
        }
        known
    }

    /// What a branch says of the condition: a truth, or the number of its text.
    fn word(
        &mut self,
        name: Option<&'p str>,
        is_bool: bool,
        negated: bool,
        switch: &'p Switch,
    ) -> usize {
        if is_bool {
            let truth = match name {
                Some(name) => name == "true",
                None => !switch.cases.iter().any(|c| c.name == "true"),
            };
            return usize::from(truth != negated);
        }
        match name {
            Some(name) => {
                let next = self.words.len() + 2;
                *self.words.entry(name).or_insert(next)
            }
            None => OTHERWISE,
        }
    }

    /// On the branch where a captured value is missing no credential was issued.
    fn assume(&self, place: Place, subject: &'p Expr, word: usize, way: &mut State<'p>) {
        let missing = match &subject.kind {
            ExprKind::Call(Function::IsSet, arguments) if word == 0 => arguments.first(),
            ExprKind::Binary(Operator::Eq, value, null) if word == 1 && is_null(null) => {
                Some(&**value)
            }
            ExprKind::Binary(Operator::Ne, value, null) if word == 0 && is_null(null) => {
                Some(&**value)
            }
            _ => None,
        };
        for piece in missing
            .map(|expr| self.pieces(place, expr, way))
            .unwrap_or_default()
        {
            if let Piece::Made { frame, step, .. } = piece {
                way.issued.remove(&(frame, step));
            }
        }
    }
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Null)
}
