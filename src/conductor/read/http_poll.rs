//! HTTP_POLL: the same call until a condition over its answer holds.

use super::context::Reader;
use super::keys::{field, number_of, text_of};
use super::script::Purpose;
use crate::json::Node;
use crate::plan::schedule::Dur;
use crate::plan::task::{Backoff, Repeat, Step, Task};
use crate::plan::{Expr, ExprKind, Function, Root};

/// Keys beside those of an HTTP request.
pub(super) const KEYS: [&str; 4] = [
    "terminationCondition",
    "pollingInterval",
    "pollingStrategy",
    "maxPollCount",
];
/// Pause between two polls unless said.
const INTERVAL_SECONDS: u64 = 60;
/// Polls unless said.
const MAX_POLLS: u64 = 1000;

impl<'a> Reader<'a> {
    pub(super) fn http_poll(&mut self, node: &'a Node, name: &str) -> Option<Task> {
        let http = self.http(node)?;
        let inputs = field(node, "inputParameters")?;
        let of = |key: &str| {
            field(inputs, "http_request")
                .and_then(|r| field(r, key))
                .or_else(|| field(inputs, key))
        };
        let Some(condition) = of("terminationCondition").filter(|c| c.as_str().is_some()) else {
            self.missing(
                inputs,
                "terminationCondition",
                "the HTTP_POLL task",
                "a script such as `$.output.response.body.status === 'done'`",
            );
            return None;
        };
        let seconds = of("pollingInterval")
            .and_then(number_of)
            .unwrap_or(INTERVAL_SECONDS);
        let backoff = match of("pollingStrategy").and_then(text_of).as_deref() {
            Some("LINEAR_BACKOFF") => Backoff::Linear,
            Some("EXPONENTIAL_BACKOFF") => Backoff::Exponential,
            _ => Backoff::Fixed,
        };
        let at_most = of("maxPollCount")
            .and_then(number_of)
            .unwrap_or(MAX_POLLS)
            .max(1);
        let span = condition.span;
        let output = Expr::root(Root::Output(name.to_owned()), span);
        let document = Expr::new(
            ExprKind::Object(vec![("output".to_owned(), output.clone())]),
            span,
        );
        let members = vec![("output".to_owned(), output), (name.to_owned(), document)];
        let input = Expr::new(ExprKind::Object(members), span);
        // The condition is a script of its own; no reference of it is resolved before the call.
        self.check_script(
            condition,
            &["output", "input", name],
            None,
            Purpose::Decision,
        );
        let script = Expr::new(
            ExprKind::String(condition.as_str().unwrap_or_default().to_owned()),
            span,
        );
        let until = Expr::new(
            ExprKind::Call(Function::JavaScript, vec![script, input]),
            span,
        );
        let (_, at) = super::scope::reference_name(node)?;
        let step = Step {
            name: name.to_owned(),
            task: http,
            retry: None,
            optional: false,
            permissive: false,
            timeout: None,
            start_delay: None,
            at: at.into(),
        };
        Some(Task::Repeat(Repeat {
            steps: vec![step],
            until,
            at_most: u32::try_from(at_most).unwrap_or(u32::MAX),
            every: Some(Dur(seconds.saturating_mul(1000))),
            backoff,
            keep_last: None,
        }))
    }
}
