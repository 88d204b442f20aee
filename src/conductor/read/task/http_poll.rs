//! HTTP_POLL: the same call until a condition over its answer holds.

use crate::conductor::read::context::Reader;
use crate::conductor::read::output::RESPONSE;
use crate::conductor::read::script::Purpose;
use crate::conductor::read::script::slips;
use crate::conductor::read::shape::{field, number_of, text_of};
use crate::diagnostic::{Diagnostic, codes};
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
        self.check_poll_paths(node, condition);
        let script = Expr::new(
            ExprKind::String(condition.as_str().unwrap_or_default().to_owned()),
            span,
        );
        let until = Expr::new(
            ExprKind::Call(Function::JavaScript, vec![script, input]),
            span,
        );
        let (_, at) = crate::conductor::read::scope::reference_name(node)?;
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

    /// Paths of the condition into an answer that has no such part.
    fn check_poll_paths(&mut self, node: &Node, condition: &Node) {
        // A filter says what is there.
        if self.capture_places(node).is_some() {
            return;
        }
        let text = condition.as_str().unwrap_or_default();
        for path in slips::look(text, false, true).paths {
            let mut names = path.iter().map(String::as_str);
            let (first, second, third) = (names.next(), names.next(), names.next());
            let (part, known, message) = match (first, second, third) {
                (Some("output"), Some("response"), Some(part)) if !RESPONSE.contains(&part) => {
                    (part, &RESPONSE[..], format!("a response has no `{part}`"))
                }
                (Some("output"), Some(part), _) if part != "response" => (
                    part,
                    &["response"][..],
                    format!("the output of an HTTP task has no `{part}`"),
                ),
                _ => continue,
            };
            let near = if RESPONSE.contains(&part) {
                Some(format!("response.{part}"))
            } else {
                self.nearest(part, known.iter().copied())
            };
            let help = near.map_or_else(
                || "write `$.output.response.body.…`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            self.report(
                Diagnostic::new(codes::UNKNOWN_FIELD, condition.span, message)
                    .at("never there, so that the condition never holds")
                    .help(help),
            );
            return;
        }
    }
}
