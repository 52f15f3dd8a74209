//! What the kinds that compare two arms share: one question a pair, asked of the values of both
//! arms, which share their random numbers replicate by replicate.

use super::{
    evidence::Finding,
    plan::{CheckPlan, Context, Method, metric},
    question::{Question, sides, values},
};
use crate::{
    claim::{Arm, PairedSpec},
    papers::leaf::Metric,
};

/// Answers from the values of the arm and of the arm that it is compared with.
pub(super) type PairAnswer = Box<dyn Fn(&[f64], &[f64]) -> Result<Finding, String>>;

/// Plans a paired check: `ask` prepares the answer for a pair.
pub(super) fn plan(
    kind: &'static str,
    spec: &PairedSpec,
    context: &Context<'_>,
    ask: impl Fn(&'static Metric, &Arm, &Arm) -> Result<PairAnswer, String>,
) -> Result<CheckPlan, String> {
    let experiment = context.experiment(&spec.experiment)?;
    let metric = metric(experiment, &spec.metric)?;
    let question = |(arm, against): &(Arm, Arm)| {
        let answer = ask(metric, arm, against)?;
        Ok(Question {
            samples: vec![context.sample(&spec.experiment, arm), context.sample(&spec.experiment, against)],
            tests: sides(spec.bound),
            answer: Box::new(move |samples| {
                answer(&values(samples[0], metric.name)?, &values(samples[1], metric.name)?)
            }),
        })
    };
    Ok(CheckPlan {
        kind,
        subject: spec.experiment.clone(),
        method: Method::Questions {
            questions: spec.pairs.iter().map(question).collect::<Result<_, String>>()?,
            looks: context.looks(spec.budget),
        },
    })
}
