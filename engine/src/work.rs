//! Work: jobs carried out, schedules that come due, services kept running.
//!
//! ```text
//! clock ──► what is due ──► schedule occurred + its job │ lease lost │ expired          one commit each
//! local node ──► claim ──► carried out here ──► completed │ failed │ released
//! nodes elsewhere ──► join, claim, heartbeat, complete (service/nodes.rs) ──► the same decisions
//! ```
//!
//! The views say what there is to do; everything here looks at them, does the one thing that is next, and looks again. A process
//! that serves does all of it; one in which somebody waits for jobs carries jobs out for as long as it lives.
//!
//! - [`clock`]: what only time brings about. [`occurrences`]: schedules. [`carrying`]: this process as a node.
//! - [`claims`]: jobs given to nodes. [`line`]: who waits for one. [`fresh`]: what was submitted a moment ago. [`nodes`]: who was heard from. [`logs`]: what attempts print while they run.
//! - [`services`]: processes that are kept running.

pub(crate) mod agents;
pub(crate) mod carrying;
pub(crate) mod claims;
mod clock;
pub(crate) mod fresh;
mod line;
pub(crate) mod logs;
pub(crate) mod nodes;
pub(crate) mod occurrences;
pub(crate) mod services;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use zo_projections::{JobId, NodeId};

use self::fresh::Fresh;
use self::line::Line;
use self::logs::Logs;
use self::nodes::Heard;
use self::occurrences::Rules;
use self::services::Supervised;
use crate::engine::Engine;
use crate::protocol::{Failure, LOCAL_NODE};

/// How this process works.
#[derive(Clone, Debug)]
pub struct WorkOptions {
    /// How many jobs it carries out at a time.
    pub capacity: u32,
    /// What jobs may ask for.
    pub labels: Vec<String>,
    /// Where it is.
    pub region: Option<String>,
    /// Its tier of GPU.
    pub gpu: Option<String>,
    /// What an hour of it costs before multipliers, in millionths of a US dollar.
    pub price_micros: u64,
    /// How often nodes elsewhere are to be heard from.
    pub heartbeat: Duration,
    /// How long a job is theirs without being heard from.
    pub lease: Duration,
    /// Where commands may lie that skills' folders are in, nearest first.
    pub skills: Vec<(PathBuf, zo_projections::event::skill::Origin)>,
}

impl Default for WorkOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            capacity: u32::try_from(cores * 2).unwrap_or(4).max(4),
            labels: vec![std::env::consts::ARCH.to_owned(), std::env::consts::OS.to_owned()],
            region: None,
            gpu: None,
            price_micros: 0,
            heartbeat: Duration::from_secs(60),
            lease: Duration::from_secs(150),
            skills: Vec::new(),
        }
    }
}

/// What this process does beside answering.
#[derive(Default)]
pub(crate) struct Work {
    engine: OnceLock<Weak<Engine>>,
    options: OnceLock<WorkOptions>,
    local: OnceLock<NodeId>,
    carries_out: AtomicBool,
    serves: AtomicBool,
    /// Whether no job is begun here any more.
    drains: AtomicBool,
    /// The jobs that somebody waits for, with those that they wait for: in a process that does not serve, no others are begun.
    wanted: Mutex<Arc<BTreeSet<JobId>>>,
    pub(crate) line: Arc<Line>,
    pub(crate) fresh: Fresh,
    pub(crate) logs: Logs,
    pub(crate) heard: Heard,
    pub(crate) rules: Rules,
    pub(crate) supervised: Supervised,
}

impl Work {
    /// The engine it belongs to: for threads that it starts.
    pub(crate) fn belong_to(&self, engine: &Arc<Engine>) {
        let _ = self.engine.set(Arc::downgrade(engine));
    }

    fn engine(&self) -> Option<Arc<Engine>> {
        self.engine.get()?.upgrade()
    }

    /// How this process works.
    pub(crate) fn options(&self) -> &WorkOptions {
        self.options.get_or_init(WorkOptions::default)
    }

    /// Whether schedules come due and services are kept running in this process.
    pub(crate) fn is_serving(&self) -> bool {
        self.serves.load(Ordering::Relaxed)
    }

    /// Whether no job is begun here any more.
    pub(crate) fn is_draining(&self) -> bool {
        self.drains.load(Ordering::Relaxed)
    }

    /// Whether jobs are carried out in this process.
    pub(crate) fn is_carrying_out(&self) -> bool {
        self.carries_out.load(Ordering::Relaxed)
    }
}

impl Engine {
    /// From now on, until it is closed: schedules come due, jobs are carried out, services are kept running.
    pub fn serve(self: &Arc<Self>, options: WorkOptions) {
        let _ = self.work.options.set(options);
        if self.work.serves.swap(true, Ordering::Relaxed) {
            return;
        }
        self.carry_out_jobs();
        self.start("zo-services", Self::keep_services);
    }

    /// Begins no more jobs, and waits so long for those that are carried out here. `waits` is told how many they are, now and then. Returns
    /// how many are left; closing the engine ends them.
    pub fn drain(&self, within: Duration, waits: &mut dyn FnMut(usize)) -> usize {
        const LOOK: Duration = Duration::from_millis(50);
        self.work.drains.store(true, Ordering::Relaxed);
        let (until, node) = (Instant::now() + within, self.local_node());
        loop {
            let running = self.writer.read(|views| views.jobs.running_on(node).count()).unwrap_or_default();
            if running == 0 || Instant::now() >= until {
                return running;
            }
            waits(running);
            thread::sleep(LOOK);
        }
    }

    /// From now on, until it is closed, these jobs are carried out in this process, for somebody waits for them, and those that they
    /// wait for. Others are left alone: they would be cut off when it ends.
    pub(crate) fn carry_out_for(&self, jobs: impl IntoIterator<Item = JobId>) -> Result<(), Failure> {
        let asked: Vec<JobId> = jobs.into_iter().collect();
        let with_others = self.writer.read(|views| {
            let (mut found, mut waiting) = (BTreeSet::new(), asked);
            while let Some(id) = waiting.pop() {
                if found.insert(id)
                    && let Some(job) = views.jobs.get(id)
                {
                    waiting.extend(&job.after);
                }
            }
            found
        })?;
        {
            let mut wanted = self.work.wanted.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::make_mut(&mut wanted).extend(with_others);
        }
        self.carry_out_jobs();
        Ok(())
    }

    /// The jobs that alone are begun in this process; none: all are.
    pub(crate) fn wanted_jobs(&self) -> Option<Arc<BTreeSet<JobId>>> {
        let wanted = || self.work.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (!self.work.is_serving()).then(wanted)
    }

    fn carry_out_jobs(&self) {
        let Some(engine) = self.work.engine() else { return };
        if engine.work.carries_out.swap(true, Ordering::Relaxed) {
            return;
        }
        engine.start("zo-clock", Self::watch_the_clock);
        engine.start("zo-node", Self::carry_out_as_node);
    }

    /// The node that this process is.
    pub(crate) fn local_node(&self) -> NodeId {
        *self.work.local.get_or_init(|| NodeId(self.names.node(LOCAL_NODE)))
    }
}
