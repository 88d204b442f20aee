//! Users of a real MariaDB server, asked by its own client. MySQL speaks the same protocol; its own way to log in is played by
//! a server of ours.

use super::servers::{MARIADB_ROOT, Server, mariadb};
use super::trials::{hostile, kills};
use crate::support::project::Project;
use std::time::Duration;

fn project(server: &Server, rot: String) -> Project {
    let project = Project::new();
    project.file(
        "my.rot",
        rot.replace("HOST", &format!("127.0.0.1:{}", server.port)),
    );
    project
        .set("boss.user", "boss")
        .set("boss.password", MARIADB_ROOT);
    project
}

fn boss(server: &Server, statement: &str) -> String {
    server.mariadb("boss", MARIADB_ROOT, statement).unwrap()
}

#[test]
fn two_passwords_overlap_until_the_old_one_is_revoked() {
    let Some(server) = mariadb("") else { return };
    boss(&server, "CREATE USER `a'b` IDENTIFIED BY 'first'");
    let project = project(
        &server,
        "use \"std:mariadb_two_passwords@1\"\nsecret boss { user, password }\nsecret app\nrotation app from mariadb_two_passwords {\n  with { host: \"HOST\", user: \"a'b\", admin: boss, password: app, grace: 1s }\n  every 30d\n}\n".into(),
    );
    project.set("app", "first");
    project.rot("check --fail-on note my.rot").code(0);
    project.rot("run my.rot").code(0);
    let new = project.get("app");
    let alive = |password: &str| server.mariadb("a'b", password, "SELECT 1").is_some();
    assert!(alive("first") && alive(&new) && new != "first");
    std::thread::sleep(Duration::from_millis(1200));
    // What is due for revocation goes first, and takes nothing of this turn away.
    project.rot("run my.rot").code(0);
    let newer = project.get("app");
    assert!(!alive("first") && alive(&new) && alive(&newer));
    let log = server.log();
    assert!(
        !log.contains(&new) && !log.contains(&newer),
        "a password stands in the server's log"
    );
    // What the server refuses is told by its number alone.
    project.set("boss.password", "wrong canary-of-the-login");
    let failed = project
        .rot("run my.rot")
        .code(21)
        .says("1045")
        .says("login");
    assert!(!failed.stderr.contains("canary"), "{}", failed.stderr);
}

#[test]
fn users_take_turns_through_kills() {
    let Some(server) = mariadb("") else { return };
    boss(&server, "CREATE USER a@'%' IDENTIFIED BY 'none'");
    boss(&server, "CREATE USER `b'\"; --x`@'%' IDENTIFIED BY 'first'");
    let project = project(
        &server,
        "use \"std:mysql_two_users@1\"\nsecret boss { user, password }\nsecret orders { user, password }\nrotation orders from mysql_two_users {\n  with { host: \"HOST\", users: [\"a\", \"b'\\\"; --x\"], admin: boss, credential: orders }\n  every 30d\n}\n".into(),
    );
    project
        .set("orders.user", "b'\"; --x")
        .set("orders.password", "first");
    project.rot("check --fail-on note my.rot").code(0);
    let stored = || (project.get("orders.user"), project.get("orders.password"));
    let alive =
        |(user, password): &(String, String)| server.mariadb(user, password, "SELECT 1").is_some();
    for turn in 0..2 {
        let before = stored();
        project.rot("run my.rot").code(0);
        assert_ne!(before.0, stored().0, "turn {turn}");
        assert!(alive(&before) && alive(&stored()), "turn {turn}");
    }
    kills(&project, "my.rot", || alive(&stored()));
}

/// Whatever stands in a value is one literal, and whatever names an object is one identifier, under each `sql_mode`.
#[test]
fn values_are_literals_and_names_identifiers_in_each_mode() {
    let values = hostile(
        &[
            "'",
            "''",
            "\\",
            "\\'",
            "'; DROP USER boss; --",
            "$$",
            "%s",
            "%",
            "a\nb",
            "é😀",
            "/*",
            "--",
            "\"",
            "`",
            "``",
            "${x}",
            "#",
            "\\\\'",
        ],
        ['\'', '"', '\\', ';', '`', 'a', '%', '-', '#', '\n'],
        300,
    );
    for mode in ["", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES,ORACLE"] {
        let Some(server) = mariadb(mode) else { return };
        let list = serde_json::to_string(&values).unwrap().replace("${", "$${");
        let project = project(
            &server,
            format!(
                "secret boss {{ user, password }} to \"HOST\" in login\nrotation r {{\n  for each one in {list} {{\n    sql mysql \"HOST\" reads {{\n      login secrets.boss.user, secrets.boss.password\n      statement \"SELECT HEX(v) AS v, n FROM (SELECT ${{one}} AS v, 1 AS n, 2 AS ${{name(\"x`\")}}) AS t\"\n      expect body $[0].v == upper(hex(one))\n    }}\n  }}\n  sql mysql \"HOST\" reads {{\n    login secrets.boss.user, secrets.boss.password\n    statement \"SELECT 1 AS ${{name(\"a`'\\\\ \\\" b\")}}\"\n    expect body $[0][\"a`'\\\\ \\\" b\"] == \"1\"\n  }}\n}}\n"
            ),
        );
        project.rot("run my.rot").code(0);
        assert_eq!(
            boss(
                &server,
                "SELECT COUNT(*) FROM mysql.user WHERE user = 'boss'"
            ),
            "1"
        );
    }
}

/// Passwords with every kind of quote are set and log in.
#[test]
fn passwords_with_quotes() {
    for mode in ["", "NO_BACKSLASH_ESCAPES"] {
        let Some(server) = mariadb(mode) else { return };
        boss(&server, "CREATE USER app@'%' IDENTIFIED BY 'first'");
        let project = project(
            &server,
            "secret boss { user, password } to \"HOST\" in login\nsecret app to \"HOST\" in login, statement\nrotation r {\n  generate fresh password { length 40   alphabet \"'\\\"\\\\%;`-# a\" }\n  stage app = fresh.value\n  sql mysql \"HOST\" sets {\n    login secrets.boss.user, secrets.boss.password\n    statement \"ALTER USER 'app'@'%' IDENTIFIED BY ${pending.app};\"\n  }\n  verify { sql mysql \"HOST\" { login \"app\", pending.app  statement \"SELECT 1\" } }\n  promote app\n}\n".into(),
        );
        for _ in 0..4 {
            project.rot("run my.rot").code(0);
            let password = project.get("app");
            assert!(server.mariadb("app", &password, "SELECT 1").is_some());
        }
    }
}
