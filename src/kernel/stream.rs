//! Labelled streams of random numbers, and sampling functions of our own.
//!
//! A replicate of an experiment owns a [`Streams`] key. Every consumer of randomness asks for a
//! stream by its label, so that adding a consumer shifts nobody else's numbers. The generator is
//! ChaCha with 8 rounds; the samplers are written here because those of libraries change between
//! versions. Test vectors pin both.

use rand_chacha::{
    ChaCha8Core,
    rand_core::{SeedableRng, block::Generator},
};

use super::{
    math,
    wide::{LANES, Level, dispatch},
};

/// The randomness of one replicate: a 256-bit key from which labelled [`Stream`]s are derived.
#[derive(Clone, Debug)]
pub struct Streams {
    key: [u8; 32],
}

impl Streams {
    /// Streams of a key. Equal keys give equal streams.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// Streams for tests and examples, from a small number.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self::new(*blake3::hash(&seed.to_le_bytes()).as_bytes())
    }

    /// The stream with this label; each call starts it anew.
    #[must_use]
    pub fn stream(&self, label: &str) -> Stream {
        let seed = blake3::keyed_hash(&self.key, label.as_bytes());
        Stream {
            generator: ChaCha8Core::from_seed(*seed.as_bytes()),
            words: [0; WORDS],
            taken: WORDS,
            spare: None,
        }
    }
}

/// Words that the generator gives at a time: four blocks of ChaCha.
const WORDS: usize = 64;

/// In rows up to this length all sums are compared: a few additions cost less than a jump that nobody
/// can foresee.
const SHORT: usize = 8;

/// [`Stream::below_each`] takes so many numbers at most from a word.
const MOST: u64 = 1 << 54;

/// The next digit in base n ≤ 2³² of the fraction x/2⁶⁴, once as many are gone as the power of n says: those of a word
/// are found independently of each other.
#[inline(always)]
fn digit(x: u64, power: u64, n: u64) -> u32 {
    let left = x.wrapping_mul(power);
    // The upper half of left · n, from products that fit.
    let (low, high) = (left & u64::from(u32::MAX), left >> 32);
    ((((low * n) >> 32) + high * n) >> 32) as u32
}

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Stream {
    generator: ChaCha8Core,
    /// Words of the generator that have been computed, of which so many have been taken.
    words: [u32; WORDS],
    taken: usize,
    spare: Option<f64>,
}

impl Stream {
    /// Sixty-four uniform bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        if self.taken == WORDS {
            self.refill();
        }
        let (low, high) = (self.words[self.taken], self.words[self.taken + 1]);
        self.taken += 2;
        u64::from(high) << 32 | u64::from(low)
    }

    /// Apart, so that what is done for every number stays short enough to become a part of its caller.
    #[cold]
    #[inline(never)]
    fn refill(&mut self) {
        self.generator.generate(&mut self.words);
        self.taken = 0;
    }

    /// Uniform on [0, 1): a multiple of 2⁻⁵³.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Uniform on [low, high).
    pub fn uniform_in(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Uniform on {0, …, n − 1} without bias, by rejection; 0 for `n` ≤ 1.
    pub fn below(&mut self, n: usize) -> usize {
        let n = n as u64;
        if n <= 1 {
            return 0;
        }
        let zone = u64::MAX - u64::MAX % n;
        loop {
            let x = self.bits();
            if x < zone {
                return (x % n) as usize;
            }
        }
    }

    /// Fills a list with draws of [`Self::below`]'s distribution, independent of each other, several from one word;
    /// n is at most 2³².
    ///
    /// With k such that nᵏ ≤ 2⁵⁴, the integer part of x nᵏ/2⁶⁴ for a uniform word x is uniform on
    /// {0, …, nᵏ − 1} once those x are rejected for which x nᵏ mod 2⁶⁴ < 2⁶⁴ mod nᵏ (fewer than one in a
    /// thousand), and its k digits in base n, the most significant one first, are k draws. The words and
    /// draws are not those of [`Self::below`]. Source: Brackett-Rozinsky and Lemire, Batched ranged random
    /// integer generation, Software: Practice and Experience 55 (2025).
    pub fn below_each(&mut self, n: usize, draws: &mut [u32]) {
        self.below_each_at(Level::new(), n as u64, draws);
    }

    fn below_each_at(&mut self, level: Level, n: u64, draws: &mut [u32]) {
        if n <= 1 {
            return draws.fill(0);
        }
        // n⁰, n¹, …
        let (mut powers, mut digits) = ([1; 54], 1);
        while powers[digits - 1] <= MOST / n / n {
            powers[digits] = powers[digits - 1] * n;
            digits += 1;
        }
        dispatch!(level, _simd => self.below_each_inlined(n, &powers[..digits], draws));
    }

    #[inline(always)]
    fn below_each_inlined(&mut self, n: u64, powers: &[u64], draws: &mut [u32]) {
        let power = powers[powers.len() - 1] * n;
        let least = power.wrapping_neg() % power;
        // A shorter list at the end takes the first digits of a word.
        for draws in draws.chunks_mut(powers.len()) {
            let mut x = self.bits();
            while x.wrapping_mul(power) < least {
                x = self.bits();
            }
            let (eights, rest) = draws.as_chunks_mut::<LANES>();
            let others = &powers[LANES * eights.len()..];
            for (draws, powers) in eights.iter_mut().zip(powers.as_chunks::<LANES>().0) {
                for (draw, power) in draws.iter_mut().zip(powers) {
                    *draw = digit(x, *power, n);
                }
            }
            for (draw, power) in rest.iter_mut().zip(others) {
                *draw = digit(x, *power, n);
            }
        }
    }

    /// 1 with probability `p`, else 0.
    pub fn bernoulli(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    /// Standard normal, by the polar method of Marsaglia (SIAM Review 6, 1964).
    #[inline]
    pub fn normal(&mut self) -> f64 {
        if let Some(z) = self.spare.take() {
            return z;
        }
        loop {
            let (u, v) = (self.uniform_in(-1.0, 1.0), self.uniform_in(-1.0, 1.0));
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                let factor = (-2.0 * math::ln(s) / s).sqrt();
                self.spare = Some(v * factor);
                return u * factor;
            }
        }
    }

    /// Exponential with mean 1: −ln(1 − u).
    pub fn exponential(&mut self) -> f64 {
        -math::ln_1p(-self.uniform())
    }

    /// Gamma with shape `a` > 0 and scale 1, by Marsaglia and Tsang (ACM TOMS 26, 2000).
    pub fn gamma(&mut self, a: f64) -> f64 {
        if a < 1.0 {
            let boost = math::pow(1.0 - self.uniform(), 1.0 / a);
            return self.gamma(a + 1.0) * boost;
        }
        let d = a - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let t = 1.0 + c * x;
            if t <= 0.0 {
                continue;
            }
            let v = t * t * t;
            let u = 1.0 - self.uniform();
            if math::ln(u) < 0.5 * x * x + d - d * v + d * math::ln(v) {
                return d * v;
            }
        }
    }

    /// Dirichlet with `n` equal concentrations `a`: a point of the simplex, length `n`.
    pub fn dirichlet(&mut self, n: usize, a: f64) -> Vec<f64> {
        let mut draws: Vec<f64> = (0..n).map(|_| self.gamma(a)).collect();
        let total = math::sum(draws.iter().copied());
        if total > 0.0 {
            for x in &mut draws {
                *x /= total;
            }
        } else {
            draws.fill(1.0 / n as f64);
        }
        draws
    }

    /// Index drawn from weights that sum to one, by inversion of one uniform: the smallest `i`
    /// with w₀ + … + wᵢ > u, and the last index where rounding leaves none. For many draws from one
    /// row see [`super::laws`].
    pub fn categorical(&mut self, weights: &[f64]) -> usize {
        let u = self.uniform();
        let mut cumulative = 0.0;
        if weights.len() <= SHORT {
            let passed = weights.iter().filter(|weight| {
                cumulative += **weight;
                cumulative <= u
            });
            return passed.count().min(weights.len().saturating_sub(1));
        }
        for (i, w) in weights.iter().enumerate() {
            cumulative += w;
            if cumulative > u {
                return i;
            }
        }
        weights.len().saturating_sub(1)
    }

    /// Moves `count` items drawn without replacement to the front, in the order drawn (Fisher and
    /// Yates, from the start); all of them, shuffled, if there are fewer.
    pub fn choose<T>(&mut self, items: &mut [T], count: usize) {
        for i in 0..count.min(items.len()) {
            items.swap(i, i + self.below(items.len() - i));
        }
    }

    /// A bootstrap sample: as many items as there are, drawn with replacement.
    pub fn resampled<T: Clone>(&mut self, items: &[T]) -> Vec<T> {
        items.iter().map(|_| items[self.below(items.len())].clone()).collect()
    }

    /// Shuffles in place (Fisher and Yates, from the end).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::wide::levels;

    #[test]
    fn labels_give_independent_reproducible_streams() {
        let streams = Streams::from_seed(1);
        assert_eq!(streams.stream("a").bits(), streams.stream("a").bits());
        assert_ne!(streams.stream("a").bits(), streams.stream("b").bits());
        assert_ne!(streams.stream("a").bits(), Streams::from_seed(2).stream("a").bits());
    }

    #[test]
    fn numbers_are_those_of_the_generator_one_by_one() {
        use rand_chacha::{ChaCha8Rng, rand_core::Rng};
        let streams = Streams::from_seed(5);
        let seed = blake3::keyed_hash(&streams.key, b"bits");
        let (mut stream, mut generator) = (streams.stream("bits"), ChaCha8Rng::from_seed(*seed.as_bytes()));
        for _ in 0..100 {
            assert_eq!(stream.bits(), generator.next_u64());
        }
    }

    #[test]
    fn a_bootstrap_sample_leaves_out_the_share_one_over_e() {
        let mut stream = Streams::from_seed(3).stream("resampled");
        let items: Vec<usize> = (0..10_000).collect();
        let drawn: std::collections::BTreeSet<usize> = stream.resampled(&items).into_iter().collect();
        assert!((drawn.len() as f64 / 10_000.0 - (1.0 - 1.0 / std::f64::consts::E)).abs() < 0.01);
        assert!(stream.resampled::<u8>(&[]).is_empty());
    }

    #[test]
    fn draws_from_one_word_are_uniform_and_independent() {
        let mut stream = Streams::from_seed(5).stream("each");
        for (n, draws) in [(2, 64_000), (3, 30_000), (10, 40_000), (100_000, 1_000)] {
            let mut all = vec![u32::MAX; draws];
            stream.below_each(n, &mut all);
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
        stream.below_each(3, &mut draws);
        let digits = draws.iter().fold(0, |number, digit| 3 * number + u128::from(*digit));
        assert_eq!(digits, (u128::from(word) * 27) >> 64);
        stream.below_each(1, &mut draws);
        assert_eq!(draws, [0; 3]);
        stream.below_each(7, &mut []);
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
                    stream.clone().below_each_at(level, n, &mut found);
                    assert_eq!(found, known, "{name}, below {n}");
                }
            }
        }
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut s = Streams::from_seed(7).stream("moments");
        let n = 40_000;
        let mean = |f: &mut dyn FnMut() -> f64| (0..n).map(|_| f()).sum::<f64>() / f64::from(n);
        assert!((mean(&mut || s.uniform()) - 0.5).abs() < 0.01);
        assert!(mean(&mut || s.normal()).abs() < 0.02);
        assert!(
            (mean(&mut || {
                let z = s.normal();
                z * z
            }) - 1.0)
                .abs()
                < 0.03
        );
        assert!((mean(&mut || s.exponential()) - 1.0).abs() < 0.03);
        assert!((mean(&mut || s.gamma(0.5)) - 0.5).abs() < 0.02);
        assert!((mean(&mut || s.gamma(3.0)) - 3.0).abs() < 0.05);
        assert!((mean(&mut || s.below(3) as f64) - 1.0).abs() < 0.02);
    }
}
