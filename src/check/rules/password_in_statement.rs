//! # ROT409 password-in-statement
//!
//! What it finds: a secret in the clear in the text of an SQL statement; in Conductor JSON in that of a JDBC task.
//!
//! ## Why it matters
//!
//! Servers write statements to their logs (`log_statement`, general and slow query logs, errors), and statistics keep them. PostgreSQL takes a verifier in the place of
//! a password, MariaDB a hash: in a log that is no password. MySQL leaves passwords out of its logs, so nothing is said of `sql mysql`.
//!
//! ## Fails
//!
//! ```rot
//! secret boss { user, password } to "db.example.com" in login
//! secret app to "db.example.com" in login, statement
//!
//! rotation r {
//!   generate fresh password { length 32 }
//!   stage app = fresh.value
//!   sql postgres "db.example.com/app" sets {
//!     login secrets.boss.user, secrets.boss.password
//!     statement "ALTER ROLE app PASSWORD ${pending.app}"
//!   }
//!   verify {
//!     sql postgres "db.example.com/app" { login "app", pending.app   statement "SELECT 1" }
//!   }
//!   promote app
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret boss { user, password } to "db.example.com" in login
//! secret app to "db.example.com" in login, statement
//!
//! rotation r {
//!   generate fresh password { length 32 }
//!   stage app = fresh.value
//!   sql postgres "db.example.com/app" sets {
//!     login secrets.boss.user, secrets.boss.password
//!     statement "ALTER ROLE app PASSWORD ${scram_sha_256(pending.app)}"
//!   }
//!   verify {
//!     sql postgres "db.example.com/app" { login "app", pending.app   statement "SELECT 1" }
//!   }
//!   promote app
//! }
//! ```

use crate::check::context::{Context, Once};
use crate::check::flow::Part;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::task::http::{Protocol, SqlDialect};
use crate::check::vocabulary::{Half, half};
use crate::plan::task::{Body, Http};
use crate::plan::{Derivation, Expr, ExprKind, Origin, Place, Root, Task};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().declares_intent {
        of_connections(cx, out);
    }
    let mut once = Once::default();
    for event in &cx.flow.events {
        let Some((request, Part::In(Place::Statement))) = cx.request(event) else { continue };
        let help = match request.http.protocol() {
            Protocol::Sql(SqlDialect::Postgres) => "send a verifier: `${scram_sha_256(…)}`",
            Protocol::Sql(SqlDialect::Mariadb) => {
                "send its hash: `IDENTIFIED VIA mysql_native_password USING ${mysql_native(…)}`"
            }
            // Leaves passwords out of its logs (MySQL manual, section 8.1.2.3).
            Protocol::Sql(SqlDialect::Mysql)
            | Protocol::Http
            | Protocol::Redis
            | Protocol::Exec => continue,
        };
        for leak in cx.leaks(event) {
            // The name of an object is no password.
            let clear = leak.entry.derivation == Derivation::Whole && opens_in_the_clear(cx, event.rotation, request.http, leak.origin);
            if !clear || !once.is_first(event, leak.entry.atom) {
                continue;
            }
            let what = leak.origin.describe();
            let message = format!("{what} stands in the clear in a statement, which servers log");
            out.push(
                cx.finding(codes::PASSWORD_IN_STATEMENT, event, &leak.entry, message, "in the clear")
                    .help(help),
            );
        }
    }
}

/// Whether more of a secret than a name stands in a statement: not what tells who, and not behind a hash.
fn opens_in_the_clear<'p>(cx: &Context<'_, 'p>, rotation: usize, http: &'p Http, origin: &Origin) -> bool {
    let (Body::Statement { text, .. }, Origin::Secret(secret)) = (&http.body, origin) else { return true };
    let mut open: Vec<(&Expr, usize)> = vec![(text, 0)];
    while let Some((expr, lets)) = open.pop() {
        match &expr.kind {
            ExprKind::Call(function, _) if function.derivation() == Derivation::Opaque => {}
            ExprKind::Ref(Root::Secret { name, field, .. }) => {
                if name == secret && field.as_deref().and_then(half) != Some(Half::Who) {
                    return true;
                }
            }
            ExprKind::Ref(Root::Let(name)) if lets < LETS => open.extend(cx.let_value(rotation, name).map(|value| (value, lets + 1))),
            ExprKind::Ref(_) => return true,
            _ => open.extend(expr.children().into_iter().map(|child| (child, lets))),
        }
    }
    false
}

/// How many `let`s are followed.
const LETS: usize = 16;

/// Conductor: a JDBC task has parameters for values, and its statement is kept and logged.
fn of_connections(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (_, node) in cx.order().iter() {
        let Task::Worker(worker) = &node.step.task else { continue };
        let ExprKind::Object(members) = &worker.input.kind else { continue };
        let statement = members.iter().find(|(key, _)| key == "statement").map(|(_, text)| text);
        let Some(statement) = statement.filter(|_| worker.kind.as_deref() == Some("JDBC")) else { continue };
        let mut secret = None;
        statement.walk(&mut |part| {
            if let ExprKind::Ref(Root::Secret { name, .. }) = &part.kind {
                secret = secret.or(Some(name));
            }
        });
        if let Some(secret) = secret {
            out.push(
                Diagnostic::new(codes::PASSWORD_IN_STATEMENT, statement.at.0, format!("secret `{secret}` stands in the clear in a statement, which servers log"))
                    .at("in the clear")
                    .help("write `?` there, and the secret among the `parameters`"),
            );
        }
    }
}
