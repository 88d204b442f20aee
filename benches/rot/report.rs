//! Ten thousand findings in every form that a report can have.

use divan::{Bencher, black_box};
use rot::report::{Format, RenderOptions, Report};
use rot::source::SourceFile;
use rot::workspace::config::Config;
use rot::workspace::load::analyse;
use std::fmt::Write;

const FINDINGS: usize = 10_000;

fn text() -> String {
    let mut text = String::from("secret k to \"api.example.com\"\nrotation r {\n");
    for n in 0..FINDINGS {
        let _ = writeln!(
            text,
            "  log \"{}${{secrets.k}} {n}\"",
            "some words that fill the line ".repeat(2)
        );
    }
    text.push_str("}\n");
    text
}

#[divan::bench(args = Format::ALL.map(|(name, _)| name))]
fn findings(bencher: Bencher<'_, '_>, name: &str) {
    let loaded = analyse(&SourceFile::new("many.rot", text()), &Config::default());
    assert_eq!(loaded.findings.len(), FINDINGS);
    let (_, format) = Format::ALL.into_iter().find(|(n, _)| *n == name).unwrap();
    bencher.bench_local(|| {
        let report = Report::new(&loaded.sources, loaded.findings.clone());
        black_box(format.write(&report, RenderOptions::default()).len())
    });
}
