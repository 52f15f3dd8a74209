//! Kind `rate`: the slope of ln(metric) over ln(size), fitted by least squares replicate by
//! replicate; then the location of the slope, as for any other variable.

use super::{
    decision::{Variable, decide},
    plan::{CheckPlan, Context, Method, metric},
    question::{Question, sides, value},
};
use crate::{
    claim::RateSpec,
    kernel::math::{ln, mean, sum},
};

pub(super) fn plan(spec: &RateSpec, context: &Context<'_>) -> Result<CheckPlan, String> {
    let experiment = context.experiment(&spec.experiment)?;
    let metric = metric(experiment, &spec.metric)?;
    let questions = spec
        .arms
        .iter()
        .map(|(label, arms)| {
            let variable = Variable {
                label: label.clone(),
                quantity: format!("log-log slope of {}", metric.name),
                unit: "1",
                low: f64::NEG_INFINITY,
                high: f64::INFINITY,
            };
            let (statistic, bound, sizes) = (spec.statistic, spec.bound, spec.sizes.clone());
            Question {
                samples: arms.iter().map(|arm| context.sample(&spec.experiment, arm)).collect(),
                tests: sides(bound),
                answer: Box::new(move |samples| {
                    let replicates = samples.first().map_or(0, |s| s.len());
                    let slopes = (0..replicates)
                        .map(|r| {
                            let curve: Vec<f64> =
                                samples.iter().map(|s| value(s[r], metric.name)).collect::<Result<_, _>>()?;
                            log_log_slope(&sizes, &curve).ok_or_else(|| {
                                format!(
                                    "metric `{}` is not positive: a log-log slope needs that",
                                    metric.name
                                )
                            })
                        })
                        .collect::<Result<Vec<f64>, String>>()?;
                    decide(&variable, &slopes, statistic, bound)
                }),
            }
        })
        .collect();
    Ok(CheckPlan {
        kind: "rate",
        subject: spec.experiment.clone(),
        method: Method::Questions { questions, looks: context.looks(spec.budget) },
    })
}

/// Least-squares slope of ln y over ln x; `None` unless all values are positive.
fn log_log_slope(x: &[f64], y: &[f64]) -> Option<f64> {
    if x.iter().chain(y).any(|v| *v <= 0.0) {
        return None;
    }
    let log_x: Vec<f64> = x.iter().map(|v| ln(*v)).collect();
    let centre = mean(&log_x);
    let numerator = sum(log_x.iter().zip(y).map(|(u, v)| (u - centre) * ln(*v)));
    let denominator = sum(log_x.iter().map(|u| (u - centre) * (u - centre)));
    Some(numerator / denominator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_laws_have_their_exponent_as_slope() {
        let x = [10.0, 100.0, 1000.0];
        assert!((log_log_slope(&x, &[3.0, 30.0, 300.0]).unwrap() - 1.0).abs() < 1e-14);
        assert!((log_log_slope(&x, &[2.0, 2.0, 2.0]).unwrap()).abs() < 1e-14);
        assert_eq!(log_log_slope(&x, &[1.0, 0.0, 1.0]), None);
    }
}
