//! JSON Pointer (RFC 6901) in both directions: place → pointer and pointer → value.

use super::{Node, NodeKind};
use crate::source::Span;
use std::fmt::Write as _;

impl Node {
    /// The pointer of the innermost value, or member, that holds all of `span`; empty for the whole document.
    pub fn pointer_of(&self, span: Span) -> String {
        let mut pointer = String::new();
        let mut node = self;
        while let Some(child) = node.child_at(span.start, span.end, &mut pointer) {
            node = child;
        }
        pointer
    }

    /// The value that a pointer names.
    pub fn at_pointer(&self, pointer: &str) -> Option<&Node> {
        let mut node = self;
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            node = match &node.kind {
                NodeKind::Array(items) => items.get(token.parse::<usize>().ok()?)?,
                _ => node.get(&token)?,
            };
        }
        Some(node)
    }

    /// The child that holds `start..end`; its token is added to `pointer`. Children stand in text order.
    fn child_at(&self, start: u32, end: u32, pointer: &mut String) -> Option<&Node> {
        match &self.kind {
            NodeKind::Array(items) => {
                let index = items.partition_point(|n| n.span.end < end);
                let item = items.get(index).filter(|n| n.span.start <= start)?;
                let _ = write!(pointer, "/{index}");
                Some(item)
            }
            NodeKind::Object(members) => {
                let index = members.partition_point(|m| m.value.span.end < end);
                let member = members.get(index).filter(|m| m.key.span.start <= start)?;
                let _ = write!(
                    pointer,
                    "/{}",
                    member.key.text.replace('~', "~0").replace('/', "~1")
                );
                Some(&member.value)
            }
            _ => None,
        }
    }
}
