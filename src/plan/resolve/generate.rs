//! What `generate` makes: its kinds with their options.

use super::steps::literal_text;
use super::{Resolver, errors};
use crate::diagnostic::codes;
use crate::plan::task::value::GENERATORS;
use crate::plan::task::{Alphabet, Generator};
use crate::syntax::ast::{self, Name};

impl Resolver {
    pub(super) fn generator(
        &mut self,
        kind: &Name,
        options: &[(Name, ast::Expr)],
    ) -> Option<Generator> {
        let Some(known) = GENERATORS.iter().find(|known| known.word == kind.text) else {
            let kinds = GENERATORS.map(|known| known.word);
            self.offer(kind, |_| super::words(kinds));
            self.report(errors::unknown_word(
                kind.span,
                "something that can be generated",
                &kind.text,
                &kinds,
            ));
            return None;
        };
        let allowed: Vec<&str> = known.options.iter().map(|(option, _)| *option).collect();
        let allowed = allowed.as_slice();
        let mut number = None;
        let mut alphabet = Alphabet::Ascii;
        let mut exclude = String::new();
        let (mut openssh, mut comment) = (false, String::new());
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
                ("format", Some(text)) => match text.as_str() {
                    "openssh" => openssh = true,
                    "pkcs8" => openssh = false,
                    _ => self.report(errors::unknown_word(
                        value.span,
                        "a format of keys",
                        &text,
                        &["pkcs8", "openssh"],
                    )),
                },
                ("comment", Some(text)) => {
                    if text.chars().any(char::is_control) {
                        self.report(errors::bad_value(
                            codes::BAD_VALUE,
                            value.span,
                            "a comment of a key is one line",
                            "leave line ends out",
                        ));
                    }
                    comment = text;
                }
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
            "ed25519" if openssh => Generator::Openssh { comment },
            "ed25519" => Generator::Ed25519,
            "rsa" => Generator::Rsa { bits: number },
            _ => Generator::X25519,
        })
    }
}
