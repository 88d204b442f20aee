//! Evaluation: a walk over segments that counts what it visits. Conditions at the leaves of filters are jsonpath-rust's.

use super::model::{
    Anchor, Filter, Leaf, Operand, Query, Segment, Selector, Side, segments_of, singular_of,
};
use super::{Found, JsonPath, Location, PathDialect, Step};
use jsonpath_rust::parser::model as jp;
use jsonpath_rust::query::js_path_process;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Why a path could not be evaluated.
#[derive(Debug, Clone, Copy)]
pub(super) enum EvalError {
    /// The budget is used up.
    TooMany,
    /// jsonpath-rust gave an error.
    Engine,
}

/// A value with the way to it.
struct Node<'a> {
    value: &'a Value,
    parent: Option<NodeId>,
    step: Way<'a>,
}

#[derive(Clone, Copy)]
enum Way<'a> {
    Root,
    Name(&'a str),
    Index(usize),
}

type NodeId = usize;

struct Walk<'a> {
    nodes: Vec<Node<'a>>,
    left: usize,
}

/// What the query finds, by the rules of the dialect.
pub(super) fn query<'a>(
    query: &Query,
    dialect: PathDialect,
    json: &'a Value,
) -> Result<Found<'a>, EvalError> {
    let mut walk = Walk::new(json);
    if dialect == PathDialect::Conductor
        && let Some((last, before)) = query.segments.split_last()
        && let Some(keys) = last.key_union()
    {
        return walk.union(before, last.deep, &keys);
    }
    let hits = walk.run(Walk::ROOT, &query.segments)?;
    let definite = query.singular().is_some();
    let mut values = hits.into_iter().filter_map(|id| walk.value(id));
    let Some(tail) = &query.tail else {
        if !definite {
            return Ok(Found::Many(values.map(Cow::Borrowed).collect()));
        }
        return Ok(values
            .next()
            .map_or(Found::Missing, |value| Found::One(Cow::Borrowed(value))));
    };
    let mut made = values.map(|value| tail.apply(value));
    if definite {
        return Ok(made
            .next()
            .flatten()
            .map_or(Found::Missing, |value| Found::One(Cow::Owned(value))));
    }
    // A value that a function fails on ends the whole.
    Ok(made
        .collect::<Option<Vec<Value>>>()
        .map_or(Found::Missing, |values| {
            Found::Many(values.into_iter().map(Cow::Owned).collect())
        }))
}

/// The places of what the query finds.
pub(super) fn locate(query: &Query, json: &Value) -> Result<Vec<Location>, EvalError> {
    let mut walk = Walk::new(json);
    let hits = walk.run(Walk::ROOT, &query.segments)?;
    Ok(hits.into_iter().map(|id| walk.location(id)).collect())
}

impl<'a> Walk<'a> {
    const ROOT: NodeId = 0;

    fn new(root: &'a Value) -> Self {
        Self {
            nodes: vec![Node {
                value: root,
                parent: None,
                step: Way::Root,
            }],
            left: JsonPath::MAX_VISITS,
        }
    }

    fn spend(&mut self, visits: usize) -> Result<(), EvalError> {
        self.left = self.left.checked_sub(visits).ok_or(EvalError::TooMany)?;
        Ok(())
    }

    fn add(
        &mut self,
        value: &'a Value,
        parent: NodeId,
        step: Way<'a>,
    ) -> Result<NodeId, EvalError> {
        self.spend(1)?;
        self.nodes.push(Node {
            value,
            parent: Some(parent),
            step,
        });
        Ok(self.nodes.len() - 1)
    }

    fn value(&self, id: NodeId) -> Option<&'a Value> {
        self.nodes.get(id).map(|node| node.value)
    }

    fn location(&self, id: NodeId) -> Location {
        let mut steps = Vec::new();
        let mut next = self.nodes.get(id);
        while let Some(node) = next {
            match node.step {
                Way::Root => break,
                Way::Name(name) => steps.push(Step::Name(name.to_string())),
                Way::Index(index) => steps.push(Step::Index(index)),
            }
            next = node.parent.and_then(|parent| self.nodes.get(parent));
        }
        steps.reverse();
        steps
    }

    fn children(&mut self, id: NodeId) -> Result<Vec<NodeId>, EvalError> {
        match self.value(id) {
            Some(Value::Array(items)) => items
                .iter()
                .enumerate()
                .map(|(i, item)| self.add(item, id, Way::Index(i)))
                .collect(),
            Some(Value::Object(members)) => members
                .iter()
                .map(|(name, value)| self.add(value, id, Way::Name(name)))
                .collect(),
            _ => Ok(Vec::new()),
        }
    }

    /// The nodes that `segments` lead to from `start`.
    fn run(&mut self, start: NodeId, segments: &[Segment]) -> Result<Vec<NodeId>, EvalError> {
        let mut current = vec![start];
        for segment in segments {
            let mut next = Vec::new();
            for id in self.bases(&current, segment.deep)? {
                for selector in &segment.selectors {
                    self.select(id, selector, &mut next)?;
                }
            }
            current = next;
        }
        Ok(current)
    }

    /// The nodes whose children a segment selects from: parents before their children, elements in order.
    fn bases(&mut self, nodes: &[NodeId], deep: bool) -> Result<Vec<NodeId>, EvalError> {
        if !deep {
            return Ok(nodes.to_vec());
        }
        let mut bases = Vec::new();
        let mut stack: Vec<NodeId> = nodes.iter().rev().copied().collect();
        while let Some(id) = stack.pop() {
            bases.push(id);
            stack.extend(self.children(id)?.into_iter().rev());
        }
        Ok(bases)
    }

    fn select(
        &mut self,
        id: NodeId,
        selector: &Selector,
        out: &mut Vec<NodeId>,
    ) -> Result<(), EvalError> {
        let Some(value) = self.value(id) else {
            return Ok(());
        };
        match (selector, value) {
            (Selector::Name(name), Value::Object(members)) => {
                if let Some((name, value)) = members.get_key_value(name) {
                    out.push(self.add(value, id, Way::Name(name))?);
                }
            }
            (Selector::Index(index), Value::Array(items)) => {
                let place = if *index < 0 {
                    index.saturating_add_unsigned(items.len() as u64)
                } else {
                    *index
                };
                if let Ok(place) = usize::try_from(place)
                    && let Some(item) = items.get(place)
                {
                    out.push(self.add(item, id, Way::Index(place))?);
                }
            }
            (Selector::Slice(from, to, step), Value::Array(items)) => {
                for place in slice(items.len(), *from, *to, *step) {
                    if let Some(item) = items.get(place) {
                        out.push(self.add(item, id, Way::Index(place))?);
                    }
                }
            }
            (Selector::Wildcard, _) => out.extend(self.children(id)?),
            (Selector::Filter(filter), Value::Array(_) | Value::Object(_)) => {
                let children = self.children(id)?;
                let passed = self.filter(filter, id, &children)?;
                out.extend(
                    children
                        .into_iter()
                        .zip(passed)
                        .filter_map(|(child, pass)| pass.then_some(child)),
                );
            }
            _ => {}
        }
        Ok(())
    }

    /// Which of the `children` of `parent` the condition holds for.
    fn filter(
        &mut self,
        filter: &Filter,
        parent: NodeId,
        children: &[NodeId],
    ) -> Result<Vec<bool>, EvalError> {
        match filter {
            Filter::Any(parts) => self.combine(parts, parent, children, false, |a, b| a | b),
            Filter::All(parts) => self.combine(parts, parent, children, true, |a, b| a & b),
            Filter::Not(inner) => Ok(self
                .filter(inner, parent, children)?
                .into_iter()
                .map(|pass| !pass)
                .collect()),
            Filter::Exists(query) if query.anchor == Anchor::Root => {
                let exists = !self.run(Self::ROOT, &query.segments)?.is_empty();
                Ok(vec![exists; children.len()])
            }
            Filter::Exists(query) => children
                .iter()
                .map(|child| Ok(!self.run(*child, &query.segments)?.is_empty()))
                .collect(),
            Filter::Word(word, query, right) => children
                .iter()
                .map(|child| {
                    let start = if query.anchor == Anchor::Root {
                        Self::ROOT
                    } else {
                        *child
                    };
                    let hits = self.run(start, &query.segments)?;
                    let left = hits.first().and_then(|id| self.value(*id));
                    Ok(word.holds(left, Some(right)))
                })
                .collect(),
            Filter::Like(relation, left, right) => children
                .iter()
                .map(|child| {
                    let (left, right) = (self.side(left, *child)?, self.side(right, *child)?);
                    Ok(relation.holds(left.as_deref(), right.as_deref()))
                })
                .collect(),
            Filter::Leaf(leaf) if leaf.is_computed() => (0..children.len())
                .map(|index| self.computed(leaf, parent, children, index))
                .collect(),
            Filter::Leaf(leaf) => {
                let lowered = leaf.lower(&mut |_| Err(EvalError::Engine))?;
                self.engine(lowered, leaf.is_absolute(), parent, children)
            }
        }
    }

    /// The value of one side of a comparison, for one child.
    fn side(&mut self, side: &Side, child: NodeId) -> Result<Option<Cow<'a, Value>>, EvalError> {
        Ok(match side {
            Side::Written(value) => Some(Cow::Owned(value.clone())),
            Side::Found(query) => {
                let start = if query.anchor == Anchor::Root {
                    Self::ROOT
                } else {
                    child
                };
                let hits = self.run(start, &query.segments)?;
                let found = hits.first().and_then(|id| self.value(*id));
                found.map(Cow::Borrowed)
            }
        })
    }

    fn combine(
        &mut self,
        parts: &[Filter],
        parent: NodeId,
        children: &[NodeId],
        start: bool,
        join: fn(bool, bool) -> bool,
    ) -> Result<Vec<bool>, EvalError> {
        let mut passed = vec![start; children.len()];
        for part in parts {
            let these = self.filter(part, parent, children)?;
            passed
                .iter_mut()
                .zip(these)
                .for_each(|(all, this)| *all = join(*all, this));
        }
        Ok(passed)
    }

    /// A condition with `count` or `value` in it, for one child.
    fn computed(
        &mut self,
        leaf: &Leaf,
        parent: NodeId,
        children: &[NodeId],
        index: usize,
    ) -> Result<bool, EvalError> {
        let Some(child) = children.get(index) else {
            return Ok(false);
        };
        let mut placed = false;
        let lowered = leaf.lower(&mut |operand| {
            let computed = self.compute(operand, *child)?;
            placed |= matches!(computed, jp::Comparable::SingularQuery(_));
            Ok(computed)
        })?;
        if !placed && !leaf.reads_nodes() {
            // Nothing but literals is left: any list of one element will do.
            let any = Value::Array(vec![Value::Null]);
            return Ok(!process(&[], lowered, &any)?.is_empty());
        }
        let passed = self.engine(lowered, placed || leaf.is_absolute(), parent, children)?;
        Ok(passed.get(index).copied().unwrap_or(false))
    }

    /// `count` as a number; `value` as a literal, or as the place of a node that has parts.
    fn compute(&mut self, operand: &Operand, child: NodeId) -> Result<jp::Comparable, EvalError> {
        let (Operand::Count(query) | Operand::Value(query)) = operand else {
            return Err(EvalError::Engine);
        };
        let start = if query.anchor == Anchor::Root {
            Self::ROOT
        } else {
            child
        };
        let hits = self.run(start, &query.segments)?;
        if matches!(operand, Operand::Count(_)) {
            return Ok(jp::Comparable::Literal(jp::Literal::Int(
                i64::try_from(hits.len()).unwrap_or(i64::MAX),
            )));
        }
        let [only] = hits.as_slice() else {
            // No list is as long as this index: the query finds nothing.
            let nothing = vec![jp::SingularQuerySegment::Index(i64::MAX)];
            return Ok(jp::Comparable::SingularQuery(jp::SingularQuery::Root(
                nothing,
            )));
        };
        let literal = match self.value(*only) {
            Some(Value::Null) => jp::Literal::Null,
            Some(Value::Bool(value)) => jp::Literal::Bool(*value),
            Some(Value::String(text)) => jp::Literal::String(text.clone()),
            Some(Value::Number(number)) if number.is_i64() => {
                jp::Literal::Int(number.as_i64().unwrap_or_default())
            }
            _ => {
                return Ok(jp::Comparable::SingularQuery(singular_of(
                    &self.location(*only),
                )));
            }
        };
        Ok(jp::Comparable::Literal(literal))
    }

    /// Asks jsonpath-rust which children a condition holds for: from the root of the document where the condition looks at it.
    fn engine(
        &mut self,
        filter: jp::Filter,
        absolute: bool,
        parent: NodeId,
        children: &[NodeId],
    ) -> Result<Vec<bool>, EvalError> {
        self.spend(children.len())?;
        let way = if absolute {
            segments_of(&self.location(parent))
        } else {
            Vec::new()
        };
        let Some(base) = self.value(if absolute { Self::ROOT } else { parent }) else {
            return Ok(Vec::new());
        };
        let mut hits = process(&way, filter, base)?.into_iter().peekable();
        // The hits are some of the children, in order.
        Ok(children
            .iter()
            .map(|child| {
                let value = self.value(*child);
                hits.next_if(|hit| value.is_some_and(|value| std::ptr::eq(*hit, value)))
                    .is_some()
            })
            .collect())
    }

    /// Jayway's `['a','b']` at the end: an object of those members that exist. After `..`, one for each object that has all.
    fn union(
        &mut self,
        before: &[Segment],
        deep: bool,
        keys: &[&str],
    ) -> Result<Found<'a>, EvalError> {
        let parents = self.run(Self::ROOT, before)?;
        let definite = !deep
            && Query {
                anchor: Anchor::Root,
                segments: before.to_vec(),
                tail: None,
            }
            .singular()
            .is_some();
        let mut objects = Vec::new();
        for id in self.bases(&parents, deep)? {
            let Some(Value::Object(members)) = self.value(id) else {
                continue;
            };
            if deep && !keys.iter().all(|key| members.contains_key(*key)) {
                continue;
            }
            self.spend(keys.len())?;
            let picked: Map<String, Value> = keys
                .iter()
                .filter_map(|key| Some(((*key).to_string(), members.get(*key)?.clone())))
                .collect();
            objects.push(Cow::Owned(Value::Object(picked)));
        }
        if definite {
            return Ok(objects.pop().map_or(Found::Missing, Found::One));
        }
        Ok(Found::Many(objects))
    }
}

/// jsonpath-rust's hits of a filter at the end of a way.
fn process<'v>(
    way: &[jp::Segment],
    filter: jp::Filter,
    base: &'v Value,
) -> Result<Vec<&'v Value>, EvalError> {
    let mut segments = way.to_vec();
    segments.push(jp::Segment::Selector(jp::Selector::Filter(filter)));
    let hits = js_path_process(&jp::JpQuery::new(segments), base).map_err(|_| EvalError::Engine)?;
    Ok(hits.into_iter().map(|hit| hit.val).collect())
}

/// The places of a slice (RFC 9535 section 2.3.4.2).
fn slice(len: usize, from: Option<i64>, to: Option<i64>, step: i64) -> Vec<usize> {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let place = |i: i64| if i < 0 { i.saturating_add(len) } else { i };
    let mut places = Vec::new();
    if step > 0 {
        let (mut at, end) = (
            place(from.unwrap_or(0)).clamp(0, len),
            place(to.unwrap_or(len)).clamp(0, len),
        );
        while at < end {
            places.extend(usize::try_from(at));
            at = at.saturating_add(step);
        }
    } else if step < 0 {
        let mut at = from.map_or(len - 1, place).clamp(-1, len - 1);
        let end = to.map_or(-1, place).clamp(-1, len - 1);
        while at > end {
            places.extend(usize::try_from(at));
            at = at.saturating_add(step);
        }
    }
    places
}
