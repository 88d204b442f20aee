//! `${workflow.…}`

use crate::conductor::read::context::Reader;
use crate::conductor::read::reference::{Named, null};
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::{Expr, ExprKind, Root};

/// What stands behind `workflow.`.
const FIELDS: [&str; 17] = [
    "input",
    "output",
    "status",
    "workflowId",
    "parentWorkflowId",
    "parentWorkflowTaskId",
    "workflowType",
    "version",
    "correlationId",
    "reasonForIncompletion",
    "schemaVersion",
    "variables",
    "secrets",
    "env",
    "createTime",
    "idempotencyKey",
    "taskToDomain",
];

/// Inputs that the scheduler adds.
const SCHEDULER: [&str; 5] = [
    "_startedByScheduler",
    "_scheduledTime",
    "_executedTime",
    "_executionId",
    "_schedulerCron",
];

impl Reader<'_> {
    pub(super) fn workflow_field(&mut self, named: &Named<'_>) -> Expr {
        let Some(field) = named.name(1) else {
            let message = "`workflow` is the whole execution, not a value";
            return self.unresolved(
                codes::UNKNOWN_FIELD,
                named,
                1,
                message,
                Some("workflow.input"),
            );
        };
        match field {
            "input" => self.input(named),
            "variables" => self.variable(named),
            "env" => self.env_variable(named),
            "secrets" => {
                let message = "a secret is named `${workflow.secrets.NAME}`, with a dot";
                self.unresolved(codes::UNKNOWN_FIELD, named, 1, message, None)
            }
            "output" => {
                let message = "the workflow's own output is not there before it ends";
                self.unresolved(codes::FORWARD_REFERENCE, named, 1, message, None)
            }
            _ => match Self::run_field(field) {
                Some(kind) => self.path_over(Expr::new(kind, named.span), named, 2),
                None => {
                    let near = self.nearest(field, FIELDS);
                    self.unresolved(
                        codes::UNKNOWN_FIELD,
                        named,
                        1,
                        &format!("a workflow has no field `{field}`"),
                        near.as_deref(),
                    )
                }
            },
        }
    }

    fn input(&mut self, named: &Named<'_>) -> Expr {
        let Some(name) = named.name(2).map(str::to_owned) else {
            return self.path_over(Expr::root(Root::Inputs, named.span), named, 2);
        };
        if !self.scope.used_names.contains(&name) {
            self.scope.used_names.insert(name.clone());
            self.scope.used.push((name.clone(), named.span_of(2)));
        }
        let declared = self.scope.declared.contains(&name) || SCHEDULER.contains(&name.as_str());
        if !declared && self.scope.declares_inputs {
            let near = self
                .nearest(&name, self.scope.declared.iter())
                .map(|n| format!("did you mean `{n}`?"));
            self.report(
                Diagnostic::new(
                    codes::UNDECLARED_INPUT,
                    named.span_of(2),
                    format!("`inputParameters` does not list the input `{name}`"),
                )
                .at("null unless the caller knows of it")
                .help(near.unwrap_or_else(|| {
                    format!("add `\"{name}\"` to the workflow's `inputParameters`")
                })),
            );
        }
        self.path_over(Expr::root(Root::Input(name), named.span), named, 3)
    }

    fn variable(&mut self, named: &Named<'_>) -> Expr {
        let Some(name) = named.name(2).map(str::to_owned) else {
            let all = self.scope.variables.iter().map(|name| {
                let value = Expr::root(Root::Variable(name.to_owned()), named.span);
                (name.to_owned(), value)
            });
            let all = Expr::new(ExprKind::Object(all.collect()), named.span);
            return self.path_over(all, named, 2);
        };
        if !self.scope.variables.contains(&name) {
            let near = self.nearest(&name, self.scope.variables.iter());
            let help = near.map_or_else(
                || "set it in `variables` or by a SET_VARIABLE task".to_owned(),
                |n| format!("did you mean `{n}`?"),
            );
            self.report(
                Diagnostic::new(
                    codes::UNRESOLVED_REFERENCE,
                    named.span_of(2),
                    format!("nothing sets the variable `{name}`"),
                )
                .at("null when this is read")
                .help(help)
                .severity(Severity::Warning),
            );
        }
        self.path_over(Expr::root(Root::Variable(name), named.span), named, 3)
    }

    fn env_variable(&mut self, named: &Named<'_>) -> Expr {
        let Some(name) = named.name(2).map(str::to_owned) else {
            self.unresolved(
                codes::UNKNOWN_FIELD,
                named,
                1,
                "name the variable: `${workflow.env.NAME}`",
                None,
            );
            return null(named.span);
        };
        self.use_env(&name, named.span_of(2));
        // Orkes writes `NAME.$` for the variable's JSON value as a whole.
        let from = if named.name(3) == Some("$") { 4 } else { 3 };
        self.path_over(Expr::root(Root::Env(name), named.span), named, from)
    }
}
