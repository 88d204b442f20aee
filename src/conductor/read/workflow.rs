//! A workflow definition → a rotation.

use super::context::Reader;
use super::output::object_of;
use super::reference::Named;
use super::scope::{Scope, Shape, Site, reference_name, type_of};
use super::shape;
use super::shape::{WORKFLOW, field, flag_of, masking_field, number_of, text_of};
use crate::conductor::TaskType;
use crate::conductor::task_type::Reading;
use crate::conductor::template::{self, Mode};
use crate::diagnostic::{Diagnostic, Edit, Severity, codes};
use crate::json::{Node, NodeKind};
use crate::plan::name::is_mask;
use crate::plan::schedule::Dur;
use crate::plan::task::{Task, walk_steps};
use crate::plan::{Expr, ExprKind, Function, Input, Operator, Output, Root, Rotation, Type};
use std::collections::{HashMap, HashSet};

impl<'a> Reader<'a> {
    /// Reads a definition; `input` is that of the request that brought it. Gives the rotation's index.
    pub(super) fn definition(&mut self, node: &'a Node, input: Option<&'a Node>) -> Option<usize> {
        if !node.is_object() {
            self.wrong_type(node, "workflowDef", "an object");
            return None;
        }
        self.check_keys(
            node,
            WORKFLOW,
            "a workflow",
            &[
                ("_secrets", "a task's `inputParameters`"),
                ("outputFilter", "a task's `inputParameters`"),
            ],
        );
        self.check_kinds(node, shape::WORKFLOW_KINDS);
        self.check_schema_version(node);
        self.check_about(node);
        self.check_workflow_bounds(node);
        self.check_masked_fields(node);
        let name_node = field(node, "name");
        let name = name_node.and_then(text_of).filter(|n| !n.trim().is_empty());
        if name.is_none() {
            self.missing(
                node,
                "name",
                "the workflow",
                "give it a name; runs and schedules are found by it",
            );
        }
        let name = name.unwrap_or_else(|| super::task::sub_workflow::UNNAMED.to_owned());
        let at = name_node.map_or(node.span, |n| n.span);
        let name = self.identities.of(node).map_or(name, str::to_owned);
        if let Some(first) = self.places.get(&name).copied() {
            self.report(
                Diagnostic::new(
                    codes::DUPLICATE_NAME,
                    at,
                    format!("two workflows of this file have the name `{name}` and one version"),
                )
                .label(first, "first here")
                .help("keep one of them, or give them versions"),
            );
        }
        let tasks = field(node, "tasks").map_or(&[][..], Node::items);
        if tasks.is_empty() {
            self.missing(node, "tasks", "the workflow", "list at least one task");
        }
        self.places.entry(name.clone()).or_insert(at);
        self.current = Some(node);
        self.scope = self.names_of(node, input);
        self.results.clear();
        self.site = Site::default();
        self.collect(tasks, &[], &[]);
        self.collect_inputs_read(node);

        let variables = self.variables(node);
        let steps = self.block(tasks);
        self.site = Site::default();
        let mut rotation = Rotation {
            name,
            description: field(node, "description")
                .and_then(text_of)
                .filter(|d| !d.is_empty()),
            inputs: Vec::new(),
            schedule: None,
            timeout: timeout(node),
            variables,
            steps,
            outputs: Vec::new(),
            result: None,
            on_failure: Vec::new(),
            failure_rotation: self.failure_workflow(node),
            family: None,
            imported: false,
            given: Vec::new(),
            masked_fields: self.scope.masked.iter().map(str::to_owned).collect(),
            at: at.into(),
        };
        rotation.outputs = match field(node, "outputParameters").filter(|o| !o.members().is_empty())
        {
            Some(outputs) => self.outputs(outputs),
            None => self.last_output(tasks, &rotation),
        };
        if rotation.outputs.is_empty() {
            rotation.result = self.last_result(tasks);
        }
        rotation.inputs = self.inputs(node, input);
        rotation.given = std::mem::take(&mut self.given);
        self.effects(&mut rotation);
        self.rotations.push(rotation);
        Some(self.rotations.len() - 1)
    }

    fn check_schema_version(&mut self, node: &Node) {
        if let Some(version) = field(node, "schemaVersion").filter(|v| number_of(v) != Some(2)) {
            self.report(
                Diagnostic::new(
                    codes::SCHEMA_VERSION,
                    version.span,
                    "only schemaVersion 2 is read; servers refuse every other",
                )
                .help("set it to 2; references are then written `${TASK.output.NAME}`")
                .fix(
                    "set it to 2",
                    true,
                    vec![Edit {
                        span: version.span,
                        text: "2".into(),
                    }],
                ),
            );
        }
    }

    /// The names that a definition begins with.
    fn names_of(&mut self, node: &Node, input: Option<&Node>) -> Scope {
        let mut scope = Scope::default();
        for item in field(node, "inputParameters").map_or(&[][..], Node::items) {
            match text_of(item) {
                Some(name) => {
                    self.check_code(item, "inputParameters");
                    scope.declared.extend([name]);
                }
                None => self.wrong_type(item, "inputParameters", "a list of names"),
            }
        }
        if let Some(list) = field(node, "inputParameters").filter(|p| !p.is_array()) {
            self.wrong_type(list, "inputParameters", "a list of names");
        }
        scope.declares_inputs = !scope.declared.is_empty();
        for source in [field(node, "inputTemplate"), input].into_iter().flatten() {
            scope
                .declared
                .extend(source.members().iter().map(|m| &m.key.text));
        }
        scope.variables.extend(
            field(node, "variables")
                .map_or(&[][..], Node::members)
                .iter()
                .map(|m| &m.key.text),
        );
        if let Some(masked) = masking_field(node, "maskedFields") {
            scope
                .masked
                .extend(masked.items().iter().filter_map(text_of));
            if !masked.is_array() {
                self.wrong_type(masked, "maskedFields", "a list of field names");
            } else if !scope.masked.is_empty() {
                self.only_orkes(
                    masked.span,
                    "`maskedFields`",
                    "the values are shown in clear",
                );
            }
        }
        scope
    }

    fn variables(&mut self, node: &Node) -> Vec<(String, Expr)> {
        let Some(variables) = field(node, "variables") else {
            return Vec::new();
        };
        self.check_free_keys(variables);
        if !variables.is_object() {
            self.wrong_type(variables, "variables", "an object");
            return Vec::new();
        }
        let members = variables.unique_members().into_iter();
        members
            .map(|m| (m.key.text.clone(), self.as_it_stands(&m.value)))
            .collect()
    }

    /// The value of a variable when the workflow begins: nothing in it is expanded, but for the secrets that it names, which a
    /// server fills in where the variable is read.
    fn as_it_stands(&mut self, node: &Node) -> Expr {
        match &node.kind {
            NodeKind::String(text) if text.text.contains("${workflow.secrets.") => self.value(node),
            NodeKind::String(text) => {
                if !template::parse(&text.text, Mode::Now)
                    .references()
                    .is_empty()
                {
                    self.report(
                        Diagnostic::new(
                            codes::BAD_INTERPOLATION,
                            node.span,
                            "a reference in `variables` is not filled in: the variable holds this text",
                        )
                        .at("as it stands")
                        .help("set the variable with a SET_VARIABLE task at the beginning")
                        .severity(Severity::Warning),
                    );
                }
                Self::literal(node)
            }
            NodeKind::Array(items) => {
                let items = items.iter().map(|item| self.as_it_stands(item)).collect();
                Expr::new(ExprKind::List(items), node.span)
            }
            NodeKind::Object(_) => {
                let members = node.unique_members().into_iter();
                let members = members
                    .map(|m| (m.key.text.clone(), self.as_it_stands(&m.value)))
                    .collect();
                Expr::new(ExprKind::Object(members), node.span)
            }
            NodeKind::Null | NodeKind::Bool(_) | NodeKind::Number(_) => Self::literal(node),
        }
    }

    /// Declared inputs, then those that are only used; values of a template or request are their defaults.
    fn inputs(&mut self, node: &Node, input: Option<&Node>) -> Vec<Input> {
        let template = field(node, "inputTemplate");
        // A request's value goes before a template's, and of a repeated key the last.
        let values: HashMap<&str, &Node> = [template, input]
            .into_iter()
            .flatten()
            .flat_map(Node::members)
            .map(|m| (m.key.text.as_str(), &m.value))
            .collect();
        let parameters = field(node, "inputParameters").map_or(&[][..], Node::items);
        let given = [template, input]
            .into_iter()
            .flatten()
            .flat_map(Node::members)
            .map(|m| (m.key.text.clone(), m.key.span));
        let names = parameters
            .iter()
            .filter_map(|p| Some((text_of(p)?, p.span)))
            .chain(given)
            .chain(self.scope.used.clone());
        let mut inputs: Vec<Input> = Vec::new();
        let mut seen: HashSet<String> = HashSet::new();
        for (name, span) in names {
            if seen.insert(name.clone()) {
                let default = values.get(name.as_str()).copied().map(Self::literal);
                inputs.push(Input {
                    name,
                    ty: Type::Any,
                    secret: false,
                    default,
                    at: span.into(),
                });
            }
        }
        inputs
    }

    /// Gives the inputs of a rotation that was read before the values of a schedule's request.
    pub(super) fn apply_input(&mut self, index: usize, input: &Node) {
        let Some(rotation) = self.rotations.get_mut(index) else {
            return;
        };
        let mut known: HashMap<String, usize> = rotation
            .inputs
            .iter()
            .enumerate()
            .map(|(at, i)| (i.name.clone(), at))
            .collect();
        for member in input.members() {
            let default = Some(Self::literal(&member.value));
            match known
                .get(&member.key.text)
                .and_then(|at| rotation.inputs.get_mut(*at))
            {
                Some(known) => known.default = default,
                None => {
                    let name = member.key.text.clone();
                    known.insert(name.clone(), rotation.inputs.len());
                    rotation.inputs.push(Input {
                        name,
                        ty: Type::Any,
                        secret: false,
                        default,
                        at: member.key.span.into(),
                    });
                }
            }
        }
    }

    fn outputs(&mut self, outputs: &Node) -> Vec<Output> {
        self.check_free_keys(outputs);
        let mut result: Vec<Output> = Vec::new();
        for member in outputs.unique_members() {
            let name = member.key.text.clone();
            let hidden = is_mask(&name);
            if hidden {
                self.only_orkes(
                    member.key.span,
                    &format!("`{name}`"),
                    "the values are shown in clear",
                );
            }
            let masked = hidden || self.scope.masked.contains(&name);
            let value = self.value(&member.value);
            result.push(Output {
                name,
                value,
                masked,
                at: member.key.span.into(),
            });
        }
        result
    }

    /// Without `outputParameters` the output of the last task is that of the workflow.
    fn last_output(&mut self, tasks: &[Node], rotation: &Rotation) -> Vec<Output> {
        let Some(last) = tasks.last() else {
            return Vec::new();
        };
        if type_of(last) == "DO_WHILE" {
            // The last task that ran is the last one of the loop.
            return self.last_output(
                field(last, "loopOver").map_or(&[][..], Node::items),
                rotation,
            );
        }
        let Some((name, span)) = reference_name(last) else {
            return Vec::new();
        };
        let mut computed = None;
        let mut is_step = false;
        walk_steps(&rotation.steps, &mut |step| {
            is_step |= matches!(step.task, Task::Http(_)) && step.name == name;
            if let Task::Let(assign) = &step.task
                && assign.name == name
            {
                computed = Some(&assign.value);
            }
        });
        // What failed and is optional gives something else.
        let may_fail = field(last, "optional").and_then(flag_of) == Some(true);
        if let Some(Expr {
            kind: ExprKind::Object(members),
            ..
        }) = computed.filter(|_| !may_fail)
        {
            let of = |key: &str| {
                ExprKind::Field(
                    Box::new(Expr::root(Root::Let(name.clone()), span)),
                    key.to_owned(),
                )
            };
            let masked =
                |key: &str| key == "_secrets" || self.scope.masked.iter().any(|m| m == key);
            let output = |key: &String| Output {
                name: key.clone(),
                value: Expr::new(of(key), span),
                masked: masked(key),
                at: span.into(),
            };
            return members.iter().map(|(key, _)| output(key)).collect();
        }
        if let Some(Shape::Join(joined)) = self.scope.tasks.get(&name).map(|t| &*t.output)
            && let ExprKind::Object(members) = self.joined_outputs(joined, span, 0).kind
        {
            let masked = |key: &str| self.scope.masked.contains(key);
            let output = |(key, value): (String, Expr)| Output {
                masked: masked(&key),
                name: key,
                value,
                at: span.into(),
            };
            return members.into_iter().map(output).collect();
        }
        if !is_step {
            return Vec::new();
        }
        match self.scope.tasks.get(&name).map(|t| &*t.output) {
            Some(Shape::Captures(places)) => {
                let places: Vec<_> = places.iter().collect();
                let ExprKind::Object(members) = object_of(&name, &places, 0, span).kind else {
                    return Vec::new();
                };
                let masked = |key: &str| is_mask(key) || self.scope.masked.contains(key);
                members
                    .into_iter()
                    .map(|(key, value)| Output {
                        masked: masked(&key),
                        name: key,
                        value,
                        at: span.into(),
                    })
                    .collect()
            }
            Some(Shape::Response) => {
                let root = Expr::root(Root::Output(name), span);
                let value = Expr::new(ExprKind::Field(Box::new(root), "response".to_owned()), span);
                let masked = self.scope.masked.contains("response");
                vec![Output {
                    name: "response".to_owned(),
                    value,
                    masked,
                    at: span.into(),
                }]
            }
            _ => Vec::new(),
        }
    }

    /// What the last task gives, where that is an object whose members are not known here, or comes from one of several tasks.
    fn last_result(&mut self, tasks: &[Node]) -> Option<Expr> {
        let last = tasks.last()?;
        let reading = TaskType::find(&type_of(last)).and_then(TaskType::reading)?;
        match reading {
            Reading::Switch
            | Reading::Decision
            | Reading::Join
            | Reading::ExclusiveJoin
            | Reading::SubWorkflow
            | Reading::Simple
            | Reading::Human
            | Reading::Dynamic
            | Reading::Inline
            | Reading::Lambda
            | Reading::JqTransform => self.given_by(tasks),
            Reading::DoWhile => self.last_result(within(last)),
            _ => None,
        }
    }

    /// The output of the task that runs last among these.
    fn given_by(&mut self, tasks: &[Node]) -> Option<Expr> {
        let last = tasks.last()?;
        let (name, span) = reference_name(last)?;
        let place = field(last, "taskReferenceName").or_else(|| field(last, "name"))?;
        let string = place.as_string()?;
        let kind = type_of(last);
        let reading = TaskType::find(&kind).and_then(TaskType::reading);
        if reading == Some(Reading::DoWhile) {
            return self.given_by(within(last));
        }
        let names = [name.clone(), "output".to_owned()];
        let own = self.task_output(&Named::of(string, names), &name, 2);
        if !matches!(reading, Some(Reading::Switch | Reading::Decision)) {
            return Some(or_else(own, Expr::new(ExprKind::Object(Vec::new()), span)));
        }
        let otherwise = field(last, "defaultCase").map_or(&[][..], Node::items);
        let otherwise = self.given_by(otherwise).unwrap_or_else(|| own.clone());
        let mut cases = Vec::new();
        for case in field(last, "decisionCases").map_or(&[][..], Node::members) {
            let given = self.given_by(case.value.items());
            cases.push((case.key.text.clone(), given.unwrap_or_else(|| own.clone())));
        }
        if cases.is_empty() {
            return Some(otherwise);
        }
        let member = |base: Expr, name: &str| {
            Expr::new(ExprKind::Field(Box::new(base), name.to_owned()), span)
        };
        let chosen = if reading == Some(Reading::Decision) {
            let all = Box::new(member(own, "caseOutput"));
            Expr::new(ExprKind::Index(all, 0), span)
        } else {
            member(own, "selectedCase")
        };
        let cases = Expr::new(ExprKind::Object(cases), span);
        let taken = Expr::new(ExprKind::Call(Function::Member, vec![cases, chosen]), span);
        Some(or_else(taken, otherwise))
    }

    fn failure_workflow(&mut self, node: &Node) -> Option<String> {
        let failure = field(node, "failureWorkflow")?;
        let name = text_of(failure).filter(|n| !n.is_empty())?;
        self.failures_that_pass(node);
        if name.starts_with('$') {
            self.check_references(failure);
            self.unsupported(
                failure.span,
                "a failure workflow that is chosen at run time is not run here",
                "name the workflow",
            );
            return None;
        }
        if !self.names.contains(&name) && !self.options.other_rotations.contains(&name) {
            let known = self
                .names
                .iter()
                .chain(self.options.other_rotations.iter().map(String::as_str));
            let near = self
                .nearest_workflow(&name, known)
                .map(|n| format!("did you mean `{n}`?"));
            self.report(
                Diagnostic::new(
                    codes::IMPORT_NOT_FOUND,
                    failure.span,
                    format!("the failure workflow `{name}` is not in this file"),
                )
                .not_among_the_files()
                .severity(if near.is_some() {
                    Severity::Warning
                } else {
                    Severity::Note
                })
                .help(near.unwrap_or_else(|| {
                    "put both definitions into one array, or into files of one folder".to_owned()
                })),
            );
            return None;
        }
        let version = field(node, "failureWorkflowVersion").and_then(number_of);
        let rotation = self.identities.version(&name, version).map(str::to_owned);
        Some(rotation.unwrap_or(name))
    }
}

/// Words of a reason with which a workflow ends that did not do what it was for.
const FAILURES: [&str; 8] = [
    "failed",
    "failure",
    "rolled back",
    "rollback",
    "roll back",
    "error",
    "broken",
    "could not",
];

impl Reader<'_> {
    /// TERMINATE tasks that end as completed what failed, so that the failure workflow never runs.
    fn failures_that_pass(&mut self, definition: &Node) {
        let mut open: Vec<&Node> = field(definition, "tasks").into_iter().collect();
        while let Some(node) = open.pop() {
            open.extend(node.items());
            open.extend(
                node.members()
                    .iter()
                    .map(|m| &m.value)
                    .filter(|v| v.is_object() || v.is_array()),
            );
            let inputs = field(node, "inputParameters")
                .filter(|_| node.is_object() && type_of(node) == "TERMINATE");
            let told = inputs.and_then(|i| {
                Some((
                    field(i, "terminationStatus")?,
                    field(i, "terminationReason")?.as_str()?,
                ))
            });
            let Some((status, reason)) =
                told.filter(|(status, _)| status.as_str() == Some("COMPLETED"))
            else {
                continue;
            };
            let reason = reason.to_ascii_lowercase();
            if FAILURES.iter().any(|word| reason.contains(word)) {
                self.report(
                    Diagnostic::new(codes::BAD_VALUE, status.span, "the reason tells of a failure, and the workflow ends as completed: `failureWorkflow` is not started")
                        .at("looks like a success")
                        .help("write `FAILED`")
                        .severity(Severity::Warning),
                );
            }
        }
    }
}

/// The tasks of a loop.
fn within(task: &Node) -> &[Node] {
    field(task, "loopOver").map_or(&[][..], Node::items)
}

fn or_else(value: Expr, otherwise: Expr) -> Expr {
    let at = value.at;
    let both = ExprKind::Binary(Operator::Else, Box::new(value), Box::new(otherwise));
    Expr::new(both, at)
}

/// The bound on a run, if it is enforced.
fn timeout(node: &Node) -> Option<Dur> {
    let enforced = matches!(field(node, "timeoutPolicy").map(|p| &p.kind), Some(NodeKind::String(p)) if p.text == "TIME_OUT_WF");
    field(node, "timeoutSeconds")
        .and_then(number_of)
        .filter(|s| enforced && *s > 0)
        .map(|s| Dur(s.saturating_mul(1000)))
}
