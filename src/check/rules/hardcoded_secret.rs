//! # ROT612 hardcoded-secret
//!
//! What it finds: a credential that stands in the text: one of a known form (AWS, GitHub, GitLab, Slack, Stripe, a private key), or a random text under the name of a credential, also in a connection string; and
//! any literal that is stored as the value of a secret.
//!
//! ## Why it matters
//!
//! It is in the repository, in its history, in every copy and on every screen that shows the file. It cannot be rotated without an edit. The
//! value is blanked in every format of this report.
//!
//! ## Fails
//!
//! ```rot
//! rotation r {
//!   http GET "https://api.example.com/me" {
//!     header "X-Api-Key": "q7Zt2LwPx94kVbN1sD8f"
//!   }
//! }
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "me", "taskReferenceName": "me", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/me", "method": "GET", "headers": {"X-Api-Key": "q7Zt2LwPx94kVbN1sD8f"}}}],
//!  "outputParameters": {}}
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   http GET "https://api.example.com/me" {
//!     header "X-Api-Key": secrets.api_key
//!   }
//! }
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "me", "taskReferenceName": "me", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/me", "method": "GET", "headers": {"X-Key": "${workflow.secrets.apiKey}"}}}],
//!  "outputParameters": {}}
//! ```

use crate::check::context::Context;
use crate::check::looks::{Looks, looks_like_secret};
use crate::diagnostic::{Confidence, Diagnostic, codes};
use crate::plan::task::lifecycle::NewValue;
use crate::plan::task::http::{Jwt, Sign};
use crate::plan::task::{Auth, Body, Http};
use crate::plan::{Expr, ExprKind, Task};
use crate::source::Span;
use std::collections::HashSet;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut finder = Finder { conductor: cx.plan.dialect.semantics().is_json, seen: HashSet::new(), out };
    for rotation in &cx.plan.rotations {
        for (name, value) in &rotation.variables {
            finder.value(value, Some(name));
        }
        for input in &rotation.inputs {
            if let Some(default) = &input.default {
                finder.value(default, Some(&input.name));
            }
        }
        for output in &rotation.outputs {
            finder.value(&output.value, Some(&output.name));
        }
    }
    for (_, node) in cx.order().iter() {
        finder.task(&node.step.task);
    }
}

struct Finder<'o> {
    conductor: bool,
    seen: HashSet<Span>,
    out: &'o mut Vec<Diagnostic>,
}

impl Finder<'_> {
    fn task(&mut self, task: &Task) {
        if let Task::Http(http) = task {
            self.http(http);
        } else if let Some(value) = task.write().and_then(|write| write.value) {
            self.new_value(value);
        } else {
            task.each_named_expr(&mut |name, value| self.value(value, name));
        }
    }

    fn http(&mut self, http: &Http) {
        self.url(&http.url);
        for header in &http.headers {
            self.value(&header.value, Some(&header.name));
        }
        for (name, value) in &http.query {
            self.value(value, Some(name));
        }
        match &http.auth {
            Some(Auth::Bearer(token)) => self.value(token, Some("token")),
            Some(Auth::Basic(_, password)) => self.value(password, Some("password")),
            Some(Auth::Client(_, secret)) => self.value(secret, Some("client_secret")),
            Some(Auth::Login(_, password)) => self.value(password, Some("password")),
            None => {}
        }
        match &http.body {
            Body::None => {}
            Body::Json(value) | Body::Raw(value) => self.value(value, None),
            Body::Text(value) => {
                self.value(value, None);
                self.pairs(&written(value), '&', value.at.0);
            }
            Body::Form(members) => members.iter().for_each(|(name, value)| self.value(value, Some(name))),
            Body::Statement { text, .. } => self.value(text, None),
            Body::Command(words) => words.iter().for_each(|word| self.value(word, None)),
            Body::Program(program) => {
                program.arguments.iter().for_each(|one| self.value(one, None));
                program.environment.iter().for_each(|(name, value)| self.value(value, Some(name)));
                program.stdin.iter().chain(&program.file).for_each(|value| self.value(value, None));
            }
        }
        match http.sign.as_deref() {
            Some(Sign::AwsSigv4 { secret_key, .. }) => self.value(secret_key, Some("secret_key")),
            Some(Sign::Hmac { key, .. } | Sign::Jwt(Jwt { key, .. })) => {
                self.value(key, Some("secret_key"));
            }
            None => {}
        }
        if let Some(strays) = &http.strays {
            self.http(&strays.list);
            self.http(&strays.revoke);
        }
    }

    /// What is stored as a secret is one, whatever it looks like; of a record, only what looks like it.
    fn new_value(&mut self, value: &NewValue) {
        match value {
            NewValue::Single(value) => match value.as_str().filter(|text| !text.trim().is_empty()) {
                Some(_) => self.found("the new value of a secret", Confidence::High, value.at.0),
                None => self.value(value, Some("secret")),
            },
            NewValue::Fields(fields) => fields.iter().for_each(|(name, value)| self.value(value, Some(name))),
        }
    }

    /// A URL: its query, and the password before `@`.
    fn url(&mut self, url: &Expr) {
        self.value(url, None);
        let text = written(url);
        if let Some((_, query)) = text.split_once('?') {
            self.pairs(query, '&', url.at.0);
        }
        self.authority(&text, url.at.0);
    }

    /// The password before `@` of an address, of a database as of anything else.
    fn authority(&mut self, text: &str, span: Span) {
        for (_, rest) in text.split("://").zip(text.split("://").skip(1)) {
            let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
            let info = authority.rsplit_once('@').and_then(|(info, _)| info.split_once(':'));
            if let Some((_, password)) = info.filter(|(_, p)| !p.contains("${")) {
                self.text(password, Some("password"), span);
            }
        }
    }

    /// `name=value&name=value`
    fn pairs(&mut self, text: &str, between: char, span: Span) {
        for (name, value) in text.split(between).filter_map(|pair| pair.split_once('=')) {
            if !value.contains("${") {
                self.text(value.trim(), Some(name.trim()), span);
            }
        }
    }

    /// The password in a connection string: the address of a database, `Server=…;Password=…`, `host=… password=…`.
    fn connection(&mut self, text: &str, span: Span) {
        self.authority(text, span);
        for between in [';', ' '] {
            let pairs = text.split(between).filter(|pair| pair.contains('=')).count();
            if pairs > 1 {
                self.pairs(text, between, span);
            }
        }
    }

    fn value(&mut self, expr: &Expr, name: Option<&str>) {
        match &expr.kind {
            ExprKind::String(text) => {
                self.text(text, name, expr.at.0);
                self.connection(text, expr.at.0);
            }
            ExprKind::Template(parts) => {
                self.connection(&written(expr), expr.at.0);
                parts.iter().for_each(|part| self.value(part, None));
            }
            ExprKind::Object(members) => members.iter().for_each(|(key, value)| self.value(value, Some(key))),
            ExprKind::List(items) => items.iter().for_each(|item| self.value(item, name)),
            // A text around references is no value by itself; only what is known by its form is looked for.
            _ => expr.children().into_iter().for_each(|child| self.value(child, None)),
        }
    }

    fn text(&mut self, text: &str, name: Option<&str>, span: Span) {
        let Some(looks) = looks_like_secret(text, name) else { return };
        match looks {
            Looks::Known(what) => self.found(what, Confidence::High, span),
            Looks::Random => {
                let what = format!("what looks like a credential, under the name `{}`,", name.unwrap_or("secret"));
                self.found(&what, Confidence::Medium, span);
            }
        }
    }

    fn found(&mut self, what: &str, confidence: Confidence, span: Span) {
        if !self.seen.insert(span) {
            return;
        }
        let help = if self.conductor {
            "store it (`rot vault set NAME`), replace it everywhere it was used, and refer to it with `${workflow.secrets.NAME}`"
        } else {
            "store it (`rot vault set NAME`), replace it everywhere it was used, declare `secret NAME to \"HOST\"` and write `secrets.NAME`"
        };
        self.out.push(
            Diagnostic::new(codes::HARDCODED_SECRET, span, format!("{what} stands in the text"))
                .at("blanked here, readable in the file")
                .help(help)
                .confidence(confidence)
                .redacting(span),
        );
    }
}

/// A text with `${}` in the place of what is put into it.
fn written(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::String(text) => text.clone(),
        ExprKind::Template(parts) => parts.iter().map(|part| part.as_str().unwrap_or("${}")).collect(),
        _ => String::new(),
    }
}
