//! The combination lock, and what is stored about it.

use crate::kernel::{
    stream::Stream,
    tokens::{Policy, Rows, Step},
};

/// A lock of H steps and A actions. At step h the action (2h + 1) mod A is right: it keeps a good state
/// good. Any other makes it bad, for good. The right action in the good state of the last step pays 1; at
/// the first step the action after the right one, which tempts, pays `side`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lock {
    /// H ≥ 1.
    pub horizon: usize,
    /// A ≥ 2.
    pub actions: usize,
    /// Reward of the tempting first action.
    pub side: f64,
}

/// The state at each step, and what was done in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trajectory {
    /// Whether the state is good, at each of H steps.
    pub good: Vec<bool>,
    /// The action of each of H steps.
    pub actions: Vec<usize>,
}

impl Trajectory {
    /// The rows of a policy that it visits, each with what was done there.
    pub fn steps(&self) -> impl Iterator<Item = Step> + '_ {
        let visited = self.good.iter().zip(&self.actions).enumerate();
        visited.map(|(h, (good, action))| Step { row: Lock::row(h, *good), token: *action })
    }
}

impl Lock {
    /// The right action at step h.
    #[must_use]
    pub fn right(&self, h: usize) -> usize {
        (2 * h + 1) % self.actions
    }

    /// The tempting action of the first step.
    #[must_use]
    pub fn tempting(&self) -> usize {
        (self.right(0) + 1) % self.actions
    }

    /// Rows of a policy: one for each step and state, 2H.
    #[must_use]
    pub fn rows(&self) -> usize {
        2 * self.horizon
    }

    /// The row of a state at step h.
    #[must_use]
    pub fn row(h: usize, good: bool) -> usize {
        2 * h + usize::from(!good)
    }

    /// Whether the next state is good.
    #[must_use]
    pub fn stays_good(&self, h: usize, good: bool, action: usize) -> bool {
        good && action == self.right(h)
    }

    /// r(h, s, a) for every row and action (2H × A).
    #[must_use]
    pub fn rewards(&self) -> Rows {
        let mut rewards = Rows::zeros(self.rows(), self.actions);
        let last = self.horizon - 1;
        rewards[Self::row(last, true)][self.right(last)] = 1.0;
        rewards[Self::row(0, true)][self.tempting()] += self.side;
        rewards
    }

    /// The uniform policy.
    #[must_use]
    pub fn uniform(&self) -> Policy {
        Policy::new(Rows::zeros(self.rows(), self.actions))
    }

    /// Expected return from the start, ∏_h π(right|h, good) + side · π(tempting|0, good).
    #[must_use]
    pub fn value(&self, policy: &Policy) -> f64 {
        let right: f64 = (0..self.horizon).map(|h| policy.row(Self::row(h, true))[self.right(h)]).product();
        right + self.side * policy.row(Self::row(0, true))[self.tempting()]
    }

    /// A stored trajectory: at each step the right action with probability `quality`, else a uniform
    /// one; at the step `never`, if any, a uniform one among the wrong.
    pub fn store(&self, quality: f64, never: Option<usize>, stream: &mut Stream) -> Trajectory {
        let mut stored = Trajectory::default();
        let mut good = true;
        for h in 0..self.horizon {
            let wanted = stream.bernoulli(quality);
            let any = stream.below(self.actions);
            let action = if never == Some(h) {
                let wrong = stream.below(self.actions - 1);
                wrong + usize::from(wrong >= self.right(h))
            } else if wanted {
                self.right(h)
            } else {
                any
            };
            stored.good.push(good);
            stored.actions.push(action);
            good = self.stays_good(h, good, action);
        }
        stored
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;
    use crate::kernel::{
        math::powi,
        mdp::{Dynamics, Episodic},
        stream::Streams,
        tokens::wave,
    };

    const LOCK: Lock = Lock { horizon: 8, actions: 3, side: 0.0 };

    #[test]
    fn the_uniform_policy_hardly_ever_opens_the_lock() {
        assert_relative_eq!(LOCK.value(&LOCK.uniform()), 1.0 / 6561.0, epsilon = 1e-18);
        let tempting = Lock { side: 0.5, ..LOCK };
        assert_relative_eq!(tempting.value(&tempting.uniform()), 1.0 / 6561.0 + 1.0 / 6.0, epsilon = 1e-16);
    }

    /// The lock as a process with the states good = 0 and bad = 1, solved by backward induction.
    #[test]
    fn the_value_is_that_of_backward_induction() {
        for (horizon, actions) in [(1, 2), (2, 3), (4, 2), (5, 4)] {
            let lock = Lock { horizon, actions, side: 0.5 };
            let rewards = lock.rewards();
            let steps = (0..horizon)
                .map(|h| {
                    let transitions = Rows::from_fn(2 * actions, 2, |pair, next| {
                        let good = lock.stays_good(h, pair / actions == 0, pair % actions);
                        f64::from(u8::from(good == (next == 0)))
                    });
                    Dynamics::new(transitions, Rows::from_fn(2, actions, |s, a| rewards[2 * h + s][a]))
                        .unwrap()
                })
                .collect();
            let process = Episodic::new(steps, vec![1.0, 0.0]).unwrap();
            let policy = Policy::new(Rows::from_fn(lock.rows(), actions, |n, a| wave(n, a, 0)));
            let tables: Vec<Rows> =
                (0..horizon).map(|h| Rows::from_fn(2, actions, |s, a| policy.row(2 * h + s)[a])).collect();
            let known = process.performance(&process.evaluate(&tables).unwrap());
            assert_relative_eq!(lock.value(&policy), known, epsilon = 1e-14);
        }
    }

    #[test]
    fn stored_trajectories_stay_good_as_often_as_expected() {
        let mut stream = Streams::from_seed(1).stream("stored");
        let stored: Vec<Trajectory> = (0..20_000).map(|_| LOCK.store(0.6, None, &mut stream)).collect();
        for h in [0, 1, 4, 7] {
            let share = stored.iter().filter(|t| t.good[h]).count() as f64 / 20_000.0;
            assert!((share - powi(0.6 + 0.4 / 3.0, h as u32)).abs() < 0.015);
        }
        let never: Vec<Trajectory> = (0..200).map(|_| LOCK.store(0.6, Some(4), &mut stream)).collect();
        assert!(never.iter().all(|t| t.actions[4] != LOCK.right(4) && !t.good[5]));
    }
}
