//! How often a rotation runs and how long its credentials live, where the text says it.

use crate::check::context::Context;
use crate::check::vocabulary::letters;
use crate::plan::expr::{Function, Operator, Root, RunField};
use crate::plan::schedule::{Cron, Dur, Schedule, Trigger};
use crate::plan::task::{Body, Http};
use crate::plan::{Expr, ExprKind};
use crate::source::Span;

pub(super) const SECOND: u64 = 1000;
pub(super) const MINUTE: u64 = 60 * SECOND;
pub(super) const HOUR: u64 = 60 * MINUTE;
pub(super) const DAY: u64 = 24 * HOUR;

/// The longest time between two runs; `None` where the expression is not one of the plain forms.
pub(crate) fn period(schedule: &Schedule) -> Option<Dur> {
    match &schedule.trigger {
        Trigger::Every(interval) => Some(*interval),
        Trigger::Cron(crons) => match crons.as_slice() {
            [only] => cron_period(only),
            _ => None,
        },
    }
}

fn cron_period(cron: &Cron) -> Option<Dur> {
    let millis = match cron.expression().trim() {
        "@hourly" => HOUR,
        "@daily" | "@midnight" => DAY,
        "@weekly" => 7 * DAY,
        expression => {
            let fields: Vec<&str> = expression.split_whitespace().collect();
            let [second, minute, hour, day, month, weekday] = fields.as_slice() else {
                return None;
            };
            let any = |field: &str| matches!(field, "*" | "?");
            let fixed = |field: &str| field.bytes().all(|b| b.is_ascii_digit());
            if !fixed(second) || !any(month) {
                return None;
            }
            if fixed(day) && any(weekday) && fixed(minute) && fixed(hour) {
                return Some(Dur(31 * DAY));
            }
            if !any(day) {
                return None;
            }
            let one_day = !weekday.contains(['-', ',', '/', '*', '?', '#', 'L']);
            match (every(minute), every(hour), any(weekday)) {
                (Some(step), Some(1), true) => step * MINUTE,
                (None, Some(step), true) if fixed(minute) => step * HOUR,
                (None, None, true) if fixed(minute) && fixed(hour) => DAY,
                (None, None, false) if fixed(minute) && fixed(hour) && one_day => 7 * DAY,
                _ => return None,
            }
        }
    };
    Some(Dur(millis))
}

/// `*` as 1, `*/n` and `0/n` as n.
fn every(field: &str) -> Option<u64> {
    match field {
        "*" => Some(1),
        _ => field
            .strip_prefix("*/")
            .or_else(|| field.strip_prefix("0/"))?
            .parse()
            .ok()
            .filter(|n| *n > 0),
    }
}

/// How long the value lives that a step stores, and where that is said: in `expires`, else in the request that asked for it.
pub(crate) fn life_of(cx: &Context<'_, '_>, store: usize) -> Option<(Dur, Span)> {
    if let Some(expires) = cx.expires(store) {
        return life(cx, cx.order().get(store)?.rotation, expires).map(|life| (life, expires.at.0));
    }
    let secret = cx.stored_by(store)?;
    cx.keepings_at(store)
        .iter()
        .filter(|k| k.secret == secret)
        .find_map(|k| asked(cx, cx.order().get(k.maker)?.rotation, cx.http(k.maker)?))
}

/// The life that a request asks for: `expires_in` and the like in its body or query, a number of seconds or a text such as `1h`.
pub(crate) fn asked<'p>(
    cx: &Context<'_, 'p>,
    rotation: usize,
    http: &'p Http,
) -> Option<(Dur, Span)> {
    let members: &[(String, Expr)] = match &http.body {
        Body::Json(Expr {
            kind: ExprKind::Object(members),
            ..
        })
        | Body::Form(members) => members,
        _ => &[],
    };
    members.iter().chain(&http.query).find_map(|(name, value)| {
        let unit = names_life(name);
        if unit.is_none() && !names_end(name) {
            return None;
        }
        let count = |digits: &str| Some(Dur(digits.parse::<u64>().ok()?.checked_mul(unit?)?));
        let life = match &cx.meant(rotation, value).kind {
            ExprKind::Number(digits) => count(digits)?,
            ExprKind::String(text) => match text.parse::<u64>() {
                Ok(_) => count(text)?,
                Err(_) => Dur::parse(text).ok()?,
            },
            _ => life(cx, rotation, value)?,
        };
        (life.0 > 0).then_some((life, value.at.0))
    })
}

/// The unit, in milliseconds, in which a member of a request asks for a life: `ttl` and `expires_in` are in seconds; a word for a life with that
/// of a unit says it itself (`requested_lifetime_seconds`, `DurationSeconds`, `expire_days`, `ttl_hours`).
fn names_life(name: &str) -> Option<u64> {
    const WORDS: [&str; 6] = ["ttl", "expir", "life", "duration", "valid", "age"];
    let name = letters(name);
    if matches!(name.as_str(), "ttl" | "expiresin") {
        return Some(SECOND);
    }
    let units = [
        ("seconds", SECOND),
        ("minutes", MINUTE),
        ("hours", HOUR),
        ("days", DAY),
    ];
    let unit = units
        .iter()
        .find(|(word, _)| name.contains(word))
        .map(|(_, unit)| *unit);
    unit.filter(|_| WORDS.iter().any(|word| name.contains(word)))
}

/// Whether a member of a request is the time at which a life is to end: `expires_at`, `notAfter`.
fn names_end(name: &str) -> bool {
    [
        "expiresat",
        "expireat",
        "expires",
        "expiry",
        "expirydate",
        "expiration",
        "expirationdate",
        "expirationtime",
        "expiretime",
        "validuntil",
        "validto",
        "notafter",
        "enddatetime",
        "enddate",
        "expireson",
    ]
    .contains(&letters(name).as_str())
}

/// How long a value lives that expires at this time, where it is a fixed time after the run's start.
pub(crate) fn life<'p>(cx: &Context<'_, 'p>, rotation: usize, expires: &'p Expr) -> Option<Dur> {
    match fixed(cx, rotation, expires, SUMS)? {
        Fixed::Length(life) | Fixed::AfterStart(life) => Some(life),
    }
}

/// How many sums within sums are looked at.
const SUMS: usize = 16;

/// A time that is known before the run.
#[derive(Clone, Copy)]
enum Fixed {
    Length(Dur),
    AfterStart(Dur),
}

fn fixed<'p>(cx: &Context<'_, 'p>, rotation: usize, expr: &'p Expr, depth: usize) -> Option<Fixed> {
    let depth = depth.checked_sub(1)?;
    match &cx.meant(rotation, expr).kind {
        ExprKind::Duration(life) => Some(Fixed::Length(*life)),
        ExprKind::Ref(Root::Run(RunField::StartedAt | RunField::ScheduledAt)) => {
            Some(Fixed::AfterStart(Dur(0)))
        }
        ExprKind::Call(
            Function::Date | Function::Rfc3339 | Function::Epoch | Function::Text,
            arguments,
        ) => fixed(cx, rotation, arguments.first()?, depth),
        ExprKind::Binary(Operator::Add, left, right) => {
            let left = fixed(cx, rotation, left, depth)?;
            let right = fixed(cx, rotation, right, depth)?;
            match (left, right) {
                (Fixed::Length(a), Fixed::Length(b)) => {
                    Some(Fixed::Length(Dur(a.0.checked_add(b.0)?)))
                }
                (Fixed::AfterStart(a), Fixed::Length(b))
                | (Fixed::Length(a), Fixed::AfterStart(b)) => {
                    Some(Fixed::AfterStart(Dur(a.0.checked_add(b.0)?)))
                }
                (Fixed::AfterStart(_), Fixed::AfterStart(_)) => None,
            }
        }
        _ => None,
    }
}

/// `45m`, `1h 30m`.
pub(crate) fn show(dur: Dur) -> String {
    let mut rest = dur.0;
    let mut parts = Vec::new();
    for (unit, word) in [
        (DAY, "d"),
        (HOUR, "h"),
        (MINUTE, "m"),
        (SECOND, "s"),
        (1, "ms"),
    ] {
        if rest >= unit {
            parts.push(format!("{}{word}", rest / unit));
            rest %= unit;
        }
    }
    if parts.is_empty() {
        "0s".to_owned()
    } else {
        parts.join(" ")
    }
}
