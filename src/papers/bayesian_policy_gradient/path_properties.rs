//! What must hold of estimates from whole paths.

use nalgebra::{DMatrix, DVector};
use proptest::{collection::vec, prelude::*, sample::subsequence};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    bandit::GaussianPolicy,
    estimators::{Integrals, Model, Paths, Primal},
};
use crate::{
    kernel::{eigen, gp::Dictionary, quadrature::gauss_hermite},
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

const fn error(name: &'static str, summary: &'static str) -> Metric {
    Metric::new(name, summary).range(0.0, f64::INFINITY)
}

/// Largest entry of a − b, over 1 or the largest entry of b.
fn distance(a: &DMatrix<f64>, b: &DMatrix<f64>) -> f64 {
    (a - b).amax() / b.amax().max(1.0)
}

fn vector_distance(a: &DVector<f64>, b: &DVector<f64>) -> f64 {
    (a - b).amax() / b.amax().max(1.0)
}

/// Designs and rewards of a Gaussian bandit.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Design {
    /// Distinct actions.
    actions: Vec<f64>,
    /// q₀, q₁, q₂ of the reward q₀ + q₁a + q₂a².
    polynomial: [f64; 3],
}

/// s in the limit s → 0.
const VANISHING: f64 = 1e-10;

/// Without noise the estimate is the gradient, whatever the design, if the kernel spans the integrand.
pub struct ExactGradient;

impl Observe for ExactGradient {
    type Instance = Design;
    type Fault = Fault;
    const NAME: &'static str = "exact-gradient";
    const SUMMARY: &'static str =
        "Noise-free estimates at few distinct actions against the gradient of the bandit.";
    const METRICS: &'static [Metric] = &[
        error("first-model-error", "Largest error of Model 1, over 1 or the gradient's largest entry."),
        error("second-model-error", "Largest error of Model 2 with c = 1, alike."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::IdentityMetric];

    fn instances() -> BoxedStrategy<Design> {
        let grid = vec![-3.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0];
        let coefficient = || prop_oneof![1 => Just(0.0), 1 => Just(1.0), 3 => -2.0..2.0_f64];
        (subsequence(grid, 5..=8), [coefficient(), coefficient(), coefficient()])
            .prop_map(|(actions, polynomial)| Design { actions, polynomial })
            .boxed()
    }

    fn observe(design: &Design, fault: Option<Fault>) -> Result<Measurement, Failure> {
        if design.actions.is_empty()
            || design.actions.iter().chain(&design.polynomial).any(|x| !x.is_finite())
        {
            return Err(Failure::invalid("needs actions, and finite numbers"));
        }
        let policy = GaussianPolicy::STANDARD;
        let [q0, q1, q2] = design.polynomial;
        let returns = design.actions.iter().map(|a| q0 + q1 * a + q2 * a * a).collect();
        let paths = Paths { scores: policy.scores(&design.actions), returns: DVector::from_vec(returns) };
        let (fisher, gradient) = (policy.fisher(), policy.gradient(design.polynomial));
        let error_of = |model: Model| -> Result<f64, Failure> {
            Ok(vector_distance(&model.posterior(&paths, &fisher, VANISHING, fault)?.mean, &gradient))
        };
        Ok(Measurement::new()
            .metric("first-model-error", error_of(Model::One)?)
            .metric("second-model-error", error_of(Model::Two { constant: 1.0 })?))
    }
}

/// A Gaussian policy and actions.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Actions {
    /// The policy.
    policy: GaussianPolicy,
    /// Actions.
    actions: Vec<f64>,
}

/// Closed forms of the kernels' integrals against quadrature by Gauss and Hermite.
pub struct ClosedForms;

impl Observe for ClosedForms {
    type Instance = Actions;
    type Fault = Fault;
    const NAME: &'static str = "closed-forms";
    const SUMMARY: &'static str =
        "z, z₀, Z and Z₀ of a Gaussian policy against integrals by Gauss-Hermite quadrature with 20 nodes.";
    const METRICS: &'static [Metric] = &[
        error("first-cross-error", "Largest relative error of z."),
        error("first-prior-error", "Relative error of z₀ = 1 + n."),
        error("second-cross-error", "Largest relative error of Z = U."),
        error("second-prior-error", "Largest relative error of Z₀ = G."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ZMissingConstant];

    fn instances() -> BoxedStrategy<Actions> {
        let deviation = prop_oneof![1 => Just(1.0), 3 => 0.5..2.0_f64];
        let mean = prop_oneof![1 => Just(0.0), 3 => -2.0..2.0_f64];
        (mean, deviation, vec(-4.0..4.0_f64, 1..6))
            .prop_map(|(mean, deviation, actions)| Actions {
                policy: GaussianPolicy { mean, deviation },
                actions,
            })
            .boxed()
    }

    fn observe(instance: &Actions, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Actions { policy, actions } = instance;
        if !(policy.deviation > 0.0 && policy.deviation.is_finite() && policy.mean.is_finite()) {
            return Err(Failure::invalid("the deviation must be positive"));
        }
        let (rule, fisher) = (gauss_hermite(20), policy.fisher());
        let nodes = rule.len();
        let all: Vec<f64> = rule
            .iter()
            .map(|(x, _)| policy.mean + policy.deviation * x)
            .chain(actions.iter().copied())
            .collect();
        let scores = policy.scores(&all);
        let weighted =
            |rows: &DMatrix<f64>| DMatrix::from_fn(rows.nrows(), nodes, |j, i| rule[i].1 * rows[(j, i)]);
        let mut errors = Vec::new();
        for (model, integrand) in [
            (Model::One, DMatrix::from_element(1, nodes, 1.0)),
            (Model::Two { constant: 1.5 }, scores.clone()),
        ] {
            let gram = model.integrals(&scores, &fisher, None)?.gram;
            let densities = weighted(&integrand);
            let cross = &densities * gram.view((0, nodes), (nodes, actions.len()));
            let prior = &densities * gram.view((0, 0), (nodes, nodes)) * densities.transpose();
            let closed = model.integrals(&policy.scores(actions), &fisher, fault)?;
            errors.extend([distance(&closed.cross, &cross), distance(&closed.prior, &prior)]);
        }
        Ok(Measurement::new()
            .metric("first-cross-error", errors[0])
            .metric("first-prior-error", errors[1])
            .metric("second-cross-error", errors[2])
            .metric("second-prior-error", errors[3]))
    }
}

/// Paths, a Fisher matrix and noise.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Scores u, M rows of n.
    scores: Vec<Vec<f64>>,
    /// Returns y, M.
    returns: Vec<f64>,
    /// B, n rows of n: G = B Bᵀ + I/4.
    root: Vec<Vec<f64>>,
    /// s > 0.
    noise: f64,
}

fn square(rows: &[Vec<f64>]) -> Result<DMatrix<f64>, Failure> {
    let size = rows.len();
    if size == 0 || rows.iter().any(|row| row.len() != size) {
        return Err(Failure::invalid("needs a square matrix"));
    }
    Ok(DMatrix::from_fn(size, size, |i, j| rows[i][j]))
}

impl Batch {
    fn resolve(&self) -> Result<(Paths, DMatrix<f64>), Failure> {
        let root = square(&self.root)?;
        let (parameters, count) = (self.root.len(), self.scores.len());
        if count == 0 || self.returns.len() != count || self.scores.iter().any(|u| u.len() != parameters) {
            return Err(Failure::invalid("needs as many scores as returns, with an entry a parameter"));
        }
        let scores = DMatrix::from_fn(parameters, count, |j, i| self.scores[i][j]);
        let fisher = &root * root.transpose() + DMatrix::identity(parameters, parameters) * 0.25;
        Ok((Paths { scores, returns: DVector::from_column_slice(&self.returns) }, fisher))
    }
}

/// Quarters between −2 and 2, often zero: paths coincide, and scores vanish or depend on one another, exactly.
fn quarter() -> impl Strategy<Value = f64> {
    prop_oneof![1 => Just(0.0), 4 => (-8_i32..=8).prop_map(|k| 0.25 * f64::from(k))]
}

/// Batches of up to `most` paths and one to six parameters.
fn batches(most: usize) -> BoxedStrategy<Batch> {
    let noise = prop_oneof![1 => Just(1.0), 3 => 0.1..4.0_f64];
    (1_usize..=6, 1..=most, noise)
        .prop_flat_map(|(parameters, count, noise)| {
            let returns = prop_oneof![1 => Just(0.0), 4 => -3.0..5.0_f64];
            (
                vec(vec(quarter(), parameters), count),
                vec(returns, count),
                vec(vec((-2_i32..=2).prop_map(|k| 0.5 * f64::from(k)), parameters), parameters),
            )
                .prop_map(move |(scores, returns, root)| Batch { scores, returns, root, noise })
        })
        .boxed()
}

/// Natural gradient and covariance by n equations are those by M equations.
pub struct PrimalForm;

impl Observe for PrimalForm {
    type Instance = Batch;
    type Fault = Fault;
    const NAME: &'static str = "primal-form";
    const SUMMARY: &'static str = "Model 2 without a constant by the primal form against the dual form.";
    const METRICS: &'static [Metric] = &[
        error("mean-error", "Largest relative difference of the mean."),
        error("covariance-error", "Largest relative difference of the covariance."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ForgetNoiseMetric];

    fn instances() -> BoxedStrategy<Batch> {
        batches(60)
    }

    fn observe(batch: &Batch, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let (paths, fisher) = batch.resolve()?;
        let dual = Model::Two { constant: 0.0 }.posterior(&paths, &fisher, batch.noise, None)?;
        let primal = Primal::of(&paths, &fisher, batch.noise, fault)?;
        Ok(Measurement::new()
            .metric("mean-error", vector_distance(&(fisher * primal.natural), &dual.mean))
            .metric("covariance-error", distance(&primal.covariance, &dual.covariance)))
    }
}

/// With G = U Uᵀ/M of the same paths, Model 2 is Monte Carlo shrunk by M/(M + s).
pub struct SameBatchShrinkage;

impl Observe for SameBatchShrinkage {
    type Instance = Batch;
    type Fault = Fault;
    const NAME: &'static str = "same-batch-shrinkage";
    const SUMMARY: &'static str =
        "Model 2 with the empirical Fisher matrix of the same paths against U y/(M + s).";
    const METRICS: &'static [Metric] = &[error("error", "Largest relative difference of the mean.")];
    const FAULTS: &'static [Fault] = &[Fault::ExactFisher];

    fn instances() -> BoxedStrategy<Batch> {
        batches(40)
    }

    fn observe(batch: &Batch, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let (paths, exact) = batch.resolve()?;
        let empirical = paths.empirical_fisher();
        let spectrum = eigen::symmetric(&empirical).values;
        if spectrum[0] < 1e-3 {
            return Err(Failure::Rejected("the scores do not span all parameters"));
        }
        let fisher = if fault == Some(Fault::ExactFisher) { exact } else { empirical };
        let belief = Model::Two { constant: 0.0 }.posterior(&paths, &fisher, batch.noise, None)?;
        let shrunk = &paths.scores * &paths.returns / (paths.count() as f64 + batch.noise);
        Ok(Measurement::new().metric("error", vector_distance(&belief.mean, &shrunk)))
    }
}

/// The covariance is positive semidefinite, falls as paths are added, and does not look at returns.
pub struct GradientCovariance;

impl Observe for GradientCovariance {
    type Instance = Batch;
    type Fault = Fault;
    const NAME: &'static str = "gradient-covariance";
    const SUMMARY: &'static str =
        "The posterior covariance of both models, of all paths and of the first half.";
    const METRICS: &'static [Metric] = &[
        Metric::new("least", "The smallest eigenvalue of the covariance."),
        Metric::new("growth", "The largest eigenvalue of what more paths add to the covariance."),
        error("dependence", "Largest change of the covariance with other returns."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::IdentityMetric];

    fn instances() -> BoxedStrategy<Batch> {
        batches(40)
    }

    fn observe(batch: &Batch, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let (paths, fisher) = batch.resolve()?;
        let half = Paths {
            scores: paths.scores.columns(0, paths.count().div_ceil(2)).into_owned(),
            returns: paths.returns.rows(0, paths.count().div_ceil(2)).into_owned(),
        };
        let other = Paths { scores: paths.scores.clone(), returns: paths.returns.map(|y| 1.0 - 2.0 * y) };
        let (mut least, mut growth, mut dependence) = (f64::INFINITY, f64::NEG_INFINITY, 0.0_f64);
        for model in [Model::One, Model::Two { constant: 0.0 }, Model::Two { constant: 1.0 }] {
            let covariance = |paths: &Paths| -> Result<DMatrix<f64>, Failure> {
                Ok(model.posterior(paths, &fisher, batch.noise, fault)?.covariance)
            };
            let all = covariance(&paths)?;
            let added = eigen::symmetric(&(&all - covariance(&half)?)).values;
            least = least.min(eigen::symmetric(&all).values[0]);
            growth = added.iter().copied().fold(growth, f64::max);
            dependence = dependence.max((covariance(&other)? - all).amax());
        }
        Ok(Measurement::new()
            .metric("least", least)
            .metric("growth", growth)
            .metric("dependence", dependence))
    }
}

/// A batch, and other coordinates of its parameters.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Coordinates {
    /// The batch.
    batch: Batch,
    /// A of θ = Aψ, n rows of n.
    change: Vec<Vec<f64>>,
}

/// Under θ = Aψ the kernels stay, and the posterior turns as a gradient does.
pub struct Reparameterisation;

impl Observe for Reparameterisation {
    type Instance = Coordinates;
    type Fault = Fault;
    const NAME: &'static str = "reparameterisation";
    const SUMMARY: &'static str = "Kernels and posteriors in the coordinates ψ of θ = Aψ against those in θ.";
    const METRICS: &'static [Metric] = &[
        error("kernel-error", "Largest relative change of the kernel."),
        error("mean-error", "Largest relative difference of the mean of Model 2 from AᵀE."),
        error("covariance-error", "Largest relative difference of its covariance from AᵀCA."),
        error("first-model-error", "Largest relative difference of the mean of Model 1 from AᵀE."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::IdentityMetric];

    fn instances() -> BoxedStrategy<Coordinates> {
        batches(20)
            .prop_flat_map(|batch| {
                let parameters = batch.root.len();
                vec(vec((-4_i32..=4).prop_map(|k| 0.5 * f64::from(k)), parameters), parameters)
                    .prop_map(move |change| Coordinates { batch: batch.clone(), change })
            })
            .boxed()
    }

    fn observe(instance: &Coordinates, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let (old, fisher) = instance.batch.resolve()?;
        let change = square(&instance.change)?;
        if change.nrows() != fisher.nrows() {
            return Err(Failure::invalid("the change of coordinates has another number of parameters"));
        }
        if eigen::symmetric(&change.tr_mul(&change)).values[0] < 0.05 {
            return Err(Failure::Rejected("no change of coordinates"));
        }
        let new = Paths { scores: change.tr_mul(&old.scores), returns: old.returns.clone() };
        let turned = change.tr_mul(&(&fisher * &change));
        let two = Model::Two { constant: 0.0 };
        let gram = |scores, fisher| -> Result<DMatrix<f64>, Failure> {
            let Integrals { gram, .. } = two.integrals(scores, fisher, fault)?;
            Ok(gram)
        };
        let noise = instance.batch.noise;
        let first = Model::One.posterior(&old, &fisher, noise, fault)?.mean;
        let moved = Model::One.posterior(&new, &turned, noise, fault)?.mean;
        let (before, after) =
            (two.posterior(&old, &fisher, noise, fault)?, two.posterior(&new, &turned, noise, fault)?);
        Ok(Measurement::new()
            .metric("kernel-error", distance(&gram(&new.scores, &turned)?, &gram(&old.scores, &fisher)?))
            .metric("mean-error", vector_distance(&after.mean, &change.tr_mul(&before.mean)))
            .metric(
                "covariance-error",
                distance(&after.covariance, &(change.tr_mul(&before.covariance) * &change)),
            )
            .metric("first-model-error", vector_distance(&moved, &change.tr_mul(&first))))
    }
}

/// A dictionary is no larger than the kernel's feature space, and loses nothing.
pub struct Sparsification;

impl Observe for Sparsification {
    type Instance = Batch;
    type Fault = Fault;
    const NAME: &'static str = "sparsification";
    const SUMMARY: &'static str = "Size of the dictionary, and the sparse posterior against the full one.";
    const METRICS: &'static [Metric] = &[
        Metric::new("excess", "Members beyond the dimension of the feature space, at most over the models."),
        error("error", "Largest relative difference of means and covariances, at most over the models."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoAld];

    fn instances() -> BoxedStrategy<Batch> {
        batches(60)
    }

    fn observe(batch: &Batch, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let (paths, fisher) = batch.resolve()?;
        let (mut excess, mut largest) = (f64::NEG_INFINITY, 0.0_f64);
        for model in [Model::One, Model::Two { constant: 0.0 }, Model::Two { constant: 1.0 }] {
            let gram = model.integrals(&paths.scores, &fisher, None)?.gram;
            let members = |threshold| {
                let dictionary = Dictionary::of(paths.count(), |i, j| gram[(i, j)], threshold);
                dictionary.members().to_vec()
            };
            // The statement is about the limit τ → 0; near-dependent paths would be about τ.
            if members(1e-11) != members(1e-4) {
                return Err(Failure::Rejected("the dictionary depends on the threshold"));
            }
            let full = model.posterior(&paths, &fisher, batch.noise, None)?;
            let (sparse, dictionary) = model.sparse_posterior(&paths, &fisher, batch.noise, fault)?;
            let limit = model.dimension(fisher.nrows());
            excess = excess.max(dictionary.members().len() as f64 - limit as f64);
            largest = largest
                .max(vector_distance(&sparse.mean, &full.mean))
                .max(distance(&sparse.covariance, &full.covariance));
        }
        Ok(Measurement::new().metric("excess", excess).metric("error", largest))
    }
}
