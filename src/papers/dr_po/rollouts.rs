//! One iteration of the loop: roll-outs from the data or from the beginning, and a mirror step.

use super::{
    Fault,
    lock::{Lock, Trajectory},
};
use crate::kernel::{
    stream::{Stream, Streams},
    tokens::{Policy, Rows, Step},
};

/// Where roll-outs begin.
#[derive(Clone, Copy, Debug)]
pub enum Starts<'a> {
    /// At the beginning: the ordinary loop, which has no data.
    Beginning,
    /// With probability β in a state of a stored trajectory, else at the beginning.
    Dataset {
        /// The stored trajectories; not empty.
        stored: &'a [Trajectory],
        /// β.
        reset: f64,
    },
}

/// What an iteration needs beside the policy.
pub struct Learner<'a> {
    /// The lock.
    pub lock: Lock,
    /// The reward that is learned from, by row and action (2H × A).
    pub rewards: &'a Rows,
    /// Where roll-outs begin.
    pub starts: Starts<'a>,
    /// Roll-outs an iteration.
    pub rollouts: usize,
    /// η.
    pub rate: f64,
    /// The mistake that is made, if any.
    pub fault: Option<Fault>,
}

/// The random numbers of a run, by what they are for.
pub struct Draws {
    resets: Stream,
    steps: Stream,
    actions: Stream,
}

impl Draws {
    /// The streams of a replicate.
    #[must_use]
    pub fn of(streams: &Streams) -> Self {
        let stream = |label| streams.stream(label);
        Self { resets: stream("resets"), steps: stream("steps"), actions: stream("actions") }
    }
}

/// What a roll-out tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rollout {
    /// Where it explored, and the action that it tried there.
    pub first: Step,
    /// G, the return from there on.
    pub returned: f64,
    /// Actions that were sampled, those of the roll-in included.
    pub sampled: usize,
}

impl Learner<'_> {
    /// The stored trajectory to which the next roll-out is reset, if it is.
    fn reset(&self, draws: &mut Draws) -> Option<&Trajectory> {
        let Starts::Dataset { stored, reset } = self.starts else { return None };
        let chance = match self.fault {
            Some(Fault::NoReset) => 0.0,
            Some(Fault::IgnoredMixture) => 1.0,
            _ => reset,
        };
        draws.resets.bernoulli(chance).then(|| &stored[draws.resets.below(stored.len())])
    }

    /// A roll-out that explores at step `start`: a uniform action there, and π_t from then on.
    pub fn roll_out(&self, policy: &Policy, start: usize, draws: &mut Draws) -> Rollout {
        let lock = &self.lock;
        let mut sampled = 0;
        let mut good = true;
        if let Some(stored) = self.reset(draws) {
            good = stored.good[start];
        } else {
            for h in 0..start {
                let action = policy.draw(Lock::row(h, good), &mut draws.actions);
                good = lock.stays_good(h, good, action);
                sampled += 1;
            }
        }
        let first = Step { row: Lock::row(start, good), token: draws.actions.below(lock.actions) };
        sampled += 1;
        let mut returned = self.rewards[first.row][first.token];
        good = lock.stays_good(start, good, first.token);
        for h in start + 1..lock.horizon {
            let row = Lock::row(h, good);
            let action = policy.draw(row, &mut draws.actions);
            sampled += 1;
            returned += self.rewards[row][action];
            good = lock.stays_good(h, good, action);
        }
        Rollout { first, returned, sampled }
    }

    /// One iteration: roll-outs from uniform steps, then logits += η · advantage.
    pub fn iterate(&self, policy: &mut Policy, draws: &mut Draws) {
        let mut sums = Rows::zeros(self.lock.rows(), self.lock.actions);
        let mut counts = sums.clone();
        for _ in 0..self.rollouts {
            let start = draws.steps.below(self.lock.horizon);
            let Rollout { first, returned, .. } = self.roll_out(policy, start, draws);
            sums[first.row][first.token] += returned;
            counts[first.row][first.token] += 1.0;
        }
        policy.ascend(self.rate, &advantages(&sums, &counts));
    }

    /// The policy after some iterations from the uniform one.
    #[must_use]
    pub fn train(&self, iterations: usize, mut draws: Draws) -> Policy {
        let mut policy = self.lock.uniform();
        for _ in 0..iterations {
            self.iterate(&mut policy, &mut draws);
        }
        policy
    }

    /// The value of the uniform policy, and then that after each iteration, for ever.
    pub fn values(&self, mut draws: Draws) -> impl Iterator<Item = f64> {
        let mut policy = self.lock.uniform();
        let uniform = self.lock.value(&policy);
        std::iter::once(uniform).chain(std::iter::repeat_with(move || {
            self.iterate(&mut policy, &mut draws);
            self.lock.value(&policy)
        }))
    }
}

/// Q̂(x, a), the mean return of the roll-outs that began with a in x, less the mean over all that began
/// in x; 0 for a pair that was not tried, which would otherwise be pushed away from the tried ones.
/// `sums` of returns and `counts` of roll-outs are by row and action, and so is the result.
#[must_use]
pub fn advantages(sums: &Rows, counts: &Rows) -> Rows {
    let means: Vec<f64> = sums
        .iter()
        .zip(counts.iter())
        .map(|(sum, count)| sum.iter().sum::<f64>() / count.iter().sum::<f64>().max(1.0))
        .collect();
    Rows::from_fn(sums.count(), sums.width(), |row, a| {
        if counts[row][a] == 0.0 { 0.0 } else { sums[row][a] / counts[row][a] - means[row] }
    })
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;

    /// The mean return of roll-outs from the data is the action value of the stored state.
    #[test]
    fn roll_outs_from_the_data_estimate_action_values() {
        let lock = Lock { horizon: 3, actions: 2, side: 0.0 };
        let rewards = lock.rewards();
        let stored = [Trajectory { good: vec![true, true, false], actions: vec![1, 1, 0] }];
        let starts = Starts::Dataset { stored: &stored, reset: 1.0 };
        let learner = Learner { lock, rewards: &rewards, starts, rollouts: 1, rate: 1.0, fault: None };
        let policy = Policy::new(Rows::from_fn(6, 2, |_, a| a as f64));
        let mut draws = Draws::of(&Streams::from_seed(4));
        let mut totals = [0.0; 2];
        let mut counts = [0.0; 2];
        for _ in 0..20_000 {
            let rollout = learner.roll_out(&policy, 1, &mut draws);
            assert_eq!((rollout.first.row, rollout.sampled), (2, 2));
            totals[rollout.first.token] += rollout.returned;
            counts[rollout.first.token] += 1.0;
        }
        // The right action of every step is 1, and the policy takes it with probability e/(1 + e).
        assert_eq!(totals[0], 0.0);
        assert_relative_eq!(totals[1] / counts[1], 1.0 / (1.0 + (-1.0_f64).exp()), epsilon = 0.02);
        let bad = learner.roll_out(&policy, 2, &mut draws);
        assert_eq!((bad.first.row, bad.returned), (5, 0.0));
    }

    #[test]
    fn what_was_not_tried_stays_where_it_is() {
        let sums = Rows::from_fn(2, 3, |row, a| if row == 0 && a == 0 { 1.0 } else { 0.0 });
        let counts = Rows::from_fn(2, 3, |row, a| [[2.0, 1.0, 0.0], [0.0, 1.0, 0.0]][row][a]);
        let known = Rows::from_fn(2, 3, |row, a| [[0.5 - 1.0 / 3.0, -1.0 / 3.0, 0.0], [0.0; 3]][row][a]);
        assert_relative_eq!(advantages(&sums, &counts).largest_difference(&known), 0.0, epsilon = 1e-15);
    }
}
