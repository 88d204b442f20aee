//! The real client: one connection for each exchange, nothing repeated behind our back, nothing followed with a secret.

use super::classify::{after_connection, before_connection, timeout, trouble};
use super::coding::{self, Decoded};
use super::connected::Connected;
use super::prepare::{self, Target};
use super::resolve::{Guarded, Resolver, SystemResolver};
use super::tls::Tls;
use super::{Attempt, Http, Request, Response, Trouble, TroubleKind};
use crate::world::BoxFuture;
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, LOCATION};
use reqwest::redirect::Policy;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use url::Url;
use zeroize::Zeroizing;

/// Most that the names and values of an answer's headers may take together.
const HEADER_LIMIT: usize = 64 << 10;

/// The real client.
pub struct RealHttp {
    tls: Tls,
    resolver: Arc<dyn Resolver>,
}

impl Default for RealHttp {
    fn default() -> Self {
        Self::new()
    }
}

impl RealHttp {
    /// A client on the system's resolver. Reads no file and opens nothing.
    pub fn new() -> Self {
        Self::with_resolver(Arc::new(SystemResolver))
    }

    /// A client that looks names up elsewhere. What the resolver answers is judged all the same.
    pub fn with_resolver(resolver: Arc<dyn Resolver>) -> Self {
        Self {
            tls: Tls::default(),
            resolver,
        }
    }

    async fn exchange(&self, request: &Request) -> Attempt {
        let end = after(request.limits.total);
        let prepared = Target::new(request).and_then(|target| {
            let headers = prepare::headers(request, &target)?;
            Ok((target, prepare::method(request)?, headers))
        });
        let (mut target, mut method, mut headers) = match prepared {
            Ok(prepared) => prepared,
            Err(trouble) => return Attempt::NotSent(trouble),
        };
        let reads = matches!(method, Method::GET | Method::HEAD);
        let may_follow = !request.secret && (reads || request.limits.follow_any);
        let mut left = if may_follow { request.limits.follow } else { 0 };
        let mut body = request.body.as_ref();
        loop {
            let parts = (&method, &headers, body);
            let attempt = self.send(request, &target, parts, end).await;
            let Attempt::Answered(response) = &attempt else {
                return attempt;
            };
            let Some(next) = redirect(response, &target.url).filter(|_| left > 0) else {
                return attempt;
            };
            left -= 1;
            match Target::judge(next, request.secret, request.limits.private) {
                Ok(next) => target = next,
                Err(_) => return attempt,
            }
            // Only 307 and 308 ask for the same call again (RFC 9110 section 15.4).
            if !reads && !matches!(response.status, 307 | 308) {
                method = Method::GET;
                body = None;
                // What the call said of itself was not said of another; so does a server.
                headers.clear();
            }
        }
    }

    fn client(
        &self,
        request: &Request,
        target: &Target,
        connected: Connected,
    ) -> Result<reqwest::Client, Trouble> {
        let tls = if target.url.scheme() == "https" {
            self.tls.secure(&request.limits.ca)?
        } else {
            Tls::unused()?
        };
        let resolver = Guarded {
            resolver: Arc::clone(&self.resolver),
            host: target.host.clone(),
            egress: target.egress,
            proxy: request.limits.proxy,
        };
        #[allow(clippy::disallowed_methods)]
        let builder = reqwest::Client::builder();
        // What is for this machine stays on it: a proxy would read a secret that goes there over `http://`.
        let builder = if request.limits.proxy && !target.egress.loopback {
            readable_proxies()?;
            builder
        } else {
            builder.no_proxy()
        };
        builder
            .tls_backend_preconfigured(tls)
            .http1_only()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .pool_max_idle_per_host(0)
            .dns_resolver(Arc::new(resolver))
            .connector_layer(connected)
            .build()
            .map_err(|_| {
                trouble(
                    TroubleKind::Client,
                    "the HTTP client cannot be built on this machine".to_owned(),
                )
            })
    }

    async fn send(
        &self,
        request: &Request,
        target: &Target,
        (method, headers, body): (&Method, &HeaderMap, Option<&Zeroizing<Vec<u8>>>),
        end: Instant,
    ) -> Attempt {
        let (limits, shown) = (&request.limits, &target.shown);
        let connected = Connected::default();
        let client = match self.client(request, target, connected.clone()) {
            Ok(client) => client,
            Err(trouble) => return Attempt::NotSent(trouble),
        };
        let mut wire = reqwest::Request::new(method.clone(), target.url.clone());
        *wire.headers_mut() = headers.clone();
        if let Some(body) = body {
            // The copy that the client holds is wiped with its last reference.
            *wire.body_mut() = Some(Bytes::from_owner(body.clone()).into());
        }
        let mut sending = Box::pin(client.execute(wire));
        let connect_end = end.min(after(limits.connect));
        let head = tokio::select! {
            biased;
            head = &mut sending => Ok(head),
            () = connected.wait() => timeout_at(end.min(after(limits.first_byte)), &mut sending).await,
            over = timeout_at(connect_end, std::future::pending()) => over,
        };
        let mut answer = match head {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if connected.stands() => {
                return Attempt::Unknown(after_connection(&error, shown), None);
            }
            Ok(Err(error)) => {
                return Attempt::NotSent(before_connection(
                    &error,
                    shown,
                    target.url.scheme() == "https",
                ));
            }
            Err(_) if connected.stands() => {
                return Attempt::Unknown(
                    timeout(format!("{shown} did not begin its answer in time")),
                    None,
                );
            }
            Err(_) => {
                return Attempt::NotSent(timeout(format!("no connection to {shown} in time")));
            }
        };
        #[allow(clippy::disallowed_methods)]
        let received_at = jiff::Timestamp::now();
        let mut response = Response {
            status: answer.status().as_u16(),
            headers: Vec::new(),
            body: Zeroizing::new(Vec::new()),
            received_at,
        };
        if let Err(trouble) = take_head(&mut response, answer.headers(), shown) {
            return Attempt::Unknown(trouble, Some(response));
        }
        match timeout_at(
            end,
            take_body(&mut response, &mut answer, limits.body, shown),
        )
        .await
        {
            Ok(Ok(())) => match undo_codings(&mut response, limits.body) {
                Ok(()) => Attempt::Answered(response),
                Err(()) => {
                    let message = format!(
                        "the answer of {shown} is larger than {} bytes once its `Content-Encoding` is undone",
                        limits.body
                    );
                    Attempt::Unknown(trouble(TroubleKind::TooLarge, message), Some(response))
                }
            },
            Ok(Err(trouble)) => Attempt::Unknown(trouble, Some(response)),
            Err(_) => Attempt::Unknown(
                timeout(format!("{shown} did not finish its answer in time")),
                Some(response),
            ),
        }
    }
}

impl Http for RealHttp {
    fn call<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Attempt> {
        Box::pin(self.exchange(request))
    }

    fn ready(&self, ca: &[Vec<u8>]) -> Result<(), Trouble> {
        self.tls.secure(ca).map(drop)
    }
}

/// The time after `duration`, however long that is.
fn after(duration: Duration) -> Instant {
    const LONG: Duration = Duration::from_secs(30 * 24 * 3600);
    Instant::now() + duration.min(LONG)
}

fn take_head(response: &mut Response, headers: &HeaderMap, shown: &str) -> Result<(), Trouble> {
    if response.status == 101 {
        return Err(trouble(
            TroubleKind::Malformed,
            format!("{shown} wants to leave HTTP, which was not asked for"),
        ));
    }
    let size: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if size > HEADER_LIMIT {
        return Err(trouble(
            TroubleKind::TooLarge,
            format!("the headers that {shown} sent are too large"),
        ));
    }
    response.headers = headers
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                Zeroizing::new(value.as_bytes().to_vec()),
            )
        })
        .collect();
    Ok(())
}

async fn take_body(
    response: &mut Response,
    answer: &mut reqwest::Response,
    limit: u64,
    shown: &str,
) -> Result<(), Trouble> {
    let too_large = || {
        trouble(
            TroubleKind::TooLarge,
            format!("the answer of {shown} is larger than {limit} bytes"),
        )
    };
    // For HEAD the length is that of a body which never comes; the client reports none then.
    if answer.content_length().is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    while let Some(chunk) = answer
        .chunk()
        .await
        .map_err(|error| after_connection(&error, shown))?
    {
        let room = usize::try_from(limit)
            .unwrap_or(usize::MAX)
            .saturating_sub(response.body.len());
        append(
            &mut response.body,
            chunk.get(..room.min(chunk.len())).unwrap_or_default(),
        );
        if chunk.len() > room {
            return Err(too_large());
        }
    }
    Ok(())
}

/// Undoes the codings of a body; an error when it is too large then. What cannot be undone stays as it came, with the header
/// that says what it is: it may be the only copy of a credential.
fn undo_codings(response: &mut Response, limit: u64) -> Result<(), ()> {
    let codings: Vec<String> = response
        .headers
        .iter()
        .filter(|(name, _)| name == CONTENT_ENCODING.as_str())
        .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
        .collect();
    if codings.is_empty() || response.body.is_empty() {
        return Ok(());
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    match coding::decode(&codings.join(","), &response.body, limit) {
        Decoded::Body(body) => {
            response.body = body;
            response.headers.retain(|(name, _)| {
                name != CONTENT_ENCODING.as_str() && name != CONTENT_LENGTH.as_str()
            });
            Ok(())
        }
        Decoded::TooLarge => Err(()),
        Decoded::Unreadable => Ok(()),
    }
}

/// A proxy setting that cannot be read is an error: the client would silently go without it. Its value may hold a password.
fn readable_proxies() -> Result<(), Trouble> {
    const SETTINGS: [&str; 6] = [
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
    ];
    for name in SETTINGS {
        #[allow(clippy::disallowed_methods)]
        let Some(value) = std::env::var_os(name).filter(|v| !v.is_empty()) else {
            continue;
        };
        let readable = value.to_str().is_some_and(|text| {
            let text = text.trim();
            let whole = if text.contains("://") {
                text.to_owned()
            } else {
                format!("http://{text}")
            };
            Url::parse(&whole)
                .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        });
        if !readable {
            return Err(trouble(
                TroubleKind::Client,
                format!("the proxy setting `{name}` cannot be read: expected `http://HOST:PORT`"),
            ));
        }
    }
    Ok(())
}

/// Appends without leaving a copy of what was there in freed memory, as a growing vector does.
pub(super) fn append(buffer: &mut Zeroizing<Vec<u8>>, chunk: &[u8]) {
    let needed = buffer.len() + chunk.len();
    if needed > buffer.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.next_power_of_two().max(4096)));
        larger.extend_from_slice(buffer);
        *buffer = larger;
    }
    buffer.extend_from_slice(chunk);
}

/// Where an answer redirects to, when that is the same origin.
fn redirect(response: &Response, from: &Url) -> Option<Url> {
    if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let (_, location) = response
        .headers
        .iter()
        .find(|(name, _)| name == LOCATION.as_str())?;
    let next = from.join(std::str::from_utf8(location).ok()?).ok()?;
    (next.origin() == from.origin()).then_some(next)
}
