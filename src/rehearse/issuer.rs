//! The world outside, as the plan declares it: an issuer whose credentials are made, set and ended by the effects of the
//! steps, and who refuses whatever is dead.

use super::heard::{self, SHORTEST, Texts, contains, echoes};
use super::reply::{self, Inventor, Made};
use super::script::{Part, Role, Script};
use crate::plan::effect::{Effect, Old};
use crate::plan::{Expr, ExprKind, Root, Type, Version};
use crate::sim::{Disk, Outside, Random, Reply};
use crate::world::http::Request;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Why a credential is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Another one took its place.
    Replaced,
    /// A `revoke` step.
    Revoked,
    /// Found as a stray, and revoked.
    Reaped,
}

/// A credential at the issuer.
#[derive(Clone)]
pub struct Credential {
    /// The secrets that it is for.
    pub accounts: BTreeSet<String>,
    /// Its values: each alone proves who has it.
    pub values: BTreeSet<String>,
    /// Its public ids.
    pub ids: Vec<String>,
    /// Until when it lives, in milliseconds since 1970.
    pub until: i64,
    /// Why it is no more.
    pub ended: Option<Ended>,
    /// The exchange that made it; none for what was there before.
    pub born: Option<usize>,
    /// What the request that made it said.
    asked: String,
}

impl Credential {
    /// Whether it works.
    pub fn works(&self, now: i64) -> bool {
        self.ended.is_none() && now < self.until
    }
}

/// One exchange, as the issuer saw it.
#[derive(Clone)]
pub struct Heard {
    /// Which request of the plan it was.
    pub part: Option<usize>,
    /// The executions that were under way, innermost last.
    pub running: Vec<String>,
    /// What was answered.
    pub status: u16,
}

/// The world outside.
#[derive(Clone)]
pub struct Issuer {
    /// What the plan says of it.
    pub script: Arc<Script>,
    /// All credentials that ever were.
    pub credentials: Vec<Credential>,
    /// All exchanges.
    pub log: Vec<Heard>,
    /// Steps that are under way in the process, outermost first.
    pub running: Vec<String>,
    /// Values that the process knows as secret.
    pub secrets: BTreeSet<String>,
    /// Values of secrets that are not of this issuer's making: they prove who asks, and are never what is set.
    pub others: BTreeSet<String>,
    /// Secrets that were set to something that could not be seen in the request: whatever is sent for them is right.
    pub unseen: BTreeSet<String>,
    /// What was answered last, by step and capture.
    told: BTreeMap<(String, String), String>,
    /// What the request that is being answered says, by the expressions of the plan.
    echoes: Vec<(Expr, String)>,
    keyed: BTreeMap<(usize, String), Reply>,
    slots: BTreeMap<String, usize>,
    made: u64,
    now: i64,
}

impl Issuer {
    /// An issuer that has made nothing yet.
    pub fn new(script: Arc<Script>) -> Self {
        Self {
            script,
            credentials: Vec::new(),
            log: Vec::new(),
            running: Vec::new(),
            secrets: BTreeSet::new(),
            others: BTreeSet::new(),
            unseen: BTreeSet::new(),
            told: BTreeMap::new(),
            echoes: Vec::new(),
            keyed: BTreeMap::new(),
            slots: BTreeMap::new(),
            made: 0,
            now: super::stage::START.as_millisecond(),
        }
    }

    /// A credential that was there before, for one secret.
    pub fn found(&mut self, secret: &str, values: BTreeSet<String>, works: bool) {
        let mut makers = self
            .script
            .parts
            .iter()
            .filter(|p| p.feeds.contains_key(secret));
        let until = if makers.any(Part::says_life) {
            self.life().0
        } else {
            i64::MAX
        };
        self.credentials.push(Credential {
            accounts: BTreeSet::from([secret.to_owned()]),
            ids: values.iter().cloned().collect(),
            values,
            until,
            ended: (!works).then_some(Ended::Replaced),
            born: None,
            asked: String::new(),
        });
    }

    fn execute(&mut self, index: usize, request: &Request, now: i64) -> Reply {
        let script = self.script.clone();
        let Some(part) = script.parts.get(index) else {
            return Reply::status(404);
        };
        if let Some(reply) = self.repeated(index, part, request) {
            return reply;
        }
        self.echoes = echoes(part, request);
        let texts = Texts::of(request);
        if !self.admits(part, &texts, now) {
            return Reply::status(401);
        }
        match (part.role, &part.http.effect) {
            (Role::Reap, _) | (_, Effect::Revokes) => self.revoke(part, &texts, now),
            (Role::List, _) => self.list(part, &texts, now),
            (Role::Main, Effect::Reads) => self.read(part, &texts, now),
            (Role::Main, Effect::Unspecified) => self.issue(part, &texts),
            (Role::Main, Effect::Issues(issues)) => {
                if let Old::Dies { grace, .. } = &issues.old {
                    let grace = grace.map_or(0, |g| i64::try_from(g.0).unwrap_or(i64::MAX));
                    let end = now.saturating_add(grace);
                    // The one that makes the call keeps its grace; what an earlier call has made ends at once.
                    self.replace(part, now, |c| {
                        let used = c.values.iter().any(|v| texts.carry(v));
                        c.until = c.until.min(if used { end } else { now });
                    });
                }
                let reply = self.issue(part, &texts);
                if let Some(key) = part.key().and_then(|name| key_of(name, request)) {
                    self.keyed.insert((index, key), reply.clone());
                }
                reply
            }
            (Role::Main, Effect::Sets | Effect::SetsSelf | Effect::SetsSlot) => {
                self.set(part, &texts, now)
            }
        }
    }

    /// The answer of an earlier call with the same key.
    fn repeated(&self, index: usize, part: &Part, request: &Request) -> Option<Reply> {
        let key = key_of(part.key()?, request)?;
        self.keyed.get(&(index, key)).cloned()
    }

    /// Whether what a request carries is alive.
    fn admits(&self, part: &Part, texts: &Texts, now: i64) -> bool {
        let revokes = part.http.effect == Effect::Revokes || part.role == Role::Reap;
        let signed = part.http.sign.is_some();
        let carried = |c: &&Credential| {
            let seen = |value: &String| {
                if revokes {
                    contains(&texts.headers, value)
                } else {
                    texts.carry(value)
                }
            };
            // What a request is signed with is not in it: the id beside the signature tells who asks.
            let named = |id: &String| contains(&texts.headers, id);
            c.values.iter().any(seen) || (signed && c.ids.iter().any(named))
        };
        let live: Vec<&Credential> = self
            .credentials
            .iter()
            .filter(|c| c.works(now))
            .filter(carried)
            .collect();
        let dead = self
            .credentials
            .iter()
            .filter(|c| !c.works(now))
            .filter(carried);
        for one in dead {
            let other = live
                .iter()
                .any(|c| c.accounts.intersection(&one.accounts).next().is_some());
            if !other || part.http.effect == Effect::SetsSelf {
                return false;
            }
        }
        if revokes {
            return true;
        }
        // A credential that the plan sends and that nobody has ever accepted is as dead.
        let known: BTreeSet<&String> = live.iter().flat_map(|c| &c.accounts).collect();
        part.carries.iter().all(|(secret, version)| {
            known.contains(secret)
                || self.unseen.contains(secret)
                || self.script.foreign.contains(secret)
                || (part.sets.contains(secret) && *version == Version::Pending)
        })
    }

    fn replace(&mut self, part: &Part, now: i64, end: impl Fn(&mut Credential)) {
        let accounts: BTreeSet<&String> = part.accounts().collect();
        for one in self.credentials.iter_mut().filter(|c| c.works(now)) {
            if one.accounts.iter().any(|a| accounts.contains(a)) {
                end(one);
                if one.until <= now {
                    one.ended = Some(Ended::Replaced);
                }
            }
        }
    }

    /// Makes up an answer; what is in it are new credentials, one for each secret.
    fn issue(&mut self, part: &Part, texts: &Texts) -> Reply {
        let given = self.script.answers.answers.get(&part.step).cloned();
        let Made { reply, values } = reply::make(part, given.as_ref(), None, self);
        for (secret, captures) in &part.feeds {
            let mine = |name: &String| match captures {
                None => true,
                Some(names) => name.is_empty() || names.contains(name),
            };
            let of: Vec<&(String, String)> = values
                .iter()
                .filter(|(name, value)| mine(name) && value.len() >= SHORTEST)
                .collect();
            let is_secret = |name: &str| {
                let capture = part.http.captures.iter().find(|c| c.name == name);
                capture.is_none_or(|c| c.secret && !matches!(c.ty, Type::Time | Type::Duration))
            };
            let (secrets, public): (Vec<_>, Vec<_>) =
                of.into_iter().partition(|(name, _)| is_secret(name));
            if secrets.is_empty() {
                continue;
            }
            let until = if part.says_life() {
                self.life().0
            } else {
                i64::MAX
            };
            self.credentials.push(Credential {
                accounts: BTreeSet::from([secret.clone()]),
                values: secrets.into_iter().map(|(_, v)| v.clone()).collect(),
                ids: public.into_iter().map(|(_, v)| v.clone()).collect(),
                until,
                ended: None,
                born: Some(self.log.len()),
                asked: texts.all(),
            });
        }
        reply
    }

    /// Takes a value of ours.
    fn set(&mut self, part: &Part, texts: &Texts, now: i64) -> Reply {
        let slot = part.http.effect == Effect::SetsSlot;
        if part.accounts().next().is_none() {
            // It sets something that is no credential, or saves what another step has set.
            let given = self.script.answers.answers.get(&part.step).cloned();
            return reply::make(part, given.as_ref(), None, self).reply;
        }
        if part.sets.is_empty() {
            if slot {
                self.vacate(part, texts, now);
            } else {
                self.replace(part, now, |c| c.until = now);
            }
            let reply = self.issue(part, texts);
            if slot && let Some(last) = self.credentials.len().checked_sub(1) {
                self.slots.insert(self.place(texts), last);
            }
            return reply;
        }
        let given = self.script.answers.answers.get(&part.step).cloned();
        let Made { reply, .. } = reply::make(part, given.as_ref(), None, self);
        let carried = |value: &&String| texts.carry(value);
        // What is set already is set again.
        let again = self.credentials.iter().any(|c| {
            c.born.is_some()
                && c.works(now)
                && c.accounts.iter().any(|a| part.sets.contains(a))
                && c.values.iter().any(|v| contains(&texts.rest, v))
        });
        if again {
            return reply;
        }
        let known: BTreeSet<&String> = self.credentials.iter().flat_map(|c| &c.values).collect();
        let new: BTreeSet<String> = self
            .secrets
            .iter()
            .filter(|v| v.len() >= SHORTEST && !known.contains(v) && !self.others.contains(*v))
            .filter(carried)
            .cloned()
            .collect();
        if slot {
            self.vacate(part, texts, now);
        } else {
            self.replace(part, now, |c| c.until = now);
        }
        self.unseen.extend(part.hides.iter().cloned());
        if new.is_empty() {
            self.unseen.extend(part.sets.iter().cloned());
        } else {
            self.credentials.push(Credential {
                accounts: part.sets.clone(),
                values: new,
                ids: Vec::new(),
                until: i64::MAX,
                ended: None,
                born: Some(self.log.len()),
                asked: texts.all(),
            });
            if slot && let Some(last) = self.credentials.len().checked_sub(1) {
                self.slots.insert(self.place(texts), last);
            }
        }
        reply
    }

    /// Which slot a request is about: what it says but for the values in it.
    fn place(&self, texts: &Texts) -> String {
        let mut all = texts.rest.join("\n");
        for value in &self.secrets {
            all = all.replace(value.as_str(), "");
        }
        all
    }

    /// Ends what stands in the slot of a request: what was put there, else the older of the two that were there before.
    fn vacate(&mut self, part: &Part, texts: &Texts, now: i64) {
        let mine = self.slots.get(&self.place(texts)).copied();
        let taken: Vec<usize> = self.slots.values().copied().collect();
        let of = |c: &Credential| {
            c.works(now) && c.accounts.iter().any(|a| part.accounts().any(|p| p == a))
        };
        let held: Vec<usize> = (0..self.credentials.len())
            .filter(|i| self.credentials.get(*i).is_some_and(of))
            .collect();
        let older = held.iter().copied().find(|i| !taken.contains(i));
        let goes = mine.or(older.filter(|_| held.len() > 1));
        if let Some(one) = goes.and_then(|i| self.credentials.get_mut(i)) {
            one.ended.get_or_insert(Ended::Replaced);
        }
    }

    fn revoke(&mut self, part: &Part, texts: &Texts, now: i64) -> Reply {
        let how = if part.role == Role::Reap {
            Ended::Reaped
        } else {
            Ended::Revoked
        };
        let named = |c: &Credential| {
            c.values
                .iter()
                .chain(&c.ids)
                .any(|v| contains(&texts.rest, v))
        };
        let own = |c: &Credential| c.values.iter().any(|v| contains(&texts.headers, v));
        let by_name = self.credentials.iter().any(named);
        let mut acted = false;
        for one in &mut self.credentials {
            let meant = if by_name { named(one) } else { own(one) };
            if meant && one.works(now) {
                one.ended = Some(how);
                acted = true;
            }
        }
        let status = if acted || !reply::expects(part, 404) {
            reply::status(part)
        } else {
            404
        };
        let given = self.script.answers.answers.get(&part.step).cloned();
        let Made { reply, .. } = reply::make(part, given.as_ref(), None, self);
        Reply { status, ..reply }
    }

    /// The ids of credentials that carry the tag of a request: its run's id, where it names one.
    fn list(&mut self, part: &Part, texts: &Texts, now: i64) -> Reply {
        let script = self.script.clone();
        let main = script
            .parts
            .iter()
            .find(|p| p.step == part.step && p.role == Role::Main);
        let accounts: BTreeSet<&String> = main.into_iter().flat_map(Part::accounts).collect();
        let tags = run_ids(&texts.all());
        let ids: Vec<Json> = self
            .credentials
            .iter()
            .filter(|c| c.works(now) && c.accounts.iter().any(|a| accounts.contains(a)))
            .filter(|c| tags.is_empty() || tags.iter().any(|tag| c.asked.contains(tag)))
            .filter_map(|c| c.ids.first().or(c.values.first()))
            .map(|id| json!(id))
            .collect();
        reply::make(part, None, Some(ids), self).reply
    }

    /// An answer that changes nothing; an id that it tells is that of the credential which asks.
    fn read(&mut self, part: &Part, texts: &Texts, now: i64) -> Reply {
        let given = self.script.answers.answers.get(&part.step).cloned();
        let Made { reply, values } = reply::make(part, given.as_ref(), None, self);
        let asks = self.credentials.iter_mut().find(|c| {
            c.works(now)
                && c.values
                    .iter()
                    .any(|v| contains(&texts.headers, v) || contains(&texts.rest, v))
        });
        if let Some(one) = asks {
            let long = values.into_iter().map(|(_, v)| v);
            one.ids.extend(long.filter(|v| v.len() >= SHORTEST));
        }
        reply
    }
}

impl Inventor for Issuer {
    fn credential(&mut self) -> String {
        self.made += 1;
        let mut random = Random::new(self.made);
        let made = format!("rhs_{:016x}{:016x}", random.next(), random.next());
        self.secrets.insert(made.clone());
        made
    }

    fn id(&mut self) -> String {
        self.made += 1;
        format!("id-{:08x}", Random::new(self.made).next() >> 32)
    }

    fn number(&mut self) -> i64 {
        self.made += 1;
        700_000 + i64::try_from(self.made).unwrap_or(0)
    }

    fn said(&self, expr: &Expr) -> Option<String> {
        let echoed = self.echoes.iter().find(|(said, _)| said == expr);
        if let Some((_, text)) = echoed {
            return Some(text.clone());
        }
        match &expr.kind {
            ExprKind::Ref(Root::Capture { step, name }) => {
                self.told.get(&(step.clone(), name.clone())).cloned()
            }
            ExprKind::Template(parts) => parts.iter().map(|part| self.said(part)).collect(),
            _ => reply::literal(expr).as_ref().and_then(reply::said),
        }
    }

    fn tell(&mut self, step: &str, capture: &str, value: &str) {
        let at = (step.to_owned(), capture.to_owned());
        self.told.insert(at, value.to_owned());
    }

    fn life(&self) -> (i64, u64) {
        let life = i64::try_from(self.script.life).unwrap_or(i64::MAX / 4);
        (self.now.saturating_add(life), self.script.life / 1000)
    }
}

impl Outside for Issuer {
    fn answer(&mut self, request: &Request, now: i64, _: &Disk) -> Reply {
        self.now = now;
        let part = self.script.find(request, &self.running);
        let reply = match part {
            Some(index) => self.execute(index, request, now),
            None => Reply::status(404),
        };
        self.echoes.clear();
        self.log.push(Heard {
            part,
            running: self.running.clone(),
            status: reply.status,
        });
        reply
    }

    fn variable(&self, name: &str) -> Option<String> {
        let given = self.script.answers.env.get(name).cloned();
        given.or_else(|| {
            self.script
                .env
                .contains(name)
                .then(|| "rehearsed".to_owned())
        })
    }

    fn ask(&mut self, _: &str) -> Option<Zeroizing<String>> {
        let value = self.credential();
        for secret in self.script.clone().entered.iter() {
            self.found(secret, BTreeSet::from([value.clone()]), true);
        }
        Some(Zeroizing::new(value))
    }

    fn knows(&self, _: &str) -> bool {
        true
    }

    fn work(&mut self, worker: &str, _: &[u8]) -> Option<Vec<u8>> {
        let given = self.script.answers.workers.get(worker).cloned();
        Some(given.unwrap_or_else(|| json!({})).to_string().into_bytes())
    }
}

/// The key of a call: a header, else a member of the body.
fn key_of(name: &str, request: &Request) -> Option<String> {
    heard::header(request, name).or_else(|| {
        let body: Json = serde_json::from_slice(request.body.as_ref()?).ok()?;
        reply::said(body.get(name)?)
    })
}

/// What looks like the id of a run: a UUID.
fn run_ids(text: &str) -> Vec<String> {
    let is = |c: char| c.is_ascii_hexdigit() || c == '-';
    text.split(|c| !is(c))
        .filter_map(|word| {
            let word = word.trim_matches('-');
            let tail = word.get(word.len().checked_sub(36)?..)?;
            (tail.matches('-').count() == 4).then(|| tail.to_owned())
        })
        .collect()
}
