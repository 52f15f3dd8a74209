//! The slippery grid: a walk from one corner to the other, past holes.
//!
//! n × n cells, numbered row by row; start (0, 0), goal (n − 1, n − 1) with G = 1, holes with G = 0 at
//! the cells (i, j), i ≠ j, with (2i + 3j) mod 7 = 5. Goal and holes end the episode. Actions are up,
//! right, down, left; with probability `slip` the move is one of the two perpendicular ones instead,
//! equally likely, and a move off the grid stays.

use super::episodes::{Dataset, Episode, Pair};
use crate::{
    kernel::{
        math::dot,
        mdp::{Episodic, Mdp, MdpError, Rows},
        stream::Stream,
    },
    papers::leaf::Failure,
};

/// Up, right, down, left.
const ACTIONS: usize = 4;

/// Discount under which the expert is greedy.
const DISCOUNT: f64 = 0.99;

/// Share of uniform actions in the expert.
const EXPLORATION: f64 = 0.03;

/// Action values that differ by less are the same: of equal ones the expert takes the first.
const TIE: f64 = 1e-12;

/// The grid, and the two policies that collect data on it.
pub struct World {
    process: Mdp,
    episodic: Episodic,
    /// Whether an episode ends in the cell.
    terminal: Vec<bool>,
    /// 0.97 greedy + 0.03 uniform.
    pub expert: Rows,
    /// All actions alike.
    pub uniform: Rows,
}

/// Episodes, and who made them.
pub struct Collected {
    /// The episodes.
    pub dataset: Dataset,
    /// Whether the expert made it.
    pub by_expert: Vec<bool>,
}

impl World {
    /// A grid of `size` × `size` cells and episodes of at most `horizon` steps.
    ///
    /// # Errors
    /// [`Failure::Numerical`] if the expert cannot be solved for.
    pub fn new(size: usize, slip: f64, horizon: usize) -> Result<Self, Failure> {
        let cells = size * size;
        let goal = cells - 1;
        let terminal: Vec<bool> =
            (0..cells).map(|cell| cell == goal || is_hole(cell / size, cell % size)).collect();
        let mut transitions = Rows::zeros(cells * ACTIONS, cells);
        for cell in 0..cells {
            for action in 0..ACTIONS {
                let row = &mut transitions[cell * ACTIONS + action];
                if terminal[cell] {
                    row[cell] = 1.0;
                    continue;
                }
                row[moved(cell, action, size)] += 1.0 - slip;
                for turn in [1, 3] {
                    row[moved(cell, (action + turn) % ACTIONS, size)] += 0.5 * slip;
                }
            }
        }
        let rewards = Rows::from_fn(cells, ACTIONS, |cell, action| {
            if terminal[cell] { 0.0 } else { transitions[cell * ACTIONS + action][goal] }
        });
        let start: Vec<f64> = (0..cells).map(|cell| f64::from(u8::from(cell == 0))).collect();
        let process = Mdp::new(transitions, rewards, start.clone(), DISCOUNT).map_err(|e| broken(&e))?;
        let episodic = Episodic::stationary(horizon, process.dynamics(), start).map_err(|e| broken(&e))?;
        let values = process.optimal().map_err(|e| broken(&e))?.0.actions;
        let uniform = Rows::from_fn(cells, ACTIONS, |_, _| 1.0 / ACTIONS as f64);
        let expert = Rows::from_fn(cells, ACTIONS, |cell, action| {
            let greedy = f64::from(u8::from(action == first_best(&values[cell])));
            (1.0 - EXPLORATION) * greedy + EXPLORATION / ACTIONS as f64
        });
        Ok(Self { process, episodic, terminal, expert, uniform })
    }

    /// V_M(π): the probability that the policy is at the goal after the last step.
    #[must_use]
    pub fn success(&self, policy: &Rows) -> f64 {
        let evaluations = self.episodic.induction(|_, cell, row| dot(&policy[cell], row));
        self.episodic.performance(&evaluations)
    }

    /// Draws episodes, each by the expert with probability `expert_share`, else uniformly.
    pub fn collect(&self, episodes: usize, expert_share: f64, stream: &mut Stream) -> Collected {
        let by_expert: Vec<bool> = (0..episodes).map(|_| stream.bernoulli(expert_share)).collect();
        let episodes = by_expert
            .iter()
            .map(|by_expert| self.episode(if *by_expert { &self.expert } else { &self.uniform }, stream))
            .collect();
        let dataset = Dataset { states: self.terminal.len(), actions: ACTIONS, episodes };
        Collected { dataset, by_expert }
    }

    fn episode(&self, policy: &Rows, stream: &mut Stream) -> Episode {
        let goal = self.terminal.len() - 1;
        let mut visits = self.process.trajectory(policy, self.episodic.horizon(), stream);
        if let Some(end) = visits.iter().position(|visit| self.terminal[visit.next]) {
            visits.truncate(end + 1);
        }
        let total = f64::from(u8::from(visits.last().is_some_and(|visit| visit.next == goal)));
        let steps = visits.iter().map(|visit| Pair { state: visit.state, action: visit.action }).collect();
        Episode { steps, total, weight: 1.0 }
    }
}

fn is_hole(i: usize, j: usize) -> bool {
    i != j && (2 * i + 3 * j) % 7 == 5
}

/// The cell next to this one, or itself at the edge.
fn moved(cell: usize, action: usize, size: usize) -> usize {
    let (i, j) = (cell / size, cell % size);
    let (i, j) = match action {
        0 => (i.saturating_sub(1), j),
        1 => (i, (j + 1).min(size - 1)),
        2 => ((i + 1).min(size - 1), j),
        _ => (i, j.saturating_sub(1)),
    };
    i * size + j
}

/// The first of the actions with the largest value.
fn first_best(values: &[f64]) -> usize {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    values.iter().position(|value| *value >= largest - TIE).unwrap_or(0)
}

fn broken(error: &MdpError) -> Failure {
    Failure::numerical(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{math::powi, mdp::greedy, stream::Streams};
    use approx::assert_relative_eq;

    #[test]
    fn the_small_grid_has_one_hole() {
        let world = World::new(4, 0.0, 30).unwrap();
        let ends: Vec<usize> = (0..16).filter(|cell| world.terminal[*cell]).collect();
        assert_eq!(ends, [3 * 4 + 2, 15]);
        assert!(!World::new(9, 0.0, 30).unwrap().terminal[0]);
    }

    #[test]
    fn without_slip_the_expert_goes_straight() {
        let world = World::new(4, 0.0, 6).unwrap();
        let success = world.success(&world.expert);
        // Six steps suffice if all are greedy; at most one other action is as good.
        let greedy = 1.0 - EXPLORATION + EXPLORATION / 4.0;
        assert!(success >= powi(greedy, 6) && success <= powi(greedy + EXPLORATION / 4.0, 6));
        let longer = World::new(4, 0.0, 30).unwrap();
        assert!(longer.success(&longer.expert) > 0.98);
    }

    #[test]
    fn known_successes() {
        // By another implementation. Under a uniform policy slip changes nothing.
        for (slip, expert, best) in [
            (2.0 / 3.0, 0.696_295_732_684, 0.716_606_992_733),
            (0.4, 0.962_894_982_034, 0.974_348_266_855),
            (0.1, 0.999_277_267_563, 0.999_999_313_546),
        ] {
            let world = World::new(4, slip, 30).unwrap();
            assert_relative_eq!(world.success(&world.uniform), 0.142_433_851_847, epsilon = 1e-11);
            assert_relative_eq!(world.success(&world.expert), expert, epsilon = 1e-11);
            assert_relative_eq!(world.success(&greedy(&world.expert)), best, epsilon = 1e-11);
        }
    }

    #[test]
    fn success_is_the_share_of_episodes_that_arrive() {
        let world = World::new(4, 2.0 / 3.0, 30).unwrap();
        let collected = world.collect(20_000, 1.0, &mut Streams::from_seed(2).stream("data"));
        assert!(collected.by_expert.iter().all(|by_expert| *by_expert));
        assert_relative_eq!(collected.dataset.mean_return(), world.success(&world.expert), epsilon = 0.01);
    }

    #[test]
    fn episodes_end_in_the_hole_or_at_the_goal() {
        let world = World::new(4, 0.4, 30).unwrap();
        let collected = world.collect(500, 0.5, &mut Streams::from_seed(2).stream("data"));
        assert_eq!(collected.dataset.check(), Ok(()));
        for episode in &collected.dataset.episodes {
            assert!(episode.steps.iter().all(|pair| !world.terminal[pair.state]));
            assert!(episode.total == 0.0 || episode.steps.len() <= 30);
        }
    }
}
