//! Steps, and the names that they bring into scope.

use super::http::Place;
use super::names::names_in;
use super::scope::{Scope, Symbol, Typed};
use super::{Resolver, Signature, errors};
use crate::diagnostic::{codes, nearest};
use crate::plan::index::NameKind;
use crate::plan::task::control::DEFAULT_ROUNDS;
use crate::plan::task::{
    Branch, Call, Fail, ForEach, Generate, Let, Log, Manual, Parallel, Promote, Repeat, Revoke,
    Stage, Step, Stop, Switch, Task, Update, Verify, Wait,
};
use crate::plan::{Expr, ExprKind, Type};
use crate::source::{At, Span};
use crate::syntax::ast::{self, Name, Part, StepKind};
use std::collections::HashMap;
use std::rc::Rc;

impl Resolver {
    pub(super) fn steps(&mut self, steps: &[ast::Step]) -> Vec<Step> {
        steps.iter().filter_map(|s| self.step(s)).collect()
    }

    pub(super) fn step(&mut self, step: &ast::Step) -> Option<Step> {
        self.step_in(step, Place::Flow)
    }

    fn step_in(&mut self, step: &ast::Step, place: Place) -> Option<Step> {
        let mut retry = None;
        let (name, at, task) = match &step.kind {
            StepKind::Http(http) => {
                let (made, tried) = self.http(http, place);
                retry = tried;
                let captures = made
                    .captures
                    .iter()
                    .map(|c| (c.name.clone(), c.ty.clone(), c.at.0))
                    .collect();
                let name = match &http.name {
                    Some(name) => self.scope.unique(&name.text),
                    None if http.protocol != ast::Protocol::Http => {
                        self.scope.unique(http.protocol.word())
                    }
                    None => self.scope.unique(&format!("http {}", http.method.text)),
                };
                if let Some(given) = &http.name {
                    self.define(
                        given,
                        Symbol::Step {
                            step: name.clone(),
                            captures: Rc::new(captures),
                        },
                    );
                }
                (
                    name,
                    http.name.as_ref().map_or(http.method.span, |n| n.span),
                    Task::Http(Box::new(made)),
                )
            }
            StepKind::Let { name, value } => {
                let (value, ty) = self.expr(value);
                self.define(name, Symbol::Let(ty.bounded()));
                (
                    self.scope.unique(&format!("let {}", name.text)),
                    name.span,
                    Task::Let(Let {
                        name: name.text.clone(),
                        value,
                    }),
                )
            }
            StepKind::Log(message) => (
                self.scope.unique("log"),
                step.span,
                Task::Log(Log {
                    message: self.expr(message).0,
                }),
            ),
            StepKind::Fail(message) => (
                self.scope.unique("fail"),
                step.span,
                Task::Fail(Fail {
                    message: self.expr(message).0,
                    output: None,
                }),
            ),
            StepKind::Stop(reason) => (
                self.scope.unique("stop"),
                step.span,
                Task::Stop(Stop {
                    reason: reason.as_ref().map(|r| self.expr(r).0),
                    output: None,
                }),
            ),
            StepKind::Update(store) => {
                let value = self.store(store)?;
                let secret = Expr::new(
                    ExprKind::String(store.secret.text.clone()),
                    store.secret.span,
                );
                let task = Task::Update(Update {
                    secret,
                    value,
                    expires: self.expires(store),
                    allow: self.allow(store),
                    unmasked: false,
                });
                (
                    self.scope.unique(&format!("update {}", store.secret.text)),
                    store.secret.span,
                    task,
                )
            }
            StepKind::Stage(store) => {
                let value = self.store(store)?;
                let task = Task::Stage(Stage {
                    secret: store.secret.text.clone(),
                    value,
                    expires: self.expires(store),
                    allow: self.allow(store),
                });
                (
                    self.scope.unique(&format!("stage {}", store.secret.text)),
                    store.secret.span,
                    task,
                )
            }
            StepKind::Verify {
                within,
                every,
                steps,
            } => {
                for duration in within.iter().chain(every) {
                    self.positive(duration);
                }
                let steps = steps
                    .iter()
                    .filter_map(|s| self.step_in(s, Place::Verify))
                    .collect();
                let task = Task::Verify(Verify {
                    within: within.as_ref().map(|d| d.value),
                    every: every.as_ref().map(|d| d.value),
                    steps,
                });
                (self.scope.unique("verify"), step.span, task)
            }
            StepKind::Promote(secret) => {
                self.declared(secret);
                (
                    self.scope.unique(&format!("promote {}", secret.text)),
                    secret.span,
                    Task::Promote(Promote {
                        secret: secret.text.clone(),
                    }),
                )
            }
            StepKind::Revoke {
                secret,
                after,
                steps,
            } => {
                self.declared(secret);
                let steps = steps
                    .iter()
                    .filter_map(|s| self.step_in(s, Place::Revoke))
                    .collect();
                let task = Task::Revoke(Revoke {
                    secret: secret.text.clone(),
                    after: after.as_ref().map(|d| self.length(d)),
                    steps,
                });
                (
                    self.scope.unique(&format!("revoke {}", secret.text)),
                    secret.span,
                    task,
                )
            }
            StepKind::Generate {
                name,
                kind,
                options,
            } => {
                let generator = self.generator(kind, options)?;
                let captures = generator
                    .captures()
                    .iter()
                    .map(|(n, _)| ((*n).to_owned(), Type::String, Span::NONE))
                    .collect();
                let step_name = self.scope.unique(&name.text);
                self.define(
                    name,
                    Symbol::Step {
                        step: step_name.clone(),
                        captures: Rc::new(captures),
                    },
                );
                (step_name, name.span, Task::Generate(Generate { generator }))
            }
            StepKind::Manual {
                name,
                instructions,
                verify,
            } => {
                let instructions = self.typed(instructions, &[Type::String], "text");
                let step_name = self.scope.unique(&name.text);
                self.define(
                    name,
                    Symbol::Step {
                        step: step_name.clone(),
                        captures: Rc::new(Typed::from_iter([(
                            "value".into(),
                            Type::String,
                            Span::NONE,
                        )])),
                    },
                );
                let verify = verify
                    .iter()
                    .filter_map(|s| self.step_in(s, Place::Verify))
                    .collect();
                (
                    step_name,
                    name.span,
                    Task::Manual(Manual {
                        instructions,
                        verify,
                    }),
                )
            }
            StepKind::Wait { until, value } => {
                let task = if *until {
                    Wait::Until(self.typed(value, &[Type::Time], "a time"))
                } else {
                    Wait::For(self.typed(value, &[Type::Duration], "a duration such as `5m`"))
                };
                (self.scope.unique("wait"), step.span, Task::Wait(task))
            }
            StepKind::When { arms, otherwise } => {
                let name = self.scope.unique("when");
                (name, step.span, self.when(arms, otherwise.as_deref())?)
            }
            StepKind::Match {
                subject,
                arms,
                otherwise,
            } => {
                let (subject, ty) = self.expr(subject);
                let mut cases: Vec<Branch> = Vec::new();
                for (literal, steps) in arms {
                    let Some(text) = literal_text(literal) else {
                        self.report(errors::bad_value(
                            codes::BAD_VALUE,
                            literal.span,
                            "a case is a literal",
                            "text, a number, `true` or `false`",
                        ));
                        continue;
                    };
                    if let Some(first) = cases.iter().find(|c| c.name == text).map(|c| c.at.0) {
                        let arm = Name {
                            text: text.clone(),
                            span: literal.span,
                        };
                        self.report(errors::duplicate("case", &arm, first).help(
                            "the first one is taken: change one of them, or join their steps",
                        ));
                    }
                    let found = self.expr(literal).1;
                    if !found.fits(&ty) && !ty.fits(&found) {
                        self.report(errors::mismatch(literal.span, &found, &ty.describe()));
                    }
                    let steps = self.steps(steps);
                    cases.push(Branch {
                        name: text,
                        steps,
                        at: At(literal.span),
                    });
                }
                let otherwise = otherwise
                    .as_ref()
                    .map(|steps| self.steps(steps))
                    .unwrap_or_default();
                (
                    self.scope.unique("match"),
                    step.span,
                    Task::Switch(Switch {
                        subject,
                        cases,
                        otherwise,
                        results: None,
                        is_decision: false,
                    }),
                )
            }
            StepKind::Parallel(branches) => (
                self.scope.unique("parallel"),
                step.span,
                self.parallel(branches),
            ),
            StepKind::ForEach { item, items, steps } => {
                let (items, ty) = self.expr(items);
                let element = match ty {
                    Type::List(element) => *element,
                    Type::Any | Type::Json => Type::Any,
                    other => {
                        self.report(errors::mismatch(items.at.0, &other, "a list"));
                        Type::Any
                    }
                };
                self.define(item, Symbol::Variable(element.bounded()));
                let steps = self.steps(steps);
                (
                    self.scope.unique("for each"),
                    item.span,
                    Task::ForEach(ForEach {
                        item: item.text.clone(),
                        items,
                        steps,
                        until: None,
                        keep_last: None,
                    }),
                )
            }
            StepKind::Repeat {
                at_most,
                every,
                backoff,
                steps,
                until,
            } => {
                let steps = self.steps(steps);
                let until = self.typed(until, &[Type::Bool], "bool");
                if let Some(none) = at_most.as_ref().filter(|count| count.value == 0) {
                    self.report(errors::bad_value(
                        codes::BAD_VALUE,
                        none.span,
                        "a loop has at least one round",
                        "`at most` counts the rounds, the first included",
                    ));
                }
                let rounds = at_most.as_ref().map_or(DEFAULT_ROUNDS, |c| {
                    u32::try_from(c.value).unwrap_or(u32::MAX)
                });
                let task = Task::Repeat(Repeat {
                    steps,
                    until,
                    at_most: rounds,
                    every: every.as_ref().map(|d| d.value),
                    backoff: self.backoff(backoff.as_ref()),
                    keep_last: None,
                });
                (self.scope.unique("repeat"), step.span, task)
            }
            StepKind::Call {
                name,
                rotation,
                inputs,
            } => {
                self.check_callable(rotation);
                let (resolved, types) = self.members(inputs);
                let called = self.callable.known.get(&rotation.text).cloned();
                if let Some(called) = &called {
                    self.passed(rotation, called, inputs, &types);
                }
                let captures = called
                    .iter()
                    .flat_map(|r| &r.outputs)
                    .map(|(output, at)| (output.clone(), Type::Any, *at))
                    .collect();
                let step_name = self.scope.unique(&name.text);
                self.define(
                    name,
                    Symbol::Step {
                        step: step_name.clone(),
                        captures: Rc::new(captures),
                    },
                );
                (
                    step_name,
                    name.span,
                    Task::Call(Call {
                        rotation: rotation.text.clone(),
                        inputs: resolved,
                        each: None,
                        each_name: None,
                        is_apart: false,
                    }),
                )
            }
        };
        Some(Step {
            name,
            task,
            retry,
            optional: false,
            permissive: false,
            timeout: None,
            start_delay: None,
            at: At(at),
        })
    }

    /// Whether what is passed is what the called rotation declares.
    fn passed(
        &mut self,
        rotation: &Name,
        called: &Signature,
        inputs: &[ast::Member],
        types: &[(String, Type)],
    ) {
        let of = format!("rotation `{}`", rotation.text);
        let mut meant: Vec<String> = Vec::new();
        for member in inputs {
            let declared = called.inputs.iter().find(|i| i.0 == member.key.text);
            if let Some((.., at)) = declared {
                self.index.refer(member.key.span, *at);
            }
            let Some((name, wanted, ..)) = called
                .inputs
                .iter()
                .find(|(name, ..)| *name == member.key.text)
            else {
                let names: Vec<String> = called
                    .inputs
                    .iter()
                    .map(|(name, ..)| name.clone())
                    .collect();
                self.offer(&member.key, |_| {
                    super::names(NameKind::Input, names.iter().cloned())
                });
                self.report(errors::unknown_field(
                    &member.key,
                    &format!("{of}, among its inputs,"),
                    &names,
                ));
                meant.extend(
                    nearest(&member.key.text, names.iter().map(String::as_str)).map(str::to_owned),
                );
                continue;
            };
            let found = types
                .iter()
                .find(|(passed, _)| passed == name)
                .map(|(_, ty)| ty);
            if let (Some(wanted), Some(found)) = (wanted, found)
                && !found.fits(wanted)
            {
                self.report(errors::mismatch(
                    member.value.span,
                    found,
                    &wanted.describe(),
                ));
            }
        }
        let is_passed = |name: &str| {
            meant.iter().any(|m| m == name) || inputs.iter().any(|m| m.key.text == name)
        };
        let missing: Vec<_> = called
            .inputs
            .iter()
            .filter(|(name, _, required, _)| *required && !is_passed(name))
            .collect();
        if let Some((.., declared)) = missing.first() {
            let names: Vec<&str> = missing.iter().map(|(name, ..)| name.as_str()).collect();
            self.report(errors::missing_inputs(rotation, &names, *declared));
        }
    }

    fn define(&mut self, name: &Name, symbol: Symbol) {
        let (kind, ty) = match &symbol {
            Symbol::Step { .. } => (NameKind::Step, None),
            Symbol::Let(ty) => (NameKind::Let, Some(ty.clone())),
            Symbol::Variable(ty) => (NameKind::Element, Some(ty.clone())),
        };
        self.defines(kind, name, ty);
        self.scope.set(&name.text, Some((symbol, name.span)));
    }

    /// `when a { } else when b { } else { }` as switches, the later ones within the `otherwise` of the earlier.
    fn when(
        &mut self,
        arms: &[(ast::Expr, Vec<ast::Step>)],
        otherwise: Option<&[ast::Step]>,
    ) -> Option<Task> {
        let ((condition, steps), rest) = arms.split_first()?;
        let subject = self.typed(condition, &[Type::Bool], "bool");
        let steps = self.steps(steps);
        let rest_steps = if rest.is_empty() {
            otherwise.map(|steps| self.steps(steps)).unwrap_or_default()
        } else {
            let name = self.scope.unique("when");
            let at = rest.first().map_or(Span::NONE, |(c, _)| c.span);
            let task = self.when(rest, otherwise)?;
            vec![Step {
                name,
                task,
                retry: None,
                optional: false,
                permissive: false,
                timeout: None,
                start_delay: None,
                at: At(at),
            }]
        };
        Some(Task::Switch(Switch {
            subject,
            cases: vec![Branch {
                name: "true".into(),
                steps,
                at: At(condition.span),
            }],
            otherwise: rest_steps,
            results: None,
            is_decision: false,
        }))
    }

    fn parallel(&mut self, branches: &[(Name, Vec<ast::Step>)]) -> Task {
        let mut names: HashMap<String, Vec<(usize, Span)>> = HashMap::new();
        for (number, (_, steps)) in branches.iter().enumerate() {
            names_in(steps, &mut |name| {
                names
                    .entry(name.text.clone())
                    .or_default()
                    .push((number, name.span))
            });
        }
        let outer = (
            std::mem::replace(&mut self.scope.branches, Rc::new(names)),
            self.scope.branch,
        );
        let mut defined = Vec::new();
        let mut made: Vec<Branch> = Vec::new();
        let mut seen: HashMap<&str, Span> = HashMap::new();
        for (number, (name, steps)) in branches.iter().enumerate() {
            match seen.get(name.text.as_str()) {
                Some(first) => self.report(errors::duplicate("branch", name, *first)),
                None => {
                    seen.insert(&name.text, name.span);
                }
            }
            self.scope.branch = number;
            self.defines(NameKind::Branch, name, None);
            let (steps, changes) = Scope::undone(self, |resolver| resolver.steps(steps));
            defined.extend(changes);
            made.push(Branch {
                name: name.text.clone(),
                steps,
                at: At(name.span),
            });
        }
        (self.scope.branches, self.scope.branch) = outer;
        for (name, symbol) in defined {
            self.scope.set(&name, symbol);
        }
        Task::Parallel(Parallel { branches: made })
    }
}

/// The text of a literal: string without interpolation, number, bool.
pub(super) fn literal_text(expr: &ast::Expr) -> Option<String> {
    match &expr.kind {
        ast::ExprKind::String(parts) => match parts.as_slice() {
            [] => Some(String::new()),
            [Part::Text(text, _)] => Some(text.clone()),
            _ => None,
        },
        ast::ExprKind::Number(digits) => Some(digits.clone()),
        ast::ExprKind::Bool(value) => Some(value.to_string()),
        ast::ExprKind::Path(segments) => match segments.as_slice() {
            [only] => Some(only.text.clone()),
            _ => None,
        },
        _ => None,
    }
}
