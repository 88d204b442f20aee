//! Items and the clauses of a rotation.

use super::Printer;
use super::layout::STATEMENTS;
use crate::source::Span;
use crate::syntax::ast::{
    Deliver, Destination, Entry, Family, Item, Rotation, Secret, Target, Template,
};

impl Printer<'_> {
    pub(super) fn items(&mut self, items: &[Item]) {
        let end = self.source.text().len();
        let large = |item: &Item| matches!(item, Item::Rotation(_) | Item::Template(_));
        let apart = |a: &Item, b: &Item| large(a) || large(b);
        self.lines(items, end, Item::span, apart, |p, item| match item {
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
            Item::Template(item) => p.template(item),
            Item::Target(item) => p.target(item),
            Item::Deliver(item) => p.deliver(item),
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
        self.destinations(&secret.to);
    }

    fn target(&mut self, target: &Target) {
        self.push(&format!(
            "target {} {} ",
            target.name.text, target.kind.text
        ));
        self.quoted(&target.place);
        if !target.options.is_empty() {
            self.push(" ");
            self.options(target.place.span.end as usize, &target.options);
        }
    }

    fn deliver(&mut self, deliver: &Deliver) {
        self.push("deliver ");
        self.secret_name(&deliver.secret);
        if let Some(field) = &deliver.field {
            self.push(&format!(".{}", field.text));
        }
        self.push(" to ");
        for (index, (target, called)) in deliver.to.iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            self.push(&target.text);
            if let Some(called) = called {
                self.push(" as ");
                self.quoted(called);
            }
        }
    }

    /// ` to "host" in header, "host"`
    pub(super) fn destinations(&mut self, destinations: &[Destination]) {
        for (index, destination) in destinations.iter().enumerate() {
            self.push(if index > 0 { ", " } else { " to " });
            if destination.program {
                self.push("program ");
            }
            match destination.parameter {
                true => self.push(&format!("\"${{{}}}\"", destination.host.text)),
                false => self.quoted(&destination.host),
            }
            if !destination.places.is_empty() {
                self.push(" in ");
                self.names(&destination.places);
            }
        }
    }

    fn rotation(&mut self, rotation: &Rotation) {
        self.push("rotation ");
        self.ident(&rotation.name);
        if let Some(from) = &rotation.from {
            self.push(&format!(" from {}", from.text));
        }
        let mut head = rotation.from.as_ref().unwrap_or(&rotation.name).span;
        if let Some(Family::Each(each)) = &rotation.family {
            self.push(&format!(" for each {} in ", each.item.text));
            self.expr(&each.members);
            head = each.span;
        }
        self.push(" ");
        let braces = self.braces(head.end as usize, rotation.body.last().map(Entry::span));
        self.block(
            &braces,
            &rotation.body,
            &STATEMENTS,
            Entry::span,
            |p, entry| p.entry(entry),
        );
    }

    fn template(&mut self, template: &Template) {
        self.push("template ");
        self.push(&template.name.text);
        self.push(" ");
        let braces = self.braces(
            template.name.span.end as usize,
            template.body.last().map(Entry::span),
        );
        self.block(
            &braces,
            &template.body,
            &STATEMENTS,
            Entry::span,
            |p, entry| p.entry(entry),
        );
    }

    fn parameter(&mut self, entry: &Entry) {
        let Entry::Parameter {
            names,
            ty,
            fields,
            default,
            to,
            ..
        } = entry
        else {
            return;
        };
        self.push("parameter ");
        self.names(names);
        self.push(&format!(": {}", ty.text));
        if !fields.is_empty() {
            self.push(" { ");
            self.names(fields);
            self.push(" }");
        }
        if let Some(default) = default {
            self.push(" = ");
            self.expr(default);
        }
        self.destinations(to);
    }

    fn entry(&mut self, entry: &Entry) {
        match entry {
            Entry::Parameter { .. } => self.parameter(entry),
            Entry::With { arguments, span } => {
                self.push("with ");
                let last = arguments.last().map(|m| m.key.span.to(m.value.span));
                let braces = self.braces(span.start as usize, last);
                self.members(&braces, arguments);
            }
            Entry::About { facts, span } => {
                self.push("about ");
                let last = facts.last().map(|(_, text)| text.span);
                let braces = self.braces(span.start as usize, last);
                self.block(
                    &braces,
                    facts,
                    &STATEMENTS,
                    |(word, text)| word.span.to(text.span),
                    |p, (word, text)| {
                        p.push(&format!("{} ", word.text));
                        p.quoted(text);
                    },
                );
            }
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

impl Entry {
    /// Where it stands; of a description and a time-out what stands behind the word.
    pub fn span(&self) -> Span {
        match self {
            Entry::Description(text) => text.span,
            Entry::Timeout(duration) => duration.span,
            Entry::Every { span, .. }
            | Entry::Cron { span, .. }
            | Entry::Input { span, .. }
            | Entry::Output { span, .. }
            | Entry::With { span, .. }
            | Entry::About { span, .. }
            | Entry::Parameter { span, .. }
            | Entry::OnFailure { span, .. } => *span,
            Entry::Step(step) => step.span,
        }
    }
}
