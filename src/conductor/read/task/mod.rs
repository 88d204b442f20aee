//! A task: what all kinds have in common, and which room reads which kind.

pub(super) mod do_while;
pub(super) mod dynamic;
pub(super) mod fork_join;
pub(super) mod http;
pub(super) mod http_poll;
pub(super) mod sub_workflow;
pub(super) mod switch;
pub(super) mod terminate;
pub(super) mod update_secret;
pub(super) mod wait;
pub(super) mod worker;

use crate::conductor::read::context::Reader;
use crate::conductor::read::scope::{Site, nested, reference_name, type_of};
use crate::conductor::read::shape::{
    self, MISPLACED_ON_TASK, TASK, field, flag_of, number_of, text_of,
};
use crate::conductor::task_type::{Reading, Support};
use crate::conductor::{TASK_TYPES, TaskType};
use crate::diagnostic::{Diagnostic, Edit, Severity, codes};
use crate::json::{Node, NodeKind};
use crate::plan::schedule::Dur;
use crate::plan::task::{
    Backoff, Let, Overdue, Retry, SetVariables, Step, Task, TimeLimit, Worker,
};
use crate::plan::{Expr, ExprKind};
use crate::source::Span;

/// Pause between attempts unless a task definition says otherwise.
const RETRY_DELAY_SECONDS: u64 = 60;
/// Attempts after the first of a task definition that says nothing.
const RETRY_COUNT: u64 = 3;
/// How long a task may wait for a word, unless its definition says otherwise.
const RESPONSE_SECONDS: u64 = 3600;
/// Fields of a task, besides its inputs, in which references are looked for.
const WITH_REFERENCES: [&str; 6] = [
    "expression",
    "caseExpression",
    "loopCondition",
    "scriptExpression",
    "sink",
    "items",
];

impl<'a> Reader<'a> {
    /// Reads a list of tasks.
    pub(super) fn block(&mut self, tasks: &'a [Node]) -> Vec<Step> {
        let mut steps = Vec::new();
        for (index, task) in tasks.iter().enumerate() {
            let next = tasks.get(index + 1);
            let previous = index.checked_sub(1).and_then(|i| tasks.get(i));
            steps.extend(self.kept_input(task));
            steps.extend(self.step(task, previous, next));
        }
        steps
    }

    fn step(
        &mut self,
        node: &'a Node,
        previous: Option<&Node>,
        next: Option<&'a Node>,
    ) -> Option<Step> {
        if !node.is_object() {
            self.wrong_type(node, "tasks", "a list of objects");
            return None;
        }
        let before = self.diagnostics.len();
        self.check_keys(node, TASK, "a task", MISPLACED_ON_TASK);
        self.check_kinds(node, shape::TASK_KINDS);
        self.check_about(node);
        if field(node, "name").is_none() {
            self.missing(node, "name", "the task", "give it a name, for people");
        }
        if field(node, "taskReferenceName").is_none() {
            self.missing(
                node,
                "taskReferenceName",
                "the task",
                "give it a unique reference name; outputs are found by it",
            );
        }
        let (name, span) = reference_name(node)?;
        let kind = type_of(node);
        self.check_name(&name, span);
        self.check_task_bounds(node);
        self.note_fallbacks(node);
        let outer = self.enter(&name);
        self.check_input_keys(node);
        for key in WITH_REFERENCES {
            if let Some(value) = field(node, key) {
                self.check_references(value);
            }
        }
        if let Some(events) = field(node, "onStateChange") {
            // Sent while the task runs and when it ends, so it may name the task itself.
            let order = self.site.order.take();
            self.check_references(events);
            self.site.order = order;
        }
        let task = match TaskType::find(&kind).map(|t| t.support) {
            Some(Support::Run(reading)) => self.read_task(node, &name, reading, (previous, next)),
            // A type that nobody knows is a worker's on a server, under the type's name.
            None if self.options.workers.contains(&kind) => self.worker(node, &kind),
            Some(Support::Instead(_)) if kind == "START_WORKFLOW" => {
                let started = self.start_workflow(node);
                started.or_else(|| self.not_run(node, &kind))
            }
            None | Some(Support::Instead(_)) => self.not_run(node, &kind),
        };
        // A task of which nothing could be made was reported; it stays a step, so that what it is given is followed.
        let task = task.or_else(|| {
            if matches!(kind.as_str(), "JOIN" | "EXCLUSIVE_JOIN") {
                return None;
            }
            if self.diagnostics.len() == before {
                self.wrong_type(node, &kind, "a task of this type");
            }
            self.elsewhere(node, &kind)
        });
        self.note_given(node, &name, &kind, task.as_ref());
        self.site = outer;
        let task = task?;
        let optional = is_optional(node);
        let start_delay = node
            .get("startDelay")
            .and_then(number_of)
            .filter(|s| *s > 0)
            .map(|s| Dur(s.saturating_mul(1000)));
        let leaf = matches!(
            task,
            Task::Http(_) | Task::Update(_) | Task::Call(_) | Task::Let(_) | Task::Worker(_)
        );
        // A server gives up an INLINE that failed at once.
        let again = kind.as_str() != "INLINE" && (leaf || matches!(task, Task::Wait(_)));
        let retry = if again { retry(node) } else { None };
        let timeout = time_limit(node, &task);
        // The polled call has the task's name, so that its output is found by it.
        let is_chosen = matches!(task, Task::Fork(_));
        let name = match kind.as_str() {
            "HTTP_POLL" => format!("poll {name}"),
            // The task that is chosen has the name.
            "DYNAMIC" | "SUB_WORKFLOW" if is_chosen => format!("choose {name}"),
            _ => name,
        };
        Some(Step {
            name,
            task,
            retry,
            optional,
            permissive: is_permissive(node),
            timeout,
            start_delay,
            at: span.into(),
        })
    }

    fn read_task(
        &mut self,
        node: &'a Node,
        name: &str,
        reading: Reading,
        (previous, next): (Option<&Node>, Option<&'a Node>),
    ) -> Option<Task> {
        match reading {
            Reading::Http => self.http(node),
            Reading::HttpPoll => self.http_poll(node, name),
            Reading::UpdateSecret => self.update_secret(node),
            Reading::SetVariable => self.set_variable(node),
            Reading::Switch => self.switch(node),
            Reading::Decision => self.decision(node),
            Reading::ForkJoin => self.fork_join(node, next),
            Reading::ForkJoinDynamic => self.fork_join_dynamic(node),
            Reading::Join | Reading::ExclusiveJoin => self.join(node, previous),
            Reading::DoWhile => self.do_while(node, name),
            Reading::SubWorkflow => self.sub_workflow(node),
            Reading::Wait => self.wait(node),
            Reading::Human => self.human(node),
            Reading::Terminate => self.terminate(node),
            Reading::Inline => self.inline_script(node, name),
            Reading::Lambda => self.lambda(node, name),
            Reading::JqTransform => self.jq_transform(node, name),
            Reading::SignedJwt => self.signed_jwt(node, name),
            Reading::Simple => self.simple(node),
            Reading::Dynamic => self.dynamic(node, name),
            // It sets nothing.
            Reading::Noop => Some(Task::SetVariables(SetVariables { values: Vec::new() })),
        }
    }

    /// What the definition of a task gives for inputs that turn out to be null, as it stands there. Those that the task leaves
    /// out were put in before (`desugar`).
    fn note_fallbacks(&mut self, node: &Node) {
        let (Some(template), Some(inputs)) = (
            crate::conductor::read::desugar::template(node),
            field(node, "inputParameters"),
        ) else {
            return;
        };
        for member in template.members() {
            let Some(given) = inputs.get(&member.key.text) else {
                continue;
            };
            let may_be_null = match &given.kind {
                NodeKind::Null => true,
                NodeKind::String(text) => text.text.contains("${"),
                _ => false,
            };
            if may_be_null && given.span != member.value.span {
                let fallback = Self::literal(&member.value);
                self.fallbacks.insert(given.span, fallback);
            }
        }
    }

    /// The input of a task as a value of its own, where something reads it (`${TASK.input…}`): as it is when the task begins,
    /// whatever is set later.
    fn kept_input(&mut self, node: &'a Node) -> Option<Step> {
        let (task, span) =
            reference_name(node).filter(|(name, _)| self.scope.inputs_read.contains(name))?;
        let outer = self.enter(&task);
        if type_of(node) == "DO_WHILE" {
            self.site.order = self.last_within(&task);
        }
        let mut value = match field(node, "inputParameters") {
            Some(inputs) => self.value(inputs),
            None => Expr::new(ExprKind::Object(Vec::new()), span),
        };
        // A server hands a workflow that is called what stands there as a whole.
        if let Some(param) =
            field(node, "subWorkflowParam").filter(|_| type_of(node) == "SUB_WORKFLOW")
        {
            let member = |name: &str, value| (name.to_owned(), value);
            let mut members = vec![member("workflowInput", value)];
            members.extend(
                field(param, "name").map(|name| member("subWorkflowName", self.value(name))),
            );
            members.extend(
                field(param, "version").map(|v| member("subWorkflowVersion", Self::literal(v))),
            );
            value = Expr::new(ExprKind::Object(members), span);
        }
        // It notes what a JOIN waits for among its inputs.
        if let (Some(joined), ExprKind::Object(members)) = (
            field(node, "joinOn").filter(|_| type_of(node) == "JOIN"),
            &mut value.kind,
        ) {
            members.push(("joinOn".to_owned(), Self::literal(joined)));
        }
        self.site = outer;
        let assign = Let {
            name: input_name(&task),
            value,
        };
        let optional = is_optional(node);
        Some(Step {
            name: format!("input of {task}"),
            task: Task::Let(assign),
            retry: None,
            optional,
            permissive: is_permissive(node),
            timeout: None,
            start_delay: None,
            at: span.into(),
        })
    }

    /// Makes `name` the current task; gives the place before, to go back to.
    fn enter(&mut self, name: &str) -> Site {
        let info = self.scope.tasks.get(name);
        let site = Site {
            task: Some(name.to_owned()),
            order: info
                .filter(|_| !self.scope.twice.contains(name))
                .map(|i| i.order),
            filter: false,
            loops: info.map(|i| i.loops.clone()).unwrap_or_default(),
            forks: info.map(|i| i.forks.clone()).unwrap_or_default(),
        };
        std::mem::replace(&mut self.site, site)
    }

    fn check_name(&mut self, name: &str, span: Span) {
        let diagnostic = if name == "workflow" {
            Diagnostic::new(
                codes::BAD_NAME,
                span,
                "a task named `workflow` hides the workflow's own fields from every reference",
            )
        } else if name.starts_with("failure ") {
            Diagnostic::new(
                codes::BAD_NAME,
                span,
                "names that begin with `failure ` are those of a failure workflow's tasks in the journal",
            )
            .only_elsewhere()
        } else if name.contains("__") {
            Diagnostic::new(
                codes::BAD_NAME,
                span,
                format!(
                    "the server cuts `{name}` at `__`, where it keeps the number of a loop's round"
                ),
            )
            .severity(Severity::Warning)
        } else {
            return;
        };
        self.report(diagnostic.help("choose another `taskReferenceName`"));
    }

    /// A task that is not run here. What stands in it is checked all the same.
    fn not_run(&mut self, node: &'a Node, kind: &str) -> Option<Task> {
        let place = field(node, "type").unwrap_or(node);
        let span = if std::ptr::eq(place, node) {
            reference_name(node).map_or(node.span, |(_, s)| s)
        } else {
            place.span
        };
        if let Some(instead) = TaskType::find(kind).and_then(TaskType::instead) {
            self.unsupported(
                span,
                &format!("tasks of the type {kind} are not run here"),
                instead,
            );
        } else {
            let known = TASK_TYPES.iter().map(|t| t.name);
            let found = Diagnostic::new(
                codes::UNKNOWN_TASK_TYPE,
                span,
                format!("no task has the type `{kind}`"),
            )
            .at("a server would wait for ever for a worker of this type");
            let written = place.as_string().map(crate::json::JsonString::inner_span);
            self.report(match self.nearest(kind, known) {
                // It never ran as it stands, so that nothing that works is changed.
                Some(near) => found
                    .help(format!("did you mean `{near}`?"))
                    .fix_if(
                        format!("write `{near}`"),
                        true,
                        written.map(|span| vec![Edit { span, text: near.clone() }]),
                    ),
                // A server queues it for a worker of that type.
                None => found
                    .help(format!(
                        "a worker's own type is declared in rot.toml: `[workers]`, then `{kind} = [\"program\"]`; the types that are run: {}",
                        TaskType::run_here().collect::<Vec<_>>().join(", ")
                    ))
                    .only_elsewhere(),
            });
        }
        self.check_needs(node, kind);
        self.check_not_run(node, kind);
        for list in nested(node) {
            self.block(list);
        }
        // What it is given is in what it gives: so the flows around it are seen.
        self.elsewhere(node, kind)
    }

    /// A task of which a server knows what it does.
    pub(super) fn elsewhere(&mut self, node: &'a Node, kind: &str) -> Option<Task> {
        let name = field(node, "name").and_then(text_of).unwrap_or_default();
        let Some(Task::Worker(worker)) = self.worker(node, &name) else {
            return None;
        };
        let mut input = worker.input;
        // Where an event goes stands beside what it is given, and is kept and shown as that is.
        if let (ExprKind::Object(members), Some(sink)) = (&mut input.kind, field(node, "sink"))
            && sink.as_str().is_some_and(|text| text.contains("${"))
        {
            members.push(("sink".to_owned(), self.value(sink)));
        }
        Some(Task::Worker(Worker {
            kind: Some(kind.to_owned()),
            timeout: None,
            input,
            ..worker
        }))
    }

    /// Resolves the references of a task's inputs for their findings alone.
    pub(super) fn check_inputs(&mut self, node: &Node) {
        if let Some(inputs) = field(node, "inputParameters") {
            self.check_references(inputs);
        }
    }

    /// Says that something cannot be run, and what can.
    pub(super) fn unsupported(&mut self, span: Span, message: &str, instead: &str) {
        self.report(
            Diagnostic::new(codes::UNSUPPORTED_TASK, span, message)
                .help(instead.to_owned())
                .only_elsewhere(),
        );
    }
}

/// The bound of a task's definition on an attempt. A server looks at the clock between its own steps: it holds where a task
/// waits for something, not within one request. `responseTimeoutSeconds` holds for WAIT alone, and an hour unless said.
fn time_limit(node: &Node, task: &Task) -> Option<TimeLimit> {
    if !matches!(
        task,
        Task::Wait(_) | Task::Call(_) | Task::Repeat(_) | Task::ForEach(_)
    ) {
        return None;
    }
    let definition = field(node, "taskDefinition").filter(|d| d.is_object())?;
    let seconds = |key: &str| field(definition, key).and_then(number_of);
    let then = match field(definition, "timeoutPolicy")
        .and_then(text_of)
        .as_deref()
    {
        Some("RETRY") => Overdue::Retry,
        Some("ALERT_ONLY") => Overdue::Note,
        _ => Overdue::Stop,
    };
    let own = seconds("timeoutSeconds")
        .filter(|s| *s > 0)
        .map(|after| (after, then));
    let response = Some(seconds("responseTimeoutSeconds").unwrap_or(RESPONSE_SECONDS))
        .filter(|s| *s > 0 && matches!(task, Task::Wait(_)));
    let response = response.map(|after| (after, Overdue::Retry));
    let (after, then) = match (own, response) {
        // A server takes an hour back to the shorter bound: the alert is followed by the end.
        (Some((own, Overdue::Note)), Some((response, then))) => (own.min(response), then),
        _ => own
            .into_iter()
            .chain(response)
            .min_by_key(|(after, _)| *after)?,
    };
    Some(TimeLimit {
        after: Dur(after.saturating_mul(1000)),
        then,
    })
}

fn is_optional(node: &Node) -> bool {
    is_permissive(node) || says(node, "optional")
}

/// `optional` says more.
fn is_permissive(node: &Node) -> bool {
    says(node, "permissive") && !says(node, "optional")
}

fn says(node: &Node, key: &str) -> bool {
    node.get(key).and_then(flag_of) == Some(true)
}

/// The name of the value that a task's input is kept in.
pub(super) fn input_name(task: &str) -> String {
    format!("{task}.input")
}

/// The retries that a task or the definition within it asks for. A task without either is tried once.
fn retry(node: &Node) -> Option<Retry> {
    let definition = field(node, "taskDefinition").filter(|d| d.is_object());
    let of = |key: &str| definition.and_then(|d| field(d, key));
    let own = field(node, "retryCount").and_then(number_of);
    let count = own
        .or_else(|| {
            definition.map(|d| {
                field(d, "retryCount")
                    .and_then(number_of)
                    .unwrap_or(RETRY_COUNT)
            })
        })
        .unwrap_or(0);
    if count == 0 {
        return None;
    }
    let backoff = match of("retryLogic").and_then(text_of).as_deref() {
        Some("LINEAR_BACKOFF") => Backoff::Linear,
        Some("EXPONENTIAL_BACKOFF") => Backoff::Exponential,
        _ => Backoff::Fixed,
    };
    let seconds = of("retryDelaySeconds")
        .and_then(number_of)
        .unwrap_or(RETRY_DELAY_SECONDS);
    let scale = if backoff == Backoff::Linear {
        of("backoffScaleFactor")
            .and_then(number_of)
            .unwrap_or(1)
            .max(1)
    } else {
        1
    };
    let max_delay = of("maxRetryDelaySeconds")
        .and_then(number_of)
        .filter(|s| *s > 0)
        .map(|s| Dur(s.saturating_mul(1000)));
    Some(Retry {
        count: u32::try_from(count).unwrap_or(u32::MAX),
        delay: Dur(seconds.saturating_mul(scale).saturating_mul(1000)),
        backoff,
        max_delay,
    })
}

impl<'a> Reader<'a> {
    pub(super) fn set_variable(&mut self, node: &'a Node) -> Option<Task> {
        let inputs = self.inputs_of(node, "SET_VARIABLE", "each input is a variable")?;
        match self.value(inputs).kind {
            ExprKind::Object(values) => Some(Task::SetVariables(SetVariables { values })),
            _ => None,
        }
    }
}
