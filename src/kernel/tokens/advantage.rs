//! Advantages: how much better than expected a response was.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::math::{mean, sum};

/// Which standard deviation of n numbers is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Deviation {
    /// Divisor n: √(Σ(rᵢ − m)²/n). GRPO's formula.
    #[default]
    Population,
    /// Divisor n − 1: √(Σ(rᵢ − m)²/(n − 1)). What `torch.std` computes unless told otherwise.
    Sample,
}

impl Deviation {
    /// The standard deviation of the values around their mean; 0 if they are all equal (rounding
    /// of the mean does not count) or there are fewer than two.
    #[must_use]
    pub fn of(self, values: &[f64]) -> f64 {
        if all_equal(values) { 0.0 } else { self.around(mean(values), values) }
    }

    /// √(Σ(rᵢ − m)²/divisor) around a known mean.
    fn around(self, mean: f64, values: &[f64]) -> f64 {
        let divisor = match self {
            Self::Population => values.len(),
            Self::Sample => values.len() - 1,
        };
        (sum(values.iter().map(|v| (v - mean) * (v - mean))) / divisor as f64).sqrt()
    }
}

/// How a group of G rewards r₁ … r_G to one prompt becomes advantages. With the mean
/// m = Σrᵢ/G and a standard deviation s:
///
/// | estimator | Aᵢ | E ĝ for 0/1 rewards |
/// |---|---|---|
/// | `None` (REINFORCE) | rᵢ | ∇p |
/// | `Constant` b | rᵢ − b | ∇p |
/// | `Mean` (Dr. GRPO) | rᵢ − m | (1 − 1/G) ∇p |
/// | `Rloo` | rᵢ − mean of the *other* rewards = G/(G − 1)·(rᵢ − m) | ∇p |
/// | `Grpo` | (rᵢ − m)/(s + δ) | c_G(p) ∇p, see [`super::GradientScale`] |
///
/// The mean contains rᵢ itself, which is why `Mean` is too small by 1 − 1/G and `Rloo` is not. A
/// group of equal rewards is *degenerate*: `Mean`, `Rloo` and `Grpo` give every member exactly 0,
/// whatever rounding does to m; so does a group of one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Estimator {
    /// The reward itself.
    None,
    /// The reward less a constant.
    Constant {
        /// The constant b.
        baseline: f64,
    },
    /// The reward less the mean of its group (Dr. GRPO).
    Mean,
    /// The reward less the mean of the others of its group.
    Rloo,
    /// The reward less the mean of its group, in units of the group's standard deviation.
    Grpo {
        /// Which standard deviation s.
        deviation: Deviation,
        /// δ ≥ 0, added to s.
        delta: f64,
    },
}

impl Estimator {
    /// GRPO as published: population deviation, nothing added.
    pub const GRPO: Self = Self::Grpo { deviation: Deviation::Population, delta: 0.0 };
    /// GRPO as often coded: sample deviation, 1e-6 added.
    pub const GRPO_SAMPLE: Self = Self::Grpo { deviation: Deviation::Sample, delta: 1e-6 };

    /// Writes the advantages of a group over `into`, which is as long as `rewards`.
    pub fn advantages(self, rewards: &[f64], into: &mut [f64]) {
        let (baseline, scale) = self.affine(rewards);
        for (a, r) in into.iter_mut().zip(rewards) {
            *a = (r - baseline) * scale;
        }
    }

    /// (b, k) with Aᵢ = (rᵢ − b)·k for this group.
    fn affine(self, rewards: &[f64]) -> (f64, f64) {
        let relative = !matches!(self, Self::None | Self::Constant { .. });
        if relative && all_equal(rewards) {
            return (rewards.first().copied().unwrap_or(0.0), 0.0);
        }
        let (group, m) = (rewards.len() as f64, mean(rewards));
        match self {
            Self::None => (0.0, 1.0),
            Self::Constant { baseline } => (baseline, 1.0),
            Self::Mean => (m, 1.0),
            Self::Rloo => (m, group / (group - 1.0)),
            Self::Grpo { deviation, delta } => {
                let scale = deviation.around(m, rewards) + delta;
                // Rewards may differ by so little that their squares underflow.
                (m, if scale > 0.0 { 1.0 / scale } else { 0.0 })
            }
        }
    }

    /// [`Self::advantages`] in a vector of its own.
    #[must_use]
    pub fn of(self, rewards: &[f64]) -> Vec<f64> {
        let mut advantages = vec![0.0; rewards.len()];
        self.advantages(rewards, &mut advantages);
        advantages
    }
}

/// Normalises the raw advantages of a whole batch in place: A ← (A − mean A)/(s + δ). One affine map
/// for all, so it keeps order and ratios of differences across prompts. A batch of equal values
/// becomes all zeros.
pub fn normalise(advantages: &mut [f64], deviation: Deviation, delta: f64) {
    let (baseline, scale) = Estimator::Grpo { deviation, delta }.affine(advantages);
    for a in advantages {
        *a = (*a - baseline) * scale;
    }
}

fn all_equal(values: &[f64]) -> bool {
    values.iter().all(|v| *v == values[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    const ALL: [Estimator; 6] = [
        Estimator::None,
        Estimator::Constant { baseline: 0.3 },
        Estimator::Mean,
        Estimator::Rloo,
        Estimator::GRPO,
        Estimator::GRPO_SAMPLE,
    ];

    #[test]
    fn one_success_in_four() {
        let advantages = |e: Estimator| e.of(&[0.0, 1.0, 0.0, 0.0]);
        assert_eq!(advantages(Estimator::None), [0.0, 1.0, 0.0, 0.0]);
        assert_eq!(advantages(Estimator::Constant { baseline: 0.25 }), [-0.25, 0.75, -0.25, -0.25]);
        assert_eq!(advantages(Estimator::Mean), [-0.25, 0.75, -0.25, -0.25]);
        for (a, known) in advantages(Estimator::Rloo).iter().zip([-1.0 / 3.0, 1.0]) {
            assert_relative_eq!(*a, known, epsilon = 1e-15);
        }
        for (a, known) in advantages(Estimator::GRPO).iter().zip([-1.0 / 3_f64.sqrt(), 3_f64.sqrt()]) {
            assert_relative_eq!(*a, known, epsilon = 1e-15);
        }
        let sample = Estimator::Grpo { deviation: Deviation::Sample, delta: 0.0 };
        for (a, known) in advantages(sample).iter().zip([-0.5, 1.5]) {
            assert_relative_eq!(*a, known, epsilon = 1e-15);
        }
    }

    #[test]
    fn degenerate_groups_give_exact_zeros_whatever_rounding_does() {
        // The mean of three times 0.1 is not 0.1.
        for rewards in [vec![0.1; 3], vec![1.0; 8], vec![0.0; 4], vec![7.0]] {
            for estimator in &ALL[2..] {
                assert!(estimator.of(&rewards).iter().all(|a| *a == 0.0), "{estimator:?} {rewards:?}");
            }
        }
    }

    #[test]
    fn leave_one_out_is_the_mean_of_the_others() {
        let rewards = [0.5, -2.0, 3.0, 0.25];
        for (i, a) in Estimator::Rloo.of(&rewards).iter().enumerate() {
            let others: f64 = (0..4).filter(|j| *j != i).map(|j| rewards[j]).sum::<f64>() / 3.0;
            assert_relative_eq!(*a, rewards[i] - others, epsilon = 1e-14);
        }
    }

    #[test]
    fn grpo_has_mean_zero_and_mean_square_one() {
        let a = Estimator::GRPO.of(&[1.0, 0.0, 0.0, 1.0, 0.0]);
        assert_relative_eq!(a.iter().sum::<f64>(), 0.0, epsilon = 1e-14);
        assert_relative_eq!(a.iter().map(|x| x * x).sum::<f64>(), 5.0, epsilon = 1e-14);
    }

    #[test]
    fn an_empty_group_has_no_advantages() {
        for estimator in ALL {
            assert!(estimator.of(&[]).is_empty());
        }
    }
}
