//! Reading events back: by position, in ranges, with their bodies opened.

use std::ops::ControlFlow;
use std::sync::Arc;

use bincode::Decode;
use zo_projections::event::{EventError, decode_body};
use zo_projections::record::RawRecord;
use zo_projections::{Position, Recorded};

use crate::bodies::{Bodies, BodyError};
use crate::fold::{FoldError, packs};
use crate::log::Pack;
use crate::store::Store;

/// Reads the log of one home. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    store: Arc<dyn Store>,
    bodies: Arc<Bodies>,
}

/// An event, read back.
#[derive(Clone, Debug)]
pub struct ReadEvent {
    /// The event with its header.
    pub recorded: Recorded,
    /// Its opened body: `None` if it has none, or it cannot be opened.
    pub body: Option<Vec<u8>>,
    /// Why its body could not be opened.
    pub sealed: Option<String>,
    /// Length of its record, in bytes.
    pub bytes: usize,
}

impl ReadEvent {
    /// The body as a `T`; `None` if there is none or it cannot be opened.
    ///
    /// # Errors
    /// If the body is not a `T`.
    pub fn body<T: Decode<()>>(&self) -> Result<Option<T>, EventError> {
        let name = self.recorded.event.name();
        self.body.as_ref().map(|body| decode_body(name, self.recorded.event.schema(), body)).transpose()
    }
}

impl Reader {
    /// Reads `store`, opening bodies with `bodies`.
    pub fn new(store: Arc<dyn Store>, bodies: Arc<Bodies>) -> Self {
        Self { store, bodies }
    }

    /// The store.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The event at `position`.
    ///
    /// # Errors
    /// If there is none, or it is damaged. A body that cannot be opened is no error: see [`ReadEvent::sealed`].
    pub fn event(&self, position: Position) -> Result<ReadEvent, FoldError> {
        let found = self.events([position])?.pop();
        found.ok_or_else(|| FoldError::Short { head: self.store.head().position, wanted: position })
    }

    /// The events at `positions`, in that order. Those in one pack are read together if they follow each other.
    ///
    /// # Errors
    /// If one is not there, or damaged.
    pub fn events(&self, positions: impl IntoIterator<Item = Position>) -> Result<Vec<ReadEvent>, FoldError> {
        let mut last: Option<Pack> = None;
        let mut events = Vec::new();
        for position in positions {
            let short = || FoldError::Short { head: self.store.head().position, wanted: position };
            let pack = match last.take() {
                Some(pack) if pack.first() <= position && position <= pack.last() => pack,
                _ => self.store.read(position, 1)?.into_iter().next().ok_or_else(short)?,
            };
            let index = usize::try_from(position.0 - pack.first().0).map_err(|_| short())?;
            let record = pack.records().nth(index).ok_or_else(short)??;
            events.push(self.open(&record)?);
            last = Some(pack);
        }
        Ok(events)
    }

    /// The header of the event at `position`: nothing is decoded or opened.
    ///
    /// # Errors
    /// If there is none, or it is damaged.
    pub fn header(&self, position: Position) -> Result<zo_projections::Header, FoldError> {
        let short = || FoldError::Short { head: self.store.head().position, wanted: position };
        let pack = self.store.read(position, 1)?.into_iter().next().ok_or_else(short)?;
        let index = usize::try_from(position.0 - pack.first().0).map_err(|_| short())?;
        Ok(pack.records().nth(index).ok_or_else(short)??.header)
    }

    /// Calls `each` with every event from `from` to `to`, in order, bodies opened, until it breaks.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn each(
        &self,
        from: Position,
        to: Position,
        each: &mut dyn FnMut(ReadEvent) -> ControlFlow<()>,
    ) -> Result<(), FoldError> {
        self.each_record(from, to, &mut |record| match self.open(record) {
            Ok(event) => Ok(each(event)),
            Err(error) => Err(error),
        })
    }

    /// Calls `each` with every record from `from` to `to`, in order, undecoded, until it breaks.
    ///
    /// # Errors
    /// If one cannot be read, or `each` fails.
    pub fn each_record(
        &self,
        from: Position,
        to: Position,
        each: &mut dyn FnMut(&RawRecord<'_>) -> Result<ControlFlow<()>, FoldError>,
    ) -> Result<(), FoldError> {
        for chunk in packs(&*self.store, from.max(Position(1)), to) {
            for pack in chunk? {
                for record in pack.records() {
                    let record = record?;
                    let position = record.header.position;
                    if position >= from && position <= to && each(&record)?.is_break() {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Decodes a record and opens its body.
    ///
    /// # Errors
    /// If the event cannot be decoded.
    pub fn open(&self, record: &RawRecord<'_>) -> Result<ReadEvent, FoldError> {
        let position = record.header.position;
        let recorded = record.decode().map_err(|source| FoldError::Event { position, source })?;
        let (body, sealed) = match self.bodies.open(record) {
            Ok(body) => (body, None),
            Err(error) => (None, Some(BodyError::to_string(&error))),
        };
        let bytes = zo_projections::record::FIXED + record.event.len() + record.body.len();
        Ok(ReadEvent { recorded, body, sealed, bytes })
    }
}
