//! The parser that pest makes of `grammar/template.pest`.
#![allow(missing_docs)]

#[derive(pest_derive::Parser)]
#[grammar = "../grammar/template.pest"]
pub(super) struct TemplateGrammar;
