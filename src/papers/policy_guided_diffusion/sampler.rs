//! The sampler held against the map that it approximates.

use nalgebra::DVector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, System, broken};
use crate::{
    kernel::{
        diffusion::{Solver, noise_levels, probability_flow},
        gaussian::Gaussian,
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the sampler.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// n, steps of the sampler.
    #[schemars(range(min = 2, max = 10_000))]
    pub steps: usize,
    /// λ.
    #[schemars(range(min = 0.0))]
    pub lambda: f64,
    /// Trajectories drawn.
    #[schemars(range(min = 1, max = 10_000))]
    pub samples: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { steps: 64, lambda: 1.0, samples: 8 }
    }
}

/// From noise of level 80 to trajectories of the linear system, by the exact score of p*.
pub struct Sampler {
    settings: Settings,
    law: Gaussian,
}

impl Measure for Sampler {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "sampler";
    const SUMMARY: &'static str =
        "Distance of sampled trajectories from the exact end of the probability flow.";
    const METRICS: &'static [Metric] = &[Metric::new("error", "Largest error of a coordinate of a sample.")
        .range(0.0, f64::INFINITY)
        .lower_is_better()];
    const FAULTS: &'static [Fault] = &[Fault::EulerStep];
    const TREATMENTS: &'static [&'static str] = &["steps"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if settings.steps < 2 || settings.samples == 0 || settings.lambda.is_nan() || settings.lambda < 0.0 {
            return Err(Failure::invalid("needs two steps, a sample, and a λ that is not negative"));
        }
        let law = System::default().guided(settings.lambda, None).normalised().map_err(broken)?;
        Ok(Self { settings, law })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let dimension = self.law.dimension();
        let levels = noise_levels(self.settings.steps, 0.002, 80.0, 7.0);
        let mut stream = streams.stream("noise");
        let start: Vec<f64> =
            (0..dimension * self.settings.samples).map(|_| levels[0] * stream.normal()).collect();
        let solver = if fault == Some(Fault::EulerStep) { Solver::Euler } else { Solver::Heun };

        let mut end = start.clone();
        let mut failure = None;
        probability_flow(&mut end, &levels, solver, |x, sigma, out| match self.law.noised(sigma) {
            Ok(law) => {
                for (x, out) in x.chunks(dimension).zip(out.chunks_mut(dimension)) {
                    out.copy_from_slice(law.score(&DVector::from_column_slice(x)).as_slice());
                }
            }
            Err(error) => failure = Some(broken(error)),
        });
        if let Some(failure) = failure {
            return Err(failure);
        }

        let errors = start.chunks(dimension).zip(end.chunks(dimension)).map(|(start, end)| {
            let exact = self.law.flowed(&DVector::from_column_slice(start), levels[0]);
            (exact - DVector::from_column_slice(end)).amax()
        });
        Ok(Measurement::new().metric("error", errors.fold(0.0, f64::max)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ratios of the errors at n and 2n steps.
    fn ratios(fault: Option<Fault>) -> Vec<f64> {
        let error = |steps| {
            let sampler =
                Sampler::prepare(Settings { steps, ..Settings::default() }, &Data::default()).unwrap();
            sampler.replicate(fault, &Streams::from_seed(1)).unwrap().get("error").unwrap()
        };
        let errors = [16, 32, 64, 128, 256].map(error);
        errors.windows(2).map(|pair| pair[0] / pair[1]).collect()
    }

    #[test]
    fn known_ratios_of_errors() {
        for (ratio, known) in ratios(None).iter().zip([4.60, 4.29, 4.15, 4.19]) {
            assert!((ratio - known).abs() < 0.06, "{ratio}");
        }
        for (ratio, known) in ratios(Some(Fault::EulerStep)).iter().zip([1.97, 2.0, 2.0, 1.99]) {
            assert!((ratio - known).abs() < 0.06, "{ratio}");
        }
    }
}
