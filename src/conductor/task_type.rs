//! The task types of Conductor: one row each, for the reader, the checker, the interpreter and the documentation.
//!
//! A type that is run here names the room of the reader that reads it ([`Reading`]); one that is not says what to use instead.

use TaskOutput::{Call, Fields, FirstJoined, Joined, Nothing, Open, Response, Rounds, Value};

/// A task type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskType {
    /// The word for it in `type`.
    pub name: &'static str,
    /// The servers that have it.
    pub servers: Servers,
    /// What it puts out.
    pub output: TaskOutput,
    /// Whether a fork may run it whose tasks come at run time: none that stores a secret, ends the run, or holds tasks of its own.
    pub forkable: bool,
    /// Fields without which a server refuses it, or it can only fail: keys from the task on.
    pub needs: &'static [&'static [&'static str]],
    /// What this program does with it.
    pub support: Support,
}

/// The servers that have a task type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Servers {
    /// Each.
    Both,
    /// Orkes alone.
    Orkes,
    /// The open-source server alone.
    Oss,
}

/// What a task puts out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskOutput {
    /// `response`, or what its `outputFilter` keeps.
    Response,
    /// Nothing.
    Nothing,
    /// These and nothing else.
    Fields(&'static [&'static str]),
    /// These; the plan names them as a value.
    Value(&'static [&'static str]),
    /// The outputs of its rounds by their numbers, and facts of the last.
    Rounds,
    /// The outputs of the joined tasks under their names.
    Joined,
    /// The output of the first joined task that has one.
    FirstJoined,
    /// What another rotation or a person gives.
    Call,
    /// Anything.
    Open,
}

/// What this program does with a task type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It is read into the plan and run.
    Run(Reading),
    /// It is not; this is to be used instead.
    Instead(&'static str),
}

/// The room of the reader for a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// `HTTP`
    Http,
    /// `HTTP_POLL`
    HttpPoll,
    /// `UPDATE_SECRET`
    UpdateSecret,
    /// `SET_VARIABLE`
    SetVariable,
    /// `SWITCH`
    Switch,
    /// `DECISION`
    Decision,
    /// `FORK_JOIN`
    ForkJoin,
    /// `FORK_JOIN_DYNAMIC`
    ForkJoinDynamic,
    /// `JOIN`
    Join,
    /// `EXCLUSIVE_JOIN`
    ExclusiveJoin,
    /// `DYNAMIC`
    Dynamic,
    /// `DO_WHILE`
    DoWhile,
    /// `SUB_WORKFLOW`
    SubWorkflow,
    /// `WAIT`
    Wait,
    /// `HUMAN`
    Human,
    /// `TERMINATE`
    Terminate,
    /// `INLINE`
    Inline,
    /// `LAMBDA`
    Lambda,
    /// `JSON_JQ_TRANSFORM`
    JqTransform,
    /// `GET_SIGNED_JWT`
    SignedJwt,
    /// `SIMPLE`
    Simple,
    /// `NOOP`
    Noop,
}

const fn run(
    name: &'static str,
    servers: Servers,
    output: TaskOutput,
    forkable: bool,
    reading: Reading,
) -> TaskType {
    TaskType {
        name,
        servers,
        output,
        forkable,
        // What a type that is run here needs its room of the reader knows.
        needs: &[],
        support: Support::Run(reading),
    }
}

const fn not_run(name: &'static str, servers: Servers, instead: &'static str) -> TaskType {
    TaskType {
        name,
        servers,
        output: Open,
        forkable: false,
        needs: &[],
        support: Support::Instead(instead),
    }
}

/// A type with fields that it cannot do without.
const fn needing(of: TaskType, needs: &'static [&'static [&'static str]]) -> TaskType {
    TaskType { needs, ..of }
}

/// A type of which it is known what it puts out.
const fn giving(of: TaskType, output: TaskOutput) -> TaskType {
    TaskType { output, ..of }
}

/// What the tasks of language models cannot do without.
const MODEL: &[&[&str]] = &[
    &["inputParameters", "llmProvider"],
    &["inputParameters", "model"],
];

/// All task types.
pub const TASK_TYPES: &[TaskType] = &[
    run("HTTP", Servers::Both, Response, true, Reading::Http),
    run(
        "HTTP_POLL",
        Servers::Orkes,
        Response,
        true,
        Reading::HttpPoll,
    ),
    run(
        "UPDATE_SECRET",
        Servers::Orkes,
        Nothing,
        false,
        Reading::UpdateSecret,
    ),
    run(
        "SET_VARIABLE",
        Servers::Both,
        Nothing,
        true,
        Reading::SetVariable,
    ),
    run(
        "SWITCH",
        Servers::Both,
        Fields(&["evaluationResult", "selectedCase"]),
        false,
        Reading::Switch,
    ),
    run(
        "DECISION",
        Servers::Both,
        Fields(&["caseOutput"]),
        false,
        Reading::Decision,
    ),
    run(
        "FORK_JOIN",
        Servers::Both,
        Nothing,
        false,
        Reading::ForkJoin,
    ),
    run(
        "FORK_JOIN_DYNAMIC",
        Servers::Both,
        Open,
        false,
        Reading::ForkJoinDynamic,
    ),
    run("JOIN", Servers::Both, Joined, false, Reading::Join),
    run(
        "EXCLUSIVE_JOIN",
        Servers::Both,
        FirstJoined,
        false,
        Reading::ExclusiveJoin,
    ),
    run("DYNAMIC", Servers::Both, Open, false, Reading::Dynamic),
    run("DO_WHILE", Servers::Both, Rounds, false, Reading::DoWhile),
    run(
        "SUB_WORKFLOW",
        Servers::Both,
        Call,
        true,
        Reading::SubWorkflow,
    ),
    run("WAIT", Servers::Both, Open, true, Reading::Wait),
    run("HUMAN", Servers::Both, Call, false, Reading::Human),
    run(
        "TERMINATE",
        Servers::Both,
        Nothing,
        false,
        Reading::Terminate,
    ),
    run(
        "INLINE",
        Servers::Both,
        Value(&["result", "error"]),
        true,
        Reading::Inline,
    ),
    run(
        "LAMBDA",
        Servers::Both,
        Value(&["result", "error"]),
        true,
        Reading::Lambda,
    ),
    run(
        "JSON_JQ_TRANSFORM",
        Servers::Both,
        Value(&["result", "resultList", "error"]),
        true,
        Reading::JqTransform,
    ),
    run(
        "GET_SIGNED_JWT",
        Servers::Orkes,
        Value(&["_secrets"]),
        false,
        Reading::SignedJwt,
    ),
    run("SIMPLE", Servers::Both, Open, true, Reading::Simple),
    run("NOOP", Servers::Both, Nothing, true, Reading::Noop),
    not_run(
        "JSON_JQ_TRANSFORM_STRING",
        Servers::Orkes,
        "take the fields with references, or name them in an `outputFilter`",
    ),
    giving(
        needing(
            not_run(
                "START_WORKFLOW",
                Servers::Both,
                "use SUB_WORKFLOW, which waits for the result; what must not be waited for gets a schedule of its own, or its own `rot run`",
            ),
            &[&["inputParameters", "startWorkflow", "name"]],
        ),
        Fields(&["workflowId"]),
    ),
    not_run(
        "TERMINATE_WORKFLOW",
        Servers::Orkes,
        "rot runs one rotation at a time; end this one with TERMINATE",
    ),
    not_run(
        "UPDATE_TASK",
        Servers::Orkes,
        "rot has no open tasks of other workflows",
    ),
    not_run(
        "GET_WORKFLOW",
        Servers::Orkes,
        "read the execution with an HTTP task",
    ),
    not_run("YIELD", Servers::Orkes, "rot waits with WAIT"),
    not_run(
        "WAIT_FOR_WEBHOOK",
        Servers::Orkes,
        "poll for the result with an HTTP task in a DO_WHILE loop",
    ),
    not_run(
        "WAIT_FOR_EVENT",
        Servers::Both,
        "poll for the result with an HTTP task in a DO_WHILE loop",
    ),
    needing(
        not_run(
            "EVENT",
            Servers::Both,
            "send the event with an HTTP task, or with a SIMPLE task and a local program that `[workers]` declares",
        ),
        &[&["sink"]],
    ),
    needing(
        not_run(
            "KAFKA_PUBLISH",
            Servers::Both,
            "send the message with an HTTP task to a bridge, or with a SIMPLE task and a local program that `[workers]` declares",
        ),
        &[
            &["inputParameters", "kafka_request", "topic"],
            &["inputParameters", "kafka_request", "bootStrapServers"],
        ],
    ),
    not_run(
        "SQS",
        Servers::Both,
        "send the message with an HTTP task, or with a SIMPLE task and a local program that `[workers]` declares",
    ),
    needing(
        not_run(
            "JDBC",
            Servers::Orkes,
            "rotate database passwords with an HTTP task to the database's API, or with a SIMPLE task and a local program that `[workers]` declares",
        ),
        &[&["inputParameters", "statement"]],
    ),
    not_run("GRPC", Servers::Orkes, "call the service with an HTTP task"),
    not_run(
        "OPS_GENIE",
        Servers::Orkes,
        "call the service with an HTTP task",
    ),
    not_run(
        "SENDGRID",
        Servers::Orkes,
        "call the service with an HTTP task",
    ),
    not_run("BUSINESS_RULE", Servers::Orkes, "use SWITCH"),
    not_run(
        "QUERY_PROCESSOR",
        Servers::Orkes,
        "call the service with an HTTP task",
    ),
    not_run(
        "INTEGRATION",
        Servers::Orkes,
        "call the service with an HTTP task",
    ),
    not_run(
        "DYNAMIC_FORK",
        Servers::Both,
        "write the branches out with FORK_JOIN",
    ),
    not_run("FORK", Servers::Both, "write it as FORK_JOIN"),
    not_run(
        "USER_DEFINED",
        Servers::Both,
        "a worker outside runs it: call the service directly with an HTTP task",
    ),
    not_run(
        "PULL_WORKFLOW_MESSAGES",
        Servers::Oss,
        "rot has no message queue",
    ),
    not_run("AGENT", Servers::Both, "rot runs no language models"),
    not_run(
        "GET_AGENT_CARD",
        Servers::Both,
        "rot runs no language models",
    ),
    not_run("CANCEL_AGENT", Servers::Both, "rot runs no language models"),
    not_run(
        "CALL_MCP_TOOL",
        Servers::Both,
        "rot runs no language models",
    ),
    not_run(
        "LIST_MCP_TOOLS",
        Servers::Both,
        "rot runs no language models",
    ),
    needing(
        not_run(
            "LLM_TEXT_COMPLETE",
            Servers::Both,
            "rot runs no language models",
        ),
        MODEL,
    ),
    needing(
        not_run(
            "LLM_CHAT_COMPLETE",
            Servers::Both,
            "rot runs no language models",
        ),
        MODEL,
    ),
    not_run(
        "LLM_GENERATE_EMBEDDINGS",
        Servers::Both,
        "rot runs no language models",
    ),
    not_run(
        "LLM_GET_EMBEDDINGS",
        Servers::Both,
        "rot runs no language models",
    ),
    not_run(
        "LLM_STORE_EMBEDDINGS",
        Servers::Both,
        "rot runs no language models",
    ),
    not_run(
        "LLM_SEARCH_INDEX",
        Servers::Both,
        "rot runs no language models",
    ),
    not_run(
        "LLM_INDEX_DOCUMENT",
        Servers::Both,
        "rot runs no language models",
    ),
    not_run(
        "LLM_INDEX_TEXT",
        Servers::Both,
        "rot runs no language models",
    ),
    not_run(
        "GENERATE_IMAGE",
        Servers::Both,
        "rot runs no language models",
    ),
    not_run(
        "GENERATE_AUDIO",
        Servers::Both,
        "rot runs no language models",
    ),
];

impl TaskType {
    /// The type of this name.
    pub fn find(name: &str) -> Option<&'static TaskType> {
        TASK_TYPES.iter().find(|t| t.name == name)
    }

    /// Whether it is run here.
    pub fn is_run(&self) -> bool {
        matches!(self.support, Support::Run(_))
    }

    /// The room of the reader, where it is run here.
    pub fn reading(&self) -> Option<Reading> {
        match self.support {
            Support::Run(reading) => Some(reading),
            Support::Instead(_) => None,
        }
    }

    /// What to use instead, where it is not.
    pub fn instead(&self) -> Option<&'static str> {
        match self.support {
            Support::Run(_) => None,
            Support::Instead(instead) => Some(instead),
        }
    }

    /// The names of those that are run here, in the order of the table.
    pub fn run_here() -> impl Iterator<Item = &'static str> {
        TASK_TYPES.iter().filter(|t| t.is_run()).map(|t| t.name)
    }

    /// The names of those that a fork may run whose tasks come at run time.
    pub fn forkable() -> impl Iterator<Item = &'static str> {
        TASK_TYPES.iter().filter(|t| t.forkable).map(|t| t.name)
    }
}
