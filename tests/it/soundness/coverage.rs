//! What of the language is part of the programs that are run. The lists are the language's own.

use super::programs::wide_program;
use super::read;
use rot::diagnostic::Severity;
use rot::plan::expr::{ExprKind, Function, Operator};
use rot::plan::task::value::GENERATORS;
use std::collections::{BTreeMap, BTreeSet};

/// Programs that are looked at.
const PROGRAMS: u64 = 3_000;

/// Words that no program of the generator has, and why.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "use",
        "brings in another file, whose rotations are called as `child` is",
    ),
    ("template", "is replaced before anything is checked"),
    ("about", "a fact about a template"),
    ("parameter", "of a template"),
    ("with", "of a template; `recover with` is there"),
    ("from", "of a template"),
    (
        "target",
        "a place that is declared to get a secret: no expression stands in it",
    ),
    ("deliver", "as `target`"),
    ("ca", "a certificate, read before the run begins"),
    ("reveal", "makes public what differs; a property of its own"),
    ("because", "the reason of a `reveal`"),
];

/// Words outside of texts; what stands in `${…}` of one is outside.
fn words(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut word = String::new();
    // For each text that is open, whether an expression of its own is.
    let mut open: Vec<bool> = Vec::new();
    let mut before = ' ';
    for c in text.chars() {
        match (c, open.last().copied()) {
            ('"', Some(false)) => drop(open.pop()),
            ('"', _) => open.push(false),
            ('{', Some(false)) if before == '$' => drop(open.last_mut().map(|last| *last = true)),
            ('}', Some(true)) => drop(open.last_mut().map(|last| *last = false)),
            _ => {}
        }
        before = c;
        if (c.is_ascii_alphanumeric() || c == '_' || c == '-') && open.last() != Some(&false) {
            word.push(c);
        } else {
            found.insert(std::mem::take(&mut word));
        }
    }
    found
}

#[test]
fn programs_have_all_of_the_language() {
    let mut seen_words: BTreeMap<String, usize> = BTreeMap::new();
    let mut functions: BTreeMap<&str, usize> = BTreeMap::new();
    let mut operators: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut valid, mut invalid) = (0, BTreeMap::<String, (usize, String)>::new());
    for seed in 0..PROGRAMS {
        let text = wide_program(seed);
        let (plan, found) = read(&text);
        if let Some(error) = found.iter().find(|d| d.severity == Severity::Error) {
            let entry = invalid
                .entry(format!("{} {}", error.code.id(), error.message))
                .or_insert_with(|| (0, text.clone()));
            entry.0 += 1;
            continue;
        }
        valid += 1;
        for word in words(&text) {
            *seen_words.entry(word).or_default() += 1;
        }
        for rotation in &plan.rotations {
            rotation.exprs(&mut |expr| {
                expr.walk(&mut |part| match &part.kind {
                    ExprKind::Call(function, _) => {
                        *functions.entry(function.name()).or_default() += 1;
                    }
                    ExprKind::Binary(operator, ..) => {
                        *operators.entry(operator.as_str()).or_default() += 1;
                    }
                    _ => {}
                })
            });
        }
    }
    let language = crate::grammars::words_of_the_language();
    let kinds: Vec<&str> = GENERATORS.iter().map(|kind| kind.word).collect();
    let explained = |word: &str| ELSEWHERE.iter().any(|(known, _)| *known == word);
    let mut missing: Vec<String> = Vec::new();
    missing.extend(
        language
            .iter()
            .map(String::as_str)
            .chain(kinds)
            .filter(|word| !seen_words.contains_key(*word) && !explained(word))
            .map(|word| format!("word {word}")),
    );
    missing.extend(
        Function::ALL
            .iter()
            .map(|f| f.name())
            .filter(|name| !functions.contains_key(name))
            .map(|name| format!("function {name}")),
    );
    missing.extend(
        Operator::ALL
            .iter()
            .map(|o| o.as_str())
            .filter(|sign| !operators.contains_key(sign))
            .map(|sign| format!("operator {sign}")),
    );
    println!(
        "{valid} valid of {PROGRAMS} programs: {} of {} words of the grammar ({} elsewhere), {} of {} functions, {} of {} operators",
        language
            .iter()
            .filter(|w| seen_words.contains_key(*w))
            .count(),
        language.len(),
        ELSEWHERE.len(),
        functions.len(),
        Function::ALL.len(),
        operators.len(),
        Operator::ALL.len(),
    );
    let mut reasons: Vec<_> = invalid.iter().collect();
    reasons.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    for (reason, (count, text)) in reasons.iter().take(6) {
        println!("{count} not valid: {reason}");
        if std::env::var_os("ROT_SHOW_INVALID").is_some() {
            println!("{text}");
        }
    }
    assert!(missing.is_empty(), "no program has {missing:?}");
    // An explanation that is out of date.
    let stale: Vec<&str> = ELSEWHERE
        .iter()
        .map(|(word, _)| *word)
        .filter(|word| !language.contains(*word))
        .collect();
    assert!(stale.is_empty(), "{stale:?}");
    assert!(valid * 2 > PROGRAMS, "only {valid} programs are valid");
}
