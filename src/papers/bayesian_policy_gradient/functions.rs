//! The pure functions of the reference, for `eval`.

use nalgebra::{DMatrix, DVector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    actor_critic::{self, Experience},
    estimators::{Assumptions, Belief, Model, Paths, Primal},
    no_posterior,
    regulator::{Exact, Regulator},
    solved,
    terminating::Terminating,
};
use crate::{
    kernel::gp::{SquaredExponential, TemporalModel, TemporalNoise, Transition},
    papers::leaf::{Failure, Function, Paper},
};

/// Adds all of them.
pub fn add_to(paper: Paper) -> Paper {
    let batch = Batch {
        scores: vec![vec![1.0, 0.0], vec![-1.0, 0.0], vec![2.0, 3.0], vec![0.5, -0.75]],
        returns: vec![1.0, 0.5, 4.0, -0.2],
    };
    let belief = BeliefInput {
        model: ModelName::Two,
        batch: batch.clone(),
        fisher: vec![vec![1.0, 0.2], vec![0.2, 2.0]],
        noise: 1.0,
        constant: 1.0,
    };
    let one = BeliefInput { model: ModelName::One, ..belief.clone() };
    let natural = NaturalInput { batch: batch.clone(), fisher: belief.fisher.clone(), noise: 0.5 };
    paper
        .function(Function::new(
            "monte-carlo",
            "Monte Carlo estimates of a gradient from scores and returns, without and with a baseline.",
            &batch,
            monte_carlo,
        ))
        .function(
            Function::with_faults(
                "gradient-belief",
                "The Bayesian-quadrature posterior of a policy gradient: Model 1 or Model 2.",
                &belief,
                &[
                    Fault::FisherFromSameBatch,
                    Fault::IdentityMetric,
                    Fault::ZMissingConstant,
                    Fault::NoBaselineConstant,
                    Fault::NoiseTooSmall,
                ],
                gradient_belief,
            )
            .also(&one),
        )
        .function(Function::with_faults(
            "natural-gradient",
            "The natural gradient and the covariance of Model 2 by the primal form (U Uᵀ + sG)⁻¹ U y.",
            &natural,
            &[Fault::ForgetNoiseMetric],
            natural_gradient,
        ))
        .function(
            Function::with_faults(
                "sparse-belief",
                "The posterior by way of a dictionary of paths, with its members and projection.",
                &BeliefInput { constant: 0.0, ..belief },
                &[Fault::NoAld],
                sparse_belief,
            )
            .also(&one),
        )
        .function(
            Function::with_faults(
                "temporal-posterior",
                "Gaussian-process temporal differences: α and C of action values from rewards.",
                &TemporalInput::example(Some(1)),
                &[Fault::GptdGammaOne, Fault::IidNoise],
                temporal_posterior,
            )
            .also(&TemporalInput::example(None)),
        )
        .function(Function::with_faults(
            "actor-critic-belief",
            "The Bayesian actor-critic posterior of a policy gradient from episodes that ended.",
            &ActorCriticInput::example(),
            &[Fault::NoStateKernel, Fault::GptdGammaOne, Fault::IidNoise],
            actor_critic_belief,
        ))
        .function(Function::new(
            "regulator-exact",
            "Expected cost, gradient and Fisher matrix of the linear-quadratic regulator.",
            &RegulatorInput { theta: [0.0, 0.0] },
            regulator,
        ))
        .function(
            Function::with_faults(
                "process-exact",
                "Expected return, gradient and both Fisher matrices of the process of four states that ends.",
                &ProcessInput { parity: false },
                &[Fault::UnweightedFisher],
                process,
            )
            .also(&ProcessInput { parity: true }),
        )
}

fn rows(matrix: &DMatrix<f64>) -> Vec<Vec<f64>> {
    matrix.row_iter().map(|row| row.iter().copied().collect()).collect()
}

/// A matrix with `width` columns from rows that are finite.
fn matrix(what: &str, rows: &[Vec<f64>], width: usize) -> Result<DMatrix<f64>, Failure> {
    if rows.iter().any(|row| row.len() != width) {
        return Err(Failure::invalid(format!("`{what}` must have {width} entries in each row")));
    }
    if rows.iter().flatten().any(|x| !x.is_finite()) {
        return Err(Failure::invalid(format!("`{what}` must be finite")));
    }
    Ok(DMatrix::from_fn(rows.len(), width, |i, j| rows[i][j]))
}

/// A symmetric matrix of this size.
fn symmetric(what: &str, rows: &[Vec<f64>], size: usize) -> Result<DMatrix<f64>, Failure> {
    let matrix = matrix(what, rows, size)?;
    if matrix.nrows() != size || matrix != matrix.transpose() {
        return Err(Failure::invalid(format!("`{what}` must be a symmetric {size} × {size} matrix")));
    }
    Ok(matrix)
}

/// A symmetric positive definite matrix of this size.
fn fisher_matrix(rows: &[Vec<f64>], size: usize) -> Result<DMatrix<f64>, Failure> {
    let fisher = symmetric("fisher", rows, size)?;
    if fisher.clone().cholesky().is_none() {
        return Err(Failure::invalid("`fisher` must be positive definite"));
    }
    Ok(fisher)
}

fn finite(what: &str, values: &[f64]) -> Result<DVector<f64>, Failure> {
    if values.iter().any(|x| !x.is_finite()) {
        return Err(Failure::invalid(format!("`{what}` must be finite")));
    }
    Ok(DVector::from_column_slice(values))
}

/// Scores and returns of M paths.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Batch {
    /// u(ξ), M rows of n.
    scores: Vec<Vec<f64>>,
    /// R(ξ), M.
    returns: Vec<f64>,
}

impl Batch {
    fn resolve(&self) -> Result<Paths, Failure> {
        let parameters = self.scores.first().map_or(0, Vec::len);
        if parameters == 0 || self.returns.len() != self.scores.len() {
            return Err(Failure::invalid(
                "needs scores of at least one path and parameter, and as many returns",
            ));
        }
        let scores = matrix("scores", &self.scores, parameters)?.transpose();
        Ok(Paths { scores, returns: finite("returns", &self.returns)? })
    }
}

#[derive(Serialize, JsonSchema)]
struct MonteCarloOutput {
    /// The mean of R u (n).
    plain: Vec<f64>,
    /// U (y − ȳ)/(M − 1) (n); null for a single path.
    with_baseline: Option<Vec<f64>>,
}

fn monte_carlo(batch: &Batch) -> Result<MonteCarloOutput, Failure> {
    let paths = batch.resolve()?;
    Ok(MonteCarloOutput {
        plain: paths.monte_carlo().as_slice().to_vec(),
        with_baseline: (paths.count() > 1).then(|| paths.monte_carlo_with_baseline().as_slice().to_vec()),
    })
}

/// What the Gaussian process is put on.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum ModelName {
    /// On R u.
    One,
    /// On R.
    Two,
}

/// Paths and assumptions of a posterior.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BeliefInput {
    /// Which model.
    model: ModelName,
    /// The paths.
    batch: Batch,
    /// G, n rows of n, symmetric and positive definite.
    fisher: Vec<Vec<f64>>,
    /// s > 0, variance of the noise of returns.
    #[schemars(range(min = 0.0))]
    noise: f64,
    /// c ≥ 0 of Model 2; Model 1 has none.
    #[schemars(range(min = 0.0))]
    constant: f64,
}

impl BeliefInput {
    fn resolve(&self) -> Result<(Model, Paths, DMatrix<f64>), Failure> {
        Assumptions { noise: self.noise, constant: self.constant }.check()?;
        let paths = self.batch.resolve()?;
        let fisher = fisher_matrix(&self.fisher, paths.scores.nrows())?;
        let model = match self.model {
            ModelName::One => Model::One,
            ModelName::Two => Model::Two { constant: self.constant },
        };
        Ok((model, paths, fisher))
    }
}

#[derive(Serialize, JsonSchema)]
struct BeliefOutput {
    /// E\[∇η\] (n).
    mean: Vec<f64>,
    /// Cov\[∇η\], n rows of n.
    covariance: Vec<Vec<f64>>,
    /// G⁻¹E\[∇η\] (n).
    natural: Vec<f64>,
}

impl BeliefOutput {
    fn of(belief: &Belief, fisher: &DMatrix<f64>) -> Result<Self, Failure> {
        let natural = solved(fisher, &DMatrix::from_columns(std::slice::from_ref(&belief.mean)))?;
        if belief.mean.iter().chain(&belief.covariance).chain(&natural).any(|x| !x.is_finite()) {
            return Err(Failure::numerical("the posterior is not finite"));
        }
        Ok(Self {
            mean: belief.mean.as_slice().to_vec(),
            covariance: rows(&belief.covariance),
            natural: natural.as_slice().to_vec(),
        })
    }
}

fn gradient_belief(input: &BeliefInput, fault: Option<Fault>) -> Result<BeliefOutput, Failure> {
    let (model, paths, fisher) = input.resolve()?;
    BeliefOutput::of(&model.posterior(&paths, &fisher, input.noise, fault)?, &fisher)
}

/// Paths and assumptions of the primal form.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NaturalInput {
    /// The paths.
    batch: Batch,
    /// G, n rows of n, symmetric and positive definite.
    fisher: Vec<Vec<f64>>,
    /// s > 0, variance of the noise of returns.
    #[schemars(range(min = 0.0))]
    noise: f64,
}

#[derive(Serialize, JsonSchema)]
struct NaturalOutput {
    /// G⁻¹E\[∇η\] (n).
    natural: Vec<f64>,
    /// Cov\[∇η\], n rows of n.
    covariance: Vec<Vec<f64>>,
}

fn natural_gradient(input: &NaturalInput, fault: Option<Fault>) -> Result<NaturalOutput, Failure> {
    Assumptions { noise: input.noise, constant: 0.0 }.check()?;
    let paths = input.batch.resolve()?;
    let fisher = fisher_matrix(&input.fisher, paths.scores.nrows())?;
    let Primal { natural, covariance } = Primal::of(&paths, &fisher, input.noise, fault)?;
    if natural.iter().chain(&covariance).any(|x| !x.is_finite()) {
        return Err(Failure::numerical("the natural gradient is not finite"));
    }
    Ok(NaturalOutput { natural: natural.as_slice().to_vec(), covariance: rows(&covariance) })
}

#[derive(Serialize, JsonSchema)]
struct SparseOutput {
    /// Indices of the paths in the dictionary.
    members: Vec<usize>,
    /// A, M rows with an entry a member.
    projection: Vec<Vec<f64>>,
    /// The posterior.
    belief: BeliefOutput,
}

fn sparse_belief(input: &BeliefInput, fault: Option<Fault>) -> Result<SparseOutput, Failure> {
    let (model, paths, fisher) = input.resolve()?;
    let (belief, dictionary) = model.sparse_posterior(&paths, &fisher, input.noise, fault)?;
    Ok(SparseOutput {
        members: dictionary.members().to_vec(),
        projection: rows(dictionary.projection()),
        belief: BeliefOutput::of(&belief, &fisher)?,
    })
}

/// Which noise separates rewards from differences of action values.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum NoiseName {
    /// That of independent returns, s H Hᵀ.
    Returns,
    /// Independent, s I.
    Rewards,
}

/// One observed step.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Step {
    /// Index of the pair of state and action.
    now: usize,
    /// Index of the next pair; null if the episode ended.
    next: Option<usize>,
    /// The reward.
    reward: f64,
}

/// Rewards of steps and a kernel.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TemporalInput {
    /// K, P rows of P, symmetric and positive semidefinite.
    gram: Vec<Vec<f64>>,
    /// The steps.
    steps: Vec<Step>,
    /// γ.
    #[schemars(range(min = 0.0, max = 1.0))]
    discount: f64,
    /// s > 0.
    #[schemars(range(min = 0.0))]
    noise: f64,
    /// Which noise.
    noise_model: NoiseName,
}

impl TemporalInput {
    /// An episode of two steps; if `next` is given, the second one goes on to that pair.
    fn example(next: Option<usize>) -> Self {
        Self {
            gram: vec![vec![1.0, 0.5, 0.2], vec![0.5, 1.0, 0.5], vec![0.2, 0.5, 1.0]],
            steps: vec![
                Step { now: 0, next: Some(1), reward: 1.0 },
                Step { now: 1, next: next.map(|next| next + 1), reward: -0.5 },
            ],
            discount: 0.9,
            noise: 0.1,
            noise_model: NoiseName::Returns,
        }
    }
}

#[derive(Serialize, JsonSchema)]
struct TemporalOutput {
    /// α (P): the mean of Q at z is Σ αᵢ k(z, zᵢ).
    alpha: Vec<f64>,
    /// C, P rows of P: the covariance of Q is k(z, z′) − k(z)ᵀ C k(z′).
    precision: Vec<Vec<f64>>,
}

fn temporal_posterior(input: &TemporalInput, fault: Option<Fault>) -> Result<TemporalOutput, Failure> {
    let points = input.gram.len();
    let gram = symmetric("gram", &input.gram, points)?;
    if !(input.noise > 0.0 && input.noise.is_finite()) {
        return Err(Failure::invalid("`noise` must be positive"));
    }
    let rewards = finite("rewards", &input.steps.iter().map(|step| step.reward).collect::<Vec<f64>>())?;
    let transitions = input.steps.iter().map(|step| Transition { now: step.now, next: step.next }).collect();
    let discount = if fault == Some(Fault::GptdGammaOne) { 1.0 } else { input.discount };
    let noise = match (input.noise_model, fault) {
        (NoiseName::Rewards, _) | (_, Some(Fault::IidNoise)) => TemporalNoise::Rewards,
        (NoiseName::Returns, _) => TemporalNoise::Returns,
    };
    let model = TemporalModel::new(points, transitions, discount).map_err(no_posterior)?;
    let posterior = model.posterior(&gram, noise, input.noise, &rewards).map_err(no_posterior)?;
    let precision = posterior.explained(&DMatrix::identity(points, points)).map_err(no_posterior)?;
    if posterior.weights().iter().chain(&precision).any(|x| !x.is_finite()) {
        return Err(Failure::numerical("the posterior is not finite"));
    }
    Ok(TemporalOutput { alpha: posterior.weights().as_slice().to_vec(), precision: rows(&precision) })
}

/// One step of an episode.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScoredStep {
    /// Coordinates of the state.
    state: Vec<f64>,
    /// u(x, a) (n).
    score: Vec<f64>,
    /// The reward.
    reward: f64,
}

/// Episodes and assumptions of the actor-critic.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ActorCriticInput {
    /// Episodes that ended.
    episodes: Vec<Vec<ScoredStep>>,
    /// G of discounted steps, n rows of n, symmetric and positive definite.
    fisher: Vec<Vec<f64>>,
    /// Height v > 0 of the state kernel v exp(−‖x − x′‖²/(2ℓ²)).
    height: f64,
    /// Length scale ℓ > 0 of the state kernel.
    length_scale: f64,
    /// γ.
    #[schemars(range(min = 0.0, max = 1.0))]
    discount: f64,
    /// s > 0, variance of the noise of returns.
    #[schemars(range(min = 0.0))]
    noise: f64,
}

impl ActorCriticInput {
    fn example() -> Self {
        let step = |state: f64, score: [f64; 2], reward| ScoredStep {
            state: vec![state],
            score: score.to_vec(),
            reward,
        };
        Self {
            episodes: vec![
                vec![step(0.0, [0.4, 0.0], 0.0), step(1.0, [0.0, -0.5], 1.0), step(0.0, [-0.6, 0.0], 0.5)],
                vec![step(0.0, [0.4, 0.0], 0.0)],
            ],
            fisher: vec![vec![0.4, 0.0], vec![0.0, 0.2]],
            height: 3.0,
            length_scale: 1.0,
            discount: 0.9,
            noise: 1.0,
        }
    }
}

fn actor_critic_belief(input: &ActorCriticInput, fault: Option<Fault>) -> Result<BeliefOutput, Failure> {
    let steps: Vec<&ScoredStep> = input.episodes.iter().flatten().collect();
    if steps.is_empty() {
        return Err(Failure::invalid("needs a step"));
    }
    Assumptions { noise: input.noise, constant: 0.0 }.check()?;
    let fisher = fisher_matrix(&input.fisher, input.fisher.len())?;
    let scores: Vec<Vec<f64>> = steps.iter().map(|step| step.score.clone()).collect();
    let states: Vec<Vec<f64>> = steps.iter().map(|step| step.state.clone()).collect();
    let places = matrix("state", &states, states[0].len())?;
    let kernel = SquaredExponential::new(input.height, input.length_scale).map_err(no_posterior)?;
    let experience = Experience {
        scores: matrix("score", &scores, fisher.nrows())?.transpose(),
        states: DMatrix::from_fn(places.nrows(), places.nrows(), |i, j| kernel.at(&states[i], &states[j])),
        rewards: finite("reward", &steps.iter().map(|step| step.reward).collect::<Vec<f64>>())?,
        lengths: input.episodes.iter().map(Vec::len).collect(),
    };
    let belief = actor_critic::posterior(&experience, &fisher, input.discount, input.noise, fault)?;
    BeliefOutput::of(&belief, &fisher)
}

/// Parameters of the regulator.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RegulatorInput {
    /// θ.
    theta: [f64; 2],
}

#[derive(Serialize, JsonSchema)]
struct RegulatorOutput {
    /// Expected cost η.
    cost: f64,
    /// ∇η.
    gradient: Vec<f64>,
    /// Fisher matrix of paths, two rows of two.
    fisher: Vec<Vec<f64>>,
}

fn regulator(input: &RegulatorInput) -> Result<RegulatorOutput, Failure> {
    let Exact { cost, gradient, fisher } = Regulator::new(&finite("theta", &input.theta)?).exact();
    if !cost.is_finite() || gradient.iter().chain(&fisher).any(|x| !x.is_finite()) {
        return Err(Failure::numerical("the cost is not finite"));
    }
    Ok(RegulatorOutput { cost, gradient: gradient.as_slice().to_vec(), fisher: rows(&fisher) })
}

/// Which policy of the process.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ProcessInput {
    /// Whether the policy sees only the parity of the state.
    parity: bool,
}

#[derive(Serialize, JsonSchema)]
struct ProcessOutput {
    /// Expected return η.
    performance: f64,
    /// ∇η (n).
    gradient: Vec<f64>,
    /// Fisher matrix of paths, n rows of n.
    path_fisher: Vec<Vec<f64>>,
    /// Fisher matrix of discounted steps, n rows of n.
    step_fisher: Vec<Vec<f64>>,
}

fn process(input: &ProcessInput, fault: Option<Fault>) -> Result<ProcessOutput, Failure> {
    let process = Terminating::example(input.parity)?;
    Ok(ProcessOutput {
        performance: process.performance()?,
        gradient: process.gradient()?.as_slice().to_vec(),
        path_fisher: rows(&process.fisher(1.0)?),
        step_fisher: rows(&process.step_fisher(fault)?),
    })
}

#[cfg(test)]
mod tests {
    use super::super::paper;
    use crate::papers::leaf::Failure;
    use serde_json::json;

    #[test]
    fn examples_evaluate_and_every_fault_changes_one_of_them() {
        for function in paper().functions {
            let outputs: Vec<_> =
                function.inputs.iter().map(|input| function.call(input.clone(), None).unwrap()).collect();
            for fault in &function.faults {
                let changed = function.inputs.iter().zip(&outputs).any(|(input, output)| {
                    function.call(input.clone(), Some(fault)).ok().as_ref() != Some(output)
                });
                assert!(changed, "{} under {fault}", function.name);
            }
        }
    }

    #[test]
    fn bad_input_is_refused() {
        let batch = json!({"scores": [[1.0], [2.0]], "returns": [1.0, 0.0]});
        let belief = |fisher, noise: f64, constant: f64| json!({"model": "two", "batch": batch, "fisher": fisher, "noise": noise, "constant": constant});
        let steps = |next: usize, discount: f64| {
            json!({"gram": [[1.0]], "steps": [{"now": 0, "next": next, "reward": 1.0}],
                "discount": discount, "noise": 0.1, "noise_model": "returns"})
        };
        for (function, input) in [
            ("monte-carlo", json!({"scores": [], "returns": []})),
            ("monte-carlo", json!({"scores": [[1.0], []], "returns": [1.0, 2.0]})),
            ("gradient-belief", belief(json!([[0.0]]), 1.0, 0.0)),
            ("gradient-belief", belief(json!([[1.0, 0.0]]), 1.0, 0.0)),
            ("gradient-belief", belief(json!([[1.0]]), 0.0, 0.0)),
            ("gradient-belief", belief(json!([[1.0]]), 1.0, -1.0)),
            ("natural-gradient", json!({"batch": batch, "fisher": [[-1.0]], "noise": 1.0})),
            ("sparse-belief", belief(json!([[1.0]]), -1.0, 0.0)),
            ("temporal-posterior", steps(1, 0.9)),
            ("temporal-posterior", steps(0, 1.1)),
        ] {
            let refused = paper().find_function(function).unwrap().call(input, None);
            assert!(matches!(refused, Err(Failure::Invalid(_))), "{function}: {refused:?}");
        }
    }
}
