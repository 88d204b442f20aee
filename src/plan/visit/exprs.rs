//! The expressions of a step, shared and to change: one list, from which both walks are made.

use crate::plan::policy::Place;
use crate::plan::task::http::{Expectation, Strays};
use crate::plan::task::http::{Program, Sign};
use crate::plan::task::lifecycle::NewValue;
use crate::plan::task::{Auth, Body, CaptureSource, Http, Wait};
use crate::plan::{Expr, Task};

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

macro_rules! walks {
    ($(#[$doc:meta])* $task:ident $http:ident $value:ident $iter:ident $($m:tt)?) => {
        impl Task {
            $(#[$doc])*
            pub fn $task<'p>(&'p $($m)? self, visit: &mut dyn FnMut(Role, &'p $($m)? Expr)) {
                match self {
                    Task::Http(http) => $http(http, true, visit),
                    Task::Let(item) => visit(Role::Own, &$($m)? item.value),
                    Task::SetVariables(set) => {
                        set.values.$iter().for_each(|(_, value)| visit(Role::Own, value));
                    }
                    Task::Log(log) => visit(Role::Own, &$($m)? log.message),
                    Task::Fail(fail) => {
                        visit(Role::Own, &$($m)? fail.message);
                        fail.output.$iter().for_each(|output| visit(Role::Own, output));
                    }
                    Task::Stop(stop) => {
                        stop.reason.$iter().for_each(|reason| visit(Role::Own, reason));
                        stop.output.$iter().for_each(|output| visit(Role::Own, output));
                    }
                    Task::Update(update) => {
                        visit(Role::Own, &$($m)? update.secret);
                        $value(&$($m)? update.value, &mut |value| visit(Role::Stored, value));
                        update.expires.$iter().for_each(|at| visit(Role::Own, at));
                    }
                    Task::Stage(stage) => {
                        $value(&$($m)? stage.value, &mut |value| visit(Role::Stored, value));
                        stage.expires.$iter().for_each(|at| visit(Role::Own, at));
                    }
                    Task::Manual(manual) => visit(Role::Own, &$($m)? manual.instructions),
                    Task::Wait(Wait::For(time) | Wait::Until(time)) => visit(Role::Own, time),
                    Task::Switch(switch) => visit(Role::Own, &$($m)? switch.subject),
                    Task::ForEach(each) => {
                        visit(Role::Own, &$($m)? each.items);
                        each.until.$iter().for_each(|until| visit(Role::Own, until));
                    }
                    Task::Repeat(repeat) => visit(Role::Own, &$($m)? repeat.until),
                    Task::Call(call) => {
                        call.inputs.$iter().for_each(|(_, value)| visit(Role::Own, value));
                        call.each.$iter().for_each(|each| visit(Role::Own, each));
                    }
                    Task::Worker(worker) => visit(Role::Own, &$($m)? worker.input),
                    Task::Fork(fork) => {
                        visit(Role::Own, &$($m)? fork.tasks);
                        fork.inputs.$iter().for_each(|inputs| visit(Role::Own, inputs));
                    }
                    Task::Generate(_)
                    | Task::Verify(_)
                    | Task::Promote(_)
                    | Task::Revoke(_)
                    | Task::Parallel(_) => {}
                }
            }
        }

        fn $http<'p>(http: &'p $($m)? Http, with_strays: bool, visit: &mut dyn FnMut(Role, &'p $($m)? Expr)) {
            let Http {
                url, query, headers, auth, body, sign, expect, captures, strays,
                method: _, encode: _, effect: _, limits: _, raw_output: _,
            } = http;
            let mut request = |part, expr| visit(Role::Request(part), expr);
            request(RequestPart::Url, url);
            query.$iter().for_each(|(_, value)| request(RequestPart::Query, value));
            headers.$iter().for_each(|header| request(RequestPart::Header, &$($m)? header.value));
            match auth {
                Some(Auth::Bearer(token)) => request(RequestPart::Header, token),
                Some(Auth::Basic(user, password) | Auth::Client(user, password)) => {
                    request(RequestPart::Header, user);
                    request(RequestPart::Header, password);
                }
                Some(Auth::Login(user, password)) => {
                    request(RequestPart::In(Place::Login), user);
                    request(RequestPart::In(Place::Login), password);
                }
                None => {}
            }
            match body {
                Body::None => {}
                Body::Json(value) | Body::Text(value) | Body::Raw(value) => request(RequestPart::Body, value),
                Body::Form(members) => {
                    members.$iter().for_each(|(_, value)| request(RequestPart::Body, value));
                }
                Body::Statement { text, .. } => request(RequestPart::In(Place::Statement), text),
                Body::Command(words) => {
                    words.$iter().for_each(|word| request(RequestPart::In(Place::Statement), word));
                }
                Body::Program(program) => {
                    let Program { arguments, environment, stdin, file } = &$($m)? **program;
                    arguments.$iter().for_each(|one| request(RequestPart::In(Place::Argument), one));
                    environment.$iter().for_each(|(_, value)| request(RequestPart::In(Place::Environment), value));
                    stdin.$iter().for_each(|value| request(RequestPart::In(Place::Stdin), value));
                    file.$iter().for_each(|value| request(RequestPart::In(Place::File), value));
                }
            }
            if let Some(sign) = sign {
                match &$($m)? **sign {
                    Sign::AwsSigv4 { key_id, secret_key, session_token, region, service } => {
                        request(RequestPart::Header, key_id);
                        request(RequestPart::In(Place::Signature), secret_key);
                        session_token.$iter().for_each(|token| request(RequestPart::Header, token));
                        request(RequestPart::In(Place::Signature), region);
                        request(RequestPart::In(Place::Signature), service);
                    }
                    Sign::Hmac { key, text, algorithm: _, encoding: _, header: _, prefix: _, time_header: _ } => {
                        request(RequestPart::In(Place::Signature), key);
                        request(RequestPart::In(Place::Signature), text);
                    }
                }
            }
            for expect in expect {
                match &$($m)? expect.what {
                    Expectation::Status(_) => {}
                    Expectation::Header { value, .. } | Expectation::Body { value, .. } => visit(Role::Answer, value),
                }
            }
            for capture in captures {
                match &$($m)? capture.source {
                    CaptureSource::Expr(expr) => visit(Role::Answer, expr),
                    CaptureSource::Body(_)
                    | CaptureSource::Text
                    | CaptureSource::Header(_)
                    | CaptureSource::Status => {}
                }
            }
            if let (true, Some(strays)) = (with_strays, strays) {
                let Strays { list, revoke } = &$($m)? **strays;
                $http(list, true, visit);
                $http(revoke, true, visit);
            }
        }

        fn $value<'p>(value: &'p $($m)? NewValue, visit: &mut dyn FnMut(&'p $($m)? Expr)) {
            match value {
                NewValue::Single(value) => visit(value),
                NewValue::Fields(fields) => fields.$iter().for_each(|(_, value)| visit(value)),
            }
        }
    };
}

walks! {
    /// Calls `visit` on each expression of the step itself with what it is to the step, in text order: the requests of `strays`
    /// are among them, steps within are not.
    each_expr of_http of_value iter
}
walks! {
    /// As [`Task::each_expr`], to change them.
    each_expr_mut of_http_mut of_value_mut iter_mut mut
}

impl Task {
    /// The expressions of the step itself, those of `strays` with them, without those of steps within.
    pub fn exprs(&self) -> Vec<&Expr> {
        let mut all = Vec::new();
        self.each_expr(&mut |_, expr| all.push(expr));
        all
    }
}

impl Task {
    /// As [`Task::each_expr`], each with the name under which the author put it, if there is one: of a `let`, of a variable, of an
    /// input that is passed.
    pub fn each_named_expr<'p>(&'p self, visit: &mut dyn FnMut(Option<&'p str>, &'p Expr)) {
        let named: &[(String, Expr)] = match self {
            Task::Let(item) => {
                visit(Some(&item.name), &item.value);
                return;
            }
            Task::SetVariables(set) => &set.values,
            Task::Call(call) => &call.inputs,
            Task::Http(_)
            | Task::Generate(_)
            | Task::Log(_)
            | Task::Update(_)
            | Task::Stage(_)
            | Task::Verify(_)
            | Task::Promote(_)
            | Task::Revoke(_)
            | Task::Manual(_)
            | Task::Fail(_)
            | Task::Stop(_)
            | Task::Wait(_)
            | Task::Switch(_)
            | Task::Parallel(_)
            | Task::Fork(_)
            | Task::ForEach(_)
            | Task::Repeat(_)
            | Task::Worker(_) => &[],
        };
        let mut names = named.iter();
        self.each_expr(&mut |_, expr| {
            let name = names.next().map(|(name, _)| name.as_str());
            visit(name, expr);
        });
    }

    /// What decides which steps within run, and how often: the subject of a choice, the end of a `repeat`, the list of a
    /// `for each`.
    pub fn decides(&self) -> Option<&Expr> {
        match self {
            Task::Switch(switch) => Some(&switch.subject),
            Task::ForEach(each) => Some(&each.items),
            Task::Repeat(repeat) => Some(&repeat.until),
            Task::Http(_)
            | Task::Let(_)
            | Task::SetVariables(_)
            | Task::Generate(_)
            | Task::Log(_)
            | Task::Update(_)
            | Task::Stage(_)
            | Task::Verify(_)
            | Task::Promote(_)
            | Task::Revoke(_)
            | Task::Manual(_)
            | Task::Fail(_)
            | Task::Stop(_)
            | Task::Wait(_)
            | Task::Parallel(_)
            | Task::Fork(_)
            | Task::Call(_)
            | Task::Worker(_) => None,
        }
    }
}

impl Http {
    /// All expressions of the exchange, those of `strays` with them.
    pub fn exprs(&self) -> Vec<&Expr> {
        let mut all = Vec::new();
        of_http(self, true, &mut |_, expr| all.push(expr));
        all
    }

    /// Every expression of the request with the part of it in which it stands: nothing of the answer, nothing of `strays`.
    pub fn request_exprs(&self) -> Vec<(RequestPart, &Expr)> {
        let mut parts = Vec::new();
        of_http(self, false, &mut |role, expr| match role {
            Role::Request(part) => parts.push((part, expr)),
            Role::Answer | Role::Stored | Role::Own => {}
        });
        parts
    }
}

impl NewValue {
    /// Its expressions.
    pub fn exprs(&self) -> Vec<&Expr> {
        let mut all = Vec::new();
        of_value(self, &mut |expr| all.push(expr));
        all
    }
}
