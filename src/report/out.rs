//! The one sink: nothing reaches standard output or standard error but through [`Out`], and so through the redactor.
//!
//! Writing never panics. A closed pipe (`rot … | head`) ends the output quietly and not the run: a rotation must not
//! stop half-way because nobody reads on. Any other failure is remembered and turns into an exit code at the end.

use super::redact::{Redactor, visible};
use super::render::RenderOptions;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorChoice {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// With colours.
    Always,
    /// Without.
    Never,
}

/// What is known about the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// `-q`: findings, results and errors only.
    pub quiet: bool,
    /// Number of `-v`.
    pub verbose: u8,
    /// Colours on standard output.
    pub color_out: bool,
    /// Colours on standard error.
    pub color_err: bool,
    /// Whether standard error is a terminal that can redraw a line.
    pub terminal: bool,
    /// Columns of the terminal; 100 where there is none.
    pub width: usize,
    /// Whether the locale can show more than ASCII.
    pub unicode: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            quiet: false,
            verbose: 0,
            color_out: false,
            color_err: false,
            terminal: false,
            width: 100,
            unicode: true,
        }
    }
}

impl Settings {
    /// Looks at the streams of this process and, through `var`, at its environment.
    pub fn detect(
        choice: ColorChoice,
        quiet: bool,
        verbose: u8,
        var: &dyn Fn(&str) -> Option<String>,
    ) -> Self {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let size = rustix::termios::tcgetwinsize(io::stderr())
            .or_else(|_| rustix::termios::tcgetwinsize(io::stdout()));
        let width = size.map_or(0, |s| usize::from(s.ws_col));
        Self {
            quiet,
            verbose,
            color_out: color(choice, out, var),
            color_err: color(choice, err, var),
            terminal: err && var("TERM").is_none_or(|t| t != "dumb"),
            width: if width == 0 { 100 } else { width.min(140) },
            unicode: unicode(var),
        }
    }

    /// How to draw for standard output.
    pub fn drawing_out(&self) -> RenderOptions {
        RenderOptions {
            color: self.color_out,
            width: self.width,
            unicode: self.unicode,
        }
    }

    /// How to draw for standard error.
    pub fn drawing_err(&self) -> RenderOptions {
        RenderOptions {
            color: self.color_err,
            ..self.drawing_out()
        }
    }
}

/// The choice, else `NO_COLOR` (no-color.org), else `CLICOLOR_FORCE`, else whether it is a terminal that has colours.
pub fn color(choice: ColorChoice, terminal: bool, var: &dyn Fn(&str) -> Option<String>) -> bool {
    let set = |name: &str| var(name).filter(|v| !v.is_empty());
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if set("NO_COLOR").is_some() => false,
        ColorChoice::Auto if set("CLICOLOR_FORCE").is_some_and(|v| v != "0") => true,
        ColorChoice::Auto => terminal && var("TERM").is_none_or(|t| t != "dumb"),
    }
}

/// The locale as the C library picks it; an unset one says nothing, and UTF-8 is the rule today.
fn unicode(var: &dyn Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| var(name).filter(|v| !v.is_empty()));
    locale.is_none_or(|l| l.to_ascii_lowercase().replace('-', "").contains("utf8"))
}

/// The one sink. Each call is one record: a value cut in two by two calls is not found.
pub struct Out {
    settings: Settings,
    redactor: Redactor,
    streams: Mutex<Streams>,
}

struct Streams {
    out: Stream,
    err: Stream,
    /// Whether a status line stands on the terminal.
    status: bool,
}

struct Stream {
    writer: Box<dyn Write + Send>,
    closed: bool,
    failed: bool,
}

impl Stream {
    fn new(writer: Box<dyn Write + Send>) -> Self {
        Self {
            writer,
            closed: false,
            failed: false,
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        if self.closed {
            return;
        }
        let done = self
            .writer
            .write_all(bytes)
            .and_then(|()| self.writer.flush());
        if let Err(error) = done {
            self.closed = true;
            self.failed = error.kind() != io::ErrorKind::BrokenPipe;
        }
    }
}

impl Out {
    /// The streams of this process.
    pub fn new(settings: Settings, redactor: Redactor) -> Self {
        Self::to(
            settings,
            redactor,
            Box::new(io::stdout()),
            Box::new(io::stderr()),
        )
    }

    /// Other streams, for tests and for embedding.
    pub fn to(
        settings: Settings,
        redactor: Redactor,
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
    ) -> Self {
        let streams = Mutex::new(Streams {
            out: Stream::new(out),
            err: Stream::new(err),
            status: false,
        });
        Self {
            settings,
            redactor,
            streams,
        }
    }

    /// What is known about the streams.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The net under this sink: register what must not come out.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Findings and results, as they are (with their line ends).
    pub fn stdout(&self, text: &str) {
        let mut streams = self.lock();
        streams.clear_status();
        streams.out.put(self.redactor.redact(text).as_bytes());
    }

    /// Errors, as they are (with their line ends).
    pub fn stderr(&self, text: &str) {
        let mut streams = self.lock();
        streams.clear_status();
        streams.err.put(self.redactor.redact(text).as_bytes());
    }

    /// A line on standard error about what was done; not with `-q`.
    pub fn info(&self, line: &str) {
        if !self.settings.quiet {
            self.stderr(&format!("{line}\n"));
        }
    }

    /// A line on standard error that only `-v` shows.
    pub fn detail(&self, line: &str) {
        if self.settings.verbose > 0 && !self.settings.quiet {
            self.stderr(&format!("{line}\n"));
        }
    }

    /// The status line of a terminal: replaces the one before; nothing elsewhere. An empty text removes it.
    pub fn progress(&self, text: &str) {
        if !self.settings.terminal || self.settings.quiet {
            return;
        }
        let text = self.redactor.redact(text);
        let text: String = visible(&text)
            .chars()
            .take(self.settings.width.saturating_sub(1))
            .collect();
        let mut streams = self.lock();
        streams.clear_status();
        if !text.is_empty() {
            streams.err.put(text.as_bytes());
            streams.status = true;
        }
    }

    /// An empty screen, where standard output is a terminal that can redraw.
    pub fn clear(&self) {
        if self.settings.terminal && io::stdout().is_terminal() {
            self.stdout("\x1b[2J\x1b[H");
        }
    }

    /// Prints a secret on standard output, past the redactor. `rot vault get` exists to do this; nothing else may.
    pub fn reveal(&self, bytes: &[u8]) {
        let mut streams = self.lock();
        streams.clear_status();
        streams.out.put(bytes);
    }

    /// Whether something could not be written for another reason than a closed pipe (a full disk).
    pub fn failed(&self) -> bool {
        let streams = self.lock();
        streams.out.failed || streams.err.failed
    }

    fn lock(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Streams {
    fn clear_status(&mut self) {
        if std::mem::take(&mut self.status) {
            self.err.put(b"\r\x1b[2K");
        }
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        self.lock().clear_status();
    }
}
