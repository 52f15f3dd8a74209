//! Gradient ascent on J: what fine-tuning does, with exact gradients and a table of logits.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    chain::{Chain, Initial, Sampler},
};
use crate::{
    kernel::{
        math::{dot, ln, softmax},
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the ascent.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Number of the random chain.
    #[schemars(range(max = 1_000_000))]
    pub chain: u64,
    /// M.
    #[schemars(range(min = 1, max = 64))]
    pub states: usize,
    /// T.
    #[schemars(range(min = 1, max = 64))]
    pub steps: usize,
    /// Y.
    #[schemars(range(min = 1, max = 64))]
    pub labels: usize,
    /// γ.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub gamma: f64,
    /// Gradient steps.
    #[schemars(range(min = 1, max = 100_000))]
    pub updates: usize,
    /// Learning rate.
    pub rate: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { chain: 0, states: 6, steps: 4, labels: 3, gamma: 1.0, updates: 3000, rate: 0.5 }
    }
}

/// The controlled kernels as logits, started at ln K.
pub struct Policy {
    /// Indexed \[t − 1\]\[x\]\[x'\].
    pub logits: Vec<Vec<Vec<f64>>>,
}

impl Policy {
    /// The pre-trained chain.
    #[must_use]
    pub fn pretrained(chain: &Chain) -> Self {
        let logarithms = |row: &Vec<f64>| row.iter().map(|p| ln(*p)).collect();
        Self { logits: chain.kernels.iter().map(|k| k.iter().map(logarithms).collect()).collect() }
    }

    /// The chain that the logits give, from the law ν of x_T.
    #[must_use]
    pub fn sampler(&self, chain: &Chain) -> Sampler {
        let kernels = self.logits.iter().map(|k| k.iter().map(|row| softmax(row)).collect()).collect();
        Sampler { start: chain.start.clone(), kernels }
    }

    /// ∂J/∂logits: dₜ(x) Pₜ(x'|x) (Qₜ(x, x') − Σ P Q), with dₜ the law of xₜ,
    /// Qₜ(x, x') = V_{t−1}(x') − ln(Pₜ/Kₜ), V₀ = γ ln p(y|x) and Vₜ(x) = Σ P Q.
    #[must_use]
    pub fn gradient(&self, chain: &Chain, fault: Option<Fault>) -> Vec<Vec<Vec<f64>>> {
        let sampler = self.sampler(chain);
        let laws = sampler.laws();
        let mut value = chain.reward(None);
        let mut gradient = Vec::new();
        for ((kernel, control), law) in chain.kernels.iter().zip(&sampler.kernels).zip(&laws[1..]) {
            let mut earlier = Vec::new();
            let mut rows = Vec::new();
            for ((k, p), d) in kernel.iter().zip(control).zip(law) {
                let gains: Vec<f64> = (0..k.len())
                    .map(|next| match fault {
                        Some(Fault::DetachedKl) => value[next],
                        _ => value[next] - (ln(p[next]) - ln(k[next])),
                    })
                    .collect();
                let baseline = dot(p, &gains);
                rows.push(p.iter().zip(&gains).map(|(p, q)| d * p * (q - baseline)).collect());
                earlier.push(baseline);
            }
            gradient.push(rows);
            value = earlier;
        }
        gradient
    }

    fn step(&mut self, gradient: &[Vec<Vec<f64>>], rate: f64) {
        for (logit, slope) in
            self.logits.iter_mut().flatten().flatten().zip(gradient.iter().flatten().flatten())
        {
            *logit += rate * slope;
        }
    }
}

/// The gap J* − J over gradient steps.
pub struct Training(Settings);

impl Measure for Training {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "training";
    const SUMMARY: &'static str =
        "Gradient ascent on J from the pre-trained chain, and how far it stays below the optimum.";
    const METRICS: &'static [Metric] = &[
        Metric::new("first-gap", "J* − J of the pre-trained chain.").unit("nats"),
        Metric::new("gap", "J* − J after the last step.").unit("nats").lower_is_better(),
        Metric::new("largest-rise", "Largest rise of the gap from one step to the next.").unit("nats"),
    ];
    const FAULTS: &'static [Fault] = &[Fault::DetachedKl];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { states, steps, labels, gamma, updates, rate, .. } = settings;
        if ![states, steps, labels].iter().all(|n| (1..=64).contains(n)) {
            return Err(Failure::invalid("`states`, `steps` and `labels` must lie between 1 and 64"));
        }
        if !(1..=100_000).contains(&updates) {
            return Err(Failure::invalid("`updates` must lie between 1 and 100000"));
        }
        if !((0.0..=1000.0).contains(&gamma) && rate > 0.0 && rate.is_finite()) {
            return Err(Failure::invalid("needs 0 ≤ `gamma` ≤ 1000, and a positive `rate`"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let Settings { chain, states, steps, labels, gamma, updates, rate } = self.0;
        let chain = Chain { gamma, ..Chain::numbered(chain, states, steps, labels, Initial::Kept) };
        let best = chain.objective(&chain.soft_optimal(None).sampler, None);
        let mut policy = Policy::pretrained(&chain);
        let mut gaps = vec![best - chain.objective(&policy.sampler(&chain), None)];
        for _ in 0..updates {
            let gradient = policy.gradient(&chain, fault);
            policy.step(&gradient, rate);
            gaps.push(best - chain.objective(&policy.sampler(&chain), None));
        }
        let rise = gaps.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::NEG_INFINITY, f64::max);
        // A hundred points show the curve as well as all of them.
        let shown: Vec<usize> = (0..=updates).step_by(updates.div_ceil(100)).collect();
        Ok(Measurement::new()
            .metric("first-gap", gaps[0])
            .metric("gap", gaps[updates])
            .metric("largest-rise", rise)
            .series(
                "gap-by-step",
                shown.iter().map(|n| *n as f64).collect(),
                shown.iter().map(|n| gaps[*n]).collect(),
            ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn gap(updates: usize, fault: Option<Fault>) -> f64 {
        let training = Training(Settings { updates, ..Settings::default() });
        training.replicate(fault, &Streams::from_seed(0)).unwrap().get("gap").unwrap()
    }

    #[test]
    fn known_gaps() {
        for (updates, known, digits) in
            [(30, 0.0489, 5e-5), (100, 0.0142, 5e-5), (300, 0.0029, 5e-5), (1000, 5.6e-4, 5e-6)]
        {
            assert_relative_eq!(gap(updates, None), known, epsilon = digits);
        }
        assert_relative_eq!(gap(3000, None), 8.01e-5, epsilon = 5e-8);
        assert_relative_eq!(gap(300, Some(Fault::DetachedKl)), 1.166, epsilon = 5e-4);
        assert_relative_eq!(gap(3000, Some(Fault::DetachedKl)), 2.458, epsilon = 5e-4);
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_objective() {
        let chain = Chain::numbered(3, 3, 2, 2, Initial::Kept);
        let mut policy = Policy::pretrained(&chain);
        for (i, logit) in policy.logits.iter_mut().flatten().flatten().enumerate() {
            *logit += 0.1 * i as f64;
        }
        let gradient = policy.gradient(&chain, None);
        for (t, x, next) in [(0, 0, 1), (0, 2, 2), (1, 1, 0), (1, 2, 1)] {
            let mut at = |shift: f64| {
                policy.logits[t][x][next] += shift;
                let value = chain.objective(&policy.sampler(&chain), None);
                policy.logits[t][x][next] -= shift;
                value
            };
            let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert_relative_eq!(gradient[t][x][next], slope, epsilon = 1e-9);
        }
    }
}
