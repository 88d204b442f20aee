//! An exchange: request, what is expected of the answer, what is kept of it. HTTP first; what [`Body`] it has says whether it
//! speaks another protocol, so that effects, answers, retries and recovery are the same in each.

use crate::plan::policy::Destination;
use crate::plan::schedule::Dur;
use crate::plan::{Effect, Expr, JsonPath, Type};
use crate::source::At;
use serde::{Deserialize, Serialize};

pub use crate::syntax::ast::{Protocol, SqlDialect};

/// An exchange with something outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Http {
    /// Upper-case method; of what is not HTTP the step's first word.
    pub method: String,
    /// Absolute URL: `postgres://`, `mysql://`, `redis://` or `exec://` and the name of a program where it is not HTTP.
    pub url: Expr,
    /// Percent-encode what stands in the URL where it must be (Conductor `encode`).
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub encode: bool,
    /// What it changes.
    pub effect: Effect,
    /// Headers in order; a null value leaves the header out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Header>,
    /// Query parameters, added to those in the URL.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<(String, Expr)>,
    /// The `Authorization` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// The body.
    pub body: Body,
    /// How it is signed, when all else of it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign: Option<Box<Sign>>,
    /// Bounds.
    #[serde(default)]
    pub limits: Limits,
    /// What must hold of the answer. Without a status among them any 2xx is expected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<Expect>,
    /// What is kept of the answer. Where `raw_output` is false nothing else is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub captures: Vec<Capture>,
    /// The whole answer is kept as the step's output (a Conductor task without `outputFilter`).
    #[serde(default, skip_serializing_if = "crate::plan::is_false")]
    pub raw_output: bool,
    /// How an answer whose outcome is unknown is cleaned up: lists credentials that carry our tag and revokes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strays: Option<Box<Strays>>,
}

fn yes() -> bool {
    true
}
fn is_yes(value: &bool) -> bool {
    *value
}

/// One request header.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Name as written.
    pub name: String,
    /// Value.
    pub value: Expr,
}

/// How a request is authenticated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// `Authorization: Bearer` (RFC 6750 section 2.1).
    Bearer(Expr),
    /// `Authorization: Basic` of user and password as they are (RFC 7617).
    Basic(Expr, Expr),
    /// `Authorization: Basic` of client id and secret, each form-encoded first (RFC 6749 section 2.3.1).
    Client(Expr, Expr),
    /// The session's user and password (`sql`, `redis`).
    Login(Expr, Expr),
}

/// How a request is signed. Times and signatures belong to the attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// AWS Signature Version 4.
    AwsSigv4 {
        /// Access key id, which is sent.
        key_id: Expr,
        /// Secret access key, which is not.
        secret_key: Expr,
        /// Session token, which is sent in a header.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session_token: Option<Expr>,
        /// Region of the scope.
        region: Expr,
        /// Service of the scope.
        service: Expr,
    },
    /// A keyed hash of a text that names parts of the request.
    Hmac {
        /// Hash.
        algorithm: HmacAlgorithm,
        /// Key, which is not sent.
        key: Expr,
        /// What is signed; `request.method`, `request.path`, `request.query`, `request.body`, `request.body_sha256`,
        /// `request.host` and `request.time` stand for parts of the request.
        text: Expr,
        /// How the hash is written.
        encoding: HmacEncoding,
        /// The header that carries it.
        header: String,
        /// What stands before it in the header.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        prefix: String,
        /// The header that carries `request.time`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        time_header: Option<String>,
    },
    /// A JSON Web Token.
    Jwt(Jwt),
}

/// A JSON Web Token that is made for each attempt ([`Sign::Jwt`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Jwt {
    /// How it is signed.
    pub algorithm: JwtAlgorithm,
    /// Private key (PEM or JWK), or the key of a MAC. It is not sent.
    pub key: Expr,
    /// `kid` of the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<Expr>,
    /// More members of the header, such as `x5t`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<Expr>,
    /// The claims. `iat`, `exp` and `jti` are added where they are not among them.
    pub claims: Expr,
    /// From the attempt to `exp`.
    pub lifetime: Dur,
    /// The member of the form that carries it; the header `Authorization: Bearer` where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

macro_rules! jwt_algorithms {
    ($($name:ident $word:literal),*) => {
        /// How a token is signed (RFC 7518 section 3.1, RFC 8037).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum JwtAlgorithm { $(#[doc = $word] #[serde(rename = $word)] $name),* }

        impl JwtAlgorithm {
            /// Each with its word, which is also what the token says of itself.
            pub const WORDS: &'static [(&'static str, JwtAlgorithm)] = &[$(($word, JwtAlgorithm::$name)),*];

            /// Its word.
            pub fn word(self) -> &'static str {
                match self { $(JwtAlgorithm::$name => $word),* }
            }
        }
    };
}
jwt_algorithms!(
    Rs256 "RS256", Rs384 "RS384", Rs512 "RS512", Ps256 "PS256", Ps384 "PS384", Ps512 "PS512",
    Es256 "ES256", Es384 "ES384", EdDsa "EdDSA", Hs256 "HS256", Hs384 "HS384", Hs512 "HS512"
);

/// The hash of [`Sign::Hmac`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HmacAlgorithm {
    /// SHA-1, which old services ask for.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How the hash of [`Sign::Hmac`] is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HmacEncoding {
    /// Lower-case hexadecimal.
    Hex,
    /// Base64.
    Base64,
}

impl HmacAlgorithm {
    /// Each with its word.
    pub const WORDS: [(&'static str, HmacAlgorithm); 3] = [
        ("sha256", HmacAlgorithm::Sha256),
        ("sha512", HmacAlgorithm::Sha512),
        ("sha1", HmacAlgorithm::Sha1),
    ];
}

impl HmacEncoding {
    /// Each with its word.
    pub const WORDS: [(&'static str, HmacEncoding); 2] =
        [("hex", HmacEncoding::Hex), ("base64", HmacEncoding::Base64)];
}

/// What a program is started with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Program {
    /// Arguments after those of the settings. No secret may stand in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<Expr>,
    /// All of its environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<(String, Expr)>,
    /// What it reads on standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<Expr>,
    /// What stands in the file in memory whose path is [`Root::Variable`](crate::plan::Root::Variable)`("path")`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Expr>,
}

/// The body of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// None.
    None,
    /// JSON text of a value; `Content-Type: application/json`.
    Json(Expr),
    /// `application/x-www-form-urlencoded`; null members are left out.
    Form(Vec<(String, Expr)>),
    /// Text as it is; `Content-Type: text/plain; charset=utf-8` unless a header says otherwise.
    Text(Expr),
    /// Bytes as they are, without a `Content-Type` of ours.
    Raw(Expr),
    /// One SQL statement. The parts of its text that are not written out are quoted: as literals, as identifiers within `name(…)`.
    Statement {
        /// What the server speaks.
        dialect: SqlDialect,
        /// The statement.
        text: Expr,
    },
    /// The words of a Redis command.
    Command(Vec<Expr>),
    /// A local program.
    Program(Box<Program>),
}

/// Bounds on one exchange. Absent: the interpreter's own (connect 5 s, first byte 15 s, all 60 s, body 1 MiB).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Limits {
    /// The whole exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Dur>,
    /// Until the connection stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<Dur>,
    /// Largest body in bytes, at most 16 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<u64>,
    /// How many redirects to the same origin are followed; only for requests that carry no secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow: Option<u8>,
    /// Certificate files that are trusted besides the system's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ca: Vec<String>,
    /// Use the proxy of the environment.
    #[serde(default, skip_serializing_if = "crate::plan::is_false")]
    pub proxy: bool,
}

/// One thing that must hold of the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expect {
    /// What.
    pub what: Expectation,
    /// The clause.
    #[serde(skip)]
    pub at: At,
}

/// What must hold of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expectation {
    /// The status is one of these.
    Status(Vec<StatusPattern>),
    /// A header compares so with a value.
    Header {
        /// Name, in any case.
        name: String,
        /// Comparison.
        operator: super::super::Operator,
        /// With what.
        value: Expr,
    },
    /// What the path finds in the body compares so with a value.
    Body {
        /// Path into the JSON body.
        path: JsonPath,
        /// Comparison.
        operator: super::super::Operator,
        /// With what.
        value: Expr,
    },
}

/// A status, or a family of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusPattern {
    /// `204`
    Exact(u16),
    /// `2xx` as 2.
    Family(u8),
}

impl StatusPattern {
    /// Whether `status` is meant.
    pub fn matches(self, status: u16) -> bool {
        match self {
            StatusPattern::Exact(code) => code == status,
            StatusPattern::Family(family) => status / 100 == u16::from(family),
        }
    }
}

impl std::fmt::Display for StatusPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StatusPattern::Exact(code) => write!(f, "{code}"),
            StatusPattern::Family(family) => write!(f, "{family}xx"),
        }
    }
}

/// One value that is kept of the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    /// Unique in the step.
    pub name: String,
    /// Whether it is a secret. True unless the author wrote `public`; in Conductor JSON, when it stands under `_secrets` or `_masked`.
    pub secret: bool,
    /// Where it is found.
    pub source: CaptureSource,
    /// Its type.
    pub ty: Type,
    /// A missing value is null instead of an error.
    #[serde(default, skip_serializing_if = "crate::plan::is_false")]
    pub optional: bool,
    /// Where it stands in the step's output document (Conductor): `["_secrets", "token"]`. Empty in `.rot`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub place: Vec<String>,
    /// Where the value may be sent, besides the host that it came from and where the secrets may go into which it is stored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<Destination>,
    /// The clause.
    #[serde(skip)]
    pub at: At,
}

/// Where in the answer a value is found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureSource {
    /// In the JSON body.
    Body(JsonPath),
    /// The whole body as text.
    Text,
    /// A header's (first) value.
    Header(String),
    /// The status.
    Status,
    /// An expression over the answer ([`Root::Answer`](crate::plan::Root::Answer)), for Conductor output filters that are more than a path.
    Expr(Expr),
}

/// Listing and revoking what an unanswered call may have left behind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Strays {
    /// Finds them: its single capture is the list of ids that carry our tag.
    pub list: Http,
    /// Revokes one, named [`Root::Variable`](crate::plan::Root::Variable)`("stray")`.
    pub revoke: Http,
}

impl Http {
    /// What it speaks.
    pub fn protocol(&self) -> Protocol {
        match &self.body {
            Body::None | Body::Json(_) | Body::Form(_) | Body::Text(_) | Body::Raw(_) => {
                Protocol::Http
            }
            Body::Statement { dialect, .. } => Protocol::Sql(*dialect),
            Body::Command(_) => Protocol::Redis,
            Body::Program(_) => Protocol::Exec,
        }
    }

    /// A request with nothing but method, URL and effect.
    pub fn new(method: impl Into<String>, url: Expr, effect: Effect) -> Self {
        Self {
            method: method.into(),
            url,
            encode: true,
            effect,
            headers: Vec::new(),
            query: Vec::new(),
            auth: None,
            body: Body::None,
            sign: None,
            limits: Limits::default(),
            expect: Vec::new(),
            captures: Vec::new(),
            raw_output: false,
            strays: None,
        }
    }
}
