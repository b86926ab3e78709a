//! A home, opened: the store, the writer, the reader and what works behind them.
//!
//! A cold start: the home's folder and format, the lock, recovery of the store, the newest snapshot, the fold of what
//! came after it, the writer; then what was outstanding is taken up again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use zo_models::Models;
use zo_projections::{Actor, Command, Position, Submission, Views};
use zo_sandbox::Sandbox;

use crate::bodies::Bodies;
use crate::browsing::Browsers;
use crate::disk::DiskError;
use crate::disk::arriving::Arriving;
use crate::disk::blobs::Blobs;
use crate::disk::chunks::Chunks;
use crate::disk::keys::{KeyError, KeyRing};
use crate::disk::lock::{Lock, LockError};
use crate::fold::{self, FoldError};
use crate::home::{self, Home, HomeError};
use crate::mcp::McpServers;
use crate::names::Names;
use crate::protocol::{At, Environment};
use crate::providers;
use crate::reader::Reader;
use crate::recall::{Log as RecallLog, Recall};
use crate::service::asking::Turns;
use crate::service::schedules;
use crate::snapshots::{self, Snapshots};
use crate::store::Store;
use crate::store::local::{LocalStore, OpenError as StoreError, Options as StoreOptions};
use crate::work::Work;
use crate::world::{SystemWorld, World};
use crate::writer::{AfterCommit, Poisoned, SubmitError, Writer};

/// On closing, a snapshot is written if this share of the log is not in the newest one…
const CLOSING_SHARE: u64 = 20;
/// …and at least so many events.
const CLOSING_EVENTS: u64 = 2_000;
/// How often workers look whether there is something to do, or they should stop.
const HOUSEKEEPING: Duration = Duration::from_millis(200);
/// A process that lives longer than this keeps the memory index up to date.
const FIRST_INDEXING: Duration = Duration::from_millis(1500);
/// After a failure the index is left alone for so long.
const AFTER_A_FAILURE: Duration = Duration::from_secs(60);
/// So long a process that ends embeds what an earlier one has left.
const CARRYING_ON: Duration = Duration::from_millis(200);

/// A home, held by this process.
pub struct Engine {
    pub(crate) home: Home,
    pub(crate) store: Arc<LocalStore>,
    pub(crate) bodies: Arc<Bodies>,
    pub(crate) writer: Writer,
    pub(crate) reader: Reader,
    pub(crate) recall: Recall,
    pub(crate) snapshots: Snapshots,
    pub(crate) names: Names,
    pub(crate) world: Arc<dyn World>,
    /// What of the surroundings of this process matters to models: for runs that nobody waits for.
    pub(crate) environment: Environment,
    pub(crate) models: Models,
    pub(crate) arriving: Arriving,
    /// What jobs print that are running.
    pub(crate) job_logs: Arriving,
    /// The contents of hosted files.
    pub(crate) chunks: Chunks,
    /// What this process does beside answering.
    pub(crate) work: Work,
    /// Browsers that run.
    pub(crate) browsers: Browsers,
    /// The names of schedules, which their events keep sealed.
    pub(crate) schedule_names: schedules::Names,
    /// Servers of the Model Context Protocol that run.
    pub(crate) mcp: McpServers,
    /// The browser to use, if not the one that is found.
    browser_program: Option<PathBuf>,
    /// Who carries on which run.
    pub(crate) turns: Turns,
    pub(crate) sandbox: Sandbox,
    notes: Vec<String>,
    stop: AtomicBool,
    workers: Mutex<Vec<JoinHandle<()>>>,
    /// Released last: whoever waits for it finds everything closed.
    _lock: Lock,
}

/// Why a home could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("process {} has the home open", .holder.map_or_else(|| "?".to_owned(), |pid| pid.to_string()))]
    Held {
        /// Its process id, if the lock file says it.
        holder: Option<u32>,
    },
    /// The folder.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The lock.
    #[error(transparent)]
    Lock(LockError),
    /// The log.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The events in it.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// The first event could not be written.
    #[error(transparent)]
    Create(#[from] SubmitError),
    /// The disk says no.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// How a home is to be opened by this process.
#[derive(Clone)]
pub struct EngineOptions {
    /// Make it if it is not there.
    pub create: bool,
    /// Clock and randomness.
    pub world: Arc<dyn World>,
    /// Sizes of the store's files.
    pub store: StoreOptions,
    /// Keep the memory index up to date behind, after the first moments; else only who recalls does.
    pub index_behind: bool,
    /// What of the surroundings of this process matters to models.
    pub environment: Environment,
    /// How long models are waited for, and how often they are tried.
    pub models: zo_models::Options,
    /// The program that starts sandboxed children; this one itself, if not said.
    pub supervisor: Option<PathBuf>,
    /// The browser that sessions use; one that is found, if not said.
    pub browser: Option<PathBuf>,
    /// Called after each commit, before anything that depends on it is released: for tests of crashes.
    pub after_commit: Option<AfterCommit>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            create: true,
            world: Arc::new(SystemWorld::default()),
            store: StoreOptions::default(),
            index_behind: false,
            environment: Environment::default(),
            models: zo_models::Options::default(),
            supervisor: None,
            browser: None,
            after_commit: None,
        }
    }
}

impl Engine {
    /// Opens the home in `folder` for this process alone.
    ///
    /// # Errors
    /// [`OpenError::Held`] if another process has it; else what is wrong with it. Nothing is lost by failing.
    pub fn open(folder: &Path, options: EngineOptions) -> Result<Arc<Self>, OpenError> {
        let EngineOptions {
            create,
            world,
            store: store_options,
            index_behind,
            environment,
            models,
            supervisor,
            browser,
            after_commit,
        } = options;
        // Nothing is written before the lock is held: several processes may be making this home at once.
        let folder = Home::prepare(folder, create)?;
        let lock = match Lock::take(&home::lock_path(&folder)) {
            Ok(lock) => lock,
            Err(LockError::Held { holder, .. }) => return Err(OpenError::Held { holder }),
            Err(error) => return Err(OpenError::Lock(error)),
        };
        let (home, mended) = Home::identify(folder, world.fresh_id())?;
        // Looked at before the store makes what is missing.
        if home.is_used() && LocalStore::is_missing(&home.log()) {
            return Err(HomeError::LogGone { folder: home.folder().to_owned() }.into());
        }
        let opened = LocalStore::open(&home.log(), home.id(), store_options)?;
        let store = opened.store;
        let mut notes: Vec<String> = mended.into_iter().collect();
        notes.extend(opened.report.findings.iter().map(ToString::to_string));
        let head = store.head().position;
        let keys = KeyRing::open(&home.keys(), home.id(), head > Position::START)?;
        notes.extend(keys.report().iter().map(ToString::to_string));
        let names = Names::new(keys.name_key(), keys.digest_key());
        let bodies = Arc::new(Bodies::new(keys, Blobs::new(home.blobs())));

        let snapshots = Snapshots::new(home.snapshots(), home.id());
        let mut views = snapshots.load(&*store, head);
        fold::catch_up(&*store, &mut views, head, &mut |_| {})?;
        bodies.keys().check(views.streams.last_key())?;

        let arriving = Arriving::new(home.arriving(), bodies.keys().arriving_key());
        let chunks = Chunks::new(home.files(), &bodies.keys().arriving_key());
        let job_logs = Arriving::new(home.job_logs(), bodies.keys().arriving_key());
        let shared: Arc<dyn Store> = store.clone();
        let work = Work::default();
        let sandbox = supervisor.map_or_else(Sandbox::new, Sandbox::with_supervisor);
        let (line, clock) = (work.line.clone(), world.clone());
        let call = move |writer: &Writer| {
            if !line.is_empty() {
                writer.glance(|views| line.call(views, clock.now()));
            }
        };
        let engine = Arc::new(Self {
            writer: Writer::new(shared.clone(), bodies.clone(), world.clone(), views)
                .with_hook(after_commit)
                .with_news(Box::new(call)),
            reader: Reader::new(shared, bodies.clone()),
            recall: Recall::new(home.index(), home.models(), home.id()),
            home,
            store,
            bodies,
            snapshots,
            names,
            world,
            environment,
            models: Models::new(models),
            arriving,
            job_logs,
            chunks,
            work,
            browsers: Browsers::default(),
            schedule_names: schedules::Names::default(),
            browser_program: browser,
            turns: Turns::default(),
            mcp: McpServers::new(sandbox.clone()),
            sandbox,
            notes,
            stop: AtomicBool::new(false),
            workers: Mutex::default(),
            _lock: lock,
        });
        if head == Position::START {
            let created = Command::CreateHome { zo_version: env!("CARGO_PKG_VERSION").to_owned() };
            engine.writer.submit_one(Submission::new(Actor::Engine, created))?;
            engine.home.mark_used()?;
        }
        engine.work.belong_to(&engine);
        engine
            .lose_what_was_running_here()
            .unwrap_or_else(|failure| tracing::warn!("jobs of a process that ended: {failure}"));
        engine.learn_keys();
        engine.start("zo-housekeeper", Self::housekeep);
        if index_behind {
            engine.start("zo-indexer", Self::index_behind);
            engine.start("zo-runs", Self::carry_on_behind);
        }
        Ok(engine)
    }

    /// Makes the keys that this process can have known to the redactor; those that it cannot have are recognised.
    fn learn_keys(&self) {
        self.learn_keys_of(&self.environment);
        let vault = providers::vault(self, &self.environment);
        if !vault.is_used() {
            return;
        }
        let keys = providers::with_unlock(&self.environment, |unlock| vault.keys(unlock)).unwrap_or_else(|failure| {
            tracing::debug!("the keys in the vault are not known to this process: {failure}");
            BTreeMap::new()
        });
        keys.values().for_each(|key| self.writer.redactor().learn(key.expose()));
        // Every long word is looked at for those that are left: none, as a rule.
        let digest_key = self.bodies.keys().digest_key();
        let known: Vec<String> = keys.values().map(|key| zo_vault::fingerprint(&digest_key, key)).collect();
        let unknown = self.writer.read(|views| {
            let all = views.provider_keys.iter().map(|(_, key)| key.fingerprint.clone());
            all.filter(|fingerprint| !known.contains(fingerprint)).collect()
        });
        self.writer.redactor().recognise(digest_key, unknown.unwrap_or_default());
    }

    /// Makes the keys in an environment known to the redactor.
    pub(crate) fn learn_keys_of(&self, environment: &Environment) {
        for (_, key) in &environment.keys {
            self.writer.redactor().learn(&key.0);
        }
    }

    /// Starts a thread that works until [`close`](Self::close).
    pub(crate) fn start(self: &Arc<Self>, name: &str, work: fn(&Self)) {
        let engine = self.clone();
        let started = thread::Builder::new().name(name.to_owned()).spawn(move || work(&engine));
        // Without it less is done behind; whoever needs it does it then.
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).extend(started.ok());
    }

    /// What opening found and mended, for people.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The writer.
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// The reader.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The home.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The store.
    pub fn store(&self) -> &LocalStore {
        &self.store
    }

    /// What of the surroundings of this process matters to models.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// An id that was never given before.
    pub fn fresh_id(&self) -> u128 {
        self.world.fresh_id()
    }

    /// The browser to use, if not the one that is found: the one that was said, else the one that was installed.
    pub(crate) fn browser_program(&self) -> Option<PathBuf> {
        self.browser_program.clone().or_else(|| home::installed_browser(self.home.folder()))
    }

    /// Whether models are called by the name of this provider: `NAME/model`.
    pub fn has_provider(&self, name: &str) -> bool {
        providers::find(self, &self.environment, name).is_ok()
    }

    /// Turns names into ids.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The position that `at` means.
    ///
    /// # Errors
    /// If the log ends before it, or cannot be read.
    pub fn position_at(&self, at: At) -> Result<Position, FoldError> {
        let head = self.store.head().position;
        match at {
            At::Position(position) if position > head => Err(FoldError::Short { head, wanted: position }),
            At::Position(position) => Ok(position),
            At::Time(time) => self.last_at_or_before(time, head),
        }
    }

    /// Binary search: recorded times never go back.
    fn last_at_or_before(&self, time: zo_projections::Timestamp, head: Position) -> Result<Position, FoldError> {
        let (mut low, mut high) = (0, head.0);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            let at = self.reader.header(Position(middle))?.at;
            if at <= time {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        Ok(Position(low))
    }

    /// A copy of the views as of `at`, folded from the nearest snapshot before it.
    ///
    /// # Errors
    /// If the log ends before it, or cannot be read.
    pub fn views_at(&self, at: At) -> Result<Views, FoldError> {
        let position = self.position_at(at)?;
        let mut views = self.snapshots.load(&*self.store, position);
        fold::catch_up(&*self.store, &mut views, position, &mut |_| {})?;
        Ok(views)
    }

    /// Answers a question from the views of now, or of `at`.
    ///
    /// # Errors
    /// If the writer is poisoned or the log cannot be read.
    pub fn ask_views<T>(&self, at: Option<At>, question: impl FnOnce(&Views) -> T) -> Result<T, ReadError> {
        match at {
            None => Ok(self.writer.read(question)?),
            Some(at) => Ok(question(&self.views_at(at)?)),
        }
    }

    /// Lets those who follow the log know that they must look for another holder.
    pub(crate) fn announce_leaving(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether this process is about to let go of the home.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The head of what is durable.
    pub(crate) fn store_head(&self) -> crate::log::Head {
        self.store.head()
    }

    /// Ends everything that runs, writes what has been derived, and closes the store.
    pub fn close(&self) {
        self.stop.store(true, Ordering::Relaxed);
        let workers = std::mem::take(&mut *self.workers.lock().unwrap_or_else(PoisonError::into_inner));
        for worker in workers {
            worker.thread().unpark();
            if worker.join().is_err() {
                tracing::warn!("a worker ended in a panic");
            }
        }
        self.browsers.end_all();
        self.mcp.end_all();
        if let Err(error) = self.recall.close() {
            tracing::warn!("the memory index was not written, and will be brought up at the next start: {error}");
        }
        self.closing_snapshot();
        self.store.close();
    }

    /// A process that ends may as well leave the next one less to fold.
    fn closing_snapshot(&self) {
        let newest = self.snapshots.positions().first().copied().unwrap_or_default();
        let head = self.store.head();
        let behind = head.position.0.saturating_sub(newest.0);
        if behind < CLOSING_EVENTS.max(head.position.0 / CLOSING_SHARE) {
            return;
        }
        let written = self
            .writer
            .read(|views| (views.position == head.position).then(|| self.snapshots.write(views, &head)).transpose());
        if let Ok(Err(error)) = written {
            tracing::warn!("no snapshot was written, and the next start will fold more: {error}");
        }
    }

    /// Behind everything: takes up outstanding runs, then makes snapshots by a fold of its own, now and then.
    fn housekeep(&self) {
        self.finish_outstanding_runs(&|| self.stop.load(Ordering::Relaxed));
        let mut newest = self.snapshots.positions().first().copied().unwrap_or_default();
        while !self.stop.load(Ordering::Relaxed) {
            let head = self.store.head().position;
            if head.0.saturating_sub(newest.0) >= snapshots::INTERVAL {
                if let Err(error) = self.snapshot_behind() {
                    tracing::warn!("no snapshot was made: {error}");
                }
                // Also after a failure: the next try is due after as many events again.
                newest = head;
            }
            self.tidy_browsers();
            thread::park_timeout(HOUSEKEEPING);
        }
    }

    /// Where the memory index reads from.
    pub(crate) fn log_for_recall(&self) -> RecallLog<'_> {
        RecallLog { writer: &self.writer, reader: &self.reader }
    }

    /// Embeds for a moment what an earlier process has left.
    pub fn carry_on_embedding(&self) {
        self.recall.carry_on(self.log_for_recall(), CARRYING_ON);
    }

    /// Behind everything: keeps the memory index as far as the log is. A command that ends at once is not held up.
    fn index_behind(&self) {
        let stop = || self.stop.load(Ordering::Relaxed);
        let mut next = Instant::now() + FIRST_INDEXING;
        while !stop() {
            if Instant::now() >= next {
                let worked = self.recall.work(self.log_for_recall(), &stop);
                let failed =
                    worked.inspect_err(|error| tracing::warn!("the memory index stays behind: {error}")).is_err();
                next = Instant::now() + if failed { AFTER_A_FAILURE } else { HOUSEKEEPING };
            }
            thread::park_timeout(HOUSEKEEPING);
        }
    }

    /// Behind everything: carries on runs whose process has ended. A command that ends at once calls no model.
    fn carry_on_behind(&self) {
        let stop = || self.stop.load(Ordering::Relaxed);
        let begin = Instant::now() + FIRST_INDEXING;
        while Instant::now() < begin && !stop() {
            thread::park_timeout(HOUSEKEEPING);
        }
        if !stop() {
            self.carry_on_runs(&stop);
        }
    }

    /// A snapshot by a second fold, which holds up neither the writer nor readers.
    pub(crate) fn snapshot_behind(&self) -> Result<(), FoldError> {
        let head = self.store.head();
        let mut views = self.snapshots.load(&*self.store, head.position);
        fold::catch_up(&*self.store, &mut views, head.position, &mut |_| {})?;
        if let Err(error) = self.snapshots.write(&views, &head) {
            tracing::warn!("no snapshot was written: {error}");
        }
        Ok(())
    }
}

/// Why a question to the views has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The writer is poisoned.
    #[error(transparent)]
    Poisoned(#[from] Poisoned),
    /// The log cannot be read.
    #[error(transparent)]
    Fold(#[from] FoldError),
}
