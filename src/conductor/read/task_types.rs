//! The task types that exist, and what to use instead of those that are not run here.

/// Types that are read into the plan.
pub(super) const SUPPORTED: [&str; 21] = [
    "HTTP",
    "UPDATE_SECRET",
    "SET_VARIABLE",
    "SWITCH",
    "DECISION",
    "FORK_JOIN",
    "JOIN",
    "DO_WHILE",
    "SUB_WORKFLOW",
    "WAIT",
    "TERMINATE",
    "NOOP",
    "SIMPLE",
    "INLINE",
    "LAMBDA",
    "JSON_JQ_TRANSFORM",
    "GET_SIGNED_JWT",
    "HTTP_POLL",
    "HUMAN",
    "FORK_JOIN_DYNAMIC",
    "EXCLUSIVE_JOIN",
];

/// Types that a fork may run whose tasks come at run time: none that stores a secret, ends the run, or holds tasks of its own.
pub const FORKED: [&str; 10] = [
    "HTTP",
    "HTTP_POLL",
    "SET_VARIABLE",
    "INLINE",
    "LAMBDA",
    "JSON_JQ_TRANSFORM",
    "NOOP",
    "WAIT",
    "SIMPLE",
    "SUB_WORKFLOW",
];

/// Types that a Conductor server knows and this program does not run, with what to use instead.
pub(super) const UNSUPPORTED: [(&str, &str); 38] = [
    (
        "JSON_JQ_TRANSFORM_STRING",
        "take the fields with references, or name them in an `outputFilter`",
    ),
    (
        "DYNAMIC",
        "name the task as a literal, or write the tasks out and choose between them with SWITCH",
    ),
    (
        "START_WORKFLOW",
        "use SUB_WORKFLOW, which waits for the result; what must not be waited for gets a schedule of its own, or its own `rot run`",
    ),
    (
        "TERMINATE_WORKFLOW",
        "rot runs one rotation at a time; end this one with TERMINATE",
    ),
    ("UPDATE_TASK", "rot has no open tasks of other workflows"),
    ("GET_WORKFLOW", "read the execution with an HTTP task"),
    ("YIELD", "rot waits with WAIT"),
    (
        "WAIT_FOR_WEBHOOK",
        "poll for the result with an HTTP task in a DO_WHILE loop",
    ),
    (
        "WAIT_FOR_EVENT",
        "poll for the result with an HTTP task in a DO_WHILE loop",
    ),
    (
        "EVENT",
        "send the event with an HTTP task, or with a SIMPLE task and a local program that `[workers]` declares",
    ),
    (
        "KAFKA_PUBLISH",
        "send the message with an HTTP task to a bridge, or with a SIMPLE task and a local program that `[workers]` declares",
    ),
    (
        "SQS",
        "send the message with an HTTP task, or with a SIMPLE task and a local program that `[workers]` declares",
    ),
    (
        "JDBC",
        "rotate database passwords with an HTTP task to the database's API, or with a SIMPLE task and a local program that `[workers]` declares",
    ),
    ("GRPC", "call the service with an HTTP task"),
    ("OPS_GENIE", "call the service with an HTTP task"),
    ("SENDGRID", "call the service with an HTTP task"),
    ("BUSINESS_RULE", "use SWITCH"),
    ("QUERY_PROCESSOR", "call the service with an HTTP task"),
    ("INTEGRATION", "call the service with an HTTP task"),
    ("DYNAMIC_FORK", "write the branches out with FORK_JOIN"),
    ("FORK", "write it as FORK_JOIN"),
    (
        "USER_DEFINED",
        "a worker outside runs it: call the service directly with an HTTP task",
    ),
    ("PULL_WORKFLOW_MESSAGES", "rot has no message queue"),
    ("AGENT", "rot runs no language models"),
    ("GET_AGENT_CARD", "rot runs no language models"),
    ("CANCEL_AGENT", "rot runs no language models"),
    ("CALL_MCP_TOOL", "rot runs no language models"),
    ("LIST_MCP_TOOLS", "rot runs no language models"),
    ("LLM_TEXT_COMPLETE", "rot runs no language models"),
    ("LLM_CHAT_COMPLETE", "rot runs no language models"),
    ("LLM_GENERATE_EMBEDDINGS", "rot runs no language models"),
    ("LLM_GET_EMBEDDINGS", "rot runs no language models"),
    ("LLM_STORE_EMBEDDINGS", "rot runs no language models"),
    ("LLM_SEARCH_INDEX", "rot runs no language models"),
    ("LLM_INDEX_DOCUMENT", "rot runs no language models"),
    ("LLM_INDEX_TEXT", "rot runs no language models"),
    ("GENERATE_IMAGE", "rot runs no language models"),
    ("GENERATE_AUDIO", "rot runs no language models"),
];
