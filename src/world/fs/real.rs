//! The real file system.

/// The real file system.
pub struct RealFs;
