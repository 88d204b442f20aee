//! A token issuer on 127.0.0.1 that behaves like the documented endpoints of real ones: what it issues lives, dies and is
//! revoked; what it received is kept; and it can misbehave, one [`Fault`] a request, as servers and networks do.
//!
//! It must not be reachable from other machines, and is no model for a real issuer: its tokens are predictable by design,
//! so that a test can look for them everywhere.

mod endpoints;
mod exchange;
mod fault;
mod server;
mod state;

pub use exchange::{Received, Reply};
pub use fault::{Fault, Phase, Rule};
pub use state::{Credential, Kind, State};

use crate::world::clock::{Clock, RealClock};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What becomes of earlier keys when `POST /keys` makes a new one of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyMode {
    /// They stay.
    Additive,
    /// They die at once.
    Replacing,
    /// They die after this time.
    Grace(Duration),
    /// They die at once, and `Idempotency-Key` is required.
    Keyed,
}

/// How an issuer is set up. The credentials are those that a rotation starts with.
#[derive(Clone)]
pub struct Config {
    /// Where it listens on 127.0.0.1; 0 for any port that is free.
    pub port: u16,
    /// Begins every value that is issued.
    pub token_prefix: String,
    /// Orkes application key for `/api/token`: id and secret.
    pub application: (String, String),
    /// OAuth client: id and secret.
    pub client: (String, String),
    /// First refresh token for `/oauth/token`.
    pub refresh_token: String,
    /// A refresh answers without a new refresh token, and the old one stays good (RFC 6749 section 6 allows it).
    pub omit_refresh_token: bool,
    /// First personal access token.
    pub personal_token: String,
    /// First refresh token for `/slack/tooling.tokens.rotate`.
    pub slack_refresh_token: String,
    /// Bearer of the administrator for `/keys`, `/users`, `/slots`, `/bundle`.
    pub admin: String,
    /// A user: name and password.
    pub user: (String, String),
    /// What `POST /keys` does to earlier keys.
    pub keys: KeyMode,
    /// Most keys of one name that may live; the next is answered with 409.
    pub key_cap: usize,
    /// How long access tokens live.
    pub lifetime: Duration,
    /// Misbehaviour. The first rule that fits a request is used.
    pub faults: Vec<Rule>,
    /// Time, for what expires.
    pub clock: Arc<dyn Clock>,
}

impl Default for Config {
    fn default() -> Self {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        Self {
            port: 0,
            token_prefix: "demo".to_owned(),
            application: pair("demo-key-id", "demo-key-secret"),
            client: pair("demo-client", "demo-client-secret"),
            refresh_token: "demo-refresh-0".to_owned(),
            omit_refresh_token: false,
            personal_token: "demo-personal-0".to_owned(),
            slack_refresh_token: "demo-slack-refresh-0".to_owned(),
            admin: "demo-admin".to_owned(),
            user: pair("deploy", "demo-password-0"),
            keys: KeyMode::Additive,
            key_cap: 10,
            lifetime: Duration::from_secs(3600),
            faults: Vec::new(),
            clock: Arc::new(RealClock),
        }
    }
}

/// Starts issuers.
pub struct Issuer;

impl Issuer {
    /// Starts one on the current runtime.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(config: Config) -> std::io::Result<IssuerHandle> {
        let listener = TcpListener::bind(("127.0.0.1", config.port)).await?;
        let (handle, stopped) = IssuerHandle::new(config, listener.local_addr()?);
        tokio::spawn(server::serve(listener, Arc::clone(&handle.state), stopped));
        Ok(handle)
    }

    /// Starts one on a thread and runtime of its own, for callers that are not asynchronous.
    ///
    /// # Errors
    /// When no port can be bound or no thread started.
    pub fn spawn(config: Config) -> std::io::Result<IssuerHandle> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", config.port)))?;
        let (mut handle, stopped) = IssuerHandle::new(config, listener.local_addr()?);
        let state = Arc::clone(&handle.state);
        handle.thread = Some(
            std::thread::Builder::new()
                .name("issuer".to_owned())
                .spawn(move || runtime.block_on(server::serve(listener, state, stopped)))?,
        );
        Ok(handle)
    }
}

/// A running issuer; it ends with the handle.
pub struct IssuerHandle {
    /// `http://127.0.0.1:PORT`
    pub base_url: String,
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    stop: watch::Sender<bool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl IssuerHandle {
    fn new(config: Config, address: SocketAddr) -> (Self, watch::Receiver<bool>) {
        let (stop, stopped) = watch::channel(false);
        let state = Arc::new(Mutex::new(State::new(config)));
        (
            Self {
                base_url: format!("http://{address}"),
                address,
                state,
                stop,
                thread: None,
            },
            stopped,
        )
    }

    /// What it knows: credentials, requests. Requests wait while this is held.
    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Ends it, and all connections with it.
    pub fn stop(&mut self) {
        // Nobody listens when it has ended already.
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for IssuerHandle {
    fn drop(&mut self) {
        self.stop();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
