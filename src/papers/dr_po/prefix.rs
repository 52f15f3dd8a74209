//! Resets to prefixes of stored answers, as in the code for language models.
//!
//! Answers are L tokens over a vocabulary of V, with one row of logits a position ([`Positions`]), and a
//! stored answer z comes from a law ρ. A roll-out keeps the first k tokens of z and generates the rest:
//! k = 0 with probability 1 − β, else k uniform on {1 … L − 1}. So
//!
//! ```text
//! J_β(θ) = E_{k, z} E_{y ~ π_θ(·|z_<k)} r(z_<k y),    ∇J_β = E[r(z_<k y) Σ_{t ≥ k} ∇ln π_θ(y_t)]:
//! ```
//!
//! the tokens of the prefix were not chosen by π_θ, and are masked. Everything is computed by enumeration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{
        math::sum,
        stream::Streams,
        tokens::{Policy, Rows, Step},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// P(k) for k = 0 … n − 1 kept tokens of a stored answer of n ≥ 1 tokens: 1 − β for k = 0, and β/(n − 1) for
/// each other. An answer of one token has no proper prefix, and there is no reset.
#[must_use]
pub fn reset_law(length: usize, reset: f64, fault: Option<Fault>) -> Vec<f64> {
    let shortest = usize::from(fault != Some(Fault::LengthFromZero));
    if length <= shortest {
        return vec![1.0];
    }
    let mut law = vec![0.0; length];
    law[0] = 1.0 - reset;
    for p in &mut law[shortest..] {
        *p += reset / (length - shortest) as f64;
    }
    law
}

/// Answers of L tokens over V, their rewards, and the law of stored answers. Answer s has the tokens
/// of s written with base V, the first token first.
#[derive(Clone, Debug, PartialEq)]
pub struct Positions {
    /// V.
    pub vocabulary: usize,
    /// L.
    pub length: usize,
    /// r(y) for each of the V^L answers.
    pub rewards: Vec<f64>,
    /// ρ(y), likewise.
    pub stored: Vec<f64>,
}

/// A roll-out that keeps the first `kept` tokens of a stored answer.
struct Rollout {
    kept: usize,
    /// The tokens of the final answer.
    steps: Vec<Step>,
    probability: f64,
    reward: f64,
}

impl Positions {
    /// The tokens of an answer, each with its row.
    fn steps(&self, answer: usize) -> Vec<Step> {
        let mut rest = answer;
        let mut steps = vec![Step { row: 0, token: 0 }; self.length];
        for row in (0..self.length).rev() {
            steps[row] = Step { row, token: rest % self.vocabulary };
            rest /= self.vocabulary;
        }
        steps
    }

    /// ρ of all answers that have their first `kept` tokens in common with this one.
    fn prefix_mass(&self, answer: usize, kept: usize) -> f64 {
        let block = (0..self.length - kept).fold(1, |n, _| n * self.vocabulary);
        let start = answer / block * block;
        self.stored[start..start + block].iter().sum()
    }

    /// Every length of a prefix with every final answer.
    fn rollouts<'a>(&'a self, policy: &'a Policy, reset: f64) -> impl Iterator<Item = Rollout> + 'a {
        let law = reset_law(self.length, reset, None);
        law.into_iter().enumerate().flat_map(move |(kept, chance)| {
            self.rewards.iter().enumerate().map(move |(answer, reward)| {
                let steps = self.steps(answer);
                let own: f64 = steps[kept..].iter().map(|step| policy.probability(*step)).product();
                let probability = chance * self.prefix_mass(answer, kept) * own;
                Rollout { kept, steps, probability, reward: *reward }
            })
        })
    }

    /// J_β.
    #[must_use]
    pub fn objective(&self, policy: &Policy, reset: f64) -> f64 {
        sum(self.rollouts(policy, reset).map(|rollout| rollout.probability * rollout.reward))
    }

    /// The expected estimate of ∇J_β.
    #[must_use]
    pub fn gradient(&self, policy: &Policy, reset: f64, fault: Option<Fault>) -> Rows {
        let mut gradient = Rows::zeros(self.length, self.vocabulary);
        for Rollout { kept, steps, probability, reward } in self.rollouts(policy, reset) {
            let masked = if fault == Some(Fault::NoRollinMask) { 0 } else { kept };
            for step in &steps[masked..] {
                policy.add_score(*step, probability * reward, &mut gradient);
            }
        }
        gradient
    }
}

/// Settings of the law of resets.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Tokens n of a stored answer.
    #[schemars(range(min = 1, max = 10_000))]
    pub length: usize,
    /// β.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub reset: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { length: 5, reset: 1.0 }
    }
}

/// How many tokens of a stored answer are kept.
pub struct ResetLaw(Settings);

impl Measure for ResetLaw {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "reset-law";
    const SUMMARY: &'static str = "The law of the number of tokens that a reset keeps.";
    const METRICS: &'static [Metric] = &[
        Metric::new("none", "Probability that nothing is kept.").range(0.0, 1.0),
        Metric::new("spread", "Largest less smallest probability of the other numbers.").range(0.0, 1.0),
        Metric::new("mean", "Mean number kept.").unit("token").range(0.0, 1e4),
    ];
    const FAULTS: &'static [Fault] = &[Fault::LengthFromZero];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if settings.length == 0 || !(0.0..=1.0).contains(&settings.reset) {
            return Err(Failure::invalid("`length` must be at least 1, and `reset` in [0, 1]"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let law = reset_law(self.0.length, self.0.reset, fault);
        let others = &law[1..];
        let largest = others.iter().copied().fold(0.0, f64::max);
        let smallest = others.iter().copied().fold(largest, f64::min);
        let mean: f64 = law.iter().enumerate().map(|(k, p)| k as f64 * p).sum();
        Ok(Measurement::new()
            .metric("none", law[0])
            .metric("spread", largest - smallest)
            .metric("mean", mean))
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;
    use crate::kernel::{math::softmax, tokens::wave};

    #[test]
    fn the_law_of_resets() {
        for (found, known) in reset_law(5, 0.8, None).iter().zip([0.2; 5]) {
            assert_relative_eq!(*found, known, epsilon = 1e-15);
        }
        assert_eq!(reset_law(2, 1.0, None), [0.0, 1.0]);
        assert_eq!(reset_law(1, 1.0, None), [1.0]);
        assert_eq!(reset_law(4, 0.0, None), [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(reset_law(2, 1.0, Some(Fault::LengthFromZero)), [0.5, 0.5]);
    }

    fn example() -> (Positions, Policy) {
        let rewards = (0..81).map(|y| wave(y, 1, 0)).collect();
        let stored = softmax(&(0..81).map(|y| 2.0 * wave(y, 2, 0)).collect::<Vec<_>>());
        let policy = Policy::new(Rows::from_fn(4, 3, |n, v| wave(n, v, 0)));
        (Positions { vocabulary: 3, length: 4, rewards, stored }, policy)
    }

    /// The error of the unmasked estimate is that of the roll-outs that were reset, a share β.
    #[test]
    fn without_the_mask_the_error_is_proportional_to_beta() {
        let (positions, policy) = example();
        let error = |reset: f64| {
            let unmasked = positions.gradient(&policy, reset, Some(Fault::NoRollinMask));
            unmasked.largest_difference(&positions.gradient(&policy, reset, None))
        };
        assert_relative_eq!(error(0.0), 0.0);
        assert!(error(1.0) > 0.01);
        assert_relative_eq!(error(0.5), error(1.0) / 2.0, epsilon = 1e-14);
    }

    #[test]
    fn masked_estimates_are_gradients() {
        let (positions, policy) = example();
        for reset in [0.0, 0.5, 1.0] {
            let known = policy.central_differences(1e-5, |p| positions.objective(p, reset));
            assert!(positions.gradient(&policy, reset, None).largest_difference(&known) < 1e-9);
        }
    }

    /// The probabilities of all roll-outs add up to one.
    #[test]
    fn a_constant_reward_is_its_own_mean() {
        let (mut positions, policy) = example();
        positions.rewards = vec![0.7; 81];
        assert_relative_eq!(positions.objective(&policy, 0.3), 0.7, epsilon = 1e-14);
    }
}
