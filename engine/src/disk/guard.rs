//! Keeps a panic of a foreign library from becoming one of ours.
//!
//! sled panics on damaged files, when it opens them and later when it reads them. Every call into it goes
//! through [`guarded`], which turns the panic into its message and keeps it off the terminal.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Threads of sled's own pool have names that begin so; their panics surface as errors of the call that waits
/// for them.
const FOREIGN_THREADS: &str = "sled-io-";

/// Calls `work`, and returns the message of its panic if it panics. What `work` touched must not be used
/// again after that.
///
/// # Errors
/// If it panics.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    silence_guarded_threads();
    let before = GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(before);
    result.map_err(|payload| message(&*payload))
}

/// Puts a hook in front of the one that is there, once: it passes on every panic but those that are caught.
fn silence_guarded_threads() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let foreign = std::thread::current().name().is_some_and(|name| name.starts_with(FOREIGN_THREADS));
            if !foreign && !GUARDED.try_with(Cell::get).unwrap_or(false) {
                previous(info);
            }
        }));
    });
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    // The first line says what happened; what follows is the value printed out.
    text.and_then(|text| text.lines().next()).unwrap_or("a panic without a message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(guarded(|| 7), Ok(7));
        let text = guarded(|| -> u8 { panic!("bad byte {}\nand more", 3) }).expect_err("it panics");
        assert_eq!(text, "bad byte 3");
        assert!(!GUARDED.get(), "later panics of this thread are heard again");
    }
}
