//! The six fields of Spring's `CronExpression`, read strictly and with places, before croner gets a plain form of them.
//! croner alone takes forms that Spring refuses, and its errors have no place.

use super::cron::CronError;

/// One of the six fields.
pub(super) struct Kind {
    pub(super) name: &'static str,
    min: u8,
    max: u8,
    names: &'static [&'static str],
}

pub(super) const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
/// From 1; Sunday is 0 and 7.
pub(super) const WEEKDAYS: [&str; 7] = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];

pub(super) const KINDS: [Kind; 6] = [
    Kind {
        name: "second",
        min: 0,
        max: 59,
        names: &[],
    },
    Kind {
        name: "minute",
        min: 0,
        max: 59,
        names: &[],
    },
    Kind {
        name: "hour",
        min: 0,
        max: 23,
        names: &[],
    },
    Kind {
        name: "day of month",
        min: 1,
        max: 31,
        names: &[],
    },
    Kind {
        name: "month",
        min: 1,
        max: 12,
        names: &MONTHS,
    },
    Kind {
        name: "day of week",
        min: 0,
        max: 7,
        names: &WEEKDAYS,
    },
];

/// One entry of a field's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    /// `*`, `?`, `*/n`
    All(Option<u8>),
    /// `n`
    Value(u8),
    /// `n/s`: from n on
    From(u8, u8),
    /// `n-m`, `n-m/s`
    Range(u8, u8, Option<u8>),
    /// `L`: the last day of the month
    Last,
    /// `LW`: the last of Monday to Friday in the month
    LastWorkday,
    /// `L-n`: n days before the last day of the month
    LastMinus(u8),
    /// `nW`: the day of Monday to Friday that is nearest
    Workday(u8),
    /// `nL`: the last such weekday of the month
    LastOf(u8),
    /// `n#k`: the k-th such weekday of the month
    Nth(u8, u8),
}

/// A field with its place in the expression.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) items: Vec<Item>,
    pub(super) start: usize,
    pub(super) end: usize,
    /// A weekday is written as a number.
    pub(super) numeric: bool,
}

impl Field {
    pub(super) fn is_all(&self) -> bool {
        matches!(self.items.as_slice(), [Item::All(None)])
    }

    /// The values of a field that lists nothing but single ones.
    pub(super) fn singles(&self) -> Option<Vec<u8>> {
        self.items
            .iter()
            .map(|item| {
                if let Item::Value(value) = item {
                    Some(*value)
                } else {
                    None
                }
            })
            .collect()
    }

    /// As croner reads it.
    pub(super) fn plain(&self) -> String {
        self.items
            .iter()
            .map(Item::plain)
            .collect::<Vec<_>>()
            .join(",")
    }
}

impl Item {
    fn plain(&self) -> String {
        match self {
            Item::All(None) => "*".into(),
            Item::All(Some(step)) => format!("*/{step}"),
            Item::Value(value) => value.to_string(),
            Item::From(value, step) => format!("{value}/{step}"),
            Item::Range(from, to, None) => format!("{from}-{to}"),
            Item::Range(from, to, Some(step)) => format!("{from}-{to}/{step}"),
            Item::Last => "L".into(),
            Item::LastWorkday => "LW".into(),
            // All days that may be n days before the end; the right one is chosen by the caller.
            Item::LastMinus(n) => format!(
                "{}-{}",
                28u8.saturating_sub(*n).max(1),
                31u8.saturating_sub(*n)
            ),
            Item::Workday(day) => format!("{day}W"),
            Item::LastOf(day) => format!("{day}L"),
            Item::Nth(day, nth) => format!("{day}#{nth}"),
        }
    }
}

/// The words of an expression with their byte offsets.
pub(super) fn words(expression: &str) -> Vec<(usize, &str)> {
    expression
        .split_ascii_whitespace()
        .map(|word| (word.as_ptr() as usize - expression.as_ptr() as usize, word))
        .collect()
}

/// Reads one field.
pub(super) fn field(kind: &Kind, start: usize, text: &str) -> Result<Field, CronError> {
    let mut at = start;
    let mut field = Field {
        items: Vec::new(),
        start,
        end: start + text.len(),
        numeric: false,
    };
    for entry in text.split(',') {
        let reader = Reader { kind, at, entry };
        field.items.push(reader.item()?);
        field.numeric |= kind.max == 7
            && entry
                .split('#')
                .next()
                .unwrap_or(entry)
                .split('/')
                .next()
                .is_some_and(has_digit);
        at += entry.len() + 1;
    }
    if field.items.len() > 1
        && field
            .items
            .iter()
            .any(|item| matches!(item, Item::LastMinus(_)))
    {
        return Err(
            CronError::at(start, field.end, "`L-n` is not allowed in a list here")
                .help("write it as a schedule of its own"),
        );
    }
    Ok(field)
}

fn has_digit(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit())
}

struct Reader<'t> {
    kind: &'t Kind,
    at: usize,
    entry: &'t str,
}

impl Reader<'_> {
    fn error(&self, message: impl Into<String>) -> CronError {
        CronError::at(self.at, self.at + self.entry.len(), message)
    }

    fn item(&self) -> Result<Item, CronError> {
        let kind = self.kind.name;
        let (is_day, is_weekday) = (kind == "day of month", kind == "day of week");
        let entry = self.entry.to_ascii_uppercase();
        if entry.is_empty() {
            return Err(self
                .error(format!("an entry of the {kind} field is empty"))
                .help("leave out the comma"));
        }
        if entry == "?" {
            if is_day || is_weekday {
                return Ok(Item::All(None));
            }
            return Err(self.error("`?` stands for a day alone").help("write `*`"));
        }
        if entry == "H" || entry.starts_with("H/") || entry.starts_with("H(") {
            return Err(self
                .error("`H` is Jenkins' form")
                .help("write a fixed value, and `jitter` to spread the runs"));
        }
        if is_day && let Some(item) = self.day_of_month(&entry)? {
            return Ok(item);
        }
        if is_weekday && let Some(item) = self.day_of_week(&entry)? {
            return Ok(item);
        }
        if entry.contains('L')
            && entry
                .trim_end_matches('L')
                .bytes()
                .all(|b| b.is_ascii_digit())
            || entry.ends_with('W') && has_digit(&entry)
        {
            return Err(self
                .error(format!("`{entry}` is not allowed in the {kind} field"))
                .help("`L` and `W` speak of days alone"));
        }
        let (range, step) = match entry.split_once('/') {
            Some((range, step)) => (range.to_string(), Some(self.step(step)?)),
            None => (entry, None),
        };
        if range == "*" {
            return Ok(Item::All(step));
        }
        let Some((from, to)) = range.split_once('-') else {
            let value = self.value(&range)?;
            return Ok(match step {
                Some(step) => Item::From(self.sunday_first(value), step),
                None => Item::Value(value),
            });
        };
        let (from, to) = (self.sunday_first(self.value(from)?), self.value(to)?);
        if from > to {
            let (lowest, highest) = if is_weekday {
                (1, 7)
            } else {
                (self.kind.min, self.kind.max)
            };
            let first = self.span(from, highest);
            let second = self.span(lowest, to);
            return Err(self
                .error("the range runs backwards")
                .help(format!("write `{first},{second}`")));
        }
        Ok(Item::Range(from, to, step))
    }

    /// Sunday at the start of a range is 0.
    fn sunday_first(&self, value: u8) -> u8 {
        if self.kind.max == 7 && value == 7 {
            0
        } else {
            value
        }
    }

    fn day_of_month(&self, entry: &str) -> Result<Option<Item>, CronError> {
        if let Some(rest) = entry.strip_prefix('L') {
            return Ok(Some(match rest {
                "" => Item::Last,
                "W" => Item::LastWorkday,
                _ => {
                    let days = rest
                        .strip_prefix('-')
                        .and_then(|n| n.parse::<u8>().ok())
                        .filter(|n| (1..=27).contains(n));
                    let days = days.ok_or_else(|| {
                        self.error(format!("`{entry}` is not a day")).help(
                            "write `L`, `LW`, or `L-3` for three days before the last (1 to 27)",
                        )
                    })?;
                    Item::LastMinus(days)
                }
            }));
        }
        match entry.strip_suffix('W') {
            Some(day) => Ok(Some(Item::Workday(self.value(day)?))),
            None => Ok(None),
        }
    }

    fn day_of_week(&self, entry: &str) -> Result<Option<Item>, CronError> {
        if let Some((day, nth)) = entry.split_once('#') {
            let nth = nth.parse::<u8>().ok().filter(|n| (1..=5).contains(n));
            let nth = nth.ok_or_else(|| self.error("after `#` stands a number from 1 to 5"))?;
            return Ok(Some(Item::Nth(self.sunday_first(self.value(day)?), nth)));
        }
        if entry == "L" {
            return Err(self
                .error("`L` alone is no weekday")
                .help("write `SUNL` for the last Sunday of the month, or `SUN`"));
        }
        match entry.strip_suffix('L') {
            Some(day) => Ok(Some(Item::LastOf(self.sunday_first(self.value(day)?)))),
            None => Ok(None),
        }
    }

    fn step(&self, text: &str) -> Result<u8, CronError> {
        let step = text.parse::<u8>().ok().filter(|step| *step > 0);
        let step = step.ok_or_else(|| {
            self.error(format!("`{text}` is not a step"))
                .help("write a whole number from 1")
        })?;
        if step > self.kind.max {
            return Err(self
                .error(format!(
                    "the step {step} is longer than the {} field, so only its first value is met",
                    self.kind.name
                ))
                .help("use an interval (`every`) for longer steps"));
        }
        Ok(step)
    }

    fn value(&self, text: &str) -> Result<u8, CronError> {
        let Kind {
            name,
            min,
            max,
            names,
        } = self.kind;
        if let Some(place) = names.iter().position(|n| *n == text) {
            return Ok(u8::try_from(place + 1).unwrap_or(u8::MAX));
        }
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            let full = names
                .iter()
                .find(|n| text.len() > 3 && text.starts_with(**n));
            let error = self.error(format!("`{}` is not a {name}", text.escape_debug()));
            return Err(
                match full
                    .copied()
                    .or_else(|| crate::diagnostic::nearest(text, names.iter().copied()))
                {
                    Some(near) => error.help(format!("write `{near}`")),
                    None if names.is_empty() => {
                        error.help(format!("write a number from {min} to {max}"))
                    }
                    None => error.help(format!(
                        "write a number from {min} to {max}, or a name from {} to {}",
                        names.first().unwrap_or(&""),
                        names.last().unwrap_or(&"")
                    )),
                },
            );
        }
        match text.parse::<u8>() {
            Ok(value) if (*min..=*max).contains(&value) => Ok(value),
            _ => {
                let error = self.error(format!(
                    "{text} is out of range: the {name} is from {min} to {max}"
                ));
                Err(if *name == "hour" && text == "24" {
                    error.help("midnight is hour `0`")
                } else {
                    error
                })
            }
        }
    }

    fn span(&self, from: u8, to: u8) -> String {
        if from == to {
            self.spelled(from)
        } else {
            format!("{}-{}", self.spelled(from), self.spelled(to))
        }
    }

    fn spelled(&self, value: u8) -> String {
        let place = if self.kind.max == 7 && value == 0 {
            7
        } else {
            value
        };
        match self.kind.names.get(usize::from(place).wrapping_sub(1)) {
            Some(name) => (*name).to_string(),
            None => value.to_string(),
        }
    }
}
