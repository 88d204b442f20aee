//! The issuer keeps its word: what the documentation of such endpoints says, over TCP.

use super::{answered, get, issuer, json, request, with_form, with_json};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rot::demo::issuer::{Config, Issuer, IssuerHandle, KeyMode, Kind};
use serde_json::json;
use std::time::Duration;

const ADMIN: (&str, &str) = ("Authorization", "Bearer demo-admin");

fn configured(change: impl FnOnce(&mut Config)) -> IssuerHandle {
    let mut config = Config {
        token_prefix: "CANARY".to_owned(),
        ..Config::default()
    };
    change(&mut config);
    Issuer::spawn(config).unwrap()
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn status_of(url: &str, header: (&str, &str)) -> u16 {
    answered(&request("GET", url, &[header], None)).status
}

#[test]
fn orkes_token() {
    let issuer = issuer(Vec::new());
    let url = format!("{}/api/token", issuer.base_url);
    let ask = |secret: &str| {
        json(&with_json(
            "POST",
            &url,
            &[],
            &json!({ "keyId": "demo-key-id", "keySecret": secret }),
        ))
    };
    assert_eq!(ask("wrong").0, 401);
    let tokens = [ask("demo-key-secret"), ask("demo-key-secret")]
        .map(|(_, body)| body["token"].as_str().unwrap().to_owned());
    assert_ne!(tokens[0], tokens[1]);
    // Both are good: it is additive.
    for token in &tokens {
        assert_eq!(
            status_of(
                &format!("{}/api/ping", issuer.base_url),
                ("X-Authorization", token)
            ),
            200
        );
    }
    assert_eq!(
        status_of(
            &format!("{}/api/ping", issuer.base_url),
            ("X-Authorization", "x")
        ),
        401
    );
    assert_eq!(issuer.state().live_all(Kind::Orkes).len(), 2);
}

#[test]
fn oauth_client_credentials() {
    let issuer =
        configured(|config| config.client = ("app:1".to_owned(), "s%e c+r/e&t".to_owned()));
    let url = format!("{}/oauth/token", issuer.base_url);
    let grant = ("grant_type", "client_credentials");
    let encoded =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let good = basic(&encoded("app:1"), &encoded("s%e c+r/e&t"));
    let body = [
        grant,
        ("client_id", "app:1"),
        ("client_secret", "s%e c+r/e&t"),
    ];
    for (headers, form, status, error) in [
        (
            vec![("Authorization", good.as_str())],
            vec![grant],
            200,
            None,
        ),
        (vec![], body.to_vec(), 200, None),
        (
            vec![("Authorization", good.as_str())],
            body.to_vec(),
            400,
            Some("invalid_request"),
        ),
        (
            vec![("Authorization", basic("app:1", "s%e c+r/e&t").as_str())],
            vec![grant],
            401,
            Some("invalid_client"),
        ),
        (vec![], vec![grant], 401, Some("invalid_client")),
        (
            vec![("Authorization", good.as_str())],
            vec![("grant_type", "password")],
            400,
            Some("unsupported_grant_type"),
        ),
        (
            vec![("Authorization", good.as_str())],
            vec![],
            400,
            Some("invalid_request"),
        ),
    ] {
        let (seen, answer) = json(&with_form(&url, &headers, &form));
        assert_eq!(
            (seen, answer["error"].as_str()),
            (status, error),
            "{answer}"
        );
        if status == 200 {
            assert_eq!(
                (answer["token_type"].as_str(), answer["expires_in"].as_u64()),
                (Some("Bearer"), Some(3600))
            );
        }
    }
}

#[test]
fn oauth_refresh_rotates_and_reuse_ends_the_family() {
    let issuer = configured(|_| {});
    let url = |path: &str| format!("{}/oauth/{path}", issuer.base_url);
    let client = basic("demo-client", "demo-client-secret");
    let refresh = |token: &str| {
        json(&with_form(
            url("token"),
            &[("Authorization", &client)],
            &[("grant_type", "refresh_token"), ("refresh_token", token)],
        ))
    };
    let active = |token: &str| {
        json(&with_form(
            url("introspect"),
            &[("Authorization", &client)],
            &[("token", token)],
        ))
        .1["active"]
            == json!(true)
    };
    let (status, first) = refresh("demo-refresh-0");
    let (access, next) = (
        first["access_token"].as_str().unwrap(),
        first["refresh_token"].as_str().unwrap(),
    );
    assert_eq!(status, 200);
    assert!(active(access) && active(next) && !active("demo-refresh-0"));
    let (_, reuse) = refresh("demo-refresh-0");
    assert_eq!(reuse["error"], "invalid_grant");
    assert!(!active(access) && !active(next));
    assert_eq!(refresh(next).0, 400);
}

#[test]
fn oauth_refresh_may_keep_the_refresh_token_and_revocation_always_succeeds() {
    let issuer = configured(|config| config.omit_refresh_token = true);
    let client = basic("demo-client", "demo-client-secret");
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", "demo-refresh-0"),
    ];
    let ask = || {
        json(&with_form(
            format!("{}/oauth/token", issuer.base_url),
            &[("Authorization", &client)],
            &form,
        ))
    };
    assert_eq!(ask().1.get("refresh_token"), None);
    assert_eq!(ask().0, 200);
    for token in ["demo-refresh-0", "unknown"] {
        let revoke = with_form(
            format!("{}/oauth/revoke", issuer.base_url),
            &[("Authorization", &client)],
            &[("token", token)],
        );
        assert_eq!(answered(&revoke).status, 200);
    }
    assert_eq!(ask().0, 400);
}

#[test]
fn gitlab_token_rotates_itself_and_dies() {
    let issuer = issuer(Vec::new());
    let url = format!("{}/api/v4/personal_access_tokens/self", issuer.base_url);
    let rotate = |token: &str, date: &str| {
        json(&request(
            "POST",
            format!("{url}/rotate?expires_at={date}"),
            &[("PRIVATE-TOKEN", token)],
            None,
        ))
    };
    let in_a_week = jiff::Zoned::now()
        .in_tz("UTC")
        .unwrap()
        .checked_add(jiff::ToSpan::days(7))
        .unwrap()
        .date()
        .to_string();
    assert_eq!(rotate("demo-personal-0", "2001-01-01").0, 400);
    let (status, body) = rotate("demo-personal-0", &in_a_week);
    assert_eq!(
        (status, body["expires_at"].as_str()),
        (200, Some(in_a_week.as_str()))
    );
    let new = body["token"].as_str().unwrap();
    assert_eq!(status_of(&url, ("PRIVATE-TOKEN", new)), 200);
    assert_eq!(status_of(&url, ("PRIVATE-TOKEN", "demo-personal-0")), 401);
    // Rotating the dead one again takes the family with it.
    assert_eq!(rotate("demo-personal-0", &in_a_week).0, 401);
    assert_eq!(status_of(&url, ("PRIVATE-TOKEN", new)), 401);
}

fn make(issuer: &IssuerHandle, name: &str, idempotency: Option<&str>) -> (u16, serde_json::Value) {
    let mut headers = vec![ADMIN];
    headers.extend(idempotency.map(|key| ("Idempotency-Key", key)));
    json(&with_json(
        "POST",
        format!("{}/keys", issuer.base_url),
        &headers,
        &json!({ "name": name, "expires_in": 60 }),
    ))
}

fn is_good(issuer: &IssuerHandle, key: &serde_json::Value) -> bool {
    status_of(
        &format!("{}/me", issuer.base_url),
        (
            "Authorization",
            &format!("Bearer {}", key["key"].as_str().unwrap()),
        ),
    ) == 200
}

#[test]
fn keys_are_replaced_as_configured() {
    for (mode, first_is_good) in [
        (KeyMode::Additive, true),
        (KeyMode::Replacing, false),
        (KeyMode::Grace(Duration::from_secs(3600)), true),
        (KeyMode::Grace(Duration::ZERO), false),
    ] {
        let issuer = configured(|config| config.keys = mode);
        let [(_, first), (_, other), (status, second)] =
            ["ci", "other", "ci"].map(|name| make(&issuer, name, None));
        assert_eq!(status, 201);
        assert!(is_good(&issuer, &second) && is_good(&issuer, &other));
        assert_eq!(is_good(&issuer, &first), first_is_good, "{mode:?}");
    }
}

#[test]
fn keys_with_an_idempotency_key_are_made_once() {
    let issuer = configured(|config| config.keys = KeyMode::Keyed);
    assert_eq!(make(&issuer, "ci", None).0, 400);
    let first = make(&issuer, "ci", Some("a"));
    assert_eq!(make(&issuer, "ci", Some("a")), first);
    assert_eq!(make(&issuer, "else", Some("a")).0, 422);
    let second = make(&issuer, "ci", Some("b"));
    assert!(is_good(&issuer, &second.1) && !is_good(&issuer, &first.1));
}

#[test]
fn keys_are_listed_capped_and_deleted() {
    let issuer = configured(|config| config.key_cap = 2);
    let url = |rest: &str| format!("{}/keys{rest}", issuer.base_url);
    let [(_, first), (_, _), (status, _)] =
        ["ci", "other", "ci"].map(|name| make(&issuer, name, None));
    assert_eq!(status, 409);
    let id = first["id"].as_str().unwrap();
    let (_, list) = json(&request("GET", url("?name=ci"), &[ADMIN], None));
    assert_eq!(
        list["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["id"].as_str().unwrap())
            .collect::<Vec<_>>(),
        [id]
    );
    assert!(!list.to_string().contains("CANARY"));
    for status in [204, 404] {
        assert_eq!(
            answered(&request("DELETE", url(&format!("/{id}")), &[ADMIN], None)).status,
            status
        );
    }
    assert!(!is_good(&issuer, &first));
    assert_eq!(answered(&get(url(""))).status, 401);
}

#[test]
fn passwords_are_set_by_admin_or_self() {
    let issuer = issuer(Vec::new());
    let url = |rest: &str| format!("{}{rest}", issuer.base_url);
    let login = |password: &str| {
        status_of(
            &url("/login"),
            ("Authorization", &basic("deploy", password)),
        )
    };
    let set = |auth: &str, password: &str| {
        answered(&with_json(
            "PUT",
            url("/users/deploy/password"),
            &[("Authorization", auth)],
            &json!({ "password": password }),
        ))
        .status
    };
    assert_eq!(set("Bearer demo-admin", "second-password"), 204);
    assert_eq!(
        (login("demo-password-0"), login("second-password")),
        (401, 200)
    );
    assert_eq!(
        set(&basic("deploy", "demo-password-0"), "third-password"),
        401
    );
    assert_eq!(
        set(&basic("deploy", "second-password"), "third-password"),
        204
    );
    assert_eq!(set(&basic("deploy", "third-password"), "short"), 422);
    assert_eq!(login("third-password"), 200);
}

#[test]
fn slots_bundle_and_slack() {
    let issuer = issuer(Vec::new());
    let url = |rest: &str| format!("{}{rest}", issuer.base_url);
    let post = |path: &str| json(&request("POST", url(path), &[ADMIN], None));
    let [(_, one), (_, two), (_, again)] =
        ["1", "2", "1"].map(|slot| post(&format!("/slots/{slot}/regenerate")));
    assert_eq!(
        [&one, &two, &again].map(|key| is_good(&issuer, key)),
        [false, true, true]
    );
    assert_eq!(post("/slots/3/regenerate").0, 404);

    let (_, bundle) = post("/bundle");
    let pair = [
        ("X-Access-Key", bundle["access_key"].as_str().unwrap()),
        ("X-Secret-Key", bundle["secret_key"].as_str().unwrap()),
    ];
    assert_eq!(
        answered(&request("GET", url("/bundle/check"), &pair, None)).status,
        200
    );
    assert_eq!(bundle["session"]["expires_in"], 3600);
    assert!(is_good(
        &issuer,
        &json!({ "key": bundle["session"]["token"] })
    ));

    let rotate = |token: &str| {
        json(&with_form(
            url("/slack/tooling.tokens.rotate"),
            &[],
            &[("refresh_token", token)],
        ))
    };
    let (status, first) = rotate("demo-slack-refresh-0");
    assert_eq!((status, &first["ok"]), (200, &json!(true)));
    assert_eq!(
        rotate("demo-slack-refresh-0"),
        (
            200,
            json!({ "ok": false, "error": "invalid_refresh_token" })
        )
    );
    assert_eq!(
        rotate(first["refresh_token"].as_str().unwrap()).1["ok"],
        json!(true)
    );
}
