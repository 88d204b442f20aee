//! `examples/operate`: units, a timer, a line for cron and manifests, each read by what reads it in earnest, or as it is read.

use crate::support::project::Project;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn text(name: &str) -> String {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/operate"));
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// The words behind `rot` are a command of this program.
fn is_command(words: &str) {
    let words: Vec<&str> = words.split_whitespace().collect();
    let output = Command::new(env!("CARGO_BIN_EXE_rot"))
        .args(&words)
        .arg("--help")
        .output()
        .unwrap();
    assert!(output.status.success(), "{words:?}");
    // `--help` is heard whatever stands beside it: options that are unknown are looked for in it.
    let help = String::from_utf8(output.stdout).unwrap();
    for option in words.iter().filter(|word| word.starts_with("--")) {
        assert!(help.contains(option), "{option}");
    }
}

fn value<'t>(unit: &'t str, key: &str) -> Vec<&'t str> {
    unit.lines()
        .filter_map(|line| line.strip_prefix(key)?.strip_prefix('='))
        .collect()
}

#[test]
fn units_are_those_of_systemd() {
    let dir = tempfile::tempdir().unwrap();
    let mut files: Vec<PathBuf> = Vec::new();
    for name in ["rot-serve.service", "rot.service", "rot.timer"] {
        let unit = text(name);
        for line in unit
            .lines()
            .filter(|l| !l.is_empty() && !l.starts_with(['#', '[']))
        {
            assert!(line.contains('='), "{name}: {line}");
        }
        for start in value(&unit, "ExecStart") {
            is_command(start.strip_prefix("/usr/local/bin/rot ").unwrap());
        }
        let unit = unit
            .replace("/usr/local/bin/rot", env!("CARGO_BIN_EXE_rot"))
            .replace("User=rot\n", "User=root\n");
        files.push(dir.path().join(name));
        std::fs::write(files.last().unwrap(), unit).unwrap();
    }
    assert_eq!(value(&text("rot.service"), "SuccessExitStatus"), ["10"]);
    let found = Command::new("systemd-analyze").arg("--version").output();
    if !found.is_ok_and(|found| found.status.success()) {
        println!("skipped: systemd-analyze");
        return;
    }
    let verified = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .args(&files)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("rot")).collect();
    assert!(ours.is_empty(), "{said}");
}

#[test]
fn the_line_of_cron_has_five_fields_a_user_and_a_command() {
    let lines = text("rot.cron");
    let line = lines.lines().find(|line| line.starts_with('*')).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[..6], ["*", "*", "*", "*", "*", "rot"]);
    assert!(!line.contains('%'), "cron takes it for an end of line");
    let command = line.split("/usr/local/bin/rot ").nth(1).unwrap();
    is_command(command.split(" ||").next().unwrap());
}

#[test]
fn manifests_are_whole() {
    for (name, at) in [
        ("cronjob.json", "/spec/jobTemplate/spec/template/spec"),
        ("deployment.json", "/spec/template/spec"),
    ] {
        let manifest: Json = serde_json::from_str(&text(name)).unwrap();
        for member in ["/apiVersion", "/kind", "/metadata/name"] {
            assert!(
                manifest.pointer(member).is_some_and(Json::is_string),
                "{name}{member}"
            );
        }
        let pod = manifest.pointer(at).unwrap();
        let volumes: Vec<&Json> = pod["volumes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| &v["name"])
            .collect();
        for container in pod["containers"].as_array().unwrap() {
            for mount in container["volumeMounts"].as_array().unwrap() {
                assert!(volumes.contains(&&mount["name"]), "{name}: {mount}");
            }
            let command = container["command"][2].as_str().unwrap();
            let words = command.split("rot ").last().unwrap();
            is_command(words.split(" ||").next().unwrap());
        }
        // The state folder outlives the pod: in it are the journals.
        assert!(pod.to_string().contains("persistentVolumeClaim"), "{name}");
    }
    let deployment: Json = serde_json::from_str(&text("deployment.json")).unwrap();
    assert_eq!(deployment["spec"]["replicas"], 1);
    assert_eq!(deployment["spec"]["strategy"]["type"], "Recreate");
    let selector = &deployment["spec"]["selector"]["matchLabels"];
    assert_eq!(
        *selector,
        deployment["spec"]["template"]["metadata"]["labels"]
    );
    let job: Json = serde_json::from_str(&text("cronjob.json")).unwrap();
    assert_eq!(job["spec"]["concurrencyPolicy"], "Forbid");
}

const WATCHED: &str = "secret k\ntarget here file \"here/k\"\ntarget gone file \"gone/k\"\ndeliver k to here, gone\n\nrotation odd {\n  every 1h\n  generate fresh password {\n    length 32\n  }\n  update k = fresh.value expires run.started_at + 90d\n}\n";

/// The samples of a text in the form of OpenMetrics, by the metric's name; what is not of that form is a failure.
fn samples(text: &str) -> BTreeMap<String, Vec<(String, f64)>> {
    let mut found: BTreeMap<String, Vec<(String, f64)>> = BTreeMap::new();
    let mut types: BTreeMap<String, String> = BTreeMap::new();
    let body = text.strip_suffix("# EOF\n").expect("it ends with its mark");
    for line in body.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let words: Vec<&str> = comment.splitn(3, ' ').collect();
            match words[0] {
                "TYPE" => drop(types.insert(words[1].to_owned(), words[2].to_owned())),
                "HELP" => assert!(words[2].ends_with('.'), "{line}"),
                "UNIT" => assert!(words[1].ends_with(&format!("_{}", words[2])), "{line}"),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let value: f64 = value.parse().unwrap();
        assert!(labels.ends_with('}'), "{line}");
        let family = name.strip_suffix("_info").unwrap_or(name);
        let family = family.strip_suffix("_total").unwrap_or(family);
        assert!(types.contains_key(family), "{line}");
        found
            .entry(name.to_owned())
            .or_default()
            .push((labels.to_owned(), value));
    }
    found
}

#[test]
fn metrics_are_openmetrics_and_alerts_and_the_dashboard_name_none_that_is_not_there() {
    let project = Project::new();
    project.file("here/x", "").file("odd.rot", WATCHED);
    project.rot("run odd.rot").code(27);
    let text = project.rot("status --report openmetrics .").stdout;
    assert!(!text.contains(&project.get("k")), "{text}");
    let found = samples(&text);
    for (name, all) in &found {
        assert!(name.starts_with("rot_"), "{name}");
        let fits = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(name.chars().all(fits), "{name}");
        // A time is in seconds since 1970, and says so.
        for (_, value) in all.iter().filter(|(_, value)| *value > 1e9) {
            assert!(name.ends_with("_timestamp_seconds"), "{name} {value}");
        }
    }
    let of = |name: &str, label: &str| {
        let all = found
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in\n{text}"));
        all.iter()
            .find(|(labels, _)| labels.contains(label))
            .unwrap()
            .1
    };
    assert_eq!(of("rot_delivery_version_lag", "target=\"gone\""), 1.0);
    assert_eq!(of("rot_delivery_version_lag", "target=\"here\""), 0.0);
    assert_eq!(of("rot_delivery_failures", "target=\"gone\""), 1.0);
    assert_eq!(of("rot_attention", "kind=\"undelivered\""), 1.0);
    assert_eq!(of("rot_rotation_state", "state=\"later\""), 1.0);
    let made = of("rot_secret_created_timestamp_seconds", "secret=\"k\"");
    let ends = of("rot_secret_expiration_timestamp_seconds", "secret=\"k\"");
    assert!(
        (ends - made - 90.0 * 86_400.0).abs() < 120.0,
        "{made} {ends}"
    );
    let success = of(
        "rot_rotation_last_success_timestamp_seconds",
        "rotation=\"odd\"",
    );
    let due = of(
        "rot_rotation_next_due_timestamp_seconds",
        "rotation=\"odd\"",
    );
    assert!((due - success - 3600.0).abs() <= 1.0, "{success} {due}");
    // What alerts and panels ask for is what is there.
    for name in ["alerts.json", "dashboard.json"] {
        let file: Json = serde_json::from_str(&self::text(name)).unwrap();
        let mut exprs = Vec::new();
        asked(&file, &mut exprs);
        assert!(exprs.len() >= 6, "{name}");
        for expr in exprs {
            let words = expr.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let words: BTreeSet<&str> = words.filter(|word| word.starts_with("rot_")).collect();
            assert!(!words.is_empty(), "{expr}");
            for word in words {
                assert!(found.contains_key(word), "{name} asks for {word}: {expr}");
            }
            let open = expr.matches('(').count();
            assert_eq!(open, expr.matches(')').count(), "{expr}");
        }
    }
    let alerts: Json = serde_json::from_str(&self::text("alerts.json")).unwrap();
    for rule in alerts["groups"][0]["rules"].as_array().unwrap() {
        for member in [
            "/alert",
            "/expr",
            "/for",
            "/labels/severity",
            "/annotations/summary",
        ] {
            assert!(rule.pointer(member).is_some_and(Json::is_string), "{rule}");
        }
    }
}

/// Each `expr` in a document.
fn asked(document: &Json, found: &mut Vec<String>) {
    match document {
        Json::Object(members) => {
            found.extend(
                members
                    .get("expr")
                    .and_then(Json::as_str)
                    .map(str::to_owned),
            );
            members.values().for_each(|member| asked(member, found));
        }
        Json::Array(items) => items.iter().for_each(|item| asked(item, found)),
        _ => {}
    }
}
