//! One Gaussian, in moment form.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use super::{GaussianError, LinearForm};
use crate::kernel::{
    eigen,
    math::{ln, sum},
    stream::Stream,
};

/// N(m, S) on ℝⁿ, with the Cholesky factor of S at hand.
#[derive(Clone, Debug)]
pub struct Gaussian {
    mean: DVector<f64>,
    covariance: DMatrix<f64>,
    root: Cholesky<f64, Dyn>,
}

impl Gaussian {
    /// The law with this mean and covariance. Only the lower triangle of the covariance is read; the
    /// upper is made its mirror image.
    ///
    /// # Errors
    /// [`GaussianError`] if the shapes differ or the covariance is not positive definite.
    pub fn new(mean: DVector<f64>, mut covariance: DMatrix<f64>) -> Result<Self, GaussianError> {
        if covariance.shape() != (mean.len(), mean.len()) {
            return Err(GaussianError::Shape { expected: mean.len(), found: covariance.nrows() });
        }
        covariance.fill_upper_triangle_with_lower_triangle();
        let root =
            Cholesky::new(covariance.clone()).ok_or(GaussianError::NotPositiveDefinite("covariance"))?;
        Ok(Self { mean, covariance, root })
    }

    /// N(m, v I).
    ///
    /// # Errors
    /// [`GaussianError::NotPositiveDefinite`] unless v is positive.
    pub fn isotropic(mean: DVector<f64>, variance: f64) -> Result<Self, GaussianError> {
        let covariance = DMatrix::from_diagonal_element(mean.len(), mean.len(), variance);
        Self::new(mean, covariance)
    }

    /// n.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.mean.len()
    }

    /// m.
    #[must_use]
    pub fn mean(&self) -> &DVector<f64> {
        &self.mean
    }

    /// S.
    #[must_use]
    pub fn covariance(&self) -> &DMatrix<f64> {
        &self.covariance
    }

    /// log p(x) = −½ (n ln 2π + ln det S + (x − m)ᵀ S⁻¹ (x − m)).
    #[must_use]
    pub fn log_density(&self, x: &DVector<f64>) -> f64 {
        let gap = x - &self.mean;
        let square = gap.dot(&self.root.solve(&gap));
        -0.5 * (self.dimension() as f64 * ln(2.0 * std::f64::consts::PI) + self.log_determinant() + square)
    }

    /// ∇ log p(x) = S⁻¹ (m − x).
    #[must_use]
    pub fn score(&self, x: &DVector<f64>) -> DVector<f64> {
        self.root.solve(&(&self.mean - x))
    }

    /// The law of x + σε with ε ~ N(0, I): N(m, S + σ²I).
    ///
    /// # Errors
    /// [`GaussianError::NotPositiveDefinite`] if rounding or a NaN spoils the sum.
    pub fn noised(&self, sigma: f64) -> Result<Self, GaussianError> {
        let noise = DMatrix::from_diagonal_element(self.dimension(), self.dimension(), sigma * sigma);
        Self::new(self.mean.clone(), &self.covariance + noise)
    }

    /// The law of (1 − t) z + t x with z ~ N(0, I): N(tm, (1 − t)²I + t²S).
    ///
    /// # Errors
    /// [`GaussianError::NotPositiveDefinite`] if t is no finite number.
    pub fn interpolated(&self, t: f64) -> Result<Self, GaussianError> {
        let noise = DMatrix::from_diagonal_element(self.dimension(), self.dimension(), (1.0 - t) * (1.0 - t));
        Self::new(&self.mean * t, &self.covariance * (t * t) + noise)
    }

    /// The law of the coordinates listed, in that order.
    ///
    /// # Errors
    /// [`GaussianError::Shape`] if there is no such coordinate,
    /// [`GaussianError::NotPositiveDefinite`] if one is listed twice.
    pub fn marginal(&self, coordinates: &[usize]) -> Result<Self, GaussianError> {
        self.check(coordinates)?;
        let mean = DVector::from_iterator(coordinates.len(), coordinates.iter().map(|i| self.mean[*i]));
        Self::new(mean, self.block(coordinates, coordinates))
    }

    /// The law of the other coordinates, in ascending order, given the values of those listed:
    /// mean m_o + S_oc S_cc⁻¹ (x_c − m_c), covariance S_oo − S_oc S_cc⁻¹ S_co.
    ///
    /// # Errors
    /// [`GaussianError::Shape`] if coordinates and values do not fit,
    /// [`GaussianError::NotPositiveDefinite`] if a coordinate is listed twice.
    pub fn conditioned(&self, coordinates: &[usize], values: &[f64]) -> Result<Self, GaussianError> {
        if coordinates.len() != values.len() {
            return Err(GaussianError::Shape { expected: coordinates.len(), found: values.len() });
        }
        let given = self.marginal(coordinates)?;
        let others: Vec<usize> = (0..self.dimension()).filter(|i| !coordinates.contains(i)).collect();
        let rest = self.marginal(&others)?;
        let cross = self.block(&others, coordinates);
        let gap = DVector::from_column_slice(values) - &given.mean;
        Self::new(
            rest.mean + &cross * given.root.solve(&gap),
            rest.covariance - &cross * given.root.solve(&cross.transpose()),
        )
    }

    /// The law proportional to p(x) exp(−½ w f(x)²/v) for a linear form f(x) = c·x − b, and the
    /// logarithm of ∫ p(x) exp(−½ w f(x)²/v) dx. With u = f(m) and q = cᵀSc:
    /// mean m − Sc w u/(v + wq), covariance S − (Sc)(Sc)ᵀ w/(v + wq),
    /// log integral −½ (w u²/(v + wq) + ln(1 + wq/v)).
    ///
    /// # Errors
    /// [`GaussianError::NotPositiveDefinite`] if v + wq ≤ 0: a negative weight may be too large.
    pub fn tilted(
        &self,
        weight: f64,
        form: &LinearForm,
        variance: f64,
    ) -> Result<(Self, f64), GaussianError> {
        let spread = form.variance(&self.covariance);
        let total = variance + weight * spread;
        if !(total > 0.0 && variance > 0.0) {
            return Err(GaussianError::NotPositiveDefinite("tilted covariance"));
        }
        let mut direction = DVector::zeros(self.dimension());
        for (i, c) in &form.terms {
            direction += self.covariance.column(*i) * *c;
        }
        let value = form.at(&self.mean);
        let mean = &self.mean - &direction * (weight * value / total);
        let covariance = &self.covariance - &direction * direction.transpose() * (weight / total);
        let log_mass = -0.5 * (weight * value * value / total + ln(total / variance));
        Ok((Self::new(mean, covariance)?, log_mass))
    }

    /// KL(self ‖ other) = ½ (tr(S₀⁻¹S) + (m − m₀)ᵀS₀⁻¹(m − m₀) − n + ln det S₀ − ln det S), in nats,
    /// where `other` is N(m₀, S₀) of the same dimension.
    #[must_use]
    pub fn divergence(&self, other: &Self) -> f64 {
        let gap = &self.mean - &other.mean;
        let trace = other.root.solve(&self.covariance).trace();
        let square = gap.dot(&other.root.solve(&gap));
        let logs = other.log_determinant() - self.log_determinant();
        0.5 * (trace + square - self.dimension() as f64 + logs)
    }

    /// E\[f(x)²\] = f(m)² + cᵀSc of a linear form f(x) = c·x − b.
    #[must_use]
    pub fn expected_square(&self, form: &LinearForm) -> f64 {
        let value = form.at(&self.mean);
        value * value + form.variance(&self.covariance)
    }

    /// A draw m + Lz, with S = LLᵀ and z ~ N(0, I).
    pub fn sample(&self, stream: &mut Stream) -> DVector<f64> {
        let z = DVector::from_fn(self.dimension(), |_, _| stream.normal());
        &self.mean + self.root.l() * z
    }

    /// Where the probability flow dx/dσ = −σ ∇ log p_σ(x) takes a point `x` from noise level σ down
    /// to zero: m + S^{1/2} (S + σ²I)^{−1/2} (x − m).
    #[must_use]
    pub fn flowed(&self, x: &DVector<f64>, sigma: f64) -> DVector<f64> {
        let spectrum = eigen::symmetric(&self.covariance);
        let mut coordinates = spectrum.vectors.tr_mul(&(x - &self.mean));
        for (c, s) in coordinates.iter_mut().zip(&spectrum.values) {
            *c *= (s / (s + sigma * sigma)).sqrt();
        }
        &self.mean + spectrum.vectors * coordinates
    }

    fn log_determinant(&self) -> f64 {
        2.0 * sum(self.root.l_dirty().diagonal().iter().map(|d| ln(*d)))
    }

    fn block(&self, rows: &[usize], columns: &[usize]) -> DMatrix<f64> {
        DMatrix::from_fn(rows.len(), columns.len(), |i, j| self.covariance[(rows[i], columns[j])])
    }

    fn check(&self, coordinates: &[usize]) -> Result<(), GaussianError> {
        match coordinates.iter().find(|i| **i >= self.dimension()) {
            None => Ok(()),
            Some(i) => Err(GaussianError::Shape { expected: self.dimension(), found: i + 1 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{gaussian::Information, stream::Streams};
    use approx::assert_relative_eq;

    fn law() -> Gaussian {
        let covariance = DMatrix::from_row_slice(3, 3, &[2.0, 0.3, -0.4, 0.3, 1.0, 0.2, -0.4, 0.2, 0.5]);
        Gaussian::new(DVector::from_vec(vec![1.0, -2.0, 0.5]), covariance).unwrap()
    }

    fn point() -> DVector<f64> {
        DVector::from_vec(vec![0.2, -1.0, 1.5])
    }

    #[test]
    fn the_score_is_the_slope_of_the_log_density() {
        let (law, x) = (law(), point());
        let score = law.score(&x);
        for i in 0..3 {
            let step = DVector::from_fn(3, |j, _| if i == j { 1e-5 } else { 0.0 });
            let slope = (law.log_density(&(&x + &step)) - law.log_density(&(&x - &step))) / 2e-5;
            assert_relative_eq!(score[i], slope, epsilon = 1e-8);
        }
    }

    #[test]
    fn joint_density_is_conditional_times_marginal() {
        let (law, x) = (law(), point());
        let given = law.marginal(&[2, 0]).unwrap();
        let rest = law.conditioned(&[2, 0], &[x[2], x[0]]).unwrap();
        let product = given.log_density(&DVector::from_vec(vec![x[2], x[0]]))
            + rest.log_density(&DVector::from_vec(vec![x[1]]));
        assert_relative_eq!(law.log_density(&x), product, epsilon = 1e-14);
    }

    #[test]
    fn tilting_agrees_with_multiplying_in_information_form() {
        let form = LinearForm::new([(0, 0.7), (2, -1.2)], 0.4);
        let precision = law().root.inverse();
        let mut product = Information::new(3);
        product.vector = &precision * law().mean();
        product.precision = precision;
        product.multiply(1.7, &form, 0.2);
        let product = product.normalised().unwrap();
        let (tilted, log_mass) = law().tilted(1.7, &form, 0.2).unwrap();
        assert_relative_eq!(tilted.mean(), product.mean(), epsilon = 1e-13);
        assert_relative_eq!(tilted.covariance(), product.covariance(), epsilon = 1e-13);
        // p(x) exp(−½ w f²/v) = mass · tilted(x) at any x.
        let x = point();
        let f = form.at(&x);
        let unnormalised = law().log_density(&x) - 0.5 * 1.7 * f * f / 0.2;
        assert_relative_eq!(unnormalised, log_mass + tilted.log_density(&x), epsilon = 1e-13);
    }

    #[test]
    fn divergence_is_the_expected_log_ratio() {
        let (p, q) = (law(), law().noised(0.8).unwrap().tilted(0.5, &LinearForm::new([(1, 1.0)], 1.0), 1.0));
        let q = q.unwrap().0;
        let mut stream = Streams::from_seed(3).stream("divergence");
        let n = 40_000;
        let ratios: Vec<f64> = (0..n)
            .map(|_| {
                let x = p.sample(&mut stream);
                p.log_density(&x) - q.log_density(&x)
            })
            .collect();
        assert_relative_eq!(p.divergence(&q), crate::kernel::math::mean(&ratios), epsilon = 0.02);
        assert_relative_eq!(p.divergence(&p), 0.0, epsilon = 1e-14);
    }

    #[test]
    fn the_flow_carries_the_noised_law_to_the_law() {
        // The map is linear, so the covariance that it makes of S + σ²I tells whether it is right.
        let (law, sigma) = (law(), 3.0);
        let zero = law.flowed(&DVector::zeros(3), sigma);
        let map =
            DMatrix::from_columns(&[0, 1, 2].map(|i| {
                law.flowed(&DVector::from_fn(3, |j, _| f64::from(u8::from(i == j))), sigma) - &zero
            }));
        let carried = &map * law.noised(sigma).unwrap().covariance() * map.transpose();
        assert_relative_eq!(carried, law.covariance().clone(), epsilon = 1e-13);
        assert_relative_eq!(law.flowed(law.mean(), sigma), law.mean().clone(), epsilon = 1e-14);
    }

    #[test]
    fn what_is_no_law_is_said_so() {
        assert!(Gaussian::isotropic(DVector::zeros(2), 0.0).is_err());
        assert!(Gaussian::new(DVector::zeros(2), DMatrix::identity(3, 3)).is_err());
        assert!(law().marginal(&[3]).is_err());
        assert!(law().conditioned(&[0], &[1.0, 2.0]).is_err());
        assert!(law().tilted(-10.0, &LinearForm::new([(0, 1.0)], 0.0), 1.0).is_err());
    }
}
