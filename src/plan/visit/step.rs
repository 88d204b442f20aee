//! What each kind of step holds: expressions, steps within, requests, captures, the secrets that it writes, and how it leads
//! on. A new kind of step is a compile error in this file until all of it is said, and in no other of this folder.

use super::{RequestPart, Role};
use crate::plan::policy::Place;
use crate::plan::task::http::{Expectation, Jwt, Program, Sign, Strays};
use crate::plan::task::lifecycle::{Allow, NewValue};
use crate::plan::task::{Auth, Body, CaptureSource, Http, Wait};
use crate::plan::{Destination, Expr, Step, Task};
use crate::source::At;

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
                    Sign::Jwt(Jwt { key, key_id, header, claims, field, algorithm: _, lifetime: _ }) => {
                        let place = if field.is_some() { RequestPart::Body } else { RequestPart::Header };
                        request(RequestPart::In(Place::Signature), key);
                        key_id.$iter().for_each(|id| request(place, id));
                        header.$iter().for_each(|header| request(place, header));
                        request(place, claims);
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

macro_rules! blocks {
    ($(#[$doc:meta])* $name:ident $iter:ident $block:ty; $($m:tt)?) => {
        impl Task {
            $(#[$doc])*
            pub fn $name(& $($m)? self) -> Vec<& $($m)? $block> {
                match self {
                    Task::Verify(verify) => vec![& $($m)? verify.steps],
                    Task::Revoke(revoke) => vec![& $($m)? revoke.steps],
                    Task::Manual(manual) => vec![& $($m)? manual.verify],
                    Task::Switch(switch) => {
                        let mut all: Vec<& $($m)? $block> = Vec::with_capacity(switch.cases.len() + 1);
                        for case in switch.cases.$iter() {
                            all.push(& $($m)? case.steps);
                        }
                        all.push(& $($m)? switch.otherwise);
                        all
                    }
                    Task::Parallel(parallel) => {
                        let mut all: Vec<& $($m)? $block> = Vec::with_capacity(parallel.branches.len());
                        for branch in parallel.branches.$iter() {
                            all.push(& $($m)? branch.steps);
                        }
                        all
                    }
                    Task::ForEach(each) => vec![& $($m)? each.steps],
                    Task::Repeat(repeat) => vec![& $($m)? repeat.steps],
                    Task::Http(_)
                    | Task::Let(_)
                    | Task::SetVariables(_)
                    | Task::Generate(_)
                    | Task::Log(_)
                    | Task::Update(_)
                    | Task::Stage(_)
                    | Task::Promote(_)
                    | Task::Fail(_)
                    | Task::Stop(_)
                    | Task::Wait(_)
                    | Task::Fork(_)
                    | Task::Call(_)
                    | Task::Worker(_) => Vec::new(),
                }
            }
        }
    };
}

blocks! {
    /// The lists of steps within, in order.
    blocks iter [Step];
}
blocks! {
    /// As [`Task::blocks`], to change them.
    blocks_mut iter_mut Vec<Step>; mut
}

impl Task {
    /// The HTTP requests that the step itself makes, those of `strays` with them.
    pub fn requests(&self) -> Vec<&Http> {
        match self {
            Task::Http(http) => http.with_strays().collect(),
            Task::Let(_)
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
            | Task::Switch(_)
            | Task::Parallel(_)
            | Task::Fork(_)
            | Task::ForEach(_)
            | Task::Repeat(_)
            | Task::Call(_)
            | Task::Worker(_) => Vec::new(),
        }
    }
}

/// The capture of a step that asks a person.
const ANSWER: &str = "value";

/// A value that a step captures.
#[derive(Debug, Clone, Copy)]
pub struct Captured<'p> {
    /// Its name in the step.
    pub name: &'p str,
    /// Whether it is a secret.
    pub secret: bool,
    /// Where it is written; absent where the kind of step brings it by itself.
    pub at: Option<At>,
    /// The hosts that the capture itself names as those that may have it.
    pub to: &'p [Destination],
}

impl Task {
    /// What the step captures under names that are known before the run.
    pub fn captures(&self) -> Vec<Captured<'_>> {
        match self {
            Task::Http(http) => {
                let captures = http.captures.iter();
                captures
                    .map(|capture| Captured {
                        name: &capture.name,
                        secret: capture.secret,
                        at: Some(capture.at),
                        to: &capture.to,
                    })
                    .collect()
            }
            Task::Generate(generate) => {
                let captures = generate.generator.captures().iter();
                captures
                    .map(|&(name, secret)| Captured {
                        name,
                        secret,
                        at: None,
                        to: &[],
                    })
                    .collect()
            }
            Task::Manual(_) => vec![Captured {
                name: ANSWER,
                secret: true,
                at: None,
                to: &[],
            }],
            Task::Let(_)
            | Task::SetVariables(_)
            | Task::Log(_)
            | Task::Update(_)
            | Task::Stage(_)
            | Task::Verify(_)
            | Task::Promote(_)
            | Task::Revoke(_)
            | Task::Fail(_)
            | Task::Stop(_)
            | Task::Wait(_)
            | Task::Switch(_)
            | Task::Parallel(_)
            | Task::Fork(_)
            | Task::ForEach(_)
            | Task::Repeat(_)
            | Task::Call(_)
            | Task::Worker(_) => Vec::new(),
        }
    }
}

/// What a step does to a stored secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// A new value at once.
    Update,
    /// A new value as pending.
    Stage,
    /// The pending value becomes the current one.
    Promote,
    /// The previous value ends.
    Revoke,
}

impl Act {
    /// Whether it brings a new value.
    pub fn stores(self) -> bool {
        match self {
            Act::Update | Act::Stage => true,
            Act::Promote | Act::Revoke => false,
        }
    }

    /// Whether the secret has a current value after it.
    pub fn makes_current(self) -> bool {
        match self {
            Act::Update | Act::Promote => true,
            Act::Stage | Act::Revoke => false,
        }
    }
}

/// A secret that a step writes.
#[derive(Debug, Clone, Copy)]
pub struct Write<'p> {
    /// What it does.
    pub act: Act,
    /// To which; absent when the name is computed.
    pub secret: Option<&'p str>,
    /// The new value, where there is one.
    pub value: Option<&'p NewValue>,
    /// When the new value expires.
    pub expires: Option<&'p Expr>,
    /// What the new value may be that is otherwise refused.
    pub allow: Allow,
}

impl Task {
    /// The stored secret that the step itself writes.
    pub fn write(&self) -> Option<Write<'_>> {
        let of = |act, secret| Write {
            act,
            secret,
            value: None,
            expires: None,
            allow: Allow::default(),
        };
        match self {
            Task::Update(update) => Some(Write {
                value: Some(&update.value),
                expires: update.expires.as_ref(),
                allow: update.allow,
                ..of(Act::Update, update.secret.as_str())
            }),
            Task::Stage(stage) => Some(Write {
                value: Some(&stage.value),
                expires: stage.expires.as_ref(),
                allow: stage.allow,
                ..of(Act::Stage, Some(&stage.secret))
            }),
            Task::Promote(promote) => Some(of(Act::Promote, Some(&promote.secret))),
            Task::Revoke(revoke) => Some(of(Act::Revoke, Some(&revoke.secret))),
            Task::Http(_)
            | Task::Let(_)
            | Task::SetVariables(_)
            | Task::Generate(_)
            | Task::Log(_)
            | Task::Verify(_)
            | Task::Manual(_)
            | Task::Fail(_)
            | Task::Stop(_)
            | Task::Wait(_)
            | Task::Switch(_)
            | Task::Parallel(_)
            | Task::Fork(_)
            | Task::ForEach(_)
            | Task::Repeat(_)
            | Task::Call(_)
            | Task::Worker(_) => None,
        }
    }
}

/// How a step leads on to what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// To the next one; steps within are part of it.
    Straight,
    /// It ends the run, as done or as failed.
    Ends,
    /// By one of the blocks within.
    Choice,
    /// By all blocks within, at the same time.
    Together,
    /// By the block within, once or more.
    Rounds,
    /// By the block within, once for each element of a list, which may be none.
    Elements,
    /// By another rotation.
    Call,
}

impl Task {
    /// How the step leads on.
    pub fn control(&self) -> Control {
        match self {
            Task::Fail(_) | Task::Stop(_) => Control::Ends,
            Task::Switch(_) => Control::Choice,
            Task::Parallel(_) => Control::Together,
            Task::Repeat(_) => Control::Rounds,
            Task::ForEach(_) => Control::Elements,
            Task::Call(_) => Control::Call,
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
            | Task::Wait(_)
            | Task::Fork(_)
            | Task::Worker(_) => Control::Straight,
        }
    }

    /// Whether the step does something beyond this run: it calls, stores, asks a person, ends the run. What only computes, waits,
    /// chooses or tells does not.
    pub fn acts(&self) -> bool {
        match self {
            Task::Let(_)
            | Task::SetVariables(_)
            | Task::Log(_)
            | Task::Wait(_)
            | Task::Switch(_) => false,
            Task::Http(_)
            | Task::Generate(_)
            | Task::Update(_)
            | Task::Stage(_)
            | Task::Verify(_)
            | Task::Promote(_)
            | Task::Revoke(_)
            | Task::Manual(_)
            | Task::Fail(_)
            | Task::Stop(_)
            | Task::Parallel(_)
            | Task::Fork(_)
            | Task::ForEach(_)
            | Task::Repeat(_)
            | Task::Call(_)
            | Task::Worker(_) => true,
        }
    }
}
