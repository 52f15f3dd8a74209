//! Observed episodes, their counts, and return conditioning from counts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{math::sum, mdp::Rows},
    papers::leaf::Failure,
};

/// Returns that differ by less, relative to 1 or to their size, are the same return: sums of the same
/// rewards in another order differ by rounding.
const SAME: f64 = 1e-9;

/// Most cells (state, action) of a table.
const CELLS: usize = 1 << 16;

/// A state and the action taken there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// s.
    pub state: usize,
    /// a.
    pub action: usize,
}

/// What was seen of one trajectory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Episode {
    /// (s₀, a₀), (s₁, a₁), ….
    pub steps: Vec<Pair>,
    /// G.
    #[serde(rename = "return")]
    pub total: f64,
    /// How often it was seen, or with what probability; once if left out.
    #[serde(default = "once")]
    pub weight: f64,
}

fn once() -> f64 {
    1.0
}

/// Episodes in a process of S states and A actions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// S.
    pub states: usize,
    /// A.
    pub actions: usize,
    /// The episodes.
    pub episodes: Vec<Episode>,
}

impl Dataset {
    /// Refuses datasets without episodes, and episodes that leave the process.
    ///
    /// # Errors
    /// [`Failure::Invalid`].
    pub fn check(&self) -> Result<(), Failure> {
        let Self { states, actions, episodes } = self;
        if states.checked_mul(*actions).is_none_or(|cells| cells == 0 || cells > CELLS) {
            return Err(Failure::invalid(format!("needs from 1 to {CELLS} pairs of state and action")));
        }
        let inside = |pair: &Pair| pair.state < *states && pair.action < *actions;
        if episodes.is_empty() || !episodes.iter().all(|e| e.steps.iter().all(inside)) {
            return Err(Failure::invalid(format!(
                "`episodes` must not be empty, and stay in states below {states} and actions below {actions}"
            )));
        }
        let fits = |e: &Episode| e.total.abs() <= 1e9 && e.weight > 0.0 && e.weight <= 1e9;
        if episodes.iter().all(fits) {
            Ok(())
        } else {
            Err(Failure::invalid("every `return` must be finite, and every `weight` positive (at most 1e9)"))
        }
    }

    /// How often each action was taken in each state (S × A), each episode counting `weight(number)`.
    #[must_use]
    pub fn counts(&self, weight: impl Fn(usize) -> f64) -> Rows {
        let mut counts = Rows::zeros(self.states, self.actions);
        for (i, episode) in self.episodes.iter().enumerate() {
            let weight = weight(i);
            for pair in &episode.steps {
                counts[pair.state][pair.action] += weight;
            }
        }
        counts
    }

    /// Return-conditioned supervised learning: π(a|s, G = g) from the counts of the episodes with
    /// return g (S × A); uniform in states that they do not visit.
    #[must_use]
    pub fn return_conditioned(&self, target: f64, fault: Option<Fault>) -> Rows {
        let mut counts = self.counts(|i| {
            let episode = &self.episodes[i];
            if same_return(episode.total, target) { episode.weight } else { 0.0 }
        });
        if fault == Some(Fault::ReweightByBehaviour) {
            let behaviour = normalised(&self.counts(|i| self.episodes[i].weight));
            counts = Rows::from_fn(self.states, self.actions, |s, a| counts[s][a] * behaviour[s][a]);
        }
        normalised(&counts)
    }

    /// Weighted mean of the returns.
    #[must_use]
    pub fn mean_return(&self) -> f64 {
        let total = sum(self.episodes.iter().map(|e| e.weight));
        sum(self.episodes.iter().map(|e| e.weight * e.total)) / total
    }
}

/// Whether two returns are the same up to rounding.
#[must_use]
pub fn same_return(a: f64, b: f64) -> bool {
    (a - b).abs() <= SAME * a.abs().max(b.abs()).max(1.0)
}

/// Rows divided by their sums; rows of zeros become uniform.
#[must_use]
pub fn normalised(counts: &Rows) -> Rows {
    let totals: Vec<f64> = counts.iter().map(|row| sum(row.iter().copied())).collect();
    let uniform = 1.0 / counts.width() as f64;
    Rows::from_fn(counts.count(), counts.width(), |s, a| {
        if totals[s] > 0.0 { counts[s][a] / totals[s] } else { uniform }
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An episode through these (state, action).
    pub fn episode(steps: &[(usize, usize)], total: f64) -> Episode {
        let steps = steps.iter().map(|(state, action)| Pair { state: *state, action: *action }).collect();
        Episode { steps, total, weight: 1.0 }
    }

    fn dataset() -> Dataset {
        let episodes = vec![
            episode(&[(0, 0), (1, 1)], 1.0),
            episode(&[(0, 1), (1, 1)], 1.0),
            episode(&[(0, 1), (0, 1), (1, 0)], 0.3),
        ];
        Dataset { states: 3, actions: 2, episodes }
    }

    #[test]
    fn return_conditioning_counts_the_episodes_with_that_return() {
        let data = dataset();
        assert_eq!(data.check(), Ok(()));
        assert_eq!(data.return_conditioned(1.0, None).values(), [0.5, 0.5, 0.0, 1.0, 0.5, 0.5]);
        assert_eq!(data.return_conditioned(0.1 + 0.2, None)[0], [0.0, 1.0]);
        // Posterior (½, ½) times the behaviour (¼, ¾) in state 0.
        let twice = data.return_conditioned(1.0, Some(Fault::ReweightByBehaviour));
        assert_eq!(twice[0], [0.25, 0.75]);
    }

    #[test]
    fn what_is_no_dataset_is_refused() {
        let changes: [fn(&mut Dataset); 6] = [
            |d| d.episodes.clear(),
            |d| d.states = 1,
            |d| d.actions = 0,
            |d| d.episodes[0].total = f64::NAN,
            |d| d.episodes[0].weight = 0.0,
            |d| d.states = usize::MAX,
        ];
        for change in changes {
            let mut changed = dataset();
            change(&mut changed);
            assert!(matches!(changed.check(), Err(Failure::Invalid(_))), "{changed:?}");
        }
    }
}
