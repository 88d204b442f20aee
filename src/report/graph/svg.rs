//! The picture drawn: an SVG of its own, without scripts or anything to load.

use super::layout::{Rect, SMALL, TITLE, layout};
use super::{Look, Node, Picture};
use std::fmt::Write as _;

const MARGIN: f64 = 28.0;
const HEAD: f64 = 40.0;
const FOOT: f64 = 46.0;

/// An SVG document under a title.
pub fn write(picture: &Picture, title: &str) -> String {
    let plan = layout(picture);
    let legend: f64 = Look::ALL
        .iter()
        .map(|l| l.name().chars().count() as f64 * SMALL + 36.0)
        .sum();
    let heading = title.chars().count() as f64 * 9.0;
    let width = plan.width.max(legend).max(heading) + 2.0 * MARGIN;
    let height = plan.height + HEAD + FOOT + 2.0 * MARGIN;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" \
         role=\"img\" aria-labelledby=\"title desc\" font-family=\"ui-sans-serif, 'DejaVu Sans', Verdana, sans-serif\">"
    );
    let _ = writeln!(out, "<title id=\"title\">{}</title>", escape(title));
    let _ = writeln!(
        out,
        "<desc id=\"desc\">{}</desc>",
        escape(&describe(picture))
    );
    out.push_str(
        "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\">\
         <path d=\"M0,0.8 L7,4 L0,7.2 z\" fill=\"#6b7280\"/></marker></defs>\n",
    );
    let _ = writeln!(
        out,
        "<rect width=\"{width:.0}\" height=\"{height:.0}\" fill=\"#ffffff\"/>"
    );
    let _ = writeln!(
        out,
        "<text x=\"{MARGIN}\" y=\"{:.0}\" font-size=\"16\" font-weight=\"600\" fill=\"#111827\">{}</text>",
        MARGIN + 8.0,
        escape(title)
    );
    let _ = writeln!(
        out,
        "<g transform=\"translate({MARGIN},{:.0})\">",
        MARGIN + HEAD
    );
    for (edge, line) in picture.edges.iter().zip(&plan.lines) {
        let dashed = if edge.dashed {
            " stroke-dasharray=\"5 4\""
        } else {
            ""
        };
        let _ = writeln!(
            out,
            "<path d=\"{}\" fill=\"none\" stroke=\"#9ca3af\" stroke-width=\"1.4\" marker-end=\"url(#tip)\"{dashed}/>",
            path(line)
        );
    }
    for (node, rect) in picture.nodes.iter().zip(&plan.rects) {
        draw(node, rect, &mut out);
    }
    for (edge, line) in picture
        .edges
        .iter()
        .zip(&plan.lines)
        .filter(|(e, _)| !e.label.is_empty())
    {
        let Some((x, y)) = line.last() else { continue };
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"10.5\" text-anchor=\"end\" fill=\"#4b5563\" stroke=\"#ffffff\" stroke-width=\"4\" \
             paint-order=\"stroke\">{}</text>",
            x - 12.0,
            y - 4.5,
            escape(&edge.label)
        );
    }
    out.push_str("</g>\n");
    let mut x = MARGIN;
    let y = height - MARGIN;
    for look in Look::ALL {
        let (fill, line) = look.colors();
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"14\" height=\"14\" rx=\"3\" fill=\"{fill}\" stroke=\"{line}\"/>",
            y - 11.0
        );
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{y:.1}\" font-size=\"10.5\" fill=\"#4b5563\">{}</text>",
            x + 20.0,
            look.name()
        );
        x += look.name().chars().count() as f64 * SMALL + 36.0;
    }
    out.push_str("</svg>\n");
    out
}

/// For people who cannot see the picture.
fn describe(picture: &Picture) -> String {
    let name = |id: usize| picture.nodes.get(id).map_or("", |n| n.title.as_str());
    let edges: Vec<String> = picture
        .edges
        .iter()
        .map(|e| format!("{} to {}", name(e.from), name(e.to)))
        .collect();
    format!(
        "Secrets on the left, what they reach on the right. {}.",
        edges.join("; ")
    )
}

fn draw(node: &Node, rect: &Rect, out: &mut String) {
    let (fill, line) = node.look.colors();
    let round = if matches!(node.look, Look::Secret | Look::Minted) {
        rect.height.min(46.0) / 2.0
    } else {
        6.0
    };
    let _ = writeln!(
        out,
        "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{round:.1}\" fill=\"{fill}\" stroke=\"{line}\" stroke-width=\"1.3\"/>",
        rect.x, rect.y, rect.width, rect.height
    );
    let middle = rect.x + rect.width / 2.0;
    let y = rect.y + rect.height / 2.0;
    let fits = |size: f64| size <= rect.width;
    let title = escape(&node.title);
    let squeeze = if fits(node.title.chars().count() as f64 * TITLE) {
        String::new()
    } else {
        format!(" textLength=\"{:.0}\"", rect.width - 12.0)
    };
    let _ = writeln!(
        out,
        "<text x=\"{middle:.1}\" y=\"{:.1}\" font-size=\"13\" font-weight=\"600\" text-anchor=\"middle\" fill=\"#111827\"{squeeze}>{title}</text>",
        y - 2.0
    );
    let _ = writeln!(
        out,
        "<text x=\"{middle:.1}\" y=\"{:.1}\" font-size=\"10.5\" text-anchor=\"middle\" fill=\"#4b5563\">{}</text>",
        y + 13.0,
        escape(&node.note)
    );
}

/// Smooth from left to right; a ring's way back bends around.
fn path(points: &[(f64, f64)]) -> String {
    let mut out = String::new();
    for (i, (x, y)) in points.iter().enumerate() {
        match i.checked_sub(1).and_then(|p| points.get(p)) {
            None => {
                let _ = write!(out, "M{x:.1},{y:.1}");
            }
            Some((from_x, from_y)) => {
                let bend = ((x - from_x).abs() / 2.0).max(24.0);
                let _ = write!(
                    out,
                    " C{:.1},{from_y:.1} {:.1},{y:.1} {x:.1},{y:.1}",
                    from_x + bend,
                    x - bend
                );
            }
        }
    }
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
