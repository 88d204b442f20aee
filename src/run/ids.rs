//! Identifiers.

use crate::world::World;
use crate::world::rng::Rng;

/// A version 7 UUID (RFC 9562 section 5.7): run id, version id and tag in one; sorts by time.
pub fn run_id(world: &World) -> std::io::Result<String> {
    let mut bytes = [0u8; 16];
    world.rng.fill(&mut bytes)?;
    let millis = u64::try_from(world.clock.now().as_millisecond())
        .unwrap_or(0)
        .to_be_bytes();
    for (target, source) in bytes.iter_mut().zip(millis.iter().skip(2)) {
        *target = *source;
    }
    Ok(uuid_from(&bytes, 7))
}

/// When a run began, as its id says.
pub fn made_at(run_id: &str) -> Option<jiff::Timestamp> {
    let digits: String = run_id.chars().filter(|c| *c != '-').take(12).collect();
    jiff::Timestamp::from_millisecond(i64::from_str_radix(&digits, 16).ok()?).ok()
}

/// A version 4 UUID.
pub fn uuid4(rng: &dyn Rng) -> std::io::Result<String> {
    let mut bytes = [0u8; 16];
    rng.fill(&mut bytes)?;
    Ok(uuid_from(&bytes, 4))
}

/// A UUID of the first sixteen bytes with version and variant set.
pub fn uuid_from(bytes: &[u8], version: u8) -> String {
    let mut id = [0u8; 16];
    for (target, source) in id.iter_mut().zip(bytes) {
        *target = *source;
    }
    id[6] = (id[6] & 0x0f) | (version << 4);
    id[8] = (id[8] & 0x3f) | 0x80;
    let hex = super::functions::hex(&id);
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    )
}
