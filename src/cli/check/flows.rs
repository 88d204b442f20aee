//! `--flows` and `--declassifications`: what an auditor asks, for all inputs, as text or JSON.

use crate::check::graph::{self, Flow, Kind, Release, SecretFlow};
use crate::cli::args::CheckArgs;
use crate::cli::config::Config;
use crate::cli::context::Context;
use crate::cli::inputs::{self, Wanted};
use crate::cli::suppress::hides_others;
use crate::cli::{files, load};
use crate::diagnostic::{Error, Failure, Label, codes};
use crate::report::findings::counted;
use crate::report::{Blanks, Format, visible};
use crate::source::{FileId, SourceMap, Span};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// One input, looked at.
struct Seen {
    name: String,
    sources: SourceMap,
    blanks: Blanks,
    secrets: Vec<SecretFlow>,
    releases: Vec<Release>,
}

/// Runs the command. A file that could not be read to its end makes the exit code 1: the picture of it has gaps.
pub fn run(args: &CheckArgs, context: &Context, config: &Config) -> Result<(), Error> {
    let mut requests: Vec<(Format, Option<&std::path::Path>)> = args
        .report
        .iter()
        .map(|r| (r.format, r.file.as_deref()))
        .collect();
    if requests.is_empty() {
        requests.push((Format::Text, None));
    }
    let one = requests.iter().filter(|(_, file)| file.is_none()).count() <= 1;
    if !one
        || requests
            .iter()
            .any(|(format, _)| !matches!(format, Format::Text | Format::Json))
    {
        let error = Error::plain(
            Failure::Usage,
            codes::USAGE,
            "flows are told as `text` or `json`, one of them on standard output",
        );
        return Err(error.help("give a file to the others: `--report json=FILE`"));
    }
    let inputs = inputs::collect(&args.paths, args.stdin_path.as_deref(), Wanted::Sources);
    if inputs.is_empty() {
        return Err(Error::plain(
            Failure::NoInputs,
            codes::UNREADABLE_INPUT,
            "there is nothing to look at",
        )
        .help("name files or folders"));
    }
    let mut seen = Vec::new();
    let mut failure = None;
    for input in &inputs {
        let name = input.file.name().to_owned();
        if let Some(problem) = &input.problem {
            context.out.stderr(&format!(
                "cannot read `{}`: {}\n",
                visible(&name),
                problem.why
            ));
            failure = Some(Failure::Usage);
            continue;
        }
        let loaded = load::analyse(&input.file, config);
        let broken = loaded.findings.iter().filter(|d| hides_others(d)).count();
        if broken > 0 {
            let what = counted(broken, "error");
            context.out.stderr(&format!(
                "`{}` has {what} that hide a part of it; `rot check` shows them\n",
                visible(&name)
            ));
            failure = failure.or(Some(Failure::Findings));
        }
        let blanks = Blanks::collect(&loaded.sources, &loaded.findings);
        let (secrets, releases) = if args.declassifications {
            (Vec::new(), graph::releases(&loaded.plan))
        } else {
            (graph::flows(&loaded.plan).secrets, Vec::new())
        };
        seen.push(Seen {
            name,
            sources: loaded.sources,
            blanks,
            secrets,
            releases,
        });
    }
    for (format, file) in requests {
        let text = match (format, args.declassifications) {
            (Format::Json, true) => document(releases_json(&seen)),
            (Format::Json, false) => document(flows_json(&seen)),
            (_, true) => releases_text(&seen),
            (_, false) => flows_text(&seen),
        };
        match file {
            None => context.out.stdout(&text),
            Some(path) => {
                files::write_report(path, &context.out.redactor().redact(&text))
                    .map_err(|e| super::unwritable("the report", path, &e))?;
            }
        }
    }
    let tell = |count: usize, what: &str| {
        context.out.info(&format!(
            "looked at {}: {}",
            counted(seen.len(), "file"),
            counted(count, what)
        ))
    };
    if args.declassifications {
        tell(
            seen.iter().map(|s| s.releases.len()).sum(),
            "declassification",
        );
    } else {
        tell(seen.iter().map(|s| s.secrets.len()).sum(), "secret");
    }
    failure.map_or(Ok(()), |failure| {
        Err(Error {
            failure,
            diagnostics: Vec::new(),
        })
    })
}

fn document(value: Value) -> String {
    crate::report::format::json_text(&value)
}

fn place(seen: &Seen, span: Span) -> Option<(String, u32, u32)> {
    let file = seen.sources.get(span.file)?;
    let at = file.position(span.start);
    Some((file.name().to_owned(), at.line, at.column))
}

/// `file:line:column`; in a file of its own heading without its name; nothing where there is no text.
fn shown(seen: &Seen, span: Span, headed: bool) -> String {
    let named = |(file, line, column): (String, u32, u32)| match headed && file == seen.name {
        true => format!("{line}:{column}"),
        false => format!("{}:{line}:{column}", visible(&file)),
    };
    place(seen, span).map_or(String::new(), named)
}

fn kind(secret: &SecretFlow) -> String {
    match (secret.kind, &secret.issuer) {
        (Kind::Vault, _) => match &secret.allowed {
            Some(to) if to.is_empty() => "secret of the vault, declared for no host".to_owned(),
            Some(to) => format!("secret of the vault, declared for {}", to.join("; ")),
            None => "secret of the vault, declared for no host in particular".to_owned(),
        },
        (Kind::Minted, Some(step)) => format!("new credential of step `{step}`"),
        (Kind::Answer, Some(step)) => {
            format!("the whole answer of step `{step}`, which holds a credential")
        }
        (Kind::Input, _) => "secret input, from the caller".to_owned(),
        _ => "a secret that is written in the text".to_owned(),
    }
}

/// Who sees a secret, each once, in order.
fn seen_by(secret: &SecretFlow) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for flow in secret.flows.iter().filter(|f| !f.decides) {
        let who = flow.to.describe();
        if !all.contains(&who) {
            all.push(who);
        }
    }
    all
}

fn flows_text(all: &[Seen]) -> String {
    let mut out = String::new();
    for (number, seen) in all.iter().enumerate() {
        let _ = writeln!(
            out,
            "{}{}",
            if number > 0 { "\n" } else { "" },
            visible(&seen.name)
        );
        if seen.secrets.is_empty() {
            out.push_str("  no secrets\n");
        }
        for secret in &seen.secrets {
            let _ = writeln!(
                out,
                "\n  {}  {}",
                visible(&secret.name),
                visible(&kind(secret))
            );
            let rows: Vec<[String; 4]> = secret.flows.iter().map(|flow| row(seen, flow)).collect();
            let width = |i: usize| {
                rows.iter()
                    .filter_map(|r| r.get(i))
                    .map(|c| c.chars().count())
                    .max()
                    .unwrap_or(0)
            };
            let (first, second, third) = (width(0), width(1), width(2));
            for [step, to, how, at] in &rows {
                let line = format!("    {step:first$}  → {to:second$}  {how:third$}  {at}");
                let _ = writeln!(out, "{}", line.trim_end());
            }
            let who = seen_by(secret);
            let who = if who.is_empty() {
                "nobody: nothing reads it".to_owned()
            } else {
                who.join(" · ")
            };
            let _ = writeln!(out, "    seen by: {}", visible(&who));
        }
    }
    out
}

fn row(seen: &Seen, flow: &Flow) -> [String; 4] {
    let step = flow.step.as_ref().map_or_else(
        || flow.to.without_step().to_owned(),
        |(name, kind)| {
            if name.starts_with(kind.as_str()) {
                name.clone()
            } else {
                format!("{kind} {name}")
            }
        },
    );
    let how = [
        if flow.decides {
            "only decides that it happens"
        } else {
            graph::how(flow.how)
        },
        flow.to.place(),
    ];
    let how: Vec<&str> = how.into_iter().filter(|h| !h.is_empty()).collect();
    [
        step,
        flow.to.describe(),
        how.join(", "),
        shown(seen, flow.span, true),
    ]
    .map(|cell| {
        seen.blanks
            .clean(FileId::NONE, &visible(&cell))
            .into_owned()
    })
}

fn flows_json(all: &[Seen]) -> Value {
    let spot = |seen: &Seen, span: Span| match place(seen, span) {
        Some((file, line, column)) => json!({ "file": file, "line": line, "column": column }),
        None => Value::Null,
    };
    let via = |seen: &Seen, label: &Label| json!({ "message": seen.blanks.clean(FileId::NONE, &label.text), "place": spot(seen, label.span) });
    let flow = |seen: &Seen, flow: &Flow| {
        json!({
            "rotation": flow.rotation,
            "step": flow.step.as_ref().map(|(name, _)| name),
            "kind": flow.step.as_ref().map(|(_, kind)| kind),
            "place": spot(seen, flow.span),
            "to": { "kind": flow.to.kind(), "name": seen.blanks.clean(FileId::NONE, &flow.to.describe()), "part": flow.to.place() },
            "derivation": flow.how,
            "decides": flow.decides,
            "via": flow.via.iter().map(|l| via(seen, l)).collect::<Vec<_>>(),
        })
    };
    let secret = |seen: &Seen, secret: &SecretFlow| {
        json!({
            "name": secret.name,
            "kind": secret.kind.as_str(),
            "rotation": secret.rotation,
            "place": spot(seen, secret.span),
            "declared_for": secret.allowed,
            "issuer": secret.issuer,
            "flows": secret.flows.iter().map(|f| flow(seen, f)).collect::<Vec<_>>(),
            "seen_by": seen_by(secret),
        })
    };
    let file = |seen: &Seen| json!({ "file": seen.name, "secrets": seen.secrets.iter().map(|s| secret(seen, s)).collect::<Vec<_>>() });
    json!({ "schema": "rot.flows/v1", "files": all.iter().map(file).collect::<Vec<_>>() })
}

fn releases_text(all: &[Seen]) -> String {
    let mut out = String::new();
    for seen in all {
        for one in &seen.releases {
            let what = if one.secrets.is_empty() {
                "nothing secret".to_owned()
            } else {
                one.secrets.join(", ")
            };
            let place = match (&one.rotation, &one.step) {
                (rotation, Some(step)) => format!("{rotation}, step {step}"),
                (rotation, None) => format!("{rotation}, output")
                    .trim_start_matches(", ")
                    .to_owned(),
            };
            let line = format!(
                "{}: {}\n  releases {what} in {place}\n",
                shown(seen, one.span, false),
                one.reason
            );
            let _ = write!(
                out,
                "{}",
                line.lines()
                    .map(|l| format!("{}\n", seen.blanks.clean(FileId::NONE, &visible(l))))
                    .collect::<String>()
            );
        }
    }
    out
}

fn releases_json(all: &[Seen]) -> Value {
    let one = |seen: &Seen, one: &Release| {
        let at = place(seen, one.span);
        json!({
            "file": at.as_ref().map(|p| p.0.as_str()),
            "line": at.as_ref().map(|p| p.1),
            "column": at.as_ref().map(|p| p.2),
            "rotation": one.rotation,
            "step": one.step,
            "reason": seen.blanks.clean(FileId::NONE, &one.reason),
            "releases": one.secrets,
        })
    };
    let list: Vec<Value> = all
        .iter()
        .flat_map(|seen| {
            seen.releases
                .iter()
                .map(|r| one(seen, r))
                .collect::<Vec<_>>()
        })
        .collect();
    json!({ "schema": "rot.declassifications/v1", "declassifications": list })
}
