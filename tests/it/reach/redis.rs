//! Users of a real Redis server, asked by its own client.

use super::servers::redis;
use crate::support::project::Project;

#[test]
fn two_passwords_overlap_survive_a_restart_and_the_old_one_goes() {
    let Some(mut server) = redis() else { return };
    let project = Project::new();
    let port = server.port;
    project.file(
        "redis.rot",
        format!("use \"std:redis_acl_user@1\"\nsecret adm\nsecret app\nrotation app from redis_acl_user {{\n  with {{ host: \"127.0.0.1:{port}\", user: \"app\", admin: adm, password: app, grace: 1s }}\n  every 30d\n}}\n"),
    );
    project.set("adm", "adm").set("app", "first");
    project.rot("check --fail-on note redis.rot").code(0);
    project.rot("run redis.rot").code(0);
    let new = project.get("app");
    for password in ["first", &new] {
        assert_eq!(server.redis("app", password, &["PING"]), "PONG");
    }
    server.restart_redis();
    for password in ["first", &new] {
        assert_eq!(server.redis("app", password, &["PING"]), "PONG");
    }
    // Somebody has removed it already: that counts as done.
    server.redis("default", "adm", &["ACL", "SETUSER", "app", "<first"]);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    project.rot("run redis.rot").code(0);
    assert_ne!(server.redis("app", "first", &["PING"]), "PONG");
    let newest = project.get("app");
    for password in [&new, &newest] {
        assert_eq!(server.redis("app", password, &["PING"]), "PONG");
    }
    std::thread::sleep(std::time::Duration::from_millis(1100));
    project.rot("run redis.rot").code(0);
    assert_ne!(server.redis("app", &new, &["PING"]), "PONG");
    assert_eq!(server.redis("default", "adm", &["PING"]), "PONG");
    // What the server says of an error quotes the password; it is not shown.
    project.set("adm", "canary-of-the-login");
    let failed = project.rot("run redis.rot").code(21).says("WRONGPASS");
    assert!(!failed.stderr.contains("canary"), "{}", failed.stderr);
}
