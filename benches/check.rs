//! How fast `check` reads: megabytes of text a second on one core, front end and checker together. `cargo bench --bench check`.
//! Conductor JSON comes from the folder `ROT_CORPUS` where there is one, else from the specification.
#![allow(missing_docs, clippy::print_stdout, clippy::disallowed_methods)]

use rot::cli::config::Config;
use rot::cli::load;
use rot::source::SourceFile;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn files(dir: &Path, ending: &str, found: &mut Vec<SourceFile>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|e| e == ending)
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            found.push(SourceFile::new(path.display().to_string(), text));
        }
    }
}

/// The best of many rounds, since whatever disturbs a round makes it slower.
fn measure(what: &str, texts: &[SourceFile]) {
    let bytes: usize = texts.iter().map(|f| f.text().len()).sum();
    let config = Config::default();
    let mut best = Duration::MAX;
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(3) {
        let round = Instant::now();
        for text in texts {
            std::hint::black_box(load::analyse(text, &config));
        }
        best = best.min(round.elapsed());
    }
    let seconds = best.as_secs_f64();
    println!(
        "{what}: {} files, {:.1} KB in {:.2} ms: {:.1} MB/s",
        texts.len(),
        bytes as f64 / 1e3,
        seconds * 1e3,
        bytes as f64 / seconds / 1e6
    );
}

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = std::env::var("ROT_CORPUS").map_or(root.join("../shared/corpus"), PathBuf::from).join("conductor");
    let mut json = Vec::new();
    files(&corpus, "json", &mut json);
    if json.is_empty() {
        files(&root.join("tests/spec/conductor"), "json", &mut json);
    }
    measure("Conductor JSON", &json);
    let mut rot = Vec::new();
    files(&root.join("examples"), "rot", &mut rot);
    measure(".rot", &rot);
}
