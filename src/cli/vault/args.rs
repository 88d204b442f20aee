//! Arguments of `rot vault`.

/// Arguments of `rot vault`.
#[derive(Debug, clap::Args)]
pub struct VaultArgs {}
