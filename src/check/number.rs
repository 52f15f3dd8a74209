//! Kind `number`: requirements on an experiment without randomness; one replicate says all.

use super::{
    plan::{CheckPlan, Context, Method, metric},
    question::{Question, exact, values},
};
use crate::claim::NumberSpec;

pub(super) fn plan(spec: &NumberSpec, context: &Context<'_>) -> Result<CheckPlan, String> {
    let experiment = context.experiment(&spec.experiment)?;
    let mut questions = Vec::new();
    for arm in &spec.arms {
        for requirement in &spec.require {
            let metric = metric(experiment, &requirement.metric)?;
            let (label, bound) = (arm.label.clone(), requirement.bound);
            questions.push(Question {
                samples: vec![context.sample(&spec.experiment, arm)],
                tests: 0,
                answer: Box::new(move |samples| {
                    let value = values(samples[0], metric.name)?[0];
                    Ok(exact(label.clone(), metric.name, metric.unit, bound, value, 1))
                }),
            });
        }
    }
    Ok(CheckPlan {
        kind: "number",
        subject: spec.experiment.clone(),
        method: Method::Questions { questions, looks: vec![1] },
    })
}
