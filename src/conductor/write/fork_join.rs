//! FORK_JOIN and the JOIN that waits for all of its branches.

use super::context::Writer;
use crate::plan::task::Parallel;
use serde_json::{Map, Value};

impl<'a> Writer<'a> {
    pub(super) fn fork_join(&mut self, parallel: &'a Parallel, reference: &str) -> [Map<String, Value>; 2] {
        let branches: Vec<Vec<Value>> = parallel.branches.iter().map(|b| self.block(&b.steps)).collect();
        let ends = branches.iter().filter_map(|b| b.last()).filter_map(|t| t.get("taskReferenceName")).cloned();
        let joined: Vec<Value> = ends.collect();
        let mut fork = self.task(reference, "FORK_JOIN", Some(Map::new()));
        fork.insert("forkTasks".into(), branches.into());
        let name = self.fresh(&format!("{reference}_join"));
        let mut join = self.task(&name, "JOIN", Some(Map::new()));
        join.insert("joinOn".into(), joined.into());
        [fork, join]
    }
}
