//! Lengths of time: `45m`, `1h30m`, `7d`.

use serde::{Deserialize, Serialize};

/// A length of time in whole milliseconds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct Dur(pub u64);

/// Why a text is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DurError {
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// First byte in the text.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// What to write instead.
    pub help: String,
}

/// The units from long to short, in milliseconds.
pub const UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Other spellings of the units.
const SPELLED: [(&str, &str); 22] = [
    ("weeks", "w"),
    ("week", "w"),
    ("days", "d"),
    ("day", "d"),
    ("hours", "h"),
    ("hour", "h"),
    ("hrs", "h"),
    ("hr", "h"),
    ("minutes", "m"),
    ("minute", "m"),
    ("mins", "m"),
    ("min", "m"),
    ("seconds", "s"),
    ("second", "s"),
    ("secs", "s"),
    ("sec", "s"),
    ("milliseconds", "ms"),
    ("millis", "ms"),
    ("msec", "ms"),
    ("months", "d"),
    ("month", "d"),
    ("years", "d"),
];

impl Dur {
    /// No time.
    pub const ZERO: Dur = Dur(0);

    /// Whole milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Whole seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Whole minutes.
    pub const fn minutes(minutes: u64) -> Self {
        Self(minutes.saturating_mul(60_000))
    }

    /// Whole hours.
    pub const fn hours(hours: u64) -> Self {
        Self(hours.saturating_mul(3_600_000))
    }

    /// Days of 24 hours.
    pub const fn days(days: u64) -> Self {
        Self(days.saturating_mul(86_400_000))
    }

    /// Reads Conductor's durations, `1 days 2 hours 3 minutes 4 seconds` or `2h 30m`: units in falling order, each at most once.
    pub fn parse_words(text: &str) -> Option<Dur> {
        let mut total: u64 = 0;
        let mut last_rank = 0;
        let mut rest = text.trim();
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let digits = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            let (number, behind) = rest.split_at_checked(digits)?;
            let behind = behind.trim_start();
            let letters = behind
                .find(|c: char| !c.is_ascii_alphabetic())
                .unwrap_or(behind.len());
            let (unit, behind) = behind.split_at_checked(letters)?;
            let (rank, seconds) = match unit.to_ascii_lowercase().as_str() {
                "d" | "day" | "days" => (1, 86_400),
                "h" | "hr" | "hrs" | "hour" | "hours" => (2, 3_600),
                "m" | "min" | "mins" | "minute" | "minutes" => (3, 60),
                "s" | "sec" | "secs" | "second" | "seconds" => (4, 1),
                _ => return None,
            };
            if rank <= last_rank {
                return None;
            }
            last_rank = rank;
            total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(seconds)?)?;
            rest = behind.trim_start();
        }
        total.checked_mul(1000).map(Dur)
    }

    /// The value of a text that is numbers with units, in any order and saturated: what the grammar of the language lets through.
    pub fn sum(text: &str) -> Dur {
        Dur(parts_sum(text))
    }

    /// Reads `45m`, `2h`, `7d`, `2w`, `500ms`, `1h30m`: whole numbers with the units w, d, h, m, s and ms, longest first.
    pub fn parse(text: &str) -> Result<Dur, DurError> {
        let error = |start: usize, end: usize, message: String, help: String| DurError {
            message,
            start,
            end,
            help,
        };
        if text.trim().is_empty() {
            return Err(error(
                0,
                text.len(),
                "a length of time is missing".into(),
                "write a number and a unit, as in `45m`".into(),
            ));
        }
        let (mut total, mut at, mut last) = (0u64, 0usize, u64::MAX);
        let mut rest = text;
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, tail) = rest.split_at_checked(digits).unwrap_or((rest, ""));
            let letters = tail.len() - tail.trim_start_matches(|c: char| c.is_alphabetic()).len();
            let (unit, after) = tail.split_at_checked(letters).unwrap_or((tail, ""));
            let (unit_at, end) = (at + digits, at + digits + letters);
            if number.is_empty() || (unit.is_empty() && !after.is_empty()) {
                let bad = at
                    + digits
                    + tail
                        .chars()
                        .next()
                        .filter(|_| unit.is_empty())
                        .map_or(letters, char::len_utf8);
                return Err(error(
                    at,
                    bad.max(at),
                    "this is not a length of time".into(),
                    wrong_form(text),
                ));
            }
            if unit.is_empty() {
                let help = format!("write `{number}s` for seconds or `{number}m` for minutes");
                return Err(error(unit_at, end, "the unit is missing".into(), help));
            }
            let Some((_, millis)) = UNITS.into_iter().find(|(name, _)| *name == unit) else {
                return Err(error(
                    unit_at,
                    end,
                    format!("`{unit}` is not a unit of time"),
                    wrong_unit(number, unit),
                ));
            };
            if millis >= last {
                let help = format!(
                    "write each unit once, the longest first, as in `{}`",
                    Dur(parts_sum(text))
                );
                return Err(error(
                    at,
                    end,
                    format!("`{unit}` stands after a unit that is not longer"),
                    help,
                ));
            }
            let too_long = || {
                error(
                    at,
                    end,
                    "the time is too long".into(),
                    "write less than 100000w".into(),
                )
            };
            let amount = number
                .parse::<u64>()
                .ok()
                .and_then(|n| n.checked_mul(millis))
                .ok_or_else(too_long)?;
            total = total
                .checked_add(amount)
                .filter(|sum| *sum < 100_000 * 604_800_000)
                .ok_or_else(too_long)?;
            (rest, at, last) = (after, end, millis);
        }
        Ok(Dur(total))
    }

    /// As a standard duration.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }

    /// As jiff's duration.
    pub fn to_signed(self) -> jiff::SignedDuration {
        jiff::SignedDuration::from_millis(i64::try_from(self.0).unwrap_or(i64::MAX))
    }

    /// In whole milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The sum, or the longest time.
    #[must_use]
    pub const fn saturating_add(self, other: Dur) -> Dur {
        Dur(self.0.saturating_add(other.0))
    }

    /// The difference, or no time.
    #[must_use]
    pub const fn saturating_sub(self, other: Dur) -> Dur {
        Dur(self.0.saturating_sub(other.0))
    }

    /// The multiple, or the longest time.
    #[must_use]
    pub const fn saturating_mul(self, times: u64) -> Dur {
        Dur(self.0.saturating_mul(times))
    }
}

/// The sum of the parts of a text whose units are known, for a help text.
/// The sum of the parts of a text, saturated; what is no part counts nothing.
fn parts_sum(text: &str) -> u64 {
    let mut sum = 0u64;
    let mut rest = text;
    while !rest.is_empty() {
        let tail = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let after = tail.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let number = rest
            .strip_suffix(tail)
            .unwrap_or("")
            .bytes()
            .fold(0u64, |n, b| {
                n.saturating_mul(10)
                    .saturating_add(u64::from(b.saturating_sub(b'0')))
            });
        let unit = tail.strip_suffix(after).unwrap_or("");
        let millis = UNITS
            .into_iter()
            .find(|(name, _)| *name == unit)
            .map_or(0, |(_, millis)| millis);
        sum = sum.saturating_add(number.saturating_mul(millis));
        if after.len() == rest.len() {
            break;
        }
        rest = after;
    }
    sum
}

fn wrong_unit(number: &str, unit: &str) -> String {
    let lower = unit.to_lowercase();
    let known = UNITS
        .into_iter()
        .map(|(name, _)| name)
        .find(|name| *name == lower);
    let spelled = SPELLED.into_iter().find(|(word, _)| *word == lower);
    match (known, spelled) {
        (Some(unit), _) => format!("units are lower case: write `{number}{unit}`"),
        (_, Some((word, _))) if word.starts_with("month") || word.starts_with("year") => {
            "months and years differ in length: write days, as in `30d`".into()
        }
        (_, Some((_, unit))) => format!("write `{number}{unit}`"),
        _ => "the units are ms, s, m, h, d and w".into(),
    }
}

fn wrong_form(text: &str) -> String {
    let tight: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if tight != text {
        match Dur::parse(&tight) {
            Ok(_) => return format!("leave out the blanks: write `{tight}`"),
            Err(other) if tight.starts_with(|c: char| c.is_ascii_digit()) => return other.help,
            Err(_) => {}
        }
    }
    // `1.5h` is 90 minutes.
    let unit_at = text.find(|c: char| c.is_alphabetic()).unwrap_or(text.len());
    if let Some((number, unit)) = text.split_at_checked(unit_at)
        && let Ok(value) = number.parse::<f64>()
        && let Some((_, millis)) = UNITS.into_iter().find(|(name, _)| *name == unit)
        && value > 0.0
        && value * (millis as f64) < 1e15
    {
        return format!(
            "whole numbers only: write `{}`",
            Dur((value * (millis as f64)).round() as u64)
        );
    }
    "write a number and a unit, as in `45m` or `1h30m`".into()
}

/// The canonical form: days, hours, minutes, seconds and milliseconds, those that are not zero.
impl std::fmt::Display for Dur {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, millis) in UNITS.into_iter().skip(1) {
            if rest >= millis {
                write!(f, "{}{unit}", rest / millis)?;
                rest %= millis;
            }
        }
        Ok(())
    }
}
