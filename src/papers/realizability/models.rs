//! The processes on which the estimators are measured.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::problem::Problem;

/// A process with features and a true parameter; the data distribution and the discount are free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// Two states with features 1 and 2 that both lead to the second: the example of Tsitsiklis and
    /// Van Roy (1996) on which off-policy iteration diverges. θ* = 1.
    Tvr,
    /// The same with random transitions, rows (0.3, 0.7) and (0.2, 0.8).
    StochasticTvr,
    /// The random transitions with features 1 and −1: data that the naive residual misjudges although
    /// the class is far from incomplete.
    Alternating,
    /// Five states, two features, transitions of weights 1 + ((3i + 5j + ij) mod 7), θ* = (1, −½).
    Chain,
}

impl Model {
    /// The problem under a data distribution (weights) and a discount.
    pub fn problem(self, weights: Vec<f64>, discount: f64) -> Problem {
        let mixing = vec![vec![0.3, 0.7], vec![0.2, 0.8]];
        let (features, transitions, parameter) = match self {
            Self::Tvr => (vec![vec![1.0], vec![2.0]], vec![vec![0.0, 1.0]; 2], vec![1.0]),
            Self::StochasticTvr => (vec![vec![1.0], vec![2.0]], mixing, vec![1.0]),
            Self::Alternating => (vec![vec![1.0], vec![-1.0]], mixing, vec![1.0]),
            Self::Chain => {
                let rows = [[1.0, 0.0], [0.5, 1.0], [-1.0, 0.5], [0.2, -1.2], [1.5, 0.7]];
                let weight = |i: usize, j: usize| (1 + (3 * i + 5 * j + i * j) % 7) as f64;
                let transitions = (0..5).map(|i| (0..5).map(|j| weight(i, j)).collect()).collect();
                (rows.iter().map(|row| row.to_vec()).collect(), transitions, vec![1.0, -0.5])
            }
        };
        Problem { features, transitions, weights, parameter, discount }
    }
}
