//! Many exponentials at a time, to the bit what each is alone.
//!
//! The steps of [`exp`] of the `libm` crate (from FreeBSD's `e_exp.c`), without branches: x = k ln 2 + r with
//! |r| ≤ ½ ln 2, a rational function of r, and k added to the exponent. A compiler can take several numbers through
//! them side by side, and rounds each as the function does.

use std::f64::consts::LOG2_E;

use super::{
    math::exp,
    wide::{LANES, Level, Simd, dispatch, f64x8, prelude::*},
};

/// Fewer numbers than that are taken one by one.
const FEW: usize = 3;
/// Numbers of at least this size are left to the function, which knows about overflow.
const LARGE: f64 = 700.0;
/// 3 · 2⁵¹: added to an integer, it leaves it in the last bits.
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
    if numbers.len() < FEW {
        for x in numbers {
            *x = exp(*x);
        }
    } else {
        exp_each_at(Level::new(), numbers);
    }
}

fn exp_each_at(level: Level, numbers: &mut [f64]) {
    dispatch!(level, simd => exp_each_inlined(simd, numbers));
}

/// [`exp_each`], for a function that is compiled for the processor at hand.
#[inline(always)]
fn exp_each_inlined<S: Simd>(simd: S, numbers: &mut [f64]) {
    let (chunks, rest) = numbers.as_chunks_mut::<LANES>();
    for chunk in chunks {
        together(simd, chunk);
    }
    if rest.len() < FEW {
        for x in rest {
            *x = exp(*x);
        }
    } else {
        let mut chunk = [0.0; LANES];
        chunk[..rest.len()].copy_from_slice(rest);
        together(simd, &mut chunk);
        rest.copy_from_slice(&chunk[..rest.len()]);
    }
}

/// [`exp_each`] of as many as are taken together.
#[inline(always)]
pub(super) fn together<S: Simd>(simd: S, chunk: &mut [f64; LANES]) {
    let numbers = f64x8::from_slice(simd, chunk);
    if numbers.abs().simd_lt(LARGE).all_true() {
        moderate(simd, numbers).store_slice(chunk);
    } else {
        for x in chunk {
            *x = exp(*x);
        }
    }
}

/// e^x for |x| < 700.
#[inline(always)]
fn moderate<S: Simd>(simd: S, x: f64x8<S>) -> f64x8<S> {
    // k = x / ln 2 to the nearest integer, by truncation of the sum with a half.
    let shifted = x * LOG2_E + f64x8::splat(simd, 0.5).copysign(x);
    let k = x.abs().simd_lt(HALF_LN_2).select(f64x8::splat(simd, 0.0), shifted.trunc());
    let (high, low) = (x - k * LN_2_HIGH, k * LN_2_LOW);
    let r = high - low;
    let square = r * r;
    let c = r - square * (square * (square * (square * (square * P[4] + P[3]) + P[2]) + P[1]) + P[0]);
    let y = r * c / (f64x8::splat(simd, 2.0) - c) - low + high + 1.0;
    let y = x.abs().simd_lt(TINY).select(x + 1.0, y);
    let exponent = (k + INTEGERS).to_bits() - INTEGERS.to_bits();
    f64x8::from_bits(y.to_bits() + (exponent << 52))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::{stream::Streams, wide::levels};

    fn holds(numbers: &[f64]) {
        for (name, level) in levels() {
            let mut found = numbers.to_vec();
            exp_each_at(level, &mut found);
            for (x, y) in numbers.iter().zip(found) {
                assert_eq!(y.to_bits(), exp(*x).to_bits(), "{name} at {x:?}: {y:?} against {:?}", exp(*x));
            }
        }
        let mut found = numbers.to_vec();
        exp_each(&mut found);
        assert!(numbers.iter().zip(found).all(|(x, y)| exp(*x).to_bits() == y.to_bits()));
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
