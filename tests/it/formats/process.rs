//! The process around the commands: hardening, streams, panics.

use crate::support::process::Rot;
use std::process::{Command, Stdio};

/// Runs one ignored test of this binary as a process of its own, since what it does is global to the process.
fn child(test: &str) -> std::process::Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            &format!("formats::process::{test}"),
            "--ignored",
            "--nocapture",
        ])
        .output()
        .unwrap()
}

#[test]
#[ignore = "run by a_panic_tells_its_place_and_not_its_text"]
fn child_that_panics() {
    rot::cli::process::harden();
    let code = rot::cli::process::guard(|| {
        let wrong: Result<u8, std::num::ParseIntError> = "CANARY".parse();
        wrong.map_err(|_| "CANARY-SECRET").expect("CANARY-MESSAGE")
    });
    assert_eq!(code, 70);
}

#[test]
fn a_panic_tells_its_place_and_not_its_text() {
    let output = child("child_that_panics");
    assert!(output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("internal error at tests/it/formats/process.rs:")
            && said.contains("bug in rot"),
        "{said}"
    );
    assert!(
        !said.contains("CANARY") && !String::from_utf8_lossy(&output.stdout).contains("CANARY"),
        "{said}"
    );
}

#[test]
#[cfg(target_os = "linux")]
#[ignore = "run by the_process_is_hardened"]
fn child_that_is_hardened() {
    use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit, umask};
    use std::os::unix::fs::PermissionsExt;
    rot::cli::process::harden();
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    let core = getrlimit(Resource::Core);
    assert_eq!((core.current, core.maximum), (Some(0), Some(0)));
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("own"), "").unwrap();
    let mode = std::fs::metadata(dir.path().join("own"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let mask = umask(rustix::fs::Mode::empty());
    assert_eq!(mask.bits(), 0o077);
    assert!(rustls::crypto::CryptoProvider::get_default().is_some());
}

#[test]
#[cfg(target_os = "linux")]
fn the_process_is_hardened() {
    let output = child("child_that_is_hardened");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

#[test]
fn a_closed_pipe_is_a_quiet_end() {
    let rot = Rot::new().args("completions bash");
    let mut child = rot
        .command()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_not_silent() {
    let rot = Rot::new().args("explain ROT301");
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = rot
        .command()
        .stdin(Stdio::null())
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("could not be written"));
}

/// A file that the program opens must not become its standard output.
#[test]
fn closed_standard_descriptors_are_opened_on_nothing() {
    let rot = Rot::new().file("a.rot", "secret a\n");
    let program = env!("CARGO_BIN_EXE_rot");
    let status = Command::new("sh")
        .args(["-c", &format!("'{program}' fmt a.rot <&- >&- 2>&-")])
        .current_dir(rot.path())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(
        std::fs::read_to_string(rot.path().join("a.rot")).unwrap(),
        "secret a\n"
    );
}

mod sink {
    use rot::report::out::color;
    use rot::report::{ColorChoice, Out, Redactor, Settings};
    use rot::vault::Secret;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Shared {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn sink(settings: Settings) -> (Out, Shared, Shared) {
        let redactor = Redactor::new();
        redactor.register(&Secret::from_text("hunter2-hunter2"));
        let (out, err) = (Shared::default(), Shared::default());
        (
            Out::to(
                settings,
                redactor,
                Box::new(out.clone()),
                Box::new(err.clone()),
            ),
            out,
            err,
        )
    }

    #[test]
    fn everything_goes_through_the_redactor_but_what_is_revealed() {
        let (sink, out, err) = sink(Settings {
            terminal: true,
            verbose: 1,
            ..Settings::default()
        });
        sink.stdout("o hunter2-hunter2\n");
        sink.stderr("e hunter2-hunter2\n");
        sink.info("i hunter2-hunter2");
        sink.detail("d hunter2-hunter2");
        sink.progress("p hunter2-hunter2");
        assert_eq!(out.text(), "o ***\n");
        assert_eq!(err.text(), "e ***\ni ***\nd ***\np ***");
        sink.reveal(b"hunter2-hunter2\n");
        assert_eq!(out.text(), "o ***\nhunter2-hunter2\n");
    }

    #[test]
    fn the_status_line_is_for_terminals_and_never_stays() {
        let (on_pipe, _, err) = sink(Settings::default());
        on_pipe.progress("working");
        drop(on_pipe);
        assert_eq!(err.text(), "");
        let (on_terminal, out, err) = sink(Settings {
            terminal: true,
            width: 10,
            ..Settings::default()
        });
        on_terminal.progress("one \u{1b}[2J two three");
        on_terminal.progress("two");
        on_terminal.stdout("result\n");
        drop(on_terminal);
        assert_eq!(err.text(), "one \\u{1B\r\u{1b}[2Ktwo\r\u{1b}[2K");
        assert_eq!(out.text(), "result\n");
    }

    #[test]
    fn quiet_leaves_results_and_errors() {
        let (sink, out, err) = sink(Settings {
            quiet: true,
            terminal: true,
            ..Settings::default()
        });
        sink.info("i");
        sink.detail("d");
        sink.progress("p");
        sink.stdout("o\n");
        sink.stderr("e\n");
        assert_eq!((out.text().as_str(), err.text().as_str()), ("o\n", "e\n"));
    }

    #[test]
    fn colour_follows_the_option_then_the_environment_then_the_terminal() {
        let cases: [(ColorChoice, bool, &[(&str, &str)], bool); 10] = [
            (ColorChoice::Auto, true, &[], true),
            (ColorChoice::Auto, false, &[], false),
            (ColorChoice::Auto, true, &[("NO_COLOR", "1")], false),
            (ColorChoice::Auto, true, &[("NO_COLOR", "")], true),
            (ColorChoice::Auto, false, &[("CLICOLOR_FORCE", "1")], true),
            (ColorChoice::Auto, false, &[("CLICOLOR_FORCE", "0")], false),
            (
                ColorChoice::Auto,
                false,
                &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")],
                false,
            ),
            (ColorChoice::Auto, true, &[("TERM", "dumb")], false),
            (ColorChoice::Always, false, &[("NO_COLOR", "1")], true),
            (ColorChoice::Never, true, &[("CLICOLOR_FORCE", "1")], false),
        ];
        for (choice, terminal, environment, expected) in cases {
            let var = |name: &str| {
                environment
                    .iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, v)| (*v).to_owned())
            };
            assert_eq!(
                color(choice, terminal, &var),
                expected,
                "{choice:?} {terminal} {environment:?}"
            );
        }
    }
}
