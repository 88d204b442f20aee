//! The JSON Schema of definitions, for editors: made from the tables that the reader goes by, and never stricter than it.
//!
//! What an input of a task is called depends on its type, so each type has a condition (`if`/`then`) of its own: editors then
//! offer the right keys and name the wrong value, where a `oneOf` would only say that no branch fits.

use super::read::shape::{HTTP, TASK, WORKFLOW};
use super::task_type::TASK_TYPES;
use serde_json::{Map, Value, json};

/// What may stand under a key. A server reads numbers and truth values out of texts, and a reference is a text.
#[derive(Clone, Copy)]
enum Shape {
    Text,
    Whole,
    Truth,
    Object,
    List,
    Names,
    Tasks,
    Branches,
    Cases,
    Inputs,
    SubWorkflow,
    Any,
}

impl Shape {
    fn of(key: &str) -> Shape {
        match key {
            "name"
            | "taskReferenceName"
            | "description"
            | "type"
            | "failureWorkflow"
            | "ownerEmail"
            | "ownerApp"
            | "timeoutPolicy"
            | "createdBy"
            | "updatedBy"
            | "workflowStatusListenerSink"
            | "dynamicTaskNameParam"
            | "caseValueParam"
            | "caseExpression"
            | "evaluatorType"
            | "expression"
            | "joinMode"
            | "joinStatus"
            | "dynamicForkTasksParam"
            | "dynamicForkTasksInputParamName"
            | "dynamicForkJoinTasksParam"
            | "loopCondition"
            | "sink"
            | "scriptExpression" => Shape::Text,
            "version"
            | "failureWorkflowVersion"
            | "schemaVersion"
            | "timeoutSeconds"
            | "createTime"
            | "updateTime"
            | "retryCount"
            | "startDelay" => Shape::Whole,
            "restartable"
            | "workflowStatusListenerEnabled"
            | "enforceSchema"
            | "overwriteTags"
            | "optional"
            | "permissive"
            | "asyncComplete"
            | "rateLimited" => Shape::Truth,
            "outputParameters" | "inputTemplate" | "variables" | "taskDefinition" => Shape::Object,
            "maskedFields" => Shape::Names,
            "joinOn" | "defaultExclusiveJoinTask" => Shape::List,
            "tasks" | "defaultCase" | "loopOver" => Shape::Tasks,
            "forkTasks" => Shape::Branches,
            "decisionCases" => Shape::Cases,
            "inputParameters" => Shape::Inputs,
            "subWorkflowParam" => Shape::SubWorkflow,
            _ => Shape::Any,
        }
    }

    fn schema(self) -> Value {
        let tasks = json!({ "type": ["array", "null"], "items": { "$ref": "#/definitions/task" } });
        match self {
            Shape::Text => json!({ "type": ["string", "number", "boolean", "null"] }),
            Shape::Whole => {
                json!({ "type": ["number", "string", "null"], "pattern": r"^\s*-?[0-9]+(\.0*)?\s*$|\$\{" })
            }
            Shape::Truth => {
                json!({ "type": ["boolean", "number", "string", "null"], "pattern": r"^\s*([Tt]rue|TRUE|[Ff]alse|FALSE)?\s*$|\$\{" })
            }
            Shape::Object => json!({ "type": ["object", "null"] }),
            Shape::List => json!({ "type": ["array", "null"] }),
            Shape::Names => json!({ "type": ["array", "null"] }),
            Shape::Tasks => tasks,
            Shape::Branches => {
                json!({ "type": ["array", "null"], "items": { "if": { "type": "array" }, "then": tasks } })
            }
            Shape::Cases => json!({ "type": ["object", "null"], "additionalProperties": tasks }),
            Shape::Inputs => json!({ "type": ["object", "string", "null"] }),
            Shape::SubWorkflow => json!({
                "type": ["object", "null"],
                "properties": {
                    "name": Shape::Text.schema(),
                    "version": {},
                    "workflowDefinition": {
                        "if": { "type": "object" },
                        "then": { "$ref": "#/definitions/workflow" }
                    },
                    "taskToDomain": {}
                }
            }),
            Shape::Any => json!({}),
        }
    }
}

/// The schema (draft-07) of a file of definitions: one, or a list of them.
pub fn schema() -> Value {
    let workflow = object(WORKFLOW, &|key| {
        if key == "inputParameters" {
            // Names; whoever writes an object means their defaults, which is not what it is.
            Shape::Names.schema()
        } else {
            Shape::of(key).schema()
        }
    });
    let mut task = object(TASK, &|key| Shape::of(key).schema());
    let names: Vec<&str> = TASK_TYPES.iter().map(|t| t.name).collect();
    if let Some(ty) = task.pointer_mut("/properties/type") {
        // A server may have tasks of its own: the names are offered, no other is refused.
        *ty = json!({ "type": ["string", "null"], "examples": names });
    }
    if let Some(task) = task.as_object_mut() {
        task.insert("allOf".to_owned(), Value::Array(conditions()));
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Conductor workflow definitions",
        "description": "Generated from the tables of rot's reader; `rot check` says more.",
        "if": { "type": "array" },
        "then": { "items": { "$ref": "#/definitions/workflow" } },
        "else": { "$ref": "#/definitions/workflow" },
        "definitions": { "workflow": workflow, "task": task, "request": request() }
    })
}

fn object(keys: &[&str], shape: &dyn Fn(&str) -> Value) -> Value {
    let mut properties = Map::new();
    for key in keys {
        properties.insert((*key).to_owned(), shape(key));
    }
    json!({ "type": "object", "properties": properties })
}

/// The keys of an HTTP request, for completion: which values they take is for the reader to say.
fn request() -> Value {
    let mut properties = Map::new();
    for key in HTTP {
        properties.insert((*key).to_owned(), json!({}));
    }
    json!({ "type": ["object", "string", "null"], "properties": properties })
}

/// What the inputs of each type are.
fn conditions() -> Vec<Value> {
    let when = |types: &[&str], then: Value| {
        json!({
            "if": { "properties": { "type": { "enum": types } }, "required": ["type"] },
            "then": { "properties": { "inputParameters": then } }
        })
    };
    let known = |keys: &[&str]| {
        let properties: Map<String, Value> = keys
            .iter()
            .map(|key| ((*key).to_owned(), json!({})))
            .collect();
        json!({ "properties": properties })
    };
    vec![
        when(&["HTTP", "HTTP_POLL"], {
            let mut inputs = request();
            if let Some(own) = inputs.pointer_mut("/properties/http_request") {
                *own = json!({ "$ref": "#/definitions/request" });
            }
            inputs
        }),
        when(
            &["UPDATE_SECRET"],
            json!({ "properties": { "_secrets": {
                "properties": { "secretKey": {}, "secretValue": {} } } } }),
        ),
        when(&["INLINE"], known(&["evaluatorType", "expression"])),
        when(&["LAMBDA"], known(&["scriptExpression"])),
        when(&["JSON_JQ_TRANSFORM"], known(&["queryExpression"])),
        when(&["WAIT"], known(&["duration", "until"])),
        when(
            &["TERMINATE"],
            known(&["terminationStatus", "terminationReason", "workflowOutput"]),
        ),
    ]
}
