//! Policy gradients reweigh what a policy can already say, and nothing else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{
        stream::Streams,
        tokens::{Policy, PrefixTree, Rows, Task, wave},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// A logit whose token has probability exactly 0: e^(−10⁹) underflows.
pub const FORBIDDEN: f64 = -1e9;

/// The share of responses that the mistake draws uniformly.
const FLOOR: f64 = 0.01;

/// The law by which a learner with this policy answers, over all responses: that of the policy.
#[must_use]
pub fn answers(tree: &PrefixTree, policy: &Policy, fault: Option<Fault>) -> Vec<f64> {
    let mut law = tree.distribution(0, policy);
    if fault == Some(Fault::ExplorationFloor) {
        let uniform = 1.0 / law.len() as f64;
        for p in &mut law {
            *p = (1.0 - FLOOR) * *p + FLOOR * uniform;
        }
    }
    law
}

/// Probability that a learner with this policy answers what `start` cannot.
#[must_use]
pub fn mass_outside(tree: &PrefixTree, start: &Policy, policy: &Policy, fault: Option<Fault>) -> f64 {
    let (before, after) = (tree.distribution(0, start), answers(tree, policy, fault));
    before.iter().zip(after).filter(|(p, _)| **p == 0.0).map(|(_, p)| p).sum()
}

/// Settings of exact training.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Steps of exact gradient ascent.
    #[schemars(range(max = 100_000))]
    pub steps: usize,
    /// Learning rate α.
    #[schemars(range(min = 0.0))]
    pub rate: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { steps: 200, rate: 0.5 }
    }
}

/// Exact policy gradient on three tokens and three steps, from a policy that cannot start with token 2
/// and cannot continue (0, 1) with 1: ten of the 27 responses have probability 0.
pub struct Reweighing(Settings);

impl Measure for Reweighing {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "reweighing";
    const SUMMARY: &'static str = "Exact policy gradient from a policy that cannot give ten of 27 responses.";
    const METRICS: &'static [Metric] = &[
        Metric::new(
            "outside",
            "Largest probability, over all steps, of responses that the first policy cannot give.",
        )
        .range(0.0, 1.0),
        Metric::new("success", "Success rate at the end.").range(0.0, 1.0).higher_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ExplorationFloor];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let tree = PrefixTree::divisible_by_three(3, 3);
        let start = restricted(&tree);
        let mut policy = start.clone();
        let mut gradient = Rows::zeros(tree.rows(), tree.width());
        let mut success = vec![tree.success(0, &policy)];
        let mut outside = mass_outside(&tree, &start, &policy, fault);
        for _ in 0..self.0.steps {
            gradient.clear();
            tree.add_gradient(0, &policy, 1.0, &mut gradient);
            policy.ascend(self.0.rate, &gradient);
            success.push(tree.success(0, &policy));
            outside = outside.max(mass_outside(&tree, &start, &policy, fault));
        }
        let steps: Vec<f64> = (0..=self.0.steps).map(|i| i as f64).collect();
        Ok(Measurement::new()
            .metric("outside", outside)
            .metric("success", success[self.0.steps])
            .series("success", steps, success))
    }
}

fn restricted(tree: &PrefixTree) -> Policy {
    Policy::from_fn(tree, |n, v| if matches!((n, v), (0, 2) | (5, 1)) { FORBIDDEN } else { wave(n, v, 0) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn ten_responses_are_out_of_reach_and_stay_so() {
        let tree = PrefixTree::divisible_by_three(3, 3);
        let start = restricted(&tree);
        assert_eq!(tree.distribution(0, &start).iter().filter(|p| **p == 0.0).count(), 10);
        let measure =
            |fault| Reweighing(Settings::default()).replicate(fault, &Streams::from_seed(0)).unwrap();
        let (right, wrong) = (measure(None), measure(Some(Fault::ExplorationFloor)));
        assert_eq!(right.get("outside"), Some(0.0));
        assert_relative_eq!(right.series[0].y[0], 0.440_611, epsilon = 5e-7);
        assert_relative_eq!(right.get("success").unwrap(), 0.979_273, epsilon = 5e-7);
        assert_relative_eq!(wrong.get("outside").unwrap(), 0.01 * 10.0 / 27.0, epsilon = 1e-15);
    }
}
