//! `rot exec`: status, masking, terminal, signals, files and watching, on real processes.

use crate::support::project::Project;
use rot::report::redact::{RedactingWriter, Redactor};
use rot::vault::Secret;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const VALUE: &str = "kanarienvogel-42/+x";

fn project() -> Project {
    let project = Project::new();
    project.set("db/password", VALUE).set("short", "q7z");
    project
}

/// A command of the project that is ended after a minute, whatever happens.
fn bounded(project: &Project, arguments: &[&str]) -> Command {
    let inner = project.command(arguments);
    let mut command = Command::new("timeout");
    command.args(["--foreground", "-s", "KILL", "60"]);
    command.arg(inner.get_program()).args(inner.get_args());
    command.envs(inner.get_envs().filter_map(|(k, v)| Some((k, v?))));
    if let Some(dir) = inner.get_current_dir() {
        command.current_dir(dir);
    }
    command.stdin(Stdio::null());
    command
}

fn exec(project: &Project, options: &[&str], script: &str) -> std::process::Output {
    let mut arguments = vec!["exec"];
    arguments.extend_from_slice(options);
    arguments.extend_from_slice(&["--", "sh", "-c", script]);
    bounded(project, &arguments).output().unwrap()
}

const DB: &[&str] = &["--secret", "db/password"];

#[test]
fn it_ends_as_its_command_ends() {
    let project = project();
    for code in [0, 1, 42, 126, 127, 255] {
        let done = exec(&project, DB, &format!("exit {code}"));
        assert_eq!(done.status.code(), Some(code));
    }
    // Both that leave a core file elsewhere are among them.
    for signal in [1, 2, 3, 6, 9, 10, 13, 14, 15] {
        let mut command = project.command(&[
            "exec",
            "--secret",
            "db/password",
            "--",
            "sh",
            "-c",
            &format!("kill -{signal} $$"),
        ]);
        let status = command.stdin(Stdio::null()).output().unwrap().status;
        assert_eq!(status.signal(), Some(signal), "{status:?}");
    }
    let missing = bounded(
        &project,
        &["exec", "--secret", "db/password", "--", "no-such-program"],
    )
    .output()
    .unwrap();
    assert_eq!(missing.status.code(), Some(127));
    let folder = bounded(&project, &["exec", "--secret", "db/password", "--", "/"])
        .output()
        .unwrap();
    assert_eq!(folder.status.code(), Some(126));
}

#[test]
fn both_streams_are_masked_and_kept_apart() {
    let project = project();
    let done = exec(
        &project,
        &["--secret", "db/password", "--secret", "short=S"],
        "printf 'a %s b\\n' \"$DB_PASSWORD\"; printf '%s' \"$DB_PASSWORD\" | base64; echo \"x $S xq7z\"; echo \"e $DB_PASSWORD\" >&2",
    );
    let (out, err) = (
        String::from_utf8(done.stdout).unwrap(),
        String::from_utf8(done.stderr).unwrap(),
    );
    assert_eq!(out, "a *** b\n***\nx *** xq7z\n");
    assert_eq!(err, "e ***\n");
    let clear = exec(
        &project,
        &["--secret", "db/password", "--no-mask"],
        "echo $DB_PASSWORD; tr '\\0' ' ' < /proc/$$/cmdline",
    );
    let clear = String::from_utf8(clear.stdout).unwrap();
    assert!(clear.starts_with(&format!("{VALUE}\n")), "{clear}");
}

#[test]
fn what_it_is_not_given_it_does_not_get() {
    let project = project();
    let mut command = bounded(
        &project,
        &[
            "exec",
            "--secret",
            "db/password=DB",
            "--pure",
            "--keep",
            "KEPT",
            "--",
            "env",
        ],
    );
    let done = command
        .env("KEPT", "1")
        .env("OTHER", "1")
        .env("ROT_X", "1")
        .env("NOTIFY_SOCKET", "/x")
        .env("LC_TIME", "C")
        .output()
        .unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    let names: Vec<&str> = text
        .lines()
        .filter_map(|l| l.split_once('='))
        .map(|p| p.0)
        .collect();
    for wanted in ["DB", "KEPT", "PATH", "HOME", "LC_TIME"] {
        assert!(names.contains(&wanted), "{wanted} in {names:?}");
    }
    for unwanted in ["OTHER", "ROT_X", "NOTIFY_SOCKET", "XDG_STATE_HOME"] {
        assert!(!names.contains(&unwanted), "{unwanted} in {names:?}");
    }
    assert!(text.contains("DB=***"));
}

#[test]
fn names_and_values_that_cannot_be_given_are_refused_before_anything_runs() {
    let project = project();
    project.set("nul", "a\0b");
    let cases: &[(&[&str], &str)] = &[
        (&["--secret", "db/password=PATH"], "decides what programs"),
        (
            &["--secret", "db/password=LD_PRELOAD"],
            "decides what programs",
        ),
        (
            &["--secret", "db/password=ROT_IDENTITY"],
            "decides what programs",
        ),
        (&["--secret", "db/password=1x"], "no name of a variable"),
        (
            &["--secret", "db/password=A", "--secret", "short=A"],
            "would both become",
        ),
        (
            &["--secret", "db/password=A", "--file", "short=A"],
            "would both become",
        ),
        (&["--secret", "nul"], "NUL byte"),
        (&["--secret", "nothing"], "nothing"),
        (&["--secret", "db/password.user"], "no field"),
        (&[], "no secret is named"),
        (
            &["--secret", "short", "--watch", "signal=HUP"],
            "written anew",
        ),
    ];
    for (options, expected) in cases {
        let done = exec(&project, options, "touch started");
        let err = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(2), "{options:?}: {err}");
        assert!(err.contains(expected), "{options:?}: {err}");
        assert!(!err.contains(VALUE));
    }
    assert!(!project.path("started").exists());
}

#[test]
fn files_are_read_often_and_leave_nothing_behind() {
    let project = project();
    let done = exec(
        &project,
        &["--file", "db/password=F"],
        "cmp \"$F\" \"$F\" && sh -c 'cat \"$F\" | wc -c' && (echo x > \"$F\") 2>/dev/null; cat \"$F\" | wc -c",
    );
    let text = String::from_utf8(done.stdout).unwrap();
    let length = VALUE.len().to_string();
    assert_eq!(
        text.split_whitespace().collect::<Vec<_>>(),
        [&length, &length]
    );

    let runtime = project.path("runtime");
    std::fs::create_dir(&runtime).unwrap();
    let left = || std::fs::read_dir(runtime.join("rot")).map_or(0, Iterator::count);
    let mut arguments = vec![
        "exec",
        "--file",
        "db/password=F",
        "--file-dir",
        "--",
        "sh",
        "-c",
    ];
    arguments.push("stat -c %a \"$F\"; wc -c < \"$F\"; touch ready; sleep 30");
    let start = || {
        let _ = std::fs::remove_file(project.path("ready"));
        let child = bounded(&project, &arguments)
            .env("XDG_RUNTIME_DIR", &runtime)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        until(|| project.path("ready").exists());
        child
    };
    for signal in ["-TERM", "-HUP"] {
        let mut child = start();
        assert_eq!(left(), 1);
        signal_rot(&child, signal);
        child.wait().unwrap();
        assert_eq!(left(), 0, "after {signal}");
    }
    // Killed, it leaves its folder, which the next call sweeps; the command dies with it.
    let mut child = start();
    signal_rot(&child, "-KILL");
    child.wait().unwrap();
    assert_eq!(left(), 1);
    let mut next = start();
    assert_eq!(left(), 1);
    signal_rot(&next, "-TERM");
    next.wait().unwrap();
    assert_eq!(left(), 0);
}

/// Sends a signal to `rot` below its `timeout`.
fn signal_rot(bounded: &Child, signal: &str) {
    let id = bounded.id().to_string();
    let found = Command::new("pgrep").args(["-P", &id]).output().unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    let status = Command::new("kill")
        .args([signal, found.trim()])
        .status()
        .unwrap();
    assert!(status.success());
}

fn until(mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(
            start.elapsed() < Duration::from_secs(50),
            "it took too long"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn signals_reach_the_command_once_and_what_it_started() {
    let project = project();
    for (signal, name) in [
        ("-TERM", "TERM"),
        ("-INT", "INT"),
        ("-USR1", "USR1"),
        ("-HUP", "HUP"),
    ] {
        let script = format!(
            "trap 'echo {name} >> got; [ \"$n\" = 1 ] && exit 7; n=1' {name}; touch ready; while :; do sleep 0.05; done"
        );
        let _ = std::fs::remove_file(project.path("ready"));
        let _ = std::fs::remove_file(project.path("got"));
        let mut arguments = vec!["exec"];
        arguments.extend_from_slice(DB);
        arguments.extend_from_slice(&["--", "sh", "-c", &script]);
        let mut child = bounded(&project, &arguments).spawn().unwrap();
        until(|| project.path("ready").exists());
        signal_rot(&child, signal);
        until(|| project.path("got").exists());
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(project.read("got").lines().count(), 1, "{name}");
        signal_rot(&child, signal);
        assert_eq!(child.wait().unwrap().code(), Some(7), "{name}");
    }
}

#[test]
fn a_change_in_the_vault_restarts_the_command_and_no_other_does() {
    let project = project();
    let mut arguments = vec!["exec"];
    arguments.extend_from_slice(DB);
    arguments.extend_from_slice(&[
        "--watch",
        "restart",
        "--stop-timeout",
        "1s",
        "--",
        "sh",
        "-c",
    ]);
    // It ignores TERM, so that it must be killed.
    arguments.push("trap '' TERM; printf '%s\\n' \"$DB_PASSWORD\" | cksum >> seen; sleep 60 & while :; do sleep 0.1; done");
    let mut child = bounded(&project, &arguments).spawn().unwrap();
    let seen = || std::fs::read_to_string(project.path("seen")).map_or(0, |t| t.lines().count());
    until(|| seen() == 1);
    project.set("short", "other");
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(seen(), 1);
    project.set("db/password", "another-value-of-it");
    until(|| seen() == 2);
    let text = project.read("seen");
    let lines: Vec<&str> = text.lines().collect();
    assert_ne!(lines[0], lines[1]);
    signal_rot(&child, "-QUIT");
    child.wait().unwrap();
}

/// An interactive shell on a terminal of its own.
struct Terminal {
    master: File,
    shell: Child,
    shown: String,
}

impl Terminal {
    fn start(project: &Project) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = File::options()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let inner = project.command(&[]);
        let shell = Command::new("setsid")
            .args(["--ctty", "--wait", "bash", "--norc", "--noprofile", "-i"])
            .envs(inner.get_envs().filter_map(|(k, v)| Some((k, v?))))
            .env("ROT", env!("CARGO_BIN_EXE_rot"))
            .env("PS1", "$ ")
            // Without bracketed paste, which would stand between what is looked for.
            .env("TERM", "dumb")
            .current_dir(inner.get_current_dir().unwrap())
            .stdin(slave.try_clone().unwrap())
            .stdout(slave.try_clone().unwrap())
            .stderr(slave)
            .spawn()
            .unwrap();
        Self {
            master: File::from(master),
            shell,
            shown: String::new(),
        }
    }

    fn keys(&mut self, keys: &str) -> &mut Self {
        self.master.write_all(keys.as_bytes()).unwrap();
        self
    }

    /// Reads until `text` was shown; what was shown up to there.
    fn shows(&mut self, text: &str) -> String {
        let start = Instant::now();
        let mut buffer = [0u8; 4096];
        loop {
            if let Some(at) = self.shown.find(text) {
                let rest = self.shown.split_off(at + text.len());
                return std::mem::replace(&mut self.shown, rest);
            }
            assert!(
                start.elapsed() < Duration::from_secs(40),
                "waited for {text:?}, saw {:?}",
                self.shown
            );
            let mut one = [rustix::event::PollFd::new(
                &self.master,
                rustix::event::PollFlags::IN,
            )];
            let wait = rustix::event::Timespec {
                tv_sec: 1,
                tv_nsec: 0,
            };
            if rustix::event::poll(&mut one, Some(&wait)).unwrap() > 0 {
                let count = self.master.read(&mut buffer).unwrap_or(0);
                self.shown
                    .push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

#[test]
fn a_terminal_stays_a_terminal() {
    let project = project();
    let mut terminal = Terminal::start(&project);
    let run = |script: &str| {
        format!("$ROT exec --secret db/password -- sh -c '{script}'; echo r''c=$?\n")
    };
    terminal.keys(&run(
        "test -t 0 && test -t 1 && test -t 2 && echo \"tty $DB_PASSWORD\"",
    ));
    let shown = terminal.shows("rc=0");
    assert!(shown.contains("tty ***"), "{shown}");

    // A prompt without a line end is seen at once, and what is typed reaches the command.
    terminal.keys(&run("printf \"Pass\"word:; read -r x; echo \"got <$x>\""));
    terminal.shows("Password:");
    terminal.keys("hello\n");
    terminal.shows("got <hello>");
    terminal.shows("rc=0");

    // The size, before and after it changes.
    let size = |rows, columns| rustix::termios::Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    rustix::termios::tcsetwinsize(&terminal.master, size(30, 90)).unwrap();
    terminal.keys(&run("stty size; read x; stty size"));
    terminal.shows("30 90");
    rustix::termios::tcsetwinsize(&terminal.master, size(31, 91)).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    terminal.keys("\n");
    terminal.shows("31 91");
    terminal.shows("rc=0");

    // The interrupt key ends it once; the modes are as they were.
    terminal.keys(&run(
        "trap \"echo one-int; exit 5\" INT; echo rea\"\"dy; while :; do sleep 0.05; done",
    ));
    terminal.shows("ready");
    terminal.keys("\x03");
    let shown = terminal.shows("rc=5");
    assert_eq!(shown.matches("one-int\r\n").count(), 1, "{shown}");
    terminal.keys("stty -a | tr ' ;' '\\n\\n' | grep -cx -e echo -e icanon -e isig\n");
    terminal.shows("\r\n3\r\n");

    // A command that is killed leaves the terminal as it was, too.
    terminal.keys(&run("stty raw -echo; kill -KILL $$"));
    terminal.shows("rc=137");
    terminal.keys("stty -a | tr ' ;' '\\n\\n' | grep -cx -e echo -e icanon -e isig\n");
    terminal.shows("\r\n3\r\n");
}

#[test]
fn job_control_works_through_it() {
    let project = project();
    let mut terminal = Terminal::start(&project);
    terminal.keys("$ROT exec --secret db/password -- sh -c 'echo rea\"\"dy; sleep 300'\n");
    terminal.shows("ready");
    terminal.keys("\x1a");
    terminal.shows("Stopped");
    terminal.keys("echo be''tween\n");
    terminal.shows("between");
    terminal.keys("fg\n");
    terminal.shows("exec --secret");
    std::thread::sleep(Duration::from_millis(300));
    terminal.keys("\x03");
    terminal.shows("$ ");
    terminal.keys("echo r''c=$?\n");
    terminal.shows("rc=130");
}

#[test]
fn a_killed_rot_takes_its_command_along() {
    let project = project();
    let mut terminal = Terminal::start(&project);
    terminal.keys("$ROT exec --secret db/password -- sh -c 'trap \"\" HUP; echo $$ > pid; echo rea\"\"dy; sleep 300'\n");
    terminal.shows("ready");
    let alive = |pid: &str| {
        std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()))
            .is_ok_and(|stat| !stat.contains(") Z "))
    };
    let pid = project.read("pid");
    assert!(alive(&pid));
    let found = Command::new("pgrep")
        .args(["-f", "exec --secret db/password"])
        .output()
        .unwrap();
    let mine: Vec<String> = String::from_utf8(found.stdout)
        .unwrap()
        .lines()
        .filter(|p| {
            std::fs::read_link(format!("/proc/{p}/cwd"))
                .is_ok_and(|cwd| cwd == std::fs::canonicalize(project.dir()).unwrap())
        })
        .map(str::to_owned)
        .collect();
    assert!(!mine.is_empty());
    Command::new("kill")
        .arg("-KILL")
        .args(&mine[..1])
        .status()
        .unwrap();
    until(|| !alive(&pid));
}

#[test]
fn no_split_of_no_form_lets_a_byte_through() {
    use base64::Engine;
    let values = [
        VALUE,
        "q7z",
        "aab",
        "abcabcabd",
        "two lines\nof-it-all",
        "ünïcode-wert",
    ];
    let redactor = Redactor::new();
    for value in values {
        redactor.register(&Secret::from_text(value));
    }
    let mut seed = 7u64;
    let mut random = move |below: usize| {
        seed = seed
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (seed >> 33) as usize % below
    };
    for _ in 0..10_000 {
        let value = values[random(values.len())];
        let form = match random(4) {
            0 => value.to_owned(),
            1 => base64::engine::general_purpose::STANDARD.encode(value),
            2 => value.bytes().map(|b| format!("{b:02x}")).collect(),
            _ => serde_json::to_string(value).unwrap(),
        };
        let text = format!("kanari {form} kanarienvogel aa ");
        let bytes = text.as_bytes();
        let mut cuts: Vec<usize> = (0..1 + random(3)).map(|_| random(bytes.len())).collect();
        cuts.sort_unstable();
        let mut writer = RedactingWriter::new(Vec::new(), redactor.clone());
        let mut at = 0;
        for cut in cuts {
            writer.write_all(&bytes[at..cut]).unwrap();
            at = cut;
        }
        writer.write_all(&bytes[at..]).unwrap();
        writer.finish().unwrap();
        let out = String::from_utf8(writer.get_ref().clone()).unwrap();
        assert_eq!(out, redactor.redact(&text), "{text:?}");
        assert!(
            out.starts_with("kanari ") && out.ends_with(" kanarienvogel aa "),
            "{out:?}"
        );
    }
}

#[test]
fn a_pause_shows_a_prompt_and_hides_the_rest_of_a_value() {
    let redactor = Redactor::new();
    redactor.register(&Secret::from_text("sesame-open"));
    let mut writer = RedactingWriter::new(Vec::new(), redactor);
    writer.write_all(b"Your choices").unwrap();
    writer.pause().unwrap();
    assert_eq!(shown(&writer), "Your choices");
    writer.pause().unwrap();
    assert_eq!(shown(&writer), "Your choices");
    writer.write_all(b"esame-open!").unwrap();
    writer.pause().unwrap();
    assert_eq!(shown(&writer), "Your choices***!");
    writer.write_all(b" sesame-").unwrap();
    writer.pause().unwrap();
    assert_eq!(shown(&writer), "Your choices***! ");
    writer.write_all(b"closed").unwrap();
    writer.pause().unwrap();
    assert_eq!(shown(&writer), "Your choices***! sesame-closed");
    writer.write_all(b" sesame-op").unwrap();
    writer.pause().unwrap();
    writer
        .write_all(b"en \\u0073\\u0065\\u0073ame-o\\u00")
        .unwrap();
    writer.pause().unwrap();
    writer.write_all(b"70en").unwrap();
    writer.finish().unwrap();
    assert_eq!(shown(&writer), "Your choices***! sesame-closed *** ***");
}

fn shown(writer: &RedactingWriter<Vec<u8>>) -> &str {
    std::str::from_utf8(writer.get_ref()).unwrap()
}
