//! `rot help TOPIC`: pieces of the reference, as it stands in `docs`, for whoever has no browser at hand.

use crate::diagnostic::nearest;

/// A topic: its word, what it is about, and the section of the reference that it shows.
struct Topic {
    word: &'static str,
    about: &'static str,
    page: &'static str,
    /// The heading, without `##`; empty for the whole page.
    section: &'static str,
}

const CLI: &str = include_str!("../../docs/reference/cli.md");
const CHECK: &str = include_str!("../../docs/reference/check.md");
const LANGUAGE: &str = include_str!("../../docs/reference/language.md");
const SCHEDULES: &str = include_str!("../../docs/reference/schedules.md");
const TEAM: &str = include_str!("../../docs/how-to/team.md");
const RECOVER: &str = include_str!("../../docs/how-to/recover.md");
const SCHEDULE: &str = include_str!("../../docs/how-to/schedule.md");
const VAULT: &str = include_str!("../../docs/reference/vault.md");

const TOPICS: [Topic; 17] = [
    topic("exit-codes", "what each exit code means", CLI, "Exit codes"),
    topic("options", "what every command takes", CLI, "Global options"),
    topic(
        "ignoring",
        "how to accept a finding, with a reason",
        CHECK,
        "Accept a finding",
    ),
    topic(
        "weights",
        "how to make rules errors, warnings or notes, or turn them off",
        CHECK,
        "Weights",
    ),
    topic("fixes", "what `--fix` changes", CHECK, "Fixes"),
    topic(
        "requests",
        "effects, captures and clauses of `http`",
        LANGUAGE,
        "Requests",
    ),
    topic("steps", "the steps of a rotation", LANGUAGE, "Steps"),
    topic(
        "expressions",
        "values, roots and functions",
        LANGUAGE,
        "Expressions",
    ),
    topic(
        "cron",
        "cron expressions and time zones",
        SCHEDULES,
        "Cron expressions",
    ),
    topic(
        "identities",
        "who can open a vault, and what to do when a key is lost",
        VAULT,
        "Identities and recipients",
    ),
    topic(
        "merging",
        "what becomes of copies of a vault that were changed apart",
        VAULT,
        "Copies that went on apart",
    ),
    topic(
        "memory",
        "what a machine remembers of a vault, and what it refuses",
        VAULT,
        "What a machine remembers",
    ),
    topic(
        "permissions",
        "whose files are taken, and which modes",
        VAULT,
        "Whose files they are",
    ),
    topic("team", "a vault that people share by git", TEAM, ""),
    topic("recover", "what to do after a failed run", RECOVER, ""),
    topic("schedule", "cron, systemd and containers", SCHEDULE, ""),
    topic(
        "way-out",
        "how to read the vault without this program",
        VAULT,
        "The way out",
    ),
];

const fn topic(
    word: &'static str,
    about: &'static str,
    page: &'static str,
    section: &'static str,
) -> Topic {
    Topic {
        word,
        about,
        page,
        section,
    }
}

/// The page of a topic.
pub fn page(word: &str) -> Option<String> {
    let wanted = word.to_ascii_lowercase();
    if wanted == "topics" {
        return Some(list());
    }
    let topic = TOPICS.iter().find(|t| t.word == wanted)?;
    section(topic.page, topic.section)
}

/// The words with what they are about, a line each.
pub fn list() -> String {
    let width = TOPICS.iter().map(|t| t.word.len()).max().unwrap_or(0);
    let lines = TOPICS
        .iter()
        .map(|t| format!("  {:width$}  {}\n", t.word, t.about));
    lines.collect()
}

/// The topic that is nearest to a word.
pub fn near(word: &str) -> Option<&'static str> {
    nearest(word, TOPICS.iter().map(|t| t.word))
}

/// A section with its heading, up to the next of its rank; the whole page without one.
fn section(page: &str, heading: &str) -> Option<String> {
    if heading.is_empty() {
        return Some(page.to_owned());
    }
    let mark = format!("## {heading}\n");
    let start = page
        .find(&format!("\n{mark}"))
        .map(|at| at + 1)
        .or_else(|| page.starts_with(&mark).then_some(0))?;
    let rest = page.get(start..)?;
    let inner = rest.get(mark.len()..)?;
    let end = inner.find("\n## ").map_or(inner.len(), |at| at + 1);
    let body = inner.get(..end)?.trim();
    Some(format!(
        "{heading}\n{}\n\n{body}\n",
        "=".repeat(heading.len())
    ))
}
