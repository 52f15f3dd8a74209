//! Velocity fields that are linear in radial features.

use crate::kernel::{
    math::{exp, exp_each},
    wide::{LANES, Level, dispatch},
};

/// N normalised Gaussian bumps r₁ … r_N on the line, Σ r = 1: centres at −(N − 1)/2 … (N − 1)/2 times
/// the spacing, and the spacing for width.
#[derive(Clone, Copy, Debug)]
pub struct Radial<const N: usize> {
    spacing: f64,
    /// exp(−½ (centre/spacing)²).
    heights: [f64; N],
}

impl<const N: usize> Radial<N> {
    /// Beyond 40 spacings from the middle a bump does not change in the first 14 digits; and powers up
    /// to exp(40)¹⁷ are finite.
    const REACH: f64 = 40.0;

    /// Bumps at this distance from each other.
    #[must_use]
    pub fn new(spacing: f64) -> Self {
        let heights = std::array::from_fn(|k| {
            let centre = k as f64 - 0.5 * (N as f64 - 1.0);
            exp(-0.5 * centre * centre)
        });
        Self { spacing, heights }
    }

    /// exp(x/spacing). With it, rₖ(x) ∝ exp(−½ (x − cₖ)²/spacing²) ∝ heightₖ · power(x)ᵏ: a single
    /// exponential gives all of them.
    fn power(&self, x: f64) -> f64 {
        exp(self.exponent(x))
    }

    fn exponent(&self, x: f64) -> f64 {
        (x / self.spacing).clamp(-Self::REACH, Self::REACH)
    }

    /// r₁(x) … r_N(x).
    #[must_use]
    pub fn at(&self, x: f64) -> [f64; N] {
        let (power, mut row, mut running, mut total) = (self.power(x), self.heights, 1.0, 0.0);
        for r in &mut row {
            *r *= running;
            running *= power;
            total += *r;
        }
        // One division instead of N: this is the inner loop of training.
        let share = 1.0 / total;
        row.map(|r| r * share)
    }
}

/// v(t, x) = Σₖ rₖ(x) (Wₖ + t W′ₖ).
#[derive(Clone, Debug)]
pub struct Field<const N: usize> {
    radial: Radial<N>,
    /// W, then W′: 2N numbers.
    pub weights: Vec<f64>,
}

impl<const N: usize> Field<N> {
    /// The field that is zero everywhere.
    #[must_use]
    pub fn zero(radial: Radial<N>) -> Self {
        Self { radial, weights: vec![0.0; 2 * N] }
    }

    /// Wₖ + t W′ₖ for all k.
    #[must_use]
    pub fn weights_at(&self, time: f64) -> [f64; N] {
        std::array::from_fn(|k| self.weights[k] + time * self.weights[N + k])
    }

    /// v(t, x) at many points at once, by Horner's rule.
    pub fn velocity(&self, time: f64, x: &[f64], out: &mut [f64]) {
        self.velocity_at(Level::new(), time, x, out);
    }

    fn velocity_at(&self, level: Level, time: f64, x: &[f64], out: &mut [f64]) {
        dispatch!(level, _simd => self.velocity_inlined(time, x, out));
    }

    #[inline(always)]
    fn velocity_inlined(&self, time: f64, x: &[f64], out: &mut [f64]) {
        let mut weights = self.weights_at(time);
        for (w, height) in weights.iter_mut().zip(&self.radial.heights) {
            *w *= height;
        }
        for (x, out) in x.chunks(LANES).zip(out.chunks_mut(LANES)) {
            let (mut power, mut top, mut bottom) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
            for (power, x) in power.iter_mut().zip(x) {
                *power = self.radial.exponent(*x);
            }
            exp_each(&mut power);
            for (w, height) in weights.iter().zip(&self.radial.heights).rev() {
                for i in 0..LANES {
                    top[i] = top[i] * power[i] + w;
                    bottom[i] = bottom[i] * power[i] + height;
                }
            }
            for ((out, top), bottom) in out.iter_mut().zip(top).zip(bottom) {
                *out = top / bottom;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::wide::levels;
    use approx::assert_relative_eq;

    #[test]
    fn bumps_are_normalised_gaussians() {
        let radial = Radial::<17>::new(0.5);
        for x in [-3.7, 0.0, 0.21, 6.0, 9.5] {
            let bumps: [f64; 17] = std::array::from_fn(|k| {
                let gap = (x - (-4.0 + 0.5 * k as f64)) / 0.5;
                exp(-0.5 * gap * gap)
            });
            let total: f64 = bumps.iter().sum();
            for (r, known) in radial.at(x).iter().zip(bumps) {
                assert_relative_eq!(*r, known / total, epsilon = 1e-14);
            }
        }
    }

    #[test]
    fn far_away_the_outermost_bump_is_all() {
        let radial = Radial::<17>::new(0.5);
        for x in [1e3, 1e300] {
            assert_relative_eq!(radial.at(x)[16], 1.0, epsilon = 1e-13);
            assert_relative_eq!(radial.at(-x)[0], 1.0, epsilon = 1e-13);
        }
    }

    #[test]
    fn many_points_at_once_are_as_one_by_one() {
        let mut field = Field::zero(Radial::<7>::new(1.0));
        for (k, w) in field.weights.iter_mut().enumerate() {
            *w = (k as f64 - 4.0) * 0.3;
        }
        let x: Vec<f64> = (0..19).map(|i| f64::from(i) * 0.5 - 4.5).collect();
        let mut out = vec![0.0; x.len()];
        field.velocity(0.7, &x, &mut out);
        for (name, level) in levels() {
            let mut found = vec![0.0; x.len()];
            field.velocity_at(level, 0.7, &x, &mut found);
            assert_eq!(found, out, "{name}");
        }
        for (x, v) in x.iter().zip(out) {
            let one_by_one: f64 =
                field.radial.at(*x).iter().zip(field.weights_at(0.7)).map(|(r, w)| r * w).sum();
            assert_relative_eq!(v, one_by_one, epsilon = 1e-13);
        }
    }
}
