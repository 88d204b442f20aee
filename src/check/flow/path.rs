//! The keys that a JSONPath names, as far as they are certain.

/// The keys of a path from its root. It ends where the path stops to be certain (a wildcard, a filter, a descent), so that the
/// result is the place itself or one above it. Indexes leave no key: all elements of a list are alike.
pub(crate) fn keys(path: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut rest = path.trim();
    rest = rest.strip_prefix('$').unwrap_or(rest);
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let Some((segment, after)) = bracket(inside) else {
                break;
            };
            match segment {
                Segment::Key(key) => keys.push(key.to_owned()),
                Segment::Index => {}
                Segment::Other => break,
            }
            rest = after;
            continue;
        }
        if rest.starts_with("..") {
            break;
        }
        let inside = rest.strip_prefix('.').unwrap_or(rest);
        let end = inside.find(['.', '[']).unwrap_or(inside.len());
        let (key, after) = inside.split_at(end);
        if key.is_empty() || key == "*" || key.contains('(') {
            break;
        }
        keys.push(key.to_owned());
        rest = after;
    }
    keys
}

enum Segment<'t> {
    Key(&'t str),
    Index,
    Other,
}

fn bracket(inside: &str) -> Option<(Segment<'_>, &str)> {
    for quote in ['\'', '"'] {
        if let Some(text) = inside.strip_prefix(quote) {
            let (key, after) = text.split_once(quote)?;
            return after
                .strip_prefix(']')
                .map(|after| (Segment::Key(key), after));
        }
    }
    let (text, after) = inside.split_once(']')?;
    let is_index = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    Some((
        if is_index {
            Segment::Index
        } else {
            Segment::Other
        },
        after,
    ))
}

/// Whether one place holds the other, or they are the same.
pub(crate) fn overlap(a: &[String], b: &[String]) -> bool {
    a.iter().zip(b).all(|(a, b)| a == b)
}
