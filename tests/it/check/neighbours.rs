//! Kinds of mistakes in `.rot`, each with its neighbours: what is wrong in the same way is found, what is right beside it is left alone.

use rot::diagnostic::Severity;
use rot::source::SourceFile;
use rot::workspace::config::Config;
use rot::workspace::load::analyse;

/// Secrets that every case may use.
const SECRETS: &str = r#"
secret admin to "api.example.com" in header
secret token to "api.example.com"
secret other to "api.example.com"
secret key { value, id } to "api.example.com"
secret login { user, password } to "api.example.com"
secret aws { id, secret } to "sts.example.com" in header, signature
secret pair_a { private_key, public_key, id } to program "sign" in stdin, "api.example.com" in body
secret pair_b { private_key, public_key, id } to program "sign" in stdin, "api.example.com" in body
secret boss { user, password } to "db.example.com" in login
secret db { user, password } to "db.example.com" in login, statement
secret cluster to "k8s.example.com:6443" in header
secret okta_api_token to "acme.okta.com" in header
"#;

fn told(text: &str) -> Vec<(String, Severity, String)> {
    let text = format!("{SECRETS}{text}");
    analyse(&SourceFile::new("r.rot", text.as_str()), &Config::default())
        .findings
        .iter()
        .map(|d| (d.code.id().to_owned(), d.severity, d.message.clone()))
        .collect()
}

/// Whether each of `wrong` is found by `code`, and none of `right`; and that a text that is meant to be right can be read.
pub(super) fn trial(code: &str, wrong: &[String], right: &[String]) {
    assert!(
        wrong.len() >= 8 && right.len() >= 8,
        "{code}: {} and {}",
        wrong.len(),
        right.len()
    );
    let mut slips = Vec::new();
    for text in wrong {
        let found = told(text);
        if !found
            .iter()
            .any(|(id, severity, _)| id == code && *severity >= Severity::Warning)
        {
            slips.push(format!("missed: {text}\n{found:#?}"));
        }
    }
    for text in right {
        let found = told(text);
        let unread = found.iter().any(|(id, ..)| {
            id.starts_with("ROT0")
                || ["ROT101", "ROT105", "ROT106", "ROT201", "ROT212"].contains(&id.as_str())
        });
        if unread
            || found
                .iter()
                .any(|(id, severity, _)| id == code && *severity >= Severity::Warning)
        {
            slips.push(format!("told, or not read: {text}\n{found:#?}"));
        }
    }
    assert!(slips.is_empty(), "{code}: {}", slips.join("\n"));
}

pub(super) fn all(of: impl Fn(&str) -> String, parts: &[&str]) -> Vec<String> {
    parts.iter().map(|part| of(part)).collect()
}

/// A rotation that makes a key, with steps before it, a tail of the storing statement, and steps behind the promotion.
fn minting(head: &str, before: &str, call: &str, stage: &str, behind: &str) -> String {
    format!(
        "rotation r {{\n{head}\n{before}\n  http mint POST \"https://api.example.com/keys\" issues additive {{\n bearer secrets.admin\n {call}\n secret value = body $.value\n public id = body $.id\n }}\n  stage key {{ value: mint.value, id: mint.id }} {stage}\n  verify {{ http GET \"https://api.example.com/me\" {{ bearer pending.key.value }} }}\n  promote key\n{behind}\n}}\n"
    )
}

const REVOKE: &str = "revoke previous.key after 1d { http DELETE \"https://api.example.com/keys/${previous.key.id}\" { bearer secrets.admin } }";

#[test]
fn values_that_can_be_guessed() {
    let of = |generate: &str| {
        let (comment, generate) = generate.split_once('|').unwrap_or(("", generate));
        format!(
            "{comment}\nrotation r {{\n generate fresh {generate}\n update token = fresh.value\n}}\n"
        )
    };
    trial(
        "ROT524",
        &all(
            of,
            &[
                "password { length 8 }",
                "password { length 8   alphabet \"0123456789\" }",
                "password { length 16   alphabet \"0123456789\" }",
                "password { length 10   alphabet \"alphanumeric\" }",
                "password { length 32   alphabet \"ab\" }",
                "password { length 14   alphabet \"0123456789abcdef\" }",
                "password { length 9   exclude \"'\\\"\" }",
                "# Passwords have at least 24 characters.\n|password { length 20 }",
                "# The policy: minimum 40 characters\n|password { length 32   alphabet \"alphanumeric\" }",
            ],
        ),
        &all(
            of,
            &[
                "password",
                "password { length 32   alphabet \"alphanumeric\" }",
                "password { length 12   alphabet \"alphanumeric\" }",
                "password { length 20   alphabet \"0123456789\" }",
                "password { length 64   alphabet \"ab\" }",
                "password { length 16   alphabet \"0123456789abcdef\" }",
                "hex { bytes 16 }",
                "uuid",
                "# Passwords have at least 24 characters.\n|password { length 24 }",
                "# The user sees 8 characters of it.\n|password { length 20 }",
            ],
        ),
    );
}

#[test]
fn halves_in_each_others_place() {
    let sign = |id: &str, key: &str| {
        format!(
            "rotation r {{ http POST \"https://sts.example.com/\" reads {{ sign aws_sigv4 {{ key_id {id}   secret_key {key}   region \"eu-west-1\"   service \"sts\" }} }} }}\n"
        )
    };
    let auth = |auth: &str| {
        format!("rotation r {{ http GET \"https://api.example.com/me\" {{ {auth} }} }}\n")
    };
    let body = |body: &str| {
        format!("rotation r {{ http POST \"https://api.example.com/login\" reads {{ {body} }} }}\n")
    };
    let stage = |fields: &str| {
        format!(
            "rotation r {{ http mint POST \"https://api.example.com/keys\" issues additive {{ bearer secrets.admin  secret secret = body $.secret  public id = body $.id  public user_id = body $.user_id }}\n stage key {{ {fields} }}\n verify {{ http GET \"https://api.example.com/me\" {{ bearer pending.key.value }} }}\n promote key }}\n"
        )
    };
    let stage_login = |fields: &str| {
        stage("value: mint.secret, id: mint.id").replace(
            "stage key",
            &format!("stage login {{ {fields} }}\n stage key"),
        )
    };
    trial(
        "ROT525",
        &[
            sign("secrets.aws.secret", "secrets.aws.id"),
            sign("secrets.aws.secret", "secrets.aws.secret"),
            auth("basic secrets.login.password, secrets.login.user"),
            auth("client secrets.aws.secret, secrets.aws.id"),
            body("json { user: secrets.login.password, password: secrets.login.user }"),
            body("form { grant_type: \"password\", username: secrets.login.password, password: secrets.login.user }"),
            body("json { auth: { client_id: secrets.aws.secret, client_secret: secrets.aws.id } }"),
            stage_login("user: mint.secret, password: mint.id"),
            stage_login("user: mint.id, password: mint.user_id"),
            "rotation r { let who = secrets.login.password\n let what = secrets.login.user\n http GET \"https://api.example.com/me\" { basic who, what } }\n".to_owned(),
        ],
        &[
            sign("secrets.aws.id", "secrets.aws.secret"),
            auth("basic secrets.login.user, secrets.login.password"),
            auth("basic \"admin\", secrets.token"),
            auth("basic secrets.token, \"\""),
            auth("basic secrets.key.value, secrets.key.id"),
            body("json { user: secrets.login.user, password: secrets.login.password }"),
            body("form { client_id: secrets.aws.id, client_secret: secrets.aws.secret }"),
            body("json { account: secrets.login.user, secret: secrets.token }"),
            stage_login("user: mint.id, password: mint.secret"),
            stage("value: mint.secret, id: mint.id"),
        ],
    );
}

#[test]
fn private_halves_where_the_public_one_belongs() {
    let of = |stage: &str, address: &str, body: &str| {
        format!(
            "rotation r {{ generate pair ed25519\n stage pair_a {{ {stage} }}\n http add POST \"https://api.example.com/{address}\" sets {{ bearer secrets.admin  {body} }}\n verify {{ exec \"sign\" {{ stdin pending.pair_a.private_key }} }}\n promote pair_a }}\n"
        )
    };
    let kept = "private_key: pair.private_key";
    trial(
        "ROT526",
        &[
            of(
                kept,
                "repos/shop/deploy-keys",
                "json { label: \"ci\", key: pair.private_key }",
            ),
            of(
                kept,
                "user/ssh_keys",
                "json { title: \"ci\", key: pending.pair_a.private_key }",
            ),
            of(kept, "accounts/1", "json { public_key: pair.private_key }"),
            of(kept, "accounts/1", "form { publicKey: pair.private_key }"),
            of(
                kept,
                "admin/jwks/one",
                "json { use: \"sig\", pem: pair.private_key }",
            ),
            of(kept, "authorized/keys", "text \"ssh ${pair.private_key}\""),
            of(
                "private_key: pair.public_key",
                "accounts/1",
                "json { key: pair.public_key }",
            ),
            of(
                "private_key: pair.private_key, public_key: pair.private_key",
                "accounts/1",
                "json { key: pair.public_key }",
            ),
            of(
                kept,
                "signing/keys",
                "json { name: \"x\", material: { key: pair.private_key } }",
            ),
        ],
        &[
            of(
                kept,
                "repos/shop/deploy-keys",
                "json { label: \"ci\", key: pair.public_key }",
            ),
            of(
                kept,
                "user/ssh_keys",
                "json { title: \"ci\", key: pair.public_key }",
            ),
            of(kept, "accounts/1", "json { public_key: pair.public_key }"),
            of(
                kept,
                "vault/data/shop",
                "json { private_key: pair.private_key }",
            ),
            of(kept, "vault/data/shop", "json { data: pair.private_key }"),
            of(kept, "vault/data/shop", "json { key: pair.private_key }"),
            of(
                "private_key: pair.private_key, public_key: pair.public_key",
                "admin/jwks/one",
                "json { pem: pair.public_key }",
            ),
            of(
                kept,
                "signing/keys",
                "json { private_key: pair.private_key, public_key: pair.public_key }",
            ),
            of(
                kept,
                "deploy/variables/KEY",
                "json { value: pair.private_key }",
            ),
        ],
    );
}

#[test]
fn files_that_others_read_and_places_that_are_taken() {
    let of = |secret: &str, mode: &str| {
        format!(
            "target place file \"/run/app/x\" {{ mode \"{mode}\" }}\ndeliver {secret} to place\nrotation r {{ generate fresh password\n update token = fresh.value }}\n"
        )
    };
    trial(
        "ROT410",
        &[
            of("token", "0644"),
            of("token", "0444"),
            of("token", "0604"),
            of("key.value", "0644"),
            of("login.password", "0755"),
            of("pair_a.private_key", "0644"),
            of("pair_a.private_key", "0664"),
            of("login", "0644"),
            of("pair_a.public_key", "0666"),
        ],
        &[
            of("token", "0400"),
            of("token", "0440"),
            of("token", "0600"),
            of("token", "0640"),
            of("pair_a.private_key", "0400"),
            of("pair_a.public_key", "0644"),
            of("key.id", "0644"),
            of("login.user", "0444"),
        ],
    );
    let targets = |targets: &str, deliveries: &str| {
        format!(
            "{targets}\n{deliveries}\nrotation r {{ generate fresh password\n update token = fresh.value }}\n"
        )
    };
    let file = |name: &str, path: &str| format!("target {name} file \"{path}\"\n");
    let env =
        |name: &str, path: &str| format!("target {name} file \"{path}\" {{ form \"dotenv\" }}\n");
    let docker =
        |name: &str, path: &str| format!("target {name} file \"{path}\" {{ form \"docker\" }}\n");
    trial(
        "ROT521",
        &[
            targets(
                &(file("a", "/run/x") + &file("b", "/run/x")),
                "deliver token to a\ndeliver other to b",
            ),
            targets(
                &(file("a", "/run/x") + &file("b", "/run/x")),
                "deliver token to a, b",
            ),
            targets(
                &(file("a", "/run/x") + &file("b", "/run/x")),
                "deliver key.value to a\ndeliver key.id to b",
            ),
            targets(
                &(file("a", "/run/x") + &env("b", "/run/x")),
                "deliver token to a\ndeliver other to b as \"OTHER\"",
            ),
            targets(
                &(env("a", "/run/x") + &file("b", "/run/x")),
                "deliver token to a as \"T\"\ndeliver other to b",
            ),
            targets(
                &(env("a", "/run/x") + &env("b", "/run/x")),
                "deliver token to a as \"T\"\ndeliver other to b as \"T\"",
            ),
            targets(
                &(env("a", "/run/x") + &docker("b", "/run/x")),
                "deliver token to a as \"T\"\ndeliver other to b as \"T\"",
            ),
            targets(
                &env("a", "/run/x"),
                "deliver token to a as \"T\"\ndeliver other to a as \"T\"",
            ),
        ],
        &[
            targets(
                &(file("a", "/run/x") + &file("b", "/run/y")),
                "deliver token to a\ndeliver other to b",
            ),
            targets(
                &(file("a", "/run/x") + &file("b", "/run/y")),
                "deliver token to a, b",
            ),
            targets(
                &env("a", "/run/x"),
                "deliver token to a as \"T\"\ndeliver other to a as \"O\"",
            ),
            targets(
                &(env("a", "/run/x") + &env("b", "/run/x")),
                "deliver token to a as \"T\"\ndeliver other to b as \"O\"",
            ),
            targets(
                &(env("a", "/run/x") + &env("b", "/run/y")),
                "deliver token to a as \"T\"\ndeliver other to b as \"T\"",
            ),
            targets(
                &env("a", "/run/x"),
                "deliver token to a\ndeliver other to a",
            ),
            targets(
                &(env("a", "/run/x") + &file("b", "/run/y")),
                "deliver token to a as \"T\"\ndeliver token to b",
            ),
            targets(&file("a", "/run/x"), "deliver token to a"),
        ],
    );
    trial(
        "ROT109",
        &[
            targets(
                &(file("a", "/run/x") + &file("b", "/run/y")),
                "deliver token to a",
            ),
            targets(
                &(file("a", "/run/x") + &file("b", "/run/y")),
                "deliver token to b",
            ),
            targets(&file("a", "/run/x"), ""),
            targets(
                &(env("a", "/run/x") + &env("b", "/run/y")),
                "deliver token to a as \"T\"",
            ),
            targets(
                &(env("a", "/run/x") + &file("b", "/run/y")),
                "deliver token to a as \"T\"\ndeliver other to a as \"O\"",
            ),
            targets(
                &(file("a", "/run/x") + &file("b", "/run/y") + &file("c", "/run/z")),
                "deliver token to a, c",
            ),
            targets(
                "target a command \"put\"\ntarget b command \"bring\"\n",
                "deliver token to a",
            ),
            targets(
                &("target a command \"put\"\n".to_owned() + &file("b", "/run/y")),
                "deliver token to b",
            ),
        ],
        &[
            targets(&file("a", "/run/x"), "deliver token to a"),
            targets(
                &(file("a", "/run/x") + &file("b", "/run/y")),
                "deliver token to a, b",
            ),
            targets(
                &(file("a", "/run/x") + &file("b", "/run/y")),
                "deliver token to a\ndeliver other to b",
            ),
            targets(
                &env("a", "/run/x"),
                "deliver token to a as \"T\"\ndeliver other to a as \"O\"",
            ),
            targets("target a command \"put\"\n", "deliver token to a"),
            targets("", ""),
            targets(
                &(env("a", "/run/x") + &file("b", "/run/y")),
                "deliver token to a as \"T\"\ndeliver token to b",
            ),
            targets(&file("a", "/run/x"), "deliver key.value to a"),
        ],
    );
}

#[test]
fn strays_of_other_runs() {
    let of = |list: &str| {
        minting(
            "",
            "",
            &format!(
                "json {{ name: \"rot-${{run.id}}\" }}\n strays GET \"https://api.example.com/{list} }} revoke DELETE \"https://api.example.com/keys/${{stray}}\" {{ bearer secrets.admin }}"
            ),
            "",
            REVOKE,
        )
    };
    trial(
        "ROT528",
        &all(
            of,
            &[
                "keys\" { bearer secrets.admin  public ids = body $.keys[*].id",
                "keys?per_page=100\" { bearer secrets.admin  public ids = body $.keys[*].id",
                "keys\" { bearer secrets.admin  query { name: \"rot\" }  public ids = body $.keys[*].id",
                "keys\" { bearer secrets.admin  query { limit: 100 }  public ids = body $[*].id",
                "keys?name=rot-\" { bearer secrets.admin  public ids = body $[*].id",
                "users/ci/keys\" { bearer secrets.admin  public ids = body $.items[*].id",
                "keys?state=active\" { bearer secrets.admin  public ids = body $..id",
                "keys\" { bearer secrets.admin  query { owner: run.rotation }  public ids = body $.keys[*].id",
            ],
        ),
        &all(
            of,
            &[
                "keys\" { bearer secrets.admin  query { name: \"rot-${run.id}\" }  public ids = body $.keys[*].id",
                "keys?name=rot-${run.id}\" { bearer secrets.admin  public ids = body $.keys[*].id",
                "keys\" { bearer secrets.admin  query { filter: run.id }  public ids = body $[*].id",
                "runs/${run.id}/keys\" { bearer secrets.admin  public ids = body $[*].id",
                "keys\" { bearer secrets.admin  query { since: rfc3339(run.started_at) }  public ids = body $[*].id",
                "keys\" { bearer secrets.admin  query { name: \"rot-${run.id}\", limit: 5 }  public ids = body $[*].id",
                "keys?q=${urlencode(run.id)}\" { bearer secrets.admin  public ids = body $[*].id",
                "keys\" { bearer secrets.admin  query { tag: \"run:${run.id}\" }  public ids = body $.items[*].id",
            ],
        ),
    );
}

#[test]
fn conditions_the_other_way_round() {
    let look = |name: &str, at: &str, ty: &str, rest: &str| {
        minting(
            "",
            &format!(
                "http state GET \"https://api.example.com/state\" {{ bearer secrets.admin  public {name} = {at} {ty} }}\n{rest}"
            ),
            "",
            "",
            REVOKE,
        )
    };
    let flag = |name: &str, rest: &str| look(name, &format!("body $.{name}"), "as bool", rest);
    let poll = |until: &str| {
        minting(
            "",
            &format!(
                "repeat at most 9 every 5s {{ http look GET \"https://api.example.com/state\" {{ bearer secrets.admin  public state = body $.state as string }} }} until {until}"
            ),
            "",
            "",
            REVOKE,
        )
    };
    trial(
        "ROT216",
        &[
            flag(
                "rotation_required",
                "when state.rotation_required { stop \"no\" }",
            ),
            flag("due", "when state.due { log \"not yet\"  stop \"later\" }"),
            flag("expired", "when state.expired == true { stop }"),
            flag(
                "needs_rotation",
                "when not state.needs_rotation { log \"go\" } else { stop }",
            ),
            flag("valid", "when state.valid { fail \"the state is bad\" }"),
            flag(
                "healthy",
                "when state.healthy == true { fail \"not healthy\" }",
            ),
            look(
                "code",
                "status",
                "",
                "when state.code == 200 { fail \"no\" }",
            ),
            flag("ok", "when state.ok != false { fail \"no\" }"),
            poll("look.state == \"pending\""),
            poll("look.state != \"ready\""),
            poll("not (look.state == \"active\")"),
            poll("look.state == \"in_progress\" or look.state == \"failed\""),
        ],
        &[
            flag(
                "rotation_required",
                "when not state.rotation_required { stop \"no\" }",
            ),
            flag("due", "when state.due == false { stop \"later\" }"),
            flag(
                "locked",
                "when state.locked { stop \"somebody else works\" }",
            ),
            flag("rotation_disabled", "when state.rotation_disabled { stop }"),
            flag("rotation_running", "when state.rotation_running { stop }"),
            flag(
                "valid",
                "when not state.valid { fail \"the state is bad\" }",
            ),
            flag(
                "healthy",
                "when state.healthy == false { fail \"not healthy\" }",
            ),
            look(
                "code",
                "status",
                "",
                "when state.code != 200 { fail \"no\" }",
            ),
            flag(
                "compromised",
                "when state.compromised { log \"in a hurry\" }",
            ),
            flag("frozen", "when state.frozen { fail \"frozen\" }"),
            poll("look.state == \"ready\""),
            poll("look.state != \"pending\""),
            poll("look.state == \"ready\" or look.state == \"failed\""),
            poll("look.state == \"deleted\""),
        ],
    );
}

#[test]
fn schemes_of_one_credential() {
    let calls = |calls: &[&str]| {
        let calls: Vec<String> = calls
            .iter()
            .enumerate()
            .map(|(at, call)| {
                format!("http a{at} GET \"https://api.example.com/{at}\" {{ {call} }}")
            })
            .collect();
        format!("rotation r {{\n{}\n}}\n", calls.join("\n"))
    };
    let okta = |call: &[&str]| calls(call).replace("api.example.com", "acme.okta.com");
    let (bearer, ssws, token) = (
        "bearer secrets.admin",
        "header \"Authorization\": \"SSWS ${secrets.admin}\"",
        "header \"Authorization\": \"token ${secrets.admin}\"",
    );
    let (o_bearer, o_ssws) = (
        "bearer secrets.okta_api_token",
        "header \"Authorization\": \"SSWS ${secrets.okta_api_token}\"",
    );
    let header = "header \"X-Key\": secrets.admin";
    trial(
        "ROT411",
        &[
            calls(&[ssws, ssws, bearer]),
            calls(&[bearer, ssws]),
            calls(&[token, bearer, token]),
            calls(&[bearer, bearer, token]),
            calls(&[ssws, token]),
            calls(&[
                "header \"Authorization\": \"Bearer ${secrets.admin}\"",
                token,
            ]),
            calls(&[
                "header \"Authorization\": \"Bearer ${secrets.admin}\"",
                "header \"Authorization\": secrets.admin",
            ]),
            okta(&[o_ssws, o_bearer]),
            okta(&[o_bearer, o_bearer, o_ssws]),
        ],
        &[
            calls(&[bearer, bearer]),
            calls(&[ssws, ssws]),
            calls(&[header, bearer]),
            calls(&[
                "header \"Authorization\": \"Bearer ${secrets.admin}\"",
                bearer,
            ]),
            calls(&[
                bearer,
                "header \"Authorization\": \"token ${secrets.token}\"",
            ]),
            calls(&["basic \"x\", secrets.admin", bearer]),
            calls(&[
                "header \"Authorization\": secrets.admin",
                "header \"Authorization\": secrets.admin",
            ]),
            okta(&[o_ssws, o_ssws]),
        ],
    );
}

#[test]
fn copied_from_the_sibling() {
    let pairs = |first: &str, second: &str, kinds: (&str, &str)| {
        format!(
            "rotation r {{ generate main {}\n generate spare {}\n stage pair_a {{ private_key: main.private_key }}\n stage pair_b {{ private_key: spare.private_key }}\n http one PUT \"https://api.example.com/jwks/main\" sets {{ bearer secrets.admin  json {{ pem: {first} }} }}\n http two PUT \"https://api.example.com/jwks/spare\" sets {{ bearer secrets.admin  json {{ pem: {second} }} }}\n verify {{ exec \"sign\" {{ stdin pending.pair_a.private_key }}  exec \"sign\" {{ stdin pending.pair_b.private_key }} }}\n promote pair_a\n promote pair_b }}\n",
            kinds.0, kinds.1
        )
    };
    let values = |makers: &str, first: &str, second: &str| {
        format!(
            "rotation r {{ {makers}\n stage token = {first}\n stage other = {second}\n verify {{ http GET \"https://api.example.com/me\" {{ bearer pending.token }}  http GET \"https://api.example.com/you\" {{ bearer pending.other }} }}\n promote token\n promote other }}\n"
        )
    };
    let passwords = "generate a password\n generate b password";
    let mint = |name: &str, path: &str| {
        format!(
            "http {name} POST \"https://api.example.com/{path}\" issues additive {{ bearer secrets.admin  secret value = body $.value }}\n"
        )
    };
    let mints = |one: &str, two: &str| mint("a", one) + &mint("b", two);
    let inputs = |first: &str, second: &str| {
        format!(
            "rotation r {{ input old_render_id: string\n input old_alert_id: string\n http a DELETE \"https://api.example.com/keys/${{input.{first}}}\" revokes {{ bearer secrets.admin }}\n http b DELETE \"https://api.example.com/keys/${{input.{second}}}\" revokes {{ bearer secrets.admin }} }}\n"
        )
    };
    let rsa = ("rsa", "rsa");
    trial(
        "ROT527",
        &[
            pairs("main.public_key", "main.public_key", rsa),
            pairs("spare.public_key", "spare.public_key", rsa),
            pairs("main.public_key", "main.public_key", ("ed25519", "ed25519")),
            pairs("main.public_key", "\"x ${main.public_key}\"", rsa),
            values(passwords, "a.value", "a.value"),
            values(passwords, "b.value", "b.value"),
            values(&mints("keys", "keys"), "a.value", "a.value"),
            values(
                &mints("accounts/12/keys", "accounts/17/keys"),
                "b.value",
                "b.value",
            ),
            inputs("old_render_id", "old_render_id"),
            inputs("old_alert_id", "old_alert_id"),
        ],
        &[
            pairs("main.public_key", "spare.public_key", rsa),
            pairs(
                "main.public_key",
                "spare.public_key",
                ("ed25519", "ed25519"),
            ),
            pairs("main.public_key", "main.public_key", ("ed25519", "rsa")),
            pairs("spare.public_key", "main.public_key", rsa),
            values(passwords, "a.value", "b.value"),
            values("generate a password", "a.value", "a.value"),
            values("generate a password\n generate b hex", "a.value", "a.value"),
            values(&mints("keys", "keys"), "a.value", "b.value"),
            values(&mints("keys", "sessions"), "a.value", "a.value"),
            inputs("old_render_id", "old_alert_id"),
        ],
    );
}

#[test]
fn lives_that_were_asked_for() {
    let of = |every: &str, call: &str, stage: &str| {
        minting(&format!("every {every}"), "", call, stage, REVOKE)
    };
    trial(
        "ROT506",
        &[
            of(
                "30d",
                "json { expiresAt: rfc3339(run.started_at + 7d) }",
                "",
            ),
            of("30d", "json { expires_at: date(run.started_at + 30d) }", ""),
            of("7d", "json { notAfter: epoch(run.started_at + 1d) }", ""),
            of("7d", "form { expiry: run.started_at + 5d }", ""),
            of("30d", "json { expire_days: 14 }", ""),
            of("2d", "json { ttl_hours: 24 }", ""),
            of("1h", "json { lifetime_minutes: 30 }", ""),
            of("30d", "query { expires_at: date(run.started_at + 3d) }", ""),
            of(
                "1d",
                "public made = body $.created_at as time",
                "expires mint.made",
            ),
            of(
                "1d",
                "public at = body $.issued_at as time",
                "expires mint.at",
            ),
            of(
                "1d",
                "public at = body $.meta.notBefore as time",
                "expires mint.at",
            ),
            of(
                "1d",
                "public at = header \"Date\" as time",
                "expires mint.at",
            ),
        ],
        &[
            of(
                "7d",
                "json { expiresAt: rfc3339(run.started_at + 30d) }",
                "",
            ),
            of("7d", "json { expires_at: date(run.started_at + 8d) }", ""),
            of("7d", "json { notAfter: epoch(run.started_at + 14d) }", ""),
            of("7d", "json { expire_days: 30 }", ""),
            of("7d", "json { expires: 45 }", ""),
            of("1h", "json { ttl_hours: 24 }", ""),
            of("7d", "json { max_age_label: \"1h\" }", ""),
            of(
                "7d",
                "public ends = body $.expires_at as time",
                "expires mint.ends",
            ),
            of(
                "7d",
                "public made = body $.created_at as time",
                "expires mint.made + 30d",
            ),
            of(
                "7d",
                "public at = body $.valid_until as time",
                "expires mint.at",
            ),
        ],
    );
}

#[test]
fn graces_against_what_the_file_says() {
    let of = |comment: &str, after: &str| {
        format!(
            "{comment}\n{}",
            minting("", "", "", "", &REVOKE.replace(" after 1d", after))
        )
    };
    trial(
        "ROT513",
        &[
            of("# The nodes read the key once an hour.", " after 5m"),
            of("# Consumers reload it hourly.", " after 30m"),
            of(
                "# Every pod refreshes its copy every 15 minutes.",
                " after 10m",
            ),
            of("# The agents poll the vault every 2 hours", " after 1h"),
            of(
                "# cached for 24 hours by the edge, which then fetches it",
                " after 12h",
            ),
            of("# Clients pull the file nightly.", " after 6h"),
            of("# The workers pick it up within 30 minutes", ""),
            of("# The batch job reads it once a day.", " after 23h"),
        ],
        &[
            of("# The nodes read the key once an hour.", " after 2h"),
            of("# Consumers reload it hourly.", " after 1d"),
            of(
                "# Rotated every day; whoever reads it asks the vault.",
                " after 5m",
            ),
            of("# The key is read at the start.", " after 5m"),
            of("# A token lives for 30 days.", " after 5m"),
            of(
                "# Keys of the cache; there are 24 hours in a day.",
                " after 5m",
            ),
            of("", " after 5m"),
            of("# The agents poll the vault every 10 seconds", " after 1m"),
        ],
    );
    let login = |inside: bool, ttl: &str, after: &str| {
        let call = format!(
            "http session POST \"https://api.example.com/login\" reads {{ json {{ user: \"r\", ttl: {ttl} }}  secret token = body $.token }}\n"
        );
        let (before, within) = if inside {
            (String::new(), call)
        } else {
            (call, String::new())
        };
        minting(
            "",
            &before,
            "",
            "",
            &format!(
                "revoke previous.key after {after} {{ {within} http DELETE \"https://api.example.com/keys/${{previous.key.id}}\" {{ bearer session.token }} }}"
            ),
        )
    };
    let slips: Vec<String> = [
        (true, "900", "1d"),
        (true, "60", "2h"),
        (false, "86400", "1h"),
    ]
    .iter()
    .map(|(inside, ttl, after)| login(*inside, ttl, after))
    .filter(|text| told(text).iter().any(|(id, ..)| id == "ROT513"))
    .collect();
    assert!(slips.is_empty(), "{slips:#?}");
    assert!(
        told(&login(false, "900", "1d"))
            .iter()
            .any(|(id, ..)| id == "ROT513")
    );
}

#[test]
fn effects_that_are_no_such_effects() {
    let itself = |address: &str, rest: &str, revoke: &str| {
        format!(
            "rotation r {{ http turn POST \"https://api.example.com/{address}\" issues additive {{ {rest}  secret value = body $.value }}\n stage token = turn.value\n verify {{ http GET \"https://api.example.com/me\" {{ bearer pending.token }} }}\n promote token\n {revoke} }}\n"
        )
    };
    let redis = |words: &str| {
        format!(
            "secret cache to \"cache.example.com:6379\" in login, statement\nrotation r {{ generate fresh password\n stage cache = fresh.value\n redis \"cache.example.com:6379\" sets slot {{ login \"default\", pending.cache  command [{words}] }}\n verify {{ redis \"cache.example.com:6379\" {{ login \"app\", pending.cache  command [\"PING\"] }} }}\n promote cache }}\n"
        )
    };
    let sql = |statement: &str| {
        format!(
            "rotation r {{ let idle = next([\"a\", \"b\"], secrets.db.user)\n generate fresh password\n stage db {{ user: idle, password: fresh.value }}\n sql postgres \"db.example.com/app\" sets slot {{ login secrets.boss.user, secrets.boss.password  statement \"{statement}\" }}\n verify {{ sql postgres \"db.example.com/app\" {{ login idle, pending.db.password  statement \"SELECT 1\" }} }}\n promote db }}\n"
        )
    };
    let put = |address: &str, body: &str| {
        format!(
            "rotation r {{ generate fresh password\n stage token = fresh.value\n http PUT \"https://api.example.com/{address}\" sets slot {{ bearer secrets.admin  json {{ {body} }} }}\n verify {{ http GET \"https://api.example.com/me\" {{ bearer pending.token }} }}\n promote token }}\n"
        )
    };
    let own = "bearer secrets.token";
    trial(
        "ROT518",
        &[
            itself("tokens/self/rotate", own, ""),
            itself("token/regenerate", own, ""),
            itself("me/reset", own, ""),
            itself(
                "api/v4/personal_access_tokens/self/rotate",
                "header \"PRIVATE-TOKEN\": secrets.token",
                "",
            ),
            redis("\"ACL\", \"SETUSER\", \"app\", \"resetpass\", \">${pending.cache}\""),
            redis("\"acl\", \"setuser\", \"app\", \"reset\", \"on\", \">${pending.cache}\""),
            redis("\"CONFIG\", \"SET\", \"requirepass\", pending.cache"),
            sql("ALTER ROLE app PASSWORD ${scram_sha_256(pending.db.password)}"),
            put("users/app", "password: pending.token, tags: \\\"\\\"").replace("\\\"", "\""),
        ],
        &[
            itself("tokens", own, ""),
            itself("tokens/self/rotate", "bearer secrets.admin", ""),
            itself("keys/renewals", own, ""),
            itself(
                "token/roll",
                own,
                "revoke previous.token after 1h { http DELETE \"https://api.example.com/me\" { bearer previous.token } }",
            ),
            redis("\"ACL\", \"SETUSER\", \"app\", \">${pending.cache}\""),
            redis("\"ACL\", \"SETUSER\", \"app\", \"on\", \">${pending.cache}\", \"~*\""),
            sql("ALTER ROLE ${name(idle)} PASSWORD ${scram_sha_256(pending.db.password)}"),
            put("users/app/passwords/second", "password: pending.token"),
            put("slots/${run.id}", "password: pending.token"),
        ],
    );
}

#[test]
fn versions_that_are_sent_too_late() {
    let of =
        |before: &str, behind: &str| minting("", before, "", "", &format!("{behind}\n{REVOKE}"));
    let bring = |value: &str| {
        format!(
            "http bring PUT \"https://api.example.com/variables/KEY\" sets {{ bearer secrets.admin  json {{ {value} }} }}"
        )
    };
    let slot = |stage: &str| {
        format!(
            "rotation r {{ let idle = next([\"a\", \"b\"], secrets.db.user)\n generate fresh password\n stage db {{ {stage} }}\n sql postgres \"db.example.com/app\" sets slot {{ login secrets.boss.user, secrets.boss.password  statement \"ALTER ROLE ${{name(idle)}} PASSWORD ${{scram_sha_256(pending.db.password)}}\" }}\n verify {{ sql postgres \"db.example.com/app\" {{ login idle, pending.db.password  statement \"SELECT 1\" }} }}\n promote db }}\n"
        )
    };
    let old = "let old = secrets.key.value";
    trial(
        "ROT516",
        &[
            of(old, &bring("value: old")),
            of(old, &bring("value: \"Bearer ${old}\"")),
            of(old, &bring("value: base64(old)")),
            of(
                "let both = { v: secrets.key.value }",
                &bring("value: both.v"),
            ),
            of(
                "let first = secrets.key.value\n let old = first",
                &bring("value: old"),
            ),
            of(
                old,
                "http bring POST \"https://api.example.com/variables\" sets { bearer secrets.admin  form { value: old } }",
            ),
            slot("user: secrets.db.user, password: fresh.value"),
            slot("password: fresh.value"),
        ],
        &[
            of("", &bring("value: secrets.key.value")),
            of(old, &bring("value: secrets.key.value, before: old")),
            of("", &bring("value: previous.key.value")),
            of("let old = secrets.key.id", &bring("replaces: old")),
            of(
                old,
                "http look GET \"https://api.example.com/me\" { bearer old }",
            ),
            of("", ""),
            slot("user: idle, password: fresh.value"),
            of("let new = \"x\"", &bring("value: new")),
        ],
    );
}

#[test]
fn bodies_that_a_service_refuses() {
    let of = |call: &str| {
        format!(
            "secret s to \"login.microsoftonline.com\", \"api.stripe.com\", \"sso.example.com\", \"acme.okta.com\"\nrotation r {{ http {call} }}\n"
        )
    };
    let patch = |path: &str, header: &str| {
        of(&format!(
            "PATCH \"https://k8s.example.com:6443/{path}\" sets {{ bearer secrets.cluster  {header}  json {{ a: 1 }} }}"
        ))
    };
    let post = |url: &str, body: &str| of(&format!("POST \"https://{url}\" reads {{ {body} }}"));
    trial(
        "ROT218",
        &[
            patch("api/v1/namespaces/shop/secrets/smtp", ""),
            patch(
                "api/v1/namespaces/shop/secrets/smtp",
                "header \"Content-Type\": \"application/json\"",
            ),
            patch(
                "api/v1/namespaces/shop/secrets/smtp",
                "header \"content-type\": \"application/json; charset=utf-8\"",
            ),
            patch("apis/apps/v1/namespaces/shop/deployments/api", ""),
            post(
                "login.microsoftonline.com/t/oauth2/v2.0/token",
                "json { grant_type: \"client_credentials\" }",
            ),
            post(
                "acme.okta.com/oauth2/default/v1/token",
                "json { grant_type: \"client_credentials\" }",
            ),
            post(
                "sso.example.com/realms/x/protocol/openid-connect/token",
                "json { grant_type: \"client_credentials\" }",
            ),
            post("api.stripe.com/v1/webhook_endpoints", "json { url: \"x\" }"),
        ],
        &[
            patch(
                "api/v1/namespaces/shop/secrets/smtp",
                "header \"Content-Type\": \"application/merge-patch+json\"",
            ),
            patch(
                "api/v1/namespaces/shop/secrets/smtp",
                "header \"Content-Type\": \"application/strategic-merge-patch+json\"",
            ),
            patch("api/v2/things/1", ""),
            of(
                "PUT \"https://k8s.example.com:6443/api/v1/namespaces/shop/secrets/smtp\" sets { bearer secrets.cluster  json { a: 1 } }",
            ),
            post(
                "login.microsoftonline.com/t/oauth2/v2.0/token",
                "form { grant_type: \"client_credentials\" }",
            ),
            post("acme.okta.com/api/v1/apps", "json { label: \"x\" }"),
            post(
                "sso.example.com/realms/x/protocol/openid-connect/token",
                "form { grant_type: \"client_credentials\" }",
            ),
            post("api.stripe.com/v1/webhook_endpoints", "form { url: \"x\" }"),
        ],
    );
}

#[test]
fn a_password_that_waits() {
    let of = |call: &str, between: &str| {
        format!(
            "rotation again {{ http anew POST \"https://api.example.com/tokens\" issues additive {{ bearer secrets.admin  secret value = body $.value }}\n stage token = anew.value\n verify {{ http GET \"https://api.example.com/me\" {{ bearer pending.token }} }}\n promote token }}\nrotation r {{ http turn POST \"https://api.example.com/self/rotate\" issues replacing {call} {{ bearer secrets.token  secret value = body $.value }}\n stage token = turn.value\n {between}\n verify {{ http GET \"https://api.example.com/me\" {{ bearer pending.token }} }}\n promote token }}\n"
        )
    };
    let recover = "recover with again";
    trial(
        "ROT511",
        &[
            of("", ""),
            of(recover, "wait 10m"),
            of(recover, "wait 1m"),
            of(recover, "wait 1d"),
            of(recover, "manual restart \"restart it\""),
            of("accept lockout-risk \"an administrator helps\"", "wait 2h"),
            of("key \"Idempotency-Key\"", "wait 1h"),
            of(recover, "wait until run.started_at + 1h"),
        ],
        &[
            of(recover, ""),
            of(recover, "wait 5s"),
            of(recover, "wait 30s"),
            of(recover, "log \"new\""),
            of("grace 1d", "wait 10m"),
            of("grace 1d", "manual restart \"restart it\""),
            of("accept lockout-risk \"an administrator helps\"", ""),
            of("key \"Idempotency-Key\"", "wait 10s"),
        ],
    );
}
