//! Plans without a front end: a few words for each node. Every place is a span of its own, in the order of making.

use rot::check::{Options, check};
use rot::diagnostic::{Diagnostic, Severity};
use rot::plan::effect::{Effect, Issues, Old};
use rot::plan::expr::{Function, Operator, Root, RunField, Version};
use rot::plan::label::Origin;
use rot::plan::path::PathDialect;
use rot::plan::policy::{Destination, HostPattern, Place, Policy};
use rot::plan::schedule::{Dur, Schedule, Trigger};
use rot::plan::task::http::{Auth, Body, Capture, CaptureSource, Header, Http};
use rot::plan::task::lifecycle::{Allow, NewValue, Promote, Revoke, Stage, Update, Verify};
use rot::plan::task::value::{Alphabet, Fail, Generate, Generator, Let, Log, SetVariables, Stop};
use rot::plan::task::{Branch, Call, ForEach, Parallel, Repeat, Step, Switch, Task};
use rot::plan::{
    Dialect, Expr, ExprKind, Input, JsonPath, Output, Plan, Rotation, SecretDecl, Type,
};
use rot::source::{At, FileId, Span};
use std::cell::Cell;

thread_local! {
    static NEXT: Cell<usize> = const { Cell::new(0) };
}

/// The next place: ten bytes of a text that nobody reads.
pub fn at() -> At {
    let start = NEXT.with(|next| {
        next.set(next.get() + 20);
        next.get()
    });
    At(Span::new(FileId::new(0), start, start + 10))
}

fn json_path(text: &str) -> JsonPath {
    JsonPath::parse(text, PathDialect::Conductor).unwrap_or_else(|_| panic!("bad path {text}"))
}
fn expr(kind: ExprKind) -> Expr {
    Expr::new(kind, at())
}
pub fn text(value: &str) -> Expr {
    expr(ExprKind::String(value.into()))
}
pub fn number(digits: &str) -> Expr {
    expr(ExprKind::Number(digits.into()))
}
pub fn secret(name: &str) -> Expr {
    version(name, Version::Current)
}
pub fn version(name: &str, version: Version) -> Expr {
    expr(ExprKind::Ref(Root::Secret {
        name: name.into(),
        field: None,
        version,
    }))
}
pub fn field_of(name: &str, field: &str, version: Version) -> Expr {
    expr(ExprKind::Ref(Root::Secret {
        name: name.into(),
        field: Some(field.into()),
        version,
    }))
}
pub fn got(step: &str, name: &str) -> Expr {
    expr(ExprKind::Ref(Root::Capture {
        step: step.into(),
        name: name.into(),
    }))
}
pub fn input(name: &str) -> Expr {
    expr(ExprKind::Ref(Root::Input(name.into())))
}
pub fn env(name: &str) -> Expr {
    expr(ExprKind::Ref(Root::Env(name.into())))
}
pub fn bound(name: &str) -> Expr {
    expr(ExprKind::Ref(Root::Let(name.into())))
}
pub fn variable(name: &str) -> Expr {
    expr(ExprKind::Ref(Root::Variable(name.into())))
}
/// A place of a Conductor task's output: `response.body.token`.
pub fn output_of(step: &str, path: &str) -> Expr {
    let base = expr(ExprKind::Ref(Root::Output(step.into())));
    expr(ExprKind::Path(
        Box::new(base),
        json_path(&format!("$.{path}")),
    ))
}
pub fn run_plus(millis: u64) -> Expr {
    let start = expr(ExprKind::Ref(Root::Run(RunField::StartedAt)));
    binary(Operator::Add, start, expr(ExprKind::Duration(Dur(millis))))
}
pub fn template(parts: Vec<Expr>) -> Expr {
    expr(ExprKind::Template(parts))
}
pub fn object(members: Vec<(&str, Expr)>) -> Expr {
    expr(ExprKind::Object(named(members)))
}
pub fn call(function: Function, arguments: Vec<Expr>) -> Expr {
    expr(ExprKind::Call(function, arguments))
}
pub fn binary(operator: Operator, left: Expr, right: Expr) -> Expr {
    expr(ExprKind::Binary(operator, Box::new(left), Box::new(right)))
}
pub fn equal(left: Expr, right: Expr) -> Expr {
    binary(Operator::Eq, left, right)
}
pub fn member(value: Expr, name: &str) -> Expr {
    expr(ExprKind::Field(Box::new(value), name.into()))
}
pub fn reveal(value: Expr, reason: &str) -> Expr {
    expr(ExprKind::Reveal {
        value: Box::new(value),
        reason: reason.into(),
    })
}
fn named(members: Vec<(&str, Expr)>) -> Vec<(String, Expr)> {
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

pub fn step(name: &str, task: Task) -> Step {
    Step {
        permissive: false,
        name: name.into(),
        task,
        retry: None,
        optional: false,
        timeout: None,
        start_delay: None,
        at: at(),
    }
}
pub fn log(message: Expr) -> Step {
    step("log", Task::Log(Log { message }))
}
pub fn fail(message: Expr) -> Step {
    step(
        "fail",
        Task::Fail(Fail {
            message,
            output: None,
        }),
    )
}
pub fn stop() -> Step {
    step(
        "stop",
        Task::Stop(Stop {
            reason: None,
            output: None,
        }),
    )
}
pub fn bind(name: &str, value: Expr) -> Step {
    step(
        name,
        Task::Let(Let {
            name: name.into(),
            value,
        }),
    )
}
pub fn set(values: Vec<(&str, Expr)>) -> Step {
    step(
        "set",
        Task::SetVariables(SetVariables {
            values: named(values),
        }),
    )
}
pub fn generate(name: &str) -> Step {
    let generator = Generator::Password {
        length: 32,
        alphabet: Alphabet::Ascii,
        exclude: String::new(),
    };
    step(name, Task::Generate(Generate { generator }))
}
pub fn update(name: &str, value: Expr) -> Step {
    update_to(text(name), value)
}
pub fn update_to(secret: Expr, value: Expr) -> Step {
    let update = Update {
        secret,
        value: NewValue::Single(value),
        expires: None,
        allow: Allow::default(),
        unmasked: false,
    };
    step("update", Task::Update(update))
}
pub fn stage(name: &str, value: Expr) -> Step {
    step(
        &format!("stage {name}"),
        Task::Stage(Stage {
            secret: name.into(),
            value: NewValue::Single(value),
            expires: None,
            allow: Allow::default(),
        }),
    )
}
pub fn stage_fields(name: &str, fields: Vec<(&str, Expr)>) -> Step {
    let value = NewValue::Fields(named(fields));
    step(
        &format!("stage {name}"),
        Task::Stage(Stage {
            secret: name.into(),
            value,
            expires: None,
            allow: Allow::default(),
        }),
    )
}
pub fn promote(name: &str) -> Step {
    step(
        &format!("promote {name}"),
        Task::Promote(Promote {
            secret: name.into(),
        }),
    )
}
pub fn verify(steps: Vec<Step>) -> Step {
    step(
        "verify",
        Task::Verify(Verify {
            within: None,
            every: None,
            steps,
        }),
    )
}
pub fn revoke(name: &str, after: Option<u64>, steps: Vec<Step>) -> Step {
    step(
        &format!("revoke {name}"),
        Task::Revoke(Revoke {
            secret: name.into(),
            after: after.map(Dur),
            steps,
        }),
    )
}
pub fn when(condition: Expr, yes: Vec<Step>, no: Vec<Step>) -> Step {
    let cases = vec![Branch {
        name: "true".into(),
        steps: yes,
        at: at(),
    }];
    step(
        "when",
        Task::Switch(Switch {
            results: None,
            is_decision: false,
            subject: condition,
            cases,
            otherwise: no,
        }),
    )
}
pub fn parallel(branches: Vec<Vec<Step>>) -> Step {
    let branches = branches
        .into_iter()
        .enumerate()
        .map(|(i, steps)| Branch {
            name: format!("b{i}"),
            steps,
            at: at(),
        })
        .collect();
    step("parallel", Task::Parallel(Parallel { branches }))
}
pub fn each(item: &str, items: Expr, steps: Vec<Step>) -> Step {
    step(
        "each",
        Task::ForEach(ForEach {
            until: None,
            item: item.into(),
            items,
            steps,
            keep_last: None,
        }),
    )
}
pub fn repeat(steps: Vec<Step>, until: Expr) -> Step {
    step(
        "repeat",
        Task::Repeat(Repeat {
            steps,
            until,
            at_most: 5,
            every: None,
            backoff: rot::plan::task::Backoff::Fixed,
            keep_last: None,
        }),
    )
}
pub fn calls(name: &str, rotation: &str, inputs: Vec<(&str, Expr)>) -> Step {
    step(
        name,
        Task::Call(Call {
            rotation: rotation.into(),
            inputs: named(inputs),
            each: None,
            each_name: None,
            is_apart: false,
        }),
    )
}

/// An HTTP step under construction.
pub struct HttpStep(Step);

pub fn http(name: &str, method: &str, url: Expr) -> HttpStep {
    let effect = if method == "GET" {
        Effect::Reads
    } else {
        Effect::Unspecified
    };
    HttpStep(step(
        name,
        Task::Http(Box::new(Http::new(method, url, effect))),
    ))
}
pub fn get(name: &str, url: &str) -> HttpStep {
    http(name, "GET", text(url))
}
pub fn post(name: &str, url: &str) -> HttpStep {
    http(name, "POST", text(url))
}
impl HttpStep {
    fn with(mut self, change: impl FnOnce(&mut Http)) -> Self {
        if let Task::Http(http) = &mut self.0.task {
            change(http);
        }
        self
    }
    pub fn effect(self, effect: Effect) -> Self {
        self.with(|h| h.effect = effect)
    }
    pub fn bearer(self, token: Expr) -> Self {
        self.with(|h| h.auth = Some(Auth::Bearer(token)))
    }
    pub fn header(self, name: &str, value: Expr) -> Self {
        self.with(|h| {
            h.headers.push(Header {
                name: name.into(),
                value,
            })
        })
    }
    pub fn query(self, name: &str, value: Expr) -> Self {
        self.with(|h| h.query.push((name.into(), value)))
    }
    pub fn json(self, body: Expr) -> Self {
        self.with(|h| h.body = Body::Json(body))
    }
    pub fn raw_output(self) -> Self {
        self.with(|h| h.raw_output = true)
    }
    fn capture(self, name: &str, secret: bool, optional: bool, place: &[&str]) -> Self {
        let source = CaptureSource::Body(json_path(&format!("$.{name}")));
        let place = place.iter().map(|k| (*k).to_owned()).collect();
        self.with(|h| {
            h.captures.push(Capture {
                name: name.into(),
                secret,
                source,
                ty: Type::Any,
                optional,
                place,
                to: Vec::new(),
                at: at(),
            })
        })
    }
    pub fn secret(self, name: &str) -> Self {
        self.capture(name, true, false, &[])
    }
    pub fn optional_secret(self, name: &str) -> Self {
        self.capture(name, true, true, &[])
    }
    pub fn public(self, name: &str) -> Self {
        self.capture(name, false, false, &[])
    }
    pub fn optional_public(self, name: &str) -> Self {
        self.capture(name, false, true, &[])
    }
    pub fn masked(self, name: &str) -> Self {
        self.capture(name, true, false, &["_secrets", name])
    }
    pub fn status(self, name: &str) -> Self {
        self.with(|h| {
            h.captures.push(Capture {
                name: name.into(),
                secret: false,
                source: CaptureSource::Status,
                ty: Type::Int,
                optional: false,
                place: Vec::new(),
                to: Vec::new(),
                at: at(),
            })
        })
    }
    pub fn done(self) -> Step {
        self.0
    }
    pub fn retried(self) -> Step {
        let mut step = self.0;
        let backoff = rot::plan::task::Backoff::Fixed;
        step.retry = Some(rot::plan::task::Retry {
            count: 5,
            delay: Dur::seconds(2),
            backoff,
            max_delay: None,
        });
        step
    }
}

pub fn additive() -> Effect {
    Effect::Issues(Issues {
        old: Old::Stays,
        at_most: None,
        assumed: false,
    })
}
pub fn assumed() -> Effect {
    Effect::Issues(Issues {
        old: Old::Stays,
        at_most: None,
        assumed: true,
    })
}
pub fn replacing() -> Effect {
    Effect::Issues(Issues {
        old: Old::Dies {
            key: None,
            grace: None,
            recover: None,
            accept: None,
        },
        at_most: None,
        assumed: false,
    })
}
pub fn replacing_grace(millis: u64) -> Effect {
    Effect::Issues(Issues {
        old: Old::Dies {
            key: None,
            grace: Some(Dur(millis)),
            recover: None,
            accept: None,
        },
        at_most: None,
        assumed: false,
    })
}
pub fn replacing_key() -> Effect {
    Effect::Issues(Issues {
        old: Old::Dies {
            key: Some("Idempotency-Key".into()),
            grace: None,
            recover: None,
            accept: None,
        },
        at_most: None,
        assumed: false,
    })
}

/// A step stores with an expiry.
pub fn expiring(mut step: Step, expires: Expr) -> Step {
    match &mut step.task {
        Task::Update(update) => update.expires = Some(expires),
        Task::Stage(stage) => stage.expires = Some(expires),
        _ => {}
    }
    step
}

/// A plan under construction: declarations first, then one rotation with these steps.
pub struct Build(Plan);

pub fn rot() -> Build {
    Build(Plan::new(Dialect::Rot))
}
pub fn orkes() -> Build {
    Build(Plan::new(Dialect::Orkes))
}
pub fn oss() -> Build {
    Build(Plan::new(Dialect::Oss))
}
pub const HOUR: u64 = 3_600_000;

impl Build {
    /// A secret for header and body of these hosts; in Conductor JSON its policy is implied.
    pub fn secret(mut self, name: &str, hosts: &[&str]) -> Self {
        let destinations = hosts
            .iter()
            .map(|h| destination(h, &Place::DEFAULT))
            .collect();
        let policy = if !self.0.dialect.semantics().declares_intent {
            Policy::Implied
        } else {
            Policy::Declared(destinations)
        };
        self.0.secrets.push(SecretDecl {
            name: name.into(),
            fields: Vec::new(),
            policy,
            at: at(),
        });
        self
    }
    pub fn secret_in(mut self, name: &str, host: &str, places: &[Place]) -> Self {
        let policy = Policy::Declared(vec![destination(host, places)]);
        self.0.secrets.push(SecretDecl {
            name: name.into(),
            fields: Vec::new(),
            policy,
            at: at(),
        });
        self
    }
    pub fn rotation(mut self, name: &str, steps: Vec<Step>) -> Self {
        self.0.rotations.push(Rotation {
            name: name.into(),
            description: None,
            inputs: Vec::new(),
            schedule: None,
            timeout: None,
            variables: Vec::new(),
            steps,
            outputs: Vec::new(),
            result: None,
            on_failure: Vec::new(),
            failure_rotation: None,
            given: Vec::new(),
            masked_fields: Vec::new(),
            family: None,
            imported: false,
            at: at(),
        });
        self
    }
    pub fn steps(self, steps: Vec<Step>) -> Self {
        self.rotation("r", steps)
    }
    fn last(mut self, change: impl FnOnce(&mut Rotation)) -> Self {
        change(self.0.rotations.last_mut().expect("a rotation first"));
        self
    }
    pub fn every(self, millis: u64) -> Self {
        self.last(|r| {
            r.schedule = Some(Schedule {
                trigger: Trigger::Every(Dur(millis)),
                jitter: None,
                at: at(),
            })
        })
    }
    pub fn output(self, name: &str, value: Expr) -> Self {
        self.last(|r| {
            r.outputs.push(Output {
                name: name.into(),
                value,
                masked: false,
                at: at(),
            })
        })
    }
    pub fn masked_output(self, name: &str, value: Expr) -> Self {
        self.last(|r| {
            r.outputs.push(Output {
                name: name.into(),
                value,
                masked: true,
                at: at(),
            })
        })
    }
    /// The output of the last task in place of none, as the reader puts it.
    pub fn implied_output(self, step: &str) -> Self {
        let value = output_of(step, "response");
        self.last(|r| {
            r.outputs.push(Output {
                name: "response".into(),
                at: value.at,
                value,
                masked: false,
            })
        })
    }
    pub fn secret_input(self, name: &str) -> Self {
        self.last(|r| {
            r.inputs.push(Input {
                name: name.into(),
                ty: Type::String,
                secret: true,
                default: None,
                at: at(),
            })
        })
    }
    pub fn masked_field(self, name: &str) -> Self {
        self.last(|r| r.masked_fields.push(name.into()))
    }
    pub fn on_failure(self, steps: Vec<Step>) -> Self {
        self.last(|r| r.on_failure = steps)
    }
    pub fn plan(self) -> Plan {
        self.0
    }
    pub fn found(self) -> Found {
        Found(check(&self.0, &Options::default()))
    }
    pub fn pedantic(self) -> Found {
        Found(check(&self.0, &Options { pedantic: true }))
    }
}

fn destination(host: &str, places: &[Place]) -> Destination {
    Destination {
        host: HostPattern(host.into()),
        port: None,
        places: places.to_vec(),
        at: at(),
    }
}

/// The findings of a plan.
pub struct Found(pub Vec<Diagnostic>);

impl Found {
    fn list(&self) -> Vec<String> {
        self.0
            .iter()
            .map(|d| format!("{} {}", d.code.id(), d.message))
            .collect()
    }
    /// The findings are of these codes, in any order, each as often as named; notes are not counted.
    #[track_caller]
    pub fn are(self, codes: &[&str]) -> Vec<Diagnostic> {
        let mut ids: Vec<&str> = self
            .0
            .iter()
            .filter(|d| d.severity > Severity::Note)
            .map(|d| d.code.id())
            .collect();
        ids.sort_unstable();
        let mut wanted = codes.to_vec();
        wanted.sort_unstable();
        assert_eq!(ids, wanted, "{:#?}", self.list());
        self.0
    }
    #[track_caller]
    pub fn none(self) {
        self.are(&[]);
    }
    #[track_caller]
    pub fn has(self, code: &str) -> Diagnostic {
        let list = self.list();
        self.0
            .into_iter()
            .find(|d| d.code.id() == code)
            .unwrap_or_else(|| panic!("no {code} in {list:#?}"))
    }
    #[track_caller]
    pub fn lacks(self, code: &str) {
        assert!(
            !self.0.iter().any(|d| d.code.id() == code),
            "{:#?}",
            self.list()
        );
    }
}

pub fn origin_secret(name: &str) -> Origin {
    Origin::Secret(name.into())
}
