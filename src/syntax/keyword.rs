//! The words of the language, for suggestions and for whoever has to choose a name.
//!
//! Keywords are contextual; the grammar decides. These lists repeat it where code needs the words, and a test
//! compares the two.

/// First words of the clauses of a rotation that are no steps.
pub const ENTRIES: [&str; 7] = [
    "description",
    "every",
    "cron",
    "timeout",
    "input",
    "output",
    "on",
];

/// First words of the clauses of a template, and of a rotation that is made from one.
pub const TEMPLATES: [&str; 3] = ["about", "parameter", "with"];

/// First words of steps.
pub const STEPS: [&str; 22] = [
    "http", "sql", "redis", "exec", "let", "log", "fail", "stop", "update", "stage", "verify",
    "promote", "revoke", "generate", "manual", "wait", "when", "match", "parallel", "for",
    "repeat", "call",
];

/// First words of the clauses of a request.
pub const CLAUSES: [&str; 28] = [
    "bearer",
    "basic",
    "client",
    "header",
    "query",
    "json",
    "form",
    "text",
    "raw",
    "timeout",
    "connect",
    "retry",
    "expect",
    "secret",
    "public",
    "ca",
    "proxy",
    "follow",
    "limit",
    "strays",
    "sign",
    "login",
    "statement",
    "command",
    "stdin",
    "environment",
    "arguments",
    "file",
];

/// First words of the effects of a request.
pub const EFFECTS: [&str; 4] = ["reads", "issues", "sets", "revokes"];

/// Other words that cannot stand alone as a value.
const OTHERS: [&str; 14] = [
    "use", "env", "rotation", "template", "else", "until", "because", "null", "true", "false",
    "not", "and", "or", "reveal",
];

/// Whether `word` cannot stand alone as a value, so that nothing that is used by its bare name (what `let` and
/// `for each` name) may be called so. Captures, fields, steps and secrets may: they are written behind a dot or
/// before one.
pub fn is_keyword(word: &str) -> bool {
    ENTRIES.contains(&word)
        || STEPS.contains(&word)
        || CLAUSES.contains(&word)
        || OTHERS.contains(&word)
}
