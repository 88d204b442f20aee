//! What a definition writes out in full in another form: FORK_JOIN_DYNAMIC over literal lists becomes FORK_JOIN, DYNAMIC
//! with a literal name becomes that task, and a task has the inputs that the definition within it gives. The reader then sees ordinary tasks, each at its own place in the text.

use super::scope::{reference_name, type_of};
use super::shape::{field, text_of};
use crate::conductor::TaskType;
use crate::json::{JsonString, Member, Node, NodeKind};
use std::collections::HashSet;

/// The document with such tasks rewritten; none when there are none.
pub(super) fn document(node: &Node) -> Option<Node> {
    if !mentions(node) {
        return None;
    }
    let mut copy = node.clone();
    rewrite(&mut copy);
    Some(copy)
}

/// The names of the forks in a document whose tasks are said by inputs.
pub(super) fn forks(node: &Node, names: &mut HashSet<String>) {
    if node.get("type").and_then(Node::as_str) == Some("FORK_JOIN_DYNAMIC") {
        names.extend(reference_name(node).map(|(name, _)| name));
    }
    node.items().iter().for_each(|item| forks(item, names));
    node.members()
        .iter()
        .for_each(|member| forks(&member.value, names));
}

fn mentions(node: &Node) -> bool {
    let own = node
        .get("type")
        .and_then(Node::as_str)
        .is_some_and(|t| matches!(t, "FORK_JOIN_DYNAMIC" | "DYNAMIC"))
        || template(node).is_some();
    own || node.items().iter().any(mentions) || node.members().iter().any(|m| mentions(&m.value))
}

fn rewrite(node: &mut Node) {
    if node.is_object() && field(node, "taskReferenceName").is_some() {
        if let Some(filled) = filled(node) {
            *node = filled;
        }
        let replaced = match type_of(node).as_str() {
            "FORK_JOIN_DYNAMIC" => forked(node),
            "DYNAMIC" => chosen(node),
            _ => None,
        };
        if let Some(replaced) = replaced {
            *node = replaced;
        }
    }
    match &mut node.kind {
        NodeKind::Array(items) => items.iter_mut().for_each(rewrite),
        NodeKind::Object(members) => members.iter_mut().for_each(|m| rewrite(&mut m.value)),
        _ => {}
    }
}

/// The inputs that the definition within a task gives for those that the task leaves out.
pub(super) fn template(task: &Node) -> Option<&Node> {
    field(task, "taskDefinition")
        .and_then(|definition| definition.get("inputTemplate"))
        .filter(|template| !template.members().is_empty())
}

/// A task with the inputs that it leaves out.
fn filled(task: &Node) -> Option<Node> {
    let template = template(task)?;
    let own = field(task, "inputParameters");
    let mut inputs = own.map_or_else(Vec::new, |own| own.members().to_vec());
    let missing = |member: &&Member| own.is_none_or(|own| own.member(&member.key.text).is_none());
    inputs.extend(template.members().iter().filter(missing).cloned());
    let NodeKind::Object(members) = &task.kind else {
        return None;
    };
    let key = members.first()?.key.with_text("inputParameters".to_owned());
    let span = own.map_or(template.span, |own| own.span);
    let value = Node {
        kind: NodeKind::Object(inputs),
        span,
    };
    let mut members: Vec<Member> = members
        .iter()
        .filter(|m| m.key.text != "inputParameters")
        .cloned()
        .collect();
    members.push(Member { key, value });
    Some(Node {
        kind: NodeKind::Object(members),
        span: task.span,
    })
}

/// Form (a): a list of tasks and an object of their inputs. Form (b): one task and a list of inputs.
fn forked(node: &Node) -> Option<Node> {
    let inputs = field(node, "inputParameters")?;
    let input_of = |key: &str| {
        field(node, key)
            .and_then(text_of)
            .and_then(|name| field(inputs, &name))
    };
    let branches: Vec<Node> = if let Some(tasks) = input_of("dynamicForkTasksParam") {
        let given = input_of("dynamicForkTasksInputParamName");
        if !tasks.is_array() || given.is_some_and(|g| !g.is_object()) {
            return None;
        }
        let branch = |task: &Node| {
            let own = reference_name(task).and_then(|(name, _)| given.and_then(|g| g.get(&name)));
            list(vec![with_inputs(task, own)], task)
        };
        tasks.items().iter().map(branch).collect()
    } else {
        let list_of_inputs = field(inputs, "forkTaskInputs").filter(|l| l.is_array())?;
        let name = field(inputs, "forkTaskName")?;
        if field(inputs, "forkTaskWorkflow").is_some()
            || field(inputs, "forkTaskType").and_then(text_of)? == "SUB_WORKFLOW"
        {
            return None;
        }
        let branch = |(i, given): (usize, &Node)| {
            let key = |text: &str| name.as_string().map(|s| s.with_text(text.to_owned()));
            let string = |text: &str| {
                key(text).map(|s| Node {
                    kind: NodeKind::String(s),
                    span: name.span,
                })
            };
            let mut members = vec![
                Member {
                    key: key("name")?,
                    value: name.clone(),
                },
                Member {
                    key: key("taskReferenceName")?,
                    value: string(&format!("_{}_{i}", name.as_str()?))?,
                },
                Member {
                    key: key("type")?,
                    value: field(inputs, "forkTaskType")
                        .cloned()
                        .or_else(|| string("SIMPLE"))?,
                },
                Member {
                    key: key("inputParameters")?,
                    value: counted(given, key("__index")?, i),
                },
            ];
            members.extend(node.member("taskDefinition").cloned());
            Some(list(
                vec![Node {
                    kind: NodeKind::Object(members),
                    span: given.span,
                }],
                given,
            ))
        };
        list_of_inputs
            .items()
            .iter()
            .enumerate()
            .map(branch)
            .collect::<Option<_>>()?
    };
    let NodeKind::Object(members) = &node.kind else {
        return None;
    };
    let kind = node.member("type")?;
    let mut members: Vec<Member> = members
        .iter()
        .filter(|m| {
            ![
                "type",
                "inputParameters",
                "dynamicForkTasksParam",
                "dynamicForkTasksInputParamName",
            ]
            .contains(&m.key.text.as_str())
        })
        .cloned()
        .collect();
    let word = kind.value.as_string()?;
    let fork = word.with_text("FORK_JOIN".to_owned());
    members.push(Member {
        key: kind.key.clone(),
        value: Node {
            kind: NodeKind::String(fork),
            span: kind.value.span,
        },
    });
    let forks = kind.key.with_text("forkTasks".to_owned());
    members.push(Member {
        key: forks,
        value: list(branches, inputs),
    });
    Some(Node {
        kind: NodeKind::Object(members),
        span: node.span,
    })
}

/// What one of several tasks is given, with its number.
fn counted(given: &Node, key: JsonString, number: usize) -> Node {
    let NodeKind::Object(members) = &given.kind else {
        return given.clone();
    };
    let mut members = members.clone();
    members.retain(|m| m.key.text != key.text);
    members.push(Member {
        key,
        value: Node {
            kind: NodeKind::Number(number.to_string()),
            span: given.span,
        },
    });
    Node {
        kind: NodeKind::Object(members),
        span: given.span,
    }
}

/// DYNAMIC whose task is a literal of a type that is run here, or a worker.
fn chosen(node: &Node) -> Option<Node> {
    let inputs = field(node, "inputParameters")?;
    let parameter = field(node, "dynamicTaskNameParam").and_then(text_of)?;
    let chosen = field(inputs, &parameter)?
        .as_string()
        .filter(|s| !s.text.contains("${"))?;
    // Which workflow that is stands in the inputs.
    let called = ["subWorkflowName", "subWorkflowVersion"].map(|key| inputs.member(key));
    let named = called
        .first()
        .copied()
        .flatten()
        .is_some_and(|m| m.value.as_str().is_some_and(|name| !name.contains("${")));
    if chosen.text == "SUB_WORKFLOW" && field(node, "subWorkflowParam").is_none() && !named {
        return None;
    }
    let known = TaskType::find(&chosen.text).is_some_and(TaskType::is_run);
    let NodeKind::Object(members) = &node.kind else {
        return None;
    };
    let members = members
        .iter()
        .filter(|m| m.key.text != "dynamicTaskNameParam" && (known || m.key.text != "name"))
        .map(|m| match m.key.text.as_str() {
            "type" => {
                let text = if known {
                    chosen.text.clone()
                } else {
                    "SIMPLE".to_owned()
                };
                let kind = NodeKind::String(chosen.with_text(text));
                Member {
                    key: m.key.clone(),
                    value: Node {
                        kind,
                        span: m.value.span,
                    },
                }
            }
            "inputParameters" => {
                let rest = inputs
                    .members()
                    .iter()
                    .filter(|i| {
                        i.key.text != parameter
                            && !called.iter().flatten().any(|c| c.key.text == i.key.text)
                    })
                    .cloned()
                    .collect();
                Member {
                    key: m.key.clone(),
                    value: Node {
                        kind: NodeKind::Object(rest),
                        span: inputs.span,
                    },
                }
            }
            _ => m.clone(),
        });
    let mut members: Vec<Member> = members.collect();
    if named && field(node, "subWorkflowParam").is_none() {
        let param = called.iter().flatten().map(|m| Member {
            key: m.key.with_text(
                if m.key.text == "subWorkflowName" {
                    "name"
                } else {
                    "version"
                }
                .to_owned(),
            ),
            value: m.value.clone(),
        });
        members.push(Member {
            key: node
                .member("type")?
                .key
                .with_text("subWorkflowParam".to_owned()),
            value: Node {
                kind: NodeKind::Object(param.collect()),
                span: inputs.span,
            },
        });
    }
    if !known {
        let key = node.member("type")?.key.with_text("name".to_owned());
        members.push(Member {
            key,
            value: Node {
                kind: NodeKind::String(chosen.clone()),
                span: chosen.span,
            },
        });
    }
    Some(Node {
        kind: NodeKind::Object(members),
        span: node.span,
    })
}

/// A task with more inputs; those of its own that have the same name are replaced.
fn with_inputs(task: &Node, given: Option<&Node>) -> Node {
    let (Some(given), NodeKind::Object(members)) = (given, &task.kind) else {
        return task.clone();
    };
    let mut members = members.clone();
    match members
        .iter_mut()
        .find(|m| m.key.text == "inputParameters" && m.value.is_object())
    {
        Some(own) => {
            if let NodeKind::Object(inputs) = &mut own.value.kind {
                inputs.retain(|i| given.get(&i.key.text).is_none());
                inputs.extend(given.members().iter().cloned());
            }
        }
        None => {
            if let Some(first) = members.first() {
                let key = first.key.with_text("inputParameters".to_owned());
                members.push(Member {
                    key,
                    value: given.clone(),
                });
            }
        }
    }
    Node {
        kind: NodeKind::Object(members),
        span: task.span,
    }
}

fn list(items: Vec<Node>, at: &Node) -> Node {
    Node {
        kind: NodeKind::Array(items),
        span: at.span,
    }
}
