//! From the client's errors to ours. Only kinds are taken from them, never texts: those quote URLs, and what servers sent.

use super::prepare::forbidden;
use super::resolve::ResolveError;
use super::{Trouble, TroubleKind};
use std::error::Error;
use std::io::ErrorKind;

/// An error before the connection stood: nothing of the request was written.
pub(super) fn before_connection(
    error: &(dyn Error + 'static),
    shown: &str,
    https: bool,
) -> Trouble {
    if let Some(error) = find::<ResolveError>(error) {
        return match error {
            ResolveError::Forbidden(class) => forbidden(shown, *class),
            ResolveError::Unknown => trouble(
                TroubleKind::Dns,
                format!("the name of {shown} cannot be resolved"),
            ),
        };
    }
    if let Some(error) = find::<rustls::Error>(error) {
        return tls(error, shown);
    }
    match io_kind(error) {
        Some(ErrorKind::ConnectionRefused) => trouble(
            TroubleKind::Connect,
            format!("connection refused by {shown}"),
        ),
        Some(
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown,
        ) => trouble(
            TroubleKind::Connect,
            format!("{shown} cannot be reached from here"),
        ),
        Some(ErrorKind::TimedOut) => timeout(format!("no connection to {shown} in time")),
        Some(ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
            if https =>
        {
            trouble(
                TroubleKind::Tls,
                format!("{shown} ended the connection while TLS was being set up"),
            )
        }
        _ => trouble(TroubleKind::Connect, format!("no connection to {shown}")),
    }
}

fn tls(error: &rustls::Error, shown: &str) -> Trouble {
    use rustls::CertificateError as Bad;
    let message = match error {
        rustls::Error::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. }) => {
            format!("the certificate of {shown} has expired")
        }
        rustls::Error::InvalidCertificate(Bad::NotValidYet | Bad::NotValidYetContext { .. }) => {
            format!("the certificate of {shown} is not valid yet: check this machine's clock")
        }
        rustls::Error::InvalidCertificate(
            Bad::NotValidForName | Bad::NotValidForNameContext { .. },
        ) => {
            format!("the certificate of {shown} is for another name")
        }
        // A bad signature: another authority that bears the same name.
        rustls::Error::InvalidCertificate(Bad::UnknownIssuer | Bad::BadSignature) => {
            format!(
                "the certificate of {shown} is not signed by an authority that is trusted here: name its certificate with `ca`"
            )
        }
        rustls::Error::InvalidCertificate(Bad::Revoked) => {
            format!("the certificate of {shown} was revoked")
        }
        rustls::Error::InvalidCertificate(_) => {
            format!("the certificate of {shown} is not acceptable")
        }
        rustls::Error::PeerIncompatible(_) => {
            format!("{shown} offers no version or cipher of TLS that is safe")
        }
        rustls::Error::InvalidMessage(_) => format!("{shown} does not speak TLS"),
        _ => format!("no TLS session with {shown}"),
    };
    let kind = match error {
        rustls::Error::InvalidCertificate(_) => TroubleKind::Certificate,
        _ => TroubleKind::Tls,
    };
    trouble(kind, message)
}

/// An error after the connection stood: some or all of the request may have been read and executed.
pub(super) fn after_connection(error: &(dyn Error + 'static), shown: &str) -> Trouble {
    if find::<rustls::Error>(error).is_some() {
        return trouble(
            TroubleKind::Reset,
            format!("the TLS session with {shown} broke off"),
        );
    }
    if let Some(error) = find::<hyper::Error>(error) {
        if error.is_parse_too_large() {
            return trouble(
                TroubleKind::TooLarge,
                format!("the headers that {shown} sent are too large"),
            );
        }
        if error.is_parse() {
            return trouble(
                TroubleKind::Malformed,
                format!("{shown} sent an answer that is not valid HTTP"),
            );
        }
        if error.is_incomplete_message() {
            return trouble(
                TroubleKind::Reset,
                format!("{shown} ended the connection before its answer was complete"),
            );
        }
    }
    match io_kind(error) {
        Some(ErrorKind::InvalidInput | ErrorKind::InvalidData) => trouble(
            TroubleKind::Malformed,
            format!("{shown} sent an answer that is not valid HTTP"),
        ),
        Some(ErrorKind::TimedOut) => timeout(format!("{shown} did not answer in time")),
        _ => trouble(
            TroubleKind::Reset,
            format!("{shown} broke off the connection"),
        ),
    }
}

/// A trouble of kind [`TroubleKind::Timeout`].
pub(super) fn timeout(message: String) -> Trouble {
    trouble(TroubleKind::Timeout, message)
}

/// A trouble.
pub(super) fn trouble(kind: TroubleKind, message: String) -> Trouble {
    Trouble { kind, message }
}

/// The error of a type in the chain of causes.
fn find<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// What the system said.
fn io_kind(error: &(dyn Error + 'static)) -> Option<ErrorKind> {
    chain(error)
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .map(std::io::Error::kind)
        .find(|kind| *kind != ErrorKind::Other)
}

/// An error and its causes. `std::io::Error` hides what it wraps from `source`, so it is opened.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        match error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
        {
            Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}
