//! Randomness.

use ring::rand::SecureRandom;

/// Randomness.
pub trait Rng: Send + Sync {
    /// Fills `bytes` with unpredictable bytes, or says that the system has none.
    fn fill(&self, bytes: &mut [u8]) -> std::io::Result<()>;
}

/// The system's generator.
pub struct RealRng;

impl Rng for RealRng {
    fn fill(&self, bytes: &mut [u8]) -> std::io::Result<()> {
        ring::rand::SystemRandom::new()
            .fill(bytes)
            .map_err(|_| std::io::Error::other("the system has no randomness"))
    }
}
