//! Runs of the real program against the loopback issuer: reports, exit codes, what is refused, what a later call finds.

mod bound;
mod canary;
mod decisions;
#[cfg(unix)]
mod drain;
mod due;
mod fates;
mod files;
mod healing;
mod identity;
mod inputs;
mod journals;
mod machines;
mod network;
mod one_name;
mod plans;
mod probes;
mod recovery;
mod report;
mod revoking;
mod values;

use crate::support::loopback;
use crate::support::project::Project;
use rot::demo::issuer::{Config, Fault, IssuerHandle, Rule};

/// The rotation that most of these tests run.
const TOKEN: &str = r#"secret appKeyId, appKeySecret to "api.example.com"
secret my_token

rotation my_token {
  description "The token that jobs use"
  every 45m

  http get POST "https://api.example.com/api/token" issues additive {
    json { keyId: secrets.appKeyId, keySecret: secrets.appKeySecret }
    secret token = body $.token
  }

  update my_token = get.token
}
"#;

/// A file with the issuer in place, a project that holds it as `r.rot`, and the application's key in the vault.
fn project(issuer: &IssuerHandle, text: &str) -> Project {
    let project = Project::new();
    project.file("r.rot", loopback::at(issuer, text));
    project
        .set("appKeyId", "demo-key-id")
        .set("appKeySecret", "demo-key-secret");
    project
}

/// An issuer whose token endpoint answers with this body; the call counts as executed.
fn answering(body: &str) -> IssuerHandle {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    loopback::faulty(vec![Rule {
        path: Some("/api/token".to_owned()),
        ..Rule::always(Fault::Answer {
            status: 200,
            headers,
            body: body.to_owned(),
            execute: true,
        })
    }])
}

fn good() -> IssuerHandle {
    loopback::issuer(Config::default())
}
