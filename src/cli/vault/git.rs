//! A vault in git: what git calls to merge and to compare, and the settings that make it do so.

use super::{Ctx, Output, table};
use crate::cli::config::Config;
use crate::cli::context::Context;
use crate::cli::files;
use crate::cli::process::public_mode;
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::vault::{Paths, Vault};
use std::path::{Path, PathBuf};

/// What must not be shared, for `.gitignore`.
const IGNORED: [&str; 3] = ["*.vault.lock", ".*.vault.prev", ".*.vault.*"];
/// Which files are vaults, for `.gitattributes`.
const ATTRIBUTES: [&str; 1] = ["*.vault merge=rot diff=rot"];

/// `rot vault git-setup`: `.gitattributes` and `.gitignore` for everybody, and the settings of this clone.
pub(super) fn set_up(context: &Context, config: &Config) -> Result<()> {
    let root = config.root.clone().unwrap_or_else(|| context.cwd.clone());
    let program = program(&root);
    let settings = [
        ("merge.rot.name", "rot vault merge".to_owned()),
        (
            "merge.rot.driver",
            format!("{program} vault merge-driver %O %A %B %P"),
        ),
        (
            "diff.rot.textconv",
            format!("{program} --read-only vault textconv"),
        ),
    ];
    for (name, value) in settings {
        git(&root, &["config", "--local", name, &value])?;
    }
    context.out.info("this clone merges and compares vaults with rot now; every other clone needs `rot vault git-setup` too");
    add_lines(context, &root.join(".gitattributes"), &ATTRIBUTES)?;
    add_lines(context, &root.join(".gitignore"), &IGNORED)
}

/// Adds the lines that a file lacks, and makes it where there is none.
pub fn add_lines(context: &Context, path: &Path, lines: &[&str]) -> Result<()> {
    let shown = path.file_name().unwrap_or_default().to_string_lossy();
    let text = match files::read_text(path) {
        Ok(text) => text,
        Err(_) if std::fs::metadata(path).map_or(true, |m| m.len() == 0) => String::new(),
        Err(problem) => {
            let message = format!("cannot read `{shown}`: {}", problem.why);
            return Err(
                Error::plain(Failure::Usage, codes::STORAGE_FAILED, message).help(format!(
                    "add these lines to it by hand: {}",
                    lines.join(", ")
                )),
            );
        }
    };
    let missing: Vec<&str> = lines
        .iter()
        .filter(|line| !text.lines().any(|there| there.trim() == **line))
        .copied()
        .collect();
    if missing.is_empty() {
        context
            .out
            .info(&format!("kept {shown}, which says it already"));
        return Ok(());
    }
    let gap = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let next = format!("{text}{gap}{}\n", missing.join("\n"));
    let written = if path.exists() {
        files::replace(path, &next)
    } else {
        files::create(path, &next, public_mode())
    };
    written.map_err(|error| {
        let message = format!("cannot write `{shown}`: {}", crate::diagnostic::why(&error));
        Error::plain(Failure::Usage, codes::STORAGE_FAILED, message).help(format!(
            "add these lines to it by hand: {}",
            missing.join(", ")
        ))
    })?;
    context
        .out
        .info(&format!("added to {shown}: {}", missing.join(", ")));
    Ok(())
}

/// `rot` where the shell finds this very program under that name; else its path.
fn program(root: &Path) -> String {
    let own = std::env::current_exe().ok();
    let found = which(root);
    match (own, found) {
        (Some(own), Some(found)) if own.canonicalize().ok() == found.canonicalize().ok() => {
            "rot".to_owned()
        }
        (Some(own), _) => format!("'{}'", own.display().to_string().replace('\'', "'\\''")),
        (None, _) => "rot".to_owned(),
    }
}

#[allow(clippy::disallowed_methods)]
fn which(root: &Path) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| root.join(folder).join("rot"))
        .find(|program| program.is_file())
}

/// Runs git, which has its own idea of where a repository begins.
#[allow(clippy::disallowed_methods)]
fn git(root: &Path, arguments: &[&str]) -> Result<()> {
    let failed = |what: &str| {
        Err(
            Error::plain(Failure::Usage, codes::USAGE, format!("git {what}"))
                .help("run it in a clone: `git init` makes one"),
        )
    };
    let status = std::process::Command::new("git")
        .args(arguments)
        .current_dir(root)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => failed("did not take a setting: this is no repository"),
        Err(_) => failed("could not be started"),
    }
}

/// The merge driver: the result takes the place of git's own copy. An error leaves a conflict, which is what git asks for.
pub(super) fn merge_driver(cx: &Ctx, base: &Path, ours: &Path, theirs: &Path) -> Result<Output> {
    let paths = Paths {
        vault: ours.to_owned(),
        ..cx.paths.clone()
    };
    let told = Vault::merge_for_git(&cx.world, &paths, base, theirs)?;
    Ok(told.into_iter().fold(Output::default(), Output::note))
}

/// What a file holds, as lines that compare well: names, versions, states, people. Never values.
pub(super) fn textconv(cx: &Ctx, file: &Path) -> Result<Output> {
    let paths = Paths {
        vault: file.to_owned(),
        ..cx.paths.clone()
    };
    let vault = Vault::open_read_only(&cx.world, &paths)?;
    let doc = vault.doc();
    let mut text = format!("vault {}\ngeneration {}\n", vault.id(), vault.generation());
    if let Some(name) = doc.environment() {
        text.push_str(&format!("environment {}\n", table::shown(name)));
    }
    for name in doc.recipient_names() {
        text.push_str(&format!("recipient {}\n", table::shown(&name)));
    }
    for (name, entry) in doc.secrets() {
        for version in &entry.versions {
            let mut words = vec![
                format!("secret {name}"),
                version.id.clone(),
                version.state.as_str().to_owned(),
                version.created_at.to_string(),
            ];
            words.extend(version.expires_at.map(|at| format!("expires {at}")));
            words.extend(version.rotation.iter().map(|r| format!("by {r}")));
            words.extend(version.unrevoked.map(|_| "not revoked".to_owned()));
            if !version.exposed_to.is_empty() {
                words.push(format!("known to {}", version.exposed_to.join(", ")));
            }
            let line: Vec<String> = words.iter().map(|word| table::shown(word)).collect();
            text.push_str(&format!("{}\n", line.join("  ")));
        }
        if !entry.fields.is_empty() {
            text.push_str(&format!(
                "secret {name}  fields {}\n",
                entry.fields.join(", ")
            ));
        }
    }
    Ok(Output::default().text(&text))
}
