//! Portable elementary functions and ordered reductions.
//!
//! The standard library's transcendental functions differ between platforms in their last bits,
//! so every result that may reach a verdict uses the functions of this module, which forward to
//! the `libm` crate. `f64::sqrt`, `abs`, `floor`, `min` and `max` are exact under IEEE 754 and may
//! be used directly; `f64::powi` may not (its expansion depends on the optimiser), see [`powi`].

pub use libm::{cos, erf, exp, expm1, lgamma, log as ln, log1p as ln_1p, log2, log10, pow, sin, tanh};

/// Integer power by repeated squaring in a fixed order; `powi(x, 0) = 1` also for `x = 0`.
#[must_use]
pub fn powi(x: f64, n: u32) -> f64 {
    let (mut base, mut exponent, mut result) = (x, n, 1.0);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result *= base;
        }
        base *= base;
        exponent >>= 1;
    }
    result
}

/// Logistic function 1 / (1 + e^(−x)), safe for arguments of any size.
#[must_use]
pub fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + exp(-x))
    } else {
        let e = exp(x);
        e / (1.0 + e)
    }
}

/// Softplus ln(1 + e^x), safe for arguments of any size.
#[must_use]
pub fn softplus(x: f64) -> f64 {
    x.max(0.0) + ln_1p(exp(-x.abs()))
}

/// ln Σ exp(xᵢ), with the maximum subtracted first; −∞ for an empty slice.
#[must_use]
pub fn log_sum_exp(x: &[f64]) -> f64 {
    let top = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if top.is_finite() { top + ln(sum(x.iter().map(|v| exp(v - top)))) } else { top }
}

/// Softmax of a row of logits: exp(xᵢ) / Σ exp(xⱼ), with the maximum subtracted first.
#[must_use]
pub fn softmax(x: &[f64]) -> Vec<f64> {
    let mut row = vec![0.0; x.len()];
    softmax_into(x, &mut row);
    row
}

/// [`softmax`] without allocation: writes the probabilities of the logits `x` over `row`, which is
/// as long, and returns ln Σ exp(xⱼ), so that ln row\[i\] = x\[i\] − (the result) even where
/// row\[i\] underflows.
pub fn softmax_into(x: &[f64], row: &mut [f64]) -> f64 {
    let top = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for (p, v) in row.iter_mut().zip(x) {
        *p = exp(v - top);
    }
    let total = sum(row.iter().copied());
    for p in row {
        *p /= total;
    }
    top + ln(total)
}

/// Standard normal distribution function Φ(x) = erfc(−x/√2)/2.
#[must_use]
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// Sum from left to right with Neumaier's compensation: the error does not grow with the number
/// of terms. Source: Neumaier, ZAMM 54 (1974), algorithm IV.
#[must_use]
pub fn sum(terms: impl IntoIterator<Item = f64>) -> f64 {
    let (mut total, mut correction) = (0.0_f64, 0.0_f64);
    for x in terms {
        let t = total + x;
        correction += if total.abs() >= x.abs() { (total - t) + x } else { (x - t) + total };
        total = t;
    }
    total + correction
}

/// Inner product Σ xᵢ yᵢ over the common length, summed by [`sum`].
#[must_use]
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    sum(x.iter().zip(y).map(|(a, b)| a * b))
}

/// Arithmetic mean; NaN for an empty slice.
#[must_use]
pub fn mean(x: &[f64]) -> f64 {
    sum(x.iter().copied()) / x.len() as f64
}

/// Variance with divisor `n − ddof`: `ddof = 0` for a population, 1 for a sample.
#[must_use]
pub fn variance(x: &[f64], ddof: usize) -> f64 {
    let m = mean(x);
    sum(x.iter().map(|v| (v - m) * (v - m))) / (x.len() as f64 - ddof as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn powi_agrees_with_repeated_multiplication() {
        assert_relative_eq!(powi(1.5, 5), 1.5 * 1.5 * 1.5 * 1.5 * 1.5);
        assert_relative_eq!(powi(0.0, 0), 1.0);
    }

    #[test]
    fn sigmoid_is_safe_and_symmetric() {
        assert_relative_eq!(sigmoid(-800.0), 0.0);
        assert_relative_eq!(sigmoid(800.0), 1.0);
        assert_relative_eq!(sigmoid(0.3) + sigmoid(-0.3), 1.0, epsilon = 1e-16);
    }

    #[test]
    fn compensated_sum_keeps_small_terms() {
        assert_relative_eq!(sum([1.0, 1e100, 1.0, -1e100]), 2.0);
    }

    #[test]
    fn softmax_of_a_shifted_row_is_the_same() {
        let a = softmax(&[1.0, 2.0, 3.0]);
        let b = softmax(&[1001.0, 1002.0, 1003.0]);
        for (x, y) in a.iter().zip(&b) {
            assert_relative_eq!(x, y, epsilon = 1e-15);
        }
    }
}
