//! The order in which credentials are made, stored, proved, promoted and revoked.

use super::build::*;
use rot::plan::Effect;
use rot::plan::expr::Version;
use rot::plan::task::Step;

const DAY: u64 = 24 * HOUR;

fn base() -> Build {
    rot()
        .secret("admin", &["api.example.com"])
        .secret("token", &["api.example.com"])
}
fn mint(effect: Effect) -> Step {
    post("mint", "https://api.example.com/tokens")
        .bearer(secret("admin"))
        .effect(effect)
        .secret("value")
        .public("id")
        .public("expires")
        .done()
}
fn me() -> Step {
    get("me", "https://api.example.com/me")
        .bearer(version("token", Version::Pending))
        .done()
}
fn staged() -> Step {
    stage_fields(
        "token",
        vec![("value", got("mint", "value")), ("id", got("mint", "id"))],
    )
}
fn delete(id: rot::plan::Expr) -> Step {
    http("delete", "DELETE", text("https://api.example.com/tokens"))
        .effect(Effect::Revokes)
        .bearer(secret("admin"))
        .json(object(vec![("id", id)]))
        .done()
}
fn previous_id() -> rot::plan::Expr {
    field_of("token", "id", Version::Previous)
}

#[test]
fn a_promotion_needs_a_proof() {
    base()
        .steps(vec![mint(additive()), staged(), promote("token")])
        .found()
        .are(&["ROT501"]);
    base()
        .steps(vec![
            mint(additive()),
            staged(),
            promote("token"),
            verify(vec![me()]),
        ])
        .found()
        .are(&["ROT501"]);
    base()
        .steps(vec![
            verify(vec![me()]),
            mint(additive()),
            staged(),
            promote("token"),
        ])
        .found()
        .are(&["ROT501"]);
    base()
        .steps(vec![
            mint(additive()),
            staged(),
            when(input("x"), vec![verify(vec![me()])], vec![]),
            promote("token"),
        ])
        .found()
        .are(&["ROT501"]);
    base()
        .steps(vec![
            mint(additive()),
            staged(),
            verify(vec![me()]),
            promote("token"),
        ])
        .found()
        .none();
    base()
        .steps(vec![mint(additive()), staged(), me(), promote("token")])
        .found()
        .none();
    base()
        .steps(vec![
            mint(additive()),
            update("token", got("mint", "value")),
        ])
        .found()
        .none();
}

#[test]
fn the_old_one_dies_last() {
    let early = revoke("token", None, vec![delete(previous_id())]);
    base()
        .steps(vec![
            mint(additive()),
            staged(),
            early,
            verify(vec![me()]),
            promote("token"),
        ])
        .found()
        .are(&["ROT502"]);
    let current = delete(field_of("token", "id", Version::Current));
    base()
        .steps(vec![
            mint(additive()),
            current,
            update("token", got("mint", "value")),
        ])
        .found()
        .are(&["ROT502"]);
    let late = revoke("token", Some(DAY), vec![delete(previous_id())]);
    base()
        .steps(vec![
            mint(additive()),
            staged(),
            verify(vec![me()]),
            promote("token"),
            late,
        ])
        .found()
        .none();
    base()
        .steps(vec![
            revoke("token", None, vec![delete(previous_id())]),
            get("a", "https://api.example.com/")
                .bearer(secret("admin"))
                .done(),
        ])
        .found()
        .none();
}

#[test]
fn nothing_new_is_dropped() {
    let only_id = |effect| vec![mint(effect), log(got("mint", "id"))];
    base()
        .steps(only_id(additive()))
        .found()
        .are(&["ROT107", "ROT503"]);
    let used = || {
        get("use", "https://api.example.com/x")
            .bearer(got("mint", "value"))
            .done()
    };
    base()
        .steps(vec![mint(replacing_key()), used()])
        .found()
        .are(&["ROT107", "ROT503"]);
    // A login for this run alone is kept by nobody.
    base()
        .steps(vec![mint(additive()), used()])
        .found()
        .are(&["ROT107"]);
    base()
        .steps(vec![
            mint(replacing_key()),
            update("token", got("mint", "value")),
        ])
        .found()
        .none();
}

#[test]
fn a_password_that_is_set_is_stored() {
    let set = |effect| {
        http("set", "PUT", text("https://api.example.com/password"))
            .effect(effect)
            .bearer(secret("admin"))
            .json(object(vec![("p", got("fresh", "value"))]))
            .done()
    };
    base()
        .steps(vec![generate("fresh"), set(Effect::Sets)])
        .found()
        .are(&["ROT107", "ROT503"]);
    // The check reads a version that nothing stages.
    base()
        .steps(vec![generate("fresh"), set(Effect::Sets), me()])
        .found()
        .are(&["ROT503", "ROT515"]);
    base().steps(vec![promote("token")]).found().has("ROT515");
    base()
        .steps(vec![
            generate("fresh"),
            stage("token", got("fresh", "value")),
            verify(vec![me()]),
        ])
        .found()
        .has("ROT503");
    base()
        .steps(vec![
            generate("fresh"),
            set(Effect::Sets),
            update("token", got("fresh", "value")),
        ])
        .found()
        .are(&["ROT515"]);
    base()
        .steps(vec![
            generate("fresh"),
            set(Effect::SetsSelf),
            stage("token", got("fresh", "value")),
            verify(vec![me()]),
            promote("token"),
        ])
        .found()
        .are(&["ROT515"]);
    let good = |effect| {
        vec![
            generate("fresh"),
            stage("token", got("fresh", "value")),
            set(effect),
            verify(vec![me()]),
            promote("token"),
        ]
    };
    base().steps(good(Effect::Sets)).found().none();
    base().steps(good(Effect::SetsSelf)).found().none();
    let nonce = get("n", "https://api.example.com/x")
        .bearer(secret("admin"))
        .header("X-Nonce", got("fresh", "value"))
        .done();
    base()
        .steps(vec![generate("fresh"), nonce])
        .found()
        .are(&["ROT107"]);
}

#[test]
fn self_rotation_of_an_imported_definition_is_told() {
    let renew = |effect| {
        post("renew", "https://api.example.com/renew")
            .bearer(secret("token"))
            .effect(effect)
            .masked("value")
            .done()
    };
    let steps = |effect| vec![renew(effect), update("token", got("renew", "value"))];
    orkes()
        .secret("token", &[])
        .steps(steps(assumed()))
        .found()
        .has("ROT504");
    orkes()
        .secret("token", &[])
        .secret("other", &[])
        .steps(vec![
            renew(assumed()),
            update("other", got("renew", "value")),
        ])
        .found()
        .none();
    rot()
        .secret("token", &["api.example.com"])
        .steps(steps(additive()))
        .found()
        .none();
    orkes()
        .secret("key", &[])
        .steps(vec![
            post("m", "https://api.example.com/t")
                .header("K", secret("key"))
                .effect(assumed())
                .masked("v")
                .done(),
            update("token", got("m", "v")),
        ])
        .found()
        .none();
}

#[test]
fn intervals_stay_below_expiries() {
    let plan = |every: u64| {
        base()
            .steps(vec![
                mint(additive()),
                expiring(update("token", got("mint", "value")), run_plus(HOUR)),
            ])
            .every(every)
    };
    plan(HOUR).found().are(&["ROT506"]);
    plan(2 * HOUR).found().are(&["ROT506"]);
    plan(HOUR / 2).found().none();
    let found = plan(HOUR * 3 / 4).found();
    found.has("ROT514");
    let unknown = base()
        .steps(vec![
            mint(additive()),
            expiring(
                update("token", got("mint", "value")),
                got("mint", "expires"),
            ),
        ])
        .every(100 * HOUR);
    unknown.found().none();
}

#[test]
fn a_new_value_is_not_perhaps_nothing() {
    let maybe = || {
        post("mint", "https://api.example.com/tokens")
            .bearer(secret("admin"))
            .effect(additive())
            .optional_secret("value")
            .done()
    };
    base()
        .steps(vec![maybe(), update("token", got("mint", "value"))])
        .found()
        .are(&["ROT507"]);
    base()
        .steps(vec![
            maybe(),
            expiring(stage("token", got("mint", "value")), run_plus(DAY)),
            verify(vec![me()]),
            promote("token"),
        ])
        .found()
        .are(&["ROT507"]);
    base()
        .steps(vec![
            mint(additive()),
            update("token", got("mint", "value")),
        ])
        .found()
        .none();
    let record = vec![
        maybe(),
        stage_fields(
            "token",
            vec![("value", got("mint", "value")), ("x", text("y"))],
        ),
        verify(vec![me()]),
        promote("token"),
    ];
    base().steps(record).found().none();
}

#[test]
fn two_schedules_do_not_write_one_secret() {
    let steps = || vec![mint(additive()), update("token", got("mint", "value"))];
    base()
        .rotation("a", steps())
        .every(DAY)
        .rotation("b", steps())
        .every(HOUR)
        .found()
        .are(&["ROT508"]);
    base()
        .rotation("a", steps())
        .every(DAY)
        .rotation("bootstrap", steps())
        .found()
        .none();
    let one = || vec![update("token", got("mint", "value"))];
    base()
        .steps(vec![mint(additive()), parallel(vec![one(), one()])])
        .found()
        .are(&["ROT508"]);
    base()
        .secret("copy", &[])
        .steps(vec![
            mint(additive()),
            parallel(vec![one(), vec![update("copy", got("mint", "value"))]]),
        ])
        .found()
        .none();
}

#[test]
fn replacing_needs_a_way_back() {
    let steps = |effect| vec![mint(effect), update("token", got("mint", "value"))];
    base().steps(steps(replacing())).found().are(&["ROT511"]);
    base()
        .steps(vec![when(input("x"), steps(replacing()), vec![])])
        .found()
        .are(&["ROT511"]);
    base().steps(steps(replacing_key())).found().none();
    base().steps(steps(replacing_grace(HOUR))).found().none();
}

#[test]
fn what_lives_on_can_be_revoked() {
    let proved = |store: Step| {
        vec![
            mint(additive()),
            store,
            verify(vec![me()]),
            promote("token"),
        ]
    };
    base()
        .steps(proved(stage("token", got("mint", "value"))))
        .found()
        .are(&["ROT512"]);
    let mut blind = proved(staged());
    blind.push(revoke("token", None, vec![delete(text("which?"))]));
    base().steps(blind).found().are(&["ROT512"]);
    base()
        .steps(proved(expiring(
            stage("token", got("mint", "value")),
            got("mint", "expires"),
        )))
        .found()
        .none();
    base().steps(proved(staged())).found().none();
    let mut by_token = proved(stage("token", got("mint", "value")));
    by_token.push(revoke(
        "token",
        None,
        vec![delete(version("token", Version::Previous))],
    ));
    base().steps(by_token).found().none();
}

#[test]
fn a_grace_ends_before_the_old_one_does() {
    let steps = |effect, after| {
        vec![
            mint(effect),
            update("token", got("mint", "value")),
            revoke("token", Some(after), vec![delete(previous_id())]),
        ]
    };
    base()
        .steps(steps(replacing_grace(HOUR), DAY))
        .found()
        .are(&["ROT513"]);
    base()
        .steps(steps(replacing_grace(HOUR), HOUR / 2))
        .found()
        .none();
    let mut short = steps(additive(), 2 * DAY);
    short[1] = expiring(update("token", got("mint", "value")), run_plus(DAY));
    base().steps(short).found().are(&["ROT513"]);
    base().steps(steps(additive(), DAY)).found().none();
}

#[test]
fn no_more_live_at_once_than_the_server_allows() {
    let two = || {
        rot::plan::Effect::Issues(rot::plan::Issues {
            old: rot::plan::Old::Stays,
            at_most: Some(2),
            assumed: false,
        })
    };
    let plan = |every, after| {
        base()
            .steps(vec![
                mint(two()),
                update("token", got("mint", "value")),
                revoke("token", Some(after), vec![delete(previous_id())]),
            ])
            .every(every)
    };
    plan(DAY, 2 * DAY).found().are(&["ROT514"]);
    plan(DAY, 3 * DAY).found().are(&["ROT514"]);
    plan(7 * DAY, DAY).found().none();
    plan(DAY, DAY).found().none();
}
