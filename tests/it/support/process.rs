//! Runs the program in a folder of its own with an environment of its own.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// One call of `rot`, built up step by step. The environment holds nothing but a home in the temporary folder.
pub struct Rot {
    dir: TempDir,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    stdin: Option<Vec<u8>>,
}

/// What a call left behind. The folder lives as long as this.
pub struct Done {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    dir: TempDir,
}

impl Rot {
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            arguments: Vec::new(),
            environment: Vec::new(),
            stdin: None,
        }
    }

    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Several arguments, split at blanks.
    pub fn args(self, line: &str) -> Self {
        line.split_whitespace().fold(self, |rot, one| rot.arg(one))
    }

    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    pub fn stdin(mut self, content: impl AsRef<[u8]>) -> Self {
        self.stdin = Some(content.as_ref().to_vec());
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The command, for tests that start it themselves.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rot"));
        let home = self.dir.path().join("home");
        command
            .args(&self.arguments)
            .current_dir(self.dir.path())
            .env_clear()
            .env("HOME", &home)
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_STATE_HOME", home.join("state"))
            .env("PATH", "/usr/bin:/bin")
            .envs(self.environment.iter().map(|(k, v)| (k, v)));
        command
    }

    pub fn run(self) -> Done {
        let mut command = self.command();
        command.stdin(if self.stdin.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        });
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if let (Some(bytes), Some(mut pipe)) = (&self.stdin, child.stdin.take()) {
            // The program may end without reading; that is for the test to judge.
            let _ = pipe.write_all(bytes);
        }
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program prints UTF-8");
        Done {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            dir: self.dir,
        }
    }
}

impl Done {
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        assert_eq!(
            self.code, expected,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }
}
