//! Items and the clauses of a rotation.

use super::Printer;
use super::layout::STATEMENTS;
use crate::source::Span;
use crate::syntax::ast::{Entry, Item, Rotation, Secret, Target};

impl Printer<'_> {
    pub(super) fn items(&mut self, items: &[Item]) {
        let end = self.source.text().len();
        let apart =
            |a: &Item, b: &Item| matches!(a, Item::Rotation(_)) || matches!(b, Item::Rotation(_));
        self.lines(items, end, item_span, apart, |p, item| match item {
            Item::Use(item) => {
                p.push("use ");
                p.quoted(&item.path);
            }
            Item::Env(item) => {
                p.push("env ");
                p.names(&item.names);
            }
            Item::Secret(item) => p.secret(item),
            Item::Rotation(item) => p.rotation(item),
            Item::Error(span) => {
                let text = p.written(*span).to_owned();
                p.push(&text);
            }
        });
    }

    fn secret(&mut self, secret: &Secret) {
        self.push("secret ");
        for (index, (name, fields)) in secret.names.iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            self.secret_name(name);
            if !fields.is_empty() {
                self.push(" { ");
                self.names(fields);
                self.push(" }");
            }
        }
        self.targets(&secret.to);
    }

    /// ` to "host" in header, "host"`
    pub(super) fn targets(&mut self, targets: &[Target]) {
        for (index, target) in targets.iter().enumerate() {
            self.push(if index > 0 { ", " } else { " to " });
            self.quoted(&target.host);
            if !target.places.is_empty() {
                self.push(" in ");
                self.names(&target.places);
            }
        }
    }

    fn rotation(&mut self, rotation: &Rotation) {
        self.push("rotation ");
        self.ident(&rotation.name);
        self.push(" ");
        let braces = self.braces(
            rotation.name.span.end as usize,
            rotation.body.last().map(entry_span),
        );
        self.block(
            ("{", "}"),
            &braces,
            &rotation.body,
            &STATEMENTS,
            entry_span,
            |p, entry| p.entry(entry),
        );
    }

    fn entry(&mut self, entry: &Entry) {
        match entry {
            Entry::Description(text) => {
                self.push("description ");
                self.quoted(text);
            }
            Entry::Every {
                interval, jitter, ..
            } => {
                self.push("every ");
                self.duration(interval);
                self.optional_duration(" jitter ", jitter.as_ref());
            }
            Entry::Cron {
                expression,
                zone,
                jitter,
                ..
            } => {
                self.push("cron ");
                self.quoted(expression);
                if let Some(zone) = zone {
                    self.push(" in ");
                    self.quoted(zone);
                }
                self.optional_duration(" jitter ", jitter.as_ref());
            }
            Entry::Timeout(duration) => {
                self.push("timeout ");
                self.duration(duration);
            }
            Entry::Input {
                name,
                secret,
                ty,
                default,
                ..
            } => {
                self.push(&format!(
                    "input {}: {}{}",
                    name.text,
                    if *secret { "secret " } else { "" },
                    ty.text
                ));
                if let Some(default) = default {
                    self.push(" = ");
                    self.expr(default);
                }
            }
            Entry::Output {
                name,
                secret,
                value,
                ..
            } => {
                self.push(&format!(
                    "output {}{} = ",
                    if *secret { "secret " } else { "" },
                    name.text
                ));
                self.expr(value);
            }
            Entry::OnFailure { steps, span } => {
                self.push("on failure ");
                self.steps(span.start as usize, steps);
            }
            Entry::Step(step) => self.step(step),
        }
    }
}

fn item_span(item: &Item) -> Span {
    match item {
        Item::Use(item) => item.span,
        Item::Env(item) => item.span,
        Item::Secret(item) => item.span,
        Item::Rotation(item) => item.span,
        Item::Error(span) => *span,
    }
}

fn entry_span(entry: &Entry) -> Span {
    match entry {
        Entry::Description(text) => text.span,
        Entry::Timeout(duration) => duration.span,
        Entry::Every { span, .. }
        | Entry::Cron { span, .. }
        | Entry::Input { span, .. }
        | Entry::Output { span, .. }
        | Entry::OnFailure { span, .. } => *span,
        Entry::Step(step) => step.span,
    }
}
