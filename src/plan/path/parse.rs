//! Text → pairs, and the words for what the grammar cannot read.

use super::model::{Anchor, Query, Segment, Selector};
use super::text::{error, quote};
use super::{JsonPath, PathDialect, PathError, lower};
use pest::Parser;
use pest::error::{ErrorVariant, InputLocation};

#[derive(pest_derive::Parser)]
#[grammar = "grammar/path.pest"]
pub(super) struct PathParser;

/// Reads and checks a path.
pub(super) fn parse(text: &str, dialect: PathDialect) -> Result<Query, PathError> {
    if let Some(query) = plain(text) {
        return Ok(query);
    }
    let trimmed = check_ends(text, dialect)?;
    check_bounds(trimmed)?;
    let pair = PathParser::parse(Rule::path, trimmed)
        .map_err(|e| explain(trimmed, &e))?
        .next();
    let Some(pair) = pair else {
        return Err(error(0, text.len(), "the path is empty"));
    };
    lower::path(trimmed, dialect, pair)
}

/// `$` and names behind dots, in letters that mean the same in both dialects: nearly all paths, and no work for a grammar.
fn plain(text: &str) -> Option<Query> {
    let names = text
        .strip_prefix('$')
        .filter(|_| text.len() <= JsonPath::MAX_LENGTH)?;
    let is_plain = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let segment = |name: &str| {
        is_plain(name).then(|| Segment {
            deep: false,
            selectors: vec![Selector::Name(name.to_owned())],
        })
    };
    let segments = match names.strip_prefix('.') {
        Some(names) => names.split('.').map(segment).collect::<Option<_>>()?,
        None if names.is_empty() => Vec::new(),
        None => return None,
    };
    Some(Query {
        anchor: Anchor::Root,
        segments,
        tail: None,
    })
}

/// Blanks at the ends: Jayway takes those at the end, its versions differ on those at the start.
fn check_ends(text: &str, dialect: PathDialect) -> Result<&str, PathError> {
    let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
    let (leading, body) = (
        text.len() - text.trim_start_matches(blank).len(),
        text.trim_matches(blank),
    );
    if body.is_empty() {
        return Err(error(0, text.len(), "the path is empty").help("write `$` for the whole value"));
    }
    if leading > 0 {
        return Err(
            error(0, leading, "a blank stands before the path").help(format!("write `{body}`"))
        );
    }
    match dialect {
        PathDialect::Conductor => Ok(body),
        PathDialect::Rfc9535 if body.len() == text.len() => Ok(body),
        PathDialect::Rfc9535 => Err(
            error(body.len(), text.len(), "a blank stands after the path")
                .help(format!("write `{body}`")),
        ),
    }
}

/// Length and nesting, before the parser recurses.
fn check_bounds(text: &str) -> Result<(), PathError> {
    if text.chars().count() > JsonPath::MAX_LENGTH {
        return Err(error(
            0,
            text.len(),
            format!(
                "the path is longer than {} characters",
                JsonPath::MAX_LENGTH
            ),
        ));
    }
    let (mut depth, mut quoted, mut escaped) = (0usize, None, false);
    for (at, c) in text.char_indices() {
        match quoted {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(quote) if c == quote => quoted = None,
            Some(_) => {}
            None => match c {
                '\'' | '"' => quoted = Some(c),
                '[' | '(' => {
                    depth += 1;
                    if depth > JsonPath::MAX_NESTING {
                        return Err(error(
                            at,
                            at + 1,
                            format!("the path is nested deeper than {}", JsonPath::MAX_NESTING),
                        ));
                    }
                }
                ']' | ')' => depth = depth.saturating_sub(1),
                _ => {}
            },
        }
    }
    Ok(())
}

/// What the author did, from the place where the grammar stopped.
fn explain(text: &str, cause: &pest::error::Error<Rule>) -> PathError {
    let at = match cause.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at.min(text.len()),
    };
    let (before, rest) = text.split_at_checked(at).unwrap_or((text, ""));
    let Some(found) = rest.chars().next() else {
        return unfinished(text, before, cause);
    };
    let end = at + found.len_utf8();
    if let Some(blank) = blank_in_name(text, before, found) {
        return blank;
    }
    let called = rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
    if called.starts_with('(') && !before.ends_with('[') {
        let end = text.len() - called.len();
        return error(at, end.max(at + 1), "a function cannot be called here")
            .help("functions stand within a filter, as in `[?length(@.name) > 3]`");
    }
    match found {
        '\'' | '"' if !rest.get(1..).unwrap_or("").contains(found) => {
            error(at, text.len(), "the quoted name is not closed")
                .help(format!("put `{found}` at its end"))
        }
        '=' if !rest.starts_with("==") && !before.ends_with('=') => {
            error(at, end, "`=` is not an operator").help("compare with `==`")
        }
        '&' | '|' if !rest.starts_with("&&") && !rest.starts_with("||") => {
            error(at, end, format!("`{found}` is not an operator"))
                .help(format!("write `{found}{found}`"))
        }
        ']' | ')' if !before.contains(if found == ']' { '[' } else { '(' }) => {
            error(at, end, format!("`{found}` closes nothing"))
        }
        '.' if before.ends_with("..") => {
            error(at, end, "three dots in a row").help("`..` searches all levels below")
        }
        found => {
            let wanted = expected(cause);
            let help = if wanted.is_empty() {
                None
            } else {
                Some(format!("expected {wanted}"))
            };
            PathError {
                help,
                ..error(
                    at,
                    end,
                    format!("`{}` is not allowed here", found.escape_debug()),
                )
            }
        }
    }
}

fn unfinished(text: &str, before: &str, cause: &pest::error::Error<Rule>) -> PathError {
    let at = text.len();
    let count = |c: char| before.matches(c).count();
    let message = if count('[') > count(']') {
        "a `[` is not closed"
    } else if before.ends_with('.') {
        "a name is missing after the dot"
    } else {
        "the path ends too early"
    };
    let help = match expected(cause) {
        wanted if wanted.is_empty() => None,
        wanted => Some(format!("expected {wanted}")),
    };
    PathError {
        help,
        ..error(
            at.saturating_sub(before.chars().next_back().map_or(0, char::len_utf8)),
            at,
            message,
        )
    }
}

/// `$.to ken`: some engines read it as the name `to ken`, ours never.
fn blank_in_name(text: &str, before: &str, found: char) -> Option<PathError> {
    let name = before.trim_end_matches([' ', '\t', '\n', '\r']);
    let outside = name.matches(['[', '(']).count() == name.matches([']', ')']).count();
    if name.len() == before.len() || !outside || matches!(found, '.' | '[' | ']' | ')' | ',') {
        return None;
    }
    let dot = name.rfind('.')?;
    let first = name.get(dot + 1..)?;
    let rest = text.get(dot + 1..)?;
    let whole = rest.split(['.', '[']).next().unwrap_or(rest);
    if first.is_empty() || first.contains(']') {
        return None;
    }
    let mended = format!(
        "{}[{}]{}",
        text.get(..dot)?,
        quote(whole.trim_end()),
        text.get(dot + 1 + whole.len()..)?
    );
    Some(
        error(
            name.len(),
            before.len(),
            "a name after a dot cannot contain a blank",
        )
        .help(format!("write `{mended}`")),
    )
}

/// What could have come, in words.
fn expected(cause: &pest::error::Error<Rule>) -> String {
    let ErrorVariant::ParsingError { positives, .. } = &cause.variant else {
        return String::new();
    };
    let mut words: Vec<&str> = Vec::new();
    for rule in positives {
        let word = match rule {
            Rule::EOI => "the end",
            Rule::child | Rule::descendant | Rule::dot_bracket | Rule::tail => "`.name` or `[…]`",
            Rule::bracket => "`[…]`",
            Rule::name | Rule::tail_name => "a name",
            Rule::wildcard => "`*`",
            Rule::string => "a quoted name",
            Rule::index | Rule::int | Rule::slice | Rule::from | Rule::to | Rule::step => {
                "a number"
            }
            Rule::filter => "a filter `?…`",
            Rule::comparing | Rule::comparison | Rule::matching | Rule::relating | Rule::word => {
                "a comparison"
            }
            Rule::query | Rule::root | Rule::current | Rule::function | Rule::function_name => {
                "`@` or `$`"
            }
            Rule::number | Rule::constant => "a value",
            Rule::and => "`&&`",
            Rule::or => "`||`",
            Rule::logical | Rule::conjunction | Rule::relation | Rule::negation | Rule::group => {
                "a condition"
            }
            _ => continue,
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.truncate(4);
    match words.split_last() {
        Some((last, [])) => (*last).to_string(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}
