//! `rot serve`: what `run --due` does, again and again; beside calls from cron, under a service manager, with files that break.

use crate::support::project::{Called, Project};
use rustix::process::{Pid, Signal, kill_process};
use std::io::Read;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const TICK: &str = "secret k\n\nrotation tick {\n  every 2s\n  generate fresh password {\n    length 32\n  }\n  update k = fresh.value\n}\n";

/// A process that serves, with what it wrote at the end.
struct Server(Child);

impl Server {
    fn start(project: &Project, more: &[(&str, &str)]) -> Self {
        let mut command = project.command(&["serve", "."]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.envs(more.iter().copied());
        Self(command.spawn().unwrap())
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    fn end(mut self) -> Called {
        self.signal(Signal::TERM);
        let begun = Instant::now();
        let code = loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                break status.code().unwrap_or(-1);
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "it did not end");
            std::thread::sleep(Duration::from_millis(20));
        };
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.0
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut stdout)
            .unwrap();
        self.0
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut stderr)
            .unwrap();
        Called {
            code,
            stdout,
            stderr,
        }
    }
}

#[track_caller]
fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{what} did not come about"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// How many versions were made.
fn versions(project: &Project) -> usize {
    let runs = project.rot("runs --report json").json();
    let all = runs["runs"].as_array().or(runs.as_array()).unwrap();
    all.len()
}

#[test]
fn what_is_due_runs_and_the_manager_hears_of_it() {
    let project = Project::new();
    project.file("tick.rot", TICK);
    let path = project.path("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let server = Server::start(
        &project,
        &[
            ("NOTIFY_SOCKET", path.to_str().unwrap()),
            ("WATCHDOG_USEC", "2000000"),
        ],
    );
    let hear = || {
        let mut bytes = [0; 512];
        let length = manager.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    assert_eq!(hear(), "READY=1");
    // The loop itself says that it turns, and when it looks next.
    until("a status", || hear().contains("WATCHDOG=1\nSTATUS=next "));
    until("two runs", || versions(&project) >= 2);
    // A second one is refused, and names the first.
    let pid = server.0.id().to_string();
    project
        .rot("serve .")
        .code(24)
        .says(&format!("process {pid}"));
    let ended = server.end().code(0);
    for said in ["ready: 1 file", "ran tick.rot", "stopping"] {
        assert!(
            ended.stderr.contains(said),
            "no {said} in\n{}",
            ended.stderr
        );
    }
    until("the end", || hear() == "STOPPING=1");
    assert!(!ended.stderr.contains(&project.get("k")) && !ended.stdout.contains(&project.get("k")));
    // The lock goes with its process.
    let again = Server::start(&project, &[("NOTIFY_SOCKET", path.to_str().unwrap())]);
    until("the second one", || hear() == "READY=1");
    again.end().code(0);
}

#[test]
fn beside_calls_from_cron_nothing_runs_twice() {
    let project = Project::new();
    project.file("tick.rot", TICK);
    let begun = Instant::now();
    let server = Server::start(&project, &[]);
    while begun.elapsed() < Duration::from_secs(10) {
        let called = project.rot("run --due .");
        assert!(
            matches!(called.code, 0 | 10),
            "{} {}",
            called.code,
            called.stderr
        );
    }
    let ended = server.end().code(0);
    assert!(!ended.stderr.contains("failed"), "{}", ended.stderr);
    let most = usize::try_from(begun.elapsed().as_secs()).unwrap() / 2 + 1;
    let made = versions(&project);
    assert!(made >= 2 && made <= most, "{made} of {most}");
}

/// Who waits for a run that is under way finds nothing due when it is over.
#[test]
fn a_run_that_was_waited_for_is_not_made_again() {
    let project = Project::new();
    let text = TICK
        .replace("every 2s", "every 30d")
        .replace("  update k", "  wait 2s\n  update k");
    project.file("tick.rot", text);
    let mut first = project
        .command(&["run", "--due", "tick.rot"])
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(700));
    project.rot("run --due tick.rot").code(10);
    assert!(first.wait().unwrap().success());
    assert_eq!(versions(&project), 1);
}

#[test]
fn with_a_broken_file_the_old_ones_go_on_and_a_mended_one_is_taken() {
    let project = Project::new();
    project.file("tick.rot", TICK);
    let server = Server::start(&project, &[]);
    until("a run", || versions(&project) >= 1);
    project.file("tick.rot", "rotation tick {\n  every 2s\n  oops\n}\n");
    for _ in 0..50 {
        server.signal(Signal::HUP);
    }
    let before = versions(&project);
    until("runs of the old file", || versions(&project) >= before + 2);
    project.file("tick.rot", TICK.replace("every 2s", "every 30d"));
    server.signal(Signal::HUP);
    std::thread::sleep(Duration::from_secs(3));
    let before = versions(&project);
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(versions(&project), before, "the new schedule counts");
    let ended = server.end().code(0);
    assert!(ended.stderr.contains("reload-failed"), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("reloaded: 1 file"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("tick.rot:3"), "{}", ended.stderr);
}

#[test]
fn errors_stand_in_the_file_that_they_are_in() {
    let project = Project::new();
    for name in ["a", "b", "c"] {
        let call = match name {
            "b" => "http GET \"http://127.0.0.1:1/\" { expect status 200 }",
            _ => "log \"x\"",
        };
        project.file(
            &format!("{name}.rot"),
            format!("rotation {name} {{\n  every 2s\n  {call}\n}}\n"),
        );
    }
    let server = Server::start(&project, &[]);
    std::thread::sleep(Duration::from_secs(5));
    let ended = server.end().code(0);
    assert!(ended.stderr.contains("[b.rot:3"), "{}", ended.stderr);
    for other in ["[a.rot", "[c.rot"] {
        assert!(!ended.stderr.contains(other), "{}", ended.stderr);
    }
}

#[test]
fn what_fails_is_said_and_left_alone_for_a_while() {
    let project = Project::new();
    project.file(
        "fails.rot",
        "rotation fails {\n  every 2s\n  http GET \"http://127.0.0.1:1/\" { expect status 200 }\n}\n",
    );
    let server = Server::start(&project, &[]);
    std::thread::sleep(Duration::from_secs(6));
    let ended = server.end().code(0);
    let failed = ended.stderr.matches("failed fails.rot: ").count();
    assert_eq!(failed, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("`rot status` says what to do"));
    // A file that is broken from the start is said, and nothing runs.
    project.file("fails.rot", "rotation fails {");
    project.rot("serve .").code(25);
}
