//! 6. Where secrets rest. Knows no plan.

mod ancestry;
pub mod change;
mod claim;
pub mod crypt;
mod delivery;
mod derive;
pub mod document;
pub mod export;
pub mod foreign;
pub mod guard;
pub mod history;
pub mod identity;
pub mod import;
mod invariant;
pub mod merge;
pub mod name;
mod pin;
mod project;
pub mod recipient;
mod replace;
pub mod secret;
mod store;
pub mod variable;
mod wire;

pub use claim::{Claim, Overtaken};
pub use delivery::{Arrival, Behind, Delivered, Registered};
pub use document::{
    Document, NewUnkept, NewVersion, SecretEntry, State, StoredValue, Unrevoked, VersionEntry, Why,
};
pub use pin::Pin;
pub use project::Project;
pub(crate) use replace::{beside, dir_of, short_hash};
pub use secret::Secret;
pub use store::{Backup, Joined, Paths, Vault, armor};
