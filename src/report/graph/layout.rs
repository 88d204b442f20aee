//! Places for nodes and edges: columns from left to right, as few crossings as a few sweeps find (Sugiyama's method).
//!
//! Edges that skip columns are led through way points, which take part in ordering. Everything is decided by order of
//! appearance where there is a tie, so that equal plans look equal.

use super::{Look, Picture};

/// Width of a character of titles and of small text, at the sizes of the drawing.
pub const TITLE: f64 = 7.9;
/// See [`TITLE`].
pub const SMALL: f64 = 6.3;
const GAP: f64 = 22.0;
const SWEEPS: usize = 12;
/// Distance of edges at one side of a node.
const PORT: f64 = 17.0;

/// A box, by its left upper corner.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// The laid out picture.
pub struct Layout {
    /// One for each node.
    pub rects: Vec<Rect>,
    /// One for each edge: its points from left to right.
    pub lines: Vec<Vec<(f64, f64)>>,
    pub width: f64,
    pub height: f64,
}

/// A node or a way point.
struct Item {
    column: usize,
    width: f64,
    height: f64,
    y: f64,
}

/// Lays the picture out.
pub fn layout(picture: &Picture) -> Layout {
    let column = columns(picture);
    let mut items: Vec<Item> = Vec::new();
    for (id, node) in picture.nodes.iter().enumerate() {
        let count =
            |end: fn(&super::Edge) -> usize| picture.edges.iter().filter(|e| end(e) == id).count();
        let ports = count(|e| e.to).max(count(|e| e.from)) as f64;
        let width = (node.title.chars().count() as f64 * TITLE)
            .max(node.note.chars().count() as f64 * SMALL)
            + 28.0;
        items.push(Item {
            column: at(&column, id),
            width,
            height: (ports * PORT + 10.0).max(46.0),
            y: 0.0,
        });
    }
    let mut chains: Vec<Vec<usize>> = Vec::new();
    for edge in &picture.edges {
        let (from, to) = (at(&column, edge.from), at(&column, edge.to));
        let mut chain = vec![edge.from];
        for between in from + 1..to {
            items.push(Item {
                column: between,
                width: 0.0,
                height: 6.0,
                y: 0.0,
            });
            chain.push(items.len() - 1);
        }
        chain.push(edge.to);
        chains.push(chain);
    }
    let mut order: Vec<Vec<usize>> = vec![Vec::new(); column.iter().max().map_or(0, |c| c + 1)];
    for (id, item) in items.iter().enumerate() {
        if let Some(list) = order.get_mut(item.column) {
            list.push(id);
        }
    }
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); items.len()];
    let mut after = before.clone();
    for (a, b) in chains
        .iter()
        .flat_map(|c| c.iter().copied().zip(c.iter().copied().skip(1)))
    {
        if let (Some(next), Some(previous)) = (after.get_mut(a), before.get_mut(b)) {
            next.push(b);
            previous.push(a);
        }
    }
    sort(&mut order, &before, &after);
    stack(&mut items, &order, &before, &after);
    draw(picture, &items, &order, &chains)
}

fn at(list: &[usize], index: usize) -> usize {
    list.get(index).copied().unwrap_or(0)
}

/// The column of each node: behind all that lead to it; where things end stands at the right edge. Rings are cut where they
/// come back to a node that was met before.
fn columns(picture: &Picture) -> Vec<usize> {
    let count = picture.nodes.len();
    let mut column = vec![0; count];
    let mut open: Vec<usize> = vec![0; count];
    for edge in picture.edges.iter() {
        if let Some(n) = open.get_mut(edge.to) {
            *n += 1;
        }
    }
    let mut done = vec![false; count];
    for _ in 0..count {
        let free = (0..count).filter(|n| !done.get(*n).copied().unwrap_or(true));
        let Some(node) = free.min_by_key(|n| (at(&open, *n), *n)) else {
            break;
        };
        if let Some(slot) = done.get_mut(node) {
            *slot = true;
        }
        for edge in picture.edges.iter().filter(|e| e.from == node) {
            if let (Some(n), Some(false)) = (open.get_mut(edge.to), done.get(edge.to)) {
                *n = n.saturating_sub(1);
                let behind = at(&column, node) + 1;
                if let Some(slot) = column.get_mut(edge.to) {
                    *slot = (*slot).max(behind);
                }
            }
        }
    }
    let last = column.iter().copied().max().unwrap_or(0);
    for (id, node) in picture.nodes.iter().enumerate() {
        let ends = matches!(node.look, Look::Host | Look::Vault | Look::Public);
        if let Some(slot) = column.get_mut(id).filter(|_| ends) {
            *slot = last;
        }
    }
    column
}

fn sort(order: &mut [Vec<usize>], before: &[Vec<usize>], after: &[Vec<usize>]) {
    for sweep in 0..SWEEPS {
        let columns: Vec<usize> = if sweep % 2 == 0 {
            (0..order.len()).collect()
        } else {
            (0..order.len()).rev().collect()
        };
        let neighbours = if sweep % 2 == 0 { before } else { after };
        for column in columns {
            let mut rank = vec![0usize; before.len()];
            for list in order.iter() {
                for (place, id) in list.iter().enumerate() {
                    if let Some(slot) = rank.get_mut(*id) {
                        *slot = place;
                    }
                }
            }
            let weight = |id: &usize| {
                let of = neighbours.get(*id).map_or(&[] as &[usize], Vec::as_slice);
                let sum: usize = of.iter().map(|n| at(&rank, *n)).sum();
                if of.is_empty() {
                    at(&rank, *id) as f64
                } else {
                    sum as f64 / of.len() as f64
                }
            };
            if let Some(list) = order.get_mut(column) {
                list.sort_by(|a, b| weight(a).total_cmp(&weight(b)));
            }
        }
    }
}

/// Heights: each item as near to the middle of its neighbours as those above and below let it.
fn stack(items: &mut [Item], order: &[Vec<usize>], before: &[Vec<usize>], after: &[Vec<usize>]) {
    for list in order {
        let mut y = 0.0;
        for id in list {
            if let Some(item) = items.get_mut(*id) {
                item.y = y + item.height / 2.0;
                y += item.height + GAP;
            }
        }
    }
    for sweep in 0..SWEEPS {
        for index in 0..order.len() {
            let column = if sweep % 2 == 0 {
                index
            } else {
                order.len() - 1 - index
            };
            let Some(list) = order.get(column) else {
                continue;
            };
            let wish: Vec<(f64, f64)> = list
                .iter()
                .map(|id| {
                    let near = before.get(*id).into_iter().chain(after.get(*id)).flatten();
                    let ys: Vec<f64> = near.filter_map(|n| items.get(*n)).map(|n| n.y).collect();
                    let own = items.get(*id).map_or((0.0, 0.0), |i| (i.y, i.height));
                    (
                        if ys.is_empty() {
                            own.0
                        } else {
                            ys.iter().sum::<f64>() / ys.len() as f64
                        },
                        own.1,
                    )
                })
                .collect();
            for (id, y) in list.iter().zip(settle(&wish)) {
                if let Some(item) = items.get_mut(*id) {
                    item.y = y;
                }
            }
        }
    }
}

/// Middles in order and without overlap, near to the wished ones: the mean of pushing down and pushing up.
fn settle(wish: &[(f64, f64)]) -> Vec<f64> {
    let mut down: Vec<f64> = Vec::with_capacity(wish.len());
    let mut floor = f64::NEG_INFINITY;
    for (y, height) in wish {
        let middle = y.max(floor + height / 2.0);
        floor = middle + height / 2.0 + GAP;
        down.push(middle);
    }
    let mut up: Vec<f64> = Vec::with_capacity(wish.len());
    let mut roof = f64::INFINITY;
    for (y, height) in wish.iter().rev() {
        let middle = y.min(roof - height / 2.0);
        roof = middle - height / 2.0 - GAP;
        up.push(middle);
    }
    down.iter()
        .zip(up.iter().rev())
        .map(|(a, b)| f64::midpoint(*a, *b))
        .collect()
}

fn draw(picture: &Picture, items: &[Item], order: &[Vec<usize>], chains: &[Vec<usize>]) -> Layout {
    let top = items
        .iter()
        .map(|i| i.y - i.height / 2.0)
        .fold(f64::INFINITY, f64::min)
        .min(1e9);
    let mut left = Vec::new();
    let mut x = 0.0;
    for (column, list) in order.iter().enumerate() {
        // Labels stand before the node that an edge leads to.
        let into = picture
            .edges
            .iter()
            .filter(|e| items.get(e.to).is_some_and(|i| i.column == column));
        let label = into.map(|e| e.label.chars().count()).max().unwrap_or(0) as f64 * SMALL;
        x += if column == 0 { 0.0 } else { 64.0 + label };
        left.push(x);
        x += list
            .iter()
            .filter_map(|id| items.get(*id))
            .map(|i| i.width)
            .fold(0.0, f64::max);
    }
    let widths: Vec<f64> = order
        .iter()
        .map(|l| {
            l.iter()
                .filter_map(|id| items.get(*id))
                .map(|i| i.width)
                .fold(0.0, f64::max)
        })
        .collect();
    let edge = |item: &Item| {
        (
            left.get(item.column).copied().unwrap_or(0.0),
            widths.get(item.column).copied().unwrap_or(0.0),
        )
    };
    let rect = |item: &Item| Rect {
        x: edge(item).0,
        y: item.y - item.height / 2.0 - top,
        width: edge(item).1,
        height: item.height,
    };
    let rects: Vec<Rect> = items.iter().take(picture.nodes.len()).map(rect).collect();
    // Where an edge leaves or enters a node: in the order of what is at the other end.
    let port = |node: usize, number: usize, from: bool| {
        let other = |chain: &Vec<usize>| {
            let place = if from {
                chain.get(1)
            } else {
                chain.iter().rev().nth(1)
            };
            place.and_then(|id| items.get(*id)).map_or(0.0, |i| i.y)
        };
        let end = |chain: &Vec<usize>| {
            (if from { chain.first() } else { chain.last() }).copied() == Some(node)
        };
        let mut sides: Vec<(f64, usize)> = chains
            .iter()
            .enumerate()
            .filter(|(_, c)| end(c))
            .map(|(i, c)| (other(c), i))
            .collect();
        sides.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let place = sides.iter().position(|(_, i)| *i == number).unwrap_or(0) as f64;
        let middle = items.get(node).map_or(0.0, |i| i.y) - top;
        middle + (place - (sides.len() as f64 - 1.0) / 2.0) * PORT
    };
    let mut lines = Vec::new();
    for (number, chain) in chains.iter().enumerate() {
        let last = chain.len() - 1;
        let mut line = Vec::new();
        for (place, id) in chain.iter().enumerate() {
            let Some(item) = items.get(*id) else { continue };
            let (x, width) = edge(item);
            if place == 0 {
                line.push((x + width, port(*id, number, true)));
            } else if place == last {
                line.push((x, port(*id, number, false)));
            } else {
                line.extend([(x, item.y - top), (x + width, item.y - top)]);
            }
        }
        lines.push(line);
    }
    let height = rects.iter().map(|r| r.y + r.height).fold(0.0, f64::max);
    Layout {
        rects,
        lines,
        width: x,
        height,
    }
}
