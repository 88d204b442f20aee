//! The output of a run as it is reported: what is masked by a name of its own shows `***`.

use super::value::Value;
use crate::plan::Rotation;
use crate::plan::name::is_mask;
use serde_json::{Value as Json, json};

/// The outputs as they are shown: secret values and those declared as masked are `***`.
pub(super) fn masked(rotation: &Rotation, value: &Value) -> Json {
    let mut shown = value.shown();
    if let Json::Object(members) = &mut shown {
        for output in rotation.outputs.iter().filter(|o| o.masked) {
            if let Some(member) = members.get_mut(&output.name) {
                *member = json!("***");
            }
        }
        mask_named(&mut shown, &rotation.masked_fields);
    }
    shown
}

/// Conductor's masking by name: `_secrets`, `_masked`, and what `maskedFields` lists.
fn mask_named(json: &mut Json, fields: &[String]) {
    match json {
        Json::Object(members) => {
            for (name, member) in members.iter_mut() {
                if is_mask(name) || fields.contains(name) {
                    *member = json!("***");
                } else {
                    mask_named(member, fields);
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|i| mask_named(i, fields)),
        _ => {}
    }
}
