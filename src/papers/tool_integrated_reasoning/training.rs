//! Learning when to call, with exact success rates and call positions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    shaping::{Response, Shaping, aspo, correctness_advantages, shaped_rewards},
};
use crate::{
    kernel::{
        stream::{Stream, Streams},
        tokens::{Aggregation, Batch, Next, Policy, Rows, Step, Task},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

const THINK: usize = 0;
const CALL: usize = 1;
const TEXT: usize = 2;

/// One prompt and T steps. THINK goes on; CALL at step t ends the response with a right answer with
/// probability s_call(t), TEXT with s_text(t); T times THINK is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolUse {
    call: Vec<f64>,
    text: Vec<f64>,
}

impl Task for ToolUse {
    fn prompts(&self) -> usize {
        1
    }

    fn rows(&self) -> usize {
        self.call.len()
    }

    fn width(&self) -> usize {
        3
    }

    fn next(&self, _: usize, prefix: &[Step]) -> Next {
        match prefix.last() {
            Some(Step { row, token: CALL }) => Next::Chance(self.call[*row]),
            Some(Step { row, token: TEXT }) => Next::Chance(self.text[*row]),
            _ if prefix.len() == self.call.len() => Next::Reward(0.0),
            _ => Next::Token(prefix.len()),
        }
    }
}

/// What a policy does, exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Habits {
    /// Success rate.
    pub success: f64,
    /// Probability of a call.
    pub call_rate: f64,
    /// Σ_t t · Pr(call at t).
    position: f64,
}

impl Habits {
    /// The habits of a policy, by one pass over the steps.
    #[must_use]
    pub fn of(task: &ToolUse, policy: &Policy) -> Self {
        let mut habits = Self::default();
        let mut reach = 1.0;
        for t in 0..task.rows() {
            let row = policy.row(t);
            habits.success += reach * (row[CALL] * task.call[t] + row[TEXT] * task.text[t]);
            habits.call_rate += reach * row[CALL];
            habits.position += reach * row[CALL] * t as f64;
            reach *= row[THINK];
        }
        habits
    }

    /// Mean position of the call, given that there is one; none for a policy that never calls.
    #[must_use]
    pub fn call_position(&self) -> Option<f64> {
        (self.call_rate > 0.0).then(|| self.position / self.call_rate)
    }
}

/// Which task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Environment {
    /// Four steps, uniform start; a call at once is less accurate (0.6 against 0.9), text is poor.
    Trade,
    /// Six steps, a start that thinks; calls and text are right with probability 0.8 at any time.
    Neutral,
}

impl Environment {
    fn task(self) -> ToolUse {
        match self {
            Self::Trade => ToolUse { call: vec![0.6, 0.9, 0.9, 0.9], text: vec![0.05, 0.10, 0.15, 0.20] },
            Self::Neutral => ToolUse { call: vec![0.8; 6], text: vec![0.8; 6] },
        }
    }

    fn start(self, task: &ToolUse) -> Policy {
        let think = match self {
            Self::Trade => 0.0,
            Self::Neutral => 2.0,
        };
        Policy::from_fn(task, |_, token| if token == THINK { think } else { 0.0 })
    }
}

/// How rewards become advantages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// GRPO on correctness.
    Grpo,
    /// GRPO with shaped advantages.
    Aspo,
    /// GRPO with shaped rewards.
    RewardShaping,
}

/// Settings of training.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The task.
    pub environment: Environment,
    /// How rewards become advantages.
    pub algorithm: Algorithm,
    /// δ; negative for early calls.
    pub delta: f64,
    /// k ∈ \[0, 1).
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub bound: f64,
    /// Steps of training.
    #[schemars(range(min = 1, max = 100_000))]
    pub steps: usize,
    /// Responses a step, G.
    #[schemars(range(min = 2, max = 10_000))]
    pub group: usize,
    /// Learning rate α.
    #[schemars(range(min = 0.0))]
    pub rate: f64,
    /// Runs of training in a replicate, whose ends are averaged.
    #[schemars(range(min = 1, max = 1_000))]
    pub runs: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            environment: Environment::Trade,
            algorithm: Algorithm::Aspo,
            delta: -0.3,
            bound: 0.7,
            steps: 300,
            group: 16,
            rate: 0.25,
            runs: 1,
        }
    }
}

/// Training of a policy that may call a tool.
pub struct Training {
    settings: Settings,
    task: ToolUse,
}

/// Points of a curve.
const POINTS: usize = 50;

impl Measure for Training {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "training";
    const SUMMARY: &'static str =
        "Training of when to call a tool, by GRPO with or without a bonus for early calls.";
    const METRICS: &'static [Metric] = &[
        Metric::new("success", "Exact success rate at the end.").range(0.0, 1.0).higher_is_better(),
        Metric::new("call-rate", "Exact probability of a call at the end.").range(0.0, 1.0),
        Metric::new("call-position", "Exact mean position of the call at the end, given that there is one.")
            .unit("step")
            .range(0.0, 5.0),
    ];
    const FAULTS: &'static [Fault] =
        &[Fault::NoCorrectnessGate, Fault::SignOfDelta, Fault::KZero, Fault::NoClip];
    const TREATMENTS: &'static [&'static str] = &["algorithm", "delta", "bound"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if !settings.delta.is_finite() || !(0.0..1.0).contains(&settings.bound) {
            return Err(Failure::invalid(
                "expected a finite delta, and a bound of at least 0 and less than 1",
            ));
        }
        Ok(Self { task: settings.environment.task(), settings })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let runs = self.settings.runs as f64;
        let (mut steps, mut success, mut position) = (Vec::new(), Vec::new(), Vec::new());
        let (mut last, mut call_position) = (Habits::default(), 0.0);
        for run in 0..self.settings.runs {
            let curve = self.train(fault, &mut streams.stream(&format!("rollouts of run {run}")));
            steps = curve.iter().map(|(step, _)| *step as f64).collect();
            success.resize(curve.len(), 0.0);
            position.resize(curve.len(), 0.0);
            for (i, (_, habits)) in curve.iter().enumerate() {
                success[i] += habits.success / runs;
                position[i] += called(habits)? / runs;
            }
            if let Some((_, end)) = curve.last() {
                last.success += end.success / runs;
                last.call_rate += end.call_rate / runs;
                call_position += called(end)? / runs;
            }
        }
        Ok(Measurement::new()
            .metric("success", last.success.min(1.0))
            .metric("call-rate", last.call_rate.min(1.0))
            .metric("call-position", call_position)
            .series("success", steps.clone(), success)
            .series("call-position", steps, position))
    }
}

fn called(habits: &Habits) -> Result<f64, Failure> {
    habits.call_position().ok_or_else(|| Failure::numerical("the policy never calls"))
}

impl Training {
    /// Trains once; returns habits at about [`POINTS`] steps, the last one included.
    fn train(&self, fault: Option<Fault>, stream: &mut Stream) -> Vec<(usize, Habits)> {
        let Settings { steps, group, rate, .. } = self.settings;
        let mut policy = self.settings.environment.start(&self.task);
        let mut gradient = Rows::zeros(self.task.rows(), self.task.width());
        let mut batch = Batch::new();
        let mut curve = vec![(0, Habits::of(&self.task, &policy))];
        for step in 1..=steps {
            batch.clear();
            batch.sample(&self.task, 0, group, &policy, stream);
            let advantages = self.advantages(&batch, fault);
            gradient.clear();
            batch.add_gradient(&policy, &advantages, Aggregation::SUM, &mut gradient);
            policy.ascend(rate, &gradient);
            if step % steps.div_ceil(POINTS) == 0 || step == steps {
                curve.push((step, Habits::of(&self.task, &policy)));
            }
        }
        curve
    }

    fn advantages(&self, batch: &Batch, fault: Option<Fault>) -> Vec<f64> {
        let group: Vec<Response> = (0..batch.len()).map(|i| response(batch, i)).collect();
        let shaping = Shaping { delta: self.settings.delta, bound: self.settings.bound };
        match self.settings.algorithm {
            Algorithm::Grpo => correctness_advantages(&group, None),
            Algorithm::Aspo => aspo(&group, shaping, fault),
            Algorithm::RewardShaping => shaped_rewards(&group, shaping.delta, None),
        }
    }
}

fn response(batch: &Batch, i: usize) -> Response {
    let steps = batch.steps(i);
    let first_call = steps.iter().position(|step| step.token == CALL).map(|t| t as u32);
    Response { correct: batch.rewards()[i] > 0.5, length: steps.len() as u32, first_call }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn habits_are_those_of_the_enumeration() {
        for environment in [Environment::Trade, Environment::Neutral] {
            let task = environment.task();
            let policy = Policy::from_fn(&task, |t, v| 0.3 * t as f64 - 0.5 * v as f64);
            let habits = Habits::of(&task, &policy);
            assert_relative_eq!(habits.success, task.success(0, &policy), epsilon = 1e-15);
            let (mut rate, mut position) = (0.0, 0.0);
            task.enumerate(0, &policy, &mut |y| {
                if let Some(t) = y.steps.iter().position(|step| step.token == CALL) {
                    rate += y.probability;
                    position += y.probability * t as f64;
                }
            });
            assert_relative_eq!(habits.call_rate, rate, epsilon = 1e-15);
            assert_relative_eq!(habits.call_position().unwrap(), position / rate, epsilon = 1e-14);
        }
    }

    #[test]
    fn a_policy_that_never_calls_has_no_position() {
        let task = Environment::Trade.task();
        let policy = Policy::from_fn(&task, |_, v| if v == CALL { -1e9 } else { 0.0 });
        assert_eq!(Habits::of(&task, &policy).call_position(), None);
    }

    /// Means over twenty runs, with their standard deviations: success and call position.
    #[test]
    fn training_ends_where_it_is_known_to_end() {
        let measure = |environment, algorithm, delta, steps| {
            let settings = Settings { environment, algorithm, delta, steps, runs: 20, ..Settings::default() };
            let training = Training::prepare(settings, &Data::default()).unwrap();
            let measured = training.replicate(None, &Streams::from_seed(11)).unwrap();
            ["success", "call-position", "call-rate"].map(|name| measured.get(name).unwrap())
        };
        let trade = |algorithm| measure(Environment::Trade, algorithm, -0.3, 300);
        assert_relative_eq!(trade(Algorithm::Grpo)[0], 0.891, epsilon = 0.002);
        assert_relative_eq!(trade(Algorithm::Aspo)[0], 0.883, epsilon = 0.02);
        assert_relative_eq!(trade(Algorithm::RewardShaping)[0], 0.645, epsilon = 0.07);
        let neutral = |algorithm, delta| measure(Environment::Neutral, algorithm, delta, 200);
        let [success, position, rate] = neutral(Algorithm::Grpo, -0.4);
        assert_relative_eq!(success, 0.7963, epsilon = 0.002);
        assert_relative_eq!(position, 0.759, epsilon = 0.2);
        assert_relative_eq!(rate, 0.476, epsilon = 0.12);
        let [success, position, rate] = neutral(Algorithm::Aspo, -0.4);
        assert_relative_eq!(success, 0.7980, epsilon = 0.001);
        assert_relative_eq!(position, 0.108, epsilon = 0.04);
        assert_relative_eq!(rate, 0.704, epsilon = 0.1);
        assert_relative_eq!(neutral(Algorithm::Aspo, 0.4)[1], 1.847, epsilon = 0.2);
    }
}
