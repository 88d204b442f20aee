//! A unified diff of two texts, as `patch` and code review read it.

use similar::TextDiff;
use std::time::Duration;

/// After this the rest of two texts is shown as replaced; a fix changes a few lines and takes far less.
const LONGEST: Duration = Duration::from_secs(2);

/// The diff; empty when the texts are equal.
pub fn unified(name: &str, before: &str, after: &str) -> String {
    let below = name.trim_start_matches('/');
    TextDiff::configure()
        .timeout(LONGEST)
        .diff_lines(before, after)
        .unified_diff()
        .context_radius(3)
        .header(&format!("a/{below}"), &format!("b/{below}"))
        .to_string()
}
