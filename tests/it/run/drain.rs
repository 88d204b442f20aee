//! A process that is asked to end: the call that is out is heard, nothing further is begun, and the next run goes on.

use super::{TOKEN, project};
use crate::support::loopback::{self, calls};
use crate::support::project::{Called, Project};
use rot::demo::issuer::{Fault, IssuerHandle, Phase, Rule};
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// An issuer that executes at once and answers late.
fn late(path: &str, millis: u64) -> IssuerHandle {
    loopback::faulty(vec![Rule {
        path: Some(path.to_owned()),
        ..Rule::always(Fault::Stall {
            at: Phase::Answer,
            millis,
        })
    }])
}

fn start(project: &Project, arguments: &[&str]) -> Child {
    let mut command = project.command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn ask(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(30), "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn ended(child: Child) -> Called {
    Called::from(child.wait_with_output().unwrap())
}

#[test]
fn the_answer_that_is_out_is_kept() {
    for signal in [Signal::TERM, Signal::INT] {
        let issuer = late("/api/token", 1_500);
        let before = issuer.state().credentials.len();
        let project = project(&issuer, TOKEN);
        let child = start(&project, &["run", "r.rot"]);
        until("a call", || calls(&issuer, "POST", "/api/token") == 1);
        ask(&child, signal);
        let stopped = ended(child)
            .code(21)
            .says("the answer of step `get` is waited for, 25 s at most")
            .says(
                "the process was asked to end at step `update my_token`: nothing further is begun",
            )
            .says("continues");
        assert!(stopped.stdout.contains("my_token: interrupted (run "));
        assert_eq!(project.rot("vault get my_token").code, 2, "not begun");
        let status = project.rot("status").code(0).stdout;
        assert!(status.contains("interrupted; `rot resume"), "{status}");
        issuer.state().config.faults.clear();
        let report = project.rot("run r.rot --due --report json").code(0).json();
        assert_eq!(report["resumed"], true);
        assert_eq!(report["notes"], serde_json::json!([]), "no stray is told");
        assert_eq!(calls(&issuer, "POST", "/api/token"), 1, "called again");
        assert_eq!(issuer.state().credentials.len(), before + 1);
    }
}

#[test]
fn asked_again_it_ends_at_once() {
    let issuer = late("/api/token", 20_000);
    let project = project(&issuer, TOKEN);
    let child = start(&project, &["-q", "run", "r.rot"]);
    until("a call", || calls(&issuer, "POST", "/api/token") == 1);
    ask(&child, Signal::TERM);
    std::thread::sleep(Duration::from_millis(300));
    let begun = Instant::now();
    ask(&child, Signal::TERM);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(Signal::TERM.as_raw()));
    assert!(begun.elapsed() < Duration::from_secs(5));
    // The same as a crash: what the call left goes by its effect.
    issuer.state().config.faults.clear();
    let report = project.rot("run r.rot --report json").code(0).json();
    let notes = report["notes"].to_string();
    assert!(notes.contains("may have left"), "{notes}");
}

#[test]
fn a_pause_is_cut_short_and_what_had_not_begun_is_over() {
    // A server that is never there, asked again and again.
    let text = "secret appKeyId to \"127.0.0.1\"\nrotation my_token {\n  http look GET \"http://127.0.0.1:1/x\" { bearer secrets.appKeyId  retry 50 every 10s }\n}\n";
    let project = Project::new();
    project.set("appKeyId", "demo-key-id").file("r.rot", text);
    let child = start(&project, &["run", "r.rot"]);
    std::thread::sleep(Duration::from_millis(1_500));
    let begun = Instant::now();
    ask(&child, Signal::TERM);
    ended(child)
        .code(20)
        .says("the process was asked to end at step `look`")
        .says("nothing was changed");
    assert!(begun.elapsed() < Duration::from_secs(5));
    project.rot("resume").code(0).says("nothing to resume");
}

#[test]
fn a_wait_goes_on_where_it_was() {
    let project = Project::new();
    project.file("r.rot", "rotation r {\n  wait 6s\n  log \"done\"\n}\n");
    let begun = Instant::now();
    let child = start(&project, &["run", "r.rot"]);
    std::thread::sleep(Duration::from_millis(1_000));
    ask(&child, Signal::TERM);
    ended(child)
        .code(20)
        .says("the pause before it is not over");
    project.rot("run r.rot").code(0);
    let whole = begun.elapsed();
    assert!(
        whole > Duration::from_secs(5) && whole < Duration::from_secs(10),
        "{whole:?}"
    );
}

#[test]
fn every_call_of_parallel_branches_is_heard() {
    let issuer = late("/api/token", 1_500);
    let text = TOKEN.replace(
        "  http get POST \"https://api.example.com/api/token\" issues additive {\n    json { keyId: secrets.appKeyId, keySecret: secrets.appKeySecret }\n    secret token = body $.token\n  }\n",
        "  parallel {\n    one {\n      http get POST \"https://api.example.com/api/token\" issues additive {\n        json { keyId: secrets.appKeyId, keySecret: secrets.appKeySecret }\n        secret token = body $.token\n      }\n    }\n    two {\n      http more POST \"https://api.example.com/api/token\" issues additive {\n        json { keyId: secrets.appKeyId, keySecret: secrets.appKeySecret }\n        secret token = body $.token\n      }\n    }\n  }\n  update other = more.token\n",
    ).replace("secret my_token", "secret my_token\nsecret other");
    let project = project(&issuer, &text);
    let child = start(&project, &["run", "r.rot"]);
    until("two calls", || calls(&issuer, "POST", "/api/token") == 2);
    ask(&child, Signal::TERM);
    ended(child).code(21);
    issuer.state().config.faults.clear();
    project.rot("run r.rot").code(0);
    assert_eq!(calls(&issuer, "POST", "/api/token"), 2, "called again");
    assert_ne!(project.get("my_token"), project.get("other"));
}

#[test]
fn no_further_file_is_begun() {
    let issuer = late("/api/token", 1_500);
    let project = project(&issuer, TOKEN);
    project.file(
        "later/z.rot",
        "rotation z {\n  every 1d\n  log \"ran\"\n}\n",
    );
    project.file("more.rot", "rotation a {\n  every 1d\n  log \"ran\"\n}\n");
    let child = start(&project, &["run", "--due", "r.rot", "more.rot", "later"]);
    until("a call", || calls(&issuer, "POST", "/api/token") == 1);
    ask(&child, Signal::TERM);
    let stopped = ended(child)
        .code(21)
        .says("3 files: 0 ran, 0 had nothing due, 1 failed, 2 not looked at: the process was asked to end");
    assert!(!stopped.stderr.contains("  ran\n"), "{}", stopped.stderr);
}
