//! Correlation of paired values.

use super::{
    sample::{StatsError, finite, level as hold_level},
    special::normal_quantile,
};
use crate::kernel::{
    math::{ln_1p, mean, sum, tanh},
    rank,
};

/// Pearson's coefficient of linear correlation,
///
/// ```text
/// r = Σᵢ (xᵢ − x̄)(yᵢ − ȳ) / √(Σᵢ (xᵢ − x̄)² Σᵢ (yᵢ − ȳ)²),   in [−1, 1].
/// ```
///
/// # Errors
/// [`StatsError`] for different lengths, fewer than two pairs, values that are not finite, or a side
/// without spread.
///
/// ```
/// use corroborate::stats::correlation::pearson;
/// assert_eq!(pearson(&[1.0, 2.0, 3.0], &[5.0, 7.0, 9.0])?, 1.0);
/// # Ok::<(), corroborate::stats::sample::StatsError>(())
/// ```
pub fn pearson(x: &[f64], y: &[f64]) -> Result<f64, StatsError> {
    if x.len() != y.len() {
        return Err(StatsError::Lengths(x.len(), y.len()));
    }
    let (u, v) = (centred(x)?, centred(y)?);
    let product = |a: &[f64], b: &[f64]| sum(a.iter().zip(b).map(|(a, b)| a * b));
    Ok((product(&u, &v) / (product(&u, &u) * product(&v, &v)).sqrt()).clamp(-1.0, 1.0))
}

/// Spearman's rank correlation: [`pearson`] of the ranks, equal values sharing the mean of theirs
/// ([`rank::spearman`]).
///
/// # Errors
/// As [`pearson`].
pub fn spearman(x: &[f64], y: &[f64]) -> Result<f64, StatsError> {
    if x.len() != y.len() {
        return Err(StatsError::Lengths(x.len(), y.len()));
    }
    finite(x, 2)?;
    finite(y, 2)?;
    rank::spearman(x, y).ok_or(StatsError::Constant)
}

/// Interval of a linear correlation by Fisher's transformation: artanh r is nearly normal with
/// standard deviation 1/√(n − 3). Approximate; assumes independent pairs, jointly normal.
///
/// Source: Fisher, Metron 1 (1921), 3–32.
///
/// # Errors
/// As [`pearson`], with at least four pairs, and [`StatsError::Level`].
pub fn pearson_interval(x: &[f64], y: &[f64], level: f64) -> Result<(f64, f64), StatsError> {
    hold_level(level)?;
    finite(x, 4)?;
    let r = pearson(x, y)?;
    let reach = normal_quantile(1.0 - 0.5 * level)? / (x.len() as f64 - 3.0).sqrt();
    let centre = 0.5 * (ln_1p(r) - ln_1p(-r));
    Ok((tanh(centre - reach), tanh(centre + reach)))
}

/// Deviations from the mean, scaled to at most 1 so that their squares neither overflow nor vanish.
fn centred(values: &[f64]) -> Result<Vec<f64>, StatsError> {
    finite(values, 2)?;
    if values.iter().all(|v| *v == values[0]) {
        return Err(StatsError::Constant);
    }
    let largest = values.iter().fold(0.0_f64, |top, v| top.max(v.abs()));
    let scaled: Vec<f64> = values.iter().map(|v| v / largest).collect();
    let centre = mean(&scaled);
    let deviations: Vec<f64> = scaled.iter().map(|v| v - centre).collect();
    let widest = deviations.iter().fold(0.0_f64, |top, v| top.max(v.abs()));
    Ok(deviations.iter().map(|v| v / widest).collect())
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_values() {
        // By hand: deviations (−1.5, −0.5, 0.5, 1.5) and (−1, 1, −1, 1) give 2 / √(5 · 4).
        let (x, y) = ([1.0, 2.0, 3.0, 4.0], [0.0, 2.0, 0.0, 2.0]);
        assert_relative_eq!(pearson(&x, &y).unwrap(), 2.0 / 20_f64.sqrt(), max_relative = 1e-14);
        // Ranks (1, 2, 3, 4) and (1.5, 3.5, 1.5, 3.5): the same by linearity.
        assert_relative_eq!(spearman(&x, &y).unwrap(), 2.0 / 20_f64.sqrt(), max_relative = 1e-14);
        assert_eq!(spearman(&[1.0, 10.0, 100.0], &[-3.0, 0.0, 8.0]).unwrap(), 1.0);
        assert_relative_eq!(
            pearson(&[1e-200, 2e-200], &[1e200, -1e200]).unwrap(),
            -1.0,
            max_relative = 1e-15
        );
    }

    #[test]
    fn a_known_interval() {
        // r = 0.5 from 28 pairs would give artanh(0.5) ± 1.96/5; here r comes from the pairs.
        let x: Vec<f64> = (0..28).map(f64::from).collect();
        let y: Vec<f64> = x.iter().map(|v| v + 9.0 * f64::from(u8::from(v % 2.0 == 0.0))).collect();
        let (r, (low, high)) = (pearson(&x, &y).unwrap(), pearson_interval(&x, &y, 0.05).unwrap());
        assert_relative_eq!(low, (r.atanh() - 1.959_964 / 5.0).tanh(), epsilon = 1e-6);
        assert_relative_eq!(high, (r.atanh() + 1.959_964 / 5.0).tanh(), epsilon = 1e-6);
    }

    #[test]
    fn bad_input_is_named() {
        assert_eq!(pearson(&[1.0], &[1.0, 2.0]), Err(StatsError::Lengths(1, 2)));
        assert_eq!(pearson(&[1.0, 1.0], &[1.0, 2.0]), Err(StatsError::Constant));
        assert!(matches!(pearson(&[1.0], &[1.0]), Err(StatsError::TooFew { .. })));
        assert!(matches!(spearman(&[1.0, f64::NAN], &[1.0, 2.0]), Err(StatsError::NotFinite(_))));
        assert!(matches!(
            pearson_interval(&[1.0, 2.0, 3.0], &[1.0, 2.0, 4.0], 0.1),
            Err(StatsError::TooFew { .. })
        ));
    }

    fn pairs() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
        prop::collection::vec((-9.0..9.0, -9.0..9.0), 3..20).prop_map(|pairs| pairs.into_iter().unzip())
    }

    proptest! {
        #[test]
        fn units_do_not_matter((x, y) in pairs(), scale in 0.1..10.0, shift in -5.0..5.0) {
            let moved: Vec<f64> = x.iter().map(|v| scale * v + shift).collect();
            prop_assert!((pearson(&x, &y).unwrap() - pearson(&moved, &y).unwrap()).abs() < 1e-9);
            let turned: Vec<f64> = x.iter().map(|v| -v).collect();
            prop_assert!((pearson(&x, &y).unwrap() + pearson(&turned, &y).unwrap()).abs() < 1e-12);
        }

        #[test]
        fn ranks_see_only_the_order((x, y) in pairs()) {
            let bent: Vec<f64> = x.iter().map(|v| v * v * v).collect();
            prop_assert!((spearman(&x, &y).unwrap() - spearman(&bent, &y).unwrap()).abs() < 1e-12);
        }

        #[test]
        fn the_interval_holds_the_estimate((x, y) in pairs()) {
            if let Ok((low, high)) = pearson_interval(&x, &y, 0.1) {
                let r = pearson(&x, &y).unwrap();
                prop_assert!(-1.0 <= low && low <= r && r <= high && high <= 1.0);
            }
        }
    }
}
