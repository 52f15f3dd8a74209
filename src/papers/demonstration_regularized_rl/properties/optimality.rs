//! Regularised optima: what other policies lack of them, what errors cost, and regression.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        Fault,
        bounds::{cost, cost_bound},
        cases, invalid,
        linear::planned,
        planning::{estimated, sampled},
    },
    instance::{Built, Regularised, lambdas, regularised},
};
use crate::{
    kernel::{
        math::{ln, sum},
        mdp::{Rows, logarithms},
        stream::Streams,
    },
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

/// What an infinite divergence counts.
const INFINITE: f64 = 1e6;

/// Σ_τ Pr(τ|π) ln(Pr(τ|π)/Pr(τ|ρ)) over all trajectories from state s at step h on: chance cancels from the ratio,
/// policies remain. The trajectory so far has probability p and log ratio l.
fn enumerated(built: &Built, h: usize, s: usize, p: f64, l: f64, terms: &mut Vec<f64>) {
    let Some(step) = built.process.steps().get(h) else {
        terms.push(p * l);
        return;
    };
    for a in 0..step.actions() {
        let taken = built.policy[h][s][a];
        if taken == 0.0 {
            continue;
        }
        let ratio = l + ln(taken) - ln(built.reference[h][s][a]);
        for (t, chance) in step.transition(s, a).iter().enumerate().filter(|(_, chance)| **chance > 0.0) {
            enumerated(built, h + 1, t, p * taken * chance, ratio, terms);
        }
    }
}

/// V*_λ − V_λ^π = λ KL_traj(π‖π*_λ), and KL_traj is the divergence of the laws of trajectories.
pub struct SoftOptimality;

impl Observe for SoftOptimality {
    type Instance = Regularised;
    type Fault = Fault;
    const NAME: &'static str = "soft-optimality";
    const SUMMARY: &'static str =
        "What a policy lacks of the regularised optimum against its divergence from the optimal policy.";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "|V*_λ − V_λ^π − λ KL_traj(π‖π*_λ)|, an infinite divergence counting as 10⁶.")
            .unit("reward")
            .range(0.0, f64::INFINITY),
        Metric::new("chain", "|KL_traj(π‖ρ) − the divergence of the laws of all trajectories|.")
            .unit("nats")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ReverseKl];

    fn instances() -> BoxedStrategy<Regularised> {
        regularised()
    }

    fn observe(instance: &Regularised, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let built = instance.build()?;
        let Built { process, policy, reference } = &built;
        let optimum = process.soft_optimum(reference, instance.lambda).map_err(invalid)?;
        let to_reference = process.trajectory_divergence(policy, &logarithms(reference)).map_err(invalid)?;
        let value = cases::value(process, policy).map_err(invalid)?;
        let lacking = process.performance(&optimum.evaluations) - value + instance.lambda * to_reference;
        let to_optimum = if fault == Some(Fault::ReverseKl) {
            process.trajectory_divergence(&optimum.policy, &logarithms(policy))
        } else {
            process.trajectory_divergence(policy, &optimum.logarithms)
        };
        let error = lacking - instance.lambda * to_optimum.map_err(invalid)?.min(INFINITE);
        let mut terms = Vec::new();
        for (s, start) in process.start().iter().enumerate().filter(|(_, start)| **start > 0.0) {
            enumerated(&built, 0, s, *start, 0.0, &mut terms);
        }
        Ok(Measurement::new().metric("error", error.abs()).metric("chain", (to_reference - sum(terms)).abs()))
    }
}

/// Action values of one state, their errors, a reference and λ.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Estimated {
    /// Q.
    pub values: Vec<f64>,
    /// δ = Q̂ − Q.
    pub errors: Vec<f64>,
    /// Weights of the reference; one is added to each.
    pub reference: Vec<u32>,
    /// λ > 0.
    pub lambda: f64,
}

/// λ KL(π̂‖π*) ≤ span(δ)²/(8λ).
pub struct PlugInError;

impl Observe for PlugInError {
    type Instance = Estimated;
    type Fault = Fault;
    const NAME: &'static str = "plug-in-error";
    const SUMMARY: &'static str =
        "What acting on wrong action values costs, over the bound by the square of the error.";
    const METRICS: &'static [Metric] =
        &[Metric::new("ratio", "The cost over span(δ)²/(8λ).").range(-1e-6, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::LinearBoundClaimed];

    fn instances() -> BoxedStrategy<Estimated> {
        (2_usize..=5, lambdas())
            .prop_flat_map(|(actions, lambda)| {
                let value = prop_oneof![1 => Just(0.0), 4 => -1.0..1.0_f64];
                // Errors of the size of λ, where the bound is tightest, and larger ones.
                let error = prop_oneof![1 => Just(0.0), 2 => -1.0..1.0_f64, 2 => (-1.0..1.0_f64).prop_map(move |e| e * lambda)];
                let weight = prop_oneof![1 => Just(0_u32), 2 => 0_u32..100];
                (vec(value, actions), vec(error, actions), vec(weight, actions), Just(lambda))
            })
            .prop_map(|(values, errors, reference, lambda)| Estimated { values, errors, reference, lambda })
            .boxed()
    }

    fn observe(instance: &Estimated, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Estimated { values, errors, reference, lambda } = instance;
        let count = values.len();
        if count == 0 || errors.len() != count || reference.len() != count || *lambda <= 0.0 {
            return Err(Failure::invalid("needs as many values as errors and weights, and λ above 0"));
        }
        // Costs below λ/10⁵ are told from rounding no more.
        if cost_bound(errors, *lambda, None) < 1e-5 * lambda {
            return Err(Failure::Rejected("errors as small as rounding"));
        }
        let total: f64 = reference.iter().map(|w| f64::from(*w) + 1.0).sum();
        let reference: Vec<f64> = reference.iter().map(|w| (f64::from(*w) + 1.0) / total).collect();
        let estimates: Vec<f64> = values.iter().zip(errors).map(|(q, e)| q + e).collect();
        let ratio = cost(values, &estimates, &reference, *lambda) / cost_bound(errors, *lambda, fault);
        Ok(Measurement::new().metric("ratio", ratio))
    }
}

/// A process and samples of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sampled {
    /// The process, the reference and λ.
    pub process: Regularised,
    /// n, next states of every (h, s, a).
    pub samples: usize,
    /// Seed of what followed.
    pub seed: u64,
}

/// Regression on indicators of pairs plans what the tabular method plans.
pub struct OneHot;

impl Observe for OneHot {
    type Instance = Sampled;
    type Fault = Fault;
    const NAME: &'static str = "one-hot";
    const SUMMARY: &'static str = "The plan by regression on one indicator a pair against the tabular plan.";
    const METRICS: &'static [Metric] = &[
        Metric::new("value-error", "Largest difference of action values.")
            .unit("reward")
            .range(0.0, f64::INFINITY),
        Metric::new("policy-error", "Largest difference of probabilities.").range(0.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::RidgeKept];

    fn instances() -> BoxedStrategy<Sampled> {
        (regularised(), 1_usize..=10, any::<u64>())
            .prop_map(|(process, samples, seed)| Sampled { process, samples, seed })
            .boxed()
    }

    fn observe(instance: &Sampled, fault: Option<Fault>) -> Result<Measurement, Failure> {
        if !(1..=100_000).contains(&instance.samples) {
            return Err(Failure::invalid("expected 1 to 100000 samples"));
        }
        let Built { process, reference, .. } = instance.process.build()?;
        let lambda = instance.process.lambda;
        let counts =
            sampled(&process, instance.samples, &mut Streams::from_seed(instance.seed).stream("model"));
        let model = estimated(&process, &counts, instance.samples)?;
        let tabular = model.soft_optimum(&reference, lambda).map_err(invalid)?;
        let pairs = counts[0].count();
        let indicators = Rows::from_fn(pairs, pairs, |i, j| f64::from(u8::from(i == j)));
        let (evaluations, policy) = planned(&process, &counts, &indicators, &reference, lambda, fault)?;
        let values = evaluations.iter().zip(&tabular.evaluations);
        let rows = policy.iter().zip(&tabular.policy);
        Ok(Measurement::new()
            .metric(
                "value-error",
                values.map(|(x, y)| x.actions.largest_difference(&y.actions)).fold(0.0, f64::max),
            )
            .metric("policy-error", rows.map(|(x, y)| x.largest_difference(y)).fold(0.0, f64::max)))
    }
}
