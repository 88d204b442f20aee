//! Which values of the vault are among what was found. The comparison is made inside: what comes out names secrets.

use super::report::{Finding, Place};
use crate::report::Redactor;
use crate::report::redact::spelled;
use crate::vault::{Document, Secret};
use aho_corasick::{AhoCorasick, MatchKind};
use std::collections::HashMap;

/// Shorter values are in any text; as a whole finding they count all the same.
const LEAST: usize = 8;
/// A piece of a value that is found alone, such as a line of a key, is as long as this.
const PIECE: usize = 20;

/// A value of the vault that was found.
#[derive(Debug, Clone)]
pub struct Leaked {
    /// The secret.
    pub secret: String,
    /// The version.
    pub version: String,
    /// The fields that were found; none for a secret of one value.
    pub fields: Vec<String>,
    /// Where.
    pub places: Vec<Place>,
}

/// One value that is looked for.
struct Wanted<'d> {
    secret: &'d str,
    version: &'d str,
    field: Option<&'d str>,
    text: &'d [u8],
}

/// What came of a comparison.
#[derive(Default)]
pub struct Compared {
    /// What was found of the vault, each version once, in the order of the names.
    pub leaked: Vec<Leaked>,
    /// How many findings are none of it.
    pub unmatched: usize,
    /// Where the findings were whose secret the report does not say.
    pub blank: Vec<Place>,
}

/// Looks for the values of the vault in the texts of the findings, in every spelling.
pub fn compare(doc: &Document, findings: &[Finding]) -> Compared {
    let wanted = wanted(doc);
    let long: Vec<usize> = (0..wanted.len())
        .filter(|at| wanted.get(*at).is_some_and(|one| one.text.len() >= LEAST))
        .collect();
    let patterns = long
        .iter()
        .filter_map(|at| wanted.get(*at))
        .map(|one| one.text);
    let within = AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .build(patterns)
        .ok();
    let mut exact: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (at, one) in wanted.iter().enumerate() {
        exact.entry(one.text).or_default().push(at);
    }
    let longest = wanted.iter().map(|one| one.text.len()).max().unwrap_or(0);
    let mut compared = Compared::default();
    for finding in findings {
        let mut hits: Vec<usize> = Vec::new();
        for text in finding.texts() {
            spelled(text, longest, |piece| {
                if let Some(within) = &within {
                    let found = within.find_overlapping_iter(piece);
                    hits.extend(found.filter_map(|hit| long.get(hit.pattern().as_usize())));
                }
                hits.extend(exact.get(piece.trim_ascii()).into_iter().flatten());
            });
            let part = text.trim();
            if part.len() >= PIECE {
                let all = wanted.iter().enumerate();
                let holds = all.filter(|(_, one)| {
                    std::str::from_utf8(one.text).is_ok_and(|text| text.contains(part))
                });
                hits.extend(holds.map(|(at, _)| at));
            }
        }
        hits.sort_unstable();
        hits.dedup();
        match hits.is_empty() {
            true if finding.told().next().is_some() => compared.unmatched += 1,
            true => compared.blank.push(finding.place.clone()),
            false => {}
        }
        for one in hits.into_iter().filter_map(|at| wanted.get(at)) {
            note(&mut compared.leaked, one, &finding.place);
        }
    }
    compared
        .leaked
        .sort_by(|a, b| (&a.secret, &a.version).cmp(&(&b.secret, &b.version)));
    compared
}

/// Every value of the vault, of every version.
fn wanted(doc: &Document) -> Vec<Wanted<'_>> {
    let mut wanted: Vec<Wanted<'_>> = Vec::new();
    for (secret, entry) in doc.secrets() {
        for version in &entry.versions {
            let parts = version.value.as_ref().map(|value| value.parts());
            for (field, value) in parts.into_iter().flatten() {
                let text = value.expose().trim_ascii();
                if !text.is_empty() {
                    let version = version.id.as_str();
                    wanted.push(Wanted {
                        secret,
                        version,
                        field,
                        text,
                    });
                }
            }
        }
    }
    wanted
}

/// Masks the values of the vault, and what the report says was found.
pub fn masker(doc: &Document, findings: &[Finding]) -> Redactor {
    let masker = Redactor::new();
    for (_, entry) in doc.secrets() {
        for version in &entry.versions {
            let parts = version.value.as_ref().map(|value| value.parts());
            for (_, value) in parts.into_iter().flatten() {
                masker.register(value);
            }
        }
    }
    for finding in findings {
        for text in finding.told() {
            masker.register(&Secret::from_text(text));
        }
    }
    masker
}

fn note(leaked: &mut Vec<Leaked>, one: &Wanted<'_>, place: &Place) {
    let known = leaked
        .iter()
        .position(|known| known.secret == one.secret && known.version == one.version);
    let known = known.unwrap_or_else(|| {
        leaked.push(Leaked {
            secret: one.secret.to_owned(),
            version: one.version.to_owned(),
            fields: Vec::new(),
            places: Vec::new(),
        });
        leaked.len() - 1
    });
    if let Some(known) = leaked.get_mut(known) {
        if let Some(field) = one.field
            && !known.fields.iter().any(|known| known == field)
        {
            known.fields.push(field.to_owned());
        }
        if !known.places.contains(place) {
            known.places.push(place.clone());
        }
    }
}
