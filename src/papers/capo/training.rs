//! Aggressive training on prompts with a stochastic verifier.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    last_layer::{Context, Sample},
    mask::{Region, Selection},
};
use crate::{
    kernel::{
        math::mean,
        stream::{Stream, Streams},
        tokens::{Arms, Batch, Curve, Estimator, Grouped, Method, Policy, Rows, Task, train, wave},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Who learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// GRPO with curvature-aware masks.
    Capo,
    /// GRPO with masks that drop tokens at random until the same condition holds.
    Random,
    /// Plain GRPO.
    Grpo,
}

/// Settings of training.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Who learns.
    pub algorithm: Algorithm,
    /// Learning rate α.
    #[schemars(range(min = 0.0))]
    pub rate: f64,
    /// Largest predicted shift δ_F of a prompt in a step, in nats.
    #[schemars(range(min = 0.0))]
    pub threshold: f64,
    /// Steps of training.
    #[schemars(range(min = 1, max = 100_000))]
    pub steps: usize,
    /// Prompts a step, of ten.
    #[schemars(range(min = 1, max = 10))]
    pub prompts: usize,
    /// Responses a prompt, G.
    #[schemars(range(min = 1, max = 512))]
    pub group: usize,
    /// J that counts as learnt.
    pub goal: f64,
    /// Independent runs that a replicate averages.
    #[schemars(range(min = 1, max = 1000))]
    pub runs: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Capo,
            rate: 60.0,
            threshold: 0.3,
            steps: 200,
            prompts: 5,
            group: 8,
            goal: 0.75,
            runs: 1,
        }
    }
}

/// Ten prompts with six arms. The best arm of prompt x is 2x mod 6 and is paid with probability 0.8,
/// the others with 0.25 + 0.25 wave(x, v, 7) ∈ \[0, 0.5\].
#[must_use]
fn prompts() -> Arms {
    Arms::new(Rows::from_fn(10, 6, |x, v| if v == 2 * x % 6 { 0.8 } else { 0.25 + 0.25 * wave(x, v, 7) }))
}

/// GRPO, with masks. Prompts have rows of their own, so each is a trust region.
struct Learner {
    grouped: Grouped,
    algorithm: Algorithm,
    threshold: f64,
    inverted: bool,
    stream: Stream,
    /// The region of the prompt at hand: one context with one feature.
    region: Region,
    gradient: Rows,
    tokens: usize,
    rejected: usize,
    largest: f64,
    /// After each step: mean entropy over all prompts, and mean KL(new ‖ old) over those of the step.
    entropies: Vec<f64>,
    divergences: Vec<f64>,
}

impl Method<Arms> for Learner {
    fn collect(&mut self, task: &Arms, policy: &Policy, stream: &mut Stream, batch: &mut Batch) {
        self.grouped.collect(task, policy, stream, batch);
    }

    fn update(&mut self, task: &Arms, batch: &Batch, policy: &mut Policy) {
        let advantages = batch.advantages(self.grouped.estimator);
        let scale = self.grouped.rate / batch.len() as f64;
        self.gradient.clear();
        for group in batch.groups() {
            let row = batch.prompts()[group.start];
            self.region.contexts[0].policy.copy_from_slice(policy.row(row));
            self.region.samples.clear();
            let token = |i: usize| batch.steps(i)[0].token;
            let sample = |i| Sample { context: 0, token: token(i), advantage: advantages[i] };
            self.region.samples.extend(group.map(sample));
            let (threshold, selection) = match self.algorithm {
                Algorithm::Grpo => (f64::INFINITY, Selection::Largest),
                Algorithm::Random => (self.threshold, Selection::Random(&mut self.stream)),
                Algorithm::Capo if self.inverted => (self.threshold, Selection::Smallest),
                Algorithm::Capo => (self.threshold, Selection::Largest),
            };
            let masked = self.region.mask(scale, threshold, selection);
            self.tokens += masked.kept.len();
            self.rejected += masked.kept.iter().filter(|kept| !**kept).count();
            self.largest = self.largest.max(masked.shift);
            self.gradient[row].copy_from_slice(masked.step.values());
        }
        let old = policy.clone();
        // The steps of the regions already contain the learning rate.
        policy.ascend(1.0, &self.gradient);
        let moved = batch.groups().map(|group| policy.row_divergence(batch.prompts()[group.start], &old));
        self.divergences.push(mean(&moved.collect::<Vec<_>>()));
        let entropies = (0..task.prompts()).map(|x| task.entropy(x, policy));
        self.entropies.push(mean(&entropies.collect::<Vec<_>>()));
    }
}

/// What a run shows.
struct Run {
    curve: Curve,
    right: f64,
    rejected: f64,
    largest: f64,
    entropies: Vec<f64>,
    divergences: Vec<f64>,
}

/// A training run, or the mean of some.
pub struct Training(Settings);

impl Training {
    fn run(&self, task: &Arms, fault: Option<Fault>, streams: &Streams, run: usize) -> Run {
        let settings = &self.0;
        let masks = settings.algorithm == Algorithm::Capo;
        let algorithm = match fault {
            Some(Fault::NoMask) if masks => Algorithm::Grpo,
            Some(Fault::RandomMask) if masks => Algorithm::Random,
            _ => settings.algorithm,
        };
        let mut policy = Policy::uniform(task);
        let mut learner = Learner {
            grouped: Grouped::new(task, Estimator::GRPO, settings.prompts, settings.group, settings.rate),
            algorithm,
            threshold: if fault == Some(Fault::InfiniteThreshold) { 10.0 } else { settings.threshold },
            inverted: fault == Some(Fault::InvertedSelection),
            stream: streams.stream(&format!("mask {run}")),
            region: Region {
                contexts: vec![Context { features: vec![1.0], policy: vec![0.0; task.width()] }],
                samples: Vec::new(),
            },
            gradient: Rows::zeros(task.rows(), task.width()),
            tokens: 0,
            rejected: 0,
            largest: 0.0,
            entropies: Vec::with_capacity(settings.steps),
            divergences: Vec::with_capacity(settings.steps),
        };
        let mut stream = streams.stream(&format!("rollouts {run}"));
        let curve = train(task, &mut policy, &mut learner, settings.steps, &mut stream);
        let right = task.best().enumerate().filter(|(x, v)| policy.row(*x)[*v] > 0.5).count();
        Run {
            curve,
            right: right as f64 / task.prompts() as f64,
            rejected: learner.rejected as f64 / learner.tokens.max(1) as f64,
            largest: learner.largest,
            entropies: learner.entropies,
            divergences: learner.divergences,
        }
    }
}

impl Measure for Training {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "training";
    const SUMMARY: &'static str = "Trains with large steps on prompts whose verifier is stochastic.";
    const METRICS: &'static [Metric] = &[
        Metric::new("final", "J at the end.").range(0.0, 1.0).higher_is_better(),
        Metric::new("right", "Share of prompts whose best arm has more than half of the probability.")
            .range(0.0, 1.0)
            .higher_is_better(),
        Metric::new("rejected", "Share of tokens dropped.").range(0.0, 1.0).lower_is_better(),
        Metric::new("largest-shift", "Largest predicted shift of a prompt in a step that was applied.")
            .unit("nats")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new(
            "rollouts-to-goal",
            "Rollouts until J, averaged over the runs, reaches the goal; all of them if it never does.",
        )
        .unit("rollouts")
        .range(0.0, f64::INFINITY)
        .lower_is_better(),
    ];
    const FAULTS: &'static [Fault] =
        &[Fault::NoMask, Fault::InvertedSelection, Fault::InfiniteThreshold, Fault::RandomMask];
    const TREATMENTS: &'static [&'static str] = &["algorithm", "rate", "threshold"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { rate, threshold, steps, prompts, group, runs, .. } = settings;
        if !(rate.is_finite() && threshold >= 0.0) {
            return Err(Failure::invalid("needs a finite rate and threshold ≥ 0"));
        }
        if steps == 0 || group == 0 || runs == 0 || !(1..=10).contains(&prompts) {
            return Err(Failure::invalid("needs a step, a response, a run, and 1 ≤ prompts ≤ 10"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let task = prompts();
        let count = self.0.runs as f64;
        let (mut last, mut right, mut rejected, mut largest) = (0.0, 0.0, 0.0, 0.0_f64);
        let mut success = vec![0.0; self.0.steps + 1];
        let (mut entropies, mut divergences) = (vec![0.0; self.0.steps], vec![0.0; self.0.steps]);
        let add = |means: &mut [f64], run: &[f64]| {
            for (mean, value) in means.iter_mut().zip(run) {
                *mean += value / count;
            }
        };
        let mut rollouts = Vec::new();
        for run in 0..self.0.runs {
            let result = self.run(&task, fault, streams, run);
            last += result.curve.last() / count;
            right += result.right / count;
            rejected += result.rejected / count;
            largest = largest.max(result.largest);
            add(&mut success, &result.curve.success);
            add(&mut entropies, &result.entropies);
            add(&mut divergences, &result.divergences);
            rollouts = result.curve.rollouts;
        }
        let reached = success.iter().position(|j| *j >= self.0.goal).unwrap_or(self.0.steps);
        let spent: Vec<f64> = rollouts.iter().map(|n| *n as f64).collect();
        let updated = spent[1..].to_vec();
        // Means of numbers in [0, 1] may leave it by rounding.
        let share = |x: f64| x.clamp(0.0, 1.0);
        Ok(Measurement::new()
            .metric("final", share(last))
            .metric("right", share(right))
            .metric("rejected", share(rejected))
            .metric("largest-shift", largest)
            .metric("rollouts-to-goal", rollouts[reached] as f64)
            .series("entropy", updated.clone(), entropies)
            .series("divergence", updated, divergences)
            .series("success", spent, success))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::tokens::performance;
    use approx::assert_relative_eq;

    #[test]
    fn known_start() {
        let task = prompts();
        assert_relative_eq!(performance(&task, &Policy::uniform(&task)), 0.352_23, epsilon = 5e-6);
        assert_eq!(task.best().collect::<Vec<_>>(), [0, 2, 4, 0, 2, 4, 0, 2, 4, 0]);
    }

    /// Means over 60 runs, against means over 20 runs measured independently.
    #[test]
    fn known_runs() {
        let of = |settings: Settings, fault, metric| {
            let training = Training::prepare(Settings { runs: 60, ..settings }, &Data::default()).unwrap();
            training.replicate(fault, &Streams::from_seed(5)).unwrap().get(metric).unwrap()
        };
        let capo = Settings::default;
        let grpo = || Settings { algorithm: Algorithm::Grpo, ..capo() };
        assert_relative_eq!(of(capo(), None, "final"), 0.7814, epsilon = 0.02);
        assert_relative_eq!(of(grpo(), None, "final"), 0.7342, epsilon = 0.03);
        assert_relative_eq!(of(capo(), Some(Fault::InvertedSelection), "final"), 0.7273, epsilon = 0.03);
        assert_relative_eq!(of(capo(), None, "right"), 0.96, epsilon = 0.04);
        assert_relative_eq!(of(grpo(), None, "right"), 0.82, epsilon = 0.06);
        assert_relative_eq!(of(capo(), None, "rejected"), 0.037, epsilon = 0.006);
        assert_relative_eq!(of(capo(), Some(Fault::RandomMask), "rejected"), 0.102, epsilon = 0.015);
        let moderate = || Settings { rate: 30.0, threshold: 0.2, ..capo() };
        assert_relative_eq!(of(moderate(), None, "rejected"), 0.018, epsilon = 0.005);
        let narrow = Settings { threshold: 0.2, ..capo() };
        assert_relative_eq!(of(narrow, None, "rejected"), 0.071, epsilon = 0.01);
        assert_relative_eq!(of(moderate(), None, "rollouts-to-goal") / 40.0, 26.0, epsilon = 3.0);
        let slow = Settings { rate: 1.0, steps: 400, ..grpo() };
        assert_relative_eq!(of(slow, None, "rollouts-to-goal") / 40.0, 193.0, epsilon = 4.0);
    }
}
