//! The two models on one softmax row, where everything is exact.

use super::Fault;
use crate::kernel::math::{dot, log_sum_exp, softmax, sum};

/// A softmax row with logits θ and the expected reward rᵥ of each action.
#[derive(Clone, Debug, PartialEq)]
pub struct Bandit {
    /// Logits θ.
    pub logits: Vec<f64>,
    /// Rewards r ∈ \[0, 1\].
    pub rewards: Vec<f64>,
}

/// M = √2/4, the largest third derivative of J along a unit direction, for rewards in \[0, 1\]. It
/// is attained with two actions, where J = σ(θ₁ − θ₀), |σ‴| ≤ 1/8 and the unit direction moves the
/// difference of logits by √2. For more actions it is the numerical supremum; moment bounds prove
/// 1.24.
pub const THIRD_DERIVATIVE: f64 = std::f64::consts::SQRT_2 / 4.0;

impl Bandit {
    /// π.
    #[must_use]
    pub fn policy(&self) -> Vec<f64> {
        softmax(&self.logits)
    }

    /// J = Σ π r.
    #[must_use]
    pub fn objective(&self) -> f64 {
        dot(&self.policy(), &self.rewards)
    }

    /// The bandit after a step.
    #[must_use]
    pub fn stepped(&self, step: &[f64]) -> Self {
        let logits = self.logits.iter().zip(step).map(|(z, d)| z + d).collect();
        Self { logits, rewards: self.rewards.clone() }
    }

    /// ∇Jᵥ = πᵥ(rᵥ − J).
    #[must_use]
    pub fn gradient(&self) -> Vec<f64> {
        let (pi, objective) = (self.policy(), self.objective());
        pi.iter().zip(&self.rewards).map(|(p, r)| p * (r - objective)).collect()
    }

    /// ∇JᵀΔ = Cov_π(r, Δ).
    #[must_use]
    pub fn slope(&self, step: &[f64]) -> f64 {
        dot(&self.gradient(), step)
    }

    /// ΔᵀHΔ = E_π\[(r − J)(Δ − E_πΔ)²\].
    #[must_use]
    pub fn curvature(&self, step: &[f64]) -> f64 {
        let pi = self.policy();
        let (mean, objective) = (dot(&pi, step), self.objective());
        sum((0..pi.len())
            .map(|v| pi[v] * (self.rewards[v] - objective) * (step[v] - mean) * (step[v] - mean)))
    }

    /// m_H(Δ) = ∇JᵀΔ + ½ΔᵀHΔ.
    #[must_use]
    pub fn objective_model(&self, step: &[f64], fault: Option<Fault>) -> f64 {
        let half = 0.5 * self.curvature(step);
        self.slope(step)
            + match fault {
                Some(Fault::HalfCurvatureDropped) => 0.0,
                Some(Fault::SignFlippedCurvature) => -half,
                _ => half,
            }
    }

    /// ΔᵀFΔ = Var_π(Δ).
    #[must_use]
    pub fn fisher(&self, step: &[f64], fault: Option<Fault>) -> f64 {
        let pi = self.policy();
        let mean = if fault == Some(Fault::FisherWithoutCentering) { 0.0 } else { dot(&pi, step) };
        sum(pi.iter().zip(step).map(|(p, d)| p * (d - mean) * (d - mean)))
    }

    /// KL(π_θ ‖ π_{θ+Δ}) = ln Σ e^(θ + Δ) − ln Σ e^θ − E_πΔ.
    #[must_use]
    pub fn divergence(&self, step: &[f64]) -> f64 {
        let after = log_sum_exp(&self.stepped(step).logits);
        after - log_sum_exp(&self.logits) - dot(&self.policy(), step)
    }

    /// Whether a step is certain to improve: m_H(Δ) > (M/6)‖Δ‖³.
    #[must_use]
    pub fn accepts(&self, step: &[f64], fault: Option<Fault>) -> bool {
        if fault == Some(Fault::FirstOrderOnly) {
            return self.slope(step) > 0.0;
        }
        self.objective_model(step, fault) > THIRD_DERIVATIVE / 6.0 * cubed_norm(step)
    }
}

/// ‖Δ‖³.
#[must_use]
pub fn cubed_norm(step: &[f64]) -> f64 {
    let square = dot(step, step);
    square * square.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::tokens::wave;
    use approx::assert_relative_eq;

    #[test]
    fn known_answers() {
        let bandit =
            Bandit { logits: (0..4).map(|v| wave(v, 1, 0)).collect(), rewards: vec![0.0, 1.0, 0.0, 1.0] };
        let step: Vec<f64> = (0..4).map(|v| 1.2 * wave(v, 4, 0)).collect();
        let change = bandit.stepped(&step).objective() - bandit.objective();
        for (measured, known) in [
            (bandit.slope(&step), -0.213_461_815_2),
            (bandit.curvature(&step), 0.066_016_451_8),
            (bandit.fisher(&step, None), 0.630_974_134_5),
            (change, -0.128_328_196_4),
            (bandit.divergence(&step), 0.338_081_444_8),
            (dot(&step, &step).sqrt(), 1.771_618_390_5),
        ] {
            assert_relative_eq!(measured, known, epsilon = 1e-9);
        }
    }

    #[test]
    fn models_are_the_taylor_polynomials() {
        let bandit = Bandit { logits: vec![0.3, -0.8, 1.1], rewards: vec![0.2, 0.9, 0.4] };
        let at = |t: f64| bandit.stepped(&[0.5 * t, -t, 0.3 * t]);
        let step = [0.5, -1.0, 0.3];
        let h = 1e-3;
        let difference = (at(h).objective() - at(-h).objective()) / (2.0 * h);
        assert_relative_eq!(bandit.slope(&step), difference, epsilon = 1e-6);
        let second = (at(h).objective() - 2.0 * bandit.objective() + at(-h).objective()) / (h * h);
        assert_relative_eq!(bandit.curvature(&step), second, epsilon = 1e-6);
        let small: Vec<f64> = step.iter().map(|d| h * d).collect();
        assert_relative_eq!(
            bandit.divergence(&small) / (0.5 * bandit.fisher(&small, None)),
            1.0,
            epsilon = 1e-3
        );
    }

    #[test]
    fn the_bound_is_attained_with_two_actions() {
        let bandit = Bandit { logits: vec![0.0, 0.0], rewards: vec![0.0, 1.0] };
        let step = [-0.005, 0.005];
        let error =
            bandit.stepped(&step).objective() - bandit.objective() - bandit.objective_model(&step, None);
        assert_relative_eq!(6.0 * error.abs() / cubed_norm(&step), THIRD_DERIVATIVE, epsilon = 1e-4);
    }
}
