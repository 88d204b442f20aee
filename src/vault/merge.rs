//! Two copies of a vault that went on apart, joined: a pure function of three documents, the same in either order.
//!
//! What must hold: no credential that may be live is lost without a word, nothing of somebody who was removed is taken, and what
//! was removed on one side stays removed. Where both sides changed one secret, the newer version is current and the other one
//! stands on the list of versions that are not revoked.

use super::ancestry::Ancestry;
use super::document::{
    Document, Facts, SecretEntry, State, StoredValue, Unrevoked, VersionEntry, Why,
};
use super::{claim, history, pin, recipient, replace, wire};
use crate::diagnostic::{Error, Failure, Printable, Result, codes};
use jiff::Timestamp;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use zeroize::Zeroizing;

/// How deep the facts beside the secrets are joined member by member: kind, name, fact.
const DEPTH: usize = 3;

/// One of the copies.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// What it holds.
    pub doc: &'a Document,
    /// `sha256:…` of its file.
    pub file: &'a str,
}

/// How two copies are joined.
pub struct Rules<'a> {
    /// Join them although a recipient was removed in one of them, and the other was still written with the key from before.
    pub across_removal: bool,
    /// A new continuity key, for two copies that both have one.
    pub fresh: &'a [u8; 32],
    /// Now.
    pub now: Timestamp,
}

/// What came of it.
pub enum Merged {
    /// The first continues the second already.
    First,
    /// The second continues the first already.
    Second,
    /// A document that continues both, and what there is to tell.
    New(Box<Document>, Vec<String>),
}

/// Joins two copies. `base` is a copy that both descend from; without it, what was removed cannot be told from what was added,
/// and is kept.
///
/// # Errors
/// ROT829 for copies of different vaults or environments, or of which one is from before a removal.
pub fn merge(
    base: Option<&Document>,
    first: Side<'_>,
    second: Side<'_>,
    rules: &Rules<'_>,
) -> Result<Merged> {
    let (a, b) = (first.doc, second.doc);
    if a.vault_id != b.vault_id {
        return Err(refused("they are copies of two different vaults")
            .note(format!("vaults: {} and {}", a.vault_id, b.vault_id))
            .help("`rot vault import` carries values from one vault to another"));
    }
    let base = base.filter(|base| base.vault_id == a.vault_id);
    let a_knows_b = a.continuity == b.continuity || a.former.contains(&b.continuity);
    let b_knows_a = a.continuity == b.continuity || b.former.contains(&a.continuity);
    if first.file == second.file || (a_knows_b && pin::lineage(a).holds(second.file)) {
        return Ok(Merged::First);
    }
    if b_knows_a && pin::lineage(b).holds(first.file) {
        return Ok(Merged::Second);
    }
    if a.continuity != b.continuity && !rules.across_removal {
        return Err(if a_knows_b || b_knows_a {
            refused("a recipient was removed in one of the two copies, and the other one was written with the key from before")
                .note("whoever was removed can still write such a file, so its values are not taken unseen")
                .help("keep the copy in which the recipient was removed; when you know who wrote the other one, `rot vault merge OTHER --across-removal` joins them, and the recipient stays removed")
        } else if recently_joined(a, b) {
            refused("a recipient was removed in each of the two copies")
                .note("each was written with a key that the other does not know")
                .help("when you know who wrote them, `rot vault merge OTHER --across-removal` joins them, and both recipients stay removed")
        } else {
            refused("neither copy was written by somebody who could open the other")
                .note("anyone who knows the vault's recipients can write such a file")
        });
    }
    let mut merge = Merge {
        base,
        a,
        b,
        now: rules.now,
        told: BTreeSet::new(),
    };
    let mut doc = merge.document(first, second, rules)?;
    merge.recipients(&mut doc)?;
    merge.secrets(&mut doc);
    Ok(Merged::New(Box::new(doc), merge.told.into_iter().collect()))
}

/// Both made a new key since a time when they had the same.
fn recently_joined(a: &Document, b: &Document) -> bool {
    a.former.iter().any(|key| b.former.contains(key))
}

impl Document {
    /// Whether both say the same, in whatever order they list facts.
    pub fn says_the_same_as(&self, other: &Document) -> bool {
        let read = |doc: &Document| -> Option<Json> {
            serde_json::from_slice(&wire::encode(doc).ok()?).ok()
        };
        let own = read(self);
        own.is_some() && own == read(other)
    }
}

struct Merge<'a> {
    base: Option<&'a Document>,
    a: &'a Document,
    b: &'a Document,
    now: Timestamp,
    /// A set, so that the order of the two sides does not matter.
    told: BTreeSet<String>,
}

impl Merge<'_> {
    /// All but recipients and secrets.
    fn document(
        &mut self,
        first: Side<'_>,
        second: Side<'_>,
        rules: &Rules<'_>,
    ) -> Result<Document> {
        let (a, b, base) = (self.a, self.b, self.base);
        let environment = match three(
            base.map(|d| &d.environment),
            Some(&a.environment),
            Some(&b.environment),
        ) {
            Three::One(environment) => environment.cloned().flatten(),
            Three::Both(..) | Three::Gone(_) => {
                return Err(refused("they belong to two different environments"));
            }
        };
        let mut ancestry = Ancestry::default();
        for side in [first, second] {
            ancestry.join(&pin::lineage(side.doc));
            ancestry.add(side.doc.generation, side.file);
        }
        let newest = std::cmp::max((a.generation, first.file), (b.generation, second.file));
        let (continuity, former) = self.continuity(rules);
        let meta = json3(
            base.map(|d| Json::Object(d.meta.clone())).as_ref(),
            Some(&Json::Object(a.meta.clone())),
            Some(&Json::Object(b.meta.clone())),
            DEPTH,
        );
        let mut meta = match meta {
            Some(Json::Object(meta)) => meta,
            _ => Facts::new(),
        };
        claim::merge(&mut meta, base.map(|d| &d.meta), &a.meta, &b.meta, self.now);
        Ok(Document {
            vault_id: a.vault_id.clone(),
            environment,
            generation: newest.0.saturating_add(1),
            prev: Some(newest.1.to_owned()),
            ancestry,
            continuity,
            former,
            recipients: Vec::new(),
            names: BTreeMap::new(),
            secrets: BTreeMap::new(),
            removed: BTreeMap::new(),
            meta,
        })
    }

    /// The newer key; a new one when each side has one that the other does not know.
    fn continuity(&self, rules: &Rules<'_>) -> (Zeroizing<Vec<u8>>, Vec<Zeroizing<Vec<u8>>>) {
        let (a, b) = (self.a, self.b);
        let (key, mut former) = if a.continuity == b.continuity {
            let (long, short) = if a.former.len() >= b.former.len() {
                (a, b)
            } else {
                (b, a)
            };
            (
                a.continuity.clone(),
                [&long.former[..], &short.former[..]].concat(),
            )
        } else if a.former.contains(&b.continuity) {
            (
                a.continuity.clone(),
                [&a.former[..], &b.former[..]].concat(),
            )
        } else if b.former.contains(&a.continuity) {
            (
                b.continuity.clone(),
                [&b.former[..], &a.former[..]].concat(),
            )
        } else {
            let mut sides = [a, b];
            sides.sort_by(|x, y| x.continuity.cmp(&y.continuity));
            let keys = sides.iter().map(|side| side.continuity.clone());
            let olds = sides.iter().flat_map(|side| side.former.iter().cloned());
            (
                Zeroizing::new(rules.fresh.to_vec()),
                keys.chain(olds).collect(),
            )
        };
        let mut seen: Vec<Zeroizing<Vec<u8>>> = vec![key.clone()];
        former.retain(|old| {
            let new = !seen.contains(old);
            seen.push(old.clone());
            new
        });
        (key, former)
    }

    /// Removals win: who is missing on one side, and was there before, is no recipient any more.
    fn recipients(&mut self, doc: &mut Document) -> Result<()> {
        let has =
            |doc: &Document, text: &str| doc.recipients.iter().any(|r| recipient::same(r, text));
        let mut all: BTreeSet<&String> = self.a.recipients.iter().collect();
        all.extend(self.b.recipients.iter().filter(|r| !has(self.a, r)));
        for text in all {
            let (a, b) = (has(self.a, text), has(self.b, text));
            let keep = match self.base {
                Some(base) => (a && b) || !has(base, text),
                None => a && b,
            };
            if keep {
                doc.recipients.push(text.clone());
            } else {
                let known = self.a.name_of(text).or_else(|| self.b.name_of(text));
                let called = known.unwrap_or_else(|| recipient::short(text));
                self.told.insert(format!(
                    "recipient {} is in one of the copies only, and was left out",
                    called.printable()
                ));
            }
        }
        if doc.recipients.is_empty() {
            return Err(refused("no recipient would be left that both copies have"));
        }
        for text in doc.recipients.clone() {
            let key = recipient::key_of(&text);
            let name = |doc: &Document| doc.names.get(&key).cloned();
            let (a, b) = (name(self.a), name(self.b));
            let base = self.base.map(name);
            let chosen = match three(base.as_ref(), Some(&a), Some(&b)) {
                Three::One(name) => name.cloned().flatten(),
                Three::Both(a, b) => a.clone().max(b.clone()),
                Three::Gone(name) => name.clone(),
            };
            if let Some(name) = chosen {
                doc.names.insert(key, name);
            }
        }
        Ok(())
    }

    fn secrets(&mut self, doc: &mut Document) {
        let names: BTreeSet<&String> = self.a.secrets.keys().chain(self.b.secrets.keys()).collect();
        for name in names {
            let entry = self.secret(name);
            if let Some(mut entry) = entry {
                history::prune(&mut entry);
                doc.secrets.insert(name.clone(), entry);
            }
        }
        self.expose(doc);
        for (name, at) in self.a.removed.iter().chain(&self.b.removed) {
            let back = doc.secrets.get(name).is_some_and(|e| e.current.is_some());
            if !back {
                let known = doc.removed.entry(name.clone()).or_insert(*at);
                *known = (*known).max(*at);
            }
        }
    }

    fn secret(&mut self, name: &str) -> Option<SecretEntry> {
        let bytes = |entry: &SecretEntry| wire::entry_bytes(entry);
        let base = self.base.and_then(|d| d.secrets.get(name));
        let (a, b) = (self.a.secrets.get(name), self.b.secrets.get(name));
        let same = |x: Option<&SecretEntry>, y: Option<&SecretEntry>| x.map(bytes) == y.map(bytes);
        if same(a, b) {
            return a.cloned();
        }
        // Without a common copy, what only one side has was added there, or removed on the other one: `half` knows.
        if self.base.is_some() && same(b, base) {
            return a.cloned();
        }
        if self.base.is_some() && same(a, base) {
            return b.cloned();
        }
        match (a, b) {
            (Some(a), Some(b)) => Some(self.both(name, base, a, b)),
            (Some(kept), None) => self.half(name, base, kept, self.b),
            (None, Some(kept)) => self.half(name, base, kept, self.a),
            (None, None) => None,
        }
    }

    /// A secret that one side has removed, or never had, and the other one has changed.
    fn half(
        &mut self,
        name: &str,
        base: Option<&SecretEntry>,
        kept: &SecretEntry,
        other: &Document,
    ) -> Option<SecretEntry> {
        let removed_at = other.removed_at(name);
        if base.is_none() && removed_at.is_none() {
            return Some(kept.clone());
        }
        let is_new = |version: &VersionEntry| match (base, removed_at) {
            (Some(base), _) => base.version(&version.id).is_none(),
            (None, Some(at)) => version.created_at > at,
            (None, None) => true,
        };
        let mut entry = SecretEntry {
            fields: kept.fields.clone(),
            ext: kept.ext.clone(),
            ..SecretEntry::default()
        };
        for version in kept.versions.iter().filter(|v| is_new(v)) {
            let mut version = version.clone();
            settle(&mut version, None);
            if may_be_live(&version) {
                version.unrevoked.get_or_insert(Unrevoked {
                    since: self.now,
                    why: Why::Removed,
                });
            }
            entry.versions.push(version);
        }
        self.told.insert(if entry.versions.is_empty() {
            format!("`{name}` was removed in one copy and changed in the other: it stays removed")
        } else {
            format!(
                "`{name}` was removed in one copy and got {} in the other: it has no current version, and what it got is not revoked",
                count(entry.versions.len(), "new version")
            )
        });
        (!entry.versions.is_empty()).then_some(entry)
    }

    /// A secret that both sides have changed.
    fn both(
        &mut self,
        name: &str,
        base: Option<&SecretEntry>,
        a: &SecretEntry,
        b: &SecretEntry,
    ) -> SecretEntry {
        let (a, b) = apart(a, b);
        let mut versions: Vec<VersionEntry> = Vec::new();
        for version in a.versions.iter().chain(&b.versions) {
            if versions.iter().any(|v| v.id == version.id) {
                continue;
            }
            let (in_a, in_b) = (a.version(&version.id), b.version(&version.id));
            let known = base.and_then(|e| e.version(&version.id));
            versions.push(match (in_a, in_b) {
                (Some(x), Some(y)) => one_version(known, x, y),
                _ => version.clone(),
            });
        }
        versions.sort_by(|x, y| (x.created_at, &x.id).cmp(&(y.created_at, &y.id)));
        let dead = |id: &String| {
            let version = versions.iter().find(|v| v.id == *id);
            version.is_none_or(|v| matches!(v.state, State::Revoked | State::Failed))
        };
        let newer = |x: Option<&String>, y: Option<&String>| -> Option<String> {
            let rank = |id: &&String| {
                let made = versions.iter().find(|v| v.id == **id).map(|v| v.created_at);
                (!dead(id), made, (*id).clone())
            };
            [x, y].into_iter().flatten().max_by_key(rank).cloned()
        };
        let label = |of: fn(&SecretEntry) -> &Option<String>| match three(
            base.map(of),
            Some(of(&a)),
            Some(of(&b)),
        ) {
            Three::One(id) => id.cloned().flatten(),
            Three::Both(x, y) => newer(x.as_ref(), y.as_ref()),
            Three::Gone(id) => id.clone(),
        };
        let current = label(|e| &e.current);
        let winner = [&a, &b].into_iter().find(|e| e.current == current);
        let is_free = |id: &String, taken: &[&Option<String>]| {
            taken.iter().all(|label| label.as_ref() != Some(id))
                && versions.iter().any(|v| v.id == *id && v.value.is_some())
        };
        let previous = match (winner, a.current == b.current) {
            (Some(winner), false) => winner.previous.clone(),
            _ => label(|e| &e.previous),
        }
        .filter(|id| is_free(id, &[&current]));
        let pending = label(|e| &e.pending)
            .filter(|id| is_free(id, &[&current, &previous]))
            .filter(|id| !dead(id));
        let mut fields: Vec<String> = Vec::new();
        let second = if winner.is_some_and(|w| w.current == a.current) {
            [&a, &b]
        } else {
            [&b, &a]
        };
        let tied = a.current == b.current;
        for entry in second {
            for field in entry.fields.iter().filter(|_| !tied) {
                if !fields.contains(field) {
                    fields.push(field.clone());
                }
            }
        }
        if tied {
            let of_base = base.map(|e| e.fields.clone()).unwrap_or_default();
            let all: BTreeSet<&String> = a.fields.iter().chain(&b.fields).collect();
            let new = all.into_iter().filter(|f| !of_base.contains(f)).cloned();
            fields = of_base.iter().cloned().chain(new).collect();
        }
        let mut left = 0;
        for version in &mut versions {
            let labelled = [
                (&current, State::Current),
                (&previous, State::Previous),
                (&pending, State::Pending),
            ];
            let label = labelled
                .into_iter()
                .find(|(id, _)| id.as_ref() == Some(&version.id))
                .map(|(_, state)| state);
            // In use on the side that got it, and on neither now.
            let was_live = [&a, &b].into_iter().any(|side| {
                side.version(&version.id).is_some_and(|v| {
                    matches!(v.state, State::Current | State::Previous | State::Pending)
                })
            });
            let new = base.is_none_or(|e| e.version(&version.id).is_none());
            let lost = label.is_none() && was_live && new;
            settle(version, label);
            if lost && may_be_live(version) {
                left += 1;
                version.unrevoked.get_or_insert(Unrevoked {
                    since: self.now,
                    why: Why::Merged,
                });
            }
            if matches!(label, Some(State::Current | State::Pending)) {
                version.unrevoked = None;
            }
        }
        if left > 0 {
            self.told.insert(format!(
                "`{name}` was changed in both copies: version {} is current, and {} not revoked (`rot vault history {name}`)",
                current.as_deref().unwrap_or("none"),
                if left == 1 { "another one is".to_owned() } else { format!("{left} others are") }
            ));
        }
        let ext = json3(
            base.map(|e| Json::Object(e.ext.clone())).as_ref(),
            Some(&Json::Object(a.ext.clone())),
            Some(&Json::Object(b.ext.clone())),
            DEPTH,
        );
        SecretEntry {
            fields,
            current,
            previous,
            pending,
            versions,
            ext: match ext {
                Some(Json::Object(ext)) => ext,
                _ => Facts::new(),
            },
        }
    }

    /// What a side stored that still had a recipient who is none any more, that recipient could read.
    fn expose(&self, doc: &mut Document) {
        for side in [self.a, self.b] {
            let gone: Vec<String> = side
                .recipients
                .iter()
                .filter(|r| !doc.recipients.iter().any(|kept| recipient::same(kept, r)))
                .map(|r| side.name_of(r).unwrap_or_else(|| recipient::short(r)))
                .collect();
            if gone.is_empty() {
                continue;
            }
            for (name, entry) in &mut doc.secrets {
                let known = side.secrets.get(name);
                for version in &mut entry.versions {
                    let theirs = known.is_some_and(|k| k.version(&version.id).is_some());
                    if theirs && version.value.is_some() {
                        version.expose_to(&gone);
                    }
                }
            }
        }
    }
}

/// What became of one thing on two sides.
enum Three<'x, T> {
    /// At most one side has changed it, or both did the same.
    One(Option<&'x T>),
    /// Both have changed it.
    Both(&'x T, &'x T),
    /// One side has changed it and the other one has removed it.
    Gone(&'x T),
}

fn three<'x, T: PartialEq>(
    base: Option<&'x T>,
    a: Option<&'x T>,
    b: Option<&'x T>,
) -> Three<'x, T> {
    if a == b || b == base {
        return Three::One(a);
    }
    if a == base {
        return Three::One(b);
    }
    match (a, b) {
        (Some(a), Some(b)) => Three::Both(a, b),
        (Some(kept), None) | (None, Some(kept)) => Three::Gone(kept),
        (None, None) => Three::One(None),
    }
}

/// The state that goes with a label; without one, a version is out of use.
fn settle(version: &mut VersionEntry, label: Option<State>) {
    version.state = match (label, version.state) {
        (_, State::Revoked) => State::Revoked,
        (Some(label), _) => label,
        (None, State::Pending) => State::Failed,
        (None, State::Current | State::Previous) => State::Retired,
        (None, state) => state,
    };
}

/// Not known to be dead.
fn may_be_live(version: &VersionEntry) -> bool {
    version.state != State::Revoked
}

/// One version as two sides know it.
fn one_version(base: Option<&VersionEntry>, a: &VersionEntry, b: &VersionEntry) -> VersionEntry {
    let rank = |state: State| match state {
        State::Pending => 0,
        State::Current => 1,
        State::Previous => 2,
        State::Retired => 3,
        State::Failed => 4,
        State::Revoked => 5,
    };
    let unrevoked = match (base.and_then(|v| v.unrevoked), a.unrevoked, b.unrevoked) {
        // Revoked or accepted on one side: it is off the list.
        (Some(_), x, y) => x.zip(y).map(|(x, y)| x.min(y)),
        (None, x, y) => [x, y].into_iter().flatten().min(),
    };
    let notes: BTreeSet<&str> = [&a.note, &b.note]
        .into_iter()
        .flatten()
        .flat_map(|note| note.split("; "))
        .collect();
    let notes: Vec<&str> = notes.into_iter().collect();
    let mut exposed_to = [&a.exposed_to[..], &b.exposed_to[..]].concat();
    exposed_to.sort();
    exposed_to.dedup();
    let ext = json3(
        base.map(|v| Json::Object(v.ext.clone())).as_ref(),
        Some(&Json::Object(a.ext.clone())),
        Some(&Json::Object(b.ext.clone())),
        DEPTH,
    );
    let state = if rank(a.state) >= rank(b.state) {
        a.state
    } else {
        b.state
    };
    VersionEntry {
        id: a.id.clone(),
        created_at: a.created_at.min(b.created_at),
        value: a.value.clone().or_else(|| b.value.clone()),
        expires_at: [a.expires_at, b.expires_at].into_iter().flatten().min(),
        run: a.run.clone().max(b.run.clone()),
        rotation: a.rotation.clone().max(b.rotation.clone()),
        state,
        note: (!notes.is_empty()).then(|| notes.join("; ")),
        unrevoked: unrevoked.filter(|_| state != State::Revoked),
        exposed_to,
        ext: match ext {
            Some(Json::Object(ext)) => ext,
            _ => Facts::new(),
        },
    }
}

/// Both entries, with an id of its own for each version that has one id and two values: hands and broken clocks make them.
fn apart(a: &SecretEntry, b: &SecretEntry) -> (SecretEntry, SecretEntry) {
    let (mut a, mut b) = (a.clone(), b.clone());
    let ids: Vec<String> = a.versions.iter().map(|v| v.id.clone()).collect();
    for id in ids {
        let (Some(x), Some(y)) = (a.version(&id), b.version(&id)) else {
            continue;
        };
        let (Some(v), Some(w)) = (&x.value, &y.value) else {
            continue;
        };
        if v.same_as(w) {
            continue;
        }
        let digest = |value: &StoredValue| {
            let mut all = Zeroizing::new(Vec::new());
            for (field, part) in value.parts() {
                all.extend_from_slice(field.unwrap_or_default().as_bytes());
                all.push(0);
                all.extend_from_slice(part.expose());
                all.push(0);
            }
            replace::sha256(&all)
        };
        let (dv, dw) = (digest(v), digest(w));
        let first = (x.created_at, &dv) < (y.created_at, &dw);
        let (older, tail) = if first { (&mut a, dv) } else { (&mut b, dw) };
        let new = format!("{id}-{}", tail.get(7..15).unwrap_or_default());
        for label in [&mut older.current, &mut older.previous, &mut older.pending] {
            if label.as_ref() == Some(&id) {
                *label = Some(new.clone());
            }
        }
        if let Some(version) = older.version_mut(&id) {
            version.id = new;
        }
    }
    (a, b)
}

/// Facts as JSON: member by member down to a depth, lists as sets, and where both sides have changed one value, the greater one,
/// which for times is the later.
fn json3(base: Option<&Json>, a: Option<&Json>, b: Option<&Json>, depth: usize) -> Option<Json> {
    if a == b || b == base {
        return a.cloned();
    }
    if a == base {
        return b.cloned();
    }
    let empty = Json::Object(Facts::new());
    let none = Json::Array(Vec::new());
    match (a, b) {
        (Some(Json::Object(a)), Some(Json::Object(b))) if depth > 0 => {
            let base = base.unwrap_or(&empty);
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let mut joined = Facts::new();
            for name in names {
                let one = json3(base.get(name), a.get(name), b.get(name), depth - 1);
                if let Some(one) = one {
                    joined.insert(name.clone(), one);
                }
            }
            Some(Json::Object(joined))
        }
        (Some(Json::Array(a)), Some(Json::Array(b))) => {
            let known = base
                .unwrap_or(&none)
                .as_array()
                .cloned()
                .unwrap_or_default();
            let all = a.iter().chain(b);
            let kept = all.filter(|x| (a.contains(x) && b.contains(x)) || !known.contains(x));
            let mut by_text: Vec<(String, &Json)> = kept.map(|x| (x.to_string(), x)).collect();
            by_text.sort_by(|x, y| x.0.cmp(&y.0));
            by_text.dedup_by(|x, y| x.1 == y.1);
            Some(Json::Array(
                by_text.into_iter().map(|(_, x)| x.clone()).collect(),
            ))
        }
        (Some(x), Some(y)) => [x, y].into_iter().max_by_key(|v| v.to_string()).cloned(),
        (Some(kept), None) | (None, Some(kept)) => Some(kept.clone()),
        (None, None) => None,
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn refused(why: &str) -> Error {
    Error::plain(
        Failure::Tampered,
        codes::VAULT_MERGE_REFUSED,
        format!("the two copies of the vault cannot be joined: {why}"),
    )
}
