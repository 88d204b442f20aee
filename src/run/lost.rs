//! What a run of this machine has stored and the vault does not have: it went when two copies of the vault were brought together
//! without being joined. Only the journal knows of it, and the credential may be live.

use super::journal::Journal;
use super::journal::event::{Event, StepEvent, Stored};
use super::open;
use crate::diagnostic::Result;
use crate::vault::history::KEPT_VERSIONS;
use crate::vault::{NewUnkept, SecretEntry, Vault, Why};
use crate::world::World;
use jiff::Timestamp;

/// A version that only a journal knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostVersion {
    /// Its secret.
    pub secret: String,
    /// Its id.
    pub version: String,
    /// The run that stored it.
    pub run_id: String,
    /// The run's rotation.
    pub rotation: String,
    /// When.
    pub at: Timestamp,
}

/// All of them, oldest first.
///
/// # Errors
/// What reading the journals says.
pub fn lost(world: &World, vault: &Vault) -> Result<Vec<LostVersion>> {
    let (_, ended) = open::survey(world, vault)?;
    Ok(lost_by(vault, &ended))
}

/// Puts them on the vault's list of versions that are not revoked, so that all who share the vault hear of them. Their values
/// are gone.
///
/// # Errors
/// Those of a commit.
pub(super) fn keep(vault: &mut Vault, ended: &[Journal], now: Timestamp) -> Result<()> {
    let lost = lost_by(vault, ended);
    if lost.is_empty() {
        return Ok(());
    }
    vault.commit(|doc| {
        for one in &lost {
            let version = NewUnkept {
                id: &one.version,
                created_at: one.at,
                run: &one.run_id,
                rotation: &one.rotation,
            };
            doc.note_unkept(&one.secret, version, now, Why::Lost)?;
        }
        Ok(())
    })
}

/// The same for whoever has joined two copies of the vault. Answers with what was put on the list.
///
/// # Errors
/// What reading the journals says, and those of a commit.
pub fn keep_lost(world: &World, vault: &mut Vault) -> Result<Vec<LostVersion>> {
    let (_, ended) = open::survey(world, vault)?;
    let lost = lost_by(vault, &ended);
    keep(vault, &ended, world.clock.now())?;
    Ok(lost)
}

fn lost_by(vault: &Vault, ended: &[Journal]) -> Vec<LostVersion> {
    let mut found: Vec<LostVersion> = Vec::new();
    for journal in ended {
        for record in journal.records() {
            let Event::Step { event, .. } = &record.header.event else {
                continue;
            };
            let (StepEvent::Staged(stored)
            | StepEvent::Updated(stored)
            | StepEvent::Promoted(stored)) = event
            else {
                continue;
            };
            let Stored { secret, version } = stored;
            let at = record.header.at;
            let known = found
                .iter()
                .any(|l| l.secret == *secret && l.version == *version);
            let removed = vault
                .doc()
                .last_removed_at(secret)
                .is_some_and(|then| then >= at);
            if known || removed || is_remembered(vault.doc().get(secret), version, at) {
                continue;
            }
            found.push(LostVersion {
                secret: secret.clone(),
                version: version.clone(),
                run_id: journal.run_id().to_owned(),
                rotation: open::describe(journal).rotation,
                at,
            });
        }
    }
    found
}

/// Whether the vault has it, or had it so long ago that its history ends later.
fn is_remembered(entry: Option<&SecretEntry>, version: &str, at: Timestamp) -> bool {
    let Some(entry) = entry else { return false };
    let pruned = entry.versions.len() >= KEPT_VERSIONS
        && entry
            .versions
            .first()
            .is_some_and(|oldest| at <= oldest.created_at);
    pruned || entry.version(version).is_some()
}
