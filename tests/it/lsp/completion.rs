//! Completion is never wrong: what is offered can stand there, and what stands there is offered.

use super::client::{Client, cursor};
use rot::diagnostic::Severity;
use rot::source::SourceFile;
use rot::workspace::config::Config;
use rot::workspace::load;
use std::path::Path;

fn labels(client: &mut Client, path: &Path, text: &str, at: usize) -> Vec<String> {
    let list = client.at("textDocument/completion", path, text, at);
    list["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|i| i["textEdit"]["newText"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn offers_are_what_may_stand_there() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let path = root.join("a.rot");
    std::fs::write(root.join("b.rot"), "secret other to \"b.example.com\"\n").unwrap();
    let mut client = Client::new(&root);
    client.open(&path, "");
    let head = "secret key { id, value } to \"api.example.com\"\nsecret single to \"api.example.com\"\n\nrotation r {\n  input who: string\n";
    for (body, wanted, unwanted) in [
        (
            "  $0",
            vec!["http", "every", "cron", "let", "when", "on failure"],
            vec!["bearer", "secret", "single"],
        ),
        (
            "  http GET \"https://api.example.com\" { bearer secrets.$0   expect status 200 }\n}",
            vec!["single"],
            vec!["http", "who"],
        ),
        ("  log secrets.$0\n}", vec![], vec!["single", "http"]),
        (
            "  http GET \"https://api.example.com\" { bearer secrets.key.$0   expect status 200 }\n}",
            vec!["id", "value"],
            vec!["key"],
        ),
        ("  log input.$0\n}", vec!["who"], vec!["id"]),
        (
            "  log $0\n}",
            vec!["input.who", "run.id"],
            vec!["http", "secrets", "secrets.key.id"],
        ),
        ("  log run.$0\n}", vec!["id", "started_at"], vec!["who"]),
        (
            "  http a POST \"https://api.example.com\" $0",
            vec!["issues", "reads", "sets"],
            vec!["bearer"],
        ),
        (
            "  http a POST \"https://api.example.com\" issues $0",
            vec!["additive", "replacing"],
            vec!["reads"],
        ),
        (
            "  http a POST \"https://api.example.com\" issues replacing $0",
            vec!["key", "grace", "recover with"],
            vec!["additive"],
        ),
        (
            "  http a POST \"https://api.example.com\" issues additive {\n    $0\n  }\n}",
            vec!["bearer", "json", "expect", "strays", "secret"],
            vec!["http", "when"],
        ),
        (
            "  http a POST \"https://api.example.com\" issues additive {\n    expect $0\n  }\n}",
            vec!["status", "body", "header"],
            vec!["bearer"],
        ),
        ("  stage $0", vec!["key", "single"], vec!["http", "who"]),
        ("  promote $0\n}", vec!["key", "single"], vec!["http"]),
        ("  verify $0", vec!["within", "every"], vec!["http"]),
        (
            "  cron \"0 0 3 * * *\" in \"Europe/Ber$0\"\n}",
            vec!["Europe/Berlin"],
            vec!["UTC"],
        ),
        (
            "  http a GET \"https://api.example.com\" { secret t = body $.t to \"$0\" }\n}",
            vec!["api.example.com", "b.example.com"],
            vec![],
        ),
        (
            "  http a GET \"https://api.example.com\" { secret t = body $.t as $0 }\n}",
            vec!["string", "int", "time"],
            vec!["bearer"],
        ),
        ("  log \"x ${input.$0}\"\n}", vec!["who"], vec!["http"]),
        ("  every $0", vec![], vec!["http", "who"]),
        ("  log \"nothing $0\"\n}", vec![], vec!["http", "who"]),
        ("  # rot: ignore[ROT30$0", vec!["ROT301"], vec!["http"]),
    ] {
        let (text, at) = cursor(&format!("{head}{body}"));
        client.change(&path, &text);
        let found = labels(&mut client, &path, &text, at);
        for one in wanted {
            assert!(
                found.iter().any(|f| f == one),
                "`{body}`: no {one} in {found:?}"
            );
        }
        for one in unwanted {
            assert!(
                !found.iter().any(|f| f == one),
                "`{body}`: {one} in {found:?}"
            );
        }
    }
    for (text, wanted) in [
        ("$0", "rotation"),
        ("use \"$0\"\n", "b.rot"),
        ("secret a to \"api.example.com\"\n$0", "secret"),
        ("secret a to \"api.example.com\" in $0\n", "header"),
    ] {
        let (text, at) = cursor(text);
        client.change(&path, &text);
        let found = labels(&mut client, &path, &text, at);
        assert!(found.iter().any(|f| f == wanted), "`{text}`: {found:?}");
    }
    client.leave();
}

/// At the start of each word of all examples: is the word that stands there offered, and is anything offered that is wrong?
#[test]
fn what_stands_in_the_examples_is_offered() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let (mut asked, mut offered, mut tried, mut wrong) = (0, 0, 0, 0);
    let mut missed: std::collections::BTreeMap<String, usize> = Default::default();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "rot") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let mut client = Client::new(path.parent().unwrap());
        client.open(&path, &text);
        for (start, end) in chosen(&text) {
            let word = &text[start..end];
            let found = labels(&mut client, &path, &text, start);
            assert!(found.len() <= 200);
            asked += 1;
            let two = format!("{word} ");
            if found.iter().any(|f| f == word || f.starts_with(&two)) {
                offered += 1;
            } else {
                *missed.entry(word.to_owned()).or_default() += 1;
            }
            for label in found.iter().filter(|f| f.as_str() != word).take(3) {
                // Words of the language go on; names are whole.
                if !label.contains('.') {
                    continue;
                }
                tried += 1;
                let mut new = text.clone();
                new.replace_range(start..end, label);
                let file = SourceFile::new(path.display().to_string(), new);
                let after = load::analyse(&file, &Config::default());
                let place = start as u32..(start + label.len()) as u32;
                wrong += usize::from(after.findings.iter().any(|d| {
                    d.code.id() < "ROT3"
                        && d.severity == Severity::Error
                        && d.span().start < place.end
                        && d.span().end > place.start
                }));
            }
        }
        client.leave();
    }
    println!(
        "{offered} of {asked} words are offered where they stand; {wrong} of {tried} offers are wrong; missed {missed:?}"
    );
    assert!(
        offered * 100 >= asked * 95,
        "{offered} of {asked}: {missed:?}"
    );
    assert!(wrong * 100 <= tried, "{wrong} of {tried}");
}

/// Words that are chosen and not made up: keywords and used names. Left out: strings, numbers, paths, comments, and the names
/// that a definition, a key of an object or a method makes up.
fn chosen(text: &str) -> Vec<(usize, usize)> {
    let file = SourceFile::new("a.rot", text);
    let (tree, _) = rot::syntax::parse(rot::source::FileId::new(0), &file);
    let mut index = rot::plan::index::Index::on();
    rot::plan::resolve::resolve_into(&[], &tree, &mut index);
    let mut all = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let code = line.split('#').next().unwrap();
        let mut quoted = false;
        let mut at = 0;
        let bytes = code.as_bytes();
        while at < bytes.len() {
            let c = bytes[at] as char;
            if c == '"' {
                quoted = !quoted;
            } else if !quoted && c == '$' {
                at += code[at..].find([' ', '}', '\n']).unwrap_or(code.len() - at);
                continue;
            } else if !quoted && c.is_ascii_digit() {
                at += code[at..]
                    .find(|c: char| !c.is_ascii_alphanumeric())
                    .unwrap_or(code.len() - at);
                continue;
            } else if !quoted && c.is_ascii_alphabetic() {
                let end = at
                    + code[at..]
                        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
                        .unwrap_or(code.len() - at);
                let (start, stop) = (offset + at, offset + end);
                let defined = index
                    .definitions
                    .iter()
                    .any(|d| d.at.start as usize <= start && (d.at.end as usize) >= stop);
                let key = code[end..].trim_start().starts_with(':');
                let word = &code[at..end];
                let method = word.bytes().all(|b| b.is_ascii_uppercase());
                if !defined && !key && !method && !["true", "false", "null"].contains(&word) {
                    all.push((start, stop));
                }
                at = end;
                continue;
            }
            at += 1;
        }
        offset += line.len();
    }
    all
}
