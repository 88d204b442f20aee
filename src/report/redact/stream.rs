//! Redaction of a stream that arrives in pieces.

use super::{MASK, Redactor};
use std::io::{self, Write};
use std::ops::Range;
use zeroize::Zeroizing;

/// Fewer new bytes are not looked at on their own.
const LOOK: usize = 512;

/// A writer that lets bytes through once it is sure that they belong to no value: it holds back as many bytes as the
/// longest spelling of one may have. It looks when as much again has come, so many small pieces cost no more than a few
/// large ones.
///
/// [`Write::flush`] lets through what is decided; the end of a record is [`RedactingWriter::finish`] or the drop. Whoever copies
/// what a program says while a person waits calls [`RedactingWriter::pause`] when nothing came for a moment.
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
    /// How many of the pending bytes [`RedactingWriter::pause`] let through already. They stay, so that a value which they begin
    /// is recognised, and what follows of it masked.
    released: usize,
}

/// Fewer bytes of the start of a value say nothing, and are let through when nothing follows them.
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

    /// Nothing came for a moment: lets through all but what looks like the start of a value, so that a prompt without a line end
    /// is seen at once.
    pub fn pause(&mut self) -> io::Result<()> {
        if self.released == self.pending.len() {
            return Ok(());
        }
        let scanner = self.redactor.scanner();
        let held = Some(scanner.started(&self.pending)).filter(|held| *held >= TELLING);
        let upto = self.pending.len() - held.unwrap_or(0);
        if upto > self.released {
            // A token that stands at the end is one for all that is known.
            let mut runs = scanner.runs(&self.pending, self.before, true);
            if self.carried > 0 {
                runs.insert(0, 0..self.carried);
            }
            let out = self.shown(&runs, upto);
            self.released = upto;
            self.inner.write_all(&out)?;
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

    /// The last place at or before `at` that stands in no run of escapes, whose meaning depends on where it begins.
    fn cut(&self, at: usize) -> usize {
        let head = self.pending.get(..at).unwrap_or_default();
        let run = head
            .iter()
            .rev()
            .take_while(|b| matches!(b, b'\\' | b'\'' | b'"' | b'%' | b'$'));
        at - run.count()
    }

    fn settle(&mut self, at_end: bool) -> io::Result<()> {
        let scanner = self.redactor.scanner();
        let decided = if at_end {
            self.pending.len()
        } else {
            self.cut(self.pending.len().saturating_sub(scanner.longest()))
        };
        if decided == 0 {
            return Ok(());
        }
        let mut runs = scanner.runs(&self.pending, self.before, at_end);
        if self.carried > 0 {
            runs.insert(0, 0..self.carried);
        }
        let out = self.shown(&runs, decided);
        let past = runs.iter().filter(|run| run.start < decided);
        self.carried = past
            .map(|run| run.end.saturating_sub(decided))
            .max()
            .unwrap_or(0);
        self.before = decided
            .checked_sub(1)
            .and_then(|i| self.pending.get(i))
            .copied();
        self.pending.drain(..decided);
        self.released = self.released.saturating_sub(decided);
        self.inner.write_all(&out)
    }

    /// What is to be seen of the pending bytes up to a place, but for those that were released.
    fn shown(&mut self, runs: &[Range<usize>], upto: usize) -> Vec<u8> {
        let mut out: Vec<u8> = Vec::with_capacity(upto);
        let mut at = self.released.min(upto);
        for run in runs.iter().filter(|r| r.start < upto) {
            let end = run.end.min(upto);
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
        if at < upto {
            out.extend_from_slice(self.pending.get(at..upto).unwrap_or_default());
            self.masked = false;
        }
        out
    }
}

impl<W: Write> Write for RedactingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        let longest = self.redactor.scanner().longest();
        if longest == 0 || self.pending.len() > longest + longest.max(LOOK) {
            self.settle(false)?;
        }
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
