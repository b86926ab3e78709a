//! Something that carries out jobs as a test tells it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use zo_worker::{AttemptContext, Execute, Happened, JobSpec, Outcome, Sink};

use crate::PATIENCE;

/// Carries out jobs as it is told: what they print, how far they are, what comes of them.
pub(crate) struct Work {
    told: Mutex<Told>,
    changed: Condvar,
}

#[derive(Default)]
struct Told {
    begun: usize,
    /// What each job is to do next.
    steps: BTreeMap<String, Vec<Step>>,
}

enum Step {
    Print(Vec<u8>),
    Progress(f32),
    End(Outcome),
}

impl Work {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { told: Mutex::default(), changed: Condvar::new() })
    }

    pub(crate) fn print(&self, job: &str, bytes: &[u8]) {
        self.step(job, Step::Print(bytes.to_vec()));
    }

    pub(crate) fn progress(&self, job: &str, percent: f32) {
        self.step(job, Step::Progress(percent));
    }

    pub(crate) fn finish(&self, job: &str, outcome: Outcome) {
        self.step(job, Step::End(outcome));
    }

    fn step(&self, job: &str, step: Step) {
        self.told.lock().unwrap().steps.entry(job.to_owned()).or_default().push(step);
        self.changed.notify_all();
    }

    /// Waits until so many attempts were begun.
    pub(crate) fn wait_for_begun(&self, count: usize) {
        let told = self.told.lock().unwrap();
        let waited = self.changed.wait_timeout_while(told, PATIENCE, |told| told.begun < count).unwrap();
        assert!(!waited.1.timed_out(), "{} attempts were begun, not {count}", waited.0.begun);
    }
}

impl Execute for Work {
    fn execute(&self, _: &JobSpec, attempt: &AttemptContext, sink: Sink<'_>) -> Outcome {
        self.told.lock().unwrap().begun += 1;
        self.changed.notify_all();
        assert!(attempt.job != "panics", "as it was told");
        loop {
            let mut told = self.told.lock().unwrap();
            let steps = told.steps.entry(attempt.job.clone()).or_default();
            let steps = std::mem::take(steps);
            if steps.is_empty() {
                drop(self.changed.wait_timeout(told, Duration::from_millis(10)).unwrap());
                if sink(Happened::Nothing).is_break() {
                    return Outcome::Stopped;
                }
                continue;
            }
            drop(told);
            for step in steps {
                let then = match step {
                    Step::Print(bytes) => sink(Happened::Stdout(&bytes)),
                    Step::Progress(percent) => sink(Happened::Progress(percent, None)),
                    Step::End(outcome) => return outcome,
                };
                if then == ControlFlow::Break(()) {
                    return Outcome::Stopped;
                }
            }
        }
    }
}
