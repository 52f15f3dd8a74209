//! Exact statements about a probability from a fixed number of independent trials.
//!
//! Unlike the betting tests, these are valid for a sample size fixed beforehand, looked at once.

use super::{
    sample::{StatsError, finite, level as hold_level},
    special::{beta_quantile, binomial_tail},
};

/// Interval that holds the success probability with probability at least 1 − `level`, from `hits`
/// successes in `trials` trials: each end is missed with probability at most `level`/2.
///
/// The lower end is the p with P(X ≥ k) = level/2 for X ~ Binomial(n, p), the (level/2)-quantile of
/// Beta(k, n − k + 1); the upper end is the (1 − level/2)-quantile of Beta(k + 1, n − k); 0 and 1
/// where k = 0 and k = n.
///
/// Source: Clopper and Pearson, Biometrika 26 (1934), 404–413.
///
/// # Errors
/// [`StatsError::Proportion`] for no trials or more hits than trials, [`StatsError::Level`].
///
/// ```
/// let (low, high) = corroborate::stats::binomial::clopper_pearson(3, 10, 0.05)?;
/// assert!((low - 0.066_739_5).abs() < 1e-6 && (high - 0.652_452_9).abs() < 1e-6);
/// # Ok::<(), corroborate::stats::sample::StatsError>(())
/// ```
pub fn clopper_pearson(hits: u64, trials: u64, level: f64) -> Result<(f64, f64), StatsError> {
    hold_level(level)?;
    if trials == 0 || hits > trials {
        return Err(StatsError::Proportion { hits, trials });
    }
    let (k, n) = (hits as f64, trials as f64);
    let low = if hits == 0 { 0.0 } else { beta_quantile(0.5 * level, k, n - k + 1.0)? };
    let high = if hits == trials { 1.0 } else { beta_quantile(1.0 - 0.5 * level, k + 1.0, n - k)? };
    Ok((low, high))
}

/// What signs say about a median.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignTest {
    /// Values above the hypothetical median.
    pub above: u64,
    /// Values below it.
    pub below: u64,
    /// Values equal to it, which are left out.
    pub ties: u64,
    /// P-value against "the median is at most the hypothetical one".
    pub p_greater: f64,
    /// P-value against "the median is at least the hypothetical one".
    pub p_less: f64,
    /// P-value against "the median is the hypothetical one": twice the smaller of the two, at most 1.
    pub p_two_sided: f64,
}

/// Exact sign test of a median: given that a value differs from `null`, it is above it with
/// probability 1/2 under the hypothesis.
///
/// Assumption: independent values. For paired samples, pass their differences.
///
/// # Errors
/// [`StatsError::NotFinite`]. No values, or only ties, give p-values of 1.
pub fn sign_test(values: &[f64], null: f64) -> Result<SignTest, StatsError> {
    finite(values, 0)?;
    let count = |holds: &dyn Fn(f64) -> bool| values.iter().filter(|v| holds(**v)).count() as u64;
    let (above, below) = (count(&|v| v > null), count(&|v| v < null));
    let p_greater = binomial_tail(above, above + below, 0.5)?;
    let p_less = binomial_tail(below, above + below, 0.5)?;
    Ok(SignTest {
        above,
        below,
        ties: values.len() as u64 - above - below,
        p_greater,
        p_less,
        p_two_sided: (2.0 * p_greater.min(p_less)).min(1.0),
    })
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_intervals() {
        // Computed with mpmath, 40 digits.
        for (hits, trials, level, low, high) in [
            (3, 10, 0.05, 0.066_739_511_177_734_5, 0.652_452_850_059_997),
            (0, 10, 0.05, 0.0, 0.308_497_107_818_761),
            (10, 10, 0.05, 0.691_502_892_181_239, 1.0),
            (500, 1000, 0.001, 0.447_629_419_858_604, 0.552_370_580_141_396),
        ] {
            let interval = clopper_pearson(hits, trials, level).unwrap();
            assert_relative_eq!(interval.0, low, max_relative = 1e-9);
            assert_relative_eq!(interval.1, high, max_relative = 1e-9);
        }
    }

    #[test]
    fn bad_input_is_named() {
        assert!(matches!(clopper_pearson(1, 0, 0.05), Err(StatsError::Proportion { .. })));
        assert!(matches!(clopper_pearson(3, 2, 0.05), Err(StatsError::Proportion { .. })));
        assert!(matches!(clopper_pearson(1, 2, 0.0), Err(StatsError::Level(_))));
        assert!(matches!(sign_test(&[f64::NAN], 0.0), Err(StatsError::NotFinite(_))));
    }

    #[test]
    fn signs_of_a_small_sample() {
        // Five of six differ upwards: P(X ≥ 5) = 7/64 for six fair tosses.
        let test = sign_test(&[1.0, 2.0, 3.0, 4.0, 5.0, -1.0, 0.0], 0.0).unwrap();
        assert_eq!((test.above, test.below, test.ties), (5, 1, 1));
        assert_relative_eq!(test.p_greater, 7.0 / 64.0, max_relative = 1e-13);
        assert_relative_eq!(test.p_less, 63.0 / 64.0, max_relative = 1e-13);
        assert_relative_eq!(test.p_two_sided, 14.0 / 64.0, max_relative = 1e-13);
        let test = sign_test(&[2.0, -1.0, -2.0, 0.0, 0.0, 0.0], 0.0).unwrap();
        assert_eq!((test.above, test.below, test.ties), (1, 2, 3));
        let nothing = sign_test(&[], 0.0).unwrap();
        assert_eq!((nothing.p_greater, nothing.p_two_sided), (1.0, 1.0));
    }

    /// Probability that the interval of X ~ Binomial(n, p) holds p.
    fn coverage(n: u64, p: f64, level: f64) -> f64 {
        (0..=n)
            .filter(|k| {
                let (low, high) = clopper_pearson(*k, n, level).unwrap();
                (low..=high).contains(&p)
            })
            .map(|k| binomial_tail(k, n, p).unwrap() - binomial_tail(k + 1, n, p).unwrap())
            .sum()
    }

    proptest! {
        #[test]
        fn the_interval_covers(n in 1_u64..40, p in 0.0..=1.0, level in 0.001..0.5) {
            prop_assert!(coverage(n, p, level) >= 1.0 - level - 1e-9);
        }

        #[test]
        fn failures_mirror_successes(n in 1_u64..200, share in 0.0..=1.0, level in 0.001..0.5) {
            let hits = (share * n as f64) as u64;
            let (low, high) = clopper_pearson(hits, n, level).unwrap();
            let (other_low, other_high) = clopper_pearson(n - hits, n, level).unwrap();
            prop_assert!((low - (1.0 - other_high)).abs() < 1e-9 && (high - (1.0 - other_low)).abs() < 1e-9);
        }
    }
}
