//! The error of policy emulators.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        Fault,
        emulator::{Acts, Emulator, action_value, draw_policy, latent},
    },
    hold,
};
use crate::{
    kernel::{mdp::Episodic, stream::Streams},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the emulator.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Observations that each latent state emits, equally likely.
    #[schemars(range(min = 1, max = 100_000))]
    pub observations: usize,
    /// m, sampled observations of each latent state.
    #[schemars(range(min = 1, max = 100_000))]
    pub samples: usize,
    /// |Π|, policies drawn at random.
    #[schemars(range(min = 1, max = 100_000))]
    pub policies: usize,
    /// Emulators a replicate.
    #[schemars(range(min = 1, max = 100_000))]
    pub repeats: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { observations: 500, samples: 40, policies: 100, repeats: 10 }
    }
}

/// The Block process with two latent states.
pub struct Emulation {
    settings: Settings,
    latent: Episodic,
}

impl Measure for Emulation {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "emulation";
    const SUMMARY: &'static str = "Error of a policy emulator made of so many observations a latent state.";
    const METRICS: &'static [Metric] = &[Metric::new(
        "error",
        "max over π of the difference between V(π) on the emulator and V(π); mean over emulators.",
    )
    .range(0.0, 1.0)
    .lower_is_better()];
    const FAULTS: &'static [Fault] = &[Fault::SharedSample];
    // The class is the same for emulators of all sizes.
    const TREATMENTS: &'static [&'static str] = &["samples"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        hold("observations", settings.observations, 1)?;
        hold("samples", settings.samples, 1)?;
        hold("policies", settings.policies, 1)?;
        hold("repeats", settings.repeats, 1)?;
        Ok(Self { settings, latent: latent()? })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { observations, samples, policies, repeats } = self.settings;
        let mut stream = streams.stream("policies");
        let class: Vec<Acts> =
            (0..policies).map(|_| draw_policy(&self.latent, observations, &mut stream)).collect();
        let values =
            class.iter().map(|acts| action_value(&self.latent, acts)).collect::<Result<Vec<f64>, _>>()?;
        let mut stream = streams.stream("samples");
        let mut total = 0.0;
        for _ in 0..repeats {
            let emulator = Emulator::sample(&self.latent, observations, samples, fault, &mut stream);
            let mut error = 0.0_f64;
            for (acts, value) in class.iter().zip(&values) {
                error = error.max((emulator.value(&self.latent, acts)? - value).abs());
            }
            total += error;
        }
        Ok(Measurement::new().metric("error", total / repeats as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::math::mean;

    #[test]
    fn known_errors_by_samples() {
        // Means of another implementation over twenty repeats.
        for (samples, known) in [(5, 0.312), (20, 0.178), (80, 0.096), (160, 0.061)] {
            let settings = Settings { samples, ..Settings::default() };
            let emulation = Emulation::prepare(settings, &Data::default()).unwrap();
            let values = (0..4).map(|seed| {
                emulation.replicate(None, &Streams::from_seed(seed)).unwrap().get("error").unwrap()
            });
            let error = mean(&values.collect::<Vec<f64>>());
            assert!((error / known - 1.0).abs() < 0.2, "{samples}: {error}");
        }
    }
}
