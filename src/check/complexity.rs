//! Kind `complexity`: an operation count, or its log-log slope over sizes, lies as bounded in
//! every replicate. Counts are exact, so nothing is tested statistically.

use super::{
    plan::{CheckPlan, Context, Method, metric},
    question::{Question, curves, exact, values},
};
use crate::{claim::ComplexitySpec, run::slack, stats::slope::log_log_slope};

pub(super) fn plan(spec: &ComplexitySpec, context: &Context<'_>) -> Result<CheckPlan, String> {
    let experiment = context.experiment(&spec.experiment)?;
    let metric = metric(experiment, &spec.metric)?;
    let sloped = spec.sizes.len() > 1;
    let quantity = if sloped { format!("log-log slope of {}", metric.name) } else { metric.name.to_owned() };
    let unit = if sloped { "1" } else { metric.unit };
    let questions = spec
        .arms
        .iter()
        .map(|(label, arms)| {
            let (label, quantity, bound, sizes) =
                (label.clone(), quantity.clone(), spec.bound, spec.sizes.clone());
            Question {
                samples: arms.iter().map(|arm| context.sample(&spec.experiment, arm)).collect(),
                tests: 0,
                answer: Box::new(move |samples| {
                    let measured = if sloped {
                        let slope = |curve: Vec<f64>| {
                            log_log_slope(&sizes, &curve)
                                .map_err(|e| format!("metric `{}`: {e}", metric.name))
                        };
                        curves(samples, metric.name)?.into_iter().map(slope).collect::<Result<_, _>>()?
                    } else {
                        values(samples[0], metric.name)?
                    };
                    let worst = measured
                        .iter()
                        .copied()
                        .min_by(|a, b| slack(bound, *a).total_cmp(&slack(bound, *b)))
                        .ok_or("nothing was counted")?;
                    Ok(exact(label.clone(), &quantity, unit, bound, worst, measured.len() as u64))
                }),
            }
        })
        .collect();
    let replicates = if experiment.stochastic { spec.budget.of(context.tier).max(1) } else { 1 };
    Ok(CheckPlan {
        kind: "complexity",
        subject: spec.experiment.clone(),
        // A single look: the bound holds in every replicate, so all of them are counted.
        method: Method::Questions { questions, looks: vec![replicates] },
    })
}
