//! `rot explain`: the page of a code, for a terminal without a network.

use crate::diagnostic::Code;

/// The page of `code` under its heading. Without a page the code's fixed facts are all there is to say.
pub fn page(code: Code, markdown: Option<&str>) -> String {
    let heading = format!(
        "{} {} ({} by default)",
        code.id(),
        code.name(),
        code.info().severity.as_str()
    );
    let rule = "=".repeat(heading.chars().count());
    match markdown.map(str::trim).filter(|m| !m.is_empty()) {
        Some(markdown) => format!("{heading}\n{rule}\n\n{markdown}\n"),
        None => format!("{heading}\n{rule}\n"),
    }
}
