//! Rules by code and by name, rules that are newer than a project, and the first check of a tree with many findings.

use super::{leaky, screen};
use crate::support::process::Rot;
use rot::diagnostic::{ALL_CODES, Release};

const LOG: &str = "  log \"got ${mint.token}\"";

/// Every code is explained, weighed and suppressed by its name as by its id.
#[test]
fn names_serve_as_codes_do() {
    for code in ALL_CODES {
        let by_id = Rot::new().args("explain").arg(code.id()).run().code(0);
        let by_name = Rot::new().args("explain").arg(code.name()).run().code(0);
        assert_eq!(by_id.stdout, by_name.stdout, "{}", code.id());
    }
    let all = ALL_CODES.iter().filter(|code| code.may_be_turned_off());
    let weights: String = all
        .clone()
        .map(|code| format!("{} = \"off\"\n", code.name()))
        .collect();
    Rot::new()
        .args("check a.rot")
        .file("a.rot", leaky(LOG))
        .file("rot.toml", format!("[check.severity]\n{weights}"))
        .run()
        .code(0);
    for code in all {
        let line = format!("  # rot: ignore[{}] known\n{LOG}", code.name());
        let done = Rot::new()
            .args("check --report concise a.rot")
            .file("a.rot", leaky(&line))
            .run();
        assert!(
            !done.stdout.contains("ROT903"),
            "{}: {}",
            code.name(),
            done.stdout
        );
    }
}

/// Under an older `version` a rule is a note, unless the settings weigh it; what cannot be turned off stays.
#[test]
fn newer_rules_are_notes() {
    let check = |settings: &str, arguments: &str, text: &str| {
        Rot::new()
            .args(&format!("check --report concise a.rot {arguments}"))
            .file("a.rot", text)
            .file("rot.toml", settings)
            .run()
    };
    let text = leaky(LOG);
    let current = Release::current();
    check(&format!("version = \"{current}\"\n"), "", &text).code(1);
    let done = check("version = \"0.0\"\n", "", &text).code(0);
    assert!(done.stdout.contains("note[ROT301]"), "{}", done.stdout);
    let done = check("version = \"0.0.9\"\n", "--report text", &text);
    assert!(
        screen(&done).contains("came with rot 0.1") || done.code == 2,
        "{}",
        screen(&done)
    );
    check(
        "version = \"0.0\"\n[check.severity]\nROT301 = \"error\"\n",
        "",
        &text,
    )
    .code(1);
    check("version = \"0.0\"\n", "--strict", &text).code(1);
    check("version = \"0.0\"\n", "", "rotation r {").code(1);
    for (wrong, why) in [
        ("99.0", "the settings are for rot 99.0"),
        ("1", "this is no release of rot"),
        ("1.2.3.4", "this is no release of rot"),
        ("+0.1", "this is no release of rot"),
        ("0.70000", "this is no release of rot"),
    ] {
        let done = check(&format!("version = \"{wrong}\"\n"), "", &text).code(2);
        assert!(done.stderr.contains(why), "{wrong}: {}", done.stderr);
    }
    check("version = 0.1\n", "", &text).code(2);
}

#[test]
fn a_tree_with_many_findings_is_told_of_the_baseline() {
    let tree = |count: usize| {
        (0..count).fold(Rot::new(), |rot, n| {
            rot.file(&format!("f{n}.rot"), leaky(LOG))
        })
    };
    let told = |rot: Rot| {
        rot.run()
            .stderr
            .contains("`--baseline rot-baseline.json` only what is new counts")
    };
    assert!(told(tree(25).args("check .")));
    assert!(!told(tree(2).args("check .")));
    assert!(!told(tree(25).args("check . --quiet")));
    assert!(!told(
        tree(25).args("check . --write-baseline rot-baseline.json")
    ));
}
