//! Files: written as a whole, with owner and mode, beside the lines of others.

use super::{CANARY, mode, rotating};
use crate::support::project::Project;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

#[test]
fn a_value_arrives_as_it_is_and_a_record_as_json() {
    let project = Project::new();
    project.set("one", CANARY);
    project.feed(
        &["vault", "set", "two", "--record"],
        format!("{{\"user\":\"u\",\"password\":\"{CANARY}\"}}").as_bytes(),
    );
    project.file(
        "d.rot",
        "secret one\nsecret two { user, password }\n\ntarget a file \"out/one\"\ntarget b file \"out/two\" { mode \"0640\" }\ntarget c file \"out/word\"\ndeliver one to a\ndeliver two to b\ndeliver two.password to c\n\nrotation r {\n  log \"x\"\n}\n",
    );
    project.file("out/README", "");
    let done = project.rot("deliver").code(0);
    assert!(!done.stdout.contains(CANARY) && !done.stderr.contains(CANARY));
    assert_eq!(project.read("out/one"), CANARY);
    assert_eq!(
        project.read("out/two"),
        format!("{{\"user\":\"u\",\"password\":\"{CANARY}\"}}")
    );
    assert_eq!(project.read("out/word"), CANARY);
    assert_eq!(mode(&project.path("out/one")), 0o400);
    assert_eq!(mode(&project.path("out/two")), 0o640);
    // The same again replaces nothing.
    let inode = |name: &str| std::fs::metadata(project.path(name)).unwrap().ino();
    let before = inode("out/one");
    project.rot("deliver").code(0);
    project.rot("deliver --again").code(0);
    assert_eq!(inode("out/one"), before);
    // In no file but those that were asked for, and nothing is left beside them.
    for (path, content) in project.files() {
        let held = content
            .windows(CANARY.len())
            .any(|w| w == CANARY.as_bytes());
        assert_eq!(
            held,
            path.starts_with(project.path("out")) && !path.ends_with("README"),
            "{}",
            path.display()
        );
    }
}

#[test]
fn lines_of_others_stay_byte_for_byte() {
    let cases = [
        // form, before, after with V for the value
        ("dotenv", "", "APP_KEY='V'\n"),
        (
            "dotenv",
            "A=1\n# APP_KEY=old\nB=2",
            "A=1\n# APP_KEY=old\nB=2\nAPP_KEY='V'\n",
        ),
        (
            "dotenv",
            "A=1\r\nexport APP_KEY=old # why\r\nB=2\r\n",
            "A=1\r\nexport APP_KEY='V'\r\nB=2\r\n",
        ),
        (
            "dotenv",
            "X=\"a\nAPP_KEY=no\n\"\nAPP_KEY = 'o\nld'\nY=1\n",
            "X=\"a\nAPP_KEY=no\n\"\nAPP_KEY='V'\nY=1\n",
        ),
        (
            "dotenv",
            "APP_KEY=1\nA=\"x\\\"\nAPP_KEY=2\"\nAPP_KEY=3\n",
            "APP_KEY='V'\nA=\"x\\\"\nAPP_KEY=2\"\n",
        ),
        (
            "dotenv",
            "APP_KEY_OLD=1\nMY_APP_KEY=2\n",
            "APP_KEY_OLD=1\nMY_APP_KEY=2\nAPP_KEY='V'\n",
        ),
        ("docker", "A=\"x\nAPP_KEY=1\n", "A=\"x\nAPP_KEY=V\n"),
    ];
    for (form, before, after) in cases {
        let project = Project::new();
        project.set("app/key", CANARY).file(
            "d.rot",
            format!("secret app/key\ntarget t file \".env\" {{\n  form \"{form}\"\n  mode \"0600\"\n}}\ndeliver app/key to t\n\nrotation r {{\n  log \"x\"\n}}\n"),
        );
        if !before.is_empty() {
            project.file(".env", before);
        }
        project.rot("deliver").code(0);
        assert_eq!(
            project.read(".env"),
            after.replace('V', CANARY),
            "{form} {before:?}"
        );
        project.rot("deliver --check").code(0);
        project.file(".env", project.read(".env") + "Z=9\n");
        project.rot("deliver --check").code(0);
    }
}

#[test]
fn drift_is_found_and_mended() {
    let project = Project::new();
    project.set("k", CANARY).file("out/x", "").file(
        "d.rot",
        "secret k\ntarget t file \"out/k\"\ndeliver k to t\n\nrotation r {\n  log \"x\"\n}\n",
    );
    let path = project.path("out/k");
    let drifts: [(&str, &dyn Fn()); 3] = [
        ("its content is not", &|| {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
            std::fs::write(&path, "other").unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o400)).unwrap();
        }),
        ("owner or mode is not", &|| {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o444)).unwrap();
        }),
        ("has nothing", &|| std::fs::remove_file(&path).unwrap()),
    ];
    assert!(
        project
            .rot("deliver --check")
            .code(1)
            .stdout
            .contains("has nothing")
    );
    project.rot("deliver").code(0);
    for (said, drift) in drifts {
        project.rot("deliver --check").code(0);
        drift();
        let found = project.rot("deliver --check").code(1);
        assert!(found.stdout.contains(said), "{}", found.stdout);
        let json = project.rot("deliver --check --report json").code(1).json();
        assert_eq!(json["schema"], "rot.deliver/v1");
        assert_ne!(json["deliveries"][0]["state"], "current");
        project.rot("deliver --again").code(0);
        assert_eq!(
            (project.read("out/k"), mode(&path)),
            (CANARY.to_owned(), 0o400)
        );
    }
}

#[test]
fn where_a_file_cannot_be_trusted_nothing_is_written() {
    let cases: [(&str, &str, &dyn Fn(&Project)); 5] = [
        ("is not there", "", &|_| {}),
        ("everybody can write", "", &|p| {
            p.file("out/x", "");
            std::fs::set_permissions(p.path("out"), PermissionsExt::from_mode(0o777)).unwrap();
        }),
        ("a link, a folder or a device", "", &|p| {
            p.file("out/x", "").file("elsewhere", "theirs");
            symlink(p.path("elsewhere"), p.path("out/k")).unwrap();
        }),
        ("a link, a folder or a device", "", &|p| {
            p.file("out/k/x", "");
        }),
        (
            "there is no user `nobody-here`",
            " { owner \"nobody-here\" }",
            &|p| {
                p.file("out/x", "");
            },
        ),
    ];
    for (said, options, prepare) in cases {
        let project = Project::new();
        project.set("k", CANARY).file(
            "d.rot",
            format!("secret k\ntarget t file \"out/k\"{options}\ndeliver k to t\n\nrotation r {{\n  log \"x\"\n}}\n"),
        );
        prepare(&project);
        project.rot("deliver").code(27).says(said).says("ROT718");
        if project.path("elsewhere").exists() {
            assert_eq!(project.read("elsewhere"), "theirs");
        }
        let held = |content: &[u8]| {
            content
                .windows(CANARY.len())
                .any(|w| w == CANARY.as_bytes())
        };
        assert!(project.files().iter().all(|(_, content)| !held(content)));
        let status = project.rot("status --report json").code(27).json();
        assert_eq!(status["attention"][0]["kind"], "undelivered", "{status}");
        assert_eq!(status["secrets"][0]["targets"][0]["failures"], 1);
        project.rot("status --exit-code").code(12);
    }
}

#[test]
fn a_reader_never_sees_half_of_it() {
    let project = Project::new();
    project.set("k", "first").file("out/x", "").file(
        "d.rot",
        rotating(
            "secret k\ntarget t file \"out/k\"\ntarget e file \"out/.env\" { form \"dotenv\" }\ndeliver k to t, e\n",
            "k",
        ),
    );
    project.file("out/.env", "A=1\n");
    project.rot("run d.rot").code(0);
    let stop = std::sync::atomic::AtomicBool::new(false);
    let (file, env) = (project.path("out/k"), project.path("out/.env"));
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) || reads < 100 {
                assert_eq!(std::fs::read(&file).unwrap().len(), 32);
                let text = std::fs::read_to_string(&env).unwrap();
                assert!(
                    text.starts_with("A=1\nK='") && text.ends_with("'\n"),
                    "{text}"
                );
                reads += 1;
                std::thread::sleep(std::time::Duration::from_micros(100));
            }
        });
        for _ in 0..6 {
            project.rot("run d.rot").code(0);
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        reader.join().unwrap();
    });
}
