//! From rewards to advantages: the transport to N(0, 1), and what it is compared with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{
        math::{mean, normal_quantile, sum},
        stream::Streams,
        tokens::Estimator,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// How the rewards of a group become advantages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// G²RPO: transport to N(0, 1).
    #[default]
    Gaussian,
    /// GRPO: subtract the mean, divide by the population standard deviation.
    Grpo,
    /// Dr. GRPO: subtract the mean.
    MeanCentred,
    /// Ranks instead of rewards, then as GRPO; equal rewards share the mean of their ranks.
    RankZscore,
}

/// The N quantiles q_(1) ≤ … ≤ q_(N) that are handed out: Φ⁻¹((i − ½)/N).
///
/// The upper half is the negative of the lower, so that they are symmetric to the last bit.
#[must_use]
pub fn quantiles(n: usize, fault: Option<Fault>) -> Vec<f64> {
    let size = n as f64;
    let position = |i: usize| (i as f64 + 0.5) / size;
    match fault {
        Some(Fault::UniformQuantiles) => {
            let uniform: Vec<f64> = (0..n).map(|i| 2.0 * position(i) - 1.0).collect();
            scaled_to_unit_variance(uniform)
        }
        Some(Fault::UpperPlottingPosition) => {
            (0..n).map(|i| normal_quantile((i as f64 + 1.0) / size - 0.25 / size)).collect()
        }
        _ => (0..n)
            .map(|i| {
                let mirrored = n - 1 - i;
                if i <= mirrored {
                    normal_quantile(position(i))
                } else {
                    -normal_quantile(position(mirrored))
                }
            })
            .collect(),
    }
}

/// Divides by the root mean square, unless that is zero.
#[must_use]
pub fn scaled_to_unit_variance(mut values: Vec<f64>) -> Vec<f64> {
    let scale = mean_square(&values).sqrt();
    if scale > 0.0 {
        for v in &mut values {
            *v /= scale;
        }
    }
    values
}

/// (1/N) Σ v², the variance of values of mean zero; 0 for none.
#[must_use]
pub fn mean_square(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { sum(values.iter().map(|v| v * v)) / values.len() as f64 }
}

/// Hands `values`, ascending, out to a group by the ranks of its rewards: ties get the mean of what
/// their ranks would get, so all get the mean of all if the rewards are all equal.
#[must_use]
pub fn by_rank(rewards: &[f64], values: &[f64], fault: Option<Fault>) -> Vec<f64> {
    let mut order: Vec<usize> = (0..rewards.len()).collect();
    if fault != Some(Fault::UnsortedAssignment) {
        order.sort_by(|&i, &j| rewards[i].total_cmp(&rewards[j]));
    }
    let mut handed = vec![0.0; rewards.len()];
    let mut from = 0;
    for tied in order.chunk_by(|&i, &j| rewards[i] == rewards[j] && fault != Some(Fault::BreakTiesByIndex)) {
        let share = mean(&values[from..from + tied.len()]);
        for &i in tied {
            handed[i] = share;
        }
        from += tied.len();
    }
    handed
}

/// A scheme, prepared for groups of one size.
#[derive(Clone, Debug)]
pub struct Advantages {
    scheme: Scheme,
    quantiles: Vec<f64>,
    fault: Option<Fault>,
}

impl Advantages {
    /// The scheme for groups of `n` responses. Faults are mistakes in G²RPO; the others are left alone.
    #[must_use]
    pub fn new(scheme: Scheme, n: usize, fault: Option<Fault>) -> Self {
        let (scheme, fault) = match (scheme, fault) {
            (Scheme::Gaussian, Some(Fault::LinearZscore)) => (Scheme::Grpo, None),
            (Scheme::Gaussian, Some(Fault::MeanCentred)) => (Scheme::MeanCentred, None),
            (Scheme::Gaussian, fault) => (scheme, fault),
            _ => (scheme, None),
        };
        let quantiles = match scheme {
            Scheme::Gaussian => quantiles(n, fault),
            Scheme::RankZscore => (0..n).map(|i| i as f64).collect(),
            Scheme::Grpo | Scheme::MeanCentred => Vec::new(),
        };
        Self { scheme, quantiles, fault }
    }

    /// Advantages of a group, in the order of its responses; the group has the size prepared for.
    #[must_use]
    pub fn of(&self, rewards: &[f64]) -> Vec<f64> {
        match self.scheme {
            Scheme::Gaussian => by_rank(rewards, &self.quantiles, self.fault),
            Scheme::Grpo => Estimator::GRPO.of(rewards),
            Scheme::MeanCentred => Estimator::Mean.of(rewards),
            Scheme::RankZscore => Estimator::GRPO.of(&by_rank(rewards, &self.quantiles, None)),
        }
    }
}

/// Advantages of G²RPO.
#[must_use]
pub fn gaussian_advantages(rewards: &[f64], fault: Option<Fault>) -> Vec<f64> {
    Advantages::new(Scheme::Gaussian, rewards.len(), fault).of(rewards)
}

/// Settings of a group with an outlier.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OutlierSettings {
    /// How rewards become advantages.
    pub scheme: Scheme,
    /// Size N of the group; the rewards are 0.1, 0.2, … but for the last.
    #[serde(rename = "N")]
    #[schemars(range(min = 3, max = 100_000))]
    pub group: usize,
    /// The last reward, larger than the others.
    pub outlier: f64,
}

impl Default for OutlierSettings {
    fn default() -> Self {
        Self { scheme: Scheme::Gaussian, group: 8, outlier: 8.0 }
    }
}

/// The experiment: what an outlier does to the others of its group.
pub struct Outlier(OutlierSettings);

impl Measure for Outlier {
    type Settings = OutlierSettings;
    type Fault = Fault;
    const NAME: &'static str = "outlier";
    const SUMMARY: &'static str = "Advantages of a group with evenly spaced rewards and one outlier.";
    const METRICS: &'static [Metric] = &[
        Metric::new("spread", "Largest less smallest advantage of the others.").range(0.0, f64::INFINITY),
        Metric::new("largest", "Advantage of the outlier."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::LinearZscore];
    const STOCHASTIC: bool = false;

    fn prepare(settings: OutlierSettings, _: &Data) -> Result<Self, Failure> {
        let others = settings.group.saturating_sub(1);
        if others < 2 || settings.outlier <= 0.1 * others as f64 {
            return Err(Failure::invalid("N must be at least 3, and the outlier larger than 0.1 (N - 1)"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let OutlierSettings { scheme, group, outlier } = self.0;
        let mut rewards: Vec<f64> = (1..group).map(|i| 0.1 * i as f64).collect();
        rewards.push(outlier);
        let advantages = Advantages::new(scheme, group, fault).of(&rewards);
        Ok(Measurement::new()
            .metric("spread", advantages[group - 2] - advantages[0])
            .metric("largest", advantages[group - 1]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn known_quantiles() {
        let known = [0.157_310_684_6, 0.488_776_411_1, 0.887_146_559_0, 1.534_120_544_4];
        let q = quantiles(8, None);
        for (i, known) in known.into_iter().enumerate() {
            assert_abs_diff_eq!(q[4 + i], known, epsilon = 1e-9);
            assert_eq!(q[3 - i], -q[4 + i]);
        }
        assert_eq!(quantiles(1, None), [0.0]);
        assert!(quantiles(0, None).is_empty());
    }

    #[test]
    fn ties_share_their_quantiles() {
        let advantages = gaussian_advantages(&[0.2, 0.9, 0.2, 0.5, 0.9, 0.9], None);
        let (low, middle, high) = (-1.028_741_939, -0.210_428_394, 0.755_970_757);
        assert_abs_diff_eq!(advantages[..], [low, high, low, middle, high, high][..], epsilon = 1e-9);
        assert_abs_diff_eq!(gaussian_advantages(&[3.0; 5], None)[..], [0.0; 5][..], epsilon = 1e-16);
        // The two zeros are equal.
        let [negative, positive, _] = gaussian_advantages(&[-0.0, 0.0, 1.0], None)[..] else { panic!() };
        assert_eq!(negative, positive);
    }

    #[test]
    fn an_outlier_flattens_the_others_under_grpo_only() {
        for (outlier, grpo) in [(0.8, 2.619), (8.0, 0.238), (800.0, 0.0023)] {
            let measure = |scheme| {
                let settings = OutlierSettings { scheme, group: 8, outlier };
                let experiment = Outlier::prepare(settings, &Data::default()).unwrap();
                experiment.replicate(None, &Streams::from_seed(0)).unwrap()
            };
            assert_abs_diff_eq!(measure(Scheme::Gaussian).get("spread").unwrap(), 2.421, epsilon = 5.1e-4);
            assert_abs_diff_eq!(measure(Scheme::Grpo).get("spread").unwrap(), grpo, epsilon = 5.1e-4);
        }
    }

    #[test]
    fn schemes_are_left_alone_by_mistakes_of_another() {
        let rewards = [0.3, 5.0, -1.0];
        for scheme in [Scheme::Grpo, Scheme::MeanCentred, Scheme::RankZscore] {
            let of = |fault| Advantages::new(scheme, 3, fault).of(&rewards);
            assert_eq!(of(None), of(Some(Fault::MeanCentred)));
        }
        let ranks = Advantages::new(Scheme::RankZscore, 3, None).of(&rewards);
        let end = 1.5_f64.sqrt();
        assert_abs_diff_eq!(ranks[..], [0.0, end, -end][..], epsilon = 1e-15);
    }
}
