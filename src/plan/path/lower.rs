//! Pairs → segments and selectors, refusing what the dialect lacks.

use super::function::{Function, Tail};
use super::model::{Anchor, Query, Segment, Selector};
use super::parse::Rule;
use super::text::{error, int, is_rfc_name, quote, string};
use super::{PathDialect, PathError, filter};
use pest::iterators::Pair;

/// What lowering needs to know everywhere.
#[derive(Clone, Copy)]
pub(super) struct Lower<'t> {
    pub(super) text: &'t str,
    pub(super) dialect: PathDialect,
}

/// The path as a whole.
pub(super) fn path(
    text: &str,
    dialect: PathDialect,
    pair: Pair<'_, Rule>,
) -> Result<Query, PathError> {
    Lower { text, dialect }.query(pair, true)
}

impl Lower<'_> {
    pub(super) fn is_rfc(self) -> bool {
        self.dialect == PathDialect::Rfc9535
    }

    /// The whole text with `new` between two bytes.
    pub(super) fn mended(self, start: usize, end: usize, new: &str) -> String {
        format!(
            "{}{new}{}",
            self.text.get(..start).unwrap_or(""),
            self.text.get(end..).unwrap_or("")
        )
    }

    /// A path, or a query in a filter.
    pub(super) fn query(self, pair: Pair<'_, Rule>, top: bool) -> Result<Query, PathError> {
        let span = pair.as_span();
        let mut query = Query {
            anchor: Anchor::Root,
            segments: Vec::new(),
            tail: None,
        };
        let mut rooted = false;
        let mut before: Option<usize> = None;
        for part in pair.into_inner() {
            let at = part.as_span();
            if let Some(end) = before.filter(|end| *end < at.start() && !self.is_rfc())
                && part.as_rule() != Rule::EOI
            {
                return Err(error(
                    end,
                    at.start(),
                    "a path with a blank within finds nothing on a server, which puts null there",
                )
                .help(format!("write `{}`", self.mended(end, at.start(), ""))));
            }
            before = Some(at.end());
            match part.as_rule() {
                // The reader puts what stands behind `$` into the document, under names that begin so.
                Rule::root
                    if !top
                        && !self.is_rfc()
                        && !self
                            .text
                            .get(at.end()..)
                            .is_some_and(|rest| rest.starts_with("['@")) =>
                {
                    return Err(error(
                        at.start(),
                        at.end(),
                        "`$` within a filter is the whole workflow on a server, and is not read here",
                    )
                    .help("take the value into an input, and filter in an INLINE or JSON_JQ_TRANSFORM task"));
                }
                Rule::root => rooted = true,
                Rule::current => {
                    rooted = true;
                    if !top {
                        query.anchor = Anchor::Current;
                    } else if self.is_rfc() {
                        return Err(error(
                            at.start(),
                            at.end(),
                            "a path starts with `$`; `@` stands in filters alone",
                        )
                        .help(format!(
                            "write `{}`",
                            self.mended(at.start(), at.end(), "$")
                        )));
                    }
                }
                Rule::EOI => {}
                Rule::tail => {
                    query.tail = Some(self.tail(part, &query, top)?);
                }
                rule => {
                    if !rooted {
                        self.missing_root(span.start(), rule == Rule::child)?;
                        rooted = true;
                    }
                    query.segments.push(self.segment(part)?);
                }
            }
        }
        Ok(query)
    }

    fn missing_root(self, at: usize, dotted: bool) -> Result<(), PathError> {
        if self.is_rfc() {
            let mended = format!("{}{}", if dotted { "$" } else { "$." }, self.text);
            return Err(error(at, self.text.len(), "a path starts with `$`")
                .help(format!("write `{mended}`")));
        }
        if self.text.starts_with('.') {
            return Err(error(at, at + 1, "a path does not start with a dot")
                .help(format!("write `${}`", self.text)));
        }
        Ok(())
    }

    fn tail(self, pair: Pair<'_, Rule>, query: &Query, top: bool) -> Result<Tail, PathError> {
        let span = pair.as_span();
        let mut parts = pair.into_inner();
        let name = parts.next().map_or("", |p| p.as_str());
        let refuse = |message: String| error(span.start(), span.end(), message);
        if self.is_rfc() {
            if name != "length" {
                return Err(
                    refuse(format!("the function `.{name}()` is not supported")).help(match name {
                        "first" => "write the index `[0]`",
                        "last" => "write the index `[-1]`",
                        _ => "compute in a step of its own",
                    }),
                );
            }
            let help = if top {
                "capture the list itself and use the function `length(…)` of the language"
            } else {
                "write `length(@.name)`, with the path as the argument"
            };
            return Err(
                refuse("RFC 9535 has no `.length()` at the end of a path".into()).help(help),
            );
        }
        let Some(function) = Function::find(name) else {
            return Err(refuse(format!("there is no function `.{name}()`")).help(
                "a server puts null there; the functions are `length`, `keys`, `min`, `max`, `avg`, `sum`, `stddev`, `first`, `last`, `index`, `concat` and `append`",
            ));
        };
        // What stands in `'` is no JSON, and nothing to a server that joins texts.
        let is_read = |literal: &Pair<'_, Rule>| {
            function != Function::Concat || !literal.as_str().starts_with('\'')
        };
        let given = parts.len();
        let parameters = parts
            .filter(is_read)
            .map(filter::literal)
            .collect::<Result<Vec<_>, _>>()?;
        let (least, most) = function.arity();
        if !(least..=most).contains(&given) {
            return Err(refuse(format!(
                "`.{name}()` takes {}",
                if most == 0 { "nothing" } else { "a value" }
            ))
            .help("a server puts null there"));
        }
        if function.is_aggregate() && query.singular().is_none() {
            return Err(refuse(format!("`.{name}()` computes with the numbers of one list"))
                .help("a server puts null behind wildcards, slices, filters and `..`; end the path with the list: `$.list.sum()`"));
        }
        Ok(Tail {
            function,
            parameters,
        })
    }

    fn segment(self, pair: Pair<'_, Rule>) -> Result<Segment, PathError> {
        let span = pair.as_span();
        let deep = pair.as_rule() == Rule::descendant;
        let inner = match pair.as_rule() {
            Rule::child | Rule::descendant => pair.into_inner().next(),
            _ => Some(pair),
        };
        let Some(inner) = inner else {
            return Err(error(span.start(), span.end(), "a name is missing"));
        };
        let at = inner.as_span();
        let selectors = match inner.as_rule() {
            Rule::name => {
                let name = inner.as_str();
                if self.is_rfc() && !is_rfc_name(name) {
                    let start = if deep { at.start() } else { span.start() };
                    return Err(error(
                        at.start(),
                        at.end(),
                        format!("`{name}` cannot stand after a dot"),
                    )
                    .help(format!(
                        "write `{}`",
                        self.mended(start, at.end(), &format!("[{}]", quote(name)))
                    )));
                }
                vec![Selector::Name(name.to_string())]
            }
            Rule::wildcard => vec![Selector::Wildcard],
            Rule::dot_bracket => {
                if self.is_rfc() {
                    return Err(
                        error(at.start(), at.start() + 1, "a dot stands before `[`").help(format!(
                            "write `{}`",
                            self.mended(at.start(), at.start() + 1, "")
                        )),
                    );
                }
                match inner.into_inner().next() {
                    Some(bracket) => self.selectors(bracket)?,
                    None => Vec::new(),
                }
            }
            _ => self.selectors(inner)?,
        };
        Ok(Segment { deep, selectors })
    }

    fn selectors(self, bracket: Pair<'_, Rule>) -> Result<Vec<Selector>, PathError> {
        bracket
            .into_inner()
            .map(|selector| self.selector(selector))
            .collect()
    }

    fn selector(self, pair: Pair<'_, Rule>) -> Result<Selector, PathError> {
        let span = pair.as_span();
        Ok(match pair.as_rule() {
            Rule::string => Selector::Name(string(pair.as_str(), span.start())?),
            Rule::wildcard => Selector::Wildcard,
            Rule::index => Selector::Index(int(pair.as_str(), span.start())?),
            Rule::slice => {
                let (mut from, mut to, mut step) = (None, None, 1);
                for bound in pair.into_inner() {
                    let value = int(bound.as_str(), bound.as_span().start())?;
                    match bound.as_rule() {
                        Rule::from => from = Some(value),
                        Rule::to => to = Some(value),
                        _ => step = value,
                    }
                }
                if step != 1 && !self.is_rfc() {
                    return Err(error(
                        span.start(),
                        span.end(),
                        "a slice with a step finds nothing on a server, which puts null there",
                    )
                    .help("take the elements by their indexes: `[0,2]`"));
                }
                // Jayway counts the end from the front where there is a beginning.
                let is_empty = matches!((from, to), (Some(0..), Some(..0))) && !self.is_rfc();
                if is_empty {
                    Selector::Slice(Some(0), Some(0), 1)
                } else {
                    Selector::Slice(from, to, step)
                }
            }
            Rule::filter if !self.is_rfc() && !is_parenthesised(pair.as_str()) => {
                return Err(error(
                    span.start(),
                    span.end(),
                    "a filter without parentheses finds nothing on a server, which puts null there",
                )
                .help(format!(
                    "write `{}`",
                    self.mended(
                        span.start(),
                        span.end(),
                        &format!("?({})", pair.as_str().trim_start_matches('?').trim())
                    )
                )));
            }
            Rule::filter => match pair.into_inner().next() {
                Some(condition) => Selector::Filter(Box::new(filter::logical(self, condition)?)),
                None => return Err(error(span.start(), span.end(), "the filter is empty")),
            },
            _ => {
                let script = pair.as_str().replace([' ', '\t'], "");
                let back = script
                    .strip_prefix("(@.length-")
                    .and_then(|s| s.strip_suffix(')'))
                    .filter(|n| n.parse::<u32>().is_ok());
                let help = match back {
                    Some(back) => format!(
                        "write `{}`",
                        self.mended(span.start(), span.end(), &format!("-{back}"))
                    ),
                    None => "write an index, a slice, or a filter `?(…)`".to_string(),
                };
                return Err(error(
                    span.start(),
                    span.end(),
                    "a computed index is not supported",
                )
                .help(help));
            }
        })
    }
}

/// Whether a filter begins with a parenthesis behind its `?`.
fn is_parenthesised(filter: &str) -> bool {
    filter
        .strip_prefix('?')
        .is_some_and(|rest| rest.trim_start().starts_with('('))
}
