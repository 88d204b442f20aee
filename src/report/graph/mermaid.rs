//! The picture in the language of Mermaid, which code hosts draw in Markdown.

use super::{Look, Picture};
use std::fmt::Write as _;

/// A `flowchart`.
pub fn write(picture: &Picture) -> String {
    let mut out = String::from("flowchart LR\n");
    for (id, node) in picture.nodes.iter().enumerate() {
        let (open, close) = match node.look {
            Look::Secret | Look::Minted => ("([", "])"),
            Look::Step => ("[", "]"),
            Look::Host => ("[[", "]]"),
            Look::Vault => ("[(", ")]"),
            Look::Public => (">", "]"),
        };
        let _ = writeln!(
            out,
            "  n{id}{open}\"{}<br/><small>{}</small>\"{close}:::{}",
            escape(&node.title),
            escape(&node.note),
            class(node.look)
        );
    }
    for edge in &picture.edges {
        let arrow = if edge.dashed { "-.->" } else { "-->" };
        let label = if edge.label.is_empty() {
            String::new()
        } else {
            format!("|\"{}\"|", escape(&edge.label))
        };
        let _ = writeln!(out, "  n{} {arrow}{label} n{}", edge.from, edge.to);
    }
    for look in Look::ALL {
        let (fill, line) = look.colors();
        let _ = writeln!(
            out,
            "  classDef {} fill:{fill},stroke:{line},color:#1f2937",
            class(look)
        );
    }
    out
}

fn class(look: Look) -> &'static str {
    match look {
        Look::Secret => "secret",
        Look::Minted => "minted",
        Look::Step => "step",
        Look::Host => "host",
        Look::Vault => "vault",
        Look::Public => "public",
    }
}

/// Characters of Mermaid and of HTML by number, since both read a label.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_alphanumeric()
            || matches!(c, ' ' | '.' | ',' | '-' | '_' | ':' | '/' | '*' | '(' | ')')
        {
            out.push(c);
        } else {
            let _ = write!(out, "#{};", c as u32);
        }
    }
    out
}
