//! Ensembles of Gaussian predictions, and measures of how uncertain they are.
//!
//! N members predict a vector in ℝᵈ, member i as N(μᵢ, diag(σᵢ²)). As one prediction they are the mixture
//! with equal weights, of mean μ̄ = (1/N) Σ μᵢ and of a variance that is what the members say plus what they
//! disagree about (law of total variance; all variances here are traces, sums over the d coordinates):
//!
//! | measure | definition | here |
//! |---|---|---|
//! | aleatoric variance | (1/N) Σᵢ ‖σᵢ‖² | [`Ensemble::aleatoric_variance`] |
//! | epistemic variance | (1/N) Σᵢ ‖μᵢ − μ̄‖² | [`Ensemble::epistemic_variance`] |
//! | mixture variance | their sum | [`Ensemble::variance`] |
//! | max aleatoric | maxᵢ ‖σᵢ‖ | [`Ensemble::max_aleatoric`] |
//! | max pairwise difference | maxᵢⱼ ‖μᵢ − μⱼ‖ | [`Ensemble::max_pairwise`] |
//! | leave-one-out KL | (1/N) Σᵢ KL(member i ‖ moments of the others) | [`Ensemble::leave_one_out_kl`] |
//! | log-likelihood variance | Varᵢ ln N(x; μᵢ, σᵢ²) at an outcome x | [`Ensemble::log_likelihood_variance`] |
//!
//! Sources: MOPO (Yu et al., NeurIPS 2020) for max aleatoric, MOReL (Kidambi et al., NeurIPS 2020) for max
//! pairwise, and the comparison of Lu et al., ICLR 2022, for the others.

use super::{
    math::{ln, mean, sum, variance},
    tokens::Rows,
};

/// Why there is no such ensemble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnsembleError {
    /// No members, no coordinates, or tables of different shapes.
    #[error("an ensemble needs members that predict a mean and a deviation for every coordinate")]
    Shape,
    /// A mean is not finite, or a deviation is negative or not finite.
    #[error("means must be finite, and deviations finite and not negative")]
    Values,
}

/// N Gaussian predictions of one vector, with independent coordinates.
#[derive(Clone, Debug, PartialEq)]
pub struct Ensemble {
    /// μᵢ (N × d).
    means: Rows,
    /// σᵢ (N × d).
    deviations: Rows,
}

impl Ensemble {
    /// The ensemble with these means and standard deviations (N × d each).
    ///
    /// # Errors
    /// [`EnsembleError`].
    pub fn new(means: Rows, deviations: Rows) -> Result<Self, EnsembleError> {
        let shape = |rows: &Rows| (rows.count(), rows.width());
        if means.values().is_empty() || shape(&means) != shape(&deviations) {
            return Err(EnsembleError::Shape);
        }
        let valid = means.values().iter().all(|m| m.is_finite())
            && deviations.values().iter().all(|s| s.is_finite() && *s >= 0.0);
        if valid { Ok(Self { means, deviations }) } else { Err(EnsembleError::Values) }
    }

    /// Predictions (μᵢ, σᵢ) of one number.
    ///
    /// # Errors
    /// [`EnsembleError`].
    pub fn of_numbers(members: &[(f64, f64)]) -> Result<Self, EnsembleError> {
        Self::new(
            Rows::from_fn(members.len(), 1, |i, _| members[i].0),
            Rows::from_fn(members.len(), 1, |i, _| members[i].1),
        )
    }

    /// Number of members N ≥ 1.
    #[must_use]
    pub fn members(&self) -> usize {
        self.means.count()
    }

    /// Number of coordinates d ≥ 1.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.means.width()
    }

    /// The members listed, in that order.
    ///
    /// # Errors
    /// [`EnsembleError::Shape`] if none is listed, or one that does not exist.
    pub fn chosen(&self, members: &[usize]) -> Result<Self, EnsembleError> {
        if members.iter().any(|i| *i >= self.members()) {
            return Err(EnsembleError::Shape);
        }
        let of = |rows: &Rows| Rows::from_fn(members.len(), rows.width(), |i, k| rows[members[i]][k]);
        Self::new(of(&self.means), of(&self.deviations))
    }

    /// μ̄ (d).
    #[must_use]
    pub fn mean(&self) -> Vec<f64> {
        (0..self.dimension()).map(|k| mean(&column(&self.means, k))).collect()
    }

    /// (1/N) Σᵢ ‖σᵢ‖²: the variance that the members predict.
    #[must_use]
    pub fn aleatoric_variance(&self) -> f64 {
        sum(self.deviations.values().iter().map(|s| s * s)) / self.members() as f64
    }

    /// (1/N) Σᵢ ‖σᵢ‖: the mean deviation that the members predict, at most √ of
    /// [`Self::aleatoric_variance`].
    #[must_use]
    pub fn mean_deviation(&self) -> f64 {
        sum(self.deviations.iter().map(|row| sum(row.iter().map(|s| s * s)).sqrt())) / self.members() as f64
    }

    /// (1/N) Σᵢ ‖μᵢ − μ̄‖²: the variance of what they predict (divisor N).
    #[must_use]
    pub fn epistemic_variance(&self) -> f64 {
        sum((0..self.dimension()).map(|k| variance(&column(&self.means, k), 0)))
    }

    /// Variance of the mixture: aleatoric and epistemic.
    #[must_use]
    pub fn variance(&self) -> f64 {
        self.aleatoric_variance() + self.epistemic_variance()
    }

    /// maxᵢ ‖σᵢ‖.
    #[must_use]
    pub fn max_aleatoric(&self) -> f64 {
        self.deviations.iter().map(|row| sum(row.iter().map(|s| s * s))).fold(0.0, f64::max).sqrt()
    }

    /// maxᵢⱼ ‖μᵢ − μⱼ‖.
    #[must_use]
    pub fn max_pairwise(&self) -> f64 {
        if self.dimension() == 1 {
            // On a line the pair is that of the ends.
            let ends = self
                .means
                .values()
                .iter()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), m| (low.min(*m), high.max(*m)));
            return ends.1 - ends.0;
        }
        let square = |i: usize, j: usize| {
            sum(self.means[i].iter().zip(&self.means[j]).map(|(a, b)| (a - b) * (a - b)))
        };
        let pairs = (0..self.members()).flat_map(|i| (0..i).map(move |j| (i, j)));
        pairs.map(|(i, j)| square(i, j)).fold(0.0, f64::max).sqrt()
    }

    /// (1/N) Σᵢ D(member i, the others): every member against the moments of the mixture of the other
    /// N − 1, a divergence D of two laws given as (mean, variance), summed over coordinates. `None` for a
    /// single member.
    pub fn leave_one_out(&self, divergence: impl Fn((f64, f64), (f64, f64)) -> f64) -> Option<f64> {
        let n = self.members();
        if n < 2 {
            return None;
        }
        let mut terms = Vec::with_capacity(n * self.dimension());
        for k in 0..self.dimension() {
            let (means, deviations) = (column(&self.means, k), column(&self.deviations, k));
            for i in 0..n {
                let others = without(&means, i);
                let noise = mean(&without(&deviations, i).iter().map(|s| s * s).collect::<Vec<f64>>());
                let member = (means[i], deviations[i] * deviations[i]);
                terms.push(divergence(member, (mean(&others), noise + variance(&others, 0))));
            }
        }
        // A compensated sum has no place for infinity.
        let infinite = terms.contains(&f64::INFINITY);
        Some(if infinite { f64::INFINITY } else { sum(terms) / n as f64 })
    }

    /// (1/N) Σᵢ KL(N(μᵢ, σᵢ²) ‖ N(μ₋ᵢ, σ₋ᵢ²)) in nats, where μ₋ᵢ and σ₋ᵢ² are the moments of the others:
    /// [`Self::leave_one_out`] with [`normal_kl`].
    ///
    /// `None` for a single member. +∞ if a member is certain where the others are not, or the others
    /// are certain and it differs; members that are equally certain of the same value count 0.
    #[must_use]
    pub fn leave_one_out_kl(&self) -> Option<f64> {
        self.leave_one_out(normal_kl)
    }

    /// Variance over the members of ln N(x; μᵢ, diag(σᵢ²)) at an outcome x (d; divisor N): how far they
    /// disagree about what was seen.
    ///
    /// `None` if x has another dimension, or a deviation is 0: there is no density.
    #[must_use]
    pub fn log_likelihood_variance(&self, outcome: &[f64]) -> Option<f64> {
        if outcome.len() != self.dimension() || self.deviations.values().contains(&0.0) {
            return None;
        }
        let log_density = |(means, deviations): (&[f64], &[f64])| {
            sum(outcome.iter().zip(means).zip(deviations).map(|((x, m), s)| {
                let z = (x - m) / s;
                -0.5 * z * z - ln(*s) - 0.5 * ln(2.0 * std::f64::consts::PI)
            }))
        };
        let densities: Vec<f64> = self.means.iter().zip(self.deviations.iter()).map(log_density).collect();
        Some(variance(&densities, 0))
    }
}

/// KL(N(m, v) ‖ N(m₀, v₀)) = ½ (v/v₀ + (m − m₀)²/v₀ − 1 + ln(v₀/v)) in nats, of laws given as (mean,
/// variance). A variance of 0 is a point mass: 0 if both are the same one, else +∞ if either is one.
#[must_use]
pub fn normal_kl((mean, variance): (f64, f64), (mean_0, variance_0): (f64, f64)) -> f64 {
    if variance == 0.0 || variance_0 == 0.0 {
        return if variance == variance_0 && mean == mean_0 { 0.0 } else { f64::INFINITY };
    }
    let gap = mean - mean_0;
    0.5 * ((variance + gap * gap) / variance_0 - 1.0 + ln(variance_0) - ln(variance))
}

fn column(rows: &Rows, k: usize) -> Vec<f64> {
    rows.iter().map(|row| row[k]).collect()
}

fn without(values: &[f64], i: usize) -> Vec<f64> {
    values.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, v)| *v).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn numbers() -> Ensemble {
        Ensemble::of_numbers(&[(0.0, 1.0), (2.0, 2.0), (4.0, 0.5)]).unwrap()
    }

    #[test]
    fn measures_by_hand() {
        let ensemble = numbers();
        assert_eq!(ensemble.mean(), [2.0]);
        assert_relative_eq!(ensemble.aleatoric_variance(), 5.25 / 3.0, epsilon = 1e-15);
        assert_relative_eq!(ensemble.epistemic_variance(), 8.0 / 3.0, epsilon = 1e-15);
        assert_relative_eq!(ensemble.variance(), 13.25 / 3.0, epsilon = 1e-15);
        assert_eq!((ensemble.max_aleatoric(), ensemble.max_pairwise()), (2.0, 4.0));
        // The first two against the third: means 1, variance (1 + 4)/2 + 1 = 3.5.
        let pair = ensemble.chosen(&[2, 0, 1]).unwrap();
        let third = 0.5 * ((0.25 + 9.0) / 3.5 - 1.0 + (3.5_f64 / 0.25).ln());
        assert_relative_eq!(normal_kl((4.0, 0.25), (1.0, 3.5)), third, epsilon = 1e-15);
        assert_relative_eq!(
            pair.leave_one_out_kl().unwrap(),
            ensemble.leave_one_out_kl().unwrap(),
            epsilon = 1e-14
        );
    }

    #[test]
    fn two_members_are_compared_with_each_other() {
        let pair = Ensemble::of_numbers(&[(0.0, 1.0), (1.0, 2.0)]).unwrap();
        let both = 0.5 * (normal_kl((0.0, 1.0), (1.0, 4.0)) + normal_kl((1.0, 4.0), (0.0, 1.0)));
        assert_relative_eq!(pair.leave_one_out_kl().unwrap(), both, epsilon = 1e-15);
        assert_eq!(pair.chosen(&[0]).unwrap().leave_one_out_kl(), None);
    }

    #[test]
    fn members_that_agree_have_no_disagreement() {
        for (mean, deviation) in [(1.5, 0.3), (1.5, 0.0)] {
            let same = Ensemble::of_numbers(&[(mean, deviation); 5]).unwrap();
            assert_eq!((same.epistemic_variance(), same.max_pairwise()), (0.0, 0.0));
            assert_relative_eq!(same.leave_one_out_kl().unwrap(), 0.0, epsilon = 1e-15);
            let seen = same.log_likelihood_variance(&[0.7]);
            assert_eq!(seen.map(|variance| variance < 1e-25), (deviation > 0.0).then_some(true));
        }
    }

    #[test]
    fn coordinates_add_up() {
        let table = |x: [[f64; 2]; 3]| Rows::from_fn(3, 2, |i, k| x[i][k]);
        let means = [[0.0, 1.0], [3.0, 1.0], [0.0, 5.0]];
        let deviations = [[3.0, 4.0], [1.0, 1.0], [0.5, 0.5]];
        let both = Ensemble::new(table(means), table(deviations)).unwrap();
        assert_eq!((both.max_aleatoric(), both.max_pairwise()), (5.0, 5.0));
        let single = |k: usize| {
            let members: Vec<(f64, f64)> = (0..3).map(|i| (means[i][k], deviations[i][k])).collect();
            Ensemble::of_numbers(&members).unwrap()
        };
        let total = |f: &dyn Fn(&Ensemble) -> f64| f(&single(0)) + f(&single(1));
        assert_relative_eq!(both.variance(), total(&Ensemble::variance), epsilon = 1e-14);
        let kl = |e: &Ensemble| e.leave_one_out_kl().unwrap();
        assert_relative_eq!(kl(&both), total(&kl), epsilon = 1e-14);
        // Log densities −½ z² − ln σ − ½ ln 2π of the two members at x = 1, by hand.
        let pair = Ensemble::of_numbers(&[(0.0, 1.0), (1.0, 0.5)]).unwrap();
        let half_gap = 0.5 * (2_f64.ln() + 0.5);
        assert_relative_eq!(
            pair.log_likelihood_variance(&[1.0]).unwrap(),
            half_gap * half_gap,
            epsilon = 1e-15
        );
    }

    #[test]
    fn certain_members_diverge_without_bound() {
        let certain = Ensemble::of_numbers(&[(0.0, 0.0), (0.0, 1.0)]).unwrap();
        assert_eq!(certain.leave_one_out_kl(), Some(f64::INFINITY));
        assert_eq!(certain.log_likelihood_variance(&[0.0]), None);
    }

    #[test]
    fn what_is_no_ensemble_is_refused() {
        assert_eq!(Ensemble::of_numbers(&[]), Err(EnsembleError::Shape));
        assert_eq!(Ensemble::of_numbers(&[(0.0, -1.0)]), Err(EnsembleError::Values));
        assert_eq!(Ensemble::of_numbers(&[(f64::NAN, 1.0)]), Err(EnsembleError::Values));
        assert_eq!(Ensemble::new(Rows::zeros(2, 1), Rows::zeros(1, 1)), Err(EnsembleError::Shape));
        assert_eq!(numbers().chosen(&[3]), Err(EnsembleError::Shape));
    }
}
