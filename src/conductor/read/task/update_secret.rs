//! UPDATE_SECRET: `inputParameters._secrets.{secretKey, secretValue}`.

use crate::conductor::read::context::Reader;
use crate::conductor::read::shape::{field, masking_field};
use crate::diagnostic::{Diagnostic, Edit, codes};
use crate::json::Node;
use crate::plan::name::MASKS;
use crate::plan::name::is_secret_name;
use crate::plan::task::lifecycle::{Allow, NewValue};
use crate::plan::task::{Task, Update};
use crate::plan::{Expr, ExprKind};

const HELP: &str = "`\"inputParameters\": {\"_secrets\": {\"secretKey\": \"NAME\", \"secretValue\": \"${TASK.output._secrets.token}\"}}`";

impl<'a> Reader<'a> {
    pub(super) fn update_secret(&mut self, node: &'a Node) -> Option<Task> {
        let place = field(node, "type").map_or(node.span, |t| t.span);
        self.only_orkes(
            place,
            "`UPDATE_SECRET`",
            "the task waits for ever for a worker of that name",
        );
        let inputs = self.inputs_of(node, "UPDATE_SECRET", HELP)?;
        self.check_keys(
            inputs,
            &["_secrets", "_masked", "secretKey", "secretValue"],
            "UPDATE_SECRET",
            &[],
        );
        let masked = MASKS.iter().find_map(|key| masking_field(inputs, key));
        if let Some(member) = inputs.member("_masked").filter(|m| m.value.is_object()) {
            self.report(
                Diagnostic::new(
                    codes::MISSING_REQUIRED,
                    member.key.span,
                    "UPDATE_SECRET reads `_secrets`, and nothing under `_masked`",
                )
                .at("a server ends the workflow here")
                .help("write `_secrets`")
                .fix(
                    "write `_secrets`",
                    true,
                    vec![Edit {
                        span: member.key.inner_span(),
                        text: "_secrets".to_owned(),
                    }],
                ),
            );
        }
        if let Some(masked) = masked {
            if masked.is_object() {
                self.check_keys(
                    masked,
                    &["secretKey", "secretValue"],
                    "`_secrets` of UPDATE_SECRET",
                    &[],
                );
            } else {
                self.check_references(masked);
                self.wrong_type(
                    masked,
                    "_secrets",
                    "an object with `secretKey` and `secretValue`",
                );
                return None;
            }
        }
        let find = |key: &str| {
            masked
                .and_then(|m| field(m, key))
                .or_else(|| field(inputs, key))
        };
        let home = masked.unwrap_or(inputs);
        let (key, value) = (find("secretKey"), find("secretValue"));
        let secret = match key {
            Some(key) => self.secret_key(key),
            None => {
                self.missing(home, "secretKey", "the UPDATE_SECRET task", HELP);
                None
            }
        };
        let new_value = match value {
            Some(value) => Some(self.value(value)),
            None => {
                self.missing(home, "secretValue", "the UPDATE_SECRET task", HELP);
                None
            }
        };
        let unmasked = value.is_some() && masked.and_then(|m| field(m, "secretValue")).is_none();
        Some(Task::Update(Update {
            secret: secret?,
            value: NewValue::Single(new_value?),
            expires: None,
            allow: Allow::default(),
            unmasked,
        }))
    }

    /// The name of the secret; a literal one is known from here on.
    fn secret_key(&mut self, node: &Node) -> Option<Expr> {
        let key = self.value(node);
        match &key.kind {
            ExprKind::String(name) if is_secret_name(name) => {
                let name = name.clone();
                self.use_secret(&name, node.span);
            }
            ExprKind::String(name) if name.trim().is_empty() => {
                self.missing(node, "secretKey", "the UPDATE_SECRET task", HELP);
                return None;
            }
            ExprKind::String(name) => {
                let name = name.clone();
                self.report(
                    Diagnostic::new(codes::BAD_NAME, node.span, format!("`{name}` cannot be the name of a secret"))
                        .help("letters, digits, `_` and `-`, beginning with a letter or digit; a dot would begin a path into its value"),
                );
                return None;
            }
            ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::List(_) | ExprKind::Object(_) => {
                self.wrong_type(node, "secretKey", "a string");
                return None;
            }
            _ => {}
        }
        Some(key)
    }
}
