//! Roles of a real PostgreSQL server, asked by its own client.

use super::servers::{Server, postgres};
use super::trials::{hostile, kills};
use crate::support::project::Project;

const ADMIN: &str = "admin pass'word";

fn two_roles(port: u16) -> String {
    format!(
        "use \"std:postgres_two_roles@1\"\n\nsecret boss {{ user, password }}\nsecret orders {{ user, password }}\n\nrotation orders from postgres_two_roles {{\n  with {{ host: \"127.0.0.1:{port}\", roles: [\"o'a\\\"; --\", \"orders_b\"], admin: boss, credential: orders }}\n  every 30d\n}}\n"
    )
}

/// Two roles on a server, and a project that has them in its vault.
fn begun(server: &Server) -> Project {
    let boss = |statement: &str| server.psql("boss", ADMIN, statement);
    boss("CREATE ROLE \"o'a\"\"; --\" LOGIN").unwrap();
    boss("CREATE ROLE orders_b LOGIN PASSWORD 'first'").unwrap();
    let project = Project::new();
    project.file("pg.rot", two_roles(server.port));
    project.set("boss.user", "boss").set("boss.password", ADMIN);
    project
        .set("orders.user", "orders_b")
        .set("orders.password", "first");
    project
}

#[test]
fn roles_take_turns_and_the_server_is_told_no_password() {
    let Some(server) = postgres() else { return };
    let project = begun(&server);
    project.rot("check --fail-on note pg.rot").code(0);
    let mut before = ("orders_b".to_owned(), "first".to_owned());
    let mut made = Vec::new();
    for turn in 0..3 {
        project.rot("run pg.rot").code(0);
        let now = (project.get("orders.user"), project.get("orders.password"));
        assert_ne!(now.0, before.0, "turn {turn}");
        for (user, password) in [&before, &now] {
            assert_eq!(
                server.psql(user, password, "SELECT current_user").unwrap(),
                *user
            );
        }
        assert_eq!(
            server.psql(&now.0, "first", "SELECT 1").is_some(),
            now.1 == "first"
        );
        made.push(now.1.clone());
        before = now;
    }
    let log = server.log();
    for password in made {
        assert!(
            !log.contains(&password),
            "a password stands in the server's log"
        );
    }
    assert!(log.contains("SCRAM-SHA-256$4096:"));
}

#[test]
fn one_password_is_set_and_the_old_one_is_dead() {
    let Some(server) = postgres() else { return };
    server
        .psql("boss", ADMIN, "CREATE ROLE app LOGIN PASSWORD 'first'")
        .unwrap();
    let project = Project::new();
    project.file(
        "pg.rot",
        format!("use \"std:postgres_password@1\"\nsecret boss {{ user, password }}\nsecret app\nrotation app from postgres_password {{\n  with {{ host: \"127.0.0.1:{}\", role: \"app\", admin: boss, password: app }}\n  every 30d\n}}\n", server.port),
    );
    project.set("boss.user", "boss").set("boss.password", ADMIN);
    project.rot("run pg.rot").code(0);
    assert!(server.psql("app", "first", "SELECT 1").is_none());
    assert_eq!(
        server.psql("app", &project.get("app"), "SELECT 1").unwrap(),
        "1"
    );
    // A wrong login is an answer, whose text is not shown, and costs nothing.
    project.set("boss.password", "wrong canary-of-the-login");
    let failed = project
        .rot("run pg.rot")
        .code(21)
        .says("SQLSTATE 28P01")
        .says("login");
    assert!(!failed.stderr.contains("canary"), "{}", failed.stderr);
    assert_eq!(
        server.psql("app", &project.get("app"), "SELECT 1").unwrap(),
        "1"
    );
}

/// Whatever stands in a value is one literal, and whatever names an object is one identifier.
#[test]
fn values_are_literals_and_names_identifiers() {
    let Some(server) = postgres() else { return };
    let values = hostile(
        &[
            "'",
            "''",
            "\\",
            "\\'",
            "'; DROP ROLE boss; --",
            "$$",
            "$x$",
            "%s",
            "a\nb",
            "é😀",
            "/*",
            "--",
            "E'",
            "\"",
            "${x}",
        ],
        ['\'', '"', '\\', ';', '$', 'a', ' ', '%', '-', '\n'],
        400,
    );
    let list = serde_json::to_string(&values).unwrap().replace("${", "$${");
    let project = Project::new();
    project.set("boss.user", "boss").set("boss.password", ADMIN);
    let port = server.port;
    project.file(
        "pg.rot",
        format!("secret boss {{ user, password }} to \"127.0.0.1:{port}\" in login\nrotation r {{\n  for each one in {list} {{\n    sql postgres \"127.0.0.1:{port}/postgres\" reads {{\n      login secrets.boss.user, secrets.boss.password\n      statement \"SELECT ${{one}} AS v, ${{one}} AS ${{name(one)}}\"\n      expect body $[0].v == one\n    }}\n  }}\n}}\n"),
    );
    project.rot("run pg.rot").code(0);
    assert_eq!(
        server
            .psql(
                "boss",
                ADMIN,
                "SELECT count(*) FROM pg_roles WHERE rolname = 'boss'"
            )
            .unwrap(),
        "1"
    );
}

/// The process is killed again and again; the stored credential always logs in.
#[test]
fn kills_at_any_time_lock_nobody_out() {
    let Some(server) = postgres() else { return };
    let project = begun(&server);
    kills(&project, "pg.rot", || {
        let (user, password) = (project.get("orders.user"), project.get("orders.password"));
        server.psql(&user, &password, "SELECT 1").is_some()
    });
}
