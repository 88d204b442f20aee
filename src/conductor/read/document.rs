//! What a file holds: definitions, start requests, schedules, alone or in an array.

use super::context::Reader;
use super::shape::{field, text_of};
use crate::diagnostic::{Diagnostic, codes};
use crate::json::Node;

/// Whether an object is one of the things that a file may hold.
pub(super) fn is_item(node: &Node) -> bool {
    [
        "tasks",
        "workflowDef",
        "startWorkflowRequest",
        "cronExpression",
        "cronSchedules",
    ]
    .iter()
    .any(|key| field(node, key).is_some())
}

impl<'a> Reader<'a> {
    /// Reads all of a file.
    pub(super) fn document(&mut self, node: &'a Node) {
        let items: Vec<&'a Node> = if node.is_array() {
            node.items().iter().collect()
        } else {
            vec![node]
        };
        if items.is_empty() {
            self.report(Diagnostic::new(
                codes::MISSING_REQUIRED,
                node.span,
                "the array holds no workflow definition",
            ));
        }
        for item in &items {
            self.names.extend(
                defined(item)
                    .and_then(|d| field(d, "name"))
                    .and_then(text_of),
            );
        }
        let listed: Vec<&Node> = items.iter().filter_map(|item| defined(item)).collect();
        self.identities.note(&listed);
        let mut schedules = Vec::new();
        for item in items {
            if field(item, "startWorkflowRequest").is_some()
                || field(item, "cronExpression").is_some()
                || field(item, "cronSchedules").is_some()
            {
                schedules.push(item);
            } else if field(item, "workflowDef").is_some() {
                self.start_request(item);
            } else if is_item(item) || field(item, "schemaVersion").is_some() {
                self.definition(item, None);
            } else {
                self.report(
                    Diagnostic::new(codes::MISSING_REQUIRED, item.span, "this JSON is no Conductor definition: it has no `tasks`")
                        .at(format!("this is {}", item.describe()))
                        .help("expected a workflow definition, a start request with `workflowDef`, a schedule, or an array of them"),
                );
            }
        }
        for schedule in schedules {
            self.schedule_entry(schedule);
        }
        self.inline_definitions();
    }

    /// Reads definitions of other files that this one calls.
    pub(super) fn imported(&mut self, others: &[&'a Node]) {
        let own = self.rotations.len();
        for other in others {
            self.definition(other, None);
        }
        self.inline_definitions();
        for rotation in self.rotations.iter_mut().skip(own) {
            rotation.imported = true;
        }
    }

    /// Definitions within sub-workflow tasks; reading one may find more.
    fn inline_definitions(&mut self) {
        while let Some(definition) = self.inline.pop() {
            self.definition(definition, None);
        }
    }
}

/// The names of all workflows that are called and that are defined in a document.
pub(super) fn names(node: &Node, called: &mut Vec<String>, defined: &mut Vec<String>) {
    if field(node, "tasks").is_some() {
        defined.extend(field(node, "name").and_then(text_of));
        called.extend(
            field(node, "failureWorkflow")
                .and_then(text_of)
                .filter(|n| !n.is_empty() && !n.starts_with('$')),
        );
    }
    if let Some(param) =
        field(node, "subWorkflowParam").filter(|p| field(p, "workflowDefinition").is_none())
    {
        called.extend(
            field(param, "name")
                .and_then(text_of)
                .filter(|n| !n.contains("${")),
        );
    }
    called.extend(
        field(node, "startWorkflow")
            .and_then(|request| field(request, "name"))
            .and_then(text_of)
            .filter(|n| !n.contains("${")),
    );
    called.extend(
        field(node, "forkTaskWorkflow")
            .and_then(text_of)
            .filter(|n| !n.contains("${")),
    );
    node.items().iter().for_each(|n| names(n, called, defined));
    node.members()
        .iter()
        .for_each(|m| names(&m.value, called, defined));
}

/// The definition that an item of a file brings.
fn defined(item: &Node) -> Option<&Node> {
    if let Some(request) = field(item, "startWorkflowRequest") {
        return field(request, "workflowDef");
    }
    field(item, "workflowDef").or_else(|| field(item, "tasks").map(|_| item))
}

const START_REQUEST: &[&str] = &[
    "name",
    "version",
    "correlationId",
    "input",
    "taskToDomain",
    "workflowDef",
    "externalInputPayloadStoragePath",
    "priority",
    "createdBy",
    "idempotencyKey",
    "idempotencyStrategy",
];

impl<'a> Reader<'a> {
    /// Reads the definition of a request; the request's input becomes the defaults of its inputs. Gives the rotation's index.
    pub(super) fn start_request(&mut self, request: &'a Node) -> Option<usize> {
        self.check_keys(request, START_REQUEST, "a start request", &[]);
        self.check_kinds(request, super::shape::START_REQUEST_KINDS);
        self.check_about(request);
        let definition = field(request, "workflowDef")?;
        self.definition(definition, field(request, "input"))
    }
}
