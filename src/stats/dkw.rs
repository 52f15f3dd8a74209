//! Bands around an empirical distribution function that hold everywhere at once.
//!
//! For n independent values with distribution function F and empirical distribution function Fₙ,
//!
//! ```text
//! P(sup |Fₙ − F| > ε) ≤ 2 exp(−2 n ε²),   so   ε = √(ln(2/level) / (2n))
//! ```
//!
//! gives a band Fₙ ± ε that holds F with probability at least 1 − level. Sources: Dvoretzky, Kiefer
//! and Wolfowitz, Annals of Mathematical Statistics 27 (1956); the constant 2 by Massart, Annals of
//! Probability 18 (1990), 1269–1283. Assumption: independent values with a common distribution, of
//! any shape.

use super::sample::{StatsError, finite, level as hold_level, sorted};
use crate::kernel::math::ln;

/// An empirical distribution function with its band.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    sorted: Vec<f64>,
    /// Half the width of the band, at most 1.
    pub half_width: f64,
}

impl Band {
    /// The band of these values at `level`.
    ///
    /// # Errors
    /// [`StatsError`] for no values, values that are not finite, or a level outside of (0, 1).
    pub fn of(values: &[f64], level: f64) -> Result<Self, StatsError> {
        finite(values, 1)?;
        hold_level(level)?;
        let half_width = (ln(2.0 / level) / (2.0 * values.len() as f64)).sqrt().min(1.0);
        Ok(Self { sorted: sorted(values), half_width })
    }

    /// Share of the values that are at most x.
    #[must_use]
    pub fn share(&self, x: f64) -> f64 {
        self.sorted.partition_point(|v| *v <= x) as f64 / self.sorted.len() as f64
    }

    /// Interval of the distribution function at x.
    #[must_use]
    pub fn at(&self, x: f64) -> (f64, f64) {
        let share = self.share(x);
        ((share - self.half_width).max(0.0), (share + self.half_width).min(1.0))
    }

    /// Interval of the p-quantile, for all p at once: the smallest x where the upper end of the band
    /// reaches p, and the smallest where the lower end does; infinite where the band never tells.
    ///
    /// # Errors
    /// [`StatsError::Level`] unless 0 < p < 1.
    pub fn quantile(&self, p: f64) -> Result<(f64, f64), StatsError> {
        hold_level(p)?;
        let n = self.sorted.len() as f64;
        // The i-th smallest value has a share of at least i / n below or at it.
        let smallest = |wanted: f64| (n * wanted - 1e-9).ceil() as usize;
        let low = match smallest(p - self.half_width) {
            _ if p <= self.half_width => f64::NEG_INFINITY,
            i => self.sorted[i.max(1) - 1],
        };
        let high = self.sorted.get(smallest(p + self.half_width).max(1) - 1).copied();
        Ok((low, high.unwrap_or(f64::INFINITY)))
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_width_of_a_known_band() {
        let band = Band::of(&[1.0; 200], 0.05).unwrap();
        assert_relative_eq!(band.half_width, (40_f64.ln() / 400.0).sqrt(), max_relative = 1e-14);
        assert_eq!(Band::of(&[1.0], 0.05).unwrap().at(0.0), (0.0, 1.0));
    }

    #[test]
    fn quantiles_of_a_known_band() {
        let values: Vec<f64> = (1..=200).map(f64::from).collect();
        let band = Band::of(&values, 0.05).unwrap();
        // Half the width is 0.0960: the median lies between the 81st and the 120th value.
        assert_eq!(band.quantile(0.5).unwrap(), (81.0, 120.0));
        assert_eq!(band.quantile(0.05).unwrap().0, f64::NEG_INFINITY);
        assert_eq!(band.quantile(0.95).unwrap().1, f64::INFINITY);
        assert_eq!(band.at(100.0), (0.5 - band.half_width, 0.5 + band.half_width));
    }

    #[test]
    fn bad_input_is_named() {
        assert!(matches!(Band::of(&[], 0.1), Err(StatsError::TooFew { .. })));
        assert!(matches!(Band::of(&[f64::INFINITY], 0.1), Err(StatsError::NotFinite(_))));
        assert!(matches!(Band::of(&[1.0], 0.0), Err(StatsError::Level(_))));
        assert!(matches!(Band::of(&[1.0], 0.1).unwrap().quantile(1.0), Err(StatsError::Level(_))));
    }

    proptest! {
        #[test]
        fn the_quantile_interval_is_what_the_band_allows(values in prop::collection::vec(-9_i8..9, 1..60), p in 0.01..0.99) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let band = Band::of(&values, 0.2).unwrap();
            let (low, high) = band.quantile(p).unwrap();
            prop_assert!(low <= high);
            // A distribution function inside the band can put its p-quantile inside only.
            if low.is_finite() {
                prop_assert!(band.at(low - 0.5).1 < p + 1e-9 && band.at(low).1 >= p - 1e-9);
            }
            if high.is_finite() {
                prop_assert!(band.at(high - 0.5).0 < p + 1e-9 && band.at(high).0 >= p - 1e-9);
            }
        }
    }

    #[test]
    fn rounding_moves_no_quantile() {
        // Half the width is given, so that shares meet the band exactly, but for their last digit:
        // 0.1 + 0.2 is more than 0.3, and yet three of ten values are enough.
        let band = Band { sorted: (1..=10).map(f64::from).collect(), half_width: 0.2 };
        assert_eq!(band.quantile(0.1).unwrap(), (f64::NEG_INFINITY, 3.0));
        assert_eq!(band.quantile(0.5).unwrap(), (3.0, 7.0));
        assert_eq!(band.quantile(0.6).unwrap(), (4.0, 8.0));
    }
}
