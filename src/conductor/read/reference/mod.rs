//! `${…}` → a resolved name. Nothing is looked up by name at run time that is not known here.

pub(super) mod root;
pub(super) mod rooted;

use crate::conductor::TaskType;
use crate::conductor::read::context::Reader;
use crate::conductor::read::output::RESPONSE;
use crate::conductor::read::scope::Shape;
use crate::conductor::task_type::Reading;
use crate::conductor::template::{self, Part, Path, Reference, Step, StepKind};
use crate::diagnostic::{Code, Diagnostic, Edit, Severity, codes};
use crate::json::JsonString;
use crate::plan::{Expr, ExprKind, Function, Operator, Root, RunField};
use crate::source::Span;

/// Fields of a task that a reference may name.
pub(super) const TASK_FIELDS: [&str; 18] = [
    "output",
    "input",
    "taskType",
    "status",
    "referenceTaskName",
    "retryCount",
    "correlationId",
    "pollCount",
    "taskDefName",
    "scheduledTime",
    "startTime",
    "endTime",
    "workflowInstanceId",
    "taskId",
    "reasonForIncompletion",
    "callbackAfterSeconds",
    "workerId",
    "iteration",
];

/// Names that every server fills in (`ParametersUtils`).
const SERVER_NAMES: [&str; 2] = ["NETFLIX_ENV", "NETFLIX_STACK"];

/// A reference that begins with a name, taken apart.
pub(super) struct Named<'s> {
    string: &'s JsonString,
    /// Where the path begins in the decoded string, unless it was put together.
    base: Option<usize>,
    path: Path,
    /// With `${` and `}`.
    pub(super) span: Span,
    pub(super) deferred: bool,
}

impl<'s> Named<'s> {
    /// The same with another name in one place.
    pub(super) fn renamed(&self, step: usize, name: String) -> Named<'s> {
        let mut path = self.path.clone();
        if let Some(step) = path.steps.get_mut(step) {
            step.kind = StepKind::Name(name);
        }
        Named {
            string: self.string,
            base: self.base,
            path,
            span: self.span,
            deferred: self.deferred,
        }
    }

    /// Another path in the same place.
    pub(super) fn other(&self, names: impl IntoIterator<Item = String>) -> Named<'s> {
        Named {
            span: self.span,
            deferred: self.deferred,
            ..Named::of(self.string, names)
        }
    }

    /// Names that do not stand between braces, such as those of a path in a script; `string` is where they stand.
    pub(super) fn of(string: &'s JsonString, names: impl IntoIterator<Item = String>) -> Self {
        let steps = names.into_iter().map(|name| Step {
            kind: crate::conductor::read::script::javascript::step_kind(&name),
            range: 0..0,
        });
        Self {
            string,
            base: None,
            path: Path {
                steps: steps.collect(),
                tail: String::new(),
                tail_start: 0,
            },
            span: string.span,
            deferred: false,
        }
    }
}

impl Named<'_> {
    /// The name at a step; none for an index or behind the end.
    pub(super) fn name(&self, step: usize) -> Option<&str> {
        self.path.steps.get(step).and_then(Step::name)
    }

    /// Whether it stands in the text as it is read, so that an edit may write another in its place.
    pub(super) fn is_literal(&self) -> bool {
        self.base.is_some() && !self.deferred
    }

    /// The place of a step, or of the whole reference.
    pub(super) fn span_of(&self, step: usize) -> Span {
        match (self.path.steps.get(step), self.base) {
            (Some(s), Some(base)) => self
                .string
                .span_of(base + s.range.start, base + s.range.end),
            _ => self.span,
        }
    }

    /// The steps from one on.
    pub(super) fn rest(&self, from: usize) -> &[Step] {
        self.path.steps.get(from..).unwrap_or(&[])
    }

    /// Whether nothing stands behind the steps before `from`.
    pub(super) fn ends(&self, from: usize) -> bool {
        self.path.steps.len() <= from && self.path.tail.is_empty()
    }

    /// The rest as JSONPath.
    pub(super) fn path_from(&self, from: usize) -> String {
        template::path_text(self.rest(from), &self.path.tail)
    }

    /// The text between the braces, for messages.
    pub(super) fn text(&self) -> String {
        template::path_text(&self.path.steps, &self.path.tail)
            .trim_start_matches("$.")
            .to_owned()
    }
}

impl Reader<'_> {
    /// Resolves a reference of a string.
    pub(super) fn reference(&mut self, string: &JsonString, reference: &Reference) -> Expr {
        let span = string.span_of(reference.range.start, reference.range.end);
        let exact = reference.inner.references().is_empty();
        let inner = string
            .text
            .get(reference.inner_range.clone())
            .unwrap_or("")
            .to_owned();
        if !exact && let Some(value) = self.computed(string, reference, span) {
            return value;
        }
        let Some(inner) = (if exact {
            Some(inner)
        } else {
            self.without_blanks(string, reference, span)
        }) else {
            return null(span);
        };
        if inner.trim().is_empty() {
            self.report(
                Diagnostic::new(codes::BAD_INTERPOLATION, span, "this reference is blank")
                    .at("a server refuses the definition, or puts nothing here")
                    .help("write the name of what belongs here, or remove it; `$${` writes a literal `${`"),
            );
            return Expr::new(ExprKind::String(String::new()), span);
        }
        let base = reference.inner_range.start;
        if let Some(rest) = inner.strip_prefix("workflow.secrets.") {
            let place = if exact {
                string.span_of(base + (inner.len() - rest.len()), base + inner.len())
            } else {
                span
            };
            return self.secret(rest, place, span);
        }
        let Some(path) = template::path(&inner) else {
            self.report(
                Diagnostic::new(codes::BAD_INTERPOLATION, span, "this reference does not begin with a name")
                    .help("write `${workflow.input.NAME}` or `${TASK.output.NAME}`; `$${` writes a literal `${`"),
            );
            return null(span);
        };
        self.named(&Named {
            string,
            base: exact.then_some(base),
            path,
            span,
            deferred: reference.deferred,
        })
    }

    /// A reference with names that other references give: inside out, each a name below a value that is written out. A secret is
    /// never named so, and a secret never names.
    fn computed(&mut self, string: &JsonString, reference: &Reference, span: Span) -> Option<Expr> {
        let (first, rest) = reference.inner.parts.split_first()?;
        let Part::Text(base) = first else { return None };
        // What stands between the last dot and the reference begins the name.
        let (base, begun) = base.rsplit_once('.')?;
        if base.contains('[') || begun.contains(['[', ']', '\'', '"', '(']) {
            return None;
        }
        let is_fixed = base.starts_with("workflow.secrets") || base.starts_with("workflow.env");
        let path = template::path(base).filter(|p| p.steps.len() > 1 && !is_fixed)?;
        let whole = |part: &Part| match part {
            Part::Reference(nested) => nested.inner.constant().is_none_or(|t| !t.trim().is_empty()),
            Part::Text(text) => text.starts_with(['.', '[']),
        };
        // As much of what follows as belongs to the first name.
        let length = if begun.is_empty() && rest.get(1).is_none_or(whole) {
            usize::from(!rest.is_empty())
        } else {
            rest.len()
        };
        let (name, rest) = rest.split_at_checked(length)?;
        let is_name = |part: &Part| match part {
            Part::Reference(_) => whole(part),
            Part::Text(text) => !text.contains(['.', '[', ']', '(', '\'', '"']),
        };
        if !name.iter().all(is_name) || !rest.iter().all(whole) {
            return None;
        }
        let mut value = self.named(&Named {
            string,
            base: None,
            path,
            span,
            deferred: reference.deferred,
        });
        let key = self.name_of_parts(string, begun, name, span);
        value = Expr::new(ExprKind::Call(Function::Member, vec![value, key]), span);
        for part in rest {
            value = match part {
                Part::Reference(nested) => {
                    let key = self.reference(string, nested);
                    Expr::new(ExprKind::Call(Function::Member, vec![value, key]), span)
                }
                Part::Text(text) => match text.strip_suffix('.').unwrap_or(text) {
                    "" => value,
                    text => match self.json_path(format!("${text}"), span) {
                        Some(path) => Expr::new(ExprKind::Path(Box::new(value), path), span),
                        None => null(span),
                    },
                },
            };
        }
        Some(value)
    }

    /// A name that is put together of texts and references.
    fn name_of_parts(
        &mut self,
        string: &JsonString,
        begun: &str,
        parts: &[Part],
        span: Span,
    ) -> Expr {
        if let ([Part::Reference(nested)], "") = (parts, begun) {
            return self.reference(string, nested);
        }
        let text = |text: &str| Expr::new(ExprKind::String(text.to_owned()), span);
        let mut pieces = vec![text(begun)];
        for part in parts {
            pieces.push(match part {
                Part::Text(more) => text(more),
                Part::Reference(nested) => self.reference(string, nested),
            });
        }
        Expr::new(ExprKind::Template(pieces), span)
    }

    /// The inner text of a reference that holds others, if those are blank and so the empty text. A name that is put
    /// together at run time cannot be checked.
    fn without_blanks(
        &mut self,
        string: &JsonString,
        reference: &Reference,
        span: Span,
    ) -> Option<String> {
        let parts = reference.inner.parts.iter().map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Reference(nested) => nested
                .inner
                .constant()
                .filter(|t| t.trim().is_empty())
                .map(|_| ""),
        });
        if let Some(text) = parts.collect::<Option<String>>() {
            return Some(text);
        }
        for nested in reference.inner.references() {
            if nested.inner.references().is_empty() {
                self.reference(string, nested);
            }
        }
        let inner = string.text.get(reference.inner_range.clone()).unwrap_or("");
        let of_secret = inner.starts_with("workflow.secrets.");
        let message = if of_secret {
            "the name of a secret cannot be computed: Conductor leaves this as it stands"
        } else {
            "a reference cannot be put together from another one: what it reads is not known before the run"
        };
        let found = Diagnostic::new(codes::BAD_INTERPOLATION, span, message)
            .at("a reference within a reference")
            .help("write the name out; to choose between several values use SWITCH");
        self.report(if of_secret {
            found
        } else {
            found.only_elsewhere()
        });
        None
    }

    pub(super) fn named(&mut self, named: &Named<'_>) -> Expr {
        match named.name(0) {
            Some("workflow") => self.workflow_field(named),
            Some(name) if self.scope.tasks.contains_key(name) => self.task_field(named, name),
            Some(name) if named.ends(1) => self.bare(named, name),
            Some(name) => self.unknown_task(named, name),
            None => self.unresolved(
                codes::UNRESOLVED_REFERENCE,
                named,
                0,
                "this reference does not begin with a name",
                None,
            ),
        }
    }

    /// `${NAME}`: on a server its environment, before anything else.
    fn bare(&mut self, named: &Named<'_>, name: &str) -> Expr {
        if name == "CPEWF_TASK_ID" {
            if let Some(step) = self.site.task.clone() {
                return Expr::root(
                    Root::TaskField {
                        step,
                        field: "taskId".to_owned(),
                    },
                    named.span,
                );
            }
            return self.unresolved(
                codes::UNRESOLVED_REFERENCE,
                named,
                0,
                "`CPEWF_TASK_ID` has a value only within a task",
                None,
            );
        }
        if SERVER_NAMES.contains(&name) {
            self.report(
                Diagnostic::new(
                    codes::UNRESOLVED_REFERENCE,
                    named.span,
                    format!("`${{{name}}}` is a name of the server, and has no value here"),
                )
                .help(format!("write `${{workflow.env.{name}}}`"))
                .only_elsewhere(),
            );
            return null(named.span);
        }
        if self
            .options
            .server_env
            .iter()
            .any(|allowed| allowed == name)
        {
            self.use_env(name, named.span);
            return Expr::root(Root::Env(name.to_owned()), named.span);
        }
        if let Some(near) = self.nearest(name, self.scope.names()) {
            return self.unresolved(
                codes::UNRESOLVED_TASK_REF,
                named,
                0,
                &format!("no task has the reference name `{name}`"),
                Some(&near),
            );
        }
        self.report(
            Diagnostic::new(codes::UNRESOLVED_REFERENCE, named.span, format!("`${{{name}}}` would read the server's own environment"))
                .at("not read here")
                .help(format!("write `${{workflow.env.{name}}}` for a variable, or `$${{{name}}}` for the text"))
                .note("a Conductor server puts any of its environment variables and JVM properties here, secrets of its own included")
                .severity(Severity::Warning)
                .blocking(),
        );
        null(named.span)
    }

    fn unknown_task(&mut self, named: &Named<'_>, name: &str) -> Expr {
        if let Some(field) = ["input", "inputs", "secrets", "variables", "env"]
            .iter()
            .find(|f| **f == name)
        {
            let field = if *field == "inputs" { "input" } else { field };
            let help = format!("workflow.{field}");
            return self.unresolved(
                codes::UNRESOLVED_TASK_REF,
                named,
                0,
                &format!("no task has the reference name `{name}`"),
                Some(&help),
            );
        }
        let near = self.nearest(name, self.scope.names().chain(["workflow"]));
        let message = format!("no task has the reference name `{name}`");
        if self.scope.dynamic
            && let Some(field) = named.name(1).filter(|field| TASK_FIELDS.contains(field))
        {
            let root = match field {
                "output" => Root::Output(name.to_owned()),
                _ => Root::TaskField {
                    step: name.to_owned(),
                    field: field.to_owned(),
                },
            };
            self.unresolved(
                codes::UNRESOLVED_TASK_REF,
                named,
                0,
                &message,
                near.as_deref(),
            );
            return self.path_over(Expr::root(root, named.span), named, 2);
        }
        self.unresolved(
            codes::UNRESOLVED_TASK_REF,
            named,
            0,
            &message,
            near.as_deref(),
        )
    }

    fn task_field(&mut self, named: &Named<'_>, task: &str) -> Expr {
        let Some(field) = named.name(1) else {
            let message = format!("`{}` is a whole task, not a value", named.text());
            return self.unresolved(codes::UNKNOWN_FIELD, named, 1, &message, Some("output"));
        };
        if !TASK_FIELDS.contains(&field) {
            let near = self.nearest(field, TASK_FIELDS);
            return self.unresolved(
                codes::UNKNOWN_FIELD,
                named,
                1,
                &format!("a task has no field `{field}`"),
                near.as_deref(),
            );
        }
        if self.site.filter && self.site.task.as_deref() == Some(task) {
            return self.own_answer(named);
        }
        self.check_order(named, task);
        if field == "output" {
            return self.task_output(named, task, 2);
        }
        if let Some(kind) = self.written_field(task, field) {
            return Expr::new(kind, named.span);
        }
        let root = match field {
            "input" => Root::Let(crate::conductor::read::task::input_name(task)),
            _ => Root::TaskField {
                step: task.to_owned(),
                field: field.to_owned(),
            },
        };
        self.path_over(Expr::root(root, named.span), named, 2)
    }

    /// A field of a task that the definition itself says. A task without a step of its own is done when the next one begins.
    fn written_field(&self, task: &str, field: &str) -> Option<ExprKind> {
        let info = self.scope.tasks.get(task)?;
        let reading = TaskType::find(&info.kind).and_then(TaskType::reading);
        let stepless = matches!(reading, Some(Reading::Join | Reading::ExclusiveJoin));
        let kind = match reading {
            Some(Reading::ForkJoin | Reading::ForkJoinDynamic) => "FORK",
            _ => info.kind.as_str(),
        };
        // The server's own control tasks have no definition, and so the name of their type.
        let is_control = matches!(
            reading,
            Some(
                Reading::Switch
                    | Reading::Decision
                    | Reading::ForkJoin
                    | Reading::ForkJoinDynamic
                    | Reading::Join
                    | Reading::ExclusiveJoin
            )
        );
        let text = |text: &str| Some(ExprKind::String(text.to_owned()));
        match field {
            "taskDefName" if is_control => text(kind),
            "taskDefName" => text(&info.name),
            "taskType" => text(kind),
            "referenceTaskName" => text(task),
            "status" if stepless => Some(self.joined_status(&info.output)),
            "iteration" if stepless => Some(match info.loops.last() {
                Some(looped) => ExprKind::Ref(Root::TaskField {
                    step: looped.clone(),
                    field: field.to_owned(),
                }),
                None => ExprKind::Number("0".to_owned()),
            }),
            "retryCount" | "callbackAfterSeconds" if stepless => {
                Some(ExprKind::Number("0".to_owned()))
            }
            _ => None,
        }
    }

    /// The status of a JOIN: it tells of tasks that failed and are optional.
    fn joined_status(&self, shape: &Shape) -> ExprKind {
        const WITH_ERRORS: &str = "COMPLETED_WITH_ERRORS";
        let text = |text: &str| Expr::string(text);
        let mut status = text("COMPLETED");
        let joined = match shape {
            Shape::Join(joined) => joined.as_slice(),
            _ => &[],
        };
        let optional = joined.iter().filter(|task| {
            let info = self.scope.tasks.get(*task);
            info.is_some_and(|info| info.is_optional)
        });
        for task in optional {
            let field = Root::TaskField {
                step: task.clone(),
                field: "status".to_owned(),
            };
            let members = vec![(WITH_ERRORS.to_owned(), text(WITH_ERRORS))];
            let members = Expr::new(ExprKind::Object(members), status.at);
            let own = Expr::new(ExprKind::Ref(field), status.at);
            let found = Expr::new(
                ExprKind::Call(Function::Member, vec![members, own]),
                status.at,
            );
            let at = status.at;
            status = Expr::new(
                ExprKind::Binary(Operator::Else, Box::new(found), Box::new(status)),
                at,
            );
        }
        status.kind
    }

    /// A task is known only after it ran.
    fn check_order(&mut self, named: &Named<'_>, task: &str) {
        let (Some(here), Some(info)) = (self.site.order, self.scope.tasks.get(task)) else {
            return;
        };
        let own = self.site.task.as_deref() == Some(task);
        // A loop sees its own rounds, and tasks of a loop see the round before.
        if (own && info.kind == "DO_WHILE") || self.site.loops.iter().any(|l| l == task) {
            return;
        }
        let shared_loop = info.loops.iter().any(|l| self.site.loops.contains(l));
        let (span, order) = (info.span, info.order);
        let beside = info.forks.iter().any(|(fork, branch)| {
            self.site
                .forks
                .iter()
                .any(|(f, b)| f == fork && b != branch)
        });
        if beside {
            self.report(
                Diagnostic::new(
                    codes::FORWARD_REFERENCE,
                    named.span,
                    format!("`{task}` belongs to another branch of the fork"),
                )
                .at("null unless it happens to be done already")
                .label(span, "runs at the same time")
                .help("read it behind the JOIN"),
            );
            return;
        }
        if own && shared_loop {
            self.report(
                Diagnostic::new(
                    codes::FORWARD_REFERENCE,
                    named.span,
                    format!("`{task}` reads what it gave in the round before"),
                )
                .at("null in the first round")
                .help("where that is meant, mind the first round")
                .severity(Severity::Warning),
            );
        } else if own {
            self.report(
                Diagnostic::new(
                    codes::FORWARD_REFERENCE,
                    named.span,
                    format!("`{task}` reads its own result before it has one"),
                )
                .at("null when this is read")
                .help("in an `outputFilter`, `$${` defers the reading until the answer is there"),
            );
        } else if order > here {
            let diagnostic = Diagnostic::new(
                codes::FORWARD_REFERENCE,
                named.span,
                format!("`{task}` has not run yet at this place"),
            )
            .at("null when this is read")
            .label(span, "runs later")
            .help("move the task before this one, or read another one");
            self.report(if shared_loop {
                diagnostic.severity(Severity::Warning)
            } else {
                diagnostic
            });
        }
    }

    /// `named` from a step on as a path over a value.
    pub(super) fn path_over(&mut self, value: Expr, named: &Named<'_>, from: usize) -> Expr {
        if named.ends(from) {
            return value;
        }
        let text = named.path_from(from);
        let roots = crate::conductor::read::reference::rooted::roots(&text);
        if !roots.is_empty() {
            return self.filtered_by(value, named, &text, &roots);
        }
        let place = Span {
            end: named.span.end.saturating_sub(1),
            ..named.span_of(from)
        };
        match self.json_path(named.path_from(from), place) {
            Some(path) => Expr::new(ExprKind::Path(Box::new(value), path), named.span),
            None => Expr::new(ExprKind::Null, named.span),
        }
    }

    /// Reports a name that is not there, with what it may have meant, and gives null in its place.
    pub(super) fn unresolved(
        &mut self,
        code: Code,
        named: &Named<'_>,
        step: usize,
        message: &str,
        near: Option<&str>,
    ) -> Expr {
        let span = named.span_of(step);
        let mut diagnostic = Diagnostic::new(code, span, message).at("null when this is read");
        if let Some(near) = near {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
            if named.base.is_some() && named.name(step).is_some() {
                let edit = Edit {
                    span,
                    text: near.to_owned(),
                };
                // The fields of a task and of an answer are Conductor's: a near miss of one can mean nothing else.
                let fixed = code == codes::UNKNOWN_FIELD
                    && TASK_FIELDS.iter().chain(&RESPONSE).any(|f| *f == near);
                diagnostic = diagnostic.fix(
                    format!("write `{near}`"),
                    fixed || near == "response",
                    vec![edit],
                );
            }
        }
        if self.scope.dynamic && code == codes::UNRESOLVED_TASK_REF {
            diagnostic = diagnostic
                .severity(Severity::Note)
                .note("a task that a fork makes at run time may have the name");
        }
        self.report(diagnostic);
        null(named.span)
    }

    /// `${workflow.secrets.NAME.path}`: the name ends at the first dot.
    fn secret(&mut self, rest: &str, rest_span: Span, span: Span) -> Expr {
        let rest = rest.trim_end();
        let (name, path) = rest
            .split_once('.')
            .map_or((rest, None), |(n, p)| (n, Some(p.to_owned())));
        if !crate::plan::name::is_secret_name(name) {
            self.report(
                Diagnostic::new(codes::BAD_NAME, rest_span, format!("`{name}` cannot be the name of a secret"))
                    .help("letters, digits, `_` and `-`, beginning with a letter or digit; segments are joined by `/`"),
            );
            return null(span);
        }
        if let Some(known) = &self.options.known_secrets
            && !known.iter().any(|k| k == name)
        {
            let near = self
                .nearest(name, known.iter().map(String::as_str))
                .map(|n| format!("did you mean `{n}`?"));
            self.report(
                Diagnostic::new(
                    codes::UNDECLARED_SECRET,
                    rest_span,
                    format!("no secret `{name}` is known"),
                )
                .help(near.unwrap_or_else(|| format!("store it with `rot vault set {name}`"))),
            );
        }
        self.use_secret(name, rest_span);
        let root = Root::Secret {
            name: name.to_owned(),
            field: path,
            version: crate::plan::Version::Current,
        };
        Expr::root(root, span)
    }

    /// The run as Conductor names it.
    pub(super) fn run_field(field: &str) -> Option<ExprKind> {
        Some(match field {
            "workflowId" => ExprKind::Ref(Root::Run(RunField::Id)),
            "workflowType" => ExprKind::Ref(Root::Run(RunField::Rotation)),
            "status" => ExprKind::Ref(Root::Run(RunField::Status)),
            "version" => ExprKind::Ref(Root::Run(RunField::Version)),
            "correlationId" => ExprKind::Ref(Root::Run(RunField::CorrelationId)),
            "reasonForIncompletion" => ExprKind::Ref(Root::Run(RunField::Reason)),
            "createTime" => ExprKind::Ref(Root::Run(RunField::StartedAt)),
            "schemaVersion" => ExprKind::Number("2".to_owned()),
            "parentWorkflowId" | "parentWorkflowTaskId" | "idempotencyKey" | "taskToDomain" => {
                ExprKind::Null
            }
            _ => return None,
        })
    }
}

/// What stands in for a reference that could not be resolved.
pub(super) fn null(span: Span) -> Expr {
    Expr::new(ExprKind::Null, span)
}
