//! What must hold on every Gaussian chain, and for every pair of Gaussian steps.

use nalgebra::DVector;
use proptest::{collection::vec, prelude::*, sample::select};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, GaussianChain, chain::Initial, gaussian_chain::step_divergence};
use crate::{
    kernel::gaussian::Gaussian,
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

fn chains() -> BoxedStrategy<GaussianChain> {
    let place = || prop_oneof![4 => -3.0..3.0_f64, 1 => Just(0.0)];
    let variance = || prop_oneof![4 => 0.05..3.0_f64, 1 => select(vec![1e-3, 1.0, 20.0])];
    let gamma = prop_oneof![4 => 0.0..4.0_f64, 1 => select(vec![0.0, 1.0, 20.0])];
    let dt = prop_oneof![4 => 0.01..1.5_f64, 1 => select(vec![1e-6, 10.0])];
    (place(), variance(), place(), variance(), gamma, 1_usize..=30, dt, 1_usize..=16)
        .prop_map(|(mean, variance, label, label_variance, gamma, steps, dt, dimension)| GaussianChain {
            mean,
            variance,
            label,
            label_variance,
            gamma,
            steps,
            dt,
            dimension,
            initial: Initial::Tilted,
        })
        .boxed()
}

/// From a tilted start the soft-optimal chain samples p_γ.
pub struct GaussianConditional;

impl Observe for GaussianConditional {
    type Instance = GaussianChain;
    type Fault = Fault;
    const NAME: &'static str = "gaussian-conditional";
    const SUMMARY: &'static str = "The output of the soft-optimal Gaussian chain has the moments of p_γ.";
    const METRICS: &'static [Metric] = &[
        Metric::new("mean-error", "Distance of the mean from that of p_γ, relative to one plus its size.")
            .range(0.0, f64::INFINITY),
        Metric::new("variance-error", "Distance of the variance from that of p_γ, relative to the latter.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] =
        &[Fault::DoubleTemperature, Fault::LastStepOnly, Fault::MeanReduction, Fault::NoKl];

    fn instances() -> BoxedStrategy<GaussianChain> {
        chains()
    }

    fn observe(chain: &GaussianChain, fault: Option<Fault>) -> Result<Measurement, Failure> {
        chain.check()?;
        let (output, target) = (chain.soft_optimal(fault).output(), chain.target());
        Ok(Measurement::new()
            .metric("mean-error", (output.mean - target.mean).abs() / (1.0 + target.mean.abs()))
            .metric("variance-error", (output.variance / target.variance - 1.0).abs()))
    }
}

/// exp vₜ(x) ∝ E\[N(y; x₀, τ²)^γ | xₜ = x\].
pub struct GaussianClassifiers;

impl Observe for GaussianClassifiers {
    type Instance = GaussianChain;
    type Fault = Fault;
    const NAME: &'static str = "gaussian-classifiers";
    const SUMMARY: &'static str =
        "Values by induction are the logarithms of the classifiers of all noise levels by Bayes' rule.";
    const METRICS: &'static [Metric] = &[
        Metric::new("curvature-error", "Largest difference of curvatures, relative to one plus their size.")
            .range(0.0, f64::INFINITY),
        Metric::new("slope-error", "Largest difference of slopes, relative to one plus their size.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::PlugInClassifier];

    fn instances() -> BoxedStrategy<GaussianChain> {
        chains()
    }

    fn observe(chain: &GaussianChain, fault: Option<Fault>) -> Result<Measurement, Failure> {
        chain.check()?;
        let relative = |a: f64, b: f64| (a - b).abs() / (1.0 + b.abs());
        let (mut curvature, mut slope) = (0.0_f64, 0.0_f64);
        for (t, value) in chain.soft_optimal(fault).values.iter().enumerate() {
            let classifier = chain.classifier(t);
            curvature = curvature.max(relative(value.curvature, classifier.curvature));
            slope = slope.max(relative(value.slope, classifier.slope));
        }
        Ok(Measurement::new().metric("curvature-error", curvature).metric("slope-error", slope))
    }
}

/// Two means of one step.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// (μ, μ_pre) of each coordinate.
    means: Vec<(f64, f64)>,
    /// σ > 0.
    deviation: f64,
}

/// The divergence of one step against that of any two Gaussians.
pub struct StepDivergence;

impl Observe for StepDivergence {
    type Instance = Step;
    type Fault = Fault;
    const NAME: &'static str = "step-divergence";
    const SUMMARY: &'static str =
        "‖μ − μ_pre‖²/2σ² is the divergence of the two Gaussian steps, d times its mean over coordinates.";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "Distance from the divergence of general Gaussians, relative to one plus that.")
            .range(0.0, f64::INFINITY),
        Metric::new("reduction-error", "|sum/mean − d| over d; 0 for equal means.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::MeanReduction];

    fn instances() -> BoxedStrategy<Step> {
        let mean = || prop_oneof![4 => -3.0..3.0_f64, 1 => Just(0.0), 1 => select(vec![-1e3, 1e3])];
        (vec((mean(), mean()), 1..=64), prop_oneof![0.05..5.0_f64, Just(1e-3), Just(100.0)])
            .prop_map(|(means, deviation)| Step { means, deviation })
            .boxed()
    }

    fn observe(instance: &Step, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let (mean, pretrained): (Vec<f64>, Vec<f64>) = instance.means.iter().copied().unzip();
        let law = |mean: &[f64]| {
            Gaussian::isotropic(DVector::from_column_slice(mean), instance.deviation * instance.deviation)
                .map_err(|e| Failure::invalid(e.to_string()))
        };
        let exact = law(&mean)?.divergence(&law(&pretrained)?);
        let divergence = step_divergence(&mean, &pretrained, instance.deviation, fault);
        let averaged = step_divergence(&mean, &pretrained, instance.deviation, Some(Fault::MeanReduction));
        let dimension = mean.len() as f64;
        let ratio = if averaged > 0.0 { divergence / averaged } else { dimension };
        Ok(Measurement::new()
            .metric("error", (divergence - exact).abs() / (1.0 + exact.abs()))
            .metric("reduction-error", (ratio - dimension).abs() / dimension))
    }
}
