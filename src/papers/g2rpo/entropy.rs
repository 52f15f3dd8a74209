//! Entropy shaping: the policy's entropy is held in a band.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{
        stream::Streams,
        tokens::{Policy, PrefixTree, Rows, Task, wave},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// The band, and the weight of leaving it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// H_lo, nats.
    pub low: f64,
    /// H_hi, nats.
    pub high: f64,
    /// λ ≥ 0.
    pub lambda: f64,
}

impl Band {
    /// λ (max(0, H_lo − H)² + max(0, H − H_hi)²), to be subtracted from the objective.
    #[must_use]
    pub fn penalty(&self, entropy: f64, fault: Option<Fault>) -> f64 {
        let (below, above) = self.outside(entropy, fault);
        self.lambda * (below * below + above * above)
    }

    /// Derivative of the subtracted penalty, −d penalty/dH: positive below the band, negative above.
    #[must_use]
    pub fn pull(&self, entropy: f64, fault: Option<Fault>) -> f64 {
        let (below, above) = self.outside(entropy, fault);
        let pull = 2.0 * self.lambda * (below - above);
        if fault == Some(Fault::FlippedEntropySign) { -pull } else { pull }
    }

    fn outside(&self, entropy: f64, fault: Option<Fault>) -> (f64, f64) {
        let below = if fault == Some(Fault::UpperBoundOnly) { 0.0 } else { (self.low - entropy).max(0.0) };
        (below, (entropy - self.high).max(0.0))
    }
}

/// Adds `weight` · ∇H, ∇H = −Σ_y π(y) ln π(y) ∇ ln π(y).
fn add_entropy_gradient(task: &PrefixTree, policy: &Policy, weight: f64, gradient: &mut Rows) {
    task.enumerate(0, policy, &mut |y| {
        if y.probability > 0.0 {
            let slope = -weight * y.probability * policy.log_likelihood(y.steps);
            for step in y.steps {
                policy.add_score(*step, slope, gradient);
            }
        }
    });
}

/// Settings of training with an entropy band.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Lower end of the band, nats.
    #[serde(rename = "H_lo")]
    #[schemars(range(min = 0.0))]
    pub low: f64,
    /// Upper end of the band, nats.
    #[serde(rename = "H_hi")]
    #[schemars(range(min = 0.0))]
    pub high: f64,
    /// Weight λ of the penalty.
    #[schemars(range(min = 0.0))]
    pub lambda: f64,
    /// Steps of exact gradient ascent.
    #[schemars(range(min = 1, max = 100_000))]
    pub steps: usize,
    /// Steps that are not held to the upper end.
    #[schemars(range(min = 0, max = 100_000))]
    pub burn_in: usize,
    /// Learning rate.
    #[schemars(range(min = 0.0))]
    pub rate: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { low: 1.0, high: 2.0, lambda: 1.0, steps: 300, burn_in: 50, rate: 3.0 }
    }
}

/// The experiment: training with the band, beside training without.
pub struct EntropyBand {
    settings: Settings,
    task: PrefixTree,
}

impl Measure for EntropyBand {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "entropy-band";
    const SUMMARY: &'static str = "Trains a prefix tree of depth 3 over 3 tokens in exact expectation, with and without the entropy band.";
    const METRICS: &'static [Metric] = &[
        Metric::new("lowest", "Lowest entropy over all steps.").unit("nat").range(0.0, f64::INFINITY),
        Metric::new("highest", "Highest entropy after the burn-in.").unit("nat").range(0.0, f64::INFINITY),
        Metric::new("last", "Entropy after the last step.").unit("nat").range(0.0, f64::INFINITY),
        Metric::new("gain", "Entropy after the last step less that without the band.").unit("nat"),
        Metric::new("success", "Success rate after the last step.").range(0.0, 1.0).higher_is_better(),
        Metric::new("plain-success", "Success rate after the last step without the band.").range(0.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::UpperBoundOnly, Fault::FlippedEntropySign];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if settings.burn_in >= settings.steps || settings.low > settings.high {
            return Err(Failure::invalid("burn_in must be less than steps, and H_lo at most H_hi"));
        }
        let right = |tokens: &[usize]| tokens.iter().sum::<usize>().is_multiple_of(3) && tokens[0] != 1;
        let task = PrefixTree::new(3, 3, |tokens| f64::from(u8::from(right(tokens))));
        Ok(Self { settings, task })
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let Settings { lambda, steps, burn_in, .. } = self.settings;
        let (policy, entropies) = self.train(lambda, fault);
        let (plain, plain_entropies) = self.train(0.0, None);
        let success = |policy: &Policy| self.task.success(0, policy).clamp(0.0, 1.0);
        let last = entropies[steps];
        Ok(Measurement::new()
            .metric("lowest", entropies.iter().copied().fold(f64::INFINITY, f64::min).max(0.0))
            .metric("highest", entropies[burn_in + 1..].iter().copied().fold(0.0, f64::max))
            .metric("last", last.max(0.0))
            .metric("gain", last - plain_entropies[steps])
            .metric("success", success(&policy))
            .metric("plain-success", success(&plain))
            .series("entropy", (0..=steps).map(|t| t as f64).collect(), entropies))
    }
}

impl EntropyBand {
    /// Exact gradient ascent on the success rate less the penalty; entropies before and after each
    /// step.
    fn train(&self, lambda: f64, fault: Option<Fault>) -> (Policy, Vec<f64>) {
        let Settings { low, high, steps, rate, .. } = self.settings;
        let band = Band { low, high, lambda };
        let mut policy = Policy::from_fn(&self.task, |n, v| wave(n, v, 0));
        let mut gradient = Rows::zeros(self.task.rows(), self.task.width());
        let mut entropies = vec![self.task.entropy(0, &policy)];
        for _ in 0..steps {
            gradient.clear();
            self.add_gradient(&band, &policy, fault, &mut gradient);
            policy.ascend(rate, &gradient);
            entropies.push(self.task.entropy(0, &policy));
        }
        (policy, entropies)
    }

    /// Adds ∇(J − penalty).
    fn add_gradient(&self, band: &Band, policy: &Policy, fault: Option<Fault>, gradient: &mut Rows) {
        self.task.add_gradient(0, policy, 1.0, gradient);
        let pull = band.pull(self.task.entropy(0, policy), fault);
        add_entropy_gradient(&self.task, policy, pull, gradient);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    fn experiment() -> EntropyBand {
        EntropyBand::prepare(Settings::default(), &Data::default()).unwrap()
    }

    #[test]
    fn known_training() {
        let measure = |fault| experiment().replicate(fault, &Streams::from_seed(0)).unwrap();
        let is = |measured: &Measurement, metric, known, digits| {
            assert_abs_diff_eq!(measured.get(metric).unwrap(), known, epsilon = digits);
        };
        let banded = measure(None);
        assert_abs_diff_eq!(banded.series[0].y[0], 2.9052, epsilon = 5.1e-5);
        is(&banded, "lowest", 0.953, 5.1e-4);
        is(&banded, "last", 0.993, 5.1e-4);
        is(&banded, "highest", 0.993, 5.1e-4);
        is(&banded, "success", 0.995, 5.1e-4);
        is(&banded, "plain-success", 0.998, 5.1e-4);
        assert_abs_diff_eq!(
            banded.get("last").unwrap() - banded.get("gain").unwrap(),
            0.130,
            epsilon = 5.1e-4
        );
        is(&measure(Some(Fault::UpperBoundOnly)), "last", 0.085, 5.1e-4);
        let flipped = measure(Some(Fault::FlippedEntropySign));
        is(&flipped, "last", 3.214, 5.1e-4);
        is(&flipped, "success", 0.292, 5.1e-4);
    }

    #[test]
    fn the_gradient_is_that_of_the_objective() {
        let experiment = experiment();
        let band = Band { low: 3.1, high: 3.2, lambda: 0.7 };
        let objective = |logits: &Rows| {
            let policy = Policy::new(logits.clone());
            experiment.task.success(0, &policy) - band.penalty(experiment.task.entropy(0, &policy), None)
        };
        let logits = Rows::from_fn(13, 3, |n, v| wave(n, v, 0));
        let mut gradient = Rows::zeros(13, 3);
        experiment.add_gradient(&band, &Policy::new(logits.clone()), None, &mut gradient);
        for n in [0, 2, 12] {
            for v in 0..3 {
                let moved = |by: f64| {
                    objective(&Rows::from_fn(13, 3, |m, w| {
                        logits[m][w] + if (m, w) == (n, v) { by } else { 0.0 }
                    }))
                };
                let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                assert_abs_diff_eq!(gradient[n][v], difference, epsilon = 1e-9);
            }
        }
    }
}
