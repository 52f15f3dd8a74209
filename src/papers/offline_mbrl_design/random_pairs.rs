//! The theory on random pairs that anybody can rebuild from their seeds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    pair::{ModelPair, RandomShape},
    unsolved,
};
use crate::{
    kernel::{math::mean, mdp::Rows, stream::Streams},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the random pairs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// S.
    #[schemars(range(min = 1, max = 50))]
    pub states: usize,
    /// A.
    #[schemars(range(min = 1, max = 50))]
    pub actions: usize,
    /// Largest share of other transitions in the model.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub mix: f64,
    /// γ.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub discount: f64,
    /// Number of pairs, from the seeds 0, 1, ….
    #[schemars(range(min = 1, max = 100_000))]
    pub count: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { states: 5, actions: 3, mix: 0.5, discount: 0.9, count: 100 }
    }
}

/// Random pairs with their policies.
pub struct RandomPairs(Vec<(ModelPair, Rows)>);

impl Measure for RandomPairs {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "random-pairs";
    const SUMMARY: &'static str =
        "Telescoping, pessimism and its guarantee on random processes, models and policies.";
    const METRICS: &'static [Metric] = &[
        Metric::new("telescoping-error", "Largest |telescoped − (Ĵ − J)|.").range(0.0, f64::INFINITY),
        Metric::new("smallest-slack", "Smallest J − J̃.").unit("return"),
        Metric::new("mean-slack", "Mean J − J̃.").unit("return"),
        Metric::new("violations", "Pairs with J̃ > J.").range(0.0, 100_000.0),
        Metric::new("smallest-guarantee-slack", "Smallest J_M(π̂) − (J_M(π*) − 2 λ* ε_u(π*)).").unit("return"),
    ];
    const FAULTS: &'static [Fault] =
        &[Fault::TrueOccupancy, Fault::NoPenalty, Fault::HalfPenalty, Fault::WrongSignPenalty];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { states, actions, mix, discount, count } = settings;
        if !(1..=50).contains(&states) || !(1..=50).contains(&actions) || !(1..=100_000).contains(&count) {
            return Err(Failure::invalid("expected 1 to 50 states and actions, and 1 to 100000 pairs"));
        }
        if !(0.0..=1.0).contains(&mix) {
            return Err(Failure::invalid("`mix` must be between 0 and 1"));
        }
        let shape = RandomShape { states, actions, mix, discount };
        Ok(Self((0..count).map(|seed| ModelPair::random(seed, shape)).collect::<Result<_, _>>()?))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let (mut errors, mut slacks, mut guarantees) = (Vec::new(), Vec::new(), Vec::new());
        for (pair, policy) in &self.0 {
            let truth = pair.true_return(policy)?;
            let difference = pair.model().performance(policy).map_err(unsolved)? - truth;
            errors.push((pair.telescoped(policy, fault)? - difference).abs());
            slacks.push(truth - pair.pessimistic(fault)?.performance(policy).map_err(unsolved)?);
            guarantees.push(pair.guarantee_slack(&ModelPair::optimal(pair.truth())?, fault)?);
        }
        let smallest = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
        Ok(Measurement::new()
            .metric("telescoping-error", errors.iter().copied().fold(0.0, f64::max))
            .metric("smallest-slack", smallest(&slacks))
            .metric("mean-slack", mean(&slacks))
            .metric("violations", slacks.iter().filter(|slack| **slack < 0.0).count() as f64)
            .metric("smallest-guarantee-slack", smallest(&guarantees)))
    }
}
