//! A start request that brings its definition: `{"workflowDef": {…}, "input": {…}}`.

use super::context::Reader;
use super::keys::field;
use crate::json::Node;

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
        self.check_kinds(request, super::kinds::START_REQUEST);
        self.check_about(request);
        let definition = field(request, "workflowDef")?;
        self.definition(definition, field(request, "input"))
    }
}
