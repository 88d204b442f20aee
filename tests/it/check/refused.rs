//! What servers refuse, or take for something else, each kind with its neighbours.

use super::neighbours::{all, trial};

/// A call with a header and a body of one's own.
fn call(auth: &str) -> String {
    format!("rotation r {{ http ask GET \"https://api.example.com/me\" {{ {auth} }} }}\n")
}

fn under(lets: &str, auth: &str) -> String {
    format!("rotation r {{ {lets}\n http ask GET \"https://api.example.com/me\" {{ {auth} }} }}\n")
}

#[test]
fn a_scheme_that_is_written_twice() {
    let made = "let full = \"Bearer ${secrets.token}\"";
    trial(
        "ROT411",
        &[
            call("header \"Authorization\": \"Bearer Bearer ${secrets.token}\""),
            call("header \"authorization\": \"bearer Bearer ${secrets.token}\""),
            call("header \"Authorization\": \"Basic Basic ${secrets.token}\""),
            call("header \"Authorization\": \"Bearer Basic ${secrets.token}\""),
            call("header \"Authorization\": \"Basic  Bearer ${secrets.token}\""),
            call("bearer \"Bearer ${secrets.token}\""),
            call("bearer \"basic ${secrets.token}\""),
            under(made, "bearer full"),
            under(made, "header \"Authorization\": \"Bearer ${full}\""),
        ],
        &[
            call("header \"Authorization\": \"Bearer ${secrets.token}\""),
            call("header \"Authorization\": \"Bearer bearer_${secrets.token}\""),
            call("header \"Authorization\": \"Bearer Bearer${secrets.token}\""),
            call("header \"Authorization\": secrets.token"),
            call("header \"X-Forward\": \"Bearer Bearer ${secrets.token}\""),
            call("bearer secrets.token"),
            call("bearer \"bearer${secrets.token}\""),
            under(made, "header \"Authorization\": full"),
            call("basic \"bearer \", secrets.token"),
        ],
    );
}

#[test]
fn a_signature_for_another_region() {
    let of = |host: &str, region: &str| {
        format!(
            "secret role {{ id, secret }} to \"{host}\" in header, signature\nrotation r {{ let here = \"eu-west-1\"\n http ask POST \"https://{host}/\" reads {{ sign aws_sigv4 {{ key_id secrets.role.id  secret_key secrets.role.secret  region {region}  service \"x\" }} }} }}\n"
        )
    };
    let pairs = |list: &[(&str, &str)]| -> Vec<String> {
        list.iter().map(|(host, region)| of(host, region)).collect()
    };
    trial(
        "ROT411",
        &pairs(&[
            ("secretsmanager.eu-central-1.amazonaws.com", "\"us-east-1\""),
            (
                "secretsmanager.eu-central-1.amazonaws.com",
                "\"eu-central-2\"",
            ),
            ("ssm.us-gov-west-1.amazonaws.com", "\"us-west-1\""),
            ("bucket.s3.eu-west-3.amazonaws.com", "\"eu-west-1\""),
            ("s3.dualstack.us-east-2.amazonaws.com", "\"us-east-1\""),
            ("kms.cn-north-1.amazonaws.com.cn", "\"cn-northwest-1\""),
            ("iam.amazonaws.com", "\"eu-west-1\""),
            ("sts.ap-southeast-2.amazonaws.com", "here"),
            ("kms.eu-north-1.api.aws", "\"eu-north-2\""),
        ]),
        &pairs(&[
            (
                "secretsmanager.eu-central-1.amazonaws.com",
                "\"eu-central-1\"",
            ),
            ("ssm.us-gov-west-1.amazonaws.com", "\"us-gov-west-1\""),
            ("s3.dualstack.us-east-2.amazonaws.com", "\"us-east-2\""),
            ("iam.amazonaws.com", "\"us-east-1\""),
            ("sts.amazonaws.com", "\"eu-west-1\""),
            ("minio.eu-west-1.example.com", "\"us-east-1\""),
            ("us-east-1.s3.eu-west-1.amazonaws.com", "\"eu-west-1\""),
            ("sts.eu-west-1.amazonaws.com", "here"),
            ("a1b2.execute-api.eu-west-1.amazonaws.com", "here"),
        ]),
    );
}

#[test]
fn a_token_signed_as_by_another_key() {
    let of = |made: &str, algorithm: &str, key: &str| {
        format!(
            "secret jwt_key to \"sso.example.com\" in signature\nrotation r {{ generate fresh {made}\n let direct = fresh.{}\n stage jwt_key = direct\n verify {{ http POST \"https://sso.example.com/token\" reads {{ form {{ grant_type: \"client_credentials\" }}  sign jwt {{ algorithm \"{algorithm}\"  key {key}  claims {{ iss: \"x\" }}  lifetime 1m  field \"client_assertion\" }} }} }}\n promote jwt_key }}\n",
            if made.contains("password") || made.contains("hex") || made.contains("base64") {
                "value"
            } else {
                "private_key"
            }
        )
    };
    let pending = "pending.jwt_key";
    trial(
        "ROT411",
        &[
            of("ed25519", "RS256", pending),
            of("ed25519", "PS512", pending),
            of("ed25519", "ES256", pending),
            of("rsa { bits 2048 }", "EdDSA", pending),
            of("rsa { bits 3072 }", "ES384", pending),
            of("x25519", "EdDSA", pending),
            of("hex { bytes 32 }", "RS256", pending),
            of("ed25519", "RS384", "direct"),
            of("password { length 40 }", "EdDSA", pending),
        ],
        &[
            of("ed25519", "EdDSA", pending),
            of("rsa { bits 2048 }", "RS256", pending),
            of("rsa { bits 2048 }", "PS256", pending),
            of("rsa { bits 4096 }", "RS512", "direct"),
            of("hex { bytes 32 }", "HS256", pending),
            of("base64 { bytes 64 }", "HS512", pending),
            of("ed25519", "EdDSA", "direct"),
            // What is in use may be of another kind still.
            of("ed25519", "RS256", "secrets.jwt_key"),
        ],
    );
}

/// A rotation of a generated password: the login of the call, its effect and body, and what stands before it.
fn own(effect: &str, before: &str, auth: &str, body: &str) -> String {
    format!(
        "rotation r {{ generate fresh password {{ length 32 }}\n stage login {{ user: secrets.login.user, password: fresh.value }}\n {before}\n http change POST \"https://api.example.com/me/password\" {effect} {{ {auth}  {body} }}\n verify {{ http GET \"https://api.example.com/me\" {{ basic pending.login.user, pending.login.password }} }}\n promote login }}\n"
    )
}

const SENT: &str = "json { password: pending.login.password }";

#[test]
fn a_login_with_what_is_about_to_be_set() {
    let new = "basic pending.login.user, pending.login.password";
    let old = "basic secrets.login.user, secrets.login.password";
    trial(
        "ROT411",
        &[
            own("sets self", "", new, SENT),
            own("sets", "", new, SENT),
            own(
                "sets self",
                "",
                "basic \"svc\", pending.login.password",
                SENT,
            ),
            own("sets self", "", "bearer pending.login.password", SENT),
            own("sets self", "", new, "form { new: pending.login.password }"),
            own("sets self", "", new, "text \"p=${pending.login.password}\""),
            own(
                "sets self",
                "let now = pending.login.password",
                "basic \"svc\", now",
                SENT,
            ),
            own("sets self", "log \"changing\"", new, SENT),
            own(
                "sets self",
                "http look GET \"https://api.example.com/up\" { bearer secrets.admin }",
                new,
                SENT,
            ),
        ],
        &[
            own("sets self", "", old, SENT),
            own("sets", "", "bearer secrets.admin", SENT),
            own(
                "sets self",
                "",
                "basic pending.login.user, secrets.login.password",
                SENT,
            ),
            own(
                "sets self",
                "manual put \"Set it at the console\"",
                new,
                SENT,
            ),
            own(
                "sets",
                &format!(
                    "http first POST \"https://api.example.com/a\" sets {{ bearer secrets.admin  {SENT} }}"
                ),
                new,
                SENT,
            ),
            own("sets", "", new, "json { name: \"svc\" }"),
            own("reads", "", new, SENT),
            own(
                "sets self",
                &format!("http try_it GET \"https://api.example.com/me\" {{ {new} }}"),
                new,
                SENT,
            ),
        ],
    );
    trial(
        "ROT518",
        &[
            own("sets", "", old, SENT),
            own("sets", "", "basic \"svc\", secrets.login.password", SENT),
            own("sets", "", "bearer secrets.login.password", SENT),
            own("sets", "", old, "form { new: pending.login.password }"),
            own("sets", "", old, "json { old: secrets.login.password, new: pending.login.password }"),
            own("sets", "let was = secrets.login.password", "basic \"svc\", was", SENT),
            own("sets", "let now = pending.login.password", old, "json { password: now }"),
            own("sets", "log \"changing\"", old, SENT),
        ],
        &[
            own("sets self", "", old, SENT),
            own("sets", "", "bearer secrets.admin", SENT),
            own("sets", "", "basic secrets.login.user, secrets.admin", SENT),
            own("sets", "", old, "json { note: \"x\" }"),
            own("sets", "", "basic secrets.boss.user, secrets.other", SENT),
            own("reads", "", old, SENT),
            own("sets", &format!("http first POST \"https://api.example.com/a\" sets self {{ {old}  {SENT} }}"), old, SENT),
            // What a call has issued is only brought elsewhere.
            "rotation r { http mint POST \"https://api.example.com/tokens\" issues additive { bearer secrets.token  secret value = body $.value }\n stage token = mint.value\n http bring PUT \"https://api.example.com/variables/TOKEN\" sets { bearer secrets.token  json { value: pending.token } }\n verify { http GET \"https://api.example.com/me\" { bearer pending.token } }\n promote token }\n".to_owned(),
        ],
    );
}

#[test]
fn a_verifier_in_place_of_a_password() {
    let of = |dialect: &str, statement: &str| {
        format!(
            "rotation r {{ generate fresh password {{ length 32 }}\n let verifier = scram_sha_256(fresh.value)\n stage db {{ user: \"app\", password: fresh.value }}\n sql change {dialect} \"db.example.com{}\" sets {{ login secrets.boss.user, secrets.boss.password  statement \"{statement}\" }}\n verify {{ sql {dialect} \"db.example.com{}\" {{ login \"app\", pending.db.password  statement \"SELECT 1\" }} }}\n promote db }}\n",
            if dialect == "postgres" { "/app" } else { "" },
            if dialect == "postgres" { "/app" } else { "" },
        )
    };
    let scram = "${scram_sha_256(pending.db.password)}";
    let plain = "${pending.db.password}";
    trial(
        "ROT516",
        &[
            of(
                "mysql",
                &format!("ALTER USER 'app'@'%' IDENTIFIED BY {scram}"),
            ),
            of("mysql", &format!("alter user app identified by {scram}")),
            of("mariadb", &format!("ALTER USER app IDENTIFIED BY {scram}")),
            of(
                "mariadb",
                &format!("SET PASSWORD FOR app = PASSWORD({scram})"),
            ),
            of("mysql", &format!("SET PASSWORD FOR app = {scram}")),
            of("mysql", "ALTER USER app IDENTIFIED BY ${verifier}"),
            of(
                "mysql",
                &format!("ALTER USER app IDENTIFIED BY {scram} RETAIN CURRENT PASSWORD"),
            ),
            of(
                "mysql",
                &format!("CREATE USER IF NOT EXISTS app IDENTIFIED BY {scram}"),
            ),
        ],
        &[
            of(
                "mysql",
                &format!("ALTER USER 'app'@'%' IDENTIFIED BY {plain}"),
            ),
            of("mariadb", &format!("ALTER USER app IDENTIFIED BY {plain}")),
            of(
                "mariadb",
                &format!("SET PASSWORD FOR app = PASSWORD({plain})"),
            ),
            of("postgres", &format!("ALTER ROLE app PASSWORD {scram}")),
            of("postgres", "ALTER ROLE app PASSWORD ${verifier}"),
            of(
                "mysql",
                &format!("UPDATE roles SET verifier = {scram} WHERE name = 'app'"),
            ),
            of(
                "mysql",
                &format!("ALTER USER app IDENTIFIED BY {plain} RETAIN CURRENT PASSWORD"),
            ),
            of("postgres", &format!("ALTER USER app WITH PASSWORD {scram}")),
        ],
    );
}

#[test]
fn seconds_that_are_read_as_a_time() {
    let of = |capture: &str| {
        format!(
            "rotation r {{ http mint POST \"https://api.example.com/token\" issues additive {{ bearer secrets.admin  secret value = body $.value  {capture} }}\n stage token = mint.value expires mint.until\n verify {{ http GET \"https://api.example.com/me\" {{ bearer pending.token }} }}\n promote token }}\n"
        )
    };
    let other = |capture: &str| {
        format!(
            "rotation r {{ http look GET \"https://api.example.com/token\" {{ bearer secrets.admin  {capture} }}\n log \"${{look.until}}\" }}\n"
        )
    };
    trial(
        "ROT506",
        &[
            of("public until = body $.expires_in as time"),
            of("public until = body $.expiresIn as time"),
            of("public until = body $.auth.lease_duration as time"),
            of("public until = body $.data.ttl as time"),
            of("public until = body $['expires_in'] as time"),
            of("secret until = body $.expires_in as time"),
            other("public until = body $.expires_in as time"),
            other("public until = body $.max_age as time"),
        ],
        &[
            of("public until = body $.expires_at as time"),
            of("public until = body $.exp as time"),
            of("public until = body $.expires as time"),
            of("public until = body $.expires_in.until as time"),
            other("public until = body $.expires_in as int"),
            other("public until = body $.expires_in as duration"),
            other("public until = body $.expires_in"),
            other("public until = body $.ttl_until as time"),
        ],
    );
}

#[test]
fn a_day_of_the_month_that_is_a_weekday() {
    let of = |cron: &str| {
        format!(
            "rotation r {{ cron \"{cron}\" in \"UTC\"\n generate fresh password {{ length 32 }}\n update token = fresh.value }}\n"
        )
    };
    trial(
        "ROT206",
        &all(
            of,
            &[
                "0 0 4 1 * MON",
                "0 0 4 15 * FRI",
                "0 0 4 1,15 * SUN",
                "0 0 4 L * FRI",
                "0 0 4 LW * FRI",
                "0 0 4 1 * MON,TUE",
                "0 0 4 1 1,7 SUN",
                "0 0 4 1 * MON#1",
            ],
        ),
        &all(
            of,
            &[
                "0 0 4 1 * *",
                "0 0 4 * * MON",
                "0 0 4 ? * MON",
                "0 0 4 1 * ?",
                "0 0 4 * * MON#1",
                "0 0 4 1-7 * MON",
                "0 0 4 8-14 * TUE",
                "0 0 4 */2 * MON",
                "0 0 4 1 * MON-FRI",
                "0 0 4 1,2,3,4,5,6,7 * MON",
            ],
        ),
    );
}

#[test]
fn a_public_object_with_the_secret_in_it() {
    let of = |secret: &str, public: &str| {
        format!(
            "rotation r {{ http mint POST \"https://api.example.com/token\" issues additive {{ bearer secrets.admin  secret value = body {secret}  public seen = {public} }}\n log \"${{json(mint.seen)}}\"\n stage token = mint.value\n verify {{ http GET \"https://api.example.com/me\" {{ bearer pending.token }} }}\n promote token }}\n"
        )
    };
    trial(
        "ROT602",
        &[
            of("$.token.key", "body $.token as json"),
            of("$.token.key", "body $ as json"),
            of("$.value", "body $ as json"),
            of("$.data.token.key", "body $.data.token as json"),
            of("$.data.token.key", "body $.data as json"),
            of("$['token']['key']", "body $.token as json"),
            of("$.token.key", "body $['token'] as json"),
            of("$.a.b.c", "body $.a.b as json"),
        ],
        &[
            of("$.token.key", "body $.token.slug"),
            of("$.token.key", "body $.meta as json"),
            of("$.token.key", "body $.tokens as json"),
            of("$.value", "body $.id"),
            of("$.items[0].key", "body $.items[1] as json"),
            of("$.token.key", "header \"X-Request-Id\""),
            of("$.token.key", "status"),
            of("$.token.key", "body $.token.created as time"),
        ],
    );
}

#[test]
fn a_failure_that_ends_as_done() {
    let of = |stop: &str| {
        format!(
            "rotation r {{ http look GET \"https://api.example.com/state\" {{ bearer secrets.admin  public kind = body $.kind }}\n when look.kind == \"x\" {{ {stop} }}\n http GET \"https://api.example.com/me\" {{ bearer secrets.token }} }}\n"
        )
    };
    let reasons = |list: &[&str]| -> Vec<String> {
        list.iter()
            .map(|reason| of(&format!("stop \"{reason}\"")))
            .collect()
    };
    trial(
        "ROT216",
        &reasons(&[
            "Probe certificate could not be issued",
            "The check of the new key failed",
            "Validation failure",
            "New token cannot log in",
            "The replica was unable to connect",
            "Health check timed out",
            "Rotation aborted",
            "The new password was rejected",
        ]),
        &{
            let mut right = reasons(&[
                "The key needs no rotation",
                "Nothing has failed",
                "No failed logins, nothing to do",
                "Already rotated",
                "Not due yet: it cannot be older than 30 days",
                "The old key was kept, the check failed and was rolled back",
                "Could not get the lock, the next run tries again",
            ]);
            right.push(of("fail \"The check of the new key failed\""));
            right
        },
    );
}
