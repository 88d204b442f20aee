//! What a service manager is told, as `sd_notify(3)` has it: a datagram to the socket that it names.

use std::io;

/// The variable in which a service manager names its socket.
pub const SOCKET: &str = "NOTIFY_SOCKET";
/// The variable with the microseconds after which a silent process counts as hung.
pub const WATCHDOG: &str = "WATCHDOG_USEC";

/// Sends `text` to `socket`: a path, or a name behind `@` in the abstract namespace.
///
/// # Errors
/// What the system says: nobody listens, or there are no such sockets here.
#[cfg(target_os = "linux")]
pub fn send(socket: &str, text: &str) -> io::Result<()> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    let own = UnixDatagram::unbound()?;
    let address = match socket.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    own.send_to_addr(text.as_bytes(), &address).map(drop)
}

/// No service manager of another system speaks this.
#[cfg(not(target_os = "linux"))]
pub fn send(_socket: &str, _text: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
