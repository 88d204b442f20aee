//! What ships: files for pip, npm, hooks, containers and actions say one version, and the action's script does what it says.

use std::path::{Path, PathBuf};
use std::process::Command;

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

#[test]
fn packages_say_the_version_of_the_program() {
    for (name, said) in [
        ("pyproject.toml", format!("\"rot-lang=={VERSION}\"")),
        ("pyproject.toml", format!("version = \"{VERSION}\"")),
        ("action.yml", format!("default: \"{VERSION}\"")),
        (
            "packaging/npm/rot/package.json",
            format!("\"version\": \"{VERSION}\""),
        ),
        (
            "packaging/npm/rot/package.json",
            format!("\"rot-lang-linux-x64\": \"{VERSION}\""),
        ),
        (
            "packaging/npm/linux-x64/package.json",
            format!("\"version\": \"{VERSION}\""),
        ),
        (
            "editors/vscode/package.json",
            format!("\"version\": \"{VERSION}\""),
        ),
    ] {
        assert!(read(name).contains(&said), "{name}: {said}");
    }
    assert!(!read("packaging/npm/rot/package.json").contains("install\":"));
}

/// What a hook needs it installs; `system` is a word of the past.
#[test]
fn hooks_install_what_they_need() {
    let hooks = read(".pre-commit-hooks.yaml");
    assert!(!hooks.contains("language: system"));
    assert_eq!(hooks.matches("language: python").count(), 3);
}

/// The script under the environment of a runner: annotations, a summary, the exit code, SARIF only when asked for.
#[test]
fn the_action_annotates_and_sums_up() {
    let dir = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_rot")).parent().unwrap();
    for (text, sarif, code, said) in [
        (
            "secret key to \"api.example.com\"\nrotation r {\n  every 1d\n  log secrets.key\n}\n",
            "",
            1,
            "ROT301",
        ),
        (
            "secret key to \"api.example.com\"\nrotation r {\n  every 1d\n  log secrets.key\n}\n",
            "out.sarif",
            1,
            "ROT301",
        ),
        (
            "rotation r {\n  every 1d\n  log \"x\"\n}\n",
            "",
            0,
            "Nothing was found.",
        ),
    ] {
        std::fs::write(dir.path().join("a.rot"), text).unwrap();
        let summary = dir.path().join("summary.md");
        let _ = std::fs::remove_file(&summary);
        let _ = std::fs::remove_file(dir.path().join("out.sarif"));
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
        let done = Command::new("bash")
            .arg(root().join("packaging/action/check.sh"))
            .current_dir(dir.path())
            .env("PATH", path)
            .env("RUNNER_TEMP", dir.path())
            .env("GITHUB_STEP_SUMMARY", &summary)
            .env("ROT_PATHS", "a.rot")
            .env("ROT_FAIL_ON", "error")
            .env("ROT_SARIF", sarif)
            .output()
            .unwrap();
        assert_eq!(done.status.code(), Some(code), "{done:?}");
        let summary = std::fs::read_to_string(&summary).unwrap();
        assert!(summary.contains(said), "{summary}");
        let annotated = String::from_utf8_lossy(&done.stdout).contains("::error");
        assert_eq!(annotated, code == 1);
        assert_eq!(dir.path().join("out.sarif").exists(), !sarif.is_empty());
    }
}
