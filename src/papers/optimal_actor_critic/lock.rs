//! A combination lock with a tempting wrong action, and trajectories of an expert that errs.
//!
//! In the good state 0 the correct action of step h, (2h + 1) mod A, leads to the good state with
//! probability p; everything else leads to the bad state 1, for good. The correct action of the last step
//! pays 1 in the good state. In the first step action 2 mod A pays a little at once, and loses the rest.

use super::broken;
use crate::{
    kernel::mdp::{Dynamics, Episodic, Rows, greedy},
    papers::leaf::Failure,
};

const GOOD: usize = 0;
const BAD: usize = 1;

/// A lock.
#[derive(Clone, Copy, Debug)]
pub struct Lock {
    /// H ≥ 1.
    pub horizon: usize,
    /// A ≥ 2.
    pub actions: usize,
    /// p ∈ \[0, 1\].
    pub success: f64,
    /// What the tempting action pays, in \[0, 1\].
    pub temptation: f64,
}

impl Lock {
    fn correct(&self, h: usize) -> usize {
        (2 * h + 1) % self.actions
    }

    fn tempting(&self) -> usize {
        2 % self.actions
    }

    /// The process, of two states.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for numbers outside of their ranges.
    pub fn process(&self) -> Result<Episodic, Failure> {
        if self.actions < 2 {
            return Err(Failure::invalid("a lock needs at least two actions"));
        }
        let steps = (0..self.horizon).map(|h| {
            let pass =
                |s: usize, a: usize| if s == GOOD && a == self.correct(h) { self.success } else { 0.0 };
            let moves = Rows::from_fn(2 * self.actions, 2, |row, t| {
                let p = pass(row / self.actions, row % self.actions);
                if t == BAD { 1.0 - p } else { p }
            });
            let rewards = Rows::from_fn(2, self.actions, |s, a| match (s, h) {
                (GOOD, h) if h + 1 == self.horizon && a == self.correct(h) => 1.0,
                (GOOD, 0) if a == self.tempting() => self.temptation,
                _ => 0.0,
            });
            Dynamics::new(moves, rewards)
        });
        let steps = steps.collect::<Result<Vec<Dynamics>, _>>().map_err(|e| broken(&e))?;
        Episodic::new(steps, vec![1.0, 0.0]).map_err(|e| broken(&e))
    }

    /// A policy that takes the best action with probability q, else any; if `tempted`, its first action is
    /// always the tempting one.
    #[must_use]
    pub fn behaviour(&self, process: &Episodic, quality: f64, tempted: bool) -> Vec<Rows> {
        let mut behaviour: Vec<Rows> = process
            .optimal()
            .iter()
            .map(|step| {
                let best = greedy(&step.actions);
                let spread = (1.0 - quality) / self.actions as f64;
                Rows::from_fn(2, self.actions, |s, a| quality * best[s][a] + spread)
            })
            .collect();
        if tempted && let Some(first) = behaviour.first_mut() {
            *first = Rows::from_fn(2, self.actions, |_, a| f64::from(u8::from(a == self.tempting())));
        }
        behaviour
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    const LOCK: Lock = Lock { horizon: 6, actions: 3, success: 0.95, temptation: 0.2 };

    #[test]
    fn known_values() {
        let process = LOCK.process().unwrap();
        let optimum = process.performance(&process.optimal());
        assert_relative_eq!(optimum, 0.773_781, epsilon = 5e-7);
        let uniform = LOCK.behaviour(&process, 0.0, false);
        assert_relative_eq!(process.value(&uniform), 0.067_728, epsilon = 5e-7);
    }

    #[test]
    fn known_coverage() {
        let process = LOCK.process().unwrap();
        let best: Vec<Rows> = process.optimal().iter().map(|step| greedy(&step.actions)).collect();
        let coverage = |quality, tempted| {
            process.concentrability(&best, &LOCK.behaviour(&process, quality, tempted)).unwrap()
        };
        assert_relative_eq!(coverage(0.8, false), 2.360, epsilon = 5e-4);
        assert_relative_eq!(coverage(0.3, false), 43.452, epsilon = 5e-4);
        assert_eq!(coverage(0.8, true), f64::INFINITY);
    }

    #[test]
    fn what_is_no_lock_is_refused() {
        for lock in [
            Lock { horizon: 0, ..LOCK },
            Lock { actions: 1, ..LOCK },
            Lock { success: 1.5, ..LOCK },
            Lock { temptation: f64::NAN, ..LOCK },
        ] {
            assert!(matches!(lock.process(), Err(Failure::Invalid(_))));
        }
    }
}
