//! Which values of the vault are among what was found. The comparison is made inside: what comes out names secrets.

use super::report::{Finding, Place};
use crate::vault::{Document, Secret};
use aho_corasick::{AhoCorasick, MatchKind};

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
    text: &'d str,
}

/// What was found of the vault, each version once, in the order of the names; and how many findings are none of it.
pub fn compare(doc: &Document, findings: &[Finding]) -> (Vec<Leaked>, usize) {
    let mut wanted: Vec<Wanted<'_>> = Vec::new();
    for (secret, entry) in doc.secrets() {
        for version in &entry.versions {
            let parts = version.value.as_ref().map(|value| value.parts());
            for (field, value) in parts.into_iter().flatten() {
                let text = Secret::expose_text(value).map(str::trim);
                if let Some(text) = text.filter(|text| !text.is_empty()) {
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
    let mut leaked: Vec<Leaked> = Vec::new();
    let mut unmatched = 0;
    for finding in findings {
        let mut hits: Vec<usize> = Vec::new();
        for text in &finding.texts {
            let trimmed = text.trim();
            if let Some(within) = &within {
                let found = within.find_overlapping_iter(trimmed);
                hits.extend(found.filter_map(|hit| long.get(hit.pattern().as_usize())));
            }
            let whole = |one: &Wanted<'_>| {
                one.text == trimmed || (trimmed.len() >= PIECE && one.text.contains(trimmed))
            };
            let all = wanted.iter().enumerate();
            hits.extend(all.filter(|(_, one)| whole(one)).map(|(at, _)| at));
        }
        hits.sort_unstable();
        hits.dedup();
        unmatched += usize::from(hits.is_empty());
        for one in hits.into_iter().filter_map(|at| wanted.get(at)) {
            note(&mut leaked, one, &finding.place);
        }
    }
    leaked.sort_by(|a, b| (&a.secret, &a.version).cmp(&(&b.secret, &b.version)));
    (leaked, unmatched)
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
