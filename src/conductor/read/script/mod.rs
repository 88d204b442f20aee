//! Tasks that compute: INLINE, LAMBDA, JSON_JQ_TRANSFORM, GET_SIGNED_JWT. Each becomes a named value.

pub(super) mod javascript;
pub(super) mod slips;
pub(super) mod text;

use crate::conductor::read::context::Reader;
use crate::conductor::read::reference::TASK_FIELDS;
use crate::conductor::read::script::javascript::Js;
use crate::conductor::read::shape::{Kind, field, number_of, text_of};
use crate::conductor::template::{self, Mode};
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::json::{Node, NodeKind};
use crate::plan::task::{Let, Task};
use crate::plan::truth;
use crate::plan::{Expr, ExprKind, Function, Operator, Root, RunField};
use crate::source::Span;

/// Under which key below `_secrets` the token of GET_SIGNED_JWT stands. Orkes documents `_secrets` and not the key.
pub(super) const TOKEN: &str = "access_token";
/// What a script is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose<'n> {
    /// What it gives is the result of this task.
    Result(&'n str),
    /// As `Result`, with a function that the server puts around it.
    Body(&'n str),
    /// What it gives decides.
    Decision,
}

/// What is said of a task without inputs.
const INPUTS: &str = "the task's inputs stand there";
/// Fields of a workflow that references name, and scripts do not have.
const WORKFLOW_FIELDS: [&str; 8] = [
    "input",
    "output",
    "variables",
    "secrets",
    "env",
    "workflowId",
    "correlationId",
    "status",
];
/// How long such a token is good unless said.
const TTL_SECONDS: u64 = 3600;

impl<'a> Reader<'a> {
    /// INLINE: `$` is the input, the value of the script is `result`.
    pub(super) fn inline_script(&mut self, node: &'a Node, name: &str) -> Option<Task> {
        let inputs = self.inputs_of(node, "INLINE", INPUTS)?;
        let Some(expression) = field(inputs, "expression") else {
            self.missing(
                inputs,
                "expression",
                "the INLINE task",
                "write the script there; `$` is the task's input",
            );
            return None;
        };
        self.check_input_kinds(
            inputs,
            &[("evaluatorType", Kind::Text), ("expression", Kind::Code)],
        );
        let result = match field(inputs, "evaluatorType").and_then(text_of).as_deref() {
            None | Some("javascript" | "graaljs") => {
                let values = expression
                    .as_str()
                    .and_then(|text| slips::look(text, false, true).values);
                self.results
                    .extend(values.map(|values| (name.to_owned(), values)));
                self.javascript(expression, inputs, Purpose::Result(name))
            }
            Some("value-param") => {
                let input =
                    text_of(expression).and_then(|name| self.named_input(node, &name, expression));
                input.unwrap_or_else(|| Expr::new(ExprKind::Null, expression.span))
            }
            Some(word) => {
                let place = field(inputs, "evaluatorType").unwrap_or(expression);
                if self.misspelt_evaluator(place, word) {
                    return None;
                }
                self.unsupported(
                    place.span,
                    "this evaluator is not run here",
                    "write the script in JavaScript",
                );
                return None;
            }
        };
        Some(named(name, vec![("result".to_owned(), result)], node.span))
    }

    /// LAMBDA, which INLINE replaced.
    pub(super) fn lambda(&mut self, node: &'a Node, name: &str) -> Option<Task> {
        let inputs = self.inputs_of(node, "LAMBDA", INPUTS)?;
        let Some(script) = field(inputs, "scriptExpression") else {
            self.missing(
                inputs,
                "scriptExpression",
                "the LAMBDA task",
                "use INLINE with `expression`",
            );
            return None;
        };
        self.check_input_kinds(inputs, &[("scriptExpression", Kind::Code)]);
        self.check_script(script, &keys_of(inputs), Some(inputs), Purpose::Body(name));
        let source = self.value(script);
        // A server makes it the body of a function, so what it gives stands behind `return`.
        let (before, after) = ("function scriptFun(){", "} scriptFun();");
        let source = match source.as_str() {
            Some(body) => Expr::new(
                ExprKind::String(format!("{before}{body}{after}")),
                script.span,
            ),
            None => {
                let text = |text: &str| Expr::new(ExprKind::String(text.to_owned()), script.span);
                Expr::new(
                    ExprKind::Template(vec![text(before), source, text(after)]),
                    script.span,
                )
            }
        };
        let input = self.value(inputs);
        let result = Expr::new(
            ExprKind::Call(Function::JavaScript, vec![source, input]),
            script.span,
        );
        Some(named(name, vec![("result".to_owned(), result)], node.span))
    }

    pub(super) fn jq_transform(&mut self, node: &'a Node, name: &str) -> Option<Task> {
        let inputs = self.inputs_of(node, "JSON_JQ_TRANSFORM", INPUTS)?;
        let Some(query) = field(inputs, "queryExpression").filter(|q| q.as_str().is_some()) else {
            self.missing(
                inputs,
                "queryExpression",
                "the JSON_JQ_TRANSFORM task",
                "write the jq program there; its input is the task's input",
            );
            return None;
        };
        let program = self.written_out(query);
        let fault = program.as_deref().and_then(text::jq_fault);
        if let (Some(program), None) = (&program, &fault) {
            let known = keys_of(inputs);
            for name in text::jq_names(program) {
                if !known.contains(&name) {
                    self.not_given(query, name, &known);
                }
            }
        }
        if let Some(problem) = fault {
            self.report(
                Diagnostic::new(
                    codes::BAD_VALUE,
                    query.span,
                    format!("this is no jq program: {problem}"),
                )
                .at("the task fails")
                .help("mend the program; `.` alone gives the input"),
            );
        }
        let program = self.value(query);
        let input = self.value(inputs);
        let list = Expr::new(
            ExprKind::Call(Function::Jq, vec![program, input]),
            query.span,
        );
        let first = Expr::new(ExprKind::Index(Box::new(list.clone()), 0), query.span);
        Some(named(
            name,
            vec![
                ("result".to_owned(), first),
                ("resultList".to_owned(), list),
            ],
            node.span,
        ))
    }

    pub(super) fn signed_jwt(&mut self, node: &'a Node, name: &str) -> Option<Task> {
        const KEYS: [&str; 9] = [
            "subject",
            "issuer",
            "privateKey",
            "privateKeyId",
            "audience",
            "ttlInSecond",
            "ttlInSeconds",
            "scopes",
            "algorithm",
        ];
        let inputs = self.inputs_of(node, "GET_SIGNED_JWT", INPUTS)?;
        self.check_keys(inputs, &KEYS, "GET_SIGNED_JWT", &[]);
        self.check_input_kinds(
            inputs,
            &[
                ("subject", Kind::Text),
                ("issuer", Kind::Text),
                ("privateKey", Kind::Text),
                ("privateKeyId", Kind::Text),
                ("ttlInSecond", Kind::Whole),
                ("ttlInSeconds", Kind::Whole),
            ],
        );
        if let Some(algorithm) = field(inputs, "algorithm").filter(|a| a.as_str() != Some("RS256"))
        {
            self.report(
                Diagnostic::new(
                    codes::BAD_VALUE,
                    algorithm.span,
                    "tokens are signed by RS256 only",
                )
                .help("write `RS256`"),
            );
        }
        let Some(key) = field(inputs, "privateKey") else {
            self.missing(
                inputs,
                "privateKey",
                "the GET_SIGNED_JWT task",
                "`${workflow.secrets.NAME}`: the key as PKCS#8 PEM",
            );
            return None;
        };
        let span = node.span;
        let key = self.value(key);
        let mut of = |key: &str| {
            field(inputs, key).map_or(Expr::new(ExprKind::Null, span), |n| self.value(n))
        };
        let (subject, issuer, audience, key_id) = (
            of("subject"),
            of("issuer"),
            of("audience"),
            of("privateKeyId"),
        );
        let scope = match field(inputs, "scopes") {
            // RFC 8693 section 4.2: one text, names separated by blanks.
            Some(scopes) if scopes.is_array() => {
                self.check_input_kinds(inputs, &[("scopes", Kind::Texts)]);
                let names: Vec<&str> = scopes.items().iter().filter_map(Node::as_str).collect();
                Expr::new(ExprKind::String(names.join(" ")), scopes.span)
            }
            Some(scopes) => {
                self.check_input_kinds(inputs, &[("scopes", Kind::Text)]);
                self.value(scopes)
            }
            None => Expr::new(ExprKind::Null, span),
        };
        let ttl = match field(inputs, "ttlInSecond").or_else(|| field(inputs, "ttlInSeconds")) {
            Some(ttl) => match number_of(ttl) {
                Some(seconds) => Expr::new(ExprKind::Number(seconds.to_string()), ttl.span),
                None => self.value(ttl),
            },
            None => Expr::new(ExprKind::Number(TTL_SECONDS.to_string()), span),
        };
        let now = Expr::new(
            ExprKind::Call(
                Function::Epoch,
                vec![Expr::root(Root::Run(RunField::Now), span)],
            ),
            span,
        );
        let end = Expr::new(
            ExprKind::Binary(Operator::Add, Box::new(now.clone()), Box::new(ttl)),
            span,
        );
        let claims = [
            ("iss", issuer),
            ("sub", subject),
            ("aud", audience),
            ("scope", scope),
            ("iat", now),
            ("exp", end),
        ];
        let claims = Expr::new(
            ExprKind::Object(claims.into_iter().map(|(n, e)| (n.to_owned(), e)).collect()),
            span,
        );
        let token = Expr::new(
            ExprKind::Call(Function::SignJwt, vec![claims, key, key_id]),
            span,
        );
        let secrets = Expr::new(ExprKind::Object(vec![(TOKEN.to_owned(), token)]), span);
        Some(named(name, vec![("_secrets".to_owned(), secrets)], span))
    }

    /// What can be told of a script without running it. `known` are the members of `$`.
    pub(super) fn check_script(
        &mut self,
        script: &Node,
        known: &[&str],
        inputs: Option<&Node>,
        purpose: Purpose<'_>,
    ) {
        let Some(text) = self.written_out(script) else {
            return;
        };
        match text::javascript(&text) {
            Err(problem) => self.report(
                Diagnostic::new(
                    codes::BAD_VALUE,
                    script.span,
                    format!("this is no script: {problem}"),
                )
                .at("the task fails")
                .help("mend the script; a server refuses the definition"),
            ),
            Ok(seen) => {
                if let Some(word) = seen.outside {
                    self.report(
                        Diagnostic::new(codes::BAD_VALUE, script.span, format!("the script reaches for `{word}`, which leads outside"))
                            .at("scripts have no files, network, environment, host classes or code from texts")
                            .help("compute with the task's inputs alone; call services with an HTTP task"),
                    );
                }
                for name in seen.names.iter().filter(|n| !known.contains(&n.as_str())) {
                    self.not_given(script, name, known);
                }
                self.check_slips(script, &text, inputs, purpose);
                self.check_truth(script, &text, matches!(purpose, Purpose::Body(_)));
            }
        }
    }

    /// What a script decides by, and is the same whatever it is given.
    pub(super) fn check_truth(&mut self, script: &Node, text: &str, is_body: bool) {
        let written = javascript::parse(text).map(|script| match script {
            Js::Choice(condition, ..) => *condition,
            other => other,
        });
        let conditions = match written {
            Some(condition) => vec![condition],
            None => slips::look(text, is_body, true)
                .conditions
                .iter()
                .filter_map(|text| javascript::parse(text))
                .collect(),
        };
        let name = |path: &[String]| Some(Expr::root(Root::Input(path.join(".")), script.span));
        for condition in conditions {
            let Some(condition) = javascript::lower(&condition, &mut { name }) else {
                continue;
            };
            if let Some(found) = truth::constant_part(&condition) {
                self.report(constant_condition(found, script.span));
                return;
            }
        }
    }

    /// What a script that parses does, and was hardly meant to.
    pub(super) fn check_slips(
        &mut self,
        script: &Node,
        text: &str,
        inputs: Option<&Node>,
        purpose: Purpose<'_>,
    ) {
        let slips = slips::look(
            text,
            matches!(purpose, Purpose::Body(_)),
            purpose == Purpose::Decision,
        );
        if let Some(inputs) = inputs {
            self.number_as_text(script, text, &slips.conditions, inputs);
        }
        if slips.assigns {
            self.report(
                Diagnostic::new(
                    codes::CONSTANT_CONDITION,
                    script.span,
                    "the script sets a value where it was to compare: what it sets is what it gives",
                )
                .at("`=` sets")
                .help("write `===`")
                .severity(Severity::Error),
            );
        }
        let is_read = |reader: &Self| match purpose {
            Purpose::Result(task) | Purpose::Body(task) => reader.result_is_read(task),
            Purpose::Decision => true,
        };
        if slips.gives_nothing && is_read(self) {
            self.report(
                Diagnostic::new(
                    codes::BAD_VALUE,
                    script.span,
                    "the function has no `return`: what it gives is null",
                )
                .at("always null")
                .help("write `return` before the value")
                .severity(match purpose {
                    // What stands last in the body of a LAMBDA is nearly always meant.
                    Purpose::Body(_) => Severity::Warning,
                    Purpose::Result(_) | Purpose::Decision => Severity::Error,
                }),
            );
        }
        if slips.uncalled && is_read(self) {
            self.report(
                Diagnostic::new(
                    codes::BAD_VALUE,
                    script.span,
                    "the script is a function that nothing calls: what it gives is the function",
                )
                .at("never runs")
                .help("call it: `(function () { … })()`")
                .severity(Severity::Error),
            );
        }
        for (name, field) in &slips.foreign {
            let task = self.scope.tasks.contains_key(name) && TASK_FIELDS.contains(&field.as_str());
            let workflow = name == "workflow" && WORKFLOW_FIELDS.contains(&field.as_str());
            if !task && !workflow {
                continue;
            }
            self.report(
                Diagnostic::new(
                    codes::UNRESOLVED_REFERENCE,
                    script.span,
                    format!("the script reads `{name}.{field}`, and scripts have no `{name}`"),
                )
                .at("the task fails")
                .help(format!(
                    "a script has its inputs alone, as `$`: add `\"value\": \"${{{name}.{field}…}}\"` to the task's `inputParameters` and read `$.value`"
                )),
            );
        }
        if let Some(inputs) = inputs {
            let secret = |path: &Vec<String>| holds_secret(inputs, path);
            if slips.logged.iter().any(secret) {
                self.report(
                    Diagnostic::new(
                        codes::SECRET_TO_LOG,
                        script.span,
                        "the script writes a secret to the log",
                    )
                    .at("`console` writes to the log of the server")
                    .help("remove the line, or write something public such as an id"),
                );
            }
        }
    }

    /// A status, which is a number, that a script compares strictly with a text.
    fn number_as_text(&mut self, script: &Node, text: &str, conditions: &[String], inputs: &Node) {
        let whole = javascript::parse(text);
        let parts = conditions.iter().filter_map(|text| javascript::parse(text));
        let mut found = None;
        for condition in whole.into_iter().chain(parts) {
            condition.each_comparison(&mut |operator, path, compared| {
                let Some((first, rest)) = path.split_first() else {
                    return;
                };
                let given = inputs.get(first).and_then(text_of);
                let Some(named) = given
                    .as_deref()
                    .and_then(|g| g.strip_prefix("${")?.strip_suffix('}'))
                else {
                    return;
                };
                let place = format!("{named}.{}", rest.join("."));
                if place
                    .trim_end_matches('.')
                    .ends_with(".output.response.statusCode")
                {
                    found = found
                        .take()
                        .or_else(|| Some((operator, compared.to_owned(), path.join("."))));
                }
            });
        }
        let Some((operator, compared, path)) = found else {
            return;
        };
        let (always, sign) = if operator == Operator::Same {
            ("false", "===")
        } else {
            ("true", "!==")
        };
        self.report(
            Diagnostic::new(
                codes::CONSTANT_CONDITION,
                script.span,
                format!("`$.{path} {sign} '{compared}'` is always {always}: a status is a number, and this a text"),
            )
            .at("decides nothing")
            .help(format!("write `{sign} {compared}`, without quotes"))
            .severity(Severity::Error),
        );
    }

    /// Whether anything in the definition reads the result of a task.
    fn result_is_read(&self, task: &str) -> bool {
        let wanted = format!("${{{task}.output.result");
        self.current.is_some_and(|node| mentions(node, &wanted))
    }

    /// A program reads a member of its input that the task does not have.
    fn not_given(&mut self, program: &Node, name: &str, known: &[&str]) {
        let near = self
            .nearest(name, known.iter().copied())
            .map(|n| format!("did you mean `{n}`?"));
        self.report(
            Diagnostic::new(
                codes::UNRESOLVED_REFERENCE,
                program.span,
                format!("the script reads `{name}` of its input, and the task has no such input"),
            )
            .at("undefined")
            .help(
                near.unwrap_or_else(|| format!("add `\"{name}\"` to the task's `inputParameters`")),
            )
            .severity(Severity::Warning),
        );
    }

    /// The text of a program, unless it is put together at run time: then whoever gives the parts writes the program.
    fn written_out(&mut self, program: &Node) -> Option<String> {
        let text = program.as_str()?;
        let template = template::parse(text, Mode::Now);
        if template.constant().is_none() {
            let data = |r: &template::Reference| {
                !r.inner
                    .constant()
                    .is_some_and(|t| t.starts_with("workflow.secrets."))
            };
            if template.references().into_iter().any(data) {
                self.report(
                    Diagnostic::new(codes::SECRET_INJECTION, program.span, "data that comes at run time becomes part of the program")
                        .at("whoever gives the data decides what is run")
                        .help("pass it as an input of the task, and read that in the program: `$.name`, in jq `.name`"),
                );
            }
        }
        template.constant()
    }

    /// A script over an object of inputs.
    pub(super) fn javascript(
        &mut self,
        script: &Node,
        inputs: &Node,
        purpose: Purpose<'_>,
    ) -> Expr {
        self.check_script(script, &keys_of(inputs), Some(inputs), purpose);
        let source = self.value(script);
        let input = self.value(inputs);
        Expr::new(
            ExprKind::Call(Function::JavaScript, vec![source, input]),
            script.span,
        )
    }

    /// The inputs of a task that has nothing to do without them. Inputs that are no object were reported with the task.
    pub(super) fn inputs_of(&mut self, node: &'a Node, kind: &str, help: &str) -> Option<&'a Node> {
        let inputs = field(node, "inputParameters");
        if inputs.is_none() {
            self.missing(node, "inputParameters", &format!("the {kind} task"), help);
        }
        inputs.filter(|i| i.is_object())
    }
}

/// What is said of a condition that does not depend on its values.
fn constant_condition(found: truth::Constant<'_>, place: Span) -> Diagnostic {
    let part = if found.whole {
        "this condition"
    } else {
        "a part of this condition"
    };
    let (always, other) = if found.holds {
        ("true", "`&&`")
    } else {
        ("false", "`||`")
    };
    Diagnostic::new(
        codes::CONSTANT_CONDITION,
        place,
        format!("{part} is always {always}, whatever it is given"),
    )
    .at("decides nothing")
    .help(format!("join the comparisons with {other}"))
}

/// Whether a secret stands below a path of a task's inputs.
fn holds_secret(inputs: &Node, path: &[String]) -> bool {
    let mut node = inputs;
    for name in path {
        match node.get(name) {
            Some(inner) => node = inner,
            None => break,
        }
    }
    refers_to_secret(node)
}

fn refers_to_secret(node: &Node) -> bool {
    match &node.kind {
        NodeKind::String(string) if string.text.contains("${") => {
            let template = template::parse(&string.text, Mode::Now);
            template.references().into_iter().any(|reference| {
                let inner = string
                    .text
                    .get(reference.inner_range.clone())
                    .unwrap_or_default();
                inner.starts_with("workflow.secrets.")
                    || inner.split(['.', '[']).any(crate::plan::name::is_mask)
            })
        }
        NodeKind::Array(items) => items.iter().any(refers_to_secret),
        NodeKind::Object(members) => members.iter().any(|m| refers_to_secret(&m.value)),
        _ => false,
    }
}

fn mentions(node: &Node, wanted: &str) -> bool {
    match &node.kind {
        NodeKind::String(string) => string.text.contains(wanted),
        NodeKind::Array(items) => items.iter().any(|item| mentions(item, wanted)),
        NodeKind::Object(members) => members.iter().any(|m| mentions(&m.value, wanted)),
        _ => false,
    }
}

fn keys_of(inputs: &Node) -> Vec<&str> {
    inputs
        .members()
        .iter()
        .map(|m| m.key.text.as_str())
        .collect()
}

fn named(name: &str, members: Vec<(String, Expr)>, span: Span) -> Task {
    Task::Let(Let {
        name: name.to_owned(),
        value: Expr::new(ExprKind::Object(members), span),
    })
}
