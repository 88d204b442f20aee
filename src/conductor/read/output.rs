//! `${TASK.output.…}`: by what the task keeps of its result.

use super::context::Reader;
use super::output_filter::CapturePlace;
use super::reference::{Named, null};
use super::scope::Shape;
use super::shape::near_masking;
use crate::conductor::TaskType;
use crate::conductor::task_type::TaskOutput;
use crate::conductor::template::Step;
use crate::diagnostic::{Diagnostic, Edit, Severity, codes};
use crate::plan::name::header_name;
use crate::plan::{Expr, ExprKind, Operator, Root};
use crate::source::Span;
use std::collections::HashMap;
use std::rc::Rc;

/// What an HTTP task puts under `response`.
pub(super) const RESPONSE: [&str; 4] = ["body", "headers", "statusCode", "reasonPhrase"];

impl Reader<'_> {
    /// The output of `task`; the steps of the reference from `from` on lead into it.
    pub(super) fn task_output(&mut self, named: &Named<'_>, task: &str, from: usize) -> Expr {
        let Some(info) = self.scope.tasks.get(task) else {
            return null(named.span);
        };
        let (kind, shape) = (info.kind.clone(), Rc::clone(&info.output));
        let whole = self.whole(task, named.span);
        if kind == "DO_WHILE" && matches!(named.name(from), Some("loopItem" | "item")) {
            return self.path_over(
                Expr::root(Root::Variable(loop_item(task)), named.span),
                named,
                from + 1,
            );
        }
        if let Some(wrong) = named
            .name(from)
            .filter(|name| !is_output(&kind, name) && !self.is_within(name, task))
            .map(str::to_owned)
        {
            return self.unknown_output(named, task, &kind, &wrong, from);
        }
        match &*shape {
            Shape::Captures(places) => self.captured(named, task, places, from),
            Shape::Response => {
                self.check_response(named, from);
                // The names of headers mean the same in any case.
                if named.name(from + 1) == Some("headers")
                    && let Some(one) = named.name(from + 2).map(header_name)
                {
                    let named = named.renamed(from + 2, one);
                    return self.path_over(whole, &named, from);
                }
                self.path_over(whole, named, from)
            }
            Shape::Nothing if named.ends(from) => {
                Expr::new(ExprKind::Object(Vec::new()), named.span)
            }
            Shape::Nothing => self.unresolved(
                codes::UNKNOWN_FIELD,
                named,
                from,
                &format!("`{task}` has no output: {kind} gives none"),
                None,
            ),
            Shape::Join(joined) => self.joined(named, joined, whole, from),
            Shape::Call => match named.name(from) {
                Some(name) => {
                    let capture = Root::Capture {
                        step: task.to_owned(),
                        name: name.to_owned(),
                    };
                    self.path_over(Expr::root(capture, named.span), named, from + 1)
                }
                None => self.path_over(whole, named, from),
            },
            Shape::Open | Shape::Named => self.path_over(whole, named, from),
            Shape::Same(other) if self.scope.tasks.contains_key(other) => self.path_over(
                Expr::root(Root::Output(other.clone()), named.span),
                named,
                from,
            ),
            Shape::Same(_) => null(named.span),
            Shape::First(joined) => {
                let known: Vec<&String> = joined
                    .iter()
                    .filter(|t| self.scope.tasks.contains_key(*t))
                    .collect();
                let values: Vec<Expr> = known
                    .iter()
                    .map(|t| self.task_output(named, t, from))
                    .collect();
                let both = |a: Expr, b: Expr| {
                    Expr::new(
                        ExprKind::Binary(Operator::Else, Box::new(a), Box::new(b)),
                        named.span,
                    )
                };
                values
                    .into_iter()
                    .reduce(both)
                    .unwrap_or_else(|| null(named.span))
            }
        }
    }

    /// Whether a task stands in a loop.
    fn is_within(&self, task: &str, within: &str) -> bool {
        let info = self.scope.tasks.get(task);
        info.is_some_and(|info| info.loops.iter().any(|l| l == within))
    }

    fn unknown_output(
        &mut self,
        named: &Named<'_>,
        task: &str,
        kind: &str,
        wrong: &str,
        from: usize,
    ) -> Expr {
        let known = outputs_of(kind);
        let near = self.nearest(wrong, known.iter().copied()).or_else(|| {
            known
                .first()
                .filter(|_| known.len() == 1)
                .map(|k| (*k).to_owned())
        });
        let message =
            format!("the output of `{task}`, a task of the type {kind}, has no `{wrong}`");
        self.unresolved(codes::UNKNOWN_FIELD, named, from, &message, near.as_deref())
    }

    /// The whole output of a task.
    pub(super) fn whole(&self, task: &str, span: Span) -> Expr {
        let root = match self.scope.tasks.get(task).map(|t| &*t.output) {
            Some(Shape::Named) => Root::Let(task.to_owned()),
            _ => Root::Output(task.to_owned()),
        };
        Expr::root(root, span)
    }

    /// The output of a JOIN: the outputs of the joined tasks under their names.
    fn joined(&mut self, named: &Named<'_>, joined: &[String], whole: Expr, from: usize) -> Expr {
        match named.name(from).map(str::to_owned) {
            // What is empty is left out.
            Some(name)
                if joined.contains(&name)
                    && self
                        .scope
                        .tasks
                        .get(&name)
                        .is_some_and(|t| matches!(*t.output, Shape::Nothing)) =>
            {
                null(named.span)
            }
            Some(name) if joined.contains(&name) && self.scope.tasks.contains_key(&name) => {
                self.task_output(named, &name, from + 1)
            }
            Some(name) if self.scope.tasks.contains_key(&name) => {
                self.report(
                    Diagnostic::new(
                        codes::UNKNOWN_FIELD,
                        named.span_of(from),
                        format!("this JOIN does not wait for `{name}`, and has no output of it"),
                    )
                    .at("null when this is read")
                    .help(format!(
                        "read `${{{name}.output…}}`, or add `{name}` to `joinOn`"
                    ))
                    .severity(Severity::Warning),
                );
                null(named.span)
            }
            Some(name) => {
                let near = self.nearest(&name, self.scope.names());
                let message = format!("no task has the reference name `{name}`");
                self.unresolved(
                    codes::UNRESOLVED_TASK_REF,
                    named,
                    from,
                    &message,
                    near.as_deref(),
                )
            }
            // What a dynamic fork ran is known at run time only.
            None if joined.is_empty() && self.scope.dynamic => self.path_over(whole, named, from),
            None => {
                let object = self.joined_outputs(joined, named.span, 0);
                self.path_over(object, named, from)
            }
        }
    }

    /// The outputs of joined tasks under their names; those that have none are left out.
    pub(super) fn joined_outputs(&self, joined: &[String], span: Span, depth: usize) -> Expr {
        let members = joined.iter().filter_map(|task| {
            let value = match &*self.scope.tasks.get(task)?.output {
                Shape::Captures(places) => {
                    object_of(task, &places.iter().collect::<Vec<_>>(), 0, span)
                }
                Shape::Nothing => return None,
                Shape::Join(inner) if depth < 32 => self.joined_outputs(inner, span, depth + 1),
                Shape::Same(other) => self.whole(other, span),
                _ => self.whole(task, span),
            };
            Some((task.clone(), value))
        });
        Expr::new(ExprKind::Object(members.collect()), span)
    }

    /// A misspelt `response` is null without a word in Conductor.
    pub(super) fn check_response(&mut self, named: &Named<'_>, from: usize) {
        let Some(first) = named.name(from) else {
            return;
        };
        if first != "response" {
            self.unresolved(
                codes::UNKNOWN_FIELD,
                named,
                from,
                &format!("the output of an HTTP task has no `{first}`"),
                Some("response"),
            );
        } else if let Some(part) = named.name(from + 1)
            && !RESPONSE.contains(&part)
        {
            let near = self.nearest(part, RESPONSE);
            self.unresolved(
                codes::UNKNOWN_FIELD,
                named,
                from + 1,
                &format!("a response has no `{part}`"),
                near.as_deref(),
            );
        }
    }

    fn captured(
        &mut self,
        named: &Named<'_>,
        task: &str,
        places: &[CapturePlace],
        from: usize,
    ) -> Expr {
        let names: Vec<&str> = named.rest(from).iter().map_while(Step::name).collect();
        let found = places.iter().find(|p| {
            p.place.len() <= names.len() && p.place.iter().zip(&names).all(|(a, b)| is_key(a, b))
        });
        if let Some(place) = found {
            let root = Root::Capture {
                step: task.to_owned(),
                name: place.name.clone(),
            };
            return self.path_over(
                Expr::root(root, named.span),
                named,
                from + place.place.len(),
            );
        }
        let below: Vec<&CapturePlace> = places
            .iter()
            .filter(|p| {
                names.len() < p.place.len() && names.iter().zip(&p.place).all(|(a, b)| is_key(b, a))
            })
            .collect();
        if !below.is_empty() || names.is_empty() {
            let object = object_of(task, &below, names.len(), named.span);
            return self.path_over(object, named, from + names.len());
        }
        let same_value = |p: &CapturePlace| {
            p.kept
                .as_ref()
                .is_some_and(|kept| kept.iter().map(String::as_str).eq(names.iter().copied()))
        };
        let mut masked = places.iter().filter(|p| p.secret);
        if let (Some(&"response"), Some(last)) = (names.first(), names.last())
            && let Some(masked) = masked
                .clone()
                .find(|p| same_value(p))
                .or_else(|| masked.find(|p| p.place.last().is_some_and(|key| key == last)))
        {
            let whole = named.is_literal() && named.ends(from + names.len());
            let same = same_value(masked);
            return self.raw_beside_mask(named, task, masked, whole.then_some(same));
        }
        // The first name that leads nowhere.
        let depth = (0..names.len())
            .find(|d| !places.iter().any(|p| leads(p, &names, d + 1)))
            .unwrap_or(0);
        let wrong = names.get(depth).copied().unwrap_or_default();
        let options = places
            .iter()
            .filter(|p| leads(p, &names, depth))
            .filter_map(|p| p.place.get(depth))
            .map(String::as_str);
        let options: Vec<&str> = options.collect();
        let near = self.nearest(wrong, options.iter().copied());
        let kept: Vec<String> = places
            .iter()
            .take(3)
            .map(|p| format!("`{}`", p.place.join(".")))
            .collect();
        let kept = if kept.is_empty() {
            "nothing".to_owned()
        } else {
            kept.join(", ")
        };
        let more = if places.len() > 3 { " …" } else { "" };
        let message =
            format!("the `outputFilter` of `{task}` keeps no `{wrong}`, only {kept}{more}");
        self.unresolved(
            codes::UNKNOWN_FIELD,
            named,
            from + depth,
            &message,
            near.as_deref(),
        )
    }
}

impl Reader<'_> {
    /// The raw answer of a task is read where its filter keeps the same value masked.
    fn raw_beside_mask(
        &mut self,
        named: &Named<'_>,
        task: &str,
        masked: &CapturePlace,
        same: Option<bool>,
    ) -> Expr {
        let place = masked.place.join(".");
        let plain = place
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        let copy = (same.is_some() && plain).then(|| {
            vec![Edit {
                span: named.span,
                text: format!("${{{task}.output.{place}}}"),
            }]
        });
        self.report(
            Diagnostic::new(
                codes::RAW_COPY_BESIDE_MASK,
                named.span,
                format!("this reads the raw answer of `{task}`, whose masked copy is `{place}`"),
            )
            .at("null, or not masked")
            .help(format!("read `${{{task}.output.{place}}}`"))
            // Others are one by the name of their last key alone.
            .fix_if("read the masked copy", same == Some(true), copy),
        );
        null(named.span)
    }
}

/// What a task of a type puts out, where that is fixed.
fn outputs_of(kind: &str) -> &'static [&'static str] {
    match TaskType::find(kind).map(|t| t.output) {
        Some(TaskOutput::Fields(fields) | TaskOutput::Value(fields)) => fields,
        Some(TaskOutput::Rounds) => &["iteration", "loopItem", "loopIndex", "item", "index"],
        _ => &[],
    }
}

fn is_output(kind: &str, name: &str) -> bool {
    let known = outputs_of(kind);
    known.is_empty()
        || known.contains(&name)
        || (kind == "DO_WHILE" && name.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a name means a key of a filter. A misspelt masking key is reported where it stands, not wherever it is read.
fn is_key(key: &str, name: &str) -> bool {
    key == name || near_masking(key) == Some(name)
}

/// The name of a loop's element in the plan.
pub(super) fn loop_item(task: &str) -> String {
    format!("{task}_item")
}

/// Whether the first `depth` names lead to or through a place.
fn leads(place: &CapturePlace, names: &[&str], depth: usize) -> bool {
    place.place.len() >= depth
        && place
            .place
            .iter()
            .zip(names)
            .take(depth)
            .all(|(a, b)| a == b)
}

/// The captures below a place, put together as the object that stands there.
pub(super) fn object_of(task: &str, places: &[&CapturePlace], depth: usize, span: Span) -> Expr {
    let mut groups: Vec<(&str, Vec<&CapturePlace>)> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for place in places {
        let Some(key) = place.place.get(depth) else {
            continue;
        };
        let index = *known.entry(key).or_insert(groups.len());
        match groups.get_mut(index) {
            Some((_, group)) => group.push(place),
            None => groups.push((key, vec![place])),
        }
    }
    let members = groups.into_iter().map(|(key, group)| {
        let value = match group.as_slice() {
            [only] if only.place.len() == depth + 1 => Expr::root(
                Root::Capture {
                    step: task.to_owned(),
                    name: only.name.clone(),
                },
                span,
            ),
            _ => object_of(task, &group, depth + 1, span),
        };
        (key.to_owned(), value)
    });
    let members = members.collect();
    Expr::new(ExprKind::Object(members), span)
}
