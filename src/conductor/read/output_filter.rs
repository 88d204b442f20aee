//! `outputFilter`: what is kept of an answer. It replaces the task's output.

use super::context::Reader;
use super::output::RESPONSE;
use super::reference::Named;
use super::shape::{field, masking_field, near_masking};
use crate::conductor::template::{self, Mode, StepKind};
use crate::diagnostic::{Diagnostic, Edit, codes};
use crate::json::{JsonString, Node, NodeKind};
use crate::plan::name::is_mask;
use crate::plan::task::{Capture, CaptureSource};
use crate::plan::{Expr, ExprKind, Root, Type};
use crate::source::Span;
use std::collections::HashSet;

/// What a path into an answer begins with.
const ROOT: &str = "response";

/// One leaf of an output filter.
#[derive(Clone)]
pub(super) struct CapturePlace {
    /// Keys that lead to it.
    pub(super) place: Vec<String>,
    /// Its name in the plan: the last key, or all of them with dots where that is taken.
    pub(super) name: String,
    /// Whether it is masked.
    pub(super) secret: bool,
    /// The names behind `output` of what it keeps, where they say it all.
    pub(super) kept: Option<Vec<String>>,
}

/// The names behind `output` in a leaf that is one reference.
fn kept(leaf: &Node) -> Option<Vec<String>> {
    if let Some(path) = leaf.as_str()?.trim().strip_prefix("$.") {
        let path = template::path(path).filter(|p| p.tail.is_empty())?;
        return path
            .steps
            .iter()
            .map(|s| s.name().map(str::to_owned))
            .collect();
    }
    let path = template::path(
        &template::parse(leaf.as_str()?, Mode::Deferred)
            .whole()?
            .inner
            .constant()?,
    )?;
    let names: Option<Vec<String>> = path
        .steps
        .iter()
        .map(|s| s.name().map(str::to_owned))
        .collect();
    let behind = names?.get(2..)?.to_vec();
    path.tail.is_empty().then_some(behind)
}

/// `_secrets`, `_masked`, and what is meant for one of them: that is reported once, where it stands.
fn is_masking(key: &str) -> bool {
    is_mask(if key.starts_with('_') {
        near_masking(key).unwrap_or(key)
    } else {
        key
    })
}

/// The filter of an HTTP task, flat or within `http_request`.
fn filter_of(task: &Node) -> Option<&Node> {
    let inputs = field(task, "inputParameters")?;
    masking_field(inputs, "outputFilter")
        .or_else(|| masking_field(field(inputs, "http_request")?, "outputFilter"))
}

/// The leaves of a filter in text order with the keys that lead to them. Of a repeated key the last value counts.
fn leaves<'n>(node: &'n Node, place: &mut Vec<String>, found: &mut Vec<(Vec<String>, &'n Node)>) {
    match &node.kind {
        NodeKind::Object(members) if !members.is_empty() || place.is_empty() => {
            for member in node.unique_members() {
                place.push(member.key.text.clone());
                leaves(&member.value, place, found);
                place.pop();
            }
        }
        _ => found.push((place.clone(), node)),
    }
}

impl Reader<'_> {
    /// What the filter of an HTTP task keeps, before anything is resolved; none without a filter.
    pub(super) fn capture_places(&self, task: &Node) -> Option<Vec<CapturePlace>> {
        let filter = filter_of(task).filter(|f| f.is_object())?;
        Some(
            self.places(filter)
                .into_iter()
                .map(|(place, _)| place)
                .collect(),
        )
    }

    fn places<'n>(&self, filter: &'n Node) -> Vec<(CapturePlace, &'n Node)> {
        let mut found = Vec::new();
        leaves(filter, &mut Vec::new(), &mut found);
        let mut places: Vec<(CapturePlace, &Node)> = Vec::with_capacity(found.len());
        let mut taken: HashSet<String> = HashSet::with_capacity(found.len());
        for (place, node) in found {
            let mut name = place.last().cloned().unwrap_or_default();
            if taken.contains(&name) {
                name = place.join(".");
            }
            while !taken.insert(name.clone()) {
                name.push('\'');
            }
            let secret = place
                .iter()
                .any(|key| is_masking(key) || self.scope.masked.contains(key));
            places.push((
                CapturePlace {
                    place,
                    name,
                    secret,
                    kept: if secret { kept(node) } else { None },
                },
                node,
            ));
        }
        places
    }

    /// The captures that a filter makes. The site is the task's.
    pub(super) fn captures(&mut self, filter: &Node) -> Vec<Capture> {
        if !filter.is_object() {
            self.wrong_type(filter, "outputFilter", "an object of expressions");
            return Vec::new();
        }
        self.only_orkes(
            filter.span,
            "`outputFilter`",
            "the whole answer stays in the task's output, in clear",
        );
        self.check_filter_keys(filter);
        self.site.filter = true;
        let places = self.places(filter);
        let captures = places
            .into_iter()
            .map(|(place, node)| self.capture(place, node))
            .collect();
        self.site.filter = false;
        captures
    }

    fn check_filter_keys(&mut self, node: &Node) {
        self.check_free_keys(node);
        for member in node.members() {
            self.check_filter_keys(&member.value);
        }
    }

    fn capture(&mut self, place: CapturePlace, node: &Node) -> Capture {
        let value = self.value(node);
        let source = self.projection(node).unwrap_or(CaptureSource::Expr(value));
        let CapturePlace {
            place,
            name,
            secret,
            ..
        } = place;
        // A field that the answer lacks is null in Conductor; a credential that it lacks is an error here.
        Capture {
            name,
            secret,
            source,
            ty: Type::Any,
            optional: !secret,
            place,
            to: Vec::new(),
            at: node.span.into(),
        }
    }

    /// The part of the answer that a leaf names, when it is exactly one reference to it.
    fn projection(&mut self, node: &Node) -> Option<CaptureSource> {
        let string = node.as_string()?;
        if let Some(path) = self.bare_path(string) {
            return path;
        }
        let parsed = template::parse(&string.text, Mode::Deferred);
        let reference = parsed.whole()?;
        let path = template::path(&reference.inner.constant()?)?;
        let own = self.site.task.as_deref()?;
        let names: Vec<Option<&str>> = path.steps.iter().map(|s| s.name()).collect();
        let steps = path.steps.as_slice();
        match names.as_slice() {
            [
                Some(task),
                Some("output"),
                Some("response"),
                Some("body"),
                ..,
            ] if *task == own => {
                let text = template::path_text(steps.get(4..)?, &path.tail);
                self.json_path(text, node.span).map(CaptureSource::Body)
            }
            [
                Some(task),
                Some("output"),
                Some("response"),
                Some("statusCode"),
            ] if *task == own && path.tail.is_empty() => Some(CaptureSource::Status),
            [
                Some(task),
                Some("output"),
                Some("response"),
                Some("headers"),
                Some(name),
                None,
            ] if *task == own && path.tail.is_empty() => {
                matches!(steps.last().map(|s| &s.kind), Some(StepKind::Index(0)))
                    .then(|| CaptureSource::Header((*name).to_owned()))
            }
            _ => None,
        }
    }

    /// A leaf that is a JSONPath into the answer, without braces around it.
    fn bare_path(&mut self, string: &JsonString) -> Option<Option<CaptureSource>> {
        let text = string.text.trim();
        let rest = text
            .strip_prefix('$')
            .filter(|r| !r.starts_with(['{', '$']))?;
        if rest.starts_with(ROOT) {
            self.report(
                Diagnostic::new(
                    codes::BAD_JSONPATH,
                    string.span,
                    "this is no path: it is kept as the text that stands here",
                )
                .at("a path begins with `$.`")
                .help("write `$.response.…`, or `$${TASK.output.response.…}`"),
            );
            return Some(None);
        }
        self.check_begin(string, text)?;
        let root = |path| {
            let answer = Expr::new(ExprKind::Ref(Root::Answer), string.span);
            CaptureSource::Expr(Expr::new(
                ExprKind::Path(Box::new(answer), path),
                string.span,
            ))
        };
        if let Some(inner) = rest.strip_prefix(".response.body")
            && (inner.is_empty() || inner.starts_with(['.', '[']))
        {
            return Some(
                self.json_path(format!("${inner}"), string.span)
                    .map(CaptureSource::Body),
            );
        }
        if rest == ".response.statusCode" {
            return Some(Some(CaptureSource::Status));
        }
        Some(self.json_path(text.to_owned(), string.span).map(root))
    }

    /// Whether a text is a path, and if so, whether it begins with what an answer has.
    fn check_begin(&mut self, string: &JsonString, text: &str) -> Option<()> {
        let rest = text.strip_prefix('$')?;
        if !rest.starts_with(['.', '[']) || rest.starts_with("..") {
            return None;
        }
        let path = template::path(&format!("answer{rest}"))?;
        let name = |at: usize| path.steps.get(at).and_then(|s| s.name());
        let (place, near, message) = match (name(1), name(2)) {
            (Some(ROOT), Some(part)) if !RESPONSE.contains(&part) => {
                let near = self.nearest(part, RESPONSE);
                (part, near, format!("a response has no `{part}`"))
            }
            (Some(ROOT), _) | (None, _) => return Some(()),
            (Some(first), _) => {
                let below = RESPONSE
                    .contains(&first)
                    .then(|| format!("$.{ROOT}.{first}"));
                let near = below.or_else(|| self.nearest(first, [ROOT]));
                (
                    first,
                    near,
                    format!("an answer has no `{first}`: what came back stands in `{ROOT}`"),
                )
            }
        };
        self.report(
            Diagnostic::new(codes::UNKNOWN_FIELD, string.span, message)
                .at(format!("`{place}` is never there: null is kept"))
                .help(near.map_or_else(
                    || "write `$.response.body.…`".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                )),
        );
        Some(())
    }

    /// A reference of a filter to its own task: the answer.
    pub(super) fn own_answer(&mut self, named: &Named<'_>) -> Expr {
        if !named.deferred {
            self.not_deferred(named);
        }
        match (named.name(1), named.name(2)) {
            (Some("output"), Some("response")) | (Some("output"), None) => {
                if let Some(part) = named.name(3)
                    && !RESPONSE.contains(&part)
                {
                    let near = self.nearest(part, RESPONSE);
                    self.unresolved(
                        codes::UNKNOWN_FIELD,
                        named,
                        3,
                        &format!("a response has no `{part}`"),
                        near.as_deref(),
                    );
                }
            }
            (Some("output"), Some(other)) => {
                let message = format!(
                    "the answer has no `{other}`: the filter reads what came back, not what it keeps"
                );
                self.unresolved(codes::UNKNOWN_FIELD, named, 2, &message, Some("response"));
            }
            (field, _) => {
                let message = format!(
                    "an output filter reads `output`, not `{}`",
                    field.unwrap_or_default()
                );
                self.unresolved(codes::UNKNOWN_FIELD, named, 1, &message, Some("output"));
            }
        }
        self.path_over(Expr::new(ExprKind::Ref(Root::Answer), named.span), named, 2)
    }

    fn not_deferred(&mut self, named: &Named<'_>) {
        let at = Span {
            end: named.span.start,
            ..named.span
        };
        self.report(
            Diagnostic::new(
                codes::FILTER_NOT_DEFERRED,
                named.span,
                "this is read before the call, when there is no answer yet: it is null",
            )
            .at("`${` is read at once, `$${` after the call")
            .help("write `$${` so that it is read from the answer")
            .fix(
                "insert `$`",
                true,
                vec![Edit {
                    span: at,
                    text: "$".to_owned(),
                }],
            ),
        );
    }
}
