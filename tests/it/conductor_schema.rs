//! The JSON Schema of definitions: it is what the reader's tables say, it takes whatever the reader takes, and it names the key of
//! a mistake.

use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const FILE: &str = "docs/reference/conductor.schema.json";

#[test]
fn the_file_is_what_the_tables_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let made = format!(
        "{}\n",
        serde_json::to_string_pretty(&rot::conductor::schema::schema()).unwrap()
    );
    if std::env::var("INSTA_UPDATE").is_ok_and(|how| how == "always") {
        std::fs::write(&path, &made).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap_or_default() == made,
        "`{FILE}` is old: run this test with INSTA_UPDATE=always"
    );
}

/// What an independent validator says of files: the places of errors, by file. `None` without a validator.
fn validated(files: &[PathBuf]) -> Option<BTreeMap<PathBuf, Vec<String>>> {
    let Ok(program) = std::env::var("ROT_CHECK_JSONSCHEMA") else {
        println!("not tested: ROT_CHECK_JSONSCHEMA names no `check-jsonschema`");
        return None;
    };
    let done = Command::new(program)
        .args(["--output-format", "json", "--schemafile"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE))
        .args(files)
        .output()
        .unwrap();
    let report: Json = serde_json::from_slice(&done.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&done.stderr)));
    let unread = report["parse_errors"].as_array();
    assert!(unread.is_none_or(Vec::is_empty), "{report}");
    let mut found: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for error in report["errors"].as_array().unwrap() {
        found
            .entry(PathBuf::from(error["filename"].as_str().unwrap()))
            .or_default()
            .push(error["path"].as_str().unwrap().to_owned());
    }
    Some(found)
}

#[test]
fn it_takes_what_the_reader_takes() {
    let corpus = std::env::var_os("ROT_CORPUS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"),
        PathBuf::from,
    );
    let mut open = vec![corpus.join("conductor")];
    let mut files = Vec::new();
    while let Some(folder) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            println!("not tested: there is no corpus at {}", folder.display());
            return;
        };
        for entry in entries.map(|e| e.unwrap().path()) {
            if entry.is_dir() {
                open.push(entry);
            } else if entry.extension().is_some_and(|e| e == "json") && is_taken(&entry) {
                files.push(entry);
            }
        }
    }
    files.sort();
    let Some(found) = validated(&files) else {
        return;
    };
    println!("{} definitions of the corpus", files.len());
    assert!(files.len() > 50);
    assert!(found.is_empty(), "{found:#?}");
}

/// Whether the reader finds each value of the kind that it must be.
fn is_taken(path: &Path) -> bool {
    use rot::diagnostic::codes;
    let kinds = [codes::TYPE_MISMATCH, codes::BAD_VALUE];
    errors(path).is_some_and(|found| !found.iter().any(|code| kinds.contains(code)))
}

/// The errors that the reader finds in a definition; `None` where it is none.
fn errors(path: &Path) -> Option<Vec<rot::diagnostic::Code>> {
    use rot::diagnostic::Severity;
    let text = std::fs::read_to_string(path).ok()?;
    let mut sources = rot::source::SourceMap::new();
    let file = sources.add(rot::source::SourceFile::new("w.json", text));
    let source = sources.get(file)?;
    let root = rot::json::parse(file, source).ok()?;
    if !rot::conductor::looks_like_conductor(&root) {
        return None;
    }
    let (_, found) = rot::conductor::read(file, source, &rot::conductor::ReadOptions::default());
    let errors = found.iter().filter(|d| d.severity == Severity::Error);
    Some(errors.map(|d| d.code).collect())
}

/// Where a wrong value is put, and the value.
const MISTAKES: &[(&str, &str)] = &[
    ("/name", "[]"),
    ("/description", "{}"),
    ("/version", "\"one\""),
    ("/version", "[1]"),
    ("/schemaVersion", "\"two\""),
    ("/timeoutSeconds", "\"soon\""),
    ("/timeoutPolicy", "[\"RETRY\"]"),
    ("/failureWorkflow", "{}"),
    ("/restartable", "\"maybe\""),
    ("/enforceSchema", "[]"),
    ("/inputParameters", "{\"a\": 1}"),
    ("/outputParameters", "[1]"),
    ("/variables", "\"x\""),
    ("/inputTemplate", "[]"),
    ("/maskedFields", "\"token\""),
    ("/tasks", "{}"),
    ("/tasks/0", "\"call\""),
    ("/tasks/0/taskReferenceName", "{}"),
    ("/tasks/0/type", "[]"),
    ("/tasks/0/retryCount", "\"thrice\""),
    ("/tasks/0/startDelay", "{}"),
    ("/tasks/0/optional", "\"maybe\""),
    ("/tasks/0/permissive", "[]"),
    ("/tasks/0/asyncComplete", "\"later\""),
    ("/tasks/0/inputParameters", "[]"),
    ("/tasks/0/joinOn", "\"call\""),
    ("/tasks/0/decisionCases", "[]"),
    ("/tasks/0/decisionCases", "{\"a\": {}}"),
    ("/tasks/0/defaultCase", "{}"),
    ("/tasks/0/forkTasks", "{}"),
    ("/tasks/0/loopOver", "{}"),
    ("/tasks/0/loopCondition", "[]"),
    ("/tasks/0/subWorkflowParam", "\"other\""),
    ("/tasks/0/taskDefinition", "\"call\""),
];

#[test]
fn it_names_the_key_of_a_mistake() {
    let dir = tempfile::tempdir().unwrap();
    let (mut files, mut taken) = (Vec::new(), Vec::new());
    for (number, (pointer, value)) in MISTAKES.iter().enumerate() {
        let mut good = json!({ "name": "w", "version": 1, "schemaVersion": 2, "tasks": [
            { "name": "call", "taskReferenceName": "call", "type": "HTTP",
              "inputParameters": { "uri": "https://api.example.com/", "method": "GET" } } ] });
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = good.pointer_mut(parent).unwrap();
        let wrong: Json = serde_json::from_str(value).unwrap();
        match key.parse::<usize>() {
            Ok(index) => parent[index] = wrong,
            Err(_) => parent[key] = wrong,
        }
        let path = dir.path().join(format!("{number:02}.json"));
        std::fs::write(&path, good.to_string()).unwrap();
        if errors(&path).is_some_and(|found| found.is_empty()) {
            taken.push(format!("{pointer}: {value}"));
        }
        files.push(path);
    }
    assert!(taken.is_empty(), "the reader takes:\n{}", taken.join("\n"));
    let Some(found) = validated(&files) else {
        return;
    };
    for (path, (pointer, value)) in files.iter().zip(MISTAKES) {
        let key = pointer
            .rsplit('/')
            .find(|part| part.parse::<usize>().is_err())
            .unwrap();
        let named = found
            .get(path)
            .is_some_and(|places| places.iter().any(|place| place.contains(key)));
        assert!(named, "{pointer}: {value}: {:?}", found.get(path));
    }
}
