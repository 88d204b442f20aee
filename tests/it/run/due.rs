//! `--due`: what cron and timers call every minute.

use super::{TOKEN, good, project};
use crate::support::loopback::{calls, issuer};
use rot::demo::issuer::Config;
use std::time::Duration;

#[test]
fn what_never_ran_is_due_and_then_it_is_not() {
    let issuer = good();
    let project = project(&issuer, TOKEN);
    project.rot("run r.rot --due").code(0);
    let idle = project.rot("run r.rot --due").code(10);
    insta::assert_snapshot!("not_due", project.stable(&idle.stderr));
    assert_eq!(idle.stdout, "");
    assert_eq!(calls(&issuer, "POST", "/api/token"), 1);
    // By hand it runs all the same.
    project.rot("run r.rot").code(0);
}

#[test]
fn an_interval_that_is_over_is_due() {
    let issuer = good();
    let project = project(&issuer, &TOKEN.replace("every 45m", "every 1s"));
    project.rot("run r.rot --due").code(0);
    std::thread::sleep(Duration::from_millis(1200));
    project.rot("run r.rot --due").code(0);
    assert_eq!(calls(&issuer, "POST", "/api/token"), 2);
}

#[test]
fn an_expiry_wins_over_the_interval() {
    let text = r#"secret client_id, client_secret to "api.example.com"
secret access
rotation access {
  every 7d
  http grant POST "https://api.example.com/oauth/token" issues additive {
    client secrets.client_id, secrets.client_secret
    form { grant_type: "client_credentials" }
    secret token = body $.access_token
    public lifetime = body $.expires_in as duration
  }
  update access = grant.token expires run.started_at + grant.lifetime
}
"#;
    // A life of a second is no life: it would make the rotation due at every look.
    for (lifetime, reason) in [
        (600, "two thirds of its life"),
        (1, "7d after the last success"),
        (0, "7d after the last success"),
    ] {
        let issuer = issuer(Config {
            lifetime: Duration::from_secs(lifetime),
            ..Config::default()
        });
        let project = project(&issuer, text);
        project
            .set("client_id", "demo-client")
            .set("client_secret", "demo-client-secret");
        project.rot("run r.rot --due").code(0);
        project.rot("run r.rot --due").code(10).says(reason);
        assert_eq!(calls(&issuer, "POST", "/oauth/token"), 1);
    }
}

#[test]
fn all_rotations_of_a_file_are_looked_at() {
    let issuer = good();
    let second = TOKEN
        .replace("secret appKeyId, appKeySecret to \"api.example.com\"\n", "")
        .replace("my_token", "other_token");
    let project = project(
        &issuer,
        &format!("{TOKEN}\n{second}\nrotation by_hand {{ log \"never by itself\" }}\n"),
    );
    project.rot("run r.rot --rotation other_token").code(0);
    let due = project.rot("run r.rot --due").code(0);
    assert!(!due.stderr.contains("never by itself"), "{}", due.stderr);
    assert!(
        due.stderr.contains("rotation `other_token` is not due"),
        "{}",
        due.stderr
    );
    project.rot("run r.rot --due").code(10);
    assert_eq!(calls(&issuer, "POST", "/api/token"), 2);
}

#[test]
fn without_a_schedule_it_is_a_mistake() {
    let project = project(&good(), "rotation by_hand { log \"x\" }\n");
    project
        .rot("run r.rot --due")
        .code(2)
        .says("no rotation of this file has a schedule");
}

#[test]
fn a_cron_rotation_that_never_ran_waits_for_its_time_and_remembers() {
    let issuer = good();
    let project = project(
        &issuer,
        &TOKEN.replace("every 45m", "cron \"* * * * * *\" in \"UTC\""),
    );
    // The first look may come before the first fire; the second, two seconds later, may not say that it is ahead.
    let first = project.rot("run r.rot --due").code;
    assert!([0, 10].contains(&first), "{first}");
    std::thread::sleep(Duration::from_millis(2100));
    project.rot("run r.rot --due").code(0);
}
