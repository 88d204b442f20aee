//! The grammar of `.rot` files for the tree-sitter library, with its queries.

use tree_sitter_language::LanguageFn;

unsafe extern "C" {
    fn tree_sitter_rot() -> *const ();
}

/// The grammar.
// SAFETY: the function is the one that the generated parser defines for this purpose.
pub const LANGUAGE: LanguageFn = unsafe { LanguageFn::from_raw(tree_sitter_rot) };

/// Colours.
pub const HIGHLIGHTS_QUERY: &str = include_str!("../../queries/highlights.scm");
/// What can be folded.
pub const FOLDS_QUERY: &str = include_str!("../../queries/folds.scm");
/// Indentation.
pub const INDENTS_QUERY: &str = include_str!("../../queries/indents.scm");
/// Other languages inside.
pub const INJECTIONS_QUERY: &str = include_str!("../../queries/injections.scm");
/// What is defined and used.
pub const TAGS_QUERY: &str = include_str!("../../queries/tags.scm");
