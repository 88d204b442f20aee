//! Steps.

use super::Printer;
use super::expr::begins_with_quote;
use super::layout::{Braces, STATEMENTS};
use crate::source::Span;
use crate::syntax::ast::{Expr, Name, Step, StepKind, Store, StoreValue};

/// An arm of `match`: its literal (`None` for `else`), its steps and its place.
type Arm<'t> = (Option<&'t Expr>, &'t [Step], Span);

impl Printer<'_> {
    /// A block of steps whose braces open after `from`; gives the place behind them.
    pub(super) fn steps(&mut self, from: usize, steps: &[Step]) -> usize {
        let braces = self.braces(from, steps.last().map(|s| s.span));
        self.block(&braces, steps, &STATEMENTS, |s| s.span, |p, s| p.step(s));
        self.after(&braces)
    }

    pub(super) fn step(&mut self, step: &Step) {
        let start = step.span.start as usize;
        match &step.kind {
            StepKind::Http(http) => {
                self.request(http);
            }
            StepKind::Let { name, value } => {
                self.push(&format!("let {} = ", name.text));
                self.expr(value);
            }
            StepKind::Log(text) => self.word_expr("log ", text),
            StepKind::Fail(text) => self.word_expr("fail ", text),
            StepKind::Stop(None) => self.push("stop"),
            StepKind::Stop(Some(reason)) if begins_with_quote(reason) => {
                self.word_expr("stop ", reason)
            }
            StepKind::Stop(Some(reason)) => {
                self.push("stop ");
                self.in_parentheses(reason);
            }
            StepKind::Update(store) => self.store("update ", store),
            StepKind::Stage(store) => self.store("stage ", store),
            StepKind::Verify {
                within,
                every,
                steps,
            } => {
                self.push("verify");
                self.optional_duration(" within ", within.as_ref());
                self.optional_duration(" every ", every.as_ref());
                self.push(" ");
                self.steps(start, steps);
            }
            StepKind::Promote(name) => {
                self.push("promote ");
                self.secret_name(name);
            }
            StepKind::Revoke {
                secret,
                after,
                steps,
            } => {
                self.push("revoke previous.");
                self.secret_name(secret);
                self.optional_duration(" after ", after.as_ref());
                self.push(" ");
                self.steps(secret.span.end as usize, steps);
            }
            StepKind::Generate {
                name,
                kind,
                options,
            } => self.generate(name, kind, options),
            StepKind::Manual {
                name,
                instructions,
                verify,
            } => {
                self.push(&format!("manual {} ", name.text));
                self.expr(instructions);
                if !verify.is_empty() {
                    self.push(" ");
                    self.steps(instructions.span.end as usize, verify);
                }
            }
            StepKind::Wait { until, value } => {
                self.push(if *until { "wait until " } else { "wait " });
                self.expr_but("until", value);
            }
            StepKind::When { arms, otherwise } => self.when(start, arms, otherwise.as_deref()),
            StepKind::Match {
                subject,
                arms,
                otherwise,
            } => self.matching(subject, arms, otherwise.as_deref(), step.span),
            StepKind::Parallel(branches) => {
                self.push("parallel ");
                let places: Vec<(&Name, &[Step], Span)> = branches
                    .iter()
                    .map(|(name, steps)| (name, steps.as_slice(), self.arm_span(name.span, steps)))
                    .collect();
                let braces = self.braces(start, places.last().map(|p| p.2));
                self.block(
                    &braces,
                    &places,
                    &STATEMENTS,
                    |p| p.2,
                    |p, (name, steps, _)| {
                        p.push(&name.text);
                        p.push(" ");
                        p.steps(name.span.end as usize, steps);
                    },
                );
            }
            StepKind::ForEach { item, items, steps } => {
                self.push(&format!("for each {} in ", item.text));
                self.expr(items);
                self.push(" ");
                self.steps(items.span.end as usize, steps);
            }
            StepKind::Repeat {
                at_most,
                every,
                backoff,
                steps,
                until,
            } => {
                self.push("repeat");
                if let Some(count) = at_most {
                    self.push(" at most ");
                    self.count(count);
                }
                self.optional_duration(" every ", every.as_ref());
                self.backoff(backoff.as_ref());
                self.push(" ");
                self.steps(start, steps);
                self.push(" until ");
                self.expr(until);
            }
            StepKind::Call {
                name,
                rotation,
                inputs,
            } => {
                self.push(&format!("call {} = ", name.text));
                self.ident(rotation);
                if !inputs.is_empty() {
                    self.push(" ");
                    let braces = self.braces(
                        rotation.span.end as usize,
                        inputs.last().map(|m| m.value.span),
                    );
                    self.members(&braces, inputs);
                }
            }
        }
    }

    /// A keyword and its expression.
    pub(super) fn word_expr(&mut self, word: &str, expr: &Expr) {
        self.push(word);
        self.expr(expr);
    }

    fn store(&mut self, word: &str, store: &Store) {
        self.push(word);
        self.secret_name(&store.secret);
        match &store.value {
            StoreValue::Single(value) => self.word_expr(" = ", value),
            StoreValue::Fields(members) => {
                self.push(" ");
                let braces = self.braces(
                    store.secret.span.end as usize,
                    members.last().map(|m| m.value.span),
                );
                self.members(&braces, members);
            }
        }
        if let Some(expires) = &store.expires {
            self.word_expr(" expires ", expires);
        }
        if !store.allow.is_empty() {
            self.push(" allow ");
            self.names(&store.allow);
        }
    }

    fn generate(&mut self, name: &Name, kind: &Name, options: &[(Name, Expr)]) {
        self.push(&format!("generate {} {}", name.text, kind.text));
        if options.is_empty() {
            return;
        }
        self.push(" ");
        self.options(kind.span.end as usize, options);
    }

    /// Words with their values, in braces that open after `from`.
    pub(super) fn options(&mut self, from: usize, options: &[(Name, Expr)]) {
        let braces = self.braces(from, options.last().map(|(_, e)| e.span));
        let span = |(name, value): &(Name, Expr)| name.span.to(value.span);
        self.block(&braces, options, &STATEMENTS, span, |p, (name, value)| {
            p.push(&name.text);
            p.push(" ");
            p.expr(value);
        });
    }

    fn when(&mut self, start: usize, arms: &[(Expr, Vec<Step>)], otherwise: Option<&[Step]>) {
        let mut end = start;
        for (index, (condition, steps)) in arms.iter().enumerate() {
            self.word_expr(if index > 0 { " else when " } else { "when " }, condition);
            self.push(" ");
            end = self.steps(condition.span.end as usize, steps);
        }
        if let Some(steps) = otherwise {
            self.push(" else ");
            self.steps(end, steps);
        }
    }

    fn matching(
        &mut self,
        subject: &Expr,
        arms: &[(Expr, Vec<Step>)],
        otherwise: Option<&[Step]>,
        span: Span,
    ) {
        self.word_expr("match ", subject);
        self.push(" ");
        let mut places: Vec<Arm<'_>> = arms
            .iter()
            .map(|(literal, steps)| {
                (
                    Some(literal),
                    steps.as_slice(),
                    self.arm_span(literal.span, steps),
                )
            })
            .collect();
        if let Some(steps) = otherwise {
            let from = places
                .last()
                .map_or(subject.span.end as usize, |p| p.2.end as usize);
            let start = self.word_after(from);
            places.push((
                None,
                steps,
                self.arm_span(Span::new(span.file, start, start + "else".len()), steps),
            ));
        }
        let braces = self.braces(subject.span.end as usize, places.last().map(|p| p.2));
        self.block(
            &braces,
            &places,
            &STATEMENTS,
            |p| p.2,
            |p, (literal, steps, place)| {
                let from = match literal {
                    Some(literal) => {
                        p.expr_but("else", literal);
                        literal.span.end
                    }
                    None => {
                        p.push("else");
                        place.start
                    }
                };
                p.push(" ");
                p.steps(from as usize, steps);
            },
        );
    }

    /// The place of an arm: from its head to the end of its braces.
    fn arm_span(&self, head: Span, steps: &[Step]) -> Span {
        let braces: Braces = self.braces(head.end as usize, steps.last().map(|s| s.span));
        Span::new(
            head.file,
            head.start as usize,
            self.after(&braces).max(head.end as usize),
        )
    }
}
