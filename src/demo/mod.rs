//! The built-in loopback issuer of `rot demo` and of the tests.
