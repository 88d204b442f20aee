//! # ROT324 declassify-unused
//!
//! What it finds: a `reveal` of a value that is public already.
//!
//! ## Why it matters
//!
//! A release that releases nothing hides the ones that matter, and it would release in silence whatever is put in its place later.
//!
//! ## Fails
//!
//! ```rot
//! rotation r {
//!   log "${reveal run.id because "an id is no secret"}"
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! rotation r {
//!   log "${run.id}"
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, Edit, codes};
use crate::plan::{Expr, ExprKind};
use crate::source::Span;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for reveal in cx.flow.reveals.iter().filter(|r| r.label.is_public()) {
        out.push(
            Diagnostic::new(codes::DECLASSIFY_UNUSED, reveal.span, "this `reveal` releases nothing: the value is public")
                .at("already public")
                .help("remove `reveal … because …` around the value")
                .fix_if("remove `reveal … because …`", true, bare(cx, reveal.span)),
        );
    }
}

/// What goes: `reveal` before the value, the reason behind it. A `reveal` takes all that follows, so that the value stays one.
fn bare(cx: &Context<'_, '_>, place: Span) -> Option<Vec<Edit>> {
    let value = value(cx, place)?;
    let text = cx.texts.at(place)?;
    let word = text.strip_prefix("reveal")?;
    let start = text.len() - word.trim_start().len();
    let behind = cx.texts.at(Span { start: value.end, ..place })?;
    let reason = behind.find("because").unwrap_or(behind.len());
    let closing = behind.get(..reason)?.trim_end();
    // A comment before the reason may hold the word as well.
    if closing.contains('#') || word.trim_start().starts_with('#') {
        return None;
    }
    let end = value.end as usize + closing.len();
    let edits = [(place.start as usize, place.start as usize + start), (end, place.end as usize)];
    Some(edits.map(|(start, end)| Edit { span: Span::new(place.file, start, end), text: String::new() }).to_vec())
}

/// Where the value of the `reveal` at a place stands.
fn value(cx: &Context<'_, '_>, place: Span) -> Option<Span> {
    let mut found = None;
    let mut visit = |expr: &Expr| {
        if let ExprKind::Reveal { value, .. } = &expr.kind
            && expr.at.0 == place
        {
            found = Some(value.at.0);
        }
    };
    for (_, node) in cx.order().iter() {
        node.step.task.exprs().into_iter().for_each(|expr| expr.walk(&mut |e| visit(e)));
    }
    cx.plan.rotations.iter().flat_map(|r| &r.outputs).for_each(|o| o.value.walk(&mut |e| visit(e)));
    found
}
