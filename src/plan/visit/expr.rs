//! What an expression is to its step, and which secrets of the vault it reads.

use crate::plan::policy::Place;
use crate::plan::{Expr, ExprKind, Root, Version};
use crate::source::Span;

/// What an expression is to its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It stands in a request of the step.
    Request(RequestPart),
    /// It speaks of an answer: what is expected of it, what is taken out of it.
    Answer,
    /// It is stored as the new value of a secret.
    Stored,
    /// Any other: what the step is about.
    Own,
}

/// In which part of a request an expression stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestPart {
    /// The URL: scheme, host, path and the query written in it.
    Url,
    /// A query parameter.
    Query,
    /// A header's value.
    Header,
    /// The body.
    Body,
    /// A place that only other protocols than HTTP have, or the key of a signature.
    In(Place),
}

impl RequestPart {
    /// Whether it tells who asks; else it says what is asked.
    pub fn authenticates(self) -> bool {
        match self {
            RequestPart::Header | RequestPart::In(Place::Login | Place::Signature) => true,
            RequestPart::Url | RequestPart::Query | RequestPart::Body | RequestPart::In(_) => false,
        }
    }

    /// For messages.
    pub fn describe(self) -> &'static str {
        match self {
            RequestPart::Url => "URL",
            RequestPart::Query => "query",
            RequestPart::Header => "header",
            RequestPart::Body => "body",
            RequestPart::In(place) => place.as_str(),
        }
    }
}

/// A secret that an expression reads.
#[derive(Debug, Clone, Copy)]
pub struct Read<'p> {
    /// Which.
    pub secret: &'p str,
    /// Which version of it.
    pub version: Version,
    /// The name in the text.
    pub span: Span,
}

impl Expr {
    /// Calls `visit` on each secret of the vault that is read within.
    pub fn each_secret<'p>(&'p self, visit: &mut dyn FnMut(Read<'p>)) {
        self.walk(&mut |part| {
            if let ExprKind::Ref(Root::Secret { name, version, .. }) = &part.kind {
                visit(Read {
                    secret: name,
                    version: *version,
                    span: part.at.0,
                });
            }
        });
    }

    /// Calls `visit` with the name of each step of which a capture is read within.
    pub fn each_captured<'p>(&'p self, visit: &mut dyn FnMut(&'p str)) {
        self.walk(&mut |part| {
            if let ExprKind::Ref(Root::Capture { step, .. }) = &part.kind {
                visit(step);
            }
        });
    }

    /// Whether anything that a step gives is read within: a capture, its output, or a field of the task.
    pub fn reads_step(&self, wanted: &str) -> bool {
        let mut found = false;
        self.walk(&mut |part| {
            found |= matches!(
                &part.kind,
                ExprKind::Ref(
                    Root::Capture { step, .. } | Root::Output(step) | Root::TaskField { step, .. }
                ) if step == wanted
            );
        });
        found
    }

    /// Whether one of these versions of a secret is read within.
    pub fn reads_secret(&self, wanted: &str, versions: &[Version]) -> bool {
        let mut found = false;
        self.each_secret(&mut |read| {
            found |= read.secret == wanted && versions.contains(&read.version);
        });
        found
    }
}
