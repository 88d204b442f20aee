//! The net under everything that leaves the program: values of secrets become `***` in whatever spelling they show up.
//!
//! The first guard is that a secret has a type of its own and is never formatted; this is the second. It must not be
//! relied on: values shorter than six bytes are found as whole tokens only, common words and the names that the author
//! gave to things are not looked for, and what was hashed, cut or computed is found only where the run itself did it.

mod scan;
mod spelling;
mod stream;
mod value;
mod visible;

pub use stream::RedactingWriter;
pub use visible::{is_invisible, push_escaped, visible, visible_block};

use crate::vault::Secret;
use scan::{REACH, Scanner, Segment};
use spelling::{BREAK, readings};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};
use value::Match;
use zeroize::{Zeroize, Zeroizing};

/// Gives `look` the pieces of every reading of a text: the text itself, and what it stands for in each spelling that is known here
/// (base64, hexadecimal, escapes of languages). A value that is looked for is no longer than `longest` bytes.
pub fn spelled(text: &str, longest: usize, mut look: impl FnMut(&[u8])) {
    let mut piece: Zeroizing<Vec<u8>> = Zeroizing::default();
    readings(text.as_bytes(), longest.saturating_mul(REACH), |cells| {
        for run in cells.split(|cell| cell.unit == BREAK) {
            piece.clear();
            piece.extend(run.iter().filter_map(|cell| u8::try_from(cell.unit).ok()));
            if !piece.is_empty() {
                look(&piece);
            }
        }
    });
}

/// What stands in the place of a value: always the same, so that it tells neither length nor equality.
pub const MASK: &str = "***";

/// The live secrets of this process. Cheap to clone; all clones share the same values.
#[derive(Clone, Default)]
pub struct Redactor {
    state: Arc<RwLock<State>>,
}

#[derive(Default)]
struct State {
    /// Everything that is looked for.
    known: BTreeSet<(Vec<u8>, Match)>,
    /// Texts that stand in files for everybody to read: names of rotations, steps and secrets.
    public: BTreeSet<String>,
    /// What came since the scanner was built.
    fresh: Vec<(Vec<u8>, Match)>,
    /// Each at most as large as the one before it, so a value is built into automata a logarithmic number of times.
    segments: Vec<Arc<Segment>>,
    /// Built when first needed after a change.
    scanner: Option<Arc<Scanner>>,
}

impl State {
    fn build(&mut self) -> Arc<Scanner> {
        if let Some(scanner) = &self.scanner {
            return Arc::clone(scanner);
        }
        let mut values = std::mem::take(&mut self.fresh);
        while let Some(last) = self
            .segments
            .pop_if(|last| last.values.len() <= values.len())
        {
            values.extend(last.values.iter().cloned());
        }
        if !values.is_empty() {
            self.segments.push(Arc::new(Segment::build(values)));
        }
        let scanner = Arc::new(Scanner::new(self.segments.clone()));
        self.scanner = Some(Arc::clone(&scanner));
        scanner
    }
}

impl Drop for State {
    fn drop(&mut self) {
        for (mut value, _) in std::mem::take(&mut self.known) {
            value.zeroize();
        }
    }
}

impl Redactor {
    /// A redactor that knows no value yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a value known, in all its spellings, from now on.
    pub fn register(&self, secret: &Secret) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        value::parts(
            secret.expose(),
            |part| state.public.contains(part),
            |part, how| {
                let entry = (part.to_vec(), how);
                if !state.known.contains(&entry) {
                    state.fresh.push(entry.clone());
                    state.known.insert(entry);
                    state.scanner = None;
                }
            },
        );
    }

    /// Says that a text is public, whatever secret has the same value: masking the name of a step would tell that the
    /// secret is spelled like it. Counts for what is registered later.
    pub fn publish(&self, text: &str) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.public.insert(text.to_owned());
    }

    /// Whether no value is looked for.
    pub fn is_empty(&self) -> bool {
        self.state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .known
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
        state.build()
    }
}
