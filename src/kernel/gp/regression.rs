//! The posterior of a Gaussian process.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use super::{GpError, SquaredExponential, hold_noise, hold_points};
use crate::kernel::{
    cholesky::{cholesky, solve_rows},
    math::{ln, sum},
};

/// A Gaussian process seen at n points.
#[derive(Clone, Debug)]
pub struct Regression {
    kernel: SquaredExponential,
    points: Vec<Vec<f64>>,
    values: DVector<f64>,
    /// K = L Lᵀ.
    root: Cholesky<f64, Dyn>,
    /// K⁻¹ y.
    weights: DVector<f64>,
}

/// What is believed about a number: that it is normal with this mean and variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// Mean.
    pub mean: f64,
    /// Variance, at least 0.
    pub variance: f64,
}

impl Regression {
    /// Conditions on values yᵢ at the points xᵢ (n each), seen with noise of variance s ≥ 0.
    ///
    /// # Errors
    /// [`GpError`] for points of different dimensions, another number of values than of points, what
    /// is not finite, and points that coincide without noise.
    pub fn fit(
        kernel: SquaredExponential,
        noise: f64,
        points: Vec<Vec<f64>>,
        values: &[f64],
    ) -> Result<Self, GpError> {
        hold_noise(noise)?;
        hold_points(&points)?;
        if values.len() != points.len() {
            return Err(GpError::Shape { what: "values", expected: points.len(), found: values.len() });
        }
        if values.iter().any(|y| !y.is_finite()) {
            return Err(GpError::NotFinite);
        }
        // The factor reads the lower triangle only: in column j, the rows from j on.
        let n = points.len();
        let mut covariance = DMatrix::zeros(n, n);
        let mut column = Vec::with_capacity(n);
        for (j, entries) in covariance.as_mut_slice().chunks_exact_mut(n.max(1)).enumerate() {
            kernel.row(&points[j], points[j..].iter().map(Vec::as_slice), &mut column);
            column[0] += noise;
            entries[j..].copy_from_slice(&column);
        }
        let root = cholesky(covariance).ok_or(GpError::NotPositiveDefinite)?;
        let values = DVector::from_column_slice(values);
        let weights = root.solve(&values);
        if weights.iter().any(|w| !w.is_finite()) {
            return Err(GpError::NotPositiveDefinite);
        }
        Ok(Self { kernel, points, values, root, weights })
    }

    /// f(x).
    ///
    /// # Errors
    /// [`GpError::Shape`] for a point of another dimension.
    pub fn predict(&self, x: &[f64]) -> Result<Prediction, GpError> {
        self.hold_dimension(x)?;
        let covariances: Vec<f64> = self.points.iter().map(|p| self.kernel.at(x, p)).collect();
        self.functional(&covariances, self.kernel.variance())
    }

    /// f at m points: what [`Self::predict`] says of each, up to rounding, with one pass over the n × n factor
    /// instead of 2m. The variance is k(x, x) − ‖L⁻¹c(x)‖².
    ///
    /// # Errors
    /// [`GpError::Shape`] for a point of another dimension.
    pub fn predict_all(&self, xs: &[Vec<f64>]) -> Result<Vec<Prediction>, GpError> {
        xs.iter().try_for_each(|x| self.hold_dimension(x))?;
        let mut rows = DMatrix::zeros(xs.len(), self.points.len());
        let mut column = Vec::with_capacity(xs.len());
        for (point, entries) in self.points.iter().zip(rows.as_mut_slice().chunks_exact_mut(xs.len().max(1)))
        {
            self.kernel.row(point, xs.iter().map(Vec::as_slice), &mut column);
            entries.copy_from_slice(&column);
        }
        let means = &rows * &self.weights;
        solve_rows(&self.root, &mut rows);
        let mut explained = vec![0.0; xs.len()];
        for column in rows.column_iter() {
            explained.iter_mut().zip(column.iter()).for_each(|(sum, entry)| *sum += entry * entry);
        }
        let variance = |explained: f64| (self.kernel.variance() - explained).max(0.0);
        let beliefs = means.iter().zip(explained);
        Ok(beliefs.map(|(mean, e)| Prediction { mean: *mean, variance: variance(e) }).collect())
    }

    fn hold_dimension(&self, x: &[f64]) -> Result<(), GpError> {
        let expected = self.points.first().map_or(x.len(), Vec::len);
        if x.len() == expected {
            return Ok(());
        }
        Err(GpError::Shape { what: "coordinates", expected, found: x.len() })
    }

    /// A linear functional Lf, of which the prior covariances Cov(Lf, f(xᵢ)) (n) and the prior variance
    /// Var(Lf) are given: its mean is Σᵢ cᵢ (K⁻¹y)ᵢ and its variance Var(Lf) − cᵀK⁻¹c.
    ///
    /// # Errors
    /// [`GpError::Shape`] for another number of covariances than of points.
    pub fn functional(&self, covariances: &[f64], variance: f64) -> Result<Prediction, GpError> {
        let (expected, found) = (self.points.len(), covariances.len());
        if expected != found {
            return Err(GpError::Shape { what: "covariances", expected, found });
        }
        let c = DVector::from_column_slice(covariances);
        let explained = c.dot(&self.root.solve(&c));
        // The difference is at least 0, and rounding may not make it less.
        Ok(Prediction { mean: c.dot(&self.weights), variance: (variance - explained).max(0.0) })
    }

    /// ln p(y) = −½ (yᵀK⁻¹y + ln det K + n ln 2π): how well covariance and noise explain the values.
    #[must_use]
    pub fn log_evidence(&self) -> f64 {
        let log_root = sum(self.root.l_dirty().diagonal().iter().map(|d| ln(*d)));
        let constant = self.values.len() as f64 * ln(2.0 * std::f64::consts::PI);
        -0.5 * (self.values.dot(&self.weights) + 2.0 * log_root + constant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::gaussian::Gaussian;
    use approx::assert_relative_eq;

    fn kernel() -> SquaredExponential {
        SquaredExponential::new(1.5, 0.7).unwrap()
    }

    fn points() -> Vec<Vec<f64>> {
        vec![vec![0.0, 0.1], vec![0.5, -0.3], vec![1.0, 1.0]]
    }

    #[test]
    fn one_observation_by_hand() {
        let k = SquaredExponential::new(1.0, 1.0).unwrap();
        let process = Regression::fit(k, 0.25, vec![vec![0.0]], &[2.0]).unwrap();
        let c = (-0.5_f64).exp();
        let at_one = process.predict(&[1.0]).unwrap();
        assert_relative_eq!(at_one.mean, c * 2.0 / 1.25, epsilon = 1e-15);
        assert_relative_eq!(at_one.variance, 1.0 - c * c / 1.25, epsilon = 1e-15);
        let expected = -0.5 * (4.0 / 1.25 + 1.25_f64.ln() + (2.0 * std::f64::consts::PI).ln());
        assert_relative_eq!(process.log_evidence(), expected, epsilon = 1e-14);
    }

    #[test]
    fn it_is_a_conditional_gaussian() {
        // The joint law of the three noisy values and of f at a fourth point, conditioned.
        let (noise, values, x) = (0.04, [0.3, -1.0, 2.0], vec![0.2, 0.4]);
        let mut all = points();
        all.push(x.clone());
        let covariance = DMatrix::from_fn(4, 4, |i, j| {
            kernel().at(&all[i], &all[j]) + if i == j && i < 3 { noise } else { 0.0 }
        });
        let joint = Gaussian::new(DVector::zeros(4), covariance).unwrap();
        let law = joint.conditioned(&[0, 1, 2], &values).unwrap();
        let process = Regression::fit(kernel(), noise, points(), &values).unwrap();
        let prediction = process.predict(&x).unwrap();
        assert_relative_eq!(prediction.mean, law.mean()[0], epsilon = 1e-13);
        assert_relative_eq!(prediction.variance, law.covariance()[(0, 0)], epsilon = 1e-13);
        let marginal = joint.marginal(&[0, 1, 2]).unwrap();
        let density = marginal.log_density(&DVector::from_column_slice(&values));
        assert_relative_eq!(process.log_evidence(), density, epsilon = 1e-13);
    }

    #[test]
    fn without_noise_it_interpolates() {
        let values = [0.3, -1.0, 2.0];
        let process = Regression::fit(kernel(), 0.0, points(), &values).unwrap();
        for (x, y) in points().iter().zip(values) {
            let prediction = process.predict(x).unwrap();
            assert_relative_eq!(prediction.mean, y, epsilon = 1e-12);
            assert_relative_eq!(prediction.variance, 0.0, epsilon = 1e-12);
        }
    }

    #[test]
    fn all_points_at_once_are_each_point() {
        let process = Regression::fit(kernel(), 0.01, points(), &[0.3, -1.0, 2.0]).unwrap();
        let xs: Vec<Vec<f64>> = (0..9).map(|i| vec![0.3 * f64::from(i) - 1.0, 0.5]).collect();
        for (x, found) in xs.iter().zip(process.predict_all(&xs).unwrap()) {
            let known = process.predict(x).unwrap();
            assert_relative_eq!(found.mean, known.mean, epsilon = 1e-13);
            assert_relative_eq!(found.variance, known.variance, epsilon = 1e-13);
        }
        assert!(process.predict_all(&[]).unwrap().is_empty());
        assert!(process.predict_all(&[vec![0.0]]).is_err());
    }

    #[test]
    fn the_mean_of_two_values_is_a_functional() {
        let process = Regression::fit(kernel(), 0.1, points(), &[1.0, 0.0, 1.0]).unwrap();
        let (a, b) = (vec![0.3, 0.3], vec![-0.4, 0.9]);
        let covariances: Vec<f64> =
            points().iter().map(|p| 0.5 * (kernel().at(&a, p) + kernel().at(&b, p))).collect();
        let prior = 0.5 * (kernel().variance() + kernel().at(&a, &b));
        let both = process.functional(&covariances, prior).unwrap();
        let means = [&a, &b].map(|x| process.predict(x).unwrap().mean);
        assert_relative_eq!(both.mean, 0.5 * (means[0] + means[1]), epsilon = 1e-14);
        assert!(both.variance < process.predict(&b).unwrap().variance);
    }

    #[test]
    fn bad_input_is_named() {
        let fit = |points: Vec<Vec<f64>>, values: &[f64], noise| {
            Regression::fit(kernel(), noise, points, values).map(|_| ())
        };
        assert!(matches!(fit(points(), &[1.0], 0.1), Err(GpError::Shape { what: "values", .. })));
        assert!(matches!(fit(vec![vec![0.0], vec![]], &[1.0, 1.0], 0.1), Err(GpError::Shape { .. })));
        assert_eq!(fit(points(), &[1.0, f64::NAN, 0.0], 0.1), Err(GpError::NotFinite));
        assert!(matches!(fit(points(), &[1.0; 3], -0.1), Err(GpError::NotPositive { .. })));
        assert_eq!(fit(vec![vec![0.0]; 2], &[1.0; 2], 0.0), Err(GpError::NotPositiveDefinite));
        let process = Regression::fit(kernel(), 0.1, points(), &[1.0; 3]).unwrap();
        assert!(process.predict(&[0.0]).is_err() && process.functional(&[0.0], 1.0).is_err());
    }
}
