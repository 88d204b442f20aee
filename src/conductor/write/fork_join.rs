//! FORK_JOIN and the JOIN that waits for all of its branches.

use super::context::Writer;
use crate::plan::task::{Call, Parallel};
use serde_json::{Map, Value};

impl<'a> Writer<'a> {
    /// One run of a workflow for each element of a list. The JOIN has the step's name: its output is that of the runs.
    pub(super) fn fork_each(&mut self, call: &'a Call, reference: &str) -> [Map<String, Value>; 2] {
        let mut inputs = Map::from_iter([("forkTaskWorkflow".to_owned(), call.rotation.clone().into())]);
        if let Some(each) = &call.each {
            inputs.insert("forkTaskInputs".into(), self.value(each));
        }
        let name = self.fresh(&format!("{reference}_fork"));
        let fork = self.task(&name, "FORK_JOIN_DYNAMIC", Some(inputs));
        [fork, self.task(reference, "JOIN", Some(Map::new()))]
    }

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
