//! What is seen in a round: m individuals of each group, and the numbers formed from them.

use super::{
    Fault, RESIDUALS,
    environment::{Environment, Limits, Rates, residuals, reward},
};
use crate::{kernel::stream::Stream, papers::leaf::Failure};

/// What the learner is told after a round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// Noisy reward.
    pub reward: f64,
    /// Noisy residuals.
    pub residuals: [f64; RESIDUALS],
}

/// Observation from the batch rates of the two groups, at share p of group 0.
#[must_use]
pub fn observe(batch: [Rates; 2], c: f64, limits: Limits, p: f64, fault: Option<Fault>) -> Observation {
    let mut seen = residuals(batch, limits, p);
    if fault == Some(Fault::AbsOfNoisyGap) {
        let gap = batch[0].accepted() - batch[1].accepted();
        seen[0] = gap.abs() - limits.epsilon;
        seen[1] = seen[0];
    }
    Observation { reward: reward(batch, c, p), residuals: seen }
}

/// Draws batches of m individuals a group.
///
/// The number accepted is binomial, and so is the number of these that are accepted rightly; both
/// are drawn by inversion of one uniform number each. All arms use up the same uniform numbers, so
/// that two algorithms meet equally fortunate batches in the same round.
#[derive(Clone, Debug)]
pub struct Applicants {
    m: usize,
    /// For each arm, its two groups.
    arms: Vec<[Group; 2]>,
}

/// Distribution functions of the counts of a batch in one group.
#[derive(Clone, Debug)]
struct Group {
    /// Of the number accepted, out of m.
    accepted: Vec<f64>,
    /// Of the number accepted rightly, given the number n accepted: entry n.
    right: Vec<Vec<f64>>,
}

/// Largest K m² whose distribution functions are tabulated; they take 8 K m² bytes.
const TABULATED: usize = 20_000_000;

impl Applicants {
    /// Batches of `m` individuals a group, under the arms of an environment.
    ///
    /// # Errors
    /// [`Failure::Invalid`] if m is zero, or K m² exceeds 2 · 10⁷ (m = 1000 for 20 arms).
    pub fn new(environment: &Environment, m: u32) -> Result<Self, Failure> {
        let m = m as usize;
        let cells = m.checked_mul(m).and_then(|square| square.checked_mul(environment.count()));
        if m == 0 || cells.is_none_or(|cells| cells > TABULATED) {
            return Err(Failure::invalid(format!("m must be positive, and K m^2 at most {TABULATED}")));
        }
        let of_group = |r: Rates| {
            let share_right = if r.accepted() > 0.0 { r.good / r.accepted() } else { 0.0 };
            let accepted = binomials(m, r.accepted().min(1.0)).pop().unwrap_or_default();
            Group { accepted, right: binomials(m, share_right) }
        };
        Ok(Self { m, arms: environment.arms.iter().map(|groups| groups.map(of_group)).collect() })
    }

    /// Rates of a batch under arm `k`.
    #[must_use]
    pub fn draw(&self, k: usize, stream: &mut Stream) -> [Rates; 2] {
        let m = self.m as f64;
        self.arms[k].each_ref().map(|group| {
            let accepted = invert(&group.accepted, stream.uniform());
            let right = invert(&group.right[accepted], stream.uniform());
            Rates { good: right as f64 / m, bad: (accepted - right) as f64 / m }
        })
    }
}

/// Distribution functions of Bin(n, p) for n = 0, …, m, by adding one trial at a time, which is
/// accurate for every p in \[0, 1\]: b(k; n) = (1 − p) b(k; n − 1) + p b(k − 1; n − 1).
fn binomials(m: usize, p: f64) -> Vec<Vec<f64>> {
    let mut mass = vec![1.0];
    let mut functions = Vec::with_capacity(m + 1);
    loop {
        let mut cumulative = 0.0;
        functions.push(
            mass.iter()
                .map(|b| {
                    cumulative += b;
                    cumulative
                })
                .collect(),
        );
        if mass.len() > m {
            return functions;
        }
        let mut below = 0.0;
        for b in &mut mass {
            (*b, below) = ((1.0 - p) * *b + p * below, *b);
        }
        mass.push(p * below);
    }
}

/// The smallest k whose distribution function exceeds u; the last where rounding leaves none.
///
/// All values are counted instead of searched: for batches of tens that is several times faster,
/// because nothing waits for a comparison.
fn invert(distribution: &[f64], u: f64) -> usize {
    let below: u64 = distribution.iter().map(|f| u64::from(*f <= u)).sum();
    (below as usize).min(distribution.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{stream::Streams, tokens::binomial_expectation};
    use approx::assert_abs_diff_eq;

    #[test]
    fn batches_have_the_rates_of_the_arm() {
        let rates = [Rates { good: 0.3, bad: 0.2 }, Rates { good: 0.0, bad: 1.0 }];
        let environment = Environment::new(vec![rates], 1.0, Limits { epsilon: 0.1, s_min: 0.5 }).unwrap();
        let applicants = Applicants::new(&environment, 20).unwrap();
        let mut stream = Streams::from_seed(1).stream("applicants");
        let (mut good, mut bad) = (0.0, 0.0);
        for _ in 0..5_000 {
            let [advantaged, disadvantaged] = applicants.draw(0, &mut stream);
            good += advantaged.good / 5_000.0;
            bad += advantaged.bad / 5_000.0;
            assert_eq!(disadvantaged, Rates { good: 0.0, bad: 1.0 });
        }
        assert_abs_diff_eq!(good, 0.3, epsilon = 0.006);
        assert_abs_diff_eq!(bad, 0.2, epsilon = 0.006);
    }

    #[test]
    fn distribution_functions_are_binomial() {
        let functions = binomials(40, 0.3);
        for n in [0, 1, 7, 40] {
            for (k, found) in functions[n].iter().enumerate() {
                let known = binomial_expectation(n, 0.3, |x| f64::from(u8::from(x <= k)));
                assert_abs_diff_eq!(*found, known, epsilon = 1e-14);
            }
        }
        assert_eq!(invert(&binomials(5, 0.0)[5], 0.999), 0);
        assert_eq!(invert(&binomials(5, 1.0)[5], 0.0), 5);
        assert_eq!(invert(&[0.5, 1.0 - f64::EPSILON], 1.0 - 0.5 * f64::EPSILON), 1);
    }

    #[test]
    fn tables_too_large_are_refused() {
        let rates = [Rates { good: 0.3, bad: 0.2 }; 2];
        let environment = Environment::new(vec![rates], 1.0, Limits { epsilon: 0.1, s_min: 0.5 }).unwrap();
        for m in [0, 10_000, u32::MAX] {
            assert!(Applicants::new(&environment, m).is_err());
        }
    }

    #[test]
    fn the_two_signed_residuals_are_opposite_and_the_absolute_one_is_not() {
        let batch = [Rates { good: 0.1, bad: 0.1 }, Rates { good: 0.5, bad: 0.0 }];
        let limits = Limits { epsilon: 0.1, s_min: 0.5 };
        let seen = observe(batch, 2.0, limits, 0.5, None);
        assert_abs_diff_eq!(seen.reward, 0.5 * -0.1 + 0.5 * 0.5);
        assert_abs_diff_eq!(seen.residuals[..], [-0.4, 0.2, 0.15][..], epsilon = 1e-15);
        let wrong = observe(batch, 2.0, limits, 0.5, Some(Fault::AbsOfNoisyGap));
        assert_abs_diff_eq!(wrong.residuals[..], [0.2, 0.2, 0.15][..], epsilon = 1e-15);
    }
}
