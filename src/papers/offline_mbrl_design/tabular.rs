//! Ensembles of tabular models, seen through a one-dimensional embedding of the states.

use super::{no_ensemble, penalty::Heuristic};
use crate::{
    kernel::{divergence::total_variation, ensemble::Ensemble, math::sum, mdp::Rows},
    papers::leaf::Failure,
};

/// N transition tables Tᵢ (S A × S, row s A + a). The continuous states of the paper are stood in for by
/// φ(s) = s/(S − 1): member i predicts the mean μᵢ = E_{Tᵢ} φ and its standard deviation σᵢ.
#[derive(Clone, Debug)]
pub struct TabularEnsemble {
    actions: usize,
    members: Vec<Rows>,
    /// (μᵢ, σᵢ) of every member, one row s A + a after the other.
    moments: Vec<Vec<(f64, f64)>>,
}

impl TabularEnsemble {
    /// The ensemble of these tables, all of one shape.
    pub fn new(actions: usize, members: Vec<Rows>) -> Self {
        let rows = members.first().map_or(0, Rows::count);
        let moments = (0..rows).map(|row| members.iter().map(|member| moments(&member[row])).collect());
        Self { actions, moments: moments.collect(), members }
    }

    fn states(&self) -> usize {
        self.members.first().map_or(0, Rows::width)
    }

    /// Gaussian moments (μᵢ, σᵢ) of the first `count` members at row s A + a.
    fn predictions(&self, row: usize, count: usize) -> Result<Ensemble, Failure> {
        let members = &self.moments[row][..count.min(self.members.len())];
        Ensemble::of_numbers(members).map_err(no_ensemble)
    }

    /// u(s, a) of the first `count` members (S × A).
    ///
    /// # Errors
    /// [`Failure::Invalid`] where the heuristic has no value.
    pub fn penalty(&self, heuristic: Heuristic, count: usize) -> Result<Rows, Failure> {
        let mut penalty = Rows::zeros(self.states(), self.actions);
        for row in 0..self.states() * self.actions {
            penalty[row / self.actions][row % self.actions] = match heuristic {
                Heuristic::MaxTv => self.max_tv(row, count),
                other => other.of(&self.predictions(row, count)?, None)?,
            };
        }
        Ok(penalty)
    }

    /// max over i < j of TV(Tᵢ, Tⱼ) at row s A + a.
    fn max_tv(&self, row: usize, count: usize) -> f64 {
        let mut laws: Vec<&[f64]> = self.members.iter().take(count).map(|member| &member[row]).collect();
        // Members that agree to the bit, as all do where a move is certain, are compared once.
        laws.dedup();
        let pairs = (0..laws.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
        pairs.map(|(i, j)| total_variation(laws[i], laws[j])).fold(0.0, f64::max)
    }

    /// Transitions of the mixture of the first `count` members (S A × S).
    pub fn mean_transitions(&self, count: usize) -> Rows {
        let used = &self.members[..count.min(self.members.len())];
        Rows::from_fn(self.states() * self.actions, self.states(), |row, t| {
            used.iter().map(|member| member[row][t]).sum::<f64>() / used.len() as f64
        })
    }
}

/// Mean and standard deviation of φ under a law of the next state.
fn moments(law: &[f64]) -> (f64, f64) {
    let phi = |t: usize| t as f64 / (law.len() - 1).max(1) as f64;
    let possible = || law.iter().enumerate().filter(|(_, p)| **p > 0.0);
    let mean = sum(possible().map(|(t, p)| p * phi(t)));
    let variance = sum(possible().map(|(t, p)| p * (phi(t) - mean) * (phi(t) - mean)));
    (mean, variance.max(0.0).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn moments_and_mixtures_by_hand() {
        // Two states, one action: the second state is at φ = 1, so μ = p and σ² = p(1 − p).
        let member = |p: f64| Rows::from_fn(2, 2, |s, t| [[1.0 - p, p], [0.0, 1.0]][s][t]);
        let ensemble = TabularEnsemble::new(1, vec![member(0.2), member(0.6), member(0.5)]);
        let of = |heuristic, count| ensemble.penalty(heuristic, count).unwrap()[0][0];
        assert_relative_eq!(of(Heuristic::MaxAleatoric, 2), 0.24_f64.sqrt(), epsilon = 1e-15);
        assert_relative_eq!(of(Heuristic::MaxAleatoric, 3), 0.5, epsilon = 1e-15);
        assert_relative_eq!(of(Heuristic::MaxPairwise, 2), 0.4, epsilon = 1e-15);
        assert_relative_eq!(of(Heuristic::EpistemicStd, 2), 0.2, epsilon = 1e-15);
        assert_relative_eq!(of(Heuristic::EnsembleStd, 2), (0.4 * 0.6_f64).sqrt(), epsilon = 1e-15);
        assert_relative_eq!(of(Heuristic::MaxTv, 3), 0.4, epsilon = 1e-15);
        assert_eq!(ensemble.penalty(Heuristic::MaxTv, 3).unwrap()[1][0], 0.0);
        assert_relative_eq!(ensemble.mean_transitions(2)[0][1], 0.4, epsilon = 1e-15);
    }
}
