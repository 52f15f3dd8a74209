//! All trajectories of a process, as the tree of its histories.

use super::problem::Process;

/// What happened at one time of a trajectory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Number of the history hₜ in the tree.
    pub history: usize,
    /// sₜ.
    pub state: usize,
    /// aₜ.
    pub action: usize,
    /// rₜ, as the number of its value among the rewards of the process in ascending order.
    pub reward: usize,
    /// sₜ₊₁; none at the last step.
    pub next: Option<usize>,
}

/// A trajectory.
#[derive(Clone, Debug, PartialEq)]
pub struct Trajectory {
    /// Its H steps.
    pub steps: Vec<Step>,
    /// Π R T > 0: the part of its probability that is not the policy's.
    pub chance: f64,
    /// G.
    pub total: f64,
}

/// Every trajectory that the process can produce, in the order of actions, then rewards, then next
/// states, first step first.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// S.
    pub states: usize,
    /// A.
    pub actions: usize,
    /// Number of histories hₜ over all t.
    pub histories: usize,
    /// The trajectories.
    pub trajectories: Vec<Trajectory>,
}

impl Tree {
    /// Enumerates the trajectories of a checked process.
    #[must_use]
    pub fn of(process: &Process) -> Self {
        let mut values: Vec<f64> =
            process.rewards.iter().flatten().flatten().map(|outcome| outcome.reward).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        let (states, actions) = (process.states(), process.actions());
        let mut tree = Self { states, actions, histories: 1, trajectories: Vec::new() };
        let root = Node { history: 0, state: 0, chance: 1.0, total: 0.0 };
        tree.grow(process, &values, &mut Vec::new(), &root);
        tree
    }

    /// Largest return minus smallest return.
    #[must_use]
    pub fn spread(&self) -> f64 {
        let (low, high) = self.range();
        high - low
    }

    /// Smallest and largest return.
    #[must_use]
    pub fn range(&self) -> (f64, f64) {
        let totals = || self.trajectories.iter().map(|trajectory| trajectory.total);
        (totals().fold(f64::INFINITY, f64::min), totals().fold(f64::NEG_INFINITY, f64::max))
    }

    /// Books or continues the trajectories that begin with `path` and have arrived at `node`.
    fn grow(&mut self, process: &Process, values: &[f64], path: &mut Vec<Step>, node: &Node) {
        let Node { history, state, .. } = *node;
        let last = path.len() + 1 == process.horizon;
        for (action, law) in process.rewards[state].iter().enumerate() {
            for outcome in law.iter().filter(|outcome| outcome.probability > 0.0) {
                let reward = values.partition_point(|value| *value < outcome.reward);
                let (chance, total) = (node.chance * outcome.probability, node.total + outcome.reward);
                if last {
                    path.push(Step { history, state, action, reward, next: None });
                    self.trajectories.push(Trajectory { steps: path.clone(), chance, total });
                    path.pop();
                    continue;
                }
                for (next, p) in
                    process.transition[state][action].iter().enumerate().filter(|(_, p)| **p > 0.0)
                {
                    path.push(Step { history, state, action, reward, next: Some(next) });
                    let child = Node { history: self.histories, state: next, chance: chance * p, total };
                    self.histories += 1;
                    self.grow(process, values, path, &child);
                    path.pop();
                }
            }
        }
    }
}

/// Where the enumeration stands.
struct Node {
    history: usize,
    state: usize,
    chance: f64,
    total: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kernel::{math::sum, splitmix::SplitMix64},
        papers::dichotomy_of_control::Problem,
    };
    use approx::assert_relative_eq;

    #[test]
    fn a_tree_has_every_trajectory_and_every_history_once() {
        let problem = Problem::random(&mut SplitMix64::new(3), [2, 2, 3, 3]);
        let tree = Tree::of(&problem.process);
        assert_eq!(tree.trajectories.len(), 256);
        // 1 + 8 + 64 histories of one, two and three states.
        assert_eq!(tree.histories, 73);
        assert_eq!(tree.range(), (0.0, 3.0));
        // Chance has mass 1 under every sequence of actions, of which there are eight.
        assert_relative_eq!(sum(tree.trajectories.iter().map(|t| t.chance)), 8.0, epsilon = 1e-12);
        let mut seen: Vec<_> = tree.trajectories.iter().map(|t| format!("{:?}", t.steps)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 256);
    }

    #[test]
    fn a_deterministic_process_has_one_trajectory_for_each_sequence_of_actions() {
        let problem = Problem::random(&mut SplitMix64::new(3), [3, 2, 3, 2]).deterministic();
        assert_eq!(Tree::of(&problem.process).trajectories.len(), 8);
    }
}
