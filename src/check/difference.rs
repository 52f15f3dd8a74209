//! Kind `difference`: where the mean or the median of a paired difference of two arms lies.
//!
//! Arms of a replicate share their random numbers, so the difference of a replicate is formed
//! before anything is averaged.

use super::{
    decision::{Variable, decide},
    paired,
    plan::{CheckPlan, Context},
};
use crate::claim::PairedSpec;

pub(super) fn plan(spec: &PairedSpec, context: &Context<'_>) -> Result<CheckPlan, String> {
    let (statistic, bound, level) = (spec.statistic, spec.bound, context.level);
    paired::plan("difference", spec, context, |metric, arm, against| {
        let variable = Variable {
            label: format!("{} − {}", arm.label, against.label),
            quantity: format!("difference of {}", metric.name),
            unit: metric.unit,
            low: metric.low - metric.high,
            high: metric.high - metric.low,
        };
        Ok(Box::new(move |arm, against| {
            let differences: Vec<f64> = arm.iter().zip(against).map(|(a, b)| a - b).collect();
            decide(&variable, &differences, statistic, bound, level)
        }))
    })
}
