//! What an author tells the rehearsal of the world outside: values that are not to be invented, and answers that the plan does
//! not describe (docs/how-to/rehearse.md).

use crate::diagnostic::{Error, Failure, Result, codes};
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// The content of an answers file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// What the vault holds at the start: a text, or an object of fields. What is not named is invented.
    #[serde(default)]
    pub secrets: BTreeMap<String, Json>,
    /// Environment variables that the file declares.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Answers of servers, by step.
    #[serde(default)]
    pub answers: BTreeMap<String, Answer>,
    /// What workers write, by the worker's name.
    #[serde(default)]
    pub workers: BTreeMap<String, Json>,
}

/// One answer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Its status, where it is not the one that the step expects.
    #[serde(default)]
    pub status: Option<u16>,
    /// Headers that it has.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Its body: JSON, or a text as it is. `<new>` in a text stands for a new credential, `<id>` for a new id.
    #[serde(default)]
    pub body: Json,
}

impl Answers {
    /// Reads the text of a file. `name` is its name, for messages.
    ///
    /// # Errors
    /// Usage, with what is wrong; no value of the file is quoted.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        let wrong = |what: String| {
            Error::plain(
                Failure::Usage,
                codes::USAGE,
                format!("`{name}` is no file of answers: {what}"),
            )
            .help("it is a JSON object with `secrets`, `env`, `answers` and `workers`, each an object; see docs/how-to/rehearse.md")
        };
        let json: Map<String, Json> =
            serde_json::from_str(text).map_err(|e| wrong(place_of(&e)))?;
        for key in json.keys() {
            if !["secrets", "env", "answers", "workers"].contains(&key.as_str()) {
                return Err(wrong(format!("it has no member `{}`", key.escape_debug())));
            }
        }
        serde_json::from_value(Json::Object(json)).map_err(|_| {
            wrong(
                "`env` holds texts, and each of `answers` is an object of `status`, `headers` and `body`"
                    .to_owned(),
            )
        })
    }
}

fn place_of(error: &serde_json::Error) -> String {
    format!(
        "it is not a JSON object (line {}, column {})",
        error.line(),
        error.column()
    )
}
