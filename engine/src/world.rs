//! The ports to what is not determined by the log: the clock and randomness.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use zo_projections::Timestamp;

/// Time and randomness, passed in so that a simulation can repeat them.
pub trait World: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// 80 bits that were never given before, in the low bits.
    fn entropy(&self) -> u128;

    /// An id of the ULID form that was never given before: the time in front, entropy behind.
    fn fresh_id(&self) -> u128 {
        let ms = u128::from(self.now().0.max(0).cast_unsigned()) & ((1 << 48) - 1);
        (ms << 80) | (self.entropy() & ((1 << 80) - 1))
    }
}

/// The system's clock and random numbers.
#[derive(Default)]
pub struct SystemWorld {
    pool: Mutex<Pool>,
}

/// Random bytes fetched ahead: one system call for many ids.
#[derive(Default)]
struct Pool {
    bytes: Vec<u8>,
}

const POOL_BYTES: usize = 4000;

impl World for SystemWorld {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn entropy(&self) -> u128 {
        let mut pool = self.pool.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if pool.bytes.len() < 10 {
            pool.bytes.resize(POOL_BYTES, 0);
            getrandom::fill(&mut pool.bytes).expect("the system has random numbers");
        }
        let rest = pool.bytes.len() - 10;
        let mut number = [0; 16];
        number[..10].copy_from_slice(&pool.bytes[rest..]);
        pool.bytes.truncate(rest);
        u128::from_le_bytes(number)
    }
}

/// A clock that stands until it is moved, and random numbers from a seed.
pub struct SimulatedWorld {
    now: AtomicI64,
    state: Mutex<(u64, u64)>,
}

impl SimulatedWorld {
    /// A world that begins at `now`.
    pub fn new(seed: u64, now: Timestamp) -> Self {
        Self { now: AtomicI64::new(now.0), state: Mutex::new((seed, 0)) }
    }

    /// Moves the clock, also backwards.
    pub fn set_now(&self, now: Timestamp) {
        self.now.store(now.0, Ordering::Relaxed);
    }
}

impl World for SimulatedWorld {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::Relaxed))
    }

    fn entropy(&self) -> u128 {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.1 += 1;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&state.0.to_le_bytes()).update(&state.1.to_le_bytes());
        u128::from_le_bytes(*hasher.finalize().as_bytes().first_chunk().expect("a hash has 32 bytes"))
    }
}
