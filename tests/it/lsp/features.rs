//! What the server answers, on texts that a user might have. Cursors are `$0`.

use super::client::{Client, NOW, applied, at, cursor, offset, slice, uri};
use rot::workspace::config::Config;
use rot::workspace::load;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const FIRST: &str = r#"use "shared.rot"
env REGION

secret admin_key to "api.example.com"
secret ci_token { value, id } to "api.example.com"

rotation other {
  input who: string
  output name = input.who
}

rotation ci_token {
  description "A fresh token every week"
  cron "0 0 3 * * MON" in "Europe/Berlin" jitter 10m
  timeout 5m

  let region = env.REGION
  http mint POST "https://api.example.com/tokens" issues additive {
    bearer secrets.admin_key
    json { name: "rot-${region}", shared: secrets.shared_key }
    expect status 201
    secret value = body $.token
    public id = body $.id
    public ids = body $.ids as list
  }
  for each one in mint.ids {
    log "one ${one}"
  }
  call c = other { who: region }
  log "called ${c.name}"
  stage ci_token { value: mint.value, id: mint.id }
  verify within 2m every 5s {
    http GET "https://api.example.com/me" { bearer pending.ci_token.value   expect status 200 }
  }
  promote ci_token
  revoke previous.ci_token after 24h {
    http DELETE "https://api.example.com/tokens/${previous.ci_token.id}" {
      bearer secrets.admin_key
      expect status 204, 404
    }
  }
}
"#;
const SHARED: &str = "secret shared_key to \"api.example.com\"\n";

fn project() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    std::fs::write(root.join("first.rot"), FIRST).unwrap();
    std::fs::write(root.join("shared.rot"), SHARED).unwrap();
    (dir, root)
}

/// A byte within the `nth` occurrence of a text.
fn within(text: &str, what: &str, nth: usize) -> usize {
    text.match_indices(what).nth(nth).unwrap().0 + 1
}

fn examples() -> Vec<(PathBuf, String)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut all: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "rot" || e == "json"))
        .map(|p| {
            let text = std::fs::read_to_string(&p).unwrap();
            (p, text)
        })
        .collect();
    all.sort();
    all
}

#[test]
fn every_capability_that_is_named_is_answered() {
    let (_dir, root) = project();
    let path = root.join("first.rot");
    let mut client = Client::new(&root);
    assert_eq!(client.open(&path, FIRST), Vec::<Value>::new());
    let document = json!({ "textDocument": { "uri": uri(&path) } });
    let at = at(&path, FIRST, within(FIRST, "admin_key", 1), json!({}));
    let with = |more: Value| {
        let mut params = at.clone();
        for (key, value) in more.as_object().unwrap() {
            params[key] = value.clone();
        }
        params
    };
    let all =
        json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } });
    let options = json!({ "tabSize": 2, "insertSpaces": true });
    for (method, params) in [
        ("textDocument/hover", at.clone()),
        ("textDocument/signatureHelp", at.clone()),
        ("textDocument/definition", at.clone()),
        ("textDocument/documentHighlight", at.clone()),
        ("textDocument/completion", at.clone()),
        ("textDocument/prepareRename", at.clone()),
        (
            "textDocument/references",
            with(json!({ "context": { "includeDeclaration": true } })),
        ),
        (
            "textDocument/rename",
            with(json!({ "newName": "root_key" })),
        ),
        ("textDocument/documentSymbol", document.clone()),
        ("textDocument/foldingRange", document.clone()),
        ("textDocument/documentLink", document.clone()),
        ("textDocument/codeLens", document.clone()),
        ("textDocument/semanticTokens/full", document.clone()),
        (
            "textDocument/semanticTokens/range",
            with(json!({ "range": all })),
        ),
        ("textDocument/inlayHint", with(json!({ "range": all }))),
        (
            "textDocument/formatting",
            with(json!({ "options": options })),
        ),
        (
            "textDocument/rangeFormatting",
            with(json!({ "options": options, "range": all })),
        ),
        (
            "textDocument/codeAction",
            with(json!({ "range": all, "context": { "diagnostics": [] } })),
        ),
        ("workspace/symbol", json!({ "query": "ci" })),
        (
            "workspace/executeCommand",
            json!({ "command": "rot.showFlow", "arguments": [uri(&path)] }),
        ),
    ] {
        let answer = client.ask(method, params);
        println!("{method}: {answer}");
    }
    assert_eq!(
        client.try_ask("textDocument/moniker", at),
        Err("not offered".into())
    );
    assert_eq!(client.leave(), rot::lsp::Ended::Properly);
}

/// Each row: the text under the cursor (the nth of it), where its definition is (file, nth), how many uses it has.
#[test]
fn names_lead_to_their_definitions_and_back() {
    let (_dir, root) = project();
    let path = root.join("first.rot");
    let mut client = Client::new(&root);
    client.open(&path, FIRST);
    for (what, nth, defined, uses) in [
        ("admin_key", 1, ("first.rot", 0), 2),
        ("admin_key", 2, ("first.rot", 0), 2),
        ("shared_key", 0, ("shared.rot", 0), 1),
        ("region", 1, ("first.rot", 0), 2),
        ("REGION", 1, ("first.rot", 0), 1),
        ("mint", 1, ("first.rot", 0), 3),
        ("value", 3, ("first.rot", 1), 1),
        ("other", 1, ("first.rot", 0), 1),
        ("who", 1, ("first.rot", 0), 2),
        ("who", 2, ("first.rot", 0), 2),
        ("one", 2, ("first.rot", 0), 1),
    ] {
        let from = within(FIRST, what, nth);
        let found = client.at("textDocument/definition", &path, FIRST, from);
        let text = if defined.0 == "first.rot" {
            FIRST
        } else {
            SHARED
        };
        assert_eq!(found["uri"], uri(&root.join(defined.0)), "{what} {nth}");
        let there = offset(text, &found["range"]["start"]);
        println!(
            "{what} {nth}: {}",
            &text[there..(there + 20).min(text.len())]
        );
        assert_eq!(slice(text, &found["range"]), what, "{what} {nth}");
        assert_eq!(there + 1, within(text, what, defined.1), "{what} {nth}");
        let params = at(
            &path,
            FIRST,
            from,
            json!({ "context": { "includeDeclaration": false } }),
        );
        let found = client.ask("textDocument/references", params);
        assert_eq!(
            found.as_array().unwrap().len(),
            uses,
            "{what} {nth}: {found}"
        );
    }
    client.leave();
}

#[test]
fn hovers_say_where_a_secret_may_go_and_goes_and_what_is_due() {
    let (_dir, root) = project();
    let path = root.join("first.rot");
    let mut client = Client::new(&root);
    client.open(&path, FIRST);
    for (what, nth, said) in [
        (
            "admin_key",
            1,
            vec![
                "may go to",
                "`api.example.com` in header, body",
                "goes to",
                "mint",
            ],
        ),
        (
            "ci_token",
            1,
            vec![
                "A fresh token",
                "2026-10-26 03:00 CET",
                "2026-11-02",
                "time-out",
            ],
        ),
        (
            "0 0 3",
            0,
            vec!["at 03:00 on Monday", "2026-10-26 03:00 CET"],
        ),
        ("value", 3, vec!["secret", "mint.value"]),
        ("region", 1, vec!["string", "public"]),
        ("issues additive", 0, vec!["strays"]),
        ("mint", 1, vec!["POST request", "secret `value`"]),
    ] {
        let hover = client.at("textDocument/hover", &path, FIRST, within(FIRST, what, nth));
        let text = hover["contents"]["value"].as_str().unwrap_or_default();
        println!("--- {what}\n{text}");
        for part in said {
            assert!(text.contains(part), "{what}: no `{part}` in\n{text}");
        }
    }
    client.leave();
}

#[test]
fn a_name_changes_everywhere_and_back_again() {
    let (_dir, root) = project();
    let path = root.join("first.rot");
    let mut client = Client::new(&root);
    client.open(&path, FIRST);
    for (what, nth, new) in [
        ("admin_key", 1, "root/key"),
        ("shared_key", 0, "other_key"),
        ("region", 1, "area"),
        ("mint", 1, "make"),
        ("who", 1, "whom"),
        ("one", 2, "each_one"),
        ("other", 1, "another"),
        ("value", 3, "token"),
        ("value", 0, "secret_part"),
    ] {
        let from = within(FIRST, what, nth);
        let params = at(&path, FIRST, from, json!({ "newName": new }));
        let edit = client.ask("textDocument/rename", params);
        for change in edit["documentChanges"].as_array().unwrap() {
            let old = if change["textDocument"]["uri"] == uri(&path) {
                FIRST
            } else {
                SHARED
            };
            let text = applied(old, &change["edits"]);
            assert_ne!(text, old);
            for one in change["edits"].as_array().unwrap() {
                assert_eq!(slice(old, &one["range"]), what);
            }
        }
    }
    for (what, nth, new, why) in [
        ("admin_key", 1, "ci_token", "cannot become"),
        ("mint", 1, "region", "cannot become"),
        ("mint", 1, "1-2-", "no name"),
        ("region", 1, "when", "word of the language"),
        ("mint", 1, "secrets", "paths begin with"),
        ("REGION", 1, "OTHER", "whoever sets it"),
    ] {
        let params = at(
            &path,
            FIRST,
            within(FIRST, what, nth),
            json!({ "newName": new }),
        );
        let refused = client.try_ask("textDocument/rename", params);
        let refused = refused.expect_err(&format!("{what} → {new}"));
        assert!(refused.contains(why), "{what} → {new}: {refused}");
    }
    client.leave();
}

/// Every name of every example, there and back: the same bytes; between, the same plan but for the name.
#[test]
fn renaming_keeps_the_plan_and_renaming_back_keeps_the_text() {
    let mut renamed = 0;
    for (_, text) in examples()
        .iter()
        .filter(|(p, _)| p.extension().unwrap() == "rot")
    {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let path = root.join("a.rot");
        let mut client = Client::new(&root);
        client.open(&path, text);
        let symbols = names(text);
        for at_byte in symbols {
            let prepared = client.at("textDocument/prepareRename", &path, text, at_byte);
            let Some(old) = prepared["placeholder"].as_str() else {
                continue;
            };
            let params = at(&path, text, at_byte, json!({ "newName": "brand_new" }));
            let edit = client.ask("textDocument/rename", params);
            let there = applied(text, &edit["documentChanges"][0]["edits"]);
            let errors = |t: &str| {
                let file = rot::source::SourceFile::new("a.rot", t);
                let found = load::analyse(&file, &Config::default());
                found
                    .findings
                    .iter()
                    .map(|d| d.code.id())
                    .collect::<Vec<_>>()
            };
            assert_eq!(errors(text), errors(&there), "{old}\n{there}");
            client.change(&path, &there);
            let start = there.find("brand_new").unwrap();
            let back = at(&path, &there, start, json!({ "newName": old }));
            let edit = client.ask("textDocument/rename", back);
            let back = applied(&there, &edit["documentChanges"][0]["edits"]);
            assert_eq!(&back, text, "{old}");
            client.change(&path, text);
            renamed += 1;
        }
        client.leave();
    }
    println!("{renamed} names renamed there and back");
    assert!(renamed >= 200, "{renamed}");
}

/// Where words begin.
fn names(text: &str) -> Vec<usize> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let mut all = Vec::new();
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if word(c) && !word(before) {
            all.push(at);
        }
        before = c;
    }
    all
}

#[test]
fn fixes_are_offered_as_they_are_made_by_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let path = root.join("a.rot");
    let text = "secret key to \"api.example.com\"\n\nrotation r {\n  every 1d\n  http a GET \"http://api.example.com/x\" { bearer secrets.key   expect status 200 }\n}\n";
    let mut client = Client::new(&root);
    let found = client.open(&path, text);
    assert!(!found.is_empty());
    let all =
        json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } });
    let params = json!({ "textDocument": { "uri": uri(&path) }, "range": all, "context": { "diagnostics": [] } });
    let actions = client.ask("textDocument/codeAction", params);
    let file = rot::source::SourceFile::new(path.display().to_string(), text);
    let config = Config::default();
    let mut wanted = 0;
    for finding in load::analyse(&file, &config).findings {
        for fix in &finding.fixes {
            wanted += 1;
            let mut new = text.to_owned();
            let mut edits = fix.edits.clone();
            edits.sort_by_key(|e| std::cmp::Reverse(e.span.start));
            for e in &edits {
                new.replace_range(e.span.start as usize..e.span.end as usize, &e.text);
            }
            let offered = actions.as_array().unwrap().iter().any(|a| {
                applied(text, &a["edit"]["documentChanges"][0]["edits"]) == new
                    && a["edit"]["documentChanges"][0]["textDocument"]["version"] == 1
            });
            assert!(offered, "{}: {}", finding.code.id(), fix.title);
        }
    }
    assert!(wanted > 0);
    // Living with a finding takes it away and brings no other.
    for action in actions.as_array().unwrap() {
        let title = action["title"].as_str().unwrap();
        if title.starts_with("Ignore ") {
            let new = applied(text, &action["edit"]["documentChanges"][0]["edits"]);
            let after = client.change(&path, &new);
            assert_eq!(after.len() + 1, found.len(), "{title}\n{new}");
            client.change(&path, text);
        }
    }
    // All at once: as `--fix`.
    let params = json!({ "textDocument": { "uri": uri(&path) }, "range": all, "context": { "diagnostics": [], "only": ["source.fixAll"] } });
    let all = client.ask("textDocument/codeAction", params);
    let made = match all.as_array().unwrap().first() {
        Some(action) => applied(text, &action["edit"]["documentChanges"][0]["edits"]),
        None => text.to_owned(),
    };
    std::fs::write(&path, text).unwrap();
    let done = crate::support::process::Rot::new()
        .arg("check")
        .arg("--fix")
        .arg(path.display().to_string())
        .run();
    assert_eq!(
        made,
        std::fs::read_to_string(&path).unwrap(),
        "{}",
        done.stderr
    );
    client.leave();
}

#[test]
fn formatting_is_that_of_the_command_line_and_of_a_range_touches_no_other_item() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let path = root.join("a.rot");
    let text = "secret   a to \"x.example.com\"\nsecret   b   to \"x.example.com\"\nrotation r {\nlog   \"a\"\n}\n";
    let mut client = Client::new(&root);
    client.open(&path, text);
    let options = json!({ "tabSize": 2, "insertSpaces": true });
    let params = json!({ "textDocument": { "uri": uri(&path) }, "options": options });
    let whole = applied(text, &client.ask("textDocument/formatting", params));
    let file = rot::source::SourceFile::new("a.rot", text);
    let (tree, _) = rot::syntax::parse(rot::source::FileId::new(0), &file);
    assert_eq!(whole, rot::syntax::print(&tree, &file));
    let range =
        json!({ "start": { "line": 1, "character": 0 }, "end": { "line": 1, "character": 3 } });
    let params =
        json!({ "textDocument": { "uri": uri(&path) }, "options": options, "range": range });
    let part = applied(text, &client.ask("textDocument/rangeFormatting", params));
    assert_eq!(part, text.replace("secret   b   to", "secret b to"));
    client.change(&path, "rotation r {\n  http x GET /\n}\n");
    let params = json!({ "textDocument": { "uri": uri(&path) }, "options": options });
    let refused = client
        .try_ask("textDocument/formatting", params)
        .unwrap_err();
    assert!(refused.contains("could not be read"), "{refused}");
    client.leave();
}

/// The modifier stands on exactly the uses whose label the flow analysis gives.
#[test]
fn tokens_mark_what_is_secret() {
    let (_dir, root) = project();
    let path = root.join("first.rot");
    let mut client = Client::new(&root);
    client.open(&path, FIRST);
    let tokens = client.of("textDocument/semanticTokens/full", &path);
    let mut secret = Vec::new();
    let mut public = Vec::new();
    let (mut line, mut character) = (0, 0);
    for token in tokens["data"].as_array().unwrap().chunks(5) {
        let n: Vec<u64> = token.iter().map(|n| n.as_u64().unwrap()).collect();
        character = if n[0] == 0 { character + n[1] } else { n[1] };
        line += n[0];
        let start = offset(FIRST, &json!({ "line": line, "character": character }));
        let word = &FIRST[start..start + n[2] as usize];
        if n[4] & 2 != 0 {
            secret.push(word);
        } else if n[4] & 1 == 0 {
            public.push(word);
        }
    }
    println!("secret: {secret:?}\npublic: {public:?}");
    for word in ["admin_key", "shared_key", "value"] {
        assert!(secret.contains(&word), "{word} in {secret:?}");
    }
    for word in ["region", "one", "id"] {
        assert!(public.contains(&word), "{word} in {public:?}");
        assert!(!secret.contains(&word), "{word} in {secret:?}");
    }
    client.leave();
}

#[test]
fn symbols_folds_links_lenses_and_hints() {
    let (_dir, root) = project();
    let path = root.join("first.rot");
    let mut client = Client::new(&root);
    client.open(&path, FIRST);
    let symbols = client.of("textDocument/documentSymbol", &path);
    let names: Vec<&str> = symbols
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["REGION", "admin_key", "ci_token", "other", "ci_token"]
    );
    let folds = client.of("textDocument/foldingRange", &path);
    assert!(folds.as_array().unwrap().len() >= 5, "{folds}");
    let links = client.of("textDocument/documentLink", &path);
    assert_eq!(links[0]["target"], uri(&root.join("shared.rot")));
    let lenses = client.of("textDocument/codeLens", &path);
    let titles: Vec<&str> = lenses
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["command"]["title"].as_str().unwrap())
        .collect();
    assert_eq!(
        titles,
        [
            "flow of secrets",
            "next: Mon 2026-10-26 03:00 CET",
            "flow of secrets"
        ],
        "now is {NOW}"
    );
    let all =
        json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } });
    let hints = client.ask(
        "textDocument/inlayHint",
        json!({ "textDocument": { "uri": uri(&path) }, "range": all }),
    );
    assert_eq!(hints[0]["label"], "next Mon 2026-10-26 03:00 CET");
    let shown = client.ask(
        "workspace/executeCommand",
        json!({ "command": "rot.showFlow", "arguments": [uri(&path)] }),
    );
    assert_eq!(shown["uri"], "file:///picture.svg");
    client.leave();
}

const DEFINITION: &str = r#"{
  "name": "refresh",
  "version": 1,
  "schemaVersion": 2,
  "inputParameters": ["who"],
  "tasks": [
    {
      "name": "get", "taskReferenceName": "get", "type": "HTTP",
      "inputParameters": {
        "uri": "https://api.example.com/token", "method": "POST",
        "body": { "key": "${workflow.secrets.api_key}", "who": "${workflow.input.who}" }
      }
    },
    {
      "name": "put", "taskReferenceName": "put", "type": "UPDATE_SECRET",
      "inputParameters": { "_secrets": { "secretKey": "kept", "secretValue": "${get.output.response.body.token}" } }
    }
  ]
}
"#;

#[test]
fn definitions_of_conductor_have_names_hovers_and_completion_too() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let path = root.join("a.json");
    let mut client = Client::new(&root);
    client.open(&path, DEFINITION);
    let used = within(DEFINITION, "get.output", 0);
    let found = client.at("textDocument/definition", &path, DEFINITION, used);
    assert_eq!(slice(DEFINITION, &found["range"]), "get");
    assert_eq!(
        offset(DEFINITION, &found["range"]["start"]) + 1,
        within(DEFINITION, "get\", \"type", 0)
    );
    let params = at(&path, DEFINITION, used, json!({ "newName": "fetch" }));
    let edit = client.ask("textDocument/rename", params);
    let text = applied(DEFINITION, &edit["documentChanges"][0]["edits"]);
    assert!(text.contains("\"taskReferenceName\": \"fetch\"") && text.contains("${fetch.output"));
    let params = at(&path, DEFINITION, used, json!({ "newName": "put" }));
    assert!(client.try_ask("textDocument/rename", params).is_err());
    let hover = client.at(
        "textDocument/hover",
        &path,
        DEFINITION,
        within(DEFINITION, "api_key", 0),
    );
    assert!(
        hover["contents"]["value"]
            .as_str()
            .unwrap()
            .contains("api.example.com"),
        "{hover}"
    );
    for (old, half, offered, not) in [
        (
            "${get.output.response.body.token}",
            "${g$0",
            "get.output.response.body",
            "put.output",
        ),
        (
            "${workflow.input.who}",
            "${workflow.$0",
            "workflow.input.who",
            "get.output",
        ),
        ("\"UPDATE_SECRET\"", "\"UP$0", "UPDATE_SECRET", "name"),
        (
            "\"schemaVersion\"",
            "\"$0\"",
            "restartable",
            "taskReferenceName",
        ),
    ] {
        let (text, cursor) = cursor(&DEFINITION.replacen(old, half, 1));
        client.change(&path, &text);
        let list = client.at("textDocument/completion", &path, &text, cursor);
        let labels: Vec<&str> = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|i| i["label"].as_str().unwrap())
            .collect();
        assert!(labels.contains(&offered), "{half}: {labels:?}");
        assert!(!labels.contains(&not), "{half}: {labels:?}");
    }
    let foreign = root.join("package.json");
    assert_eq!(
        client.open(&foreign, "{ \"name\": \"x\", }"),
        Vec::<Value>::new()
    );
    client.leave();
}
