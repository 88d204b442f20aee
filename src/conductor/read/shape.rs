//! The shape that a server accepts: which keys it knows, which kind of value each field holds, and the bounds of numbers and words.
//!
//! Fields are read the way Jackson does: null is absent; numbers, booleans and strings of them stand for each other; nothing stands
//! for a list or an object. Numbers and words of a definition are read before anything runs: no reference is filled in there.

use super::context::Reader;
use crate::conductor::template::{self, Mode};
use crate::diagnostic::{Diagnostic, Edit, Severity, codes};
use crate::json::{JsonString, Node, NodeKind};

/// Fields of a workflow definition.
pub(crate) const WORKFLOW: &[&str] = &[
    "name",
    "description",
    "version",
    "tasks",
    "inputParameters",
    "outputParameters",
    "inputTemplate",
    "variables",
    "failureWorkflow",
    "failureWorkflowVersion",
    "schemaVersion",
    "restartable",
    "ownerEmail",
    "timeoutPolicy",
    "timeoutSeconds",
    "workflowStatusListenerEnabled",
    "workflowStatusListenerSink",
    "rateLimitConfig",
    "inputSchema",
    "outputSchema",
    "enforceSchema",
    "metadata",
    "cacheConfig",
    "maskedFields",
    "ownerApp",
    "createTime",
    "updateTime",
    "createdBy",
    "updatedBy",
    "overwriteTags",
    "onStateChange",
    "tags",
];

/// Fields of a task.
pub(crate) const TASK: &[&str] = &[
    "name",
    "taskReferenceName",
    "description",
    "type",
    "inputParameters",
    "optional",
    "permissive",
    "startDelay",
    "retryCount",
    "taskDefinition",
    "asyncComplete",
    "dynamicTaskNameParam",
    "caseValueParam",
    "caseExpression",
    "evaluatorType",
    "expression",
    "decisionCases",
    "defaultCase",
    "forkTasks",
    "joinOn",
    "defaultExclusiveJoinTask",
    "joinMode",
    "joinStatus",
    "dynamicForkTasksParam",
    "dynamicForkTasksInputParamName",
    "dynamicForkJoinTasksParam",
    "loopCondition",
    "loopOver",
    "items",
    "subWorkflowParam",
    "sink",
    "scriptExpression",
    "rateLimited",
    "cacheConfig",
    "onStateChange",
    "metadata",
];

/// Keys of an HTTP request.
pub(crate) const HTTP: &[&str] = &[
    "uri",
    "method",
    "headers",
    "body",
    "accept",
    "contentType",
    "connectionTimeOut",
    "readTimeOut",
    "vipAddress",
    "appName",
    "asyncComplete",
    "encode",
    "hedgingConfig",
    "acceptedStatusCodes",
    "outputFilter",
    "cacheConfig",
    "http_request",
    "oauthConsumerKey",
    "oauthConsumerSecret",
];

/// Fields that public definitions write on a task, and where they belong; the server drops them.
pub(super) const MISPLACED_ON_TASK: &[(&str, &str)] = &[
    ("retryLogic", "`taskDefinition`"),
    ("retryDelaySeconds", "`taskDefinition`"),
    ("backoffScaleFactor", "`taskDefinition`"),
    ("timeoutSeconds", "`taskDefinition`"),
    ("timeoutPolicy", "`taskDefinition`"),
    ("responseTimeoutSeconds", "`taskDefinition`"),
    ("outputParameters", "the workflow"),
    ("outputFilter", "`inputParameters`"),
    ("http_request", "`inputParameters`"),
    ("uri", "`inputParameters`"),
    ("_secrets", "`inputParameters`"),
    ("maskedFields", "the workflow"),
];

/// Keys that hide values: a near miss of one shows what was to be hidden.
pub(super) const MASKING: [&str; 4] = ["outputFilter", "_secrets", "_masked", "maskedFields"];

/// The value of `key`, unless it is absent or null.
pub(super) fn field<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    node.get(key).filter(|n| !n.is_null())
}

/// The value of a masking key, or of what is nearly one.
pub(super) fn masking_field<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    let meant = || {
        node.members()
            .iter()
            .find(|m| near_masking(&m.key.text) == Some(key))
            .map(|m| &m.value)
    };
    field(node, key).or_else(|| meant().filter(|n| !n.is_null()))
}

/// A string, number or boolean as text.
pub(super) fn text_of(node: &Node) -> Option<String> {
    match &node.kind {
        NodeKind::String(string) => Some(string.text.clone()),
        NodeKind::Number(raw) => Some(raw.clone()),
        NodeKind::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// A whole number that is not negative, or a string of one.
pub(super) fn number_of(node: &Node) -> Option<u64> {
    let text = text_of(node)?;
    let text = text.trim();
    text.parse()
        .ok()
        .or_else(|| text.strip_suffix(".0").and_then(|t| t.parse().ok()))
}

/// A boolean, or a string of one; a number is true unless it is 0.
pub(super) fn flag_of(node: &Node) -> Option<bool> {
    if let NodeKind::Number(_) = &node.kind {
        return number_of(node).map(|n| n != 0);
    }
    match text_of(node)?.as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// The masking key that `key` is at most two changes away from, without being it.
pub(super) fn near_masking(key: &str) -> Option<&'static str> {
    if key == "_outputFilters" {
        return Some("outputFilter");
    }
    if MASKING.contains(&key) {
        return None;
    }
    let near = |m: &str| may_be_near(m, key) && strsim::damerau_levenshtein(m, key) <= 2;
    MASKING
        .into_iter()
        .find(|m| m.eq_ignore_ascii_case(key) || near(m))
}

/// Whether two texts can be two changes apart at all: a change adds, takes or replaces one letter, or swaps two. Nearly every key is
/// told from a masking key by this alone.
fn may_be_near(a: &str, b: &str) -> bool {
    let letters = |text: &str| text.bytes().fold(0_u64, |set, b| set | 1 << (b & 63));
    !b.is_ascii() || a.len().abs_diff(b.len()) <= 2 && (letters(a) ^ letters(b)).count_ones() <= 4
}

impl Reader<'_> {
    /// Reports the keys of an object that Conductor does not know there.
    pub(super) fn check_keys(
        &mut self,
        node: &Node,
        known: &[&str],
        what: &str,
        misplaced: &[(&str, &str)],
    ) {
        for member in node.members() {
            let key = &member.key;
            if known.contains(&key.text.as_str()) {
                continue;
            }
            if let Some((_, home)) = misplaced.iter().find(|(name, _)| *name == key.text) {
                let severity = if MASKING.contains(&key.text.as_str()) {
                    Severity::Error
                } else {
                    Severity::Warning
                };
                self.report(
                    Diagnostic::new(
                        codes::UNKNOWN_KEY,
                        key.span,
                        format!("`{}` is no field of {what}, the server drops it", key.text),
                    )
                    .at("has no effect here")
                    .help(format!("move it to {home}"))
                    .severity(severity),
                );
            } else if key.text == "callbackFromWorker" {
                self.report(
                    Diagnostic::new(
                        codes::UNKNOWN_KEY,
                        key.span,
                        "`callbackFromWorker` is an obsolete field, which the server ignores",
                    )
                    .help("remove it")
                    .severity(Severity::Note),
                );
            } else {
                self.unknown_key(key, known, what);
            }
        }
    }

    fn unknown_key(&mut self, key: &JsonString, known: &[&str], what: &str) {
        let masking = near_masking(&key.text);
        let near = masking.or_else(|| {
            self.nearest(&key.text, known.iter().copied())
                .and_then(|n| known.iter().find(|k| **k == n).copied())
        });
        let diagnostic = match masking {
            Some(wanted) => masking_typo(key, wanted),
            None => Diagnostic::new(
                codes::UNKNOWN_KEY,
                key.span,
                format!("{what} has no field `{}`, the server drops it", key.text),
            )
            .at("has no effect"),
        };
        self.report(match near {
            Some(name) => with_rename(diagnostic, key, name),
            None => diagnostic.help("remove it, or check its spelling"),
        });
    }

    /// Reports near misses of `_secrets` and `_masked` among names that the author may choose freely.
    pub(super) fn check_free_keys(&mut self, node: &Node) {
        for member in node.members() {
            if member.key.text.starts_with('_')
                && !MASKING.contains(&member.key.text.as_str())
                && let Some(wanted) = near_masking(&member.key.text)
            {
                self.report(with_rename(
                    masking_typo(&member.key, wanted),
                    &member.key,
                    wanted,
                ));
            }
        }
    }

    /// Reports a near miss of `outputFilter` among inputs that the author may name freely.
    pub(super) fn check_filter_spelling(&mut self, node: &Node) {
        for member in node.members() {
            if near_masking(&member.key.text) == Some("outputFilter") {
                self.report(with_rename(
                    masking_typo(&member.key, "outputFilter"),
                    &member.key,
                    "outputFilter",
                ));
            }
        }
    }

    /// Says that a field is missing.
    pub(super) fn missing(&mut self, node: &Node, key: &str, what: &str, help: &str) {
        let span = crate::source::Span {
            end: node.span.start.saturating_add(1).min(node.span.end),
            ..node.span
        };
        self.report(
            Diagnostic::new(
                codes::MISSING_REQUIRED,
                span,
                format!("{what} has no `{key}`"),
            )
            .at("in this object")
            .help(help.to_owned()),
        );
    }

    /// Says that a value has the wrong form.
    pub(super) fn wrong_type(&mut self, node: &Node, key: &str, wanted: &str) {
        self.report(
            Diagnostic::new(
                codes::TYPE_MISMATCH,
                node.span,
                format!("`{key}` must be {wanted}, this is {}", node.describe()),
            )
            .at(format!("expected {wanted}")),
        );
    }
}

fn masking_typo(key: &JsonString, wanted: &str) -> Diagnostic {
    Diagnostic::new(
        codes::UNKNOWN_KEY,
        key.span,
        format!("`{}` hides nothing: the key is `{wanted}`", key.text),
    )
    .at("the server does not know this key")
    .note("what stands under it is shown and stored in clear")
    .severity(Severity::Error)
}

fn with_rename(diagnostic: Diagnostic, key: &JsonString, name: &str) -> Diagnostic {
    diagnostic.help(format!("write `{name}`")).fix(
        format!("write `{name}`"),
        false,
        vec![Edit {
            span: key.inner_span(),
            text: name.to_owned(),
        }],
    )
}

/// What may stand in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A string, or what is read as one.
    Text,
    /// A script, or the name of something: a string. A server reads a number there as its digits, which nobody means.
    Code,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Whole,
    /// An object.
    Object,
    /// An object, or a string that is resolved to one.
    ObjectOrReference,
    /// A list.
    List,
    /// A list of strings.
    Texts,
    /// An object of lists.
    Lists,
}

/// Fields of a workflow; those that are read for more than their kind are checked where that happens.
pub(super) const WORKFLOW_KINDS: &[(&str, Kind)] = &[
    ("name", Kind::Text),
    ("description", Kind::Text),
    ("tasks", Kind::List),
    ("outputParameters", Kind::Object),
    ("inputTemplate", Kind::Object),
    ("failureWorkflow", Kind::Text),
    ("restartable", Kind::Flag),
    ("ownerEmail", Kind::Text),
    ("ownerApp", Kind::Text),
    ("workflowStatusListenerEnabled", Kind::Flag),
    ("workflowStatusListenerSink", Kind::Text),
    ("rateLimitConfig", Kind::Object),
    ("inputSchema", Kind::Object),
    ("outputSchema", Kind::Object),
    ("enforceSchema", Kind::Flag),
    ("metadata", Kind::Object),
    ("cacheConfig", Kind::Object),
    ("createTime", Kind::Whole),
    ("updateTime", Kind::Whole),
    ("createdBy", Kind::Text),
    ("updatedBy", Kind::Text),
];

/// Fields of a task.
pub(super) const TASK_KINDS: &[(&str, Kind)] = &[
    ("name", Kind::Text),
    ("taskReferenceName", Kind::Text),
    ("description", Kind::Text),
    ("type", Kind::Text),
    ("inputParameters", Kind::Object),
    ("optional", Kind::Flag),
    ("permissive", Kind::Flag),
    ("taskDefinition", Kind::Object),
    ("asyncComplete", Kind::Flag),
    ("dynamicTaskNameParam", Kind::Code),
    ("caseValueParam", Kind::Code),
    ("caseExpression", Kind::Code),
    ("evaluatorType", Kind::Text),
    ("expression", Kind::Code),
    ("decisionCases", Kind::Lists),
    ("defaultCase", Kind::List),
    ("forkTasks", Kind::List),
    ("joinOn", Kind::List),
    ("defaultExclusiveJoinTask", Kind::Texts),
    ("joinMode", Kind::Text),
    ("joinStatus", Kind::Text),
    ("dynamicForkTasksParam", Kind::Code),
    ("dynamicForkTasksInputParamName", Kind::Code),
    ("dynamicForkJoinTasksParam", Kind::Code),
    ("loopCondition", Kind::Code),
    ("loopOver", Kind::List),
    ("subWorkflowParam", Kind::Object),
    ("sink", Kind::Text),
    ("scriptExpression", Kind::Code),
    ("rateLimited", Kind::Flag),
    ("cacheConfig", Kind::Object),
    ("onStateChange", Kind::Object),
    ("metadata", Kind::Object),
];

/// Fields of `subWorkflowParam`.
pub(super) const SUB_WORKFLOW_KINDS: &[(&str, Kind)] = &[
    ("name", Kind::Text),
    ("version", Kind::Whole),
    ("taskToDomain", Kind::Object),
    ("workflowDefinition", Kind::ObjectOrReference),
    ("idempotencyKey", Kind::Text),
    ("idempotencyStrategy", Kind::Text),
    ("priority", Kind::Whole),
];

/// Fields of a start request.
pub(super) const START_REQUEST_KINDS: &[(&str, Kind)] = &[
    ("name", Kind::Text),
    ("version", Kind::Whole),
    ("correlationId", Kind::Text),
    ("input", Kind::Object),
    ("taskToDomain", Kind::Object),
    ("workflowDef", Kind::Object),
    ("priority", Kind::Whole),
    ("createdBy", Kind::Text),
    ("idempotencyKey", Kind::Text),
    ("idempotencyStrategy", Kind::Text),
];

/// Fields of a schedule.
pub(super) const SCHEDULE_KINDS: &[(&str, Kind)] = &[
    ("name", Kind::Text),
    ("description", Kind::Text),
    ("cronExpression", Kind::Text),
    ("zoneId", Kind::Text),
    ("cronSchedules", Kind::List),
    ("runCatchupScheduleInstances", Kind::Flag),
    ("paused", Kind::Flag),
    ("pausedReason", Kind::Text),
    ("startWorkflowRequest", Kind::Object),
    ("scheduleStartTime", Kind::Whole),
    ("scheduleEndTime", Kind::Whole),
];

impl Kind {
    /// In words, behind "must be".
    fn words(self) -> &'static str {
        match self {
            Kind::Text | Kind::Code => "a string",
            Kind::Flag => "true or false",
            Kind::Whole => "a whole number",
            Kind::Object => "an object",
            Kind::ObjectOrReference => "an object, or a reference to one",
            Kind::List => "a list",
            Kind::Texts => "a list of strings",
            Kind::Lists => "an object of lists",
        }
    }

    /// The first value within a field that is of another kind.
    fn fault(self, node: &Node) -> Option<&Node> {
        let own = |fits: bool| (!fits).then_some(node);
        match self {
            Kind::Text | Kind::Code => own(text_of(node).is_some()),
            Kind::Flag => own(matches!(&node.kind, NodeKind::Bool(_))
                || flag_of(node).is_some()
                || node.as_str().is_some_and(|t| {
                    matches!(
                        t.trim().to_ascii_lowercase().as_str(),
                        "true" | "false" | ""
                    )
                })),
            Kind::Whole => own(whole(node).is_some()),
            Kind::Object => own(node.is_object()),
            Kind::ObjectOrReference => own(node.is_object() || is_reference(node)),
            Kind::List => own(node.is_array()),
            Kind::Texts if node.is_array() => {
                node.items().iter().find(|item| text_of(item).is_none())
            }
            Kind::Lists if node.is_object() => node
                .members()
                .iter()
                .map(|m| &m.value)
                .find(|v| !v.is_array()),
            Kind::Texts | Kind::Lists => Some(node),
        }
    }
}

/// Whether a value is a string that is one reference: what comes of it is known at run time.
pub(super) fn is_reference(node: &Node) -> bool {
    node.as_str()
        .is_some_and(|text| template::parse(text, Mode::Now).whole().is_some())
}

impl Reader<'_> {
    /// Reports the fields of an object that hold a value of another kind than a server reads there.
    pub(super) fn check_kinds(&mut self, node: &Node, kinds: &[(&str, Kind)]) {
        for member in node.members().iter().filter(|m| !m.value.is_null()) {
            let Some((key, kind)) = kinds.iter().find(|(key, _)| *key == member.key.text) else {
                continue;
            };
            if let Some(fault) = kind.fault(&member.value) {
                self.wrong_type(fault, key, kind.words());
            } else if *kind == Kind::Code {
                self.check_code(&member.value, key);
            } else if *kind == Kind::Flag && matches!(member.value.kind, NodeKind::Number(_)) {
                self.report(
                    Diagnostic::new(
                        codes::TYPE_MISMATCH,
                        member.value.span,
                        format!("`{key}` is true or false, this is a number"),
                    )
                    .at("a server reads 0 as false and every other number as true")
                    .help("write `true` or `false`")
                    .severity(Severity::Warning),
                );
            }
        }
    }

    /// As [`Self::check_kinds`] for inputs of a task, which a server fills in first: what is one reference may become anything.
    pub(super) fn check_input_kinds(&mut self, node: &Node, kinds: &[(&str, Kind)]) {
        for (key, kind) in kinds {
            let value = field(node, key).filter(|v| !is_reference(v));
            if let Some(fault) = value.and_then(|v| kind.fault(v)) {
                self.wrong_type(fault, key, kind.words());
            } else if *kind == Kind::Code
                && let Some(value) = value
            {
                self.check_code(value, key);
            }
        }
    }

    /// Reports a script or a name that is no string: it is read as one, and means something that nobody wrote.
    pub(super) fn check_code(&mut self, node: &Node, key: &str) {
        if node.as_str().is_some() || text_of(node).is_none() {
            return;
        }
        self.report(
            Diagnostic::new(
                codes::TYPE_MISMATCH,
                node.span,
                format!("`{key}` holds text, this is none"),
            )
            .at("a server reads it as the text that is spelled like it")
            .help("write the name or the script, in quotes")
            .severity(Severity::Warning),
        );
    }
}

const TASK_NUMBERS: [&str; 2] = ["retryCount", "startDelay"];
const DEFINITION_NUMBERS: [&str; 11] = [
    "backoffJitterMs",
    "pollTimeoutSeconds",
    "concurrentExecLimit",
    "rateLimitPerFrequency",
    "retryCount",
    "retryDelaySeconds",
    "timeoutSeconds",
    "responseTimeoutSeconds",
    "totalTimeoutSeconds",
    "backoffScaleFactor",
    "maxRetryDelaySeconds",
];
const WORKFLOW_NUMBERS: [&str; 3] = ["version", "timeoutSeconds", "failureWorkflowVersion"];

impl Reader<'_> {
    /// The fields of a workflow.
    pub(super) fn check_workflow_bounds(&mut self, node: &Node) {
        self.check_numbers(node, &WORKFLOW_NUMBERS);
        self.check_word(node, "timeoutPolicy", &["TIME_OUT_WF", "ALERT_ONLY"]);
    }

    /// The fields of a task and of the definition within it.
    pub(super) fn check_task_bounds(&mut self, node: &Node) {
        self.check_numbers(node, &TASK_NUMBERS);
        let Some(definition) = field(node, "taskDefinition").filter(|d| d.is_object()) else {
            return;
        };
        self.check_numbers(definition, &DEFINITION_NUMBERS);
        self.check_word(
            definition,
            "timeoutPolicy",
            &["RETRY", "TIME_OUT_WF", "ALERT_ONLY"],
        );
        self.check_word(
            definition,
            "retryLogic",
            &["FIXED", "LINEAR_BACKOFF", "EXPONENTIAL_BACKOFF"],
        );
        let seconds = |key: &str| field(definition, key).and_then(whole).filter(|n| *n > 0);
        if let (Some(response), Some(total)) =
            (seconds("responseTimeoutSeconds"), seconds("timeoutSeconds"))
            && response > total
            && let Some(place) = field(definition, "responseTimeoutSeconds")
        {
            self.report(
                Diagnostic::new(
                    codes::BAD_VALUE,
                    place.span,
                    "`responseTimeoutSeconds` is longer than `timeoutSeconds`",
                )
                .at("a task that says nothing is waited for longer than it may take")
                .help(format!("at most {total}"))
                .severity(Severity::Warning),
            );
        }
    }

    fn check_numbers(&mut self, node: &Node, keys: &[&str]) {
        for key in keys {
            let Some(value) = field(node, key) else {
                continue;
            };
            match whole(value) {
                None => self.wrong_type(value, key, "a whole number that is written out"),
                Some(number) if number < 0 => self.report(
                    Diagnostic::new(
                        codes::BAD_VALUE,
                        value.span,
                        format!("`{key}` cannot be negative"),
                    )
                    .at("a server refuses the definition")
                    .help("0 or more"),
                ),
                Some(_) => {}
            }
        }
    }

    fn check_word(&mut self, node: &Node, key: &str, words: &[&str]) {
        let Some(value) = field(node, key) else {
            return;
        };
        let Some(text) = text_of(value) else {
            return self.wrong_type(value, key, "a string");
        };
        if !words.contains(&text.as_str()) {
            let near = self
                .nearest(&text, words.iter().copied())
                .map(|n| format!("did you mean `{n}`?"));
            self.report(
                Diagnostic::new(
                    codes::BAD_VALUE,
                    value.span,
                    format!("`{key}` cannot be `{text}`"),
                )
                .at("a server refuses the definition")
                .help(near.unwrap_or_else(|| format!("one of {}", words.join(", ")))),
            );
        }
    }
}

/// A whole number, or a string of one.
pub(super) fn whole(node: &Node) -> Option<i64> {
    let text = text_of(node)?;
    let text = text.trim();
    text.parse().ok().or_else(|| {
        text.parse::<f64>()
            .ok()
            .filter(|n| n.fract() == 0.0 && n.abs() < 1e15)
            .map(|n| n as i64)
    })
}
