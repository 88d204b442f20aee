//! What the child writes, through the masker, to where our own output goes.

use crate::report::redact::{RedactingWriter, Redactor};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a stream must be silent before the start of what may become a value is let through, if it is short.
const SILENCE: Duration = Duration::from_millis(50);
/// How long to wait for output of what the child left running, once the child itself is over.
const AFTERWARDS: Duration = Duration::from_millis(200);

/// Copies `source` to `sink` in a thread of its own until it ends, masked; `done` is called then. With `over` set, a silence
/// ends it too: a program in the background may hold the stream open for ever.
pub fn start(
    source: OwnedFd,
    sink: OwnedFd,
    redactor: Redactor,
    over: Arc<AtomicBool>,
    done: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    std::thread::Builder::new().spawn(move || {
        // A sink that is closed closes the source: the child then hears of it as it would without us.
        let _ = copy(source, File::from(sink), redactor, &over);
        done();
    })?;
    Ok(())
}

fn copy(source: OwnedFd, sink: File, redactor: Redactor, over: &AtomicBool) -> io::Result<()> {
    let mut writer = RedactingWriter::new(sink, redactor);
    let mut source = File::from(source);
    let mut buffer = zeroize::Zeroizing::new(vec![0u8; 64 << 10]);
    let mut silent = Duration::ZERO;
    loop {
        if !readable(&source, SILENCE)? {
            writer.pause()?;
            silent += SILENCE;
            if over.load(Ordering::Acquire) && silent >= AFTERWARDS {
                return writer.finish();
            }
            continue;
        }
        silent = Duration::ZERO;
        // A terminal whose other side nobody holds any more answers EIO: that is its end.
        let count = match source.read(&mut buffer) {
            Ok(0) | Err(_) => return writer.finish(),
            Ok(count) => count,
        };
        writer.write_all(buffer.get(..count).unwrap_or_default())?;
    }
}

/// Copies what is typed to the child's terminal, as it is.
pub struct Typed(Arc<Mutex<File>>);

impl Typed {
    /// Begins, in a thread that lives as long as this process.
    pub fn start(master: OwnedFd) -> io::Result<Self> {
        let typed = Self(Arc::new(Mutex::new(File::from(master))));
        let target = Arc::clone(&typed.0);
        std::thread::Builder::new().spawn(move || {
            let mut buffer = zeroize::Zeroizing::new([0u8; 4096]);
            loop {
                let count = match rustix::io::read(io::stdin(), buffer.as_mut_slice()) {
                    Ok(0) => return,
                    Ok(count) => count,
                    Err(rustix::io::Errno::INTR) => continue,
                    Err(_) => return,
                };
                let mut master = target.lock().unwrap_or_else(PoisonError::into_inner);
                // Between two lives of the child nobody reads: what is typed then is lost, as at a program that ended.
                let _ = master.write_all(buffer.get(..count).unwrap_or_default());
            }
        })?;
        Ok(typed)
    }

    /// From now on to another terminal.
    pub fn lead_to(&self, master: OwnedFd) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = File::from(master);
    }
}

fn readable(source: &impl AsFd, within: Duration) -> io::Result<bool> {
    let wait = Timespec {
        tv_sec: i64::try_from(within.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(within.subsec_nanos()),
    };
    let mut one = [PollFd::new(source, PollFlags::IN)];
    match poll(&mut one, Some(&wait)) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
