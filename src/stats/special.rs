//! Special functions and quantiles.

use crate::kernel::math::{exp, lgamma, ln, ln_1p};

/// Terms of the continued fraction at most.
const TERMS: u32 = 10_000;

/// Natural logarithm of the regularised incomplete beta function I_x(a, b), 0 < x < 1, by the
/// continued fraction, which converges fast where x < (a + 1)/(a + b + 2); elsewhere by
/// I_x(a, b) = 1 − I_(1−x)(b, a).
fn ln_beta_regularized(a: f64, b: f64, x: f64, complement: f64) -> f64 {
    if x <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if complement <= 0.0 {
        return 0.0;
    }
    let ln_front = a * ln(x) + b * ln(complement) - (lgamma(a) + lgamma(b) - lgamma(a + b));
    if x < (a + 1.0) / (a + b + 2.0) {
        ln_front - ln(a) + ln(fraction(a, b, x))
    } else {
        ln_1p(-exp(ln_front - ln(b) + ln(fraction(b, a, complement))))
    }
}

/// Lentz's evaluation of the continued fraction of the incomplete beta function.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    let guarded = |v: f64| if v.abs() < f64::MIN_POSITIVE { f64::MIN_POSITIVE } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / guarded(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for m in 1..TERMS {
        let m = f64::from(m);
        for coefficient in [
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        ] {
            d = 1.0 / guarded(1.0 + coefficient * d);
            c = guarded(1.0 + coefficient / c);
            value *= c * d;
        }
        if (c * d - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    value
}

/// Natural logarithm of Student's distribution function with `freedom` > 0 degrees of freedom.
#[must_use]
pub fn student_ln_cdf(t: f64, freedom: f64) -> f64 {
    let square = t * t;
    let (x, complement) = (freedom / (freedom + square), square / (freedom + square));
    let ln_tail = ln_beta_regularized(0.5 * freedom, 0.5, x, complement) - std::f64::consts::LN_2;
    if t <= 0.0 { ln_tail } else { ln_1p(-exp(ln_tail)) }
}
