//! The bandit with four goals on the line.

use crate::kernel::math::{exp, ln, sum};

/// Where the goals are.
const PLACES: [f64; 4] = [-2.1, -0.7, 0.7, 2.1];
/// What they pay.
const HEIGHTS: [f64; 4] = [0.9, 1.0, 0.8, 0.9];
/// Width of a goal's reward.
const WIDTH: f64 = 0.25;
/// An action this close to a goal hits it.
const NEAR: f64 = 0.4;
/// A goal is hit by a policy if more than this share of its actions hit it.
const SHARE: f64 = 0.05;

/// Four goals g with heights h: the reward of an action a is maxₖ hₖ exp(−(a − gₖ)²/(2 · 0.25²)).
#[derive(Clone, Debug)]
pub struct Goals {
    log_heights: [f64; 4],
}

impl Default for Goals {
    fn default() -> Self {
        Self { log_heights: HEIGHTS.map(ln) }
    }
}

impl Goals {
    /// The reward of an action.
    #[must_use]
    pub fn reward(&self, action: f64) -> f64 {
        let logs = PLACES.iter().zip(self.log_heights).map(|(place, log_height)| {
            let gap = (action - place) / WIDTH;
            log_height - 0.5 * gap * gap
        });
        exp(logs.fold(f64::NEG_INFINITY, f64::max))
    }
}

/// Which goals a policy's actions hit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Hits {
    counts: [usize; 4],
    actions: usize,
}

impl Hits {
    /// Counts the hits of actions.
    pub fn of(actions: &[f64]) -> Self {
        let mut hits = Self { actions: actions.len(), ..Self::default() };
        for action in actions {
            if let Some(k) = PLACES.iter().position(|place| (action - place).abs() < NEAR) {
                hits.counts[k] += 1;
            }
        }
        hits
    }

    /// Number of goals hit by more than 5 % of the actions.
    #[must_use]
    pub fn goals(&self) -> usize {
        self.counts.iter().filter(|n| **n as f64 > SHARE * self.actions as f64).count()
    }

    /// Entropy of the distribution of hits over goals, in nats; 0 if nothing is hit.
    #[must_use]
    pub fn entropy(&self) -> f64 {
        let total: usize = self.counts.iter().sum();
        let shares = self.counts.iter().filter(|n| **n > 0).map(|n| *n as f64 / total as f64);
        sum(shares.map(|p| -p * ln(p)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn goals_pay_their_heights() {
        let goals = Goals::default();
        assert_relative_eq!(goals.reward(-0.7), 1.0, epsilon = 1e-6);
        assert_relative_eq!(goals.reward(0.7), 0.8, epsilon = 1e-6);
        assert_relative_eq!(goals.reward(2.35), 0.9 * exp(-0.5), epsilon = 1e-12);
    }

    #[test]
    fn hits_are_counted_and_spread() {
        let hits = Hits::of(&[-2.0, -2.2, 0.6, 0.0]);
        assert_eq!(hits.goals(), 2);
        assert_relative_eq!(hits.entropy(), ln(3.0) - 2.0 / 3.0 * ln(2.0), epsilon = 1e-15);
        assert_eq!(Hits::of(&[0.0]).entropy(), 0.0);
        assert_eq!((Hits::of(&[]).goals(), Hits::of(&[]).entropy()), (0, 0.0));
    }
}
