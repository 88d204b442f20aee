//! # ROT529 assertion-from-run-start
//!
//! What it finds: a token that is signed with times that count from `run.started_at`: claims of `sign_jwt`, and of `sign jwt` where `iat`, `nbf` or `exp` is written by hand.
//!
//! ## Why it matters
//!
//! A run may wait, be tried again, or be continued hours later, and its start stays where it was: the token is then expired before it is sent, and the rotation fails at
//! the worst time, when it is continued after a crash. `sign jwt` makes a token for each attempt, with times that count from that attempt.
//!
//! ## Fails
//!
//! ```rot
//! secret app_key to "api.example.com" in body, header
//! secret access
//!
//! rotation r {
//!   every 45m
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer sign_jwt({ iss: "12345", exp: epoch(run.started_at + 5m) }, secrets.app_key, null)
//!     secret token = body $.token
//!   }
//!   update access = mint.token
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret app_key to "api.example.com" in signature
//! secret access
//!
//! rotation r {
//!   every 45m
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     sign jwt { algorithm "RS256"  key secrets.app_key  claims { iss: "12345" }  lifetime 5m }
//!     secret token = body $.token
//!   }
//!   update access = mint.token
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::expr::RunField;
use crate::plan::task::http::Sign;
use crate::plan::{Expr, ExprKind, Function, Root};
use crate::source::Span;

/// As many names are followed, one behind another.
const NAMES: usize = 8;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().declares_intent {
        return;
    }
    for (index, rotation) in cx.plan.rotations.iter().enumerate() {
        rotation.exprs(&mut |top| {
            top.walk(&mut |part| {
                if let ExprKind::Call(Function::SignJwt, arguments) = &part.kind
                    && let Some(claims) = arguments.first()
                    && let Some(start) = start_in(cx, index, claims, NAMES)
                {
                    let found = finding(part.at.0, start, "made once, with times of the start");
                    out.push(found.help("let the request make it for each attempt: `sign jwt { algorithm \"RS256\"  key …  claims { … }  lifetime 5m }`"));
                }
            });
        });
        for (_, http) in rotation.requests() {
            let Some(Sign::Jwt(token)) = http.sign.as_deref() else { continue };
            if let Some(start) = start_in(cx, index, &token.claims, NAMES) {
                let found = finding(start, start, "not the time of the attempt");
                out.push(found.help("leave `iat` and `exp` out, and write `lifetime 5m`: they are made for each attempt"));
            }
        }
    }
}

fn finding(at: Span, start: Span, text: &str) -> Diagnostic {
    let found = Diagnostic::new(
        codes::ASSERTION_FROM_RUN_START,
        at,
        "the token's times count from the start of the run: after a wait, a retry or a resume it is sent expired",
    )
    .at(text);
    match start == at {
        true => found,
        false => found.label(start, "counts from the start"),
    }
}

/// Where an expression, or what it names, reads when the run began.
fn start_in<'p>(cx: &Context<'_, 'p>, rotation: usize, expr: &'p Expr, names: usize) -> Option<Span> {
    let mut found = None;
    let mut named: Vec<&'p str> = Vec::new();
    expr.walk(&mut |part| match &part.kind {
        ExprKind::Ref(Root::Run(RunField::StartedAt)) => found = found.or(Some(part.at.0)),
        ExprKind::Ref(Root::Let(name)) => named.push(name),
        _ => {}
    });
    found.or_else(|| {
        let names = names.checked_sub(1)?;
        named.into_iter().find_map(|name| start_in(cx, rotation, cx.let_value(rotation, name)?, names))
    })
}
