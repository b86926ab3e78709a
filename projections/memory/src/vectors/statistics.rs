//! How near the rows are on the whole.

/// The cosines between a query and all rows that were eligible. All are 0 if there was none.
///
/// For up to some 2,000 eligible rows all are exact. For more, the mean and the deviation come from estimates of every
/// row's cosine (to within some 0.003), and the minimum is the least of those that seemed so: no cosine is more than
/// some hundredths below it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Number of eligible rows.
    pub rows: u64,
    /// The least cosine.
    pub minimum: f32,
    /// The greatest cosine: that of the best hit.
    pub maximum: f32,
    /// The mean of the cosines.
    pub mean: f32,
    /// Their standard deviation.
    pub deviation: f32,
}

impl Statistics {
    /// The statistics of these cosines.
    pub(super) fn of(cosines: &[f32]) -> Statistics {
        let minimum = cosines.iter().copied().reduce(f32::min).unwrap_or(0.0);
        let maximum = cosines.iter().copied().reduce(f32::max).unwrap_or(0.0);
        let sum = cosines.iter().map(|cosine| f64::from(*cosine)).sum();
        let squares = cosines.iter().map(|cosine| f64::from(*cosine).powi(2)).sum();
        Statistics { minimum, maximum, ..Statistics::from_sums(cosines.len() as u64, sum, squares, 0.0) }
    }

    /// Number, mean and deviation, from sums of numbers that are each off by a random error of this variance.
    pub(super) fn from_sums(rows: u64, sum: f64, squares: f64, error: f64) -> Statistics {
        let count = rows.max(1) as f64;
        let mean = sum / count;
        let variance = squares / count - mean * mean - error;
        Statistics { rows, mean: mean as f32, deviation: variance.max(0.0).sqrt() as f32, ..Statistics::default() }
    }
}
