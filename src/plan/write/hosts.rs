//! The declarations at the top: environment, and secrets with where they may go.

use super::text::{key, quoted, secret_name, segment};
use crate::plan::policy::{Destination, HostPattern, Place, Policy};
use crate::plan::target::Said;
use crate::plan::task::{Http, Task};
use crate::plan::visit::RequestPart;
use crate::plan::{Expr, ExprKind, Plan, Root, Rotation, SecretDecl};
use crate::source::At;
use std::collections::HashMap;

/// `env …` and `secret …`. Secrets that may go to the same places share a line.
pub(super) fn declarations(plan: &Plan) -> String {
    let mut text = String::new();
    if !plan.env.is_empty() {
        let names: Vec<&str> = plan.env.iter().map(|e| e.name.as_str()).collect();
        text.push_str(&format!("env {}\n\n", names.join(", ")));
    }
    let used = used(plan);
    let mut groups: Vec<(Vec<String>, String)> = Vec::new();
    for secret in &plan.secrets {
        let name = match secret.fields.as_slice() {
            [] => secret_name(&secret.name),
            fields => {
                let fields: Vec<String> = fields.iter().map(|f| key(f)).collect();
                format!("{} {{ {} }}", secret_name(&secret.name), fields.join(", "))
            }
        };
        let places = places(secret, &used);
        match groups.last_mut() {
            Some((names, last))
                if *last == places
                    && secret.fields.is_empty()
                    && !names.iter().any(|n| n.contains('{')) =>
            {
                names.push(name)
            }
            _ => groups.push((vec![name], places)),
        }
    }
    for (names, places) in groups {
        text.push_str(&format!("secret {}{places}\n", names.join(", ")));
    }
    text.push_str(&targets_and_deliveries(plan));
    text
}

/// `target …` and `deliver …`.
fn targets_and_deliveries(plan: &Plan) -> String {
    let mut text = String::new();
    for target in &plan.targets {
        let options: Vec<String> = target
            .kind
            .options()
            .into_iter()
            .map(|(word, value)| match value {
                Said::Text(value) => format!("{word} {}", quoted(&value)),
                Said::Length(value) => format!("{word} {value}"),
                Said::Credential(one) => {
                    let field = one
                        .field
                        .as_ref()
                        .map(|field| format!(".{}", segment(field)));
                    let name = secret_name(&one.secret);
                    format!("{word} secrets.{name}{}", field.unwrap_or_default())
                }
            })
            .collect();
        let options = match options.is_empty() {
            true => String::new(),
            false => format!(" {{\n  {}\n}}", options.join("\n  ")),
        };
        text.push_str(&format!(
            "\ntarget {} {} {}{options}",
            target.name,
            target.kind.word(),
            quoted(target.kind.place())
        ));
    }
    for delivery in &plan.deliveries {
        let field = delivery.field.as_ref().map(|f| format!(".{f}"));
        let called = delivery.called.as_ref();
        let called = called.map(|name| format!(" as {}", quoted(name)));
        text.push_str(&format!(
            "\ndeliver {}{} to {}{}",
            secret_name(&delivery.secret),
            field.unwrap_or_default(),
            delivery.target,
            called.unwrap_or_default()
        ));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn places(secret: &SecretDecl, used: &HashMap<String, Vec<Destination>>) -> String {
    let destinations: &[Destination] = match &secret.policy {
        Policy::Declared(declared) => declared,
        Policy::Implied => used.get(&secret.name).map_or(&[], Vec::as_slice),
    };
    targets(destinations)
}

/// ` to "host", …`; nothing where there is none.
pub(super) fn targets(destinations: &[Destination]) -> String {
    let written: Vec<String> = destinations.iter().map(destination).collect();
    if written.is_empty() {
        String::new()
    } else {
        format!(" to {}", written.join(", "))
    }
}

fn destination(destination: &Destination) -> String {
    let host = &destination.host.0;
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.clone()
    };
    let port = destination
        .port
        .map(|p| format!(":{p}"))
        .unwrap_or_default();
    let usual = destination.places.as_slice() == Place::DEFAULT;
    let places: Vec<&str> = destination.places.iter().map(|p| p.as_str()).collect();
    let places = if usual {
        String::new()
    } else {
        format!(" in {}", places.join(", "))
    };
    format!("{}{places}", quoted(&format!("{host}{port}")))
}

/// The literal hosts that each secret is sent to.
fn used(plan: &Plan) -> HashMap<String, Vec<Destination>> {
    let mut used = HashMap::new();
    for rotation in &plan.rotations {
        let named = named(rotation);
        for (_, http) in rotation.requests() {
            request(http, &named, &mut used);
        }
    }
    used
}

/// What `let`s and variables stand for.
fn named(rotation: &Rotation) -> HashMap<&str, Vec<&Expr>> {
    let mut named: HashMap<&str, Vec<&Expr>> = HashMap::new();
    for (name, value) in &rotation.variables {
        named.entry(name).or_default().push(value);
    }
    rotation.walk(&mut |step| {
        if let Task::Let(assign) = &step.task {
            named.entry(&assign.name).or_default().push(&assign.value);
        }
        if let Task::SetVariables(set) = &step.task {
            for (name, value) in &set.values {
                named.entry(name).or_default().push(value);
            }
        }
    });
    named
}

fn request(
    http: &Http,
    named: &HashMap<&str, Vec<&Expr>>,
    used: &mut HashMap<String, Vec<Destination>>,
) {
    let Some((host, port)) = host(&http.url) else {
        return;
    };
    for (part, expr) in http.request_exprs() {
        let place = match part {
            RequestPart::Header => Place::Header,
            RequestPart::Body => Place::Body,
            RequestPart::Query => Place::Query,
            RequestPart::Url => in_url(expr),
            RequestPart::In(place) => place,
        };
        let mut secrets = Vec::new();
        collect(expr, named, &mut secrets, 0);
        for secret in secrets {
            let known = used.entry(secret.to_owned()).or_default();
            let at = known
                .iter()
                .position(|d| d.host.0 == host && d.port == port)
                .unwrap_or_else(|| {
                    let places = Place::DEFAULT.to_vec();
                    known.push(Destination {
                        host: HostPattern(host.clone()),
                        port,
                        places,
                        at: At::NOWHERE,
                    });
                    known.len() - 1
                });
            if let Some(destination) = known.get_mut(at)
                && !destination.places.contains(&place)
            {
                destination.places.push(place);
            }
        }
    }
}

/// Path or query, by whether a `?` stands before the first value.
fn in_url(url: &Expr) -> Place {
    let ExprKind::Template(parts) = &url.kind else {
        return Place::Path;
    };
    let before = parts
        .iter()
        .map_while(|p| p.as_str())
        .any(|t| t.contains('?'));
    if before { Place::Query } else { Place::Path }
}

fn collect<'a>(
    expr: &'a Expr,
    named: &HashMap<&str, Vec<&'a Expr>>,
    found: &mut Vec<&'a str>,
    depth: usize,
) {
    expr.walk(&mut |e| match &e.kind {
        ExprKind::Ref(Root::Secret { name, .. }) => found.push(name),
        ExprKind::Ref(Root::Let(name) | Root::Variable(name)) if depth < 8 => {
            for value in named.get(name.as_str()).into_iter().flatten() {
                collect(value, named, found, depth + 1);
            }
        }
        _ => {}
    });
}

/// The host of an address, where it is written out.
fn host(url: &Expr) -> Option<(String, Option<u16>)> {
    let text = match &url.kind {
        ExprKind::String(text) => text.as_str(),
        ExprKind::Template(parts) => {
            let first = parts.first()?.as_str()?;
            // What follows may go on the host, unless that has ended.
            let (_, rest) = first.split_once("://")?;
            rest.contains(['/', '?', '#']).then_some(first)?
        }
        _ => return None,
    };
    let parsed = url::Url::parse(text).ok()?;
    let host = parsed.host()?.to_string();
    Some((
        host.trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned(),
        parsed.port(),
    ))
}
