//! Gaussian quadrature: expectations of smooth functions of a normal variable without sampling.

use nalgebra::DMatrix;

use super::eigen;

/// Nodes xᵢ and weights wᵢ with E f(Z) ≈ Σ wᵢ f(xᵢ) for a standard normal Z, ascending; exact for
/// polynomials of degree up to 2n − 1. Weights are positive and sum to one.
///
/// They are eigenvalues, and squared first entries of the eigenvectors, of the symmetric tridiagonal
/// matrix with zero diagonal and √1 … √(n − 1) beside it: Golub and Welsch, Mathematics of
/// Computation 23 (1969).
///
/// ```
/// use corroborate::kernel::quadrature::gauss_hermite;
///
/// let fourth_moment: f64 = gauss_hermite(3).iter().map(|(x, w)| w * x * x * x * x).sum();
/// assert!((fourth_moment - 3.0).abs() < 1e-13);
/// ```
#[must_use]
pub fn gauss_hermite(n: usize) -> Vec<(f64, f64)> {
    let jacobi =
        DMatrix::from_fn(n, n, |i, j| if i.abs_diff(j) == 1 { (i.max(j) as f64).sqrt() } else { 0.0 });
    let eigen = eigen::symmetric(&jacobi);
    let weight = |column: usize| eigen.vectors[(0, column)] * eigen.vectors[(0, column)];
    eigen.values.iter().enumerate().map(|(i, x)| (*x, weight(i))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::math::{exp, powi, sum};
    use approx::assert_relative_eq;

    #[test]
    fn moments_of_the_normal_distribution() {
        let rule = gauss_hermite(20);
        let mut known = 1.0;
        for k in 0..12 {
            let moment = sum(rule.iter().map(|(x, w)| w * powi(*x, 2 * k)));
            assert_relative_eq!(moment, known, max_relative = 1e-12);
            known *= f64::from(2 * k + 1);
        }
    }

    #[test]
    fn exponential_moments() {
        let moment = sum(gauss_hermite(20).iter().map(|(x, w)| w * exp(0.6 * x)));
        assert_relative_eq!(moment, exp(0.18), max_relative = 1e-13);
        assert_eq!(gauss_hermite(1), [(0.0, 1.0)]);
    }
}
