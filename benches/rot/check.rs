//! Checking text: parse, resolve, flow analysis, all rules; no files, no process.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use rot::source::SourceFile;
use rot::workspace::config::Config;
use rot::workspace::load::analyse;
use std::path::{Path, PathBuf};

const ROT: &str = include_str!("../../examples/key_with_id_and_expiry.rot");
const SEED: &str = include_str!("../../examples/update_token.json");

/// So many rotations in one file, each with names of its own.
fn rotations(count: usize) -> String {
    let mut text = String::from("secret admin_key to \"api.example.com\"\n");
    for n in 0..count {
        let body = ROT
            .split_once("secret admin_key to \"api.example.com\"\n")
            .unwrap()
            .1;
        text.push_str(
            &body
                .replace("deploy_key", &format!("deploy_key_{n}"))
                .replace("key_with_id", &format!("key_{n}_with_id")),
        );
    }
    text
}

/// So many definitions in one array.
fn definitions(count: usize) -> String {
    let all: Vec<String> = (0..count)
        .map(|n| SEED.replace("rotate_secrets", &format!("rotate_{n}")))
        .collect();
    format!("[{}]", all.join(","))
}

fn check(bencher: Bencher<'_, '_>, name: &str, text: &str) {
    let (file, config) = (SourceFile::new(name, text), Config::default());
    bencher
        .counter(BytesCount::of_str(text))
        .bench_local(|| black_box(analyse(&file, &config).findings.len()));
}

#[divan::bench]
fn rot_one_file(bencher: Bencher<'_, '_>) {
    check(bencher, "one.rot", ROT);
}

#[divan::bench(args = [10, 100])]
fn rot_rotations(bencher: Bencher<'_, '_>, count: usize) {
    check(bencher, "many.rot", &rotations(count));
}

/// Reading alone, without names, flows and rules.
#[divan::bench]
fn rot_parse_100(bencher: Bencher<'_, '_>) {
    let text = rotations(100);
    let file = SourceFile::new("many.rot", text.as_str());
    let id = rot::source::SourceMap::new().add(file.clone());
    bencher
        .counter(BytesCount::of_str(&text))
        .bench_local(|| black_box(rot::syntax::parse(id, &file).1.len()));
}

#[divan::bench(args = [1, 100, 1000])]
fn conductor_definitions(bencher: Bencher<'_, '_>, count: usize) {
    check(bencher, "many.json", &definitions(count));
}

/// All files of one ending, one after the other.
fn all(bencher: Bencher<'_, '_>, folder: PathBuf, ending: &str) {
    let mut files = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == ending)
                && let Ok(text) = std::fs::read_to_string(&path)
            {
                // A name without a folder: nothing beside it is looked for.
                files.push(SourceFile::new(
                    path.file_name().unwrap().to_str().unwrap(),
                    text,
                ));
            }
        }
    }
    let bytes: usize = files.iter().map(|file| file.text().len()).sum();
    let config = Config::default();
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        files
            .iter()
            .map(|file| black_box(analyse(file, &config).findings.len()))
            .sum::<usize>()
    });
}

/// The public definitions, or those of the specification where they are not at hand.
#[divan::bench]
fn conductor_corpus(bencher: Bencher<'_, '_>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = std::env::var_os("ROT_CORPUS")
        .map_or(root.join("../shared/corpus"), PathBuf::from)
        .join("conductor");
    all(
        bencher,
        if corpus.is_dir() {
            corpus
        } else {
            root.join("tests/spec/conductor")
        },
        "json",
    );
}

#[divan::bench]
fn rot_examples(bencher: Bencher<'_, '_>) {
    all(
        bencher,
        Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"),
        "rot",
    );
}
