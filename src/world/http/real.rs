//! The real client.

/// The real client.
pub struct RealHttp;
