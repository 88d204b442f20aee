//! Aligned columns, and times as people say them.

/// Lays rows out under a heading; the last column is not padded.
pub(super) fn render(heading: &[&str], rows: &[Vec<String>]) -> String {
    let heading: Vec<String> = heading.iter().map(|text| (*text).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(&heading)
        .chain(rows)
        .map(|row| row.iter().map(|cell| shown(cell)).collect())
        .collect();
    let widths: Vec<usize> = (0..heading.len())
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Text from a vault must not steer the terminal, and an empty cell is hard to see.
pub(super) fn shown(cell: &str) -> String {
    if cell.is_empty() {
        return "-".to_owned();
    }
    cell.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// `3d`, `5h`, `12m` or `40s`: the largest unit that counts at least one.
pub(super) fn length(seconds: i64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    units.iter().find(|(unit, _)| seconds >= *unit).map_or_else(
        || format!("{seconds}s"),
        |(unit, name)| format!("{}{name}", seconds / unit),
    )
}

/// `in 3d`, or `3d ago` with a word that it is over.
pub(super) fn end(at: Option<jiff::Timestamp>, now: jiff::Timestamp) -> String {
    let Some(at) = at else { return String::new() };
    let left = at.as_second().saturating_sub(now.as_second());
    if left > 0 {
        format!("in {}", length(left))
    } else {
        format!("expired {} ago", length(-left))
    }
}
