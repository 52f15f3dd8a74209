//! Decides where a distribution lies, from replicates, at any stopping time.
//!
//! Mean: the variable is bounded, and the evidence is the capital of a betting e-process.
//! Median: the evidence is the capital of the same process on the indicator that a replicate lies
//! strictly on the required side, held against one half; a tie counts against the requirement.
//! Mean of a normal variable: the evidence is a mixture t-test.
//! Either way a requirement passes when the evidence against its opposite reaches 1/level, and
//! fails when the evidence against itself does (Ville's inequality).

use super::{
    evidence::{EValues, Finding, Outcome},
    question::statistic_wording,
};
use crate::{
    claim::{Bound, Statistic},
    kernel::math::{log10, mean, variance},
    stats::{
        betting::{self, Betting, Range},
        normal::Normal,
        sample::median,
        sign::{self, SignEvidence},
    },
};

/// What is known of a variable beforehand.
pub struct Variable {
    /// Which configuration or pair.
    pub label: String,
    /// What it is.
    pub quantity: String,
    /// Its unit.
    pub unit: &'static str,
    /// Its smallest possible value.
    pub low: f64,
    /// Its largest possible value.
    pub high: f64,
}

/// What replicates say about a location.
pub struct Parts {
    /// Point estimate.
    pub estimate: Option<f64>,
    /// Confidence sequence.
    pub interval: Option<[f64; 2]>,
    /// Standard deviation over replicates.
    pub deviation: Option<f64>,
    /// For the requirement and for its opposite.
    pub log10_e: EValues,
}

/// Decides whether a location lies as required; `level` is that of each test in each direction.
///
/// # Errors
/// A message if a mean is asked of an unbounded variable, or a value lies outside its range, or
/// the values contradict the assumption of normality outright.
pub fn decide(
    variable: &Variable,
    values: &[f64],
    statistic: Statistic,
    bound: Bound,
    level: f64,
) -> Result<Finding, String> {
    let (log10_e, interval, estimate) = match statistic {
        Statistic::Mean => of_mean(variable, values, bound, level)?,
        Statistic::Median => of_median(values, bound, level)?,
        Statistic::NormalMean => of_normal_mean(variable, values, bound, level)?,
    };
    let deviation = (values.len() > 1).then(|| variance(values, 1).sqrt());
    let parts = Parts { estimate: Some(estimate), interval, deviation, log10_e };
    Ok(conclude(variable, statistic_wording(statistic, bound), values.len(), bound, level, &parts))
}

/// The finding that follows from e-values and an interval.
pub fn conclude(
    variable: &Variable,
    requirement: String,
    samples: usize,
    bound: Bound,
    level: f64,
    parts: &Parts,
) -> Finding {
    let threshold = -log10(level);
    let EValues { in_favour, against } = parts.log10_e;
    let outcome = match (in_favour >= threshold, against >= threshold) {
        (true, false) => Outcome::Pass,
        (false, true) => Outcome::Fail,
        _ => Outcome::Undecided,
    };
    Finding {
        label: variable.label.clone(),
        quantity: variable.quantity.clone(),
        unit: variable.unit.to_owned(),
        requirement,
        outcome,
        estimate: parts.estimate,
        interval: parts.interval,
        deviation: parts.deviation,
        log10_e: Some(parts.log10_e),
        samples: samples as u64,
        margin: parts.interval.map(|ends| margin(bound, ends, outcome)),
    }
}

type Location = (EValues, Option<[f64; 2]>, f64);

fn of_mean(variable: &Variable, values: &[f64], bound: Bound, level: f64) -> Result<Location, String> {
    let range = Range::new(variable.low, variable.high).map_err(|e| e.to_string())?;
    let bettors = |null: f64| -> Result<Betting, String> {
        let mut betting = Betting::new(range, null).map_err(|e| e.to_string())?;
        for x in values {
            betting.push(*x).map_err(|e| e.to_string())?;
        }
        Ok(betting)
    };
    let at_most =
        |top: f64| bettors(top).map(|b| EValues { in_favour: b.log10_e_below(), against: b.log10_e_above() });
    let at_least = |bottom: f64| {
        bettors(bottom).map(|b| EValues { in_favour: b.log10_e_above(), against: b.log10_e_below() })
    };
    let (low, high) = betting::confidence_sequence(values, range, level).map_err(|e| e.to_string())?;
    Ok((of_bound(bound, at_most, at_least)?, Some([low, high]), mean(values)))
}

fn of_median(values: &[f64], bound: Bound, level: f64) -> Result<Location, String> {
    let wrapped = |e: SignEvidence| Ok(EValues { in_favour: e.in_favour, against: e.against });
    let evidence = of_bound(
        bound,
        |top| wrapped(sign::below(values, top)),
        |bottom| wrapped(sign::above(values, bottom)),
    )?;
    let interval = sign::confidence_sequence(values, level).map(|(low, high)| [low, high]);
    Ok((evidence, interval, median(values)))
}

fn of_normal_mean(variable: &Variable, values: &[f64], bound: Bound, level: f64) -> Result<Location, String> {
    let normal = Normal::of(values).map_err(|e| format!("{}: {e}", variable.quantity))?;
    let evidence = of_bound(
        bound,
        |top| Ok(EValues { in_favour: normal.log10_e_below(top), against: normal.log10_e_above(top) }),
        |bottom| {
            Ok(EValues { in_favour: normal.log10_e_above(bottom), against: normal.log10_e_below(bottom) })
        },
    )?;
    let interval = normal.confidence_sequence(level).map(|(low, high)| [low, high]);
    Ok((evidence, interval, mean(values)))
}

/// Combines the evidence on the ends of a bound: both must be shown, and one refuted is enough.
pub fn of_bound(
    bound: Bound,
    at_most: impl Fn(f64) -> Result<EValues, String>,
    at_least: impl Fn(f64) -> Result<EValues, String>,
) -> Result<EValues, String> {
    match bound {
        Bound::AtMost(top) => at_most(top),
        Bound::AtLeast(bottom) => at_least(bottom),
        Bound::Within(bottom, top) => {
            let (low, high) = (at_least(bottom)?, at_most(top)?);
            Ok(EValues {
                in_favour: low.in_favour.min(high.in_favour),
                against: low.against.max(high.against),
            })
        }
    }
}

/// Distance from the nearest value that the interval allows to where the decision would turn.
pub fn margin(bound: Bound, [low, high]: [f64; 2], outcome: Outcome) -> f64 {
    let failed = outcome == Outcome::Fail;
    let at_most = |top: f64| top - if failed { low } else { high };
    let at_least = |bottom: f64| (if failed { high } else { low }) - bottom;
    match bound {
        Bound::AtMost(top) => at_most(top),
        Bound::AtLeast(bottom) => at_least(bottom),
        Bound::Within(bottom, top) => at_least(bottom).min(at_most(top)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Outcome::{Fail, Pass, Undecided};

    #[test]
    fn margins_reach_from_the_nearest_allowed_value_to_the_bound() {
        for (bound, ends, outcome, expected) in [
            (Bound::AtMost(2.0), [0.5, 1.25], Pass, 0.75),
            (Bound::AtMost(2.0), [3.5, 4.0], Fail, -1.5),
            (Bound::AtMost(2.0), [1.5, 2.25], Undecided, -0.25),
            (Bound::AtLeast(2.0), [2.75, 4.0], Pass, 0.75),
            (Bound::AtLeast(2.0), [-1.0, 0.5], Fail, -1.5),
            (Bound::AtLeast(2.0), [1.75, 3.0], Undecided, -0.25),
            (Bound::Within(1.0, 4.0), [1.5, 3.75], Pass, 0.25),
            (Bound::Within(1.0, 4.0), [-2.0, -1.0], Fail, -2.0),
            (Bound::Within(1.0, 4.0), [6.0, 7.0], Fail, -2.0),
        ] {
            assert_eq!(margin(bound, ends, outcome), expected, "{bound:?} {ends:?} {outcome:?}");
        }
    }
}
