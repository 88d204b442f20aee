//! Wrapping of remarks, and making labels of one line stand side by side.

use super::excerpt::Spot;

/// Words of `text` in lines of at most `room` characters; a longer word gets a line of its own.
pub(super) fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > room {
            lines.push(std::mem::take(&mut line));
            used = 0;
        } else if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += length;
    }
    lines.push(line);
    lines
}

/// miette draws overlapping labels of a line under the wrong columns. Labels that start together become one; one
/// that reaches into the next ends where that begins.
pub(super) fn separate(mut spots: Vec<Spot>) -> Vec<Spot> {
    spots.sort_by_key(|s| (s.start, s.end));
    let mut out: Vec<Spot> = Vec::new();
    for spot in spots {
        let Some(last) = out.last_mut().filter(|last| {
            last.line == spot.line && last.one_line && spot.one_line && last.end > spot.start
        }) else {
            out.push(spot);
            continue;
        };
        if last.start == spot.start {
            if spot.primary || !last.primary {
                last.end = spot.end;
            }
            last.primary |= spot.primary;
            if !spot.text.is_empty() && last.text != spot.text {
                let (first, second) = (std::mem::take(&mut last.text), spot.text);
                last.text = if first.is_empty() {
                    second
                } else {
                    format!("{first}; {second}")
                };
            }
        } else {
            last.end = spot.start;
            out.push(spot);
        }
    }
    out
}
