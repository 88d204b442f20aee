//! What a rehearsal finds, as findings: they point at the step, say what to write, and can be lived with as others can.

use super::{Call, Mishap, Outcome, Rehearsal, Verdict};
use crate::diagnostic::{Diagnostic, codes};
use std::collections::BTreeMap;

/// The findings of a rehearsal, one for each call and kind of trouble.
pub fn findings(rehearsal: &Rehearsal) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for call in &rehearsal.calls {
        let mut by_verdict: BTreeMap<Verdict, Vec<(Mishap, &Outcome)>> = BTreeMap::new();
        for trial in &call.trials {
            for outcome in &trial.outcomes {
                let verdict = call.verdict(outcome);
                // Whether a vault is worked on by two machines is not the file's to say.
                if trial.mishap != Mishap::SecondMachine || verdict == Verdict::Lost {
                    let cases = by_verdict.entry(verdict).or_default();
                    cases.push((trial.mishap, outcome));
                }
            }
        }
        for (verdict, cases) in by_verdict {
            found.extend(finding(call, verdict, &cases));
        }
    }
    found
}

fn finding(call: &Call, verdict: Verdict, cases: &[(Mishap, &Outcome)]) -> Option<Diagnostic> {
    let step = &call.step;
    let when = phrases(cases.iter().map(|(mishap, _)| *mishap)).join("; ");
    let of = |code, message: String| {
        Diagnostic::new(code, call.at, message)
            .at("at this call")
            .note(format!("when: {when}"))
    };
    match verdict {
        Verdict::Heals | Verdict::Person => None,
        Verdict::Stray => Some(
            of(
                codes::REHEARSAL_LEAVES,
                format!("a trial at `{step}` leaves a credential at the issuer that nobody knows"),
            )
            .help("where the issuer can list credentials by a name, send one with `${run.id}` in it and declare `strays … revoke …`; a short life, as `expires` says it, bounds the harm too"),
        ),
        Verdict::PersonUnsaid => {
            let message = cases.iter().find_map(|(_, o)| o.person.as_deref());
            let said = message.filter(|m| !m.is_empty());
            let one = of(
                codes::REHEARSAL_NEEDS_PERSON,
                format!("a trial at `{step}` ends with a person, and the file does not say that one may be needed"),
            )
            .help("give the step a way back (`key NAME`, `grace D`, `recover with ROTATION`, a `verify` of the secret that it replaces), or say that a person may be needed: `accept lockout-risk \"why\"`, or a suppression with a reason");
            Some(match said {
                Some(message) => one.note(format!("the run says: {message}")),
                None => one,
            })
        }
        Verdict::Lost => Some(
            of(
                codes::REHEARSAL_LOSES,
                format!("a trial at `{step}` loses a credential without a word"),
            )
            .help("look at the effect that the step declares, and at what is stored and verified after it; `rot explain ROT720` has the cases"),
        ),
    }
}

/// What happened, in groups: `killed before it, at a later write`.
pub fn phrases(mishaps: impl Iterator<Item = Mishap>) -> Vec<String> {
    let mut groups: Vec<(&'static str, Vec<String>)> = Vec::new();
    for mishap in mishaps {
        let (group, what) = mishap.describe();
        match groups
            .iter_mut()
            .find(|(g, _)| *g == group && !group.is_empty())
        {
            Some((_, all)) if all.contains(&what) => {}
            Some((_, all)) => all.push(what),
            None => groups.push((group, vec![what])),
        }
    }
    groups
        .into_iter()
        .map(|(group, all)| format!("{group} {}", all.join(", ")).trim().to_owned())
        .collect()
}
