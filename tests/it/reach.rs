//! Protocols beyond plain HTTP: signatures, programs, SQL, Redis. Against real servers where the machine has them; a test
//! that lacks one says so by name.

mod exec;
mod hashes;
mod jwt;
mod mysql;
mod postgres;
mod redis;
mod refused;
pub mod servers;
pub mod signing;
mod trials;
