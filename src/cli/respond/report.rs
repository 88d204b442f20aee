//! What scanners found, as they write it: gitleaks and GitHub secret scanning (a JSON array), trufflehog (a JSON object a line),
//! SARIF. Of each finding its texts are kept, to be compared with the vault and never shown, and where it was. A finding whose secret was
//! blacked out cannot be compared, which is another thing than one that is of no secret in the vault.

use crate::diagnostic::{Error, Failure, codes};
use serde::Serialize;
use serde_json::Value as Json;
use zeroize::Zeroizing;

/// What a scanner found.
pub struct Finding {
    /// What was found: the secret, or the lines that hold it. None where the report does not say.
    pub secrets: Vec<Zeroizing<String>>,
    /// Other texts that may hold it.
    pub around: Vec<Zeroizing<String>>,
    /// Where.
    pub place: Place,
}

impl Finding {
    /// All texts that may hold the secret.
    pub fn texts(&self) -> impl Iterator<Item = &Zeroizing<String>> {
        self.secrets.iter().chain(&self.around)
    }

    /// What was found, where the report says it whole and not blacked out.
    pub fn told(&self) -> impl Iterator<Item = &Zeroizing<String>> {
        self.secrets.iter().filter(|text| !is_blacked_out(text))
    }
}

/// Whether somebody has taken a secret out of a text: `REDACTED` of gitleaks, alone or in its line, its start with `...` behind it
/// (`--redact=80`), stars.
fn is_blacked_out(text: &str) -> bool {
    let text = text.trim().trim_end_matches(['"', '\'']);
    let stars = |c: char| matches!(c, '*' | '•' | '█' | '.' | '…');
    text.to_ascii_uppercase().contains("REDACTED")
        || text.ends_with("...")
        || text.ends_with('…')
        || text.contains("***")
        || text.chars().all(stars)
}

/// Where something was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// File or address, as the scanner names it.
    pub file: Option<String>,
    /// Line.
    pub line: Option<u64>,
    /// Commit.
    pub commit: Option<String>,
    /// The scanner's rule.
    pub rule: Option<String>,
}

impl Place {
    /// Each of its texts, changed.
    pub fn map(mut self, change: impl Fn(String) -> String) -> Self {
        for text in [&mut self.file, &mut self.commit, &mut self.rule] {
            *text = text.take().map(&change);
        }
        self
    }

    /// For people.
    pub fn describe(&self) -> String {
        let mut text = self.file.clone().unwrap_or_else(|| "somewhere".to_owned());
        if let Some(line) = self.line {
            text.push_str(&format!(":{line}"));
        }
        if let Some(commit) = &self.commit {
            let short: String = commit.chars().take(12).collect();
            text.push_str(&format!(" (commit {short})"));
        }
        text
    }
}

/// Reads a report. Which scanner wrote it is told by its members.
///
/// # Errors
/// For a text that is none of the known forms; it is not quoted.
pub fn read(name: &str, text: &str) -> Result<Vec<Finding>, Error> {
    let unknown = |why: &str| {
        Error::plain(
            Failure::Usage,
            codes::UNREADABLE_INPUT,
            format!("`{name}` is no report that can be read: {why}"),
        )
        .help("`gitleaks … --report-format json`, `trufflehog … --json`, the alerts of GitHub secret scanning as JSON, or SARIF with snippets")
    };
    let text = text.trim_start_matches('\u{feff}').trim();
    let whole: Option<Json> = serde_json::from_str(text).ok();
    let items: Vec<Json> = match whole {
        Some(Json::Array(items)) => items,
        Some(one) if one.get("runs").is_some() => {
            return sarif(&one).ok_or_else(|| unknown("its results have no list"));
        }
        Some(one) => vec![one],
        None => {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            let read: Result<Vec<Json>, _> = lines.map(serde_json::from_str).collect();
            read.map_err(|_| unknown("it is not JSON, and its lines are not"))?
        }
    };
    let mut found = Vec::new();
    for item in &items {
        if item.get("SourceMetadata").is_some() || item.get("DetectorName").is_some() {
            found.push(trufflehog(item));
        } else if item.get("RuleID").is_some() {
            found.push(gitleaks(item));
        } else if item.get("secret_type").is_some() {
            found.push(github(item));
        } else if item.get("level").is_some() && item.get("msg").is_some() {
            // trufflehog's own log, where both streams went into one file.
        } else {
            return Err(unknown("its members are those of no scanner that is known"));
        }
    }
    Ok(found)
}

fn text(item: &Json, at: &str) -> Option<String> {
    let text = item.pointer(at)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

fn texts(item: &Json, members: &[&str]) -> Vec<Zeroizing<String>> {
    let all = members.iter().filter_map(|at| text(item, at));
    all.map(Zeroizing::new).collect()
}

fn gitleaks(item: &Json) -> Finding {
    Finding {
        secrets: texts(item, &["/Secret"]),
        around: texts(item, &["/Match", "/Line"]),
        place: Place {
            file: text(item, "/File"),
            line: item.get("StartLine").and_then(Json::as_u64),
            commit: text(item, "/Commit"),
            rule: text(item, "/RuleID"),
        },
    }
}

fn trufflehog(item: &Json) -> Finding {
    // `Data` has one member, named like the source: Git, Github, Filesystem, S3 …
    let data = item
        .pointer("/SourceMetadata/Data")
        .and_then(Json::as_object);
    let source = data
        .and_then(|data| data.values().next())
        .unwrap_or(&Json::Null);
    let file = ["/file", "/key", "/link", "/image"];
    Finding {
        secrets: texts(item, &["/Raw", "/RawV2"]),
        around: Vec::new(),
        place: Place {
            file: file.iter().find_map(|at| text(source, at)),
            line: source.get("line").and_then(Json::as_u64),
            commit: text(source, "/commit"),
            rule: text(item, "/DetectorName"),
        },
    }
}

fn github(item: &Json) -> Finding {
    let first = item.get("first_location_detected").unwrap_or(&Json::Null);
    Finding {
        secrets: texts(item, &["/secret"]),
        around: Vec::new(),
        place: Place {
            file: text(first, "/path").or_else(|| text(item, "/html_url")),
            line: first.get("start_line").and_then(Json::as_u64),
            commit: text(first, "/commit_sha"),
            rule: text(item, "/secret_type"),
        },
    }
}

fn sarif(report: &Json) -> Option<Vec<Finding>> {
    let mut found = Vec::new();
    for run in report.get("runs")?.as_array()? {
        let results = run.get("results").and_then(Json::as_array);
        for result in results.into_iter().flatten() {
            let location = result.pointer("/locations/0/physicalLocation");
            let location = location.unwrap_or(&Json::Null);
            let snippets = ["/region/snippet/text", "/contextRegion/snippet/text"];
            found.push(Finding {
                secrets: texts(location, &snippets),
                around: texts(result, &["/message/text"]),
                place: Place {
                    file: text(location, "/artifactLocation/uri"),
                    line: location.pointer("/region/startLine").and_then(Json::as_u64),
                    commit: text(result, "/partialFingerprints/commitSha"),
                    rule: text(result, "/ruleId"),
                },
            });
        }
    }
    Some(found)
}
