//! Kind `location`: where the mean or the median of a metric lies over replicates.

use super::{
    decision::{Variable, decide},
    plan::{CheckPlan, Context, Method, metric},
    question::{Question, sides, values},
};
use crate::claim::LocationSpec;

pub(super) fn plan(spec: &LocationSpec, context: &Context<'_>) -> Result<CheckPlan, String> {
    let experiment = context.experiment(&spec.experiment)?;
    let metric = metric(experiment, &spec.metric)?;
    let questions = spec
        .arms
        .iter()
        .map(|arm| {
            let variable = Variable {
                label: arm.label.clone(),
                quantity: metric.name.to_owned(),
                unit: metric.unit,
                low: metric.low,
                high: metric.high,
            };
            let (statistic, bound) = (spec.statistic, spec.bound);
            Question {
                samples: vec![context.sample(&spec.experiment, arm)],
                tests: sides(bound),
                answer: Box::new(move |samples| {
                    decide(&variable, &values(samples[0], metric.name)?, statistic, bound)
                }),
            }
        })
        .collect();
    Ok(CheckPlan {
        kind: "location",
        subject: spec.experiment.clone(),
        method: Method::Questions { questions, looks: context.looks(spec.budget) },
    })
}
