//! `SIGTERM` and Ctrl-C while runs are under way: the first asks them to end (`run/drain.rs`), the second ends the process.

use std::sync::LazyLock;
use tokio::sync::watch;

/// Whether the process was asked to end.
static ASKED: LazyLock<watch::Sender<bool>> = LazyLock::new(|| watch::Sender::new(false));

/// From here on, a first signal asks every run of this process to end. Called when nothing of a person is waited for any more,
/// such as a passphrase. Where the system gives no thread, signals end the process as before.
pub fn heed() {
    #[cfg(unix)]
    {
        static HEEDED: std::sync::Once = std::sync::Once::new();
        HEEDED.call_once(|| {
            use signal_hook::consts::{SIGINT, SIGTERM};
            let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]) else {
                return;
            };
            std::thread::spawn(move || {
                for signal in signals.forever() {
                    if ASKED.send_replace(true) {
                        // Ends this process, as the signal would have without us.
                        let _ = signal_hook::low_level::emulate_default_handler(signal);
                    }
                }
            });
        });
    }
}

/// Whether the process was asked to read its files again.
static AGAIN: LazyLock<watch::Sender<bool>> = LazyLock::new(|| watch::Sender::new(false));

/// From here on, `SIGHUP` asks for the files to be read again; several before that is done are one.
pub fn heed_reload() {
    #[cfg(unix)]
    {
        static HEEDED: std::sync::Once = std::sync::Once::new();
        HEEDED.call_once(|| {
            let Ok(mut signals) =
                signal_hook::iterator::Signals::new([signal_hook::consts::SIGHUP])
            else {
                return;
            };
            std::thread::spawn(move || {
                for _ in signals.forever() {
                    AGAIN.send_replace(true);
                }
            });
        });
    }
}

/// Whether the files are to be read again; asked once for each time.
pub fn take_reload() -> bool {
    AGAIN.send_replace(false)
}

/// Is over when the files are to be read again.
pub async fn when_reload() {
    // The sender lives as long as the process.
    let _ = AGAIN.subscribe().wait_for(|again| *again).await;
}

/// Whether the process was asked to end.
pub fn asked() -> bool {
    *ASKED.borrow()
}

/// Is over when the process is asked to end.
pub async fn when_asked() {
    // The sender lives as long as the process.
    let _ = ASKED.subscribe().wait_for(|asked| *asked).await;
}
