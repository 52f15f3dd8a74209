//! What happens to aleatoric and epistemic uncertainty as data accumulate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, noise::bootstrapped, penalty::Heuristic};
use crate::{
    kernel::{math::mean, stream::Streams},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Standard deviation of an observation.
const SIGMA: f64 = 0.3;
/// Epistemic deviations are reported as at least this, so that they have a logarithm.
const RESOLUTION: f64 = 1e-12;

/// Settings of the growing data.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// n: observations.
    #[schemars(range(min = 2, max = 1_000_000))]
    pub samples: usize,
    /// N.
    #[schemars(range(min = 2, max = 50))]
    pub members: usize,
    /// Datasets of a replicate, over which deviations are averaged.
    #[schemars(range(min = 1, max = 1000))]
    pub repeats: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { samples: 4096, members: 7, repeats: 5 }
    }
}

/// Bootstrap means of observations N(0, 0.3²).
pub struct DataSize(Settings);

impl Measure for DataSize {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "data-size";
    const SUMMARY: &'static str = "Epistemic std and max aleatoric of bootstrap means of n observations.";
    const METRICS: &'static [Metric] = &[
        Metric::new("epistemic", "Mean epistemic std; at least 1e-12.").range(0.0, f64::INFINITY),
        Metric::new("aleatoric", "Mean max aleatoric.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoResampling, Fault::StandardError];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { samples, members, repeats } = settings;
        if !(2..=1_000_000).contains(&samples)
            || !(2..=50).contains(&members)
            || !(1..=1000).contains(&repeats)
        {
            return Err(Failure::invalid(
                "expected 2 to 1000000 samples, 2 to 50 members and 1 to 1000 repeats",
            ));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let mut stream = streams.stream("observations");
        let (mut epistemic, mut aleatoric) = (Vec::new(), Vec::new());
        for _ in 0..self.0.repeats {
            let observations: Vec<f64> = (0..self.0.samples).map(|_| SIGMA * stream.normal()).collect();
            let ensemble = bootstrapped(&observations, self.0.members, &mut stream, fault)?;
            epistemic.push(Heuristic::EpistemicStd.of(&ensemble, fault)?);
            aleatoric.push(Heuristic::MaxAleatoric.of(&ensemble, fault)?);
        }
        Ok(Measurement::new()
            .metric("epistemic", mean(&epistemic).max(RESOLUTION))
            .metric("aleatoric", mean(&aleatoric)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn noise_stays_and_disagreement_goes() {
        let of = |samples, metric: &str| {
            let sizes = DataSize(Settings { samples, members: 7, repeats: 40 });
            sizes.replicate(None, &Streams::from_seed(2)).unwrap().get(metric).unwrap()
        };
        assert_relative_eq!(of(4096, "aleatoric"), 0.305, epsilon = 0.004);
        // The population std of seven N(0, s²) draws is √(6/7) c₄(7) s = 0.888 s on average.
        for samples in [64, 1024] {
            let expected = 0.3 / (samples as f64).sqrt() * 0.888;
            assert_relative_eq!(of(samples, "epistemic"), expected, max_relative = 0.2);
        }
    }
}
