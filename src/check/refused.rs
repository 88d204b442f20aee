//! What a request says of who makes it, where its server is certain to refuse it, or is about to: two schemes in one header, a signature
//! for another region than the host's, a token signed by another algorithm than the key's, the new value as login of the call that
//! sets it.

use super::context::Context;
use super::lifecycle::Act;
use super::vocabulary::{Half, half};
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::expr::{Root, Version};
use crate::plan::task::http::{JwtAlgorithm, Sign};
use crate::plan::task::lifecycle::NewValue;
use crate::plan::task::{Auth, Generator, Http};
use crate::plan::{Effect, Expr, ExprKind, Task};
use crate::source::Span;

/// How many `let`s and texts within texts are followed.
const DEPTH: usize = 16;
/// Schemes that carry their credential behind a blank.
const SCHEMES: [&str; 2] = ["bearer", "basic"];
/// Services of AWS without a region in their host, which take signatures for this one.
const GLOBAL: [&str; 3] = [
    "iam.amazonaws.com",
    "cloudfront.amazonaws.com",
    "route53.amazonaws.com",
];

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for request in &cx.flow.requests {
        let Some(node) = cx.order().get(request.step) else {
            continue;
        };
        scheme_twice(cx, node.rotation, request.http, out);
        match request.http.sign.as_deref() {
            Some(Sign::AwsSigv4 { region, .. }) => {
                if let Some(host) = request.target.host.as_deref() {
                    other_region(host, cx.meant(node.rotation, region), out);
                }
            }
            Some(Sign::Jwt(jwt)) => other_key(cx, node.rotation, jwt.algorithm, &jwt.key, out),
            Some(Sign::Hmac { .. }) | None => {}
        }
        not_yet_known(cx, request.step, node.rotation, request.http, out);
    }
}

/// `Authorization: Bearer Bearer …`.
fn scheme_twice<'p>(
    cx: &Context<'_, 'p>,
    rotation: usize,
    http: &'p Http,
    out: &mut Vec<Diagnostic>,
) {
    let begins = |value: &'p Expr| {
        let mut text = String::new();
        beginning(cx, rotation, value, DEPTH, &mut text);
        let complete = text.ends_with(char::is_whitespace);
        let mut words: Vec<String> = text
            .split_whitespace()
            .map(str::to_ascii_lowercase)
            .collect();
        // The last word goes on with what is not written out, unless a blank ends it.
        if !complete {
            words.pop();
        }
        words
    };
    let known = |word: &String| SCHEMES.contains(&word.as_str());
    let (at, said) = match &http.auth {
        Some(Auth::Bearer(token)) => match begins(token).first().filter(|w| known(w)) {
            Some(second) => (
                token.at.0,
                format!("`bearer` writes the scheme, and the value begins with `{second}` again"),
            ),
            None => return,
        },
        Some(Auth::Basic(..) | Auth::Client(..) | Auth::Login(..)) => return,
        None => {
            let Some(header) = http
                .headers
                .iter()
                .find(|h| h.name.eq_ignore_ascii_case("authorization"))
            else {
                return;
            };
            match begins(&header.value).as_slice() {
                [first, second, ..] if known(first) && known(second) => (
                    header.value.at.0,
                    format!("the `Authorization` header names a scheme twice: `{first} {second}`"),
                ),
                _ => return,
            }
        }
    };
    out.push(
        Diagnostic::new(codes::AUTH_SCHEME, at, said)
            .at("answered with 401")
            .help("leave one of the two out")
            .severity(Severity::Error),
    );
}

/// What is written out at the beginning of a text. False: what follows is not known.
fn beginning<'p>(
    cx: &Context<'_, 'p>,
    rotation: usize,
    value: &'p Expr,
    depth: usize,
    text: &mut String,
) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    match &cx.meant(rotation, value).kind {
        ExprKind::String(part) => {
            text.push_str(part);
            true
        }
        ExprKind::Template(parts) => parts
            .iter()
            .all(|part| beginning(cx, rotation, part, depth, text)),
        _ => false,
    }
}

/// A signature's scope names the region; the host of the service does as well.
fn other_region(host: &str, region: &Expr, out: &mut Vec<Diagnostic>) {
    let Some(signed) = region.as_str() else {
        return;
    };
    let aws = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"]
        .iter()
        .any(|end| host.ends_with(end));
    let own = if GLOBAL.contains(&host) {
        Some("us-east-1")
    } else {
        host.rsplit('.').find(|label| is_region(label))
    };
    let Some(own) = own.filter(|own| aws && *own != signed) else {
        return;
    };
    out.push(
        Diagnostic::new(
            codes::AUTH_SCHEME,
            region.at.0,
            format!(
                "the request to {host} is signed for `{signed}`, and that service is in `{own}`"
            ),
        )
        .at("the signature is refused")
        .help(format!(
            "write `region \"{own}\"`, or call the host of the other region"
        ))
        .severity(Severity::Error),
    );
}

/// `eu-central-1`, `us-gov-west-1`.
fn is_region(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    let [first, between @ .., last] = parts.as_slice() else {
        return false;
    };
    let letters = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase());
    first.len() == 2
        && letters(first)
        && !between.is_empty()
        && between.iter().all(|part| letters(part))
        && last.len() == 1
        && last.bytes().all(|b| b.is_ascii_digit())
}

/// The key that this run makes is of one kind, and the token is signed as by another.
fn other_key<'p>(
    cx: &Context<'_, 'p>,
    rotation: usize,
    algorithm: JwtAlgorithm,
    key: &'p Expr,
    out: &mut Vec<Diagnostic>,
) {
    let Some((made, step, at)) = made_by(cx, rotation, key) else {
        return;
    };
    use JwtAlgorithm as A;
    let wanted = match made {
        Generator::Ed25519 => "EdDSA",
        Generator::Rsa { .. } => "RS256",
        Generator::Openssh { .. } => return,
        Generator::X25519
        | Generator::Password { .. }
        | Generator::Hex { .. }
        | Generator::Base64 { .. }
        | Generator::Uuid => "HS256",
    };
    let fits = match algorithm {
        A::Rs256 | A::Rs384 | A::Rs512 | A::Ps256 | A::Ps384 | A::Ps512 => wanted == "RS256",
        A::Es256 | A::Es384 => false,
        A::EdDsa => wanted == "EdDSA",
        // The text of a private key would do as the key of a MAC.
        A::Hs256 | A::Hs384 | A::Hs512 => true,
    };
    if fits {
        return;
    }
    let word = algorithm.word();
    out.push(
        Diagnostic::new(
            codes::AUTH_SCHEME,
            key.at.0,
            format!("`{step}` makes no key that {word} signs with"),
        )
        .at("another kind of key")
        .label(at, "made here")
        .help(format!(
            "write `algorithm \"{wanted}\"`, or generate the key that {word} takes"
        ))
        .severity(Severity::Error),
    );
}

/// What generates a value in this run: it is the capture itself, or the pending version that it is staged as.
fn made_by<'p>(
    cx: &Context<'_, 'p>,
    rotation: usize,
    value: &'p Expr,
) -> Option<(&'p Generator, &'p str, Span)> {
    let mut value = cx.meant(rotation, value);
    if let ExprKind::Ref(Root::Secret {
        name,
        field,
        version: Version::Pending,
    }) = &value.kind
    {
        value = cx.meant(rotation, staged(cx, rotation, name, field.as_deref())?);
    }
    let ExprKind::Ref(Root::Capture { step, name }) = &value.kind else {
        return None;
    };
    let node = cx.order().get(cx.order().find(rotation, step)?)?;
    let Task::Generate(made) = &node.step.task else {
        return None;
    };
    (name != "public_key").then_some((&made.generator, &node.step.name, node.step.at.0))
}

/// The value of the one `stage` of a secret in a rotation.
fn staged<'p>(
    cx: &Context<'_, 'p>,
    rotation: usize,
    secret: &str,
    field: Option<&str>,
) -> Option<&'p Expr> {
    let mut stores = cx.writes_of(secret).iter().filter(|w| w.act == Act::Stage);
    let (Some(only), None) = (stores.next(), stores.next()) else {
        return None;
    };
    let store = cx
        .order()
        .get(only.step)
        .filter(|n| n.rotation == rotation)?;
    match store.step.task.write()?.value? {
        NewValue::Single(value) => field.is_none().then_some(value),
        NewValue::Fields(fields) => fields
            .iter()
            .find(|(name, _)| Some(name.as_str()) == field)
            .map(|(_, value)| value),
    }
}

/// A part of a secret that opens, in one of its versions, as an expression names it.
fn opens<'p>(
    cx: &Context<'_, 'p>,
    rotation: usize,
    value: &'p Expr,
    version: Version,
) -> Option<(&'p str, Option<&'p str>)> {
    match &cx.meant(rotation, value).kind {
        ExprKind::Ref(Root::Secret {
            name,
            field,
            version: of,
        }) if *of == version => (field.as_deref().and_then(half) != Some(Half::Who))
            .then_some((name.as_str(), field.as_deref())),
        _ => None,
    }
}

/// What opens in the login of a request.
fn login(http: &Http) -> Option<&Expr> {
    match http.auth.as_ref()? {
        Auth::Bearer(value)
        | Auth::Basic(_, value)
        | Auth::Client(_, value)
        | Auth::Login(_, value) => Some(value),
    }
}

/// Whether a request sends the pending value besides as its login.
fn sends<'p>(
    cx: &Context<'_, 'p>,
    rotation: usize,
    http: &'p Http,
    (secret, field): (&str, Option<&str>),
) -> bool {
    let own = login(http);
    http.request_exprs().iter().any(|(_, expr)| {
        let mut found = false;
        if own.is_none_or(|own| !std::ptr::eq(own, *expr)) {
            expr.walk(&mut |part| {
                found |= matches!(cx.meant_as(rotation, part), Some((name, of, Version::Pending)) if name == secret && of == field);
            });
        }
        found
    })
}

/// Whether this call is the first that can have told the server of a generated value: no request in front of it carries it, and nobody
/// else could have brought it there.
fn is_first(cx: &Context<'_, '_>, step: usize, rotation: usize, of: (&str, Option<&str>)) -> bool {
    let generated = staged(cx, rotation, of.0, of.1)
        .and_then(|value| made_by(cx, rotation, value))
        .is_some();
    generated
        && cx.order().of_rotation(rotation).filter(|(id, _)| *id < step).all(|(_, node)| {
            if let Task::Http(http) = &node.step.task {
                let logs_in = login(http)
                    .is_some_and(|login| matches!(cx.meant_as(rotation, login), Some((name, field, Version::Pending)) if (name, field) == of));
                return !sends(cx, rotation, http, of) && !logs_in;
            }
            !matches!(&node.step.task, Task::Manual(_) | Task::Call(_) | Task::Worker(_) | Task::Fork(_) | Task::Promote(_))
        })
}

/// A call that sets a new value and logs in with it.
fn not_yet_known<'p>(
    cx: &Context<'_, 'p>,
    step: usize,
    rotation: usize,
    http: &'p Http,
    out: &mut Vec<Diagnostic>,
) {
    if !matches!(http.effect, Effect::Sets | Effect::SetsSelf) {
        return;
    }
    let Some(login) = login(http) else { return };
    let Some(of) = opens(cx, rotation, login, Version::Pending) else {
        return;
    };
    if !sends(cx, rotation, http, of) || !is_first(cx, step, rotation, of) {
        return;
    }
    let name = of.0;
    out.push(
        Diagnostic::new(codes::AUTH_SCHEME, login.at.0, format!("the call that sets the new `{name}` logs in with it: the server does not know it yet"))
            .at("answered with 401")
            .label(http.url.at.0, "set by this call")
            .help(format!("log in with what is in use: `secrets.{name}`, and write `sets self`"))
            .severity(Severity::Error),
    );
}

/// A call that is declared `sets` and logs in with what it replaces. By its login and by what it sets.
pub(crate) fn sets_itself<'p>(
    cx: &Context<'_, 'p>,
    step: usize,
    rotation: usize,
    http: &'p Http,
) -> Option<(&'p str, Span)> {
    if http.effect != Effect::Sets {
        return None;
    }
    let login = login(http)?;
    let of = opens(cx, rotation, login, Version::Current)?;
    (sends(cx, rotation, http, of) && is_first(cx, step, rotation, of))
        .then_some((of.0, login.at.0))
}
