//! The KL-Convex constraint in closed form, and policy reincarnation.
//!
//! Over distributions π on finitely many outcomes with rewards r,
//!
//! ```text
//! F(π) = E_π r − β [λ KL(π‖base) + (1 − λ) KL(π‖current)],   β > 0, 0 ≤ λ ≤ 1,
//! ```
//!
//! is strictly concave; its maximiser is π* ∝ base^λ current^(1−λ) e^(r/β), and F(π*) = β ln Z with
//! Z the normaliser. On one Bernoulli outcome with reward 1 the update is linear in the logit,
//! ℓ ← λ ℓ_base + (1 − λ) ℓ + 1/β, with the fixed point ℓ_base + 1/(λβ) approached at rate 1 − λ: the
//! base is a ceiling, and replacing it by what was reached lifts the ceiling by 1/(λβ) again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{
        divergence::kl,
        math::{dot, exp, ln, log_sum_exp, sigmoid},
        stream::Streams,
        tokens::{Policy, PrefixTree, Task, wave},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// ln of the geometric anchor base^λ current^(1−λ), outcome by outcome; of the arithmetic one, or
/// with λ and 1 − λ exchanged, under a fault.
fn log_anchor(base: &[f64], current: &[f64], lambda: f64, fault: Option<Fault>) -> Vec<f64> {
    let lambda = if fault == Some(Fault::SwappedLambda) { 1.0 - lambda } else { lambda };
    let pairs = base.iter().zip(current);
    if fault == Some(Fault::ArithmeticMixture) {
        return pairs.map(|(b, c)| ln(lambda * b + (1.0 - lambda) * c)).collect();
    }
    pairs.map(|(b, c)| weighted(lambda, ln(*b)) + weighted(1.0 - lambda, ln(*c))).collect()
}

/// w·x with 0·(−∞) = 0.
fn weighted(w: f64, x: f64) -> f64 {
    if w == 0.0 { 0.0 } else { w * x }
}

/// π* and F(π*) = β ln Z. All slices have one entry an outcome; `base` and `current` are
/// distributions, `beta` > 0, `lambda` in \[0, 1\].
#[must_use]
pub fn optimum(
    base: &[f64],
    current: &[f64],
    rewards: &[f64],
    lambda: f64,
    beta: f64,
    fault: Option<Fault>,
) -> (Vec<f64>, f64) {
    let anchor = log_anchor(base, current, lambda, fault);
    let exponents: Vec<f64> = anchor.iter().zip(rewards).map(|(a, r)| a + r / beta).collect();
    let log_z = log_sum_exp(&exponents);
    (exponents.iter().map(|e| exp(e - log_z)).collect(), beta * log_z)
}

/// F(π) itself, by its definition; −∞ where π leaves the support of an anchor that counts.
#[must_use]
pub fn objective(
    policy: &[f64],
    base: &[f64],
    current: &[f64],
    rewards: &[f64],
    lambda: f64,
    beta: f64,
) -> f64 {
    let towards = |anchor: &[f64], weight: f64| {
        if weight == 0.0 { 0.0 } else { weight * kl(policy, anchor) }
    };
    dot(policy, rewards) - beta * (towards(base, lambda) + towards(current, 1.0 - lambda))
}

/// Settings of the KL-Convex optimum on a prefix tree.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AnchorSettings {
    /// Weight λ of the base.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub lambda: f64,
    /// Temperature β.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub beta: f64,
}

impl Default for AnchorSettings {
    fn default() -> Self {
        Self { lambda: 0.25, beta: 0.5 }
    }
}

/// The sequences of a tree of depth 3 over 3 tokens, with base logits wave(n, v) and current logits
/// wave(n, v, 1); reward 1 if the tokens add up to a multiple of three.
#[derive(Clone, Debug)]
pub struct Sequences {
    base: Vec<f64>,
    current: Vec<f64>,
    rewards: Vec<f64>,
}

impl Sequences {
    fn new() -> Self {
        let tree = PrefixTree::divisible_by_three(3, 3);
        let policy = |c| Policy::from_fn(&tree, move |n, v| wave(n, v, c));
        let mut rewards = Vec::new();
        tree.enumerate(0, &policy(0), &mut |y| rewards.push(y.reward));
        Self { base: tree.distribution(0, &policy(0)), current: tree.distribution(0, &policy(1)), rewards }
    }

    /// Expected reward of π*, KL(π*‖base), and F(π*).
    fn at(&self, settings: &AnchorSettings, fault: Option<Fault>) -> [f64; 3] {
        let AnchorSettings { lambda, beta } = *settings;
        let (best, _) = optimum(&self.base, &self.current, &self.rewards, lambda, beta, fault);
        let value = objective(&best, &self.base, &self.current, &self.rewards, lambda, beta);
        [dot(&best, &self.rewards), kl(&best, &self.base), value]
    }
}

/// The optimum at one λ.
pub struct Anchor {
    settings: AnchorSettings,
    sequences: Sequences,
}

impl Measure for Anchor {
    type Settings = AnchorSettings;
    type Fault = Fault;
    const NAME: &'static str = "anchor";
    const SUMMARY: &'static str = "The KL-Convex optimum over the sequences of a prefix tree.";
    const METRICS: &'static [Metric] = &[
        Metric::new("success", "Expected reward J of the optimum.").range(0.0, 1.0).higher_is_better(),
        Metric::new("divergence", "KL of the optimum to the base.").unit("nat").range(0.0, f64::INFINITY),
        Metric::new("objective", "Value of the objective at the optimum."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::SwappedLambda, Fault::ArithmeticMixture];
    const STOCHASTIC: bool = false;

    fn prepare(settings: AnchorSettings, _: &Data) -> Result<Self, Failure> {
        Ok(Self { settings, sequences: Sequences::new() })
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let [success, divergence, objective] = self.sequences.at(&self.settings, fault);
        Ok(Measurement::new()
            .metric("success", success)
            .metric("divergence", divergence)
            .metric("objective", objective))
    }
}

/// Settings of the path of optima.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PathSettings {
    /// Weights λ of the base, ascending.
    #[schemars(length(min = 2, max = 1000), inner(range(min = 0.0, max = 1.0)))]
    pub lambdas: Vec<f64>,
    /// Temperature β.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub beta: f64,
}

impl Default for PathSettings {
    fn default() -> Self {
        Self { lambdas: vec![0.0, 0.25, 0.5, 0.75, 1.0], beta: 0.5 }
    }
}

/// How the optimum changes as λ grows.
pub struct AnchorPath {
    settings: PathSettings,
    sequences: Sequences,
}

impl Measure for AnchorPath {
    type Settings = PathSettings;
    type Fault = Fault;
    const NAME: &'static str = "anchor-path";
    const SUMMARY: &'static str = "How the KL-Convex optimum changes as the base gains weight.";
    const METRICS: &'static [Metric] = &[
        Metric::new("success-rise", "Largest rise of the expected reward from one weight to the next."),
        Metric::new("divergence-rise", "Largest rise of the divergence from the base.").unit("nat"),
    ];
    const FAULTS: &'static [Fault] = &[Fault::SwappedLambda];
    const STOCHASTIC: bool = false;

    fn prepare(settings: PathSettings, _: &Data) -> Result<Self, Failure> {
        if settings.lambdas.len() < 2 || !settings.lambdas.is_sorted() {
            return Err(Failure::invalid("expected two or more ascending `lambdas`"));
        }
        Ok(Self { settings, sequences: Sequences::new() })
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let PathSettings { lambdas, beta } = &self.settings;
        let path: Vec<[f64; 3]> = lambdas
            .iter()
            .map(|lambda| self.sequences.at(&AnchorSettings { lambda: *lambda, beta: *beta }, fault))
            .collect();
        let rise = |of: usize| {
            path.windows(2).map(|pair| pair[1][of] - pair[0][of]).fold(f64::NEG_INFINITY, f64::max)
        };
        Ok(Measurement::new().metric("success-rise", rise(0)).metric("divergence-rise", rise(1)))
    }
}

/// Settings of reincarnation on a Bernoulli prompt.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReincarnationSettings {
    /// Success rate p₀ of the first base, and of the first policy.
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub p0: f64,
    /// Weight λ of the base.
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0.0))]
    pub lambda: f64,
    /// Temperature β.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub beta: f64,
    /// Updates in each life.
    #[schemars(range(min = 1, max = 100_000))]
    pub iterations: usize,
}

impl Default for ReincarnationSettings {
    fn default() -> Self {
        Self { p0: 0.05, lambda: 0.5, beta: 1.0, iterations: 60 }
    }
}

/// Three lives of a policy, each anchored at what the last one reached.
pub struct Reincarnation(ReincarnationSettings);

impl Measure for Reincarnation {
    type Settings = ReincarnationSettings;
    type Fault = Fault;
    const NAME: &'static str = "reincarnation";
    const SUMMARY: &'static str =
        "The logit update of the KL-Convex optimum, and a new base after each life.";
    const METRICS: &'static [Metric] = &[
        Metric::new("first", "Success rate at the end of the first life.").range(0.0, 1.0).higher_is_better(),
        Metric::new("second", "Success rate after one reincarnation.").range(0.0, 1.0).higher_is_better(),
        Metric::new("third", "Success rate after two.").range(0.0, 1.0).higher_is_better(),
        Metric::new(
            "error",
            "Largest distance of a life's last logit from base + 1/(λβ), the base being what the \
                              last life should have reached.",
        )
        .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::KeepOldBase];
    const STOCHASTIC: bool = false;

    fn prepare(settings: ReincarnationSettings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let ReincarnationSettings { p0, lambda, beta, iterations } = self.0;
        let start = ln(p0 / (1.0 - p0));
        let (mut base, mut logit) = (start, start);
        let (mut ends, mut curve, mut error) = (Vec::new(), vec![p0], 0.0_f64);
        for life in 1..=3_u32 {
            for _ in 0..iterations {
                logit = lambda * base + (1.0 - lambda) * logit + 1.0 / beta;
                curve.push(sigmoid(logit));
            }
            ends.push(sigmoid(logit));
            error = error.max((logit - (start + f64::from(life) / (lambda * beta))).abs());
            if fault != Some(Fault::KeepOldBase) {
                base = logit;
            }
        }
        Ok(Measurement::new()
            .metric("first", ends[0])
            .metric("second", ends[1])
            .metric("third", ends[2])
            .metric("error", error)
            .series("success", (0..curve.len()).map(|t| t as f64).collect(), curve))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_optima_on_the_tree() {
        let sequences = Sequences::new();
        let known = [
            (0.0, 0.9031, 0.5699),
            (0.25, 0.8954, 0.5127),
            (0.5, 0.8853, 0.4572),
            (0.75, 0.8726, 0.4056),
            (1.0, 0.8569, 0.3632),
        ];
        for (lambda, success, divergence) in known {
            let [j, kl, _] = sequences.at(&AnchorSettings { lambda, beta: 0.5 }, None);
            assert_relative_eq!(j, success, epsilon = 5e-5);
            assert_relative_eq!(kl, divergence, epsilon = 5e-5);
        }
    }

    #[test]
    fn known_value_of_the_objective_and_of_the_arithmetic_mixture() {
        let sequences = Sequences::new();
        let at = |fault| sequences.at(&AnchorSettings::default(), fault)[2];
        assert_relative_eq!(at(None), 0.726_736_455_3, epsilon = 1e-10);
        assert_relative_eq!(at(None) - at(Some(Fault::ArithmeticMixture)), 8.7021e-4, epsilon = 1e-8);
        let Sequences { base, current, rewards } = &sequences;
        assert_relative_eq!(optimum(base, current, rewards, 0.25, 0.5, None).1, at(None), epsilon = 1e-14);
    }

    #[test]
    fn each_life_lifts_the_ceiling() {
        let lives = Reincarnation(ReincarnationSettings::default());
        let measured = lives.replicate(None, &Streams::from_seed(0)).unwrap();
        for (name, known) in [("first", 0.280), ("second", 0.742), ("third", 0.955)] {
            assert_relative_eq!(measured.get(name).unwrap(), known, epsilon = 5e-4);
        }
    }
}
