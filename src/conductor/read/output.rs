//! `${TASK.output.…}`: by what the task keeps of its result.

use super::context::Reader;
use super::output_filter::CapturePlace;
use super::reference::{Named, null};
use super::scope::Shape;
use crate::conductor::template::Step;
use crate::diagnostic::{codes, nearest};
use crate::plan::{Expr, ExprKind, Root};
use crate::source::Span;

/// What an HTTP task puts under `response`.
pub(super) const RESPONSE: [&str; 4] = ["body", "headers", "statusCode", "reasonPhrase"];

enum Kept {
    Captures(Vec<CapturePlace>),
    Response,
    Nothing(String),
    Join,
    Call,
    Open,
}

impl Reader<'_> {
    /// The output of `task`; the steps of the reference from `from` on lead into it.
    pub(super) fn task_output(&mut self, named: &Named<'_>, task: &str, from: usize) -> Expr {
        let Some(info) = self.scope.tasks.get(task) else { return null(named.span) };
        let kept = match &info.output {
            Shape::Captures(places) => Kept::Captures(places.clone()),
            Shape::Response => Kept::Response,
            Shape::Nothing => Kept::Nothing(info.kind.clone()),
            Shape::Join => Kept::Join,
            Shape::Call => Kept::Call,
            Shape::Open => Kept::Open,
        };
        let whole = Expr::root(Root::Output(task.to_owned()), named.span);
        match kept {
            Kept::Captures(places) => self.captured(named, task, &places, from),
            Kept::Response => {
                self.check_response(named, from);
                self.path_over(whole, named, from)
            }
            Kept::Nothing(kind) => {
                self.unresolved(codes::UNKNOWN_FIELD, named, from, &format!("`{task}` has no output: {kind} gives none"), None)
            }
            Kept::Join => match named.name(from) {
                Some(joined) if self.scope.tasks.contains_key(joined) => {
                    let joined = joined.to_owned();
                    self.task_output(named, &joined, from + 1)
                }
                Some(joined) => {
                    let near = nearest(joined, self.scope.names()).map(str::to_owned);
                    let message = format!("no task has the reference name `{joined}`");
                    self.unresolved(codes::UNRESOLVED_TASK_REF, named, from, &message, near.as_deref())
                }
                None => self.unresolved(codes::UNKNOWN_FIELD, named, from, &format!("name the joined task: `{task}.output.TASK`"), None),
            },
            Kept::Call => match named.name(from) {
                Some(name) => {
                    let capture = Root::Capture { step: task.to_owned(), name: name.to_owned() };
                    self.path_over(Expr::root(capture, named.span), named, from + 1)
                }
                None => self.path_over(whole, named, from),
            },
            Kept::Open => self.path_over(whole, named, from),
        }
    }

    /// A misspelt `response` is null without a word in Conductor.
    pub(super) fn check_response(&mut self, named: &Named<'_>, from: usize) {
        let Some(first) = named.name(from) else { return };
        if first != "response" {
            self.unresolved(codes::UNKNOWN_FIELD, named, from, &format!("the output of an HTTP task has no `{first}`"), Some("response"));
        } else if let Some(part) = named.name(from + 1)
            && !RESPONSE.contains(&part)
        {
            let near = nearest(part, RESPONSE);
            self.unresolved(codes::UNKNOWN_FIELD, named, from + 1, &format!("a response has no `{part}`"), near);
        }
    }

    fn captured(&mut self, named: &Named<'_>, task: &str, places: &[CapturePlace], from: usize) -> Expr {
        let names: Vec<&str> = named.rest(from).iter().map_while(Step::name).collect();
        let found = places.iter().find(|p| p.place.len() <= names.len() && p.place.iter().zip(&names).all(|(a, b)| a == b));
        if let Some(place) = found {
            let root = Root::Capture { step: task.to_owned(), name: place.name.clone() };
            return self.path_over(Expr::root(root, named.span), named, from + place.place.len());
        }
        let below: Vec<&CapturePlace> =
            places.iter().filter(|p| names.len() < p.place.len() && names.iter().zip(&p.place).all(|(a, b)| a == b)).collect();
        if !below.is_empty() || names.is_empty() {
            let object = object_of(task, &below, names.len(), named.span);
            return self.path_over(object, named, from + names.len());
        }
        // The first name that leads nowhere.
        let depth = (0..names.len()).find(|d| !places.iter().any(|p| leads(p, &names, d + 1))).unwrap_or(0);
        let wrong = names.get(depth).copied().unwrap_or_default();
        let options = places.iter().filter(|p| leads(p, &names, depth)).filter_map(|p| p.place.get(depth)).map(String::as_str);
        let options: Vec<&str> = options.collect();
        let near = nearest(wrong, options.iter().copied()).or(options.first().copied());
        let message = format!("the `outputFilter` of `{task}` keeps no `{wrong}`, and nothing else of the answer is kept");
        self.unresolved(codes::UNKNOWN_FIELD, named, from + depth, &message, near)
    }
}

/// Whether the first `depth` names lead to or through a place.
fn leads(place: &CapturePlace, names: &[&str], depth: usize) -> bool {
    place.place.len() >= depth && place.place.iter().zip(names).take(depth).all(|(a, b)| a == b)
}

/// The captures below a place, put together as the object that stands there.
pub(super) fn object_of(task: &str, places: &[&CapturePlace], depth: usize, span: Span) -> Expr {
    let mut members: Vec<(String, Expr)> = Vec::new();
    for place in places {
        let Some(key) = place.place.get(depth) else { continue };
        if members.iter().any(|(k, _)| k == key) {
            continue;
        }
        let same: Vec<&CapturePlace> = places.iter().copied().filter(|p| p.place.get(depth) == Some(key)).collect();
        let value = match same.as_slice() {
            [only] if only.place.len() == depth + 1 => Expr::root(Root::Capture { step: task.to_owned(), name: only.name.clone() }, span),
            _ => object_of(task, &same, depth + 1, span),
        };
        members.push((key.clone(), value));
    }
    Expr::new(ExprKind::Object(members), span)
}
