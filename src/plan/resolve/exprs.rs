//! Expressions: names to roots, with types on the way up.

use super::scope::Symbol;
use super::{Resolver, errors};
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::index::{NameKind, Offer};
use crate::plan::{Expr, ExprKind, Function, Operator, Root, RunField, Type, Version};
use crate::source::Span;
use crate::syntax::ast::{self, Name, Part};
use std::collections::HashMap;

impl Resolver {
    /// The resolved expression and its type.
    pub(super) fn expr(&mut self, expr: &ast::Expr) -> (Expr, Type) {
        let (kind, ty) = self.kind(expr);
        if matches!(expr.kind, ast::ExprKind::Path(_)) {
            self.index.typed(expr.span, &ty);
        }
        (Expr::new(kind, expr.span), ty)
    }

    /// As [`Resolver::expr`], and the type must fit.
    pub(super) fn typed(&mut self, expr: &ast::Expr, wanted: &[Type], words: &str) -> Expr {
        let (resolved, found) = self.expr(expr);
        if !wanted.iter().any(|w| found.fits(w)) {
            self.report(errors::mismatch(expr.span, &found, words));
        }
        resolved
    }

    fn kind(&mut self, expr: &ast::Expr) -> (ExprKind, Type) {
        match &expr.kind {
            ast::ExprKind::Null | ast::ExprKind::Error => (ExprKind::Null, Type::Any),
            ast::ExprKind::Bool(value) => (ExprKind::Bool(*value), Type::Bool),
            ast::ExprKind::Number(digits) => (
                ExprKind::Number(digits.clone()),
                if digits.contains(['.', 'e', 'E']) {
                    Type::Number
                } else {
                    Type::Int
                },
            ),
            ast::ExprKind::Duration(value) => (ExprKind::Duration(*value), Type::Duration),
            ast::ExprKind::String(parts) => (self.string(parts), Type::String),
            ast::ExprKind::List(items) => {
                let items: Vec<(Expr, Type)> = items.iter().map(|i| self.expr(i)).collect();
                let ty = items.first().map_or(Type::Any, |(_, t)| {
                    if items.iter().all(|(_, u)| u == t) {
                        t.clone()
                    } else {
                        Type::Any
                    }
                });
                (
                    ExprKind::List(items.into_iter().map(|(e, _)| e).collect()),
                    Type::List(Box::new(ty)),
                )
            }
            ast::ExprKind::Object(members) => {
                let (members, types) = self.members(members);
                (ExprKind::Object(members), Type::Record(types))
            }
            ast::ExprKind::Path(segments) => self.path(segments, expr.span),
            ast::ExprKind::Index(base, index) => self.index(base, index),
            ast::ExprKind::Call(name, arguments) => self.call(name, arguments, expr.span),
            ast::ExprKind::Binary(left, operator, right) => self.binary(left, operator, right),
            ast::ExprKind::Not(inner) => {
                let inner = self.typed(inner, &[Type::Bool], "bool");
                (ExprKind::Not(Box::new(inner)), Type::Bool)
            }
            ast::ExprKind::Reveal(value, reason) => self.reveal(value, reason.as_ref()),
        }
    }

    /// Members of an object, refusing keys that stand twice.
    pub(super) fn members(
        &mut self,
        members: &[ast::Member],
    ) -> (Vec<(String, Expr)>, Vec<(String, Type)>) {
        let mut resolved: Vec<(String, Expr)> = Vec::new();
        let mut types = Vec::new();
        let mut seen: HashMap<&str, Span> = HashMap::with_capacity(members.len());
        for member in members {
            if let Some(first) = seen.get(member.key.text.as_str()).copied() {
                self.report(
                    Diagnostic::new(
                        codes::DUPLICATE_KEY,
                        member.key.span,
                        format!("key `{}` stands twice", member.key.text),
                    )
                    .at("again here")
                    .label(first, "first here")
                    .help("remove one of them"),
                );
                continue;
            }
            seen.insert(&member.key.text, member.key.span);
            let (value, ty) = self.expr(&member.value);
            types.push((member.key.text.clone(), ty));
            resolved.push((member.key.text.clone(), value));
        }
        (resolved, types)
    }

    fn string(&mut self, parts: &[Part]) -> ExprKind {
        match parts {
            [] => ExprKind::String(String::new()),
            [Part::Text(text, _)] => ExprKind::String(text.clone()),
            _ => {
                let parts = parts
                    .iter()
                    .map(|part| match part {
                        Part::Text(text, span) => Expr::new(ExprKind::String(text.clone()), *span),
                        Part::Expr(inner) => {
                            let (resolved, ty) = self.expr(inner);
                            if matches!(ty, Type::List(_) | Type::Record(_)) {
                                self.report(
                                    errors::mismatch(
                                        inner.span,
                                        &ty,
                                        "text, a number, a bool or a time",
                                    )
                                    .help("write `${json(…)}` for its JSON text"),
                                );
                            }
                            resolved
                        }
                    })
                    .collect();
                ExprKind::Template(parts)
            }
        }
    }

    fn path(&mut self, segments: &[Name], span: Span) -> (ExprKind, Type) {
        let Some((first, rest)) = segments.split_first() else {
            return (ExprKind::Null, Type::Any);
        };
        match first.text.as_str() {
            "secrets" => self.secret_path(Version::Current, rest, span),
            "pending" => self.secret_path(Version::Pending, rest, span),
            "previous" => self.secret_path(Version::Previous, rest, span),
            "input" => self.input_path(rest, span),
            "run" => self.run_path(rest, span),
            "env" => self.env_path(rest, span),
            _ => self.symbol_path(first, rest, span),
        }
    }

    fn secret_path(&mut self, version: Version, rest: &[Name], span: Span) -> (ExprKind, Type) {
        let Some((name, rest)) = rest.split_first() else {
            self.report(errors::missing_part(span, version.root(), "NAME"));
            return (ExprKind::Null, Type::Any);
        };
        let Some(declared) = self.declared_secret(&name.text) else {
            self.undeclared(name);
            return (ExprKind::Null, Type::Any);
        };
        let fields = declared.fields.clone();
        let at = declared.at.0;
        self.index.refer(name.span, at);
        if let Some(field) = rest.first() {
            self.uses_field(&name.text, field);
        }
        let (field, ty, rest) = match rest.split_first() {
            None if fields.is_empty() => (None, Type::String, rest),
            None => (
                None,
                Type::Record(fields.iter().map(|f| (f.clone(), Type::String)).collect()),
                rest,
            ),
            Some((field, after)) if fields.contains(&field.text) => {
                (Some(field.text.clone()), Type::String, after)
            }
            Some((field, after)) if fields.is_empty() => {
                // A JSON secret: its members are named as in Conductor's `${workflow.secrets.NAME.field}`.
                (
                    Some(
                        std::iter::once(field)
                            .chain(after)
                            .map(|n| n.text.as_str())
                            .collect::<Vec<_>>()
                            .join("."),
                    ),
                    Type::Any,
                    [].as_slice(),
                )
            }
            Some((field, after)) => {
                self.offer(field, |_| {
                    super::names(NameKind::Field, fields.iter().cloned())
                });
                self.report(errors::unknown_field(
                    field,
                    &format!("secret `{}`", name.text),
                    &fields,
                ));
                (None, Type::Any, after)
            }
        };
        let root = ExprKind::Ref(Root::Secret {
            name: name.text.clone(),
            field,
            version,
        });
        self.fields(root, ty, rest, span)
    }

    fn input_path(&mut self, rest: &[Name], span: Span) -> (ExprKind, Type) {
        let Some((name, rest)) = rest.split_first() else {
            self.report(errors::missing_part(span, "input", "NAME"));
            return (ExprKind::Null, Type::Any);
        };
        match self.scope.inputs.get(&name.text) {
            Some(ty) => {
                let ty = ty.clone();
                let at = self.scope.inputs.place(&name.text);
                self.index.refer(name.span, at);
                self.fields(
                    ExprKind::Ref(Root::Input(name.text.clone())),
                    ty,
                    rest,
                    span,
                )
            }
            None => {
                self.offer(name, |own| typed(NameKind::Input, own.scope.inputs.types()));
                let inputs = self.suggestions(self.scope.inputs.names());
                self.report(errors::unresolved(name, &inputs).help(format!(
                    "declare it in the rotation: `input {}: string`",
                    name.text
                )));
                (ExprKind::Null, Type::Any)
            }
        }
    }

    fn run_path(&mut self, rest: &[Name], span: Span) -> (ExprKind, Type) {
        let Some((name, rest)) = rest.split_first() else {
            self.report(errors::missing_part(span, "run", "id"));
            return (ExprKind::Null, Type::Any);
        };
        match RunField::WORDS
            .into_iter()
            .find(|f| f.as_str() == name.text)
        {
            Some(field) => {
                let ty = match field {
                    RunField::StartedAt | RunField::ScheduledAt => Type::Time,
                    _ => Type::String,
                };
                self.fields(ExprKind::Ref(Root::Run(field)), ty, rest, span)
            }
            None => {
                let words: Vec<String> = RunField::WORDS
                    .iter()
                    .map(|f| f.as_str().to_owned())
                    .collect();
                self.offer(name, |_| super::words(words.iter().map(String::as_str)));
                self.report(errors::unknown_field(name, "`run`", &words));
                (ExprKind::Null, Type::Any)
            }
        }
    }

    fn env_path(&mut self, rest: &[Name], span: Span) -> (ExprKind, Type) {
        let Some((name, rest)) = rest.split_first() else {
            self.report(errors::missing_part(span, "env", "NAME"));
            return (ExprKind::Null, Type::Any);
        };
        if self.env.contains(&name.text) {
            if let Some(at) = self.env_places.get(&name.text) {
                self.index.refer(name.span, *at);
            }
            return self.fields(
                ExprKind::Ref(Root::Env(name.text.clone())),
                Type::String,
                rest,
                span,
            );
        }
        self.offer(name, |own| {
            super::names(NameKind::Env, own.plan.env.iter().map(|e| e.name.clone()))
        });
        let names = self.suggestions(self.plan.env.iter().map(|e| e.name.as_str()));
        self.report(errors::unresolved(name, &names).help(format!(
            "declare it at the top of the file: `env {}`",
            name.text
        )));
        (ExprKind::Null, Type::Any)
    }

    fn symbol_path(&mut self, first: &Name, rest: &[Name], span: Span) -> (ExprKind, Type) {
        let Some(symbol) = self.scope.get(&first.text).cloned() else {
            self.offer(first, visible);
            let diagnostic = if let Some(defined) = self.scope.in_sibling(&first.text) {
                errors::sibling_branch(first, defined)
            } else if let Some(defined) = self.scope.all.get(&first.text) {
                errors::forward(first, *defined)
            } else if self.declared_secret(&first.text).is_some() {
                errors::bare_secret(first)
            } else {
                let names = if self.suggested.get() > super::SUGGESTED {
                    Vec::new()
                } else {
                    self.scope.candidates()
                };
                errors::unresolved(first, &self.suggestions(names.iter().map(String::as_str)))
            };
            self.report(diagnostic);
            return (ExprKind::Null, Type::Any);
        };
        let defined = self.scope.place(&first.text);
        self.index.refer(first.span, defined);
        match symbol {
            Symbol::Let(ty) => {
                self.fields(ExprKind::Ref(Root::Let(first.text.clone())), ty, rest, span)
            }
            Symbol::Variable(ty) => self.fields(
                ExprKind::Ref(Root::Variable(first.text.clone())),
                ty,
                rest,
                span,
            ),
            Symbol::Step { step, captures } => {
                let Some((name, rest)) = rest.split_first() else {
                    let wanted = captures.names().next().unwrap_or("NAME");
                    self.report(errors::missing_part(span, &first.text, wanted));
                    return (ExprKind::Null, Type::Any);
                };
                match captures.get(&name.text) {
                    Some(ty) => {
                        self.index.refer(name.span, captures.place(&name.text));
                        let root = Root::Capture {
                            step,
                            name: name.text.clone(),
                        };
                        self.fields(ExprKind::Ref(root), ty.clone(), rest, span)
                    }
                    None if self.scope.twice.contains(&first.text) => (ExprKind::Null, Type::Any),
                    None => {
                        self.offer(name, |_| typed(NameKind::Capture, captures.types()));
                        let names = self.suggestions(captures.names());
                        self.report(errors::unknown_field(
                            name,
                            &format!("step `{}`", first.text),
                            &names,
                        ));
                        (ExprKind::Null, Type::Any)
                    }
                }
            }
        }
    }

    /// Members behind a root.
    fn fields(&mut self, root: ExprKind, ty: Type, rest: &[Name], span: Span) -> (ExprKind, Type) {
        let mut kind = root;
        let mut ty = ty;
        for name in rest {
            ty = match &ty {
                Type::Record(fields) => match fields.iter().find(|(n, _)| *n == name.text) {
                    Some((_, ty)) => ty.clone(),
                    None => {
                        let names: Vec<String> = fields.iter().map(|(n, _)| n.clone()).collect();
                        self.offer(name, |_| {
                            super::names(NameKind::Field, names.iter().cloned())
                        });
                        self.report(errors::unknown_field(name, "this record", &names));
                        Type::Any
                    }
                },
                Type::Any | Type::Json => Type::Any,
                other => {
                    self.report(errors::mismatch(name.span, other, "a record"));
                    Type::Any
                }
            };
            kind = ExprKind::Field(Box::new(Expr::new(kind, span)), name.text.clone());
        }
        (kind, ty)
    }

    fn index(&mut self, base: &ast::Expr, index: &ast::Expr) -> (ExprKind, Type) {
        let (base_expr, ty) = self.expr(base);
        let item = match &ty {
            Type::List(item) => (**item).clone(),
            Type::Any | Type::Json | Type::Record(_) => Type::Any,
            other => {
                self.report(errors::mismatch(base.span, other, "a list"));
                Type::Any
            }
        };
        match &index.kind {
            ast::ExprKind::Number(digits) => match digits.parse::<i64>() {
                Ok(at) => (ExprKind::Index(Box::new(base_expr), at), item),
                Err(_) => {
                    self.report(errors::bad_value(
                        codes::BAD_VALUE,
                        index.span,
                        format!("`{digits}` is not an index"),
                        "a whole number; -1 is the last element",
                    ));
                    (base_expr.kind, Type::Any)
                }
            },
            ast::ExprKind::String(parts) if matches!(parts.as_slice(), [Part::Text(..)]) => {
                match parts.first() {
                    Some(Part::Text(text, _)) => (
                        ExprKind::Field(Box::new(base_expr), text.clone()),
                        Type::Any,
                    ),
                    _ => (base_expr.kind, Type::Any),
                }
            }
            _ => {
                self.report(errors::bad_value(
                    codes::BAD_VALUE,
                    index.span,
                    "an index is a literal number or name",
                    "to go through a list, write `for each NAME in … { }`",
                ));
                (base_expr.kind, Type::Any)
            }
        }
    }

    fn call(&mut self, name: &Name, arguments: &[ast::Expr], span: Span) -> (ExprKind, Type) {
        let Some(function) = Function::find(&name.text) else {
            self.offer(name, visible);
            self.report(errors::unknown_function(name));
            for argument in arguments {
                self.expr(argument);
            }
            return (ExprKind::Null, Type::Any);
        };
        let parameters = function.parameters();
        if parameters.len() != arguments.len() {
            self.report(errors::bad_value(
                codes::TYPE_MISMATCH,
                span,
                format!(
                    "`{}` takes {} argument{}, not {}",
                    name.text,
                    parameters.len(),
                    if parameters.len() == 1 { "" } else { "s" },
                    arguments.len()
                ),
                function.doc(),
            ));
        }
        let mut resolved = Vec::new();
        for (i, argument) in arguments.iter().enumerate() {
            let wanted = parameters.get(i).cloned().unwrap_or(Type::Any);
            let words = wanted.describe();
            resolved.push(self.typed(argument, &[wanted], &words));
        }
        (ExprKind::Call(function, resolved), function.returns())
    }

    fn binary(
        &mut self,
        left: &ast::Expr,
        operator: &ast::Sign,
        right: &ast::Expr,
    ) -> (ExprKind, Type) {
        let (l, lt) = self.expr(left);
        let (r, rt) = self.expr(right);
        let op = operator.operator;
        let ty = match op {
            Operator::And | Operator::Or => {
                for (side, ty) in [(left, &lt), (right, &rt)] {
                    if !ty.fits(&Type::Bool) {
                        self.report(errors::mismatch(side.span, ty, "bool"));
                    }
                }
                Type::Bool
            }
            Operator::Eq | Operator::Ne | Operator::Same | Operator::Different => {
                if !lt.fits(&rt) && !rt.fits(&lt) && lt != Type::Null && rt != Type::Null {
                    self.report(
                        errors::never_equal(operator.span, &lt.describe(), &rt.describe())
                            .label(left.span, lt.describe())
                            .label(right.span, rt.describe())
                            .help("compare values of one type"),
                    );
                }
                Type::Bool
            }
            Operator::Lt | Operator::Le | Operator::Gt | Operator::Ge => {
                for (side, ty) in [(left, &lt), (right, &rt)] {
                    if !matches!(
                        ty,
                        Type::Any
                            | Type::Json
                            | Type::Int
                            | Type::Number
                            | Type::Time
                            | Type::Duration
                            | Type::String
                    ) {
                        self.report(errors::mismatch(
                            side.span,
                            ty,
                            "a number, a time or a duration",
                        ));
                    }
                }
                Type::Bool
            }
            Operator::Add => match (&lt, &rt) {
                (Type::Time, Type::Duration) | (Type::Duration, Type::Time) => Type::Time,
                (Type::Duration, Type::Duration) => Type::Duration,
                (Type::Int, Type::Int) => Type::Int,
                (Type::Int | Type::Number, Type::Int | Type::Number) => Type::Number,
                (Type::Any | Type::Json, _) | (_, Type::Any | Type::Json) => Type::Any,
                (Type::String, _) | (_, Type::String) => {
                    self.report(
                        errors::mismatch(
                            operator.span,
                            &Type::String,
                            "numbers, or a time and a duration",
                        )
                        .help("texts are joined by interpolation: `\"${a}${b}\"`"),
                    );
                    Type::String
                }
                _ => {
                    self.report(errors::mismatch(
                        operator.span,
                        &lt,
                        "numbers, or a time and a duration",
                    ));
                    Type::Any
                }
            },
            Operator::Else => {
                if lt == rt {
                    lt
                } else {
                    Type::Any
                }
            }
        };
        (ExprKind::Binary(op, Box::new(l), Box::new(r)), ty)
    }

    fn reveal(&mut self, value: &ast::Expr, reason: Option<&Name>) -> (ExprKind, Type) {
        let (inner, ty) = self.expr(value);
        let text = reason.map_or("", |r| r.text.trim());
        (
            ExprKind::Reveal {
                value: Box::new(inner),
                reason: text.to_owned(),
            },
            ty,
        )
    }
}

fn typed<'n>(kind: NameKind, all: impl Iterator<Item = (&'n str, &'n Type)>) -> Vec<Offer> {
    let one = |(name, ty): (&str, &Type)| Offer {
        kind: Some(kind),
        name: name.to_owned(),
        ty: Some(ty.clone()),
        members: Vec::new(),
    };
    all.map(one).collect()
}

/// What may begin an expression here.
fn visible(own: &Resolver) -> Vec<Offer> {
    let mut all: Vec<Offer> = Vec::new();
    for (name, symbol) in own.scope.visible() {
        let (kind, ty, members) = match symbol {
            Symbol::Step { captures, .. } => (
                NameKind::Step,
                None,
                captures.names().map(str::to_owned).collect(),
            ),
            Symbol::Let(ty) => (NameKind::Let, Some(ty.clone()), Vec::new()),
            Symbol::Variable(ty) => (NameKind::Element, Some(ty.clone()), Vec::new()),
        };
        all.push(Offer {
            kind: Some(kind),
            name: name.to_owned(),
            ty,
            members,
        });
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    let secrets = || {
        let secrets = own.plan.secrets.iter();
        let single = secrets.flat_map(|s| match s.fields.as_slice() {
            [] => vec![s.name.clone()],
            fields => fields.iter().map(|f| format!("{}.{f}", s.name)).collect(),
        });
        single.collect::<Vec<String>>()
    };
    let inputs = || own.scope.inputs.names().map(str::to_owned).collect();
    let env = || own.plan.env.iter().map(|e| e.name.clone()).collect();
    let run = || {
        RunField::WORDS
            .iter()
            .map(|f| f.as_str().to_owned())
            .collect()
    };
    let roots: [(&str, Vec<String>); 6] = [
        ("secrets", secrets()),
        ("pending", secrets()),
        ("previous", secrets()),
        ("input", inputs()),
        ("env", env()),
        ("run", run()),
    ];
    for (root, members) in roots {
        if !members.is_empty() {
            all.push(Offer {
                kind: None,
                name: root.to_owned(),
                ty: None,
                members,
            });
        }
    }
    all
}
