//! Services as targets: each kind with each fault, a whole life of a credential at a time. Nothing is revoked before it has
//! arrived, whatever is the matter; the same again changes nothing; no value is shown.

use super::CANARY;
use super::fakes::{Aws, Azure, Fake, Fault, Gcp, Github, Gitlab, Kubernetes, Kv, Service, TOKEN};
use crate::support::project::{Called, Project};

/// A kind: its declaration with `SERVER`, what the value is called there, and whether a second call with the same makes a version.
struct Kind {
    target: &'static str,
    called: &'static str,
    again: bool,
    /// Whether its content can be compared.
    readable: bool,
    /// Whether it answers with 201 and nothing.
    bare: bool,
    /// A success of the same API that is not about this value.
    other: &'static str,
}

const KV: Kind = Kind {
    target: "kv \"secret/apps/db\" { server \"SERVER\"  token secrets.token  timeout 1s }",
    called: " as \"key\"",
    again: false,
    readable: true,
    bare: false,
    other: r#"{"data":{"version":"7"}}"#,
};
const KUBERNETES: Kind = Kind {
    target: "kubernetes \"apps/key\" { server \"SERVER\"  token secrets.token  restart \"deployment/web\"  timeout 1s }",
    called: " as \"key\"",
    again: false,
    readable: true,
    bare: false,
    other: r#"{"kind":"Secret","metadata":{"name":"key"},"data":{"else":"eA=="}}"#,
};
const GITHUB: Kind = Kind {
    target: "github \"octo/reports\" { token secrets.token  server \"SERVER\"  timeout 1s }",
    called: " as \"KEY\"",
    again: true,
    readable: false,
    bare: true,
    other: r#"{"message":"ok"}"#,
};
const GITLAB: Kind = Kind {
    target: "gitlab \"octo/reports\" { token secrets.token  server \"SERVER\"  timeout 1s }",
    called: " as \"KEY\"",
    again: true,
    readable: true,
    bare: false,
    other: r#"{"key":"ELSE","value":"x"}"#,
};
const AWS_SECRETS: Kind = Kind {
    target: "aws-secrets \"prod/key\" { region \"eu-central-1\"  key-id secrets.aws.id  key secrets.aws.key  server \"SERVER\"  timeout 1s }",
    called: "",
    again: false,
    readable: true,
    bare: false,
    other: r#"{"ARN":"arn:aws:x","VersionId":"of-another"}"#,
};
const AWS_SSM: Kind = Kind {
    target: "aws-ssm \"/prod/key\" { region \"eu-central-1\"  key-id secrets.aws.id  key secrets.aws.key  server \"SERVER\"  timeout 1s }",
    called: "",
    again: false,
    readable: true,
    bare: false,
    other: r#"{"Version":"7"}"#,
};
const GCP: Kind = Kind {
    target: "gcp \"projects/p/secrets/key\" { token secrets.token  server \"SERVER\"  timeout 1s }",
    called: "",
    again: false,
    readable: true,
    bare: false,
    other: r#"{"name":"projects/p/secrets/else/versions/1"}"#,
};
const AZURE: Kind = Kind {
    target: "azure \"vault-1/key\" { token secrets.token  server \"SERVER\"  timeout 1s }",
    called: "",
    again: false,
    readable: true,
    bare: false,
    other: r#"{"id":"https://vault-1.vault.azure.net/secrets/else/1"}"#,
};

fn text(kind: &Kind, port: u16) -> String {
    let target = kind
        .target
        .replace("SERVER", &format!("http://127.0.0.1:{port}"));
    let credentials = match target.contains("secrets.aws") {
        true => "secret aws { id, key } to \"127.0.0.1\" in header, signature\n",
        false => "secret token to \"127.0.0.1\"\n",
    };
    format!(
        r#"{credentials}secret k {{ key, id }} to "127.0.0.1"
target t {target}
deliver k.key to t{}

rotation k {{
  http mint POST "http://127.0.0.1:{port}/issue" issues additive {{
    expect status 201
    secret key = body $.key
    public id = body $.id
  }}
  stage k {{ key: mint.key, id: mint.id }}
  promote k
  revoke previous.k {{
    http DELETE "http://127.0.0.1:{port}/issue/${{previous.k.id}}" revokes {{ expect status 204 }}
  }}
}}
"#,
        kind.called
    )
}

fn project(kind: &Kind, port: u16) -> Project {
    let project = Project::new();
    match kind.target.contains("secrets.aws") {
        true => project.set("aws.id", "AKIA").set("aws.key", TOKEN),
        false => project.set("token", TOKEN),
    };
    project
        .file("r.rot", text(kind, port))
        .file("other.rot", "rotation other {\n  log \"x\"\n}\n");
    project
}

fn shows_nothing(called: &Called) {
    for text in [&called.stdout, &called.stderr] {
        assert!(!text.contains(CANARY) && !text.contains(TOKEN), "{text}");
    }
}

/// What every kind stands, one fault after the other.
fn stands(kind: &Kind, service: impl Service + 'static) {
    let fake = Fake::start(service);
    let project = project(kind, fake.port);
    // Created, and there.
    shows_nothing(&project.rot("run r.rot").code(0));
    let first = project.get("k.key");
    assert_eq!(fake.with(|s| s.service.value()).as_deref(), Some(&*first));
    project.rot("deliver --check").code(0);
    // Replaced; the old one is revoked by then.
    project.rot("run r.rot").code(0);
    assert_eq!(fake.with(|s| s.revoked), 1);
    // The same again.
    let versions = fake.with(|s| s.service.versions());
    project.rot("deliver --again").code(0);
    let after = fake.with(|s| s.service.versions());
    assert_eq!(after > versions, kind.again, "{versions} {after}");
    // Somebody changes it.
    fake.with(|s| s.service.drift());
    let drift = project.rot("deliver --check").code(1);
    assert!(drift.stdout.contains("differs"), "{}", drift.stdout);
    project.rot("deliver --again").code(0);
    if kind.readable {
        project.rot("deliver --check").code(0);
    }
    let faults = [
        (Fault::Lost, ""),
        (Fault::Slow, "in time"),
        (Fault::Status(401), "does not accept the credential"),
        (Fault::Status(403), "does not allow this credential"),
        (Fault::Status(413), "too large"),
        (Fault::Status(500), "failed (500)"),
        (Fault::Status(503), "failed (503)"),
        (Fault::Status(418), "does not take the value"),
        (Fault::Busy, "asks to be left alone"),
    ];
    for (fault, said) in faults {
        fake.with(|s| s.fault = Some(fault));
        let revoked = fake.with(|s| s.revoked);
        let run = project.rot("run r.rot").code(27).says("ROT718").says(said);
        shows_nothing(&run);
        let new = project.get("k.key");
        assert_eq!(
            fake.with(|s| s.revoked),
            revoked,
            "{fault:?} revoked too early"
        );
        // Nor does a later call of another file.
        project.rot("run other.rot").code(0);
        assert_eq!(
            fake.with(|s| s.revoked),
            revoked,
            "{fault:?} revoked too early"
        );
        let status = project.rot("status").code(27);
        assert!(status.stdout.contains("rot deliver k"), "{}", status.stdout);
        fake.with(|s| s.fault = None);
        shows_nothing(&project.rot("deliver").code(0));
        assert_eq!(
            fake.with(|s| s.service.value()).as_deref(),
            Some(&*new),
            "{fault:?}"
        );
        project.rot("run other.rot").code(0);
        assert_eq!(fake.with(|s| s.revoked), revoked + 1, "{fault:?}");
    }
    // Somebody else writes in the same moment: nothing of either is lost.
    fake.with(|s| s.fault = Some(Fault::Race));
    project.rot("run r.rot").code(0);
    assert_eq!(fake.with(|s| s.service.value()), Some(project.get("k.key")));
    // Nobody is there.
    project.file(
        "r.rot",
        text(kind, 1).replace(
            "127.0.0.1:1/issue",
            &format!("127.0.0.1:{}/issue", fake.port),
        ),
    );
    let revoked = fake.with(|s| s.revoked);
    project.rot("run r.rot").code(27).says("connection refused");
    assert_eq!(fake.with(|s| s.revoked), revoked);
    for (_, content) in project.files() {
        let content = String::from_utf8_lossy(&content).into_owned();
        assert!(!content.contains(CANARY) && !content.contains(TOKEN));
    }
}

#[test]
fn vault_stands_every_fault() {
    stands(&KV, Kv::default());
}

#[test]
fn kubernetes_stands_every_fault() {
    stands(&KUBERNETES, Kubernetes::default());
}

#[test]
fn github_stands_every_fault() {
    stands(&GITHUB, Github::default());
}

#[test]
fn gitlab_stands_every_fault() {
    stands(&GITLAB, Gitlab::default());
}

#[test]
fn secrets_manager_stands_every_fault() {
    stands(&AWS_SECRETS, Aws::default());
}

#[test]
fn parameter_store_stands_every_fault() {
    stands(&AWS_SSM, Aws::default());
}

#[test]
fn google_cloud_stands_every_fault() {
    stands(&GCP, Gcp::default());
}

#[test]
fn azure_stands_every_fault() {
    stands(&AZURE, Azure::default());
}

/// A login page, a proxy or another API answers with success: nothing has arrived, so nothing is revoked.
fn believes_no_other_answer(kind: &Kind, service: impl Service + 'static) {
    let fake = Fake::start(service);
    let project = project(kind, fake.port);
    project.rot("run r.rot").code(0);
    let bodies = [
        ("<html>canary-page</html>", "a page of HTML or XML"),
        ("please log in, canary-page", "a text that is not JSON"),
        ("{}", "an empty JSON object"),
        ("[1,2]", "a JSON list"),
        ("true", "a JSON value that is no object"),
        ("", "an empty body"),
        (kind.other, "another JSON object"),
    ];
    let mut first = true;
    for status in [200, 201] {
        for (body, said) in bodies {
            if kind.bare && status == 201 && matches!(body, "" | "{}") {
                continue;
            }
            fake.with(|s| s.fault = Some(Fault::Answer(status, body)));
            let call = if first { "run r.rot" } else { "deliver" };
            first = false;
            let called = project.rot(call).code(27).says("ROT718");
            let called = called.says(&format!("answers {status} with {said} in place of"));
            assert!(!called.stderr.contains("canary-page"), "{}", called.stderr);
            shows_nothing(&called);
        }
    }
    project.rot("run other.rot").code(0);
    assert_eq!(fake.with(|s| s.revoked), 0, "{}", kind.target);
    fake.with(|s| s.fault = None);
    project.rot("deliver").code(0);
    let new = project.get("k.key");
    assert_eq!(fake.with(|s| s.service.value()).as_deref(), Some(&*new));
    project.rot("run other.rot").code(0);
    assert_eq!(fake.with(|s| s.revoked), 1, "{}", kind.target);
}

#[test]
fn only_the_answer_of_its_kind_is_an_arrival() {
    believes_no_other_answer(&KV, Kv::default());
    believes_no_other_answer(&KUBERNETES, Kubernetes::default());
    believes_no_other_answer(&GITHUB, Github::default());
    believes_no_other_answer(&GITLAB, Gitlab::default());
    believes_no_other_answer(&AWS_SECRETS, Aws::default());
    believes_no_other_answer(&AWS_SSM, Aws::default());
    believes_no_other_answer(&GCP, Gcp::default());
    believes_no_other_answer(&AZURE, Azure::default());
}
