//! What only time brings about: leases and deadlines that are over, delays that are, schedules that are due.

use std::thread;
use std::time::Duration;

use zo_projections::{Actor, Command, Submission, Timestamp};

use crate::engine::Engine;

/// So often is looked, even if nothing is due: the system's clock may have been moved.
const LOOK: Duration = Duration::from_millis(500);
/// Between two looks, however much happens.
const PAUSE: Duration = Duration::from_millis(2);
/// After a failure: the disk may be full.
const AFTER_A_FAILURE: Duration = Duration::from_secs(5);

impl Engine {
    /// Does what is due, until this process ends.
    pub(super) fn watch_the_clock(&self) {
        if let Err(failure) = self.forgive_silence() {
            tracing::warn!("leases of nodes elsewhere: {failure}");
        }
        let mut seen = self.writer.position();
        while !self.is_stopping() {
            let now = self.world.now();
            match self.do_what_is_due(now) {
                Ok(Some(next)) => {
                    let left = u64::try_from(next.0.saturating_sub(self.world.now().0)).unwrap_or(0);
                    seen = self.writer.wait_behind(seen, LOOK.min(Duration::from_millis(left)));
                }
                Ok(None) => seen = self.writer.wait_behind(seen, LOOK),
                Err(error) => {
                    tracing::warn!("what is due cannot be done: {error}");
                    thread::park_timeout(AFTER_A_FAILURE);
                }
            }
            thread::sleep(PAUSE);
        }
    }

    /// Does what is due at `now`; says when something is due next.
    pub(crate) fn do_what_is_due(&self, now: Timestamp) -> Result<Option<Timestamp>, crate::protocol::Failure> {
        loop {
            let (of_jobs, of_schedules) =
                self.writer.read(|views| (views.jobs.next_due(), views.schedules.next_due()))?;
            let mut worked = false;
            if of_jobs.is_some_and(|due| due <= now) {
                let receipt = self.writer.submit_one(Submission::new(Actor::Engine, Command::AdvanceClock))?;
                worked |= receipt.events > 0;
            }
            if self.work.is_serving() && of_schedules.is_some_and(|due| due <= now) {
                worked |= self.occur_what_is_due(now)?;
            }
            if !worked || self.is_stopping() {
                let of_schedules = of_schedules.filter(|_| self.work.is_serving());
                return Ok([of_jobs, of_schedules].into_iter().flatten().filter(|due| *due > now).min());
            }
        }
    }
}
