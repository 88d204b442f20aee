//! Schedules in words.

use super::fields::{Field, Item, MONTHS, WEEKDAYS};
use super::{Cron, Schedule, Trigger};

const MONTH_WORDS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAY_WORDS: [&str; 8] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
const NTH_WORDS: [&str; 6] = ["", "first", "second", "third", "fourth", "fifth"];

impl Schedule {
    /// In words: `every 45 minutes`, `at 03:00 on Monday, Europe/Berlin`.
    pub fn describe(&self) -> String {
        let mut words = match &self.trigger {
            Trigger::Every(every) => {
                let amount = amount(every.as_millis());
                let single = amount.strip_prefix("1 ").filter(|unit| !unit.contains(' '));
                format!("every {}", single.unwrap_or(&amount))
            }
            Trigger::Cron(crons) => crons
                .iter()
                .map(Cron::describe)
                .collect::<Vec<_>>()
                .join("; and "),
        };
        if let Some(jitter) = self.jitter {
            words.push_str(&format!(", up to {} later", amount(jitter.as_millis())));
        }
        words
    }
}

/// `45 minutes`, `1 hour 30 minutes`; `day` for a single one.
fn amount(millis: u64) -> String {
    const UNITS: [(&str, u64); 5] = [
        ("day", 86_400_000),
        ("hour", 3_600_000),
        ("minute", 60_000),
        ("second", 1000),
        ("millisecond", 1),
    ];
    let mut rest = millis;
    let mut parts = Vec::new();
    for (unit, size) in UNITS {
        let count = rest / size;
        rest %= size;
        if count > 0 {
            parts.push(format!(
                "{count} {unit}{}",
                if count == 1 { "" } else { "s" }
            ));
        }
    }
    if parts.is_empty() {
        "0 seconds".into()
    } else {
        parts.join(" ")
    }
}

impl Cron {
    /// In words: `at 03:00 on Monday, Europe/Berlin`.
    pub fn describe(&self) -> String {
        let [second, minute, hour, day, month, weekday] = self.fields() else {
            return self.expression().to_string();
        };
        let mut words = times(second, minute, hour);
        for phrase in [days(day), weekdays(weekday), months(month)]
            .into_iter()
            .flatten()
        {
            words.push(' ');
            words.push_str(&phrase);
        }
        format!("{words}, {}", self.zone())
    }
}

/// The weekday field with names for numbers.
pub(super) fn named_weekdays(field: &Field) -> String {
    let name = |day: &u8| {
        WEEKDAYS
            .get(usize::from(if *day == 0 { 7 } else { *day }) - 1)
            .copied()
            .unwrap_or("")
    };
    let one = |item: &Item| match item {
        Item::Value(day) => name(day).to_string(),
        Item::From(day, step) => format!("{}/{step}", name(day)),
        Item::Range(from, to, None) => format!("{}-{}", name(from), name(to)),
        Item::Range(from, to, Some(step)) => format!("{}-{}/{step}", name(from), name(to)),
        Item::LastOf(day) => format!("{}L", name(day)),
        Item::Nth(day, nth) => format!("{}#{nth}", name(day)),
        Item::All(Some(step)) => format!("*/{step}"),
        _ => "*".to_string(),
    };
    field.items.iter().map(one).collect::<Vec<_>>().join(",")
}

fn and(parts: &[String]) -> String {
    match parts.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

fn times(second: &Field, minute: &Field, hour: &Field) -> String {
    if let (Some(seconds), Some(minutes), Some(hours)) =
        (second.singles(), minute.singles(), hour.singles())
        && seconds.len() * minutes.len() * hours.len() <= 6
    {
        let mut clock = Vec::new();
        for h in &hours {
            for m in &minutes {
                for s in &seconds {
                    clock.push(if *s == 0 {
                        format!("{h:02}:{m:02}")
                    } else {
                        format!("{h:02}:{m:02}:{s:02}")
                    });
                }
            }
        }
        return format!("at {}", and(&clock));
    }
    let on_the_minute = matches!(second.items.as_slice(), [Item::Value(0)]);
    let step = |field: &Field| match field.items.as_slice() {
        [Item::All(Some(step)) | Item::From(0, step)] => Some(*step),
        [Item::All(None)] => Some(1),
        _ => None,
    };
    let every = |count: u8, unit: &str| {
        if count == 1 {
            format!("every {unit}")
        } else {
            format!("every {count} {unit}s")
        }
    };
    let mut words = match (step(second), step(minute)) {
        (Some(n), Some(1)) => every(n, "second"),
        (None, Some(n)) if on_the_minute => every(n, "minute"),
        _ => {
            let mut words = format!("at minute {}", spans(minute, &|n| n.to_string()));
            if !on_the_minute {
                words = format!(
                    "at second {} of minute {}",
                    spans(second, &|n| n.to_string()),
                    spans(minute, &|n| n.to_string())
                );
            }
            words
        }
    };
    match step(hour) {
        Some(1) if words.starts_with("every") => {}
        Some(1) => words.push_str(" of every hour"),
        Some(n) => words.push_str(&format!(" of every {}", ordinal(n) + " hour")),
        None => words.push_str(&format!(" of hour {}", spans(hour, &|n| n.to_string()))),
    }
    words
}

/// The entries of a field in words.
fn spans(field: &Field, word: &dyn Fn(u8) -> String) -> String {
    let one = |item: &Item| match item {
        Item::All(None) => "any".to_string(),
        Item::All(Some(step)) => format!("every {}", ordinal(*step)),
        Item::Value(value) => word(*value),
        Item::From(from, step) => format!("every {} from {}", ordinal(*step), word(*from)),
        Item::Range(from, to, None) => format!("{} to {}", word(*from), word(*to)),
        Item::Range(from, to, Some(step)) => format!(
            "every {} from {} to {}",
            ordinal(*step),
            word(*from),
            word(*to)
        ),
        Item::Last => "the last day".to_string(),
        Item::LastWorkday => "the last of Monday to Friday".to_string(),
        Item::LastMinus(days) => format!("the day {days} before the last"),
        Item::Workday(day) => format!(
            "the day of Monday to Friday nearest to the {}",
            ordinal(*day)
        ),
        Item::LastOf(day) => format!("the last {}", word(*day)),
        Item::Nth(day, nth) => format!(
            "the {} {}",
            NTH_WORDS.get(usize::from(*nth)).unwrap_or(&""),
            word(*day)
        ),
    };
    and(&field.items.iter().map(one).collect::<Vec<_>>())
}

fn days(field: &Field) -> Option<String> {
    if field.is_all() {
        return None;
    }
    let step = matches!(field.items.as_slice(), [Item::All(Some(_))]);
    let words = spans(field, &|day| format!("the {}", ordinal(day)));
    Some(if step {
        format!("on {words} day of the month")
    } else {
        format!("on {words} of the month")
    })
}

fn weekdays(field: &Field) -> Option<String> {
    if field.is_all() {
        return None;
    }
    let words = spans(field, &|day| {
        DAY_WORDS
            .get(usize::from(day))
            .copied()
            .unwrap_or("")
            .to_string()
    });
    let in_month = field
        .items
        .iter()
        .any(|item| matches!(item, Item::LastOf(_) | Item::Nth(..)));
    Some(match field.items.as_slice() {
        [Item::Range(_, _, None)] => format!("from {words}"),
        _ if in_month => format!("on {words} of the month"),
        _ => format!("on {words}"),
    })
}

fn months(field: &Field) -> Option<String> {
    debug_assert_eq!(MONTHS.len(), MONTH_WORDS.len());
    let words = || {
        spans(field, &|month| {
            MONTH_WORDS
                .get(usize::from(month).wrapping_sub(1))
                .copied()
                .unwrap_or("")
                .to_string()
        })
    };
    match field.items.as_slice() {
        _ if field.is_all() => None,
        [Item::Range(_, _, None)] => Some(format!("from {}", words())),
        [Item::All(Some(step))] => Some(format!("in every {} month", ordinal(*step))),
        _ => Some(format!("in {}", words())),
    }
}

fn ordinal(n: u8) -> String {
    let ending = match (n % 100, n % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}
