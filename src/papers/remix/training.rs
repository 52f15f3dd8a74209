//! Mix-PPG on rows with a stochastic verifier, counted in fresh rollouts.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{
        math::exp,
        stream::{Stream, Streams},
        tokens::{Arms, Batch, Clip, Estimator, Policy, Rows, Step, performance, wave},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Where the clip interval of a stale token is centred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Centre {
    /// At c = π_k/πᵢ, the ratio at the start of the batch.
    Generalised,
    /// At 1.
    One,
}

/// Settings of training.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Share p_off of a batch that is old.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub off_policy: f64,
    /// Updates a batch (UTD).
    #[schemars(range(min = 1, max = 1_000))]
    pub updates: usize,
    /// Steps whose data are kept.
    #[schemars(range(min = 1, max = 1_000))]
    pub buffer: usize,
    /// Whether old data carry the ratio π_θ/πᵢ; without it nothing is clipped either.
    pub weighted: bool,
    /// Centre of the clip interval.
    pub centre: Centre,
    /// Half-width ε of the clip interval.
    #[schemars(range(min = 0.0))]
    pub epsilon: f64,
    /// Learning rate α.
    #[schemars(range(min = 0.0))]
    pub rate: f64,
    /// Groups a batch, B.
    #[schemars(range(min = 1, max = 1_000))]
    pub groups: usize,
    /// Responses a group, G.
    #[schemars(range(min = 1, max = 10_000))]
    pub group: usize,
    /// Fresh rollouts to spend.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub rollouts: usize,
    /// Fresh rollouts after which training goes on on-policy, one update a batch; 0 for never.
    #[schemars(range(max = 10_000_000))]
    pub reincarnate_after: usize,
    /// Success rate whose first time is reported.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: f64,
    /// Success rate that a run should have kept at the end.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub floor: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            off_policy: 0.4,
            updates: 4,
            buffer: 4,
            weighted: true,
            centre: Centre::Generalised,
            epsilon: 0.2,
            rate: 2.0,
            groups: 5,
            group: 8,
            rollouts: 2400,
            reincarnate_after: 0,
            threshold: 0.6,
            floor: 0.755,
        }
    }
}

/// Training on ten prompts with six arms: arm 2x mod 6 of prompt x is paid with probability 0.8, arm v
/// otherwise with probability 0.25 + 0.25 wave(x, v, 7).
pub struct Training {
    settings: Settings,
    task: Arms,
}

impl Measure for Training {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "training";
    const SUMMARY: &'static str = "Training from the uniform policy with old data mixed in, on rows with a stochastic \
                                   verifier.";
    const METRICS: &'static [Metric] = &[
        Metric::new(
            "rollouts-to-threshold",
            "Fresh rollouts until the success rate first reaches the threshold; all \
                                              that were spent if it never does.",
        )
        .unit("rollout")
        .range(0.0, 2e7)
        .lower_is_better(),
        Metric::new("final-success", "Success rate at the end.").range(0.0, 1.0).higher_is_better(),
        Metric::new("holds", "Whether the success rate at the end reaches the floor.")
            .range(0.0, 1.0)
            .higher_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[
        Fault::NoImportanceWeight,
        Fault::ImportanceWeightKept,
        Fault::ClipCentreOne,
        Fault::OnPolicyDataOnly,
    ];
    const TREATMENTS: &'static [&'static str] =
        &["off_policy", "updates", "buffer", "weighted", "centre", "epsilon", "reincarnate_after"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if fresh_groups(&settings) == 0 {
            return Err(Failure::invalid(format!(
                "off_policy {} leaves no fresh group of {}: every batch needs one",
                settings.off_policy, settings.groups
            )));
        }
        let chances =
            Rows::from_fn(10, 6, |x, v| if v == 2 * x % 6 { 0.8 } else { 0.25 + 0.25 * wave(x, v, 7) });
        Ok(Self { settings, task: Arms::new(chances) })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let settings = faulty(&self.settings, fault);
        let mut learner = MixPpg::new(&self.task, settings.clone());
        let (mut fresh, mut old) = (streams.stream("rollouts"), streams.stream("old groups"));
        let mut spent = 0;
        let (mut rollouts, mut success) = (vec![0.0], vec![performance(&self.task, &learner.policy)]);
        while spent < settings.rollouts {
            if settings.reincarnate_after > 0 && spent >= settings.reincarnate_after {
                learner.reincarnate();
            }
            spent += learner.step(&self.task, &mut fresh, &mut old);
            rollouts.push(spent as f64);
            success.push(performance(&self.task, &learner.policy));
        }
        let reached = success.iter().position(|j| *j >= settings.threshold);
        let last = success.len() - 1;
        Ok(Measurement::new()
            .metric("rollouts-to-threshold", rollouts[reached.unwrap_or(last)])
            .metric("final-success", success[last])
            .metric("holds", f64::from(u8::from(success[last] >= settings.floor)))
            .series("success", rollouts, success))
    }
}

/// The settings that a mistake amounts to.
fn faulty(settings: &Settings, fault: Option<Fault>) -> Settings {
    let mut settings = settings.clone();
    match fault {
        Some(Fault::NoImportanceWeight) => settings.weighted = false,
        Some(Fault::ImportanceWeightKept) => settings.weighted = true,
        Some(Fault::ClipCentreOne) => settings.centre = Centre::One,
        Some(Fault::OnPolicyDataOnly) => {
            settings.off_policy = 0.0;
            settings.updates = 1;
        }
        _ => {}
    }
    settings
}

fn fresh_groups(settings: &Settings) -> usize {
    (settings.groups as f64 * (1.0 - settings.off_policy)).round() as usize
}

/// A sampled token with all that later updates need.
#[derive(Clone, Copy)]
struct Sampled {
    step: Step,
    /// ln πᵢ when it was sampled.
    log_probability: f64,
    /// Its advantage, from its own group, once and for all.
    advantage: f64,
}

type Group = Vec<Sampled>;

/// The learner.
struct MixPpg {
    settings: Settings,
    policy: Policy,
    /// The groups of each of the last steps, the oldest first.
    buffer: VecDeque<Vec<Group>>,
    prompts: Vec<usize>,
    gradient: Rows,
}

impl MixPpg {
    fn new(task: &Arms, settings: Settings) -> Self {
        let policy = Policy::uniform(task);
        let gradient = Rows::zeros(policy.logits().count(), policy.logits().width());
        let prompts = (0..policy.logits().count()).collect();
        Self { settings, policy, buffer: VecDeque::new(), prompts, gradient }
    }

    /// From now on only fresh data, one update a batch.
    fn reincarnate(&mut self) {
        self.settings.off_policy = 0.0;
        self.settings.updates = 1;
        self.buffer.clear();
    }

    /// One batch; returns the fresh rollouts that it cost.
    fn step(&mut self, task: &Arms, fresh: &mut Stream, old: &mut Stream) -> usize {
        let groups = self.collect(task, fresh_groups(&self.settings), fresh);
        let wanted = self.settings.groups - groups.len();
        let start = self.policy.clone();
        let mut available: Vec<&Group> = self.buffer.iter().flatten().collect();
        for _ in 0..self.settings.updates {
            let chosen = wanted.min(available.len());
            old.choose(&mut available, chosen);
            let batch: Vec<&Group> = groups.iter().chain(available[..chosen].iter().copied()).collect();
            self.gradient.clear();
            let responses = batch.iter().map(|group| group.len()).sum::<usize>();
            for token in batch.iter().flat_map(|group| group.iter()) {
                let slope = slope(&self.settings, token, &self.policy, &start) / responses as f64;
                self.policy.add_score(token.step, slope, &mut self.gradient);
            }
            self.policy.ascend(self.settings.rate, &self.gradient);
        }
        let cost = groups.iter().map(Vec::len).sum();
        self.buffer.push_back(groups);
        if self.buffer.len() > self.settings.buffer {
            self.buffer.pop_front();
        }
        cost
    }

    /// Fresh groups with their advantages, of different prompts.
    fn collect(&mut self, task: &Arms, count: usize, stream: &mut Stream) -> Vec<Group> {
        let count = count.min(self.prompts.len());
        stream.choose(&mut self.prompts, count);
        let mut batch = Batch::new();
        for prompt in &self.prompts[..count] {
            batch.sample(task, *prompt, self.settings.group, &self.policy, stream);
        }
        let advantages = batch.advantages(Estimator::GRPO);
        batch
            .groups()
            .map(|group| {
                let sampled = |i: usize| {
                    let step = batch.steps(i)[0];
                    let log_probability = self.policy.log_probability(step);
                    Sampled { step, log_probability, advantage: advantages[i] }
                };
                group.map(sampled).collect()
            })
            .collect()
    }
}

/// Derivative of a token's term with respect to ln π_θ: ρA, or 0 beyond the clip interval on the side
/// that the advantage asks for.
fn slope(settings: &Settings, token: &Sampled, policy: &Policy, start: &Policy) -> f64 {
    if !settings.weighted {
        return token.advantage;
    }
    let ratio = exp(policy.log_probability(token.step) - token.log_probability);
    let centre = match settings.centre {
        Centre::Generalised => exp(start.log_probability(token.step) - token.log_probability),
        Centre::One => 1.0,
    };
    let clip = Clip { low: settings.epsilon, high: settings.epsilon };
    clip.term(ratio, centre, token.advantage).slope
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn the_uniform_policy_has_the_known_success_rate() {
        let training = Training::prepare(Settings::default(), &Data::default()).unwrap();
        assert_relative_eq!(
            performance(&training.task, &Policy::uniform(&training.task)),
            0.35223,
            epsilon = 5e-6
        );
    }

    #[test]
    fn a_batch_without_fresh_data_is_refused() {
        let settings = Settings { off_policy: 1.0, ..Settings::default() };
        assert!(matches!(Training::prepare(settings, &Data::default()), Err(Failure::Invalid(_))));
    }
}
