//! Batches of sampled responses, methods that learn from them, and the mean-field limit.

use std::ops::Range;

use super::{Aggregation, Estimator, Policy, Rows, Step, Task};
use crate::kernel::stream::Stream;

/// Sampled responses, in groups that share a prompt. Filled anew at each step of training without
/// allocating again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    steps: Vec<Step>,
    /// For each response, the end of its steps.
    ends: Vec<usize>,
    prompts: Vec<usize>,
    rewards: Vec<f64>,
    /// For each group, the end of its responses.
    groups: Vec<usize>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets all responses.
    pub fn clear(&mut self) {
        self.steps.clear();
        self.ends.clear();
        self.prompts.clear();
        self.rewards.clear();
        self.groups.clear();
    }

    /// Samples a group of `count` responses to a prompt.
    pub fn sample<T: Task>(
        &mut self,
        task: &T,
        prompt: usize,
        count: usize,
        policy: &Policy,
        stream: &mut Stream,
    ) {
        for _ in 0..count {
            let reward = task.respond(prompt, policy, stream, &mut self.steps);
            self.seal(prompt, reward);
        }
        self.close_group();
    }

    /// Adds a response that came from elsewhere to the group being built.
    pub fn push(&mut self, prompt: usize, steps: &[Step], reward: f64) {
        self.steps.extend_from_slice(steps);
        self.seal(prompt, reward);
    }

    fn seal(&mut self, prompt: usize, reward: f64) {
        self.ends.push(self.steps.len());
        self.prompts.push(prompt);
        self.rewards.push(reward);
    }

    /// Ends the group being built; does nothing if it is empty.
    pub fn close_group(&mut self) {
        if self.groups.last().copied().unwrap_or(0) < self.len() {
            self.groups.push(self.len());
        }
    }

    /// Number of responses: the rollouts that the batch costs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no responses.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Number of tokens.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.steps.len()
    }

    /// The prompt of each response.
    #[must_use]
    pub fn prompts(&self) -> &[usize] {
        &self.prompts
    }

    /// The reward of each response.
    #[must_use]
    pub fn rewards(&self) -> &[f64] {
        &self.rewards
    }

    /// The steps of response i.
    #[must_use]
    pub fn steps(&self, i: usize) -> &[Step] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.steps[start..self.ends[i]]
    }

    /// The length of each response, in tokens.
    #[must_use]
    pub fn lengths(&self) -> Vec<usize> {
        (0..self.len()).map(|i| self.steps(i).len()).collect()
    }

    /// The responses of each group, as ranges of their indices.
    pub fn groups(&self) -> impl Iterator<Item = Range<usize>> {
        let starts = std::iter::once(0).chain(self.groups.iter().copied());
        starts.zip(&self.groups).map(|(start, end)| start..*end)
    }

    /// Number of groups whose rewards are all equal.
    #[must_use]
    pub fn degenerate_groups(&self) -> usize {
        self.groups()
            .filter(|group| self.rewards[group.clone()].iter().all(|r| *r == self.rewards[group.start]))
            .count()
    }

    /// The advantages of all responses, each within its group.
    #[must_use]
    pub fn advantages(&self, estimator: Estimator) -> Vec<f64> {
        let mut advantages = vec![0.0; self.len()];
        for group in self.groups() {
            estimator.advantages(&self.rewards[group.clone()], &mut advantages[group]);
        }
        advantages
    }

    /// Adds the on-policy gradient Σᵢ wᵢ Aᵢ ∇ln π(yᵢ), where w is the token weight of the
    /// aggregation: (1/n) Σᵢ Aᵢ ∇ln π(yᵢ) for [`Aggregation::SUM`] and n responses.
    pub fn add_gradient(
        &self,
        policy: &Policy,
        advantages: &[f64],
        aggregation: Aggregation,
        gradient: &mut Rows,
    ) {
        for (i, advantage) in advantages.iter().enumerate().filter(|(_, a)| **a != 0.0) {
            let steps = self.steps(i);
            let weight = advantage * aggregation.weight(steps.len(), self.len(), self.tokens());
            for step in steps {
                policy.add_score(*step, weight, gradient);
            }
        }
    }

    /// Adds Σ slope · ∇ln π(token) over all tokens, with one slope a token, in order: the gradient
    /// with respect to the logits, given that with respect to the log-probabilities.
    pub fn add_scores(&self, policy: &Policy, slopes: &[f64], gradient: &mut Rows) {
        for (step, slope) in self.steps.iter().zip(slopes).filter(|(_, slope)| **slope != 0.0) {
            policy.add_score(*step, *slope, gradient);
        }
    }
}

/// A way to learn: what to sample, and what to do with it.
///
/// A paper's method is a struct with its own state (value trackers, replay buffers, checkpoints)
/// whose two functions are written with the parts of [`Batch`] and [`Policy`].
pub trait Method<T: Task> {
    /// Fills an empty batch: chooses prompts and samples responses to them.
    fn collect(&mut self, task: &T, policy: &Policy, stream: &mut Stream, batch: &mut Batch);
    /// Updates the policy with the batch.
    fn update(&mut self, task: &T, batch: &Batch, policy: &mut Policy);
}

/// Grouped policy gradient: some prompts without replacement, G responses each, advantages within
/// the groups, one ascent step on the mean over all responses. GRPO, RLOO, Dr. GRPO or REINFORCE by
/// choice of the estimator.
#[derive(Clone, Debug)]
pub struct Grouped {
    /// How rewards become advantages.
    pub estimator: Estimator,
    /// Prompts a step; all of them, in order, if there are no more than that.
    pub prompts: usize,
    /// Responses a prompt, G.
    pub group: usize,
    /// Learning rate α.
    pub rate: f64,
    /// How tokens are averaged.
    pub aggregation: Aggregation,
    order: Vec<usize>,
    gradient: Rows,
}

impl Grouped {
    /// With the plain policy gradient (1/n) Σᵢ Σₜ as aggregation.
    #[must_use]
    pub fn new(task: &impl Task, estimator: Estimator, prompts: usize, group: usize, rate: f64) -> Self {
        Self {
            estimator,
            prompts,
            group,
            rate,
            aggregation: Aggregation::SUM,
            order: (0..task.prompts()).collect(),
            gradient: Rows::zeros(task.rows(), task.width()),
        }
    }
}

impl<T: Task> Method<T> for Grouped {
    fn collect(&mut self, task: &T, policy: &Policy, stream: &mut Stream, batch: &mut Batch) {
        let chosen = self.prompts.min(self.order.len());
        if chosen < self.order.len() {
            stream.choose(&mut self.order, chosen);
        }
        for prompt in &self.order[..chosen] {
            batch.sample(task, *prompt, self.group, policy, stream);
        }
    }

    fn update(&mut self, _: &T, batch: &Batch, policy: &mut Policy) {
        self.gradient.clear();
        batch.add_gradient(policy, &batch.advantages(self.estimator), self.aggregation, &mut self.gradient);
        policy.ascend(self.rate, &self.gradient);
    }
}

/// How training went, in units of rollouts.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Rollouts spent: 0, and after each step.
    pub rollouts: Vec<usize>,
    /// J(θ) = mean over prompts of p(x): at the start, and after each step.
    pub success: Vec<f64>,
    /// Groups sampled.
    pub groups: usize,
    /// Groups sampled whose rewards were all equal.
    pub degenerate: usize,
}

impl Curve {
    /// J at the end.
    #[must_use]
    pub fn last(&self) -> f64 {
        self.success[self.success.len() - 1]
    }

    /// Area under J after each step, divided by the number of steps; J at the start if there are
    /// none.
    #[must_use]
    pub fn area(&self) -> f64 {
        match &self.success[1..] {
            [] => self.success[0],
            after => after.iter().sum::<f64>() / after.len() as f64,
        }
    }

    /// Rollouts until J first reaches a threshold; none if it never does.
    #[must_use]
    pub fn rollouts_to(&self, threshold: f64) -> Option<usize> {
        self.success.iter().position(|j| *j >= threshold).map(|i| self.rollouts[i])
    }

    /// Share of the groups whose rewards were all equal; 0 if there were none.
    #[must_use]
    pub fn degenerate_share(&self) -> f64 {
        self.degenerate as f64 / self.groups.max(1) as f64
    }
}

/// J(θ): the mean success rate over prompts.
#[must_use]
pub fn performance<T: Task>(task: &T, policy: &Policy) -> f64 {
    (0..task.prompts()).map(|x| task.success(x, policy)).sum::<f64>() / task.prompts() as f64
}

/// Trains a policy for some steps.
pub fn train<T: Task>(
    task: &T,
    policy: &mut Policy,
    method: &mut impl Method<T>,
    steps: usize,
    stream: &mut Stream,
) -> Curve {
    let mut curve =
        Curve { rollouts: vec![0], success: vec![performance(task, policy)], groups: 0, degenerate: 0 };
    let mut batch = Batch::new();
    let mut rollouts = 0;
    for _ in 0..steps {
        batch.clear();
        method.collect(task, policy, stream, &mut batch);
        method.update(task, &batch, policy);
        rollouts += batch.len();
        curve.rollouts.push(rollouts);
        curve.success.push(performance(task, policy));
        curve.groups += batch.groups().count();
        curve.degenerate += batch.degenerate_groups();
    }
    curve
}

/// One step of training without sampling: θ ← θ + α Σₓ w(x, p(x)) ∇p(x).
///
/// The weight is the sampling probability of the prompt times the scale κ(p) of the estimator
/// ([`super::GradientScale`]). `gradient` is scratch space of the policy's shape.
pub fn expected_step<T: Task>(
    task: &T,
    policy: &mut Policy,
    rate: f64,
    gradient: &mut Rows,
    weight: impl Fn(usize, f64) -> f64,
) {
    gradient.clear();
    for x in 0..task.prompts() {
        task.add_gradient(x, policy, weight(x, task.success(x, policy)), gradient);
    }
    policy.ascend(rate, gradient);
}

#[cfg(test)]
mod tests {
    use super::super::{GradientScale, Skills, wave};
    use super::*;
    use crate::kernel::stream::Streams;
    use approx::assert_relative_eq;

    #[test]
    fn groups_are_kept_apart() {
        let mut batch = Batch::new();
        let steps = [Step { row: 0, token: 1 }, Step { row: 1, token: 0 }];
        for (prompt, rewards) in [(3, vec![1.0, 0.0]), (5, vec![1.0, 1.0, 1.0])] {
            for reward in rewards {
                batch.push(prompt, &steps[..=usize::from(reward == 0.0)], reward);
            }
            batch.close_group();
            batch.close_group();
        }
        assert_eq!(batch.groups().collect::<Vec<_>>(), [0..2, 2..5]);
        assert_eq!(batch.degenerate_groups(), 1);
        assert_eq!(batch.prompts(), [3, 3, 5, 5, 5]);
        assert_eq!(batch.lengths(), [1, 2, 1, 1, 1]);
        assert_eq!(batch.advantages(Estimator::GRPO), [1.0, -1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn the_mean_of_sampled_gradients_is_the_expected_one() {
        let task = Skills::new(3, 2, vec![vec![0, 1]]);
        let policy = Policy::from_fn(&task, |k, v| wave(k, v, 0));
        let mut stream = Streams::from_seed(5).stream("groups");
        let mut mean = Rows::zeros(2, 3);
        let (groups, size) = (20_000, 4);
        for _ in 0..groups {
            let mut batch = Batch::new();
            batch.sample(&task, 0, size, &policy, &mut stream);
            let mut estimate = Rows::zeros(2, 3);
            batch.add_gradient(&policy, &batch.advantages(Estimator::GRPO), Aggregation::SUM, &mut estimate);
            mean.add(1.0 / f64::from(groups), &estimate);
        }
        let mut expected = Rows::zeros(2, 3);
        let scale = GradientScale::of(Estimator::GRPO, size).at(task.success(0, &policy));
        task.add_gradient(0, &policy, scale, &mut expected);
        for (a, b) in mean.values().iter().zip(expected.values()) {
            assert_relative_eq!(a, b, epsilon = 0.006);
        }
    }

    #[test]
    fn training_counts_rollouts_and_learns() {
        let task = Skills::stairs(4, 3);
        let mut policy = Policy::uniform(&task);
        let mut method = Grouped::new(&task, Estimator::Rloo, 2, 8, 4.0);
        let curve = train(&task, &mut policy, &mut method, 150, &mut Streams::from_seed(2).stream("t"));
        assert_eq!(curve.rollouts[150], 150 * 16);
        assert_eq!(curve.groups, 300);
        assert!(curve.last() > 0.9 && curve.area() < curve.last());
        assert!(curve.rollouts_to(0.5).is_some_and(|n| n < 2400));
        assert_eq!(curve.rollouts_to(1.1), None);
    }

    #[test]
    fn the_expected_step_ascends() {
        let task = Skills::stairs(4, 3);
        let mut policy = Policy::uniform(&task);
        let mut gradient = Rows::zeros(3, 4);
        let scale = GradientScale::of(Estimator::GRPO, 8);
        let mut last = performance(&task, &policy);
        for _ in 0..50 {
            expected_step(&task, &mut policy, 0.5, &mut gradient, |_, p| scale.at(p) / 3.0);
            let now = performance(&task, &policy);
            assert!(now > last);
            last = now;
        }
    }
}
