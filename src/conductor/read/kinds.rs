//! Which kind of value a field holds. A server refuses a definition that has another there (Jackson: null is absent; numbers,
//! booleans and strings of them stand for each other; nothing stands for a list or an object).

use super::context::Reader;
use super::keys::{field, flag_of, text_of};
use crate::conductor::template::{self, Mode};
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::json::{Node, NodeKind};

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
pub(super) const WORKFLOW: &[(&str, Kind)] = &[
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
pub(super) const TASK: &[(&str, Kind)] = &[
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
pub(super) const SUB_WORKFLOW: &[(&str, Kind)] = &[
    ("name", Kind::Text),
    ("version", Kind::Whole),
    ("taskToDomain", Kind::Object),
    ("workflowDefinition", Kind::ObjectOrReference),
    ("idempotencyKey", Kind::Text),
    ("idempotencyStrategy", Kind::Text),
    ("priority", Kind::Whole),
];

/// Fields of a start request.
pub(super) const START_REQUEST: &[(&str, Kind)] = &[
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
pub(super) const SCHEDULE: &[(&str, Kind)] = &[
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
            Kind::Whole => own(super::bounds::whole(node).is_some()),
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
