//! What stands under the cursor: what a secret is, where it may go and where it goes, what is due next.

use super::lines::Lines;
use super::server::{Refusal, Server};
use super::upcoming::{named, times};
use super::wire;
use crate::check::flow::Analysis;
use crate::check::graph::{self, Flow, To};
use crate::conductor::task_type::{self, Support};
use crate::diagnostic::Code;
use crate::plan::index::{Definition, NameKind};
use crate::plan::{Function, Plan, Policy, Rotation, Trigger};
use crate::report::explain;
use crate::source::FileId;
use crate::source::Span;
use crate::syntax::ast::{EffectKind, StepKind};
use crate::workspace::load::Form;
use crate::workspace::project::View;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;

type Answer = Result<Value, Refusal>;

/// How many due times are told.
const TIMES: usize = 3;

/// The text for a place.
pub(super) fn hover(
    server: &mut Server<'_>,
    view: &Arc<View>,
    lines: &Lines,
    offset: u32,
) -> Answer {
    let now = (server.around.now)();
    let said = of_code(view, offset)
        .or_else(|| of_name(view, offset, now))
        .or_else(|| of_secret_reference(view, offset))
        .or_else(|| of_schedule(view, offset, now))
        .or_else(|| of_effect(view, offset))
        .or_else(|| of_type(view, offset));
    Ok(said.map_or(Value::Null, |(text, span)| {
        let text = view.blanks.clean(FileId::NONE, &text).into_owned();
        json!(wire::hover(text, lines.range_of(view.file.text(), span)))
    }))
}

type Said = Option<(String, Span)>;

/// The word around a byte, of letters, digits and `-`.
fn word(view: &View, offset: u32) -> Option<(&str, Span)> {
    let text = view.file.text();
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let before = text.get(..offset as usize)?;
    let start = before.trim_end_matches(inside).len();
    let rest = text.get(start..)?;
    let end = start + rest.find(|c| !inside(c)).unwrap_or(rest.len());
    let found = text.get(start..end).filter(|w| !w.is_empty())?;
    Some((found, Span::new(view.id(), start, end)))
}

/// A rule, where a suppression names it.
fn of_code(view: &View, offset: u32) -> Said {
    let (word, span) = word(view, offset)?;
    let line = view.file.line_text(view.file.line_index(offset));
    if !line.contains("rot:") && !line.contains("rot.ignore") && !word.starts_with("ROT") {
        return None;
    }
    let code = Code::find(word)?;
    let page = crate::check::pages()
        .iter()
        .find(|(c, _)| *c == code)
        .map(|(_, page)| page.as_str());
    Some((explain::page(code, page), span))
}

fn of_name(view: &View, offset: u32, now: Timestamp) -> Said {
    let (definition, here) = view.loaded.index.at(view.id(), offset)?;
    let plan = &view.loaded.plan;
    let mut out = named(definition.kind, &definition.name);
    match definition.kind {
        NameKind::Secret => {
            out.push_str(&secret(plan, &definition.name, definition.at));
        }
        NameKind::Rotation => {
            if let Some(rotation) = plan.rotations.iter().find(|r| r.at.0 == definition.at) {
                out.push_str(&rotation_text(rotation, now));
            } else if let Some(rotation) = plan.rotation(&definition.name) {
                out.push_str(&rotation_text(rotation, now));
            }
        }
        NameKind::Capture | NameKind::Input | NameKind::Let | NameKind::Element => {
            out.push_str(&value(view, definition, here));
        }
        NameKind::Step => out.push_str(&step(view, definition)),
        NameKind::Target => {
            if let Some(target) = plan.target(&definition.name) {
                let _ = write!(out, " {}", target.describe());
            }
        }
        NameKind::Field | NameKind::Output | NameKind::Branch | NameKind::Env => {}
    }
    Some((out, here))
}

/// Destinations, then where it goes.
fn secret(plan: &Plan, name: &str, at: Span) -> String {
    let mut out = String::new();
    let Some(declared) = plan.secrets.iter().find(|s| s.name == name) else {
        return out;
    };
    if !declared.fields.is_empty() {
        let _ = write!(out, " `{{ {} }}`", declared.fields.join(", "));
    }
    let allowed = match &declared.policy {
        Policy::Declared(to) if to.is_empty() => "nowhere: it is only stored".to_owned(),
        Policy::Declared(to) => to
            .iter()
            .map(|d| {
                let places: Vec<&str> = d.places.iter().map(|p| p.as_str()).collect();
                let port = d.port.map_or(String::new(), |p| format!(":{p}"));
                format!("`{}{port}` in {}", d.host.0, places.join(", "))
            })
            .collect::<Vec<_>>()
            .join("; "),
        Policy::Implied => "the hosts that the definition names".to_owned(),
    };
    let _ = write!(out, "\n\n*may go to* {allowed}");
    let flows = graph::flows(plan);
    let own = flows
        .secrets
        .iter()
        .find(|f| f.kind == graph::Kind::Vault && (f.name == name || f.span == at));
    let ways: Vec<&Flow> = own.map_or(Vec::new(), |f| {
        f.flows.iter().filter(|flow| !flow.decides).collect()
    });
    if ways.is_empty() {
        out.push_str("\n\n*goes* nowhere: nothing reads it");
    } else {
        out.push_str("\n\n*goes to*\n");
        for flow in ways {
            let step = flow.step.as_ref().map_or("output", |(name, _)| name);
            let _ = write!(
                out,
                "\n- {} {} (`{}`, {})",
                flow.to.describe(),
                flow.to.place(),
                flow.rotation,
                step
            );
        }
    }
    let mut writers: Vec<&str> = flows
        .secrets
        .iter()
        .flat_map(|f| &f.flows)
        .filter(|f| match &f.to {
            To::Vault { name: stored } => stored == name || stored.starts_with(&format!("{name}.")),
            _ => false,
        })
        .map(|f| f.rotation.as_str())
        .collect();
    writers.sort_unstable();
    writers.dedup();
    if !writers.is_empty() {
        let _ = write!(out, "\n\n*written by* `{}`", writers.join("`, `"));
    }
    out
}

fn rotation_text(rotation: &Rotation, now: Timestamp) -> String {
    let mut out = String::new();
    if let Some(description) = &rotation.description {
        let _ = write!(out, "\n\n{description}");
    }
    if let Some(schedule) = &rotation.schedule {
        let _ = write!(out, "\n\n*runs* {}", schedule.describe());
        for time in times(schedule, now, TIMES) {
            let _ = write!(out, "\n- {time}");
        }
        if matches!(schedule.trigger, Trigger::Every(_)) {
            out.push_str("\n\ncounted from the last success (`rot status` tells when that was)");
        }
    }
    if let Some(timeout) = rotation.timeout {
        let _ = write!(out, "\n\n*time-out* {timeout}");
    }
    out
}

/// The type and the label of a value.
fn value(view: &View, definition: &Definition, here: Span) -> String {
    let mut out = String::new();
    if let Some(ty) = &definition.ty {
        let _ = write!(out, ": {}", ty.describe());
    }
    let analysis = Analysis::of(&view.loaded.plan);
    let named = analysis
        .names()
        .into_iter()
        .find(|n| n.span == definition.at && n.name == definition.name);
    let label = named.map(|n| n.label).or_else(|| {
        Analysis::labels(&view.loaded.plan)
            .into_iter()
            .find(|(span, _)| span.contains(here))
            .map(|(_, label)| label)
    });
    match label {
        Some(label) if !label.is_public() => {
            let from: Vec<String> = label.iter().map(|(o, _)| o.describe()).collect();
            let _ = write!(out, "\n\n*secret*, from {}", from.join(", "));
        }
        _ => out.push_str("\n\n*public*"),
    }
    out
}

/// What a step has.
fn step(view: &View, definition: &Definition) -> String {
    let plan = &view.loaded.plan;
    let mut out = String::new();
    for rotation in &plan.rotations {
        crate::plan::task::walk_steps(&rotation.steps, &mut |step| {
            if step.at.0 != definition.at {
                return;
            }
            if let crate::plan::Task::Http(http) = &step.task {
                let _ = write!(out, "\n\n{} request", http.method);
                for capture in &http.captures {
                    let word = if capture.secret { "secret" } else { "public" };
                    let _ = write!(
                        out,
                        "\n- {word} `{}`: {}",
                        capture.name,
                        capture.ty.describe()
                    );
                }
            }
        });
    }
    out
}

/// `${workflow.secrets.NAME}`.
fn of_secret_reference(view: &View, offset: u32) -> Said {
    let Form::Json(_) = &view.loaded.tree else {
        return of_task_type(view, offset);
    };
    let (name, span) = word(view, offset)?;
    let plan = &view.loaded.plan;
    let before = view.file.slice(0, span.start);
    if !before.ends_with("workflow.secrets.") || plan.secret(name).is_none() {
        return of_task_type(view, offset);
    }
    let text = named(NameKind::Secret, name) + &secret(plan, name, span);
    Some((text, span))
}

/// The word behind `type`.
fn of_task_type(view: &View, offset: u32) -> Said {
    let Form::Json(_) = &view.loaded.tree else {
        return None;
    };
    let (name, span) = word(view, offset)?;
    let line = view.file.line_text(view.file.line_index(offset));
    if !line.contains("\"type\"") {
        return None;
    }
    let known = task_type::TASK_TYPES.iter().find(|t| t.name == name)?;
    let what = match known.support {
        Support::Run(_) => "checked and run".to_owned(),
        Support::Instead(other) => format!("not run here: {other}"),
    };
    Some((format!("**task type** `{name}`\n\n{what}"), span))
}

fn of_schedule(view: &View, offset: u32, now: Timestamp) -> Said {
    let inside = |span: Span| span.file == view.id() && span.start <= offset && offset <= span.end;
    let rotations = view.loaded.plan.rotations.iter();
    let schedule = rotations
        .filter_map(|r| r.schedule.as_ref())
        .find(|s| inside(s.at.0))?;
    let mut out = schedule.describe();
    for time in times(schedule, now, TIMES) {
        let _ = write!(out, "\n- {time}");
    }
    Some((out, schedule.at.0))
}

/// What an effect means for a crash.
fn of_effect(view: &View, offset: u32) -> Said {
    let Form::Rot(tree) = &view.loaded.tree else {
        return None;
    };
    let mut found = None;
    super::outline::each_step(tree, &mut |step| {
        if let StepKind::Http(http) = &step.kind
            && let Some(effect) = &http.effect
            && effect.span.start <= offset
            && offset <= effect.span.end
        {
            found = Some((effect.kind.clone(), effect.span));
        }
    });
    let (kind, span) = found?;
    let text = match kind {
        EffectKind::Reads => {
            "**reads**: changes nothing. After a call whose outcome is unknown it is made again."
        }
        EffectKind::IssuesAdditive { .. } => {
            "**issues additive**: the server makes a credential; the old one stays valid. After an unknown outcome strays are looked for and revoked, and it is made again. Safe order: issue, stage, verify, promote, revoke the old one."
        }
        EffectKind::IssuesReplacing { key: Some(_), .. } => {
            "**issues replacing key**: the old credential dies. After an unknown outcome the same idempotency key is sent again."
        }
        EffectKind::IssuesReplacing { grace: Some(_), .. } => {
            "**issues replacing grace**: the old credential dies after that time. After an unknown outcome the call is made again with the old one, within it."
        }
        EffectKind::IssuesReplacing { .. } => {
            "**issues replacing**: the old credential dies on the call. After an unknown outcome it is never made blindly: the old one is probed, and a person is asked."
        }
        EffectKind::Sets => {
            "**sets**: we choose the value, another credential makes the call. Stage first, then set, verify, promote. After an unknown outcome the same value is set again."
        }
        EffectKind::SetsSelf => {
            "**sets self**: the credential that is replaced makes the call. Stage first. After an unknown outcome pending, current and previous are tried in that order."
        }
        EffectKind::SetsSlot => {
            "**sets slot**: of two slots the idle one is filled. After an unknown outcome it is filled again."
        }
        EffectKind::Revokes => {
            "**revokes**: ends a credential. It stands behind `promote`. After an unknown outcome it is made again; gone already counts as done."
        }
    };
    Some((text.to_owned(), span))
}

/// The type of an expression that names something.
fn of_type(view: &View, offset: u32) -> Said {
    let inside = |span: Span| span.file == view.id() && span.start <= offset && offset <= span.end;
    let (span, ty) = view
        .loaded
        .index
        .types
        .iter()
        .find(|(span, _)| inside(*span))?;
    Some((format!("`{}`", ty.describe()), *span))
}

/// The parameters of the function whose parentheses are open here.
pub(super) fn signature(_: &mut Server<'_>, view: &Arc<View>, _: &Lines, offset: u32) -> Answer {
    let before = view.file.slice(0, offset);
    let line = before.rsplit('\n').next().unwrap_or_default();
    let mut depth = 0;
    let mut commas = 0;
    for (at, c) in line.char_indices().rev() {
        match c {
            ')' | ']' | '}' => depth += 1,
            '(' if depth == 0 => {
                let head = line.get(..at).unwrap_or_default();
                let start = head
                    .trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_')
                    .len();
                let name = head.get(start..).unwrap_or_default();
                return Ok(Function::find(name).map_or(Value::Null, |f| described(f, commas)));
            }
            '(' | '[' | '{' => depth -= 1,
            ',' if depth == 0 => commas += 1,
            _ => {}
        }
    }
    Ok(Value::Null)
}

fn described(function: Function, active: usize) -> Value {
    let parameters: Vec<String> = function
        .parameters()
        .iter()
        .map(|ty| ty.describe())
        .collect();
    let label = format!(
        "{}({}): {}",
        function.name(),
        parameters.join(", "),
        function.returns().describe()
    );
    let parameters: Vec<Value> = parameters.iter().map(|p| json!({ "label": p })).collect();
    json!({
        "signatures": [{
            "label": label,
            "documentation": function.doc(),
            "parameters": parameters,
        }],
        "activeSignature": 0,
        "activeParameter": active,
    })
}
