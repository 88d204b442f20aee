//! SWITCH, and DECISION before it.

use crate::conductor::read::context::Reader;
use crate::conductor::read::script::Purpose;
use crate::conductor::read::script::javascript::{self, Js};
use crate::conductor::read::script::slips;
use crate::conductor::read::shape::{field, text_of};
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::json::Node;
use crate::plan::task::{Branch, Step, Switch, Task};
use crate::plan::{Expr, ExprKind, Function};

impl<'a> Reader<'a> {
    pub(super) fn switch(&mut self, node: &'a Node) -> Option<Task> {
        self.check_has_cases(node);
        let evaluator = field(node, "evaluatorType")
            .and_then(text_of)
            .unwrap_or_else(|| "value-param".to_owned());
        let Some(expression) = field(node, "expression") else {
            self.missing(
                node,
                "expression",
                "the SWITCH task",
                "name the input that decides, with `\"evaluatorType\": \"value-param\"`",
            );
            return Some(self.by_nothing(node));
        };
        match evaluator.as_str() {
            "value-param" => self.by_value(node, expression),
            "javascript" | "graaljs" => self.by_script(node, expression),
            _ => {
                let place = field(node, "evaluatorType").unwrap_or(expression);
                if !self.misspelt_evaluator(place, &evaluator) {
                    self.unsupported(
                        place.span,
                        "this evaluator is not run here",
                        "use `value-param` with an input that holds the value",
                    );
                }
                self.check_inputs(node);
                Some(self.by_nothing(node))
            }
        }
    }

    pub(super) fn decision(&mut self, node: &'a Node) -> Option<Task> {
        self.check_has_cases(node);
        let mut task = self.decided(node)?;
        if let Task::Switch(switch) = &mut task {
            switch.is_decision = true;
        }
        Some(task)
    }

    fn decided(&mut self, node: &'a Node) -> Option<Task> {
        match (field(node, "caseExpression"), field(node, "caseValueParam")) {
            (Some(script), _) => self.by_script(node, script),
            (None, Some(name)) => self.by_value(node, name),
            (None, None) => {
                self.missing(
                    node,
                    "caseValueParam",
                    "the DECISION task",
                    "use SWITCH with `\"evaluatorType\": \"value-param\"`",
                );
                Some(self.by_nothing(node))
            }
        }
    }

    fn check_has_cases(&mut self, node: &Node) {
        let listed = field(node, "decisionCases");
        if listed.is_none_or(|cases| cases.is_object() && cases.members().is_empty()) {
            let place = listed.or_else(|| field(node, "type")).unwrap_or(node);
            self.report(
                Diagnostic::new(codes::MISSING_REQUIRED, place.span, "this switch has no case")
                    .at("a server refuses the definition")
                    .help("list what is done in which case, or take the tasks of `defaultCase` out of the switch"),
            );
        }
    }

    /// What decides is not known: it is reported, and the branches are read.
    fn by_nothing(&mut self, node: &'a Node) -> Task {
        let (cases, otherwise) = self.branches(node);
        Task::Switch(Switch {
            subject: Expr::new(ExprKind::Null, node.span),
            cases,
            otherwise,
            results: None,
            is_decision: false,
        })
    }

    /// The expression is the name of an input.
    fn by_value(&mut self, node: &'a Node, expression: &Node) -> Option<Task> {
        self.check_results(node, expression);
        let subject = text_of(expression)
            .and_then(|name| self.named_input(node, &name, expression))
            .unwrap_or_else(|| Expr::new(ExprKind::Null, expression.span));
        let (cases, otherwise) = self.branches(node);
        Some(Task::Switch(Switch {
            subject,
            cases,
            otherwise,
            results: None,
            is_decision: false,
        }))
    }

    pub(in crate::conductor::read) fn named_input(
        &mut self,
        node: &Node,
        name: &str,
        place: &Node,
    ) -> Option<Expr> {
        let inputs = field(node, "inputParameters");
        if let Some(value) = inputs.and_then(|i| i.get(name)) {
            let value = self.value(value);
            self.check_inputs(node);
            return Some(value);
        }
        let names: Vec<&str> = inputs
            .map_or(&[][..], Node::members)
            .iter()
            .map(|m| m.key.text.as_str())
            .collect();
        let near = self
            .nearest(name, names.iter().copied())
            .map(|n| format!("did you mean `{n}`?"));
        self.report(
            Diagnostic::new(
                codes::UNRESOLVED_REFERENCE,
                place.span,
                format!("the task has no input `{name}` to decide by"),
            )
            .at("always null")
            .help(
                near.unwrap_or_else(|| format!("add `\"{name}\"` to the task's `inputParameters`")),
            ),
        );
        self.check_inputs(node);
        None
    }

    /// The expression is a script over the inputs.
    fn by_script(&mut self, node: &'a Node, expression: &Node) -> Option<Task> {
        let script = expression.as_str().and_then(javascript::parse);
        let inputs = field(node, "inputParameters");
        self.check_inputs(node);
        self.check_cases(node, expression);
        let Some(script) = script else {
            return Some(self.by_javascript(node, expression));
        };
        if let Some(text) = expression.as_str() {
            self.check_slips(expression, text, inputs, Purpose::Decision);
            self.check_truth(expression, text, false);
        }
        let (condition, chosen) = match script {
            Js::Choice(condition, yes, no) => (*condition, Some((yes, no))),
            other => (other, None),
        };
        let subject = javascript::lower(&condition, &mut |path| {
            let (first, rest) = path.split_first()?;
            let value = self.named_input(node, first, expression)?;
            Some(self.below(value, rest, expression))
        });
        let (cases, otherwise) = self.branches(node);
        let subject = match subject {
            Some(subject) => subject,
            // Names that are not there were reported; without inputs there is nothing to look at.
            None if inputs.is_some() => Expr::new(ExprKind::Null, expression.span),
            None => return Some(self.by_javascript(node, expression)),
        };
        let Some((yes, no)) = chosen else {
            return Some(Task::Switch(Switch {
                subject,
                cases,
                otherwise,
                results: None,
                is_decision: false,
            }));
        };
        // `test ? "a" : "b"`: a switch on the test; a name without a case is the default case.
        let steps = |name: &str| {
            cases
                .iter()
                .find(|b| b.name == name)
                .map_or_else(|| otherwise.clone(), |b| b.steps.clone())
        };
        let results = (yes, no);
        let (yes, no) = (steps(&results.0), steps(&results.1));
        // Both answers lead to the same steps, which may stand in the plan once only.
        let cases = if yes == no {
            Vec::new()
        } else {
            vec![Branch {
                name: "true".to_owned(),
                steps: yes,
                at: expression.span.into(),
            }]
        };
        Some(Task::Switch(Switch {
            subject,
            cases,
            otherwise: no,
            results: Some(results),
            is_decision: false,
        }))
    }

    /// A path of plain names below a value.
    pub(super) fn below(&mut self, value: Expr, names: &[String], place: &Node) -> Expr {
        if names.is_empty() {
            return value;
        }
        let steps: Vec<_> = names
            .iter()
            .map(|n| crate::conductor::template::Step {
                kind: javascript::step_kind(n),
                range: 0..0,
            })
            .collect();
        match self.json_path(
            crate::conductor::template::path_text(&steps, ""),
            place.span,
        ) {
            Some(path) => Expr::new(ExprKind::Path(Box::new(value), path), place.span),
            None => Expr::new(ExprKind::Null, place.span),
        }
    }

    /// A script that is more than a comparison.
    fn by_javascript(&mut self, node: &'a Node, expression: &Node) -> Task {
        let subject = match field(node, "inputParameters") {
            Some(inputs) => self.javascript(expression, inputs, Purpose::Decision),
            None => {
                self.check_script(expression, &[], None, Purpose::Decision);
                let none = Expr::new(ExprKind::Object(Vec::new()), expression.span);
                let source = self.value(expression);
                Expr::new(
                    ExprKind::Call(Function::JavaScript, vec![source, none]),
                    expression.span,
                )
            }
        };
        let (cases, otherwise) = self.branches(node);
        Task::Switch(Switch {
            subject,
            cases,
            otherwise,
            results: None,
            is_decision: false,
        })
    }

    /// Cases of a value that an INLINE task before gives.
    fn check_results(&mut self, node: &Node, expression: &Node) {
        let inputs = field(node, "inputParameters");
        let given = text_of(expression).and_then(|name| inputs?.get(&name).and_then(text_of));
        let task = given
            .as_deref()
            .and_then(|text| text.strip_prefix("${")?.strip_suffix(".output.result}"));
        let values = task.and_then(|task| self.results.get(task)).cloned();
        // A name of its own for the case of truth values and numbers, which are no texts.
        if let Some(values) = values.filter(|values| !values.is_empty()) {
            self.never_given(node, &values);
        }
    }

    /// Cases of a script whose texts are all written out: those that it never gives.
    fn check_cases(&mut self, node: &Node, expression: &Node) {
        let values = expression
            .as_str()
            .and_then(|text| slips::look(text, false, true).values);
        if let Some(values) = values {
            self.never_given(node, &values);
        }
    }

    fn never_given(&mut self, node: &Node, values: &[String]) {
        let cases = field(node, "decisionCases").map_or(&[][..], Node::members);
        let never = |case: &&crate::json::Member| !values.contains(&case.key.text);
        for case in cases.iter().filter(never) {
            let near = self
                .nearest(&case.key.text, values.iter().map(String::as_str))
                .map(|n| format!("did you mean `{n}`?"));
            let listed: Vec<String> = values.iter().map(|v| format!("`{v}`")).collect();
            self.report(
                Diagnostic::new(
                    codes::CONSTANT_CONDITION,
                    case.key.span,
                    format!(
                        "the script never gives `{}`, only {}",
                        case.key.text,
                        listed.join(", ")
                    ),
                )
                .at("this case is never taken")
                .help(
                    near.unwrap_or_else(|| {
                        "name the cases as the script names its results".to_owned()
                    }),
                )
                .severity(Severity::Warning),
            );
        }
    }

    /// Whether an evaluator is none that a server has, but nearly.
    pub(in crate::conductor::read) fn misspelt_evaluator(
        &mut self,
        place: &Node,
        word: &str,
    ) -> bool {
        if word == "python" {
            return false;
        }
        let near = self.nearest(word, ["value-param", "javascript", "graaljs", "python"]);
        if let Some(near) = &near {
            self.report(
                Diagnostic::new(
                    codes::BAD_VALUE,
                    place.span,
                    format!("there is no evaluator `{word}`"),
                )
                .at("a server ends the workflow here")
                .help(format!("did you mean `{near}`?")),
            );
        }
        near.is_some()
    }

    fn branches(&mut self, node: &'a Node) -> (Vec<Branch>, Vec<Step>) {
        let mut cases = Vec::new();
        if let Some(object) = field(node, "decisionCases") {
            for member in object.members() {
                let steps = self.block(member.value.items());
                cases.push(Branch {
                    name: member.key.text.clone(),
                    steps,
                    at: member.key.span.into(),
                });
            }
        }
        let otherwise = field(node, "defaultCase")
            .map(|d| self.block(d.items()))
            .unwrap_or_default();
        (cases, otherwise)
    }
}
