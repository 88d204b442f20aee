//! The shell blocks of a how-to page, to be executed as they stand there.

/// The commands (`$ …`) below the heading `title` of `docs/how-to/recover.md`.
pub fn commands(title: &str) -> Vec<String> {
    let page = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/docs/how-to/recover.md"
    ))
    .unwrap();
    let section = page
        .split("\n## ")
        .find(|s| s.lines().next() == Some(title))
        .unwrap_or_else(|| panic!("no section `{title}`"));
    let found: Vec<String> = section
        .lines()
        .filter_map(|line| line.strip_prefix("$ "))
        .map(str::to_owned)
        .collect();
    assert!(!found.is_empty(), "section `{title}` has no command");
    found
}
