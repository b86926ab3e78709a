//! A cut and what survives it: every choice that the model leaves open is made here.
//!
//! Choices are hashes of the cut's seed and of what they are about, not draws from a sequence, so that a file's fate does
//! not depend on which other files there are.

use std::fmt;

/// The seed of a run: `ZO_SEED` of the environment, or a new one.
///
/// Whoever fails because of it prints it; [`super::Trace::check`] does.
pub fn seed() -> u64 {
    if let Some(seed) = std::env::var("ZO_SEED").ok().and_then(|text| text.trim().parse().ok()) {
        return seed;
    }
    // The hasher's keys are random in every process; a seed needs no more than to differ between runs.
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::time::SystemTime::now()) >> 16
}

/// One power cut: after the first `at` records of the trace, with what `fate` and `seed` leave of the undurable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Number of records that happened before the power failed.
    pub at: usize,
    /// How it is chosen what survives.
    pub fate: Fate,
    /// Seed of the choices.
    pub seed: u64,
}

impl From<Cut> for usize {
    fn from(cut: Cut) -> Self {
        cut.at
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cut after {} records, {:?}, seed {}", self.at, self.fate, self.seed)
    }
}

/// What survives of what was done but not durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Nothing.
    AllDropped,
    /// Everything: what a killed process leaves.
    AllKept,
    /// Of the data only the page written last; all lengths and names.
    LastPageOnly,
    /// All but the page written first.
    FirstPageDropped,
    /// Lengths and names, no data: files full of zeros.
    LengthsAndNames,
    /// Names only: a renamed file is empty.
    Names,
    /// Data and lengths, no names.
    DataAndLengths,
    /// What was done before some earlier moment: a cut at that moment with everything kept.
    Earlier,
    /// Whole writes, each or not.
    Writes,
    /// Whole files and whole folders, each or not.
    Files,
    /// Every page, length and folder on its own, at odds that differ from cut to cut; also in between.
    Pages,
}

impl Fate {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::AllDropped,
        Self::AllKept,
        Self::LastPageOnly,
        Self::FirstPageDropped,
        Self::LengthsAndNames,
        Self::Names,
        Self::DataAndLengths,
        Self::Earlier,
        Self::Writes,
        Self::Files,
        Self::Pages,
    ];

    /// The deck that cuts are dealt from: the random fates more often than the fixed ones.
    pub(crate) const DECK: [Self; 20] = [
        Self::AllDropped,
        Self::AllKept,
        Self::LastPageOnly,
        Self::FirstPageDropped,
        Self::LengthsAndNames,
        Self::Names,
        Self::DataAndLengths,
        Self::Earlier,
        Self::Earlier,
        Self::Writes,
        Self::Writes,
        Self::Writes,
        Self::Writes,
        Self::Files,
        Self::Files,
        Self::Pages,
        Self::Pages,
        Self::Pages,
        Self::Pages,
        Self::Pages,
    ];
}

/// An aligned page of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageId {
    pub(crate) node: usize,
    pub(crate) page: u64,
}

/// The choices of one cut. Each takes the records (their numbers, ascending) that make up the undurable steps of one
/// thing and answers how many of the first of them survive.
#[derive(Clone, Debug)]
pub(crate) struct Choices {
    cut: Cut,
    /// For [`Fate::Earlier`]: the first record that is lost.
    horizon: usize,
    first_page: Option<PageId>,
    last_page: Option<PageId>,
}

impl Choices {
    /// `oldest` is the oldest undurable record; the pages are those written first and last of all undurable ones.
    pub(crate) fn new(cut: Cut, oldest: usize, first_page: Option<PageId>, last_page: Option<PageId>) -> Self {
        let span = cut.at.saturating_sub(oldest) as u64 + 1;
        let horizon = oldest + (mix(&[cut.seed, 1]) % span) as usize;
        Self { cut, horizon, first_page, last_page }
    }

    /// How many of the changes of a folder's entries survive.
    pub(crate) fn names(&self, folder: usize, changes: &[usize]) -> usize {
        match self.cut.fate {
            Fate::AllDropped | Fate::DataAndLengths => 0,
            Fate::AllKept | Fate::LastPageOnly | Fate::FirstPageDropped | Fate::LengthsAndNames | Fate::Names => {
                changes.len()
            }
            Fate::Earlier => self.before_horizon(changes),
            Fate::Files => self.all_or_none(folder, changes),
            Fate::Writes | Fate::Pages => self.some(&[2, folder as u64], changes),
        }
    }

    /// How many of the changes of a file's length survive.
    pub(crate) fn lengths(&self, node: usize, changes: &[usize]) -> usize {
        match self.cut.fate {
            Fate::AllDropped | Fate::Names => 0,
            Fate::AllKept
            | Fate::LastPageOnly
            | Fate::FirstPageDropped
            | Fate::LengthsAndNames
            | Fate::DataAndLengths => changes.len(),
            Fate::Earlier => self.before_horizon(changes),
            Fate::Files => self.all_or_none(node, changes),
            Fate::Writes => self.last_kept_write(changes),
            Fate::Pages => self.some(&[3, node as u64], changes),
        }
    }

    /// How many of the steps that touched a page survive.
    pub(crate) fn page(&self, id: PageId, steps: &[usize]) -> usize {
        let kept = |yes: bool| if yes { steps.len() } else { 0 };
        match self.cut.fate {
            Fate::AllDropped | Fate::LengthsAndNames | Fate::Names => 0,
            Fate::AllKept | Fate::DataAndLengths => steps.len(),
            Fate::LastPageOnly => kept(self.last_page == Some(id)),
            Fate::FirstPageDropped => kept(self.first_page != Some(id)),
            Fate::Earlier => self.before_horizon(steps),
            Fate::Files => self.all_or_none(id.node, steps),
            Fate::Writes => self.last_kept_write(steps),
            Fate::Pages => {
                let draw = self.draw(&[4, id.node as u64, id.page]);
                if steps.len() > 1 && draw.is_multiple_of(3) {
                    return (draw >> 8) as usize % (steps.len() + 1);
                }
                kept(self.happens(draw >> 8))
            }
        }
    }

    fn before_horizon(&self, records: &[usize]) -> usize {
        records.partition_point(|record| *record < self.horizon)
    }

    fn all_or_none(&self, node: usize, records: &[usize]) -> usize {
        if self.happens(self.draw(&[5, node as u64])) { records.len() } else { 0 }
    }

    /// A page holds what was written before the last write that survives, even if those writes did not survive elsewhere.
    fn last_kept_write(&self, records: &[usize]) -> usize {
        records.iter().rposition(|record| self.happens(self.draw(&[6, *record as u64]))).map_or(0, |last| last + 1)
    }

    fn some(&self, about: &[u64], records: &[usize]) -> usize {
        let draw = self.draw(about);
        match draw % 3 {
            0 => 0,
            1 => records.len(),
            _ => (draw >> 8) as usize % (records.len() + 1),
        }
    }

    /// Whether something survives, at this cut's odds.
    fn happens(&self, draw: u64) -> bool {
        const ODDS: [u64; 5] = [2, 20, 50, 80, 98];
        let odds = ODDS[(mix(&[self.cut.seed, 7]) % ODDS.len() as u64) as usize];
        draw % 100 < odds
    }

    fn draw(&self, about: &[u64]) -> u64 {
        about.iter().fold(mix(&[self.cut.seed]), |state, part| mix(&[state, *part]))
    }
}

/// A hash of numbers: the finaliser of SplitMix64 (Steele, Lea, Flood 2014) after each.
pub(crate) fn mix(parts: &[u64]) -> u64 {
    parts.iter().fold(0, |state: u64, part| {
        let mut word = (state ^ part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    })
}
