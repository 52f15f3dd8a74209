//! Portable elementary functions and ordered reductions.
//!
//! The standard library's transcendental functions differ between platforms in their last bits,
//! so every result that may reach a verdict uses the functions of this module, which forward to
//! the `libm` crate. `f64::sqrt`, `abs`, `floor`, `min` and `max` are exact under IEEE 754 and may
//! be used directly; `f64::powi` may not (its expansion depends on the optimiser), see [`powi`].

use std::ops::{Add, AddAssign, Sub};

pub use libm::{acos, cos, erf, exp, expm1, lgamma, log as ln, log1p as ln_1p, log2, log10, pow, sin, tanh};

pub use super::exponential::exp_each;

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
    let mut row = x.to_vec();
    softmax_in_place(&mut row);
    row
}

/// [`softmax`] without allocation: writes the probabilities of the logits `x` over `row`, which is
/// as long, and returns ln Σ exp(xⱼ), so that ln row\[i\] = x\[i\] − (the result) even where
/// row\[i\] underflows.
pub fn softmax_into(x: &[f64], row: &mut [f64]) -> f64 {
    row.copy_from_slice(x);
    let (top, total) = softmax_in_place(row);
    top + ln(total)
}

/// [`softmax`] of every row of a table over itself, its values row after row, `width` > 0 in each: the same
/// bits as of one row after the other, with the exponentials of all rows taken side by side.
pub fn softmax_rows(values: &mut [f64], width: usize) {
    for row in values.chunks_exact_mut(width) {
        lower(row);
    }
    exp_each(values);
    for row in values.chunks_exact_mut(width) {
        normalise(row);
    }
}

/// [`softmax`] of a row over itself. Returns the largest logit x̄ and Σ exp(xⱼ − x̄).
pub fn softmax_in_place(row: &mut [f64]) -> (f64, f64) {
    let top = lower(row);
    exp_each(row);
    (top, normalise(row))
}

/// Subtracts from every number the largest, which it returns.
fn lower(row: &mut [f64]) -> f64 {
    let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for x in row {
        *x -= top;
    }
    top
}

/// Divides every number by the sum, which it returns.
fn normalise(row: &mut [f64]) -> f64 {
    let total = sum(row.iter().copied());
    for x in row {
        *x /= total;
    }
    total
}

/// Standard normal distribution function Φ(x) = erfc(−x/√2)/2.
#[must_use]
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// Standard normal quantile Φ⁻¹(p) for p ∈ \[0, 1\], to about 1e-16 relative: ∓∞ at the ends, NaN
/// outside. Odd: Φ⁻¹(1 − p) = −Φ⁻¹(p) whenever 1 − p is exact. Source: Wichura, algorithm AS 241
/// (PPND16), Applied Statistics 37 (1988).
#[must_use]
#[expect(clippy::excessive_precision, reason = "coefficients as printed in the source")]
pub fn normal_quantile(p: f64) -> f64 {
    const CENTRE: [[f64; 8]; 2] = [
        [
            2_509.080_928_730_122_672_7,
            33_430.575_583_588_128_105,
            67_265.770_927_008_700_853,
            45_921.953_931_549_871_457,
            13_731.693_765_509_461_125,
            1_971.590_950_306_551_442_7,
            133.141_667_891_784_377_45,
            3.387_132_872_796_366_608,
        ],
        [
            5_226.495_278_852_854_561,
            28_729.085_735_721_942_674,
            39_307.895_800_092_710_61,
            21_213.794_301_586_595_867,
            5_394.196_021_424_751_107_7,
            687.187_007_492_057_908_3,
            42.313_330_701_600_911_252,
            1.0,
        ],
    ];
    const SHOULDER: [[f64; 8]; 2] = [
        [
            7.745_450_142_783_414_076_4e-4,
            0.022_723_844_989_269_184_583_3,
            0.241_780_725_177_450_611_77,
            1.270_458_252_452_368_382_58,
            3.647_848_324_763_204_605_04,
            5.769_497_221_460_691_405_5,
            4.630_337_846_156_545_295_9,
            1.423_437_110_749_683_577_34,
        ],
        [
            1.050_750_071_644_416_843_24e-9,
            5.475_938_084_995_344_946e-4,
            0.015_198_666_563_616_457_196_6,
            0.148_103_976_427_480_074_59,
            0.689_767_334_985_100_004_55,
            1.676_384_830_183_803_849_4,
            2.053_191_626_637_758_821_87,
            1.0,
        ],
    ];
    const TAIL: [[f64; 8]; 2] = [
        [
            2.010_334_399_292_288_132_65e-7,
            2.711_555_568_743_487_578_15e-5,
            0.001_242_660_947_388_078_438_6,
            0.026_532_189_526_576_123_093,
            0.296_560_571_828_504_891_23,
            1.784_826_539_917_291_335_8,
            5.463_784_911_164_114_369_9,
            6.657_904_643_501_103_777_2,
        ],
        [
            2.044_263_103_389_939_785_64e-15,
            1.421_511_758_316_445_888_7e-7,
            1.846_318_317_510_054_681_8e-5,
            7.868_691_311_456_132_591e-4,
            0.014_875_361_290_850_614_852_5,
            0.136_929_880_922_735_805_31,
            0.599_832_206_555_887_937_69,
            1.0,
        ],
    ];
    let horner = |coefficients: &[f64; 8], x: f64| coefficients.iter().fold(0.0, |value, c| value * x + c);
    let ratio = |[top, bottom]: &[[f64; 8]; 2], x: f64| horner(top, x) / horner(bottom, x);
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        return q * ratio(&CENTRE, 0.180_625 - q * q);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    if tail == 0.0 {
        return f64::INFINITY.copysign(q);
    }
    let r = (-ln(tail)).sqrt();
    let z = if r <= 5.0 { ratio(&SHOULDER, r - 1.6) } else { ratio(&TAIL, r - 5.0) };
    z.copysign(q)
}

/// Sum from left to right with Neumaier's compensation: the error does not grow with the number
/// of terms. Source: Neumaier, ZAMM 54 (1974), algorithm IV.
///
/// What an addition loses is a number itself, and found without asking which term is larger: Knuth, The Art of Computer
/// Programming 2 (1997), section 4.2.2, theorem B.
#[must_use]
#[inline]
pub fn sum(terms: impl IntoIterator<Item = f64>) -> f64 {
    let (mut total, mut correction) = (0.0_f64, 0.0_f64);
    for x in terms {
        add(&mut total, &mut correction, x);
    }
    total + correction
}

/// One addition of [`sum`], of one number or of several side by side.
#[inline(always)]
pub(super) fn add<T: Copy + AddAssign + Add<Output = T> + Sub<Output = T>>(
    total: &mut T,
    correction: &mut T,
    x: T,
) {
    let t = *total + x;
    let added = t - *total;
    *correction += (*total - (t - added)) + (x - added);
    *total = t;
}

/// Inner product Σ xᵢ yᵢ over the common length, summed by [`sum`].
#[must_use]
#[inline]
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

/// The weights w of the least-squares slope Σ wᵢ yᵢ of any y over x: wᵢ = (xᵢ − x̄) / Σ (xⱼ − x̄)². They add
/// up to zero, and are NaN if all x are equal.
#[must_use]
pub fn slope_weights(x: &[f64]) -> Vec<f64> {
    let centre = mean(x);
    let spread = sum(x.iter().map(|x| (x - centre) * (x - centre)));
    x.iter().map(|x| (x - centre) / spread).collect()
}

/// Slope of the least-squares line of y over x. NaN if all x are equal.
#[must_use]
pub fn slope(x: &[f64], y: &[f64]) -> f64 {
    dot(&slope_weights(x), y)
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
    fn normal_quantiles_invert_the_distribution_function() {
        assert_relative_eq!(normal_quantile(0.9375), 1.534_120_544_352_546_3, max_relative = 1e-15);
        assert_relative_eq!(normal_quantile(0.96875), 1.862_731_867_421_651_5, max_relative = 1e-15);
        assert_eq!(normal_quantile(0.5), 0.0);
        for p in [1e-300, 1e-100, 1e-20, 1e-11, 1e-5, 0.0749, 0.0751, 0.3, 0.7, 0.999] {
            assert_relative_eq!(normal_cdf(normal_quantile(p)), p, max_relative = 2e-13);
        }
        for p in [0.25, 0.0625, 1.0 / 1024.0] {
            assert_eq!(normal_quantile(1.0 - p), -normal_quantile(p));
        }
        assert_eq!((normal_quantile(0.0), normal_quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(
            normal_quantile(-0.1).is_nan()
                && normal_quantile(1.1).is_nan()
                && normal_quantile(f64::NAN).is_nan()
        );
    }

    #[test]
    fn slopes_of_lines_are_exact_and_noise_without_trend_has_none() {
        assert_relative_eq!(slope(&[1.0, 2.0, 4.0], &[5.0, 3.0, -1.0]), -2.0);
        assert_relative_eq!(slope(&[0.0, 1.0, 2.0], &[1.0, -2.0, 1.0]), 0.0);
    }

    #[test]
    fn compensated_sum_keeps_small_terms() {
        assert_relative_eq!(sum([1.0, 1e100, 1.0, -1e100]), 2.0);
    }

    #[test]
    fn what_an_addition_loses_is_found_without_comparing() {
        let compared = |terms: &[f64]| {
            let (mut total, mut correction) = (0.0_f64, 0.0_f64);
            for x in terms {
                let t = total + x;
                correction += if total.abs() >= x.abs() { (total - t) + x } else { (x - t) + total };
                total = t;
            }
            total + correction
        };
        let mut stream = crate::kernel::stream::Streams::from_seed(9).stream("terms");
        for n in 0..3_000_usize {
            let scales = [1.0, 1e-8, 1e8, 1e-300, 1e150, 5e-324];
            let term = |stream: &mut crate::kernel::stream::Stream| {
                stream.normal() * scales[stream.below(1 + n % 6)]
            };
            let terms: Vec<f64> = (0..n % 40).map(|_| term(&mut stream)).collect();
            assert_eq!(sum(terms.iter().copied()).to_bits(), compared(&terms).to_bits(), "{terms:?}");
        }
    }

    #[test]
    fn rows_of_a_table_are_softened_each_by_itself() {
        let logits: Vec<f64> = (0..21).map(|i| f64::from(i * i % 11) - 4.0).collect();
        for width in [1, 3, 7] {
            let (mut table, mut rows) = (logits.clone(), logits.clone());
            softmax_rows(&mut table, width);
            rows.chunks_exact_mut(width).for_each(|row| {
                softmax_in_place(row);
            });
            assert_eq!(table, rows);
        }
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
