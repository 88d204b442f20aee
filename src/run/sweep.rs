//! Revocations that are due later: noted in the vault, done by whichever run comes next.
//!
//! An entry goes only when the revocation is done; a crash between the call and the commit leads to a second call, whose
//! 404 or 410 counts as done.

use crate::vault::Document;
use serde::{Deserialize, Serialize};

const META: &str = "revocations";

/// One revocation that is due at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// Secret name.
    pub secret: String,
    /// Version that dies.
    pub version: String,
    /// Rotation whose step revokes it.
    pub rotation: String,
    /// The step.
    pub step: String,
    /// When.
    pub due_at: jiff::Timestamp,
    /// The run that noted it.
    pub run: String,
}

/// What is noted.
pub fn list(doc: &Document) -> Vec<Due> {
    doc.meta
        .get(META)
        .and_then(|v| serde_json::from_value(v.clone()).ok())
        .unwrap_or_default()
}

/// Notes a revocation; the same version twice is one.
pub fn schedule(doc: &mut Document, due: &Due) {
    let mut all = list(doc);
    all.retain(|d| d.secret != due.secret || d.version != due.version);
    all.push(due.clone());
    store(doc, &all);
}

/// Removes a revocation that was done.
pub fn done(doc: &mut Document, secret: &str, version: &str) {
    let mut all = list(doc);
    all.retain(|d| d.secret != secret || d.version != version);
    store(doc, &all);
}

fn store(doc: &mut Document, all: &[Due]) {
    if all.is_empty() {
        doc.meta.remove(META);
    } else if let Ok(value) = serde_json::to_value(all) {
        doc.meta.insert(META.to_owned(), value);
    }
}
