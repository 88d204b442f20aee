//! Expressions to values.

use super::functions;
use super::scope::{Absent, Scope};
use super::script;
use super::value::{Data, Value};
use crate::diagnostic::{Code, Diagnostic, codes};
use crate::plan::path::Found;
use crate::plan::{Derivation, Expr, ExprKind, Function, Label, Operator, Version};
use crate::source::Span;
use zeroize::Zeroizing;

/// Why an expression has no value. Never quotes a value.
pub struct EvalError {
    /// Which kind.
    pub code: Code,
    /// Where.
    pub span: Span,
    /// What.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl EvalError {
    /// An evaluation that failed at `expr`.
    pub fn new(code: Code, expr: &Expr, message: impl Into<String>) -> Self {
        Self {
            code,
            span: expr.at.0,
            message: message.into(),
            help: None,
        }
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<EvalError> for Diagnostic {
    fn from(error: EvalError) -> Self {
        let mut diagnostic = Diagnostic::new(error.code, error.span, error.message).at("here");
        diagnostic.help = error.help;
        diagnostic
    }
}

/// The value of an expression.
pub fn eval(expr: &Expr, scope: &Scope) -> Result<Value, EvalError> {
    match &expr.kind {
        ExprKind::Null => Ok(Value::null()),
        ExprKind::Bool(value) => Ok(Data::Bool(*value).into()),
        ExprKind::Number(digits) => Ok(Data::Number(Zeroizing::new(digits.clone())).into()),
        ExprKind::String(text) => Ok(Value::text(text.clone())),
        ExprKind::Duration(duration) => Ok(Data::Duration(*duration).into()),
        ExprKind::List(items) => Ok(Data::List(
            items
                .iter()
                .map(|i| eval(i, scope))
                .collect::<Result<_, _>>()?,
        )
        .into()),
        ExprKind::Object(members) => {
            let members = members
                .iter()
                .map(|(n, e)| Ok((n.clone(), eval(e, scope)?)))
                .collect::<Result<_, EvalError>>()?;
            Ok(Data::Object(members).into())
        }
        ExprKind::Template(parts) => template(parts, scope),
        ExprKind::Ref(root) => match scope.root(root) {
            Ok(value) => Ok(value),
            Err(Absent::Null) => Ok(Value::null()),
            Err(absent) => Err(absent_error(expr, absent)),
        },
        ExprKind::Field(base, name) => {
            let value = eval(base, scope)?;
            match value.get(name) {
                Some(found) => Ok(found.clone().labelled(&value.label)),
                None if scope.dialect.semantics().absent_is_null => Ok(Value::null()),
                None => Err(EvalError::new(
                    codes::RUN_EVALUATION,
                    expr,
                    format!("there is no `{name}` in this {}", value.kind()),
                )
                .help("give it a default with `??`, or check it first")),
            }
        }
        ExprKind::Index(base, index) => {
            let value = eval(base, scope)?;
            let Data::List(items) = &value.data else {
                return if scope.dialect.semantics().absent_is_null {
                    Ok(Value::null())
                } else {
                    Err(EvalError::new(
                        codes::RUN_EVALUATION,
                        expr,
                        format!("expected a list, found {}", value.kind()),
                    ))
                };
            };
            let at = if *index < 0 {
                items.len().checked_sub(index.unsigned_abs() as usize)
            } else {
                usize::try_from(*index).ok()
            };
            match at.and_then(|i| items.get(i)) {
                Some(found) => Ok(found.clone().labelled(&value.label)),
                None if scope.dialect.semantics().absent_is_null => Ok(Value::null()),
                None => Err(EvalError::new(
                    codes::RUN_EVALUATION,
                    expr,
                    format!(
                        "the list has {} elements, there is no [{index}]",
                        items.len()
                    ),
                )),
            }
        }
        ExprKind::Path(base, path) => {
            let value = eval(base, scope)?;
            pick(&value, path, expr)
        }
        ExprKind::Call(function, arguments) => {
            let values = arguments
                .iter()
                .map(|a| eval(a, scope))
                .collect::<Result<Vec<_>, _>>()?;
            let value = functions::apply(*function, &values, &scope.run.id)
                .map_err(|message| EvalError::new(codes::RUN_EVALUATION, expr, message))?;
            scope.made.note(&value);
            if matches!(function, Function::Jq | Function::JavaScript) {
                scope.made.splice();
            }
            Ok(value)
        }
        _ if scope.dialect.semantics().script_conditions && script::is_condition(expr) => {
            script::condition(expr, scope)
        }
        ExprKind::Binary(operator, left, right) => binary(expr, *operator, left, right, scope),
        ExprKind::Not(inner) => {
            let value = eval(inner, scope)?;
            let flag = truth(&value, inner)?;
            Ok(Value::derived(
                Data::Bool(!flag),
                &[&value],
                Derivation::Opaque,
            ))
        }
        ExprKind::Reveal { value, .. } => Ok(eval(value, scope)?.relabelled(&Label::PUBLIC)),
    }
}

/// What a path finds in a value, with the values themselves (numbers stay exact, labels stay per field).
pub fn pick(value: &Value, path: &crate::plan::JsonPath, expr: &Expr) -> Result<Value, EvalError> {
    let json = value.to_json();
    let failed = |message: String| EvalError::new(codes::RUN_EVALUATION, expr, message);
    if path.is_definite() {
        let places = path.locate(&json).map_err(|e| failed(e.message))?;
        return Ok(places
            .first()
            .and_then(|place| follow(value, place))
            .unwrap_or_else(Value::null));
    }
    match path.query(&json).map_err(|e| failed(e.message))? {
        Found::Missing => Ok(Value::null()),
        Found::One(found) => Ok(Value::from_json(&found, &value.full_label())),
        Found::Many(found) => {
            let places = path.locate(&json).unwrap_or_default();
            if places.len() == found.len() {
                return Ok(Data::List(
                    places
                        .iter()
                        .filter_map(|place| follow(value, place))
                        .collect(),
                )
                .into());
            }
            Ok(Value {
                data: Data::List(
                    found
                        .iter()
                        .map(|v| Value::from_json(v, &value.full_label()))
                        .collect(),
                ),
                label: value.full_label(),
            })
        }
    }
}

/// The value at a place, with the labels of all that contain it.
pub fn follow(value: &Value, place: &[crate::plan::path::Step]) -> Option<Value> {
    let mut at = value;
    let mut label = value.label.clone();
    for step in place {
        at = match (step, &at.data) {
            (crate::plan::path::Step::Name(name), _) => at.get(name)?,
            (crate::plan::path::Step::Index(index), Data::List(items)) => items.get(*index)?,
            _ => return None,
        };
        label.join(&at.label);
    }
    Some(at.clone().labelled(&label))
}

fn absent_error(expr: &Expr, absent: Absent) -> EvalError {
    match absent {
        Absent::Null => EvalError::new(codes::RUN_EVALUATION, expr, "no value"),
        Absent::Secret(name, Version::Current) => {
            EvalError::new(codes::RUN_SECRET_MISSING, expr, format!("secret `{name}` is not in the vault"))
                .help(format!("store it: `rot vault set {name}` (the value is read from standard input or a hidden prompt)"))
        }
        Absent::Secret(name, Version::Pending) => {
            EvalError::new(codes::RUN_SECRET_MISSING, expr, format!("secret `{name}` has no pending version"))
                .help(format!("stage it first: `stage {name} = …`"))
        }
        Absent::Secret(name, Version::Previous) => {
            EvalError::new(codes::RUN_SECRET_MISSING, expr, format!("secret `{name}` has no previous version"))
                .help("there is none before its second rotation")
        }
        Absent::Step(name) => EvalError::new(codes::RUN_EVALUATION, expr, format!("`{name}` has no value: its step did not run")),
        Absent::Env(name) => EvalError::new(codes::RUN_BAD_INPUT, expr, format!("environment variable `{name}` is not set"))
            .help(format!("set it, or remove `env {name}` from the file")),
        Absent::Field(name, field) => EvalError::new(codes::RUN_SECRET_MISSING, expr, format!("secret `{name}` has no field `{field}`"))
            .help("a record's fields are declared with the secret; a single value must be a JSON object to have members"),
    }
}

fn template(parts: &[Expr], scope: &Scope) -> Result<Value, EvalError> {
    let mut text = Zeroizing::new(String::new());
    let mut label = Label::PUBLIC;
    for part in parts {
        let value = eval(part, scope)?;
        label.join(&value.full_label());
        if scope.dialect.semantics().splices_any_value {
            if value.is_null() {
                scope.made.splice();
            }
            let indefinite =
                matches!(&part.kind, ExprKind::Path(_, path) if !path.is_spliced_as_one());
            text.push_str(&if indefinite {
                value.json_text()
            } else {
                value.java_text()
            });
            continue;
        }
        match value.scalar_text() {
            Some(part_text) => text.push_str(&part_text),
            None if value.is_null() => {
                return Err(EvalError::new(
                    codes::NULL_IN_STRING,
                    part,
                    "this is null, and would become text",
                )
                .help("give it a default: `${… ?? \"\"}`"));
            }
            None => {
                return Err(EvalError::new(
                    codes::RUN_EVALUATION,
                    part,
                    format!("a {} cannot be part of a text", value.kind()),
                )
                .help("write `${json(…)}` for its JSON text"));
            }
        }
    }
    Ok(Value {
        data: Data::Text(text),
        label,
    })
}

/// A bool.
pub fn truth(value: &Value, expr: &Expr) -> Result<bool, EvalError> {
    match &value.data {
        Data::Bool(flag) => Ok(*flag),
        _ => Err(EvalError::new(
            codes::RUN_EVALUATION,
            expr,
            format!("expected a bool, found {}", value.kind()),
        )),
    }
}

fn binary(
    expr: &Expr,
    operator: Operator,
    left: &Expr,
    right: &Expr,
    scope: &Scope,
) -> Result<Value, EvalError> {
    if operator == Operator::Else {
        let value = match eval(left, scope) {
            Ok(value) => value,
            Err(error) if error.code == codes::RUN_EVALUATION => Value::null(),
            Err(error) => return Err(error),
        };
        return if value.is_null() {
            eval(right, scope)
        } else {
            Ok(value)
        };
    }
    let a = eval(left, scope)?;
    if matches!(operator, Operator::And | Operator::Or) {
        let flag = truth(&a, left)?;
        if flag == (operator == Operator::Or) {
            return Ok(Value::derived(Data::Bool(flag), &[&a], Derivation::Opaque));
        }
        let b = eval(right, scope)?;
        let flag = truth(&b, right)?;
        return Ok(Value::derived(
            Data::Bool(flag),
            &[&a, &b],
            Derivation::Opaque,
        ));
    }
    let b = eval(right, scope)?;
    if operator == Operator::Add {
        let data = functions::add(&a, &b)
            .map_err(|message| EvalError::new(codes::RUN_EVALUATION, expr, message))?;
        return Ok(Value::derived(data, &[&a, &b], Derivation::Opaque));
    }
    let flag = compare(operator, &a, &b);
    let flag = flag.map_err(|message| EvalError::new(codes::RUN_EVALUATION, expr, message))?;
    Ok(Value::derived(
        Data::Bool(flag),
        &[&a, &b],
        Derivation::Opaque,
    ))
}

/// A comparison of two values.
pub fn compare(operator: Operator, a: &Value, b: &Value) -> Result<bool, String> {
    use std::cmp::Ordering;
    if matches!(operator, Operator::Eq | Operator::Same) {
        return Ok(a.equals(b));
    }
    if matches!(operator, Operator::Ne | Operator::Different) {
        return Ok(!a.equals(b));
    }
    let ordering = match (&a.data, &b.data) {
        (Data::Number(x), Data::Number(y)) => match (x.parse::<f64>(), y.parse::<f64>()) {
            (Ok(x), Ok(y)) => x.partial_cmp(&y),
            _ => None,
        },
        (Data::Time(x), Data::Time(y)) => Some(x.cmp(y)),
        (Data::Duration(x), Data::Duration(y)) => Some(x.cmp(y)),
        (Data::Text(x), Data::Text(y)) => Some(x.cmp(y)),
        _ => None,
    };
    let Some(ordering) = ordering else {
        return Err(format!("a {} and a {} have no order", a.kind(), b.kind()));
    };
    Ok(match operator {
        Operator::Lt => ordering == Ordering::Less,
        Operator::Le => ordering != Ordering::Greater,
        Operator::Gt => ordering == Ordering::Greater,
        _ => ordering != Ordering::Less,
    })
}
