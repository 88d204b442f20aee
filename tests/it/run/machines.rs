//! Two machines that have the same vault: one of them rotates, and what the other one had obtained is told and revoked.

use crate::support::plans::plan;
use crate::support::scripted::{Stage, done};
use rot::diagnostic::{Error, Failure, codes};
use rot::plan::Plan;
use rot::run::{Decision, RunReport, decide_elsewhere, elsewhere};
use rot::vault::State;
use serde_json::{Value as Json, json};
use std::collections::HashMap;

const ADDITIVE: &str = r#"secret admin to "api.example.com"
secret key { value, id } to "api.example.com"
rotation key {
  http mint POST "https://api.example.com/mint" issues additive {
    bearer secrets.admin
    secret value = body $.value
    public id = body $.id
  }
  stage key { value: mint.value, id: mint.id }
  verify { http GET "https://api.example.com/me" { bearer pending.key.value } }
  promote key
  revoke previous.key {
    http DELETE "https://api.example.com/${previous.key.id}" revokes { bearer secrets.admin }
  }
}
"#;

const BARE: &str = r#"secret key to "api.example.com"
rotation key {
  http renew POST "https://api.example.com/renew" issues replacing accept lockout-risk "an owner makes a new one" {
    bearer secrets.key
    secret value = body $.value
  }
  update key = renew.value
}
"#;

fn minted(number: u32) -> Json {
    json!({ "to": "/mint", "body": { "value": format!("value-{number}-abcdef"), "id": format!("id-{number}") } })
}

/// Two machines, the second with a clock that is so many seconds ahead.
fn machines(answers: &[Json], ahead: i64) -> (Stage, Stage) {
    let stage = Stage::with(answers, None, HashMap::new(), None);
    stage.put("admin", "admin-key-123456");
    let (a, b) = (stage.machine("alpha", 0), stage.machine("beta", ahead));
    (a, b)
}

fn error(result: Result<RunReport, Error>) -> Error {
    match result {
        Ok(report) => report.failure.expect("it fails"),
        Err(error) => error,
    }
}

fn claimed(result: Result<RunReport, Error>) -> (Failure, String) {
    let error = error(result);
    assert_eq!(
        error.diagnostics[0].code,
        codes::RUN_CLAIMED,
        "{}",
        error.message()
    );
    (error.failure, error.message().to_owned())
}

fn calls(stage: &Stage, end: &str) -> usize {
    stage.sent().iter().filter(|s| s.url.ends_with(end)).count()
}

fn value(stage: &Stage) -> String {
    let vault = stage.vault();
    let version = vault.doc().get("key").unwrap().current_version().unwrap();
    let value = version.value.as_ref().unwrap();
    let part = value.part(Some("value")).or(value.part(None)).unwrap();
    part.expose_text().unwrap().to_owned()
}

/// Every version that the issuer may still take and that is not in use is dead, or on the list.
#[track_caller]
fn nothing_lives_unknown(stage: &Stage) {
    let vault = stage.vault();
    let entry = vault.doc().get("key").unwrap();
    for version in &entry.versions {
        let used = [&entry.current, &entry.pending].contains(&&Some(version.id.clone()));
        let due = rot::run::sweep::list(vault.doc());
        let known = version.state == State::Revoked
            || version.unrevoked.is_some()
            || due.iter().any(|due| due.version == version.id)
            || rot::run::sweep::unrevoked(vault.doc(), "key")
                .iter()
                .any(|known| known.id == version.id);
        assert!(used || known, "version {} is forgotten", version.id);
    }
}

#[test]
fn a_rotation_that_is_under_way_elsewhere_is_waited_for() {
    let (a, b) = machines(&[json!({ "to": "/mint", "fault": "dies" }), minted(2)], 0);
    let plan = plan(ADDITIVE);
    a.run_until_it_dies(&plan, &[]);
    let (failure, message) = claimed(b.run(&plan, &[]));
    assert_eq!(failure, Failure::Locked);
    assert!(message.contains("on machine alpha"), "{message}");
    assert_eq!(b.slept().len(), 5, "it waits as long as for a lock");
    assert_eq!(calls(&b, "/mint"), 1, "called twice");
    let seen = done(elsewhere(b.world(), &b.vault()));
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (seen[0].rotation.as_str(), seen[0].overtaken.is_none()),
        ("key", true)
    );
    assert_eq!(done(elsewhere(a.world(), &a.vault())), []);
    // The machine that has the claim goes on with its own run.
    done(a.run(&plan, &[]));
    assert_eq!(value(&a), "value-2-abcdef");
    assert!(b.vault().doc().claims().is_empty());
}

#[test]
fn what_an_overtaken_run_had_obtained_is_revoked() {
    // It dies with its new value staged, or with the answer in the journal alone.
    for at in ["/me", "/mint"] {
        let mut answers = vec![minted(1), minted(2)];
        if at == "/me" {
            answers.insert(0, json!({ "to": "/me", "fault": "dies" }));
        } else {
            // The next process finds a file whose capture is wrong, and the answer stays where it is.
            answers.insert(
                0,
                json!({ "to": "/mint", "body": { "value": "value-1-abcdef", "id": "id-1" } }),
            );
            answers.remove(1);
        }
        let (a, b) = machines(&answers, 0);
        let right = plan(ADDITIVE);
        let wrong = plan(&ADDITIVE.replace("body $.id", "body $.ident"));
        if at == "/me" {
            a.run_until_it_dies(&right, &[]);
        } else {
            assert_eq!(error(a.run(&wrong, &[])).failure, Failure::AfterEffect);
        }
        b.wait(2 * 3_600_000);
        done(b.run(&right, &[]));
        assert_eq!(value(&b), "value-2-abcdef", "{at}");
        assert_eq!(b.vault().doc().overtaken().len(), 1, "{at}");
        a.wait(3 * 3_600_000);
        let report = done(a.run(&right, &[]));
        let failure = report.failure.expect("it was overtaken");
        assert_eq!(failure.failure, Failure::Locked, "{at}: {:?}", report.notes);
        assert_eq!(failure.diagnostics[0].code, codes::RUN_CLAIMED);
        assert_eq!(calls(&a, "/id-1"), 1, "{at}: {:?}", report.notes);
        assert_eq!((calls(&a, "/mint"), calls(&a, "/id-2")), (2, 0), "{at}");
        assert_eq!(value(&a), "value-2-abcdef", "{at}");
        assert!(a.vault().doc().overtaken().is_empty(), "{at}");
        nothing_lives_unknown(&a);
        // From here on it is a machine as any other.
        let next = minted(3);
        a.http_answers(&[next]);
        done(a.run(&right, &[]));
        assert_eq!(value(&b), "value-3-abcdef", "{at}");
        nothing_lives_unknown(&b);
    }
}

#[test]
fn a_clock_that_is_ahead_loses_nothing() {
    // While the answer of the first is on its way, the second one, whose clock is hours ahead, takes over and ends.
    let mut first = minted(1);
    first["meanwhile"] = true.into();
    let (a, b) = machines(&[first, minted(2)], 6 * 3600);
    let plan = plan(ADDITIVE);
    let (beta, other) = (b.machine("beta", 6 * 3600), plan.clone());
    a.meanwhile(move || {
        done(beta.run(&other, &[]));
    });
    let report = done(a.run(&plan, &[]));
    assert_eq!(report.failure.expect("overtaken").failure, Failure::Locked);
    assert_eq!(calls(&a, "/mint"), 2);
    assert_eq!(value(&a), "value-2-abcdef");
    assert_eq!(
        (calls(&a, "/id-1"), calls(&a, "/id-2")),
        (1, 0),
        "{:?}",
        report.notes
    );
    assert!(
        report.notes.iter().any(|n| n.contains("was revoked")),
        "{:?}",
        report.notes
    );
    nothing_lives_unknown(&a);
}

/// What a run writes down although its claim is lost: that it has revoked a credential, and what it had obtained. Neither moves
/// what the other machine has in use or on its way there.
#[test]
fn what_is_written_down_without_a_claim_moves_nothing_in_use() {
    // The other machine comes while the old credential is being revoked, or while the new one is verified.
    for at in ["/id-0", "/me"] {
        let mut odd = json!({ "to": at });
        odd["meanwhile"] = true.into();
        let (a, b) = machines(&[minted(0)], 6 * 3600);
        let plan = plan(ADDITIVE);
        done(a.run(&plan, &[]));
        a.http_answers(&[minted(1), odd, minted(2)]);
        let (beta, other) = (b.machine("beta", 6 * 3600), plan.clone());
        let seen: std::sync::Arc<std::sync::Mutex<Option<String>>> = std::sync::Arc::default();
        let met = seen.clone();
        a.meanwhile(move || {
            done(beta.run(&other, &[]));
            let vault = beta.vault();
            *met.lock().unwrap() = vault.doc().get("key").unwrap().current.clone();
        });
        let _overtaken = a.run(&plan, &[]);
        let vault = a.vault();
        let entry = vault.doc().get("key").unwrap();
        assert_eq!(entry.current, *seen.lock().unwrap(), "{at}");
        assert_eq!(entry.pending, None, "{at}");
        assert_eq!(value(&a), "value-2-abcdef", "{at}");
        assert_eq!(calls(&a, "/id-2"), 0, "{at}: the one in use was revoked");
        let first = entry.versions.iter().find(|v| {
            let id = v.value.as_ref().and_then(|value| value.part(Some("id")));
            id.is_some_and(|id| id.expose_text() == Some("id-0"))
        });
        assert_eq!(
            first.unwrap().state,
            State::Revoked,
            "{at}: and that is known"
        );
        nothing_lives_unknown(&a);
        // Nothing of it is undone by whoever comes next.
        a.http_answers(&[minted(3)]);
        a.wait(7 * 3_600_000);
        done(a.run(&plan, &[]));
        assert_eq!(value(&b), "value-3-abcdef", "{at}");
        nothing_lives_unknown(&b);
    }
}

#[test]
fn a_clock_that_is_behind_says_so() {
    let (a, b) = machines(&[json!({ "to": "/mint", "fault": "dies" })], -7200);
    let plan = plan(ADDITIVE);
    a.run_until_it_dies(&plan, &[]);
    let (failure, message) = claimed(b.run(&plan, &[]));
    assert_eq!(failure, Failure::Clock);
    assert!(message.contains("whose clock shows"), "{message}");
    assert_eq!(calls(&b, "/mint"), 1);
}

#[test]
fn a_call_that_cannot_be_made_twice_is_left_to_its_machine() {
    let dies = json!({ "to": "/renew", "fault": "dies" });
    let next = json!({ "to": "/renew", "body": { "value": "value-9-abcdef" } });
    let (a, b) = machines(&[dies, next], 0);
    a.put("key", "value-0-abcdef");
    let plan = plan(BARE);
    a.run_until_it_dies(&plan, &[]);
    b.wait(24 * 3_600_000);
    let (failure, message) = claimed(b.run(&plan, &[]));
    assert_eq!(failure, Failure::Unknown, "{message}");
    assert_eq!(calls(&b, "/renew"), 1, "called again");
    // A person says that the machine is gone.
    let id = b.vault().doc().claim("key").unwrap().run;
    let gone = |decision| {
        done(decide_elsewhere(
            b.world(),
            &mut b.vault(),
            &id[..13],
            decision,
        ))
    };
    assert!(gone(Decision::Retry).is_some_and(|run| run.overtaken.is_none()));
    assert!(
        b.vault().doc().claim("key").is_some(),
        "nothing is decided by a question"
    );
    assert!(gone(Decision::Abandon).is_some());
    done(b.run(&plan, &[]));
    assert_eq!(value(&b), "value-9-abcdef");
    // It was not gone: its run stores nothing and calls nothing.
    a.wait(25 * 3_600_000);
    let (failure, _) = claimed(a.run(&plan, &[]));
    assert_eq!(failure, Failure::Locked);
    assert_eq!(calls(&a, "/renew"), 2);
    assert_eq!(value(&a), "value-9-abcdef");
}

#[test]
fn a_run_that_ends_lets_go_of_its_claim() {
    let endings: [(&str, Vec<Json>, bool); 3] = [
        ("well", vec![minted(1)], true),
        (
            "refused",
            vec![json!({ "to": "/mint", "status": 403 })],
            true,
        ),
        (
            "to be resumed",
            vec![json!({ "to": "/mint", "text": "<html>" })],
            false,
        ),
    ];
    for (name, answers, free) in endings {
        let (a, b) = machines(&answers, 0);
        let _ended = a.run(&plan(ADDITIVE), &[]);
        assert_eq!(b.vault().doc().claims().is_empty(), free, "{name}");
        // In between, for an hour, nobody else begins; a person may give the run up on its own machine.
        if !free {
            let (failure, _) = claimed(b.run(&plan(ADDITIVE), &[]));
            assert_eq!(failure, Failure::Locked, "{name}");
            let open = done(rot::run::open_runs(a.world(), &a.vault()));
            done(rot::run::acknowledge(
                a.world(),
                &mut a.vault(),
                &open[0],
                Decision::Abandon,
                std::time::Duration::ZERO,
            ));
            assert!(b.vault().doc().claims().is_empty(), "{name}");
        }
    }
}

#[test]
fn a_long_run_keeps_its_claim() {
    let text = ADDITIVE.replace("  stage key", "  wait 5h\n  stage key");
    let mut me = json!({ "to": "/me" });
    me["meanwhile"] = true.into();
    let (a, b) = machines(&[minted(1), me], 0);
    let long = plan(&text);
    let (beta, other): (Stage, Plan) = (b.machine("beta", 5 * 3600), plan(ADDITIVE));
    a.meanwhile(move || {
        assert_eq!(claimed(beta.run(&other, &[])).0, Failure::Locked);
    });
    done(a.run(&long, &[]));
    assert_eq!(calls(&a, "/mint"), 1);
    assert_eq!(value(&a), "value-1-abcdef");
}

#[test]
fn what_changes_nothing_claims_nothing() {
    let (a, _) = machines(&[], 0);
    let before = a.vault().generation();
    let reads = plan(
        "secret admin to \"api.example.com\"\nrotation r {\n  http look GET \"https://api.example.com/x\" { bearer secrets.admin }\n}\n",
    );
    done(a.run(&reads, &[]));
    assert_eq!(a.vault().generation(), before);
}

/// The program itself, in two state folders.
mod program {
    use crate::run::{TOKEN, project};
    use crate::support::loopback::{self, calls};
    use crate::support::project::{Called, Project};
    use rot::demo::issuer::{Fault, Phase, Rule};

    fn on(project: &Project, machine: &str, line: &str) -> Called {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let mut command = project.command(&arguments);
        command
            .env("ROT_FIRST_USE", "true")
            .env("ROT_STATE", project.path(machine))
            .env("HOSTNAME", machine);
        Called::from(command.output().unwrap())
    }

    #[test]
    fn two_machines_are_told_of_each_other() {
        let issuer = loopback::faulty(vec![Rule {
            path: Some("/api/token".to_owned()),
            ..Rule::always(Fault::Stall {
                at: Phase::Answer,
                millis: 20_000,
            })
        }]);
        let project = project(&issuer, TOKEN);
        let mut command = project.command(&["run", "r.rot"]);
        command
            .env("ROT_FIRST_USE", "true")
            .env("ROT_STATE", project.path("alpha"))
            .env("HOSTNAME", "alpha");
        let mut killed = command.stderr(std::process::Stdio::null()).spawn().unwrap();
        while calls(&issuer, "POST", "/api/token") == 0 {
            assert!(killed.try_wait().unwrap().is_none(), "it ended");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        killed.kill().unwrap();
        killed.wait().unwrap();
        issuer.state().config.faults.clear();

        let refused = on(&project, "beta", "--lock-timeout 1s run r.rot")
            .code(24)
            .says("rotation `my_token` is under way on machine alpha");
        assert!(refused.stderr.contains("ROT717"), "{}", refused.stderr);
        let status = on(&project, "beta", "status").code(0).stdout;
        assert!(
            status.contains("rotation `my_token` is under way on machine alpha: run "),
            "{status}"
        );
        let json = on(&project, "beta", "status --report json").code(0).json();
        let run = json["elsewhere"][0]["run_id"].as_str().unwrap().to_owned();
        assert_eq!(json["elsewhere"][0]["machine"], "alpha");
        let own = on(&project, "alpha", "status").code(0).stdout;
        assert!(
            !own.contains("under way") && own.contains("interrupted"),
            "{own}"
        );

        on(&project, "beta", &format!("resume {run}"))
            .code(2)
            .says("is on machine alpha, and so is its journal");
        on(&project, "beta", &format!("resume {run} --abandon"))
            .code(0)
            .says("is given up: the next run begins anew");
        on(&project, "beta", "run r.rot").code(0);
        let status = on(&project, "beta", "status").code(0).stdout;
        assert!(
            status.contains("on machine alpha was overtaken"),
            "{status}"
        );
        let before = calls(&issuer, "POST", "/api/token");
        let overtaken = on(&project, "alpha", "resume")
            .code(24)
            .says("another machine has taken this rotation over")
            .says("may have left a credential");
        assert!(overtaken.stderr.contains("ROT717"));
        assert_eq!(calls(&issuer, "POST", "/api/token"), before, "called again");
        let status = on(&project, "beta", "status").code(0).stdout;
        assert!(!status.contains("alpha"), "{status}");
        on(&project, "alpha", "run r.rot").code(0);
    }

    #[test]
    fn a_person_takes_a_machine_that_is_gone_off_the_list() {
        let issuer = loopback::issuer(rot::demo::issuer::Config::default());
        let project = project(&issuer, &TOKEN.replace("$.token", "$.tokens"));
        on(&project, "alpha", "run r.rot").code(21);
        let json = on(&project, "beta", "status --report json").code(0).json();
        let run = json["elsewhere"][0]["run_id"].as_str().unwrap().to_owned();
        on(&project, "beta", &format!("resume {run} --abandon")).code(0);
        let status = on(&project, "beta", "status").code(0).stdout;
        assert!(
            status.contains(&format!("rot resume {run} --accept")),
            "{status}"
        );
        on(&project, "beta", &format!("resume {run} --accept")).code(0);
        let status = on(&project, "beta", "status").code(0).stdout;
        assert!(!status.contains("alpha"), "{status}");
        // It must not go on all the same.
        project.file("r.rot", loopback::at(&issuer, TOKEN));
        on(&project, "alpha", "resume").code(24);
    }
}
