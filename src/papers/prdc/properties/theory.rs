//! What the distance is good for: actions near the behaviour's, bounded gaps, bounded errors.

use proptest::{collection::vec, prelude::*, sample::select};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cloud, Failure, Fault, Measurement, Metric, Observe, Pair, beta, cloud, coordinate};
use crate::{
    kernel::math::{cos, dot, sin},
    papers::prdc::{
        Constraint,
        constraint::distance,
        gap::{Closeness, LinearSystem, Shift, performance_gap},
    },
};

/// ‖x‖.
fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

/// Data of a Lipschitz policy, and a pair near it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Behaved {
    /// The states of the data, not empty; their actions are μ(s).
    states: Vec<Vec<f64>>,
    /// One row c an action coordinate, of which μ(s) is sin c·s.
    frequencies: Vec<Vec<f64>>,
    /// β.
    beta: f64,
    /// s.
    state: Vec<f64>,
    /// π(s) − μ(s).
    shift: Vec<f64>,
}

impl Behaved {
    fn behaviour(&self, state: &[f64]) -> Vec<f64> {
        self.frequencies.iter().map(|c| sin(dot(c, state))).collect()
    }
}

/// d_β(s, π(s)) = ε implies ‖π(s) − μ(s)‖ ≤ (1 + K/β)ε.
pub struct Covered;

impl Observe for Covered {
    type Instance = Behaved;
    type Fault = Fault;
    const NAME: &'static str = "covered";
    const SUMMARY: &'static str =
        "A pair within ε of the data of a K-Lipschitz policy is within (1 + K/β)ε of that policy's action.";
    const METRICS: &'static [Metric] = &[Metric::new("slack", "(1 + K/β)ε − ‖π(s) − μ(s)‖.")];
    const FAULTS: &'static [Fault] = &[Fault::DropStateTerm];

    fn instances() -> BoxedStrategy<Behaved> {
        let shape = (1_usize..=2, 1_usize..=2, select(vec![0.1, 1.0, 5.0]));
        shape
            .prop_flat_map(|(states, actions, steep)| {
                let state = move || vec(coordinate(), states);
                let frequencies = vec(vec((-1.0..1.0_f64).prop_map(move |c| steep * c), states), actions);
                (vec(state(), 1..=50), frequencies, beta(), state(), vec(-0.3..0.3_f64, actions))
            })
            .prop_map(|(states, frequencies, beta, state, shift)| Behaved {
                states,
                frequencies,
                beta,
                state,
                shift,
            })
            .boxed()
    }

    fn observe(instance: &Behaved, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let pair = |state: &Vec<f64>| Pair { state: state.clone(), action: instance.behaviour(state) };
        let data: Vec<Pair> = instance.states.iter().map(pair).collect();
        let taken = instance.behaviour(&instance.state);
        let action: Vec<f64> = taken.iter().zip(&instance.shift).map(|(a, shift)| a + shift).collect();
        let departure = distance(&action, &taken);
        let near = Pair { state: instance.state.clone(), action };
        let closeness = Closeness {
            epsilon: Constraint::new(&data, instance.beta, None)?.nearest(&near)?.distance,
            beta: instance.beta,
            // |sin c·s − sin c·s'| ≤ ‖c‖‖s − s'‖, and the norm over coordinates.
            lipschitz: norm(instance.frequencies.as_slice().concat().as_slice()),
        };
        Ok(Measurement::new().metric("slack", closeness.departure(fault) - departure))
    }
}

/// A system, and a policy that departs from its behaviour policy.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Departing {
    /// The system.
    system: LinearSystem,
    /// ε.
    epsilon: f64,
    /// β.
    beta: f64,
    /// How the policy departs.
    shift: Shift,
    /// ε_opt: how far the optimal policy is from the behaviour policy.
    optimal_epsilon: f64,
    /// How the optimal policy departs.
    optimal_shift: Shift,
}

/// |J(π) − J(μ)| ≤ L_Q (1 + K/β)ε/(1 − γ).
pub struct Gap;

impl Observe for Gap {
    type Instance = Departing;
    type Fault = Fault;
    const NAME: &'static str = "gap";
    const SUMMARY: &'static str = "Gaps of returns on linear systems against the bounds of the theory.";
    const METRICS: &'static [Metric] = &[
        Metric::new("excess", "|J(π) − J(μ)| minus its bound, relative to one plus the bound."),
        Metric::new("optimal-excess", "|J(π*) − J(π)| minus its bound, relative to one plus the bound."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoHorizonFactor, Fault::EpsOnly];

    fn instances() -> BoxedStrategy<Departing> {
        let coefficient = || prop_oneof![4 => -2.0..2.0_f64, 1 => select(vec![0.0, 1.0, -1.0])];
        let loop_gain = prop_oneof![4 => -0.99..0.99_f64, 1 => select(vec![0.0, 0.999, -0.999])];
        let gamma = prop_oneof![4 => 0.0..0.97_f64, 1 => select(vec![0.0, 0.5, 0.99])];
        let epsilon = || prop_oneof![1 => Just(0.0), 6 => 0.0..0.3_f64];
        let shift = || select(Shift::ALL.to_vec());
        (coefficient(), coefficient(), loop_gain, gamma, epsilon(), beta(), shift(), epsilon(), shift())
            .prop_map(
                |(control, gain, loop_gain, gamma, epsilon, beta, shift, optimal_epsilon, optimal_shift)| {
                    let system = LinearSystem { decay: loop_gain - control * gain, control, gain, gamma };
                    Departing { system, epsilon, beta, shift, optimal_epsilon, optimal_shift }
                },
            )
            .boxed()
    }

    fn observe(instance: &Departing, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Departing { system, epsilon, beta, shift, optimal_epsilon, optimal_shift } = *instance;
        system.check()?;
        let closeness = Closeness { epsilon, beta, lipschitz: system.gain.abs() };
        // The policy departs as far as it may; the bounds are those of the argument, mistaken or not.
        let delta = closeness.departure(None);
        let bound = |departure| performance_gap(system.lipschitz().1, departure, system.gamma, fault);
        let excess = |gap: f64, bound: f64| (gap - bound) / (1.0 + bound);
        let optimal_gap = (system.value(optimal_epsilon, optimal_shift) - system.value(delta, shift)).abs();
        let departure = closeness.departure(fault);
        Ok(Measurement::new()
            .metric("excess", excess(system.gap(delta, shift), bound(departure)))
            .metric("optimal-excess", excess(optimal_gap, bound(departure + optimal_epsilon))))
    }
}

/// A dataset, a pair, a critic and the truth.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Estimated {
    /// The dataset and the pair.
    cloud: Cloud,
    /// ĉ, repeated: Q̂(z) = sin ĉ·z at z = s⊕a.
    estimate: Vec<f64>,
    /// c, repeated: Q(z) = cos c·z.
    truth: Vec<f64>,
}

/// |Q̂ − Q|(s, a) ≤ |Q̂ − Q|(ŝ, â) + (L_Q̂ + L_Q)(1 + 1/β) d_β(s, a).
pub struct ValueError;

impl Observe for ValueError {
    type Instance = Estimated;
    type Fault = Fault;
    const NAME: &'static str = "value-error";
    const SUMMARY: &'static str = "The error of a Lipschitz critic outside the data is at most that at the nearest pair plus a multiple of the distance.";
    const METRICS: &'static [Metric] = &[Metric::new("slack", "The bound minus |Q̂ − Q|(s, a).")];
    const FAULTS: &'static [Fault] = &[Fault::NoLipschitzTerm];

    fn instances() -> BoxedStrategy<Estimated> {
        let frequencies = || vec(prop_oneof![5 => -3.0..3.0_f64, 1 => Just(0.0)], 1..=6);
        (cloud(), frequencies(), frequencies())
            .prop_map(|(cloud, estimate, truth)| Estimated { cloud, estimate, truth })
            .boxed()
    }

    fn observe(instance: &Estimated, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Estimated { cloud: Cloud { data, beta, pair }, estimate, truth } = instance;
        if estimate.is_empty() || truth.is_empty() {
            return Err(Failure::invalid("`estimate` and `truth` need a coordinate"));
        }
        let dimension = pair.state.len() + pair.action.len();
        let repeated = |c: &[f64]| -> Vec<f64> { c.iter().copied().cycle().take(dimension).collect() };
        let (estimate, truth) = (repeated(estimate), repeated(truth));
        let error = |pair: &Pair| {
            let z = [pair.state.as_slice(), pair.action.as_slice()].concat();
            (sin(dot(&estimate, &z)) - cos(dot(&truth, &z))).abs()
        };
        let nearest = Constraint::new(data, *beta, None)?.nearest(pair)?;
        let lipschitz = match fault {
            Some(Fault::NoLipschitzTerm) => 0.0,
            _ => norm(&estimate) + norm(&truth),
        };
        let bound = error(nearest.pair) + lipschitz * (1.0 + 1.0 / beta) * nearest.distance;
        Ok(Measurement::new().metric("slack", bound - error(pair)))
    }
}
