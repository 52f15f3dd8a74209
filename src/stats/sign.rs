//! Medians by signs: an e-process and its confidence sequence, without any assumption on shape.
//!
//! "The median lies below c" is the statement P(X < c) > 1/2; the indicator of X < c is a coin,
//! and the coin is tested by betting against one half ([`super::betting`]). A value equal to c
//! counts against the statement, so that ties never speak for it. Because the mixture of constant
//! bets depends on the observations only through the number of heads, an e-value is a function of
//! two counts, and the confidence sequence consists of two order statistics.
//!
//! Assumption: independent replicates with a common distribution.

use super::{betting::log10_e_of_heads, sample::sorted};

/// Decimal logarithms of two e-values: for the statement, and for its opposite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignEvidence {
    /// Against "the statement holds with probability at most one half".
    pub in_favour: f64,
    /// Against "the statement holds with probability at least one half".
    pub against: f64,
}

/// Evidence on "the median lies strictly below `c`". NaN counts against it.
#[must_use]
pub fn below(values: &[f64], c: f64) -> SignEvidence {
    count(values, |v| v < c)
}

/// Evidence on "the median lies strictly above `c`". NaN counts against it.
#[must_use]
pub fn above(values: &[f64], c: f64) -> SignEvidence {
    count(values, |v| v > c)
}

/// Interval that holds the median, at all times together, with probability at least
/// 1 − 2 · `level`: the k-th smallest and the k-th largest value, where n − k + 1 heads out of n
/// are just enough to reject a fair coin. `None` while no number of heads is enough.
#[must_use]
pub fn confidence_sequence(values: &[f64], level: f64) -> Option<(f64, f64)> {
    let tosses = values.len() as u64;
    let threshold = -crate::kernel::math::log10(level);
    let enough = (0..=tosses).find(|heads| log10_e_of_heads(*heads, tosses) >= threshold)? as usize;
    let order = sorted(values);
    Some((*order.get(values.len() - enough)?, *order.get(enough.checked_sub(1)?)?))
}

fn count(values: &[f64], holds: impl Fn(f64) -> bool) -> SignEvidence {
    let tosses = values.len() as u64;
    let heads = values.iter().filter(|v| holds(**v)).count() as u64;
    SignEvidence {
        in_favour: log10_e_of_heads(heads, tosses),
        against: log10_e_of_heads(tosses - heads, tosses),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn twenty_equal_signs_decide_at_one_in_a_hundred_thousand() {
        assert!(below(&[0.0; 20], 1.0).in_favour >= 5.0);
        assert!(below(&[0.0; 19], 1.0).in_favour < 5.0);
        assert!(above(&[0.0; 20], 1.0).against >= 5.0);
    }

    #[test]
    fn ties_speak_against_both_statements() {
        assert!(below(&[1.0; 20], 1.0).against >= 5.0);
        assert!(above(&[1.0; 20], 1.0).against >= 5.0);
    }

    #[test]
    fn the_interval_of_twenty_values_spans_them_all() {
        let values: Vec<f64> = (0..20).map(f64::from).collect();
        assert_eq!(confidence_sequence(&values, 1e-5), Some((0.0, 19.0)));
        assert_eq!(confidence_sequence(&values[..19], 1e-5), None);
        assert_eq!(confidence_sequence(&[], 1e-5), None);
    }

    proptest! {
        #[test]
        fn the_interval_agrees_with_the_tests(values in prop::collection::vec(-5.0..5.0, 30..80)) {
            let (low, high) = confidence_sequence(&values, 1e-3).unwrap();
            prop_assert!(above(&values, low - 1e-9).in_favour >= 3.0);
            prop_assert!(above(&values, low).in_favour < 3.0);
            prop_assert!(below(&values, high + 1e-9).in_favour >= 3.0);
            prop_assert!(below(&values, high).in_favour < 3.0);
        }
    }

    #[test]
    fn without_ties_one_side_is_against_the_other() {
        let values = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        for c in [-0.5, 1.5, 4.5, 6.5] {
            let (lower, upper) = (below(&values, c), above(&values, c));
            assert_eq!((lower.against, lower.in_favour), (upper.in_favour, upper.against));
        }
    }
}
