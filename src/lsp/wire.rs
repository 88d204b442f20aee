//! The protocol's types, as this server uses them: names that move between versions of the generated crate stand here alone.

pub use gen_lsp_types::{
    CodeAction, CodeActionKind, CodeActionParams, CodeLens, Command, CompletionItem,
    CompletionItemKind, CompletionList, CompletionParams, DiagnosticSeverity, DiagnosticTag,
    DidChangeTextDocumentParams, DidChangeWatchedFilesParams, DidCloseTextDocumentParams,
    DidOpenTextDocumentParams, DocumentFormattingParams, DocumentHighlight, DocumentHighlightKind,
    DocumentLink, DocumentRangeFormattingParams, DocumentSymbol, ExecuteCommandParams,
    FoldingRange, FoldingRangeKind, InitializeParams, InlayHint, InlayHintKind, InlayHintParams,
    InsertTextFormat, Location, Position, Range, ReferenceParams, RenameParams, SemanticToken,
    SemanticTokens, SemanticTokensRangeParams, SymbolKind, TextDocumentContentChangeEvent,
    TextDocumentIdentifier, TextDocumentPositionParams, TextEdit, Uri, WorkspaceSymbolParams,
};
use gen_lsp_types::{
    CodeActionOptions, CodeActionProvider, CodeLensOptions, CompletionItemTextEdit,
    CompletionOptions, Contents, DefinitionProvider, DocumentFormattingProvider,
    DocumentHighlightProvider, DocumentLinkOptions, DocumentRangeFormattingProvider,
    DocumentSymbolProvider, Documentation, ExecuteCommandOptions, FoldingRangeProvider, Full,
    Hover, HoverProvider, InlayHintProvider, MarkupContent, MarkupKind, PositionEncodingKind,
    ReferencesProvider, RenameOptions, RenameProvider, SemanticTokensLegend, SemanticTokensOptions,
    SemanticTokensOptionsRange, SemanticTokensProvider, ServerCapabilities, SignatureHelpOptions,
    TextDocumentSync, TextDocumentSyncKind, TextDocumentSyncOptions, WorkspaceSymbolProvider,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The command that draws where secrets go.
pub const SHOW_FLOW: &str = "rot.showFlow";
/// The action that mends all that is safe to mend.
pub const FIX_ALL: &str = "source.fixAll.rot";

/// What a document is asked for, where nothing else is said.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfDocument {
    /// Which.
    pub text_document: TextDocumentIdentifier,
}

/// What is asked of a place in a document.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AtPosition {
    /// Which document.
    pub text_document: TextDocumentIdentifier,
    /// Where.
    pub position: Position,
}

/// What a client chose at the start.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// It counts in bytes.
    pub utf8: bool,
    /// It takes snippets in completions.
    pub snippets: bool,
    /// It takes edits with the versions of documents.
    pub versions: bool,
    /// It shows a document when asked.
    pub shows: bool,
    /// It takes notes on edits that need a word.
    pub annotations: bool,
    /// Its own JSON service says what is wrong with the syntax.
    pub own_json: bool,
    /// Hints of labels are wanted.
    pub label_hints: bool,
    /// The folders that are open.
    pub roots: Vec<PathBuf>,
}

impl Client {
    /// From what it sent; what is malformed counts as not offered.
    pub fn new(params: &Value) -> Self {
        let yes = |pointer: &str| params.pointer(pointer).and_then(Value::as_bool) == Some(true);
        let encodings = params.pointer("/capabilities/general/positionEncodings");
        let utf8 = encodings
            .and_then(Value::as_array)
            .is_some_and(|all| all.iter().any(|e| e == "utf-8"));
        let folders = params
            .pointer("/workspaceFolders")
            .and_then(Value::as_array);
        let mut roots: Vec<PathBuf> = folders
            .into_iter()
            .flatten()
            .filter_map(|f| path_of(f.get("uri")?.as_str()?))
            .collect();
        if roots.is_empty() {
            let root = params.pointer("/rootUri").and_then(Value::as_str);
            roots.extend(root.and_then(path_of));
        }
        Self {
            utf8,
            snippets: yes("/capabilities/textDocument/completion/completionItem/snippetSupport"),
            versions: yes("/capabilities/workspace/workspaceEdit/documentChanges"),
            shows: yes("/capabilities/window/showDocument/support"),
            annotations: params
                .pointer("/capabilities/workspace/workspaceEdit/changeAnnotationSupport")
                .is_some_and(Value::is_object),
            own_json: params.pointer("/initializationOptions/jsonSyntax") == Some(&json!(false)),
            label_hints: yes("/initializationOptions/labelHints"),
            roots,
        }
    }
}

/// What this server can do.
pub fn capabilities(utf8: bool) -> Value {
    let tokens = SemanticTokensOptions {
        legend: SemanticTokensLegend {
            token_types: super::tokens::TYPES
                .iter()
                .map(ToString::to_string)
                .collect(),
            token_modifiers: super::tokens::MODIFIERS
                .iter()
                .map(ToString::to_string)
                .collect(),
        },
        range: Some(SemanticTokensOptionsRange::Bool(true)),
        full: Some(Full::Bool(true)),
        ..SemanticTokensOptions::default()
    };
    let kinds = vec![CodeActionKind::QuickFix, CodeActionKind::new(FIX_ALL)];
    let triggers = [".", "{", "\"", "$", "["].map(str::to_owned).to_vec();
    let capabilities = ServerCapabilities {
        position_encoding: Some(if utf8 {
            PositionEncodingKind::UTF8
        } else {
            PositionEncodingKind::UTF16
        }),
        text_document_sync: Some(TextDocumentSync::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::Incremental),
            save: Some(true.into()),
            ..TextDocumentSyncOptions::default()
        })),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some(triggers),
            ..CompletionOptions::default()
        }),
        hover_provider: Some(HoverProvider::Bool(true)),
        signature_help_provider: Some(SignatureHelpOptions {
            trigger_characters: Some(vec!["(".into(), ",".into()]),
            ..SignatureHelpOptions::default()
        }),
        definition_provider: Some(DefinitionProvider::Bool(true)),
        references_provider: Some(ReferencesProvider::Bool(true)),
        document_highlight_provider: Some(DocumentHighlightProvider::Bool(true)),
        document_symbol_provider: Some(DocumentSymbolProvider::Bool(true)),
        workspace_symbol_provider: Some(WorkspaceSymbolProvider::Bool(true)),
        code_action_provider: Some(CodeActionProvider::CodeActionOptions(CodeActionOptions {
            code_action_kinds: Some(kinds),
            ..CodeActionOptions::default()
        })),
        code_lens_provider: Some(CodeLensOptions::default()),
        document_link_provider: Some(DocumentLinkOptions::default()),
        document_formatting_provider: Some(DocumentFormattingProvider::Bool(true)),
        document_range_formatting_provider: Some(DocumentRangeFormattingProvider::Bool(true)),
        rename_provider: Some(RenameProvider::RenameOptions(RenameOptions {
            prepare_provider: Some(true),
            ..RenameOptions::default()
        })),
        folding_range_provider: Some(FoldingRangeProvider::Bool(true)),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: vec![SHOW_FLOW.to_owned()],
            ..ExecuteCommandOptions::default()
        }),
        semantic_tokens_provider: Some(SemanticTokensProvider::SemanticTokensOptions(tokens)),
        inlay_hint_provider: Some(InlayHintProvider::Bool(true)),
        ..ServerCapabilities::default()
    };
    json!({
        "capabilities": capabilities,
        "serverInfo": { "name": "rot", "version": env!("CARGO_PKG_VERSION") },
    })
}

/// A text in Markdown.
pub fn markdown(text: String) -> MarkupContent {
    MarkupContent {
        kind: MarkupKind::Markdown,
        value: text,
    }
}

/// A hover in Markdown.
pub fn hover(text: String, range: Range) -> Hover {
    Hover {
        contents: Contents::MarkupContent(markdown(text)),
        range: Some(range),
    }
}

/// The text of an item's page.
pub fn documentation(text: String) -> Documentation {
    Documentation::MarkupContent(markdown(text))
}

/// What an item puts in.
pub fn inserts(edit: TextEdit) -> CompletionItemTextEdit {
    CompletionItemTextEdit::TextEdit(edit)
}

/// The path that a `file:` URI names; `None` for what is no file.
pub fn path_of(uri: &str) -> Option<PathBuf> {
    let url = url::Url::parse(uri).ok()?;
    if url.scheme() != "file" {
        return None;
    }
    url.to_file_path().ok()
}

/// The URI of a path.
pub fn uri_of(path: &Path) -> Uri {
    Uri(url::Url::from_file_path(path).map_or_else(|()| path.display().to_string(), String::from))
}
