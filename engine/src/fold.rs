//! Folding the log into views: at a cold start, for a rebuild, for `--at`, for a snapshot.
//!
//! Reading and decoding runs on one thread, folding on the caller's: on two cores that halves the time.

use std::sync::mpsc::sync_channel;
use std::thread;

use zo_projections::event::EventError;
use zo_projections::record::RecordError;
use zo_projections::{Position, Recorded, Views};

use crate::log::Pack;
use crate::store::{ReadError, Store};

/// How many bytes of packs are read at a time.
const CHUNK_BYTES: usize = 1024 * 1024;
/// How many decoded chunks wait for the fold at the most: the reader is at most this far ahead.
const CHUNKS_AHEAD: usize = 4;
/// Below this many events a second thread is not worth starting.
const WORTH_A_THREAD: u64 = 4096;

/// Why the log could not be folded.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A record in a verified pack is not as it should be.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// An event cannot be decoded.
    #[error("the event at position {position}: {source}")]
    Event {
        /// Its position.
        position: Position,
        /// Why.
        source: EventError,
    },
    /// The log ends before the position asked for.
    #[error("the log ends at position {head}, before position {wanted}")]
    Short {
        /// Where it ends.
        head: Position,
        /// What was asked for.
        wanted: Position,
    },
}

/// Reads the packs of a store from `from` on, up to the pack that contains `to`, in chunks.
pub fn packs(
    store: &dyn Store,
    from: Position,
    to: Position,
) -> impl Iterator<Item = Result<Vec<Pack>, ReadError>> + use<'_> {
    let mut next = from;
    std::iter::from_fn(move || {
        if next > to {
            return None;
        }
        match store.read(next, CHUNK_BYTES) {
            Ok(mut packs) => {
                packs.retain(|pack| pack.first() <= to);
                next = packs.last()?.last().next();
                Some(Ok(packs))
            }
            Err(error) => {
                next = to.next();
                Some(Err(error))
            }
        }
    })
}

/// The events of `pack` from `from` to `to`, decoded.
///
/// # Errors
/// If a record or event cannot be read.
pub fn events(pack: &Pack, from: Position, to: Position, out: &mut Vec<Recorded>) -> Result<(), FoldError> {
    for record in pack.records() {
        let record = record?;
        let position = record.header.position;
        if position >= from && position <= to {
            out.push(record.decode().map_err(|source| FoldError::Event { position, source })?);
        }
    }
    Ok(())
}

/// Folds everything behind `views` up to `to` into them. `progress` is told the position now and then.
///
/// # Errors
/// If the log cannot be read that far; the views are then as of some position before.
pub fn catch_up(
    store: &dyn Store,
    views: &mut Views,
    to: Position,
    progress: &mut dyn FnMut(Position),
) -> Result<(), FoldError> {
    let from = views.position.next();
    let mut fold = |chunk: Vec<Recorded>| {
        for recorded in &chunk {
            views.apply(recorded);
        }
        progress(views.position);
    };
    if to.0.saturating_sub(from.0) < WORTH_A_THREAD {
        for chunk in packs(store, from, to) {
            fold(decode(&chunk?, from, to)?);
        }
    } else {
        thread::scope(|scope| {
            let (tx, rx) = sync_channel::<Result<Vec<Recorded>, FoldError>>(CHUNKS_AHEAD);
            scope.spawn(move || {
                for chunk in packs(store, from, to) {
                    let chunk = chunk.map_err(FoldError::from).and_then(|packs| decode(&packs, from, to));
                    let stop = chunk.is_err();
                    // The receiver is gone only if folding ended early, which it does on an error alone.
                    if tx.send(chunk).is_err() || stop {
                        return;
                    }
                }
            });
            for chunk in rx {
                fold(chunk?);
            }
            Ok::<(), FoldError>(())
        })?;
    }
    if views.position < to {
        return Err(FoldError::Short { head: views.position, wanted: to });
    }
    Ok(())
}

fn decode(packs: &[Pack], from: Position, to: Position) -> Result<Vec<Recorded>, FoldError> {
    let count = packs.iter().map(|pack| pack.count() as usize).sum();
    let mut decoded = Vec::with_capacity(count);
    for pack in packs {
        events(pack, from, to, &mut decoded)?;
    }
    Ok(decoded)
}
