//! A trace: its records, what was acknowledged when, and the choice of cuts.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use super::disk::{Disk, Model};
use super::fate::{Cut, Fate, mix};
use super::format::{self, Entry, Event, Span};
use super::image::{Home, Image, Report};

/// What a process and its children did below a folder, in order.
///
/// Holds one simulated disk that is moved forward from cut to cut; going back starts it anew, so take cuts in the order in
/// which [`Trace::cuts`] gives them. Its files are removed with it unless [`Trace::keep`] was called.
#[derive(Debug)]
pub struct Trace {
    path: PathBuf,
    file: File,
    entries: Vec<Entry>,
    torn: bool,
    /// Number of the first record that the process itself made.
    first: usize,
    acknowledged: Acknowledged,
    model: Model,
    tolerate_mappings: bool,
    disk: Disk,
    image: Image,
    scratch: TempDir,
}

/// What [`Trace::check`] has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Number of cuts that were verified.
    pub cuts: usize,
    /// Undurable pages that survived whole, in all of them.
    pub kept_pages: usize,
    /// Undurable pages that were lost.
    pub dropped_pages: usize,
    /// Undurable pages that survived in part.
    pub partial_pages: usize,
    /// The most bytes of durable data that a cut has left.
    pub most_synced_bytes: u64,
}

impl Trace {
    /// Reads a trace that [`Trace::keep`] has left (or the recorder, where the harness itself was killed).
    ///
    /// # Errors
    /// If the file cannot be read or holds something else than records; a torn last record is left out.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_in(path, super::record::scratch()?)
    }

    /// The same, with images in `scratch`.
    pub(crate) fn open_in(path: &Path, scratch: TempDir) -> Result<Self> {
        let (entries, torn) = format::read(path)?;
        let file = File::open(path)?;
        let first = entries.iter().position(|entry| entry.event == Event::Process).map_or(0, |index| index + 1);
        let acknowledged = Acknowledged::read(&entries, &file)?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
            entries,
            torn,
            first,
            acknowledged,
            model: Model::default(),
            tolerate_mappings: false,
            disk: Disk::new(Model::default(), scratch.path().join("bases"))?,
            image: Image::new(scratch.path().join("home")),
            scratch,
        })
    }

    /// Number of records, those that describe the folder before the process started included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was recorded at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Number of records before the process itself made its first.
    pub fn first(&self) -> usize {
        self.first
    }

    /// Whether the last record was torn (the process was killed while it was being written) and left out.
    pub fn torn(&self) -> bool {
        self.torn
    }

    /// Bytes of data in all records.
    pub fn data_bytes(&self) -> u64 {
        let length = |entry: &Entry| match entry.event {
            Event::Write { data: Span { length, .. }, .. } => length,
            _ => 0,
        };
        self.entries.iter().map(length).sum()
    }

    /// Chooses another [`Model`] of what syncing a file says about its name.
    ///
    /// # Errors
    /// If the simulated disk cannot be started anew.
    pub fn set_model(&mut self, model: Model) -> Result<()> {
        self.model = model;
        self.restart()
    }

    /// Accepts files that were mapped shared and writable; what was stored through the mapping is not simulated.
    pub fn tolerate_mappings(&mut self) {
        self.tolerate_mappings = true;
    }

    /// What had gone to stdout when the first `at` records had happened (or a [`Cut`] came).
    pub fn acked_before(&self, at: impl Into<usize>) -> &[u8] {
        self.acknowledged.before(at.into())
    }

    /// `count` cuts, in the order in which they are best made. Half of them are next to a sync, an acknowledgement or
    /// a change of names, the others anywhere; the first two are at the very end, with nothing and everything kept.
    pub fn cuts(&self, seed: u64, count: usize) -> Vec<Cut> {
        self.cuts_between(self.first, self.entries.len(), seed, count)
    }

    /// The same, after at least `from` and at most `to` records.
    pub fn cuts_between(&self, from: usize, to: usize, seed: u64, count: usize) -> Vec<Cut> {
        let events = self.entries.iter().enumerate().take(to).skip(from);
        let turning: Vec<usize> =
            events.filter(|(_, entry)| is_turning_point(&entry.event)).map(|(record, _)| record).collect();
        let draw = |number: usize, salt: u64| mix(&[seed, number as u64, salt]) as usize;
        let cut = |number: usize| {
            let seed = mix(&[seed, number as u64, 0]) >> 32;
            let fate = match number {
                0 => Fate::AllDropped,
                1 => Fate::AllKept,
                _ => Fate::DECK[draw(number, 1) % Fate::DECK.len()],
            };
            let at = match number {
                0 | 1 => to,
                _ if number.is_multiple_of(2) && !turning.is_empty() => {
                    // Right before it or right after.
                    turning[draw(number, 2) % turning.len()] + draw(number, 3) % 2
                }
                _ => from + draw(number, 2) % (to - from + 1),
            };
            Cut { at, fate, seed }
        };
        let mut cuts: Vec<Cut> = (0..count).map(cut).collect();
        cuts.sort_by_key(|cut| cut.at);
        cuts
    }

    /// Every fate after every record: for short traces.
    pub fn every_cut(&self, seed: u64) -> Vec<Cut> {
        let at =
            |at: usize| Fate::ALL.into_iter().map(move |fate| Cut { at, fate, seed: mix(&[seed, at as u64]) >> 32 });
        (self.first..=self.entries.len()).flat_map(at).collect()
    }

    /// Makes the folder as the cut leaves it, in a place that the next cut uses again.
    ///
    /// # Errors
    /// If the trace does not account for what it does (files made past the recorder, mappings) or an image
    /// cannot be written.
    pub fn materialise(&mut self, cut: Cut) -> Result<Home> {
        let report = self.materialise_image(cut)?;
        Ok(Home::new(self.image.path().to_path_buf(), report))
    }

    /// The same in a folder of the caller's, whose other contents are removed.
    ///
    /// # Errors
    /// As [`Trace::materialise`].
    pub fn materialise_into(&mut self, cut: Cut, folder: &Path) -> Result<Report> {
        let usual = std::mem::replace(&mut self.image, Image::new(folder.to_path_buf()));
        let result = self.materialise_image(cut);
        self.image = usual;
        result
    }

    fn materialise_image(&mut self, cut: Cut) -> Result<Report> {
        ensure!(cut.at <= self.entries.len(), "{cut}, but the trace has only {} records", self.entries.len());
        if cut.at < self.disk.done() {
            self.restart()?;
        }
        for entry in &self.entries[self.disk.done()..cut.at] {
            if let Event::Mapped { path } = &entry.event {
                ensure!(
                    self.tolerate_mappings,
                    "{:?} was mapped shared and writable: stores through the mapping were not recorded",
                    String::from_utf8_lossy(path)
                );
            }
            self.disk.apply(&entry.event, &self.file)?;
        }
        self.image.write(&mut self.disk, cut, &self.file)
    }

    fn restart(&mut self) -> Result<()> {
        self.image.forget();
        self.disk = Disk::new(self.model, self.scratch.path().join("bases"))?;
        Ok(())
    }

    /// Makes `count` cuts and has each verified, given the folder and what had been acknowledged.
    ///
    /// # Errors
    /// The first error of `verify`, with the seed, the cut and the place of the trace, which is then kept. With
    /// `ZO_SEED` and `ZO_TRACE` set to them the same cuts are made of the same records.
    pub fn check(
        &mut self,
        seed: u64,
        count: usize,
        verify: impl FnMut(&Home, &[u8]) -> Result<()>,
    ) -> Result<Checked> {
        let cuts = self.cuts(seed, count);
        self.check_cuts(seed, &cuts, verify)
    }

    /// The same for cuts chosen otherwise, by `seed`.
    ///
    /// # Errors
    /// As [`Trace::check`].
    pub fn check_cuts(
        &mut self,
        seed: u64,
        cuts: &[Cut],
        mut verify: impl FnMut(&Home, &[u8]) -> Result<()>,
    ) -> Result<Checked> {
        let mut checked = Checked::default();
        for cut in cuts {
            let home = self.materialise(*cut)?;
            if let Err(error) = verify(&home, self.acked_before(*cut)) {
                let kept = self.keep();
                return Err(error.context(format!(
                    "{cut}, of {} records; again with ZO_SEED={seed} ZO_TRACE={}",
                    self.len(),
                    kept.display()
                )));
            }
            checked.cuts += 1;
            checked.kept_pages += home.report.kept_pages;
            checked.dropped_pages += home.report.dropped_pages;
            checked.partial_pages += home.report.partial_pages;
            checked.most_synced_bytes = checked.most_synced_bytes.max(home.report.synced_bytes);
        }
        Ok(checked)
    }

    /// Leaves the trace on disk, beside it as `home` the last image, and says where the trace is. A trace that was opened
    /// stays in any case, without an image.
    pub fn keep(&mut self) -> PathBuf {
        let ours = self.path.starts_with(self.scratch.path());
        self.scratch.disable_cleanup(ours);
        self.path.clone()
    }

    /// Compares the end of the trace, nothing lost, with the folder that was recorded.
    ///
    /// # Errors
    /// If they differ: something was written past the recorder, and cuts would mean nothing.
    pub(crate) fn compare(&mut self, root: &Path) -> Result<()> {
        let end = Cut { at: self.entries.len(), fate: Fate::AllKept, seed: 0 };
        let tolerated = std::mem::replace(&mut self.tolerate_mappings, true);
        let home = self.materialise(end)?;
        self.tolerate_mappings = tolerated;
        let mapped: HashSet<PathBuf> = self.entries.iter().filter_map(|entry| mapped(&entry.event)).collect();
        super::record::compare(&home, root, Path::new(""), &mapped).context(
            "the folder is not as recorded: something was written past the recorder (raw system calls, \
                      io_uring, libc's own stdio; rustix needs its feature use-libc)",
        )
    }
}

fn mapped(event: &Event) -> Option<PathBuf> {
    match event {
        Event::Mapped { path } => Some(super::disk::join(Path::new(""), path)),
        _ => None,
    }
}

/// Where a program's order of steps matters most.
fn is_turning_point(event: &Event) -> bool {
    match event {
        Event::Stdout { .. }
        | Event::Create { .. }
        | Event::SetLength { .. }
        | Event::SyncBegin { .. }
        | Event::SyncEnd { .. }
        | Event::Rename { .. }
        | Event::RenameOut { .. }
        | Event::Unlink { .. }
        | Event::MakeFolder { .. }
        | Event::RemoveFolder { .. }
        | Event::Link { .. } => true,
        Event::Process
        | Event::StdoutShort { .. }
        | Event::Write { .. }
        | Event::Allocate { .. }
        | Event::RenameIn { .. }
        | Event::Symlink { .. }
        | Event::Mode { .. }
        | Event::Mapped { .. } => false,
    }
}

/// What went to stdout.
#[derive(Debug, Default)]
struct Acknowledged {
    bytes: Vec<u8>,
    /// Records, and how many of the bytes there are when they have happened.
    until: Vec<(usize, usize)>,
}

impl Acknowledged {
    fn read(entries: &[Entry], file: &File) -> Result<Self> {
        let mut spans: Vec<(usize, Span)> = Vec::new();
        let mut last_of_process: HashMap<u32, usize> = HashMap::new();
        for (record, entry) in entries.iter().enumerate() {
            match entry.event {
                Event::Stdout { data } => {
                    last_of_process.insert(entry.pid, spans.len());
                    spans.push((record, data));
                }
                Event::StdoutShort { missing } => {
                    let last = last_of_process.get(&entry.pid);
                    let index = *last.context("a short write to stdout without a write")?;
                    let span = &mut spans[index].1;
                    span.length = span.length.saturating_sub(missing);
                }
                _ => {}
            }
        }
        let mut acknowledged = Self::default();
        for (record, span) in spans {
            let start = acknowledged.bytes.len();
            acknowledged.bytes.resize(start + span.length as usize, 0);
            file.read_exact_at(&mut acknowledged.bytes[start..], span.offset)?;
            acknowledged.until.push((record, acknowledged.bytes.len()));
        }
        Ok(acknowledged)
    }

    fn before(&self, at: usize) -> &[u8] {
        let index = self.until.partition_point(|(record, _)| *record < at);
        let end = index.checked_sub(1).map_or(0, |last| self.until[last].1);
        &self.bytes[..end]
    }
}
