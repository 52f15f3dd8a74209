//! A chain with a tempting jump, data from it, and ensembles of models that are counted from the data.

use std::cell::OnceCell;

use super::{
    Fault, penalty::Heuristic, planning, planning::Configuration, tabular::TabularEnsemble, unsolved,
};
use crate::{
    kernel::{
        math::sum,
        mdp::{Counts, Mdp, Rows, Visit},
        stream::Stream,
    },
    papers::leaf::Failure,
};

/// States: a chain of twelve, and a trap.
pub const STATES: usize = 13;
/// Actions: left, right, jump.
pub const ACTIONS: usize = 3;
const END: usize = 11;
const TRAP: usize = 12;
/// Probability that a step left or right succeeds, and that a jump does not fall into the trap.
const STEP: f64 = 0.85;
const JUMP: f64 = 0.55;
/// γ.
pub const DISCOUNT: f64 = 0.95;
/// Episodes of a dataset, and transitions of an episode.
const EPISODES: usize = 30;
const LENGTH: usize = 20;
/// Most members of an ensemble.
pub const FITTED: usize = 20;
/// Pseudo-count of the policy that is estimated from the data.
const PSEUDO_COUNT: f64 = 1e-9;

/// The chain: actions 0 and 1 go left and right with probability 0.85 and stay otherwise (at the ends
/// they stay), action 2 goes three to the right with probability 0.55, at most to the end, and else into
/// the trap. The end pays 1 for every action, state 0 pays 0.3 for going left; γ = 0.95, start 0.
///
/// # Errors
/// None: the process exists.
pub fn chain() -> Result<Mdp, Failure> {
    let transitions = Rows::from_fn(STATES * ACTIONS, STATES, |row, t| {
        let (s, a) = (row / ACTIONS, row % ACTIONS);
        let (to, probability, otherwise) = match a {
            _ if s == TRAP => (TRAP, 1.0, TRAP),
            0 => (s.saturating_sub(1), STEP, s),
            1 => ((s + 1).min(END), STEP, s),
            _ => ((s + 3).min(END), JUMP, TRAP),
        };
        let hit = |place: usize, probability: f64| if t == place { probability } else { 0.0 };
        hit(to, probability) + hit(otherwise, 1.0 - probability)
    });
    let rewards = Rows::from_fn(STATES, ACTIONS, |s, a| match (s, a) {
        (END, _) => 1.0,
        (0, 0) => 0.3,
        _ => 0.0,
    });
    let start = (0..STATES).map(|s| f64::from(u8::from(s == 0))).collect();
    Mdp::new(transitions, rewards, start, DISCOUNT).map_err(unsolved)
}

/// A law of the next state from the flat Dirichlet distribution: normalised exponential draws.
fn flat(stream: &mut Stream) -> Vec<f64> {
    let draws: Vec<f64> = (0..STATES).map(|_| stream.exponential()).collect();
    let total = sum(draws.iter().copied());
    draws.into_iter().map(|e| e / total).collect()
}

/// A dataset of 600 transitions, and twenty models counted from bootstrap samples of it.
///
/// Where a member saw nothing, its next state has a law of its own, drawn from a flat Dirichlet
/// distribution: that is where members disagree. Ensembles are nested: N members are the first N.
pub struct Dataset {
    ensemble: TabularEnsemble,
    /// The policy that the data followed.
    behaviour: Rows,
    /// Models and penalties of the numbers of members and of the heuristics that were asked for.
    models: [OnceCell<planning::Model>; planning::MEMBERS.len()],
    penalties: [[OnceCell<Rows>; planning::MEMBERS.len()]; planning::HEURISTICS.len()],
}

impl Dataset {
    /// Draws thirty episodes of twenty steps under (0.2, 0.7, 0.1), and fits `members` models.
    pub fn draw(chain: &Mdp, members: usize, stream: &mut Stream) -> Self {
        let behaviour = Rows::from_fn(STATES, ACTIONS, |_, a| [0.2, 0.7, 0.1][a]);
        let visits: Vec<Visit> =
            (0..EPISODES).flat_map(|_| chain.trajectory(&behaviour, LENGTH, stream)).collect();
        let fitted = (0..members)
            .map(|_| {
                let seen = stream.resampled(&visits);
                Counts::of(&seen, STATES, ACTIONS).transitions(|_, _| flat(stream))
            })
            .collect();
        Self {
            ensemble: TabularEnsemble::new(ACTIONS, fitted),
            behaviour: Counts::of(&visits, STATES, ACTIONS).policy(PSEUDO_COUNT),
            models: Default::default(),
            penalties: Default::default(),
        }
    }

    /// The policy that a configuration plans with this dataset (S × A, deterministic), and the value of
    /// the start state that it believes in.
    ///
    /// # Errors
    /// [`Failure`] for a configuration that is not on the grid.
    pub fn plan(
        &self,
        chain: &Mdp,
        configuration: Configuration,
        fault: Option<Fault>,
    ) -> Result<(Rows, f64), Failure> {
        let members = if fault == Some(Fault::NFixed) { 5 } else { configuration.members };
        let heuristic = if fault == Some(Fault::OneHeuristic) {
            Heuristic::MaxAleatoric
        } else {
            configuration.heuristic
        };
        let place = |found: Option<usize>| found.ok_or_else(|| Failure::invalid("not on the grid"));
        let n = place(planning::MEMBERS.iter().position(|m| *m == members))?;
        let u = place(planning::HEURISTICS.iter().position(|h| *h == heuristic))?;
        if self.models[n].get().is_none() {
            let transitions = self.ensemble.mean_transitions(members);
            let model = planning::Model::new(chain, &transitions, &self.behaviour)?;
            // The cell was empty.
            let _ = self.models[n].set(model);
        }
        if self.penalties[u][n].get().is_none() {
            let _ = self.penalties[u][n].set(self.ensemble.penalty(heuristic, members)?);
        }
        let (Some(model), Some(penalty)) = (self.models[n].get(), self.penalties[u][n].get()) else {
            return Err(Failure::numerical("a model was not kept"));
        };
        let planned = model.plan(penalty, configuration.lambda, configuration.horizon);
        Ok((planned.policy(), planned.value(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{mdp::deterministic, stream::Streams};
    use approx::assert_relative_eq;

    #[test]
    fn the_optimum_is_to_walk() {
        let chain = chain().unwrap();
        let (best, chosen) = chain.optimal().unwrap();
        assert_relative_eq!(best.values[0], 10.33, epsilon = 0.005);
        assert_eq!(chosen[..END], [1; END]);
        // A step right takes 1/0.85 tries: E γ^τ = 0.85 γ/(1 − 0.15 γ) each, eleven times, then 1/(1 − γ).
        let step = STEP * DISCOUNT / (1.0 - (1.0 - STEP) * DISCOUNT);
        assert_relative_eq!(
            best.values[0],
            crate::kernel::math::powi(step, 11) / (1.0 - DISCOUNT),
            epsilon = 1e-12
        );
        assert_relative_eq!(best.values[END], 20.0, epsilon = 1e-12);
        let tempted = deterministic(&[2; STATES], ACTIONS);
        assert!(chain.performance(&tempted).unwrap() < 2.0);
    }

    #[test]
    fn smaller_ensembles_are_the_first_members_of_larger_ones() {
        let chain = chain().unwrap();
        let draw = |members| Dataset::draw(&chain, members, &mut Streams::from_seed(1).stream("data"));
        let (small, large) = (draw(5), draw(20));
        for heuristic in planning::HEURISTICS {
            assert_eq!(
                small.ensemble.penalty(heuristic, 5).unwrap(),
                large.ensemble.penalty(heuristic, 5).unwrap()
            );
        }
        assert_eq!(small.behaviour, large.behaviour);
    }
}
