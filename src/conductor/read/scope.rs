//! Which names a definition has, found before anything in it is resolved.

use super::context::Reader;
use super::names::Names;
use super::output_filter::CapturePlace;
use super::shape::{field, flag_of, text_of};
use crate::conductor::TaskType;
use crate::conductor::task_type::TaskOutput;
use crate::conductor::template::{self, Mode};
use crate::diagnostic::{Diagnostic, codes};
use crate::json::{Node, NodeKind};
use crate::source::Span;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// The names of one definition.
#[derive(Default)]
pub(super) struct Scope {
    pub(super) tasks: HashMap<String, TaskInfo>,
    /// Names in the text of the definition, in order, for suggestions.
    pub(super) task_names: Vec<String>,
    /// Inputs that the definition declares, or that a request or template gives.
    pub(super) declared: Names,
    /// `inputParameters` is there and not empty, so that a name it lacks is worth a word.
    pub(super) declares_inputs: bool,
    /// Inputs that are read, in order of first use.
    pub(super) used: Vec<(String, Span)>,
    pub(super) used_names: HashSet<String>,
    /// Variables that are set somewhere.
    pub(super) variables: Names,
    /// `maskedFields`.
    pub(super) masked: Names,
    /// Tasks whose input is read somewhere.
    pub(super) inputs_read: HashSet<String>,
    /// Names of several tasks: which of them is meant is not known.
    pub(super) twice: HashSet<String>,
    /// Tasks come into being at run time (FORK_JOIN_DYNAMIC, DYNAMIC): an unknown name may yet be one.
    pub(super) dynamic: bool,
}

/// What is known of a task before it is read.
pub(super) struct TaskInfo {
    /// Place in text order, nested tasks counted.
    pub(super) order: usize,
    /// Its type.
    pub(super) kind: String,
    /// Its `name`, which is that of its definition; the reference name without one.
    pub(super) name: String,
    /// Its reference name.
    pub(super) span: Span,
    /// A failure of it does not stop the run.
    pub(super) is_optional: bool,
    /// Loops that it stands in.
    pub(super) loops: Vec<String>,
    /// Forks that it stands in, by their place in text order, each with the number of its branch.
    pub(super) forks: Vec<(usize, usize)>,
    /// What its output looks like.
    pub(super) output: Rc<Shape>,
}

/// What the output of a task looks like.
pub(super) enum Shape {
    /// What its `outputFilter` keeps.
    Captures(Vec<CapturePlace>),
    /// `response` with everything in it.
    Response,
    /// Nothing.
    Nothing,
    /// The outputs of the joined tasks under their names.
    Join(Vec<String>),
    /// The outputs of another rotation.
    Call,
    /// A value that the plan names.
    Named,
    /// The output of another task.
    Same(String),
    /// The first of these that is there.
    First(Vec<String>),
    /// Not known.
    Open,
}

/// Where in a definition something stands.
#[derive(Clone, Default)]
pub(super) struct Site {
    /// The task; none in fields of the workflow.
    pub(super) task: Option<String>,
    /// Its place in text order; what stands later is not known yet.
    pub(super) order: Option<usize>,
    /// Within the task's `outputFilter`.
    pub(super) filter: bool,
    /// Loops that it stands in.
    pub(super) loops: Vec<String>,
    /// Forks that it stands in, each with the number of the branch.
    pub(super) forks: Vec<(usize, usize)>,
}

impl Scope {
    /// Task names for suggestions.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.task_names.iter().map(String::as_str)
    }
}

/// The type of a task: `SIMPLE` unless said.
pub(super) fn type_of(task: &Node) -> String {
    field(task, "type")
        .and_then(text_of)
        .unwrap_or_else(|| "SIMPLE".to_owned())
}

/// The name that other tasks use: `taskReferenceName`, or `name` when that is missing.
pub(super) fn reference_name(task: &Node) -> Option<(String, Span)> {
    let node = field(task, "taskReferenceName").or_else(|| field(task, "name"))?;
    Some((text_of(node)?, node.span))
}

/// The lists of tasks within a task.
pub(super) fn nested(task: &Node) -> Vec<&[Node]> {
    let mut lists: Vec<&[Node]> = Vec::new();
    if let Some(cases) = field(task, "decisionCases") {
        lists.extend(cases.members().iter().map(|m| m.value.items()));
    }
    lists.extend(field(task, "defaultCase").map(Node::items));
    lists.extend(
        field(task, "forkTasks")
            .into_iter()
            .flat_map(|f| f.items())
            .map(Node::items),
    );
    lists.extend(field(task, "loopOver").map(Node::items));
    lists
}

/// Whether data chooses the workflow that a task calls.
fn chosen_at_run_time(task: &Node) -> bool {
    field(task, "subWorkflowParam")
        .and_then(super::task::sub_workflow::chosen_name)
        .is_some()
}

/// Where a task stands: behind which one, in which loops, in which branches of which forks.
struct Around<'n> {
    previous: Option<&'n Node>,
    loops: &'n [String],
    forks: &'n [(usize, usize)],
}

impl Reader<'_> {
    /// The place in text order of the last task within a loop.
    pub(super) fn last_within(&self, own: &str) -> Option<usize> {
        let within = self
            .scope
            .tasks
            .values()
            .filter(|t| t.loops.iter().any(|l| l == own));
        within
            .map(|t| t.order)
            .max()
            .or_else(|| self.scope.tasks.get(own).map(|t| t.order))
    }

    /// Notes whose input a text reads.
    pub(super) fn collect_inputs_read(&mut self, node: &Node) {
        match &node.kind {
            NodeKind::String(string) if string.text.contains(".input") => {
                let template = template::parse(&string.text, Mode::Deferred);
                for reference in template.references() {
                    let inner = string
                        .text
                        .get(reference.inner_range.clone())
                        .and_then(template::path);
                    let steps = inner.as_ref().map_or(&[][..], |path| &path.steps);
                    if let [task, field, ..] = steps
                        && field.name() == Some("input")
                    {
                        self.scope
                            .inputs_read
                            .extend(task.name().filter(|n| *n != "workflow").map(str::to_owned));
                    }
                }
            }
            NodeKind::Array(items) => items.iter().for_each(|item| self.collect_inputs_read(item)),
            NodeKind::Object(members) => members
                .iter()
                .for_each(|m| self.collect_inputs_read(&m.value)),
            _ => {}
        }
    }

    /// Adds the names of `tasks` and of those within to the scope.
    pub(super) fn collect(&mut self, tasks: &[Node], loops: &[String], forks: &[(usize, usize)]) {
        for (index, task) in tasks.iter().enumerate() {
            let previous = index.checked_sub(1).and_then(|i| tasks.get(i));
            let kind = type_of(task);
            self.scope.dynamic |= matches!(kind.as_str(), "FORK_JOIN_DYNAMIC" | "DYNAMIC");
            if kind == "SET_VARIABLE" {
                let names = field(task, "inputParameters")
                    .map_or(&[][..], Node::members)
                    .iter()
                    .map(|m| &m.key.text);
                self.scope.variables.extend(names);
            }
            let mut inner = loops.to_vec();
            if let Some((name, span)) = reference_name(task) {
                let around = Around {
                    previous,
                    loops,
                    forks,
                };
                self.collect_task(task, &kind, (name.clone(), span), &around);
                if kind == "DO_WHILE" {
                    inner.push(name);
                }
            }
            let own = self.scope.task_names.len();
            for (branch, list) in nested(task).into_iter().enumerate() {
                let mut forks = forks.to_vec();
                if kind == "FORK_JOIN" {
                    forks.push((own, branch));
                }
                self.collect(list, &inner, &forks);
            }
        }
    }

    fn collect_task(
        &mut self,
        task: &Node,
        kind: &str,
        (name, span): (String, Span),
        around: &Around<'_>,
    ) {
        let Around {
            previous,
            loops,
            forks,
        } = *around;
        if let Some(first) = self.scope.tasks.get(&name) {
            let first = first.span;
            self.scope.twice.insert(name.clone());
            self.report(
                Diagnostic::new(
                    codes::DUPLICATE_NAME,
                    span,
                    format!("two tasks have the reference name `{name}`"),
                )
                .at("used again here")
                .label(first, "first used here")
                .help("give each task its own `taskReferenceName`; outputs are found by it"),
            );
            return;
        }
        let joined = |keys: &[&str]| -> Vec<String> {
            keys.iter()
                .flat_map(|key| field(task, key).map_or(&[][..], Node::items))
                .filter_map(text_of)
                .collect()
        };
        let known = TaskType::find(kind).map_or(TaskOutput::Open, |t| t.output);
        let output = match known {
            TaskOutput::Response => self
                .capture_places(task)
                .map_or(Shape::Response, Shape::Captures),
            TaskOutput::Nothing => Shape::Nothing,
            TaskOutput::Joined => match previous
                .filter(|p| type_of(p) == "FORK_JOIN_DYNAMIC")
                .and_then(reference_name)
            {
                Some((fork, _)) => Shape::Same(fork),
                None => {
                    let named = joined(&["joinOn"]);
                    // The server puts in what the fork made.
                    let made = previous
                        .filter(|p| {
                            named.is_empty()
                                && reference_name(p)
                                    .is_some_and(|(name, _)| self.input_forks.contains(&name))
                        })
                        .and_then(|p| field(p, "forkTasks"));
                    Shape::Join(match made {
                        Some(branches) => branches
                            .items()
                            .iter()
                            .filter_map(|branch| branch.items().last())
                            .filter_map(reference_name)
                            .map(|(name, _)| name)
                            .collect(),
                        None => named,
                    })
                }
            },
            TaskOutput::FirstJoined => {
                Shape::First(joined(&["joinOn", "defaultExclusiveJoinTask"]))
            }
            TaskOutput::Value(_) => Shape::Named,
            TaskOutput::Call if chosen_at_run_time(task) => Shape::Open,
            TaskOutput::Call => Shape::Call,
            TaskOutput::Open if kind == "WAIT" => {
                if super::task::wait::is_for_a_person(task) {
                    Shape::Call
                } else {
                    Shape::Nothing
                }
            }
            TaskOutput::Open | TaskOutput::Fields(_) | TaskOutput::Rounds => Shape::Open,
        };
        if let Some(definition) =
            field(task, "subWorkflowParam").and_then(|p| field(p, "workflowDefinition"))
        {
            self.names
                .extend(field(definition, "name").and_then(text_of));
        }
        let order = self.scope.task_names.len();
        self.scope.task_names.push(name.clone());
        let own = name.clone();
        self.scope.tasks.insert(
            name,
            TaskInfo {
                order,
                kind: kind.to_owned(),
                name: field(task, "name").and_then(text_of).unwrap_or(own),
                span,
                is_optional: field(task, "optional").and_then(flag_of) == Some(true),
                loops: loops.to_vec(),
                forks: forks.to_vec(),
                output: Rc::new(output),
            },
        );
    }
}
