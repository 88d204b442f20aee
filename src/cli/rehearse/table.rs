//! A rehearsal as people read it: one table for each call, what has the same outcome in one row.

use crate::rehearse::{Call, Fate, Mishap, Next, Old, Outcome, Rehearsal, Verdict, phrases};
use crate::report::findings::counted;
use crate::report::visible;

/// Between two columns.
const GAP: usize = 2;
/// The first column is never narrower.
const NARROWEST: usize = 30;

/// The text of a rehearsal, at most so wide. `all` also shows calls at which nothing but healing happens in full.
pub fn of(rehearsal: &Rehearsal, width: usize, all: bool) -> String {
    let mut out = format!("rehearsal of {}\n\n", visible(&rehearsal.rotation));
    out.push_str("  when nothing goes wrong\n");
    for (number, call) in rehearsal.calls.iter().enumerate() {
        out.push_str(&format!(
            "    {} {}  ({})\n",
            number + 1,
            title(call),
            call.effect
        ));
    }
    for (secret, fate) in &rehearsal.fates {
        out.push_str(&format!(
            "    the old {} {}\n",
            visible(secret),
            fate_of(*fate)
        ));
    }
    for (number, call) in rehearsal.calls.iter().enumerate() {
        out.push_str(&format!("\n  {} {}", number + 1, title(call)));
        let rows = rows(call);
        let dull = rows.iter().all(|row| row.heals);
        if dull && !all {
            out.push_str(&format!(
                ": whatever goes wrong, it goes on by itself and leaves nothing ({})\n",
                counted(rows.iter().map(|r| r.count).sum(), "trial")
            ));
            continue;
        }
        out.push('\n');
        draw(&rows, width.saturating_sub(4), &mut out);
    }
    out
}

/// A step by its name, where the author gave it one, and its request.
fn title(call: &Call) -> String {
    let request = visible(&call.title).into_owned();
    if call.step.starts_with("http ") {
        request
    } else {
        format!("{}  {request}", visible(&call.step))
    }
}

fn fate_of(fate: Fate) -> String {
    match fate {
        Fate::LivesOn => "lives on: nothing in this file ends it".to_owned(),
        Fate::Replaced => "ends with the call that brings the new one".to_owned(),
        Fate::Revoked { after: 0 } => "is revoked in the same run".to_owned(),
        Fate::Revoked { after } => format!("is revoked {} later", span(after)),
        Fate::Expires { after } => format!("ends by itself {} later", span(after)),
    }
}

fn span(millis: i64) -> String {
    // To the minute, or to the second below one: what the run itself took is of no interest.
    let millis = u64::try_from(millis).unwrap_or(0);
    let unit = if millis < 60_000 { 1_000 } else { 60_000 };
    let rounded = (millis + unit / 2) / unit * unit;
    crate::plan::schedule::Dur(rounded.max(1_000)).to_string()
}

/// Mishaps with the same outcome.
struct Row {
    mishaps: Vec<Mishap>,
    cells: [String; 4],
    count: usize,
    heals: bool,
    verdict: Verdict,
}

fn rows(call: &Call) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for trial in &call.trials {
        for outcome in &trial.outcomes {
            let cells = cells(outcome, call.says_person);
            // What another machine does is told apart: it is not a matter of the file.
            let apart = |mishap: Mishap| mishap == Mishap::SecondMachine;
            let same = |row: &&mut Row| {
                let together = row.mishaps.iter().all(|m| apart(*m) == apart(trial.mishap));
                row.cells == cells && together
            };
            match rows.iter_mut().find(same) {
                Some(row) => {
                    row.count += 1;
                    if !row.mishaps.contains(&trial.mishap) {
                        row.mishaps.push(trial.mishap);
                    }
                }
                None => rows.push(Row {
                    mishaps: vec![trial.mishap],
                    count: 1,
                    heals: outcome.strays == 0
                        && outcome.person.is_none()
                        && outcome.reaped == 0
                        && outcome.old == Old::Works,
                    cells,
                    verdict: call.verdict(outcome),
                }),
            }
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.verdict));
    rows
}

/// What is left, what the next run does, how the old credential fares, whether a person is needed.
pub fn cells(outcome: &Outcome, says_person: bool) -> [String; 4] {
    let left = match (outcome.strays, outcome.reaped) {
        (0, 0) => "–".to_owned(),
        (0, reaped) => format!("{} found and revoked", reaped),
        (strays, _) => format!(
            "{strays} unknown{}{}",
            if outcome.strays_expire {
                ", expires"
            } else {
                ""
            },
            if outcome.told { ", reported" } else { "" }
        ),
    };
    let next = match outcome.next {
        Next::SameRun => "not needed".to_owned(),
        Next::CallsAgain => "calls again".to_owned(),
        Next::GoesOn => "goes on behind it".to_owned(),
        Next::StartsAnew => "begins anew".to_owned(),
        Next::Waits => "waits".to_owned(),
        Next::Fails => "fails each time".to_owned(),
    };
    let next = if outcome.runs > 1 && outcome.person.is_none() {
        format!("{next} ({} runs)", outcome.runs)
    } else {
        next
    };
    let old = match outcome.old {
        Old::Works => "works",
        Old::DownUntilNext => "dead until then",
        Old::Dead => "dead",
    };
    let person = match (&outcome.person, says_person) {
        (None, _) => "no",
        (Some(_), true) => "yes, as the file says",
        (Some(_), false) => "YES",
    };
    [left, next, old.to_owned(), person.to_owned()]
}

fn draw(rows: &[Row], width: usize, out: &mut String) {
    const TITLES: [&str; 4] = ["left behind", "the next run", "credential in use", "person"];
    let mut widths = TITLES.map(|t| t.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(&row.cells) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let others: usize = widths.iter().map(|w| w + GAP).sum();
    let first = width.saturating_sub(others).clamp(NARROWEST, 60);
    line(
        "what happens",
        &TITLES.map(str::to_owned),
        first,
        &widths,
        out,
    );
    for row in rows {
        let what = phrases(row.mishaps.iter().copied()).join("; ");
        let lines = wrap(&what, first);
        for (number, text) in lines.iter().enumerate() {
            if number == 0 {
                line(text, &row.cells, first, &widths, out);
            } else {
                out.push_str(&format!("      {text}\n"));
            }
        }
    }
}

fn line(first: &str, cells: &[String; 4], width: usize, widths: &[usize; 4], out: &mut String) {
    let mut text = format!("    {first:<width$}");
    for (cell, width) in cells.iter().zip(widths) {
        text.push_str(&format!("{:GAP$}{cell:<width$}", ""));
    }
    out.push_str(text.trim_end());
    out.push('\n');
}

/// Words in lines; all but the first are two columns narrower.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let room = if lines.len() == 1 { width } else { width - 2 };
        match lines.last_mut() {
            Some(last) if last.is_empty() => last.push_str(word),
            Some(last) if last.chars().count() + 1 + word.chars().count() <= room => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
