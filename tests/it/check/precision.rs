//! Rotations that are as they should be: nothing may be said of them.

use super::build::*;
use rot::plan::expr::Version;

/// The rotation that every user starts from.
fn seed_rot() -> Build {
    let host = "conductor-server.orkesconductor.io";
    let retrieve = post(
        "retrieve_token",
        "https://conductor-server.orkesconductor.io/api/token",
    )
    .effect(additive())
    .json(object(vec![
        ("keyId", secret("appKeyId")),
        ("keySecret", secret("appKeySecret")),
    ]))
    .secret("token")
    .done();
    rot()
        .secret("appKeyId", &[host])
        .secret("appKeySecret", &[host])
        .secret("my_secret_holding_a_token", &[])
        .steps(vec![
            retrieve,
            update("my_secret_holding_a_token", got("retrieve_token", "token")),
        ])
        .every(45 * 60_000)
}

fn seed_conductor(build: Build) -> Build {
    let retrieve = post(
        "retrieve_token",
        "https://conductor-server.orkesconductor.io/api/token",
    )
    .effect(assumed())
    .json(object(vec![
        ("keyId", secret("appKeyId")),
        ("keySecret", secret("appKeySecret")),
    ]))
    .masked("token")
    .done();
    build
        .secret("appKeyId", &[])
        .secret("appKeySecret", &[])
        .secret("my_secret_holding_a_token", &[])
        .steps(vec![
            retrieve,
            update("my_secret_holding_a_token", got("retrieve_token", "token")),
        ])
}

#[test]
fn the_seed_is_clean_in_both_spellings() {
    assert_eq!(seed_rot().found().0, []);
    assert_eq!(seed_conductor(orkes()).found().0, []);
}

#[test]
fn a_whole_life_cycle_is_clean() {
    let host = "api.example.com";
    let pending = || field_of("ci_token", "value", Version::Pending);
    let mint = post("mint", "https://api.example.com/tokens")
        .effect(additive())
        .bearer(secret("admin_key"))
        .json(object(vec![
            ("name", text("rot")),
            ("expires_in", number("1296000")),
        ]))
        .secret("value")
        .public("id")
        .public("expires")
        .done();
    let stage = expiring(
        stage_fields(
            "ci_token",
            vec![("value", got("mint", "value")), ("id", got("mint", "id"))],
        ),
        got("mint", "expires"),
    );
    let check = verify(vec![
        get("me", "https://api.example.com/me")
            .bearer(pending())
            .done(),
    ]);
    let id = field_of("ci_token", "id", Version::Previous);
    let delete = http(
        "delete",
        "DELETE",
        template(vec![text("https://api.example.com/tokens/"), id]),
    )
    .effect(rot::plan::Effect::Revokes)
    .bearer(secret("admin_key"))
    .done();
    let plan = rot()
        .secret("admin_key", &[host])
        .secret("ci_token", &[host])
        .steps(vec![
            mint,
            stage,
            check,
            promote("ci_token"),
            revoke("ci_token", Some(24 * HOUR), vec![delete]),
        ]);
    assert_eq!(plan.found().0, []);
}

#[test]
fn a_field_is_as_secret_as_what_fills_it() {
    let path = |field: &str| {
        let url = template(vec![
            text("https://api.example.com/tokens/"),
            field_of("pair", field, Version::Previous),
        ]);
        let mint = post("mint", "https://api.example.com/tokens")
            .effect(additive())
            .secret("value")
            .public("id")
            .done();
        let store = stage_fields(
            "pair",
            vec![("value", got("mint", "value")), ("id", got("mint", "id"))],
        );
        let proof = get("me", "https://api.example.com/me")
            .bearer(field_of("pair", "value", Version::Pending))
            .done();
        let show = http("show", "GET", url).done();
        rot()
            .secret("pair", &["api.example.com"])
            .steps(vec![
                mint,
                store,
                verify(vec![proof]),
                promote("pair"),
                show,
            ])
            .found()
    };
    path("id").none();
    path("value").are(&["ROT304"]);
}

#[test]
fn findings_come_in_order_and_once() {
    let found = rot()
        .secret("key", &[])
        .steps(vec![
            log(secret("key")),
            log(secret("key")),
            get("a", "http://example.com/").bearer(secret("key")).done(),
        ])
        .found()
        .0;
    let places: Vec<u32> = found.iter().map(|d| d.span().start).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(
        found.iter().map(|d| d.code.id()).collect::<Vec<_>>(),
        ["ROT301", "ROT301", "ROT401", "ROT309"]
    );
    let again = {
        let mut again = found.clone();
        again.dedup();
        again
    };
    assert_eq!(found, again);
}

/// Definitions that people have published, with the errors that are right.
#[test]
fn published_definitions_raise_no_false_errors() {
    let corpus = std::env::var("ROT_CORPUS").unwrap_or_else(|_| "../shared/corpus".to_owned());
    let root = std::path::Path::new(&corpus).join("conductor");
    if !root.is_dir() {
        println!("skipped: no corpus at {}", root.display());
        return;
    }
    // Both put the user name of the postal service into the query.
    let right = [
        ("US_post_office__check_address", "ROT303"),
        ("US_post_office__postage_rate", "ROT303"),
    ];
    let (mut files, mut wrong) = (0, Vec::new());
    for path in json_files(&root) {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let source = rot::source::SourceFile::new("definition", text);
        let file = rot::source::FileId::new(0);
        let Some(node) = rot::json::parse_all(file, &source)
            .0
            .filter(rot::conductor::looks_like_conductor)
        else {
            continue;
        };
        let (plan, _) =
            rot::conductor::read_node(&node, Vec::new(), &rot::conductor::ReadOptions::default());
        files += 1;
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        for finding in rot::check::check(&plan, &rot::check::Options::default()) {
            let known = right.contains(&(name.as_str(), finding.code.id()));
            if finding.severity == rot::diagnostic::Severity::Error && !known {
                wrong.push(format!("{name}: {} {}", finding.code.id(), finding.message));
            }
        }
    }
    println!("{files} definitions");
    assert!(
        files > 50 && wrong.is_empty(),
        "{files} definitions: {wrong:#?}"
    );
}

fn json_files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(json_files(&path));
        } else if path.extension().is_some_and(|e| e == "json") {
            files.push(path);
        }
    }
    files
}
