//! Where members stand in their object: what an edit must take along so that the rest stays as it was laid out.

use super::{Member, Node};
use crate::source::Span;

/// The objects around a place, outermost first, each with the number of the member that holds the place.
pub fn members_around(root: &Node, place: Span) -> Vec<(&Node, usize)> {
    let mut around = Vec::new();
    let mut open = Some(root);
    while let Some(node) = open {
        let holder = node
            .members()
            .iter()
            .position(|m| m.key.span.to(m.value.span).contains(place));
        open = match holder.and_then(|index| node.members().get(index).map(|m| (index, m))) {
            Some((index, member)) => {
                around.push((node, index));
                member.value.span.contains(place).then_some(&member.value)
            }
            None => node.items().iter().find(|item| item.span.contains(place)),
        };
    }
    around
}

/// What goes when a member is removed: the member with one comma, and the blanks between it and the one before.
pub fn without_member(object: &Node, index: usize) -> Option<Span> {
    let places: Vec<Span> = object.members().iter().map(place).collect();
    without(object, &places, index)
}

/// As [`without_member`] for an element of a list.
pub fn without_item(list: &Node, index: usize) -> Option<Span> {
    let places: Vec<Span> = list.items().iter().map(|item| item.span).collect();
    without(list, &places, index)
}

/// From the key to the end of the value.
pub fn place(member: &Member) -> Span {
    member.key.span.to(member.value.span)
}

fn without(around: &Node, places: &[Span], index: usize) -> Option<Span> {
    let own = *places.get(index)?;
    let before = index.checked_sub(1).and_then(|i| places.get(i));
    Some(match (before, places.get(index + 1)) {
        (Some(before), _) => Span {
            start: before.end,
            ..own
        },
        (None, Some(next)) => Span {
            end: next.start,
            ..own
        },
        (None, None) => Span {
            start: around.span.start.saturating_add(1),
            end: around.span.end.saturating_sub(1),
            ..own
        },
    })
}

/// Where a member is added behind the last one, and the comma and blanks to write before it, as `text` has them between the others.
pub fn behind_last(object: &Node, text: &str) -> (Span, String) {
    let first = Span {
        start: object.span.start.saturating_add(1),
        end: object.span.start.saturating_add(1),
        ..object.span
    };
    let Some(last) = object.members().last() else {
        return (first, String::new());
    };
    let before = match object
        .members()
        .len()
        .checked_sub(2)
        .and_then(|i| object.members().get(i))
    {
        Some(member) => member.value.span.after(),
        None => first,
    };
    let blanks = text
        .get(before.start as usize..last.key.span.start as usize)
        .unwrap_or_default();
    let alone = object.members().len() == 1 && blanks.is_empty();
    (
        last.value.span.after(),
        format!(
            ",{}",
            if alone {
                " "
            } else {
                blanks.trim_start_matches(',')
            }
        ),
    )
}
