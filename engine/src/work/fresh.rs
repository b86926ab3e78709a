//! What jobs are to do that were submitted a moment ago, as the log has it: most jobs are taken soon, and what was just sealed need not
//! be read back and opened.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use zo_projections::Position;

/// Bytes that are kept; what does not fit is read from the log.
const MOST_BYTES: usize = 4 << 20;

/// What a few jobs are to do, by where they were submitted.
#[derive(Default)]
pub(crate) struct Fresh(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    specs: HashMap<Position, String>,
    bytes: usize,
}

impl Fresh {
    /// Keeps what a job is to do whose submission is durable, if there is room.
    pub(crate) fn keep(&self, submitted: Position, spec: String) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + spec.len() <= MOST_BYTES {
            kept.bytes += spec.len();
            if let Some(before) = kept.specs.insert(submitted, spec) {
                kept.bytes -= before.len();
            }
        }
    }

    /// What a job is to do, if that is kept; it is not from then on.
    pub(crate) fn take(&self, submitted: Position) -> Option<String> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let spec = kept.specs.remove(&submitted)?;
        kept.bytes -= spec.len();
        Some(spec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_given_once_and_has_a_limit() {
        let fresh = Fresh::default();
        fresh.keep(Position(3), "true".to_owned());
        fresh.keep(Position(3), "false".to_owned());
        assert_eq!(fresh.take(Position(3)).as_deref(), Some("false"));
        assert_eq!(fresh.take(Position(3)), None);
        fresh.keep(Position(4), "x".repeat(MOST_BYTES));
        fresh.keep(Position(5), "y".to_owned());
        assert_eq!(fresh.take(Position(5)), None, "there is no room");
        assert!(fresh.take(Position(4)).is_some());
        fresh.keep(Position(5), "y".to_owned());
        assert_eq!(fresh.take(Position(5)).as_deref(), Some("y"), "there is room again");
    }
}
