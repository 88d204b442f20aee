//! Steps, and the names that they bring into scope.

use super::http::Place;
use super::items::check_identifier;
use super::scope::{Scope, Symbol, Typed};
use super::{Resolver, Signature, errors};
use crate::diagnostic::{codes, nearest};
use crate::plan::task::lifecycle::{Allow, NewValue};
use crate::plan::task::{
    Alphabet, Branch, Call, Fail, ForEach, Generate, Generator, Let, Log, Manual, Parallel,
    Promote, Repeat, Revoke, Stage, Step, Stop, Switch, Task, Update, Verify, Wait,
};
use crate::plan::{Expr, ExprKind, Type};
use crate::source::{At, Span};
use crate::syntax::ast::{self, Entry, Name, Part, StepKind, StoreValue};
use std::collections::HashMap;
use std::rc::Rc;

/// Rounds of a `repeat` that says no number.
const DEFAULT_ROUNDS: u32 = 1000;

impl Resolver {
    /// Notes all names of a rotation, so that a use before the definition can be told from a typo.
    pub(super) fn collect_names(&mut self, body: &[Entry]) {
        for entry in body {
            match entry {
                Entry::Step(step) => self.collect(step),
                Entry::OnFailure { steps, .. } => steps.iter().for_each(|s| self.collect(s)),
                _ => {}
            }
        }
    }

    fn collect(&mut self, step: &ast::Step) {
        if let Some(name) = defined_name(step) {
            if let Some(first) = self.scope.all.get(&name.text) {
                let first = *first;
                self.report(errors::duplicate("name", name, first));
                self.scope.twice.insert(name.text.clone());
            } else {
                check_identifier(self, "a step", name);
                self.scope.all.insert(name.text.clone(), name.span);
            }
        }
        for block in blocks(step) {
            block.iter().for_each(|s| self.collect(s));
        }
    }

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
                    .map(|c| (c.name.clone(), c.ty.clone()))
                    .collect();
                let name = match &http.name {
                    Some(name) => self.scope.unique(&name.text),
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
                self.define(name, Symbol::Let(ty));
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
                    after: after.as_ref().map(|d| d.value),
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
                    .map(|(n, _)| ((*n).to_owned(), Type::String))
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
                        captures: Rc::new(Typed::from_iter([("value".into(), Type::String)])),
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
                self.define(item, Symbol::Variable(element));
                let steps = self.steps(steps);
                (
                    self.scope.unique("for each"),
                    item.span,
                    Task::ForEach(ForEach {
                        item: item.text.clone(),
                        items,
                        steps,
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
                    .map(|o| (o.clone(), Type::Any))
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
                    }),
                )
            }
        };
        Some(Step {
            name,
            task,
            retry,
            optional: false,
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
        self.scope.set(&name.text, Some((symbol, name.span)));
    }

    /// The fields of a declared secret; `None` (and a diagnostic) when it is not declared.
    fn declared(&mut self, secret: &Name) -> Option<Vec<String>> {
        if let Some(declared) = self.declared_secret(&secret.text) {
            return Some(declared.fields.clone());
        }
        self.undeclared(secret);
        None
    }

    fn store(&mut self, store: &ast::Store) -> Option<NewValue> {
        let fields = self.declared(&store.secret);
        match &store.value {
            StoreValue::Single(value) => {
                let (value, ty) = self.expr(value);
                match fields {
                    Some(fields) if !fields.is_empty() => {
                        let what = format!("secret `{}` is a record", store.secret.text);
                        self.report(errors::bad_value(
                            codes::TYPE_MISMATCH,
                            value.at.0,
                            what,
                            format!(
                                "write `{} {{ {} }}`",
                                store.secret.text,
                                fields
                                    .iter()
                                    .map(|f| format!("{f}: …"))
                                    .collect::<Vec<_>>()
                                    .join(", ")
                            ),
                        ));
                    }
                    Some(_) if matches!(ty, Type::Record(_) | Type::List(_)) => {
                        self.report(
                            errors::mismatch(value.at.0, &ty, "a single value")
                                .help("declare the secret with fields, `secret NAME { a, b }`, or store its JSON text with `json(…)`"),
                        );
                    }
                    _ => {}
                }
                Some(NewValue::Single(value))
            }
            StoreValue::Fields(members) => {
                let (resolved, _) = self.members(members);
                if let Some(fields) = fields {
                    if fields.is_empty() {
                        self.report(errors::bad_value(
                            codes::TYPE_MISMATCH,
                            store.secret.span,
                            format!("secret `{}` has no fields", store.secret.text),
                            format!(
                                "declare them: `secret {} {{ … }}`, or write `{} = …`",
                                store.secret.text, store.secret.text
                            ),
                        ));
                    } else {
                        for member in members.iter().filter(|m| !fields.contains(&m.key.text)) {
                            self.report(errors::unknown_field(
                                &member.key,
                                &format!("secret `{}`", store.secret.text),
                                &fields,
                            ));
                        }
                    }
                }
                Some(NewValue::Fields(resolved))
            }
        }
    }

    fn expires(&mut self, store: &ast::Store) -> Option<Expr> {
        store.expires.as_ref().map(|e| {
            self.typed(
                e,
                &[Type::Time, Type::Duration],
                "a time, or a duration from now",
            )
        })
    }

    fn allow(&mut self, store: &ast::Store) -> Allow {
        let mut allow = Allow::default();
        for word in &store.allow {
            match word.text.as_str() {
                "empty" => allow.empty = true,
                "unchanged" => allow.unchanged = true,
                other => self.report(errors::unknown_word(
                    word.span,
                    "something to allow",
                    other,
                    &["empty", "unchanged"],
                )),
            }
        }
        allow
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

    fn generator(&mut self, kind: &Name, options: &[(Name, ast::Expr)]) -> Option<Generator> {
        const KINDS: [&str; 7] = [
            "password", "hex", "base64", "uuid", "ed25519", "rsa", "x25519",
        ];
        let allowed: &[&str] = match kind.text.as_str() {
            "password" => &["length", "alphabet", "exclude"],
            "hex" | "base64" => &["bytes"],
            "rsa" => &["bits"],
            "uuid" | "ed25519" | "x25519" => &[],
            other => {
                self.report(errors::unknown_word(
                    kind.span,
                    "something that can be generated",
                    other,
                    &KINDS,
                ));
                return None;
            }
        };
        let mut number = None;
        let mut alphabet = Alphabet::Ascii;
        let mut exclude = String::new();
        for (option, value) in options {
            if !allowed.contains(&option.text.as_str()) {
                self.report(errors::unknown_word(
                    option.span,
                    &format!("an option of `{}`", kind.text),
                    &option.text,
                    allowed,
                ));
                continue;
            }
            match (option.text.as_str(), literal_text(value)) {
                ("length" | "bytes" | "bits", Some(text)) => match text.parse::<u32>() {
                    Ok(count) => number = Some((count, value.span)),
                    Err(_) => self.report(errors::bad_value(
                        codes::BAD_VALUE,
                        value.span,
                        format!("`{text}` is not a whole number"),
                        "for example `length 32`",
                    )),
                },
                ("alphabet", Some(text)) if text == "alphanumeric" => {
                    alphabet = Alphabet::Alphanumeric
                }
                ("alphabet", Some(text)) if text == "ascii" => alphabet = Alphabet::Ascii,
                ("alphabet", Some(text)) => alphabet = Alphabet::Custom(text),
                (_, Some(text)) => exclude = text,
                (_, None) => self.report(errors::bad_value(
                    codes::BAD_VALUE,
                    value.span,
                    "options of `generate` are literals",
                    "write the value itself",
                )),
            }
        }
        let (wanted, low, high) = match kind.text.as_str() {
            "password" => (32, 8, 1024),
            "rsa" => (3072, 2048, 4096),
            _ => (32, 16, 1024),
        };
        let number = match number {
            Some((count, span))
                if count < low
                    || count > high
                    || (kind.text == "rsa" && ![2048, 3072, 4096].contains(&count)) =>
            {
                let help = if kind.text == "rsa" {
                    "2048, 3072 or 4096".to_owned()
                } else {
                    format!("between {low} and {high}")
                };
                self.report(errors::bad_value(
                    codes::BAD_VALUE,
                    span,
                    format!("{count} is out of range"),
                    help,
                ));
                wanted
            }
            Some((count, _)) => count,
            None => wanted,
        };
        Some(match kind.text.as_str() {
            "password" => Generator::Password {
                length: number,
                alphabet,
                exclude,
            },
            "hex" => Generator::Hex { bytes: number },
            "base64" => Generator::Base64 { bytes: number },
            "uuid" => Generator::Uuid,
            "ed25519" => Generator::Ed25519,
            "rsa" => Generator::Rsa { bits: number },
            _ => Generator::X25519,
        })
    }
}

/// The name that a step brings into scope.
fn defined_name(step: &ast::Step) -> Option<&Name> {
    match &step.kind {
        StepKind::Http(http) => http.name.as_ref(),
        StepKind::Let { name, .. }
        | StepKind::Generate { name, .. }
        | StepKind::Manual { name, .. }
        | StepKind::Call { name, .. } => Some(name),
        StepKind::ForEach { item, .. } => Some(item),
        _ => None,
    }
}

fn blocks(step: &ast::Step) -> Vec<&[ast::Step]> {
    match &step.kind {
        StepKind::Verify { steps, .. }
        | StepKind::Revoke { steps, .. }
        | StepKind::ForEach { steps, .. }
        | StepKind::Repeat { steps, .. } => vec![steps],
        StepKind::Manual { verify, .. } => vec![verify],
        StepKind::When { arms, otherwise }
        | StepKind::Match {
            arms, otherwise, ..
        } => arms
            .iter()
            .map(|(_, s)| s.as_slice())
            .chain(otherwise.as_deref())
            .collect(),
        StepKind::Parallel(branches) => branches.iter().map(|(_, s)| s.as_slice()).collect(),
        _ => Vec::new(),
    }
}

fn names_in<'s>(steps: &'s [ast::Step], visit: &mut dyn FnMut(&'s Name)) {
    for step in steps {
        defined_name(step).into_iter().for_each(&mut *visit);
        for block in blocks(step) {
            names_in(block, visit);
        }
    }
}

/// The text of a literal: string without interpolation, number, bool.
fn literal_text(expr: &ast::Expr) -> Option<String> {
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
