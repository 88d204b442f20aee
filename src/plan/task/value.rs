//! Steps that make or show values without an effect outside.

use crate::plan::Expr;
use serde::{Deserialize, Serialize};

/// A name for a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Let {
    /// The name; unique in the rotation.
    pub name: String,
    /// The value.
    pub value: Expr,
}

/// Sets entries of `workflow.variables`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetVariables {
    /// Names and values; a value may be masked (under `_secrets` or `_masked`).
    pub values: Vec<(String, Expr)>,
}

/// A line for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Log {
    /// The line.
    pub message: Expr,
}

/// Ends the run as failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fail {
    /// Why, for people.
    pub message: Expr,
    /// What is put out all the same: who calls the rotation may go on without it (Conductor, a TERMINATE with `workflowOutput`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Expr>,
}

/// Ends the run as done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stop {
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Expr>,
    /// The run's output instead of the rotation's own (Conductor `workflowOutput`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Expr>,
}

/// A new random value. Captures: `value`; for key pairs `private_key` and `public_key`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generate {
    /// What is made.
    pub generator: Generator,
}

/// Kinds of generated value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Generator {
    /// Characters drawn evenly.
    Password {
        /// Number of characters.
        length: u32,
        /// From which.
        alphabet: Alphabet,
        /// But not these.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        exclude: String,
    },
    /// Bytes in lower-case hexadecimal.
    Hex {
        /// Number of random bytes.
        bytes: u32,
    },
    /// Bytes in base64 (standard alphabet, padded).
    Base64 {
        /// Number of random bytes.
        bytes: u32,
    },
    /// A version 4 UUID.
    Uuid,
    /// An Ed25519 key pair: PKCS#8 PEM and SPKI PEM.
    Ed25519,
    /// An Ed25519 key pair as OpenSSH keeps it: its private key format, and a line of `authorized_keys`.
    Openssh {
        /// The comment of both.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        comment: String,
    },
    /// An RSA key pair: PKCS#8 PEM and SPKI PEM.
    Rsa {
        /// Size of the modulus: 2048, 3072 or 4096.
        bits: u32,
    },
    /// An X25519 key pair: raw keys in base64.
    X25519,
}

/// From which characters a password is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alphabet {
    /// Letters, digits and punctuation of ASCII.
    Ascii,
    /// Letters and digits.
    Alphanumeric,
    /// These.
    Custom(String),
}

/// A kind of generated value as it is written.
pub struct GeneratorWord {
    /// The word behind the name.
    pub word: &'static str,
    /// Its options, each with what it is.
    pub options: &'static [(&'static str, &'static str)],
    /// What it makes.
    pub doc: &'static str,
}

/// All kinds of generated value, in the order of the reference.
pub const GENERATORS: [GeneratorWord; 7] = [
    GeneratorWord {
        word: "password",
        options: &[
            ("length", "number of characters, 8 to 1024; 32 unless said"),
            (
                "alphabet",
                "`\"ascii\"` (letters, digits, punctuation; unless said), `\"alphanumeric\"`, or the characters themselves",
            ),
            ("exclude", "characters that are not drawn"),
        ],
        doc: "characters drawn evenly",
    },
    GeneratorWord {
        word: "hex",
        options: &[(
            "bytes",
            "number of random bytes, 16 to 1024; 32 unless said",
        )],
        doc: "random bytes in lower-case hexadecimal",
    },
    GeneratorWord {
        word: "base64",
        options: &[(
            "bytes",
            "number of random bytes, 16 to 1024; 32 unless said",
        )],
        doc: "random bytes in base64",
    },
    GeneratorWord {
        word: "uuid",
        options: &[],
        doc: "a version 4 UUID",
    },
    GeneratorWord {
        word: "ed25519",
        options: &[
            (
                "format",
                "`\"pkcs8\"` (PEM, the public key as SPKI; unless said) or `\"openssh\"` (its private key format, the public key as a line of `authorized_keys`)",
            ),
            ("comment", "the comment of an OpenSSH key"),
        ],
        doc: "a key pair for signatures",
    },
    GeneratorWord {
        word: "rsa",
        options: &[("bits", "2048, 3072 (unless said) or 4096")],
        doc: "a key pair, PKCS#8 and SPKI in PEM",
    },
    GeneratorWord {
        word: "x25519",
        options: &[],
        doc: "a key pair for key agreement (WireGuard), raw keys in base64",
    },
];

impl Generator {
    /// The word in the language.
    pub fn word(&self) -> &'static str {
        match self {
            Generator::Password { .. } => "password",
            Generator::Hex { .. } => "hex",
            Generator::Base64 { .. } => "base64",
            Generator::Uuid => "uuid",
            Generator::Ed25519 | Generator::Openssh { .. } => "ed25519",
            Generator::Rsa { .. } => "rsa",
            Generator::X25519 => "x25519",
        }
    }

    /// The captures it has: names, and whether each is secret.
    pub fn captures(&self) -> &'static [(&'static str, bool)] {
        match self {
            Generator::Ed25519
            | Generator::Openssh { .. }
            | Generator::Rsa { .. }
            | Generator::X25519 => &[("private_key", true), ("public_key", false)],
            _ => &[("value", true)],
        }
    }
}
