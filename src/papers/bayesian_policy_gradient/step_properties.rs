//! What must hold of single steps: the actor-critic's integrals and its temporal differences.

use nalgebra::{DMatrix, DVector};
use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    actor_critic::{action_values, kernel},
    solved,
    terminating::Terminating,
};
use crate::{
    kernel::mdp::Rows,
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

/// A process that ends, a policy, and a state kernel.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Discount γ.
    discount: f64,
    /// Probability to end after a step.
    stop: f64,
    /// Weights of the next states, S in each of 2S rows 2x + a.
    transitions: Vec<Vec<u32>>,
    /// Weights of the start states, S, positive.
    start: Vec<u32>,
    /// Logits θ of action 1, S.
    theta: Vec<f64>,
    /// Features φ(x), S rows: the state kernel is φ(x)·φ(x′).
    features: Vec<Vec<f64>>,
}

/// Weights as probabilities that sum to `total`; equal ones if all are zero.
fn shares(weights: &[u32], total: f64) -> Vec<f64> {
    let sum: f64 = weights.iter().copied().map(f64::from).sum();
    let share = |w: &u32| if sum > 0.0 { f64::from(*w) / sum } else { 1.0 / weights.len() as f64 };
    weights.iter().map(|w| total * share(w)).collect()
}

impl Process {
    fn build(&self) -> Result<Terminating, Failure> {
        let states = self.start.len();
        let fits = self.transitions.len() == 2 * states && self.transitions.iter().all(|r| r.len() == states);
        if states == 0 || !fits || self.theta.len() != states || self.features.len() != states {
            return Err(Failure::invalid("the lists do not fit one number of states"));
        }
        if !(self.stop > 0.0 && self.stop <= 1.0) || self.start.contains(&0) {
            return Err(Failure::invalid("needs a chance to end and positive start weights"));
        }
        let rows: Vec<Vec<f64>> = self.transitions.iter().map(|row| shares(row, 1.0 - self.stop)).collect();
        let transitions = Rows::from_fn(2 * states, states, |row, t| rows[row][t]);
        let (rewards, start) = (Rows::zeros(states, 2), shares(&self.start, 1.0));
        let observation = (0..states).collect();
        Terminating::new(&transitions, &rewards, &start, self.discount, observation, &self.theta)
    }
}

fn processes() -> BoxedStrategy<Process> {
    let discount = prop_oneof![1 => Just(0.0), 1 => Just(0.99), 4 => 0.0..0.99_f64];
    let stop = prop_oneof![1 => Just(1.0), 1 => Just(0.01), 4 => 0.05..0.9_f64];
    (1_usize..=5, discount, stop)
        .prop_flat_map(|(states, discount, stop)| {
            let weight = prop_oneof![1 => Just(0_u32), 1 => Just(1), 2 => 0_u32..20];
            let logit = prop_oneof![1 => Just(0.0), 1 => Just(6.0), 4 => -3.0..3.0_f64];
            (
                vec(vec(weight, states), 2 * states),
                vec(1_u32..20, states),
                vec(logit, states),
                vec(vec(-2.0..2.0_f64, 2), states),
            )
                .prop_map(move |(transitions, start, theta, features)| Process {
                    discount,
                    stop,
                    transitions,
                    start,
                    theta,
                    features,
                })
        })
        .boxed()
}

/// Σ_z ν(x) μ(a|x) u(z) k(z, z_t) = u(z_t), and the double integral is G, whatever the state kernel.
pub struct ActorCriticIntegrals;

impl Observe for ActorCriticIntegrals {
    type Instance = Process;
    type Fault = Fault;
    const NAME: &'static str = "actor-critic-integrals";
    const SUMMARY: &'static str =
        "Covariances of the gradient with action values, and its prior covariance, summed over all pairs.";
    const METRICS: &'static [Metric] = &[
        Metric::new("cross-error", "Largest difference of Σ ν μ u k(·, z) from u(z).")
            .range(0.0, f64::INFINITY),
        Metric::new("prior-error", "Largest difference of the double sum from G.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::UnweightedFisher];

    fn instances() -> BoxedStrategy<Process> {
        processes()
    }

    fn observe(instance: &Process, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let process = instance.build()?;
        let (scores, fisher) = (process.scores(), process.step_fisher(fault)?);
        let pairs = scores.ncols();
        let states = DMatrix::from_fn(pairs, pairs, |z, w| {
            let (x, y) = (&instance.features[z / 2], &instance.features[w / 2]);
            x.iter().zip(y).map(|(a, b)| a * b).sum()
        });
        let gram = kernel(&states, &scores, &fisher, fault)?;
        // ν(x) μ(a|x) u(z), a pair in each column.
        let visits = process.visits(process.discount())?;
        let weighted = DMatrix::from_fn(scores.nrows(), pairs, |j, z| {
            visits[z / 2] * process.chance(z / 2, z % 2) * scores[(j, z)]
        });
        let cross = &weighted * &gram;
        let prior = &cross * weighted.transpose();
        Ok(Measurement::new()
            .metric("cross-error", (cross - scores).amax())
            .metric("prior-error", (prior - fisher).amax()))
    }
}

/// Rewards of episodes and a kernel of their steps.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Steps {
    /// Rewards, one list an episode.
    rewards: Vec<Vec<f64>>,
    /// Features φ, as many rows as there are rewards: the kernel is φ·φ′.
    features: Vec<Vec<f64>>,
    /// γ ∈ \[0, 1\].
    discount: f64,
    /// s > 0.
    noise: f64,
}

/// Temporal differences with noise s H Hᵀ are regression on discounted returns-to-go.
pub struct ReturnsToGo;

impl Observe for ReturnsToGo {
    type Instance = Steps;
    type Fault = Fault;
    const NAME: &'static str = "returns-to-go";
    const SUMMARY: &'static str = "Weights of the action values by temporal differences against regression on discounted returns-to-go.";
    const METRICS: &'static [Metric] =
        &[Metric::new("error", "Largest difference of the weights, over 1 or their largest size.")
            .range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::GptdGammaOne, Fault::IidNoise];

    fn instances() -> BoxedStrategy<Steps> {
        let reward = prop_oneof![1 => Just(0.0), 1 => Just(-1.0), 3 => -2.0..2.0_f64];
        let discount = prop_oneof![1 => Just(0.0), 1 => Just(1.0), 1 => Just(0.99), 3 => 0.0..1.0_f64];
        (vec(vec(reward, 1..8), 1..6), discount, 0.1..2.0_f64)
            .prop_flat_map(|(rewards, discount, noise)| {
                let steps = rewards.iter().map(Vec::len).sum::<usize>();
                vec(vec(-1.5..1.5_f64, 4), steps).prop_map(move |features| Steps {
                    rewards: rewards.clone(),
                    features,
                    discount,
                    noise,
                })
            })
            .boxed()
    }

    fn observe(instance: &Steps, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Steps { rewards, features, discount, noise } = instance;
        let steps = rewards.iter().map(Vec::len).sum::<usize>();
        let width = features.first().map_or(0, Vec::len);
        if steps == 0 || features.len() != steps || features.iter().any(|row| row.len() != width) {
            return Err(Failure::invalid("needs a row of features, all of one length, for each reward"));
        }
        let roots = DMatrix::from_fn(steps, width, |t, i| features[t][i]);
        let gram = &roots * roots.transpose();
        let lengths: Vec<usize> = rewards.iter().map(Vec::len).collect();
        let paid = DVector::from_iterator(steps, rewards.iter().flatten().copied());
        let found = action_values(&gram, &lengths, &paid, *discount, *noise, fault)?;

        // H⁻¹ r by definition: Σ_{k ≥ t} γ^{k−t} r_k within the episode.
        let returns = rewards.iter().flat_map(|episode| {
            (0..episode.len()).map(|t| episode[t..].iter().rev().fold(0.0, |rest, r| r + discount * rest))
        });
        let returns = DMatrix::from_iterator(steps, 1, returns);
        let known = solved(&(gram + DMatrix::identity(steps, steps) * *noise), &returns)?;
        let error = (found.weights() - known.column(0)).amax() / known.amax().max(1.0);
        Ok(Measurement::new().metric("error", error))
    }
}
