//! What a directional curvature costs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{
        math::softmax,
        stream::Streams,
        tokens::{Rows, wave},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the count.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Features d of the last layer.
    #[schemars(range(min = 1, max = 512))]
    pub features: usize,
    /// Vocabulary V.
    #[schemars(range(min = 2, max = 64))]
    pub vocabulary: usize,
    /// Tokens n.
    #[schemars(range(min = 1, max = 64))]
    pub tokens: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { features: 32, vocabulary: 8, tokens: 2 }
    }
}

/// Multiplications for Σ Var_π(Δh) over n tokens: O(nVd) with u = Δh, O(n(Vd)²) with the matrix.
pub struct Cost(Settings);

/// Multiplies, and counts.
#[derive(Default)]
struct Meter(u64);

impl Meter {
    fn times(&mut self, a: f64, b: f64) -> f64 {
        self.0 += 1;
        a * b
    }
}

impl Measure for Cost {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "cost";
    const SUMMARY: &'static str = "Counts the multiplications that a directional curvature takes.";
    const METRICS: &'static [Metric] = &[
        Metric::new("multiplications", "Multiplications.")
            .unit("operations")
            .range(1.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("curvature", "The curvature that they compute.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ExplicitFisher];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { features, vocabulary, tokens } = settings;
        if !(1..=512).contains(&features) || !(2..=64).contains(&vocabulary) || !(1..=64).contains(&tokens) {
            return Err(Failure::invalid("needs 1 ≤ features ≤ 512, 2 ≤ vocabulary ≤ 64, 1 ≤ tokens ≤ 64"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let Settings { features, vocabulary, tokens } = self.0;
        let step = Rows::from_fn(vocabulary, features, |v, j| wave(v, j, 9));
        let mut meter = Meter::default();
        let mut curvature = 0.0;
        for i in 0..tokens {
            let hidden: Vec<f64> = (0..features).map(|j| wave(i, j, 3)).collect();
            let logits: Vec<f64> = (0..vocabulary).map(|v| wave(i, v, 1)).collect();
            let policy = softmax(&logits);
            curvature += match fault {
                Some(Fault::ExplicitFisher) => explicit(&mut meter, &policy, &hidden, &step),
                _ => matrix_free(&mut meter, &policy, &hidden, &step),
            };
        }
        Ok(Measurement::new().metric("multiplications", meter.0 as f64).metric("curvature", curvature))
    }
}

/// Var_π(Δh), by u = Δh.
fn matrix_free(meter: &mut Meter, policy: &[f64], hidden: &[f64], step: &Rows) -> f64 {
    let moved: Vec<f64> =
        step.iter().map(|row| row.iter().zip(hidden).map(|(d, h)| meter.times(*d, *h)).sum()).collect();
    let mean: f64 = policy.iter().zip(&moved).map(|(p, u)| meter.times(*p, *u)).sum();
    policy
        .iter()
        .zip(&moved)
        .map(|(p, u)| {
            let square = meter.times(u - mean, u - mean);
            meter.times(*p, square)
        })
        .sum()
}

/// ΔᵀFΔ with F = (diag π − ππᵀ)⊗hhᵀ entry by entry.
fn explicit(meter: &mut Meter, policy: &[f64], hidden: &[f64], step: &Rows) -> f64 {
    let features = hidden.len();
    let delta = step.values();
    let mut total = 0.0;
    for a in 0..delta.len() {
        for b in 0..delta.len() {
            let (v, w) = (a / features, b / features);
            let outer = meter.times(policy[v], policy[w]);
            let covariance = if v == w { policy[v] - outer } else { -outer };
            let features = meter.times(hidden[a % features], hidden[b % features]);
            let entry = meter.times(covariance, features);
            let left = meter.times(delta[a], entry);
            total += meter.times(left, delta[b]);
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn both_ways_compute_the_same() {
        let cost = Cost(Settings { features: 5, vocabulary: 4, tokens: 3 });
        let of = |fault| cost.replicate(fault, &Streams::from_seed(0)).unwrap();
        let (free, matrix) = (of(None), of(Some(Fault::ExplicitFisher)));
        assert_relative_eq!(
            free.get("curvature").unwrap(),
            matrix.get("curvature").unwrap(),
            epsilon = 1e-12
        );
        assert_eq!(free.get("multiplications").unwrap(), 3.0 * (4.0 * 5.0 + 3.0 * 4.0));
        assert_eq!(matrix.get("multiplications").unwrap(), 3.0 * 5.0 * 400.0);
    }
}
