//! What is kept in memory of every row: its digest and its code.

use std::fs;
use std::path::Path;

use super::codes::{Code, Codes, LANES};
use super::digests::Digests;
use super::files::{self, Files};
use super::threads::side_by_side;
use crate::error::Failure;

/// Digests and codes of all rows.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) digests: Digests,
    pub(super) codes: Codes,
}

impl Memory {
    /// Loads `codes` and cuts off what is damaged; the second value says why.
    ///
    /// `vectors` is not read, which would take seconds for millions of rows, unless the folder is marked damaged.
    pub(super) fn load(files: &Files, folder: &Path, threads: usize) -> Result<(Memory, Option<String>), Failure> {
        let (codes, vectors) = files.lengths()?;
        let mark = files::mark(folder);
        let (mut memory, mut good) = Memory::read(files, codes.min(vectors), threads)?;
        if mark.exists() {
            good = memory.good_vectors(files, good);
        }
        memory.truncate(good);
        let mut dropped = None;
        if good < codes {
            files.cut_codes(good)?;
            dropped = Some(format!("row {good} is not what was written; of {codes} rows {good} were kept"));
        }
        if mark.exists() {
            fs::remove_file(mark)?;
        }
        Ok((memory, dropped))
    }

    /// Reads so many rows, and says how many of them are what was written.
    fn read(files: &Files, rows: u32, threads: usize) -> Result<(Memory, u32), Failure> {
        let mut digests = vec![0; rows as usize];
        let mut codes = Codes::zeros(files.dimensions(), rows as usize);
        let blocks = codes.blocks().div_ceil(threads).max(1);
        let parts = codes.parts(blocks).zip(digests.chunks_mut(blocks * LANES));
        let good = side_by_side((0..).step_by(blocks * LANES).zip(parts), |(first, (mut codes, digests))| {
            let end = first + digests.len() as u32;
            let good = files.read_codes(first..end, |row, record| {
                let place = (row - first) as usize;
                digests[place] = record.digest;
                codes.set(place, record.factor, record.signs());
            });
            good.map(|good| (good, end))
        });
        let mut first_bad = rows;
        for part in good {
            let (good, end) = part?;
            if good < end {
                first_bad = first_bad.min(good);
            }
        }
        Ok((Memory { digests: Digests::new(digests), codes }, first_bad))
    }

    /// Rows up to the first whose vector is not what was written.
    fn good_vectors(&self, files: &Files, rows: u32) -> u32 {
        let good = |row: u32| files.read_vectors(&[row], self.digests.all(), |_, _| {}).is_ok();
        (0..rows).find(|row| !good(*row)).unwrap_or(rows)
    }

    /// Compares both files with their checksums; `codes` has `synced` rows.
    pub(super) fn verify(&self, files: &Files, synced: u32) -> Result<(), Failure> {
        let codes = files.read_codes(0..synced, |_, _| {})?;
        if codes < synced {
            return Err(Failure::Damaged(format!("row {codes} of codes is not what was written")));
        }
        let rows: Vec<u32> = (0..self.rows()).collect();
        files.read_vectors(&rows, self.digests.all(), |_, _| {})
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> u32 {
        self.digests.rows()
    }

    /// Appends rows.
    pub(super) fn extend(&mut self, rows: &[(u128, Code)]) {
        let first = self.rows() as usize;
        self.codes.resize(first + rows.len());
        let mut whole = self.codes.whole();
        for (row, (digest, code)) in (first..).zip(rows) {
            whole.set(row, code.factor, code.signs.iter().copied());
            self.digests.push(*digest);
        }
    }

    /// Drops all rows from `rows` on.
    pub(super) fn truncate(&mut self, rows: u32) {
        self.digests.truncate(rows);
        self.codes.resize(rows as usize);
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.digests.bytes() + self.codes.bytes()
    }
}
