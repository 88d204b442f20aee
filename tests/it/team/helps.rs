//! Each way out that a message about the vault, the state or an identity names leads out: the situation is made, the message is
//! read, and what it says is done, in a shell, word by word.
//!
//! A code without a trial fails, and so does a help line that names a command and that no trial has seen.

mod trials;

use crate::support::project::{Called, Project};
use rot::diagnostic::{ALL_CODES, Category};
use std::process::Command;
use trials::{TRIALS, Trial};

/// Functions of all scripts: `v NAME VALUE` stores, `id FILE` makes another identity and prints its key, `plain` and `seal` are
/// the stock age program's view of the vault.
const PRELUDE: &str = r#"set -e
v() { printf %s "$2" | rot -q vault set "$1"; }
own() { rot identity show; }
id() { rot -q --identity "$1" identity new; }
I=$XDG_CONFIG_HOME/rot/identity.txt
plain() { age --decrypt -i "$I" rot.vault; }
up() { sed -E "s/(\"generation\": *)([0-9]+)/\1$1/"; }
"#;

/// A run that stops behind an effect, by itself.
const OPEN: &str = r#"rot -q vault init; cat > r.rot <<'X'
secret tok
rotation r {
  generate g password { length 32 }
  update tok = g.value
  fail "not today"
}
X
rot -q run r.rot >/dev/null 2>&1 || [ $? = 21 ]; J=$(ls "$XDG_STATE_HOME"/rot/runs/*/*.jnl)"#;

/// Codes of the same room that are about neither storage nor identities.
const ELSEWHERE: [&str; 5] = ["ROT830", "ROT831", "ROT840", "ROT850", "ROT870"];

fn shell(project: &Project, script: &str) -> Called {
    let script = script.replace("OPEN;", &format!("{OPEN}\n"));
    let output = Command::new("bash")
        .args(["-c", &format!("{PRELUDE}{script}")])
        .current_dir(project.dir())
        .env_clear()
        .env(
            "PATH",
            format!(
                "{}:/usr/local/bin:/usr/bin:/bin",
                project.path("bin").display()
            ),
        )
        .env("HOME", project.path("home"))
        .env("XDG_CONFIG_HOME", project.path("home/config"))
        .env("XDG_STATE_HOME", project.path("home/state"))
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    Called::from(output)
}

fn flat(text: &str) -> String {
    let text = text.replace('│', " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Makes the situation, reads the message, does what it says. Answers with what was shown.
fn tried(trial: &Trial) -> Result<String, String> {
    let Trial {
        code,
        make,
        call,
        exit,
        help,
        way,
    } = trial;
    let project = Project::empty();
    std::fs::create_dir(project.path("bin")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_rot"), project.path("bin/rot")).unwrap();
    let wrong = |what: &str, called: &Called| {
        Err(format!(
            "{code} `{call}`: {what}: exit {}\n{}{}",
            called.code, called.stdout, called.stderr
        ))
    };
    // One shell for all three, so that what the situation has set is known to the way out.
    let script = format!(
        "{{ {make}\n}} >made 2>&1; R=$(basename \"${{J:-}}\" .jnl)\nset +e; {call} >said 2>&1 </dev/null; echo $? >exit; set -e\ncat <<X >help\n{}\nX\n{way}",
        help.replace('\\', "\\\\").replace('`', "\\`")
    );
    let called = shell(&project, &script);
    let read = |name: &str| std::fs::read_to_string(project.path(name)).unwrap_or_default();
    if read("exit").is_empty() {
        return wrong(
            &format!("the situation could not be made: {}", read("made")),
            &called,
        );
    }
    if read("exit").trim() != exit.to_string() {
        return wrong(
            &format!("ended with {}: {}", read("exit").trim(), read("said")),
            &called,
        );
    }
    let said = flat(&read("said"));
    if !said.contains(&flat(&read("help"))) {
        return wrong(
            &format!("does not say `{}`:\n{said}", read("help").trim()),
            &called,
        );
    }
    if *exit != 0 && !said.contains(code) {
        return wrong(&format!("is another code:\n{said}"), &called);
    }
    if called.code != 0 {
        return wrong("the way out does not lead out", &called);
    }
    Ok(said)
}

/// The help texts of a source file that name a command of ours, in their fixed parts.
fn helps_of(source: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for rest in source.split(".help(").skip(1) {
        let rest = rest.trim_start();
        let rest = rest.strip_prefix("format!(").unwrap_or(rest).trim_start();
        let Some(rest) = rest.strip_prefix('"') else {
            continue;
        };
        let mut text = String::new();
        let mut chars = rest.chars();
        while let Some(c) = chars.next() {
            match c {
                '"' => break,
                '\\' => text.extend(chars.next()),
                c => text.push(c),
            }
        }
        if !text.contains("`rot ") && !text.contains("`--") {
            continue;
        }
        let mut parts = Vec::new();
        for piece in text.split('{') {
            let piece = piece.split_once('}').map_or(piece, |(_, after)| after);
            parts.push(flat(piece));
        }
        found.push(parts);
    }
    found
}

#[test]
fn each_way_out_leads_out() {
    for program in ["age", "flock", "python3", "bash"] {
        if Command::new(program).arg("--version").output().is_err() {
            println!("skipped: no {program}");
            return;
        }
    }
    let results: Vec<Result<String, String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = TRIALS
            .iter()
            .map(|trial| scope.spawn(|| tried(trial)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let wrong: Vec<&String> = results.iter().filter_map(|r| r.as_ref().err()).collect();
    assert!(
        wrong.is_empty(),
        "{}",
        wrong
            .iter()
            .map(|w| w.as_str())
            .collect::<Vec<_>>()
            .join("\n\n")
    );
    let seen: Vec<&String> = results.iter().flatten().collect();
    // Every code has a trial.
    for code in ALL_CODES
        .iter()
        .filter(|code| code.category() == Category::State)
    {
        let has = TRIALS.iter().any(|trial| trial.code == code.id());
        assert!(
            has != ELSEWHERE.contains(&code.id()),
            "{} needs a trial",
            code.id()
        );
    }
    // So has every help line that names a command.
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut untried = Vec::new();
    for file in SOURCES {
        let source = std::fs::read_to_string(root.join(file)).unwrap();
        for parts in helps_of(&source) {
            let shown = |said: &&String| {
                let mut rest = said.as_str();
                parts.iter().all(|part| match rest.find(part.as_str()) {
                    Some(at) => {
                        rest = &rest[at + part.len()..];
                        true
                    }
                    None => false,
                })
            };
            let text = parts.join("…");
            if !seen.iter().any(shown) && !UNTRIED.iter().any(|(known, _)| text.contains(known)) {
                untried.push(format!("{file}: {text}"));
            }
        }
    }
    assert_eq!(untried, [""; 0], "these need a trial");
}

/// The rooms of storage and identities.
const SOURCES: &[&str] = &[
    "vault/change.rs",
    "vault/guard.rs",
    "vault/identity.rs",
    "vault/merge.rs",
    "vault/recipient.rs",
    "vault/export.rs",
    "vault/import.rs",
    "vault/pin.rs",
    "vault/project.rs",
    "vault/store/mod.rs",
    "vault/store/load.rs",
    "vault/store/join.rs",
    "vault/store/lock.rs",
    "vault/store/memory.rs",
    "vault/store/write.rs",
    "vault/wire/mod.rs",
    "run/journal/mod.rs",
    "cli/identity.rs",
    "cli/paths.rs",
    "cli/environment.rs",
    "cli/vault/environment.rs",
    "cli/vault/get.rs",
    "cli/vault/history.rs",
    "cli/vault/import.rs",
    "cli/vault/init.rs",
    "cli/vault/merge.rs",
    "cli/vault/recipients.rs",
    "cli/vault/remove.rs",
    "cli/vault/revoked.rs",
    "cli/vault/rollback.rs",
    "cli/vault/set.rs",
    "cli/vault/verify.rs",
];

/// Help that cannot be brought about from a command line here, and why.
const UNTRIED: &[(&str, &str)] = &[
    (
        "give `--identity PATH` or set ROT_IDENTITY",
        "the command line always gives one; for users of the library",
    ),
    (
        "look at `rot vault history NAME`, then run it again",
        "another process in between: tested where two write at once",
    ),
];
