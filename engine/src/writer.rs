//! The one writer: takes commands in order, decides them against its views, makes the events durable, and only then
//! answers.
//!
//! There is no writer thread. Whoever has a command puts it into the queue; whoever finds nobody leading leads: takes
//! everything that is queued, commits it all together, passes the lead to the first of those that came meanwhile and
//! hands out the results. While one commit waits for the disk the next one gathers: group commit, without added delay,
//! and without a thread to wake when there is only one producer.
//!
//! The views are ahead of the disk for as long as a commit takes. [`Writer::read`] therefore releases an answer only
//! when everything it could have seen is durable. When a commit fails the views hold what the log does not: the
//! writer is *poisoned*, answers nothing more, and the next open folds the log anew.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use zo_projections::command::{NewFile, NewMessage};
use zo_projections::decide::{Decision, NewEvent, decide};
use zo_projections::event::run::RequestBody;
use zo_projections::record::{self, BodyPlace, Header};
use zo_projections::{EventId, KeyId, Position, Receipt, Recorded, Rejection, Submission, Timestamp, Views};

use crate::bodies::Bodies;
use crate::log::pack::{Head, Pack, TARGET_BYTES};
use crate::redaction::Redactor;
use crate::store::{AppendError, Store};
use crate::world::World;

/// The most commands that one commit takes: bounds how long the first of them waits for the last.
pub const MAX_COMMANDS_PER_COMMIT: usize = 4096;
/// The most bytes of bodies that one commit takes, a single larger command apart.
pub const MAX_BYTES_PER_COMMIT: usize = 8 * 1024 * 1024;
/// What a record takes beside its body, at most, when room on the disk is asked for.
const RECORD_OVERHEAD: usize = 1024;

/// Why a command was not carried out.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SubmitError {
    /// The domain said no.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The disk is full. Nothing was written; it works again when there is space.
    #[error("the disk is full: {needed} bytes are needed, {available} are available")]
    DiskFull {
        /// Bytes available.
        available: u64,
        /// Bytes needed.
        needed: u64,
    },
    /// A commit failed, now or before. Whether this command is in the log is known after the next open.
    #[error("the log could not be written: {0}")]
    Poisoned(String),
}

/// The views are of no use any more: a commit failed, and they hold what the log may not.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the log could not be written: {0}")]
pub struct Poisoned(pub String);

/// The result of one command.
pub type Outcome = Result<Receipt, SubmitError>;

/// Called with the last durable position after each commit, before anything that depends on it is released.
pub type AfterCommit = Arc<dyn Fn(Position) + Send + Sync>;

/// Called behind commits, when all that depends on them was released: who waits for what is in the views now can be woken.
pub type OnNews = Box<dyn Fn(&Writer) + Send + Sync>;

/// The single writer of a log. Shared by reference among threads.
pub struct Writer {
    queue: Mutex<Queue>,
    core: Mutex<Core>,
    views: RwLock<Views>,
    durable: Mutex<Durable>,
    redactor: Redactor,
    moved: Condvar,
    after_commit: Option<AfterCommit>,
    on_news: Option<OnNews>,
}

/// Commands that wait for a commit.
#[derive(Default)]
struct Queue {
    jobs: VecDeque<Arc<Job>>,
    /// Whether somebody is committing, or has been told to.
    led: bool,
}

/// What only the leader may touch.
struct Core {
    store: Arc<dyn Store>,
    bodies: Arc<Bodies>,
    world: Arc<dyn World>,
    head: Head,
    last_key: KeyId,
}

struct Durable {
    position: Position,
    poisoned: Option<String>,
}

/// Commands of one caller, which go into one commit together, though each is decided on its own.
struct Job {
    /// How many commands.
    count: usize,
    submissions: Mutex<Vec<Submission>>,
    fate: Mutex<Fate>,
    decided: Condvar,
}

/// What becomes of a job, for the caller that waits for it.
enum Fate {
    Queued,
    /// Its caller is to lead the next commit, which takes this job.
    Lead,
    Done(Vec<Outcome>),
}

impl Writer {
    /// A writer that goes on behind `views`, which are the fold of everything in `store`.
    pub fn new(store: Arc<dyn Store>, bodies: Arc<Bodies>, world: Arc<dyn World>, views: Views) -> Self {
        let head = store.head();
        let core = Core { store, bodies, world, head, last_key: views.streams.last_key() };
        Self {
            queue: Mutex::default(),
            core: Mutex::new(core),
            durable: Mutex::new(Durable { position: views.position, poisoned: None }),
            views: RwLock::new(views),
            redactor: Redactor::default(),
            moved: Condvar::new(),
            after_commit: None,
            on_news: None,
        }
    }

    /// Calls `hook` behind commits. It must be quick: who led the commit waits for it.
    #[must_use]
    pub fn with_news(mut self, hook: OnNews) -> Self {
        self.on_news = Some(hook);
        self
    }

    /// Calls `hook` after each commit. The commit is durable and nobody has heard of it: where crash tests end the process.
    /// Whoever submits or reads meanwhile waits for the hook.
    #[must_use]
    pub fn with_hook(mut self, hook: Option<AfterCommit>) -> Self {
        self.after_commit = hook;
        self
    }

    /// Carries out commands, in order, and returns when their events are durable: one outcome for each. They go into
    /// one commit, but one being refused does not hinder the others.
    pub fn submit(&self, submissions: Vec<Submission>) -> Vec<Outcome> {
        // Everything that is recorded passes here.
        let submissions = submissions.into_iter().map(|each| self.redactor.submission(each)).collect();
        let job = Arc::new(Job::new(submissions));
        let led = {
            let mut queue = lock(&self.queue);
            queue.jobs.push_back(job.clone());
            std::mem::replace(&mut queue.led, true)
        };
        if led && let Some(outcomes) = job.wait() {
            return outcomes;
        }
        self.lead()
    }

    /// Commits what is queued, of which the first job is the caller's, and passes the lead on.
    fn lead(&self) -> Vec<Outcome> {
        let jobs = self.drain();
        let abandoned = Abandoned { writer: self, jobs: &jobs };
        let mut outcomes = self.commit(&mut lock(&self.core), &jobs).into_iter();
        std::mem::forget(abandoned);
        let next = {
            let mut queue = lock(&self.queue);
            queue.led = !queue.jobs.is_empty();
            queue.jobs.front().cloned()
        };
        // The next commit need not wait until everybody has heard of this one.
        if let Some(next) = next {
            next.decide(Fate::Lead);
        }
        let own = outcomes.next().expect("the leader's own job is the first that is drained");
        for (job, outcomes) in jobs.iter().skip(1).zip(outcomes) {
            job.decide(Fate::Done(outcomes));
        }
        if let Some(hook) = &self.on_news {
            hook(self);
        }
        own
    }

    /// Carries out one command.
    ///
    /// # Errors
    /// If the domain says no, the disk is full, or the writer is poisoned.
    pub fn submit_one(&self, submission: Submission) -> Outcome {
        self.submit(vec![submission]).pop().expect("one command has one outcome")
    }

    /// Answers a question from the views. The answer is released when all that it could have seen is durable.
    /// `question` must be quick (a page, a look-up): the writer waits for it.
    ///
    /// # Errors
    /// If a commit failed.
    pub fn read<T>(&self, question: impl FnOnce(&Views) -> T) -> Result<T, Poisoned> {
        let (answer, position) = {
            let views = self.views.read().unwrap_or_else(PoisonError::into_inner);
            (question(&views), views.position)
        };
        let mut durable = lock(&self.durable);
        loop {
            if let Some(why) = &durable.poisoned {
                return Err(Poisoned(why.clone()));
            }
            if durable.position >= position {
                return Ok(answer);
            }
            durable = self.moved.wait(durable).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Answers a question from the views at once. What it sees may not be durable yet, and may never be: for hints, behind
    /// which a command follows that is decided anew, and for what a commit that was acknowledged has settled for good.
    pub fn glance<T>(&self, question: impl FnOnce(&Views) -> T) -> T {
        question(&self.views.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps keys out of everything that is recorded.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// The last durable position.
    pub fn position(&self) -> Position {
        lock(&self.durable).position
    }

    /// Why the writer is poisoned, if it is.
    pub fn poisoned(&self) -> Option<String> {
        lock(&self.durable).poisoned.clone()
    }

    /// Waits until something behind `position` is durable, or `patience` is over; returns the last durable position.
    /// A wake-up is a hint: ask the views what there is to do.
    pub fn wait_behind(&self, position: Position, patience: Duration) -> Position {
        let until = Instant::now() + patience;
        let mut durable = lock(&self.durable);
        while durable.position <= position && durable.poisoned.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            durable = self.moved.wait_timeout(durable, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        durable.position
    }

    fn poison(&self, why: &str) {
        lock(&self.durable).poisoned.get_or_insert_with(|| why.to_owned());
        self.moved.notify_all();
    }

    fn drain(&self) -> Vec<Arc<Job>> {
        let mut queue = lock(&self.queue);
        let (mut commands, mut bytes, mut take) = (0, 0, 0);
        for job in &queue.jobs {
            commands += job.count;
            bytes += lock(&job.submissions).iter().map(text_bytes).sum::<usize>();
            if take > 0 && (commands > MAX_COMMANDS_PER_COMMIT || bytes > MAX_BYTES_PER_COMMIT) {
                break;
            }
            take += 1;
        }
        queue.jobs.drain(..take).collect()
    }

    /// One commit: decide all, make durable; the outcomes may be released.
    fn commit(&self, core: &mut Core, jobs: &[Arc<Job>]) -> Vec<Vec<Outcome>> {
        let all = |error: &SubmitError| jobs.iter().map(|job| vec![Err(error.clone()); job.count]).collect();
        if let Some(why) = self.poisoned() {
            return all(&SubmitError::Poisoned(why));
        }
        let submissions: Vec<Vec<Submission>> =
            jobs.iter().map(|job| std::mem::take(&mut *lock(&job.submissions))).collect();
        let needed = submissions.iter().flatten().map(|each| text_bytes(each) + RECORD_OVERHEAD).sum::<usize>();
        if let Err(error) = core.store.room(needed as u64) {
            return all(&error.into());
        }
        let mut commit = Commit::default();
        let outcomes = submissions.into_iter().map(|each| self.decide_job(core, each, &mut commit)).collect();
        if let Err(error) = commit.append(core) {
            let why = error.to_string();
            self.poison(&why);
            return all(&SubmitError::Poisoned(why));
        }
        if !commit.events.is_empty() {
            if let Some(hook) = &self.after_commit {
                hook(core.head.position);
            }
            lock(&self.durable).position = core.head.position;
            self.moved.notify_all();
        }
        outcomes
    }

    fn decide_job(&self, core: &mut Core, submissions: Vec<Submission>, commit: &mut Commit) -> Vec<Outcome> {
        let mut views = self.views.write().unwrap_or_else(PoisonError::into_inner);
        let now = core.world.now().max(views.at);
        let outcomes = submissions.into_iter().map(|submission| {
            let context = Context::of(&submission);
            match decide(&views, submission, now, &mut || core.world.fresh_id())? {
                Decision::Already(receipt) => Ok(receipt),
                Decision::Record(events) => Ok(commit.record(core, &mut views, now, &context, events)),
            }
        });
        outcomes.collect()
    }
}

/// What the envelope of every event of a command takes from its submission.
struct Context {
    actor: zo_projections::Actor,
    causation: Option<Position>,
    correlation: Option<u128>,
    idempotency: Option<u128>,
}

impl Context {
    fn of(submission: &Submission) -> Self {
        Self {
            actor: submission.actor,
            causation: submission.causation,
            correlation: submission.correlation,
            idempotency: submission.idempotency,
        }
    }
}

/// Events that were decided and applied, on their way to the disk.
#[derive(Default)]
struct Commit {
    events: Vec<(Recorded, Option<Vec<u8>>)>,
    /// For each command with events: how many events were there when it had been decided.
    ends: Vec<usize>,
}

impl Commit {
    /// Gives the events of one command their envelopes and applies them to the views.
    fn record(
        &mut self,
        core: &mut Core,
        views: &mut Views,
        now: Timestamp,
        context: &Context,
        events: Vec<NewEvent>,
    ) -> Receipt {
        let count = events.len();
        let mut receipt = None;
        for (index, NewEvent { stream, event, body }) in events.into_iter().enumerate() {
            let state = views.streams.get(stream);
            let mut key = state.map_or(KeyId::NONE, |state| state.key);
            if body.is_some() && key == KeyId::NONE {
                core.last_key = KeyId(core.last_key.0 + 1);
                key = core.last_key;
            }
            let header = Header {
                position: views.position.next(),
                id: EventId(core.world.fresh_id()),
                stream,
                version: state.map_or(0, |state| state.version) + 1,
                at: now,
                actor: context.actor,
                causation: context.causation,
                correlation: context.correlation,
                idempotency: context.idempotency.filter(|_| index + 1 == count),
                key: if body.is_some() { key } else { KeyId::NONE },
                body: BodyPlace::None,
            };
            let recorded = Recorded { header, event };
            views.apply(&recorded);
            receipt = Some(Receipt {
                stream,
                position: header.position,
                version: header.version,
                events: u32::try_from(count).expect("a command leads to a handful of events"),
            });
            self.events.push((recorded, body));
        }
        self.ends.push(self.events.len());
        receipt.expect("a decision that records has at least one event")
    }

    /// Seals, packs and appends. Packs end between commands, so that a command is there whole or not at all.
    fn append(&mut self, core: &mut Core) -> Result<(), CommitError> {
        if self.events.is_empty() {
            return Ok(());
        }
        core.bodies.ensure_keys(core.last_key)?;
        let mut packs = Vec::new();
        let mut head = core.head;
        let mut records = Vec::with_capacity(TARGET_BYTES * 2);
        let (mut begun, count) = (0, self.events.len());
        let mut ends = self.ends.iter().copied().peekable();
        for (index, (recorded, body)) in self.events.iter_mut().enumerate() {
            let sealed = match body {
                Some(plain) => core.bodies.seal(&mut recorded.header, plain)?,
                None => Vec::new(),
            };
            record::write(&recorded.header, &recorded.event, &sealed, &mut records);
            if ends.next_if_eq(&(index + 1)).is_some() && (records.len() >= TARGET_BYTES || index + 1 == count) {
                let count = u32::try_from(index + 1 - begun).expect("a pack has far fewer events");
                let pack = Pack::build(&head, count, &records);
                head = pack.head();
                packs.push(pack);
                records.clear();
                begun = index + 1;
            }
        }
        core.head = core.store.append(core.head, &packs)?;
        Ok(())
    }
}

/// Why a commit did not become durable. It poisons the writer.
#[derive(Debug, thiserror::Error)]
enum CommitError {
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Bodies(#[from] crate::bodies::BodyError),
}

impl From<AppendError> for SubmitError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::DiskFull { available, needed } => Self::DiskFull { available, needed },
            other => Self::Poisoned(other.to_string()),
        }
    }
}

impl Job {
    fn new(submissions: Vec<Submission>) -> Self {
        Self {
            count: submissions.len(),
            submissions: Mutex::new(submissions),
            fate: Mutex::new(Fate::Queued),
            decided: Condvar::new(),
        }
    }

    /// Waits for the outcomes; `None` if the caller is to lead.
    fn wait(&self) -> Option<Vec<Outcome>> {
        let mut fate = lock(&self.fate);
        loop {
            match std::mem::replace(&mut *fate, Fate::Queued) {
                Fate::Done(outcomes) => return Some(outcomes),
                Fate::Lead => return None,
                Fate::Queued => fate = self.decided.wait(fate).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn decide(&self, fate: Fate) {
        *lock(&self.fate) = fate;
        self.decided.notify_one();
    }
}

/// Jobs whose leader panics in the middle of the commit: nobody may wait for it for ever, and nothing more is written.
struct Abandoned<'a> {
    writer: &'a Writer,
    jobs: &'a [Arc<Job>],
}

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        let why = "a commit ended in a panic";
        self.writer.poison(why);
        let mut queue = lock(&self.writer.queue);
        queue.led = false;
        for job in self.jobs.iter().skip(1).cloned().chain(queue.jobs.drain(..)) {
            job.decide(Fate::Done(vec![Err(SubmitError::Poisoned(why.to_owned())); job.count]));
        }
    }
}

/// About how many bytes of text a command brings along.
fn text_bytes(submission: &Submission) -> usize {
    use zo_projections::Command::{
        AddMessage, Answer, AppendPlaceholder, Ask, FailRun, FinishRun, Memorize, RecordCallFailure, RecordRecall,
        SetKey, Supersede,
    };
    let message_bytes = |message: &NewMessage| {
        message.body.content.len()
            + message.body.meta.as_ref().map_or(0, String::len)
            + message.body.tool_calls.iter().map(|call| call.arguments.len() + 256).sum::<usize>()
    };
    let file_bytes = |files: &[NewFile]| files.iter().map(|file| file.bytes.len() + RECORD_OVERHEAD).sum::<usize>();
    let request_bytes = |request: &RequestBody| {
        request.system.as_ref().map_or(0, String::len) + request.schema.as_ref().map_or(0, String::len)
    };
    match &submission.command {
        Memorize { body, .. } | Supersede { body, .. } => {
            body.content.len() + body.meta.as_ref().map_or(0, String::len) + body.name.as_ref().map_or(0, String::len)
        }
        AddMessage { message, files, .. } => message_bytes(message) + file_bytes(files),
        Ask { message, files, request, .. } => message_bytes(message) + file_bytes(files) + request_bytes(request),
        Answer { request, .. } => request_bytes(request),
        FinishRun { message, .. } => message_bytes(message),
        RecordCallFailure { reason, .. } | FailRun { reason, .. } => reason.len(),
        SetKey { value, .. } => value.len(),
        RecordRecall { passages, .. } => passages.len() * 64,
        AppendPlaceholder { filling, .. } => filling.len(),
        _ => 0,
    }
}

/// A std mutex is held here only around a few field accesses (or, for the core, a commit, which marks itself
/// poisoned when it fails), so a panic elsewhere leaves nothing half-done behind it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
