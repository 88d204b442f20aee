//! A project in a folder of its own: files, identity, vault and state that outlive one call of the program.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A folder in which `rot` is called again and again. The environment of each call holds nothing but a home in it.
pub struct Project {
    dir: TempDir,
}

/// What one call left behind.
pub struct Called {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Project {
    /// An empty folder.
    pub fn empty() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// A folder with identity and vault.
    pub fn new() -> Self {
        let project = Self::empty();
        project.rot("vault init").code(0);
        project
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The command with these arguments, for tests that start it themselves.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rot"));
        let home = self.path("home");
        command
            .args(arguments)
            .current_dir(self.dir())
            .env_clear()
            .env("HOME", &home)
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_STATE_HOME", home.join("state"))
            .env("HOSTNAME", "here")
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null());
        command
    }

    /// Calls it with the words of a line.
    pub fn rot(&self, line: &str) -> Called {
        self.with(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// Calls it with these arguments.
    pub fn with(&self, arguments: &[&str]) -> Called {
        Called::from(self.command(arguments).output().unwrap())
    }

    /// Calls it with something on standard input.
    pub fn feed(&self, arguments: &[&str], input: &[u8]) -> Called {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stdin.take().unwrap();
        // The program may end without reading; that is for the test to judge.
        let _ = pipe.write_all(input);
        drop(pipe);
        Called::from(child.wait_with_output().unwrap())
    }

    /// Stores a secret, or one field of a record as `NAME.FIELD`.
    #[track_caller]
    pub fn set(&self, name: &str, value: &str) -> &Self {
        let (name, field) = name
            .split_once('.')
            .map_or((name, None), |(n, f)| (n, Some(f)));
        let mut arguments = vec!["vault", "set", name];
        arguments.extend(field.iter().flat_map(|f| ["--field", *f]));
        self.feed(&arguments, value.as_bytes()).code(0);
        self
    }

    /// The current value of a secret, or of one field of a record as `NAME.FIELD`.
    #[track_caller]
    pub fn get(&self, name: &str) -> String {
        let (name, field) = name
            .split_once('.')
            .map_or((name, None), |(n, f)| (n, Some(f)));
        let mut arguments = vec!["vault", "get", name];
        arguments.extend(field.iter().flat_map(|f| ["--field", *f]));
        let got = self.with(&arguments).code(0);
        got.stdout.strip_suffix('\n').unwrap().to_owned()
    }

    /// Every file below the folder, with what is in it.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.dir().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                match entry.file_type().unwrap().is_dir() {
                    true => folders.push(entry.path()),
                    false => found.push((entry.path(), std::fs::read(entry.path()).unwrap())),
                }
            }
        }
        found
    }

    /// A text of the program with what differs from run to run taken out: folder, port, ids, times.
    pub fn stable(&self, text: &str) -> String {
        let text = text.replace(&self.dir().display().to_string(), "<dir>");
        stable(&text)
    }
}

impl From<Output> for Called {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program prints UTF-8");
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Called {
    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        assert_eq!(
            self.code, expected,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Standard error holds this text, however its lines are wrapped.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        let flat = |s: &str| {
            s.replace(['│', '\n'], " ")
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert!(
            flat(&self.stderr).contains(&flat(text)),
            "no `{text}` in\n{}",
            self.stderr
        );
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|_| panic!("no JSON:\n{}\n{}", self.stdout, self.stderr))
    }
}

/// A text without what differs from run to run: ports, ids, times, lengths of time.
pub fn stable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    'text: while let Some(first) = rest.chars().next() {
        for (shape, name) in SHAPES {
            if let Some(length) = fits(rest, shape) {
                let follows = rest[length..].chars().next();
                if !follows.is_some_and(|c| c.is_ascii_alphanumeric()) {
                    out.push_str(name);
                    rest = &rest[length..];
                    continue 'text;
                }
            }
        }
        out.push(first);
        rest = &rest[first.len_utf8()..];
    }
    out
}

/// Shapes of what differs: `h` is a hexadecimal digit, `+` as many digits as there are, `d` one digit; the rest is itself.
const SHAPES: &[(&str, &str)] = &[
    ("(+ ms", "(<n> ms"),
    ("127.0.0.1:+", "127.0.0.1:<port>"),
    ("hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh", "<id>"),
    ("…hhhhhhhhhhhh", "…<id>"),
    ("ddddddddTddddddZ-hhhhhhhh", "<version>"),
    ("…hhhhhhhh", "…<id>"),
    ("dddd-dd-dd dd:dd:dd UTC", "<time>"),
    ("dddd-dd-ddTdd:dd:dd.+Z", "<time>"),
    ("dddd-dd-ddTdd:dd:ddZ", "<time>"),
];

fn fits(text: &str, shape: &str) -> Option<usize> {
    let mut at = 0;
    for wanted in shape.chars() {
        let rest = &text[at..];
        let found = rest.chars().next()?;
        at += match wanted {
            'h' if found.is_ascii_hexdigit() && !found.is_ascii_uppercase() => 1,
            'd' if found.is_ascii_digit() => 1,
            '+' if found.is_ascii_digit() => {
                rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len()
            }
            'h' | 'd' | '+' => return None,
            _ if found == wanted => found.len_utf8(),
            _ => return None,
        };
    }
    Some(at)
}
