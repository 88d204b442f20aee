//! What may become the new value of a secret. A credential that was overwritten with an error page, a placeholder or the word
//! `null` is a lock-out, so whatever no issuer means as a credential needs the author's word.

use super::value::{Data, Value};
use crate::plan::task::lifecycle::Allow;
use crate::plan::{Expr, ExprKind, Function, Root, Type};

/// Why a value is not stored: the rest of a sentence that begins "the new value of … ", and what to do.
pub type Refusal = (String, &'static str);

/// What is known about where a value comes from.
#[derive(Clone, Copy, Default)]
pub struct Provenance {
    /// The author says that it is a list or an object: `as json`, a literal, `json(…)`.
    pub structured: bool,
    /// Somewhere in this run a reference without a value became the word `null` in a text, or a script made a text.
    pub spliced: bool,
    /// It came from a definition whose server stores lists and objects as their JSON text.
    pub stores_json: bool,
}

/// Whether an expression gives a list or an object by the author's word. `capture` knows the declared types of captures.
pub fn is_structured(expr: &Expr, capture: &dyn Fn(&str, &str) -> Option<Type>) -> bool {
    match &expr.kind {
        ExprKind::List(_) | ExprKind::Object(_) => true,
        ExprKind::Call(function, _) => *function == Function::Json,
        ExprKind::Ref(Root::Capture { step, name }) => matches!(
            capture(step, name),
            Some(Type::Json | Type::List(_) | Type::Record(_))
        ),
        ExprKind::Ref(Root::Input(_) | Root::Secret { .. }) => true,
        _ => false,
    }
}

/// Why a value is not taken for a credential, if it is not.
pub fn refusal(value: &Value, from: Provenance, allow: Allow) -> Option<Refusal> {
    let refuse = |what: &str, help: &'static str| Some((what.to_owned(), help));
    if value.is_null() {
        return refuse(
            "is null",
            "look at where it comes from: a capture that found nothing, an input that was not passed",
        );
    }
    if value.is_blank() {
        return (!allow.empty).then(|| {
            (
                "is empty".to_owned(),
                "if that is right, write `allow empty`",
            )
        });
    }
    if allow.anything {
        return None;
    }
    match &value.data {
        Data::Bool(_) => refuse(
            "is a truth value",
            "look at the path of the capture; if that is right, write `allow anything`",
        ),
        Data::List(items) if items.iter().all(Value::is_null) => refuse(
            "is a list without values",
            "a path with a filter, `..` or `*` found nothing; look at what the server answered",
        ),
        Data::Object(members) if members.is_empty() => {
            refuse("is an empty object", "look at what the server answered")
        }
        Data::List(_) if !from.structured && !from.stores_json => refuse(
            "is a list",
            "take one element with `[0]`; where the whole list is the secret, capture it `as json` or store `json(…)`",
        ),
        Data::Object(_) if !from.structured && !from.stores_json => refuse(
            "is an object",
            "take one of its fields; where the whole object is the secret, capture it `as json` or store `json(…)`",
        ),
        Data::Text(text) => of_text(text, from, allow),
        _ => None,
    }
}

/// Whether a text of our own making would be refused as a new value.
pub fn is_suspect(text: &str) -> bool {
    of_text(text, Provenance::default(), Allow::default()).is_some()
}

fn of_text(text: &str, from: Provenance, allow: Allow) -> Option<Refusal> {
    let refuse = |what: &str, help: &'static str| Some((what.to_owned(), help));
    let trimmed = text.trim();
    let document = trimmed.starts_with(['{', '[']) && crate::json::parse_text(trimmed).is_ok();
    if let Some(word) = void_word(trimmed).filter(|_| !document) {
        return Some((
            format!("holds the word `{word}`"),
            "a value that is not there was written as a word; if that is right, write `allow anything`",
        ));
    }
    let spliced = from.spliced && !document;
    if let Some(word) = VOID.iter().find(|word| spliced && text.contains(**word)) {
        return Some((
            format!("holds the word `{word}`"),
            "a reference in it had no value, and was written as a word",
        ));
    }
    if is_placeholder(trimmed) {
        return refuse(
            "is a placeholder",
            "the server does not show the credential here; if that is right, write `allow anything`",
        );
    }
    if is_page(trimmed) {
        return refuse(
            "is an HTML page",
            "the server answered with a page (a login, an error, maintenance) instead of a credential",
        );
    }
    if text.contains('\u{fffd}') {
        return refuse(
            "holds U+FFFD, which stands for bytes that could not be read as text",
            "the answer is in another charset than it says; look at its `Content-Type`",
        );
    }
    let unseen =
        |c: char| (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || crate::json::deceives(c);
    if let Some(c) = text.chars().find(|c| unseen(*c)) {
        return Some((
            format!("holds U+{:04X}, which cannot be seen", u32::from(c)),
            "no issuer makes such a credential; if that is right, write `allow anything`",
        ));
    }
    let lines = trimmed.contains('\n');
    if !allow.untrimmed && !lines && trimmed != text {
        return refuse(
            "has blanks or line ends around it",
            "store `trim(…)`; where they belong to it, write `allow untrimmed`",
        );
    }
    None
}

/// How languages write that there is nothing.
const VOID: &[&str] = &["null", "undefined", "None"];

/// A word for nothing that stands alone, or as the last part of a text (`Bearer null`, `user:None`).
fn void_word(text: &str) -> Option<&'static str> {
    let last = text.rsplit([' ', ':', '=', ',', ';', '/', '|']).next()?;
    VOID.iter().copied().find(|word| last == *word)
}

/// Words that services write in the place of a value, apart from brackets around them.
const PLACEHOLDERS: &[&str] = &[
    "redacted",
    "masked",
    "filtered",
    "hidden",
    "sensitive",
    "sensitive value",
    "omitted",
    "removed",
    "not shown",
    "secret",
    "changeme",
    "change me",
    "todo",
    "placeholder",
    "value hidden",
];

fn is_placeholder(text: &str) -> bool {
    let inner = text.trim_matches(['[', ']', '<', '>', '(', ')', '{', '}', '*', '_', '-', ' ']);
    let word = PLACEHOLDERS
        .iter()
        .any(|word| word.eq_ignore_ascii_case(inner));
    let mut letters = text.chars();
    let first = letters.next();
    let one = text.chars().count() >= 3 && letters.all(|c| Some(c) == first);
    one || word
        || ["***", "•••", "●●●"]
            .iter()
            .any(|stars| text.contains(stars))
}

fn is_page(text: &str) -> bool {
    let head: String = text
        .chars()
        .take(512)
        .collect::<String>()
        .to_ascii_lowercase();
    head.starts_with("<!doctype html")
        || head.starts_with("<html")
        || (head.starts_with('<') && head.contains("<html"))
}
