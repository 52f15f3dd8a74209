//! Special functions, and quantiles that are held to the identity cdf(quantile(p)) = p.
//!
//! Distribution functions are computed here, with the portable elementary functions of the kernel,
//! because they reach verdicts. Their logarithms are exact far into the tails. Quantiles come from
//! statrs as a proposal: it is accepted if it inverts the distribution function to a relative
//! 10⁻¹⁰ of the smaller tail, and replaced by a bisection otherwise. (Where parameters are extreme,
//! statrs' incomplete beta function stops before it has converged, and its inverse may not stop at
//! all; it is not asked there.) An accepted proposal may differ between platforms within that
//! tolerance, so no verdict is made of quantiles.

use std::f64::consts::{LN_2, PI};

use statrs::function::{beta::inv_beta_reg, erf::erfc_inv};

use crate::kernel::math::{exp, lgamma, ln, ln_1p, normal_cdf};

/// Terms of the continued fraction at most; about √max(a, b) are needed.
const TERMS: u32 = 100_000;
/// Relative error of a tail probability at which a proposed quantile is accepted.
const ACCEPTED: f64 = 1e-10;
/// Parameters of the incomplete beta function for which statrs is asked.
const MODERATE: std::ops::RangeInclusive<f64> = 0.1..=1e4;
/// |t|/√ν beyond which Student's tail is a power to all digits.
const FAR: f64 = 1e20;
/// 1 − x beyond which it has too few digits to tell a quantile x.
const CLOSE_TO_ONE: f64 = 0.9;
/// Smallest tail for which statrs is asked.
const SMALLEST_TAIL: f64 = 1e-12;

/// Why a special function has no value.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SpecialError {
    /// An argument outside the domain.
    #[error("{function} is not defined for {argument} = {value}")]
    Domain {
        /// The function.
        function: &'static str,
        /// The argument.
        argument: &'static str,
        /// Its value.
        value: f64,
    },
    /// The computation did not converge.
    #[error("{function} did not converge")]
    NoConvergence {
        /// The function.
        function: &'static str,
    },
}

/// ln I_x(a, b), the logarithm of the distribution function of Beta(a, b) at x: a, b > 0, x in
/// \[0, 1\].
///
/// # Errors
/// [`SpecialError`].
pub fn ln_beta_cdf(x: f64, a: f64, b: f64) -> Result<f64, SpecialError> {
    let function = "the beta distribution";
    positive(function, "a", a)?;
    positive(function, "b", b)?;
    within(function, "x", x, 0.0..=1.0)?;
    ln_incomplete(a, b, x, 1.0 - x)
}

/// I_x(a, b), the distribution function of Beta(a, b) at x: a, b > 0, x in \[0, 1\].
///
/// # Errors
/// [`SpecialError`].
pub fn beta_cdf(x: f64, a: f64, b: f64) -> Result<f64, SpecialError> {
    ln_beta_cdf(x, a, b).map(exp)
}

/// The x with I_x(a, b) = p: a, b > 0, p in \[0, 1\]. An x below the smallest normal number is returned
/// as that number.
///
/// # Errors
/// [`SpecialError`].
///
/// ```
/// use corroborate::stats::special::{beta_cdf, beta_quantile};
/// let x = beta_quantile(0.025, 3.0, 8.0)?;
/// assert!((beta_cdf(x, 3.0, 8.0)? - 0.025).abs() < 1e-11);
/// # Ok::<(), corroborate::stats::special::SpecialError>(())
/// ```
pub fn beta_quantile(p: f64, a: f64, b: f64) -> Result<f64, SpecialError> {
    let function = "the quantile of the beta distribution";
    positive(function, "a", a)?;
    positive(function, "b", b)?;
    within(function, "p", p, 0.0..=1.0)?;
    if p == 0.0 || p == 1.0 {
        return Ok(p);
    }
    if p > 0.5 {
        let rest = beta_quantile(1.0 - p, b, a)?;
        if rest <= CLOSE_TO_ONE {
            return Ok(1.0 - rest);
        }
        // What is left of 1 has fewer digits than x, which solves for the upper tail itself.
        return rising_root(1.0, |x| Ok(ln(1.0 - p) - ln_incomplete(b, a, 1.0 - x, x)?));
    }
    let ln_p = ln(p);
    if MODERATE.contains(&a) && MODERATE.contains(&b) && p >= SMALLEST_TAIL {
        let proposed = inv_beta_reg(a, b, p);
        if (0.0..=1.0).contains(&proposed) && agrees(ln_beta_cdf(proposed, a, b)?, ln_p) {
            return Ok(proposed);
        }
    }
    rising_root(1.0, |x| Ok(ln_beta_cdf(x, a, b)? - ln_p))
}

/// Logarithm of Student's distribution function at t, with `freedom` > 0 degrees of freedom.
///
/// # Errors
/// [`SpecialError`].
pub fn student_ln_cdf(t: f64, freedom: f64) -> Result<f64, SpecialError> {
    let function = "Student's distribution";
    positive(function, "the degrees of freedom", freedom)?;
    within(function, "t", t, f64::NEG_INFINITY..=f64::INFINITY)?;
    // x = ν/(ν + t²), the probability of the tail beyond |t| being I_x(ν/2, 1/2)/2.
    let ratio = t.abs() / freedom.sqrt();
    if ratio > FAR {
        // x would underflow; I_x(ν/2, 1/2) = x^(ν/2) / (ν/2 · B(ν/2, 1/2)) to all digits.
        let ln_beta = lgamma(0.5 * freedom) + lgamma(0.5) - lgamma(0.5 * freedom + 0.5);
        let ln_tail = -freedom * ln(ratio) - ln(0.5 * freedom) - ln_beta - LN_2;
        return Ok(if t <= 0.0 { ln_tail } else { ln_1p(-exp(ln_tail)) });
    }
    let (x, complement) = if ratio > 1.0 {
        let inverse = 1.0 / ratio;
        let x = inverse * inverse / (1.0 + inverse * inverse);
        (x, 1.0 - x)
    } else {
        let complement = ratio * ratio / (1.0 + ratio * ratio);
        (1.0 - complement, complement)
    };
    let ln_tail = ln_incomplete(0.5 * freedom, 0.5, x, complement)? - LN_2;
    Ok(if t <= 0.0 { ln_tail } else { ln_1p(-exp(ln_tail)) })
}

/// Student's distribution function at t, with `freedom` > 0 degrees of freedom.
///
/// # Errors
/// [`SpecialError`].
pub fn student_cdf(t: f64, freedom: f64) -> Result<f64, SpecialError> {
    student_ln_cdf(t, freedom).map(exp)
}

/// The t at which Student's distribution function is p, 0 < p < 1, with `freedom` ≥ 1 degrees of
/// freedom (fewer would put it beyond the largest number).
///
/// # Errors
/// [`SpecialError`].
pub fn student_quantile(p: f64, freedom: f64) -> Result<f64, SpecialError> {
    let function = "the quantile of Student's distribution";
    within(function, "the degrees of freedom", freedom, 1.0..=f64::MAX)?;
    inside(function, p)?;
    let (tail, sign) = if p < 0.5 { (p, -1.0) } else { (1.0 - p, 1.0) };
    if tail == 0.5 {
        return Ok(0.0);
    }
    let ln_tail = ln(tail);
    if MODERATE.contains(&freedom) && tail >= SMALLEST_TAIL {
        let x = inv_beta_reg(0.5 * freedom, 0.5, 2.0 * tail);
        let proposed = (freedom * (1.0 - x) / x).sqrt();
        if proposed.is_finite() && agrees(student_ln_cdf(-proposed, freedom)?, ln_tail) {
            return Ok(sign * proposed);
        }
    }
    let distance = rising_root(f64::MAX, |t| Ok(ln_tail - student_ln_cdf(-t, freedom)?))?;
    Ok(sign * distance)
}

/// The z at which the standard normal distribution function is p, 0 < p < 1.
///
/// # Errors
/// [`SpecialError`].
pub fn normal_quantile(p: f64) -> Result<f64, SpecialError> {
    inside("the quantile of the normal distribution", p)?;
    let (tail, sign) = if p < 0.5 { (p, -1.0) } else { (1.0 - p, 1.0) };
    let proposed = std::f64::consts::SQRT_2 * erfc_inv(2.0 * tail);
    if agrees(ln(normal_cdf(-proposed)), ln(tail)) {
        return Ok(sign * proposed);
    }
    Ok(sign * rising_root(40.0, |z| Ok(tail - normal_cdf(-z)))?)
}

/// P(X ≥ k) for X ~ Binomial(n, p), which is I_p(k, n − k + 1): p in \[0, 1\].
///
/// # Errors
/// [`SpecialError`].
pub fn binomial_tail(k: u64, n: u64, p: f64) -> Result<f64, SpecialError> {
    within("the binomial distribution", "p", p, 0.0..=1.0)?;
    match k {
        0 => Ok(1.0),
        k if k > n => Ok(0.0),
        k => beta_cdf(p, k as f64, (n - k) as f64 + 1.0),
    }
}

/// ln I_x(a, b) with the complement 1 − x given, by the continued fraction where it converges fast,
/// x < (a + 1)/(a + b + 2), and by I_x(a, b) = 1 − I_(1−x)(b, a) elsewhere.
///
/// Source: Didonato and Morris, ACM Transactions on Mathematical Software 18 (1992), algorithm
/// 708, for the scaled front factor; Lentz's evaluation of DLMF 8.17.22.
fn ln_incomplete(a: f64, b: f64, x: f64, complement: f64) -> Result<f64, SpecialError> {
    if x <= 0.0 {
        return Ok(f64::NEG_INFINITY);
    }
    if complement <= 0.0 {
        return Ok(0.0);
    }
    // ln(x^a (1 − x)^b / B(a, b)), around its maximum so that large a and b do not cancel.
    let (top, top_complement) = (a / (a + b), b / (a + b));
    let ln_front = a * ln_ratio(x, top)
        + b * ln_ratio(complement, top_complement)
        + 0.5 * ln(a * top_complement / (2.0 * PI))
        - (stirling_error(a) + stirling_error(b) - stirling_error(a + b));
    if x < (a + 1.0) / (a + b + 2.0) {
        Ok((ln_front - ln(a) + ln(fraction(a, b, x)?)).min(0.0))
    } else {
        let rest = exp(ln_front - ln(b) + ln(fraction(b, a, complement)?));
        Ok(ln_1p(-rest.min(1.0)))
    }
}

/// ln(x / y), without cancellation where the two are close.
fn ln_ratio(x: f64, y: f64) -> f64 {
    let excess = (x - y) / y;
    if excess.abs() < 0.5 { ln_1p(excess) } else { ln(x) - ln(y) }
}

/// What Stirling's formula leaves: ln Γ(z) − (z − ½) ln z + z − ½ ln 2π.
fn stirling_error(z: f64) -> f64 {
    if z < 15.0 {
        return lgamma(z) - (z - 0.5) * ln(z) + z - 0.5 * ln(2.0 * PI);
    }
    let w = 1.0 / (z * z);
    (1.0 / 12.0 - w * (1.0 / 360.0 - w * (1.0 / 1260.0 - w * (1.0 / 1680.0 - w / 1188.0)))) / z
}

/// The continued fraction of I_x(a, b) without its front factor x^a (1 − x)^b / (a B(a, b)).
fn fraction(a: f64, b: f64, x: f64) -> Result<f64, SpecialError> {
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
            return Ok(value);
        }
    }
    Err(SpecialError::NoConvergence { function: "the incomplete beta function" })
}

/// Whether a tail probability is the wanted one up to [`ACCEPTED`], both as logarithms.
fn agrees(ln_found: f64, ln_wanted: f64) -> bool {
    (ln_found - ln_wanted).abs() <= ACCEPTED
}

/// The root of a rising function on (0, `top`\], between neighbouring numbers; halves on a
/// logarithmic scale while the ends are far apart.
fn rising_root(top: f64, function: impl Fn(f64) -> Result<f64, SpecialError>) -> Result<f64, SpecialError> {
    let (mut low, mut high) = (f64::MIN_POSITIVE, top);
    loop {
        let middle = if high > 2.0 * low { low.sqrt() * high.sqrt() } else { 0.5 * low + 0.5 * high };
        if middle <= low || middle >= high {
            return Ok(high);
        }
        if function(middle)? < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
}

fn positive(function: &'static str, argument: &'static str, value: f64) -> Result<(), SpecialError> {
    if value > 0.0 && value.is_finite() {
        Ok(())
    } else {
        Err(SpecialError::Domain { function, argument, value })
    }
}

fn within(
    function: &'static str,
    argument: &'static str,
    value: f64,
    range: std::ops::RangeInclusive<f64>,
) -> Result<(), SpecialError> {
    if range.contains(&value) { Ok(()) } else { Err(SpecialError::Domain { function, argument, value }) }
}

fn inside(function: &'static str, p: f64) -> Result<(), SpecialError> {
    if 0.0 < p && p < 1.0 { Ok(()) } else { Err(SpecialError::Domain { function, argument: "p", value: p }) }
}

#[cfg(test)]
mod tests {
    use approx::{assert_abs_diff_eq, assert_relative_eq};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_values_of_the_incomplete_beta_function() {
        // Computed with mpmath, 40 digits.
        for (x, a, b, ln_value) in [
            (0.3, 2.0, 3.0, -1.054_691_101_610_181_6),
            (0.001, 0.5, 0.5, -3.905_293_616_969_037_5),
            (1e-10, 5.0, 7.0, -108.993_689_759_120_55),
            (0.5, 1000.0, 1000.0, -std::f64::consts::LN_2),
            (0.4, 1000.0, 1000.0, -43.943_720_073_971_28),
            (1e-300, 0.5, 3.0, -344.759_155_289_684_5),
            (0.01, 1e-3, 1e-3, -0.697_740_678_007_320_2),
            (0.25, 1e5, 3e5, -0.692_661_721_143_092_7),
            (0.2, 1e5, 3e5, -2_958.008_755_373_141),
            (0.251, 1e5, 3e5, -0.074_893_671_331_677_77),
            (0.9, 200.0, 0.5, -23.164_219_787_228_136),
        ] {
            assert_relative_eq!(ln_beta_cdf(x, a, b).unwrap(), ln_value, max_relative = 1e-11);
        }
        assert_relative_eq!(
            ln_beta_cdf(0.999, 30.0, 2.0).unwrap(),
            -4.562_077_659_616e-4,
            max_relative = 1e-9
        );
    }

    #[test]
    fn known_values_of_students_distribution() {
        for (t, freedom, ln_value) in [
            (-1.0, 1.0, -1.386_294_361_119_890_6),
            (2.0, 3.0, -0.072_208_375_984_267_75),
            (-40.0, 20.0, -46.368_147_221_016_4),
            (-5.0, 5.0, -6.188_765_907_812_509),
            (3.0, 1000.0, -0.001_384_312_240_330_470_6),
            (-1e10, 2.0, -46.744_849_040_440_86),
            (-0.5, 0.1, -0.813_598_517_992_577_8),
            (-30.0, 400.0, -239.463_535_246_198_53),
            // Cauchy's tail, 1/(π |t|).
            (-1e300, 1.0, -691.920_257_784_063_2),
        ] {
            assert_relative_eq!(student_ln_cdf(t, freedom).unwrap(), ln_value, max_relative = 1e-11);
        }
        assert_eq!(student_cdf(0.0, 7.0).unwrap(), 0.5);
        assert_eq!(student_cdf(f64::INFINITY, 7.0).unwrap(), 1.0);
        assert_eq!(student_ln_cdf(f64::NEG_INFINITY, 7.0).unwrap(), f64::NEG_INFINITY);
    }

    #[test]
    fn known_quantiles() {
        for (p, freedom, t) in [
            (0.975, 1.0, 12.706_204_736_174_705),
            (0.975, 4.0, 2.776_445_105_197_794_4),
            (0.995, 10.0, 3.169_272_672_616_951),
            (0.95, 99.0, 1.660_391_156_016_991),
        ] {
            assert_relative_eq!(student_quantile(p, freedom).unwrap(), t, max_relative = 1e-9);
        }
        for (p, z) in [
            (0.975, 1.959_963_984_540_054),
            (1e-10, -6.361_340_902_404_056),
            (1e-300, -37.047_096_299_361_2),
            (1e-310, -37.663_060_331_949_52),
            (0.499_999_99, -2.506_628_274_631e-8),
            (0.5, 0.0),
        ] {
            assert_relative_eq!(normal_quantile(p).unwrap(), z, max_relative = 1e-12);
        }
    }

    #[test]
    fn quantiles_hold_where_statrs_is_not_asked_or_not_believed() {
        for (p, a, b) in [(1e-200, 2.0, 3.0), (0.3, 0.05, 2.0), (0.01, 1e6, 2e6), (0.5, 1e-2, 1e5)] {
            let x = beta_quantile(p, a, b).unwrap();
            assert_relative_eq!(ln_beta_cdf(x, a, b).unwrap(), ln(p), max_relative = 1e-7);
        }
        for (p, freedom) in [(1e-200, 3.0), (1e-30, 1e7), (1e-300, 1.0)] {
            let t = student_quantile(p, freedom).unwrap();
            assert_relative_eq!(student_ln_cdf(t, freedom).unwrap(), ln(p), max_relative = 1e-9);
        }
    }

    #[test]
    fn statrs_is_not_asked_where_it_has_not_converged() {
        let (ours, theirs) =
            (beta_cdf(0.25, 1e6, 3e6).unwrap(), statrs::function::beta::beta_reg(1e6, 3e6, 0.25));
        assert_relative_eq!(ours, 0.500_076_776_480_681_6, epsilon = 1e-12);
        assert!((theirs - ours).abs() > 1e-3, "statrs converges here now: {theirs}");
        assert!(!MODERATE.contains(&1e6));
    }

    #[test]
    fn a_wrong_proposal_is_not_accepted() {
        assert!(agrees(-1.0, -1.0 - 0.5e-10) && !agrees(-1.0, -1.0 - 2e-10) && !agrees(f64::NAN, -1.0));
    }

    #[test]
    fn the_binomial_tail_is_a_sum() {
        // P(X ≥ 2) = 1 − 0.7³ − 3 · 0.3 · 0.7².
        assert_relative_eq!(binomial_tail(2, 3, 0.3).unwrap(), 0.216, max_relative = 1e-13);
        assert_relative_eq!(
            binomial_tail(60, 100, 0.5).unwrap(),
            0.028_443_966_820_490_396,
            max_relative = 1e-12
        );
        assert_eq!(binomial_tail(0, 5, 0.0).unwrap(), 1.0);
        assert_eq!(binomial_tail(5, 5, 1.0).unwrap(), 1.0);
        assert_eq!(binomial_tail(6, 5, 0.5).unwrap(), 0.0);
    }

    #[test]
    fn arguments_outside_the_domain_are_named() {
        assert!(matches!(beta_cdf(1.5, 1.0, 1.0), Err(SpecialError::Domain { argument: "x", .. })));
        assert!(matches!(beta_cdf(0.5, 0.0, 1.0), Err(SpecialError::Domain { argument: "a", .. })));
        assert!(matches!(beta_cdf(0.5, 1.0, f64::NAN), Err(SpecialError::Domain { argument: "b", .. })));
        assert!(matches!(beta_quantile(-0.1, 1.0, 1.0), Err(SpecialError::Domain { argument: "p", .. })));
        assert!(matches!(student_cdf(f64::NAN, 1.0), Err(SpecialError::Domain { argument: "t", .. })));
        for p in [0.0, 1.0, f64::NAN] {
            assert!(normal_quantile(p).is_err() && student_quantile(p, 3.0).is_err());
        }
    }

    fn parameter() -> impl Strategy<Value = f64> {
        prop_oneof![0.1..3.0, 3.0..100.0, 100.0..1e5, Just(0.5), Just(1.0)]
    }

    proptest! {
        #[test]
        fn the_two_tails_of_a_beta_variable_add_up_to_one(x in 0.0..=1.0, a in parameter(), b in parameter()) {
            let tails = beta_cdf(x, a, b).unwrap() + beta_cdf(1.0 - x, b, a).unwrap();
            // 1 − x is rounded, and the density may be high there.
            assert_abs_diff_eq!(tails, 1.0, epsilon = 1e-9);
        }

        #[test]
        fn statrs_agrees_where_its_parameters_are_moderate(x in 0.0..=1.0, a in 0.1..50.0, b in 0.1..50.0) {
            let other = statrs::function::beta::beta_reg(a, b, x);
            assert_abs_diff_eq!(beta_cdf(x, a, b).unwrap(), other, epsilon = 1e-11);
        }

        #[test]
        fn quantiles_invert_the_beta_distribution(p in 1e-6..=0.999_999, a in parameter(), b in parameter()) {
            let x = beta_quantile(p, a, b).unwrap();
            let (below, above) = (beta_cdf(x.next_down().max(0.0), a, b).unwrap(), beta_cdf(x.next_up().min(1.0), a, b).unwrap());
            prop_assert!(below - 1e-10 <= p && p <= above + 1e-10, "{x}: {below} {above}");
        }

        #[test]
        fn quantiles_invert_students_distribution(ln_p in -200.0..-0.7, freedom in 1.0..1e5) {
            let t = student_quantile(exp(ln_p), freedom).unwrap();
            prop_assert!((student_ln_cdf(t, freedom).unwrap() - ln_p).abs() < 1e-9);
            let mirrored = student_quantile(1.0 - exp(ln_p), freedom).unwrap_or(f64::INFINITY);
            prop_assert!(ln_p < -20.0 || (mirrored + t).abs() <= 1e-5 * t.abs(), "{t} {mirrored}");
        }

        #[test]
        fn quantiles_invert_the_normal_distribution(ln_p in -690.0..-0.7) {
            let z = normal_quantile(exp(ln_p)).unwrap();
            prop_assert!((ln(normal_cdf(z)) - ln_p).abs() < 1e-9);
        }

        #[test]
        fn distribution_functions_rise(t in -50.0..50.0, step in 0.0..1.0, freedom in parameter()) {
            prop_assert!(student_cdf(t, freedom).unwrap() <= student_cdf(t + step, freedom).unwrap() + 1e-15);
        }
    }

    #[test]
    fn far_tails_of_students_distribution() {
        // Computed with mpmath, 40 digits; 1/(2t²) for two degrees of freedom.
        for (freedom, ln_value) in
            [(2.0, -461.210_165_779_369_1), (3.0, -690.677_804_459_169_1), (5.0, -1_149.042_290_261_209_4)]
        {
            assert_relative_eq!(student_ln_cdf(-1e100, freedom).unwrap(), ln_value, max_relative = 1e-13);
            assert_eq!(student_cdf(1e100, freedom).unwrap(), 1.0);
        }
        let tails = student_cdf(1e30, 0.1).unwrap() + student_cdf(-1e30, 0.1).unwrap();
        assert_relative_eq!(tails, 1.0, max_relative = 1e-14);
    }

    #[test]
    fn quantiles_close_to_a_median_keep_their_digits() {
        // The density of Student's distribution with four degrees of freedom is 3/8 at 0.
        let t = student_quantile(0.5 - 1e-9, 4.0).unwrap();
        assert_relative_eq!(t, -1e-9 / 0.375, max_relative = 1e-6);
        assert_relative_eq!(student_quantile(0.5 + 1e-9, 4.0).unwrap(), -t, max_relative = 1e-6);
    }

    #[test]
    fn upper_quantiles_close_to_zero_keep_their_digits() {
        // Parameters beyond 10⁷ feel the rounding of 1 − x itself.
        for (p, a, b) in [(0.533_528_876_857_414, 0.1, 65_201.662_750_981_35), (0.9, 0.1, 1e6)] {
            let x = beta_quantile(p, a, b).unwrap();
            assert_relative_eq!(beta_cdf(x, a, b).unwrap(), p, max_relative = 1e-12);
        }
    }

    #[test]
    fn quantiles_of_the_ends_are_the_ends() {
        assert_eq!(
            (beta_quantile(0.0, 2.0, 3.0).unwrap(), beta_quantile(1.0, 2.0, 3.0).unwrap()),
            (0.0, 1.0)
        );
    }

    #[test]
    fn known_values_of_what_stirlings_formula_leaves() {
        // Computed with mpmath, 40 digits.
        for (z, value) in [
            (15.0, 5.554_733_551_962_801e-3),
            (16.0, 5.207_655_919_609_64e-3),
            (20.0, 4.166_319_691_996_922e-3),
        ] {
            assert_relative_eq!(stirling_error(z), value, epsilon = 1e-17, max_relative = 1e-13);
        }
    }
}
