//! The structure of a definition as the published schema demands it, by hand: a validator for draft-07 would be the largest
//! of our dependencies, and of the schema only types and required members can fail here.

use serde_json::Value;

/// Members of a definition and of a task with the JSON types that the schema gives them.
const WORKFLOW: [(&str, &str); 12] = [
    ("name", "string"),
    ("description", "string"),
    ("version", "integer"),
    ("tasks", "array"),
    ("inputParameters", "array"),
    ("outputParameters", "object"),
    ("failureWorkflow", "string"),
    ("schemaVersion", "integer"),
    ("timeoutPolicy", "string"),
    ("timeoutSeconds", "integer"),
    ("variables", "object"),
    ("inputTemplate", "object"),
];
const TASK: [(&str, &str); 15] = [
    ("name", "string"),
    ("taskReferenceName", "string"),
    ("type", "string"),
    ("inputParameters", "object"),
    ("optional", "boolean"),
    ("startDelay", "integer"),
    ("retryCount", "integer"),
    ("evaluatorType", "string"),
    ("expression", "string"),
    ("decisionCases", "object"),
    ("defaultCase", "array"),
    ("forkTasks", "array"),
    ("joinOn", "array"),
    ("loopCondition", "string"),
    ("loopOver", "array"),
];

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Fails unless `definitions` has the structure of the schema.
pub fn check(definitions: &Value, name: &str) {
    for definition in definitions.as_array().unwrap() {
        types(definition, &WORKFLOW, name);
        for required in ["name", "tasks"] {
            assert!(definition.get(required).is_some(), "{name}: no {required}");
        }
        assert!(
            definition["name"].as_str().is_some_and(|n| !n.is_empty()),
            "{name}"
        );
        let mut references = Vec::new();
        tasks(&definition["tasks"], name, &mut references);
        let count = references.len();
        references.sort();
        references.dedup();
        assert_eq!(
            references.len(),
            count,
            "{name}: a reference name stands twice"
        );
    }
}

fn tasks(list: &Value, name: &str, references: &mut Vec<String>) {
    for task in list.as_array().unwrap() {
        types(task, &TASK, name);
        for required in ["name", "taskReferenceName"] {
            assert!(
                task[required].as_str().is_some_and(|n| !n.is_empty()),
                "{name}: a task without {required}"
            );
        }
        references.push(task["taskReferenceName"].as_str().unwrap().to_owned());
        if let Some(definition) = task.get("taskDefinition") {
            // The schema of a task definition requires these two.
            assert!(
                definition.get("name").is_some() && definition.get("timeoutSeconds").is_some(),
                "{name}"
            );
        }
        let cases = task
            .get("decisionCases")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|c| c.values());
        let forks = task
            .get("forkTasks")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        for block in cases
            .chain(forks)
            .chain(task.get("defaultCase"))
            .chain(task.get("loopOver"))
        {
            tasks(block, name, references);
        }
    }
}

fn types(object: &Value, members: &[(&str, &str)], name: &str) {
    for (key, wanted) in members {
        if let Some(value) = object.get(key) {
            assert_eq!(kind(value), *wanted, "{name}: {key}");
        }
    }
}

/// Fails unless the published schema says what is checked here.
pub fn agrees(schema: &Value) {
    let find = |name: &str| -> Value {
        let defined = schema
            .get("definitions")
            .or_else(|| schema.get("$defs"))
            .and_then(|d| d.get(name));
        defined.cloned().unwrap_or_else(|| schema.clone())
    };
    for (title, members) in [("WorkflowDef", &WORKFLOW[..]), ("WorkflowTask", &TASK[..])] {
        let part = find(title);
        for (key, wanted) in members {
            let types = part["properties"][key]["type"].clone();
            let types: Vec<&str> = match &types {
                Value::String(one) => vec![one.as_str()],
                Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            assert!(
                types.is_empty() || types.contains(wanted),
                "{title}.{key}: {types:?}"
            );
        }
    }
}
