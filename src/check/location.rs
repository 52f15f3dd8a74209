//! Kind `location`: where the mean or the median of a metric lies over replicates.

use super::{
    decision::{Variable, decide},
    plan::{CheckPlan, Context, Method, metric},
    question::{Question, sides, values},
};
use crate::claim::{Arm, LocationSpec};

pub(super) fn plan(spec: &LocationSpec, context: &Context<'_>) -> Result<CheckPlan, String> {
    Ok(CheckPlan {
        kind: "location",
        subject: spec.experiment.clone(),
        method: Method::Questions { questions: questions(spec, context)?, looks: context.looks(spec.budget) },
    })
}

/// One question an arm.
pub(super) fn questions(spec: &LocationSpec, context: &Context<'_>) -> Result<Vec<Question>, String> {
    let experiment = context.experiment(&spec.experiment)?;
    let metric = metric(experiment, &spec.metric)?;
    let question = |arm: &Arm| {
        let variable = Variable {
            label: arm.label.clone(),
            quantity: metric.name.to_owned(),
            unit: metric.unit,
            low: metric.low,
            high: metric.high,
        };
        let (statistic, bound, level) = (spec.statistic, spec.bound, context.level);
        Question {
            samples: vec![context.sample(&spec.experiment, arm)],
            tests: sides(bound),
            answer: Box::new(move |samples| {
                decide(&variable, &values(samples[0], metric.name)?, statistic, bound, level)
            }),
        }
    };
    Ok(spec.arms.iter().map(question).collect())
}
