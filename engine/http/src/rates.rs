//! How often somebody may ask: each token for itself, and whoever fails to authenticate by its address.
//!
//! Who has a good token is never held up by others who have none from the same address: a token cannot be guessed, so
//! failing is only made tedious.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use zo_projections::TokenId;

use crate::options::Limits;

/// After so many decisions those are forgotten who have not asked for a while.
const FORGET: u32 = 4096;

/// How often each has asked.
pub(crate) struct Rates {
    requests: Limiter<TokenId>,
    failures: Limiter<IpAddr>,
}

impl Rates {
    pub(crate) fn new(limits: &Limits) -> Self {
        let requests = Quota::per_second(limits.requests_per_second).allow_burst(limits.requests_burst);
        Self { requests: Limiter::new(requests), failures: Limiter::new(per_minute(limits.failures_per_minute)) }
    }

    /// Counts a request of a token; how long it must wait if that was one too many.
    pub(crate) fn request(&self, token: TokenId) -> Result<(), Duration> {
        self.requests.take(token)
    }

    /// Counts a failed authentication; how long that address must wait if that was one too many.
    pub(crate) fn failure(&self, address: IpAddr) -> Result<(), Duration> {
        self.failures.take(address)
    }
}

fn per_minute(number: NonZeroU32) -> Quota {
    Quota::per_minute(number).allow_burst(number)
}

struct Limiter<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    clock: DefaultClock,
    decisions: AtomicU32,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    fn new(quota: Quota) -> Self {
        Self {
            limiter: DefaultKeyedRateLimiter::keyed(quota),
            clock: DefaultClock::default(),
            decisions: AtomicU32::new(0),
        }
    }

    fn take(&self, key: K) -> Result<(), Duration> {
        if self.decisions.fetch_add(1, Ordering::Relaxed) % FORGET == FORGET - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&key).map_err(|until| until.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates() -> Rates {
        let number = |number| NonZeroU32::new(number).expect("not zero");
        let limits = Limits {
            requests_per_second: number(1),
            requests_burst: number(3),
            failures_per_minute: number(2),
            ..Limits::default()
        };
        Rates::new(&limits)
    }

    #[test]
    fn each_token_has_its_own_share() {
        let rates = rates();
        for _ in 0..3 {
            assert_eq!(rates.request(TokenId(1)), Ok(()));
        }
        let wait = rates.request(TokenId(1)).expect_err("that was one too many");
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
        assert_eq!(rates.request(TokenId(2)), Ok(()));
    }

    #[test]
    fn failing_becomes_tedious() {
        let rates = rates();
        let address = IpAddr::from([127, 0, 0, 1]);
        assert!(rates.failure(address).is_ok() && rates.failure(address).is_ok());
        assert!(rates.failure(address).is_err());
        assert_eq!(rates.failure(IpAddr::from([127, 0, 0, 2])), Ok(()));
    }
}
