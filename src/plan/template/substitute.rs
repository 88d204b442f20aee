//! Puts what was given in the place of the parameters. Places stay those of the template, so that one node never stands in two
//! files.

use super::arguments::{Bound, literal};
use crate::source::Span;
use crate::syntax::ast::{
    Clause, ClauseKind, Destination, Duration, Effect, EffectKind, Entry, Expr, ExprKind, Http,
    Member, Name, Part, Sign, Step, StepKind, Store, StoreValue,
};

pub(super) fn entry(entry: &Entry, bound: &Bound<'_>) -> Entry {
    match entry {
        Entry::Description(text) => Entry::Description(text.clone()),
        Entry::Every {
            interval,
            jitter,
            span,
        } => Entry::Every {
            interval: duration(interval, bound),
            jitter: jitter.as_ref().map(|j| duration(j, bound)),
            span: *span,
        },
        Entry::Cron { .. } => entry.clone(),
        Entry::Timeout(value) => Entry::Timeout(duration(value, bound)),
        Entry::Input {
            name,
            secret,
            ty,
            default,
            span,
        } => Entry::Input {
            name: name.clone(),
            secret: *secret,
            ty: ty.clone(),
            default: default.as_ref().map(|d| expr(d, bound)),
            span: *span,
        },
        Entry::Output {
            name,
            secret,
            value,
            span,
        } => Entry::Output {
            name: name.clone(),
            secret: *secret,
            value: expr(value, bound),
            span: *span,
        },
        Entry::OnFailure { steps: inner, span } => Entry::OnFailure {
            steps: steps(inner, bound),
            span: *span,
        },
        // Of a member of a family: nothing that comes of a template has it.
        Entry::With { arguments, span } => Entry::With {
            arguments: arguments.iter().map(|m| argument(m, bound)).collect(),
            span: *span,
        },
        // Taken away before: they stand in no rotation that comes of a template.
        Entry::About { .. } | Entry::Parameter { .. } => entry.clone(),
        Entry::Step(inner) => Entry::Step(step(inner, bound)),
    }
}

pub(super) fn destination(destination: &Destination, bound: &Bound<'_>) -> Destination {
    let text = bound
        .text(&destination.host.text)
        .filter(|_| destination.parameter);
    Destination {
        host: match text {
            Some(text) => Name {
                text: text.to_owned(),
                span: destination.host.span,
            },
            None => destination.host.clone(),
        },
        parameter: destination.parameter && text.is_none(),
        program: destination.program,
        places: destination.places.clone(),
        span: destination.span,
    }
}

/// What a member gives to a template: `"PREFIX/*"` names its secret.
fn argument(member: &Member, bound: &Bound<'_>) -> Member {
    let named = literal(&member.value).and_then(|text| {
        let chosen = bound.member.as_ref()?;
        chosen.secret_in_text(text)
    });
    let value = match named {
        Some(secret) => Expr {
            kind: ExprKind::String(vec![Part::Text(secret, member.value.span)]),
            span: member.value.span,
        },
        None => expr(&member.value, bound),
    };
    Member {
        key: member.key.clone(),
        value,
    }
}

fn steps(inner: &[Step], bound: &Bound<'_>) -> Vec<Step> {
    inner.iter().map(|s| step(s, bound)).collect()
}

fn step(step: &Step, bound: &Bound<'_>) -> Step {
    let kind = match &step.kind {
        StepKind::Http(inner) => StepKind::Http(http(inner, bound)),
        StepKind::Let { name, value } => StepKind::Let {
            name: name.clone(),
            value: expr(value, bound),
        },
        StepKind::Log(value) => StepKind::Log(expr(value, bound)),
        StepKind::Fail(value) => StepKind::Fail(expr(value, bound)),
        StepKind::Stop(value) => StepKind::Stop(value.as_ref().map(|v| expr(v, bound))),
        StepKind::Update(inner) => StepKind::Update(store(inner, bound)),
        StepKind::Stage(inner) => StepKind::Stage(store(inner, bound)),
        StepKind::Verify {
            within,
            every,
            steps: inner,
        } => StepKind::Verify {
            within: within.as_ref().map(|d| duration(d, bound)),
            every: every.as_ref().map(|d| duration(d, bound)),
            steps: steps(inner, bound),
        },
        StepKind::Promote(name) => StepKind::Promote(secret(name, bound)),
        StepKind::Revoke {
            secret: name,
            after,
            steps: inner,
        } => StepKind::Revoke {
            secret: secret(name, bound),
            after: after.as_ref().map(|d| duration(d, bound)),
            steps: steps(inner, bound),
        },
        StepKind::Generate {
            name,
            kind,
            options,
        } => StepKind::Generate {
            name: name.clone(),
            kind: kind.clone(),
            options: options
                .iter()
                .map(|(word, value)| (word.clone(), expr(value, bound)))
                .collect(),
        },
        StepKind::Manual {
            name,
            instructions,
            verify,
        } => StepKind::Manual {
            name: name.clone(),
            instructions: expr(instructions, bound),
            verify: steps(verify, bound),
        },
        StepKind::Wait { until, value } => StepKind::Wait {
            until: *until,
            value: expr(value, bound),
        },
        StepKind::When {
            arms: all,
            otherwise,
        } => StepKind::When {
            arms: arms(all, bound),
            otherwise: otherwise.as_ref().map(|o| steps(o, bound)),
        },
        StepKind::Match {
            subject,
            arms: all,
            otherwise,
        } => StepKind::Match {
            subject: expr(subject, bound),
            arms: arms(all, bound),
            otherwise: otherwise.as_ref().map(|o| steps(o, bound)),
        },
        StepKind::Parallel(branches) => StepKind::Parallel(
            branches
                .iter()
                .map(|(name, inner)| (name.clone(), steps(inner, bound)))
                .collect(),
        ),
        StepKind::ForEach {
            item,
            items,
            steps: inner,
        } => StepKind::ForEach {
            item: item.clone(),
            items: expr(items, bound),
            steps: steps(inner, bound),
        },
        StepKind::Repeat {
            at_most,
            every,
            backoff,
            steps: inner,
            until,
        } => StepKind::Repeat {
            at_most: at_most.clone(),
            every: every.as_ref().map(|d| duration(d, bound)),
            backoff: backoff.clone(),
            steps: steps(inner, bound),
            until: expr(until, bound),
        },
        StepKind::Call {
            name,
            rotation,
            inputs,
        } => StepKind::Call {
            name: name.clone(),
            rotation: rotation.clone(),
            inputs: members(inputs, bound),
        },
    };
    Step {
        kind,
        span: step.span,
    }
}

fn arms(arms: &[(Expr, Vec<Step>)], bound: &Bound<'_>) -> Vec<(Expr, Vec<Step>)> {
    arms.iter()
        .map(|(condition, inner)| (expr(condition, bound), steps(inner, bound)))
        .collect()
}

fn store(store: &Store, bound: &Bound<'_>) -> Store {
    Store {
        secret: secret(&store.secret, bound),
        value: match &store.value {
            StoreValue::Single(value) => StoreValue::Single(expr(value, bound)),
            StoreValue::Fields(fields) => StoreValue::Fields(members(fields, bound)),
        },
        expires: store.expires.as_ref().map(|e| expr(e, bound)),
        allow: store.allow.clone(),
    }
}

fn http(http: &Http, bound: &Bound<'_>) -> Http {
    Http {
        protocol: http.protocol,
        name: http.name.clone(),
        method: http.method.clone(),
        url: expr(&http.url, bound),
        effect: http.effect.as_ref().map(|e| effect(e, bound)),
        clauses: http.clauses.iter().map(|c| clause(c, bound)).collect(),
    }
}

fn effect(effect: &Effect, bound: &Bound<'_>) -> Effect {
    let kind = match &effect.kind {
        EffectKind::IssuesReplacing {
            key,
            grace,
            recover,
            accept,
            at_most,
        } => EffectKind::IssuesReplacing {
            key: key.clone(),
            grace: grace.as_ref().map(|g| duration(g, bound)),
            recover: recover.clone(),
            accept: accept.clone(),
            at_most: at_most.clone(),
        },
        other => other.clone(),
    };
    Effect {
        kind,
        span: effect.span,
    }
}

fn clause(clause: &Clause, bound: &Bound<'_>) -> Clause {
    let one = |value: &Expr| expr(value, bound);
    let kind = match &clause.kind {
        ClauseKind::Bearer(value) => ClauseKind::Bearer(one(value)),
        ClauseKind::Basic(user, password) => ClauseKind::Basic(one(user), one(password)),
        ClauseKind::Client(id, secret) => ClauseKind::Client(one(id), one(secret)),
        ClauseKind::Header(name, value) => ClauseKind::Header(name.clone(), one(value)),
        ClauseKind::Query(all) => ClauseKind::Query(members(all, bound)),
        ClauseKind::Json(value) => ClauseKind::Json(one(value)),
        ClauseKind::Form(all) => ClauseKind::Form(members(all, bound)),
        ClauseKind::Text(value) => ClauseKind::Text(one(value)),
        ClauseKind::Raw(value) => ClauseKind::Raw(one(value)),
        ClauseKind::ExpectExit(codes) => ClauseKind::ExpectExit(codes.clone()),
        ClauseKind::Sign { scheme, options } => ClauseKind::Sign {
            scheme: scheme.clone(),
            options: options
                .iter()
                .map(|(word, value)| (word.clone(), one(value)))
                .collect(),
        },
        ClauseKind::Login(user, password) => ClauseKind::Login(one(user), one(password)),
        ClauseKind::Statement(value) => ClauseKind::Statement(statement(value, bound)),
        ClauseKind::Command(value) => ClauseKind::Command(one(value)),
        ClauseKind::Stdin(value) => ClauseKind::Stdin(one(value)),
        ClauseKind::Environment(all) => ClauseKind::Environment(members(all, bound)),
        ClauseKind::Arguments(value) => ClauseKind::Arguments(one(value)),
        ClauseKind::File(value) => ClauseKind::File(one(value)),
        ClauseKind::Timeout(value) => ClauseKind::Timeout(duration(value, bound)),
        ClauseKind::Connect(value) => ClauseKind::Connect(duration(value, bound)),
        ClauseKind::ExpectHeader {
            name,
            operator,
            value,
        } => ClauseKind::ExpectHeader {
            name: name.clone(),
            operator: *operator,
            value: one(value),
        },
        ClauseKind::ExpectBody {
            path,
            operator,
            value,
        } => ClauseKind::ExpectBody {
            path: path.clone(),
            operator: *operator,
            value: one(value),
        },
        ClauseKind::Capture {
            secret,
            name,
            source,
            ty,
            optional,
            to,
        } => ClauseKind::Capture {
            secret: *secret,
            name: name.clone(),
            source: source.clone(),
            ty: ty.clone(),
            optional: *optional,
            to: to.iter().map(|t| destination(t, bound)).collect(),
        },
        ClauseKind::Strays { list, revoke } => ClauseKind::Strays {
            list: Box::new(http(list, bound)),
            revoke: Box::new(http(revoke, bound)),
        },
        ClauseKind::Retry { .. }
        | ClauseKind::ExpectStatus(_)
        | ClauseKind::Ca(_)
        | ClauseKind::Proxy
        | ClauseKind::Follow(_)
        | ClauseKind::Limit(_) => clause.kind.clone(),
    };
    Clause {
        kind,
        span: clause.span,
    }
}

fn members(members: &[Member], bound: &Bound<'_>) -> Vec<Member> {
    members
        .iter()
        .map(|member| Member {
            key: member.key.clone(),
            value: expr(&member.value, bound),
        })
        .collect()
}

fn secret(name: &Name, bound: &Bound<'_>) -> Name {
    match bound.secret(&name.text) {
        Some(secret) => Name {
            text: secret,
            span: name.span,
        },
        None => name.clone(),
    }
}

fn duration(duration: &Duration, bound: &Bound<'_>) -> Duration {
    let given = duration
        .parameter
        .as_ref()
        .and_then(|name| bound.duration(&name.text));
    match given {
        Some(value) => Duration {
            value,
            parameter: None,
            span: duration.span,
        },
        None => duration.clone(),
    }
}

fn expr(value: &Expr, bound: &Bound<'_>) -> Expr {
    let inner = |e: &Expr| Box::new(expr(e, bound));
    let kind = match &value.kind {
        ExprKind::Path(segments) => return path(value, segments, bound),
        ExprKind::String(parts) => ExprKind::String(text(parts, bound)),
        ExprKind::List(items) => ExprKind::List(items.iter().map(|e| expr(e, bound)).collect()),
        ExprKind::Object(all) => ExprKind::Object(members(all, bound)),
        ExprKind::Index(base, key) => ExprKind::Index(inner(base), inner(key)),
        ExprKind::Call(name, arguments) => ExprKind::Call(
            name.clone(),
            arguments.iter().map(|e| expr(e, bound)).collect(),
        ),
        ExprKind::Binary(left, operator, right) => {
            ExprKind::Binary(inner(left), *operator, inner(right))
        }
        ExprKind::Not(operand) => ExprKind::Not(inner(operand)),
        ExprKind::Reveal(operand, reason) => ExprKind::Reveal(inner(operand), reason.clone()),
        ExprKind::Null
        | ExprKind::Bool(_)
        | ExprKind::Number(_)
        | ExprKind::Duration(_)
        | ExprKind::Error => value.kind.clone(),
    };
    Expr {
        kind,
        span: value.span,
    }
}

/// `secrets.ROLE…` names the secret that was given; a bare parameter is what was given.
fn path(value: &Expr, segments: &[Name], bound: &Bound<'_>) -> Expr {
    if let [root, role, ..] = segments
        && matches!(root.text.as_str(), "secrets" | "pending" | "previous")
    {
        let mut named = segments.to_vec();
        if let Some(second) = named.get_mut(1) {
            *second = secret(role, bound);
        }
        return Expr {
            kind: ExprKind::Path(named),
            span: value.span,
        };
    }
    let member = bound.member.as_ref();
    if let Some(given) = member.and_then(|member| member.value(segments, value.span)) {
        return placed(&given, value.span);
    }
    let Some((first, rest)) = segments.split_first() else {
        return value.clone();
    };
    let Some(given) = bound.value(&first.text) else {
        return value.clone();
    };
    let mut made = placed(given, value.span);
    for key in rest {
        let key = Expr {
            kind: ExprKind::String(vec![Part::Text(key.text.clone(), key.span)]),
            span: key.span,
        };
        made = Expr {
            kind: ExprKind::Index(Box::new(made), Box::new(key)),
            span: value.span,
        };
    }
    made
}

/// A statement, in which every value stays one: its text is the author's alone, what is filled in is quoted.
fn statement(value: &Expr, bound: &Bound<'_>) -> Expr {
    let ExprKind::String(parts) = &value.kind else {
        return expr(value, bound);
    };
    let parts = parts.iter().map(|part| match part {
        Part::Text(..) => part.clone(),
        Part::Expr(inner) => Part::Expr(expr(inner, bound)),
    });
    Expr {
        kind: ExprKind::String(parts.collect()),
        span: value.span,
    }
}

/// What stands in `${…}` and is a literal becomes text, so that a host is seen to be one.
fn text(parts: &[Part], bound: &Bound<'_>) -> Vec<Part> {
    let mut all: Vec<Part> = Vec::new();
    let mut add = |part: Part| match (all.last_mut(), part) {
        (Some(Part::Text(before, _)), Part::Text(more, _)) => before.push_str(&more),
        (_, part) => all.push(part),
    };
    for part in parts {
        let Part::Expr(inner) = part else {
            add(part.clone());
            continue;
        };
        let made = expr(inner, bound);
        let replaced = made != *inner;
        match made.kind {
            ExprKind::String(inside) if replaced => inside.into_iter().for_each(&mut add),
            ExprKind::Number(digits) if replaced => add(Part::Text(digits, made.span)),
            kind => add(Part::Expr(Expr {
                kind,
                span: made.span,
            })),
        }
    }
    all
}

/// The same value with one place for all of it.
fn placed(value: &Expr, span: Span) -> Expr {
    let inner = |e: &Expr| Box::new(placed(e, span));
    let name = |n: &Name| Name {
        text: n.text.clone(),
        span,
    };
    let kind = match &value.kind {
        ExprKind::String(parts) => ExprKind::String(
            parts
                .iter()
                .map(|part| match part {
                    Part::Text(text, _) => Part::Text(text.clone(), span),
                    Part::Expr(inner) => Part::Expr(placed(inner, span)),
                })
                .collect(),
        ),
        ExprKind::List(items) => ExprKind::List(items.iter().map(|e| placed(e, span)).collect()),
        ExprKind::Object(all) => ExprKind::Object(
            all.iter()
                .map(|member| Member {
                    key: name(&member.key),
                    value: placed(&member.value, span),
                })
                .collect(),
        ),
        ExprKind::Path(segments) => ExprKind::Path(segments.iter().map(name).collect()),
        ExprKind::Index(base, key) => ExprKind::Index(inner(base), inner(key)),
        ExprKind::Call(function, arguments) => ExprKind::Call(
            name(function),
            arguments.iter().map(|e| placed(e, span)).collect(),
        ),
        ExprKind::Binary(left, operator, right) => {
            ExprKind::Binary(inner(left), Sign { span, ..*operator }, inner(right))
        }
        ExprKind::Not(operand) => ExprKind::Not(inner(operand)),
        ExprKind::Reveal(operand, reason) => {
            ExprKind::Reveal(inner(operand), reason.as_ref().map(name))
        }
        ExprKind::Null
        | ExprKind::Bool(_)
        | ExprKind::Number(_)
        | ExprKind::Duration(_)
        | ExprKind::Error => value.kind.clone(),
    };
    Expr { kind, span }
}
