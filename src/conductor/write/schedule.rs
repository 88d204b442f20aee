//! A rotation's schedule → a scheduler entry.

use super::WriteOptions;
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::schedule::Dur;
use crate::plan::{Dialect, Rotation, Trigger};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const DAY: u64 = 86_400;
const ZONE: &str = "UTC";

/// The entry, and what it cannot say.
pub(super) fn schedule(rotation: &Rotation, options: &WriteOptions) -> (Value, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let Some(schedule) = &rotation.schedule else {
        let message = format!("rotation `{}` has no schedule", rotation.name);
        found.push(
            Diagnostic::new(codes::NOT_IN_CONDUCTOR, rotation.at.0, message)
                .help("add `every 45m` or `cron … in …`"),
        );
        return (Value::Null, found);
    };
    let at = schedule.at.0;
    let crons: Vec<(String, String)> = match &schedule.trigger {
        Trigger::Cron(crons) => crons
            .iter()
            .map(|c| (c.expression().to_owned(), c.zone().to_owned()))
            .collect(),
        Trigger::Every(every) => {
            let message = "a server counts from the clock, not from the last success";
            found.push(
                Diagnostic::new(codes::NOT_IN_CONDUCTOR, at, message).severity(Severity::Note),
            );
            match clock(*every) {
                Some(crons) => crons.into_iter().map(|c| (c, ZONE.to_owned())).collect(),
                None => {
                    found.push(
                        Diagnostic::new(
                            codes::NOT_IN_CONDUCTOR,
                            at,
                            format!("`every {every}` cannot be expressed as clock times: it does not divide a day"),
                        )
                        .at("a cron expression repeats with the day")
                        .help(format!("write `every {}`, or `cron` with the times that you want", below(*every))),
                    );
                    return (Value::Null, found);
                }
            }
        }
    };
    if schedule.jitter.is_some() {
        found.push(
            Diagnostic::new(
                codes::NOT_IN_CONDUCTOR,
                at,
                "`jitter` cannot be expressed in a schedule",
            )
            .severity(Severity::Note),
        );
    }
    let mut entry = Map::new();
    entry.insert("name".into(), rotation.name.clone().into());
    if let Some(description) = &rotation.description {
        entry.insert("description".into(), description.clone().into());
    }
    match crons.as_slice() {
        [(expression, zone)] => {
            entry.insert("cronExpression".into(), expression.clone().into());
            entry.insert("zoneId".into(), zone.clone().into());
        }
        several => {
            if options.target == Dialect::Orkes {
                let message = "several times need `cronSchedules`, which only the open-source server is known to read";
                found.push(
                    Diagnostic::new(codes::NOT_IN_CONDUCTOR, at, message)
                        .help("choose an interval that divides an hour or a day evenly, such as 30m or 1h")
                        .severity(Severity::Warning),
                );
            }
            let list: Vec<Value> = several
                .iter()
                .map(|(e, z)| json!({ "cronExpression": e, "zoneId": z }))
                .collect();
            entry.insert("cronSchedules".into(), list.into());
        }
    }
    entry.insert("runCatchupScheduleInstances".into(), false.into());
    entry.insert("paused".into(), false.into());
    entry.insert(
        "startWorkflowRequest".into(),
        json!({ "name": rotation.name, "version": 1, "input": {} }),
    );
    (Value::Object(entry), found)
}

/// Six-field expressions whose times are an interval apart, over midnight too.
fn clock(every: Dur) -> Option<Vec<String>> {
    let seconds = every.0 / 1000;
    if !every.0.is_multiple_of(1000) || seconds == 0 {
        return None;
    }
    match seconds {
        1 => return Some(vec!["* * * * * *".into()]),
        60 => return Some(vec!["0 * * * * *".into()]),
        3_600 => return Some(vec!["0 0 * * * *".into()]),
        DAY => return Some(vec!["0 0 0 * * *".into()]),
        s if s == 7 * DAY => return Some(vec!["0 0 0 * * MON".into()]),
        s if s < 60 && 60 % s == 0 => return Some(vec![format!("*/{s} * * * * *")]),
        s if s < 3_600 && s % 60 == 0 && 3_600 % s == 0 => {
            return Some(vec![format!("0 */{} * * * *", s / 60)]);
        }
        s if s < DAY && s % 3_600 == 0 && DAY.is_multiple_of(s) => {
            return Some(vec![format!("0 0 */{} * * *", s / 3_600)]);
        }
        s if s % 60 != 0 || !DAY.is_multiple_of(s) => return None,
        _ => {}
    }
    // The hours that have the same minutes share an expression.
    let mut minutes: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for time in (0..DAY).step_by(usize::try_from(seconds).ok()?) {
        minutes
            .entry(time / 3_600)
            .or_default()
            .push(time % 3_600 / 60);
    }
    let mut hours: BTreeMap<Vec<u64>, Vec<u64>> = BTreeMap::new();
    for (hour, minutes) in minutes {
        hours.entry(minutes).or_default().push(hour);
    }
    let list = |numbers: &[u64]| {
        numbers
            .iter()
            .map(u64::to_string)
            .collect::<Vec<_>>()
            .join(",")
    };
    Some(
        hours
            .into_iter()
            .map(|(minutes, hours)| format!("0 {} {} * * *", list(&minutes), list(&hours)))
            .collect(),
    )
}

/// The longest interval not above `every` that one expression can say.
fn below(every: Dur) -> Dur {
    const GOOD: [u64; 20] = [
        1, 5, 10, 15, 20, 30, 60, 300, 600, 900, 1_200, 1_800, 3_600, 7_200, 10_800, 14_400,
        21_600, 28_800, 43_200, DAY,
    ];
    let best = GOOD
        .iter()
        .rev()
        .find(|s| **s * 1000 <= every.0)
        .copied()
        .unwrap_or(1);
    Dur::seconds(best)
}
