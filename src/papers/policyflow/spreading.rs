//! Where the Brownian regulariser leads if there is nothing else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    policies::{Batch, FlowPolicy, Policy, Schedule},
    surrogate::Surrogate,
};
use crate::{
    kernel::{math::sum, quadrature::gauss_hermite, stream::Streams},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Rounds of collecting and updating.
    #[schemars(range(min = 1, max = 100_000))]
    pub iterations: usize,
    /// Sources a round.
    #[schemars(range(min = 2, max = 100_000))]
    pub batch: usize,
    /// Passes over the sources of a round.
    #[schemars(range(min = 1, max = 1000))]
    pub epochs: usize,
    /// Steps K of the midpoint rule.
    #[schemars(range(min = 1, max = 1000))]
    pub steps: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { iterations: 300, batch: 64, epochs: 4, steps: 10 }
    }
}

/// A flow policy that maximises −mean |η|² alone. At v = v̂ the residual is v − x, so it comes to rest
/// at v(t, x) = x, under which φ₁(z) = e z.
pub struct Spreading {
    settings: Settings,
    /// A quadrature for z.
    nodes: Vec<f64>,
    weights: Vec<f64>,
}

impl Measure for Spreading {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "spreading";
    const SUMMARY: &'static str = "Trains a flow by the Brownian regulariser alone, without rewards.";
    const METRICS: &'static [Metric] = &[
        Metric::new("deviation", "Standard deviation of φ₁(z).").range(0.0, f64::INFINITY),
        Metric::new("correlation", "Correlation of z and φ₁(z).").range(-1.0 - 1e-9, 1.0 + 1e-9),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoResync, Fault::SignFlip];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { iterations, batch, epochs, steps } = settings;
        if iterations == 0 || batch < 2 || epochs == 0 || steps == 0 {
            return Err(Failure::invalid("needs an iteration, a batch of two, an epoch and a step"));
        }
        let (nodes, weights) = gauss_hermite(40).into_iter().unzip();
        Ok(Self { settings, nodes, weights })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { iterations, batch: size, epochs, steps } = self.settings;
        let mut policy = FlowPolicy::new(Schedule { epochs, steps, floor: 0.2 }, fault);
        let surrogate = Surrogate { epsilon: 0.2, entropy_weight: 0.0, brownian_weight: 1.0 };
        let (mut sources, mut times) = (streams.stream("sources"), streams.stream("times"));
        for _ in 0..iterations {
            let sources: Vec<f64> = (0..size).map(|_| sources.normal()).collect();
            let ends = if fault == Some(Fault::NoResync) { sources.clone() } else { policy.ends(&sources) };
            let nothing = vec![0.0; size];
            let batch = Batch { sources, ends, noise: nothing.clone(), advantages: nothing };
            policy.update(&batch, surrogate, &mut times);
        }

        let ends = policy.ends(&self.nodes);
        let moment = |f: &dyn Fn(f64, f64) -> f64| {
            sum(self.nodes.iter().zip(&ends).zip(&self.weights).map(|((z, end), w)| w * f(*z, *end)))
        };
        let mean = moment(&|_, end| end);
        let deviation = moment(&|_, end| (end - mean) * (end - mean)).sqrt();
        let covariance = moment(&|z, end| z * (end - mean));
        Ok(Measurement::new().metric("deviation", deviation).metric("correlation", covariance / deviation))
    }
}
