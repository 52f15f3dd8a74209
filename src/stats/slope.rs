//! Slopes on logarithmic axes: the exponent of a power law.
//!
//! For sizes x₁ < … < x_k and positive values y₁ … y_k the least-squares line of ln y over ln x has
//! the slope
//!
//! ```text
//! b = Σᵢ (ln xᵢ − m) ln yᵢ / Σᵢ (ln xᵢ − m)²,    m = (1/k) Σᵢ ln xᵢ,
//! ```
//!
//! so y = a·x^c has slope c exactly, whatever the sizes.

use crate::kernel::math::{ln, mean, sum};

/// What makes a slope impossible.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SlopeError {
    /// A logarithm is taken of each number.
    #[error("a log-log slope needs positive numbers, found {0}")]
    NotPositive(f64),
    /// A line needs two different sizes, and a value for each size.
    #[error("a slope needs at least two different sizes and a value for each, found {sizes} and {values}")]
    TooFew {
        /// Number of different sizes.
        sizes: usize,
        /// Number of values.
        values: usize,
    },
}

/// The weights w of the slope b = Σᵢ wᵢ ln yᵢ; they add up to zero.
///
/// # Errors
/// [`SlopeError`] for sizes that are not positive, or all equal.
pub fn log_log_weights(x: &[f64]) -> Result<Vec<f64>, SlopeError> {
    let log_x = logarithms(x)?;
    let centre = mean(&log_x);
    let spread = sum(log_x.iter().map(|u| (u - centre) * (u - centre)));
    if log_x.iter().all(|u| *u == log_x[0]) {
        return Err(SlopeError::TooFew { sizes: x.len().min(1), values: x.len() });
    }
    Ok(log_x.iter().map(|u| (u - centre) / spread).collect())
}

/// Least-squares slope of ln y over ln x.
///
/// # Errors
/// [`SlopeError`] for numbers that are not positive, fewer than two different sizes, or another
/// number of values than of sizes.
pub fn log_log_slope(x: &[f64], y: &[f64]) -> Result<f64, SlopeError> {
    if x.len() != y.len() {
        return Err(SlopeError::TooFew { sizes: x.len(), values: y.len() });
    }
    let log_y = logarithms(y)?;
    Ok(sum(log_log_weights(x)?.iter().zip(&log_y).map(|(w, v)| w * v)))
}

fn logarithms(numbers: &[f64]) -> Result<Vec<f64>, SlopeError> {
    let logarithm = |v: &f64| {
        if *v > 0.0 && v.is_finite() { Ok(ln(*v)) } else { Err(SlopeError::NotPositive(*v)) }
    };
    numbers.iter().map(logarithm).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_laws_have_their_exponent_as_slope() {
        let x = [10.0, 100.0, 1000.0];
        assert!((log_log_slope(&x, &[3.0, 30.0, 300.0]).unwrap() - 1.0).abs() < 1e-14);
        assert!((log_log_slope(&x, &[2.0, 2.0, 2.0]).unwrap()).abs() < 1e-14);
        assert_eq!(log_log_slope(&x, &[1.0, 0.0, 1.0]), Err(SlopeError::NotPositive(0.0)));
        assert!(matches!(log_log_slope(&x, &[1.0, 1.0]), Err(SlopeError::TooFew { .. })));
        assert!(matches!(log_log_slope(&[2.0, 2.0], &[1.0, 3.0]), Err(SlopeError::TooFew { .. })));
    }
}
