//! Which names are names of secrets and of their fields.

/// Longest segment of a secret's name, and longest name of a field.
pub const MAX_SEGMENT: usize = 128;

/// Whether `name` may name a secret: segments of `[A-Za-z0-9][A-Za-z0-9_-]{0,127}` joined by `/`. No dots:
/// Conductor splits `${workflow.secrets.NAME.path}` at the first one.
pub fn is_secret_name(name: &str) -> bool {
    name.len() <= 1024 && name.split('/').all(is_segment)
}

/// Whether `name` may name a field of a record: one segment of a secret's name, or one that starts with `_`.
pub fn is_field_name(name: &str) -> bool {
    is_segment(name)
        || (name.len() <= MAX_SEGMENT
            && name
                .strip_prefix('_')
                .is_some_and(|rest| rest.chars().all(is_inner)))
}

fn is_segment(segment: &str) -> bool {
    let mut chars = segment.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphanumeric())
        && segment.len() <= MAX_SEGMENT
        && chars.all(is_inner)
}

fn is_inner(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}
