//! A scheduler entry: cron expressions on a rotation.

use super::context::Reader;
use super::shape::{field, flag_of, text_of};
use crate::diagnostic::{Diagnostic, Edit, Severity, codes};
use crate::json::Node;
use crate::plan::Schedule;
use crate::plan::schedule::{Cron, Trigger};

const SCHEDULE: &[&str] = &[
    "name",
    "description",
    "cronExpression",
    "zoneId",
    "cronSchedules",
    "runCatchupScheduleInstances",
    "paused",
    "pausedReason",
    "startWorkflowRequest",
    "scheduleStartTime",
    "scheduleEndTime",
    "createTime",
    "updatedTime",
    "createdBy",
    "updatedBy",
    "nextRunTime",
    "tags",
    "queueMsgId",
    "orgId",
];

const MACROS: [&str; 7] = [
    "@yearly",
    "@annually",
    "@monthly",
    "@weekly",
    "@daily",
    "@midnight",
    "@hourly",
];

impl<'a> Reader<'a> {
    /// Reads a schedule and puts it on the rotation that it names, if that stands in this file.
    pub(super) fn schedule_entry(&mut self, entry: &'a Node) {
        self.check_keys(entry, SCHEDULE, "a schedule", &[]);
        self.check_kinds(entry, super::shape::SCHEDULE_KINDS);
        let crons = self.crons(entry);
        let Some(request) = field(entry, "startWorkflowRequest") else {
            self.missing(
                entry,
                "startWorkflowRequest",
                "the schedule",
                "name the workflow: `\"startWorkflowRequest\": {\"name\": …}`",
            );
            return;
        };
        let index = if field(request, "workflowDef").is_some() {
            self.start_request(request)
        } else {
            self.requested(request)
        };
        if entry.get("paused").and_then(flag_of) == Some(true) {
            self.differs(
                entry.span,
                "the schedule is paused, so the rotation never becomes due",
                "set `paused` to false to run it",
            );
            return;
        }
        for key in ["scheduleStartTime", "scheduleEndTime"] {
            if let Some(bound) = field(entry, key) {
                self.differs(
                    bound.span,
                    format!("`{key}` has no effect here: the rotation is due by its cron alone"),
                    "pause the schedule, or leave it out of the file, while it is not to run",
                );
            }
        }
        if let Some(rotation) = index.and_then(|i| self.rotations.get_mut(i))
            && !crons.is_empty()
        {
            rotation.schedule = Some(Schedule {
                trigger: Trigger::Cron(crons),
                jitter: None,
                at: entry.span.into(),
            });
        }
    }

    /// The rotation of this file that a request names; a request's input gives defaults to its inputs.
    fn requested(&mut self, request: &'a Node) -> Option<usize> {
        let Some(name_node) = field(request, "name") else {
            self.missing(
                request,
                "name",
                "the start request",
                "name the workflow that it starts",
            );
            return None;
        };
        self.check_kinds(request, super::shape::START_REQUEST_KINDS);
        let name = text_of(name_node)?;
        let found = self.rotations.iter().position(|r| r.name == name);
        if found.is_none()
            && !self.names.is_empty()
            && let Some(near) = self.nearest(&name, self.names.iter())
        {
            self.report(
                Diagnostic::new(
                    codes::IMPORT_NOT_FOUND,
                    name_node.span,
                    format!("this file has no workflow `{name}`"),
                )
                .help(format!("did you mean `{near}`?"))
                .severity(Severity::Warning),
            );
        }
        if let (Some(index), Some(input)) = (found, field(request, "input")) {
            self.apply_input(index, input);
        }
        found
    }

    fn crons(&mut self, entry: &Node) -> Vec<Cron> {
        let several = field(entry, "cronSchedules")
            .map(Node::items)
            .filter(|items| !items.is_empty());
        let sources: Vec<&Node> =
            several.map_or_else(|| vec![entry], |items| items.iter().collect());
        sources
            .into_iter()
            .filter_map(|source| self.cron(source))
            .collect()
    }

    fn cron(&mut self, source: &Node) -> Option<Cron> {
        let Some(node) = field(source, "cronExpression") else {
            self.missing(
                source,
                "cronExpression",
                "the schedule",
                "six fields, seconds first: `\"0 0 3 * * MON\"`",
            );
            return None;
        };
        let zone = field(source, "zoneId")
            .and_then(text_of)
            .unwrap_or_else(|| "UTC".to_owned());
        let Some(expression) = text_of(node) else {
            self.wrong_type(node, "cronExpression", "a string");
            return None;
        };
        let fields = expression.split_whitespace().count();
        if fields == 6 || MACROS.contains(&expression.trim()) {
            return match Cron::parse(&expression, &zone) {
                Ok(cron) => {
                    for remark in cron.remarks() {
                        let span = node
                            .as_string()
                            .map_or(node.span, |s| s.span_of(remark.start, remark.end));
                        let warning =
                            Diagnostic::new(codes::BAD_DURATION_OR_CRON, span, remark.message)
                                .help(remark.help);
                        self.report(warning.severity(Severity::Warning));
                    }
                    Some(cron)
                }
                Err(error) => {
                    let place = if error.in_zone {
                        field(source, "zoneId").unwrap_or(node)
                    } else {
                        node
                    };
                    let span = place
                        .as_string()
                        .map_or(place.span, |s| s.span_of(error.start, error.end));
                    let mut diagnostic =
                        Diagnostic::new(codes::BAD_DURATION_OR_CRON, span, error.message)
                            .at("here");
                    diagnostic.help = error.help;
                    self.report(diagnostic);
                    None
                }
            };
        }
        let diagnostic = Diagnostic::new(
            codes::BAD_DURATION_OR_CRON,
            node.span,
            format!("a cron expression has six fields, seconds first; this one has {fields}"),
        );
        self.report(match (fields, node.as_string()) {
            (5, Some(string)) => diagnostic
                .help(format!("write `0 {}` for second 0", expression.trim()))
                .fix(
                    "put second 0 in front",
                    false,
                    vec![Edit {
                        span: string.inner_span(),
                        text: format!("0 {}", expression.trim()),
                    }],
                ),
            _ => diagnostic
                .help("second minute hour day-of-month month day-of-week, as in `0 0 3 * * MON`"),
        });
        None
    }
}
