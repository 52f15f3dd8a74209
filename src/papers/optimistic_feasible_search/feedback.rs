//! The closed loop, and what a threshold leads to if it is kept.

use super::{Fault, bandit::argmax, environment::Environment};

/// Ends of the interval that the share of group 0 is clipped to.
pub const SHARE: (f64, f64) = (0.05, 0.95);

/// Feedback of decisions on the population.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Feedback {
    /// κ ∈ \[0, 1\]: share of the population that is renewed in a round.
    pub kappa: f64,
    /// η ≥ 0: how strongly disparity attracts group 0.
    pub eta: f64,
    /// p̄ ∈ \[0, 1\]: share of group 0 among newcomers without disparity.
    pub pbar: f64,
}

impl Feedback {
    /// Share of group 0 among newcomers under a disparity: p̄ + η gap.
    #[must_use]
    pub fn target(&self, gap: f64, fault: Option<Fault>) -> f64 {
        let eta = if fault == Some(Fault::OpenLoop) { 0.0 } else { self.eta };
        self.pbar + eta * gap
    }

    /// One round: p ← clip((1 − κ) p + κ (p̄ + η gap)).
    #[must_use]
    pub fn step(&self, p: f64, gap: f64, fault: Option<Fault>) -> f64 {
        let kept = if fault == Some(Fault::FeedbackNotAveraged) { p } else { (1.0 - self.kappa) * p };
        (kept + self.kappa * self.target(gap, fault)).clamp(SHARE.0, SHARE.1)
    }

    /// Where the share settles under a disparity that is kept: p* = clip(p̄ + η gap). Without
    /// clipping the distance to it shrinks by exactly 1 − κ a round.
    #[must_use]
    pub fn fixed_point(&self, gap: f64, fault: Option<Fault>) -> f64 {
        self.target(gap, fault).clamp(SHARE.0, SHARE.1)
    }
}

/// What a threshold leads to if it is played for ever.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steady {
    /// Share p*(k) of group 0.
    pub share: f64,
    /// Reward R(k, p*).
    pub reward: f64,
    /// Largest residual max_j G_j(k, p*); at most 0 iff the arm is feasible.
    pub worst_residual: f64,
    /// Total violation Σ_j max(0, G_j(k, p*)).
    pub total_violation: f64,
}

/// The steady state of every threshold, and the ones that matter; of equals, the smallest.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// One entry an arm.
    pub steady: Vec<Steady>,
    /// Best feasible fixed threshold, if any is feasible.
    pub best_feasible: Option<usize>,
    /// Best fixed threshold, constraints ignored.
    pub best: usize,
    /// The threshold with the smallest total violation.
    pub least_violating: usize,
}

impl Sweep {
    /// Sweeps the fixed thresholds of an environment, in the state that each leads to.
    #[must_use]
    pub fn of(environment: &Environment, feedback: &Feedback, fault: Option<Fault>) -> Self {
        let steady: Vec<Steady> = (0..environment.count())
            .map(|k| {
                let share = feedback.fixed_point(environment.gap(k), fault);
                let residuals = environment.residuals(k, share);
                Steady {
                    share,
                    reward: environment.reward(k, share),
                    worst_residual: residuals.into_iter().fold(f64::NEG_INFINITY, f64::max),
                    total_violation: environment.total_violation(k, share),
                }
            })
            .collect();
        let feasible = steady.iter().enumerate().filter(|(_, s)| s.worst_residual <= 0.0);
        let best_feasible = argmax(feasible.map(|(k, s)| (k, s.reward)));
        let best = argmax(steady.iter().map(|s| s.reward).enumerate()).unwrap_or(0);
        let least_violating = argmax(steady.iter().map(|s| -s.total_violation).enumerate()).unwrap_or(0);
        Self { steady, best_feasible, best, least_violating }
    }

    /// The oracle: the best feasible threshold; if there is none, the least violating.
    #[must_use]
    pub fn oracle(&self) -> usize {
        self.best_feasible.unwrap_or(self.least_violating)
    }
}
