//! Several draws from one random word: its digits in another base.
//!
//! With k such that nᵏ ≤ 2⁵⁴, the integer part of x nᵏ/2⁶⁴ for a uniform word x is uniform on {0, …, nᵏ − 1} once
//! those x are rejected for which x nᵏ mod 2⁶⁴ < 2⁶⁴ mod nᵏ (fewer than one in a thousand), and its k digits in base
//! n, the most significant one first, are k independent uniform draws from {0, …, n − 1}.
//!
//! Source: Brackett-Rozinsky and Lemire, Batched ranged random integer generation, Software: Practice and Experience
//! 55 (2025).

use super::{
    stream::Stream,
    wide::{LANES, Level, dispatch},
};

/// A word gives numbers below this at most.
const MOST: u64 = 1 << 54;

/// Digits in a base n ≤ 2³².
#[derive(Clone, Debug)]
pub struct Digits {
    base: u64,
    /// n⁰, n¹, …: one power for each digit of a word.
    powers: Vec<u64>,
    /// nᵏ for the k digits of a word, and the least remainder of a word that is not rejected.
    power: u64,
    least: u64,
}

impl Digits {
    /// Draws from {0, …, `n` − 1}; 0 and no word is taken for `n` ≤ 1. `n` is at most 2³².
    #[must_use]
    pub fn of(n: usize) -> Self {
        let base = (n as u64).max(1);
        let mut powers = vec![1];
        while base > 1 && powers[powers.len() - 1] <= MOST / base / base {
            powers.push(powers[powers.len() - 1] * base);
        }
        let power = powers[powers.len() - 1] * base;
        Self { base, powers, power, least: power.wrapping_neg() % power }
    }

    /// The next word of a stream that is not rejected.
    #[inline(always)]
    pub(crate) fn word(&self, stream: &mut Stream) -> u64 {
        loop {
            let x = stream.bits();
            if x.wrapping_mul(self.power) >= self.least {
                return x;
            }
        }
    }

    /// Fills a list with draws. It begins with a word of its own: what is left of the last one is not kept.
    pub fn draw(&self, stream: &mut Stream, draws: &mut [u32]) {
        self.draw_at(Level::new(), stream, draws);
    }

    fn draw_at(&self, level: Level, stream: &mut Stream, draws: &mut [u32]) {
        if self.base == 1 {
            return draws.fill(0);
        }
        dispatch!(level, _simd => self.draw_inlined(stream, draws));
    }

    #[inline(always)]
    fn draw_inlined(&self, stream: &mut Stream, draws: &mut [u32]) {
        for draws in draws.chunks_mut(self.powers.len()) {
            let x = self.word(stream);
            let (eights, rest) = draws.as_chunks_mut::<LANES>();
            let others = &self.powers[LANES * eights.len()..];
            for (draws, powers) in eights.iter_mut().zip(self.powers.as_chunks::<LANES>().0) {
                for (draw, power) in draws.iter_mut().zip(powers) {
                    *draw = digit(x, *power, self.base);
                }
            }
            for (draw, power) in rest.iter_mut().zip(others) {
                *draw = digit(x, *power, self.base);
            }
        }
    }
}

/// The next digit in base n ≤ 2³² of the fraction x/2⁶⁴, once as many are gone as the power says (n to the number of
/// digits): those of a word are found independently of each other. One in base nʲ is the next j digits in one.
#[inline(always)]
pub(crate) fn digit(x: u64, power: u64, n: u64) -> u32 {
    let left = x.wrapping_mul(power);
    // The upper half of left · n, from products that fit.
    let (low, high) = (left & u64::from(u32::MAX), left >> 32);
    ((((low * n) >> 32) + high * n) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{stream::Streams, wide::levels};

    #[test]
    fn draws_from_one_word_are_uniform_and_independent() {
        let mut stream = Streams::from_seed(5).stream("each");
        for (n, draws) in [(2, 64_000), (3, 30_000), (10, 40_000), (100_000, 1_000)] {
            let mut all = vec![u32::MAX; draws];
            Digits::of(n).draw(&mut stream, &mut all);
            let all: Vec<usize> = all.into_iter().map(|i| i as usize).collect();
            assert!(all.len() == draws && all.iter().all(|i| *i < n));
            let mean = all.iter().map(|i| *i as f64).sum::<f64>() / draws as f64;
            let deviation = ((n * n - 1) as f64 / 12.0 / draws as f64).sqrt();
            assert!((mean - (n - 1) as f64 / 2.0).abs() < 5.0 * deviation, "{n}: {mean}");
            if n <= 10 {
                // Every pair of neighbours is equally likely: χ² with n² − 1 degrees of freedom.
                let mut pairs = vec![0_u32; n * n];
                all.chunks_exact(2).for_each(|pair| pairs[pair[0] * n + pair[1]] += 1);
                let expected = (draws / 2) as f64 / (n * n) as f64;
                let square: f64 = pairs.iter().map(|c| (f64::from(*c) - expected).powi(2) / expected).sum();
                let freedom = (n * n - 1) as f64;
                assert!(square < freedom + 6.0 * (2.0 * freedom).sqrt(), "{n}: {square}");
            }
        }
        // The draws are the digits of the integer part, the most significant one first.
        let mut stream = Streams::from_seed(6).stream("each");
        let word = stream.clone().bits();
        let mut draws = [0; 3];
        Digits::of(3).draw(&mut stream, &mut draws);
        let digits = draws.iter().fold(0, |number, digit| 3 * number + u128::from(*digit));
        assert_eq!(digits, (u128::from(word) * 27) >> 64);
        Digits::of(1).draw(&mut stream, &mut draws);
        assert_eq!(draws, [0; 3]);
        Digits::of(7).draw(&mut stream, &mut []);
    }

    #[test]
    fn digits_are_the_same_at_every_level_of_the_processor() {
        for n in [2_u64, 3, 7, 10, 11, 1000, 1 << 20, (1 << 32) - 5, 1 << 32] {
            for count in [1, 7, 16, 203] {
                let stream = Streams::from_seed(8).stream("each");
                // One multiplication after the other.
                let (mut words, mut known, mut left, mut x) = (stream.clone(), Vec::new(), 0, 0);
                let digits = (1..60).take_while(|k| u128::from(n).pow(*k) <= u128::from(MOST)).count().max(1);
                let power = n.pow(digits as u32);
                while known.len() < count {
                    if left == 0 {
                        (left, x) = (digits, words.bits());
                        while x.wrapping_mul(power) < power.wrapping_neg() % power {
                            x = words.bits();
                        }
                    }
                    let product = u128::from(x) * u128::from(n);
                    known.push((product >> 64) as u32);
                    (left, x) = (left - 1, product as u64);
                }
                for (name, level) in levels() {
                    let mut found = vec![0; count];
                    Digits::of(n as usize).draw_at(level, &mut stream.clone(), &mut found);
                    assert_eq!(found, known, "{name}, below {n}");
                }
            }
        }
    }
}
