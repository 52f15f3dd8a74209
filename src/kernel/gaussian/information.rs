//! Gaussians in information form: a product of factors before it is normalised.

use nalgebra::{Cholesky, DMatrix, DVector};

use super::{Gaussian, GaussianError};
use crate::kernel::math::{ln, sum};

/// A linear form x ↦ Σ cᵢ xᵢ − b with few non-zero coefficients.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearForm {
    /// Pairs (i, cᵢ); an index may occur once.
    pub terms: Vec<(usize, f64)>,
    /// b.
    pub constant: f64,
}

impl LinearForm {
    /// The form with these coefficients and constant.
    #[must_use]
    pub fn new(terms: impl Into<Vec<(usize, f64)>>, constant: f64) -> Self {
        Self { terms: terms.into(), constant }
    }

    /// Its value at `x`.
    #[must_use]
    pub fn at(&self, x: &DVector<f64>) -> f64 {
        sum(self.terms.iter().map(|(i, c)| c * x[*i])) - self.constant
    }

    /// Its variance cᵀ S c under a law with covariance S.
    #[must_use]
    pub fn variance(&self, covariance: &DMatrix<f64>) -> f64 {
        sum(self
            .terms
            .iter()
            .flat_map(|(i, c)| self.terms.iter().map(move |(j, d)| c * d * covariance[(*i, *j)])))
    }
}

/// The function exp(−½ xᵀJx + hᵀx + k) of x ∈ ℝⁿ, with precision J, information vector h and log
/// constant k. Multiplying by a Gaussian factor adds to J, h and k.
#[derive(Clone, Debug, PartialEq)]
pub struct Information {
    /// J, n × n, symmetric.
    pub precision: DMatrix<f64>,
    /// h, length n.
    pub vector: DVector<f64>,
    /// k.
    pub log_constant: f64,
}

impl Information {
    /// The constant function 1 on ℝⁿ.
    #[must_use]
    pub fn new(dimension: usize) -> Self {
        Self {
            precision: DMatrix::zeros(dimension, dimension),
            vector: DVector::zeros(dimension),
            log_constant: 0.0,
        }
    }

    /// Multiplies by N(c·x; b, v)^w, where `form` is c·x − b: adds w ccᵀ/v to J, w c b/v to h, and
    /// −w (b²/v + ln 2πv)/2 to k. The variance v is positive; the weight w may have either sign.
    pub fn multiply(&mut self, weight: f64, form: &LinearForm, variance: f64) {
        let strength = weight / variance;
        for (i, c) in &form.terms {
            for (j, d) in &form.terms {
                self.precision[(*i, *j)] += strength * c * d;
            }
            self.vector[*i] += strength * c * form.constant;
        }
        let log_scale = ln(2.0 * std::f64::consts::PI * variance);
        self.log_constant -= 0.5 * (strength * form.constant * form.constant + weight * log_scale);
    }

    /// The gradient h − Jx of the logarithm.
    #[must_use]
    pub fn score(&self, x: &DVector<f64>) -> DVector<f64> {
        &self.vector - &self.precision * x
    }

    /// ln ∫ exp(−½ xᵀJx + hᵀx + k) dx = k + (n ln 2π − ln det J + hᵀJ⁻¹h)/2: zero for a product of
    /// normalised conditional densities.
    ///
    /// # Errors
    /// [`GaussianError::NotPositiveDefinite`] if the integral diverges.
    pub fn log_mass(&self) -> Result<f64, GaussianError> {
        let root = self.root()?;
        let log_determinant = 2.0 * sum(root.l().diagonal().iter().map(|d| ln(*d)));
        let n = self.vector.len() as f64;
        let square = self.vector.dot(&root.solve(&self.vector));
        let log_scale = n * ln(2.0 * std::f64::consts::PI);
        Ok(self.log_constant + 0.5 * (log_scale - log_determinant + square))
    }

    /// The law that is proportional to this: N(J⁻¹h, J⁻¹).
    ///
    /// # Errors
    /// [`GaussianError::NotPositiveDefinite`] if J is not positive definite.
    pub fn normalised(&self) -> Result<Gaussian, GaussianError> {
        let root = self.root()?;
        Gaussian::new(root.solve(&self.vector), root.inverse())
    }

    fn root(&self) -> Result<Cholesky<f64, nalgebra::Dyn>, GaussianError> {
        Cholesky::new(self.precision.clone()).ok_or(GaussianError::NotPositiveDefinite("precision"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    /// x₀ ~ N(1, 2) and x₁ | x₀ ~ N(0.5 x₀ − 1, 0.3).
    fn chain() -> Information {
        let mut law = Information::new(2);
        law.multiply(1.0, &LinearForm::new([(0, 1.0)], 1.0), 2.0);
        law.multiply(1.0, &LinearForm::new([(1, 1.0), (0, -0.5)], -1.0), 0.3);
        law
    }

    #[test]
    fn a_product_of_conditional_densities_has_mass_one_and_its_moments() {
        let law = chain();
        assert_relative_eq!(law.log_mass().unwrap(), 0.0, epsilon = 1e-14);
        let law = law.normalised().unwrap();
        assert_relative_eq!(law.mean()[1], -0.5, epsilon = 1e-14);
        assert_relative_eq!(law.covariance()[(0, 1)], 1.0, epsilon = 1e-14);
        assert_relative_eq!(law.covariance()[(1, 1)], 0.5 + 0.3, epsilon = 1e-14);
    }

    #[test]
    fn the_score_is_that_of_the_normalised_law() {
        let (law, x) = (chain(), DVector::from_vec(vec![0.3, -2.0]));
        assert_relative_eq!(law.score(&x), law.normalised().unwrap().score(&x), epsilon = 1e-13);
    }

    #[test]
    fn linear_forms_have_the_variance_of_their_value() {
        let covariance = DMatrix::from_row_slice(2, 2, &[2.0, 0.5, 0.5, 1.0]);
        let form = LinearForm::new([(0, 1.0), (1, -2.0)], 0.5);
        assert_relative_eq!(form.variance(&covariance), 2.0 - 2.0 + 4.0);
        assert_relative_eq!(form.at(&DVector::from_vec(vec![1.0, 1.0])), -1.5);
    }

    #[test]
    fn an_improper_product_is_no_law() {
        let mut law = chain();
        law.multiply(-1.0, &LinearForm::new([(0, 1.0)], 0.0), 0.1);
        assert_eq!(law.normalised().unwrap_err(), GaussianError::NotPositiveDefinite("precision"));
        assert!(law.log_mass().is_err());
    }
}
