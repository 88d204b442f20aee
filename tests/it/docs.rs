//! What the documentation shows is true: `rot` blocks are read by the real front end, command lines by the real argument
//! parser, and blocks marked `<!-- run -->` are run, page by page, in a folder of their own against the loopback issuer.
//!
//! Marks, on a line of their own in front of a block: `<!-- run -->` or `<!-- run: CODE -->` runs a `console` block, whose last
//! command ends with CODE, and `<!-- run as NAME -->` runs it in the folder and with the home of a person;
//! `<!-- file: PATH -->` saves a block first. In what is shown, `…` stands for anything, and lines may
//! be left out.

use crate::support::loopback::{at, issuer};
use crate::support::project::Project;
use rot::cli::usage;
use rot::diagnostic::{Severity, codes};
use rot::source::SourceFile;
use rot::workspace::config::Config;
use rot::workspace::load::analyse;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A fenced block.
struct Block {
    /// `docs/tutorial.md:12`
    at: String,
    language: String,
    mark: String,
    text: String,
}

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = vec![root.join("README.md")];
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found.into_iter().filter(|page| page.exists()).collect()
}

fn blocks(page: &Path) -> Vec<Block> {
    let text = std::fs::read_to_string(page).unwrap();
    let name = page
        .strip_prefix(env!("CARGO_MANIFEST_DIR"))
        .unwrap()
        .display()
        .to_string();
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    let mut mark = String::new();
    for (index, line) in text.lines().enumerate() {
        match &mut open {
            Some(_) if line.trim_end() == "```" => found.extend(open.take()),
            Some(block) => block.text.push_str(&format!("{line}\n")),
            None if line.starts_with("```") => {
                let at = format!("{name}:{}", index + 1);
                open = Some(Block {
                    at,
                    language: line[3..].trim().to_owned(),
                    mark: std::mem::take(&mut mark),
                    text: String::new(),
                });
            }
            None => {
                mark = line
                    .strip_prefix("<!-- ")
                    .and_then(|l| l.strip_suffix(" -->"))
                    .unwrap_or_default()
                    .to_owned()
            }
        }
    }
    found
}

fn all() -> Vec<Block> {
    pages().iter().flat_map(|page| blocks(page)).collect()
}

/// A whole file has no errors; a part of one has no syntax errors where such a part may stand.
#[test]
fn rot_blocks_are_valid() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for block in all().iter().filter(|b| b.language == "rot") {
        seen += 1;
        let text = block.text.as_str();
        let errors = |text: &str, syntax: bool| -> Vec<String> {
            let loaded = analyse(&SourceFile::new("block.rot", text), &Config::default());
            let errors = loaded.findings.into_iter().filter(|d| {
                d.severity == Severity::Error && (!syntax || d.code == codes::SYNTAX_ERROR)
            });
            errors
                .map(|d| format!("{} {}", d.code.id(), d.message))
                .collect()
        };
        let whole = text.lines().any(|line| line.starts_with("rotation "));
        let found = if whole && !text.contains('…') {
            errors(text, false)
        } else {
            let places = [
                text.to_owned(),
                format!("rotation r {{\n{text}\n}}\n"),
                format!("rotation r {{ http GET \"https://x\" {{\n{text}\n}} }}\n"),
            ];
            places
                .iter()
                .map(|place| errors(place, true))
                .min_by_key(Vec::len)
                .unwrap()
        };
        wrong.extend(found.iter().map(|error| format!("{}: {error}", block.at)));
    }
    assert!(seen > 0);
    assert_eq!(wrong, Vec::<String>::new());
}

/// The index leads to every page.
#[test]
fn the_index_links_every_page() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let index = std::fs::read_to_string(docs.join("README.md")).unwrap();
    let missing: Vec<PathBuf> = pages()
        .into_iter()
        .filter_map(|page| page.strip_prefix(&docs).map(Path::to_owned).ok())
        .filter(|page| page != Path::new("README.md") && page != Path::new("SUMMARY.md"))
        .filter(|page| !index.contains(&format!("]({})", page.display())))
        .collect();
    assert_eq!(missing, Vec::<PathBuf>::new());
}

/// `rot …` in a shell line: what stands between pipes and operators, without comment, redirection and placeholders in brackets.
fn calls(line: &str) -> Vec<Vec<String>> {
    let line = line.split(" #").next().unwrap();
    let mut calls = Vec::new();
    for part in line
        .split(['|', ';'])
        .flat_map(|p| p.split("&&"))
        .flat_map(|p| p.split("ExecStart="))
    {
        let words: Vec<&str> = part.split_whitespace().collect();
        let Some(start) = words
            .iter()
            .position(|w| *w == "rot" || w.ends_with("/bin/rot"))
        else {
            continue;
        };
        if words[..start]
            .iter()
            .any(|word| !word.contains('=') && *word != "*" && *word != "$")
        {
            continue;
        }
        let own = words[start..]
            .iter()
            .take_while(|w| !w.starts_with(['>', '<']) && !w.starts_with("2>"));
        calls.push(
            own.map(|w| w.trim_matches(['\'', '"']).to_owned())
                .collect(),
        );
    }
    calls
}

#[test]
fn shown_command_lines_are_understood() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for block in all().iter().filter(|b| {
        ["console", "sh", "shell", "bash", "ini", "cron"].contains(&b.language.as_str())
    }) {
        for line in block.text.lines() {
            if block.language == "console" && !line.starts_with("$ ") {
                continue;
            }
            for call in calls(line) {
                if call.iter().any(|word| word.contains(['[', '…'])) {
                    continue;
                }
                seen += 1;
                let arguments: Vec<OsString> = call.iter().map(OsString::from).collect();
                if let Err(error) = usage::parse(&arguments) {
                    wrong.push(format!(
                        "{}: {}: {}",
                        block.at,
                        call.join(" "),
                        error.message()
                    ));
                }
            }
        }
    }
    assert!(seen > 10, "{seen}");
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn marked_blocks_do_what_they_show() {
    for page in pages() {
        let blocks = blocks(&page);
        if !blocks.iter().any(|b| b.mark.starts_with("run")) {
            continue;
        }
        let issuer = issuer(Default::default());
        let project = Project::empty();
        project.file("bin/.keep", "");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_rot"), project.path("bin/rot")).unwrap();
        project.file("work/.keep", "");
        for block in &blocks {
            if let Some(name) = block.mark.strip_prefix("file: ") {
                project.file(&format!("work/{name}"), at(&issuer, &block.text));
            }
            if block.mark.starts_with("run") {
                run(&project, block);
            }
        }
    }
}

/// Runs the commands of a block one by one and compares what they say with what is shown.
fn run(project: &Project, block: &Block) {
    let (who, code) = block.mark.split_once(": ").unwrap_or((&block.mark, "0"));
    let code: i32 = code.parse().unwrap();
    let who = who.strip_prefix("run as ").unwrap_or_default();
    let folder = project.path("work").join(who);
    std::fs::create_dir_all(&folder).unwrap();
    let commands = block
        .text
        .split("$ ")
        .filter(|part| !part.trim().is_empty())
        .collect::<Vec<_>>();
    for (index, part) in commands.iter().enumerate() {
        let (command, shown) = part.split_once('\n').unwrap();
        let home = project.path("home").join(who);
        let output = std::process::Command::new("/bin/sh")
            .args(["-c", &format!("exec 2>&1; {command}")])
            .current_dir(&folder)
            .env_clear()
            .env("GIT_AUTHOR_NAME", "somebody")
            .env("GIT_AUTHOR_EMAIL", "somebody@example.com")
            .env("GIT_COMMITTER_NAME", "somebody")
            .env("GIT_COMMITTER_EMAIL", "somebody@example.com")
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", project.path("bin").display()),
            )
            .env("HOME", &home)
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let expected = if index + 1 == commands.len() { code } else { 0 };
        assert_eq!(
            output.status.code(),
            Some(expected),
            "{}: {command}\n{said}",
            block.at
        );
        let mut lines = said.lines();
        for wanted in shown.lines().filter(|line| !line.trim().is_empty()) {
            assert!(
                lines.any(|line| fits(line, wanted)),
                "{}: {command} does not say `{wanted}`:\n{said}",
                block.at
            );
        }
    }
}

/// Whether a line is what is shown, where `…` stands for anything.
fn fits(line: &str, shown: &str) -> bool {
    let mut rest = line;
    let pieces: Vec<&str> = shown.split('…').collect();
    for (index, piece) in pieces.iter().enumerate() {
        match rest.find(piece) {
            Some(at) if index > 0 || at == 0 => rest = &rest[at + piece.len()..],
            _ => return false,
        }
    }
    pieces.last().is_some_and(|last| last.is_empty()) || rest.is_empty()
}
