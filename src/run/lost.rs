//! What a run of this machine has stored and the vault does not have: it went when two copies of the vault were brought together
//! without being joined. Only the journal knows of it, and the credential may be live.

use super::journal::event::{Event, StepEvent, Stored};
use super::open;
use crate::diagnostic::Result;
use crate::vault::history::KEPT_VERSIONS;
use crate::vault::{SecretEntry, Vault};
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
    let mut found: Vec<LostVersion> = Vec::new();
    for journal in &ended {
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
                .removed_at(secret)
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
    Ok(found)
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
