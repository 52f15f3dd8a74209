//! The objective of an update, and its gradient with respect to velocities and deviations.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    ratio::{Deviation, log_ratio},
};
use crate::{
    kernel::math::{exp, ln},
    papers::leaf::Failure,
};

/// The residual η = (1 − t) v − (x − t v̂) of the Brownian regulariser, one coordinate.
///
/// At v = v̂ it is v − x; it is zero where v is the negative score (x − t v̂)/(1 − t) of the reference.
#[must_use]
pub fn residual(time: f64, point: f64, velocity: f64, reference: f64, fault: Option<Fault>) -> f64 {
    let noise = point - time * reference;
    let noise = if fault == Some(Fault::SignFlip) { -noise } else { noise };
    (1.0 - time) * velocity - noise
}

/// Weights and clip range of the objective
/// L = mean min(ρA, clip(ρ, 1 − ε, 1 + ε) A) + w_g Σᵢ ½ ln 2πe σᵢ² − w_b mean |η|².
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Surrogate {
    /// Clip range ε of the ratio, from 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub epsilon: f64,
    /// Weight w_g ≥ 0 of the entropy of the Gaussian noise.
    #[schemars(range(min = 0.0))]
    pub entropy_weight: f64,
    /// Weight w_b ≥ 0 of the Brownian regulariser.
    #[schemars(range(min = 0.0))]
    pub brownian_weight: f64,
}

impl Surrogate {
    /// # Errors
    /// [`Failure::Invalid`] for weights or a clip range outside their ranges.
    pub fn check(&self) -> Result<(), Failure> {
        let weight = |w: f64| (0.0..=1e6).contains(&w);
        if !(0.0..=1.0).contains(&self.epsilon)
            || !weight(self.entropy_weight)
            || !weight(self.brownian_weight)
        {
            return Err(Failure::invalid("needs 0 ≤ epsilon ≤ 1 and weights between 0 and 1e6"));
        }
        Ok(())
    }

    /// min(ρA, clip(ρ, 1 − ε, 1 + ε) A), and its derivative with respect to ln ρ: ρA, or 0 where
    /// the clipped term is the smaller.
    #[must_use]
    pub fn clipped(&self, ratio: f64, advantage: f64) -> (f64, f64) {
        let free = ratio * advantage;
        let clipped = ratio.clamp(1.0 - self.epsilon, 1.0 + self.epsilon) * advantage;
        if free <= clipped { (free, free) } else { (clipped, 0.0) }
    }

    /// The terms of one sample, and their gradients, all coordinates having independent noise.
    #[must_use]
    pub fn sample(&self, sample: &Sample<'_>, deviations: &Deviations<'_>, fault: Option<Fault>) -> Terms {
        let displacement = |i: usize| sample.velocity[i] - sample.reference[i];
        let log_ratio = (0..sample.noise.len())
            .map(|i| {
                let (new, reference) = (deviations.new[i], deviations.reference[i]);
                log_ratio(sample.noise[i], displacement(i), new, reference, fault)
            })
            .sum();
        let ratio = exp(log_ratio);
        let (policy, slope) = self.clipped(ratio, sample.advantage);
        let residuals = (0..sample.noise.len())
            .map(|i| residual(sample.time, sample.point[i], sample.velocity[i], sample.reference[i], fault));
        // Authors' code averages the square over coordinates, the text sums it: then w_b differs by d.
        let share = if fault == Some(Fault::MeanResidual) { 1.0 / sample.noise.len() as f64 } else { 1.0 };
        Terms { ratio, policy, slope, square: share * residuals.map(|r| r * r).sum::<f64>() }
    }

    /// The derivative of a sample's terms with respect to coordinate i of v(t, x_t), and that of its
    /// first term with respect to ln σᵢ.
    #[must_use]
    pub fn gradient(
        &self,
        sample: &Sample<'_>,
        deviations: &Deviations<'_>,
        slope: f64,
        i: usize,
        fault: Option<Fault>,
    ) -> (f64, f64) {
        let sigma = deviations.new[i].value;
        let standardised = (sample.noise[i] - (sample.velocity[i] - sample.reference[i])) / sigma;
        let eta = residual(sample.time, sample.point[i], sample.velocity[i], sample.reference[i], fault);
        let share = if fault == Some(Fault::MeanResidual) { 1.0 / sample.noise.len() as f64 } else { 1.0 };
        let pull = 2.0 * self.brownian_weight * share * eta * (1.0 - sample.time);
        (slope * standardised / sigma - pull, slope * (standardised * standardised - 1.0))
    }

    /// Σᵢ ½ ln 2πe σᵢ², in nats.
    #[must_use]
    pub fn noise_entropy(deviations: &[Deviation]) -> f64 {
        let constant = 0.5 * ln(2.0 * std::f64::consts::PI * std::f64::consts::E);
        deviations.iter().map(|sigma| constant + sigma.log).sum()
    }
}

/// What an update knows of a stored sample; slices have one entry a coordinate of the action.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// t ∈ \[0, 1\].
    pub time: f64,
    /// x_t.
    pub point: &'a [f64],
    /// v(t, x_t).
    pub velocity: &'a [f64],
    /// v̂(t, x_t).
    pub reference: &'a [f64],
    /// n.
    pub noise: &'a [f64],
    /// A.
    pub advantage: f64,
}

/// σ and σ̂ of every coordinate.
#[derive(Clone, Copy, Debug)]
pub struct Deviations<'a> {
    /// σ.
    pub new: &'a [Deviation],
    /// σ̂.
    pub reference: &'a [Deviation],
}

/// What a sample contributes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// ρ.
    pub ratio: f64,
    /// min(ρA, clip(ρ) A).
    pub policy: f64,
    /// Its derivative with respect to ln ρ.
    pub slope: f64,
    /// |η|².
    pub square: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    const SURROGATE: Surrogate = Surrogate { epsilon: 0.2, entropy_weight: 0.0, brownian_weight: 0.7 };

    #[test]
    fn the_residual_of_a_synchronised_flow_is_velocity_less_point() {
        assert_relative_eq!(residual(0.3, 0.5, 2.0, 2.0, None), 1.5, epsilon = 1e-15);
        let negative_score = (0.5 - 0.3 * 2.0) / 0.7;
        assert_relative_eq!(residual(0.3, 0.5, negative_score, 2.0, None), 0.0, epsilon = 1e-15);
    }

    #[test]
    fn the_clip_is_pessimistic() {
        assert_eq!(SURROGATE.clipped(1.5, 1.0), (1.2, 0.0));
        assert_eq!(SURROGATE.clipped(1.5, -1.0), (-1.5, -1.5));
        assert_eq!(SURROGATE.clipped(0.5, -1.0), (-0.8, 0.0));
        assert_eq!(SURROGATE.clipped(0.5, 1.0), (0.5, 0.5));
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_objective() {
        let value = |velocity: [f64; 2], log_sigma: [f64; 2], fault| {
            let new = log_sigma.map(|l| Deviation { value: exp(l), log: l });
            let reference = [Deviation::new(0.5), Deviation::new(0.3)];
            let sample = Sample {
                time: 0.4,
                point: &[0.3, -1.0],
                velocity: &velocity,
                reference: &[0.2, 0.1],
                noise: &[0.2, -0.4],
                advantage: -0.8,
            };
            let deviations = Deviations { new: &new, reference: &reference };
            let terms = SURROGATE.sample(&sample, &deviations, fault);
            let gradient = [0, 1].map(|i| SURROGATE.gradient(&sample, &deviations, terms.slope, i, fault));
            (terms.policy - SURROGATE.brownian_weight * terms.square, gradient)
        };
        let (velocity, log_sigma, h) = ([0.3, -0.1], [-0.6, -1.1], 1e-6);
        let moved = |x: [f64; 2], i: usize, by: f64| [0, 1].map(|j| if i == j { x[j] + by } else { x[j] });
        for fault in [None, Some(Fault::SignFlip), Some(Fault::MeanResidual)] {
            let (_, gradient) = value(velocity, log_sigma, fault);
            for (i, (by_velocity, by_log_sigma)) in gradient.into_iter().enumerate() {
                let at = |by| value(moved(velocity, i, by), log_sigma, fault).0;
                assert_relative_eq!(by_velocity, (at(h) - at(-h)) / (2.0 * h), epsilon = 1e-8);
                let at = |by| value(velocity, moved(log_sigma, i, by), fault).0;
                assert_relative_eq!(by_log_sigma, (at(h) - at(-h)) / (2.0 * h), epsilon = 1e-8);
            }
        }
    }
}
