//! FORK_JOIN_DYNAMIC. Branches that are written out as literals are made ordinary ones before reading (`desugar`); runs of
//! one sub-workflow with inputs that come at run time are calls. Of all else the tasks are known at run time only: they are
//! read there, by this same reader, and what they may be is bounded (`crate::run::step::fork`).

use crate::conductor::TaskType;
use crate::conductor::read::context::Reader;
use crate::conductor::read::scope::reference_name;
use crate::conductor::read::shape::{field, text_of};
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::json::Node;
use crate::plan::task::{Call, Fork, Task};
use crate::plan::{Expr, ExprKind};

impl<'a> Reader<'a> {
    pub(super) fn fork_join_dynamic(&mut self, node: &'a Node) -> Option<Task> {
        let inputs = field(node, "inputParameters");
        let of = |key: &str| inputs.and_then(|i| field(i, key));
        let kind = of("forkTaskType");
        let workflow = of("forkTaskWorkflow").or_else(|| {
            of("forkTaskName").filter(|_| kind.and_then(Node::as_str) == Some("SUB_WORKFLOW"))
        });
        let named = |key: &str| {
            field(node, key)
                .and_then(text_of)
                .and_then(|name| of(&name))
        };
        match (
            of("forkTaskInputs"),
            workflow,
            named("dynamicForkTasksParam"),
        ) {
            (Some(list), Some(workflow), _)
                if text_of(workflow).is_some_and(|n| !n.contains("${")) =>
            {
                let name = of("forkTaskName")
                    .and_then(text_of)
                    .or_else(|| reference_name(node).map(|(name, _)| name));
                self.fork_calls(workflow, list, name)
            }
            (Some(list), None, _) => self.fork_one(node, of("forkTaskName").or(kind), list),
            (None, _, Some(tasks)) => {
                let tasks = self.value(tasks);
                let given = named("dynamicForkTasksInputParamName");
                match field(node, "dynamicForkTasksInputParamName") {
                    Some(name) if given.is_none() => {
                        self.named_input(node, &text_of(name).unwrap_or_default(), name);
                    }
                    Some(_) => {}
                    None => self.missing(
                        node,
                        "dynamicForkTasksInputParamName",
                        "the FORK_JOIN_DYNAMIC task",
                        "name the input that holds what each task is given, by its reference name",
                    ),
                }
                let given = given.map(|given| self.value(given));
                self.fork_of_data(
                    node,
                    Fork {
                        tasks,
                        inputs: given,
                    },
                )
            }
            (None, _, None) if named("dynamicForkJoinTasksParam").is_some() => {
                // The older form: one input holds both, under names of its own.
                let both = named("dynamicForkJoinTasksParam").map(|both| self.value(both))?;
                let fork = Fork {
                    tasks: both,
                    inputs: None,
                };
                self.fork_of_data(node, fork)
            }
            _ => {
                self.check_inputs(node);
                let span = field(node, "type").map_or(node.span, |t| t.span);
                let help = "name the inputs that hold the tasks and their inputs (`dynamicForkTasksParam`, `dynamicForkTasksInputParamName`), or give `forkTaskName` with `forkTaskInputs`";
                let message = "this fork does not say what it runs";
                if field(node, "dynamicForkJoinTasksParam").is_some() {
                    self.unsupported(span, message, help);
                } else {
                    self.report(
                        Diagnostic::new(codes::UNSUPPORTED_TASK, span, message)
                            .at("a server refuses the definition")
                            .help(help),
                    );
                }
                None
            }
        }
    }

    /// DYNAMIC whose task is known at run time only: a fork of one task under the reference name.
    pub(super) fn dynamic(&mut self, node: &'a Node, name: &str) -> Option<Task> {
        let inputs = field(node, "inputParameters");
        let parameter = field(node, "dynamicTaskNameParam").and_then(text_of);
        let chosen = inputs
            .zip(parameter.as_ref())
            .and_then(|(i, p)| field(i, p));
        let Some(chosen) = chosen else {
            self.check_inputs(node);
            self.missing(
                node,
                "dynamicTaskNameParam",
                "the DYNAMIC task",
                "name the input that holds the name of the task",
            );
            return None;
        };
        let word = self.value(chosen);
        let given: Vec<(String, Expr)> = inputs
            .map_or(&[][..], Node::members)
            .iter()
            .filter(|m| Some(&m.key.text) != parameter.as_ref())
            .map(|m| (m.key.text.clone(), self.value(&m.value)))
            .collect();
        let text = |text: &str| Expr::new(ExprKind::String(text.to_owned()), chosen.span);
        let object = |members| Expr::new(ExprKind::Object(members), chosen.span);
        let task = object(vec![
            ("name".to_owned(), word.clone()),
            ("type".to_owned(), word),
            ("taskReferenceName".to_owned(), text(name)),
        ]);
        let tasks = Expr::new(ExprKind::List(vec![task]), chosen.span);
        let inputs = Some(object(vec![(name.to_owned(), object(given))]));
        self.fork_of_data(node, Fork { tasks, inputs })
    }

    /// One run of a workflow for each element.
    fn fork_calls(
        &mut self,
        workflow: &Node,
        list: &Node,
        each_name: Option<String>,
    ) -> Option<Task> {
        let name = text_of(workflow)?;
        if !self.names.contains(&name) && !self.options.other_rotations.contains(&name) {
            let known = self.names.iter();
            let near = self.nearest_workflow(
                &name,
                known.chain(self.options.other_rotations.iter().map(String::as_str)),
            );
            self.not_among_the_files(workflow.span, &name, near);
            return None;
        }
        let each = self.value(list);
        if !matches!(
            each.kind,
            ExprKind::List(_) | ExprKind::Ref(_) | ExprKind::Path(..) | ExprKind::Null
        ) {
            self.wrong_type(list, "forkTaskInputs", "a list of inputs");
        }
        Some(Task::Call(Call {
            rotation: name,
            inputs: Vec::new(),
            each: Some(each),
            each_name,
            is_apart: false,
        }))
    }

    /// One task for each element of a list.
    fn fork_one(&mut self, node: &'a Node, name: Option<&'a Node>, list: &'a Node) -> Option<Task> {
        let name = name.or_else(|| field(node, "taskReferenceName"))?;
        let kind = field(node, "inputParameters").and_then(|i| field(i, "forkTaskType"));
        let known = kind
            .map_or(Some("SIMPLE"), Node::as_str)
            .filter(|k| !k.contains("${"));
        if let Some(word) = known.filter(|k| !TaskType::find(k).is_some_and(|t| t.forkable)) {
            let span = kind.map_or(node.span, |k| k.span);
            let exists = TaskType::find(word);
            let instead = exists.and_then(TaskType::instead);
            let message = if exists.is_some() {
                format!("a fork runs no tasks of the type {word}")
            } else {
                format!("no task has the type `{word}`")
            };
            self.unsupported(
                span,
                &message,
                instead.unwrap_or(
                    "put the task into a workflow of its own and fork that: `forkTaskWorkflow`",
                ),
            );
            self.check_inputs(node);
            return None;
        }
        if known == Some("SIMPLE")
            && name.as_str().is_some_and(|n| !n.contains("${"))
            && !self.declared_worker(name)
        {
            self.check_inputs(node);
            return None;
        }
        let mut task = vec![("name".to_owned(), self.value(name))];
        task.push((
            "type".to_owned(),
            kind.map_or_else(
                || Expr::new(ExprKind::String("SIMPLE".into()), node.span),
                |k| self.value(k),
            ),
        ));
        if let Some(definition) = field(node, "taskDefinition") {
            task.push(("taskDefinition".to_owned(), Self::literal(definition)));
        }
        let inputs = self.value(list);
        self.fork_of_data(
            node,
            Fork {
                tasks: Expr::new(ExprKind::Object(task), name.span),
                inputs: Some(inputs),
            },
        )
    }

    pub(super) fn fork_of_data(&mut self, node: &Node, fork: Fork) -> Option<Task> {
        let span = field(node, "type").map_or(node.span, |t| t.span);
        self.report(
            Diagnostic::new(codes::TASKS_FROM_DATA, span, "the tasks of this fork are known at run time only")
                .at("nothing checks them before")
                .help("where they are always the same, write them out with FORK_JOIN; else put what is to be done into a workflow and name it: `forkTaskWorkflow`")
                .severity(Severity::Note),
        );
        Some(Task::Fork(fork))
    }
}
