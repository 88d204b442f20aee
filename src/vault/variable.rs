//! Names of environment variables that hold secrets: for exports, and for commands that are given secrets.

/// `team/api-key` and field `id` become `TEAM_API_KEY_ID`.
pub fn of_secret(secret: &str, field: Option<&str>) -> String {
    let mut name: String = [Some(secret), field]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("_")
        .chars()
        .map(|c| match c {
            c if c.is_ascii_alphanumeric() => c.to_ascii_uppercase(),
            _ => '_',
        })
        .collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}

/// Whether every shell and library takes it as a variable's name (POSIX.1-2017 section 3.235).
pub fn is_valid(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether it says which program runs or what that loads: a secret in such a variable is a mistake or an attack.
pub fn is_steering(name: &str) -> bool {
    const NAMES: [&str; 22] = [
        "PATH",
        "IFS",
        "ENV",
        "BASH_ENV",
        "SHELLOPTS",
        "PS4",
        "PROMPT_COMMAND",
        "HOME",
        "SHELL",
        "EDITOR",
        "VISUAL",
        "PAGER",
        "NODE_OPTIONS",
        "PYTHONSTARTUP",
        "PYTHONPATH",
        "PYTHONHOME",
        "PERL5OPT",
        "PERL5LIB",
        "RUBYOPT",
        "RUBYLIB",
        "JAVA_TOOL_OPTIONS",
        "GCONV_PATH",
    ];
    const STARTS: [&str; 5] = ["LD_", "DYLD_", "ROT_", "GIT_", "BASH_FUNC_"];
    NAMES.contains(&name) || STARTS.iter().any(|start| name.starts_with(start))
}
