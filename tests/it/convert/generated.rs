//! Plans made at random of what both languages can say, there and back.

use super::{errors, read_json, read_rot, shown, to_json};
use proptest::prelude::*;
use rot::plan::path::{JsonPath, Key, PathDialect};
use rot::plan::schedule::Dur;
use rot::plan::task::http::Expectation;
use rot::plan::task::lifecycle::{Allow, NewValue};
use rot::plan::task::{
    Auth, Backoff, Body, Branch, Capture, CaptureSource, Expect, Fail, Header, Http, Parallel,
    Repeat, Retry, StatusPattern, Step, Stop, Switch, Task, Update, Wait, walk_steps,
};
use rot::plan::{
    Dialect, Effect, EnvDecl, Expr, ExprKind, Input, Issues, Old, Operator, Output, Plan, Policy,
    Root, Rotation, SecretDecl, Type, Version,
};
use rot::source::At;

/// Choices, read from a list of bytes: a shorter list is a simpler plan.
struct Tape<'t> {
    bytes: &'t [u8],
    steps: usize,
}

const TEXTS: [&str; 14] = [
    "",
    "plain",
    "two words",
    "it's",
    "say \"x\"",
    "a ${b} c",
    "$${x}",
    "{curly}",
    "}",
    "back\\slash",
    "line\nend",
    "é ü",
    "100%",
    "$",
];
const KEYS: [&str; 6] = ["a", "key", "two words", "x-y", "_under", "9lives"];

impl<'t> Tape<'t> {
    fn pick(&mut self, count: usize) -> usize {
        let Some((first, rest)) = self.bytes.split_first() else {
            return 0;
        };
        self.bytes = rest;
        usize::from(*first) % count
    }

    fn text(&mut self) -> String {
        TEXTS[self.pick(TEXTS.len())].to_owned()
    }

    fn key(&mut self) -> String {
        KEYS[self.pick(KEYS.len())].to_owned()
    }

    fn keys(&mut self) -> Vec<Key> {
        let count = 1 + self.pick(3);
        (0..count)
            .map(|_| {
                if self.pick(5) == 4 {
                    Key::Index(self.pick(3) as i64)
                } else {
                    Key::Name(self.key())
                }
            })
            .collect()
    }

    /// A name, perhaps with members behind it.
    fn name(&mut self, known: &[Root]) -> Expr {
        let root = match self.pick(4) {
            0 => Root::Secret {
                name: ["alpha", "team/beta"][self.pick(2)].to_owned(),
                field: None,
                version: Version::Current,
            },
            1 => Root::Input(["region", "shape"][self.pick(2)].to_owned()),
            2 => Root::Env("HOME_URL".to_owned()),
            _ => known
                .get(self.pick(known.len().max(1)))
                .cloned()
                .unwrap_or(Root::Input("shape".to_owned())),
        };
        let inner = matches!(&root, Root::Input(name) if name == "shape")
            || matches!(root, Root::Capture { .. });
        let base = Expr::root(root, At::NOWHERE);
        if inner && self.pick(3) == 2 {
            let path = JsonPath::of(&self.keys()).unwrap();
            return expr(ExprKind::Path(Box::new(base), path));
        }
        base
    }

    fn value(&mut self, known: &[Root], depth: usize) -> Expr {
        expr(match self.pick(if depth == 0 { 6 } else { 8 }) {
            0 => return self.name(known),
            1 => ExprKind::String(self.text()),
            2 => ExprKind::Number(["0", "-3", "1.5", "9007199254740993"][self.pick(4)].to_owned()),
            3 => ExprKind::Bool(self.pick(2) == 1),
            4 => return self.spliced(known, "x "),
            5 => ExprKind::Null,
            6 => ExprKind::List(
                (0..self.pick(3))
                    .map(|_| self.value(known, depth - 1))
                    .collect(),
            ),
            _ => return self.object(known, depth - 1),
        })
    }

    fn object(&mut self, known: &[Root], depth: usize) -> Expr {
        let count = self.pick(4);
        let members = KEYS
            .iter()
            .take(count)
            .map(|k| ((*k).to_owned(), self.value(known, depth)))
            .collect();
        expr(ExprKind::Object(members))
    }

    /// Text with values in it.
    fn spliced(&mut self, known: &[Root], first: &str) -> Expr {
        let mut parts = vec![Expr::string(first)];
        for _ in 0..=self.pick(2) {
            parts.push(self.name(known));
            let text = self.text();
            // A `$` before a value cannot be expressed on a server.
            if !text.is_empty() && !text.ends_with('$') {
                parts.push(Expr::string(text));
            }
        }
        expr(ExprKind::Template(parts))
    }

    fn condition(&mut self, known: &[Root], depth: usize) -> Expr {
        let comparison = [Operator::Eq, Operator::Ne, Operator::Lt, Operator::Ge];
        match self.pick(if depth == 0 { 2 } else { 5 }) {
            0 | 1 => {
                let left = self.dynamic(known);
                let right = match self.pick(4) {
                    0 => expr(ExprKind::Number("12".to_owned())),
                    1 => Expr::string(self.text()),
                    2 => expr(ExprKind::Null),
                    _ => self.dynamic(known),
                };
                binary(comparison[self.pick(4)], left, right)
            }
            2 => expr(ExprKind::Not(Box::new(self.condition(known, depth - 1)))),
            3 => binary(
                Operator::And,
                self.condition(known, depth - 1),
                self.condition(known, depth - 1),
            ),
            _ => binary(
                Operator::Or,
                self.condition(known, depth - 1),
                self.condition(known, depth - 1),
            ),
        }
    }

    /// A value of no known type, which may be compared with all.
    fn dynamic(&mut self, known: &[Root]) -> Expr {
        let bodies: Vec<&Root> = known
            .iter()
            .filter(|r| matches!(r, Root::Capture { name, .. } if name.starts_with('v')))
            .collect();
        let root = bodies
            .get(self.pick(bodies.len().max(1)))
            .map_or(Root::Input("shape".to_owned()), |r| (*r).clone());
        Expr::root(root, At::NOWHERE)
    }

    fn steps(&mut self, known: &mut Vec<Root>, depth: usize) -> Vec<Step> {
        let count = 1 + self.pick(3);
        (0..count).map(|_| self.step(known, depth)).collect()
    }

    fn step(&mut self, known: &mut Vec<Root>, depth: usize) -> Step {
        self.steps += 1;
        let name = format!("step{}", self.steps);
        let mut retry = None;
        let task = match self.pick(if depth == 0 { 6 } else { 9 }) {
            0 | 1 => {
                retry = self.retry();
                Task::Http(Box::new(self.http(&name, known)))
            }
            2 => {
                let minted: Vec<Root> = known
                    .iter()
                    .filter(
                        |r| matches!(r, Root::Capture { name, .. } if name.starts_with("value")),
                    )
                    .cloned()
                    .collect();
                let value = minted
                    .get(self.pick(minted.len().max(1)))
                    .map_or(Expr::string("x"), |r| Expr::root(r.clone(), At::NOWHERE));
                let secret = Expr::string(["alpha", "team/beta", "gamma"][self.pick(3)]);
                let value = NewValue::Single(value);
                Task::Update(Update {
                    secret,
                    value,
                    expires: None,
                    allow: Allow::default(),
                    unmasked: false,
                })
            }
            3 => Task::Wait(Wait::For(expr(ExprKind::Duration(Dur::seconds(
                1 + self.pick(250) as u64 * 997,
            ))))),
            4 => Task::Fail(Fail {
                message: self.spliced(known, "it failed: "),
                output: None,
            }),
            5 => Task::Stop(Stop {
                reason: (self.pick(2) == 1).then(|| Expr::string("enough")),
                output: None,
            }),
            6 => {
                let (subject, names): (Expr, &[&str]) = match self.pick(3) {
                    0 => (self.condition(known, 2), &["true"]),
                    1 => (self.condition(known, 1), &["true", "false"]),
                    _ => (self.dynamic(known), &["eu", "two words", "7"]),
                };
                let cases = names
                    .iter()
                    .map(|n| Branch {
                        name: (*n).to_owned(),
                        steps: self.within(known, depth),
                        at: At::NOWHERE,
                    })
                    .collect();
                let otherwise = if self.pick(2) == 1 {
                    self.within(known, depth)
                } else {
                    Vec::new()
                };
                Task::Switch(Switch {
                    results: None,
                    is_decision: false,
                    subject,
                    cases,
                    otherwise,
                })
            }
            7 => {
                let count = 2 + self.pick(2);
                let branches = (0..count).map(|i| Branch {
                    name: format!("branch{i}"),
                    steps: self.within(known, depth),
                    at: At::NOWHERE,
                });
                Task::Parallel(Parallel {
                    branches: branches.collect(),
                })
            }
            _ => {
                let mut inner = known.clone();
                let steps = self.steps(&mut inner, depth - 1);
                Task::Repeat(Repeat {
                    steps,
                    until: self.condition(&inner, 2),
                    at_most: 1000,
                    every: None,
                    backoff: rot::plan::task::Backoff::Fixed,
                    keep_last: None,
                })
            }
        };
        Step {
            permissive: false,
            name,
            task,
            retry,
            optional: false,
            timeout: None,
            start_delay: None,
            at: At::NOWHERE,
        }
    }

    /// Steps whose captures are not known behind them.
    fn within(&mut self, known: &[Root], depth: usize) -> Vec<Step> {
        self.steps(&mut known.to_vec(), depth - 1)
    }

    fn retry(&mut self) -> Option<Retry> {
        let backoff = [Backoff::Fixed, Backoff::Linear, Backoff::Exponential][self.pick(3)];
        let max_delay = (self.pick(2) == 1).then_some(Dur::seconds(300));
        let delay = Dur::seconds([60, 5][self.pick(2)]);
        (self.pick(3) == 2).then_some(Retry {
            count: 1 + self.pick(5) as u32,
            delay,
            backoff,
            max_delay,
        })
    }

    fn http(&mut self, step: &str, known: &mut Vec<Root>) -> Http {
        let method = ["POST", "GET", "PUT", "DELETE"][self.pick(4)];
        let url = match self.pick(2) {
            0 => Expr::string("https://api.example.com/token?x=1"),
            _ => {
                let parts = vec![
                    Expr::string("https://api.example.com/"),
                    Expr::root(Root::Input("region".into()), At::NOWHERE),
                ];
                expr(ExprKind::Template(parts))
            }
        };
        let effect = if method == "GET" {
            Effect::Reads
        } else {
            Effect::Unspecified
        };
        let mut http = Http::new(method, url, effect);
        if self.pick(2) == 1 {
            http.auth = Some(Auth::Bearer(self.name(known)));
        }
        if self.pick(3) == 2 {
            http.headers.push(Header {
                name: "X-Trace".into(),
                value: self.spliced(known, "rot-"),
            });
        }
        http.body = match self.pick(4) {
            0 | 1 => Body::None,
            2 => Body::Json(self.object(known, 2)),
            _ => {
                http.headers.push(Header {
                    name: "Content-Type".into(),
                    value: Expr::string("application/xml"),
                });
                Body::Text(self.spliced(known, "<a>"))
            }
        };
        if self.pick(3) == 2 {
            http.limits.connect = Some(Dur::seconds(3));
            http.limits.total = Some(Dur::seconds(10));
        }
        if self.pick(3) == 2 {
            let patterns = vec![StatusPattern::Exact(201), StatusPattern::Family(2)];
            http.expect.push(Expect {
                what: Expectation::Status(patterns),
                at: At::NOWHERE,
            });
        }
        for _ in 0..self.pick(4) {
            self.capture(step, &mut http, known);
        }
        if http.captures.iter().any(|c| c.secret) {
            http.effect = Effect::Issues(Issues {
                old: Old::Stays,
                at_most: None,
                assumed: true,
            });
        }
        http
    }

    fn capture(&mut self, step: &str, http: &mut Http, known: &mut Vec<Root>) {
        let index = http.captures.len();
        let (name, source, ty, optional, secret) = match self.pick(4) {
            0 => (
                format!("value{index}"),
                CaptureSource::Body(JsonPath::of(&self.keys()).unwrap()),
                Type::Any,
                false,
                true,
            ),
            1 => (
                format!("v{index}"),
                CaptureSource::Body(JsonPath::of(&self.keys()).unwrap()),
                Type::Any,
                true,
                false,
            ),
            2 => (
                format!("status{index}"),
                CaptureSource::Status,
                Type::Int,
                true,
                false,
            ),
            _ => (
                format!("header{index}"),
                CaptureSource::Header("Location".into()),
                Type::String,
                true,
                false,
            ),
        };
        // Of a status or header nothing stands below.
        if name.starts_with('v') {
            known.push(Root::Capture {
                step: step.to_owned(),
                name: name.clone(),
            });
        }
        http.captures.push(Capture {
            name,
            secret,
            source,
            ty,
            optional,
            place: Vec::new(),
            to: Vec::new(),
            at: At::NOWHERE,
        });
    }
}

fn expr(kind: ExprKind) -> Expr {
    Expr::new(kind, At::NOWHERE)
}

fn binary(operator: Operator, left: Expr, right: Expr) -> Expr {
    expr(ExprKind::Binary(operator, Box::new(left), Box::new(right)))
}

fn plan(bytes: &[u8]) -> Plan {
    let mut tape = Tape { bytes, steps: 0 };
    let mut known = Vec::new();
    let steps = tape.steps(&mut known, 2);
    let input = |name: &str, default: Option<Expr>| Input {
        name: name.into(),
        ty: Type::Any,
        secret: false,
        default,
        at: At::NOWHERE,
    };
    let outputs = vec![
        Output {
            name: "result".into(),
            value: tape.value(&known, 1),
            masked: false,
            at: At::NOWHERE,
        },
        Output {
            name: "hidden".into(),
            value: tape.name(&known),
            masked: true,
            at: At::NOWHERE,
        },
    ];
    let rotation = Rotation {
        name: "generated".into(),
        description: (tape.pick(2) == 1).then(|| "What it does, in \"words\"".into()),
        inputs: vec![
            input("region", Some(Expr::string("eu ${x}"))),
            input("shape", None),
        ],
        schedule: None,
        timeout: (tape.pick(2) == 1).then_some(Dur::seconds(90)),
        variables: Vec::new(),
        steps,
        outputs,
        result: None,
        on_failure: Vec::new(),
        failure_rotation: None,
        family: None,
        imported: false,
        given: Vec::new(),
        masked_fields: Vec::new(),
        at: At::NOWHERE,
    };
    // Only what is used is declared.
    let (mut secrets, mut env) = (Vec::new(), false);
    let mut look = |expr: &Expr| {
        expr.walk(&mut |e| match &e.kind {
            ExprKind::Ref(Root::Secret { name, .. }) => secrets.push(name.clone()),
            ExprKind::Ref(Root::Env(_)) => env = true,
            _ => {}
        });
    };
    rotation.outputs.iter().for_each(|o| look(&o.value));
    let mut stored = Vec::new();
    walk_steps(&rotation.steps, &mut |step| {
        step.task.exprs().into_iter().for_each(&mut look);
        if let Task::Update(update) = &step.task {
            stored.push(update.secret.as_str().unwrap().to_owned());
        }
    });
    secrets.append(&mut stored);
    secrets.sort();
    secrets.dedup();
    let declare = |name: String| SecretDecl {
        name,
        fields: Vec::new(),
        policy: Policy::Implied,
        at: At::NOWHERE,
    };
    Plan {
        dialect: Dialect::Orkes,
        secrets: secrets.into_iter().map(declare).collect(),
        env: if env {
            vec![EnvDecl {
                name: "HOME_URL".into(),
                at: At::NOWHERE,
            }]
        } else {
            Vec::new()
        },
        targets: Vec::new(),
        deliveries: Vec::new(),
        rotations: vec![rotation],
        accepted: Vec::new(),
        secret_names: Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn plans_survive_the_way_to_json_and_back(bytes in prop::collection::vec(any::<u8>(), 0..160)) {
        let plan = plan(&bytes);
        let (text, said) = to_json(&plan, Dialect::Orkes);
        prop_assert_eq!(errors(&said), [""; 0]);
        super::schema::check(&serde_json::from_str(&text).unwrap(), "generated");
        let (again, found) = read_json(&text, Dialect::Orkes);
        prop_assert!(errors(&found).is_empty(), "{:?}\n{text}", errors(&found));
        prop_assert_eq!(shown(&plan), shown(&again), "{}", text);
    }

    #[test]
    fn plans_survive_the_way_to_rot_and_back(bytes in prop::collection::vec(any::<u8>(), 0..160)) {
        let plan = plan(&bytes);
        let (text, said) = rot::plan::write::write(&plan);
        prop_assert_eq!(errors(&said), [""; 0]);
        let (again, found) = read_rot(&text);
        prop_assert!(errors(&found).is_empty(), "{:?}\n{text}", errors(&found));
        prop_assert_eq!(shown(&plan), shown(&again), "{}", text);
    }
}

/// The generator makes what it is meant to make.
#[test]
fn generated_plans_have_every_kind_of_step() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut kinds = std::collections::BTreeSet::new();
    let mut runner = TestRunner::deterministic();
    let bytes = prop::collection::vec(any::<u8>(), 0..160);
    for _ in 0..200 {
        let plan = plan(&bytes.new_tree(&mut runner).unwrap().current());
        walk_steps(&plan.rotations[0].steps, &mut |step| {
            kinds.insert(step.task.kind());
        });
    }
    let all: Vec<&str> = kinds.into_iter().collect();
    assert_eq!(
        all,
        [
            "fail", "http", "parallel", "repeat", "stop", "switch", "update", "wait"
        ]
    );
    assert!(JsonPath::parse("$.a", PathDialect::Rfc9535).is_ok());
}
