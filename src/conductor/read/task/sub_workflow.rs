//! SUB_WORKFLOW: another rotation, waited for.

use crate::conductor::read::context::Reader;
use crate::conductor::read::scope::reference_name;
use crate::conductor::read::shape::{field, number_of, text_of};
use crate::diagnostic::{Diagnostic, Severity, codes, nearest};
use crate::json::Node;
use crate::plan::path::Key;
use crate::plan::task::{Call, Fork, Task, Worker, walk_steps};
use crate::plan::{Expr, ExprKind, Root, Rotation};
use crate::source::Span;
use std::collections::HashMap;

/// Letters in which the name of a workflow and a slip for it differ.
const SLIP: usize = 2;
/// What a definition is called that has no name; that is reported.
pub(in crate::conductor::read) const UNNAMED: &str = "unnamed";

impl<'a> Reader<'a> {
    pub(super) fn sub_workflow(&mut self, node: &'a Node) -> Option<Task> {
        let inputs = field(node, "inputParameters");
        let values = inputs.map(|i| self.value(i));
        let Some(param) = field(node, "subWorkflowParam") else {
            self.missing(
                node,
                "subWorkflowParam",
                "the SUB_WORKFLOW task",
                "`\"subWorkflowParam\": {\"name\": …}`",
            );
            return None;
        };
        for member in param
            .members()
            .iter()
            .filter(|m| m.key.text != "workflowDefinition")
        {
            self.check_references(&member.value);
        }
        self.check_kinds(param, crate::conductor::read::shape::SUB_WORKFLOW_KINDS);
        if let Some(name) = chosen_name(param) {
            let inputs =
                values.unwrap_or_else(|| Expr::new(ExprKind::Object(Vec::new()), node.span));
            return self.called_by_data(node, param, name, inputs);
        }
        let Some(rotation) = self.called(param) else {
            let input =
                values.unwrap_or_else(|| Expr::new(ExprKind::Object(Vec::new()), node.span));
            let name = field(param, "name").and_then(text_of).unwrap_or_default();
            return Some(Task::Worker(Worker {
                name,
                input,
                timeout: None,
                kind: Some("SUB_WORKFLOW".to_owned()),
            }));
        };
        let inputs = match values.map(|v| v.kind) {
            Some(ExprKind::Object(members)) => members,
            _ => Vec::new(),
        };
        Some(Task::Call(Call {
            rotation,
            inputs,
            each: None,
            each_name: None,
            is_apart: false,
        }))
    }

    /// A workflow whose name comes at run time: a fork of one task under the reference name.
    fn called_by_data(
        &mut self,
        node: &'a Node,
        param: &Node,
        name: &Node,
        inputs: Expr,
    ) -> Option<Task> {
        let (reference, _) = reference_name(node)?;
        let text = |text: &str| Expr::new(ExprKind::String(text.to_owned()), name.span);
        let object = |members: Vec<(&str, Expr)>| {
            let members = members.into_iter().map(|(n, v)| (n.to_owned(), v));
            Expr::new(ExprKind::Object(members.collect()), name.span)
        };
        let mut called = vec![("name", self.value(name))];
        called.extend(field(param, "version").map(|version| ("version", self.value(version))));
        let task = object(vec![
            ("name", text(&reference)),
            ("taskReferenceName", text(&reference)),
            ("type", text("SUB_WORKFLOW")),
            ("subWorkflowParam", object(called)),
        ]);
        let fork = Fork {
            tasks: Expr::new(ExprKind::List(vec![task]), name.span),
            inputs: Some(object(vec![(&reference, inputs)])),
        };
        self.fork_of_data(node, fork)
    }

    /// START_WORKFLOW of a workflow that is in the files: its run is part of this one, whose failure it is not.
    pub(super) fn start_workflow(&mut self, node: &'a Node) -> Option<Task> {
        let request = field(node, "inputParameters").and_then(|i| field(i, "startWorkflow"))?;
        let name = field(request, "name").and_then(text_of)?;
        if !self.names.contains(&name) && !self.options.other_rotations.contains(&name) {
            return None;
        }
        let version = field(request, "version").and_then(number_of);
        if self.identities.lacks(&name, version).is_some() {
            return None;
        }
        self.check_inputs(node);
        let inputs = field(request, "input").map(|input| self.value(input).kind);
        let inputs = match inputs {
            Some(ExprKind::Object(members)) => members,
            _ => Vec::new(),
        };
        let rotation = self.identities.version(&name, version).map(str::to_owned);
        Some(Task::Call(Call {
            rotation: rotation.unwrap_or(name),
            inputs,
            each: None,
            each_name: None,
            is_apart: true,
        }))
    }

    /// Whether what is read of a sub-workflow is what it puts out.
    pub(in crate::conductor::read) fn check_call_outputs(&mut self) {
        let outputs: HashMap<&str, Vec<&str>> = self
            .rotations
            .iter()
            .filter_map(|r| Some((r.name.as_str(), put_out(r)?)))
            .collect();
        let mut found = Vec::new();
        for rotation in &self.rotations {
            let mut called: HashMap<&str, &str> = HashMap::new();
            walk_steps(&rotation.steps, &mut |step| {
                if let Task::Call(call) = &step.task
                    && call.each.is_none()
                    && !call.is_apart
                {
                    called.insert(&step.name, &call.rotation);
                }
            });
            let mut look = |part: &Expr| {
                let ExprKind::Ref(Root::Capture { step, name }) = &part.kind else {
                    return;
                };
                let Some(callee) = called.get(step.as_str()) else {
                    return;
                };
                let Some(known) = outputs
                    .get(callee)
                    .filter(|o| !o.is_empty() && name != "subWorkflowId")
                else {
                    return;
                };
                if !known.contains(&name.as_str()) {
                    found.push((
                        part.at.0,
                        (*callee).to_owned(),
                        name.clone(),
                        nearest(name, known.iter().copied()).map(str::to_owned),
                    ));
                }
            };
            if !called.is_empty() {
                rotation.exprs(&mut |expr| expr.walk(&mut |part| look(part)));
            }
        }
        for (span, callee, name, near) in found {
            let help = near.map_or_else(
                || format!("add it to the `outputParameters` of `{callee}`"),
                |n| format!("did you mean `{n}`?"),
            );
            self.report(
                Diagnostic::new(
                    codes::UNKNOWN_FIELD,
                    span,
                    format!("the workflow `{callee}` puts out no `{name}`"),
                )
                .at("null when this is read")
                .help(help),
            );
        }
    }

    /// Whether what a sub-workflow reads of its input is what it is given. A name that nothing gives is an input that may be left
    /// out, unless something is given in its stead that nothing reads.
    pub(in crate::conductor::read) fn check_call_inputs(&mut self) {
        let mut given: HashMap<&str, Vec<&[(String, Expr)]>> = HashMap::new();
        for rotation in &self.rotations {
            walk_steps(&rotation.steps, &mut |step| {
                if let Task::Call(call) = &step.task {
                    // What each run is given beside is known at run time.
                    let inputs = if call.each.is_none() {
                        call.inputs.as_slice()
                    } else {
                        &[]
                    };
                    given.entry(&call.rotation).or_default().push(inputs);
                }
            });
        }
        let mut found = Vec::new();
        for rotation in self.rotations.iter().filter(|_| !given.is_empty()) {
            let Some(calls) = given.get(rotation.name.as_str()) else {
                continue;
            };
            let mut reads: Vec<(String, Option<String>, Span)> = Vec::new();
            let mut whole = false;
            rotation.exprs(&mut |expr| inputs_read(expr, &mut reads, &mut whole));
            if whole {
                continue;
            }
            found.extend(self.unmet(rotation, &reads, calls));
        }
        for (span, message, help, masked) in found {
            self.report(
                Diagnostic::new(codes::UNRESOLVED_REFERENCE, span, message)
                    .at("null when this is read")
                    .help(help)
                    .severity(if masked {
                        Severity::Error
                    } else {
                        Severity::Warning
                    }),
            );
        }
    }

    /// Inputs that a rotation reads and each call gives under another name.
    fn unmet(
        &self,
        rotation: &crate::plan::Rotation,
        reads: &[(String, Option<String>, Span)],
        calls: &[&[(String, Expr)]],
    ) -> Vec<(Span, String, String, bool)> {
        let mut found = Vec::new();
        let has_default = |name: &str| {
            rotation
                .inputs
                .iter()
                .any(|i| i.name == name && i.default.is_some())
        };
        for (name, member, span) in reads.iter().filter(|(name, ..)| !has_default(name)) {
            // The members that each call gives, or its inputs where a whole input is read.
            let mut options: Vec<&str> = Vec::new();
            let mut is_given = false;
            for call in calls {
                let of_input = call
                    .iter()
                    .find(|(key, _)| key == name)
                    .map(|(_, v)| &v.kind);
                match (member, of_input) {
                    (Some(member), Some(ExprKind::Object(members))) => {
                        is_given |= members.iter().any(|(key, _)| key == member);
                        options.extend(members.iter().map(|(key, _)| key.as_str()));
                    }
                    (None, None) => options.extend(call.iter().map(|(key, _)| key.as_str())),
                    _ => is_given = true,
                }
            }
            if is_given {
                continue;
            }
            let unread = |option: &&str| {
                !reads.iter().any(|(input, inner, _)| match member {
                    Some(_) => input == name && inner.as_deref().is_none_or(|i| i == *option),
                    None => input == option,
                })
            };
            let options: Vec<&str> = options.into_iter().filter(unread).collect();
            let wanted = member.as_ref().unwrap_or(name);
            let near = self.nearest(wanted, options.iter().copied());
            let masked = member.is_some() && crate::plan::name::is_mask(name);
            // Under a mask nothing is given by the way.
            let Some(other) =
                near.or_else(|| options.first().filter(|_| masked).map(|o| (*o).to_owned()))
            else {
                continue;
            };
            let prefix = member
                .as_ref()
                .map_or(String::new(), |_| format!("{name}."));
            found.push((
                *span,
                format!(
                    "no call of `{}` gives it `{prefix}{wanted}`: they give `{prefix}{other}`, which it does not read",
                    rotation.name
                ),
                format!("read `${{workflow.input.{prefix}{other}}}`, or give it under this name"),
                masked,
            ));
        }
        found
    }

    /// Says that a workflow that is called is not there: it may be on the server, unless it is nearly the name of one that is.
    pub(super) fn not_among_the_files(&mut self, span: Span, name: &str, near: Option<String>) {
        let found = Diagnostic::new(
            codes::IMPORT_NOT_FOUND,
            span,
            format!("the workflow `{name}` is not in this file"),
        )
        .not_among_the_files()
        .blocking();
        self.report(match near {
            Some(near) => found.help(format!("did you mean `{near}`?")).severity(Severity::Warning),
            None => found.help("put both definitions into one array or into files of one folder, or the definition into `workflowDefinition`"),
        });
    }

    /// The name of the rotation that is called.
    fn called(&mut self, param: &'a Node) -> Option<String> {
        if let Some(definition) = field(param, "workflowDefinition") {
            if definition.is_object() {
                let name = field(definition, "name")
                    .and_then(text_of)
                    .or_else(|| field(param, "name").and_then(text_of))
                    .unwrap_or_else(|| UNNAMED.to_owned());
                let (rotation, is_first) = self.identities.within(&name, definition);
                if is_first {
                    self.inline.push(definition);
                }
                return Some(rotation);
            }
            self.unsupported(
                definition.span,
                "a definition that is computed at run time is not run here",
                "write the definition out",
            );
            return None;
        }
        let Some(node) = field(param, "name") else {
            self.missing(
                param,
                "name",
                "`subWorkflowParam`",
                "name the workflow that is called",
            );
            return None;
        };
        let name = text_of(node)?;
        if self.names.contains(&name) || self.options.other_rotations.contains(&name) {
            let version = field(param, "version").and_then(number_of);
            if let Some(version) = self.identities.lacks(&name, version) {
                self.not_among_the_files(
                    node.span,
                    &format!("{name}` of version `{version}"),
                    None,
                );
                return None;
            }
            let rotation = self.identities.version(&name, version).map(str::to_owned);
            return Some(rotation.unwrap_or(name));
        }
        let known = self
            .names
            .iter()
            .chain(self.options.other_rotations.iter().map(String::as_str));
        let near = self.nearest_workflow(&name, known);
        self.not_among_the_files(node.span, &name, near);
        None
    }

    /// The workflow that a name is a slip for. `rollback` is none for `rollout`, and a definition does not mean itself.
    pub(in crate::conductor::read) fn nearest_workflow<'n>(
        &self,
        name: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) -> Option<String> {
        let own = self
            .current
            .and_then(|node| field(node, "name"))
            .and_then(text_of);
        self.nearest(name, known)
            .filter(|near| own.as_ref() != Some(near))
            .filter(|near| strsim::damerau_levenshtein(near, name) <= SLIP)
    }
}

/// The name of a workflow that data chooses.
pub(in crate::conductor::read) fn chosen_name(param: &Node) -> Option<&Node> {
    let name = field(param, "name").filter(|name| name.as_str().is_some_and(|n| n.contains("${")));
    name.filter(|_| field(param, "workflowDefinition").is_none())
}

/// The inputs that an expression reads, each with the member of it where only that is read; `whole` when it reads all of them.
fn inputs_read(expr: &Expr, reads: &mut Vec<(String, Option<String>, Span)>, whole: &mut bool) {
    match &expr.kind {
        ExprKind::Path(base, path) => {
            if let ExprKind::Ref(Root::Input(name)) = &base.kind {
                let member = path.keys().and_then(|keys| match keys.into_iter().next() {
                    Some(Key::Name(name)) => Some(name),
                    _ => None,
                });
                reads.push((name.clone(), member, expr.at.0));
                return;
            }
        }
        ExprKind::Ref(Root::Input(name)) => reads.push((name.clone(), None, expr.at.0)),
        ExprKind::Ref(Root::Inputs) => *whole = true,
        _ => {}
    }
    for child in expr.children() {
        inputs_read(child, reads, whole);
    }
}

/// The names of what a workflow puts out, at its end or where it ends itself; none where a value is put out as a whole.
fn put_out(rotation: &Rotation) -> Option<Vec<&str>> {
    let mut names: Vec<&str> = rotation.outputs.iter().map(|o| o.name.as_str()).collect();
    let mut is_known = true;
    walk_steps(&rotation.steps, &mut |step| {
        let output = if let Task::Stop(stop) = &step.task {
            stop.output.as_ref()
        } else if let Task::Fail(fail) = &step.task {
            fail.output.as_ref()
        } else {
            None
        };
        match output.map(|output| &output.kind) {
            None | Some(ExprKind::Null) => {}
            Some(ExprKind::Object(members)) => {
                names.extend(members.iter().map(|(name, _)| name.as_str()));
            }
            Some(
                ExprKind::String(_)
                | ExprKind::Number(_)
                | ExprKind::Bool(_)
                | ExprKind::List(_)
                | ExprKind::Template(_),
            ) => names.push("output"),
            Some(_) => is_known = false,
        }
    });
    is_known.then_some(names)
}
