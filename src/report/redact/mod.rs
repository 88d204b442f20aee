//! The net under everything that leaves the program: values of secrets become `***` in whatever spelling they show up.
//!
//! The first guard is that a secret has a type of its own and is never formatted; this is the second. It must not be
//! relied on: values shorter than six bytes are found as whole tokens only, and what was hashed, cut or computed is
//! not found at all.

mod forms;
mod scan;
mod stream;
mod visible;

pub use stream::RedactingWriter;
pub use visible::{is_invisible, push_escaped, visible, visible_block};

use crate::vault::Secret;
use scan::Scanner;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};
use zeroize::Zeroize;

/// What stands in the place of a value: always the same, so that it tells neither length nor equality.
pub const MASK: &str = "***";

/// The live secrets of this process. Cheap to clone; all clones share the same values.
#[derive(Clone, Default)]
pub struct Redactor {
    state: Arc<RwLock<State>>,
}

#[derive(Default)]
struct State {
    forms: BTreeMap<Vec<u8>, bool>,
    /// Built when first needed after a change.
    scanner: Option<Arc<Scanner>>,
}

impl Drop for State {
    fn drop(&mut self) {
        for (mut form, _) in std::mem::take(&mut self.forms) {
            form.zeroize();
        }
    }
}

impl Redactor {
    /// A redactor that knows no value yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a value known, with all its spellings, from now on.
    pub fn register(&self, secret: &Secret) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let before = state.forms.len();
        forms::collect(secret.expose(), &mut state.forms);
        if state.forms.len() != before {
            state.scanner = None;
        }
    }

    /// Whether no value is known.
    pub fn is_empty(&self) -> bool {
        self.state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .forms
            .is_empty()
    }

    /// The text with each maximal run of covered bytes replaced by [`MASK`].
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let runs = self.covered(text);
        if runs.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for run in runs {
            out.push_str(text.get(at..run.start).unwrap_or(""));
            out.push_str(MASK);
            at = run.end;
        }
        out.push_str(text.get(at..).unwrap_or(""));
        Cow::Owned(out)
    }

    /// The covered byte ranges of a text, widened to whole characters, in order and apart from each other.
    pub fn covered(&self, text: &str) -> Vec<Range<usize>> {
        let mut runs = self.scanner().runs(text.as_bytes(), None, true);
        for run in &mut runs {
            while !text.is_char_boundary(run.start) {
                run.start -= 1;
            }
            while !text.is_char_boundary(run.end) {
                run.end += 1;
            }
        }
        runs
    }

    fn scanner(&self) -> Arc<Scanner> {
        if let Some(scanner) = &self
            .state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .scanner
        {
            return Arc::clone(scanner);
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let built = Arc::new(Scanner::build(&state.forms));
        Arc::clone(state.scanner.get_or_insert(built))
    }
}
