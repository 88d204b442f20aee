//! How labels move. A version's value never changes; each call may be repeated after a crash and then changes nothing.

use super::document::{
    ACCEPTED, Document, Facts, MAX_VALUE, NewUnkept, NewVersion, REMOVED, SecretEntry, State,
    StoredValue, Unrevoked, VersionEntry, Why,
};
use super::{Secret, history, name};
use crate::diagnostic::{Error, Failure, Printable, Result, codes, nearest};
use jiff::Timestamp;

impl Document {
    /// Stores a version under the label `pending`. The same version again is no change; a pending one that it displaces
    /// has failed. Fields of a record that it lacks keep their current value.
    ///
    /// # Errors
    /// ROT118 for a bad name, ROT812 for a bad value, ROT810 when the id stands for something else.
    pub fn stage(&mut self, name: &str, new: NewVersion) -> Result<()> {
        self.store(name, new, Whole::FieldByField)
    }

    /// Stores a version and makes it current: a record has exactly the fields that are given, and a single value may become a
    /// record or the other way round.
    ///
    /// # Errors
    /// As [`Document::stage`] and [`Document::promote`].
    pub fn put_whole(&mut self, name: &str, new: NewVersion) -> Result<()> {
        let id = new.id.clone();
        self.store(name, new, Whole::AsGiven)?;
        self.promote(name, &id)
    }

    /// Stores the current record without one of its fields, as the new version `new.id`; its value is ignored.
    ///
    /// # Errors
    /// ROT811 without such a secret or field; ROT812 when it is no record, or has no other field.
    pub fn drop_field(&mut self, name: &str, field: &str, new: NewVersion) -> Result<()> {
        let entry = self.entry(name)?;
        let parts = match entry.current_version().and_then(|v| v.value.as_ref()) {
            Some(StoredValue::Fields(parts)) => parts.clone(),
            _ => {
                return Err(bad_value(format!(
                    "secret `{name}` has no current record to take a field from"
                )));
            }
        };
        let left: Vec<(String, Secret)> =
            parts.iter().filter(|(n, _)| n != field).cloned().collect();
        if left.len() == parts.len() {
            return Err(Error::plain(
                Failure::Usage,
                codes::VAULT_NO_SUCH_SECRET,
                format!("secret `{name}` has no field `{}`", field.printable()),
            )
            .help(format!("its fields are {}", entry.fields.join(", "))));
        }
        if left.is_empty() {
            return Err(
                bad_value(format!("`{field}` is the only field of secret `{name}`"))
                    .help(format!("`rot vault remove {name}` forgets the secret")),
            );
        }
        let value = StoredValue::Fields(left);
        self.put_whole(name, NewVersion { value, ..new })
    }

    fn store(&mut self, name: &str, new: NewVersion, whole: Whole) -> Result<()> {
        if !name::is_secret_name(name) {
            return Err(bad_name(name));
        }
        check_value(name, &new.value)?;
        let entry = self.secrets.entry(name.to_owned()).or_default();
        if let Some(there) = entry.version(&new.id) {
            return if is_same(there, &new) {
                Ok(())
            } else {
                Err(reused(name, &new.id))
            };
        }
        let value = match whole {
            Whole::FieldByField => complete(name, entry, new.value)?,
            Whole::AsGiven => same_kind(name, entry, new.value)?,
        };
        let new = NewVersion { value, ..new };
        know_fields(entry, &new.value);
        // The same value again is as well known as it was.
        let mut exposed_to: Vec<String> = Vec::new();
        for old in entry.versions.iter().filter(|v| !v.exposed_to.is_empty()) {
            if old
                .value
                .as_ref()
                .is_some_and(|old| old.same_as(&new.value))
            {
                exposed_to.extend(old.exposed_to.iter().cloned());
            }
        }
        exposed_to.sort();
        exposed_to.dedup();
        if let Some(displaced) = entry.pending.take()
            && let Some(version) = entry.version_mut(&displaced)
        {
            version.state = State::Failed;
            version.remark(&format!("displaced by {}", new.id));
        }
        entry.pending = Some(new.id.clone());
        entry.versions.push(new.entry(State::Pending, exposed_to));
        let removed = self.removed.remove(name);
        let Some(entry) = self.secrets.get_mut(name) else {
            return Ok(());
        };
        if let Some(at) = removed {
            entry.ext.insert(REMOVED.to_owned(), at.to_string().into());
        }
        history::prune(entry);
        Ok(())
    }

    /// Makes the pending version `id` the current one.
    ///
    /// # Errors
    /// ROT811 without such a secret, ROT810 when `id` is not pending.
    pub fn promote(&mut self, name: &str, id: &str) -> Result<()> {
        let entry = self.entry_mut(name)?;
        if entry.current.as_deref() == Some(id) {
            return Ok(());
        }
        if entry.pending.as_deref() != Some(id) {
            let state = entry.version(id).map_or("unknown", |v| v.state.as_str());
            return Err(conflict(format!(
                "version `{id}` of secret `{name}` is not pending but {state}"
            ))
            .note("another writer has changed the secret since"));
        }
        if let Some(old) = entry.previous.take() {
            entry.move_state(&old, State::Previous, State::Retired);
        }
        entry.previous = entry.current.take();
        if let Some(old) = entry.previous.clone() {
            entry.move_state(&old, State::Current, State::Previous);
        }
        entry.pending = None;
        entry.current = Some(id.to_owned());
        entry.move_state(id, State::Pending, State::Current);
        history::prune(entry);
        Ok(())
    }

    /// [`Document::stage`] and [`Document::promote`] in one.
    ///
    /// # Errors
    /// As both.
    pub fn put_current(&mut self, name: &str, new: NewVersion) -> Result<()> {
        let id = new.id.clone();
        self.stage(name, new)?;
        self.promote(name, &id)
    }

    /// Makes sure that nobody has changed the current version since it was read.
    ///
    /// # Errors
    /// ROT810 when another version is current.
    pub fn expect_current(&self, name: &str, id: Option<&str>) -> Result<()> {
        let current = self.get(name).and_then(|entry| entry.current.as_deref());
        if current == id {
            return Ok(());
        }
        let show = |id: Option<&str>| id.map_or_else(|| "none".to_owned(), |id| format!("`{id}`"));
        Err(conflict(format!(
            "secret `{name}` was changed meanwhile: its current version is {}, expected {}",
            show(current),
            show(id)
        )))
    }

    /// Notes that a version was made invalid at its issuer.
    ///
    /// # Errors
    /// ROT811 without such a secret or version.
    pub fn mark_revoked(&mut self, name: &str, id: &str, at: Timestamp) -> Result<()> {
        let version = self.version_mut(name, id)?;
        if version.state != State::Revoked {
            version.state = State::Revoked;
            version.remark(&format!("revoked at {at}"));
        }
        version.unrevoked = None;
        let entry = self.entry_mut(name)?;
        if entry.pending.as_deref() == Some(id) {
            entry.pending = None;
        }
        Ok(())
    }

    /// Notes that a pending version will never be used.
    ///
    /// # Errors
    /// ROT811 without such a secret or version, ROT810 when it is or was in use.
    pub fn mark_failed(&mut self, name: &str, id: &str) -> Result<()> {
        let version = self.version_mut(name, id)?;
        match version.state {
            State::Failed | State::Revoked => return Ok(()),
            State::Pending => version.state = State::Failed,
            State::Current | State::Previous | State::Retired => {
                return Err(conflict(format!(
                    "version `{id}` of secret `{name}` has been in use and cannot be marked as failed"
                )));
            }
        }
        let entry = self.entry_mut(name)?;
        if entry.pending.as_deref() == Some(id) {
            entry.pending = None;
        }
        Ok(())
    }

    /// Restores an earlier value as the new version `new_id`: that of version `to`, or of the previous one. Answers with the
    /// id of the version whose value it took.
    ///
    /// # Errors
    /// ROT811 without such a secret or version; ROT817 when its value is gone, or when it is revoked or expired and `force` is not set.
    pub fn rollback(
        &mut self,
        name: &str,
        to: Option<&str>,
        force: bool,
        new_id: &str,
        now: Timestamp,
    ) -> Result<String> {
        let entry = self.entry(name)?;
        let source = match to {
            Some(id) => entry.version(id).ok_or_else(|| no_version(name, id))?,
            None => entry.previous_version().ok_or_else(|| {
                refused(format!("secret `{name}` has no previous version"))
                    .help(format!("`rot vault history {name}` lists what there is"))
            })?,
        };
        let source_id = source.id.clone();
        if entry.current.as_deref() == Some(source_id.as_str()) {
            return Err(refused(format!(
                "version `{source_id}` of secret `{name}` is the current one already"
            )));
        }
        let Some(value) = source.value.clone() else {
            return Err(refused(format!(
                "the value of version `{source_id}` of secret `{name}` was pruned"
            )));
        };
        let dead = match source.state {
            State::Revoked => Some("was revoked"),
            _ if source.is_expired(now) => Some("has expired"),
            _ => None,
        };
        if let (Some(why), false) = (dead, force) {
            return Err(refused(format!("version `{source_id}` of secret `{name}` {why}"))
                .note("its issuer would not take it any more, and readers would get a dead credential")
                .help("`--force` restores it all the same; a new rotation is mostly what you want"));
        }
        let (expires_at, rotation) = (source.expires_at, source.rotation.clone());
        let id = new_id.to_owned();
        // As it was: fields that came later are not part of what worked then.
        self.put_whole(
            name,
            NewVersion {
                id,
                value,
                expires_at,
                run: None,
                rotation,
                created_at: now,
            },
        )?;
        self.version_mut(name, new_id)?.note = Some(format!("restored from {source_id}"));
        Ok(source_id)
    }

    /// Forgets a secret with all its versions.
    ///
    /// # Errors
    /// ROT811 without such a secret.
    pub fn remove(&mut self, name: &str, at: Timestamp) -> Result<()> {
        self.entry(name)?;
        self.secrets.remove(name);
        self.removed.insert(name.to_owned(), at);
        Ok(())
    }

    /// Keeps a version that never comes into use: as one that failed. One that is there already is not stored again, and one
    /// that is or was in use is left alone.
    ///
    /// # Errors
    /// ROT118 for a bad name, ROT812 for a bad value.
    pub fn keep_unused(&mut self, name: &str, new: NewVersion) -> Result<()> {
        if !name::is_secret_name(name) {
            return Err(bad_name(name));
        }
        check_value(name, &new.value)?;
        let entry = self.secrets.entry(name.to_owned()).or_default();
        if let Some(state) = entry.version(&new.id).map(|version| version.state) {
            return match state {
                State::Pending => self.mark_failed(name, &new.id),
                State::Current
                | State::Previous
                | State::Retired
                | State::Failed
                | State::Revoked => Ok(()),
            };
        }
        let value = same_kind(name, entry, new.value)?;
        let new = NewVersion { value, ..new };
        know_fields(entry, &new.value);
        entry.versions.push(new.entry(State::Failed, Vec::new()));
        Ok(())
    }

    /// Notes that a version is not in use and, as far as is known, still works at its issuer. One that is in use is left alone.
    ///
    /// # Errors
    /// ROT811 without such a secret or version.
    pub fn mark_unrevoked(
        &mut self,
        name: &str,
        id: &str,
        since: Timestamp,
        why: Why,
    ) -> Result<()> {
        let entry = self.entry_mut(name)?;
        if entry.current.as_deref() == Some(id) || entry.pending.as_deref() == Some(id) {
            return Ok(());
        }
        let version = self.version_mut(name, id)?;
        if version.state != State::Revoked && version.unrevoked.is_none() {
            version.unrevoked = Some(Unrevoked { since, why });
        }
        Ok(())
    }

    /// Puts a version on the list of those that are not revoked although its value is not here: a run obtained it, and lost it in
    /// a merge or was given up. One that is known is left alone.
    ///
    /// # Errors
    /// ROT118 for a bad name.
    pub fn note_unkept(
        &mut self,
        name: &str,
        version: NewUnkept<'_>,
        since: Timestamp,
        why: Why,
    ) -> Result<()> {
        if !name::is_secret_name(name) {
            return Err(bad_name(name));
        }
        let entry = self.secrets.entry(name.to_owned()).or_default();
        if entry.version(version.id).is_some() {
            return Ok(());
        }
        let later = |v: &VersionEntry| v.created_at > version.created_at;
        let at = entry.versions.iter().position(later);
        let at = at.unwrap_or(entry.versions.len());
        let unkept = VersionEntry {
            id: version.id.to_owned(),
            created_at: version.created_at,
            value: None,
            expires_at: None,
            run: Some(version.run.to_owned()),
            rotation: Some(version.rotation.to_owned()),
            state: State::Failed,
            note: None,
            unrevoked: Some(Unrevoked { since, why }),
            exposed_to: Vec::new(),
            ext: Facts::new(),
        };
        entry.versions.insert(at, unkept);
        Ok(())
    }

    /// Notes that a person knows of a version that was not revoked, and lives with it.
    ///
    /// # Errors
    /// ROT811 without such a secret or version.
    pub fn accept_unrevoked(&mut self, name: &str, id: &str, at: Timestamp) -> Result<()> {
        let version = self.version_mut(name, id)?;
        version.unrevoked = None;
        if !version.is_accepted() {
            version.remark(&format!("accepted as not revoked at {at}"));
            let at = serde_json::Value::String(at.to_string());
            version.ext.insert(ACCEPTED.to_owned(), at);
        }
        Ok(())
    }

    /// A secret that must be there.
    ///
    /// # Errors
    /// ROT811 otherwise, with the nearest name.
    pub fn entry(&self, name: &str) -> Result<&SecretEntry> {
        self.get(name).ok_or_else(|| {
            let error = Error::plain(
                Failure::Usage,
                codes::VAULT_NO_SUCH_SECRET,
                format!("the vault has no secret `{}`", name.printable()),
            );
            match nearest(name, self.names()) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => {
                    error.help("`rot vault list` shows the names; `rot vault set NAME` stores one")
                }
            }
        })
    }

    fn entry_mut(&mut self, name: &str) -> Result<&mut SecretEntry> {
        self.entry(name)?;
        self.secrets
            .get_mut(name)
            .ok_or_else(|| no_version(name, ""))
    }

    fn version_mut(&mut self, name: &str, id: &str) -> Result<&mut VersionEntry> {
        self.entry_mut(name)?
            .version_mut(id)
            .ok_or_else(|| no_version(name, id))
    }
}

/// How a record that is stored stands to the one before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    /// Fields that are not given keep their value.
    FieldByField,
    /// It has the fields that are given, and no others.
    AsGiven,
}

impl SecretEntry {
    /// States that say more (revoked, failed) stay.
    fn move_state(&mut self, id: &str, from: State, to: State) {
        if let Some(version) = self.version_mut(id)
            && version.state == from
        {
            version.state = to;
        }
    }
}

/// Whether storing `new` again would store what is there. A record is compared in the fields that were given.
fn is_same(there: &VersionEntry, new: &NewVersion) -> bool {
    let facts = there.expires_at == new.expires_at
        && there.run == new.run
        && there.rotation == new.rotation;
    let value = match (&there.value, &new.value) {
        // Pruned: it is known to have been stored, which is what a repetition asks for.
        (None, _) => true,
        (Some(StoredValue::Fields(_)), StoredValue::Fields(given)) => {
            let old = |field: &str| there.value.as_ref().and_then(|v| v.part(Some(field)));
            given
                .iter()
                .all(|(field, value)| old(field).is_some_and(|o| o.same_as(value)))
        }
        (Some(old), new) => old.same_as(new),
    };
    facts && value
}

/// A field that is new joins those that the secret has, in the order in which they are stored.
fn know_fields(entry: &mut SecretEntry, value: &StoredValue) {
    for (field, _) in value.parts() {
        if let Some(field) = field.filter(|f| !entry.fields.iter().any(|known| known == f)) {
            entry.fields.push(field.to_owned());
        }
    }
}

/// Refuses a single value for a record, and fields for a single value.
fn same_kind(name: &str, entry: &SecretEntry, value: StoredValue) -> Result<StoredValue> {
    let is_record = !entry.fields.is_empty();
    match &value {
        StoredValue::Single(_) if is_record => Err(bad_value(format!(
            "secret `{name}` is a record, and a single value was given"
        ))
        .help(format!(
            "name one of its fields: {}",
            entry.fields.join(", ")
        ))),
        // A version without a value says nothing: a run obtained it and was given up.
        StoredValue::Fields(_)
            if !is_record && entry.versions.iter().any(|v| v.value.is_some()) =>
        {
            Err(bad_value(format!(
                "secret `{name}` is a single value, and fields were given"
            ))
            .help("leave the field away, or remove the secret first to make it a record"))
        }
        StoredValue::Single(_) | StoredValue::Fields(_) => Ok(value),
    }
}

/// Fills in the fields that a record has and the new value lacks.
fn complete(name: &str, entry: &SecretEntry, value: StoredValue) -> Result<StoredValue> {
    let mut parts = match same_kind(name, entry, value)? {
        StoredValue::Single(value) => return Ok(StoredValue::Single(value)),
        StoredValue::Fields(parts) => parts,
    };
    let old: Vec<(String, Secret)> = match entry.current_version().and_then(|v| v.value.as_ref()) {
        Some(StoredValue::Fields(old)) => old.clone(),
        _ => Vec::new(),
    };
    for (field, value) in old {
        if !parts.iter().any(|(n, _)| *n == field) {
            parts.push((field, value));
        }
    }
    let rank = |field: &str| {
        entry
            .fields
            .iter()
            .position(|f| f == field)
            .unwrap_or(usize::MAX)
    };
    parts.sort_by_key(|(field, _)| rank(field));
    Ok(StoredValue::Fields(parts))
}

fn check_value(name: &str, value: &StoredValue) -> Result<()> {
    if let StoredValue::Fields(parts) = value {
        if parts.is_empty() {
            return Err(bad_value(format!(
                "a record without fields was given for secret `{name}`"
            )));
        }
        for (index, (field, _)) in parts.iter().enumerate() {
            if !name::is_field_name(field) {
                return Err(bad_value(format!(
                    "`{}` cannot name a field of secret `{name}`",
                    field.printable()
                ))
                .help("letters, digits, `_` and `-`; no dots and no `/`"));
            }
            if parts.iter().take(index).any(|(n, _)| n == field) {
                return Err(bad_value(format!(
                    "field `{field}` of secret `{name}` is given twice"
                )));
            }
        }
    }
    if let Some((_, value)) = value.parts().into_iter().find(|(_, v)| v.len() > MAX_VALUE) {
        let len = value.len();
        return Err(bad_value(format!(
            "the value for secret `{name}` has {len} bytes; the most is {MAX_VALUE}"
        )));
    }
    Ok(())
}

fn bad_name(name: &str) -> Error {
    Error::plain(
        Failure::Usage,
        codes::BAD_NAME,
        format!("`{}` cannot name a secret", name.printable()),
    )
    .help("letters, digits, `_` and `-`, in segments joined by `/`; no dots")
}

fn bad_value(message: String) -> Error {
    Error::plain(Failure::Usage, codes::VAULT_BAD_VALUE, message)
}

fn conflict(message: String) -> Error {
    Error::plain(Failure::BeforeEffect, codes::VAULT_CONFLICT, message)
        .help("look at `rot vault history NAME`, then run it again")
}

fn reused(name: &str, id: &str) -> Error {
    conflict(format!(
        "version `{id}` of secret `{name}` is there already, with other content"
    ))
}

fn refused(message: String) -> Error {
    Error::plain(Failure::Usage, codes::VAULT_ROLLBACK_REFUSED, message)
}

fn no_version(name: &str, id: &str) -> Error {
    Error::plain(
        Failure::Usage,
        codes::VAULT_NO_SUCH_SECRET,
        format!("secret `{name}` has no version `{}`", id.printable()),
    )
    .help(format!("`rot vault history {name}` lists its versions"))
}
