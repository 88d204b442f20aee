//! What the issuer knows: which credentials live, and what was asked of it.

use super::{Config, Fault, Received, Reply};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a credential is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Token of `/api/token`.
    Orkes,
    /// OAuth access token.
    Access,
    /// OAuth refresh token.
    Refresh,
    /// Personal access token.
    Personal,
    /// Key of `/keys`.
    Key,
    /// Key of a slot.
    Slot,
    /// Secret key of a bundle.
    Bundle,
    /// Session token of a bundle.
    Session,
    /// Slack refresh token.
    SlackRefresh,
    /// Slack access token.
    SlackAccess,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Orkes => "orkes",
            Kind::Access => "access",
            Kind::Refresh => "refresh",
            Kind::Personal => "personal",
            Kind::Key => "key",
            Kind::Slot => "slot",
            Kind::Bundle => "bundle",
            Kind::Session => "session",
            Kind::SlackRefresh => "slackrefresh",
            Kind::SlackAccess => "slackaccess",
        }
    }
}

/// A credential that was issued. It holds its value, so it has no `Debug`.
#[derive(Clone)]
pub struct Credential {
    /// What it is for.
    pub kind: Kind,
    /// How many were issued up to this one.
    pub number: u64,
    /// Unique; not secret.
    pub id: String,
    /// What the caller named it, or the slot or access key it belongs to.
    pub name: String,
    /// The secret itself.
    pub value: String,
    /// Those that are rotated into one another share it.
    pub family: u64,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was or will be revoked or replaced.
    pub dies_at: Option<Timestamp>,
}

impl Credential {
    /// Whether it is good at a time.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end) && self.dies_at.is_none_or(|end| now < end)
    }
}

/// What the issuer knows.
pub struct State {
    /// Every request that was read, in order of arrival, with the status that was meant as its answer (which a fault may
    /// have kept from the caller). `None`: not executed.
    pub requests: Vec<(Received, Option<u16>)>,
    /// Every credential ever issued.
    pub credentials: Vec<Credential>,
    /// Passwords by user.
    pub passwords: BTreeMap<String, String>,
    /// Set-up; faults may be added while it runs.
    pub config: Config,
    /// Bodies and answers by `Idempotency-Key`.
    pub(super) idempotent: BTreeMap<String, (Vec<u8>, Reply)>,
    connections: usize,
    issued: u64,
    /// How often each rule was used.
    uses: Vec<usize>,
}

impl State {
    pub(super) fn new(config: Config) -> Self {
        let (user, password) = config.user.clone();
        let first = [
            (Kind::Refresh, config.refresh_token.clone()),
            (Kind::Personal, config.personal_token.clone()),
            (Kind::SlackRefresh, config.slack_refresh_token.clone()),
        ];
        let mut state = Self {
            requests: Vec::new(),
            credentials: Vec::new(),
            passwords: BTreeMap::from([(user, password)]),
            config,
            idempotent: BTreeMap::new(),
            connections: 0,
            issued: 0,
            uses: Vec::new(),
        };
        for (kind, value) in first {
            let expires = (kind == Kind::Personal).then_some(Duration::from_secs(30 * 86_400));
            let id = state.issue(kind, "first", expires, None).id;
            if let Some(credential) = state
                .credentials
                .iter_mut()
                .find(|credential| credential.id == id)
            {
                credential.value = value;
            }
        }
        state
    }

    /// Time.
    pub fn now(&self) -> Timestamp {
        self.config.clock.now()
    }

    /// Issues a credential; `family` is that of the one it succeeds.
    pub(super) fn issue(
        &mut self,
        kind: Kind,
        name: &str,
        lifetime: Option<Duration>,
        family: Option<u64>,
    ) -> Credential {
        self.issued += 1;
        let (number, now) = (self.issued, self.now());
        // Looks random, is not: the same requests give the same values, and a test can look for them.
        let seed = format!("{}/{}/{number}", self.config.token_prefix, kind.word());
        let digest = ring::digest::digest(&ring::digest::SHA256, seed.as_bytes());
        let tail: String = digest
            .as_ref()
            .iter()
            .take(12)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let credential = Credential {
            kind,
            number,
            id: format!("{}{number}", kind.word()),
            name: name.to_owned(),
            value: format!(
                "{}_{}_{number}_{tail}",
                self.config.token_prefix,
                kind.word()
            ),
            family: family.unwrap_or(number),
            created_at: now,
            expires_at: lifetime.and_then(|lifetime| now.checked_add(lifetime).ok()),
            dies_at: None,
        };
        self.credentials.push(credential.clone());
        credential
    }

    /// The live credential of a kind with this value.
    pub fn live(&self, kind: Kind, value: &str) -> Option<&Credential> {
        let now = self.now();
        self.credentials.iter().find(|credential| {
            credential.kind == kind && credential.value == value && credential.is_live(now)
        })
    }

    /// All live credentials of a kind, oldest first.
    pub fn live_all(&self, kind: Kind) -> Vec<&Credential> {
        let now = self.now();
        self.credentials
            .iter()
            .filter(|credential| credential.kind == kind && credential.is_live(now))
            .collect()
    }

    /// The credential of a kind with this value, dead or alive.
    pub(super) fn known(&self, kind: Kind, value: &str) -> Option<&Credential> {
        self.credentials
            .iter()
            .find(|credential| credential.kind == kind && credential.value == value)
    }

    /// Ends all live credentials that fit, after a time; tells how many.
    pub(super) fn end(&mut self, after: Duration, fits: impl Fn(&Credential) -> bool) -> usize {
        let now = self.now();
        let end = now.checked_add(after).unwrap_or(now);
        let ending = self
            .credentials
            .iter_mut()
            .filter(|credential| credential.is_live(now) && fits(credential));
        ending
            .map(|credential| {
                credential.dies_at =
                    Some(credential.dies_at.map_or(end, |earlier| earlier.min(end)))
            })
            .count()
    }

    /// How many requests with this method and path were executed.
    pub fn executed(&self, method: &str, path: &str) -> usize {
        self.requests
            .iter()
            .filter(|(request, status)| {
                status.is_some() && request.method == method && request.path == path
            })
            .count()
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.connections
    }

    /// The number of a new connection.
    pub(super) fn connect(&mut self) -> usize {
        self.connections += 1;
        self.connections - 1
    }

    /// The fault for a request, and notes that it was used.
    pub(super) fn fault(&mut self, index: usize, method: &str, path: &str) -> Option<Fault> {
        self.uses.resize(self.config.faults.len(), 0);
        for (rule, used) in self.config.faults.iter().zip(&mut self.uses) {
            if rule.fits(index, method, path) && rule.times.is_none_or(|times| *used < times) {
                *used += 1;
                return Some(rule.fault.clone());
            }
        }
        None
    }
}
