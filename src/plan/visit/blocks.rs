//! The steps within a step.

use crate::plan::task::Http;
use crate::plan::{Step, Task};

macro_rules! blocks {
    ($(#[$doc:meta])* $name:ident $iter:ident $block:ty; $($m:tt)?) => {
        impl Task {
            $(#[$doc])*
            pub fn $name(& $($m)? self) -> Vec<& $($m)? $block> {
                match self {
                    Task::Verify(verify) => vec![& $($m)? verify.steps],
                    Task::Revoke(revoke) => vec![& $($m)? revoke.steps],
                    Task::Manual(manual) => vec![& $($m)? manual.verify],
                    Task::Switch(switch) => {
                        let mut all: Vec<& $($m)? $block> = Vec::with_capacity(switch.cases.len() + 1);
                        for case in switch.cases.$iter() {
                            all.push(& $($m)? case.steps);
                        }
                        all.push(& $($m)? switch.otherwise);
                        all
                    }
                    Task::Parallel(parallel) => {
                        let mut all: Vec<& $($m)? $block> = Vec::with_capacity(parallel.branches.len());
                        for branch in parallel.branches.$iter() {
                            all.push(& $($m)? branch.steps);
                        }
                        all
                    }
                    Task::ForEach(each) => vec![& $($m)? each.steps],
                    Task::Repeat(repeat) => vec![& $($m)? repeat.steps],
                    Task::Http(_)
                    | Task::Let(_)
                    | Task::SetVariables(_)
                    | Task::Generate(_)
                    | Task::Log(_)
                    | Task::Update(_)
                    | Task::Stage(_)
                    | Task::Promote(_)
                    | Task::Fail(_)
                    | Task::Stop(_)
                    | Task::Wait(_)
                    | Task::Fork(_)
                    | Task::Call(_)
                    | Task::Worker(_) => Vec::new(),
                }
            }
        }
    };
}

blocks! {
    /// The lists of steps within, in order.
    blocks iter [Step];
}
blocks! {
    /// As [`Task::blocks`], to change them.
    blocks_mut iter_mut Vec<Step>; mut
}

impl Task {
    /// The HTTP requests that the step itself makes, those of `strays` with them.
    pub fn requests(&self) -> Vec<&Http> {
        match self {
            Task::Http(http) => http.with_strays().collect(),
            Task::Let(_)
            | Task::SetVariables(_)
            | Task::Generate(_)
            | Task::Log(_)
            | Task::Update(_)
            | Task::Stage(_)
            | Task::Verify(_)
            | Task::Promote(_)
            | Task::Revoke(_)
            | Task::Manual(_)
            | Task::Fail(_)
            | Task::Stop(_)
            | Task::Wait(_)
            | Task::Switch(_)
            | Task::Parallel(_)
            | Task::Fork(_)
            | Task::ForEach(_)
            | Task::Repeat(_)
            | Task::Call(_)
            | Task::Worker(_) => Vec::new(),
        }
    }
}

/// Calls `visit` on each step of `steps` and of the blocks within, in text order.
pub fn walk_steps<'a>(steps: &'a [Step], visit: &mut dyn FnMut(&'a Step)) {
    for step in steps {
        visit(step);
        for block in step.task.blocks() {
            walk_steps(block, visit);
        }
    }
}
