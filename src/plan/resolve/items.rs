//! Declarations: secrets with their destinations, environment, rotations with their clauses.

use super::{Resolver, errors};
use crate::diagnostic::{Severity, codes, nearest};
use crate::plan::index::NameKind;
use crate::plan::name::{is_identifier, is_secret_name};
use crate::plan::policy::{Destination, HostPattern, Place, Policy};
use crate::plan::schedule::{Cron, Dur, Schedule, Trigger};
use crate::plan::{EnvDecl, Input, Output, Rotation, SecretDecl, Type};
use crate::source::{At, Span};
use crate::syntax::ast::{self, Entry, Name};
use std::collections::HashMap;

const SECRET_NAME_RULE: &str = "letters, digits, `_` and `-`, beginning with a letter or digit, in segments joined by `/`; no dots";

impl Resolver {
    pub(super) fn env(&mut self, env: &ast::Env) {
        for name in &env.names {
            if !self.env.insert(name.text.clone()) {
                continue;
            }
            self.env_places.insert(name.text.clone(), name.span);
            self.define_within(NameKind::Env, name, Span::NONE, Some(Type::String));
            self.plan.env.push(EnvDecl {
                name: name.text.clone(),
                at: At(name.span),
            });
        }
    }

    pub(super) fn secret(&mut self, secret: &ast::Secret) {
        let destinations: Vec<Destination> = secret
            .to
            .iter()
            .filter_map(|target| self.destination(target))
            .collect();
        for (name, fields) in &secret.names {
            if !is_secret_name(&name.text) {
                self.report(errors::bad_name("a secret", name, SECRET_NAME_RULE));
                continue;
            }
            if let Some(first) = self.declared_secret(&name.text).map(|s| s.at.0) {
                self.report(errors::duplicate("secret", name, first));
                continue;
            }
            self.define_within(NameKind::Secret, name, Span::NONE, None);
            let mut seen: Vec<&Name> = Vec::new();
            let mut places: HashMap<&str, Span> = HashMap::new();
            for field in fields {
                if let Some(first) = places.get(field.text.as_str()).copied() {
                    self.report(errors::duplicate("field", field, first));
                } else {
                    places.insert(&field.text, field.span);
                    self.field_places
                        .insert((name.text.clone(), field.text.clone()), field.span);
                    self.define_within(NameKind::Field, field, name.span, Some(Type::String));
                    seen.push(field);
                }
            }
            self.secrets
                .insert(name.text.clone(), self.plan.secrets.len());
            self.plan.secrets.push(SecretDecl {
                name: name.text.clone(),
                fields: seen.iter().map(|f| f.text.clone()).collect(),
                policy: Policy::Declared(destinations.clone()),
                at: At(name.span),
            });
        }
    }

    pub(super) fn destination(&mut self, target: &ast::Destination) -> Option<Destination> {
        let mut places = Vec::new();
        for place in &target.places {
            match Place::parse(&place.text) {
                Some(place) if !places.contains(&place) => places.push(place),
                Some(_) => {}
                None => {
                    let words = Place::DECLARED.map(Place::as_str);
                    self.offer(place, |_| super::words(words));
                    self.report(errors::unknown_word(
                        place.span,
                        "a part of a request",
                        &place.text,
                        &words,
                    ));
                    // What is meant counts for the rest, so that one slip is one finding.
                    places.extend(
                        nearest(&place.text, words)
                            .and_then(Place::parse)
                            .filter(|meant| !places.contains(meant)),
                    );
                }
            }
        }
        if places.is_empty() {
            places.extend(match target.program {
                true => Place::OF_PROGRAMS.as_slice(),
                false => Place::DEFAULT.as_slice(),
            });
        }
        if let Some(place) = places.iter().find(|p| p.is_of_program() != target.program) {
            let (what, help) = match target.program {
                true => (
                    "a program has no",
                    "a program gets a secret in `stdin`, `environment` or `file`",
                ),
                false => (
                    "a host has no",
                    "for a program of this machine write `to program \"NAME\"`",
                ),
            };
            self.report(errors::bad_value(
                codes::BAD_VALUE,
                target.span,
                format!("{what} `{}`", place.as_str()),
                help,
            ));
        }
        if target.parameter {
            self.report(errors::misplaced(
                target.host.span,
                "this host is not known here",
                "`\"${name}\"` is for the host parameters of a template; write the host itself",
            ));
            return None;
        }
        if target.program {
            self.program_name(&target.host);
            return Some(Destination {
                host: HostPattern(target.host.text.clone()),
                port: None,
                places,
                at: At(target.span),
            });
        }
        match parse_host(&target.host.text) {
            Ok((host, port)) => Some(Destination {
                host: HostPattern(host),
                port,
                places,
                at: At(target.span),
            }),
            Err(help) => {
                let host = &target.host;
                self.report(if host.text.starts_with('*') {
                    let found = errors::bad_value(
                        codes::WILDCARD_HOST,
                        host.span,
                        format!("`{}` covers other people's hosts", host.text),
                        help,
                    );
                    found.severity(Severity::Error)
                } else {
                    errors::bad_value(
                        codes::BAD_URL,
                        host.span,
                        format!("`{}` is not a host", host.text),
                        help,
                    )
                });
                // Whoever writes a whole address means its host.
                let meant = url::Url::parse(&host.text).ok()?;
                Some(Destination {
                    host: HostPattern(meant.host_str()?.to_owned()),
                    port: meant.port(),
                    places,
                    at: At(target.span),
                })
            }
        }
    }

    pub(super) fn rotation(&mut self, rotation: &ast::Rotation, imported: bool) {
        self.scope = super::Scope::default();
        self.inside = rotation.name.span;
        if let Some(first) = self.rotation_named(&rotation.name.text).map(|r| r.at.0) {
            self.report(errors::duplicate("rotation", &rotation.name, first));
            return;
        }
        let mut made = Rotation {
            name: rotation.name.text.clone(),
            description: None,
            inputs: Vec::new(),
            schedule: None,
            timeout: None,
            variables: Vec::new(),
            steps: Vec::new(),
            outputs: Vec::new(),
            result: None,
            on_failure: Vec::new(),
            failure_rotation: None,
            family: match &rotation.family {
                Some(ast::Family::Member { family, .. }) => Some(family.clone()),
                Some(ast::Family::Each(_)) | None => None,
            },
            imported,
            given: Vec::new(),
            masked_fields: Vec::new(),
            at: At(rotation.name.span),
        };
        self.collect_names(&rotation.body);
        for entry in &rotation.body {
            self.header(entry, &mut made);
        }
        for entry in &rotation.body {
            if let Entry::Step(step) = entry
                && let Some(step) = self.step(step)
            {
                made.steps.push(step);
            }
        }
        for entry in &rotation.body {
            match entry {
                Entry::Output {
                    name,
                    secret,
                    value,
                    ..
                } => {
                    let value = self.expr(value).0;
                    made.outputs.push(Output {
                        name: name.text.clone(),
                        value,
                        masked: *secret,
                        at: At(name.span),
                    });
                }
                Entry::OnFailure { steps, .. } => made.on_failure = self.steps(steps),
                _ => {}
            }
        }
        self.rotations
            .insert(made.name.clone(), self.plan.rotations.len());
        self.plan.rotations.push(made);
    }

    fn header(&mut self, entry: &Entry, made: &mut Rotation) {
        match entry {
            Entry::Description(text) => made.description = Some(text.text.clone()),
            Entry::Timeout(duration) => {
                self.positive(duration);
                made.timeout = Some(duration.value);
            }
            Entry::Every {
                interval,
                jitter,
                span,
            } => {
                self.positive(interval);
                self.set_schedule(
                    made,
                    Trigger::Every(interval.value),
                    jitter.as_ref().map(|j| j.value),
                    *span,
                );
            }
            Entry::Cron {
                expression,
                zone,
                jitter,
                span,
            } => {
                if let Some(cron) = self.cron(expression, zone.as_ref()) {
                    self.set_schedule(
                        made,
                        Trigger::Cron(vec![cron]),
                        jitter.as_ref().map(|j| j.value),
                        *span,
                    );
                }
            }
            Entry::Input {
                name,
                secret,
                ty,
                default,
                ..
            } => {
                let Some(parsed) = Type::parse(&ty.text) else {
                    self.offer(ty, |_| super::words(Type::WORDS));
                    self.report(errors::unknown_word(
                        ty.span,
                        "a type",
                        &ty.text,
                        &Type::WORDS,
                    ));
                    return;
                };
                if self.scope.inputs.get(&name.text).is_some() {
                    let first = made
                        .inputs
                        .iter()
                        .find(|i| i.name == name.text)
                        .map_or(Span::NONE, |i| i.at.0);
                    self.report(errors::duplicate("input", name, first));
                    return;
                }
                let default = default.as_ref().map(|value| {
                    let (value, found) = self.expr(value);
                    if !found.fits(&parsed) {
                        self.report(errors::mismatch(value.at.0, &found, &parsed.describe()));
                    }
                    value
                });
                self.scope.inputs.add(&name.text, parsed.clone(), name.span);
                made.inputs.push(Input {
                    name: name.text.clone(),
                    ty: parsed,
                    secret: *secret,
                    default,
                    at: At(name.span),
                });
            }
            Entry::With { span, .. } => self.report(errors::misplaced(
                *span,
                "`with` belongs to a rotation that is made from a template",
                "name the template before the brace: `rotation NAME from TEMPLATE { with { … } }`",
            )),
            Entry::About { span, .. } => self.report(errors::misplaced(
                *span,
                "`about` belongs to a template",
                "a rotation has a `description`",
            )),
            Entry::Parameter { span, .. } => self.report(errors::misplaced(
                *span,
                "`parameter` belongs to a template",
                "a rotation has inputs: `input NAME: TYPE = default`",
            )),
            Entry::Output { .. } | Entry::OnFailure { .. } | Entry::Step(_) => {}
        }
    }

    fn set_schedule(
        &mut self,
        made: &mut Rotation,
        trigger: Trigger,
        jitter: Option<Dur>,
        span: Span,
    ) {
        if let Some(first) = &made.schedule {
            let first = first.at.0;
            self.report(
                crate::diagnostic::Diagnostic::new(
                    codes::DUPLICATE_NAME,
                    span,
                    "a rotation has one schedule",
                )
                .at("second schedule")
                .label(first, "first schedule")
                .help("keep one of `every` and `cron`"),
            );
            return;
        }
        made.schedule = Some(Schedule {
            trigger,
            jitter,
            at: At(span),
        });
    }

    fn cron(&mut self, expression: &Name, zone: Option<&Name>) -> Option<Cron> {
        let Some(zone) = zone else {
            self.report(errors::bad_value(
                codes::BAD_DURATION_OR_CRON,
                expression.span,
                "this cron expression names no zone",
                format!("write `cron \"{}\" in \"UTC\"`, or the zone whose clock you mean: `in \"Europe/Berlin\"`", expression.text),
            ));
            return None;
        };
        match Cron::parse(&expression.text, &zone.text) {
            Ok(cron) => {
                if let Some(remark) = cron.both_days() {
                    let place = inner(expression.span, remark.start, remark.end);
                    self.report(
                        crate::diagnostic::Diagnostic::new(
                            codes::BAD_DURATION_OR_CRON,
                            place,
                            remark.message,
                        )
                        .at("both")
                        .help(remark.help)
                        .severity(crate::diagnostic::Severity::Warning),
                    );
                }
                Some(cron)
            }
            Err(error) => {
                let place = if error.in_zone {
                    zone.span
                } else {
                    inner(expression.span, error.start, error.end)
                };
                let mut diagnostic = crate::diagnostic::Diagnostic::new(
                    codes::BAD_DURATION_OR_CRON,
                    place,
                    error.message,
                )
                .at("here");
                diagnostic.help = error.help;
                self.report(diagnostic);
                None
            }
        }
    }

    /// A length of time; a name in its place is a parameter, and those of a template were replaced before.
    pub(super) fn length(&mut self, duration: &ast::Duration) -> Dur {
        if let Some(name) = &duration.parameter {
            self.report(errors::misplaced(
                name.span,
                "a length of time is written here, such as `24h`",
                "only a parameter of the template in which it stands may be a bare name",
            ));
        }
        duration.value
    }

    pub(super) fn positive(&mut self, duration: &ast::Duration) {
        if duration.value.0 == 0 {
            self.report(errors::bad_value(
                codes::BAD_DURATION_OR_CRON,
                duration.span,
                "a length of time must be more than zero",
                "for example `45m`",
            ));
        }
    }
}

/// A place within a quoted string without escapes: its opening quote is one byte.
pub(super) fn inner(span: Span, start: usize, end: usize) -> Span {
    let place = Span::new(
        span.file,
        span.start as usize + 1 + start,
        span.start as usize + 1 + end,
    );
    if place.end < span.end && place.start < place.end {
        place
    } else {
        span
    }
}

/// `host`, `host:port`, `*.domain`, `[v6]:port`.
pub fn parse_host(text: &str) -> Result<(String, Option<u16>), String> {
    if text.contains("://") {
        return Err("write the host alone, without `https://`".into());
    }
    if text.contains('/') {
        return Err("write the host alone, without a path".into());
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port = match port {
        None => None,
        Some(port) => Some(
            port.parse::<u16>()
                .map_err(|_| format!("`{port}` is not a port; ports are 1 to 65535"))?,
        ),
    };
    let bare = host.strip_prefix("*.").unwrap_or(host);
    if host == "*" || (host.starts_with("*.") && !bare.contains('.')) {
        return Err(
            "a wildcard stands before a domain of at least two labels: `*.example.com`".into(),
        );
    }
    let parsed = url::Host::parse(bare)
        .map_err(|_| "a host is a name such as `api.example.com`, or an address".to_string())?;
    let normal = parsed.to_string();
    let normal = normal
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    Ok((
        if host.starts_with("*.") {
            format!("*.{normal}")
        } else {
            normal
        },
        port,
    ))
}

/// Whether a name may be a step, `let`, input or capture.
pub(super) fn check_identifier(resolver: &mut Resolver, what: &str, name: &Name) -> bool {
    if is_identifier(&name.text) {
        return true;
    }
    resolver.report(errors::bad_name(
        what,
        name,
        "letters, digits, `_` and `-`, beginning with a letter or `_`",
    ));
    false
}
