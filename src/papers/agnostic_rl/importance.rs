//! Importance sampling: the online baseline, which knows nothing of the structure of a class.
//!
//! Episodes are played with uniform actions. One is consistent with a deterministic policy with probability
//! A⁻ᴴ, so V̂(π) = (Aᴴ/n) Σ 1{consistent} R is unbiased, but its variance is of the order Aᴴ/n.

use super::{
    Fault,
    class::{Class, Policy, Size},
};
use crate::kernel::{
    math::powi,
    mdp::{Episodic, Rows, Visit},
    stream::Stream,
};

/// An episode: the states and actions of every layer, and the total reward.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// (s_h, a_h).
    pub path: Vec<(usize, usize)>,
    /// R.
    pub total: f64,
}

impl Episode {
    /// The episode of some visits.
    #[must_use]
    pub fn of(visits: &[Visit]) -> Self {
        Self {
            path: visits.iter().map(|v| (v.state, v.action)).collect(),
            total: visits.iter().map(|v| v.reward).sum(),
        }
    }

    /// Whether a policy would have taken all the actions.
    #[must_use]
    pub fn consistent(&self, policy: &Policy) -> bool {
        self.path.iter().zip(policy).all(|((s, a), layer)| layer[*s] == *a)
    }
}

/// V̂(π) of every policy from n episodes with uniform actions.
#[must_use]
pub fn estimates(class: &Class, episodes: &[Episode], fault: Option<Fault>) -> Vec<f64> {
    let Size { horizon, actions, .. } = class.size();
    let weight = match fault {
        Some(Fault::UnweightedEpisodes) => 1.0,
        _ => powi(actions as f64, u32::try_from(horizon).unwrap_or(u32::MAX)),
    };
    let of_policy = |policy: &Policy| {
        let total: f64 = episodes.iter().filter(|e| e.consistent(policy)).map(|e| e.total).sum();
        weight * total / episodes.len() as f64
    };
    class.policies().iter().map(of_policy).collect()
}

/// Plays n episodes with uniform actions.
pub fn play(process: &Episodic, episodes: usize, stream: &mut Stream) -> Vec<Episode> {
    let uniform: Vec<Rows> = process
        .steps()
        .iter()
        .map(|step| Rows::from_fn(step.states(), step.actions(), |_, _| 1.0 / step.actions() as f64))
        .collect();
    (0..episodes).map(|_| Episode::of(&process.trajectory(&uniform, stream))).collect()
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;
    use crate::kernel::stream::Streams;
    use crate::papers::agnostic_rl::{class::Family, process::Problem};

    #[test]
    fn every_sequence_of_actions_once_gives_the_values_of_open_loop_policies() {
        let size = Size { horizon: 2, states: 1, actions: 2 };
        let class = Class::named(Family::OpenLoop, 0, size).unwrap();
        let episodes: Vec<Episode> =
            (0..4).map(|i| Episode { path: vec![(0, i % 2), (0, i / 2)], total: 0.1 * i as f64 }).collect();
        let estimates = estimates(&class, &episodes, None);
        for (i, estimate) in estimates.iter().enumerate() {
            assert_relative_eq!(*estimate, 0.1 * i as f64, epsilon = 1e-15);
        }
    }

    #[test]
    fn estimates_are_unbiased_but_for_the_missing_weight() {
        let problem = Problem::reference(2, 3, 0, 1).unwrap();
        let mut stream = Streams::from_seed(0).stream("episodes");
        let episodes = play(&problem.process, 40_000, &mut stream);
        assert!(problem.sup_error(&estimates(&problem.class, &episodes, None)) < 0.02);
        let quarter = estimates(&problem.class, &episodes, Some(Fault::UnweightedEpisodes));
        assert_relative_eq!(quarter[0], 0.25 * problem.values[0], epsilon = 0.005);
    }
}
