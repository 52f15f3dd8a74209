//! Training a normal policy on the two-dimensional bandit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    bandit::Bandit,
    methods::{Algorithm, Method},
    run::{looks, watched},
};
use crate::{
    kernel::{
        math::{ln, mean},
        quadrature::gauss_hermite,
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Points of the quadrature in each direction.
const NODES: usize = 20;
/// The centre c; θ starts at the origin.
pub const CENTRE: [f64; 2] = [2.0, -1.0];

/// Settings of training.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The method.
    pub algorithm: Algorithm,
    /// c₀ of the step.
    #[schemars(range(min = 0.0))]
    pub constant: f64,
    /// σ of the policy.
    #[schemars(range(min = 1e-3))]
    pub sigma: f64,
    /// T: steps, a multiple of 8.
    #[schemars(range(min = 8, max = 1_048_576))]
    pub steps: usize,
    /// Runs a replicate.
    #[schemars(range(min = 1, max = 10_000))]
    pub runs: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { algorithm: Algorithm::NPgIgt, constant: 1.0, sigma: 1.0, steps: 8192, runs: 8 }
    }
}

/// Runs of a method on the bandit.
pub struct Training {
    settings: Settings,
    rule: Vec<(f64, f64)>,
    optimum: f64,
}

impl Training {
    /// J* − J(θ).
    fn gap(&self, bandit: &Bandit<[f64; 2]>, theta: [f64; 2]) -> f64 {
        let gap = self.optimum - bandit.objective(theta, &self.rule);
        // Only rounding can make it negative; a run that diverged must stay visible as NaN.
        if gap < 0.0 { 0.0 } else { gap }
    }
}

impl Measure for Training {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "bandit";
    const SUMMARY: &'static str = "Trains a normal policy on a two-dimensional bandit and measures J* − J.";
    const METRICS: &'static [Metric] = &[
        Metric::new("gap", "Mean over the runs of J* − J(θ) after T steps.")
            .unit("reward")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("slope", "ln of the mean gap at T over that at T/8, divided by ln 8.").lower_is_better(),
        Metric::new("largest-gap", "Largest gap of a run after T steps.")
            .unit("reward")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[
        Fault::NoMomentum,
        Fault::NoTransport,
        Fault::NoHvp,
        Fault::WrongSignHvp,
        Fault::EndpointHessian,
        Fault::DegeneratePolicy,
        Fault::ConstantStep,
    ];
    const TREATMENTS: &'static [&'static str] = &["algorithm", "constant"];

    fn reaches(settings: &Settings, fault: Fault) -> bool {
        settings.algorithm.honours(fault)
    }

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if !settings.steps.is_multiple_of(8) {
            return Err(Failure::invalid("`steps` must be a multiple of 8"));
        }
        let rule = gauss_hermite(NODES);
        let optimum = Bandit::new(CENTRE, settings.sigma, 1, 1.0).objective(CENTRE, &rule);
        Ok(Self { settings, rule, optimum })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { algorithm, constant, sigma, steps, runs } = self.settings;
        let bandit = Bandit::new(CENTRE, sigma, 1, 1.0);
        let bandit = if fault == Some(Fault::DegeneratePolicy) { bandit.degenerate() } else { bandit };
        let method = Method::new(algorithm, constant, fault);
        let (weights, looks) = (method.weights(steps), looks(steps));
        // One list a run, of the gap at each look.
        let streams = (0..runs).map(|index| streams.stream(&format!("run {index}"))).collect();
        let seen = |theta: &[f64; 2]| self.gap(&bandit, *theta);
        let gaps = watched(&bandit, method, &[0.0; 2], &weights, &looks, streams, seen);
        let at = |look: usize| gaps.iter().map(|run| run[look]).collect::<Vec<f64>>();
        let means: Vec<f64> = (0..looks.len()).map(|look| mean(&at(look))).collect();
        // T is a multiple of 8, so there are at least four looks.
        let (last, eighth) = (looks.len() - 1, looks.len() - 4);
        Ok(Measurement::new()
            .metric("gap", means[last])
            .metric("slope", ln(means[last] / means[eighth]) / ln(8.0))
            .metric("largest-gap", at(last).into_iter().fold(0.0, f64::max))
            .series("gap", looks.iter().map(|t| *t as f64).collect(), means))
    }
}
