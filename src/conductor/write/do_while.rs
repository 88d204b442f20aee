//! DO_WHILE: loops until a condition, and over the elements of a list.

use super::context::Writer;
use crate::plan::task::{ForEach, Repeat, Step, walk_steps};
use crate::plan::{Dialect, Expr, ExprKind, Root};
use serde_json::{Map, Value, json};

/// Rounds of a loop that says no number, in both languages.
const UNSAID: u32 = 1000;

impl<'a> Writer<'a> {
    pub(super) fn repeat(&mut self, step: &'a Step, repeat: &'a Repeat, reference: &str) -> Map<String, Value> {
        let mut within = vec![step.name.as_str()];
        walk_steps(&repeat.steps, &mut |s| within.push(&s.name));
        let mut tasks = self.block(&repeat.steps);
        if let Some(every) = repeat.every {
            let name = self.fresh(&format!("{reference}_pause"));
            let inputs = Map::from_iter([("duration".to_owned(), super::wait::words(every).into())]);
            tasks.push(Value::Object(self.task(&name, "WAIT", Some(inputs))));
        }
        let mut inputs = Map::new();
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
            format!("{}['iteration'] < {} && ({again})", own(reference), repeat.at_most)
        };
        if !bounded && self.plan.dialect == Dialect::Rot {
            let message = format!("a server ends the loop after {} rounds without failing", repeat.at_most);
            let message = if repeat.at_most == UNSAID { "a server has no bound on this loop".to_owned() } else { message };
            self.differs(step.at, message, "look at the result behind the loop with `when … { fail … }`");
        }
        let mut task = self.task(reference, "DO_WHILE", Some(inputs));
        task.insert("loopCondition".into(), condition.into());
        task.insert("loopOver".into(), tasks.into());
        task
    }

    pub(super) fn for_each(&mut self, each: &'a ForEach, reference: &str) -> Map<String, Value> {
        let items = self.value(&each.items);
        self.items.push((&each.item, reference.to_owned()));
        let tasks = self.block(&each.steps);
        self.items.pop();
        let mut task = self.task(reference, "DO_WHILE", Some(Map::from_iter([("items".to_owned(), items)])));
        if self.oss
            && let Some(inputs) = task.get_mut("inputParameters")
        {
            // The open-source server has a field for it.
            let items = std::mem::replace(inputs, json!({})).get("items").cloned();
            task.insert("items".into(), items.unwrap_or_default());
        }
        task.insert("loopOver".into(), tasks.into());
        task
    }
}

/// Whether a condition counts the rounds of its own loop.
fn counts(until: &Expr, own: &str) -> bool {
    let mut found = false;
    until.walk(&mut |e| found |= matches!(&e.kind, ExprKind::Ref(Root::Output(step)) if step == own));
    found
}

fn own(reference: &str) -> String {
    if super::script::is_word(reference) { format!("$.{reference}") } else { format!("$['{reference}']") }
}
