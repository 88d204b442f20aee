//! `rot` alone: what can be done next in this folder. Looks at what is there and opens nothing.

use super::context::Context;
use super::inputs::candidates;
use super::paths;
use crate::diagnostic::Result;
use crate::report::findings::counted;
use crate::workspace::inputs::looks_like_conductor;
use crate::world::World;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Files that are looked at, at most.
const MOST: usize = 500;

/// Prints what is here, and the commands that go on from it.
///
/// # Errors
/// ROT840 for settings that cannot be read: what is here is not known then.
pub fn run(context: &Context) -> Result<()> {
    let here = look(context)?;
    let steps = steps(&here);
    let mut out = format!("rot: secret rotation as a language\n\n{}\n\n", found(&here));
    let width = steps.iter().map(|(c, _)| c.len()).max().unwrap_or(0);
    for (command, what) in &steps {
        let _ = writeln!(out, "  {command:width$}  {what}");
    }
    out.push_str(
        "\n`rot --help` lists all commands, `rot help topics` what else can be read here.\n",
    );
    context.out.stdout(&out);
    Ok(())
}

/// What is in this folder, in a sentence.
fn found(here: &Here) -> String {
    let counts = [
        (here.rot.len(), "`.rot` file"),
        (here.conductor.len(), "Conductor definition"),
    ];
    let things: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| counted(count, what))
        .collect();
    match (things.is_empty(), here.vault) {
        (true, true) => "Here: a vault, and no rotations yet.".to_owned(),
        (true, false) => "There are no rotations in this folder yet.".to_owned(),
        (false, true) => {
            format!("Here: {} and a vault.", things.join(", "))
        }
        (false, false) => format!("Here: {}. There is no vault yet.", things.join(" and ")),
    }
}

/// Commands that make sense now, with what each is for.
fn steps(here: &Here) -> Vec<(String, &'static str)> {
    let mut steps: Vec<(String, &'static str)> = Vec::new();
    let mut add = |command: &str, what| steps.push((command.to_owned(), what));
    let check = "find leaks and lock-outs before anything runs";
    let vault = "make the vault, and your key if you have none";
    let plan = "show what a run would do: no network, no values";
    let rehearse = "let everything go wrong once, in a simulated world";
    match (here.rot.first(), here.conductor.first()) {
        (None, None) if here.vault => {
            add("rot status", "what is stored, and what needs you");
            add("rot templates", "rotations that need only a host and names");
            add("rot init", "write a first rotation");
        }
        (None, None) => {
            add("rot demo", "watch a rotation at work, in a scratch folder");
            add(
                "rot init",
                "start a project here: settings, key, vault, a first rotation",
            );
            add("rot templates", "rotations that need only a host and names");
        }
        (Some(first), _) if here.vault => {
            let first = named(first);
            add("rot status", "what is due, what is missing, what needs you");
            add("rot run --due .", "run what is due now, as cron would");
            add("rot check", check);
            add(&format!("rot plan {first}"), plan);
            add(&format!("rot rehearse {first}"), rehearse);
            add(&format!("rot run {first}"), "run it now, due or not");
        }
        (Some(first), _) => {
            let first = named(first);
            add("rot check", check);
            add(&format!("rot plan {first}"), plan);
            add(&format!("rot rehearse {first}"), rehearse);
            add("rot vault init", vault);
        }
        (None, Some(first)) => {
            let first = named(first);
            add("rot check", check);
            add(&format!("rot plan {first}"), plan);
            add(
                &format!("rot compile --to rot {first}"),
                "the same rotation as `.rot` source",
            );
            if here.vault {
                add(
                    &format!("rot run {first}"),
                    "run it on this machine, without a server",
                );
            } else {
                add(
                    "rot vault init",
                    "to run it on this machine: make the vault and your key",
                );
            }
        }
    }
    steps
}

/// A path as it can be typed; `FILE` where a shell would read it in another way.
fn named(path: &Path) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    path.to_str()
        .filter(|text| text.chars().all(plain) && !text.starts_with('-'))
        .unwrap_or("FILE")
        .to_owned()
}

struct Here {
    rot: Vec<PathBuf>,
    conductor: Vec<PathBuf>,
    vault: bool,
}

fn look(context: &Context) -> Result<Here> {
    let mut here = Here {
        rot: Vec::new(),
        conductor: Vec::new(),
        vault: false,
    };
    let mut files = candidates(&[]);
    files.sort();
    for path in files.into_iter().take(MOST) {
        let shown = path.strip_prefix(".").unwrap_or(&path).to_owned();
        let ending = |wanted: &str| shown.extension().is_some_and(|e| e == wanted);
        if ending("rot") {
            here.rot.push(shown);
        } else if is_conductor(&path) {
            here.conductor.push(shown);
        }
    }
    let config = context.config()?;
    let world = World::real();
    here.vault = paths::locate(context, &config, &world)
        .is_ok_and(|places| matches!(world.fs.stat(&places.paths.vault), Ok(Some(_))));
    Ok(here)
}

fn is_conductor(path: &Path) -> bool {
    crate::workspace::files::read_text(path).is_ok_and(|text| looks_like_conductor(&text))
}
