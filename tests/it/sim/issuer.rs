//! An issuer with one account of each kind, and what it knows of its own past.

use rot::run::journal::{self, Event, StepEvent};
use rot::sim::{Disk, Outside, Reply};
use rot::world::http::Request;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// In every credential of the simulated world: it must not be found on its disk.
pub(super) const CANARY: &str = "rotcanary";
/// The credential of an administrator; valid for ever.
pub(super) const ADMIN: &str = "rotcanary-admin-key";
/// A new credential of an account that replicates slowly works only after this time.
const LAG: i64 = 12_000;

/// How an account makes and ends credentials.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// The old ones live on until they are revoked; they can be listed by name.
    Additive,
    /// As `Additive`; a new one works only after a while.
    AdditiveSlow,
    /// The old ones live on for an hour; there is no list.
    ShortLived,
    /// The old one dies; the same key gets the same answer.
    Keyed,
    /// The old one dies after an hour.
    Grace,
    /// The old one dies.
    Bare,
    /// An administrator sets it.
    Set,
    /// It sets itself.
    SetSelf,
    /// Two slots, set by an administrator.
    Slots,
}

#[derive(Clone, Debug)]
struct Credential {
    value: String,
    name: String,
    from: i64,
    until: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Account {
    kind: Kind,
    live: BTreeMap<String, Credential>,
    by_key: BTreeMap<String, (String, String)>,
}

/// An effect that was executed, with the disk as it was.
#[derive(Clone)]
pub(super) struct Executed {
    pub(super) account: String,
    pub(super) what: What,
    pub(super) disk: Disk,
    /// What is accepted after it.
    pub(super) live: BTreeSet<String>,
    /// How many journals of unfinished runs had the answer of this very step already.
    pub(super) answered: usize,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum What {
    Issued(String),
    Set(String),
    Revoked(String),
}

#[derive(Clone, Default)]
pub(super) struct Issuer {
    pub(super) accounts: BTreeMap<String, Account>,
    made: usize,
    /// How far the clock of the machine that calls is ahead.
    pub(super) ahead: i64,
    /// Effects since the start, or since they were looked at.
    pub(super) log: Vec<Executed>,
    /// An answer was of no use, so that asking again is right although the journal has one.
    pub(super) may_ask_again: bool,
    /// Credentials that a client has used with success.
    pub(super) proven: BTreeSet<String>,
}

fn respond(status: u16, body: &Json) -> Reply {
    if body.is_null() {
        Reply::status(status)
    } else {
        Reply::json(status, body)
    }
}

impl Outside for Issuer {
    fn answer(&mut self, request: &Request, now: i64, disk: &Disk) -> Reply {
        self.execute(request, now - self.ahead, disk)
    }
}

impl Issuer {
    /// Opens an account with a credential of this value, and returns its id.
    pub(super) fn open(&mut self, name: &str, kind: Kind, value: &str) -> String {
        let account = Account {
            kind,
            live: BTreeMap::new(),
            by_key: BTreeMap::new(),
        };
        self.accounts.insert(name.to_owned(), account);
        let id = if kind == Kind::Slots {
            "a".to_owned()
        } else {
            format!("{name}-first")
        };
        let first = Credential {
            value: value.to_owned(),
            name: "first".into(),
            from: 0,
            until: i64::MAX,
        };
        self.account(name).live.insert(id.clone(), first);
        id
    }

    /// Fills the second slot of an account.
    pub(super) fn fill(&mut self, name: &str, value: &str) {
        let older = Credential {
            value: value.to_owned(),
            name: "older".into(),
            from: 0,
            until: i64::MAX,
        };
        self.account(name).live.insert("b".into(), older);
    }

    fn account(&mut self, name: &str) -> &mut Account {
        self.accounts.get_mut(name).expect("an account")
    }

    /// Whether a credential works.
    pub(super) fn accepts(&self, account: &str, value: &str, now: i64) -> bool {
        self.accounts[account]
            .live
            .values()
            .any(|c| c.value == value && c.from <= now && now < c.until)
    }

    /// What has not ended, also if it does not work yet.
    pub(super) fn live(&self, account: &str, now: i64) -> BTreeSet<String> {
        self.accounts[account]
            .live
            .values()
            .filter(|c| now < c.until)
            .map(|c| c.value.clone())
            .collect()
    }

    fn make(&mut self, account: &str, name: &str, now: i64) -> (String, String) {
        self.made += 1;
        let (id, value) = (
            format!("{account}-{}", self.made),
            format!("{CANARY}-{account}-{}", self.made),
        );
        let kind = self.accounts[account].kind;
        let from = if kind == Kind::AdditiveSlow {
            now + LAG
        } else {
            now
        };
        let until = if kind == Kind::ShortLived {
            now + 3_600_000
        } else {
            i64::MAX
        };
        self.account(account).live.insert(
            id.clone(),
            Credential {
                value: value.clone(),
                name: name.to_owned(),
                from,
                until,
            },
        );
        (id, value)
    }

    fn note(&mut self, account: &str, what: What, now: i64, disk: &Disk, step: Option<&str>) {
        let live = self.live(account, now);
        let answered = match step {
            Some(step) if !self.may_ask_again => answers(disk, step),
            _ => 0,
        };
        self.log.push(Executed {
            account: account.to_owned(),
            what,
            disk: disk.clone(),
            live,
            answered,
        });
    }

    fn execute(&mut self, request: &Request, now: i64, disk: &Disk) -> Reply {
        let url = url::Url::parse(&request.url).expect("a URL");
        let path: Vec<&str> = url.path().trim_start_matches('/').split('/').collect();
        let header = |name: &str| {
            request
                .headers
                .iter()
                .find(|(n, _)| n.eq_ignore_ascii_case(name))
                .map(|(_, v)| String::from_utf8_lossy(v).into_owned())
        };
        let auth = credential(&header("authorization").unwrap_or_default());
        let body: Json = request.body.as_ref().map_or(Json::Null, |b| {
            serde_json::from_slice(b).unwrap_or(Json::Null)
        });
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let step = header("x-step");
        let step = step.as_deref();
        let account = path[0].to_owned();
        let Some(kind) = self.accounts.get(&account).map(|a| a.kind) else {
            return respond(404, &Json::Null);
        };
        let admin = auth == ADMIN;
        match (request.method.as_str(), &path[1..]) {
            ("GET", ["me"]) => {
                if !self.accepts(&account, &auth, now) {
                    return respond(401, &Json::Null);
                }
                self.proven.insert(auth);
                respond(200, &json!({ "active": true }))
            }
            ("POST", ["tokens"]) if admin => {
                let (id, value) = self.make(&account, &text("name"), now);
                self.note(&account, What::Issued(value.clone()), now, disk, step);
                respond(
                    201,
                    &json!({ "id": id, "token": value, "expires_in": 3600 }),
                )
            }
            ("GET", ["tokens"]) if admin => {
                let wanted = url
                    .query_pairs()
                    .find(|(n, _)| n == "name")
                    .map(|(_, v)| v.into_owned())
                    .unwrap_or_default();
                let ids: Vec<Json> = self.accounts[&account]
                    .live
                    .iter()
                    .filter(|(_, c)| c.name == wanted)
                    .map(|(id, _)| json!({ "id": id }))
                    .collect();
                respond(200, &json!({ "tokens": ids }))
            }
            ("DELETE", ["tokens", id]) if admin => match self.account(&account).live.remove(*id) {
                Some(dead) => {
                    self.note(&account, What::Revoked(dead.value), now, disk, None);
                    respond(204, &Json::Null)
                }
                None => respond(404, &Json::Null),
            },
            ("POST", ["rotate"]) => {
                let key = header("idempotency-key");
                if let (Kind::Keyed, Some((id, value))) = (
                    kind,
                    key.as_ref()
                        .and_then(|k| self.accounts[&account].by_key.get(k)),
                ) {
                    return respond(200, &json!({ "id": id, "token": value }));
                }
                if !self.accepts(&account, &auth, now) {
                    return respond(401, &Json::Null);
                }
                let grace = if kind == Kind::Grace {
                    now + 3_600_000
                } else {
                    now
                };
                for (_, old) in self.account(&account).live.iter_mut() {
                    // A second rotation ends what the first one made at once; the one that is used keeps its grace.
                    let end = if old.value == auth { grace } else { now };
                    old.until = old.until.min(end);
                }
                let (id, value) = self.make(&account, "", now);
                if let (Kind::Keyed, Some(key)) = (kind, key) {
                    self.account(&account)
                        .by_key
                        .insert(key, (id.clone(), value.clone()));
                }
                self.note(&account, What::Issued(value.clone()), now, disk, step);
                respond(200, &json!({ "id": id, "token": value }))
            }
            ("PUT", ["password"])
                if (kind == Kind::Set && admin)
                    || (kind == Kind::SetSelf && self.accepts(&account, &auth, now)) =>
            {
                let value = text("password");
                self.account(&account).live = BTreeMap::from([(
                    "only".to_owned(),
                    Credential {
                        value: value.clone(),
                        name: String::new(),
                        from: 0,
                        until: i64::MAX,
                    },
                )]);
                self.note(&account, What::Set(value), now, disk, None);
                respond(204, &Json::Null)
            }
            ("PUT", ["slots", slot]) if admin && kind == Kind::Slots => {
                let value = text("password");
                self.account(&account).live.insert(
                    (*slot).to_owned(),
                    Credential {
                        value: value.clone(),
                        name: String::new(),
                        from: 0,
                        until: i64::MAX,
                    },
                );
                self.note(&account, What::Set(value), now, disk, None);
                respond(204, &Json::Null)
            }
            _ => respond(401, &Json::Null),
        }
    }
}

/// The credential of an `Authorization` header.
fn credential(header: &str) -> String {
    use base64::Engine;
    if let Some(token) = header.strip_prefix("Bearer ") {
        return token.to_owned();
    }
    let Some(pair) = header.strip_prefix("Basic ") else {
        return String::new();
    };
    let pair = base64::engine::general_purpose::STANDARD
        .decode(pair)
        .unwrap_or_default();
    String::from_utf8_lossy(&pair)
        .split_once(':')
        .map(|(_, password)| password.to_owned())
        .unwrap_or_default()
}

/// In how many journals of unfinished runs `step` has an answer of success.
fn answers(disk: &Disk, step: &str) -> usize {
    let journals = disk.files().into_iter().filter(|(path, _)| {
        path.extension() == Some("jnl".as_ref()) && path.starts_with(Path::new("/state"))
    });
    journals
        .filter(|(_, bytes)| {
            let (mut at, mut answered, mut ended) = (0, false, false);
            while let Some((header, length)) = bytes.get(at..).and_then(journal::peek) {
                match &header.event {
                    Event::Step {
                        id,
                        event:
                            StepEvent::Answer {
                                status: 200..=299, ..
                            },
                    } => answered |= id.to_string() == step,
                    Event::Ended(_) => ended = true,
                    _ => {}
                }
                at += length;
            }
            // A record that is torn does not count.
            answered && !ended && at == bytes.len()
        })
        .count()
}
