//! Mean of a normal variable with unknown variance: a t-test that may be looked at at any time.
//!
//! Let X₁, X₂, … be independent N(μ, σ²), and δ = (μ − m)/σ. What the numbers Xᵢ − m say up to a
//! common scale is the t-statistic against m. Its likelihood under δ, averaged over the half of
//! N(0, 1) with δ > 0 and divided by its likelihood under δ = 0, is
//!
//! ```text
//! Eₙ = 2 (1 + n)^(−1/2) (1 − c²)^(−n/2) Fₙ(√n c / √(1 − c²)),    c = S / √(V (n + 1)),
//! S = Σᵢ (Xᵢ − m),   V = Σᵢ (Xᵢ − m)²,   Fₙ: Student's distribution with n degrees of freedom.
//! ```
//!
//! Derivation: the scale is integrated out with the density 1/σ, for which u = √V/σ has the
//! chi distribution with n degrees of freedom and the likelihood ratio at δ is
//! E\[exp(δ u S/√V − n δ²/2)\]; integrating δ first gives 2 (1 + n)^(−1/2) E\[exp(c²u²/2) Φ(c u)\],
//! and then u, after substituting √(1 − c²) u, the probability that a standard normal variable
//! lies below c u/√(1 − c²).
//!
//! At μ = m, Eₙ is a martingale in what is known up to scale, with expectation 1. For μ < m it is
//! smaller still, on every path: adding a constant to all Xᵢ raises every t-statistic and with it
//! Eₙ. By Ville's inequality Eₙ ≥ 1/α ever happens, under any μ ≤ m, with probability at most α.
//! The mirror image tests μ ≥ m. Eₙ depends on m through the t-statistic only, so the values of m
//! that are not rejected form an interval around the mean.
//!
//! Assumptions: independent replicates of one normal distribution. With heavy tails or skewness
//! the level does not hold; prefer a bounded metric or a median where there is a choice.
//!
//! Sources: Lai, Annals of Statistics 4 (1976), 265–280; Wang and Ramdas, arXiv 2310.03722, for the
//! two-sided form.

use std::f64::consts::LN_10;

use super::{betting::FLOOR, special::student_ln_cdf};
use crate::kernel::math::{ln, ln_1p, log10, mean, sum};

/// Doublings and halvings in the search for an end of the interval.
const STEPS: u32 = 60;

/// What contradicts the assumption of a normal distribution outright.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum NormalError {
    /// A normal variable is finite.
    #[error("a normal variable is finite, found {0}")]
    NotFinite(f64),
    /// A normal variable does not repeat itself.
    #[error("all {0} values are equal, which a normal variable never is; use a median")]
    Constant(usize),
}

/// A sample of a normal variable: its number, its mean, and its sum of squared deviations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normal {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Normal {
    /// The sample of these values.
    ///
    /// # Errors
    /// [`NormalError`] for values that are not finite, and for two or more values that are all
    /// equal.
    pub fn of(values: &[f64]) -> Result<Self, NormalError> {
        if let Some(bad) = values.iter().find(|v| !v.is_finite()) {
            return Err(NormalError::NotFinite(*bad));
        }
        if values.len() > 1 && values.iter().all(|v| *v == values[0]) {
            return Err(NormalError::Constant(values.len()));
        }
        let centre = if values.is_empty() { 0.0 } else { mean(values) };
        let squares = sum(values.iter().map(|v| (v - centre) * (v - centre)));
        Ok(Self { count: values.len() as f64, mean: centre, squares })
    }

    /// Decimal logarithm of the e-value against "the mean is at most `null`", at least [`FLOOR`].
    #[must_use]
    pub fn log10_e_above(&self, null: f64) -> f64 {
        self.log10_e(self.mean - null)
    }

    /// Decimal logarithm of the e-value against "the mean is at least `null`", at least [`FLOOR`].
    #[must_use]
    pub fn log10_e_below(&self, null: f64) -> f64 {
        self.log10_e(null - self.mean)
    }

    /// The interval of means that are not rejected at `level`, each in its direction: it holds the
    /// mean at all times together with probability at least 1 − 2 · `level`. `None` while there are
    /// too few values to reject anything.
    #[must_use]
    pub fn confidence_sequence(&self, level: f64) -> Option<(f64, f64)> {
        let threshold = -log10(level);
        // Distances are measured in standard deviations; one value or none has no deviation.
        let unit = (self.squares / self.count).sqrt();
        if unit.is_nan() || unit == 0.0 {
            return None;
        }
        let rejected = |distance: f64| self.log10_e(distance * unit) >= threshold;
        let (mut inside, mut outside) = (0.0, 1.0);
        let mut steps = 0;
        while !rejected(outside) {
            inside = outside;
            outside *= 2.0;
            steps += 1;
            if steps > STEPS {
                return None;
            }
        }
        for _ in 0..STEPS {
            let middle = 0.5 * (inside + outside);
            if rejected(middle) {
                outside = middle;
            } else {
                inside = middle;
            }
        }
        Some((self.mean - outside * unit, self.mean + outside * unit))
    }

    /// E-value of a mean that exceeds the hypothetical one by `excess`.
    fn log10_e(&self, excess: f64) -> f64 {
        let n = self.count;
        let total = self.squares + n * excess * excess;
        if total == 0.0 {
            // No values, or a single one that equals the hypothetical mean.
            return -0.5 * log10(1.0 + n);
        }
        // 1 − c² = (n · squares + total) / ((n + 1) · total), free of cancellation.
        let rest = (n * (self.squares / total) + 1.0) / (n + 1.0);
        let c = excess * n / (total * (n + 1.0)).sqrt();
        // A logarithm that did not converge counts as no evidence.
        let student = student_ln_cdf(n.sqrt() * c / rest.sqrt(), n).unwrap_or(f64::NEG_INFINITY);
        let ln_e = std::f64::consts::LN_2 - 0.5 * ln_1p(n) - 0.5 * n * ln(rest) + student;
        (ln_e / LN_10).max(FLOOR)
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::{super::special::student_quantile, *};

    fn above(values: &[f64], null: f64) -> f64 {
        Normal::of(values).unwrap().log10_e_above(null)
    }

    #[test]
    fn a_single_value_tells_only_its_side() {
        // E₁ = 2 F₁(±1), with Cauchy's distribution function: 3/2 or 1/2.
        assert_relative_eq!(above(&[7.0], 0.0), 1.5_f64.log10(), epsilon = 1e-14);
        assert_relative_eq!(above(&[-0.1], 0.0), 0.5_f64.log10(), epsilon = 1e-14);
        assert_relative_eq!(above(&[0.0], 0.0), -0.5 * 2_f64.log10(), epsilon = 1e-14);
        assert_eq!(above(&[], 3.0), 0.0);
    }

    #[test]
    fn the_closed_form_agrees_with_the_integral_over_scale_and_effect() {
        let values = [0.3, 1.1, -0.2, 0.9, 0.4];
        let (n, total): (f64, f64) = (5.0, values.iter().sum());
        let squares: f64 = values.iter().map(|v| v * v).sum();
        let r = total / squares.sqrt();
        // ∫∫ 2 φ(δ) u^(n−1) exp(−u²/2 + δ u r − n δ²/2) du dδ ÷ ∫ u^(n−1) exp(−u²/2) du.
        let (h, mut over, mut under) = (0.01, 0.0, 0.0);
        for i in 1..1200 {
            let u = h * f64::from(i);
            let weight = u.powi(4) * (-u * u / 2.0).exp();
            under += weight;
            for j in 0..700 {
                let delta = h * (f64::from(j) + 0.5);
                let normal = (-delta * delta / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
                over += weight * 2.0 * normal * (delta * u * r - n * delta * delta / 2.0).exp() * h;
            }
        }
        assert_relative_eq!(above(&values, 0.0), (over / under).log10(), epsilon = 1e-5);
    }

    #[test]
    fn the_expected_e_value_is_one_under_the_hypothesis() {
        // Over the distribution of the t-statistic, whose quantiles are spread evenly.
        for n in 2..=5 {
            let count = f64::from(n);
            let e_value = |share: f64| {
                let t = student_quantile(share, count - 1.0).unwrap();
                let sample = Normal { count, mean: t / count.sqrt(), squares: count - 1.0 };
                10_f64.powf(sample.log10_e_above(0.0))
            };
            let points = 20_000;
            let shares = (0..points).map(|i| (f64::from(i) + 0.5) / f64::from(points));
            let expectation = shares.map(e_value).sum::<f64>() / f64::from(points);
            assert_relative_eq!(expectation, 1.0, epsilon = 2e-3);
        }
    }

    #[test]
    fn a_clear_effect_is_decided_with_few_values() {
        let values: Vec<f64> = (0..12).map(|i| 1.0 + 0.001 * f64::from(i % 3)).collect();
        assert!(above(&values, 0.0) >= 5.0);
        assert!(above(&values[..5], 0.0) < 5.0);
    }

    #[test]
    fn bad_input_is_named() {
        assert_eq!(Normal::of(&[1.0, f64::INFINITY]), Err(NormalError::NotFinite(f64::INFINITY)));
        assert!(matches!(Normal::of(&[1.0, f64::NAN]), Err(NormalError::NotFinite(_))));
        assert_eq!(Normal::of(&[0.1; 7]), Err(NormalError::Constant(7)));
        assert_eq!(Normal::of(&[]).unwrap().confidence_sequence(0.05), None);
        assert_eq!(Normal::of(&[1.0]).unwrap().confidence_sequence(0.05), None);
        assert_eq!(Normal::of(&[1.0, 2.0]).unwrap().confidence_sequence(1e-5), None);
    }

    proptest! {
        #[test]
        fn the_mirror_image_swaps_the_directions(values in prop::collection::vec(-5.0..5.0, 2..40), null in -1.0..1.0) {
            let mirrored: Vec<f64> = values.iter().map(|v| -v).collect();
            let (one, other) = (Normal::of(&values).unwrap(), Normal::of(&mirrored).unwrap());
            prop_assert!((one.log10_e_above(null) - other.log10_e_below(-null)).abs() < 1e-9);
        }

        #[test]
        fn units_do_not_matter(values in prop::collection::vec(-5.0..5.0, 2..40), scale in 0.01..100.0, shift in -3.0..3.0) {
            let moved: Vec<f64> = values.iter().map(|v| scale * v + shift).collect();
            prop_assert!((above(&values, 0.5) - above(&moved, 0.5 * scale + shift)).abs() < 1e-6);
        }

        #[test]
        fn evidence_falls_as_the_hypothesis_grows(values in prop::collection::vec(-5.0..5.0, 1..40), null in -3.0..3.0) {
            let smaller = Normal::of(&values).map(|n| n.log10_e_above(null)).unwrap();
            prop_assert!(smaller >= above(&values, null + 0.5) - 1e-9);
        }

        #[test]
        fn the_interval_is_what_the_tests_leave(values in prop::collection::vec(-5.0..5.0, 8..40)) {
            let normal = Normal::of(&values).unwrap();
            let (low, high) = normal.confidence_sequence(0.05).unwrap();
            let (threshold, step) = (20_f64.log10(), 1e-6 * (high - low));
            prop_assert!(normal.log10_e_above(low - step) >= threshold);
            prop_assert!(normal.log10_e_above(low + step) < threshold);
            prop_assert!(normal.log10_e_below(high + step) >= threshold);
            prop_assert!(normal.log10_e_below(high - step) < threshold);
        }
    }

    #[test]
    fn the_interval_is_the_inverse_of_the_test_at_any_distance() {
        for sample in [Normal::of(&[0.0, 2.0]).unwrap(), Normal::of(&[0.0, 2.0, 1.0]).unwrap()] {
            for distance in [1.5, 7.0, 300.0, 20_000.0] {
                let level = 10_f64.powf(-sample.log10_e_above(1.0 - distance));
                let (low, high) = sample.confidence_sequence(level).unwrap();
                assert_relative_eq!(1.0 - low, distance, max_relative = 1e-5);
                assert_relative_eq!(high - 1.0, distance, max_relative = 1e-5);
            }
        }
    }

    #[test]
    fn a_large_offset_does_not_hide_the_spread() {
        let values = [0.3, 1.1, -0.2, 0.9, 0.4];
        let moved = values.map(|v| v + 1e9);
        assert_relative_eq!(above(&moved, 1e9), above(&values, 0.0), epsilon = 1e-5);
    }
}
