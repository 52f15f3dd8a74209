//! What errors of a learned reward cost.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{Fault, cases::value, invalid},
    instance::{Built, Regularised, regularised},
};
use crate::{
    kernel::{
        math::sum,
        mdp::{Dynamics, Episodic, Rows, logarithms},
    },
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

/// A process whose policy is the expert, and errors of its rewards.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Misjudged {
    /// The process, the expert, the reference and λ.
    pub process: Regularised,
    /// r̂ − r in the order (h S + s) A + a.
    pub errors: Vec<f64>,
    /// What is added to r̂ everywhere.
    pub constant: f64,
}

impl Misjudged {
    /// The errors, one table a step.
    fn tables(&self, process: &Episodic) -> Result<Vec<Rows>, Failure> {
        let (states, actions) = (process.steps()[0].states(), process.steps()[0].actions());
        if self.errors.len() != process.horizon() * states * actions {
            return Err(Failure::invalid("needs an error for every step, state and action"));
        }
        let table = |errors: &[f64]| Rows::from_fn(states, actions, |s, a| errors[s * actions + a]);
        Ok(self.errors.chunks(states * actions).map(table).collect())
    }
}

/// The process as it is believed: r̂ = r + error + constant.
fn believed(process: &Episodic, errors: &[Rows], constant: f64) -> Result<Episodic, Failure> {
    let step = |(step, errors): (&Dynamics, &Rows)| {
        let (states, actions) = (step.states(), step.actions());
        let rows = Rows::from_fn(states * actions, states, |row, t| {
            step.transition(row / actions, row % actions)[t]
        });
        let rewards = Rows::from_fn(states, actions, |s, a| step.rewards()[s][a] + errors[s][a] + constant);
        Dynamics::new(rows, rewards)
    };
    let steps = process.steps().iter().zip(errors).map(step).collect::<Result<_, _>>().map_err(invalid)?;
    Episodic::new(steps, process.start().to_vec()).map_err(invalid)
}

/// E_π[Σ (r̂ − r)], from where the policy goes.
fn overrated(process: &Episodic, policy: &[Rows], errors: &[Rows], constant: f64) -> Result<f64, Failure> {
    let occupancies = process.occupancies(policy).map_err(invalid)?;
    let mut terms = Vec::new();
    for ((visited, rows), errors) in occupancies.iter().zip(policy).zip(errors) {
        for (s, d) in visited.iter().enumerate() {
            terms.extend(rows[s].iter().zip(&errors[s]).map(|(p, e)| d * p * (e + constant)));
        }
    }
    Ok(sum(terms))
}

/// V^{π^E} − V^π ≤ λ KL_traj(π^E‖ρ) + E_{π^E}[r − r̂] − E_π[r − r̂], for π optimal under r̂.
pub struct RewardError;

impl Observe for RewardError {
    type Instance = Misjudged;
    type Fault = Fault;
    const NAME: &'static str = "reward-error";
    const SUMMARY: &'static str =
        "What the regularised optimum of a wrong reward lacks of the expert, against its bound.";
    const METRICS: &'static [Metric] = &[
        Metric::new("excess", "V^{π^E} − V^π minus the bound.").unit("reward"),
        Metric::new("moved", "By how much a constant in r̂ moves the excess or a probability of π.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::RewardErrorOneSided];

    fn instances() -> BoxedStrategy<Misjudged> {
        regularised()
            .prop_flat_map(|process| {
                let count = process.reference.len();
                let error = prop_oneof![1 => Just(0.0), 3 => -1.5..1.5_f64];
                (Just(process), vec(error, count), -2.0..2.0_f64)
            })
            .prop_map(|(process, errors, constant)| Misjudged { process, errors, constant })
            .boxed()
    }

    fn observe(instance: &Misjudged, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Built { process, policy: expert, reference } = instance.process.build()?;
        let (lambda, errors) = (instance.process.lambda, instance.tables(&process)?);
        let divergence = process.trajectory_divergence(&expert, &logarithms(&reference)).map_err(invalid)?;
        let lost = |constant: f64| -> Result<(f64, Vec<Rows>), Failure> {
            let wrong = believed(&process, &errors, constant)?;
            let policy = wrong.soft_optimum(&reference, lambda).map_err(invalid)?.policy;
            let lacking =
                value(&process, &expert).map_err(invalid)? - value(&process, &policy).map_err(invalid)?;
            let by_expert = -overrated(&process, &expert, &errors, constant)?;
            let by_policy = match fault {
                Some(Fault::RewardErrorOneSided) => 0.0,
                _ => -overrated(&process, &policy, &errors, constant)?,
            };
            Ok((lacking - (lambda * divergence + by_expert - by_policy), policy))
        };
        let (excess, policy) = lost(0.0)?;
        let (shifted, same) = lost(instance.constant)?;
        let moved = policy.iter().zip(&same).map(|(x, y)| x.largest_difference(y));
        Ok(Measurement::new()
            .metric("excess", excess)
            .metric("moved", moved.fold((excess - shifted).abs(), f64::max)))
    }
}
