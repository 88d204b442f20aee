//! WAIT: for a time or until one.

use super::context::Writer;
use crate::plan::schedule::Dur;
use crate::plan::task::{Step, Wait};
use crate::plan::{ExprKind, Function};
use serde_json::{Map, Value};

impl<'a> Writer<'a> {
    pub(super) fn wait(&mut self, step: &'a Step, wait: &'a Wait) -> Map<String, Value> {
        let (key, value) = match wait {
            Wait::For(expr) => match &expr.kind {
                ExprKind::Duration(length) => {
                    if length.0 % 1000 != 0 {
                        self.loses(
                            step.at,
                            "a server waits whole seconds; the time is rounded up",
                        );
                    }
                    ("duration", Value::String(words(*length)))
                }
                _ => ("duration", self.value(expr)),
            },
            Wait::Until(expr) => match &expr.kind {
                ExprKind::Call(Function::Time, arguments) => match arguments.as_slice() {
                    [only] => match only.as_str() {
                        Some(text) => ("until", self.instant(step, text)),
                        None => ("until", self.value(only)),
                    },
                    _ => ("until", Value::Null),
                },
                _ if self.plan.dialect.semantics().declares_intent => {
                    let help = "wait for a length of time, or until a time that is written out";
                    self.cannot(step.at, "a server waits until a text such as `2026-11-23 10:00 UTC`, not until a time", help);
                    ("until", Value::Null)
                }
                _ => ("until", self.value(expr)),
            },
        };
        Map::from_iter([(key.to_owned(), value)])
    }

    fn instant(&mut self, step: &Step, text: &str) -> Value {
        let Ok(time) = text.parse::<jiff::Timestamp>() else {
            return Value::String(self.literal(text));
        };
        let seconds = time.as_second();
        let minute = seconds.div_euclid(60) * 60 + if seconds.rem_euclid(60) == 0 { 0 } else { 60 };
        if minute != seconds {
            self.loses(
                step.at,
                "a server waits until a whole minute; the time is rounded up",
            );
        }
        let Ok(time) = jiff::Timestamp::from_second(minute) else {
            return Value::String(text.to_owned());
        };
        Value::String(time.strftime("%Y-%m-%d %H:%M UTC").to_string())
    }
}

/// Conductor's words for a length of time, in whole seconds, rounded up.
pub(super) fn words(length: Dur) -> String {
    let mut rest = length.0.div_ceil(1000);
    let mut parts = Vec::new();
    for (unit, size) in [
        ("days", 86_400),
        ("hours", 3_600),
        ("minutes", 60),
        ("seconds", 1),
    ] {
        if rest >= size {
            parts.push(format!("{} {unit}", rest / size));
            rest %= size;
        }
    }
    if parts.is_empty() {
        "0 seconds".to_owned()
    } else {
        parts.join(" ")
    }
}
