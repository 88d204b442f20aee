//! Runs against the loopback issuer, on the disk and in memory, where syncs cost nothing; and the HTTP call alone. What a run
//! costs beyond calls and syncs is what it takes in memory less its calls.

use super::vault::Scratch;
use divan::Bencher;
use rot::demo::issuer::{Config, Issuer};
use rot::plan::document;
use rot::run::{Job, Silent};
use rot::source::SourceFile;
use rot::workspace::config::Config as Settings;
use rot::workspace::load::analyse;
use rot::world::http::{Attempt, Limits, Request};
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// Linux keeps it in memory; elsewhere these rows are those of the disk.
const MEMORY: &str = "/dev/shm";

const PLACES: [&str; 2] = ["disk", "memory"];

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// One call, one `update`.
#[divan::bench(args = PLACES)]
fn update(bencher: Bencher<'_, '_>, place: &str) {
    let text = include_str!("../../examples/update_token.rot");
    runs(
        bencher,
        place,
        "update",
        text,
        &[
            ("appKeyId", "demo-key-id"),
            ("appKeySecret", "demo-key-secret"),
        ],
    );
}

/// A key is made, staged, verified, promoted, and the old one revoked: three calls.
#[divan::bench(args = PLACES)]
fn life_cycle(bencher: Bencher<'_, '_>, place: &str) {
    let text =
        include_str!("../../examples/key_with_id_and_expiry.rot").replace("after 24h", "after 1ms");
    runs(
        bencher,
        place,
        "life cycle",
        &text,
        &[("admin_key", "demo-admin")],
    );
}

fn runs(bencher: Bencher<'_, '_>, place: &str, what: &str, text: &str, given: &[(&str, &str)]) {
    let issuer = Issuer::spawn(Config {
        key_cap: usize::MAX,
        ..Config::default()
    })
    .unwrap();
    let memory = Path::new(MEMORY);
    let scratch = if place == "memory" && memory.is_dir() {
        Scratch::within(memory)
    } else {
        Scratch::new()
    };
    let mut vault = scratch.create();
    given
        .iter()
        .for_each(|(name, value)| scratch.put(&mut vault, name, value.as_bytes()));
    let hosts = ["conductor-server.orkesconductor.io", "api.example.com"];
    let text = hosts.iter().fold(text.to_owned(), |text, host| {
        text.replace(&format!("https://{host}"), &issuer.base_url)
            .replace(&format!("\"{host}\""), "\"127.0.0.1\"")
    });
    let plan = analyse(&SourceFile::new("r.rot", text), &Settings::default()).plan;
    let document = document::encode(&plan);
    let vault = RefCell::new(vault);
    let runtime = runtime();
    let run = || {
        let job = Job {
            plan: &plan,
            rotation: &plan.rotations[0],
            document: &document,
            inputs: Vec::new(),
            scheduled_at: None,
            source: None,
            certificates: Default::default(),
            lock_wait: Duration::from_secs(1),
        };
        let report = runtime
            .block_on(rot::run::run(&scratch.world, &vault, &job, &Silent))
            .unwrap();
        assert!(report.failure.is_none());
    };
    // The first has no old key to revoke.
    run();
    scratch.meter.reset();
    let count = Cell::new(0u32);
    bencher.bench_local(|| {
        run();
        count.set(count.get() + 1);
    });
    let (syncs, in_syncs, in_all) = scratch.meter.per_run(count.get());
    eprintln!(
        "    {what}, {place}: {syncs:.1} syncs a run take {in_syncs:.2?}, all calls on files {in_all:.2?} (mean)"
    );
}

#[divan::bench]
fn http_call_alone(bencher: Bencher<'_, '_>) {
    let issuer = Issuer::spawn(Config::default()).unwrap();
    let scratch = Scratch::new();
    let request = Request {
        method: "POST".into(),
        url: Zeroizing::new(format!("{}/api/token", issuer.base_url)),
        headers: vec![(
            "Content-Type".into(),
            Zeroizing::new(b"application/json".to_vec()),
        )],
        body: Some(Zeroizing::new(
            br#"{"keyId":"demo-key-id","keySecret":"demo-key-secret"}"#.to_vec(),
        )),
        secret: true,
        limits: Limits {
            private: true,
            ..Limits::default()
        },
    };
    let runtime = runtime();
    bencher.bench_local(|| {
        assert!(matches!(
            runtime.block_on(scratch.world.http.call(&request)),
            Attempt::Answered(_)
        ))
    });
}
