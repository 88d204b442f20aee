//! An HTTP step: what its request carries where, and what its captures are.

use super::engine::{Answer, Engine};
use super::eval::capture_path;
use super::path::overlap;
use super::shape::Shape;
use super::taint::{Atom, Taint};
use super::url::{UrlPart, split};
use super::{Part, Request, Sink};
use crate::check::context::names_credential;
use crate::plan::task::http::{Expectation, Sign};
use crate::plan::task::{Auth, Body, CaptureSource, Http};
use crate::plan::visit::RequestPart;
use crate::plan::{Derivation, Expr, ExprKind, Origin, Step};

/// The names that an exchange brings for its own clauses.
fn own_names(http: &Http) -> Vec<&'static str> {
    let mut names = Vec::new();
    if matches!(&http.body, Body::Program(program) if program.file.is_some()) {
        names.push("path");
    }
    if matches!(http.sign.as_deref(), Some(Sign::Hmac { .. })) {
        names.push("request");
    }
    names
}

/// Whether an answer is compared with more than a literal, or holds a credential that is compared.
pub(super) fn judges(http: &Http) -> bool {
    let mut values = http.expect.iter().filter_map(|e| match &e.what {
        Expectation::Status(_) => None,
        Expectation::Header { value, .. } | Expectation::Body { value, .. } => Some(value),
    });
    let secret = http.captures.iter().any(|c| c.secret);
    values.any(|value| !is_literal(value) || (secret && !is_nothing(value)))
}

fn is_literal(expr: &Expr) -> bool {
    matches!(
        expr.kind,
        ExprKind::String(_) | ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Null
    )
}

/// `null` and the empty text: to compare with them asks whether anything is there.
fn is_nothing(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Null) || expr.as_str() == Some("")
}

impl<'p> Engine<'p> {
    pub(super) fn http(&mut self, id: usize, step: &'p Step, http: &'p Http) {
        let judged = self.judged(id, step, http);
        // A request that is tried again because of what it was compared with tells of that.
        let again = if step.retry.is_some() {
            judged.clone()
        } else {
            Taint::default()
        };
        let carries = self.request(id, http, &again);
        let secret = carries.iter().any(|e| {
            e.derivation > Derivation::Weak && !e.control && self.trails.origin(e.atom).is_some()
        });
        let facts = Answer {
            raw: http.raw_output,
            sensitive: secret || http.effect.issues(),
            status: carries.weakened(),
        };
        let status = facts.status.clone();
        let (sensitive, conductor) = (
            facts.sensitive,
            self.plan.dialect.semantics().keeps_executions,
        );
        self.answers.insert(id, facts);
        for capture in &http.captures {
            let keys = if capture.place.is_empty() {
                vec![capture.name.clone()]
            } else {
                capture.place.clone()
            };
            let atom = self.trails.intern(Atom::Answer {
                step: id,
                path: keys,
            });
            let mut taint = match &capture.source {
                CaptureSource::Status => status.clone(),
                CaptureSource::Expr(expr) => {
                    // What the answer itself holds is named by the capture from here on.
                    let taint = self.taint(expr);
                    let trails = &self.trails;
                    taint.map(|e| match trails.atom(e.atom) {
                        Some(Atom::Answer { step, .. }) if *step == id => None,
                        Some(Atom::Origin {
                            origin: Origin::Response(name),
                            ..
                        }) if *name == step.name => None,
                        _ => Some(*e),
                    })
                }
                _ => Taint::default(),
            };
            if !matches!(capture.source, CaptureSource::Status) {
                taint.join(&self.trails.source(atom, Derivation::Whole, capture.at.0));
            }
            // A field that is named like a credential and not masked is what the answer was asked for.
            if !capture.secret
                && conductor
                && sensitive
                && capture
                    .place
                    .last()
                    .is_some_and(|key| names_credential(key))
            {
                let origin = Origin::Response(step.name.clone());
                let atom = self.trails.intern(Atom::Origin {
                    rotation: Some(self.rotation),
                    origin,
                });
                taint.join(&self.trails.source(atom, Derivation::Part, capture.at.0));
            }
            self.capture(id, &capture.name, Shape::of(taint));
            if capture.secret {
                self.mint(id, step, &capture.name, capture.at.0);
            }
        }
        if let Some(strays) = &http.strays {
            self.request(id, &strays.list, &Taint::default());
            let atom = self.trails.intern(Atom::Answer {
                step: id,
                path: vec!["strays".into()],
            });
            let stray = self.trails.source(atom, Derivation::Whole, step.at.0);
            let shadowed = self.variables.insert("stray", Shape::of(stray));
            self.request(id, &strays.revoke, &Taint::default());
            self.variables.set("stray", shadowed);
        }
        if !judged.is_empty() {
            self.ends_unless(&judged);
        }
    }

    /// What decides that an answer is what was expected: the values that it is compared with, and the credentials in it that are
    /// compared with more than nothing.
    fn judged(&mut self, id: usize, step: &'p Step, http: &'p Http) -> Taint {
        let mut judged = Taint::default();
        for expect in &http.expect {
            let (keys, value) = match &expect.what {
                Expectation::Status(_) => continue,
                Expectation::Header { name, value, .. } => {
                    (capture_path(&CaptureSource::Header(name.clone())), value)
                }
                Expectation::Body { path, value, .. } => {
                    (capture_path(&CaptureSource::Body(path.clone())), value)
                }
            };
            let mut taint = self.taint(value);
            if !is_nothing(value) {
                let compared = http.captures.iter().filter(|capture| {
                    capture.secret && overlap(&capture_path(&capture.source), &keys)
                });
                for capture in compared {
                    let atom = self.minted(step, &capture.name);
                    let minted = self.trails.source(atom, Derivation::Opaque, capture.at.0);
                    taint.join(&minted);
                }
            }
            judged.join(&self.condition(&taint, expect.at.0));
        }
        self.step = Some(id);
        judged
    }

    /// A request, to each host of a list that is written out where a loop over it makes the URL.
    fn request(&mut self, id: usize, http: &'p Http, again: &Taint) -> Taint {
        let Some((name, texts)) = self.unrolled(&http.url) else {
            return self.request_to(id, http, again);
        };
        let mut carries = Taint::default();
        for text in texts {
            self.present.insert(name, text);
            carries.join(&self.request_to(id, http, again));
        }
        self.present.remove(name);
        carries
    }

    fn request_to(&mut self, id: usize, http: &'p Http, again: &Taint) -> Taint {
        let request = self.requests.len();
        let mut pieces = Vec::new();
        self.pieces(&http.url, 0, &mut pieces);
        let (target, parts) = split(&pieces);
        let mut carries = Taint::default();
        for (part, expr) in parts {
            let part = match part {
                UrlPart::Host => Part::Host,
                UrlPart::UserInfo => Part::UserInfo,
                UrlPart::Path => Part::Path,
                UrlPart::Query => Part::Query,
            };
            carries.join(&self.leaves(expr, &Sink::Request { request, part }));
        }
        for (_, expr) in &http.query {
            carries.join(&self.leaves(
                expr,
                &Sink::Request {
                    request,
                    part: Part::Query,
                },
            ));
        }
        for header in &http.headers {
            carries.join(&self.leaves(
                &header.value,
                &Sink::Request {
                    request,
                    part: Part::Header(&header.name),
                },
            ));
        }
        let authorization = Sink::Request {
            request,
            part: Part::Header("Authorization"),
        };
        match &http.auth {
            Some(Auth::Bearer(token)) => {
                carries.join(&self.leaves(token, &authorization));
            }
            Some(Auth::Basic(user, password) | Auth::Client(user, password)) => {
                carries.join(&self.leaves(user, &authorization));
                carries.join(&self.leaves(password, &authorization));
            }
            Some(Auth::Login(..)) | None => {}
        }
        let body = Sink::Request {
            request,
            part: Part::Body,
        };
        match &http.body {
            Body::None => {}
            Body::Json(e) | Body::Text(e) | Body::Raw(e) => {
                carries.join(&self.leaves(e, &body));
            }
            Body::Form(members) => {
                for (_, e) in members {
                    carries.join(&self.leaves(e, &body));
                }
            }
            Body::Statement { .. } | Body::Command(_) | Body::Program(_) => {}
        }
        // Names that only stand within: the path of a file in memory, the parts of the request that is signed.
        let mut outer = Vec::new();
        for name in own_names(http) {
            outer.push((name, self.variables.insert(name, Shape::default())));
        }
        if let Some(Sign::AwsSigv4 {
            key_id,
            session_token,
            ..
        }) = http.sign.as_deref()
        {
            carries.join(&self.leaves(key_id, &authorization));
            if let Some(token) = session_token {
                carries.join(&self.leaves(token, &authorization));
            }
        }
        if let Some(Sign::Jwt(jwt)) = http.sign.as_deref() {
            let sink = if jwt.field.is_some() {
                &body
            } else {
                &authorization
            };
            for part in jwt.key_id.iter().chain(&jwt.header).chain([&jwt.claims]) {
                carries.join(&self.leaves(part, sink));
            }
        }
        for (part, expr) in http.request_exprs() {
            if let RequestPart::In(place) = part {
                let part = Part::In(place);
                carries.join(&self.leaves(expr, &Sink::Request { request, part }));
            }
        }
        for (name, shadowed) in outer {
            self.variables.set(name, shadowed);
        }
        let reached = self.reached().joined(again);
        self.record(
            Sink::Request {
                request,
                part: Part::Sent,
            },
            self.order.get(id).map_or(http.url.at.0, |n| n.step.at.0),
            reached,
        );
        if self.recording {
            self.requests.push(Request {
                step: id,
                http,
                target,
                carries: carries.clone(),
            });
        }
        carries
    }

    /// Records each part of a value at `sink` and returns the taint of the whole.
    fn leaves(&mut self, expr: &'p Expr, sink: &Sink<'p>) -> Taint {
        match &expr.kind {
            ExprKind::Object(members) => {
                let mut all = Taint::default();
                for (_, value) in members {
                    all.join(&self.leaves(value, sink));
                }
                all
            }
            ExprKind::List(items) | ExprKind::Template(items) => {
                let mut all = Taint::default();
                for item in items {
                    all.join(&self.leaves(item, sink));
                }
                all
            }
            ExprKind::String(_)
            | ExprKind::Number(_)
            | ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Duration(_) => Taint::default(),
            _ => {
                let taint = self.taint(expr);
                self.record(sink.clone(), expr.at.0, taint.clone());
                taint
            }
        }
    }
}
