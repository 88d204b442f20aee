//! The whole program as a shell sees it: start, one small file, end.

use divan::Bencher;
use std::process::{Command, Stdio};

fn spawn(bencher: Bencher<'_, '_>, arguments: &[&str]) {
    let root = env!("CARGO_MANIFEST_DIR");
    bencher.bench_local(|| {
        let status = Command::new(env!("CARGO_BIN_EXE_rot"))
            .args(arguments)
            .current_dir(root)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
    });
}

#[divan::bench]
fn check_one_rot_file(bencher: Bencher<'_, '_>) {
    spawn(bencher, &["check", "examples/update_token.rot"]);
}

#[divan::bench]
fn check_one_definition(bencher: Bencher<'_, '_>) {
    spawn(bencher, &["check", "examples/update_token.json"]);
}

/// What a process costs at all on this machine.
#[divan::bench]
fn version(bencher: Bencher<'_, '_>) {
    spawn(bencher, &["--version"]);
}
