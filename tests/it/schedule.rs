//! Schedules: lengths of time, cron in zones, daylight saving, due times.

use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan, Zoned};
use proptest::prelude::*;
use rot::plan::schedule::{Cron, Due, DueReason, Dur, Schedule, Trigger};
use rot::source::At;

fn time(text: &str) -> Timestamp {
    text.parse()
        .unwrap_or_else(|_| text.parse::<Zoned>().unwrap().timestamp())
}

fn schedule(trigger: Trigger, jitter: Option<Dur>) -> Schedule {
    Schedule {
        trigger,
        jitter,
        at: At::NOWHERE,
    }
}

fn cron(expression: &str, zone: &str) -> Cron {
    Cron::parse(expression, zone)
        .unwrap_or_else(|e| panic!("{expression}: {} {:?}", e.message, e.help))
}

#[test]
fn durations() {
    for (text, millis, canonical) in [
        ("500ms", 500, "500ms"),
        ("45s", 45_000, "45s"),
        ("45m", 2_700_000, "45m"),
        ("2h", 7_200_000, "2h"),
        ("7d", 604_800_000, "7d"),
        ("2w", 1_209_600_000, "14d"),
        ("1h30m", 5_400_000, "1h30m"),
        ("90m", 5_400_000, "1h30m"),
        ("1d2h3m4s5ms", 93_784_005, "1d2h3m4s5ms"),
        ("0s", 0, "0s"),
        ("007s", 7_000, "7s"),
    ] {
        let dur = Dur::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(
            (dur, dur.to_string().as_str()),
            (Dur(millis), canonical),
            "{text}"
        );
    }
    assert_eq!(Dur(u64::MAX).saturating_add(Dur(1)), Dur(u64::MAX));
    assert_eq!(Dur(1).saturating_sub(Dur(2)), Dur::ZERO);
    assert_eq!(Dur::seconds(u64::MAX), Dur(u64::MAX));
    assert_eq!(Dur::days(1).saturating_mul(u64::MAX), Dur(u64::MAX));
}

#[test]
fn duration_messages() {
    let mut out = String::new();
    for text in [
        "",
        "45",
        "1h30",
        "45M",
        "45 m",
        "1 h 30 m",
        "1.5h",
        "30m1h",
        "1h1h",
        "3 days",
        "2weeks",
        "1month",
        "5x",
        "m",
        "-5m",
        "99999999999999999999s",
        "100000w",
        "1h_",
        "٤m",
        "4µs",
    ] {
        let e = Dur::parse(text).expect_err(text);
        assert!(
            e.start <= e.end
                && e.end <= text.len()
                && text.is_char_boundary(e.start)
                && text.is_char_boundary(e.end),
            "{text} {e:?}"
        );
        out.push_str(&format!(
            "{text:?} {}..{}: {}\n  help: {}\n",
            e.start, e.end, e.message, e.help
        ));
    }
    insta::assert_snapshot!(out);
}

/// Expression, zone, after, and the next times.
#[test]
fn next_times() {
    let rows: &[(&str, &str, &str, &[&str])] = &[
        (
            "0 0 3 * * MON",
            "UTC",
            "2026-11-22T00:00:00Z",
            &["2026-11-23T03:00:00Z", "2026-11-30T03:00:00Z"],
        ),
        (
            "0 0 3 * * 1",
            "UTC",
            "2026-11-22T00:00:00Z",
            &["2026-11-23T03:00:00Z"],
        ),
        (
            "0 0 3 * * 7",
            "UTC",
            "2026-11-21T00:00:00Z",
            &["2026-11-22T03:00:00Z"],
        ),
        (
            "0 0 3 * * 0",
            "UTC",
            "2026-11-21T00:00:00Z",
            &["2026-11-22T03:00:00Z"],
        ),
        (
            "0 0 3 * * SUN-TUE",
            "UTC",
            "2026-11-21T12:00:00Z",
            &[
                "2026-11-22T03:00:00Z",
                "2026-11-23T03:00:00Z",
                "2026-11-24T03:00:00Z",
                "2026-11-29T03:00:00Z",
            ],
        ),
        (
            "0 0 3 * * SAT-SUN",
            "UTC",
            "2026-11-20T12:00:00Z",
            &[
                "2026-11-21T03:00:00Z",
                "2026-11-22T03:00:00Z",
                "2026-11-28T03:00:00Z",
            ],
        ),
        (
            "0 0 3 * * mon",
            "Asia/Tokyo",
            "2026-11-22T00:00:00Z",
            &["2026-11-22T18:00:00Z"],
        ),
        (
            "0 0 3 * * ?",
            "Europe/Berlin",
            "2026-11-22T12:00:00Z",
            &["2026-11-23T02:00:00Z"],
        ),
        (
            "@daily",
            "Europe/Berlin",
            "2026-11-22T12:00:00Z",
            &["2026-11-22T23:00:00Z"],
        ),
        (
            "@hourly",
            "UTC",
            "2026-11-22T12:00:00Z",
            &["2026-11-22T13:00:00Z"],
        ),
        (
            "@weekly",
            "UTC",
            "2026-11-22T12:00:00Z",
            &["2026-11-29T00:00:00Z"],
        ),
        (
            "@monthly",
            "UTC",
            "2026-11-22T12:00:00Z",
            &["2026-12-01T00:00:00Z"],
        ),
        (
            "@YEARLY",
            "UTC",
            "2026-11-22T12:00:00Z",
            &["2027-01-01T00:00:00Z"],
        ),
        // The exact second does not count again; part of a second does not matter.
        (
            "0 0 3 * * *",
            "UTC",
            "2026-11-22T03:00:00Z",
            &["2026-11-23T03:00:00Z"],
        ),
        (
            "0 0 3 * * *",
            "UTC",
            "2026-11-22T02:59:59.9Z",
            &["2026-11-22T03:00:00Z"],
        ),
        (
            "0 0 3 * * *",
            "UTC",
            "2026-11-22T03:00:00.001Z",
            &["2026-11-23T03:00:00Z"],
        ),
        // Both days must hold (Vixie cron: either).
        (
            "0 0 0 1,15 * FRI",
            "UTC",
            "2026-03-20T00:00:00Z",
            &["2026-05-01T00:00:00Z", "2026-05-15T00:00:00Z"],
        ),
        // Leap day, and leap day on a Monday.
        (
            "0 0 0 29 2 *",
            "UTC",
            "2026-11-22T00:00:00Z",
            &["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"],
        ),
        (
            "0 0 0 29 FEB MON",
            "UTC",
            "2026-11-22T00:00:00Z",
            &["2044-02-29T00:00:00Z"],
        ),
        // Ends of months.
        (
            "0 0 0 L * *",
            "UTC",
            "2026-01-31T12:00:00Z",
            &[
                "2026-02-28T00:00:00Z",
                "2026-03-31T00:00:00Z",
                "2026-04-30T00:00:00Z",
            ],
        ),
        (
            "0 0 0 L-3 * *",
            "UTC",
            "2026-01-01T00:00:00Z",
            &[
                "2026-01-28T00:00:00Z",
                "2026-02-25T00:00:00Z",
                "2026-03-28T00:00:00Z",
                "2026-04-27T00:00:00Z",
            ],
        ),
        (
            "0 0 0 L-27 2 *",
            "UTC",
            "2026-01-01T00:00:00Z",
            &[
                "2026-02-01T00:00:00Z",
                "2027-02-01T00:00:00Z",
                "2028-02-02T00:00:00Z",
            ],
        ),
        (
            "*/20 59 23 L-1 2 *",
            "UTC",
            "2026-01-01T00:00:00Z",
            &[
                "2026-02-27T23:59:00Z",
                "2026-02-27T23:59:20Z",
                "2026-02-27T23:59:40Z",
                "2027-02-27T23:59:00Z",
            ],
        ),
        (
            "0 0 0 LW * *",
            "UTC",
            "2026-01-01T00:00:00Z",
            &["2026-01-30T00:00:00Z", "2026-02-27T00:00:00Z"],
        ),
        (
            "0 0 0 1W * *",
            "UTC",
            "2026-07-15T00:00:00Z",
            &["2026-08-03T00:00:00Z"],
        ),
        (
            "0 0 0 * * 5L",
            "UTC",
            "2026-11-01T00:00:00Z",
            &["2026-11-27T00:00:00Z"],
        ),
        (
            "0 0 0 * * SUNL",
            "UTC",
            "2026-11-01T00:00:00Z",
            &["2026-11-29T00:00:00Z"],
        ),
        (
            "0 0 0 ? * MON#2",
            "UTC",
            "2026-11-01T00:00:00Z",
            &["2026-11-09T00:00:00Z", "2026-12-14T00:00:00Z"],
        ),
        (
            "0 0/15 * * * *",
            "UTC",
            "2026-11-01T00:00:00Z",
            &["2026-11-01T00:15:00Z", "2026-11-01T00:30:00Z"],
        ),
        (
            "0 5/20 1-2 * * *",
            "UTC",
            "2026-11-01T00:00:00Z",
            &[
                "2026-11-01T01:05:00Z",
                "2026-11-01T01:25:00Z",
                "2026-11-01T01:45:00Z",
                "2026-11-01T02:05:00Z",
            ],
        ),
        // Spring: 02:30 does not exist on 29 March 2026 in Berlin; it runs at the end of the gap, 03:00 summer time.
        (
            "0 30 2 * * *",
            "Europe/Berlin",
            "2026-03-28T12:00:00Z",
            &["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
        ),
        (
            "0 30 2,14 * * *",
            "Europe/Berlin",
            "2026-03-28T14:00:00Z",
            &[
                "2026-03-29T01:00:00Z",
                "2026-03-29T12:30:00Z",
                "2026-03-30T00:30:00Z",
            ],
        ),
        (
            "0 0 2,3 * * *",
            "Europe/Berlin",
            "2026-03-28T14:00:00Z",
            &["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"],
        ),
        (
            "0 30 2 * * *",
            "America/New_York",
            "2026-03-08T00:00:00Z",
            &["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"],
        ),
        // Autumn: 02:30 occurs twice on 25 October 2026; a fixed time runs the first time only.
        (
            "0 30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T12:00:00Z",
            &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
        ),
        (
            "0 30 2,14 * * *",
            "Europe/Berlin",
            "2026-10-24T14:00:00Z",
            &["2026-10-25T00:30:00Z", "2026-10-25T13:30:00Z"],
        ),
        (
            "0 30 2 * * *",
            "Europe/Berlin",
            "2026-10-25T01:00:00Z",
            &["2026-10-26T01:30:00Z"],
        ),
        // Steps follow the clock on the wall, in both hours.
        (
            "0 */30 * * * *",
            "Europe/Berlin",
            "2026-10-25T00:00:00Z",
            &[
                "2026-10-25T00:30:00Z",
                "2026-10-25T01:00:00Z",
                "2026-10-25T01:30:00Z",
                "2026-10-25T02:00:00Z",
            ],
        ),
        (
            "0 */30 * * * *",
            "Europe/Berlin",
            "2026-03-29T00:30:00Z",
            &["2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"],
        ),
        // Half an hour of daylight saving; a gap at midnight.
        (
            "0 15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-03T00:00:00Z",
            &["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"],
        ),
        (
            "0 0 0 * * *",
            "Africa/Cairo",
            "2026-04-23T12:00:00Z",
            &["2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"],
        ),
    ];
    for (expression, zone, after, wanted) in rows {
        let cron = cron(expression, zone);
        let mut at = time(after);
        for wanted in *wanted {
            at = cron
                .next_after(at)
                .unwrap_or_else(|| panic!("{expression}: no time after {at}"));
            assert_eq!(
                at.to_string(),
                *wanted,
                "{expression} in {zone} after {after}"
            );
        }
    }
}

#[test]
fn cron_messages() {
    let mut out = String::new();
    for (expression, zone) in [
        ("", "UTC"),
        ("0 3 * * MON", "UTC"),
        ("0 0 3 * * MON 2026", "UTC"),
        ("0 0 3", "UTC"),
        ("@dayly", "UTC"),
        ("@reboot now", "UTC"),
        ("60 0 3 * * *", "UTC"),
        ("0 0 24 * * *", "UTC"),
        ("0 0 3 32 * *", "UTC"),
        ("0 0 3 0 * *", "UTC"),
        ("0 0 3 * 13 *", "UTC"),
        ("0 0 3 * * 8", "UTC"),
        ("0 0 3 * * FRI-MON", "UTC"),
        ("0 0 22-4 * * *", "UTC"),
        ("0 0 3 * * MONDAY", "UTC"),
        ("0 0 3 * * MOM", "UTC"),
        ("0 0 3 31 2 *", "UTC"),
        ("0 0 3 31 4,6 *", "UTC"),
        ("0 ? 3 * * *", "UTC"),
        ("0 H 3 * * *", "UTC"),
        ("0 0/0 3 * * *", "UTC"),
        ("0 */90 * * * *", "UTC"),
        ("0 0 3 L-31 * *", "UTC"),
        ("0 0 3 L,L-3 * *", "UTC"),
        ("0 0 3 * * L", "UTC"),
        ("0 0 3 * * MON#6", "UTC"),
        ("0 0 3 1,,2 * *", "UTC"),
        ("0 0 3W * * *", "UTC"),
        ("0 0 3 * * é", "UTC"),
        ("0 0 3 * * *", "Berlin"),
        ("0 0 3 * * *", "Europe/Berln"),
        ("0 0 3 * * *", "New York"),
        ("0 0 3 * * *", "UTC+02:00"),
        ("0 0 3 * * *", ""),
    ] {
        let e = Cron::parse(expression, zone).expect_err(expression);
        let text = if e.in_zone { zone } else { expression };
        assert!(
            e.start <= e.end
                && e.end <= text.len()
                && text.is_char_boundary(e.start)
                && text.is_char_boundary(e.end),
            "{expression} {e:?}"
        );
        out.push_str(&format!(
            "{expression:?} {zone:?}: `{}`: {}\n  help: {}\n",
            &text[e.start..e.end],
            e.message,
            e.help.unwrap_or_default()
        ));
    }
    insta::assert_snapshot!(out);
}

#[test]
fn weekdays_as_numbers_are_remarked() {
    for (expression, wanted) in [
        ("0 0 3 * * 1", Some("MON")),
        ("0 0 3 ? * 2-6", Some("TUE-SAT")),
        ("0 0 3 * * 0,6L", Some("SUN,SATL")),
        ("0 0 3 * * MON", None),
        ("0 0 3 * * *", None),
        ("0 0 3 * * */2", None),
        ("0 0 3 * * MON#2", None),
        ("@weekly", None),
    ] {
        let remarks = cron(expression, "UTC").remarks();
        match wanted {
            Some(name) => {
                assert_eq!(
                    remarks[0].help,
                    format!("write the name: `{name}`"),
                    "{expression}"
                );
                assert_eq!(
                    &expression[remarks[0].start..remarks[0].end],
                    expression.rsplit(' ').next().unwrap()
                );
            }
            None => assert!(remarks.is_empty(), "{expression}"),
        }
    }
}

#[test]
fn words() {
    let mut out = String::new();
    for (expression, zone) in [
        ("0 0 3 * * MON", "Europe/Berlin"),
        ("0 0 3 * * *", "UTC"),
        ("0 30 2,14 * * MON-FRI", "UTC"),
        ("15 0 3 1 * ?", "UTC"),
        ("0 */15 * * * *", "UTC"),
        ("* * * * * *", "UTC"),
        ("*/10 * * * * *", "UTC"),
        ("0 * * * * *", "UTC"),
        ("0 15 * * * *", "UTC"),
        ("0 0 */6 * * *", "UTC"),
        ("0 0/5 9-17 * * 1-5", "UTC"),
        ("0 0 0 L * *", "UTC"),
        ("0 0 0 L-3 1-3 *", "UTC"),
        ("0 0 0 LW 2,8 *", "UTC"),
        ("0 0 0 15W * *", "UTC"),
        ("0 0 0 * * FRIL", "UTC"),
        ("0 0 0 * * MON#2", "UTC"),
        ("0 0 0 */2 */3 *", "UTC"),
        ("@monthly", "Asia/Tokyo"),
        ("5 7-9 * * * *", "UTC"),
    ] {
        out.push_str(&format!(
            "{expression}  →  {}\n",
            schedule(Trigger::Cron(vec![cron(expression, zone)]), None).describe()
        ));
    }
    for (every, jitter) in [
        ("45m", None),
        ("1h", None),
        ("1h30m", Some("10m")),
        ("7d", Some("1h")),
    ] {
        let plan = schedule(
            Trigger::Every(Dur::parse(every).unwrap()),
            jitter.map(|j| Dur::parse(j).unwrap()),
        );
        out.push_str(&format!("{every} {jitter:?}  →  {}\n", plan.describe()));
    }
    let two = Trigger::Cron(vec![
        cron("0 0 3 * * MON", "UTC"),
        cron("0 0 5 * * FRI", "UTC"),
    ]);
    out.push_str(&format!("two  →  {}\n", schedule(two, None).describe()));
    insta::assert_snapshot!(out);
}

#[test]
fn due_times() {
    let now = time("2026-11-22T12:00:00Z");
    let every = schedule(Trigger::Every(Dur::minutes(45)), None);
    let weekly = schedule(Trigger::Cron(vec![cron("0 0 3 * * MON", "UTC")]), None);
    let due = |s: &Schedule, last: Option<&str>, expires: Option<&str>, issued: Option<&str>| {
        s.next_due(
            last.map(time),
            now,
            expires.map(time),
            issued.map(time),
            b"key",
        )
        .unwrap()
    };
    let at = |due: &Due| due.at.to_string();

    let never = due(&every, None, None, None);
    assert_eq!(
        (at(&never).as_str(), never.is_due(now), never.reason),
        ("2026-11-22T12:00:00Z", true, DueReason::NeverRun)
    );
    let later = due(&every, Some("2026-11-22T11:30:00Z"), None, None);
    assert_eq!(
        (at(&later).as_str(), later.is_due(now)),
        ("2026-11-22T12:15:00Z", false)
    );
    assert_eq!(
        later.reason.explain(),
        "45m after the last success at 2026-11-22 11:30:00 UTC"
    );
    assert!(due(&every, Some("2026-11-01T00:00:00Z"), None, None).is_due(now));

    let first = due(&weekly, None, None, None);
    assert_eq!(
        (at(&first).as_str(), first.is_due(now)),
        ("2026-11-23T03:00:00Z", false)
    );
    let seen = due(&weekly, None, None, Some("2026-11-15T00:00:00Z"));
    assert!(
        seen.is_due(now),
        "a rotation that was seen before a fire time is due after it"
    );
    assert_eq!(
        at(&due(&weekly, Some("2026-11-16T03:00:05Z"), None, None)),
        "2026-11-23T03:00:00Z"
    );

    // Many missed times are one catch-up.
    let missed = due(&weekly, Some("2026-10-01T00:00:00Z"), None, None);
    assert!(missed.is_due(now));
    assert_eq!(
        missed.reason,
        DueReason::Cron {
            fires: time("2026-10-05T03:00:00Z"),
            missed: true
        }
    );
    assert!(!due(&weekly, Some("2026-11-22T11:59:59Z"), None, None).is_due(now));

    // Two thirds of a life of three days.
    let expiry = due(
        &weekly,
        Some("2026-11-20T12:00:00Z"),
        Some("2026-11-23T12:00:00Z"),
        Some("2026-11-20T12:00:00Z"),
    );
    assert_eq!(
        (at(&expiry).as_str(), expiry.is_due(now)),
        ("2026-11-22T12:00:00Z", true)
    );
    assert_eq!(
        expiry.reason.explain(),
        "its credential expires at 2026-11-23 12:00:00 UTC and two thirds of its life are over"
    );
    let soon = due(
        &every,
        Some("2026-11-22T11:50:00Z"),
        Some("2026-11-22T12:20:00Z"),
        Some("2026-11-22T11:50:00Z"),
    );
    assert_eq!(at(&soon), "2026-11-22T12:10:00Z");
    // The schedule wins when it is earlier.
    let long = due(
        &every,
        Some("2026-11-22T11:50:00Z"),
        Some("2027-11-22T12:00:00Z"),
        Some("2026-11-22T11:50:00Z"),
    );
    assert!(matches!(long.reason, DueReason::Interval { .. }));
    // Issued unknown: counted from the last success; nothing known: the expiry itself.
    assert_eq!(
        at(&due(
            &weekly,
            Some("2026-11-22T00:00:00Z"),
            Some("2026-11-22T15:00:00Z"),
            None
        )),
        "2026-11-22T10:00:00Z"
    );
    assert_eq!(
        at(&due(&weekly, None, Some("2026-11-22T15:00:00Z"), None)),
        "2026-11-22T15:00:00Z"
    );
    // Expired before it was issued: at once.
    assert!(
        due(
            &weekly,
            None,
            Some("2026-11-22T11:00:00Z"),
            Some("2026-11-22T11:30:00Z")
        )
        .is_due(now)
    );
}

#[test]
fn jitter_is_stable_and_spread() {
    let plan = schedule(Trigger::Every(Dur::hours(1)), Some(Dur::minutes(10)));
    // SHA-256 of the key: fixed for all time, so that an update of the program moves no run.
    assert_eq!(
        plan.jitter_for(b"vault/ci_token"),
        Dur(u64::from_be_bytes(
            ring::digest::digest(&ring::digest::SHA256, b"vault/ci_token").as_ref()[..8]
                .try_into()
                .unwrap()
        ) % 600_000)
    );
    let mut tenths = [0; 10];
    for i in 0..2000 {
        let jitter = plan.jitter_for(format!("key {i}").as_bytes());
        assert!(jitter < Dur::minutes(10));
        tenths[(jitter.0 / 60_000) as usize] += 1;
    }
    assert!(tenths.iter().all(|n| (130..270).contains(n)), "{tenths:?}");
    let last = time("2026-11-22T11:00:00Z");
    let due = plan.next_due(Some(last), last, None, None, b"a").unwrap();
    assert_eq!(due.at, last + 1.hour() + plan.jitter_for(b"a").to_signed());
    assert_eq!(
        schedule(Trigger::Every(Dur::hours(1)), None).jitter_for(b"a"),
        Dur::ZERO
    );
}

/// What the fields say, second by second and day by day, without croner.
struct Oracle {
    minutes: Vec<i8>,
    hours: Vec<i8>,
    weekday: Option<i8>,
    fixed: bool,
}

impl Oracle {
    fn expression(&self) -> String {
        let list = |values: &[i8]| {
            values
                .iter()
                .map(i8::to_string)
                .collect::<Vec<_>>()
                .join(",")
        };
        let minutes = if self.fixed {
            list(&self.minutes)
        } else {
            format!("*/{}", 60 / self.minutes.len())
        };
        let hours = if self.hours.len() == 24 {
            "*".into()
        } else {
            list(&self.hours)
        };
        format!(
            "0 {minutes} {hours} * * {}",
            self.weekday.map_or("*".into(), |d| d.to_string())
        )
    }

    fn times(&self, zone: &TimeZone, start: Timestamp, end: Timestamp) -> Vec<Timestamp> {
        let mut times = Vec::new();
        let mut day = start.to_zoned(zone.clone()).date().yesterday().unwrap();
        while day <= end.to_zoned(zone.clone()).date() {
            if self
                .weekday
                .is_none_or(|d| d % 7 == day.weekday().to_sunday_zero_offset())
            {
                for hour in &self.hours {
                    for minute in &self.minutes {
                        let local = zone.to_ambiguous_zoned(day.at(*hour, *minute, 0, 0));
                        match local.offset() {
                            AmbiguousOffset::Unambiguous { .. } => {
                                times.push(local.unambiguous().unwrap().timestamp())
                            }
                            AmbiguousOffset::Fold { .. } => {
                                times.push(local.clone().earlier().unwrap().timestamp());
                                if !self.fixed {
                                    times.push(local.later().unwrap().timestamp());
                                }
                            }
                            AmbiguousOffset::Gap { before, .. } if self.fixed => {
                                // The end of the gap is the transition itself.
                                let inside =
                                    before.to_timestamp(day.at(*hour, *minute, 0, 0)).unwrap();
                                times.push(
                                    zone.preceding(inside + 1.second())
                                        .next()
                                        .unwrap()
                                        .timestamp(),
                                );
                            }
                            AmbiguousOffset::Gap { .. } => {}
                        }
                    }
                }
            }
            day = day.tomorrow().unwrap();
        }
        times.sort();
        times.dedup();
        times.retain(|t| *t > start && *t <= end);
        times
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Strictly increasing, nothing skipped and nothing added, around changes of the clock too.
    #[test]
    fn next_after_is_what_the_fields_say(
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Kathmandu", "Africa/Casablanca", "Africa/Cairo", "Asia/Tokyo"]),
        start in 1_767_225_600i64..1_830_297_600,
        near_change in any::<bool>(),
        every in prop::sample::select(vec![5i8, 15, 30]),
        fixed in any::<bool>(),
        minute in 0i8..60,
        hours in prop::collection::btree_set(0i8..24, 1..4),
        all_hours in any::<bool>(),
        weekday in prop::option::of(0i8..8),
    ) {
        let tz = TimeZone::get(zone).unwrap();
        let mut start = Timestamp::from_second(start).unwrap();
        if near_change && let Some(change) = tz.following(start).next() {
            start = change.timestamp() - 30.hours();
        }
        let end = start + 60.hours();
        let oracle = Oracle {
            minutes: if fixed { vec![minute] } else { (0..60).step_by(every as usize).collect() },
            hours: if all_hours && !fixed { (0..24).collect() } else { hours.into_iter().collect() },
            weekday,
            fixed,
        };
        let cron = cron(&oracle.expression(), zone);
        let mut found = Vec::new();
        let mut at = start;
        while let Some(next) = cron.next_after(at) {
            prop_assert!(next > at);
            if next > end {
                break;
            }
            found.push(next);
            at = next;
        }
        prop_assert_eq!(found, oracle.times(&tz, start, end), "{} in {} from {}", oracle.expression(), zone, start);
    }

    #[test]
    fn durations_are_read_as_they_are_shown(millis in 0u64..60_000_000_000_000) {
        prop_assert_eq!(Dur::parse(&Dur(millis).to_string()).unwrap(), Dur(millis));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-0-9*/,?LW#@ a-zA-Z:+é]{0,20}", zone in "[A-Za-z/_+0-9é]{0,12}") {
        if let Err(e) = Cron::parse(&text, &zone) {
            let text = if e.in_zone { &zone } else { &text };
            prop_assert!(e.start <= e.end && e.end <= text.len() && text.is_char_boundary(e.start) && text.is_char_boundary(e.end));
        }
        if let Err(e) = Dur::parse(&text) {
            prop_assert!(e.start <= e.end && e.end <= text.len() && text.is_char_boundary(e.start) && text.is_char_boundary(e.end));
        }
    }
}
