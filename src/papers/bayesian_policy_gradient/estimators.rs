//! Estimates of a policy gradient from whole paths.

use nalgebra::{DMatrix, DVector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, no_posterior, solved};
use crate::{
    kernel::{
        gp::{Dictionary, GpError, Quadrature},
        math::{acos, mean},
    },
    papers::leaf::Failure,
};

/// Relative threshold below which a path adds nothing to the dictionary.
pub const NOVELTY: f64 = 1e-8;

/// M observed paths.
#[derive(Clone, Debug, PartialEq)]
pub struct Paths {
    /// U (n × M): the score u(ξᵢ) in column i.
    pub scores: DMatrix<f64>,
    /// y (M): the returns.
    pub returns: DVector<f64>,
}

impl Paths {
    /// Number of paths M.
    pub fn count(&self) -> usize {
        self.returns.len()
    }

    /// Y = U diag(y) (n × M): the integrand R u at each path.
    fn integrand(&self) -> DMatrix<f64> {
        DMatrix::from_fn(self.scores.nrows(), self.count(), |j, i| self.scores[(j, i)] * self.returns[i])
    }

    /// The empirical Fisher matrix U Uᵀ/M.
    pub fn empirical_fisher(&self) -> DMatrix<f64> {
        &self.scores * self.scores.transpose() / self.count() as f64
    }

    /// The Monte Carlo estimate U y/M.
    pub fn monte_carlo(&self) -> DVector<f64> {
        &self.scores * &self.returns / self.count() as f64
    }

    /// U (y − ȳ)/(M − 1): the mean return as a baseline. The divisor makes up for the share that each path
    /// has in its own baseline. M ≥ 2.
    pub fn monte_carlo_with_baseline(&self) -> DVector<f64> {
        let centred = self.returns.add_scalar(-mean(self.returns.as_slice()));
        &self.scores * centred / (self.count() as f64 - 1.0)
    }
}

/// What the Gaussian process is put on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Model {
    /// On the integrand R u, with kernel (1 + uᵀG⁻¹u′)².
    One,
    /// On the return R, with kernel c + uᵀG⁻¹u′.
    Two {
        /// c ≥ 0.
        constant: f64,
    },
}

/// What is believed of the gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Belief {
    /// E[∇η] (n).
    pub mean: DVector<f64>,
    /// Cov[∇η] (n × n).
    pub covariance: DMatrix<f64>,
}

/// Kernel matrix and integrals of a model at given scores: what quadrature needs.
pub struct Integrals {
    /// K (M × M).
    pub gram: DMatrix<f64>,
    /// z (1 × M) or Z = U (n × M).
    pub cross: DMatrix<f64>,
    /// z₀ = 1 + n (1 × 1) or Z₀ = G (n × n).
    pub prior: DMatrix<f64>,
}

impl Model {
    /// The integrals of the model for the scores U (n × M) and the Fisher matrix G (n × n).
    ///
    /// # Errors
    /// [`Failure::Numerical`] if G is not positive definite.
    pub fn integrals(
        self,
        scores: &DMatrix<f64>,
        fisher: &DMatrix<f64>,
        fault: Option<Fault>,
    ) -> Result<Integrals, Failure> {
        let (parameters, paths) = scores.shape();
        let metric = match fault {
            Some(Fault::IdentityMetric) => &DMatrix::identity(parameters, parameters),
            _ => fisher,
        };
        // uᵢᵀ G⁻¹ uⱼ.
        let kernel = scores.tr_mul(&solved(metric, scores)?);
        Ok(match self {
            Self::One => {
                let one = if fault == Some(Fault::ZMissingConstant) { 0.0 } else { 1.0 };
                Integrals {
                    cross: DMatrix::from_fn(1, paths, |_, i| one + kernel[(i, i)]),
                    prior: DMatrix::from_element(1, 1, 1.0 + parameters as f64),
                    gram: kernel.map(|q| (1.0 + q) * (1.0 + q)),
                }
            }
            Self::Two { constant } => {
                let constant = if fault == Some(Fault::NoBaselineConstant) { 0.0 } else { constant };
                Integrals { gram: kernel.add_scalar(constant), cross: scores.clone(), prior: fisher.clone() }
            }
        })
    }

    /// The posterior of the gradient that follows from quadrature weights.
    fn belief(self, rule: &Quadrature, paths: &Paths) -> Belief {
        let parameters = paths.scores.nrows();
        match self {
            Self::One => Belief {
                mean: (paths.integrand() * &rule.weights).column(0).into_owned(),
                covariance: DMatrix::identity(parameters, parameters) * rule.covariance[0],
            },
            Self::Two { .. } => {
                Belief { mean: rule.weights.tr_mul(&paths.returns), covariance: rule.covariance.clone() }
            }
        }
    }

    /// The posterior of the gradient given paths, the Fisher matrix G (n × n) and the noise s of returns.
    ///
    /// # Errors
    /// [`Failure`] if G or the covariance of the observations is not positive definite.
    pub fn posterior(
        self,
        paths: &Paths,
        fisher: &DMatrix<f64>,
        noise: f64,
        fault: Option<Fault>,
    ) -> Result<Belief, Failure> {
        let (model, metric) = match (self, fault) {
            (Self::One, Some(Fault::FisherFromSameBatch)) => (self, &paths.empirical_fisher()),
            (Self::Two { .. }, Some(Fault::FisherFromSameBatch)) => {
                (Self::Two { constant: 0.0 }, &paths.empirical_fisher())
            }
            _ => (self, fisher),
        };
        let noise = if fault == Some(Fault::NoiseTooSmall) { noise / 10.0 } else { noise };
        let Integrals { gram, cross, prior } = model.integrals(&paths.scores, metric, fault)?;
        let rule = Quadrature::new(gram, noise, &cross, &prior).map_err(no_posterior)?;
        Ok(model.belief(&rule, paths))
    }

    /// The dictionary of the paths, in their order.
    pub fn dictionary(gram: &DMatrix<f64>, fault: Option<Fault>) -> Dictionary {
        match fault {
            Some(Fault::NoAld) => Dictionary::full(gram.nrows()),
            _ => Dictionary::of(gram.nrows(), |i, j| gram[(i, j)], NOVELTY),
        }
    }

    /// [`Self::posterior`] by way of a sparse dictionary, with the number of its members. s > 0.
    ///
    /// # Errors
    /// See [`Self::posterior`].
    pub fn sparse_posterior(
        self,
        paths: &Paths,
        fisher: &DMatrix<f64>,
        noise: f64,
        fault: Option<Fault>,
    ) -> Result<(Belief, Dictionary), Failure> {
        let Integrals { gram, cross, prior } = self.integrals(&paths.scores, fisher, fault)?;
        let dictionary = Self::dictionary(&gram, fault);
        let rule: Result<Quadrature, GpError> =
            dictionary.quadrature(|i, j| gram[(i, j)], noise, &cross, &prior);
        Ok((self.belief(&rule.map_err(no_posterior)?, paths), dictionary))
    }

    /// Most members that a dictionary can have: n, n + 1 with a constant, or (n + 1)(n + 2)/2 quadratic
    /// monomials.
    pub fn dimension(self, parameters: usize) -> usize {
        match self {
            Self::One => (parameters + 1) * (parameters + 2) / 2,
            Self::Two { constant } => parameters + usize::from(constant > 0.0),
        }
    }
}

/// Model 2 without a constant, by systems of n equations instead of M.
#[derive(Clone, Debug, PartialEq)]
pub struct Primal {
    /// The natural gradient G⁻¹E\[∇η\] = (U Uᵀ + s G)⁻¹ U y (n).
    pub natural: DVector<f64>,
    /// Cov\[∇η\] = s G (U Uᵀ + s G)⁻¹ G (n × n).
    pub covariance: DMatrix<f64>,
}

impl Primal {
    /// From the paths, the Fisher matrix G and the noise s > 0.
    ///
    /// # Errors
    /// [`Failure::Numerical`] if U Uᵀ + s G is not positive definite.
    pub fn of(
        paths: &Paths,
        fisher: &DMatrix<f64>,
        noise: f64,
        fault: Option<Fault>,
    ) -> Result<Self, Failure> {
        let parameters = paths.scores.nrows();
        let metric = match fault {
            Some(Fault::ForgetNoiseMetric) => &DMatrix::identity(parameters, parameters),
            _ => fisher,
        };
        let system = &paths.scores * paths.scores.transpose() + metric * noise;
        let root = system.cholesky();
        let root = root.ok_or_else(|| Failure::numerical("U Uᵀ + sG is not positive definite"))?;
        Ok(Self {
            natural: root.solve(&(&paths.scores * &paths.returns)),
            covariance: fisher * root.solve(fisher) * noise,
        })
    }
}

/// Estimates that compete in experiments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Estimator {
    /// The mean of R u.
    MonteCarlo,
    /// The mean of (R − baseline) u.
    MonteCarloBaseline,
    /// Bayesian quadrature with a prior on R u.
    ModelOne,
    /// Bayesian quadrature with a prior on R.
    ModelTwo,
}

/// What the Bayesian estimates assume.
#[derive(Clone, Copy, Debug)]
pub struct Assumptions {
    /// s, variance of the noise of returns.
    pub noise: f64,
    /// c of Model 2.
    pub constant: f64,
}

impl Assumptions {
    /// Refuses a prior that there is not.
    ///
    /// # Errors
    /// [`Failure::Invalid`].
    pub fn check(self) -> Result<(), Failure> {
        if !(self.noise > 0.0 && self.noise.is_finite()) {
            return Err(Failure::invalid("the variance of the noise must be positive"));
        }
        if !(self.constant >= 0.0 && self.constant.is_finite()) {
            return Err(Failure::invalid("the constant of the kernel must not be negative"));
        }
        Ok(())
    }
}

impl Estimator {
    /// Whether a fault is a mistake that this estimate can make.
    #[must_use]
    pub fn honours(self, fault: Fault) -> bool {
        match self {
            Self::MonteCarlo | Self::MonteCarloBaseline => false,
            Self::ModelOne => fault != Fault::NoBaselineConstant,
            Self::ModelTwo => true,
        }
    }

    /// The estimate from paths, given the Fisher matrix.
    ///
    /// # Errors
    /// See [`Model::posterior`].
    pub fn gradient(
        self,
        paths: &Paths,
        fisher: &DMatrix<f64>,
        assumed: Assumptions,
        fault: Option<Fault>,
    ) -> Result<DVector<f64>, Failure> {
        let model = match self {
            Self::MonteCarlo => return Ok(paths.monte_carlo()),
            Self::MonteCarloBaseline => return Ok(paths.monte_carlo_with_baseline()),
            Self::ModelOne => Model::One,
            Self::ModelTwo => Model::Two { constant: assumed.constant },
        };
        Ok(model.posterior(paths, fisher, assumed.noise, fault)?.mean)
    }
}

/// Mean of ‖ĝ − g‖² over estimates of the gradient g.
pub fn mean_squared_error(estimates: &[DVector<f64>], truth: &DVector<f64>) -> f64 {
    mean(&estimates.iter().map(|g| (g - truth).norm_squared()).collect::<Vec<_>>())
}

/// Mean angle between estimates and the gradient, in degrees; 90 for an estimate of zero.
pub fn mean_angle(estimates: &[DVector<f64>], truth: &DVector<f64>) -> f64 {
    let angle = |g: &DVector<f64>| {
        let lengths = g.norm() * truth.norm();
        let cosine = if lengths > 0.0 { g.dot(truth) / lengths } else { 0.0 };
        acos(cosine.clamp(-1.0, 1.0)).to_degrees()
    };
    mean(&estimates.iter().map(angle).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::stream::Streams;
    use approx::assert_relative_eq;

    /// M paths of n parameters, and a Fisher matrix that is not diagonal.
    fn paths(parameters: usize, count: usize) -> (Paths, DMatrix<f64>) {
        let mut stream = Streams::from_seed(1).stream("paths");
        let scores = DMatrix::from_fn(parameters, count, |_, _| stream.normal());
        let root = DMatrix::from_fn(parameters, parameters, |i, j| {
            f64::from(u8::from(i == j)) + 0.3 * stream.normal()
        });
        let returns = DVector::from_fn(count, |_, _| 1.0 + stream.normal());
        (Paths { scores, returns }, &root * root.transpose())
    }

    fn difference(a: &DMatrix<f64>, b: &DMatrix<f64>) -> f64 {
        (a - b).amax()
    }

    #[test]
    fn monte_carlo_by_hand() {
        let paths = Paths {
            scores: DMatrix::from_row_slice(1, 3, &[1.0, -1.0, 2.0]),
            returns: DVector::from_column_slice(&[1.0, 2.0, 6.0]),
        };
        assert_relative_eq!(paths.monte_carlo()[0], 11.0 / 3.0);
        assert_relative_eq!(paths.monte_carlo_with_baseline()[0], (-2.0 + 1.0 + 6.0) / 2.0);
        let estimates = [DVector::from_column_slice(&[1.0, 1.0]), DVector::from_column_slice(&[0.0, 0.0])];
        assert_relative_eq!(mean_squared_error(&estimates, &DVector::from_column_slice(&[1.0, 0.0])), 1.0);
        assert_relative_eq!(
            mean_angle(&estimates, &DVector::from_column_slice(&[1.0, 0.0])),
            67.5,
            epsilon = 1e-12
        );
    }

    #[test]
    fn one_path_by_hand() {
        // u = 2, G = 4, so k = (1 + 1)², z = 2, z₀ = 2, or k = 1 + c, Z = 2, Z₀ = 4.
        let one = Paths {
            scores: DMatrix::from_row_slice(1, 1, &[2.0]),
            returns: DVector::from_column_slice(&[3.0]),
        };
        let belief = Model::One.posterior(&one, &DMatrix::from_row_slice(1, 1, &[4.0]), 1.0, None).unwrap();
        assert_relative_eq!(belief.mean[0], 6.0 * 2.0 / 5.0);
        assert_relative_eq!(belief.covariance[0], 2.0 - 4.0 / 5.0);
        let two = Model::Two { constant: 0.5 };
        let belief = two.posterior(&one, &DMatrix::from_row_slice(1, 1, &[4.0]), 1.0, None).unwrap();
        assert_relative_eq!(belief.mean[0], 2.0 * 3.0 / 2.5);
        assert_relative_eq!(belief.covariance[0], 4.0 - 4.0 / 2.5);
    }

    #[test]
    fn primal_and_sparse_forms_agree_with_the_dual_one() {
        for parameters in [2, 4, 6] {
            let (paths, fisher) = paths(parameters, 60);
            let two = Model::Two { constant: 0.0 };
            let dual = two.posterior(&paths, &fisher, 0.7, None).unwrap();
            let primal = Primal::of(&paths, &fisher, 0.7, None).unwrap();
            assert_relative_eq!(&fisher * &primal.natural, dual.mean, epsilon = 1e-11);
            assert!(difference(&primal.covariance, &dual.covariance) < 1e-11);
            for model in [two, Model::Two { constant: 2.0 }, Model::One] {
                let full = model.posterior(&paths, &fisher, 0.7, None).unwrap();
                let (sparse, dictionary) = model.sparse_posterior(&paths, &fisher, 0.7, None).unwrap();
                assert_eq!(dictionary.members().len(), model.dimension(parameters));
                // The first independent paths may be almost dependent: their Gram matrix costs digits.
                assert_relative_eq!(sparse.mean, full.mean, epsilon = 1e-5);
                assert!(difference(&sparse.covariance, &full.covariance) < 1e-5);
                let (_, all) = model.sparse_posterior(&paths, &fisher, 0.7, Some(Fault::NoAld)).unwrap();
                assert_eq!(all.members().len(), 60);
            }
        }
    }

    #[test]
    fn the_covariance_of_the_first_model_depends_on_the_coordinates() {
        // θ = Aψ turns the gradient into Aᵀ∇; the mean follows, the isotropic covariance cannot.
        let (paths, fisher) = paths(3, 20);
        let a = DMatrix::from_row_slice(3, 3, &[2.0, 0.3, 0.0, 0.0, 0.5, -0.4, 1.0, 0.0, 1.0]);
        let moved = Paths { scores: a.tr_mul(&paths.scores), returns: paths.returns.clone() };
        let old = Model::One.posterior(&paths, &fisher, 1.0, None).unwrap();
        let new = Model::One.posterior(&moved, &(a.transpose() * &fisher * &a), 1.0, None).unwrap();
        assert_relative_eq!(new.mean, a.tr_mul(&old.mean), epsilon = 1e-11);
        assert!(difference(&new.covariance, &(a.transpose() * old.covariance * &a)) > 0.1);
    }
}
