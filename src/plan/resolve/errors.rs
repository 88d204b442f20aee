//! What resolving has to say: one named constructor for each diagnostic.

use crate::diagnostic::{Code, Diagnostic, Edit, codes, nearest};
use crate::plan::{Function, Type};
use crate::source::Span;
use crate::syntax::ast::Name;

/// Adds the nearest name as help and as a fix. It needs a look: of `key1` and `key2` the wrong one may be nearer, and a secret
/// would go where another belongs.
fn suggest(
    diagnostic: Diagnostic,
    name: &Name,
    candidates: &[String],
    otherwise: &str,
) -> Diagnostic {
    match nearest(&name.text, candidates.iter().map(String::as_str)) {
        Some(near) => diagnostic
            .help(format!("a name that is close: `{near}`"))
            .fix(
                format!("replace by `{near}`"),
                false,
                vec![Edit {
                    span: name.span,
                    text: near.to_owned(),
                }],
            ),
        None if candidates.is_empty() => diagnostic.help(otherwise.to_owned()),
        None => diagnostic.help(format!("known here: {}", list(candidates))),
    }
}

/// All names in backticks.
fn list(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    shown.join(", ")
}

pub(super) fn unresolved(name: &Name, candidates: &[String]) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        codes::UNRESOLVED_REFERENCE,
        name.span,
        format!("no name `{}` in scope", name.text),
    )
    .at("not known here");
    suggest(
        diagnostic,
        name,
        candidates,
        "names are `secrets.…`, `input.…`, `run.…`, `env.…`, a step's name, or a `let`",
    )
}

pub(super) fn unknown_function(name: &Name) -> Diagnostic {
    let names: Vec<String> = Function::ALL.iter().map(|f| f.name().to_owned()).collect();
    let diagnostic = Diagnostic::new(
        codes::UNRESOLVED_REFERENCE,
        name.span,
        format!("there is no function `{}`", name.text),
    )
    .at("not a function");
    suggest(diagnostic, name, &names, "")
}

pub(super) fn misplaced(span: Span, message: &str, help: &str) -> Diagnostic {
    Diagnostic::new(codes::SYNTAX_ERROR, span, message)
        .at("does not belong here")
        .help(help)
}

pub(super) fn issues_in_verify(span: Span) -> Diagnostic {
    Diagnostic::new(codes::NON_IDEMPOTENT_RETRY, span, "each attempt of this `verify` issues a credential that nothing keeps")
        .at("repeated until the whole block succeeds")
        .help("if it dies by itself soon, write `reads`; else revoke it in the block as well, or test the new value with a request that only reads")
}

pub(super) fn missing_inputs(rotation: &Name, missing: &[&str], declared: Span) -> Diagnostic {
    let names = missing
        .iter()
        .map(|n| format!("`{n}`"))
        .collect::<Vec<_>>()
        .join(", ");
    Diagnostic::new(
        codes::MISSING_REQUIRED,
        rotation.span,
        format!("`{}` is called without its input {names}", rotation.text),
    )
    .at("the input has no default")
    .label(declared, "declared here")
    .help(format!(
        "pass it: `{} {{ {} }}`",
        rotation.text,
        missing
            .iter()
            .map(|n| format!("{n}: …"))
            .collect::<Vec<_>>()
            .join(", ")
    ))
}

/// A secret's name where its value is meant.
pub(super) fn bare_secret(name: &Name) -> Diagnostic {
    let whole = format!("secrets.{}", name.text);
    unresolved(name, &[])
        .help(format!("the value of the secret is `{whole}`"))
        .fix(
            format!("write `{whole}`"),
            false,
            vec![Edit {
                span: name.span,
                text: whole,
            }],
        )
}

pub(super) fn forward(name: &Name, defined: Span) -> Diagnostic {
    Diagnostic::new(
        codes::FORWARD_REFERENCE,
        name.span,
        format!("`{}` is used before it is defined", name.text),
    )
    .at("has no value yet when this step runs")
    .label(defined, "defined here")
    .help("move the step that defines it before the step that uses it")
}

pub(super) fn sibling_branch(name: &Name, defined: Span) -> Diagnostic {
    Diagnostic::new(
        codes::FORWARD_REFERENCE,
        name.span,
        format!("`{}` belongs to another parallel branch", name.text),
    )
    .at("may not have run yet")
    .label(defined, "defined in this branch")
    .help("use it after the `parallel` block")
}

pub(super) fn undeclared_secret(name: &Name, declared: &[String]) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        codes::UNDECLARED_SECRET,
        name.span,
        format!("secret `{}` is not declared", name.text),
    )
    .at("no `secret` declaration");
    if name.text.ends_with("/*") {
        return diagnostic.help(
            "`/*` stands for the member in a `rotation NAME for each MEMBER in [ … ]`, and nowhere else",
        );
    }
    suggest(
        diagnostic,
        name,
        declared,
        "declare it at the top of the file: `secret NAME to \"host\"`",
    )
}

pub(super) fn holds_one(target: &Name, first: Span) -> Diagnostic {
    Diagnostic::new(
        codes::DUPLICATE_NAME,
        target.span,
        format!("target `{}` holds one value, and gets two", target.text),
    )
    .at("the second one")
    .label(first, "the first one")
    .help("deliver the whole record, name another target, or give a file `form \"dotenv\"`")
}

pub(super) fn unknown_target(name: &Name, declared: &[String]) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        codes::UNRESOLVED_REFERENCE,
        name.span,
        format!("target `{}` is not declared", name.text),
    )
    .at("no `target` declaration");
    suggest(
        diagnostic,
        name,
        declared,
        "declare it at the top of the file: `target NAME file \"/path\"`",
    )
}

pub(super) fn unknown_field(name: &Name, of: &str, fields: &[String]) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        codes::UNKNOWN_FIELD,
        name.span,
        format!("{of} has no `{}`", name.text),
    )
    .at("unknown");
    suggest(diagnostic, name, fields, "it has no fields")
}

pub(super) fn missing_part(span: Span, root: &str, wanted: &str) -> Diagnostic {
    Diagnostic::new(
        codes::UNRESOLVED_REFERENCE,
        span,
        format!("`{root}` alone is not a value"),
    )
    .at(format!("write `{root}.{wanted}`"))
}

pub(super) fn duplicate(what: &str, name: &Name, first: Span) -> Diagnostic {
    Diagnostic::new(
        codes::DUPLICATE_NAME,
        name.span,
        format!("{what} `{}` is defined twice", name.text),
    )
    .at("again here")
    .label(first, "first defined here")
    .help("rename one of them")
}

pub(super) fn bad_name(what: &str, name: &Name, rule: &str) -> Diagnostic {
    Diagnostic::new(
        codes::BAD_NAME,
        name.span,
        format!("`{}` cannot name {what}", name.text),
    )
    .at("not a valid name")
    .help(rule.to_owned())
}

pub(super) fn mismatch(span: Span, found: &Type, wanted: &str) -> Diagnostic {
    Diagnostic::new(
        codes::TYPE_MISMATCH,
        span,
        format!("expected {wanted}, found {}", found.describe()),
    )
    .at(format!("this is {}", found.describe()))
}

pub(super) fn unknown_word(span: Span, what: &str, word: &str, words: &[&str]) -> Diagnostic {
    let diagnostic =
        Diagnostic::new(codes::BAD_VALUE, span, format!("`{word}` is not {what}")).at("unknown");
    match nearest(word, words.iter().copied()) {
        Some(near) => diagnostic
            .help(format!("a word that is close: `{near}`"))
            .fix(
                format!("replace by `{near}`"),
                false,
                vec![Edit {
                    span,
                    text: near.to_owned(),
                }],
            ),
        None => diagnostic.help(format!(
            "one of {}",
            words
                .iter()
                .map(|w| format!("`{w}`"))
                .collect::<Vec<_>>()
                .join(", ")
        )),
    }
}

pub(super) fn bad_value(
    code: Code,
    span: Span,
    message: impl Into<String>,
    help: impl Into<String>,
) -> Diagnostic {
    Diagnostic::new(code, span, message).at("here").help(help)
}

pub(super) fn missing_effect(span: Span, method: &str, capture: Span) -> Diagnostic {
    Diagnostic::new(codes::MISSING_EFFECT, span, format!("this {method} makes a secret, but does not say what happens to the old one"))
        .at("say its effect after the URL")
        .label(capture, "the answer becomes a secret here")
        .help("`issues additive` when old credentials stay valid, `issues replacing …` when they die, `sets` when we choose the value, `reads` when nothing changes")
        .note("a crash during the call is recovered by this, and the order of the steps is checked against it")
}

/// Two sides of a comparison whose types have no value in common.
pub(super) fn never_equal(span: Span, left: &str, right: &str) -> Diagnostic {
    Diagnostic::new(
        codes::CONSTANT_CONDITION,
        span,
        format!("{left} never equals {right}"),
    )
    .at("always the same")
}
