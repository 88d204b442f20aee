//! A tree of strangers under `rot check`: nothing outside of it is opened, nothing blocks, nothing is written through links.

use crate::support::project::Project;
use std::os::unix::fs::{PermissionsExt, symlink};

const FILE: &str = "rotation r { log \"x\" }\n";

#[test]
fn nothing_outside_of_the_project_is_opened_or_quoted() {
    let outside = Project::empty();
    outside
        .file("token.rot", "ghs_outsideCanary\n")
        .file("other.json", "{\"ghs_outsideCanary\": }");
    let project = Project::empty();
    project
        .file("rot.toml", "")
        .file(".git/config", "ghs_outsideCanary\n")
        .file("sub/inner.rot", FILE);
    symlink(outside.path("token.rot"), project.path("link.rot")).unwrap();
    symlink(outside.dir(), project.path("folder")).unwrap();
    symlink(outside.path("other.json"), project.path("beside.json")).unwrap();
    let absolute = outside.path("token.rot").display().to_string();
    for used in [
        ".git/config",
        "./.git/config",
        "../token.rot",
        "link.rot",
        "folder/token.rot",
        "/etc/passwd",
        "/dev/stdin",
        absolute.as_str(),
    ] {
        project.file("a.rot", format!("use \"{used}\"\n{FILE}"));
        let checked = project.rot("check a.rot").code(1);
        let said = format!("{}{}", checked.stdout, checked.stderr);
        assert!(
            said.contains("ROT116") && !said.contains("outsideCanary"),
            "{used}: {said}"
        );
    }
    project.file("a.rot", "use \"sub/inner.rot\"\nrotation s { log \"y\" }\n");
    project.rot("check a.rot").code(0);
    let named = project.rot("check link.rot");
    assert!(!format!("{}{}", named.stdout, named.stderr).contains("outsideCanary"));
}

#[test]
fn pipes_and_devices_never_block() {
    let project = Project::empty();
    project.file("rot.toml", "");
    let made = std::process::Command::new("mkfifo")
        .arg(project.path("pipe.rot"))
        .status();
    assert!(made.unwrap().success());
    project.file("a.rot", format!("use \"pipe.rot\"\n{FILE}"));
    project.rot("check a.rot").code(1);
    project.rot("check pipe.rot").code(2);
    project.rot("check /dev/zero").code(2);
    project.rot("check .").code(1);
}

#[test]
fn reports_are_not_written_through_links() {
    let project = Project::empty();
    project
        .file("rot.toml", "")
        .file("a.rot", FILE)
        .file("precious", "mine");
    symlink(project.path("precious"), project.path("out.json")).unwrap();
    symlink(project.dir(), project.path("there")).unwrap();
    for target in ["out.json", "there/new.json"] {
        project
            .rot(&format!("check a.rot --report json={target}"))
            .code(2)
            .says("symbolic link");
        project
            .rot(&format!("check a.rot --write-baseline {target}"))
            .code(2);
    }
    assert_eq!(project.read("precious"), "mine");
    project.rot("check a.rot --report json=/dev/stdout").code(0);
}

#[test]
fn settings_that_others_can_change_are_not_taken_from_above() {
    let project = Project::empty();
    project
        .file("rot.toml", "[check]\nfail-on = \"note\"\n")
        .file("sub/a.rot", FILE);
    let sub = |arguments: &[&str]| {
        let output = project
            .command(arguments)
            .current_dir(project.path("sub"))
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    assert_eq!(sub(&["check"]).0, Some(0));
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(project.dir(), open).unwrap();
    let (code, said) = sub(&["check"]);
    assert!(code == Some(2) && said.contains("--no-config"), "{said}");
    assert_eq!(sub(&["--no-config", "check"]).0, Some(0));
    assert_eq!(sub(&["--config", "../rot.toml", "check"]).0, Some(0));
}

#[test]
fn a_program_that_others_can_change_is_not_taken_from_above() {
    let project = Project::empty();
    project
        .file("rot.toml", "[workers]\nnotify = [\"./bin/notify\"]\n")
        .file("bin/notify", "#!/bin/sh\n")
        .file("sub/a.rot", FILE);
    let checked = |arguments: &[&str]| {
        let mut command = project.command(arguments);
        let output = command.current_dir(project.path("sub")).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    };
    for (path, mode, code) in [
        ("bin", 0o755, 0),
        ("bin", 0o777, 2),
        ("bin/notify", 0o757, 2),
        ("bin/notify", 0o755, 0),
    ] {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(project.path(path), mode).unwrap();
        let (found, said) = checked(&["check"]);
        assert_eq!(found, Some(code), "{path}: {said}");
        assert!(code == 0 || said.contains("`notify`"), "{said}");
        let named = checked(&["--config", "../rot.toml", "check"]);
        assert_eq!(named.0, Some(0), "{}", named.1);
        if path == "bin" {
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(project.path(path), mode).unwrap();
        }
    }
}

#[test]
fn a_strict_check_takes_no_decision_of_the_tree() {
    let project = Project::empty();
    let text = "secret unused to \"api.example.com\"\nrotation r { log \"x\" }\n";
    project
        .file("rot.toml", "[check.severity]\nROT107 = \"off\"\n")
        .file("a.rot", text);
    let quiet = project.rot("check --fail-on warning a.rot").code(0);
    assert!(
        quiet.stderr.contains("1 rule turned off"),
        "{}",
        quiet.stderr
    );
    project
        .rot("check --strict --fail-on warning a.rot")
        .code(1);
}

#[test]
fn a_credential_beside_a_mistake_is_blanked() {
    let project = Project::empty();
    let token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";
    for (name, text) in [
        (
            "a.rot",
            format!(
                "rotation r {{\n  http GET \"https://api.example.com\" {{ bearer \"{token}\" }} }} }}\n"
            ),
        ),
        (
            "b.json",
            format!("{{\"name\": \"r\", \"tasks\": [{{\"token\": \"{token}\" \"x\": 1}}]}}"),
        ),
    ] {
        project.file(name, text);
        for report in ["text", "json", "sarif", "github"] {
            let checked = project
                .rot(&format!("check {name} --report {report}"))
                .code(1);
            assert!(
                !format!("{}{}", checked.stdout, checked.stderr).contains(token),
                "{name} as {report}: {}",
                checked.stdout
            );
        }
    }
}

#[test]
fn the_identity_may_be_the_key_itself_and_is_never_shown() {
    let project = Project::new();
    project.set("a", "v-123456");
    let key = project.read("home/config/rot/identity.txt");
    let key = key
        .lines()
        .find(|l| l.starts_with("AGE-SECRET"))
        .unwrap()
        .to_owned();
    std::fs::remove_file(project.path("home/config/rot/identity.txt")).unwrap();
    let call = |key: &str| {
        let output = project
            .command(&["vault", "get", "a"])
            .env("ROT_IDENTITY", key)
            .output()
            .unwrap();
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(
            !said.contains("AGE-SECRET") && !said.to_uppercase().contains(&key[20..40]),
            "{said}"
        );
        said
    };
    assert_eq!(call(&key), "v-123456\n");
    call(&key[..key.len() - 3]);
    call(&key.to_lowercase());
}
