//! `--to schedule`: times by the clock.

use super::{read_json, read_rot};
use jiff::Timestamp;
use rot::conductor::{WriteOptions, write_schedule};
use rot::diagnostic::Severity;
use rot::plan::schedule::Cron;
use rot::plan::{Dialect, Trigger};
use serde_json::{Value, json};

fn entry(clause: &str, target: Dialect) -> (Value, Vec<String>) {
    let (plan, found) = read_rot(&format!("rotation r {{\n  {clause}\n  log \"x\"\n}}\n"));
    assert!(
        found.iter().all(|d| d.severity != Severity::Error),
        "{clause}"
    );
    let (value, said) = write_schedule(&plan, "r", &WriteOptions { target });
    (
        value,
        said.into_iter()
            .map(|d| format!("{}: {}", d.severity.as_str(), d.message))
            .collect(),
    )
}

fn crons(value: &Value) -> Vec<(String, String)> {
    let of = |v: &Value| {
        (
            v["cronExpression"].as_str().unwrap().to_owned(),
            v["zoneId"].as_str().unwrap().to_owned(),
        )
    };
    value.get("cronSchedules").map_or_else(
        || vec![of(value)],
        |list| list.as_array().unwrap().iter().map(of).collect(),
    )
}

#[test]
fn a_cron_expression_stays_as_it_is() {
    let (value, said) = entry(
        "cron \"0 0 3 * * MON\" in \"Europe/Berlin\" jitter 10m",
        Dialect::Orkes,
    );
    let expected = json!({
        "name": "r", "cronExpression": "0 0 3 * * MON", "zoneId": "Europe/Berlin", "runCatchupScheduleInstances": false, "paused": false,
        "startWorkflowRequest": { "name": "r", "version": 1, "input": {} },
    });
    assert_eq!(value, expected);
    assert_eq!(said, ["note: `jitter` cannot be expressed in a schedule"]);
}

/// The times of the expressions are exactly one interval apart, over midnight too.
#[test]
fn an_interval_becomes_times_that_far_apart() {
    for (clause, one) in [
        ("1s", true),
        ("15s", true),
        ("30s", true),
        ("1m", true),
        ("5m", true),
        ("20m", true),
        ("1h", true),
        ("8h", true),
        ("12h", true),
        ("1d", true),
        ("7d", true),
        ("45m", false),
        ("90m", false),
        ("96m", false),
    ] {
        let (value, said) = entry(&format!("every {clause}"), Dialect::Oss);
        assert!(
            said.iter().all(|s| s.starts_with("note: ")),
            "{clause}: {said:?}"
        );
        let crons: Vec<Cron> = crons(&value)
            .iter()
            .map(|(e, z)| Cron::parse(e, z).unwrap())
            .collect();
        assert_eq!(crons.len() == 1, one, "{clause}: {value}");
        let every = rot::plan::schedule::Dur::parse(clause).unwrap().to_signed();
        let trigger = Trigger::Cron(crons);
        let mut at = trigger
            .next_after("2026-11-22T22:00:00Z".parse::<Timestamp>().unwrap())
            .unwrap();
        for _ in 0..100 {
            let next = trigger.next_after(at).unwrap();
            assert_eq!(next.duration_since(at), every, "{clause} after {at}");
            at = next;
        }
    }
}

#[test]
fn what_the_clock_cannot_say_is_an_error() {
    for (clause, near) in [
        ("7m", "5m"),
        ("50m", "30m"),
        ("36h", "1d"),
        ("2d", "1d"),
        ("500ms", "1s"),
    ] {
        let (value, said) = entry(&format!("every {clause}"), Dialect::Oss);
        assert_eq!(value, Value::Null, "{clause}");
        assert!(
            said.iter().any(|s| s.starts_with("error: `every ")),
            "{clause}: {said:?}"
        );
        let (plan, _) = read_rot(&format!(
            "rotation r {{\n  every {clause}\n  log \"x\"\n}}\n"
        ));
        let (_, said) = write_schedule(&plan, "r", &WriteOptions::default());
        assert!(
            said.iter().any(|d| d
                .help
                .as_ref()
                .is_some_and(|h| h.contains(&format!("every {near}`")))),
            "{clause}: {said:?}"
        );
    }
}

#[test]
fn several_times_are_a_warning_for_orkes() {
    let (_, said) = entry("every 45m", Dialect::Orkes);
    assert!(
        said.iter()
            .any(|s| s.starts_with("warning: several times need `cronSchedules`")),
        "{said:?}"
    );
}

/// An entry that was read with its definition is written as it was.
#[test]
fn schedules_survive_the_way_there_and_back() {
    let definition = json!({ "name": "w", "tasks": [{ "name": "n", "taskReferenceName": "n", "type": "WAIT",
        "inputParameters": { "duration": "5 seconds" } }], "schemaVersion": 2 });
    for crons in [
        json!([["0 0 3 * * MON", "UTC"]]),
        json!([["0 0 3 * * MON", "UTC"], ["0 30 4 1 * *", "Europe/Berlin"]]),
    ] {
        let list: Vec<Value> = crons
            .as_array()
            .unwrap()
            .iter()
            .map(|c| json!({ "cronExpression": c[0], "zoneId": c[1] }))
            .collect();
        let schedule =
            json!({ "name": "w", "cronSchedules": list, "startWorkflowRequest": { "name": "w" } });
        let (plan, _) = read_json(&json!([definition, schedule]).to_string(), Dialect::Oss);
        let (value, _) = write_schedule(
            &plan,
            "w",
            &WriteOptions {
                target: Dialect::Oss,
            },
        );
        let (again, _) = read_json(&json!([definition, value]).to_string(), Dialect::Oss);
        assert_eq!(plan.rotations[0].schedule, again.rotations[0].schedule);
        assert!(plan.rotations[0].schedule.is_some());
    }
}
