//! 6. Where secrets rest. Knows no plan.

pub mod secret;

pub use secret::Secret;
