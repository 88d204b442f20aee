//! Rotations of each kind, with the issuer that they are for and what must hold when all is over.

use rot::demo::issuer::{Config, Credential, IssuerHandle, KeyMode, Kind, State};
use std::io::{Read, Write};
use std::time::Duration;

/// One rotation against one kind of issuer.
pub struct Scenario {
    pub name: &'static str,
    /// `BASE` stands for the issuer's address.
    pub plan: &'static str,
    pub config: fn() -> Config,
    /// Makes what must exist at the issuer before; answers with the secrets that the vault starts with: name, field, value.
    pub seed: fn(&IssuerHandle) -> Vec<(&'static str, Option<&'static str>, String)>,
    /// The secret that is rotated, and the field that is the credential.
    pub secret: (&'static str, Option<&'static str>),
    /// Whether the issuer takes this value of it now.
    pub accepted: fn(&State, &str) -> bool,
    /// Kinds of credential that the rotation makes.
    pub makes: &'static [Kind],
    /// What may become of credentials whose answer was lost.
    pub strays: Strays,
}

/// What may become of a credential whose answer never arrived.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Strays {
    /// None may live.
    None,
    /// Each is told of in a note.
    Noted,
    /// Those that live die by themselves.
    Dying,
}

/// A request to an issuer without the machinery under test.
pub fn post(issuer: &IssuerHandle, path: &str, bearer: &str, body: &str) {
    let mut stream = std::net::TcpStream::connect(issuer.address).unwrap();
    let length = body.len();
    write!(stream, "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 20"), "{path}: {answer}");
}

pub fn live_value(state: &State, kinds: &[Kind], value: &str) -> bool {
    kinds.iter().any(|kind| state.live(*kind, value).is_some())
}

fn first_key(issuer: &IssuerHandle) -> Credential {
    post(issuer, "/keys", "demo-admin", r#"{"name":"ci"}"#);
    issuer.state().credentials.last().unwrap().clone()
}

fn keys(mode: KeyMode) -> Config {
    Config {
        keys: mode,
        key_cap: 1000,
        ..Config::default()
    }
}

fn admin() -> (&'static str, Option<&'static str>, String) {
    ("admin_key", None, "demo-admin".into())
}

pub const ADDITIVE: Scenario = Scenario {
    name: "additive update",
    plan: r#"
secret appKeyId, appKeySecret to "127.0.0.1"
secret token

rotation token {
  every 45m
  http retrieve POST "BASE/api/token" issues additive {
    json { keyId: secrets.appKeyId, keySecret: secrets.appKeySecret }
    secret token = body $.token
  }
  update token = retrieve.token
}
"#,
    config: Config::default,
    seed: |_| {
        vec![
            ("appKeyId", None, "demo-key-id".into()),
            ("appKeySecret", None, "demo-key-secret".into()),
        ]
    },
    secret: ("token", None),
    accepted: |state, value| live_value(state, &[Kind::Orkes], value),
    makes: &[Kind::Orkes],
    strays: Strays::Noted,
};

pub const LIFE: Scenario = Scenario {
    name: "life cycle with strays",
    plan: r#"
secret admin_key to "127.0.0.1"
secret deploy_key { value, id } to "127.0.0.1"

rotation deploy_key {
  every 1d
  http mint POST "BASE/keys" issues additive {
    bearer secrets.admin_key
    json { name: "rot-${run.id}", expires_in: 1209600 }
    expect status 201
    secret value = body $.key
    public id = body $.id
    public expires = body $.expires_at as time
    strays GET "BASE/keys" {
      bearer secrets.admin_key
      query { name: "rot-${run.id}" }
      expect status 200
      public ids = body $.keys[*].id
    } revoke DELETE "BASE/keys/${stray}" {
      bearer secrets.admin_key
      expect status 204, 404
    }
  }
  stage deploy_key { value: mint.value, id: mint.id } expires mint.expires
  verify {
    http GET "BASE/me" {
      bearer pending.deploy_key.value
      expect status 200
    }
  }
  promote deploy_key
  revoke previous.deploy_key {
    http DELETE "BASE/keys/${previous.deploy_key.id}" {
      bearer secrets.admin_key
      expect status 204, 404
    }
  }
}
"#,
    config: || keys(KeyMode::Additive),
    seed: |issuer| {
        let first = first_key(issuer);
        vec![
            admin(),
            ("deploy_key", Some("value"), first.value),
            ("deploy_key", Some("id"), first.id),
        ]
    },
    secret: ("deploy_key", Some("value")),
    accepted: |state, value| live_value(state, &[Kind::Key], value),
    makes: &[Kind::Key],
    strays: Strays::None,
};

pub const SETS: Scenario = Scenario {
    name: "sets with generate",
    plan: r#"
secret admin_key to "127.0.0.1" in header
secret password to "127.0.0.1"

rotation password {
  every 90d
  generate fresh password {
    length 32
    exclude "\"'\\:"
  }
  stage password = fresh.value
  http PUT "BASE/users/deploy/password" sets {
    bearer secrets.admin_key
    json { password: pending.password }
    expect status 204
  }
  verify {
    http GET "BASE/login" {
      basic "deploy", pending.password
      expect status 200
    }
  }
  promote password
}
"#,
    config: Config::default,
    seed: |_| vec![admin(), ("password", None, "demo-password-0".into())],
    secret: ("password", None),
    accepted: |state, value| state.passwords.get("deploy").is_some_and(|p| p == value),
    makes: &[],
    strays: Strays::None,
};

pub const SETS_SELF: Scenario = Scenario {
    name: "sets self",
    plan: r#"
secret password to "127.0.0.1"

rotation password {
  every 90d
  generate fresh password {
    length 32
    exclude "\"'\\:"
  }
  stage password = fresh.value
  http PUT "BASE/users/deploy/password" sets self {
    basic "deploy", secrets.password
    json { password: pending.password }
    expect status 204
  }
  verify {
    http GET "BASE/login" {
      basic "deploy", pending.password
      expect status 200
    }
  }
  promote password
}
"#,
    config: Config::default,
    seed: |_| vec![("password", None, "demo-password-0".into())],
    secret: ("password", None),
    accepted: |state, value| state.passwords.get("deploy").is_some_and(|p| p == value),
    makes: &[],
    strays: Strays::None,
};

pub const KEYED: Scenario = Scenario {
    name: "replacing keyed",
    plan: r#"
secret admin_key to "127.0.0.1"
secret ci_key to "127.0.0.1"

rotation ci_key {
  every 1d
  http mint POST "BASE/keys" issues replacing key "Idempotency-Key" {
    bearer secrets.admin_key
    json { name: "ci" }
    expect status 201
    secret value = body $.key
  }
  stage ci_key = mint.value
  verify {
    http GET "BASE/me" {
      bearer pending.ci_key
      expect status 200
    }
  }
  promote ci_key
}
"#,
    // The first key is made without a key of its own, so the issuer is told to insist only afterwards.
    config: || keys(KeyMode::Replacing),
    seed: |issuer| {
        let first = first_key(issuer);
        issuer.state().config.keys = KeyMode::Keyed;
        vec![admin(), ("ci_key", None, first.value)]
    },
    secret: ("ci_key", None),
    accepted: |state, value| live_value(state, &[Kind::Key], value),
    makes: &[Kind::Key],
    strays: Strays::None,
};

pub const GRACE: Scenario = Scenario {
    name: "replacing with grace",
    plan: r#"
secret admin_key to "127.0.0.1"
secret ci_key to "127.0.0.1"

rotation ci_key {
  every 1d
  http mint POST "BASE/keys" issues replacing grace 10m {
    bearer secrets.admin_key
    json { name: "ci" }
    expect status 201
    secret value = body $.key
  }
  stage ci_key = mint.value
  verify {
    http GET "BASE/me" {
      bearer pending.ci_key
      expect status 200
    }
  }
  promote ci_key
}
"#,
    config: || keys(KeyMode::Grace(Duration::from_secs(600))),
    seed: |issuer| vec![admin(), ("ci_key", None, first_key(issuer).value)],
    secret: ("ci_key", None),
    accepted: |state, value| live_value(state, &[Kind::Key], value),
    makes: &[Kind::Key],
    strays: Strays::Dying,
};

pub const BARE: Scenario = Scenario {
    name: "bare replacing with verify",
    plan: r#"
secret personal to "127.0.0.1" in header

rotation personal {
  every 7d
  http rotate POST "BASE/api/v4/personal_access_tokens/self/rotate" issues replacing accept lockout-risk "an owner can make a new token in the web interface" {
    header "PRIVATE-TOKEN": secrets.personal
    expect status 200
    secret token = body $.token
    public expires = body $.expires_at as time
  }
  stage personal = rotate.token expires rotate.expires
  verify {
    http GET "BASE/api/v4/personal_access_tokens/self" {
      header "PRIVATE-TOKEN": pending.personal
      expect status 200
      expect body $.active == true
    }
  }
  promote personal
}
"#,
    config: Config::default,
    seed: |_| vec![("personal", None, "demo-personal-0".into())],
    secret: ("personal", None),
    accepted: |state, value| live_value(state, &[Kind::Personal], value),
    makes: &[Kind::Personal],
    strays: Strays::None,
};

pub const BUNDLE: Scenario = Scenario {
    name: "two secrets of one answer",
    plan: r#"
secret admin_key to "127.0.0.1"
secret storage { access_key, secret_key } to "127.0.0.1" in header
secret session_token to "127.0.0.1" in header

rotation storage {
  every 30m
  http mint POST "BASE/bundle" issues additive {
    bearer secrets.admin_key
    expect status 200
    public access_key = body $.access_key
    secret secret_key = body $.secret_key
    secret session = body $.session.token
    public lifetime = body $.session.expires_in as duration
  }
  stage storage { access_key: mint.access_key, secret_key: mint.secret_key }
  stage session_token = mint.session expires run.started_at + mint.lifetime
  verify {
    http GET "BASE/bundle/check" {
      header "X-Access-Key": pending.storage.access_key
      header "X-Secret-Key": pending.storage.secret_key
      expect status 200
    }
    http GET "BASE/me" {
      bearer pending.session_token
      expect status 200
    }
  }
  promote storage
  promote session_token
}
"#,
    config: Config::default,
    seed: |_| vec![admin()],
    secret: ("storage", Some("secret_key")),
    accepted: |state, value| live_value(state, &[Kind::Bundle], value),
    makes: &[Kind::Bundle, Kind::Session],
    strays: Strays::Noted,
};

/// All of them.
pub const ALL: [&Scenario; 8] = [
    &ADDITIVE, &LIFE, &SETS, &SETS_SELF, &KEYED, &GRACE, &BARE, &BUNDLE,
];
