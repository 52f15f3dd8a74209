//! The gate of hybrid post-training, and the fixed schedules that it is compared with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{
        math::{powi, sum},
        stream::Streams,
        tokens::{
            Aggregation, Batch, Estimator, GradientScale, Policy, Rows, Step, binary_advantages,
            binomial_expectation,
        },
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// How demonstrations and rewards are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Recipe {
    /// Demonstrations only.
    Sft,
    /// Rewards only.
    Grpo,
    /// Demonstrations up to a step fixed beforehand, then rewards.
    SftThenGrpo,
    /// Both, always.
    Mix,
    /// The gate: demonstrations where at most γ responses of the group are right, else rewards.
    Hpt,
}

/// Weights α and β of the loss α·L_RL + β·L_SFT.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Weights {
    /// α.
    pub reward: f64,
    /// β.
    pub demonstration: f64,
}

/// A recipe with its numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate {
    /// Which recipe.
    pub recipe: Recipe,
    /// G: responses a group.
    pub group: usize,
    /// γ, as a number of right responses.
    pub threshold: usize,
    /// Step at which the pipeline changes from demonstrations to rewards.
    pub switch: usize,
}

impl Gate {
    /// The weights at a step (counted from 0) for a group with K right responses.
    #[must_use]
    pub fn weights(&self, step: usize, successes: usize, fault: Option<Fault>) -> Weights {
        let demonstrate = match self.recipe {
            Recipe::Sft => true,
            Recipe::Grpo => false,
            Recipe::SftThenGrpo => step < self.switch,
            Recipe::Mix => return Weights { reward: 1.0, demonstration: 1.0 },
            Recipe::Hpt => match fault {
                Some(Fault::ConstantSftWeight) => return Weights { reward: 1.0, demonstration: 1.0 },
                Some(Fault::GateInverted) => successes > self.threshold,
                Some(Fault::GateTooHigh) => successes <= self.group / 2,
                _ => successes <= self.threshold,
            },
        };
        let demonstration = f64::from(u8::from(demonstrate));
        Weights { reward: 1.0 - demonstration, demonstration }
    }

    /// E β(K) for K ~ Bin(G, p): (1 − p)ᴳ for the gate with γ = 0.
    #[must_use]
    pub fn demonstration_weight(&self, step: usize, p: f64, fault: Option<Fault>) -> f64 {
        binomial_expectation(self.group, p, |k| self.weights(step, k, fault).demonstration)
    }

    /// The factor κ with E\[α(K) ĝ\] = κ ∇p, ĝ the gradient of GRPO.
    #[must_use]
    pub fn reward_scale(&self, step: usize, p: f64, fault: Option<Fault>) -> f64 {
        let advantages = |k| {
            let alpha = self.weights(step, k, fault).reward;
            let (success, failure) = binary_advantages(Estimator::GRPO, self.group, k);
            (alpha * success, alpha * failure)
        };
        GradientScale::from_advantages(self.group, advantages).at(p)
    }

    /// Adds the update of one group: α times the gradient of GRPO on the responses, and β times
    /// ∇ln π_θ(τ*) of the demonstration.
    pub fn add_update(
        &self,
        step: usize,
        policy: &Policy,
        responses: &Batch,
        demonstration: &[Step],
        fault: Option<Fault>,
        gradient: &mut Rows,
    ) {
        let successes = responses.rewards().iter().filter(|r| **r > 0.0).count();
        let weights = self.weights(step, successes, fault);
        let mut advantages = responses.advantages(Estimator::GRPO);
        for advantage in &mut advantages {
            *advantage *= weights.reward;
        }
        responses.add_gradient(policy, &advantages, Aggregation::SUM, gradient);
        for shown in demonstration {
            policy.add_score(*shown, weights.demonstration, gradient);
        }
    }
}

/// Settings of the gate.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Success rate p of the question.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub p: f64,
    /// G.
    #[schemars(range(min = 1, max = 12))]
    pub group: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { p: 0.1, group: 8 }
    }
}

/// How often the gate shows a demonstration.
pub struct Gates(Settings);

impl Measure for Gates {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "gate";
    const SUMMARY: &'static str =
        "How often a group is replaced by a demonstration, over all outcomes of a group.";
    const METRICS: &'static [Metric] = &[
        Metric::new("demonstrated", "Probability of a demonstration.").range(0.0, 1.0),
        Metric::new("gap", "Its distance from (1 − p)ᴳ.").range(0.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::GateInverted, Fault::GateTooHigh];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let Settings { p, group } = self.0;
        let gate = Gate { recipe: Recipe::Hpt, group, threshold: 0, switch: 0 };
        let outcomes = (0..1_u32 << group).map(|outcome| {
            let right = outcome.count_ones();
            let probability = powi(p, right) * powi(1.0 - p, group as u32 - right);
            probability * gate.weights(0, right as usize, fault).demonstration
        });
        let demonstrated = sum(outcomes).min(1.0);
        Ok(Measurement::new()
            .metric("demonstrated", demonstrated)
            .metric("gap", (demonstrated - powi(1.0 - p, group as u32)).abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_probabilities_of_a_demonstration() {
        let gate = Gate { recipe: Recipe::Hpt, group: 8, threshold: 0, switch: 0 };
        for (p, known) in [(0.01, 0.9227), (0.1, 0.4305), (0.5, 0.0039)] {
            assert_relative_eq!(gate.demonstration_weight(0, p, None), known, epsilon = 5e-5);
            let state = Gates::prepare(Settings { p, group: 8 }, &Data::default()).unwrap();
            let measured = state.replicate(None, &Streams::from_seed(0)).unwrap();
            assert_relative_eq!(measured.get("demonstrated").unwrap(), known, epsilon = 5e-5);
        }
    }

    #[test]
    fn groups_without_a_success_add_nothing_to_the_scale_of_grpo() {
        let gate = |threshold| Gate { recipe: Recipe::Hpt, group: 8, threshold, switch: 0 };
        let grpo = GradientScale::of(Estimator::GRPO, 8);
        for p in [0.0, 0.1, 0.7, 1.0] {
            assert_relative_eq!(gate(0).reward_scale(0, p, None), grpo.at(p), epsilon = 1e-13);
        }
        // With a threshold: Σ_{j > γ} b(j; G, p) √(j(G − j))/G, divided by p(1 − p).
        let p = 0.3_f64;
        let direct =
            binomial_expectation(8, p, |j| if j > 4 { ((j * (8 - j)) as f64).sqrt() / 8.0 } else { 0.0 });
        assert_relative_eq!(gate(4).reward_scale(0, p, None), direct / (p * (1.0 - p)), epsilon = 1e-13);
    }
}
