//! The moments of x₀ that a controlled Gaussian chain gives.

use super::{Fault, GaussianChain};
use crate::{
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// The controlled chain's output against the exact conditional.
pub struct GaussianMoments(GaussianChain);

impl Measure for GaussianMoments {
    type Settings = GaussianChain;
    type Fault = Fault;
    const NAME: &'static str = "gaussian-moments";
    const SUMMARY: &'static str = "Mean and variance of x₀ from the controlled chain of Gaussian data.";
    const METRICS: &'static [Metric] = &[
        Metric::new("mean", "Mean of x₀."),
        Metric::new("variance", "Variance of x₀.").range(0.0, f64::INFINITY),
        Metric::new("mean-error", "Its distance from that of p_γ.").range(0.0, f64::INFINITY),
        Metric::new("variance-error", "Distance of the variance from that of p_γ.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[
        Fault::DoubleTemperature,
        Fault::LastStepOnly,
        Fault::MeanReduction,
        Fault::NoKl,
        Fault::PlugInClassifier,
    ];
    const STOCHASTIC: bool = false;

    fn prepare(settings: GaussianChain, _: &Data) -> Result<Self, Failure> {
        settings.check()?;
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let (output, target) = (self.0.soft_optimal(fault).output(), self.0.target());
        Ok(Measurement::new()
            .metric("mean", output.mean)
            .metric("variance", output.variance)
            .metric("mean-error", (output.mean - target.mean).abs())
            .metric("variance-error", (output.variance - target.variance).abs()))
    }
}
