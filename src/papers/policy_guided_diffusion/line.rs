//! Guidance on the line: what sampling costs when the guidance is the gradient at a point estimate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, trajectories::histogram};
use crate::{
    kernel::{
        diffusion::{Solver, noise_levels, probability_flow},
        math::{mean, variance},
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// How the guidance ∇ log E\[q(a₀)^λ | a_σ\] is computed at noise level σ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Guidance {
    /// Exactly.
    Exact,
    /// As the gradient of λ log q at the denoised action E\[a₀|a_σ\].
    PlugIn,
    /// Not at all.
    None,
}

/// Data a₀ ~ N(0, 1), guided by q(a) = N(a; μ, s²), so that
/// p* ∝ N(a; 0, 1) q(a)^λ = N(λμ/(s² + λ), s²/(s² + λ)).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Bend {
    /// μ.
    pub centre: f64,
    /// s² > 0.
    pub variance: f64,
    /// λ ≥ 0.
    pub lambda: f64,
}

impl Default for Bend {
    fn default() -> Self {
        Self { centre: 1.5, variance: 0.25, lambda: 1.0 }
    }
}

impl Bend {
    /// Refuses what no law can be made of.
    ///
    /// # Errors
    /// [`Failure::Invalid`].
    pub fn check(&self) -> Result<(), Failure> {
        let finite = [self.centre, self.variance, self.lambda].iter().all(|v| v.is_finite());
        if finite && self.variance > 0.0 && self.lambda >= 0.0 {
            Ok(())
        } else {
            Err(Failure::invalid("the guide needs a positive variance and a weight that is not negative"))
        }
    }

    /// Mean and variance of p*.
    #[must_use]
    pub fn moments(&self) -> (f64, f64) {
        let total = self.variance + self.lambda;
        (self.lambda * self.centre / total, self.variance / total)
    }

    /// The guidance at a noised action. With g = 1/(1 + σ²), q(a₀|a_σ) = N(ga, σ²g), and
    /// exact λg(μ − ga)/(s² + λσ²g), plug-in λg(μ − ga)/s².
    #[must_use]
    pub fn guidance(&self, a: f64, sigma: f64, kind: Guidance) -> f64 {
        let shrink = 1.0 / (1.0 + sigma * sigma);
        let pull = self.lambda * shrink * (self.centre - shrink * a);
        match kind {
            Guidance::Exact => pull / (self.variance + self.lambda * sigma * sigma * shrink),
            Guidance::PlugIn => pull / self.variance,
            Guidance::None => 0.0,
        }
    }

    /// The score of the noised data, −a/(1 + σ²), plus the guidance.
    #[must_use]
    pub fn score(&self, a: f64, sigma: f64, kind: Guidance) -> f64 {
        -a / (1.0 + sigma * sigma) + self.guidance(a, sigma, kind)
    }
}

/// Settings of guidance on the line.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How the guidance is computed.
    pub guidance: Guidance,
    /// What guides.
    pub bend: Bend,
    /// Steps of the sampler.
    #[schemars(range(min = 2, max = 10_000))]
    pub steps: usize,
    /// Samples drawn.
    #[schemars(range(min = 2, max = 1_000_000))]
    pub samples: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { guidance: Guidance::PlugIn, bend: Bend::default(), steps: 256, samples: 2000 }
    }
}

/// Samples by Heun's method from σ = 80 down to zero.
pub struct Line(Settings);

impl Measure for Line {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "line";
    const SUMMARY: &'static str = "Mean and variance of guided samples on the line, where p* is known.";
    const METRICS: &'static [Metric] = &[
        Metric::new("mean", "Mean of the samples."),
        Metric::new("variance", "Variance of the samples.").range(0.0, f64::INFINITY),
        Metric::new("mean-error", "Mean of the samples minus that of p*."),
        Metric::new("variance-ratio", "Variance of the samples over that of p*.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ExactGuidance, Fault::NoGuidance];
    const TREATMENTS: &'static [&'static str] = &["guidance", "bend"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        settings.bend.check()?;
        if settings.steps < 2 || settings.samples < 2 {
            return Err(Failure::invalid("needs two steps and two samples"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { guidance, bend, steps, samples } = self.0;
        let guidance = match (fault, guidance) {
            (Some(Fault::ExactGuidance), Guidance::PlugIn) => Guidance::Exact,
            (Some(Fault::NoGuidance), _) => Guidance::None,
            (_, guidance) => guidance,
        };
        let levels = noise_levels(steps, 0.002, 80.0, 7.0);
        let mut stream = streams.stream("noise");
        let mut x: Vec<f64> = (0..samples).map(|_| levels[0] * stream.normal()).collect();
        probability_flow(&mut x, &levels, Solver::Heun, |x, sigma, out| {
            for (out, a) in out.iter_mut().zip(x) {
                *out = bend.score(*a, sigma, guidance);
            }
        });
        let (centre, spread) = bend.moments();
        let (m, v) = (mean(&x), variance(&x, 0));
        let (centres, density) = histogram(x.into_iter());
        Ok(Measurement::new()
            .metric("mean", m)
            .metric("variance", v)
            .metric("mean-error", m - centre)
            .metric("variance-ratio", v / spread)
            .series("density", centres, density))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn measured(guidance: Guidance) -> (f64, f64) {
        let line = Line(Settings { guidance, ..Settings::default() });
        let m = line.replicate(None, &Streams::from_seed(1)).unwrap();
        (m.get("mean").unwrap(), m.get("variance").unwrap())
    }

    #[test]
    fn exact_guidance_samples_the_target_and_plug_in_guidance_overshoots() {
        let (centre, spread) = Bend::default().moments();
        assert_relative_eq!(centre, 1.2, epsilon = 1e-15);
        assert_relative_eq!(spread, 0.2, epsilon = 1e-15);
        let (m, v) = measured(Guidance::Exact);
        assert_relative_eq!(m, 1.2, epsilon = 0.03);
        assert_relative_eq!(v, 0.2, epsilon = 0.02);
        let (m, v) = measured(Guidance::PlugIn);
        assert_relative_eq!(m, 1.908, epsilon = 0.02);
        assert_relative_eq!(v, 0.0186, epsilon = 0.002);
    }

    #[test]
    fn exact_guidance_is_the_score_of_the_noised_target() {
        let (bend, sigma, a) = (Bend::default(), 0.7, 0.4);
        // p*(a₀) noised: a ratio of two Gaussians in a.
        let (centre, spread) = bend.moments();
        let known = (centre - a) / (spread + sigma * sigma);
        assert_relative_eq!(bend.score(a, sigma, Guidance::Exact), known, epsilon = 1e-14);
    }
}
