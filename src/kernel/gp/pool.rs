//! A Gaussian process on a finite list of points, of which more and more are observed.

use super::{GpError, Prediction, SquaredExponential, hold_noise, hold_points};
use crate::kernel::math::dot;

/// The posterior at m points, while n of them are observed, one after the other.
///
/// If i₁ … i_n are observed, the part of the covariance that they explain is F Fᵀ, F ∈ ℝ^{m×n}. One more
/// observation adds a column to F, in O(m n) steps:
///
/// ```text
/// d² = k(xᵢ, xᵢ) + s − Σ_c F²ᵢ_c,      F_{x,n+1} = (k(x, xᵢ) − Σ_c F_{x,c} F_{i,c}) / d,
/// ```
///
/// and d with the earlier entries of row i is the last row of the Cholesky factor L of the observations'
/// covariance K. Means are F L⁻¹ y, variances k(x, x) − Σ_c F²ₓ_c. The values enter last, so that they
/// can be standardised anew before every step.
#[derive(Clone, Debug)]
pub struct Pool<'a> {
    kernel: SquaredExponential,
    noise: f64,
    points: &'a [Vec<f64>],
    observed: Vec<usize>,
    /// Columns of F (n lists of m).
    columns: Vec<Vec<f64>>,
    /// Diagonal of L (n).
    diagonal: Vec<f64>,
    /// Posterior variances (m).
    variances: Vec<f64>,
}

impl<'a> Pool<'a> {
    /// The prior at these points; observations have noise of variance s ≥ 0.
    ///
    /// # Errors
    /// [`GpError`] for points of different dimensions or that are not finite, and negative noise.
    pub fn new(kernel: SquaredExponential, noise: f64, points: &'a [Vec<f64>]) -> Result<Self, GpError> {
        hold_noise(noise)?;
        hold_points(points)?;
        Ok(Self {
            kernel,
            noise,
            points,
            observed: Vec::new(),
            columns: Vec::new(),
            diagonal: Vec::new(),
            variances: vec![kernel.variance(); points.len()],
        })
    }

    /// Takes note that point `index` is observed.
    ///
    /// # Errors
    /// [`GpError::Shape`] if there is no such point, [`GpError::NotPositiveDefinite`] if nothing is left
    /// to learn there: it was observed already, or a neighbour was, without noise.
    pub fn observe(&mut self, index: usize) -> Result<(), GpError> {
        let Some(x) = self.points.get(index) else {
            return Err(GpError::Shape { what: "points", expected: index + 1, found: self.points.len() });
        };
        let row: Vec<f64> = self.columns.iter().map(|column| column[index]).collect();
        let square = self.kernel.variance() + self.noise - dot(&row, &row);
        // What rounding leaves of a difference that should be 0.
        if square <= 1e-12 * self.kernel.variance() {
            return Err(GpError::NotPositiveDefinite);
        }
        let diagonal = square.sqrt();
        let mut column = Vec::with_capacity(self.points.len());
        self.kernel.row(x, self.points.iter().map(Vec::as_slice), &mut column);
        for (weight, earlier) in row.iter().zip(&self.columns) {
            for (entry, f) in column.iter_mut().zip(earlier) {
                *entry -= weight * f;
            }
        }
        for (entry, variance) in column.iter_mut().zip(&mut self.variances) {
            *entry /= diagonal;
            *variance = (*variance - *entry * *entry).max(0.0);
        }
        self.observed.push(index);
        self.diagonal.push(diagonal);
        self.columns.push(column);
        Ok(())
    }

    /// The posterior at all points (m), given the values at the observed ones in the order in which
    /// they were observed (n).
    ///
    /// # Errors
    /// [`GpError::Shape`] for another number of values than of observations.
    pub fn predict(&self, values: &[f64]) -> Result<Vec<Prediction>, GpError> {
        let (expected, found) = (self.observed.len(), values.len());
        if expected != found {
            return Err(GpError::Shape { what: "values", expected, found });
        }
        // z = L⁻¹ y by forward substitution.
        let mut z: Vec<f64> = Vec::with_capacity(expected);
        for (n, index) in self.observed.iter().enumerate() {
            let row: Vec<f64> = self.columns[..n].iter().map(|column| column[*index]).collect();
            z.push((values[n] - dot(&row, &z)) / self.diagonal[n]);
        }
        let mut means = vec![0.0; self.points.len()];
        for (weight, column) in z.iter().zip(&self.columns) {
            for (mean, f) in means.iter_mut().zip(column) {
                *mean += weight * f;
            }
        }
        let beliefs = means.into_iter().zip(&self.variances);
        Ok(beliefs.map(|(mean, variance)| Prediction { mean, variance: *variance }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Regression;
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn it_agrees_with_regression_after_every_observation() {
        let points: Vec<Vec<f64>> =
            (0_i32..12).map(|i| vec![f64::from(i % 4) / 3.0, f64::from(i / 4) / 2.0]).collect();
        let kernel = SquaredExponential::new(1.3, 0.4).unwrap();
        let (order, values) = ([3, 7, 0, 11, 4], [1.0, -0.5, 0.2, 0.0, 2.0]);
        let mut pool = Pool::new(kernel, 0.01, &points).unwrap();
        for n in 1..=order.len() {
            pool.observe(order[n - 1]).unwrap();
            let seen = order[..n].iter().map(|i| points[*i].clone()).collect();
            let regression = Regression::fit(kernel, 0.01, seen, &values[..n]).unwrap();
            for (x, found) in points.iter().zip(pool.predict(&values[..n]).unwrap()) {
                let expected = regression.predict(x).unwrap();
                assert_relative_eq!(found.mean, expected.mean, epsilon = 1e-12);
                assert_relative_eq!(found.variance, expected.variance, epsilon = 1e-12);
            }
        }
    }

    #[test]
    fn a_second_look_helps_only_against_noise() {
        let points = vec![vec![0.0], vec![1.0]];
        let kernel = SquaredExponential::new(1.0, 1.0).unwrap();
        let mut exact = Pool::new(kernel, 0.0, &points).unwrap();
        exact.observe(0).unwrap();
        assert_eq!(exact.observe(0), Err(GpError::NotPositiveDefinite));
        let mut noisy = Pool::new(kernel, 0.5, &points).unwrap();
        noisy.observe(0).unwrap();
        noisy.observe(0).unwrap();
        // Two looks at one value: variance 1/(1 + 2/0.5) and the mean of both, shrunk.
        let found = noisy.predict(&[1.0, 2.0]).unwrap()[0];
        assert_relative_eq!(found.variance, 0.2, epsilon = 1e-14);
        assert_relative_eq!(found.mean, 0.8 * 1.5, epsilon = 1e-14);
        assert!(noisy.observe(2).is_err() && noisy.predict(&[1.0]).is_err());
    }
}
