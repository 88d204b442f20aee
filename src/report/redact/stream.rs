//! Redaction of a stream that arrives in pieces.

use super::{MASK, Redactor};
use std::io::{self, Write};
use zeroize::Zeroizing;

/// A writer that lets bytes through once it is sure that they belong to no value. It holds back no more than what may still
/// become one: the longest end of what came that is the start of a form, so that a prompt without a line end is seen at once.
///
/// [`Write::flush`] lets through what is decided; the end of a record is [`RedactingWriter::finish`] or the drop. Whoever writes
/// what comes in time calls [`RedactingWriter::pause`] when nothing came for a while.
pub struct RedactingWriter<W: Write> {
    inner: W,
    redactor: Redactor,
    pending: Zeroizing<Vec<u8>>,
    /// The byte let through last, which a short token must not touch.
    before: Option<u8>,
    /// How many of the pending bytes are known to be covered by a value that began earlier.
    carried: usize,
    /// Whether the byte handled last was covered, so that its mask is already written.
    masked: bool,
    /// How many of the pending bytes [`RedactingWriter::pause`] let through already. They stay, so that what follows them is
    /// still recognised.
    released: usize,
}

/// The start of a value that is shorter says nothing, and may be let through when nothing follows it.
const TELLING: usize = 4;

impl<W: Write> RedactingWriter<W> {
    /// Redacts what goes to `inner`.
    pub fn new(inner: W, redactor: Redactor) -> Self {
        Self {
            inner,
            redactor,
            pending: Zeroizing::new(Vec::new()),
            before: None,
            carried: 0,
            masked: false,
            released: 0,
        }
    }

    /// Nothing came for a while: lets a short undecided end through, so that a person sees the prompt that happens to end like
    /// the start of a value. Longer ones stay held back until it is known what they are.
    pub fn pause(&mut self) -> io::Result<()> {
        let scanner = self.redactor.scanner();
        let undecided = scanner.undecided(&self.pending);
        if undecided == 0 || undecided >= TELLING || self.released >= undecided {
            return Ok(());
        }
        self.settle(false)?;
        let covered = scanner
            .runs(&self.pending, self.before, false)
            .into_iter()
            .map(|run| run.end)
            .max()
            .unwrap_or(0)
            .max(self.carried);
        let from = self.released.max(covered);
        if let Some(text) = self.pending.get(from..).filter(|t| !t.is_empty()) {
            self.inner.write_all(text)?;
            self.masked = false;
            self.released = self.pending.len();
        }
        self.inner.flush()
    }

    /// The end of a record: lets everything through and forgets what stood before.
    pub fn finish(&mut self) -> io::Result<()> {
        self.settle(true)?;
        (self.before, self.carried, self.masked) = (None, 0, false);
        self.inner.flush()
    }

    /// The writer below.
    pub fn get_ref(&self) -> &W {
        &self.inner
    }

    fn settle(&mut self, at_end: bool) -> io::Result<()> {
        let scanner = self.redactor.scanner();
        let undecided = match at_end {
            true => 0,
            false => scanner.undecided(&self.pending),
        };
        let decided = self.pending.len() - undecided;
        if decided == 0 {
            return Ok(());
        }
        let mut runs = scanner.runs(&self.pending, self.before, at_end);
        if self.carried > 0 {
            runs.insert(0, 0..self.carried);
        }
        let mut out: Vec<u8> = Vec::with_capacity(decided);
        let mut at = self.released.min(decided);
        self.carried = 0;
        for run in runs.into_iter().filter(|r| r.start < decided) {
            let end = run.end.min(decided);
            self.carried = self.carried.max(run.end - end);
            if end <= at {
                continue;
            }
            if run.start > at {
                out.extend_from_slice(self.pending.get(at..run.start).unwrap_or_default());
                self.masked = false;
            }
            if !self.masked {
                out.extend_from_slice(MASK.as_bytes());
                self.masked = true;
            }
            at = end;
        }
        if at < decided {
            out.extend_from_slice(self.pending.get(at..decided).unwrap_or_default());
            self.masked = false;
        }
        self.before = decided
            .checked_sub(1)
            .and_then(|i| self.pending.get(i))
            .copied();
        self.pending.drain(..decided);
        self.released = self.released.saturating_sub(decided);
        self.inner.write_all(&out)
    }
}

impl<W: Write> Write for RedactingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        self.settle(false)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.settle(false)?;
        self.inner.flush()
    }
}

impl<W: Write> Drop for RedactingWriter<W> {
    fn drop(&mut self) {
        let _ = self.finish();
    }
}
