//! DO_WHILE with a condition that is a comparison.

use super::context::Reader;
use super::javascript::{self, Js};
use super::keys::field;
use super::scope::Shape;
use crate::diagnostic::{Diagnostic, codes};
use crate::json::Node;
use crate::plan::task::{Repeat, Task};
use crate::plan::{Expr, ExprKind, Root};

/// Rounds after which a loop fails whose condition names no number.
const AT_MOST: u32 = 1000;

impl<'a> Reader<'a> {
    pub(super) fn do_while(&mut self, node: &'a Node, name: &str) -> Option<Task> {
        self.check_inputs(node);
        let Some(tasks) = field(node, "loopOver").filter(|l| l.is_array()) else {
            self.missing(node, "loopOver", "the DO_WHILE task", "the list of tasks to repeat");
            return None;
        };
        let steps = self.block(tasks.items());
        let items =
            field(node, "items").or_else(|| field(node, "inputParameters").and_then(|i| field(i, "items").or_else(|| field(i, "_items"))));
        let Some(condition) = field(node, "loopCondition").filter(|c| c.as_str().is_some_and(|t| !t.trim().is_empty())) else {
            match items {
                Some(items) => {
                    self.unsupported(items.span, "a loop over items is not run here", "write the rotation in `.rot` with `for each`")
                }
                None => self.missing(node, "loopCondition", "the DO_WHILE task", "a comparison such as `$.poll['statusCode'] != 200`"),
            }
            return None;
        };
        // The condition is read after each round.
        let order = self.site.order.take();
        let script = condition.as_str().and_then(javascript::parse);
        let at_most = script.as_ref().and_then(|s| rounds(s, name)).unwrap_or(AT_MOST);
        let lowered = script.as_ref().filter(|s| !matches!(s, Js::Choice(..))).map(|script| {
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
                Some(Task::Repeat(Repeat { steps, until, at_most, every: None }))
            }
            Some((None, false)) => None,
            _ => {
                self.script_not_run(condition);
                None
            }
        }
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
            if let Shape::Captures(places) = &info.output {
                let found = places.iter().find(|p| rest.len() >= p.place.len() && p.place.iter().zip(rest).all(|(a, b)| a == b));
                let (capture, used) = found.map(|p| (p.name.clone(), p.place.len()))?;
                let root = Root::Capture { step: first.clone(), name: capture };
                return Some(self.below(Expr::root(root, place.span), rest.get(used..).unwrap_or(&[]), place));
            }
        } else if first != own {
            let near = self.nearest(first, self.scope.names()).map(|n| format!("did you mean `{n}`?"));
            self.report(
                Diagnostic::new(
                    codes::UNRESOLVED_TASK_REF,
                    place.span,
                    format!("the condition reads `{first}`, which is no task and no input"),
                )
                .help(near.unwrap_or_else(|| "name a task of the loop, or add an input to the loop".to_owned())),
            );
            return None;
        }
        let root = Expr::root(Root::Output(first.clone()), place.span);
        Some(self.below(root, rest, place))
    }
}

/// The number of rounds in `$.loop['iteration'] < 5`.
fn rounds(script: &Js, own: &str) -> Option<u32> {
    match script {
        Js::Binary(operator, left, right) => match (&**left, &**right) {
            (Js::Path(path), Js::Number(number)) if matches!(path.as_slice(), [a, b] if a == own && b == "iteration") => {
                let number: u32 = number.parse().ok()?;
                match operator {
                    crate::plan::Operator::Lt => Some(number.max(1)),
                    crate::plan::Operator::Le => Some(number.saturating_add(1)),
                    _ => None,
                }
            }
            (a, b) if *operator == crate::plan::Operator::And => rounds(a, own).or_else(|| rounds(b, own)),
            _ => None,
        },
        _ => None,
    }
}
