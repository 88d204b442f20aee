//! UPDATE_SECRET: the new value of a secret.

use super::context::Writer;
use crate::plan::task::lifecycle::NewValue;
use crate::plan::task::{Step, Update};
use serde_json::{Map, Value};

impl<'a> Writer<'a> {
    pub(super) fn update_secret(
        &mut self,
        step: &'a Step,
        update: &'a Update,
    ) -> Map<String, Value> {
        if self.oss {
            let help = "set `target = \"orkes\"` in rot.toml, or run this rotation with rot";
            self.cannot(step.at, "the open-source server has no UPDATE_SECRET", help);
        }
        if update.expires.is_some() {
            self.loses(
                step.at,
                "when the new value expires (`expires`) cannot be expressed",
            );
        }
        if !update.allow.words().is_empty() {
            self.loses(step.at, "`allow` cannot be expressed: a server stores what it is given, and ends the workflow on an empty value");
        }
        let key = self.value(&update.secret);
        let value = match &update.value {
            NewValue::Single(value) => self.value(value),
            NewValue::Fields(fields) => self.record(step, update, fields),
        };
        if update.unmasked {
            return Map::from_iter([
                ("secretKey".to_owned(), key),
                ("secretValue".to_owned(), value),
            ]);
        }
        let hidden = Map::from_iter([
            ("secretKey".to_owned(), key),
            ("secretValue".to_owned(), value),
        ]);
        Map::from_iter([("_secrets".to_owned(), Value::Object(hidden))])
    }

    fn record(
        &mut self,
        step: &'a Step,
        update: &'a Update,
        fields: &'a [(String, crate::plan::Expr)],
    ) -> Value {
        let declared = update
            .secret
            .as_str()
            .and_then(|name| self.plan.secret(name))
            .map_or(&[][..], |s| s.fields.as_slice());
        if let Some(missing) = declared
            .iter()
            .find(|d| !fields.iter().any(|(name, _)| name == *d))
        {
            let message =
                format!("a server replaces the whole secret: the field `{missing}` would be lost");
            self.cannot(
                step.at,
                message,
                "give all fields, or keep each in a secret of its own",
            );
        }
        Value::Object(
            fields
                .iter()
                .map(|(name, value)| (name.clone(), self.value(value)))
                .collect(),
        )
    }
}
