//! From Bellman errors under the data to errors of values.

use nalgebra::DVector;

use super::{Fault, problem::Population};
use crate::papers::leaf::Failure;

/// How wrong a function is as a value at a start distribution ρ.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueError {
    /// E_ρ\[Q − Q^π\].
    pub error: f64,
    /// The same by the occupancy: Σ d (Q − TQ)/(1 − γ).
    pub telescoped: f64,
    /// Discounted occupancy d of the policy (n).
    pub occupancy: DVector<f64>,
    /// C = max d/μ; infinite if the policy goes where the data do not.
    pub concentrability: f64,
    /// √C E(Q)/(1 − γ), which the error does not exceed.
    pub bound: f64,
}

impl ValueError {
    /// Measures a function Q from a start distribution (both n).
    ///
    /// # Errors
    /// [`Failure::Numerical`] if the occupancy cannot be solved for.
    pub fn of(
        population: &Population,
        q: &DVector<f64>,
        start: &DVector<f64>,
        fault: Option<Fault>,
    ) -> Result<Self, Failure> {
        let data = population.distribution();
        let occupancy =
            if fault == Some(Fault::WrongOccupancy) { data.clone() } else { population.occupancy(start)? };
        let horizon =
            if fault == Some(Fault::ForgotHorizon) { 1.0 } else { 1.0 / (1.0 - population.discount()) };
        let concentrability = occupancy
            .iter()
            .zip(data)
            .filter(|(visited, _)| **visited > 0.0)
            .map(|(visited, seen)| visited / seen)
            .fold(0.0, f64::max);
        Ok(Self {
            error: start.dot(&(q - population.truth())),
            telescoped: horizon * occupancy.dot(&(q - population.backup(q))),
            occupancy,
            concentrability,
            bound: concentrability.sqrt() * horizon * population.bellman_error(q),
        })
    }
}
