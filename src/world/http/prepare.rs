//! A request is looked at before anything is opened: scheme, host, method, headers. What is wrong here is
//! [`TroubleKind::Refused`], and nothing of it is quoted but host, port and header names.

use super::egress::{Egress, is_loopback_name, is_metadata_name};
use super::{AddressClass, Request, Trouble, TroubleKind, classify_address};
use reqwest::Method;
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use std::net::IpAddr;
use url::{Host, Url};

/// Where a request goes.
pub(super) struct Target {
    pub(super) url: Url,
    /// Host as the resolver is asked for it.
    pub(super) host: String,
    /// `host:port`, the only part of the URL that messages show.
    pub(super) shown: String,
    pub(super) egress: Egress,
}

impl Target {
    /// Reads and judges the URL of a request.
    pub(super) fn new(request: &Request) -> Result<Self, Trouble> {
        if request.url.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(refused("the URL holds a control character"));
        }
        let url = Url::parse(&request.url).map_err(|error| match error {
            url::ParseError::RelativeUrlWithoutBase => {
                refused("the URL is not absolute: it must begin with `https://`")
            }
            url::ParseError::EmptyHost => refused("the URL names no host"),
            _ => refused("the URL is not valid"),
        })?;
        Self::judge(url, request.secret, request.limits.private)
    }

    /// Judges a URL that was already read.
    pub(super) fn judge(url: Url, secret: bool, private: bool) -> Result<Self, Trouble> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused(
                "only `https://` URLs can be called (and `http://` ones on this machine)",
            ));
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(refused("the URL names no host"));
        };
        let shown = format!("{host}:{port}");
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused(format!(
                "the URL for {shown} holds a user or password: give them with `basic` instead"
            )));
        }
        let (host, literal) = match host {
            Host::Domain(name) => (name.to_owned(), None),
            Host::Ipv4(address) => (address.to_string(), Some(IpAddr::V4(address))),
            Host::Ipv6(address) => (address.to_string(), Some(IpAddr::V6(address))),
        };
        if is_metadata_name(&host) {
            return Err(forbidden(&shown, AddressClass::Metadata));
        }
        let loopback = match literal {
            Some(address) => classify_address(address) == AddressClass::Loopback,
            None => is_loopback_name(&host),
        };
        let egress = Egress { loopback, private };
        if let Some(Err(class)) = literal.map(|address| egress.check(address)) {
            return Err(forbidden(&shown, class));
        }
        if url.scheme() == "http" && secret && !loopback {
            return Err(refused(format!(
                "a secret is not sent to {shown} over `http://`: use `https://`"
            )));
        }
        Ok(Self {
            url,
            host,
            shown,
            egress,
        })
    }
}

/// The trouble for an address of a kind that is not called.
pub(super) fn forbidden(shown: &str, class: AddressClass) -> Trouble {
    let why = match class {
        AddressClass::Loopback => {
            "which only a URL that says so (`localhost`, 127.0.0.1) may reach"
        }
        AddressClass::Private => "which this request may not reach",
        _ => "which is never called",
    };
    refused(format!("{shown} is {}, {why}", class.describe()))
}

/// A trouble of kind [`TroubleKind::Refused`].
pub(super) fn refused(message: impl Into<String>) -> Trouble {
    Trouble {
        kind: TroubleKind::Refused,
        message: message.into(),
    }
}

/// Reads the method. `CONNECT` and `TRACE` change what the connection is, or echo the request.
pub(super) fn method(request: &Request) -> Result<Method, Trouble> {
    match Method::from_bytes(request.method.as_bytes()) {
        Ok(Method::CONNECT | Method::TRACE) => {
            Err(refused("the methods CONNECT and TRACE are not supported"))
        }
        Ok(method) => Ok(method),
        Err(_) => Err(refused("the method is not valid")),
    }
}

/// Headers that the client sets itself from the body and the connection; another value would smuggle or split requests
/// (RFC 9110 section 7.6.1). They are refused here, and named by the checker before.
pub const OWN_HEADERS: [&str; 12] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Builds the headers, all marked sensitive.
pub(super) fn headers(request: &Request, target: &Target) -> Result<HeaderMap, Trouble> {
    let mut headers = HeaderMap::with_capacity(request.headers.len() + 2);
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("rot/", env!("CARGO_PKG_VERSION"))),
    );
    // RFC 9110 section 8.6: a method that has a use for a body says that there is none. Servers answer 411 otherwise.
    if matches!(request.method.as_str(), "POST" | "PUT" | "PATCH")
        && request.body.as_ref().is_none_or(|body| body.is_empty())
    {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    let mut own_agent = true;
    for (name, value) in &request.headers {
        let shown = &target.shown;
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            return Err(refused(format!(
                "a header of the request to {shown} has a name with characters that are not allowed"
            )));
        };
        if OWN_HEADERS.contains(&name.as_str()) {
            return Err(refused(format!(
                "the header `{name}` of the request to {shown} is set by the client and cannot be given"
            )));
        }
        if value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Err(refused(format!(
                "the value of the header `{name}` to {shown} holds a line break or NUL"
            )));
        }
        let Ok(mut value) = HeaderValue::from_bytes(value) else {
            return Err(refused(format!(
                "the value of the header `{name}` to {shown} holds a control character"
            )));
        };
        value.set_sensitive(true);
        if name == USER_AGENT && std::mem::take(&mut own_agent) {
            headers.remove(USER_AGENT);
        }
        headers.append(name, value);
    }
    Ok(headers)
}
