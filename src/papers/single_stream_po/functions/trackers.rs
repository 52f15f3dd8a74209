//! The value tracker and its sampling probabilities.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{
    Fault,
    method::{normalise_globally, raw_advantages},
    tracker::{Forgetting, Tracker, sampling_weights},
};
use super::{as_long, finite};
use crate::papers::leaf::{Failure, Function, Paper};

pub fn add_to(paper: Paper) -> Paper {
    paper
        .function(Function::new(
            "tracker-start",
            "The value tracker of a prompt after some offline responses.",
            &StartInput { successes: 2, samples: 8, memory: 8.0 },
            start,
        ))
        .function(Function::with_faults(
            "tracker-update",
            "The advantage of a reward, the retention, and the value tracker after the reward (code of SPO).",
            &UpdateInput {
                tracker: Tracker { alpha: 4.84, beta: 3.84 },
                forgetting: Forgetting::default(),
                reward: 1.0,
                movement: 0.005,
            },
            &[
                Fault::PostUpdateBaseline,
                Fault::ForgetAfterUpdate,
                Fault::NoForgetting,
                Fault::NaturalExponent,
                Fault::InvertedKl,
            ],
            update,
        ))
        .function(Function::with_faults(
            "sampling-probabilities",
            "Probability of each prompt to be drawn, by weights √(v̂(1 − v̂)) + ε.",
            &SamplingInput {
                trackers: vec![
                    Tracker { alpha: 4.0, beta: 4.0 },
                    Tracker { alpha: 24.0, beta: 1.0 },
                    Tracker { alpha: 0.4, beta: 7.6 },
                ],
                epsilon: 0.05,
            },
            &[Fault::NoExplorationFloor, Fault::InvertedPriority],
            sampling,
        ))
        .function(Function::with_faults(
            "tracker-advantages",
            "Raw advantages r − v̂ of a batch, and the same normalised over the whole batch.",
            &BatchInput {
                trackers: vec![Tracker { alpha: 4.0, beta: 4.0 }, Tracker { alpha: 6.0, beta: 2.0 }],
                prompts: vec![0, 1, 0],
                rewards: vec![1.0, 0.0, 1.0],
            },
            &[Fault::GroupRelativeBaseline, Fault::PerPromptNormalisation],
            batch,
        ))
}

/// Offline responses of a prompt.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StartInput {
    /// Right ones among them, s ≤ n₀.
    successes: usize,
    /// Offline responses, n₀.
    samples: usize,
    /// Effective sample size at the start, N₀ = 1/(1 − ρ_min) > 0.
    memory: f64,
}

/// A tracker, and what it says.
#[derive(Serialize, JsonSchema)]
struct TrackerOutput {
    /// The tracker.
    tracker: Tracker,
    /// v̂ = α/(α + β).
    value: f64,
    /// N = α + β.
    memory: f64,
}

impl TrackerOutput {
    fn of(tracker: Tracker) -> Result<Self, Failure> {
        let (value, memory) = (tracker.value(), tracker.memory());
        finite("tracker", &[tracker.alpha, tracker.beta, value])?;
        Ok(Self { tracker, value, memory })
    }
}

fn start(input: &StartInput) -> Result<TrackerOutput, Failure> {
    if input.successes > input.samples {
        return Err(Failure::invalid("`successes` must not exceed `samples`"));
    }
    if input.memory <= 0.0 {
        return Err(Failure::invalid("`memory` must be positive"));
    }
    TrackerOutput::of(Tracker::from_offline(input.successes, input.samples, input.memory))
}

/// A reward that a tracker has not seen.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct UpdateInput {
    /// The tracker before.
    tracker: Tracker,
    /// How it forgets.
    #[serde(default)]
    forgetting: Forgetting,
    /// Reward r ∈ \[0, 1\].
    #[schemars(range(min = 0.0, max = 1.0))]
    reward: f64,
    /// Movement D ≥ 0 of the policy on the prompt's previous response: the mean over its tokens of
    /// |ln π_new − ln π_then|; 0 if there is none.
    #[schemars(range(min = 0.0))]
    movement: f64,
}

/// What the reward does.
#[derive(Serialize, JsonSchema)]
struct UpdateOutput {
    /// r − v̂, with v̂ before the update.
    advantage: f64,
    /// ρ.
    retention: f64,
    /// The tracker after.
    after: TrackerOutput,
}

fn valid(tracker: Tracker) -> Result<(), Failure> {
    if tracker.alpha < 0.0 || tracker.beta < 0.0 || tracker.memory() <= 0.0 {
        return Err(Failure::invalid("a tracker needs alpha ≥ 0, beta ≥ 0 and alpha + beta > 0"));
    }
    Ok(())
}

fn update(input: &UpdateInput, fault: Option<Fault>) -> Result<UpdateOutput, Failure> {
    valid(input.tracker)?;
    if let Some(complaint) = input.forgetting.complaint() {
        return Err(Failure::invalid(complaint));
    }
    if !(0.0..=1.0).contains(&input.reward) || input.movement < 0.0 {
        return Err(Failure::invalid("needs 0 ≤ reward ≤ 1 and movement ≥ 0"));
    }
    let retention = input.forgetting.retention(input.movement, fault);
    let after = input.tracker.updated(retention, input.reward, fault);
    let baseline = if fault == Some(Fault::PostUpdateBaseline) { after } else { input.tracker };
    Ok(UpdateOutput {
        advantage: baseline.advantage(input.reward),
        retention,
        after: TrackerOutput::of(after)?,
    })
}

/// Trackers of all prompts.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SamplingInput {
    /// One a prompt.
    trackers: Vec<Tracker>,
    /// Floor ε ≥ 0 of the weights.
    #[schemars(range(min = 0.0))]
    epsilon: f64,
}

/// Sampling probabilities.
#[derive(Serialize, JsonSchema)]
struct SamplingOutput {
    /// One a prompt; they sum to 1.
    probabilities: Vec<f64>,
}

fn sampling(input: &SamplingInput, fault: Option<Fault>) -> Result<SamplingOutput, Failure> {
    input.trackers.iter().try_for_each(|tracker| valid(*tracker))?;
    if input.epsilon < 0.0 {
        return Err(Failure::invalid("`epsilon` must not be negative"));
    }
    let mut weights = Vec::new();
    sampling_weights(&input.trackers, input.epsilon, fault, &mut weights);
    let total: f64 = weights.iter().sum();
    if weights.is_empty() || total <= 0.0 {
        return Err(Failure::invalid("no prompt has a positive weight"));
    }
    let probabilities: Vec<f64> = weights.iter().map(|w| w / total).collect();
    finite("probability", &probabilities)?;
    Ok(SamplingOutput { probabilities })
}

/// A batch of single-stream responses.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BatchInput {
    /// One a prompt, before the batch.
    trackers: Vec<Tracker>,
    /// The prompt of each response, an index into `trackers`.
    prompts: Vec<usize>,
    /// The reward of each response.
    rewards: Vec<f64>,
}

/// Advantages of a batch.
#[derive(Serialize, JsonSchema)]
struct BatchOutput {
    /// r − v̂.
    raw: Vec<f64>,
    /// (A − mean A)/(population deviation + 1e-8); all 0 if the raw ones are equal.
    normalised: Vec<f64>,
}

fn batch(input: &BatchInput, fault: Option<Fault>) -> Result<BatchOutput, Failure> {
    as_long("rewards", input.rewards.len(), input.prompts.len())?;
    input.trackers.iter().try_for_each(|tracker| valid(*tracker))?;
    if let Some(x) = input.prompts.iter().find(|x| **x >= input.trackers.len()) {
        return Err(Failure::invalid(format!("there is no tracker of prompt {x}")));
    }
    let raw = raw_advantages(&input.trackers, &input.prompts, &input.rewards, fault);
    let mut normalised = raw.clone();
    normalise_globally(&input.prompts, &mut normalised, fault);
    finite("advantage", &normalised)?;
    Ok(BatchOutput { raw, normalised })
}
