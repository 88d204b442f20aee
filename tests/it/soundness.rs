//! Is the checker right? Programs are run twice, with different secrets: where it reports no flow, nothing that is public
//! may differ. And what the interpreter knows of a value at run time is never more than the checker knew before.

mod coverage;
mod kinds;
mod programs;
mod wide;
mod world;

pub use programs::repeated;
use programs::{program, wide_program};
use rot::check::{Options, check_with, flow::Analysis};
use rot::diagnostic::{Diagnostic, Severity};
use rot::plan::{Label, Plan};
use rot::run::{Job, RunReport, run};
use rot::source::{FileId, SourceFile};
use rot::vault::Vault;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use world::{Files, Servers, Watch, ok, paths, vault_files};

/// What varies between the two runs, and the hosts that may notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Vary {
    Key,
    KeyLength,
    Other,
    OtherLength,
    Minted,
}

const ALL: [Vary; 5] = [
    Vary::Key,
    Vary::KeyLength,
    Vary::Other,
    Vary::OtherLength,
    Vary::Minted,
];

fn files(vary: Option<Vary>) -> &'static Files {
    static MADE: OnceLock<Vec<Files>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let (key, other) = ("key-7f3a9c51d2e8", "other-41bb08c6e97d");
        [
            (key, other),
            ("guess-0c6d2fb89a1", other),
            ("key-71-and-much-longer-than-the-one-before", other),
            (key, "other-95e0d7a2b3c1"),
            (key, "o-8a"),
        ]
        .iter()
        .map(|(key, other)| {
            vault_files(&[
                ("key", key),
                ("other", other),
                ("store", "store-62d1f0a7"),
                (
                    "signer",
                    include_str!("../spec/conductor-run/rsa-2048.test.pem"),
                ),
            ])
        })
        .collect()
    });
    let at = match vary {
        None | Some(Vary::Minted) => 0,
        Some(Vary::Key) => 1,
        Some(Vary::KeyLength) => 2,
        Some(Vary::Other) => 3,
        Some(Vary::OtherLength) => 4,
    };
    &made[at]
}

fn read(text: &str) -> (Plan, Vec<Diagnostic>) {
    let source = SourceFile::new("program.rot", text);
    let (tree, mut found) = rot::syntax::parse(FileId::new(0), &source);
    let (plan, more) = rot::plan::resolve::resolve(&[], &tree);
    found.extend(more);
    (plan, found)
}

fn is_flow(code: &str) -> bool {
    matches!(code.as_bytes().get(3), Some(b'3' | b'4' | b'6'))
}

/// What anybody can see of a run.
struct Seen {
    shown: Vec<String>,
    requests: Vec<(String, String)>,
    labels: Vec<world::NamedLabel>,
}

fn execute(plan: &Plan, vary: Option<Vary>) -> Seen {
    let salt = if vary == Some(Vary::Minted) { 99 } else { 1 };
    let servers = Arc::new(Servers {
        salt,
        seen: Mutex::default(),
    });
    let world = world::world(files(vary).clone(), servers.clone());
    let vault = RefCell::new(ok(Vault::open(&world, &paths())));
    let job = Job {
        plan,
        rotation: plan.rotation("r").unwrap(),
        document: "{}",
        inputs: Vec::new(),
        scheduled_at: None,
        source: None,
        certificates: HashMap::new(),
        lock_wait: Duration::ZERO,
    };
    let watch = Watch::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let done = runtime.block_on(run(&world, &vault, &job, &watch));
    let mut shown = watch.lines.take();
    match &done {
        Ok(report) => shown.extend(report_lines(report)),
        Err(error) => shown.push(format!("error {}", error.message())),
    }
    drop(vault);
    let requests = servers.seen.lock().unwrap().clone();
    Seen {
        shown,
        requests,
        labels: watch.labels.take(),
    }
}

fn report_lines(report: &RunReport) -> Vec<String> {
    let mut lines = vec![
        format!("status {}", report.status.as_str()),
        format!("output {}", report.output),
    ];
    lines.extend(report.steps.iter().map(|s| {
        format!(
            "{} {} {} {} {}",
            s.name, s.kind, s.status, s.attempts, s.output
        )
    }));
    lines.extend(
        report
            .secrets
            .iter()
            .map(|s| format!("{} {}", s.name, s.action)),
    );
    lines.extend(report.notes.iter().cloned());
    lines.extend(
        report
            .failure
            .iter()
            .flat_map(|f| &f.diagnostics)
            .map(|d| format!("{} {}", d.code.id(), d.message)),
    );
    lines
}

/// The first difference that somebody could see who may not.
fn difference(one: &Seen, two: &Seen, vary: Vary, updates: bool) -> Option<String> {
    if one.shown != two.shown {
        let pair = one.shown.iter().zip(&two.shown).find(|(a, b)| a != b);
        return Some(format!(
            "shown: {pair:?} ({} and {} lines)",
            one.shown.len(),
            two.shown.len()
        ));
    }
    let mut may: Vec<&str> = match vary {
        Vary::Key | Vary::KeyLength => vec!["a.example.com"],
        Vary::Other | Vary::OtherLength => vec!["b.example.com", "program tool"],
        Vary::Minted => vec![
            "a.example.com",
            "b.example.com",
            "c.example.com",
            "program tool",
        ],
    };
    if updates {
        may.push("a.example.com");
    }
    // A credential may go back to where it was issued, and no further.
    let requests = |seen: &Seen| -> Vec<(String, String)> {
        let others = seen
            .requests
            .iter()
            .filter(|(host, _)| !may.contains(&host.as_str()));
        others.cloned().collect()
    };
    let (one, two) = (requests(one), requests(two));
    (one != two).then(|| format!("requests: {:?}", one.iter().zip(&two).find(|(a, b)| a != b)))
}

#[derive(Default)]
struct Counts {
    accepted: AtomicU64,
    flawed: AtomicU64,
    refused: AtomicU64,
    labels: AtomicU64,
    equal: AtomicU64,
    masked: AtomicU64,
}

/// One program: what is wrong with the checker, if anything is.
fn examine(seed: u64, counts: &Counts) -> Option<String> {
    let text = if seed.is_multiple_of(3) {
        wide_program(seed)
    } else {
        program(seed)
    };
    let (plan, front) = read(&text);
    if front.iter().any(|d| d.severity == Severity::Error) {
        counts.refused.fetch_add(1, Ordering::Relaxed);
        return None;
    }
    let analysis = Analysis::of(&plan);
    let found = check_with(&analysis, &Options::default());
    let clean = !found.iter().any(|d| is_flow(d.code.id())) && analysis.reveals.is_empty();
    if !clean {
        counts.flawed.fetch_add(1, Ordering::Relaxed);
        // Labels must hold for these too; now and then.
        if !seed.is_multiple_of(8) {
            return None;
        }
    } else {
        counts.accepted.fetch_add(1, Ordering::Relaxed);
    }
    let first = execute(&plan, None);
    let mut known: HashMap<(String, Option<String>, String), Label> = HashMap::new();
    for name in &analysis.names() {
        let key = (
            plan.rotations[name.rotation].name.clone(),
            name.step.map(str::to_owned),
            name.name.to_owned(),
        );
        known.entry(key).or_default().join(&name.label);
    }
    // Within a called rotation the checker names what it was passed by its input; only the caller knows the secret.
    for (name, label) in first
        .labels
        .iter()
        .filter(|((rotation, ..), _)| rotation == "r")
    {
        let expected = known.get(name).cloned().unwrap_or_default();
        counts.labels.fetch_add(1, Ordering::Relaxed);
        if *label == expected {
            counts.equal.fetch_add(1, Ordering::Relaxed);
        }
        if !label.is_below(&expected) {
            return Some(format!(
                "seed {seed}: the label of {name:?} is {label:?} in the run, {expected:?} before it\n{text}"
            ));
        }
    }
    if !clean {
        return None;
    }
    if first.shown.iter().any(|line| line.starts_with("log ***")) {
        counts.masked.fetch_add(1, Ordering::Relaxed);
        return Some(format!(
            "seed {seed}: the interpreter masks a line that the checker lets through\n{text}"
        ));
    }
    let vary = ALL[(seed % ALL.len() as u64) as usize];
    let second = execute(&plan, Some(vary));
    difference(
        &first,
        &second,
        vary,
        text.contains("update store") || text.contains("stage store"),
    )
    .map(|what| format!("seed {seed}, {vary:?}: {what}\n{text}"))
}

fn explore(seeds: std::ops::Range<u64>) -> Counts {
    let counts = Counts::default();
    let next = AtomicU64::new(seeds.start);
    let wrong: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism()
            .map_or(2, |n| n.get())
            .min(8)
        {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || wrong.lock().unwrap().len() > 4 {
                        return;
                    }
                    if let Some(problem) = examine(seed, &counts) {
                        wrong.lock().unwrap().push(problem);
                    }
                }
            });
        }
    });
    let of = |n: &AtomicU64| n.load(Ordering::Relaxed);
    println!(
        "{} programs: {} without a flow finding and run twice, {} with one, {} not valid; {} labels in runs, {} equal to the checker's",
        seeds.end - seeds.start,
        of(&counts.accepted),
        of(&counts.flawed),
        of(&counts.refused),
        of(&counts.labels),
        of(&counts.equal)
    );
    let wrong = wrong.into_inner().unwrap();
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n----\n")
    );
    counts
}

#[test]
fn what_the_checker_lets_through_shows_nothing() {
    let counts = explore(0..54_000);
    let accepted = counts.accepted.load(Ordering::Relaxed);
    assert!(
        accepted >= 20_000,
        "only {accepted} programs were run twice"
    );
}

/// The full number, for a night: `cargo test --release --test it soundness -- --ignored`.
#[test]
#[ignore = "takes minutes"]
fn what_the_checker_lets_through_shows_nothing_in_many_programs() {
    explore(1_000_000..1_500_000);
}

fn codes(text: &str) -> Vec<String> {
    let (plan, front) = read(text);
    assert!(
        !front.iter().any(|d| d.severity == Severity::Error),
        "{text}\n{:?}",
        front.iter().map(|d| &d.message).collect::<Vec<_>>()
    );
    let analysis = Analysis::of(&plan);
    let mut codes: Vec<String> = check_with(&analysis, &Options::default())
        .iter()
        .filter(|d| is_flow(d.code.id()))
        .map(|d| d.code.id().to_owned())
        .collect();
    codes.sort();
    codes
}

/// The valid programs among the first seeds, with their flow findings.
fn samples(count: u64) -> Vec<(String, Vec<String>)> {
    let valid = (0..count)
        .map(program)
        .filter(|text| !read(text).1.iter().any(|d| d.severity == Severity::Error));
    valid.map(|text| (text.clone(), codes(&text))).collect()
}

const SAMPLES: u64 = 600;

/// Semantic consistency: what means the same has the same findings.
#[test]
fn renaming_and_naming_change_no_finding() {
    for (text, expected) in samples(SAMPLES) {
        let renamed = text
            .replace("secrets.key", "secrets.renamed")
            .replace("secret key ", "secret renamed ");
        assert_eq!(codes(&renamed), expected, "{renamed}");
        // A value gets a name first.
        let named = text.replacen(
            "rotation r {\n  input word: string = \"hello\"\n",
            "rotation r {\n  input word: string = \"hello\"\n  let unused_name = secrets.key\n",
            1,
        );
        assert_eq!(codes(&named), expected, "{named}");
    }
}

/// Monotonicity of release: a `reveal` around a value adds no flow finding but those on reveals themselves.
#[test]
fn a_reveal_adds_no_flow() {
    for (text, expected) in samples(SAMPLES) {
        let revealed = text
            .replace("log \"see ${", "log \"see ${reveal ")
            .replace("reveal ", "reveal (");
        // Each line that was changed gets its reason behind the expression.
        let lines: Vec<String> = revealed
            .lines()
            .map(|line| match line.rfind("}\"") {
                Some(at) if line.contains("reveal (") => {
                    format!("{}) because \"a test\"{}", &line[..at], &line[at..])
                }
                _ => line.to_owned(),
            })
            .collect();
        let after: Vec<String> = codes(&lines.join("\n"))
            .into_iter()
            .filter(|c| !["ROT322", "ROT323", "ROT324"].contains(&c.as_str()))
            .collect();
        let mut left = expected.clone();
        for code in &after {
            let at = left.iter().position(|c| c == code);
            assert!(at.is_some(), "{code} is new\n{}", lines.join("\n"));
            left.remove(at.unwrap());
        }
    }
}

/// Non-occlusion: a `reveal` of one secret hides no flow of another, nor another flow of the same.
#[test]
fn a_reveal_hides_nothing_else() {
    for (text, expected) in samples(SAMPLES) {
        let line = "  log \"see ${reveal secrets.store because \"a test\"} and ${reveal secrets.key because \"a test\"}\"\n}\n";
        let end = text.rfind("}\n").unwrap();
        let with = format!("{}{line}", &text[..end]);
        let mut after = codes(&with);
        // Under a condition on a secret that may have ended the run, the new line itself is one more finding; so is a reveal
        // that a caller's `stop` decides on.
        let new = |code: &String| code == "ROT312" || code == "ROT323";
        after.retain(|code| !new(code));
        let before: Vec<String> = expected.into_iter().filter(|code| !new(code)).collect();
        // That a whole credential is revealed into a log is said of each of the two.
        let told = |codes: &[String]| codes.iter().filter(|code| *code == "ROT301").count();
        for _ in 0..2 {
            if told(&after) > told(&before) {
                let at = after.iter().position(|code| code == "ROT301").unwrap();
                after.remove(at);
            }
        }
        assert_eq!(after, before, "{with}");
    }
}

/// Conservativity: a program that touches no secret and reveals nothing has no flow finding.
#[test]
fn without_secrets_there_is_no_flow() {
    let mut run = 0;
    for (text, _) in samples(SAMPLES) {
        let without: String = text
            .lines()
            .map(|line| {
                line.replace("secrets.key", "\"plain\"")
                    .replace("secrets.other", "\"plain\"")
            })
            .map(|line| {
                if line.trim_start().starts_with("secret v") {
                    line.replace("secret v", "public v")
                } else {
                    line
                }
            })
            .map(|line| line + "\n")
            .collect();
        if without.contains("update store")
            || read(&without)
                .1
                .iter()
                .any(|d| d.severity == Severity::Error)
        {
            continue;
        }
        run += 1;
        assert_eq!(codes(&without), Vec::<String>::new(), "{without}");
    }
    assert!(run > 100, "only {run}");
}
