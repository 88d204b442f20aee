//! `rot fmt`: one canonical layout. A file with a syntax error is left as it is.

use super::args::FmtArgs;
use super::context::Context;
use super::files;
use super::inputs::{self, Wanted};
use crate::diagnostic::{Diagnostic, Error, Failure, Severity, codes};
use crate::report::findings::counted;
use crate::report::visible;
use crate::source::{FileId, SourceFile};

/// Lays a text out: the new text, and what is wrong with the old one.
pub type Layout<'a> = &'a dyn Fn(FileId, &SourceFile) -> (String, Vec<Diagnostic>);

/// Runs the command.
pub fn run(args: &FmtArgs, context: &Context, layout: Layout<'_>) -> Result<(), Error> {
    let inputs = inputs::collect(&args.paths, None, Wanted::Rot);
    if inputs.is_empty() {
        let error = Error::plain(
            Failure::NoInputs,
            codes::UNREADABLE_INPUT,
            "there is nothing to format: no `.rot` file was found",
        );
        return Err(error.help("name files or folders"));
    }
    let (mut changed, mut same) = (0, 0);
    let mut wrong: Vec<Diagnostic> = Vec::new();
    for input in &inputs {
        let id = context.add_source(input.file.clone());
        if let Some(problem) = input.unreadable(id) {
            wrong.push(problem);
            continue;
        }
        let (text, found) = layout(id, &input.file);
        if found.iter().any(|d| d.severity == Severity::Error) {
            wrong.extend(found.into_iter().filter(|d| d.severity == Severity::Error));
            continue;
        }
        let differs = text != input.file.text();
        if differs {
            changed += 1
        } else {
            same += 1
        }
        match &input.path {
            _ if args.check => {
                if differs {
                    context
                        .out
                        .stdout(&format!("{}\n", visible(input.file.name())));
                }
            }
            None => context.out.stdout(&text),
            Some(path) if differs => {
                if let Err(error) = files::replace(path, &text) {
                    let message = format!(
                        "cannot write `{}`: {}",
                        input.file.name(),
                        crate::diagnostic::why(&error)
                    );
                    wrong.push(Diagnostic::new(
                        codes::UNREADABLE_INPUT,
                        crate::source::Span::NONE,
                        message,
                    ));
                }
            }
            Some(_) => {}
        }
    }
    let words = if args.check {
        "would change"
    } else {
        "formatted"
    };
    if inputs.iter().any(|i| i.path.is_some()) || args.check {
        context.out.info(&format!(
            "{words} {}, {same} unchanged",
            counted(changed, "file")
        ));
    }
    if !wrong.is_empty() {
        return Err(Error {
            failure: Failure::Usage,
            diagnostics: wrong,
        });
    }
    if args.check && changed > 0 {
        return Err(Error {
            failure: Failure::Findings,
            diagnostics: Vec::new(),
        });
    }
    Ok(())
}
