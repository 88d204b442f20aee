//! The model's world: an issuer in a few lines, a vault of three labels, a journal that is a list.

use super::explorer::Choices;
use std::collections::{BTreeMap, BTreeSet};

/// Classes of endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    Sets,
    SetsSelf,
    Keyed,
    Grace,
    Additive,
    Replacing,
}

impl Class {
    pub(super) const ALL: [Class; 6] = [
        Class::Sets,
        Class::SetsSelf,
        Class::Keyed,
        Class::Grace,
        Class::Additive,
        Class::Replacing,
    ];
}

/// A client with one of its safeguards taken out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Broken {
    /// The intent does not survive the process.
    VolatileIntent,
    /// Nothing says that the call was begun.
    NoSentMark,
    /// Nothing is looked for after a lost answer.
    NoReaping,
    /// The old credential dies before the new one is in use.
    RevokeFirst,
}

/// Why one run of the client ended early.
pub(super) enum Ended {
    /// The process died.
    Crash,
    /// The exchange ended without an answer.
    Lost,
}

pub(super) type Step<T> = Result<T, Ended>;

/// A credential.
pub(super) type Cred = String;

pub(super) struct Issuer {
    class: Class,
    pub(super) live: BTreeSet<Cred>,
    made: usize,
    by_key: BTreeMap<String, Cred>,
    in_grace: Option<Cred>,
}

impl Issuer {
    pub(super) fn issue(&mut self, auth: &str, key: Option<&str>) -> Option<Cred> {
        if let (Class::Keyed, Some(known)) = (self.class, key.and_then(|k| self.by_key.get(k))) {
            return Some(known.clone());
        }
        if !(self.live.contains(auth)
            || auth == "root"
            || (self.class == Class::Grace && self.in_grace.as_deref() == Some(auth)))
        {
            return None;
        }
        self.made += 1;
        let new = format!("c{}", self.made);
        if self.class != Class::Additive {
            self.in_grace = (self.class == Class::Grace && auth != "root").then(|| auth.to_owned());
            self.live.clear();
        }
        self.live.insert(new.clone());
        if let Some(key) = key {
            self.by_key.insert(key.to_owned(), new.clone());
        }
        Some(new)
    }

    pub(super) fn set(&mut self, value: &str, auth: Option<&str>) -> bool {
        if auth.is_some_and(|auth| !self.live.contains(auth)) {
            return false;
        }
        self.live = BTreeSet::from([value.to_owned()]);
        true
    }

    pub(super) fn accepts(&self, credential: &str) -> bool {
        self.live.contains(credential)
    }

    pub(super) fn revoke(&mut self, credential: &str) {
        self.live.remove(credential);
    }
}

#[derive(Clone, Default)]
pub(super) struct Labels {
    pub(super) current: Cred,
    pub(super) previous: Option<Cred>,
    pub(super) pending: Option<Cred>,
}

impl Labels {
    pub(super) fn all(&self) -> BTreeSet<Cred> {
        [
            Some(self.current.clone()),
            self.previous.clone(),
            self.pending.clone(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// What a journal says.
#[derive(Clone, PartialEq)]
pub(super) enum Entry {
    Intent { key: String, value: Cred, old: Cred },
    Sent,
    Response(Cred),
    Revoking,
    Revoked,
    End,
}

pub(super) struct World<'c> {
    choices: &'c mut Choices,
    pub(super) class: Class,
    pub(super) issuer: Issuer,
    pub(super) vault: Labels,
    pub(super) journal: Vec<Entry>,
    pub(super) needs_operator: bool,
    pub(super) done: bool,
    pub(super) down: bool,
    pub(super) values: usize,
    pub(super) broken: Option<Broken>,
    /// A process that just began.
    pub(super) fresh: bool,
}

impl<'c> World<'c> {
    pub(super) fn new(choices: &'c mut Choices, class: Class, broken: Option<Broken>) -> Self {
        let first = "c0".to_owned();
        World {
            choices,
            class,
            issuer: Issuer {
                class,
                live: BTreeSet::from([first.clone()]),
                made: 0,
                by_key: BTreeMap::new(),
                in_grace: None,
            },
            vault: Labels {
                current: first,
                ..Labels::default()
            },
            journal: Vec::new(),
            needs_operator: false,
            done: false,
            down: false,
            values: 0,
            broken,
            fresh: true,
        }
    }

    /// The process may die right here. Readers of the vault may come right here, too.
    fn step(&mut self) -> Step<()> {
        if self.class == Class::Additive && !self.issuer.accepts(&self.vault.current) {
            self.down = true;
        }
        if self.choices.choose(2) == 1 {
            Err(Ended::Crash)
        } else {
            Ok(())
        }
    }

    /// One exchange: the request may be lost, or the answer.
    pub(super) fn http<T>(&mut self, call: impl FnOnce(&mut Issuer) -> T) -> Step<T> {
        self.step()?;
        let fault = self.choices.choose(3);
        if fault == 1 {
            return Err(Ended::Lost);
        }
        let answer = call(&mut self.issuer);
        if fault == 2 {
            return Err(Ended::Lost);
        }
        self.step()?;
        Ok(answer)
    }

    /// A record that is durable when this returns.
    pub(super) fn log(&mut self, entry: Entry) -> Step<()> {
        self.step()?;
        self.journal.push(entry);
        self.step()
    }

    /// Replaces the vault in one step.
    pub(super) fn commit(&mut self, labels: Labels) -> Step<()> {
        self.step()?;
        self.vault = labels;
        self.step()
    }
}
