//! A unified diff of two texts, as `patch` and code review read it (Myers' algorithm on lines).

use std::fmt::Write as _;

/// Lines that stay around a change.
const CONTEXT: usize = 3;

/// Numbers kept at most on the way; what differs more is shown as replaced.
const MEMORY: usize = 10_000_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Same,
    Out,
    In,
}

/// The diff; empty when the texts are equal.
pub fn unified(name: &str, before: &str, after: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (
        before.split_inclusive('\n').collect(),
        after.split_inclusive('\n').collect(),
    );
    let script = script(&old, &new);
    let mut out = String::new();
    let changed: Vec<usize> = script
        .iter()
        .enumerate()
        .filter(|(_, (kind, _))| *kind != Kind::Same)
        .map(|(i, _)| i)
        .collect();
    let Some(_) = changed.first() else { return out };
    let below = name.trim_start_matches('/');
    let _ = write!(out, "--- a/{below}\n+++ b/{below}\n");
    let mut at = 0;
    while let Some(first) = changed.iter().copied().find(|i| *i >= at) {
        let mut last = first;
        for next in changed.iter().copied().filter(|i| *i > first) {
            if next - last > 2 * CONTEXT {
                break;
            }
            last = next;
        }
        let (start, end) = (
            first.saturating_sub(CONTEXT).max(at),
            (last + 1 + CONTEXT).min(script.len()),
        );
        hunk(&script, start, end, &mut out);
        at = end;
    }
    out
}

fn hunk(script: &[(Kind, &str)], start: usize, end: usize, out: &mut String) {
    let count =
        |part: &[(Kind, &str)], not: Kind| part.iter().filter(|(kind, _)| *kind != not).count();
    let (ahead, part) = (
        script.get(..start).unwrap_or_default(),
        script.get(start..end).unwrap_or_default(),
    );
    let (old, new) = (count(part, Kind::In), count(part, Kind::Out));
    let place = |ahead: usize, count: usize| if count == 0 { ahead } else { ahead + 1 };
    let _ = writeln!(
        out,
        "@@ -{},{old} +{},{new} @@",
        place(count(ahead, Kind::In), old),
        place(count(ahead, Kind::Out), new)
    );
    for (kind, line) in part {
        out.push(match kind {
            Kind::Same => ' ',
            Kind::Out => '-',
            Kind::In => '+',
        });
        out.push_str(line);
        if !line.ends_with('\n') {
            out.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// The shortest script from `old` to `new`. Equal ends are cut off first, so that a fix in a long file costs little.
fn script<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<(Kind, &'t str)> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - head;
    let tail = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take(rest)
        .take_while(|(a, b)| a == b)
        .count();
    let same = |lines: &[&'t str]| lines.iter().map(|l| (Kind::Same, *l)).collect::<Vec<_>>();
    let (a, b) = (
        old.get(head..old.len() - tail).unwrap_or_default(),
        new.get(head..new.len() - tail).unwrap_or_default(),
    );
    let mut out = same(old.get(..head).unwrap_or_default());
    out.extend(myers(a, b));
    out.extend(same(old.get(old.len() - tail..).unwrap_or_default()));
    out
}

fn myers<'t>(a: &[&'t str], b: &[&'t str]) -> Vec<(Kind, &'t str)> {
    let most = a.len() + b.len();
    // Furthest place in `a` on each diagonal, diagonal 0 in the middle; one row per number of changes.
    let mut row = vec![0usize; 2 * most + 3];
    let mut rows: Vec<Vec<usize>> = Vec::new();
    let far = |row: &[usize], k: isize| {
        row.get((k + most as isize + 1) as usize)
            .copied()
            .unwrap_or(0)
    };
    let down = |row: &[usize], k: isize, d: isize| {
        k == -d || (k != d && far(row, k - 1) < far(row, k + 1))
    };
    let whole = || {
        a.iter()
            .map(|l| (Kind::Out, *l))
            .chain(b.iter().map(|l| (Kind::In, *l)))
            .collect()
    };
    'search: for d in 0..=most as isize {
        if rows.len().saturating_mul(row.len()) > MEMORY {
            return whole();
        }
        rows.push(row.clone());
        for k in (-d..=d).step_by(2) {
            let mut x = if down(&row, k, d) {
                far(&row, k + 1)
            } else {
                far(&row, k - 1) + 1
            };
            let mut y = (x as isize - k).max(0) as usize;
            while x < a.len() && y < b.len() && a.get(x) == b.get(y) {
                (x, y) = (x + 1, y + 1);
            }
            if let Some(slot) = row.get_mut((k + most as isize + 1) as usize) {
                *slot = x;
            }
            if x >= a.len() && y >= b.len() {
                break 'search;
            }
        }
    }
    let (mut x, mut y) = (a.len(), b.len());
    let mut out = Vec::new();
    let line = |lines: &[&'t str], i: usize| lines.get(i).copied().unwrap_or_default();
    for (d, row) in rows.iter().enumerate().rev() {
        let (d, k) = (d as isize, x as isize - y as isize);
        let goes_down = down(row, k, d);
        let previous = if goes_down { k + 1 } else { k - 1 };
        let (from_x, from_y) = if d == 0 {
            (0, 0)
        } else {
            (
                far(row, previous),
                (far(row, previous) as isize - previous).max(0) as usize,
            )
        };
        while x > from_x && y > from_y && a.get(x - 1) == b.get(y - 1) {
            (x, y) = (x - 1, y - 1);
            out.push((Kind::Same, line(a, x)));
        }
        if d > 0 {
            if goes_down {
                y -= 1;
                out.push((Kind::In, line(b, y)));
            } else {
                x -= 1;
                out.push((Kind::Out, line(a, x)));
            }
        }
    }
    out.reverse();
    out
}
