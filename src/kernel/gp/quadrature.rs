//! Bayesian quadrature: the posterior of integrals of a Gaussian process.

use nalgebra::DMatrix;

use super::{GpError, hold_finite, hold_noise, hold_size};
use crate::kernel::cholesky::cholesky;

/// A quadrature rule with its uncertainty: p integrals of a function f ~ GP(0, k) that is seen at m points
/// through yᵢ = f(xᵢ) + N(0, s).
///
/// The integrals ρⱼ = ∫ f(x) gⱼ(x) dx are linear in f, so all that matters of k and gⱼ is
///
/// ```text
/// K = [k(xᵢ, xⱼ)] (m × m),   Zⱼᵢ = ∫ gⱼ(x) k(x, xᵢ) dx (p × m),   Z₀ = ∫∫ g(x) k(x, x′) g(x′)ᵀ dx dx′ (p × p)
/// ```
///
/// and the posterior is normal with mean Wᵀy for the weights W = (K + s I)⁻¹ Zᵀ and covariance Z₀ − Z W. The
/// covariance does not depend on y. If the function has several independent components, seen in the rows of Y
/// (n × m), their integrals have the means Y W and one covariance each.
///
/// Source: O'Hagan, Journal of Statistical Planning and Inference 29 (1991).
///
/// ```
/// use corroborate::kernel::gp::Quadrature;
/// use nalgebra::{DMatrix, DVector};
///
/// // A constant f ~ N(0, 1), seen twice: its integral against a density is the constant.
/// let ones = |rows, columns| DMatrix::from_element(rows, columns, 1.0);
/// let rule = Quadrature::new(ones(2, 2), 0.5, &ones(1, 2), &ones(1, 1))?;
/// assert!((rule.weights.tr_mul(&DVector::from_column_slice(&[3.0, 5.0]))[0] - 8.0 / 2.5).abs() < 1e-12);
/// assert!((rule.covariance[0] - 0.2).abs() < 1e-12);
/// # Ok::<(), corroborate::kernel::gp::GpError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Quadrature {
    /// W (m × p): what each observation counts for in each integral.
    pub weights: DMatrix<f64>,
    /// Z₀ − Z W (p × p), symmetric.
    pub covariance: DMatrix<f64>,
}

impl Quadrature {
    /// The rule, from K (m × m), the noise s ≥ 0, Z (p × m) and Z₀ (p × p).
    ///
    /// # Errors
    /// [`GpError`] for matrices that do not fit, what is not finite, negative noise, and a K + s I without a
    /// Cholesky factor.
    pub fn new(
        mut gram: DMatrix<f64>,
        noise: f64,
        cross: &DMatrix<f64>,
        prior: &DMatrix<f64>,
    ) -> Result<Self, GpError> {
        let points = gram.nrows();
        hold_noise(noise)?;
        hold_size("columns of the covariance", points, gram.ncols())?;
        hold_integrals(points, cross, prior)?;
        hold_finite(&gram)?;
        for i in 0..points {
            gram[(i, i)] += noise;
        }
        let root = cholesky(gram).ok_or(GpError::NotPositiveDefinite)?;
        let weights = root.solve(&cross.transpose());
        Ok(Self { covariance: symmetric(prior - cross * &weights), weights })
    }
}

/// Holds Z (p × m) and Z₀ (p × p) to m points and to each other.
pub(super) fn hold_integrals(
    points: usize,
    cross: &DMatrix<f64>,
    prior: &DMatrix<f64>,
) -> Result<(), GpError> {
    hold_size("covariances with the integrals", points, cross.ncols())?;
    hold_size("rows of the prior covariance", cross.nrows(), prior.nrows())?;
    hold_size("columns of the prior covariance", cross.nrows(), prior.ncols())?;
    hold_finite(cross)?;
    hold_finite(prior)
}

/// (A + Aᵀ)/2, which rounding may have kept from being A.
pub(super) fn symmetric(matrix: DMatrix<f64>) -> DMatrix<f64> {
    let transpose = matrix.transpose();
    (matrix + transpose) * 0.5
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{
        gp::{Regression, SquaredExponential},
        quadrature::gauss_hermite,
    };
    use approx::assert_relative_eq;
    use nalgebra::DVector;

    #[test]
    fn it_is_the_posterior_of_a_functional() {
        // The mean of f under a standard normal, with the integrals taken by Gauss and Hermite.
        let kernel = SquaredExponential::new(1.5, 0.7).unwrap();
        let (points, values) = ([-1.0, 0.2, 0.9], [0.3, -1.0, 2.0]);
        let nodes = gauss_hermite(40);
        let mean_of = |f: &dyn Fn(f64) -> f64| nodes.iter().map(|(x, w)| w * f(*x)).sum::<f64>();
        let cross: Vec<f64> = points.iter().map(|p| mean_of(&|x| kernel.at(&[x], &[*p]))).collect();
        let prior = mean_of(&|x| mean_of(&|y| kernel.at(&[x], &[y])));
        let gram = DMatrix::from_fn(3, 3, |i, j| kernel.at(&[points[i]], &[points[j]]));
        let z = DMatrix::from_row_slice(1, 3, &cross);
        let rule = Quadrature::new(gram, 0.1, &z, &DMatrix::from_row_slice(1, 1, &[prior])).unwrap();
        let seen = points.iter().map(|p| vec![*p]).collect();
        let known = Regression::fit(kernel, 0.1, seen, &values).unwrap().functional(&cross, prior).unwrap();
        let mean = rule.weights.tr_mul(&DVector::from_column_slice(&values))[0];
        assert_relative_eq!(mean, known.mean, epsilon = 1e-13);
        assert_relative_eq!(rule.covariance[0], known.variance, epsilon = 1e-13);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let rule = |gram, noise, cross: DMatrix<f64>, prior: DMatrix<f64>| {
            Quadrature::new(gram, noise, &cross, &prior).map(|_| ())
        };
        let one = || DMatrix::from_row_slice(1, 1, &[1.0]);
        assert!(matches!(
            rule(DMatrix::from_row_slice(1, 2, &[1.0, 0.0]), 0.1, one(), one()),
            Err(GpError::Shape { .. })
        ));
        assert!(matches!(
            rule(one(), 0.1, DMatrix::from_row_slice(1, 2, &[1.0, 2.0]), one()),
            Err(GpError::Shape { .. })
        ));
        assert!(matches!(
            rule(one(), 0.1, one(), DMatrix::from_row_slice(1, 2, &[1.0, 0.0])),
            Err(GpError::Shape { .. })
        ));
        assert!(matches!(rule(one(), -0.1, one(), one()), Err(GpError::NotPositive { .. })));
        assert_eq!(
            rule(DMatrix::from_row_slice(1, 1, &[f64::NAN]), 0.1, one(), one()),
            Err(GpError::NotFinite)
        );
        let twice = DMatrix::from_row_slice(2, 2, &[1.0, 1.0, 1.0, 1.0]);
        assert_eq!(
            rule(twice, 0.0, DMatrix::from_row_slice(1, 2, &[1.0, 1.0]), one()),
            Err(GpError::NotPositiveDefinite)
        );
    }
}
