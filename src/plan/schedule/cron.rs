//! Spring's cron expressions in a named zone, on croner.
//!
//! Spring: six fields with the seconds first, day of month and day of week must both hold, Monday is 1. Daylight saving: a
//! fixed time that does not exist runs at the end of the gap, one that occurs twice runs the first time; wildcards and
//! steps follow the clock on the wall.

use super::fields::{Field, Item, KINDS, field, words};
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A Spring cron expression (six fields, seconds first, or a macro such as `@daily`) in a zone. Equal when both texts are.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct Cron {
    expression: Arc<str>,
    zone: Arc<str>,
    compiled: Arc<Compiled>,
}

struct Compiled {
    /// One for each fixed time, so that croner sees that it is one; else a single one.
    patterns: Vec<croner::Cron>,
    fields: Vec<Field>,
    zone: TimeZone,
    /// `L-n` in the day field, which croner lacks.
    before_last: Option<u8>,
}

/// Why an expression or its zone cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CronError {
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// First byte in the expression, or in the zone when `in_zone`.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// Whether the zone is wrong, not the expression.
    pub in_zone: bool,
    /// What to do, with the corrected text where there is one.
    pub help: Option<String>,
}

/// Something in a valid expression that is easily misread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronRemark {
    /// What: lower case, no full stop.
    pub message: String,
    /// First byte in the expression.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// What to write to be clear.
    pub help: String,
}

impl CronError {
    pub(super) fn at(start: usize, end: usize, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            start,
            end,
            in_zone: false,
            help: None,
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Spring's macros.
const MACROS: [(&str, &str); 7] = [
    ("@yearly", "0 0 0 1 1 *"),
    ("@annually", "0 0 0 1 1 *"),
    ("@monthly", "0 0 0 1 * *"),
    ("@weekly", "0 0 0 * * 0"),
    ("@daily", "0 0 0 * * *"),
    ("@midnight", "0 0 0 * * *"),
    ("@hourly", "0 0 * * * *"),
];

/// Most fixed times that an expression may list and still be taken as fixed.
const MAX_FIXED: usize = 64;

impl Cron {
    /// Reads an expression and looks up its zone. An expression whose date never comes is refused here.
    pub fn parse(expression: &str, zone: &str) -> Result<Cron, CronError> {
        let fields = read(expression)?;
        let before_last = match fields.get(3).map(|f| f.items.as_slice()) {
            Some([Item::LastMinus(days)]) => Some(*days),
            _ => None,
        };
        let compiled = Compiled {
            patterns: patterns(expression, &fields)?,
            fields,
            zone: find_zone(zone)?,
            before_last,
        };
        let cron = Cron {
            expression: expression.into(),
            zone: zone.into(),
            compiled: Arc::new(compiled),
        };
        // 2023: every date comes within the next eight years, save 29 February on a given weekday, which takes up to forty.
        if cron
            .next_after(Timestamp::from_second(1_672_531_200).unwrap_or_default())
            .is_none()
        {
            let (start, end) = cron
                .compiled
                .fields
                .get(3)
                .map_or((0, expression.len()), |f| (f.start, f.end));
            return Err(CronError::at(start, end, "this date never comes")
                .help("choose a day that the month has"));
        }
        Ok(cron)
    }

    /// The expression as it was written.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The IANA name of the zone, as it was written.
    pub fn zone(&self) -> &str {
        &self.zone
    }

    pub(super) fn fields(&self) -> &[Field] {
        &self.compiled.fields
    }

    /// The first time after `after`; `None` when there is none.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let start = after.to_zoned(self.compiled.zone.clone());
        self.compiled
            .patterns
            .iter()
            .filter_map(|pattern| self.compiled.next(pattern, &start))
            .min()
    }

    /// A day of the month and a weekday in one expression: both have to hold, where other crons take either. Not a week of days
    /// with a weekday, which is the usual way to say "the first Monday".
    pub fn both_days(&self) -> Option<CronRemark> {
        let (day, weekday) = (self.compiled.fields.get(3)?, self.compiled.fields.get(5)?);
        let few_days = match day.items.as_slice() {
            [Item::Last | Item::LastWorkday | Item::LastMinus(_) | Item::Workday(_)] => true,
            _ => day.singles().is_some_and(|days| days.len() < 7),
        };
        let few_weekdays = match weekday.items.as_slice() {
            [Item::Nth(..) | Item::LastOf(_)] => true,
            _ => weekday.singles().is_some_and(|days| days.len() < 4),
        };
        (few_days && few_weekdays).then(|| CronRemark {
            message: "the day of the month and the weekday must both hold: most months have no such day".into(),
            start: day.start,
            end: weekday.end,
            help: "write `*` for one of them; the first Monday is `0 0 4 * * MON#1`, Mondays and the first of the month are two schedules".into(),
        })
    }

    /// What is easily misread: weekdays as numbers, which Quartz counts from Sunday as 1 and Spring from Monday as 1, and what
    /// [`both_days`](Cron::both_days) tells.
    pub fn remarks(&self) -> Vec<CronRemark> {
        self.numbered()
            .into_iter()
            .chain(self.both_days())
            .collect()
    }

    fn numbered(&self) -> Option<CronRemark> {
        let weekday = self.compiled.fields.get(5).filter(|field| field.numeric)?;
        let named = super::describe::named_weekdays(weekday);
        Some(CronRemark {
            message:
                "weekdays are numbers here: Conductor counts Monday as 1, Quartz counts Sunday as 1"
                    .into(),
            start: weekday.start,
            end: weekday.end,
            help: format!("write the name: `{named}`"),
        })
    }
}

impl Compiled {
    fn next(&self, pattern: &croner::Cron, start: &Zoned) -> Option<Timestamp> {
        let mut from = start.clone();
        // Each round either ends or goes to a later day; `L-n` has at most three days to pass in a month.
        for _ in 0..4000 {
            let found = pattern.find_next_occurrence(&from, false).ok()?;
            if found.timestamp() <= from.timestamp() {
                from = from.checked_add(1.second()).ok()?;
                continue;
            }
            let wanted = self
                .before_last
                .map(|days| found.days_in_month() - i8::try_from(days).unwrap_or(0));
            if wanted.is_none_or(|day| day == found.day()) {
                return Some(found.timestamp());
            }
            from = found.end_of_day().ok()?;
        }
        None
    }
}

/// The six fields, after the checks that concern all of them.
fn read(expression: &str) -> Result<Vec<Field>, CronError> {
    let trimmed = expression.trim();
    if trimmed.is_empty() {
        return Err(
            CronError::at(0, expression.len(), "the cron expression is empty")
                .help("write six fields, as in `0 0 3 * * MON`"),
        );
    }
    if trimmed.starts_with('@') {
        let start = expression.len() - expression.trim_start().len();
        let known = MACROS
            .into_iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(trimmed));
        let Some((_, plain)) = known else {
            let error = CronError::at(
                start,
                start + trimmed.len(),
                format!("there is no macro `{}`", trimmed.escape_debug()),
            );
            return Err(match crate::diagnostic::nearest(trimmed, MACROS.into_iter().map(|(name, _)| name)) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help("the macros are @yearly, @annually, @monthly, @weekly, @daily, @midnight and @hourly"),
            });
        };
        let mut fields = read(plain)?;
        for field in &mut fields {
            (field.start, field.end, field.numeric) = (start, start + trimmed.len(), false);
        }
        return Ok(fields);
    }
    let words = words(expression);
    let whole = |message: &str| {
        let start = words.first().map_or(0, |(at, _)| *at);
        CronError::at(
            start,
            words.last().map_or(start, |(at, word)| at + word.len()),
            message,
        )
    };
    match words.len() {
        6 => {}
        5 => {
            return Err(
                whole("the expression has five fields; the seconds are missing")
                    .help(format!("write `0 {}`", join(&words))),
            );
        }
        7 => {
            let (at, year) = words.last().copied().unwrap_or((0, ""));
            let six = join(words.get(..6).unwrap_or(&[]));
            return Err(CronError::at(
                at,
                at + year.len(),
                "the expression has seven fields; there is no field for the year",
            )
            .help(format!("write `{six}`")));
        }
        n => {
            let error = whole(&format!(
                "the expression has {n} field{}, not six",
                if n == 1 { "" } else { "s" }
            ));
            return Err(error
                .help("the fields are: second, minute, hour, day of month, month, day of week"));
        }
    }
    words
        .into_iter()
        .zip(&KINDS)
        .map(|((at, word), kind)| field(kind, at, word))
        .collect()
}

fn join(words: &[(usize, &str)]) -> String {
    words
        .iter()
        .map(|(_, word)| *word)
        .collect::<Vec<_>>()
        .join(" ")
}

/// croner's patterns. It takes a time as fixed only when hour, minute and second are one value each, and only then carries
/// it over a gap and runs it once where the clock goes back; so a list of fixed times becomes several patterns.
fn patterns(expression: &str, fields: &[Field]) -> Result<Vec<croner::Cron>, CronError> {
    let plain: Vec<String> = fields.iter().map(Field::plain).collect();
    let days = plain.get(3..).unwrap_or(&[]).join(" ");
    let singles: Option<Vec<Vec<u8>>> = fields.iter().take(3).map(Field::singles).collect();
    let mut times = Vec::new();
    if let Some([seconds, minutes, hours]) = singles.as_deref()
        && seconds.len() * minutes.len() * hours.len() <= MAX_FIXED
    {
        for hour in hours {
            for minute in minutes {
                times.extend(
                    seconds
                        .iter()
                        .map(|second| format!("{second} {minute} {hour} {days}")),
                );
            }
        }
    } else {
        times.push(plain.join(" "));
    }
    let parser = CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Disallowed)
        .dom_and_dow(true)
        .sloppy_ranges(true)
        .build();
    let unreadable = |_| {
        CronError::at(0, expression.len(), "the expression cannot be read")
            .help("write six fields, as in `0 0 3 * * MON`")
    };
    times
        .iter()
        .map(|time| parser.parse(time).map_err(unreadable))
        .collect()
}

fn find_zone(zone: &str) -> Result<TimeZone, CronError> {
    if zone == "UTC" || zone == "Z" {
        return Ok(TimeZone::UTC);
    }
    if let Ok(found) = TimeZone::get(zone) {
        return Ok(found);
    }
    let error = CronError {
        in_zone: true,
        ..CronError::at(
            0,
            zone.len(),
            format!("there is no time zone `{}`", zone.escape_debug()),
        )
    };
    let names: Vec<String> = jiff::tz::db()
        .available()
        .map(|name| name.as_str().to_string())
        .collect();
    if names.len() < 10 {
        return Err(error.help(
            "this machine has no time-zone database: install the package `tzdata`, or use `UTC`",
        ));
    }
    // `Berlin`, `europe berlin`
    let city = zone
        .rsplit('/')
        .next()
        .unwrap_or(zone)
        .trim()
        .replace(' ', "_");
    let same_city = names.iter().find(|name| {
        name.rsplit('/')
            .next()
            .is_some_and(|last| last.eq_ignore_ascii_case(&city))
            && name.contains('/')
    });
    let near = same_city
        .map(String::as_str)
        .or_else(|| crate::diagnostic::nearest(zone, names.iter().map(String::as_str)));
    Err(match near {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None if zone.contains(['+', '-']) => error.help(
            "write the name of a place, such as `Europe/Berlin`; an offset has no daylight saving",
        ),
        None => error.help("write an IANA name such as `Europe/Berlin`, or `UTC`"),
    })
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.expression == other.expression && self.zone == other.zone
    }
}
impl Eq for Cron {}

impl std::fmt::Debug for Cron {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cron")
            .field("expression", &self.expression)
            .field("zone", &self.zone)
            .finish()
    }
}

/// How it stands in a compiled plan.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    expression: String,
    zone: String,
}

impl From<Cron> for Form {
    fn from(cron: Cron) -> Self {
        Form {
            expression: cron.expression.to_string(),
            zone: cron.zone.to_string(),
        }
    }
}

impl TryFrom<Form> for Cron {
    type Error = CronError;

    fn try_from(form: Form) -> Result<Self, CronError> {
        Cron::parse(&form.expression, &form.zone)
    }
}
