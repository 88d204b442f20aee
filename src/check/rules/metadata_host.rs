//! # ROT404 ip-or-metadata-host
//!
//! What it finds: a request to the metadata service of a cloud, to a link-local address, or with a secret to a public address that is written in numbers.
//!
//! ## Why it matters
//!
//! The metadata service gives the credentials of the machine to whoever asks. An address in numbers says nothing about whose it is, and changes hands.
//!
//! ## Fails
//!
//! ```rot
//! rotation r {
//!   http GET "http://169.254.169.254/latest/meta-data/" {
//!     expect status 200
//!   }
//! }
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "meta", "taskReferenceName": "meta", "type": "HTTP", "inputParameters": {
//!     "uri": "http://169.254.169.254/latest/meta-data/", "method": "GET"}}],
//!  "outputParameters": {}}
//! ```
//!
//! ## Mended
//!
//! ```rot
//! rotation r {
//!   http GET "https://api.example.com/meta-data/" {
//!     expect status 200
//!   }
//! }
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "meta", "taskReferenceName": "meta", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/meta-data/", "method": "GET"}}],
//!  "outputParameters": {}}
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};
use std::net::IpAddr;

const METADATA: [&str; 4] = ["metadata.google.internal", "metadata.azure.com", "100.100.100.200", "fd00:ec2::254"];

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for request in &cx.flow.requests {
        let Some(host) = request.target.host.as_deref() else { continue };
        let address: Option<IpAddr> = host.parse().ok();
        let message = if METADATA.contains(&host) || address.is_some_and(is_link_local) {
            format!("`{host}` is the metadata service of a cloud, or unassigned")
        } else if address.is_some_and(is_public) && !cx.carried(request).is_empty() {
            format!("a secret is sent to the address `{host}`, which does not say whose it is")
        } else {
            continue;
        };
        out.push(
            Diagnostic::new(codes::METADATA_HOST, request.http.url.at.0, message)
                .at("an address, not a name")
                .help("write the name of the service; let the operator pass credentials of the machine as secrets"),
        );
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_unspecified(),
        IpAddr::V6(v6) => v6.is_unicast_link_local() || v6.is_unspecified(),
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_private() && !v4.is_loopback() && !v4.is_documentation(),
        IpAddr::V6(v6) => !v6.is_unique_local() && !v6.is_loopback(),
    }
}
