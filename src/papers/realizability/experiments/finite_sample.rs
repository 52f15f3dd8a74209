//! A finite-sample bound for finite classes, with constants of our own.
//!
//! Let Q^π ∈ F, |F| finite, β the incompleteness of F, and let n transitions start from fixed pairs
//! whose shares are μ. Write η = r + γQ(x′) − TQ(x), and let E exp(tη) ≤ exp(t²σ²/2) for all t, given
//! x and for each Q ∈ F. With ℓ = ln(2|F|/δ), the following holds with probability 1 − δ:
//!
//! E(Q̂) ≤ 6 σ √(ℓ/n) / (1 − β²).
//!
//! *Proof.* (1) At Q^π the inner loss of g is the mean of 2η(g − Q^π) − (g − Q^π)², and exp of its
//! sum over 2σ² has expectation at most 1. So by Markov L_n(Q^π) ≤ 2σ²ℓ/n, except with probability
//! δ/(2|F|) for each g. (2) For Q ∈ F and the g ∈ F nearest to TQ, the mean of
//! (Q − y)² − (g − y)² is E(Q)² − I(Q)² minus the mean of 2η(Q − g), which is sub-Gaussian with scale
//! 2σ‖Q − g‖/√n ≤ 4σE(Q)/√n. So L_n(Q) ≥ (1 − β²)E(Q)² − 4σE(Q)√(2ℓ/n), except with probability
//! δ/(2|F|) for each Q. (3) L_n(Q̂) ≤ L_n(Q^π); with u = σ√(ℓ/n) and b = 1 − β² ≤ 1 this gives
//! bE² ≤ 2u² + 4√2 uE, hence E ≤ (2√2 + √(8 + 2b)) u/b ≤ 6u/b. ∎
//!
//! Reward noise is normal with variance s², and γQ(x′) lies in an interval of length γR, so σ² =
//! s² + γ²R²/4 will do (Hoeffding's lemma), R the largest range of Q ∈ F.

use nalgebra::{DMatrix, DVector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{Fault, models::Model, problem::Population, transitions::Transitions, value::ValueError};
use crate::{
    kernel::{
        math::{ln, powi},
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the finite class and its sample.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// γ.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub discount: f64,
    /// Transitions a state; n is twice that.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub visits: u32,
    /// Standard deviation of the reward noise, which is normal.
    #[schemars(range(min = 0.0))]
    pub noise: f64,
    /// δ: allowed probability of exceeding the bound.
    #[schemars(range(min = 1e-9, max = 1.0))]
    pub delta: f64,
    /// Pairs of functions θ = 1 ± 0.8/2ᵏ, k = 0, 1, …, beside θ = 1.
    #[schemars(range(min = 1, max = 30))]
    pub levels: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { discount: 0.9, visits: 10_000, noise: 0.5, delta: 0.1, levels: 6 }
    }
}

/// A geometric class around Q^π on two states whose features are 1 and −1.
pub struct FiniteSample {
    settings: Settings,
    population: Population,
    class: Vec<DVector<f64>>,
    /// 6σ√(ℓ/n)/(1 − β²).
    bound: f64,
}

impl Measure for FiniteSample {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "finite-sample";
    const SUMMARY: &'static str =
        "Whether the minimax estimate in a finite class obeys its finite-sample bound.";
    const METRICS: &'static [Metric] = &[
        Metric::new("covered", "Whether Bellman error and value error obey their bounds.").range(0.0, 1.0),
        Metric::new("error", "E(Q̂).").range(0.0, f64::INFINITY).lower_is_better(),
        Metric::new("bound", "6σ√(ln(2|F|/δ)/n)/(1 − β²).").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoInnerMax];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let population = Model::Alternating.problem(vec![1.0, 1.0], settings.discount).population()?;
        let scales = (0..settings.levels).flat_map(|k| {
            let distance = 0.8 / powi(2.0, k);
            [1.0 - distance, 1.0 + distance]
        });
        let class: Vec<DVector<f64>> =
            std::iter::once(1.0).chain(scales).map(|theta| theta * population.truth()).collect();
        let visible = visible_share(&population, &class);
        if visible <= 0.0 {
            return Err(Failure::invalid("the class does not identify Q^π: β = 1, and there is no bound"));
        }
        let range = class.iter().map(|q| q.max() - q.min()).fold(0.0, f64::max);
        let swing = settings.discount * range / 2.0;
        let sigma = (settings.noise * settings.noise + swing * swing).sqrt();
        let confidence = ln(2.0 * class.len() as f64 / settings.delta);
        let bound = 6.0 * sigma * (confidence / (2.0 * f64::from(settings.visits))).sqrt() / visible;
        Ok(Self { settings, population, class, bound })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let (mut moves, mut noises) = (streams.stream("transitions"), streams.stream("reward noise"));
        let Settings { discount, visits, noise, .. } = self.settings;
        let population = &self.population;
        let total = 2.0 * f64::from(visits);
        let (mut weights, mut rewards) = (DMatrix::zeros(2, 2), DMatrix::zeros(2, 2));
        for x in 0..2 {
            let stay = population.transitions()[(x, 0)];
            let first = (0..visits).filter(|_| moves.bernoulli(stay)).count() as f64;
            for (next, count) in [first, f64::from(visits) - first].into_iter().enumerate() {
                weights[(x, next)] = count / total;
                // The sum of m normal numbers is normal.
                let noise = noise * noises.normal() * count.sqrt();
                rewards[(x, next)] = (count * population.rewards()[x] + noise) / total;
            }
        }
        let data = Transitions { weights, rewards };
        let estimate = &self.class[data.minimax_estimate(&self.class, discount, fault)];

        let error = population.bellman_error(estimate);
        let start = DVector::from_column_slice(&[1.0, 0.0]);
        let value = ValueError::of(population, estimate, &start, None)?;
        let value_bound = value.concentrability.sqrt() / (1.0 - discount) * self.bound;
        let covered = error <= self.bound && value.error.abs() <= value_bound;
        Ok(Measurement::new()
            .metric("covered", f64::from(u8::from(covered)))
            .metric("error", error)
            .metric("bound", self.bound))
    }
}

/// 1 − β² of a finite class: the least (E² − I²)/E² among its functions with a Bellman error.
fn visible_share(population: &Population, class: &[DVector<f64>]) -> f64 {
    let mut least = 1.0_f64;
    for q in class {
        let (error, backup) = (population.bellman_error(q), population.backup(q));
        let inherent = class.iter().map(|g| population.norm(&(g - &backup))).fold(f64::INFINITY, f64::min);
        // Q^π has no error but rounding.
        if error > 1e-12 * population.norm(q) {
            least = least.min(1.0 - (inherent / error) * (inherent / error));
        }
    }
    least
}
