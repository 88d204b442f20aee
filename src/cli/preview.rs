//! `rot plan`: what a run would do. No network, no values.

use super::accept::accept;
use super::args::{PlanArgs, ResultFormat};
use super::context::Context;
use super::{environment, load, paths, run};
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::plan::task::http::{Auth, Body, CaptureSource, Expectation, Http, Protocol, Sign};
use crate::plan::task::lifecycle::NewValue;
use crate::plan::{Effect, Expr, ExprKind, Plan, Root, Rotation, Step, Task, Version};
use crate::report::visible;
use crate::run::needs::{AtHand, NeedKind};
use crate::vault::Vault;
use crate::world::World;
use serde_json::{Value as Json, json};

/// Runs the command.
pub fn run(args: &PlanArgs, context: &Context) -> Result<()> {
    let config = context.config()?;
    let loaded = load::file(&args.selection.file, &config)?;
    let plan = accept(loaded, &config, context)?;
    let given = run::inputs(&args.selection)?;
    let chosen: Vec<&Rotation> = match &args.selection.rotation {
        Some(name) => load::chosen(&plan, Some(name))?,
        None => plan.rotations.iter().filter(|r| !r.imported).collect(),
    };
    let world = environment::world_to_run(context, &config)?;
    // A plan is wanted on machines without the vault too: there, that is what is missing.
    let mut missing: Vec<Missing> = Vec::new();
    let opened = paths::resolve(context, &config, &world).and_then(|places| {
        let mut vault = match context.globals.read_only {
            true => Vault::open_read_only(&world, &places.paths)?,
            false => Vault::open(&world, &places.paths)?,
        };
        if stores(&plan, &chosen) && !context.globals.read_only {
            let proved = vault.hold_room();
            missing.extend(proved.err().map(|e| Missing::of_vault(&e)));
        }
        Ok(vault)
    });
    let vault = match opened {
        Ok(vault) => {
            environment::agree(&vault, context.globals.environment.as_deref())?;
            Some(vault)
        }
        Err(error) => {
            missing.push(Missing::of_vault(&error));
            None
        }
    };
    let source = Some(args.selection.file.as_path()).filter(|p| p.as_os_str() != "-");
    let (certificates, unread) = run::read_certificates(&plan, source);
    missing.extend(
        unread
            .iter()
            .map(|e| Missing::of(NeedKind::Certificate, None, e)),
    );
    let public = crate::plan::fields::public_fields(&plan);
    let previews: Vec<Preview> = chosen
        .iter()
        .map(|r| preview(&plan, r, &public, &world, vault.as_ref()))
        .collect();
    let secrets = vault.as_ref().map(|vault| {
        let pinned = crate::run::pin(&plan, vault);
        crate::run::secrets_at_start(&plan, vault, &pinned)
    });
    for rotation in &chosen {
        let at_hand = AtHand {
            world: &world,
            inputs: &|name| given.iter().any(|(n, _)| n == name),
            variables: &|name| world.env.var(name).is_some(),
            secrets: secrets.as_ref(),
            certificates: &certificates,
        };
        for need in crate::run::needs::missing(&plan, rotation, &at_hand) {
            let one = Missing::of(need.kind, Some(&rotation.name), &need.diagnostic);
            missing.push(one);
        }
    }
    match args.report {
        ResultFormat::Json => {
            let rotations: Vec<Json> = previews.iter().map(Preview::json).collect();
            let text = serde_json::to_string_pretty(
                &json!({ "schema": "rot.preview/v1", "rotations": rotations, "missing": missing }),
            )
            .unwrap_or_default();
            context.out.stdout(&format!("{text}\n"));
        }
        ResultFormat::Text => {
            let text = chosen
                .iter()
                .zip(&previews)
                .enumerate()
                .map(|(at, (rotation, one))| {
                    let before = at.checked_sub(1).and_then(|at| chosen.get(at));
                    match before.filter(|r| r.family.is_some() && r.family == rotation.family) {
                        // What differs is the name, and what the text makes of it.
                        Some(_) => one.short(),
                        None => one.text(),
                    }
                });
            context.out.stdout(&text.collect::<Vec<_>>().join("\n"));
            if let Some(lines) = Missing::text(&missing) {
                context.out.stdout(&lines);
            }
        }
    }
    Ok(())
}

/// Whether one of these rotations, or what it calls, stores anything.
fn stores(plan: &Plan, chosen: &[&Rotation]) -> bool {
    let mut stores = false;
    for rotation in chosen {
        rotation.walk(&mut |step| {
            stores |= step.task.write().is_some() || matches!(step.task, Task::Call(_));
        });
    }
    stores && {
        let mut any = false;
        plan.walk(&mut |_, step| any |= step.task.write().is_some());
        any
    }
}

/// What a run would be stopped by before its first effect.
#[derive(serde::Serialize)]
struct Missing {
    kind: NeedKind,
    rotation: Option<String>,
    message: String,
    help: Option<String>,
}

impl Missing {
    fn of(kind: NeedKind, rotation: Option<&str>, diagnostic: &Diagnostic) -> Self {
        Self {
            kind,
            rotation: rotation.map(str::to_owned),
            message: diagnostic.message.clone(),
            help: diagnostic.help.clone(),
        }
    }

    fn of_vault(error: &Error) -> Self {
        let first = error.diagnostics.first();
        Self {
            kind: NeedKind::Vault,
            rotation: None,
            message: error.message().to_owned(),
            help: first.and_then(|d| d.help.clone()),
        }
    }

    /// All of it, a line each and its remedy below.
    fn text(all: &[Self]) -> Option<String> {
        if all.is_empty() {
            return None;
        }
        let mut text = "\nmissing, so that a run would end before it calls anything:\n".to_owned();
        for one in all {
            let of = one.rotation.as_deref();
            let of = of.map(|name| format!("rotation `{}`: ", visible(name)));
            text.push_str(&format!(
                "- {}{}\n",
                of.unwrap_or_default(),
                visible(&one.message)
            ));
            let help = one.help.as_deref().map(visible);
            text.push_str(&help.map(|h| format!("    {h}\n")).unwrap_or_default());
        }
        Some(text)
    }
}

/// Names and fields of public fields.
type Public = std::collections::BTreeSet<(String, String)>;

struct Preview {
    rotation: String,
    description: Option<String>,
    schedule: Option<String>,
    next_due: Option<(jiff::Timestamp, String)>,
    steps: Vec<Line>,
}

struct Line {
    depth: usize,
    name: String,
    kind: &'static str,
    what: String,
    details: Vec<(&'static str, String)>,
}

fn preview(
    plan: &Plan,
    rotation: &Rotation,
    public: &Public,
    world: &World,
    vault: Option<&Vault>,
) -> Preview {
    let next_due = vault.and_then(|vault| {
        let now = world.clock.now();
        let past = crate::run::due::past(vault, rotation, now);
        let due = crate::run::due::next(vault, rotation, &past, now)?;
        Some((due.at, due.reason.explain()))
    });
    let mut steps = Vec::new();
    lines(plan, &rotation.steps, public, 0, &mut steps);
    Preview {
        rotation: rotation.name.clone(),
        description: rotation.description.clone(),
        schedule: rotation.schedule.as_ref().map(|s| s.describe()),
        next_due,
        steps,
    }
}

fn lines(plan: &Plan, steps: &[Step], public: &Public, depth: usize, out: &mut Vec<Line>) {
    for step in steps {
        let mut details = Vec::new();
        let what = match &step.task {
            Task::Http(http) => {
                exchange(http, public, &mut details);
                if let Some(retry) = &step.retry {
                    details.push((
                        "retries",
                        format!("up to {} times, {} apart", retry.count, retry.delay),
                    ));
                }
                match http.protocol() {
                    Protocol::Http => format!("{} {}", http.method, shown(&http.url)),
                    other => format!("{} {}", other.word(), peer(&http.url)),
                }
            }
            Task::Let(assign) => format!("{} = {}", assign.name, shown(&assign.value)),
            Task::SetVariables(set) => set
                .values
                .iter()
                .map(|(n, _)| n.clone())
                .collect::<Vec<_>>()
                .join(", "),
            Task::Generate(generate) => generate.generator.word().to_owned(),
            Task::Log(log) => shown(&log.message),
            Task::Update(update) => {
                details.extend(delivers(plan, update.secret.as_str().unwrap_or_default()));
                format!("{} ← {}", shown(&update.secret), stored(&update.value))
            }
            Task::Stage(stage) => format!("{} (pending) ← {}", stage.secret, stored(&stage.value)),
            Task::Verify(verify) => verify
                .within
                .map_or_else(|| "once".to_owned(), |w| format!("within {w}")),
            Task::Promote(promote) => {
                details.extend(delivers(plan, &promote.secret));
                format!("{}: the pending version becomes current", promote.secret)
            }
            Task::Revoke(revoke) => match revoke.after {
                Some(after) => format!("the previous version of {}, {after} later", revoke.secret),
                None => format!("the previous version of {}", revoke.secret),
            },
            Task::Manual(manual) => shown(&manual.instructions),
            Task::Fail(fail) => shown(&fail.message),
            Task::Stop(stop) => stop.reason.as_ref().map(shown).unwrap_or_default(),
            Task::Wait(crate::plan::task::Wait::For(expr)) => shown(expr),
            Task::Wait(crate::plan::task::Wait::Until(expr)) => format!("until {}", shown(expr)),
            Task::Switch(switch) => format!("on {}", shown(&switch.subject)),
            Task::Parallel(parallel) => format!("{} branches", parallel.branches.len()),
            Task::ForEach(each) => format!("{} in {}", each.item, shown(&each.items)),
            Task::Repeat(repeat) => format!("until {}", shown(&repeat.until)),
            Task::Call(call) => match &call.each {
                Some(each) => format!(
                    "rotation {} for each of {}, at the same time",
                    call.rotation,
                    shown(each)
                ),
                None => format!("rotation {}", call.rotation),
            },
            Task::Worker(worker) => format!("{} (a local program)", worker.name),
            Task::Fork(fork) => format!("tasks that come at run time: {}", shown(&fork.tasks)),
        };
        out.push(Line {
            depth,
            name: step.name.clone(),
            kind: step.task.kind(),
            what,
            details,
        });
        if let Task::Switch(switch) = &step.task {
            for case in &switch.cases {
                out.push(Line {
                    depth: depth + 1,
                    name: String::new(),
                    kind: "case",
                    what: case.name.clone(),
                    details: Vec::new(),
                });
                lines(plan, &case.steps, public, depth + 2, out);
            }
            if !switch.otherwise.is_empty() {
                out.push(Line {
                    depth: depth + 1,
                    name: String::new(),
                    kind: "else",
                    what: String::new(),
                    details: Vec::new(),
                });
                lines(plan, &switch.otherwise, public, depth + 2, out);
            }
        } else {
            for block in step.task.blocks() {
                lines(plan, block, public, depth + 1, out);
            }
        }
    }
}

/// Where a new version of a secret is delivered.
fn delivers(plan: &Plan, secret: &str) -> Option<(&'static str, String)> {
    let targets = plan.targets_of(secret).into_iter();
    let all: Vec<String> = targets
        .map(|target| format!("{} ({})", target.name, target.describe().replace('`', "")))
        .collect();
    (!all.is_empty()).then(|| ("delivers", all.join(", ")))
}

/// What stands behind the scheme of an address that no author writes.
fn peer(url: &Expr) -> String {
    let text = shown(url);
    let text = text.trim_matches('"');
    text.split_once("://")
        .map_or(text, |(_, rest)| rest)
        .to_owned()
}

fn exchange(http: &Http, public: &Public, details: &mut Vec<(&'static str, String)>) {
    if http.effect != Effect::Unspecified {
        details.push(("effect", http.effect.describe().to_owned()));
    }
    let mut sent: Vec<String> = Vec::new();
    for (part, expr) in http.request_exprs() {
        let place = part.describe();
        for name in secrets_in(expr, public) {
            let line = format!("{name} in the {place}");
            if !sent.contains(&line) {
                sent.push(line);
            }
        }
    }
    if !sent.is_empty() {
        details.push(("sends", sent.join(", ")));
    }
    match &http.auth {
        Some(Auth::Bearer(_)) => details.push(("authenticates", "bearer token".into())),
        Some(Auth::Basic(..)) => details.push(("authenticates", "user and password".into())),
        Some(Auth::Client(..)) => details.push(("authenticates", "OAuth client".into())),
        Some(Auth::Login(..)) => details.push(("authenticates", "login".into())),
        None => {}
    }
    match http.sign.as_deref() {
        Some(Sign::AwsSigv4 { .. }) => details.push(("signs", "AWS Signature Version 4".into())),
        Some(Sign::Hmac { header, .. }) => details.push(("signs", format!("HMAC in {header}"))),
        Some(Sign::Jwt(jwt)) => {
            let word = jwt.algorithm.word();
            details.push(("signs", format!("token ({word}) for {}", jwt.lifetime)));
        }
        None => {}
    }
    let body = match &http.body {
        Body::None => None,
        Body::Statement { text, .. } => Some(shown(text)),
        Body::Command(words) => Some(words.iter().map(shown).collect::<Vec<_>>().join(" ")),
        Body::Program(program) => {
            let words = program.arguments.iter().map(shown);
            Some(words.collect::<Vec<_>>().join(" ")).filter(|all| !all.is_empty())
        }
        Body::Json(_) => Some("JSON".to_owned()),
        Body::Form(_) => Some("form".to_owned()),
        Body::Text(_) => Some("text".to_owned()),
        Body::Raw(_) => Some("bytes".to_owned()),
    };
    if let Some(body) = body {
        details.push(("body", body));
    }
    for expect in &http.expect {
        details.push((
            "expects",
            match &expect.what {
                Expectation::Status(patterns) => {
                    format!(
                        "status {}",
                        patterns
                            .iter()
                            .map(ToString::to_string)
                            .collect::<Vec<_>>()
                            .join(", ")
                    )
                }
                Expectation::Header {
                    name,
                    operator,
                    value,
                } => format!("header {name} {} {}", operator.as_str(), shown(value)),
                Expectation::Body {
                    path,
                    operator,
                    value,
                } => format!(
                    "body {} {} {}",
                    path.as_str(),
                    operator.as_str(),
                    shown(value)
                ),
            },
        ));
    }
    for capture in &http.captures {
        let source = match &capture.source {
            CaptureSource::Body(path) => path.as_str().to_owned(),
            CaptureSource::Text => "the body".into(),
            CaptureSource::Header(name) => format!("header {name}"),
            CaptureSource::Status => "the status".into(),
            CaptureSource::Expr(expr) => shown(expr),
        };
        details.push((
            "keeps",
            format!(
                "{}{} from {source}",
                if capture.secret { "secret " } else { "" },
                capture.name
            ),
        ));
    }
    if http.raw_output {
        details.push(("keeps", "the whole answer".into()));
    }
    if let Some(strays) = &http.strays {
        for (word, request) in [("strays", &strays.list), ("revokes", &strays.revoke)] {
            details.push((word, format!("{} {}", request.method, shown(&request.url))));
            exchange(request, public, details);
        }
    }
}

fn stored(value: &NewValue) -> String {
    match value {
        NewValue::Single(expr) => shown(expr),
        NewValue::Fields(fields) => {
            format!(
                "{{ {} }}",
                fields
                    .iter()
                    .map(|(n, e)| format!("{n}: {}", shown(e)))
                    .collect::<Vec<_>>()
                    .join(", ")
            )
        }
    }
}

/// The secrets that an expression names, as the author wrote them; fields that are public by the plan are none.
fn secrets_in(expr: &Expr, public: &Public) -> Vec<String> {
    let mut names = Vec::new();
    expr.walk(&mut |e| {
        if let ExprKind::Ref(Root::Secret {
            name,
            field,
            version,
        }) = &e.kind
        {
            if field
                .as_ref()
                .is_some_and(|f| public.contains(&(name.clone(), f.clone())))
            {
                return;
            }
            let path = field
                .as_ref()
                .map_or_else(|| name.clone(), |f| format!("{name}.{f}"));
            names.push(match version {
                Version::Current => path,
                other => format!("{}.{path}", other.root()),
            });
        }
    });
    names
}

/// An expression as it reads, names for values.
fn shown(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::String(text) => text.clone(),
        ExprKind::Template(parts) => parts
            .iter()
            .map(|p| {
                p.as_str()
                    .map_or_else(|| format!("${{{}}}", shown(p)), str::to_owned)
            })
            .collect(),
        ExprKind::Null => "null".into(),
        ExprKind::Bool(value) => value.to_string(),
        ExprKind::Number(digits) => digits.clone(),
        ExprKind::Duration(duration) => duration.to_string(),
        ExprKind::List(items) => format!(
            "[{}]",
            items.iter().map(shown).collect::<Vec<_>>().join(", ")
        ),
        ExprKind::Object(members) => {
            format!(
                "{{ {} }}",
                members
                    .iter()
                    .map(|(n, e)| format!("{n}: {}", shown(e)))
                    .collect::<Vec<_>>()
                    .join(", ")
            )
        }
        ExprKind::Ref(root) => name(root),
        ExprKind::Field(base, field) => format!("{}.{field}", shown(base)),
        ExprKind::Index(base, index) => format!("{}[{index}]", shown(base)),
        ExprKind::Path(base, path) => {
            format!("{}{}", shown(base), path.as_str().trim_start_matches('$'))
        }
        ExprKind::Call(function, arguments) => {
            format!(
                "{}({})",
                function.name(),
                arguments.iter().map(shown).collect::<Vec<_>>().join(", ")
            )
        }
        ExprKind::Binary(operator, left, right) => {
            format!("{} {} {}", shown(left), operator.as_str(), shown(right))
        }
        ExprKind::Not(inner) => format!("not {}", shown(inner)),
        ExprKind::Reveal { value, .. } => format!("reveal {}", shown(value)),
    }
}

fn name(root: &Root) -> String {
    match root {
        Root::Secret {
            name,
            field,
            version,
        } => match field {
            Some(field) => format!("{}.{name}.{field}", version.root()),
            None => format!("{}.{name}", version.root()),
        },
        Root::Input(name) => format!("input.{name}"),
        Root::Inputs => "input".into(),
        Root::Let(name) | Root::Variable(name) => name.clone(),
        Root::Capture { step, name } => format!("{step}.{name}"),
        Root::Output(step) => format!("{step}.output"),
        Root::TaskField { step, field } => format!("{step}.{field}"),
        Root::Env(name) => format!("env.{name}"),
        Root::Run(field) => format!("run.{}", field.as_str()),
        Root::Answer => "the answer".into(),
    }
}

impl Preview {
    /// Of a member of a family whose first one stands above.
    fn short(&self) -> String {
        let due = self.next_due.as_ref().map(|(_, why)| format!("; {why}"));
        format!(
            "rotation {}\n  the same for another member{}\n",
            visible(&self.rotation),
            due.unwrap_or_default()
        )
    }

    fn text(&self) -> String {
        let mut out = format!("rotation {}", visible(&self.rotation));
        if let Some(description) = &self.description {
            out.push_str(&format!("\n  {}", visible(description)));
        }
        match (&self.schedule, &self.next_due) {
            (Some(schedule), Some((_, why))) => out.push_str(&format!("\n  {schedule}; {why}")),
            (Some(schedule), None) => out.push_str(&format!("\n  {schedule}")),
            (None, _) => out.push_str("\n  runs by hand only"),
        }
        out.push_str("\n\n");
        let width = self
            .steps
            .iter()
            .map(|l| l.kind.len() + l.depth * 2)
            .max()
            .unwrap_or(0);
        let mut number = 0;
        for line in &self.steps {
            let indent = "  ".repeat(line.depth);
            let index = if line.depth == 0 {
                number += 1;
                format!("{number:>3}")
            } else {
                "   ".to_owned()
            };
            out.push_str(
                format!(
                    "{index}  {indent}{:<pad$}  {}",
                    line.kind,
                    visible(&line.what),
                    pad = width - line.depth * 2
                )
                .trim_end(),
            );
            out.push('\n');
            for (word, detail) in &line.details {
                out.push_str(&format!(
                    "     {indent}{:pad$}  {word} {}\n",
                    "",
                    visible(detail),
                    pad = width - line.depth * 2
                ));
            }
        }
        out
    }

    fn json(&self) -> Json {
        let steps: Vec<Json> = self
            .steps
            .iter()
            .map(|l| {
                let details: Vec<Json> = l.details.iter().map(|(word, detail)| json!({ "what": word, "detail": detail })).collect();
                json!({ "ref": l.name, "kind": l.kind, "depth": l.depth, "summary": l.what, "details": details })
            })
            .collect();
        json!({
            "rotation": self.rotation,
            "description": self.description,
            "schedule": self.schedule,
            "next_due": self.next_due.as_ref().map(|(at, _)| at),
            "next_due_reason": self.next_due.as_ref().map(|(_, why)| why),
            "steps": steps,
        })
    }
}
