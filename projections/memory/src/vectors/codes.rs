//! One bit for each number of each vector, in memory, and the cosines that can be estimated from them.
//!
//! Of a rotated vector of length 1 the signs are kept, and one factor: the reciprocal of the sum of its numbers'
//! absolute values. `factor * sum(sign * query)` is then an estimate of the cosine that is right on average, with a
//! standard deviation of `sqrt((factor² * n - 1) / (n - 1))`, some 0.04 for 384 dimensions (RaBitQ, Gao and Long 2024).
//! The query is not reduced to signs but rounded to -8..=7, whose four bits are four planes: counting the bits that
//! a code and a plane have in common is all the arithmetic there is.
//!
//! Codes lie in blocks of [`LANES`] rows, word by word, so that one instruction works on several rows:
//!
//! ```text
//! block 0: word 0 of rows 0..32, word 1 of rows 0..32, ..; block 1: word 0 of rows 32..64, ..
//! ```

use std::f64::consts::FRAC_PI_2;
use std::ops::Range;

use fearless_simd::{Level, Simd, dispatch};

use super::best::Best;
use super::rows::Rows;

/// Rows in a block; half a word of [`Rows`].
pub(super) const LANES: usize = 32;
const ALL_LANES: u32 = u32::MAX;

/// Bits of a number of the query.
const PLANES: usize = 4;

/// The codes of all rows.
#[derive(Debug)]
pub(super) struct Codes {
    dimensions: usize,
    /// Words of a code.
    words: usize,
    /// Whole blocks, as are the factors. (Not arrays, since a vector of long ones cannot begin as zeroed memory.)
    signs: Vec<u64>,
    factors: Vec<f32>,
}

/// The code of one vector.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Code {
    pub(super) factor: f32,
    pub(super) signs: Vec<u64>,
}

impl Code {
    /// The code of a rotated vector of length 1 or 0.
    pub(super) fn of(rotated: &[f32]) -> Code {
        let signs = rotated
            .chunks(64)
            .map(|numbers| (0..).zip(numbers).fold(0, |word, (bit, number)| word | u64::from(*number > 0.0) << bit));
        let sum: f32 = rotated.iter().map(|number| number.abs()).sum();
        Code { factor: if sum > 0.0 { sum.recip() } else { 0.0 }, signs: signs.collect() }
    }
}

/// A query, ready to be compared with codes.
pub(super) struct CodedQuery {
    /// For each word of a code, the four bits of the query's numbers.
    planes: Vec<[u64; PLANES]>,
    step: f32,
    /// The sum of the rounded numbers.
    sum: f32,
}

impl CodedQuery {
    /// Rounds a rotated query.
    pub(super) fn of(rotated: &[f32]) -> CodedQuery {
        let greatest = rotated.iter().fold(0.0_f32, |greatest, number| number.abs().max(greatest));
        let step = greatest / 7.5;
        let steps = if step > 0.0 { step.recip() } else { 0.0 };
        let rounded: Vec<i32> = rotated.iter().map(|number| (number * steps).round().clamp(-8.0, 7.0) as i32).collect();
        let planes = rounded.chunks(64).map(|numbers| {
            std::array::from_fn(|plane| {
                (0..).zip(numbers).fold(0, |word, (bit, number)| word | u64::from(number >> plane & 1 == 1) << bit)
            })
        });
        CodedQuery { planes: planes.collect(), step, sum: step * rounded.iter().sum::<i32>() as f32 }
    }

    /// Estimates of the cosines with the rows of a block.
    #[inline(always)]
    fn estimates(&self, signs: &[[u64; LANES]], factors: &[f32; LANES]) -> [f32; LANES] {
        let mut products = [0_u64; LANES];
        for (rows, planes) in signs.iter().zip(&self.planes) {
            for (product, row) in products.iter_mut().zip(rows) {
                let common = |plane: usize| u64::from((row & planes[plane]).count_ones()) << plane;
                // The highest bit of a number in two's complement counts -8.
                *product = product.wrapping_add(common(0) + common(1) + common(2)).wrapping_sub(common(3));
            }
        }
        // A set bit is the sign 1, another one -1, hence twice the sum over the set ones minus the sum over all.
        let mut estimates = [0.0; LANES];
        for ((estimate, product), factor) in estimates.iter_mut().zip(&products).zip(factors) {
            *estimate = (2.0 * self.step * (*product as i32) as f32 - self.sum) * factor;
        }
        estimates
    }
}

/// What a scan over some rows found.
pub(super) struct Scanned {
    /// Rows with the greatest estimates.
    pub(super) nearest: Best,
    /// Rows with the least estimates, scored by these times -1.
    pub(super) farthest: Best,
    /// Number of rows.
    pub(super) rows: u64,
    /// Sums of their estimates, by lane.
    pub(super) sums: [f32; LANES],
    /// Sums of their estimates' squares, by lane.
    pub(super) squares: [f32; LANES],
}

impl Codes {
    /// Place for the codes of so many rows, all zero.
    pub(super) fn zeros(dimensions: usize, rows: usize) -> Codes {
        let words = dimensions.div_ceil(64);
        let blocks = rows.div_ceil(LANES);
        let (signs, factors) = (vec![0; blocks * words * LANES], vec![0.0; blocks * LANES]);
        Codes { dimensions, words, signs, factors }
    }

    /// Makes place for the codes of so many rows, or drops those beyond.
    pub(super) fn resize(&mut self, rows: usize) {
        let places = rows.div_ceil(LANES) * LANES;
        if places > self.factors.capacity() {
            // An eighth more at a time, not twice as much: this is most of what is in memory.
            let more = places - self.factors.len() + self.factors.len() / 8;
            self.factors.reserve_exact(more);
            self.signs.reserve_exact(more * self.words);
        }
        self.factors.resize(places, 0.0);
        self.signs.resize(places * self.words, 0);
    }

    /// Parts of so many blocks each, to be filled side by side.
    pub(super) fn parts(&mut self, blocks: usize) -> impl Iterator<Item = Part<'_>> {
        let words = self.words;
        let parts = self.signs.chunks_mut(blocks * words * LANES).zip(self.factors.chunks_mut(blocks * LANES));
        parts.map(move |(signs, factors)| Part { words, signs, factors })
    }

    /// All of it as one part.
    pub(super) fn whole(&mut self) -> Part<'_> {
        Part { words: self.words, signs: &mut self.signs, factors: &mut self.factors }
    }

    /// Number of blocks.
    pub(super) fn blocks(&self) -> usize {
        self.factors.len() / LANES
    }

    /// The standard deviation of a row's estimates.
    pub(super) fn uncertainty(&self, row: u32) -> f32 {
        let factor = self.factors[row as usize];
        let dimensions = self.dimensions as f32;
        ((factor * factor * dimensions - 1.0).max(0.0) / (dimensions - 1.0).max(1.0)).sqrt()
    }

    /// The variance of the estimates for a query, over many rows. After the rotation numbers are spread as by chance,
    /// which gives `factor² * n` the mean `pi / 2`.
    pub(super) fn variance(&self, query: &CodedQuery) -> f64 {
        let of_codes = (FRAC_PI_2 - 1.0) / (self.dimensions as f64 - 1.0).max(1.0);
        let of_rounding = f64::from(query.step).powi(2) / 12.0 * FRAC_PI_2;
        of_codes + of_rounding
    }

    /// Estimates the cosines of all rows in some blocks that are below `rows` and among those given.
    pub(super) fn scan(
        &self,
        query: &CodedQuery,
        blocks: Range<usize>,
        rows: u32,
        among: Option<&Rows>,
        keep: (usize, usize),
    ) -> Scanned {
        let (nearest, farthest) = (Best::new(keep.0), Best::new(keep.1));
        let mut scanned = Scanned { nearest, farthest, rows: 0, sums: [0.0; LANES], squares: [0.0; LANES] };
        let lanes = |block: usize| {
            let missing = ((block + 1) * LANES).saturating_sub(rows as usize);
            let asked = among.map_or(ALL_LANES, |among| (among.word(block / 2) >> (block % 2 * LANES)) as u32);
            asked & (ALL_LANES >> missing)
        };
        dispatch!(Level::new(), simd => self.scan_with(simd, query, blocks, lanes, &mut scanned));
        scanned
    }

    /// The scan, compiled once for each instruction set.
    #[inline(always)]
    fn scan_with<S: Simd>(
        &self,
        simd: S,
        query: &CodedQuery,
        blocks: Range<usize>,
        lanes: impl Fn(usize) -> u32,
        scanned: &mut Scanned,
    ) {
        simd.vectorize(
            #[inline(always)]
            || {
                let (signs, factors) = (self.signs.as_chunks().0, self.factors.as_chunks().0);
                for block in blocks {
                    let lanes = lanes(block);
                    if lanes != 0 {
                        let signs = &signs[block * self.words..][..self.words];
                        let estimates = query.estimates(signs, &factors[block]);
                        scanned.add((block * LANES) as u32, lanes, &estimates);
                    }
                }
            },
        );
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.signs.capacity() * size_of::<u64>() + self.factors.capacity() * size_of::<f32>()
    }
}

impl Scanned {
    /// Takes note of the estimates for those rows of a block whose bits are set.
    #[inline(always)]
    fn add(&mut self, first: u32, lanes: u32, estimates: &[f32; LANES]) {
        self.rows += u64::from(lanes.count_ones());
        let sums = self.sums.iter_mut().zip(&mut self.squares);
        for (lane, (estimate, (sum, square))) in estimates.iter().zip(sums).enumerate() {
            let counted = if lanes >> lane & 1 == 1 { *estimate } else { 0.0 };
            *sum += counted;
            *square += counted * counted;
        }
        let bar = self.nearest.bar();
        for lane in set_bits(lanes & lanes_where(estimates, |estimate| estimate > bar)) {
            self.nearest.offer(first + lane, estimates[lane as usize]);
        }
        let bar = -self.farthest.bar();
        for lane in set_bits(lanes & lanes_where(estimates, |estimate| estimate < bar)) {
            self.farthest.offer(first + lane, -estimates[lane as usize]);
        }
    }
}

/// A bit for each lane, set where the test holds.
#[inline(always)]
fn lanes_where(estimates: &[f32; LANES], test: impl Fn(f32) -> bool) -> u32 {
    let mut lanes = 0;
    for (lane, estimate) in estimates.iter().enumerate() {
        lanes |= u32::from(test(*estimate)) << lane;
    }
    lanes
}

/// The numbers of the bits that are set.
#[inline(always)]
fn set_bits(mut bits: u32) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = (bits != 0).then(|| bits.trailing_zeros())?;
        bits &= bits - 1;
        Some(bit)
    })
}

/// A stretch of whole blocks, to be filled.
pub(super) struct Part<'a> {
    words: usize,
    signs: &'a mut [u64],
    factors: &'a mut [f32],
}

impl Part<'_> {
    /// Puts the code of a row, counted from the part's first, in its place.
    pub(super) fn set(&mut self, row: usize, factor: f32, signs: impl IntoIterator<Item = u64>) {
        let (block, lane) = (row / LANES, row % LANES);
        self.factors[row] = factor;
        let places = self.signs[block * self.words * LANES..].iter_mut().skip(lane).step_by(LANES);
        places.take(self.words).zip(signs).for_each(|(place, word)| *place = word);
    }
}

#[cfg(test)]
mod tests {
    use super::super::best::better;
    use super::*;
    use crate::testing::Random;

    #[test]
    fn an_estimate_is_the_sum_over_signs_times_the_rounded_query() {
        let mut random = Random(5);
        let (dimensions, rows) = (70, 100);
        let mut vector = || (0..dimensions).map(|_| random.below(2_001) as f32 / 8_000.0 - 0.125).collect::<Vec<f32>>();
        let vectors: Vec<Vec<f32>> = (0..rows).map(|_| vector()).collect();
        let query = vector();
        let coded = CodedQuery::of(&query);
        let mut codes = Codes::zeros(dimensions, 0);
        codes.resize(rows);
        for (row, vector) in vectors.iter().enumerate() {
            let Code { factor, signs } = Code::of(vector);
            codes.whole().set(row, factor, signs);
        }
        let among: Rows = (0..rows as u32).filter(|row| row % 3 > 0).collect();
        let scanned = codes.scan(&coded, 0..codes.blocks(), rows as u32, Some(&among), (rows, rows));
        assert_eq!(scanned.rows, among.len() as u64);
        let mut estimates = Best::merge([scanned.nearest], rows);
        estimates.sort_by(better);
        let halves = [0..2, 2..codes.blocks()];
        let halves = halves.map(|blocks| codes.scan(&coded, blocks, rows as u32, Some(&among), (20, 1)).nearest);
        let mut best = Best::merge(halves, 20);
        best.sort_by(better);
        assert_eq!(best, estimates[..20]);
        assert_eq!(estimates.len(), among.len());
        let mut sum = 0.0;
        for (row, estimate) in estimates {
            let vector = &vectors[row as usize];
            let rounded = query.iter().map(|number| (number / coded.step).round().min(7.0) * coded.step);
            let signed = vector.iter().zip(rounded).map(|(number, query)| if *number > 0.0 { query } else { -query });
            let expected = signed.sum::<f32>() / vector.iter().map(|number| number.abs()).sum::<f32>();
            assert!((estimate - expected).abs() < 1e-4, "row {row}: {estimate}, not {expected}");
            sum += f64::from(estimate);
        }
        assert!((f64::from(scanned.sums.iter().sum::<f32>()) - sum).abs() < 1e-3);
    }
}
