//! What thresholds do: true rewards, constraint residuals and violations of every arm.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RESIDUALS;
use crate::papers::leaf::Failure;

/// What a threshold does in one group: P(s ≥ τ, y = 1) and P(s ≥ τ, y = 0).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// Share of the group that is accepted rightly.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub good: f64,
    /// Share of the group that is accepted wrongly.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub bad: f64,
}

impl Rates {
    /// Acceptance rate acc = good + bad.
    #[must_use]
    pub fn accepted(self) -> f64 {
        self.good + self.bad
    }

    /// Utility u = good − c · bad.
    #[must_use]
    pub fn utility(self, c: f64) -> f64 {
        self.good - c * self.bad
    }
}

/// Reward of a batch or of a population: p u_0 + (1 − p) u_1.
#[must_use]
pub fn reward([advantaged, disadvantaged]: [Rates; 2], c: f64, p: f64) -> f64 {
    p * advantaged.utility(c) + (1.0 - p) * disadvantaged.utility(c)
}

/// Residuals (gap − ε, −gap − ε, s_min − service) of a batch or of a population; all ≤ 0 iff the
/// constraints hold.
#[must_use]
pub fn residuals([advantaged, disadvantaged]: [Rates; 2], limits: Limits, p: f64) -> [f64; RESIDUALS] {
    let (acc_0, acc_1) = (advantaged.accepted(), disadvantaged.accepted());
    let gap = acc_0 - acc_1;
    let service = p * acc_0 + (1.0 - p) * acc_1;
    [gap - limits.epsilon, -gap - limits.epsilon, limits.s_min - service]
}

/// Limits of the constraints.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// ε ∈ \[0, 1\]: largest admissible disparity.
    pub epsilon: f64,
    /// s_min ∈ \[0, 1\]: smallest admissible service rate.
    pub s_min: f64,
}

/// The arms of the bandit, with their true effects on the two groups.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// For each arm, its rates in group 0 and in group 1.
    pub arms: Vec<[Rates; 2]>,
    /// Cost c ≥ 0 of a wrong acceptance.
    pub c: f64,
    /// Limits of the constraints.
    pub limits: Limits,
}

impl Environment {
    /// An environment.
    ///
    /// # Errors
    /// [`Failure::Invalid`] if there is no arm, or if good + bad exceeds one somewhere.
    pub fn new(arms: Vec<[Rates; 2]>, c: f64, limits: Limits) -> Result<Self, Failure> {
        if arms.is_empty() {
            return Err(Failure::invalid("there must be at least one threshold"));
        }
        let whole = |r: &Rates| r.good >= 0.0 && r.bad >= 0.0 && r.accepted() <= 1.0 + f64::EPSILON;
        if let Some(k) = arms.iter().position(|groups| !groups.iter().all(whole)) {
            return Err(Failure::invalid(format!(
                "threshold {k}: good and bad must be shares of the group, together at most 1"
            )));
        }
        Ok(Self { arms, c, limits })
    }

    /// Number of arms K.
    #[must_use]
    pub fn count(&self) -> usize {
        self.arms.len()
    }

    /// Disparity gap(k) = acc_0 − acc_1.
    #[must_use]
    pub fn gap(&self, k: usize) -> f64 {
        let [advantaged, disadvantaged] = self.arms[k];
        advantaged.accepted() - disadvantaged.accepted()
    }

    /// True reward R(k, p).
    #[must_use]
    pub fn reward(&self, k: usize, p: f64) -> f64 {
        reward(self.arms[k], self.c, p)
    }

    /// True residuals G(k, p).
    #[must_use]
    pub fn residuals(&self, k: usize, p: f64) -> [f64; RESIDUALS] {
        residuals(self.arms[k], self.limits, p)
    }

    /// Violation of a round: max(0, max_j G_j(k, p)).
    #[must_use]
    pub fn violation(&self, k: usize, p: f64) -> f64 {
        self.residuals(k, p).into_iter().fold(0.0, f64::max)
    }

    /// Total violation Σ_j max(0, G_j(k, p)).
    #[must_use]
    pub fn total_violation(&self, k: usize, p: f64) -> f64 {
        total_violation(self.residuals(k, p))
    }
}

/// Σ_j max(0, g_j).
#[must_use]
pub fn total_violation(residuals: [f64; RESIDUALS]) -> f64 {
    residuals.into_iter().map(|g| g.max(0.0)).sum()
}
