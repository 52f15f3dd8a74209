//! `SplitMix64`: instances that any language can rebuild from a small number.
//!
//! A known-answer test needs the same instance on both sides. This generator is a dozen lines in
//! any language, so the instances that come from it can be rebuilt by whoever wants to compare an
//! implementation with a reference. It makes *instances*; the randomness of replicates comes from
//! [`super::stream`]. Source: Steele, Lea and Flood, OOPSLA 2014.

use super::math::{ln, sum};

/// The generator: a counter that advances by the golden ratio, scrambled.
#[derive(Clone, Debug)]
pub struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// Starts at this state.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Sixty-four bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform on [0, 1): the upper 53 bits times 2⁻⁵³.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Uniform on [low, high): low + (high − low) u.
    pub fn uniform_in(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// A uniform point of the simplex, length `n`: eᵢ = −ln(1 − uᵢ), normalised.
    pub fn simplex(&mut self, n: usize) -> Vec<f64> {
        let draws: Vec<f64> = (0..n).map(|_| -ln(1.0 - self.uniform())).collect();
        let total = sum(draws.iter().copied());
        draws.iter().map(|e| e / total).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn bits_are_those_of_the_published_generator() {
        let mut generator = SplitMix64::new(1_234_567);
        let bits: Vec<u64> = (0..3).map(|_| generator.bits()).collect();
        assert_eq!(bits, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn points_of_the_simplex_sum_to_one() {
        let point = SplitMix64::new(0).simplex(5);
        assert_relative_eq!(sum(point.iter().copied()), 1.0, epsilon = 1e-15);
        assert!(point.iter().all(|p| *p > 0.0));
    }
}
