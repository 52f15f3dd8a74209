//! The pure functions of the reference, for `eval`.

use nalgebra::{DMatrix, DVector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    estimators::{Estimator, Moments},
    incompleteness::Incompleteness,
    models::Model,
    problem::{Population, Problem, distribution},
    transitions::Transitions,
    value::ValueError,
};
use crate::papers::leaf::{Failure, Function};

/// All of them.
pub fn all() -> Vec<Function> {
    let problem = Model::StochasticTvr.problem(vec![0.8, 0.2], 0.9);
    let candidate = Candidate { problem: problem.clone(), parameter: vec![0.5] };
    vec![
        Function::with_faults(
            "incompleteness",
            "β of a linear class, and the generalised eigenvalues λ of (Aᵀ G⁻¹ A, B_μ): β² = 1 − λ₁.",
            &problem,
            &[Fault::SignFlipGamma, Fault::Unprojected, Fault::Unweighted],
            incompleteness,
        ),
        Function::new(
            "bellman-errors",
            "E(Q), I(Q) and the population minimax loss L(Q) = E² − I² of a linear function.",
            &candidate,
            bellman_errors,
        ),
        Function::with_faults(
            "estimate",
            "The estimate from transitions with features: minimax (LSTD), fitted or residual.",
            &Observations::example(),
            &[Fault::NoInnerMax, Fault::FqiIterate],
            estimate,
        ),
        Function::with_faults(
            "finite-minimax",
            "The minimax losses of a finite class on observed transitions, and the estimate.",
            &FiniteClass::example(),
            &[Fault::NoInnerMax],
            finite_minimax,
        ),
        Function::with_faults(
            "value-error",
            "E_ρ[Q − Q^π], directly and by the occupancy of the policy, with its bound √C E(Q)/(1 − γ).",
            &Start { candidate, start: vec![1.0, 0.0] },
            &[Fault::ForgotHorizon, Fault::WrongOccupancy],
            value_error,
        ),
    ]
}

#[derive(Serialize, JsonSchema)]
struct IncompletenessOutput {
    /// β ∈ [0, 1].
    beta: f64,
    /// λ₁ ≤ … ≤ λ_d.
    eigenvalues: Vec<f64>,
    /// Σ 1/λ; null if β = 1.
    noise_amplification: Option<f64>,
    /// The function Φx (n values) whose Bellman error is seen least.
    worst: Vec<f64>,
}

fn incompleteness(problem: &Problem, fault: Option<Fault>) -> Result<IncompletenessOutput, Failure> {
    let solved = Incompleteness::of(&problem.population()?, fault)?;
    Ok(IncompletenessOutput {
        beta: solved.beta(),
        noise_amplification: finite(solved.noise_amplification()),
        worst: solved.worst.iter().copied().collect(),
        eigenvalues: solved.eigenvalues,
    })
}

/// A problem and a function of its class.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Candidate {
    /// The problem.
    problem: Problem,
    /// θ: d parameters of Q = Φθ.
    parameter: Vec<f64>,
}

impl Candidate {
    fn resolve(&self) -> Result<(Population, DVector<f64>), Failure> {
        let population = self.problem.population()?;
        if self.parameter.len() != population.class().dimension() {
            return Err(Failure::invalid("`parameter` must have one entry a feature"));
        }
        let q = population.class().function(&DVector::from_column_slice(&self.parameter));
        Ok((population, q))
    }
}

#[derive(Serialize, JsonSchema)]
struct BellmanErrors {
    /// E(Q).
    bellman_error: f64,
    /// I(Q).
    local_inherent_error: f64,
    /// L(Q).
    minimax_loss: f64,
}

fn bellman_errors(candidate: &Candidate) -> Result<BellmanErrors, Failure> {
    let (population, q) = candidate.resolve()?;
    Ok(BellmanErrors {
        bellman_error: population.bellman_error(&q),
        local_inherent_error: population.local_inherent_error(&q)?,
        minimax_loss: population.minimax_loss(&q)?,
    })
}

/// Transitions with features.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Observations {
    /// What was observed.
    transitions: Vec<Observation>,
    /// γ, at least 0 and less than 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    discount: f64,
    /// Which estimate.
    estimator: Estimator,
}

/// One transition.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Observation {
    /// φ(x): d features.
    features: Vec<f64>,
    /// r.
    reward: f64,
    /// φ(x′), of the next pair under the policy; zeros after the end of an episode.
    next: Vec<f64>,
}

impl Observations {
    fn example() -> Self {
        let observed =
            |x: f64, reward, next: f64| Observation { features: vec![x], reward, next: vec![next] };
        Self {
            transitions: vec![observed(1.0, -0.5, 2.0), observed(2.0, 0.1, 2.0), observed(2.0, 1.0, 1.0)],
            discount: 0.9,
            estimator: Estimator::Minimax,
        }
    }
}

#[derive(Serialize, JsonSchema)]
struct Estimate {
    /// θ̂: d parameters.
    parameter: Vec<f64>,
}

fn estimate(data: &Observations, fault: Option<Fault>) -> Result<Estimate, Failure> {
    let dimension = data.transitions.first().map_or(0, |t| t.features.len());
    let fits = |t: &Observation| {
        t.features.len() == dimension
            && t.next.len() == dimension
            && t.features.iter().chain(&t.next).chain([&t.reward]).all(|x| x.is_finite())
    };
    if dimension == 0 || !data.transitions.iter().all(fits) {
        return Err(Failure::invalid(
            "`transitions` must not be empty, and have equally many finite features before and after",
        ));
    }
    discounted(data.discount)?;
    let mut moments = Moments::new(dimension);
    let share = 1.0 / data.transitions.len() as f64;
    for t in &data.transitions {
        let (phi, next) = (DVector::from_column_slice(&t.features), DVector::from_column_slice(&t.next));
        moments.add(&phi, &next, data.discount, share, share * t.reward);
    }
    match data.estimator.estimate(&moments, fault) {
        Some(theta) if theta.iter().all(|x| x.is_finite()) => {
            Ok(Estimate { parameter: theta.iter().copied().collect() })
        }
        _ => Err(Failure::invalid("these transitions do not determine the parameter")),
    }
}

/// A finite class of functions on n pairs, and observed transitions between them.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FiniteClass {
    /// Each function by its n values.
    class: Vec<Vec<f64>>,
    /// What was observed.
    transitions: Vec<IndexedTransition>,
    /// γ, at least 0 and less than 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    discount: f64,
}

/// One transition between numbered pairs.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct IndexedTransition {
    /// Index of the pair, from 0.
    from: usize,
    /// r.
    reward: f64,
    /// Index of the next pair under the policy.
    to: usize,
}

impl FiniteClass {
    fn example() -> Self {
        let class = [0.4, 0.7, 1.0, 1.3].iter().map(|theta| vec![*theta, 2.0 * theta]).collect();
        let moved = |from, reward, to| IndexedTransition { from, reward, to };
        Self {
            class,
            transitions: vec![moved(0, -0.8, 1), moved(1, 0.2, 1), moved(1, 0.3, 1)],
            discount: 0.9,
        }
    }
}

#[derive(Serialize, JsonSchema)]
struct FiniteMinimax {
    /// L(Q) of each function.
    losses: Vec<f64>,
    /// Index of the smallest loss, the first of ties.
    estimate: usize,
}

fn finite_minimax(input: &FiniteClass, fault: Option<Fault>) -> Result<FiniteMinimax, Failure> {
    let n = input.class.first().map_or(0, Vec::len);
    if n == 0 || input.class.iter().any(|q| q.len() != n || q.iter().any(|x| !x.is_finite())) {
        return Err(Failure::invalid("`class` must hold functions of equally many finite values"));
    }
    let fits = |t: &IndexedTransition| t.from < n && t.to < n && t.reward.is_finite();
    if input.transitions.is_empty() || !input.transitions.iter().all(fits) {
        return Err(Failure::invalid(format!(
            "`transitions` must not be empty, and lead from and to indices below {n}"
        )));
    }
    discounted(input.discount)?;
    let mut data = Transitions { weights: DMatrix::zeros(n, n), rewards: DMatrix::zeros(n, n) };
    let share = 1.0 / input.transitions.len() as f64;
    for t in &input.transitions {
        data.weights[(t.from, t.to)] += share;
        data.rewards[(t.from, t.to)] += share * t.reward;
    }
    let class: Vec<_> = input.class.iter().map(|q| DVector::from_column_slice(q)).collect();
    let losses: Vec<f64> =
        class.iter().map(|q| data.minimax_loss(&class, q, input.discount, fault)).collect();
    Ok(FiniteMinimax { losses, estimate: data.minimax_estimate(&class, input.discount, fault) })
}

/// A function as a value at a start.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Start {
    /// The problem and the function.
    candidate: Candidate,
    /// ρ: n nonnegative weights of the first pair, divided by their sum.
    start: Vec<f64>,
}

#[derive(Serialize, JsonSchema)]
struct ValueErrorOutput {
    /// E_ρ[Q − Q^π].
    error: f64,
    /// Σ d (Q − TQ)/(1 − γ).
    telescoped: f64,
    /// d (n).
    occupancy: Vec<f64>,
    /// C; null if the policy goes where the data do not.
    concentrability: Option<f64>,
    /// √C E(Q)/(1 − γ); null where C is.
    bound: Option<f64>,
}

fn value_error(input: &Start, fault: Option<Fault>) -> Result<ValueErrorOutput, Failure> {
    let (population, q) = input.candidate.resolve()?;
    let start = distribution("start", &input.start)?;
    if start.len() != q.len() {
        return Err(Failure::invalid(format!("`start` must have {} weights", q.len())));
    }
    let measured = ValueError::of(&population, &q, &start, fault)?;
    let concentrability = finite(measured.concentrability);
    Ok(ValueErrorOutput {
        error: measured.error,
        telescoped: measured.telescoped,
        occupancy: measured.occupancy.iter().copied().collect(),
        concentrability,
        bound: concentrability.map(|_| measured.bound),
    })
}

fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

fn discounted(discount: f64) -> Result<(), Failure> {
    if (0.0..1.0).contains(&discount) {
        return Ok(());
    }
    Err(Failure::invalid("`discount` must be in [0, 1)"))
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
    fn examples_evaluate_to_finite_numbers() {
        for function in all() {
            let output = function.call(function.example.clone(), None).unwrap();
            assert!(!output.to_string().contains("null"), "{}: {output}", function.name);
        }
    }

    #[test]
    fn the_minimax_estimate_solves_the_fixed_point_equation() {
        // A = (1·(1 − 1.8) + 2·(2 − 1.8) + 2·(2 − 0.9))/3 = 0.6, b = (−0.5 + 0.2 + 2)/3 = 1.7/3.
        let output = call("estimate", &|_| ()).unwrap();
        let theta = output["parameter"][0].as_f64().unwrap();
        approx::assert_relative_eq!(theta, 1.7 / 1.8, max_relative = 1e-14);
    }

    #[test]
    fn what_cannot_be_computed_is_refused() {
        type Change = fn(&mut Value);
        let cases: [(&str, Change); 6] = [
            ("estimate", |v| v["transitions"] = json!([])),
            ("estimate", |v| {
                for t in v["transitions"].as_array_mut().unwrap() {
                    t["features"] = json!([0.0]);
                }
            }),
            ("estimate", |v| v["discount"] = json!(1.0)),
            ("finite-minimax", |v| v["transitions"][0]["to"] = json!(7)),
            ("bellman-errors", |v| v["parameter"] = json!([1.0, 2.0])),
            ("value-error", |v| v["start"] = json!([1.0])),
        ];
        for (name, change) in cases {
            assert!(matches!(call(name, &change), Err(Failure::Invalid(_))), "{name}");
        }
    }

    #[test]
    fn unseen_pairs_have_no_bound() {
        let output = call("value-error", &|v| v["candidate"]["problem"]["weights"] = json!([1.0, 0.0]));
        assert_eq!(output.unwrap()["bound"], Value::Null);
    }
}
