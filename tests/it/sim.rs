//! The real interpreter, journal and vault in a simulated world: killed at every call, the power cut in every way, then run
//! again as cron would. No credential may be lost, and no secret may show.

mod disk;
mod explore;
mod invariants;
mod issuer;
mod process;
mod scenario;
mod world;

use explore::{Depth, explore};
use world::HttpFault;

/// All kinds of HTTP fault at every call, each crash, a choice of power cuts.
const WIDE: Depth = Depth { http: &HttpFault::ALL, seeds: &[1, 2, 3], again: 0, second: &[] };

#[test]
fn faults() {
    let start = std::time::Instant::now();
    let tally = explore(&WIDE, &std::env::var("ROT_SIM").unwrap_or_default(), std::env::var("ROT_SCHEDULE").ok().as_deref());
    tally.print("crashes and faults");
    println!("{:?}", start.elapsed());
    assert!(tally.violations.is_empty());
}
