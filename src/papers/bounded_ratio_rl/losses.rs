//! PPO's loss is a one-sided version of BPO's with another target.

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::papers::leaf::{Failure, Measurement, Metric, Observe};

/// l_PPO(ρ) = −min(ρA, clip(ρ, 1 − ε, 1 + ε)·A).
#[must_use]
pub fn ppo(ratio: f64, advantage: f64, epsilon: f64, fault: Option<Fault>) -> f64 {
    let clipped = ratio.clamp(1.0 - epsilon, 1.0 + epsilon) * advantage;
    match fault {
        Some(Fault::OptimisticClip) => -(ratio * advantage).max(clipped),
        Some(Fault::TwoSidedFlat) => -clipped,
        _ => -(ratio * advantage).min(clipped),
    }
}

/// PPO's loss as an advantage-weighted hinge around its target 1 + ε sign(A), up to a constant:
/// |A|·max(0, sign(A)(1 + ε sign(A) − ρ)) − (1 + ε sign A) A.
#[must_use]
pub fn hinge(ratio: f64, advantage: f64, epsilon: f64) -> f64 {
    let sign = sign(advantage);
    let target = 1.0 + epsilon * sign;
    advantage.abs() * (sign * (target - ratio)).max(0.0) - target * advantage
}

/// l_BPO(ρ) = |A|·|ρ − ρ*|.
#[must_use]
pub fn bpo(ratio: f64, advantage: f64, target: f64) -> f64 {
    advantage.abs() * (ratio - target).abs()
}

/// −1, 0 or 1.
#[must_use]
pub fn sign(x: f64) -> f64 {
    f64::from(i8::from(x > 0.0) - i8::from(x < 0.0))
}

/// One token or transition.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// ρ ≥ 0.
    ratio: f64,
    /// A.
    advantage: f64,
    /// ε.
    epsilon: f64,
}

/// The two forms of PPO's loss are equal.
pub struct PpoHingeForm;

impl Observe for PpoHingeForm {
    type Instance = Sample;
    type Fault = Fault;
    const NAME: &'static str = "ppo-hinge-form";
    const SUMMARY: &'static str = "PPO's loss against its form as an advantage-weighted hinge.";
    const METRICS: &'static [Metric] =
        &[Metric::new("error", "Absolute difference of the two forms.").range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::OptimisticClip, Fault::TwoSidedFlat];

    fn instances() -> BoxedStrategy<Sample> {
        let advantage = prop_oneof![1 => Just(0.0), 8 => -2.0..2.0];
        (prop_oneof![1 => Just(0.0), 1 => Just(1.0), 8 => 0.0..3.0], advantage, 0.01..0.9)
            .prop_map(|(ratio, advantage, epsilon)| Sample { ratio, advantage, epsilon })
            .boxed()
    }

    fn observe(sample: &Sample, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Sample { ratio, advantage, epsilon } = *sample;
        if !(ratio >= 0.0 && (0.0..1.0).contains(&epsilon) && advantage.is_finite() && ratio.is_finite()) {
            return Err(Failure::invalid("expected a ratio of at least 0 and an epsilon of 0 to 1"));
        }
        let error = (ppo(ratio, advantage, epsilon, fault) - hinge(ratio, advantage, epsilon)).abs();
        Ok(Measurement::new().metric("error", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ppo_by_hand() {
        assert_eq!(ppo(1.5, 1.0, 0.2, None), -1.2);
        assert_eq!(ppo(0.5, 1.0, 0.2, None), -0.5);
        assert_eq!(ppo(0.5, -1.0, 0.2, None), 0.8);
        assert_eq!(ppo(1.5, -1.0, 0.2, None), 1.5);
        assert_eq!(bpo(0.9, -2.0, 1.2), 2.0 * (0.9_f64 - 1.2).abs());
    }
}
