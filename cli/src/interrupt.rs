//! Ctrl-C during work that should end in good order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{CliError, Kind};

/// Whether somebody has pressed Ctrl-C (or sent SIGTERM). The first time is noted here; a second time ends the
/// process at once, which loses nothing that was acknowledged. Once this is dropped, the first does too.
pub(crate) struct Interrupt {
    flag: Arc<AtomicBool>,
}

impl Interrupt {
    /// From here on, the first signal is noted and no longer ends the process.
    ///
    /// # Errors
    /// If the system lets nobody handle signals.
    pub(crate) fn watch() -> Result<Self, CliError> {
        let seen = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The order matters: the exit looks at the flag before the line below sets it.
            flag::register_conditional_shutdown(signal, i32::from(Kind::Interrupted.exit_code()), Arc::clone(&seen))
                .and_then(|_| flag::register(signal, Arc::clone(&seen)))
                .map_err(|error| CliError::io("cannot watch for Ctrl-C", &error))?;
        }
        Ok(Self { flag: seen })
    }

    /// Whether it is time to stop.
    pub(crate) fn is_set(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        // The handlers stay, and with the flag set they end the process.
        self.flag.store(true, Ordering::Relaxed);
    }
}
