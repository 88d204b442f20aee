//! What reaches a sink, recorded: each part of a literal object, list or text on its own, so that the place is exact.

use super::engine::Engine;
use super::taint::Taint;
use super::{Event, Sink};
use crate::plan::name::is_mask;
use crate::plan::{Expr, ExprKind};
use crate::source::Span;

impl<'p> Engine<'p> {
    /// Records what reaches a sink: each part of a literal object, list or text on its own, so that the place is exact.
    /// `sink` is told whether a masking key stands above. Values for people also tell what decided that they are shown.
    pub(super) fn record_leaves(
        &mut self,
        expr: &'p Expr,
        sink: &dyn Fn(bool) -> Sink<'p>,
        masked: bool,
        shown: bool,
    ) {
        match &expr.kind {
            ExprKind::Object(members) => {
                for (key, value) in members {
                    let masked = masked
                        || (self.plan.dialect.semantics().keeps_executions
                            && self.is_masked_key(key));
                    self.record_leaves(value, sink, masked, shown);
                }
                if members.is_empty() && shown {
                    self.record_shown(sink(masked), expr.at.0, Taint::default());
                }
            }
            ExprKind::List(items) | ExprKind::Template(items) => {
                for item in items {
                    self.record_leaves(item, sink, masked, shown);
                }
            }
            _ => {
                let taint = self.taint(expr);
                if shown {
                    self.record_shown(sink(masked), expr.at.0, taint);
                } else {
                    self.record(sink(masked), expr.at.0, taint);
                }
            }
        }
    }

    fn is_masked_key(&self, key: &str) -> bool {
        is_mask(key) || self.masked.contains(key)
    }

    fn record_shown(&mut self, sink: Sink<'p>, span: Span, taint: Taint) {
        let taint = taint.joined(&self.reached());
        self.record(sink, span, taint);
    }

    /// Records an event unless nothing is in the value.
    pub(super) fn record(&mut self, sink: Sink<'p>, span: Span, taint: Taint) {
        if !taint.is_empty() {
            self.record_always(sink, span, taint);
        }
    }

    pub(super) fn record_always(&mut self, sink: Sink<'p>, span: Span, taint: Taint) {
        if self.recording {
            self.events.push(Event {
                rotation: self.rotation,
                step: self.step,
                sink,
                span,
                taint,
            });
        }
    }
}
