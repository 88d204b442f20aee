//! What must hold when everything has come to rest (reliability dossier, section 5).

use super::issuer::{CANARY, Issuer, Kind, What};
use super::process::{RESCUED, open, open_on, process};
use super::scenario::{Stage, version};
use super::{Sim, Snapshot};
use aho_corasick::AhoCorasick;
use rot::run::journal::{self, Journal};
use rot::run::{OpenState, open_runs};
use rot::sim::{Cut, Disk};
use rot::vault::{Secret, State, StoredValue, Vault};
use std::collections::{BTreeMap, BTreeSet};

/// What was seen of a vault so far: it only ever grows.
#[derive(Clone, Default)]
pub(super) struct Seen {
    generation: u64,
    /// Value of each version of each secret.
    values: BTreeMap<(String, String), Vec<u8>>,
}

fn bytes(value: &StoredValue) -> Vec<u8> {
    value
        .parts()
        .iter()
        .flat_map(|(name, secret)| {
            [
                name.unwrap_or_default().as_bytes(),
                b"=",
                secret.expose(),
                b"\n",
            ]
            .concat()
        })
        .collect()
}

impl Seen {
    /// I3: the generation does not go back, one version is current, no version's value changes.
    pub(super) fn look(&mut self, vault: &Vault) -> Result<(), String> {
        if vault.generation() < self.generation {
            return Err(format!(
                "I3: generation {} after {}",
                vault.generation(),
                self.generation
            ));
        }
        let mut changed = false;
        for (name, entry) in vault.doc().secrets() {
            let current = entry
                .versions
                .iter()
                .filter(|v| v.state == State::Current)
                .count();
            if current != 1 || entry.current_version().is_none() {
                return Err(format!("I3: secret {name} has {current} current versions"));
            }
            for version in &entry.versions {
                let Some(value) = &version.value else {
                    continue;
                };
                let value = bytes(value);
                match self
                    .values
                    .insert((name.to_owned(), version.id.clone()), value.clone())
                {
                    Some(before) if before != value => {
                        return Err(format!(
                            "I3: version {} of {name} changed its value",
                            version.id
                        ));
                    }
                    Some(_) => {}
                    None => changed = true,
                }
            }
        }
        if changed && vault.generation() == self.generation {
            return Err("I3: a new version in the same generation".into());
        }
        self.generation = vault.generation();
        Ok(())
    }
}

/// The value that the vault has as current for a bond.
fn current(vault: &Vault, secret: &str, field: Option<&str>) -> Option<String> {
    let value = vault.doc().get(secret)?.current_version()?.value.as_ref()?;
    value.part(field)?.expose_text().map(str::to_owned)
}

/// Everything that the vault, or a journal, still knows.
fn kept(sim: &Sim, vault: &Vault, wanted: &BTreeSet<String>) -> BTreeSet<String> {
    let mut missing = wanted.clone();
    for (_, entry) in vault.doc().secrets() {
        for value in entry.versions.iter().filter_map(|v| v.value.as_ref()) {
            for (_, secret) in value.parts() {
                if let Some(text) = secret.expose_text() {
                    missing.remove(text);
                }
            }
        }
    }
    if missing.is_empty() {
        return missing;
    }
    let world = sim.world();
    for vault in [0, 1]
        .into_iter()
        .filter_map(|machine| open_on(machine, sim).ok())
    {
        for run in journal::list(&world, &vault).unwrap_or_default() {
            let Ok(journal) = Journal::open(&world, &vault, &run) else {
                continue;
            };
            for record in journal.records() {
                let Ok(payload) = journal.payload(&vault, record) else {
                    continue;
                };
                let text = String::from_utf8_lossy(&payload).into_owned();
                let texts = [body_of(&text), text];
                missing.retain(|value| !texts.iter().any(|t| t.contains(value.as_str())));
            }
        }
    }
    for (path, content) in sim.state().disk.files() {
        if path.to_string_lossy().contains(".rot-rescue-")
            && let Ok(text) = vault.unseal(&content)
        {
            let body = String::from_utf8_lossy(&text)
                .lines()
                .nth(1)
                .map(body_of)
                .unwrap_or_default();
            missing.retain(|value| !body.contains(value.as_str()));
        }
    }
    missing
}

/// Whether a journal says that something may have been left at the issuer.
fn written_down(end: &Snapshot) -> bool {
    end.disk.files().iter().any(|(path, bytes)| {
        path.extension() == Some("jnl".as_ref())
            && String::from_utf8_lossy(bytes).contains("may have left")
    })
}

/// The body of a journaled answer.
fn body_of(payload: &str) -> String {
    use base64::Engine;
    let json: serde_json::Value = serde_json::from_str(payload).unwrap_or_default();
    let body = base64::engine::general_purpose::STANDARD
        .decode(json["body"].as_str().unwrap_or_default())
        .unwrap_or_default();
    String::from_utf8_lossy(&body).into_owned()
}

/// All that must hold at the end: `done` when success was reported, else a person was asked for.
pub(super) fn check(
    stage: &Stage,
    end: &Snapshot,
    done: bool,
    seen: &mut Seen,
    notes: &[String],
) -> Vec<String> {
    let mut wrong = Vec::new();
    let sim = Sim::new(end, 99);
    let vault = match open(&sim) {
        Ok(vault) => vault,
        Err(error) => return vec![format!("the vault does not open: {}", error.message())],
    };
    if let Err(error) = seen.look(&vault) {
        wrong.push(error);
    }
    let scenario = stage.scenario;
    if !done && !scenario.may_halt {
        wrong.push("I1: a person was asked for, and no person is needed for this kind".into());
    }
    for bond in scenario.bonds {
        let value = current(&vault, bond.secret, bond.field).unwrap_or_default();
        if done && !end.outside.accepts(bond.account, &value, end.now) {
            wrong.push(format!(
                "I1: the current value of {} is not accepted",
                bond.secret
            ));
        }
        let works = |version: Option<&rot::vault::VersionEntry>| {
            let text = version.and_then(|v| {
                v.value
                    .as_ref()?
                    .part(bond.field)?
                    .expose_text()
                    .map(str::to_owned)
            });
            text.is_some_and(|text| end.outside.accepts(bond.account, &text, end.now))
        };
        let entry = vault.doc().get(bond.secret);
        if !done
            && (works(entry.and_then(|e| e.current_version()))
                || works(entry.and_then(|e| e.pending_version())))
        {
            wrong.push(format!(
                "I1: a person was asked for although a credential of {} works",
                bond.secret
            ));
        }
        let live = end.outside.live(bond.account, end.now);
        let noted = notes.iter().any(|n| n.starts_with(RESCUED))
            || matches!(bond.kind, Kind::ShortLived | Kind::Bare)
                && (!done
                    || notes.iter().any(|n| n.contains("may have left"))
                    || written_down(end));
        let unknown = kept(&sim, &vault, &live);
        if !unknown.is_empty() && !noted {
            wrong.push(format!(
                "I2: {} live credentials of {} are known to nobody: {unknown:?}",
                unknown.len(),
                bond.account
            ));
        }
    }
    wrong.extend(plaintext(end));
    let durable = Snapshot {
        disk: end.disk.after(Cut::Nothing),
        ..end.clone()
    };
    let after = Sim::new(&durable, 98);
    match open(&after) {
        Err(error) => wrong.push(format!(
            "I9: after a power cut the vault does not open: {}",
            error.message()
        )),
        Ok(cut) if done => {
            for bond in scenario.bonds {
                if current(&cut, bond.secret, bond.field)
                    != current(&vault, bond.secret, bond.field)
                {
                    wrong.push(format!(
                        "I9: success was reported, and a power cut takes the new value of {} away",
                        bond.secret
                    ));
                }
            }
        }
        Ok(cut) => match open_runs(&after.world(), &cut) {
            Ok(runs)
                if runs
                    .iter()
                    .any(|r| matches!(r.state, OpenState::NeedsOperator { .. })) => {}
            // It was read from a record that was not durable yet: whoever comes next finds it out again.
            _ => match process(&after, stage, super::process::Task::Run, 1) {
                Ok(super::process::End::Operator { .. }) => {}
                _ => wrong.push("I1: that a person is needed does not survive a power cut".into()),
            },
        },
    }
    if done {
        wrong.extend(litter(stage, end));
    }
    wrong.extend(effects(stage, &end.outside));
    wrong
}

/// I12: nothing that was in use or on its way there was revoked, and nothing that lives is known to nobody.
pub(super) fn spared(stage: &Stage, end: &Snapshot, notes: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    for executed in &end.outside.log {
        let What::Revoked(dead) = &executed.what else {
            continue;
        };
        let then = Snapshot {
            disk: executed.disk.clone(),
            outside: Issuer::default(),
            now: end.now,
        };
        let Ok(vault) = open(&Sim::new(&then, 94)) else {
            wrong.push("I4: at the time of a revocation the vault did not open".into());
            continue;
        };
        for bond in stage
            .scenario
            .bonds
            .iter()
            .filter(|b| b.account == executed.account)
        {
            let Some(entry) = vault.doc().get(bond.secret) else {
                continue;
            };
            for (label, version) in [
                ("current", entry.current_version()),
                ("pending", entry.pending_version()),
            ] {
                let value = version.and_then(|v| v.value.as_ref()?.part(bond.field)?.expose_text());
                if value == Some(dead.as_str()) {
                    wrong.push(format!(
                        "I12: what is {label} of {} was revoked",
                        bond.secret
                    ));
                }
            }
        }
    }
    let sim = Sim::new(end, 93);
    let Ok(vault) = open(&sim) else {
        return vec!["the vault does not open".into()];
    };
    let told = notes.iter().any(|n| n.contains("may have left")) || written_down(end);
    for bond in stage.scenario.bonds {
        let live = end.outside.live(bond.account, end.now);
        let unknown = kept(&sim, &vault, &live);
        if !unknown.is_empty() && !told {
            wrong.push(format!(
                "I2: {unknown:?} of {} are known to nobody",
                bond.account
            ));
        }
    }
    wrong.extend(plaintext(end));
    wrong
}

/// I11: what lives at the issuer is a version of its secret, and not known to a journal alone, or it was told of.
pub(super) fn forgotten(stage: &Stage, end: &Snapshot, notes: &[String]) -> Vec<String> {
    let sim = Sim::new(end, 95);
    let Ok(vault) = open(&sim) else {
        return vec!["the vault does not open".into()];
    };
    let told = notes.iter().any(|n| n.contains("may have left")) || written_down(end);
    let mut wrong = Vec::new();
    for bond in stage.scenario.bonds {
        let entry = vault.doc().get(bond.secret);
        let versions = entry.map_or(&[][..], |e| &e.versions);
        let values: BTreeSet<&str> = versions
            .iter()
            .filter_map(|v| v.value.as_ref()?.part(bond.field)?.expose_text())
            .collect();
        let mut live = end.outside.live(bond.account, end.now);
        live.retain(|value| !values.contains(value.as_str()));
        if !live.is_empty() && !told {
            wrong.push(format!(
                "I11: {} live credentials of {} are no version of it: {live:?}",
                live.len(),
                bond.account
            ));
        }
    }
    if !vault.doc().claims().is_empty() || !vault.doc().overtaken().is_empty() {
        wrong.push("I11: a claim is left".into());
    }
    wrong
}

/// I10: what crashed writers leave is gone at the latest with the next change of the vault; the new text of an ended run's
/// journal, which holds no values, with the next run of its rotation.
fn litter(stage: &Stage, end: &Snapshot) -> Vec<String> {
    let temporary = |disk: &Disk| {
        let files = disk.files().into_iter().map(|(path, _)| path);
        files
            .filter(|path| path.extension() == Some("tmp".as_ref()))
            .collect::<Vec<_>>()
    };
    if temporary(&end.disk).is_empty() {
        return Vec::new();
    }
    let sim = Sim::new(end, 96);
    let changed = open(&sim).and_then(|mut vault| {
        let value = StoredValue::Single(Secret::from_text("another"));
        vault.commit(|doc| {
            doc.put_current(
                "another",
                version(
                    "v0",
                    value,
                    jiff::Timestamp::from_millisecond(end.now).unwrap_or_default(),
                ),
            )
        })
    });
    if let Err(error) = changed {
        return vec![format!(
            "I10: the vault cannot be changed: {}",
            error.message()
        )];
    }
    let mut left = temporary(&sim.state().disk);
    if left.iter().any(|path| path.starts_with("/state/runs")) {
        let _ended =
            super::process::process(&sim, stage, super::process::Task::Run, super::explore::RUNS);
        left = temporary(&sim.state().disk);
    }
    left.iter()
        .map(|path| format!("I10: {} was left behind", path.display()))
        .collect()
}

/// I6: nothing on the disk says a credential in clear, in base64 or in hexadecimal.
fn plaintext(end: &Snapshot) -> Vec<String> {
    use base64::Engine;
    let standard = base64::engine::general_purpose::STANDARD_NO_PAD;
    let mut patterns: Vec<String> = vec![
        CANARY.to_owned(),
        CANARY.bytes().map(|b| format!("{b:02x}")).collect(),
    ];
    for pad in 0..3usize {
        let text = standard.encode([&b"xx"[..pad], CANARY.as_bytes()].concat());
        let from = [0, 2, 3][pad];
        patterns.push(text[from..text.len() - 2].to_owned());
    }
    for account in end.outside.accounts.keys() {
        patterns.extend(
            end.outside
                .live(account, end.now)
                .into_iter()
                .filter(|v| !v.starts_with(CANARY)),
        );
    }
    let finder = AhoCorasick::new(&patterns).unwrap();
    let leaks = end
        .disk
        .all_bytes()
        .iter()
        .filter(|content| finder.is_match(content.as_slice()))
        .count();
    if leaks == 0 {
        Vec::new()
    } else {
        vec![format!(
            "I6: {leaks} pieces of content on the disk hold a credential in clear"
        )]
    }
}

/// I4 and I5, from what the issuer executed and the disk at that moment.
fn effects(stage: &Stage, issuer: &Issuer) -> Vec<String> {
    let mut wrong = Vec::new();
    for executed in &issuer.log {
        let bonds: Vec<_> = stage
            .scenario
            .bonds
            .iter()
            .filter(|b| b.account == executed.account)
            .collect();
        if let What::Issued(_) = &executed.what {
            if executed.answered > 0 {
                wrong.push(format!(
                    "I5: {} issued again although the answer was in the journal",
                    executed.account
                ));
            }
            continue;
        }
        let durable = Snapshot {
            disk: executed.disk.after(Cut::Nothing),
            outside: Issuer::default(),
            now: super::scenario::START,
        };
        let sim = Sim::new(&durable, 97);
        let Ok(vault) = open(&sim) else {
            wrong.push("I4: at the time of an effect the durable vault did not open".into());
            continue;
        };
        for bond in bonds {
            match &executed.what {
                What::Revoked(_) => {
                    let value = current(&vault, bond.secret, bond.field).unwrap_or_default();
                    if !executed.live.contains(&value) {
                        wrong.push(format!(
                            "I4: what is durable of {} was revoked",
                            bond.secret
                        ));
                    }
                }
                What::Set(value) => {
                    let lost = kept(&sim, &vault, &BTreeSet::from([value.clone()]));
                    if !lost.is_empty() {
                        wrong.push(format!(
                            "I4: {} was set to a value that is not durable",
                            bond.secret
                        ));
                    }
                }
                What::Issued(_) => {}
            }
        }
    }
    wrong
}
