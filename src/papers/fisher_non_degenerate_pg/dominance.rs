//! Gradient dominance of softmax policies on tabular processes.

use nalgebra::DVector;

use super::{Fault, estimators::Environment, softmax::Tabular};
use crate::{
    kernel::{
        eigen,
        math::dot,
        mdp::{Mdp, MdpError},
    },
    papers::leaf::Failure,
};

/// The quantities of the inequality J* − J ≤ (M_g/μ_F)‖∇J‖, which tabular softmax satisfies without
/// an approximation error.
#[derive(Clone, Debug, PartialEq)]
pub struct Dominance {
    /// J* − J(θ).
    pub gap: f64,
    /// ‖∇J(θ)‖.
    pub gradient: f64,
    /// Largest ‖∇ln π(a|s)‖ at θ.
    pub score: f64,
    /// Smallest eigenvalue μ_F of the Fisher information F(θ).
    pub fisher: f64,
    /// Largest |A(s, a) − (1 − γ) wᵀ∇ln π(a|s)|, w = F⁻¹∇J: what a linear advantage misses.
    pub incompatibility: f64,
}

impl Dominance {
    /// Measures a policy.
    ///
    /// # Errors
    /// [`Failure::Numerical`] if F(θ) is singular.
    pub fn of(environment: &Tabular, theta: &[f64]) -> Result<Self, Failure> {
        let (process, class) = (environment.process(), environment.class());
        let policy = environment.policy(theta);
        let broken = |e: MdpError| Failure::numerical(e.to_string());
        let evaluation = process.evaluate(&policy).map_err(broken)?;
        let slopes = process.logit_gradient(&policy).map_err(broken)?;
        let gradient = DVector::from_vec(class.pulled_back(&slopes));
        let fisher = environment.fisher(theta).map_err(broken)?;
        let smallest = eigen::symmetric(&fisher).values[0];
        let natural = fisher
            .cholesky()
            .map(|factor| factor.solve(&gradient))
            .ok_or_else(|| Failure::numerical("the Fisher information is singular"))?;

        let (mut longest, mut missed) = (0.0_f64, 0.0_f64);
        for state in 0..process.states() {
            for action in 0..process.actions() {
                let score = DVector::from_vec(class.score(&policy, state, action));
                let linear = (1.0 - process.discount()) * natural.dot(&score);
                missed = missed.max((evaluation.advantage(state, action) - linear).abs());
                longest = longest.max(score.norm());
            }
        }
        Ok(Self {
            gap: optimum(process).map_err(broken)? - dot(process.start(), &evaluation.values),
            gradient: gradient.norm(),
            score: longest,
            fisher: smallest,
            incompatibility: missed,
        })
    }

    /// (M_g/μ_F)‖∇J‖.
    #[must_use]
    pub fn bound(&self, fault: Option<Fault>) -> f64 {
        let fisher = if fault == Some(Fault::NoFisher) { 1.0 } else { self.fisher };
        self.score / fisher * self.gradient
    }
}

/// J*: the performance of an optimal policy.
///
/// # Errors
/// [`MdpError::Singular`] if a policy cannot be evaluated.
pub fn optimum(process: &Mdp) -> Result<f64, MdpError> {
    Ok(dot(process.start(), &process.optimal()?.0.values))
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn the_gradient_is_the_derivative_of_the_performance() {
        let example = Tabular::example(3, 1, vec![0.5, 0.3, 0.2], 0.7, 1).unwrap();
        let theta: Vec<f64> = (0..6).map(|i| f64::from(i % 4) * 0.3 - 0.4).collect();
        let measured = Dominance::of(&example, &theta).unwrap();
        let h = 1e-5;
        let slopes = (0..6).map(|i| {
            let at = |shift: f64| {
                let mut moved = theta.clone();
                moved[i] += shift;
                example.process().performance(&example.policy(&moved)).unwrap()
            };
            (at(h) - at(-h)) / (2.0 * h)
        });
        let norm = slopes.map(|x| x * x).sum::<f64>().sqrt();
        assert_relative_eq!(measured.gradient, norm, max_relative = 1e-8);
        assert!(measured.incompatibility < 1e-13);
        assert!(measured.gap > 0.0 && measured.gap < measured.bound(None));
    }
}
