//! A rehearsal for programs: `rot.rehearsal/v1`.

use crate::diagnostic::Diagnostic;
use crate::rehearse::{Fate, Mishap, Next, Old, Rehearsal};
use serde_json::{Value as Json, json};

/// The document.
pub fn of(rehearsals: &[Rehearsal], found: &[Diagnostic], suppressed: usize) -> Json {
    let rotations: Vec<Json> = rehearsals.iter().map(rotation).collect();
    let findings: Vec<Json> = found
        .iter()
        .map(|d| {
            json!({
                "code": d.code.id(), "name": d.code.name(), "severity": d.severity.as_str(),
                "message": d.message, "help": d.help, "notes": d.notes,
            })
        })
        .collect();
    json!({
        "schema": "rot.rehearsal/v1",
        "rotations": rotations,
        "findings": findings,
        "summary": {
            "trials": rehearsals.iter().map(|r| r.trials).sum::<usize>(),
            "suppressed": suppressed,
        },
    })
}

fn rotation(rehearsal: &Rehearsal) -> Json {
    let calls: Vec<Json> = rehearsal
        .calls
        .iter()
        .map(|call| {
            let mut trials = Vec::new();
            for trial in &call.trials {
                for outcome in &trial.outcomes {
                    trials.push(json!({
                        "kind": trial.mishap.kind(),
                        "what": said(trial.mishap),
                        "verdict": call.verdict(outcome).as_str(),
                        "left": outcome.strays,
                        "left_expire": outcome.strays > 0 && outcome.strays_expire,
                        "left_reported": outcome.told,
                        "revoked_as_stray": outcome.reaped,
                        "next_run": next(outcome.next),
                        "runs": outcome.runs,
                        "credential_in_use": old(outcome.old),
                        "person": outcome.person.is_some(),
                        "message": outcome.person,
                    }));
                }
            }
            json!({
                "step": call.step, "request": call.title, "effect": call.effect,
                "says_person": call.says_person, "trials": trials,
            })
        })
        .collect();
    let fates: Vec<Json> = rehearsal
        .fates
        .iter()
        .map(|(secret, fate)| match fate {
            Fate::LivesOn => json!({ "secret": secret, "old": "lives-on" }),
            Fate::Replaced => json!({ "secret": secret, "old": "replaced" }),
            Fate::Revoked { after } => {
                json!({ "secret": secret, "old": "revoked", "after_ms": after })
            }
            Fate::Expires { after } => {
                json!({ "secret": secret, "old": "expires", "after_ms": after })
            }
        })
        .collect();
    json!({ "rotation": rehearsal.rotation, "calls": calls, "old_credentials": fates })
}

fn said(mishap: Mishap) -> String {
    let (group, what) = mishap.describe();
    format!("{group} {what}").trim().to_owned()
}

fn next(next: Next) -> &'static str {
    match next {
        Next::SameRun => "not-needed",
        Next::CallsAgain => "calls-again",
        Next::GoesOn => "goes-on",
        Next::StartsAnew => "begins-anew",
        Next::Waits => "waits",
        Next::Fails => "fails",
    }
}

fn old(old: Old) -> &'static str {
    match old {
        Old::Works => "works",
        Old::DownUntilNext => "dead-until-next-run",
        Old::Dead => "dead",
    }
}
