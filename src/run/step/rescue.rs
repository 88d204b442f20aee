//! The second place for an answer that the journal could not take: a sealed file beside the vault, at last standard error.
//!
//! Whoever knows the vault's recipients can seal a file, so what is found there counts only with a tag that needs the
//! vault's own key.

use crate::run::answer::Answer;
use crate::run::engine::{Engine, StepError};
use crate::run::functions::hex;
use crate::run::identity::StepId;
use crate::run::journal::StepEvent;
use std::io;
use std::path::PathBuf;

/// Largest file that is read: the largest body, encoded and sealed.
const MAX_FILE: u64 = 64 << 20;

impl Engine<'_> {
    /// Puts an answer where the journal is not.
    pub(in crate::run) fn rescue(&self, id: &StepId, payload: &[u8]) {
        let path = self.second_place(id);
        let vault = self.vault.borrow();
        let mut text = zeroize::Zeroizing::new(
            format!("{}\n", hex(self.rescue_tag(id, payload).as_ref())).into_bytes(),
        );
        text.reserve_exact(payload.len());
        text.extend_from_slice(payload);
        let Ok(sealed) = vault.seal(&text) else {
            return;
        };
        let stored = || -> io::Result<()> {
            let mut file = self.world.fs.create(&path, 0o600)?;
            file.write(&sealed)?;
            file.sync()?;
            match path.parent() {
                Some(dir) => self.world.fs.sync_dir(dir),
                None => Ok(()),
            }
        };
        match stored() {
            Ok(()) => {
                self.note(format!(
                    "the answer of `{id}` could not be journaled; it is sealed in {}, and a resumed run takes it from there",
                    path.display()
                ));
            }
            Err(error) => {
                let advice = format!(
                    "the answer of `{id}` could be stored nowhere ({}): this is it, encrypted to the vault's recipients. Keep it; `age --decrypt -i IDENTITY` opens it, and `rot vault set` stores the credential",
                    crate::diagnostic::why(&error)
                );
                self.observer.rescue(&crate::vault::armor(&sealed), &advice);
            }
        }
    }

    /// The answer of a step that an earlier process could put in the second place only. It is journaled now.
    pub(in crate::run) fn rescued(&self, id: &StepId) -> Result<Option<Answer>, StepError> {
        let path = self.second_place(id);
        let Ok(sealed) = self.world.fs.read(&path, MAX_FILE) else {
            return Ok(None);
        };
        // One that does not open was cut short when it was written, or is not ours.
        let Ok(text) = self.vault.borrow().unseal(&sealed) else {
            return Ok(None);
        };
        let Some(split) = text.iter().position(|b| *b == b'\n') else {
            return Ok(None);
        };
        let (tag, payload) = (
            text.get(..split).unwrap_or_default(),
            text.get(split + 1..).unwrap_or_default(),
        );
        let known = crate::vault::Secret::from_text(&hex(self.rescue_tag(id, payload).as_ref()));
        if !known.same_as(&crate::vault::Secret::new(tag.to_vec())) {
            return Ok(None);
        }
        let Some(answer) = Answer::decode(payload) else {
            return Ok(None);
        };
        let event = StepEvent::Answer {
            status: answer.status,
            length: answer.body.len() as u64,
            effect: true,
        };
        self.record_step(id, event, Some(payload), true)?;
        // Left behind, it is not looked at again: the step has its answer.
        let _ = self.world.fs.remove(&path);
        self.note(format!(
            "the answer of `{id}` was taken from {}",
            path.display()
        ));
        Ok(Some(answer))
    }

    fn second_place(&self, id: &StepId) -> PathBuf {
        let run = self.journal.borrow().run_id().to_owned();
        let digest = ring::digest::digest(&ring::digest::SHA256, &id.bytes());
        let step = hex(digest.as_ref().get(..4).unwrap_or_default());
        self.vault
            .borrow()
            .path()
            .with_file_name(format!(".rot-rescue-{run}-{step}.age"))
    }

    fn rescue_tag(&self, id: &StepId, payload: &[u8]) -> ring::hmac::Tag {
        let run = self.journal.borrow().run_id().to_owned();
        let digest = id.digest(&run, "rescue");
        let label = format!("rot rescue v2 {}", hex(digest.as_ref()));
        let key = self.journal.borrow().derive(&self.vault.borrow(), &label);
        ring::hmac::sign(
            &ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key),
            payload,
        )
    }
}
