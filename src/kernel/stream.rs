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

use super::math;

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
