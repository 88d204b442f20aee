//! XML answers as values that paths can be looked for in.
//!
//! An element with elements in it is an object, one without is its text. A child is the first of its name; where the path looks
//! at several of a name (`$.list.item[*]`), it is the list of all of them, also when there is one or none. Namespaces, attributes
//! and text between elements are left out. Document types are refused, so that no entity can grow.

use super::value::{Data, Value};
use crate::plan::Label;
use roxmltree::{Document, Node, ParsingOptions};
use zeroize::Zeroizing;

/// How deep elements stand in one another.
const MAX_DEPTH: usize = 64;
/// Most elements, attributes and texts.
const MAX_NODES: u32 = 200_000;

/// The value of a text.
///
/// # Errors
/// Why it cannot be read, in words that quote nothing of it.
pub fn value(text: &str, listed: &[&str], label: &Label) -> Result<Value, &'static str> {
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: MAX_NODES,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text, options).map_err(|error| match error {
        roxmltree::Error::DtdDetected => "it has a document type, which is refused",
        roxmltree::Error::NodesLimitReached => "it has too many elements",
        _ => "it is not well-formed",
    })?;
    let root = document.root_element();
    let inner = element(root, listed, label, 0)?;
    let name = root.tag_name().name().to_owned();
    Ok(Data::Object(vec![(name, inner)]).into())
}

fn element(
    node: Node<'_, '_>,
    listed: &[&str],
    label: &Label,
    depth: usize,
) -> Result<Value, &'static str> {
    if depth > MAX_DEPTH {
        return Err("its elements stand too deep in one another");
    }
    if !node.children().any(|child| child.is_element()) {
        let text: String = node.children().filter_map(|child| child.text()).collect();
        return Ok(Value {
            data: Data::Text(Zeroizing::new(text.trim().to_owned())),
            label: label.clone(),
        });
    }
    let mut members: Vec<(String, Value)> = Vec::new();
    for child in node.children().filter(Node::is_element) {
        let name = child.tag_name().name();
        let known = members.iter_mut().find(|(known, _)| known == name);
        if listed.contains(&name) {
            let inner = element(child, listed, label, depth + 1)?;
            match known {
                Some((
                    _,
                    Value {
                        data: Data::List(items),
                        ..
                    },
                )) => items.push(inner),
                _ => members.push((name.to_owned(), Data::List(vec![inner]).into())),
            }
        } else if known.is_none() {
            members.push((name.to_owned(), element(child, listed, label, depth + 1)?));
        }
    }
    Ok(Data::Object(members).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::JsonPath;
    use crate::plan::path::PathDialect;

    fn find(text: &str, path: &str) -> Option<String> {
        let path = JsonPath::parse(path, PathDialect::Rfc9535).unwrap();
        let value = value(text, &path.listed(), &Label::PUBLIC).ok()?;
        let place = crate::plan::Expr::string("");
        Some(
            super::super::eval::pick(&value, &path, &place)
                .ok()?
                .json_text()
                .to_string(),
        )
    }

    #[test]
    fn a_list_is_a_list_for_none_one_and_many() {
        let of = |n: usize| {
            let items: String = (0..n)
                .map(|i| format!("<member><Id>k{i}</Id><S>Active</S></member>"))
                .collect();
            format!(
                "<?xml version='1.0'?><R xmlns='urn:x'><L>{items}<More>false</More></L><Q a='1'>t &amp; u</Q></R>"
            )
        };
        assert_eq!(find(&of(0), "$.R.L.member[*].Id").unwrap(), "[]");
        assert_eq!(find(&of(1), "$.R.L.member[*].Id").unwrap(), "[\"k0\"]");
        assert_eq!(
            find(&of(3), "$.R.L.member[*].Id").unwrap(),
            "[\"k0\",\"k1\",\"k2\"]"
        );
        assert_eq!(
            find(&of(3), "$.R.L.member[?@.Id == 'k1'].S").unwrap(),
            "[\"Active\"]"
        );
        assert_eq!(find(&of(3), "$.R.L.member[2].Id").unwrap(), "\"k2\"");
        assert_eq!(find(&of(3), "$.R.L.member.Id").unwrap(), "\"k0\"");
        assert_eq!(find(&of(3), "$.R.Q").unwrap(), "\"t & u\"");
        assert_eq!(find(&of(2), "$..Id").unwrap(), "[\"k0\"]");
    }

    #[test]
    fn what_could_grow_or_is_broken_is_refused() {
        let bomb = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><x>&b;</x>";
        let deep = format!("{}{}", "<a>".repeat(5000), "</a>".repeat(5000));
        let many = format!("<a>{}</a>", "<b/>".repeat(300_000));
        for text in [bomb, &deep, &many, "<a><b></a>", "", "{}"] {
            assert!(value(text, &[], &Label::PUBLIC).is_err());
        }
    }
}
