//! Ctrl-C during work that should end in good order.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{CliError, Kind};

/// What the handlers look at and set: while it is set, a signal ends the process. They stay for good once they are there.
static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Whether somebody has pressed Ctrl-C (or sent SIGTERM). The first time is noted here; a second time ends the
/// process at once, which loses nothing that was acknowledged. Once this is dropped, the first does too, until
/// somebody watches again.
pub(crate) struct Interrupt {
    flag: Arc<AtomicBool>,
    /// What the flag was before: who watches meanwhile goes on watching.
    before: bool,
}

impl Interrupt {
    /// From here on, the first signal is noted and no longer ends the process.
    ///
    /// # Errors
    /// If the system lets nobody handle signals.
    pub(crate) fn watch() -> Result<Self, CliError> {
        let flag = match FLAG.get() {
            Some(flag) => Arc::clone(flag),
            None => handled().map_err(|error| CliError::io("cannot watch for Ctrl-C", &error))?,
        };
        let before = flag.swap(false, Ordering::Relaxed);
        Ok(Self { flag, before })
    }

    /// Whether it is time to stop.
    pub(crate) fn is_set(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    /// Notes what a terminal in raw mode has reported as a key and not as a signal.
    pub(crate) fn set(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        // Where nobody else watches, the flag is set again, and the handlers end the process.
        self.flag.fetch_or(self.before, Ordering::Relaxed);
    }
}

/// Makes the flag and its handlers.
fn handled() -> io::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(true));
    let kept = Arc::clone(FLAG.get_or_init(|| Arc::clone(&flag)));
    // Whoever comes second has nothing to do: the first one's handlers look at the flag that was kept.
    if Arc::ptr_eq(&kept, &flag) {
        for signal in [SIGINT, SIGTERM] {
            // The order matters: the exit looks at the flag before the line below sets it.
            flag::register_conditional_shutdown(signal, i32::from(Kind::Interrupted.exit_code()), Arc::clone(&flag))?;
            flag::register(signal, Arc::clone(&flag))?;
        }
    }
    Ok(kept)
}
