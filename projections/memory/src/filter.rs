//! Which documents may be answered with, worked out before a search.

use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, TERMINATED, Term};

use crate::document::Kind;
use crate::error::Failure;
use crate::facets;
use crate::view::View;

/// What a document must be like to be an answer. The default lets every document through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// What it is a revision of.
    pub kind: Option<Kind>,
    /// Keys with the value that it must have; all of them.
    pub facets: Vec<(String, String)>,
    /// From this moment on, in Unix milliseconds: when it was said or happened, or recorded where
    /// that is not known.
    pub since_ms: Option<i64>,
    /// Before this moment.
    pub until_ms: Option<i64>,
    /// At this position of the log or before it.
    pub up_to: Option<u64>,
}

/// The documents that a filter lets through, as of one moment: later ones are not among them.
pub(crate) struct Eligible {
    /// Ordinals from here on are not eligible.
    end: u32,
    /// Of those below `end`; absent if all of them are eligible.
    bits: Option<Bits>,
}

/// A set of ordinals.
pub(crate) struct Bits(Vec<u64>);

impl Filter {
    /// Whether it may exclude anything but late documents.
    fn is_selective(&self) -> bool {
        self.kind.is_some() || !self.facets.is_empty() || self.since_ms.is_some() || self.until_ms.is_some()
    }

    /// The documents of `view` that pass.
    pub(crate) fn resolve(&self, view: &View) -> Result<Eligible, Failure> {
        let end = self.up_to.map_or(view.table.len(), |position| view.table.up_to(position));
        if !self.is_selective() {
            return Ok(Eligible { end, bits: None });
        }
        let mut bits: Option<Bits> = None;
        for (key, value) in &self.facets {
            let having = having(view, &facets::term(key, value), end)?;
            bits = Some(match bits {
                Some(before) => before.and(&having),
                None => having,
            });
        }
        let mut bits = bits.unwrap_or_else(|| Bits::all(end));
        if self.kind.is_some() || self.since_ms.is_some() || self.until_ms.is_some() {
            bits.retain(|ordinal| {
                let entry = view.table.entry(ordinal);
                self.kind.is_none_or(|kind| entry.kind == kind)
                    && self.since_ms.is_none_or(|since| entry.when_ms >= since)
                    && self.until_ms.is_none_or(|until| entry.when_ms < until)
            });
        }
        bits.cut(end);
        Ok(Eligible { end, bits: Some(bits) })
    }
}

/// The documents below `end` that have a facet.
fn having(view: &View, term: &str, end: u32) -> Result<Bits, Failure> {
    let mut bits = Bits::none(end);
    let on_disk = Term::from_field_text(view.fields.facets, term);
    for (place, reader) in view.searcher.segment_readers().iter().enumerate() {
        let index = reader.inverted_index(view.fields.facets)?;
        let Some(mut postings) = index.read_postings(&on_disk, IndexRecordOption::Basic)? else { continue };
        let ordinals = &view.segments.at(place).ordinals;
        while postings.doc() != TERMINATED {
            bits.insert(ordinals.get_val(postings.doc()));
            postings.advance();
        }
    }
    for ordinal in view.overlay.with_facet(term) {
        bits.insert(u64::from(view.committed() + ordinal));
    }
    Ok(bits)
}

impl Eligible {
    /// Whether a document is eligible.
    #[inline]
    pub(crate) fn contains(&self, ordinal: u32) -> bool {
        ordinal < self.end && self.bits.as_ref().is_none_or(|bits| bits.contains(ordinal))
    }

    /// Ordinals from here on are not eligible, whatever they are like.
    pub(crate) fn end(&self) -> u32 {
        self.end
    }

    /// The eligible ordinals, if not simply all below [`Eligible::end`].
    pub(crate) fn selected(&self) -> Option<impl Iterator<Item = u32> + '_> {
        self.bits.as_ref().map(Bits::iter)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u32 {
        self.bits.as_ref().map_or(self.end, Bits::count)
    }
}

impl Bits {
    const WORD: u32 = u64::BITS;

    fn none(end: u32) -> Bits {
        Bits(vec![0; end.div_ceil(Bits::WORD) as usize])
    }

    fn all(end: u32) -> Bits {
        let mut bits = Bits(vec![u64::MAX; end.div_ceil(Bits::WORD) as usize]);
        bits.cut(end);
        bits
    }

    /// Takes out the ordinals from `end` on.
    fn cut(&mut self, end: u32) {
        if let Some(last) = self.0.last_mut().filter(|_| !end.is_multiple_of(Bits::WORD)) {
            *last &= (1 << (end % Bits::WORD)) - 1;
        }
    }

    /// Puts an ordinal in, unless it is out of range by a word or more.
    fn insert(&mut self, ordinal: u64) {
        let word = usize::try_from(ordinal / u64::from(Bits::WORD)).unwrap_or(usize::MAX);
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << (ordinal % u64::from(Bits::WORD));
        }
    }

    fn and(mut self, other: &Bits) -> Bits {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word &= other);
        self
    }

    fn retain(&mut self, keep: impl Fn(u32) -> bool) {
        for (word, first) in self.0.iter_mut().zip((0..).step_by(Bits::WORD as usize)) {
            let mut left = *word;
            while left != 0 {
                let bit = left.trailing_zeros();
                left &= left - 1;
                if !keep(first + bit) {
                    *word &= !(1 << bit);
                }
            }
        }
    }

    #[inline]
    fn contains(&self, ordinal: u32) -> bool {
        let word = self.0.get((ordinal / Bits::WORD) as usize);
        word.is_some_and(|word| word >> (ordinal % Bits::WORD) & 1 == 1)
    }

    fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().zip((0..).step_by(Bits::WORD as usize)).flat_map(|(word, first)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros();
                left &= left.checked_sub(1)?;
                Some(first + bit)
            })
        })
    }

    fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }
}

#[cfg(test)]
mod tests;
