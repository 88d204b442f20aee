//! WAIT, for a time or until one, and HUMAN, which waits for a person: it is read as `manual`, and the person answers with an
//! object, which is the output, or with a text, which is a secret.

use crate::conductor::read::context::Reader;
use crate::conductor::read::shape::{Kind, field, text_of};
use crate::diagnostic::{Diagnostic, codes};
use crate::json::Node;
use crate::plan::schedule::Dur;
use crate::plan::task::{Manual, Task, Wait};
use crate::plan::{Expr, ExprKind, Function};

impl<'a> Reader<'a> {
    pub(super) fn wait(&mut self, node: &'a Node) -> Option<Task> {
        let inputs = field(node, "inputParameters");
        let of = |key: &str| {
            inputs
                .and_then(|i| field(i, key))
                .filter(|n| n.as_str() != Some(""))
        };
        if let Some(inputs) = inputs.filter(|_| of("duration").or(of("until")).is_some()) {
            self.check_keys(inputs, &["duration", "until"], "WAIT", &[]);
        }
        if let Some(inputs) = inputs {
            self.check_input_kinds(inputs, &[("duration", Kind::Text), ("until", Kind::Text)]);
        }
        match (of("duration"), of("until")) {
            (Some(duration), None) => self.wait_for(duration),
            (None, Some(until)) => self.wait_until(until),
            (Some(_), Some(until)) => {
                self.report(
                    Diagnostic::new(
                        codes::BAD_VALUE,
                        until.span,
                        "a WAIT task has `duration` or `until`, not both",
                    )
                    .help("remove one of them"),
                );
                None
            }
            // Completed from outside: a person answers for it.
            (None, None) => self.human(node),
        }
    }

    fn wait_for(&mut self, node: &Node) -> Option<Task> {
        let value = self.value(node);
        let text = match &value.kind {
            ExprKind::String(text) => text,
            ExprKind::Number(text) => text,
            _ => return Some(Task::Wait(Wait::For(value))),
        };
        match Dur::parse_words(text) {
            Some(length) => Some(Task::Wait(Wait::For(Expr::new(
                ExprKind::Duration(length),
                node.span,
            )))),
            None => {
                self.report(
                    Diagnostic::new(codes::BAD_DURATION_OR_CRON, node.span, "this is no duration")
                        .help("write `1 days 2 hours 3 minutes 4 seconds`, or a part of it; short: `2h 30m`"),
                );
                None
            }
        }
    }

    fn wait_until(&mut self, node: &Node) -> Option<Task> {
        let value = self.value(node);
        let time = match &value.kind {
            ExprKind::String(text) => match instant(text) {
                Some(time) => Expr::new(ExprKind::String(time), node.span),
                None => {
                    self.report(
                        Diagnostic::new(codes::BAD_DURATION_OR_CRON, node.span, "this is no time")
                            .help(
                                "write `2026-11-23 10:00 UTC`, `2026-11-23 10:00` or `2026-11-23`",
                            ),
                    );
                    return None;
                }
            },
            _ => value,
        };
        Some(Task::Wait(Wait::Until(Expr::new(
            ExprKind::Call(Function::Time, vec![time]),
            node.span,
        ))))
    }
}

/// Whether a WAIT names no time.
pub(in crate::conductor::read) fn is_for_a_person(task: &Node) -> bool {
    let inputs = field(task, "inputParameters");
    !["duration", "until"].iter().any(|key| {
        inputs
            .and_then(|i| field(i, key))
            .is_some_and(|n| n.as_str() != Some(""))
    })
}

/// Conductor's times as RFC 3339; without a zone they are in UTC.
fn instant(text: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    let date = words.next()?;
    let time = words.next().unwrap_or("00:00");
    let zone = words.next().unwrap_or("UTC");
    if words.next().is_some() {
        return None;
    }
    let date: jiff::civil::Date = date.parse().ok()?;
    let (hour, minute) = time.split_once(':')?;
    let civil = date.at(hour.parse().ok()?, minute.parse().ok()?, 0, 0);
    let offset = match zone {
        "UTC" | "GMT" | "Z" => Some(jiff::tz::Offset::UTC),
        _ => {
            let digits = zone
                .trim_start_matches("GMT")
                .trim_start_matches("UTC")
                .replace(':', "");
            let (sign, digits) = digits
                .strip_prefix('-')
                .map(|d| (-1, d))
                .or_else(|| digits.strip_prefix('+').map(|d| (1, d)))?;
            let hours: i32 = digits.get(..2)?.parse().ok()?;
            let minutes: i32 = digits
                .get(2..)
                .filter(|d| !d.is_empty())
                .unwrap_or("0")
                .parse()
                .ok()?;
            jiff::tz::Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
        }
    }?;
    offset.to_timestamp(civil).ok().map(|t| t.to_string())
}

impl<'a> Reader<'a> {
    pub(super) fn human(&mut self, node: &'a Node) -> Option<Task> {
        self.check_inputs(node);
        let own = field(node, "inputParameters")
            .and_then(|i| field(i, "instructions").or_else(|| field(i, "message")));
        let instructions = match own.or_else(|| field(node, "description")) {
            Some(text) => self.value(text),
            None => {
                let name = field(node, "name").and_then(text_of).unwrap_or_default();
                Expr::new(
                    ExprKind::String(format!(
                        "do the task `{name}`, then enter the value that came of it"
                    )),
                    node.span,
                )
            }
        };
        Some(Task::Manual(Manual {
            instructions,
            verify: Vec::new(),
        }))
    }
}
