//! The picture in the language of Graphviz.

use super::{Look, Picture};
use std::fmt::Write as _;

/// A `digraph`.
pub fn write(picture: &Picture) -> String {
    let mut out = String::from(
        "digraph secrets {\n  rankdir=LR;\n  node [fontname=\"sans-serif\", fontsize=12, style=\"filled,rounded\", shape=box];\n  \
         edge [fontname=\"sans-serif\", fontsize=10, color=\"#6b7280\"];\n",
    );
    for (id, node) in picture.nodes.iter().enumerate() {
        let (fill, line) = node.look.colors();
        let shape = match node.look {
            Look::Vault => ", shape=cylinder, style=filled",
            Look::Host => ", shape=component, style=filled",
            _ => "",
        };
        let label = format!("{}\\n{}", escape(&node.title), escape(&node.note));
        let _ = writeln!(
            out,
            "  n{id} [label=\"{label}\", fillcolor=\"{fill}\", color=\"{line}\"{shape}];"
        );
    }
    for edge in &picture.edges {
        let style = if edge.dashed { ", style=dashed" } else { "" };
        let _ = writeln!(
            out,
            "  n{} -> n{} [label=\"{}\"{style}];",
            edge.from,
            edge.to,
            escape(&edge.label)
        );
    }
    out.push_str("}\n");
    out
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', " ")
}
