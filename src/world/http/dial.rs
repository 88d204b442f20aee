//! Connections of protocols other than HTTP, by the same rules: which addresses may be called, and which authorities are trusted.

use super::egress::{Egress, is_loopback_name, is_metadata_name};
use super::prepare::{forbidden, refused};
use super::resolve::{Resolver, SystemResolver};
use super::tls::Tls;
use super::{AddressClass, Limits, Trouble, TroubleKind, classify_address};
use rustls::ClientConfig;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpStream;

/// Makes connections.
pub(in crate::world) struct Dialer {
    tls: Tls,
    resolver: Arc<dyn Resolver>,
}

impl Default for Dialer {
    fn default() -> Self {
        Self {
            tls: Tls::default(),
            resolver: Arc::new(SystemResolver),
        }
    }
}

impl Dialer {
    /// A connection, with what TLS it needs: none to this machine, unless an authority is named for it.
    pub(in crate::world) async fn dial(
        &self,
        host: &str,
        port: u16,
        limits: &Limits,
    ) -> Result<(TcpStream, Option<ClientConfig>), Trouble> {
        let shown = format!("{host}:{port}");
        if is_metadata_name(host) {
            return Err(forbidden(&shown, AddressClass::Metadata));
        }
        let literal = host.parse::<IpAddr>().ok();
        let loopback = literal.map_or_else(
            || is_loopback_name(host),
            |address| classify_address(address) == AddressClass::Loopback,
        );
        let egress = Egress {
            loopback,
            private: limits.private,
        };
        let addresses = match literal {
            Some(address) => vec![address],
            None if loopback => vec![
                IpAddr::V4(Ipv4Addr::LOCALHOST),
                IpAddr::V6(Ipv6Addr::LOCALHOST),
            ],
            None => self.resolver.lookup(host).await.map_err(|_| Trouble {
                kind: TroubleKind::Dns,
                message: format!("the name of {shown} cannot be resolved"),
            })?,
        };
        let config = match loopback && limits.ca.is_empty() {
            true => None,
            false => Some(self.tls.secure(&limits.ca)?),
        };
        let mut trouble = refused(format!("{shown} has no address"));
        for address in addresses {
            if let Err(class) = egress.check(address) {
                trouble = forbidden(&shown, class);
                continue;
            }
            match TcpStream::connect(SocketAddr::new(address, port)).await {
                Ok(stream) => {
                    // Small packets go out at once; where that cannot be set they go out a little later.
                    let _slower = stream.set_nodelay(true);
                    return Ok((stream, config));
                }
                Err(_) => {
                    trouble = Trouble {
                        kind: TroubleKind::Connect,
                        message: format!("no connection to {shown}"),
                    };
                }
            }
        }
        Err(trouble)
    }
}
