//! Every number of the closed loop that can be set, named by the symbols of the module's table.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    environment::{Environment, Limits},
    feedback::Feedback,
    sources::{self, Grid, NormalScores, SYNTHETIC, Source},
};
use crate::papers::leaf::{Data, Failure};

/// Who chooses the threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// Optimistic Feasible Search.
    #[default]
    Ofs,
    /// The unconstrained bandit: upper confidence bounds on the reward.
    Ucb,
    /// The primal-dual bandit.
    PrimalDual,
    /// The oracle: the best feasible fixed threshold, or the least violating one if none is feasible.
    BestFixed,
}

/// Settings of the closed loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Benchmark.
    pub environment: Source,
    /// Who chooses the threshold.
    pub algorithm: Algorithm,
    /// Number of rounds T.
    #[serde(rename = "T")]
    #[schemars(range(min = 4, max = 10_000_000))]
    pub horizon: usize,
    /// Number of thresholds K.
    #[serde(rename = "K")]
    #[schemars(range(min = 1, max = 1_000))]
    pub arms: usize,
    /// Smallest threshold τ_1.
    pub tau_1: f64,
    /// Distance of neighbouring thresholds.
    #[schemars(range(min = 0.0))]
    pub spacing: f64,
    /// Individuals m of each group that are seen in a round.
    #[schemars(range(min = 1, max = 4_000))]
    pub m: u32,
    /// Cost c of a wrong acceptance.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub c: f64,
    /// Largest admissible disparity ε.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub epsilon: f64,
    /// Smallest admissible service rate.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub s_min: f64,
    /// Share κ of the population that is renewed in a round.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub kappa: f64,
    /// Strength η of the feedback.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub eta: f64,
    /// Share p̄ of group 0 among newcomers without disparity.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub pbar: f64,
    /// Share of group 0 at the start.
    #[schemars(range(min = 0.05, max = 0.95))]
    pub p_0: f64,
    /// Width α of the confidence bounds: the level of round t is α √(2 ln(t + 2)).
    #[schemars(range(min = 0.0, max = 100.0))]
    pub alpha: f64,
    /// Step of the primal-dual baseline's multipliers.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub dual_step: f64,
    /// Largest multiplier of the primal-dual baseline.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub dual_cap: f64,
    /// Price of a unit of violation in the priced reward.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub price: f64,
    /// Synthetic benchmark: P(y = 1) in group 0.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub q_0: f64,
    /// Synthetic benchmark: mean score of group 0 given y = 1.
    pub mp_0: f64,
    /// Synthetic benchmark: mean score of group 0 given y = 0.
    pub mn_0: f64,
    /// Synthetic benchmark: P(y = 1) in group 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub q_1: f64,
    /// Synthetic benchmark: mean score of group 1 given y = 1.
    pub mp_1: f64,
    /// Synthetic benchmark: mean score of group 1 given y = 0.
    pub mn_1: f64,
    /// Synthetic benchmark: standard deviation of scores.
    #[schemars(range(min = 1e-6))]
    pub sd: f64,
}

impl Default for Settings {
    fn default() -> Self {
        let [advantaged, disadvantaged] = SYNTHETIC;
        Self {
            environment: Source::Synthetic,
            algorithm: Algorithm::Ofs,
            horizon: 8_000,
            arms: 19,
            tau_1: 0.05,
            spacing: 0.05,
            m: 20,
            c: 1.0,
            epsilon: 0.15,
            s_min: 0.4,
            kappa: 0.1,
            eta: 0.3,
            pbar: 0.6,
            p_0: 0.6,
            alpha: 0.5,
            dual_step: 0.05,
            dual_cap: 10.0,
            price: 2.0,
            q_0: advantaged.q,
            mp_0: advantaged.mp,
            mn_0: advantaged.mn,
            q_1: disadvantaged.q,
            mp_1: disadvantaged.mp,
            mn_1: disadvantaged.mn,
            sd: advantaged.sd,
        }
    }
}

impl Settings {
    /// The environment that the settings describe.
    ///
    /// # Errors
    /// As [`sources::environment`].
    pub fn environment(&self, data: &Data) -> Result<Environment, Failure> {
        let synthetic = [
            NormalScores { q: self.q_0, mp: self.mp_0, mn: self.mn_0, sd: self.sd },
            NormalScores { q: self.q_1, mp: self.mp_1, mn: self.mn_1, sd: self.sd },
        ];
        let grid = Grid { tau_1: self.tau_1, spacing: self.spacing, arms: self.arms };
        let limits = Limits { epsilon: self.epsilon, s_min: self.s_min };
        sources::environment(self.environment, synthetic, grid, self.c, limits, data)
    }

    /// How decisions feed back.
    #[must_use]
    pub fn feedback(&self) -> Feedback {
        Feedback { kappa: self.kappa, eta: self.eta, pbar: self.pbar }
    }
}
