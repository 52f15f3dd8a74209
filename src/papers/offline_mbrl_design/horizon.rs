//! How far the states of a rollout drift from those of the process.

use proptest::strategy::BoxedStrategy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    pair::{ModelPair, RandomShape},
    pessimism::{Modelled, modelled},
};
use crate::{
    kernel::{math::powi, mdp::Rows, stream::Streams},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric, Observe},
};

/// Longest rollout of the property.
const STEPS: usize = 20;

/// Bound of the total variation after h steps, 1 − (1 − ε)ʰ, with ε the largest error of one step.
fn bound(epsilon: f64, steps: u32, fault: Option<Fault>) -> f64 {
    match fault {
        Some(Fault::OneStepBound) => epsilon,
        _ => 1.0 - powi(1.0 - epsilon, steps),
    }
}

/// Total variation and its bound after h = 1 … `steps` steps.
fn drift(pair: &ModelPair, policy: &Rows, steps: usize, fault: Option<Fault>) -> Vec<(f64, f64)> {
    let epsilon = pair.errors(None).values().iter().copied().fold(0.0, f64::max);
    let drifted = pair.divergence_by_step(policy, steps).into_iter();
    (1_u32..).zip(drifted).map(|(h, distance)| (distance, bound(epsilon, h, fault))).collect()
}

/// TV of the h-step laws is at most 1 − (1 − ε)ʰ ≤ hε.
pub struct HorizonBound;

impl Observe for HorizonBound {
    type Instance = Modelled;
    type Fault = Fault;
    const NAME: &'static str = "horizon-bound";
    const SUMMARY: &'static str =
        "Total variation between the laws of the state after h ≤ 20 steps, against 1 − (1 − ε)ʰ and hε.";
    const METRICS: &'static [Metric] = &[
        Metric::new("excess", "Largest TV_h − (1 − (1 − ε)ʰ).").range(-1.0, 1.0),
        Metric::new("linear-excess", "Largest 1 − (1 − ε)ʰ − hε.").range(-f64::INFINITY, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::OneStepBound];

    fn instances() -> BoxedStrategy<Modelled> {
        modelled()
    }

    fn observe(instance: &Modelled, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let (pair, policy) = instance.build()?;
        let drifted = drift(&pair, &policy, STEPS, fault);
        let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::NEG_INFINITY, f64::max);
        let epsilon = bound(drifted[0].1, 1, fault);
        let linear = (1_u32..).zip(&drifted).map(|(h, (_, bound))| bound - f64::from(h) * epsilon);
        Ok(Measurement::new()
            .metric("excess", largest(&mut drifted.iter().map(|(distance, bound)| distance - bound)))
            .metric("linear-excess", largest(&mut linear.into_iter())))
    }
}

/// Which pairs of process and model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pairs {
    /// The tight pair.
    Tight,
    /// Random pairs of five states and three actions, from the seeds 0, 1, ….
    Random,
}

/// Settings of the drift.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Which pairs.
    pub pairs: Pairs,
    /// Probability with which good truly dies, of the tight pair.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub e: f64,
    /// Largest share of other transitions, of the random pairs.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub mix: f64,
    /// Number of random pairs.
    #[schemars(range(min = 1, max = 100_000))]
    pub count: u64,
    /// Longest rollout.
    #[schemars(range(min = 1, max = 1000))]
    pub steps: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { pairs: Pairs::Tight, e: 0.1, mix: 0.3, count: 50, steps: 20 }
    }
}

/// The drift of the pairs.
pub struct Horizon {
    settings: Settings,
    pairs: Vec<(ModelPair, Rows)>,
}

impl Measure for Horizon {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "horizon";
    const SUMMARY: &'static str =
        "Total variation of h-step state laws as a share of its bound 1 − (1 − ε)ʰ.";
    const METRICS: &'static [Metric] = &[
        Metric::new("largest-share", "Largest share over pairs and horizons.").range(0.0, f64::INFINITY),
        Metric::new("smallest-share", "Smallest over horizons of the largest over pairs.")
            .range(0.0, f64::INFINITY),
        Metric::new("at", "Horizon of the largest share, the first of ties.").range(1.0, 1000.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::OneStepBound];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { pairs, e, mix, count, steps } = settings;
        if !(1..=1000).contains(&steps) || !(1..=100_000).contains(&count) {
            return Err(Failure::invalid("expected 1 to 1000 steps and 1 to 100000 pairs"));
        }
        if !(e > 0.0 && e <= 1.0 && mix > 0.0 && mix <= 1.0) {
            return Err(Failure::invalid("`e` and `mix` must be above 0 and at most 1"));
        }
        // The discount plays no part in the laws of states.
        let discount = 0.9;
        let pairs = match pairs {
            Pairs::Tight => vec![(ModelPair::tight(e, discount)?, Rows::from_fn(2, 1, |_, _| 1.0))],
            Pairs::Random => {
                let shape = RandomShape { states: 5, actions: 3, mix, discount };
                (0..count).map(|seed| ModelPair::random(seed, shape)).collect::<Result<_, _>>()?
            }
        };
        Ok(Self { settings, pairs })
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let mut shares = vec![0.0_f64; self.settings.steps];
        for (pair, policy) in &self.pairs {
            let drifted = drift(pair, policy, self.settings.steps, fault);
            for (share, (distance, bound)) in shares.iter_mut().zip(drifted) {
                *share = share.max(distance / bound);
            }
        }
        let at = crate::kernel::mdp::argmax(&shares);
        Ok(Measurement::new()
            .metric("largest-share", shares[at])
            .metric("smallest-share", shares.iter().copied().fold(f64::INFINITY, f64::min))
            .metric("at", (at + 1) as f64)
            .series("share-of-bound", (1..=shares.len()).map(|h| h as f64).collect(), shares))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn the_tight_pair_attains_the_bound_and_random_pairs_stay_below() {
        let of = |pairs| {
            let horizon =
                Horizon::prepare(Settings { pairs, ..Settings::default() }, &Data::default()).unwrap();
            horizon.replicate(None, &Streams::from_seed(0)).unwrap()
        };
        let tight = of(Pairs::Tight);
        assert_relative_eq!(tight.get("largest-share").unwrap(), 1.0, epsilon = 1e-12);
        assert_relative_eq!(tight.get("smallest-share").unwrap(), 1.0, epsilon = 1e-12);
        let random = of(Pairs::Random);
        assert_relative_eq!(random.get("largest-share").unwrap(), 0.536, epsilon = 5e-4);
        assert_eq!(random.get("at"), Some(1.0));
    }
}
