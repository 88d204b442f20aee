//! A client in the same process: speaks the protocol over memory and fails on what it does not expect.

use lsp_server::{Connection, Message, Notification, Request};
use rot::lsp::{Ended, Surroundings, serve};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Monday, an hour before the clocks of Berlin are put back would matter: the clock of all these tests.
pub const NOW: &str = "2026-10-24T12:00:00Z";

pub struct Client {
    connection: Connection,
    server: Option<JoinHandle<Ended>>,
    next: i32,
    versions: std::collections::HashMap<String, i32>,
    /// What came that was no answer.
    pub told: Vec<Notification>,
    /// All frames that the server sent.
    pub frames: Arc<Mutex<Vec<String>>>,
}

impl Client {
    pub fn new(root: &Path) -> Self {
        Self::with(root, json!({}))
    }

    /// A client with more to offer.
    pub fn with(root: &Path, more: Value) -> Self {
        let (near, far) = Connection::memory();
        let server = std::thread::spawn(move || {
            let now: jiff::Timestamp = NOW.parse().unwrap();
            serve(
                &far,
                &Surroundings {
                    now: &move || now,
                    keep: &|picture| {
                        assert!(picture.contains("<svg"));
                        Some(PathBuf::from("/picture.svg"))
                    },
                },
            )
        });
        let mut client = Self {
            connection: near,
            server: Some(server),
            next: 0,
            versions: Default::default(),
            told: Vec::new(),
            frames: Arc::default(),
        };
        let mut params = json!({
            "processId": null,
            "rootUri": uri(root),
            "capabilities": {
                "general": { "positionEncodings": ["utf-8", "utf-16"] },
                "workspace": { "workspaceEdit": { "documentChanges": true } },
            },
        });
        merge(&mut params, more);
        let made = client.ask("initialize", params);
        assert!(made["capabilities"]["hoverProvider"].as_bool().unwrap());
        client.tell("initialized", json!({}));
        client
    }

    /// A question and its answer.
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        self.try_ask(method, params)
            .unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// A question and its answer, which may be an error.
    pub fn try_ask(&mut self, method: &str, params: Value) -> Result<Value, String> {
        self.next += 1;
        let id = self.next;
        let request = Request::new(id.into(), method.to_owned(), params);
        self.connection.sender.send(request.into()).unwrap();
        loop {
            match self.receive() {
                Message::Response(answer) if answer.id == id.into() => {
                    let answer = serde_json::to_value(&answer).unwrap();
                    if let Some(error) = answer.get("error") {
                        return Err(error["message"].as_str().unwrap().to_owned());
                    }
                    return Ok(answer.get("result").cloned().unwrap_or(Value::Null));
                }
                Message::Notification(one) => self.told.push(one),
                Message::Request(request) => {
                    let answer = lsp_server::Response::new_ok(request.id, Value::Null);
                    self.connection.sender.send(answer.into()).unwrap();
                }
                Message::Response(answer) => panic!("nobody asked for {answer:?}"),
            }
        }
    }

    fn receive(&self) -> Message {
        let message = self
            .connection
            .receiver
            .recv_timeout(Duration::from_secs(60))
            .expect("the server says nothing");
        let text = serde_json::to_string(&message).unwrap();
        self.frames.lock().unwrap().push(text);
        message
    }

    pub fn tell(&mut self, method: &str, params: Value) {
        let one = Notification::new(method.to_owned(), params);
        self.connection.sender.send(one.into()).unwrap();
    }

    pub fn open(&mut self, path: &Path, text: &str) -> Vec<Value> {
        self.versions.insert(uri(path), 1);
        self.tell(
            "textDocument/didOpen",
            json!({ "textDocument": { "uri": uri(path), "languageId": "rot", "version": 1, "text": text } }),
        );
        self.findings(path)
    }

    /// Replaces the whole text.
    pub fn change(&mut self, path: &Path, text: &str) -> Vec<Value> {
        self.edit(path, json!([{ "text": text }]));
        self.findings(path)
    }

    pub fn edit(&mut self, path: &Path, changes: Value) {
        let version = self.versions.get_mut(&uri(path)).unwrap();
        *version += 1;
        let version = *version;
        self.tell(
            "textDocument/didChange",
            json!({ "textDocument": { "uri": uri(path), "version": version }, "contentChanges": changes }),
        );
    }

    pub fn close(&mut self, path: &Path) {
        self.tell(
            "textDocument/didClose",
            json!({ "textDocument": { "uri": uri(path) } }),
        );
    }

    /// The findings that were told last of a document.
    pub fn findings(&mut self, path: &Path) -> Vec<Value> {
        // Publications follow the answers of their burst: when the one of this version is there, so are those before it.
        let uri = uri(path);
        let version = self.versions.get(&uri).copied().unwrap_or(0);
        for _ in 0..100 {
            for _ in 0..3 {
                let _ = self.try_ask("rot/nothing", json!({}));
            }
            let there = self.told.iter().any(|n| {
                n.method == "textDocument/publishDiagnostics"
                    && n.params["uri"] == uri
                    && n.params["version"].as_i64() >= Some(version.into())
            });
            if there {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(2));
        let _ = self.try_ask("rot/nothing", json!({}));
        self.told
            .iter()
            .rev()
            .find(|n| n.method == "textDocument/publishDiagnostics" && n.params["uri"] == uri)
            .map_or(Vec::new(), |n| {
                n.params["diagnostics"].as_array().unwrap().clone()
            })
    }

    /// A question about a byte of a text.
    pub fn at(&mut self, method: &str, path: &Path, text: &str, offset: usize) -> Value {
        self.ask(method, at(path, text, offset, json!({})))
    }

    pub fn of(&mut self, method: &str, path: &Path) -> Value {
        self.ask(method, json!({ "textDocument": { "uri": uri(path) } }))
    }

    pub fn leave(mut self) -> Ended {
        self.ask("shutdown", Value::Null);
        self.tell("exit", Value::Null);
        self.server.take().unwrap().join().unwrap()
    }
}

/// Parameters for a byte of a text.
pub fn at(path: &Path, text: &str, offset: usize, more: Value) -> Value {
    let mut params = json!({
        "textDocument": { "uri": uri(path) },
        "position": position(text, offset),
    });
    merge(&mut params, more);
    params
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}

pub fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}

/// Line and byte of an offset, by counting.
pub fn position(text: &str, offset: usize) -> Value {
    let before = &text[..offset];
    let line = before.matches('\n').count();
    let character = offset - before.rfind('\n').map_or(0, |at| at + 1);
    json!({ "line": line, "character": character })
}

/// The byte of a place, by counting.
pub fn offset(text: &str, position: &Value) -> usize {
    let line = position["line"].as_u64().unwrap() as usize;
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    start + position["character"].as_u64().unwrap() as usize
}

/// The text of a range.
pub fn slice<'t>(text: &'t str, range: &Value) -> &'t str {
    &text[offset(text, &range["start"])..offset(text, &range["end"])]
}

/// A text with edits made.
pub fn applied(text: &str, edits: &Value) -> String {
    let mut edits: Vec<&Value> = edits.as_array().unwrap().iter().collect();
    edits.sort_by_key(|e| std::cmp::Reverse(offset(text, &e["range"]["start"])));
    let mut out = text.to_owned();
    for edit in edits {
        let (start, end) = (
            offset(text, &edit["range"]["start"]),
            offset(text, &edit["range"]["end"]),
        );
        out.replace_range(start..end, edit["newText"].as_str().unwrap());
    }
    out
}

/// A text without its cursor `$0`, and where that was.
pub fn cursor(marked: &str) -> (String, usize) {
    let at = marked.find("$0").expect("a cursor");
    (marked.replacen("$0", "", 1), at)
}
