//! What must hold in every document, whoever wrote it: looked at by `rot vault verify`.

use super::document::{Document, SecretEntry, State, StoredValue};
use super::recipient;

impl Document {
    /// What does not hang together, in words; empty when all does. Names only, never values.
    pub fn inconsistencies(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.recipients.is_empty() {
            found.push("it has no recipient".to_owned());
        }
        for (index, text) in self.recipients.iter().enumerate() {
            if recipient::parse(text).is_err() {
                found.push(format!("recipient {} cannot be used", index + 1));
            }
        }
        if (self.generation == 1) != self.prev.is_none() {
            found.push("the first generation alone has no file before it".to_owned());
        }
        for (name, entry) in self.secrets() {
            found.extend(
                of_entry(entry)
                    .into_iter()
                    .map(|what| format!("secret `{name}`: {what}")),
            );
        }
        found
    }
}

fn of_entry(entry: &SecretEntry) -> Vec<String> {
    let mut found = Vec::new();
    let labels = [
        ("current", &entry.current),
        ("previous", &entry.previous),
        ("pending", &entry.pending),
    ];
    for (index, (label, id)) in labels.iter().enumerate() {
        let Some(id) = id else { continue };
        if labels
            .iter()
            .take(index)
            .any(|(_, other)| other.as_ref() == Some(id))
        {
            found.push("two labels are on one version".to_owned());
        }
        match entry.version(id) {
            None => found.push(format!("its {label} version is not there")),
            Some(version) if version.value.is_none() => {
                found.push(format!("its {label} version has no value"))
            }
            Some(version)
                if version.state != State::Revoked && version.state.as_str() != *label =>
            {
                found.push(format!(
                    "its {label} version says that it is {}",
                    version.state.as_str()
                ));
            }
            Some(_) => {}
        }
    }
    for version in &entry.versions {
        let labelled = labels
            .iter()
            .any(|(_, id)| id.as_deref() == Some(&version.id));
        if !labelled
            && matches!(
                version.state,
                State::Current | State::Previous | State::Pending
            )
        {
            found.push(format!(
                "a version says that it is {}, and has no such label",
                version.state.as_str()
            ));
        }
        let fits = match &version.value {
            None => true,
            Some(StoredValue::Single(_)) => entry.fields.is_empty(),
            Some(StoredValue::Fields(parts)) => {
                parts.iter().all(|(field, _)| entry.fields.contains(field))
            }
        };
        if !fits {
            found.push("a version does not have the fields of the record".to_owned());
        }
    }
    found
}
