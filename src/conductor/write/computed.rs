//! Values that a definition computes by tasks: INLINE, LAMBDA, JSON_JQ_TRANSFORM, GET_SIGNED_JWT.

use super::context::Writer;
use crate::plan::path::Key;
use crate::plan::{Expr, ExprKind, Function, Operator, Root};
use serde_json::{Map, Value};

/// The name of the input whose value such a task passes on.
const PASSED: &str = "value";

/// What the value of a `let` is, where a task of a definition computes it.
enum Computed<'a> {
    /// A task whose inputs are all that it needs.
    Task(&'static str, &'a Expr),
    /// A token: claims, key and key id.
    Token(&'a [(String, Expr)], &'a Expr, &'a Expr),
    /// A value that is passed on.
    Passed(&'a Expr),
}

fn computed(value: &Expr) -> Option<Computed<'_>> {
    let ExprKind::Object(members) = &value.kind else {
        return None;
    };
    match members.as_slice() {
        [(name, result)] if name == "result" => Some(match &result.kind {
            ExprKind::Call(Function::JavaScript, arguments) => match arguments.get(1) {
                Some(inputs) if has(inputs, "expression") => Computed::Task("INLINE", inputs),
                Some(inputs) if has(inputs, "scriptExpression") => Computed::Task("LAMBDA", inputs),
                _ => return None,
            },
            _ => Computed::Passed(result),
        }),
        [(_, _), (list, all)] if list == "resultList" => match &all.kind {
            ExprKind::Call(Function::Jq, arguments) => arguments
                .get(1)
                .filter(|i| has(i, "queryExpression"))
                .map(|inputs| Computed::Task("JSON_JQ_TRANSFORM", inputs)),
            _ => None,
        },
        [(hidden, token)] if hidden == "_secrets" => match &token.kind {
            ExprKind::Object(inner) => match inner.first().map(|(_, e)| &e.kind) {
                Some(ExprKind::Call(Function::SignJwt, arguments)) => match arguments.as_slice() {
                    [
                        Expr {
                            kind: ExprKind::Object(claims),
                            ..
                        },
                        key,
                        id,
                    ] => Some(Computed::Token(claims, key, id)),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn has(inputs: &Expr, name: &str) -> bool {
    matches!(&inputs.kind, ExprKind::Object(members) if members.iter().any(|(n, _)| n == name))
}

/// Script and inputs of a condition that is more than a comparison.
pub(super) fn javascript(expr: &Expr) -> Option<(&Expr, &[(String, Expr)])> {
    match &expr.kind {
        ExprKind::Call(Function::JavaScript, arguments) => match arguments.as_slice() {
            [
                script,
                Expr {
                    kind: ExprKind::Object(inputs),
                    ..
                },
            ] => Some((script, inputs)),
            _ => None,
        },
        _ => None,
    }
}

impl<'a> Writer<'a> {
    /// Whether the value of a `let` is computed by a task of its own; in `.rot` a plain value is not.
    pub(super) fn is_computed(&self, value: &Expr) -> bool {
        match computed(value) {
            Some(Computed::Passed(_)) => !self.plan.dialect.semantics().declares_intent,
            Some(_) => true,
            None => false,
        }
    }

    /// Type and inputs of the task that computes a value.
    pub(super) fn computed_task(
        &mut self,
        value: &'a Expr,
    ) -> Option<(&'static str, Map<String, Value>)> {
        match computed(value).filter(|_| self.is_computed(value))? {
            Computed::Task(kind, inputs) => match self.value(inputs) {
                Value::Object(inputs) => Some((kind, inputs)),
                _ => None,
            },
            Computed::Passed(value) => {
                let value = self.value(value);
                let inputs = [
                    ("evaluatorType", "value-param".into()),
                    ("expression", PASSED.into()),
                    (PASSED, value),
                ];
                Some((
                    "INLINE",
                    inputs.into_iter().map(|(n, v)| (n.to_owned(), v)).collect(),
                ))
            }
            Computed::Token(claims, key, id) => {
                Some(("GET_SIGNED_JWT", self.token(claims, key, id)))
            }
        }
    }

    fn token(
        &mut self,
        claims: &'a [(String, Expr)],
        key: &'a Expr,
        id: &'a Expr,
    ) -> Map<String, Value> {
        let mut inputs = Map::new();
        let mut put = |name: &str, value: Value| {
            if !value.is_null() {
                inputs.insert(name.to_owned(), value);
            }
        };
        for (claim, value) in claims {
            match (claim.as_str(), &value.kind) {
                ("iss", _) => put("issuer", self.value(value)),
                ("sub", _) => put("subject", self.value(value)),
                ("aud", _) => put("audience", self.value(value)),
                ("scope", _) => put("scopes", self.value(value)),
                ("exp", ExprKind::Binary(Operator::Add, _, ttl)) => {
                    put("ttlInSecond", self.value(ttl))
                }
                _ => {}
            }
        }
        put("privateKey", self.value(key));
        put("privateKeyId", self.value(id));
        put("algorithm", "RS256".into());
        inputs
    }

    /// A member of a `let` whose value is written out.
    pub(super) fn member_of_let(&self, expr: &'a Expr) -> Option<&'a Expr> {
        let (inner, keys) = match &expr.kind {
            ExprKind::Field(inner, name) => (&**inner, vec![Key::Name(name.clone())]),
            ExprKind::Index(inner, index) => (&**inner, vec![Key::Index(*index)]),
            ExprKind::Path(inner, path) => (&**inner, path.keys()?),
            _ => return None,
        };
        let base = match &inner.kind {
            ExprKind::Ref(Root::Let(name)) if self.kept_input(name).is_some() => return None,
            ExprKind::Ref(Root::Let(name)) => self.lets.get(name.as_str()).copied()?,
            _ => self.member_of_let(inner)?,
        };
        if self.is_computed(base) {
            return None;
        }
        keys.iter()
            .try_fold(base, |value, key| match (&value.kind, key) {
                (ExprKind::Object(members), Key::Name(name)) => {
                    members.iter().find(|(n, _)| n == name).map(|(_, e)| e)
                }
                (ExprKind::List(items), Key::Index(index)) => {
                    usize::try_from(*index).ok().and_then(|i| items.get(i))
                }
                _ => None,
            })
    }
}
