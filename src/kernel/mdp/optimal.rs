//! Optimal values by policy iteration.

use super::{Evaluation, Mdp, MdpError, Rows};
use crate::kernel::math::sum;

/// An action replaces another only if it is better by more than this, relative to the largest
/// action value over 1 − γ (the condition of the linear system): what is less is rounding.
const STRICTLY: f64 = 1e-14;

/// Index of the largest entry, the lowest one among ties; 0 for an empty slice.
#[must_use]
pub fn argmax(values: &[f64]) -> usize {
    let Some((first, rest)) = values.split_first() else { return 0 };
    let larger =
        |best: (usize, f64), next: (usize, &f64)| if *next.1 > best.1 { (next.0, *next.1) } else { best };
    (1..).zip(rest).fold((0, *first), larger).0
}

/// The deterministic policy (S × A) that takes these actions, one a state.
#[must_use]
pub fn deterministic(chosen: &[usize], actions: usize) -> Rows {
    Rows::from_fn(chosen.len(), actions, |s, a| f64::from(u8::from(a == chosen[s])))
}

/// The policy (S × A) that takes the largest entry of each row of Q, the lowest action among ties.
#[must_use]
pub fn greedy(actions: &Rows) -> Rows {
    let chosen: Vec<usize> = actions.iter().map(argmax).collect();
    deterministic(&chosen, actions.width())
}

impl Mdp {
    /// V* and Q*, and an optimal deterministic policy as the actions it takes, one a state.
    ///
    /// Howard's policy iteration: evaluate exactly, and change the action wherever another one is
    /// strictly better. Each policy is better than the last, so it ends; then Q ≤ V holds up to
    /// rounding, which is Bellman's optimality equation. Source: Puterman, Markov Decision Processes
    /// (1994), section 6.4.
    ///
    /// # Errors
    /// See [`Mdp::evaluate`].
    pub fn optimal(&self) -> Result<(Evaluation, Vec<usize>), MdpError> {
        let mut chosen = vec![0; self.states()];
        let mut before = f64::NEG_INFINITY;
        loop {
            let evaluation = self.evaluate(&deterministic(&chosen, self.actions()))?;
            let total = sum(evaluation.values.iter().copied());
            // Where rounding alone moved the values, following it could go round in circles.
            if total <= before {
                return Ok((evaluation, chosen));
            }
            before = total;
            let largest = evaluation.actions.values().iter().fold(0.0_f64, |most, q| most.max(q.abs()));
            let rounding = STRICTLY * largest / (1.0 - self.discount());
            let mut improved = false;
            for (s, row) in evaluation.actions.iter().enumerate() {
                let best = argmax(row);
                if row[best] > row[chosen[s]] + rounding {
                    chosen[s] = best;
                    improved = true;
                }
            }
            if !improved {
                return Ok((evaluation, chosen));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::mdp::{Shape, instances};

    #[test]
    fn the_lowest_of_equal_actions_wins() {
        assert_eq!(argmax(&[1.0, 2.0, 2.0]), 1);
        assert_eq!(argmax(&[]), 0);
        let tied = greedy(&Rows::from_fn(2, 2, |s, a| if s == 0 { 0.0 } else { a as f64 }));
        assert_eq!(tied.values(), [1.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn waiting_for_a_distant_reward_depends_on_the_discount() {
        // State 0: take 1 now and stop, or go to state 1, which pays 2. State 2 is the end.
        let best = |discount: f64| {
            let to = |t: usize| move |u: usize| f64::from(u8::from(u == t));
            let next = [to(2), to(1), to(2), to(2), to(2), to(2)];
            let process = Mdp::new(
                Rows::from_fn(6, 3, |row, t| next[row](t)),
                Rows::from_fn(3, 2, |s, a| [[1.0, 0.0], [2.0, 2.0], [0.0, 0.0]][s][a]),
                vec![1.0, 0.0, 0.0],
                discount,
            );
            process.unwrap().optimal().unwrap()
        };
        assert_eq!(best(0.4).1[0], 0);
        assert_eq!(best(0.6).1[0], 1);
        assert_relative_eq!(best(0.6).0.values[0], 1.2, epsilon = 1e-15);
    }

    proptest! {
        #[test]
        fn no_deterministic_policy_is_better(
            wild in instances(Shape { states: (1, 4), actions: (1, 3), discount: (0.0, 0.99) }),
        ) {
            let (process, _) = wild.build().unwrap();
            let (states, actions) = (process.states(), process.actions());
            let optimal = process.optimal().unwrap().0.values;
            let mut best = vec![f64::NEG_INFINITY; states];
            for index in 0..actions.pow(states as u32) {
                let chosen: Vec<usize> =
                    (0..states).map(|s| index / actions.pow(s as u32) % actions).collect();
                let values = process.evaluate(&deterministic(&chosen, actions)).unwrap().values;
                for (b, v) in best.iter_mut().zip(&values) {
                    *b = b.max(*v);
                }
            }
            for (v, b) in optimal.iter().zip(&best) {
                prop_assert!((v - b).abs() < 1e-9, "{v} against {b}");
            }
        }
    }
}
