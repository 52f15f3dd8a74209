//! Functions for comparing other implementations with the reference.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    consistency::Consistency,
    em::{Mixture, best_fit, best_latent},
    episodes::{Dataset, Episode, Pair},
    joint::Latent,
    problem::{Component, Outcome, Problem, Process},
    tree::Tree,
};
use crate::{
    kernel::{divergence::mutual_information, math::sum, mdp::Rows, splitmix::SplitMix64},
    papers::leaf::{Failure, Function, Paper},
};

/// Adds all functions to the leaf.
pub fn add_to(paper: Paper) -> Paper {
    let table =
        Masses { masses: vec![vec![vec![0.3, 0.1], vec![0.1, 0.2]], vec![vec![0.0, 0.15], vec![0.15, 0.0]]] };
    paper
        .function(
            Function::with_faults(
                "conditional-mutual-information",
                "I(outcome; z | context) of a table of masses, in nats: the quantity that DoC holds to zero.",
                &table,
                &[Fault::MarginalMi],
                conditional_mutual_information,
            )
            .also(&Masses { masses: vec![vec![vec![0.5, 0.0], vec![0.0, 0.5]]] }),
        )
        .function(
            Function::with_faults(
                "consistency-gap",
                "What conditioning on a latent promises, V(z), and what acting with π_z obtains, V_M(π_z).",
                &Question { problem: two_steps(), latent: Latent::Return },
                &[
                    Fault::MarginalMi,
                    Fault::MarkovReturnPolicy,
                    Fault::MissingSquareRoot,
                    Fault::MaxReturnValue,
                ],
                consistency,
            )
            .also(&Question { problem: two_steps(), latent: Latent::Mixture })
            .also(&Question { problem: two_steps(), latent: Latent::Weak })
            .also(&Question { problem: two_steps().deterministic(), latent: Latent::Return }),
        )
        .function(
            Function::with_faults(
                "doc-em",
                "DoC-EM: a mixture of policies fitted to episodes, the values V(z) of its latents, and z*.",
                &DocInput { dataset: episodes(), starts: starts(), smoothing: 0.1, iterations: 10 },
                &[Fault::NormaliseOverLatents, Fault::MaxReturnValue, Fault::ArgminLatent],
                doc_em,
            )
            .also(&DocInput {
                dataset: episodes(),
                starts: starts(),
                smoothing: 1.0,
                iterations: 1,
            }),
        )
        .function(Function::with_faults(
            "return-conditioned-policy",
            "Return-conditioned supervised learning from counts: π(a|s, G = target).",
            &ConditionedInput { dataset: episodes(), target: 1.0 },
            &[Fault::ReweightByBehaviour],
            return_conditioned_policy,
        ))
}

/// Two states and two steps, in which chance and control both matter.
fn two_steps() -> Problem {
    let policy = |rows: [[f64; 2]; 2]| rows.iter().map(|row| row.to_vec()).collect();
    Problem {
        process: Process {
            transition: vec![vec![vec![0.7, 0.3], vec![0.2, 0.8]], vec![vec![0.5, 0.5], vec![0.0, 1.0]]],
            rewards: vec![
                vec![Outcome::bernoulli(0.25), Outcome::always(0.0)],
                vec![Outcome::bernoulli(0.5), Outcome::bernoulli(0.75)],
            ],
            horizon: 2,
        },
        behaviour: vec![
            Component { weight: 0.75, policy: policy([[0.8, 0.2], [0.5, 0.5]]) },
            Component { weight: 0.25, policy: policy([[0.1, 0.9], [0.0, 1.0]]) },
        ],
    }
}

/// Episodes of two habits, of which the rarer is the better one; once the worse one was lucky.
fn episodes() -> Dataset {
    let episode = |steps: &[[usize; 2]], total, weight| Episode {
        steps: steps.iter().map(|[state, action]| Pair { state: *state, action: *action }).collect(),
        total,
        weight,
    };
    let episodes = vec![
        episode(&[[0, 0], [0, 0], [1, 0]], 0.0, 3.0),
        episode(&[[0, 0], [1, 0], [0, 0], [0, 1]], 1.0, 1.0),
        episode(&[[0, 1], [1, 1], [1, 1]], 1.0, 2.0),
        episode(&[[0, 1], [1, 1], [1, 0]], 0.0, 1.0),
    ];
    Dataset { states: 2, actions: 2, episodes }
}

fn starts() -> Vec<Start> {
    let policy = |rows: [[f64; 2]; 2]| rows.iter().map(|row| row.to_vec()).collect();
    vec![
        Start {
            weights: vec![0.5, 0.5],
            policies: vec![policy([[0.6, 0.4], [0.5, 0.5]]), policy([[0.3, 0.7], [0.4, 0.6]])],
        },
        Start {
            weights: vec![0.5, 0.5],
            policies: vec![policy([[0.5, 0.5], [0.2, 0.8]]), policy([[0.4, 0.6], [0.7, 0.3]])],
        },
    ]
}

/// A table of masses.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Masses {
    /// Pr(context, outcome, z) up to a factor, indexed \[context\]\[outcome\]\[z\]; all contexts have equally many
    /// outcomes and latents.
    masses: Vec<Vec<Vec<f64>>>,
}

#[derive(Serialize, JsonSchema)]
struct Information {
    /// I(outcome; z | context), in nats.
    information: f64,
}

fn conditional_mutual_information(input: &Masses, fault: Option<Fault>) -> Result<Information, Failure> {
    let outcomes = input.masses.first().map_or(0, Vec::len);
    let latents = input.masses.first().and_then(|rows| rows.first()).map_or(0, Vec::len);
    let all = || input.masses.iter().flatten().flatten();
    let fits =
        input.masses.iter().all(|rows| rows.len() == outcomes && rows.iter().all(|row| row.len() == latents));
    if latents == 0 || !fits || all().any(|m| !(0.0..=1e100).contains(m)) {
        return Err(Failure::invalid(
            "`masses` must have equally many outcomes in each context and latents in each outcome, and no \
             negative entries",
        ));
    }
    let total = sum(all().copied());
    if total < 1e-100 {
        return Err(Failure::invalid("some entry of `masses` must be positive"));
    }
    let share = |c: usize, o: usize, z: usize| input.masses[c][o][z] / total;
    let contexts = input.masses.len();
    let information = if fault == Some(Fault::MarginalMi) {
        let pooled = |o, z| sum((0..contexts).map(|c| share(c, o, z)));
        mutual_information(&Rows::from_fn(outcomes, latents, pooled))
    } else {
        sum((0..contexts)
            .map(|c| mutual_information(&Rows::from_fn(outcomes, latents, |o, z| share(c, o, z)))))
    };
    Ok(Information { information })
}

/// A problem and what policies are conditioned on.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Question {
    /// The problem.
    problem: Problem,
    /// The latent; `random` is drawn by `SplitMix64` from state 0, in the order of trajectories.
    latent: Latent,
}

/// A latent that occurs.
#[derive(Serialize, JsonSchema)]
struct LatentOutput {
    /// Its number: of the policy in the mixture, or of the return in ascending order.
    latent: usize,
    /// Pr(z).
    probability: f64,
    /// V(z).
    predicted: f64,
    /// V_M(π_z).
    achieved: f64,
    /// |V(z) − V_M(π_z)|.
    gap: f64,
    /// KL(Pr(·|z) ‖ Pr(·|π_z)), in nats.
    divergence: f64,
}

#[derive(Serialize, JsonSchema)]
struct ConsistencyOutput {
    /// The latents that occur.
    latents: Vec<LatentOutput>,
    /// V(π_D).
    behaviour: f64,
    /// Σ I((r, s'); z | h, a), in nats; equal to the mean divergence.
    information: f64,
    /// (G_max − G_min) √(½ Σ I), which the mean gap does not exceed.
    bound: f64,
}

fn consistency(input: &Question, fault: Option<Fault>) -> Result<ConsistencyOutput, Failure> {
    input.problem.check()?;
    let tree = Tree::of(&input.problem.process);
    let joint = input.problem.joint(&tree, input.latent, &mut SplitMix64::new(0));
    let judged = Consistency::of(&joint, fault);
    let latents = judged.latents.iter().map(|latent| LatentOutput {
        latent: latent.latent,
        probability: latent.probability,
        predicted: latent.predicted,
        achieved: latent.achieved,
        gap: latent.gap(),
        divergence: latent.divergence,
    });
    let output = ConsistencyOutput {
        latents: latents.collect(),
        behaviour: joint.behaviour_value(),
        information: judged.information,
        bound: judged.bound,
    };
    // Probabilities as small as the smallest numbers may leave no posterior.
    if output.latents.iter().all(|latent| latent.divergence.is_finite() && latent.achieved.is_finite()) {
        return Ok(output);
    }
    Err(Failure::invalid("some probabilities are too small to compute with"))
}

/// A mixture of policies.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Start {
    /// w_z, positive; divided by their sum.
    weights: Vec<f64>,
    /// π_z(a|s), indexed \[z\]\[s\]\[a\], positive.
    policies: Vec<Vec<Vec<f64>>>,
}

/// Episodes and how they are fitted.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DocInput {
    /// The episodes.
    dataset: Dataset,
    /// Mixtures before the first iteration; the best fit is kept, the first of ties.
    starts: Vec<Start>,
    /// ε > 0.
    smoothing: f64,
    /// From 1 to 10000.
    #[schemars(range(min = 1, max = 10_000))]
    iterations: usize,
}

#[derive(Serialize, JsonSchema)]
struct DocOutput {
    /// w_z.
    weights: Vec<f64>,
    /// π_z(a|s), indexed \[z\]\[s\]\[a\].
    policies: Vec<Vec<Vec<f64>>>,
    /// V(z); null for a latent that no episode has a part of.
    values: Vec<Option<f64>>,
    /// z*.
    best: usize,
    /// qᵢ(z), indexed \[i\]\[z\].
    responsibilities: Vec<Vec<f64>>,
    /// Penalised likelihood before each iteration and after the last.
    likelihoods: Vec<f64>,
}

fn doc_em(input: &DocInput, fault: Option<Fault>) -> Result<DocOutput, Failure> {
    let DocInput { dataset, starts, smoothing, iterations } = input;
    if !(1..=10_000).contains(iterations) {
        return Err(Failure::invalid("`iterations` must lie between 1 and 10000"));
    }
    let mixtures = starts
        .iter()
        .map(|start| Mixture::start(dataset, Some(&start.weights), &start.policies, *smoothing))
        .collect::<Result<Vec<_>, _>>()?;
    let fit = best_fit(dataset, mixtures, *smoothing, *iterations, fault)
        .ok_or_else(|| Failure::invalid("`starts` must not be empty"))?;
    let values = fit.values(dataset, fault);
    let table = |rows: &Rows| rows.iter().map(<[f64]>::to_vec).collect::<Vec<_>>();
    Ok(DocOutput {
        best: best_latent(&values, fault),
        values: values.into_iter().map(|v| v.is_finite().then_some(v)).collect(),
        policies: fit.mixture.policies.iter().map(table).collect(),
        weights: fit.mixture.weights.clone(),
        responsibilities: table(&fit.responsibilities),
        likelihoods: fit.likelihoods,
    })
}

/// Episodes and the return that is asked for.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ConditionedInput {
    /// The episodes.
    dataset: Dataset,
    /// The return to condition on.
    target: f64,
}

#[derive(Serialize, JsonSchema)]
struct PolicyOutput {
    /// π(a|s, G = target), indexed \[s\]\[a\]; uniform in states that no such episode visits.
    policy: Vec<Vec<f64>>,
}

fn return_conditioned_policy(
    input: &ConditionedInput,
    fault: Option<Fault>,
) -> Result<PolicyOutput, Failure> {
    input.dataset.check()?;
    if !input.target.is_finite() {
        return Err(Failure::invalid("`target` must be finite"));
    }
    let policy = input.dataset.return_conditioned(input.target, fault);
    Ok(PolicyOutput { policy: policy.iter().map(<[f64]>::to_vec).collect() })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    type Change = Box<dyn Fn(&mut Value)>;

    fn call(name: &str, change: &dyn Fn(&mut Value)) -> Result<Value, Failure> {
        let paper = super::super::paper();
        let function = paper.find_function(name).unwrap();
        function.call_changed(change)
    }

    #[test]
    fn every_fault_shows_in_some_vector() {
        for function in super::super::paper().functions {
            for fault in &function.faults {
                let shows = |input: &Value| {
                    function.call(input.clone(), None) != function.call(input.clone(), Some(fault))
                };
                assert!(function.inputs.iter().any(shows), "{}: {fault}", function.name);
            }
            assert!(function.inputs.iter().all(|input| function.call(input.clone(), None).is_ok()));
        }
    }

    #[test]
    fn bad_input_is_refused() {
        let cases: Vec<(&str, Change)> = vec![
            ("conditional-mutual-information", Box::new(|v| v["masses"] = json!([]))),
            ("conditional-mutual-information", Box::new(|v| v["masses"] = json!([[[0.0, 0.0]]]))),
            ("conditional-mutual-information", Box::new(|v| v["masses"][0][0] = json!([1.0]))),
            ("conditional-mutual-information", Box::new(|v| v["masses"][0][0][0] = json!(-0.1))),
            ("consistency-gap", Box::new(|v| v["problem"]["process"]["horizon"] = json!(60))),
            ("consistency-gap", Box::new(|v| v["problem"]["behaviour"] = json!([]))),
            ("doc-em", Box::new(|v| v["starts"] = json!([]))),
            ("doc-em", Box::new(|v| v["iterations"] = json!(0))),
            ("doc-em", Box::new(|v| v["smoothing"] = json!(0.0))),
            ("doc-em", Box::new(|v| v["starts"][0]["policies"][0][0] = json!([1.0, 0.0]))),
            ("doc-em", Box::new(|v| v["starts"][1]["weights"] = json!([1.0]))),
            (
                "return-conditioned-policy",
                Box::new(|v| v["dataset"]["episodes"][0]["steps"][0]["state"] = json!(2)),
            ),
        ];
        for (name, change) in cases {
            assert!(matches!(call(name, &*change), Err(Failure::Invalid(_))), "{name}");
        }
    }

    #[test]
    fn a_return_that_nobody_obtained_leaves_everything_open() {
        let output = call("return-conditioned-policy", &|v| v["target"] = json!(7.0)).unwrap();
        assert_eq!(output["policy"], json!([[0.5, 0.5], [0.5, 0.5]]));
    }
}
