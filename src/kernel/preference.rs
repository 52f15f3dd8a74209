//! Rewards from preferences: the model of Bradley and Terry.
//!
//! An item (a trajectory, a response) has features φ ∈ ℝᵈ and the score θ·φ. Of two items, the first is
//! preferred with probability
//!
//! ```text
//! P(first ≻ second) = σ(θ·φ(first) − θ·φ(second)),   σ(x) = 1/(1 + e⁻ˣ)
//! ```
//!
//! so a comparison says something about θ only through the difference x = φ(preferred) − φ(other)
//! ([`Comparison`]). Features whose differences do not span ℝᵈ leave some directions of θ unknown (with
//! counts of visits, a constant added to every step of trajectories of equal length): the ridge sets θ to
//! zero there, and makes the estimate of [`bradley_terry`] unique. Source: Bradley and Terry, Biometrika 39
//! (1952); for the ridge, le Cessie and van Houwelingen, Applied Statistics 41 (1992).

use nalgebra::{DMatrix, DVector};

use super::math::{sigmoid, sum};

/// Newton's method has arrived when no entry of θ moves by more than this, relative to 1 + max |θᵢ|.
const ARRIVED: f64 = 1e-12;

/// The difference x = φ(preferred) − φ(other) of the features of two items, without its zeros.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Index and value of each entry that is not zero, by rising index.
    entries: Vec<(usize, f64)>,
}

/// Why there is no estimate.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum PreferenceError {
    /// The ridge is not a positive number.
    #[error("the ridge is {0}, expected a positive number")]
    Ridge(f64),
    /// A feature lies outside the dimension.
    #[error("feature {index}, expected one below {dimension}")]
    Feature {
        /// Its index.
        index: usize,
        /// d.
        dimension: usize,
    },
    /// A feature is not finite, or so large that its square is not.
    #[error("features are not finite, or too large")]
    NotFinite,
    /// The last step of Newton's method was not small.
    #[error("Newton's method did not arrive in {0} steps")]
    NotConverged(usize),
}

impl Comparison {
    /// A comparison of dense features of equal length.
    #[must_use]
    pub fn new(preferred: &[f64], other: &[f64]) -> Self {
        let differences = preferred.iter().zip(other).map(|(p, o)| p - o).enumerate();
        Self { entries: differences.filter(|(_, x)| *x != 0.0).collect() }
    }

    /// A comparison of two lists of things that count one each: φ is how often each index is listed, for
    /// instance how often a trajectory visits each pair of a state and an action.
    pub fn of_counts(
        preferred: impl IntoIterator<Item = usize>,
        other: impl IntoIterator<Item = usize>,
    ) -> Self {
        let gained = preferred.into_iter().map(|i| (i, 1.0));
        let mut signed: Vec<(usize, f64)> = gained.chain(other.into_iter().map(|i| (i, -1.0))).collect();
        signed.sort_by_key(|(i, _)| *i);
        let entries = signed.chunk_by(|(i, _), (j, _)| i == j);
        let totals = entries.map(|same| (same[0].0, sum(same.iter().map(|(_, sign)| *sign))));
        Self { entries: totals.filter(|(_, x)| *x != 0.0).collect() }
    }

    /// Index and value of each entry of x that is not zero, by rising index.
    #[must_use]
    pub fn entries(&self) -> &[(usize, f64)] {
        &self.entries
    }

    /// x·θ, by how much the preferred item scores higher.
    #[must_use]
    pub fn margin(&self, theta: &[f64]) -> f64 {
        sum(self.entries.iter().map(|(i, x)| x * theta[*i]))
    }
}

/// The ridge estimate of θ (d): the minimiser of
///
/// ```text
/// L(θ) = Σ −ln σ(x·θ) + (ridge/2) ‖θ‖²     over the comparisons x
/// ```
///
/// by Newton's method from 0, in at most `steps` steps. L is strictly convex, so the minimiser is the only
/// point at which the gradient vanishes. Without comparisons it is 0.
///
/// # Errors
/// [`PreferenceError`] for a ridge that is not positive, features that do not fit d or are not finite,
/// and too few steps.
pub fn bradley_terry(
    dimension: usize,
    comparisons: &[Comparison],
    ridge: f64,
    steps: usize,
) -> Result<Vec<f64>, PreferenceError> {
    if !(ridge > 0.0 && ridge.is_finite()) {
        return Err(PreferenceError::Ridge(ridge));
    }
    for (index, x) in comparisons.iter().flat_map(|c| &c.entries) {
        if *index >= dimension {
            return Err(PreferenceError::Feature { index: *index, dimension });
        }
        if !x.is_finite() {
            return Err(PreferenceError::NotFinite);
        }
    }
    let mut theta = DVector::zeros(dimension);
    for _ in 0..steps {
        let mut gradient: DVector<f64> = &theta * ridge;
        let mut hessian = DMatrix::from_diagonal_element(dimension, dimension, ridge);
        for comparison in comparisons {
            let lost = sigmoid(-comparison.margin(theta.as_slice()));
            let weight = lost * (1.0 - lost);
            for (i, x) in &comparison.entries {
                gradient[*i] -= lost * x;
                for (j, y) in &comparison.entries {
                    hessian[(*i, *j)] += weight * x * y;
                }
            }
        }
        if hessian.iter().any(|entry| !entry.is_finite()) {
            return Err(PreferenceError::NotFinite);
        }
        // With a positive ridge only rounding of huge features leaves the matrix not positive definite.
        let step = hessian.cholesky().ok_or(PreferenceError::NotFinite)?.solve(&gradient);
        theta -= &step;
        if !theta.iter().all(|t| t.is_finite()) {
            return Err(PreferenceError::NotFinite);
        }
        if step.amax() <= ARRIVED * (1.0 + theta.amax()) {
            return Ok(theta.as_slice().to_vec());
        }
    }
    Err(PreferenceError::NotConverged(steps))
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::kernel::{
        math::{ln, softplus},
        stream::Streams,
    };

    #[test]
    fn one_feature_by_hand() {
        // Three wins and one loss: without ridge σ(θ) = 3/4, so θ = ln 3.
        let won = Comparison::new(&[1.0], &[0.0]);
        let lost = Comparison::new(&[0.0], &[1.0]);
        let all = [won.clone(), won.clone(), won.clone(), lost];
        let theta = bradley_terry(1, &all, 1e-13, 25).unwrap();
        assert_relative_eq!(theta[0], ln(3.0), epsilon = 1e-9);
        // A single win: θ = σ(−θ)/ridge.
        let theta = bradley_terry(1, &[won], 0.1, 25).unwrap();
        assert_relative_eq!(theta[0], sigmoid(-theta[0]) / 0.1, epsilon = 1e-11);
    }

    #[test]
    fn counts_are_features() {
        let counted = Comparison::of_counts([3, 1, 1, 0], [0, 2, 1]);
        assert_eq!(counted, Comparison::new(&[1.0, 2.0, 0.0, 1.0], &[1.0, 1.0, 1.0, 0.0]));
        assert_eq!(Comparison::of_counts([1, 2], [2, 1]), Comparison::default());
        assert_relative_eq!(counted.margin(&[5.0, 1.0, 2.0, 4.0]), 3.0);
    }

    #[test]
    fn what_is_unknown_is_zero() {
        assert_eq!(bradley_terry(2, &[], 0.1, 1), Ok(vec![0.0, 0.0]));
        // Only the difference of the two features is compared: their sum stays 0, the third unknown.
        let theta = bradley_terry(3, &[Comparison::of_counts([0], [1])], 0.1, 25).unwrap();
        assert!(theta[0] > 0.0 && theta[2] == 0.0);
        assert_relative_eq!(theta[0] + theta[1], 0.0, epsilon = 1e-14);
    }

    #[test]
    fn what_cannot_be_estimated_is_refused() {
        let one = [Comparison::of_counts([0], [1])];
        assert_eq!(bradley_terry(2, &one, 0.0, 25), Err(PreferenceError::Ridge(0.0)));
        let outside = PreferenceError::Feature { index: 1, dimension: 1 };
        assert_eq!(bradley_terry(1, &one, 0.1, 25), Err(outside));
        assert_eq!(bradley_terry(2, &one, 0.1, 1), Err(PreferenceError::NotConverged(1)));
        for huge in [f64::INFINITY, f64::NAN, 1e200] {
            let comparison = [Comparison::new(&[huge], &[0.0])];
            assert_eq!(bradley_terry(1, &comparison, 0.1, 25), Err(PreferenceError::NotFinite));
        }
    }

    #[test]
    fn many_comparisons_find_the_scores() {
        let truth = [1.0, -0.5, 0.3];
        let mut stream = Streams::from_seed(5).stream("comparisons");
        let comparisons: Vec<Comparison> = (0..20_000)
            .map(|_| {
                let [first, second] = [0, 1].map(|_| [0; 3].map(|_| stream.uniform()));
                let x = Comparison::new(&first, &second);
                if stream.bernoulli(sigmoid(x.margin(&truth))) { x } else { Comparison::new(&second, &first) }
            })
            .collect();
        for (found, known) in bradley_terry(3, &comparisons, 0.1, 25).unwrap().iter().zip(truth) {
            assert_relative_eq!(*found, known, epsilon = 0.15);
        }
    }

    proptest! {
        #[test]
        fn nothing_near_the_estimate_is_better(
            features in vec(vec(-5.0..5.0_f64, 3), 0..20),
            ridge in 0.01..10.0_f64,
            direction in vec(-1e-3..1e-3_f64, 3),
        ) {
            let comparisons: Vec<Comparison> =
                features.iter().map(|x| Comparison::new(x, &[0.0; 3])).collect();
            let loss = |theta: &[f64]| {
                let misfit = sum(comparisons.iter().map(|c| softplus(-c.margin(theta))));
                misfit + 0.5 * ridge * sum(theta.iter().map(|t| t * t))
            };
            let theta = bradley_terry(3, &comparisons, ridge, 50).unwrap();
            let moved: Vec<f64> = theta.iter().zip(&direction).map(|(t, d)| t + d).collect();
            prop_assert!(loss(&theta) <= loss(&moved) + 1e-13);
        }
    }
}
