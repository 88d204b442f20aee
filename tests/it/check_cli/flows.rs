//! `--flows`, `--declassifications` and the pictures.

use super::{leaky, screen};
use crate::support::process::Rot;
use serde_json::Value;

fn example(name: &str) -> String {
    std::fs::read_to_string(format!(
        "{}/examples/{name}.rot",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap()
}

const RELEASES: &str = "secret key to \"api.example.com\"\n\nrotation r {\n  http who GET \"https://api.example.com/me\" {\n    bearer secrets.key\n    \
    secret mail = body $.mail\n  }\n  log \"hello ${reveal who.mail because \"it is printed on the invoice\"}\"\n  \
    output hash = reveal sha256(secrets.key) because \"the vendor shows it too\"\n}\n";

#[test]
fn flows_read_well() {
    let done = Rot::new()
        .args("check --flows .")
        .file("refresh.rot", example("oauth_refresh_token"))
        .file("leaky.rot", leaky("  log \"got ${mint.token}\""))
        .run();
    insta::assert_snapshot!("flows", screen(&done.code(0)));
}

#[test]
fn flows_for_programs() {
    let done = Rot::new()
        .args("check --flows --report json=out.json --report text a.rot")
        .file("a.rot", leaky("  log \"${base64(mint.token)}\""))
        .run()
        .code(0);
    let value: Value = serde_json::from_str(&done.read("out.json")).unwrap();
    assert_eq!(value["schema"], "rot.flows/v1");
    let secrets = value["files"][0]["secrets"].as_array().unwrap();
    let minted = secrets.iter().find(|s| s["name"] == "mint.token").unwrap();
    assert_eq!(minted["kind"], "minted");
    assert_eq!(
        minted["seen_by"],
        serde_json::json!(["the log", "the vault, as `api_token`"])
    );
    let log = &minted["flows"][0];
    assert_eq!(
        (
            log["to"]["kind"].as_str(),
            log["derivation"].as_str(),
            log["place"]["line"].as_u64()
        ),
        (Some("log"), Some("encoded"), Some(9))
    );
    assert!(
        done.stdout
            .contains("seen by: the log · the vault, as `api_token`"),
        "{}",
        done.stdout
    );
}

#[test]
fn every_reveal_is_listed_with_its_reason() {
    let done = Rot::new()
        .args("check --declassifications a.rot")
        .file("a.rot", RELEASES)
        .run()
        .code(0);
    insta::assert_snapshot!("declassifications", screen(&done));
    let done = Rot::new()
        .args("check --declassifications --report json a.rot")
        .file("a.rot", RELEASES)
        .run()
        .code(0);
    let value: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(value["schema"], "rot.declassifications/v1");
    let reasons: Vec<&str> = value["declassifications"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["reason"].as_str().unwrap())
        .collect();
    assert_eq!(
        reasons,
        ["it is printed on the invoice", "the vendor shows it too"]
    );
}

#[test]
fn gaps_are_told() {
    let done = Rot::new()
        .args("check --flows a.rot")
        .file("a.rot", "secret a to\nrotation r {\n")
        .run()
        .code(1);
    assert!(
        done.stderr.contains("that hide a part of it"),
        "{}",
        done.stderr
    );
    Rot::new().args("check --flows missing.rot").run().code(2);
    let done = Rot::new()
        .args("check --flows --report sarif a.rot")
        .file("a.rot", "secret a\n")
        .run()
        .code(2);
    assert!(done.stderr.contains("`text` or `json`"), "{}", done.stderr);
}

#[test]
fn pictures_of_an_example() {
    for form in ["dot", "mermaid", "svg"] {
        let draw = || {
            Rot::new()
                .args("compile r.rot --to")
                .arg(form)
                .file("r.rot", example("oauth_refresh_token"))
                .run()
                .code(0)
                .stdout
        };
        let picture = draw();
        assert_eq!(picture, draw(), "the same each time");
        insta::assert_snapshot!(format!("picture_{form}"), picture);
    }
}

#[test]
fn a_file_that_leaks_is_drawn_and_names_cannot_break_out() {
    let text = leaky("  log \"got ${mint.token}\"").replace("rotation r", "rotation r_1");
    let hostile = "a\"]<script>&.rot";
    for form in ["dot", "mermaid", "svg"] {
        let done = Rot::new()
            .args("compile --to")
            .arg(form)
            .arg(hostile)
            .file(hostile, &text)
            .run()
            .code(0);
        assert!(
            done.stdout.contains("log") && !done.stdout.contains("<script"),
            "{}",
            done.stdout
        );
    }
    Rot::new()
        .args("compile --to svg a.rot")
        .file("a.rot", "rotation {")
        .run()
        .code(25);
}

/// Every file of the specification that can be read has a picture: boxes do not overlap, edges end at boxes.
#[test]
fn boxes_do_not_overlap() {
    let number = |tag: &str, name: &str| -> f64 {
        tag.split(&format!(" {name}=\""))
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    };
    let mut drawn = 0;
    for dir in ["examples", "tests/spec/syntax/valid"] {
        for path in std::fs::read_dir(format!("{}/{dir}", env!("CARGO_MANIFEST_DIR")))
            .unwrap()
            .map(|e| e.unwrap().path())
        {
            if path.extension().is_none_or(|e| e != "rot") {
                continue;
            }
            let done = Rot::new()
                .args("compile --to svg")
                .arg(path.to_str().unwrap())
                .run();
            if done.code != 0 {
                continue;
            }
            drawn += 1;
            let boxes: Vec<[f64; 4]> = done
                .stdout
                .lines()
                .filter(|l| l.starts_with("<rect") && l.contains("stroke-width"))
                .map(|l| {
                    [
                        number(l, "x"),
                        number(l, "y"),
                        number(l, "width"),
                        number(l, "height"),
                    ]
                })
                .collect();
            for (i, a) in boxes.iter().enumerate() {
                assert!(
                    a.iter().all(|n| n.is_finite() && *n >= 0.0),
                    "{}: {a:?}",
                    path.display()
                );
                for b in &boxes[i + 1..] {
                    let apart = a[0] + a[2] <= b[0]
                        || b[0] + b[2] <= a[0]
                        || a[1] + a[3] <= b[1]
                        || b[1] + b[3] <= a[1];
                    assert!(apart, "{}: {a:?} {b:?}", path.display());
                }
            }
        }
    }
    assert!(drawn >= 10, "{drawn}");
}
