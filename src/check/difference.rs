//! Kind `difference`: where the mean or the median of a paired difference of two arms lies.
//!
//! Arms of a replicate share their random numbers, so the difference of a replicate is formed
//! before anything is averaged.

use super::{
    decision::{Variable, decide},
    plan::{CheckPlan, Context, Method, metric},
    question::{Question, sides, values},
};
use crate::claim::PairedSpec;

pub(super) fn plan(spec: &PairedSpec, context: &Context<'_>) -> Result<CheckPlan, String> {
    let experiment = context.experiment(&spec.experiment)?;
    let metric = metric(experiment, &spec.metric)?;
    let questions = spec
        .pairs
        .iter()
        .map(|(arm, against)| {
            let variable = Variable {
                label: format!("{} − {}", arm.label, against.label),
                quantity: format!("difference of {}", metric.name),
                unit: metric.unit,
                low: metric.low - metric.high,
                high: metric.high - metric.low,
            };
            let (statistic, bound) = (spec.statistic, spec.bound);
            Question {
                samples: vec![
                    context.sample(&spec.experiment, arm),
                    context.sample(&spec.experiment, against),
                ],
                tests: sides(bound),
                answer: Box::new(move |samples| {
                    let (arm, against) = (values(samples[0], metric.name)?, values(samples[1], metric.name)?);
                    let differences: Vec<f64> = arm.iter().zip(&against).map(|(a, b)| a - b).collect();
                    decide(&variable, &differences, statistic, bound)
                }),
            }
        })
        .collect();
    Ok(CheckPlan {
        kind: "difference",
        subject: spec.experiment.clone(),
        method: Method::Questions { questions, looks: context.looks(spec.budget) },
    })
}
