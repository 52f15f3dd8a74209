//! Linear dynamics and linear Gaussian policies: every law of trajectories is Gaussian.

use nalgebra::DVector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, broken};
use crate::{
    kernel::{
        gaussian::{Gaussian, Information, LinearForm},
        math::{ln, sum},
    },
    papers::leaf::Failure,
};

/// Scalar states and actions:
/// s₀ ~ N(m₀, v₀), s' = As + Ba + N(0, w²), π_b = N(k_b s + c_b, v_b), π = N(ks + c, v).
/// A trajectory is x = (s₀, a₀, …, s_{T−1}, a_{T−1}) ∈ ℝ²ᵀ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct System {
    /// T, number of pairs of state and action.
    #[schemars(range(min = 1, max = 32))]
    pub horizon: usize,
    /// m₀.
    pub start_mean: f64,
    /// v₀ > 0.
    pub start_variance: f64,
    /// A.
    pub decay: f64,
    /// B.
    pub control: f64,
    /// w² > 0.
    pub noise_variance: f64,
    /// k_b.
    pub behaviour_gain: f64,
    /// c_b.
    pub behaviour_offset: f64,
    /// v_b > 0.
    pub behaviour_variance: f64,
    /// k.
    pub target_gain: f64,
    /// c.
    pub target_offset: f64,
    /// v > 0.
    pub target_variance: f64,
}

impl Default for System {
    fn default() -> Self {
        Self {
            horizon: 4,
            start_mean: 0.0,
            start_variance: 0.5,
            decay: 0.9,
            control: 0.5,
            noise_variance: 0.05,
            behaviour_gain: -0.3,
            behaviour_offset: 0.0,
            behaviour_variance: 0.4,
            target_gain: -0.3,
            target_offset: 1.0,
            target_variance: 0.2,
        }
    }
}

impl System {
    /// Refuses systems of which no law can be made.
    ///
    /// # Errors
    /// [`Failure::Invalid`].
    pub fn check(&self) -> Result<(), Failure> {
        let variances =
            [self.start_variance, self.noise_variance, self.behaviour_variance, self.target_variance];
        if variances.iter().any(|v| !v.is_finite() || *v <= 0.0) {
            return Err(Failure::invalid("every variance must be positive"));
        }
        if self.horizon == 0 || self.horizon > 32 {
            return Err(Failure::invalid("the horizon must lie between 1 and 32"));
        }
        Ok(())
    }

    /// Number of coordinates of a trajectory, 2T.
    #[must_use]
    pub fn dimension(&self) -> usize {
        2 * self.horizon
    }

    /// aₜ − ksₜ − c, whose variance under π is v.
    fn target(&self, t: usize) -> LinearForm {
        LinearForm::new([(2 * t + 1, 1.0), (2 * t, -self.target_gain)], self.target_offset)
    }

    /// aₜ − k_b sₜ − c_b.
    fn behaviour(&self, t: usize) -> LinearForm {
        LinearForm::new([(2 * t + 1, 1.0), (2 * t, -self.behaviour_gain)], self.behaviour_offset)
    }

    /// sₜ₊₁ − Asₜ − Baₜ, for t < T − 1.
    fn dynamics(&self, t: usize) -> LinearForm {
        LinearForm::new([(2 * t + 2, 1.0), (2 * t, -self.decay), (2 * t + 1, -self.control)], 0.0)
    }

    /// μ(s₀) Πₜ π_b(aₜ|sₜ)^b π(aₜ|sₜ)^w P(sₜ₊₁|sₜ, aₜ), not normalised.
    fn product(&self, behaviour_weight: f64, target_weight: f64) -> Information {
        let mut law = Information::new(self.dimension());
        law.multiply(1.0, &LinearForm::new([(0, 1.0)], self.start_mean), self.start_variance);
        for t in 0..self.horizon {
            law.multiply(behaviour_weight, &self.behaviour(t), self.behaviour_variance);
            law.multiply(target_weight, &self.target(t), self.target_variance);
            if t + 1 < self.horizon {
                law.multiply(1.0, &self.dynamics(t), self.noise_variance);
            }
        }
        law
    }

    /// p_b, the law of the data.
    #[must_use]
    pub fn data(&self) -> Information {
        self.product(1.0, 0.0)
    }

    /// p_π, the law of trajectories under the target policy.
    #[must_use]
    pub fn on_policy(&self) -> Information {
        self.product(0.0, 1.0)
    }

    /// p_b Π π^λ, not normalised.
    #[must_use]
    pub fn guided(&self, lambda: f64, fault: Option<Fault>) -> Information {
        match fault {
            Some(Fault::NegativeGuidance) => self.product(1.0, -lambda),
            Some(Fault::NoGuidance) => self.product(1.0, 0.0),
            Some(Fault::TargetOnly) => self.product(0.0, lambda),
            _ => self.product(1.0, lambda),
        }
    }

    /// ∇ Σₜ log π(aₜ|sₜ) at a trajectory: with u = a − ks − c, −u/v in the action and ku/v in the state.
    #[must_use]
    pub fn guidance(&self, x: &DVector<f64>, fault: Option<Fault>) -> DVector<f64> {
        let mut gradient = DVector::zeros(self.dimension());
        for t in 0..self.horizon {
            let u = x[2 * t + 1] - self.target_gain * x[2 * t] - self.target_offset;
            gradient[2 * t + 1] = -u / self.target_variance;
            if fault != Some(Fault::ActionOnlyGradient) {
                gradient[2 * t] = self.target_gain * u / self.target_variance;
            }
        }
        gradient
    }

    /// E\[Σₜ log π(aₜ|sₜ)\] = Σₜ −½ ln 2πv − ½ E\[(aₜ − ksₜ − c)²\]/v.
    #[must_use]
    pub fn expected_log_target(&self, law: &Gaussian) -> f64 {
        let log_scale = ln(2.0 * std::f64::consts::PI * self.target_variance);
        sum((0..self.horizon)
            .map(|t| -0.5 * (log_scale + law.expected_square(&self.target(t)) / self.target_variance)))
    }

    /// The mean of sₜ₊₁ − Asₜ − Baₜ under a law, for t = 0 … T − 2: zero if the law has the dynamics of
    /// the data.
    #[must_use]
    pub fn dynamics_bias(&self, law: &Gaussian) -> Vec<f64> {
        (0..self.horizon - 1).map(|t| self.dynamics(t).at(law.mean())).collect()
    }

    /// λ E_p\[Σ log π\] − KL(p ‖ p_b), which p* maximises.
    ///
    /// # Errors
    /// [`Failure::Numerical`] if p_b is no law.
    pub fn objective(&self, law: &Gaussian, lambda: f64, fault: Option<Fault>) -> Result<f64, Failure> {
        let data = self.data().normalised().map_err(broken)?;
        let regulariser = match fault {
            Some(Fault::ReverseRegulariser) => data.divergence(law),
            _ => law.divergence(&data),
        };
        Ok(lambda * self.expected_log_target(law) - regulariser)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::math::mean;
    use approx::assert_relative_eq;

    const LAMBDAS: [f64; 7] = [0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0];

    fn law(lambda: f64) -> Gaussian {
        System::default().guided(lambda, None).normalised().unwrap()
    }

    #[test]
    fn data_and_on_policy_laws_are_normalised() {
        assert_relative_eq!(System::default().data().log_mass().unwrap(), 0.0, epsilon = 1e-13);
        assert_relative_eq!(System::default().on_policy().log_mass().unwrap(), 0.0, epsilon = 1e-13);
    }

    #[test]
    fn known_likelihoods_and_divergences() {
        let system = System::default();
        let data = system.data().normalised().unwrap();
        let likelihoods = [-14.457, -7.568, -4.957, -2.901, -1.657, -1.025, -0.727];
        let divergences = [0.0, 0.700, 1.636, 3.086, 4.819, 6.567, 8.213];
        for ((lambda, likelihood), divergence) in LAMBDAS.iter().zip(likelihoods).zip(divergences) {
            assert_relative_eq!(system.expected_log_target(&law(*lambda)), likelihood, epsilon = 5.1e-4);
            assert_relative_eq!(law(*lambda).divergence(&data), divergence, epsilon = 5.1e-4);
        }
        let on_policy = system.on_policy().normalised().unwrap();
        assert_relative_eq!(system.expected_log_target(&on_policy), -2.457, epsilon = 5.1e-4);
    }

    #[test]
    fn known_distances_from_the_on_policy_law() {
        let on_policy = System::default().on_policy().normalised().unwrap();
        let known = [5.386, 3.409, 2.500, 1.856, 2.167, 4.547, 11.01];
        for (lambda, known) in LAMBDAS.iter().zip(known) {
            assert_relative_eq!(on_policy.divergence(&law(*lambda)), known, epsilon = 5.1e-3);
        }
        let alone = System::default().guided(1.0, Some(Fault::TargetOnly)).normalised().unwrap();
        assert_relative_eq!(on_policy.divergence(&alone), 0.0, epsilon = 1e-13);
    }

    #[test]
    fn known_likelihoods_with_the_wrong_sign() {
        let system = System::default();
        for (lambda, known) in [(0.05, -17.25), (0.1, -21.08), (0.2, -34.90)] {
            let law = system.guided(lambda, Some(Fault::NegativeGuidance)).normalised().unwrap();
            assert_relative_eq!(system.expected_log_target(&law), known, epsilon = 5.1e-3);
        }
    }

    #[test]
    fn known_biases_of_the_dynamics() {
        for (gain, known) in [(-0.3, 0.0), (-0.6, 0.0294), (-1.0, 0.0389)] {
            let system = System { target_gain: gain, ..System::default() };
            let law = system.guided(1.0, None).normalised().unwrap();
            assert_relative_eq!(mean(&system.dynamics_bias(&law)), known, epsilon = 5.1e-5);
        }
    }
}
