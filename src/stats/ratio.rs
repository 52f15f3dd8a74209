//! Ratio of two means by betting, without any assumption on shape.
//!
//! Let (X₁, Y₁), (X₂, Y₂), … be pairs with values in \[a, b\], 0 ≤ a < b, and means μ and ν > 0. For
//! a ratio c > 0 the statement μ/ν ≤ c is E\[X − cY\] ≤ 0, a statement about the mean of a variable
//! in \[a − cb, b − ca\], tested by [`super::betting`]. The two variables of a pair may depend on
//! each other, and better so: what they share cancels.
//!
//! The relative payoff of the bet, (X − cY)/(cb − a), falls as c grows (its derivative has the sign
//! of aY − bX ≤ 0), so that the ratios that are not rejected form an interval.
//!
//! Assumptions: the range, and independent pairs with common means.

use super::betting::{Betting, BettingError, Range, log_wealth};
use crate::kernel::math::ln;

/// Halvings of a bisection.
const HALVINGS: u32 = 36;

/// Decimal logarithms of two e-values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatioEvidence {
    /// Against "the ratio is at most c".
    pub above: f64,
    /// Against "the ratio is at least c".
    pub below: f64,
}

/// Evidence on the ratio of the means of `x` and `y`, equally long, held against `c`.
///
/// # Errors
/// [`BettingError`] for values outside the range, a range that reaches below 0, and a ratio that
/// the range alone decides (outside of a/b … b/a).
pub fn log10_e(x: &[f64], y: &[f64], range: Range, c: f64) -> Result<RatioEvidence, BettingError> {
    let (low, high) = range.ends();
    if low < 0.0 || !c.is_finite() {
        return Err(BettingError::Range { low, high });
    }
    let mut betting = Betting::new(Range::new(low - c * high, high - c * low)?, 0.0)?;
    for (x, y) in x.iter().zip(y) {
        betting.push(range.admit(*x)? - c * range.admit(*y)?)?;
    }
    Ok(RatioEvidence { above: betting.log10_e_above(), below: betting.log10_e_below() })
}

/// The interval of ratios that are not rejected at `level`, each in its direction: it holds the
/// ratio of the means at all times together with probability at least 1 − 2 · `level`. The upper end
/// is infinite while a mean of 0 below the line is possible.
///
/// # Errors
/// As [`log10_e`].
pub fn confidence_sequence(
    x: &[f64],
    y: &[f64],
    range: Range,
    level: f64,
) -> Result<(f64, f64), BettingError> {
    let (low, high) = range.ends();
    // Holds all values to the range.
    log10_e(x, y, range, 1.0)?;
    let threshold = -ln(level);
    // The payoffs of a bet on a larger, and of one on a smaller ratio than c.
    let pairs = || x.iter().zip(y);
    let above = |c: f64| log_wealth(pairs().map(|(x, y)| 1.0 + (x - c * y) / (c * high - low)));
    let below = |c: f64| log_wealth(pairs().map(|(x, y)| 1.0 - (x - c * y) / (high - c * low)));
    // The share s stands for the ratio s / (1 − s), so that a bisection reaches every ratio.
    let ratio = |share: f64| share / (1.0 - share);
    let (least, most) = (low / (low + high), high / (low + high));
    let limit = |mut inside: f64, mut outside: f64, wealth: &dyn Fn(f64) -> f64| {
        for _ in 0..HALVINGS {
            let middle = 0.5 * (inside + outside);
            if wealth(ratio(middle)) >= threshold {
                outside = middle;
            } else {
                inside = middle;
            }
        }
        if outside == 1.0 { f64::INFINITY } else { ratio(outside) }
    };
    Ok((limit(most, least, &above), limit(least, most, &below)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_constant_ratio_is_found() {
        let y: Vec<f64> = (0..60).map(|i| 0.2 + 0.01 * f64::from(i % 10)).collect();
        let x: Vec<f64> = y.iter().map(|v| 2.0 * v).collect();
        let evidence = log10_e(&x, &y, Range::UNIT, 1.0).unwrap();
        assert!(evidence.above > 1.0 && evidence.below < 0.0);
        let (low, high) = confidence_sequence(&x, &y, Range::UNIT, 0.05).unwrap();
        assert!(low < 2.0 && 2.0 < high && 1.0 < low && high < 4.0, "{low} {high}");
    }

    #[test]
    fn nothing_is_known_of_a_ratio_by_zero() {
        let (low, high) = confidence_sequence(&[1.0; 40], &[0.0; 40], Range::UNIT, 0.05).unwrap();
        assert!(low > 1.0 && high == f64::INFINITY);
        assert_eq!(confidence_sequence(&[], &[], Range::UNIT, 0.05).unwrap(), (0.0, f64::INFINITY));
    }

    #[test]
    fn bad_input_is_named() {
        assert!(matches!(log10_e(&[0.5], &[0.5], Range::UNIT, 0.0), Err(BettingError::Null { .. })));
        assert!(matches!(log10_e(&[1.5], &[0.5], Range::UNIT, 1.0), Err(BettingError::Observation { .. })));
        let negative = Range::new(-1.0, 1.0).unwrap();
        assert!(matches!(log10_e(&[0.5], &[0.5], negative, 1.0), Err(BettingError::Range { .. })));
    }

    proptest! {
        #[test]
        fn the_other_way_up_gives_the_reciprocal(
            pairs in prop::collection::vec((0.1..=1.0, 0.1..=1.0), 1..40),
            c in 0.2..5.0,
        ) {
            let (x, y): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let (one, other) = (log10_e(&x, &y, Range::UNIT, c).unwrap(), log10_e(&y, &x, Range::UNIT, 1.0 / c).unwrap());
            prop_assert!((one.above - other.below).abs() < 1e-9 && (one.below - other.above).abs() < 1e-9);
        }

        #[test]
        fn the_interval_is_what_the_tests_leave(pairs in prop::collection::vec((0.0..=1.0, 0.0..=1.0), 1..40)) {
            let (x, y): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let (low, high) = confidence_sequence(&x, &y, Range::UNIT, 0.05).unwrap();
            prop_assert!(0.0 <= low && low <= high);
            let threshold = 20_f64.log10();
            if low > 0.01 {
                prop_assert!(log10_e(&x, &y, Range::UNIT, low * 0.99).unwrap().above >= threshold);
            }
            if high < 100.0 {
                prop_assert!(log10_e(&x, &y, Range::UNIT, high * 1.01).unwrap().below >= threshold);
            }
            if high > low {
                let inside = 0.5 * (low + high.min(low + 1.0));
                let evidence = log10_e(&x, &y, Range::UNIT, inside).unwrap();
                prop_assert!(evidence.above < threshold && evidence.below < threshold);
            }
        }
    }

    #[test]
    fn without_pairs_the_range_is_all_that_is_known() {
        let range = Range::new(0.5, 2.0).unwrap();
        let (low, high) = confidence_sequence(&[], &[], range, 0.05).unwrap();
        assert!((low - 0.25).abs() < 1e-12 && (high - 4.0).abs() < 1e-12, "{low} {high}");
    }

    proptest! {
        #[test]
        fn a_range_above_zero_is_made_use_of(pairs in prop::collection::vec((0.5..=2.0, 0.5..=2.0), 1..40), c in 0.3..3.0) {
            let range = Range::new(0.5, 2.0).unwrap();
            let (x, y): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let evidence = |c: f64| log10_e(&x, &y, range, c).unwrap();
            let other = log10_e(&y, &x, range, 1.0 / c).unwrap();
            prop_assert!((evidence(c).above - other.below).abs() < 1e-9 && (evidence(c).below - other.above).abs() < 1e-9);
            let (low, high) = confidence_sequence(&x, &y, range, 0.05).unwrap();
            prop_assert!(0.25 <= low && low <= high && high <= 4.0 + 1e-12);
            let threshold = 20_f64.log10();
            if low > 0.26 {
                prop_assert!(evidence(low * 0.999_999).above >= threshold);
            }
            if high < 3.9 {
                prop_assert!(evidence(high * 1.000_001).below >= threshold);
            }
            prop_assert!(evidence((low * 1.000_001).min(3.99)).above < threshold);
            prop_assert!(evidence((high * 0.999_999).max(0.26)).below < threshold);
        }
    }
}
