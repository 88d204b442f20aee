//! DO_WHILE: until a condition fails, or over items.

use crate::conductor::read::context::Reader;
use crate::conductor::read::reference::Named;
use crate::conductor::read::script::Purpose;
use crate::conductor::read::script::javascript::{self, Js};
use crate::conductor::read::script::slips;
use crate::conductor::read::shape::{field, number_of};
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::json::Node;
use crate::plan::task::{Backoff, ForEach, Repeat, Task};
use crate::plan::{Expr, ExprKind, Function, Operator};

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
        let around = self
            .site
            .loops
            .last()
            .filter(|outer| *outer != name)
            .cloned();
        if let Some(outer) = around {
            let place = field(node, "type").map_or(node.span, |t| t.span);
            self.report(
                Diagnostic::new(
                    codes::BAD_VALUE,
                    place,
                    format!("a DO_WHILE task within another one, `{outer}`, which servers do not support"),
                )
                .at("a loop within a loop")
                .help("put the inner loop into a workflow of its own and call that with SUB_WORKFLOW")
                .severity(Severity::Warning),
            );
        }
        if tasks.items().is_empty() {
            self.report(
                Diagnostic::new(
                    codes::MISSING_REQUIRED,
                    tasks.span,
                    "the DO_WHILE task has nothing to repeat",
                )
                .at("a server refuses the definition")
                .help("put the tasks of a round into `loopOver`"),
            );
        }
        if let Some(items) = self.items(node) {
            let item = crate::conductor::read::output::loop_item(name);
            let items = self.value(items);
            let until = field(node, "loopCondition")
                .filter(|c| c.as_str().is_some_and(|t| !t.trim().is_empty()))
                .map(|_| self.until(node, name));
            return Some(Task::ForEach(ForEach {
                item,
                items,
                steps,
                until,
                keep_last,
            }));
        }
        let until = self.until(node, name);
        let script = field(node, "loopCondition")
            .and_then(Node::as_str)
            .and_then(comparison);
        let at_most = script
            .as_ref()
            .and_then(|s| rounds(s, name))
            .unwrap_or(AT_MOST);
        Some(Task::Repeat(Repeat {
            steps,
            until,
            at_most,
            every: None,
            backoff: Backoff::Fixed,
            keep_last,
        }))
    }

    /// What the loop goes over: a reference, or among the inputs a list too.
    fn items(&mut self, node: &'a Node) -> Option<&'a Node> {
        if let Some(items) = field(node, "items") {
            if items.is_array() {
                self.report(
                    Diagnostic::new(
                        codes::BAD_VALUE,
                        items.span,
                        "`items` of a task is a text: a server refuses a list here",
                    )
                    .help(
                        "put the list among the inputs, `\"inputParameters\": {\"_items\": […]}`",
                    ),
                );
            }
            return Some(items);
        }
        let inputs = field(node, "inputParameters")?;
        let own = if self.oss() {
            None
        } else {
            field(inputs, "items")
        };
        own.or_else(|| field(inputs, "_items"))
    }

    /// What ends the loop. Where nothing can be made of the condition that is reported, and the loop stays with its tasks.
    fn until(&mut self, node: &Node, name: &str) -> Expr {
        let condition = field(node, "loopCondition")
            .filter(|c| c.as_str().is_some_and(|t| !t.trim().is_empty()));
        let Some(condition) = condition else {
            self.missing(
                node,
                "loopCondition",
                "the DO_WHILE task",
                "a comparison such as `$.poll['statusCode'] != 200`",
            );
            return Expr::new(ExprKind::Null, node.span);
        };
        // The condition is read after each round.
        let order = self.site.order.take();
        let script = condition.as_str().and_then(comparison);
        // What is more than a comparison is looked at as a script.
        if let Some(text) = condition.as_str().filter(|_| script.is_some()) {
            let inputs = field(node, "inputParameters");
            self.check_slips(condition, text, inputs, Purpose::Decision);
        }
        let again = script.as_ref().and_then(|s| always(s, name));
        if again.is_none() && script.as_ref().is_some_and(|s| bound_or_state(s, name)) {
            self.report(
                Diagnostic::new(
                    codes::ENDLESS_LOOP,
                    condition.span,
                    "the bound and what is waited for are joined with `||`: nothing ends this loop early, and its bound does not end it",
                )
                .at("goes on while either holds")
                .help("join the two with `&&`")
                .severity(Severity::Warning),
            );
        }
        let structured = script.as_ref().filter(|s| !matches!(s, Js::Choice(..)));
        if let Some(text) = condition
            .as_str()
            .filter(|_| again.is_none() && structured.is_some())
        {
            self.check_truth(condition, text, false);
        }
        if let Some(again) = again {
            let (says, help) = if again {
                (
                    "this loop never ends",
                    "compare with what changes in a round, or with `$.LOOP['iteration']`",
                )
            } else {
                (
                    "this loop has one round",
                    "compare with what changes in a round, or take the tasks out of the loop",
                )
            };
            self.report(
                Diagnostic::new(codes::CONSTANT_CONDITION, condition.span, says)
                    .at("a constant")
                    .help(help),
            );
        }
        let again = script
            .filter(|s| !matches!(s, Js::Choice(..)))
            .and_then(|script| {
                javascript::lower(&script, &mut |path| {
                    Some(self.loop_name(node, name, path, condition))
                })
            })
            .unwrap_or_else(|| self.loop_script(node, name, condition));
        self.site.order = order;
        Expr::new(ExprKind::Not(Box::new(again)), condition.span)
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
            field(node, "inputParameters"),
            Purpose::Decision,
        );
        let input = Expr::new(ExprKind::Object(members), condition.span);
        let source = Expr::new(ExprKind::String(source), condition.span);
        Expr::new(
            ExprKind::Call(Function::JavaScript, vec![source, input]),
            condition.span,
        )
    }

    /// `$.x` in a condition: an input of the loop, the loop's own output, or the output of a task within.
    fn loop_name(&mut self, node: &Node, own: &str, path: &[String], place: &Node) -> Expr {
        let null = Expr::new(ExprKind::Null, place.span);
        let (Some((first, rest)), Some(string)) = (path.split_first(), place.as_string()) else {
            return null;
        };
        if let Some(value) = field(node, "inputParameters").and_then(|i| i.get(first)) {
            let value = self.value(value);
            return self.below(value, rest, place);
        }
        if first == own {
            let root = self.whole(first, place.span);
            return self.below(root, rest, place);
        }
        if self.scope.tasks.contains_key(first) {
            let names = [first.clone(), "output".to_owned()].into_iter();
            let named = Named::of(string, names.chain(rest.iter().cloned()));
            return self.task_output(&named, first, 2);
        }
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
        null
    }
}

/// A condition that is a comparison, or a function that gives one and does nothing else.
fn comparison(text: &str) -> Option<Js> {
    javascript::parse(text).or_else(|| {
        let inner = slips::look(text, false, true).expression?;
        javascript::parse(text.get(inner)?)
    })
}

/// What a condition says in every round, whatever the rounds do: rounds are counted from 1.
fn always(script: &Js, own: &str) -> Option<bool> {
    match script {
        Js::Bool(value) => Some(*value),
        Js::Not(inner) => always(inner, own).map(|value| !value),
        Js::Binary(Operator::And, a, b) => match (always(a, own), always(b, own)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        },
        Js::Binary(Operator::Or, a, b) => match (always(a, own), always(b, own)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        },
        Js::Binary(operator, left, right) => {
            let (Js::Path(path), Js::Number(number)) = (&**left, &**right) else {
                return None;
            };
            let counts = matches!(path.as_slice(), [a, b] if a == own && b == "iteration");
            let number: f64 = number.parse().ok().filter(|_| counts)?;
            match operator {
                Operator::Gt | Operator::Ne | Operator::Different if number < 1.0 => Some(true),
                Operator::Ge if number <= 1.0 => Some(true),
                Operator::Lt if number <= 1.0 => Some(false),
                Operator::Le | Operator::Eq | Operator::Same if number < 1.0 => Some(false),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Fewest rounds of a bound that is one: with fewer it may say how many there are at least.
const BOUND: f64 = 5.0;

/// `$.loop['iteration'] < 30 || $.job['status'] != 'DONE'`: either is enough to go on.
fn bound_or_state(script: &Js, own: &str) -> bool {
    let Js::Binary(Operator::Or, left, right) = script else {
        return false;
    };
    let reads_count = |path: &[String]| matches!(path, [a, b] if a == own && b == "iteration");
    let bounds = |js: &Js| match js {
        Js::Binary(Operator::Lt | Operator::Le, path, number) => match (&**path, &**number) {
            (Js::Path(path), Js::Number(number)) => {
                reads_count(path) && number.parse::<f64>().is_ok_and(|n| n >= BOUND)
            }
            _ => false,
        },
        _ => false,
    };
    let differs = |js: &Js| match js {
        Js::Binary(Operator::Ne | Operator::Different, path, value) => {
            matches!((&**path, &**value), (Js::Path(path), Js::Text(_) | Js::Number(_) | Js::Bool(_)) if !reads_count(path))
        }
        _ => false,
    };
    bounds(left) && differs(right) || bounds(right) && differs(left)
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
