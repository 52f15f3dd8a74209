//! Functions for comparing other code with the reference.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault, moments::Predictions, no_posterior, pair::ModelPair, penalty::Heuristic, planning::Model,
    search::standardised, unsolved,
};
use crate::{
    kernel::{
        gp::{Prediction, Regression, SquaredExponential, expected_improvement},
        mdp::{Mdp, Rows, argmax},
    },
    papers::leaf::{Failure, Function},
};

/// All of them.
pub fn all() -> Vec<Function> {
    let pair = PairInput::example();
    let tight = PairInput::tight();
    vec![
        Function::with_faults(
            "uncertainty",
            "All heuristics of the predictions of an ensemble.",
            &UncertaintyInput::example(),
            &[
                Fault::AverageStd,
                Fault::DropAleatoricTerm,
                Fault::HalfRange,
                Fault::SampleVariance,
                Fault::ReversedKl,
            ],
            uncertainty,
        )
        .also(&UncertaintyInput::wide())
        .also(&UncertaintyInput::single()),
        Function::with_faults(
            "pessimistic-return",
            "True, model and pessimistic return of a policy, with the total variation of the model.",
            &pair,
            &[
                Fault::NoPenalty,
                Fault::HalfPenalty,
                Fault::NoHorizonFactor,
                Fault::L1InsteadOfTv,
                Fault::WrongSignPenalty,
            ],
            pessimistic_return,
        )
        .also(&tight),
        Function::with_faults(
            "value-error",
            "Error of the model's value of a policy, directly and by telescoping.",
            &pair,
            &[Fault::TrueOccupancy],
            telescoping,
        )
        .also(&tight),
        Function::with_faults(
            "pessimist",
            "The policy that maximises the pessimistic return, its true return, and what is guaranteed.",
            &PairInput::risky_or_safe(),
            &[Fault::NoPenalty, Fault::WrongSignPenalty],
            pessimist,
        )
        .also(&pair),
        Function::with_faults(
            "plan",
            "The greedy policy after h backups in a penalised model, from the values of a policy.",
            &PlanInput::example(),
            &[Fault::NoPenalty, Fault::WrongSignPenalty],
            plan,
        ),
        Function::with_faults(
            "gp-posterior",
            "Posterior means and variances of a Gaussian process with a squared-exponential covariance.",
            &ProcessInput::example(),
            &[Fault::ForgotNoise],
            posterior,
        )
        .also(&ProcessInput::plane()),
        Function::with_faults(
            "expected-improvement",
            "Expected improvement of standardised scores at the queries, and the query where it is largest.",
            &ProcessInput::example(),
            &[Fault::ForgotNoise, Fault::VarianceForDeviation],
            improvement,
        )
        .also(&ProcessInput::plane()),
    ]
}

/// Predictions of an ensemble.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct UncertaintyInput {
    /// The members' means and deviations.
    predictions: Predictions,
    /// An outcome (d numbers).
    outcome: Vec<f64>,
}

impl UncertaintyInput {
    fn example() -> Self {
        let means = vec![vec![0.0], vec![0.5], vec![2.0]];
        let deviations = vec![vec![1.0], vec![0.5], vec![2.0]];
        Self { predictions: Predictions { means, deviations }, outcome: vec![0.3] }
    }

    fn wide() -> Self {
        let means = vec![vec![0.0, 1.0], vec![3.0, 1.0], vec![0.0, 5.0], vec![-1.0, 2.0]];
        let deviations = vec![vec![0.3, 0.4], vec![0.1, 1.0], vec![0.5, 0.2], vec![1.5, 0.7]];
        Self { predictions: Predictions { means, deviations }, outcome: vec![0.0, 0.0] }
    }

    fn single() -> Self {
        Self {
            predictions: Predictions { means: vec![vec![1.0]], deviations: vec![vec![0.0]] },
            outcome: vec![1.0],
        }
    }
}

/// u by every heuristic.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Uncertainty {
    /// maxᵢ ‖σᵢ‖.
    max_aleatoric: f64,
    /// maxᵢⱼ ‖μᵢ − μⱼ‖.
    max_pairwise: f64,
    /// Standard deviation of the mixture.
    ensemble_std: f64,
    /// Standard deviation of the means.
    epistemic_std: f64,
    /// Mean KL from the moments of the others; null if there are none, or it is infinite.
    leave_one_out_kl: Option<f64>,
    /// Variance of ln N(outcome; μᵢ, σᵢ²); null if a deviation is 0.
    log_likelihood_variance: Option<f64>,
}

fn uncertainty(input: &UncertaintyInput, fault: Option<Fault>) -> Result<Uncertainty, Failure> {
    let ensemble = input.predictions.build()?;
    if input.outcome.len() != ensemble.dimension() || input.outcome.iter().any(|x| !x.is_finite()) {
        return Err(Failure::invalid("`outcome` must have one finite number for each mean of a member"));
    }
    let of = |heuristic: Heuristic| heuristic.of(&ensemble, fault);
    let measured = Uncertainty {
        max_aleatoric: of(Heuristic::MaxAleatoric)?,
        max_pairwise: of(Heuristic::MaxPairwise)?,
        ensemble_std: of(Heuristic::EnsembleStd)?,
        epistemic_std: of(Heuristic::EpistemicStd)?,
        leave_one_out_kl: of(Heuristic::LeaveOneOutKl).ok(),
        log_likelihood_variance: ensemble.log_likelihood_variance(&input.outcome).filter(|v| v.is_finite()),
    };
    let values =
        [measured.max_aleatoric, measured.max_pairwise, measured.ensemble_std, measured.epistemic_std];
    if values.iter().any(|u| !u.is_finite()) {
        return Err(Failure::invalid("the predictions are too large for their squares"));
    }
    Ok(measured)
}

/// A process, a model of it and a policy.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PairInput {
    /// T(t|s, a): for each state, for each action, the probabilities of the next states.
    transitions: Vec<Vec<Vec<f64>>>,
    /// T̂(t|s, a), alike.
    model: Vec<Vec<Vec<f64>>>,
    /// r(s, a) ∈ [0, 1]: for each state, the rewards of the actions.
    rewards: Vec<Vec<f64>>,
    /// μ: probabilities of the start states.
    start: Vec<f64>,
    /// γ, at least 0 and less than 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    discount: f64,
    /// π(a|s): for each state, the probabilities of the actions.
    policy: Vec<Vec<f64>>,
}

impl PairInput {
    fn example() -> Self {
        Self {
            transitions: vec![vec![vec![0.5, 0.5], vec![0.9, 0.1]], vec![vec![0.25, 0.75], vec![1.0, 0.0]]],
            model: vec![vec![vec![0.75, 0.25], vec![0.9, 0.1]], vec![vec![0.25, 0.75], vec![0.5, 0.5]]],
            rewards: vec![vec![1.0, 0.5], vec![0.0, 0.25]],
            start: vec![0.5, 0.5],
            discount: 0.75,
            policy: vec![vec![0.5, 0.5], vec![0.25, 0.75]],
        }
    }

    fn tight() -> Self {
        Self {
            transitions: vec![vec![vec![0.99, 0.01]], vec![vec![0.0, 1.0]]],
            model: vec![vec![vec![1.0, 0.0]], vec![vec![0.0, 1.0]]],
            rewards: vec![vec![1.0], vec![0.0]],
            start: vec![1.0, 0.0],
            discount: 0.9,
            policy: vec![vec![1.0], vec![1.0]],
        }
    }

    fn risky_or_safe() -> Self {
        let dead = vec![vec![0.0, 1.0], vec![0.0, 1.0]];
        Self {
            transitions: vec![vec![vec![0.5, 0.5], vec![1.0, 0.0]], dead.clone()],
            model: vec![vec![vec![1.0, 0.0], vec![1.0, 0.0]], dead],
            rewards: vec![vec![1.0, 0.5], vec![0.0, 0.0]],
            start: vec![1.0, 0.0],
            discount: 0.9,
            policy: vec![vec![0.5, 0.5], vec![1.0, 0.0]],
        }
    }

    fn build(&self) -> Result<(ModelPair, Rows), Failure> {
        if self.rewards.iter().flatten().any(|r| !(0.0..=1.0).contains(r)) {
            return Err(Failure::invalid("`rewards` must lie between 0 and 1, as the theory assumes"));
        }
        let rewards = table("rewards", &self.rewards)?;
        let (truth, model) = (pairs("transitions", &self.transitions)?, pairs("model", &self.model)?);
        let truth = Mdp::new(truth, rewards, self.start.clone(), self.discount).map_err(unsolved)?;
        let policy = policy("policy", &self.policy)?;
        Ok((ModelPair::new(truth, model)?, policy))
    }
}

/// Rows of one length.
fn table(name: &str, rows: &[Vec<f64>]) -> Result<Rows, Failure> {
    let width = rows.first().map_or(0, Vec::len);
    if width == 0 || rows.iter().any(|row| row.len() != width || row.iter().any(|x| !x.is_finite())) {
        return Err(Failure::invalid(format!("`{name}` must be rows of equally many finite numbers")));
    }
    Ok(Rows::from_fn(rows.len(), width, |i, j| rows[i][j]))
}

/// Rows of pairs, flattened to s A + a.
fn pairs(name: &str, states: &[Vec<Vec<f64>>]) -> Result<Rows, Failure> {
    let actions = states.first().map_or(0, Vec::len);
    if states.iter().any(|rows| rows.len() != actions) {
        return Err(Failure::invalid(format!("`{name}` must have equally many actions in every state")));
    }
    table(name, &states.iter().flatten().cloned().collect::<Vec<Vec<f64>>>())
}

/// Rows of probabilities.
fn policy(name: &str, rows: &[Vec<f64>]) -> Result<Rows, Failure> {
    let distribution =
        |row: &Vec<f64>| row.iter().all(|p| *p >= 0.0) && (row.iter().sum::<f64>() - 1.0).abs() <= 1e-9;
    if !rows.iter().all(distribution) {
        return Err(Failure::invalid(format!("rows of `{name}` must be at least 0 and sum to 1")));
    }
    table(name, rows)
}

/// A table as rows.
fn listed(rows: &Rows) -> Vec<Vec<f64>> {
    rows.iter().map(<[f64]>::to_vec).collect()
}

/// Returns of a policy.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Returns {
    /// J_M(π).
    true_return: f64,
    /// J_M̂(π).
    model_return: f64,
    /// J̃(π), in the model with rewards r − λ TV.
    pessimistic_return: f64,
    /// λ.
    weight: f64,
    /// TV(s, a).
    total_variation: Vec<Vec<f64>>,
}

fn pessimistic_return(input: &PairInput, fault: Option<Fault>) -> Result<Returns, Failure> {
    let (pair, policy) = input.build()?;
    Ok(Returns {
        true_return: pair.true_return(&policy)?,
        model_return: pair.model().performance(&policy).map_err(unsolved)?,
        pessimistic_return: pair.pessimistic(fault)?.performance(&policy).map_err(unsolved)?,
        weight: pair.weight(fault),
        total_variation: listed(&pair.errors(fault)),
    })
}

/// The error of a model's value, in two ways.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct ValueError {
    /// J_M̂(π) − J_M(π).
    difference: f64,
    /// γ Σ d^π (E_T̂ V^π_M − E_T V^π_M).
    telescoped: f64,
    /// The same with occupancy in the truth and values of the model.
    mirrored: f64,
}

fn telescoping(input: &PairInput, fault: Option<Fault>) -> Result<ValueError, Failure> {
    let (pair, policy) = input.build()?;
    Ok(ValueError {
        difference: pair.model().performance(&policy).map_err(unsolved)? - pair.true_return(&policy)?,
        telescoped: pair.telescoped(&policy, fault)?,
        mirrored: pair.telescoped_back(&policy)?,
    })
}

/// The maximiser of the pessimistic return.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Pessimist {
    /// π̂, the action of each state.
    chosen: Vec<usize>,
    /// J_M(π̂).
    true_return: f64,
    /// J_M(π*) of an optimal policy.
    optimal_return: f64,
    /// J_M(π*) − 2 λ* ε_u(π*), which J_M(π̂) is not below.
    guaranteed: f64,
}

fn pessimist(input: &PairInput, fault: Option<Fault>) -> Result<Pessimist, Failure> {
    let (pair, _) = input.build()?;
    let policy = ModelPair::optimal(&pair.pessimistic(fault)?)?;
    let best = ModelPair::optimal(pair.truth())?;
    let optimal_return = pair.true_return(&best)?;
    Ok(Pessimist {
        chosen: policy.iter().map(argmax).collect(),
        true_return: pair.true_return(&policy)?,
        optimal_return,
        guaranteed: optimal_return - 2.0 * pair.weight(None) * pair.visited_error(&best)?,
    })
}

/// A model to plan in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PlanInput {
    /// T̄(t|s, a): for each state, for each action, the probabilities of the next states.
    transitions: Vec<Vec<Vec<f64>>>,
    /// r(s, a): for each state, the rewards of the actions.
    rewards: Vec<Vec<f64>>,
    /// u(s, a), alike.
    penalty: Vec<Vec<f64>>,
    /// λ.
    lambda: f64,
    /// γ, at least 0 and less than 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    discount: f64,
    /// h.
    #[schemars(range(min = 1, max = 10_000))]
    horizon: usize,
    /// π(a|s) of the policy from whose values planning starts.
    behaviour: Vec<Vec<f64>>,
}

impl PlanInput {
    fn example() -> Self {
        Self {
            transitions: vec![vec![vec![0.75, 0.25], vec![0.0, 1.0]], vec![vec![0.0, 1.0], vec![0.5, 0.5]]],
            rewards: vec![vec![0.5, 0.0], vec![1.0, 0.25]],
            penalty: vec![vec![0.0, 0.3], vec![0.1, 0.6]],
            lambda: 2.0,
            discount: 0.9,
            horizon: 3,
            behaviour: vec![vec![0.5, 0.5], vec![0.5, 0.5]],
        }
    }
}

/// The plan.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct PlanOutput {
    /// Q of the last backup.
    q: Vec<Vec<f64>>,
    /// The greedy action of each state, the lowest of ties.
    chosen: Vec<usize>,
}

fn plan(input: &PlanInput, fault: Option<Fault>) -> Result<PlanOutput, Failure> {
    let (rewards, penalty) = (table("rewards", &input.rewards)?, table("penalty", &input.penalty)?);
    let (states, actions) = (rewards.count(), rewards.width());
    if (penalty.count(), penalty.width()) != (states, actions) {
        return Err(Failure::invalid("`penalty` must have as many entries as `rewards`"));
    }
    if !input.lambda.is_finite() || !(1..=10_000).contains(&input.horizon) {
        return Err(Failure::invalid("`lambda` must be finite, and `horizon` between 1 and 10000"));
    }
    let lambda = match fault {
        Some(Fault::NoPenalty) => 0.0,
        Some(Fault::WrongSignPenalty) => -input.lambda,
        _ => input.lambda,
    };
    let transitions = pairs("transitions", &input.transitions)?;
    // Plans do not depend on where a process starts.
    let start = (0..states).map(|s| f64::from(u8::from(s == 0))).collect();
    let process = Mdp::new(transitions.clone(), rewards, start, input.discount).map_err(unsolved)?;
    let model = Model::new(&process, &transitions, &policy("behaviour", &input.behaviour)?)?;
    let planned = model.plan(&penalty, lambda, input.horizon);
    let q: Vec<Vec<f64>> = (0..states).map(|s| planned.row(s).to_vec()).collect();
    if q.iter().flatten().any(|x| !x.is_finite()) {
        return Err(Failure::invalid("rewards and penalties are too large"));
    }
    Ok(PlanOutput { q, chosen: planned.chosen() })
}

/// A Gaussian process, observations of it, and points to predict.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ProcessInput {
    /// Prior variance v.
    variance: f64,
    /// Length scale ℓ.
    length_scale: f64,
    /// Variance of the noise.
    #[schemars(range(min = 0.0))]
    noise: f64,
    /// Observed points, each a list of coordinates.
    points: Vec<Vec<f64>>,
    /// Values at the points.
    values: Vec<f64>,
    /// Points to predict.
    queries: Vec<Vec<f64>>,
    /// ξ: what an improvement must add to count.
    xi: f64,
}

impl ProcessInput {
    fn example() -> Self {
        Self {
            variance: 1.0,
            length_scale: 0.4,
            noise: 0.01,
            points: vec![vec![0.0], vec![0.5], vec![1.0]],
            values: vec![1.0, 2.0, 0.0],
            queries: vec![vec![0.25], vec![0.4], vec![0.75], vec![2.0]],
            xi: 0.01,
        }
    }

    fn plane() -> Self {
        Self {
            variance: 2.0,
            length_scale: 0.7,
            noise: 0.1,
            points: vec![vec![0.0, 0.0], vec![0.0, 0.0], vec![1.0, 0.5]],
            values: vec![0.5, -0.5, 3.0],
            queries: vec![vec![0.0, 0.0], vec![1.0, 1.0]],
            xi: 0.0,
        }
    }

    fn predict(&self, values: &[f64], fault: Option<Fault>) -> Result<Vec<Prediction>, Failure> {
        let kernel = SquaredExponential::new(self.variance, self.length_scale).map_err(no_posterior)?;
        if self.queries.iter().flatten().any(|x| !x.is_finite()) {
            return Err(Failure::invalid("`queries` must be finite"));
        }
        let noise = if fault == Some(Fault::ForgotNoise) { 0.0 } else { self.noise };
        let process = Regression::fit(kernel, noise, self.points.clone(), values).map_err(no_posterior)?;
        self.queries.iter().map(|x| process.predict(x).map_err(no_posterior)).collect()
    }
}

/// Predictions at the queries.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Posterior {
    /// Means.
    means: Vec<f64>,
    /// Variances of the function, without noise.
    variances: Vec<f64>,
}

fn posterior(input: &ProcessInput, fault: Option<Fault>) -> Result<Posterior, Failure> {
    let beliefs = input.predict(&input.values, fault)?;
    Ok(Posterior {
        means: beliefs.iter().map(|b| b.mean).collect(),
        variances: beliefs.iter().map(|b| b.variance).collect(),
    })
}

/// Expected improvements at the queries.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Improvement {
    /// In standard deviations of the scores.
    improvements: Vec<f64>,
    /// Index of the largest, the first of ties.
    best: usize,
}

fn improvement(input: &ProcessInput, fault: Option<Fault>) -> Result<Improvement, Failure> {
    if input.values.is_empty() || input.queries.is_empty() || !input.xi.is_finite() {
        return Err(Failure::invalid("expected at least one value and one query, and a finite `xi`"));
    }
    let scores = standardised(&input.values);
    let bar = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max) + input.xi;
    let beliefs = input.predict(&scores, fault)?;
    let improvements: Vec<f64> = beliefs
        .into_iter()
        .map(|Prediction { mean, variance }| {
            let variance =
                if fault == Some(Fault::VarianceForDeviation) { variance * variance } else { variance };
            expected_improvement(Prediction { mean, variance }, bar)
        })
        .collect();
    if improvements.iter().any(|x| !x.is_finite()) {
        return Err(Failure::invalid("the values are too far apart"));
    }
    let best = argmax(&improvements);
    Ok(Improvement { improvements, best })
}

#[cfg(test)]
mod tests {
    use super::super::paper;
    use super::*;
    use crate::papers::leaf::Fault as _;
    use serde_json::json;

    #[test]
    fn every_mistake_is_told_apart_by_some_vector() {
        for function in &paper().functions {
            for fault in &function.faults {
                let told = function.inputs.iter().any(|input| {
                    function.call(input.clone(), None).unwrap()
                        != function.call(input.clone(), Some(fault)).unwrap_or_default()
                });
                assert!(told, "{}: {fault} changes nothing", function.name);
            }
        }
        assert_eq!(Fault::ALL.len(), paper().faults.len());
    }

    #[test]
    fn bad_input_is_refused_with_a_reason() {
        let paper = paper();
        for (function, place, bad, word) in [
            ("uncertainty", "/outcome", json!([1.0, 2.0]), "`outcome`"),
            ("uncertainty", "/predictions/deviations/0/0", json!(-1.0), "deviations"),
            ("uncertainty", "/predictions/means", json!([]), "rows"),
            ("uncertainty", "/predictions/means/0", json!([]), "rows"),
            ("uncertainty", "/predictions/means/0/0", json!(1e300), "too large"),
            ("pessimistic-return", "/rewards/0/0", json!(2.0), "`rewards`"),
            ("pessimistic-return", "/model/0/0/0", json!(0.9), "no distribution"),
            ("pessimistic-return", "/model/0", json!([]), "`model`"),
            ("pessimistic-return", "/policy/0/0", json!(0.9), "`policy`"),
            ("pessimistic-return", "/discount", json!(1.0), "discount"),
            ("value-error", "/start", json!([1.0]), "2 states"),
            ("plan", "/penalty", json!([[1.0, 0.0]]), "`penalty`"),
            ("plan", "/horizon", json!(0), "`horizon`"),
            ("plan", "/penalty/0/0", json!(-1e308), "too large"),
            ("gp-posterior", "/length_scale", json!(0.0), "length scale"),
            ("gp-posterior", "/queries/0", json!([0.0, 1.0]), "coordinates"),
            ("gp-posterior", "/values", json!([1.0]), "values"),
            ("expected-improvement", "/queries", json!([]), "query"),
        ] {
            let function = paper.find_function(function).unwrap();
            let mut input = function.example.clone();
            *input.pointer_mut(place).unwrap() = bad;
            let message = function.call(input, None).unwrap_err().to_string();
            assert!(message.contains(word), "{place}: {message}");
        }
    }
}
