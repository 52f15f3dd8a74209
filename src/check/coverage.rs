//! Kind `coverage`: the probability that an indicator metric is 1.

use super::{
    decision::{Variable, decide},
    plan::{CheckPlan, Context, Method, metric},
    question::{Question, sides, values},
};
use crate::claim::{CoverageSpec, Statistic};

pub(super) fn plan(spec: &CoverageSpec, context: &Context<'_>) -> Result<CheckPlan, String> {
    let experiment = context.experiment(&spec.experiment)?;
    let metric = metric(experiment, &spec.metric)?;
    let questions = spec
        .arms
        .iter()
        .map(|arm| {
            let variable = Variable {
                label: arm.label.clone(),
                quantity: format!("probability of {}", metric.name),
                unit: "1",
                low: 0.0,
                high: 1.0,
            };
            let (bound, level) = (spec.bound, context.level);
            Question {
                samples: vec![context.sample(&spec.experiment, arm)],
                tests: sides(bound),
                answer: Box::new(move |samples| {
                    let indicators = values(samples[0], metric.name)?;
                    if let Some(other) = indicators.iter().find(|v| **v != 0.0 && **v != 1.0) {
                        return Err(format!("metric `{}` is {other}, neither 0 nor 1", metric.name));
                    }
                    decide(&variable, &indicators, Statistic::Mean, bound, level)
                }),
            }
        })
        .collect();
    Ok(CheckPlan {
        kind: "coverage",
        subject: spec.experiment.clone(),
        method: Method::Questions { questions, looks: context.looks(spec.budget) },
    })
}
