//! Slopes on logarithmic axes: the exponent of a power law.
//!
//! For sizes x₁ < … < x_k and positive values y₁ … y_k the least-squares line of ln y over ln x has
//! the slope
//!
//! ```text
//! b = Σᵢ (ln xᵢ − m) ln yᵢ / Σᵢ (ln xᵢ − m)²,    m = (1/k) Σᵢ ln xᵢ,
//! ```
//!
//! so y = a·x^c has slope c exactly, whatever the sizes. If ln y = ln a + c ln x + ε with independent
//! ε ~ N(0, σ²), then (b − c)/se has Student's distribution with k − 2 degrees of freedom, where
//! se² = Σᵢ rᵢ² / (k − 2) / Σᵢ (ln xᵢ − m)² and r are the residuals: the interval b ± t·se. Where a
//! curve bends, as before an asymptote, the residuals are no noise and the interval is too narrow;
//! repeat the fit over replicates instead, as the checks do.

use super::{
    sample::{StatsError, level as hold_level},
    special::student_quantile,
};
use crate::kernel::math::{dot, ln, mean, slope_weights, sum};

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
    if log_x.iter().all(|u| *u == log_x[0]) {
        return Err(SlopeError::TooFew { sizes: x.len().min(1), values: x.len() });
    }
    Ok(slope_weights(&log_x))
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
    Ok(dot(&log_log_weights(x)?, &log_y))
}

/// A line through logarithms, with its error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogLogFit {
    /// Exponent of the power law.
    pub slope: f64,
    /// ln of its factor.
    pub intercept: f64,
    /// Standard error of the slope.
    pub standard_error: f64,
    /// Degrees of freedom of the error: sizes less two.
    pub freedom: f64,
}

impl LogLogFit {
    /// Fits ln y over ln x.
    ///
    /// # Errors
    /// [`SlopeError`] as for [`log_log_slope`], and for fewer than three sizes.
    pub fn of(x: &[f64], y: &[f64]) -> Result<Self, SlopeError> {
        let slope = log_log_slope(x, y)?;
        if x.len() < 3 {
            return Err(SlopeError::TooFew { sizes: x.len(), values: y.len() });
        }
        let (log_x, log_y) = (logarithms(x)?, logarithms(y)?);
        let centre = mean(&log_x);
        let intercept = mean(&log_y) - slope * centre;
        let residuals = sum(log_x.iter().zip(&log_y).map(|(u, v)| {
            let residual = v - intercept - slope * u;
            residual * residual
        }));
        let spread = sum(log_x.iter().map(|u| (u - centre) * (u - centre)));
        let freedom = x.len() as f64 - 2.0;
        Ok(Self { slope, intercept, standard_error: (residuals / freedom / spread).sqrt(), freedom })
    }

    /// Interval of the exponent with confidence 1 − `level`.
    ///
    /// # Errors
    /// [`StatsError::Level`] unless 0 < level < 1.
    pub fn interval(&self, level: f64) -> Result<(f64, f64), StatsError> {
        hold_level(level)?;
        let reach = self.standard_error * student_quantile(1.0 - 0.5 * level, self.freedom)?;
        Ok((self.slope - reach, self.slope + reach))
    }
}

fn logarithms(numbers: &[f64]) -> Result<Vec<f64>, SlopeError> {
    let logarithm = |v: &f64| {
        if *v > 0.0 && v.is_finite() { Ok(ln(*v)) } else { Err(SlopeError::NotPositive(*v)) }
    };
    numbers.iter().map(logarithm).collect()
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_known_fit() {
        // ln x = 0, 1, 2 and ln y = 0, 2, 2: slope 1, intercept 1/3, residuals −1/3, 2/3, −1/3.
        let e = std::f64::consts::E;
        let fit = LogLogFit::of(&[1.0, e, e * e], &[1.0, e * e, e * e]).unwrap();
        assert_relative_eq!(fit.slope, 1.0, max_relative = 1e-14);
        assert_relative_eq!(fit.intercept, 1.0 / 3.0, max_relative = 1e-14);
        assert_relative_eq!(fit.standard_error, (1.0_f64 / 3.0).sqrt(), max_relative = 1e-13);
        let (low, high) = fit.interval(0.05).unwrap();
        assert_relative_eq!(high - low, 2.0 * 12.706_204_736_174_705 / 3_f64.sqrt(), max_relative = 1e-9);
        assert!(fit.interval(0.0).is_err());
        assert!(matches!(LogLogFit::of(&[1.0, 2.0], &[1.0, 2.0]), Err(SlopeError::TooFew { .. })));
    }

    fn curve() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
        prop::collection::vec((0.1..9.0, 0.1..9.0), 3..9).prop_map(|points| points.into_iter().unzip())
    }

    proptest! {
        #[test]
        fn units_do_not_matter((x, y) in curve(), scale in 0.1..10.0) {
            if let (Ok(one), scaled) = (log_log_slope(&x, &y), y.iter().map(|v| scale * v).collect::<Vec<_>>()) {
                prop_assert!((one - log_log_slope(&x, &scaled).unwrap()).abs() < 1e-6 * (1.0 + one.abs()));
            }
        }

        #[test]
        fn multiplying_by_a_power_adds_its_exponent((x, y) in curve(), c in -2.0..2.0) {
            let bent: Vec<f64> = x.iter().zip(&y).map(|(x, y)| y * x.powf(c)).collect();
            if let Ok(one) = log_log_slope(&x, &y) {
                prop_assert!((one + c - log_log_slope(&x, &bent).unwrap()).abs() < 1e-6 * (1.0 + one.abs()));
            }
        }
    }

    #[test]
    fn power_laws_have_their_exponent_as_slope() {
        let x = [10.0, 100.0, 1000.0];
        assert!((log_log_slope(&x, &[3.0, 30.0, 300.0]).unwrap() - 1.0).abs() < 1e-14);
        assert!((log_log_slope(&x, &[2.0, 2.0, 2.0]).unwrap()).abs() < 1e-14);
        assert_eq!(log_log_slope(&x, &[1.0, 0.0, 1.0]), Err(SlopeError::NotPositive(0.0)));
        assert!(matches!(log_log_slope(&x, &[1.0, 1.0]), Err(SlopeError::TooFew { .. })));
        assert!(matches!(log_log_slope(&[2.0, 2.0], &[1.0, 3.0]), Err(SlopeError::TooFew { .. })));
    }

    #[test]
    fn a_known_fit_of_four_sizes() {
        // ln x = 1 … 4 and ln y = 1.5, 3.5, 2.5, 5.5: slope 1.1, intercept 0.5, residuals −0.1, 0.8,
        // −1.3, 0.6, whose squares add up to 2.7.
        let powers = |logarithms: [f64; 4]| logarithms.map(f64::exp);
        let fit = LogLogFit::of(&powers([1.0, 2.0, 3.0, 4.0]), &powers([1.5, 3.5, 2.5, 5.5])).unwrap();
        assert_relative_eq!(fit.slope, 1.1, max_relative = 1e-13);
        assert_relative_eq!(fit.intercept, 0.5, max_relative = 1e-12);
        assert_relative_eq!(fit.standard_error, (2.7_f64 / 2.0 / 5.0).sqrt(), max_relative = 1e-12);
        assert_eq!(fit.freedom, 2.0);
    }
}
