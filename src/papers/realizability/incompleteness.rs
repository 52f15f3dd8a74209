//! Incompleteness of a linear class, by the angles between F and (I − γP) F.
//!
//! In orthonormal bases V of D^½ F and U of D^½ (I − γP) F, the share of a Bellman error Uy that the
//! projection onto F keeps is ‖VᵀUy‖²/‖y‖². So the generalised eigenvalues of (Aᵀ G⁻¹ A, B_μ) are the
//! eigenvalues of (VᵀU)ᵀ(VᵀU), and this way to them does not square the condition of the features.

use nalgebra::DVector;

use super::{Fault, problem::Population};
use crate::{
    kernel::{eigen, linear::LinearClass, math::sum},
    papers::leaf::Failure,
};

/// What a linear class lacks to be Bellman complete.
#[derive(Clone, Debug, PartialEq)]
pub struct Incompleteness {
    /// λ₁ ≤ … ≤ λ_d ∈ \[0, 1\]: squared cosines of the principal angles between F and (I − γP) F.
    pub eigenvalues: Vec<f64>,
    /// The function Φx ∈ F, up to scale, whose Bellman error is seen least: λ₁ belongs to x.
    pub worst: DVector<f64>,
}

impl Incompleteness {
    /// Finds the angles.
    ///
    /// # Errors
    /// [`Failure::Invalid`] if some function other than Q^π has no Bellman error under the data, so
    /// that nothing could tell them apart.
    pub fn of(population: &Population, fault: Option<Fault>) -> Result<Self, Failure> {
        let class = population.class();
        let weights = match fault {
            Some(Fault::Unweighted) => population.distribution().map(|_| 1.0),
            _ => population.distribution().clone(),
        };
        let sign = if fault == Some(Fault::SignFlipGamma) { -1.0 } else { 1.0 };
        let next = population.transitions() * class.features();
        let residuals = LinearClass::new(class.features() - sign * population.discount() * next);
        let residuals = residuals.orthonormal_basis(&weights).ok_or_else(invisible)?;

        let basis = class.orthonormal_basis(&weights).ok_or_else(invisible)?;
        let onto = match fault {
            Some(Fault::Unprojected) => basis.vectors * basis.coordinates,
            _ => basis.vectors,
        };
        let cosines = onto.transpose() * residuals.vectors;
        let angles = eigen::symmetric(&(cosines.transpose() * &cosines));
        let direction =
            residuals.coordinates.solve_upper_triangular(&angles.vectors.column(0)).ok_or_else(invisible)?;
        Ok(Self {
            // What leaves [0, 1] is rounding.
            eigenvalues: angles.values.iter().map(|x| x.clamp(0.0, 1.0)).collect(),
            worst: class.function(&direction),
        })
    }

    /// λ₁ = 1 − β²: the smallest share of a squared Bellman error that the minimax loss sees.
    pub fn visible_share(&self) -> f64 {
        self.eigenvalues[0]
    }

    /// β² = 1 − λ₁.
    pub fn beta_squared(&self) -> f64 {
        1.0 - self.visible_share()
    }

    /// β = √(1 − λ₁).
    pub fn beta(&self) -> f64 {
        self.beta_squared().sqrt()
    }

    /// Σⱼ 1/λⱼ: what n · mean E(Q̂)² is for reward noise of variance 1; infinite if β = 1.
    pub fn noise_amplification(&self) -> f64 {
        sum(self.eigenvalues.iter().map(|lambda| 1.0 / lambda))
    }

    /// The amplification that a fixed design of this population is predicted to show.
    pub fn predicted_amplification(&self, population: &Population, fault: Option<Fault>) -> f64 {
        if fault == Some(Fault::OnPolicyFormula) {
            let gamma = population.discount();
            return self.eigenvalues.len() as f64 / (1.0 - gamma * gamma);
        }
        self.noise_amplification()
    }
}

fn invisible() -> Failure {
    Failure::invalid("some function of the class other than the value has no Bellman error under the data")
}

#[cfg(test)]
mod tests {
    use super::super::models::Model;
    use super::*;
    use approx::assert_relative_eq;

    fn beta(p: f64) -> f64 {
        let population = Model::Tvr.problem(vec![p, 1.0 - p], 0.9).population().unwrap();
        Incompleteness::of(&population, None).unwrap().beta()
    }

    #[test]
    fn two_states_sweep_from_complete_to_worst_and_back() {
        for (p, known) in [
            (0.1, 0.8878),
            (0.2, 0.9762),
            (0.3, 0.99883),
            (1.0 / 3.0, 1.0),
            (0.4, 0.99591),
            (0.6, 0.94002),
            (0.9, 0.62188),
        ] {
            assert_relative_eq!(beta(p), known, epsilon = 5e-5);
        }
        assert_relative_eq!(beta(0.0), 0.0, epsilon = 1e-7);
    }

    #[test]
    fn known_amplifications() {
        let chain = |weights: [f64; 5], gamma: f64| {
            let population = Model::Chain.problem(weights.to_vec(), gamma).population().unwrap();
            let solved = Incompleteness::of(&population, None).unwrap();
            (solved.beta(), solved.noise_amplification())
        };
        // By exact rational arithmetic: 2.40831572573643…
        let exact = 2.408_315_725_736_431_4;
        assert_relative_eq!(chain([1.0, 2.0, 3.0, 4.0, 5.0], 0.9).1, exact, max_relative = 1e-13);
        for (weights, gamma, known) in [
            ([5.0, 1.0, 1.0, 1.0, 2.0], 0.9, (0.5960, 2.597)),
            ([1.0; 5], 0.6, (0.3984, 2.203)),
            ([1.0, 8.0, 1.0, 1.0, 8.0], 0.95, (0.4424, 2.273)),
        ] {
            let measured = chain(weights, gamma);
            assert_relative_eq!(measured.0, known.0, epsilon = 5e-5);
            assert_relative_eq!(measured.1, known.1, epsilon = 5e-4);
        }
        for (p, known) in [(0.0, 1.0), (0.1, 4.719), (0.2, 21.25), (0.3, 426.25), (0.5, 21.25), (0.8, 2.653)]
        {
            let population = Model::Tvr.problem(vec![p, 1.0 - p], 0.9).population().unwrap();
            let solved = Incompleteness::of(&population, None).unwrap();
            assert_relative_eq!(solved.noise_amplification(), known, epsilon = 5e-4);
        }
    }

    #[test]
    fn an_invisible_direction_is_refused() {
        // Both states are absorbing in each other's value: φ − γPφ vanishes on the only data point.
        let population = Model::Tvr.problem(vec![1.0, 0.0], 0.5).population().unwrap();
        assert!(matches!(Incompleteness::of(&population, None), Err(Failure::Invalid(_))));
    }
}
