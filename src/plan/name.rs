//! Which names are names.

/// Longest segment of a secret's name, and longest name of anything else.
pub const MAX_NAME: usize = 128;

/// Whether `name` may name a secret: segments of `[A-Za-z0-9][A-Za-z0-9_-]{0,127}` joined by `/`. No dots:
/// Conductor splits `${workflow.secrets.NAME.path}` at the first one.
pub fn is_secret_name(name: &str) -> bool {
    name.len() <= 1024 && name.split('/').all(is_segment)
}

fn is_segment(segment: &str) -> bool {
    let mut chars = segment.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphanumeric())
        && segment.len() <= MAX_NAME
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// Whether `name` may stand bare in `.rot` source: `[A-Za-z_][A-Za-z0-9_-]*`, at most 128 characters, and not ending in `-`.
pub fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && name.len() <= MAX_NAME
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}
