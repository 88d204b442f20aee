//! What a run will need and this machine does not have: variables, inputs, secrets and their fields, certificates, programs.
//! Asked for before the first effect, all at once: asked for at its first use, it would be missed when the old credential is
//! gone and the new one cannot be stored. `rot plan` lists the same.
//!
//! The vault itself is proved by [`Vault::hold_room`](crate::vault::Vault::hold_room), with the calls of a commit.

use super::scope::{Secrets, Stored};
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::task::Http;
use crate::plan::task::http::Protocol;
use crate::plan::{Expr, ExprKind, Plan, Root, Rotation, Step, Task, Version};
use crate::source::Span;
use crate::world::World;
use crate::world::process::Readiness;
use std::collections::{BTreeSet, HashMap};

/// What is at hand.
pub struct AtHand<'a> {
    /// Where variables, certificates of the system and programs are.
    pub world: &'a World,
    /// Which inputs are passed.
    pub inputs: &'a dyn Fn(&str) -> bool,
    /// Which variables have a value.
    pub variables: &'a dyn Fn(&str) -> bool,
    /// The secrets as the run sees them; `None` when the vault could not be opened, or the run has begun with them.
    pub secrets: Option<&'a Secrets>,
    /// PEM texts of the certificate files that the plan names.
    pub certificates: &'a HashMap<String, Vec<u8>>,
}

/// Something that is needed and not at hand.
pub struct Need {
    /// What kind of thing.
    pub kind: NeedKind,
    /// What to say of it, with the remedy.
    pub diagnostic: Diagnostic,
}

/// Kinds of things that a run needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NeedKind {
    /// An input without a default.
    Input,
    /// A variable of the environment.
    Variable,
    /// A secret of the vault, or a field of one.
    Secret,
    /// A certificate of an authority.
    Certificate,
    /// A local program.
    Program,
    /// A vault that opens, and that can take a new version.
    Vault,
}

/// All that a rotation needs and that is not at hand, in itself and in what it calls.
pub fn missing(plan: &Plan, rotation: &Rotation, at_hand: &AtHand<'_>) -> Vec<Need> {
    let all = plan.reached(rotation);
    let secrets = at_hand.secrets;
    let found = [
        (
            NeedKind::Input,
            missing_inputs(plan, rotation, at_hand.inputs),
        ),
        (
            NeedKind::Variable,
            missing_variables(plan, &all, at_hand.variables),
        ),
        (
            NeedKind::Secret,
            secrets.map_or_else(Vec::new, |secrets| missing_secrets(plan, rotation, secrets)),
        ),
        (NeedKind::Certificate, unusable_certificates(&all, at_hand)),
        (
            NeedKind::Program,
            missing_programs(plan, &all, at_hand.world),
        ),
    ];
    let needs = found.into_iter().flat_map(|(kind, all)| {
        let need = move |diagnostic| Need { kind, diagnostic };
        all.into_iter().map(need)
    });
    needs.collect()
}

fn missing_inputs(
    plan: &Plan,
    rotation: &Rotation,
    given: &dyn Fn(&str) -> bool,
) -> Vec<Diagnostic> {
    if plan.dialect.semantics().absent_is_null {
        return Vec::new();
    }
    let needed = rotation.inputs.iter().filter(|i| i.default.is_none());
    needed
        .filter(|input| !given(&input.name))
        .map(|input| missing_input(&input.name, input.at.0))
        .collect()
}

/// An input that nobody passed.
pub(super) fn missing_input(name: &str, at: Span) -> Diagnostic {
    let message = format!("input `{name}` was not passed and has no default");
    Diagnostic::new(codes::RUN_BAD_INPUT, at, message)
        .at("declared here")
        .help(format!("pass it: `--input {name}=…`"))
}

fn missing_variables(
    plan: &Plan,
    all: &[&Rotation],
    known: &dyn Fn(&str) -> bool,
) -> Vec<Diagnostic> {
    if plan.dialect.semantics().absent_is_null {
        return Vec::new();
    }
    let mut missing: Vec<(&str, Span)> = Vec::new();
    for one in all {
        one.exprs(&mut |top| {
            top.walk(&mut |expr| {
                if let ExprKind::Ref(Root::Env(name)) = &expr.kind
                    && !known(name)
                    && !missing.iter().any(|(n, _)| n == name)
                {
                    missing.push((name, expr.at.0));
                }
            });
        });
    }
    missing
        .into_iter()
        .map(|(name, at)| {
            let message = format!("environment variable `{name}` is not set");
            Diagnostic::new(codes::RUN_BAD_INPUT, at, message)
                .at("needed here")
                .help(format!(
                    "set it: `{name}=… rot run …`, or `[environment.NAME.variables]` in rot.toml"
                ))
        })
        .collect()
}

/// Secrets in the order in which steps read and make them.
struct SecretWalk<'p, 's> {
    plan: &'p Plan,
    secrets: &'s Secrets,
    made: BTreeSet<&'p str>,
    seen: BTreeSet<&'p str>,
    missing: Vec<(&'p str, Option<&'p str>, Span)>,
}

impl<'p> SecretWalk<'p, '_> {
    fn rotation(&mut self, rotation: &'p Rotation) {
        if !self.seen.insert(&rotation.name) {
            return;
        }
        for (_, value) in &rotation.variables {
            self.expr(value);
        }
        let mut steps: Vec<&'p Step> = Vec::new();
        // What only `strays` or the steps for a failed run read counts: it is needed when it is too late to ask for it.
        rotation.walk(&mut |step| steps.push(step));
        for step in steps {
            for expr in step.task.exprs() {
                self.expr(expr);
            }
            if let Task::Call(call) = &step.task
                && let Some(called) = self.plan.rotation(&call.rotation)
            {
                self.rotation(called);
            }
            if let Some(write) = step.task.write().filter(|write| write.act.makes_current()) {
                self.made.extend(write.secret);
            }
        }
        for output in &rotation.outputs {
            self.expr(&output.value);
        }
        if let Some(result) = &rotation.result {
            self.expr(result);
        }
        if let Some(after) = rotation.failure_rotation.as_deref()
            && let Some(after) = self.plan.rotation(after)
        {
            self.rotation(after);
        }
    }

    fn expr(&mut self, expr: &'p Expr) {
        expr.walk(&mut |part| {
            let ExprKind::Ref(Root::Secret {
                name,
                field,
                version: Version::Current,
            }) = &part.kind
            else {
                return;
            };
            self.secret(name, field.as_deref(), part.at.0);
        });
    }

    fn secret(&mut self, name: &'p str, field: Option<&'p str>, at: Span) {
        if self.made.contains(name) {
            return;
        }
        let lacks = match (self.secrets.get(name, Version::Current), field) {
            (None, _) => Some(None),
            (Some(Stored::Fields(parts)), Some(field)) => {
                let there = parts.iter().any(|(known, _)| known == field);
                (!there).then_some(Some(field))
            }
            (Some(Stored::Single(_)), Some(field)) => Some(Some(field)),
            (Some(_), None) => None,
        };
        if let Some(field) = lacks {
            let told =
                |(n, f, _): &(&str, Option<&str>, Span)| *n == name && (f.is_none() || *f == field);
            if !self.missing.iter().any(told) {
                self.missing.push((name, field, at));
            }
        }
    }
}

fn missing_secrets(plan: &Plan, rotation: &Rotation, secrets: &Secrets) -> Vec<Diagnostic> {
    if plan.dialect.semantics().absent_secret_is_null {
        return Vec::new();
    }
    let mut walk = SecretWalk {
        plan,
        secrets,
        made: BTreeSet::new(),
        seen: BTreeSet::new(),
        missing: Vec::new(),
    };
    walk.rotation(rotation);
    // What is stored is delivered, and the targets are asked with credentials of their own.
    for secret in super::due::stored_by(rotation) {
        for target in plan.targets_of(&secret) {
            for sending in target.sendings() {
                let one = sending.credential;
                walk.secret(&one.secret, one.field.as_deref(), one.at.0);
            }
        }
    }
    walk.missing
        .into_iter()
        .map(|(name, field, span)| match field {
            None => Diagnostic::new(codes::RUN_SECRET_MISSING, span, format!("secret `{name}` is not in the vault"))
                .at("needed here")
                .help(store_it(name, plan.secret(name).map_or(&[], |s| s.fields.as_slice()))),
            Some(field) => Diagnostic::new(codes::RUN_SECRET_MISSING, span, format!("secret `{name}` has no field `{field}` in the vault"))
                .at("needed here")
                .help(format!("store it: `rot vault set {name} --field {field}`; a single value becomes a record with `rot vault set {name} --record`")),
        })
        .collect()
}

/// How a secret that is missing is stored by hand.
fn store_it(name: &str, fields: &[String]) -> String {
    if fields.is_empty() {
        return format!(
            "store it: `rot vault set {name}` (the value is read from standard input or a hidden prompt)"
        );
    }
    let members: Vec<String> = fields.iter().map(|f| format!("\"{f}\": …")).collect();
    format!(
        "store it: `rot vault set {name} --record` reads `{{{}}}` from standard input, and `--field` one field after the other",
        members.join(", ")
    )
}

/// Files that hold no certificate that can serve, and the system's where it has none.
fn unusable_certificates(all: &[&Rotation], at_hand: &AtHand<'_>) -> Vec<Diagnostic> {
    let mut tried: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut found = Vec::new();
    for (step, http) in all.iter().flat_map(|one| one.requests()) {
        if !may_use_tls(http) {
            continue;
        }
        let named = http.limits.ca.iter();
        let pems: Vec<Vec<u8>> = named
            .filter_map(|name| at_hand.certificates.get(name).cloned())
            .collect();
        // A file that could not be read is told of by whoever reads it.
        if pems.len() < http.limits.ca.len() || tried.contains(&pems) {
            continue;
        }
        if let Err(trouble) = at_hand.world.http.ready(&pems) {
            let files = http.limits.ca.join("`, `");
            let files = match http.limits.ca.is_empty() {
                true => String::new(),
                false => format!(" (`{files}`)"),
            };
            let message = format!("no TLS is possible here: {}{files}", trouble.message);
            let at = step.at.0;
            found.push(
                Diagnostic::new(codes::RUN_REQUEST_FAILED, at, message)
                    .at("this request")
                    .help(trouble.remedy()),
            );
        }
        tried.push(pems);
    }
    found
}

/// Not known to be plain HTTP, nor a session that does without at this machine.
fn may_use_tls(http: &Http) -> bool {
    if http.protocol() != Protocol::Http {
        return !http.limits.ca.is_empty();
    }
    let start = match &http.url.kind {
        ExprKind::Template(parts) => parts.first().map(|part| &part.kind),
        other => Some(other),
    };
    match start {
        Some(ExprKind::String(text)) => !text.starts_with("http://"),
        _ => true,
    }
}

/// A program that is not declared on this machine, or cannot be started.
fn missing_program(world: &World, name: &str, at: Span) -> Option<Diagnostic> {
    let (message, help) = match world.process.ready_program(name) {
        Readiness::Ready => return None,
        Readiness::Undeclared => (
            format!("no program `{name}` is declared on this machine"),
            format!("write `[programs]` in rot.toml, then `{name} = [\"/path/of/it\"]`: a plan that somebody sends can start nothing else"),
        ),
        Readiness::Missing(program) => (
            format!("the program `{name}` cannot be started: `{program}` is not there, or is none"),
            "install it, make it executable (`chmod +x`), or name another one in `[programs]` of rot.toml".to_owned(),
        ),
    };
    let found = Diagnostic::new(codes::RUN_BAD_INPUT, at, message);
    Some(found.at("started here").help(help))
}

fn missing_programs<'p>(plan: &'p Plan, all: &[&'p Rotation], world: &World) -> Vec<Diagnostic> {
    let mut seen: Vec<&'p str> = Vec::new();
    let mut found = Vec::new();
    for one in all {
        for secret in super::due::stored_by(one) {
            for target in plan.targets_of(&secret) {
                for name in target.kind.programs() {
                    if !seen.contains(&name) {
                        seen.push(name);
                        found.extend(missing_program(world, name, target.at.0));
                    }
                }
            }
        }
        for (step, http) in one.requests() {
            let url = http.url.as_str().unwrap_or_default();
            let program = url.strip_prefix("exec://");
            let Some(name) = program.filter(|_| http.protocol() == Protocol::Exec) else {
                continue;
            };
            if step.optional || seen.contains(&name) {
                continue;
            }
            seen.push(name);
            found.extend(missing_program(world, name, http.url.at.0));
        }
        one.walk(&mut |step| {
            let Task::Worker(worker) = &step.task else {
                return;
            };
            if step.optional || seen.contains(&worker.name.as_str()) {
                return;
            }
            seen.push(&worker.name);
            let name = &worker.name;
            let (code, message, help) = match world.process.ready(name) {
                Readiness::Ready => return,
                Readiness::Undeclared => (
                    codes::UNSUPPORTED_TASK,
                    format!("no local program is declared for the task `{name}`"),
                    format!(
                        "declare it in rot.toml: `[workers]`, then `{name} = [\"program\", \"argument\"]`"
                    ),
                ),
                Readiness::Missing(program) => (
                    codes::RUN_REQUEST_FAILED,
                    format!("the program of the task `{name}` cannot be started: `{program}` is not there, or is none"),
                    "install it, make it executable (`chmod +x`), or name another one in `[workers]` of rot.toml"
                        .to_owned(),
                ),
            };
            found.push(Diagnostic::new(code, step.at.0, message).at("this task").help(help));
        });
    }
    found
}
