//! A fixed rotation, after which no number of a vector stands out.
//!
//! One bit per number is a good picture of a vector whose numbers are all of about the same size. Models make others
//! too: a few of their dimensions are always large. Changing random signs and applying the Hadamard transform spreads
//! every number evenly over all, in `n log n` steps. Where the dimension is no power of two, the transform is applied
//! to the longest stretch that is one, at the front and at the back in turn, until all is mixed.

/// How often both ends are transformed.
const ROUNDS: usize = 2;

/// The rotation for vectors of one dimension.
#[derive(Clone, Debug)]
pub(super) struct Rotation {
    /// For each transform and each number 1 or -1, divided by what the transform multiplies lengths with.
    signs: Vec<f32>,
    stretch: usize,
}

impl Rotation {
    /// The rotation for a dimension: always the same one.
    pub(super) fn new(dimensions: usize) -> Rotation {
        let stretch = 1 << dimensions.ilog2();
        let size = (stretch as f32).sqrt().recip();
        let signs = (0..2 * ROUNDS * stretch).map(|n| if scatter(n as u64) >> 63 == 0 { size } else { -size });
        Rotation { signs: signs.collect(), stretch }
    }

    /// The rotated vector. Angles and lengths stay.
    pub(super) fn apply(&self, vector: &[f32]) -> Vec<f32> {
        let mut rotated = vector.to_vec();
        let back = vector.len() - self.stretch;
        for (signs, start) in self.signs.chunks_exact(self.stretch).zip([0, back].into_iter().cycle()) {
            let part = &mut rotated[start..][..self.stretch];
            part.iter_mut().zip(signs).for_each(|(number, sign)| *number *= sign);
            hadamard(part);
        }
        rotated
    }
}

/// The Walsh-Hadamard transform in place; it multiplies lengths with the root of the number of numbers.
fn hadamard(numbers: &mut [f32]) {
    let mut half = 1;
    while half < numbers.len() {
        for pair in numbers.chunks_exact_mut(2 * half) {
            let (left, right) = pair.split_at_mut(half);
            for (one, other) in left.iter_mut().zip(right) {
                (*one, *other) = (*one + *other, *one - *other);
            }
        }
        half *= 2;
    }
}

/// A number that looks random (the finisher of splitmix64).
fn scatter(n: u64) -> u64 {
    let mut mixed = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_angles_stay_and_a_single_number_spreads() {
        for dimensions in [1, 2, 3, 64, 100, 384, 1_000] {
            let rotation = Rotation::new(dimensions);
            let dot = |one: &[f32], other: &[f32]| one.iter().zip(other).map(|(one, other)| one * other).sum::<f32>();
            let one: Vec<f32> = (0..dimensions).map(|n| if n == 0 { 1.0 } else { 0.0 }).collect();
            let other: Vec<f32> = (0..dimensions).map(|n| (n as f32).cos()).collect();
            let (turned, other_turned) = (rotation.apply(&one), rotation.apply(&other));
            assert!((dot(&turned, &turned) - 1.0).abs() < 1e-4, "{dimensions}");
            assert!((dot(&turned, &other_turned) - dot(&one, &other)).abs() < 1e-3, "{dimensions}");
            let greatest = turned.iter().fold(0.0_f32, |greatest, number| number.abs().max(greatest));
            assert!(greatest <= 4.5 / (dimensions as f32).sqrt(), "{dimensions}: {greatest}");
        }
    }
}
