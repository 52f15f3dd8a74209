//! Kind `rate`: the slope of ln(metric) over ln(size), fitted by least squares replicate by
//! replicate; then the location of the slope, as for any other variable.

use super::{
    decision::{Variable, decide},
    plan::{CheckPlan, Context, Method, metric},
    question::{Question, curves, sides},
};
use crate::{claim::RateSpec, stats::slope::log_log_slope};

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
            let (statistic, bound, level) = (spec.statistic, spec.bound, context.level);
            let sizes = spec.sizes.clone();
            Question {
                samples: arms.iter().map(|arm| context.sample(&spec.experiment, arm)).collect(),
                tests: sides(bound),
                answer: Box::new(move |samples| {
                    let slope = |curve: Vec<f64>| {
                        log_log_slope(&sizes, &curve).map_err(|e| format!("metric `{}`: {e}", metric.name))
                    };
                    let slopes: Vec<f64> =
                        curves(samples, metric.name)?.into_iter().map(slope).collect::<Result<_, _>>()?;
                    decide(&variable, &slopes, statistic, bound, level)
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
