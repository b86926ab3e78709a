//! What `zo bench` and the benches measure: durable appends and replay, each beside what the disk itself allows.
//!
//! Everything is measured in rounds that take turns, in one run on one disk, so that a machine whose speed drifts
//! cannot favour one side. Figures are medians.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;
use zo_projections::command::{NewMessage, Parent};
use zo_projections::event::conversation::{MessageBody, Role};
use zo_projections::event::memory;
use zo_projections::{Actor, Category, Command, ConversationId, MessageId, Position, StreamId, Submission, Views};

use crate::disk::{DiskError, files};
use crate::engine::Engine;
use crate::fold::{self, FoldError};
use crate::writer::SubmitError;

/// Length of one event's record in the append bench, in bytes: what an ordinary job event takes.
pub const EVENT_BYTES: usize = 250;
/// The most events that one commit of the append bench may have.
pub const MAX_BATCH: usize = 4096;
/// A record's header and the fields of a placeholder, which are part of those bytes.
const PLACEHOLDER_OVERHEAD: usize = 72 + 8 + 8 + 10;

/// Why something could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A file system in memory makes nothing durable: its figures would mean nothing.
    #[error("{0} is on a file system in memory, where nothing is durable; use a folder on a real disk")]
    InMemory(String),
    /// The disk says no.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The log could not be written.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The log could not be read.
    #[error(transparent)]
    Fold(#[from] FoldError),
}

/// Refuses folders where durability costs nothing.
///
/// # Errors
/// If `folder` is on a file system in memory.
pub fn check_disk(folder: &Path) -> Result<(), BenchError> {
    if files::is_tmpfs(folder)? {
        return Err(BenchError::InMemory(folder.display().to_string()));
    }
    Ok(())
}

/// Durations of rounds of one contestant.
#[derive(Clone, Debug, Default)]
pub struct Rounds(Vec<Duration>);

impl Rounds {
    /// Runs and times one round.
    ///
    /// # Errors
    /// Those of the round.
    pub fn time<T, E>(&mut self, round: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let begun = Instant::now();
        let result = round()?;
        self.0.push(begun.elapsed());
        Ok(result)
    }

    /// How many rounds there were.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The duration that a share of the rounds (0 to 1) does not exceed.
    pub fn quantile(&self, share: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let index = (share.clamp(0.0, 1.0) * last as f64).round() as usize;
        sorted.get(index).copied().unwrap_or_default()
    }

    /// All rounds together.
    pub fn total(&self) -> Duration {
        self.0.iter().sum()
    }
}

/// A file that is appended to and synced: what the disk allows a naive log.
pub struct RawFile {
    file: File,
}

impl RawFile {
    /// A new file at `path`.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn create(path: &Path) -> Result<Self, BenchError> {
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(DiskError::on("create", path))?;
        Ok(Self { file })
    }

    /// Appends and syncs.
    ///
    /// # Errors
    /// If the disk says no.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), BenchError> {
        let path = Path::new("the raw file");
        self.file.write_all(bytes).map_err(DiskError::on("write", path))?;
        self.file.sync_data().map_err(DiskError::on("sync", path))?;
        Ok(())
    }
}

/// Bytes that do not compress, from a seed.
pub struct Noise(u64);

impl Noise {
    /// Noise from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next_u64() % limit.max(1)
    }

    /// So many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count + 8);
        while bytes.len() < count {
            bytes.extend_from_slice(&self.next_u64().to_le_bytes());
        }
        bytes.truncate(count);
        bytes
    }

    /// Words, at least `length` bytes of them.
    pub fn text(&mut self, length: usize) -> String {
        const WORDS: [&str; 24] = [
            "the",
            "log",
            "keeps",
            "every",
            "event",
            "and",
            "a",
            "view",
            "is",
            "folded",
            "from",
            "it",
            "when",
            "nodes",
            "ask",
            "about",
            "schedules",
            "jobs",
            "or",
            "memory",
            "again",
            "tomorrow",
            "morning",
            "release",
        ];
        let mut text = String::with_capacity(length + 12);
        while text.len() < length {
            let word = usize::try_from(self.below(WORDS.len() as u64)).expect("a small number");
            text.push_str(WORDS[word]);
            text.push(' ');
        }
        text
    }
}

/// Commands that append `count` events of [`EVENT_BYTES`] to one stream.
pub fn placeholders(noise: &mut Noise, stream: StreamId, count: usize) -> Vec<Submission> {
    let filling = EVENT_BYTES - PLACEHOLDER_OVERHEAD;
    let commands = (0..count).map(|_| {
        let stands_for = "job.ticked".to_owned();
        Submission::new(Actor::Client, Command::AppendPlaceholder { stream, stands_for, filling: noise.bytes(filling) })
    });
    commands.collect()
}

/// Figures of durable appends, beside a raw file's.
#[derive(Clone, Debug, Serialize)]
pub struct AppendFigures {
    /// Events per commit.
    pub batch: usize,
    /// Commits made.
    pub commits: usize,
    /// Events per second, durable.
    pub events_per_second: f64,
    /// Median time of a commit, in microseconds.
    pub commit_p50_us: f64,
    /// 99th percentile, in microseconds.
    pub commit_p99_us: f64,
    /// The same bytes appended to a raw file with fdatasync: events per second.
    pub raw_events_per_second: f64,
    /// Median time of a raw append, in microseconds.
    pub raw_p50_us: f64,
    /// Median of the raw time over the median of ours: above 1 we are faster.
    pub ratio_to_raw: f64,
}

/// Appends for `duration`, in turns with a raw file beside the home.
///
/// # Errors
/// If the home is on a file system in memory, or cannot be written.
pub fn append(engine: &Engine, batch: usize, duration: Duration) -> Result<AppendFigures, BenchError> {
    let folder = engine.home().folder();
    check_disk(folder)?;
    let raw_path = folder.join("bench-raw.tmp");
    let mut raw = RawFile::create(&raw_path)?;
    let mut noise = Noise::new(batch as u64);
    let stream = StreamId::new(Category::Job, engine.world.fresh_id());
    let (mut ours, mut raws) = (Rounds::default(), Rounds::default());
    let begun = Instant::now();
    while begun.elapsed() < duration {
        let submissions = placeholders(&mut noise, stream, batch);
        ours.time(|| engine.writer().submit(submissions).into_iter().collect::<Result<Vec<_>, _>>())?;
        let bytes = noise.bytes(batch * EVENT_BYTES);
        raws.time(|| raw.append(&bytes))?;
    }
    std::fs::remove_file(&raw_path).map_err(DiskError::on("remove", &raw_path))?;
    Ok(AppendFigures {
        batch,
        commits: ours.count(),
        events_per_second: per_second(ours.count() * batch, ours.total()),
        commit_p50_us: micros(ours.quantile(0.5)),
        commit_p99_us: micros(ours.quantile(0.99)),
        raw_events_per_second: per_second(raws.count() * batch, raws.total()),
        raw_p50_us: micros(raws.quantile(0.5)),
        ratio_to_raw: raws.quantile(0.5).as_secs_f64() / ours.quantile(0.5).as_secs_f64(),
    })
}

/// Figures of a replay.
#[derive(Clone, Debug, Serialize)]
pub struct ReplayFigures {
    /// Events folded in each round.
    pub events: u64,
    /// Rounds.
    pub rounds: usize,
    /// Median events per second: read, verified, decoded, folded.
    pub events_per_second: f64,
    /// Median seconds of a round.
    pub seconds: f64,
}

/// Folds the whole log `rounds` times, without snapshots.
///
/// # Errors
/// If the log cannot be read.
pub fn replay(engine: &Engine, rounds: usize) -> Result<ReplayFigures, BenchError> {
    let head = engine.writer().position();
    let mut times = Rounds::default();
    for _ in 0..rounds {
        times.time(|| {
            let mut views = Views::default();
            fold::catch_up(engine.reader().store(), &mut views, head, &mut |_| {})
        })?;
    }
    let median = times.quantile(0.5);
    Ok(ReplayFigures {
        events: head.0,
        rounds,
        events_per_second: per_second(usize::try_from(head.0).unwrap_or(usize::MAX), median),
        seconds: median.as_secs_f64(),
    })
}

/// Writes a home as it would be after years: 30 % messages, 10 % memories, the rest placeholders of jobs, runs and ticks
/// of their size. `progress` is told the position now and then.
///
/// # Errors
/// If the log cannot be written.
pub fn generate(engine: &Engine, events: u64, seed: u64, progress: &mut dyn FnMut(Position)) -> Result<(), BenchError> {
    const BATCH: usize = 1000;
    const MESSAGES_PER_CONVERSATION: u64 = 30;
    let mut noise = Noise::new(seed);
    let mut jobs: Vec<StreamId> = Vec::new();
    let mut conversation = ConversationId(engine.world.fresh_id());
    let mut left = 0;
    while engine.writer().position().0 < events {
        let mut submissions = Vec::with_capacity(BATCH);
        while submissions.len() < BATCH {
            match noise.below(10) {
                0..3 => {
                    if left == 0 {
                        conversation = ConversationId(engine.world.fresh_id());
                        left = 1 + noise.below(2 * MESSAGES_PER_CONVERSATION);
                        submissions.push(Command::StartConversation { id: conversation, name: None, fork_of: None });
                    }
                    left -= 1;
                    let message = message(engine, &mut noise, left % 2 == 0);
                    submissions.push(Command::AddMessage { conversation, message, files: Vec::new() });
                }
                3 => submissions.push(memorize(engine, &mut noise)),
                _ => submissions.push(tick(engine, &mut noise, &mut jobs)),
            }
        }
        let submissions = submissions.into_iter().map(|command| Submission::new(Actor::Client, command)).collect();
        engine.writer().submit(submissions).into_iter().collect::<Result<Vec<_>, _>>()?;
        progress(engine.writer().position());
    }
    Ok(())
}

fn message(engine: &Engine, noise: &mut Noise, from_user: bool) -> NewMessage {
    let length = 20 + usize::try_from(noise.below(160)).expect("a small number");
    NewMessage {
        id: MessageId(engine.world.fresh_id()),
        parent: Parent::Selected,
        role: if from_user { Role::User } else { Role::Assistant },
        body: MessageBody { content: noise.text(length), ..MessageBody::default() },
        model: (!from_user).then(|| "offline".to_owned()),
        occurred_at: None,
        interrupted: false,
        selected: true,
    }
}

fn memorize(engine: &Engine, noise: &mut Noise) -> Command {
    let length = 40 + usize::try_from(noise.below(200)).expect("a small number");
    let content = format!("{} {}", noise.text(length), noise.next_u64());
    let digest = engine.names().content(&content, None);
    let body = memory::Body { name: None, content, meta: None };
    Command::Memorize { id: None, digest, occurred_at: None, body }
}

/// An event of a job, a run or a schedule: most of them of a stream that is young.
fn tick(engine: &Engine, noise: &mut Noise, jobs: &mut Vec<StreamId>) -> Command {
    if jobs.is_empty() || noise.below(4) == 0 {
        let category = [Category::Job, Category::Run, Category::Schedule][usize::try_from(noise.below(3)).unwrap_or(0)];
        jobs.push(StreamId::new(category, engine.world.fresh_id()));
    }
    let young = noise.below(64).min(jobs.len() as u64 - 1);
    let stream = jobs[jobs.len() - 1 - usize::try_from(young).expect("a small number")];
    let filling = 60 + usize::try_from(noise.below(180)).expect("a small number");
    let stands_for = format!("{}.ticked", stream.category.name());
    Command::AppendPlaceholder { stream, stands_for, filling: noise.bytes(filling) }
}

fn per_second(count: usize, duration: Duration) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let count = count as f64;
    count / duration.as_secs_f64().max(f64::MIN_POSITIVE)
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
