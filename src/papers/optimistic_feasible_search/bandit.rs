//! The selection rules: Optimistic Feasible Search and its baselines.

use super::{Fault, RESIDUALS, applicants::Observation, environment::total_violation};
use crate::kernel::math::ln;

/// What has been seen of an arm.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Number of plays n.
    pub plays: u32,
    /// Mean observed reward.
    pub reward: f64,
    /// Mean observed residuals.
    pub residuals: [f64; RESIDUALS],
    sums: [f64; 1 + RESIDUALS],
    inverse_root: f64,
}

impl Statistics {
    /// Statistics with these means after `plays` plays.
    #[must_use]
    pub fn of_means(plays: u32, reward: f64, residuals: [f64; RESIDUALS]) -> Self {
        let n = f64::from(plays);
        let [g_1, g_2, g_3] = residuals;
        Self {
            plays,
            reward,
            residuals,
            sums: [n * reward, n * g_1, n * g_2, n * g_3],
            inverse_root: 1.0 / n.sqrt(),
        }
    }

    /// Takes an observation in.
    pub fn update(&mut self, observation: &Observation) {
        self.plays += 1;
        let n = f64::from(self.plays);
        let [g_1, g_2, g_3] = observation.residuals;
        for (sum, seen) in self.sums.iter_mut().zip([observation.reward, g_1, g_2, g_3]) {
            *sum += seen;
        }
        let [r, g_1, g_2, g_3] = self.sums;
        self.reward = r / n;
        self.residuals = [g_1 / n, g_2 / n, g_3 / n];
        self.inverse_root = 1.0 / n.sqrt();
    }

    /// 1/√n; infinite for an arm never played.
    #[must_use]
    pub fn inverse_root(&self) -> f64 {
        self.inverse_root
    }

    /// Optimistic reward: mean + radius.
    #[must_use]
    pub fn optimistic_reward(&self, radii: &Radii) -> f64 {
        self.reward + radii.reward * self.inverse_root
    }

    /// Residuals with `sign` times their radius added: −1 is optimistic.
    fn shifted_residuals(&self, radii: &Radii, sign: f64) -> [f64; RESIDUALS] {
        std::array::from_fn(|j| self.residuals[j] + sign * radii.residuals[j] * self.inverse_root)
    }

    /// Optimistic residuals lo_j = mean − radius.
    #[must_use]
    pub fn optimistic_residuals(&self, radii: &Radii, fault: Option<Fault>) -> [f64; RESIDUALS] {
        let sign = if fault == Some(Fault::DroppedConstraintBonus) { 0.0 } else { -1.0 };
        self.shifted_residuals(radii, sign)
    }

    /// Whether the arm appears feasible: lo_j ≤ 0 for all j.
    #[must_use]
    pub fn appears_feasible(&self, radii: &Radii, fault: Option<Fault>) -> bool {
        let bounds = match fault {
            Some(Fault::IgnoresConstraints) => return true,
            Some(Fault::PessimisticFeasibility) => self.shifted_residuals(radii, 1.0),
            _ => self.optimistic_residuals(radii, fault),
        };
        bounds.into_iter().all(|lo| lo <= 0.0)
    }
}

/// Confidence radii of an arm played once; after n plays they are smaller by √n.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Radii {
    /// Of the reward.
    pub reward: f64,
    /// Of the residuals.
    pub residuals: [f64; RESIDUALS],
}

/// Sub-Gaussian scales σ of what a batch of m individuals a group shows: (1 + c)/(2√m) for the
/// reward, √(1/(2m)) for each residual of the gap, 1/(2√m) for that of service. Each is the scale
/// of a mean of bounded variables (Hoeffding).
#[must_use]
pub fn scales(c: f64, m: u32) -> Radii {
    let m = f64::from(m);
    let gap = (0.5 / m).sqrt();
    Radii { reward: 0.5 * (1.0 + c) / m.sqrt(), residuals: [gap, gap, 0.5 / m.sqrt()] }
}

/// Confidence level of round t: L = α √(2 ln(t + 2)), positive from t = 0 on.
#[must_use]
pub fn level(alpha: f64, t: usize) -> f64 {
    alpha * (2.0 * ln(t as f64 + 2.0)).sqrt()
}

impl Radii {
    /// Radii at confidence level L: L σ.
    #[must_use]
    pub fn times(self, level: f64) -> Self {
        Self { reward: level * self.reward, residuals: self.residuals.map(|g| level * g) }
    }
}

/// Why an arm is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It has not been played yet.
    Unplayed,
    /// It maximises the rule's index.
    Index,
    /// No arm appears feasible, and it violates least.
    Fallback,
}

/// The arm to play. Of equals, the smallest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Index of the arm.
    pub arm: usize,
    /// Why it is played.
    pub reason: Reason,
}

/// Optimistic Feasible Search: each arm once, in the order of the grid; then, among the arms that
/// appear feasible, the largest optimistic reward; if none does, the smallest optimistic violation
/// Σ_j max(0, lo_j). Source: abstract.
#[must_use]
pub fn optimistic_feasible(arms: &[Statistics], radii: &Radii, fault: Option<Fault>) -> Choice {
    or_unplayed(arms, || {
        let indices = || arms.iter().enumerate().map(|(k, arm)| (k, arm.optimistic_reward(radii)));
        let feasible = indices().filter(|(k, _)| arms[*k].appears_feasible(radii, fault));
        if let Some(arm) = argmax(feasible) {
            return Choice { arm, reason: Reason::Index };
        }
        let arm = if fault == Some(Fault::MaxRewardFallback) {
            argmax(indices())
        } else {
            let violation = |arm: &Statistics| total_violation(arm.optimistic_residuals(radii, fault));
            argmax(arms.iter().map(|arm| -violation(arm)).enumerate())
        };
        Choice { arm: arm.unwrap_or(0), reason: Reason::Fallback }
    })
}

/// The unconstrained baseline: each arm once, then the largest optimistic reward.
#[must_use]
pub fn unconstrained(arms: &[Statistics], radii: &Radii) -> Choice {
    by_index(arms, |arm| arm.optimistic_reward(radii))
}

/// The primal-dual baseline: constraints priced by multipliers λ_j ≥ 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PrimalDual {
    /// λ.
    pub multipliers: [f64; RESIDUALS],
    /// Step of the dual ascent.
    pub step: f64,
    /// Largest multiplier.
    pub cap: f64,
}

impl PrimalDual {
    /// Primal step: each arm once, then the largest optimistic reward less Σ_j λ_j · mean g_j.
    #[must_use]
    pub fn choose(&self, arms: &[Statistics], radii: &Radii) -> Choice {
        let price = |arm: &Statistics| -> f64 {
            self.multipliers.iter().zip(arm.residuals).map(|(lambda, g)| lambda * g).sum()
        };
        by_index(arms, |arm| arm.optimistic_reward(radii) - price(arm))
    }

    /// Dual step, with the residuals observed in the round: λ_j ← clip(λ_j + step · g_j, 0, cap).
    pub fn update(&mut self, residuals: [f64; RESIDUALS]) {
        for (lambda, g) in self.multipliers.iter_mut().zip(residuals) {
            *lambda = (*lambda + self.step * g).clamp(0.0, self.cap);
        }
    }
}

/// The key with the largest value; of equals, the first.
pub fn argmax(values: impl IntoIterator<Item = (usize, f64)>) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (key, value) in values {
        if best.is_none_or(|(_, top)| value > top) {
            best = Some((key, value));
        }
    }
    best.map(|(key, _)| key)
}

fn by_index(arms: &[Statistics], index: impl Fn(&Statistics) -> f64) -> Choice {
    or_unplayed(arms, || {
        let arm = argmax(arms.iter().map(index).enumerate()).unwrap_or(0);
        Choice { arm, reason: Reason::Index }
    })
}

fn or_unplayed(arms: &[Statistics], rule: impl FnOnce() -> Choice) -> Choice {
    match arms.iter().position(|arm| arm.plays == 0) {
        Some(arm) => Choice { arm, reason: Reason::Unplayed },
        None => rule(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RADII: Radii = Radii { reward: 0.1, residuals: [0.1; RESIDUALS] };

    fn arm(plays: u32, reward: f64, worst: f64) -> Statistics {
        Statistics::of_means(plays, reward, [worst, -1.0, -1.0])
    }

    #[test]
    fn arms_not_yet_played_come_first_in_the_order_of_the_grid() {
        let arms = [arm(1, 1.0, -1.0), Statistics::default(), Statistics::default()];
        assert_eq!(optimistic_feasible(&arms, &RADII, None), Choice { arm: 1, reason: Reason::Unplayed });
        assert_eq!(unconstrained(&arms, &RADII).arm, 1);
    }

    #[test]
    fn the_best_arm_that_appears_feasible_is_played() {
        // lo = 0.05 − 0.1/√n is positive for n = 25 and negative for n = 1.
        let arms = [arm(25, 0.9, 0.05), arm(1, 0.5, 0.05), arm(1, 0.5, 0.05), arm(25, 0.4, -0.5)];
        assert_eq!(optimistic_feasible(&arms, &RADII, None), Choice { arm: 1, reason: Reason::Index });
        assert_eq!(optimistic_feasible(&arms, &RADII, Some(Fault::DroppedConstraintBonus)).arm, 3);
        assert_eq!(optimistic_feasible(&arms, &RADII, Some(Fault::PessimisticFeasibility)).arm, 3);
        assert_eq!(optimistic_feasible(&arms, &RADII, Some(Fault::IgnoresConstraints)).arm, 0);
        assert_eq!(unconstrained(&arms, &RADII).arm, 0);
    }

    #[test]
    fn without_an_arm_that_appears_feasible_the_least_violating_is_played() {
        let arms = [arm(100, 0.9, 0.5), arm(100, 0.1, 0.3), arm(100, 0.2, 0.3)];
        assert_eq!(optimistic_feasible(&arms, &RADII, None), Choice { arm: 1, reason: Reason::Fallback });
        assert_eq!(optimistic_feasible(&arms, &RADII, Some(Fault::MaxRewardFallback)).arm, 0);
    }

    #[test]
    fn multipliers_climb_with_observed_violations_and_stay_in_their_interval() {
        let mut dual = PrimalDual { multipliers: [0.0, 9.99, 0.2], step: 0.05, cap: 10.0 };
        dual.update([-1.0, 1.0, 1.0]);
        assert_eq!(dual.multipliers, [0.0, 10.0, 0.25]);
        let arms = [arm(100, 0.5, 0.5), arm(100, 0.4, -0.5)];
        assert_eq!(dual.choose(&arms, &RADII).arm, 0);
        dual.multipliers[0] = 0.5;
        assert_eq!(dual.choose(&arms, &RADII).arm, 1);
    }

    #[test]
    fn means_are_those_of_the_observations() {
        let mut seen = Statistics::default();
        for reward in [1.0, 0.0, 0.5, 0.5] {
            seen.update(&Observation { reward, residuals: [reward, 0.0, -reward] });
        }
        assert_eq!(seen, Statistics::of_means(4, 0.5, [0.5, 0.0, -0.5]));
        assert_eq!(seen.inverse_root(), 0.5);
    }
}
