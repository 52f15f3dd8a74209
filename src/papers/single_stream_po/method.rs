//! The learner.

use super::{
    Fault,
    tracker::{Forgetting, Tracker, sampling_weights},
};
use crate::kernel::{
    stream::Stream,
    tokens::{Aggregation, Batch, Deviation, Method, Policy, Rows, Step, Task, normalise},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How prompts are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// With weights √(v̂(1 − v̂)) + ε.
    Prioritised,
    /// All alike.
    Uniform,
}

/// What is subtracted from a reward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Baseline {
    /// The value v̂ of the prompt's tracker.
    Tracker,
    /// Nothing.
    None,
}

/// What can be chosen about the learner.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Responses a step, B.
    pub batch: usize,
    /// Learning rate.
    pub rate: f64,
    /// How prompts are drawn.
    pub sampling: Sampling,
    /// Floor ε of the sampling weights.
    pub epsilon: f64,
    /// What is subtracted from a reward.
    pub baseline: Baseline,
    /// Whether advantages are normalised over the batch.
    pub normalised: bool,
    /// How trackers forget.
    pub forgetting: Forgetting,
    /// Offline responses a prompt from which trackers start.
    pub offline: usize,
}

/// A response that a prompt's tracker has seen, with ln π of its tokens right after the update.
#[derive(Clone, Debug, Default)]
struct Record {
    steps: Vec<Step>,
    log_probabilities: Vec<f64>,
}

/// Single-stream policy optimisation.
#[derive(Clone, Debug)]
pub struct SingleStream {
    options: Options,
    fault: Option<Fault>,
    trackers: Vec<Tracker>,
    records: Vec<Record>,
    weights: Vec<f64>,
    gradient: Rows,
    /// Responses learnt from.
    pub samples: usize,
    /// Those among them whose raw advantage was exactly 0.
    pub silent: usize,
}

impl SingleStream {
    /// A learner whose trackers have seen the task's offline responses.
    pub fn new<T: Task>(
        task: &T,
        policy: &Policy,
        options: Options,
        fault: Option<Fault>,
        stream: &mut Stream,
    ) -> Self {
        let memory = options.forgetting.initial_memory();
        let mut scratch = Vec::new();
        let trackers = (0..task.prompts())
            .map(|x| {
                scratch.clear();
                let right = (0..options.offline)
                    .filter(|_| task.respond(x, policy, stream, &mut scratch) == 1.0)
                    .count();
                Tracker::from_offline(right, options.offline, memory)
            })
            .collect();
        Self {
            options,
            fault,
            trackers,
            records: vec![Record::default(); task.prompts()],
            weights: Vec::new(),
            gradient: Rows::zeros(task.rows(), task.width()),
            samples: 0,
            silent: 0,
        }
    }

    /// Step 5: the trackers see the rewards of the batch, in order.
    fn track(&mut self, batch: &Batch, policy: &Policy) {
        for (i, (x, reward)) in batch.prompts().iter().zip(batch.rewards()).enumerate() {
            let record = &mut self.records[*x];
            let retention = self.options.forgetting.retention(record.movement(policy), self.fault);
            self.trackers[*x] = self.trackers[*x].updated(retention, *reward, self.fault);
            record.set(batch.steps(i), policy);
        }
    }
}

impl Record {
    /// D: the mean over tokens of |ln π(token) now − then|; 0 if there is no response yet.
    fn movement(&self, policy: &Policy) -> f64 {
        let moved = self.steps.iter().zip(&self.log_probabilities);
        let total: f64 = moved.map(|(step, then)| (policy.log_probability(*step) - then).abs()).sum();
        total / self.steps.len().max(1) as f64
    }

    fn set(&mut self, steps: &[Step], policy: &Policy) {
        self.steps.clear();
        self.steps.extend_from_slice(steps);
        self.log_probabilities.clear();
        self.log_probabilities.extend(steps.iter().map(|step| policy.log_probability(*step)));
    }
}

impl<T: Task> Method<T> for SingleStream {
    fn collect(&mut self, task: &T, policy: &Policy, stream: &mut Stream, batch: &mut Batch) {
        match self.options.sampling {
            Sampling::Prioritised => {
                sampling_weights(&self.trackers, self.options.epsilon, self.fault, &mut self.weights);
                let total: f64 = self.weights.iter().sum();
                self.weights.iter_mut().for_each(|w| *w /= total);
            }
            Sampling::Uniform => {
                self.weights.clear();
                self.weights.resize(task.prompts(), 1.0 / task.prompts() as f64);
            }
        }
        for _ in 0..self.options.batch {
            let prompt = stream.categorical(&self.weights);
            batch.sample(task, prompt, 1, policy, stream);
        }
    }

    fn update(&mut self, _: &T, batch: &Batch, policy: &mut Policy) {
        // All advantages are formed before any tracker sees a reward of the batch.
        let mut advantages = match self.options.baseline {
            Baseline::Tracker => raw_advantages(&self.trackers, batch.prompts(), batch.rewards(), self.fault),
            Baseline::None => batch.rewards().to_vec(),
        };
        self.samples += advantages.len();
        self.silent += advantages.iter().filter(|a| **a == 0.0).count();
        if self.options.normalised && self.fault != Some(Fault::NoAdvantageNormalisation) {
            normalise_globally(batch.prompts(), &mut advantages, self.fault);
        }
        self.gradient.clear();
        batch.add_gradient(policy, &advantages, Aggregation::SUM, &mut self.gradient);
        policy.ascend(self.options.rate, &self.gradient);
        self.track(batch, policy);
    }
}

/// Step 2: A = r − v̂ of each response, with the trackers before the batch.
#[must_use]
pub fn raw_advantages(
    trackers: &[Tracker],
    prompts: &[usize],
    rewards: &[f64],
    fault: Option<Fault>,
) -> Vec<f64> {
    let own_mean = |x: usize| {
        let own = || prompts.iter().zip(rewards).filter(|(y, _)| **y == x).map(|(_, r)| *r);
        own().sum::<f64>() / own().count() as f64
    };
    prompts
        .iter()
        .zip(rewards)
        .map(|(x, reward)| match fault {
            Some(Fault::GroupRelativeBaseline) => reward - own_mean(*x),
            Some(Fault::NoBaseline) => *reward,
            _ => trackers[*x].advantage(*reward),
        })
        .collect()
}

/// Step 3: Â = (A − mean A)/(population deviation of A + 1e-8) over the whole batch.
pub fn normalise_globally(prompts: &[usize], advantages: &mut [f64], fault: Option<Fault>) {
    const DELTA: f64 = 1e-8;
    if fault != Some(Fault::PerPromptNormalisation) {
        normalise(advantages, Deviation::Population, DELTA);
        return;
    }
    for x in 0..=prompts.iter().copied().max().unwrap_or(0) {
        let own: Vec<usize> = (0..prompts.len()).filter(|i| prompts[*i] == x).collect();
        let mut values: Vec<f64> = own.iter().map(|i| advantages[*i]).collect();
        normalise(&mut values, Deviation::Population, DELTA);
        own.iter().zip(values).for_each(|(i, a)| advantages[*i] = a);
    }
}
