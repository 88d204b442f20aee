//! tmp
pub mod args;
/// tmp
pub fn command(_: &args::VaultArgs, _: &super::context::Context) -> crate::diagnostic::Result<()> {
    Ok(())
}
/// tmp
pub mod init {
    /// tmp
    pub fn create(_: &crate::world::World, _: &crate::vault::Paths, _: &[String]) -> crate::diagnostic::Result<Vec<String>> {
        Ok(vec![])
    }
}
/// tmp
pub mod list {
    /// tmp
    pub fn text(_: &crate::vault::Vault, _: jiff::Timestamp) -> String {
        String::new()
    }
}
