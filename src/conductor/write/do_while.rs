//! DO_WHILE: loops until a condition, and over the elements of a list.

use super::computed::javascript;
use super::context::Writer;
use crate::plan::schedule::Dur;
use crate::plan::task::{Backoff, ForEach, Repeat, Step, Task, walk_steps};
use crate::plan::{Expr, ExprKind, Root};
use serde_json::{Map, Value, json};

/// Rounds of a loop that says no number, in both languages.
const UNSAID: u32 = 1000;

impl<'a> Writer<'a> {
    pub(super) fn repeat(
        &mut self,
        step: &'a Step,
        repeat: &'a Repeat,
        reference: &str,
    ) -> Map<String, Value> {
        let mut within = vec![step.name.as_str()];
        walk_steps(&repeat.steps, &mut |s| within.push(&s.name));
        let mut tasks = self.block(&repeat.steps);
        if let Some(every) = repeat.every {
            let name = self.fresh(&format!("{reference}_pause"));
            let inputs =
                Map::from_iter([("duration".to_owned(), super::wait::words(every).into())]);
            tasks.push(Value::Object(self.task(&name, "WAIT", Some(inputs))));
        }
        let mut inputs = Map::new();
        let script = match &repeat.until.kind {
            ExprKind::Not(inner) => javascript(inner),
            _ => None,
        };
        if let Some((script, given)) = script {
            let task = self.scripted(script, given, tasks, reference);
            return keeping(repeat.keep_last, task);
        }
        if repeat.backoff != Backoff::Fixed {
            self.cannot(
                step.at,
                "a pause that grows from round to round cannot be expressed",
                "wait the same time in each round",
            );
        }
        let again = match &repeat.until.kind {
            ExprKind::Not(inner) => self.script(inner, &mut inputs, &within),
            _ => {
                let until = self.script(&repeat.until, &mut inputs, &within);
                format!("!({until})")
            }
        };
        let bounded = counts(&repeat.until, &step.name);
        let condition = if bounded || repeat.at_most == UNSAID {
            again
        } else {
            format!(
                "{}['iteration'] < {} && ({again})",
                own(reference),
                repeat.at_most
            )
        };
        if !bounded && self.plan.dialect.semantics().declares_intent {
            let message = format!(
                "a server ends the loop after {} rounds without failing",
                repeat.at_most
            );
            let message = if repeat.at_most == UNSAID {
                "a server has no bound on this loop".to_owned()
            } else {
                message
            };
            self.differs(
                step.at,
                message,
                "look at the result behind the loop with `when … { fail … }`",
            );
        }
        let mut task = self.task(reference, "DO_WHILE", Some(inputs));
        task.insert("loopCondition".into(), condition.into());
        task.insert("loopOver".into(), tasks.into());
        keeping(repeat.keep_last, task)
    }

    /// A condition that is more than a comparison. The server adds the outputs of the tasks within by itself.
    fn scripted(
        &mut self,
        script: &'a Expr,
        given: &'a [(String, Expr)],
        tasks: Vec<Value>,
        reference: &str,
    ) -> Map<String, Value> {
        let own = |name: &str, value: &Expr| matches!(&value.kind, ExprKind::Ref(Root::Output(step) | Root::Let(step)) if step == name);
        let inputs = given
            .iter()
            .filter(|(name, value)| !own(name, value))
            .map(|(name, value)| (name.clone(), self.value(value)));
        let inputs = inputs.collect();
        let mut task = self.task(reference, "DO_WHILE", Some(inputs));
        task.insert(
            "loopCondition".into(),
            script.as_str().unwrap_or_default().into(),
        );
        task.insert("loopOver".into(), tasks.into());
        task
    }

    /// A loop around one request that a script looks at.
    pub(super) fn http_poll(&mut self, repeat: &'a Repeat) -> Option<Map<String, Value>> {
        let [step] = repeat.steps.as_slice() else {
            return None;
        };
        let Task::Http(http) = &step.task else {
            return None;
        };
        let (script, given) = javascript(&repeat.until)?;
        let output = given.first().is_some_and(|(name, value)| {
            name == "output" && matches!(&value.kind, ExprKind::Ref(Root::Output(polled)) if *polled == step.name)
        });
        if !output {
            return None;
        }
        if self.oss {
            self.cannot(
                step.at,
                "the open-source server has no HTTP_POLL",
                "poll with an HTTP task in a loop",
            );
        }
        let mut inputs = self.http(step, http);
        inputs.insert(
            "terminationCondition".into(),
            script.as_str().unwrap_or_default().into(),
        );
        let every = repeat.every.unwrap_or(Dur::ZERO);
        inputs.insert("pollingInterval".into(), self.seconds(step, every).into());
        let strategy = match repeat.backoff {
            Backoff::Fixed => "FIXED",
            Backoff::Linear => "LINEAR_BACKOFF",
            Backoff::Exponential => "EXPONENTIAL_BACKOFF",
        };
        inputs.insert("pollingStrategy".into(), strategy.into());
        inputs.insert("maxPollCount".into(), repeat.at_most.into());
        let name = self.name_of(&step.name)?.to_owned();
        Some(self.task(&name, "HTTP_POLL", Some(inputs)))
    }

    pub(super) fn for_each(&mut self, each: &'a ForEach, reference: &str) -> Map<String, Value> {
        let items = self.value(&each.items);
        self.items.push((&each.item, reference.to_owned()));
        let mut within = vec![reference];
        walk_steps(&each.steps, &mut |s| within.push(&s.name));
        let tasks = self.block(&each.steps);
        self.items.pop();
        let mut task = self.task(
            reference,
            "DO_WHILE",
            Some(Map::from_iter([("items".to_owned(), items)])),
        );
        if self.oss
            && let Some(inputs) = task.get_mut("inputParameters")
        {
            // The open-source server has a field for a reference, and an input of its own for a list.
            let items = std::mem::replace(inputs, json!({})).get("items").cloned();
            let items = items.unwrap_or_default();
            if items.is_string() {
                task.insert("items".into(), items);
            } else if let Some(inputs) = task.get_mut("inputParameters") {
                *inputs = json!({ "_items": items });
            }
        }
        // Required, and not read where it is empty.
        let mut given = Map::new();
        let condition = match each.until.as_ref().map(|until| &until.kind) {
            Some(ExprKind::Not(again)) => self.script(again, &mut given, &within),
            _ => String::new(),
        };
        if let Some(Value::Object(inputs)) = task.get_mut("inputParameters") {
            inputs.extend(given);
        }
        task.insert("loopCondition".into(), condition.into());
        task.insert("loopOver".into(), tasks.into());
        keeping(each.keep_last, task)
    }
}

fn keeping(last: Option<u32>, mut task: Map<String, Value>) -> Map<String, Value> {
    if let (Some(last), Some(Value::Object(inputs))) = (last, task.get_mut("inputParameters")) {
        inputs.insert("keepLastN".into(), last.into());
    }
    task
}

/// Whether a condition counts the rounds of its own loop.
fn counts(until: &Expr, own: &str) -> bool {
    let mut found = false;
    until.walk(&mut |e| {
        found |= matches!(&e.kind, ExprKind::Ref(Root::Output(step)) if step == own)
    });
    found
}

fn own(reference: &str) -> String {
    if super::script::is_word(reference) {
        format!("$.{reference}")
    } else {
        format!("$['{reference}']")
    }
}
