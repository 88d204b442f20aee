//! Which keys Conductor knows, and reading fields the way Jackson does: null is absent, numbers and strings stand for each other.

use super::context::Reader;
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
