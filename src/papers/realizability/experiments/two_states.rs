//! Two states with one feature: from complete to worst case by the data distribution alone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{Fault, incompleteness::Incompleteness, models::Model};
use crate::{
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Parameters at which the loss is compared with the Bellman error.
const PARAMETERS: [f64; 6] = [-3.0, -1.0, 0.0, 0.5, 1.5, 4.0];

/// Settings of the two states.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The process, of two states and one feature.
    pub model: Model,
    /// Share p of the first state in the data.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub p: f64,
    /// γ.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub discount: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { model: Model::Tvr, p: 0.9, discount: 0.9 }
    }
}

/// The population of a two-state process.
pub struct TwoStates(Settings);

impl Measure for TwoStates {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "two-states";
    const SUMMARY: &'static str = "Incompleteness of one feature on two states, in the population.";
    const METRICS: &'static [Metric] = &[
        Metric::new("beta", "Incompleteness β.").range(0.0, 1.0),
        Metric::new("closed-form-gap", "|β² − (1 − A²/(G B_μ))| of the closed form for one feature.")
            .range(0.0, 1.0),
        Metric::new("iteration-factor", "1 − A/G: what one fitted iteration multiplies the error by."),
        Metric::new("visible-share", "Largest L(Q)/E(Q)² among functions other than Q^π."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::SignFlipGamma, Fault::NoInnerMax, Fault::Unweighted];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if settings.model == Model::Chain {
            return Err(Failure::invalid("`model` must have two states"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let Settings { model, p, discount } = self.0;
        let population = model.problem(vec![p, 1.0 - p], discount).population()?;
        let beta_squared = Incompleteness::of(&population, fault)?.beta_squared();

        let phi = population.class().features().column(0).into_owned();
        let step = &phi - discount * (population.transitions() * &phi);
        let (gram, residual) = (population.norm(&phi), population.norm(&step));
        let cross = population.distribution().dot(&phi.component_mul(&step));
        let sine = 1.0 - cross * cross / (gram * gram * residual * residual);

        let joint = population.joint();
        let mut visible = 0.0_f64;
        for theta in PARAMETERS {
            let q = theta * &phi;
            let loss = if fault == Some(Fault::NoInnerMax) {
                // Less the same of Q^π, so that the constant that the losses leave out cancels.
                joint.loss(&q, &q, discount) - joint.loss(population.truth(), population.truth(), discount)
            } else {
                population.minimax_loss(&q)?
            };
            let error = population.bellman_error(&q);
            visible = visible.max(loss / (error * error));
        }
        Ok(Measurement::new()
            .metric("beta", beta_squared.sqrt())
            .metric("closed-form-gap", (beta_squared - sine).abs())
            .metric("iteration-factor", 1.0 - cross / (gram * gram))
            .metric("visible-share", visible))
    }
}
