//! What every command gets: the sink, the global options, the settings, the texts that diagnostics point into.

use super::args::Globals;
use super::config::{self, Config};
use crate::diagnostic::{Diagnostic, Error};
use crate::report::{Blanks, Out, Renderer};
use crate::source::{FileId, SourceFile, SourceMap};
use std::cell::{Ref, RefCell};
use std::path::PathBuf;

/// What every command gets.
pub struct Context {
    /// The one sink.
    pub out: Out,
    /// The global options.
    pub globals: Globals,
    /// The folder in which the command runs.
    pub cwd: PathBuf,
    sources: RefCell<SourceMap>,
    status: std::cell::Cell<u8>,
}

impl Context {
    /// A context with no texts yet.
    pub fn new(out: Out, globals: Globals, cwd: PathBuf) -> Self {
        Self {
            out,
            globals,
            cwd,
            sources: RefCell::default(),
            status: std::cell::Cell::new(0),
        }
    }

    /// The exit code of a command that went well, where it is not 0: that of the program which `rot exec` ran.
    pub fn end_with(&self, status: u8) {
        self.status.set(status);
    }

    /// What [`Self::end_with`] said; 0 when it said nothing.
    pub fn status(&self) -> u8 {
        self.status.get()
    }

    /// The settings: of `--config`, or of the nearest `rot.toml`.
    pub fn config(&self) -> Result<Config, Error> {
        if self.globals.no_config {
            return Ok(Config::default());
        }
        let mut config = config::load(
            self.globals.config.as_deref(),
            &self.cwd,
            &mut self.sources.borrow_mut(),
        )?;
        // A name that is not known is told by whoever needs the environment.
        let chosen = self.globals.environment.as_deref();
        if let Some(settings) = chosen.and_then(|name| config.environments.get(name)) {
            config.with = settings.with.clone();
        }
        Ok(config)
    }

    /// The texts added so far.
    pub fn sources(&self) -> Ref<'_, SourceMap> {
        self.sources.borrow()
    }

    /// Adds a text that errors of this command may point into.
    pub fn add_source(&self, file: SourceFile) -> FileId {
        self.sources.borrow_mut().add(file)
    }

    /// From now on, diagnostics point into the texts that a file was loaded with. The settings were read well by then.
    pub fn adopt(&self, loaded: &SourceMap) {
        *self.sources.borrow_mut() = loaded.clone();
    }

    /// Prints what went wrong with one of several, and keeps it without its texts where its exit code is the highest so far.
    pub fn complain_and_keep(&self, error: Error, worst: &mut Option<Error>) {
        self.complain(&error.diagnostics);
        let code = error.failure.exit_code();
        if worst.as_ref().is_none_or(|w| code > w.failure.exit_code()) {
            *worst = Some(Error {
                failure: error.failure,
                diagnostics: Vec::new(),
            });
        }
    }

    /// Prints diagnostics on standard error, drawn.
    pub fn complain(&self, diagnostics: &[Diagnostic]) {
        let sources = self.sources.borrow();
        let renderer = Renderer::new(self.out.settings().drawing_err());
        let blanks = Blanks::collect(&sources, diagnostics);
        let drawn: Vec<String> = diagnostics
            .iter()
            .map(|d| renderer.render_with(d, &sources, &blanks))
            .collect();
        if !drawn.is_empty() {
            self.out.stderr(&drawn.join("\n"));
        }
    }
}
