//! Time.

use super::BoxFuture;
use std::time::Duration;

/// Time.
pub trait Clock: Send + Sync {
    /// Wall time.
    fn now(&self) -> jiff::Timestamp;
    /// Time since some fixed point; never goes back.
    fn monotonic(&self) -> Duration;
    /// Waits.
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()>;
}

/// The machine's clock.
pub struct RealClock;

#[allow(clippy::disallowed_methods)]
impl Clock for RealClock {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        START.get_or_init(std::time::Instant::now).elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
