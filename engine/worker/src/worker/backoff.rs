//! Waiting longer each time, and never all at once.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const LEAST: Duration = Duration::from_millis(100);
const MOST: Duration = Duration::from_secs(10);

/// How long to wait until the next try: twice as long each time, of which a random half is left out, so that those who lost the
/// same hub do not come back at the same moment.
#[derive(Debug)]
pub(super) struct Backoff {
    whole: Duration,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { whole: LEAST }
    }

    /// Whether nothing was tried in vain since the last success.
    pub(super) fn is_first(&self) -> bool {
        self.whole == LEAST
    }

    pub(super) fn reset(&mut self) {
        *self = Self::new();
    }

    pub(super) fn next(&mut self) -> Duration {
        let whole = self.whole;
        self.whole = (whole * 2).min(MOST);
        // The standard library has no randomness but that of its hashes.
        let random = RandomState::new().hash_one(0_u8) % 1000;
        whole.mul_f64(0.5 + random as f64 / 2000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_to_a_bound_and_starts_anew() {
        let mut backoff = Backoff::new();
        assert!(backoff.is_first());
        let mut whole = LEAST;
        for _ in 0..20 {
            let time = backoff.next();
            assert!(time >= whole / 2 && time <= whole, "{time:?} of {whole:?}");
            whole = (whole * 2).min(MOST);
        }
        assert!(!backoff.is_first());
        backoff.reset();
        assert!(backoff.is_first());
    }
}
