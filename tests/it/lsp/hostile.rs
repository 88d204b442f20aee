//! Clients that send what no client should, and secrets that stand in the text.

use super::client::{Client, at, uri};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};

const CANARY: &str = "ghp_R8sLq2ZxV7mNcT4bW9yKfJ3dHaUeP6oGiXrQ";

#[test]
fn a_hard_coded_secret_is_repeated_to_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let rot = format!(
        "rotation r {{\n  every 1d\n  let token = \"{CANARY}\"\n  http GET \"https://api.example.com/me\" {{ bearer token   expect status 200 }}\n  log \"x ${{token}}\"\n}}\n"
    );
    let json = json!({
        "name": "r", "version": 1, "schemaVersion": 2,
        "tasks": [{
            "name": "a", "taskReferenceName": "a", "type": "HTTP",
            "inputParameters": {
                "uri": "https://api.example.com", "method": "GET",
                "headers": { "Authorization": format!("Bearer {CANARY}") },
            },
        }],
    });
    let json = serde_json::to_string_pretty(&json).unwrap();
    for (name, text) in [("a.rot", &rot), ("a.json", &json)] {
        let path = root.join(name);
        let mut client = Client::new(&root);
        let found = client.open(&path, text);
        assert!(found.iter().any(|d| d["code"] == "ROT612"), "{found:?}");
        let all = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } });
        for offset in (0..text.len()).step_by(3) {
            for method in [
                "hover",
                "completion",
                "definition",
                "signatureHelp",
                "documentHighlight",
            ] {
                client.at(&format!("textDocument/{method}"), &path, text, offset);
            }
        }
        for method in [
            "documentSymbol",
            "codeLens",
            "foldingRange",
            "semanticTokens/full",
        ] {
            client.of(&format!("textDocument/{method}"), &path);
        }
        let params = json!({ "textDocument": { "uri": uri(&path) }, "range": all, "context": { "diagnostics": [] } });
        client.ask("textDocument/codeAction", params.clone());
        client.ask("textDocument/inlayHint", params);
        let frames = client.frames.lock().unwrap().join("\n");
        assert!(frames.len() > 1000);
        assert!(!frames.contains(CANARY), "{name}");
        assert!(!frames.contains(&CANARY[4..30]), "{name}");
        client.leave();
    }
}

#[test]
fn places_outside_and_versions_of_old_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let path = root.join("a.rot");
    let mut client = Client::new(&root);
    let before = client.open(&path, "secret a\n");
    let far = json!({ "line": 4_000_000_000u32, "character": 4_000_000_000u32 });
    for method in ["hover", "completion", "definition", "prepareRename"] {
        let mut params = at(&path, "", 0, json!({}));
        params["position"] = far.clone();
        client.ask(&format!("textDocument/{method}"), params);
    }
    client.tell(
        "textDocument/didChange",
        json!({ "textDocument": { "uri": uri(&path), "version": -5 }, "contentChanges": [{ "text": "rotation" }] }),
    );
    assert_eq!(client.findings(&path), before);
    client.edit(
        &path,
        json!([{ "range": { "start": far, "end": { "line": 0, "character": 0 } }, "text": "" }]),
    );
    assert_eq!(client.findings(&path), Vec::<Value>::new());
    for (method, params) in [
        ("textDocument/didChange", json!({})),
        ("textDocument/didOpen", json!([])),
        (
            "textDocument/didOpen",
            json!({ "textDocument": { "uri": "untitled:x", "languageId": "rot", "version": 1, "text": "" } }),
        ),
        (
            "textDocument/didOpen",
            json!({ "textDocument": { "uri": "%%%", "languageId": "rot", "version": 1, "text": "" } }),
        ),
        ("$/unknown", json!(null)),
    ] {
        client.tell(method, params);
    }
    for params in [
        json!(null),
        json!([]),
        json!({}),
        json!({ "textDocument": 1 }),
    ] {
        assert!(client.try_ask("textDocument/hover", params).is_err());
    }
    client.findings(&path);
    client.leave();
}

#[test]
fn a_document_of_fifty_megabytes_is_refused_with_a_word() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let path = root.join("a.rot");
    let mut client = Client::new(&root);
    let text = "secret a\n".repeat(50 * 1024 * 1024 / 9);
    let found = client.open(&path, &text);
    assert_eq!(found.len(), 1);
    assert!(
        found[0]["message"]
            .as_str()
            .unwrap()
            .contains("larger than 8 MiB")
    );
    assert_eq!(client.at("textDocument/hover", &path, "", 0), Value::Null);
    let found = client.change(&path, "secret a\n");
    assert!(found.iter().all(|d| d["code"] != "ROT005"), "{found:?}");
    client.leave();
}

/// The process itself: frames that are none are answered or end it with 1; nothing that comes in makes it panic.
#[test]
fn garbage_on_standard_input_ends_in_an_answer_or_an_exit() {
    let frame = |body: &str| format!("Content-Length: {}\r\n\r\n{body}", body.len());
    let hello =
        frame(r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}"#)
            + &frame(r#"{"jsonrpc":"2.0","method":"initialized","params":{}}"#);
    let bye = frame(r#"{"jsonrpc":"2.0","id":2,"method":"shutdown"}"#)
        + &frame(r#"{"jsonrpc":"2.0","method":"exit"}"#);
    for (input, code, said) in [
        (String::new(), 1, ""),
        ("\u{0}\u{1}garbage".to_owned(), 1, ""),
        ("Content-Length: 5\r\n\r\n".to_owned(), 1, ""),
        ("Content-Length: -1\r\n\r\n{}".to_owned(), 1, ""),
        (format!("{hello}{bye}"), 0, "capabilities"),
        (
            format!("{hello}{}{bye}", frame("this is no JSON")),
            0,
            "-32700",
        ),
        (format!("{hello}{}{bye}", frame("[1, 2]")), 0, "-32600"),
        (
            format!("{hello}{}", frame(r#"{"jsonrpc":"2.0","method":"exit"}"#)),
            1,
            "capabilities",
        ),
        (
            format!(
                "{}{bye}",
                frame(r#"{"jsonrpc":"2.0","id":9,"method":"textDocument/hover"}"#)
            ),
            1,
            "-32002",
        ),
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_rot"))
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let done = child.wait_with_output().unwrap();
        let out = String::from_utf8_lossy(&done.stdout);
        assert_eq!(done.status.code(), Some(code), "{input:?}\n{out}");
        assert!(out.contains(said), "{input:?}\n{out}");
        assert!(
            done.stderr.is_empty(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    }
}
