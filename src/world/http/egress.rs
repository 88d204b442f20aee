//! Which addresses may be called. The table is applied to literals in the URL and to every address that a name resolves
//! to, so that the address that was checked is the one that is used.
//!
//! Source: the IANA special-purpose registries (RFC 6890 and successors), and the fixed addresses of cloud metadata
//! services. A literal in an odd spelling (`0x7f.1`, `2130706433`) is normalised by the URL parser before it comes here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of address it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressClass {
    /// Reachable from everywhere.
    Global,
    /// This machine.
    Loopback,
    /// A network of the organisation: RFC 1918, carrier-grade NAT, unique local.
    Private,
    /// This link only: 169.254/16, fe80::/10.
    LinkLocal,
    /// A cloud's metadata service, which hands out credentials to anything on the machine.
    Metadata,
    /// A group of machines.
    Multicast,
    /// No address; many systems take it for this machine.
    Unspecified,
    /// Everybody on the link.
    Broadcast,
    /// Documentation, benchmarks, future use, and translated or tunnelled forms that hide another address.
    Reserved,
}

impl AddressClass {
    /// For messages: `a link-local address`.
    pub fn describe(self) -> &'static str {
        match self {
            AddressClass::Global => "a public address",
            AddressClass::Loopback => "an address of this machine",
            AddressClass::Private => "a private address",
            AddressClass::LinkLocal => "a link-local address",
            AddressClass::Metadata => "a cloud metadata address",
            AddressClass::Multicast => "a multicast address",
            AddressClass::Unspecified => "the unspecified address",
            AddressClass::Broadcast => "a broadcast address",
            AddressClass::Reserved => "a reserved address",
        }
    }
}

/// Tells the kind.
pub fn classify_address(address: IpAddr) -> AddressClass {
    match address {
        IpAddr::V4(v4) => classify_v4(v4),
        IpAddr::V6(v6) => classify_v6(v6),
    }
}

fn classify_v4(address: Ipv4Addr) -> AddressClass {
    let [a, b, c, d] = address.octets();
    match (a, b, c, d) {
        (0, ..) => AddressClass::Unspecified,
        (127, ..) => AddressClass::Loopback,
        // Alibaba Cloud, Oracle Cloud at its old place, Azure's host agent: the three outside 169.254/16.
        (100, 100, 100, 200) | (192, 0, 0, 192) | (168, 63, 129, 16) => AddressClass::Metadata,
        (169, 254, 169, 254) | (169, 254, 170, 2 | 23) => AddressClass::Metadata,
        (169, 254, ..) => AddressClass::LinkLocal,
        (10, ..) | (172, 16..=31, ..) | (192, 168, ..) | (100, 64..=127, ..) => {
            AddressClass::Private
        }
        (198, 18..=19, ..) => AddressClass::Private,
        (192, 0, 0 | 2, _) | (198, 51, 100, _) | (203, 0, 113, _) | (192, 88, 99, _) => {
            AddressClass::Reserved
        }
        (224..=239, ..) => AddressClass::Multicast,
        (255, 255, 255, 255) => AddressClass::Broadcast,
        (240.., ..) => AddressClass::Reserved,
        _ => AddressClass::Global,
    }
}

fn classify_v6(address: Ipv6Addr) -> AddressClass {
    let s = address.segments();
    match s {
        [0, 0, 0, 0, 0, 0, 0, 0] => AddressClass::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressClass::Loopback,
        [0, 0, 0, 0, 0, 0xffff, high, low] => classify_v4(joined(high, low)),
        // IPv4-compatible (deprecated), IPv4-translated, 6to4: nobody needs them, so even a public address inside is refused.
        [0, 0, 0, 0, 0, 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x2002, high, low, ..] => hidden(joined(high, low), AddressClass::Reserved),
        // NAT64 is how a network without IPv4 reaches public IPv4 addresses.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => hidden(joined(high, low), AddressClass::Global),
        [0x64, 0xff9b, 1, ..] => AddressClass::Reserved,
        // AWS and GCP.
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] => {
            AddressClass::Metadata
        }
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => AddressClass::Private,
        [0xfe80..=0xfebf, ..] => AddressClass::LinkLocal,
        [0xff00..=0xffff, ..] => AddressClass::Multicast,
        // Teredo, benchmarks, ORCHID and the rest of the protocol block; documentation; discard.
        [0x2001, 0..=0x1ff, ..]
        | [0x2001, 0xdb8, ..]
        | [0x3fff, 0..=0xfff, ..]
        | [0x100, 0, 0, ..] => AddressClass::Reserved,
        [0x2000..=0x3fff, ..] => AddressClass::Global,
        _ => AddressClass::Reserved,
    }
}

fn joined(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

/// The class of a form that carries an IPv4 address: a forbidden one stays what it is; one that is only sometimes fine
/// (loopback, private) is not fine in disguise.
fn hidden(inner: Ipv4Addr, public: AddressClass) -> AddressClass {
    match classify_v4(inner) {
        AddressClass::Global => public,
        AddressClass::Loopback | AddressClass::Private => AddressClass::Reserved,
        class => class,
    }
}

/// Names under which clouds serve their metadata.
const METADATA_NAMES: [&str; 6] = [
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "metadata.azure.internal",
    "instance-data",
    "instance-data.ec2.internal",
];

/// Whether a host name (lower case, as the URL parser leaves it) is one of a metadata service.
pub(super) fn is_metadata_name(host: &str) -> bool {
    METADATA_NAMES.contains(&host.trim_end_matches('.'))
}

/// Whether a host name means this machine by RFC 6761, whatever a resolver says.
pub(super) fn is_loopback_name(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    host == "localhost" || host.ends_with(".localhost")
}

/// What one request may reach.
#[derive(Debug, Clone, Copy)]
pub(super) struct Egress {
    /// The URL names this machine.
    pub(super) loopback: bool,
    /// Private addresses are fine.
    pub(super) private: bool,
}

impl Egress {
    /// Whether `address` may be called; if not, what it is.
    pub(super) fn check(self, address: IpAddr) -> Result<(), AddressClass> {
        let class = classify_address(address);
        let fine = match class {
            AddressClass::Global => !self.loopback,
            AddressClass::Loopback => self.loopback,
            AddressClass::Private => self.private && !self.loopback,
            _ => false,
        };
        if fine { Ok(()) } else { Err(class) }
    }
}
