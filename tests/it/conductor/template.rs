//! `${…}` and `$${…}`: the measured table of Conductor's engine, and what must hold of every string.

use super::spec;
use proptest::prelude::*;
use rot::conductor::template::{self, Mode, Part, StepKind, Template};

/// A template as text: literal pieces as they are, references as `«…»`, deferred ones as `«!…»`.
fn shown(template: &Template) -> String {
    template
        .parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Reference(r) => {
                format!("«{}{}»", if r.deferred { "!" } else { "" }, shown(&r.inner))
            }
        })
        .collect()
}

#[test]
fn the_measured_table() {
    let table: Vec<serde_json::Value> = serde_json::from_str(&spec("templates.json")).unwrap();
    assert!(table.len() >= 30);
    for row in table {
        let text = row["text"].as_str().unwrap();
        let mode = if row["deferred"] == true {
            Mode::Deferred
        } else {
            Mode::Now
        };
        let parsed = template::parse(text, mode);
        assert_eq!(shown(&parsed), row["parts"].as_str().unwrap(), "{text}");
        assert_eq!(
            parsed.whole().is_some(),
            row["whole"] == true,
            "whole: {text}"
        );
    }
}

#[test]
fn paths_are_taken_apart() {
    let table: Vec<serde_json::Value> = serde_json::from_str(&spec("paths.json")).unwrap();
    for row in table {
        let text = row["text"].as_str().unwrap();
        let path = template::path(text).map(|p| {
            let steps = p.steps.iter().map(|s| match &s.kind {
                StepKind::Name(name) => name.clone(),
                StepKind::Index(index) => format!("#{index}"),
            });
            (
                steps.collect::<Vec<_>>().join(" | "),
                p.tail.clone(),
                template::path_text(&p.steps, &p.tail),
            )
        });
        let expected = row["steps"].as_str().map(|steps| {
            (
                steps.to_owned(),
                row["tail"].as_str().unwrap_or("").to_owned(),
                row["path"].as_str().unwrap_or("").to_owned(),
            )
        });
        assert_eq!(path, expected, "{text}");
    }
}

#[test]
fn time_is_linear_in_hostile_strings() {
    for unit in ["${", "$${", "{", "$", "${a}", "${${", "}"] {
        let text = unit.repeat(200_000);
        let parsed = template::parse(&text, Mode::Now);
        assert!(parsed.references().len() <= text.len());
    }
    let nested = format!("{}a{}", "${".repeat(10_000), "}".repeat(10_000));
    assert!(template::parse(&nested, Mode::Now).references().len() <= 16);
}

proptest! {
    /// Ranges lie in the text in order, begin with `${` and end with `}`, and no reference follows a `$`.
    #[test]
    fn references_stand_where_they_say(text in "[${}a. ]{0,30}") {
        let parsed = template::parse(&text, Mode::Now);
        let mut end = 0;
        for part in &parsed.parts {
            if let Part::Reference(r) = part {
                prop_assert!(r.range.start >= end);
                end = r.range.end;
                let framed = text[r.range.clone()].starts_with("${") && text[r.range.clone()].ends_with('}');
                prop_assert!(framed);
                prop_assert!(!text[..r.range.start].ends_with('$'));
                let inner = &text[r.inner_range.clone()];
                prop_assert_eq!(inner.matches('{').count(), inner.matches('}').count());
            }
        }
    }

    /// A text without `${` is itself.
    #[test]
    fn plain_text_is_itself(text in "[^{]{0,40}") {
        prop_assert_eq!(template::parse(&text, Mode::Now).constant(), Some(text));
    }
}
