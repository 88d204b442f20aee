//! Expressions, with every name resolved.

pub use crate::syntax::Operator;

use super::{JsonPath, Type, schedule::Dur};
use crate::source::At;
use serde::{Deserialize, Serialize};

/// An expression with its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    #[serde(skip)]
    pub at: At,
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExprKind {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A number as its digits.
    Number(String),
    /// A literal text.
    String(String),
    /// A length of time.
    Duration(Dur),
    /// A list.
    List(Vec<Expr>),
    /// An object; keys are literal, in order.
    Object(Vec<(String, Expr)>),
    /// Text put together from parts. In `.rot` a part that is null is an error; in Conductor JSON it is the word `null`,
    /// and objects take Java's form.
    Template(Vec<Expr>),
    /// A name.
    Ref(Root),
    /// A member of an object; missing is an error in `.rot`, null in Conductor JSON.
    Field(Box<Expr>, String),
    /// An element of a list; negative counts from the end.
    Index(Box<Expr>, i64),
    /// What a JSONPath finds in a value, by Conductor's rules (definite: value or null; else a list).
    Path(Box<Expr>, JsonPath),
    /// A function.
    Call(Function, Vec<Expr>),
    /// An operator.
    Binary(Operator, Box<Expr>, Box<Expr>),
    /// Negation of a bool.
    Not(Box<Expr>),
    /// A value that the author releases as public, and why.
    Reveal {
        /// What is released.
        value: Box<Expr>,
        /// Why that is right.
        reason: String,
    },
}

/// A resolved name: what it stands for. Steps are named by their unique name in the rotation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Root {
    /// A version of a secret, or one of its fields.
    Secret {
        /// Vault name.
        name: String,
        /// Field of a record, or (Conductor) a path into a JSON value.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        field: Option<String>,
        /// Which version.
        version: Version,
    },
    /// A declared input. Conductor may name one that is not declared; that is null when not passed.
    Input(String),
    /// The whole input object (Conductor `${workflow.input}`).
    Inputs,
    /// A `let`.
    Let(String),
    /// A `workflow.variables` entry (Conductor) or a loop variable.
    Variable(String),
    /// What a step captured.
    Capture {
        /// Step name.
        step: String,
        /// Capture name.
        name: String,
    },
    /// The whole output of a Conductor task, as its own document (`response.body…`, `_secrets…`).
    Output(String),
    /// A field of a Conductor task other than its output (`status`, `input`, …).
    TaskField {
        /// Step name.
        step: String,
        /// Field.
        field: String,
    },
    /// An environment variable.
    Env(String),
    /// Something about this run.
    Run(RunField),
    /// The answer of the request whose captures are being evaluated: `{"response": {...}}` in Conductor's form.
    Answer,
}

/// Which version of a secret a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Version {
    /// The one in use.
    Current,
    /// The staged one.
    Pending,
    /// The one before.
    Previous,
}

impl Version {
    /// The root name in `.rot`.
    pub fn root(self) -> &'static str {
        match self {
            Version::Current => "secrets",
            Version::Pending => "pending",
            Version::Previous => "previous",
        }
    }
}

/// What is known of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunField {
    /// Run id (UUIDv7), also the version id and the tag.
    Id,
    /// When it began.
    StartedAt,
    /// When it was due; equal to the start of a run by hand.
    ScheduledAt,
    /// Rotation name (Conductor `workflow.workflowType`).
    Rotation,
    /// Conductor `workflow.status`.
    Status,
    /// Conductor `workflow.version`.
    Version,
    /// Conductor `workflow.correlationId`.
    CorrelationId,
    /// Why it failed, in `on failure` (Conductor `workflow.reasonForIncompletion`).
    Reason,
    /// When it is asked: the age of a signed token. Not in `.rot`, where a resumed run computes the same again.
    Now,
}

impl RunField {
    /// The word after `run.`.
    pub fn as_str(self) -> &'static str {
        match self {
            RunField::Id => "id",
            RunField::StartedAt => "started_at",
            RunField::ScheduledAt => "scheduled_at",
            RunField::Rotation => "rotation",
            RunField::Status => "status",
            RunField::Version => "version",
            RunField::CorrelationId => "correlation_id",
            RunField::Reason => "reason",
            RunField::Now => "now",
        }
    }

    /// The fields that `.rot` may name.
    pub const WORDS: [RunField; 5] = [
        RunField::Id,
        RunField::StartedAt,
        RunField::ScheduledAt,
        RunField::Rotation,
        RunField::Reason,
    ];
}

macro_rules! functions {
    ($($variant:ident $name:literal ($($arg:ident),*) -> $ret:ident, $derivation:ident, $doc:literal;)*) => {
        /// Built-in functions.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Function { $(#[doc = $doc] $variant),* }

        impl Function {
            /// All of them.
            pub const ALL: &'static [Function] = &[$(Function::$variant),*];
            /// The name in the language.
            pub fn name(self) -> &'static str { match self { $(Function::$variant => $name),* } }
            /// Parameter types.
            pub fn parameters(self) -> &'static [Type] { match self { $(Function::$variant => &[$(Type::$arg),*]),* } }
            /// Result type.
            pub fn returns(self) -> Type { match self { $(Function::$variant => Type::$ret),* } }
            /// What becomes of the secrets in its arguments.
            pub fn derivation(self) -> super::Derivation { match self { $(Function::$variant => super::Derivation::$derivation),* } }
            /// One line of documentation.
            pub fn doc(self) -> &'static str { match self { $(Function::$variant => $doc),* } }
        }
    };
}

functions! {
    Base64 "base64" (Any) -> String, Encoded, "Base64 with the standard alphabet and padding (RFC 4648 section 4).";
    Base64Url "base64url" (Any) -> String, Encoded, "Base64 with the URL alphabet, no padding (RFC 4648 section 5).";
    Base64Decode "base64_decode" (String) -> String, Encoded, "The text behind base64 of either alphabet; an error when it is not UTF-8.";
    UrlEncode "urlencode" (String) -> String, Encoded, "Percent-encoding of all but unreserved characters (RFC 3986 section 2.3).";
    Hex "hex" (Any) -> String, Encoded, "Lower-case hexadecimal of the bytes.";
    Json "json" (Any) -> String, Encoded, "The JSON text of a value, without blanks.";
    ParseJson "parse_json" (String) -> Json, Part, "The value of a JSON text.";
    Lower "lower" (String) -> String, Opaque, "Lower case.";
    Upper "upper" (String) -> String, Opaque, "Upper case.";
    Trim "trim" (String) -> String, Part, "Without blanks at both ends.";
    Split "split" (String, String) -> Json, Part, "The list of parts between separators.";
    Sha256 "sha256" (Any) -> String, Opaque, "SHA-256 as lower-case hexadecimal.";
    HmacSha256 "hmac_sha256" (Any, Any) -> String, Opaque, "HMAC-SHA-256 (key, text) as lower-case hexadecimal.";
    HmacSha256Bytes "hmac_sha256_bytes" (Any, Any) -> Bytes, Opaque, "HMAC-SHA-256 (key, text) as bytes, for a hash that is the key of another.";
    Sha256Bytes "sha256_bytes" (Any) -> Bytes, Opaque, "SHA-256 as bytes.";
    HexDecode "hex_decode" (String) -> Bytes, Encoded, "The bytes behind hexadecimal digits.";
    Base64Bytes "base64_bytes" (String) -> Bytes, Encoded, "The bytes behind base64 of either alphabet.";
    ScramSha256 "scram_sha_256" (String) -> String, Opaque, "A SCRAM-SHA-256 verifier as PostgreSQL stores it (RFC 5803); its salt is the run's, so that a resumed run makes the same.";
    Bcrypt "bcrypt" (String) -> String, Opaque, "A bcrypt hash (`$2y$`, 2^10 rounds) as htpasswd and web servers keep it; of at most 72 bytes, the salt is the run's.";
    Sha512Crypt "sha512_crypt" (String) -> String, Opaque, "A `$6$` hash as /etc/shadow has it; the salt is the run's.";
    Ssha "ssha" (String) -> String, Opaque, "A salted SHA-1 hash as LDAP servers keep it in `userPassword` (`{SSHA}`); the salt is the run's.";
    RabbitmqHash "rabbitmq_hash" (String) -> String, Opaque, "A salted SHA-256 hash as RabbitMQ takes it in `password_hash`; the salt is the run's.";
    MysqlNative "mysql_native" (String) -> String, Opaque, "The hash of `mysql_native_password` (MySQL, MariaDB): `*` and SHA-1 of SHA-1; it has no salt.";
    Base32 "base32" (Any) -> String, Encoded, "Base32 with padding (RFC 4648 section 6).";
    Base32Bytes "base32_bytes" (String) -> Bytes, Encoded, "The bytes behind base32 in either case, with or without padding: the key of a TOTP.";
    Name "name" (String) -> String, Encoded, "An SQL identifier in its quotes, for `statement`.";
    Next "next" (Any, Any) -> Any, Whole, "The element of a list behind a value, the first where there is none or the value is not in it: the slot that is not in use.";
    Date "date" (Time) -> String, Whole, "The date of a time in UTC: 2026-11-23.";
    Rfc3339 "rfc3339" (Time) -> String, Whole, "A time as RFC 3339 in UTC.";
    Epoch "epoch" (Time) -> Int, Whole, "Seconds since 1970.";
    Time "time" (Any) -> Time, Part, "A time from RFC 3339 text, a date, or epoch seconds.";
    Text "text" (Any) -> String, Whole, "A value as text.";
    Length "length" (Any) -> Int, Opaque, "Number of characters of a text, of elements of a list, of members of an object.";
    Member "member" (Any, Any) -> Json, Part, "The member of an object, or the element of a list, whose name is computed; null where there is none.";
    Jq "jq" (String, Any) -> Json, Opaque, "The list of results of a jq program over a value.";
    JavaScript "javascript" (String, Any) -> Json, Opaque, "The value of a script in which `$` is a value; no input or output, bounded in time and memory.";
    SignJwt "sign_jwt" (Any, Any, Any) -> String, Opaque, "A JSON Web Token (RFC 7519) of claims, signed by RS256 with a PKCS#8 private key (PEM); the third is the key id or null.";
    IsSet "is_set" (Any) -> Bool, Opaque, "Whether a value is neither null nor blank.";
}

impl Function {
    /// Finds a function by name.
    pub fn find(name: &str) -> Option<Function> {
        Function::ALL.iter().copied().find(|f| f.name() == name)
    }
}

impl Expr {
    /// An expression at a place.
    pub fn new(kind: ExprKind, at: impl Into<At>) -> Self {
        Self {
            kind,
            at: at.into(),
        }
    }

    /// A literal text without a place.
    pub fn string(text: impl Into<String>) -> Self {
        Self::new(ExprKind::String(text.into()), At::NOWHERE)
    }

    /// A name.
    pub fn root(root: Root, at: impl Into<At>) -> Self {
        Self::new(ExprKind::Ref(root), at)
    }

    /// The text of a literal string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::String(text) => Some(text),
            _ => None,
        }
    }

    /// Calls `visit` on this expression and all below it, parents first.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        visit(self);
        for child in self.children() {
            child.walk(visit);
        }
    }

    /// The expressions directly below.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Number(_)
            | ExprKind::String(_)
            | ExprKind::Duration(_)
            | ExprKind::Ref(_) => Vec::new(),
            ExprKind::List(items) | ExprKind::Template(items) | ExprKind::Call(_, items) => {
                items.iter().collect()
            }
            ExprKind::Object(members) => members.iter().map(|(_, value)| value).collect(),
            ExprKind::Field(inner, _)
            | ExprKind::Index(inner, _)
            | ExprKind::Path(inner, _)
            | ExprKind::Not(inner)
            | ExprKind::Reveal { value: inner, .. } => vec![inner],
            ExprKind::Binary(_, left, right) => vec![left, right],
        }
    }

    /// As [`Expr::children`], to change them.
    pub fn children_mut(&mut self) -> Vec<&mut Expr> {
        match &mut self.kind {
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Number(_)
            | ExprKind::String(_)
            | ExprKind::Duration(_)
            | ExprKind::Ref(_) => Vec::new(),
            ExprKind::List(items) | ExprKind::Template(items) | ExprKind::Call(_, items) => {
                items.iter_mut().collect()
            }
            ExprKind::Object(members) => members.iter_mut().map(|(_, value)| value).collect(),
            ExprKind::Field(inner, _)
            | ExprKind::Index(inner, _)
            | ExprKind::Path(inner, _)
            | ExprKind::Not(inner)
            | ExprKind::Reveal { value: inner, .. } => vec![inner],
            ExprKind::Binary(_, left, right) => vec![left, right],
        }
    }
}
