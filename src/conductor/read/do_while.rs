//! DO_WHILE: until a condition fails, or over items.

use super::context::Reader;
use super::javascript::{self, Js};
use super::keys::{field, number_of};
use super::scope::Shape;
use crate::diagnostic::{Diagnostic, codes};
use crate::json::Node;
use crate::plan::task::{Backoff, ForEach, Repeat, Task};
use crate::plan::{Expr, ExprKind, Function, Root};

/// Rounds after which a loop fails whose condition names no number.
const AT_MOST: u32 = 1000;

impl<'a> Reader<'a> {
    pub(super) fn do_while(&mut self, node: &'a Node, name: &str) -> Option<Task> {
        // They are read for the condition, after each round.
        let order = self.site.order;
        self.site.order = self.last_within(name);
        self.check_inputs(node);
        self.site.order = order;
        let Some(tasks) = field(node, "loopOver").filter(|l| l.is_array()) else {
            self.missing(
                node,
                "loopOver",
                "the DO_WHILE task",
                "the list of tasks to repeat",
            );
            return None;
        };
        let steps = self.block(tasks.items());
        let keep = field(node, "inputParameters").and_then(|i| field(i, "keepLastN"));
        let keep_last = keep.and_then(number_of).and_then(|n| u32::try_from(n).ok());
        if let Some(keep) = keep.filter(|_| keep_last.is_none()) {
            self.wrong_type(keep, "keepLastN", "a number that is written out");
        }
        let items = field(node, "items").or_else(|| {
            field(node, "inputParameters")
                .and_then(|i| field(i, "items").or_else(|| field(i, "_items")))
        });
        if let Some(items) = items {
            let item = super::output::loop_item(name);
            let items = self.value(items);
            return Some(Task::ForEach(ForEach {
                item,
                items,
                steps,
                keep_last,
            }));
        }
        let Some(condition) = field(node, "loopCondition")
            .filter(|c| c.as_str().is_some_and(|t| !t.trim().is_empty()))
        else {
            self.missing(
                node,
                "loopCondition",
                "the DO_WHILE task",
                "a comparison such as `$.poll['statusCode'] != 200`",
            );
            return None;
        };
        // The condition is read after each round.
        let order = self.site.order.take();
        let script = condition.as_str().and_then(javascript::parse);
        if matches!(script, Some(Js::Bool(_))) {
            let (says, help) = match script {
                Some(Js::Bool(true)) => (
                    "this loop never ends",
                    "compare with what changes in a round, or with `$.LOOP['iteration']`",
                ),
                _ => (
                    "this loop has one round",
                    "compare with what changes in a round, or take the tasks out of the loop",
                ),
            };
            self.report(
                Diagnostic::new(codes::CONSTANT_CONDITION, condition.span, says)
                    .at("a constant")
                    .help(help),
            );
        }
        let at_most = script
            .as_ref()
            .and_then(|s| rounds(s, name))
            .unwrap_or(AT_MOST);
        let lowered = script
            .as_ref()
            .filter(|s| !matches!(s, Js::Choice(..)))
            .map(|script| {
                let mut known = true;
                let value = javascript::lower(script, &mut |path| {
                    let value = self.loop_name(node, name, path, condition);
                    known &= value.is_some();
                    value
                });
                (value, known)
            });
        self.site.order = order;
        match lowered {
            Some((Some(again), _)) => {
                let until = Expr::new(ExprKind::Not(Box::new(again)), condition.span);
                Some(Task::Repeat(Repeat {
                    steps,
                    until,
                    at_most,
                    every: None,
                    backoff: Backoff::Fixed,
                    keep_last,
                }))
            }
            Some((None, false)) => None,
            _ => {
                let again = self.loop_script(node, name, condition);
                let until = Expr::new(ExprKind::Not(Box::new(again)), condition.span);
                Some(Task::Repeat(Repeat {
                    steps,
                    until,
                    at_most,
                    every: None,
                    backoff: Backoff::Fixed,
                    keep_last,
                }))
            }
        }
    }

    /// A condition that is more than a comparison: a script over the loop's inputs, its own output, and the outputs of the
    /// tasks that it names.
    fn loop_script(&mut self, node: &Node, own: &str, condition: &Node) -> Expr {
        let source = condition.as_str().unwrap_or_default().to_owned();
        let mut members = match field(node, "inputParameters").map(|i| self.value(i).kind) {
            Some(ExprKind::Object(members)) => members,
            _ => Vec::new(),
        };
        let names: Vec<String> = self
            .scope
            .names()
            .filter(|n| *n == own || source.contains(n))
            .map(str::to_owned)
            .collect();
        for name in names {
            if !members.iter().any(|(known, _)| *known == name) {
                let output = self.whole(&name, condition.span);
                members.push((name, output));
            }
        }
        let known: Vec<String> = members.iter().map(|(name, _)| name.clone()).collect();
        self.check_script(
            condition,
            &known.iter().map(String::as_str).collect::<Vec<_>>(),
        );
        let input = Expr::new(ExprKind::Object(members), condition.span);
        let source = Expr::new(ExprKind::String(source), condition.span);
        Expr::new(
            ExprKind::Call(Function::JavaScript, vec![source, input]),
            condition.span,
        )
    }

    /// `$.x` in a condition: an input of the loop, the loop's own output, or the output of a task within.
    fn loop_name(&mut self, node: &Node, own: &str, path: &[String], place: &Node) -> Option<Expr> {
        let (first, rest) = path.split_first()?;
        if let Some(value) = field(node, "inputParameters").and_then(|i| i.get(first)) {
            let value = self.value(value);
            return Some(self.below(value, rest, place));
        }
        if first != own
            && let Some(info) = self.scope.tasks.get(first)
        {
            // A capture is found by its place; the rest of the output as a path.
            if let Shape::Captures(places) = &*info.output {
                let found = places.iter().find(|p| {
                    rest.len() >= p.place.len() && p.place.iter().zip(rest).all(|(a, b)| a == b)
                });
                let (capture, used) = found.map(|p| (p.name.clone(), p.place.len()))?;
                let root = Root::Capture {
                    step: first.clone(),
                    name: capture,
                };
                return Some(self.below(
                    Expr::root(root, place.span),
                    rest.get(used..).unwrap_or(&[]),
                    place,
                ));
            }
        } else if first != own {
            let near = self
                .nearest(first, self.scope.names())
                .map(|n| format!("did you mean `{n}`?"));
            self.report(
                Diagnostic::new(
                    codes::UNRESOLVED_TASK_REF,
                    place.span,
                    format!("the condition reads `{first}`, which is no task and no input"),
                )
                .help(near.unwrap_or_else(|| {
                    "name a task of the loop, or add an input to the loop".to_owned()
                })),
            );
            return None;
        }
        let root = self.whole(first, place.span);
        Some(self.below(root, rest, place))
    }
}

/// The number of rounds in `$.loop['iteration'] < 5`.
fn rounds(script: &Js, own: &str) -> Option<u32> {
    match script {
        Js::Binary(operator, left, right) => match (&**left, &**right) {
            (Js::Path(path), Js::Number(number)) if matches!(path.as_slice(), [a, b] if a == own && b == "iteration") =>
            {
                let number: u32 = number.parse().ok()?;
                match operator {
                    crate::plan::Operator::Lt => Some(number.max(1)),
                    crate::plan::Operator::Le => Some(number.saturating_add(1)),
                    _ => None,
                }
            }
            (a, b) if *operator == crate::plan::Operator::And => {
                rounds(a, own).or_else(|| rounds(b, own))
            }
            _ => None,
        },
        _ => None,
    }
}
