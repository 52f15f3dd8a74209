//! The methods and their schedules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::kernel::math::pow;

/// Directions shorter than this are not normalised further: nothing is divided by zero.
const SHORTEST: f64 = 1e-12;

/// A method, or an ablation of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// Policy gradient: θ + c₀ g/√(t + 1).
    Pg,
    /// Normalised policy gradient with implicit gradient transport.
    NPgIgt,
    /// The same without transport: θ̃ = θ.
    WithoutTransport,
    /// The same without an average: d = g.
    WithoutMomentum,
    /// Normalised Hessian-aided recursive policy gradient.
    NHarpg,
    /// The same without the correction by the Hessian.
    WithoutHvp,
    /// Hessian-aided recursive policy gradient: step c₀ √η_t d.
    Harpg,
}

impl Algorithm {
    /// η_t: (2/(t + 2))^(4/5) with transport, 2/(t + 2) with the Hessian.
    #[must_use]
    pub fn weight(self, t: usize) -> f64 {
        let decay = 2.0 / (t as f64 + 2.0);
        match self {
            Self::NPgIgt | Self::WithoutTransport => pow(decay, 0.8),
            Self::NHarpg | Self::WithoutHvp | Self::Harpg => decay,
            Self::Pg | Self::WithoutMomentum => 1.0,
        }
    }

    /// Whether each step corrects the direction by a product with the Hessian.
    #[must_use]
    pub fn is_hessian_aided(self) -> bool {
        matches!(self, Self::NHarpg | Self::Harpg)
    }

    /// Whether a fault is a mistake that this method can make.
    #[must_use]
    pub fn honours(self, fault: Fault) -> bool {
        match fault {
            Fault::NoMomentum | Fault::NoTransport | Fault::WrongSignTransport => self == Self::NPgIgt,
            Fault::NoHvp => self == Self::NHarpg,
            Fault::WrongSignHvp | Fault::EndpointHessian => self.is_hessian_aided(),
            Fault::TinyStep => self.is_normalised(),
            _ => true,
        }
    }

    /// Whether steps have a length of their own, whatever that of the direction is.
    #[must_use]
    pub fn is_normalised(self) -> bool {
        !matches!(self, Self::Pg | Self::Harpg)
    }
}

/// A method with its constant, and what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Method {
    /// The method.
    pub algorithm: Algorithm,
    /// c₀ of the step.
    pub constant: f64,
    /// The mistake, if any.
    pub fault: Option<Fault>,
}

impl Method {
    /// A method as a fault leaves it: some faults make an ablation of it, one shortens its steps.
    #[must_use]
    pub fn new(algorithm: Algorithm, constant: f64, fault: Option<Fault>) -> Self {
        let algorithm = match (algorithm, fault) {
            (Algorithm::NPgIgt, Some(Fault::NoTransport)) => Algorithm::WithoutTransport,
            (Algorithm::NPgIgt, Some(Fault::NoMomentum)) => Algorithm::WithoutMomentum,
            (Algorithm::NHarpg, Some(Fault::NoHvp)) => Algorithm::WithoutHvp,
            _ => algorithm,
        };
        let tiny = fault == Some(Fault::TinyStep) && algorithm.is_normalised();
        Self { algorithm, constant: if tiny { constant / 10.0 } else { constant }, fault }
    }

    /// η₁ … η_T, which are the same in every run.
    #[must_use]
    pub fn weights(&self, steps: usize) -> Vec<f64> {
        (1..=steps).map(|t| self.algorithm.weight(t)).collect()
    }

    /// By what d is multiplied in step t: c₀/((t + 2) ‖d‖) if normalised, c₀/√(t + 1) for the plain
    /// gradient, c₀ √η_t for HARPG.
    #[must_use]
    pub fn step_size(&self, t: usize, direction: &[f64]) -> f64 {
        let t = if self.fault == Some(Fault::ConstantStep) { 1.0 } else { t as f64 };
        match self.algorithm {
            Algorithm::Pg => self.constant / (t + 1.0).sqrt(),
            Algorithm::Harpg => self.constant * (2.0 / (t + 2.0)).sqrt(),
            _ => {
                let norm = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
                self.constant / (t + 2.0) / norm.max(SHORTEST)
            }
        }
    }

    /// The sign with which the correction B(θ_t − θ_{t−1}) is added to d_{t−1}.
    #[must_use]
    pub fn correction_sign(&self) -> f64 {
        if self.fault == Some(Fault::WrongSignHvp) { -1.0 } else { 1.0 }
    }
}

/// θ̃ = θ_t + ((1 − η)/η)(θ_t − θ_{t−1}): where transport evaluates the gradient. All of length d.
pub fn transported(eta: f64, theta: &[f64], previous: &[f64], fault: Option<Fault>, into: &mut [f64]) {
    let ahead = match fault {
        Some(Fault::NoTransport) => 0.0,
        Some(Fault::WrongSignTransport) => -(1.0 - eta) / eta,
        _ => (1.0 - eta) / eta,
    };
    for ((x, now), before) in into.iter_mut().zip(theta).zip(previous) {
        *x = now + ahead * (now - before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn weights_start_below_one() {
        assert_relative_eq!(Algorithm::NPgIgt.weight(1), 0.723, epsilon = 5e-4);
        assert_relative_eq!(Algorithm::NHarpg.weight(2), 0.5);
    }

    #[test]
    fn a_direction_of_zero_is_not_divided_by() {
        let size = Method::new(Algorithm::NPgIgt, 1.0, None).step_size(1, &[0.0, 0.0]);
        assert_relative_eq!(size, 1e12 / 3.0, max_relative = 1e-15);
    }

    #[test]
    fn tiny_steps_are_those_of_normalised_methods() {
        let constant = |algorithm| Method::new(algorithm, 6.0, Some(Fault::TinyStep)).constant;
        assert_relative_eq!(constant(Algorithm::NHarpg), 0.6);
        assert_relative_eq!(constant(Algorithm::Harpg), 6.0);
    }
}
