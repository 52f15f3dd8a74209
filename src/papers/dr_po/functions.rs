//! Functions for comparing other implementations with the reference.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    mirror::{Run, coverage, regularised_step, regularised_value, transferred},
    prefix::{Positions, reset_law},
    rollouts::advantages,
};
use crate::{
    kernel::{
        divergence::is_law,
        math::softmax,
        tokens::{Policy, Rows, wave},
    },
    papers::leaf::{Failure, Function},
};

/// All of them.
pub fn all() -> Vec<Function> {
    let answers = PrefixInput {
        vocabulary: 2,
        policy: vec![vec![0.3, -0.2], vec![0.0, 0.8], vec![-0.5, 0.1]],
        rewards: vec![1.0, 0.0, 0.0, 1.0, 0.0, 0.5, 1.0, 0.0],
        stored: (0..8).map(|y| wave(y, 0, 0)).collect(),
        reset: 0.5,
    };
    let step = MirrorInput {
        q: vec![0.5, -0.2, 1.0],
        current: vec![0.1, 0.0, -0.4],
        reference: vec![1.0, 0.5, -1.0],
        lambda: 0.5,
        eta: 1.0,
    };
    let bound = BoundInput {
        actions: 3,
        eta: 0.5,
        iterations: 100,
        largest: 1.0,
        visited: vec![vec![1.0, 0.0], vec![0.6, 0.4]],
        data: vec![vec![0.5, 0.5], vec![0.2, 0.8]],
        errors: vec![vec![0.1, 0.3], vec![0.0, 0.2]],
    };
    vec![
        Function::new(
            "advantages",
            "Mean return of each pair of state and action less that of the state; 0 where a pair was not tried.",
            &ReturnsInput {
                returns: vec![vec![vec![1.0, 0.0], vec![0.0], vec![]], vec![vec![], vec![0.5], vec![]]],
            },
            state_advantages,
        ),
        Function::with_faults(
            "mirror-step",
            "argmax ⟨Q, π⟩ − λ KL(π‖π_ref) − (1/η) KL(π‖π_t) in one state, and its value.",
            &step,
            &[Fault::DropReference],
            mirror_step,
        )
        .also(&MirrorInput { lambda: 0.0, eta: 0.1, ..step }),
        Function::with_faults(
            "prefix-gradient",
            "J_β on answers of independent positions, and its gradient with the tokens of the prefix masked.",
            &answers,
            &[Fault::NoRollinMask],
            prefix_gradient,
        )
        .also(&PrefixInput { reset: 1.0, ..answers.clone() })
        .also(&PrefixInput { reset: 0.0, ..answers }),
        Function::with_faults(
            "regret-bound",
            "What T mirror steps on estimated action values may lose against a comparator, and its coverage.",
            &bound,
            &[Fault::WrongMeasure],
            regret_bound,
        )
        .also(&BoundInput { data: vec![vec![1.0, 0.0], vec![1.0, 0.0]], ..bound }),
        Function::with_faults(
            "reset-distribution",
            "Probability of keeping k = 0, 1, … tokens of a stored answer.",
            &ResetInput { length: 5, reset: 0.8 },
            &[Fault::LengthFromZero],
            law,
        )
        .also(&ResetInput { length: 1, reset: 1.0 }),
    ]
}

fn bounded<'a>(what: &str, values: impl IntoIterator<Item = &'a f64>) -> Result<(), Failure> {
    if values.into_iter().any(|v| v.is_nan() || v.abs() > 500.0) {
        return Err(Failure::invalid(format!("`{what}` must not exceed 500 in size")));
    }
    Ok(())
}

/// Returns of roll-outs.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReturnsInput {
    /// For each state, for each action, the returns of the roll-outs that began with the pair.
    returns: Vec<Vec<Vec<f64>>>,
}

#[derive(Serialize, JsonSchema)]
struct AdvantagesOutput {
    /// For each state, for each action.
    advantages: Vec<Vec<f64>>,
}

fn state_advantages(input: &ReturnsInput) -> Result<AdvantagesOutput, Failure> {
    let (states, actions) = (input.returns.len(), input.returns.first().map_or(0, Vec::len));
    if actions == 0 || input.returns.iter().any(|row| row.len() != actions) {
        return Err(Failure::invalid("`returns` needs a state, and equally many actions in each"));
    }
    bounded("returns", input.returns.iter().flatten().flatten())?;
    let sums = Rows::from_fn(states, actions, |s, a| input.returns[s][a].iter().sum());
    let counts = Rows::from_fn(states, actions, |s, a| input.returns[s][a].len() as f64);
    Ok(AdvantagesOutput { advantages: advantages(&sums, &counts).iter().map(<[f64]>::to_vec).collect() })
}

/// One state.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MirrorInput {
    /// Q of each action.
    q: Vec<f64>,
    /// Logits of π_t.
    current: Vec<f64>,
    /// Logits of π_ref.
    reference: Vec<f64>,
    /// λ ≥ 0.
    #[schemars(range(min = 0.0))]
    lambda: f64,
    /// η > 0.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    eta: f64,
}

#[derive(Serialize, JsonSchema)]
struct MirrorOutput {
    /// π_{t+1}.
    policy: Vec<f64>,
    /// The regularised value there.
    value: f64,
}

fn mirror_step(input: &MirrorInput, fault: Option<Fault>) -> Result<MirrorOutput, Failure> {
    let MirrorInput { q, current, reference, lambda, eta } = input;
    if q.is_empty() || current.len() != q.len() || reference.len() != q.len() {
        return Err(Failure::invalid("`q`, `current` and `reference` must be equally long, and not empty"));
    }
    bounded("q", q)?;
    // Sizes whose probabilities do not underflow.
    let spread = |x: &[f64]| x.iter().all(|v| v.abs() <= 300.0);
    if !spread(current) || !spread(reference) || !(1e-3..=1e3).contains(eta) || !(0.0..=1e3).contains(lambda)
    {
        return Err(Failure::invalid(
            "logits must not exceed 300 in size, `eta` must be from 0.001 to 1000, and `lambda` from 0 to 1000",
        ));
    }
    let (current, reference) = (softmax(current), softmax(reference));
    let policy = regularised_step(q, &current, &reference, *lambda, *eta, fault);
    let value = regularised_value(&policy, q, &current, &reference, *lambda, *eta);
    Ok(MirrorOutput { policy, value })
}

/// Answers of independent positions.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PrefixInput {
    /// V.
    #[schemars(range(min = 1, max = 10))]
    vocabulary: usize,
    /// Logits of π_θ, a row of V for each of the L positions.
    policy: Vec<Vec<f64>>,
    /// r of each of the V^L answers; the number of an answer has its tokens as digits, the first one first.
    rewards: Vec<f64>,
    /// Logits of the law of stored answers, likewise.
    stored: Vec<f64>,
    /// β.
    #[schemars(range(min = 0.0, max = 1.0))]
    reset: f64,
}

#[derive(Serialize, JsonSchema)]
struct PrefixOutput {
    /// J_β.
    objective: f64,
    /// ∇J_β, a row a position.
    gradient: Vec<Vec<f64>>,
}

fn prefix_gradient(input: &PrefixInput, fault: Option<Fault>) -> Result<PrefixOutput, Failure> {
    let PrefixInput { vocabulary, policy, rewards, stored, reset } = input;
    let length = policy.len();
    let answers = u32::try_from(length).ok().and_then(|l| vocabulary.checked_pow(l)).unwrap_or(usize::MAX);
    if *vocabulary == 0
        || length == 0
        || answers > 1024
        || rewards.len() != answers
        || stored.len() != answers
    {
        return Err(Failure::invalid(
            "`rewards` and `stored` need an entry for each of the V^L answers, 1024 at most",
        ));
    }
    if policy.iter().any(|row| row.len() != *vocabulary) || !(0.0..=1.0).contains(reset) {
        return Err(Failure::invalid("rows of `policy` need a logit a token, and `reset` must be in [0, 1]"));
    }
    bounded("policy", policy.iter().flatten())?;
    bounded("rewards", rewards)?;
    bounded("stored", stored)?;
    let positions =
        Positions { vocabulary: *vocabulary, length, rewards: rewards.clone(), stored: softmax(stored) };
    let policy = Policy::new(Rows::from_fn(length, *vocabulary, |n, v| policy[n][v]));
    Ok(PrefixOutput {
        objective: positions.objective(&policy, *reset),
        gradient: positions.gradient(&policy, *reset, fault).iter().map(<[f64]>::to_vec).collect(),
    })
}

/// A comparator, data, and how the learner is run.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BoundInput {
    /// A.
    #[schemars(range(min = 1, max = 1_000_000))]
    actions: usize,
    /// η > 0.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    eta: f64,
    /// T.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    iterations: usize,
    /// B, the largest action value and estimate.
    #[schemars(range(min = 0.0))]
    largest: f64,
    /// d_h of the comparator: for each of H steps, a probability for each state.
    visited: Vec<Vec<f64>>,
    /// ρ_h of the data, likewise.
    data: Vec<Vec<f64>>,
    /// max_a |Q̂ − Q|, likewise; the same in every iteration.
    errors: Vec<Vec<f64>>,
}

#[derive(Serialize, JsonSchema)]
struct BoundOutput {
    /// C_h for each step; null where the comparator is not covered.
    coverage: Vec<Option<f64>>,
    /// H ln A / η + η T H B² / 8 + 2 T Σ_h √C_h ‖error‖_{ρ_h}; null if the comparator is not covered.
    bound: Option<f64>,
}

fn regret_bound(input: &BoundInput, fault: Option<Fault>) -> Result<BoundOutput, Failure> {
    let BoundInput { visited, data, errors, .. } = input;
    let states = visited.first().map_or(0, Vec::len);
    let tables = [visited, data, errors];
    if states == 0
        || tables.iter().any(|t| t.len() != visited.len() || t.iter().any(|row| row.len() != states))
    {
        return Err(Failure::invalid(
            "`visited`, `data` and `errors` need the same states in each of the same steps",
        ));
    }
    if !visited.iter().chain(data).all(|row| is_law(row)) {
        return Err(Failure::invalid("rows of `visited` and `data` must be probabilities that sum to 1"));
    }
    bounded("errors", errors.iter().flatten())?;
    if !(1..=1_000_000).contains(&input.actions) || !(1..=1_000_000_000).contains(&input.iterations) {
        return Err(Failure::invalid(
            "`actions` must be up to 10⁶, `iterations` up to 10⁹, and both at least 1",
        ));
    }
    if !(1e-9..=1e9).contains(&input.eta) || !(0.0..=1e9).contains(&input.largest) {
        return Err(Failure::invalid("`eta` must be from 10⁻⁹ to 10⁹, and `largest` from 0 to 10⁹"));
    }
    let run = Run { eta: input.eta, iterations: input.iterations, largest: input.largest };
    let coverages: Vec<f64> = visited.iter().zip(data).map(|(d, rho)| coverage(d, rho, fault)).collect();
    let errors = coverages.iter().zip(data.iter().zip(errors)).map(|(c, (rho, e))| transferred(*c, rho, e));
    let bound = run.bound(visited.len(), input.actions) + 2.0 * input.iterations as f64 * errors.sum::<f64>();
    let finite = |x: f64| x.is_finite().then_some(x);
    Ok(BoundOutput { coverage: coverages.into_iter().map(finite).collect(), bound: finite(bound) })
}

/// A stored answer.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ResetInput {
    /// Tokens n of the answer.
    #[schemars(range(min = 1, max = 10_000))]
    length: usize,
    /// β.
    #[schemars(range(min = 0.0, max = 1.0))]
    reset: f64,
}

#[derive(Serialize, JsonSchema)]
struct ResetOutput {
    /// P(k), k = 0 … n − 1.
    probabilities: Vec<f64>,
}

fn law(input: &ResetInput, fault: Option<Fault>) -> Result<ResetOutput, Failure> {
    if !(1..=10_000).contains(&input.length) || !(0.0..=1.0).contains(&input.reset) {
        return Err(Failure::invalid("`length` must be from 1 to 10000, and `reset` in [0, 1]"));
    }
    Ok(ResetOutput { probabilities: reset_law(input.length, input.reset, fault) })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn call(name: &str, change: &dyn Fn(&mut Value)) -> Result<Value, Failure> {
        let function = all().into_iter().find(|f| f.name == name).unwrap();
        function.call_changed(change)
    }

    #[test]
    fn an_untried_pair_has_no_advantage() {
        let output = call("advantages", &|_| ()).unwrap();
        let third = 1.0 / 3.0;
        approx::assert_relative_eq!(
            output["advantages"][0][0].as_f64().unwrap(),
            0.5 - third,
            epsilon = 1e-15
        );
        assert_eq!(output["advantages"][1], json!([0.0, 0.0, 0.0]));
    }

    #[test]
    fn a_comparator_that_is_not_covered_has_no_bound() {
        let known = |output: &Value| output["bound"].as_f64().unwrap();
        let covered = call("regret-bound", &|_| ()).unwrap();
        let root = |c: f64, x: f64| (c * x).sqrt();
        let errors = root(2.0, 0.5 * 0.01 + 0.5 * 0.09) + root(3.0, 0.8 * 0.04);
        let bound = 4.0 * 3.0_f64.ln() + 100.0 * 2.0 / 16.0 + 200.0 * errors;
        approx::assert_relative_eq!(known(&covered), bound, epsilon = 1e-12);
        let output = call("regret-bound", &|v| v["data"][1] = json!([1.0, 0.0])).unwrap();
        assert_eq!(output, json!({"coverage": [2.0, null], "bound": null}));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        type Change = fn(&mut Value);
        let cases: [(&str, Change); 8] = [
            ("advantages", |v| v["returns"] = json!([])),
            ("mirror-step", |v| v["eta"] = json!(0.0)),
            ("mirror-step", |v| v["reference"] = json!([0.0])),
            ("prefix-gradient", |v| v["rewards"] = json!([1.0])),
            ("prefix-gradient", |v| v["reset"] = json!(2.0)),
            ("regret-bound", |v| v["data"][0] = json!([0.5, 0.6])),
            ("regret-bound", |v| v["errors"] = json!([])),
            ("reset-distribution", |v| v["length"] = json!(0)),
        ];
        for (name, change) in cases {
            assert!(matches!(call(name, &change), Err(Failure::Invalid(_))), "{name}");
        }
    }
}
