//! Ranks, and the correlation of ranks.

use super::math::{dot, sum};

/// Ranks from 1, equal values sharing the mean of their ranks.
#[must_use]
pub fn midranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|i, j| values[*i].total_cmp(&values[*j]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let tied = order[start..].iter().take_while(|i| values[**i] == values[order[start]]).count().max(1);
        for i in &order[start..start + tied] {
            ranks[*i] = start as f64 + 0.5 * (tied as f64 + 1.0);
        }
        start += tied;
    }
    ranks
}

/// Spearman's rank correlation of paired values: the linear correlation of their [`midranks`],
///
/// ```text
/// ρ = Σᵢ (uᵢ − m)(vᵢ − m) / √(Σᵢ (uᵢ − m)² Σᵢ (vᵢ − m)²),   m = (n + 1)/2,   in [−1, 1].
/// ```
///
/// `None` if the lengths differ or a side has no two different values: there is no order to compare.
#[must_use]
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    if x.len() != y.len() {
        return None;
    }
    let middle = 0.5 * (x.len() as f64 + 1.0);
    let centred =
        |values: &[f64]| -> Vec<f64> { midranks(values).into_iter().map(|rank| rank - middle).collect() };
    let (u, v) = (centred(x), centred(y));
    let squares = |w: &[f64]| sum(w.iter().map(|d| d * d));
    let scale = (squares(&u) * squares(&v)).sqrt();
    (scale > 0.0).then(|| (dot(&u, &v) / scale).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ties_share_their_ranks() {
        assert_eq!(midranks(&[10.0, 30.0, 10.0, 20.0]), [1.5, 4.0, 1.5, 3.0]);
        assert_eq!(midranks(&[5.0; 3]), [2.0; 3]);
        assert_eq!(midranks(&[-0.0, 0.0]), [1.5, 1.5]);
        assert_eq!(midranks(&[]), [0.0; 0]);
    }

    #[test]
    fn without_ties_it_is_a_sum_of_squared_rank_differences() {
        // ρ = 1 − 6 Σ d²/(n(n² − 1)); ranks (1, 2, 3, 4, 5) and (2, 1, 4, 3, 5) have Σ d² = 4.
        let (x, y) = ([0.1, 0.2, 0.7, 0.8, 9.0], [-1.0, -3.0, 5.0, 4.0, 6.0]);
        assert_relative_eq!(spearman(&x, &y).unwrap(), 0.8, epsilon = 1e-15);
        assert_eq!(spearman(&x, &x), Some(1.0));
    }

    #[test]
    fn without_an_order_there_is_no_correlation() {
        assert_eq!(spearman(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(spearman(&[1.0], &[1.0]), None);
        assert_eq!(spearman(&[1.0, 2.0], &[1.0]), None);
        assert_eq!(spearman(&[], &[]), None);
    }

    proptest! {
        #[test]
        fn ranks_add_up(values in prop::collection::vec(-3_i8..3, 0..20)) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let n = values.len() as f64;
            prop_assert_eq!(midranks(&values).iter().sum::<f64>(), n * (n + 1.0) / 2.0);
        }
    }
}
