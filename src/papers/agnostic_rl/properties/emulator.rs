//! The value of an emulator against the tabular process that it is.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{
    Fault,
    emulator::{Acts, Emulator, action_value},
    invalid,
    process::value,
};
use crate::{
    kernel::mdp::{Dynamics, Episodic, Layered, MdpError, Rows, Shape, layered},
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

/// A latent process, a policy of observations, and samples.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    latent: Layered,
    /// The action on each observation of each latent state: `acts[h][z][o]`.
    acts: Acts,
    /// Sampled observations, equally many of each latent state: `samples[h][z]`.
    samples: Vec<Vec<Vec<usize>>>,
}

/// An emulator is a tabular process.
pub struct AsProcess;

impl Observe for AsProcess {
    type Instance = Instance;
    type Fault = Fault;
    const NAME: &'static str = "emulator-as-process";
    const SUMMARY: &'static str = "V on the emulator is the value in the tabular process of the samples.";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "Difference to the value in the tabular process of the samples.")
            .range(0.0, f64::INFINITY),
        Metric::new("complete-error", "Difference of V(π) to its value in the process of all observations.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::SharedSample];

    fn instances() -> BoxedStrategy<Instance> {
        let shape = Shape { states: (1, 3), actions: (1, 3), discount: (0.0, 0.0) };
        (layered((1, 3), shape), 1_usize..=5, 1_usize..=4)
            .prop_flat_map(|(latent, observations, m)| {
                let lists = |most, count| vec(vec(vec(0..most, count), latent.states), latent.horizon);
                (Just(latent.clone()), lists(latent.actions, observations), lists(observations, m))
            })
            .prop_map(|(latent, acts, samples)| Instance { latent, acts, samples })
            .boxed()
    }

    fn observe(instance: &Instance, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Instance { acts, samples, .. } = instance;
        let latent = instance.latent.build().map_err(|e| invalid(&e))?;
        let known = |acts: &Vec<usize>, sample: &Vec<usize>| -> Option<Vec<usize>> {
            sample.iter().map(|o| acts.get(*o).copied()).collect()
        };
        let of_layer = |(acts, samples): (&Vec<Vec<usize>>, &Vec<Vec<usize>>)| -> Option<Vec<Vec<usize>>> {
            acts.iter().zip(samples).map(|(acts, sample)| known(acts, sample)).collect()
        };
        let taken: Option<Acts> = acts.iter().zip(samples).map(of_layer).collect();
        let taken = taken.ok_or_else(|| Failure::invalid("samples must be observations"))?;
        let emulated = Emulator::new(samples.clone(), fault).value(&latent, acts)?;
        let all = action_value(&latent, acts)?;
        Ok(Measurement::new()
            .metric("error", (emulated - tabular_value(&latent, &taken)?).abs())
            .metric("complete-error", (all - tabular_value(&latent, acts)?).abs()))
    }
}

/// The value of a policy in the process whose states are observations, `acts[h][z]` being its actions on
/// equally many observations of each latent state.
fn tabular_value(latent: &Episodic, acts: &Acts) -> Result<f64, Failure> {
    let count = acts.first().and_then(|layer| layer.first()).map_or(0, Vec::len);
    let fits = acts.len() == latent.horizon()
        && acts.iter().all(|layer| layer.len() == latent.start().len())
        && acts.iter().flatten().all(|of_latent| of_latent.len() == count);
    if !fits || count == 0 {
        return Err(Failure::invalid("there must be equally many observations of each latent state"));
    }
    let states = latent.start().len() * count;
    let emitted = |law: &[f64]| law.iter().map(|p| p / count as f64).collect::<Vec<f64>>();
    let step = |step: &Dynamics| -> Result<Dynamics, MdpError> {
        let actions = step.actions();
        let laws: Vec<Vec<f64>> = (0..states * actions)
            .map(|pair| emitted(step.transition(pair / actions / count, pair % actions)))
            .collect();
        let transitions = Rows::from_fn(states * actions, states, |pair, t| laws[pair][t / count]);
        Dynamics::new(transitions, Rows::from_fn(states, actions, |o, a| step.rewards()[o / count][a]))
    };
    let steps = latent.steps().iter().map(step).collect::<Result<_, _>>().map_err(|e| invalid(&e))?;
    let start = emitted(latent.start());
    let start = (0..states).map(|o| start[o / count]).collect();
    let process = Episodic::new(steps, start).map_err(|e| invalid(&e))?;
    let policy = acts.iter().map(|layer| layer.iter().flatten().copied().collect()).collect();
    Ok(value(&process, &policy))
}
