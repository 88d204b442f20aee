//! The kinds of the table, each with a rule that says what the difference is, and not only where it is met.

use super::settled;
use serde_json::{Map, Value as Json};

/// What came of a case.
pub struct Played {
    pub status: String,
    pub output: Json,
    /// The errors for which it was refused.
    pub codes: Vec<&'static str>,
}

/// A kind of difference: whether a case is of it, by what its definitions say and what came of them.
pub type Kind = (&'static str, fn(&Json, &Played) -> bool);

/// The kinds of the table, in its order.
pub const KINDS: &[Kind] = &[
    ("no-value", |case, played| {
        let codes = ["ROT101", "ROT102", "ROT103", "ROT106", "ROT004"];
        let by_nothing = says(case, "\"evaluatorType\":\"value-param\"")
            || says(case, "$.nope ")
            || says(case, "$.missing ");
        refused(played, &codes) && (by_nothing || holds_null(&case["server"]["output"]))
    }),
    ("unreadable-path", |case, played| {
        refused(played, &["ROT006"]) && holds_null(&case["server"]["output"])
    }),
    ("name-from-data", |case, played| {
        refused(played, &["ROT004"]) && says(case, "\"${${")
    }),
    ("bracket-missing", |case, played| {
        refused(played, &["ROT004"]) && says(case, "\"{workflow.")
    }),
    ("request-from-data", |case, played| {
        refused(played, &["ROT117"]) && says(case, "\"http_request\":\"${")
    }),
    ("header-line-end", |case, played| {
        played.status == "failed"
            && says(case, "\"headers\":{")
            && case["input"].to_string().contains("\\n")
    }),
    ("small-method", |case, played| {
        let small = ["get", "post", "put", "patch", "delete", "head"];
        let says = |m: &&str| says(case, &format!("\"method\":\"{m}\""));
        played.status == "completed" && failed_there(case) && small.iter().any(says)
    }),
    ("bare-number", |case, played| {
        says(case, "/lit/") && each(case, played, &|theirs, ours| is_number_again(theirs, ours))
    }),
    ("half-json", |case, played| {
        each(case, played, &|theirs, ours| {
            let marked = theirs.as_str().and_then(|t| t.strip_prefix('\u{feff}'));
            let begun = ours.as_str().filter(|_| theirs.is_object());
            marked.is_some_and(|rest| parsed(rest).as_ref() == Some(ours))
                || begun.is_some_and(|text| text.starts_with(&theirs.to_string()))
        })
    }),
    ("fraction-in-body", |case, played| {
        each(case, played, &|theirs, ours| {
            is_body_again(theirs, ours) && theirs.to_string().contains('E')
        })
    }),
    ("member-order", |case, played| {
        // A program goes through what it is given.
        let goes_through = says(case, "\"JSON_JQ_TRANSFORM\"")
            && is_shuffled(
                &settled(&case["server"]["output"]).to_string(),
                &settled(&played.output).to_string(),
            );
        goes_through
            || each(case, played, &|theirs, ours| {
                is_body_again(theirs, ours)
                    || theirs
                        .as_str()
                        .zip(ours.as_str())
                        .is_some_and(|(theirs, ours)| is_shuffled(theirs, ours))
            })
    }),
    ("text-charset", |case, played| {
        // The recorder writes bytes that are no UTF-8 in hexadecimal.
        each(case, played, &|theirs, ours| {
            // An answer of it comes the other way round.
            let read = theirs
                .as_str()
                .zip(ours.as_str())
                .is_some_and(|(theirs, ours)| ours.bytes().map(char::from).eq(theirs.chars()));
            if read {
                return true;
            }
            let latin = ours.as_str().unwrap_or_default().chars();
            let latin: String = latin.map(|c| format!("{:02x}", u32::from(c))).collect();
            theirs == &Json::String(latin)
        })
    }),
    ("encode", |case, played| {
        let decoded = |text: &Json| text.as_str().map(|t| t.replace("%25", "%"));
        says(case, "\"encode\":false")
            && each(case, played, &|theirs, ours| {
                decoded(theirs) == decoded(ours)
            })
    }),
    ("quote-in-query", |case, played| {
        each(case, played, &|theirs, ours| {
            let spelt = |text: &Json| text.as_str().map(|t| t.replace("%27", "'"));
            spelt(theirs) == spelt(ours)
        })
    }),
    ("braces-in-address", |case, played| {
        failed_optional(&case["server"]["output"]) && played.output.to_string().contains("%7B")
    }),
    ("address-cut", |case, played| {
        let cuts = |v: &Json| v.is_null() || v.as_str().is_some_and(|t| t.contains(['#', '?']));
        let is_cut = case["input"]
            .as_object()
            .is_some_and(|all| all.values().any(cuts));
        is_cut
            && each(case, played, &|_, ours| {
                ours.is_null() || ours == "COMPLETED_WITH_ERRORS"
            })
    }),
    ("refused-answer", |case, played| {
        (says(case, "/status/4") || says(case, "/statustext/4"))
            && failed_optional(&played.output)
            && each(case, played, &|theirs, ours| {
                theirs.is_null() && !ours.is_null()
            })
    }),
    ("header-names", |case, played| {
        says(case, ".response.headers")
            && each(case, played, &|theirs, ours| {
                theirs.is_null() != ours.is_null() || small_keys(theirs) == small_keys(ours)
            })
    }),
    ("error-texts", |case, played| {
        each(case, played, &|theirs, ours| {
            theirs
                .as_str()
                .is_some_and(|t| t.starts_with("Error evaluating"))
                && ours.is_string()
        })
    }),
    ("jq-functions", |case, played| {
        let reason = case["server"]["reason"].as_str().unwrap_or_default();
        let lacks = [
            "does not exist",
            "Encountered",
            "Cannot index string",
            "must be a integer",
            "Cannot delete",
            "break",
            "must be a field access",
        ];
        let lacks = failed_there(case) && lacks.iter().any(|l| reason.contains(l));
        // An optional task hides why it failed.
        let hidden = failed_optional(&case["server"]["output"])
            && !failed_optional(&played.output)
            && case["definitions"]
                .to_string()
                .contains("\"optional\":true");
        says(case, "\"JSON_JQ_TRANSFORM\"") && played.status == "completed" && (lacks || hidden)
    }),
    ("jq-values", |case, played| {
        says(case, "\"JSON_JQ_TRANSFORM\"")
            && each(case, played, &|theirs, ours| {
                let words = ["NaN", "\"Infinity\"", "Infinity"];
                let infinite = ours.is_null() || ours == "COMPLETED_WITH_ERRORS";
                let no_number = theirs.as_str().is_some_and(|t| words.contains(&t));
                no_number
                    || infinite && case["server"]["output"].to_string().contains("Infinity")
                    || theirs.to_string().contains("does not exist")
                    || is_number_again(theirs, ours)
                    || is_body_again(theirs, ours)
                    || is_utf16_of(theirs, ours)
            })
    }),
    ("java-objects", |case, _| {
        [
            "JSON.stringify",
            "typeof",
            "Object.keys",
            "Object.values",
            "Object.isFrozen",
            "' in $.",
            ".forEach(",
            ".sort(",
        ]
        .iter()
        .any(|f| says(case, f))
    }),
    ("script-dates", |case, played| {
        says(case, "new Date(")
            && each(case, played, &|theirs, ours| {
                let form = |value: &Json| value.to_string().contains("T00:00:00.000Z");
                theirs.to_string().contains("{}") && form(ours)
            })
    }),
    ("hidden-retry", |case, played| {
        (says(case, "/503") || says(case, "/429"))
            && each(case, played, &|theirs, ours| {
                theirs.is_i64() && ours.is_i64()
            })
    }),
    ("body-type", |case, played| {
        refused(played, &["ROT211"]) && says(case, "\"contentType\":")
    }),
    ("dots", |case, played| {
        each(case, played, &|theirs, _| {
            theirs.as_str().is_some_and(|path| path.contains("/../"))
        })
    }),
    ("nested-iteration", |case, played| {
        let all = case["definitions"].to_string();
        all.matches("\"DO_WHILE\"").count() > 1
            && says(case, "iteration")
            && played.status == "completed"
            && failed_there(case)
    }),
    ("empty-condition", |case, played| {
        refused(played, &["ROT202"]) && says(case, "\"loopCondition\":\"\"")
    }),
    ("items-among-inputs", |case, _| {
        says(case, "\"inputParameters\":{\"items\":") && says(case, "\"DO_WHILE\"")
    }),
    ("rounds-in-names", |case, played| {
        let theirs = settled(&case["server"]["output"]).to_string();
        let without: String =
            theirs
                .split("__")
                .enumerate()
                .fold(String::new(), |all, (i, part)| {
                    let digits = if i == 0 {
                        0
                    } else {
                        part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len()
                    };
                    all + &part[digits..]
                });
        says(case, "\"DO_WHILE\"") && parsed(&without) == Some(settled(&played.output))
    }),
    ("servers-notes", |case, played| {
        says(case, ".input")
            && each(case, played, &|theirs, ours| match (theirs, ours) {
                (Json::Object(theirs), Json::Object(ours)) => {
                    theirs.contains_key("case")
                        || ours
                            .iter()
                            .all(|(name, value)| theirs.get(name) == Some(value))
                }
                (theirs, _) => theirs.is_null() && says(case, "\"SUB_WORKFLOW\""),
            })
    }),
    ("template-without-input", |case, _| {
        says(case, "\"inputTemplate\":") && case["input"].as_object().is_none_or(Map::is_empty)
    }),
    ("refused-sooner", |case, played| {
        let fails = |status: &str| matches!(status, "NOT_STARTED" | "NOT_REGISTERED");
        let started = refused(played, &["ROT117"]) && says(case, "\"START_WORKFLOW\"");
        let twice = played.status == "failed" && says(case, "\"dynamicForkTasksParam\":");
        started && failed_optional(&case["server"]["output"])
            || twice && case["server"]["status"] == "COMPLETED"
            || case["server"]["status"].as_str().is_some_and(fails) && played.status == "failed"
    }),
    ("event", |case, played| {
        refused(played, &["ROT117"]) && (says(case, "\"EVENT\"") || says(case, "\"SIMPLE\""))
    }),
];

/// Whether it was refused here, for nothing but these.
fn refused(played: &Played, codes: &[&str]) -> bool {
    !played.codes.is_empty() && played.codes.iter().all(|code| codes.contains(code))
}

fn says(case: &Json, text: &str) -> bool {
    case["definitions"].to_string().contains(text)
}

fn failed_there(case: &Json) -> bool {
    case["server"]["status"] == "FAILED"
}

fn failed_optional(output: &Json) -> bool {
    output.to_string().contains("\"COMPLETED_WITH_ERRORS\"")
}

fn holds_null(output: &Json) -> bool {
    let text = output.to_string();
    text.contains("null") || text == "{}" || text.contains("[]")
}

fn parsed(text: &str) -> Option<Json> {
    serde_json::from_str(text).ok()
}

/// Whether both completed, and every place in which the answers differ is as a rule says.
fn each(case: &Json, played: &Played, rule: &dyn Fn(&Json, &Json) -> bool) -> bool {
    if played.status != "completed" || case["server"]["status"] != "COMPLETED" {
        return false;
    }
    let (theirs, ours) = (settled(&case["server"]["output"]), settled(&played.output));
    let mut places = Vec::new();
    differing(&theirs, &ours, &mut places);
    !places.is_empty() && places.into_iter().all(|(theirs, ours)| rule(theirs, ours))
}

/// The smallest parts in which two answers differ. An object with other members, or a list of another length, is one.
fn differing<'a>(theirs: &'a Json, ours: &'a Json, places: &mut Vec<(&'a Json, &'a Json)>) {
    match (theirs, ours) {
        (Json::Object(a), Json::Object(b))
            if a.len() == b.len() && a.keys().all(|k| b.contains_key(k)) =>
        {
            a.iter()
                .for_each(|(name, value)| differing(value, &b[name], places));
        }
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).for_each(|(a, b)| differing(a, b, places));
        }
        _ if theirs != ours => places.push((theirs, ours)),
        _ => {}
    }
}

/// The same number in another form, alone or between angle brackets.
fn is_number_again(theirs: &Json, ours: &Json) -> bool {
    let number = |value: &Json| match value {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => text.trim_matches(['<', '>']).parse().ok(),
        _ => None,
    };
    number(theirs).is_some() && number(theirs) == number(ours)
}

/// The same JSON as a text, with its members in another order or its numbers in another form.
fn is_body_again(theirs: &Json, ours: &Json) -> bool {
    let body = |value: &Json| value.as_str().and_then(parsed);
    let (Some(theirs), Some(ours)) = (body(theirs), body(ours)) else {
        return false;
    };
    let mut places = Vec::new();
    differing(&theirs, &ours, &mut places);
    places
        .into_iter()
        .all(|(theirs, ours)| is_number_again(theirs, ours))
}

/// Whether two texts hold the same in another order.
fn is_shuffled(a: &str, b: &str) -> bool {
    let sorted = |text: &str| {
        let mut characters: Vec<char> = text.chars().collect();
        characters.sort_unstable();
        characters
    };
    sorted(a) == sorted(b)
}

/// The numbers of the characters of a text, as UTF-16 has them.
fn is_utf16_of(theirs: &Json, ours: &Json) -> bool {
    let numbers = |value: &Json| -> Option<Vec<u32>> {
        let items = value.as_array()?.iter();
        items.map(|n| u32::try_from(n.as_u64()?).ok()).collect()
    };
    let (Some(theirs), Some(ours)) = (numbers(theirs), numbers(ours)) else {
        return false;
    };
    let text: Option<String> = ours.into_iter().map(char::from_u32).collect();
    text.is_some_and(|text| text.encode_utf16().map(u32::from).eq(theirs))
}

fn small_keys(value: &Json) -> Json {
    match value {
        Json::Object(members) => members
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}
