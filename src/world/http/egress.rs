//! Which addresses may be called.

/// What kind of address it is.
pub enum AddressClass {}

/// Tells the kind.
pub fn classify_address() {}
