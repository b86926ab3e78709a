//! Reads the table back from tantivy's columns, and follows what commits and merges do to the
//! segments.

use std::collections::HashMap;
use std::sync::Arc;

use tantivy::columnar::{Column, ColumnValues, StrColumn};
use tantivy::index::SegmentId;
use tantivy::{Searcher, SegmentReader};

use super::{Address, Entry, NONE, Table};
use crate::document::Kind;
use crate::error::Failure;
use crate::schema::column;

/// Documents whose columns are read at a time.
const CHUNK: usize = 1_024;

/// The committed segments: for each its slot, which it keeps as long as it lives while its place in
/// the searcher changes with commits and merges.
#[derive(Clone, Default)]
pub(crate) struct Segments {
    /// In the searcher's order.
    live: Vec<Segment>,
    /// By slot, the place of its segment in `live`, or [`NONE`].
    places: Vec<u32>,
}

/// A committed segment.
#[derive(Clone)]
pub(crate) struct Segment {
    id: SegmentId,
    slot: u32,
    /// By document number within the segment, the ordinal.
    pub(crate) ordinals: Arc<dyn ColumnValues<u64>>,
}

impl Segments {
    /// The segments of `searcher`: those that are among `self` keep their slots. The others are
    /// listed, by place.
    pub(crate) fn follow(&self, searcher: &Searcher) -> Result<(Segments, Vec<usize>), Failure> {
        let known: HashMap<SegmentId, &Segment> = self.live.iter().map(|segment| (segment.id, segment)).collect();
        let mut live = Vec::new();
        let mut new = Vec::new();
        for (place, reader) in searcher.segment_readers().iter().enumerate() {
            let id = reader.segment_id();
            if let Some(segment) = known.get(&id) {
                live.push((*segment).clone());
            } else {
                new.push(place);
                let ordinals = full(reader.fast_fields().u64(column::ORDINAL)?, reader, column::ORDINAL)?;
                live.push(Segment { id, slot: NONE, ordinals });
            }
        }
        let mut places = vec![NONE; self.places.len()];
        for (place, segment) in live.iter().enumerate().filter(|(_, segment)| segment.slot != NONE) {
            places[segment.slot as usize] = place as u32;
        }
        for place in &new {
            let slot = places.iter().position(|taken| *taken == NONE).unwrap_or_else(|| {
                places.push(NONE);
                places.len() - 1
            });
            places[slot] = *place as u32;
            live[*place].slot = slot as u32;
        }
        Ok((Segments { live, places }, new))
    }

    /// One segment, by its place in the searcher.
    pub(crate) fn at(&self, place: usize) -> &Segment {
        &self.live[place]
    }

    /// The place in the searcher of the segment in a slot.
    pub(crate) fn place(&self, slot: u32) -> Option<u32> {
        self.places.get(slot as usize).copied().filter(|place| *place != NONE)
    }
}

impl Segment {
    /// Its slot.
    pub(crate) fn slot(&self) -> u32 {
        self.slot
    }

    /// The ordinals of all its documents, by number within the segment.
    pub(crate) fn all_ordinals(&self) -> Vec<u32> {
        let mut wide = [0; CHUNK];
        let count = self.ordinals.num_vals();
        let mut ordinals = Vec::with_capacity(count as usize);
        for start in (0..count).step_by(CHUNK) {
            let wide = &mut wide[..CHUNK.min((count - start) as usize)];
            self.ordinals.get_range(u64::from(start), wide);
            ordinals.extend(wide.iter().map(|ordinal| u32::try_from(*ordinal).unwrap_or(NONE)));
        }
        ordinals
    }
}

impl Table {
    /// The table of all committed documents.
    ///
    /// # Errors
    /// [`Failure::Damaged`] if they are not numbered through, or not in the order of their
    /// positions.
    pub(crate) fn load(searcher: &Searcher, segments: &Segments) -> Result<Table, Failure> {
        let count = usize::try_from(searcher.num_docs()).unwrap_or(usize::MAX);
        let mut table = Table::default();
        let mut entries = vec![NOT_LOADED; count];
        for (reader, segment) in searcher.segment_readers().iter().zip(&segments.live) {
            table.load_segment(reader, segment, &mut entries)?;
        }
        table.entries = entries;
        table.number_rows()?;
        Ok(table)
    }

    fn load_segment(
        &mut self,
        reader: &SegmentReader,
        segment: &Segment,
        entries: &mut [Entry],
    ) -> Result<(), Failure> {
        let columns = Columns::open(reader)?;
        let sessions = names(&columns.sessions, |name| self.sessions.number(name))?;
        let speakers = names(&columns.speakers, |name| self.speakers.number(name))?;
        let session_numbers = full(columns.sessions.ords().clone(), reader, column::SESSION)?;
        let speaker_numbers = full(columns.speakers.ords().clone(), reader, column::SPEAKER)?;
        let mut buffers = Buffers::default();
        for start in (0..reader.max_doc()).step_by(CHUNK) {
            let count = CHUNK.min((reader.max_doc() - start) as usize);
            let from = u64::from(start);
            let read = |column: &Arc<dyn ColumnValues<u64>>, into: &mut [u64; CHUNK]| {
                column.get_range(from, &mut into[..count]);
            };
            read(&segment.ordinals, &mut buffers.ordinals);
            read(&columns.positions, &mut buffers.positions);
            read(&columns.item_high, &mut buffers.item_high);
            read(&columns.item_low, &mut buffers.item_low);
            read(&columns.passages, &mut buffers.passages);
            read(&columns.kinds, &mut buffers.kinds);
            read(&columns.asks, &mut buffers.asks);
            read(&session_numbers, &mut buffers.sessions);
            read(&speaker_numbers, &mut buffers.speakers);
            columns.whens.get_range(from, &mut buffers.whens[..count]);
            for at in 0..count {
                let ordinal = buffers.ordinals[at];
                let kind = Kind::from_number(buffers.kinds[at]);
                let session = sessions.get(buffers.sessions[at] as usize);
                let speaker = speakers.get(buffers.speakers[at] as usize);
                let free = entries.get_mut(ordinal as usize).filter(|entry| entry.address == Address::NONE);
                let (Some(entry), Some(kind), Some(session), Some(speaker)) = (free, kind, session, speaker) else {
                    return Err(Failure::Damaged(format!("document {ordinal} makes no sense")));
                };
                *entry = Entry {
                    item: u128::from(buffers.item_high[at]) << 64 | u128::from(buffers.item_low[at]),
                    position: buffers.positions[at],
                    when_ms: buffers.whens[at],
                    // A count until all are known.
                    first_row: buffers.passages[at] as u32,
                    session: *session,
                    speaker: *speaker,
                    previous: NONE,
                    next: NONE,
                    address: Address { slot: segment.slot, doc: start + at as u32 },
                    kind,
                    asks: buffers.asks[at] != 0,
                };
            }
        }
        Ok(())
    }

    /// Numbers the passages through, links the sessions, and checks the order of the positions.
    fn number_rows(&mut self) -> Result<(), Failure> {
        let mut before = None;
        for ordinal in 0..self.len() {
            let entry = &mut self.entries[ordinal as usize];
            // As many entries as documents, and none was filled twice: so all are filled.
            if before.is_some_and(|before| before >= entry.position) {
                return Err(Failure::Damaged(format!("document {ordinal} is not behind the one before it")));
            }
            before = Some(entry.position);
            let passages = std::mem::replace(&mut entry.first_row, self.rows);
            self.rows = self
                .rows
                .checked_add(passages)
                .ok_or_else(|| Failure::Damaged("it has more than four billion passages".to_owned()))?;
            self.link(ordinal);
            self.row_blocks.cover(self.rows, ordinal);
        }
        Ok(())
    }
}

const NOT_LOADED: Entry = Entry {
    item: 0,
    position: 0,
    when_ms: 0,
    first_row: 0,
    session: NONE,
    speaker: NONE,
    previous: NONE,
    next: NONE,
    address: Address::NONE,
    kind: Kind::Memory,
    asks: false,
};

/// The columns of one segment.
struct Columns {
    positions: Arc<dyn ColumnValues<u64>>,
    item_high: Arc<dyn ColumnValues<u64>>,
    item_low: Arc<dyn ColumnValues<u64>>,
    whens: Arc<dyn ColumnValues<i64>>,
    passages: Arc<dyn ColumnValues<u64>>,
    kinds: Arc<dyn ColumnValues<u64>>,
    asks: Arc<dyn ColumnValues<u64>>,
    sessions: StrColumn,
    speakers: StrColumn,
}

impl Columns {
    fn open(reader: &SegmentReader) -> Result<Columns, Failure> {
        let columns = reader.fast_fields();
        let numbers = |name| full(columns.u64(name)?, reader, name);
        let names =
            |name: &str| columns.str(name)?.ok_or_else(|| Failure::Damaged(format!("the column {name} is missing")));
        Ok(Columns {
            positions: numbers(column::POSITION)?,
            item_high: numbers(column::ITEM_HIGH)?,
            item_low: numbers(column::ITEM_LOW)?,
            whens: full(columns.i64(column::WHEN)?, reader, column::WHEN)?,
            passages: numbers(column::PASSAGES)?,
            kinds: numbers(column::KIND)?,
            asks: numbers(column::ASKS)?,
            sessions: names(column::SESSION)?,
            speakers: names(column::SPEAKER)?,
        })
    }
}

/// What has been read of one chunk of documents.
struct Buffers {
    ordinals: [u64; CHUNK],
    positions: [u64; CHUNK],
    item_high: [u64; CHUNK],
    item_low: [u64; CHUNK],
    whens: [i64; CHUNK],
    passages: [u64; CHUNK],
    kinds: [u64; CHUNK],
    asks: [u64; CHUNK],
    sessions: [u64; CHUNK],
    speakers: [u64; CHUNK],
}

impl Default for Buffers {
    fn default() -> Self {
        let none = [0; CHUNK];
        Buffers {
            ordinals: none,
            positions: none,
            item_high: none,
            item_low: none,
            whens: [0; CHUNK],
            passages: none,
            kinds: none,
            asks: none,
            sessions: none,
            speakers: none,
        }
    }
}

/// A column in which every document has a value.
fn full<T: PartialOrd + Copy + std::fmt::Debug + Send + Sync + 'static>(
    column: Column<T>,
    reader: &SegmentReader,
    name: &str,
) -> Result<Arc<dyn ColumnValues<T>>, Failure> {
    let is_full = column.get_cardinality() == tantivy::columnar::Cardinality::Full;
    if !is_full || column.values.num_vals() != reader.max_doc() {
        return Err(Failure::Damaged(format!("the column {name} has gaps")));
    }
    Ok(column.values)
}

/// What `number` makes of each name of a column, in the order of the column's dictionary.
fn names(column: &StrColumn, mut number: impl FnMut(&str) -> u32) -> Result<Vec<u32>, Failure> {
    let mut numbers = Vec::with_capacity(column.num_terms());
    let mut stream = column.dictionary().stream()?;
    while stream.advance() {
        let name = std::str::from_utf8(stream.key());
        numbers.push(number(name.map_err(|error| Failure::Damaged(error.to_string()))?));
    }
    Ok(numbers)
}
