//! SWITCH: by the value of an input, or by a script that is a comparison.

use super::computed::javascript;
use super::context::Writer;
use super::script::is_condition;
use crate::plan::task::{Step, Switch};
use serde_json::{Map, Value};

impl<'a> Writer<'a> {
    pub(super) fn switch(
        &mut self,
        step: &'a Step,
        switch: &'a Switch,
        reference: &str,
    ) -> Map<String, Value> {
        let mut inputs = Map::new();
        let (evaluator, expression) = if let Some((script, given)) = javascript(&switch.subject) {
            inputs = given
                .iter()
                .map(|(name, value)| (name.clone(), self.value(value)))
                .collect();
            ("javascript", self.text(script))
        } else if is_condition(&switch.subject) {
            ("javascript", self.script(&switch.subject, &mut inputs, &[]))
        } else {
            ("value-param", self.input_name(&switch.subject, &mut inputs))
        };
        let mut cases = Map::new();
        for case in &switch.cases {
            let tasks = self.block(&case.steps);
            if cases.insert(case.name.clone(), tasks.into()).is_some() {
                self.cannot(
                    step.at,
                    format!("a server has one case `{}`", case.name),
                    "put both into one",
                );
            }
        }
        let otherwise = self.block(&switch.otherwise);
        let mut task = self.task(reference, "SWITCH", Some(inputs));
        task.insert("evaluatorType".into(), evaluator.into());
        task.insert("expression".into(), expression.into());
        task.insert("decisionCases".into(), Value::Object(cases));
        task.insert("defaultCase".into(), otherwise.into());
        task
    }
}
