//! A run against the loopback issuer, and the HTTP call alone, in one process.

use super::vault::Scratch;
use divan::Bencher;
use rot::cli::config::Config as Settings;
use rot::cli::load::analyse;
use rot::demo::issuer::{Config, Issuer};
use rot::plan::document;
use rot::run::{Job, Silent};
use rot::source::SourceFile;
use rot::world::http::{Attempt, Limits, Request};
use std::cell::RefCell;
use std::time::Duration;
use zeroize::Zeroizing;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[divan::bench]
fn whole_run(bencher: Bencher<'_, '_>) {
    let issuer = Issuer::spawn(Config::default()).unwrap();
    let scratch = Scratch::new();
    let mut vault = scratch.create();
    scratch.put(&mut vault, "appKeyId", b"demo-key-id");
    scratch.put(&mut vault, "appKeySecret", b"demo-key-secret");
    let text = include_str!("../../examples/update_token.rot")
        .replace("https://conductor-server.orkesconductor.io", &issuer.base_url)
        .replace("conductor-server.orkesconductor.io", "127.0.0.1");
    let plan = analyse(&SourceFile::new("r.rot", text), &Settings::default()).plan;
    let document = document::encode(&plan);
    let vault = RefCell::new(vault);
    let runtime = runtime();
    bencher.bench_local(|| {
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
        let report = runtime.block_on(rot::run::run(&scratch.world, &vault, &job, &Silent)).unwrap();
        assert!(report.failure.is_none());
    });
}

#[divan::bench]
fn http_call_alone(bencher: Bencher<'_, '_>) {
    let issuer = Issuer::spawn(Config::default()).unwrap();
    let scratch = Scratch::new();
    let request = Request {
        method: "POST".into(),
        url: Zeroizing::new(format!("{}/api/token", issuer.base_url)),
        headers: vec![("Content-Type".into(), Zeroizing::new(b"application/json".to_vec()))],
        body: Some(Zeroizing::new(br#"{"keyId":"demo-key-id","keySecret":"demo-key-secret"}"#.to_vec())),
        secret: true,
        limits: Limits { private: true, ..Limits::default() },
    };
    let runtime = runtime();
    bencher.bench_local(|| assert!(matches!(runtime.block_on(scratch.world.http.call(&request)), Attempt::Answered(_))));
}
