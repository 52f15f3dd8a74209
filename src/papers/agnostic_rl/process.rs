//! Processes of H layers, and the values of deterministic policies on them.

use super::{
    class::{Class, Family, Policy, Size},
    invalid,
};
use crate::{
    kernel::mdp::{Dynamics, Episodic, Rows},
    papers::leaf::Failure,
};

/// Number of actions of the reference process.
pub const ACTIONS: usize = 2;

/// Longest episodes of the experiments: so many that the weight 2ᴴ stays a reasonable number.
const LONGEST: usize = 20;

/// Most states a layer of the experiments.
const MOST_STATES: usize = 64;

/// The reference process with H layers of n states, shifted by c; see [`super`].
///
/// # Errors
/// [`Failure::Invalid`] for fewer than one or more than 20 layers, or 64 states.
pub fn reference(horizon: usize, states: usize, shift: usize) -> Result<Episodic, Failure> {
    if !(1..=LONGEST).contains(&horizon) || !(1..=MOST_STATES).contains(&states) {
        return Err(Failure::invalid(format!(
            "there must be 1 to {LONGEST} layers, of 1 to {MOST_STATES} states"
        )));
    }
    let shift = shift % 42; // The residues modulo 6 and 7 are all that matters.
    let layer = |h: usize| {
        let weight = |s: usize, a: usize, t: usize| {
            let root = 1 + (3 * h + 5 * s + 7 * a + 2 * t + s * t + a * t * t + shift) % 6;
            (root * root) as f64
        };
        let transitions = Rows::from_fn(states * ACTIONS, states, |pair, t| {
            let (s, a) = (pair / ACTIONS, pair % ACTIONS);
            let total: f64 = (0..states).map(|t| weight(s, a, t)).sum();
            weight(s, a, t) / total
        });
        let rewards = Rows::from_fn(states, ACTIONS, |s, a| {
            ((2 * h + 3 * s + 5 * a + s * a + shift) % 7) as f64 / (6 * horizon) as f64
        });
        Dynamics::new(transitions, rewards).map_err(|e| invalid(&e))
    };
    let steps = (0..horizon).map(layer).collect::<Result<_, _>>()?;
    let start = (0..states).map(|s| f64::from(u8::from(s == 0))).collect();
    Episodic::new(steps, start).map_err(|e| invalid(&e))
}

/// A process, a class on it, and the values of its policies.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The process.
    pub process: Episodic,
    /// Π.
    pub class: Class,
    /// V(π), policy after policy.
    pub values: Vec<f64>,
}

impl Problem {
    /// A class on a process.
    ///
    /// # Errors
    /// [`Failure::Invalid`] if they differ in layers, states or actions.
    pub fn new(process: Episodic, class: Class) -> Result<Self, Failure> {
        let first = &process.steps()[0];
        let size = Size { horizon: process.horizon(), states: first.states(), actions: first.actions() };
        if class.size() != size {
            return Err(Failure::invalid(format!(
                "the process has {} layers, {} states and {} actions, but the policies do not",
                size.horizon, size.states, size.actions
            )));
        }
        let values = class.policies().iter().map(|policy| value(&process, policy)).collect();
        Ok(Self { process, class, values })
    }

    /// Policies with at most `ones` ones on the reference process.
    ///
    /// # Errors
    /// See [`reference()`] and [`Class::named`].
    pub fn reference(horizon: usize, states: usize, shift: usize, ones: usize) -> Result<Self, Failure> {
        let process = reference(horizon, states, shift)?;
        let class = Class::named(Family::AtMost, ones, Size { horizon, states, actions: ACTIONS })?;
        Self::new(process, class)
    }

    /// The largest error of estimates of all values, policy after policy.
    #[must_use]
    pub fn sup_error(&self, estimates: &[f64]) -> f64 {
        estimates.iter().zip(&self.values).map(|(x, v)| (x - v).abs()).fold(0.0, f64::max)
    }

    /// max over Π of V, less the value of a policy.
    #[must_use]
    pub fn suboptimality(&self, policy: usize) -> f64 {
        self.values.iter().copied().fold(f64::NEG_INFINITY, f64::max) - self.values[policy]
    }
}

/// V(π) by backward induction.
#[must_use]
pub fn value(process: &Episodic, policy: &Policy) -> f64 {
    process.performance(&process.induction(|h, s, actions| actions[policy[h][s]]))
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;
    use crate::kernel::mdp::argmax;

    #[test]
    fn known_values_of_the_reference() {
        let problem = Problem::reference(8, 8, 0, 1).unwrap();
        assert_eq!(problem.values.len(), 65);
        assert_eq!(argmax(&problem.values), 1);
        assert_relative_eq!(problem.values[1], 0.553_315, epsilon = 5e-7);
        let least = problem.values.iter().copied().fold(f64::INFINITY, f64::min);
        assert_relative_eq!(least, 0.403_349, epsilon = 5e-7);
        // The value of the core policy in place of all others.
        assert_relative_eq!(problem.sup_error(&[problem.values[0]; 65]), 0.130, epsilon = 5e-4);
        assert_relative_eq!(problem.suboptimality(0), problem.values[1] - problem.values[0]);
    }

    #[test]
    fn values_are_those_of_policies_as_probabilities() {
        let problem = Problem::reference(4, 3, 5, 2).unwrap();
        for (i, value) in problem.values.iter().enumerate() {
            let evaluations = problem.process.evaluate(&problem.class.rows(i)).unwrap();
            assert_relative_eq!(*value, problem.process.performance(&evaluations), epsilon = 1e-15);
        }
    }

    #[test]
    fn what_is_no_problem_is_refused() {
        assert!(reference(0, 8, 0).is_err());
        assert!(reference(21, 8, 0).is_err());
        assert!(reference(8, 0, 0).is_err());
        let class = Class::named(Family::Constant, 0, Size { horizon: 2, states: 3, actions: 2 }).unwrap();
        assert!(Problem::new(reference(2, 2, 0).unwrap(), class).is_err());
    }
}
