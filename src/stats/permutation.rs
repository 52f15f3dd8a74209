//! Permutation tests: exact under exchangeability, without any assumption on shape.
//!
//! Paired: if the members of every pair are exchangeable, each difference is as likely as its
//! negative, so that the mean difference is compared with those of all 2ⁿ choices of signs. Two
//! samples: if all values are exchangeable, the difference of means is compared with those of all
//! ways to divide them. Up to [`ENUMERATED`] arrangements all are counted, and the p-value is the
//! share of arrangements at least as extreme as the observed one, which is among them. Beyond,
//! arrangements are drawn and p = (1 + extreme)/(1 + drawn), which is valid too, because the
//! observed arrangement is one more draw.
//!
//! Source: Phipson and Smyth, Statistical Applications in Genetics and Molecular Biology 9 (2010),
//! article 39, for the p-value of drawn arrangements.

use super::sample::{StatsError, finite};
use crate::kernel::{
    math::sum,
    stream::{Stream, Streams},
};

/// Arrangements that are enumerated at most.
pub const ENUMERATED: u64 = 1 << 16;
/// Relative difference below which two arrangements count as equal: rounding must not decide.
const TIE: f64 = 1e-12;

/// What speaks against the hypothesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alternative {
    /// A mean (difference) that is larger.
    Greater,
    /// A mean (difference) that is smaller.
    Less,
    /// Either.
    TwoSided,
}

/// The result of a permutation test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Permutation {
    /// P-value.
    pub p: f64,
    /// Arrangements counted, the observed one included.
    pub arrangements: u64,
    /// Whether these are all.
    pub exact: bool,
}

/// Test of paired differences against "each is as likely as its negative". `draws` arrangements are
/// drawn where there are too many to enumerate; equal streams draw equal ones.
///
/// # Errors
/// [`StatsError`] for no values, or values that are not finite.
pub fn paired(
    differences: &[f64],
    alternative: Alternative,
    draws: u64,
    streams: &Streams,
) -> Result<Permutation, StatsError> {
    finite(differences, 1)?;
    let total = |negative: &dyn Fn(usize) -> bool| {
        sum(differences.iter().enumerate().map(|(i, d)| if negative(i) { -d } else { *d }))
    };
    let scale = sum(differences.iter().map(|d| d.abs()));
    let extreme = Extreme { observed: total(&|_| false), scale, alternative };
    let all = 1_u64.checked_shl(differences.len() as u32).filter(|all| *all <= ENUMERATED);
    Ok(match all {
        Some(all) => exactly(all, (0..all).filter(|signs| extreme.holds(total(&|i| signs >> i & 1 == 1)))),
        None => drawn(draws, streams, |stream| {
            let signs: Vec<bool> = differences.iter().map(|_| stream.bernoulli(0.5)).collect();
            extreme.holds(total(&|i| signs[i]))
        }),
    })
}

/// Test of two independent samples against "all values are exchangeable", by the difference of
/// means, first minus second. `draws` as for [`paired`].
///
/// # Errors
/// [`StatsError`] for an empty sample, or values that are not finite.
pub fn two_sample(
    first: &[f64],
    second: &[f64],
    alternative: Alternative,
    draws: u64,
    streams: &Streams,
) -> Result<Permutation, StatsError> {
    finite(first, 1)?;
    finite(second, 1)?;
    let (n, m) = (first.len(), second.len());
    let pooled: Vec<f64> = first.iter().chain(second).copied().collect();
    let difference = |one: &dyn Fn(usize) -> bool| {
        sum(pooled.iter().enumerate().map(|(i, v)| if one(i) { v / n as f64 } else { -v / m as f64 }))
    };
    let scale = sum(pooled.iter().map(|v| v.abs())) / n.min(m) as f64;
    let extreme = Extreme { observed: difference(&|i| i < n), scale, alternative };
    let of_chosen = |chosen: &[usize]| {
        let mut is_chosen = vec![false; n + m];
        for i in chosen {
            is_chosen[*i] = true;
        }
        extreme.holds(difference(&|i| is_chosen[i]))
    };
    Ok(match choices(n, m).filter(|all| *all <= ENUMERATED) {
        Some(all) => exactly(all, Subsets::new(n, n + m).filter(|chosen| of_chosen(chosen))),
        None => drawn(draws, streams, |stream| {
            let mut order: Vec<usize> = (0..n + m).collect();
            stream.choose(&mut order, n);
            of_chosen(&order[..n])
        }),
    })
}

/// Whether an arrangement is at least as extreme as the observed one.
struct Extreme {
    observed: f64,
    scale: f64,
    alternative: Alternative,
}

impl Extreme {
    fn holds(&self, value: f64) -> bool {
        let slack = TIE * self.scale;
        match self.alternative {
            Alternative::Greater => value >= self.observed - slack,
            Alternative::Less => value <= self.observed + slack,
            Alternative::TwoSided => value.abs() >= self.observed.abs() - slack,
        }
    }
}

fn exactly<T>(all: u64, extreme: impl Iterator<Item = T>) -> Permutation {
    Permutation { p: extreme.count() as f64 / all as f64, arrangements: all, exact: true }
}

fn drawn(draws: u64, streams: &Streams, mut is_extreme: impl FnMut(&mut Stream) -> bool) -> Permutation {
    let mut stream = streams.stream("permutation");
    let extreme = (0..draws).filter(|_| is_extreme(&mut stream)).count() as f64;
    Permutation { p: (1.0 + extreme) / (1.0 + draws as f64), arrangements: draws + 1, exact: false }
}

/// The number of ways to choose n of n + m; `None` if it is beyond 2⁶⁴.
fn choices(n: usize, m: usize) -> Option<u64> {
    (1..=n.min(m) as u64).try_fold(1_u64, |ways, i| Some(ways.checked_mul(n.max(m) as u64 + i)? / i))
}

/// All subsets of a size, in lexicographic order.
struct Subsets {
    next: Option<Vec<usize>>,
    of: usize,
}

impl Subsets {
    fn new(size: usize, of: usize) -> Self {
        Self { next: Some((0..size).collect()), of }
    }
}

impl Iterator for Subsets {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        let current = self.next.take()?;
        let size = current.len();
        if let Some(i) = (0..size).rfind(|i| current[*i] < self.of - size + i) {
            let mut following = current.clone();
            for (step, j) in (i..size).enumerate() {
                following[j] = current[i] + 1 + step;
            }
            self.next = Some(following);
        }
        Some(current)
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::*;

    fn streams() -> Streams {
        Streams::from_seed(7)
    }

    fn of_pairs(differences: &[f64], alternative: Alternative) -> Permutation {
        paired(differences, alternative, 999, &streams()).unwrap()
    }

    #[test]
    fn all_signs_of_a_small_sample() {
        // Of the 16 sums ±1 ± 2 ± 3 ± 4 only 10 itself reaches 10; 8 is reached by 10 and 8.
        assert_eq!(of_pairs(&[1.0, 2.0, 3.0, 4.0], Alternative::Greater).p, 1.0 / 16.0);
        assert_eq!(of_pairs(&[-1.0, 2.0, 3.0, 4.0], Alternative::Greater).p, 2.0 / 16.0);
        assert_eq!(of_pairs(&[1.0, 2.0, 3.0, 4.0], Alternative::TwoSided).p, 2.0 / 16.0);
        assert_eq!(of_pairs(&[1.0, 2.0, 3.0, 4.0], Alternative::Less).p, 1.0);
        assert_eq!(of_pairs(&[0.0; 5], Alternative::Greater).p, 1.0);
    }

    #[test]
    fn all_divisions_of_two_small_samples() {
        // {4, 5} is the most extreme of the 10 ways to choose two of five.
        let split = |a: &[f64], b: &[f64]| two_sample(a, b, Alternative::Greater, 999, &streams()).unwrap();
        assert_eq!(split(&[4.0, 5.0], &[1.0, 2.0, 3.0]).p, 0.1);
        assert_eq!(split(&[3.0, 5.0], &[1.0, 2.0, 4.0]).p, 0.2);
        assert_eq!(split(&[1.0, 2.0], &[3.0, 4.0, 5.0]).p, 1.0);
        assert_eq!(split(&[1.0, 2.0], &[3.0, 4.0, 5.0]).arrangements, 10);
    }

    #[test]
    fn differences_of_means_are_extreme_on_either_side() {
        // Means of two minus means of three of 1 … 5: only {1, 2} and {4, 5} are as far apart.
        let split =
            |a: &[f64], b: &[f64]| two_sample(a, b, Alternative::TwoSided, 999, &streams()).unwrap().p;
        assert_eq!(split(&[1.0, 2.0], &[3.0, 4.0, 5.0]), 0.2);
        assert_eq!(split(&[1.0, 2.0, 3.0], &[4.0, 5.0]), 0.2);
    }

    #[test]
    fn drawn_arrangements_come_close_and_can_be_repeated() {
        let differences: Vec<f64> = (0..24).map(|i| f64::from(i % 7) - 2.5).collect();
        let test = of_pairs(&differences, Alternative::Greater);
        assert!(!test.exact && test.arrangements == 1000);
        assert_eq!(test, of_pairs(&differences, Alternative::Greater));
        // The sum of the differences has a known normal approximation.
        let total: f64 = differences.iter().sum();
        let spread = differences.iter().map(|d| d * d).sum::<f64>().sqrt();
        assert_relative_eq!(test.p, crate::kernel::math::normal_cdf(-total / spread), epsilon = 0.04);
    }

    #[test]
    fn bad_input_is_named() {
        let bad = paired(&[], Alternative::Less, 9, &streams());
        assert!(matches!(bad, Err(StatsError::TooFew { .. })));
        let bad = two_sample(&[1.0], &[f64::NAN], Alternative::Less, 9, &streams());
        assert!(matches!(bad, Err(StatsError::NotFinite(_))));
    }

    #[test]
    fn subsets_are_complete() {
        assert_eq!(Subsets::new(2, 4).count(), 6);
        assert_eq!(choices(2, 2), Some(6));
        assert_eq!(choices(500, 500), None);
    }

    proptest! {
        #[test]
        fn the_two_directions_share_the_observed_arrangement(d in prop::collection::vec(-4_i8..5, 1..9)) {
            let d: Vec<f64> = d.into_iter().map(f64::from).collect();
            let greater = of_pairs(&d, Alternative::Greater).p;
            let less = of_pairs(&d, Alternative::Less).p;
            prop_assert!(greater + less > 1.0 && greater <= 1.0 && less <= 1.0);
            let mirrored: Vec<f64> = d.iter().map(|v| -v).collect();
            prop_assert_eq!(greater, of_pairs(&mirrored, Alternative::Less).p);
        }

        #[test]
        fn p_values_are_valid(d in prop::collection::vec(1_u8..9, 1..7)) {
            // Over all signs of the same sizes, P(p ≤ t) ≤ t at every attained t.
            let p_values: Vec<f64> = (0..1_u32 << d.len())
                .map(|signs| {
                    let signed: Vec<f64> = d.iter().enumerate().map(|(i, v)| {
                        if signs >> i & 1 == 1 { -f64::from(*v) } else { f64::from(*v) }
                    }).collect();
                    of_pairs(&signed, Alternative::Greater).p
                })
                .collect();
            for t in &p_values {
                let share = p_values.iter().filter(|p| *p <= t).count() as f64 / p_values.len() as f64;
                prop_assert!(share <= t + 1e-12);
            }
        }
    }

    #[test]
    fn drawn_divisions_come_close_to_all_of_them() {
        // Values 0 … 25, of which the first sample has the even ones: half a step below the other, on
        // average, and the difference of means has a known normal approximation.
        let (first, second): (Vec<f64>, Vec<f64>) =
            (0..13).map(|i| (f64::from(2 * i), f64::from(2 * i + 1))).unzip();
        let test = two_sample(&first, &second, Alternative::Less, 1999, &streams()).unwrap();
        assert!(!test.exact && test.arrangements == 2000);
        // Var = 26² (26 + 1) / (12 · 13²) for a difference of ranks' means; the difference is −1.
        let spread = (26.0_f64 * 26.0 * 27.0 / (12.0 * 13.0 * 13.0)).sqrt();
        assert_relative_eq!(test.p, crate::kernel::math::normal_cdf((-1.0 + 0.1) / spread), epsilon = 0.04);
    }

    #[test]
    fn the_observed_arrangement_is_one_more_draw() {
        // All signs positive out of 2²⁴: none of 999 draws is as extreme.
        assert_eq!(of_pairs(&[1.0; 24], Alternative::Greater).p, 1.0 / 1000.0);
    }

    #[test]
    fn rounding_decides_no_tie_whatever_the_unit() {
        // ±0.1 ± 0.2 ± 0.3 is zero twice and positive three times, but 0.1 + 0.2 − 0.3 > 0 in binary.
        for unit in [1e-9, 1.0, 1e9] {
            let differences = [0.1 * unit, 0.2 * unit, -0.3 * unit];
            assert_eq!(of_pairs(&differences, Alternative::Greater).p, 5.0 / 8.0, "{unit}");
        }
    }

    #[test]
    fn a_small_difference_is_no_tie() {
        // One value is larger than the others by far more than rounding: it is in the first sample in
        // half of the divisions.
        let (mut first, second) = ([1.0; 8], [1.0; 8]);
        first[0] += 1e-10;
        let test = two_sample(&first, &second, Alternative::Greater, 9, &streams()).unwrap();
        assert_eq!((test.p, test.exact), (0.5, true));
    }
}
