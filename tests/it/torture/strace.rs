//! strace: counts the system calls of a run, and makes one of them the last one or a failure.

use super::project::{Ended, Project, rot};
use std::collections::BTreeMap;
use std::process::Command;

/// What decides over data: names, contents, durability, locks, the connection.
pub const CALLS: &[&str] = &[
    "open",
    "openat",
    "read",
    "write",
    "pwrite64",
    "close",
    "fsync",
    "fdatasync",
    "rename",
    "renameat2",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "mkdir",
    "ftruncate",
    "fallocate",
    "flock",
    "connect",
    "sendto",
    "sendmsg",
    "writev",
    "recvfrom",
    "statx",
    "newfstatat",
    "fstat",
    "lseek",
    "getrandom",
    "socket",
    "epoll_wait",
    "epoll_ctl",
    "getdents64",
    "munmap",
    "futex",
];

/// Whether strace is there and may trace. Says so when not.
pub fn ready(test: &str) -> bool {
    let usable = Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "true"])
        .output()
        .is_ok_and(|o| o.status.success());
    if !usable {
        println!(
            "{test}: skipped, strace is not there or may not trace (`apt-get install strace`)"
        );
    }
    usable
}

impl Project {
    /// `strace OPTIONS rot LINE`
    pub fn traced(&mut self, options: &[&str], line: &str) -> Ended {
        let mut command = self.around("strace");
        command
            .args(["-f", "-qq"])
            .args(options)
            .arg("--")
            .arg(rot())
            .args(line.split_whitespace());
        self.wait(command)
    }

    /// `rot LINE`, killed when it makes the nth `call`.
    pub fn killed(&mut self, call: &str, nth: usize, line: &str) -> Ended {
        let inject = format!("inject={call}:signal=SIGKILL:when={nth}");
        self.traced(
            &[
                "-o",
                "/dev/null",
                "-e",
                &format!("trace={call}"),
                "-e",
                &inject,
            ],
            line,
        )
    }

    /// `rot LINE`, whose nth `call` fails with `error`; `nth+` makes it fail from then on.
    pub fn failing(&mut self, call: &str, nth: &str, error: &str, line: &str) -> Ended {
        let inject = format!("inject={call}:error={error}:when={nth}");
        self.traced(
            &[
                "-o",
                "/dev/null",
                "-e",
                &format!("trace={call}"),
                "-e",
                &inject,
            ],
            line,
        )
    }
}

/// How often each call is made by a healthy run: the most of any thread, because that is how strace counts.
pub fn count(project: &mut Project, calls: &[&str], line: &str) -> Vec<(String, usize)> {
    let log = project.path("calls");
    let ended = project.traced(
        &[
            "-o",
            log.to_str().unwrap(),
            "-e",
            &format!("trace={}", calls.join(",")),
        ],
        line,
    );
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let mut seen: BTreeMap<(String, String), usize> = BTreeMap::new();
    for line in std::fs::read_to_string(&log).unwrap().lines() {
        let Some((pid, rest)) = line.split_once(' ') else {
            continue;
        };
        let Some((call, _)) = rest.trim_start().split_once('(') else {
            continue;
        };
        if calls.contains(&call) {
            *seen.entry((pid.to_owned(), call.to_owned())).or_default() += 1;
        }
    }
    std::fs::remove_file(log).unwrap();
    let mut most: BTreeMap<String, usize> = BTreeMap::new();
    for ((_, call), count) in seen {
        let entry = most.entry(call).or_default();
        *entry = (*entry).max(count);
    }
    most.into_iter().collect()
}
