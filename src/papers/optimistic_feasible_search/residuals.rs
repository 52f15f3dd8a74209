//! What the learner may be fed: the noisy gap itself is unbiased, its absolute value is not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    applicants::{Applicants, observe},
    environment::{Environment, Limits, Rates, residuals},
};
use crate::{
    kernel::{stream::Streams, tokens::binomial_expectation},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the draws.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Acceptance rate of group 0.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub acc_0: f64,
    /// Acceptance rate of group 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub acc_1: f64,
    /// Individuals m of each group in a batch.
    #[schemars(range(min = 1, max = 4_000))]
    pub m: u32,
    /// Batches to average over.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub draws: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { acc_0: 0.5, acc_1: 0.5, m: 20, draws: 4_000 }
    }
}

/// Limits do not matter: they shift a residual and its expectation alike.
const LIMITS: Limits = Limits { epsilon: 0.0, s_min: 0.0 };

fn groups(acc_0: f64, acc_1: f64) -> [Rates; 2] {
    [acc_0, acc_1].map(|good| Rates { good, bad: 0.0 })
}

/// Biases of the two residuals of demographic parity, by enumeration of both binomial counts:
/// E g_j − G_j for batches of m individuals with acceptance rates acc_0 and acc_1.
#[must_use]
pub fn biases(acc_0: f64, acc_1: f64, m: u32, fault: Option<Fault>) -> [f64; 2] {
    let n = m as usize;
    let share = |count: usize| count as f64 / f64::from(m);
    let truth = residuals(groups(acc_0, acc_1), LIMITS, 0.5);
    [0, 1].map(|j| {
        let seen =
            |x: usize, y: usize| observe(groups(share(x), share(y)), 0.0, LIMITS, 0.5, fault).residuals[j];
        binomial_expectation(n, acc_0, |x| binomial_expectation(n, acc_1, |y| seen(x, y))) - truth[j]
    })
}

/// The experiment: residuals averaged over many batches, less the truth.
pub struct Draws {
    settings: Settings,
    applicants: Applicants,
}

impl Measure for Draws {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "residual-draws";
    const SUMMARY: &'static str = "Averages the noisy residuals of demographic parity over many batches.";
    const METRICS: &'static [Metric] = &[
        Metric::new("bias-upper", "Average of g_1 over the batches, less G_1 = gap − ε.")
            .unit("residual")
            .range(-2.0, 2.0),
        Metric::new("bias-lower", "Average of g_2 over the batches, less G_2 = −gap − ε.")
            .unit("residual")
            .range(-2.0, 2.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::AbsOfNoisyGap];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if settings.draws == 0 {
            return Err(Failure::invalid("draws must be at least 1"));
        }
        let arm = groups(settings.acc_0, settings.acc_1);
        let environment = Environment::new(vec![arm], 0.0, LIMITS)?;
        Ok(Self { applicants: Applicants::new(&environment, settings.m)?, settings })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { acc_0, acc_1, draws, .. } = self.settings;
        let truth = residuals(groups(acc_0, acc_1), LIMITS, 0.5);
        let mut stream = streams.stream("applicants");
        let mut sums = [0.0; 2];
        for _ in 0..draws {
            let seen = observe(self.applicants.draw(0, &mut stream), 0.0, LIMITS, 0.5, fault);
            for (sum, g) in sums.iter_mut().zip(seen.residuals) {
                *sum += g;
            }
        }
        let bias = |j: usize| sums[j] / f64::from(draws) - truth[j];
        Ok(Measurement::new().metric("bias-upper", bias(0)).metric("bias-lower", bias(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn the_absolute_gap_of_equal_groups_is_biased_by_an_eighth_at_twenty_individuals() {
        // For equal groups at 1/2, m·d + m ~ Bin(2m, 1/2), so E abs(d) = C(2m, m)/4^m = 0.12537…
        let bias = biases(0.5, 0.5, 20, Some(Fault::AbsOfNoisyGap));
        assert_abs_diff_eq!(bias[0], 0.1253, epsilon = 1e-4);
        let exact = (1..=20).fold(1.0, |product, i| product * (20.0 + f64::from(i)) / (4.0 * f64::from(i)));
        assert_abs_diff_eq!(bias[..], [exact, exact][..], epsilon = 1e-14);
        assert_abs_diff_eq!(biases(0.5, 0.5, 20, None)[..], [0.0, 0.0][..], epsilon = 1e-15);
    }
}
