//! What the documents show is true: their commands run, their examples do what stands beside them.

use crate::support::process::Rot;
use std::path::Path;
use std::process::Command;

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The fenced blocks of a language; what stands behind its name on the fence does not matter here.
fn blocks(text: &str, language: &str) -> Vec<String> {
    text.split("\n```")
        .filter_map(|block| block.split_once('\n'))
        .filter(|(fence, _)| fence.split_whitespace().next() == Some(language))
        .map(|(_, code)| format!("{code}\n"))
        .collect()
}

/// Runs a line of a shell in a project with rotations that are clean.
fn shell(line: &str) -> (i32, String) {
    let rot = Rot::new()
        .file("rotations/token.rot", read("examples/update_token.rot"))
        .file("workflows/w.json", read("tests/spec/conductor/seed.json"));
    let program = Path::new(env!("CARGO_BIN_EXE_rot"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let output = Command::new("sh")
        .args(["-c", line])
        .current_dir(rot.path())
        .env_clear()
        .env("PATH", path)
        .env("HOME", rot.path())
        .output()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn the_commands_of_the_documents_run() {
    let mut ran = 0;
    for name in ["docs/how-to/ci.md", "docs/reference/check.md"] {
        for block in blocks(&read(name), "console") {
            let lines: Vec<&str> = block.lines().filter_map(|l| l.strip_prefix("$ ")).collect();
            let (code, stderr) = shell(&lines.join("\n"));
            assert_eq!(code, 0, "{name}: {block}\n{stderr}");
            ran += lines.len();
        }
        for block in blocks(&read(name), "sh") {
            assert_eq!(shell(&block).0, 0, "{name}: {block}");
            ran += 1;
        }
    }
    for line in blocks(&read("docs/how-to/ci.md"), "yaml")
        .iter()
        .flat_map(|b| b.lines())
    {
        let line = line
            .trim()
            .trim_start_matches("- ")
            .trim_start_matches("run: ");
        if line.starts_with("rot ") {
            let (code, stderr) = shell(line);
            assert_eq!(code, 0, "{line}\n{stderr}");
            ran += 1;
        }
    }
    assert!(ran >= 15, "{ran}");
}

#[test]
fn the_hooks_run_on_the_files_that_they_match() {
    let hooks = read(".pre-commit-hooks.yaml");
    let field = |hook: &str, name: &str| {
        hook.lines()
            .find_map(|l| {
                l.trim()
                    .strip_prefix(&format!("{name}: "))
                    .map(str::to_owned)
            })
            .unwrap()
    };
    let ids: Vec<String> = hooks
        .split("- id: ")
        .skip(1)
        .map(|hook| {
            let file = if field(hook, "files").contains("rot") {
                "rotations/token.rot"
            } else {
                "workflows/w.json"
            };
            let (code, stderr) = shell(&format!("{} {file}", field(hook, "entry")));
            assert!(code < 2, "{hook}\n{stderr}");
            hook.lines().next().unwrap().to_owned()
        })
        .collect();
    for id in blocks(&read("docs/how-to/ci.md"), "yaml")
        .iter()
        .flat_map(|b| b.lines())
        .filter_map(|l| l.trim().strip_prefix("- id: "))
    {
        assert!(ids.iter().any(|known| known == id), "{id}");
    }
}

#[test]
fn the_suppressions_of_the_reference_do_what_they_say() {
    let text = read("docs/reference/check.md");
    let rot = Rot::new()
        .args("check --report concise a.rot w.json")
        .file("a.rot", &blocks(&text, "rot")[0])
        .file("w.json", &blocks(&text, "json")[0]);
    let done = rot.run().code(0);
    assert!(
        !done.stdout.contains("ROT303") && !done.stdout.contains("ROT903"),
        "{}",
        done.stdout
    );
    assert!(done.stderr.contains("suppressed"), "{}", done.stderr);
    for settings in blocks(&text, "toml") {
        Rot::new()
            .args("check a.rot")
            .file("a.rot", "secret a\n")
            .file("rot.toml", settings)
            .run()
            .code(0);
    }
}
