//! Parts of answers that a definition reads out of a whole: in `.rot` each is captured by name.

use super::names::fresh;
use super::rotation::Writer;
use crate::plan::path::Key;
use crate::plan::task::lifecycle::NewValue;
use crate::plan::task::{CaptureSource, Http, Step, Task, walk_steps};
use crate::plan::visit::Role;
use crate::plan::{Expr, ExprKind, JsonPath, Root};
use std::collections::HashSet;

/// A capture that the plan does not have.
pub(super) struct Extra {
    pub(super) step: String,
    pub(super) name: String,
    /// `body $.path`, `status`, `header "Name"`.
    pub(super) source: String,
    pub(super) secret: bool,
}

/// An expression taken apart: what it begins with, and the names and indexes behind.
pub(super) fn chain(expr: &Expr) -> (&Expr, Vec<Key>) {
    match &expr.kind {
        ExprKind::Field(inner, name) => extended(inner, vec![Key::Name(name.clone())]),
        ExprKind::Index(inner, index) => extended(inner, vec![Key::Index(*index)]),
        ExprKind::Path(inner, path) => match path.keys() {
            Some(keys) => extended(inner, keys),
            None => (expr, Vec::new()),
        },
        _ => (expr, Vec::new()),
    }
}

fn extended(inner: &Expr, mut more: Vec<Key>) -> (&Expr, Vec<Key>) {
    let (base, mut keys) = chain(inner);
    keys.append(&mut more);
    (base, keys)
}

/// The source that keys below an answer (`response.body…`) name.
pub(super) fn source(keys: &[Key]) -> Option<String> {
    let name = |at: usize| match keys.get(at) {
        Some(Key::Name(name)) => Some(name.as_str()),
        _ => None,
    };
    if name(0) != Some("response") {
        return None;
    }
    match name(1)? {
        "body" => JsonPath::of(keys.get(2..)?).map(|p| format!("body {p}")),
        "statusCode" if keys.len() == 2 => Some("status".into()),
        "headers" if keys.len() == 4 && keys.get(3) == Some(&Key::Index(0)) => {
            Some(format!("header {}", super::text::quoted(name(2)?)))
        }
        _ => None,
    }
}

impl<'a> Writer<'a> {
    /// Finds what is read out of whole answers, and names it.
    pub(super) fn find_extras(&mut self) {
        let secret = self.stored();
        let mut all: Vec<(&'a Expr, bool, Option<&'a str>)> = Vec::new();
        let rotation = self.rotation;
        rotation.walk(&mut |step: &'a Step| {
            let stored = step.task.write().is_some();
            if let Task::SetVariables(set) = &step.task {
                let kept = |name: &str| secret.contains(name);
                all.extend(set.values.iter().map(|(name, e)| (e, kept(name), None)));
            } else {
                step.task.each_expr(&mut |role, e| match role {
                    Role::Request(_) | Role::Stored | Role::Own => all.push((e, stored, None)),
                    Role::Answer => {}
                });
            }
            if let Task::Http(http) = &step.task {
                for capture in &http.captures {
                    if let CaptureSource::Expr(e) = &capture.source {
                        all.push((e, capture.secret, Some(step.name.as_str())));
                    }
                }
            }
        });
        all.extend(rotation.outputs.iter().map(|o| (&o.value, o.masked, None)));
        for (expr, secret, own) in all {
            self.extras_of(expr, secret, own);
        }
    }

    /// Variables whose value is stored as a secret.
    fn stored(&self) -> HashSet<&'a str> {
        let mut stored = HashSet::new();
        walk_steps(&self.rotation.steps, &mut |step: &'a Step| {
            if let Task::Update(update) = &step.task
                && let NewValue::Single(value) = &update.value
            {
                value.walk(&mut |e| {
                    if let ExprKind::Ref(Root::Variable(name)) = &e.kind {
                        stored.insert(name.as_str());
                    }
                });
            }
        });
        stored
    }

    fn extras_of(&mut self, expr: &'a Expr, secret: bool, own: Option<&'a str>) {
        let (base, keys) = chain(expr);
        let step = match &base.kind {
            ExprKind::Ref(Root::Output(step)) => Some(step.as_str()),
            ExprKind::Ref(Root::Answer) => own,
            _ => None,
        };
        let Some(step) = step else {
            if let ExprKind::Path(inner, _) = &base.kind {
                self.many(base, inner, secret, own);
            }
            base.children()
                .into_iter()
                .for_each(|child| self.extras_of(child, secret, own));
            return;
        };
        let Some(http) = self.http_of(step) else {
            return;
        };
        match keys.as_slice() {
            // The whole answer, or the whole response.
            [] | [Key::Name(_)] => {
                self.extra(step, http, "status".into(), "status", false);
                self.extra(step, http, "body $".into(), "body", secret);
            }
            keys => {
                if let Some(source) = source(keys) {
                    let name = keys.iter().rev().find_map(|k| {
                        if let Key::Name(name) = k {
                            Some(name.as_str())
                        } else {
                            None
                        }
                    });
                    let name = if source == "status" {
                        "status"
                    } else {
                        name.unwrap_or("value")
                    };
                    self.extra(step, http, source, name, secret);
                }
            }
        }
    }

    /// A path that may find several, below an answer.
    fn many(&mut self, whole: &'a Expr, inner: &'a Expr, secret: bool, own: Option<&'a str>) {
        if let Some((step, source)) = self.many_source(whole, inner, own)
            && let Some(http) = self.http_of(&step)
        {
            self.extra(&step, http, source, "found", secret);
        }
    }

    /// Step and source of a path below an answer that is no list of names and indexes.
    pub(super) fn many_source(
        &self,
        whole: &Expr,
        inner: &Expr,
        own: Option<&str>,
    ) -> Option<(String, String)> {
        let ExprKind::Path(_, path) = &whole.kind else {
            return None;
        };
        let step = match &inner.kind {
            ExprKind::Ref(Root::Output(step)) => step.as_str(),
            ExprKind::Ref(Root::Answer) => own?,
            _ => return None,
        };
        let rest = path.as_str().strip_prefix("$.response.body")?;
        let path =
            JsonPath::parse(&format!("${rest}"), crate::plan::path::PathDialect::Rfc9535).ok()?;
        Some((step.to_owned(), format!("body {path}")))
    }

    fn extra(&mut self, step: &str, http: &Http, source: String, name: &str, secret: bool) {
        if let Some(known) = self
            .extras
            .iter_mut()
            .find(|e| e.step == step && e.source == source)
        {
            known.secret |= secret;
            return;
        }
        let mut taken: HashSet<String> = http
            .captures
            .iter()
            .map(|c| self.capture_name(step, &c.name))
            .collect();
        taken.extend(
            self.extras
                .iter()
                .filter(|e| e.step == step)
                .map(|e| e.name.clone()),
        );
        let name = fresh(name, &mut taken);
        self.extras.push(Extra {
            step: step.to_owned(),
            name,
            source,
            secret,
        });
    }

    /// What stands for a part of an answer.
    pub(super) fn extra_name(&self, step: &str, source: &str) -> Option<&str> {
        self.extras
            .iter()
            .find(|e| e.step == step && e.source == source)
            .map(|e| e.name.as_str())
    }

    /// The request of a step.
    pub(super) fn http_of(&self, step: &str) -> Option<&'a Http> {
        match self.steps.get(step).map(|s| &s.task) {
            Some(Task::Http(http)) => Some(http),
            _ => None,
        }
    }
}
