//! The order of steps: which runs before which on every path, which can never meet, which end the run.
//!
//! Steps of all rotations are numbered in text order; the flow analysis visits them in the same order. Knows nothing
//! of secrets.

use crate::plan::visit::Control;
use crate::plan::{Plan, Step, Task};
use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::HashMap;

/// All steps of a plan with their places in the blocks.
#[derive(Debug)]
pub struct Order<'p> {
    nodes: Vec<Node<'p>>,
    starts: Vec<usize>,
    by_name: HashMap<(usize, &'p str), usize>,
    looked: Cell<usize>,
}

/// One step and the block it stands in.
#[derive(Debug, Clone, Copy)]
pub struct Node<'p> {
    /// The step.
    pub step: &'p Step,
    /// Index of its rotation.
    pub rotation: usize,
    /// The step around it, and in which of that step's blocks it stands.
    pub parent: Option<(usize, usize)>,
    /// It stands among the steps for a failed run.
    pub on_failure: bool,
    /// The block around it may be skipped, and what follows the block is reached all the same.
    skippable: bool,
}

impl<'p> Order<'p> {
    /// Numbers the steps of `plan`.
    pub fn of(plan: &'p Plan) -> Self {
        let mut order = Self {
            nodes: Vec::new(),
            starts: Vec::new(),
            by_name: HashMap::new(),
            looked: Cell::new(0),
        };
        for (rotation, item) in plan.rotations.iter().enumerate() {
            order.starts.push(order.nodes.len());
            order.block(&item.steps, Node::root(rotation, false));
            order.block(&item.on_failure, Node::root(rotation, true));
        }
        order
    }

    fn block(&mut self, steps: &'p [Step], place: Place) {
        for step in steps {
            let id = self.nodes.len();
            let Place {
                rotation,
                parent,
                on_failure,
                skippable,
            } = place;
            self.nodes.push(Node {
                step,
                rotation,
                parent,
                on_failure,
                skippable,
            });
            self.by_name
                .entry((rotation, step.name.as_str()))
                .or_insert(id);
            let blocks = step.task.blocks();
            // The cases behind which the run goes on: a step in one of several of them is skippable.
            let passable: Vec<bool> = if matches!(step.task, Task::Switch(_)) {
                blocks.iter().map(|steps| !always_ends(steps)).collect()
            } else {
                Vec::new()
            };
            let ways = passable.iter().filter(|passable| **passable).count();
            for (number, steps) in blocks.into_iter().enumerate() {
                let own = usize::from(passable.get(number).copied().unwrap_or(false));
                let skippable = ways > own || matches!(step.task, Task::ForEach(_));
                self.block(
                    steps,
                    Place {
                        rotation,
                        parent: Some((id, number)),
                        on_failure,
                        skippable,
                    },
                );
            }
        }
    }

    /// Number of the first step of a rotation.
    pub fn start(&self, rotation: usize) -> usize {
        self.starts.get(rotation).copied().unwrap_or(0)
    }

    /// The steps with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Node<'p>)> {
        self.nodes.iter().enumerate().inspect(|_| self.look())
    }

    /// How many steps have been looked at: the measure of work that a test keeps in proportion to the text.
    pub fn looked(&self) -> usize {
        self.looked.get()
    }

    fn look(&self) {
        self.looked.set(self.looked.get() + 1);
    }

    /// The steps of one rotation with their numbers.
    pub fn of_rotation(&self, rotation: usize) -> impl Iterator<Item = (usize, &Node<'p>)> {
        let end = self
            .starts
            .get(rotation + 1)
            .copied()
            .unwrap_or(self.nodes.len());
        self.nodes
            .iter()
            .enumerate()
            .take(end)
            .skip(self.start(rotation))
            .inspect(|_| self.look())
    }

    /// Steps by their numbers.
    pub fn range(&self, ids: std::ops::Range<usize>) -> impl Iterator<Item = (usize, &Node<'p>)> {
        let nodes = self.nodes.iter().enumerate();
        nodes.take(ids.end).skip(ids.start).inspect(|_| self.look())
    }

    /// A step by its number.
    pub fn get(&self, id: usize) -> Option<&Node<'p>> {
        self.look();
        self.nodes.get(id)
    }

    /// A step of a rotation by its name.
    pub fn find(&self, rotation: usize, name: &str) -> Option<usize> {
        self.by_name.get(&(rotation, name)).copied()
    }

    /// The step itself and those around it, each with the block in which the one before stands; inmost first.
    fn ancestors(&self, id: usize) -> impl Iterator<Item = (usize, usize)> {
        std::iter::successors(self.parent(id), |(up, _)| self.parent(*up))
    }

    fn parent(&self, id: usize) -> Option<(usize, usize)> {
        self.nodes.get(id).and_then(|n| n.parent)
    }

    /// The steps around a step, inmost first.
    pub fn around(&self, id: usize) -> impl Iterator<Item = usize> {
        self.ancestors(id).map(|(up, _)| up)
    }

    /// Whether step `outer` is around step `id`.
    pub fn is_within(&self, id: usize, outer: usize) -> bool {
        // What is around a step has a smaller number.
        self.ancestors(id)
            .take_while(|(up, _)| *up >= outer)
            .any(|(up, _)| up == outer)
    }

    /// Whether `a` and `b` are of one rotation and one list (steps, or the steps for a failed run).
    fn same_list(&self, a: usize, b: usize) -> bool {
        match (self.nodes.get(a), self.nodes.get(b)) {
            (Some(a), Some(b)) => a.rotation == b.rotation && a.on_failure == b.on_failure,
            _ => false,
        }
    }

    /// Whether `a` has run whenever `b` begins.
    pub fn dominates(&self, a: usize, b: usize) -> bool {
        if a >= b || !self.same_list(a, b) || self.split(a, b).is_some() {
            return false;
        }
        let mut inner = a;
        for (outer, block) in self.ancestors(a) {
            // What is around both decides about both.
            if self
                .ancestors(b)
                .take_while(|(up, _)| *up >= outer)
                .any(|place| place == (outer, block))
            {
                return true;
            }
            if self.nodes.get(inner).is_none_or(|n| n.skippable) {
                return false;
            }
            inner = outer;
        }
        true
    }

    /// Whether every run that comes to its end has been through it.
    pub fn is_certain(&self, id: usize) -> bool {
        let around = std::iter::once(id).chain(self.ancestors(id).map(|(up, _)| up));
        around
            .into_iter()
            .all(|id| self.nodes.get(id).is_some_and(|n| !n.skippable))
    }

    /// Whether `a` may run before `b` in one run.
    pub fn may_precede(&self, a: usize, b: usize) -> bool {
        a < b && self.same_list(a, b) && !self.are_exclusive(a, b)
    }

    /// Whether no run has both: they stand in different branches of one switch.
    pub fn are_exclusive(&self, a: usize, b: usize) -> bool {
        self.split(a, b).is_some_and(|outer| self.is_choice(outer))
    }

    /// Whether the step runs one of the blocks within it.
    pub fn is_choice(&self, id: usize) -> bool {
        self.control(id) == Some(Control::Choice)
    }

    /// The inmost step around `id` that runs it in rounds.
    pub fn loop_around(&self, id: usize) -> Option<usize> {
        let is_loop =
            |up: &usize| matches!(self.control(*up), Some(Control::Rounds | Control::Elements));
        self.around(id).find(is_loop)
    }

    /// The `parallel`s around a step, each with the branch in which it stands; inmost first.
    pub fn branches(&self, id: usize) -> impl Iterator<Item = (usize, usize)> {
        let at_once = |up: &usize| {
            (self.nodes.get(*up)).is_some_and(|n| matches!(n.step.task, Task::Parallel(_)))
        };
        self.ancestors(id).filter(move |(up, _)| at_once(up))
    }

    fn control(&self, id: usize) -> Option<Control> {
        self.nodes.get(id).map(|n| n.step.task.control())
    }

    /// Whether they may run at the same time: different branches of one `parallel`.
    pub fn are_parallel(&self, a: usize, b: usize) -> bool {
        self.split(a, b).is_some_and(|outer| {
            matches!(
                self.nodes.get(outer).map(|n| &n.step.task),
                Some(Task::Parallel(_))
            )
        })
    }

    /// In which block of step `outer` a step stands.
    pub fn block_of(&self, id: usize, outer: usize) -> Option<usize> {
        let places = self.ancestors(id).take_while(|(up, _)| *up >= outer);
        places
            .filter(|(up, _)| *up == outer)
            .map(|(_, block)| block)
            .last()
    }

    /// The step in different blocks of which `a` and `b` stand.
    fn split(&self, a: usize, b: usize) -> Option<usize> {
        self.look();
        let (mut mine, mut theirs) = (self.parent(a), self.parent(b));
        // Both ways outwards go to smaller numbers; where they first meet is the inmost step around both.
        while let (Some((a, block)), Some((b, other))) = (mine, theirs) {
            match a.cmp(&b) {
                Ordering::Greater => mine = self.parent(a),
                Ordering::Less => theirs = self.parent(b),
                Ordering::Equal => return (block != other).then_some(a),
            }
        }
        None
    }
}

#[derive(Clone, Copy)]
struct Place {
    rotation: usize,
    parent: Option<(usize, usize)>,
    on_failure: bool,
    skippable: bool,
}

impl Node<'_> {
    fn root(rotation: usize, on_failure: bool) -> Place {
        Place {
            rotation,
            parent: None,
            on_failure,
            skippable: false,
        }
    }
}

/// Whether nothing after these steps is ever reached.
pub fn always_ends(steps: &[Step]) -> bool {
    steps.iter().any(step_ends)
}

/// Whether nothing after this step is ever reached.
pub fn step_ends(step: &Step) -> bool {
    let blocks = || step.task.blocks().into_iter();
    match step.task.control() {
        Control::Ends => !(step.optional && matches!(step.task, Task::Fail(_))),
        Control::Choice => blocks().all(always_ends),
        Control::Together | Control::Rounds => blocks().any(always_ends),
        Control::Straight | Control::Elements | Control::Call => false,
    }
}

/// Whether these steps may end the run.
pub fn may_end(steps: &[Step]) -> bool {
    let mut ends = false;
    crate::plan::task::walk_steps(steps, &mut |step| {
        ends |= matches!(step.task, Task::Fail(_) | Task::Stop(_))
    });
    ends
}
