//! Many memories from a stream: read on one thread, sent on another in batches of what is there, acknowledged in
//! order as they become durable. Both `memorize --jsonl` and `import` go through here.

mod queue;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::ValueEnum;
use zo_engine::client::Client;
use zo_engine::protocol::{Acknowledged, Failure, NewMemory, Outcome, Request};
use zo_import::{ImportError, Imported};
use zo_projections::Actor;
use zo_projections::decide::MAX_TEXT_BYTES;

pub(crate) use queue::Taken;

use crate::context::write;
use crate::error::{CliError, Kind};
use crate::input::check_name;
use crate::interrupt::Interrupt;
use crate::output::{Output, text};
use queue::Queue;

/// The most memories of one request: an fsync each, and an interactive producer has its answer soon.
const BATCH_ITEMS: usize = 256;
/// About the most bytes of one request.
const BATCH_BYTES: usize = 4 << 20;
/// What the reader may be ahead, in bytes: two batches.
const QUEUE_BYTES: usize = 2 * BATCH_BYTES;
/// How often Ctrl-C is looked for while nothing comes.
const PATIENCE: Duration = Duration::from_millis(100);

/// What to do about an item that cannot be taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnError {
    /// Keep what came before it, and stop there.
    #[default]
    Stop,
    /// Say so, and go on.
    Skip,
}

/// An item or a problem of a source, and how far the source was read with it.
pub(crate) type Reading = (Result<Imported, ImportError>, u64);

/// A source that is being read.
pub(crate) struct Source {
    queue: Arc<Queue<Reading>>,
}

impl Source {
    /// Begins to read `items` on a thread of its own; `consumed` says how far it is, in bytes or items.
    pub(crate) fn read<I>(mut items: I, consumed: impl Fn(&I) -> u64 + Send + 'static) -> Self
    where
        I: Iterator<Item = Result<Imported, ImportError>> + Send + 'static,
    {
        let queue = Arc::new(Queue::new(QUEUE_BYTES));
        let handed = Arc::clone(&queue);
        // Nobody waits for this thread: it may hang in a read of stdin for ever, and ends with the process.
        thread::spawn(move || {
            while let Some(item) = items.next() {
                let size = item.as_ref().map_or(0, size_of_item);
                let far = consumed(&items);
                if !handed.push((item, far), size) {
                    break;
                }
            }
            handed.end();
        });
        Self { queue }
    }

    /// What was read by now, once there is something.
    ///
    /// # Errors
    /// [`Kind::Interrupted`] if Ctrl-C came first.
    pub(crate) fn take(&self, interrupt: &Interrupt) -> Result<Taken<Reading>, CliError> {
        loop {
            if interrupt.is_set() {
                return Err(CliError::new(Kind::Interrupted, "interrupted"));
            }
            match self.queue.take(BATCH_ITEMS, BATCH_BYTES, PATIENCE) {
                Taken::Nothing => {}
                taken => return Ok(taken),
            }
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.queue.abandon();
    }
}

/// About how many bytes an item holds.
fn size_of_item(item: &Imported) -> usize {
    match item {
        Imported::Memory(memory) => memory.content.len() + 256,
        Imported::Conversation(conversation) => {
            conversation.messages.iter().map(|message| message.content.len() + 256).sum()
        }
        Imported::KeyValue { key, value, .. } => key.len() + value.len(),
        _ => 1024,
    }
}

/// What became of the items so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Recorded for the first time.
    pub(crate) new: u64,
    /// Recorded in place of other content.
    pub(crate) superseded: u64,
    /// There already, as they are.
    pub(crate) unchanged: u64,
    /// Not taken.
    pub(crate) failed: u64,
}

impl Counts {
    /// Counts something that is in the log now.
    pub(crate) fn add(&mut self, acknowledged: &Acknowledged) {
        match acknowledged.outcome {
            Outcome::New => self.new += 1,
            Outcome::Revised => self.superseded += 1,
            Outcome::Unchanged => self.unchanged += 1,
        }
    }

    /// Items that are in the log now.
    pub(crate) fn kept(&self) -> u64 {
        self.new + self.superseded + self.unchanged
    }

    /// `3 new, 1 superseded, 12 unchanged`; what is zero is left out.
    pub(crate) fn in_words(&self) -> String {
        let words = [
            (self.new, "new"),
            (self.superseded, "superseded"),
            (self.unchanged, "unchanged"),
            (self.failed, "not taken"),
        ];
        let words: Vec<String> = words
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, word)| format!("{} {word}", text::count(number)))
            .collect();
        if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
    }
}

/// Memories on their way into the log.
pub(crate) struct Intake {
    /// The store.
    pub(crate) client: Client,
    /// What became of them so far.
    pub(crate) counts: Counts,
    actor: Actor,
    on_error: OnError,
    /// Whether every acknowledged item is printed.
    acknowledge: bool,
    pending: Vec<(NewMemory, String)>,
}

impl Intake {
    /// An intake that prints `{id, position}` of each memory if `acknowledge` is set.
    pub(crate) fn new(client: Client, actor: Actor, on_error: OnError, acknowledge: bool) -> Self {
        Self { client, counts: Counts::default(), actor, on_error, acknowledge, pending: Vec::new() }
    }

    /// Takes a memory, to be sent with the next [`flush`](Self::flush). `place` says where it was found.
    ///
    /// # Errors
    /// That it cannot be taken, if that is to end the work.
    pub(crate) fn add(&mut self, output: &mut Output, memory: NewMemory, place: String) -> Result<(), CliError> {
        match check(&memory) {
            Ok(()) => self.pending.push((memory, place)),
            Err(error) => self.refuse(output, error.at(&place))?,
        }
        Ok(())
    }

    /// Sends everything taken so far and waits until it is durable.
    ///
    /// # Errors
    /// If the world failed, or an item was refused and that is to end the work.
    pub(crate) fn flush(&mut self, output: &mut Output) -> Result<(), CliError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let (items, places): (Vec<_>, Vec<_>) = self.pending.drain(..).unzip();
        let results = write(&mut self.client, &Request::Memorize { actor: self.actor, items })?;
        let mut refused = Vec::new();
        let mut failed = None;
        for (result, place) in results.into_iter().zip(places) {
            match result {
                Ok(acknowledged) => self.acknowledged(output, &acknowledged)?,
                Err(failure) if failure.is_refusal() => refused.push((failure, place)),
                Err(failure) => failed = failed.or(Some((failure, place))),
            }
        }
        // Whoever reads the acknowledgements has them before anything else is said.
        output.flush()?;
        if let Some((failure, place)) = failed {
            return Err(CliError::from(failure).at(&place));
        }
        refused.into_iter().try_for_each(|(failure, place)| self.refuse_failure(output, failure, &place))
    }

    fn acknowledged(&mut self, output: &mut Output, acknowledged: &Acknowledged) -> Result<(), CliError> {
        self.counts.add(acknowledged);
        if self.acknowledge { output.data(acknowledged) } else { Ok(()) }
    }

    fn refuse_failure(&mut self, output: &mut Output, failure: Failure, place: &str) -> Result<(), CliError> {
        self.refuse(output, CliError::from(failure).at(place))
    }

    /// Deals with an item that cannot be taken: sends what came before it, and stops or says so and goes on.
    ///
    /// # Errors
    /// That it cannot be taken, if that is to end the work.
    pub(crate) fn refuse(&mut self, output: &mut Output, error: CliError) -> Result<(), CliError> {
        self.flush(output)?;
        self.counts.failed += 1;
        match self.on_error {
            OnError::Skip => {
                output.warn(&error);
                Ok(())
            }
            OnError::Stop => Err(CliError {
                kind: Kind::Incomplete,
                message: format!("{}; {}", error.message, kept_before(self.counts.kept())),
                hints: error.hints,
            }
            .hint("mend it and run it again, or leave such items out with --on-error skip")),
        }
    }
}

fn kept_before(kept: u64) -> String {
    match kept {
        0 => "nothing came before it".to_owned(),
        1 => "the one before it is kept".to_owned(),
        _ => format!("the {} before it are kept", text::count(kept)),
    }
}

/// Checks what can be checked without the store, so that the message is about the item and nothing has been sent.
fn check(memory: &NewMemory) -> Result<(), CliError> {
    if let Some(id) = &memory.id {
        check_name("the id", id)?;
    }
    let meta = memory.meta.as_deref().unwrap_or_default();
    for (what, length) in [("the content", memory.content.len()), ("the meta", meta.len())] {
        if length > MAX_TEXT_BYTES {
            let most = text::bytes(MAX_TEXT_BYTES as u64);
            return Err(CliError::invalid(format!(
                "{what} has {} bytes; it may have {most}",
                text::count(length as u64)
            )));
        }
    }
    Ok(())
}
