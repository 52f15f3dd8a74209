//! Samples of fixed size: what is asked of them, and their order statistics.

use super::special::SpecialError;

/// Why a sample has no answer.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum StatsError {
    /// Fewer values than the procedure needs.
    #[error("at least {needed} values are needed, found {found}")]
    TooFew {
        /// How many are needed.
        needed: usize,
        /// How many there are.
        found: usize,
    },
    /// NaN or an infinite value.
    #[error("values must be finite, found {0}")]
    NotFinite(f64),
    /// Paired samples, or rows of a matrix, of different lengths.
    #[error("lengths must agree, found {0} and {1}")]
    Lengths(usize, usize),
    /// Values that are all equal, where spread is needed.
    #[error("all values are equal")]
    Constant,
    /// A level, or a probability, outside of (0, 1).
    #[error("expected a probability inside (0, 1), found {0}")]
    Level(f64),
    /// An interval with its ends exchanged, or not finite.
    #[error("expected an interval, found [{0}, {1}]")]
    Interval(f64, f64),
    /// More successes than trials, or no trials.
    #[error("{hits} of {trials} is no proportion")]
    Proportion {
        /// Number of successes.
        hits: u64,
        /// Number of trials.
        trials: u64,
    },
    /// A special function has no value.
    #[error(transparent)]
    Special(#[from] SpecialError),
}

/// Holds a sample to a size, and its values to be finite.
///
/// # Errors
/// [`StatsError::TooFew`] and [`StatsError::NotFinite`].
pub fn finite(values: &[f64], needed: usize) -> Result<(), StatsError> {
    if values.len() < needed {
        return Err(StatsError::TooFew { needed, found: values.len() });
    }
    values.iter().find(|v| !v.is_finite()).map_or(Ok(()), |bad| Err(StatsError::NotFinite(*bad)))
}

/// Holds a level to the open unit interval.
///
/// # Errors
/// [`StatsError::Level`].
pub fn level(level: f64) -> Result<(), StatsError> {
    if 0.0 < level && level < 1.0 { Ok(()) } else { Err(StatsError::Level(level)) }
}

/// The values in ascending order, by the total order of numbers (NaN last).
#[must_use]
pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// Quantile at `share` in \[0, 1\]: linear between the order statistics, of which the i-th of n stands
/// at (i − 1)/(n − 1) (type 7 of Hyndman and Fan, The American Statistician 50 (1996)). NaN for no
/// values.
#[must_use]
pub fn quantile(values: &[f64], share: f64) -> f64 {
    quantile_of_sorted(&sorted(values), share)
}

/// [`quantile`] of values that are in ascending order already.
#[must_use]
pub fn quantile_of_sorted(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let position = share.clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    let weight = position - below as f64;
    if weight == 0.0 { sorted[below] } else { sorted[below] + weight * (sorted[above] - sorted[below]) }
}

/// [`quantile`], to the bit, in time proportional to the number of values, which it rearranges.
#[must_use]
pub fn quantile_by_selection(values: &mut [f64], share: f64) -> f64 {
    let Some(last) = values.len().checked_sub(1) else { return f64::NAN };
    let position = share.clamp(0.0, 1.0) * last as f64;
    let index = position.floor() as usize;
    let weight = position - index as f64;
    let (_, below, rest) = values.select_nth_unstable_by(index, f64::total_cmp);
    let above = rest.iter().copied().min_by(f64::total_cmp).unwrap_or(*below);
    if weight == 0.0 { *below } else { *below + weight * (above - *below) }
}

/// Sample median: the middle value, or the mean of the two middle values; NaN for no values.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(&[3.0, 1.0, 2.0], 0.5), 2.0);
        assert_eq!(quantile(&[0.0, 10.0], 0.1), 1.0);
        assert_eq!(quantile(&[4.0], 0.9), 4.0);
        assert_eq!((quantile(&[1.0, 2.0], 0.0), quantile(&[1.0, 2.0], 1.0)), (1.0, 2.0));
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn medians_of_even_and_odd_samples() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn samples_are_held_to_what_is_asked() {
        assert_eq!(finite(&[1.0], 2), Err(StatsError::TooFew { needed: 2, found: 1 }));
        assert!(matches!(finite(&[1.0, f64::NAN], 2), Err(StatsError::NotFinite(_))));
        assert_eq!(level(1.0), Err(StatsError::Level(1.0)));
    }

    proptest! {
        #[test]
        fn selection_finds_what_sorting_finds(mut values in prop::collection::vec(prop_oneof![-9.0..9.0, Just(1.0)], 0..30), share in 0.0..=1.0_f64) {
            let known = quantile(&values, share);
            prop_assert_eq!(quantile_by_selection(&mut values, share).to_bits(), known.to_bits());
        }

        #[test]
        fn quantiles_rise_and_stay_inside(values in prop::collection::vec(-9.0..9.0, 1..20), p in 0.0..1.0_f64, q in 0.0..1.0_f64) {
            let (low, high) = (p.min(q), p.max(q));
            let order = sorted(&values);
            prop_assert!(order[0] <= quantile(&values, low));
            prop_assert!(quantile(&values, low) <= quantile(&values, high) + 1e-12);
            prop_assert!(quantile(&values, high) <= order[order.len() - 1]);
        }
    }
}
