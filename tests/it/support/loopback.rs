//! The built-in issuer in the place of a real one.

use rot::demo::issuer::{Config, Issuer, IssuerHandle, Kind, Rule};

/// Starts an issuer.
pub fn issuer(config: Config) -> IssuerHandle {
    Issuer::spawn(config).unwrap()
}

/// Starts an issuer that misbehaves.
pub fn faulty(faults: Vec<Rule>) -> IssuerHandle {
    issuer(Config {
        faults,
        ..Config::default()
    })
}

/// Where `rot demo --serve` listens.
const PRACTICE: &str = "http://127.0.0.1:8555";

/// A text with this issuer in the place of each host of the examples.
pub fn at(issuer: &IssuerHandle, text: &str) -> String {
    [
        "conductor-server.orkesconductor.io",
        "gitlab.example.com",
        "api.example.com",
    ]
    .iter()
    .fold(text.replace(PRACTICE, &issuer.base_url), |text, host| {
        text.replace(&format!("https://{host}"), &issuer.base_url)
            .replace(&format!("\"{host}\""), "\"127.0.0.1\"")
    })
}

/// How many requests came with this method and path.
pub fn calls(issuer: &IssuerHandle, method: &str, path: &str) -> usize {
    issuer
        .state()
        .requests
        .iter()
        .filter(|(r, _)| r.method == method && r.path == path)
        .count()
}

/// Whether a value is good at the issuer now.
pub fn is_live(issuer: &IssuerHandle, kind: Kind, value: &str) -> bool {
    issuer.state().live(kind, value).is_some()
}
