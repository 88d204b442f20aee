//! Pairs → conditions, with the types of RFC 9535 section 2.4: what may be tested, what may be compared.

use super::PathError;
use super::function::{Relation, Word};
use super::lower::Lower;
use super::model::{Filter, Leaf, Operand, Query, Side};
use super::parse::Rule;
use super::text::{check_regex, error, number, string};
use jsonpath_rust::parser::model::Literal;
use pest::Span;
use pest::iterators::Pair;

/// The functions of RFC 9535.
const FUNCTIONS: [&str; 5] = ["length", "count", "match", "search", "value"];

/// Words that are none of Jayway's operators, with what to write instead.
const NOT_WORDS: [(&str, &str); 4] = [
    ("and", "write `&&`"),
    ("or", "write `||`"),
    ("startsWith", "write `=~ /text.*/`"),
    ("endsWith", "write `=~ /.*text/`"),
];

/// What stands where a value or a test may stand.
enum Term {
    Value(Operand),
    Nodes(Query),
    Test(Filter),
}

/// A condition.
pub(super) fn logical(lower: Lower<'_>, pair: Pair<'_, Rule>) -> Result<Filter, PathError> {
    let parts = pair
        .into_inner()
        .filter(|part| part.as_rule() != Rule::or)
        .map(|part| conjunction(lower, part))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(one_or(parts, Filter::Any))
}

fn one_or(mut parts: Vec<Filter>, many: fn(Vec<Filter>) -> Filter) -> Filter {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            many(parts)
        }
        None => many(parts),
    }
}

fn conjunction(lower: Lower<'_>, pair: Pair<'_, Rule>) -> Result<Filter, PathError> {
    let parts = pair
        .into_inner()
        .filter(|part| part.as_rule() != Rule::and)
        .map(|part| basic(lower, part))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(one_or(parts, Filter::All))
}

fn basic(lower: Lower<'_>, pair: Pair<'_, Rule>) -> Result<Filter, PathError> {
    let span = pair.as_span();
    let rule = pair.as_rule();
    let mut inner = pair.into_inner();
    let Some(first) = inner.next() else {
        return Err(error(span.start(), span.end(), "the condition is empty"));
    };
    match rule {
        Rule::group => logical(lower, first),
        Rule::negation => {
            let negated = match first.as_rule() {
                Rule::group => basic(lower, first)?,
                _ => test(lower, first)?,
            };
            Ok(Filter::Not(Box::new(negated)))
        }
        _ => match inner.next() {
            None => test(lower, first),
            Some(relation) => related(lower, span, first, relation),
        },
    }
}

/// A term that stands alone.
fn test(lower: Lower<'_>, pair: Pair<'_, Rule>) -> Result<Filter, PathError> {
    let span = pair.as_span();
    match term(lower, pair)? {
        Term::Nodes(query) if query.tail.is_some() => Err(uncompared(span)),
        Term::Nodes(query) => Ok(Filter::Exists(query)),
        Term::Test(filter) => Ok(filter),
        Term::Value(Operand::Literal(_)) => {
            Err(
                error(span.start(), span.end(), "a value alone is not a condition")
                    .help("compare it, as in `@.name == 'x'`"),
            )
        }
        Term::Value(_) => Err(uncompared(span)),
    }
}

fn uncompared(span: Span<'_>) -> PathError {
    error(
        span.start(),
        span.end(),
        "the result of the function is not compared with anything",
    )
    .help(format!("compare it, as in `{} > 0`", span.as_str()))
}

/// A term that is compared.
fn operand(lower: Lower<'_>, pair: Pair<'_, Rule>) -> Result<Operand, PathError> {
    let span = pair.as_span();
    match term(lower, pair)? {
        Term::Value(operand) => Ok(operand),
        Term::Nodes(query) => query.as_operand().ok_or_else(|| {
            error(
                span.start(),
                span.end(),
                "the path may find several values and cannot be compared",
            )
            .help("use names and indexes alone, or `count(…)` or `value(…)` around it")
        }),
        Term::Test(_) => Err(error(
            span.start(),
            span.end(),
            "the result of the function cannot be compared",
        )
        .help("it is true or false by itself: let it stand alone")),
    }
}

fn related(
    lower: Lower<'_>,
    whole: Span<'_>,
    left: Pair<'_, Rule>,
    relation: Pair<'_, Rule>,
) -> Result<Filter, PathError> {
    let span = relation.as_span();
    let subject = left.as_str().to_string();
    let rule = relation.as_rule();
    let mut inner = relation.into_inner();
    let missing = || error(span.start(), span.end(), "the right side is missing");
    let first = inner.next().ok_or_else(missing)?;
    match rule {
        Rule::comparing => {
            let sign = first.as_str();
            let right = inner.next().ok_or_else(missing)?;
            let is_jayways = matches!(sign, "===" | "!==")
                || matches!(right.as_rule(), Rule::list | Rule::members);
            if is_jayways && lower.is_rfc() {
                return Err(error(
                    span.start(),
                    span.end(),
                    "RFC 9535 compares with `==` and the like, and with numbers, texts, `true`, `false` and `null`",
                ));
            }
            let operator = ["==", "!=", "<=", ">=", "<", ">"]
                .into_iter()
                .find(|op| *op == sign)
                .unwrap_or("==");
            let is_null = right.as_rule() == Rule::constant && right.as_str() == "null";
            let subject = match term(lower, left.clone())? {
                Term::Nodes(query) if is_null && !lower.is_rfc() && query.tail.is_none() => {
                    Some(query)
                }
                _ => None,
            };
            let sides = if lower.is_rfc() {
                None
            } else {
                side(lower, left.clone())?.zip(side(lower, right.clone())?)
            };
            let leaf = match (sides, Relation::find(sign)) {
                (Some((left, right)), Some(relation)) => Filter::Like(relation, left, right),
                _ => Filter::Leaf(Leaf::Compare(
                    operator,
                    operand(lower, left)?,
                    operand(lower, right)?,
                )),
            };
            // To Jayway a member that is not there is null.
            Ok(match (subject, operator) {
                (Some(query), "==") => {
                    Filter::Any(vec![leaf, Filter::Not(Box::new(Filter::Exists(query)))])
                }
                (Some(query), "!=") => Filter::All(vec![leaf, Filter::Exists(query)]),
                _ => leaf,
            })
        }
        Rule::matching => {
            let (body, flags) = regex(first)?;
            if lower.is_rfc() {
                let call = format!("match({subject}, {})", super::text::quote(&body));
                return Err(
                    error(span.start(), span.end(), "RFC 9535 has no `=~`").help(format!(
                        "write `{}`",
                        lower.mended(whole.start(), whole.end(), &call)
                    )),
                );
            }
            let pattern = Operand::Literal(Literal::String(format!("{flags}{body}")));
            Ok(Filter::Leaf(Leaf::Match {
                whole: true,
                text: operand(lower, left)?,
                pattern,
            }))
        }
        _ => member(lower, whole, left, first, inner.next().ok_or_else(missing)?),
    }
}

/// What stands on one side of a comparison, where that is a value or names one.
fn side(lower: Lower<'_>, pair: Pair<'_, Rule>) -> Result<Option<Side>, PathError> {
    if matches!(
        pair.as_rule(),
        Rule::list | Rule::members | Rule::number | Rule::string | Rule::constant
    ) {
        return Ok(Some(Side::Written(literal(pair)?)));
    }
    Ok(match term(lower, pair)? {
        Term::Nodes(query) if query.tail.is_none() && query.singular().is_some() => {
            Some(Side::Found(query))
        }
        _ => None,
    })
}

/// Body and flags (as the prefix `(?i)`) of `/re/i`.
fn regex(pair: Pair<'_, Rule>) -> Result<(String, &'static str), PathError> {
    let mut parts = pair.into_inner();
    let (Some(body), Some(flags)) = (parts.next(), parts.next()) else {
        return Ok((String::new(), ""));
    };
    let span = body.as_span();
    if let Some(fault) = check_regex(body.as_str()) {
        return Err(error(
            span.start(),
            span.end(),
            format!("the regular expression {fault}"),
        ));
    }
    let prefix = match flags.as_str() {
        "" => "",
        "i" => "(?i)",
        other => {
            let span = flags.as_span();
            return Err(error(
                span.start(),
                span.end(),
                format!("the flag `{other}` of a regular expression is not supported"),
            )
            .help("only `i` (ignore case) is"));
        }
    };
    Ok((body.as_str().replace("\\/", "/"), prefix))
}

/// `in`, `nin` and their kin.
fn member(
    lower: Lower<'_>,
    whole: Span<'_>,
    left: Pair<'_, Rule>,
    word: Pair<'_, Rule>,
    right: Pair<'_, Rule>,
) -> Result<Filter, PathError> {
    let at = word.as_span();
    let negated = if word.as_str().eq_ignore_ascii_case("in") {
        false
    } else if word.as_str().eq_ignore_ascii_case("nin") {
        true
    } else if let Some(known) = Word::find(word.as_str()).filter(|_| !lower.is_rfc()) {
        let span = left.as_span();
        let Term::Nodes(query) = term(lower, left)? else {
            return Err(error(
                span.start(),
                span.end(),
                "a path such as `@.name` stands before this operator",
            ));
        };
        if query.tail.is_some() || query.singular().is_none() {
            return Err(error(
                span.start(),
                span.end(),
                "a path that names one value stands before this operator",
            ));
        }
        return Ok(Filter::Word(known, query, literal(right)?));
    } else {
        let instead = NOT_WORDS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(word.as_str()))
            .map(|(_, help)| *help);
        let known = Word::find(word.as_str());
        let instead = instead.or(match known {
            Some(Word::Contains) => Some("write `search(@.name, 'text')`"),
            Some(Word::Size) => Some("write `length(@.name) == 2`"),
            Some(Word::Empty) => Some("write `length(@.name) == 0`"),
            Some(Word::AnyOf | Word::NoneOf | Word::SubsetOf | Word::All) => {
                Some("compare the elements one by one")
            }
            None => None,
        });
        let message = if known.is_some() {
            format!("RFC 9535 has no `{}`", word.as_str())
        } else {
            format!("`{}` is not an operator", word.as_str())
        };
        return Err(error(at.start(), at.end(), message)
            .help(instead.unwrap_or("compare with `==`, `!=`, `<`, `<=`, `>` or `>=`")));
    };
    let (operator, joint) = if negated {
        ("!=", " && ")
    } else {
        ("==", " || ")
    };
    if right.as_rule() != Rule::list {
        if lower.is_rfc() {
            return Err(error(
                at.start(),
                at.end(),
                format!("RFC 9535 has no `{}`", word.as_str()),
            )
            .help("compare with each value: `@.a == 'x' || @.a == 'y'`"));
        }
        let leaf = Leaf::Member {
            word: if negated { "nin" } else { "in" },
            item: operand(lower, left)?,
            list: operand(lower, right)?,
        };
        return Ok(Filter::Leaf(leaf));
    }
    let literals: Vec<_> = right.into_inner().collect();
    if lower.is_rfc() {
        let spelled: Vec<_> = literals
            .iter()
            .map(|l| format!("{} {operator} {}", left.as_str(), l.as_str()))
            .collect();
        let mended = lower.mended(
            whole.start(),
            whole.end(),
            &format!("({})", spelled.join(joint)),
        );
        return Err(error(
            at.start(),
            at.end(),
            format!("RFC 9535 has no `{}`", word.as_str()),
        )
        .help(format!("write `{mended}`")));
    }
    let item = operand(lower, left)?;
    let tests = literals
        .into_iter()
        .map(|literal| {
            Ok(Filter::Leaf(Leaf::Compare(
                operator,
                item.clone(),
                operand(lower, literal)?,
            )))
        })
        .collect::<Result<Vec<_>, PathError>>()?;
    Ok(if negated {
        Filter::All(tests)
    } else {
        Filter::Any(tests)
    })
}

/// A value that is written out, or a list of such.
pub(super) fn literal(pair: Pair<'_, Rule>) -> Result<serde_json::Value, PathError> {
    let span = pair.as_span();
    Ok(match pair.as_rule() {
        Rule::list => pair
            .into_inner()
            .map(literal)
            .collect::<Result<Vec<_>, _>>()?
            .into(),
        Rule::members => {
            let mut members = serde_json::Map::new();
            let mut parts = pair.into_inner();
            while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
                members.insert(
                    string(name.as_str(), name.as_span().start())?,
                    literal(value)?,
                );
            }
            members.into()
        }
        Rule::number => match number(pair.as_str(), span.start())? {
            Literal::Int(whole) => whole.into(),
            Literal::Float(float) => float.into(),
            _ => serde_json::Value::Null,
        },
        Rule::string => string(pair.as_str(), span.start())?.into(),
        Rule::constant => match pair.as_str() {
            "true" => true.into(),
            "false" => false.into(),
            _ => serde_json::Value::Null,
        },
        _ => {
            return Err(error(
                span.start(),
                span.end(),
                "only a literal value is allowed here",
            )
            .help("write a number, a text, or a list of them"));
        }
    })
}

fn term(lower: Lower<'_>, pair: Pair<'_, Rule>) -> Result<Term, PathError> {
    let at = pair.as_span().start();
    Ok(match pair.as_rule() {
        Rule::number => Term::Value(Operand::Literal(number(pair.as_str(), at)?)),
        Rule::string => Term::Value(Operand::Literal(Literal::String(string(
            pair.as_str(),
            at,
        )?))),
        Rule::constant => Term::Value(Operand::Literal(match pair.as_str() {
            "true" => Literal::Bool(true),
            "false" => Literal::Bool(false),
            _ => Literal::Null,
        })),
        Rule::query => Term::Nodes(lower.query(pair, false)?),
        _ => function(lower, pair)?,
    })
}

fn function(lower: Lower<'_>, pair: Pair<'_, Rule>) -> Result<Term, PathError> {
    let span = pair.as_span();
    let mut inner = pair.into_inner();
    let Some(name) = inner.next() else {
        return Err(error(span.start(), span.end(), "the function has no name"));
    };
    let at = name.as_span();
    if !FUNCTIONS.contains(&name.as_str()) {
        let help = match crate::diagnostic::nearest(name.as_str(), FUNCTIONS) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                "the functions are `length`, `count`, `match`, `search` and `value`".to_string()
            }
        };
        return Err(error(
            at.start(),
            at.end(),
            format!("there is no function `{}`", name.as_str()),
        )
        .help(help));
    }
    let arguments: Vec<_> = inner.collect();
    let wanted = if matches!(name.as_str(), "match" | "search") {
        2
    } else {
        1
    };
    let given = arguments.len();
    let mut arguments = arguments.into_iter();
    let (Some(first), second, true) = (arguments.next(), arguments.next(), given == wanted) else {
        let plural = if wanted == 1 { "" } else { "s" };
        return Err(error(
            span.start(),
            span.end(),
            format!(
                "`{}` takes {wanted} argument{plural}, not {given}",
                name.as_str()
            ),
        ));
    };
    Ok(match (name.as_str(), second) {
        ("length", _) => Term::Value(Operand::Length(Box::new(operand(lower, sole(first)?)?))),
        ("count", _) => Term::Value(Operand::Count(nodes(lower, first)?)),
        ("value", _) => {
            let query = nodes(lower, first)?;
            Term::Value(query.as_operand().unwrap_or(Operand::Value(query)))
        }
        (name, Some(second)) => {
            let place = second.as_span();
            let (text, pattern) = (
                operand(lower, sole(first)?)?,
                operand(lower, sole(second)?)?,
            );
            if let Operand::Literal(Literal::String(regex)) = &pattern
                && let Some(fault) = check_regex(regex)
            {
                return Err(error(
                    place.start(),
                    place.end(),
                    format!("the regular expression {fault}"),
                ));
            }
            Term::Test(Filter::Leaf(Leaf::Match {
                whole: name == "match",
                text,
                pattern,
            }))
        }
        _ => return Err(error(span.start(), span.end(), "an argument is missing")),
    })
}

fn nodes(lower: Lower<'_>, argument: Pair<'_, Rule>) -> Result<Query, PathError> {
    let span = argument.as_span();
    match term(lower, sole(argument)?)? {
        Term::Nodes(query) if query.tail.is_none() => Ok(query),
        _ => Err(error(
            span.start(),
            span.end(),
            "the argument is a path such as `@.list[*]`",
        )),
    }
}

/// The term that an argument is made of.
fn sole(argument: Pair<'_, Rule>) -> Result<Pair<'_, Rule>, PathError> {
    let span = argument.as_span();
    let mut pair = argument;
    while matches!(
        pair.as_rule(),
        Rule::argument | Rule::logical | Rule::conjunction | Rule::relation
    ) {
        let mut inner = pair.into_inner();
        match (inner.next(), inner.next()) {
            (Some(only), None) => pair = only,
            _ => {
                return Err(error(
                    span.start(),
                    span.end(),
                    "a condition cannot be the argument of a function",
                ));
            }
        }
    }
    if matches!(pair.as_rule(), Rule::group | Rule::negation) {
        return Err(error(
            span.start(),
            span.end(),
            "a condition cannot be the argument of a function",
        ));
    }
    Ok(pair)
}
