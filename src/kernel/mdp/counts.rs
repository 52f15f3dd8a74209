//! Processes estimated by counting.

use super::{Rows, Visit};
use crate::kernel::math::sum;

/// How often each transition was seen: n(s, a, t).
#[derive(Clone, Debug, PartialEq)]
pub struct Counts {
    actions: usize,
    /// n(s, a, ·) in row s A + a (S A × S).
    counts: Rows,
}

impl Counts {
    /// The counts of visits to S states under A actions; visits to others are not counted.
    #[must_use]
    pub fn of(visits: &[Visit], states: usize, actions: usize) -> Self {
        let mut counts = Rows::zeros(states * actions, states);
        for visit in visits {
            if visit.state < states && visit.action < actions && visit.next < states {
                counts[visit.state * actions + visit.action][visit.next] += 1.0;
            }
        }
        Self { actions, counts }
    }

    /// n(s, a): how often the action was taken there.
    #[must_use]
    pub fn visits(&self, state: usize, action: usize) -> f64 {
        // Sums of whole numbers are exact in any order.
        self.counts[state * self.actions + action].iter().sum()
    }

    /// The maximum-likelihood transitions n(s, a, t)/n(s, a) (S A × S, row s A + a); where nothing was
    /// seen, the distribution that `unseen(s, a)` gives (S).
    pub fn transitions(&self, mut unseen: impl FnMut(usize, usize) -> Vec<f64>) -> Rows {
        let mut estimated = self.counts.clone();
        for row in 0..estimated.count() {
            let (state, action) = (row / self.actions, row % self.actions);
            let total = self.visits(state, action);
            if total > 0.0 {
                estimated[row].iter_mut().for_each(|n| *n /= total);
            } else {
                estimated[row].copy_from_slice(&unseen(state, action));
            }
        }
        estimated
    }

    /// The policy that was followed, (n(s, a) + c)/Σ_b (n(s, b) + c) with a pseudo-count c > 0 (S × A).
    #[must_use]
    pub fn policy(&self, pseudo_count: f64) -> Rows {
        let weight = |s: usize, a: usize| self.visits(s, a) + pseudo_count;
        Rows::from_fn(self.counts.count() / self.actions, self.actions, |s, a| {
            weight(s, a) / sum((0..self.actions).map(|b| weight(s, b)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(state: usize, action: usize, next: usize) -> Visit {
        Visit { state, action, reward: 0.0, next }
    }

    #[test]
    fn shares_of_what_was_seen_and_the_fallback_elsewhere() {
        let visits = [visit(0, 0, 1), visit(0, 0, 1), visit(0, 0, 0), visit(0, 1, 1), visit(7, 0, 0)];
        let counts = Counts::of(&visits, 2, 2);
        assert_eq!((counts.visits(0, 0), counts.visits(0, 1), counts.visits(1, 0)), (3.0, 1.0, 0.0));
        let transitions = counts.transitions(|s, a| vec![0.5 * s as f64, 1.0 - 0.5 * (s * (1 - a)) as f64]);
        assert_eq!(transitions.values(), [1.0 / 3.0, 2.0 / 3.0, 0.0, 1.0, 0.5, 0.5, 0.5, 1.0]);
        let policy = counts.policy(1.0);
        assert_eq!(policy.values(), [4.0 / 6.0, 2.0 / 6.0, 0.5, 0.5]);
    }
}
