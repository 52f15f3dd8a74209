//! dr-po.6 and dr-po.7: what the loop loses against a comparator.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    kernel::{
        mdp::{Episodic, MdpError, Rows, Shape, Wild, greedy, instances},
        stream::Streams,
    },
    papers::{
        dr_po::{
            Fault,
            mirror::{Run, contest},
        },
        leaf::{Failure, Measurement, Metric, Observe},
    },
};

/// Up to three states and actions; the discount is not used.
const SHAPE: Shape = Shape { states: (1, 3), actions: (1, 3), discount: (0.0, 0.0) };

const RATIO: &[Metric] = &[Metric::new("ratio", "Regret divided by its bound.").lower_is_better()];

/// A process of H equal steps, a comparator, and how the learner is run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Duel {
    /// The process, with rewards in \[−1, 1\] that are mapped to \[0, 1/H\], and a comparator.
    process: Wild,
    /// H.
    horizon: usize,
    /// Whether an optimal policy is the comparator instead.
    optimal: bool,
    /// η.
    eta: f64,
    /// T.
    iterations: usize,
}

fn duels() -> BoxedStrategy<Duel> {
    let run = prop_oneof![
        2 => (prop_oneof![Just(0.1), Just(1.0), Just(5.0), Just(30.0)], 1_usize..=80),
        1 => Just((0.2, 400)),
    ];
    (instances(SHAPE), 1_usize..=4, any::<bool>(), run)
        .prop_map(|(process, horizon, optimal, (eta, iterations))| Duel {
            process,
            horizon,
            optimal,
            eta,
            iterations,
        })
        .boxed()
}

impl Duel {
    /// The process, and the comparator (H tables S × A).
    fn build(&self) -> Result<(Episodic, Vec<Rows>), Failure> {
        if !(1..=20).contains(&self.horizon) || !(1..=10_000).contains(&self.iterations) {
            return Err(Failure::invalid("`horizon` must be from 1 to 20, and `iterations` from 1 to 10000"));
        }
        if !(self.eta > 0.0 && self.eta.is_finite()) || self.process.rewards.iter().any(|r| r.abs() > 1.0) {
            return Err(Failure::invalid("`eta` must be positive, and rewards in [-1, 1]"));
        }
        // Action values then lie in [0, 1].
        let rewards = self.process.rewards.iter().map(|r| (r + 1.0) / (2.0 * self.horizon as f64)).collect();
        let (process, policy) = Wild { rewards, ..self.process.clone() }.build().map_err(|e| invalid(&e))?;
        let start = process.start().to_vec();
        let process =
            Episodic::stationary(self.horizon, process.dynamics(), start).map_err(|e| invalid(&e))?;
        let comparator = if self.optimal {
            process.optimal().iter().map(|e| greedy(&e.actions)).collect()
        } else {
            vec![policy; self.horizon]
        };
        Ok((process, comparator))
    }

    fn run(&self) -> Run {
        Run { eta: self.eta, iterations: self.iterations, largest: 1.0 }
    }
}

fn invalid(error: &MdpError) -> Failure {
    Failure::invalid(error.to_string())
}

/// dr-po.6: with exact action values.
pub struct ExactRegret;

impl Observe for ExactRegret {
    type Instance = Duel;
    type Fault = Fault;
    const NAME: &'static str = "exact-regret";
    const SUMMARY: &'static str =
        "What mirror steps on exact action values lose against a comparator is within the bound.";
    const METRICS: &'static [Metric] = RATIO;
    const FAULTS: &'static [Fault] = &[Fault::SignFlip];

    fn instances() -> BoxedStrategy<Duel> {
        duels()
    }

    fn observe(duel: &Duel, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let (process, comparator) = duel.build()?;
        // Any law of the data will do: there are no errors to be weighted.
        let data = process.occupancies(&comparator).map_err(|e| invalid(&e))?;
        let mut exact = |_: usize, q: &Rows| q.clone();
        let found =
            contest(&process, &comparator, &data, duel.run(), &mut exact, fault).map_err(|e| invalid(&e))?;
        Ok(Measurement::new().metric("ratio", found.ratio()))
    }
}

/// A duel of a learner with estimates.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoisyDuel {
    /// The duel.
    duel: Duel,
    /// Weights of the states in the data, S for each step.
    data: Vec<u32>,
    /// Whether the states that the comparator visits are added to the data.
    covered: bool,
    /// Largest noise of an estimate.
    noise: f64,
    /// Seed of the noise.
    seed: u64,
}

/// dr-po.7: with estimates that are noisy on the data, and as wrong as can be elsewhere.
pub struct EstimatedRegret;

impl Observe for EstimatedRegret {
    type Instance = NoisyDuel;
    type Fault = Fault;
    const NAME: &'static str = "estimated-regret";
    const SUMMARY: &'static str = "What mirror steps on estimated action values lose against a comparator is within the \
                                   bound, in which errors count by the coverage of that comparator alone.";
    const METRICS: &'static [Metric] = RATIO;
    const FAULTS: &'static [Fault] = &[Fault::WrongMeasure];

    fn instances() -> BoxedStrategy<NoisyDuel> {
        let weight = || prop_oneof![1 => Just(0_u32), 1 => 1_u32..=20];
        let noise = prop_oneof![Just(0.0), Just(0.1), Just(0.3)];
        duels()
            .prop_flat_map(move |duel| {
                let cells = duel.horizon * duel.process.states;
                (Just(duel), vec(weight(), cells), any::<bool>(), noise.clone(), any::<u64>())
            })
            .prop_map(|(duel, data, covered, noise, seed)| NoisyDuel { duel, data, covered, noise, seed })
            .boxed()
    }

    fn observe(noisy: &NoisyDuel, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let NoisyDuel { duel, noise, .. } = noisy;
        let (process, comparator) = duel.build()?;
        let data = noisy.laws(&process, &comparator)?;
        let mut stream = Streams::from_seed(noisy.seed).stream("noise");
        let mut estimate = |h: usize, q: &Rows| {
            Rows::from_fn(q.count(), q.width(), |s, a| {
                let error = noise * stream.uniform_in(-1.0, 1.0);
                // Nothing is known of states that are not in the data: the worst is assumed.
                if data[h][s] == 0.0 { 1.0 - q[s][a] } else { (q[s][a] + error).clamp(0.0, 1.0) }
            })
        };
        let found = contest(&process, &comparator, &data, duel.run(), &mut estimate, fault)
            .map_err(|e| invalid(&e))?;
        Ok(Measurement::new().metric("ratio", found.ratio()))
    }
}

impl NoisyDuel {
    /// ρ_h for each step: the weights, normalised; zero everywhere if there is no weight.
    fn laws(&self, process: &Episodic, comparator: &[Rows]) -> Result<Vec<Vec<f64>>, Failure> {
        let states = process.start().len();
        if self.data.len() != process.horizon() * states || !(0.0..=1.0).contains(&self.noise) {
            return Err(Failure::invalid(
                "`data` needs a weight for each step and state, and `noise` must be in [0, 1]",
            ));
        }
        let visited = process.occupancies(comparator).map_err(|e| invalid(&e))?;
        let law = |(weights, visited): (&[u32], &Vec<f64>)| {
            let added = |d: f64| if self.covered && d > 0.0 { 1.0 } else { 0.0 };
            let weights: Vec<f64> =
                weights.iter().zip(visited).map(|(w, d)| f64::from(*w) + added(*d)).collect();
            let total: f64 = weights.iter().sum();
            weights.iter().map(|w| w / total.max(1.0)).collect()
        };
        Ok(self.data.chunks(states).zip(&visited).map(law).collect())
    }
}
