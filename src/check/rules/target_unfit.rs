//! # ROT521 target-unfit
//!
//! What it finds: a delivery that its target cannot take, whatever the value is: a name that cannot be a variable there. And two deliveries at one place, of which the second overwrites the first:
//! one file under two targets, one target for two values, one variable for two secrets.
//!
//! ## Why it matters
//!
//! The new credential would become current and never arrive, and the old one would live on.
//!
//! ## Fails
//!
//! ```rot
//! secret app_key
//! target app file "/run/app/.env" { form "dotenv" }
//! deliver app_key to app as "LD_PRELOAD"
//!
//! rotation app_key {
//!   generate fresh password { length 32 }
//!   update app_key = fresh.value
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret app_key
//! target app file "/run/app/.env" { form "dotenv" }
//! deliver app_key to app as "APP_KEY"
//!
//! rotation app_key {
//!   generate fresh password { length 32 }
//!   update app_key = fresh.value
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::target::FileForm;
use crate::plan::{Delivery, Target, TargetKind};
use std::collections::HashMap;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    at_one_place(cx, out);
    for delivery in &cx.plan.deliveries {
        let Some(target) = cx.plan.target(&delivery.target) else { continue };
        let record = delivery.field.is_none() && cx.plan.secret(&delivery.secret).is_some_and(|s| !s.fields.is_empty());
        if let Err(why) = target.kind.takes(delivery, record) {
            out.push(
                Diagnostic::new(codes::TARGET_UNFIT, delivery.at.0, format!("target `{}` cannot take `{}`: {why}", target.name, delivery.secret))
                    .at("never arrives")
                    .label(target.at.0, format!("a target of kind `{}`", target.kind.word()))
                    .help("give it a name that is taken there: `deliver … to … as \"NAME\"`"),
            );
        }
    }
}

/// Where a delivery ends: a file, and the variable in it where it has several.
fn place<'p>(target: &'p Target, delivery: &'p Delivery) -> Option<(&'p str, Option<String>)> {
    let TargetKind::File(file) = &target.kind else { return None };
    // Only what is named here is known before the value is.
    let name = match file.form {
        FileForm::Raw => None,
        FileForm::Dotenv | FileForm::Docker => Some(delivery.called.clone()?),
    };
    Some((&file.path, name))
}

/// Two values that are written to one place.
fn at_one_place(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut taken: HashMap<(&str, Option<String>), (&Delivery, &Target)> = HashMap::new();
    let mut forms: HashMap<&str, (FileForm, &Target)> = HashMap::new();
    for delivery in &cx.plan.deliveries {
        let Some(target) = cx.plan.target(&delivery.target) else { continue };
        let TargetKind::File(file) = &target.kind else { continue };
        let (form, first) = *forms.entry(&file.path).or_insert((file.form, target));
        if (form == FileForm::Raw) != (file.form == FileForm::Raw) {
            out.push(overwritten(delivery, target, first, &file.path));
            continue;
        }
        let Some(place) = place(target, delivery) else { continue };
        match taken.get(&place) {
            // One target for two values is said where that is read.
            Some((other, first)) if first.name != target.name || other.secret != delivery.secret && place.1.is_some() => {
                let what = place.1.as_deref().unwrap_or(&file.path);
                out.push(overwritten(delivery, target, first, what));
            }
            Some(_) => {}
            None => {
                taken.insert(place, (delivery, target));
            }
        }
    }
}

fn overwritten(delivery: &Delivery, target: &Target, first: &Target, what: &str) -> Diagnostic {
    Diagnostic::new(
        codes::TARGET_UNFIT,
        delivery.at.0,
        format!("`{}` overwrites in `{what}` what is delivered there before", delivery.secret),
    )
    .at("the same place")
    .label(first.at.0, format!("`{}` is written there too", first.name))
    .label(target.at.0, "declared here")
    .help("give each its own file, or `form \"dotenv\"` and a name: `deliver … to … as \"NAME\"`")
}
