//! `rot check`: reads inputs, has them analysed in parallel, and reports what was found.

use super::args::{CheckArgs, FailOn};
use super::config::Config;
use super::context::Context;
use super::files;
use super::inputs::{self, Input, Wanted};
use super::suppress;
use crate::diagnostic::{Code, Diagnostic, Error, Failure, Severity, codes};
use crate::report::findings::counted;
use crate::report::{Format, RenderOptions, Report, Request};
use crate::source::{FileId, SourceFile, SourceMap, Span};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the front ends and the checker do for this command.
pub struct FrontEnds<'a> {
    /// All findings in one text, with the texts that they point into: the text itself, and those that it uses.
    pub analyse: &'a (dyn Fn(&SourceFile) -> (SourceMap, Vec<Diagnostic>) + Sync),
    /// Reads a JSON text once, to name places in it by JSON Pointer; `None` for what is not JSON.
    pub pointers: &'a dyn Fn(FileId, &SourceFile) -> Option<Pointers>,
    /// The pages of the rules.
    pub pages: &'a [(Code, &'a str)],
    /// The day that suppressions are measured by.
    pub today: jiff::civil::Date,
}

/// Names places of one JSON text by JSON Pointer.
pub type Pointers = Box<dyn Fn(Span) -> Option<String>>;

/// Runs the command.
pub fn run(args: &CheckArgs, context: &Context, config: &Config, ends: &FrontEnds<'_>) -> Result<(), Error> {
    let requests = requests(&args.report)?;
    let inputs = inputs::collect(&args.paths, args.stdin_path.as_deref(), Wanted::Sources);
    if inputs.is_empty() {
        let message = "there is nothing to check: no `.rot` file and no Conductor JSON was found";
        let error = Error::plain(Failure::NoInputs, codes::UNREADABLE_INPUT, message);
        return Err(error.help("name files or folders, or write a first rotation with `rot init`"));
    }
    let mut gathered = Gathered::default();
    // The settings come first, so that what is said about them has a text to point into.
    for (_, file) in context.sources().files() {
        gathered.add(file);
    }
    let mut blocked = false;
    context.out.progress(&format!("checking {}", counted(inputs.len(), "file")));
    let analysed = analyse(&inputs, ends);
    context.out.progress("");
    for (input, (sources, found)) in inputs.iter().zip(analysed) {
        blocked |= input.named && input.problem.is_some();
        gathered.absorb(&sources, found);
    }
    let Gathered { sources, found, .. } = gathered;
    let read: RefCell<HashMap<FileId, Option<Pointers>>> = RefCell::default();
    let pointer = |span: Span| {
        let file = sources.get(span.file)?;
        let mut read = read.borrow_mut();
        read.entry(span.file).or_insert_with(|| (ends.pointers)(span.file, file)).as_ref().and_then(|name| name(span))
    };
    let found = suppress::apply(config, found, &sources, &pointer, &context.cwd, ends.today);
    let report = Report::new(&sources, found).pointers(&pointer).pages(ends.pages);
    for request in &requests {
        emit(request, &report, context)?;
    }
    let read = inputs.iter().filter(|i| i.problem.is_none()).count();
    context.out.info(&format!("checked {}: {}", counted(read, "file"), report.summary()));
    let fail_on = args.fail_on.map(weight).or(config.fail_on).unwrap_or(Severity::Error);
    let failure = if blocked {
        Failure::Usage
    } else if report.diagnostics.iter().any(|d| d.severity >= fail_on) {
        Failure::Findings
    } else {
        return Ok(());
    };
    Err(Error { failure, diagnostics: Vec::new() })
}

fn weight(fail_on: FailOn) -> Severity {
    match fail_on {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
        FailOn::Note => Severity::Note,
    }
}

/// Text on standard output unless something else is asked for; two forms cannot share it.
fn requests(asked: &[Request]) -> Result<Vec<Request>, Error> {
    if asked.iter().filter(|r| r.file.is_none()).count() > 1 {
        let error = Error::plain(Failure::Usage, codes::USAGE, "only one report can go to standard output");
        return Err(error.help("give the others a file: `--report sarif=FILE`"));
    }
    let text = Request { format: Format::Text, file: None };
    Ok(if asked.is_empty() { vec![text] } else { asked.to_vec() })
}

fn emit(request: &Request, report: &Report<'_>, context: &Context) -> Result<(), Error> {
    let Some(path) = &request.file else {
        context.out.stdout(&request.format.write(report, context.out.settings().drawing_out()));
        return Ok(());
    };
    let text = request.format.write(report, RenderOptions::default());
    let text = context.out.redactor().redact(&text);
    files::replace(path, &text).map_err(|error| {
        let message = format!("cannot write the report `{}`: {}", path.display(), error.kind());
        Error::plain(Failure::Usage, codes::USAGE, message).help("check that its folder exists and can be written to")
    })
}

type Analysed = (SourceMap, Vec<Diagnostic>);

/// Analyses all inputs on all cores; the results stand in the order of the inputs.
fn analyse(inputs: &[Input], ends: &FrontEnds<'_>) -> Vec<Analysed> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Analysed>> = inputs.iter().map(|_| Mutex::default()).collect();
    let work_on = ends.analyse;
    let work = || {
        while let Some((input, slot)) = {
            let i = next.fetch_add(1, Ordering::Relaxed);
            inputs.get(i).zip(results.get(i))
        } {
            let done = match input.problem {
                None => work_on(&input.file),
                Some(_) => {
                    let mut sources = SourceMap::new();
                    let id = sources.add(input.file.clone());
                    (sources, input.unreadable(id).into_iter().collect())
                }
            };
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = done;
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get()).min(inputs.len());
    if threads <= 1 {
        work();
    } else {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(work);
            }
        });
    }
    results.into_iter().map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

/// The findings of all inputs over one map of texts. A file that several inputs use is one file, and what is wrong in
/// it is said once.
#[derive(Default)]
struct Gathered {
    sources: SourceMap,
    found: Vec<Diagnostic>,
    ids: HashMap<(String, usize), FileId>,
    said: HashSet<(FileId, u32, u32, Code, String)>,
}

impl Gathered {
    fn add(&mut self, file: &SourceFile) -> FileId {
        let key = (file.name().to_owned(), file.text().len());
        let known = self.ids.get(&key).copied().filter(|id| self.sources.get(*id).is_some_and(|f| f.text() == file.text()));
        known.unwrap_or_else(|| {
            let id = self.sources.add(file.clone());
            self.ids.insert(key, id);
            id
        })
    }

    fn absorb(&mut self, sources: &SourceMap, found: Vec<Diagnostic>) {
        let ids: Vec<FileId> = sources.files().map(|(_, file)| self.add(file)).collect();
        for mut one in found {
            for_each_span(&mut one, &mut |span| span.file = ids.get(span.file.index()).copied().unwrap_or(FileId::NONE));
            let span = one.span();
            if self.said.insert((span.file, span.start, span.end, one.code, one.message.clone())) {
                self.found.push(one);
            }
        }
    }
}

fn for_each_span(one: &mut Diagnostic, change: &mut dyn FnMut(&mut Span)) {
    change(&mut one.primary.span);
    one.labels.iter_mut().chain(&mut one.flow).for_each(|l| change(&mut l.span));
    one.fixes.iter_mut().flat_map(|f| &mut f.edits).for_each(|e| change(&mut e.span));
    one.redact.iter_mut().for_each(change);
}
