//! Servers of this machine that behave as the documentation of each service says, as far as a delivery can see, and that fail
//! as they are told. Each also gives out keys and revokes them, so that one server plays a whole life.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto_box::{SecretKey, aead::OsRng};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How the next writes fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Executed, and the connection is closed without an answer.
    Lost,
    /// Not executed; this answer.
    Status(u16),
    /// Not executed; 429 with `Retry-After: 600`.
    Busy,
    /// Not executed, and no answer for longer than the target's `timeout`.
    Slow,
    /// Not executed; something between answers with this.
    Answer(u16, &'static str),
    /// Somebody else writes in the same moment, once.
    Race,
}

/// A request.
pub struct Asked {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Asked {
    fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or(Json::Null)
    }
}

/// A service: what it answers, and what it has.
pub trait Service: Send {
    /// Answers.
    fn answer(&mut self, asked: &Asked) -> (u16, Json);
    /// Whether a request writes the secret.
    fn writes(&self, asked: &Asked) -> bool;
    /// What it has: the value under the name of the test.
    fn value(&self) -> Option<String>;
    /// How many versions there are.
    fn versions(&self) -> usize;
    /// Somebody else writes.
    fn race(&mut self) {}
    /// Somebody changes our value.
    fn drift(&mut self);
}

pub struct State {
    pub fault: Option<Fault>,
    pub service: Box<dyn Service>,
    pub minted: usize,
    pub revoked: usize,
    pub requests: Vec<(String, String)>,
}

/// A server.
pub struct Fake {
    pub port: u16,
    pub state: Arc<Mutex<State>>,
}

impl Fake {
    pub fn start(service: impl Service + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            fault: None,
            service: Box::new(service),
            minted: 0,
            revoked: 0,
            requests: Vec::new(),
        }));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = shared.clone();
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        Self { port, state }
    }

    pub fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap())
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|l| l.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Some(Asked {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body,
    })
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let Some(asked) = read(&stream) else { return };
    let (status, more, body) = {
        let mut state = state.lock().unwrap();
        state
            .requests
            .push((asked.method.clone(), asked.path.clone()));
        if asked.path.starts_with("/issue") {
            issue(&mut state, &asked)
        } else {
            let fault = state.fault.filter(|_| state.service.writes(&asked));
            match fault {
                Some(Fault::Answer(status, body)) => {
                    let _ = write!(
                        stream,
                        "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    return;
                }
                Some(Fault::Status(status)) => (status, "", json!({ "message": "no" })),
                Some(Fault::Busy) => (429, "Retry-After: 600\r\n", json!({})),
                Some(Fault::Lost) => {
                    state.service.answer(&asked);
                    return;
                }
                Some(Fault::Slow) => {
                    drop(state);
                    std::thread::sleep(Duration::from_secs(3));
                    return;
                }
                Some(Fault::Race) => {
                    state.fault = None;
                    state.service.race();
                    let (status, body) = state.service.answer(&asked);
                    (status, "", body)
                }
                None => {
                    let (status, body) = state.service.answer(&asked);
                    (status, "", body)
                }
            }
        }
    };
    let body = body.to_string();
    let _ = write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\n{more}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
}

fn issue(state: &mut State, asked: &Asked) -> (u16, &'static str, Json) {
    if asked.method == "DELETE" {
        state.revoked += 1;
        return (204, "", json!({}));
    }
    state.minted += 1;
    let key = format!("{}-{:04}", super::CANARY, state.minted);
    (
        201,
        "",
        json!({ "key": key, "id": state.minted.to_string() }),
    )
}

fn refused() -> (u16, Json) {
    (401, json!({ "errors": ["no"] }))
}

/// The token that all of them take.
pub const TOKEN: &str = "canary-token-77";

fn bearer(asked: &Asked) -> bool {
    asked.headers.get("authorization") == Some(&format!("Bearer {TOKEN}"))
}

/// Vault's KV version 2: each write names the version that it has seen.
#[derive(Default)]
pub struct Kv {
    pub version: u64,
    pub data: serde_json::Map<String, Json>,
}

impl Service for Kv {
    fn answer(&mut self, asked: &Asked) -> (u16, Json) {
        if asked.path == "/v1/auth/approle/login" {
            let fine = asked.json() == json!({ "role_id": "role", "secret_id": TOKEN });
            return match fine {
                true => (200, json!({ "auth": { "client_token": TOKEN } })),
                false => (400, json!({ "errors": ["invalid role or secret ID"] })),
            };
        }
        if asked.headers.get("x-vault-token").map(String::as_str) != Some(TOKEN) {
            return refused();
        }
        if asked.path != "/v1/secret/data/apps/db" {
            return (404, json!({ "errors": [] }));
        }
        if asked.method == "GET" {
            return match self.version {
                0 => (404, json!({ "errors": [] })),
                version => (
                    200,
                    json!({ "data": { "data": self.data, "metadata": { "version": version } } }),
                ),
            };
        }
        let body = asked.json();
        if body.pointer("/options/cas").and_then(Json::as_u64) != Some(self.version) {
            let why = "check-and-set parameter did not match the current version";
            return (400, json!({ "errors": [why] }));
        }
        self.version += 1;
        self.data = body["data"].as_object().unwrap().clone();
        (200, json!({ "data": { "version": self.version } }))
    }

    fn writes(&self, asked: &Asked) -> bool {
        asked.method == "POST" && !asked.path.ends_with("/login")
    }

    fn value(&self) -> Option<String> {
        self.data.get("key")?.as_str().map(str::to_owned)
    }

    fn versions(&self) -> usize {
        self.version as usize
    }

    fn race(&mut self) {
        self.version += 1;
        self.data.insert("theirs".to_owned(), "kept".into());
    }

    fn drift(&mut self) {
        self.data.insert("key".to_owned(), "other".into());
    }
}

/// An API server with one Secret: server-side apply with owners of keys.
#[derive(Default)]
pub struct Kubernetes {
    pub version: u64,
    pub data: BTreeMap<String, String>,
    pub owners: BTreeMap<String, String>,
    pub annotations: serde_json::Map<String, Json>,
    pub restarts: Vec<Json>,
    pub immutable: bool,
}

impl Kubernetes {
    fn secret(&self, version: u64) -> Json {
        json!({
            "kind": "Secret",
            "metadata": { "name": "key", "resourceVersion": version.to_string(), "annotations": self.annotations },
            "data": self.data,
            "immutable": self.immutable,
        })
    }
}

impl Service for Kubernetes {
    fn answer(&mut self, asked: &Asked) -> (u16, Json) {
        if !bearer(asked) {
            return refused();
        }
        let body = asked.json();
        if asked.path == "/apis/apps/v1/namespaces/apps/deployments/web" {
            let kind = asked.headers.get("content-type").unwrap();
            assert_eq!(kind, "application/strategic-merge-patch+json");
            let note = body["spec"]["template"]["metadata"]["annotations"].clone();
            if self.restarts.last() != Some(&note) {
                self.restarts.push(note);
            }
            return (
                200,
                json!({ "kind": "Deployment", "metadata": { "name": "web" } }),
            );
        }
        if asked.path != "/api/v1/namespaces/apps/secrets/key" {
            return (404, json!({ "kind": "Status" }));
        }
        if asked.method == "GET" {
            return match self.version {
                0 => (404, json!({ "kind": "Status" })),
                version => (200, self.secret(version)),
            };
        }
        assert_eq!(asked.method, "PATCH");
        assert_eq!(
            asked.headers.get("content-type").unwrap(),
            "application/apply-patch+yaml"
        );
        assert!(body.get("stringData").is_none());
        let seen = body.pointer("/metadata/resourceVersion");
        if seen.is_some_and(|seen| seen.as_str() != Some(&self.version.to_string())) {
            return (409, json!({ "kind": "Status", "reason": "Conflict" }));
        }
        let manager = asked.query.split("fieldManager=").nth(1).unwrap();
        let manager = manager.split('&').next().unwrap().to_owned();
        let applied = body["data"].as_object().unwrap();
        let foreign = applied.iter().find(|(key, value)| {
            let owner = self.owners.get(*key);
            owner.is_some_and(|owner| *owner != manager)
                && self.data.get(*key).map(String::as_str) != value.as_str()
        });
        if foreign.is_some() && !asked.query.contains("force=true") {
            let cause = json!({ "reason": "FieldManagerConflict", "field": ".data.key" });
            return (
                409,
                json!({ "kind": "Status", "reason": "Conflict", "details": { "causes": [cause] } }),
            );
        }
        // What this manager applied before and does not name any more goes.
        let own: Vec<String> = self
            .owners
            .iter()
            .filter(|(_, o)| **o == manager)
            .map(|(k, _)| k.clone())
            .collect();
        for key in own.iter().filter(|key| !applied.contains_key(*key)) {
            self.data.remove(key);
            self.owners.remove(key);
        }
        for (key, value) in applied {
            self.data
                .insert(key.clone(), value.as_str().unwrap().to_owned());
            self.owners.insert(key.clone(), manager.clone());
        }
        for (key, value) in body["metadata"]["annotations"].as_object().unwrap() {
            self.annotations.insert(key.clone(), value.clone());
        }
        self.version += 1;
        (200, self.secret(self.version))
    }

    fn writes(&self, asked: &Asked) -> bool {
        asked.method == "PATCH" && asked.path.contains("/secrets/")
    }

    fn value(&self) -> Option<String> {
        let bytes = STANDARD.decode(self.data.get("key")?).unwrap();
        Some(String::from_utf8(bytes).unwrap())
    }

    fn versions(&self) -> usize {
        self.version as usize
    }

    fn race(&mut self) {
        self.version += 1;
        self.data
            .insert("theirs".to_owned(), STANDARD.encode("kept"));
        self.owners
            .insert("theirs".to_owned(), "kubectl".to_owned());
    }

    fn drift(&mut self) {
        self.version += 1;
        self.data.insert("key".to_owned(), STANDARD.encode("other"));
    }
}

/// GitHub's secrets of a repository, sealed for a key that may change.
pub struct Github {
    pub key: SecretKey,
    pub id: u64,
    pub secrets: BTreeMap<String, Vec<u8>>,
    pub writes: usize,
    pub updated_at: String,
}

impl Default for Github {
    fn default() -> Self {
        Self {
            key: SecretKey::generate(&mut OsRng),
            id: 1,
            secrets: BTreeMap::new(),
            writes: 0,
            updated_at: "2020-01-01T00:00:00Z".to_owned(),
        }
    }
}

impl Service for Github {
    fn answer(&mut self, asked: &Asked) -> (u16, Json) {
        if !bearer(asked) {
            return refused();
        }
        let Some(name) = asked
            .path
            .strip_prefix("/repos/octo/reports/actions/secrets/")
        else {
            return (404, json!({ "message": "Not Found" }));
        };
        if name == "public-key" {
            let key = STANDARD.encode(self.key.public_key().as_bytes());
            return (200, json!({ "key_id": self.id.to_string(), "key": key }));
        }
        if asked.method == "GET" {
            return match self.secrets.contains_key(name) {
                true => (200, json!({ "name": name, "updated_at": self.updated_at })),
                false => (404, json!({ "message": "Not Found" })),
            };
        }
        let body = asked.json();
        if body["key_id"].as_str() != Some(&self.id.to_string()) {
            return (422, json!({ "message": "Validation Failed" }));
        }
        let sealed = STANDARD
            .decode(body["encrypted_value"].as_str().unwrap())
            .unwrap();
        let Ok(value) = self.key.unseal(&sealed) else {
            return (422, json!({ "message": "Validation Failed" }));
        };
        self.writes += 1;
        match self.secrets.insert(name.to_owned(), value) {
            Some(_) => (204, json!({})),
            None => (201, json!({})),
        }
    }

    fn writes(&self, asked: &Asked) -> bool {
        asked.method == "PUT"
    }

    fn value(&self) -> Option<String> {
        Some(String::from_utf8(self.secrets.get("KEY")?.clone()).unwrap())
    }

    fn versions(&self) -> usize {
        self.writes
    }

    fn race(&mut self) {
        self.key = SecretKey::generate(&mut OsRng);
        self.id += 1;
    }

    fn drift(&mut self) {
        self.updated_at = "2999-01-01T00:00:00Z".to_owned();
    }
}

/// GitLab's variables of a project: several of one name, told apart by their scope.
#[derive(Default)]
pub struct Gitlab {
    pub variables: BTreeMap<(String, String), Json>,
    pub writes: usize,
}

impl Service for Gitlab {
    fn answer(&mut self, asked: &Asked) -> (u16, Json) {
        if asked.headers.get("private-token").map(String::as_str) != Some(TOKEN) {
            return refused();
        }
        let Some(rest) = asked
            .path
            .strip_prefix("/api/v4/projects/octo%2Freports/variables")
        else {
            return (404, json!({ "message": "404 Project Not Found" }));
        };
        let body = asked.json();
        let scope = match asked.query.split_once("filter%5Benvironment_scope%5D=") {
            Some((_, scope)) => scope.replace("%2A", "*"),
            None => body["environment_scope"].as_str().unwrap_or("*").to_owned(),
        };
        let name = rest.trim_start_matches('/').to_owned();
        match asked.method.as_str() {
            "POST" => {
                let name = body["key"].as_str().unwrap().to_owned();
                self.writes += 1;
                self.variables.insert((name, scope), body.clone());
                (201, body)
            }
            method => match self.variables.get_mut(&(name.clone(), scope)) {
                None => (404, json!({ "message": "404 Variable Not Found" })),
                Some(there) if method == "PUT" => {
                    assert_eq!(body["raw"], true);
                    self.writes += 1;
                    *there = body;
                    there["key"] = name.into();
                    (200, there.clone())
                }
                Some(there) => (200, there.clone()),
            },
        }
    }

    fn writes(&self, asked: &Asked) -> bool {
        matches!(asked.method.as_str(), "PUT" | "POST")
    }

    fn value(&self) -> Option<String> {
        let there = self.variables.get(&("KEY".to_owned(), "*".to_owned()))?;
        there["value"].as_str().map(str::to_owned)
    }

    fn versions(&self) -> usize {
        self.writes
    }

    fn drift(&mut self) {
        for one in self.variables.values_mut() {
            one["value"] = "other".into();
        }
    }
}

/// AWS: Secrets Manager and Parameter Store. Signatures are checked by moto, in a test of its own.
#[derive(Default)]
pub struct Aws {
    pub versions: Vec<(String, String)>,
    /// Which of them is current.
    pub current: usize,
}

impl Service for Aws {
    fn answer(&mut self, asked: &Asked) -> (u16, Json) {
        let signed = asked
            .headers
            .get("authorization")
            .cloned()
            .unwrap_or_default();
        if !signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIA/") {
            return (400, json!({ "__type": "UnrecognizedClientException" }));
        }
        let body = asked.json();
        let action = asked.headers.get("x-amz-target").unwrap();
        let action = action.split('.').nth(1).unwrap();
        let newest = self.versions.get(self.current);
        let newest = newest.map(|(id, value)| (id.clone(), value.clone()));
        let lacks = |name: &str| (400, json!({ "__type": format!("com.amazonaws#{name}") }));
        match (action, newest) {
            ("GetSecretValue", Some((id, value))) => {
                (200, json!({ "SecretString": value, "VersionId": id }))
            }
            ("UpdateSecretVersionStage", Some((id, _))) => {
                assert_eq!(body["VersionStage"], "AWSCURRENT");
                if body["RemoveFromVersionId"] != id {
                    return lacks("InvalidParameterException");
                }
                let to = body["MoveToVersionId"].as_str().unwrap();
                self.current = self.versions.iter().position(|(id, _)| id == to).unwrap();
                (200, json!({ "ARN": "arn:aws:x", "Name": "prod/key" }))
            }
            ("GetParameter", Some((_, value))) => (200, json!({ "Parameter": { "Value": value } })),
            ("GetParameter", None) => lacks("ParameterNotFound"),
            ("GetSecretValue", None) => lacks("ResourceNotFoundException"),
            ("PutSecretValue", None) => lacks("ResourceNotFoundException"),
            ("PutSecretValue" | "CreateSecret", _) => {
                let token = body["ClientRequestToken"].as_str().unwrap().to_owned();
                let value = body["SecretString"].as_str().unwrap().to_owned();
                match self.versions.iter().find(|(known, _)| *known == token) {
                    Some((_, known)) if *known != value => lacks("ResourceExistsException"),
                    Some(_) => (200, json!({ "ARN": "arn:aws:x", "VersionId": token })),
                    None => {
                        self.current = self.versions.len();
                        self.versions.push((token.clone(), value));
                        (200, json!({ "ARN": "arn:aws:x", "VersionId": token }))
                    }
                }
            }
            ("PutParameter", _) => {
                assert_eq!(body["Type"], "SecureString");
                let value = body["Value"].as_str().unwrap().to_owned();
                self.current = self.versions.len();
                self.versions.push((String::new(), value));
                (200, json!({ "Version": self.versions.len() }))
            }
            _ => (400, json!({ "__type": "InvalidAction" })),
        }
    }

    fn writes(&self, asked: &Asked) -> bool {
        let action = asked.headers.get("x-amz-target").unwrap();
        !action.contains(".Get")
    }

    fn value(&self) -> Option<String> {
        let current = self.versions.get(self.current);
        current.map(|(_, value)| value.clone())
    }

    fn versions(&self) -> usize {
        self.versions.len()
    }

    fn drift(&mut self) {
        self.current = self.versions.len();
        self.versions
            .push(("theirs".to_owned(), "other".to_owned()));
    }
}

/// Google Cloud Secret Manager: a secret that has to be made before it takes versions.
#[derive(Default)]
pub struct Gcp {
    pub there: bool,
    pub versions: Vec<String>,
}

impl Service for Gcp {
    fn answer(&mut self, asked: &Asked) -> (u16, Json) {
        if asked.path == "/token" {
            let body = String::from_utf8_lossy(&asked.body).into_owned();
            let fine = body
                .contains("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer")
                && body.contains("&assertion=ey");
            return match fine {
                true => (
                    200,
                    json!({ "access_token": TOKEN, "token_type": "Bearer" }),
                ),
                false => (400, json!({ "error": "invalid_grant" })),
            };
        }
        if !bearer(asked) {
            return refused();
        }
        match (asked.method.as_str(), asked.path.as_str()) {
            ("POST", "/v1/projects/p/secrets") => {
                assert_eq!(asked.query, "secretId=key");
                self.there = true;
                (200, json!({}))
            }
            ("POST", "/v1/projects/p/secrets/key:addVersion") if self.there => {
                let data = asked.json()["payload"]["data"].as_str().unwrap().to_owned();
                self.versions
                    .push(String::from_utf8(STANDARD.decode(data).unwrap()).unwrap());
                let number = self.versions.len();
                let name = format!("projects/4711/secrets/key/versions/{number}");
                (200, json!({ "name": name, "state": "ENABLED" }))
            }
            ("GET", "/v1/projects/p/secrets/key/versions/latest:access") => {
                match self.versions.last() {
                    Some(value) => (
                        200,
                        json!({ "payload": { "data": STANDARD.encode(value) } }),
                    ),
                    None => (404, json!({})),
                }
            }
            _ => (404, json!({})),
        }
    }

    fn writes(&self, asked: &Asked) -> bool {
        asked.method == "POST" && asked.path != "/token"
    }

    fn value(&self) -> Option<String> {
        self.versions.last().cloned()
    }

    fn versions(&self) -> usize {
        self.versions.len()
    }

    fn drift(&mut self) {
        self.versions.push("other".to_owned());
    }
}

/// Azure Key Vault, and the endpoint that gives out tokens for it.
#[derive(Default)]
pub struct Azure {
    pub versions: Vec<String>,
}

impl Service for Azure {
    fn answer(&mut self, asked: &Asked) -> (u16, Json) {
        if asked.path == "/tenant-1/oauth2/v2.0/token" {
            let body = String::from_utf8_lossy(&asked.body).into_owned();
            return match body.contains(&format!("client_secret={TOKEN}")) {
                true => (200, json!({ "access_token": TOKEN })),
                false => (401, json!({ "error": "invalid_client" })),
            };
        }
        if !bearer(asked) {
            return refused();
        }
        if asked.path != "/secrets/key" || asked.query != "api-version=7.4" {
            return (404, json!({}));
        }
        match (asked.method.as_str(), self.versions.last()) {
            ("GET", Some(value)) => (200, json!({ "value": value })),
            ("GET", None) => (404, json!({})),
            _ => {
                let value = asked.json()["value"].as_str().unwrap().to_owned();
                self.versions.push(value);
                let id = format!(
                    "https://vault-1.vault.azure.net/secrets/key/{}",
                    self.versions.len()
                );
                (200, json!({ "id": id }))
            }
        }
    }

    fn writes(&self, asked: &Asked) -> bool {
        asked.method == "PUT"
    }

    fn value(&self) -> Option<String> {
        self.versions.last().cloned()
    }

    fn versions(&self) -> usize {
        self.versions.len()
    }

    fn drift(&mut self) {
        self.versions.push("other".to_owned());
    }
}
