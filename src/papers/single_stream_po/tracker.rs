//! The value tracker of a prompt, how it forgets, and the sampling weights it gives.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::kernel::math::{exp, pow};

/// A Beta–Bernoulli value tracker: α successes and β failures, both discounted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tracker {
    /// Discounted successes α ≥ 0.
    #[schemars(range(min = 0.0))]
    pub alpha: f64,
    /// Discounted failures β ≥ 0; α + β > 0.
    #[schemars(range(min = 0.0))]
    pub beta: f64,
}

impl Tracker {
    /// The tracker after n₀ offline responses, s ≤ n₀ of them right, with effective sample size N₀:
    /// α = N₀(s + ½)/(n₀ + 1), β = N₀(n₀ − s + ½)/(n₀ + 1). Without offline responses α = β = ½.
    #[must_use]
    pub fn from_offline(successes: usize, samples: usize, memory: f64) -> Self {
        if samples == 0 {
            return Self { alpha: 0.5, beta: 0.5 };
        }
        let share = |count: usize| memory * (count as f64 + 0.5) / (samples as f64 + 1.0);
        Self { alpha: share(successes), beta: share(samples - successes) }
    }

    /// v̂ = α/(α + β).
    #[must_use]
    pub fn value(self) -> f64 {
        self.alpha / self.memory()
    }

    /// N = α + β.
    #[must_use]
    pub fn memory(self) -> f64 {
        self.alpha + self.beta
    }

    /// A = r − v̂, for r ∈ {0, 1}.
    ///
    /// Written as (rβ − (1 − r)α)/N: after a long run of successes v̂ rounds to 1 while β is still
    /// positive, and r − v̂ would be an exact zero.
    #[must_use]
    pub fn advantage(self, reward: f64) -> f64 {
        (reward * self.beta - (1.0 - reward) * self.alpha) / self.memory()
    }

    /// The tracker after another reward: α ← ρα + r, β ← ρβ + (1 − r).
    ///
    /// That is an exponential moving average with a rate of its own: v̂ ← v̂ + η(r − v̂) with
    /// η = 1/(ρN + 1), and N ← ρN + 1.
    #[must_use]
    pub fn updated(self, retention: f64, reward: f64, fault: Option<Fault>) -> Self {
        let Self { alpha, beta } = self;
        if fault == Some(Fault::ForgetAfterUpdate) {
            return Self { alpha: retention * (alpha + reward), beta: retention * (beta + 1.0 - reward) };
        }
        Self { alpha: retention * alpha + reward, beta: retention * beta + (1.0 - reward) }
    }
}

/// How much of the past is kept, given how far the policy has moved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Forgetting {
    /// Movement D_half > 0 at which half of the past is forgotten, in nats a token.
    #[schemars(range(min = 1e-12))]
    pub half_life: f64,
    /// ρ_min ∈ \[0, 1).
    #[schemars(range(min = 0.0, max = 0.999_999))]
    pub least: f64,
    /// ρ_max ∈ \[ρ_min, 1\].
    #[schemars(range(min = 0.0, max = 1.0))]
    pub most: f64,
}

impl Default for Forgetting {
    fn default() -> Self {
        Self { half_life: 0.06, least: 0.875, most: 0.96 }
    }
}

impl Forgetting {
    /// What keeps these numbers from being a rule, if anything.
    #[must_use]
    pub fn complaint(&self) -> Option<&'static str> {
        if !(self.half_life > 0.0 && self.half_life.is_finite()) {
            Some("half_life must be positive")
        } else if !(0.0 <= self.least && self.least <= self.most && self.most <= 1.0 && self.least < 1.0) {
            Some("retention needs 0 ≤ least ≤ most ≤ 1 and least < 1")
        } else {
            None
        }
    }

    /// N₀ = 1/(1 − ρ_min), the effective sample size at the start: the fixed point of N ← ρN + 1
    /// under the fastest forgetting.
    #[must_use]
    pub fn initial_memory(&self) -> f64 {
        1.0 / (1.0 - self.least)
    }

    /// 2^(−D/D_half), before it is clipped.
    #[must_use]
    pub fn unclipped(&self, movement: f64, fault: Option<Fault>) -> f64 {
        match fault {
            Some(Fault::NaturalExponent) => exp(-movement / self.half_life),
            Some(Fault::InvertedKl) => 1.8 - pow(2.0, -movement / self.half_life),
            _ => pow(2.0, -movement / self.half_life),
        }
    }

    /// ρ = clip(2^(−D/D_half), ρ_min, ρ_max) for a movement D ≥ 0.
    #[must_use]
    pub fn retention(&self, movement: f64, fault: Option<Fault>) -> f64 {
        if fault == Some(Fault::NoForgetting) {
            return 1.0;
        }
        self.unclipped(movement, fault).max(self.least).min(self.most)
    }
}

/// Sampling weights √(v̂(1 − v̂)) + ε of prompts, not normalised: most for prompts that are solved
/// every other time, and never less than ε.
pub fn sampling_weights(trackers: &[Tracker], epsilon: f64, fault: Option<Fault>, weights: &mut Vec<f64>) {
    weights.clear();
    let floor = if fault == Some(Fault::NoExplorationFloor) { 0.0 } else { epsilon };
    weights.extend(trackers.iter().map(|t| (t.alpha * t.beta).sqrt() / t.memory() + floor));
    if fault == Some(Fault::InvertedPriority) {
        for w in weights {
            *w = 1.0 / *w;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_trajectory() {
        let rule = Forgetting::default();
        let mut tracker = Tracker { alpha: 4.0, beta: 4.0 };
        for (reward, movement, advantage, retention, alpha, beta) in [
            (1.0, 0.0, 0.5, 0.96, 4.84, 3.84),
            (1.0, 0.005, 0.442_396_313, 0.943_874_313, 5.568_351_673, 3.624_477_361),
            (0.0, 0.05, -0.605_727_753, 0.875, 4.872_307_714, 4.171_417_691),
            (1.0, 0.002, 0.461_249_928, 0.96, 5.677_415_406, 4.004_560_983),
            (0.0, 0.011, -0.586_390_131, 0.880_665_874, 4.999_905_998, 4.526_680_196),
        ] {
            assert_relative_eq!(tracker.advantage(reward), advantage, epsilon = 1e-9);
            assert_relative_eq!(rule.retention(movement, None), retention, epsilon = 1e-9);
            tracker = tracker.updated(retention, reward, None);
            assert_relative_eq!(tracker.alpha, alpha, epsilon = 1e-8);
            assert_relative_eq!(tracker.beta, beta, epsilon = 1e-8);
        }
    }

    #[test]
    fn offline_responses_set_the_start() {
        let tracker = Tracker::from_offline(2, 8, 8.0);
        assert_relative_eq!(tracker.alpha, 8.0 * 2.5 / 9.0, epsilon = 1e-15);
        assert_relative_eq!(tracker.memory(), 8.0, epsilon = 1e-14);
        assert_eq!(Tracker::from_offline(0, 0, 8.0), Tracker { alpha: 0.5, beta: 0.5 });
    }

    #[test]
    fn clipping_starts_and_ends_where_it_should() {
        let rule = Forgetting::default();
        assert_relative_eq!(rule.unclipped(0.003_533_6, None), 0.96, epsilon = 1e-6);
        assert_relative_eq!(rule.unclipped(0.011_558_7, None), 0.875, epsilon = 1e-6);
        assert_relative_eq!(rule.unclipped(0.06, Some(Fault::NaturalExponent)), 0.3679, epsilon = 1e-4);
    }

    #[test]
    fn an_advantage_survives_a_long_run_of_successes() {
        let mut tracker = Tracker::from_offline(8, 8, 8.0);
        for _ in 0..400 {
            tracker = tracker.updated(0.875, 1.0, None);
        }
        assert_eq!(tracker.value(), 1.0);
        assert!(tracker.advantage(1.0) > 0.0);
    }
}
