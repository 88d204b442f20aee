//! What ships: files for pip, npm, hooks, containers and actions say one version, and the action's script does what it says.

use std::collections::BTreeSet;
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

/// The targets of the release workflow.
fn targets() -> BTreeSet<String> {
    let workflow = read(".github/workflows/release.yml");
    let lines = workflow
        .lines()
        .filter_map(|line| line.split_once("{ target: "));
    lines
        .map(|(_, rest)| rest.split(',').next().unwrap().to_owned())
        .collect()
}

/// The manifest names the repository; what cannot read it there has it word for word, and nothing else names one.
#[test]
fn the_repository_has_one_address() {
    let repository = env!("CARGO_PKG_REPOSITORY");
    let named = ["editors/zed/extension.toml", "docs/how-to/ci.md"];
    for name in named {
        assert!(
            read(name).contains(repository),
            "{name} does not name {repository}"
        );
    }
    let listed = Command::new("git")
        .args(["ls-files"])
        .current_dir(root())
        .output();
    let Ok(listed) = listed else {
        println!("skipped: no git");
        return;
    };
    let listed = String::from_utf8(listed.stdout).unwrap();
    let others: Vec<&str> = listed
        .lines()
        .filter(|name| {
            !named.contains(name) && *name != "Cargo.toml" && !name.starts_with("tests/")
        })
        .filter(|name| {
            std::fs::read_to_string(root().join(name)).is_ok_and(|text| text.contains(repository))
        })
        .collect();
    assert_eq!(others, Vec::<&str>::new());
}

/// What installs a release asks for the names under which the workflow publishes.
#[test]
fn installers_ask_for_what_is_published() {
    let workflow = read(".github/workflows/release.yml");
    assert!(
        workflow
            .contains("tar -czf \"rot-$version-$TARGET.tar.gz\" -C \"target/$TARGET/dist\" rot")
    );
    assert!(
        workflow.contains("gh release create \"$TAG\"")
            && workflow.contains("sha256sum rot-* >SHA256SUMS")
    );
    let manifest = read("Cargo.toml");
    let manifest = toml::de::DeTable::parse(&manifest).unwrap().into_inner();
    let package = manifest["package"].get_ref().as_table().unwrap();
    let metadata = package["metadata"].get_ref().as_table().unwrap();
    let binstall = metadata["binstall"].get_ref().as_table().unwrap();
    let template = binstall["pkg-url"].get_ref().as_str().unwrap();
    let targets = targets();
    assert!(targets.len() >= 3, "{targets:?}");
    for target in &targets {
        let url = template
            .replace("{ repo }", env!("CARGO_PKG_REPOSITORY"))
            .replace("{ version }", VERSION)
            .replace("{ target }", target);
        assert!(
            url.ends_with(&format!(
                "/releases/download/v{VERSION}/rot-{VERSION}-{target}.tar.gz"
            )),
            "{url}"
        );
    }
    assert_eq!(
        binstall["bin-dir"].get_ref().as_str(),
        Some("{ bin }{ binary-ext }")
    );
    let install = read("packaging/action/install.sh");
    assert!(install.contains("name=\"rot-$ROT_VERSION-$target.tar.gz\""));
    assert!(install.contains("releases/download/v$ROT_VERSION"));
    let asked: BTreeSet<String> = install
        .lines()
        .filter_map(|line| {
            line.split_once(") target=")?
                .1
                .split(' ')
                .next()
                .map(str::to_owned)
        })
        .collect();
    assert_eq!(asked, targets);
}

/// The actions of workflows are pinned to a commit, with the release that it is.
#[test]
fn actions_are_pinned() {
    let workflow = read(".github/workflows/release.yml");
    for line in workflow.lines().filter(|line| line.contains("uses: ")) {
        let (_, used) = line.split_once("uses: ").unwrap();
        let (action, release) = used.split_once(" # v").unwrap_or_else(|| panic!("{line}"));
        let (_, commit) = action.split_once('@').unwrap();
        assert!(
            commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit()),
            "{line}"
        );
        assert_eq!(release.split('.').count(), 3, "{line}");
    }
}

/// The published crate holds what the program is built of, and nothing of tests, editors and packaging.
#[test]
fn the_crate_holds_what_is_meant() {
    let done = Command::new(env!("CARGO"))
        .args(["package", "--list", "--allow-dirty", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let list = String::from_utf8(done.stdout).unwrap();
    let listed: BTreeSet<&str> = list.lines().collect();
    let tops: BTreeSet<&str> = listed
        .iter()
        .map(|path| path.split('/').next().unwrap())
        .collect();
    let meant = [
        ".cargo_vcs_info.json",
        "CHANGELOG.md",
        "Cargo.lock",
        "Cargo.toml",
        "Cargo.toml.orig",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "docs",
        "examples",
        "grammar",
        "src",
    ];
    let strange: Vec<&&str> = tops.iter().filter(|top| !meant.contains(top)).collect();
    assert_eq!(strange, Vec::<&&str>::new());
    // Whatever the sources include is there.
    for path in listed.iter().filter(|path| path.ends_with(".rs")) {
        let text = read(path);
        for (at, _) in text.match_indices("include_str!(\"") {
            let name = text[at + 14..].split('"').next().unwrap();
            let full = root()
                .join(path)
                .parent()
                .unwrap()
                .join(name)
                .canonicalize()
                .unwrap();
            let full = full
                .strip_prefix(root().canonicalize().unwrap())
                .unwrap()
                .display()
                .to_string();
            assert!(listed.contains(full.as_str()), "{path} includes {full}");
        }
    }
}

/// Workflows, read by a tool that knows their form.
#[test]
fn actionlint_has_nothing_to_say() {
    let done = Command::new("actionlint").current_dir(root()).output();
    let Ok(done) = done else {
        println!(
            "skipped: no actionlint (`go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.7` builds it)"
        );
        return;
    };
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stdout)
    );
}

/// Workflow and action, looked at by a tool for their security.
#[test]
fn zizmor_has_nothing_to_say() {
    let Some(program) = std::env::var_os("ROT_ZIZMOR") else {
        println!("skipped: ROT_ZIZMOR names no zizmor (`pip install zizmor` has it)");
        return;
    };
    let done = Command::new(program)
        .args(["--offline", ".github", "action.yml"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stdout)
    );
}
