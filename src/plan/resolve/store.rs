//! What `stage` and `update` store: the value against the declaration, its expiry, what it may be.

use super::{Resolver, errors};
use crate::diagnostic::codes;
use crate::plan::index::NameKind;
use crate::plan::task::lifecycle::{Allow, NewValue};
use crate::plan::{Expr, Type};
use crate::syntax::ast::{self, Name, StoreValue};

impl Resolver {
    /// The fields of a declared secret; `None` (and a diagnostic) when it is not declared.
    pub(super) fn declared(&mut self, secret: &Name) -> Option<Vec<String>> {
        self.uses_secret(secret);
        if let Some(declared) = self.declared_secret(&secret.text) {
            return Some(declared.fields.clone());
        }
        self.undeclared(secret);
        None
    }

    pub(super) fn store(&mut self, store: &ast::Store) -> Option<NewValue> {
        let fields = self.declared(&store.secret);
        match &store.value {
            StoreValue::Single(value) => {
                let (value, ty) = self.expr(value);
                match fields {
                    Some(fields) if !fields.is_empty() => {
                        let what = format!("secret `{}` is a record", store.secret.text);
                        self.report(errors::bad_value(
                            codes::TYPE_MISMATCH,
                            value.at.0,
                            what,
                            format!(
                                "write `{} {{ {} }}`",
                                store.secret.text,
                                fields
                                    .iter()
                                    .map(|f| format!("{f}: …"))
                                    .collect::<Vec<_>>()
                                    .join(", ")
                            ),
                        ));
                    }
                    Some(_) if matches!(ty, Type::Record(_) | Type::List(_)) => {
                        self.report(
                            errors::mismatch(value.at.0, &ty, "a single value")
                                .help("declare the secret with fields, `secret NAME { a, b }`, or store its JSON text with `json(…)`"),
                        );
                    }
                    _ => {}
                }
                Some(NewValue::Single(value))
            }
            StoreValue::Fields(members) => {
                let (resolved, types) = self.members(members);
                for ((_, value), (_, ty)) in resolved.iter().zip(&types) {
                    if matches!(ty, Type::Record(_) | Type::List(_)) {
                        self.report(errors::mismatch(value.at.0, ty, "a single value").help(
                            "store one of the values, or the JSON text of all with `json(…)`",
                        ));
                    }
                }
                if let Some(fields) = fields {
                    if fields.is_empty() {
                        self.report(errors::bad_value(
                            codes::TYPE_MISMATCH,
                            store.secret.span,
                            format!("secret `{}` has no fields", store.secret.text),
                            format!(
                                "declare them: `secret {} {{ … }}`, or write `{} = …`",
                                store.secret.text, store.secret.text
                            ),
                        ));
                    } else {
                        for member in members {
                            self.uses_field(&store.secret.text, &member.key);
                        }
                        for member in members.iter().filter(|m| !fields.contains(&m.key.text)) {
                            self.offer(&member.key, |_| {
                                super::names(NameKind::Field, fields.iter().cloned())
                            });
                            self.report(errors::unknown_field(
                                &member.key,
                                &format!("secret `{}`", store.secret.text),
                                &fields,
                            ));
                        }
                    }
                }
                Some(NewValue::Fields(resolved))
            }
        }
    }

    pub(super) fn expires(&mut self, store: &ast::Store) -> Option<Expr> {
        store.expires.as_ref().map(|e| {
            self.typed(
                e,
                &[Type::Time, Type::Duration],
                "a time, or a duration from now",
            )
        })
    }

    pub(super) fn allow(&mut self, store: &ast::Store) -> Allow {
        let mut allow = Allow::default();
        for word in &store.allow {
            match word.text.as_str() {
                "empty" => allow.empty = true,
                "unchanged" => allow.unchanged = true,
                "untrimmed" => allow.untrimmed = true,
                "anything" => allow.anything = true,
                other => {
                    self.offer(word, |_| super::words(Allow::WORDS));
                    self.report(errors::unknown_word(
                        word.span,
                        "something to allow",
                        other,
                        &Allow::WORDS,
                    ));
                }
            }
        }
        allow
    }
}
