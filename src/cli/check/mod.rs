//! `rot check`: reads inputs, has them analysed in parallel, and reports what was found.

pub mod flows;
pub mod watch;

pub use crate::workspace::{FrontEnds, Pointers, diff, fix, pointer};

use super::args::{CheckArgs, FailOn, Which};
use super::config::Config;
use super::context::Context;
use super::files;
use super::inputs::{self, Input, Wanted};
use super::suppress::{self, Setting};
use crate::diagnostic::{Code, Concern, Diagnostic, Error, Failure, Severity, codes};
use crate::report::findings::counted;
use crate::report::{Format, RenderOptions, Report, Request};
use crate::source::{FileId, SourceFile};
use crate::workspace::baseline::{self, Baseline};
use crate::workspace::fix::Judged;
use crate::workspace::gather::{self, Gathered};
use crate::workspace::shared;
use std::collections::HashSet;
use std::path::PathBuf;

/// What one pass over the inputs came to.
pub struct Pass {
    /// Why the exit code is not 0.
    pub failure: Option<Failure>,
    /// The findings that were reported: file, code, message.
    pub said: Vec<(String, Code, String)>,
    /// The texts that were read.
    pub files: Vec<PathBuf>,
}

impl Pass {
    /// The end of a command that made one pass; everything was printed.
    pub fn result(self) -> Result<(), Error> {
        self.failure.map_or(Ok(()), |failure| {
            Err(Error {
                failure,
                diagnostics: Vec::new(),
            })
        })
    }
}

/// Runs the command once.
pub fn run(
    args: &CheckArgs,
    context: &Context,
    config: &Config,
    ends: &FrontEnds<'_>,
) -> Result<(), Error> {
    end(once(args, context, config, ends)?, args, context)
}

/// The end of a check that is made once: how to begin, where much was found and nothing was decided yet, and the exit code.
pub fn end(pass: Pass, args: &CheckArgs, context: &Context) -> Result<(), Error> {
    let decided = args.baseline.is_some() || args.write_baseline.is_some();
    if pass.said.len() >= MANY && !decided && args.fix.is_none() && !args.diff {
        context.out.info(
            "to begin with what is there, `rot check --write-baseline rot-baseline.json …` writes it down; with \
             `--baseline rot-baseline.json` only what is new counts",
        );
    }
    pass.result()
}

/// From how many findings on a way to begin is told: nobody mends so many before the first green run.
const MANY: usize = 25;

/// One pass: read, mend, analyse, report.
pub fn once(
    args: &CheckArgs,
    context: &Context,
    config: &Config,
    ends: &FrontEnds<'_>,
) -> Result<Pass, Error> {
    let requests = requests(args)?;
    let mut inputs = inputs::collect(&args.paths, args.stdin_path.as_deref(), Wanted::Sources);
    if inputs.is_empty() {
        let message = "there is nothing to check: no `.rot` file and no Conductor JSON was found";
        let error = Error::plain(Failure::NoInputs, codes::UNREADABLE_INPUT, message);
        return Err(error.help("name files or folders, or write a first rotation with `rot init`"));
    }
    context
        .out
        .progress(&format!("checking {}", counted(inputs.len(), "file")));
    let mended = mend(args, &mut inputs, context, config, ends)?;
    let mut gathered = Gathered::default();
    // The settings come first, so that what is said about them has a text to point into.
    for (_, file) in context.sources().files() {
        gathered.add(file);
    }
    let mut blocked = false;
    let mut own = HashSet::new();
    for (input, (sources, found)) in inputs.iter().zip(gather::analyse(&inputs, ends)) {
        blocked |= input.named && input.problem.is_some();
        gathered.absorb(&sources, found);
        own.insert(gathered.add(&input.file));
    }
    let shared = shared::findings(&inputs, &mut |file| gathered.add(file));
    gathered.found.extend(shared);
    let checked = |id: FileId| own.contains(&id);
    let Gathered {
        mut sources, found, ..
    } = gathered;
    let known = args
        .baseline
        .as_ref()
        .map(|path| Baseline::read(path, &context.cwd, &mut sources))
        .transpose()?;
    context.out.progress("");
    let pointer = pointer(&sources, ends.pointers);
    let strict = config.strict();
    let setting = Setting {
        config: if args.strict { &strict } else { config },
        sources: &sources,
        pointer: &pointer,
        cwd: &context.cwd,
        today: ends.today,
        checked: &checked,
    };
    let mut outcome = suppress::apply(found, &setting);
    let elsewhere = judge(&mut outcome.kept, args);
    let mut report = Report::new(&sources, outcome.kept).pointers(&pointer);
    let mut tally = Tally {
        suppressed: outcome.suppressed,
        off: setting
            .config
            .severity
            .values()
            .filter(|s| s.is_none())
            .count(),
        fixed: mended.fixed,
        elsewhere,
        ..Tally::default()
    };
    if let Some(known) = known {
        tally.known = known.apply(&mut report, &context.cwd, &checked);
    }
    if let Some(path) = &args.write_baseline {
        tally.known = write_baseline(path, &mut report, context)?;
    }
    if requests.iter().any(|r| r.format == Format::Sarif) {
        report = report.pages((ends.pages)());
    }
    for request in requests.iter().filter(|r| !args.diff || r.file.is_some()) {
        emit(request, &report, context)?;
    }
    if args.diff {
        let blanks = &report.blanks;
        mended
            .diffs
            .iter()
            .for_each(|diff| context.out.stdout(&blanks.clean(FileId::NONE, diff)));
    }
    if args.fix.is_none() && !args.diff {
        let (safe, other): (Vec<_>, Vec<_>) = report
            .diagnostics
            .iter()
            .filter(|d| !d.fixes.is_empty())
            .partition(|d| d.fixes.iter().any(|f| f.safe));
        (tally.fixable, tally.fixable_unsafely) = (safe.len(), other.len());
    }
    let read = inputs.iter().filter(|i| i.problem.is_none()).count();
    context.out.info(&format!(
        "checked {}: {}{}",
        counted(read, "file"),
        report.summary(),
        tally.text(args.diff)
    ));
    let fail_on = args
        .fail_on
        .map(weight)
        .or(config.fail_on)
        .unwrap_or(Severity::Error);
    let failure = if blocked {
        Some(Failure::Usage)
    } else {
        let fails =
            !mended.diffs.is_empty() || report.diagnostics.iter().any(|d| d.severity >= fail_on);
        fails.then_some(Failure::Findings)
    };
    let name = |d: &Diagnostic| {
        sources
            .get(d.span().file)
            .map_or(String::new(), |file| file.name().to_owned())
    };
    let said = report
        .diagnostics
        .iter()
        .map(|d| (name(d), d.code, d.message.clone()))
        .collect();
    let files = sources
        .files()
        .map(|(_, f)| PathBuf::from(f.name()))
        .collect();
    Ok(Pass {
        failure,
        said,
        files,
    })
}

/// What happened beside the findings.
#[derive(Default)]
struct Tally {
    suppressed: usize,
    /// Rules that the settings turn off.
    off: usize,
    known: usize,
    fixed: usize,
    /// Findings with a fix that `--fix` tries.
    fixable: usize,
    /// Findings with only such fixes as `--fix=unsafe` tries.
    fixable_unsafely: usize,
    /// Tasks that a server runs and this program does not.
    elsewhere: usize,
}

/// Judges findings for whom they concern: what only keeps a text from running here is counted and left out unless it is asked
/// for.
fn judge(found: &mut Vec<Diagnostic>, args: &CheckArgs) -> usize {
    for one in found.iter_mut() {
        match one.concern {
            Concern::Here if args.here => one.severity = Severity::Error,
            Concern::Complete if args.complete => one.severity = Severity::Error,
            Concern::Text | Concern::Here | Concern::Complete => {}
        }
    }
    if args.here {
        return 0;
    }
    let mut places = HashSet::new();
    found.retain(|one| {
        let here = one.concern == Concern::Here;
        if here {
            places.insert((one.span().file, one.span().start));
        }
        !here
    });
    places.len()
}

impl Tally {
    fn text(&self, only_shown: bool) -> String {
        let fixed = if only_shown {
            "could be fixed"
        } else {
            "fixed"
        };
        let parts = [
            (self.suppressed, "suppressed"),
            (
                self.off,
                if self.off == 1 {
                    "rule turned off"
                } else {
                    "rules turned off"
                },
            ),
            (self.known, "in the baseline"),
            (self.fixed, fixed),
            (self.fixable, "can be fixed with `--fix`"),
            (self.fixable_unsafely, "can be fixed with `--fix=unsafe`"),
        ];
        parts
            .iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, what)| format!("{n} {what}"))
            .chain(self.elsewhere_text())
            .enumerate()
            .map(|(i, part)| format!("{} {part}", if i == 0 { ";" } else { "," }))
            .collect()
    }

    fn elsewhere_text(&self) -> Option<String> {
        match self.elsewhere {
            0 => None,
            1 => Some("1 task runs on a server only".to_owned()),
            n => Some(format!("{n} tasks run on a server only")),
        }
    }
}

/// What `--fix` changed, or would.
#[derive(Default)]
struct Changes {
    fixed: usize,
    diffs: Vec<String>,
}

/// Mends the inputs, on disk too unless only the difference is asked for.
fn mend(
    args: &CheckArgs,
    inputs: &mut [Input],
    context: &Context,
    config: &Config,
    ends: &FrontEnds<'_>,
) -> Result<Changes, Error> {
    let mut changes = Changes::default();
    if args.fix.is_none() && !args.diff {
        return Ok(changes);
    }
    for input in inputs.iter_mut().filter(|i| i.problem.is_none()) {
        let unsafe_too = args.fix == Some(Which::Unsafe);
        let name = input.file.name().to_owned();
        let judged = Judged {
            ends,
            config,
            cwd: &context.cwd,
        };
        let Some(mended) = fix::whole(&input.file, unsafe_too, &judged) else {
            continue;
        };
        changes.fixed += mended.fixed;
        if args.diff {
            changes
                .diffs
                .push(diff::unified(&name, input.file.text(), &mended.text));
            continue;
        }
        let Some(path) = &input.path else {
            let error = Error::plain(
                Failure::Usage,
                codes::USAGE,
                "standard input cannot be fixed in place",
            );
            return Err(error.help("`--diff` shows what would change"));
        };
        files::replace(path, &mended.text).map_err(|error| {
            let message = format!("cannot write `{name}`: {}", crate::diagnostic::why(&error));
            Error::plain(Failure::Usage, codes::STORAGE_FAILED, message)
                .help("nothing of it was changed; check that it can be written to")
        })?;
        input.file = SourceFile::new(name, mended.text);
    }
    Ok(changes)
}

/// Writes the findings away and takes them out of the report.
fn write_baseline(
    path: &std::path::Path,
    report: &mut Report<'_>,
    context: &Context,
) -> Result<usize, Error> {
    let (text, count) = baseline::text(report, path, &context.cwd);
    files::write_report(path, &context.out.redactor().redact(&text))
        .map_err(|error| unwritable("the baseline", path, &error))?;
    report
        .diagnostics
        .retain(|d| !d.code.may_be_turned_off() || !d.span().is_some());
    Ok(count)
}

fn weight(fail_on: FailOn) -> Severity {
    match fail_on {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
        FailOn::Note => Severity::Note,
    }
}

/// Text on standard output unless something else is asked for; two forms cannot share it.
fn requests(args: &CheckArgs) -> Result<Vec<Request>, Error> {
    let asked = &args.report;
    if asked.iter().filter(|r| r.file.is_none()).count() > 1 {
        let error = Error::plain(
            Failure::Usage,
            codes::USAGE,
            "only one report can go to standard output",
        );
        return Err(error.help("give the others a file: `--report sarif=FILE`"));
    }
    let text = Request {
        format: Format::Text,
        file: None,
    };
    Ok(if asked.is_empty() {
        vec![text]
    } else {
        asked.clone()
    })
}

fn emit(request: &Request, report: &Report<'_>, context: &Context) -> Result<(), Error> {
    let Some(path) = &request.file else {
        context.out.stdout(
            &request
                .format
                .write(report, context.out.settings().drawing_out()),
        );
        return Ok(());
    };
    let text = request.format.write(report, RenderOptions::default());
    let text = context.out.redactor().redact(&text);
    files::write_report(path, &text).map_err(|error| unwritable("the report", path, &error))
}

fn unwritable(what: &str, path: &std::path::Path, error: &std::io::Error) -> Error {
    // What is wrapped is a word of ours; what the system says is told by its kind.
    let why = error.get_ref().map_or_else(
        || crate::diagnostic::why(error).to_owned(),
        ToString::to_string,
    );
    let message = format!("cannot write {what} `{}`: {why}", path.display());
    Error::plain(Failure::Usage, codes::USAGE, message)
        .help("check that its folder exists and can be written to")
}
