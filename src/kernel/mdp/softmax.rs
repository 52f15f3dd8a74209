//! Softmax policies and exact policy gradients.

use nalgebra::{DMatrix, DVector};

use super::{Mdp, MdpError, Rows};
use crate::kernel::math::{dot, softmax_rows, sum};

/// The softmax of a table of logits z (S × A): π(a|s) = exp z(s, a) / Σ_b exp z(s, b).
#[must_use]
pub fn softmax_policy(logits: &Rows) -> Rows {
    let mut policy = logits.clone();
    let width = policy.width().max(1);
    softmax_rows(policy.values_mut(), width);
    policy
}

/// Log-linear policies π_θ(a|s) ∝ exp(θ·F(s, a)) with θ ∈ ℝᵏ: the logits z = Fθ are linear in θ, so the
/// gradient of anything with respect to θ is [`Self::pulled_back`] from that with respect to z.
///
/// A table of free logits is the case k = S A with unit vectors as features.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLinear {
    actions: usize,
    /// F(s, a) in row s A + a (S A × k).
    features: Rows,
}

impl LogLinear {
    /// Policies with these features, F(s, a) in row s A + a (S A × k).
    ///
    /// # Errors
    /// [`MdpError::Shape`] if the number of rows is no positive multiple of the number of actions.
    pub fn new(features: Rows, actions: usize) -> Result<Self, MdpError> {
        if actions == 0 || features.count() == 0 || !features.count().is_multiple_of(actions) {
            let found = features.count();
            return Err(MdpError::Shape(format!("{found} feature rows for {actions} actions")));
        }
        Ok(Self { actions, features })
    }

    /// Number of parameters k.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.features.width()
    }

    /// F(s, a).
    #[must_use]
    pub fn features(&self, state: usize, action: usize) -> &[f64] {
        &self.features[state * self.actions + action]
    }

    /// The policy π_θ (S × A).
    #[must_use]
    pub fn policy(&self, theta: &[f64]) -> Rows {
        let mut policy = Rows::zeros(self.features.count() / self.actions, self.actions);
        self.refresh(theta, &mut policy);
        policy
    }

    /// Makes a policy (S × A) that of θ, without allocation.
    pub fn refresh(&self, theta: &[f64], policy: &mut Rows) {
        for s in 0..policy.count() {
            for (a, logit) in policy[s].iter_mut().enumerate() {
                *logit = dot(self.features(s, a), theta);
            }
        }
        softmax_rows(policy.values_mut(), self.actions);
    }

    /// The score ∇ ln π_θ(a|s) = F(s, a) − Σ_b π_θ(b|s) F(s, b) (k), given the policy of θ.
    #[must_use]
    pub fn score(&self, policy: &Rows, state: usize, action: usize) -> Vec<f64> {
        let mean = |i: usize| sum((0..self.actions).map(|b| policy[state][b] * self.features(state, b)[i]));
        self.features(state, action).iter().enumerate().map(|(i, f)| f - mean(i)).collect()
    }

    /// The Fisher information Σ_s d(s) Σ_a π(a|s) ∇ln π(a|s) ∇ln π(a|s)ᵀ (k × k) of the policy of θ, with
    /// weights d of the states (S), such as [`Mdp::occupancy`]. It is positive semidefinite, and the
    /// Hessian of Σ_s d(s) KL(π_θ(·|s) ‖ π_ϑ(·|s)) with respect to ϑ at ϑ = θ.
    #[must_use]
    pub fn fisher(&self, policy: &Rows, weights: &[f64]) -> DMatrix<f64> {
        let mut fisher = DMatrix::zeros(self.dimension(), self.dimension());
        for (s, weight) in weights.iter().enumerate() {
            for a in 0..self.actions {
                let score = DVector::from_vec(self.score(policy, s, a));
                fisher.ger(weight * policy[s][a], &score, &score, 1.0);
            }
        }
        fisher
    }

    /// The gradient Σ_sa F(s, a) g(s, a) with respect to θ (k) of a function whose gradient with respect
    /// to the logits is g (S × A).
    #[must_use]
    pub fn pulled_back(&self, logits: &Rows) -> Vec<f64> {
        (0..self.dimension())
            .map(|i| sum(self.features.iter().zip(logits.values()).map(|(row, g)| row[i] * g)))
            .collect()
    }
}

impl Mdp {
    /// The policy gradient with respect to the logits of a softmax policy (S × A):
    /// ∂η/∂z(s, a) = d_π(s) π(a|s) A_π(s, a) / (1 − γ). Source: Sutton et al., NeurIPS 1999, theorem 1.
    ///
    /// # Errors
    /// See [`Mdp::evaluate`].
    pub fn logit_gradient(&self, policy: &Rows) -> Result<Rows, MdpError> {
        let evaluation = self.evaluate(policy)?;
        let occupancy = self.occupancy(policy)?;
        Ok(Rows::from_fn(self.states(), self.actions(), |s, a| {
            occupancy[s] * policy[s][a] * evaluation.advantage(s, a) / (1.0 - self.discount())
        }))
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::{
        divergence::kl,
        math::ln,
        mdp::{Shape, instances},
        tokens::wave,
    };

    /// Central difference of f at θ in direction i.
    fn slope(theta: &[f64], i: usize, f: impl Fn(&[f64]) -> f64) -> f64 {
        let shifted = |h: f64| {
            let mut moved = theta.to_vec();
            moved[i] += h;
            f(&moved)
        };
        (shifted(1e-5) - shifted(-1e-5)) / 2e-5
    }

    #[test]
    fn scores_are_slopes_of_log_probabilities_and_vanish_in_the_mean() {
        let class = LogLinear::new(Rows::from_fn(6, 4, |row, i| wave(row, i, 1)), 3).unwrap();
        let theta = [0.3, -1.0, 0.7, 2.0];
        let policy = class.policy(&theta);
        for (s, a) in [(0, 0), (1, 2)] {
            let score = class.score(&policy, s, a);
            for (i, known) in score.iter().enumerate() {
                let found = slope(&theta, i, |t| ln(class.policy(t)[s][a]));
                assert_relative_eq!(*known, found, epsilon = 1e-9);
            }
        }
        for i in 0..4 {
            let mean = sum((0..3).map(|a| policy[1][a] * class.score(&policy, 1, a)[i]));
            assert_relative_eq!(mean, 0.0, epsilon = 1e-15);
        }
        assert!(LogLinear::new(Rows::zeros(5, 2), 3).is_err());
    }

    #[test]
    fn fisher_information_is_the_curvature_of_the_divergence() {
        let class = LogLinear::new(Rows::from_fn(6, 4, |row, i| wave(row, i, 1)), 3).unwrap();
        let (theta, weights) = ([0.3, -1.0, 0.7, 2.0], [0.25, 0.75]);
        let policy = class.policy(&theta);
        let fisher = class.fisher(&policy, &weights);
        let step = DVector::from_column_slice(&[0.5, -1.0, 0.25, 1.0]);
        let divergence = |h: f64| {
            let moved: Vec<f64> = theta.iter().zip(step.iter()).map(|(x, v)| x + h * v).collect();
            let moved = class.policy(&moved);
            sum((0..2).map(|s| weights[s] * kl(&policy[s], &moved[s])))
        };
        let h = 1e-3;
        let curvature = (divergence(h) + divergence(-h)) / (h * h);
        assert_relative_eq!(step.dot(&(&fisher * &step)), curvature, max_relative = 1e-5);
    }

    proptest! {
        #[test]
        fn policy_gradients_are_slopes_of_the_performance(
            wild in instances(Shape { states: (1, 4), actions: (1, 3), discount: (0.0, 0.9) }),
        ) {
            let (process, _) = wild.build().unwrap();
            let pairs = process.states() * process.actions();
            let class = LogLinear::new(Rows::from_fn(pairs, 3, |row, i| wave(row, i, 2)), process.actions()).unwrap();
            let theta = [0.5, -0.3, 1.0];
            let gradient = class.pulled_back(&process.logit_gradient(&class.policy(&theta)).unwrap());
            for (i, known) in gradient.iter().enumerate() {
                let found = slope(&theta, i, |t| process.performance(&class.policy(t)).unwrap());
                prop_assert!((known - found).abs() < 1e-7, "{known} against {found}");
            }
        }
    }
}
