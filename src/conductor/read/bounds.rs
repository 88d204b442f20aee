//! Fields that hold a number or one of a few words. The server reads them before anything runs: no reference is filled in there.

use super::context::Reader;
use super::keys::{field, text_of};
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::json::Node;

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
