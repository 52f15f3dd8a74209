//! What a group of G independent responses with 0/1 rewards does in expectation.
//!
//! The number of successes is K ~ Bin(G, p); given K, successes are draws from π(·|r = 1) and
//! failures from π(·|r = 0), and every estimator gives all successes one advantage A₁(K) and all
//! failures another, A₀(K).

use super::Estimator;
use crate::kernel::math::{expm1, ln_1p, powi, sum};

/// E f(K) for K ~ Bin(n, p), p ∈ \[0, 1\], with 0⁰ = 1.
///
/// Probabilities are built from the end where they are largest to start with, so that they do not
/// underflow for n up to about a thousand.
#[must_use]
pub fn binomial_expectation(n: usize, p: f64, f: impl Fn(usize) -> f64) -> f64 {
    // With q the smaller of the two probabilities, b(0; n, q) = (1 − q)ⁿ ≥ 2⁻ⁿ, and
    // b(j + 1)/b(j) = (n − j)/(j + 1) · q/(1 − q).
    let q = p.min(1.0 - p);
    let odds = q / (1.0 - q);
    let mut mass = powi(1.0 - q, n as u32);
    sum((0..=n).map(|j| {
        let term = mass * f(if p <= 0.5 { j } else { n - j });
        mass *= (n - j) as f64 / (j + 1) as f64 * odds;
        term
    }))
}

/// Probability pᴳ + (1 − p)ᴳ that the rewards of a group are all equal.
#[must_use]
pub fn degenerate_probability(group: usize, p: f64) -> f64 {
    powi(p, group as u32) + powi(1.0 - p, group as u32)
}

/// Probability 1 − pᴳ − (1 − p)ᴳ that a group holds both a success and a failure, to full relative
/// precision for p near 0 or 1, where it is about G·min(p, 1 − p).
#[must_use]
pub fn informative_probability(group: usize, p: f64) -> f64 {
    let q = p.min(1.0 - p);
    (-expm1(group as f64 * ln_1p(-q)) - powi(q, group as u32)).max(0.0)
}

/// The factor κ by which an estimator scales the true gradient: E ĝ = κ(p) ∇p for 0/1 rewards.
///
/// κ(p) = Σⱼ b(j; G − 1, p) · \[A₁(j + 1) − A₀(j)\]: the mean rise of one response's advantage when
/// it turns from failure to success, the other G − 1 having j successes. (Write
/// ĝ = (1/G) Σᵢ Aᵢ ∇log π(yᵢ), use E\[∇log π|r = 1\] = ∇p/p and E\[∇log π|r = 0\] = −∇p/(1 − p), and
/// K b(K; G, p)/p = G b(K − 1; G − 1, p).) So κ is a polynomial in p, defined at 0 and 1 too.
///
/// For GRPO, κ = c_G(p) = E√(K(G − K)) / (G p(1 − p)): symmetric, √(G − 1) at both ends, and tending
/// to 1/√(p(1 − p)) for large groups.
#[derive(Clone, Debug, PartialEq)]
pub struct GradientScale {
    rises: Vec<f64>,
}

impl GradientScale {
    /// The scale of an estimator on groups of G ≥ 1.
    #[must_use]
    pub fn of(estimator: Estimator, group: usize) -> Self {
        Self::from_advantages(group, |k| binary_advantages(estimator, group, k))
    }

    /// The scale of any rule that gives (A₁, A₀) to a group of G with K successes. A₁(0) and A₀(G)
    /// belong to nobody and are not used.
    #[must_use]
    pub fn from_advantages(group: usize, advantages: impl Fn(usize) -> (f64, f64)) -> Self {
        Self { rises: (0..group).map(|j| advantages(j + 1).0 - advantages(j).1).collect() }
    }

    /// κ(p) for p ∈ \[0, 1\].
    #[must_use]
    pub fn at(&self, p: f64) -> f64 {
        binomial_expectation(self.rises.len() - 1, p, |j| self.rises[j])
    }
}

/// (A₁, A₀) of an estimator in a group of G ≥ 1 with K successes: the advantage of a success and that
/// of a failure. A₁(0) and A₀(G) belong to nobody.
#[must_use]
pub fn binary_advantages(estimator: Estimator, group: usize, successes: usize) -> (f64, f64) {
    let rewards: Vec<f64> = (0..group).map(|i| f64::from(u8::from(i < successes))).collect();
    let advantages = estimator.of(&rewards);
    (advantages[0], advantages[group - 1])
}

/// Mean and variance of ĝ on a Bernoulli policy: one logit θ with p = σ(θ), reward = response, so
/// that the score of a response is r − p and ∇p = p(1 − p).
#[must_use]
pub fn bernoulli_moments(estimator: Estimator, group: usize, p: f64) -> (f64, f64) {
    let estimate = |k: usize| {
        let (success, failure) = binary_advantages(estimator, group, k);
        (k as f64 * success * (1.0 - p) - (group - k) as f64 * failure * p) / group as f64
    };
    let mean = binomial_expectation(group, p, estimate);
    let variance = binomial_expectation(group, p, |k| (estimate(k) - mean) * (estimate(k) - mean));
    (mean, variance)
}

#[cfg(test)]
mod tests {
    use super::super::{Batch, Policy, PrefixTree, Rows, Task, wave};
    use super::*;
    use crate::kernel::tokens::{Aggregation, Deviation};
    use approx::assert_relative_eq;

    fn c(group: usize, p: f64) -> f64 {
        GradientScale::of(Estimator::GRPO, group).at(p)
    }

    #[test]
    fn known_scales_of_grpo() {
        for (group, answers) in [
            (
                4,
                vec![
                    (0.01, 1.727_456),
                    (0.1, 1.690_282),
                    (0.25, 1.645_032),
                    (0.3, 1.634_589),
                    (0.5, 1.616_025),
                ],
            ),
            (8, vec![(0.01, 2.608_862), (0.1, 2.327_689), (0.25, 2.026_116), (0.5, 1.855_656)]),
            (16, vec![(0.01, 3.732_992), (0.1, 2.847_812), (0.25, 2.197_914), (0.5, 1.934_123)]),
        ] {
            for (p, known) in answers {
                assert_relative_eq!(c(group, p), known, epsilon = 5e-7);
                assert_relative_eq!(c(group, 1.0 - p), c(group, p), epsilon = 1e-13);
            }
        }
    }

    #[test]
    fn limits_of_the_scale_of_grpo() {
        for p in [0.0, 1e-9, 0.2, 0.5, 1.0] {
            assert_relative_eq!(c(2, p), 1.0, epsilon = 1e-15);
        }
        assert_relative_eq!(c(9, 0.0), 8_f64.sqrt(), epsilon = 1e-14);
        assert_relative_eq!(c(1000, 0.3), 1.0 / (0.3_f64 * 0.7).sqrt(), epsilon = 2e-3);
        let sample = Estimator::Grpo { deviation: Deviation::Sample, delta: 0.0 };
        assert_relative_eq!(
            GradientScale::of(sample, 8).at(0.3),
            c(8, 0.3) * (7.0 / 8.0_f64).sqrt(),
            epsilon = 1e-14
        );
        assert_relative_eq!(GradientScale::of(Estimator::Mean, 4).at(0.3), 0.75, epsilon = 1e-15);
        assert_relative_eq!(GradientScale::of(Estimator::Rloo, 4).at(0.3), 1.0, epsilon = 1e-15);
    }

    #[test]
    fn known_degenerate_probabilities() {
        for (p, known) in [(0.01, 0.922_745), (0.1, 0.430_467), (0.25, 0.100_128), (0.5, 0.007_812_5)] {
            assert_relative_eq!(degenerate_probability(8, p), known, epsilon = 5e-7);
            assert_relative_eq!(informative_probability(8, p), 1.0 - known, epsilon = 5e-7);
        }
        assert_relative_eq!(informative_probability(8, 1e-20), 8e-20, max_relative = 1e-12);
        assert_relative_eq!(informative_probability(1, 0.3), 0.0, epsilon = 1e-16);
    }

    #[test]
    fn known_moments_on_a_bernoulli_policy() {
        for (estimator, mean, variance) in [
            (Estimator::None, 0.21, 0.025_725),
            (Estimator::Constant { baseline: 0.3 }, 0.21, 0.0084),
            (Estimator::Mean, 0.1575, 0.008_859_375),
            (Estimator::Rloo, 0.21, 0.01575),
            (Estimator::GRPO, 0.343_263_788, 0.039_669_972),
        ] {
            let measured = bernoulli_moments(estimator, 4, 0.3);
            assert_relative_eq!(measured.0, mean, epsilon = 5e-10);
            assert_relative_eq!(measured.1, variance, epsilon = 5e-10);
        }
    }

    /// Σ over all groups of responses of P(group) · ĝ(group): the expectation without any theory.
    fn exhaustive(task: &PrefixTree, policy: &Policy, group: usize, estimator: Estimator) -> Rows {
        let mut responses = Vec::new();
        task.enumerate(0, policy, &mut |y| responses.push((y.steps.to_vec(), y.probability, y.reward)));
        let mut expectation = Rows::zeros(task.rows(), task.width());
        for code in 0..responses.len().pow(group as u32) {
            let mut batch = Batch::new();
            let (mut rest, mut probability) = (code, 1.0);
            for _ in 0..group {
                let (steps, chance, reward) = &responses[rest % responses.len()];
                batch.push(0, steps, *reward);
                probability *= chance;
                rest /= responses.len();
            }
            batch.close_group();
            let mut estimate = Rows::zeros(task.rows(), task.width());
            let advantages = batch.advantages(estimator);
            batch.add_gradient(policy, &advantages, Aggregation::SUM, &mut estimate);
            expectation.add(probability, &estimate);
        }
        expectation
    }

    #[test]
    fn every_estimator_agrees_with_its_expectation_over_all_groups() {
        let task = PrefixTree::divisible_by_three(2, 2);
        let policy = Policy::from_fn(&task, |n, v| wave(n, v, 0));
        let p = task.success(0, &policy);
        for estimator in [
            Estimator::None,
            Estimator::Constant { baseline: 0.4 },
            Estimator::Mean,
            Estimator::Rloo,
            Estimator::GRPO,
            Estimator::GRPO_SAMPLE,
        ] {
            for group in 2..=4 {
                let mut known = Rows::zeros(task.rows(), task.width());
                task.add_gradient(0, &policy, GradientScale::of(estimator, group).at(p), &mut known);
                let measured = exhaustive(&task, &policy, group, estimator);
                for (a, b) in measured.values().iter().zip(known.values()) {
                    assert_relative_eq!(a, b, epsilon = 1e-14);
                }
            }
        }
    }

    #[test]
    fn expectations_are_safe_at_the_ends() {
        for p in [0.0, 1.0, 0.5, 1e-300] {
            assert_relative_eq!(binomial_expectation(30, p, |_| 1.0), 1.0, epsilon = 1e-14);
            assert_relative_eq!(binomial_expectation(30, p, |k| k as f64), 30.0 * p, epsilon = 1e-13);
        }
    }
}
