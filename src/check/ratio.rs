//! Kind `ratio`: how large a metric is in one arm relative to another.
//!
//! Statistic `mean`: the ratio of the means, E\[X\] / E\[Y\], of a bounded metric that is not
//! negative; E\[X\] ≤ c E\[Y\] is tested as E\[X − cY\] ≤ 0, with X − cY formed replicate by
//! replicate. Statistic `median`: the median of X / Y, where Y is positive in every replicate.

use super::{
    decision::{Parts, Variable, conclude, decide, of_bound},
    evidence::{EValues, Finding},
    paired,
    plan::{CheckPlan, Context},
    question::wording,
};
use crate::{
    claim::{Bound, PairedSpec, Statistic},
    kernel::math::mean,
    stats::{betting::Range, ratio},
};

pub(super) fn plan(spec: &PairedSpec, context: &Context<'_>) -> Result<CheckPlan, String> {
    let (statistic, bound, level) = (spec.statistic, spec.bound, context.level);
    paired::plan("ratio", spec, context, |metric, arm, against| {
        if metric.low < 0.0 {
            return Err(format!("metric `{}` can be negative: it has no ratio", metric.name));
        }
        let variable = Variable {
            label: format!("{} ÷ {}", arm.label, against.label),
            quantity: format!("ratio of {}", metric.name),
            unit: "1",
            low: 0.0,
            high: f64::INFINITY,
        };
        let range = (metric.low, metric.high);
        match statistic {
            Statistic::Mean => {
                let range = Range::new(range.0, range.1).map_err(|e| e.to_string())?;
                Ok(Box::new(move |x, y| of_means(&variable, x, y, range, bound, level)))
            }
            Statistic::Median => Ok(Box::new(move |x, y| {
                if y.iter().any(|y| *y <= 0.0) {
                    return Err(format!("{} is divided by 0", variable.quantity));
                }
                let ratios: Vec<f64> = x.iter().zip(y).map(|(x, y)| x / y).collect();
                decide(&variable, &ratios, statistic, bound, level)
            })),
            Statistic::NormalMean => Err("a ratio is not normally distributed".into()),
        }
    })
}

fn of_means(
    variable: &Variable,
    x: &[f64],
    y: &[f64],
    range: Range,
    bound: Bound,
    level: f64,
) -> Result<Finding, String> {
    let e_values = |c: f64| ratio::log10_e(x, y, range, c).map_err(|e| e.to_string());
    let log10_e = of_bound(
        bound,
        |top| e_values(top).map(|e| EValues { in_favour: e.below, against: e.above }),
        |bottom| e_values(bottom).map(|e| EValues { in_favour: e.above, against: e.below }),
    )?;
    let (low, high) = ratio::confidence_sequence(x, y, range, level).map_err(|e| e.to_string())?;
    let denominator = mean(y);
    let parts = Parts {
        estimate: (denominator > 0.0).then(|| mean(x) / denominator),
        // Without an upper end there is no interval to report.
        interval: high.is_finite().then_some([low, high]),
        deviation: None,
        log10_e,
    };
    Ok(conclude(variable, wording("ratio of means", bound), x.len(), bound, level, &parts))
}
