//! Betting on the mean of a bounded variable: an e-process and its confidence sequence.
//!
//! Let X₁, X₂, … take values in \[a, b\] with conditional mean μ given the past. Against the
//! hypothesis μ ≤ m, for a < m < b, a bettor who stakes the fraction f ∈ (0, 1] of the largest
//! admissible bet holds after n rounds
//!
//! ```text
//! Kₙ(f) = Πᵢ (1 + f ((Xᵢ − a)/(m − a) − 1)).
//! ```
//!
//! No factor is negative and none has an expectation above 1 under the hypothesis, so Kₙ(f) is a
//! nonnegative supermartingale started at 1, and so is the mixture Kₙ = Σⱼ wⱼ Kₙ(fⱼ) over a fixed
//! grid of fractions. By Ville's inequality Kₙ ≥ 1/α happens at any time with probability at most
//! α: Kₙ is an e-process, and looking at it after every observation costs nothing. The mirror image
//! (X → a + b − X) tests μ ≥ m, and half of each, the hedged capital ½ Kₙ⁺ + ½ Kₙ⁻, tests μ = m.
//! Because Kₙ falls as m grows, the values of m that are not rejected
//! form an interval, found on a grid of 2³³ values: a confidence sequence, valid at all times together. The
//! Bernoulli rate is the case \[0, 1\].
//!
//! An observation costs O(1) against a hypothesis fixed beforehand. A confidence sequence tries
//! several hypotheses, each of which has to be told all observations: O(n) where it is asked.
//!
//! Assumptions: the range, and a common conditional mean (independence with a common mean is
//! enough). Nothing is assumed of the distribution's shape.
//!
//! Source: Waudby-Smith and Ramdas, Journal of the Royal Statistical Society B 86 (2024), the
//! hedged capital process (section 4) with the diversified Kelly bettor.

use std::f64::consts::{LN_2, LN_10};

use super::rejected::last_rejected;
use crate::kernel::math::{dot, exp, ln, log_sum_exp, mean};

/// Number of fractions in the mixture.
const FRACTIONS: usize = 17;
/// Weight of staking everything, f = 1. Twenty heads in a row are then worth 2²⁰/8 > 10⁵ against
/// a fair coin. The other fractions, f = 2^(−j/2), share the rest equally; the smallest is 1/256.
const ALL_IN: f64 = 0.125;
/// The smallest decimal logarithm of an e-value that is reported; a ruined bettor has −∞.
pub const FLOOR: f64 = -308.0;
/// Products are folded into their logarithms beyond these.
const FOLD: (f64, f64) = (1e-200, 1e200);
/// Halvings of the range: the limit is exact to 10⁻¹⁰ of it, on the outer side.
const HALVINGS: u32 = 33;

/// What makes a test impossible.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum BettingError {
    /// The range is no bounded interval.
    #[error("a mean can be tested on a bounded range only, found [{low}, {high}]")]
    Range {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// The hypothetical mean is not inside the range.
    #[error("the hypothetical mean {null} does not lie strictly inside the range [{low}, {high}]")]
    Null {
        /// The hypothetical mean.
        null: f64,
        /// Lower end of the range.
        low: f64,
        /// Upper end of the range.
        high: f64,
    },
    /// An observation is NaN or outside the range.
    #[error("observation {value} lies outside the range [{low}, {high}]")]
    Observation {
        /// The observation.
        value: f64,
        /// Lower end of the range.
        low: f64,
        /// Upper end of the range.
        high: f64,
    },
}

/// A bounded interval that holds every observation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    low: f64,
    high: f64,
}

impl Range {
    /// The range of a Bernoulli variable, \[0, 1\].
    pub const UNIT: Self = Self { low: 0.0, high: 1.0 };

    /// The interval \[low, high\].
    ///
    /// # Errors
    /// [`BettingError::Range`] unless both ends are finite and low < high.
    pub fn new(low: f64, high: f64) -> Result<Self, BettingError> {
        if low.is_finite() && high.is_finite() && low < high {
            Ok(Self { low, high })
        } else {
            Err(BettingError::Range { low, high })
        }
    }

    /// Its two ends.
    #[must_use]
    pub const fn ends(self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// The value, if it lies in the range.
    ///
    /// # Errors
    /// [`BettingError::Observation`] for NaN and for values outside the range.
    pub fn admit(self, value: f64) -> Result<f64, BettingError> {
        let Self { low, high } = self;
        if (low..=high).contains(&value) {
            Ok(value)
        } else {
            Err(BettingError::Observation { value, low, high })
        }
    }
}

/// Two bettors against one hypothetical mean: one stakes on a larger mean, one on a smaller.
///
/// ```
/// use corroborate::stats::betting::{Betting, Range};
///
/// let mut coin = Betting::new(Range::UNIT, 0.5)?;
/// for _ in 0..20 {
///     coin.push(1.0)?;
/// }
/// assert!(coin.log10_e_above() >= 5.0 && coin.log10_e_below() < 0.0);
/// # Ok::<(), corroborate::stats::betting::BettingError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Betting {
    range: Range,
    null: f64,
    above: Capital,
    below: Capital,
}

impl Betting {
    /// Bettors against the hypothesis that the mean is `null`; a push costs O(1).
    ///
    /// # Errors
    /// [`BettingError::Null`] unless `null` lies strictly inside the range.
    pub fn new(range: Range, null: f64) -> Result<Self, BettingError> {
        let Range { low, high } = range;
        if low < null && null < high {
            Ok(Self { range, null, above: Capital::new(), below: Capital::new() })
        } else {
            Err(BettingError::Null { null, low, high })
        }
    }

    /// Takes the next observation in.
    ///
    /// # Errors
    /// [`BettingError::Observation`] for NaN and for values outside the range.
    pub fn push(&mut self, value: f64) -> Result<(), BettingError> {
        let Range { low, high } = self.range;
        let value = self.range.admit(value)?;
        self.above.bet((value - low) / (self.null - low));
        self.below.bet((high - value) / (high - self.null));
        Ok(())
    }

    /// Decimal logarithm of the e-value against "the mean is at most `null`", at least [`FLOOR`].
    #[must_use]
    pub fn log10_e_above(&self) -> f64 {
        (self.above.log_wealth() / LN_10).max(FLOOR)
    }

    /// Decimal logarithm of the e-value against "the mean is at least `null`", at least [`FLOOR`].
    #[must_use]
    pub fn log10_e_below(&self) -> f64 {
        (self.below.log_wealth() / LN_10).max(FLOOR)
    }

    /// Decimal logarithm of the hedged e-value against "the mean is `null`", at least [`FLOOR`]: half
    /// of the money is put on either side.
    #[must_use]
    pub fn log10_e_different(&self) -> f64 {
        let both = [self.above.log_wealth() - LN_2, self.below.log_wealth() - LN_2];
        (log_sum_exp(&both) / LN_10).max(FLOOR)
    }
}

/// The interval of means that neither bettor rejects at `level`, each in its direction: it holds
/// the mean at all times together with probability at least 1 − 2 · `level`. It is closed, lies
/// inside the range, and is the whole range for no observations.
///
/// # Errors
/// [`BettingError::Observation`] for NaN and for values outside the range.
pub fn confidence_sequence(values: &[f64], range: Range, level: f64) -> Result<(f64, f64), BettingError> {
    let Range { low, high } = range;
    for value in values {
        range.admit(*value)?;
    }
    let threshold = -ln(level);
    // Share of the range between its end and the mean: the same function serves both directions.
    let limit = |shares: &[f64]| -> f64 {
        let excess = |null: f64| log_wealth(shares.iter().map(|share| share / null)) - threshold;
        last_rejected(HALVINGS, centre(shares, threshold), excess)
    };
    let width = high - low;
    let from_below: Vec<f64> = values.iter().map(|v| (v - low) / width).collect();
    let from_above: Vec<f64> = values.iter().map(|v| (high - v) / width).collect();
    Ok((low + width * limit(&from_below), high - width * limit(&from_above)))
}

/// Where to look for a limit: a little below the sample mean, where no bettor has won anything yet.
fn centre(shares: &[f64], threshold: f64) -> [f64; 2] {
    let n = shares.len() as f64;
    let mean = mean(shares);
    let square = dot(shares, shares) / n;
    let deviation = (square - mean * mean).max(0.0).sqrt();
    [mean, mean - deviation * (2.5 * threshold / n).sqrt()]
}

/// Natural logarithm of the capital after outcomes whose expectation is at most 1 under the hypothesis:
/// nonnegative payoffs of staking everything.
pub(super) fn log_wealth(outcomes: impl Iterator<Item = f64>) -> f64 {
    let mut capital = Capital::new();
    outcomes.for_each(|outcome| capital.bet(outcome));
    capital.log_wealth()
}

/// Decimal logarithm of the e-value of `heads` heads in `tosses` tosses against "the probability of
/// heads is at most one half".
#[must_use]
pub fn log10_e_of_heads(heads: u64, tosses: u64) -> f64 {
    let capital = log_sum_exp(&fractions().map(|(fraction, weight)| {
        let tails = tosses.saturating_sub(heads);
        let lost = if tails == 0 { 0.0 } else { tails as f64 * ln(1.0 - fraction) };
        ln(weight) + heads as f64 * ln(1.0 + fraction) + lost
    }));
    (capital / LN_10).max(FLOOR)
}

/// Fractions of the largest bet, with their weights.
fn fractions() -> [(f64, f64); FRACTIONS] {
    let rest = (1.0 - ALL_IN) / (FRACTIONS - 1) as f64;
    let mut fraction = 1.0;
    std::array::from_fn(|j| {
        let pair = (fraction, if j == 0 { ALL_IN } else { rest });
        fraction *= std::f64::consts::FRAC_1_SQRT_2;
        pair
    })
}

/// Capital of the mixture: for each fraction a product, and the logarithm folded out of it.
#[derive(Clone, Debug)]
struct Capital {
    fractions: [f64; FRACTIONS],
    weights: [f64; FRACTIONS],
    products: [f64; FRACTIONS],
    folded: [f64; FRACTIONS],
}

impl Capital {
    fn new() -> Self {
        let (fractions, weights) = (fractions().map(|(f, _)| f), fractions().map(|(_, w)| w));
        Self { fractions, weights, products: [1.0; FRACTIONS], folded: [0.0; FRACTIONS] }
    }

    /// One round with an outcome whose expectation is at most 1 under the hypothesis.
    fn bet(&mut self, outcome: f64) {
        let gain = outcome - 1.0;
        // All products first, and the largest and smallest of every fourth, so that the compiler may take several at
        // a time; few ever need folding.
        let (mut low, mut high) = ([1.0_f64; 4], [1.0_f64; 4]);
        let (products, last) = self.products.as_chunks_mut::<4>();
        let (fractions, last_fraction) = self.fractions.as_chunks::<4>();
        for (products, fractions) in products.iter_mut().zip(fractions) {
            for i in 0..4 {
                products[i] *= 1.0 + fractions[i] * gain;
                low[i] = if products[i] < low[i] { products[i] } else { low[i] };
                high[i] = if products[i] > high[i] { products[i] } else { high[i] };
            }
        }
        for (product, fraction) in last.iter_mut().zip(last_fraction) {
            *product *= 1.0 + fraction * gain;
            low[0] = low[0].min(*product);
            high[0] = high[0].max(*product);
        }
        if low.iter().any(|p| *p < FOLD.0) || high.iter().any(|p| *p > FOLD.1) {
            self.fold();
        }
    }

    fn fold(&mut self) {
        for (product, folded) in self.products.iter_mut().zip(&mut self.folded) {
            if !(FOLD.0..=FOLD.1).contains(product) {
                // A ruined bettor stays ruined, whatever the product is.
                if *folded != f64::NEG_INFINITY {
                    *folded += ln(*product);
                }
                *product = 1.0;
            }
        }
    }

    /// Natural logarithm of the mixture; −∞ if every bettor is ruined.
    fn log_wealth(&self) -> f64 {
        let terms: [f64; FRACTIONS] =
            std::array::from_fn(|j| self.folded[j] + ln(self.products[j] * self.weights[j]));
        let top = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if top == f64::NEG_INFINITY { top } else { top + ln(terms.iter().map(|t| exp(t - top)).sum()) }
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::*;

    fn e_values(values: &[f64], null: f64) -> (f64, f64) {
        let mut betting = Betting::new(Range::UNIT, null).unwrap();
        for v in values {
            betting.push(*v).unwrap();
        }
        (betting.log10_e_above(), betting.log10_e_below())
    }

    #[test]
    fn the_expected_capital_is_one_under_a_fair_coin() {
        // All 2^8 sequences of a fair coin, enumerated: the mean capital is exactly 1.
        let total: f64 = (0..256_u32)
            .map(|bits| {
                let tosses: Vec<f64> = (0..8).map(|i| f64::from(bits >> i & 1)).collect();
                crate::kernel::math::pow(10.0, e_values(&tosses, 0.5).0)
            })
            .sum();
        assert_relative_eq!(total / 256.0, 1.0, epsilon = 1e-12);
    }

    #[test]
    fn the_hedged_capital_is_half_of_each() {
        let mut betting = Betting::new(Range::UNIT, 0.3).unwrap();
        for v in [0.9, 0.2, 0.7] {
            betting.push(v).unwrap();
        }
        let half = |log10: f64| 0.5 * crate::kernel::math::pow(10.0, log10);
        let hedged = half(betting.log10_e_above()) + half(betting.log10_e_below());
        assert_relative_eq!(betting.log10_e_different(), hedged.log10(), epsilon = 1e-12);
    }

    #[test]
    fn heads_can_be_counted_instead_of_pushed() {
        for (heads, tosses) in [(0, 0), (20, 20), (3, 10), (0, 7), (400, 500)] {
            let tosses_in_order: Vec<f64> = (0..tosses).map(|i| f64::from(u8::from(i < heads))).collect();
            let pushed = e_values(&tosses_in_order, 0.5).0;
            assert_relative_eq!(log10_e_of_heads(heads, tosses), pushed, epsilon = 1e-9);
        }
    }

    #[test]
    fn tosses_may_come_in_any_order() {
        // Whoever stakes half of everything holds 10^−602 after the tails, and most of all in the end.
        let tails_first: Vec<f64> = (0..8000).map(|i| f64::from(u8::from(i >= 2000))).collect();
        assert_relative_eq!(e_values(&tails_first, 0.5).0, log10_e_of_heads(6000, 8000), max_relative = 1e-9);
    }

    #[test]
    fn capital_neither_overflows_nor_leaves_the_floor() {
        let (above, below) = e_values(&vec![1.0; 10_000], 0.5);
        assert_relative_eq!(above, 10_000.0 * 2_f64.log10() + ALL_IN.log10(), epsilon = 1e-6);
        assert!((FLOOR..-10.0).contains(&below));
    }

    #[test]
    fn nothing_is_known_without_observations() {
        assert_eq!(confidence_sequence(&[], Range::UNIT, 0.05).unwrap(), (0.0, 1.0));
    }

    #[test]
    fn bad_input_is_named() {
        assert!(matches!(Range::new(0.0, f64::INFINITY), Err(BettingError::Range { .. })));
        assert!(matches!(Betting::new(Range::UNIT, 1.0), Err(BettingError::Null { .. })));
        let mut betting = Betting::new(Range::UNIT, 0.5).unwrap();
        for bad in [f64::NAN, -0.1, 1.1] {
            assert!(matches!(betting.push(bad), Err(BettingError::Observation { .. })));
        }
    }

    proptest! {
        #[test]
        fn the_mirror_image_swaps_the_directions(values in prop::collection::vec(0.0..=1.0, 0..40), null in 0.05..0.95) {
            let mirrored: Vec<f64> = values.iter().map(|v| 1.0 - v).collect();
            let (above, below) = e_values(&values, null);
            let (mirrored_above, mirrored_below) = e_values(&mirrored, 1.0 - null);
            prop_assert!((above - mirrored_below).abs() < 1e-9);
            prop_assert!((below - mirrored_above).abs() < 1e-9);
        }

        #[test]
        fn capital_falls_as_the_hypothesis_grows(values in prop::collection::vec(0.0..=1.0, 1..40), null in 0.05..0.9) {
            prop_assert!(e_values(&values, null).0 >= e_values(&values, null + 0.05).0 - 1e-12);
        }

        #[test]
        fn the_interval_is_what_the_tests_leave(values in prop::collection::vec(0.0..=1.0, 1..60)) {
            let (low, high) = confidence_sequence(&values, Range::UNIT, 0.05).unwrap();
            prop_assert!(0.0 <= low && low <= high && high <= 1.0);
            let threshold = 20_f64.log10();
            if low > 0.01 {
                prop_assert!(e_values(&values, low - 0.005).0 >= threshold);
            }
            prop_assert!(low >= 0.999 || e_values(&values, low + 1e-6).0 < threshold);
            if high < 0.99 {
                prop_assert!(e_values(&values, high + 0.005).1 >= threshold);
            }
        }

        #[test]
        fn a_change_of_units_changes_only_the_units(values in prop::collection::vec(0.0..=1.0, 1..40)) {
            let scaled: Vec<f64> = values.iter().map(|v| -3.0 + 5.0 * v).collect();
            let (low, high) = confidence_sequence(&values, Range::UNIT, 0.01).unwrap();
            let (scaled_low, scaled_high) =
                confidence_sequence(&scaled, Range::new(-3.0, 2.0).unwrap(), 0.01).unwrap();
            prop_assert!((scaled_low - (-3.0 + 5.0 * low)).abs() < 1e-6);
            prop_assert!((scaled_high - (-3.0 + 5.0 * high)).abs() < 1e-6);
        }
    }

    #[test]
    fn two_wins_of_any_size_stay_finite() {
        // Each win multiplies the stake f by 10³⁰⁰: (1/8 + 7/128 · Σⱼ 2⁻ʲ) · 10⁶⁰⁰ over f² = 2⁻ʲ, j ≤ 16.
        let (above, below) = e_values(&[1.0, 1.0], 1e-300);
        let mixed: f64 = 0.125 + 7.0 / 128.0 * (1.0 - 1.0 / 65_536.0);
        assert_relative_eq!(above, 600.0 + mixed.log10(), epsilon = 1e-9);
        assert!(below <= 0.0);
    }

    proptest! {
        #[test]
        fn evidence_does_not_depend_on_the_units(values in prop::collection::vec(0.0..=1.0, 0..40), null in 0.05..0.95) {
            let (above, below) = e_values(&values, null);
            let mut scaled = Betting::new(Range::new(-3.0, 2.0).unwrap(), -3.0 + 5.0 * null).unwrap();
            for v in &values {
                scaled.push(-3.0 + 5.0 * v).unwrap();
            }
            prop_assert!((scaled.log10_e_above() - above).abs() < 1e-9);
            prop_assert!((scaled.log10_e_below() - below).abs() < 1e-9);
        }
    }
}
