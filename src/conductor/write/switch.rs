//! SWITCH: by the value of an input, or by a script that is a comparison.

use super::computed::javascript;
use super::context::Writer;
use super::script::is_condition;
use crate::plan::task::{Step, Switch};
use serde_json::{Map, Value};

/// The name of a case that no subject gives.
const NEVER: &str = "(never)";

impl<'a> Writer<'a> {
    pub(super) fn switch(
        &mut self,
        step: &'a Step,
        switch: &'a Switch,
        reference: &str,
    ) -> Map<String, Value> {
        let mut inputs = Map::new();
        let (evaluator, expression) = if let Some(results) = &switch.results {
            let condition = match javascript(&switch.subject) {
                Some((script, given)) => {
                    inputs = given
                        .iter()
                        .map(|(name, value)| (name.clone(), self.value(value)))
                        .collect();
                    format!("({})", self.text(script))
                }
                None => self.script(&switch.subject, &mut inputs, &[]),
            };
            let word = |word: &str| Value::from(word).to_string();
            let (yes, no) = (word(&results.0), word(&results.1));
            ("javascript", format!("{condition} ? {yes} : {no}"))
        } else if let Some((script, given)) = javascript(&switch.subject) {
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
            let name = match &switch.results {
                Some((yes, _)) => yes,
                None => &case.name,
            };
            if cases.insert(name.clone(), tasks.into()).is_some() {
                self.cannot(
                    step.at,
                    format!("a server has one case `{}`", case.name),
                    "put both into one",
                );
            }
        }
        if cases.is_empty() {
            // A server refuses a switch without cases; this one never comes.
            cases.insert(NEVER.to_owned(), Value::Array(Vec::new()));
        }
        let otherwise = self.block(&switch.otherwise);
        let mut task = if switch.is_decision {
            let mut task = self.task(reference, "DECISION", Some(inputs));
            let key = if evaluator == "value-param" {
                "caseValueParam"
            } else {
                "caseExpression"
            };
            task.insert(key.into(), expression.into());
            task
        } else {
            let mut task = self.task(reference, "SWITCH", Some(inputs));
            task.insert("evaluatorType".into(), evaluator.into());
            task.insert("expression".into(), expression.into());
            task
        };
        task.insert("decisionCases".into(), Value::Object(cases));
        task.insert("defaultCase".into(), otherwise.into());
        task
    }
}
