//! From names to addresses that may be called. The check sits here, in the resolver that the connector itself uses: a
//! name that answers differently the second time gains nothing.

use super::egress::{AddressClass, Egress, is_loopback_name};
use crate::world::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// Where names are looked up.
pub trait Resolver: Send + Sync {
    /// All addresses of a name.
    fn lookup<'a>(&'a self, name: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>>;
}

/// The system's resolver.
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn lookup<'a>(&'a self, name: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            Ok(tokio::net::lookup_host((name, 0))
                .await?
                .map(|address| address.ip())
                .collect())
        })
    }
}

/// Why a name has no address for us. Found again in the chain of the client's error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResolveError {
    /// No such name, or no answer.
    Unknown,
    /// It has addresses, and all of them are of a kind that is not called.
    Forbidden(AddressClass),
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ResolveError::Unknown => f.write_str("the name cannot be resolved"),
            ResolveError::Forbidden(class) => {
                write!(f, "the name resolves to {}", class.describe())
            }
        }
    }
}

impl std::error::Error for ResolveError {}

/// A resolver that answers only with what the request may reach.
pub(super) struct Guarded {
    pub(super) resolver: Arc<dyn Resolver>,
    pub(super) host: String,
    pub(super) egress: Egress,
    /// Names other than the URL's host are the proxy's, which the operator chose.
    pub(super) proxy: bool,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = Arc::clone(&self.resolver);
        let (egress, checked) = (
            self.egress,
            !self.proxy || name.as_str().eq_ignore_ascii_case(&self.host),
        );
        Box::pin(async move {
            let addresses = if is_loopback_name(name.as_str()) {
                // RFC 6761 section 6.3: never ask the network for these.
                vec![
                    IpAddr::V4(Ipv4Addr::LOCALHOST),
                    IpAddr::V6(Ipv6Addr::LOCALHOST),
                ]
            } else {
                resolver
                    .lookup(name.as_str())
                    .await
                    .map_err(|_| ResolveError::Unknown)?
            };
            let mut refused = None;
            let mut allowed = Vec::with_capacity(addresses.len());
            for address in addresses {
                match egress.check(address) {
                    Err(class) if checked => refused = Some(class),
                    _ => allowed.push(SocketAddr::new(address, 0)),
                }
            }
            if allowed.is_empty() {
                return Err(refused
                    .map_or(ResolveError::Unknown, ResolveError::Forbidden)
                    .into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
