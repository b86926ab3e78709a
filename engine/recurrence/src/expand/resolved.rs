//! Wall times into instants, strictly increasing.
//!
//! Where clocks are put forward, wall times and instants are not in the same order: 2:30 on such a night is the same
//! instant as 3:30, and later than 3:00. So what falls into a gap is held back until a wall time behind the gap shows
//! how far it is safe to go; times that meet are one occurrence.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;

use super::Hit;
use super::calendar::{Calendar, Walls};
use crate::zone::Zone;

/// The occurrences of a calendar rule later than a cursor.
#[derive(Debug)]
pub(crate) struct ResolvedStream<'a> {
    walls: Walls<'a>,
    zone: Zone,
    cursor: i64,
    until: i64,
    /// Instants that wait, with their wall times: at most those of one gap, and one behind it.
    held: BTreeMap<i64, NaiveDateTime>,
    /// No instant that is still to come is earlier.
    safe: i64,
}

impl<'a> ResolvedStream<'a> {
    pub(crate) fn new(calendar: &'a Calendar, zone: Zone, cursor: i64) -> Self {
        let until = calendar.until.map_or(i64::MAX, |until| until.timestamp());
        let walls = calendar.walls(zone.earliest_wall_after(cursor));
        Self { walls, zone, cursor, until, held: BTreeMap::new(), safe: i64::MIN }
    }

    pub(crate) fn next(&mut self) -> Option<Hit> {
        loop {
            if let Some(entry) = self.held.first_entry().filter(|entry| *entry.key() <= self.safe) {
                let (instant, wall) = entry.remove_entry();
                if instant <= self.cursor {
                    continue;
                }
                self.cursor = instant;
                return (instant <= self.until).then_some(Hit { instant, wall });
            }
            match self.walls.next() {
                Some(wall) => {
                    let resolved = self.zone.resolve(wall);
                    self.held.entry(resolved.instant).or_insert(wall);
                    if !resolved.in_gap {
                        self.safe = resolved.instant;
                    }
                }
                None if self.held.is_empty() => return None,
                None => self.safe = i64::MAX,
            }
        }
    }
}
