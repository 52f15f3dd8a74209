//! Questions: the single tests of which a check consists.
//!
//! A question is asked of one or several samples of equal length, and answered by a [`Finding`].
//! Statistical questions are asked again after every block, which anytime-valid tests allow.

use super::evidence::{Finding, Outcome};
use crate::{
    claim::{Bound, Statistic},
    papers::leaf::Measurement,
    run::Sample,
};

/// Replicates of one sample, from the first.
pub type Replicates<'a> = &'a [&'a Measurement];

/// Answers a question from its samples, in the order in which it names them.
pub type Answer = dyn Fn(&[Replicates<'_>]) -> Result<Finding, String>;

/// One test.
pub struct Question {
    /// The samples that it needs.
    pub samples: Vec<Sample>,
    /// Number of statistical tests that it makes: none for exact requirements, two for an
    /// interval.
    pub tests: u64,
    /// How it is answered.
    pub answer: Box<Answer>,
}

/// The value of a metric.
///
/// # Errors
/// A message if it was not measured, or is no finite number.
pub fn value(measurement: &Measurement, metric: &str) -> Result<f64, String> {
    match measurement.get(metric) {
        None => Err(format!("metric `{metric}` was not measured")),
        Some(value) if !value.is_finite() => Err(format!("metric `{metric}` is {value}")),
        Some(value) => Ok(value),
    }
}

/// The values of a metric over replicates.
///
/// # Errors
/// As [`value`].
pub fn values(replicates: Replicates<'_>, metric: &str) -> Result<Vec<f64>, String> {
    replicates.iter().map(|m| value(m, metric)).collect()
}

/// For each replicate the values of a metric over the samples: a curve over sizes, say.
///
/// # Errors
/// As [`value`].
pub fn curves(samples: &[Replicates<'_>], metric: &str) -> Result<Vec<Vec<f64>>, String> {
    let replicates = samples.first().map_or(0, |sample| sample.len());
    (0..replicates).map(|r| samples.iter().map(|sample| value(sample[r], metric)).collect()).collect()
}

/// Number of one-sided tests behind a bound.
#[must_use]
pub const fn sides(bound: Bound) -> u64 {
    match bound {
        Bound::AtMost(_) | Bound::AtLeast(_) => 1,
        Bound::Within(..) => 2,
    }
}

/// How a requirement is worded, such as `median ≤ 0.01`.
#[must_use]
pub fn wording(quantity: &str, bound: Bound) -> String {
    match bound {
        Bound::AtMost(top) => format!("{quantity} ≤ {top:?}"),
        Bound::AtLeast(bottom) => format!("{quantity} ≥ {bottom:?}"),
        Bound::Within(low, high) => format!("{low:?} ≤ {quantity} ≤ {high:?}"),
    }
}

/// A requirement on a location.
#[must_use]
pub fn statistic_wording(statistic: Statistic, bound: Bound) -> String {
    let quantity = match statistic {
        Statistic::Mean => "mean",
        Statistic::Median => "median",
        Statistic::NormalMean => "mean of a normal variable",
    };
    wording(quantity, bound)
}

/// The finding of an exact requirement: no interval, no e-value; the value itself decides.
#[must_use]
pub fn exact(label: String, quantity: &str, unit: &str, bound: Bound, worst: f64, cases: u64) -> Finding {
    let slack = crate::run::slack(bound, worst);
    Finding {
        label,
        quantity: quantity.to_owned(),
        unit: unit.to_owned(),
        requirement: wording("value", bound),
        outcome: if slack >= 0.0 { Outcome::Pass } else { Outcome::Fail },
        estimate: Some(worst),
        interval: None,
        deviation: None,
        log10_e: None,
        samples: cases,
        margin: Some(slack),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_finite_number_is_no_value() {
        for (x, finite) in [(0.0, true), (f64::MAX, true), (f64::NAN, false), (f64::INFINITY, false)] {
            assert_eq!(value(&Measurement::new().metric("x", x), "x").is_ok(), finite, "{x}");
        }
        assert!(value(&Measurement::new().metric("x", 0.0), "y").is_err());
    }
}
