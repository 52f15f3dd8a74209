//! Equivalence by two one-sided tests: a mean is shown to lie inside an interval, instead of not
//! being shown to differ.
//!
//! For independent values of N(μ, σ²), with mean x̄ and standard deviation s, the hypotheses μ ≤ a
//! and μ ≥ b are each rejected by a t-test with n − 1 degrees of freedom; if both are rejected at
//! level α, then a < μ < b is shown at level α. That is the case exactly if the interval
//! x̄ ± t s/√n with confidence 1 − 2α lies inside (a, b).
//!
//! For a sample size fixed beforehand, looked at once; the sequential form is [`super::normal`].
//! For two arms, pass the paired differences.
//!
//! Source: Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15 (1987), 657–680.

use super::{
    sample::{StatsError, finite, level as hold_level},
    special::{student_cdf, student_quantile},
};
use crate::kernel::math::{mean, variance};

/// The result of two one-sided tests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Equivalence {
    /// Sample mean.
    pub mean: f64,
    /// P-value against "the mean is at most the lower end".
    pub p_above_low: f64,
    /// P-value against "the mean is at least the upper end".
    pub p_below_high: f64,
    /// The larger of the two: equivalence is shown at this level.
    pub p: f64,
}

/// Tests whether the mean lies strictly between `low` and `high`.
///
/// # Errors
/// [`StatsError`] for fewer than two values, values that are not finite or all equal, or an interval
/// without inside.
///
/// ```
/// let values = [0.9, 1.1, 1.0, 1.05, 0.95];
/// let test = corroborate::stats::equivalence::two_one_sided(&values, 0.5, 1.5)?;
/// assert!(test.p < 0.001);
/// # Ok::<(), corroborate::stats::sample::StatsError>(())
/// ```
pub fn two_one_sided(values: &[f64], low: f64, high: f64) -> Result<Equivalence, StatsError> {
    if !(low.is_finite() && high.is_finite() && low < high) {
        return Err(StatsError::Interval(low, high));
    }
    let (centre, error) = centre_and_error(values)?;
    let freedom = values.len() as f64 - 1.0;
    let p_above_low = student_cdf((low - centre) / error, freedom)?;
    let p_below_high = student_cdf((centre - high) / error, freedom)?;
    Ok(Equivalence { mean: centre, p_above_low, p_below_high, p: p_above_low.max(p_below_high) })
}

/// Interval x̄ ± t s/√n that holds the mean with probability 1 − `level`.
///
/// # Errors
/// [`StatsError`] for fewer than two values, values that are not finite or all equal, or a level
/// outside of (0, 1).
pub fn t_interval(values: &[f64], level: f64) -> Result<(f64, f64), StatsError> {
    hold_level(level)?;
    let (centre, error) = centre_and_error(values)?;
    let reach = error * student_quantile(1.0 - 0.5 * level, values.len() as f64 - 1.0)?;
    Ok((centre - reach, centre + reach))
}

fn centre_and_error(values: &[f64]) -> Result<(f64, f64), StatsError> {
    finite(values, 2)?;
    let error = (variance(values, 1) / values.len() as f64).sqrt();
    if error == 0.0 {
        return Err(StatsError::Constant);
    }
    Ok((mean(values), error))
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_known_interval() {
        // Mean 3, standard deviation √2.5, five values: 2.776445 · √0.5.
        let (low, high) = t_interval(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.05).unwrap();
        assert_relative_eq!(high - 3.0, 2.776_445_105_197_794 * 0.5_f64.sqrt(), max_relative = 1e-9);
        assert_relative_eq!(low, 6.0 - high, max_relative = 1e-12);
    }

    #[test]
    fn bad_input_is_named() {
        assert_eq!(two_one_sided(&[1.0, 2.0], 1.0, 1.0), Err(StatsError::Interval(1.0, 1.0)));
        for (low, high) in [(f64::NEG_INFINITY, 1.0), (1.0, f64::INFINITY)] {
            assert_eq!(two_one_sided(&[1.0, 2.0], low, high), Err(StatsError::Interval(low, high)));
        }
        assert!(matches!(two_one_sided(&[1.0], 0.0, 1.0), Err(StatsError::TooFew { .. })));
        assert_eq!(two_one_sided(&[1.0, 1.0], 0.0, 2.0), Err(StatsError::Constant));
        assert!(matches!(t_interval(&[1.0, f64::NAN], 0.1), Err(StatsError::NotFinite(_))));
        assert!(matches!(t_interval(&[1.0, 2.0], 2.0), Err(StatsError::Level(_))));
    }

    proptest! {
        #[test]
        fn the_tests_agree_with_the_interval(values in prop::collection::vec(-5.0..5.0, 3..20), low in -6.0..0.0, width in 0.1..12.0, level in 0.01..0.4_f64) {
            let test = two_one_sided(&values, low, low + width).unwrap();
            let ends = t_interval(&values, 2.0 * level).unwrap();
            let inside = low < ends.0 && ends.1 < low + width;
            prop_assert!((test.p - level).abs() < 1e-9 || inside == (test.p < level));
        }
    }

    #[test]
    fn known_p_values() {
        // Mean 3 and standard error √0.5: the lower end is t = 2√2 away, with four degrees of freedom,
        // and the upper end as far as makes no difference. Computed with mpmath, 40 digits.
        let test = two_one_sided(&[1.0, 2.0, 3.0, 4.0, 5.0], 1.0, 1e6).unwrap();
        assert_relative_eq!(test.p, 0.023_710_327_792_159_81, max_relative = 1e-9);
        assert_eq!((test.mean, test.p), (3.0, test.p_above_low));
        let mirrored = two_one_sided(&[1.0, 2.0, 3.0, 4.0, 5.0], -1e6, 5.0).unwrap();
        assert_relative_eq!(mirrored.p_below_high, test.p, max_relative = 1e-12);
    }
}
