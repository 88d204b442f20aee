//! The parts of the reference that are made from the tables of the program. `INSTA_UPDATE=always` writes them anew.

use rot::diagnostic::{ALL_CODES, Release, Standing};
use rot::plan::resolve::peers::SCHEMES;
use rot::plan::target::KINDS;
use rot::plan::task::value::GENERATORS;
use rot::plan::{Derivation, Function, Place, Type};
use rot::syntax::keyword;
use rot::templates::ALL;
use std::fmt::Write;
use std::path::Path;

fn is(name: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs/reference")
        .join(name);
    if std::env::var("INSTA_UPDATE").as_deref() == Ok("always") {
        std::fs::write(&path, wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        found, wanted,
        "docs/reference/{name} is not what the tables say: INSTA_UPDATE=always writes it"
    );
}

fn of(derivation: Derivation) -> &'static str {
    match derivation {
        Derivation::Whole => "whole",
        Derivation::Encoded => "encoded",
        Derivation::Part => "part",
        Derivation::Opaque => "opaque",
        Derivation::Weak => "weak",
    }
}

#[test]
fn rules() {
    let mut out = String::from(
        "# Rules\n\nEvery code, made from the table that defines them. `rot explain CODE` prints its page; the name serves as the code does, also in `rot.toml` and in suppressions.\nWhat `version` in `rot.toml` has to do with *since* stands in [Check](check.md#updates).\n\n| code | name | weight | since | reported |\n| --- | --- | --- | --- | --- |\n",
    );
    for code in ALL_CODES {
        let info = code.info();
        let reported = match info.standing {
            Standing::Usual => "",
            Standing::Pedantic => "with `pedantic`",
            Standing::Rehearsal => "by `rot rehearse`",
            Standing::Always => "whatever the settings say",
        };
        writeln!(
            out,
            "| {} | {} | {} | {} | {reported} |",
            code.id(),
            code.name(),
            info.severity.as_str(),
            code.since()
        )
        .unwrap();
        assert!(code.since() <= Release::current(), "{}", code.id());
    }
    is("rules.md", &out);
}

#[test]
fn words() {
    let mut out = String::from(
        "# Words\n\nEvery function, generator, option, place and effect of the language, made from the tables that define them. How they are used stands in the [language reference](language.md).\n",
    );
    out.push_str("\n## Functions\n\nThe last column tells what becomes of a secret in the arguments: a masker finds `whole` and `encoded`; what is `part` or `opaque` keeps its origin all the same and goes where that may go.\n\n| function | gives | what | secret |\n| --- | --- | --- | --- |\n");
    for function in Function::ALL {
        let parameters: Vec<String> = function.parameters().iter().map(Type::describe).collect();
        writeln!(
            out,
            "| `{}({})` | {} | {} | {} |",
            function.name(),
            parameters.join(", "),
            function.returns().describe(),
            function.doc(),
            of(function.derivation())
        )
        .unwrap();
    }
    // The language reference has the same table, for who reads it from the beginning.
    let language = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/language.md");
    let language = std::fs::read_to_string(language).unwrap();
    for row in out.lines().filter(|line| line.starts_with("| `")) {
        assert!(language.contains(row), "language.md lacks {row}");
    }
    out.push_str("\n## What `generate` makes\n\n| kind | makes | options |\n| --- | --- | --- |\n");
    for known in &GENERATORS {
        let options: Vec<String> = known
            .options
            .iter()
            .map(|(word, doc)| format!("`{word}`: {doc}"))
            .collect();
        writeln!(
            out,
            "| `{}` | {} | {} |",
            known.word,
            known.doc,
            options.join("; ")
        )
        .unwrap();
    }
    out.push_str("\n## Places of a secret\n\nWhat may stand behind `in` of `to \"host\"` and `to program \"name\"`. Without `in`: header and body of a host; all three of a program.\n\n| place | of | what |\n| --- | --- | --- |\n");
    for place in Place::DECLARED {
        let of = if place.is_of_program() {
            "a program"
        } else {
            "a host"
        };
        writeln!(out, "| `{}` | {of} | {} |", place.as_str(), place.doc()).unwrap();
    }
    out.push_str(
        "\n## Signatures\n\n| scheme | options | may be left out |\n| --- | --- | --- |\n",
    );
    for (scheme, needed, optional) in SCHEMES {
        let list = |words: &[&str]| {
            words
                .iter()
                .map(|w| format!("`{w}`"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        writeln!(
            out,
            "| `{scheme}` | {} | {} |",
            list(needed),
            list(optional)
        )
        .unwrap();
    }
    out.push_str("\n## Targets\n\n`target NAME KIND \"PLACE\" { … }`.\n\n| kind | place | what | options |\n| --- | --- | --- | --- |\n");
    for kind in &KINDS {
        let options = kind.options.iter().map(|(word, doc, needed)| {
            let needed = if *needed { " (needed)" } else { "" };
            format!("`{word}`{needed}: {doc}")
        });
        let options = options.collect::<Vec<_>>().join("; ");
        writeln!(
            out,
            "| `{}` | {} | {} | {options} |",
            kind.word, kind.place, kind.doc
        )
        .unwrap();
    }
    let facts: Vec<String> = rot::run::sign::FACTS
        .iter()
        .map(|f| format!("`request.{f}`"))
        .collect();
    writeln!(out, "\nIn `text` of `sign hmac`: {}.", facts.join(", ")).unwrap();
    out.push_str("\n## Effects\n\n| effect | an answer that is expected without `expect` | a refusal that counts as done |\n| --- | --- | --- |\n");
    for (effect, gone) in [
        ("reads", ""),
        ("issues additive", ""),
        ("issues replacing", ""),
        ("sets", ""),
        ("sets self", ""),
        ("sets slot", ""),
        (
            "revokes",
            "404, 410; of `redis` a password that is not there",
        ),
    ] {
        assert!(keyword::EFFECTS.contains(&effect.split(' ').next().unwrap()));
        writeln!(out, "| `{effect}` | any 2xx; of `exec` code 0 | {gone} |").unwrap();
    }
    let list = |words: &[&str]| {
        words
            .iter()
            .map(|w| format!("`{w}`"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    writeln!(out, "\n## First words\n\nOf steps: {}.\n\nOf the clauses of a request: {}.\n\nOf the clauses of a rotation: {}.", list(&keyword::STEPS), list(&keyword::CLAUSES), list(&keyword::ENTRIES)).unwrap();
    is("words.md", &out);
}

/// What a template says of itself.
fn fact(text: &str, word: &str) -> Option<String> {
    let about = text.split_once("about {")?.1.split_once("\n  }")?.0;
    let line = about
        .lines()
        .find_map(|l| l.trim().strip_prefix(&format!("{word} \"")))?;
    Some(line.trim_end_matches('"').to_owned())
}

#[test]
fn templates() {
    let mut out = String::from(
        "# Templates\n\nThe library that is part of the program: `use \"std:NAME@1\"`, or `rot init --template NAME`. `rot templates show NAME` prints a template whole, `rot templates copy NAME` puts it into the project, to be changed. This page is made from the library.\n\n| template | what | after the change | proven against |\n| --- | --- | --- | --- |\n",
    );
    for library in ALL {
        let fact = |word| fact(library.text, word);
        writeln!(
            out,
            "| `{}` | {} | {} | {} |",
            library.name,
            fact("summary").unwrap(),
            fact("lag").unwrap(),
            fact("tested").unwrap_or_else(|| "documented behaviour".into())
        )
        .unwrap();
    }
    for library in ALL {
        let fact = |word| fact(library.text, word).unwrap();
        writeln!(
            out,
            "\n## {}\n\n{}.\n\n- by: {}\n- needs: {}",
            library.name,
            fact("summary"),
            fact("source"),
            fact("needs")
        )
        .unwrap();
        let effects: Vec<&str> = library
            .text
            .lines()
            .filter_map(|line| {
                let line = line.trim();
                let step = ["http ", "sql ", "redis ", "exec "]
                    .iter()
                    .any(|word| line.starts_with(word));
                let effect = ["issues ", "sets", "revokes"]
                    .iter()
                    .filter_map(|word| line.rfind(&format!(" {word}")))
                    .min()?;
                step.then(|| line[effect..].trim_end_matches('{').trim())
            })
            .collect();
        let mut seen: Vec<&str> = Vec::new();
        for effect in effects {
            if !seen.contains(&effect) {
                seen.push(effect);
            }
        }
        writeln!(
            out,
            "- effects: {}",
            seen.iter()
                .map(|e| format!("`{e}`"))
                .collect::<Vec<_>>()
                .join(", ")
        )
        .unwrap();
        writeln!(out, "\n```\n{}```", parameters(library.text)).unwrap();
    }
    assert!(ALL.len() >= 25);
    is("templates.md", &out);
}

fn parameters(text: &str) -> String {
    text.lines()
        .filter(|l| l.trim_start().starts_with("parameter "))
        .map(|l| format!("{}\n", l.trim()))
        .collect()
}

/// The kinds of credential, each with its template or recipe, and how many there are of each.
#[test]
fn kinds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let recipes = root.join("docs/recipes");
    let list = std::fs::read_to_string(recipes.join("kinds.txt")).unwrap();
    let (mut rows, mut used) = (String::new(), std::collections::BTreeSet::new());
    let (mut all, mut covered) = (0, 0);
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let (kind, how) = line.split_once(" | ").unwrap();
        all += 1;
        let shown = match how.strip_prefix("missing: ") {
            Some(why) => format!("not yet: {why}"),
            None => {
                covered += 1;
                let ways = how.split(' ').map(|way| {
                    if let Some(name) = way.strip_prefix("std:") {
                        assert!(ALL.iter().any(|one| one.name == name), "{name}");
                        return format!("[`std:{name}`](templates.md#{name})");
                    }
                    let (folder, file) = match way.strip_prefix("example:") {
                        Some(file) => ("examples", file),
                        None => ("docs/recipes", way),
                    };
                    assert!(root.join(folder).join(file).exists(), "{way}");
                    used.insert(file.to_owned());
                    let to = folder
                        .strip_prefix("docs/")
                        .map_or("../../examples", |_| "../recipes");
                    format!("[{}]({to}/{file})", file.trim_end_matches(".rot"))
                });
                ways.collect::<Vec<String>>().join(", ")
            }
        };
        writeln!(rows, "| {kind} | {shown} |").unwrap();
    }
    assert!(all >= 102 && covered >= 85, "{covered} of {all}");
    for file in std::fs::read_dir(&recipes).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(
            !name.ends_with(".rot") || used.contains(&name),
            "{name} is in no row of kinds.txt"
        );
    }
    is(
        "kinds.md",
        &format!(
            "# Kinds of credential\n\n{covered} of the {all} kinds of credential on this list have a template of the library or a recipe: a rotation to copy, in which names in capitals and hosts are to be filled in. A test checks each recipe without findings; none was run against the vendor's own service. Where a recipe names a program, `[programs]` of `rot.toml` says what it is. What a vendor documents may change: read its page before the first run. This page is made from `docs/recipes/kinds.txt`.\n\n| kind | how |\n| --- | --- |\n{rows}"
        ),
    );
}
