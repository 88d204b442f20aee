//! FORK_JOIN and the JOIN that waits for all of its branches.

use super::context::Writer;
use crate::plan::task::{Call, Fork, Parallel};
use serde_json::{Map, Value};

impl<'a> Writer<'a> {
    /// One run of a workflow for each element of a list. The JOIN has the step's name: its output is that of the runs.
    pub(super) fn fork_each(&mut self, call: &'a Call, reference: &str) -> [Map<String, Value>; 2] {
        let named = call
            .each_name
            .clone()
            .unwrap_or_else(|| reference.to_owned());
        let mut inputs = Map::from_iter([
            ("forkTaskWorkflow".to_owned(), call.rotation.clone().into()),
            ("forkTaskName".to_owned(), named.into()),
        ]);
        if let Some(each) = &call.each {
            inputs.insert("forkTaskInputs".into(), self.value(each));
        }
        let name = self.fresh(&format!("{reference}_fork"));
        let fork = self.task(&name, "FORK_JOIN_DYNAMIC", Some(inputs));
        [fork, self.task(reference, "JOIN", Some(Map::new()))]
    }

    /// Tasks that come at run time. One task for each element of a list is an object; the JOIN has the step's name.
    pub(super) fn fork_dynamic(
        &mut self,
        fork: &'a Fork,
        reference: &str,
    ) -> [Map<String, Value>; 2] {
        let given = fork
            .inputs
            .as_ref()
            .map_or(Value::Null, |inputs| self.value(inputs));
        let name = self.fresh(&format!("{reference}_fork"));
        let fork = match self.value(&fork.tasks) {
            Value::Object(mut one) => {
                let mut inputs = Map::new();
                for (key, from) in [("forkTaskName", "name"), ("forkTaskType", "type")] {
                    inputs.extend(one.remove(from).map(|value| (key.to_owned(), value)));
                }
                inputs.insert("forkTaskInputs".into(), given);
                let mut task = self.task(&name, "FORK_JOIN_DYNAMIC", Some(inputs));
                task.extend(one);
                task
            }
            tasks => {
                let inputs =
                    Map::from_iter([("tasks".to_owned(), tasks), ("inputs".to_owned(), given)]);
                let mut task = self.task(&name, "FORK_JOIN_DYNAMIC", Some(inputs));
                task.insert("dynamicForkTasksParam".into(), "tasks".into());
                task.insert("dynamicForkTasksInputParamName".into(), "inputs".into());
                task
            }
        };
        [fork, self.task(reference, "JOIN", Some(Map::new()))]
    }

    pub(super) fn fork_join(
        &mut self,
        parallel: &'a Parallel,
        reference: &str,
    ) -> [Map<String, Value>; 2] {
        let branches: Vec<Vec<Value>> = parallel
            .branches
            .iter()
            .map(|b| self.block(&b.steps))
            .collect();
        let ends = branches
            .iter()
            .filter_map(|b| b.last())
            .filter_map(|t| t.get("taskReferenceName"))
            .cloned();
        let joined: Vec<Value> = ends.collect();
        let mut fork = self.task(reference, "FORK_JOIN", Some(Map::new()));
        fork.insert("forkTasks".into(), branches.into());
        let name = self.fresh(&format!("{reference}_join"));
        let mut join = self.task(&name, "JOIN", Some(Map::new()));
        join.insert("joinOn".into(), joined.into());
        [fork, join]
    }
}
