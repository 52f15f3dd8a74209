//! What reward noise costs, by sending it through the estimator one state at a time.

use proptest::prelude::*;

use super::{
    super::{
        Fault,
        estimators::{Estimator, Moments},
        incompleteness::Incompleteness,
        problem::Problem,
    },
    admissible, problems,
};
use crate::papers::leaf::{Failure, Measurement, Metric, Observe};

/// Below this share, rounding errors of the smallest eigenvalue hide the comparison.
const VISIBLE: f64 = 1e-5;

/// n · mean E(Q̂)² = σ² Σ 1/λ.
pub struct NoiseAmplification;

impl Observe for NoiseAmplification {
    type Instance = Problem;
    type Fault = Fault;
    const NAME: &'static str = "noise-amplification";
    const SUMMARY: &'static str = "The Bellman error that unit reward noise causes in LSTD is Σ 1/λ.";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "Relative difference of the propagated noise and Σ 1/λ.")
            .range(0.0, f64::INFINITY),
        Metric::new("below", "λ₁ times the propagated noise: at least 1.").range(0.0, f64::INFINITY),
        Metric::new("above", "The same divided by d: at most 1.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::OnPolicyFormula];

    fn instances() -> BoxedStrategy<Problem> {
        problems()
    }

    fn observe(problem: &Problem, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let population = admissible(problem.population())?;
        let solved = admissible(Incompleteness::of(&population, None))?;
        if solved.visible_share() < VISIBLE {
            return Err(Failure::Rejected("β is 1, or too near to tell"));
        }
        let features = population.class().features();
        let mut moments = Moments::of(features, &population.joint(), population.discount());
        // The mean reward of state x has variance 1/(n μ(x)), independently of the others.
        let mut propagated = 0.0;
        for x in 0..features.nrows() {
            let share = population.distribution()[x];
            if share > 0.0 {
                moments.response = share * features.row(x).transpose();
                let response = Estimator::Minimax
                    .estimate(&moments, None)
                    .ok_or(Failure::Rejected("LSTD is singular"))?;
                // The estimate is linear in the rewards, so this is how far the noise moves it.
                let shifted = population.truth() + population.class().function(&response);
                let error = population.bellman_error(&shifted);
                propagated += error * error / share;
            }
        }
        let predicted = solved.predicted_amplification(&population, fault);
        let scaled = solved.visible_share() * propagated;
        Ok(Measurement::new()
            .metric("error", (propagated / predicted - 1.0).abs())
            .metric("below", scaled)
            .metric("above", scaled / features.ncols() as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn one_feature_by_hand() {
        // φ = (1, 2), both to the second state, p = 1/2, γ = 0.9: A = 1/2(1 − 1.8) + 1/2 · 4(1 − 0.9)
        // = −0.2, G = 2.5, B_μ = (0.64 + 0.04)/2 = 0.34, and G B_μ/A² = 21.25.
        let problem = super::super::super::models::Model::Tvr.problem(vec![0.5, 0.5], 0.9);
        let measured = NoiseAmplification::observe(&problem, None).unwrap();
        assert_relative_eq!(measured.get("below").unwrap(), 1.0, epsilon = 1e-13);
        let population = problem.population().unwrap();
        let solved = Incompleteness::of(&population, None).unwrap();
        assert_relative_eq!(solved.noise_amplification(), 21.25, max_relative = 1e-13);
    }
}
