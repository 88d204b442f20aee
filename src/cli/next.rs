//! `rot` alone: what can be done next in this folder. Looks at what is there and opens nothing.

use super::context::Context;
use super::inputs::candidates;
use super::{config, paths, topics};
use crate::report::findings::counted;
use crate::workspace::inputs::looks_like_conductor;
use crate::world::World;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Files that are looked at, at most.
const MOST: usize = 500;

/// Prints what is here, and the commands that go on from it.
pub fn run(context: &Context) {
    let here = look(context);
    let mut out = String::from("rot: secret rotation as a language\n\n");
    let mut steps: Vec<(&str, String)> = Vec::new();
    let rot = counted(here.rot.len(), "`.rot` file");
    let json = counted(here.conductor.len(), "Conductor definition");
    match (here.rot.first(), here.conductor.first()) {
        (None, None) => {
            out.push_str("There are no rotations in this folder.\n");
            steps.push((
                "rot demo",
                "watch a rotation at work, in a scratch folder".into(),
            ));
            steps.push(("rot init", "start a project here".into()));
        }
        (Some(first), _) => {
            let _ = writeln!(out, "Here: {rot}{}.", also(&here, &json));
            steps.push((
                "rot check",
                "look for leaks and lock-outs; nothing runs".into(),
            ));
            let first = first.display();
            steps.push((
                "rot plan FILE",
                format!("say what a run would do, as of {first}"),
            ));
            if here.vault {
                steps.push(("rot status", "what is due, and what needs you".into()));
                steps.push(("rot run FILE", "check it, then do it".into()));
            } else {
                let _ = writeln!(out, "There is no vault yet.");
                steps.push(("rot vault init", "make the vault and an identity".into()));
            }
        }
        (None, Some(first)) => {
            let _ = writeln!(out, "Here: {json}.");
            steps.push((
                "rot check",
                "look for leaks and lock-outs; nothing runs".into(),
            ));
            let first = first.display();
            steps.push((
                "rot compile --to rot FILE",
                format!("write one as `.rot`, as of {first}"),
            ));
        }
    }
    out.push('\n');
    let width = steps.iter().map(|(c, _)| c.len()).max().unwrap_or(0);
    for (command, what) in &steps {
        let _ = writeln!(out, "  {command:width$}  {what}");
    }
    out.push_str("\n`rot --help` lists all commands, `rot help TOPIC` explains:\n\n");
    out.push_str(&topics::list());
    context.out.stdout(&out);
}

struct Here {
    rot: Vec<PathBuf>,
    conductor: Vec<PathBuf>,
    vault: bool,
}

fn also(here: &Here, json: &str) -> String {
    if here.conductor.is_empty() {
        String::new()
    } else {
        format!(" and {json}")
    }
}

fn look(context: &Context) -> Here {
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
    let mut sources = crate::source::SourceMap::new();
    if let Ok(config) = config::load(None, &context.cwd, &mut sources) {
        let world = World::real();
        here.vault = paths::resolve(context, &config, &world)
            .is_ok_and(|paths| matches!(world.fs.stat(&paths.vault), Ok(Some(_))));
    }
    here
}

fn is_conductor(path: &Path) -> bool {
    crate::workspace::files::read_text(path).is_ok_and(|text| looks_like_conductor(&text))
}
