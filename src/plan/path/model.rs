//! The parsed path: segments and selectors of our own, and at the leaves of filters the query model of jsonpath-rust.

use super::function::{Function, Relation, Tail, Word};
use super::{Location, Step};
use jsonpath_rust::parser::model as jp;

/// Where a query starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    /// `$`
    Root,
    /// `@`
    Current,
}

/// A path, or a query within a filter.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) anchor: Anchor,
    pub(super) segments: Vec<Segment>,
    /// The function at its end.
    pub(super) tail: Option<Tail>,
}

/// One step down: to children, or to children of the node and of all nodes below it.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) deep: bool,
    pub(super) selectors: Vec<Selector>,
}

/// Which children.
#[derive(Debug, Clone)]
pub(super) enum Selector {
    Name(String),
    Wildcard,
    Index(i64),
    Slice(Option<i64>, Option<i64>, i64),
    Filter(Box<Filter>),
}

/// A condition on a node.
#[derive(Debug, Clone)]
pub(super) enum Filter {
    Any(Vec<Filter>),
    All(Vec<Filter>),
    Not(Box<Filter>),
    Exists(Query),
    Leaf(Leaf),
    /// Jayway's comparisons of one value with another.
    Like(Relation, Side, Side),
    /// Jayway's operators that are words.
    Word(Word, Query, serde_json::Value),
}

/// What Jayway compares: a value that is written out, or what a query finds.
#[derive(Debug, Clone)]
pub(super) enum Side {
    Written(serde_json::Value),
    Found(Query),
}

/// A condition that jsonpath-rust evaluates.
#[derive(Debug, Clone)]
pub(super) enum Leaf {
    /// `left OP right`
    Compare(&'static str, Operand, Operand),
    /// `match(text, pattern)` (the whole text), else `search`.
    Match {
        whole: bool,
        text: Operand,
        pattern: Operand,
    },
    /// Jayway's `in` and `nin` with a path on the right.
    Member {
        word: &'static str,
        item: Operand,
        list: Operand,
    },
}

/// A value in a condition.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    Literal(jp::Literal),
    Singular(jp::SingularQuery),
    Length(Box<Operand>),
    /// Number of nodes.
    Count(Query),
    /// The value of the only node.
    Value(Query),
}

impl Query {
    /// See [`super::JsonPath::listed`].
    pub(super) fn listed<'q>(&'q self, names: &mut Vec<&'q str>) {
        let mut before: Option<&'q str> = None;
        for segment in &self.segments {
            let by_name = |s: &Selector| matches!(s, Selector::Name(_));
            if let (Some(name), false) = (before, segment.selectors.iter().all(by_name)) {
                names.push(name);
            }
            for selector in &segment.selectors {
                if let Selector::Filter(filter) = selector {
                    filter.listed(names);
                }
            }
            before = match segment.selectors.as_slice() {
                [Selector::Name(name)] => Some(name),
                _ => None,
            };
        }
    }

    /// The names and indexes, when there is nothing else: such a query finds at most one node.
    pub(super) fn singular(&self) -> Option<Vec<jp::SingularQuerySegment>> {
        self.segments
            .iter()
            .map(
                |segment| match (segment.deep, segment.selectors.as_slice()) {
                    (false, [Selector::Name(name)]) => {
                        Some(jp::SingularQuerySegment::Name(name.clone()))
                    }
                    (false, [Selector::Index(index)]) => {
                        Some(jp::SingularQuerySegment::Index(*index))
                    }
                    _ => None,
                },
            )
            .collect()
    }

    /// As a value in a comparison.
    pub(super) fn as_operand(&self) -> Option<Operand> {
        let steps = self.singular()?;
        let query = match self.anchor {
            Anchor::Root => jp::SingularQuery::Root(steps),
            Anchor::Current => jp::SingularQuery::Current(steps),
        };
        let operand = Operand::Singular(query);
        match self.tail.as_ref().map(|tail| tail.function) {
            None => Some(operand),
            Some(Function::Length) => Some(Operand::Length(Box::new(operand))),
            Some(_) => None,
        }
    }
}

impl Filter {
    fn listed<'q>(&'q self, names: &mut Vec<&'q str>) {
        match self {
            Filter::Any(all) | Filter::All(all) => all.iter().for_each(|one| one.listed(names)),
            Filter::Not(inner) => inner.listed(names),
            Filter::Exists(query) | Filter::Word(_, query, _) => query.listed(names),
            Filter::Like(_, left, right) => {
                for side in [left, right] {
                    if let Side::Found(query) = side {
                        query.listed(names);
                    }
                }
            }
            Filter::Leaf(_) => {}
        }
    }
}

impl Segment {
    /// The names of `['a','b']`.
    pub(super) fn key_union(&self) -> Option<Vec<&str>> {
        if self.selectors.len() < 2 {
            return None;
        }
        self.selectors
            .iter()
            .map(|s| {
                if let Selector::Name(name) = s {
                    Some(name.as_str())
                } else {
                    None
                }
            })
            .collect()
    }
}

impl Leaf {
    /// As jsonpath-rust's filter. `compute` evaluates the operands that it gets wrong (`count`, `value`).
    pub(super) fn lower<E>(
        &self,
        compute: &mut dyn FnMut(&Operand) -> Result<jp::Comparable, E>,
    ) -> Result<jp::Filter, E> {
        let atom = match self {
            Leaf::Compare(operator, left, right) => {
                let (left, right) = (left.lower(compute)?, right.lower(compute)?);
                let comparison = match *operator {
                    "==" => jp::Comparison::Eq(left, right),
                    "!=" => jp::Comparison::Ne(left, right),
                    "<" => jp::Comparison::Lt(left, right),
                    "<=" => jp::Comparison::Lte(left, right),
                    ">" => jp::Comparison::Gt(left, right),
                    _ => jp::Comparison::Gte(left, right),
                };
                jp::FilterAtom::cmp(Box::new(comparison))
            }
            Leaf::Match {
                whole,
                text,
                pattern,
            } => {
                let (text, pattern) = (
                    argument(text.lower(compute)?),
                    argument(pattern.lower(compute)?),
                );
                let function = if *whole {
                    jp::TestFunction::Match(text, pattern)
                } else {
                    jp::TestFunction::Search(text, pattern)
                };
                jp::FilterAtom::test(jp::Test::Function(Box::new(function)), false)
            }
            Leaf::Member { word, item, list } => {
                let arguments = vec![
                    argument(item.lower(compute)?),
                    argument(list.lower(compute)?),
                ];
                let function = jp::TestFunction::Custom((*word).to_string(), arguments);
                jp::FilterAtom::test(jp::Test::Function(Box::new(function)), false)
            }
        };
        Ok(jp::Filter::Atom(atom))
    }

    fn operands(&self) -> [&Operand; 2] {
        match self {
            Leaf::Compare(_, left, right) => [left, right],
            Leaf::Match { text, pattern, .. } => [text, pattern],
            Leaf::Member { item, list, .. } => [item, list],
        }
    }

    /// Whether some operand must be computed for each node.
    pub(super) fn is_computed(&self) -> bool {
        self.operands()
            .into_iter()
            .any(|o| o.any(&|o| matches!(o, Operand::Count(_) | Operand::Value(_))))
    }

    /// Whether an operand is read from the root of the document.
    pub(super) fn is_absolute(&self) -> bool {
        self.operands()
            .into_iter()
            .any(|o| o.any(&|o| matches!(o, Operand::Singular(jp::SingularQuery::Root(_)))))
    }

    /// Whether an operand is read from the document by jsonpath-rust.
    pub(super) fn reads_nodes(&self) -> bool {
        self.operands()
            .into_iter()
            .any(|o| o.any(&|o| matches!(o, Operand::Singular(_))))
    }
}

impl Operand {
    fn any(&self, test: &dyn Fn(&Operand) -> bool) -> bool {
        test(self) || matches!(self, Operand::Length(inner) if inner.any(test))
    }

    fn lower<E>(
        &self,
        compute: &mut dyn FnMut(&Operand) -> Result<jp::Comparable, E>,
    ) -> Result<jp::Comparable, E> {
        Ok(match self {
            Operand::Literal(literal) => jp::Comparable::Literal(literal.clone()),
            Operand::Singular(query) => jp::Comparable::SingularQuery(query.clone()),
            Operand::Length(inner) => {
                let inner = argument(inner.lower(compute)?);
                jp::Comparable::Function(jp::TestFunction::Length(Box::new(inner)))
            }
            Operand::Count(_) | Operand::Value(_) => compute(self)?,
        })
    }
}

/// A value as the argument of a function.
fn argument(value: jp::Comparable) -> jp::FnArg {
    let segment = |step: jp::SingularQuerySegment| {
        jp::Segment::Selector(match step {
            jp::SingularQuerySegment::Name(name) => jp::Selector::Name(name),
            jp::SingularQuerySegment::Index(index) => jp::Selector::Index(index),
        })
    };
    jp::FnArg::Test(Box::new(match value {
        jp::Comparable::Literal(literal) => return jp::FnArg::Literal(literal),
        jp::Comparable::Function(function) => jp::Test::Function(Box::new(function)),
        jp::Comparable::SingularQuery(jp::SingularQuery::Current(steps)) => {
            jp::Test::RelQuery(steps.into_iter().map(segment).collect())
        }
        jp::Comparable::SingularQuery(jp::SingularQuery::Root(steps)) => {
            jp::Test::AbsQuery(jp::JpQuery::new(steps.into_iter().map(segment).collect()))
        }
    }))
}

/// A place as the segments of jsonpath-rust.
pub(super) fn segments_of(location: &Location) -> Vec<jp::Segment> {
    location
        .iter()
        .map(|step| {
            jp::Segment::Selector(match step {
                Step::Name(name) => jp::Selector::Name(name.clone()),
                Step::Index(index) => {
                    jp::Selector::Index(i64::try_from(*index).unwrap_or(i64::MAX))
                }
            })
        })
        .collect()
}

/// A place as a singular query.
pub(super) fn singular_of(location: &Location) -> jp::SingularQuery {
    jp::SingularQuery::Root(
        location
            .iter()
            .map(|step| match step {
                Step::Name(name) => jp::SingularQuerySegment::Name(name.clone()),
                Step::Index(index) => {
                    jp::SingularQuerySegment::Index(i64::try_from(*index).unwrap_or(i64::MAX))
                }
            })
            .collect(),
    )
}
