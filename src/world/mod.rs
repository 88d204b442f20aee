//! The only effects: files, HTTP, clock, randomness, environment, local programs. Everything else is pure.
//!
//! The interpreter and the vault see the world through these traits, so that a simulated one can crash, lose and reorder
//! at every call. `clippy.toml` forbids the direct calls everywhere else.

pub mod clock;
pub mod editor;
pub mod env;
pub mod fs;
pub mod helper;
pub mod http;
pub mod notify;
pub mod platform;
pub mod process;
pub mod rng;
pub mod wire;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A boxed future, as trait objects need it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Everything outside, in one handle that is cheap to clone.
#[derive(Clone)]
pub struct World {
    /// Files.
    pub fs: Arc<dyn fs::Fs>,
    /// HTTP exchanges.
    pub http: Arc<dyn http::Http>,
    /// Time.
    pub clock: Arc<dyn clock::Clock>,
    /// Randomness.
    pub rng: Arc<dyn rng::Rng>,
    /// Environment variables, and the person at the terminal.
    pub env: Arc<dyn env::Env>,
    /// Local programs that are declared.
    pub process: Arc<dyn process::Process>,
    /// Exchanges that are not HTTP.
    pub wire: Arc<dyn wire::Wire>,
}

impl World {
    /// The real one.
    pub fn real() -> Self {
        Self {
            fs: Arc::new(fs::RealFs),
            http: Arc::new(http::RealHttp::new()),
            clock: Arc::new(clock::RealClock),
            rng: Arc::new(rng::RealRng),
            env: Arc::new(env::RealEnv),
            process: Arc::new(process::RealProcess::default()),
            wire: Arc::new(wire::RealWire::default()),
        }
    }

    /// The same world with these programs as workers, and these for `exec`.
    #[must_use]
    pub fn with_programs(
        self,
        workers: std::collections::HashMap<String, Vec<String>>,
        programs: std::collections::HashMap<String, process::Declared>,
    ) -> Self {
        Self {
            process: Arc::new(process::RealProcess::new(workers, programs)),
            ..self
        }
    }
}
