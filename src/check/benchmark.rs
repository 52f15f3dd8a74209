//! Kind `benchmark`: a ratio of two mean times, or the log-log slope of one over sizes, which
//! criterion measured side by side in one run.
//!
//! Nothing is timed here. The interval combines the ends of criterion's bootstrap intervals in the
//! worst way; the outcome is a pass if the bound holds on all of it and a fail if it holds nowhere
//! on it. It is not part of the error bound of the run: a bootstrap interval has the confidence
//! that criterion states, at one look. Without times the outcome is undecided.
//!
//! Under a fault, the benchmark function `f` is `f+fault`: a benchmark has its control measured
//! beside it. An absolute time never becomes evidence.

use super::{
    decision::margin,
    evidence::{Finding, Outcome},
    plan::{CheckPlan, Context, Method},
    question::wording,
    times::Estimate,
};
use crate::{
    claim::{BenchmarkMeasure, BenchmarkSpec, Bound},
    kernel::math::{ln, sum},
    run::slack,
    stats::slope::log_log_weights,
};

/// A measured quantity: estimate, and an interval around it.
struct Measured {
    estimate: f64,
    interval: [f64; 2],
    confidence: f64,
    benchmarks: u64,
}

pub(super) fn plan(spec: &BenchmarkSpec, context: &Context<'_>) -> CheckPlan {
    CheckPlan {
        kind: "benchmark",
        subject: spec.group.clone(),
        method: Method::Times { timed: spec.clone(), finding: finding(spec, context) },
    }
}

fn finding(spec: &BenchmarkSpec, context: &Context<'_>) -> Finding {
    let (label, quantity) = match &spec.measure {
        BenchmarkMeasure::Ratio { function, against } => {
            (format!("{function} ÷ {against}"), "ratio of mean times")
        }
        BenchmarkMeasure::Slope { function, .. } => (function.clone(), "log-log slope of mean time"),
    };
    let measured = measure(spec, context);
    let outcome = measured.as_ref().map_or(Outcome::Undecided, |m| outcome(spec.bound, m.interval));
    let confidence = measured.as_ref().map(|m| format!(", {:?} % intervals", 100.0 * m.confidence));
    Finding {
        label,
        quantity: quantity.to_owned(),
        unit: "1".to_owned(),
        requirement: wording("value", spec.bound) + &confidence.unwrap_or_default(),
        outcome,
        estimate: measured.as_ref().map(|m| m.estimate),
        interval: measured.as_ref().map(|m| m.interval),
        deviation: None,
        log10_e: None,
        samples: measured.as_ref().map_or(0, |m| m.benchmarks),
        margin: measured.as_ref().map(|m| margin(spec.bound, m.interval, outcome)),
    }
}

/// What the times say; `None` if one of them was not measured.
fn measure(spec: &BenchmarkSpec, context: &Context<'_>) -> Option<Measured> {
    let time = |benchmark: &str| context.times?.of(&spec.group, benchmark);
    let faulty =
        |function: &str| context.fault.map_or_else(|| function.into(), |f| format!("{function}+{f}"));
    match &spec.measure {
        BenchmarkMeasure::Ratio { function, against } => {
            let (name, parameter) = function.split_once('/').unwrap_or((function, ""));
            let slash = if parameter.is_empty() { "" } else { "/" };
            let over = time(&format!("{}{slash}{parameter}", faulty(name)))?;
            let under = time(against)?;
            Some(Measured {
                estimate: over.mean / under.mean,
                interval: [over.low / under.high, over.high / under.low],
                confidence: over.confidence.min(under.confidence),
                benchmarks: 2,
            })
        }
        BenchmarkMeasure::Slope { function, sizes } => {
            let times: Vec<Estimate> = sizes
                .iter()
                .map(|size| time(&format!("{}/{size}", faulty(function))))
                .collect::<Option<_>>()?;
            slope(sizes, &times)
        }
    }
}

/// The slope is a weighted sum of logarithms, so its ends come from the ends of the intervals.
fn slope(sizes: &[f64], times: &[Estimate]) -> Option<Measured> {
    let weights = log_log_weights(sizes).ok()?;
    let combined = |pick: &dyn Fn(f64, &Estimate) -> f64| {
        sum(weights.iter().zip(times).map(|(w, time)| w * ln(pick(*w, time))))
    };
    let low = combined(&|w, time| if w > 0.0 { time.low } else { time.high });
    let high = combined(&|w, time| if w > 0.0 { time.high } else { time.low });
    let confidence = times.iter().map(|t| t.confidence).fold(1.0, f64::min);
    let estimate = combined(&|_, time| time.mean);
    Some(Measured { estimate, interval: [low, high], confidence, benchmarks: times.len() as u64 })
}

fn outcome(bound: Bound, [low, high]: [f64; 2]) -> Outcome {
    let (at_low, at_high) = (slack(bound, low), slack(bound, high));
    let beyond = match bound {
        Bound::AtMost(top) => low > top,
        Bound::AtLeast(bottom) => high < bottom,
        Bound::Within(bottom, top) => low > top || high < bottom,
    };
    match (at_low >= 0.0 && at_high >= 0.0, beyond) {
        (true, _) => Outcome::Pass,
        (_, true) => Outcome::Fail,
        _ => Outcome::Undecided,
    }
}
