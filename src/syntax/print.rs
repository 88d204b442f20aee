//! x
/// x
pub fn print(_: &super::ast::Ast, _: &crate::source::SourceFile) -> String { String::new() }
