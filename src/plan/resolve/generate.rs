//! What `generate` makes: its kinds with their options.

use super::steps::literal_text;
use super::{Resolver, errors};
use crate::diagnostic::codes;
use crate::plan::task::{Alphabet, Generator};
use crate::syntax::ast::{self, Name};

impl Resolver {
    pub(super) fn generator(
        &mut self,
        kind: &Name,
        options: &[(Name, ast::Expr)],
    ) -> Option<Generator> {
        const KINDS: [&str; 7] = [
            "password", "hex", "base64", "uuid", "ed25519", "rsa", "x25519",
        ];
        let allowed: &[&str] = match kind.text.as_str() {
            "password" => &["length", "alphabet", "exclude"],
            "hex" | "base64" => &["bytes"],
            "rsa" => &["bits"],
            "uuid" | "ed25519" | "x25519" => &[],
            other => {
                self.offer(kind, |_| super::words(KINDS));
                self.report(errors::unknown_word(
                    kind.span,
                    "something that can be generated",
                    other,
                    &KINDS,
                ));
                return None;
            }
        };
        let mut number = None;
        let mut alphabet = Alphabet::Ascii;
        let mut exclude = String::new();
        for (option, value) in options {
            if !allowed.contains(&option.text.as_str()) {
                self.offer(option, |_| super::words(allowed.iter().copied()));
                self.report(errors::unknown_word(
                    option.span,
                    &format!("an option of `{}`", kind.text),
                    &option.text,
                    allowed,
                ));
                continue;
            }
            match (option.text.as_str(), literal_text(value)) {
                ("length" | "bytes" | "bits", Some(text)) => match text.parse::<u32>() {
                    Ok(count) => number = Some((count, value.span)),
                    Err(_) => self.report(errors::bad_value(
                        codes::BAD_VALUE,
                        value.span,
                        format!("`{text}` is not a whole number"),
                        "for example `length 32`",
                    )),
                },
                ("alphabet", Some(text)) if text == "alphanumeric" => {
                    alphabet = Alphabet::Alphanumeric
                }
                ("alphabet", Some(text)) if text == "ascii" => alphabet = Alphabet::Ascii,
                ("alphabet", Some(text)) => alphabet = Alphabet::Custom(text),
                (_, Some(text)) => exclude = text,
                (_, None) => self.report(errors::bad_value(
                    codes::BAD_VALUE,
                    value.span,
                    "options of `generate` are literals",
                    "write the value itself",
                )),
            }
        }
        let (wanted, low, high) = match kind.text.as_str() {
            "password" => (32, 8, 1024),
            "rsa" => (3072, 2048, 4096),
            _ => (32, 16, 1024),
        };
        let number = match number {
            Some((count, span))
                if count < low
                    || count > high
                    || (kind.text == "rsa" && ![2048, 3072, 4096].contains(&count)) =>
            {
                let help = if kind.text == "rsa" {
                    "2048, 3072 or 4096".to_owned()
                } else {
                    format!("between {low} and {high}")
                };
                self.report(errors::bad_value(
                    codes::BAD_VALUE,
                    span,
                    format!("{count} is out of range"),
                    help,
                ));
                wanted
            }
            Some((count, _)) => count,
            None => wanted,
        };
        Some(match kind.text.as_str() {
            "password" => Generator::Password {
                length: number,
                alphabet,
                exclude,
            },
            "hex" => Generator::Hex { bytes: number },
            "base64" => Generator::Base64 { bytes: number },
            "uuid" => Generator::Uuid,
            "ed25519" => Generator::Ed25519,
            "rsa" => Generator::Rsa { bits: number },
            _ => Generator::X25519,
        })
    }
}
