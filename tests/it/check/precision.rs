//! Rotations that are as they should be: nothing may be said of them.

use super::build::*;
use rot::plan::expr::Version;
use rot::plan::policy::Place;

/// The rotation that every user starts from.
fn seed_rot() -> Build {
    let host = "conductor-server.orkesconductor.io";
    let retrieve = post("retrieve_token", "https://conductor-server.orkesconductor.io/api/token")
        .effect(additive())
        .json(object(vec![("keyId", secret("appKeyId")), ("keySecret", secret("appKeySecret"))]))
        .secret("token")
        .done();
    rot()
        .secret("appKeyId", &[host])
        .secret("appKeySecret", &[host])
        .secret("my_secret_holding_a_token", &[])
        .steps(vec![retrieve, update("my_secret_holding_a_token", got("retrieve_token", "token"))])
        .every(45 * 60_000)
}

fn seed_conductor(build: Build) -> Build {
    let retrieve = post("retrieve_token", "https://conductor-server.orkesconductor.io/api/token")
        .effect(assumed())
        .json(object(vec![("keyId", secret("appKeyId")), ("keySecret", secret("appKeySecret"))]))
        .masked("token")
        .done();
    build
        .secret("appKeyId", &[])
        .secret("appKeySecret", &[])
        .secret("my_secret_holding_a_token", &[])
        .steps(vec![retrieve, update("my_secret_holding_a_token", got("retrieve_token", "token"))])
}

#[test]
fn the_seed_is_clean_in_both_spellings() {
    assert_eq!(seed_rot().found().0, []);
    assert_eq!(seed_conductor(orkes()).found().0, []);
}

#[test]
fn a_whole_life_cycle_is_clean() {
    let host = "api.example.com";
    let pending = || field_of("ci_token", "value", Version::Pending);
    let mint = post("mint", "https://api.example.com/tokens")
        .effect(additive())
        .bearer(secret("admin_key"))
        .json(object(vec![("name", text("rot")), ("expires_in", number("1296000"))]))
        .secret("value")
        .public("id")
        .public("expires")
        .done();
    let stage =
        expiring(stage_fields("ci_token", vec![("value", got("mint", "value")), ("id", got("mint", "id"))]), got("mint", "expires"));
    let check = verify(vec![get("me", "https://api.example.com/me").bearer(pending()).done()]);
    let id = field_of("ci_token", "id", Version::Previous);
    let delete = http("delete", "DELETE", template(vec![text("https://api.example.com/tokens/"), id]))
        .effect(rot::plan::Effect::Revokes)
        .bearer(secret("admin_key"))
        .done();
    let plan = rot().secret("admin_key", &[host]).secret_in("ci_token", host, &[Place::Header, Place::Body, Place::Path]).steps(vec![
        mint,
        stage,
        check,
        promote("ci_token"),
        revoke("ci_token", Some(24 * HOUR), vec![delete]),
    ]);
    assert_eq!(plan.found().0, []);
}

#[test]
fn findings_come_in_order_and_once() {
    let found = rot()
        .secret("key", &[])
        .steps(vec![log(secret("key")), log(secret("key")), get("a", "http://example.com/").bearer(secret("key")).done()])
        .found()
        .0;
    let places: Vec<u32> = found.iter().map(|d| d.span().start).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(found.iter().map(|d| d.code.id()).collect::<Vec<_>>(), ["ROT301", "ROT301", "ROT401", "ROT309"]);
    let again = {
        let mut again = found.clone();
        again.dedup();
        again
    };
    assert_eq!(found, again);
}
