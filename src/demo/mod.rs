//! What `rot demo` shows, without a network: a token issuer on the loopback interface, with real semantics.
//!
//! It is in the library because the program and the tests speak to the same one, and both only over TCP.

pub mod issuer;
