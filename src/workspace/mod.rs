//! A project's files and what is found in them: the room that command line and editor share, so that they cannot differ.
//!
//! | module | what |
//! | --- | --- |
//! | [`texts`] | where texts come from: the disk, or what an editor holds over it |
//! | [`files`] | files that people wrote and read |
//! | [`inputs`] | which files are meant |
//! | [`config`] | `rot.toml` |
//! | [`load`] | a file and what it uses → a checked plan |
//! | [`gather`] | many files at once |
//! | [`project`] | many texts that change, and what is still true of them |
//! | [`shared`] | rotations of one name in several files |
//! | [`names`] | definitions and uses across files, renaming |
//! | [`suppress`] | what people decided about findings |
//! | [`fix`] | the edits of findings, applied until nothing is left to mend |
//! | [`baseline`] | known findings |
//! | [`diff`] | two texts compared |

pub mod baseline;
pub mod config;
pub mod diff;
pub mod files;
pub mod fix;
pub mod gather;
pub mod inputs;
pub mod load;
pub mod names;
pub mod project;
pub mod shared;
pub mod suppress;
pub mod texts;
mod torn;

use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FileId, SourceFile, SourceMap, Span};
use std::cell::RefCell;
use std::collections::HashMap;

/// What the front ends and the checker do for a user of this room.
pub struct FrontEnds<'a> {
    /// All findings in one text, with the texts that they point into: the text itself, and those that it uses.
    pub analyse: &'a (dyn Fn(&SourceFile) -> (SourceMap, Vec<Diagnostic>) + Sync),
    /// Reads a JSON text once, to name places in it by JSON Pointer; `None` for what is not JSON.
    pub pointers: &'a dyn Fn(FileId, &SourceFile) -> Option<Pointers>,
    /// The pages of the rules, for the formats that carry them.
    pub pages: &'a dyn Fn() -> Vec<(Code, &'static str)>,
    /// The day that suppressions are measured by.
    pub today: jiff::civil::Date,
}

/// Names places of one JSON text by JSON Pointer.
pub type Pointers = Box<dyn Fn(Span) -> Option<String>>;

/// Places of JSON texts as pointers; each text is read once, when it is asked for.
pub fn pointer<'s>(
    sources: &'s SourceMap,
    pointers: &'s dyn Fn(FileId, &SourceFile) -> Option<Pointers>,
) -> impl Fn(Span) -> Option<String> + 's {
    let read: RefCell<HashMap<FileId, Option<Pointers>>> = RefCell::default();
    move |span: Span| {
        let file = sources.get(span.file)?;
        let mut read = read.borrow_mut();
        read.entry(span.file)
            .or_insert_with(|| pointers(span.file, file))
            .as_ref()
            .and_then(|name| name(span))
    }
}
