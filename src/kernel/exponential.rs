//! Many exponentials at a time, to the bit what each is alone.
//!
//! The steps of [`exp`] of the `libm` crate (from FreeBSD's `e_exp.c`), without branches: x = k ln 2 + r with
//! |r| ≤ ½ ln 2, a rational function of r, and k added to the exponent. A compiler can take several numbers through
//! them side by side, and rounds each as the function does.

use super::math::exp;

/// Numbers that are taken together.
const LANES: usize = 4;
/// Numbers of at least this size are left to the function, which knows about overflow.
const LARGE: f64 = 700.0;
/// 3 · 2⁵¹: added to a number and subtracted again, it leaves the nearest integer.
const INTEGERS: f64 = 6_755_399_441_055_744.0;
/// The smallest |x| with k ≠ 0, and the smallest at which the function does not end with 1 + x.
const HALF_LN_2: f64 = f64::from_bits(0x3fd6_2e43_0000_0000);
const TINY: f64 = f64::from_bits(0x3e30_0001_0000_0000);

// The constants of the function, by their bits.
const LN_2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
const LN_2_LOW: f64 = f64::from_bits(0x3dea_39ef_3579_3c76);
const P: [f64; 5] = [
    f64::from_bits(0x3fc5_5555_5555_553e),
    f64::from_bits(0xbf66_c16c_16be_bd93),
    f64::from_bits(0x3f11_566a_af25_de2c),
    f64::from_bits(0xbebb_bd41_c5d2_6bf1),
    f64::from_bits(0x3e66_3769_72be_a4d0),
];

/// Replaces each number by its exponential: the same bits as [`exp`].
///
/// ```
/// use corroborate::kernel::math::{exp, exp_each};
///
/// let mut numbers = [0.0, -1.5, 3.0, f64::NEG_INFINITY, 0.25];
/// exp_each(&mut numbers);
/// assert_eq!(numbers, [1.0, exp(-1.5), exp(3.0), 0.0, exp(0.25)]);
/// ```
pub fn exp_each(numbers: &mut [f64]) {
    let (chunks, rest) = numbers.as_chunks_mut::<LANES>();
    for chunk in chunks {
        if chunk.iter().all(|x| x.abs() < LARGE) {
            *chunk = chunk.map(moderate);
        } else {
            *chunk = chunk.map(exp);
        }
    }
    for x in rest {
        *x = exp(*x);
    }
}

/// e^x for |x| < 700.
#[inline]
fn moderate(x: f64) -> f64 {
    // k = x / ln 2 to the nearest integer, by truncation of the sum with a half.
    let shifted = std::f64::consts::LOG2_E * x + 0.5_f64.copysign(x);
    let nearest = (shifted + INTEGERS) - INTEGERS;
    let beyond = if nearest.abs() > shifted.abs() { 1.0_f64.copysign(shifted) } else { 0.0 };
    let k = if x.abs() < HALF_LN_2 { 0.0 } else { nearest - beyond };
    let (high, low) = (x - k * LN_2_HIGH, k * LN_2_LOW);
    let r = high - low;
    let square = r * r;
    let c = r - square * (P[0] + square * (P[1] + square * (P[2] + square * (P[3] + square * P[4]))));
    let y = 1.0 + (r * c / (2.0 - c) - low + high);
    let y = if x.abs() < TINY { 1.0 + x } else { y };
    // The integer stands in the last bits of the sum.
    let exponent = (k + INTEGERS).to_bits().wrapping_sub(INTEGERS.to_bits());
    f64::from_bits(y.to_bits().wrapping_add(exponent << 52))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::stream::Streams;

    fn holds(numbers: &[f64]) {
        let mut found = numbers.to_vec();
        exp_each(&mut found);
        for (x, y) in numbers.iter().zip(found) {
            assert_eq!(y.to_bits(), exp(*x).to_bits(), "at {x:?}: {y:?} against {:?}", exp(*x));
        }
    }

    #[test]
    fn many_numbers_have_the_bits_of_each() {
        let mut stream = Streams::from_seed(1).stream("exponents");
        for scale in [1e-17, 1e-9, 1e-8, 1e-3, 0.4, 1.0, 2.0, 30.0, 690.0, 800.0] {
            holds(&(0..40_001).map(|_| scale * stream.uniform_in(-1.0, 1.0)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_places_where_the_function_branches() {
        let half = std::f64::consts::LN_2 / 2.0;
        let mut numbers =
            vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e-300, 709.9, -745.2, -708.5];
        for centre in
            [half, 3.0 * half, HALF_LN_2, TINY, LARGE, 5.0 * half, f64::from_bits(0x3ff0_a2b2_0000_0000)]
        {
            for step in -3_i64..=3 {
                let x = f64::from_bits(centre.to_bits().wrapping_add_signed(step));
                numbers.extend([x, -x]);
            }
        }
        for x in &numbers {
            if !x.is_nan() {
                // In a chunk of its own, so that the other path is taken.
                holds(&[*x; LANES]);
            }
        }
        let mut nan = [f64::NAN; LANES];
        exp_each(&mut nan);
        assert!(nan.iter().all(|x| x.is_nan()));
    }

    proptest! {
        #[test]
        fn any_numbers(bits in prop::collection::vec(any::<u64>(), 0..40)) {
            let numbers = bits.into_iter().map(f64::from_bits).filter(|x| !x.is_nan());
            holds(&numbers.collect::<Vec<_>>());
        }
    }
}
