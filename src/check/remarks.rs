//! What people say beside a rotation, in comments and descriptions: lengths and times that its steps have to keep to.
//!
//! Only sentences of a fixed form are understood. What is said of a rotation that is not the only one of its file counts for
//! that alone if it stands in it or right above it.

use super::context::Context;
use super::lifetime::{DAY, HOUR, MINUTE, SECOND};
use crate::plan::schedule::Dur;
use crate::source::Span;

/// Words of those who look for a new value from time to time.
const LOOKS: [&str; 22] = [
    "read",
    "reads",
    "reread",
    "reload",
    "reloads",
    "reloaded",
    "refresh",
    "refreshes",
    "poll",
    "polls",
    "fetch",
    "fetches",
    "pull",
    "pulls",
    "pick",
    "picks",
    "cache",
    "caches",
    "sync",
    "syncs",
    "cached",
    "restart",
];

/// The remarks of a file, by the rotation that they speak of.
#[derive(Debug, Default)]
pub(crate) struct Remarks {
    /// Words of a remark, its rotation and its place.
    said: Vec<(Vec<String>, usize, Span)>,
}

impl Remarks {
    /// All of the file that was checked.
    pub(crate) fn of(cx: &Context<'_, '_>) -> Self {
        let mut all = Self::default();
        let own: Vec<(usize, Span)> = (cx.plan.rotations.iter().enumerate())
            .filter(|(_, rotation)| !rotation.imported)
            .map(|(index, rotation)| (index, rotation.at.0))
            .collect();
        for (index, rotation) in cx.plan.rotations.iter().enumerate() {
            if let Some(text) = &rotation.description {
                all.said.push((words(text), index, rotation.at.0));
            }
        }
        let Some((_, first)) = own
            .first()
            .filter(|_| cx.plan.dialect.semantics().declares_intent)
        else {
            return all;
        };
        let Some(text) = cx.texts.of(*first) else {
            return all;
        };
        let mut at = 0;
        let mut block: Option<(String, usize, usize)> = None;
        for line in text.split_inclusive('\n') {
            let start = at;
            at += line.len();
            if let Some(comment) = line.trim().strip_prefix('#') {
                let (said, _, end) = block.get_or_insert((String::new(), start, at));
                said.push(' ');
                said.push_str(comment);
                *end = at;
            } else if let Some(block) = block.take() {
                all.add(&own, *first, block);
            }
        }
        if let Some(block) = block {
            all.add(&own, *first, block);
        }
        all
    }

    fn add(
        &mut self,
        own: &[(usize, Span)],
        file: Span,
        (said, start, end): (String, usize, usize),
    ) {
        let around = |at: u32| {
            own.iter()
                .rev()
                .find(|(_, span)| span.start <= at)
                .map(|(index, _)| *index)
        };
        let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(end)) else {
            return;
        };
        let rotation = match own {
            [(only, _)] => Some(*only),
            _ => around(start),
        };
        // A comment above the first of several speaks of all or of a secret.
        let Some(rotation) = rotation else {
            return;
        };
        let span = Span {
            file: file.file,
            start,
            end,
        };
        self.said.push((words(&said), rotation, span));
    }

    fn of_rotation(&self, rotation: usize) -> impl Iterator<Item = (&[String], Span)> {
        self.said
            .iter()
            .filter(move |(_, of, _)| *of == rotation)
            .map(|(words, _, span)| (words.as_slice(), *span))
    }

    /// The fewest characters that a value is said to have.
    pub(crate) fn least_length(&self, rotation: usize) -> Option<u32> {
        self.of_rotation(rotation)
            .filter_map(|(words, _)| {
                let at = words
                    .iter()
                    .position(|w| w.starts_with("character") || w == "chars")?;
                let number: u32 = words.get(at.checked_sub(1)?)?.parse().ok()?;
                let before = words.get(at.saturating_sub(4)..at)?;
                let least = before
                    .iter()
                    .any(|w| ["least", "minimum", "min"].contains(&w.as_str()));
                let or_more = words
                    .get(at..)?
                    .iter()
                    .take(4)
                    .any(|w| ["more", "longer", "minimum"].contains(&w.as_str()));
                (least || or_more).then_some(number)
            })
            .max()
    }

    /// How seldom those who use a credential look for a new one.
    pub(crate) fn looked_for_every(&self, rotation: usize) -> Option<(Dur, Span)> {
        self.of_rotation(rotation)
            .filter(|(words, _)| {
                let of_rotations = words.iter().any(|w| w.starts_with("rotat"));
                words.iter().any(|w| LOOKS.contains(&w.as_str())) && !of_rotations
            })
            .filter_map(|(words, span)| Some((interval(words)?, span)))
            .max()
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// `once an hour`, `hourly`, `every 30 minutes`, `for up to 2 hours`, `every day`, `nightly`.
fn interval(words: &[String]) -> Option<Dur> {
    let mut longest: Option<u64> = None;
    for (at, word) in words.iter().enumerate() {
        let before = at
            .checked_sub(1)
            .and_then(|at| words.get(at))
            .map_or("", String::as_str);
        let often = at
            .checked_sub(2)
            .and_then(|at| words.get(at))
            .map_or("", String::as_str);
        let unit = unit(word);
        let found = match word.as_str() {
            "hourly" => Some(HOUR),
            "daily" | "nightly" => Some(DAY),
            "weekly" => Some(7 * DAY),
            _ => unit.and_then(|unit| match before {
                "every" | "each" => Some(unit),
                "a" | "an" | "per" if ["once", "every"].contains(&often) => Some(unit),
                number => {
                    let number: u64 = number.parse().ok().filter(|n| (1..=400).contains(n))?;
                    let says = [
                        "every", "for", "to", "within", "after", "each", "about", "some",
                    ];
                    says.contains(&often).then(|| number * unit)
                }
            }),
        };
        longest = longest.max(found);
    }
    longest.map(Dur)
}

fn unit(word: &str) -> Option<u64> {
    match word {
        "second" | "seconds" | "s" => Some(SECOND),
        "minute" | "minutes" | "min" => Some(MINUTE),
        "hour" | "hours" | "h" => Some(HOUR),
        "day" | "days" | "night" => Some(DAY),
        "week" | "weeks" => Some(7 * DAY),
        _ => None,
    }
}
