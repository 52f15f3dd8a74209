//! Entropies and divergences of discrete laws, in nats.
//!
//! | quantity | definition | here |
//! |---|---|---|
//! | entropy H(p) | −Σᵢ pᵢ ln pᵢ | [`entropy`] |
//! | Kullback–Leibler divergence KL(p‖q) | Σᵢ pᵢ ln(pᵢ/qᵢ) | [`kl`] |
//! | total variation TV(p, q) | ½ Σᵢ \|pᵢ − qᵢ\| | [`total_variation`] |
//! | mutual information I(X; Y) | KL of the joint law to the product of its margins | [`mutual_information`] |
//!
//! Laws are slices of probabilities over the same outcomes. A term with pᵢ = 0 counts as 0, the limit
//! of p ln p; what q lacks of the support of p makes KL(p‖q) infinite.

use super::{
    math::{ln, sum},
    tokens::Rows,
};

/// How far a law may be from summing to one.
const SLACK: f64 = 1e-9;

/// Whether the entries are at least 0 and sum to 1, up to 1e-9.
#[must_use]
pub fn is_law(p: &[f64]) -> bool {
    p.iter().all(|p| *p >= 0.0) && (sum(p.iter().copied()) - 1.0).abs() <= SLACK
}

/// H(p) = −Σᵢ pᵢ ln pᵢ, in \[0, ln n\].
#[must_use]
pub fn entropy(p: &[f64]) -> f64 {
    -sum(p.iter().filter(|p| **p > 0.0).map(|p| p * ln(*p)))
}

/// KL(p‖q) = Σᵢ pᵢ ln(pᵢ/qᵢ) ≥ 0; +∞ if q misses part of the support of p.
#[must_use]
pub fn kl(p: &[f64], q: &[f64]) -> f64 {
    let support = p.iter().zip(q).filter(|(p, _)| **p > 0.0);
    // The compensated sum would make NaN of an infinite term.
    if support.clone().any(|(_, q)| *q == 0.0) {
        return f64::INFINITY;
    }
    sum(support.map(|(p, q)| p * (ln(*p) - ln(*q))))
}

/// TV(p, q) = ½ Σᵢ |pᵢ − qᵢ|, in \[0, 1\]: half the L1 distance, and the largest difference of the
/// probabilities of one event.
#[must_use]
pub fn total_variation(p: &[f64], q: &[f64]) -> f64 {
    0.5 * sum(p.iter().zip(q).map(|(p, q)| (p - q).abs()))
}

/// Mutual information of the row and the column of a table of masses m(x, y) ≥ 0, times the total
/// mass m: Σ m(x, y) ln(m(x, y) m / (m(x) m(y))) ≥ 0.
///
/// For a joint law (m = 1) this is I(X; Y). For one table of masses a condition c, such as
/// Pr(c, x, y), the sum over the tables is the conditional mutual information I(X; Y | C).
#[must_use]
pub fn mutual_information(masses: &Rows) -> f64 {
    let rows: Vec<f64> = masses.iter().map(|row| sum(row.iter().copied())).collect();
    let columns: Vec<f64> = (0..masses.width()).map(|y| sum(masses.iter().map(|row| row[y]))).collect();
    let total = sum(rows.iter().copied());
    sum(masses.iter().zip(&rows).flat_map(|(row, in_row)| {
        row.iter()
            .zip(&columns)
            .filter(|(m, _)| **m > 0.0)
            .map(move |(m, in_column)| m * (ln(*m) + ln(total) - ln(*in_row) - ln(*in_column)))
    }))
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_values() {
        assert_abs_diff_eq!(entropy(&[0.25; 4]), 4_f64.ln(), epsilon = 1e-15);
        assert_eq!(entropy(&[0.0, 1.0]), 0.0);
        assert_abs_diff_eq!(kl(&[0.5, 0.5], &[0.25, 0.75]), 0.143_841_036_225_890_4, epsilon = 1e-15);
        assert_eq!(kl(&[0.0, 1.0], &[0.5, 0.5]), 2_f64.ln());
        assert_eq!(kl(&[0.5, 0.5], &[0.0, 1.0]), f64::INFINITY);
        assert_eq!(total_variation(&[1.0, 0.0], &[0.0, 1.0]), 1.0);
        assert_abs_diff_eq!(total_variation(&[0.5, 0.5], &[0.25, 0.75]), 0.25);
        // Two fair coins that always agree share one bit; independent ones share none.
        assert_abs_diff_eq!(
            mutual_information(&Rows::from_fn(2, 2, |x, y| if x == y { 0.5 } else { 0.0 })),
            2_f64.ln()
        );
        assert_abs_diff_eq!(
            mutual_information(&Rows::from_fn(2, 3, |x, y| [0.3, 0.7][x] * [0.2, 0.3, 0.5][y])),
            0.0,
            epsilon = 1e-15
        );
    }

    #[test]
    fn what_is_no_law_is_told() {
        assert!(is_law(&[0.5, 0.5]) && is_law(&[0.1; 10]) && is_law(&[0.0, 1.0]));
        assert!(!is_law(&[]) && !is_law(&[0.5, 0.4]) && !is_law(&[1.5, -0.5]) && !is_law(&[f64::NAN]));
    }

    fn law(n: usize) -> impl Strategy<Value = Vec<f64>> {
        let weight = prop_oneof![1 => Just(0.0), 4 => 1e-6..1.0];
        prop::collection::vec(weight, n).prop_filter_map("a law has mass", |w: Vec<f64>| {
            let total = sum(w.iter().copied());
            (total > 0.0).then(|| w.iter().map(|w| w / total).collect::<Vec<f64>>())
        })
    }

    proptest! {
        #[test]
        fn total_variation_is_the_best_event_and_obeys_pinsker(p in law(4), q in law(4)) {
            let events = (0..16_u32).map(|event| {
                sum((0..4).filter(|i| (event >> i) & 1 == 1).map(|i| p[i] - q[i]))
            });
            let best = events.fold(0.0_f64, f64::max);
            prop_assert!((total_variation(&p, &q) - best).abs() < 1e-15);
            prop_assert!(best <= (0.5 * kl(&p, &q)).sqrt() + 1e-12);
            prop_assert!(kl(&p, &q) >= -1e-15);
            prop_assert!(kl(&p, &p).abs() < 1e-15);
        }

        #[test]
        fn information_is_the_entropy_that_a_condition_removes(joint in law(6), mass in 0.1_f64..3.0) {
            // I(X; Y) = H(X) + H(Y) − H(X, Y), and masses scale it.
            let table = Rows::from_fn(2, 3, |x, y| mass * joint[3 * x + y]);
            let rows: Vec<f64> = joint.chunks(3).map(|row| sum(row.iter().copied())).collect();
            let columns: Vec<f64> = (0..3).map(|y| joint[y] + joint[3 + y]).collect();
            let expected = entropy(&rows) + entropy(&columns) - entropy(&joint);
            prop_assert!((mutual_information(&table) - mass * expected).abs() < 1e-12);
        }
    }
}
