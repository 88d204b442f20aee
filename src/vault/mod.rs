//! 6. Where secrets rest. Knows no plan.

pub mod change;
pub mod crypt;
mod derive;
pub mod document;
pub mod export;
pub mod history;
pub mod identity;
mod invariant;
pub mod name;
mod pin;
pub mod recipient;
mod replace;
pub mod secret;
mod store;
mod wire;

pub use document::{Document, NewVersion, SecretEntry, State, StoredValue, VersionEntry};
pub use secret::Secret;
pub use store::{Backup, Paths, Vault, armor};
