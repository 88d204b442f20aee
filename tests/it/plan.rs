//! The compiled plan as a file: round trip, canonical form, refusals.

use proptest::prelude::*;
use rot::diagnostic::{Error, Failure};
use rot::plan::document::{canonical, decode, digest_of, encode};
use rot::plan::path::PathDialect;
use rot::plan::policy::{Destination, HostPattern};
use rot::plan::schedule::{Cron, Dur};
use rot::plan::task::http::{Expectation, Strays};
use rot::plan::task::lifecycle::{Allow, NewValue};
use rot::plan::task::*;
use rot::plan::*;
use rot::source::At;
use serde_json::{Value, json};

const NOWHERE: At = At::NOWHERE;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_]{1,8}",
        "\\PC{0,6}",
        Just("\u{e000}\u{10000}\u{7f}\u{1}\n\"\\".to_string())
    ]
}

fn path() -> impl Strategy<Value = JsonPath> {
    prop::sample::select(vec![
        ("$.a", PathDialect::Rfc9535),
        ("$.a", PathDialect::Conductor),
        ("$['a b'][?@.c == 1]", PathDialect::Rfc9535),
        ("response.body.to-ken", PathDialect::Conductor),
    ])
    .prop_map(|(text, dialect)| JsonPath::parse(text, dialect).unwrap())
}

fn root() -> impl Strategy<Value = Root> {
    (text(), text(), any::<bool>(), 0..10usize).prop_map(|(a, b, flag, kind)| match kind {
        0 => Root::Secret {
            name: a,
            field: flag.then_some(b),
            version: Version::Pending,
        },
        1 => Root::Input(a),
        2 => Root::Inputs,
        3 => Root::Let(a),
        4 => Root::Variable(a),
        5 => Root::Capture { step: a, name: b },
        6 => Root::TaskField { step: a, field: b },
        7 => Root::Env(a),
        8 => Root::Run(RunField::CorrelationId),
        _ => Root::Answer,
    })
}

fn expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        Just(ExprKind::Null),
        any::<bool>().prop_map(ExprKind::Bool),
        "[0-9]{1,30}".prop_map(ExprKind::Number),
        text().prop_map(ExprKind::String),
        any::<u64>().prop_map(|n| ExprKind::Duration(Dur(n))),
        root().prop_map(ExprKind::Ref),
    ]
    .prop_map(|kind| Expr::new(kind, NOWHERE));
    leaf.prop_recursive(4, 24, 3, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(ExprKind::List),
            prop::collection::vec(inner.clone(), 0..3).prop_map(ExprKind::Template),
            prop::collection::vec((text(), inner.clone()), 0..3).prop_map(ExprKind::Object),
            (boxed(), text()).prop_map(|(e, name)| ExprKind::Field(e, name)),
            (boxed(), any::<i64>()).prop_map(|(e, index)| ExprKind::Index(e, index)),
            (boxed(), path()).prop_map(|(e, path)| ExprKind::Path(e, path)),
            (
                prop::sample::select(Function::ALL),
                prop::collection::vec(inner.clone(), 0..3)
            )
                .prop_map(|(f, args)| ExprKind::Call(f, args)),
            (boxed(), boxed()).prop_map(|(a, b)| ExprKind::Binary(Operator::Else, a, b)),
            boxed().prop_map(ExprKind::Not),
            (boxed(), text()).prop_map(|(value, reason)| ExprKind::Reveal { value, reason }),
        ]
        .prop_map(|kind| Expr::new(kind, NOWHERE))
    })
}

fn effect() -> impl Strategy<Value = Effect> {
    prop_oneof![
        Just(Effect::Reads),
        Just(Effect::Sets),
        Just(Effect::SetsSelf),
        Just(Effect::SetsSlot),
        Just(Effect::Revokes),
        Just(Effect::Unspecified),
        (any::<Option<u32>>(), any::<bool>()).prop_map(|(at_most, assumed)| Effect::Issues(
            Issues {
                old: Old::Stays,
                at_most,
                assumed
            }
        )),
        (
            prop::option::of(text()),
            any::<Option<u64>>(),
            prop::option::of(text()),
            prop::option::of(text())
        )
            .prop_map(|(key, grace, recover, accept)| {
                Effect::Issues(Issues {
                    old: Old::Dies {
                        key,
                        grace: grace.map(Dur),
                        recover,
                        accept,
                    },
                    at_most: None,
                    assumed: false,
                })
            }),
    ]
}

fn http() -> impl Strategy<Value = Http> {
    let body = (expr(), text(), 0..5usize).prop_map(|(e, name, kind)| match kind {
        0 => Body::None,
        1 => Body::Json(e),
        2 => Body::Form(vec![(name, e)]),
        3 => Body::Text(e),
        _ => Body::Raw(e),
    });
    let auth = (expr(), expr(), 0..4usize).prop_map(|(a, b, kind)| match kind {
        0 => None,
        1 => Some(Auth::Bearer(a)),
        2 => Some(Auth::Basic(a, b)),
        _ => Some(Auth::Client(a, b)),
    });
    let capture = (
        text(),
        any::<[bool; 2]>(),
        path(),
        expr(),
        prop::collection::vec(text(), 0..2),
        0..5usize,
    )
        .prop_map(|(name, [secret, optional], path, e, place, kind)| {
            let source = match kind {
                0 => CaptureSource::Body(path),
                1 => CaptureSource::Text,
                2 => CaptureSource::Header(name.clone()),
                3 => CaptureSource::Status,
                _ => CaptureSource::Expr(e),
            };
            let ty = Type::List(Box::new(Type::Record(vec![("x".into(), Type::Time)])));
            Capture {
                name,
                secret,
                source,
                ty,
                optional,
                place,
                to: Vec::new(),
                at: NOWHERE,
            }
        });
    let expect = (expr(), path(), text()).prop_map(|(value, path, name)| {
        [
            Expectation::Status(vec![StatusPattern::Exact(204), StatusPattern::Family(2)]),
            Expectation::Header {
                name,
                operator: Operator::Ne,
                value: value.clone(),
            },
            Expectation::Body {
                path,
                operator: Operator::Ge,
                value,
            },
        ]
        .map(|what| Expect { what, at: NOWHERE })
        .to_vec()
    });
    let limits = (
        any::<Option<u64>>(),
        any::<Option<u8>>(),
        prop::collection::vec(text(), 0..2),
        any::<bool>(),
    )
        .prop_map(|(n, follow, ca, proxy)| Limits {
            total: n.map(Dur),
            connect: n.map(Dur),
            body: n,
            follow,
            ca,
            proxy,
        });
    (
        expr(),
        effect(),
        body,
        auth,
        prop::collection::vec(capture, 0..3),
        expect,
        limits,
        any::<[bool; 3]>(),
    )
        .prop_map(
            |(url, effect, body, auth, captures, expect, limits, [encode, raw_output, strays])| {
                let mut http = Http::new("POST", url.clone(), effect);
                (http.encode, http.raw_output, http.body, http.auth) =
                    (encode, raw_output, body, auth);
                (http.captures, http.expect, http.limits) = (captures, expect, limits);
                http.headers = vec![Header {
                    name: "X-A".into(),
                    value: url.clone(),
                }];
                http.query = vec![("q".into(), url.clone())];
                if strays {
                    let list = Http::new("GET", url.clone(), Effect::Reads);
                    http.strays = Some(Box::new(Strays {
                        list,
                        revoke: Http::new("DELETE", url, Effect::Revokes),
                    }));
                }
                http
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    let retry = prop::option::of((any::<u32>(), any::<u64>(), any::<Option<u64>>()).prop_map(
        |(count, delay, max)| Retry {
            count,
            delay: Dur(delay),
            backoff: Backoff::Exponential,
            max_delay: max.map(Dur),
        },
    ));
    let dressed = move |task: BoxedStrategy<Task>| {
        (
            text(),
            task,
            retry.clone(),
            any::<bool>(),
            any::<Option<u64>>(),
        )
            .prop_map(|(name, task, retry, optional, delay)| Step {
                permissive: false,
                name,
                task,
                retry,
                optional,
                timeout: delay.map(|after| TimeLimit {
                    after: Dur(after),
                    then: Overdue::Retry,
                }),
                start_delay: delay.map(Dur),
                at: NOWHERE,
            })
    };
    let leaf = prop_oneof![
        http().prop_map(|http| Task::Http(Box::new(http))),
        (text(), expr()).prop_map(|(name, value)| Task::Let(Let { name, value })),
        (text(), expr()).prop_map(|(name, value)| Task::SetVariables(SetVariables {
            values: vec![(name, value)]
        })),
        expr().prop_map(|message| Task::Log(Log { message })),
        expr().prop_map(|message| Task::Fail(Fail {
            message,
            output: None
        })),
        prop::option::of(expr()).prop_map(|reason| Task::Stop(Stop {
            output: reason.clone(),
            reason
        })),
        (any::<u32>(), text(), 0..8usize).prop_map(|(n, text, kind)| Task::Generate(Generate {
            generator: match kind {
                0 => Generator::Password {
                    length: n,
                    alphabet: Alphabet::Ascii,
                    exclude: text
                },
                1 => Generator::Password {
                    length: n,
                    alphabet: Alphabet::Custom(text),
                    exclude: String::new()
                },
                2 => Generator::Hex { bytes: n },
                3 => Generator::Base64 { bytes: n },
                4 => Generator::Uuid,
                5 => Generator::Ed25519,
                6 => Generator::Rsa { bits: n },
                _ => Generator::X25519,
            }
        })),
        (expr(), expr(), any::<[bool; 3]>()).prop_map(
            |(secret, value, [empty, unchanged, unmasked])| Task::Update(Update {
                secret,
                value: NewValue::Single(value),
                expires: None,
                allow: Allow {
                    empty,
                    unchanged,
                    ..Allow::default()
                },
                unmasked,
            })
        ),
        (text(), expr()).prop_map(|(secret, e)| Task::Stage(Stage {
            secret,
            value: NewValue::Fields(vec![("id".into(), e.clone())]),
            expires: Some(e),
            allow: Allow::default(),
        })),
        text().prop_map(|secret| Task::Promote(Promote { secret })),
        (expr(), any::<bool>()).prop_map(|(e, until)| Task::Wait(if until {
            Wait::Until(e)
        } else {
            Wait::For(e)
        })),
        (text(), expr()).prop_map(|(rotation, e)| Task::Call(Call {
            rotation,
            inputs: vec![("x".into(), e)],
            each: None,
            each_name: None,
            is_apart: false
        })),
    ];
    dressed(leaf.boxed()).prop_recursive(2, 8, 2, move |inner| {
        let steps = prop::collection::vec(inner, 0..3);
        let nested = (
            steps.clone(),
            steps,
            expr(),
            text(),
            any::<Option<u64>>(),
            0..7usize,
        )
            .prop_map(|(a, b, e, name, time, kind)| {
                let (time, branch) = (
                    time.map(Dur),
                    Branch {
                        name: name.clone(),
                        steps: a.clone(),
                        at: NOWHERE,
                    },
                );
                match kind {
                    0 => Task::Verify(Verify {
                        within: time,
                        every: time,
                        steps: a,
                    }),
                    1 => Task::Revoke(Revoke {
                        secret: name,
                        after: time,
                        steps: a,
                    }),
                    2 => Task::Manual(Manual {
                        instructions: e,
                        verify: a,
                    }),
                    3 => Task::Switch(Switch {
                        results: None,
                        is_decision: false,
                        subject: e,
                        cases: vec![branch],
                        otherwise: b,
                    }),
                    4 => Task::Parallel(Parallel {
                        branches: vec![branch],
                    }),
                    5 => Task::ForEach(ForEach {
                        until: None,
                        item: name,
                        items: e,
                        steps: a,
                        keep_last: Some(2),
                    }),
                    _ => Task::Repeat(Repeat {
                        steps: a,
                        until: e,
                        at_most: 3,
                        every: time,
                        backoff: Backoff::Fixed,
                        keep_last: None,
                    }),
                }
            });
        dressed(nested.boxed())
    })
}

fn plan() -> impl Strategy<Value = Plan> {
    let trigger = prop_oneof![
        any::<u64>().prop_map(|n| Trigger::Every(Dur(n))),
        Just(Trigger::Cron(vec![
            Cron::parse("0 0 3 * * MON", "Europe/Berlin").unwrap(),
            Cron::parse("@daily", "UTC").unwrap()
        ])),
    ];
    let schedule = prop::option::of((trigger, any::<Option<u64>>()).prop_map(
        |(trigger, jitter)| Schedule {
            trigger,
            jitter: jitter.map(Dur),
            at: NOWHERE,
        },
    ));
    let secret = (
        text(),
        prop::collection::vec(text(), 0..2),
        any::<Option<u16>>(),
        any::<bool>(),
    )
        .prop_map(|(name, fields, port, declared)| {
            let to = Destination {
                host: HostPattern("*.example.com".into()),
                port,
                places: Place::DEFAULT.to_vec(),
                at: NOWHERE,
            };
            SecretDecl {
                name,
                fields,
                policy: if declared {
                    Policy::Declared(vec![to])
                } else {
                    Policy::Implied
                },
                at: NOWHERE,
            }
        });
    let rotation = (
        text(),
        prop::option::of(text()),
        schedule,
        prop::collection::vec(step(), 0..4),
        expr(),
        any::<bool>(),
    )
        .prop_map(|(name, description, schedule, steps, e, flag)| Rotation {
            name: name.clone(),
            description,
            inputs: vec![Input {
                name: "i".into(),
                ty: Type::Int,
                secret: flag,
                default: flag.then(|| e.clone()),
                at: NOWHERE,
            }],
            schedule,
            timeout: flag.then_some(Dur(1)),
            variables: vec![(name.clone(), e.clone())],
            result: None,
            on_failure: steps.iter().take(1).cloned().collect(),
            steps,
            outputs: vec![Output {
                name,
                value: e,
                masked: flag,
                at: NOWHERE,
            }],
            failure_rotation: flag.then(|| "other".into()),
            family: None,
            imported: false,
            given: Vec::new(),
            masked_fields: vec!["token".into()],
            at: NOWHERE,
        });
    let dialect = prop::sample::select(vec![Dialect::Rot, Dialect::Orkes, Dialect::Oss]);
    (
        dialect,
        prop::collection::vec(secret, 0..3),
        prop::collection::vec(rotation, 0..3),
        prop::collection::vec(text(), 0..2),
    )
        .prop_map(|(dialect, secrets, rotations, env)| Plan {
            dialect,
            secrets,
            env: env
                .into_iter()
                .map(|name| EnvDecl { name, at: NOWHERE })
                .collect(),
            targets: Vec::new(),
            deliveries: Vec::new(),
            rotations,
            accepted: Vec::new(),
            secret_names: Vec::new(),
        })
}

/// The rotation that every user starts from.
fn sample() -> Plan {
    let mut http = Http::new(
        "POST",
        Expr::string("https://example.com/api/token"),
        Effect::Issues(Issues {
            old: Old::Stays,
            at_most: None,
            assumed: false,
        }),
    );
    let secret = |name: &str| {
        Expr::root(
            Root::Secret {
                name: name.into(),
                field: None,
                version: Version::Current,
            },
            NOWHERE,
        )
    };
    http.body = Body::Json(Expr::new(
        ExprKind::Object(vec![("keyId".into(), secret("key_id"))]),
        NOWHERE,
    ));
    http.captures = vec![Capture {
        name: "token".into(),
        secret: true,
        source: CaptureSource::Body(JsonPath::parse("$.token", PathDialect::Rfc9535).unwrap()),
        ty: Type::String,
        optional: false,
        place: Vec::new(),
        to: Vec::new(),
        at: NOWHERE,
    }];
    let step = |name: &str, task| Step {
        permissive: false,
        name: name.into(),
        task,
        retry: None,
        optional: false,
        timeout: None,
        start_delay: None,
        at: NOWHERE,
    };
    let token = Expr::root(
        Root::Capture {
            step: "get".into(),
            name: "token".into(),
        },
        NOWHERE,
    );
    let update = Update {
        secret: Expr::string("token"),
        value: NewValue::Single(token),
        expires: None,
        allow: Allow::default(),
        unmasked: false,
    };
    let mut plan = Plan::new(Dialect::Rot);
    let to = Destination {
        host: HostPattern("example.com".into()),
        port: None,
        places: Place::DEFAULT.to_vec(),
        at: NOWHERE,
    };
    plan.secrets = vec![SecretDecl {
        name: "key_id".into(),
        fields: Vec::new(),
        policy: Policy::Declared(vec![to]),
        at: NOWHERE,
    }];
    plan.rotations = vec![Rotation {
        name: "refresh".into(),
        description: Some("A fresh token".into()),
        inputs: Vec::new(),
        schedule: Some(Schedule {
            trigger: Trigger::Every(Dur::minutes(45)),
            jitter: None,
            at: NOWHERE,
        }),
        timeout: None,
        variables: Vec::new(),
        steps: vec![
            step("get", Task::Http(Box::new(http))),
            step("update token", Task::Update(update)),
        ],
        outputs: Vec::new(),
        result: None,
        on_failure: Vec::new(),
        failure_rotation: None,
        family: None,
        imported: false,
        given: Vec::new(),
        masked_fields: Vec::new(),
        at: NOWHERE,
    }];
    plan
}

fn refusal(text: &str) -> (Failure, &'static str, String) {
    let Error {
        failure,
        diagnostics,
    } = decode(text).expect_err("refused");
    let first = &diagnostics[0];
    assert!(first.help.is_some(), "{} has no help", first.message);
    (failure, first.code.id(), first.message.clone())
}

/// The document with a change, and its digest made to fit.
fn resealed(change: impl FnOnce(&mut Value)) -> String {
    let mut document: Value = serde_json::from_str(&encode(&sample())).unwrap();
    change(&mut document["plan"]);
    let hash = ring::digest::digest(
        &ring::digest::SHA256,
        canonical::compact(&document["plan"]).as_bytes(),
    );
    document["digest"] = format!(
        "sha256:{}",
        hash.as_ref()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<String>()
    )
    .into();
    document.to_string()
}

#[test]
fn as_file() {
    let text = encode(&sample());
    assert!(text.contains(&digest_of(&sample())));
    assert_eq!(decode(&text).unwrap(), sample());
    insta::assert_snapshot!(text);
}

#[test]
fn layout_does_not_matter() {
    let document: Value = serde_json::from_str(&encode(&sample())).unwrap();
    assert_eq!(decode(&document.to_string()).unwrap(), sample());
    assert_eq!(decode(&canonical::compact(&document)).unwrap(), sample());
}

#[test]
fn refusals() {
    let good = encode(&sample());
    let usage = |code: &'static str, message: &str| (Failure::Usage, code, message.to_string());
    for (text, wanted) in [
        (String::new(), usage("ROT002", "the compiled plan ends too early")),
        ("rotation x {}".into(), usage("ROT002", "the compiled plan is not JSON: see line 1, column 1")),
        (good.trim_end().trim_end_matches('}').to_string(), usage("ROT002", "the compiled plan ends too early")),
        (format!("{good} x"), usage("ROT002", &format!("the compiled plan is not JSON: see line {}, column 2", good.lines().count() + 1))),
        ("[]".into(), usage("ROT207", "the file is JSON, but no compiled plan: it is not an object")),
        ("{}".into(), usage("ROT207", "the file is no compiled plan: its `schema` is not `rot.plan/v1`")),
        (good.replace("rot.plan/v1", "rot.check/v1"), usage("ROT207", "the file is no compiled plan: its `schema` is not `rot.plan/v1`")),
        (good.replace("rot.plan/v1", "rot.plan/v0"), usage("ROT207", "the file is no compiled plan: its `schema` is not `rot.plan/v1`")),
        (
            good.replace("rot.plan/v1", "rot.plan/v2"),
            usage("ROT831", "the compiled plan has a newer format than this version of rot reads (`rot.plan/v1`)"),
        ),
        (
            good.replace("rot.plan/v1", "rot.plan/v99999999999"),
            usage("ROT831", "the compiled plan has a newer format than this version of rot reads (`rot.plan/v1`)"),
        ),
        (
            good.replace("\"made_by\"", "\"made_at\""),
            usage("ROT831", "the compiled plan holds `/made_at`, which this version of rot does not know"),
        ),
        (
            good.replacen("\"name\"", "\"na\\u006de\": \"x\", \"name\"", 1),
            usage("ROT003", "the compiled plan has the key `name` twice in one object (line 9)"),
        ),
        (
            good.replace("A fresh token", "A fresh tokem"),
            (Failure::Tampered, "ROT830", "the compiled plan was changed after it was made: its content does not match its digest".into()),
        ),
        (
            resealed(|p| p["extra"] = json!(1)),
            usage("ROT831", "the compiled plan holds `/plan/extra`, which this version of rot does not know"),
        ),
        (
            resealed(|p| p["rotations"][0]["steps"][0]["when"] = json!("SECRETVALUE")),
            usage("ROT831", "the compiled plan holds `/plan/rotations/0/steps/0/when`, which this version of rot does not know"),
        ),
        (
            resealed(|p| p["rotations"][0]["steps"][1]["task"]["update"]["allow"]["all"] = json!(true)),
            usage(
                "ROT831",
                "the compiled plan holds `/plan/rotations/0/steps/1/task/update/allow/all`, which this version of rot does not know",
            ),
        ),
        (
            resealed(|p| p["dialect"] = json!("SECRETVALUE")),
            usage("ROT831", "the compiled plan holds something that this version of rot, or this machine, does not know"),
        ),
        (
            resealed(|p| p["rotations"][0]["steps"][0]["task"]["http"]["captures"][0]["source"] = json!({"body": "$.SECRETVALUE["})),
            usage("ROT831", "the compiled plan holds something that this version of rot, or this machine, does not know"),
        ),
        (
            format!("{{\"a\": {}{}}}", "[".repeat(5000), "]".repeat(5000)),
            usage("ROT007", "the compiled plan is nested deeper than 384 levels"),
        ),
        (" ".repeat(17 << 20), usage("ROT009", "the compiled plan is larger than 16 MiB")),
    ] {
        let (failure, code, message) = refusal(&text);
        assert_eq!((failure, code, message), wanted, "{}", text.chars().take(300).collect::<String>());
    }
    for key in ["schema", "digest", "made_by", "plan"] {
        let mut document: Value = serde_json::from_str(&good).unwrap();
        document.as_object_mut().unwrap().remove(key);
        let (failure, code, message) = refusal(&document.to_string());
        assert_eq!(failure, Failure::Usage);
        if key != "schema" {
            assert_eq!(
                (code, message),
                ("ROT202", format!("the compiled plan has no `{key}`"))
            );
        }
    }
}

/// A rotation as deeply nested as the language allows comes back.
#[test]
fn deep_plans() {
    let mut e = Expr::string("x");
    for _ in 0..150 {
        e = Expr::new(ExprKind::Template(vec![e]), NOWHERE);
    }
    let mut plan = sample();
    plan.rotations[0].steps[1].task = Task::Log(Log { message: e });
    assert_eq!(decode(&encode(&plan)).unwrap(), plan);
}

/// Each byte changed in turn: refused, or the same plan.
#[test]
fn damage_is_found() {
    let plan = sample();
    let good = encode(&plan).into_bytes();
    let mut refused = 0;
    for at in 0..good.len() {
        for change in [1u8, 2, 0x20, 0x80] {
            let mut bytes = good.clone();
            bytes[at] ^= change;
            let Ok(text) = String::from_utf8(bytes) else {
                continue;
            };
            match decode(&text) {
                Ok(read) => assert_eq!(read, plan, "byte {at} ^ {change}"),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > good.len(), "only {refused} changes were refused");
}

#[test]
fn every_cut_is_found() {
    let good = encode(&sample());
    for at in 0..good.trim_end().len() {
        let (failure, code, _) = refusal(&good[..at]);
        assert_eq!((failure, code), (Failure::Usage, "ROT002"), "cut at {at}");
    }
}

#[test]
fn canonical_form_of_rfc_8785() {
    let corpus = std::env::var("ROT_CORPUS").unwrap_or_else(|_| "../shared/corpus".into());
    let Ok(folder) = std::fs::read_dir(format!("{corpus}/jcs/testdata/input")) else {
        println!("skipped: no corpus at {corpus}");
        return;
    };
    let mut count = 0;
    for file in folder {
        let input = file.unwrap().path();
        let value: Value = serde_json::from_str(&std::fs::read_to_string(&input).unwrap()).unwrap();
        let output = input.to_string_lossy().replace("/input/", "/output/");
        assert_eq!(
            canonical::compact(&value),
            std::fs::read_to_string(&output).unwrap(),
            "{output}"
        );
        let pretty: Value = serde_json::from_str(&canonical::pretty(&value)).unwrap();
        assert_eq!(canonical::compact(&pretty), canonical::compact(&value));
        count += 1;
    }
    println!("{count} vectors hold");
    assert_eq!(count, 6);
}

/// The numbers of RFC 8785 appendix B.
#[test]
fn numbers_as_ecmascript_writes_them() {
    for (bits, wanted) in [
        (0x0000000000000000u64, "0"),
        (0x8000000000000000, "0"),
        (0x0000000000000001, "5e-324"),
        (0x8000000000000001, "-5e-324"),
        (0x7fefffffffffffff, "1.7976931348623157e+308"),
        (0xffefffffffffffff, "-1.7976931348623157e+308"),
        (0x4340000000000000, "9007199254740992"),
        (0xc340000000000000, "-9007199254740992"),
        (0x4430000000000000, "295147905179352830000"),
        (0x44b52d02c7e14af5, "9.999999999999997e+22"),
        (0x44b52d02c7e14af6, "1e+23"),
        (0x44b52d02c7e14af7, "1.0000000000000001e+23"),
        (0x444b1ae4d6e2ef4e, "999999999999999700000"),
        (0x444b1ae4d6e2ef4f, "999999999999999900000"),
        (0x444b1ae4d6e2ef50, "1e+21"),
        (0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"),
        (0x3eb0c6f7a0b5ed8d, "0.000001"),
        (0x41b3de4355555553, "333333333.3333332"),
        (0x41b3de4355555554, "333333333.33333325"),
        (0x41b3de4355555555, "333333333.3333333"),
        (0x41b3de4355555556, "333333333.3333334"),
        (0x41b3de4355555557, "333333333.33333343"),
        (0xbecbf647612f3696, "-0.0000033333333333333333"),
        (0x43143ff3c1cb0959, "1424953923781206.2"),
    ] {
        assert_eq!(
            canonical::compact(&json!(f64::from_bits(bits))),
            wanted,
            "{bits:016x}"
        );
    }
    assert_eq!(canonical::compact(&json!(u64::MAX)), "18446744073709551615");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn plans_come_back(plan in plan()) {
        let text = encode(&plan);
        let read = match decode(&text) {
            Ok(read) => read,
            Err(e) => return Err(TestCaseError::fail(format!("{}\n{text}", e.message()))),
        };
        prop_assert_eq!(&read, &plan);
        prop_assert_eq!(encode(&read), text);
    }

    #[test]
    fn any_text_is_refused(text in "\\PC{0,40}|[\\[\\]{}\":,a-z0-9 \\\\]{0,40}") {
        prop_assert!(decode(&text).is_err());
    }
}
