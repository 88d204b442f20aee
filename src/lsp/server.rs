//! The loop: what came in is taken in at once, questions are answered on the newest text, findings are published once a burst.

use super::lines::{Encoding, Lines};
use super::transport::nobody;
use super::wire::{
    self, AtPosition, Client, CodeActionParams, CompletionParams, DidChangeTextDocumentParams,
    DidChangeWatchedFilesParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    DocumentFormattingParams, DocumentRangeFormattingParams, ExecuteCommandParams, InlayHintParams,
    OfDocument, ReferenceParams, RenameParams, SemanticTokensRangeParams,
    TextDocumentContentChangeEvent, Uri, WorkspaceSymbolParams, path_of,
};
use super::{actions, complete, format, hover, navigate, outline, publish, tokens, upcoming};
use crate::workspace::files::LIMIT;
use crate::workspace::project::{Project, View};
use crate::workspace::texts::plain;
use jiff::Timestamp;
use lsp_server::{Connection, Message, Notification, Request, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const INVALID_REQUEST: i32 = -32600;
const METHOD_NOT_FOUND: i32 = -32601;
const INVALID_PARAMS: i32 = -32602;
const INTERNAL_ERROR: i32 = -32603;
const NOT_INITIALIZED: i32 = -32002;
const REQUEST_FAILED: i32 = -32803;

/// What the server is given, as it reads no clock and writes no file itself.
pub struct Surroundings<'a> {
    /// The time.
    pub now: &'a dyn Fn() -> Timestamp,
    /// Keeps a picture in a file that only this user can read, and tells where.
    pub keep: &'a dyn Fn(&str) -> Option<PathBuf>,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// As the protocol asks: `shutdown`, then `exit`.
    Properly,
    /// `exit` without `shutdown`, or the input ended.
    Early,
}

/// A text that the editor holds.
pub(super) struct Document {
    pub(super) uri: Uri,
    pub(super) version: i32,
    pub(super) text: Arc<str>,
    pub(super) lines: Lines,
    /// It is too large to be looked at.
    pub(super) refused: bool,
}

/// A session.
pub(super) struct Server<'a> {
    pub(super) project: Project,
    pub(super) client: Client,
    pub(super) encoding: Encoding,
    pub(super) documents: BTreeMap<PathBuf, Document>,
    pub(super) around: &'a Surroundings<'a>,
    connection: &'a Connection,
    stale: BTreeSet<PathBuf>,
    /// What was told last, by text.
    pub(super) sent: BTreeMap<PathBuf, Value>,
    requests: i32,
}

/// Why a question is not answered.
pub(super) struct Refusal {
    code: i32,
    message: String,
}

impl Refusal {
    /// It cannot be done, and why.
    pub(super) fn because(message: impl Into<String>) -> Self {
        Self {
            code: REQUEST_FAILED,
            message: message.into(),
        }
    }
}

type Answer = Result<Value, Refusal>;

/// Serves one client until it leaves.
pub fn serve(connection: &Connection, around: &Surroundings<'_>) -> Ended {
    let Some(client) = greet(connection) else {
        return Ended::Early;
    };
    let encoding = if client.utf8 {
        Encoding::Utf8
    } else {
        Encoding::Utf16
    };
    let today = today(around);
    let mut server = Server {
        project: Project::new(client.roots.clone(), today),
        client,
        encoding,
        documents: BTreeMap::new(),
        around,
        connection,
        stale: BTreeSet::new(),
        sent: BTreeMap::new(),
        requests: 0,
    };
    server.run()
}

/// The day that suppressions are measured by.
pub(super) fn today(around: &Surroundings<'_>) -> jiff::civil::Date {
    (around.now)().to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// The first exchange. Whatever else comes before it is refused.
fn greet(connection: &Connection) -> Option<Client> {
    let mut client = None;
    for message in &connection.receiver {
        match message {
            Message::Request(request) if request.method == "initialize" && client.is_none() => {
                let made = Client::new(&request.params);
                let answer = wire::capabilities(made.utf8);
                client = Some(made);
                let answer = Response::new_ok(request.id, answer);
                connection.sender.send(answer.into()).ok()?;
            }
            Message::Request(request) => {
                let (code, text) = match client {
                    Some(_) => (INVALID_REQUEST, "`initialized` comes first"),
                    None => (NOT_INITIALIZED, "`initialize` comes first"),
                };
                let answer = Response::new_err(request.id, code, text.to_owned());
                connection.sender.send(answer.into()).ok()?;
            }
            Message::Notification(one) if one.method == "exit" => return None,
            Message::Notification(one) if one.method == "initialized" && client.is_some() => {
                return client;
            }
            Message::Notification(_) | Message::Response(_) => {}
        }
    }
    None
}

impl Server<'_> {
    fn run(&mut self) -> Ended {
        let mut shut = false;
        let mut waiting: VecDeque<Message> = VecDeque::new();
        while let Ok(first) = self.connection.receiver.recv() {
            waiting.push_back(first);
            waiting.extend(self.connection.receiver.try_iter());
            self.project.set_today(today(self.around));
            while let Some(message) = waiting.pop_front() {
                match message {
                    Message::Request(request) if request.method == "shutdown" => {
                        shut = true;
                        self.send(Response::new_ok(request.id, Value::Null).into());
                    }
                    Message::Request(request) if shut => {
                        let text = "the server is shutting down".to_owned();
                        self.send(Response::new_err(request.id, INVALID_REQUEST, text).into());
                    }
                    Message::Request(request) => self.request(request),
                    Message::Notification(one) if one.method == "exit" => {
                        return if shut { Ended::Properly } else { Ended::Early };
                    }
                    Message::Notification(one) => self.notification(one),
                    Message::Response(one) if one.id == nobody() => self.send(one.into()),
                    Message::Response(_) => {}
                }
                // A burst of changes is looked at once, when its last one is in.
                if waiting.is_empty() {
                    waiting.extend(self.connection.receiver.try_iter());
                }
            }
            self.publish();
        }
        Ended::Early
    }

    pub(super) fn send(&self, message: Message) {
        // A client that is gone is seen when the next message is waited for.
        let _ = self.connection.sender.send(message);
    }

    /// Asks the client for something whose answer does not matter.
    pub(super) fn ask(&mut self, method: &str, params: impl Serialize) {
        self.requests += 1;
        let request = Request::new(self.requests.into(), method.to_owned(), params);
        self.send(request.into());
    }

    pub(super) fn notify(&self, method: &str, params: impl Serialize) {
        self.send(Notification::new(method.to_owned(), params).into());
    }

    fn request(&mut self, request: Request) {
        let Request {
            id, method, params, ..
        } = request;
        let answer = catch_unwind(AssertUnwindSafe(|| self.answer(&method, params)));
        let response = match answer {
            Ok(Some(Ok(value))) => Response::new_ok(id, value),
            Ok(Some(Err(refusal))) => Response::new_err(id, refusal.code, refusal.message),
            Ok(None) => Response::new_err(id, METHOD_NOT_FOUND, "not offered".to_owned()),
            Err(_) => Response::new_err(id, INTERNAL_ERROR, "a bug in rot".to_owned()),
        };
        self.send(response.into());
    }

    fn answer(&mut self, method: &str, params: Value) -> Option<Answer> {
        Some(match method {
            "textDocument/hover" => self.at(params, hover::hover),
            "textDocument/signatureHelp" => self.at(params, hover::signature),
            "textDocument/definition" => self.at(params, navigate::definition),
            "textDocument/documentHighlight" => self.at(params, navigate::highlight),
            "textDocument/prepareRename" => self.at(params, navigate::prepare_rename),
            "textDocument/references" => self.with(params, |own, p: ReferenceParams| {
                navigate::references(own, &p)
            }),
            "textDocument/rename" => {
                self.with(params, |own, p: RenameParams| navigate::rename(own, &p))
            }
            "textDocument/completion" => self.with(params, |own, p: CompletionParams| {
                complete::complete(own, &p.text_document_position_params)
            }),
            "textDocument/documentSymbol" => self.of(params, outline::symbols),
            "textDocument/foldingRange" => self.of(params, outline::folding),
            "textDocument/documentLink" => self.of(params, outline::links),
            "textDocument/codeLens" => self.of(params, upcoming::lenses),
            "textDocument/semanticTokens/full" => self.of(params, tokens::full),
            "textDocument/semanticTokens/range" => self
                .with(params, |own, p: SemanticTokensRangeParams| {
                    tokens::range(own, &p)
                }),
            "textDocument/inlayHint" => {
                self.with(params, |own, p: InlayHintParams| upcoming::hints(own, &p))
            }
            "textDocument/formatting" => self.with(params, |own, p: DocumentFormattingParams| {
                format::document(own, &p.text_document.uri)
            }),
            "textDocument/rangeFormatting" => {
                self.with(params, |own, p: DocumentRangeFormattingParams| {
                    format::range(own, &p.text_document.uri, p.range)
                })
            }
            "textDocument/codeAction" => {
                self.with(params, |own, p: CodeActionParams| actions::actions(own, &p))
            }
            "workspace/symbol" => self.with(params, |own, p: WorkspaceSymbolParams| {
                Ok(outline::everywhere(own, &p.query))
            }),
            "workspace/executeCommand" => self.with(params, |own, p: ExecuteCommandParams| {
                upcoming::execute(own, &p)
            }),
            _ => return None,
        })
    }

    /// Answers a question whose parameters must be of a type.
    fn with<P: DeserializeOwned>(
        &mut self,
        params: Value,
        answer: impl FnOnce(&mut Self, P) -> Answer,
    ) -> Answer {
        match serde_json::from_value(params) {
            Ok(params) => answer(self, params),
            Err(_) => Err(Refusal {
                code: INVALID_PARAMS,
                message: "the parameters are not those of this method".to_owned(),
            }),
        }
    }

    /// Answers a question about a document.
    fn of(&mut self, params: Value, answer: fn(&mut Self, &Arc<View>, &Lines) -> Answer) -> Answer {
        self.with(params, |own, params: OfDocument| {
            match own.view(&params.text_document.uri) {
                Some((view, lines)) => answer(own, &view, &lines),
                None => Ok(Value::Null),
            }
        })
    }

    /// Answers a question about a byte of a document.
    fn at(
        &mut self,
        params: Value,
        answer: fn(&mut Self, &Arc<View>, &Lines, u32) -> Answer,
    ) -> Answer {
        self.with(params, |own, params: AtPosition| {
            match own.view(&params.text_document.uri) {
                Some((view, lines)) => {
                    let offset = lines.offset(view.file.text(), params.position);
                    answer(own, &view, &lines, offset)
                }
                None => Ok(Value::Null),
            }
        })
    }

    /// What is known of a document that is ours, with its lines.
    pub(super) fn view(&mut self, uri: &Uri) -> Option<(Arc<View>, Lines)> {
        let path = key(uri)?;
        if self.documents.get(&path).is_some_and(|d| d.refused) {
            return None;
        }
        let view = self.project.view(&path).filter(|view| view.is_ours())?;
        let lines = match self.documents.get(&path) {
            Some(document) => document.lines.clone(),
            None => Lines::new(view.file.text(), self.encoding),
        };
        Some((view, lines))
    }

    /// The lines of any text.
    pub(super) fn lines(&self, text: &str) -> Lines {
        Lines::new(text, self.encoding)
    }

    /// The URI of a path, as the client spells it.
    pub(super) fn uri(&self, path: &Path) -> Uri {
        match self.documents.get(path) {
            Some(document) => document.uri.clone(),
            None => wire::uri_of(path),
        }
    }

    fn notification(&mut self, one: Notification) {
        let Notification { method, params } = one;
        // What cannot be understood changes nothing: there is nobody to tell.
        let _ = catch_unwind(AssertUnwindSafe(|| match method.as_str() {
            "textDocument/didOpen" => self.take(params, Self::opened),
            "textDocument/didChange" => self.take(params, Self::changed),
            "textDocument/didClose" => self.take(params, Self::closed),
            "textDocument/didSave" => self.take(params, |own, one: OfDocument| {
                if let Some(path) = key(&one.text_document.uri) {
                    own.project.refresh();
                    own.dirty(&path);
                }
            }),
            "workspace/didChangeWatchedFiles" => {
                self.take(params, |own, all: DidChangeWatchedFilesParams| {
                    for path in all.changes.iter().filter_map(|c| key(&c.uri)) {
                        own.touched(path);
                    }
                });
            }
            _ => {}
        }));
    }

    fn take<P: DeserializeOwned>(&mut self, params: Value, then: impl FnOnce(&mut Self, P)) {
        if let Ok(params) = serde_json::from_value(params) {
            then(self, params);
        }
    }

    fn opened(&mut self, one: DidOpenTextDocumentParams) {
        let document = one.text_document;
        let Some(path) = key(&document.uri) else {
            return;
        };
        self.store(path, document.uri, document.version, document.text);
    }

    fn store(&mut self, path: PathBuf, uri: Uri, version: i32, text: String) {
        let refused = text.len() as u64 > LIMIT;
        let text: Arc<str> = if refused { "".into() } else { text.into() };
        let lines = Lines::new(&text, self.encoding);
        self.project.set(&path, Arc::clone(&text));
        let document = Document {
            uri,
            version,
            text,
            lines,
            refused,
        };
        self.documents.insert(path.clone(), document);
        self.dirty(&path);
    }

    fn changed(&mut self, one: DidChangeTextDocumentParams) {
        let id = one.text_document;
        let uri = id.text_document_identifier.uri;
        let Some(path) = key(&uri) else { return };
        let Some(document) = self.documents.get(&path) else {
            return;
        };
        // An older text than the one that is there was overtaken.
        if id.version < document.version {
            return;
        }
        let mut text = document.text.to_string();
        let mut lines = document.lines.clone();
        let mut whole = !document.refused;
        for change in one.content_changes {
            match change {
                TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(all) => {
                    text = all.text;
                    whole = true;
                }
                TextDocumentContentChangeEvent::TextDocumentContentChangePartial(part) => {
                    let range = lines.bytes(&text, part.range);
                    text.replace_range(range.start as usize..range.end as usize, &part.text);
                }
            }
            lines = Lines::new(&text, self.encoding);
        }
        if whole {
            self.store(path, uri, id.version, text);
        }
    }

    fn closed(&mut self, one: DidCloseTextDocumentParams) {
        let uri = one.text_document.uri;
        let Some(path) = key(&uri) else { return };
        self.documents.remove(&path);
        self.project.close(&path);
        self.stale.remove(&path);
        publish::clear(self, &uri);
        self.dirty(&path);
    }

    fn touched(&mut self, path: PathBuf) {
        self.project.touch(path.clone());
        self.dirty(&path);
    }

    /// All texts that are shown may say something else now; which do, the project knows.
    fn dirty(&mut self, _: &Path) {
        self.stale.extend(self.documents.keys().cloned());
    }

    fn publish(&mut self) {
        for path in std::mem::take(&mut self.stale) {
            let _ = catch_unwind(AssertUnwindSafe(|| publish::publish(self, &path)));
        }
    }
}

/// Under what a document is kept: its path, or its URI where it is no file.
pub(super) fn key(uri: &Uri) -> Option<PathBuf> {
    match path_of(&uri.0) {
        Some(path) => Some(plain(&path)),
        // A text without a file yet: told by its language's ending, which `untitled:` names have when they were given one.
        None => {
            let (scheme, rest) = uri.0.split_once(':')?;
            (scheme != "file").then(|| PathBuf::from(format!("/{scheme}:{rest}")))
        }
    }
}
