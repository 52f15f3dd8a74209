//! Gaussian processes: regression with a squared-exponential covariance, and expected improvement.
//!
//! A function f has a Gaussian-process prior with mean zero and covariance k, and is seen at points
//! x₁ … x_n through yᵢ = f(xᵢ) + εᵢ, εᵢ ~ N(0, s). With K = \[k(xᵢ, xⱼ)\] + s I:
//!
//! | quantity | definition | here |
//! |---|---|---|
//! | covariance k(x, x′) | v exp(−‖x − x′‖²/(2ℓ²)) | [`SquaredExponential`] |
//! | posterior mean at x | c(x)ᵀ K⁻¹ y, c(x)ᵢ = k(x, xᵢ) | [`Regression::predict`] |
//! | posterior variance at x | k(x, x) − c(x)ᵀ K⁻¹ c(x) | [`Regression::predict`] |
//! | the same of a linear functional Lf | c = Cov(Lf, f(xᵢ)) and Var(Lf) in place of c(x) and k(x, x) | [`Regression::functional`] |
//! | evidence ln p(y) | −½ (yᵀK⁻¹y + ln det K + n ln 2π) | [`Regression::log_evidence`] |
//! | expected improvement over b | E max(f(x) − b, 0) | [`expected_improvement`] |
//!
//! A linear functional is an integral, say: with c = ∫ k(x, xᵢ) p(x) dx the posterior of ∫ f(x) p(x) dx is
//! Bayesian quadrature. Where the covariances are not those of a squared exponential, or several integrals are
//! asked for, [`Quadrature`] starts from the matrix of covariances; a [`Dictionary`] makes it sparse, and a
//! [`TemporalModel`] sees the function through the rewards of a decision process, [`OnlineTemporal`] one step at
//! a time. Where the points come from a fixed list, as in Bayesian optimisation over a grid,
//! [`Pool`] updates the predictions of all of them with every observation. Source: Rasmussen and Williams,
//! Gaussian Processes for Machine Learning (2006), algorithm 2.1.

mod improvement;
mod online;
mod pool;
mod quadrature;
mod regression;
mod sparse;
mod temporal;

pub use improvement::expected_improvement;
pub use online::{Features, OnlineTemporal};
pub use pool::Pool;
pub use quadrature::Quadrature;
pub use regression::{Prediction, Regression};
pub use sparse::Dictionary;
pub use temporal::{TemporalModel, TemporalNoise, TemporalPosterior, Transition};

use nalgebra::DMatrix;

use super::{
    exponential::together,
    math::{add, exp, sum},
    wide::{LANES, Level, Simd, SimdBase, dispatch, f64x8},
};

/// Why there is no posterior.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum GpError {
    /// A variance or a length scale is not positive.
    #[error("the {what} is {found}, expected a positive number")]
    NotPositive {
        /// What it is.
        what: &'static str,
        /// What was given.
        found: f64,
    },
    /// Points of different dimensions, or another number of values than of points.
    #[error("expected {expected} {what}, found {found}")]
    Shape {
        /// What is counted.
        what: &'static str,
        /// As many as needed.
        expected: usize,
        /// As many as given.
        found: usize,
    },
    /// A coordinate or a value is not finite.
    #[error("points and values must be finite")]
    NotFinite,
    /// A discount outside \[0, 1\].
    #[error("the discount is {0}, expected a number from 0 to 1")]
    Discount(f64),
    /// The covariance of the observations has no Cholesky factor: points coincide, or nearly, and the
    /// noise is too small to tell them apart.
    #[error("the covariance of the observations is not positive definite; give more noise")]
    NotPositiveDefinite,
}

/// k(x, x′) = v exp(−‖x − x′‖²/(2ℓ²)): smooth functions that vary by √v over distances of ℓ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SquaredExponential {
    variance: f64,
    length_scale: f64,
}

impl SquaredExponential {
    /// The covariance with v and ℓ, both positive.
    ///
    /// # Errors
    /// [`GpError::NotPositive`].
    pub fn new(variance: f64, length_scale: f64) -> Result<Self, GpError> {
        for (what, found) in [("variance", variance), ("length scale", length_scale)] {
            if !(found > 0.0 && found.is_finite()) {
                return Err(GpError::NotPositive { what, found });
            }
        }
        Ok(Self { variance, length_scale })
    }

    /// v = k(x, x).
    #[must_use]
    pub fn variance(&self) -> f64 {
        self.variance
    }

    /// k(x, x′) of two points of one dimension.
    #[must_use]
    pub fn at(&self, x: &[f64], y: &[f64]) -> f64 {
        self.variance * exp(self.exponent(x, y))
    }

    /// k(x, xᵢ) of a point with others, into `row`: the bits of [`Self::at`], several at a time.
    pub fn row<'a>(&self, x: &[f64], others: impl IntoIterator<Item = &'a [f64]>, row: &mut Vec<f64>) {
        self.row_at(Level::new(), x, others.into_iter(), row);
    }

    fn row_at<'a>(
        &self,
        level: Level,
        x: &[f64],
        others: impl Iterator<Item = &'a [f64]>,
        row: &mut Vec<f64>,
    ) {
        row.clear();
        dispatch!(level, simd => self.row_inlined(simd, x, others, row));
    }

    #[inline(always)]
    fn row_inlined<'a, S: Simd>(
        &self,
        simd: S,
        x: &[f64],
        mut others: impl Iterator<Item = &'a [f64]>,
        row: &mut Vec<f64>,
    ) {
        loop {
            let (mut taken, mut count) = ([x; LANES], 0);
            for (slot, other) in taken.iter_mut().zip(&mut others) {
                *slot = other;
                count += 1;
            }
            if count == 0 {
                break;
            }
            let mut chunk = self.exponents(simd, x, &taken);
            together(simd, &mut chunk);
            for k in &mut chunk {
                *k *= self.variance;
            }
            row.extend_from_slice(&chunk[..count]);
        }
    }

    /// [`Self::exponent`] of a point with several others.
    #[inline(always)]
    fn exponents<S: Simd>(&self, simd: S, x: &[f64], others: &[&[f64]; LANES]) -> [f64; LANES] {
        let mut exponents = [0.0; LANES];
        if others.iter().any(|other| other.len() < x.len()) {
            exponents
                .iter_mut()
                .zip(others)
                .for_each(|(exponent, other)| *exponent = self.exponent(x, other));
            return exponents;
        }
        let (mut total, mut correction) = (f64x8::splat(simd, 0.0), f64x8::splat(simd, 0.0));
        for (d, coordinate) in x.iter().enumerate() {
            let mut coordinates = [0.0; LANES];
            coordinates.iter_mut().zip(others).for_each(|(coordinate, other)| *coordinate = other[d]);
            let difference = f64x8::splat(simd, *coordinate) - f64x8::from_slice(simd, &coordinates);
            add(&mut total, &mut correction, difference * difference);
        }
        let scale = f64x8::splat(simd, self.length_scale * self.length_scale);
        ((total + correction) * -0.5 / scale).store_slice(&mut exponents);
        exponents
    }

    fn exponent(&self, x: &[f64], y: &[f64]) -> f64 {
        let square = sum(x.iter().zip(y).map(|(a, b)| (a - b) * (a - b)));
        -0.5 * square / (self.length_scale * self.length_scale)
    }
}

/// Holds the variance of the noise to be a number of at least 0.
fn hold_noise(noise: f64) -> Result<(), GpError> {
    if noise >= 0.0 && noise.is_finite() {
        return Ok(());
    }
    Err(GpError::NotPositive { what: "noise", found: noise })
}

/// Holds a count to what is needed.
fn hold_size(what: &'static str, expected: usize, found: usize) -> Result<(), GpError> {
    if expected == found { Ok(()) } else { Err(GpError::Shape { what, expected, found }) }
}

/// Holds the entries of a matrix to be finite.
fn hold_finite(matrix: &DMatrix<f64>) -> Result<(), GpError> {
    if matrix.iter().all(|x| x.is_finite()) { Ok(()) } else { Err(GpError::NotFinite) }
}

/// Holds points to one dimension, and their coordinates to be finite.
fn hold_points(points: &[Vec<f64>]) -> Result<(), GpError> {
    let expected = points.first().map_or(0, Vec::len);
    if let Some(other) = points.iter().find(|x| x.len() != expected) {
        return Err(GpError::Shape { what: "coordinates", expected, found: other.len() });
    }
    if points.iter().flatten().any(|c| !c.is_finite()) {
        return Err(GpError::NotFinite);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::wide::levels;
    use approx::assert_relative_eq;

    #[test]
    fn a_row_has_the_bits_of_its_entries() {
        let k = SquaredExponential::new(1.7, 0.3).unwrap();
        // Ragged ends, and points that lack a coordinate.
        for (count, least) in [(0, 2), (1, 2), (7, 2), (8, 2), (19, 2), (19, 1)] {
            let point = |i: i32| vec![f64::from(i) / 7.0, f64::from(i * i) / 50.0, 0.1];
            let mut points: Vec<Vec<f64>> = (0..count).map(point).collect();
            points.iter_mut().skip(3).for_each(|p| p.truncate(least));
            let x = [0.3, -0.2];
            for (name, level) in levels() {
                let mut row = vec![5.0];
                k.row_at(level, &x, points.iter().map(Vec::as_slice), &mut row);
                assert_eq!(row, points.iter().map(|p| k.at(&x, p)).collect::<Vec<_>>(), "{name}");
            }
        }
    }

    #[test]
    fn covariance_falls_with_distance() {
        let k = SquaredExponential::new(2.0, 0.5).unwrap();
        assert_eq!(k.at(&[1.0, 2.0], &[1.0, 2.0]), 2.0);
        // ‖x − y‖² = 0.25 is one squared length scale: 2 e^(−1/2).
        assert_relative_eq!(k.at(&[0.3, 0.4], &[0.0, 0.0]), 2.0 * (-0.5_f64).exp(), epsilon = 1e-15);
        assert!(SquaredExponential::new(0.0, 1.0).is_err());
        assert!(SquaredExponential::new(1.0, f64::NAN).is_err());
    }
}
