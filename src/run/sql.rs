//! Values in the text of an SQL statement: quoted by us, since statements that change roles take no parameters.

use super::eval::{EvalError, eval};
use super::scope::Scope;
use super::value::{Data, Value};
use crate::diagnostic::codes;
use crate::plan::task::http::SqlDialect;
use crate::plan::{Expr, ExprKind, Function};
use zeroize::Zeroizing;

/// The text of a statement: the author's own parts as they are, the others quoted.
pub fn statement(
    text: &Expr,
    dialect: SqlDialect,
    scope: &Scope,
    mut guard: impl FnMut(&Value, &Expr) -> Result<(), EvalError>,
) -> Result<Zeroizing<String>, EvalError> {
    let mut out = Zeroizing::new(String::new());
    let parts = match &text.kind {
        ExprKind::Template(parts) => parts.as_slice(),
        _ => std::slice::from_ref(text),
    };
    for part in parts {
        if let ExprKind::String(own) = &part.kind {
            out.push_str(own);
            continue;
        }
        let refused = |message: String| EvalError::new(codes::RUN_EVALUATION, part, message);
        if let ExprKind::Call(Function::Name, named) = &part.kind
            && let [named] = named.as_slice()
        {
            let value = eval(named, scope)?;
            let text = value
                .scalar_text()
                .ok_or_else(|| refused(format!("a {} cannot name anything", value.kind())))?;
            let quoted = identifier(&text, dialect).map_err(refused)?;
            let data = Data::Text(quoted.clone());
            let quoted_value = Value::derived(data, &[&value], Function::Name.derivation());
            guard(&quoted_value, part)?;
            out.push_str(&quoted);
            continue;
        }
        let value = eval(part, scope)?;
        guard(&value, part)?;
        match &value.data {
            Data::Null => out.push_str("NULL"),
            Data::Bool(true) => out.push_str("TRUE"),
            Data::Bool(false) => out.push_str("FALSE"),
            _ => {
                let text = value.scalar_text().ok_or_else(|| {
                    refused(format!("a {} cannot stand in a statement", value.kind()))
                })?;
                out.push_str(&literal(&text, dialect).map_err(refused)?);
            }
        }
    }
    Ok(out)
}

/// A literal in its quotes. PostgreSQL (manual, section 4.1.2): with a backslash in it in the form whose meaning no setting
/// changes. MySQL: our sessions are without escapes by backslash.
fn literal(text: &str, dialect: SqlDialect) -> Result<Zeroizing<String>, String> {
    without_nul(text)?;
    let doubled = Zeroizing::new(text.replace('\'', "''"));
    Ok(Zeroizing::new(match dialect {
        SqlDialect::Postgres if doubled.contains('\\') => {
            format!(" E'{}'", doubled.replace('\\', "\\\\"))
        }
        SqlDialect::Postgres | SqlDialect::Mysql | SqlDialect::Mariadb => {
            format!("'{}'", doubled.as_str())
        }
    }))
}

/// An identifier in its quotes.
///
/// # Errors
/// When it is empty, holds NUL, or is longer than PostgreSQL keeps (63 bytes): it would be cut, and name another object. MySQL
/// refuses what is too long.
pub fn identifier(text: &str, dialect: SqlDialect) -> Result<Zeroizing<String>, String> {
    without_nul(text)?;
    if text.is_empty() {
        return Err("an identifier is empty".into());
    }
    let quote = match dialect {
        SqlDialect::Postgres if text.len() > 63 => {
            return Err("an identifier has more than 63 bytes, which the server cuts off".into());
        }
        SqlDialect::Postgres => "\"",
        SqlDialect::Mysql | SqlDialect::Mariadb => "`",
    };
    let doubled = Zeroizing::new(text.replace(quote, &quote.repeat(2)));
    Ok(Zeroizing::new(format!(
        "{quote}{}{quote}",
        doubled.as_str()
    )))
}

fn without_nul(text: &str) -> Result<(), String> {
    match text.contains('\0') {
        true => Err("NUL cannot stand in a statement".into()),
        false => Ok(()),
    }
}
