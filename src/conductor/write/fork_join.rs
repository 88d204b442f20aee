//! FORK_JOIN and the JOIN that waits for all of its branches.

use super::context::Writer;
use crate::plan::task::{Call, Fork, Parallel};
use crate::plan::{Expr, ExprKind};
use serde_json::{Map, Value};

/// The input of a DYNAMIC task that says what it is.
const CHOSEN: &str = "taskToExecute";

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

    /// One task whose type comes at run time (DYNAMIC), or the workflow that it calls; it has a name of its own.
    fn chosen(&mut self, fork: &'a Fork) -> Option<Map<String, Value>> {
        let ExprKind::List(tasks) = &fork.tasks.kind else {
            return None;
        };
        let [
            Expr {
                kind: ExprKind::Object(members),
                ..
            },
        ] = tasks.as_slice()
        else {
            return None;
        };
        let member = |name: &str| members.iter().find(|(n, _)| n == name).map(|(_, e)| e);
        let reference = member("taskReferenceName")?.as_str()?;
        let given = fork.inputs.as_ref().map(|inputs| &inputs.kind);
        let given = match given {
            Some(ExprKind::Object(all)) => all.iter().find(|(n, _)| n == reference).map(|(_, e)| e),
            _ => None,
        };
        let mut inputs = match self.value(given?) {
            Value::Object(inputs) => inputs,
            _ => return None,
        };
        if let Some(called) = member("subWorkflowParam") {
            let called = self.value(called);
            let mut task = self.task(reference, "SUB_WORKFLOW", Some(inputs));
            task.insert("subWorkflowParam".into(), called);
            return Some(task);
        }
        let mut parameter = CHOSEN.to_owned();
        while inputs.contains_key(&parameter) {
            parameter.push('_');
        }
        let word = self.value(member("type")?);
        inputs.insert(parameter.clone(), word);
        let mut task = self.task(reference, "DYNAMIC", Some(inputs));
        task.insert("dynamicTaskNameParam".into(), parameter.into());
        Some(task)
    }

    /// Tasks that come at run time. One task for each element of a list is an object; the JOIN has the step's name.
    pub(super) fn fork_dynamic(
        &mut self,
        fork: &'a Fork,
        reference: &str,
    ) -> Vec<Map<String, Value>> {
        if let Some(task) = self.chosen(fork) {
            return vec![task];
        }
        let name = self.fresh(&format!("{reference}_fork"));
        let Some(given) = &fork.inputs else {
            // The older form has both in one.
            let tasks = self.value(&fork.tasks);
            let inputs = Map::from_iter([("tasks".to_owned(), tasks)]);
            let mut task = self.task(&name, "FORK_JOIN_DYNAMIC", Some(inputs));
            task.insert("dynamicForkJoinTasksParam".into(), "tasks".into());
            return vec![task, self.task(reference, "JOIN", Some(Map::new()))];
        };
        let given = self.value(given);
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
        vec![fork, self.task(reference, "JOIN", Some(Map::new()))]
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
