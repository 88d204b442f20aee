//! Targets: a rotated secret arrives where it is used, and what it replaces lives until then.

mod fakes;
mod files;
mod kinds;
mod language;
mod order;
mod programs;
mod respond;
mod services;

use crate::support::project::Project;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const CANARY: &str = "canary-5d1e8f02c7";

/// A program of the project, known by its name in `[programs]`.
fn program(project: &Project, name: &str, script: &str) {
    let path = project.path(&format!("{name}.sh"));
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let settings = project.path("rot.toml");
    let before = std::fs::read_to_string(&settings).unwrap_or_else(|_| "[programs]\n".to_owned());
    project.file(
        "rot.toml",
        format!("{before}{name} = [{:?}]\n", path.display().to_string()),
    );
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// A rotation that makes a new value of a secret, behind these items.
fn rotating(items: &str, secret: &str) -> String {
    format!(
        "{items}\nrotation r {{\n  generate fresh password {{\n    length 32\n    alphabet \"alphanumeric\"\n  }}\n  update {secret} = fresh.value\n}}\n"
    )
}
